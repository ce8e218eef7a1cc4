"""Scratch paper on a real Redis: knocks, leases, fact sheets, notes, the board. And what is left when Redis vanishes."""

from __future__ import annotations

import json
import math
import operator
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from bot.model.evidence import Hop, Probe, Seen, Soft404Baseline
from bot.model.finding import Verdict
from bot.model.ids import CommentId, CommitHash, Database, Handle, PullNo, User, WantedId
from bot.model.kind import PullKind
from bot.model.pull import BranchRef, PullState
from bot.model.snapshot import Rival
from bot.prober.acl import prober_acl
from bot.prober.hosts import HostOutcome, Hosts, Soft404Baselines
from bot.queue.enqueue import DEDUP_FIRST_S, LIMITED_WAITING_MAX, LIMITED_WINDOW_S, OVERFLOW_SWEEP_EVERY_S
from bot.store import (
    DECIDE,
    LOOKS,
    PROBE,
    RECHECK,
    REVIEW,
    SWEEP,
    AtomicText,
    CachedVerdict,
    Fingerprint,
    Held,
    Keys,
    Listed,
    Lost,
    Pending,
    PollState,
    PullRecord,
    Pulls,
    Quarantine,
    Store,
    StoredJudgement,
    make_patient_redis,
    make_redis,
)
from bot.store.keys import pull_target
from bot.store.probes import PROBE_MAX_BYTES, read_probe, write_probe
from bot.sweep.schedule import AHEAD
from tests.patience import ends_within, until
from tests.redis_process import RedisProcess, private_redis
from tests.stores import a_store, jobs_of

COMMONS = Database("hop", "wl-commons")
PULL = PullNo(12)
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisProcess]:
    with private_redis() as process:
        yield process


@pytest.fixture
def store(server: RedisProcess) -> Iterator[Store]:
    """Blank scratch paper. Each test process has a server of its own, so emptying it disturbs nobody."""
    client = make_redis(server.url)
    client.flushall()
    yield a_store(client, now=lambda: NOW)
    client.close()


def waiting(store: Store) -> dict[str, int]:
    """How many jobs wait, by queue, where any do."""
    return {queue: count for queue, count in jobs_of(store).waiting().items() if count}


@pytest.fixture
def away(tmp_path: object) -> Store:
    """Scratch paper whose Redis does not exist."""
    return a_store(make_redis(f"unix:///tmp/{uuid.uuid4()}.sock"), now=lambda: NOW)


