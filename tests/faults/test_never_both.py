"""A decision is refused or carried out, never both: whatever is slow, hidden, asleep or wiped while it is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.converge.bot import Bot
from bot.converge.converge import look
from bot.converge.outcome import Done, Moved
from bot.converge.perform import perform
from bot.converge.plan.commands import refused
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy, HubGone
from bot.messages import md
from bot.model.ids import Commons, PullNo
from bot.model.policy import Landing
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, ClosePull, Land, MergePull, Step
from bot.store.notes import answer_deed
from sandbox.seed import wl_sql
from tests.faults.test_attacks import Meanwhile
from tests.journeys.test_trouble import Worker, edit, headlines, trouble
from tests.kill_switch import Killed, KillSwitch
from tests.patience import until
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import World, make_world

ITEM = "w-com-001"
BRANCH = f"wl/polecat-7/{ITEM}"
ACCEPT = "/accept --quality 4"
DEEDS = {MergePull: ACCEPT, Land: "/close --yes solved elsewhere", ClosePull: "/close --pull-only not this way"}
"""The first step of a decision, and a decision it is the first step of."""


def decided(world: World, bot: Bot, text: str = ACCEPT) -> PullNo:
    """A reviewed work on which ana has just decided; its evidence is fresh."""
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.comment(pull, "ana", text)
    world.probe(world.observe(pull, bot), bot)
    return pull


def patient(world: World, about_to_s: float) -> None:
    world.policy = replace(world.policy, timing=replace(world.policy.timing, about_to_s=about_to_s))


def refusal(snapshot: Snapshot, deed: Step, bot: Bot) -> Answer:
    """What is said where DoltHub refuses a deed."""
    comment = next(c for c in snapshot.comments if c.id == getattr(deed, "comment", None))
    return refused(snapshot, comment, bot.commands, md.own("This could not be carried out."), md.own("Look again."))


def stands_untouched(world: World, pull: PullNo) -> bool:
    row = world.row("wanted", id=ITEM)
    return (world.state(pull), world.count("completions"), row is not None and row["status"]) == ("open", 0, "open")


# --- the list of comments lags --------------------------------------------------------------------------------------


def test_a_merge_that_was_refused_is_not_made_after_all_while_the_answer_is_not_listed_yet(world: World) -> None:
    patient(world, 60)
    bot = world.bot()
    pull = decided(world, bot)
    no = {"quirk": "status", "status": 422, "detail": "no", "times": 1, "match": {"operation": "mergePull"}}
    with trouble(world, no, {"quirk": 41, "how": "lagging", "after": 3}):
        assert "is not listed yet" in world.converge(pull, bot).stopped
    assert (headlines(world, pull, "answer"), stands_untouched(world, pull)) == (["REFUSED"], True)
    world.converge(pull, bot)
    assert (headlines(world, pull, "answer"), stands_untouched(world, pull)) == (["REFUSED"], True)


def test_rows_that_were_refused_do_not_land_after_all_while_the_answer_is_not_listed_yet(world: World) -> None:
    patient(world, 60)
    bot = world.bot()
    pull = decided(world, bot)
    no = {"quirk": "status", "status": 422, "detail": "no", "times": 1, "after": 1, "match": {"operation": "mergePull"}}
    with trouble(world, no, {"quirk": 41, "how": "lagging", "after": 5}):
        assert "is not listed yet" in world.converge(pull, bot).stopped
    assert (headlines(world, pull, "answer"), world.state(pull), world.count("stamps")) == (["REFUSED"], "merged", 0)
    world.settle(bot)
    assert (headlines(world, pull, "answer"), world.count("stamps")) == (["REFUSED"], 0)
    assert [p["state"] for p in world.pulls() if p["creator"] == "bot"] == ["closed"]


def test_after_a_wipe_nothing_is_done_for_a_command_whose_answer_may_be_hidden(world: World) -> None:
    patient(world, 60)
    sleeper = world.bot()
    pull = decided(world, sleeper)
    snapshot, _, due = look(pull, sleeper.at(world.commons))
    sleeper.store.epoch.was_wiped(within_s=60)
    perform(refusal(snapshot, due.steps[0], sleeper), snapshot, world.bot().at(snapshot.commons))
    world.redis.flushall()
    world.db.play({"quirk": 41, "how": "lagging", "match": {"user": "bot"}})
    ended = perform(due.steps[0], snapshot, sleeper.at(snapshot.commons))
    assert isinstance(ended, Moved)
    assert "Redis was wiped" in ended.why
    assert (headlines(world, pull, "answer"), stands_untouched(world, pull)) == (["REFUSED"], True)


# --- somebody slept -------------------------------------------------------------------------------------------------


def answer_it(world: World, pull: PullNo, snapshot: Snapshot, deed: Step) -> None:
    bot = world.bot()
    assert isinstance(perform(refusal(snapshot, deed, bot), snapshot, bot.at(snapshot.commons)), Done)
    # Long ago, as far as notes remember.
    world.redis.delete(*world.redis.keys("stampbot:about*"))


def edit_it(world: World, pull: PullNo, _snapshot: Snapshot, deed: Step) -> None:
    edit(world, pull, str(getattr(deed, "comment", "")), "/help")


def delete_it(world: World, pull: PullNo, _snapshot: Snapshot, deed: Step) -> None:
    gone = {"database": world.db.name, "number": pull, "comment_id": getattr(deed, "comment", "")}
    world.sandbox.admin("DELETE", "/comments", gone)


def cancel_it(world: World, pull: PullNo, _snapshot: Snapshot, _deed: Step) -> None:
    world.comment(pull, "ana", "/cancel")
    world.converge(pull, world.bot())
    assert headlines(world, pull, "answer") == ["TAKEN BACK"]
    world.redis.delete(*world.redis.keys("stampbot:about*"))


@pytest.mark.parametrize(
    ("deed", "meanwhile"),
    [
        (MergePull, answer_it),
        (Land, answer_it),
        (ClosePull, answer_it),
        (MergePull, edit_it),
        (MergePull, delete_it),
        (MergePull, cancel_it),
    ],
)
def test_who_slept_over_the_end_of_a_command_does_nothing_for_it(
    world: World, deed: type[Step], meanwhile: Callable[[World, PullNo, Snapshot, Step], None]
) -> None:
    sleeper = world.bot()
    pull = decided(world, sleeper, DEEDS[deed])
    snapshot, _, due = look(pull, sleeper.at(world.commons))
    assert isinstance(due.steps[0], deed)
    meanwhile(world, pull, snapshot, due.steps[0])
    ended = perform(due.steps[0], snapshot, sleeper.at(snapshot.commons))
    assert isinstance(ended, Moved)
    assert "meanwhile" in ended.why
    assert stands_untouched(world, pull)
    assert not sleeper.store.at(world.commons).notes.merge_begun(pull)


def test_of_who_merges_and_who_refuses_at_once_each_sees_the_note_of_the_other(world: World) -> None:
    bot = world.bot()
    pull = decided(world, bot)
    snapshot, _, due = look(pull, bot.at(world.commons))
    merge, notes = due.steps[0], bot.store.at(world.commons).notes
    assert notes.intend_merge(pull, ttl_s=60)
    ended = perform(refusal(snapshot, merge, bot), snapshot, bot.at(snapshot.commons))
    assert (ended, world.said(pull, "answer")) == (Moved("a merge was started a moment ago"), [])
    notes.drop_merge(pull)
    assert isinstance(perform(refusal(snapshot, merge, bot), snapshot, bot.at(snapshot.commons)), Done)
    assert isinstance(perform(merge, snapshot, bot.at(snapshot.commons)), Moved)
    assert (headlines(world, pull, "answer"), world.state(pull)) == (["REFUSED"], "open")


def test_of_who_merges_and_who_takes_the_command_back_at_once_each_sees_the_note_of_the_other(world: World) -> None:
    bot = world.bot()
    pull = decided(world, bot)
    snapshot, _, due = look(pull, bot.at(world.commons))
    merge, notes = due.steps[0], bot.store.at(world.commons).notes
    world.comment(pull, "ana", "/cancel")
    after, _, due = look(pull, bot.at(world.commons))
    assert notes.intend_merge(pull, ttl_s=60)
    assert (perform(due.steps[0], after, bot.at(world.commons))) == Moved("a merge was started a moment ago")
    notes.drop_merge(pull)
    assert isinstance(perform(due.steps[0], after, bot.at(world.commons)), Done)
    world.db.play({"quirk": 41, "how": "lagging", "match": {"user": "bot"}})
    assert isinstance(perform(merge, snapshot, bot.at(world.commons)), Moved), "the answer is not listed yet"
    assert (headlines(world, pull, "answer"), world.state(pull)) == (["TAKEN BACK"], "open")


# --- a merge that outlasts our patience -----------------------------------------------------------------------------


def test_nothing_is_refused_while_a_merge_that_was_begun_may_still_come_about(world: World) -> None:
    """The head moves meanwhile: without the merge the accept would be refused for that, and nothing would be changed."""
    worker = Worker(world, operation_wait_s=0.05)
    pull = decided(world, worker.deps)
    world.db.play({"quirk": 34, "how": "slow", "ms": 1500, "times": 1})
    (line,) = worker.look(pull)
    assert "still running" in line
    world.push("pia", BRANCH, f"UPDATE completions SET evidence = '{world.evidence}/acme/relay/pull/9'")
    world.comment(pull, "bo", ACCEPT)
    world.comment(pull, "mallory", "/status")
    while world.state(pull) == "open":
        assert all("main moved this moment" in line for line in worker.look(pull))
        assert headlines(world, pull, "answer") == ["STATUS"] or world.state(pull) == "merged"
    world.settle()
    answers = world.said(pull, "answer")
    assert [answer.partition("·")[0].strip("* ") for answer in answers] == ["STATUS", "REFUSED", "REFUSED"]
    assert "NOT STAMPED" in answers[1]
    assert not any("Nothing was changed" in answer for answer in answers[1:])
    assert world.count("stamps") == 0


@pytest.mark.parametrize(
    ("text", "ends"),
    [(ACCEPT, ("ACCEPTED", "merged", 1)), (DEEDS[Land], ("CLOSED, ITEM COMPLETED WITHOUT A STAMP", "closed", 0))],
)
def test_a_hold_that_comes_while_a_merge_is_running_refuses_nothing_that_comes_about(
    world: World, text: str, ends: tuple[str, str, int]
) -> None:
    """Whoever is kept waiting is told so, and others are heard meanwhile."""
    world.policy = replace(world.policy, timing=replace(world.policy.timing, park_s=0))
    worker = Worker(world, operation_wait_s=0.05)
    pull = decided(world, worker.deps, text)
    world.db.play({"quirk": 34, "how": "slow", "ms": 2500, "times": 1, "match": {"operation": "mergePull"}})
    while "mergePull" not in world.db.counts():
        worker.look(pull)
    world.comment(pull, "bo", "/hold wait for me")
    while "HELD" not in headlines(world, pull, "answer"):
        worker.look(pull)
    while world.count("completions") == 0:
        worker.look(pull)
        assert headlines(world, pull, "answer") == ["KEPT", "HELD"] or world.count("completions"), world.said(pull, "answer")
    world.settle()
    outcome = headlines(world, pull, "answer")[2:], world.state(pull), world.count("stamps")
    assert outcome == ([ends[0]], *ends[1:])


def test_trouble_with_reading_after_a_merge_is_no_refusal_of_it(world: World) -> None:
    bot = world.bot()
    pull = decided(world, bot)
    lost = {"quirk": "status", "status": 404, "detail": "no such pull", "after": 2, "times": 1}
    with trouble(world, lost | {"match": {"operation": "getPull", "user": "bot"}}), pytest.raises(Exception, match="404"):
        world.converge(pull, bot)
    assert (world.said(pull, "answer"), world.state(pull)) == ([], "merged")
    world.settle(bot)
    assert (headlines(world, pull, "answer"), world.count("stamps")) == (["ACCEPTED"], 1)


# --- two of us land the same decision -------------------------------------------------------------------------------


def test_rows_that_another_try_brought_by_its_own_pull_are_no_reason_to_refuse(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sleeps before it merges its landing pull. Main touches the rows, so the second puts that pull away, lands anew
    and dies before it answers.
    """
    sleeper, second = world.bot(), world.bot(KillSwitch(7, "after"))
    pull = decided(world, sleeper)
    merge = Hub.merge

    def late(hub: Hub, commons: Commons, number: PullNo, **more: Any) -> None:
        if hub is sleeper.at(commons).hub and number != pull:
            world.redis.delete(second.store.keys.lease(f"landing:{commons}"))
            world.db.push("main", f"UPDATE wanted SET priority = 3 WHERE id = '{ITEM}'")
            with pytest.raises(Killed):
                world.converge(pull, second)
            until(lambda: world.count("stamps"))
            assert world.said(pull, "answer") == []
        merge(hub, commons, number, **more)

    monkeypatch.setattr(Hub, "merge", late)
    world.converge(pull, sleeper)
    monkeypatch.undo()
    world.settle()
    assert (headlines(world, pull, "answer"), world.count("stamps")) == (["ACCEPTED"], 1)
    assert sorted(p["state"] for p in world.pulls() if p["creator"] == "bot") == ["closed", "merged"]


