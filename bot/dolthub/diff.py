"""What a pull changes: from the commit it left main at to its head, table by table and row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Protocol

from bot.dolthub import sql, wire, witness
from bot.dolthub.errors import HubError, HubRefused, HubStrange
from bot.model.history import Commit
from bot.model.ids import CommitHash, Commons, Database, is_commit_hash
from bot.model.ledger import KNOWN_TABLES, PRIMARY_KEYS, ChangeKind, Changes, Row, RowChange

DIFF_ROWS_MAX = 5000
"""Changed rows of one table that are read; more cannot be reviewed in one pull."""
ANCESTOR_PAGES_MAX = 50
HTTP_BAD_REQUEST = 400
_BOOKKEEPING = frozenset({"commit", "commit_date"})
"""What `dolt_diff` adds to the columns of either side (Dolt docs, table functions)."""


class Reads(Protocol):
    """The part of the hub that is needed here."""

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]: ...

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]: ...

    def reading(self, db: Database, ref: str, query: sql.Query) -> wire.Reading: ...

    def reading_page(self, db: Database, ref: str, query: sql.Query, page: int) -> wire.Reading: ...


# --- row changes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that differs: its name before and after, and in what."""

    before: str
    after: str
    data: bool
    schema: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for n in (self.after, self.before) if n))

    @property
    def known(self) -> bool:
        """A table of the commons that kept its name. Rows of any other are never read."""
        return len(self.names) == 1 and self.names[0] in KNOWN_TABLES


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading one table came to: its row changes, or how many there are, or why that cannot be told."""

    table: str
    rows: tuple[RowChange, ...] = ()
    unread: int | None = None
    schema: bool = False
    untold: tuple[str, ...] = ()
    refused: bool = False
    """The host does not answer how its rows differ."""


Untold = tuple[str, str]
"""A table of which something is not shown (empty: no certain one), and why."""

NOTHING_SHOWN = "its hash differs, and neither a row nor the definition is shown to differ"
NOT_LISTED = "its hash differs, and it is not among the tables that are counted as changed"
NO_CHANGE_NAMED = "it is listed as changed, and neither its rows nor its definition are"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the diff functions show, and the known tables that may differ."""

    changes: Changes
    tables: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    """Those of them of which the host does not answer how their rows differ."""


def read_changes(
    hub: Reads,
    db: Database,
    base: CommitHash,
    head: CommitHash,
    pool: Executor | None = None,
    *,
    main: Database | None = None,
) -> Changes:
    """All that lies between two commits of `db`, as two witnesses agree on it: the diff functions, and the rows themselves.

    As `shown`; then each known table that may differ and can be read is compared with itself (`witness`). Where both do not
    agree, that stands in `untold`. Raises HubError.
    """
    found = shown(hub, db, base, head, pool, main=main)
    changes = found.changes
    settled = {*changes.schema, *(table for table, _ in (*changes.unread, *changes.untold))}
    places = witness.Place(main or db, base), witness.Place(db, head)
    open_tables = [table for table in found.tables if table not in settled]
    differences = witness.compare(hub, *places, open_tables, pool)
    answered = [each for each in differences if each.table not in found.unanswered]
    untold = [(each.table, why) for each in answered if (why := each.unlike(changes.of(each.table)))]
    # Of a table that the host does not compare the rows themselves are the only witness, and what they show is shown.
    alone = [each for each in differences if each.table in found.unanswered]
    rows = [(each.table, each.changes()) for each in alone]
    untold += [(table, witness.NOT_ANSWERED) for table, seen in rows if seen is None]
    untold += [(table, witness.NOT_ANSWERED) for table in found.unanswered if table in settled]
    seen = [change for _, each in rows for change in each or ()]
    if not untold and not seen:
        return changes
    order = {table: at for at, table in enumerate(KNOWN_TABLES)}
    together = sorted((*changes.rows, *seen), key=lambda change: order[change.table])
    return replace(changes, rows=tuple(together), untold=tuple(dict.fromkeys((*changes.untold, *untold))))