class Worker:
    """A real RQ worker in this process, with `bot.worker.jobs`'s functions played by the test."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ran: list[tuple[object, ...]] = []
        self.during: Callable[[], None] = lambda: None

    def run(self, *args: object) -> None:
        hint = args[-1]
        assert isinstance(hint, str)
        jobs_of(self.store).begin(hint)
        self.ran.append(args[:-1])
        self.during()

    def work(self, *queues: str) -> None:
        for name in queues:
            queue = Queue(name, connection=self.store.redis, serializer=JSONSerializer)
            SimpleWorker([queue], connection=self.store.redis, serializer=JSONSerializer).work(
                burst=True, logging_level="ERROR"
            )


@pytest.fixture
def worker(store: Store, monkeypatch: pytest.MonkeyPatch) -> Worker:
    played = Worker(store)
    module = types.ModuleType("bot.worker.jobs")
    for name in ("run", "run_sweep", "run_probe"):
        setattr(module, name, played.run)
    monkeypatch.setitem(sys.modules, "bot.worker.jobs", module)
    return played


# --- knocks ---------------------------------------------------------------------------------------------------------


def test_five_knocks_at_once_are_one_job(store: Store, worker: Worker) -> None:
    gate = threading.Barrier(5)

    def knock(_: int) -> bool:
        gate.wait()
        return jobs_of(store).enqueue(COMMONS, PULL)

    with ThreadPoolExecutor(5) as threads:
        made = list(threads.map(knock, range(5)))
    assert (sorted(made), waiting(store)) == ([False] * 4 + [True], {REVIEW: 1})
    worker.work(REVIEW)
    assert worker.ran == [("hop/wl-commons", 12, "review")]


def test_what_is_rung_for_beyond_the_count_is_one_sweep_and_what_waits_counts_once(store: Store) -> None:
    def ring(number: int, most: int = 3) -> bool:
        return jobs_of(store).enqueue_limited(COMMONS, PullNo(number), most=most)

    assert [ring(1) for _ in range(9)] == [True] * 9, "one look, which waits already"
    assert [ring(n) for n in (2, 3, 4, 5, 2)] == [True, True, False, False, True]
    assert waiting(store) == {REVIEW: 3, SWEEP: 1}
    assert jobs_of(store).enqueue_limited(Database("mesa", "wl-commons"), PullNo(1), most=3), (
        "each commons has a count of its own"
    )
    store.redis.delete(store.keys.webhook_rate(COMMONS))
    assert [ring(n) for n in (4, 5, 6, 7)] == [True, True, True, False], "the count begins anew after a while"
    assert 0 < store.redis.ttl(store.keys.webhook_rate(COMMONS)) <= LIMITED_WINDOW_S


def test_a_crowd_at_the_door_is_a_sweep_now_and_then_and_not_one_a_ring(store: Store, worker: Worker) -> None:
    for n in range(1, 9):
        jobs_of(store).enqueue_limited(COMMONS, PullNo(n), most=1)
    worker.work(SWEEP)
    jobs_of(store).enqueue_limited(COMMONS, PullNo(9), most=1)
    assert (worker.ran, waiting(store)) == ([("hop/wl-commons",)], {REVIEW: 1})
    assert 0 < store.redis.ttl(store.keys.overflow_sweep(COMMONS)) <= OVERFLOW_SWEEP_EVERY_S
    store.redis.delete(store.keys.overflow_sweep(COMMONS))
    jobs_of(store).enqueue_limited(COMMONS, PullNo(9), most=1)
    assert waiting(store) == {REVIEW: 1, SWEEP: 1}


def test_while_nobody_works_the_door_fills_no_queue_and_leaves_room_for_what_a_sweep_finds(store: Store) -> None:
    rung = [jobs_of(store).enqueue_limited(COMMONS, PullNo(n), most=10**6) for n in range(1, 200)]
    assert rung == [True] * LIMITED_WAITING_MAX + [False] * (199 - LIMITED_WAITING_MAX)
    assert waiting(store) == {REVIEW: LIMITED_WAITING_MAX, SWEEP: 1}
    assert jobs_of(store).enqueue(COMMONS, PullNo(500)), "others are not kept from it"
    assert AHEAD[REVIEW] > LIMITED_WAITING_MAX


def test_rings_and_knocks_that_come_at_once_are_counted_each_for_itself(store: Store) -> None:
    gate = threading.Barrier(16)

    def at_once(n: int) -> bool:
        gate.wait()
        if n % 2:
            return jobs_of(store).enqueue(COMMONS, PullNo(100 + n))
        return jobs_of(store).enqueue_limited(COMMONS, PullNo(200 + n), most=4)

    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(at_once, range(16)))
    assert (made[1::2], sorted(made[::2])) == ([True] * 8, [False] * 4 + [True] * 4)
    assert waiting(store) == {REVIEW: 12, SWEEP: 1}


def test_knocks_during_the_run_are_exactly_one_more_job(store: Store, worker: Worker) -> None:
    def during() -> None:
        worker.during = lambda: None
        assert [jobs_of(store).enqueue(COMMONS, PULL) for _ in range(5)] == [True, False, False, False, False]

    worker.during = during
    jobs_of(store).enqueue(COMMONS, PULL)
    worker.work(REVIEW)
    assert worker.ran == [("hop/wl-commons", 12, "review")] * 2


def test_a_knock_after_the_run_is_heard_again(store: Store, worker: Worker) -> None:
    for _ in range(3):
        assert jobs_of(store).enqueue(COMMONS, PULL)
        worker.work(REVIEW)
    assert len(worker.ran) == 3


def test_a_run_that_crashed_does_not_swallow_later_knocks(store: Store, worker: Worker) -> None:
    def crash() -> None:
        raise RuntimeError("crash")

    worker.during = crash
    jobs_of(store).enqueue(COMMONS, PULL)
    worker.work(REVIEW)
    crashed = len(worker.ran)
    worker.during = lambda: None
    assert jobs_of(store).enqueue(COMMONS, PULL)
    worker.work(REVIEW)
    assert (crashed, len(worker.ran)) == (3, 4)


def test_a_decision_is_not_swallowed_by_a_review_that_waits(store: Store, worker: Worker) -> None:
    assert jobs_of(store).enqueue(COMMONS, PULL)
    assert jobs_of(store).enqueue(COMMONS, PULL, queue=DECIDE)
    assert jobs_of(store).enqueue_sweep(COMMONS)
    assert not jobs_of(store).enqueue_sweep(COMMONS)
    worker.work(DECIDE, REVIEW, SWEEP)
    assert worker.ran == [("hop/wl-commons", 12, "decide"), ("hop/wl-commons", 12, "review"), ("hop/wl-commons",)]


def test_a_request_for_other_links_or_fresher_sheets_is_not_swallowed(store: Store, worker: Worker) -> None:
    requests: list[tuple[list[str], datetime | None]] = [
        (["http://a.example.com/"], None),
        (["http://a.example.com/"], None),
        (["http://a.example.com/"], NOW),
        (["http://a.example.com/", "http://\ud800"], NOW),
    ]
    assert [jobs_of(store).enqueue_probe(COMMONS, PULL, *r) for r in requests] == [True, False, True, True]
    worker.work(PROBE)
    assert worker.ran == [
        ("hop/wl-commons", 12, ["http://a.example.com/"], ""),
        ("hop/wl-commons", 12, ["http://a.example.com/"], NOW.isoformat()),
        ("hop/wl-commons", 12, ["http://a.example.com/", "http://\ud800"], NOW.isoformat()),
    ]


def test_a_job_is_plain_bounded_and_says_nothing_of_its_arguments(store: Store) -> None:
    jobs_of(store).enqueue(COMMONS, PULL)
    (job_id,) = Queue(REVIEW, connection=store.redis, serializer=JSONSerializer).job_ids
    job = Job.fetch(job_id, connection=store.redis, serializer=JSONSerializer)
    assert (job.func_name, job.description, job.timeout, job.result_ttl, job.failure_ttl, job.retries_left) == (
        ("bot.worker.jobs.run", "run", 900, 60, 3600, 2)
    )
    hint = store.keys.dedup(REVIEW, pull_target(COMMONS, PULL))
    assert job.args == ["hop/wl-commons", 12, "review", hint]
    assert 0 < store.redis.ttl(hint) <= 300


@pytest.mark.parametrize(
    ("error", "hints"),
    [(redis.ConnectionError("gone in the middle"), 1), (redis.OutOfMemoryError("command not allowed"), 0)],
)
def test_a_hint_without_its_job_swallows_knocks_for_seconds_at_most(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: redis.RedisError, hints: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Queue, "push_job_id", fail)
        with pytest.raises(type(error)):
            jobs_of(store).enqueue(COMMONS, PULL)
    left = store.redis.keys("stampbot:hint:*")
    assert len(left) == hints
    assert all(0 < store.redis.ttl(hint) <= DEDUP_FIRST_S for hint in left)
    store.redis.delete("nothing", *left)
    assert jobs_of(store).enqueue(COMMONS, PULL)


def test_knocks_of_many_threads_at_once_are_one_job_a_pull(store: Store) -> None:
    gate = threading.Barrier(24)

    def knock(n: int) -> bool:
        gate.wait()
        return jobs_of(store).enqueue(COMMONS, PullNo(1 + n % 8))

    with ThreadPoolExecutor(24) as threads:
        made = list(threads.map(knock, range(24)))
    assert (sum(made), jobs_of(store).waiting()[REVIEW]) == (8, 8)


@pytest.mark.parametrize("name", ["stampbot:lease:x", "rq:queue:review", "", "stampbot:hint:review:x", "other:hint:review:0"])
def test_a_forged_job_cannot_choose_the_key_that_is_deleted(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="dedup"):
        jobs_of(store).begin(name)


def test_no_pull_is_looked_at_from_the_probers_queue(store: Store) -> None:
    with pytest.raises(ValueError, match="probe"):
        jobs_of(store).enqueue(COMMONS, PULL, queue=PROBE)


# --- leases ---------------------------------------------------------------------------------------------------------


def test_one_of_many_takes_the_lease(store: Store) -> None:
    gate = threading.Barrier(8)

    def take(_: int) -> bool:
        gate.wait()
        try:
            store.leases.take("x")
        except Held:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(take, range(8))) == [False] * 7 + [True]


def test_a_lease_that_is_extended_outlives_its_time(store: Store) -> None:
    name = store.keys.lease("x")
    with store.leases.take("x", ttl_s=600) as lease:
        # As if half of its time were over.
        store.redis.pexpire(name, 300_000)
        lease._extended_at -= 300
        lease.extend()
        with pytest.raises(Held) as held:
            store.leases.take("x")
    assert 300 < held.value.left_s <= 600
    store.leases.take("x").release()


def test_a_lease_extended_too_late_is_lost_and_leaves_the_next_holder_alone(store: Store) -> None:
    late = store.leases.take("x", ttl_s=0.1)
    time.sleep(0.15)
    with store.leases.take("x"):
        with pytest.raises(Lost):
            late.extend()
        late.release()
        with pytest.raises(Held):
            store.leases.take("x")
    store.leases.take("x").release()


def test_a_lease_is_extended_and_given_back_from_another_thread(store: Store) -> None:
    with store.leases.take("x", ttl_s=600) as lease, ThreadPoolExecutor(1) as beside:
        store.redis.pexpire(store.keys.lease("x"), 300_000)
        lease._extended_at -= 300
        beside.submit(lease.extend).result()
        assert store.redis.pttl(store.keys.lease("x")) > 300_000
        beside.submit(store.leases.release_all).result()
        assert not store.redis.exists(store.keys.lease("x"))
        lease._extended_at -= 300
        with pytest.raises(Lost):
            lease.extend()


def test_a_lease_whose_answer_was_lost_is_taken_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patient client sends SET NX again after a time-out, and is refused by its own token."""
    once = store.redis.set

    def twice(*args: Any, **more: Any) -> Any:
        once(*args, **more)
        return once(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(store.redis, "set", twice)
        lease = store.leases.take("x")
        with pytest.raises(Held):
            store.leases.take("x")
    lease.release()
    store.leases.take("x").release()


def test_a_lease_is_given_back_when_the_work_fails(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.at(COMMONS).at_work(PULL):
        raise ZeroDivisionError
    with store.at(COMMONS).at_work(PULL):
        pass


def test_whoever_finds_a_pull_taken_is_knocked_for_afterwards(store: Store, worker: Worker) -> None:
    with store.at(COMMONS).at_work(PULL):
        for _ in range(3):
            with pytest.raises(Held), store.at(COMMONS).at_work(PULL, queue=DECIDE):
                pass
        assert not any(jobs_of(store).waiting().values())
    worker.work(DECIDE, REVIEW)
    assert worker.ran == [("hop/wl-commons", 12, "decide")]


def test_every_pull_that_found_a_landing_under_way_is_knocked_for(store: Store) -> None:
    with store.at(COMMONS).landing(PullNo(1)):
        for n in (2, 3):
            with pytest.raises(Held), store.at(COMMONS).landing(PullNo(n)):
                pass
        with store.at(Database("hop", "other")).landing(PullNo(4)):
            pass
    assert waiting(store) == {DECIDE: 2}


def test_who_comes_while_the_lease_is_being_given_back_takes_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    site = store.at(COMMONS)
    lease = store.leases.take(f"pull:{COMMONS}:{PULL}")
    add = site.pulls.add_pending

    def add_late(*args: Any, **more: Any) -> None:
        lease.release()
        add(*args, **more)

    monkeypatch.setattr(site.pulls, "add_pending", add_late)
    with site.at_work(PULL):
        pass
    assert waiting(store) == {REVIEW: 1}, "one look too many, and none too few"


def test_a_look_that_waited_is_enqueued_once_and_stays_pending_until_it_ended_well(store: Store, worker: Worker) -> None:
    site = store.at(COMMONS)
    with site.at_work(PULL):
        with pytest.raises(Held), site.at_work(PULL, queue=DECIDE):
            pass
        site.pulls.went_well(PULL)
        site.pulls.end_pending(PULL, since=NOW)
    assert waiting(store) == {DECIDE: 1}
    worker.work(DECIDE)
    with site.at_work(PULL):
        pass
    assert waiting(store) == {}
    assert [look.pull for look in site.pulls.pending()] == [PULL]
    site.pulls.end_pending(PULL, since=NOW)
    assert site.pulls.pending() == ()


# --- fact sheets ----------------------------------------------------------------------------------------------------

URL = "https://good.example.com/pull/7"
SHEET = Probe(
    url=URL,
    seen=Seen.REACHABLE,
    reason="ok",
    probed_at=NOW,
    status=200,
    content_type="text/html",
    title="Straße · 手",
    sha256="ab" * 32,
    key="url:https://good.example.com/pull/7",
    final_url=URL,
    hops=(Hop(url=URL, address="93.184.216.34", status=200), Hop(url="x", address="", status=None, note="refused: port")),
    misses=(NOW - timedelta(hours=2), NOW),
)
FACTS = (("merged_by", "ana"), ("files", "14"))

_clean = st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60)
_moments = st.integers(0, 10**8).map(lambda seconds: NOW - timedelta(seconds=seconds))
_sheets = st.builds(
    replace,
    st.just(SHEET),
    seen=st.sampled_from(Seen),
    reason=_clean,
    title=_clean,
    key=_clean,
    status=st.none() | st.integers(100, 999),
    probed_at=st.just(NOW),
    hops=st.lists(st.builds(Hop, url=_clean, address=_clean, status=st.none() | st.integers(100, 999)), max_size=6).map(tuple),
    misses=st.lists(_moments, max_size=16).map(tuple),
)


@given(_sheets)
def test_a_sheet_reads_back_as_written_but_never_better_than_reachable(sheet: Probe) -> None:
    expected = replace(sheet, seen=Seen.REACHABLE) if sheet.seen is Seen.VERIFIED else sheet
    assert read_probe(write_probe(replace(sheet, facts=FACTS)), URL, NOW) == expected
    assert read_probe(write_probe(replace(sheet, facts=FACTS)), URL, NOW, verified=True) == replace(sheet, facts=FACTS)


def test_a_forges_sheet_may_say_verified_and_no_other_is_taken_for_it(store: Store) -> None:
    verified = replace(SHEET, seen=Seen.VERIFIED, facts=FACTS)
    store.probes.put(verified)
    assert (store.probes.get(URL), store.forge_probes.get(URL)) == (SHEET, None)
    store.forge_probes.put(verified)
    assert (store.probes.get(URL), store.forge_probes.get(URL)) == (SHEET, verified)


def test_sheets_are_kept_by_url_as_written(store: Store) -> None:
    odd = replace(SHEET, url="https://x/\u202e\ud800", key="")
    store.probes.put(SHEET)
    store.probes.put(odd)
    assert store.probes.get_many((URL, odd.url, URL + "/", URL)) == {URL: SHEET, odd.url: odd}
    assert (store.probes.get(URL), store.probes.get(URL + "/"), store.probes.get_many(())) == (SHEET, None, {})


def _with(form: object = 4, **changes: object) -> str:
    return json.dumps({"form": form, "probe": {**json.loads(write_probe(SHEET))["probe"], **changes}})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 60_000,
        '{"form":' + "9" * 5000 + "}",
        b"\xff\xfe",
        _with(form=3),
        _with(form="4"),
        _with(seen="merged"),
        _with(seen=["verified"]),
        _with(reason=None),
        _with(title="a\nb"),
        _with(title="a\u202eb"),
        _with(title="\ud800"),
        _with(kind="x" * 33),
        _with(title="a" * 201),
        _with(status="200"),
        _with(status=True),
        _with(status=99),
        _with(sha256="AB" * 32),
        _with(sha256="ab"),
        _with(probed_at="2026-03-01T12:00:00"),
        _with(probed_at="yesterday"),
        _with(probed_at=(NOW + timedelta(minutes=3)).isoformat()),
        _with(misses=[(NOW + timedelta(seconds=1)).isoformat()]),
        _with(misses=[NOW.isoformat()] * 17),
        _with(misses="x"),
        _with(facts=None),
        _with(facts={"merged_by": "ana"}),
        _with(facts=["ab"]),
        _with(facts=[["merged_by"]]),
        _with(facts=[["merged_by", "ana", "too"]]),
        _with(facts=[["merged_by", "ana"], ["merged_by", "bo"]]),
        _with(facts=[["Merged By", "ana"]]),
        _with(facts=[["merged_by", 1]]),
        _with(facts=[["merged_by", "a\u202eb"]]),
        _with(facts=[["merged_by", "a" * 201]]),
        _with(facts=[[f"fact_{n}", "x"] for n in range(33)]),
        _with(hops=[{}]),
        _with(hops=[{"url": "x", "address": "x", "status": 200, "note": 1}]),
        _with(hops=[{"url": "x", "address": "x", "status": None, "note": ""}] * 17),
        _with(final_url="x" * 5000),
        json.dumps({"form": 4, "probe": {k: v for k, v in json.loads(write_probe(SHEET))["probe"].items() if k != "seen"}}),
        _with() + " " * PROBE_MAX_BYTES,
    ],
)
def test_a_sheet_that_does_not_read_well_is_no_sheet(store: Store, text: str | bytes) -> None:
    store.redis.set(store.keys.probe(URL), text)
    assert store.probes.get(URL) is None


