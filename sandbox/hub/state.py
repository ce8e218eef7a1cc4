"""What the look-alike remembers beside the data, in memory: users, rights, pulls, comments, webhooks."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sandbox.hub.operations import JobPlan, Operation, Operations, Outcome
from sandbox.sql.engines import AnyStore
from sandbox.values.events import BranchEvent, Event, HeadMove, PullEvent, PushEvent
from sandbox.values.pulls import Comment, Pull, Right, User
from sandbox.values.records import USUAL_MERGE, DatabaseName, MergeConflict, MergeWays, NoSuchBranch, NothingChanged
from sandbox.values.refusals import Impossible, Invalid, NoSuch, Taken

DEFAULT_PAGE_SIZE = 20
DEFAULT_OPERATION_MS = 50
DEFAULT_ROW_LIMIT = 1000
SCRATCH_OWNER = "sandbox-scratch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Knobs of the whole process, changeable while it runs."""

    page_size: int = DEFAULT_PAGE_SIZE
    operation_ms: int = DEFAULT_OPERATION_MS
    latency_ms: int = 0
    row_limit: int = DEFAULT_ROW_LIMIT
    conflicts_at_start: bool = False
    v1_only: bool = False


def utc_now() -> datetime:
    return datetime.now(UTC)


class Hub:
    """Store + state. Every method is thread-safe; the lock is never held while the store works."""

    def __init__(
        self,
        store: AnyStore,
        *,
        root: Path | None = None,
        settings: Settings | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`root` is the store's folder, only looked at for sizes."""
        self._root = root
        self.store = store
        self.settings = settings or Settings()
        self.clock = clock
        self.operations = Operations(clock)
        self._lock = threading.RLock()
        self._users: dict[str, User] = {}
        self._by_token: dict[str, str] = {}
        self._rights: dict[tuple[str, DatabaseName], Right] = {}
        self._private: set[DatabaseName] = set()
        self._pulls: dict[DatabaseName, dict[int, Pull]] = {}
        self._comments: dict[tuple[DatabaseName, int], list[Comment]] = {}
        self._comments_given: dict[tuple[DatabaseName, int], int] = {}
        self._webhooks: dict[DatabaseName, tuple[str, ...]] = {}
        self._moves: dict[DatabaseName, list[HeadMove]] = {}
        self._listeners: tuple[Callable[[Event], None], ...] = ()

    def close(self) -> None:
        """Stop every background job; operations still waiting never run."""
        self.operations.close()
        self.store.close()

    # --- users and rights ---

    def add_user(self, username: str, token: str, *, email: str = "") -> User:
        """Add a user, or give a known one a new token. Raises Taken if the token belongs to another user."""
        if not username or not token:
            raise Invalid("a user needs a name and a token")
        user = User(username=username, token=token, email=email or f"{username}@example.org")
        with self._lock:
            if self._by_token.get(token, username) != username:
                raise Taken("that token belongs to another user")
            old = self._users.get(username)
            if old is not None:
                self._by_token.pop(old.token, None)
            self._users[username] = user
            self._by_token[token] = username
        return user

    def users(self) -> tuple[User, ...]:
        with self._lock:
            return tuple(sorted(self._users.values(), key=lambda u: u.username))

    def user(self, username: str) -> User | None:
        with self._lock:
            return self._users.get(username)

    def user_of_token(self, token: str) -> User | None:
        with self._lock:
            return self._users.get(self._by_token.get(token, ""))

    def grant(self, username: str, db: DatabaseName, right: Right) -> None:
        with self._lock:
            self._rights[(username, db)] = right

    def make_private(self, db: DatabaseName, *, private: bool = True) -> None:
        with self._lock:
            if private:
                self._private.add(db)
            else:
                self._private.discard(db)

    def is_private(self, db: DatabaseName) -> bool:
        with self._lock:
            return db in self._private

    def may_write(self, username: str, db: DatabaseName) -> bool:
        with self._lock:
            return username == db.owner or (username, db) in self._rights

    def may_read(self, username: str | None, db: DatabaseName) -> bool:
        """True if `db` exists and this caller (None: anonymous) may see it."""
        if not self.store.exists(db):
            return False
        return not self.is_private(db) or (username is not None and self.may_write(username, db))

    # --- databases and branches ---

    def create_database(
        self, db: DatabaseName, statements: Sequence[str], *, author: str, message: str, at: datetime | None = None
    ) -> str:
        """A new database with one commit; its head. Raises what `Store.create` raises."""
        return self.store.create(db, statements, author=author, message=message, at=at)

    def fork(self, source: DatabaseName, owner: str, *, branches: Literal["main", "all"] = "all") -> DatabaseName:
        return self.store.fork(source, owner, branches=branches)

    def databases(self) -> tuple[DatabaseName, ...]:
        """All databases, without the throw-away ones of dry runs."""
        return tuple(db for db in self.store.databases() if db.owner != SCRATCH_OWNER)

    def forks(self, db: DatabaseName) -> tuple[DatabaseName, ...]:
        """The direct forks."""
        return tuple(fork for fork in self.store.forks(db) if fork.owner != SCRATCH_OWNER)

    def delete_database(self, db: DatabaseName) -> None:
        """The database is gone; pulls that come from it stay listed, as on DoltHub."""
        self.store.delete(db)
        with self._lock:
            self._moves.pop(db, None)
            self._webhooks.pop(db, None)
            self._private.discard(db)
            for number in self._pulls.pop(db, {}):
                self._comments.pop((db, number), None)
                self._comments_given.pop((db, number), None)

    def create_branch(self, db: DatabaseName, name: str, *, branch: str | None = None, commit: str | None = None) -> str:
        """A new branch at another branch's head or at a commit; its head. Raises what `Store.create_branch` raises."""
        made = self.store.create_branch(db, name, branch=branch, commit=commit)
        self._moved(db, name, None, made.head)
        self._emit(BranchEvent(db=db, branch=name, action="Created branch"))
        return made.head

    def delete_branch(self, db: DatabaseName, name: str) -> None:
        prev = self.store.head(db, name)
        self.store.delete_branch(db, name)
        self._moved(db, name, prev, None)
        self._emit(BranchEvent(db=db, branch=name, action="Deleted branch"))

    def size_bytes(self, db: DatabaseName) -> int:
        """The size of the database's files; 0 if the folder is not known."""
        if self._root is None:
            return 0
        # A database's file is its name and a dozen letters that keep apart its lives.
        return sum(file.stat().st_size for file in (self._root / db.owner).glob(f"{db.name}-{'?' * 12}.db"))

    def head_or_none(self, db: DatabaseName, branch: str) -> str | None:
        try:
            return self.store.head(db, branch)
        except NoSuchBranch:
            return None

    def write(
        self,
        db: DatabaseName,
        from_branch: str,
        to_branch: str,
        sql: str,
        *,
        user: str,
        at: datetime | None = None,
        message: str | None = None,
    ) -> str:
        """One statement, committed now; its commit hash. Raises what `Store.write` raises."""
        prev = self.head_or_none(db, to_branch)
        base = prev or self.store.head(db, from_branch)
        head = self.store.write(db, from_branch, to_branch, sql, author=user, at=at, message=message)
        self._branch_moved(db, to_branch, prev, base, head, user)
        return head

    def push(
        self,
        db: DatabaseName,
        branch: str,
        statements: Sequence[str],
        *,
        user: str,
        from_branch: str = "main",
        at: datetime | None = None,
    ) -> str:
        """Statements written to `branch` (made from `from_branch` if missing), one commit each; the new head."""
        head = self.head_or_none(db, branch) or self.store.head(db, from_branch)
        for sql in statements:
            base = branch if self.head_or_none(db, branch) else from_branch
            head = self.write(db, base, branch, sql, user=user, at=at)
        return head

    def merge_branch(self, db: DatabaseName, from_branch: str, to_branch: str, *, user: str) -> str:
        """Merge one branch into another of the same database; the merge commit. Raises what `Store` raises."""
        prev = self.head_or_none(db, to_branch)
        head = self.store.merge_branch(db, from_branch, to_branch, author=user)
        self._branch_moved(db, to_branch, prev, prev or head, head, user)
        return head

    def heads_before(self, db: DatabaseName, lag: timedelta) -> Mapping[str, str]:
        """Branch heads as they were `lag` ago: what a branch list that lags behind shows."""
        heads = {branch.name: branch.head for branch in self.store.branches(db)}
        since = self.clock() - lag
        with self._lock:
            moves = [move for move in self._moves.get(db, ()) if move.at > since]
        for move in reversed(moves):
            if move.prev is None:
                heads.pop(move.branch, None)
            else:
                heads[move.branch] = move.prev
        return heads

    # --- pulls ---

    def open_pull(
        self,
        db: DatabaseName,
        *,
        title: str,
        description: str,
        creator: str,
        from_db: DatabaseName,
        from_branch: str,
        to_branch: str = "main",
        at: datetime | None = None,
    ) -> int:
        """Open a pull; its number, counted per database.

        Raises Invalid (other network, empty title), NoSuchBranch, Taken (an open pull for the same branches).
        """
        if not title:
            raise Invalid("title must not be empty")
        if self.store.root_of(from_db) != self.store.root_of(db):
            raise Invalid("from_branch and to_branch are not in the same fork network")
        self.store.head(from_db, from_branch)
        self.store.head(db, to_branch)
        with self._lock:
            pulls = self._pulls.setdefault(db, {})
            same = (from_db, from_branch, to_branch)
            if any(p.state == "open" and (p.from_db, p.from_branch, p.to_branch) == same for p in pulls.values()):
                raise Taken("a pull request for this branch already exists")
            pull = Pull(
                db=db,
                number=len(pulls) + 1,
                title=title,
                description=description,
                state="open",
                creator=creator,
                from_db=from_db,
                from_branch=from_branch,
                to_branch=to_branch,
                created_at=at or self.clock(),
            )
            pulls[pull.number] = pull
        self._emit(PullEvent(pull=pull, action="Opened", sender=creator))
        return pull.number

    def pulls(self, db: DatabaseName) -> tuple[Pull, ...]:
        """All pulls of the database, newest first."""
        with self._lock:
            return tuple(reversed(self._pulls.get(db, {}).values()))

    def pull(self, db: DatabaseName, number: int) -> Pull:
        with self._lock:
            found = self._pulls.get(db, {}).get(number)
        if found is None:
            raise NoSuch("no such pull")
        return found

    def update_pull(
        self,
        db: DatabaseName,
        number: int,
        *,
        user: str,
        title: str | None = None,
        description: str | None = None,
        state: Literal["open", "closed"] | None = None,
    ) -> Pull:
        """Change what is given; the pull as it is now. Raises NoSuch, Invalid (a merged pull keeps its state)."""
        with self._lock:
            old = self.pull(db, number)
            if state is not None and old.state == "merged":
                raise Invalid("the pull request is merged; its state cannot change")
            new = replace(
                old,
                title=old.title if title is None else title,
                description=old.description if description is None else description,
                state=state or old.state,
            )
            self._pulls[db][number] = new
        if old.state == "open" and new.state == "closed":
            # Re-opening and edits have no documented event (DoltHub documentation, hooks).
            self._emit(PullEvent(pull=new, action="Closed", sender=user))
        return new

    def close_pull(self, db: DatabaseName, number: int, *, user: str = "") -> Pull:
        return self.update_pull(db, number, user=user or self.pull(db, number).creator, state="closed")

    def merge_pull(
        self, db: DatabaseName, number: int, *, user: str, at: datetime | None = None, ways: MergeWays = USUAL_MERGE
    ) -> str:
        """Merge now, the source branch as it is now; the target's new head. Raises NoSuch, Impossible, `Store` errors."""
        pull = self.pull(db, number)
        self.refuse_unmergeable(pull)
        prev = self.store.head(db, pull.to_branch)
        message = f"Merge pull request #{number} from {pull.from_db.owner}/{pull.from_branch}"
        head = self.store.merge_pull(
            db, pull.to_branch, pull.from_db, pull.from_branch, author=user, message=message, at=at, ways=ways
        )
        with self._lock:
            merged = replace(self._pulls[db][number], state="merged", merged_as=head)
            self._pulls[db][number] = merged
        self._branch_moved(db, pull.to_branch, prev, prev, head, user)
        self._emit(PullEvent(pull=merged, action="Merged", sender=user))
        return head

    def refuse_unmergeable(self, pull: Pull) -> None:
        """Raises Impossible for a pull that is not open. The wording is inferred."""
        if pull.state == "merged":
            raise Impossible("pull is already merged")
        if pull.state != "open":
            raise Impossible("cannot merge pull that is not open")

    def refuse_conflicting(self, pull: Pull) -> None:
        """Raises Impossible if the pull would conflict now: merges it in a throw-away fork of the target."""
        scratch = self.store.fork(pull.db, SCRATCH_OWNER, branches="main", name=uuid.uuid4().hex)
        try:
            self.store.merge_pull(
                scratch, pull.to_branch, pull.from_db, pull.from_branch, author=pull.creator, message="dry run"
            )
        except MergeConflict as conflict:
            raise Impossible(f"pull has conflicts: {conflict}") from conflict
        except NothingChanged:
            return
        finally:
            self.store.delete(scratch)

    # --- comments ---

    def comment(self, db: DatabaseName, number: int, author: str, body: str, at: datetime | None = None) -> str:
        """Add a comment; its id. Raises NoSuch, Invalid (empty body)."""
        if not body:
            raise Invalid("body must not be empty")
        self.pull(db, number)
        now = at or self.clock()
        with self._lock:
            comments = self._comments.setdefault((db, number), [])
            given = self._comments_given[(db, number)] = self._comments_given.get((db, number), 0) + 1
            # Counted within the pull, so the same id returns under every pull: it is not unique.
            comment_id = f"1c8f3b1e-0000-4000-8000-{given:012d}"
            comments.append(Comment(comment_id=comment_id, author=author, body=body, created_at=now, updated_at=now))
        return comment_id

    def comments(self, db: DatabaseName, number: int) -> tuple[Comment, ...]:
        self.pull(db, number)
        with self._lock:
            return tuple(self._comments.get((db, number), ()))

    def edit_comment(self, db: DatabaseName, number: int, comment_id: str, body: str) -> Comment:
        """Change a comment in place; only `updated_at` shows it. No API of DoltHub does this, its web page does."""
        with self._lock:
            comments = self._comments.get((db, number), [])
            for index, old in enumerate(comments):
                if old.comment_id == comment_id:
                    edited = max(self.clock(), old.created_at + timedelta(seconds=1))
                    comments[index] = replace(old, body=body, updated_at=edited)
                    return comments[index]
        raise NoSuch("no such comment")

    def delete_comment(self, db: DatabaseName, number: int, comment_id: str) -> None:
        """Take a comment away without a trace; its id is never given again."""
        with self._lock:
            comments = self._comments.get((db, number), [])
            if comment_id not in {c.comment_id for c in comments}:
                raise NoSuch("no such comment")
            self._comments[(db, number)] = [c for c in comments if c.comment_id != comment_id]

    # --- asynchronous work ---

    def start_merge(self, pull: Pull, *, user: str, plan: JobPlan) -> Operation:
        """Merge later; the queued operation."""

        def work() -> Outcome:
            self.merge_pull(pull.db, pull.number, user=user, ways=plan.ways)
            return Outcome(result={"pull_id": str(pull.number)})

        return self.operations.start("merge", pull.db, user, work, plan, self.settings.operation_ms)

    def start_write(
        self, db: DatabaseName, from_branch: str, to_branch: str, sql: str, *, user: str, plan: JobPlan
    ) -> Operation:
        """Write one statement later; the queued operation."""

        def work() -> Outcome:
            before = self.head_or_none(db, to_branch) or self.store.head(db, from_branch)
            message = None if plan.message_prefix is None else plan.message_prefix + sql
            head = self.write(db, from_branch, to_branch, sql, user=user, message=message)
            return Outcome(result={"commit_sha": head}, from_commit=before, to_commit=head)

        return self.operations.start(
            "sql_write", db, user, work, plan, self.settings.operation_ms, branches=(from_branch, to_branch), query=sql
        )

    def start_branch_merge(self, db: DatabaseName, from_branch: str, to_branch: str, *, user: str, plan: JobPlan) -> Operation:
        """Merge a branch into a branch later (v1alpha1's write without a query); the queued operation."""

        def work() -> Outcome:
            head = self.merge_branch(db, from_branch, to_branch, user=user)
            # After a merge poll from_commit_id is the merge commit, to_commit_id is empty (DoltHub, v1alpha1 sql.md).
            return Outcome(result={"commit_sha": head}, from_commit=head, to_commit="")

        return self.operations.start(
            "sql_write", db, user, work, plan, self.settings.operation_ms, branches=(from_branch, to_branch)
        )

    def start_fork(self, source: DatabaseName, owner: str, *, user: str, plan: JobPlan) -> Operation:
        """Fork later; the queued operation."""

        def work() -> Outcome:
            made = self.fork(source, owner)
            return Outcome(result={"database": {"owner": made.owner, "name": made.name}})

        return self.operations.start("fork", source, user, work, plan, self.settings.operation_ms)

    # --- webhooks and events ---

    def set_webhook(self, db: DatabaseName, url: str) -> None:
        """Subscribe `url` to every event of `db`; twice the same URL is once."""
        with self._lock:
            known = self._webhooks.get(db, ())
            if url not in known:
                self._webhooks[db] = (*known, url)

    def drop_webhooks(self, db: DatabaseName) -> None:
        with self._lock:
            self._webhooks.pop(db, None)

    def webhooks(self, db: DatabaseName) -> tuple[str, ...]:
        with self._lock:
            return self._webhooks.get(db, ())

    def listen(self, listener: Callable[[Event], None]) -> None:
        """`listener` gets every event, on the thread that caused it: it must be quick and must not raise."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def _branch_moved(self, db: DatabaseName, branch: str, prev: str | None, base: str, head: str, sender: str) -> None:
        self._moved(db, branch, prev, head)
        if prev is None:
            self._emit(BranchEvent(db=db, branch=branch, action="Created branch"))
        self._emit(PushEvent(db=db, branch=branch, head=head, prev=base, sender=sender))

    def _moved(self, db: DatabaseName, branch: str, prev: str | None, head: str | None) -> None:
        with self._lock:
            self._moves.setdefault(db, []).append(HeadMove(at=self.clock(), branch=branch, prev=prev, head=head))

    def _emit(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
