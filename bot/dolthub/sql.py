"""The only place where SQL text is made: one literal encoder, the queries, the statements of a decision.

A statement's text becomes the public commit message on DoltHub, so it is kept readable. All queries are meant to be run at
a commit hash. MySQL as Dolt speaks it; system tables and functions: Dolt's SQL reference (dolt_log, dolt_commit_ancestors,
dolt_diff, dolt_diff_summary, dolt_schema_diff, dolt_diff_stat, DOLT_HASHOF, DOLT_HASHOF_TABLE).
"""
# ruff: noqa: S608 - this is the module where SQL is put together; every value goes through literal(), name() or _hash()

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.model.ids import CommitHash, CompletionId, Handle, StampId, WantedId, is_commit_hash
from bot.model.ledger import KNOWN_TABLES, NOT_JSON, PRIMARY_KEYS, TERMINAL_STATUSES, Row, RowWrite, Write, write_time

ROWS_PER_PAGE = 900
"""Below the limit of 1,000 rows, so that a full page is never mistaken for a cut one."""
ANCESTORS_PER_PAGE = 200
"""A branch of work stands a few commits above main, so the first page nearly always reaches it."""
MESSAGE_BEGIN_CHARS, MESSAGE_END_CHARS = 240, 80
"""Of a commit's message, a stranger's text of any length: how it begins, and how it ends, where some tools name the deed."""
MOVES_MAX = 40
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLAIN = re.compile(r"[ -\[\]-~]*")
"""Printable ASCII without the backslash, which MySQL reads in one way or the other depending on `sql_mode`."""
_NOTE_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:/@()#+_=-]+")
NOTE_MAX_CHARS = 200
AROUND_ROWS_MAX = 100
_HIDING = ("%|%%", "%/./%", "%/../%", "%://%//%")
LIKE_ROWS_MAX = 200
"""A link this common is handed in by everybody: more of them would tell nothing new."""
_NOT_COMPARABLE = frozenset({"tags", "sandbox_scope", "valence", "skill_tags", "sheet_json", "confidence"})
"""JSON and FLOAT columns: equality with a text literal does not hold in MySQL even where the cells agree."""


@dataclass(frozen=True, slots=True)
class Query:
    """A read. A paged one has a total order, and the client adds LIMIT and OFFSET. The empty text asks nothing.

    `needs`: the columns its text names, by table and name, of those that a commons may lack. What it yields is whole rows of
    `table`, or the columns `yields`; a query that says so can be asked together with others.
    """

    text: str
    paged: bool = False
    per_page: int = ROWS_PER_PAGE
    needs: tuple[tuple[str, str], ...] = ()
    table: str = ""
    yields: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """No row can match, so nobody needs to be asked."""
        return not self.text

    def fits(self, columns: Mapping[str, Collection[str]]) -> bool:
        """Whether a commons with these columns by table has all that the text names: where it has not, asking is an error."""
        return all(column in columns.get(table, ()) for table, column in self.needs)

    def page(self, number: int) -> str:
        """The text of one page, counted from 0."""
        return f"{self.text} LIMIT {self.per_page} OFFSET {number * self.per_page}"


NOTHING = Query("")


@dataclass(frozen=True, slots=True)
class Statement:
    """One write, one commit."""

    text: str


# --- text into SQL ----------------------------------------------------------------------------------------------------


def literal(value: str | int | float | None) -> str:
    """`value` as SQL, whoever wrote it: the one way text enters a statement.

    Plain ASCII stays readable between quotes; anything else (control and non-ASCII characters, the backslash) goes as the
    hex of its UTF-8, so the reading never depends on the server's escaping mode.
    Raises ValueError for lone surrogates, which are no text, and for numbers SQL does not have.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        raise ValueError("a truth value has no literal here; write 0 or 1")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no SQL number")
        return repr(value)
    if _PLAIN.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    try:
        return f"CAST(X'{value.encode('utf-8').hex().upper()}' AS CHAR)"
    except UnicodeEncodeError:
        raise ValueError("text with a lone surrogate cannot be written") from None


def name(identifier: str) -> str:
    """A table or column between backticks. Raises ValueError unless it is a plain identifier."""
    if not _IDENTIFIER.fullmatch(identifier):
        raise ValueError(f"{identifier!r} is not a plain identifier")
    return f"`{identifier}`"


def comment(note: str) -> str:
    """A note as a trailing comment, one line of harmless characters; empty for an empty note."""
    words = " ".join(_NOTE_UNSAFE.sub(" ", note).split())[:NOTE_MAX_CHARS].rstrip()
    return f" -- {words}" if words else ""


def _hash(commit: str) -> str:
    """A commit hash as literal: arguments of Dolt's table functions must be plain literals."""
    if not is_commit_hash(commit):
        raise ValueError(f"{commit!r} is not a commit hash")
    return f"'{commit}'"