@given(st.recursive(st.none() | st.integers() | st.text() | st.floats(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_json_makes_reading_raise(value: object) -> None:
    for name in (None, "hops", "misses", "probed_at", "status", "seen"):
        text = json.dumps(value) if name is None else _with(**{name: value})
        read_probe(text, URL, NOW)


def test_a_sheet_that_could_not_be_read_back_is_refused_at_once(store: Store) -> None:
    with pytest.raises(ValueError, match="read back"):
        store.probes.put(replace(SHEET, title="\x1b[31m"))
    assert store.redis.keys("*") == []


# --- notes ----------------------------------------------------------------------------------------------------------


def test_the_first_look_is_remembered(store: Store) -> None:
    later = a_store(store.redis, now=lambda: NOW + timedelta(hours=1))
    assert [store.at(COMMONS).notes.first_look(PULL), later.at(COMMONS).notes.first_look(PULL)] == [NOW, NOW]
    assert later.at(COMMONS).notes.first_look(PULL, "other evidence") == NOW + timedelta(hours=1)
    assert later.at(COMMONS).notes.first_look(PullNo(13)) == NOW + timedelta(hours=1)


def test_a_fast_forward_is_remembered_with_the_time_of_its_first_sight(store: Store) -> None:
    later, head, other = (
        a_store(store.redis, now=lambda: NOW + timedelta(hours=1)),
        CommitHash("a" * 32),
        CommitHash("b" * 32),
    )
    assert not store.at(COMMONS).notes.fast_forwarded(PULL, head)
    assert [each.at(COMMONS).notes.saw_fast_forward(PULL, head) for each in (store, later)] == [NOW, NOW]
    assert [store.at(COMMONS).notes.fast_forwarded(PULL, each) for each in (head, other)] == [True, False]


def test_only_one_is_about_to_do_a_thing(store: Store) -> None:
    notes = store.at(COMMONS).notes
    assert notes.intent_at(PULL, "answer 1") is None
    assert notes.record_intent(PULL, "answer 1", ttl_s=60)
    assert not notes.record_intent(PULL, "answer 1", ttl_s=60)
    assert notes.record_intent(PULL, "answer 2", ttl_s=60)
    assert notes.intent_at(PULL, "answer 1") == NOW
    store.redis.pexpire(store.keys.at(COMMONS).intent(PULL, "answer 1"), 1)
    until(lambda: notes.intent_at(PULL, "answer 1") is None)
    notes.drop_intent(PULL, "answer 2")
    assert notes.record_intent(PULL, "answer 2", ttl_s=60)


def test_a_wipe_is_noticed_by_who_was_there_before_and_told_to_all_others(store: Store) -> None:
    before = [a_store(store.redis, now=lambda: NOW).epoch for _ in range(2)]
    assert [epoch.was_wiped(within_s=60) for epoch in before] == [False, False]
    store.redis.flushall()
    newcomer = a_store(store.redis, now=lambda: NOW).epoch
    assert not newcomer.was_wiped(within_s=60)
    assert before[0].was_wiped(within_s=1)
    assert newcomer.was_wiped(within_s=60)
    until(lambda: not newcomer.was_wiped(within_s=60))
    assert before[1].was_wiped(within_s=1)
    until(lambda: not newcomer.was_wiped(within_s=60))
    assert [epoch.was_wiped(within_s=60) for epoch in (*before, newcomer)] == [False, False, False]


def test_a_glance_is_remembered_and_comes_due(store: Store) -> None:
    glance = Fingerprint(
        state=PullState.OPEN, head=CommitHash("a" * 32), comments=3, last_comment=CommentId("c-9"), last_updated=NOW
    )
    bare = Fingerprint(state=PullState.CLOSED, head=None, comments=0)
    store.at(COMMONS).pulls.put_fingerprint(PULL, glance)
    store.at(COMMONS).pulls.put_fingerprint(PullNo(13), bare)
    assert store.at(COMMONS).pulls.fingerprints((PULL, PullNo(13), PullNo(14))) == {PULL: glance, PullNo(13): bare}
    assert all(store.at(COMMONS).pulls.due(queue) == () for queue in LOOKS)
    for pull, due_at, queue in ((PULL, NOW, DECIDE), (PullNo(13), NOW + timedelta(seconds=1), RECHECK)):
        store.at(COMMONS).pulls.put_fingerprint(pull, glance, due_at=due_at, queue=queue)
    assert [store.at(COMMONS).pulls.due(queue) for queue in LOOKS] == [(PULL,), (), ()]
    store.at(COMMONS).pulls.drop_due(DECIDE, (PULL,))
    assert store.at(COMMONS).pulls.due(DECIDE) == ()
    store.at(COMMONS).pulls.put_fingerprint(PULL, glance, due_at=NOW, queue=REVIEW)
    store.at(COMMONS).pulls.put_fingerprint(PULL, glance)
    assert store.at(COMMONS).pulls.due(REVIEW) == ()


def test_where_main_stood_at_the_last_sweep_is_known_to_all(store: Store) -> None:
    assert store.at(COMMONS).notes.swept() == (None, frozenset())
    store.at(COMMONS).notes.note_swept(CommitHash("m" * 32), [PULL, PullNo(3)])
    assert store.at(COMMONS).notes.swept() == (CommitHash("m" * 32), frozenset({PULL, PullNo(3)}))
    store.redis.set(store.keys.at(COMMONS).swept(), "[1")
    assert store.at(COMMONS).notes.swept() == (None, frozenset())


def test_pulses_and_pulls_are_kept_by_thing(store: Store) -> None:
    pulses = store.at(COMMONS).poll_states
    pulses.put({"main": PollState(5.0, 2.5), "list": PollState(7.0)})
    pulses.note_session(PULL)
    at = NOW.timestamp()
    assert pulses.all() == {"main": PollState(5.0, 2.5), "list": PollState(7.0), "session:12": PollState(at, at)}
    pulses.drop(["main", "none"])
    assert sorted(pulses.all()) == ["list", "session:12"]
    fork = BranchRef(Database("pia", "wl"), "wl/pia/w-1")
    listed = Listed(number=PULL, state=PullState.OPEN, creator=User("pia"), title="naïve", source=fork)
    pulls = store.at(COMMONS).pulls
    pulls.note_listed([listed, replace(listed, number=PullNo(13), source=None)])
    assert pulls.listed() == {PULL: listed, PullNo(13): replace(listed, number=PullNo(13), source=None)}
    store.redis.hset(store.keys.at(COMMONS).pulls("listed"), "12", "[1")
    store.redis.hset(store.keys.at(COMMONS).poll_states(), "list", "x y z")
    assert (sorted(pulls.listed()), sorted(pulses.all())) == ([13], ["session:12"])


def test_a_look_is_owed_until_one_that_began_later_ends_well(store: Store) -> None:
    owed = store.at(COMMONS).pulls
    owed.add_pending(PULL, RECHECK)
    owed.add_pending(PULL, DECIDE)
    owed.add_pending(PULL, REVIEW)
    owed.add_pending(PullNo(3), REVIEW)
    assert [(d.pull, d.queue) for d in owed.pending()] == [(PULL, DECIDE), (3, REVIEW)]
    owed.end_pending(PULL, since=NOW - timedelta(seconds=1))
    assert len(owed.pending()) == 2
    owed.end_pending(PULL, since=NOW)
    assert [d.pull for d in owed.pending()] == [3]
    store.redis.hset(store.keys.at(COMMONS).pulls("pending"), "3", '["probe", 1, 0, 0]')
    assert owed.pending() == ()


@pytest.mark.parametrize(
    ("queue", "waits"), [(DECIDE, [5, 10, 20, 40, *[60] * 8]), (REVIEW, [5, 10, 20, 40, 80, 160, 320, *[600] * 5])]
)
def test_a_look_that_fails_is_owed_later_and_later_but_a_decision_never_by_more_than_a_minute(
    store: Store, queue: str, waits: list[int]
) -> None:
    for wait_s in waits:
        store.at(COMMONS).pulls.retry_later(PULL, queue)
        (debt,) = store.at(COMMONS).pulls.pending()
        soon = NOW + timedelta(seconds=wait_s)
        assert (debt.is_due(soon - timedelta(seconds=1), 5), debt.is_due(soon, 5)) == (False, True)
    assert debt.is_due(NOW, 0)


def test_tries_are_counted_until_one_ends_and_a_quarantine_forgets_them(store: Store) -> None:
    owed = store.at(COMMONS).pulls
    assert [owed.begin(PULL) for _ in range(3)] == [1, 2, 3]
    owed.ended(PULL)
    assert owed.begin(PULL) == 1
    owed.add_pending(PULL, DECIDE)
    owed.quarantine(PULL, "it broke " + "x" * 999)
    (stray,) = owed.quarantined().values()
    assert (stray.pull, stray.since, len(stray.why), owed.pending()) == (PULL, NOW, 300, ())
    owed.note_quarantined(stray, "head=abc")
    assert owed.quarantined()[PULL].fingerprint == "head=abc"
    assert owed.release(PULL)
    assert not owed.release(PULL)
    assert (owed.quarantined(), owed.begin(PULL)) == ({}, 1)


def test_a_cell_is_changed_by_one_after_the_other(store: Store, server: RedisProcess) -> None:
    cell = AtomicText(store.redis, "count")
    others = [AtomicText(make_redis(server.url), "count") for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda c: [c.change(lambda text, _: str(int(text or 0) + 1)) for _ in range(50)], [cell, *others]))
    kept = sum(map(sum, made))
    assert kept > 150
    assert int(store.redis.get("count") or 0) == kept


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"state":"odd"}', b"\xff", "[" * 60_000])
def test_a_note_that_does_not_read_well_is_no_note(store: Store, text: str | bytes) -> None:
    for topic in ("fingerprint", "verdict", "judgement", "listed", "pending", "quarantine"):
        store.redis.hset(store.keys.at(COMMONS).pulls(topic), "12", text)
        store.redis.hset(store.keys.at(COMMONS).pulls(topic), "x12", text)
    store.redis.set(store.keys.at(COMMONS).first_look(PULL, ""), text)
    assert store.at(COMMONS).pulls.fingerprint(PULL) is None
    assert store.at(COMMONS).pulls.records() == {}
    assert (store.at(COMMONS).pulls.pending(), store.at(COMMONS).pulls.verdicts()) == ((), ())
    assert store.at(COMMONS).pulls.judgements([PULL]) == {}
    assert store.at(COMMONS).notes.first_look(PULL) == NOW


def test_a_record_is_all_that_is_remembered_about_a_pull(store: Store) -> None:
    pulls, fingerprint = store.at(COMMONS).pulls, Fingerprint(state=PullState.OPEN, head=None, comments=2)
    listed = Listed(number=PULL, state=PullState.OPEN, creator=User("pia"), title="x")
    pulls.quarantine(PullNo(3), "it broke")
    pulls.put_fingerprint(PULL, fingerprint)
    pulls.put_verdict(a_standing(12))
    pulls.note_listed([listed])
    pulls.add_pending(PULL, DECIDE)
    pulls.begin(PULL)
    assert pulls.records() == {
        PullNo(3): PullRecord(number=PullNo(3), quarantine=Quarantine(pull=PullNo(3), since=NOW, why="it broke")),
        PULL: PullRecord(
            number=PULL,
            fingerprint=fingerprint,
            verdict=a_standing(12),
            listed=listed,
            pending=Pending(pull=PULL, queue=DECIDE, since=NOW),
            tries=1,
        ),
    }
    assert store.at(Database("hop", "other")).pulls.records() == {}


def test_a_fingerprint_is_forgotten_after_a_week(store: Store) -> None:
    for days in (6, 8):
        earlier = a_store(store.redis, now=partial(operator.sub, NOW, timedelta(days=days)))
        fingerprint = Fingerprint(state=PullState.OPEN, head=None, comments=days)
        earlier.at(COMMONS).pulls.put_fingerprint(PullNo(days), fingerprint)
    assert sorted(store.at(COMMONS).pulls.fingerprints([PullNo(6), PullNo(8)])) == [6]
    store.at(COMMONS).pulls.keep_open(())
    assert store.redis.hkeys(store.keys.at(COMMONS).pulls("fingerprint")) == [b"6"]


def test_of_what_two_processes_change_about_one_pull_nothing_is_lost(store: Store, server: RedisProcess) -> None:
    """Each retry adds one failure: were one overwritten, or another part of the record, the sum would be too small."""
    others = [a_store(make_redis(server.url), now=lambda: NOW).at(COMMONS).pulls for _ in range(3)]

    def work(pulls: Pulls) -> None:
        for n in range(5):
            assert pulls.retry_later(PULL, REVIEW) is not None
            pulls.begin(PULL)
            pulls.put_fingerprint(PULL, Fingerprint(state=PullState.OPEN, head=None, comments=n))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, others))
    record = store.at(COMMONS).pulls.records()[PULL]
    assert record.pending is not None
    assert (record.pending.failed, record.tries, record.fingerprint) == (
        (15, 15, Fingerprint(state=PullState.OPEN, head=None, comments=4))
    )


