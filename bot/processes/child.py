"""One child process: its lines, its end, and what the kernel does for it."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Final

TAIL_LINES: Final = 12
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4

Say = Callable[[str, str], None]
"""Takes the name of a process and one line of its output."""


class ProcessFailed(Exception):
    """A process cannot be started, or ended by itself; the text is one sentence with the fix. `tail`: its last lines."""

    def __init__(self, message: str, tail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.tail = tuple(tail)


class Child:
    """One child process in a group of its own; its lines go to `say` with its name, the last ones are kept.

    `handed_over`: one line for its standard input, which shows in no list of processes and in no environment. `user`: whose it
    becomes, by name; only root can give that. `bound`: the kernel ends it when this process ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        say: Say,
        *,
        bound: bool = False,
        handed_over: str = "",
        user: str | None = None,
    ) -> None:
        self.name = name
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.ready = threading.Event()
        self.first_line = ""
        self._say = say
        # Standard input stays open as long as this process runs: when it ends, the child processes end, even after a kill -9.
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=bind_to_parent() if bound else None,  # noqa: PLW1509 - before this process starts a thread
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        if handed_over:
            assert self._process.stdin is not None
            with suppress(BrokenPipeError):
                self._process.stdin.write(handed_over.encode() + b"\n")
                self._process.stdin.flush()
        threading.Thread(target=self._read, name=f"lines of {name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Process id, which is that of its group as well."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child and all it started."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within `timeout_s`."""
        try:
            self._process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read(self) -> None:
        stream: IO[bytes] | None = self._process.stdout
        assert stream is not None
        for raw in iter(lambda: stream.readline(16_384), b""):
            line = raw.decode("utf-8", "replace").rstrip()
            if not self.first_line and line.startswith("{"):
                self.first_line = line
                self.ready.set()
                continue
            self.tail.append(line)
            if " ready" in f" {line}":
                self.ready.set()
            if self.name != "redis":
                # Its banner is not useful; its last lines are shown if it ends.
                self._say(self.name, line)


def bind_to_parent() -> Callable[[], None] | None:
    """On Linux: what asks the kernel, in the child, to end it when this process ends."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))

    return bind


def hide_memory() -> None:
    """On Linux: no other process of this user reads this one's memory, environment or open files, nor attaches to it.

    Root still does. A program that is started anew has to ask for it again.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
