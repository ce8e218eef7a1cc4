"""Registries of container images: what they say about the image behind a digest or a tag.

Endpoints, media types and error codes: OCI distribution and image specifications, and the token scheme of Docker's registry
("Token Authentication Specification"); all from memory (not re-read). Annotations are what the builder of an image wrote.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Final

from bot.evidence.forge.descriptor import Descriptor
from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, kept, unknown
from bot.evidence.kind import Evidence, Kind, patterns
from bot.model.evidence import Seen

HEADERS: Final = (
    (
        "Accept",
        "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, "
        "application/json",
    ),
)
DIGEST: Final = "docker-content-digest"
CHALLENGE: Final = "www-authenticate"
_CHALLENGE_CHARS_MAX: Final = 2048
_BEARER: Final = re.compile(r"(?:^|,)\s*Bearer\s+(.*)", re.IGNORECASE)
_PARAMETER: Final = re.compile(r'([A-Za-z]+)="([^"\\]*)"')
_NAME: Final = r"(?P<repo>[a-z0-9]+(?:(?:\.|_{1,2}|-{1,8})[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-{1,8})[a-z0-9]+)*){0,8})"
_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_SHA256: Final = r"sha256:[0-9a-f]{64}"
_ANNOTATION: Final = "org.opencontainers.image."


def _inquire(evidence: Evidence) -> Inquiry:
    return _image(evidence) if evidence.name else _repository(evidence)


def _repository(evidence: Evidence) -> Inquiry:
    """A repository without a tag is whatever it will be tomorrow."""
    asked = _Asked(evidence)
    if not (yield from asked.is_visible()):
        raise unknown("not_visible")
    return Found(seen=Seen.SUSPICIOUS, reason="no_version", facts=kept(("package", evidence.repo)))


def _image(evidence: Evidence) -> Inquiry:
    asked = _Asked(evidence)
    reply = yield from asked.about(f"manifests/{evidence.name}")
    if reply.missing:
        if not (yield from asked.is_visible()):
            # Private, renamed or deleted: they look alike.
            raise unknown("not_visible")
        return Found(seen=Seen.DEAD, reason="no_such_version", facts=kept(("package", evidence.repo)))
    doc = reply.doc
    if doc.count("schemaVersion") != "2":
        raise Strange("no manifest")
    # A manifest is named by the hash of what it says: the registry's word alone would be less than that.
    digest = f"sha256:{reply.sha256}"
    if reply.header(DIGEST) != digest:
        raise Strange("a manifest that is not what its digest says")
    pinned = evidence.name.startswith("sha256:")
    if pinned and evidence.name != digest:
        raise Strange("another manifest than the one asked for")
    written = doc.at("annotations").value
    table = written if isinstance(written, Mapping) else {}
    said = Doc({name.removeprefix(_ANNOTATION): value for name, value in table.items()})
    version = said.text("version") if pinned else evidence.name
    facts = kept(
        ("title", f"{evidence.repo} {version}".strip()),
        ("package", evidence.repo),
        ("version", version),
        ("author", said.text("authors")),
        # Not when it was published: builds that can be repeated say 1970.
        ("built_at", said.when("created")),
        ("digest", digest),
        ("source", said.text("source")),
    )
    seen, reason = (Seen.VERIFIED, "published") if pinned else (Seen.SUSPICIOUS, "mutable_ref")
    return Found(seen=seen, reason=reason, facts=facts)


class _Asked:
    """Questions about one repository. The first that meets a challenge fetches the token that all of them are asked with."""

    def __init__(self, evidence: Evidence) -> None:
        self._repo = evidence.repo
        self._token = ""

    def about(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> Generator[Ask, Reply, Reply]:
        """A document below the repository, or a refusal. Ends the inquiry where the repository is not public."""
        ask = Ask(f"/v2/{self._repo}/{path}", query, wants=(DIGEST, CHALLENGE), bearer=self._token)
        reply = yield ask
        if reply.status == 401 and not self._token:
            self._token = yield from self._anonymous(reply.header(CHALLENGE))
            reply = yield Ask(ask.path, query, wants=ask.wants, bearer=self._token)
        if reply.status == 401:
            raise unknown("not_visible")
        return reply

    def is_visible(self) -> Generator[Ask, Reply, bool]:
        """Whether the registry knows the repository. One without any tag may be reported as none: then it is not known."""
        reply = yield from self.about("tags/list", (("n", "1"),))
        return not reply.missing and reply.doc.need("name") == self._repo

    def _anonymous(self, challenge: str) -> Generator[Ask, Reply, str]:
        """A token for reading, as a challenge says where: `Bearer realm="https://…/token",service="…"`."""
        bearer = _BEARER.search(challenge[:_CHALLENGE_CHARS_MAX])
        # Of two challenges in one header the first is meant: turned round, so that it is written last.
        pairs = reversed(_PARAMETER.findall(bearer[1])) if bearer is not None else ()
        named = {name.lower(): value for name, value in pairs}
        if not named.get("realm"):
            raise unknown("login")
        service = (("service", named["service"]),) if named.get("service") else ()
        # The bot chooses the scope: the least there is.
        reply = yield Ask(realm=named["realm"], query=(*service, ("scope", f"repository:{self._repo}:pull")))
        found = reply.doc.at("token").value or reply.doc.at("access_token").value
        if not isinstance(found, str):
            raise Strange("no `token`")
        return found


IMAGE = Kind(
    code="oci_image",
    label="container image",
    key="oci:{site}{repo}@{name}",
    url="{host}/v2/{repo}/manifests/{name}",
    bare_key="oci:{site}{repo}",
    bare_url="{host}/r/{repo}",
    paths=patterns(
        rf"/v2/{_NAME}/manifests/(?P<name>{_SHA256}|{_TAG})",
        rf"/{_NAME}(?::{_TAG})?@(?P<name>{_SHA256})",
        rf"/{_NAME}:(?P<name>{_TAG})",
        rf"/r/{_NAME}/tags",
        rf"/r/{_NAME}",
    ),
)
FORGE = Descriptor(name="oci", is_registry=True, inquiries={IMAGE: _inquire}, headers=HEADERS)
