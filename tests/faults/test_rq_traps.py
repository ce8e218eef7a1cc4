"""RQ is a bell and not a ledger. Each trap that was measured on it, and what keeps us out of it, for real.

Which test answers which trap stands in docs/reliability.md; a test here holds that table.
"""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from rq import Queue, Worker
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from bot.model.ids import PullNo
from bot.queue.job_filter import DATA_BYTES_MAX, PACKED_BYTES_MAX, filter_job
from bot.queue.threads import DEQUEUE_S, MAINTENANCE_INTERVAL_S, WORKER_TTL_S, job_class
from bot.store import DECIDE, REVIEW, Store, make_patient_redis
from bot.store.keys import pull_target
from tests.journeys.test_webhook_to_review import frozen
from tests.patience import STATE_WAIT_S, ends_within, until
from tests.redis_process import RedisProcess, private_redis
from tests.stores import jobs_of
from tests.unit.test_worker import HOP, PATIENCE_S, SERVING, Crew, forge, pull_jobs

ROOT = Path(__file__).parents[2]
SEVEN = PullNo(7)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisProcess]:
    with private_redis() as running:
        yield running


@pytest.fixture
def store(server: RedisProcess) -> Store:
    fresh = Store(make_patient_redis(server.url), now=lambda: datetime.now(UTC))
    fresh.redis.flushall()
    return fresh


def queue_of(store: Store, name: str = REVIEW) -> Queue:
    return Queue(name, connection=store.redis, serializer=JSONSerializer)


def looked_at(store: Store, meanwhile: Callable[[PullNo], object] = lambda _: None) -> tuple[list[PullNo], Any]:
    """A list that fills with the pulls looked at, and the functions that fill it."""
    looked: list[PullNo] = []

    def look(_commons: object, number: PullNo, _extend: object) -> None:
        looked.append(number)
        meanwhile(number)

    return looked, pull_jobs(store, look).functions()


# --- jobs and their names -------------------------------------------------------------------------------------------


def test_no_two_jobs_share_a_name_and_none_is_refused_because_another_ran_or_failed(store: Store) -> None:
    """Traps 1 to 3: a name used twice runs with the other one's arguments, and unique=True refuses it for up to a year."""
    names = set()
    for status in (JobStatus.STARTED, JobStatus.FINISHED, JobStatus.FAILED):
        assert jobs_of(store).enqueue(HOP, SEVEN)
        (name,) = queue_of(store).job_ids
        names.add(name)
        store.redis.delete(queue_of(store).key)
        store.redis.hset(f"rq:job:{name}", "status", status.value)
        jobs_of(store).begin(store.keys.dedup(REVIEW, pull_target(HOP, SEVEN)))
    assert len(names) == 3


def test_a_lane_takes_jobs_from_one_queue_alone(store: Store) -> None:
    """Trap 4: a worker on two queues loses a job for good if it dies between taking and registering it."""
    with Crew(store, (DECIDE, REVIEW), {}):
        until(lambda: Worker.count(connection=store.redis) == 2)
        names = [worker.queue_names() for worker in Worker.all(connection=store.redis)]
    assert sorted(names) == [[DECIDE], [REVIEW]]


def test_a_job_taken_by_a_worker_that_died_before_it_registered_it_is_looked_at_after_all(store: Store) -> None:
    """Traps 5 and 6: it lies in the intermediate queue, where only a worker with short maintenance finds it."""
    assert (WORKER_TTL_S, MAINTENANCE_INTERVAL_S, DEQUEUE_S) == (25, 5, 2)
    jobs_of(store).enqueue(HOP, SEVEN)
    queue = queue_of(store)
    lying = IntermediateQueue(queue.key, store.redis)
    (name,) = queue.job_ids
    store.redis.lmove(queue.key, lying.key, "LEFT", "RIGHT")
    # RQ leaves it there for a minute, in case the worker lives.
    store.redis.set(lying.get_first_seen_key(name), time.time() - 70)
    looked, functions = looked_at(store)
    with Crew(store, (REVIEW,), functions):
        until(lambda: store.redis.llen(lying.key) == 0)
        # RQ calls it failed; the pull itself is found by the next knock, which the hint swallows for minutes at most.
        store.redis.delete("nothing", *store.redis.keys("stampbot:hint:*"))
        jobs_of(store).enqueue(HOP, SEVEN)
        until(lambda: looked)
    assert set(looked) == {SEVEN}


