"""The view for DoltHub's webhooks: a body that fits the schema becomes one job, a look at a pull or a sweep.

A webhook is unsigned, and may be lost, doubled or forged. All that it can cause is an early look at a pull that exists.
"""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

import structlog
from flask import Blueprint, Response, abort, request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from prometheus_client import CollectorRegistry, Counter
from werkzeug.exceptions import RequestEntityTooLarge

from bot.config.settings import Settings
from bot.log import stranger
from bot.model.ids import Commons, PullNo
from bot.queue.enqueue import LIMITED_WINDOW_S, JobQueue
from bot.store import Store

MAIN_BRANCH: Final = "main"
PATH: Final = "/hooks/dolthub/"
PURPOSE: Final = "DoltHub posts webhooks to this address. Enter it in the webhook settings of the database on DoltHub."
RETRY_AFTER_S: Final = 30
BUDGET_SHARE: Final = 0.2
"""Of a commons' budget of requests, for looks that webhooks ask for: with the secret any pull can be named, over and over."""
REQUESTS_A_LOOK: Final = 6
"""Requests to DoltHub; 3 for a pull that does not exist, 12 for a first look (docs/performance.md)."""
LOOKS_LEAST: Final = 20
REDIS_RETRY_S: Final = 0.25
"""After a failure Redis is left alone for so long, and then asked by one request alone: the others do not wait for it."""

_OUTCOMES: Final = (
    "queued",
    "limited",
    "ignored",
    "own",
    "unavailable",
    "unknown secret",
    "bad signature",
    "malformed",
    "too large",
    "other commons",
)
_AWAY_FIX: Final = "Senders get 503, and the next sweep finds the pull. Look at Redis: is it up, and has it room (maxmemory)?"
_LIMITED_FIX: Final = (
    "Nothing is lost: sweeps find every pull. If the commons is not that busy, the address is known: make a new secret."
)
_SCHEMA: Final = json.loads(files("bot.config").joinpath("webhooks.schema.json").read_text("utf-8"))
_FORMS: Final = {
    kind: Draft202012Validator({"$defs": _SCHEMA["$defs"], "$ref": f"#/$defs/{kind}"})
    for kind in ("pull_request", "push", "branch")
}

