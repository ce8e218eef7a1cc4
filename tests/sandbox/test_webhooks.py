"""Webhooks of the look-alike: the documented bodies, in the background, and every way in which production spoils them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.contract.checker import webhook_problems
from tests.patience import BUSY_FACTOR, STATE_WAIT_S, ends_within
from tests.sandbox_process import FreshDatabase, SandboxProcess, fresh_database

PATIENCE_S = STATE_WAIT_S
KINDS = {"push": "push_documented", "pull_request": "pull_request_documented", "branch": "branch_documented"}


class Receiver:
    """Hears webhooks on a port of its own; `slow_s` delays its answers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.slow_s = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.heard.append((self.path, body))
                receiver.headers.append(dict(self.headers.items()))
                time.sleep(receiver.slow_s)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks/secret"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.heard]

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        end = time.monotonic() + PATIENCE_S
        while len(self.heard) < count and time.monotonic() < end:
            time.sleep(0.005)
        assert len(self.heard) >= count, self.heard
        return self.bodies


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hooked(own_sandbox: SandboxProcess, receiver: Receiver) -> FreshDatabase:
    """A database whose events the receiver hears, in a process of its own: deliveries are counted."""
    commons = fresh_database(own_sandbox)
    own_sandbox.admin("POST", "/webhooks", {"database": commons.name, "url": receiver.url})
    return commons


def settle(commons: FreshDatabase) -> None:
    assert commons.sandbox.admin("GET", "/deliveries", wait="1")["idle"]


def test_the_life_of_a_pull_is_heard_in_the_documented_form(hooked: FreshDatabase, receiver: Receiver) -> None:
    owner, _, name = hooked.name.partition("/")
    number = hooked.claim()
    before = hooked.head()
    hooked.sandbox.wait_for(hooked.api("POST", f"/pulls/{number}/merge", user="bot", json={}))
    heard = receiver.wait_for(3)
    settle(hooked)
    common = {
        "event_name": "pull_request",
        "repository": {"name": name, "owner": owner},
        "pullID": str(number),
        "fromBranch": "wl/pia/w-1",
        "toBranch": "main",
        "author": "pia",
        "fromRepository": {"name": name, "owner": "pia"},
    }
    assert heard == [
        {**common, "action": "Opened", "state": "Open", "sender": "pia"},
        {
            "event_name": "push",
            "ref": "refs/heads/main",
            "head": hooked.head(),
            "prev": before,
            "repository": {"name": name, "owner": owner},
        },
        {**common, "action": "Merged", "state": "Merged", "sender": "bot"},
    ]
    assert [webhook_problems(KINDS[body["event_name"]], body) for body in heard] == [[], [], []]
    assert receiver.headers[0]["Content-Type"] == "application/json"


def test_branches_and_closing_are_heard_and_comments_and_fork_pushes_are_not(hooked: FreshDatabase, receiver: Receiver) -> None:
    number = hooked.claim()
    hooked.comment(number, "ana", "/help")
    hooked.push("wl/pia/w-1", "DELETE FROM wanted WHERE id = 'w-2'", user="pia", database=hooked.made[0])
    for state in ("closed", "open"):
        assert hooked.api("PATCH", f"/pulls/{number}", user="pia", json={"state": state}).status_code == 200
    hooked.push("new", "DELETE FROM wanted WHERE id = 'w-2'")
    hooked.sandbox.admin("DELETE", "/branches", {"database": hooked.name, "branch": "new"})
    receiver.wait_for(5)
    settle(hooked)
    told = [body.get("action") or body["ref"] for body in receiver.bodies]
    assert told == ["Opened", "Closed", "Created branch", "refs/heads/new", "Deleted branch"]
    assert [webhook_problems(KINDS[body["event_name"]], body) for body in receiver.bodies] == [[]] * 5


def _comment_and_merge(commons: FreshDatabase) -> None:
    number = commons.claim()
    commons.sandbox.admin("POST", "/merges", {"database": commons.name, "number": number, "user": "ana"})


