"""How links are looked at, over a real Redis and real servers: politely, once at a time, in doubt, whatever Redis forgets."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import redis
from structlog.testing import capture_logs

from bot.evidence import FetchPolicy, networks, probe_key
from bot.evidence.fetch.control import answers
from bot.model.evidence import Seen, Soft404Baseline
from bot.model.ids import Commons
from bot.prober.acl import prober_acl
from bot.prober.hosts import HostOutcome, Hosts, Soft404Baselines
from bot.prober.jobs import ProbeJobs
from bot.prober.link_checker import LinkChecker, LinkResult, Politeness, host_of
from bot.store import Flight, Keys, SingleFlight, make_redis
from tests.evidence.servers import HTML, Server, Talk, redirect, reset, say, serving, silence
from tests.patience import STATE_WAIT_S, ends_within
from tests.redis_process import RedisProcess, private_redis
from tests.stores import a_store, jobs_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PACE_S = 0.05
GRAIN_S = 0.002
"""Redis counts in milliseconds."""
HOP = Commons("hop", "wl-commons")
NO_CONTROL = "http://127.0.0.1:9/"
HURRY = Politeness(pace_s=0, retry_s=())
POLICY = FetchPolicy(allow=networks(("127.0.0.0/8",)))
IMPATIENT = replace(POLICY, deadline_s=0.2)


def answer(status: int, *headers: str) -> bytes:
    """An answer of this status with a short page."""
    return "\r\n".join((f"HTTP/1.1 {status} X", "Content-Length: 4", *headers, "", "page")).encode()


PAGE = answer(200, "Content-Type: text/plain")
"""No web page: nobody asks for its siblings."""
GONE = answer(404)


@dataclass(slots=True)
class Clock:
    """A clock that goes when it is told to."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(slots=True)
class Town:
    """One Redis, one clock, and as many probers as the story needs: each with a client of its own, as in another process."""

    url: str
    clock: Clock = field(default_factory=Clock)
    clients: list[redis.Redis] = field(default_factory=list)

    def prober(self, manners: Politeness = HURRY, *, control: str = NO_CONTROL, policy: FetchPolicy = POLICY) -> LinkChecker:
        client = make_redis(self.url)
        self.clients.append(client)
        store = a_store(client, now=self.clock)
        return LinkChecker(
            store=store,
            hosts=Hosts(store.redis, store.keys, store.now),
            baselines=Soft404Baselines(store.redis, store.keys, store.now),
            policy=policy,
            now=self.clock,
            controls=(control,),
            politeness=manners,
        )

    def see(self, prober: LinkChecker, url: str) -> tuple[Seen, str]:
        """What one prober comes to now."""
        (result,) = prober.look_at([url])
        assert result.probe is not None
        assert prober.store.probes.get(probe_key(url)) == replace(result.probe, url=probe_key(url))
        return result.probe.seen, result.probe.reason


@pytest.fixture(scope="module")
def server() -> Iterator[RedisProcess]:
    with private_redis() as running:
        yield running


@pytest.fixture
def town(server: RedisProcess) -> Iterator[Town]:
    made = Town(server.url)
    make_redis(server.url).flushall()
    yield made
    for client in made.clients:
        client.close()


@pytest.fixture(scope="module")
def control() -> Iterator[Server]:
    """A page that is up."""
    with serving(PAGE) as running:
        yield running


class Slow:
    """A server's talk that takes its time, and writes down from when to when it was busy."""

    def __init__(self, takes_s: float) -> None:
        self.busy: list[tuple[float, float]] = []
        self._takes_s = takes_s

    def __call__(self, sock: socket.socket, _request: bytes) -> None:
        began = time.monotonic()
        time.sleep(self._takes_s)
        # Before the answer: whoever has it may begin anew at once.
        self.busy.append((began, time.monotonic()))
        sock.sendall(PAGE)

    @property
    def pauses(self) -> list[float]:
        """From the end of each request to the beginning of the next; below zero: at once."""
        ordered = sorted(self.busy)
        return [later[0] - earlier[1] for earlier, later in pairwise(ordered)]


