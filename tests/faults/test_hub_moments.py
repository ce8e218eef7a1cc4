"""Moments at the hub: done and called failed, a head that moves, two validators at once, pulls beyond measure or gone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.dolthub.errors import HubGone
from bot.model.ids import PullNo
from bot.sweep.sweep import sweep
from sandbox.seed import wl_sql
from tests.faults.bots import STILL_S, Bots, Town, bots, environment, town
from tests.faults.many_works import answered_once, decide, many_works, put_away
from tests.faults.stories import ITEM, STORIES, check
from tests.patience import STATE_WAIT_S, ends_within, until
from tests.redis_process import RedisProcess
from tests.world import World

__all__ = ["bots", "town"]

ACCEPT_PULL, ACCEPT_DIRECT, *_ = STORIES
DONE = wl_sql.completion_id(ITEM, "polecat-7")
BRANCH = f"wl/polecat-7/{ITEM}"


@pytest.mark.parametrize(
    ("town", "at"),
    [
        pytest.param(ACCEPT_PULL, 1, id="merge"),
        pytest.param(ACCEPT_PULL, 5, id="row-on-branch", marks=pytest.mark.slow),
        pytest.param(ACCEPT_PULL, 7, id="landing-merge", marks=pytest.mark.slow),
        pytest.param(ACCEPT_PULL, 8, id="answer"),
        pytest.param(ACCEPT_DIRECT, 4, id="stamp-straight-to-main", marks=pytest.mark.slow),
    ],
    indirect=["town"],
)
def test_what_is_called_failed_and_was_done_counts_as_done(town: Town, at: int) -> None:
    town.gate.lie_at(at)
    town.start()
    until(lambda: town.world.said(town.pull, "answer"))
    time.sleep(STILL_S)
    check(town.world, town.pull, town.story)
    assert town.gate.effects.count("POST comments") == 1


def test_an_accept_of_a_head_that_moved_meanwhile_is_refused_and_names_the_new_one(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    seen = world.observe(pull).head
    now = world.push("pia", BRANCH, f"UPDATE completions SET evidence = '{world.evidence}/acme/relay/pull/9'")
    world.comment(pull, "ana", f"/accept --quality 4 --at {seen}")
    world.comment(pull, "bo", "/accept --quality 4")
    world.settle()
    answers = world.said(pull, "answer")
    assert [answer.partition(" ")[0] for answer in answers] == ["**REFUSED**"] * 2
    assert all(now[:8] in answer for answer in answers)
    assert (world.state(pull), world.count("stamps")) == ("open", 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("rounds", [50], ids=["fifty-rounds"])
def test_of_two_validators_in_one_moment_the_first_stamps_and_both_are_answered(
    world: World, world_redis: RedisProcess, bots: Bots, tmp_path: Path, rounds: int
) -> None:
    works = many_works(world, rounds)
    with bots.running(environment(world, None, world_redis, tmp_path), many=2):
        decide(world, works, "ana", "bo")
        until(lambda: all(len(world.said(pull, "answer")) == 2 for pull in works), patience_s=STATE_WAIT_S + 10 * rounds)
        time.sleep(STILL_S)
        until(lambda: put_away(world))
    answered_once(world, works, deciders=2)


# --- beyond measure (a TEXT column takes 64 KiB, so ten megabytes come in many rows) -----------------------------------

BIG: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "five-thousand-rows",
        tuple(
            "INSERT INTO wanted (id, title, status) VALUES "
            + ", ".join(f"('w-{part}-{n}', 'one of many', 'open')" for n in range(1000))
            for part in range(5)
        ),
    ),
    (
        "ten-megabytes",
        (
            "INSERT INTO wanted (id, title, status, description) VALUES "
            + ", ".join(f"('w-big-{n}', 'one of many', 'open', '{'long ' * 12}')" for n in range(160)),
            *("UPDATE wanted SET description = CONCAT(description, description) WHERE id LIKE 'w-big-%'" for _ in range(10)),
        ),
    ),
    ("two-hundred-links", (f"UPDATE completions SET evidence = '{'http://127.0.0.1:1/x ' * 200}' WHERE id = '{DONE}'",)),
)


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(statements, marks=[] if name == "two-hundred-links" else pytest.mark.slow, id=name)
        for name, statements in BIG
    ],
)
def test_a_pull_beyond_measure_gets_one_short_review_for_a_bounded_price(world: World, statements: tuple[str, ...]) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.push("pia", BRANCH, *statements)
    before = len(world.asked)
    with ends_within(60):
        world.settle()
    (review,) = world.said(pull, "review")
    assert len(review) < 20_000
    assert len(world.asked) - before < 150
    assert not review.startswith("**READY**")


def test_a_thousand_commands_in_one_comment_are_one_answer_and_no_deed(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    text = "\n".join(["/accept --quality 4", "/reject no", "/close --yes why not", "/help"] * 250)
    world.comment(pull, "ana", text + "\n" + "talk " * (12_000 - len(text) // 5))
    before = len(world.asked)
    world.settle()
    (answer,) = world.said(pull, "answer")
    assert len(answer) < 20_000
    assert len(world.asked) - before < 60
    assert (world.state(pull), world.count("stamps")) == ("open", 0)


@pytest.mark.parametrize(
    "what", [pytest.param("branch", marks=pytest.mark.slow), pytest.param("fork", marks=pytest.mark.slow), "pull"]
)
def test_what_is_deleted_in_the_middle_of_a_decision_leaves_no_crash_and_no_half(world: World, what: str) -> None:
    """Deleted after the review: the branch, the whole fork, or (as far as the API shows) the pull itself."""
    pull = world.hand_in("pia", "polecat-7", ITEM)
    other = world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    world.comment(other, "ana", "/accept --quality 4")
    fork = world.fork_of("pia")
    if what == "branch":
        world.sandbox.admin("DELETE", "/branches", {"database": fork, "branch": BRANCH})
    elif what == "fork":
        world.sandbox.admin("DELETE", "/databases", {"database": fork})
        world.db.made.remove(fork)
    else:
        gone = {"quirk": "status", "status": 404, "detail": "no such pull"}
        world.db.play({**gone, "match": {"user": "bot", "path": f"*/pulls/{pull}*"}})
        _settle_all_but(world, pull)
    if what != "pull":
        world.settle()
    assert world.state(other) == "merged"
    assert world.count("stamps", f"context_id = '{DONE}'") == 0
    assert world.state(pull) == "open"


def _settle_all_but(world: World, gone: PullNo) -> None:
    """As `world.settle`, where one pull is listed and cannot be read."""
    for _ in range(6):
        sweep(world.deps.at(world.commons))
        for pull in world.pulls():
            number = PullNo(pull["pull_number"])
            if number == gone:
                with pytest.raises(HubGone):
                    world.converge(number)
            else:
                world.converge(number)
        world.answer_knocks_at_the_prober()
