"""Kinds that the bot does not take to main."""

from __future__ import annotations

import pytest

from bot.model.finding import Verdict
from bot.model.ids import Database, User
from bot.model.pull import BranchRef
from bot.rulebook import Changes, PullKind, find, judge
from rules.pull_is_one_thing import check
from tests.build import COMMONS, a_branch, a_pull, a_snapshot, added, changes_of, claims, modified, removed, work
from tests.rules.table import PASS, found, judged, told

ODD_ID = "doubt chain_meta.{id}.chain_id"
IN_REVIEW = {"status": "in_review", "claimed_by": "polecat-7"}
ACCEPTED = {"validated_by": "ana-town", "stamp_id": "s-0a1b2c3d4e5f6071", "validated_at": "2026-06-14 13:50:00"}
CLOSED = modified("wanted", IN_REVIEW, status="completed")
ALONE = "from `pia`: for maintainers only."


@pytest.mark.parametrize(
    ("changes", "kind", "expected"),
    [
        (work(added("rigs", handle="new")), PullKind.MIXED, ("fault pull",)),
        (changes_of(modified("_meta", value="x")), PullKind.FOREIGN, ("fault pull",)),
        (changes_of(), PullKind.EMPTY, ("fault pull",)),
        (changes_of(*(added("stamps", id=f"s-{n}") for n in range(200))), PullKind.BACKFILL, ("fault pull",)),
        (changes_of(added("stamps")), PullKind.ADMIN, ("fault pull",)),
    ],
)
def test_what_is_not_one_thing_is_a_fault(changes: Changes, kind: PullKind, expected: tuple[str, ...]) -> None:
    snapshot = a_snapshot(changes=changes)
    assert (snapshot.kind, found(check, snapshot)) == (kind, expected)


@pytest.mark.parametrize("changes", [work(), changes_of(claims()), changes_of(added("wanted"))])
def test_one_thing_is_not_asked_about(changes: Changes) -> None:
    assert judged(check, a_snapshot(changes=changes)).passed == PASS


def test_a_pull_whose_rows_could_not_be_read_is_not_called_empty() -> None:
    assert found(check, a_snapshot(changes=changes_of(), head=None)) == PASS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            changes_of(added("stamps"), modified("completions", None, **ACCEPTED), CLOSED),
            "an acceptance by another tool in the name of `ana-town` (`stamps`, `completions`, `wanted`), " + ALONE,
        ),
        (changes_of(CLOSED), "an item settled (`wanted`), " + ALONE),
        (
            changes_of(modified("completions", None, **ACCEPTED)),
            "an item settled in the name of `ana-town` (`completions`), " + ALONE,
        ),
        (changes_of(added("badges")), "a badge (`badges`), " + ALONE),
        (changes_of(added("boot_blocks")), "a boot block (`boot_blocks`), " + ALONE),
        (changes_of(modified("rigs", trust_level="3")), "a change of trust (`rigs`), " + ALONE),
        (changes_of(removed("wanted")), "a removal of rows (`wanted`), " + ALONE),
        (changes_of(added("badges"), added("chain_meta")), "rows only maintainers write (`badges`, `chain_meta`), " + ALONE),
        (changes_of(modified("_meta", value="x")), "a change of the commons' own settings (`_meta`), " + ALONE),
        (changes_of(schema=("wanted",)), "a change of the schema (`wanted`), " + ALONE),
        (changes_of(added("payouts", id="1")), "rows of a table nobody here knows (`payouts`), " + ALONE),
        (changes_of(claims(), added("badges")), "several things at once (`wanted`, `badges`)."),
    ],
)  # fmt: skip
def test_a_pull_is_told_with_what_it_is_and_from_whom(changes: Changes, says: str) -> None:
    assert told(check, a_snapshot(changes=changes)) == f"This pull is {says}"


def test_several_authors_are_named_and_counted() -> None:
    stamps = (added("stamps", id=f"s-{name}", author=name) for name in ("a", "b", "a", "c", "d", "e"))
    said = told(check, a_snapshot(changes=changes_of(*stamps)))
    assert said.startswith("This pull is an acceptance by another tool in the name of `a`, `b`, `c` and 2 more (`stamps`)")


def test_a_backfill_is_told_in_numbers() -> None:
    stamps = (added("stamps", id=f"s-{n}", author="gastownhall-backfill") for n in range(200))
    done = (added("completions", id=f"c-{n}", validated_by="gastownhall-backfill" if n < 40 else None) for n in range(50))
    gone = removed("completions", id="c-old")
    changes = changes_of(*stamps, *done, gone, added("rigs", handle="old-crow"), unread=(("wanted", 6000),))
    assert told(check, a_snapshot(changes=changes)) == (
        "This pull is a backfill, from `pia`: 200 rows of `stamps`, 51 rows of `completions`, 1 row of `rigs`, 6000 rows of"
        " `wanted` that were too many to read; 40 of 50 completions name a validator; stamps are by `gastownhall-backfill`."
    )