def in_turn(*talks: Talk) -> Talk:
    """The first request gets the first, and so on; the last one stays."""
    left = list(talks)

    def talk(sock: socket.socket, request: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(sock, request)

    return talk


def both(*deeds: Callable[[], object]) -> None:
    """Do all of them at once, and raise what any of them raises."""
    with ThreadPoolExecutor(len(deeds)) as pool:
        for done in [pool.submit(deed) for deed in deeds]:
            done.result()


# --- one at a time, with a pause ------------------------------------------------------------------------------------


def test_a_host_is_asked_for_one_page_at_a_time_with_a_pause_over_all_probers(town: Town) -> None:
    talk = Slow(0.02)
    with serving(talk) as host:
        first, second = (town.prober(Politeness(pace_s=PACE_S)) for _ in range(2))
        both(
            lambda: first.look_at([f"{host.url}/a{n}" for n in range(3)]),
            lambda: second.look_at([f"{host.url}/b{n}" for n in range(3)]),
        )
    assert len(talk.busy) == 6
    assert min(talk.pauses) >= PACE_S - GRAIN_S


def test_a_sibling_page_is_asked_for_after_a_pause_too_and_once_for_all_probers(town: Town) -> None:
    asked: list[tuple[bytes, float]] = []

    def talk(sock: socket.socket, request: bytes) -> None:
        asked.append((request.split(b" ", 2)[1], time.monotonic()))
        sock.sendall(HTML + b"<title>always the same</title>")

    with serving(talk) as host:
        for path in ("/docs/a", "/docs/b"):
            assert town.see(town.prober(Politeness(pace_s=PACE_S)), host.url + path) == (Seen.SUSPICIOUS, "catch_all")
    paths = [path for path, _ in asked]
    assert (paths[0], paths[2], len(paths)) == (b"/docs/a", b"/docs/b", 3)
    assert min(later[1] - earlier[1] for earlier, later in pairwise(asked)) >= PACE_S - GRAIN_S


def test_hosts_do_not_wait_for_each_other(town: Town) -> None:
    with ExitStack() as servers:
        hosts = [servers.enter_context(serving(PAGE)) for _ in range(4)]
        with ends_within(5):
            results = town.prober(Politeness(pace_s=60)).look_at([host.url for host in hosts])
    assert [result.new for result in results] == [True] * 4


def test_without_a_pace_the_links_of_a_job_are_looked_at_side_by_side(town: Town) -> None:
    all_there = threading.Barrier(4)

    def talk(sock: socket.socket, _request: bytes) -> None:
        all_there.wait(STATE_WAIT_S)
        sock.sendall(PAGE)

    with serving(talk) as host:
        results = town.prober().look_at([f"{host.url}/{n}" for n in range(4)])
    assert [(result.url, result.probe is not None and result.probe.seen) for result in results] == [
        (f"{host.url}/{n}", Seen.REACHABLE) for n in range(4)
    ]


def test_a_job_never_begins_a_request_after_its_budget_and_says_which_links_it_did_not_come_to(town: Town) -> None:
    talk = Slow(0.0)
    with serving(talk) as host:
        urls = [f"{host.url}/{n}" for n in range(5)]
        results = town.prober(Politeness(pace_s=0.2, budget_s=0.3)).look_at(urls)
    unlooked = [result for result in results if not result.new]
    assert unlooked == [LinkResult(url=result.url) for result in unlooked]
    assert 1 <= len(talk.busy) == 5 - len(unlooked) <= 2


# --- one look a link ------------------------------------------------------------------------------------------------


def test_a_link_that_two_probers_are_asked_for_at_once_is_looked_at_once(town: Town) -> None:
    first, second = town.prober(), town.prober()
    waits = threading.Event()

    class Told(SingleFlight):
        def _take(self, key: str, token: str, ttl_s: float) -> tuple[bool, float]:
            taken = super()._take(key, token, ttl_s)
            if not taken[0]:
                waits.set()
            return taken

    second.store.probing = Told(second.store.redis, second.store.keys.probing)

    def talk(sock: socket.socket, _request: bytes) -> None:
        assert waits.wait(STATE_WAIT_S)
        sock.sendall(PAGE)

    with serving(talk) as host, ThreadPoolExecutor(1) as pool:
        urls = f"{host.url}/a", f"HTTP{host.url[4:]}/./a#here"
        looking = pool.submit(first.look_at, [urls[0]])
        while not host.requests:
            time.sleep(0.005)
        (waited,), (looked,) = second.look_at([urls[1]]), looking.result()
    assert (len(host.requests), looked.new, looked.probe is not None) == (1, True, True)
    assert waited == replace(looked, url=urls[1], new=False, probe=looked.probe and replace(looked.probe, url=urls[1]))


def test_what_somebody_else_brings_is_not_taken_where_it_is_too_old(town: Town) -> None:
    talk = Slow(0.15)
    with serving(talk) as host:
        slow, picky = town.prober(), town.prober()
        began = threading.Thread(target=slow.look_at, args=([host.url],))
        began.start()
        while not host.requests:
            time.sleep(0.005)
        (result,) = picky.look_at([host.url], NOW + timedelta(seconds=1))
        began.join()
    assert (len(host.requests), result.new) == (2, True)
    assert min(talk.pauses) >= -GRAIN_S


def test_spellings_of_one_link_in_one_job_are_one_look(town: Town) -> None:
    with serving(PAGE) as host:
        results = town.prober().look_at([f"{host.url}/a", f"{host.url}/b/../a", f"{host.url}/c"])
    assert ([result.url for result in results], len(host.requests)) == ([f"{host.url}/a", f"{host.url}/c"], 2)


def test_a_sheet_that_is_young_enough_is_not_made_anew(town: Town) -> None:
    prober = town.prober()
    with serving(PAGE) as host:
        (first,) = prober.look_at([host.url])
        town.clock.forward(60)
        (kept,) = prober.look_at([host.url], NOW)
        assert (len(host.requests), kept) == (1, replace(first, new=False))
        (anew,) = prober.look_at([host.url], NOW + timedelta(seconds=1))
        assert (len(host.requests), anew.new) == (2, True)


def test_a_prober_that_died_keeps_nobody_waiting_for_long(town: Town) -> None:
    prober = town.prober()
    client = prober.store.redis
    client.set(prober.store.keys.probing("k"), "a token of somebody who is gone", px=500)
    with prober.store.probing.run("k") as flight:
        assert (flight.acquired, flight.waited) == (True, True)
    assert client.keys("*") == []


def test_who_is_at_it_can_keep_the_others_waiting_and_they_their_patience(town: Town) -> None:
    flights, others = town.prober().store.probing, town.prober().store.probing
    client, name = town.clients[0], Keys().probing("k")
    with flights.run("k") as flight:
        client.pexpire(name, 10_000)
        flight.extend()
        assert client.pttl(name) <= 10_000
        flight.extended_at -= 21
        flight.extend()
        assert client.pttl(name) > 10_000
        with others.run("k", patience_s=0.05) as second:
            assert (second.acquired, second.waited) == (False, True)
    with others.run("k", patience_s=0) as third:
        assert (third.acquired, third.waited) == (True, False)


def test_a_flight_that_ran_out_is_not_ended_by_who_flew_it(town: Town) -> None:
    flights, others = town.prober().store.probing, town.prober().store.probing
    with flights.run("k", ttl_s=0.02) as late:
        time.sleep(0.04)
        with others.run("k") as now:
            assert now.acquired
            late.extend()
            flights.change("k", late.token, lambda pipe, name: pipe.delete(name))
            with flights.run("k", patience_s=0) as third:
                assert not third.acquired


def test_who_is_out_of_time_does_not_begin(town: Town) -> None:
    with serving(PAGE) as host:
        assert town.prober(replace(HURRY, budget_s=-1)).look_at([host.url]) == (LinkResult(url=host.url),)
    assert host.requests == []


def test_who_is_out_of_time_while_another_looks_goes_without(town: Town) -> None:
    prober = town.prober()
    with serving(PAGE) as host, prober.store.probing.run(probe_key(host.url)):
        (seen,) = town.prober(replace(HURRY, budget_s=0)).look_at([host.url])
        assert seen == LinkResult(url=host.url)
    assert host.requests == []


# --- another try ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("talks", "came_to", "requests"),
    [
        ((say(answer(503)), say(answer(500)), say(PAGE)), (Seen.REACHABLE, "ok"), 3),
        ((say(answer(408)), say(answer(425)), say(PAGE)), (Seen.REACHABLE, "ok"), 3),
        ((reset, say(PAGE)), (Seen.REACHABLE, "ok"), 2),
        ((say(answer(500)), say(answer(403))), (Seen.UNKNOWN, "wall"), 2),
        ((say(answer(500)),), (Seen.UNKNOWN, "transient"), 3),
        ((say(answer(429)),), (Seen.UNKNOWN, "limit"), 1),
        ((say(answer(405)),), (Seen.UNKNOWN, "transient"), 1),
        ((say(answer(403)),), (Seen.UNKNOWN, "wall"), 1),
        ((say(answer(503, "cf-mitigated: challenge")),), (Seen.UNKNOWN, "wall"), 1),
        ((say(PAGE),), (Seen.REACHABLE, "ok"), 1),
    ],
)
def test_trouble_that_may_pass_is_worth_two_more_tries(
    town: Town, talks: tuple[Talk, ...], came_to: tuple[Seen, str], requests: int
) -> None:
    with serving(in_turn(*talks)) as host:
        assert town.see(town.prober(Politeness(pace_s=0, retry_s=(0, 0))), host.url) == came_to
    assert len(host.requests) == requests


