"""Scenarios 1 to 5: from hand-in to stamp, the words of an accept, and who may not say them."""

from __future__ import annotations

import json

from bot.model.policy import Landing
from sandbox.seed import wl_sql
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import Stage

HAPPY = Scenario(
    1,
    "Happy path",
    "Bob claims an item, does the work, and submits the pull request that was merged. Alice, who may validate, accepts it. The"
    " work gets one stamp, its completion is linked, and the item is completed. The same command once more changes nothing.",
    see=("tests/journeys/test_one_pull.py", "tests/faults/test_crash_points.py"),
)


@HAPPY.part(policy={"landing": Landing.PULL})
def happy(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    assert (stage.verdicts(pull), stage.found(pull)) == (["READY"], {})
    stage.comment(pull, "alice-dev", "/accept quality=4")
    stage.look(pull)
    assert (stage.world.state(pull), stage.item("w-001"), stage.stamps("bob")) == ("merged", ("completed", "bob"), 1)
    stamp = stage.world.row("stamps", subject="bob")
    done = stage.world.row("completions", wanted_id="w-001")
    assert stamp is not None
    assert done is not None
    assert (stamp["author"], stamp["context_id"], json.loads(stamp["valence"] or "")) == (
        "alice",
        done["id"],
        {"quality": 4, "reliability": 4},
    )
    assert (done["validated_by"], done["stamp_id"]) == ("alice", stamp["id"])
    stage.next_second()
    stage.comment(pull, "alice-dev", "/accept quality=4")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps()) == (["ACCEPTED", "REFUSED"], 1)
    assert "Accepted already by `alice`" in stage.answer(pull)


LATER_WORK = Scenario(
    2,
    "Claim first, work later",
    "Bob claims an item and opens the pull; the work comes days later on the same branch. DoltHub tells nobody about a new"
    " commit, so the next poll finds the new head, and the pull is reviewed anew.",
    see=("tests/journeys/test_webhook_to_review.py",),
)


@LATER_WORK.part()
def later_work(stage: Stage) -> None:
    pull = stage.claim("bob", "w-001")
    stage.settle()
    assert stage.verdicts(pull) == ["WAITING"]
    evidence = stage.proof()
    stage.push(
        "bob",
        "wl/bob/w-001",
        *wl_sql.done("w-001", "bob", evidence),
        says=f"rig `bob` submits `w-001` on the same branch, with the evidence `{evidence}`; no webhook comes",
    )
    stage.settle()
    assert (stage.verdicts(pull), stage.found(pull)) == (["WAITING", "READY"], {})
    assert "Review 2 of head" in stage.review(pull)


WORDS = Scenario(
    3,
    "The words of an accept",
    "A rating is a number from 1 to 5 or one of four words; everything else has a default. What cannot be read is answered"
    " with a line that can be copied, and nothing is guessed.",
)


