"""A private Redis for tests: a real server on a Unix socket in a directory of its own, without persistence."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from bot.processes.redis_server import redis_server
from tests.patience import STATE_WAIT_S

START_TIMEOUT_S = STATE_WAIT_S
_BARE = ("--save", "", "--appendonly", "no", "--databases", "1")


class RedisProcess:
    """One running server. `kill` is how a test makes Redis vanish; `start` brings up an empty one at the same URL."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = directory / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            (redis_server(), "--port", "0", "--unixsocket", str(self._socket), *_BARE, "--dir", str(self._directory)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        self.kill()
                        raise
                    time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._socket.unlink(missing_ok=True)


@contextmanager
def private_redis() -> Iterator[RedisProcess]:
    """A started server, gone afterwards. The directory is short-named: a socket's path may have about 100 characters."""
    directory = Path(tempfile.mkdtemp(prefix="sb-redis-", dir="/tmp"))
    server = RedisProcess(directory)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)
