"""Words come once: whatever Redis forgets, the list hides or a process sleeps through, as long as one remembers."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bot.converge.converge import converge
from bot.converge.outcome import Moved
from bot.converge.perform import perform
from bot.converge.plan import plan
from bot.dolthub.connection import Connection
from bot.dolthub.errors import HubBusy
from bot.dolthub.requests import Request, Response
from bot.model.ids import PullNo
from bot.rulebook.judge import judge
from tests.world import World

ITEM = "w-com-001"
LAG = {"quirk": 41, "how": "lagging", "lag_ms": 60_000, "match": {"user": "bot", "operation": "listPullComments"}}
"""What was said in the last minute is not listed yet."""


def patient(world: World, about_to_s: float) -> World:
    world.policy = replace(world.policy, timing=replace(world.policy.timing, about_to_s=about_to_s))
    return world


def about_to_answer(world: World) -> tuple[PullNo, str]:
    """A reviewed work, and a question below it."""
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    return pull, world.comment(pull, "ana", "/help")


@pytest.mark.parametrize("who", ["who-said-it", "another-worker", "a-newcomer"])
def test_a_wipe_of_redis_while_the_list_lags_makes_nobody_say_a_thing_again(world: World, who: str) -> None:
    patient(world, 60)
    pull, _ = about_to_answer(world)
    one, other = world.bot(), world.bot()
    other.store.epoch.was_wiped(within_s=60)
    snapshot = world.observe(pull, one)
    steps = plan(snapshot, judge(snapshot, one.rules), one.commands).steps
    world.converge(pull, one)
    world.redis.flushall()
    world.db.play(LAG)
    if who == "a-newcomer":
        # One of those who were there before has come by since.
        other.store.epoch.was_wiped(within_s=60)
    bot = {"who-said-it": one, "another-worker": other, "a-newcomer": world.bot()}[who]
    ended = perform(steps[0], snapshot, bot.at(snapshot.commons))
    assert isinstance(ended, Moved)
    assert "Redis was wiped" in ended.why
    assert len(world.said(pull, "answer")) == 1


def test_after_a_wipe_words_come_when_nothing_can_be_hidden_any_more(world: World) -> None:
    patient(world, 0.5)
    pull, _ = about_to_answer(world)
    world.redis.flushall()
    assert "Redis was wiped" in world.converge(pull).stopped
    assert world.said(pull, "answer") == []
    time.sleep(0.6)
    world.converge(pull)
    assert len(world.said(pull, "answer")) == 1


def test_who_slept_between_the_note_and_the_word_does_not_say_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was frozen, or waited for its turn for longer than its note stood: meanwhile another has said it."""
    patient(world, 0.3)
    pull, _ = about_to_answer(world)
    sleeper, other = world.bot(), world.bot()
    exchange = Connection.exchange

    def late(connection: Connection, request: Request) -> Response:
        if connection is sleeper.at(world.commons).hub.connection and request.operation == "createPullComment":
            time.sleep(0.4)
            world.converge(pull, other)
        return exchange(connection, request)

    monkeypatch.setattr(Connection, "exchange", late)
    with pytest.raises(HubBusy, match="came too late"):
        converge(pull, sleeper.at(world.commons))
    monkeypatch.undo()
    world.settle()
    assert len(world.said(pull, "answer")) == 1


def test_a_list_that_hides_both_of_two_reviews_brings_neither_of_them_again(world: World) -> None:
    """Two heads reviewed within seconds; then the list goes back behind both, as another replica answers."""
    patient(world, 60)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.push("pia", f"wl/polecat-7/{ITEM}", f"UPDATE wanted SET description = 'more' WHERE id = '{ITEM}'")
    world.review(pull)
    before = world.said(pull, "review")
    assert len(before) == 2
    world.db.play(LAG)
    stopped = world.converge(pull).stopped
    assert stopped == "a comment was posted a moment ago and is not listed yet"
    assert world.said(pull, "review") == before