def shown(
    hub: Reads,
    db: Database,
    base: CommitHash,
    head: CommitHash,
    pool: Executor | None = None,
    *,
    main: Database | None = None,
) -> Shown:
    """What the diff functions show between two commits: four requests for the tables, then about one per changed table.

    Dolt leaves a table out of its summary whose primary key it takes for another one (declared anew, or the table made anew),
    and merges it all the same. So the hashes of all tables are compared, and each table that differs is asked for by name.

    Unknown and `dolt_*` tables, and known ones whose definition changed, came, went or were renamed, stand in `schema`;
    a table with more than DIFF_ROWS_MAX changed rows, or rows too large to read, stands in `unread`; what the answers leave
    open stands in `untold`. Row changes come in the order of KNOWN_TABLES, then by key. `main`: the database of main, where
    `base` is known too and answers at it serve all pulls. `pool`: threads to read at the same time; never the pool that runs
    the caller, which might then wait for itself. Raises HubError.
    """
    if base == head:
        return Shown(Changes())
    home = main or db

    def ask(at: tuple[Database, CommitHash, sql.Query]) -> wire.Reading | HubError:
        return _answer(hub, *at)

    questions = (
        (db, head, sql.diff_summary(base, head)),
        (db, head, sql.schema_diff(base, head)),
        (home, base, sql.table_hashes()),
        (db, head, sql.table_hashes()),
    )
    summary, definitions, before, after = pool.map(ask, questions) if pool is not None else map(ask, questions)
    untold: list[Untold] = []
    if isinstance(summary, HubError):
        statistics = _answer(hub, db, head, sql.diff_stat(base, head))
        if isinstance(statistics, HubError):
            untold.append(("", f"which tables differ is not answered: {summary}"))
        listed = tuple(_counted(row) for row in (() if isinstance(statistics, HubError) else statistics.rows))
    else:
        listed = tuple(map(_table, summary.rows))
    names = {name for table in listed for name in table.names}
    hashes = (_hashes(before), _hashes(after))
    differing = _differing(*hashes) if None not in hashes else None
    by_name = differing if differing is not None else _tables_at(hub, home, base) | _tables_at(hub, db, head)
    schema = dict.fromkeys(name for table in listed if table.schema or not table.known for name in table.names)
    schema |= dict.fromkeys(sorted(name for name in differing or () if name not in KNOWN_TABLES and name not in names))
    readings = [reading for reading in (summary, definitions, before, after) if isinstance(reading, wire.Reading)]
    untold += [("", warning) for reading in readings for warning in reading.warnings]
    if isinstance(definitions, HubError):
        for table in sorted({name for name in (*by_name, *names) if name in KNOWN_TABLES}, key=KNOWN_TABLES.index):
            same = _same_definition(hub, (home, base), (db, head), table)
            schema |= {table: None} if same is False else {}
            untold += [(table, f"whether its definition differs is not answered: {definitions}")] if same is None else []
    else:
        schema |= dict.fromkeys(name for row in definitions.rows for name in _table_names(row))
    untold += [(t.names[0], NO_CHANGE_NAMED) for t in listed if t.known and not (t.data or t.schema)]
    asked = {t.names[0] for t in listed if t.known and t.data} | {name for name in by_name if name in KNOWN_TABLES}

    def read(table: str) -> _Read:
        found = _read_table(hub, db, base, head, table, schema_changed=table in schema)
        if found.refused or table in names or (differing is None and not found.rows):
            return found
        if isinstance(summary, HubError):
            # A host that answers no summary at all is no sign of another key.
            return replace(found, untold=(*found.untold, NOT_LISTED))
        return _unlisted(hub, db, base, head, found)

    tables = sorted(asked, key=KNOWN_TABLES.index)
    parts = tuple(pool.map(read, tables) if pool is not None and len(tables) > 1 else map(read, tables))
    schema |= dict.fromkeys(part.table for part in parts if part.schema)
    untold += [(part.table, why) for part in parts for why in part.untold]
    shown = {*schema, *(part.table for part in parts if part.rows or part.unread is not None or part.untold)}
    unanswered = tuple(part.table for part in parts if part.refused)
    untold += [(table, NOTHING_SHOWN) for table in sorted(differing or ()) if table not in shown and table not in unanswered]
    changes = Changes(
        rows=tuple(change for part in parts for change in part.rows),
        schema=tuple(schema),
        unread=tuple((part.table, part.unread) for part in parts if part.unread is not None),
        untold=tuple(dict.fromkeys(untold)),
    )
    return Shown(changes, tuple(tables), unanswered)