def _of(table: str, *columns: str) -> tuple[tuple[str, str], ...]:
    return tuple((table, column) for column in columns)


def _among(column: str, values: Iterable[str]) -> str:
    """`column IN (…)`, or a condition that never holds if there are no values."""
    texts = ", ".join(literal(value) for value in dict.fromkeys(values))
    return f"{column} IN ({texts})" if texts else "1 = 0"


_TELLING = (
    "l.committer AS committer, l.date AS made_at,"
    f" SUBSTRING(l.message, 1, {MESSAGE_BEGIN_CHARS}) AS begins, SUBSTRING(l.message, -{MESSAGE_END_CHARS}) AS ends"
)
"""What a commit tells of itself."""


# --- the graph of commits ---------------------------------------------------------------------------------------------


def hash_of(branch: str) -> Query:
    """`head`: the head of a branch as the database itself knows it, for where the list of branches lags."""
    return Query(f"SELECT DOLT_HASHOF({literal(branch)}) AS head")


def ancestors(commit: CommitHash) -> Query:
    """`commit_hash, parent_hash` for every commit reachable from `commit`, itself included, and what it tells of itself.

    Newest first. A root's parent is NULL. Equal dates come in any order: a child may follow its parent. A merge has a row for
    each parent. What it tells of itself: `committer, made_at, begins, ends` (`wire.read_commit`).
    """
    return Query(
        f"SELECT l.commit_hash AS commit_hash, a.parent_hash AS parent_hash, {_TELLING}"
        f" FROM dolt_log({_hash(commit)}) AS l"
        " LEFT JOIN dolt_commit_ancestors AS a ON a.commit_hash = l.commit_hash"
        " ORDER BY l.date DESC, l.commit_hash, a.parent_hash",
        paged=True,
        per_page=ANCESTORS_PER_PAGE,
    )


def first_parents(commit: CommitHash) -> Query:
    """`commit_hash, parent_hash, made_at` for every commit reachable from `commit`, with its first parent only; newest first.

    On main, the first parent is what main was before (a merge's parent 0, a write's only one). A root's is NULL.
    """
    return Query(
        "SELECT l.commit_hash AS commit_hash, a.parent_hash AS parent_hash, l.date AS made_at"
        f" FROM dolt_log({_hash(commit)}) AS l"
        " LEFT JOIN dolt_commit_ancestors AS a ON a.commit_hash = l.commit_hash AND a.parent_index = 0"
        " ORDER BY l.date DESC, l.commit_hash",
        paged=True,
        per_page=ANCESTORS_PER_PAGE,
    )


def first_parent(commit: CommitHash) -> Query:
    """`parent_hash` of a commit: what was there before. Nothing for a root.

    Without the condition on `parent_index`, Dolt refuses this for a merge (seen on Dolt 2.3.1 over a server).
    """
    return Query(
        f"SELECT parent_hash FROM dolt_commit_ancestors WHERE commit_hash = {_hash(commit)}"
        " AND parent_index = 0 AND parent_hash IS NOT NULL"
    )


def line(since: CommitHash | None, head: CommitHash) -> Query:
    """`commit_hash, parent_hash, merged_hash, committer, made_at, begins, ends` of what `head` holds and `since` does not.

    Newest first. `parent_hash` is the first parent. None: all of the history.
    """
    log = _hash(head) if since is None else f"'{_hash(since)[1:-1]}..{_hash(head)[1:-1]}'"
    return Query(
        f"SELECT l.commit_hash AS commit_hash, a.parent_hash AS parent_hash, m.parent_hash AS merged_hash, {_TELLING}"
        f" FROM dolt_log({log}) AS l"
        " LEFT JOIN dolt_commit_ancestors AS a ON a.commit_hash = l.commit_hash AND a.parent_index = 0"
        " LEFT JOIN dolt_commit_ancestors AS m ON m.commit_hash = l.commit_hash AND m.parent_index = 1"
        " ORDER BY l.date DESC, l.commit_hash",
        paged=True,
        per_page=ANCESTORS_PER_PAGE,
    )


def merges_of(head: CommitHash) -> Query:
    """`commit_hash` of every merge commit whose parent 1 (what was merged in) is `head`, on whatever branch."""
    return Query(
        f"SELECT commit_hash FROM dolt_commit_ancestors WHERE parent_hash = {_hash(head)} AND parent_index = 1"
        " ORDER BY commit_hash"
    )


def on_log(commits: Iterable[CommitHash], head: CommitHash) -> Query:
    """`commit_hash`: those of `commits` that are reachable from `head`."""
    among = dict.fromkeys(commits)
    if not among:
        return NOTHING
    wanted = ", ".join(_hash(commit) for commit in among)
    return Query(
        f"SELECT commit_hash FROM dolt_log({_hash(head)}) WHERE commit_hash IN ({wanted}) ORDER BY commit_hash",
        paged=True,
    )


