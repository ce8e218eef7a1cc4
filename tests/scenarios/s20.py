"""Scenarios 20 to 24: trouble between the review and the end of a decision, and comments that are not what they seem."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from bot.config.settings import CommonsSettings, Secret, Settings
from bot.converge.bot import Bot
from bot.converge.converge import converge
from bot.dolthub.errors import HubBusy
from bot.model.ids import Commons, PullNo, User
from bot.model.policy import Landing
from bot.store import REVIEW
from bot.store.keys import pull_target
from bot.web.app import create_app
from bot.worker.jobs import PullJobs
from sandbox.seed import schema, wl_sql
from tests.kill_switch import Killed, KillSwitch
from tests.patience import STATE_WAIT_S
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import Meanwhile, Stage
from tests.stores import jobs_of
from tests.world import BOT

MERGES = Scenario(
    20,
    "A merge that does not go as asked",
    "Between the review and the merge the world goes on: main changes, DoltHub takes too long to answer, the worker closes the"
    " pull. Nothing is called done that is not, and everybody is told once.",
    see=("tests/journeys/test_trouble.py", "tests/journeys/test_kinds.py"),
)


def reviewed(stage: Stage, item: str) -> PullNo:
    """Bob's work on this item, reviewed."""
    pull = stage.hand_in("bob", item)
    stage.look(pull)
    assert stage.verdicts(pull) == ["READY"]
    return pull


@MERGES.part()
def merges(stage: Stage) -> None:
    stage.case("A conflict that comes between the last look and the merge")
    pull = reviewed(stage, "w-001")
    stage.world.db.play(
        {
            "quirk": 33,
            "push_database": stage.world.db.name,
            "push_branch": "main",
            "push_user": "alice-dev",
            "sql": "UPDATE wanted SET status = 'withdrawn', claimed_by = 'carol' WHERE id = 'w-001'",
            "times": 1,
        }
    )
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.tell("in the moment of the merge somebody withdraws `w-001` on main")
    stage.look(pull)
    assert (stage.answers(pull), stage.world.state(pull), stage.stamps()) == (["REFUSED"], "open", 0)
    assert "conflict" in stage.answer(pull)
    assert stage.verdicts(pull)[-1] == "BLOCKED"
    stage.case("DoltHub merges, and its answer gets lost")
    lost = reviewed(stage, "w-002")
    stage.world.db.play({"quirk": 22, "how": "done", "times": 1, "match": {"operation": "mergePull"}})
    stage.comment(lost, "alice-dev", "/accept --quality 4")
    stage.tell("DoltHub merges, and the connection breaks before it says so")
    with suppress(HubBusy):
        stage.look_once(lost)
    assert stage.answers(lost) == []
    stage.look(lost)
    assert (stage.answers(lost), stage.world.state(lost), stage.stamps()) == (["ACCEPTED"], "merged", 1)
    stage.case("The worker closes the pull before the command")
    closed = reviewed(stage, "w-003")
    stage.close_pull(closed, "bob")
    stage.comment(closed, "alice-dev", "/accept --quality 4")
    stage.look(closed)
    assert (stage.answers(closed), stage.stamps()) == (["REFUSED"], 1)
    stage.case("The worker closes the pull in the moment of the merge")
    late = reviewed(stage, "w-004")
    stage.comment(late, "alice-dev", "/accept --quality 4")
    stage.look(late, bot=stage.world.bot(Meanwhile(_once("/merge", lambda: stage.close_pull(late, "bob")))))
    assert (stage.answers(late), stage.world.state(late), stage.stamps()) == (["REFUSED"], "closed", 1)


def _once(what: str, does: Callable[[], None]) -> Callable[[str, str, Mapping[str, Any]], None]:
    """Does it before the first request that ends so."""
    left = [does]

    def hears(_method: str, url: str, _more: Mapping[str, Any]) -> None:
        if url.endswith(what) and left:
            left.pop()()

    return hears


