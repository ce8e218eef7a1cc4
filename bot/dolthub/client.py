"""The client of DoltHub: what the bot asks and does there, in the API that the host has."""

from __future__ import annotations

import copy
import enum
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from bot.dolthub import dialect_v1, dialect_v2, wire
from bot.dolthub.budget.rate_limiter import RateLimiter
from bot.dolthub.connection import PAGES_MAX, Connection, Session, kept_session, read_origin, read_token
from bot.dolthub.dialect_v1 import V1, Journal
from bot.dolthub.dialect_v2 import V2
from bot.dolthub.errors import HubBusy, HubError, HubRefused, HubStrange
from bot.dolthub.requests import clean, names_missing_ref
from bot.dolthub.sql import Query, Statement
from bot.dolthub.wire import Branch, Reading, Written
from bot.model.ids import CommentId, CommitHash, Commons, Database, PullNo, User, is_commit_hash
from bot.model.ledger import Row
from bot.model.pull import Comment, Pull, PullSummary

__all__ = ["Api", "Branch", "Hub", "Written"]

PINNED_READS = 1024
"""Results kept of reads at a commit."""


class _Pinned:
    """Results of reads at a commit, the ones used last. Safe to share between threads."""

    def __init__(self, ask: Callable[[Database, str, str], Reading]) -> None:
        self._ask = ask
        self._kept: OrderedDict[tuple[Database | None, str, str], Reading] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, db: Database, ref: str, text: str, *, anywhere: bool) -> Reading:
        """The result. `anywhere`: a commit hash names its content, so it does not matter in which database it was read."""
        key = (None if anywhere else db, ref, text)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        found = self._ask(db, ref, text)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > PINNED_READS:
                self._kept.popitem(last=False)
        return found


class Api(enum.Enum):
    """Which of DoltHub's two APIs a host has."""

    V2 = "v2"
    V1 = "v1alpha1"


