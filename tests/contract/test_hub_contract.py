"""The client against the look-alike server: real requests, real SQL, real merges, and production's quirks on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.audit import revert
from bot.audit import rows as books
from bot.converge import writers
from bot.converge.reads import columns_at, rows_together
from bot.dolthub import diff, sql, wire
from bot.dolthub.client import Hub, Written
from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.sql import Query, Statement
from bot.model.ids import CommitHash, Database, Handle, PullNo, StampId, User, WantedId
from bot.model.ledger import ChangeKind, Changes, Row, RowChange, RowWrite, Write
from bot.model.pull import PullState
from bot.model.snapshot import Record
from sandbox.seed.schema import creation
from tests.patience import until
from tests.sandbox_process import FreshDatabase, SandboxProcess, fresh_database, sandbox_server

__all__ = ["sandbox_server"]

NOW = datetime(2026, 3, 4, 10, 0, 5, tzinfo=UTC)
ITEMS = (
    "INSERT INTO wanted (id, title, status, tags) VALUES ('w-1', 'First', 'open', '[\"go\"]'), ('w-2', 'Second', 'open', NULL)",
    "INSERT INTO rigs (handle, dolthub_org, owner_email, trust_level, parent_rig) VALUES"
    " ('ana-rig', 'ana', 'a@x', 3, NULL), ('pia-rig', 'pia', '', 0, NULL), ('pia-two', 'pia', '', 0, NULL),"
    " ('kid', '', '', 0, 'pia-rig'), ('Mailed', 'other', 'p@x', 1, NULL), ('lone', '', 'p@x', 0, NULL)",
)
CLAIM = "UPDATE wanted SET status = 'claimed', claimed_by = 'pia-rig' WHERE id = 'w-1'"
texts = st.text(alphabet=st.characters(codec="utf-8"))


@dataclass(frozen=True)
class Place:
    """A commons of its own, its fork at pia's, and a hub that stands before them as the bot."""

    made: FreshDatabase
    commons: Database
    hub: Hub
    asked: list[str]

    def hub_of(self, token: str, **more: Any) -> Hub:
        return Hub(self.made.sandbox.base_url, token, commons=(self.commons,), **{"poll_s": (0.01, 0.05), **more})

    @property
    def main(self) -> CommitHash:
        return CommitHash(self.made.head())

    def fork(self, owner: str = "pia") -> Database:
        return Database.parse(self.made.fork(owner))

    def push(self, branch: str, *said: str, db: Database | None = None, at: str = "main") -> CommitHash:
        """Commit to a branch as anybody; the new head."""
        return CommitHash(self.made.push(branch, *said, database=str(db or self.commons), from_branch=at))

    def pull_of(self, branch: str, db: Database) -> PullNo:
        return PullNo(self.made.open_pull("Claim w-1", creator="pia", from_database=str(db), from_branch=branch))

    def changes(self, db: Database, head: CommitHash) -> Changes:
        """What a reviewer would see of `head` now."""
        base = diff.parting(self.hub, db, self.commons, head, self.main).base
        assert base is not None
        return diff.read_changes(self.hub, db, base, head)


def a_place(sandbox: SandboxProcess) -> Place:
    made = fresh_database(sandbox, statements=(*creation(), *ITEMS))
    asked: list[str] = []
    commons = Database.parse(made.name)
    hub = Hub(
        sandbox.base_url,
        "token-bot",
        commons=(commons,),
        poll_s=(0.01, 0.05),
        # Never as long as production would ask for.
        sleep=lambda seconds: time.sleep(min(seconds, 0.05)),
        on_request=asked.append,
    )
    return Place(made, commons, hub, asked)


@pytest.fixture
def place(sandbox_server: SandboxProcess) -> Iterator[Place]:
    """A commons that the test may change."""
    found = a_place(sandbox_server)
    yield found
    found.made.clean()


@pytest.fixture(scope="module")
def library(sandbox_server: SandboxProcess) -> Iterator[Place]:
    found = a_place(sandbox_server)
    yield found
    found.made.clean()


@pytest.fixture
def reading(library: Place) -> Iterator[Place]:
    """A commons that tests only read, each with its own faults."""
    yield library
    library.made.sandbox.admin("DELETE", "/faults", database=library.made.name)


def refused(act: Callable[[], object]) -> HubError:
    with pytest.raises(HubError) as caught:
        act()
    return caught.value


# --- reads ------------------------------------------------------------------------------------------------------------


def test_the_bot_knows_itself_and_its_commons(reading: Place) -> None:
    assert reading.hub.me() == User("bot")
    assert reading.hub.database(reading.commons)
    assert not reading.hub.database(replace(reading.commons, owner="nobody"))


def test_a_bad_token_is_told_from_a_missing_one(reading: Place) -> None:
    error = refused(reading.hub_of("token-wrong").me)
    assert isinstance(error, HubRefused)
    assert (error.status, error.code) == (401, "UNAUTHENTICATED")
    assert reading.hub_of("").me() is None


def test_branches_have_heads(place: Place) -> None:
    head = place.push("wl/pia/w-1", CLAIM)
    found = {branch.name: branch.head for branch in place.hub.branches(place.commons)}
    assert found == {"main": place.main, "wl/pia/w-1": head}


