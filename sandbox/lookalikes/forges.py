"""Look-alikes of code forges: small HTTP servers that answer as a forge's API does, about made-up repositories.

The shapes of their answers are from memory of the public API documentation; they are no recordings.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, get_args
from urllib.parse import parse_qs, urlsplit

from sandbox.lookalikes.forge_bitbucket import bitbucket
from sandbox.lookalikes.forge_gitea import gitea
from sandbox.lookalikes.forge_github import github
from sandbox.lookalikes.forge_gitlab import gitlab
from sandbox.lookalikes.forge_seed import REPOS, Day, SeedRepo

IDLE_TIMEOUT_S = 30.0
TOKEN = "token-of-the-look-alike"  # noqa: S105 - of a look-alike
"""Whoever signs in with this sees private repositories too."""
Forge = Literal["github", "gitlab", "gitea", "bitbucket"]
FORGES: tuple[Forge, ...] = get_args(Forge)
_PREFIXES = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1", "bitbucket": "/2.0"}
_PARTS = {"github": github, "gitlab": gitlab, "gitea": gitea, "bitbucket": bitbucket}


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
    """A running look-alike. `what`: github (its API below /api/v3, as GitHub Enterprise has it), gitlab (/api/v4), gitea
    (/api/v1) or bitbucket (/2.0).

    Answers with an ETag and to If-None-Match, tells a rate limit in headers, redirects a renamed repository as that forge
    does, and shows people a page for each thing it has. `played` answers go first; `heard` holds all requests. `now`: from
    when on hours are counted back (`forge_seed.Day`); may be set anew at any time.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, what: Forge, host: str = "127.0.0.1", port: int = 0, *, now: datetime | None = None) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        super().__init__((host, port), _Handler)
        self.what = what
        self.now = now
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

    def start(self, poll_s: float = 0.01) -> ForgeLookAlike:
        """Serve in a thread of its own. `poll_s`: the longest that `stop` waits."""
        threading.Thread(target=self.serve_forever, args=(poll_s,), name=f"forge-{self.what}", daemon=True).start()
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
        query = {name: values[-1] for name, values in parse_qs(target.query).items()}
        try:
            answer = _PARTS[self.server.what](
                target.path.removeprefix(prefix), query, Day(self.server.now), signed_in=signed_in
            )
        except ValueError:
            # A number that is none.
            answer = (404, {"message": "Not Found"})
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
        title = _title(path)
        body = f"<!doctype html><title>{escape(title or 'Not found')}</title><h1>{escape(title or 'Not found')}</h1>".encode()
        self._send(200 if title else 404, {"Content-Type": "text/html; charset=utf-8"}, body)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


_THING = re.compile(
    r"/([\w-]+/[\w-]+)/(?:-/)?"
    r"(pull|pulls|pull-requests|merge_requests|commit|commits|issues|releases/tag|actions/runs)/([\w.]+)(?:/\w+)?"
)


def _title(path: str) -> str:
    """What the page of a thing is called; empty for what is not there or not for everybody."""
    match = _THING.fullmatch(path)
    repo = REPOS.get(match[1].lower()) if match else None
    if match is None or repo is None or repo.private:
        return ""
    named = _named(repo, match[2], match[3])
    return f"{named} · {match[2].rpartition('/')[2]} {match[3]} of {match[1].lower()}" if named else ""


def _named(repo: SeedRepo, what: str, name: str) -> str:
    number = int(name) if re.fullmatch("[0-9]{1,9}", name) else 0
    match what:
        case "commit" | "commits":
            found = repo.commit(name) if len(name) >= 7 else None
            return found[1].title.partition("\n")[0] if found else ""
        case "issues" if number in repo.issues:
            return str(repo.issues[number].get("title", ""))
        case "releases/tag":
            return str(repo.releases.get(name, {}).get("name", ""))
        case "actions/runs":
            return str(repo.runs.get(number, {}).get("name", "ci" if number in repo.runs else ""))
        case _:
            return repo.pulls[number].title if number in repo.pulls else ""
