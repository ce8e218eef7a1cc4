"""Queries about commits: their graph, what wrote a row, and what differs between two of them."""
# ruff: noqa: S608 - SQL is put together here; every value goes through literal(), name() or hash_literal()

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.dolthub.sql.literal import comment, escape_like, hash_literal, is_among, literal, name
from bot.dolthub.sql.query import NOTHING, Query, key_column, needed
from bot.model.ids import CommitHash, CompletionId, StampId

ANCESTORS_PER_PAGE = 200
"""A branch of work stands a few commits above main, so the first page nearly always reaches it."""
MESSAGE_BEGIN_CHARS, MESSAGE_END_CHARS = 240, 80
"""Of a commit's message, a stranger's text of any length: how it begins, and how it ends, where some tools name the deed."""
MOVES_MAX = 40
NOTES_MAX = 100
COMMIT_COLUMNS = (
    "l.committer AS committer, l.date AS made_at,"
    f" SUBSTRING(l.message, 1, {MESSAGE_BEGIN_CHARS}) AS begins, SUBSTRING(l.message, -{MESSAGE_END_CHARS}) AS ends"
)
"""What a commit tells of itself."""


def hash_of(branch: str) -> Query:
    """`head`: the head of a branch as the database itself knows it, for where the list of branches lags."""
    return Query(f"SELECT DOLT_HASHOF({literal(branch)}) AS head")


def ancestors(commit: CommitHash) -> Query:
    """`commit_hash, parent_hash` for every commit reachable from `commit`, itself included, and what it tells of itself.

    Newest first. A root's parent is NULL. Equal dates come in any order: a child may follow its parent. A merge has a row for
    each parent. What it tells of itself: `committer, made_at, begins, ends` (`wire.read_commit`).
    """
    return Query(
        f"SELECT l.commit_hash AS commit_hash, a.parent_hash AS parent_hash, {COMMIT_COLUMNS}"
        f" FROM dolt_log({hash_literal(commit)}) AS l"
        " LEFT JOIN dolt_commit_ancestors AS a ON a.commit_hash = l.commit_hash"
        " ORDER BY l.date DESC, l.commit_hash, a.parent_hash",
        paged=True,
        of_commits=True,
        per_page=ANCESTORS_PER_PAGE,
    )


def first_parents(commit: CommitHash) -> Query:
    """`commit_hash, parent_hash, made_at` for every commit reachable from `commit`, with its first parent only; newest first.

    On main, the first parent is what main was before (a merge's parent 0, a write's only one). A root's is NULL.
    """
    return Query(
        "SELECT l.commit_hash AS commit_hash, a.parent_hash AS parent_hash, l.date AS made_at"
        f" FROM dolt_log({hash_literal(commit)}) AS l"
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
        f"SELECT parent_hash FROM dolt_commit_ancestors WHERE commit_hash = {hash_literal(commit)}"
        " AND parent_index = 0 AND parent_hash IS NOT NULL"
    )


def line(since: CommitHash | None, head: CommitHash) -> Query:
    """`commit_hash, parent_hash, merged_hash, committer, made_at, begins, ends` of what `head` holds and `since` does not.

    Newest first. `parent_hash` is the first parent. None: all of the history.
    """
    log = hash_literal(head) if since is None else f"'{hash_literal(since)[1:-1]}..{hash_literal(head)[1:-1]}'"
    return Query(
        f"SELECT l.commit_hash AS commit_hash, a.parent_hash AS parent_hash, m.parent_hash AS merged_hash, {COMMIT_COLUMNS}"
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
        f"SELECT commit_hash FROM dolt_commit_ancestors WHERE parent_hash = {hash_literal(head)} AND parent_index = 1"
        " ORDER BY commit_hash"
    )


def on_log(commits: Iterable[CommitHash], head: CommitHash) -> Query:
    """`commit_hash`: those of `commits` that are reachable from `head`."""
    among = dict.fromkeys(commits)
    if not among:
        return NOTHING
    wanted = ", ".join(hash_literal(commit) for commit in among)
    return Query(
        f"SELECT commit_hash FROM dolt_log({hash_literal(head)}) WHERE commit_hash IN ({wanted}) ORDER BY commit_hash",
        paged=True,
    )


def heights(commits: Iterable[CommitHash], head: CommitHash) -> Query:
    """`commit_hash, commit_order` of those of `commits` that `head` holds: the longest way from a root (Dolt, `dolt_log`)."""
    among = dict.fromkeys(commits)
    if not among:
        return NOTHING
    wanted = ", ".join(hash_literal(commit) for commit in among)
    return Query(
        f"SELECT commit_hash, commit_order FROM dolt_log({hash_literal(head)})"
        f" WHERE commit_hash IN ({wanted}) ORDER BY commit_hash",
        paged=True,
    )


