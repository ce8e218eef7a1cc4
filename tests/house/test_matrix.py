"""The fault matrix: every row has tests, all of them are there, and what is printed is what ran."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from tests.faults.__main__ import Tally, state_of
from tests.faults.matrix import ROWS, Row
from tests.house.tree import ROOT, tree

ROW = Row(number=1, fault="x", holds="y", tests=("t.py::test_one", "t.py::test_two"))


def test_the_rows_are_numbered_one_by_one() -> None:
    assert [row.number for row in ROWS] == list(range(1, 49))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number}-{row.fault.split()[0]}")
def test_each_row_has_tests_that_are_there(row: Row) -> None:
    assert row.tests
    for test in row.tests:
        path, _, name = test.partition("::")
        there = {node.name for node in tree(ROOT / path).body if isinstance(node, ast.FunctionDef)}
        assert name in there, test


@pytest.mark.parametrize(
    ("passed", "failed", "state"),
    [
        ({"t.py::test_one": 2, "t.py::test_two": 3}, {}, ("held", 5)),
        ({"t.py::test_one": 2, "t.py::test_two": 3}, {"t.py::test_two": 1}, ("DID NOT HOLD", 6)),
        ({"t.py::test_one": 2}, {}, ("not shown", 2)),
        ({}, {}, ("not shown", 0)),
    ],
    ids=["all-passed", "one-failed", "one-did-not-run", "nothing-ran"],
)
def test_a_row_holds_if_each_of_its_tests_ran_and_passed(
    passed: dict[str, int], failed: dict[str, int], state: tuple[str, int]
) -> None:
    tally = Tally()
    tally.passed.update(passed)
    tally.failed.update(failed)
    assert state_of(ROW, tally) == state


def test_the_table_is_made_from_what_ran() -> None:
    command = [sys.executable, "-m", "tests.faults", "-n", "0", "--short", "35"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "160"})
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = [line for line in done.stdout.splitlines() if "evidence flips" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")][-2:] == ["held", "2"]
    assert "All 1 rows held, in 2 tries." in done.stdout