def test_rows_that_stand_on_main_are_named_where_dolthub_refuses_the_next_one(
    world_sandbox: SandboxProcess, world_redis: RedisProcess
) -> None:
    world = make_world(world_sandbox, world_redis, landing=Landing.DIRECT)
    pull = decided(world, world.deps, "/close --yes solved elsewhere")
    no = {"quirk": "status", "status": 422, "detail": "no", "after": 1, "match": {"operation": "runSqlWriteQuery"}}
    with trouble(world, no):
        world.converge(pull)
    (answer,) = world.said(pull, "answer")
    assert answer.startswith("**REFUSED**")
    assert f"for a maintainer to put right: completions {wl_sql.completion_id(ITEM, 'polecat-7')}" in answer
    assert "Nothing was changed" not in answer
    assert (world.state(pull), world.count("completions")) == ("open", 1)
    world.close()


# --- between the last look and the deed -----------------------------------------------------------------------------


def test_an_answer_that_is_begun_while_comments_are_read_stops_the_merge(world: World) -> None:
    pull = decided(world, world.deps)
    (asked,) = [c.id for c in world.observe(pull).comments if c.author == "ana"]

    def begin_to_answer() -> None:
        assert world.deps.store.at(world.commons).notes.record_intent(pull, answer_deed(asked), ttl_s=60)

    bot = world.bot(Meanwhile("GET", f"pulls/{pull}/comments", begin_to_answer, after=1))
    snapshot, _, due = look(pull, bot.at(world.commons))
    assert "not listed yet" in str(perform(due.steps[0], snapshot, bot.at(snapshot.commons)))
    assert (world.state(pull), bot.store.at(world.commons).notes.merge_begun(pull)) == ("open", False)