# --- board and counters ---------------------------------------------------------------------------------------------


def a_standing(pull: int, item: str | None = "w-1", rig: str | None = "polecat-7") -> CachedVerdict:
    return CachedVerdict(
        pull=PullNo(pull),
        item=WantedId(item) if item else None,
        rig=Handle(rig) if rig else None,
        evidence="https://good.example.com/é",
        verdict=Verdict.CANNOT_TELL,
        kind=PullKind.WORK,
        title="a <b> title",
        judged_at=NOW,
    )


def test_the_board_shows_each_open_pull_as_last_judged(store: Store) -> None:
    for standing in (a_standing(100), a_standing(9, None, None), a_standing(11)):
        store.at(COMMONS).pulls.put_verdict(standing)
    store.at(COMMONS).pulls.put_verdict(replace(a_standing(11), verdict=Verdict.READY))
    assert store.at(COMMONS).pulls.verdicts() == (
        a_standing(9, None, None),
        replace(a_standing(11), verdict=Verdict.READY),
        a_standing(100),
    )
    assert store.at(COMMONS).pulls.verdict(PullNo(100)) == a_standing(100)
    assert store.at(COMMONS).pulls.verdict(PullNo(101)) is None
    assert store.at(Database("hop", "other")).pulls.verdicts() == ()


