"""How long judging and planning take, and whether that grows with a pull's rows and no faster. In process, without any I/O.

Milliseconds are of this machine alone; the ratios between sizes, measured in turn within each round, say something everywhere.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.large_pulls import pull_of
from bot.commands import catalog as command_catalog
from bot.converge.plan import plan
from bot.model.kind import PullKind
from bot.model.snapshot import Snapshot
from bot.rulebook import find, judge
from bot.rulebook.kit import gallery

SIZES = (500, 1_000, 2_500, 5_000)
GROWN = (PullKind.BACKFILL, PullKind.CLAIM, PullKind.POST)
"""A backfill is what the most rows come in; of claims and posts every row is read by most rules."""
GROWTH_MAX = 1.5
"""Time per row of the largest pull over that of the smallest."""
SMALL_RUNS = 20
"""A small pull takes about a millisecond, so it is judged so often in each round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One pull: the median over the rounds, in milliseconds; `rows` of it."""

    pull: str
    rows: int
    ms: float
    us_per_row: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """One kind: time per row of its largest pull over that of its smallest, the median over the rounds."""

    pull: str
    ratio: float
    at_most: float

    @property
    def met(self) -> bool:
        return self.ratio <= self.at_most


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    snapshot: Snapshot
    runs: int

    @property
    def rows(self) -> int:
        return len(self.snapshot.changes.rows)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--rounds", default=7, show_default=True, type=click.IntRange(1), help="Runs of each, one after the other in turn."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(rounds: int, as_json: bool) -> None:
    """Measure judge and plan: a typical pull of work, and pulls of 500 to 5,000 rows.

    Exit status: 0 time grows with the rows, 1 it grows faster, 2 wrong use.

    \b
    Examples:
      python -m benchmarks.judge
      python -m benchmarks.judge --rounds 15 --json > judge.json
    """
    machine = {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "python": platform.python_version()}
    subjects = [_Subject("work", gallery.sane(PullKind.WORK), SMALL_RUNS)]
    subjects += (_Subject(kind.value, pull_of(kind, rows), 1) for kind in GROWN for rows in SIZES)
    taken = _measure(subjects, rounds)
    figures = tuple(
        Figure(pull=one.name, rows=one.rows, ms=median(times) * 1e3, us_per_row=median(times) / one.rows * 1e6)
        for one, times in zip(subjects, taken, strict=True)
    )
    grown = tuple(_growth(kind.value, subjects, taken) for kind in GROWN)
    if as_json:
        print(json.dumps(_document(machine, rounds, figures, grown), indent=2))
    else:
        _show(Console(), machine, figures, grown)
    sys.exit(0 if all(each.met for each in grown) else 1)


def _measure(subjects: Sequence[_Subject], rounds: int) -> Sequence[Sequence[float]]:
    """Seconds per subject and round. All take their turn in each round, so that what else this machine does hits all alike."""
    taken: list[list[float]] = [[] for _ in subjects]
    for each in subjects:
        _once(each)
    for _ in range(rounds):
        for each, times in zip(subjects, taken, strict=True):
            times.append(_once(each))
    return taken


def _once(subject: _Subject) -> float:
    """CPU seconds of this process for one judgement and plan."""
    rules, commands = find(), command_catalog.find()
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        for _ in range(subject.runs):
            plan(subject.snapshot, judge(subject.snapshot, rules), commands)
        return (time.process_time() - began) / subject.runs
    finally:
        gc.enable()


def _growth(name: str, subjects: Sequence[_Subject], taken: Sequence[Sequence[float]]) -> Growth:
    own = [(one.rows, times) for one, times in zip(subjects, taken, strict=True) if one.name == name and one.runs == 1]
    (fewest, least), (most, largest) = min(own), max(own)
    ratio = median((large / most) / (small / fewest) for small, large in zip(least, largest, strict=True))
    return Growth(pull=name, ratio=ratio, at_most=GROWTH_MAX)


def _document(machine: Mapping[str, Any], rounds: int, figures: Sequence[Figure], grown: Sequence[Growth]) -> Mapping[str, Any]:
    return {
        "machine": machine,
        "rounds": rounds,
        "rules": len(find().rules),
        "figures": [dataclasses.asdict(each) for each in figures],
        "requirements": [{**dataclasses.asdict(each), "outcome": _outcome(each)} for each in grown],
    }


def _show(console: Console, machine: Mapping[str, Any], figures: Sequence[Figure], grown: Sequence[Growth]) -> None:
    table = Table(title=f"judge and plan, {len(find().rules)} rules; {', '.join(f'{k} {v}' for k, v in machine.items())}")
    table.add_column("pull")
    for heading in ("rows", "ms", "us/row"):
        table.add_column(heading, justify="right")
    for figure in figures:
        table.add_row(figure.pull, str(figure.rows), f"{figure.ms:.1f}", f"{figure.us_per_row:.0f}")
    console.print(table)
    for each in grown:
        style = "green" if each.met else "bold red"
        console.print(
            f"[{style}]{_outcome(each)}[/{style}]: {each.pull}, {each.ratio:.2f} times the time per row at {SIZES[-1]} rows as"
            f" at {SIZES[0]}, asked for {each.at_most:.2f} at most",
            highlight=False,
        )


def _outcome(growth: Growth) -> str:
    return "pass" if growth.met else "missed"


if __name__ == "__main__":
    main()