def test_pulls_are_listed_newest_first_over_all_pages_and_read_in_full(place: Place) -> None:
    fork = place.fork()
    numbers = []
    for n in range(3):
        place.push(f"wl/{n}", f"UPDATE wanted SET title = 't{n}' WHERE id = 'w-1'", db=fork)
        numbers.append(place.pull_of(f"wl/{n}", fork))
    place.made.play({"quirk": "page-size", "size": 1})
    assert [pull.number for pull in place.hub.pulls(place.commons)] == numbers[::-1]
    pull = place.hub.pull(place.commons, numbers[0])
    assert (pull.title, pull.state, pull.creator) == ("Claim w-1", PullState.OPEN, User("pia"))
    assert (str(pull.source), str(pull.target)) == (f"{fork}:wl/0", f"{place.commons}:main")
    assert isinstance(refused(lambda: place.hub.pull(place.commons, PullNo(999))), HubGone)


@pytest.mark.parametrize("how", ["absent", "empty", "repeated"])
def test_a_list_ends_however_its_end_is_said(place: Place, how: str) -> None:
    for n in range(3):
        place.push(f"b{n}", f"UPDATE wanted SET title = 't{n}' WHERE id = 'w-1'")
    place.made.play({"quirk": "page-size", "size": 2}, {"quirk": "page-end", "how": how})
    assert sorted(branch.name for branch in place.hub.branches(place.commons)) == ["b0", "b1", "b2", "main"]


@pytest.mark.parametrize("how", ["shuffled", "reversed"])
def test_comments_are_sorted_by_time(place: Place, how: str) -> None:
    fork = place.fork()
    place.push("wl/x", CLAIM, db=fork)
    number = place.pull_of("wl/x", fork)
    mine = place.hub.comment(place.commons, number, "first; with 'quotes' — and ünïcode\n\n- list")
    others = [place.made.comment(number, "ana", f"comment {n}") for n in range(4)]
    place.made.play({"quirk": "odd-comments", "how": how})
    found = place.hub.comments(place.commons, number)
    assert [comment.id for comment in found] == [mine, *others]
    assert found[0].body == "first; with 'quotes' — and ünïcode\n\n- list"
    assert found[0].author == User("bot")
    assert not any(comment.edited for comment in found)


def test_an_edited_comment_is_seen_as_such(place: Place) -> None:
    place.push("wl/x", CLAIM)
    number = place.hub.open_pull(place.commons, title="t", description="", branch="wl/x")
    place.hub.comment(place.commons, number, "words")
    place.made.play({"quirk": "odd-comments", "how": "edited"})
    assert [comment.edited for comment in place.hub.comments(place.commons, number)] == [True]


QUERIES: tuple[Query, ...] = (
    sql.columns(),
    sql.hash_of("main"),
    sql.rows_by("_meta", "key", ("schema_version",)),
    sql.completions_of((WantedId("w-1"),)),
    sql.rigs_around((Handle("pia-rig"), Handle("o'brien\\")), ("ana",), 3),
    sql.all_rig_links(),
    sql.stamps_for(("c-1",), (StampId("s-1"),)),
    sql.record_of(Handle("pia-rig")),
    sql.tallies_around(Handle("pia-rig")),
    sql.claims_of(Handle("pia-rig")),
    sql.latest_completions_of(Handle("pia-rig")),
    sql.items_titled(("It's", "Mend 😀")),
    sql.completions_like((("o/r", "/pull", "100%_|"),)),
    sql.open_completions(),
)


@pytest.mark.parametrize("query", QUERIES, ids=[query.text[:50] for query in QUERIES])
def test_every_query_is_understood(reading: Place, query: Query) -> None:
    assert all(isinstance(row, Row) for row in reading.hub.rows(reading.commons, reading.main, query))


def test_the_columns_of_the_commons_are_read(reading: Place) -> None:
    found = wire.read_columns(reading.hub.rows(reading.commons, reading.main, sql.columns()))
    assert set(found) == {
        "_meta",
        "rigs",
        "wanted",
        "completions",
        "stamps",
        "badges",
        "boot_blocks",
        "chain_meta",
        "rig_links",
    }
    assert found["_meta"] == ("key", "value")


@pytest.mark.parametrize(
    ("handles", "owners", "trust", "found"),
    [
        (("pia-rig",), (), None, {"pia-rig", "pia-two", "kid"}),
        (("kid",), (), None, {"kid", "pia-rig"}),
        (("mailed",), (), None, {"Mailed", "lone"}),
        ((), ("ana",), None, {"ana-rig"}),
        ((), (), 1, {"ana-rig", "Mailed"}),
        (("pia-two",), ("ana", ""), 4, {"pia-two", "pia-rig", "ana-rig"}),
    ],
)
def test_a_rigs_kin_is_found(
    reading: Place, handles: tuple[str, ...], owners: tuple[str, ...], trust: int | None, found: set[str]
) -> None:
    query = sql.rigs_around([Handle(h) for h in handles], owners, trust)
    assert {row.text("handle") for row in reading.hub.rows(reading.commons, reading.main, query)} == found


