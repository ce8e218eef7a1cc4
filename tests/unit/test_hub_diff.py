"""Merge bases in any history, and diffs that production may answer and the look-alike does not."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dolthub import diff, sql
from bot.dolthub.errors import HubBusy, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.wire import Reading
from bot.model.ids import CommitHash, Database
from bot.model.ledger import KNOWN_TABLES, PRIMARY_KEYS, ChangeKind, Changes, Row, RowChange

COMMONS = Database("hop", "wl-commons")
FORK = Database("pia", "wl-commons")
A = CommitHash("a" * 32)
B = CommitHash("b" * 32)


# --- merge base -------------------------------------------------------------------------------------------------------


def commit(number: int) -> CommitHash:
    return CommitHash(f"{number:032}")


@dataclass
class History:
    """Two databases over one graph of commits, `parents` by commit; answers the queries of the graph by definition.

    The fork knows only what is reachable from `head`, the commons only what is reachable from `main`.
    """

    parents: Mapping[CommitHash, tuple[CommitHash, ...]]
    head: CommitHash
    main: CommitHash
    asked: list[str] = field(default_factory=list)
    source: Database = FORK
    """Where the head is: a fork, or the commons itself."""
    refuses_heights: bool = False

    def height(self, here: CommitHash) -> int:
        return 1 + max(map(self.height, self.parents[here]), default=0)

    def reachable(self, start: CommitHash) -> set[CommitHash]:
        found: set[CommitHash] = set()
        waiting = [start]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting += self.parents[here]
        return found

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]:
        self.asked.append(query.text)
        assert db == COMMONS
        wanted = [c for c in self.parents if f"'{c}'" in query.text.partition(" IN ")[2]]
        here = CommitHash(ref)
        if query == sql.heights(sorted(wanted), self.main):
            assert here == self.main
            if self.refuses_heights:
                raise HubStrange("column commit_order could not be found")
            return tuple(Row.of({"commit_hash": c, "commit_order": str(self.height(c))}) for c in wanted)
        assert here in self.reachable(self.main)
        assert query == sql.on_log(sorted(wanted), here)
        return tuple(Row.of({"commit_hash": c}) for c in wanted if c in self.reachable(here))

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
        assert (db, ref, query.text) == (self.source, self.head, sql.ancestors(self.head).text)
        # Oldest first, the worst order there is: nothing may hang on it.
        edges = [(c, p) for c in sorted(self.reachable(self.head)) for p in self.parents[c] or (None,)]
        rows = [Row.of({"commit_hash": c, "parent_hash": p}) for c, p in edges]
        return tuple(rows[page * query.per_page : (page + 1) * query.per_page])

    def reading(self, db: Database, ref: str, query: sql.Query) -> Reading:
        raise AssertionError("only the history is asked here")

    def reading_page(self, db: Database, ref: str, query: sql.Query, page: int) -> Reading:
        raise AssertionError("only the history is asked here")

    def bases(self, a: CommitHash, b: CommitHash) -> list[CommitHash]:
        """All best common ancestors, those that no other common ancestor comes after: the one that Dolt takes first."""
        common = self.reachable(a) & self.reachable(b)
        best = (c for c in common if not any(c != d and c in self.reachable(d) for d in common))
        return sorted(best, key=lambda c: (self.height(c), c), reverse=True)


@st.composite
def histories(draw: st.DrawFn) -> History:
    size = draw(st.integers(1, 14))
    parents: dict[CommitHash, tuple[CommitHash, ...]] = {}
    for number in range(size):
        older = st.integers(0, number - 1) if number else st.nothing()
        chosen = draw(st.lists(older, max_size=2, unique=True)) if number else []
        parents[commit(number)] = tuple(map(commit, chosen))
    some = st.integers(0, size - 1).map(commit)
    return History(parents, head=draw(some), main=draw(some), source=draw(st.sampled_from([FORK, COMMONS])))


@given(history=histories(), per_page=st.integers(1, 6))
def test_every_best_common_ancestor_is_found_and_dolts_own_is_first(history: History, per_page: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "ANCESTORS_PER_PAGE", per_page)
        found = diff.parting(history, history.source, COMMONS, history.head, history.main)
    best = history.bases(history.head, history.main)
    assert (found.base, found.other_bases) == ((best[0], tuple(best[1:])) if best else (None, ()))
    if history.head != history.main:
        own = history.reachable(history.head) - history.reachable(history.main)
        assert sorted(commit.id for commit in found.commits) == sorted(own)


def test_main_is_asked_nothing_where_every_way_down_from_the_head_ends_at_it() -> None:
    history = History(
        {**CRISS_CROSS, commit(5): (commit(4),), commit(6): (commit(5), commit(4))}, head=commit(6), main=commit(4)
    )
    found = diff.parting(history, FORK, COMMONS, commit(6), commit(4))
    assert (found.base, found.other_bases, {c.id for c in found.commits}) == (commit(4), (), {commit(5), commit(6)})
    assert history.asked == []


CRISS_CROSS = {commit(n): tuple(map(commit, above)) for n, above in {0: [], 1: [0], 2: [0], 3: [1, 2], 4: [2, 1]}.items()}


@pytest.mark.parametrize("source", [FORK, COMMONS])
def test_after_merges_criss_cross_the_base_of_greatest_hash_is_taken(source: Database) -> None:
    history = History(CRISS_CROSS, head=commit(4), main=commit(3), source=source)
    found = diff.parting(history, source, COMMONS, commit(4), commit(3))
    assert (found.base, found.other_bases) == (commit(2), (commit(1),))


def test_greater_height_goes_before_greater_hash() -> None:
    longer = {**CRISS_CROSS, commit(1): (commit(5),), commit(5): (commit(0),)}
    found = diff.parting(History(longer, head=commit(4), main=commit(3)), FORK, COMMONS, commit(4), commit(3))
    assert (found.base, found.other_bases) == (commit(1), (commit(2),))


def test_an_engine_without_heights_still_names_every_base() -> None:
    history = History(CRISS_CROSS, head=commit(4), main=commit(3), refuses_heights=True)
    found = diff.parting(history, FORK, COMMONS, commit(4), commit(3))
    assert (found.base, found.other_bases) == (commit(2), (commit(1),))


def test_a_history_without_end_is_given_up() -> None:
    class Endless(History):
        def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
            at = 1 + page * query.per_page
            edges = [(commit(n), commit(n + 1)) for n in range(at, at + query.per_page)]
            return tuple(Row.of({"commit_hash": c, "parent_hash": p}) for c, p in edges)

        def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]:
            return ()

    with pytest.raises(HubStrange):
        diff.parting(Endless({}, head=commit(1), main=commit(0)), FORK, COMMONS, commit(1), commit(0))


@pytest.mark.parametrize("answered", ["main", "'; DROP", "", None])
def test_a_history_that_names_no_commits_is_strange(answered: str | None) -> None:
    class Odd(History):
        def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
            return (Row.of({"commit_hash": answered, "parent_hash": None}),)

    with pytest.raises(HubStrange):
        diff.parting(Odd({}, head=A, main=B), FORK, COMMONS, A, B)


# --- changes ----------------------------------------------------------------------------------------------------------


def table_hash(word: str) -> str:
    """A table's hash: another one for every word."""
    return f"{zlib.crc32(word.encode()):032}"