WRITES = Scenario(
    21,
    "Writes that are not what they say",
    "The bot is killed in the middle of an accept; DoltHub says success and writes nothing; a write has nothing left to do."
    " Rows are read back, so there is one stamp, or none and a word about it.",
    see=("tests/faults/test_crash_points.py", "tests/faults/test_real_kills.py", "tests/journeys/test_trouble.py"),
)
_STERN = tuple(
    text.replace("CHECK (NOT (author = subject))", "CHECK (NOT (author = subject)),\n  CHECK (message IS NULL)")
    for text in schema.creation()
)


@WRITES.part()
def writes(stage: Stage) -> None:
    stage.case("Killed after the stamp was written")
    pull = reviewed(stage, "w-001")
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.tell("the bot merges, writes the stamp, and is killed; its Redis is lost as well; another bot starts")
    with suppress(Killed):
        stage.look(pull, bot=stage.world.bot(KillSwitch(4, "after")))
    stage.until(lambda: stage.stamps() == 1)
    assert stage.answers(pull) == []
    stage.world.redis.flushall()
    stage.look(pull, bot=stage.world.bot())
    assert (stage.stamps(), stage.answers(pull), stage.item("w-001")) == (1, ["ACCEPTED"], ("completed", "bob"))
    stage.case("Somebody was faster with the very same row")
    second = reviewed(stage, "w-002")
    stage.comment(second, "alice-dev", "/accept --quality 4")

    def faster(_method: str, url: str, more: Mapping[str, Any]) -> None:
        if url.endswith("/sql-writes"):
            body = json.loads(more["data"])
            stage.world.db.push(body["to_branch"], body["q"])

    stage.tell("each row the bot is about to write has just been written by another bot, so DoltHub says: nothing changed")
    stage.look(second, bot=stage.world.bot(Meanwhile(faster)))
    assert (stage.answers(second), stage.stamps(), stage.world.count("completions")) == (["ACCEPTED"], 2, 2)


def _refused_by_check(stage: Stage) -> PullNo:
    stage.tell("in this commons a stamp may hold no message, and DoltHub says success all the same")
    pull = reviewed(stage, "w-001")
    stage.world.db.play({"quirk": 19})
    stage.comment(pull, "alice-dev", "/accept --quality 4 --message well")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps()) == (["REFUSED"], 0)
    assert "Nothing was changed" not in stage.answer(pull)
    return pull


@WRITES.part("A CHECK that is violated in silence", schema=_STERN, policy={"landing": Landing.PULL})
def writes_a_check_that_is(stage: Stage) -> None:
    pull = _refused_by_check(stage)
    row = stage.world.row("completions", wanted_id="w-001")
    assert row is not None
    assert (row["stamp_id"], row["validated_by"]) == (None, None)
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps()) == (["REFUSED", "ACCEPTED"], 1)


@WRITES.part("The same where rows are written straight to main", schema=_STERN)
def writes_the_same_where_rows(stage: Stage) -> None:
    pull = _refused_by_check(stage)
    stage.next_second()
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps()) == (["REFUSED", "REFUSED"], 0)
    assert "main has no such stamp" in stage.answer(pull)


DOUBLED = Scenario(
    22,
    "Webhooks twice, late and wrong; two workers at once",
    "A webhook is a doorbell: rung five times it means one look, rung again later it means nothing new, and what is not"
    " understood is turned away. Two workers on one pull say everything once.",
    see=("tests/unit/test_web.py", "tests/journeys/test_webhook_to_review.py", "tests/journeys/test_kinds.py"),
)
_SECRET = "a-secret-of-this-scenario-alone"


