"""Items of the same title."""

from __future__ import annotations

import pytest

from bot.converge.related.ledger import POSTS_COMPARED_MAX
from bot.rulebook import RowChange, Snapshot, Wanted
from rules.post_is_new import COMPARED_MAX, check
from tests.build import a_snapshot, a_wanted, added, changes_of, merged
from tests.rules.table import PASS, found, told

PLACE = "wanted.w-new.title"


def a_post(key: str = "w-new", title: str | None = "Mend the relay") -> RowChange:
    return added("wanted", id=key, title=title)


def posts(*rows: RowChange, beside: tuple[Wanted, ...] = ()) -> Snapshot:
    return a_snapshot(changes=changes_of(*(rows or (a_post(),))), items=(), namesakes=beside)


def alike(status: str | None, key: str = "w-1", title: str | None = "MEND the Relay ") -> Wanted:
    return a_wanted(id=key, title=title, status=status)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (posts(), PASS),
        (posts(beside=(alike("open", title="Mend the mill"),)), PASS),
        (posts(beside=(alike("open", "w-new"),)), PASS),
        (posts(beside=(alike("withdrawn"),)), PASS),
        (posts(a_post(title=""), a_post("w-2", None), beside=(alike("open", title=""),)), PASS),
        (posts(beside=(alike("open", title=None),)), PASS),
        (posts(beside=(alike("open"),)), (f"doubt {PLACE}",)),
        (posts(beside=(alike("claimed"),)), (f"doubt {PLACE}",)),
        (posts(beside=(alike("in_review"),)), (f"doubt {PLACE}",)),
        (posts(beside=(alike("submitted"),)), (f"doubt {PLACE}",)),
        (posts(beside=(alike(None),)), (f"doubt {PLACE}",)),
        (posts(beside=(alike("completed"),)), (f"note {PLACE}",)),
        (posts(beside=(alike("validated"),)), (f"note {PLACE}",)),
        (posts(beside=(alike("completed"), alike("open", "w-2"))), (f"doubt {PLACE}", f"note {PLACE}")),
        (posts(a_post(), a_post("w-two", "mend THE relay")), ("doubt wanted.w-two.title",)),
        (posts(a_post(), a_post("w-two", "Mend the mill")), PASS),
        (merged(posts(beside=(alike("open"),))), (f"note {PLACE}",)),
    ],
    ids=[
        "a new title", "another title", "the very item", "withdrawn", "no titles", "a namesake without title", "open",
        "claimed", "in review", "a status nobody knows", "no status", "done", "done, in older words", "both",
        "twice in one pull", "two titles", "merged",
    ],
)  # fmt: skip
def test_what_is_wanted_already_is_named(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (posts(beside=(alike("claimed"),)), "Main has the title of `w-new` already: `w-1` (`claimed`)."),
        (
            posts(beside=tuple(alike("open", f"w-{n}") for n in range(3))),
            "Main has the title of `w-new` already: `w-0` (`open`), `w-1` (`open`), `w-2` (`open`).",
        ),
        (
            posts(beside=tuple(alike("open", f"w-{n}") for n in range(5))),
            "Main has the title of `w-new` already: `w-0` (`open`), `w-1` (`open`), `w-2` (`open`) and 2 more.",
        ),
        (posts(beside=(alike("completed"),)), "An item of the title of `w-new` is done on main: `w-1` (`completed`)."),
        (posts(a_post(), a_post("w-two")), "The pull posts `w-two` under the title of `w-new`."),
    ],
)
def test_the_namesake_is_named_with_its_status(snapshot: Snapshot, says: str) -> None:
    assert told(check, snapshot) == says


def test_posts_that_were_not_compared_are_a_doubt() -> None:
    many = tuple(a_post(f"w-{n}", f"Mend relay {n}") for n in range(COMPARED_MAX + 1))
    assert COMPARED_MAX == POSTS_COMPARED_MAX
    assert found(check, posts(*many[:-1])) == PASS
    assert found(check, posts(*many)) == ("doubt wanted",)
    assert told(check, posts(*many)) == "The pull posts 51 items; only the titles of the first 50 are compared with main."


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (posts(beside=(alike("open", title="Zip the relay"),)), PASS),
        (posts(beside=(alike("open", title="Ask the relay"),)), PASS),
        (posts(beside=(alike("open", "w-zz"),)), (f"doubt {PLACE}",)),
        (posts(a_post(title=""), a_post("w-two"), beside=(alike("open"),)), ("doubt wanted.w-two.title",)),
    ],
    ids=["a later title", "an earlier title", "a later item", "behind one without title"],
)
def test_titles_and_ids_are_equal_or_not(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("count", "named"),
    [(3, "`w-0` (`open`), `w-1` (`open`), `w-2` (`open`)"), (8, "`w-0` (`open`), `w-1` (`open`), `w-2` (`open`) and 5 more")],
)
def test_namesakes_are_counted(count: int, named: str) -> None:
    beside = tuple(alike("open", f"w-{n}") for n in range(count))
    assert told(check, posts(beside=beside)) == f"Main has the title of `w-new` already: {named}."
