"""The databases of the sandbox: forks, branches, commits, reads, writes and merges over doltlite files."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sandbox.sql.catalog import Table, read_catalog
from sandbox.sql.database import DEFAULT_BRANCH, Database
from sandbox.sql.engine import check_engine, public_hash
from sandbox.sql.history import commits, table_diffs
from sandbox.sql.merging import fetch, merge
from sandbox.sql.readers import ReaderPool, Standing, run_read
from sandbox.sql.register import Register
from sandbox.values.names import DATABASE_NAME
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
    QueryStatus,
    RefusalKind,
    RowChange,
    SqlRefused,
    StoreError,
    TableDiff,
)

__all__ = [
    "Branch",
    "Column",
    "Commit",
    "ConflictKind",
    "DatabaseName",
    "MergeConflict",
    "MergeWays",
    "NameTaken",
    "NoSuchBranch",
    "NoSuchCommit",
    "NoSuchDatabase",
    "NothingChanged",
    "QueryResult",
    "QueryStatus",
    "RefusalKind",
    "RowChange",
    "SqlRefused",
    "Store",
    "StoreError",
    "TableDiff",
]


class Store:
    """All databases below one directory. Every method is safe to call from any thread.

    A hash outside is 32 characters of `0-9a-v`; a ref is such a hash or the name of a branch; times are UTC. Unless it
    documents another error a method raises NoSuchDatabase, NoSuchBranch and NoSuchCommit for what does not exist.
    """

    def __init__(self, root: Path) -> None:
        """Opens the directory, made if missing, with the databases of an earlier run. Raises DoltliteMissing."""
        check_engine()
        self._root = root.resolve()
        self._root.mkdir(parents=True, exist_ok=True)
        self._pool = ReaderPool()
        self._register = Register(self._root, self._pool)

    def create(
        self,
        db: DatabaseName,
        statements: Sequence[str],
        *,
        author: str,
        message: str,
        at: datetime | None = None,
    ) -> str:
        """A new database from MySQL statements, one statement each, in one commit; gives back the head of `main`.

        Raises NameTaken, SqlRefused; NothingChanged if the statements leave it empty.
        """
        moment = at or _now()
        with self._new(db) as database:
            database.connection.execute("BEGIN")
            catalog = read_catalog(database.connection, db.name)
            for statement in statements:
                catalog = database.apply(statement, catalog, now=moment)
            head = database.record(author=author, message=message, at=moment)
        return _public(head)

    def databases(self) -> tuple[DatabaseName, ...]:
        """All of them, sorted."""
        return self._register.names()

    def exists(self, db: DatabaseName) -> bool:
        """Whether there is such a database now."""
        return self._register.has(db)

    def parent(self, db: DatabaseName) -> DatabaseName | None:
        """What it was forked from; None if nothing, or if that was deleted."""
        self._register.get(db)
        return self._register.parent(db)

    def root_of(self, db: DatabaseName) -> DatabaseName:
        """The first of its network: itself unless it is a fork."""
        while (above := self.parent(db)) is not None:
            db = above
        return db

    def forks(self, db: DatabaseName) -> tuple[DatabaseName, ...]:
        """The direct forks, sorted."""
        self._register.get(db)
        return self._register.forks(db)

    def delete(self, db: DatabaseName) -> None:
        """Deletes the database with its file; its forks live on without a parent."""
        database = self._register.get(db)
        with database.lock:
            self._register.remove(db)
            database.close()
            self._pool.drop(database.path)
            _remove_files(database.path)

    def fork(
        self, source: DatabaseName, owner: str, *, branches: Literal["main", "all"] = "main", name: str | None = None
    ) -> DatabaseName:
        """A clone under another owner: the same commits with the same hashes. Raises NameTaken."""
        origin = self._register.get(source)
        target = DatabaseName(owner, name or source.name)
        with origin.lock, self._new(target, parent=source) as database:
            connection = database.connection
            heads = [(branch.name, origin.head(branch.name)) for branch in origin.branches()]
            connection.execute("SELECT dolt_clone(?)", (f"file://{origin.path}",)).fetchone()
            connection.execute("SELECT dolt_remote('remove', 'origin')").fetchone()
            for branch, head in heads:
                if branches == "all" and branch != DEFAULT_BRANCH:
                    database.set_branch(branch, head)
        return target

    def branches(self, db: DatabaseName) -> tuple[Branch, ...]:
        """All branches, sorted by name."""
        with self._held(db) as database:
            return database.branches()

    def head(self, db: DatabaseName, branch: str) -> str:
        """The hash a branch stands on."""
        with self._held(db) as database:
            return _public(database.head(branch))

    def create_branch(self, db: DatabaseName, name: str, *, branch: str | None = None, commit: str | None = None) -> Branch:
        """A new branch on a commit, or on the head of another branch (`main` if neither is given). Raises NameTaken."""
        with self._held(db) as database:
            if database.has_branch(name):
                raise NameTaken(f"branch already exists: {name}")
            start = database.commit(commit) if commit is not None else database.head(branch or DEFAULT_BRANCH)
            database.set_branch(name, start)
            return next(found for found in database.branches() if found.name == name)

    def delete_branch(self, db: DatabaseName, name: str) -> None:
        """Raises StoreError for the default branch."""
        with self._held(db) as database:
            database.delete_branch(name)

    def read(self, db: DatabaseName, ref: str, sql: str, *, limit: int = 1000, timeout_ms: int = 30_000) -> QueryResult:
        """One reading statement at a branch or commit. SQL trouble is no exception but the status `error`."""
        with self._at(db, ref) as (standing, branch):
            return run_read(standing, sql, branch=branch, limit=limit, timeout_ms=timeout_ms)

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
        """One writing statement as one commit on `to_branch`, its message the SQL text; gives back the commit.

        Where the branches differ, `to_branch` becomes `from_branch` with this statement: an existing branch loses what
        it had (seen on DoltHub by clients). Raises SqlRefused and NothingChanged; the branches are then as before.
        """
        moment = at or _now()
        with self._held(db) as database:
            start = database.head(from_branch)
            before = database.head(to_branch) if database.has_branch(to_branch) else None
            moved = before != start
            catalog = self._pool.catalog_at(database.path, db.name, start)
            if moved:
                database.set_branch(to_branch, start)
            done = False
            try:
                database.stand_on(to_branch)
                database.connection.execute("BEGIN")
                after = database.apply(sql, catalog, now=moment)
                commit = database.record(author=author, message=message or sql, at=moment)
                self._pool.remember(database.path, commit, after)
                done = True
            finally:
                database.roll_back()
                if moved and not done:
                    if before is None:
                        database.delete_branch(to_branch)
                    else:
                        database.set_branch(to_branch, before)
            return _public(commit)

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
        """Merges a branch into another of the same database, always with a merge commit; gives it back.

        Raises MergeConflict, and NothingChanged if it is merged already.
        """
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
        """Merges a branch of a fork (or of the same database); parent 0 is the target's head, parent 1 the source's.

        Raises MergeConflict, and NothingChanged if it is merged already.
        """
        # Always the same order, or two merges in opposite directions would wait for each other.
        with contextlib.ExitStack() as held:
            databases = {name: held.enter_context(self._held(name)) for name in sorted({target_db, source_db})}
            target, source = databases[target_db], databases[source_db]
            target.head(target_branch)
            head = source.head(source_branch) if source is target else fetch(target, source, source_branch)
            return _public(merge(target, target_branch, head, author=author, message=message, at=at or _now(), ways=ways))

    def log(self, db: DatabaseName, ref: str, *, limit: int = 1000) -> tuple[Commit, ...]:
        """The commits of a branch or commit, newest first."""
        with self._at(db, ref) as (standing, _):
            return commits(standing, limit)

    def diff(self, db: DatabaseName, base: str, head: str) -> tuple[TableDiff, ...]:
        """What changed from one branch or commit to another, by table; for the eyes of people."""
        with self._held(db) as database:
            places = [database.place(ref)[0] for ref in (base, head)]
            path = database.path

        def shape_of(table: str) -> Table | None:
            shapes = (self._pool.catalog_at(path, db.name, commit).table(table) for commit in reversed(places))
            return next((shape for shape in shapes if shape is not None), None)

        def ask(sql: str) -> QueryResult:
            result = self.read(db, _public(places[1]), sql, limit=100_000)
            if result.status != "success":
                raise StoreError(result.message)
            return result

        return table_diffs(_public(places[0]), _public(places[1]), ask, shape_of)

    def close(self) -> None:
        """Closes every connection; the store is not to be used afterwards."""
        self._pool.close()
        for db in self._register.names():
            with self._held(db) as database:
                database.close()

    @contextlib.contextmanager
    def _held(self, db: DatabaseName) -> Iterator[Database]:
        database = self._register.get(db)
        with database.lock:
            yield database

    @contextlib.contextmanager
    def _at(self, db: DatabaseName, ref: str) -> Iterator[tuple[Standing, str | None]]:
        with self._held(db) as database:
            commit, branch = database.place(ref)
        try:
            lease = self._pool.lease(database.path, db.name, commit)
            standing = lease.__enter__()
        except sqlite3.OperationalError:
            self._register.get(db)  # deleted meanwhile?
            raise
        with contextlib.ExitStack() as stack:
            stack.push(lease.__exit__)
            yield standing, branch

    @contextlib.contextmanager
    def _new(self, db: DatabaseName, *, parent: DatabaseName | None = None) -> Iterator[Database]:
        """A database that is entered in the register when the block ends well, and vanishes otherwise."""
        if not (DATABASE_NAME.fullmatch(db.owner) and DATABASE_NAME.fullmatch(db.name)):
            raise NameTaken(f"invalid repository name: {str(db)[:200]!r}")
        # A path of its own for every life of a name: a reader of a deleted database can never meet the next one.
        path = self._root / db.owner / f"{db.name}-{uuid.uuid4().hex[:12]}.db"
        path.parent.mkdir(exist_ok=True)
        database = Database(db, path, self._pool)
        try:
            with database.lock:
                if self.exists(db):
                    raise NameTaken(f"repository already exists: {db}")
                yield database
            self._register.add(database, parent)
        except BaseException:
            database.close()
            self._pool.drop(path)
            _remove_files(path)
            raise


def _public(commit: str) -> str:
    return public_hash(commit) or commit


def _now() -> datetime:
    return datetime.now(UTC)


def _remove_files(path: Path) -> None:
    # The engine keeps a lock file beside the database.
    for file in (path, path.with_name(f".{path.name}-lock")):
        file.unlink(missing_ok=True)
