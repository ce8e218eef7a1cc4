"""Keeps a set of child processes running: each one that ends is started again, and all end together.

What is to be started is a value (`Service`); when it is started again is a pure function (`restart_delay_s`).
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from bot.processes.child import Child, ProcessFailed, Say
from bot.store import ProcessState

START_TIMEOUT_S: Final = 45.0
END_PATIENCE_S: Final = 15.0
"""For the jobs at hand; then SIGKILL. Every job is safe to break off."""
RESTART_DELAY_MAX_S: Final = 60.0
STEADY_S: Final = 60.0
"""A process that ran for so long had started well: what ends it next is a new trouble."""
_LOOK_EVERY_S: Final = 0.2
_NOTE_EVERY_S: Final = 5.0

log = structlog.get_logger("stampbot.run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process to keep running. `ground`: the others need it; it is started first and ends last.

    `handed_over`: variables for its standard input, so that they stand in no environment. `user`: whose it becomes.
    `answers`: whether it is ready; None: as soon as it has said so.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    handed_over: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str | None = None
    ground: bool = False
    answers: Callable[[], bool] | None = None


def restart_delay_s(failures: int) -> float:
    """Seconds until a process is started again that has ended `failures` times without running steadily: 1, 2, 4, to 60."""
    return min(RESTART_DELAY_MAX_S, 2.0 ** min(10, max(0, failures - 1)))


class _Kept:
    """One service with its process."""

    def __init__(self, service: Service, say: Say) -> None:
        self.service = service
        self.restarts = 0
        self._say = say
        self._failures = 0
        self._start_at_s: float | None = None
        self.child = self._started()

    def _started(self) -> Child:
        self._began_s = time.monotonic()
        service = self.service
        return Child(
            service.name,
            service.command,
            service.environment,
            self._say,
            handed_over=json.dumps(dict(service.handed_over)) if service.handed_over else "",
            user=service.user,
        )

    @property
    def ready(self) -> bool:
        answers = self.service.answers
        return answers() if answers is not None else self.child.ready.is_set()

    def state(self) -> ProcessState:
        return ProcessState(name=self.service.name, up=self.child.status is None, restarts=self.restarts)

    def look(self) -> None:
        """Start it again if it has ended and its time has come."""
        now_s = time.monotonic()
        if self.child.status is None:
            return
        if self._start_at_s is None:
            # What it started may be left: two of a kind do no harm, but nothing would ever end the first one.
            self.child.signal(signal.SIGKILL)
            self._failures = 1 if now_s - self._began_s >= STEADY_S else self._failures + 1
            delay_s = restart_delay_s(self._failures)
            self._start_at_s = now_s + delay_s
            log.warning("a process ended", process=self.service.name, how=how_ended(self.child), again_in_s=delay_s, fix=_FIX)
        if now_s >= self._start_at_s:
            self._start_at_s = None
            self.restarts += 1
            self.child = self._started()
            log.info("started again", process=self.service.name, restarts=self.restarts)


_FIX: Final = "It is started again. If that goes on, its last lines before this one name the trouble."


class Supervisor:
    """Starts the services in their order, those of the ground first, and keeps them running."""

    def __init__(self, services: Sequence[Service], say: Say, note: Callable[[tuple[ProcessState, ...]], None]) -> None:
        self._services = sorted(services, key=lambda each: not each.ground)
        self._say = say
        self._note = note
        self._kept: list[_Kept] = []
        self._begun = threading.Event()

    def run(self, ended: threading.Event, ready: Callable[[], object] = lambda: None) -> None:
        """Run until `ended` is set, then end all. `ready` is called once, when all have started.

        Raises ProcessFailed if one does not come up at the first start.
        """
        try:
            for service in self._services:
                self._kept.append(_Kept(service, self._say))
                self._await(self._kept[-1], ended)
            log.info("all processes are ready", processes=" ".join(each.service.name for each in self._kept))
            ready()
            noted_s = -_NOTE_EVERY_S
            while not ended.wait(_LOOK_EVERY_S):
                for each in self._kept:
                    each.look()
                if time.monotonic() - noted_s >= _NOTE_EVERY_S:
                    noted_s = time.monotonic()
                    self._note(tuple(each.state() for each in self._kept))
        finally:
            self._end()

    def kill(self) -> None:
        """End all at once: the second signal."""
        for each in self._kept:
            each.child.signal(signal.SIGKILL)

    def _await(self, kept: _Kept, ended: threading.Event) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        name = kept.service.name
        while not kept.ready and not ended.is_set():
            if kept.child.status is not None:
                raise ProcessFailed(
                    f"{name} ended ({how_ended(kept.child)}): fix what its last lines name.", tuple(kept.child.tail)
                )
            if time.monotonic() > deadline_s:
                raise ProcessFailed(f"{name} was not ready within {START_TIMEOUT_S:.0f} s.", tuple(kept.child.tail))
            time.sleep(0.05)

    def _end(self) -> None:
        """A signal to each, the ground last, then SIGKILL to what does not end."""
        for ground in (False, True):
            stage = [each.child for each in self._kept if each.service.ground is ground]
            for child in stage:
                child.signal(signal.SIGTERM)
            deadline_s = time.monotonic() + END_PATIENCE_S
            for child in stage:
                child.wait(deadline_s - time.monotonic())
                # The group as well: a child that ended may have left one of its own behind.
                child.signal(signal.SIGKILL)
                child.wait(1.0)


def how_ended(child: Child) -> str:
    """How a process ended, in two words."""
    status = child.status or 0
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
