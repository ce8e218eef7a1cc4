"""The web: health, metrics, and in front of both the doorbell for DoltHub's webhooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Flask, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from werkzeug.exceptions import HTTPException

from bot.clock.heartbeat import Heartbeat
from bot.config.settings import Settings
from bot.health import CheckResult, State, the_clock
from bot.log import stranger
from bot.model.finding import Level
from bot.model.ids import Commons
from bot.queue.enqueue import JobQueue
from bot.store import Store
from bot.web.webhook import BODY_BYTES_MAX, HEADERS, WebhookApp


def create_app(settings: Settings, store: Store) -> Flask:
    """The WSGI application. `store` must be over an impatient client, so that a Redis that is away costs a second."""
    app = Flask("stampbot", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    commons = tuple(each.commons for each in settings.commons)
    registry = CollectorRegistry()
    registry.register(_StoreMetrics(store, commons))
    app.wsgi_app = WebhookApp(app.wsgi_app, settings, store, registry)  # type: ignore[method-assign]

    @app.get("/healthz")
    def healthz() -> Response:
        """This process lives."""
        return _plain("ok\n")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """A webhook would be heard now. What else is wrong is told below, for whoever reads it: 503 would shut the door."""
        trouble = store.trouble()
        if trouble:
            return _plain(f"{trouble}\n"), 503
        return _plain("\n".join(["ready", *map(_line, _behind(store))]) + "\n"), 200

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
        for name, value in HEADERS:
            answer.headers.setdefault(name, value)
        return answer

    return app


class _StoreMetrics(Collector):
    """What all processes counted together, how many jobs wait, who is missing or too many, and what audits of main found."""

    def __init__(self, store: Store, commons: Sequence[Commons]) -> None:
        self._store = store
        self._jobs = JobQueue(store.redis, store.keys)
        self._heartbeat = Heartbeat(store.redis, store.keys)
        self._commons = commons

    def collect(self) -> list[Metric]:
        up = GaugeMetricFamily("stampbot_redis_up", "Whether Redis answers.")
        writable = GaugeMetricFamily(
            "stampbot_redis_writable", "Whether Redis takes a write: 0 where it is away, full or read-only."
        )
        waiting = GaugeMetricFamily("stampbot_jobs_waiting", "Jobs that wait.", labels=["queue"])
        counted = CounterMetricFamily("stampbot_events", "Counts of all processes.", labels=["name"])
        labels = ["commons", "level"]
        silent = GaugeMetricFamily("stampbot_clock_silent_seconds", "Since a clock was heard; infinite if none was.")
        stuck = GaugeMetricFamily(
            "stampbot_pulls_stuck", "Pulls whose looks fail again and again for one reason.", labels=["commons"]
        )
        outages = GaugeMetricFamily(
            "stampbot_outage",
            "Whether looks fail for trouble that meets all pulls, by what does not work.",
            labels=["commons", "of"],
        )
        audited = GaugeMetricFamily("stampbot_audit_findings", "What the last audit of main found.", labels=labels)
        try:
            for queue, jobs in self._jobs.waiting().items():
                waiting.add_metric([queue], jobs)
            for name, count in self._store.counters.all().items():
                counted.add_metric([name], count)
            if (silent_s := self._heartbeat.silent_s()) is not None:
                silent.add_metric([], silent_s)
            for commons in self._commons:
                stuck.add_metric([str(commons)], len(self._store.at(commons).pulls.stuck()))
                for outage in self._store.at(commons).outages.all():
                    outages.add_metric([str(commons), outage.of], 1)
                if (audit := self._store.at(commons).audits.get()) is not None:
                    for level in (Level.FAULT, Level.DOUBT, Level.NOTE):
                        audited.add_metric([str(commons), level.value], audit.count(level))
            up.add_metric([], 1)
        except Exception:
            up.add_metric([], 0)
            writable.add_metric([], 0)
        else:
            writable.add_metric([], 0 if self._store.trouble() else 1)
        return [up, writable, waiting, counted, silent, stuck, outages, audited]


def _behind(store: Store) -> Iterator[CheckResult]:
    """What is wrong with the bot behind the door, as far as Redis alone tells it, in one question."""
    clock = the_clock(Heartbeat(store.redis, store.keys).silent_s())
    if clock.state is not State.FINE:
        yield clock


def _line(result: CheckResult) -> str:
    return f"{result.commons or result.check}: {stranger(result.says)}. {result.fix}"


def _plain(text: str) -> Response:
    return Response(text, content_type="text/plain; charset=utf-8")
