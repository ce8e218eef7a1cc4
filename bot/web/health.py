"""Health and metrics: whether the process lives, whether a webhook would become a job, and figures for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot import __version__
from bot.clock.heartbeat import Heartbeat
from bot.health import CheckResult, State, the_clock, the_outage, the_reading
from bot.log import stranger
from bot.model.finding import Level, Verdict
from bot.model.ids import Commons
from bot.queue.enqueue import JobQueue
from bot.store import Store
from bot.store.poll_state import pull_thing


def health(commons: Sequence[Commons], store: Store, registry: CollectorRegistry) -> Blueprint:
    """The routes /healthz, /readyz and /metrics; figures of the store are added to `registry`."""
    routes = Blueprint("health", __name__)
    registry.register(_StoreMetrics(store, commons))

    @routes.get("/healthz")
    def healthz() -> Response:
        """This process lives."""
        return Response("ok\n", mimetype="text/plain")

    @routes.get("/readyz")
    def readyz() -> Response:
        """A webhook would become a job now. Other trouble is listed below it: a 503 for that would keep webhooks away."""
        trouble = store.trouble()
        if trouble:
            return Response(f"{trouble}\n", status=503, mimetype="text/plain")
        return Response("\n".join(["ready", *map(_line, _behind(store, commons))]) + "\n", mimetype="text/plain")

    @routes.get("/metrics")
    def metrics() -> Response:
        """Prometheus text."""
        return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


class _StoreMetrics(Collector):
    """What all processes count together: jobs that wait, processes that are missing or too many, what audits of main found."""

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
        silent = GaugeMetricFamily(
            "stampbot_clock_silent_seconds", "Since the last heartbeat of a clock; infinite if there was none."
        )
        stuck = GaugeMetricFamily(
            "stampbot_pulls_stuck", "Pulls whose looks fail again and again for one reason.", labels=["commons"]
        )
        kept = GaugeMetricFamily(
            "stampbot_decisions_kept", "Decisions that cannot go on now and are tried again.", labels=["commons"]
        )
        unread = GaugeMetricFamily(
            "stampbot_unread_seconds",
            "Since the comments of the open pull that waits longest for it were read; only pulls READY or LOOK.",
            labels=["commons"],
        )
        build = GaugeMetricFamily("stampbot_build_info", "Always 1; the version that runs.", labels=["version"])
        build.add_metric([__version__], 1)
        outages = GaugeMetricFamily(
            "stampbot_outage",
            "Whether looks fail for trouble that meets all pulls, by what does not work.",
            labels=["commons", "of"],
        )
        audited = GaugeMetricFamily("stampbot_audit_findings", "What the last audit of main found.", labels=labels)
        running = GaugeMetricFamily("stampbot_process_up", "Whether a process of `stampbot run` runs.", labels=["process"])
        restarts = CounterMetricFamily(
            "stampbot_process_restarts", "How often `stampbot run` has started a process again.", labels=["process"]
        )
        try:
            for each in self._store.processes.all():
                running.add_metric([each.name], int(each.up))
                restarts.add_metric([each.name], each.restarts)
            for queue, jobs in self._jobs.waiting().items():
                waiting.add_metric([queue], jobs)
            for name, count in self._store.counters.all().items():
                counted.add_metric([name], count)
            if (silent_s := self._heartbeat.silent_s()) is not None:
                silent.add_metric([], silent_s)
            for commons in self._commons:
                stuck.add_metric([str(commons)], len(self._store.at(commons).pulls.stuck()))
                kept.add_metric([str(commons)], len(self._store.at(commons).pulls.kept()))
                if (unread_s := _unread_s(self._store, commons)) is not None:
                    unread.add_metric([str(commons)], unread_s)
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
        return [up, writable, waiting, counted, silent, stuck, kept, unread, build, outages, audited, running, restarts]


def _unread_s(store: Store, commons: Commons) -> float | None:
    """Seconds since the decidable pull that was read longest ago was read; None if there is none, or none was read yet."""
    site = store.at(commons)
    states = site.poll_states.all()
    decidable = (v.pull for v in site.pulls.verdicts() if v.verdict in (Verdict.READY, Verdict.LOOK))
    read_at = [state.checked_at for pull in decidable if (state := states.get(pull_thing(pull))) is not None]
    return max(0.0, store.now().timestamp() - min(read_at)) if read_at else None


def _behind(store: Store, commons: Sequence[Commons]) -> Iterator[CheckResult]:
    """What the bot's other processes noted in Redis: whether each commons is read, and their trouble."""
    for each in commons:
        site = store.at(each)
        yield the_reading(each, site.contacts.get(), store.now())
        for one in site.outages.all():
            yield the_outage(each, one.of, one.says, one.since, one.failed)
    clock = the_clock(Heartbeat(store.redis, store.keys).silent_s())
    if clock.state is not State.FINE:
        yield clock


def _line(result: CheckResult) -> str:
    return f"{result.commons or result.check}: {stranger(result.says)}. {result.fix}".rstrip()