def heights(commits: Iterable[CommitHash], head: CommitHash) -> Query:
    """`commit_hash, commit_order` of those of `commits` that `head` holds: the longest way from a root (Dolt, `dolt_log`)."""
    among = dict.fromkeys(commits)
    if not among:
        return NOTHING
    wanted = ", ".join(_hash(commit) for commit in among)
    return Query(
        f"SELECT commit_hash, commit_order FROM dolt_log({_hash(head)}) WHERE commit_hash IN ({wanted}) ORDER BY commit_hash",
        paged=True,
    )


def commits_since(since: CommitHash | None, head: CommitHash) -> Query:
    """`commit_hash, parent_hash, merged_hash, message` of every commit that `head` holds and `since` does not; newest first.

    `parent_hash` is the first parent, `merged_hash` the second (NULL but for a merge). None: all of the history.
    """
    log = _hash(head) if since is None else f"'{_hash(since)[1:-1]}..{_hash(head)[1:-1]}'"
    return Query(
        "SELECT l.commit_hash AS commit_hash, a.parent_hash AS parent_hash, b.parent_hash AS merged_hash, l.message AS message"
        f" FROM dolt_log({log}) AS l"
        " LEFT JOIN dolt_commit_ancestors AS a ON a.commit_hash = l.commit_hash AND a.parent_index = 0"
        " LEFT JOIN dolt_commit_ancestors AS b ON b.commit_hash = l.commit_hash AND b.parent_index = 1"
        " ORDER BY l.date DESC, l.commit_hash",
        paged=True,
        per_page=ANCESTORS_PER_PAGE,
    )


def first_with(text: str, head: CommitHash) -> Query:
    """`commit_hash` of the earliest commit that `head` holds whose message holds this text; nothing if there is none."""
    pattern = literal(f"%{_like(text)}%")
    return Query(
        f"SELECT l.commit_hash AS commit_hash FROM dolt_log({_hash(head)}) AS l"
        f" WHERE l.message LIKE {pattern} ESCAPE '|' ORDER BY l.date, l.commit_hash LIMIT 1"
    )


def notes(head: CommitHash, committer: str, beginning: str, holding: str) -> Query:
    """`commit_hash, message` of commits by `committer` that `head` holds, newest first, whose note begins and goes on so.

    More than those may come: text in a statement can look like a note (see `note_in`). That a write over the API is committed
    in the name of the token's account is inferred (DoltHub documents no committer).
    """
    pattern = f"%{_like(comment(beginning))} %{_like(holding)}%"
    return Query(
        f"SELECT commit_hash, message AS message FROM dolt_log({_hash(head)}) WHERE committer = {literal(committer)}"
        f" AND message LIKE {literal(pattern)} ESCAPE '|' ORDER BY date DESC, commit_hash LIMIT {AROUND_ROWS_MAX}"
    )


def inserts(message: str, table: str, key: str) -> bool:
    """Whether a commit message is our statement that inserted this row: its key comes first, and only once so."""
    into = re.escape(f"INSERT INTO {name(table)} ({name(_known_key(table))}") + r"[^)]*\) (?:VALUES \(|SELECT )"
    return re.match(into + re.escape(literal(key)) + "[,) ]", message) is not None


def note_in(message: str) -> str:
    """The note behind a statement that became a commit message; empty if there is none."""
    return message.rpartition(" -- ")[2] if " -- " in message else ""


def moves(table: str, keys: Iterable[str], since: CommitHash, head: CommitHash) -> Query:
    """By which commits these rows of a known table were written, of those that `head` holds and `since` does not.

    `row_key, from_commit, commit_hash, parent_hash, merged_hash, committer, made_at, begins, ends`, newest first; not those
    that took the row away. `from_commit` is what the commit is compared with, `parent_hash` its first parent (see `arrivals`).
    """
    key, among = _known_key(table), tuple(keys)
    if not among:
        return NOTHING
    return Query(
        f"SELECT d.{name('to_' + key)} AS row_key, d.from_commit AS from_commit, l.commit_hash AS commit_hash,"
        f" p.parent_hash AS parent_hash, m.parent_hash AS merged_hash, {_TELLING}"
        f" FROM dolt_log('{_hash(since)[1:-1]}..{_hash(head)[1:-1]}') AS l"
        f" JOIN {name('dolt_diff_' + table)} AS d ON d.to_commit = l.commit_hash"
        " LEFT JOIN dolt_commit_ancestors AS p ON p.commit_hash = l.commit_hash AND p.parent_index = 0"
        " LEFT JOIN dolt_commit_ancestors AS m ON m.commit_hash = l.commit_hash AND m.parent_index = 1"
        f" WHERE {_among('d.' + name('to_' + key), among)} ORDER BY l.date DESC, l.commit_hash LIMIT {MOVES_MAX}",
        needs=_of(table, key),
    )


