"""Merges as a Dolt engine makes them: by fast-forward, and with JSON null for NULL after a migration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.dolthub.errors import HubBusy
from bot.model.ids import CommitHash, PullNo
from sandbox.seed import wl_sql
from tests.journeys.test_kinds import ITEM, item_now, outcomes
from tests.world import World

ACCEPT = "/accept --quality 4"
FAST_FORWARD = {"quirk": "fast-forward"}


def reviewed(world: World) -> tuple[PullNo, CommitHash]:
    """A pull with work and a review of it, and its head."""
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    return pull, head_of(world)


def head_of(world: World) -> CommitHash:
    return CommitHash(world.db.head(f"wl/polecat-7/{ITEM}", database=world.fork_of("pia")))


def merges(world: World) -> int:
    """Merge commits that main holds."""
    return int(world.db.sql("SELECT COUNT(*) FROM dolt_commit_ancestors WHERE parent_index = 1")[0][0] or 0)


def stamped(world: World, pull: PullNo) -> tuple[list[str], str, int, tuple[str | None, str | None]]:
    return outcomes(world, pull), world.state(pull), world.count("stamps"), item_now(world)


def test_work_that_left_main_before_a_migration_is_stamped(world: World) -> None:
    pull, _ = reviewed(world)
    world.db.push("main", "ALTER TABLE wanted ADD COLUMN points INT")
    world.db.play({"quirk": "json-null", "times": 1})
    world.settle()
    world.comment(pull, "ana", ACCEPT)
    world.settle()
    assert stamped(world, pull) == (["ACCEPTED"], "merged", 1, ("completed", "polecat-7"))
    item = world.row("wanted", id=ITEM)
    assert item is not None
    assert (item["sandbox_scope"], item["points"]) == ("null", None)


def test_work_that_is_merged_by_fast_forward_is_stamped(either_world: World) -> None:
    world = either_world
    pull, head = reviewed(world)
    world.db.play(FAST_FORWARD)
    world.comment(pull, "ana", ACCEPT)
    world.settle()
    assert stamped(world, pull) == (["ACCEPTED"], "merged", 1, ("completed", "polecat-7"))
    assert merges(world) == 0
    assert f"Merged `{head[:7]}` as `{head[:7]}`" in world.said(pull, "answer")[0]


def test_work_that_was_merged_by_hand_and_fast_forward_is_stamped(world: World) -> None:
    pull, head = reviewed(world)
    world.db.play(FAST_FORWARD)
    world.merge_by_hand(pull)
    assert world.db.head() == head
    world.settle()
    world.comment(pull, "ana", ACCEPT)
    world.settle()
    assert stamped(world, pull) == (["ACCEPTED"], "merged", 1, ("completed", "polecat-7"))


def test_an_accept_by_fast_forward_is_finished_where_the_answer_was_lost(either_world: World) -> None:
    world = either_world
    pull, _ = reviewed(world)
    world.db.play(FAST_FORWARD, {"quirk": "status", "status": 503, "match": {"operation": "createPullComment"}, "times": 1})
    world.comment(pull, "ana", ACCEPT)
    with pytest.raises(HubBusy, match="503"):
        world.settle()
    world.db.push("main", "UPDATE wanted SET title = 'Other' WHERE id = 'w-com-003'")
    world.settle(world.bot())
    assert stamped(world, pull) == (["ACCEPTED"], "merged", 1, ("completed", "polecat-7"))


def test_a_pull_from_a_branch_of_the_commons_is_reviewed_and_stamped(world: World) -> None:
    branch = "polecat-7-work"
    rows = (*wl_sql.claim(ITEM, "polecat-7"), *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    world.db.push(branch, *rows, user="pia")
    world.db.push("main", "UPDATE wanted SET title = 'Other' WHERE id = 'w-com-003'")
    opened = world.db.open_pull(f"[wl] {ITEM}", creator="pia", from_database=world.db.name, from_branch=branch)
    pull = PullNo(opened)
    world.review(pull)
    world.comment(pull, "ana", ACCEPT)
    world.settle()
    assert stamped(world, pull) == (["ACCEPTED"], "merged", 1, ("completed", "polecat-7"))


def refusals(world: World, pull: PullNo) -> list[str]:
    """What the bot answers when it has waited long enough for a merge to show."""
    world.settle()
    assert outcomes(world, pull) == []
    world.settle(world.bot(clock=lambda: datetime.now(UTC) + timedelta(minutes=2)))
    return world.said(pull, "answer")


def test_a_head_that_was_pushed_on_top_is_not_taken_for_the_fast_forward_that_was_reviewed(world: World) -> None:
    pull, head = reviewed(world)
    smuggled = "UPDATE rigs SET trust_level = 5 WHERE handle = 'polecat-7'"
    world.db.play(FAST_FORWARD, {"quirk": "head-moved", "sql": smuggled, "times": 1})
    world.comment(pull, "ana", ACCEPT)
    (answer,) = refusals(world, pull)
    assert "not from a head that was reviewed here" in answer
    assert (world.state(pull), world.count("stamps"), merges(world)) == ("merged", 0, 0)
    assert head in [row[0] for row in world.db.sql("SELECT commit_hash FROM dolt_log")]


def test_main_is_not_taken_for_fast_forwarded_where_its_own_line_went_through_the_branch(world: World) -> None:
    # The branch merged main in, so that main is the second parent of its head: rows and trust before that are the worker's.
    branch = f"wl/polecat-7/{ITEM}"
    world.push("pia", branch, *wl_sql.claim(ITEM, "polecat-7"))
    world.db.push("main", "UPDATE wanted SET title = 'Other' WHERE id = 'w-com-003'")
    world.synchronise("pia", branch)
    world.push("pia", branch, *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    pull = world.open_pull("pia", branch, f"[wl] {ITEM}")
    world.review(pull)
    assert f"`stampbot/1 review {world.db.head()}~" in world.said(pull, "review")[0]
    world.db.play(FAST_FORWARD)
    world.comment(pull, "ana", ACCEPT)
    (answer,) = refusals(world, pull)
    assert "not from a head that was reviewed here" in answer
    assert (world.state(pull), world.db.head(), world.count("stamps")) == ("merged", head_of(world), 0)