@dataclass
class Diffs:
    """A database that answers summary, definitions, hashes, statistics and rows as it is told."""

    tables: list[tuple[str | None, str | None, str, str]]
    found: Mapping[str, list[Row] | HubError] = field(default_factory=dict)
    stat: list[tuple[str, int, int, int]] | HubError = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    differing: tuple[str, ...] | None = None
    """Tables whose hash differs; None: those that the summary names."""
    there: tuple[str, ...] = ("rigs", "wanted", "completions", "stamps")
    definitions: list[str] | HubError = field(default_factory=list)
    refused: tuple[str, ...] = ()
    """Tables of which Dolt refuses a summary by name."""
    no_hashes: HubError | None = None
    no_summary: HubError | None = None
    creates: Mapping[str, str] | None = None
    """What SHOW CREATE TABLE answers at a commit; None: it is refused."""
    warnings: Mapping[str, str] = field(default_factory=dict)
    """By question (`summary`, `definitions`, `hashes`, or a table's name)."""

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]:
        assert db == FORK
        if query == sql.columns():
            return tuple(Row.of({"table_name": name, "column_name": "id"}) for name in self.there)
        assert ref == B
        assert query == sql.diff_stat(A, B)
        if isinstance(self.stat, HubError):
            raise self.stat
        names = ("table_name", "rows_added", "rows_deleted", "rows_modified")
        return tuple(Row(tuple(zip(names, map(str, row), strict=True))) for row in self.stat)

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
        raise AssertionError("the history is not asked here")

    def reading(self, db: Database, ref: str, query: sql.Query) -> Reading:
        assert db == FORK
        if query == sql.table_hashes():
            return self._hashes(ref)
        if query in map(sql.create_table, KNOWN_TABLES):
            if self.creates is None:
                raise HubStrange("no SHOW here")
            return Reading((Row.of({"Create Table": self.creates.get(ref, "CREATE TABLE")}),))
        assert ref == B
        if query == sql.diff_stat(A, B):
            return Reading(self.rows(db, ref, query))
        if query == sql.diff_summary(A, B):
            if self.no_summary is not None:
                raise self.no_summary
            return self._told("summary", [self._summary(table) for table in self.tables])
        if query == sql.schema_diff(A, B):
            if isinstance(self.definitions, HubError):
                raise self.definitions
            named = [Row.of({"from_table_name": name, "to_table_name": name}) for name in self.definitions]
            return self._told("definitions", named)
        table = next(t for t in KNOWN_TABLES if query == sql.table_summary(A, B, t))
        self.read.append(f"summary of {table}")
        if table in self.refused:
            raise HubStrange(f"failed to compute diff summary for table {table}: primary key set changed")
        return Reading(())

    def _hashes(self, ref: str) -> Reading:
        if self.no_hashes is not None:
            raise self.no_hashes
        listed = {name for table in self.tables for name in table[:2] if name}
        differing = listed if self.differing is None else set(self.differing)
        names = sorted({*self.there, *differing} - {name for name in differing if name.startswith("dolt_")})
        hashes = {name: table_hash(f"{name} {ref}" if name in differing else name) for name in names}
        return self._told("hashes", [Row.of({"table_name": n, "table_hash": h}) for n, h in hashes.items()])

    def _told(self, what: str, rows: list[Row]) -> Reading:
        return Reading(tuple(rows), tuple(self.warnings[w] for w in (what,) if w in self.warnings))

    @staticmethod
    def _summary(table: tuple[str | None, str | None, str, str]) -> Row:
        return Row(tuple(zip(("from_table_name", "to_table_name", "data_change", "schema_change"), table, strict=True)))

    def reading_page(self, db: Database, ref: str, query: sql.Query, page: int) -> Reading:
        assert (db, ref) == (FORK, B)
        table = next(t for t in KNOWN_TABLES if query == sql.diff_rows(A, B, t))
        self.read.append(table)
        found = self.found.get(table, [])
        if isinstance(found, HubError):
            raise found
        return self._told(table, found[page * query.per_page : (page + 1) * query.per_page])

    def changes(self) -> Changes:
        return diff.shown(self, FORK, A, B).changes


