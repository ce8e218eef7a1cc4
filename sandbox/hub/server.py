"""A small threaded HTTP/1.1 server for one WSGI application: keep-alive, the path as sent, and connections that can be cut.

The standard library's server carries it, because werkzeug's closes every connection and a pre-forking one would need a
second process. One thread per connection; a body is always read whole before the application runs.
"""

from __future__ import annotations

import io
import logging
import socket
import sys
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

IDLE_TIMEOUT_S = 75.0
MAX_REQUEST_BYTES = 16 * 1024 * 1024
NO_BODY_STATUSES = frozenset({204, 304})


class CutConnection(Exception):
    """Raised by an application that wants the connection broken without an answer."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A first line that cannot be read is answered with a status line too; HTTP/0.9 had none.
    default_request_version = "HTTP/1.0"
    server_version = "stampbot-sandbox"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    server: Server

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if len(self.raw_requestline) > 65_536:
                self.requestline, self.request_version, self.command = "", "", ""
                self.send_error(414)
                return
            if self.parse_request():
                self._serve()
            self.wfile.flush()
        except (OSError, CutConnection):
            self.close_connection = True
            self._shut()

    def _shut(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the caller went first

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass  # flushing to a caller who is gone

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> object:
            started[:] = [(status, headers)]
            return _write_is_not_offered

        chunks: Iterable[bytes] = self.server.application(self._environ(body), start_response)  # type: ignore[arg-type]
        try:
            content = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, headers = started[0]
        code, _, phrase = status.partition(" ")
        self.send_response_only(int(code), phrase)
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            if name.lower() not in {"content-length", "connection"}:
                self.send_header(name, value)
        if int(code) not in NO_BODY_STATUSES:
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and int(code) not in NO_BODY_STATUSES:
            self.wfile.write(content)

    def _body(self) -> bytes | None:
        """The whole request body; None if it was refused (the refusal is sent, the connection ends)."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            self.send_error(411)
            self.close_connection = True
            return None
        text = self.headers.get("Content-Length", "0").strip()
        length = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
        if not 0 <= length <= MAX_REQUEST_BYTES:
            self.send_error(400 if length < 0 else 413)
            self.close_connection = True
            return None
        body = self.rfile.read(length) if length else b""
        if len(body) != length:
            raise CutConnection
        return body

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        for name in set(self.headers.keys()):
            key = name.upper().replace("-", "_")
            if "_" not in name and key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
                environ[f"HTTP_{key}"] = ",".join(self.headers.get_all(name, []))
        return environ

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


def _write_is_not_offered(_data: bytes) -> None:
    raise NotImplementedError("applications return their body, they do not write it")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, host: str, port: int, application: WSGIApplication) -> None:
        """Bind at once. Raises OSError (address in use, not allowed)."""
        self.application = application
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def handle_error(self, _request: object, client_address: object) -> None:
        log.exception("the connection of %s broke", client_address)
