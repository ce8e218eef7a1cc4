"""Where assumptions are tried: a database, and what is written there, each thing once and when it is first needed."""
# ruff: noqa: S608 - the only names in these statements are made here

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bot.dolthub import sql, wire
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubError
from bot.dolthub.sql.write import Statement
from bot.model.ids import CommentId, CommitHash, Database, PullNo, is_commit_hash
from bot.model.ledger import Row
from bot.model.pull import Comment, Pull

TABLE: Final = "stampbot_conformance"
COMMENT: Final = "A comment of `stampbot conformance`.\n\n`a|b` <b>not bold</b>\n\n`stampbot/1 notice conformance - - - 1`"


@dataclass(kw_only=True)
class Trial:
    """A database and a client of it. `name`: of this run, part of every name it makes."""

    hub: Hub
    db: Database
    name: str

    # --- what is read -------------------------------------------------------------------------------------------------

    def read(self, ref: str, text: str) -> tuple[Row, ...]:
        """The rows of a statement at a branch or commit. Raises HubError."""
        return self.hub.rows(self.db, ref, sql.Query(text))

    def head(self, branch: str) -> CommitHash:
        """Where a branch stands. Raises HubError."""
        rows = self.hub.rows(self.db, branch, sql.hash_of(branch))
        found = rows[0].text("head") if rows else ""
        return CommitHash(found) if is_commit_hash(found) else CommitHash("")

    @cached_property
    def main(self) -> CommitHash:
        """Where main stood at the beginning."""
        return self.head("main")

    @cached_property
    def line(self) -> tuple[Row, ...]:
        """Main's commits with their first parents, newest first, at most a page of them."""
        return self.hub.rows_page(self.db, self.main, sql.first_parents(self.main), 0)

    @cached_property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Columns by known table at main."""
        return wire.read_columns(self.hub.rows(self.db, self.main, sql.columns()))

    @cached_property
    def step(self) -> tuple[CommitHash, CommitHash, str] | None:
        """Two commits of main in a row between which a known table differs, and that table; None: none of the newest ten."""
        for row in self.line[:10]:
            child, parent = row.text("commit_hash"), row.text("parent_hash")
            if not is_commit_hash(parent):
                continue
            before, after = CommitHash(parent), CommitHash(child)
            for found in self.hub.rows(self.db, after, sql.diff_summary(before, after)):
                name = found.text("to_table_name")
                if (
                    name in self.columns
                    and found.text("from_table_name") == name
                    and found.text("data_change") in ("1", "true")
                ):
                    return before, after, name
        return None

    # --- what is written ----------------------------------------------------------------------------------------------

    @property
    def branch(self) -> str:
        """The branch of this run."""
        return f"stampbot-conformance/{self.name}"

    def write(self, text: str, *, branch: str = "") -> CommitHash:
        """One statement on the branch of this run; its head afterwards. Raises HubError."""
        where = branch or self.prepared
        self.written = self.hub.write(self.db, where, Statement(text))
        return self.head(where)

    @cached_property
    def prepared(self) -> str:
        """The branch, made at main, with a table of this run and two rows in it."""
        self.hub.create_branch(self.db, self.branch, at=self.main)
        for text in (
            f"CREATE TABLE `{TABLE}_{self.name}` (id VARCHAR(32) PRIMARY KEY, note TEXT, data JSON, CHECK (note <> 'refused'))",
            f"INSERT INTO `{TABLE}_{self.name}` (id, note) VALUES ('a', 'one'), ('b', 'two')",
        ):
            self.hub.write(self.db, self.branch, Statement(text))
        return self.branch

    @property
    def table(self) -> str:
        """The table of this run, quoted."""
        return f"`{TABLE}_{self.name}`"

    def note(self, key: str, ref: str = "") -> str | None:
        """The note in a row of that table; None: there is no such row."""
        rows = self.read(ref or self.prepared, f"SELECT note AS note FROM {self.table} WHERE id = '{key}'")
        return rows[0].text("note") if rows else None

    @cached_property
    def pull(self) -> PullNo:
        """A pull from that branch."""
        title = f"stampbot conformance {self.name}"
        about = "Made by a check of this host. It may be closed and its branch deleted."
        return self.hub.open_pull(self.db, title=title, description=about, branch=self.prepared)

    @cached_property
    def comment(self) -> tuple[CommentId, Comment | None]:
        """A comment below the pull: its id, and how it is listed."""
        made = self.hub.comment(self.db, self.pull, COMMENT)
        listed = self.hub.comments(self.db, self.pull)
        return made, next((each for each in listed if each.id == made), None)

    @cached_property
    def merged(self) -> tuple[CommitHash, CommitHash, Pull]:
        """The pull, with a row written after it was opened, merged: its head, main's head after, and how it is shown then."""
        number = self.pull
        head = self.write(f"INSERT INTO {self.table} (id, note) VALUES ('late', 'late')")
        self.hub.merge(self.db, number)
        return head, self.head("main"), self.hub.pull(self.db, self.pull)

    def clean_up(self) -> tuple[str, ...]:
        """Close what is open and drop what was merged. What is left, in words: nothing here raises HubError."""
        left: list[str] = []
        if "pull" in self.__dict__ and "merged" not in self.__dict__:
            try:
                self.hub.close(self.db, self.pull)
            except HubError:
                left.append(f"pull {self.pull} is open")
        if "merged" in self.__dict__:
            try:
                self.hub.write(self.db, "main", Statement(f"DROP TABLE {self.table}"))
            except HubError:
                left.append(f"the table {self.table} is on main")
        if "prepared" in self.__dict__ or self._made():
            left.append(f"the branch {self.branch} (no endpoint deletes one)")
        return tuple(left)

    def _made(self) -> bool:
        try:
            return any(each.name == self.branch for each in self.hub.branches(self.db))
        except HubError:
            return False
