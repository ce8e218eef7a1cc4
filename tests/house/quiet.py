"""Imports the modules named on the command line and prints, one per line, what they did that an import must not do.

Run as a process of its own, in the project's folder, by the test beside it. What other people's modules do while they are
imported is theirs, as long as they call nobody; an environment variable read for our own code, or a socket made by it, is
told, through whatever it went.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

OURS = tuple(str(Path.cwd() / name) + os.sep for name in ("bot", "rules"))
STANDARD_LIBRARY = sysconfig.get_path("stdlib") + os.sep
PACKAGES = os.sep + "site-packages" + os.sep
CALLS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"})
told: list[str] = []


def asked_by_us() -> str:
    """The file of ours on whose behalf the present call runs, empty if it is not ours.

    Frames of the standard library pass the question on; those of its import system, or of a package, end it.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            return name
        standard = name.startswith("<frozen ") or (name.startswith(STANDARD_LIBRARY) and PACKAGES not in name)
        if "<frozen importlib" in name or not (standard or name == __file__):
            return ""
        frame = frame.f_back
    return ""


class Spy(os._Environ[str]):
    """The environment, telling on who reads it."""

    def __init__(self) -> None:
        vars(self).update(vars(os.environ))

    def __getitem__(self, key: str) -> str:
        self._tell(str(key))
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        self._tell("everything")
        return super().__iter__()

    def __contains__(self, key: object) -> bool:
        self._tell(str(key))
        return super().__contains__(key)

    def _tell(self, what: str) -> None:
        if name := asked_by_us():
            told.append(f"{name} reads the environment: {what}")


def hear(event: str, _arguments: tuple[Any, ...]) -> None:
    """The audit hook (PEP 578)."""
    if event in CALLS:
        told.append(f"{event} while importing")
    elif event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")) and (
        name := asked_by_us()
    ):
        told.append(f"{name}: {event}")


if __name__ == "__main__":
    os.environ = Spy()  # noqa: B003 - the point is to stand in its place
    sys.addaudithook(hear)
    for module in sys.argv[1:]:
        importlib.import_module(module)
    print("\n".join(dict.fromkeys(told)))
