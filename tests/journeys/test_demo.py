"""The demo as a newcomer meets it: the whole story, a port that is taken, and nothing left behind when it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import STATE_WAIT_S

START_S = STATE_WAIT_S
END_S = STATE_WAIT_S


class Demo:
    """`stampbot demo` as a child, with its lines."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.lines: list[str] = []
        environment = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "200"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "demo", "--port", "0", "--web-port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def await_line(self, part: str) -> None:
        deadline = time.monotonic() + START_S
        while not any(part in line for line in self.lines):
            assert time.monotonic() < deadline, "".join(self.lines)
            assert self.process.poll() is None, "".join(self.lines)
            time.sleep(0.05)


@contextmanager
def running(*options: str) -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="sb-demo-") as folder:
        demo = Demo(Path(folder), *options)
        try:
            yield demo
        finally:
            demo.process.kill()
            demo.process.wait()


def children_of(pid: int) -> set[int]:
    """All descendants of a process (Linux)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, todo = set[int](), {pid}
    while todo:
        todo = {child for child, parent in parents.items() if parent in todo} - found
        found |= todo
    return found


def alive(pids: set[int]) -> set[int]:
    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return {pid for pid in pids if lives(pid)}


def end_of(pids: set[int]) -> set[int]:
    """Those of `pids` that still live after END_S."""
    deadline = time.monotonic() + END_S
    while (left := alive(pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def prober_is_confined(prober: int) -> None:
    environ = Path(f"/proc/{prober}/environ").read_bytes()
    assert b"STAMPBOT_EVIDENCE_ALLOW=" in environ
    assert b"TOKEN" not in environ
    assert b"SECRET" not in environ
    limits = Path(f"/proc/{prober}/limits").read_text().splitlines()
    assert "unlimited" not in next(line for line in limits if line.startswith("Max address space"))


@pytest.mark.timeout(900)
def test_the_smoke_story_goes_as_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--smoke"], capture_output=True, text=True, check=False, timeout=800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The whole story succeeded" in done.stdout


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_all_of_it_with_0_and_leaves_nothing(number: int) -> None:
    with running() as demo:
        demo.await_line("Ctrl-C ends everything")
        family = children_of(demo.process.pid)
        assert len(family) >= 6
        os.kill(demo.process.pid, number)
        assert demo.process.wait(END_S) == 0, "".join(demo.lines)
        assert end_of(family) == set()
        assert not any("Traceback" in line or "Fatal" in line for line in demo.lines), "".join(demo.lines)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Redis is bound to its parent on Linux alone")
def test_even_a_demo_that_is_killed_leaves_no_process_behind() -> None:
    with running() as demo:
        demo.await_line("Ctrl-C ends everything")
        family = children_of(demo.process.pid)
        demo.process.kill()
        demo.process.wait()
        assert end_of(family) == set()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_the_prober_is_confined_and_a_child_that_dies_ends_the_demo_with_one_clear_sentence() -> None:
    with running() as demo:
        demo.await_line("Ctrl-C ends everything")
        family = children_of(demo.process.pid)
        worker = next(p for p in family if b"\0worker\0" in Path(f"/proc/{p}/cmdline").read_bytes())
        prober_is_confined(next(p for p in family if b"\0prober\0" in Path(f"/proc/{p}/cmdline").read_bytes()))
        os.kill(worker, signal.SIGKILL)
        assert demo.process.wait(END_S) == 1
        assert "stampbot demo: worker ended by itself (signal 9)" in demo.lines[-1]
        assert end_of(family) == set()


@pytest.mark.parametrize("option", ["--port", "--web-port"])
def test_a_taken_port_is_one_sentence_with_the_mend(option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "bot", "demo", option, port],
            capture_output=True,
            text=True,
            check=False,
            timeout=STATE_WAIT_S,
        )
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stdout
    assert f"{option} 0" in " ".join(done.stdout.split())
