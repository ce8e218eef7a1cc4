"""Whatever a pull is held against has somebody in the house who sees to it, and a test that shows it."""

from __future__ import annotations

import ast

import pytest

from bot.rulebook import find
from tests.house.checks import Check, checks
from tests.house.tree import ROOT, tree

CHECKS = tuple(checks())


@pytest.mark.parametrize("check", CHECKS, ids=[check.asks for check in CHECKS])
def test_each_check_has_somebody_who_sees_to_it_or_says_why_not(check: Check) -> None:
    assert bool(check.rules or check.places) is not bool(check.limit)
    assert set(check.rules) <= set(find().names)
    for place in check.places:
        assert (ROOT / place.path).is_file()
        path, _, name = place.shown.partition("::")
        assert name in {node.name for node in ast.walk(tree(ROOT / path)) if isinstance(node, ast.FunctionDef)}


def test_no_rule_is_there_for_nothing() -> None:
    assert set(find().names) - {name for check in CHECKS for name in check.rules} == {"claim_waits_for_evidence"}


def test_nothing_is_asked_twice() -> None:
    assert len({check.asks for check in CHECKS}) == len(CHECKS) >= 59