def test_stamps_around_a_worker_are_counted_by_pair(place: Place) -> None:
    place.push(
        "main",
        "INSERT INTO stamps (id, author, subject, valence, confidence, context_id, created_at) VALUES"
        " ('s-1', 'ana', 'pia', '{\"quality\": 4}', 1, 'c-1', '2026-03-01 10:00:00'),"
        " ('s-2', 'ana', 'pia', '{\"quality\": 4}', 0.5, 'c-2', '2026-03-02 10:00:00'),"
        " ('s-3', 'pia', 'ana', '{\"quality\": 2}', 1, 'c-3', '2026-03-03 10:00:00'),"
        " ('s-4', 'ana', 'otto', '{\"quality\": 1}', 1, 'c-4', '2026-03-04 10:00:00'),"
        " ('s-5', 'bo', 'otto', '{\"quality\": 1}', 1, 'c-5', '2026-03-05 10:00:00')",
    )
    rows = place.hub.rows(place.commons, place.main, sql.tallies_around(Handle("pia")))
    assert [(t.author, t.subject, t.stamps, t.valences, t.confidence) for t in map(wire.read_tally, rows)] == [
        ("ana", "otto", 1, 1, 1.0),
        ("ana", "pia", 2, 1, 0.75),
        ("pia", "ana", 1, 1, 1.0),
    ]
    assert wire.read_tally(rows[1]).last_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def test_reads_in_one_request_bring_what_each_brings_by_itself(reading: Place) -> None:
    columns = columns_at(reading, reading.main)
    handles = (Handle("pia-rig"), Handle("o'brien\\"))
    around = sql.rigs_around(handles, ("ana",), 3)
    queries = (
        sql.all_rigs(),
        around,
        sql.all_rig_links(),
        sql.rows_by("wanted", "id", ("w-1", "w-2")),
        sql.rows_by("wanted", "id", ("nowhere",)),
        sql.completions_of((WantedId("w-1"),)),
        sql.stamps_for(("c-1",), (StampId("s-1"),)),
        sql.record_of(handles[0]),
        sql.tallies_around(handles[0]),
        sql.claims_of(handles[0]),
        sql.latest_completions_of(handles[0]),
        sql.items_titled(("It's", "Mend 😀")),
        sql.completions_like((("o/r", "/pull", "100%_|"),)),
    )
    one_by_one = [reading.hub.rows(reading.commons, reading.main, query) for query in queries]
    at_once = rows_together(reading, reading.main, queries, columns)
    assert [{frozenset(row.cells) for row in rows} for rows in at_once] == [
        {frozenset(row.cells) for row in rows} for rows in one_by_one
    ]
    assert sum(map(len, at_once)) > 5


def test_reads_that_cannot_be_joined_are_asked_one_by_one(reading: Place) -> None:
    columns = {"wanted": ("id", "no such column")}
    queries = (sql.rows_by("wanted", "id", ("w-1",)), sql.all_rigs())
    at_once = rows_together(reading, reading.main, queries, columns)
    assert at_once == tuple(reading.hub.rows(reading.commons, reading.main, query) for query in queries)


def test_unfinished_completions_are_found_whatever_step_is_missing(place: Place) -> None:
    place.push(
        "main",
        "INSERT INTO wanted (id, title, status) VALUES ('in-review', 't', 'in_review'), ('stamped', 't', 'in_review'),"
        " ('linked', 't', 'in_review'), ('done', 't', 'completed'), ('rejected', 't', 'claimed')",
        "INSERT INTO completions (id, wanted_id, stamp_id) VALUES ('c-review', 'in-review', NULL),"
        " ('c-stamped', 'stamped', NULL), ('c-linked', 'linked', 's-2'), ('c-done', 'done', 's-3'),"
        " ('c-rejected', 'rejected', NULL), ('c-orphan', 'none', NULL)",
        "INSERT INTO stamps (id, author, subject, valence, context_id) VALUES"
        " ('s-1', 'a', 'b', '{\"quality\": 4}', 'c-stamped'), ('s-2', 'a', 'b', '{\"quality\": 2}', 'c-linked'),"
        " ('s-3', 'a', 'b', '{\"quality\": \"good\"}', 'c-done')",
    )
    rows = place.hub.rows(place.commons, place.main, sql.open_completions())
    assert [(row.text("id"), row.text("item_status")) for row in rows] == [
        ("c-linked", "in_review"),
        ("c-review", "in_review"),
        ("c-stamped", "in_review"),
    ]
    record = wire.read_record(place.hub.rows(place.commons, place.main, sql.record_of(Handle("b"))))
    assert record == Record(stamps=3, mean_quality=3.0)


def test_a_long_table_is_read_whole(place: Place) -> None:
    ids = [f"b-{n:05}" for n in range(sql.ROWS_PER_PAGE + 150)]
    place.push("main", "INSERT INTO badges (id, rig_handle) VALUES " + ", ".join(f"('{i}', 'kid')" for i in ids))
    rows = place.hub.rows(place.commons, place.main, sql.rows_by("badges", "rig_handle", ("kid",)))
    assert [row.text("id") for row in rows] == ids


def test_what_cannot_be_read_is_sorted(reading: Place) -> None:
    unknown = CommitHash("0" * 32)
    good = sql.hash_of("main")
    assert isinstance(refused(lambda: reading.hub.rows(reading.commons, unknown, good)), HubGone)
    assert isinstance(refused(lambda: reading.hub.rows(reading.commons, "no/such/branch", good)), HubGone)
    assert isinstance(refused(lambda: reading.hub.rows(Database("nobody", "x"), "main", good)), HubGone)
    assert type(refused(lambda: reading.hub.rows(reading.commons, "main", Query("SELECT FROM")))) is HubStrange
    assert type(refused(lambda: reading.hub.rows(reading.commons, "main", Query("SELECT * FROM nowhere")))) is HubStrange


# --- quirks of production ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quirk",
    [
        {"quirk": "no-such-repository", "times": 2},
        {"quirk": "overload", "how": "429", "retry_after": 1, "times": 1},
        {"quirk": "overload", "how": "502", "times": 2},
        {"quirk": "not-json", "how": "text", "times": 1},
        {"quirk": "not-json", "how": "empty", "times": 1},
        {"quirk": "not-json", "how": "html", "times": 1},
        {"quirk": "cut", "times": 2},
        {"quirk": "sql-trouble", "how": "timeout", "times": 1},
        {"quirk": "sql-trouble", "how": "branch", "times": 1},
        {"quirk": "scoped-token", "status": 403},
        {"quirk": "scoped-token", "status": 404},
        {"quirk": "growth"},
    ],
    ids=str,
)
def test_a_read_survives_what_passes(reading: Place, quirk: dict[str, Any]) -> None:
    reading.made.play(quirk)
    rows = reading.hub.rows(reading.commons, "main", sql.rows_by("wanted", "id", ("w-1",)))
    assert [row.get("title") for row in rows] == ["First"]


