"""One connection to DoltHub: requests within the budget, their tries, pages and polls. All HTTP to DoltHub is here."""

from __future__ import annotations

import contextlib
import random
import ssl
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import structlog
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from bot.dolthub.budget.rate_limiter import RateLimiter
from bot.dolthub.errors import HubBusy, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import ANSWER_MAX_BYTES, TOKEN_FIX, Request, Response, changed_nothing, clean, encode
from bot.dolthub.wire import Operation, OperationState, Reading
from bot.model.ids import Database

READ_TRIES = 3
BACKOFF_S = 0.5
RETRY_AFTER_CAP_S = 10.0
"""If a server asks for a longer wait than this, the read is not repeated: the job is repeated later."""
BODY_DEADLINE_S = 60.0
CHUNK_BYTES = 64 * 1024
PAGES_MAX = 500
POOL_SIZE = 128
SHRINKS = 0.9
"""Where a write had ended at the first question, the next one of its kind is asked about so much sooner."""
WARNINGS_LOGGED_MAX = 5
"""Of one response: the history of a commons that was migrated often has one for each migration."""

log = structlog.get_logger("stampbot.hub")
T = TypeVar("T")
Session = requests.Session
Items = tuple[Mapping[str, object], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection:
    """Origin, token, session and budget, and how requests are sent with them. It is safe to share between threads.

    `scheme`: the word before the token in the header. `refusal`: the error that a response stands for, None if there is none.
    Both belong to one API. `bot.dolthub.client.Hub` explains the other fields.
    """

    origin: str
    token: str = field(repr=False)
    scheme: str
    refusal: Callable[[Request, Response], HubError | None]
    commons: frozenset[Database]
    session: Session
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    timeout_s: tuple[float, float]
    poll_s: tuple[float, float]
    operation_wait_s: float
    limiter: RateLimiter | None
    on_request: Callable[[str], None] | None
    lasted_s: dict[str, float] = field(default_factory=dict)
    """By operation: after how many seconds the end of the last one was likely."""

    def has_token_for(self, db: Database) -> bool:
        """Whether a database is read with the token."""
        return db in self.commons

    def read(self, request: Request, reader: Callable[[Response], T]) -> T:
        """Send and read, up to three times where another try may help, and once without the token if it is refused."""
        if not self.token:
            request = replace(request, auth=False)
        may_go_without = request.auth and request.public
        for tried in range(1, READ_TRIES + 1):
            try:
                return reader(self.send(request))
            except HubError as error:
                trouble = error
            if may_go_without and _token_is_in_the_way(trouble):
                may_go_without = False
                with contextlib.suppress(HubError):
                    return reader(self.send(replace(request, auth=False)))
            pause = _pause_s(trouble, tried)
            if pause is None or tried == READ_TRIES:
                raise trouble
            self.sleep(pause)
        raise AssertionError("unreachable")

    def pages(self, request_for: Callable[[str], Request], reader: Callable[[Response], tuple[Items, str]]) -> Iterator[Items]:
        """Pages until the token of the next one is absent, empty or known already. Raises HubStrange if they do not end.

        `request_for` makes the request for the page of a token, empty for the first; `reader` reads items and next token.
        """
        seen = {""}
        token = ""
        for _ in range(PAGES_MAX):
            request = request_for(token)
            items, token = self.read(request, reader)
            yield items
            if token in seen:
                return
            seen.add(token)
        raise HubStrange(f"{request.operation}: more than {PAGES_MAX} pages", too_large=True)

    def write(self, request: Request) -> Response:
        """Send a write, once. Raises HubBusy(unknown_end) if it was sent and its end is not known."""
        if not self.token:
            raise HubRefused(f"{request.operation} needs a token; {TOKEN_FIX}", status=401, code="UNAUTHENTICATED")
        try:
            return self.send(request)
        except HubGone as missing:
            if missing.passing:
                # A write is not repeated here, so this is not believed either.
                raise HubBusy(str(missing)) from missing
            raise

    def follow(self, request: Request, poll: Request, reader: Callable[[Response], Operation]) -> Operation:
        """Poll what `request` has started to its end. Raises HubBusy(unknown_end) if that does not come in time.

        Each question is a request. So the first one comes when the last write of this kind had ended, and a little sooner each
        time it came late enough.
        """
        began = self.clock()
        deadline = began + self.operation_wait_s
        shortest, longest = self.poll_s
        first = pause = min(longest, max(shortest, self.lasted_s.get(request.operation, 0.0)))
        for asked in count(1):
            self.sleep(pause)
            if asked == 1 and first > shortest:
                pause = shortest / 2
            trouble = ""
            try:
                operation = reader(self.send(poll))
                if operation.ended:
                    self.lasted_s[request.operation] = first * SHRINKS if asked == 1 else self.clock() - began
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
            if self.clock() + pause > deadline:
                raise HubBusy(f"{request.operation}: unknown end, {trouble or 'still running'}", unknown_end=True)
        raise AssertionError("unreachable")

    def send(self, request: Request) -> Response:
        """One request within the budget, one response with status 2xx; everything else is raised as a HubError."""
        if self.limiter is None:
            return self.exchange(request)
        self.limiter.wait()
        try:
            return self.exchange(request)
        except HubBusy as busy:
            self.limiter.trouble(busy.retry_after_s or 0.0)
            raise

    def exchange(self, request: Request) -> Response:
        """As `send`, outside the budget."""
        if self.on_request is not None:
            self.on_request(request.operation)
        headers = {
            "accept": "application/json",
            "cache-control": "no-cache",
            "user-agent": "stampbot",
            "x-request-id": f"stampbot-{uuid.uuid4()}",
        }
        if request.auth:
            headers["authorization"] = f"{self.scheme} {self.token}"
        if request.body is not None:
            headers["content-type"] = "application/json"
        if request.until is not None and self.clock() > request.until:
            # After a long wait for the budget, or because this process was suspended: another process may have done it by now.
            raise HubBusy(f"{request.operation}: unknown end, it was not sent, for it came too late", unknown_end=True)
        try:
            with self.session.request(
                request.method,
                self.origin + request.path,
                params=list(request.query),
                data=encode(request.body) if request.body is not None else None,
                headers=headers,
                timeout=self.timeout_s,
                allow_redirects=False,
                stream=True,
            ) as received:
                body = self._body(received)
                if self.token:
                    # A response about a refused token may quote it, and its text may be quoted in a public comment.
                    body = body.replace(self.token.encode("ascii"), b"***")
                response = Response(
                    status=received.status_code,
                    headers={name.lower(): value for name, value in received.headers.items()},
                    body=body,
                )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _error_of(error, request) from error
        trouble = self.refusal(request, response)
        if trouble is None:
            return response
        if isinstance(trouble, HubBusy) and not request.reads and response.status != 429:
            raise HubBusy(f"unknown end, {trouble}", unknown_end=True, retry_after_s=trouble.retry_after_s)
        raise trouble

    def _body(self, response: requests.Response) -> bytes:
        """The body within the deadline, up to one byte over the cap: a reader refuses that as too large."""
        deadline = self.clock() + BODY_DEADLINE_S
        read = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            read += chunk
            if len(read) > ANSWER_MAX_BYTES:
                return bytes(read[: ANSWER_MAX_BYTES + 1])
            if self.clock() > deadline:
                raise requests.ReadTimeout("the answer trickles")
        return bytes(read)


def with_warnings_logged(reading: Reading, db: Database, text: str) -> Reading:
    """The result of a SQL read, whose warnings are logged: most callers do not read them."""
    for warning in reading.warnings[:WARNINGS_LOGGED_MAX]:
        log.info("DoltHub answered with a warning", database=str(db), warning=warning, query=clean(text))
    return reading


@contextlib.contextmanager
def unknown_if_unreadable(operation: str) -> Iterator[None]:
    """A response 2xx to a write that cannot be read is a write whose end is unknown."""
    try:
        yield
    except HubStrange as strange:
        raise HubBusy(f"{operation}: unknown end, {strange}", unknown_end=True) from strange


def read_origin(text: str) -> str:
    """The address of a hub without a slash at its end. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not the address of a hub such as https://www.dolthub.com")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def read_token(text: str) -> str:
    """A token without the spaces around it. Raises ValueError, without showing it, for one that no header can carry."""
    token = text.strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("the token holds characters no DoltHub token has")
    return token


def kept_session() -> Session:
    """One pool for all threads. It has no proxies or netrc of the environment, keeps no cookies and repeats no request."""
    session = Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _token_is_in_the_way(trouble: HubError) -> bool:
    """Whether the same read may succeed without token: a token limited by scope gets a refusal, or a 404."""
    if isinstance(trouble, HubGone):
        return trouble.passing or "api token" in str(trouble).lower()
    return isinstance(trouble, HubRefused) and trouble.status == 403


def _pause_s(trouble: HubError, tried: int) -> float | None:
    """How long to wait before the next try of a read, None if no further try makes sense. Jitter keeps worker threads apart."""
    backoff = BACKOFF_S * 2 ** (tried - 1) * random.uniform(0.8, 1.2)
    if isinstance(trouble, HubBusy):
        asked = trouble.retry_after_s or 0.0
        return max(backoff, asked) if asked <= RETRY_AFTER_CAP_S else None
    if isinstance(trouble, HubGone):
        return backoff if trouble.passing else None
    if isinstance(trouble, HubStrange):
        return backoff if trouble.unreadable else None
    return None


def _error_of(error: Exception, request: Request) -> HubError:
    """The HubError that an exception of the HTTP library stands for."""
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
    """An exception and its causes: requests keeps urllib3's in `args` and `reason`.

    Not `__context__`: that may be an older failure that the caller is just handling.
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
