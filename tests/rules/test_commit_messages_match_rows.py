"""What the commits of a branch say, held against its rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model.history import Commit
from bot.rulebook import PullKind, Snapshot
from rules.commit_messages_match_rows import check
from tests.build import ITEM, a_hash, a_snapshot, added, changes_of, claims
from tests.rules.table import PASS, found, told


def committed(*messages: str, merges: bool = False, **fields: object) -> Snapshot:
    commits = tuple(
        Commit(id=a_hash(f"c{n}"), committer="pia", message=message, is_merge=merges) for n, message in enumerate(messages)
    )
    return replace(a_snapshot(**fields), commits=commits)


FIRST = f"note commits.{a_hash('c0')}"
DONE = "INSERT INTO `completions` (`id`) SELECT 'c-1'"
POSTED = changes_of(added("wanted", id="w-1"))
RIG = changes_of(added("rigs", handle="heron-1"))


@pytest.mark.parametrize(
    ("pull", "expected"),
    [
        (a_snapshot(), PASS),
        (committed(), PASS),
        (committed(f"wl claim: {ITEM}", f"wl done: {ITEM}"), PASS),
        (committed(f"UPDATE wanted SET status = 'claimed' WHERE id = 'x'; -- wl claim: {ITEM}", DONE), PASS),
        (committed(f"Run SQL query: {DONE}", "  insert ignore into completions VALUES (1)"), PASS),
        (committed("more work", "", "wl: odd", "wl done w-9"), PASS),
        (committed(f"wl reject: {ITEM} — no tests"), (FIRST,)),
        (committed(f"UPDATE wanted SET x = 1; -- wl accept: {ITEM}"), (FIRST,)),
        (committed("wl done: w-9"), (FIRST,)),
        (committed("UPDATE x SET y = 1; -- wl done: w-9"), (FIRST,)),
        (committed("Register rig: heron-1"), (FIRST,)),
        (committed("Register rig: heron-1", changes=RIG, items=()), PASS),
        (committed("INSERT INTO rigs (handle) VALUES ('x')", changes=RIG, items=()), PASS),
        (committed("wl post: w-1", changes=POSTED, items=()), PASS),
        (committed("wl post: w-2", changes=POSTED, items=()), (FIRST,)),
        (committed("INSERT INTO stamps (id) VALUES ('s-1')"), (FIRST,)),
        (committed("Run SQL query: DELETE FROM `stamps` WHERE 1"), (FIRST,)),
        (committed("ALTER TABLE wanted ADD x INT", changes=RIG, items=()), (FIRST,)),
        (committed("DROP TABLE IF EXISTS payouts"), (FIRST,)),
        (committed("drop table wanted"), PASS),
        (committed("INSERT INTO stamps VALUES (1)", merges=True), PASS),
        (committed(*["INSERT INTO stamps VALUES (1)"] * 5, "DELETE FROM badges"), (f"note commits.{a_hash('c5')}", FIRST)),
    ],
    ids=[
        "nobody read them", "none", "called by what they do", "named at the end", "statements", "words of any kind",
        "a decision", "a decision at the end", "another item", "another item at the end", "a registration",
        "of the rig that comes",
        "a statement about it", "of the item that comes", "of another one", "a stamp taken back", "the taking back",
        "a definition", "a table that is gone", "a definition of a table that changes", "a merge", "many of a kind",
    ],
)  # fmt: skip
def test_that_commit_messages_match_rows(pull: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, pull) == expected


@pytest.mark.parametrize(
    ("pull", "says"),
    [
        (committed("wl done: w-9"), f"Commit `{a_hash('c0')[:7]}` names `wl done: w-9`, and the pull changes no such row."),
        (
            committed(f"wl accept: {ITEM}"),
            f"Commit `{a_hash('c0')[:7]}` names a decision, `wl accept: {ITEM}`, and the pull changes no such row.",
        ),
        (
            committed("DELETE FROM stamps", "INSERT INTO stamps VALUES (1)"),
            f"Commits `{a_hash('c0')[:7]}`, `{a_hash('c1')[:7]}` name table `stamps`, and the pull changes no such row.",
        ),
        (
            committed(*["DELETE FROM stamps"] * 3),
            f"Commits `{a_hash('c0')[:7]}`, `{a_hash('c1')[:7]}`, `{a_hash('c2')[:7]}` name table `stamps`,"
            " and the pull changes no such row.",
        ),
        (
            committed(*["DELETE FROM stamps"] * 8),
            f"Commits `{a_hash('c0')[:7]}`, `{a_hash('c1')[:7]}`, `{a_hash('c2')[:7]}` and 5 more name table `stamps`,"
            " and the pull changes no such row.",
        ),
        (
            committed("Register rig: a`b"),
            f"Commit `{a_hash('c0')[:7]}` names `Register rig: a'b`, and the pull changes no such row.",
        ),
    ],
    ids=["an item", "a decision", "two", "as many as are named", "many", "a backtick"],
)
def test_what_is_said_names_commits_and_what_they_tell_of(pull: Snapshot, says: str) -> None:
    assert told(check, pull) == says


def test_no_more_commits_are_read_than_a_reviewer_would() -> None:
    assert found(check, committed(*[f"wl done: {ITEM}"] * 200, "wl done: w-9")) == PASS


def test_a_claim_alone_is_held_against_its_commits_too() -> None:
    pull = committed(f"wl claim: {ITEM}", "UPDATE rigs SET trust_level = 3", changes=changes_of(claims()))
    assert pull.kind is PullKind.CLAIM
    assert found(check, pull) == (f"note commits.{a_hash('c1')}",)