def commits_since(since: CommitHash | None, head: CommitHash) -> Query:
    """`commit_hash, parent_hash, merged_hash, message` of every commit that `head` holds and `since` does not; newest first.

    `parent_hash` is the first parent, `merged_hash` the second (NULL but for a merge). None: all of the history.
    """
    log = hash_literal(head) if since is None else f"'{hash_literal(since)[1:-1]}..{hash_literal(head)[1:-1]}'"
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
    pattern = literal(f"%{escape_like(text)}%")
    return Query(
        f"SELECT l.commit_hash AS commit_hash FROM dolt_log({hash_literal(head)}) AS l"
        f" WHERE l.message LIKE {pattern} ESCAPE '|' ORDER BY l.date, l.commit_hash LIMIT 1"
    )


def notes(head: CommitHash, committer: str, beginning: str, holding: str) -> Query:
    """`commit_hash, message` of commits by `committer` that `head` holds, newest first, whose note begins and goes on so.

    More than those may come: text in a statement can look like a note (see `note_in`). That a write over the API is committed
    in the name of the token's account is inferred (DoltHub documents no committer).
    """
    pattern = f"%{escape_like(comment(beginning))} %{escape_like(holding)}%"
    return Query(
        f"SELECT commit_hash, message AS message FROM dolt_log({hash_literal(head)}) WHERE committer = {literal(committer)}"
        f" AND message LIKE {literal(pattern)} ESCAPE '|' ORDER BY date DESC, commit_hash LIMIT {NOTES_MAX}"
    )


def inserts(message: str, table: str, key: str) -> bool:
    """Whether a commit message is our statement that inserted this row: its key comes first, and only once so."""
    into = re.escape(f"INSERT INTO {name(table)} ({name(key_column(table))}") + r"[^)]*\) (?:VALUES \(|SELECT )"
    return re.match(into + re.escape(literal(key)) + "[,) ]", message) is not None


def note_in(message: str) -> str:
    """The note behind a statement that became a commit message; empty if there is none."""
    return message.rpartition(" -- ")[2] if " -- " in message else ""


def moves(table: str, keys: Iterable[str], since: CommitHash, head: CommitHash) -> Query:
    """By which commits these rows of a known table were written, of those that `head` holds and `since` does not.

    `row_key, from_commit, commit_hash, parent_hash, merged_hash, committer, made_at, begins, ends`, newest first; not those
    that took the row away. `from_commit` is what the commit is compared with, `parent_hash` its first parent (see `arrivals`).
    """
    key, among = key_column(table), tuple(keys)
    if not among:
        return NOTHING
    return Query(
        f"SELECT d.{name('to_' + key)} AS row_key, d.from_commit AS from_commit, l.commit_hash AS commit_hash,"
        f" p.parent_hash AS parent_hash, m.parent_hash AS merged_hash, {COMMIT_COLUMNS}"
        f" FROM dolt_log('{hash_literal(since)[1:-1]}..{hash_literal(head)[1:-1]}') AS l"
        f" JOIN {name('dolt_diff_' + table)} AS d ON d.to_commit = l.commit_hash"
        " LEFT JOIN dolt_commit_ancestors AS p ON p.commit_hash = l.commit_hash AND p.parent_index = 0"
        " LEFT JOIN dolt_commit_ancestors AS m ON m.commit_hash = l.commit_hash AND m.parent_index = 1"
        f" WHERE {is_among('d.' + name('to_' + key), among)} ORDER BY l.date DESC, l.commit_hash LIMIT {MOVES_MAX}",
        needs=needed(table, key),
    )


