"""The door as it stands open: the real server, real sockets, a real Redis, and people who mean it ill."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
import redis

from benchmarks.hammer import Blow, knock
from bot.config.settings import child_environment
from bot.processes.child import Child
from bot.web.server import CONNECTIONS
from bot.web.webhook import LOOKS_LEAST
from tests.house.tree import ROOT
from tests.journeys.test_webhook_to_review import free_port, frozen
from tests.patience import BUSY_FACTOR, STATE_WAIT_S, ends_within
from tests.patience import until as wait_until
from tests.redis_process import RedisProcess, private_redis
from tests.unit.test_web import BAD, DOOR, HOP, PULL

PATIENCE_S = STATE_WAIT_S
CROWD = 200
ANSWERED_WITHIN_S = 1.0
GROWTH_KIB_MAX = 48 * 1024


class Door:
    """`stampbot web`, and what passes through it."""

    def __init__(self, server: RedisProcess, folder: Path, **settings: str) -> None:
        self.server = server
        self.port = free_port()
        self.lines: list[str] = []
        environment = child_environment(
            STAMPBOT_COMMONS=f"{HOP},mesa/wl-commons",
            STAMPBOT_WEBHOOK_SECRET__HOP__WL_COMMONS="secret-of-the-hop-commons",
            STAMPBOT_WEBHOOK_SECRET__MESA__WL_COMMONS="secret-of-the-mesa-commons",
            STAMPBOT_LOG="json",
            STAMPBOT_CONFIG=settings.pop("config", str(folder / "none.toml")),
            REDIS_URL=server.url,
            PORT=str(self.port),
            **settings,
        )
        (folder / "none.toml").touch()
        command = [sys.executable, "-m", "bot", "web", "--host", "127.0.0.1", "--until-eof"]
        self._child = Child("web", command, environment, lambda _name, line: self.lines.append(line))
        until(lambda: self.status_of("GET", "/readyz") == 200, self)

    def end(self) -> None:
        self._child.signal(signal.SIGTERM)
        assert self._child.wait(PATIENCE_S)

    def say(self, sent: bytes, *, patience_s: float = PATIENCE_S) -> bytes:
        """Everything that is answered to these bytes until the server hangs up or has said one whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), patience_s) as line:
            line.sendall(sent)
            return answer_on(line)

    def post(self, body: bytes, *, path: str = DOOR, headers: str = "", patience_s: float = PATIENCE_S) -> int:
        head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        return status(self.say(head.encode() + body, patience_s=patience_s))

    def status_of(self, method: str, path: str) -> int:
        try:
            return status(self.say(f"{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()))
        except OSError:
            return 0

    def text(self, path: str) -> str:
        return self.say(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()).partition(b"\r\n\r\n")[2].decode()

    def workers(self) -> dict[int, int]:
        """KiB of memory of each process of the server, by process id."""
        found = {}
        group = os.getpgid(self._child.pid)
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    if os.getpgid(int(entry.name)) == group:
                        lines = (entry / "status").read_text().splitlines()
                        found[int(entry.name)] = next(int(n.split()[1]) for n in lines if n.startswith("VmRSS"))
                except (OSError, StopIteration):
                    continue
        return found


def answer_on(line: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        more = line.recv(65536)
        if not more:
            return got
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = next((int(n.split(b":")[1]) for n in head.split(b"\r\n") if n.lower().startswith(b"content-length:")), 0)
    while len(body) < length and (more := line.recv(65536)):
        body += more
    return head + b"\r\n\r\n" + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def until(holds: Callable[[], object], door: Door) -> None:
    wait_until(holds, told=lambda: "\n".join(door.lines))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    with private_redis() as server:
        made = Door(server, tmp_path_factory.mktemp("door"))
        try:
            yield made
        finally:
            made.end()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def same_process_same_size(door: Door) -> Iterator[None]:
    """Whatever is done in the block, the server neither dies nor grows."""
    before = door.workers()
    yield
    after = door.workers()
    assert sorted(before) == sorted(after)
    assert sum(after.values()) - sum(before.values()) < GROWTH_KIB_MAX


def heard_within(door: Door, seconds: float) -> None:
    """A webhook and a health check of somebody else get their answers in time."""
    with ends_within(seconds):
        assert door.post(json.dumps({**PULL, "pullID": "77"}).encode()) == 202
        assert door.status_of("GET", "/healthz") == 200


def test_a_webhook_that_cannot_be_meant_is_a_4xx_over_a_live_socket_and_the_process_lives(door: Door) -> None:
    with same_process_same_size(door):
        told = {name: door.post(body) for name, body, _ in BAD}
        assert told == {name: code for name, _, code in BAD}
        assert door.post(json.dumps(PULL).encode(), headers="Content-Encoding: gzip\r\n") == 415
        assert door.post(b"a=b", headers="Content-Type: application/x-www-form-urlencoded\r\n") == 400
        heard_within(door, ANSWERED_WITHIN_S)
    assert not [line for line in door.lines if "Traceback" in line]


RAW: list[tuple[str, bytes, int]] = [
    ("chunks", b"POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", 202),
    ("a length and chunks", b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("two lengths", b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("no length", b"POST %s HTTP/1.1\r\nHost: h\r\n\r\n" % DOOR.encode(), 400),
    ("an endless head", b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
    ("an endless line", b"GET /" + b"x" * 4000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    ("a hundred headers", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
    ("bare line feeds", b"GET / HTTP/1.1\nHost: h\n\r\n\r\n", 400),
    ("no HTTP", b"EHLO there\r\n\r\n", 400),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ("another method", b"DELETE /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 404),
]


@pytest.mark.parametrize(("sent", "code"), [case[1:] for case in RAW], ids=[case[0] for case in RAW])
def test_what_is_no_proper_request_is_refused_by_status_and_never_with_500(door: Door, sent: bytes, code: int) -> None:
    if sent.count(b"%"):
        body = json.dumps(PULL).encode()
        sent = sent % (DOOR.encode(), len(body), body)
    assert status(door.say(sent)) == code
    heard_within(door, ANSWERED_WITHIN_S)


def test_a_wrong_secret_is_answered_like_any_other_place_that_is_not_there(door: Door) -> None:
    body = json.dumps(PULL).encode()
    ask = "POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: " + str(len(body)) + "\r\n\r\n"
    wrong, nowhere = (door.say(ask.format(path).encode() + body) for path in ("/hooks/dolthub/" + "x" * 24, "/nowhere"))
    assert status(wrong) == 404
    assert without_date(wrong) == without_date(nowhere)


def without_date(answer: bytes) -> bytes:
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))


@contextmanager
def crowd(door: Door, count: int, first: bytes = b"", each_second: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections, each of which says `first`, then `each_second`, and then `each_second` again."""
    done = threading.Event()
    with ExitStack() as lines:
        people = [lines.enter_context(socket.create_connection(("127.0.0.1", door.port), PATIENCE_S)) for _ in range(count)]
        for line in people:
            line.sendall(first)

        def drip() -> None:
            while each_second and not done.wait(1.0):
                for line in people:
                    try:
                        line.send(each_second)
                    except OSError:
                        continue

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        try:
            yield people
        finally:
            done.set()
            dripping.join(PATIENCE_S)


HEAD = f"POST {DOOR} HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n".encode()
CROWDS: list[tuple[str, bytes, bytes]] = [
    ("bodies of one byte a second", HEAD, b"x"),
    ("heads of one byte a second", b"GET / HTTP/1.1\r\nX-Slow: ", b"x"),
    ("chunks of one byte a second", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ("nothing at all", b"", b""),
    ("answered, and staying on", b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", b""),
    ("answered, and saying one more half", b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET /he", b"a"),
    ("refused, and sending on", b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"x" * 100),
]


@pytest.mark.parametrize(("first", "each_second"), [case[1:] for case in CROWDS], ids=[case[0] for case in CROWDS])
def test_two_hundred_who_dawdle_keep_nobody_else_waiting(door: Door, first: bytes, each_second: bytes) -> None:
    with same_process_same_size(door), crowd(door, CROWD, first, each_second):
        for _ in range(4):
            heard_within(door, ANSWERED_WITHIN_S)
            time.sleep(0.3)


def test_who_dawdles_longest_makes_room_when_all_room_is_taken(door: Door) -> None:
    with same_process_same_size(door), crowd(door, CONNECTIONS + 100, HEAD):
        heard_within(door, 2 * ANSWERED_WITHIN_S)


@pytest.mark.slow
def test_a_request_that_does_not_become_whole_is_let_go(door: Door) -> None:
    with crowd(door, 1, HEAD) as (line,):
        line.settimeout(PATIENCE_S)
        assert line.recv(1) == b""


def test_a_flood_of_webhooks_is_taken_whole_and_the_process_does_not_grow(door: Door) -> None:
    blow = Blow(
        port=door.port, path=DOOR, commons=str(HOP), connections=32, warm_up_s=0.2, seconds=1.5, fresh=True, first_pull=1000
    )
    with redis.Redis.from_url(door.server.url) as client:
        client.flushall()
        with same_process_same_size(door):
            echo = knock(blow)
        assert (echo.other, echo.answered > 100) == (0, True), asdict(echo)
        # All about pulls that nobody ever opened: a few looks, and a sweep for the rest.
        assert client.llen("rq:queue:review") == LOOKS_LEAST
        assert 1 <= client.llen("rq:queue:sweep") <= 2
        assert client.dbsize() < 100


def test_a_frozen_redis_costs_each_of_many_webhooks_two_seconds_at_most_and_health_none(door: Door) -> None:
    def one(number: int) -> tuple[int, float]:
        began = time.monotonic()
        code = door.post(json.dumps({**PULL, "pullID": str(number)}).encode())
        return code, time.monotonic() - began

    with ThreadPoolExecutor(60) as people, frozen(door.server):
        answers = [people.submit(one, number) for number in range(200, 260)]
        time.sleep(0.2)
        with ends_within(ANSWERED_WITHIN_S):
            assert door.status_of("GET", "/healthz") == 200
        told = [each.result() for each in answers]
        assert {code for code, _ in told} == {503}
        assert max(took_s for _, took_s in told) < 2.5 * BUSY_FACTOR
        assert "Redis does not answer" in door.text("/readyz")
        assert "stampbot_redis_up 0.0" in door.text("/metrics")
    until(lambda: door.post(json.dumps({**PULL, "pullID": "261"}).encode()) == 202, door)


def test_a_full_redis_is_told_the_sender_the_metrics_and_the_operator(door: Door) -> None:
    client = redis.Redis.from_url(door.server.url)
    client.config_set("maxmemory", "1")
    try:
        assert door.post(json.dumps({**PULL, "pullID": "300"}).encode()) == 503
        assert door.status_of("GET", "/readyz") == 503
        assert "maxmemory" in door.text("/readyz")
        assert "stampbot_redis_writable 0.0" in door.text("/metrics")
        assert "stampbot_redis_up 1.0" in door.text("/metrics")
        assert [line for line in door.lines if "no room" in line or "maxmemory" in line]
    finally:
        client.config_set("maxmemory", "0")
    until(lambda: door.post(json.dumps({**PULL, "pullID": "300"}).encode()) == 202, door)
    assert client.exists("rq:queue:review")


def test_sigterm_ends_the_door_at_once_although_somebody_dawdles(tmp_path: Path) -> None:
    with private_redis() as server:
        own = Door(server, tmp_path)
        with crowd(own, 20), crowd(own, 20, HEAD), ends_within(4.0):
            own.end()


def test_what_stands_behind_a_body_that_is_too_long_is_no_request(door: Door) -> None:
    """A body is never left unread on a connection that is kept open: its bytes would be parsed as the next request."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    for framing, body in (
        (b"Content-Length: 70000", hidden * 10),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (70_000, b"x" * 65_537 + hidden * 10)),
    ):
        with socket.create_connection(("127.0.0.1", door.port), PATIENCE_S) as line:
            line.sendall(b"POST %s HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n%s" % (DOOR.encode(), framing, body))
            answers = b""
            while more := line.recv(65536):
                answers += more
        assert (status(answers), answers.count(b"HTTP/1.1 ")) == (413, 1)


def test_several_requests_in_one_packet_are_answered_one_after_the_other(door: Door) -> None:
    ask = f"POST {DOOR} HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s"
    first, second = (json.dumps({**PULL, "pullID": number}) for number in ("601", "602"))
    sent = ask % (len(first), first) + ask % (len(second), second) + "GET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", door.port), PATIENCE_S) as line:
        line.sendall(sent.encode())
        answers = b""
        while more := line.recv(65536):
            answers += more
    assert [int(each[:3]) for each in answers.split(b"HTTP/1.1 ")[1:]] == [202, 202, 404]


def test_greenlets_stay_in_the_process_of_the_web_server() -> None:
    code = "import bot.web.server, bot.web.app\nfrom gevent import monkey\nraise SystemExit(monkey.is_anything_patched())"
    assert subprocess.run([sys.executable, "-c", code], env={"PATH": ""}, cwd=ROOT, check=False).returncode == 0
