"""Lanes over a real Redis: what a job may ask for, what becomes of trouble, and how a process ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from rq import Queue
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from bot.dolthub.errors import HubBusy, HubGone, HubRefused, HubStrange
from bot.evidence import FetchPolicy, networks, probe_key
from bot.model.evidence import Probe, Seen
from bot.model.ids import Commons, PullNo, User
from bot.model.pull import PullState
from bot.prober.hosts import Hosts, Soft404Baselines
from bot.prober.jobs import ProbeJobs
from bot.prober.link_checker import LinkChecker, Politeness
from bot.queue.enqueue import ALIVE_S
from bot.queue.threads import WorkerPool, queues_of
from bot.store import DECIDE, PROBE, RECHECK, REVIEW, SWEEP, Held, Listed, Store, make_patient_redis
from bot.worker.jobs import PullJobs
from tests.evidence.servers import path_of, serving
from tests.patience import STATE_WAIT_S, until
from tests.redis_process import RedisProcess, private_redis
from tests.stores import a_store, condition_of, jobs_of

HOP = Commons("hop", "wl-commons")
PATIENCE_S = STATE_WAIT_S
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT_ONCE = Politeness(pace_s=0, retry_s=())


@pytest.fixture(scope="module")
def server() -> Iterator[RedisProcess]:
    with private_redis() as running:
        yield running


@pytest.fixture
def store(server: RedisProcess) -> Store:
    fresh = a_store(make_patient_redis(server.url), now=lambda: NOW)
    fresh.redis.flushall()
    return fresh


class Crew:
    """Lanes that run while a test looks on."""

    def __init__(self, store: Store, queues: tuple[str, ...], functions: Mapping[str, Callable[..., None]]) -> None:
        self.lanes = WorkerPool(queues, functions, store.redis)
        self.lanes.start()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.lanes.stop()
        assert self.lanes.join(PATIENCE_S)


def pull_jobs(store: Store, look: Callable[..., object], sweep: Callable[[Commons], int] = lambda _: 0) -> PullJobs:
    return PullJobs(known=frozenset({HOP}), store=store, jobs=jobs_of(store), look=look, sweep=sweep)


def test_a_knock_is_a_look_and_a_knock_while_looking_is_exactly_one_more(store: Store) -> None:
    looked: list[PullNo] = []
    hold = threading.Event()

    def look(_commons: Commons, number: PullNo, extend: Callable[[], None]) -> None:
        extend()
        looked.append(number)
        hold.wait(PATIENCE_S)

    with Crew(store, (DECIDE, REVIEW), pull_jobs(store, look).functions()):
        for _ in range(5):
            jobs_of(store).enqueue(HOP, PullNo(7))
        until(lambda: looked == [7])
        for _ in range(5):
            jobs_of(store).enqueue(HOP, PullNo(7))
        hold.set()
        until(lambda: looked == [7, 7])
        time.sleep(0.3)
    assert looked == [7, 7]
    assert store.counters.all() == {"looks": 2}


def test_lanes_look_at_several_pulls_side_by_side(store: Store) -> None:
    together = threading.Barrier(4, timeout=PATIENCE_S)
    looked: list[PullNo] = []

    def look(_commons: Commons, number: PullNo, _extend: Callable[[], None]) -> None:
        together.wait()
        looked.append(number)

    with Crew(store, (REVIEW,) * 4, pull_jobs(store, look).functions()):
        for number in range(1, 5):
            jobs_of(store).enqueue(HOP, PullNo(number))
        until(lambda: len(looked) == 4)
    assert sorted(looked) == [1, 2, 3, 4]


def test_two_lanes_are_never_at_one_pull_and_none_of_the_knocks_is_lost(store: Store) -> None:
    at_it, most, looks = 0, 0, 0
    lock = threading.Lock()

    def look(_commons: Commons, _number: PullNo, _extend: Callable[[], None]) -> None:
        nonlocal at_it, most, looks
        with lock:
            at_it, looks = at_it + 1, looks + 1
            most = max(most, at_it)
        time.sleep(0.2)
        with lock:
            at_it -= 1

    with Crew(store, (REVIEW, REVIEW, DECIDE), pull_jobs(store, look).functions()):
        jobs_of(store).enqueue(HOP, PullNo(1))
        until(lambda: looks == 1)
        jobs_of(store).enqueue(HOP, PullNo(1))
        jobs_of(store).enqueue(HOP, PullNo(1), queue=DECIDE)
        until(lambda: looks >= 2 and at_it == 0 and not any(jobs_of(store).waiting().values()))
    assert most == 1


TROUBLE = [
    HubBusy("time-out"),
    HubRefused("no such token", status=401, code="UNAUTHORIZED"),
    HubStrange("cut rows"),
    ValueError("a bug of ours"),
]


@pytest.mark.parametrize("trouble", TROUBLE, ids=[type(t).__name__ for t in TROUBLE])
def test_trouble_is_one_line_and_the_lane_goes_on(store: Store, trouble: Exception) -> None:
    looked: list[PullNo] = []

    def look(_commons: Commons, number: PullNo, _extend: Callable[[], None]) -> None:
        looked.append(number)
        if number == 1:
            raise trouble

    with structlog.testing.capture_logs() as said, Crew(store, (REVIEW,), pull_jobs(store, look).functions()):
        jobs_of(store).enqueue(HOP, PullNo(1))
        jobs_of(store).enqueue(HOP, PullNo(2))
        until(lambda: looked == [1, 2])
        time.sleep(0.2)
    lines = [line for line in said if line.get("pull") == 1]
    assert len(lines) == 1
    assert lines[0]["log_level"] in ("warning", "error")
    assert looked == [1, 2], "nothing is tried again at once: the clock is the retry"


def test_a_pull_that_is_not_there_leaves_nothing_behind_unless_it_was_listed(store: Store) -> None:
    looked: list[PullNo] = []

    def look(_commons: Commons, number: PullNo, _extend: Callable[[], None]) -> None:
        looked.append(number)
        raise HubGone("no such pull")

    listed = Listed(number=PullNo(2), state=PullState.OPEN, creator=User("pia"), title="x")
    store.at(HOP).pulls.note_listed([listed])
    store.at(HOP).pulls.add_pending(PullNo(1), REVIEW)
    with structlog.testing.capture_logs() as logged, Crew(store, (REVIEW,), pull_jobs(store, look).functions()):
        jobs_of(store).enqueue_limited(HOP, PullNo(1), most=9)
        jobs_of(store).enqueue_limited(HOP, PullNo(2), most=9)
        until(lambda: len(looked) == 2 and store.at(HOP).pulls.pending())
        until(lambda: len([line for line in logged if line["log_level"] in ("info", "error")]) >= 2)
    assert [(debt.pull, debt.failed) for debt in store.at(HOP).pulls.pending()] == [(PullNo(2), 1)]
    told = [(line["log_level"], line["event"], line["pull"]) for line in logged if "pull" in line]
    assert sorted(told) == [("error", "look: DoltHub refused", 2), ("info", "there is no such pull", 1)]
    assert store.redis.hgetall(store.keys.at(HOP).pulls("tries")) == {}


def forge(store: Store, queue: str, function: str, args: list[object], **more: Any) -> str:
    """A job as somebody would write it who can write to Redis."""
    job = Queue(queue, connection=store.redis, serializer=JSONSerializer).enqueue_call(function, args=args, **more)
    return str(job.id)


def test_a_forged_job_runs_nothing_whatever_it_names(store: Store, tmp_path: Path) -> None:
    """RQ would import what a job names: as function, as callback, or post to it as a webhook."""
    ran = tmp_path / "ran"
    looked: list[PullNo] = []
    hint = store.keys.dedup(REVIEW, "0" * 16)
    command = f"touch {ran}"
    forge(store, REVIEW, "os.system", [command])
    forge(store, REVIEW, "subprocess.getoutput", [command])
    forge(store, REVIEW, "bot.worker.jobs.run_probe", ["hop/wl-commons", 1, [], "", hint])
    forge(store, REVIEW, "bot.worker.jobs.run", ["hop/wl-commons", 2, REVIEW, hint], kwargs={"x": 1})
    forge(store, REVIEW, "bot.worker.jobs.run", ["evil/commons", 3, REVIEW, hint])
    forge(store, REVIEW, "bot.worker.jobs.run", ["hop/wl-commons", "4", REVIEW, hint])
    forge(store, REVIEW, "bot.worker.jobs.run", ["hop/wl-commons", True, REVIEW, hint])
    forge(store, REVIEW, "bot.worker.jobs.run", ["hop/wl-commons", 5, "failed", hint])
    forge(store, REVIEW, "bot.worker.jobs.run", ["hop/wl-commons", 6, REVIEW, "rq:workers"])
    called_back = forge(store, REVIEW, "bot.worker.jobs.run", ["hop/wl-commons", 7, REVIEW, hint])
    failing = forge(store, REVIEW, "os.system", [command])
    for job in (called_back, failing):
        for when in ("success", "failure", "stopped"):
            store.redis.hset(f"rq:job:{job}", f"{when}_callback_name", "os.abort")
        webhooks = json.dumps([{"url": "http://127.0.0.1:1/", "statuses": ["finished", "failed"]}])
        store.redis.hset(f"rq:job:{job}", "webhooks", webhooks)
    duties = pull_jobs(store, lambda _c, number, _e: looked.append(number))
    with Crew(store, (REVIEW,), duties.functions()):
        jobs_of(store).enqueue(HOP, PullNo(8))
        until(lambda: looked[-1:] == [8])
    assert looked == [7, 8]
    assert not ran.exists()


def test_a_job_that_is_no_job_only_costs_its_place(store: Store) -> None:
    looked: list[PullNo] = []
    queue = Queue(REVIEW, connection=store.redis, serializer=JSONSerializer)
    for data in (b"\x80\x04pickle", b"[]", b"[1,2,3,4]", b""):
        job = queue.enqueue_call("bot.worker.jobs.run", args=[])
        store.redis.hset(f"rq:job:{job.id}", "data", data)
    store.redis.rpush("rq:queue:review", "no-such-job")
    with Crew(store, (REVIEW,), pull_jobs(store, lambda _c, n, _e: looked.append(n)).functions()):
        jobs_of(store).enqueue(HOP, PullNo(9))
        until(lambda: looked == [9])


def test_a_job_of_an_older_version_is_dropped_without_a_word(store: Store) -> None:
    looked: list[PullNo] = []
    older = [forge(store, REVIEW, f"bot.worker.{name}", ["hop/wl-commons", 1, REVIEW, ""]) for name in ("run", "run_sweep")]
    with (
        structlog.testing.capture_logs() as logged,
        Crew(store, (REVIEW,), pull_jobs(store, lambda _c, n, _e: looked.append(n)).functions()),
    ):
        jobs_of(store).enqueue(HOP, PullNo(9))
        until(lambda: looked == [9])
    assert [store.redis.exists(f"rq:job:{name}") for name in older] == [0, 0]
    failed = FailedJobRegistry(queue=Queue(REVIEW, connection=store.redis, serializer=JSONSerializer))
    assert len(failed) == 0
    assert [line for line in logged if line["log_level"] in ("warning", "error")] == []


def test_a_sweep_is_run_from_a_queue_of_its_own(store: Store) -> None:
    swept: list[Commons] = []

    def sweep(commons: Commons) -> int:
        swept.append(commons)
        return 0

    with Crew(store, (SWEEP,), pull_jobs(store, lambda *_: None, sweep).functions()):
        jobs_of(store).enqueue_sweep(HOP)
        until(lambda: swept == [HOP])


def sheet(url: str, at: datetime) -> Probe:
    return Probe(url=url, seen=Seen.REACHABLE, reason="ok", probed_at=at)


def test_the_prober_writes_sheets_and_knocks_the_pull(store: Store) -> None:
    looking = LinkChecker(
        store=store,
        hosts=Hosts(store.redis, store.keys, store.now),
        baselines=Soft404Baselines(store.redis, store.keys, store.now),
        policy=FetchPolicy(allow=networks(("127.0.0.0/8",))),
        now=lambda: NOW,
        controls=(),
        politeness=AT_ONCE,
    )
    duties = ProbeJobs(known=frozenset({HOP}), store=store, jobs=jobs_of(store), looking=looking)
    with serving(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\npage") as host:
        urls = tuple(f"{host.url}/{name}" for name in "abc")
        fresh, stale = sheet(urls[1], NOW - timedelta(seconds=5)), sheet(urls[2], NOW - timedelta(hours=5))
        for one in (fresh, stale):
            store.probes.put(replace(one, url=probe_key(one.url)))
        with Crew(store, (PROBE,), duties.functions()):
            jobs_of(store).enqueue_probe(HOP, PullNo(3), urls, NOW - timedelta(minutes=1))
            until(lambda: jobs_of(store).waiting()[REVIEW] == 1)
        assert sorted(path_of(request) for request in host.requests) == ["/a", "/c"]
    now = {url: store.probes.get(probe_key(url)) for url in urls}
    assert {url: (one.probed_at, one.since) if one else None for url, one in now.items()} == {
        urls[0]: (NOW, NOW),
        urls[1]: (fresh.probed_at, None),
        urls[2]: (NOW, stale.probed_at),
    }
    assert store.counters.all() == {"probes": 2}


def test_who_dies_while_keeping_house_holds_up_the_others_for_seconds_only(store: Store) -> None:
    (queue,) = WorkerPool((REVIEW,), {}, store.redis)._lane(REVIEW).queues
    assert queue.acquire_maintenance_lock()
    assert not queue.acquire_maintenance_lock()
    assert 0 < store.redis.ttl(queue.registry_cleaning_key) <= 15


def test_lanes_survive_redis_going_and_coming_back() -> None:
    with private_redis() as server:
        store = a_store(make_patient_redis(server.url), now=lambda: NOW)
        looked: list[PullNo] = []
        with Crew(store, (REVIEW, DECIDE), pull_jobs(store, lambda _c, n, _e: looked.append(n)).functions()):
            jobs_of(store).enqueue(HOP, PullNo(1))
            until(lambda: looked == [1])
            server.kill()
            time.sleep(1.0)
            server.start()
            jobs_of(store).enqueue(HOP, PullNo(2))
            until(lambda: looked == [1, 2])


def test_lanes_are_seen_again_after_a_wipe_of_redis_those_at_a_long_job_as_well(server: RedisProcess) -> None:
    """RQ lists a worker when it begins and lets it say that it lives between jobs alone (rq 2.12)."""
    at, hold = [datetime.now(UTC)], threading.Event()
    store = a_store(make_patient_redis(server.url), now=lambda: at[0])
    store.redis.flushall()
    lanes = WorkerPool((DECIDE, REVIEW), pull_jobs(store, lambda _c, _n, _e: hold.wait(PATIENCE_S)).functions(), store.redis)
    lanes.alive_said_every_s = 0.1
    lanes.start()
    try:
        jobs_of(store).enqueue(HOP, PullNo(1))
        until(lambda: jobs_of(store).waiting()[REVIEW] == 0)
        store.redis.flushall()
        until(lambda: {q: n for q, n in condition_of(store).workers.items() if n} == {DECIDE: 1, REVIEW: 1})
        # Only whoever spoke from now on counts.
        at[0] = datetime.now(UTC) + timedelta(seconds=ALIVE_S)
        until(lambda: {q: n for q, n in condition_of(store).workers.items() if n} == {DECIDE: 1, REVIEW: 1})
    finally:
        hold.set()
        lanes.stop()
        assert lanes.join(PATIENCE_S)
    until(lambda: not any(condition_of(store).workers.values()))


@pytest.mark.parametrize(
    ("count", "lanes"),
    [
        (1, (SWEEP, RECHECK, DECIDE, DECIDE, REVIEW)),
        (2, (SWEEP, RECHECK, DECIDE, DECIDE, REVIEW, REVIEW)),
        (9, (SWEEP, RECHECK, DECIDE, DECIDE, DECIDE, *(REVIEW,) * 9)),
    ],
)
def test_every_worker_serves_both_queues(count: int, lanes: tuple[str, ...]) -> None:
    assert queues_of(count) == lanes


SERVING = textwrap.dedent(
    """
    import sys, time
    from datetime import UTC, datetime
    from bot import log
    from bot.queue import threads
    from bot.model.ids import Commons
    from bot.store import make_patient_redis
    from bot.queue.threads import serve
    from bot.worker.jobs import PullJobs
    from tests.stores import a_store, jobs_of
    log.configure("json")
    threads.STOP_PATIENCE_S = float(sys.argv[3])
    store = a_store(make_patient_redis(sys.argv[1]), now=lambda: datetime.now(UTC))
    def look(commons, number, extend):
        print("began", flush=True)
        time.sleep(float(sys.argv[2]))
        print("finished", flush=True)
    work = PullJobs(known=frozenset({Commons("hop", "wl-commons")}), store=store, jobs=jobs_of(store),
        look=look, sweep=lambda c: 0)
    sys.exit(serve(("review", "decide"), work.functions(), store.redis, store.leases.release_all))
    """
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_job_at_hand_finish_and_ends_with_0(server: RedisProcess, store: Store, number: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVING, server.url, "1.5", "25"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        jobs_of(store).enqueue(HOP, PullNo(1))
        assert process.stdout.readline() == "began\n"
        os.kill(process.pid, number)
        assert process.stdout.readline() == "finished\n"
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_job_that_cannot_finish_before_the_end_gives_its_lease_back(server: RedisProcess, store: Store) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVING, server.url, "60", "0.2"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        jobs_of(store).enqueue(HOP, PullNo(1))
        assert process.stdout.readline() == "began\n"
        with pytest.raises(Held), store.at(HOP).at_work(PullNo(1)):
            pass
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        with store.at(HOP).at_work(PullNo(1)):
            pass
    finally:
        process.kill()
        process.communicate()
