"""Scenarios 15 to 19: evidence of every sort, rows that bring too much, rejected and closed work."""

from __future__ import annotations

import hashlib
import json

from bot.model.ids import PullNo
from sandbox.seed import wl_sql
from sandbox.seed.wl_sql import literal
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import PATIENT, REPO, Stage

EVIDENCE = Scenario(
    15,
    "Evidence of every sort",
    "Evidence is what somebody can follow and see. Text alone shows nothing; a link that leads nowhere, or where a link checker"
    " must not go, is said so; what a forge tells of a pull request counts more than that its page answers.",
    see=("tests/evidence/test_corpus.py", "tests/evidence/test_every_kind.py", "docs/evidence.md"),
)
_JOB = json.dumps({"prompt": "Say hello", "model": "small", "seed": 7, "max_tokens": 16})
_INFERENCE = (f"UPDATE wanted SET type = 'inference', description = {literal(_JOB)} WHERE id IN ('w-021', 'w-022')",)


def _result(output: str, hashed: str) -> str:
    digest = hashlib.sha256(hashed.encode()).hexdigest()
    return json.dumps({"output": output, "output_hash": f"sha256:{digest}", "model": "small", "seed": 7})


def seen(stage: Stage, title: str, item: str, evidence: str) -> PullNo:
    """Work of bob's with this evidence, looked at."""
    if title:
        stage.case(title)
    pull = stage.hand_in("bob", item, evidence)
    stage.look(pull)
    return pull


@EVIDENCE.part("Text", rows=_INFERENCE)
def evidence_text(stage: Stage) -> None:
    plain = seen(stage, "Plain text", "w-001", "done, see the docs folder")
    assert (stage.verdicts(plain), stage.found(plain)["Evidence URL"]) == (["BLOCKED"], "FAIL")
    commit = seen(stage, "The name of a commit", "w-002", "commit abc123def")
    assert (stage.verdicts(commit), stage.found(commit)["Evidence URL"]) == (["BLOCKED"], "FAIL")
    prose = seen(stage, "A link in a sentence", "w-003", f"Mended the relay, see {stage.proof()} and the notes there.")
    assert (stage.verdicts(prose), stage.found(prose)) == (["READY"], {})
    script = seen(stage, "A script", "w-004", "javascript:alert(1)")
    assert (stage.verdicts(script), stage.found(script)["Evidence URL"]) == (["BLOCKED"], "FAIL")
    unicode_host = seen(stage, "A host of look-alike letters", "w-005", "https://gіthub.com/hop/relay/pull/1")
    assert stage.verdicts(unicode_host)[-1] == "BLOCKED"
    good = seen(stage, "A result with the hash of its output", "w-021", _result("hello", "hello"))
    assert (stage.verdicts(good), stage.found(good)) == (["READY"], {})
    bad = seen(stage, "A result with another hash", "w-022", _result("hello", "goodbye"))
    assert (stage.verdicts(bad), stage.found(bad)["Inference"]) == (["BLOCKED"], "FAIL")


@EVIDENCE.part("Links", policy={"timing": PATIENT})
def evidence_links(stage: Stage) -> None:
    private = seen(stage, "A redirect to a private address", "w-001", stage.page("/redirect-private"))
    assert (stage.verdicts(private)[-1], stage.found(private)["Evidence"]) == ("BLOCKED", "FAIL")
    long = seen(stage, "A page that never ends", "w-002", stage.page("/huge"))
    assert (stage.verdicts(long), stage.found(long)) == (["READY"], {})
    closed = seen(stage, "A pull request that was closed unmerged", "w-003", f"{stage.forge}/{REPO}/pull/70")
    assert (stage.verdicts(closed), stage.found(closed)["Evidence"]) == (["LOOK"], "LOOK")
    other = seen(stage, "Somebody else's pull request", "w-004", f"{stage.forge}/{REPO}/pull/71")
    assert (stage.verdicts(other), stage.found(other)["Evidence match"]) == (["LOOK"], "LOOK")
    stage.case("A page that is not there")
    gone = stage.hand_in("bob", "w-005", stage.page("/gone"))
    stage.look(gone)
    assert stage.verdicts(gone) == ["LOOK"]
    stage.time_passes(gone)
    assert (stage.verdicts(gone), stage.found(gone)["Evidence"]) == (["LOOK", "BLOCKED"], "FAIL")
    stage.comment(gone, "alice-dev", "/accept --quality 3")
    stage.look(gone)
    assert (stage.answers(gone), stage.stamps()) == (["REFUSED"], 0)
    stage.world.allow = ()
    local = seen(stage, "A loopback address", "w-006", "http://127.0.0.1/done")
    assert (stage.verdicts(local)[-1], stage.found(local)["Evidence"]) == ("BLOCKED", "FAIL")
    stage.case("Used before")
    stage.main(
        "INSERT INTO wanted (id, title, project, type, priority, posted_by, claimed_by, status, created_at, updated_at) VALUES"
        " ('w-gh-relay-12', 'Relay 12', 'relay', 'github_pr', 2, 'alice', 'carol', 'completed', '2026-01-02 00:00:00',"
        " '2026-01-02 00:00:00')",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES"
        f" ('c-gh-relay-12', 'w-gh-relay-12', 'carol', '{stage.forge}/{REPO}/pull/12', '2026-01-03 00:00:00')",
        says="a backfill has written down Carol's pull request 12 on main, as completion `c-gh-relay-12`",
    )
    used = seen(stage, "", "w-007", f"{stage.forge}/{REPO.title()}/pull/12/files#diff-0")
    assert (stage.verdicts(used), stage.found(used)["Evidence reuse"]) == (["LOOK"], "LOOK")
    assert "c-gh-relay-12" in stage.review(used)