def arrivals(table: str, keys: Iterable[str]) -> Query:
    """`row_key, from_commit, commit_hash`: by which commits these rows of a known table were added.

    `dolt_diff_<table>` compares each commit with one child only. So the step from a parent that has two children may be
    missing, and a row may show at a merge that brought something else, compared with its second parent (dolt,
    dtables/diff_table.go).
    Only where `from_commit` is the first parent did that commit add the row.
    """
    key, among = _known_key(table), tuple(keys)
    if not among:
        return NOTHING
    return Query(
        f"SELECT {name('to_' + key)} AS row_key, from_commit AS from_commit, to_commit AS commit_hash"
        f" FROM {name('dolt_diff_' + table)}"
        f" WHERE diff_type = 'added' AND {_among(name('to_' + key), among)} ORDER BY row_key, commit_hash",
        paged=True,
        needs=_of(table, key),
    )


def links_of(completion: CompletionId, stamp: StampId) -> Query:
    """`from_commit, commit_hash`: by which commits the completion was given this stamp, earliest first (see `arrivals`)."""
    return Query(
        "SELECT from_commit AS from_commit, to_commit AS commit_hash FROM `dolt_diff_completions`"
        f" WHERE `to_id` = {literal(completion)} AND `to_stamp_id` = {literal(stamp)}"
        f" AND (`from_stamp_id` IS NULL OR `from_stamp_id` <> {literal(stamp)}) ORDER BY to_commit_date, to_commit"
    )


def wrote(
    table: str,
    keys: Iterable[str],
    steps: Iterable[tuple[CommitHash, CommitHash]],
    *,
    added: bool = False,
    sets: tuple[tuple[str, str], ...] = (),
) -> Query:
    """`row_key, from_commit, commit_hash`: which of these rows of a known table each step writes, from a commit to another.

    `added`: only rows that the step adds. `sets`: only rows in which the step gives these columns these values.
    """
    key, among = _known_key(table), tuple(keys)
    conditions = [_among("d." + name("to_" + key), among), *(["d.diff_type = 'added'"] if added else [])]
    for column, value in sets:
        new, old = (f"d.{name(side + column)}" for side in ("to_", "from_"))
        conditions.append(f"{new} = {literal(value)} AND ({old} IS NULL OR {old} <> {literal(value)})")
    parts = [
        f"SELECT d.{name('to_' + key)} AS row_key, {_hash(before)} AS from_commit, {_hash(commit)} AS commit_hash"
        f" FROM dolt_diff({_hash(before)}, {_hash(commit)}, {literal(table)}) AS d WHERE {' AND '.join(conditions)}"
        for before, commit in steps
    ]
    return Query(" UNION ALL ".join(parts), needs=_of(table, key)) if parts and among else NOTHING


# --- what differs -----------------------------------------------------------------------------------------------------


def diff_summary(a: CommitHash, b: CommitHash) -> Query:
    """`from_table_name, to_table_name, diff_type, data_change, schema_change` for every table that differs."""
    return Query(
        "SELECT from_table_name, to_table_name, diff_type, data_change, schema_change"
        f" FROM dolt_diff_summary({_hash(a)}, {_hash(b)}) ORDER BY to_table_name, from_table_name",
        paged=True,
    )


def schema_diff(a: CommitHash, b: CommitHash) -> Query:
    """`from_table_name, to_table_name` of every table whose definition differs."""
    return Query(
        f"SELECT from_table_name, to_table_name FROM dolt_schema_diff({_hash(a)}, {_hash(b)})"
        " ORDER BY to_table_name, from_table_name",
        paged=True,
    )


def table_summary(a: CommitHash, b: CommitHash, table: str) -> Query:
    """As `diff_summary`, of one known table. A SQL error where Dolt cannot compare it."""
    _known_key(table)
    return Query(
        "SELECT from_table_name, to_table_name, diff_type, data_change, schema_change"
        f" FROM dolt_diff_summary({_hash(a)}, {_hash(b)}, {literal(table)})"
    )


def table_hashes() -> Query:
    """`table_name, table_hash` of every table: one value for its definition and all its rows (Dolt, DOLT_HASHOF_TABLE).

    A view has no hash, and asking for it is a SQL error.
    """
    return Query(
        "SELECT table_name AS table_name, DOLT_HASHOF_TABLE(table_name) AS table_hash FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name",
        paged=True,
    )


def diff_stat(a: CommitHash, b: CommitHash) -> Query:
    """`table_name, rows_added, rows_deleted, rows_modified` for every table that differs."""
    return Query(f"SELECT table_name, rows_added, rows_deleted, rows_modified FROM dolt_diff_stat({_hash(a)}, {_hash(b)})")


