"""Merge bases in any history, and diffs that production may answer and the look-alike does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.hub import diff, sql
from bot.hub.errors import HubBusy, HubError, HubStrange
from bot.model.ids import CommitHash, Database
from bot.model.ledger import ChangeKind, Changes, Row, RowChange

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


@dataclass
class Diffs:
    """A database that answers summary, statistics and rows as it is told."""

    tables: list[tuple[str | None, str | None, str, str]]
    found: Mapping[str, list[Row] | HubError] = field(default_factory=dict)
    stat: list[tuple[str, int, int, int]] | HubError = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]:
        assert (db, ref) == (FORK, B)
        if query == sql.diff_summary(A, B):
            names = ("from_table_name", "to_table_name", "data_change", "schema_change")
            return tuple(Row(tuple(zip(names, table, strict=True))) for table in self.tables)
        assert query == sql.diff_stat(A, B)
        if isinstance(self.stat, HubError):
            raise self.stat
        names = ("table_name", "rows_added", "rows_deleted", "rows_modified")
        return tuple(Row(tuple(zip(names, map(str, row), strict=True))) for row in self.stat)

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
        table = next(t for t in self.found if query == sql.diff_rows(A, B, t))
        self.read.append(table)
        found = self.found[table]
        if isinstance(found, HubError):
            raise found
        return tuple(found[page * query.per_page : (page + 1) * query.per_page])

    def changes(self) -> Changes:
        return diff.read_changes(self, FORK, A, B)


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
        (("wanted", "wanted", "0", "1"), ("wanted",), []),
        (("wanted", "wanted", "who knows", ""), ("wanted",), ["wanted"]),
        ((None, "wanted", "1", "1"), ("wanted",), ["wanted"]),
        (("", "loot", "1", "0"), ("loot",), []),
        (("dolt_schemas", "dolt_schemas", "1", "0"), ("dolt_schemas",), []),
        (("wanted", "stolen", "1", "1"), ("stolen", "wanted"), []),
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


@pytest.mark.parametrize("trouble", [HubStrange("SQL error"), HubBusy("later")])
def test_trouble_with_a_plain_table_is_trouble(trouble: HubError) -> None:
    with pytest.raises(type(trouble)):
        Diffs([WANTED], {"wanted": trouble}).changes()


@pytest.mark.parametrize("row", [a_row("renamed"), a_row("added", None, None), a_row("removed", None, "w-1"), Row(())])
def test_a_row_that_cannot_be_placed_is_strange(row: Row) -> None:
    with pytest.raises(HubStrange):
        Diffs([WANTED], {"wanted": [row]}).changes()


def test_nothing_is_asked_about_a_commit_and_itself() -> None:
    assert diff.read_changes(Diffs([WANTED]), FORK, A, A) == Changes()
