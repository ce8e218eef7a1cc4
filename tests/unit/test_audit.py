"""What an audit finds in rows, one table per check; whatever rows a commons holds, it does not break; time is linear."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.checks import Arrival, Books, audit
from bot.model.finding import AuditFinding, Level, Place
from bot.model.ledger import Completion, Rig, RigLink, Row, Stamp, Wanted
from tests.build import COMPLETION, ITEM, a_hash, a_rig, a_row
from tests.strategies import any_rows, hostile_text

STAMP = "s-0a1b2c3d4e5f6071"
LARGE = 3000
LARGE_AUDIT_MAX_S = 3.0
"""Some thirty times what it takes: what must not be, is a walk per stamp over everybody."""


def a_stamp(**cells: str | None) -> Stamp:
    return Stamp(a_row("stamps", **cells))


def a_done(**cells: str | None) -> Completion:
    return Completion(a_row("completions", **{"stamp_id": STAMP, "validated_by": "ana-town", **cells}))


def an_item(**cells: str | None) -> Wanted:
    return Wanted(a_row("wanted", **{"status": "completed", **cells}))


def a_link(left: str, right: str, status: str = "active") -> RigLink:
    return RigLink(a_row("rig_links", id=f"l-{left}-{right}", rig_a=left, rig_b=right, status=status))


SOUND = Books(
    rigs=(a_rig(), a_rig("ana-town", "ana")),
    items=(an_item(),),
    completions=(a_done(),),
    stamps=(a_stamp(),),
)


def told(books: Books, **how: Any) -> list[tuple[str, str, str, str]]:
    """Findings as (check, level, place, says)."""
    return [(f.check, f.level.value, str(f.place), f.says) for f in audit(books, **how)]


def test_books_that_are_in_order_are_passed_over_in_silence() -> None:
    assert audit(SOUND) == ()
    assert audit(Books()) == ()


@pytest.mark.parametrize(
    ("author", "rigs", "links", "expected"),
    [
        ("Polecat-7", (), (), ("yearbook", "fault", "Polecat-7 stamped their own work")),
        ("\uff50olecat-7", (), (), ("yearbook", "fault", "\uff50olecat-7 stamped their own work")),
        (
            "second",
            (a_rig("second", "PIA"),),
            (),
            ("yearbook", "fault", "author second and subject polecat-7 belong to the same DoltHub account, pia"),
        ),
        (
            "po1ecat-7",
            (a_rig("po1ecat-7", "eve"),),
            (),
            ("kinship", "doubt", "author po1ecat-7 and subject polecat-7 are too alike to be told apart"),
        ),
        (
            "second",
            (a_rig("second", "otto", parent_rig="polecat-7"),),
            (),
            ("kinship", "doubt", "author second and subject polecat-7 are tied by parent_rig"),
        ),
        (
            "second",
            (a_rig("second", "otto"),),
            (a_link("polecat-7", "third"), a_link("third", "second")),
            ("kinship", "doubt", "author second and subject polecat-7 are tied by an active row of rig_links"),
        ),
        (
            "pia",
            (),
            (),
            ("kinship", "doubt", "author pia and subject polecat-7 are tied by the same name, the same DoltHub account"),
        ),
        ("second", (a_rig("second", "otto"),), (a_link("polecat-7", "second", "revoked"),), None),
        ("second", (a_rig("second", None),), (), None),
    ],
)
def test_nobody_stamps_their_own_work_under_whatever_name(
    author: str, rigs: tuple[Rig, ...], links: tuple[RigLink, ...], expected: tuple[str, str, str] | None
) -> None:
    books = replace(
        SOUND,
        rigs=(a_rig(), *rigs),
        links=links,
        stamps=(a_stamp(author=author),),
        completions=(a_done(validated_by=author),),
    )
    place = f"stamps.{STAMP}.author"
    assert told(books) == ([] if expected is None else [(expected[0], expected[1], place, expected[2])])


@pytest.mark.parametrize(
    ("stamp", "done", "expected"),
    [
        (
            {"context_id": "c-gone"},
            {"stamp_id": None},
            [
                ("orphan_stamp", "fault", "stamps.S.context_id", "names completion c-gone, which is not there"),
                ("unstamped_item", "note", f"wanted.{ITEM}.status", "is completed without a stamp"),
            ],
        ),
        (
            {"context_id": None, "context_type": None},
            {"stamp_id": None},
            [
                ("orphan_stamp", "fault", "stamps.S.context_id", "names no completion"),
                ("unstamped_item", "note", f"wanted.{ITEM}.status", "is completed without a stamp"),
            ],
        ),
        (
            {"context_id": ITEM, "context_type": "wanted"},
            {},
            [("stamp_link", "fault", "completions.C.stamp_id", f"links stamp {STAMP}, which is about {ITEM}")],
        ),
        (
            {"subject": "Polecat-7"},
            {},
            [
                (
                    "orphan_stamp",
                    "fault",
                    "stamps.S.subject",
                    f"is for Polecat-7, but completion {COMPLETION} is polecat-7's",
                )
            ],
        ),
        (
            {},
            {"stamp_id": None},
            [
                (
                    "unlinked_stamp",
                    "doubt",
                    "stamps.S.context_id",
                    f"is about completion {COMPLETION}, which does not link it: the scoreboard counts it, others do not",
                )
            ],
        ),
        (
            {"id": "s-other"},
            {},
            [("stamp_link", "fault", "completions.C.stamp_id", f"links stamp {STAMP}, which is not there")],
        ),
        (
            {},
            {"validated_by": "bo-hollow"},
            [
                (
                    "stamp_link",
                    "fault",
                    "completions.C.stamp_id",
                    f"is validated by bo-hollow, its stamp {STAMP} is by ana-town",
                )
            ],
        ),
        ({}, {"validated_by": None}, []),
    ],
)
def test_stamp_and_completion_name_each_other(
    stamp: dict[str, str | None], done: dict[str, str | None], expected: list[tuple[str, str, str, str]]
) -> None:
    found = told(replace(SOUND, stamps=(a_stamp(**stamp),), completions=(a_done(**done),)))
    names = {"S": stamp.get("id") or STAMP, "C": COMPLETION}
    assert found == [
        (check, level, ".".join(names.get(p, p) for p in place.split(".")), says) for check, level, place, says in expected
    ]


def test_a_second_stamp_of_one_author_is_named_with_the_first() -> None:
    late = a_stamp(id="s-late", created_at="2026-06-15 00:00:00", author="Ana-Town")
    books = replace(SOUND, stamps=(late, a_stamp(), a_stamp(id="s-bo", author="bo-hollow")))
    assert audit(books) == (
        AuditFinding(
            check="second_stamp",
            level=Level.DOUBT,
            place=Place("stamps", "s-late", "context_id"),
            says=f"is one of 2 by ana-town on completion {COMPLETION}; the first is {STAMP}",
            rows=(("stamps", "s-late"), ("stamps", STAMP), ("completions", COMPLETION)),
        ),
    )


NO_NUMBER = "and no number: wl's scoreboard detail fails for everybody"


@pytest.mark.parametrize(
    ("valence", "numbers", "words"),
    [
        ('{"quality": 4, "reliability": 4, "creativity": 0}', None, None),
        ('{"quality": 5}', None, None),
        ('{"quality": 4.0, "reliability": null}', None, None),
        ('{"quality": "good", "reliability": "1"}', f"fault quality is good {NO_NUMBER}", None),
        ('{"quality": 4, "reliability": "great"}', *[f"fault reliability is great {NO_NUMBER}"] * 2),
        ('{"quality": true}', *[f"fault quality is True {NO_NUMBER}"] * 2),
        ('{"quality": [4]}', *[f"fault quality is [4] {NO_NUMBER}"] * 2),
        ('{"quality": 3.5}', *["doubt quality is 3.5, no whole number: wl's item view reads 0"] * 2),
        ('{"quality": 6}', *["doubt quality is 6, outside 0 to 5"] * 2),
        ('{"quality": -1}', *["doubt quality is -1, outside 0 to 5"] * 2),
        ('{"quality": NaN}', *["doubt quality is nan, outside 0 to 5"] * 2),
        ('{"reliability": 4}', *["doubt has no quality, which readers take for 0"] * 2),
        ("4", *["fault is no JSON object, so it holds no rating"] * 2),
        ("good", *["fault is no JSON, so nobody can read it"] * 2),
        (None, *["fault is no JSON, so nobody can read it"] * 2),
        ("[" * 100_000, *["fault is no JSON, so nobody can read it"] * 2),
    ],
)
def test_ratings_are_read_as_their_readers_read_them(valence: str | None, numbers: str | None, words: str | None) -> None:
    books = replace(SOUND, stamps=(a_stamp(valence=valence),))
    for expected, stored_as_words in ((numbers, False), (words, True)):
        found = [f"{level} {says}" for _, level, _, says in told(books, words=stored_as_words)]
        assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("status", "completions", "expected"),
    [
        ("completed", (a_done(stamp_id=None),), "is completed without a stamp"),
        ("completed", (), "is completed, and nobody submitted a completion"),
        ("completed", (a_done(stamp_id=None), a_done(id="c-other", stamp_id="s-x")), None),
        ("in_review", (a_done(stamp_id=None),), None),
        ("withdrawn", (), None),
    ],
)
def test_an_item_completed_without_a_stamp_is_a_note(
    status: str, completions: tuple[Completion, ...], expected: str | None
) -> None:
    books = replace(SOUND, items=(an_item(status=status),), completions=completions, stamps=())
    found = [f for f in audit(books) if f.check == "unstamped_item"]
    assert [(f.level, str(f.place), f.says) for f in found] == (
        [] if expected is None else [(Level.NOTE, f"wanted.{ITEM}.status", expected)]
    )


OURS = "INSERT INTO `stamps` (`id`) VALUES ('x') -- stampbot accept w-1 by ana"
THEIRS = "INSERT INTO stamps (message) VALUES ('-- stampbot accept w-1') -- wl accept"
MERGE = "Merge pull request #2 from hop/stampbot/0123456789ab/0a1b2c3d"


def came(commit: str, message: str, *, table: str = "stamps", straight: bool = False) -> Arrival:
    return Arrival(table=table, key="x", commit=a_hash(commit), message=message, straight=straight)


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ((came("one", OURS), came("two", MERGE)), None),
        ((came("one", OURS, straight=True),), None),
        ((came("one", THEIRS, straight=True),), f"came straight to main, without the bot, by commit {a_hash('one')}"),
        ((came("one", THEIRS), came("two", MERGE)), f"came without the bot, by commit {a_hash('one')}"),
        ((came("one", "stampbot accept w-1"),), f"came without the bot, by commit {a_hash('one')}"),
        ((came("one", "", table="completions"),), None),
        (
            (came("one", "INSERT …", table="completions", straight=True),),
            f"came straight to main, without the bot, by commit {a_hash('one')}",
        ),
        ((came("one", OURS, table="completions", straight=True),), None),
        ((), None),
    ],
)
def test_rows_that_came_without_the_bot_are_named_with_their_commit(
    arrivals: tuple[Arrival, ...], expected: str | None
) -> None:
    found = told(Books(), arrivals=arrivals)
    place = f"{arrivals[0].table}.x" if arrivals else ""
    assert found == ([] if expected is None else [("not_by_the_bot", "doubt", place, expected)])


def test_since_tells_only_what_concerns_rows_that_changed() -> None:
    books = replace(SOUND, stamps=(a_stamp(id="s-other"), a_stamp(id="s-bad", valence="x", context_id="c-gone")))
    everything = {f.check for f in audit(books)}
    assert everything == {"orphan_stamp", "stamp_link", "valence"}
    # A stamp that was taken away since is why the completion's link leads nowhere.
    assert {f.check for f in audit(books, touched={("stamps", STAMP)})} == {"stamp_link"}
    assert {f.check for f in audit(books, touched={("stamps", "s-bad")})} == {"orphan_stamp", "valence"}
    assert audit(books, touched=()) == ()


def test_the_worst_comes_first() -> None:
    books = replace(
        SOUND, items=(an_item(), an_item(id="w-9")), stamps=(a_stamp(valence='{"quality": 9}', author="polecat-7"),)
    )
    assert [f.level for f in audit(books)] == [Level.FAULT, Level.FAULT, Level.DOUBT, Level.NOTE]


@given(
    rigs=st.lists(any_rows("rigs"), max_size=4),
    links=st.lists(any_rows("rig_links"), max_size=4),
    items=st.lists(any_rows("wanted"), max_size=4),
    completions=st.lists(any_rows("completions"), max_size=4),
    stamps=st.lists(any_rows("stamps"), max_size=4),
    messages=st.lists(hostile_text(), max_size=2),
    words=st.booleans(),
)
def test_whatever_the_rows_hold_an_audit_ends_in_findings_about_them(
    rigs: list[Row],
    links: list[Row],
    items: list[Row],
    completions: list[Row],
    stamps: list[Row],
    messages: list[str],
    words: bool,
) -> None:
    books = Books(
        rigs=tuple(map(Rig, rigs)),
        links=tuple(map(RigLink, links)),
        items=tuple(map(Wanted, items)),
        completions=tuple(map(Completion, completions)),
        stamps=tuple(map(Stamp, stamps)),
    )
    arrivals = [came("one", message, straight=True) for message in messages]
    found = audit(books, arrivals=arrivals, words=words)
    assert [f.level.weight for f in found] == sorted((f.level.weight for f in found), reverse=True)
    for each in found:
        assert (each.place.table, each.place.key) in each.rows
        assert each.says
    touched = {row for each in found[:1] for row in each.rows}
    assert audit(books, arrivals=arrivals, touched=touched, words=words) == tuple(f for f in found if touched & set(f.rows))


def test_three_thousand_stamps_among_one_clan_are_one_walk() -> None:
    names = [f"rig-{n}" for n in range(LARGE)]
    books = Books(
        rigs=tuple(a_rig(name, f"account-{name}") for name in names),
        links=tuple(a_link(left, right) for left, right in pairwise(names)),
        items=tuple(an_item(id=f"w-{n}") for n in range(LARGE)),
        completions=tuple(
            a_done(id=f"c-{n}", wanted_id=f"w-{n}", stamp_id=f"s-{n}", completed_by=names[n], validated_by=names[n - 1])
            for n in range(LARGE)
        ),
        stamps=tuple(a_stamp(id=f"s-{n}", context_id=f"c-{n}", author=names[n - 1], subject=names[n]) for n in range(LARGE)),
    )
    began = time.process_time()
    found = audit(books)
    assert time.process_time() - began < LARGE_AUDIT_MAX_S
    assert [f.check for f in found] == ["kinship"] * LARGE