@DOUBLED.part()
def doubled(stage: Stage) -> None:
    bot, commons = stage.world.deps, stage.world.commons
    settings = Settings(
        commons=(CommonsSettings(commons=commons, webhook_secret=Secret(_SECRET)),),
        account=User(BOT),
    )
    door = create_app(settings, bot.store).test_client()

    def ring(body: object, commons: Commons = commons) -> int:
        event = body if isinstance(body, bytes) else json.dumps(body).encode()
        return door.post(f"/hooks/dolthub/{_SECRET}", data=event).status_code

    pull = stage.hand_in("bob", "w-001")
    here = {"owner": commons.owner, "name": commons.name}
    opened = {"event_name": "pull_request", "repository": here, "pullID": str(pull), "sender": "bob", "action": "Opened"}
    stage.tell("DoltHub rings five times about pull 1, first of all to say that it was merged")
    assert [ring({**opened, "action": "Merged."}), *(ring(opened) for _ in range(4))] == [202] * 5
    assert {queue: jobs for queue, jobs in jobs_of(bot.store).waiting().items() if jobs} == {REVIEW: 1}
    stage.look(pull)
    assert stage.verdicts(pull) == ["READY"]
    stage.tell("it rings once more, about another database, and with a body that is no JSON")
    assert [ring(opened), ring({**opened, "repository": {"owner": "else", "name": "where"}}), ring(b"{")] == [202, 422, 400]
    stage.look(pull)
    assert (stage.verdicts(pull), stage.answers(pull)) == (["READY"], [])
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.tell("two workers look at pull 1 at the same time")
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(_work, stage, pull, stage.world.bot()) for _ in range(2)]:
            done.result(STATE_WAIT_S)
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps(), stage.verdicts(pull)) == (["ACCEPTED"], 1, ["READY"])


def _work(stage: Stage, pull: PullNo, bot: Bot) -> None:
    """What a worker does with a job, a few times."""
    commons = stage.world.commons

    def look(where: Commons, number: PullNo, extend: Callable[[], None]) -> None:
        converge(number, bot.at(where), extend=extend)

    duties = PullJobs(known=frozenset({commons}), store=bot.store, jobs=jobs_of(bot.store), look=look, sweep=lambda _: 0)
    for _ in range(3):
        duties.run(str(commons), pull, REVIEW, bot.store.keys.dedup(REVIEW, pull_target(commons, pull)))


ODD_COMMENTS = Scenario(
    23,
    "Commands that are none",
    "Only what somebody wrote for the bot, in their own words, once, and about the head they saw, is carried out.",
    see=("tests/unit/test_grammar.py",),
)


@ODD_COMMENTS.part()
def odd_comments(stage: Stage) -> None:
    pull = reviewed(stage, "w-001")

    def silent(body: str) -> None:
        before = len(stage.said(pull))
        stage.comment(pull, "alice-dev", body)
        stage.look(pull)
        assert (len(stage.said(pull)), stage.world.state(pull)) == (before, "open"), body

    def refused(body: str) -> None:
        before = len(stage.answers(pull))
        stage.comment(pull, "alice-dev", body)
        stage.look(pull)
        assert (len(stage.answers(pull)), stage.world.state(pull), stage.stamps()) == (before + 1, "open", 0), body

    stage.case("In a quotation")
    silent("> /accept --quality 5\n\nWho wrote this?")
    stage.case("In the middle of talk")
    silent("I would not /accept this as it stands.")
    stage.case("In a block of code")
    refused("```\n/accept --quality 5\n```")
    stage.case("Two decisions in one comment")
    refused("/accept --quality 5\n/reject not good enough")
    stage.case("Edited afterwards")
    comment = stage.comment(pull, "alice-dev", "Well done.")
    stage.world.sandbox.admin(
        "PATCH",
        "/comments",
        {"database": stage.world.db.name, "number": pull, "comment_id": comment, "body": "/accept --quality 5"},
    )
    stage.tell("`alice-dev` edits this comment to `/accept --quality 5`")
    stage.look(pull)
    assert (stage.answers(pull)[-1], stage.world.state(pull), stage.stamps()) == ("HINT", "open", 0)
    stage.case("Older than the head")
    stage.comment(pull, "alice-dev", "/accept --quality 5")
    proof, done = stage.proof(), wl_sql.completion_id("w-001", "bob")
    stage.push(
        "bob",
        "wl/bob/w-001",
        f"UPDATE completions SET evidence = '{proof}' WHERE id = '{done}'",
        f"UPDATE wanted SET evidence_url = '{proof}' WHERE id = 'w-001'",
        says=f"before the bot looks, rig `bob` changes the evidence to `{proof}`",
    )
    stage.look(pull)
    assert (stage.answers(pull)[-1], stage.world.state(pull), stage.stamps()) == ("REFUSED", "open", 0)
    assert stage.verdicts(pull) == ["READY", "READY"]
    stage.case("Once more, about the head that stands there now")
    stage.comment(pull, "alice-dev", "/accept --quality 5")
    stage.look(pull)
    assert (stage.answers(pull)[-1], stage.stamps()) == ("ACCEPTED", 1)


