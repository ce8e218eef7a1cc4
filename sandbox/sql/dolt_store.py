"""The databases of the sandbox over a real Dolt: the same store as `sandbox.sql.store`, with `dolt sql-server` as its engine.

All databases live on one server, where two cannot have one name, so each has a made-up name there: it is put in and taken out
where text goes in and comes out. A user of the server for each database sees that database alone, and may only read.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from sandbox.sql.catalog import Table, TableColumn
from sandbox.sql.database import DEFAULT_BRANCH, author_line
from sandbox.sql.dolt_server import DoltServer, rows_of
from sandbox.sql.history import table_diffs
from sandbox.sql.lexer import canonical
from sandbox.values.names import DATABASE_NAME, PUBLIC_HASH
from sandbox.values.records import (
    USUAL_MERGE,
    Branch,
    Column,
    Commit,
    ConflictKind,
    DatabaseName,
    MergeConflict,
    MergeWays,
    NameTaken,
    NoSuchBranch,
    NoSuchCommit,
    NoSuchDatabase,
    NothingChanged,
    QueryResult,
    RefusalKind,
    SqlRefused,
    StoreError,
    TableDiff,
)

_Description = tuple[str, int, None, int, int, int, bool]
_FILE = "databases.json"
_UNKNOWN_DATABASE = 1049
_LOST_CONNECTION = 2013
_EXCHANGE = "exchange"
# Strings and comments first, so that nothing is looked for in them.
_TEXT = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|--[\s][^\n]*|#[^\n]*|/\*.*?\*/"
_NOW = re.compile(_TEXT + r"|(?P<now>\b(?:NOW|CURRENT_TIMESTAMP|UTC_TIMESTAMP)\s*\(\s*\))", re.IGNORECASE | re.DOTALL)
# The codes of MySQL's protocol (MySQL internals manual, "Column Type").
_TYPES = {
    1: "TINYINT", 2: "SMALLINT", 3: "INT", 4: "FLOAT", 5: "DOUBLE", 7: "TIMESTAMP", 8: "BIGINT", 9: "MEDIUMINT",
    10: "DATE", 11: "TIME", 12: "DATETIME", 245: "JSON", 246: "DECIMAL", 252: "LONGTEXT", 253: "VARCHAR", 254: "CHAR",
}  # fmt: skip
_CONSTRAINT = re.compile(
    "duplicate|non-nullable|too large|not a valid value|out of range|default value|Invalid JSON|Incorrect|foreign key"
    "|Incompatible|can't be null|cannot be null|truncated|exceeds|column count|JSON",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Known:
    """A database: its name on the server, and what it was forked from."""

    name: DatabaseName
    inner: str
    parent: DatabaseName | None
    lock: threading.RLock


class DoltStore:
    """All databases below one directory. The methods are those of `sandbox.sql.store.Store`, with the same words."""

    def __init__(self, root: Path, dolt: str) -> None:
        """Starts the server over the directory, made if missing. Raises DoltMissing."""
        self._root = root.resolve()
        self._root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._exchange_lock = threading.Lock()
        self._known: dict[DatabaseName, _Known] = {}
        file = self._root / _FILE
        for entry in json.loads(file.read_text(encoding="utf-8")) if file.exists() else ():
            name = DatabaseName(*entry["name"])
            parent = None if entry["parent"] is None else DatabaseName(*entry["parent"])
            self._known[name] = _Known(name, entry["inner"], parent, threading.RLock())
        self._server = DoltServer(self._root, dolt)

    # --- databases ---

    def create(
        self, db: DatabaseName, statements: Sequence[str], *, author: str, message: str, at: datetime | None = None
    ) -> str:
        """As `Store.create`."""
        with self._new(db) as known:
            self._server.run(f"CREATE DATABASE `{known.inner}`")
            with self._writing(known, DEFAULT_BRANCH) as connection:
                for statement in statements:
                    self._apply(connection, known, statement, at)
                return _commit(connection, author=author, message=message, at=at)

    def databases(self) -> tuple[DatabaseName, ...]:
        """All of them, sorted."""
        with self._lock:
            return tuple(sorted(self._known))

    def exists(self, db: DatabaseName) -> bool:
        """Whether there is such a database now."""
        with self._lock:
            return db in self._known

    def parent(self, db: DatabaseName) -> DatabaseName | None:
        """What it was forked from; None if nothing, or if that was deleted."""
        found = self._get(db).parent
        return found if found is not None and self.exists(found) else None

    def root_of(self, db: DatabaseName) -> DatabaseName:
        """The first of its network: itself unless it is a fork."""
        while (above := self.parent(db)) is not None:
            db = above
        return db

    def forks(self, db: DatabaseName) -> tuple[DatabaseName, ...]:
        """The direct forks, sorted."""
        self._get(db)
        with self._lock:
            return tuple(sorted(known.name for known in self._known.values() if known.parent == db))

    def delete(self, db: DatabaseName) -> None:
        """Deletes the database; its forks live on without a parent."""
        known = self._get(db)
        with known.lock, self._lock:
            if self._known.pop(db, None) is None:
                raise NoSuchDatabase(f"no such repository: {db}")
            for fork in [each for each in self._known.values() if each.parent == db]:
                self._known[fork.name] = _Known(fork.name, fork.inner, None, fork.lock)
            self._save()
            self._drop(known)

    def fork(
        self, source: DatabaseName, owner: str, *, branches: Literal["main", "all"] = "main", name: str | None = None
    ) -> DatabaseName:
        """As `Store.fork`."""
        target = DatabaseName(owner, name or source.name)
        with self._held(source) as origin, self._new(target, parent=source) as known:
            taken = [b.name for b in self.branches(source) if branches == "all" or b.name == DEFAULT_BRANCH]
            # A place of its own, so that the fork holds no commit of any other database.
            place = f"file://{self._root}/.forks/{known.inner}"
            with self._remote(origin, place) as connection:
                for branch in taken:
                    rows_of(connection, "CALL DOLT_PUSH('hub', %s)", (f"{branch}:{branch}",))
            self._server.run(f"CALL DOLT_CLONE('{place}', '{known.inner}')")
            for branch in taken:
                if branch != DEFAULT_BRANCH:
                    with self._server.connection(known.inner) as connection:
                        rows_of(connection, "CALL DOLT_BRANCH(%s, %s)", (branch, f"remotes/origin/{branch}"))
            self._server.run("CALL DOLT_REMOTE('remove', 'origin')", at=known.inner)
        return target

    # --- branches ---

    def branches(self, db: DatabaseName) -> tuple[Branch, ...]:
        """All branches, sorted by name."""
        known = self._get(db)
        rows = self._server.run("SELECT name, hash, latest_commit_date FROM dolt_branches ORDER BY name", at=known.inner)
        return tuple(Branch(str(name), str(head), _moment(date)) for name, head, date in rows)

    def head(self, db: DatabaseName, branch: str) -> str:
        """The hash a branch stands on."""
        found = next((each.head for each in self.branches(db) if each.name == branch), None)
        if found is None:
            raise NoSuchBranch(f"branch not found: {branch}")
        return found

    def create_branch(self, db: DatabaseName, name: str, *, branch: str | None = None, commit: str | None = None) -> Branch:
        """As `Store.create_branch`."""
        with self._held(db) as known:
            if any(each.name == name for each in self.branches(db)):
                raise NameTaken(f"branch already exists: {name}")
            if commit is not None:
                self._refuse_unknown(known, commit)
            self._set_branch(known, name, commit if commit is not None else self.head(db, branch or DEFAULT_BRANCH))
            return next(found for found in self.branches(db) if found.name == name)

    def delete_branch(self, db: DatabaseName, name: str) -> None:
        """Raises StoreError for the default branch."""
        with self._held(db) as known:
            self.head(db, name)
            if name == DEFAULT_BRANCH:
                raise StoreError("the default branch cannot be deleted")
            with self._server.connection(known.inner) as connection:
                rows_of(connection, "CALL DOLT_BRANCH('-D', %s)", (name,))

    # --- reads and writes ---

    def read(self, db: DatabaseName, ref: str, sql: str, *, limit: int = 1000, timeout_ms: int = 30_000) -> QueryResult:
        """As `Store.read`."""
        known = self._get(db)
        with contextlib.ExitStack() as stack:
            try:
                place = f"{known.inner}/{ref}"
                connection = stack.enter_context(self._server.connection(place, user=known.inner, timeout_s=timeout_ms / 1000))
            except pymysql.MySQLError:
                self._refuse_unknown(known, ref)
                raise
            try:
                cursor = connection.cursor()
                cursor.execute(_named_inside(sql, known))
                rows = cursor.fetchmany(limit + 1)
                columns = tuple(_column(each) for each in _described(cursor))
            except pymysql.MySQLError as error:
                if error.args[0] == _LOST_CONNECTION:
                    self._server.kill(connection)
                    message = f"query error: the query did not finish within {timeout_ms} ms"
                    return QueryResult(columns=(), rows=(), status="timeout", message=message)
                message = f"query error: {_words(error, known)}"
                return QueryResult(columns=(), rows=(), status="error", message=message)
        shown = tuple(tuple(_shown(cell, known) for cell in row) for row in rows[:limit])
        if len(rows) > limit:
            message = f"query error: the result has more than {limit} rows"
            return QueryResult(columns=columns, rows=shown, status="row_limit", message=message)
        return QueryResult(columns=columns, rows=shown, status="success", message="")

    def write(
        self,
        db: DatabaseName,
        from_branch: str,
        to_branch: str,
        sql: str,
        *,
        author: str,
        at: datetime | None = None,
        message: str | None = None,
    ) -> str:
        """As `Store.write`."""
        with self._held(db) as known:
            heads = {branch.name: branch.head for branch in self.branches(db)}
            start, before = self.head(db, from_branch), heads.get(to_branch)
            if before != start:
                self._set_branch(known, to_branch, start)
            try:
                with self._writing(known, to_branch) as connection:
                    self._apply(connection, known, sql, at)
                    return _commit(connection, author=author, message=message or sql, at=at)
            except StoreError:
                if before is None:
                    self.delete_branch(db, to_branch)
                elif before != start:
                    self._set_branch(known, to_branch, before)
                raise

    def merge_branch(
        self,
        db: DatabaseName,
        from_branch: str,
        to_branch: str,
        *,
        author: str,
        at: datetime | None = None,
        message: str | None = None,
    ) -> str:
        """As `Store.merge_branch`."""
        text = message or f"Merge branch '{from_branch}' into {to_branch}"
        return self.merge_pull(db, to_branch, db, from_branch, author=author, message=text, at=at)

    def merge_pull(
        self,
        target_db: DatabaseName,
        target_branch: str,
        source_db: DatabaseName,
        source_branch: str,
        *,
        author: str,
        message: str,
        at: datetime | None = None,
        ways: MergeWays = USUAL_MERGE,
    ) -> str:
        """As `Store.merge_pull`; NULL in JSON columns becomes what Dolt makes of it, whatever stands in `ways`."""
        with contextlib.ExitStack() as held:
            both = {name: held.enter_context(self._held(name)) for name in sorted({target_db, source_db})}
            target, source = both[target_db], both[source_db]
            before = self.head(target_db, target_branch)
            head = self.head(source_db, source_branch)
            if source is not target:
                self._bring(source, target, source_branch)
            if ways.fast_forward and before != head and self._holds(target, target_branch, head, before):
                self._set_branch(target, target_branch, head)
                return head
            with self._writing(target, target_branch) as connection:
                return _merge(connection, head, author=author, message=message, at=at)

    # --- history ---

    def log(self, db: DatabaseName, ref: str, *, limit: int = 1000) -> tuple[Commit, ...]:
        """The commits of a branch or commit, newest first."""
        known = self._get(db)
        self._refuse_unknown(known, ref)
        sql = f"SELECT commit_hash, parents, committer, message, date FROM dolt_log('--parents') LIMIT {limit}"
        return tuple(
            Commit(
                hash=str(commit),
                parents=tuple(re.findall("[0-9a-v]{32}", parents or "")),
                author=str(author),
                message=str(message),
                at=_moment(date),
            )
            for commit, parents, author, message, date in self._server.run(sql, at=f"{known.inner}/{ref}")
        )

    def diff(self, db: DatabaseName, base: str, head: str) -> tuple[TableDiff, ...]:
        """What changed from one branch or commit to another, by table; for the eyes of people."""
        known = self._get(db)
        places = [ref if PUBLIC_HASH.fullmatch(ref) else self.head(db, ref) for ref in (base, head)]

        def shape_of(table: str) -> Table | None:
            for commit in reversed(places):
                with contextlib.suppress(pymysql.MySQLError):
                    return _shape(table, self._server.run(f"DESCRIBE `{table}`", at=f"{known.inner}/{commit}"))
            return None

        def ask(sql: str) -> QueryResult:
            result = self.read(db, places[1], sql, limit=100_000)
            if result.status != "success":
                raise StoreError(result.message)
            return result

        return table_diffs(places[0], places[1], ask, shape_of)

    def close(self) -> None:
        """Ends the server; the store is not to be used afterwards."""
        self._server.stop()

    # --- inside ---

    def _get(self, db: DatabaseName) -> _Known:
        with self._lock:
            found = self._known.get(db)
        if found is None:
            raise NoSuchDatabase(f"no such repository: {db}")
        return found

    @contextlib.contextmanager
    def _held(self, db: DatabaseName) -> Iterator[_Known]:
        known = self._get(db)
        with known.lock:
            yield self._get(db)

    @contextlib.contextmanager
    def _new(self, db: DatabaseName, *, parent: DatabaseName | None = None) -> Iterator[_Known]:
        """A database that is known when the block ends well, and vanishes otherwise."""
        if not (DATABASE_NAME.fullmatch(db.owner) and DATABASE_NAME.fullmatch(db.name)):
            raise NameTaken(f"invalid repository name: {str(db)[:200]!r}")
        known = _Known(db, f"d{uuid.uuid4().hex[:12]}", parent, threading.RLock())
        if self.exists(db):
            raise NameTaken(f"repository already exists: {db}")
        try:
            yield known
            self._server.run(f"CREATE USER '{known.inner}'@'%'")
            self._server.run(f"GRANT SELECT ON `{known.inner}`.* TO '{known.inner}'@'%'")
            with self._lock:
                if db in self._known:
                    raise NameTaken(f"repository already exists: {db}")
                self._known[db] = known
                self._save()
        except BaseException:
            self._drop(known)
            raise

    def _drop(self, known: _Known) -> None:
        self._server.run(f"DROP DATABASE IF EXISTS `{known.inner}`")
        self._server.run(f"DROP USER IF EXISTS '{known.inner}'@'%'")
        self._server.run("CALL DOLT_PURGE_DROPPED_DATABASES()")

    def _save(self) -> None:
        entries = [
            {
                "name": [known.name.owner, known.name.name],
                "inner": known.inner,
                "parent": None if known.parent is None else [known.parent.owner, known.parent.name],
            }
            for known in self._known.values()
        ]
        written = self._root / f"{_FILE}.new"
        written.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        written.replace(self._root / _FILE)

    def _refuse_unknown(self, known: _Known, ref: str) -> None:
        """Raises NoSuchBranch or NoSuchCommit."""
        try:
            if ref:
                self._server.run("SELECT 1", at=f"{known.inner}/{ref}")
                return
        except pymysql.MySQLError as error:
            self._get(known.name)  # deleted meanwhile?
            if error.args[0] != _UNKNOWN_DATABASE:
                raise
        if PUBLIC_HASH.fullmatch(ref):
            raise NoSuchCommit(f"target commit not found: {ref}")
        raise NoSuchBranch(f"branch not found: {ref}")

    def _set_branch(self, known: _Known, name: str, commit: str) -> None:
        """Makes the branch, or moves it. Raises NameTaken for a name that no branch can have."""
        if name.startswith("-") or len(name) > 250:
            raise NameTaken(f"invalid branch name: {name[:250]!r}")
        try:
            if name == DEFAULT_BRANCH:
                with self._server.connection(f"{known.inner}/{name}") as connection:
                    rows_of(connection, "CALL DOLT_RESET('--hard', %s)", (commit,))
            else:
                with self._server.connection(known.inner) as connection:
                    rows_of(connection, "CALL DOLT_BRANCH('-f', %s, %s)", (name, commit))
        except pymysql.MySQLError as error:
            raise NameTaken(f"invalid branch name: {name[:250]!r} ({_words(error, known)})") from None

    @contextlib.contextmanager
    def _writing(self, known: _Known, branch: str) -> Iterator[Connection[Cursor]]:
        """A connection inside a transaction on the branch; what is not committed at the end is undone."""
        with self._server.connection(f"{known.inner}/{branch}") as connection:
            rows_of(connection, "SET autocommit = 0")
            try:
                yield connection
            finally:
                # What defines a table is not undone by a rollback.
                rows_of(connection, "ROLLBACK")
                rows_of(connection, "CALL DOLT_RESET('--hard')")
                rows_of(connection, "COMMIT")

    def _apply(self, connection: Connection[Cursor], known: _Known, sql: str, at: datetime | None) -> None:
        """Runs one writing statement. Raises SqlRefused."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(_with_clock(_named_inside(sql, known), at))
                if cursor.description:
                    raise SqlRefused("this endpoint only writes: use the read endpoint", "syntax")
        except pymysql.MySQLError as error:
            raise SqlRefused(_words(error, known), _kind(_words(error, known), sql)) from None

    @contextlib.contextmanager
    def _remote(self, known: _Known, place: str) -> Iterator[Connection[Cursor]]:
        """A connection that may push to and fetch from a place; no remote is ever visible to a reader afterwards."""
        with self._server.connection(known.inner) as connection:
            rows_of(connection, "CALL DOLT_REMOTE('add', 'hub', %s)", (place,))
            try:
                yield connection
            finally:
                rows_of(connection, "CALL DOLT_REMOTE('remove', 'hub')")

    def _holds(self, known: _Known, branch: str, commit: str, ancestor: str) -> bool:
        """Whether an ancestor is in the history of a commit."""
        found = self._server.run(f"SELECT HAS_ANCESTOR('{commit}', '{ancestor}')", at=f"{known.inner}/{branch}")
        return found == (("1",),)

    def _bring(self, source: _Known, target: _Known, branch: str) -> None:
        """Brings the commits of a branch into another database."""
        place, passing = f"file://{self._root}/.{_EXCHANGE}", f"b{uuid.uuid4().hex}"
        with self._exchange_lock:
            with self._remote(source, place) as connection:
                rows_of(connection, "CALL DOLT_PUSH('hub', %s)", (f"{branch}:{passing}",))
            with self._remote(target, place) as connection:
                rows_of(connection, "CALL DOLT_FETCH('hub', %s)", (passing,))