class Hub:
    """DoltHub, as the bot uses it. One for each commons and process; safe to share between threads.

    `origin`: `https://www.dolthub.com`, or a DoltLab with a port or a path of its own; the token is sent to no other address.
    `token` may be empty: then none is sent. `account`: the account of the token by the operator's word; only v1alpha1 needs it.
    `api`: which API the host has; None: found out when it is first needed (see `find_api`).
    `commons`: the databases read with the token (then once without, if it is refused). All others, forks, are read
    without: a token limited by scope fails on public databases (DoltHub docs, token scopes; wl commit 07d8d60).
    `timeout_s`: connect, and silence while reading. `poll_s`: first and longest pause between polls of an operation.
    `limiter` holds requests to a budget; a HubBusy halves it.
    `on_request` is called with the operationId before every single request, on the calling thread; it may block.

    Every method may raise HubBusy, HubRefused (HubGone, HubConflict) and HubStrange. Reads are tried three times, a
    write is sent once.

    A hub speaks API v2 until `with_journal`.
    """

    def __init__(
        self,
        origin: str,
        token: str,
        *,
        api: Api | None = Api.V2,
        account: User | None = None,
        commons: Iterable[Database] = (),
        session: Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: tuple[float, float] = (3.05, 20.0),
        poll_s: tuple[float, float] = (0.25, 5.0),
        operation_wait_s: float = 90.0,
        limiter: RateLimiter | None = None,
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        connection = Connection(
            origin=read_origin(origin),
            token=read_token(token),
            scheme=dialect_v2.SCHEME,
            refusal=dialect_v2.refusal,
            commons=frozenset(commons),
            session=session or kept_session(),
            sleep=sleep,
            clock=clock,
            timeout_s=timeout_s,
            poll_s=poll_s,
            operation_wait_s=operation_wait_s,
            limiter=limiter,
            on_request=on_request,
        )
        self._api = api
        self._account = account
        self._speak(V2(connection))

    def _speak(self, dialect: V1 | V2) -> None:
        self._dialect = dialect
        self._pinned = _Pinned(dialect.sql)

    @property
    def connection(self) -> Connection:
        return self._dialect.connection

    def with_journal(self, journal: Journal) -> Hub:
        """This hub, in the API that its host has. Raises HubError while that is not known.

        `journal` keeps the bot's own comments where the host has v1alpha1, which shows none. A host with API v2 needs none: it
        is this hub itself.
        """
        if self.find_api() is Api.V2:
            return self
        hub = copy.copy(self)
        if isinstance(self._dialect, V1):
            hub._speak(replace(self._dialect, journal=journal))
        else:
            connection = replace(self.connection, scheme=dialect_v1.SCHEME, refusal=dialect_v1.refusal)
            hub._speak(V1(connection, self._account, journal))
        return hub

    # --- the host and the budget ----------------------------------------------------------------------------------

    def available(self) -> float | None:
        """Requests of this commons that could be sent at once within the budget; None: there is no budget."""
        limiter = self.connection.limiter
        return limiter.available() if limiter is not None else None

    @property
    def per_minute(self) -> float | None:
        """Requests a minute that this commons may plan with at present; None: there is no budget."""
        limiter = self.connection.limiter
        return limiter.share_per_minute if limiter is not None else None

    @property
    def has_slack(self) -> bool:
        """Whether there is budget for requests of low urgency."""
        limiter = self.connection.limiter
        return limiter is None or limiter.has_slack

    @property
    def has_token(self) -> bool:
        return bool(self.connection.token)

    @property
    def comments_readable(self) -> bool:
        """Whether comments can be read on this host."""
        return self._dialect.comments_readable

    def find_api(self) -> Api:
        """Which API this host has: the one place that decides. Raises HubError if it has neither, or does not answer now.

        INFERRED, for no release note of DoltLab mentions v2: it is there if `GET /user` answers as v2 does, with a `code`
        where it refuses; it is not there if that path is not an API's while v1alpha1 answers. Asked once per process.
        """
        if self._api is None:
            trouble: HubError | None = None
            try:
                wire.read_one(self.connection.send(dialect_v2.read("getCurrentUser", "/api/v2/user", auth=False)))
            except HubRefused as no:
                trouble = no if no.code == "UNKNOWN" else None
            except HubStrange as strange:
                trouble = strange
            if trouble is not None and not self._answers_in_v1():
                raise trouble
            self._api = Api.V2 if trouble is None else Api.V1
        return self._api

    def _answers_in_v1(self) -> bool:
        """Whether v1alpha1 answers about the commons, if only by a refusal of its own kind."""
        db = min(self.connection.commons, default=Database("none", "none"))
        try:
            response = self.connection.exchange(dialect_v1.read("v1Branches", dialect_v1.path(db, "branches"), auth=False))
        except HubRefused as no:
            return no.status == 400
        except HubError:
            return False
        return b'"status"' in response.body

    def may_write(self, commons: Commons) -> bool:
        """Whether the token's account may write. Makes nothing: it asks for a branch at a commit that does not exist.

        INFERRED, for no endpoint shows a right (DoltHub API v2 contract): an account without it gets that refusal, before or
        instead of one about the commit.
        """
        try:
            self.create_branch(commons, "stampbot/doctor", at=CommitHash("0" * 32))
        except HubRefused as no:
            return no.status not in (401, 403)
        except HubBusy as later:
            # v1alpha1 reports a missing commit so, too, and the client believes that only when it is repeated.
            if not names_missing_ref(str(later)):
                raise
        return True

    # --- reads ----------------------------------------------------------------------------------------------------

    def me(self) -> User | None:
        """The account of the token, None if there is no token. Raises HubRefused (UNAUTHENTICATED) for a bad one."""
        return self._dialect.me()

    def database(self, db: Database) -> bool:
        """Whether the database exists and may be seen."""
        return self._dialect.database(db)

    def time(self, db: Database) -> datetime | None:
        """DoltHub's time, by the Date of its response; None if that has none."""
        return self._dialect.time(db)

    def branches(self, db: Database) -> tuple[Branch, ...]:
        """All branches with their heads. The list may lag behind a branch made a moment ago."""
        return self._dialect.branches(db)

    def pull(self, commons: Commons, number: PullNo) -> Pull:
        """One pull. Raises HubGone if there is none of that number."""
        return self._dialect.pull(commons, number)

    def pulls(self, commons: Commons, *, unread: dict[PullNo, HubStrange] | None = None) -> tuple[PullSummary, ...]:
        """All pulls in every state, newest number first. DoltHub has no filter and promises no order.

        `unread`: takes the pulls that cannot be read, by number. Without it one of them is HubStrange for the whole list.
        """
        found = {pull.number: pull for pull in self._dialect.pulls(commons, unread)}
        return tuple(found[number] for number in sorted(found, reverse=True))

    def comments(self, commons: Commons, number: PullNo) -> tuple[Comment, ...]:
        """All top-level comments, oldest first. DoltHub promises no order.

        Where they are not readable: the marks of the bot's own. Raises redis.RedisError if the journal of those is away.
        """
        return self._dialect.comments(commons, number)

    def rows(self, db: Database, ref: str, query: Query) -> tuple[Row, ...]:
        """All rows of a query at a branch or commit, over all its pages; `ref` should be a commit for a paged query.

        Raises HubGone for an unknown database or ref, HubStrange for a SQL error and for rows that come cut. A warning of the
        engine is only logged: `reading` returns it to a caller that needs it.
        """
        return self.reading(db, ref, query).rows

    def rows_page(self, db: Database, ref: str, query: Query, page: int) -> tuple[Row, ...]:
        """One page of a paged query, counted from 0; fewer rows than `query.per_page` means it is the last."""
        return self.reading_page(db, ref, query, page).rows

    def reading(self, db: Database, ref: str, query: Query) -> Reading:
        """As `rows`, with the warnings of the engine."""
        if query.is_nothing:
            return Reading(())
        if not query.paged:
            return self._sql(db, ref, query.text, query)
        found: list[Row] = []
        warnings: dict[str, None] = {}
        for page in range(PAGES_MAX):
            reading = self._sql(db, ref, query.page(page), query)
            found += reading.rows
            warnings |= dict.fromkeys(reading.warnings)
            if len(reading.rows) < query.per_page:
                return Reading(tuple(found), tuple(warnings))
        raise HubStrange(f"more than {PAGES_MAX * query.per_page} rows: {clean(query.text)}", too_large=True)

    def reading_page(self, db: Database, ref: str, query: Query, page: int) -> Reading:
        """As `rows_page`, with the warnings of the engine."""
        return self._sql(db, ref, query.page(page), query)

    def _sql(self, db: Database, ref: str, text: str, query: Query) -> Reading:
        """The result of one read. What is at a commit never changes, so such a result is kept and not asked for again."""
        if not is_commit_hash(ref):
            return self._dialect.sql(db, ref, text)
        return self._pinned.read(db, ref, text, anywhere=query.of_commits)

    def merging(self, commons: Commons) -> bool:
        """Whether a merge is queued or running on the commons."""
        return self._dialect.merging(commons)

    def until(self, seconds: float) -> float:
        """The moment so many seconds from now, by this hub's own clock: the latest at which a write may be sent."""
        return self.connection.clock() + seconds

    # --- writes ---------------------------------------------------------------------------------------------------

    def create_branch(self, commons: Commons, name: str, *, at: CommitHash) -> None:
        """Make a branch at a commit. Raises HubConflict if the name is taken."""
        self._dialect.create_branch(commons, name, at)

    def write(self, commons: Commons, branch: str, statement: Statement) -> Written:
        """Run one statement on a branch, as one commit whose message is the statement's text; waits for its end.

        Both branches of the call are `branch`: another `from_branch` would be merged in (wl, on v1alpha1's write).
        Raises HubRefused for a failed operation, HubBusy when the end is not known.
        """
        return self._dialect.write(commons, branch, statement)

    def open_pull(self, commons: Commons, *, title: str, description: str, branch: str) -> PullNo:
        """Open a pull from a branch of the commons to its main. Raises HubConflict if there is one for that branch."""
        return self._dialect.open_pull(commons, title, description, branch)

    def comment(self, commons: Commons, number: PullNo, body: str, *, until: float | None = None) -> CommentId:
        """Post a comment (Markdown). Raises HubBusy(unknown_end) instead of sending it later than `until` (see there)."""
        return self._dialect.comment(commons, number, body, until)

    def merge(self, commons: Commons, number: PullNo, *, until: float | None = None) -> None:
        """Merge a pull and follow the operation to its end. No head can be expected: verify what came to main.

        Raises HubRefused if it cannot be merged (422 at once, or a failed operation), HubBusy if it is still running
        or its end is unknown, or would be sent later than `until` (see there). Never starts a second merge.
        """
        self._dialect.merge(commons, number, until)

    def close(self, commons: Commons, number: PullNo) -> None:
        """Close a pull unmerged."""
        self._dialect.close(commons, number)