def test_our_own_deadline_is_not_worth_another_try(town: Town) -> None:
    with serving(silence) as host:
        prober = town.prober(Politeness(pace_s=0, retry_s=(0, 0)), policy=IMPATIENT)
        assert town.see(prober, host.url) == (Seen.UNKNOWN, "deadline")
    assert len(host.requests) == 1


def test_no_other_try_is_waited_for_beyond_the_budget(town: Town) -> None:
    with serving(answer(500)) as host:
        manners = Politeness(pace_s=0, retry_s=(1e6,), budget_s=STATE_WAIT_S)
        with ends_within(5):
            assert town.see(town.prober(manners), host.url) == (Seen.UNKNOWN, "transient")
    assert len(host.requests) == 1


# --- leaving alone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("talk", "reason"),
    [(say(answer(500)), "transient"), (say(answer(429)), "limit"), (reset, "net")],
    ids=["answers 500", "answers 429", "resets"],
)
def test_a_host_that_fails_three_looks_in_a_row_is_left_alone_for_ten_minutes(town: Town, talk: Talk, reason: str) -> None:
    first, second = town.prober(), town.prober()
    with serving(in_turn(talk, talk, say(PAGE), talk, talk, talk, talk, say(PAGE), talk)) as host:
        failed, fine, resting = (Seen.UNKNOWN, reason), (Seen.REACHABLE, "ok"), (Seen.UNKNOWN, "resting")
        seen = [town.see(prober, f"{host.url}/{n}") for n, prober in enumerate((first, second, first, second, first, second))]
        assert seen == [failed, failed, fine, failed, failed, failed]
        assert [town.see(prober, f"{host.url}/{n}") for n, prober in enumerate((first, second))] == [resting] * 2
        town.clock.forward(599)
        assert (town.see(first, host.url), len(host.requests)) == (resting, 6)
        # One try then; if that fails too, it is left alone at once.
        town.clock.forward(2)
        assert [town.see(first, host.url), town.see(first, host.url)] == [failed, resting]
        town.clock.forward(601)
        assert [town.see(first, host.url) for _ in range(3)] == [fine, failed, failed]
    assert len(host.requests) == 10