@pytest.mark.parametrize(
    ("quirk", "kind"),
    [
        ({"quirk": "no-such-repository"}, HubGone),
        ({"quirk": "overload", "how": "503"}, HubBusy),
        ({"quirk": "not-json", "how": "empty"}, HubStrange),
        ({"quirk": "cut"}, HubBusy),
        ({"quirk": "row-limit", "rows": 1}, HubStrange),
        ({"quirk": "sql-trouble", "how": "not_workspace"}, HubStrange),
        ({"quirk": "bad-token"}, HubRefused),
        ({"quirk": "redirect"}, HubStrange),
    ],
    ids=str,
)
def test_a_read_says_what_to_do_about_what_stays(reading: Place, quirk: dict[str, Any], kind: type[HubError]) -> None:
    reading.made.play(quirk)
    query = sql.rows_by("wanted", "id", ("w-1", "w-2"))
    assert type(refused(lambda: reading.hub.rows(reading.commons, "main", query))) is kind


def test_hostile_words_arrive_as_they_are_and_stay_words(place: Place) -> None:
    place.push("wl/x", CLAIM)
    number = place.hub.open_pull(place.commons, title="t", description="d", branch="wl/x")
    place.made.play({"quirk": "hostile-text"})
    hostile = "\x00\x1b[31m\u202e<script>alert(1)</script>'; DROP TABLE wanted; --"
    assert place.hub.pull(place.commons, number).title == "t" + hostile


# --- the encoder ------------------------------------------------------------------------------------------------------

HOSTILE = ["'", "\\", "\\'", "''", "'; DROP TABLE wanted; -- ", "\0", "\n\r\t\x1a", "/* */ # --", "a;b", "naïve 😀", "%_", '"`']


@given(found=st.lists(texts, min_size=1, max_size=8))
@example(found=HOSTILE)
def test_any_text_comes_back_from_a_query_as_it_went_in(reading: Place, found: list[str]) -> None:
    query = Query("SELECT " + ", ".join(f"{sql.literal(text)} AS c{n}" for n, text in enumerate(found)))
    assert [value for _, value in reading.hub.rows(reading.commons, "main", query)[0].cells] == found


@given(evidence=texts, note=st.text(max_size=30))
@example(evidence="".join(HOSTILE), note="by 'ana'; -- \n */ \\")
def test_any_text_comes_back_from_a_row_as_it_was_written(place: Place, evidence: str, note: str) -> None:
    key = f"c-{len(place.asked)}"
    write = RowWrite(table="completions", key=key, write=Write.INSERT, cells=Row.of({"evidence": evidence}))
    statement = sql.write_row(write, columns={"completions": ("id", "evidence")}, now=NOW, note=note)
    assert place.hub.write(place.commons, "main", statement) is Written.CHANGED
    rows = place.hub.rows(place.commons, "main", sql.rows_by("completions", "id", (key,)))
    assert [row.get("evidence") for row in rows] == [evidence]


# --- writes -----------------------------------------------------------------------------------------------------------

STAMP = RowWrite(
    table="stamps",
    key="s-1",
    write=Write.INSERT,
    cells=Row.of({"author": "ana-rig", "subject": "pia-rig", "valence": '{"quality": 4}', "context_id": "c-1"}),
)
CLAIMED = RowWrite(
    table="wanted",
    key="w-1",
    write=Write.UPDATE,
    cells=Row.of({"status": "claimed", "claimed_by": "pia-rig"}),
    guard=Row.of({"status": "open", "claimed_by": None}),
    touch=("updated_at",),
)


def statement(place: Place, write: RowWrite, *, unless_stamped: bool = False) -> Statement:
    columns = wire.read_columns(place.hub.rows(place.commons, "main", sql.columns()))
    return sql.write_row(write, columns=columns, now=NOW, note="stampbot accept w-1 by ana", unless_stamped=unless_stamped)


def test_a_guarded_update_happens_once_and_is_the_commit_message(place: Place) -> None:
    said = statement(place, CLAIMED)
    place.hub.create_branch(place.commons, "stampbot/x", at=place.main)
    assert place.hub.write(place.commons, "stampbot/x", said) is Written.CHANGED
    assert place.hub.write(place.commons, "stampbot/x", said) is Written.UNCHANGED
    head = next(b.head for b in place.hub.branches(place.commons) if b.name == "stampbot/x")
    (change,) = diff.read_changes(place.hub, place.commons, place.main, head).rows
    assert (change.table, change.key, change.kind) == ("wanted", "w-1", ChangeKind.MODIFIED)
    assert {column: change.new(column) for column in change.changed} == {
        "status": "claimed",
        "claimed_by": "pia-rig",
        "updated_at": "2026-03-04 10:00:05",
    }
    log = place.made.sandbox.admin("GET", "/log", database=str(place.commons), ref="stampbot/x")
    assert (log[0]["message"], log[0]["author"]) == (said.text, "bot")
    assert log[1]["hash"] == place.main