TOO_MUCH = Scenario(
    16,
    "Too little, and too much",
    "Work without a completion shows nothing to stamp. A completion that comes validated, or with a stamp of its own, decides"
    " what is a validator's to decide.",
    see=("tests/rules/test_no_stamps_or_trust.py", "tests/rules/test_one_fresh_completion.py"),
)


@TOO_MUCH.part()
def too_much(stage: Stage) -> None:
    stage.case("In review without a completion")
    empty = stage.pull(
        "bob",
        "wl/bob/w-001",
        "UPDATE wanted SET status = 'in_review', claimed_by = 'bob', updated_at = NOW() WHERE id = 'w-001'",
        says="rig `bob` puts `w-001` in review and submits nothing",
    )
    stage.look(empty)
    assert (stage.verdicts(empty), stage.found(empty)["Completion"]) == (["BLOCKED"], "FAIL")
    stage.case("A completion that comes validated")
    proof = stage.proof()
    done = wl_sql.completion_id("w-002", "bob")
    preset = stage.pull(
        "bob",
        "wl/bob/w-002",
        *wl_sql.claim("w-002", "bob"),
        *wl_sql.done("w-002", "bob", proof),
        f"UPDATE completions SET validated_by = 'alice', validated_at = NOW() WHERE id = '{done}'",
        says="rig `bob` submits `w-002` with `validated_by` set to `alice`",
    )
    stage.look(preset)
    assert (stage.verdicts(preset), stage.found(preset)["Completion"]) == (["BLOCKED"], "FAIL")
    stage.case("A stamp in the pocket")
    proof, done = stage.proof(), wl_sql.completion_id("w-003", "bob")
    stamped = stage.pull(
        "bob",
        "wl/bob/w-003",
        *wl_sql.claim("w-003", "bob"),
        *wl_sql.done("w-003", "bob", proof),
        *wl_sql.accept("w-003", completion=done, author="alice", subject="bob", quality=5, skills=("go",), message="Superb"),
        says="rig `bob` submits `w-003` and brings a stamp in Alice's name for himself",
    )
    stage.look(stamped)
    assert (stage.verdicts(stamped), stage.found(stamped)["Outside decision"]) == (["BLOCKED"], "FAIL")
    for pull in (empty, preset, stamped):
        stage.comment(pull, "alice-dev", "/accept --quality 4")
        stage.look(pull)
        assert (stage.answers(pull), stage.world.state(pull), stage.stamps()) == (["REFUSED"], "open", 0)


STATUSES = Scenario(
    17,
    "Steps that an item cannot take",
    "Items go from open to claimed to in review, and back; only a validator settles one. Some tools write other words; main"
    " takes any of them, so a review has to look.",
    see=("tests/rules/test_item_moves_legally.py",),
)
_WITHDRAWN = "UPDATE wanted SET status = 'withdrawn' WHERE id = 'w-004'"