def test_a_slow_receiver_does_not_hold_the_api_up(hooked: FreshDatabase, receiver: Receiver) -> None:
    receiver.slow_s = STATE_WAIT_S
    with ends_within(STATE_WAIT_S / 2 / BUSY_FACTOR):
        _comment_and_merge(hooked)
        assert hooked.api("GET", "/pulls").status_code == 200
        receiver.wait_for(1)


def test_a_receiver_that_is_not_there_is_an_attempt_without_status(own_sandbox: SandboxProcess) -> None:
    commons = fresh_database(own_sandbox)
    for url in ("http://127.0.0.1:1/x", "ftp://127.0.0.1/", "http://127.0.0.1:bad/"):
        own_sandbox.admin("POST", "/webhooks", {"database": commons.name, "url": url})
    commons.claim()
    attempts = own_sandbox.admin("GET", "/deliveries", wait="1")["attempts"]
    assert sorted((a["url"], a["status"], bool(a["error"])) for a in attempts) == [
        ("ftp://127.0.0.1/", None, True),
        ("http://127.0.0.1:1/x", None, True),
        ("http://127.0.0.1:bad/", None, True),
    ]


def test_an_event_comes_twice(hooked: FreshDatabase, receiver: Receiver) -> None:
    hooked.play({"quirk": 48, "how": "twice", "times": 1})
    hooked.claim()
    first, second = receiver.wait_for(2)
    settle(hooked)
    assert (first, len(receiver.heard)) == (second, 2)


def test_an_event_never_comes(hooked: FreshDatabase, receiver: Receiver) -> None:
    hooked.play({"quirk": 48, "how": "never", "match": {"event": "pull_request"}})
    _comment_and_merge(hooked)
    receiver.wait_for(1)
    settle(hooked)
    assert [body["event_name"] for body in receiver.bodies] == ["push"]


def test_an_event_comes_late(hooked: FreshDatabase, receiver: Receiver) -> None:
    hooked.play({"quirk": 48, "how": "late", "ms": 300, "match": {"event": "pull_request"}, "times": 1})
    started = time.monotonic()
    hooked.claim()
    hooked.push("main", "DELETE FROM wanted WHERE id = 'w-2'")
    heard = receiver.wait_for(2)
    assert [body["event_name"] for body in heard] == ["push", "pull_request"]
    assert time.monotonic() - started >= 0.3


def test_two_events_change_places(hooked: FreshDatabase, receiver: Receiver) -> None:
    hooked.play({"quirk": 48, "how": "out of order", "times": 1})
    _comment_and_merge(hooked)
    receiver.wait_for(3)
    settle(hooked)
    assert [body.get("action", "push") for body in receiver.bodies] == ["push", "Opened", "Merged"]


def test_the_last_event_is_not_held_back_for_ever(hooked: FreshDatabase, receiver: Receiver) -> None:
    hooked.play({"quirk": 48, "how": "out of order", "times": 1})
    hooked.claim()
    assert [body["action"] for body in receiver.wait_for(1)] == ["Opened"]


def test_an_event_goes_to_a_wrong_path(hooked: FreshDatabase, receiver: Receiver) -> None:
    hooked.play({"quirk": 48, "how": "wrong path", "times": 1})
    hooked.claim()
    receiver.wait_for(1)
    assert [path for path, _ in receiver.heard] == ["/hooks/secret-wrong"]


@pytest.mark.parametrize(
    ("cause", "kind", "changed"),
    [
        (lambda c: c.claim(), "pull_request", {"pullID": 1, "action": "Opened.", "state": "open"}),
        (lambda c: c.push("main", "DELETE FROM wanted WHERE id = 'w-2'"), "push", {"ref": "main"}),
        (
            lambda c: c.sandbox.admin("POST", "/branches", {"database": c.name, "branch": "b"}),
            "branch",
            {"branch": "refs/heads/b"},
        ),
    ],
)
def test_an_event_comes_in_a_stray_form_that_receivers_must_take(
    hooked: FreshDatabase,
    receiver: Receiver,
    cause: Callable[[FreshDatabase], object],
    kind: str,
    changed: dict[str, object],
) -> None:
    hooked.play({"quirk": 48, "how": "other form"})
    cause(hooked)
    body = receiver.wait_for(1)[0]
    assert {**body, **changed} == body
    assert "event_name" not in body
    assert webhook_problems(kind, body) == []
