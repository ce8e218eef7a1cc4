"""Registries that speak as PyPI does: what they say about a release of a project.

Endpoints and fields: the JSON API of Warehouse, the software behind PyPI, from memory (not re-read). `author` and
`project_urls` are what the uploader wrote into the package.
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

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_VERSION: Final = re.compile(r"[0-9][0-9a-z.+!_-]{0,127}")
_NAME: Final = r"(?P<repo>[A-Za-z0-9][A-Za-z0-9._-]*)"
_SOURCES: Final = ("source", "sourcecode", "repository", "github")
"""Labels of a project's URLs that mean its source (Python packaging: well-known project URLs)."""


def _inquire(evidence: Evidence) -> Inquiry:
    return _release(evidence) if evidence.name else _project(evidence)


def _project(evidence: Evidence) -> Inquiry:
    """A project without a version is whatever it will be tomorrow."""
    reply = yield Ask(f"/pypi/{evidence.repo}/json", whole=False)
    if reply.missing:
        raise unknown("not_visible")
    latest = "" if reply.document is None else _of_project(evidence, reply.doc).text("info.version")
    facts = kept(("package", evidence.repo), ("latest", latest))
    return Found(seen=Seen.SUSPICIOUS, reason="no_version", facts=facts)


def _release(evidence: Evidence) -> Inquiry:
    reply = yield Ask(f"/pypi/{evidence.repo}/{quote(evidence.name, safe='')}/json")
    if reply.missing:
        project = yield Ask(f"/pypi/{evidence.repo}/json", whole=False)
        if project.missing:
            # Private, renamed or deleted: they look alike.
            raise unknown("not_visible")
        if project.document is not None and evidence.name in _releases(_of_project(evidence, project.doc)):
            raise Strange("a release that is there and is not")
        return Found(seen=Seen.DEAD, reason="no_such_version", facts=kept(("package", evidence.repo)))
    doc = _of_project(evidence, reply.doc)
    version = doc.need("info.version").lower()
    if not _VERSION.fullmatch(version) or _shortest(version) != _shortest(evidence.name):
        raise Strange("another version than the one asked for")
    files = doc.items("urls")
    live = tuple(file for file in files if not file.truth("yanked"))
    if not files:
        seen, reason = Seen.SUSPICIOUS, "no_files"
    elif not live:
        seen, reason = Seen.SUSPICIOUS, "yanked"
    else:
        seen, reason = Seen.VERIFIED, "published"
    # One for the whole release: its source distribution's, if it has one.
    first = min(live, key=lambda file: (file.text("packagetype") != "sdist", file.text("filename")), default=Doc(None))
    if live and not _SHA256.fullmatch(first.text("digests.sha256")):
        raise Strange("a file without a digest")
    facts = kept(
        ("title", f"{evidence.repo} {version}"),
        ("package", evidence.repo),
        ("version", version),
        ("author", doc.text("info.author") or doc.text("info.maintainer")),
        ("published_at", min(filter(None, (file.when("upload_time_iso_8601") for file in files)), default="")),
        ("files", str(len(files))),
        ("file", first.text("filename")),
        ("digest", f"sha256:{first.text('digests.sha256')}" if live else ""),
        ("source", _source(doc)),
        ("yanked", "" if live else doc.text("info.yanked_reason")),
    )
    return Found(seen=seen, reason=reason, facts=facts, name=version)


def _of_project(evidence: Evidence, doc: Doc) -> Doc:
    if _normalized(doc.need("info.name"), "")[0] != evidence.repo:
        raise Strange("another project than the one asked for")
    return doc


def _releases(doc: Doc) -> frozenset[str]:
    found = doc.at("releases").value
    return frozenset(version.lower() for version in found) if isinstance(found, Mapping) else frozenset()


def _shortest(version: str) -> str:
    """A version without the zeros that mean nothing: `1.0` and `1.0.0` are one release (Python packaging: versions)."""
    return re.sub(r"(?:\.0+)+$", "", version)


def _source(doc: Doc) -> str:
    urls = doc.at("info.project_urls").value
    if not isinstance(urls, Mapping):
        return ""
    known = {re.sub("[^a-z0-9]", "", str(label).lower()): Doc(url).text("") for label, url in urls.items()}
    return next((known[label] for label in _SOURCES if known.get(label)), "")


def _normalized(repo: str, name: str) -> tuple[str, str]:
    """Names that differ in case, dots, dashes or underscores are one (Python packaging: normalized names)."""
    return re.sub("[-_.]+", "-", repo).lower(), name.lower()


def _spelled(evidence: Evidence) -> tuple[str, ...]:
    """The words of a name, between which each spelling has marks of its own."""
    return tuple(piece.lower() for piece in (*evidence.repo.split("-"), evidence.name) if piece)


PACKAGE = Kind(
    code="pypi_package",
    label="Python package",
    key="pypi:{site}{repo}@{name}",
    url="{host}/project/{repo}/{name}",
    bare_key="pypi:{site}{repo}",
    bare_url="{host}/project/{repo}",
    paths=patterns(rf"/(?:project|simple)/{_NAME}(?:/{VERSION})?", rf"/pypi/{_NAME}(?:/{VERSION})?/json"),
    fold=_normalized,
    spelled=_spelled,
)
FORGE = Descriptor(name="pypi", is_registry=True, inquiries={PACKAGE: _inquire})
