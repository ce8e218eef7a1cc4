"""Titles and notes of decisions: by them the bot finds its own way back, whatever strangers call their items."""

from __future__ import annotations

import pytest

from bot.commands import decision_rows
from bot.model.ids import CommentId, PullNo
from tests.build import a_comment, a_snapshot, added, changes_of


@pytest.mark.parametrize("item", ["w-1", "w-1 (pull 9, comment c-1)", "w-1 (pull 9) by eve", "w (pull 9"])
def test_a_decision_names_its_own_pull_whatever_its_item_is_called(item: str) -> None:
    snapshot = a_snapshot(changes=changes_of(added("completions", wanted_id=item)))
    comment = a_comment("ana", "/accept -q 4", id=CommentId("c-7"))
    title = decision_rows.landing_title("accept", snapshot, comment)
    assert (decision_rows.served_pull(title), decision_rows.serves_comment(title, comment.id)) == (PullNo(57), True)
    assert decision_rows.noted(decision_rows.note("accept", snapshot, comment)) == (item, PullNo(57))


@pytest.mark.parametrize(
    "title", ["", "w-1 (pull 7, comment c)", "stampbot: accept w-1", "stampbot: accept w-1 (pull x, comment c)"]
)
def test_what_only_looks_like_a_title_of_ours_serves_no_pull(title: str) -> None:
    assert decision_rows.served_pull(title) is None