def test_a_backfill_too_large_to_read_is_told_by_its_size_alone() -> None:
    said = told(check, a_snapshot(changes=changes_of(unread=(("stamps", 6000),))))
    assert said == "This pull is a backfill, from `pia`: 6000 rows of `stamps` that were too many to read."


@pytest.mark.parametrize(
    ("branch", "cells", "expected"),
    [
        ("register-wasteland/pia/wl-pia", {"dolt_database": "pia/wl-pia"}, ("fault pull",)),
        ("register-wasteland/pia/wl-pia", {}, ("fault pull",)),
        ("register-wasteland/pia/wl-pia", {"dolt_database": "bo/wl"}, ("fault pull", "doubt chain_meta.{id}.dolt_database")),
        ("register-wasteland/pia/wl-pia", {"chain_id": "wl-1"}, ("fault pull", ODD_ID)),
        ("register-wasteland/pia/wl-pia", {"chain_id": "wl-ABCDEF0123456789"}, ("fault pull", ODD_ID)),
        ("main", {"dolt_database": "pia/wl-pia"}, ("fault pull", "note pulls.57.branch")),
        ("register-wasteland/pia", {}, ("fault pull", "note pulls.57.branch")),
    ],
    ids=["as it should be", "no database", "another database", "short id", "capitals", "from main", "half a name"],
)  # fmt: skip
def test_a_chain_is_known_by_its_id_and_its_branch(
    branch: str, cells: dict[str, str | None], expected: tuple[str, ...]
) -> None:
    snapshot = a_snapshot(pull=a_pull(source=a_branch("pia", branch)), changes=changes_of(added("chain_meta", **cells)))
    named = cells.get("chain_id", "wl-0123456789abcdef") or ""
    assert found(check, snapshot) == tuple(place.format(id=named) for place in expected)


def test_a_chain_that_is_changed_keeps_its_id() -> None:
    change = modified("chain_meta", {"chain_id": "old"}, chain_type="project")
    pull = a_pull(source=a_branch("pia", "register-wasteland/pia/wl-pia"))
    assert found(check, a_snapshot(pull=pull, changes=changes_of(change))) == ("fault pull",)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        (
            changes_of(CLOSED),
            "A maintainer merges it by hand on DoltHub; or close it, and decide by a comment on the pull with the work",
        ),
        (changes_of(added("badges")), "A maintainer merges it by hand on DoltHub, or closes it"),
    ],
    ids=["a decision", "a badge"],
)
def test_a_decision_by_another_tool_may_be_made_here_instead(changes: Changes, remedy: str) -> None:
    (finding,) = judged(check, a_snapshot(changes=changes)).findings
    assert finding.remedy == remedy


@pytest.mark.parametrize(
    ("authors", "named"),
    [(3, "`a-0`, `a-1`, `a-2`"), (4, "`a-0`, `a-1`, `a-2` and 1 more"), (8, "`a-0`, `a-1`, `a-2` and 5 more")],
)
def test_who_stamps_is_counted(authors: int, named: str) -> None:
    rows = (added("stamps", id=f"s-{n}", author=f"a-{n % authors}") for n in range(200))
    assert told(check, a_snapshot(changes=changes_of(*rows))).endswith(f"200 rows of `stamps`; stamps are by {named}.")


@pytest.mark.parametrize("named", ["aa/commons", "zz/commons"])
def test_a_chain_of_another_database_is_looked_at_whatever_its_letters(named: str) -> None:
    pull = a_pull(source=a_branch(branch="register-wasteland/nia/commons"))
    changes = changes_of(added("chain_meta", dolt_database=named))
    assert "doubt chain_meta.wl-0123456789abcdef.dolt_database" in found(check, a_snapshot(pull=pull, changes=changes))


@pytest.mark.parametrize(
    ("creator", "owner", "expected"),
    [
        ("ana", "ana", "BY HAND"),
        ("ana", COMMONS.owner, "BY HAND"),
        ("bo", "ana", "BY HAND"),
        ("pia", "pia", "BLOCKED"),
        ("pia", "ana", "BLOCKED"),
        ("ana", "pia", "BLOCKED"),
    ],
)
def test_a_change_for_maintainers_is_by_hand_only_from_accounts_that_may_decide(
    creator: str, owner: str, expected: str
) -> None:
    pull = a_pull(creator=User(creator), source=BranchRef(Database(owner, COMMONS.name), "trust"))
    snapshot = a_snapshot(pull=pull, changes=changes_of(modified("rigs", {"trust_level": "1"}, trust_level="3")))
    assert judge(snapshot, find()).verdict.value == expected


def test_a_branch_that_only_the_bot_writes_is_by_nobodys_hand() -> None:
    pull = a_pull(creator=User("ana"), source=BranchRef(COMMONS, "stampbot/1/2"))
    snapshot = a_snapshot(pull=pull, changes=changes_of(modified("rigs", {"trust_level": "1"}, trust_level="3")))
    assert judge(snapshot, find()).verdict is Verdict.BLOCKED