def test_a_host_that_is_left_alone_hurts_no_other_and_costs_a_link_nothing_it_had(town: Town) -> None:
    prober = town.prober()
    with serving(in_turn(say(PAGE), say(answer(500)))) as host, serving(PAGE) as other:
        town.see(prober, host.url)
        for _ in range(3):
            town.see(prober, f"{host.url}/broken")
        town.clock.forward(5)
        (result,) = prober.look_at([host.url])
        assert town.see(prober, other.url) == (Seen.REACHABLE, "ok")
    assert result.probe is not None
    assert (result.probe.reason, result.probe.good_at, result.probe.since) == ("resting", NOW, town.clock())
    assert len(host.requests) == 4


def test_who_waits_for_a_turn_at_a_host_that_gives_up_meanwhile_does_not_take_it(town: Town) -> None:
    manners = Politeness(pace_s=0.01, retry_s=(), abreast=8)
    with serving(answer(500)) as host:
        results = town.prober(manners).look_at([f"{host.url}/{n}" for n in range(8)])
    reasons = sorted(result.probe.reason for result in results if result.probe is not None)
    assert (reasons, len(host.requests)) == (["resting"] * 5 + ["transient"] * 3, 3)


@pytest.mark.parametrize(("status", "reason"), [(429, "limit"), (503, "transient"), (408, "transient")])
def test_a_host_that_says_when_to_come_back_is_obeyed_for_an_hour_at_most(town: Town, status: int, reason: str) -> None:
    patient = town.prober(Politeness(pace_s=0, retry_s=(0, 0)))
    for asked_s, kept_s in ((120, 120), (10**9, 3600)):
        with serving(answer(status, f"Retry-After: {asked_s}")) as host:
            assert town.see(patient, host.url) == (Seen.UNKNOWN, reason)
            town.clock.forward(kept_s - 1)
            assert town.see(patient, host.url) == (Seen.UNKNOWN, "limit")
            town.clock.forward(2)
            assert (town.see(patient, host.url), len(host.requests)) == ((Seen.UNKNOWN, reason), 2)


def test_a_host_that_says_when_to_come_back_is_kept_to_it_whoever_stood_on_the_way(town: Town) -> None:
    prober = town.prober()
    with ExitStack() as servers:
        other = servers.enter_context(serving(lambda sock, _: sock.sendall(redirect(f"{host.url}/late"))))
        talk = in_turn(say(redirect(other.url)), say(answer(429, "Retry-After: 60")))
        host = servers.enter_context(serving(talk))
        assert town.see(prober, host.url) == (Seen.UNKNOWN, "limit")
    hosts = prober.hosts
    assert (hosts.cooldown(host_of(host.url)), hosts.cooldown(host_of(other.url))) == ("limit", "")


def test_the_longest_rest_counts(town: Town) -> None:
    hosts = town.prober().hosts
    hosts.cool_down("h:80", "limit", 900)
    hosts.note({"h:80": HostOutcome.BUSY})
    hosts.cool_down("h:80", "resting", 600)
    town.clock.forward(899)
    assert hosts.cooldown("h:80") == "limit"
    hosts.cool_down("h:80", "resting", 600)
    assert hosts.cooldown("h:80") == "resting"