@STATUSES.part(rows=(_WITHDRAWN,))
def statuses(stage: Stage) -> None:
    for item, status, says in (
        ("w-001", "done", "marks `w-001` as `done`"),
        ("w-002", "validated", "marks `w-002` as `validated`"),
        ("w-003", "completed", "marks open `w-003` as `completed`"),
        ("w-004", "open", "opens withdrawn `w-004` again"),
    ):
        stage.case(f"`{status}`")
        pull = stage.pull(
            "bob",
            f"wl/bob/{item}",
            f"UPDATE wanted SET status = '{status}', claimed_by = 'bob', updated_at = NOW() WHERE id = '{item}'"
            if status != "open"
            else f"UPDATE wanted SET status = 'open', updated_at = NOW() WHERE id = '{item}'",
            says=f"rig `bob` {says}",
        )
        stage.look(pull)
        stage.comment(pull, "alice-dev", "/accept --quality 4")
        stage.look(pull)
        assert (stage.verdicts(pull), stage.answers(pull), stage.world.state(pull)) == (["BLOCKED"], ["REFUSED"], "open"), (
            status
        )


REJECTED = Scenario(
    18,
    "Rejected work",
    "Work that is not on main is sent back with a word and how to go on; no row is touched. Work that was merged and waits in"
    " review is taken off main again and the claim kept. Either way the worker may come back with something better.",
    see=("tests/commands/test_reject.py",),
)


@REJECTED.part()
def rejected(stage: Stage) -> None:
    stage.case("Not merged, then submitted again")
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    before = stage.world.db.head()
    stage.comment(pull, "alice-dev", "/reject The tests do not run")
    stage.look(pull)
    assert (stage.answers(pull), stage.world.state(pull), stage.world.db.head()) == (["REJECTED"], "open", before)
    stage.world.sandbox.admin("DELETE", "/branches", {"database": stage.world.fork_of("bob"), "branch": "wl/bob/w-001"})
    stage.tell("`bob` discards the branch, and begins again")
    better = stage.proof()
    stage.push(
        "bob",
        "wl/bob/w-001",
        *wl_sql.claim("w-001", "bob"),
        *wl_sql.done("w-001", "bob", better),
        says=f"rig `bob` claims `w-001` and hands it in with the evidence `{better}`",
    )
    stage.look(pull)
    assert stage.verdicts(pull) == ["READY", "READY"]
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps()) == (["REJECTED", "ACCEPTED"], 1)
    stage.case("Merged, and in review on main")
    merged = stage.hand_in("bob", "w-002")
    stage.look(merged)
    stage.merge_by_hand(merged)
    stage.comment(merged, "alice-dev", "/reject The tests do not run")
    stage.look(merged)
    assert (stage.answers(merged), stage.item("w-002")) == (["REJECTED"], ("claimed", "bob"))
    assert stage.world.count("completions", "wanted_id = 'w-002'") == 0


CLOSED = Scenario(
    19,
    "Closed without a stamp",
    "Work that holds can end without a stamp: the item is completed, the completion recorded, nobody rated. A pull can be"
    " closed alone as well, and merged work can be closed where it lies.",
    see=("tests/commands/test_close.py",),
)


@CLOSED.part()
def closed(stage: Stage) -> None:
    stage.case("Not merged")
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    stage.comment(pull, "alice-dev", "/close Solved elsewhere")
    stage.look(pull)
    assert (stage.answers(pull), stage.world.state(pull)) == (["REFUSED"], "open")
    stage.comment(pull, "alice-dev", "/close --yes Solved elsewhere")
    stage.look(pull)
    assert (stage.answers(pull)[-1], stage.world.state(pull)) == ("CLOSED, ITEM COMPLETED WITHOUT A STAMP", "closed")
    assert (stage.item("w-001"), stage.world.count("completions", "wanted_id = 'w-001'")) == (("completed", "bob"), 1)
    stage.case("The pull alone")
    alone = stage.hand_in("bob", "w-002")
    stage.look(alone)
    stage.comment(alone, "alice-dev", "/close --pull-only Not now")
    stage.look(alone)
    assert (stage.answers(alone), stage.world.state(alone)) == (["PULL CLOSED, NO ROW TOUCHED"], "closed")
    assert stage.item("w-002") == ("open", None)
    stage.case("Merged, and in review on main")
    merged = stage.hand_in("bob", "w-003")
    stage.look(merged)
    stage.merge_by_hand(merged)
    stage.comment(merged, "alice-dev", "/close Good enough, no stamp")
    stage.look(merged)
    assert (stage.answers(merged), stage.item("w-003")) == (["CLOSED, ITEM COMPLETED WITHOUT A STAMP"], ("completed", "bob"))
    assert stage.stamps() == 0


ALL = (EVIDENCE, TOO_MUCH, STATUSES, REJECTED, CLOSED)