def test_rivals_are_the_other_open_pulls_about_the_same_item(store: Store) -> None:
    for standing in (a_standing(1), a_standing(2, rig="crow-2"), a_standing(3, "w-2"), a_standing(4, rig=None)):
        store.at(COMMONS).pulls.put_verdict(standing)
    evidence = "https://good.example.com/é"
    assert store.at(COMMONS).pulls.rivals(WantedId("w-1"), besides=PullNo(1)) == (
        Rival(pull=PullNo(2), rig=Handle("crow-2"), evidence=evidence),
        Rival(pull=PullNo(4), rig=Handle(""), evidence=evidence),
    )


def test_what_is_not_open_any_more_leaves_the_board(store: Store) -> None:
    for n in range(1, 6):
        store.at(COMMONS).pulls.put_verdict(a_standing(n))
    store.at(COMMONS).pulls.drop_verdict(PullNo(1))
    store.at(COMMONS).pulls.keep_open([PullNo(2), PullNo(5), PullNo(77)])
    assert [standing.pull for standing in store.at(COMMONS).pulls.verdicts()] == [2, 5]


def a_stored_judgement(pull: int) -> StoredJudgement:
    return StoredJudgement(
        pull=PullNo(pull),
        judged_at=NOW,
        head=None,
        main_head=CommitHash("m" * 32),
        verdict=Verdict.CANNOT_TELL,
        kind=PullKind.WORK,
        title="a <b> title",
        creator=User("pia"),
    )


