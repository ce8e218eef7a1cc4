"""The webhook: a body read strictly into the little that is taken from it, and a doorbell in plain WSGI before any framework.

A webhook is unsigned, may be lost, doubled or forged; all it can cause is an early look at a pull that exists.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter

from bot.config.settings import Settings
from bot.log import stranger
from bot.model.ids import Commons, PullNo
from bot.queue.enqueue import LIMITED_WINDOW_S, JobQueue
from bot.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BODY_BYTES_MAX: Final = 64 * 1024
MAIN_BRANCH: Final = "main"
PATH: Final = "/hooks/dolthub/"
PURPOSE: Final = "DoltHub posts webhooks to this address. Enter it in the webhook settings of the database on DoltHub."
RETRY_AFTER_S: Final = 30
BUDGET_SHARE: Final = 0.2
"""Of a commons' budget of requests, for looks the door asks for: whoever has the secret can name any pull, again and again."""
LOOK_COSTS: Final = 6
"""Requests to DoltHub; 3 for a pull that is not there, 12 for a first look (docs/performance.md)."""
RINGS_LEAST: Final = 20
SILENCE_S: Final = 0.25
"""After a knock that was not heard nobody knocks for so long, and then one alone: a dead Redis must not hold all threads."""
HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
"""What every answer with something to read carries."""

_PULL_NUMBER = re.compile(r"\s*([1-9][0-9]{0,9})\s*", re.ASCII)
_NAME_CHARS_MAX: Final = 255
_BRANCH_CHARS_MAX: Final = 1024
_PULL_CHARS_MAX: Final = 24