log = structlog.get_logger("stampbot.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """All that is taken from a webhook. `pull`: look at this one; None and `sweep`: look at all; neither: at nothing."""

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
            # Lone surrogates parse, and break whatever writes them down later.
            json.dumps(event, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deep") from None
    kind = _kind(event) if isinstance(event, dict) else ""
    if kind not in _FORMS:
        raise ValueError("no event that is known")
    wrong = best_match(_FORMS[kind].iter_errors(event))
    if wrong is not None:
        raise ValueError(f"{wrong.json_path}: {wrong.message}")
    commons, sender = f"{event['repository']['owner']}/{event['repository']['name']}", event.get("sender")
    if kind == "pull_request":
        return Hook(commons=commons, sender=sender, pull=PullNo(int(event["pullID"])))
    pushed = event["ref"].removeprefix("refs/heads/") if kind == "push" else MAIN_BRANCH
    return Hook(commons=commons, sender=sender, sweep=pushed == MAIN_BRANCH)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


def _kind(event: Mapping[str, Any]) -> str:
    """The kind that a payload names, else the one that its keys show, in this order; empty if it is none."""
    named = event.get("event_name")
    if named is not None:
        return named.strip() if isinstance(named, str) else ""
    by_key = {"pullID": "pull_request", "ref": "push", "branch": "branch"}
    return next((kind for key, kind in by_key.items() if key in event), "")


def webhooks(settings: Settings, store: Store, registry: CollectorRegistry) -> Blueprint:
    """The routes below PATH."""
    routes = Blueprint("webhooks", __name__)
    view = _Webhooks(settings, store, registry)
    methods = ("GET", "POST")
    routes.add_url_rule(f"{PATH}<path:secret>", view_func=view.answer, methods=methods, provide_automatic_options=False)
    return routes


class _Webhooks:
    """The view and what it remembers between requests."""

    def __init__(self, settings: Settings, store: Store, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._store = store
        self._jobs = JobQueue(store.redis, store.keys)
        # Names are compared without regard to case: a webhook only names where to look.
        self._commons = {str(each.commons).casefold(): each.commons for each in settings.commons}
        self._secrets = tuple(
            (each.commons, secret.reveal().encode()) for each in settings.commons for secret in each.webhook_secrets
        )
        counter = Counter("stampbot_webhooks", "Webhooks by what became of them.", ["outcome"], registry=registry)
        self._count = {outcome: counter.labels(outcome).inc for outcome in _OUTCOMES}
        self._looks_max = {
            each.commons: limited_max(settings.requests_per_minute(each.hub_token) // len(settings.sharing(each.hub_token)))
            for each in settings.commons
        }
        self._limit_logged_at: dict[Commons, float] = {}
        self._asking_redis = threading.Lock()
        self._redis_retry_at: float | None = None
        """None: Redis answered when it was asked last."""

    def answer(self, secret: str) -> Response:
        """What a POST and a GET get. A wrong secret gets the 404 of any other path that does not exist."""
        if request.method != "POST":
            if not self._opened_by(secret):
                abort(HTTPStatus.NOT_FOUND)
            return Response(f"{PURPOSE}\n", mimetype="text/plain")
        outcome, status = self._take(secret)
        self._count[outcome]()
        if status is HTTPStatus.ACCEPTED:
            return Response(status=status, mimetype="text/plain")
        if status is not HTTPStatus.SERVICE_UNAVAILABLE:
            abort(status)
        again = {"Retry-After": str(RETRY_AFTER_S)}
        return Response(f"{status.phrase}\n", status=status, headers=again, mimetype="text/plain")

    def _take(self, secret: str) -> tuple[str, HTTPStatus]:
        """The outcome of a webhook, in a word for the metrics, and its status."""
        allowed = self._opened_by(secret)
        if not allowed:
            return "unknown secret", HTTPStatus.NOT_FOUND
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            return "malformed", HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        try:
            body = request.get_data()
        except RequestEntityTooLarge:
            return "too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        header = self._settings.webhook_header
        if header and not is_signed(request.headers.get(header, ""), body, self._settings):
            return "bad signature", HTTPStatus.NOT_FOUND
        try:
            hook = read_hook(body)
        except ValueError as error:
            log.info("a webhook does not fit the schema", error=stranger(error))
            return "malformed", HTTPStatus.BAD_REQUEST
        commons = self._commons.get(hook.commons.casefold())
        if commons is None:
            return "other commons", HTTPStatus.UNPROCESSABLE_ENTITY
        if commons not in allowed:
            # A commons of the bot, and another one's secret: with that one, this address does not exist.
            return "unknown secret", HTTPStatus.NOT_FOUND
        if self._settings.account is not None and hook.sender == self._settings.account:
            return "own", HTTPStatus.ACCEPTED
        return self._enqueue(commons, hook)

    def _opened_by(self, secret: str) -> tuple[Commons, ...]:
        """The commons that have this webhook secret. Compares with all of them, each in constant time.

        A slash behind the secret was copied along with it.
        """
        given = secret.removesuffix("/").encode("utf-8", "replace")
        return tuple(commons for commons, own in self._secrets if hmac.compare_digest(given, own))

    def _enqueue(self, commons: Commons, hook: Hook) -> tuple[str, HTTPStatus]:
        """Enqueue a look at the pull, or a sweep. A sweep also stands for all looks that the budget has no room for."""
        pull = hook.pull
        if pull is None and not hook.sweep:
            return "ignored", HTTPStatus.ACCEPTED
        limited = False

        def enqueue() -> None:
            nonlocal limited
            if pull is None:
                self._jobs.enqueue_sweep(commons)
            else:
                limited = not self._jobs.enqueue_limited(commons, pull, most=self._looks_max[commons])
            self._store.at(commons).contacts.note_webhook()

        if not self._with_redis(commons, enqueue):
            return "unavailable", HTTPStatus.SERVICE_UNAVAILABLE
        if limited:
            self._log_limit(commons)
        return "limited" if limited else "queued", HTTPStatus.ACCEPTED

    def _log_limit(self, commons: Commons) -> None:
        """Log once in a window that more looks were asked for than are made."""
        now = time.monotonic()
        if now - self._limit_logged_at.get(commons, -LIMITED_WINDOW_S) >= LIMITED_WINDOW_S:
            self._limit_logged_at[commons] = now
            log.warning("more webhooks than looks: a sweep stands for them", commons=str(commons), fix=_LIMITED_FIX)

    def _with_redis(self, commons: Commons, act: Callable[[], object]) -> bool:
        """Whether `act` was done. While Redis is away one request at a time tries it, and all others fail at once."""
        if self._redis_retry_at is None:
            return self._done(commons, act)
        if time.monotonic() < self._redis_retry_at or not self._asking_redis.acquire(blocking=False):
            return False
        try:
            return self._done(commons, act)
        finally:
            self._asking_redis.release()

    def _done(self, commons: Commons, act: Callable[[], object]) -> bool:
        try:
            act()
        except Exception as error:
            # Whatever went wrong, the sender gets 503; the next sweep finds the pull anyway.
            if self._redis_retry_at is None:
                log.warning("a webhook made no job", commons=str(commons), error=type(error).__name__, fix=_AWAY_FIX)
            self._redis_retry_at = time.monotonic() + REDIS_RETRY_S
            return False
        if self._redis_retry_at is not None:
            log.info("webhooks make jobs again")
            self._redis_retry_at = None
        return True


def limited_max(requests_per_minute: int) -> int:
    """Looks that webhooks may ask for in LIMITED_WINDOW_S."""
    return max(LOOKS_LEAST, int(BUDGET_SHARE * requests_per_minute * LIMITED_WINDOW_S / 60 / REQUESTS_A_LOOK))


def is_signed(header: str, body: bytes, settings: Settings) -> bool:
    """Whether the header that the operator named fits: the key itself, or an HMAC of the body in hex or base64."""
    key = settings.webhook_key.reveal().encode()
    given = header.strip().encode("latin-1", "replace")
    if settings.webhook_scheme == "plain":
        return hmac.compare_digest(given, key)
    digest = hmac.new(key, body, "sha256").digest()
    given = given.removeprefix(b"sha256=")
    fits_hex = hmac.compare_digest(given.lower(), digest.hex().encode())
    return fits_hex | hmac.compare_digest(given, base64.b64encode(digest))