def _answer(hub: Reads, db: Database, ref: CommitHash, query: sql.Query) -> wire.Reading | HubError:
    """The answer to a question, or the refusal of one that cannot be answered. Raises HubError for any other trouble."""
    try:
        return hub.reading(db, ref, query)
    except HubStrange as strange:
        if strange.unreadable:
            raise
        return strange
    except HubRefused as no:
        if no.status != HTTP_BAD_REQUEST:
            raise
        return no


def _hashes(reading: wire.Reading | HubError) -> dict[str, str] | None:
    """Hashes by table; None where the host does not answer them: a commons without any table is no answer either."""
    rows = reading.rows if isinstance(reading, wire.Reading) else ()
    found = {row.text("table_name"): row.text("table_hash") for row in rows}
    return found if found and all(name and is_commit_hash(value) for name, value in found.items()) else None


def _differing(before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> set[str]:
    left, right = before or {}, after or {}
    return {name for name in (*left, *right) if left.get(name) != right.get(name)}


def _tables_at(hub: Reads, db: Database, commit: CommitHash) -> set[str]:
    """The known tables that are there at a commit."""
    return set(wire.read_columns(hub.rows(db, commit, sql.columns())))


def _table_names(row: Row) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for side in ("to_table_name", "from_table_name") if (name := row.text(side))))


def _table(row: Row) -> _Table:
    """A row of `dolt_diff_summary`. What cannot be read as no counts as yes: then it is looked at."""
    return _Table(
        before=row.text("from_table_name"),
        after=row.text("to_table_name"),
        data=row.text("data_change").lower() not in ("0", "false"),
        schema=row.text("schema_change").lower() not in ("0", "false"),
    )


def _counted(row: Row) -> _Table:
    """A row of `dolt_diff_stat` in place of one of the summary: whether the definition differs is asked otherwise."""
    return _Table(before=row.text("table_name"), after=row.text("table_name"), data=True, schema=False)


def _same_definition(
    hub: Reads, before: tuple[Database, CommitHash], after: tuple[Database, CommitHash], table: str
) -> bool | None:
    """Whether a table's CREATE statement is the same at both commits; None where neither is answered."""
    query = sql.create_table(table)
    answers = [_answer(hub, db, commit, query) for db, commit in (before, after)]
    if all(isinstance(answer, HubError) for answer in answers):
        return None
    old, new = (
        None if isinstance(answer, HubError) else [row.text("Create Table") for row in answer.rows] for answer in answers
    )
    return old == new


def _read_table(hub: Reads, db: Database, base: CommitHash, head: CommitHash, table: str, *, schema_changed: bool) -> _Read:
    query = sql.diff_rows(base, head, table)
    rows: list[Row] = []
    warnings: dict[str, None] = {}
    try:
        for page in count():
            got = hub.reading_page(db, head, query, page)
            rows += got.rows
            warnings |= dict.fromkeys(got.warnings)
            if len(got.rows) < query.per_page or len(rows) > DIFF_ROWS_MAX:
                break
    except HubStrange as strange:
        # A table whose key or columns changed may be impossible to compare, and a pull can make it so on purpose:
        # that is a fact about the pull, not a fault of the client.
        if strange.unreadable:
            raise
        if not (schema_changed or strange.too_large):
            return _Read(table, refused=True)
        return _Read(table, unread=_how_many(hub, db, base, head, table))
    if len(rows) > DIFF_ROWS_MAX:
        return _Read(table, unread=_how_many(hub, db, base, head, table))
    return _Read(table, tuple(_row_change(table, row) for row in rows), untold=tuple(warnings))