def test_a_stamp_yields_to_any_other_about_the_same_work(place: Place) -> None:
    other = replace(STAMP, key="s-other")
    assert place.hub.write(place.commons, "main", statement(place, other)) is Written.CHANGED
    assert place.hub.write(place.commons, "main", statement(place, STAMP, unless_stamped=True)) is Written.UNCHANGED
    free = replace(STAMP, cells=Row.of({**STAMP.cells.as_dict(), "context_id": "c-2"}))
    assert place.hub.write(place.commons, "main", statement(place, free, unless_stamped=True)) is Written.CHANGED
    rows = place.hub.rows(place.commons, "main", sql.stamps_for(("c-1", "c-2"), ()))
    assert [(row.text("id"), row.text("context_id")) for row in rows] == [("s-1", "c-2"), ("s-other", "c-1")]


def test_a_delete_spares_what_was_stamped_meanwhile(place: Place) -> None:
    place.push("main", "INSERT INTO completions (id, wanted_id) VALUES ('c-1', 'w-1'), ('c-2', 'w-1')")
    place.hub.write(place.commons, "main", statement(place, STAMP))
    gone = RowWrite(table="completions", key="c-1", write=Write.DELETE, guard=Row.of({"stamp_id": None}))
    assert place.hub.write(place.commons, "main", statement(place, gone, unless_stamped=True)) is Written.UNCHANGED
    other = replace(gone, key="c-2")
    assert place.hub.write(place.commons, "main", statement(place, other, unless_stamped=True)) is Written.CHANGED
    rows = place.hub.rows(place.commons, "main", sql.completions_of((WantedId("w-1"),)))
    assert [row.text("id") for row in rows] == ["c-1"]


SELF = replace(STAMP, cells=Row.of({**STAMP.cells.as_dict(), "subject": "ana-rig"}))


def test_a_stamp_for_oneself_is_refused_by_the_database(place: Place) -> None:
    assert isinstance(refused(lambda: place.hub.write(place.commons, "main", statement(place, SELF))), HubRefused)


def test_a_success_that_wrote_nothing_is_told_as_such(place: Place) -> None:
    place.made.play({"quirk": "check-violated"})
    assert place.hub.write(place.commons, "main", statement(place, SELF)) is Written.UNCHANGED
    assert place.hub.rows(place.commons, "main", sql.stamps_for(("c-1",), ())) == ()


def test_two_statements_are_refused(place: Place) -> None:
    before = place.main
    two = Statement("UPDATE wanted SET title = 'a'; UPDATE wanted SET title = 'b'")
    assert isinstance(refused(lambda: place.hub.write(place.commons, "main", two)), HubRefused)
    assert place.main == before


def test_a_lost_race_is_for_later(place: Place) -> None:
    place.made.play({"quirk": "serialization-failure", "times": 1})
    error = refused(lambda: place.hub.write(place.commons, "main", statement(place, CLAIMED)))
    assert isinstance(error, HubBusy)
    assert not error.unknown_end
    assert place.hub.write(place.commons, "main", statement(place, CLAIMED)) is Written.CHANGED


def test_who_may_not_write_is_told_which_right_is_missing(reading: Place) -> None:
    said = statement(reading, CLAIMED)
    error = refused(lambda: reading.hub_of("token-mallory").write(reading.commons, "main", said))
    assert isinstance(error, HubRefused)
    assert (error.status, error.code) == (403, "PERMISSION_DENIED")
    assert "write permission on the commons" in str(error)


@pytest.mark.parametrize(("how", "rows"), [("done", ["w-1"]), ("not done", [])])
def test_a_write_whose_end_nobody_heard_is_not_repeated(place: Place, how: str, rows: list[str]) -> None:
    said = statement(place, CLAIMED)
    place.made.play({"quirk": "unknown-end", "how": how, "match": {"operation": "runSqlWriteQuery"}})
    error = refused(lambda: place.hub.write(place.commons, "main", said))
    assert isinstance(error, HubBusy)
    assert error.unknown_end
    assert place.made.counts()["runSqlWriteQuery"] == 1
    query = sql.rows_by("wanted", "claimed_by", ("pia-rig",))
    until(lambda: [row.text("id") for row in place.hub.rows(place.commons, "main", query)] == rows)


def test_a_branch_name_is_taken_once(place: Place) -> None:
    place.hub.create_branch(place.commons, "stampbot/d/1", at=place.main)
    error = refused(lambda: place.hub.create_branch(place.commons, "stampbot/d/1", at=place.main))
    assert isinstance(error, HubConflict)


# --- pulls and merges -------------------------------------------------------------------------------------------------


def a_pull(place: Place) -> PullNo:
    place.push("stampbot/x", CLAIM)
    return place.hub.open_pull(place.commons, title="stampbot: accept w-1", description="d", branch="stampbot/x")


def test_a_pull_of_our_own_is_opened_once_merged_once_and_verified(place: Place) -> None:
    before = place.main
    number = a_pull(place)
    head = next(b.head for b in place.hub.branches(place.commons) if b.name == "stampbot/x")
    again = refused(lambda: place.hub.open_pull(place.commons, title="t", description="", branch="stampbot/x"))
    assert isinstance(again, HubConflict)
    place.hub.merge(place.commons, number)
    assert place.hub.pull(place.commons, number).state is PullState.MERGED
    assert not place.hub.merging(place.commons)
    main = place.main
    (merge,) = place.hub.rows(place.commons, main, sql.merges_of(head))
    assert merge.text("commit_hash") == main
    parents = place.hub.rows(place.commons, main, sql.first_parent(main))
    assert [row.text("parent_hash") for row in parents] == [before]
    assert len(place.hub.rows(place.commons, main, sql.on_log((head,), main))) == 1
    assert place.hub.rows(place.commons, before, sql.on_log((head,), before)) == ()
    error = refused(lambda: place.hub.merge(place.commons, number))
    assert isinstance(error, HubRefused)
    assert error.status == 422


