"""The classifier: what kind of pull it is, from row changes alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.ids import Database, User
from bot.model.kind import BACKFILL_ROWS_MIN, ORDINARY_TABLES, Form, PullKind, classify, form
from bot.model.ledger import ChangeKind, Changes, RowChange
from bot.model.pull import BranchRef
from tests.build import (
    BOT,
    COMMONS,
    FORK,
    WORKER_USER,
    a_branch,
    added,
    changes_of,
    claims,
    hands_in,
    modified,
    removed,
    work,
)
from tests.strategies import any_changes

VALIDATED = {"validated_by": "ana-town", "stamp_id": "s-1", "validated_at": "2026-06-14 13:50:00"}
IN_REVIEW = {"status": "in_review", "claimed_by": "polecat-7"}
CLAIMED = {"status": "claimed", "claimed_by": "polecat-7"}
OPENED = {"status": "open", "claimed_by": None}


def kind_of(changes: Changes, source: BranchRef | None = None, creator: User = WORKER_USER, bot: User | None = BOT) -> PullKind:
    return classify(changes, source=source or a_branch(), commons=COMMONS, creator=creator, bot=bot)


def rows(*changes: RowChange) -> Changes:
    return changes_of(*changes)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (work(), PullKind.WORK),
        (work(wanted=hands_in(CLAIMED)), PullKind.WORK),
        (rows(added("completions")), PullKind.WORK),
        (rows(hands_in()), PullKind.WORK),
        (work(wanted=claims()), PullKind.WORK),
        (work(wanted=hands_in(status="completed")), PullKind.WORK),
        (work(completion=added("completions", **VALIDATED)), PullKind.WORK),
        (work(added("completions", id="c-2")), PullKind.WORK),
        (work(claims({"id": "w-2"})), PullKind.WORK),
        (work(claims({"id": "w-2"}), modified("wanted", {"id": "w-3"}, title="x")), PullKind.WORK),
        (rows(claims()), PullKind.CLAIM),
        (rows(claims(CLAIMED, claimed_by="cormorant")), PullKind.CLAIM),
        (rows(claims(), claims({"id": "w-2"})), PullKind.CLAIM),
        (rows(modified("wanted", CLAIMED, **OPENED)), PullKind.EDIT),
        (rows(modified("wanted", title="Better")), PullKind.EDIT),
        (rows(modified("wanted", CLAIMED, title="Better")), PullKind.EDIT),
        (rows(modified("wanted", status="withdrawn")), PullKind.EDIT),
        (rows(modified("wanted", status="done")), PullKind.EDIT),
        (rows(added("rigs", handle="new")), PullKind.REGISTRATION),
        (rows(added("rigs", handle="new", trust_level="3")), PullKind.REGISTRATION),
        (rows(modified("rigs", dolthub_org="mallory", last_seen=None)), PullKind.REGISTRATION),
        (rows(added("wanted")), PullKind.POST),
        (rows(added("wanted"), added("wanted", id="w-2", **CLAIMED)), PullKind.POST),
        (rows(added("rig_links")), PullKind.LINK),
        (rows(modified("rig_links", status="revoked")), PullKind.LINK),
        (rows(), PullKind.EMPTY),
    ],
)
def test_kinds_that_people_send(changes: Changes, kind: PullKind) -> None:
    assert kind_of(changes) is kind


@pytest.mark.parametrize(
    "changes",
    [
        rows(added("stamps")),
        rows(modified("stamps", author="x")),
        rows(added("badges")),
        rows(added("boot_blocks")),
        rows(added("chain_meta")),
        rows(modified("rigs", trust_level="3")),
        rows(modified("rigs", trust_level="3", display_name="x")),
        rows(modified("completions", None, **VALIDATED)),
        rows(modified("wanted", IN_REVIEW, status="completed")),
        rows(modified("wanted", status="completed")),
        rows(modified("wanted", IN_REVIEW, status="claimed"), removed("completions")),
        rows(removed("wanted")),
        rows(removed("rig_links")),
        rows(added("stamps"), modified("completions", None, **VALIDATED), modified("wanted", IN_REVIEW, status="completed")),
        work(added("stamps"), wanted=hands_in(status="completed"), completion=added("completions", **VALIDATED)),
        work(removed("completions", id="c-old"), wanted=hands_in(status="completed")),
    ],
    ids=[
        "stamp", "stamp rewritten", "badge", "boot block", "chain", "trust", "trust and name", "validation", "close", "settle",
        "reject", "item removed", "link removed", "accept", "adopt and stamp", "adopt and close",
    ],
)  # fmt: skip
def test_what_validators_do_is_admin(changes: Changes) -> None:
    assert kind_of(changes) is PullKind.ADMIN


@pytest.mark.parametrize(
    "changes",
    [
        work(added("stamps")),
        work(modified("rigs", trust_level="3")),
        work(added("badges")),
        work(added("stamps"), completion=added("completions", **VALIDATED)),
        work(added("stamps"), wanted=hands_in(status="completed")),
        work(
            added("stamps"), wanted=hands_in(status="completed"), completion=added("completions", validated_by="ana-town")
        ),
        work(
            added("stamps"),
            added("wanted", id="w-2"),
            wanted=hands_in(status="completed"),
            completion=added("completions", **VALIDATED),
        ),
        work(removed("completions", id="c-rival")),
        work(added("rigs", handle="new")),
        work(added("wanted", id="w-2")),
        work(added("rig_links")),
        rows(claims(), added("wanted", id="w-2")),
        rows(claims(), modified("wanted", {"id": "w-2"}, title="x")),
        rows(claims(), added("stamps")),
        rows(added("rigs", handle="new"), modified("rigs", trust_level="3")),
        rows(added("rigs", handle="new"), added("rig_links")),
        rows(added("wanted"), added("badges")),
    ],
    ids=[
        "work and a stamp", "work and trust", "work and a badge", "not settled", "not validated",
        "validated without a stamp", "an adoption and a post",
        "work that removes a rival", "work and a registration", "work and a post", "work and a link", "claim and a post",
        "claim and an edit", "claim and a stamp", "registration and trust", "registration and a link", "post and a badge",
    ],
)  # fmt: skip
def test_several_things_at_once_are_mixed(changes: Changes) -> None:
    assert kind_of(changes) is PullKind.MIXED


@pytest.mark.parametrize(
    "changes",
    [
        work(added("payouts", id="1")),
        rows(modified("_meta", value="x")),
        changes_of(schema=("wanted",)),
        changes_of(*work().rows, schema=("dolt_ignore",)),
        changes_of(unread=(("payouts", 9000),)),
    ],
)
def test_what_nobody_knows_is_foreign(changes: Changes) -> None:
    assert kind_of(changes) is PullKind.FOREIGN


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), Form.SUBMISSION),
        (rows(added("completions")), Form.COMPETING),
        (rows(hands_in()), Form.UNPROVEN),
        (rows(claims()), Form.CLAIM),
        (rows(modified("wanted", CLAIMED, **OPENED)), Form.UNCLAIM),
        (rows(modified("wanted", CLAIMED, **OPENED), modified("wanted", {"id": "w-2"}, title="x")), Form.UPDATE),
        (rows(modified("wanted", status="withdrawn")), Form.WITHDRAWAL),
        (rows(modified("wanted", title="Better")), Form.UPDATE),
        (rows(modified("wanted", status="withdrawn"), modified("wanted", {"id": "w-2"}, title="x")), Form.UPDATE),
        (rows(added("rigs", handle="new")), Form.REGISTRATION),
        (rows(modified("rigs", display_name="x")), Form.RENEWAL),
        (rows(added("wanted")), Form.POST),
        (rows(added("rig_links")), Form.LINK),
        (rows(modified("rig_links", status="revoked")), Form.REVOCATION),
        (rows(modified("rig_links", status="revoked"), added("rig_links", id="l-2")), Form.LINK),
        (rows(added("stamps")), Form.ACCEPTANCE),
        (
            rows(
                added("stamps"), modified("completions", None, **VALIDATED), modified("wanted", IN_REVIEW, status="completed")
            ),
            Form.ACCEPTANCE,
        ),
        (work(added("stamps"), removed("completions", id="c-old"), wanted=hands_in(status="completed")), Form.ACCEPTANCE),
        (rows(modified("wanted", IN_REVIEW, status="completed")), Form.SETTLEMENT),
        (rows(modified("wanted", IN_REVIEW, status="claimed"), removed("completions")), Form.SETTLEMENT),
        (rows(modified("completions", None, **VALIDATED)), Form.SETTLEMENT),
        (rows(added("badges")), Form.BADGE),
        (rows(modified("boot_blocks", source="x")), Form.BOOT_BLOCK),
        (rows(added("chain_meta")), Form.CHAIN),
        (rows(modified("rigs", trust_level="3")), Form.TRUST),
        (rows(removed("wanted")), Form.REMOVAL),
        (rows(removed("rig_links"), removed("rigs")), Form.REMOVAL),
        (rows(added("stamps"), removed("stamps", id="s-2")), Form.DECISION),
        (rows(added("badges"), added("chain_meta")), Form.DECISION),
        (rows(added("stamps"), added("badges")), Form.DECISION),
        (rows(), Form.EMPTY),
        (changes_of(schema=("wanted",)), Form.SCHEMA),
        (changes_of(schema=("wanted", "dolt_ignore")), Form.SYSTEM),
        (rows(modified("_meta", value="x")), Form.SETTINGS),
        (work(added("payouts", id="1")), Form.FOREIGN),
        (changes_of(schema=("payouts",)), Form.FOREIGN),
        (changes_of(unread=(("stamps", 6000),)), Form.BACKFILL),
        (rows(claims(), added("wanted", id="w-2")), Form.MIXED),
    ],
)
def test_what_a_pull_does_is_told_in_a_word(changes: Changes, expected: Form) -> None:
    assert form(kind_of(changes), changes, a_branch()) is expected


def test_hundreds_of_rows_across_the_ledger_are_a_backfill() -> None:
    posts = tuple(added("wanted", id=f"w-gh-beads-{n}") for n in range(BACKFILL_ROWS_MIN - 1))
    assert len(posts) == 99
    assert kind_of(rows(*posts, added("completions"))) is PullKind.BACKFILL
    assert kind_of(rows(*posts, added("completions"), added("stamps"))) is PullKind.BACKFILL
    assert kind_of(rows(*posts[1:], added("completions"))) is PullKind.MIXED
    assert kind_of(rows(*posts, added("wanted"))) is PullKind.POST
    assert kind_of(rows(*posts, added("completions"), added("badges"))) is PullKind.MIXED
    assert kind_of(changes_of(unread=(("stamps", 6000),))) is PullKind.BACKFILL
    assert kind_of(changes_of(unread=(("badges", 6000),))) is PullKind.MIXED


def test_a_landing_is_told_by_branch_commons_and_account() -> None:
    branch = "stampbot/0123456789ab/01234567"
    ours = BranchRef(COMMONS, branch)
    assert kind_of(work(), ours, BOT) is PullKind.LANDING
    assert kind_of(rows(), ours, BOT) is PullKind.LANDING
    assert kind_of(work(), ours, User("mallory")) is PullKind.ADMIN
    assert kind_of(work(), ours, User("zoe")) is PullKind.ADMIN
    assert kind_of(work(), BranchRef(Database("ann", "wl-commons"), branch), BOT) is PullKind.ADMIN
    assert form(PullKind.ADMIN, work(), ours) is Form.INTRUDER
    assert form(PullKind.LANDING, work(), ours) is Form.LANDING
    assert kind_of(work(), ours, User("Stampbot")) is PullKind.ADMIN
    assert kind_of(work(), BranchRef(FORK, branch), BOT) is PullKind.ADMIN
    assert kind_of(work(), ours, BOT, bot=None) is PullKind.ADMIN
    assert kind_of(work(), BranchRef(COMMONS, "stampbot-work"), BOT) is PullKind.WORK


@given(any_changes())
def test_every_pull_has_a_kind_that_does_not_depend_on_the_order_of_its_rows(changes: Changes) -> None:
    turned = Changes(rows=changes.rows[::-1], schema=changes.schema, unread=changes.unread)
    assert kind_of(changes) is kind_of(turned)
    assert form(kind_of(changes), changes, a_branch()) is form(kind_of(turned), turned, a_branch())


@given(any_changes(), st.sampled_from(["main", "wl/polecat-7/w-1", "stamp", "x/stampbot/y"]))
def test_neither_branch_nor_creator_changes_the_kind(changes: Changes, branch: str) -> None:
    assert kind_of(changes, a_branch("mallory", branch), BOT) is kind_of(changes)


@given(any_changes())
def test_acceptable_kinds_hold_rows_of_their_own_tables_only(changes: Changes) -> None:
    """What `/accept` may merge: nothing is removed, no stamp, badge, trust or foreign row is in it."""
    own = {
        PullKind.WORK: {"wanted", "completions"},
        PullKind.CLAIM: {"wanted"},
        PullKind.EDIT: {"wanted"},
        PullKind.POST: {"wanted"},
        PullKind.REGISTRATION: {"rigs"},
        PullKind.LINK: {"rig_links"},
    }
    kind = kind_of(changes)
    if kind in own:
        assert set(changes.tables) <= own[kind] <= ORDINARY_TABLES
        assert not changes.schema
        assert not changes.unread
        assert all(c.kind is not ChangeKind.REMOVED for c in changes.rows)
        assert not any(c.kind is ChangeKind.MODIFIED for c in changes.of("completions"))
        assert not any("trust_level" in c.changed for c in changes.of("rigs", ChangeKind.MODIFIED))