def _unlisted(hub: Reads, db: Database, base: CommitHash, head: CommitHash, found: _Read) -> _Read:
    """A table that differs and that the summary leaves out: Dolt refuses to summarise one whose primary key is another."""
    summary = _answer(hub, db, head, sql.table_summary(base, head, found.table))
    if isinstance(summary, HubError):
        return replace(found, schema=True)
    return replace(found, untold=tuple(dict.fromkeys((*found.untold, *summary.warnings))))


def _how_many(hub: Reads, db: Database, base: CommitHash, head: CommitHash, table: str) -> int:
    """Changed rows of a table; 0 if even that cannot be told."""
    try:
        stats = hub.rows(db, head, sql.diff_stat(base, head))
    except HubStrange:
        return 0
    mine = (row for row in stats if row.text("table_name") == table)
    cells = (row.text(column) for row in mine for column in ("rows_added", "rows_deleted", "rows_modified"))
    return sum(int(cell) for cell in cells if cell.isdecimal())


def _row_change(table: str, row: Row) -> RowChange:
    """A row of `dolt_diff`: the cells of both sides, with `from_` and `to_` before the columns' names."""
    word = row.text("diff_type").lower()
    kind = next((k for k in ChangeKind if k.value == word), None)
    if kind is None:
        raise HubStrange(f"a row of {table} differs in an unknown way")
    before = None if kind is ChangeKind.ADDED else _side(row, "from_")
    after = None if kind is ChangeKind.REMOVED else _side(row, "to_")
    key = (after or before or Row(())).get(PRIMARY_KEYS[table])
    if key is None:
        raise HubStrange(f"a row of {table} differs and has no key")
    return RowChange(table=table, key=key, kind=kind, before=before, after=after)


def _side(row: Row, prefix: str) -> Row:
    cells = ((name.removeprefix(prefix), value) for name, value in row.cells if name.startswith(prefix))
    return Row.of((name, value) for name, value in cells if name not in _BOOKKEEPING)


