"""Pooled read-only connections, each standing on one commit, and what a query on one of them may ask."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.sql.ancestry import Ancestry, bases_of
from sandbox.sql.catalog import Catalog, Table, read_catalog
from sandbox.sql.cells import shown
from sandbox.sql.dialect import Answer, Query, translate_read
from sandbox.sql.engine import engine_ref, open_commit, public_hash
from sandbox.sql.functions import DETACHED, Cell, Session, register
from sandbox.sql.syntax import unsupported
from sandbox.values.names import PUBLIC_HASH
from sandbox.values.records import Column, QueryResult, SqlRefused

MAX_IDLE_READERS = 96
MAX_KEPT_CATALOGS = 512
_STEPS_BETWEEN_LOOKS = 20_000


class Standing:
    """A connection on one commit, as `tables.Surroundings` asks for it."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, catalog: Catalog, session: Session, pool: ReaderPool
    ) -> None:
        self.connection = connection
        self.path = path
        self.session = session
        self._catalog = catalog
        self._pool = pool
        self._attached: list[str] = []
        self._columns: dict[str, tuple[str, ...]] = {}
        self._unshown: tuple[str, tuple[tuple[str, str], ...]] | None = None

    @property
    def catalog(self) -> Catalog:
        """The tables of the commit."""
        return self._catalog

    def branch_names(self) -> tuple[str, ...]:
        """All branches of the database, right now."""
        return tuple(row[0] for row in self.connection.execute("SELECT name FROM dolt_branches ORDER BY name"))

    def resolve(self, ref: str) -> str:
        """A user's ref as an engine hash. Raises SqlRefused in Dolt's words."""
        if ref.upper() in {"WORKING", "STAGED"}:
            ref = "HEAD"  # over the API there is nothing uncommitted
        try:
            return str(self.connection.execute("SELECT dolt_hashof(?)", (engine_ref(ref),)).fetchone()[0])
        except sqlite3.Error:
            known = "target commit not found" if PUBLIC_HASH.match(ref) else f"branch not found: {ref}"
            raise SqlRefused(known, "syntax") from None

    def merge_base(self, left: str, right: str) -> str:
        """The merge base of two engine hashes. Refused at a commit, as Dolt refuses it."""
        if self.session.branch is None:
            raise SqlRefused(DETACHED, "syntax")
        bases = bases_of(self.connection, left, right)
        if not bases:
            raise SqlRefused("no common ancestor", "syntax")
        return bases[0]

    def unshown_steps(self) -> tuple[tuple[str, str], ...]:
        """The steps that Dolt's `dolt_diff_<table>` leaves out."""
        head = str(self.connection.execute("SELECT dolt_hashof('HEAD')").fetchone()[0])
        if self._unshown is None or self._unshown[0] != head:
            self._unshown = (head, Ancestry.read(self.connection, (head,)).unshown(head))
        return self._unshown[1]

    def table_at(self, commit: str, name: str) -> Table | None:
        """The table as it is at another commit of this database."""
        return self._pool.catalog_at(self.path, self._catalog.database, commit).table(name)

    def attach(self, commit: str) -> str:
        """Another commit's tables under a schema name, until `release`."""
        if self.connection.in_transaction:
            raise unsupported("a diff across a change of columns inside a write")
        schema = f"at_{len(self._attached)}"
        self.connection.execute(f"ATTACH DATABASE ? AS {schema}", (f"{self.path}/{commit}",))
        self._attached.append(schema)
        return schema

    def columns_of(self, virtual_table: str) -> tuple[str, ...]:
        """The columns of one of the engine's tables; they never change where the connection stands."""
        if virtual_table not in self._columns:
            rows = self.connection.execute("SELECT name FROM pragma_table_info(?)", (virtual_table,)).fetchall()
            self._columns[virtual_table] = tuple(row[0] for row in rows)
        return self._columns[virtual_table]

    def release(self) -> None:
        """Lets go of what a statement attached."""
        while self._attached:
            self.connection.execute(f"DETACH DATABASE {self._attached.pop()}")