def test_a_stored_judgement_lives_as_long_as_the_verdict_of_its_pull(store: Store) -> None:
    pulls = store.at(COMMONS).pulls
    for n in range(1, 5):
        pulls.put_verdict(a_standing(n), a_stored_judgement(n))
    store.redis.hset(store.keys.at(COMMONS).pulls("judgement"), "9", "of another version")
    wanted = [PullNo(n) for n in range(1, 10)]
    assert pulls.judgements(wanted) == {PullNo(n): a_stored_judgement(n) for n in range(1, 5)}
    pulls.drop_verdict(PullNo(1))
    assert sorted(pulls.judgements(wanted)) == [2, 3, 4]
    pulls.keep_open([PullNo(2), PullNo(77)])
    assert pulls.judgements(wanted) == {PullNo(2): a_stored_judgement(2)}
    assert store.redis.hkeys(store.keys.at(COMMONS).pulls("judgement")) == [b"2"]
    assert store.at(Database("hop", "other")).pulls.judgements(wanted) == {}


def test_counters_add_up_over_all_who_count(store: Store) -> None:
    store.counters.add("reviews")
    a_store(store.redis, now=lambda: NOW).counters.add("reviews", 2)
    store.counters.add("answers")
    assert store.counters.all() == {"answers": 1, "reviews": 3}


