"""Memory of `stampbot run` with ten open pulls, process by process: python -m benchmarks.memory

A page that several processes share is counted once, in equal parts (PSS of Linux). Redis is shown, and not part of the sum.
It fails where the sum is above MEMORY_MAX_MB.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.faults.test_run import NAMES, command_line, running
from tests.patience import until
from tests.sandbox_process import SandboxProcess
from tests.world import ITEMS

PULLS: Final = 10
WORKERS: Final = (("pia", "polecat-7"), ("otto", "brass-otter"), ("mallory", "slick-fox"), ("bo", "bo-hollow"))
MEMORY_MAX_MB: Final = 200
SETTLE_S: Final = 10.0
"""After the last review: some sweeps with nothing to do."""


def main() -> int:
    """Print the table. Exit status."""
    with (
        SandboxProcess.start() as sandbox,
        tempfile.TemporaryDirectory() as folder,
        running(sandbox, Path(folder)) as town,
    ):
        until(lambda: set(town.children()) == set(NAMES), told=town.log.read_text)
        pulls = [town.world.hand_in(user, rig, item) for user, rig in WORKERS for item in ITEMS][:PULLS]
        until(lambda: all(town.world.said(pull, "review") for pull in pulls), told=town.log.read_text)
        time.sleep(SETTLE_S)
        found = {"run": memory_mb(town.process.pid)} | {
            f"{name}{' (its child)' * (pid != first)}": memory_mb(pid)
            for name, first in sorted(town.children().items())
            for pid in (first, *children(first))
        }
    total = sum(pss for name, (pss, _) in found.items() if name != "redis")
    print(f"stampbot run with {PULLS} reviewed pulls, MB\n\n| process | its share | resident |\n| --- | --- | --- |")
    for name, (pss, rss) in found.items():
        print(f"| {name} | {pss:.0f} | {rss:.0f} |")
    print(f"| **all but redis** | **{total:.0f}** | |")
    return 0 if total <= MEMORY_MAX_MB else 1


def children(pid: int) -> list[int]:
    """Processes that this one started."""
    words = [word for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text("utf-8").split()]
    return [int(word) for word in words if command_line(int(word))]


def memory_mb(pid: int) -> tuple[float, float]:
    """Proportional and resident size."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()[1:])
    return tuple(int(lines[name].split()[0]) / 1024 for name in ("Pss", "Rss"))  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main())
