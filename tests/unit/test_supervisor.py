"""Child processes of `stampbot run`: started again when they end, later each time; all ended by one signal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.cli.run import services_of
from bot.processes.child import ProcessFailed
from bot.processes.supervisor import RESTART_DELAY_MAX_S, Service, Supervisor, restart_delay_s
from bot.store import ProcessState
from tests.patience import STATE_WAIT_S, until

SLEEPER = "import sys, time; print('it is ready', flush=True); time.sleep(1000)"


def service(name: str, program: str = SLEEPER, *, ground: bool = False) -> Service:
    return Service(name=name, command=(sys.executable, "-c", program), environment={"PATH": os.environ["PATH"]}, ground=ground)


@contextmanager
def supervised(*services: Service) -> Iterator[tuple[Supervisor, list[tuple[ProcessState, ...]], list[str]]]:
    """A supervisor at work in a thread of its own: what it noted, and the lines of its processes."""
    noted: list[tuple[ProcessState, ...]] = []
    lines: list[str] = []
    supervisor = Supervisor(services, lambda name, line: lines.append(f"{name}: {line}"), noted.append)
    ended = threading.Event()
    thread = threading.Thread(target=supervisor.run, args=(ended,))
    thread.start()
    try:
        yield supervisor, noted, lines
    finally:
        ended.set()
        thread.join(STATE_WAIT_S)
        assert not thread.is_alive()


def pid_of(lines: list[str], name: str, time: int) -> int:
    found = [int(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}: pid ")]
    return found[time] if len(found) > time else 0


def test_a_process_that_goes_on_ending_is_started_later_each_time_up_to_a_minute() -> None:
    assert [restart_delay_s(failures) for failures in range(9)] == [1, 1, 2, 4, 8, 16, 32, 60, 60]
    assert restart_delay_s(10**6) == RESTART_DELAY_MAX_S


def test_a_process_that_is_killed_is_started_again_and_the_others_go_on() -> None:
    program = f"import os; print('pid', os.getpid(), flush=True); {SLEEPER}"
    with supervised(service("first", program), service("second", program)) as (_, noted, lines):
        until(lambda: noted)
        assert noted[0] == (ProcessState(name="first", up=True, restarts=0), ProcessState(name="second", up=True, restarts=0))
        os.kill(pid_of(lines, "first", 0), signal.SIGKILL)
        until(lambda: pid_of(lines, "first", 1))
        until(lambda: noted[-1][0] == ProcessState(name="first", up=True, restarts=1))
        assert pid_of(lines, "second", 1) == 0
        both = [pid_of(lines, "first", 1), pid_of(lines, "second", 0)]
    for pid in both:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_the_others_need_is_started_first_and_ended_last() -> None:
    trapped = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('ends', flush=True), sys.exit())); "
        "print('it is ready', flush=True); signal.pause()"
    )
    with supervised(service("web", trapped), service("hub", trapped, ground=True)) as (_, noted, lines):
        until(lambda: noted)
    # What a process prints is read by a thread of its own, and may be read a moment after its end.
    until(lambda: len(lines) == 4)
    assert lines == ["hub: it is ready", "web: it is ready", "web: ends", "hub: ends"]


def test_a_process_that_does_not_come_up_ends_the_start_with_its_last_lines() -> None:
    broken = service("worker", "import sys; print('no such commons'); sys.exit(2)")
    supervisor = Supervisor([service("web"), broken], lambda *_: None, lambda _: None)
    with pytest.raises(ProcessFailed) as failed:
        supervisor.run(threading.Event())
    assert str(failed.value) == "worker ended (exit status 2): fix what its last lines name."
    assert failed.value.tail == ("no such commons",)


def test_what_is_handed_over_is_read_from_standard_input_and_stands_in_no_environment() -> None:
    # The program must not name the secret: its text is shown.
    program = (
        "import json, os, pathlib; given = json.loads(input()); environ = pathlib.Path('/proc/self/environ');"
        "print('it is ready', given, given['A'] in (environ.read_text() if environ.exists() else ''), flush=True); input()"
    )
    handed = Service(name="web", command=(sys.executable, "-c", program), environment={}, handed_over={"A": "T0KEN"})
    with supervised(handed) as (_, noted, lines):
        until(lambda: noted)
        assert lines == ["web: it is ready {'A': 'T0KEN'} False"]
    assert "T0KEN" not in repr(handed)


@pytest.mark.parametrize("prober", [True, False])
def test_run_starts_the_prober_last_and_without_a_secret_or_leaves_it_to_others(prober: bool) -> None:
    secrets = {"STAMPBOT_HUB_TOKEN": "t-1", "STAMPBOT_WEBHOOK_SECRET": "s-1", "REDIS_URL": "redis://:pw@127.0.0.1:6379/0"}
    plain = {"STAMPBOT_COMMONS": "hop/wl-commons", "PATH": "/bin"}
    services = services_of({**secrets, **plain}, None, "127.0.0.1", prober=prober)
    assert [each.name for each in services] == ["web", "worker", "prober"][: 2 + prober]
    for each in services[:2]:
        assert (each.handed_over, set(secrets) & set(each.environment)) == (secrets, set())
    for each in services[2:]:
        assert (each.handed_over, {"t-1", "s-1"} & set(each.environment.values())) == ({}, set())