def diff_rows(a: CommitHash, b: CommitHash, table: str) -> Query:
    """`from_*`, `to_*` and `diff_type` for every row of a known table that differs, ordered by key."""
    key = _known_key(table)
    return Query(
        f"SELECT * FROM dolt_diff({_hash(a)}, {_hash(b)}, {literal(table)})"
        f" ORDER BY COALESCE({name('to_' + key)}, {name('from_' + key)})",
        paged=True,
    )


# --- several reads in one ---------------------------------------------------------------------------------------------


def together(queries: Sequence[Query], columns: Mapping[str, Collection[str]]) -> Query:
    """One query that yields what all of these do, as text: `part` (which of them, from 0) and `c0`, `c1` and so on.

    `columns`: columns by table of this commons. A row stands once in what a query yields, and is told from others by its key,
    or by its first two columns. Raises ValueError for a query that does not say what it yields.
    """
    shapes = [shape(query, columns) for query in queries]
    width = max(2, *map(len, shapes))
    selects = []
    for part, (query, names) in enumerate(zip(queries, shapes, strict=True)):
        cells = [f"CAST(q.{name(column)} AS CHAR)" for column in names] + ["NULL"] * (width - len(names))
        shown = ", ".join(f"{cell} AS c{at}" for at, cell in enumerate(cells))
        selects.append(f"SELECT {part} AS part, {shown} FROM ({query.text}) AS q")
    return Query(" UNION ALL ".join(selects) + " ORDER BY part, c0, c1", paged=True)


