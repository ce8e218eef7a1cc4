"""The client of DoltHub's API v2: the only place that talks HTTP to the hub."""

from __future__ import annotations

import contextlib
import enum
import functools
import random
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import structlog
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from bot.dolthub import dialect_v2, wire
from bot.dolthub.budget.rate_limiter import RateLimiter
from bot.dolthub.errors import HubBusy, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import (
    ANSWER_MAX_BYTES,
    TOKEN_FIX,
    Request,
    Response,
    changed_nothing,
    clean,
    encode,
    names_missing_ref,
)
from bot.dolthub.sql import Query, Statement
from bot.dolthub.wire import Branch, Operation, OperationState, Reading
from bot.model.ids import CommentId, CommitHash, Commons, Database, PullNo, User, is_commit_hash
from bot.model.ledger import Row
from bot.model.pull import BranchRef, Comment, Pull, PullSummary

__all__ = ["Api", "Branch", "Hub", "Written", "noted", "unknown_if_unreadable"]

READ_TRIES = 3
BACKOFF_S = 0.5
RETRY_AFTER_CAP_S = 10.0
"""A server that asks for more patience than this is not waited for: the job comes back later."""
BODY_DEADLINE_S = 60.0
CHUNK_BYTES = 64 * 1024
PAGES_MAX = 500
POOL_SIZE = 128
WARNINGS_LOGGED_MAX = 5
"""Of one answer: the history of a commons that was migrated often has one for each migration."""
PINNED_READS = 1024
"""Answers kept of reads at a commit."""

log = structlog.get_logger("stampbot.hub")
T = TypeVar("T")


class Api(enum.Enum):
    """Which of DoltHub's two APIs a host has."""

    V2 = "v2"
    V1 = "v1alpha1"


