"""A rule sees its snapshot and nothing else, and leaves it as it is: no I/O, no clock, no chance, no memory, no mutation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.rulebook import find
from tests.house.purity import blemishes
from tests.house.tree import ROOT, files, name_of
from tests.patience import STATE_WAIT_S

RUNS_MIN = 5
"""Fewer pulls than these would not tell much of a rule."""
HEAD = '''"""Something is asked."""
from __future__ import annotations
{imports}
from bot.rulebook import Level, Place, rule
{top}

@rule(Level.NOTE)
def check(pull):
    {body}
    yield check.finding(Place(), f"It is {{said}}.")
'''


def watched(*modules: str, hash_seed: int = 1, path: Path | None = None) -> dict[str, Any]:
    """What was seen of these rules (none: of all) in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.purity", *modules],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(path or "")},
        capture_output=True,
        text=True,
        check=False,
        timeout=STATE_WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    return watched()


def test_no_rule_does_what_it_must_not(seen: dict[str, Any]) -> None:
    assert tuple(seen) == find().names
    assert {name: told["complaints"] for name, told in seen.items() if told["complaints"]} == {}


def test_every_rule_was_asked_about_many_pulls(seen: dict[str, Any]) -> None:
    assert {name: told["runs"] for name, told in seen.items() if told["runs"] < RUNS_MIN} == {}


def test_what_rules_say_depends_on_no_order_of_sets(seen: dict[str, Any]) -> None:
    other = watched(hash_seed=2)
    assert [name for name in seen if seen[name]["digest"] != other[name]["digest"]] == []


@pytest.mark.parametrize("path", [p for p in files("rules", suffix=".py") if not p.stem.startswith("_")], ids=name_of)
def test_a_rule_file_holds_nothing_that_reaches_out(path: Path) -> None:
    assert blemishes(path.read_text("utf-8")) == ()


BAD: dict[str, tuple[str, str, str, str]] = {
    "opens_a_file": ("", "", "said = open('/etc/hostname').read()", "reaches out: open"),
    "reads_a_path": ("from pathlib import Path", "", "said = Path('/etc/hostname').read_text()", "reaches out: open"),
    "lists_a_folder": ("import os", "", "said = os.listdir('/')", "reaches out: os.listdir"),
    "asks_a_name": ("import socket", "", "said = socket.getaddrinfo('localhost', 80)", "reaches out: "),
    "dials_a_host": ("import socket", "", "said = socket.socket()", "reaches out: socket.__new__"),
    "starts_a_program": ("import subprocess", "", "said = subprocess.run(['true'])", "reaches out: subprocess.Popen"),
    "imports_late": ("", "", "import wave as said", "reaches out: import"),
    "reads_the_environment": ("import os", "", "said = os.environ.get('HOME')", "reads the environment"),
    "asks_for_a_variable": ("import os", "", "said = os.getenv('HOME')", "reads the environment"),
    "prints_a_line": ("", "", "said = print(pull.head)", "prints"),
    "reads_the_clock": ("from datetime import UTC, datetime", "", "said = datetime.now(UTC)", "reads the clock, datetime.now"),
    "reads_todays_date": ("import datetime", "", "said = datetime.datetime.today()", "reads the clock, datetime.today"),
    "counts_seconds": ("import time", "", "said = time.time()", "reads the clock, time.time"),
    "measures_itself": ("import time", "", "said = time.monotonic()", "reads the clock, time.monotonic"),
    "throws_dice": ("import random", "", "said = random.random()", "throws dice, random.random"),
    "swallows_everything": (
        "", "", "said = 1\n    try:\n        open('/etc/hostname')\n    except Exception:\n        pass", "reaches out: open",
    ),
    "changes_the_policy": ("", "", "said = 1; pull.policy.levels['x_y'] = None", "changes the snapshot"),
    "changes_a_row": (
        "", "", "said = 1\n    for c in pull.changes.rows: object.__setattr__(c, 'key', c.key + '!')", "changes the snapshot",
    ),
    "remembers_pulls": ("", "SEEN = []", "SEEN.append(pull.head); said = 1", "keeps state in its module"),
    "remembers_by_default": ("", "def add(x, to=[]):\n    to.append(x)", "add(1); said = 1", "keeps state in its module"),
    "counts_its_calls": (
        "import itertools", "N = itertools.count()", "said = next(N)", "says something else the second time",
    ),
}  # fmt: skip
"""Rules that are not pure: what they import, hold at their top and do, and what the guard says of them."""


@pytest.fixture(scope="module")
def caught(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bad")
    package = folder / "bad_rules"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, (imports, top, body, _) in BAD.items():
        (package / f"{name}.py").write_text(HEAD.format(imports=imports, top=top, body=body))
    return watched(*(f"bad_rules.{name}" for name in BAD), path=folder)


@pytest.mark.parametrize("name", BAD)
def test_a_rule_that_is_not_pure_is_caught(name: str, caught: dict[str, Any]) -> None:
    complaints = caught[name]["complaints"]
    assert any(complaint.startswith(BAD[name][3]) for complaint in complaints), complaints


def test_a_rule_that_goes_by_the_order_of_a_set_is_caught(tmp_path: Path) -> None:
    body = "said = list({'a', 'b', 'c', 'd', 'e', 'f', 'g'})"
    (tmp_path / "goes_by_chance.py").write_text(HEAD.format(imports="", top="", body=body))
    one, other = (watched("goes_by_chance", hash_seed=seed, path=tmp_path)["goes_by_chance"] for seed in (1, 2))
    assert (one["complaints"], other["complaints"]) == ([], [])
    assert one["digest"] != other["digest"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("import os", "imports os"),
        ("import os.path as p", "imports os.path"),
        ("from time import monotonic", "imports time"),
        ("from urllib import request", "imports urllib"),
        ("import urllib.request", "imports urllib.request"),
        ("x = open('f')", "calls open"),
        ("print(1)", "calls print"),
        ("at = datetime.now(UTC)", "asks the machine for the time or its zone, with now"),
        ("at = dt.date.today()", "asks the machine for the time or its zone, with today"),
        ("at = moment.astimezone()", "asks the machine for the time or its zone, with astimezone"),
        ("def f():\n    global x", "keeps state in x"),
    ],
)
def test_what_reaches_out_is_seen_in_the_source(line: str, what: str) -> None:
    assert [each.partition(": ")[2] for each in blemishes(line)] == [what]


@pytest.mark.parametrize(
    "line", ["from urllib.parse import urlsplit", "import re", "at = moment.astimezone(UTC)", "x = pull.now"]
)
def test_what_is_pure_is_left_alone(line: str) -> None:
    assert blemishes(line) == ()
