"""Look-alikes of code forges: small HTTP servers that answer as GitHub's or GitLab's API does, about made-up repositories."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from bot.sandbox.forge_seed import REPOS
from bot.sandbox.forge_shapes import github, gitlab

IDLE_TIMEOUT_S = 30.0
TOKEN = "token-of-the-look-alike"  # noqa: S105 - of a look-alike
"""Whoever signs in with this sees private repositories too."""
_PREFIXES = {"github": "/api/v3", "gitlab": "/api/v4"}


@dataclass(slots=True)
class Played:
    """An answer to be given instead of the real one, so many times. `path`: what the path must begin with."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    times: int = 1
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Heard:
    """A request that came in. Header names are lower-case."""

    path: str
    headers: Mapping[str, str]


class ForgeLookAlike(ThreadingHTTPServer):
    """A running look-alike. `what`: github (below /api/v3, as GitHub Enterprise has it) or gitlab (below /api/v4).

    Answers with an ETag and to If-None-Match, tells a rate limit in headers, redirects a renamed repository to its number,
    and shows a page for each pull and commit to people. `played` answers go first; `heard` holds all requests.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, what: Literal["github", "gitlab"], host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        super().__init__((host, port), _Handler)
        self.what = what
        self.heard: list[Heard] = []
        self.played: list[Played] = []
        self.remaining = 4999
        self.lock = threading.Lock()

    @property
    def authority(self) -> str:
        """`host:port`, as links name it."""
        return f"{self.server_address[0]!s}:{self.server_address[1]}"

    @property
    def api(self) -> str:
        """The root of the API."""
        return f"http://{self.authority}{_PREFIXES[self.what]}"

    def start(self) -> ForgeLookAlike:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.01,), name=f"forge-{self.what}", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop serving and give the port back."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ForgeLookAlike
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
        prefix = _PREFIXES[self.server.what]
        if not target.path.startswith(prefix + "/"):
            self._page(target.path)
            return
        signed_in = self.headers.get("Authorization", "") == f"Bearer {TOKEN}"
        answer = (github if self.server.what == "github" else gitlab)(
            target.path.removeprefix(prefix), {name: values[-1] for name, values in parse_qs(target.query).items()}, signed_in
        )
        if isinstance(answer, str):
            self._send(301, {"Location": f"http://{self.server.authority}{prefix}{answer}"}, b"{}")
            return
        status, document = answer
        body = json.dumps(document).encode()
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": str(self.server.remaining), "ETag": tag}
        if status == 200 and self.headers.get("If-None-Match") == tag:
            self._send(304, headers, b"")
        else:
            self._send(status, headers, body)

    def _page(self, path: str) -> None:
        known = re.fullmatch(r"/([\w-]+/[\w-]+)/(?:-/)?(pull|merge_requests|commit)/(\w+)", path)
        title = f"{known[2]} {known[3]} of {known[1]}" if known and known[1] in REPOS else "Not found"
        body = f"<!doctype html><title>{escape(title)}</title><h1>{escape(title)}</h1>".encode()
        self._send(404 if title == "Not found" else 200, {"Content-Type": "text/html; charset=utf-8"}, body)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
