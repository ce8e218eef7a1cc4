"""Registries that speak as npm's does: what they say about a version of a package.

Endpoints and fields: the npm registry's public API, from memory (not re-read). `_npmUser` is who published a version; what else
a version says, its source repository too, its author wrote himself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from bot.evidence.forge.descriptor import Descriptor
from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Strange, kept, unknown
from bot.evidence.kind import VERSION, Evidence, Kind, patterns
from bot.model.evidence import Seen

_NAME: Final = r"(?P<repo>(?:(?:@|%40)[a-z0-9~-][a-z0-9._~-]*(?:/|%2[fF]))?[A-Za-z0-9~_-][A-Za-z0-9._~-]*)"


def _inquire(evidence: Evidence) -> Inquiry:
    return _version(evidence) if evidence.name else _package(evidence)


def _package(evidence: Evidence) -> Inquiry:
    """A package without a version is whatever it will be tomorrow."""
    reply = yield Ask(_path(evidence), whole=False)
    if reply.missing:
        raise unknown("not_visible")
    latest = "" if reply.document is None else _of_package(evidence, reply.doc).at("dist-tags").text("latest")
    facts = kept(("package", evidence.repo), ("latest", latest))
    return Found(seen=Seen.SUSPICIOUS, reason="no_version", facts=facts)


def _version(evidence: Evidence) -> Inquiry:
    reply = yield Ask(f"{_path(evidence)}/{quote(evidence.name, safe='')}")
    # All versions of a package come with it, and for some that is more than the client reads: then only its existence is known.
    package = yield Ask(_path(evidence), whole=False)
    if package.missing:
        # Private, renamed or deleted: they look alike.
        raise unknown("not_visible")
    around = Doc(None) if package.document is None else _of_package(evidence, package.doc)
    if reply.missing:
        if evidence.name in _table(around.at("versions")):
            raise Strange("a version that is there and is not")
        return Found(seen=Seen.DEAD, reason="no_such_version", facts=kept(("package", evidence.repo)))
    doc = _of_package(evidence, reply.doc)
    if doc.need("version") != evidence.name:
        raise Strange("another version than the one asked for")
    digest = doc.text("dist.integrity") or doc.text("dist.shasum")
    if not digest:
        raise Strange("a version without a digest")
    deprecated = doc.at("deprecated").value not in (None, False, "")
    facts = kept(
        ("title", f"{evidence.repo} {evidence.name}"),
        ("package", evidence.repo),
        ("version", evidence.name),
        ("author", doc.text("_npmUser.name")),
        ("published_at", Doc(_table(around.at("time")).get(evidence.name)).when("")),
        ("digest", digest),
        ("source", _source(doc)),
        ("deprecated", (doc.text("deprecated") or "yes") if deprecated else ""),
    )
    seen, reason = (Seen.SUSPICIOUS, "deprecated") if deprecated else (Seen.VERIFIED, "published")
    return Found(seen=seen, reason=reason, facts=facts)


def _path(evidence: Evidence) -> str:
    """A scoped name is one segment: `/@hop%2Fwl`."""
    return f"/{quote(evidence.repo, safe='@')}"


def _of_package(evidence: Evidence, doc: Doc) -> Doc:
    if doc.need("name") != evidence.repo:
        raise Strange("another package than the one asked for")
    return doc


def _table(doc: Doc) -> Mapping[str, object]:
    """A table whose keys are versions: their dots are no steps of a path."""
    return doc.value if isinstance(doc.value, Mapping) else {}


def _source(doc: Doc) -> str:
    """`git+https://git.example.org/hop/wl.git` is how npm writes a repository, for a person it is the part in the middle."""
    written = doc.text("repository.url") or doc.text("repository")
    return re.sub(r"\.git$", "", written.removeprefix("git+"))


def _unescaped(repo: str, name: str) -> tuple[str, str]:
    """A scoped name, `@hop/wl`, as people write it."""
    return re.sub("%2f", "/", repo.replace("%40", "@"), flags=re.IGNORECASE), name


PACKAGE = Kind(
    code="npm_package",
    label="npm package",
    key="npm:{site}{repo}@{name}",
    url="{host}/package/{repo}/v/{name}",
    bare_key="npm:{site}{repo}",
    bare_url="{host}/package/{repo}",
    paths=patterns(rf"/package/{_NAME}(?:/v/{VERSION})?", rf"/{_NAME}/{VERSION}"),
    fold=_unescaped,
)
FORGE = Descriptor(name="npm", is_registry=True, inquiries={PACKAGE: _inquire})
