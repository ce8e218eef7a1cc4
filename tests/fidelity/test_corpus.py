"""doltlite answers what a real Dolt answered when the corpus was recorded, but for the differences that are listed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fidelity import shapes
from tests.fidelity.comparing import PLAYED_BY_DOLT_ALONE, compared
from tests.fidelity.differences import LISTED, LISTED_STORIES, Listed, ListedStory, alike
from tests.fidelity.playing import Answers, Corpus, played, recorded, stories

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return recorded()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return {story.name: answers for story, answers in played("doltlite", tmp_path_factory.mktemp("fidelity"))}


def test_doltlite_answers_what_dolt_answered(corpus: Corpus, ours: Answers) -> None:
    """One test, so that few processes of the suite play the stories."""
    assert _names(corpus.answers) == _names(ours)
    both = compared(corpus.answers, ours)
    assert [str(difference) for difference in both.differences] == []
    assert both.played_by_dolt_alone == PLAYED_BY_DOLT_ALONE
    assert both.unlike == {each.story for each in LISTED_STORIES}
    for listed in LISTED:
        assert next(_differs_by(listed, corpus, ours), None) is not None, listed.what


def test_the_history_that_the_questions_are_about_was_there(corpus: Corpus) -> None:
    for story in shapes.stories():
        begun = list(corpus.answers[story.name].values())[: len(shapes.HISTORY)]
        assert all("done" in answer for answer in begun), begun


def _names(answers: Answers) -> dict[str, list[str]]:
    return {story: list(steps) for story, steps in answers.items()}


def test_each_query_of_the_bot_is_asked() -> None:
    asked = {name.split(" ")[0] for name, _ in shapes.questions()}
    assert asked == set(shapes.query_functions())


def _differs_by(listed: Listed, corpus: Corpus, ours: Answers) -> Iterator[str]:
    for story in stories():
        for about, answer in corpus.answers[story.name].items():
            mine = ours[story.name][about]
            if alike(answer) == alike(mine) and alike(answer, without=listed) != alike(mine, without=listed):
                yield f"{story.name}: {about}"


@pytest.mark.parametrize("listed", [*LISTED, *LISTED_STORIES], ids=lambda listed: listed.what[:40])
def test_a_listed_difference_names_a_function_and_a_test_that_there_are(listed: Listed | ListedStory) -> None:
    module, _, function = listed.function.rpartition(".")
    assert hasattr(importlib.import_module(module), function)
    file, _, test = listed.test.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
