"""Runs the door under gunicorn, with settings that hold: threads that wait on Redis, no log of paths that hold secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

THREADS = 32
TIMEOUT_S = 30
GRACEFUL_TIMEOUT_S = 10
KEEPALIVE_S = 5
REQUEST_LINE_BYTES = 2048
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn touches a file there; on a disk that can block


class _QuietLogger(Logger):
    """Leaves form and place of log lines to ours."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002
        self.loglevel = logging.WARNING
        self.error_log.propagate = True
        self.error_log.handlers.clear()
        self.error_log.setLevel(logging.WARNING)
        self.access_log.propagate = False
        self.access_log.setLevel(logging.CRITICAL)


class WebServer(BaseApplication):
    """gunicorn around `make_app`, which is called in the worker process, after the fork."""

    def __init__(self, make_app: Callable[[], Flask], *, host: str, port: int, ready: Callable[[], None]) -> None:
        self._make_app = make_app
        self._options: dict[str, object] = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": TIMEOUT_S,
            "graceful_timeout": GRACEFUL_TIMEOUT_S,
            "keepalive": KEEPALIVE_S,
            "limit_request_line": REQUEST_LINE_BYTES,
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