class ReaderPool:
    """Idle readers by file and commit, the longest unused ones closed first. A reader is used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[tuple[Path, str], list[Standing]] = OrderedDict()
        self._count = 0
        self._catalogs: OrderedDict[tuple[Path, str], Catalog] = OrderedDict()
        self._dropped: set[Path] = set()

    @contextmanager
    def lease(self, path: Path, database: str, commit: str) -> Iterator[Standing]:
        """A reader on the commit (engine hash). Raises sqlite3.OperationalError when the commit is unknown."""
        standing = self._take(path, commit) or self._open(path, database, commit)
        healthy = False
        try:
            yield standing
            standing.release()
            healthy = True
        finally:
            self._give_back(path, commit, standing, healthy=healthy)

    def catalog_at(self, path: Path, database: str, commit: str) -> Catalog:
        """The tables of a commit; a commit never changes, so the answer is kept."""
        with self._lock:
            known = self._catalogs.get((path, commit))
        if known is not None:
            return known
        with self.lease(path, database, commit) as standing:
            return standing.catalog

    def remember(self, path: Path, commit: str, catalog: Catalog) -> None:
        """Spares the look at a commit whose tables are known from the write that made it."""
        with self._lock:
            self._catalogs[path, commit] = catalog
            while len(self._catalogs) > MAX_KEPT_CATALOGS:
                self._catalogs.popitem(last=False)

    def drop(self, path: Path) -> None:
        """Closes everything that reads the file; readers in use are closed when they come back."""
        with self._lock:
            self._dropped.add(path)
            keys = [key for key in self._idle if key[0] == path]
            closing = [standing for key in keys for standing in self._idle.pop(key)]
            self._count -= len(closing)
            for key in [key for key in self._catalogs if key[0] == path]:
                del self._catalogs[key]
        for standing in closing:
            standing.connection.close()

    def close(self) -> None:
        """Closes all idle readers."""
        with self._lock:
            closing = [standing for standings in self._idle.values() for standing in standings]
            self._idle.clear()
            self._count = 0
        for standing in closing:
            standing.connection.close()

    def _take(self, path: Path, commit: str) -> Standing | None:
        with self._lock:
            standings = self._idle.get((path, commit))
            if not standings:
                return None
            standing = standings.pop()
            self._count -= 1
            if not standings:
                del self._idle[path, commit]
            return standing

    def _open(self, path: Path, database: str, commit: str) -> Standing:
        connection = open_commit(path, commit)
        session = Session(database)
        register(connection, session)
        with self._lock:
            catalog = self._catalogs.get((path, commit))
        if catalog is None:
            catalog = read_catalog(connection, database)
            self.remember(path, commit, catalog)
        return Standing(connection, path, catalog, session, self)

    def _give_back(self, path: Path, commit: str, standing: Standing, *, healthy: bool) -> None:
        closing = [] if healthy else [standing]
        with self._lock:
            if healthy and path in self._dropped:
                closing.append(standing)
            elif healthy:
                self._idle.setdefault((path, commit), []).append(standing)
                self._idle.move_to_end((path, commit))
                self._count += 1
            while self._count > MAX_IDLE_READERS:
                _, oldest = self._idle.popitem(last=False)
                self._count -= len(oldest)
                closing += oldest
        for old in closing:
            old.connection.close()


def run_read(standing: Standing, sql: str, *, branch: str | None, limit: int, timeout_ms: int) -> QueryResult:
    """One reading statement. SQL trouble is an answer: status `error`, message `query error: ...`."""
    standing.session.begin(branch=branch)
    deadline = time.monotonic() + timeout_ms / 1000
    connection = standing.connection
    try:
        plan = translate_read(sql, standing)
        if isinstance(plan, Answer):
            return _answered(plan, limit)
        connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS_BETWEEN_LOOKS)
        cursor = connection.execute(plan.sql)
        rows: list[tuple[Cell, ...]] = cursor.fetchmany(limit + 1) if limit > 0 else []
        names = [item[0] for item in cursor.description]
        cursor.close()
    except SqlRefused as refusal:
        return _failed(str(refusal))
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError, MemoryError, RecursionError) as error:
        if isinstance(error, sqlite3.OperationalError) and "interrupted" in str(error):
            message = f"query error: the query did not finish within {timeout_ms} ms"
            return QueryResult(columns=(), rows=(), status="timeout", message=message)
        return _failed(f"query error: {dolt_words(error, standing.session)}")
    finally:
        connection.set_progress_handler(None, 0)
    columns = _columns(plan, names, rows)
    return _limited(columns, [tuple(shown(cell) for cell in row) for row in rows], limit)


def dolt_words(error: BaseException, session: Session) -> str:
    """The engine's message as Dolt would put it, its hashes in Dolt's form."""
    text = str(error)
    if session.failure and "user-defined function raised" in text:
        return session.failure
    if found := re.fullmatch(r"no such column: (.+)", text):
        return f'column "{found[1]}" could not be found in any table in scope'
    if found := re.fullmatch(r"ambiguous column name: (.+)", text):
        return f'ambiguous column name "{found[1]}", it is present in more than one table'
    if "could not resolve" in text or "invalid ref spec" in text or "ref not found" in text:
        return "target commit not found"
    return re.sub(r"\b[0-9a-f]{40}\b", lambda match: public_hash(match[0]) or "", text)


def _answered(answer: Answer, limit: int) -> QueryResult:
    columns = tuple(Column(name=n, type="LONGTEXT", is_primary_key=False, source_table="") for n in answer.columns)
    return _limited(columns, list(answer.rows), limit)


def _limited(columns: tuple[Column, ...], rows: list[tuple[str | None, ...]], limit: int) -> QueryResult:
    if len(rows) <= limit:
        return QueryResult(columns=columns, rows=tuple(rows), status="success", message="")
    message = f"query error: the result has more than {limit} rows"
    return QueryResult(columns=columns, rows=tuple(rows[:limit]), status="row_limit", message=message)


def _failed(message: str) -> QueryResult:
    return QueryResult(columns=(), rows=(), status="error", message=message)


def _columns(plan: Query, names: list[str], rows: list[tuple[Cell, ...]]) -> tuple[Column, ...]:
    announced = plan.columns if len(plan.columns) == len(names) else (None,) * len(names)
    found = []
    for at, (name, known) in enumerate(zip(names, announced, strict=True)):
        if known is not None and (not known.name or known.name.lower() == name.lower()):
            kind, is_key, table = known.type, known.is_primary_key, known.source_table
        else:
            kind, is_key, table = _type_of([row[at] for row in rows]), False, ""
        found.append(Column(name=name, type=kind, is_primary_key=is_key, source_table=table))
    return tuple(found)


def _type_of(cells: list[Cell]) -> str:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and kinds <= {int}:
        return "BIGINT"
    if kinds and kinds <= {int, float}:
        return "DOUBLE"
    return "LONGBLOB" if kinds == {bytes} else "LONGTEXT"
