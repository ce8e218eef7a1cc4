"""The audit notices each thing that must not be: books in order, with one thing in them changed at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.house.tree import ROOT, imports
from tests.soak.audit import BY_HAND, Books, Pull, Row, Said, Trouble, audit

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HEAD = "0123456789abcdefghijklmnopqrstuv"
WORK: dict[str, str | None] = {
    "id": "c-1",
    "wanted_id": "w-1",
    "completed_by": "polecat-7",
    "validated_by": "ana-town",
    "stamp_id": "s-1",
}
STAMP: dict[str, str | None] = {
    "id": "s-1",
    "author": "ana-town",
    "subject": "polecat-7",
    "context_id": "c-1",
    "valence": '{"quality": 4}',
}
ITEM: dict[str, str | None] = {"id": "w-1", "status": "completed"}
RIGS: tuple[Row, ...] = (
    {"handle": "ana-town", "dolthub_org": "ana", "trust_level": "3"},
    {"handle": "polecat-7", "dolthub_org": "pia", "trust_level": "1"},
)


def said(id_: str, author: str, body: str, minute: float, **mark: str) -> Said:
    return Said(id=id_, author=author, body=body, at=NOON + timedelta(minutes=minute), **mark)


REVIEW = said("1", "bot", "READY", 1, kind="review", about="-", outcome="READY", head=HEAD, digest="d1")
ACCEPT = said("2", "ana", "/accept --quality 4", 2)
ANSWER = said("3", "bot", "ACCEPTED", 3, kind="answer", about="accept:2", outcome="done", head=HEAD, digest="-")
PULL = Pull(number=1, title="work", state="merged", creator="pia", branch="wl/polecat-7/w-1", comments=(REVIEW, ACCEPT, ANSWER))


def books(*pulls: Pull, merged_heads: tuple[str, ...] = (HEAD,), **tables: Sequence[Row]) -> Books:
    rows: dict[str, Any] = {"rigs": RIGS, "wanted": (ITEM,), "completions": (WORK,), "stamps": (STAMP,), **tables}
    return Books(
        bot="bot",
        pulls=pulls or (PULL,),
        tables={name: tuple(found) for name, found in rows.items()},
        merged_heads=merged_heads,
    )


def with_comments(*comments: Said, **more: Any) -> Pull:
    return replace(PULL, comments=comments, **more)


def test_books_in_order_are_in_order() -> None:
    found = audit(books())
    assert found.good
    assert (found.pulls, found.decisions, found.answered, found.done, found.stamps, found.merged) == (1, 1, 1, 1, 1, 1)


AGAIN = replace(ANSWER, id="4", at=NOON + timedelta(minutes=4))
OTHER = with_comments(REVIEW, replace(ACCEPT, id="9"), replace(ANSWER, about="accept:9"), number=2)
LANDING = replace(PULL, number=2, creator="bot", branch="stampbot/x/y", comments=())
CASES: tuple[tuple[str, Callable[[], Books], str, str], ...] = (
    ("no-answer", lambda: books(with_comments(REVIEW, ACCEPT), stamps=()), "lost", "has no answer"),
    (
        "only-parked",
        lambda: books(with_comments(REVIEW, ACCEPT, replace(ANSWER, outcome="parked")), stamps=()),
        "lost",
        "no answer",
    ),
    ("no-review", lambda: books(with_comments(ACCEPT, ANSWER)), "lost", "never reviewed"),
    ("no-stamp", lambda: books(stamps=()), "lost", "has 0 stamps"),
    ("no-row", lambda: books(completions=(), stamps=()), "lost", "holds no completion"),
    ("not-merged", lambda: books(replace(PULL, state="open")), "lost", "the pull is open"),
    ("landing-left-open", lambda: books(PULL, replace(LANDING, state="open")), "lost", "still open"),
    ("two-stamps", lambda: books(stamps=(STAMP, {**STAMP, "id": "s-2"})), "duplicates", "has 2 stamps"),
    ("accepted-twice", lambda: books(PULL, OTHER), "duplicates", "accepted 2 times"),
    ("merged-twice", lambda: books(merged_heads=(HEAD, HEAD)), "duplicates", "merged 2 times"),
    ("no-right", lambda: books(with_comments(REVIEW, replace(ACCEPT, author="otto"), ANSWER)), "wrong", "may not decide"),
    ("own-work", lambda: books(rigs=({**RIGS[0], "dolthub_org": "pia"}, RIGS[1])), "wrong", "owner"),
    ("other-quality", lambda: books(stamps=({**STAMP, "valence": '{"quality": 5}'},)), "wrong", "quality"),
    ("not-linked", lambda: books(completions=({**WORK, "stamp_id": None},)), "wrong", "completion's stamp"),
    ("item-not-completed", lambda: books(wanted=({**ITEM, "status": "in_review"},)), "wrong", "item's status"),
    (
        "stamped-though-refused",
        lambda: books(with_comments(REVIEW, ACCEPT, replace(ANSWER, outcome="refused"))),
        "wrong",
        "is stamped, and no accept",
    ),
    ("merged-unasked", lambda: books(with_comments(REVIEW), stamps=()), "wrong", "was merged, and no accept"),
    ("closed-unasked", lambda: books(with_comments(REVIEW, state="closed"), stamps=()), "wrong", "nobody asked"),
    (
        "yes-and-no",
        lambda: books(with_comments(REVIEW, ACCEPT, ANSWER, replace(AGAIN, outcome="refused"))),
        "wrong",
        "answered done and refused",
    ),
    ("answer-twice", lambda: books(with_comments(REVIEW, ACCEPT, ANSWER, AGAIN)), "said_twice", "answer accept:2"),
    (
        "review-twice",
        lambda: books(with_comments(REVIEW, replace(REVIEW, id="5"), ACCEPT, ANSWER)),
        "said_twice",
        "review - came again",
    ),
)


@pytest.mark.parametrize(("make", "where", "says"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_must_not_be_is_named(make: Callable[[], Books], where: str, says: str) -> None:
    found = audit(make())
    assert not found.good
    assert any(says in sentence for sentence in getattr(found, where)), found


def test_what_people_did_by_hand_needs_no_command() -> None:
    merged = replace(PULL, comments=(REVIEW, said("6", "ana", f"{BY_HAND}merge", 2)))
    closed = replace(PULL, number=2, state="closed", comments=(REVIEW, said("7", "pia", f"{BY_HAND}close", 2)))
    assert audit(books(merged, closed, stamps=())).good
    stamped = replace(PULL, state="open", comments=(REVIEW, said("6", "ana", f"{BY_HAND}stamp", 2)))
    assert audit(books(stamped, merged_heads=())).good


def test_a_stamp_by_hand_is_only_that_of_who_said_so() -> None:
    stamped = replace(PULL, state="open", comments=(REVIEW, said("6", "bo", f"{BY_HAND}stamp", 2)))
    assert audit(books(stamped, merged_heads=())).wrong == ["c-1 is stamped, and no accept of it was carried out"]


@pytest.mark.parametrize(
    ("about", "told", "wrong"),
    [
        ("accept:2", "**NOT STAMPED.** Somebody was faster.", []),
        ("-:2", "DoltHub does not merge the landing pull 2.", []),
        (
            "accept:2",
            "Nothing was changed.",
            ["#1 was merged, and no accept of it was carried out (accept:2 refused: 'Nothing was changed.')"],
        ),
    ],
)
def test_who_merged_and_could_not_stamp_must_own_up(about: str, told: str, wrong: list[str]) -> None:
    refused = replace(ANSWER, about=about, outcome="refused", body=told)
    assert audit(books(with_comments(REVIEW, ACCEPT, refused), stamps=())).wrong == wrong


def troubles(*what: str, seconds_before: float) -> tuple[Trouble, ...]:
    at = AGAIN.at - timedelta(seconds=seconds_before)
    return tuple(Trouble(what=each, at=at, until=at) for each in what)


@pytest.mark.parametrize(
    ("comments", "near", "excused"),
    [
        ((AGAIN,), troubles("wipe", "kill", "lag", seconds_before=119), True),
        ((AGAIN,), troubles("wipe", "kill", "lag", seconds_before=121), False),
        ((AGAIN,), troubles("wipe", "lag", "freeze", seconds_before=5), False),
        ((AGAIN,), troubles("wipe", "kill", "lag", seconds_before=-5), False),
        ((replace(AGAIN, body="otherwise"),), troubles("wipe", "kill", "lag", seconds_before=5), False),
        (
            (AGAIN, replace(AGAIN, id="5", at=AGAIN.at + timedelta(seconds=1))),
            troubles("wipe", "kill", "lag", seconds_before=5),
            False,
        ),
    ],
    ids=["all-three", "too-long-ago", "nobody-killed", "only-afterwards", "other-words", "a-third-time"],
)
def test_words_come_twice_only_where_all_three_came_together(
    comments: tuple[Said, ...], near: tuple[Trouble, ...], excused: bool
) -> None:
    found = audit(books(with_comments(REVIEW, ACCEPT, ANSWER, *comments)), near, 120)
    assert found.good is excused
    assert excused or found.said_twice


def test_the_audit_shares_no_code_with_anybody() -> None:
    taken = {module.partition(".")[0] for module, _ in imports(ROOT / "tests/soak/audit.py")}
    assert taken - set(sys.stdlib_module_names) == set()
