"""The law of what reaches main: a merge brings nothing that the changes of the branch did not show, for any graph of commits.

Graphs are generated with branches from any branch, merges in any direction, and a main that goes on after the look. Each is
merged by the engine, and main is read whole before and after. What has several best common ancestors is forbidden by a rule
of its own (*merge_can_be_told*), so such a branch is not merged here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from bot.dolthub import diff, sql, wire
from bot.dolthub.errors import HubStrange
from bot.model.ids import CommitHash, Database
from bot.model.ledger import Changes, Row
from sandbox.values.records import DatabaseName, MergeConflict, NothingChanged, QueryResult, SqlRefused
from tests.sandbox.store_client import ENGINES, Engine, StoreClient

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = {"wanted": "id", "rigs": "handle"}
CREATION = (
    "CREATE TABLE wanted (id VARCHAR(8) PRIMARY KEY, title TEXT, priority INT, tags JSON)",
    "CREATE TABLE rigs (handle VARCHAR(8) PRIMARY KEY, display_name TEXT)",
    "INSERT INTO wanted (id, title, priority, tags) VALUES ('k0','a',0,'[]'),('k1','b',1,NULL),('k2','c',2,'[1]')",
    "INSERT INTO rigs (handle, display_name) VALUES ('k0','r'),('k1',NULL)",
)
MAIN = "main"
ROWS_MAX = 5_000
Cells = dict[tuple[str, str, str], str | None]
"""By table, key and column, whatever is not NULL; the key's own cell is the row."""


@dataclass(slots=True)
class Host:
    """What the bot reads of a hub, answered by a store."""

    store: StoreClient
    name: DatabaseName

    def reading(self, db: Database, ref: str, query: sql.Query) -> wire.Reading:
        return wire.Reading(self._rows(ref, query.text))

    def reading_page(self, db: Database, ref: str, query: sql.Query, page: int) -> wire.Reading:
        return wire.Reading(self._rows(ref, query.page(page)))

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]:
        return () if query.is_nothing else self._rows(ref, query.text)

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
        return self._rows(ref, query.page(page))

    def _rows(self, ref: str, text: str) -> tuple[Row, ...]:
        result: QueryResult = self.store.read(self.name, ref, text, limit=ROWS_MAX)
        if result.status != "success":
            raise HubStrange(result.message)
        names = [column.name for column in result.columns]
        return tuple(Row.of(zip(names, row, strict=True)) for row in result.rows)


@dataclass(slots=True)
class Graph:
    """One database, and the branches made in it."""

    host: Host
    branches: list[str] = field(default_factory=lambda: [MAIN])
    now: datetime = BEGIN

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def head(self, branch: str) -> CommitHash:
        return CommitHash(self.host.store.call("head", self.host.name, branch))

    def branch(self, at: str) -> None:
        name = f"b{len(self.branches)}"
        self.host.store.call("create_branch", self.host.name, name, branch=at)
        self.branches.append(name)

    def write(self, on: str, statement: str) -> None:
        try:
            self.host.store.write(self.host.name, statement, on=on, at=self.tick())
        except (NothingChanged, SqlRefused):
            # A key that is there already, or a row that is not: the graph goes on without this write.
            return

    def merge(self, source: str, into: str) -> bool:
        """Whether it was merged."""
        try:
            self.host.store.call("merge_branch", self.host.name, source, into, author="ana", at=self.tick())
        except (MergeConflict, NothingChanged):
            return False
        return True

    def cells(self, ref: str) -> Cells:
        found: Cells = {}
        for table, key in TABLES.items():
            for row in self.host.rows(DB, ref, sql.Query(f"SELECT * FROM {table}")):
                found |= {(table, row.text(key), name): value for name, value in row.cells if value is not None}
        return found

    def look(self, branch: str) -> tuple[diff.Parting, Changes]:
        """What a look at the branch reads of it, with main as it is now."""
        head, main = self.head(branch), self.head(MAIN)
        parting = diff.parting(self.host, DB, DB, head, main)
        assert parting.base is not None
        return parting, diff.read_changes(self.host, DB, parting.base, head)


DB = Database("hop", "commons")
NUMBERS = itertools.count()


@pytest.fixture(scope="module", params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreClient]:
    engine: Engine = request.param
    client = StoreClient(Path(tmp_path_factory.mktemp("graphs")), engine)
    yield client
    client.close()


@st.composite
def statements(draw: st.DrawFn) -> str:
    key, value = f"k{draw(st.integers(0, 3))}", draw(st.integers(0, 99))
    return draw(
        st.sampled_from(
            (
                f"UPDATE wanted SET title = 't{value}' WHERE id = '{key}'",
                f"UPDATE wanted SET priority = {value} WHERE id = '{key}'",
                f"UPDATE wanted SET tags = '[\"{value}\"]' WHERE id = '{key}'",
                f"UPDATE wanted SET title = NULL WHERE id = '{key}'",
                f"DELETE FROM wanted WHERE id = '{key}'",
                f"INSERT INTO wanted (id, title) VALUES ('n{value}', 'new')",
                f"UPDATE rigs SET display_name = 'd{value}' WHERE handle = '{key}'",
                f"INSERT INTO rigs (handle, display_name) VALUES ('n{value}', 'new')",
            )
        )
    )


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 9), statements()),
        st.tuples(st.just("branch"), st.integers(0, 9), st.just("")),
        st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9)),
    ),
    min_size=12,
    max_size=20,
)


def play(graph: Graph, acts: list[tuple[str, int, str | int]]) -> None:
    for what, where, how in acts:
        on = graph.branches[where % len(graph.branches)]
        if what == "branch":
            graph.branch(on)
        elif isinstance(how, str):
            graph.write(on, how)
        else:
            graph.merge(graph.branches[how % len(graph.branches)], on)


def shown_cells(changes: Changes) -> set[tuple[tuple[str, str, str], str | None]]:
    """Each changed cell with its value afterwards."""
    found = set()
    for change in changes.rows:
        before, after = change.before or Row(()), change.after or Row(())
        for name in {*before.columns, *after.columns}:
            if before.get(name) != after.get(name):
                found.add(((change.table, change.key, name), after.get(name)))
    return found


@pytest.mark.parametrize("moves", [False, True], ids=["main stands still", "main goes on"])
@given(acts=ACTS, later=st.lists(statements(), min_size=1, max_size=3))
def test_a_merge_brings_no_cell_that_was_not_shown(
    store: StoreClient, moves: bool, acts: list[tuple[str, int, str | int]], later: list[str]
) -> None:
    name = DatabaseName("hop", f"graph{next(NUMBERS)}")
    store.call("create", name, CREATION, author="hop", message="begin", at=BEGIN)
    graph = Graph(Host(store, name))
    graph.branch(MAIN)
    play(graph, acts)
    merged = 0
    for branch in graph.branches[1:]:
        parting, changes = graph.look(branch)
        if parting.other_bases:
            continue
        if moves:
            for statement in later:
                graph.write(MAIN, statement)
        before = graph.cells(MAIN)
        if not graph.merge(branch, MAIN):
            continue
        merged += 1
        after = graph.cells(MAIN)
        brought = {(cell, after.get(cell)) for cell in {*before, *after} if before.get(cell) != after.get(cell)}
        assert brought - shown_cells(changes) == set()
        assert changes.untold == ()
    target(float(merged))
    store.call("delete", name)
