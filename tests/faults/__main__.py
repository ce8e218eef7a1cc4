"""`make faults`, or `python -m tests.faults`: runs the tests of the fault matrix, the long ones too, and prints what held.

The table is made from what ran: a row holds if each of its tests ran and passed; how often it was tried is the number of their
cases. `python -m tests.faults 8 9` runs two rows.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.faults.matrix import ROWS, Row

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 600


class Tally:
    """A plugin of pytest's that counts, by test function, how its cases ended; in the process that gathers the reports."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.took_s: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one case."""
        function = report.nodeid.partition("[")[0]
        self.took_s[function] += round(report.duration * 1000)
        if report.failed:
            self.failed[function] += 1
        elif report.when == "call" and report.passed:
            self.passed[function] += 1


def state_of(row: Row, tally: Tally) -> tuple[str, int]:
    """Whether a row held, did not, or was not shown; and how often it was tried."""
    tried = sum(tally.passed[test] + tally.failed[test] for test in row.tests)
    if any(tally.failed[test] for test in row.tests):
        return "DID NOT HOLD", tried
    if not row.tests or not all(tally.passed[test] for test in row.tests):
        return "not shown", tried
    return "held", tried


def exists(test: str) -> bool:
    """Whether the file of a test holds a function of its name."""
    file, _, function = test.partition("::")
    return (ROOT / file).is_file() and f"def {function.rpartition('::')[2]}(" in (ROOT / file).read_text("utf-8")


def table(rows: Sequence[Row], tally: Tally) -> Table:
    """The matrix as it came out."""
    shown = Table(title="The fault matrix", show_lines=False)
    for name, more in (
        ("#", {"justify": "right"}),
        ("fault", {}),
        ("what must hold", {}),
        ("", {}),
        ("tried", {"justify": "right"}),
    ):
        shown.add_column(name, **more)  # type: ignore[arg-type]
    for row in rows:
        state, tried = state_of(row, tally)
        style = {"held": "green", "not shown": "yellow"}.get(state, "bold red")
        shown.add_row(str(row.number), Text(row.fault), Text(row.holds), Text(state, style), str(tried))
    return shown


@click.command()
@click.option("-n", "processes", default=4, show_default=True, help="Test processes side by side.")
@click.option("--short", is_flag=True, help="Leave out the long tests: what `make test` runs of the matrix.")
@click.argument("rows", nargs=-1, type=click.IntRange(1, len(ROWS)))
def main(processes: int, short: bool, rows: tuple[int, ...]) -> None:
    """Run the fault matrix, or some of its ROWS by number. Exit status 0 if every row held, 1 if not.

    \b
    make faults
    python -m tests.faults 8 9
    python -m tests.faults --short
    """
    chosen = [row for row in ROWS if not rows or row.number in rows]
    tests = list(dict.fromkeys(test for row in chosen for test in row.tests))
    if gone := [test for test in tests if not exists(test)]:
        # pytest would run nothing at all for one name that it does not find.
        raise click.ClickException(
            f"The matrix names tests that are not there: {', '.join(gone)}. Correct tests/faults/matrix.py."
        )
    tally = Tally()
    options = [
        "-q",
        "-n",
        str(processes),
        "--dist",
        "worksteal",
        "--timeout",
        str(TIMEOUT_S),
        "-m",
        "not slow" if short else "",
    ]
    pytest.main([*options, "--rootdir", str(ROOT), *(str(ROOT / test) for test in tests)], plugins=[tally])
    console = Console()
    console.print(table(chosen, tally))
    open_rows = [row.number for row in chosen if state_of(row, tally)[0] != "held"]
    tried = sum(tally.passed.values()) + sum(tally.failed.values())
    if open_rows:
        console.print(Text(f"Not held or not shown: {', '.join(map(str, open_rows))}", "bold red"))
        sys.exit(1)
    console.print(Text(f"All {len(chosen)} rows held, in {tried} tries.", "bold green"))


if __name__ == "__main__":
    main()
