"""The pages that seeded evidence points at: a small HTTP server of a handful of paths."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from sandbox.lookalikes.server import IDLE_TIMEOUT_S, LookAlikeServer

SLOWEST_S = 30.0
HUGE_BODY_BYTES = 64 * 1024 * 1024
PRIVATE_TARGET = "http://169.254.169.254/"
"""The link-local address cloud machines keep their credentials at: a link checker must never dial it."""

_CHUNK_BYTES = 64 * 1024
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_PULL = re.compile(rf"/(?P<owner>{_NAME})/(?P<repo>{_NAME})/pull/(?P<number>[1-9][0-9]{{0,6}})")
_COMMIT = re.compile(rf"/(?P<owner>{_NAME})/(?P<repo>{_NAME})/commit/(?P<hash>[0-9a-f]{{7,40}})")
_LOCAL_PATH = re.compile(r"/(?:[A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?")


class EvidencePages(LookAlikeServer):
    """A running page server.

    Answers, for GET and HEAD only (shapes of the paths follow code forges, so that link checkers see what they see
    in life):

    ==============================  ============================================================
    ``/ok``                         200, HTML with a title
    ``/OWNER/REPO/pull/N``          200, HTML titled ``TITLE #N · OWNER/REPO``
    ``/OWNER/REPO/commit/HASH``     200, HTML titled ``Commit HASH · OWNER/REPO``
    ``/gone``                       404
    ``/dead``                       410
    ``/slow?s=SECONDS``             200 after that many seconds (at most 30)
    ``/redirect?to=/PATH``          302 to a path of this server
    ``/redirect-private``           302 to a link-local address that must never be dialled
    ``/flaky``                      503 with ``Retry-After``
    ``/huge``                       200 and 64 MiB
    anything else                   404
    ==============================  ============================================================
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        super().__init__(_Handler, host, port)


class _Handler(BaseHTTPRequestHandler):
    """One request. HTTP/1.0: every answer ends its connection, so no framing can go wrong."""

    server_version = "EvidencePages"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the paths are strangers' text, and the demo's terminal is not the place for it."""

    def _answer(self) -> None:
        try:
            target = urlsplit(self.path)
        except ValueError:  # for example an unclosed bracket in the authority part
            self._page(400, "Bad request", "This target is not a URL.")
            return
        # An absolute-form target ("GET http://elsewhere/ok") would make this an open front for other hosts' names.
        if target.scheme or target.netloc:
            self._page(400, "Bad request", "Only paths are served here.")
            return
        special = _SPECIAL.get(target.path)
        if special is not None:
            special(self, target)
        elif match := _PULL.fullmatch(target.path):
            self._page(200, f"{_pull_title(match['repo'])} #{match['number']} · {match['owner']}/{match['repo']}")
        elif match := _COMMIT.fullmatch(target.path):
            self._page(200, f"Commit {match['hash'][:10]} · {match['owner']}/{match['repo']}")
        else:
            self._page(404, "Not found", "Nothing was ever here.")

    def _ok(self, _target: SplitResult) -> None:
        self._page(200, "It is here")

    def _gone(self, _target: SplitResult) -> None:
        self._page(404, "Not found", "This page is gone.")

    def _dead(self, _target: SplitResult) -> None:
        self._page(410, "Gone", "This page was taken away for good.")

    def _flaky(self, _target: SplitResult) -> None:
        self._page(503, "Service unavailable", "Come back later.", {"Retry-After": "30"})

    def _slow(self, target: SplitResult) -> None:
        seconds = _one(target, "s")
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", seconds) or float(seconds) > SLOWEST_S:
            self._page(400, "Bad request", f"s is a number of seconds, at most {SLOWEST_S:g}.")
            return
        time.sleep(float(seconds))
        self._page(200, "It is here, only slow")

    def _redirect(self, target: SplitResult) -> None:
        to = _one(target, "to")
        if not _LOCAL_PATH.fullmatch(to):
            self._page(400, "Bad request", "to is a path of this server.")
            return
        self._page(302, "Moved", f"Now at {to}", {"Location": to})

    def _redirect_private(self, _target: SplitResult) -> None:
        self._page(302, "Moved", "Now somewhere private.", {"Location": PRIVATE_TARGET})

    def _huge(self, _target: SplitResult) -> None:
        self._head(200, "text/html; charset=utf-8", HUGE_BODY_BYTES, {})
        if self.command == "HEAD":
            return
        first = b"<!doctype html>\n<title>It is here, and very long</title>\n<p>"
        chunk = b"evidence " * (_CHUNK_BYTES // 9)
        self.wfile.write(first)
        left = HUGE_BODY_BYTES - len(first)
        while left > 0:
            left -= self.wfile.write(chunk[:left])

    def _page(self, status: int, title: str, says: str = "", headers: dict[str, str] | None = None) -> None:
        text = escape(title)
        body = (
            f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{text}</title></head>\n'
            f"<body><h1>{text}</h1><p>{escape(says)}</p></body>\n</html>\n"
        ).encode()
        self._head(status, "text/html; charset=utf-8", len(body), headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, content_type: str, length_bytes: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length_bytes))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


_SPECIAL: dict[str, Callable[[_Handler, SplitResult], None]] = {
    "/ok": _Handler._ok,
    "/gone": _Handler._gone,
    "/dead": _Handler._dead,
    "/flaky": _Handler._flaky,
    "/slow": _Handler._slow,
    "/redirect": _Handler._redirect,
    "/redirect-private": _Handler._redirect_private,
    "/huge": _Handler._huge,
}

_PULL_TITLES = (
    "Keep the handshake alive",
    "Write it down",
    "Count before cutting",
    "Say who did it",
    "Fewer surprises",
)


def _pull_title(repo: str) -> str:
    """A title that is the same for the same repository, so that pages do not change between two looks."""
    return _PULL_TITLES[sum(repo.encode()) % len(_PULL_TITLES)]


def _one(target: SplitResult, name: str) -> str:
    """The value of a query parameter given exactly once, else an empty string."""
    try:
        values = parse_qs(target.query, keep_blank_values=True, max_num_fields=8).get(name, [])
    except ValueError:
        return ""
    return values[0] if len(values) == 1 else ""