def a_row(kind: str = "modified", before: str | None = "w-1", after: str | None = "w-1") -> Row:
    cells = {"to_id": after, "to_title": "new", "to_commit": B, "to_commit_date": "now"}
    return Row.of(
        {**cells, "from_id": before, "from_title": "old", "from_commit": A, "from_commit_date": "then", "diff_type": kind}
    )


WANTED = ("wanted", "wanted", "1", "0")


def test_bookkeeping_columns_are_no_cells() -> None:
    assert Diffs([WANTED], {"wanted": [a_row()]}).changes().rows == (
        RowChange(
            table="wanted",
            key="w-1",
            kind=ChangeKind.MODIFIED,
            before=Row.of({"id": "w-1", "title": "old"}),
            after=Row.of({"id": "w-1", "title": "new"}),
        ),
    )


@pytest.mark.parametrize(
    ("table", "schema", "read"),
    [
        (("wanted", "wanted", "true", "false"), (), ["wanted"]),
        (("wanted", "wanted", "1", "1"), ("wanted",), ["wanted"]),
        (("wanted", "wanted", "0", "1"), ("wanted",), ["wanted"]),
        (("wanted", "wanted", "who knows", ""), ("wanted",), ["wanted"]),
        ((None, "wanted", "1", "1"), ("wanted",), ["wanted"]),
        (("", "loot", "1", "0"), ("loot",), []),
        (("dolt_schemas", "dolt_schemas", "1", "0"), ("dolt_schemas",), []),
        (("wanted", "stolen", "1", "1"), ("stolen", "wanted"), ["wanted"]),
        (("Wanted", "Wanted", "1", "0"), ("Wanted",), []),
    ],
)
def test_only_rows_of_known_tables_are_read_and_all_else_is_named(
    table: tuple[str | None, str | None, str, str], schema: tuple[str, ...], read: list[str]
) -> None:
    diffs = Diffs([table], {"wanted": [a_row()]})
    changes = diffs.changes()
    assert (changes.schema, diffs.read) == (schema, read)