ORPHANS = Scenario(
    24,
    "Pulls with nothing left to do",
    "A fork is deleted, a branch brings nothing, an item was completed elsewhere. Such pulls are not decided on; the review"
    " says why, and offers to close them.",
    see=("tests/journeys/test_trouble.py",),
)


def _without_fork(stage: Stage, pull: PullNo) -> None:
    fork = stage.world.fork_of("carol-org")
    stage.world.sandbox.admin("DELETE", "/databases", {"database": fork})
    stage.world.db.made.remove(fork)
    stage.tell("`carol-org` deletes her fork")
    stage.look(pull)
    stage.look(pull)  # what cannot be told is looked at once more before it is said


@ORPHANS.part()
def orphans(stage: Stage) -> None:
    stage.case("No difference")
    same = stage.pull(
        "bob",
        "wl/bob/w-002",
        *wl_sql.claim("w-002", "bob"),
        "UPDATE wanted SET claimed_by = NULL, status = 'open', updated_at = '2026-01-02 00:00:00' WHERE id = 'w-002'",
        says="rig `bob` claims `w-002` and takes it back on the same branch",
    )
    stage.look(same)
    assert stage.verdicts(same) == ["BLOCKED"]
    assert "This pull changes no row." in stage.review(same)
    stage.comment(same, "alice-dev", "/close Nothing in it")
    stage.look(same)
    assert (stage.answers(same), stage.world.state(same)) == (["PULL CLOSED, NO ROW TOUCHED"], "closed")
    stage.case("Completed elsewhere")
    late = stage.hand_in("bob", "w-003")
    stage.main(
        "UPDATE wanted SET status = 'completed', claimed_by = 'alice', updated_at = NOW() WHERE id = 'w-003'",
        says="`w-003` is completed on main by rig `alice`",
    )
    stage.look(late)
    assert (stage.verdicts(late), stage.found(late)["Status"]) == (["BLOCKED"], "FAIL")
    assert "Close this pull" in stage.review(late)
    stage.case("The fork is gone")
    orphan = stage.hand_in("carol", "w-001", stage.page("/hop/relay/pull/904"))
    stage.look(orphan)
    _without_fork(stage, orphan)
    stage.comment(orphan, "alice-dev", "/accept --quality 4")
    stage.look(orphan)
    assert (stage.verdicts(orphan), stage.answers(orphan), stage.stamps()) == (["READY", "CANNOT TELL"], ["REFUSED"], 0)
    assert "is gone or cannot be read" in stage.answer(orphan)


@ORPHANS.part("Closing a pull whose fork is gone")
def orphans_closing_a_pull_whose(stage: Stage) -> None:
    pull = stage.hand_in("carol", "w-001", stage.page("/hop/relay/pull/904"))
    stage.look(pull)
    _without_fork(stage, pull)
    stage.comment(pull, "alice-dev", "/close --pull-only The fork is gone")
    stage.look(pull)
    assert (stage.answers(pull), stage.world.state(pull)) == (["PULL CLOSED, NO ROW TOUCHED"], "closed")


@ORPHANS.part("A fork that was gone before anybody looked")
def orphans_a_fork_that_was(stage: Stage) -> None:
    pull = stage.hand_in("carol", "w-001", stage.page("/hop/relay/pull/904"))
    _without_fork(stage, pull)
    assert stage.verdicts(pull) == ["CANNOT TELL"]


ALL = (MERGES, WRITES, DOUBLED, ODD_COMMENTS, ORPHANS)