# --- Redis vanishes -------------------------------------------------------------------------------------------------


def test_without_redis_the_paper_is_blank_and_promises_are_refused(away: Store) -> None:
    assert not away.answers()
    away.at(COMMONS).pulls.put_fingerprint(PULL, Fingerprint(state=PullState.OPEN, head=None, comments=0))
    away.at(COMMONS).notes.drop_intent(PULL, "x")
    away.at(COMMONS).pulls.put_verdict(a_standing(1))
    away.at(COMMONS).pulls.drop_verdict(PULL)
    away.at(COMMONS).pulls.keep_open(())
    away.counters.add("x")
    away.at(COMMONS).pulls.end_pending(PULL, since=NOW)
    away.at(COMMONS).pulls.retry_later(PULL, DECIDE)
    away.at(COMMONS).pulls.ended(PULL)
    away.at(COMMONS).poll_states.note_session(PULL)
    away.at(COMMONS).notes.note_swept(CommitHash("m" * 32), ())
    blank = (
        away.at(COMMONS).pulls.quarantined(),
        away.at(COMMONS).poll_states.all(),
        away.at(COMMONS).pulls.listed(),
        away.at(COMMONS).pulls.due(DECIDE),
        away.at(COMMONS).notes.swept(),
        AtomicText(away.redis, "x").change(lambda text, at: text or str(at)),
        away.probes.get(URL),
        away.probes.get_many([URL]),
        away.at(COMMONS).pulls.fingerprint(PULL),
        away.at(COMMONS).notes.first_look(PULL),
        away.at(COMMONS).notes.intent_at(PULL, "x"),
        away.at(COMMONS).pulls.verdicts(),
        away.at(COMMONS).pulls.records(),
        away.at(COMMONS).pulls.stuck(),
        away.at(COMMONS).audits.get(),
        away.at(COMMONS).outages.all(),
        away.at(COMMONS).pulls.verdict(PULL),
        away.at(COMMONS).pulls.judgements([PULL]),
        away.at(COMMONS).pulls.rivals(WantedId("w-1"), besides=PULL),
        away.counters.all(),
    )
    assert blank == (
        {},
        {},
        {},
        (),
        (None, frozenset()),
        False,
        None,
        {},
        None,
        None,
        None,
        (),
        {},
        (),
        None,
        (),
        None,
        {},
        (),
        {},
    )
    promises: list[Callable[[], object]] = [
        lambda: jobs_of(away).enqueue(COMMONS, PULL),
        lambda: jobs_of(away).enqueue_sweep(COMMONS),
        lambda: jobs_of(away).enqueue_probe(COMMONS, PULL, [URL]),
        lambda: jobs_of(away).begin(Keys().dedup(REVIEW, "0" * 16)),
        lambda: away.leases.take("x"),
        lambda: away.probes.put(SHEET),
        lambda: away.at(COMMONS).notes.record_intent(PULL, "x", ttl_s=1),
        lambda: away.at(COMMONS).pulls.add_pending(PULL, DECIDE),
        away.at(COMMONS).pulls.pending,
        lambda: away.at(COMMONS).pulls.begin(PULL),
        lambda: away.at(COMMONS).pulls.quarantine(PULL, "why"),
        lambda: away.at(COMMONS).pulls.release(PULL),
    ]
    for promise in promises:
        with pytest.raises(redis.RedisError):
            promise()