log = structlog.get_logger("stampbot.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """All that is taken from a webhook. `pull`: look at this one; None and `sweep`: at all of them; neither: at nothing."""

    commons: str
    """`owner/name` as it was written."""
    sender: str | None
    pull: PullNo | None = None
    sweep: bool = False


def read_hook(body: bytes) -> Hook:
    """A body that fits `webhooks.schema.json`. Raises ValueError for everything else, however it is built."""
    text = body.decode("utf-8")
    try:
        event = _DECODER.decode(text)
        if "\\u" in text:
            # Lone surrogates parse, and break whoever writes them down later.
            json.dumps(event, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deep") from None
    match event:
        case {"repository": {"owner": str(owner), "name": str(name)}} if _fits(owner) and _fits(name):
            commons = f"{owner}/{name}"
        case _:
            raise ValueError("names no repository")
    sender = event.get("sender")
    if sender is not None and not (isinstance(sender, str) and len(sender) <= _NAME_CHARS_MAX):
        raise ValueError("the sender is no name")
    match _kind(event):
        case "pull_request":
            return Hook(commons=commons, sender=sender, pull=_pull(event.get("pullID")))
        case "push":
            return Hook(commons=commons, sender=sender, sweep=_branch(event.get("ref")) == MAIN_BRANCH)
        case "branch":
            _branch(event.get("branch"))
            return Hook(commons=commons, sender=sender, sweep=True)
    raise ValueError("no event that is known")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _kind(event: Mapping[str, Any]) -> str:
    """The kind a payload says it is, else by its key, in this order; empty if it is none."""
    said = event.get("event_name")
    if said is not None:
        return said.strip() if isinstance(said, str) else ""
    by_key = {"pullID": "pull_request", "ref": "push", "branch": "branch"}
    return next((kind for key, kind in by_key.items() if key in event), "")


def _fits(name: str) -> bool:
    return 0 < len(name) <= _NAME_CHARS_MAX


def _pull(number: object) -> PullNo:
    if type(number) is float and number.is_integer():
        number = int(number)
    if type(number) is int and 0 < number < 10**10:
        return PullNo(number)
    if isinstance(number, str) and len(number) <= _PULL_CHARS_MAX and (found := _PULL_NUMBER.fullmatch(number)):
        return PullNo(int(found[1]))
    raise ValueError("names no pull")


def _branch(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= _BRANCH_CHARS_MAX:
        raise ValueError("names no branch")
    return name.removeprefix("refs/heads/")


def _say(start_response: StartResponse, status: HTTPStatus, line: str, more: Iterable[tuple[str, str]] = ()) -> Iterable[bytes]:
    """An answer of one line."""
    text = f"{line}\n".encode()
    kind = ("Content-Type", "text/plain; charset=utf-8")
    start_response(_STATUS_LINES[status], [kind, ("Content-Length", str(len(text))), *HEADERS, *more])
    return (text,)


class WebhookApp:
    """WSGI: answers webhooks, and gives every other request to `inside`; so does a wrong secret, which is told by nothing."""

    def __init__(self, inside: WSGIApplication, settings: Settings, store: Store, registry: CollectorRegistry) -> None:
        self._inside = inside
        self._settings = settings
        self._jobs = JobQueue(store.redis, store.keys)
        # Names are told apart without regard to case: it is only a knock.
        self._ours = {str(each.commons).casefold(): each.commons for each in settings.commons}
        self._secrets = tuple(
            (each.commons, each.webhook_secret.reveal().encode()) for each in settings.commons if each.webhook_secret
        )
        header = settings.webhook_header.upper().replace("-", "_")
        self._header = header if header in ("", "CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{header}"
        hooks = Counter("stampbot_webhooks", "Webhooks by what became of them.", ["outcome"], registry=registry)
        self._count = {word: hooks.labels(word).inc for word in _OUTCOMES}
        self._rings = {
            each.commons: limited_max(settings.requests_per_minute(each.hub_token) // len(settings.sharing(each.hub_token)))
            for each in settings.commons
        }
        self._crowd_told_at: dict[Commons, float] = {}
        self._trying = threading.Lock()
        self._silent_until: float | None = None
        """None: the last knock was heard."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(PATH):
            return self._inside(environ, start_response)
        if environ["REQUEST_METHOD"] == "GET" and self._opened_by(environ["PATH_INFO"]):
            return _say(start_response, HTTPStatus.OK, PURPOSE)
        if environ["REQUEST_METHOD"] != "POST":
            return self._inside(environ, start_response)
        word, status = self._answer(environ)
        self._count[word]()
        if status is HTTPStatus.NOT_FOUND:
            return self._inside(environ, start_response)
        if status is HTTPStatus.ACCEPTED:
            start_response(_STATUS_LINES[status], [("Content-Length", "0")])
            return ()
        again = [("Retry-After", str(RETRY_AFTER_S))] if status is HTTPStatus.SERVICE_UNAVAILABLE else []
        return _say(start_response, status, status.phrase, again)

    def _answer(self, environ: WSGIEnvironment) -> tuple[str, HTTPStatus]:
        """What became of a webhook, in a word for the metrics, and the status that says so."""
        allowed = self._opened_by(environ["PATH_INFO"])
        if not allowed:
            return "unknown secret", HTTPStatus.NOT_FOUND
        if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
            return "malformed", HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        body = _body(environ)
        if body is None:
            return "too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if self._header and not sealed(environ.get(self._header, ""), body, self._settings):
            return "unsealed", HTTPStatus.NOT_FOUND
        try:
            hook = read_hook(body)
        except ValueError as error:
            log.info("a webhook was not understood", error=stranger(error))
            return "malformed", HTTPStatus.BAD_REQUEST
        commons = self._ours.get(hook.commons.casefold())
        if commons is None:
            return "foreign", HTTPStatus.UNPROCESSABLE_ENTITY
        if commons not in allowed:
            # One of ours, and another one's secret: to whoever holds that, there is no such door.
            return "unknown secret", HTTPStatus.NOT_FOUND
        if self._settings.account is not None and hook.sender == self._settings.account:
            return "own", HTTPStatus.ACCEPTED
        return self._ring(commons, hook)

    def _opened_by(self, path: str) -> tuple[Commons, ...]:
        """The commons whose webhook secret ends this path. Compares with all of them, each in constant time.

        A slash behind the secret is one that was copied along.
        """
        given = path.removeprefix(PATH).removesuffix("/").encode("latin-1", "replace")
        return tuple(commons for commons, own in self._secrets if hmac.compare_digest(given, own))

    def _ring(self, commons: Commons, hook: Hook) -> tuple[str, HTTPStatus]:
        """Knock at the pull, or for a sweep. A sweep also stands for what would be more looks than the budget has room for."""
        knocks, pull = self._jobs, hook.pull
        if pull is None and not hook.sweep:
            return "needless", HTTPStatus.ACCEPTED
        crowded = False

        def knock() -> None:
            nonlocal crowded
            if pull is None:
                knocks.enqueue_sweep(commons)
            else:
                crowded = not knocks.enqueue_limited(commons, pull, most=self._rings[commons])

        if not self._heard(commons, knock):
            return "unheard", HTTPStatus.SERVICE_UNAVAILABLE
        if crowded:
            self._tell_of_crowd(commons)
        return "crowded" if crowded else "heard", HTTPStatus.ACCEPTED

    def _tell_of_crowd(self, commons: Commons) -> None:
        """Say now and then that more is rung than looked at."""
        now = time.monotonic()
        if now - self._crowd_told_at.get(commons, -LIMITED_WINDOW_S) >= LIMITED_WINDOW_S:
            self._crowd_told_at[commons] = now
            log.warning("more webhooks than looks: a sweep stands for them", commons=str(commons), fix=_CROWDED)

    def _heard(self, commons: Commons, knock: Callable[[], object]) -> bool:
        silent_until = self._silent_until
        if silent_until is None:
            return self._knocked(commons, knock)
        if time.monotonic() < silent_until or not self._trying.acquire(blocking=False):
            return False
        try:
            return self._knocked(commons, knock)
        finally:
            self._trying.release()

    def _knocked(self, commons: Commons, knock: Callable[[], object]) -> bool:
        try:
            knock()
        except Exception as error:
            # Whatever keeps a knock from being heard, the sender is told; the next sweep finds the pull anyway.
            if self._silent_until is None:
                log.warning("a knock was not heard", commons=str(commons), error=type(error).__name__, fix=_UNHEARD)
            self._silent_until = time.monotonic() + SILENCE_S
            return False
        if self._silent_until is not None:
            log.info("knocks are heard again")
            self._silent_until = None
        return True


_OUTCOMES: Final = (
    "heard",
    "crowded",
    "needless",
    "own",
    "unheard",
    "unknown secret",
    "unsealed",
    "malformed",
    "too large",
    "foreign",
)
_STATUS_LINES: Final = {each: f"{each.value} {each.phrase}" for each in HTTPStatus}
_UNHEARD: Final = (
    "Senders are told 503, and the next sweep finds the pull. Look at Redis: is it up, and has it room (maxmemory)?"
)


_CROWDED: Final = (
    "Nothing is lost: sweeps find every pull. If the commons is not that busy, somebody has the address: make its secret anew."
)


def limited_max(requests_per_minute: int) -> int:
    """Looks that the door may ask for in RINGS_S."""
    return max(RINGS_LEAST, int(BUDGET_SHARE * requests_per_minute * LIMITED_WINDOW_S / 60 / LOOK_COSTS))


def _body(environ: WSGIEnvironment) -> bytes | None:
    """The body; None if it is larger than is taken, of which no byte more is read."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > BODY_BYTES_MAX:
        return None
    # Without a length there are chunks, of which the server knows the end, or nothing.
    ends = bool(environ.get("wsgi.input_terminated"))
    body: bytes = environ["wsgi.input"].read(int(length) if length.isdecimal() else (BODY_BYTES_MAX + 1) * ends)
    return body if len(body) <= BODY_BYTES_MAX else None


def sealed(header: str, body: bytes, settings: Settings) -> bool:
    """Whether the header the operator named fits: the key itself, or an HMAC of the body in hex or base64."""
    key = settings.webhook_key.reveal().encode()
    given = header.strip().encode("latin-1", "replace")
    if settings.webhook_scheme == "plain":
        return hmac.compare_digest(given, key)
    digest = hmac.new(key, body, "sha256").digest()
    given = given.removeprefix(b"sha256=")
    fits_hex = hmac.compare_digest(given.lower(), digest.hex().encode())
    return fits_hex | hmac.compare_digest(given, base64.b64encode(digest))
