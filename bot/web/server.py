"""Runs the door under gunicorn, with settings that hold: threads that wait on Redis, no log of paths that hold secrets."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from bot.web.buffering_worker import BufferingWorker

THREADS = 32
"""What a request waits for is Redis, and all who wait share one round trip: with fewer threads fewer share it (measured)."""
CONNECTIONS = 1000
TIMEOUT_S = 30
"""A process that has not come by its own loop for so long is killed and made anew."""
GRACEFUL_TIMEOUT_S = 10
KEEPALIVE_S = 75
"""Longer than the proxies in front of it keep a connection (mostly 60): whoever closes first must not be us."""
REQUEST_LINE_BYTES = 2048
HEADERS = 64
OPEN_FILES = 2 * CONNECTIONS + 256
"""Connections, as many that are being seen off, and the rest."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn touches a file there; on a disk that can block


def _allow_open_files() -> int:
    """Ask for as many open files as are needed; how many connections there is room for then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return min(CONNECTIONS, max(64, (wanted - 256) // 2))


class _QuietLogger(Logger):
    """Leaves form and place of log lines to ours."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002
        # At WARNING it tells of each request it cannot read, one line each: that is for strangers to fill our disk with.
        self.loglevel = logging.ERROR
        self.error_log.propagate = True
        self.error_log.handlers.clear()
        self.error_log.setLevel(logging.ERROR)
        self.access_log.propagate = False
        self.access_log.setLevel(logging.CRITICAL)


class WebServer(BaseApplication):
    """gunicorn around `make_app`, which is called in the worker process, after the fork."""

    def __init__(self, make_app: Callable[[], Flask], *, host: str, port: int, ready: Callable[[], None]) -> None:
        self._make_app = make_app
        self._options: dict[str, object] = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": 1,
            "worker_class": BufferingWorker,
            "threads": THREADS,
            "worker_connections": _allow_open_files(),
            "timeout": TIMEOUT_S,
            "graceful_timeout": GRACEFUL_TIMEOUT_S,
            "keepalive": KEEPALIVE_S,
            "limit_request_line": REQUEST_LINE_BYTES,
            "limit_request_fields": HEADERS,
            "accesslog": None,
            "logger_class": _QuietLogger,
            "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
            "control_socket_disable": True,
            "when_ready": lambda _arbiter: ready(),
        }
        super().__init__()  # type: ignore[no-untyped-call]

    def load_config(self) -> None:
        """Called by gunicorn. Options it does not know (older ones lack some) are left out."""
        config: Any = self.cfg
        for name, value in self._options.items():
            if name in config.settings:
                config.set(name, value)

    def load(self) -> Flask:
        """Called by gunicorn."""
        return self._make_app()

    def serve(self) -> NoReturn:
        """Serve until SIGTERM or SIGINT; ends the process."""
        super().run()  # type: ignore[no-untyped-call]
        raise SystemExit(0)
