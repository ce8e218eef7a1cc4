"""Stamps, badges, validations and trust that somebody brings along."""

from __future__ import annotations

import pytest

from bot.rulebook import Changes, Form, RowChange
from rules.no_stamps_or_trust import check
from tests.build import COMPLETION, a_snapshot, added, changes_of, hands_in, modified, work
from tests.rules.table import PASS, found, told

ACCEPTED = {"validated_by": "ana-town", "stamp_id": "s-0a1b2c3d4e5f6071", "validated_at": "2026-06-14 13:50:00"}
BULK = tuple(added("stamps", id=f"s-{n}") for n in range(200))


def trust(level: str) -> RowChange:
    return modified("rigs", trust_level=level)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), PASS),
        (changes_of(added("rigs", handle="new", trust_level="1")), PASS),
        (changes_of(added("rigs", handle="new", trust_level=None)), PASS),
        (changes_of(modified("rigs", last_seen=None)), PASS),
        (changes_of(*BULK), PASS),
        (work(added("stamps", id="s-1")), ("fault stamps.s-1",)),
        (work(trust("3")), ("fault rigs.polecat-7.trust_level",)),
        (work(added("badges")), ("fault badges.b-1",)),
        (changes_of(added("boot_blocks")), ("fault boot_blocks.polecat-7",)),
        (changes_of(trust("0")), ("fault rigs.polecat-7.trust_level",)),
        (changes_of(added("rigs", handle="new", trust_level="3")), ("fault rigs.new.trust_level",)),
        (changes_of(modified("stamps", author="bo-works")), ("fault stamps.s-0a1b2c3d4e5f6071",)),
        (changes_of(modified("completions", None, **ACCEPTED)), (f"fault completions.{COMPLETION}",)),
        (changes_of(*BULK, trust("3")), ("fault rigs.polecat-7.trust_level",)),
        (changes_of(*BULK, added("completions", **ACCEPTED)), PASS),
        (
            work(added("stamps", id="s-1"), wanted=hands_in(status="completed"), completion=added("completions", **ACCEPTED)),
            PASS,
        ),
        (
            changes_of(added("stamps"), modified("completions", None, **ACCEPTED, evidence="https://example.org")),
            (f"fault completions.{COMPLETION}",),
        ),
        (changes_of(added("stamps"), modified("stamps", {"id": "s-2"}, author="bo-works")), ("fault stamps.s-2",)),
        (changes_of(added("stamps"), added("badges")), ("fault badges.b-1", "fault stamps.s-0a1b2c3d4e5f6071")),
        (changes_of(added("stamps", id="s-1"), added("payouts", id="1")), ("fault stamps.s-1",)),
    ],
    ids=[
        "work", "registration", "registration without trust", "registration again", "backfill", "smuggled stamp",
        "smuggled trust", "badge", "boot block", "demotion", "greedy registration", "rewritten stamp",
        "rewritten completion", "trust hidden in a backfill", "work accepted in a backfill",
        "adoption, which another rule reads",
        "acceptance that rewrites evidence", "acceptance that rewrites a stamp", "stamp beside a badge",
        "stamp beside an unknown table",
    ],
)  # fmt: skip
def test_nobody_brings_their_own(changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes)) == expected


def test_an_acceptance_by_another_tool_is_left_to_the_rule_about_decisions() -> None:
    changes = changes_of(
        added("stamps"),
        modified("completions", None, **ACCEPTED),
        modified("wanted", {"status": "in_review"}, status="completed"),
    )
    snapshot = a_snapshot(changes=changes)
    assert (snapshot.form, found(check, snapshot)) == (Form.ACCEPTANCE, PASS)


def test_a_smuggled_stamp_is_named() -> None:
    assert told(check, a_snapshot(changes=work(added("stamps")))) == (
        "The pull brings a stamp by `ana-town` for `polecat-7`."
    )  # fmt: skip


def test_who_a_badge_or_a_boot_block_is_for_is_named() -> None:
    assert told(check, a_snapshot(changes=work(added("badges")))) == "The pull brings a row of badges for `polecat-7`."
    assert told(check, a_snapshot(changes=changes_of(added("boot_blocks")))) == (
        "The pull brings a row of boot_blocks for `polecat-7`."
    )
