"""Runs the web application under gunicorn: one process, bounded requests, and no log of paths, which hold secrets."""

from __future__ import annotations

import gc
import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from bot.web.bounded_worker import BoundedWorker

CONNECTIONS: Final = 1000
TIMEOUT_S: Final = 30
"""A process whose loop has not run for so long is killed and started again."""
GRACEFUL_TIMEOUT_S: Final = 10
KEEPALIVE_S: Final = 75
"""Longer than proxies keep a connection open (mostly 60 s): the proxy has to close first, or it answers 502."""
REQUEST_LINE_BYTES_MAX: Final = 2048
HEADERS_MAX: Final = 64
OPEN_FILES: Final = 2 * CONNECTIONS + 256
"""Connections, as many that are being closed, and the rest."""
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - gunicorn touches a file there; on a disk that can block


def _allow_open_files() -> int:
    """Raise the limit of open files to what is needed. Returns how many connections it has room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return min(CONNECTIONS, max(64, (wanted - 256) // 2))


class _QuietLogger(Logger):
    """Hands errors to the bot's own log, and logs nothing else."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002
        # gunicorn logs each request that it cannot parse at WARNING: strangers could fill the disk with such lines.
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
            "worker_class": BoundedWorker,
            "worker_connections": _allow_open_files(),
            "timeout": TIMEOUT_S,
            "graceful_timeout": GRACEFUL_TIMEOUT_S,
            "keepalive": KEEPALIVE_S,
            "limit_request_line": REQUEST_LINE_BYTES_MAX,
            "limit_request_fields": HEADERS_MAX,
            "accesslog": None,
            "logger_class": _QuietLogger,
            "worker_tmp_dir": str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None,
            "control_socket_disable": True,
            "when_ready": lambda _arbiter: ready(),
            # A collection in the child would copy every page that it shares with this process.
            "pre_fork": lambda _arbiter, _worker: gc.freeze(),
            # What the interpreter does at its end expects garbage to be collected.
            "worker_exit": lambda _arbiter, _worker: gc.unfreeze(),
        }
        super().__init__()  # type: ignore[no-untyped-call]

    def load_config(self) -> None:
        """Called by gunicorn. Options that this version of it does not know are left out."""
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
