"""Three-way merges of a commit into a branch, cell by cell, and key by key inside JSON as Dolt does it."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from sandbox.sql.ancestry import bases_of
from sandbox.sql.catalog import Table, read_catalog
from sandbox.sql.database import Database
from sandbox.sql.functions import Cell, mysql_json, text_of
from sandbox.values.records import ConflictKind, MergeConflict, MergeWays, NothingChanged

_GONE = object()


def fetch(target: Database, source: Database, branch: str) -> str:
    """Brings the branch of another file's history into the target's file; gives back the branch's head."""
    head = source.head(branch)
    connection = target.connection
    connection.execute("SELECT dolt_remote('add', 'pull', ?)", (f"file://{source.path}",)).fetchone()
    try:
        connection.execute("SELECT dolt_fetch('pull', ?)", (branch,)).fetchone()
    finally:
        # Only the commits are wanted: no remote and no remote branch is ever visible to a reader.
        connection.execute("SELECT dolt_remote('remove', 'pull')").fetchone()
    return head


def merge(target: Database, branch: str, source: str, *, author: str, message: str, at: datetime, ways: MergeWays) -> str:
    """Merges a known commit (engine hash) into the branch, with a merge commit, parent 0 the branch, 1 the source.

    That commit is made also where both sides hold the same cells, as Dolt does. Where `ways` has it and the branch has nothing
    of its own, it moves to the source instead. Returns the branch's new head.
    Raises NothingChanged if the branch has it already, MergeConflict if it cannot be merged without people.
    """
    target.stand_on(branch)
    connection = target.connection
    base = connection.execute("SELECT dolt_merge_base('HEAD', ?)", (source,)).fetchone()[0]
    if base == source:
        raise NothingChanged("everything up-to-date")
    if ways.fast_forward and base == target.head(branch):
        target.set_branch(branch, source)
        return source
    bases = bases_of(connection, connection.execute("SELECT dolt_hashof('HEAD')").fetchone()[0], source)
    if bases and bases[0] != base:
        # Of several equally high bases the engine takes another than Dolt, and would bring rows that Dolt would not.
        raise MergeConflict("the sandbox cannot play this merge: its engine takes another merge base than Dolt", (), "schema")
    # Outside BEGIN the engine would undo a conflict before anybody could ask what it was.
    connection.execute("BEGIN")
    try:
        try:
            connection.execute("SELECT dolt_merge(?, '--no-ff', '--no-commit')", (source,)).fetchone()
        except sqlite3.OperationalError as error:
            _settle(target, error)
        if ways.null_documents:
            _write_null_documents(target, base, source)
        return target.commit_now(author=author, message=message, at=at)
    finally:
        target.roll_back()


def _write_null_documents(target: Database, base: str, source: str) -> None:
    """JSON `null` for NULL, by `MergeWays.null_documents`."""
    connection, then = target.connection, target.catalog_at(base)
    for table in read_catalog(connection, target.name.name).tables.values():
        before = then.table(table.name)
        if before is None or len(table.primary_key) != 1:
            continue
        name, key = (text.replace("`", "``") for text in (table.name, table.primary_key[0].name))
        changed = f"SELECT `to_{key}` FROM `dolt_diff_{name}`(?, ?) WHERE diff_type = 'modified'"
        keys = {row[0] for row in connection.execute(changed, (base, source)).fetchall()}
        if before.columns == table.columns:
            keys &= {row[0] for row in connection.execute(changed, (base, "HEAD")).fetchall()}
        for column in (c.name.replace("`", "``") for c in table.columns if c.base_type == "json"):
            update = f"UPDATE `{name}` SET `{column}` = 'null' WHERE `{column}` IS NULL AND `{key}` = ?"
            connection.executemany(update, [(each,) for each in keys])


