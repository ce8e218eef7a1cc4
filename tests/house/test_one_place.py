"""What may be done in one place only: reading the environment, and reading the clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hypothesis import settings

from tests.house.tree import files, name_of, tree

ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
WALL_CLOCKS = frozenset({"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"})


def test_only_settings_reads_the_environment() -> None:
    readers = {name_of(path) for path in files("bot", "rules", suffix=".py") if any(_environment(path))}
    assert readers == {"bot/config/settings.py"}


def test_only_wiring_knows_what_time_it_is() -> None:
    """The sandbox is a process of its own with a clock of its own."""
    readers = {name_of(path) for path in files("bot", "rules", suffix=".py") if any(_clocks(path))}
    assert {name for name in readers if not name.startswith("sandbox/")} == {"bot/wiring.py"}


def test_the_number_of_cases_of_a_law_is_said_in_one_place() -> None:
    """50 in the suite and 2,000 in `make slow`, by a profile of Hypothesis: a number of its own would hold in both."""
    sayers = {
        name_of(path)
        for path in files("tests", suffix=".py")
        if any(isinstance(node, ast.keyword) and node.arg == "max_examples" for node in ast.walk(tree(path)))
    }
    assert sayers == {"tests/conftest.py"}
    running = settings()
    assert (running.max_examples, running.deadline) in ((50, None), (2_000, None))


def test_no_test_holds_a_wall_clock_against_a_number() -> None:
    """A busy machine would break it; `tests.patience.ends_within` allows for that. Longer than a number is no trouble."""
    holders = {
        name_of(path)
        for path in files("tests", suffix=".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare)
        and "time.monotonic() -" in ast.unparse(node.left)
        and isinstance(node.ops[-1], ast.Lt | ast.LtE)
        and isinstance(node.comparators[-1], ast.Constant)
    }
    assert holders == set()


def test_what_is_known_of_a_worker_elsewhere_is_only_told() -> None:
    """It is inferred to be the same worker: no rule, command or plan may go by it."""
    readers = {
        name_of(path)
        for path in files("bot", "rules", suffix=".py")
        if any(isinstance(node, ast.Attribute) and node.attr == "elsewhere" for node in ast.walk(tree(path)))
    }
    # `store.keys` has a name for where it is remembered.
    assert readers - {"bot/store/reputation.py"} == {"bot/messages/reviews.py"}


def _environment(path: Path) -> Iterator[int]:
    for node in ast.walk(tree(path)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in ENVIRONMENT:
                yield node.lineno
            case ast.ImportFrom(module="os", names=names) if ENVIRONMENT & {alias.name for alias in names}:
                yield node.lineno


def _clocks(path: Path) -> Iterator[int]:
    for node in ast.walk(tree(path)):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if f"{owner}.{name}" in WALL_CLOCKS:
                yield node.lineno
            case ast.Attribute(value=ast.Attribute(attr=owner), attr=name) if f"{owner}.{name}" in WALL_CLOCKS:
                yield node.lineno
            case ast.ImportFrom(module="time", names=names) if {"time", "time_ns"} & {alias.name for alias in names}:
                yield node.lineno
