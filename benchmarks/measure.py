"""One measured run: a contender in a process of its own against the server in another, and what both of them used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contender import RUNNERS
from benchmarks.rivals import RIVALS, Rival

ROOT = Path(__file__).parents[1]


class MeasureError(Exception):
    """A part of the measurement did not work; the message says which and what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. Times in seconds; `cpu_s` of the contender alone, `server_cpu_s` of the server meanwhile.

    `seen`: how many URLs were seen how; `answered`: how many requests the server answered, a few to warm up among them.
    """

    contender: str
    latency_ms: int
    number: int
    took_s: float
    cpu_s: float
    server_cpu_s: float
    answered: int
    seen: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every contender is given. `folder`: where it may put files."""

    urls: Sequence[str]
    threads: int
    folder: Path


class Server:
    """The server process. `hosts`: their origins."""

    def __init__(self, hosts: int, latency_ms: int) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.server", "--hosts", str(hosts), "--latency-ms", str(latency_ms)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.latency_ms = latency_ms
        self.hosts: tuple[str, ...] = tuple(json.loads(self._line()))

    def counts(self) -> tuple[int, float]:
        """Requests answered, and CPU seconds used, so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told = json.loads(self._line())
        return int(told["answered"]), float(told["cpu_s"])

    def urls(self, count: int) -> tuple[str, ...]:
        """So many pages, spread evenly over all hosts."""
        return tuple(f"{self.hosts[n % len(self.hosts)]}/acme/relay/pull/{n}" for n in range(count))

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MeasureError(f"the server ended with {self._process.wait()}")
        return line


@contextmanager
def serving(hosts: int, latency_ms: int) -> Iterator[Server]:
    """A server for the length of the block."""
    server = Server(hosts, latency_ms)
    try:
        yield server
    finally:
        server.close()


def run(name: str, server: Server, work: Work, number: int) -> Run:
    """Let one contender look at all URLs once. `number`: of the round. Raises MeasureError."""
    answered, server_cpu_s = server.counts()
    if name in RUNNERS:
        took_s, cpu_s, seen = _python(name, work)
    else:
        took_s, cpu_s, seen = _program(RIVALS[name], work)
    answered_now, server_cpu_now_s = server.counts()
    return Run(
        contender=name,
        latency_ms=server.latency_ms,
        number=number,
        took_s=took_s,
        cpu_s=cpu_s,
        server_cpu_s=server_cpu_now_s - server_cpu_s,
        answered=answered_now - answered,
        seen=seen,
    )


def _python(name: str, work: Work) -> tuple[float, float, Mapping[str, int]]:
    """A contender of ours measures itself, so that start-up and imports do not count."""
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.contender", name),
        input=json.dumps({"urls": work.urls, "threads": work.threads}),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise MeasureError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    return float(told["took_s"]), float(told["cpu_s"]), dict(told["seen"])


def _program(rival: Rival, work: Work) -> tuple[float, float, Mapping[str, int]]:
    """Another program is measured from outside, start-up and all: some tenths of a second."""
    program = rival.find()
    if program is None:
        raise MeasureError(f"{rival.name} is not there")
    listed, said = work.folder / "urls.txt", work.folder / "said.txt"
    listed.write_text("".join(f"{url}\n" for url in work.urls), "utf-8")
    command = rival.command(program, listed, work.threads)
    with listed.open("rb") as given, said.open("wb") as saying:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=given, stdout=saying, stderr=subprocess.STDOUT, cwd=work.folder)
        # What wait4 tells is of this child alone.
        _, status, used = os.wait4(process.pid, 0)
        took_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    text = said.read_text("utf-8", "replace")
    good = rival.good(text)
    if good is None:
        raise MeasureError(f"{rival.name} ended with {process.returncode}: {text[-2000:]}")
    return took_s, used.ru_utime + used.ru_stime, {"reachable": good, "other": len(work.urls) - good}
