"""The bot's own comments are read once a look, and what they say together holds whatever else is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands import catalog as commands
from bot.converge.plan import plan
from bot.model import journal
from bot.model.ids import User
from bot.model.journal import Journal
from bot.model.mark import Mark, read_mark
from bot.model.pull import Comment
from bot.rulebook import catalog as rules
from bot.rulebook.judge import judge
from tests.build import BOT, NOW, a_comment, a_hold, a_review, a_snapshot


def test_the_mark_of_each_comment_is_read_once_in_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    said = tuple(a_comment(User(f"user-{n}"), f"/accept --quality {n}", NOW - timedelta(minutes=n)) for n in range(1, 101))
    snapshot = replace(a_snapshot(), comments=(a_review(), *reversed(said)))
    read: list[Comment] = []

    def counted(comment: Comment, bot: User | None) -> Mark | None:
        read.append(comment)
        return read_mark(comment, bot)

    monkeypatch.setattr(journal, "read_mark", counted)
    plan(snapshot, judge(snapshot, rules.find()), commands.find())
    assert read == list(snapshot.comments)


def test_a_copy_of_a_snapshot_reads_its_own_comments() -> None:
    snapshot = a_snapshot()
    assert snapshot.holds == ()
    held = replace(snapshot, comments=(*snapshot.comments, a_hold("cy", at=NOW)))
    assert [hold.by for hold in held.holds] == ["cy"]
    assert (snapshot.holds, held) == ((), replace(held))


def test_a_journal_of_no_account_is_empty() -> None:
    found = Journal((a_hold("cy", at=NOW),), None)
    assert (found.answers, found.reviews, found.holds_at(NOW)) == ((), (), ())
    assert [hold.by for hold in Journal(found.comments, BOT).holds_at(NOW)] == ["cy"]
