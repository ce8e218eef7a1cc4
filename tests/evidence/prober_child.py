"""A process that looks at links and nothing else, so that what a link costs in time and memory can be measured.

Reads orders, writes reports, one JSON object a line. Runs under the limits of the real prober.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import requests

from bot.evidence import FetchPolicy
from bot.prober.jobs import confine
from tests.evidence.looking import look
from tests.evidence.stage import staged

MEASURABLE: Final = Path("/proc/self/clear_refs").exists()
"""Whether this system tells the peak of a process's resident memory, and lets it start afresh."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`count` looks at once, at `url`, with every address played by local ports `plain` and `tls`.

    `careless`: not our look, but a plain `requests.get`, for comparison.
    """

    url: str
    plain: int
    tls: int
    addresses: tuple[str, ...]
    deadline_s: float
    read_timeout_s: float
    ca_file: str | None = None
    count: int = 1
    careless: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Verdict, reason and title of each look, the addresses wanted, how long it took, and the peak of resident memory."""

    sights: frozenset[tuple[str, str, str]]
    addresses: frozenset[str]
    took_s: float
    peak_mb: float


class Child:
    """The process, from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", __name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def do(self, order: Order) -> Report:
        """Raises AssertionError if the process is gone, say, because it hit its limits."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(dataclasses.asdict(order)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the prober ended with {self._process.wait()}"
        told = json.loads(line)
        return Report(
            sights=frozenset((seen, reason, title) for seen, reason, title in told["sights"]),
            addresses=frozenset(told["addresses"]),
            took_s=told["took_s"],
            peak_mb=told["peak_mb"],
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def a_child() -> Iterator[Child]:
    """A running child, gone afterwards."""
    child = Child()
    try:
        yield child
    finally:
        child.close()


def _obey(order: Order) -> dict[str, Any]:
    policy = FetchPolicy(
        connect_timeout_s=order.read_timeout_s,
        read_timeout_s=order.read_timeout_s,
        lookup_timeout_s=1.0,
        deadline_s=order.deadline_s,
        ca_file=order.ca_file,
    )
    names = {"good.example.com": order.addresses, "other.example.com": order.addresses}
    if MEASURABLE:
        Path("/proc/self/clear_refs").write_text("5")
    with staged({80: order.plain, 443: order.tls}, names=names) as stage, ThreadPoolExecutor(order.count) as pool:
        began = time.monotonic()
        if order.careless:
            sheets = []
            with suppress(requests.RequestException):
                requests.get(order.url, timeout=order.read_timeout_s, proxies={"http": "", "https": ""})
        else:
            sheets = list(pool.map(lambda url: look(url, policy), [order.url] * order.count))
        took_s = time.monotonic() - began
    return {
        "sights": [(sheet.seen.value, sheet.reason, sheet.title) for sheet in sheets],
        "addresses": sorted(stage.addresses),
        "took_s": took_s,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """The peak since it was last started afresh, 0 if unknown. Not ru_maxrss: that begins with the peak of who forked us."""
    if not MEASURABLE:
        return 0.0
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    confine()
    for line in sys.stdin:
        told = json.loads(line)
        order = Order(**{**told, "addresses": tuple(told["addresses"])})
        sys.stdout.write(json.dumps(_obey(order)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
