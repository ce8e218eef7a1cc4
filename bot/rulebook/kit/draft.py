"""A rule to begin with: the text of its file and of its table of tests, which run as they are and are then rewritten."""

from __future__ import annotations

import keyword
import re
from string import Template

from bot.rulebook.rule import MisfitError, is_sentence

_RULE = Template('''\
"""$title

Say here what the rule asks and why, and name the source of each fact in brackets (wl schema/commons.sql, `description`).
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Level, Place, PullKind, Snapshot, having, quote, rule


@rule(
    Level.DOUBT,
    label="$label",
    asks="$asks",
    kinds=(PullKind.POST,),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.of("wanted", ChangeKind.ADDED):
        if not (change.new("description") or "").strip():
            yield check.finding(
                Place("wanted", change.key, "description"),
                f"Item {quote(change.key)} is posted without a description.",
                "Write into description what has to be done",
            )


def example(sane: Snapshot) -> Snapshot:
    """A pull that the rule speaks of, for `stampbot rules --explain`."""
    return having(sane, "wanted", description=None)
''')

_TABLE = Template('''\
"""$title"""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from $folder.$name import check, example
from tests.build import a_snapshot, added, changes_of
from tests.rules.table import PASS, found, told


def a_post(**cells: str | None) -> Snapshot:
    return a_snapshot(changes=changes_of(added("wanted", id="w-1", **cells)), items=())


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_post(), PASS),
        (a_post(description=""), ("doubt wanted.w-1.description",)),
        (a_post(description=None), ("doubt wanted.w-1.description",)),
        (example(a_post()), ("doubt wanted.w-1.description",)),
    ],
    ids=["described", "empty", "NULL", "the example"],
)
def test_that_$name(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_what_is_said_names_the_item() -> None:
    assert told(check, a_post(description=None)) == "Item `w-1` is posted without a description."
''')

_OWN_TABLE = Template('''\
"""$title"""

from __future__ import annotations

import pytest
from bot.rulebook import Catalog, PullKind, Snapshot, judge
from bot.rulebook.kit.gallery import having, sane

from $package.$name import check, example

POST = sane(PullKind.POST)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (POST, []),
        (having(POST, "wanted", description=""), ["doubt wanted.w-43.description"]),
        (having(POST, "wanted", description=None), ["doubt wanted.w-43.description"]),
        (example(POST), ["doubt wanted.w-43.description"]),
    ],
    ids=["described", "empty", "NULL", "the example"],
)
def test_that_$name(snapshot: Snapshot, expected: list[str]) -> None:
    judgement = judge(snapshot, Catalog.of([check]))
    assert judgement.crashes == ()
    assert [f"{finding.level.value} {finding.place}" for finding in judgement.findings] == expected
''')

_PROJECT = Template("""\
[build-system]
requires = ["setuptools>=75"]
build-backend = "setuptools.build_meta"

[project]
name = "$distribution"
version = "0.1.0"
description = "Rules for Stampbot."
requires-python = ">=3.11"
dependencies = ["stampbot"]

[project.entry-points."stampbot.rules"]
$name = "$package.$name"

[tool.setuptools]
packages = ["$package"]

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]

[tool.mypy]
strict = true
mypy_path = "."

[tool.ruff]
line-length = 128
""")


def title_of(name: str) -> str:
    """The name as the sentence it is: `item_has_a_title` is "Item has a title."."""
    return f"{name.replace('_', ' ').capitalize()}."


def label_of(name: str) -> str:
    """The first and the last word of the name, a label to begin with: `item_has_a_title` is "Item title"."""
    words = name.split("_")
    return f"{words[0].capitalize()} {words[-1]}"


def for_this_project(name: str, folder: str = "rules") -> dict[str, str]:
    """Text by path, relative to the project: the rule, in package `folder`, and its table.

    Raises MisfitError if the name is no sentence, or `folder` no name of a Python package.
    """
    words = {**_words(name), "folder": _package_of(folder)}
    return {f"{folder}/{name}.py": _RULE.substitute(words), f"tests/rules/test_{name}.py": _TABLE.substitute(words)}


def for_own_package(name: str, package: str) -> dict[str, str]:
    """Text by path, relative to the package's folder: the same, and what makes it a package whose rule the bot finds.

    Raises MisfitError if the name is no sentence, or `package` no name of a Python package.
    """
    words = {**_words(name), "package": _package_of(package), "distribution": package.replace("_", "-")}
    return {
        f"{package}/__init__.py": '"""Rules for Stampbot."""\n',
        f"{package}/{name}.py": _RULE.substitute(words),
        f"tests/test_{name}.py": _OWN_TABLE.substitute(words),
        "pyproject.toml": _PROJECT.substitute(words),
    }


def entry_point(name: str, package: str) -> str:
    """The line by which the bot finds a rule of another package, in its `[project.entry-points."stampbot.rules"]`."""
    return f'{name} = "{package}.{name}"'


def _words(name: str) -> dict[str, str]:
    if not is_sentence(name):
        raise MisfitError(f"{name}: a rule is named with a sentence in snake case, such as evidence_is_alive")
    title = title_of(name)
    return {"name": name, "title": title, "label": label_of(name), "asks": title.rstrip(".")}


def _package_of(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise MisfitError(f"{name}: cannot be the name of a Python package; write it in lower case, such as our_rules")
    return name