def shape(query: Query, columns: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """The columns a query yields, the key of whole rows first. Raises ValueError if it does not say."""
    if query.table:
        key = _known_key(query.table)
        return tuple(dict.fromkeys((key, *columns.get(query.table, ()))))
    if not query.yields:
        raise ValueError("this query does not say what it yields")
    return query.yields


def apart(rows: Iterable[Row], queries: Sequence[Query], columns: Mapping[str, Collection[str]]) -> tuple[tuple[Row, ...], ...]:
    """What `together` yielded, query by query. Raises ValueError for rows of none of them."""
    shapes = [shape(query, columns) for query in queries]
    found: tuple[list[Row], ...] = tuple([] for _ in queries)
    for row in rows:
        part = int(row.text("part"))
        cells = ((column, row.get(f"c{at}")) for at, column in enumerate(shapes[part]))
        found[part].append(Row.of(cells))
    return tuple(map(tuple, found))


# --- rows of the commons ----------------------------------------------------------------------------------------------


def columns() -> Query:
    """`table_schema, table_name, column_name` of the known tables, in column order."""
    return Query(
        "SELECT table_schema AS table_schema, table_name AS table_name, column_name AS column_name"
        " FROM information_schema.columns"
        f" WHERE {_among('table_name', KNOWN_TABLES)} ORDER BY table_name, ordinal_position"
    )


def defaults() -> Query:
    """`table_schema, table_name, column_name, column_default` of those columns of known tables that fill themselves."""
    return Query(
        "SELECT table_schema AS table_schema, table_name AS table_name, column_name AS column_name,"
        " column_default AS column_default FROM information_schema.columns"
        f" WHERE column_default IS NOT NULL AND {_among('table_name', KNOWN_TABLES)} ORDER BY table_name, ordinal_position"
    )


def all_rows(table: str, wanted: Iterable[str], there: Collection[str]) -> Query:
    """Every row of a known table, but only those of the wanted columns that are there; ordered by key."""
    key = _known_key(table)
    shown = ", ".join(name(column) for column in dict.fromkeys((key, *wanted)) if column in there)
    return Query(f"SELECT {shown} FROM {name(table)} ORDER BY {name(key)}", paged=True, needs=_of(table, key))


def rows_by(table: str, column: str, values: Iterable[str]) -> Query:
    """Whole rows of a known table whose `column` equals one of `values`, ordered by key."""
    key, among = _known_key(table), tuple(values)
    if not among:
        return NOTHING
    return Query(
        f"SELECT * FROM {name(table)} WHERE {_among(name(column), among)} ORDER BY {name(key)}",
        paged=True,
        needs=_of(table, column, key),
        table=table,
    )


def completions_of(wanted_ids: Iterable[WantedId], ids: Iterable[str] = ()) -> Query:
    """All completions handed in for these items, and those with one of these ids."""
    items, named = tuple(wanted_ids), tuple(ids)
    if not named:
        return rows_by("completions", "wanted_id", items)
    return Query(
        f"SELECT * FROM `completions` WHERE {_among('`wanted_id`', items)} OR {_among('`id`', named)} ORDER BY `id`",
        paged=True,
        needs=_of("completions", "wanted_id", "id"),
        table="completions",
    )


def completions_like(spellings: Iterable[tuple[str, ...]]) -> Query:
    """Completions whose evidence holds, in any case and in this order, the pieces of one of the spellings.

    Behind them those that hold an escape, a dot segment or a doubled slash, which can hide any piece. One page: it is only a
    search for doubles.
    """
    patterns = ["%" + "%".join(_like(piece.lower()) for piece in pieces) + "%" for pieces in spellings if pieces]
    if not patterns:
        return NOTHING
    plain, hiding = (
        " OR ".join(f"LOWER(`evidence`) LIKE {literal(pattern)} ESCAPE '|'" for pattern in among)
        for among in (dict.fromkeys(patterns), _HIDING)
    )
    return Query(
        "SELECT `id`, `wanted_id`, `completed_by`, `evidence` FROM `completions`"
        f" WHERE {plain} OR {hiding} ORDER BY CASE WHEN {plain} THEN 0 ELSE 1 END, `id` LIMIT {LIKE_ROWS_MAX}",
        needs=_of("completions", "id", "wanted_id", "completed_by", "evidence"),
        yields=("id", "wanted_id", "completed_by", "evidence"),
    )


def rigs_around(
    handles: Iterable[Handle],
    owners: Iterable[str],
    min_trust: int | None = None,
    *,
    there: Collection[str] = ("dolthub_org", "owner_email", "parent_rig", "trust_level"),
) -> Query:
    """Rigs with these handles (in any case), of these owners, or of at least this trust, and their kin.

    Kin: same owner, same e-mail, parent, children and siblings of a rig with one of the handles. Wide on purpose: what
    kinship means is decided elsewhere. `there`: the columns of this commons, for older ones lack some.
    """
    named, owned = tuple(h for h in dict.fromkeys(handles) if h), tuple(o for o in dict.fromkeys(owners) if o)
    wanted: list[str] = []
    if named:
        these = f"FROM `rigs` WHERE {_among('LOWER(`handle`)', (_lower(h) for h in named))}"
        wanted += [
            _among("LOWER(`handle`)", (_lower(h) for h in named)),
            *(
                f"(`{c}` <> '' AND `{c}` IN (SELECT `{c}` {these}))"
                for c in ("dolthub_org", "owner_email", "parent_rig")
                if c in there
            ),
        ]
        if "parent_rig" in there:
            wanted.append(_among("LOWER(`parent_rig`)", (_lower(h) for h in named)))
            wanted.append(f"`handle` IN (SELECT `parent_rig` {these})")
    if owned and "dolthub_org" in there:
        wanted.append(_among("LOWER(`dolthub_org`)", (_lower(o) for o in owned)))
    if min_trust is not None and "trust_level" in there:
        wanted.append(f"`trust_level` >= {literal(int(min_trust))}")
    if not wanted:
        return NOTHING
    text = f"SELECT * FROM `rigs` WHERE {' OR '.join(wanted)} ORDER BY `handle`"
    return Query(text, paged=True, needs=_of("rigs", "handle"), table="rigs")


def all_rigs() -> Query:
    """Every rig: a registration is compared with all of them, for names that only look alike."""
    return Query("SELECT * FROM `rigs` ORDER BY `handle`", paged=True, needs=_of("rigs", "handle"), table="rigs")


def rig_links_around(handles: Iterable[Handle], rigs: Query = NOTHING) -> Query:
    """Links between rigs that name one of these handles, or of the rigs that a query yields, in any case and any status."""
    named = tuple(_lower(h) for h in dict.fromkeys(handles) if h)
    if not named:
        return NOTHING
    theirs = "" if rigs.is_nothing else f"SELECT LOWER(r.`handle`) FROM ({rigs.text}) AS r"
    around = " OR ".join(
        f"{_among(end, named)}{f' OR {end} IN ({theirs})' if theirs else ''}" for end in ("LOWER(`rig_a`)", "LOWER(`rig_b`)")
    )
    return Query(
        f"SELECT * FROM `rig_links` WHERE {around} ORDER BY `id`",
        paged=True,
        needs=(*_of("rig_links", "id", "rig_a", "rig_b"), *rigs.needs),
        table="rig_links",
    )


def stamps_for(context_ids: Iterable[str], stamp_ids: Iterable[StampId]) -> Query:
    """Stamps about one of these contexts, or with one of these ids."""
    contexts, ids = tuple(dict.fromkeys(context_ids)), tuple(dict.fromkeys(stamp_ids))
    if not contexts and not ids:
        return NOTHING
    return Query(
        f"SELECT * FROM `stamps` WHERE {_among('`context_id`', contexts)} OR {_among('`id`', ids)} ORDER BY `id`",
        paged=True,
        needs=_of("stamps", "id", "context_id"),
        table="stamps",
    )


def record_of(handle: Handle) -> Query:
    """`quality, stamps`: how often a worker got which quality, as JSON text, for some are words (wire.read_record)."""
    return Query(
        "SELECT JSON_EXTRACT(`valence`, '$.quality') AS quality, COUNT(*) AS stamps FROM `stamps`"
        f" WHERE `subject` = {literal(handle)} GROUP BY JSON_EXTRACT(`valence`, '$.quality')",
        needs=_of("stamps", "subject", "valence"),
        yields=("quality", "stamps"),
    )


def latest_ratings() -> Query:
    """`valence` of the latest stamps."""
    return Query(
        f"SELECT `valence` FROM `stamps` ORDER BY `created_at` DESC, `id` LIMIT {AROUND_ROWS_MAX}",
        needs=_of("stamps", "id", "valence", "created_at"),
    )


def record_elsewhere(handle: Handle, owner: str) -> Query:
    """`handle, dolthub_org, quality, stamps`: record_of() of the rig of this handle and this owner, on another commons.

    Whoever reads it compares the first two once more: whether `=` tells cases apart depends on a table's collation.
    """
    return Query(
        "SELECT r.`handle` AS handle, r.`dolthub_org` AS dolthub_org,"
        " JSON_EXTRACT(s.`valence`, '$.quality') AS quality, COUNT(*) AS stamps"
        " FROM `stamps` AS s JOIN `rigs` AS r ON r.`handle` = s.`subject`"
        f" WHERE s.`subject` = {literal(handle)} AND r.`dolthub_org` = {literal(owner)}"
        " GROUP BY r.`handle`, r.`dolthub_org`, JSON_EXTRACT(s.`valence`, '$.quality')",
        needs=(*_of("stamps", "subject", "valence"), *_of("rigs", "handle", "dolthub_org")),
    )


def tallies_around(handle: Handle) -> Query:
    """`author, subject, stamps, valences, confidence, last_at` by pair: of a worker, of its stampers, and of theirs."""
    worker = literal(handle)
    return Query(
        "SELECT `author`, `subject`, COUNT(*) AS stamps, COUNT(DISTINCT CAST(`valence` AS CHAR)) AS valences,"
        " AVG(`confidence`) AS confidence, MAX(`created_at`) AS last_at FROM `stamps`"
        f" WHERE `author` = {worker} OR `subject` = {worker}"
        f" OR `author` IN (SELECT s.`author` FROM `stamps` AS s WHERE s.`subject` = {worker})"
        f" GROUP BY `author`, `subject` ORDER BY `author`, `subject` LIMIT {AROUND_ROWS_MAX}",
        needs=_of("stamps", "author", "subject", "valence", "confidence", "created_at"),
        yields=("author", "subject", "stamps", "valences", "confidence", "last_at"),
    )


def claims_of(handle: Handle) -> Query:
    """`id, title, status, claimed_by, updated_at` of items a rig holds claimed."""
    return Query(
        "SELECT `id`, `title`, `status`, `claimed_by`, `updated_at` FROM `wanted`"
        f" WHERE `claimed_by` = {literal(handle)} AND `status` = 'claimed' ORDER BY `id` LIMIT {AROUND_ROWS_MAX}",
        needs=_of("wanted", "id", "title", "status", "claimed_by", "updated_at"),
        yields=("id", "title", "status", "claimed_by", "updated_at"),
    )


def latest_completions_of(handle: Handle) -> Query:
    """`id, wanted_id, completed_by, completed_at` of a rig's latest completions, newest first."""
    return Query(
        "SELECT `id`, `wanted_id`, `completed_by`, `completed_at` FROM `completions`"
        f" WHERE `completed_by` = {literal(handle)} ORDER BY `completed_at` DESC, `id` LIMIT {AROUND_ROWS_MAX}",
        needs=_of("completions", "id", "wanted_id", "completed_by", "completed_at"),
        yields=("id", "wanted_id", "completed_by", "completed_at"),
    )


def items_titled(titles: Iterable[str]) -> Query:
    """`id, title, status, posted_by` of items with one of these titles, in any case."""
    folded = tuple(dict.fromkeys(_lower(title.strip()) for title in titles if title.strip()))
    if not folded:
        return NOTHING
    return Query(
        "SELECT `id`, `title`, `status`, `posted_by` FROM `wanted`"
        f" WHERE {_among('LOWER(TRIM(`title`))', folded)} ORDER BY `id` LIMIT {AROUND_ROWS_MAX}",
        needs=_of("wanted", "id", "title", "status", "posted_by"),
        yields=("id", "title", "status", "posted_by"),
    )


def open_completions() -> Query:
    """Completions on main that are not finished, with `item_status`.

    In review and unstamped; a stamp about them that they do not link; a link whose item is not in a terminal status.
    """
    ended = ", ".join(literal(status) for status in sorted(TERMINAL_STATUSES))
    return Query(
        "SELECT c.*, w.`status` AS item_status FROM `completions` AS c LEFT JOIN `wanted` AS w ON w.`id` = c.`wanted_id`"
        " WHERE (c.`stamp_id` IS NULL AND (w.`status` = 'in_review'"
        " OR c.`id` IN (SELECT s.`context_id` FROM `stamps` AS s WHERE s.`context_id` IS NOT NULL)))"
        f" OR (c.`stamp_id` IS NOT NULL AND w.`status` NOT IN ({ended}))"
        " ORDER BY c.`id`",
        paged=True,
        needs=(
            *_of("completions", "id", "wanted_id", "stamp_id"),
            *_of("wanted", "id", "status"),
            *_of("stamps", "context_id"),
        ),
    )


def _like(text: str) -> str:
    """Text that stands for itself in a LIKE whose escape is `|`: the backslash means different things to different servers."""
    return re.sub(r"([|%_])", r"|\1", text)


def _lower(text: str) -> str:
    """As MySQL's LOWER does it for ASCII; folding by look is done on what comes back."""
    return text.lower()


def _known_key(table: str) -> str:
    if table not in KNOWN_TABLES:
        raise ValueError(f"{table!r} is not a table of a commons")
    return PRIMARY_KEYS[table]


# --- statements -------------------------------------------------------------------------------------------------------


def write_row(
    write: RowWrite, *, columns: Mapping[str, Collection[str]], now: datetime, note: str, unless_stamped: bool = False
) -> Statement:
    """One row of a decision as one guarded statement, with the note as trailing comment.

    `columns`: columns by table of this commons; cells of others are left out. `now` goes into the columns of `touch`.
    `unless_stamped`: nothing is written if any stamp has this context (the stamp's own `context_id`; for a completion, its
    id). Never INSERT IGNORE: that would also hide a violated CHECK.
    Raises ValueError for a write that cannot be said safely (unknown table, a guard on a JSON or FLOAT column).
    """
    there = columns.get(write.table, ())
    key = name(_known_key(write.table))
    cells = [(column, value) for column, value in write.cells.cells if column in there]
    cells += [(column, write_time(now)) for column in write.touch if column in there]
    unstamped = _unstamped(write) if unless_stamped else ""
    if write.write is Write.INSERT:
        if write.guard.cells:
            raise ValueError("an INSERT has no guard: its key must be free")
        text = _insert(write.table, [(write.key_column, write.key), *(c for c in cells if c[0] != write.key_column)], unstamped)
        return Statement(text + comment(note))
    where = " AND ".join([f"{key} = {literal(write.key)}", *_guard(write.guard, there)] + ([unstamped] if unstamped else []))
    if write.write is Write.DELETE:
        return Statement(f"DELETE FROM {name(write.table)} WHERE {where}{comment(note)}")
    if not cells:
        raise ValueError(f"nothing to set in {write.table}")
    sets = ", ".join(f"{name(column)} = {literal(value)}" for column, value in cells)
    return Statement(f"UPDATE {name(write.table)} SET {sets} WHERE {where}{comment(note)}")


def _insert(table: str, cells: list[tuple[str, str | None]], condition: str) -> str:
    into = f"INSERT INTO {name(table)} ({', '.join(name(column) for column, _ in cells)})"
    values = ", ".join(literal(value) for _, value in cells)
    return f"{into} SELECT {values} WHERE {condition}" if condition else f"{into} VALUES ({values})"


def _guard(guard: Row, there: Collection[str]) -> list[str]:
    """Conditions under which the row is still what the decision was made about. A column that is not there reads as NULL."""
    conditions: list[str] = []
    for column, value in guard.cells:
        if value is None:
            conditions += [_is_nothing(column)] if column in there else []
        elif column in _NOT_COMPARABLE or column not in there:
            raise ValueError(f"a guard on {column} cannot hold")
        else:
            conditions.append(f"{name(column)} = {literal(value)}")
    return conditions


def _is_nothing(column: str) -> str:
    """NULL; in a column that may hold JSON, JSON `null` as well: a merge may have written it (`cell_value`)."""
    null = f"{name(column)} IS NULL"
    return null if column in NOT_JSON else f"({null} OR CAST({name(column)} AS CHAR) = 'null')"


def _unstamped(write: RowWrite) -> str:
    """No stamp on main is about what is decided here."""
    context = write.cells.get("context_id") if write.table == "stamps" else write.key
    if write.table not in ("stamps", "completions") or not context:
        raise ValueError("unless_stamped is for a stamp with a context, or for a completion")
    return f"NOT EXISTS (SELECT 1 FROM `stamps` WHERE `context_id` = {literal(context)})"
