"""Log and diff of a database as values, for pages and tests that want more than rows of text."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.sql.catalog import Table
from sandbox.sql.database import utc
from sandbox.sql.engine import public_hash
from sandbox.sql.readers import Standing
from sandbox.values.records import ChangeKind, Commit, QueryResult, RowChange, TableDiff


def commits(standing: Standing, limit: int) -> tuple[Commit, ...]:
    """The commits from where the reader stands, newest first."""
    connection = standing.connection
    rows = connection.execute("SELECT commit_hash, committer, date, message FROM dolt_log LIMIT ?", (limit,)).fetchall()
    parents: dict[str, list[str]] = {}
    for commit, parent in connection.execute(
        "SELECT commit_hash, parent_hash FROM dolt_commit_ancestors WHERE parent_hash IS NOT NULL "
        "ORDER BY commit_hash, parent_index"
    ):
        parents.setdefault(commit, []).append(_public(parent))
    return tuple(
        Commit(
            hash=_public(commit),
            parents=tuple(parents.get(commit, ())),
            author=author,
            message=message,
            at=utc(date),
        )
        for commit, author, date, message in rows
    )


def table_diffs(
    old: str, new: str, ask: Callable[[str], QueryResult], shape_of: Callable[[str], Table | None]
) -> tuple[TableDiff, ...]:
    """What changed between two commits (public hashes), by table; `shape_of` gives a table as it is or was."""
    found = []
    for before, after, _, _, schema_change in ask(f"SELECT * FROM dolt_diff_summary('{old}', '{new}')").rows:
        table = after or before or ""
        rows: tuple[RowChange, ...] = ()
        if not table.startswith("dolt_"):
            quoted = table.replace("\\", "\\\\").replace("'", "''")
            rows = _changes(ask(f"SELECT * FROM dolt_diff('{old}', '{new}', '{quoted}')"), shape_of(table))
        found.append(TableDiff(table=table, schema_changed=schema_change == "1", rows=rows))
    return tuple(sorted(found, key=lambda diff: diff.table))


def _changes(result: QueryResult, shape: Table | None) -> tuple[RowChange, ...]:
    keys = [column.name for column in (shape.primary_key or shape.columns)] if shape is not None else []
    names = [column.name for column in result.columns]
    found = []
    for row in result.rows:
        cells = dict(zip(names, row, strict=True))
        kind: ChangeKind
        before: dict[str, str | None] | None
        after: dict[str, str | None] | None
        match cells["diff_type"]:
            case "added":
                kind, before, after = "added", None, _side("to_", cells)
            case "removed":
                kind, before, after = "removed", _side("from_", cells), None
            case _:
                kind, before, after = "modified", _side("from_", cells), _side("to_", cells)
        key = tuple((after or before or {}).get(name) for name in keys)
        found.append(RowChange(kind=kind, key=key, before=before, after=after))
    return tuple(found)


def _side(prefix: str, cells: dict[str, str | None]) -> dict[str, str | None]:
    return {
        name.removeprefix(prefix): cell
        for name, cell in cells.items()
        if name.startswith(prefix) and name not in {f"{prefix}commit", f"{prefix}commit_date"}
    }


def _public(commit: str) -> str:
    return public_hash(commit) or commit
