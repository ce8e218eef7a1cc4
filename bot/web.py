"""The door: DoltHub's webhook, health and metrics. A doorbell, not a letter: of a body only the pull's number is taken.

A webhook is unsigned, may be lost, doubled or forged; all it can cause is an early look at a pull that exists.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import structlog
from flask import Flask, Response, abort, request
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from werkzeug.exceptions import HTTPException

from bot.log import stranger
from bot.model.finding import Level
from bot.model.ids import Commons, PullNo
from bot.scratch import Scratch
from bot.settings import Settings

BODY_BYTES_MAX: Final = 64 * 1024
MAIN_BRANCH: Final = "main"
RETRY_AFTER_S: Final = 30

log = structlog.get_logger("stampbot.web")


def create_app(settings: Settings, scratch: Scratch) -> Flask:
    """The WSGI application. `scratch` must be over an impatient client, so that a Redis that is away costs a second."""
    app = Flask("stampbot", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    registry = CollectorRegistry()
    hooks = Counter("stampbot_webhooks", "Webhooks by what became of them.", ["outcome"], registry=registry)
    registry.register(_ScratchMetrics(scratch, tuple(each.commons for each in settings.commons)))
    # Built here, so that the first request does not pay for it.
    _forms()

    @app.post("/hooks/dolthub/<secret>")
    def dolthub(secret: str) -> tuple[str, int, Mapping[str, str]]:
        allowed = _opened_by(secret, settings)
        if not allowed:
            hooks.labels("unknown secret").inc()
            abort(404)
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            abort(415)
        body = request.get_data(cache=False)
        if settings.webhook_header and not _sealed(request.headers.get(settings.webhook_header, ""), body, settings):
            hooks.labels("unsealed").inc()
            abort(404)
        try:
            event = _event(body)
        except ValueError as error:
            hooks.labels("malformed").inc()
            log.info("a webhook was not understood", error=stranger(error))
            abort(400)
        commons = _commons(event, allowed)
        if commons is None and _commons(event, tuple(each.commons for each in settings.commons)):
            # One of ours, and another one's secret: to whoever holds that, there is no such door.
            hooks.labels("unknown secret").inc()
            abort(404)
        if commons is None:
            hooks.labels("foreign").inc()
            abort(422)
        if settings.account is not None and event.get("sender") == settings.account:
            hooks.labels("own").inc()
            return "", 202, {}
        try:
            _ring(scratch, commons, event)
        except Exception as error:
            # Whatever keeps a knock from being heard, the sender is told; the next sweep finds the pull anyway.
            hooks.labels("unheard").inc()
            log.warning("a knock was not heard", commons=str(commons), error=type(error).__name__)
            return "", 503, {"Retry-After": str(RETRY_AFTER_S)}
        hooks.labels("heard").inc()
        return "", 202, {}

    @app.get("/healthz")
    def healthz() -> Response:
        """This process lives."""
        return _plain("ok\n")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """A webhook would be heard now."""
        return (_plain("ready\n"), 200) if scratch.awake() else (_plain("Redis does not answer\n"), 503)

    @app.get("/metrics")
    def metrics() -> Response:
        """Prometheus text."""
        return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        """The same few words for each status: nothing tells one 404 from another."""
        answer = _plain(f"{error.name}\n")
        answer.status_code = error.code or 500
        allow = dict(error.get_headers()).get("Allow")
        if allow:
            answer.headers["Allow"] = allow
        return answer

    @app.after_request
    def harden(answer: Response) -> Response:
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Referrer-Policy", "no-referrer")
        return answer

    return app


class _ScratchMetrics(Collector):
    """What all processes counted together, how many jobs wait, and what audits of main found."""

    def __init__(self, scratch: Scratch, commons: Sequence[Commons]) -> None:
        self._scratch = scratch
        self._commons = commons

    def collect(self) -> list[Metric]:
        up = GaugeMetricFamily("stampbot_redis_up", "Whether Redis answers.")
        waiting = GaugeMetricFamily("stampbot_jobs_waiting", "Jobs that wait.", labels=["queue"])
        counted = CounterMetricFamily("stampbot_events", "Counts of all processes.", labels=["name"])
        labels = ["commons", "level"]
        audited = GaugeMetricFamily("stampbot_audit_findings", "What the last audit of main found.", labels=labels)
        try:
            for queue, jobs in self._scratch.knocks.waiting().items():
                waiting.add_metric([queue], jobs)
            for name, count in self._scratch.counters.all().items():
                counted.add_metric([name], count)
            for commons in self._commons:
                if (audit := self._scratch.audits.get(commons)) is not None:
                    for level in (Level.FAULT, Level.DOUBT, Level.NOTE):
                        audited.add_metric([str(commons), level.value], audit.count(level))
            up.add_metric([], 1)
        except Exception:
            up.add_metric([], 0)
        return [up, waiting, counted, audited]


def _opened_by(secret: str, settings: Settings) -> tuple[Commons, ...]:
    """The commons whose webhook secret this is. Compares with all of them, each in constant time."""
    given = secret.encode("utf-8", "replace")
    return tuple(
        each.commons
        for each in settings.commons
        if hmac.compare_digest(given, each.webhook_secret.reveal().encode()) & bool(each.webhook_secret)
    )


def _sealed(header: str, body: bytes, settings: Settings) -> bool:
    """Whether the header the operator named fits: the key itself, or an HMAC of the body in hex or base64."""
    key = settings.webhook_key.reveal().encode()
    given = header.strip().encode("utf-8", "replace")
    if settings.webhook_scheme == "plain":
        return hmac.compare_digest(given, key)
    digest = hmac.new(key, body, "sha256").digest()
    given = given.removeprefix(b"sha256=")
    fits_hex = hmac.compare_digest(given.lower(), digest.hex().encode())
    return fits_hex | hmac.compare_digest(given, base64.b64encode(digest))


def _event(body: bytes) -> Mapping[str, Any]:
    """The body as JSON that fits the schema. Raises ValueError for everything else, however it is built."""
    try:
        text = body.decode("utf-8")
        event = json.loads(text, parse_constant=_no_constant)
        if "\\u" in text:
            # Lone surrogates parse, and break whoever writes them down later.
            json.dumps(event, ensure_ascii=False).encode("utf-8")
        form = _forms().get(_kind(event))
        if form is None or not form.is_valid(event):
            raise ValueError("not the form of a webhook")
    except RecursionError:
        raise ValueError("nested too deep") from None
    found: Mapping[str, Any] = event
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


@cache
def _forms() -> Mapping[str, Draft202012Validator]:
    """A validator for each kind of payload."""
    schema = json.loads(files("bot").joinpath("webhooks.schema.json").read_text("utf-8"))
    kinds = ("pull_request", "push", "branch")
    return {k: Draft202012Validator({"$defs": schema["$defs"], "$ref": f"#/$defs/{k}"}) for k in kinds}


def _kind(event: object) -> str:
    """The kind a payload says it is, else by its key, in this order; empty if it is none."""
    if not isinstance(event, dict):
        return ""
    said = event.get("event_name")
    if said is not None:
        return said.strip() if isinstance(said, str) else ""
    by_key = {"pullID": "pull_request", "ref": "push", "branch": "branch"}
    return next((kind for key, kind in by_key.items() if key in event), "")


def _commons(event: Mapping[str, Any], allowed: tuple[Commons, ...]) -> Commons | None:
    """Which of the commons this is about. Their names are told apart without regard to case: it is only a knock."""
    named = f"{event['repository']['owner']}/{event['repository']['name']}".casefold()
    return next((commons for commons in allowed if str(commons).casefold() == named), None)


def _ring(scratch: Scratch, commons: Commons, event: Mapping[str, Any]) -> None:
    """Knock at the pull, or for a sweep."""
    kind = _kind(event)
    if kind == "pull_request":
        scratch.knocks.knock(commons, PullNo(int(event["pullID"])))
    elif kind == "branch" or event["ref"].removeprefix("refs/heads/") == MAIN_BRANCH:
        scratch.knocks.knock_sweep(commons)


def _plain(text: str) -> Response:
    return Response(text, content_type="text/plain; charset=utf-8")
