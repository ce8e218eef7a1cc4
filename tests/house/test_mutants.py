"""The mutation check itself: a rule turned round is noticed, one left as it is is not, and one without end is ended."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from tests import mutants
from tests.house.tree import ROOT
from tests.mutants import Mutant, Outcome, Target, Tried, ended, score, start, targets

RULE = next(target for target in targets() if target.module == "rules.landing_branches_are_the_bots")
SOURCE = RULE.path.read_text("utf-8")

needs_cosmic_ray = pytest.mark.skipif(importlib.util.find_spec("cosmic_ray") is None, reason="cosmic-ray is not installed")


@pytest.fixture(autouse=True)
def _at_the_top() -> Iterator[None]:
    before = os.getcwd()
    os.chdir(ROOT)
    yield
    os.chdir(before)


def outcome(source: str, target: Target = RULE) -> Outcome | None:
    return ended(start(target, source), wait=True)


def test_every_rule_is_a_target_with_tests_that_are_there() -> None:
    named = {target.module.rpartition(".")[2] for target in targets()}
    assert named == {"kind", "cells", *(path.stem for path in (ROOT / "rules").glob("*.py") if path.stem != "__init__")}
    assert [target.module for target in targets() if not target.tests] == []


def test_a_rule_as_it_is_passes_and_one_that_finds_nothing_is_noticed() -> None:
    assert outcome(SOURCE) is Outcome.SURVIVED
    silent = SOURCE.replace(
        "def check(pull: Snapshot) -> Iterator[Finding]:\n", "def check(pull: Snapshot) -> Iterator[Finding]:\n    return\n"
    )
    assert silent != SOURCE
    assert outcome(silent) is Outcome.KILLED
    assert RULE.path.read_text("utf-8") == SOURCE


def test_what_has_no_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "RUN_MAX_S", 1)
    assert outcome(SOURCE + "\nwhile True:\n    pass\n") is Outcome.ENDLESS


def test_the_classifier_is_put_in_place_of_the_real_one() -> None:
    kind = next(target for target in targets() if target.module == "bot.model.kind")
    source = kind.path.read_text("utf-8")
    turned = source.replace("BACKFILL_ROWS_MIN = 100", "BACKFILL_ROWS_MIN = 3")
    assert turned != source
    assert outcome(turned, kind) is Outcome.KILLED


def test_the_score_is_the_part_that_was_noticed() -> None:
    mutant = Mutant(module="rules.x_y", operator="core/AddNot", occurrence=0, line=1)
    tried = [Tried(mutant=mutant, outcome=each, before="", after="") for each in (*Outcome, Outcome.KILLED)]
    assert (score(tried), score([])) == (0.75, 1.0)


@needs_cosmic_ray
def test_no_mutant_is_made_in_an_annotation(tmp_path: object) -> None:
    kind = next(target for target in targets() if target.module == "bot.model.kind")
    lines = kind.path.read_text("utf-8").split("\n")
    made = list(mutants.mutants(kind))
    assert len(made) > 100
    astray = [lines[mutant.line - 1] for mutant in made if "bot: User | None" in lines[mutant.line - 1]]
    assert astray == []


@needs_cosmic_ray
def test_each_mutant_is_another_program() -> None:
    made = [mutants.mutated(SOURCE, mutant) for mutant in mutants.mutants(RULE)]
    assert len(made) > 1
    assert SOURCE not in made