def test_a_redirect_to_a_host_in_trouble_is_held_against_that_host_alone(town: Town) -> None:
    prober = town.prober()
    with serving(reset) as broken, serving(redirect(broken.url)) as way:
        for _ in range(3):
            assert town.see(prober, way.url) == (Seen.UNKNOWN, "net")
    hosts = prober.hosts
    assert (hosts.cooldown(host_of(broken.url)), hosts.cooldown(host_of(way.url))) == ("resting", "")
    assert hosts.network_health() == (1, 2)


def test_a_site_that_asks_to_be_left_alone_is_a_wall_and_is_not_asked(town: Town) -> None:
    prober = town.prober(policy=replace(POLICY, deny_hosts=("quiet.example.org",)))
    with serving(redirect("http://quiet.example.org/")) as way:
        for url in ("http://quiet.example.org/", "https://www.Quiet.example.org/a", way.url):
            assert town.see(prober, url) == (Seen.UNKNOWN, "wall")
        assert town.see(prober, "http://10.0.0.1/") == (Seen.BLOCKED, "private_ip")
    (result,) = prober.look_at(["http://quiet.example.org/"])
    assert result.probe is not None
    assert [hop.note for hop in result.probe.hops] == ["refused: denied_host (quiet.example.org)"]


# --- is it us? ------------------------------------------------------------------------------------------------------


def test_nothing_is_dead_while_no_control_answers(town: Town, control: Server) -> None:
    with serving(GONE) as host:
        (result,) = town.prober(control=NO_CONTROL).look_at([host.url])
        assert result.probe is not None
        assert (result.probe.seen, result.probe.reason, result.probe.misses) == (Seen.UNKNOWN, "ours", ())
        assert (result.doubt, result.probe.status) == ("no control answers", 404)
        town.clock.forward(11)
        (result,) = town.prober(control=control.url).look_at([host.url])
        assert result.probe is not None
        assert (result.probe.seen, result.probe.reason, result.probe.misses) == (Seen.DEAD, "not_found", (town.clock(),))
        assert result.doubt == ""
        # What was known before stays known while we are in doubt.
        town.clock.forward(61)
        (result,) = town.prober(control=NO_CONTROL).look_at([host.url])
        assert result.probe is not None
        assert (result.probe.reason, result.probe.misses) == ("ours", (NOW + timedelta(seconds=11),))


@pytest.mark.parametrize("gone", [answer(404), answer(410)])
def test_every_way_to_be_dead_is_doubted(town: Town, gone: bytes) -> None:
    with serving(gone) as host:
        assert town.see(town.prober(), host.url) == (Seen.UNKNOWN, "ours")