def test_a_conflict_is_refused_and_a_closed_pull_is_not_merged(place: Place) -> None:
    number = a_pull(place)
    place.push("main", "UPDATE wanted SET status = 'withdrawn' WHERE id = 'w-1'")
    before = place.main
    assert isinstance(refused(lambda: place.hub.merge(place.commons, number)), HubRefused)
    place.hub.close(place.commons, number)
    assert place.hub.pull(place.commons, number).state is PullState.CLOSED
    assert isinstance(refused(lambda: place.hub.merge(place.commons, number)), HubRefused)
    assert place.main == before


def test_a_merge_that_stays_running_is_seen_and_not_started_again(place: Place) -> None:
    number = a_pull(place)
    place.made.play({"quirk": "merge-takes-its-time", "how": "runs"})
    error = refused(lambda: place.hub_of("token-bot", operation_wait_s=0.2).merge(place.commons, number))
    assert isinstance(error, HubBusy)
    assert error.unknown_end
    assert place.hub.merging(place.commons)
    assert place.made.counts()["mergePull"] == 1


@pytest.mark.parametrize(
    ("quirk", "merged"),
    [
        ({"quirk": "raw-href", "how": "slashes"}, True),
        ({"quirk": "raw-href", "how": "number"}, True),
        ({"quirk": "operation-words", "how": "pending"}, True),
        ({"quirk": "operation-words", "how": "v1"}, True),
        ({"quirk": "cut", "match": {"operation": "getOperation"}, "times": 2}, True),
        ({"quirk": "merge-takes-its-time", "how": "fails"}, False),
        ({"quirk": "protected-branch", "how": "403"}, False),
        ({"quirk": "protected-branch", "how": "422"}, False),
        ({"quirk": "protected-branch", "how": "job"}, False),
    ],
    ids=str,
)
def test_an_operation_is_followed_in_every_form(place: Place, quirk: dict[str, Any], merged: bool) -> None:
    number = a_pull(place)
    place.made.play(quirk)
    if merged:
        place.hub.merge(place.commons, number)
    else:
        assert isinstance(refused(lambda: place.hub.merge(place.commons, number)), HubRefused)
    assert (place.hub.pull(place.commons, number).state is PullState.MERGED) is merged


# --- what a pull changes ----------------------------------------------------------------------------------------------

CLAIM_ROW = ("wanted", "w-1", ChangeKind.MODIFIED, ("claimed_by", "status"))


def seen(changes: Changes) -> list[tuple[str, str, ChangeKind, tuple[str, ...]]]:
    return [(c.table, c.key, c.kind, tuple(sorted(c.changed))) for c in changes.rows]


def test_a_branch_of_a_fresh_fork_shows_its_own_change(place: Place) -> None:
    fork = place.fork()
    head = place.push("wl/pia/w-1", CLAIM, db=fork)
    assert diff.parting(place.hub, fork, place.commons, head, place.main).base == place.main
    assert seen(place.changes(fork, head)) == [CLAIM_ROW]


def test_a_stale_fork_shows_its_own_change_and_no_phantom_reverts(place: Place) -> None:
    base = place.main
    fork = place.fork()
    head = place.push("wl/pia/w-1", CLAIM, db=fork)
    for n in range(3):
        place.push("main", f"UPDATE wanted SET title = 'new {n}' WHERE id = 'w-2'")
    del place.asked[:]
    assert diff.parting(place.hub, fork, place.commons, head, place.main).base == base
    assert len(place.asked) == 2
    assert seen(place.changes(fork, head)) == [CLAIM_ROW]


def test_a_pull_from_the_forks_own_main_is_not_empty(place: Place) -> None:
    fork = place.fork()
    head = place.push("main", CLAIM, db=fork)
    place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    assert seen(place.changes(fork, head)) == [CLAIM_ROW]


def test_a_branch_of_the_commons_itself_is_compared_there(place: Place) -> None:
    base = place.main
    head = place.push("stampbot/x", CLAIM)
    place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    del place.asked[:]
    assert diff.parting(place.hub, place.commons, place.commons, head, place.main).base == base
    assert place.asked == ["runSqlReadQueryPost"] * 2
    assert seen(place.changes(place.commons, head)) == [CLAIM_ROW]


def test_the_commits_of_a_branch_come_with_where_it_left_main(place: Place) -> None:
    fork = place.fork()
    claim = f"{CLAIM} -- wl claim: w-1"
    first = place.push("wl/pia/w-1", claim, db=fork)
    long = f"UPDATE wanted SET title = '{'x' * 400}' WHERE id = 'w-1'; -- wl update: w-1"
    head = place.push("wl/pia/w-1", long, db=fork)
    place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    parting = diff.parting(place.hub, fork, place.commons, head, place.main)
    # Made within one second, so either may come first.
    told = {c.id: (c.committer, c.is_merge, c.made_at is not None) for c in parting.commits}
    assert told == dict.fromkeys((first, head), ("ana", False, True))
    messages = {c.id: c.message for c in parting.commits}
    assert messages[first] == claim
    begins, ends = messages[head].split(" … ")
    assert (begins, ends.endswith("-- wl update: w-1")) == (long[:240], True)
    assert diff.parting(place.hub, fork, place.commons, place.main, place.main).commits == ()


