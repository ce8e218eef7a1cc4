"""One database file: its branches, and the single connection that writes to it."""

from __future__ import annotations

import re
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

from sandbox.sql.catalog import Catalog, read_catalog
from sandbox.sql.cells import kept_form
from sandbox.sql.engine import engine_hash, open_writable, public_hash
from sandbox.sql.functions import Cell, Session, register
from sandbox.sql.mutations import translate_write
from sandbox.sql.readers import ReaderPool, Standing, dolt_words
from sandbox.values.names import PUBLIC_HASH
from sandbox.values.records import (
    Branch,
    DatabaseName,
    NameTaken,
    NoSuchBranch,
    NoSuchCommit,
    NoSuchDatabase,
    NothingChanged,
    SqlRefused,
    StoreError,
)

DEFAULT_BRANCH = "main"
# What git and Dolt forbid in a branch name, and what would be read as an option or as a revision.
_BAD_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$|^HEAD$")


class Database:
    """Every method wants `lock` held; `Store` sees to that. Hashes going in and out are the engine's."""

    def __init__(self, name: DatabaseName, path: Path, pool: ReaderPool) -> None:
        self.name = name
        self.path = path
        self.lock = threading.RLock()
        self.session = Session(name.name)
        self._pool = pool
        self._connection: sqlite3.Connection | None = None
        self._branch = ""
        self._closed = False

    @property
    def connection(self) -> sqlite3.Connection:
        """The writing connection, opened at first use. Raises NoSuchDatabase once the database is deleted."""
        if self._closed:
            raise NoSuchDatabase(f"no such repository: {self.name}")
        if self._connection is None:
            self._connection = open_writable(self.path)
            register(self._connection, self.session)
            self._branch = str(self._connection.execute("SELECT active_branch()").fetchone()[0])
        return self._connection

    def close(self) -> None:
        """Closes the writing connection for good."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()

    def branches(self) -> tuple[Branch, ...]:
        """All branches by name, with public hashes."""
        rows = self.connection.execute("SELECT name, hash, latest_commit_date FROM dolt_branches ORDER BY name")
        return tuple(Branch(name, public_hash(head) or "", utc(date)) for name, head, date in rows)

    def head(self, branch: str) -> str:
        """The branch's head. Raises NoSuchBranch."""
        row = self.connection.execute("SELECT hash FROM dolt_branches WHERE name = ?", (branch,)).fetchone()
        if row is None:
            raise NoSuchBranch(f"branch not found: {branch}")
        return str(row[0])

    def has_branch(self, branch: str) -> bool:
        """Whether there is a branch of that very name."""
        return self.connection.execute("SELECT 1 FROM dolt_branches WHERE name = ?", (branch,)).fetchone() is not None

    def commit(self, public: str) -> str:
        """A public hash as the engine's, if the commit is known. Raises NoSuchCommit."""
        found = engine_hash(public)
        try:
            self.connection.execute("SELECT dolt_hashof(?)", (found,)).fetchone()
        except sqlite3.Error:
            raise NoSuchCommit(f"target commit not found: {public}") from None
        return found

    def place(self, ref: str) -> tuple[str, str | None]:
        """A ref as (commit, branch or None): 32 characters of `0-9a-v` are a commit, all else is a branch."""
        if PUBLIC_HASH.fullmatch(ref):
            return self.commit(ref), None
        return self.head(ref), ref

    def set_branch(self, name: str, commit: str) -> None:
        """Makes the branch, or moves it. Raises NameTaken for a name that no branch can have."""
        if not name or _BAD_BRANCH.search(name) or PUBLIC_HASH.fullmatch(name) or len(name) > 250:
            raise NameTaken(f"invalid branch name: {name[:250]!r}")
        if name == DEFAULT_BRANCH:
            self.stand_on(name)
            self.connection.execute("SELECT dolt_reset('--hard', ?)", (commit,)).fetchone()
            return
        if self._branch == name:
            self.stand_on(DEFAULT_BRANCH)
        try:
            self.connection.execute("SELECT dolt_branch('-f', ?, ?)", (name, commit)).fetchone()
        except sqlite3.OperationalError as error:
            raise NameTaken(f"invalid branch name: {name[:250]!r} ({error})") from None

    def delete_branch(self, name: str) -> None:
        """Raises NoSuchBranch; the default branch stays."""
        self.head(name)
        if name == DEFAULT_BRANCH:
            raise StoreError("the default branch cannot be deleted")
        if self._branch == name:
            self.stand_on(DEFAULT_BRANCH)
        self.connection.execute("SELECT dolt_branch('-D', ?)", (name,)).fetchone()

    def stand_on(self, branch: str) -> None:
        """Puts the writing connection on a branch."""
        if self._branch != branch:
            self.connection.execute("SELECT dolt_checkout(?)", (branch,)).fetchone()
            self._branch = branch

    def apply(self, sql: str, catalog: Catalog, *, now: datetime) -> Catalog:
        """Runs one writing statement in the open transaction. Raises SqlRefused; gives back the tables afterwards."""
        self.session.begin(branch=self._branch, now=now)
        standing = Standing(self.connection, self.path, catalog, self.session, self._pool)
        try:
            mutation = translate_write(sql, standing)
            for statement in mutation.statements:
                self.connection.execute(statement)
            after = read_catalog(self.connection, self.name.name) if mutation.changes_schema else catalog
            self._keep_types(after)
        except (sqlite3.Error, UnicodeError, OverflowError, RecursionError) as error:
            raise _refusal(error, self.session) from None
        return after

    def record(self, *, author: str, message: str, at: datetime) -> str:
        """Commits the open transaction as one Dolt commit. Raises NothingChanged (the transaction stays open)."""
        connection = self.connection
        if connection.execute("SELECT count(*) FROM dolt_status").fetchone()[0] == 0:
            raise NothingChanged("the statement changed nothing")
        return self.commit_now(author=author, message=message, at=at)

    def commit_now(self, *, author: str, message: str, at: datetime) -> str:
        """The Dolt commit itself, with the transaction's end."""
        row = self.connection.execute(
            "SELECT dolt_commit('-A', '-m', ?, '--author', ?, '--date', ?)",
            (message.replace("\0", ""), author_line(author), at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
        ).fetchone()
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")
        return str(row[0])

    def catalog_at(self, commit: str) -> Catalog:
        """The tables as they are at a commit (engine hash)."""
        return self._pool.catalog_at(self.path, self.name.name, commit)

    def roll_back(self) -> None:
        """Leaves the transaction, if there is one."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _keep_types(self, catalog: Catalog) -> None:
        """Checks and, where needed, rewrites what the statement put into the tables, as Dolt's types would."""
        changed = [row[0] for row in self.connection.execute("SELECT table_name FROM dolt_status").fetchall()]
        for name in changed:
            table = catalog.tables.get(name)
            if table is None:
                continue
            columns = ", ".join(f"`to_{_quoted(column.name)}`" for column in table.columns)
            rows = self.connection.execute(
                f"SELECT diff_type, {columns} FROM `dolt_diff_{_quoted(name)}`('HEAD', 'WORKING') WHERE diff_type <> 'removed'"
            ).fetchall()
            for kind, *row in rows:
                is_update = kind == "modified"
                cells = zip(table.columns, row, strict=True)
                kept = tuple(kept_form(column, cell, is_update=is_update) for column, cell in cells)
                if not _same(tuple(row), kept):
                    self._rewrite(name, [column.name for column in table.columns], tuple(row), kept)

    def _rewrite(self, table: str, names: list[str], old: tuple[Cell, ...], new: tuple[Cell, ...]) -> None:
        changes = [(n, value) for n, before, value in zip(names, old, new, strict=True) if not _same(before, value)]
        sets = ", ".join(f"`{_quoted(name)}` = ?" for name, _ in changes)
        where = " AND ".join(f"`{_quoted(name)}` IS ?" for name in names)
        self.connection.execute(f"UPDATE `{_quoted(table)}` SET {sets} WHERE {where}", (*(value for _, value in changes), *old))


def author_line(author: str) -> str:
    """`Name <mail>` as commits want it; a bare user name gets a made-up address."""
    match = re.fullmatch(r"([^<>]+?)\s*<([^<>\s]+)>", author)
    name = re.sub(r"[<>\x00-\x1f\x7f]", "", match[1] if match else author).strip() or "nobody"
    mail = match[2] if match else re.sub(r"[^A-Za-z0-9._-]", "-", name) + "@users.example.org"
    return f"{name} <{mail}>"


def utc(text: str) -> datetime:
    """The engine's date text as an aware time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


def _quoted(name: str) -> str:
    return name.replace("`", "``")


def _refusal(error: Exception, session: Session) -> SqlRefused:
    text = str(error)
    if found := re.search(r"CHECK constraint failed: (.+)", text):
        return SqlRefused(f'Check constraint "{found[1]}" violated', "check")
    if found := re.search(r"UNIQUE constraint failed: (.+)", text):
        return SqlRefused(f"duplicate primary key or unique key given: [{found[1]}]", "constraint")
    if found := re.search(r"NOT NULL constraint failed: \S+\.(.+)", text):
        message = f"column name '{found[1]}' is non-nullable but attempted to set a value of null"
        return SqlRefused(message, "constraint")
    return SqlRefused(dolt_words(error, session), "constraint" if isinstance(error, sqlite3.IntegrityError) else "syntax")