def arrivals(table: str, keys: Iterable[str]) -> Query:
    """`row_key, from_commit, commit_hash`: by which commits these rows of a known table were added.

    `dolt_diff_<table>` compares each commit with one child only. So the step from a parent that has two children may be
    missing, and a row may show at a merge that brought something else, compared with its second parent (dolt,
    dtables/diff_table.go).
    Only where `from_commit` is the first parent did that commit add the row.
    """
    key, among = key_column(table), tuple(keys)
    if not among:
        return NOTHING
    return Query(
        f"SELECT {name('to_' + key)} AS row_key, from_commit AS from_commit, to_commit AS commit_hash"
        f" FROM {name('dolt_diff_' + table)}"
        f" WHERE diff_type = 'added' AND {is_among(name('to_' + key), among)} ORDER BY row_key, commit_hash",
        paged=True,
        needs=needed(table, key),
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
    key, among = key_column(table), tuple(keys)
    conditions = [is_among("d." + name("to_" + key), among), *(["d.diff_type = 'added'"] if added else [])]
    for column, value in sets:
        new, old = (f"d.{name(side + column)}" for side in ("to_", "from_"))
        conditions.append(f"{new} = {literal(value)} AND ({old} IS NULL OR {old} <> {literal(value)})")
    parts = [
        f"SELECT d.{name('to_' + key)} AS row_key, {hash_literal(before)} AS from_commit, {hash_literal(commit)} AS commit_hash"
        f" FROM dolt_diff({hash_literal(before)}, {hash_literal(commit)}, {literal(table)}) AS d"
        f" WHERE {' AND '.join(conditions)}"
        for before, commit in steps
    ]
    return Query(" UNION ALL ".join(parts), needs=needed(table, key)) if parts and among else NOTHING


def diff_summary(a: CommitHash, b: CommitHash) -> Query:
    """`from_table_name, to_table_name, diff_type, data_change, schema_change` for every table that differs."""
    return Query(
        "SELECT from_table_name, to_table_name, diff_type, data_change, schema_change"
        f" FROM dolt_diff_summary({hash_literal(a)}, {hash_literal(b)}) ORDER BY to_table_name, from_table_name",
        paged=True,
        of_commits=True,
    )


def schema_diff(a: CommitHash, b: CommitHash) -> Query:
    """`from_table_name, to_table_name` of every table whose definition differs."""
    return Query(
        f"SELECT from_table_name, to_table_name FROM dolt_schema_diff({hash_literal(a)}, {hash_literal(b)})"
        " ORDER BY to_table_name, from_table_name",
        paged=True,
        of_commits=True,
    )


def table_summary(a: CommitHash, b: CommitHash, table: str) -> Query:
    """As `diff_summary`, of one known table. A SQL error where Dolt cannot compare it."""
    key_column(table)
    return Query(
        "SELECT from_table_name, to_table_name, diff_type, data_change, schema_change"
        f" FROM dolt_diff_summary({hash_literal(a)}, {hash_literal(b)}, {literal(table)})"
    )


def create_table(table: str) -> Query:
    """`Table, Create Table` of a known table."""
    key_column(table)
    return Query(f"SHOW CREATE TABLE {name(table)}")


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
    return Query(
        f"SELECT table_name, rows_added, rows_deleted, rows_modified FROM dolt_diff_stat({hash_literal(a)}, {hash_literal(b)})"
    )


def diff_rows(a: CommitHash, b: CommitHash, table: str) -> Query:
    """`from_*`, `to_*` and `diff_type` for every row of a known table that differs, ordered by key."""
    key = key_column(table)
    return Query(
        f"SELECT * FROM dolt_diff({hash_literal(a)}, {hash_literal(b)}, {literal(table)})"
        f" ORDER BY COALESCE({name('to_' + key)}, {name('from_' + key)})",
        paged=True,
        of_commits=True,
    )


def rows_compared(a: CommitHash, b: CommitHash, table: str, before: Sequence[str], after: Sequence[str]) -> Query:
    """`to_*` and `from_*` for every row of a known table that `b` has and `a` has not, or has otherwise; ordered by key.

    `before`, `after`: the table's columns at `a` and at `b`. No diff is asked: the engine joins the table at both commits.
    """
    key = key_column(table)
    shared = [column for column in after if column in before]
    same = [
        *(f"h.{name(column)} <=> b.{name(column)}" for column in shared),
        *(f"h.{name(column)} IS NULL" for column in after if column not in before),
        *(f"b.{name(column)} IS NULL" for column in before if column not in after),
    ]
    yields = {f"to_{column}": f"h.{name(column)}" for column in (key, *after)}
    yields |= {f"from_{column}": f"b.{name(column)}" for column in (key, *before)}
    shown = ", ".join(f"{cell} AS {name(column)}" for column, cell in yields.items())
    return Query(
        f"SELECT {shown} FROM {name(table)} AS OF {hash_literal(b)} AS h"
        f" LEFT JOIN {name(table)} AS OF {hash_literal(a)} AS b ON h.{name(key)} = b.{name(key)}"
        f" WHERE b.{name(key)} IS NULL OR NOT ({' AND '.join(same)}) ORDER BY h.{name(key)}",
        paged=True,
        of_commits=True,
        yields=tuple(yields),
    )


def keys_gone(a: CommitHash, b: CommitHash, tables: Iterable[str]) -> Query:
    """`table_name, row_key` of every row of these known tables that `a` has and `b` has not."""
    parts = []
    for table in tables:
        key = name(key_column(table))
        parts.append(
            f"SELECT {literal(table)} AS table_name, b.{key} AS row_key FROM {name(table)} AS OF {hash_literal(a)} AS b"
            f" LEFT JOIN {name(table)} AS OF {hash_literal(b)} AS h ON h.{key} = b.{key} WHERE h.{key} IS NULL"
        )
    if not parts:
        return NOTHING
    return Query(
        " UNION ALL ".join(parts) + " ORDER BY table_name, row_key",
        paged=True,
        of_commits=True,
        yields=("table_name", "row_key"),
    )