# --- workers and their end ------------------------------------------------------------------------------------------


def test_a_lane_forks_nothing_and_keeps_no_scheduler(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traps 7, 9, 12 and 14: there is no horse that outlives its worker, and no scheduler whose death nobody notices."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a fork"))
    looked, functions = looked_at(store)
    with Crew(store, (REVIEW,), functions):
        jobs_of(store).enqueue(HOP, SEVEN)
        until(lambda: looked)
        assert not store.redis.keys("rq:scheduler*")
    assert looked == [SEVEN]


def test_a_second_signal_ends_at_once_and_the_pull_is_looked_at_by_the_next_process(server: RedisProcess, store: Store) -> None:
    """Traps 8 and 10: RQ would find the job again after minutes; the next knock does not wait for that."""
    process = subprocess.Popen([sys.executable, "-c", SERVING, server.url, "600", "100"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        jobs_of(store).enqueue(HOP, SEVEN)
        assert process.stdout.readline() == "began\n"
        with ends_within(5.0):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) != 0
    finally:
        process.kill()
        process.communicate()
    store.redis.delete("nothing", *store.redis.keys("stampbot:lease:*"))
    looked, functions = looked_at(store)
    with Crew(store, (REVIEW,), functions):
        assert jobs_of(store).enqueue(HOP, SEVEN)
        until(lambda: looked)


def test_a_look_that_takes_too_long_is_broken_off_and_the_lane_goes_on(store: Store) -> None:
    """Trap 11: the time-out is an Exception like any other, and RQ's own way around it kills a horse that we do not have."""

    broken_off: list[PullNo] = []

    def dawdle(number: PullNo) -> None:
        deadline = time.monotonic() + STATE_WAIT_S
        try:
            while number == SEVEN and time.monotonic() < deadline:
                time.sleep(0.02)
        except BaseException:
            broken_off.append(number)
            raise

    looked, functions = looked_at(store, dawdle)
    jobs_of(store).enqueue(HOP, SEVEN)
    (name,) = queue_of(store).job_ids
    store.redis.hset(f"rq:job:{name}", "timeout", 1)
    store.redis.hset(f"rq:job:{name}", "retries_left", 0)
    with Crew(store, (REVIEW,), functions):
        jobs_of(store).enqueue(HOP, PullNo(8))
        until(lambda: looked == [SEVEN, PullNo(8)])
    assert broken_off == [SEVEN]


def test_nothing_is_parked_for_a_scheduler_that_nobody_runs(store: Store) -> None:
    """Trap 13: Retry with an interval waits in a registry for ever."""
    looked, functions = looked_at(store)
    name = forge(store, REVIEW, "os.abort", [])
    store.redis.hset(f"rq:job:{name}", mapping={"retries_left": 2, "retry_intervals": "[60]"})
    with Crew(store, (REVIEW,), functions):
        jobs_of(store).enqueue(HOP, SEVEN)
        until(lambda: looked and len(FailedJobRegistry(queue=queue_of(store))) == 1)
    assert store.redis.zcard(f"rq:scheduled:{REVIEW}") == 0


def test_redis_killed_in_mid_job_costs_a_lane_its_record_and_not_its_life() -> None:
    """Trap 15: RQ's worker would end with 1, and the job run again after minutes."""
    with private_redis() as server:
        store = Store(make_patient_redis(server.url), now=lambda: datetime.now(UTC))
        hold = threading.Event()
        looked, functions = looked_at(store, lambda number: hold.wait(PATIENCE_S) if number == SEVEN else None)
        with Crew(store, (REVIEW,), functions):
            jobs_of(store).enqueue(HOP, SEVEN)
            until(lambda: looked)
            server.kill()
            hold.set()
            time.sleep(0.5)
            server.start()
            jobs_of(store).enqueue(HOP, PullNo(8))
            until(lambda: looked[-1] == 8)
        assert looked == [SEVEN, PullNo(8)]


def test_redis_frozen_under_a_lane_is_waited_for(server: RedisProcess, store: Store) -> None:
    """Trap 16."""
    looked, functions = looked_at(store)
    with Crew(store, (REVIEW,), functions):
        with frozen(server):
            time.sleep(1.5)
        jobs_of(store).enqueue(HOP, SEVEN)
        until(lambda: looked)
    assert looked == [SEVEN]


def test_a_finished_job_that_rq_runs_again_is_one_more_look_and_no_harm(store: Store) -> None:
    """Trap 17: a leftover among the jobs at work makes cleanup put a finished one back."""
    looked, functions = looked_at(store)
    with Crew(store, (REVIEW,), functions):
        jobs_of(store).enqueue(HOP, SEVEN)
        until(lambda: len(FinishedJobRegistry(queue=queue_of(store))) == 1)
        (name,) = FinishedJobRegistry(queue=queue_of(store)).get_job_ids()
        working = StartedJobRegistry(queue=queue_of(store), job_class=job_class(functions))
        store.redis.zadd(working.key, {f"{name}:leftover": time.time() - 600})
        working.cleanup()
        jobs_of(store).enqueue(HOP, PullNo(8))
        until(lambda: looked[-1] == 8)
    assert looked in ([SEVEN, PullNo(8)], [SEVEN, SEVEN, PullNo(8)])


# --- whoever can write to Redis -------------------------------------------------------------------------------------


class Bomb:
    """What runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> Any:
        return os.system, (self._command,)


def test_whoever_writes_to_redis_runs_nothing_in_a_worker_process(server: RedisProcess, store: Store, tmp_path: Path) -> None:
    """A worker of its own process, and jobs in every form RQ knows: by name, by pickle, at the end, again, elsewhere, huge."""
    ran = tmp_path / "ran"
    command = f"touch {ran}"
    hint = store.keys.dedup(REVIEW, "0" * 16)
    good = ["hop/wl-commons", 1, REVIEW, hint]
    for function in (
        "os.system",
        "subprocess.getoutput",
        "bot.worker.jobs.os.system",
        "builtins.exec",
        "bot.worker.jobs.run.__globals__",
    ):
        forge(store, REVIEW, function, [command])
    loaded: tuple[object, ...] = (
        Bomb(command),
        ("os.system", None, (command,), {}),
        ("bot.worker.jobs.run", Bomb(command), (), {}),
    )
    pickled = [pickle.dumps(each) for each in loaded]
    raw = [
        *pickled,
        json.dumps(["system", "os", [command], {}]).encode(),
        json.dumps(["bot.worker.jobs.run", None, good, {"x": 1}]).encode(),
    ]
    bombs = [zlib.compress(b"[" * 50_000_000), zlib.compress(zlib.compress(b" " * 50_000_000))]
    for data in (*raw, *(zlib.compress(each) for each in raw), *bombs):
        store.redis.hset(f"rq:job:{forge(store, REVIEW, 'bot.worker.jobs.run', good)}", "data", data)
    endings: dict[str, str | bytes] = {
        **{f"{when}_callback_name": "os.abort" for when in ("success", "failure", "stopped")},
        "webhooks": json.dumps([{"url": "http://127.0.0.1:1/", "statuses": ["finished", "failed"]}]),
        "repeats_left": "1000000",
        "repeat_intervals": "[0]",
        "retries_left": "1000000",
        "meta": pickle.dumps(Bomb(command)),
        "result": pickle.dumps(Bomb(command)),
        "exc_info": bombs[0],
        "timeout": "-1",
        "failure_ttl": "9" * 30,
        "created_at": "never",
        "dependency_ids": "{",
        "group_id": "\n",
    }
    for function in ("os.system", "bot.worker.jobs.run"):
        name = forge(store, REVIEW, function, [command] if function == "os.system" else good)
        store.redis.hset(f"rq:job:{name}", mapping=endings)  # type: ignore[arg-type]
    huge = forge(store, REVIEW, "bot.worker.jobs.run", [*good[:3], "x" * 2_000_000])
    elsewhere = forge(store, REVIEW, "bot.worker.jobs.run", good)
    store.redis.hset(f"rq:job:{elsewhere}", "origin", "evil")
    store.redis.publish("rq:pubsub:*", json.dumps({"command": "shutdown"}))
    for stray in (b"no-such-job", b"\xff\xfe", b"a b", b""):
        store.redis.rpush("rq:queue:review", stray)
    quick = SERVING.replace('print("began", flush=True)', 'print("looked", number, flush=True)')
    process = subprocess.Popen(
        [sys.executable, "-c", quick, server.url, "0", "25"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        jobs_of(store).enqueue(HOP, PullNo(99))
        seen: list[str] = []
        while seen[-1:] != ["looked 99"]:
            seen += [line.strip() for line in [process.stdout.readline()] if line.startswith("looked")]
            assert process.poll() is None
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        peak_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    finally:
        process.kill()
        process.communicate()
    assert set(seen) <= {"looked 1", "looked 99"}, "a forged job is a look at a pull of ours at most"
    assert not ran.exists()
    assert peak_kib < 400 * 1024, "nothing was unpacked that a job of ours cannot hold"
    assert store.redis.hget(f"rq:job:{huge}", "status") != b"finished"


FIELDS = st.dictionaries(
    st.sampled_from(
        [
            b"data",
            b"origin",
            b"status",
            b"timeout",
            b"retries_left",
            b"worker_name",
            b"meta",
            b"webhooks",
            b"exc_info",
            b"result_ttl",
        ]
    ),
    st.binary(max_size=40) | st.sampled_from([b"review", b"queued", b"1", b"-1", b"99999", b"finished"]),
)


@given(FIELDS)
def test_whatever_stands_in_a_job_rq_reads_it_without_trouble_or_passes_it_by(fields: dict[bytes, bytes]) -> None:
    try:
        plain = filter_job(fields)
    except ValueError:
        return
    job = Job("x", connection=redis.Redis(), serializer=JSONSerializer)
    job.restore(plain)
    assert (job.origin in ("review", "decide", "probe"), job.failure_ttl, job.result_ttl) == (True, 3600, 60)
    assert (job.webhooks, job.meta, job.repeats_left, job._success_callback_name) == ([], {}, None, None)
    assert job.retries_left in (None, 0, 1, 2)
    assert job.timeout is None or 0 < job.timeout < 1000


@pytest.mark.parametrize(
    "packed", [b"x" * (PACKED_BYTES_MAX + 1), zlib.compress(b" " * (DATA_BYTES_MAX + 1)), zlib.compress(b"[]")[:-1]]
)
def test_data_larger_than_a_job_of_ours_can_have_is_no_job(packed: bytes) -> None:
    with pytest.raises(ValueError, match="data"):
        filter_job({b"origin": b"review", b"data": packed})


def test_every_trap_has_its_answer_and_its_test() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    table = page.partition("## RQ: its traps")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 21))
    named = {name for _, cell in rows for name in re.findall(r"`(test_\w+)`", cell)}
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert named <= there, named - there
    assert all("`test_" in cell for _, cell in rows)