def test_rows_too_large_to_read_are_counted() -> None:
    diffs = Diffs([WANTED], {"wanted": HubStrange("large", too_large=True)}, [("rigs", 9, 9, 9), ("wanted", 1, 2, 3)])
    assert diffs.changes() == Changes(unread=(("wanted", 6),))


def test_a_table_whose_definition_changed_beyond_comparing_is_unread() -> None:
    trouble = HubStrange("primary key set changed")
    diffs = Diffs([("wanted", "wanted", "1", "1")], {"wanted": trouble}, trouble)
    assert diffs.changes() == Changes(schema=("wanted",), unread=(("wanted", 0),))


@pytest.mark.parametrize("trouble", [HubStrange("a page of HTML", unreadable=True), HubBusy("later")])
def test_trouble_with_a_plain_table_is_trouble(trouble: HubError) -> None:
    with pytest.raises(type(trouble)):
        Diffs([WANTED], {"wanted": trouble}).changes()


@pytest.mark.parametrize("row", [a_row("renamed"), a_row("added", None, None), a_row("removed", None, "w-1"), Row(())])
def test_a_row_that_cannot_be_placed_is_strange(row: Row) -> None:
    with pytest.raises(HubStrange):
        Diffs([WANTED], {"wanted": [row]}).changes()


def test_nothing_is_asked_about_a_commit_and_itself() -> None:
    assert diff.read_changes(Diffs([WANTED]), FORK, A, A) == Changes()


# --- tables that the summary leaves out -------------------------------------------------------------------------------


A_RIG = Row.of({"to_handle": "polecat-7", "to_trust_level": "3", "from_handle": "polecat-7", "from_trust_level": "1",
                "diff_type": "modified"})  # fmt: skip
RAISED = RowChange(
    table="rigs",
    key="polecat-7",
    kind=ChangeKind.MODIFIED,
    before=Row.of({"handle": "polecat-7", "trust_level": "1"}),
    after=Row.of({"handle": "polecat-7", "trust_level": "3"}),
)


def test_a_table_that_only_its_hash_gives_away_is_read_by_name() -> None:
    changes = Diffs([], {"rigs": [A_RIG]}, differing=("rigs",), refused=("rigs",)).changes()
    assert changes == Changes(rows=(RAISED,), schema=("rigs",))


def test_rows_of_a_table_that_the_summary_leaves_out_without_an_error_are_judged_like_any_others() -> None:
    assert Diffs([], {"rigs": [A_RIG]}, differing=("rigs",)).changes() == Changes(rows=(RAISED,))


def test_a_hash_that_differs_with_nothing_to_show_for_it_is_untold() -> None:
    assert Diffs([], differing=("stamps",)).changes() == Changes(untold=(("stamps", diff.NOTHING_SHOWN),))


def test_a_table_nobody_knows_that_only_its_hash_gives_away_is_named() -> None:
    assert Diffs([], differing=("loot",)).changes() == Changes(schema=("loot",))


def test_a_definition_that_differs_is_named_whatever_the_summary_says() -> None:
    diffs = Diffs([], {"rigs": [A_RIG]}, differing=("rigs",), definitions=["rigs"])
    assert diffs.changes() == Changes(rows=(RAISED,), schema=("rigs",))


def test_a_table_listed_without_a_change_is_untold() -> None:
    diffs = Diffs([("wanted", "wanted", "0", "0")], {"wanted": [a_row()]})
    assert diffs.changes().untold == (("wanted", diff.NO_CHANGE_NAMED),)


@pytest.mark.parametrize(("question", "table"), [("summary", ""), ("definitions", ""), ("hashes", ""), ("wanted", "wanted")])
def test_a_warning_in_an_answer_about_the_diff_is_quoted(question: str, table: str) -> None:
    warned = {question: "cannot render full diff due to primary key set change"}
    changes = Diffs([WANTED], {"wanted": [a_row()]}, warnings=warned).changes()
    assert changes.untold == ((table, warned[question]),)


@pytest.mark.parametrize("listed", [True, False])
def test_rows_that_the_host_does_not_compare_are_left_to_the_second_witness(listed: bool) -> None:
    tables: list[tuple[str | None, str | None, str, str]] = [("rigs", "rigs", "1", "0")] if listed else []
    diffs = Diffs(tables, {"rigs": HubStrange("no such index")}, differing=("rigs",))
    assert diff.shown(diffs, FORK, A, B) == diff.Shown(Changes(), ("rigs",), ("rigs",))


