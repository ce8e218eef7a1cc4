"""A new rule is two files, the rule and its test: shown by adding one to a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, name_of

RUN_S_MAX = 1_100
FINDS_NOTHING = '''\
"""Work removes no completion.

A completion that is removed has no work to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Level, Place, PullKind, Snapshot, quote, rule


@rule(Level.DOUBT, label="Removals", asks="Work removes no completion", kinds=(PullKind.WORK,))
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.of("completions", ChangeKind.REMOVED):
        yield check.finding(Place("completions", change.key), f"Completion {quote(change.key)} is removed.")
'''
ITS_TEST = '''\
"""Work removes no completion."""

from __future__ import annotations

from rules.work_removes_no_completion import check
from tests.build import a_snapshot
from tests.rules.table import PASS, found


def test_ordinary_work_passes_the_rule() -> None:
    assert found(check, a_snapshot()) == PASS
'''


def run(copy: Path, *command: str) -> None:
    """Runs Python in the copy. Raises AssertionError with the output if it fails."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S_MAX,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]


def texts(names: list[str], root: Path) -> dict[str, bytes]:
    """The content of these files, by name."""
    return {name: (root / name).read_bytes() for name in names}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("posts_say_what_to_do", {}),
        (
            "work_removes_no_completion",
            {
                "rules/work_removes_no_completion.py": FINDS_NOTHING,
                "tests/rules/test_work_removes_no_completion.py": ITS_TEST,
            },
        ),
    ],
    ids=["about-posts", "about-work-that-finds-nothing"],
)
def test_a_rule_and_its_test_are_all_that_a_new_rule_needs(name: str, own: dict[str, str], tmp_path: Path) -> None:
    names = [name_of(path) for path in files()]
    for each in names:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / each, tmp_path / each)
    run(tmp_path, "-m", "bot", "rules", "--new", name)
    two = [f"rules/{name}.py", f"tests/rules/test_{name}.py"]
    assert [(tmp_path / each).is_file() for each in two] == [True, True]
    for each, text in own.items():
        (tmp_path / each).write_text(text)
    run(tmp_path, "-m", "tests.house.tables", "--write")
    before, after = texts(names, ROOT), texts(names, tmp_path)
    assert [each for each in names if before[each] != after[each]] == ["docs/checks.md"]
    told = ("tests/commands/test_replies.py", "tests/commands/test_answers.py", two[1])
    run(tmp_path, "-m", "pytest", "-q", "-n", "2", "tests/house", "tests/scenarios", *told)