def test_who_wrote_a_row_on_main_since_is_told(place: Place) -> None:
    base = place.main
    fork = place.fork("otto")
    place.push("wl/otto/w-1", CLAIM, db=fork)
    number = place.pull_of("wl/otto/w-1", fork)
    place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    place.hub.merge(place.commons, number)
    last = place.push("main", "UPDATE wanted SET title = 'newer' WHERE id = 'w-1'")
    rows = place.hub.rows(place.commons, place.main, sql.moves("wanted", ("w-1",), base, place.main))
    found = [(row.text("row_key"), wire.read_commit(row)) for row in rows]
    assert {key for key, _ in found} == {"w-1"}
    wrote = {commit.id: commit.committer for _, commit in found}
    assert wrote[last] == "ana"
    assert len(wrote) >= 2
    assert last_writers(place, "w-1", since=base) == [(last, "ana")]


def last_writers(place: Place, key: str, *, since: CommitHash) -> list[tuple[CommitHash, str]]:
    """The commit that is told as the last to write a row of `wanted`, and its committer."""
    moves = writers.moves(main_of(place), "wanted", (key,), since)
    return [(move.commit.id, move.commit.committer) for move in moves]


def main_of(place: Place) -> writers.Main:
    return writers.Main(hub=place.hub, commons=place.commons, head=place.main)


def test_a_later_merge_is_not_told_as_the_writer_of_a_row_that_it_did_not_bring(place: Place) -> None:
    base = place.main
    fork = place.fork("otto")
    place.push("wl/otto/w-1", CLAIM, db=fork)
    number = place.pull_of("wl/otto/w-1", fork)
    # From here two ways lead on, and dolt_diff_wanted shows one of them.
    wrote = place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    place.hub.merge(place.commons, number)
    rows = place.hub.rows(place.commons, place.main, sql.moves("wanted", ("w-2",), base, place.main))
    assert [row.text("commit_hash") for row in rows] == [place.main]
    assert last_writers(place, "w-2", since=base) == [(wrote, "ana")]


def test_an_earlier_commit_is_not_told_as_the_writer_of_a_row_that_was_written_again(place: Place) -> None:
    base = place.main
    place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    fork = place.fork("otto")
    place.push("wl/otto/w-1", CLAIM, db=fork)
    number = place.pull_of("wl/otto/w-1", fork)
    last = place.push("main", "UPDATE wanted SET title = 'newer' WHERE id = 'w-2'")
    place.hub.merge(place.commons, number)
    assert last_writers(place, "w-2", since=base) == [(last, "ana")]


def test_of_a_row_whose_writer_lies_too_far_back_nobody_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "STEPS_MAX", 3)
    monkeypatch.setattr(writers, "STEPS_PER_READ", 2)
    base = place.main
    fork = place.fork("otto")
    place.push("wl/otto/w-1", CLAIM, db=fork)
    number = place.pull_of("wl/otto/w-1", fork)
    wrote = place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    place.hub.merge(place.commons, number)
    place.push("main", "UPDATE wanted SET title = '1' WHERE id = 'w-1'")
    assert last_writers(place, "w-2", since=base) == [(wrote, "ana")]
    place.push("main", "UPDATE wanted SET title = '2' WHERE id = 'w-1'")
    assert last_writers(place, "w-2", since=base) == []


def test_a_row_of_main_came_by_its_own_commit_and_not_by_a_later_merge(place: Place) -> None:
    base = place.main
    fork = place.fork("otto")
    place.push("wl/otto/w-1", CLAIM, db=fork)
    number = place.pull_of("wl/otto/w-1", fork)
    wrote = place.push("main", "INSERT INTO completions (id, wanted_id, completed_by) VALUES ('c-9', 'w-2', 'pia')")
    place.hub.merge(place.commons, number)
    changes = diff.read_changes(place.hub, place.commons, base, place.main)
    arrivals, untold = books.read_arrivals(main_of(place), base, changes)
    assert [(each.key, each.commit, each.straight) for each in arrivals] == [("c-9", wrote, True)]
    assert untold == ()


def test_what_an_item_was_before_its_stamp_is_read_before_the_commit_that_linked_the_stamp(place: Place) -> None:
    place.push("main", "INSERT INTO completions (id, wanted_id, completed_by) VALUES ('c-9', 'w-2', 'pia')")
    place.push("main", "UPDATE wanted SET status = 'claimed', claimed_by = 'pia' WHERE id = 'w-2'")
    fork = place.fork("otto")
    place.push("wl/otto/w-1", CLAIM, db=fork)
    number = place.pull_of("wl/otto/w-1", fork)
    place.push("main", "UPDATE completions SET stamp_id = 's-9' WHERE id = 'c-9'")
    place.push("main", "UPDATE wanted SET status = 'completed' WHERE id = 'w-2'")
    stamp = "INSERT INTO stamps (id, author, subject, valence, context_id) VALUES ('s-9', 'ana', 'pia', '{}', 'c-9')"
    place.push("main", stamp)
    place.hub.merge(place.commons, number)
    main = main_of(place)
    columns = wire.read_columns(main.rows(sql.columns()))
    standing = revert.read_standing(main, StampId("s-9"), columns)
    assert standing is not None
    assert standing.before == "claimed"