REFUSALS = (HubStrange("function: 'dolt_hashof_table' not found"), HubRefused("no", status=400, code="VALIDATION_FAILED"))


@pytest.mark.parametrize("refusal", REFUSALS, ids=["a SQL error", "a 400"])
def test_a_host_without_hashes_is_asked_for_every_known_table_and_blocked_for_nothing(refusal: HubError) -> None:
    diffs = Diffs([WANTED], {"wanted": [a_row()]}, no_hashes=refusal)
    changes = diffs.changes()
    assert (changes.schema, changes.unread, changes.untold) == ((), (), ())
    assert [change.table for change in changes.rows] == ["wanted"]
    assert diffs.read == ["rigs", "wanted", "completions", "stamps"]


def test_a_host_without_hashes_still_shows_rows_that_the_summary_leaves_out() -> None:
    diffs = Diffs([], {"rigs": [A_RIG]}, no_hashes=REFUSALS[0], refused=("rigs",))
    assert diffs.changes() == Changes(rows=(RAISED,), schema=("rigs",))


@pytest.mark.parametrize("trouble", [HubStrange("a page of HTML", unreadable=True), HubBusy("later"), HubGone("no such ref")])
def test_trouble_with_the_hashes_is_no_refusal(trouble: HubError) -> None:
    with pytest.raises(type(trouble)):
        Diffs([WANTED], {"wanted": [a_row()]}, no_hashes=trouble).changes()


@pytest.mark.parametrize(
    ("creates", "schema", "untold"),
    [
        ({}, (), ()),
        ({A: "CREATE TABLE `wanted` (`id` int)"}, ("wanted",), ()),
        (None, (), (("wanted", "whether its definition differs is not answered: not supported"),)),
    ],
    ids=["the same", "another", "not answered"],
)
def test_definitions_that_are_not_answered_are_compared_as_statements(
    creates: Mapping[str, str] | None, schema: tuple[str, ...], untold: tuple[tuple[str, str], ...]
) -> None:
    diffs = Diffs([WANTED], {"wanted": [a_row()]}, definitions=HubStrange("not supported"), creates=creates)
    changes = diffs.changes()
    assert ([change.key for change in changes.rows], changes.schema, changes.untold) == (["w-1"], schema, untold)


def test_a_summary_that_is_not_answered_is_made_up_from_the_counts() -> None:
    counts = [("wanted", 0, 0, 1), ("loot", 1, 0, 0)]
    diffs = Diffs([WANTED], {"wanted": [a_row()]}, counts, no_summary=HubStrange("no such function"))
    changes = diffs.changes()
    assert ([change.key for change in changes.rows], changes.schema, changes.untold) == (["w-1"], ("loot",), ())


def test_which_tables_differ_is_untold_where_neither_summary_nor_counts_are_answered() -> None:
    no = HubStrange("no such function")
    changes = Diffs([WANTED], {"wanted": [a_row()]}, no, no_summary=no).changes()
    assert [change.key for change in changes.rows] == ["w-1"]
    assert changes.untold == (("", "which tables differ is not answered: no such function"), ("wanted", diff.NOT_LISTED))


@given(
    listed=st.sets(st.sampled_from(KNOWN_TABLES)),
    differing=st.sets(st.sampled_from((*KNOWN_TABLES, "loot"))),
    with_rows=st.sets(st.sampled_from(KNOWN_TABLES)),
    refused=st.sets(st.sampled_from(KNOWN_TABLES)),
)
def test_no_table_whose_hash_differs_escapes(
    listed: set[str], differing: set[str], with_rows: set[str], refused: set[str]
) -> None:
    key_cells = {name: {f"to_{PRIMARY_KEYS[name]}": "x", "diff_type": "added"} for name in with_rows}
    changes = Diffs(
        [(name, name, "1", "0") for name in sorted(listed)],
        {name: [Row.of(cells)] for name, cells in key_cells.items()},
        differing=tuple(differing),
        refused=tuple(refused),
        there=KNOWN_TABLES,
    ).changes()
    assert differing <= {*changes.tables, *(table for table, _ in changes.untold)}
    assert {change.table for change in changes.rows} == with_rows & (listed | differing)


# --- what a real engine answered --------------------------------------------------------------------------------------


STORIES = {
    story["story"]: story for story in json.loads((Path(__file__).parent / "engine_answers.json").read_text("utf-8"))["stories"]
}