def test_an_answer_that_is_begun_while_rows_are_written_stops_the_landing(world: World) -> None:
    pull = decided(world, world.deps, DEEDS[Land])
    (asked,) = [c.id for c in world.observe(pull).comments if c.author == "ana"]

    def begin_to_answer() -> None:
        assert world.deps.store.at(world.commons).notes.record_intent(pull, answer_deed(asked), ttl_s=60)

    bot = world.bot(Meanwhile("POST", "/pulls", begin_to_answer))
    with pytest.raises(HubBusy, match="not listed yet"):
        world.converge(pull, bot)
    assert stands_untouched(world, pull)


def test_a_refused_merge_is_no_answer_while_another_job_runs_on_the_commons(world: World) -> None:
    other = world.hand_in("otto", "brass-otter", "w-com-002")

    def merge_another() -> None:
        world.db.play({"quirk": 34, "how": "runs", "times": 1, "match": {"operation": "mergePull", "user": "bo"}})
        world.db.api("POST", f"/pulls/{other}/merge", user="bo", json={})
        world.db.play({"quirk": 35, "how": "refused", "match": {"operation": "mergePull", "user": "bot"}})

    pull = decided(world, world.deps)
    bot = world.bot(Meanwhile("POST", f"pulls/{pull}/merge", merge_another))
    assert world.converge(pull, bot).stopped == "another merge is running on this commons"
    assert world.said(pull, "answer") == []