def test_a_branch_that_took_main_in_is_compared_from_there(place: Place) -> None:
    fork = place.fork()
    place.push("wl/pia/w-1", CLAIM, db=fork)
    taken = place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    admin = place.made.sandbox.admin
    sync = {"database": str(fork), "title": "sync", "creator": "pia", "from_database": str(place.commons)}
    number = admin("POST", "/pulls", {**sync, "from_branch": "main", "to_branch": "wl/pia/w-1"})["number"]
    head = CommitHash(admin("POST", "/merges", {"database": str(fork), "number": number, "user": "pia"})["head"])
    place.push("main", "UPDATE wanted SET title = 'newer' WHERE id = 'w-2'")
    assert diff.parting(place.hub, fork, place.commons, head, place.main).base == taken
    assert seen(place.changes(fork, head)) == [CLAIM_ROW]


def test_a_long_branch_is_followed_over_pages(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "ANCESTORS_PER_PAGE", 2)
    base = place.main
    fork = place.fork()
    for n in range(7):
        head = place.push("wl/pia/w-1", f"UPDATE wanted SET title = 'step {n}' WHERE id = 'w-1'", db=fork)
    place.push("main", "UPDATE wanted SET title = 'new' WHERE id = 'w-2'")
    assert diff.parting(place.hub, fork, place.commons, head, place.main).base == base


def test_a_head_that_main_has_already_changes_nothing(place: Place) -> None:
    fork = place.fork()
    head = place.main
    place.push("main", CLAIM)
    assert diff.parting(place.hub, fork, place.commons, head, place.main).base == head
    assert place.changes(fork, head) == Changes()
    assert diff.parting(place.hub, fork, place.commons, place.main, place.main).base == place.main


def test_every_kind_of_change_is_told_with_both_sides(place: Place) -> None:
    fork = place.fork()
    head = place.push(
        "wl/x",
        "INSERT INTO completions (id, wanted_id, evidence) VALUES ('c-2', 'w-1', 'b'), ('c-1', 'w-1', 'ü''\\\\')",
        "DELETE FROM wanted WHERE id = 'w-2'",
        "UPDATE rigs SET trust_level = 3 WHERE handle = 'pia-rig'",
        "UPDATE _meta SET value = '9' WHERE `key` = 'schema_version'",
        db=fork,
    )
    with ThreadPoolExecutor(4) as pool:
        changes = diff.read_changes(place.hub, fork, place.main, head, pool)
    assert seen(changes) == [
        ("_meta", "schema_version", ChangeKind.MODIFIED, ("value",)),
        ("rigs", "pia-rig", ChangeKind.MODIFIED, ("trust_level",)),
        ("wanted", "w-2", ChangeKind.REMOVED, ("effort_level", "id", "priority", "sandbox_required", "status", "title")),
        ("completions", "c-1", ChangeKind.ADDED, ("evidence", "id", "wanted_id")),
        ("completions", "c-2", ChangeKind.ADDED, ("evidence", "id", "wanted_id")),
    ]
    assert (changes.schema, changes.unread) == ((), ())
    assert (changes.rows[1].old("trust_level"), changes.rows[1].new("trust_level")) == ("0", "3")
    assert changes.rows[2].before is not None
    assert changes.rows[2].after is None
    assert changes.rows[2].before.columns == wire.read_columns(place.hub.rows(fork, head, sql.columns()))["wanted"]
    assert changes.rows[3] == RowChange(
        table="completions",
        key="c-1",
        kind=ChangeKind.ADDED,
        before=None,
        after=Row.of({**dict.fromkeys(changes.rows[3].after.columns if changes.rows[3].after else ()), "id": "c-1"} | C_1),
    )


C_1 = {"wanted_id": "w-1", "evidence": "ü'\\"}


def test_a_foreign_table_is_named_and_its_rows_are_not_read(place: Place) -> None:
    fork = place.fork()
    head = place.push("wl/x", "CREATE TABLE loot (id INT PRIMARY KEY)", "INSERT INTO loot (id) VALUES (1)", CLAIM, db=fork)
    del place.asked[:]
    changes = diff.read_changes(place.hub, fork, place.main, head)
    assert (seen(changes), changes.schema, changes.unread) == ([CLAIM_ROW], ("loot",), ())
    # Summary, definitions, hashes at either end; the rows of one table; columns at either end, and one comparison of the rows.
    assert len(place.asked) == 8


def test_a_known_table_with_other_columns_is_named_and_read(place: Place) -> None:
    fork = place.fork()
    head = place.push("wl/x", "ALTER TABLE wanted ADD COLUMN bribe TEXT", CLAIM, db=fork)
    changes = diff.read_changes(place.hub, fork, place.main, head)
    assert changes.schema == ("wanted",)
    assert ("wanted", "w-1") in [(c.table, c.key) for c in changes.rows]


def test_a_dropped_table_is_named(place: Place) -> None:
    fork = place.fork()
    head = place.push("wl/x", "DROP TABLE badges", db=fork)
    assert diff.read_changes(place.hub, fork, place.main, head).schema == ("badges",)


def test_too_many_rows_are_counted_and_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    fork = place.fork()
    rows = ", ".join(f"('b-{n:05}', 'kid')" for n in range(1100))
    head = place.push("wl/x", f"INSERT INTO badges (id, rig_handle) VALUES {rows}", CLAIM, db=fork)
    changes = diff.read_changes(place.hub, fork, place.main, head)
    assert len(changes.of("badges")) == 1100
    monkeypatch.setattr(diff, "DIFF_ROWS_MAX", 1000)
    changes = diff.read_changes(place.hub, fork, place.main, head)
    assert (seen(changes), changes.unread) == ([CLAIM_ROW], (("badges", 1100),))


def test_one_hub_serves_many_threads(reading: Place) -> None:
    query = sql.rows_by("wanted", "id", ("w-1",))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: reading.hub.rows(reading.commons, "main", query), range(40)))
    assert {row.text("title") for rows in found for row in rows} == {"First"}
