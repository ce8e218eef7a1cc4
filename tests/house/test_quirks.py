"""Each oddity of production can be played, and there is a test by which the bot survives it."""

from __future__ import annotations

import re

import pytest

from bot.conformance.catalog import ASSUMPTIONS
from tests.house.quirks import ALWAYS, PLAYED, TRIED, Played
from tests.house.tree import ROOT

QUIRKS = ROOT / "sandbox" / "quirks"
REGISTERED = re.compile(r"@on_(?:call|event)\(\s*(\d+|None),\s*\"([a-z0-9-]+)\"")


def registered() -> dict[int, set[str]]:
    """Names by number, as the look-alike's catalogue registers them. Read as text: importing it loads its engine."""
    found: dict[int, set[str]] = {}
    for file in sorted(QUIRKS.glob("*.py")):
        for number, name in REGISTERED.findall(file.read_text("utf-8")):
            if number != "None":
                found.setdefault(int(number), set()).add(name)
    for number in re.findall(r"^    (\d+): \"", (QUIRKS / "__init__.py").read_text("utf-8"), re.MULTILINE):
        found.setdefault(int(number), set()).add(ALWAYS)
    return found


def test_every_oddity_that_must_be_playable_is_in_the_table_once() -> None:
    # Those left out are no more than how things are, or advice to a client: nothing in them can be played.
    left_out = {14, 26, 27, 30, 36, 39, 43}
    assert [each.number for each in PLAYED] == [*(n for n in range(1, 49) if n not in left_out), 52, 53, 54]


@pytest.mark.parametrize("each", PLAYED, ids=lambda each: f"{each.number}-{each.played}")
def test_an_oddity_can_be_played_and_the_tests_named_are_there(each: Played) -> None:
    assert each.played in registered()[each.number]
    assert each.survived
    for test in each.survived:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), test


def test_each_oddity_is_tried_on_a_host_or_says_why_no_verdict_depends_on_it() -> None:
    assert list(TRIED) == [each.number for each in PLAYED]
    named = {name for by in TRIED.values() if not isinstance(by, str) for name in by}
    assert named - {each.id for each in ASSUMPTIONS} == set()
