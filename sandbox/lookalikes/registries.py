"""Look-alikes of artifact registries: small HTTP servers that answer as a registry's API does, about made-up packages."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from datetime import datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.lookalikes.forge_seed import Day
from sandbox.lookalikes.forges import IDLE_TIMEOUT_S, Heard, Played
from sandbox.lookalikes.registry_seed import NPM, OCI, PYPI, digest, manifest
from sandbox.lookalikes.registry_shapes import Shape, npm, oci, pypi, token

Registry = Literal["npm", "pypi", "oci"]
REGISTRIES: tuple[Registry, ...] = get_args(Registry)


class RegistryLookAlike(ThreadingHTTPServer):
    """A running look-alike. `what`: npm, pypi or oci. Its API stands at the root, beside the pages for people.

    Answers with an ETag and to If-None-Match; oci wants a token for everything, and hands it out to everybody at `/token`.
    `played` answers go first; `heard` holds all requests. `now`: from when on hours are counted back (`forge_seed.Day`); may
    be set anew at any time.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, what: Registry, host: str = "127.0.0.1", port: int = 0, *, now: datetime | None = None) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        super().__init__((host, port), _Handler)
        self.what = what
        self.now = now
        self.heard: list[Heard] = []
        self.played: list[Played] = []
        self.lock = threading.Lock()

    @property
    def authority(self) -> str:
        """`host:port`, as links name it."""
        return f"{self.server_address[0]!s}:{self.server_address[1]}"

    @property
    def api(self) -> str:
        """The root of the API."""
        return f"http://{self.authority}"

    def start(self, poll_s: float = 0.01) -> RegistryLookAlike:
        """Serve in a thread of its own. `poll_s`: the longest that `stop` waits."""
        threading.Thread(target=self.serve_forever, args=(poll_s,), name=f"registry-{self.what}", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop serving and give the port back."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: RegistryLookAlike
    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: whoever wants to know reads `heard`."""

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.heard.append(Heard(self.path, {name.lower(): value for name, value in self.headers.items()}))
            played = next((p for p in self.server.played if p.times > 0 and self.path.startswith(p.path)), None)
            if played is not None:
                played.times -= 1
        if played is not None:
            self._send(played.status, dict(played.headers), played.body)
            return
        target = urlsplit(self.path)
        shape = _page(self.server.what, unquote(target.path)) or self._answer(target.path, target.query)
        tag = f'"{hashlib.sha256(shape.body).hexdigest()[:16]}"'
        if shape.status == 200 and self.headers.get("If-None-Match") == tag:
            self._send(304, {"ETag": tag}, b"")
        else:
            self._send(shape.status, {**shape.headers, "ETag": tag}, shape.body)

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

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | dict(headers)).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


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
