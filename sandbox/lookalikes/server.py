"""The HTTP servers beside the sandbox: what all look-alikes have in common, and what those of an API have besides."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

IDLE_TIMEOUT_S = 30.0


class LookAlikeServer(ThreadingHTTPServer):
    """A server on a port of its own; one thread a request, so a slow answer delays no other request."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, handler: type[BaseHTTPRequestHandler], host: str, port: int) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        self._thread: threading.Thread | None = None
        super().__init__((host, port), handler)

    @property
    def authority(self) -> str:
        """`host:port`, as links name it."""
        return f"{self.server_address[0]!s}:{self.server_address[1]}"

    @property
    def base_url(self) -> str:
        """`http://host:port`, without a trailing slash."""
        return f"http://{self.authority}"

    def start(self, poll_s: float = 0.01) -> Self:
        """Serve in a thread of its own. `poll_s`: the longest that `stop` waits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.serve_forever, args=(poll_s,), name=type(self).__name__, daemon=True)
            self._thread.start()
        return self

    def server_close(self) -> None:
        """Stop serving and release the port. Requests still being answered end with the process."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self.shutdown()
            thread.join()
        super().server_close()

    def stop(self) -> None:
        """The same as `server_close`."""
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """No traceback: link checkers hang up in the middle of an answer every day."""


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


class ApiLookAlike(LookAlikeServer):
    """A look-alike of an API.

    `played` answers go first; `heard` holds all requests. `now`: the moment from which hours are counted back
    (`forge_seed.Day`); it may be set at any time.
    """

    def __init__(self, handler: type[ApiHandler], host: str, port: int, now: datetime | None) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        super().__init__(handler, host, port)
        self.now = now
        self.heard: list[Heard] = []
        self.played: list[Played] = []
        self.lock = threading.Lock()


class ApiHandler(BaseHTTPRequestHandler):
    """One connection. A played answer is sent first; without one, `respond` answers."""

    server: ApiLookAlike
    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: `heard` holds the requests."""

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.heard.append(Heard(self.path, {name.lower(): value for name, value in self.headers.items()}))
            played = next((p for p in self.server.played if p.times > 0 and self.path.startswith(p.path)), None)
            if played is not None:
                played.times -= 1
        if played is not None:
            self.send(played.status, played.headers, played.body)
        else:
            self.respond()

    def respond(self) -> None:
        """Send the answer to this request."""
        raise NotImplementedError

    def send_tagged(self, status: int, headers: Mapping[str, str], body: bytes, tag: str) -> None:
        """Send an answer with its ETag, or 304 where the client has it already."""
        if status == 200 and self.headers.get("If-None-Match") == tag:
            self.send(304, {**headers, "ETag": tag}, b"")
        else:
            self.send(status, {**headers, "ETag": tag}, body)

    def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | dict(headers)).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