def _settle(target: Database, error: sqlite3.OperationalError) -> None:
    connection = target.connection
    if not connection.in_transaction:
        raise MergeConflict(f"merge conflict: {error}", (), "schema")
    schema = [row[0] for row in connection.execute("SELECT table_name FROM dolt_schema_conflicts").fetchall()]
    broken = [row[0] for row in connection.execute('SELECT "table" FROM dolt_constraint_violations').fetchall()]
    cells = [row[0] for row in connection.execute('SELECT "table" FROM dolt_conflicts').fetchall()]
    if not (schema or broken or cells):
        raise MergeConflict(f"merge conflict: {error}", (), "schema")
    if schema or broken:
        kind: ConflictKind = "schema" if schema else "constraint"
        tables = tuple(sorted({*schema, *broken, *cells}))
        raise MergeConflict(f"{_WORDS[kind]} in {', '.join(tables)}", tables, kind)
    catalog = read_catalog(connection, target.name.name)
    hard = tuple(sorted(name for name in cells if not _merge_documents(connection, catalog.tables.get(name))))
    if hard:
        raise MergeConflict(f"{_WORDS['data']} in {', '.join(hard)}", hard, "data")


_WORDS: dict[ConflictKind, str] = {
    "data": "merge conflict: both sides changed the same cells",
    "schema": "merge conflict: both sides changed the schema",
    "constraint": "merge would violate constraints",
}


def _merge_documents(connection: sqlite3.Connection, table: Table | None) -> bool:
    """Settles the conflicts of a table whose only disputed cells are JSON with different keys changed."""
    if table is None or not table.primary_key:
        return False
    name = table.name.replace("`", "``")
    cursor = connection.execute(f"SELECT * FROM `dolt_conflicts_{name}`")
    titles = [item[0] for item in cursor.description]
    for values in cursor.fetchall():
        row: dict[str, Cell] = dict(zip(titles, values, strict=True))
        if row["our_diff_type"] != "modified" or row["their_diff_type"] != "modified":
            return False
        merged: dict[str, Cell] = {}
        for column in table.columns:
            base, ours, theirs = (row[f"{side}_{column.name}"] for side in ("base", "our", "their"))
            if ours == theirs or theirs == base:
                merged[column.name] = ours
            elif ours == base:
                merged[column.name] = theirs
            elif column.base_type == "json" and None not in (base, ours, theirs):
                document = _documents(*(json.loads(text_of(cell)) for cell in (base, ours, theirs)))
                if document is _GONE:
                    return False
                merged[column.name] = mysql_json(document)
            else:
                return False
        sets = ", ".join("`" + column.replace("`", "``") + "` = ?" for column in merged)
        keys = [column.name for column in table.primary_key]
        where = " AND ".join("`" + key.replace("`", "``") + "` = ?" for key in keys)
        try:
            connection.execute(f"UPDATE `{name}` SET {sets} WHERE {where}", (*merged.values(), *(merged[key] for key in keys)))
        except sqlite3.IntegrityError as error:
            raise MergeConflict(f"{_WORDS['constraint']}: {error}", (table.name,), "constraint") from None
        connection.execute(f"DELETE FROM `dolt_conflicts_{name}` WHERE dolt_conflict_id = ?", (row["dolt_conflict_id"],))
    return True


def _documents(base: object, ours: object, theirs: object) -> object:
    """The merged document, or `_GONE` where both sides changed one key (Dolt docs, "Conflicts", JSON)."""
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if not (isinstance(base, dict) and isinstance(ours, dict) and isinstance(theirs, dict)):
        return _GONE
    merged: dict[str, object] = {}
    for key in {**base, **ours, **theirs}:
        sides = [side.get(key, _GONE) for side in (base, ours, theirs)]
        if sides[1] is _GONE or sides[2] is _GONE:
            kept = sides[2] if sides[1] is _GONE else sides[1]
            untouched = sides[0] is _GONE or (kept is not _GONE and kept == sides[0]) or kept is _GONE
            if not untouched:
                return _GONE
            if sides[0] is _GONE and kept is not _GONE:
                merged[key] = kept
            continue
        value = _documents(*sides)
        if value is _GONE:
            return _GONE
        merged[key] = value
    return merged