class Written(enum.Enum):
    """What DoltHub says a write came to. It proves nothing (a violated CHECK was seen to be a success): read back."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Hub:
    """DoltHub, as the bot uses it. One per process; safe to share between threads.

    `origin`: `https://www.dolthub.com`, or a DoltLab with a port or a path of its own; the token is never sent anywhere else.
    `token` may be empty: then nothing is sent. `account`: whose token it is by the operator's word; only v1alpha1 asks for it.
    `api`: which API the host has; None: found out when first asked (see `find_api`).
    `commons`: the databases read with the token (then once without, if it is refused). All others, forks, are read
    without: a token limited by scope fails on public databases (DoltHub docs, token scopes; wl commit 07d8d60).
    `timeout_s`: connect, and silence while reading. `poll_s`: first and longest pause between polls of an operation.
    `limiter` holds requests to a budget; a HubBusy halves it.
    `on_request` is called with the operationId before every single request, on the calling thread; it may block.

    Every method may raise HubBusy, HubRefused (HubGone, HubConflict) and HubStrange. Reads are tried three times, a
    write is sent once.
    """

    scheme = "Bearer"

    def __init__(
        self,
        origin: str,
        token: str,
        *,
        api: Api | None = Api.V2,
        account: User | None = None,
        commons: Iterable[Database] = (),
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: tuple[float, float] = (3.05, 20.0),
        poll_s: tuple[float, float] = (0.25, 5.0),
        operation_wait_s: float = 90.0,
        limiter: RateLimiter | None = None,
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{origin!r} is not the address of a hub such as https://www.dolthub.com")
        self._origin = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._api = api
        self.account = account
        self._token = token.strip()
        if not (self._token.isascii() and self._token.isprintable()) or " " in self._token:
            raise ValueError("the token holds characters no DoltHub token has")
        self._commons = frozenset(commons)
        self._session = session or kept_session()
        self._sleep = sleep
        self._clock = clock
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._operation_wait_s = operation_wait_s
        self._limiter = limiter
        self._on_request = on_request
        self._pinned = functools.lru_cache(maxsize=PINNED_READS)(self._fresh)

    def available(self) -> float | None:
        """Requests of this commons that could go at once within the budget; None: there is no budget."""
        return self._limiter.available() if self._limiter is not None else None

    @property
    def per_minute(self) -> float | None:
        """Requests a minute that this commons may plan with at present; None: there is no budget."""
        return self._limiter.share_per_minute if self._limiter is not None else None

    @property
    def has_slack(self) -> bool:
        """Whether there is budget for what nobody waits for."""
        return self._limiter is None or self._limiter.has_slack

    @property
    def has_token(self) -> bool:
        return bool(self._token)

    @property
    def comments_readable(self) -> bool:
        """Whether comments can be read on this host."""
        return True

    def find_api(self) -> Api:
        """Which API this host has: the one place that tells. Raises HubError if it has neither, or does not answer now.

        INFERRED, for no release note of DoltLab speaks of v2: it is there if `GET /user` answers as v2 does, with a `code`
        where it refuses; it is not there if that path is a page of nobody's while v1alpha1 answers. Asked once per process.
        """
        if self._api is None:
            trouble: HubError | None = None
            try:
                wire.read_one(self._send(dialect_v2.read("getCurrentUser", "/api/v2/user", auth=False)))
            except HubRefused as no:
                trouble = no if no.code == "UNKNOWN" else None
            except HubStrange as strange:
                trouble = strange
            if trouble is not None and not self._answers_in_v1():
                raise trouble
            self._api = Api.V2 if trouble is None else Api.V1
        return self._api

    def _answers_in_v1(self) -> bool:
        """Whether v1alpha1 answers about our commons, if only by a refusal of its own kind."""
        db = min(self._commons, default=Database("none", "none"))
        request = dialect_v2.read("v1Branches", f"/api/v1alpha1/{db.owner}/{db.name}/branches", auth=False)
        try:
            response = self._exchange(request)
        except HubRefused as no:
            return no.status == 400
        except HubError:
            return False
        return b'"status"' in response.body

    # --- reads ----------------------------------------------------------------------------------------------------

    def me(self) -> User | None:
        """The account of the token, None if there is no token. Raises HubRefused (UNAUTHENTICATED) for a bad one."""
        if not self._token:
            return None
        return wire.read_user(self._data(dialect_v2.read("getCurrentUser", "/api/v2/user", auth=True, public=False)))

    def database(self, db: Database) -> bool:
        """Whether the database exists and may be seen."""
        try:
            self._data(dialect_v2.read("getDatabase", dialect_v2.database_path(db), auth=self._ours(db)))
        except HubGone:
            return False
        return True

    def time(self, db: Database) -> datetime | None:
        """DoltHub's time, by the Date of its answer; None if it does not say."""
        return self._read(dialect_v2.read("getDatabase", dialect_v2.database_path(db), auth=self._ours(db)), wire.read_date)

    def may_write(self, commons: Commons) -> bool:
        """Whether the token's account may write. Makes nothing: a branch is asked for at a commit that is not there.

        INFERRED, for no endpoint tells a right (DoltHub API v2 contract): who may not is refused as such, before or
        instead of being told about the commit.
        """
        try:
            self.create_branch(commons, "stampbot/doctor", at=CommitHash("0" * 32))
        except HubRefused as no:
            return no.status not in (401, 403)
        except HubBusy as later:
            # v1alpha1 says so of a commit, too, and such a word is believed only when repeated.
            if not names_missing_ref(str(later)):
                raise
        return True

    def branches(self, db: Database) -> tuple[Branch, ...]:
        """All branches with their heads. The list may lag behind a branch made a moment ago."""
        path = dialect_v2.database_path(db) + "/branches"
        return tuple(wire.read_branch(item) for item in self._items("listBranches", path, auth=self._ours(db)))

    def pull(self, commons: Commons, number: PullNo) -> Pull:
        """One pull. Raises HubGone if there is none of that number."""
        return wire.read_pull(self._data(dialect_v2.read("getPull", dialect_v2.pull_path(commons, number), auth=True)))

    def pulls(self, commons: Commons, *, unread: dict[PullNo, HubStrange] | None = None) -> tuple[PullSummary, ...]:
        """All pulls in every state, newest number first. DoltHub has no filter and promises no order.

        `unread`: takes the pulls that cannot be read, by number. Without it one of them is HubStrange for the whole list.
        """
        items = self._items("listPulls", dialect_v2.database_path(commons) + "/pulls", auth=True)
        found = {pull.number: pull for pull in wire.read_pulls(items, wire.read_pull_summary, wire.number_of, unread)}
        return tuple(found[number] for number in sorted(found, reverse=True))

    def comments(self, commons: Commons, number: PullNo) -> tuple[Comment, ...]:
        """All top-level comments, oldest first. DoltHub promises no order."""
        items = self._items("listPullComments", dialect_v2.pull_path(commons, number) + "/comments", auth=True)
        found = {comment.id: comment for comment in map(wire.read_comment, items)}
        return tuple(sorted(found.values(), key=lambda c: (c.created_at, c.id)))

    def rows(self, db: Database, ref: str, query: Query) -> tuple[Row, ...]:
        """All rows of a query at a branch or commit; pages itself, so `ref` should be a commit for a paged query.

        Raises HubGone for an unknown database or ref, HubStrange for a SQL error and for rows that come cut. A warning of the
        engine is logged and nothing more: see `reading` for questions of which it counts.
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
            return self._sql(db, ref, query.text)
        found: list[Row] = []
        warnings: dict[str, None] = {}
        for page in range(PAGES_MAX):
            reading = self._sql(db, ref, query.page(page))
            found += reading.rows
            warnings |= dict.fromkeys(reading.warnings)
            if len(reading.rows) < query.per_page:
                return Reading(tuple(found), tuple(warnings))
        raise HubStrange(f"more than {PAGES_MAX * query.per_page} rows: {clean(query.text)}")

    def reading_page(self, db: Database, ref: str, query: Query, page: int) -> Reading:
        """As `rows_page`, with the warnings of the engine."""
        return self._sql(db, ref, query.page(page))

    def merging(self, commons: Commons) -> bool:
        """Whether a merge is queued or running on the commons."""
        path = dialect_v2.database_path(commons) + "/operations"
        for page in self._pages("listOperations", path, auth=True):
            operations = tuple(map(wire.read_operation, page))
            if any(o.kind == "merge" and o.state is OperationState.RUNNING for o in operations):
                return True
            if _newest_first(operations):
                # Jobs of one database run in turn: behind a whole page of newer ones nothing is still running.
                return False
        return False

    def until(self, seconds: float) -> float:
        """The moment so many seconds from now, by this hub's own clock: the latest at which a write may be sent."""
        return self._clock() + seconds

    # --- writes ---------------------------------------------------------------------------------------------------

    def create_branch(self, commons: Commons, name: str, *, at: CommitHash) -> None:
        """Make a branch at a commit. Raises HubConflict if the name is taken."""
        body = {"name": name, "from": {"commit": at}}
        self._write(dialect_v2.write("createBranch", "POST", dialect_v2.database_path(commons) + "/branches", body))

    def write(self, commons: Commons, branch: str, statement: Statement) -> Written:
        """Run one statement on a branch, as one commit whose message is the statement's text; waits for its end.

        Both branches of the call are `branch`: another `from_branch` would be merged in (wl, on v1alpha1's write).
        Raises HubRefused for a failed operation, HubBusy when the end is not known.
        """
        body = {"from_branch": branch, "to_branch": branch, "q": statement.text}
        request = dialect_v2.write("runSqlWriteQuery", "POST", dialect_v2.database_path(commons) + "/sql-writes", body)
        try:
            ended = self._operate(request)
        except HubRefused as no:
            if no.status == 400 and changed_nothing(str(no)):
                return Written.UNCHANGED
            raise
        if ended.state is OperationState.SUCCEEDED:
            return Written.CHANGED if ended.commit else Written.UNCHANGED
        if changed_nothing(ended.detail):
            return Written.UNCHANGED
        raise wire.failure(request, ended)

    def open_pull(self, commons: Commons, *, title: str, description: str, branch: str) -> PullNo:
        """Open a pull from a branch of the commons to its main. Raises HubConflict if there is one for that branch."""
        body = {
            "title": title,
            "description": description,
            "from_branch": dialect_v2.branch_ref(BranchRef(commons, branch)),
            "to_branch": dialect_v2.branch_ref(BranchRef(commons, "main")),
        }
        response = self._write(dialect_v2.write("createPull", "POST", dialect_v2.database_path(commons) + "/pulls", body))
        with unknown_if_unreadable("createPull"):
            return wire.read_pull(wire.read_one(response)).number

    def comment(self, commons: Commons, number: PullNo, body: str, *, until: float | None = None) -> CommentId:
        """Post a comment (Markdown). Raises HubBusy(unknown_end) instead of sending it later than `until` (see there)."""
        path = dialect_v2.pull_path(commons, number) + "/comments"
        response = self._write(dialect_v2.write("createPullComment", "POST", path, {"body": body}, until=until))
        with unknown_if_unreadable("createPullComment"):
            return wire.read_comment_id(wire.read_one(response))

    def merge(self, commons: Commons, number: PullNo, *, until: float | None = None) -> None:
        """Merge a pull and follow the operation to its end. No head can be expected: verify what came to main.

        Raises HubRefused if it cannot be merged (422 at once, or a failed operation), HubBusy if it is still running
        or its end is unknown, or would be sent later than `until` (see there). Never starts a second merge.
        """
        request = dialect_v2.write("mergePull", "POST", dialect_v2.pull_path(commons, number) + "/merge", {}, until=until)
        ended = self._operate(request)
        if ended.state is not OperationState.SUCCEEDED:
            raise wire.failure(request, ended)

    def close(self, commons: Commons, number: PullNo) -> None:
        """Close a pull unmerged."""
        self._write(dialect_v2.write("updatePull", "PATCH", dialect_v2.pull_path(commons, number), {"state": "closed"}))

    # --- operations -----------------------------------------------------------------------------------------------

    def _operate(self, request: Request) -> Operation:
        """Start an operation and poll it to its end. Raises HubBusy(unknown_end) if that does not come in time."""
        started = self._write(request)
        with unknown_if_unreadable(request.operation):
            path = wire.read_operation_path(wire.read_one(started), self._origin)
        return self._follow(request, dialect_v2.read("getOperation", path, auth=True, public=False), _operation)

    def _follow(self, request: Request, poll: Request, reader: Callable[[Response], Operation]) -> Operation:
        """Poll what `request` has started to its end. Raises HubBusy(unknown_end) if that does not come in time."""
        deadline = self._clock() + self._operation_wait_s
        pause, longest = self._poll_s
        while True:
            self._sleep(pause)
            trouble = ""
            try:
                operation = reader(self._send(poll))
                if operation.ended:
                    return operation
            except HubGone as missing:
                trouble = str(missing)
            except HubRefused as no:
                if changed_nothing(str(no)):
                    return Operation(kind="", state=OperationState.FAILED, detail=str(no))
                raise HubBusy(f"{request.operation}: unknown end, {no}", unknown_end=True) from no
            except (HubBusy, HubStrange) as later:
                trouble = str(later)
                pause = max(pause, min(getattr(later, "retry_after_s", None) or 0.0, RETRY_AFTER_CAP_S))
            pause = min(pause * 2, max(pause, longest))
            if self._clock() + pause > deadline:
                raise HubBusy(f"{request.operation}: unknown end, {trouble or 'still running'}", unknown_end=True)

    # --- one request ----------------------------------------------------------------------------------------------

    def _ours(self, db: Database) -> bool:
        return db in self._commons

    def _data(self, request: Request) -> Mapping[str, object]:
        return self._read(request, wire.read_one)

    def _sql(self, db: Database, ref: str, text: str) -> Reading:
        """The answer of one read. What stands at a commit never changes, so such an answer is kept and not asked for again."""
        return (self._pinned if is_commit_hash(ref) else self._fresh)(db, ref, text)

    def _fresh(self, db: Database, ref: str, text: str) -> Reading:
        return noted(self._read(dialect_v2.sql_read(db, ref, text, auth=self._ours(db)), wire.read_sql), db, text)

    def _items(self, operation: str, path: str, *, auth: bool) -> Iterator[Mapping[str, object]]:
        for page in self._pages(operation, path, auth=auth):
            yield from page

    def _pages(self, operation: str, path: str, *, auth: bool) -> Iterator[tuple[Mapping[str, object], ...]]:
        """Pages until the token of the next one is absent, empty or known already."""
        seen = {""}
        token = ""
        for _ in range(PAGES_MAX):
            items, token = self._read(dialect_v2.read(operation, path, auth=auth, page=token), wire.read_page)
            yield items
            if token in seen:
                return
            seen.add(token)
        raise HubStrange(f"{operation}: more than {PAGES_MAX} pages")

    def _read(self, request: Request, reader: Callable[[Response], T]) -> T:
        """Ask and read, up to three times where another try may help, and once without the token if it is refused."""
        if not self._token:
            request = replace(request, auth=False)
        may_go_without = request.auth and request.public
        for tried in range(1, READ_TRIES + 1):
            try:
                return reader(self._send(request))
            except HubError as error:
                trouble = error
            if may_go_without and _token_is_in_the_way(trouble):
                may_go_without = False
                with contextlib.suppress(HubError):
                    return reader(self._send(replace(request, auth=False)))
            pause = _pause_s(trouble, tried)
            if pause is None or tried == READ_TRIES:
                raise trouble
            self._sleep(pause)
        raise AssertionError("unreachable")

    def _write(self, request: Request) -> Response:
        """Send a write, once. Raises HubBusy(unknown_end) if it was sent and nobody knows what came of it."""
        if not self._token:
            raise HubRefused(f"{request.operation} needs a token; {TOKEN_FIX}", status=401, code="UNAUTHENTICATED")
        try:
            return self._send(request)
        except HubGone as missing:
            if missing.passing:
                # Not repeated here, so not believed either.
                raise HubBusy(str(missing)) from missing
            raise

    def _send(self, request: Request) -> Response:
        """One request within the budget, one answer with status 2xx; everything else is raised as a HubError."""
        if self._limiter is None:
            return self._exchange(request)
        self._limiter.wait()
        try:
            return self._exchange(request)
        except HubBusy as busy:
            self._limiter.trouble(busy.retry_after_s or 0.0)
            raise

    def _exchange(self, request: Request) -> Response:
        if self._on_request is not None:
            self._on_request(request.operation)
        headers = {
            "accept": "application/json",
            "cache-control": "no-cache",
            "user-agent": "stampbot",
            "x-request-id": f"stampbot-{uuid.uuid4()}",
        }
        if request.auth:
            headers["authorization"] = f"{self.scheme} {self._token}"
        if request.body is not None:
            headers["content-type"] = "application/json"
        if request.until is not None and self._clock() > request.until:
            # After a long wait for our turn, or because this process was asleep: by now somebody else may have done it.
            raise HubBusy(f"{request.operation}: unknown end, it was not sent, for it came too late", unknown_end=True)
        try:
            with self._session.request(
                request.method,
                self._origin + request.path,
                params=list(request.query),
                data=encode(request.body) if request.body is not None else None,
                headers=headers,
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as received:
                body = self._body(received)
                if self._token:
                    # What a hub says of a refused token may quote it, and what it says may end in a public answer.
                    body = body.replace(self._token.encode("ascii"), b"***")
                response = Response(
                    status=received.status_code,
                    headers={name.lower(): value for name, value in received.headers.items()},
                    body=body,
                )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _sorted(error, request) from error
        trouble = self._refusal(request, response)
        if trouble is None:
            return response
        if isinstance(trouble, HubBusy) and not request.reads and response.status != 429:
            raise HubBusy(f"unknown end, {trouble}", unknown_end=True, retry_after_s=trouble.retry_after_s)
        raise trouble

    def _refusal(self, request: Request, response: Response) -> HubError | None:
        return dialect_v2.refusal(request, response)

    def _body(self, response: requests.Response) -> bytes:
        """The body, up to one byte over the cap (which reads as too large), within the deadline."""
        deadline = self._clock() + BODY_DEADLINE_S
        read = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            read += chunk
            if len(read) > ANSWER_MAX_BYTES:
                return bytes(read[: ANSWER_MAX_BYTES + 1])
            if self._clock() > deadline:
                raise requests.ReadTimeout("the answer trickles")
        return bytes(read)


def noted(reading: Reading, db: Database, text: str) -> Reading:
    """The answer of a SQL read, whose warnings are logged: of most questions nobody else looks at them."""
    for warning in reading.warnings[:WARNINGS_LOGGED_MAX]:
        log.info("DoltHub answered with a warning", database=str(db), warning=warning, query=clean(text))
    return reading


def _operation(response: Response) -> Operation:
    return wire.read_operation(wire.read_one(response))


def kept_session() -> requests.Session:
    """One pool for all threads; no proxies or netrc from the environment, no cookies, no repeats of its own."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _token_is_in_the_way(trouble: HubError) -> bool:
    """Whether the same read may succeed without token: scoped tokens are refused, or told that nothing is there."""
    if isinstance(trouble, HubGone):
        return trouble.passing or "api token" in str(trouble).lower()
    return isinstance(trouble, HubRefused) and trouble.status == 403


def _pause_s(trouble: HubError, tried: int) -> float | None:
    """How long to wait before the next try of a read, None if no further try makes sense. Jitter keeps lanes apart."""
    backoff = BACKOFF_S * 2 ** (tried - 1) * random.uniform(0.8, 1.2)
    if isinstance(trouble, HubBusy):
        asked = trouble.retry_after_s or 0.0
        return max(backoff, asked) if asked <= RETRY_AFTER_CAP_S else None
    if isinstance(trouble, HubGone):
        return backoff if trouble.passing else None
    if isinstance(trouble, HubStrange):
        return backoff if trouble.unreadable else None
    return None


def _sorted(error: Exception, request: Request) -> HubError:
    """The HubError an exception of the HTTP library stands for."""
    causes = tuple(_causes(error))
    says = f"{request.operation}: {type(error).__name__}"
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return HubStrange(f"{says}: DoltHub's certificate is not trusted here")
    if isinstance(error, _NEVER_SENT):
        return HubStrange(f"{says}: the request cannot be made: {clean(str(error))}")
    if any(isinstance(cause, requests.ConnectTimeout | NewConnectionError | ConnectTimeoutError) for cause in causes):
        return HubBusy(f"{says}: no connection to DoltHub")
    if not request.reads:
        return HubBusy(f"{says}: unknown end, the connection failed after sending", unknown_end=True)
    if isinstance(error, _UNREADABLE):
        return HubStrange(f"{says}: {clean(str(error))}", unreadable=True)
    slow = isinstance(error, requests.Timeout) or any(isinstance(cause, ReadTimeoutError) for cause in causes)
    return HubBusy(f"{says}: {'no response in time' if slow else 'the connection failed'}")


_NEVER_SENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.URLRequired,
)
_UNREADABLE = (
    requests.exceptions.ContentDecodingError,
    requests.exceptions.InvalidJSONError,
    requests.exceptions.StreamConsumedError,
    requests.exceptions.TooManyRedirects,
    requests.exceptions.UnrewindableBodyError,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all it was made of: requests keeps urllib3's reason in `args` and `reason`.

    Not `__context__`: that may be an older failure the caller is just handling, which says nothing about this one.
    """
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += (cause.__cause__, getattr(cause, "reason", None), *cause.args)


@contextlib.contextmanager
def unknown_if_unreadable(operation: str) -> Iterator[None]:
    """A yes that cannot be read is a write whose end is unknown."""
    try:
        yield
    except HubStrange as strange:
        raise HubBusy(f"{operation}: unknown end, {strange}", unknown_end=True) from strange


def _newest_first(operations: tuple[Operation, ...]) -> bool:
    """Whether a page shows operations from new to old, which no contract promises."""
    times = [o.created_at for o in operations if o.created_at is not None]
    return len(times) == len(operations) and len(set(times)) > 1 and times == sorted(times, reverse=True)