def test_a_name_that_there_is_not_is_doubted_too(town: Town, control: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert town.see(town.prober(), "http://gone.example.org/") == (Seen.UNKNOWN, "ours")
    town.clock.forward(11)
    assert town.see(town.prober(control=control.url), "http://gone.example.org/") == (Seen.DEAD, "nxdomain")


def test_a_control_is_asked_when_needed_once_a_minute_by_all_probers(town: Town) -> None:
    with serving(Slow(0.1)) as control, serving(GONE) as host, serving(PAGE) as fine:
        first, second = (town.prober(control=control.url) for _ in range(2))
        first.look_at([fine.url])
        assert control.requests == []
        both(
            lambda: first.look_at([f"{host.url}/a", f"{host.url}/b"]),
            lambda: second.look_at([f"{host.url}/c", f"{host.url}/d"]),
        )
        assert len(control.requests) == 1
        town.clock.forward(60)
        assert (town.see(first, f"{host.url}/e"), len(control.requests)) == ((Seen.DEAD, "not_found"), 1)
        town.clock.forward(1)
        assert (town.see(second, f"{host.url}/f"), len(control.requests)) == ((Seen.DEAD, "not_found"), 2)


def test_a_control_that_is_down_is_not_asked_for_each_link(town: Town) -> None:
    with serving(reset) as control, serving(GONE) as host:
        prober = town.prober(control=control.url)
        assert [town.see(prober, f"{host.url}/{n}") for n in range(3)] == [(Seen.UNKNOWN, "ours")] * 3
        assert control.accepted == 1
        town.clock.forward(11)
        town.see(prober, host.url)
        assert control.accepted == 2


def test_an_answer_of_a_control_that_is_still_to_come_counts_for_nothing(town: Town) -> None:
    hosts = town.prober().hosts
    hosts.note_control(True)
    town.clock.forward(-5)
    assert hosts.control() is None


def test_one_control_of_several_is_enough(town: Town, control: Server) -> None:
    with serving(GONE) as host:
        prober = replace(town.prober(), controls=(NO_CONTROL, "http://[::1]:9/", control.url))
        assert town.see(prober, host.url) == (Seen.DEAD, "not_found")


@pytest.mark.parametrize(
    ("silent", "known", "seen"),
    [
        *((3, 4, Seen.DEAD), (2, 5, Seen.DEAD), (3, 5, Seen.UNKNOWN), (2, 6, Seen.DEAD), (3, 6, Seen.UNKNOWN)),
        *((9, 20, Seen.DEAD), (10, 20, Seen.UNKNOWN)),
    ],
)
def test_nothing_is_dead_while_half_of_the_hosts_are_silent(
    town: Town, control: Server, silent: int, known: int, seen: Seen
) -> None:
    """One of those that are heard is the host that answers 404; from fewer than five nobody can tell."""
    prober = town.prober(control=control.url)
    bearings = {f"h{n}.example:443": HostOutcome.SILENT if n < silent else HostOutcome.BUSY for n in range(known - 1)}
    prober.hosts.note(bearings)
    with serving(GONE) as host:
        assert town.see(prober, host.url)[0] is seen
    assert prober.hosts.network_health() == (silent, known)


def test_the_hosts_of_one_stranger_do_not_make_bad_weather(
    town: Town, control: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names below one of his own, and addresses: both cost nothing, and would keep everything from being called dead."""

    def in_trouble(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", in_trouble)
    monkeypatch.setattr("bot.evidence.fetch.hop._Dial._open", lambda *_: in_trouble())
    prober = town.prober(control=control.url, policy=FetchPolicy())
    silent = [f"https://{kind}" for n in range(1, 9) for kind in (f"a{n}.silent.example.org/", f"93.184.216.{n}/")]
    assert {result.probe.reason for result in prober.look_at(silent) if result.probe} == {"dns", "net"}
    assert prober.hosts.network_health() == (2, 2)
    monkeypatch.undo()
    with serving(GONE) as host:
        assert town.see(town.prober(control=control.url), host.url) == (Seen.DEAD, "not_found")


def test_only_the_last_twenty_hosts_of_half_an_hour_count_each_as_it_was_last(town: Town) -> None:
    hosts = town.prober().hosts
    for n in range(25):
        hosts.note({f"h{n}:80": HostOutcome.SILENT})
        town.clock.forward(1)
    assert hosts.network_health() == (20, 20)
    hosts.note({f"h{n}:80": HostOutcome.WELL for n in range(20, 25)})
    assert hosts.network_health() == (15, 20)
    town.clock.forward(1799)
    assert hosts.network_health() == (0, 5)
    town.clock.forward(10)
    assert hosts.network_health() == (0, 0)


@pytest.mark.parametrize(
    ("talk", "up"),
    [
        (say(PAGE), True),
        (say(answer(500)), True),
        (say(redirect("http://127.0.0.1:9/")), True),
        (say(answer(404)), True),
        (reset, False),
        (silence, False),
        (say(b"220 mail.example.org ESMTP\r\n"), False),
    ],
)
def test_any_answer_over_http_will_do_for_a_control(talk: Talk, up: bool) -> None:
    with serving(talk) as host:
        assert answers(host.url, IMPATIENT if talk is silence else POLICY) is up


def test_a_control_may_stand_where_no_link_may_lead(town: Town, control: Server) -> None:
    strict = FetchPolicy(deny=networks(("127.0.0.0/8",)), deny_hosts=("localhost",))
    port = control.url.rpartition(":")[2]
    for url in (control.url, f"http://localhost:{port}/"):
        assert answers(url, strict)
    assert town.see(town.prober(policy=strict), f"http://127.0.0.1:{port}/")[0] is Seen.BLOCKED
    assert not answers("http://no.such.host.invalid/", strict)
    assert not answers("not a page", strict)


# --- scratch is scratch ---------------------------------------------------------------------------------------------


def test_wiping_scratch_in_the_middle_of_everything_costs_time_and_never_a_verdict(town: Town, control: Server) -> None:
    """Each answer forgets everything first: turns, flights, sheets, the control's answer."""
    wiper = make_redis(town.url)

    def wiping(talk: Talk) -> Talk:
        def wiped(sock: socket.socket, request: bytes) -> None:
            wiper.flushall()
            talk(sock, request)

        return wiped

    talks = (PAGE, GONE, answer(500), redirect("http://10.0.0.1/"))
    expected = [(Seen.REACHABLE, "ok"), (Seen.DEAD, "not_found"), (Seen.UNKNOWN, "transient"), (Seen.BLOCKED, "private_ip")]
    with ExitStack() as servers:
        hosts = [servers.enter_context(serving(wiping(say(talk)))) for talk in talks]
        prober = town.prober(Politeness(pace_s=0.01, retry_s=(0,)), control=control.url)
        for _ in range(3):
            town.clock.forward(3600)
            for host, seen in zip(hosts, expected, strict=True):
                (result,) = prober.look_at([host.url])
                assert result.probe is not None
                assert (result.probe.seen, result.probe.reason) == seen
                # It counts as the first sighting each time, so it is believed later, never sooner.
                assert result.probe.misses == ((town.clock(),) if seen[0] is Seen.DEAD else ())
                wiper.flushall()
        doubtful = town.prober(Politeness(pace_s=0.01, retry_s=(0,)))
        assert town.see(doubtful, hosts[1].url) == (Seen.UNKNOWN, "ours")
    wiper.close()


def test_a_rest_that_is_forgotten_costs_a_request_and_nothing_else(town: Town) -> None:
    prober = town.prober()
    with serving(answer(500)) as host:
        for _ in range(3):
            town.see(prober, host.url)
        assert town.see(prober, host.url) == (Seen.UNKNOWN, "resting")
        prober.store.redis.flushall()
        assert (town.see(prober, host.url), len(host.requests)) == ((Seen.UNKNOWN, "transient"), 4)


@pytest.mark.parametrize("text", ["", "resting", "resting -5", "limit 99999999999", "x 1", "\x00", "resting 1 ", "9" * 100])
def test_a_memory_of_hosts_that_does_not_read_well_is_none(town: Town, text: str) -> None:
    prober = town.prober()
    keys, hosts = prober.store.keys, prober.hosts
    for name in (keys.cooldown("h:80"), keys.control(), keys.baseline("http://h/")):
        prober.store.redis.set(name, text)
    assert (hosts.cooldown("h:80"), hosts.control(), prober.baselines.get("http://h/")) == ("", None, None)
    prober.store.redis.set(keys.network_health(), text)
    assert hosts.network_health() == (0, 0)


def away(town: Town) -> LinkChecker:
    store = a_store(make_redis(f"unix:///tmp/{uuid.uuid4()}.sock"), now=town.clock)
    return replace(
        town.prober(Politeness(pace_s=PACE_S, retry_s=())),
        store=store,
        hosts=Hosts(store.redis, store.keys, town.clock),
        baselines=Soft404Baselines(store.redis, store.keys, town.clock),
    )


def test_without_redis_looking_goes_on_paced_in_the_process(town: Town) -> None:
    prober = away(town)
    talk = Slow(0.0)
    with serving(talk) as host:
        results = prober.look_at([f"{host.url}/{n}" for n in range(4)])
    assert [type(result.error) for result in results] == [redis.ConnectionError] * 4
    assert len(talk.busy) == 4
    assert min(talk.pauses) >= PACE_S - GRAIN_S


def test_without_redis_the_memory_of_hosts_is_blank_and_nobody_waits(town: Town) -> None:
    prober = away(town)
    store, hosts, siblings = prober.store, prober.hosts, prober.baselines
    hosts.cool_down("h:80", "limit", 60)
    hosts.note({"h:80": HostOutcome.SILENT})
    hosts.note_control(True)
    siblings.put("http://h/", Soft404Baseline(asked_at=NOW))
    blank = (hosts.cooldown("h:80"), hosts.network_health(), hosts.control(), siblings.get("http://h/"))
    assert blank == ("", (0, 0), None, None)
    with store.probing.run("k") as first, store.probing.run("k") as second:
        first.extend()
        assert (first.acquired, second.acquired, second.waited) == (True, True, False)


def test_turns_within_a_process_are_forgotten_when_their_pause_is_over(town: Town) -> None:
    hosts = away(town).hosts
    for n in range(50):
        with hosts.slot(f"h{n}:80", pace_s=0.001, ttl_s=1, patience_s=1) as turn:
            assert turn.acquired
    time.sleep(0.002)
    with hosts.slot("last:80", pace_s=0.001, ttl_s=1, patience_s=1):
        pass
    assert len(hosts._here._free_at) == 1


def test_a_turn_that_does_not_come_is_not_taken(town: Town) -> None:
    hosts, others = town.prober().hosts, town.prober().hosts
    told: list[int] = []

    def turn(of: object) -> object:
        assert of is hosts or of is others
        with (hosts if of is hosts else others).slot(
            "h:80", pace_s=PACE_S, ttl_s=5, patience_s=0.06, meanwhile=lambda: told.append(1)
        ) as one:
            return one.acquired

    with hosts.slot("h:80", pace_s=PACE_S, ttl_s=5, patience_s=1) as mine:
        assert isinstance(mine, Flight)
        assert (mine.acquired, turn(hosts), turn(others)) == (True, False, False)
    assert told


def test_siblings_are_remembered_for_a_day(town: Town) -> None:
    first, second = town.prober().baselines, town.prober().baselines
    sibling = Soft404Baseline(asked_at=NOW, status=200, sha256="ab" * 32, title="<b> \u202e", length=5)
    silent = Soft404Baseline(asked_at=NOW)
    first.put("https://h/a/", sibling)
    first.put("https://h/b/", silent)
    assert (second.get("https://h/a/"), second.get("https://h/b/"), second.get("https://h/")) == (sibling, silent, None)
    town.clock.forward(86400)
    assert second.get("https://h/a/") == sibling
    town.clock.forward(1)
    assert second.get("https://h/a/") is None
    ttl = town.clients[0].ttl(Keys().baseline("https://h/a/"))
    assert 86300 < ttl <= 86400


# --- the job --------------------------------------------------------------------------------------------------------


def duties(prober: LinkChecker) -> ProbeJobs:
    return ProbeJobs(known=frozenset({HOP}), store=prober.store, jobs=jobs_of(prober.store), looking=prober)


def job(prober: LinkChecker, *urls: str) -> list[dict[str, object]]:
    """Do one job of the prober; what it logged."""
    hint = prober.store.keys.dedup("probe", "0" * 16)
    with capture_logs() as logs:
        duties(prober).run_probe(str(HOP), 3, list(urls), "", hint)
    return [dict(line) for line in logs]


def test_one_bad_link_keeps_no_other_from_being_looked_at_and_the_knock_comes_after_all(town: Town) -> None:
    prober = town.prober()
    knocks: list[int] = []

    def talk(sock: socket.socket, _request: bytes) -> None:
        knocks.append(jobs_of(prober.store).waiting()["review"])
        sock.sendall(PAGE)

    bad = ("", "http://", "javascript:alert(1)", "http://\ud800/", "http://x" + "y" * 5000, "http://127.0.0.1:1/")
    with serving(talk) as host:
        job(prober, *bad[:3], host.url, *bad[3:], f"{host.url}/b")
    sheets = {url: prober.store.probes.get(probe_key(url)) for url in (*bad, host.url, f"{host.url}/b")}
    assert {url: (sheet.seen, sheet.reason) if sheet else None for url, sheet in sheets.items()} == {
        bad[0]: (Seen.BLOCKED, "scheme"),
        bad[1]: (Seen.BLOCKED, "syntax"),
        bad[2]: (Seen.BLOCKED, "scheme"),
        bad[3]: (Seen.BLOCKED, "non_ascii"),
        bad[4]: (Seen.BLOCKED, "too_long"),
        bad[5]: (Seen.UNKNOWN, "connection_refused"),
        host.url: (Seen.REACHABLE, "ok"),
        f"{host.url}/b": (Seen.REACHABLE, "ok"),
    }
    assert (knocks, jobs_of(prober.store).waiting()["review"]) == ([0, 0], 1)


def test_a_doubt_is_told_to_whoever_runs_the_bot(town: Town) -> None:
    with serving(GONE) as host:
        lines = job(town.prober(), host.url)
    told = [line for line in lines if line["log_level"] == "warning"]
    assert [(line["event"], line["why"], line["url"]) for line in told] == [
        ("a link is not reported dead: the bot's own network may be down", "no control answers", host.url)
    ]
    assert "STAMPBOT_EVIDENCE_CONTROL" in str(told[0]["fix"])


def test_a_link_nobody_came_to_is_asked_for_again_by_the_pull(town: Town) -> None:
    prober = town.prober(Politeness(pace_s=1, budget_s=0.05))
    with serving(PAGE) as host, prober.hosts.slot(host_of(host.url), pace_s=0.01, ttl_s=5, patience_s=1):
        lines = job(prober, host.url)
    assert [line["event"] for line in lines] == ["no slot of its host was free in time, so the link was not looked at"]
    assert (prober.store.probes.get(probe_key(host.url)), jobs_of(prober.store).waiting()["review"]) == (None, 1)


def test_where_a_sheet_cannot_be_written_there_is_no_knock_for_it_would_be_asked_for_again_at_once(town: Town) -> None:
    password = "correct-horse-battery"
    admin = town.prober().store.redis
    rights = [word for word in prober_acl(password) if word != "~stampbot:sheet:*"]
    admin.execute_command("ACL", "SETUSER", *rights)  # type: ignore[no-untyped-call]
    client = make_redis(town.url.replace("unix://", f"unix://prober:{password}@"))
    prober = replace(town.prober(), store=a_store(client, now=town.clock))
    with serving(PAGE) as host:
        lines = job(prober, host.url)
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "probe: Redis does not answer, will look again")
    ]
    assert (len(host.requests), jobs_of(a_store(admin, now=town.clock)).waiting()["review"]) == (1, 0)
    client.close()


def test_a_host_is_its_name_and_port() -> None:
    assert [host_of(u) for u in ("HTTPS://E.org./a", "http://e.org:8080/", "http://[::1]/", "http://", "http://\ud800")] == [
        "e.org:443",
        "e.org:8080",
        "::1:80",
        "",
        "",
    ]


def test_manners_by_default_are_those_of_a_guest() -> None:
    assert (Politeness().pace_s, Politeness().retry_s, Politeness().abreast) == (1.0, (2.0, 10.0), 4)
    assert Politeness().budget_s == 60.0
