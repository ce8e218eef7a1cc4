"""The client for hosts that have only v1alpha1: the same questions in older words.

What such a host cannot do is read comments. What we said ourselves is kept on scratch paper instead, by its marks: enough to
say nothing twice while the paper lasts, and never enough to decide by. What others say is not heard at all.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.dolthub import dialect_v1, dialect_v2, wire
from bot.dolthub.client import PAGES_MAX, PINNED_READS, Api, Hub, Written, noted, unknown_if_unreadable
from bot.dolthub.errors import HubBusy, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import Request, Response, changed_nothing
from bot.dolthub.sql import Statement
from bot.dolthub.wire import Branch, Operation, OperationState, Reading, failure
from bot.model.ids import CommentId, CommitHash, Commons, Database, PullNo, User
from bot.model.pull import BranchRef, Comment, Pull, PullSummary

SAID_MAX = 2
"""How often the same words are sent where nobody can tell whether they arrived."""


class Journal(Protocol):
    """Where the marks of our own comments are kept for a host that does not show them."""

    def list(self, number: PullNo, by: User, /) -> tuple[Comment, ...]:
        """What we said below a pull, oldest first: comments by `by` that hold just the mark."""

    def add(self, number: PullNo, body: str) -> CommentId:
        """We said this; its mark is its last line."""

    def sent(self, number: PullNo, mark: str) -> int:
        """We are about to say this; how often that has been so, this time included."""


class HubV1(Hub):
    """A host without API v2. Everything is as in `Hub`, except that `comments` knows our own marks only."""

    scheme = "token"

    def __init__(self, hub: Hub, journal: Journal) -> None:
        """The same connection as `hub`, with its token, session and pace, spoken to in v1alpha1."""
        vars(self).update(vars(hub))
        self._api = Api.V1
        self._pinned = functools.lru_cache(maxsize=PINNED_READS)(self._fresh)
        self._journal = journal
        self._me: User | None = getattr(hub, "_me", None)

    @property
    def comments_readable(self) -> bool:
        return False

    # --- reads ----------------------------------------------------------------------------------------------------

    def me(self) -> User | None:
        """The account of the token: by `GET /user`; or, where there is none, the account named, if the token proves to be its.

        The proof is that a user's operations are shown to that user alone (DoltHub documentation, operations).
        """
        if not self.has_token:
            return None
        if self._me is None:
            self._me = self._whose()
        return self._me

    def _whose(self) -> User:
        try:
            return self._read(
                dialect_v1.read("v1User", f"{dialect_v1.ROOT}/user", auth=True, public=False), dialect_v1.read_user
            )
        except (HubStrange, HubRefused) as no:
            if isinstance(no, HubRefused) and no.status == 401:
                raise
            if self.account is None:
                fix = "set STAMPBOT_ACCOUNT to the name of the token's account"
                raise HubStrange(f"this host does not tell whose the token is; {fix} ({no})") from no
        request = dialect_v1.read("v1Operations", f"{dialect_v1.ROOT}/users/{self.account}/operations", auth=True, public=False)
        try:
            self._read(request, dialect_v1.read_body)
        except HubRefused as no:
            says = f"the token does not prove to be that of {self.account}, whom STAMPBOT_ACCOUNT names ({no})"
            raise HubRefused(says, status=401, code="UNAUTHENTICATED") from no
        return self.account

    def database(self, db: Database) -> bool:
        try:
            self._read(
                dialect_v1.read("v1Branches", dialect_v1.path(db, "branches"), auth=self._ours(db)), dialect_v1.read_body
            )
        except HubGone:
            return False
        return True

    def time(self, db: Database) -> datetime | None:
        return self._read(dialect_v1.read("v1Branches", dialect_v1.path(db, "branches"), auth=self._ours(db)), wire.read_date)

    def branches(self, db: Database) -> tuple[Branch, ...]:
        """All branches with their heads, asked of main: v1alpha1's own list tells names only."""
        return dialect_v1.read_branches(self._fresh(db, "main", dialect_v1.BRANCHES).rows)

    def pull(self, commons: Commons, number: PullNo) -> Pull:
        return self._read(
            dialect_v1.read("v1Pull", dialect_v1.path(commons, "pulls", str(int(number))), auth=True), dialect_v1.read_pull
        )

    def pulls(self, commons: Commons, *, unread: dict[PullNo, HubStrange] | None = None) -> tuple[PullSummary, ...]:
        items = self._listed("v1Pulls", commons, "pulls")
        found = {
            pull.number: pull for pull in wire.read_pulls(items, dialect_v1.read_pull_summary, dialect_v1.number_of, unread)
        }
        return tuple(found[number] for number in sorted(found, reverse=True))

    def comments(self, _commons: Commons, number: PullNo) -> tuple[Comment, ...]:
        """Our own, as far as remembered; of nobody else. Raises redis.RedisError: a blank page is no silence."""
        me = self.me()
        return self._journal.list(number, me) if me is not None else ()

    def merging(self, commons: Commons) -> bool:
        jobs = (dialect_v1.read_job(item)[1] for item in self._listed("v1Jobs", commons, "jobs"))
        return any(job.kind == "merge" and job.state is OperationState.RUNNING for job in jobs)

    def _fresh(self, db: Database, ref: str, text: str) -> Reading:
        """Raises HubStrange(too_large) for a question that no URL can hold; whoever joined several asks them one by one."""
        return noted(self._read(dialect_v1.sql_read(db, ref, text, auth=self._ours(db)), dialect_v1.read_sql), db, text)

    def _listed(self, operation: str, db: Database, what: str) -> list[Mapping[str, object]]:
        """All items of a list, over all its pages."""
        found: list[Mapping[str, object]] = []
        seen, token = {""}, ""
        for _ in range(PAGES_MAX):
            request = dialect_v1.read(operation, dialect_v1.path(db, what), auth=self._ours(db), page=token)
            items, token = self._read(request, functools.partial(dialect_v1.read_list, name=what))
            found.extend(items)
            if token in seen:
                return found
            seen.add(token)
        raise HubStrange(f"{operation}: more than {PAGES_MAX} pages")

    # --- writes ---------------------------------------------------------------------------------------------------

    def create_branch(self, commons: Commons, name: str, *, at: CommitHash) -> None:
        body = {"revisionType": "commit", "revisionName": at, "newBranchName": name}
        self._write(dialect_v2.write("v1CreateBranch", "POST", dialect_v1.path(commons, "branches"), body))

    def write(self, commons: Commons, branch: str, statement: Statement) -> Written:
        request = dialect_v2.write(
            "v1Write", "POST", dialect_v1.path(commons, "write", branch, branch), {"query": statement.text}
        )
        try:
            name = self._started(request)
            ended = self._follow(
                request, dialect_v1.poll("v1WritePoll", dialect_v1.path(commons, "write"), name), dialect_v1.read_write
            )
        except HubRefused as no:
            if changed_nothing(str(no)):
                return Written.UNCHANGED
            raise
        if ended.state is OperationState.SUCCEEDED:
            return Written.CHANGED if ended.commit else Written.UNCHANGED
        if changed_nothing(ended.detail):
            return Written.UNCHANGED
        raise failure(request, ended)

    def open_pull(self, commons: Commons, *, title: str, description: str, branch: str) -> PullNo:
        body = dialect_v1.new_pull(BranchRef(commons, branch), BranchRef(commons, "main"), title, description)
        response = self._write(dialect_v2.write("v1CreatePull", "POST", dialect_v1.path(commons, "pulls"), body))
        with unknown_if_unreadable("v1CreatePull"):
            return dialect_v1.read_number(response)

    def comment(self, commons: Commons, number: PullNo, body: str, *, until: float | None = None) -> CommentId:
        """Post a comment, and keep its mark: nothing shows it again. v1alpha1 answers no id, so it is the journal's."""
        mark = body.rstrip().rpartition("\n")[2]
        times = self._journal.sent(number, mark)
        try:
            path = dialect_v1.path(commons, "pulls", str(int(number)), "comments")
            self._write(dialect_v2.write("v1Comment", "POST", path, {"comment": body}, until=until))
        except HubBusy as later:
            if not later.unknown_end or times < SAID_MAX:
                raise
        return self._journal.add(number, body)

    def merge(self, commons: Commons, number: PullNo, *, until: float | None = None) -> None:
        path = dialect_v1.path(commons, "pulls", str(int(number)), "merge")
        request = dialect_v2.write("v1Merge", "POST", path, {}, until=until)
        name = self._started(request)
        try:
            ended = self._follow(request, dialect_v1.poll("v1MergePoll", path, name), dialect_v1.read_merge)
        except HubBusy as later:
            # How the poll shows a failed merge is not documented; the list of jobs does.
            failed = self._failed(commons, name)
            if failed is None:
                raise later
            ended = failed
        if ended.state is not OperationState.SUCCEEDED:
            raise failure(request, ended)

    def _failed(self, commons: Commons, name: str) -> Operation | None:
        """The job of this name, if the list of jobs says that it failed."""
        try:
            jobs = dict(map(dialect_v1.read_job, self._listed("v1Jobs", commons, "jobs")))
        except HubError:
            return None
        job = jobs.get(name)
        return job if job is not None and job.state is OperationState.FAILED else None

    def close(self, commons: Commons, number: PullNo) -> None:
        path = dialect_v1.path(commons, "pulls", str(int(number)))
        self._write(dialect_v2.write("v1UpdatePull", "PATCH", path, {"state": "closed"}))

    def _started(self, request: Request) -> str:
        """Start a job; its name."""
        response = self._write(request)
        with unknown_if_unreadable(request.operation):
            return dialect_v1.read_job_name(response)

    def _refusal(self, request: Request, response: Response) -> HubError | None:
        return dialect_v1.refusal(request, response)


def in_its_words(hub: Hub, journal: Journal) -> Hub:
    """The hub, spoken to in the API that its host has. Raises HubError while that cannot be told."""
    return hub if hub.find_api() is Api.V2 else HubV1(hub, journal)
