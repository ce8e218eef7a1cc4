"""Look-alikes of artifact registries: small HTTP servers that answer as a registry's API does, about made-up packages."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Literal, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.lookalikes.forge_seed import Day
from sandbox.lookalikes.registry_seed import NPM, OCI, PYPI, digest, manifest
from sandbox.lookalikes.registry_shapes import Shape, npm, oci, pypi, token
from sandbox.lookalikes.server import ApiHandler, ApiLookAlike

Registry = Literal["npm", "pypi", "oci"]
REGISTRIES: tuple[Registry, ...] = get_args(Registry)


class RegistryLookAlike(ApiLookAlike):
    """A running look-alike. `what`: npm, pypi or oci. Its API stands at the root, beside the pages for people.

    Answers with an ETag and to If-None-Match; oci wants a token for everything, and gives one to every client at `/token`.
    """

    def __init__(self, what: Registry, host: str = "127.0.0.1", port: int = 0, *, now: datetime | None = None) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        super().__init__(_Handler, host, port, now)
        self.what = what

    @property
    def api(self) -> str:
        """The root of the API."""
        return self.base_url


class _Handler(ApiHandler):
    server: RegistryLookAlike

    def respond(self) -> None:
        target = urlsplit(self.path)
        shape = _page(self.server.what, unquote(target.path)) or self._answer(target.path, target.query)
        self.send_tagged(shape.status, shape.headers, shape.body, f'"{hashlib.sha256(shape.body).hexdigest()[:16]}"')

    def _answer(self, path: str, query: str) -> Shape:
        day = Day(self.server.now)
        match self.server.what:
            case "npm":
                return npm(path, day)
            case "pypi":
                return pypi(path, day)
            case "oci" if path == "/token":
                given = {"token": token(parse_qs(query).get("scope", [""])[-1]), "expires_in": 300}
                return Shape(200, json.dumps(given).encode(), {"Cache-Control": "no-store"})
            case "oci":
                return oci(path, self.headers.get("Authorization", ""), f"{self.server.api}/token")


_PAGES: Mapping[Registry, re.Pattern[str]] = {
    "npm": re.compile(r"/package/(?P<name>(?:@[\w.-]+/)?[\w.-]+)(?:/v/(?P<version>[\w.+-]+))?"),
    "pypi": re.compile(r"/project/(?P<name>[\w.-]+)(?:/(?P<version>[\w.+!-]+))?/?"),
    "oci": re.compile(r"(?:/r/(?P<name>[\w./-]+?)(?:/tags)?|/(?P<image>(?!v2/)[\w./-]+)(?::|@)(?P<version>[\w.:-]+))"),
}


def _page(what: Registry, path: str) -> Shape | None:
    """The page for people at a path; None for a path of the API."""
    match = _PAGES[what].fullmatch(path)
    if match is None:
        return None
    found = match.groupdict()
    name, version = found["name"] or found.get("image") or "", found["version"] or ""
    known = _versions(what, name)
    there = known is not None and (not version or version in known)
    title = f"{name} {version}".strip() if there else "Not found"
    body = f"<!doctype html><title>{escape(title)}</title><h1>{escape(title)}</h1>".encode()
    return Shape(200 if there else 404, body, {"Content-Type": "text/html; charset=utf-8"})


def _versions(what: Registry, name: str) -> tuple[str, ...] | None:
    """What of a package has a page; None for a package that is not there, or not for everybody."""
    if what == "oci":
        repository = OCI.get(name)
        if repository is None or repository.private:
            return None
        return (*repository.images, *(digest(manifest(image)) for image in repository.images.values()))
    package = (NPM if what == "npm" else PYPI).get(name)
    return tuple(package.versions) if package is not None else None