def test_what_came_to_main_while_we_looked_is_looked_at_anew(world: World) -> None:
    pull = decided(world, world.deps)
    notes = world.deps.store.at(world.commons).notes
    assert notes.intend_merge(pull, ttl_s=0.001)
    until(lambda: not notes.merge_intended(pull))
    touch = f"UPDATE wanted SET priority = 3 WHERE id = '{ITEM}'"
    bot = world.bot(Meanwhile("GET", "/operations", lambda: world.db.push("main", touch)))
    with pytest.raises(HubBusy, match="main moved this moment"):
        world.observe(pull, bot)


def test_a_row_whose_end_was_not_seen_keeps_refusals_waiting(world_sandbox: SandboxProcess, world_redis: RedisProcess) -> None:
    world = make_world(world_sandbox, world_redis, landing=Landing.DIRECT)
    patient(world, 60)
    bot = world.bot()
    pull = decided(world, bot, DEEDS[Land])
    snapshot, _, due = look(pull, bot.at(world.commons))
    lost = {"quirk": 22, "how": "done", "match": {"operation": "runSqlWriteQuery"}}
    with trouble(world, lost), pytest.raises(HubBusy, match="unknown end"):
        world.converge(pull, bot)
    assert perform(refusal(snapshot, due.steps[0], bot), snapshot, bot.at(snapshot.commons)) == Moved(
        "a merge was started a moment ago"
    )
    world.close()


def test_a_commons_that_seems_gone_for_a_moment_refuses_nobody(world: World) -> None:
    bot = world.bot()
    pull = decided(world, bot, DEEDS[Land])
    gone = {"quirk": "status", "status": 404, "detail": "no such repository", "match": {"operation": "listBranches"}}
    bot = world.bot(Meanwhile("GET", f"pulls/{pull}/comments", lambda: world.db.play(gone), after=1))
    with pytest.raises(HubGone):
        world.converge(pull, bot)
    world.sandbox.admin("DELETE", "/faults", database=world.db.name)
    assert world.said(pull, "answer") == []
