"""A gate between a bot and the look-alike: it lets everything through, and can shut at one effect, before or after it.

While the gate holds a request, whoever sent it waits for an answer that never comes: the moment to kill them.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.faults.twins import Twins

UPSTREAM_TIMEOUT_S = 30.0
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class HubGate(ThreadingHTTPServer):
    """Forwards to `upstream` (an origin). Effects are requests that can change something, counted from 1.

    Commits that are in `twins` go by their other name beyond the gate.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, upstream: str, twins: Twins | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Passage)
        self.upstream = urlsplit(upstream)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.twins = twins or Twins()
        self.effects: list[str] = []
        self.shut = threading.Event()
        self._lock = threading.Lock()
        self._at, self._when = 0, ""
        self._open = threading.Event()
        self._passes_on = False
        self._lies_at = 0

    def shut_at(self, at: int, when: str) -> None:
        """Hold the effect numbered `at`, `before` it is passed on or `after` the hub has answered; then `shut` is set."""
        self._at, self._when = at, when

    def lie_at(self, at: int) -> None:
        """Pass on the effect numbered `at`, and answer 500 as if it had failed."""
        self._lies_at = at

    def open(self) -> None:
        """Let everything through from now on. What was held is dropped, not passed on."""
        self._at = 0
        self._open.set()

    def hand_over(self) -> None:
        """As `open`, but what was held goes on its way: late, as on a slow line."""
        self._passes_on = True
        self.open()

    def count(self, method: str, path: str) -> str:
        """Count a request; when it is to be held, or empty."""
        bare = path.partition("?")[0]
        if method == "GET" or bare.endswith("/sql"):
            return ""
        with self._lock:
            self.effects.append(f"{method} {bare.rpartition('/')[2]}")
            if len(self.effects) == self._lies_at:
                return "lie"
            return self._when if len(self.effects) == self._at else ""

    def hold(self) -> bool:
        """Keep the calling thread, and so its caller, waiting until the gate is opened; whether to go on then."""
        self.shut.set()
        self._open.wait()
        return self._passes_on

    def handle_error(self, _request: object, _client_address: object) -> None:
        """A caller that was killed breaks its connection: nothing to tell."""


class _Passage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: HubGate

    def setup(self) -> None:
        super().setup()
        there = self.server.upstream
        self._upstream = http.client.HTTPConnection(there.hostname or "", there.port, timeout=UPSTREAM_TIMEOUT_S)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        held = self.server.count(self.command, self.path)
        if held == "before" and self._is_dropped():
            return
        # The Host goes along as it came, so that the addresses of operations lead through the gate again.
        twins = self.server.twins
        path = twins.meant(self.path.encode()).decode()
        self._upstream.request(self.command, path, twins.meant(body), dict(self.headers.items()))
        answer = self._upstream.getresponse()
        found = twins.shown(answer.read())
        if held == "after" and self._is_dropped():
            return
        if held == "lie":
            self.send_error(500)
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _pass

    def _is_dropped(self) -> bool:
        """Hold the request; whether it is to be forgotten afterwards."""
        passes_on = self.server.hold()
        self.close_connection = not passes_on
        return not passes_on

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the look-alike has a log of its own."""


@contextmanager
def hub_gate(upstream: str, twins: Twins | None = None) -> Iterator[HubGate]:
    """A gate that serves while the block runs."""
    gate = HubGate(upstream, twins)
    threading.Thread(target=gate.serve_forever, args=(0.05,), name="hub gate", daemon=True).start()
    try:
        yield gate
    finally:
        gate.open()
        gate.shutdown()
        gate.server_close()