class Recorded:
    """Answers of a real Dolt 2.3.1, by the question's kind: how a question words its columns does not count."""

    def __init__(self, story: str) -> None:
        told = STORIES[story]
        self.base, self.head = (next(CommitHash(h) for h, n in told["names"].items() if n == name) for name in ("base", "head"))
        self.answers = {(each["at"], _asked(each["query"])): each for each in reversed(told["asked"])}
        self.hashes = {
            commit: {table: rows[0][0] for (at, (what, table)), each in self.answers.items()
                     if at == commit and what == "dolt_hashof_table" and table in KNOWN_TABLES and (rows := each.get("rows"))}
            for commit in (self.base, self.head)
        }  # fmt: skip

    def reading(self, db: Database, ref: str, query: sql.Query) -> Reading:
        if query == sql.table_hashes():
            return Reading(tuple(Row.of({"table_name": t, "table_hash": h}) for t, h in self.hashes[CommitHash(ref)].items()))
        answer = self.answers[ref, _asked(query.text)]
        if "error" in answer:
            raise HubStrange(answer["error"])
        return Reading(
            tuple(
                Row(
                    tuple(
                        (name, None if cell is None else str(cell)) for name, cell in zip(answer["columns"], row, strict=True)
                    )
                )
                for row in answer["rows"]
            ),
            tuple(answer.get("warnings", ())),
        )

    def reading_page(self, db: Database, ref: str, query: sql.Query, page: int) -> Reading:
        assert page == 0
        if (ref, _asked(query.text)) not in self.answers:
            (added,) = (t for t in ("completions",) if f"'{t}'" in query.text)
            return Reading((Row.of({"to_id": f"of {added}", "diff_type": "added"}),))
        return self.reading(db, ref, query)

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]:
        return self.reading(db, ref, query).rows

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
        return self.reading_page(db, ref, query, page).rows

    def changes(self) -> Changes:
        return diff.shown(self, FORK, self.base, self.head).changes


def _asked(query: str) -> tuple[str, str]:
    """Which function a question is about, and of which table."""
    called = re.search(r"(dolt_diff_summary|dolt_diff_stat|dolt_schema_diff|dolt_diff|DOLT_HASHOF_TABLE)\(([^)]*)\)", query)
    if called is None or query.count("(") > 2:
        return query, ""
    arguments = [part.strip(" '") for part in called[2].split(",")]
    function = called[1].lower()
    return function, arguments[0] if function == "dolt_hashof_table" else "".join(arguments[2:3])


def test_what_a_real_engine_answers_about_honest_work_leaves_nothing_open() -> None:
    changes = Recorded("ordinary-work").changes()
    assert (changes.schema, changes.unread, changes.untold) == ((), (), ())
    assert [(c.table, c.key, c.kind.value) for c in changes.rows] == [
        ("wanted", "w-1", "modified"),
        ("completions", "c-1", "added"),
    ]


@pytest.mark.parametrize("story", ["key-declared-anew", "table-made-anew"])
def test_a_raised_trust_that_a_real_engine_leaves_out_of_its_summary_is_shown_and_blocked(story: str) -> None:
    recorded = Recorded(story)
    changes = recorded.changes()
    assert [(c.key, c.changed, c.new("trust_level")) for c in changes.of("rigs")] == [("polecat-7", ("trust_level",), "3")]
    assert changes.schema == ("rigs",)
    warning = f"cannot render full diff between commits {recorded.base} and {recorded.head} due to primary key set change"
    assert changes.untold == (("", warning),)


def test_of_two_best_common_ancestors_the_one_that_a_real_engine_took_comes_first() -> None:
    story = STORIES["several-best-ancestors"]
    named = {name: CommitHash(commit) for commit, name in story["names"].items()}
    base, post, demoted, main, head = (named[name] for name in ("base", "P1", "M1", "M2, main", "head"))
    log, *asked = story["asked"]
    (root,) = (commit for commit, order in log["rows"] if order == 1)
    (merge,) = (commit for commit, order in log["rows"] if commit not in named.values() and commit != root)
    graph = {root: (), base: (root,), post: (base,), demoted: (base,), main: (demoted, post)}
    history = History({**graph, merge: (post, demoted), head: (merge,)}, head=head, main=main)
    assert {commit: history.height(commit) for commit in history.parents} == dict(log["rows"])
    found = diff.parting(history, FORK, COMMONS, head, main)
    assert [[found.base]] == asked[0]["rows"] == asked[1]["rows"]
    assert {found.base, *found.other_bases} == {post, demoted}