@WORDS.part()
def words(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    for words in (
        "/accept",
        "/accept good",
        "/accept quality=0",
        "/accept quality=6",
        "/accept quality=great",
        "/accept good severity=trunk",
    ):
        stage.case(f"`{words}`")
        stage.comment(pull, "alice-dev", words)
        stage.look(pull)
        assert (stage.answers(pull)[-1], stage.stamps()) == ("REFUSED", 0), words
        if words == "/accept good":
            assert "--quality good" in stage.answer(pull)
    stage.case("A word, and everything else")
    stage.comment(
        pull,
        "alice-dev",
        '/accept --quality good --reliability 5 --severity root --skills go,sql --confidence 0.8 --message "Clean, and tested"',
    )
    stage.look(pull)
    stamp = stage.world.row("stamps", subject="bob")
    assert stamp is not None
    assert stage.answers(pull)[-1] == "ACCEPTED"
    assert (
        json.loads(stamp["valence"] or ""),
        stamp["severity"],
        json.loads(stamp["skill_tags"] or ""),
        stamp["message"],
    ) == (
        {"quality": 4, "reliability": 5},
        "root",
        ["go", "sql"],
        "Clean, and tested",
    )


OWN_WORK = Scenario(
    4,
    "Nobody stamps their own work",
    "A stamp is what others write about you. Bob is a validator in this story, and may not accept his own work: not as himself,"
    " not through his agent, not by an account that only looks like his, not through a rig that is linked to his. The poster"
    " who did the work herself may end it without a stamp.",
    see=("tests/commands/test_authority.py",),
)
_VALIDATORS = (
    "UPDATE rigs SET trust_level = 3 WHERE handle IN ('bob', 'bob-bot')",
    "INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, registered_at) VALUES"
    " ('Bob', 'Bob', 'Bob', 3, '2026-01-01 00:00:00'), ('roberta', 'Roberta', 'erin', 3, '2026-01-01 00:00:00')",
    "INSERT INTO rig_links (id, rig_a, rig_b, link_type, assertion_a, assertion_b, status, created_at) VALUES"
    " ('l-1', 'bob', 'roberta', 'same_owner', 'mine', 'mine', 'active', '2026-01-01 00:00:00')",
)


@OWN_WORK.part(rows=_VALIDATORS)
def own_work(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    assert stage.verdicts(pull) == ["READY"]
    for user, who in (
        ("bob", "By himself"),
        ("bot-farm", "By the account of his agent"),
        ("Bob", "By an account that looks like his"),
        ("erin", "By a rig linked to his"),
    ):
        stage.case(who)
        stage.comment(pull, user, "/accept --quality 5")
        stage.look(pull)
        assert (stage.answers(pull)[-1], stage.world.state(pull), stage.stamps()) == ("REFUSED", "open", 0), who
        assert "Yearbook rule" in stage.answer(pull)
        assert "Free validators: `alice-dev`" in stage.answer(pull)
    stage.case("The poster is the worker")
    own = stage.hand_in("alice", "w-002", stage.page("/hop/relay/pull/900"))
    stage.look(own)
    stage.comment(own, "alice-dev", "/accept --quality 5")
    stage.look(own)
    assert (stage.answers(own), stage.stamps()) == (["REFUSED"], 0)
    assert "its owner can close it" in stage.review(own)
    stage.comment(own, "alice-dev", "/close --yes done by myself, no stamp wanted")
    stage.look(own)
    assert stage.answers(own)[-1] == "CLOSED, ITEM COMPLETED WITHOUT A STAMP"
    assert (stage.item("w-002"), stage.stamps()) == (("completed", "alice"), 0)


@OWN_WORK.part("What the poster is told")
def own_work_what_the_poster_is(stage: Stage) -> None:
    pull = stage.hand_in("alice", "w-001", stage.page("/hop/relay/pull/900"))
    stage.look(pull)
    stage.comment(pull, "alice-dev", "/accept --quality 5")
    stage.look(pull)
    assert stage.answers(pull) == ["REFUSED"]
    assert "/close" in stage.answer(pull)


RIGHTS = Scenario(
    5,
    "Who may decide",
    "Deciding takes a rig on main with enough trust, owned by the account that writes the comment. Everybody else is told what"
    " is missing and who can decide; somebody with two such rigs is asked which one it is.",
    see=("tests/commands/test_authority.py",),
)
_TWO_RIGS = (
    "INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, registered_at) VALUES"
    " ('erin-mill', 'Mill', 'erin', 3, '2026-01-01 00:00:00'), ('erin-kiln', 'Kiln', 'erin', 3, '2026-01-01 00:00:00')"
)


@RIGHTS.part(rows=(_TWO_RIGS,))
def rights(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    for user, who, needs in (
        ("mallory", "A rig without the right", "has trust level 1; deciding takes 3"),
        ("dave", "An account without a rig", "no rig on main belongs to the account `dave`"),
        ("carol-org", "Trust 2 where 3 is asked", "has trust level 2; deciding takes 3"),
        ("erin", "Two rigs, and none named", "Several of your rigs may decide here"),
    ):
        stage.case(who)
        stage.comment(pull, user, "/accept --quality 5")
        stage.look(pull)
        assert (stage.answers(pull)[-1], stage.stamps()) == ("REFUSED", 0), who
        assert needs in stage.answer(pull)
    stage.case("Two rigs, one named")
    stage.comment(pull, "erin", "/accept --quality 5 --as erin-kiln")
    stage.look(pull)
    stamp = stage.world.row("stamps", subject="bob")
    assert stamp is not None
    assert (stage.answers(pull)[-1], stamp["author"]) == ("ACCEPTED", "erin-kiln")


ALL = (HAPPY, LATER_WORK, WORDS, OWN_WORK, RIGHTS)