def _commit(connection: Connection[Cursor], *, author: str, message: str, at: datetime | None, merges: bool = False) -> str:
    """What stands in the transaction as one commit. Raises NothingChanged."""
    arguments = ["-A", "-m", message.replace("\0", ""), "--author", author_line(author)]
    arguments += ["--date", at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")] if at is not None else []
    arguments += ["--allow-empty"] if merges else []
    try:
        ((commit,),) = rows_of(connection, f"CALL DOLT_COMMIT({', '.join(['%s'] * len(arguments))})", arguments)
    except pymysql.MySQLError as error:
        if "nothing to commit" in str(error):
            raise NothingChanged("the statement changed nothing") from None
        raise
    return str(commit)


def _merge(connection: Connection[Cursor], head: str, *, author: str, message: str, at: datetime | None) -> str:
    try:
        ((_, _, conflicts, said),) = rows_of(connection, "CALL DOLT_MERGE('--no-ff', '--no-commit', %s)", (head,))
    except pymysql.MySQLError as error:
        raise MergeConflict(f"merge conflict: {error.args[1]}", (), "schema") from None
    if "up-to-date" in str(said).lower() or "ahead of b already" in str(said):
        raise NothingChanged("everything up-to-date")
    if conflicts != "0":
        schema = {str(row[0]) for row in rows_of(connection, "SELECT table_name FROM dolt_schema_conflicts")}
        broken = {str(row[0]) for row in rows_of(connection, "SELECT `table` FROM dolt_constraint_violations")}
        cells = {str(row[0]) for row in rows_of(connection, "SELECT `table` FROM dolt_conflicts")}
        kind: ConflictKind = "schema" if schema else "constraint" if broken else "data"
        tables = tuple(sorted(schema | broken | cells))
        raise MergeConflict(f"merge conflict ({kind}) in {', '.join(tables)}", tables, kind)
    return _commit(connection, author=author, message=message, at=at, merges=True)


def _named_inside(sql: str, known: _Known) -> str:
    """`commons.item` with the name that the database has on the server."""
    name = re.escape(known.name.name)
    pattern = re.compile(_TEXT + rf"|(?P<name>(?<![\w`.])(?:`{name}`|{name})(?=\s*\.))", re.IGNORECASE | re.DOTALL)
    return pattern.sub(lambda match: f"`{known.inner}`" if match["name"] else match[0], sql)


def _with_clock(sql: str, at: datetime | None) -> str:
    """The statement as of a time in the past, for the clock of the server cannot be set."""
    if at is None:
        return sql
    moment = at.astimezone(UTC).strftime("'%Y-%m-%d %H:%M:%S'")
    return _NOW.sub(lambda match: moment if match["now"] else match[0], sql)


def _words(error: pymysql.MySQLError, known: _Known) -> str:
    said = str(error.args[1] if len(error.args) > 1 else error)
    # To the user of a database, the others do not exist.
    said = re.sub(r"^Access denied for user '[^']*'@'[^']*' to database '([^']*)'", r"database not found: \1", said)
    return said.replace(known.inner, known.name.name)


def _kind(message: str, sql: str) -> RefusalKind:
    if "Check constraint" in message:
        return "check"
    if "syntax error" in message:
        try:
            canonical(sql)
        except SqlRefused as refusal:
            return refusal.kind if refusal.kind == "several" else "syntax"
        return "syntax"
    return "constraint" if _CONSTRAINT.search(message) else "syntax"


def _shown(cell: str | bytes | None, known: _Known) -> str | None:
    """A cell as it stands in an answer: bytes are `<binary>` (v2 contract), and the database has its name of outside."""
    if isinstance(cell, bytes):
        return "<binary>"
    if cell is not None and (cell == known.inner or cell.startswith(f"{known.inner}/")):
        return known.name.name + cell[len(known.inner) :]
    return cell


def _described(cursor: Cursor) -> tuple[_Description, ...]:
    # The package's types call it a text.
    found: Any = cursor.description
    return found or ()


def _column(description: _Description) -> Column:
    name, code, _, size, *_ = description
    kind = _TYPES.get(code, "LONGTEXT")
    shown = f"{kind}({size // 4})" if kind in {"VARCHAR", "CHAR"} else kind
    return Column(name=name, type=shown, is_primary_key=False, source_table="")


def _shape(name: str, described: Sequence[tuple[str | None, ...]]) -> Table:
    keys = [row[0] for row in described if row[3] == "PRI"]
    columns = tuple(
        TableColumn(
            name=str(column),
            type=str(kind),
            is_nullable=nullable == "YES",
            default=default,
            key_position=keys.index(column) + 1 if column in keys else 0,
            is_unique=key == "UNI",
        )
        for column, kind, nullable, key, default, *_ in described
    )
    return Table(name=name, columns=columns, create_sql="")


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