def test_a_redis_that_is_killed_and_comes_back_empty_is_worked_with_as_before() -> None:
    with private_redis() as server:
        store = a_store(make_redis(server.url), now=lambda: NOW)
        jobs_of(store).enqueue(COMMONS, PULL)
        with store.at(COMMONS).at_work(PULL):
            server.kill()
            with ends_within(2), pytest.raises(redis.RedisError):
                jobs_of(store).enqueue(COMMONS, PULL)
            server.start()
        assert jobs_of(store).enqueue(COMMONS, PULL)
        assert waiting(store) == {REVIEW: 1}


def test_a_patient_client_sits_out_a_restart() -> None:
    with private_redis() as server:
        client = make_patient_redis(server.url)
        client.ping()
        server.kill()
        back = threading.Timer(0.3, server.start)
        back.start()
        assert client.ping()
        back.join()


# --- the prober's account -------------------------------------------------------------------------------------------


def remember_hosts(prober: Store) -> None:
    """All a prober does to remember hosts; without the right to, it would go on as if Redis were away."""
    with prober.probing.run("k", pause_s=0.001) as flight:
        flight.extended_at = -math.inf
        flight.extend()
    hosts, siblings = Hosts(prober.redis, prober.keys, prober.now), Soft404Baselines(prober.redis, prober.keys, prober.now)
    with hosts.slot("h:80", pace_s=0.001, ttl_s=5, patience_s=1) as turn:
        assert turn.acquired
    for _ in range(3):
        hosts.note({"h:80": HostOutcome.SILENT, "i:80": HostOutcome.WELL})
    hosts.note_control(True)
    siblings.put("https://h/", Soft404Baseline(asked_at=NOW))
    known = hosts.cooldown("h:80"), hosts.network_health(), hosts.control(), siblings.get("https://h/")
    assert known == ("resting", (1, 2), True, Soft404Baseline(asked_at=NOW))


def test_the_probers_access_rules_name_no_subcommand_that_redis_6_2_does_not_know() -> None:
    """A server refuses the whole line for one such name; `client|setinfo` came with 7.2."""
    named = [word for word in prober_acl("correct-horse-battery") if "|" in word]
    assert named == ["+client|setname", "+client|list"]


def test_the_probers_account_reaches_its_queue_and_the_sheets_and_nothing_else(store: Store, worker: Worker) -> None:
    password = "correct-horse-battery"
    store.at(COMMONS).notes.record_intent(PULL, "x", ttl_s=60)
    store.redis.execute_command("ACL", "SETUSER", *prober_acl(password))  # type: ignore[no-untyped-call]
    url = store.redis.connection_pool.connection_kwargs["path"]
    client = make_redis(f"unix://prober:{password}@{url}")
    prober = a_store(client, now=lambda: NOW)
    inside = Worker(prober)
    sys.modules["bot.worker.jobs"].run_probe = inside.run  # type: ignore[attr-defined]

    def during() -> None:
        prober.probes.put(SHEET)
        assert prober.probes.get(URL) == SHEET
        remember_hosts(prober)
        assert jobs_of(prober).enqueue(COMMONS, PULL)

    inside.during = during
    jobs_of(store).enqueue_probe(COMMONS, PULL, [URL])
    inside.work(PROBE)
    assert inside.ran == [("hop/wl-commons", 12, [URL], "")]
    assert store.redis.execute_command("ACL", "LOG") == []  # type: ignore[no-untyped-call]
    worker.work(REVIEW)
    assert worker.ran == [("hop/wl-commons", 12, "review")]

    forbidden: list[Callable[[], object]] = [
        lambda: client.get(store.keys.at(COMMONS).intent(PULL, "x")),
        lambda: prober.forge_probes.put(SHEET),
        lambda: client.set(store.keys.asking("k"), "mine"),
        lambda: client.set(store.keys.lease("x"), "mine"),
        lambda: client.hset(store.keys.at(COMMONS).pulls("verdict"), "1", "x"),
        lambda: client.eval("return redis.call('GET', KEYS[1])", 1, store.keys.lease("x")),
        lambda: client.lpush("rq:queue:decide", "x"),
        lambda: client.keys("*"),
        client.flushall,
        lambda: client.config_get("*"),
    ]
    for attempt in forbidden:
        with pytest.raises(redis.exceptions.NoPermissionError):
            attempt()


@given(st.text(max_size=40))
def test_no_url_escapes_the_pattern_of_the_sheets(url: str) -> None:
    name = Keys().probe(url)
    assert name.startswith("stampbot:sheet:")
    assert len(name) == len("stampbot:sheet:") + 64