# --- merge base -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """Where and when a branch left main, None if they share no history, and its own commits since, newest first.

    `base` is the best common ancestor that Dolt takes, `other_bases` are the further ones: a merge compares with `base` alone.
    `base_at` is None where the history does not name that commit's time.
    """

    base: CommitHash | None
    other_bases: tuple[CommitHash, ...] = ()
    base_at: datetime | None = None
    commits: tuple[Commit, ...] = ()


def parting(hub: Reads, db: Database, commons: Commons, head: CommitHash, main_head: CommitHash) -> Parting:
    """Where `head` (in `db`) left the history of `main_head` (in `commons`), and what it was given since.

    DoltHub shows a pull as the difference from there (three-dot diff). A fork seldom knows main's present head, and Dolt
    refuses DOLT_MERGE_BASE at a commit, so both histories are asked: `db` for the ancestors of `head`, the commons which of
    them are on main. That is two requests for a pull, and one where all ways down from `head` end at `main_head`: then no other
    commit of main can be the base. What the branch's own commits report comes with the first of them. Raises HubError.
    """
    if head == main_head:
        return Parting(base=head)
    query = sql.ancestors(head)
    parents: dict[CommitHash, set[CommitHash]] = {}
    asked: set[CommitHash] = set()
    common: set[CommitHash] = set()
    own: dict[CommitHash, Commit] = {}
    for page in range(ANCESTOR_PAGES_MAX):
        rows = hub.rows_page(db, head, query, page)
        last = len(rows) < query.per_page
        for row in rows:
            commit = wire.read_commit(row)
            above = parents.setdefault(commit.id, set())
            above |= {_commit(parent) for parent in (row.get("parent_hash"),) if parent}
            own[commit.id] = replace(commit, is_merge=len(above) > 1)
        # A merge commit may be cut in two by the end of a page.
        whole = parents.keys() if last else parents.keys() - {_commit(rows[-1].get("commit_hash"))}
        graph = {commit: parents[commit] for commit in whole}
        if (on_top := _on_top(head, graph, main_head)) is not None:
            commits = tuple(commit for at, commit in own.items() if at in on_top)
            left = own.get(main_head)
            return Parting(base=main_head, base_at=left.made_at if left is not None else None, commits=commits)
        new = {head, *parents, *(parent for above in parents.values() for parent in above)} - asked
        asked |= new
        common |= _held(hub, commons, main_head, new)
        met, open_end = _meet(head, graph, common)
        if last or not open_end:
            # Newest first, as far as the page names them: then one question nearly always settles which are the best.
            order = [commit for commit in own if commit in met]
            bases = _bases(hub, commons, main_head, (*order, *sorted(met.difference(order))))
            left = own.get(bases[0]) if bases else None
            return Parting(
                base=bases[0] if bases else None,
                other_bases=bases[1:],
                base_at=left.made_at if left is not None else None,
                commits=tuple(commit for at, commit in own.items() if at not in common),
            )
    raise HubStrange(f"no end of the history of {db} after {ANCESTOR_PAGES_MAX * query.per_page} commits", too_large=True)


def _held(hub: Reads, commons: Commons, by: CommitHash, commits: Iterable[CommitHash]) -> set[CommitHash]:
    """Those of `commits` that the history of `by` holds."""
    found = hub.rows(commons, by, sql.on_log(sorted(commits), by))
    return {_commit(row.get("commit_hash")) for row in found}


def _on_top(head: CommitHash, parents: Mapping[CommitHash, Iterable[CommitHash]], main: CommitHash) -> set[CommitHash] | None:
    """The commits on top of `main`, where each way down from `head` ends at it; None where one does not, or is not known.

    None of them is on main: each has `main` below it, so `main` cannot have it below itself.
    """
    found: set[CommitHash] = set()
    waiting = [head]
    while waiting:
        commit = waiting.pop()
        if commit == main or commit in found:
            continue
        above = tuple(parents.get(commit, ()))
        if not above:
            return None
        found.add(commit)
        waiting += above
    return found


def _meet(
    head: CommitHash, parents: Mapping[CommitHash, Iterable[CommitHash]], common: set[CommitHash]
) -> tuple[set[CommitHash], bool]:
    """The first commits on main met on each way down from `head`, and whether some way leads beyond what was read."""
    met: set[CommitHash] = set()
    seen: set[CommitHash] = set()
    open_end = False
    waiting = [head]
    while waiting:
        commit = waiting.pop()
        if commit in seen:
            continue
        seen.add(commit)
        if commit in common:
            met.add(commit)
        elif commit in parents:
            waiting += parents[commit]
        else:
            open_end = True
    return met, open_end


def _bases(hub: Reads, commons: Commons, main_head: CommitHash, met: tuple[CommitHash, ...]) -> tuple[CommitHash, ...]:
    """The best common ancestors: those that no other one holds. The one that Dolt takes comes first.

    A branch that merged main meets main more than once, and one of these commits holds all others. After merges criss-cross
    there are several; of these Dolt takes the one of greatest height, then of greatest hash (dolt, store/datas/commit.go,
    FindCommonAncestor).
    """
    best = set(met)
    for commit in met:
        if commit in best and len(best) > 1:
            best -= _held(hub, commons, commit, best - {commit})
    if len(best) < 2:
        return tuple(best)
    try:
        rows = hub.rows(commons, main_head, sql.heights(sorted(best), main_head))
    except HubStrange as strange:
        if strange.unreadable:
            raise
        # An engine that has no such column yet. Several bases forbid a decision in any case.
        rows = ()
    height = {row.text("commit_hash"): int(order) for row in rows if (order := row.text("commit_order")).isdecimal()}
    return tuple(sorted(best, key=lambda commit: (height.get(commit, 0), commit), reverse=True))


def _commit(text: str | None) -> CommitHash:
    if text is None or not is_commit_hash(text):
        raise HubStrange("a commit hash was expected in the history, and something else was answered")
    return CommitHash(text)
