"""The client against every exception and status: what is repeated, what is not, and where the token goes."""

from __future__ import annotations

import base64
import inspect
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
import requests
import responses
import urllib3.exceptions
from requests.structures import CaseInsensitiveDict
from responses import matchers

from bot.dolthub.budget.rate_limiter import OwnBudget, RateLimiter
from bot.dolthub.client import Api, Hub, Written
from bot.dolthub.connection import CHUNK_BYTES, PAGES_MAX, READ_TRIES, Connection
from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import ANSWER_MAX_BYTES
from bot.dolthub.sql import NOTHING, Query, Statement
from bot.model.ids import CommentId, CommitHash, Database, PullNo, User
from bot.model.ledger import Row
from bot.model.pull import Comment
from tests.contract.checker import operation_at, operations, request_is_valid

ORIGIN = "https://www.dolthub.com"
COMMONS = Database("hop", "wl-commons")
FORK = Database("alice", "wl-commons")
BASE = f"{ORIGIN}/api/v2/databases/hop/wl-commons"
FORK_BASE = f"{ORIGIN}/api/v2/databases/alice/wl-commons"
NUMBER = PullNo(57)
HEAD = CommitHash("vt1u8gdsovtj0qq2qmd6he7n5o4mq2qm")
AT = "2026-03-04T10:00:00Z"
HREF = f"{ORIGIN}/api/v2/operations/owners%2Fhop%2Fjobs%2F1"
ACCEPTED = {"data": {"id": "owners/hop/jobs/1", "href": HREF}}
PULL = {
    "pull_number": 57,
    "title": "Claim w-1",
    "state": "open",
    "from_branch": {"database": {"owner": "alice", "name": "wl-commons"}, "branch_name": "wl/alice/w-1"},
    "to_branch": {"database": {"owner": "hop", "name": "wl-commons"}, "branch_name": "main"},
    "created_at": AT,
    "creator": "alice",
}
COMMENT = {"comment_id": "c-1", "author": "maria", "body": "hi", "created_at": AT, "updated_at": AT}


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Unwritten:
    """A journal that keeps nothing."""

    def list(self, _number: PullNo, _by: User, /) -> tuple[Comment, ...]:
        return ()

    def add(self, number: PullNo, body: str) -> CommentId:
        return CommentId(f"{number} {body}")

    def sent(self, number: PullNo, mark: str) -> int:
        return len({f"{number} {mark}"})


@dataclass
class Scene:
    """A hub, its clock, and the requests that were announced."""

    hub: Hub
    clock: Clock
    asked: list[str]


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def a_scene(token: str = "secret", **more: Any) -> Scene:
    clock, asked = Clock(), list[str]()
    hub = Hub(ORIGIN, token, commons=(COMMONS,), sleep=clock.sleep, clock=clock, on_request=asked.append, **more)
    return Scene(hub, clock, asked)


def operation(status: str, **more: object) -> dict[str, object]:
    return {"data": {"id": "x", "type": "merge", "status": status, "created_at": AT, "cancelable": False, **more}}


def problem(status: int, code: str = "X", detail: str = "") -> dict[str, Any]:
    return {"json": {"type": "about:blank", "title": "t", "status": status, "code": code, "detail": detail}, "status": status}


def authorizations(net: responses.RequestsMock) -> list[str | None]:
    return [call.request.headers.get("authorization") for call in net.calls]


READS: dict[str, Callable[[Hub], object]] = {
    "getCurrentUser": lambda hub: hub.me(),
    "getDatabase": lambda hub: hub.database(COMMONS),
    "listBranches": lambda hub: hub.branches(COMMONS),
    "listPulls": lambda hub: hub.pulls(COMMONS),
    "getPull": lambda hub: hub.pull(COMMONS, NUMBER),
    "listPullComments": lambda hub: hub.comments(COMMONS, NUMBER),
    "runSqlReadQueryPost": lambda hub: hub.rows(COMMONS, HEAD, Query("SELECT 1 AS n")),
    "listOperations": lambda hub: hub.merging(COMMONS),
}
WRITES: dict[str, Callable[[Hub], object]] = {
    "createBranch": lambda hub: hub.create_branch(COMMONS, "stampbot/x", at=HEAD),
    "runSqlWriteQuery": lambda hub: hub.write(COMMONS, "stampbot/x", Statement("UPDATE t SET a = 1")),
    "createPull": lambda hub: hub.open_pull(COMMONS, title="t", description="d", branch="stampbot/x"),
    "createPullComment": lambda hub: hub.comment(COMMONS, NUMBER, "words"),
    "mergePull": lambda hub: hub.merge(COMMONS, NUMBER),
    "updatePull": lambda hub: hub.close(COMMONS, NUMBER),
}
URLS = {
    "getCurrentUser": f"{ORIGIN}/api/v2/user",
    "getDatabase": BASE,
    "listBranches": f"{BASE}/branches",
    "listPulls": f"{BASE}/pulls",
    "getPull": f"{BASE}/pulls/57",
    "listPullComments": f"{BASE}/pulls/57/comments",
    "runSqlReadQueryPost": f"{BASE}/sql",
    "listOperations": f"{BASE}/operations",
    "createBranch": f"{BASE}/branches",
    "runSqlWriteQuery": f"{BASE}/sql-writes",
    "createPull": f"{BASE}/pulls",
    "createPullComment": f"{BASE}/pulls/57/comments",
    "mergePull": f"{BASE}/pulls/57/merge",
    "updatePull": f"{BASE}/pulls/57",
}


def answering(net: responses.RequestsMock, operation_id: str, **answer: Any) -> None:
    net.add(operations()[operation_id][0], URLS[operation_id], **answer)


def caught(act: Callable[[Hub], object], hub: Hub) -> HubError:
    with pytest.raises(HubError) as found:
        act(hub)
    return found.value


# --- exceptions -------------------------------------------------------------------------------------------------------

BUSY, STRANGE, UNKNOWN = "busy", "strange", "unknown end"


def refused_connection() -> requests.ConnectionError:
    pool = urllib3.HTTPSConnectionPool("www.dolthub.com")
    reason = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPSConnection("www.dolthub.com"), "refused")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", reason))


def slow_connection() -> requests.ConnectTimeout:
    reason = urllib3.exceptions.ConnectTimeoutError("slow")
    return requests.ConnectTimeout(urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("x"), "/", reason))


def reset_connection() -> requests.ConnectionError:
    return requests.ConnectionError(urllib3.exceptions.ProtocolError("reset", ConnectionResetError()))


def bad_certificate() -> requests.exceptions.SSLError:
    reason = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("certificate verify failed"))
    return requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("x"), "/", reason))


# requests' exception -> what it means for a read, and for a write. Made without cause they say nothing about sending.
BY_EXCEPTION: dict[str, tuple[str, str]] = {
    "RequestException": (BUSY, UNKNOWN),
    "InvalidJSONError": (STRANGE, UNKNOWN),
    "JSONDecodeError": (STRANGE, UNKNOWN),
    "HTTPError": (BUSY, UNKNOWN),
    "ConnectionError": (BUSY, UNKNOWN),
    "ProxyError": (BUSY, UNKNOWN),
    "SSLError": (BUSY, UNKNOWN),
    "Timeout": (BUSY, UNKNOWN),
    "ConnectTimeout": (BUSY, BUSY),
    "ReadTimeout": (BUSY, UNKNOWN),
    "URLRequired": (STRANGE, STRANGE),
    "TooManyRedirects": (STRANGE, UNKNOWN),
    "MissingSchema": (STRANGE, STRANGE),
    "InvalidSchema": (STRANGE, STRANGE),
    "InvalidURL": (STRANGE, STRANGE),
    "InvalidHeader": (STRANGE, STRANGE),
    "InvalidProxyURL": (STRANGE, STRANGE),
    "ChunkedEncodingError": (BUSY, UNKNOWN),
    "ContentDecodingError": (STRANGE, UNKNOWN),
    "StreamConsumedError": (STRANGE, UNKNOWN),
    "RetryError": (BUSY, UNKNOWN),
    "UnrewindableBodyError": (STRANGE, UNKNOWN),
}
MADE: dict[str, tuple[Exception, str, str]] = {
    "connection refused": (refused_connection(), BUSY, BUSY),
    "connection slow": (slow_connection(), BUSY, BUSY),
    "certificate": (bad_certificate(), STRANGE, STRANGE),
    "connection reset": (
        requests.ConnectionError(urllib3.exceptions.ProtocolError("reset", ConnectionResetError())),
        BUSY,
        UNKNOWN,
    ),
    "socket": (OSError("socket"), BUSY, UNKNOWN),
    "urllib3": (urllib3.exceptions.HTTPError("leaked"), BUSY, UNKNOWN),
}


def an_exception(name: str) -> Exception:
    kind = getattr(requests.exceptions, name)
    return kind("words", "document", 0) if name == "JSONDecodeError" else kind("words")  # type: ignore[no-any-return]


def meaning(error: HubError) -> str:
    if isinstance(error, HubBusy):
        return UNKNOWN if error.unknown_end else BUSY
    assert type(error) is HubStrange
    return STRANGE


def test_the_table_names_every_exception_of_requests() -> None:
    kinds = inspect.getmembers(requests.exceptions, inspect.isclass)
    known = {
        name
        for name, kind in kinds
        if issubclass(kind, requests.RequestException) and not issubclass(kind, Warning) and name != "CompatJSONDecodeError"
    }
    assert set(BY_EXCEPTION) == known


CASES = [(name, an_exception(name), *means) for name, means in BY_EXCEPTION.items()] + [
    (name, *means) for name, means in MADE.items()
]


@pytest.mark.parametrize(("error", "for_read"), [c[1:3] for c in CASES], ids=[c[0] for c in CASES])
def test_each_exception_of_a_read_is_sorted(net: responses.RequestsMock, error: Exception, for_read: str) -> None:
    scene = a_scene()
    answering(net, "getPull", body=error)
    assert meaning(caught(READS["getPull"], scene.hub)) == for_read


@pytest.mark.parametrize(("error", "for_write"), [(c[1], c[3]) for c in CASES], ids=[c[0] for c in CASES])
def test_each_exception_of_a_write_is_sorted_and_nothing_is_sent_twice(
    net: responses.RequestsMock, error: Exception, for_write: str
) -> None:
    scene = a_scene()
    answering(net, "mergePull", body=error)
    assert meaning(caught(WRITES["mergePull"], scene.hub)) == for_write
    assert scene.asked == ["mergePull"]


def test_an_older_failure_that_is_just_being_handled_says_nothing_about_a_write(net: responses.RequestsMock) -> None:
    answering(net, "mergePull", body=reset_connection())
    try:
        raise refused_connection()
    except requests.ConnectionError:
        assert meaning(caught(WRITES["mergePull"], a_scene().hub)) == UNKNOWN


# --- statuses ---------------------------------------------------------------------------------------------------------

MEANS: dict[int, type[HubError]] = {
    400: HubRefused,
    401: HubRefused,
    403: HubRefused,
    404: HubGone,
    405: HubRefused,
    409: HubConflict,
    422: HubRefused,
    429: HubBusy,
    500: HubBusy,
    503: HubBusy,
}


def documented(operation_id: str) -> list[int]:
    return [int(status) for status in operations()[operation_id][2]["responses"] if int(status) >= 300]


@pytest.mark.parametrize(("operation_id", "status"), [(o, s) for o in (*READS, *WRITES) for s in (*documented(o), 502, 504)])
def test_each_documented_status_of_each_operation_is_sorted(
    net: responses.RequestsMock, operation_id: str, status: int
) -> None:
    scene = a_scene()
    answering(net, operation_id, **problem(status, "CODE", "words"))
    if operation_id == "getDatabase" and status == 404:
        assert scene.hub.database(COMMONS) is False
        return
    error = caught((READS | WRITES)[operation_id], scene.hub)
    assert type(error) is MEANS.get(status, HubBusy)
    if isinstance(error, HubBusy):
        assert error.unknown_end is (operation_id in WRITES and status != 429)
    if operation_id in WRITES:
        assert scene.asked == [operation_id]


def test_every_status_of_the_contract_has_a_meaning() -> None:
    assert {status for o in (*READS, *WRITES) for status in documented(o)} == set(MEANS)


def test_a_redirect_is_not_followed(net: responses.RequestsMock) -> None:
    elsewhere = net.get("https://elsewhere.example/", json={"data": PULL})
    answering(net, "getPull", status=308, headers={"Location": "https://elsewhere.example/"})
    assert type(caught(READS["getPull"], a_scene().hub)) is HubStrange
    assert elsewhere.call_count == 0


@pytest.mark.parametrize("body", ["<!DOCTYPE html><html>words</html>", "", "{", '{"pulls": []}'])
def test_a_yes_that_is_no_api_answer_is_strange_and_quoted(net: responses.RequestsMock, body: str) -> None:
    scene = a_scene()
    answering(net, "getPull", body=body, content_type="text/html")
    assert type(caught(READS["getPull"], scene.hub)) is HubStrange
    assert scene.asked == ["getPull"] * READ_TRIES


@pytest.mark.parametrize("operation_id", ["createPull", "createPullComment", "mergePull", "runSqlWriteQuery"])
def test_a_yes_to_a_write_that_cannot_be_read_is_an_unknown_end(net: responses.RequestsMock, operation_id: str) -> None:
    scene = a_scene()
    answering(net, operation_id, body="<html>", status=202)
    assert meaning(caught(WRITES[operation_id], scene.hub)) == UNKNOWN
    assert scene.asked == [operation_id]


def test_an_answer_beyond_the_cap_is_given_up(net: responses.RequestsMock) -> None:
    answering(net, "getPull", body=b'{"data": "' + b"x" * ANSWER_MAX_BYTES + b'"}')
    error = caught(READS["getPull"], a_scene().hub)
    assert isinstance(error, HubStrange)
    assert error.too_large


# --- patience ---------------------------------------------------------------------------------------------------------


def test_a_read_is_tried_again_until_it_succeeds(net: responses.RequestsMock) -> None:
    scene = a_scene()
    answering(net, "getPull", **problem(503))
    answering(net, "getPull", body=requests.ReadTimeout())
    answering(net, "getPull", json={"data": PULL})
    assert scene.hub.pull(COMMONS, NUMBER).creator == User("alice")
    assert scene.asked == ["getPull"] * 3
    assert len(scene.clock.slept) == 2
    assert 0.4 <= scene.clock.slept[0] <= 0.6
    assert 0.8 <= scene.clock.slept[1] <= 1.2


def test_the_wait_asked_for_is_kept(net: responses.RequestsMock) -> None:
    scene = a_scene()
    answering(net, "getPull", **problem(429), headers={"Retry-After": "7"})
    answering(net, "getPull", json={"data": PULL})
    scene.hub.pull(COMMONS, NUMBER)
    assert scene.clock.slept == [7.0]


def test_a_long_wait_is_handed_to_the_caller(net: responses.RequestsMock) -> None:
    scene = a_scene()
    answering(net, "getPull", **problem(429), headers={"Retry-After": "600"})
    error = caught(READS["getPull"], scene.hub)
    assert isinstance(error, HubBusy)
    assert error.retry_after_s == 600
    assert (scene.asked, scene.clock.slept) == (["getPull"], [])


def test_a_database_that_seems_missing_is_believed_only_when_repeated(net: responses.RequestsMock) -> None:
    scene = a_scene("")
    net.get(f"{FORK_BASE}/branches", **problem(404, "NOT_FOUND", "no such repository"))
    net.get(f"{FORK_BASE}/branches", **problem(404, "NOT_FOUND", "no such repository"))
    net.get(f"{FORK_BASE}/branches", json={"data": []})
    assert scene.hub.branches(FORK) == ()
    net.get(FORK_BASE, **problem(404, "NOT_FOUND", "no such repository"))
    assert scene.hub.database(FORK) is False
    assert scene.asked == ["listBranches"] * 3 + ["getDatabase"] * 3


def test_a_missing_pull_is_believed_at_once(net: responses.RequestsMock) -> None:
    scene = a_scene()
    answering(net, "getPull", **problem(404, "NOT_FOUND", "no such pull"))
    assert type(caught(READS["getPull"], scene.hub)) is HubGone
    assert scene.asked == ["getPull"]


@pytest.mark.parametrize("operation_id", WRITES)
def test_a_write_to_a_database_that_seems_missing_is_for_later(net: responses.RequestsMock, operation_id: str) -> None:
    scene = a_scene()
    answering(net, operation_id, **problem(404, "NOT_FOUND", "no such repository"))
    assert meaning(caught(WRITES[operation_id], scene.hub)) == BUSY
    assert scene.asked == [operation_id]


def test_a_trickling_answer_ends_at_the_deadline() -> None:
    """A server that sends one byte at a time, each in time, and never ends."""
    server = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def trickle() -> None:
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not over.wait(0.01):
            try:
                connection.sendall(b" " * CHUNK_BYTES)
            except OSError:
                return

    threading.Thread(target=trickle, daemon=True).start()
    ticks = iter(range(0, 10_000, 20))
    hub = Hub(f"http://127.0.0.1:{server.getsockname()[1]}", "t", sleep=lambda s: None, clock=lambda: float(next(ticks)))
    try:
        error = caught(WRITES["updatePull"], hub)
    finally:
        over.set()
        server.close()
    assert meaning(error) == UNKNOWN


# --- the token --------------------------------------------------------------------------------------------------------


def test_the_token_goes_to_the_commons_and_not_to_forks(net: responses.RequestsMock) -> None:
    scene = a_scene()
    for base in (BASE, FORK_BASE):
        net.get(f"{base}/branches", json={"data": []})
    scene.hub.branches(COMMONS)
    scene.hub.branches(FORK)
    assert authorizations(net) == ["Bearer secret", None]


@pytest.mark.parametrize(("status", "detail"), [(403, "not allowed"), (404, "no such repository")])
def test_a_refused_token_is_left_out_once_on_public_data(net: responses.RequestsMock, status: int, detail: str) -> None:
    scene = a_scene()
    scoped = [matchers.header_matcher({"authorization": "Bearer secret"})]
    answering(net, "getPull", match=scoped, **problem(status, "CODE", detail))
    answering(net, "getPull", json={"data": PULL})
    assert scene.hub.pull(COMMONS, NUMBER).number == NUMBER
    assert authorizations(net) == ["Bearer secret", None]
    assert scene.clock.slept == []


def test_a_bad_token_is_reported_and_not_worked_around(net: responses.RequestsMock) -> None:
    scene = a_scene()
    answering(net, "getPull", **problem(401, "UNAUTHENTICATED"))
    error = caught(READS["getPull"], scene.hub)
    assert isinstance(error, HubRefused)
    assert (error.status, error.code) == (401, "UNAUTHENTICATED")
    assert "STAMPBOT_HUB_TOKEN" in str(error)
    assert scene.asked == ["getPull"]


def test_without_token_reads_go_bare_and_writes_do_not_go(net: responses.RequestsMock) -> None:
    scene = a_scene("")
    answering(net, "getPull", json={"data": PULL})
    scene.hub.pull(COMMONS, NUMBER)
    assert scene.hub.me() is None
    for act in WRITES.values():
        error = caught(act, scene.hub)
        assert isinstance(error, HubRefused)
        assert "STAMPBOT_HUB_TOKEN" in str(error)
    assert authorizations(net) == [None]


@pytest.mark.parametrize("token", ["a\nb", "a b", "ä", "a\x00"])
def test_a_token_no_header_can_carry_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ValueError) as found:
        Hub(ORIGIN, token)
    assert token not in str(found.value)


@pytest.mark.parametrize("origin", ["", "www.dolthub.com", "ftp://x", "https://x#y", "https://x?y"])
def test_only_the_address_of_a_hub_is_taken_as_one(origin: str) -> None:
    with pytest.raises(ValueError):
        Hub(origin, "t")


def test_the_environment_changes_nothing(net: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine www.dolthub.com login a password b")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    scene = a_scene("")
    answering(net, "getPull", json={"data": PULL}, headers={"Set-Cookie": "a=b; Path=/"})
    scene.hub.pull(COMMONS, NUMBER)
    scene.hub.pull(COMMONS, NUMBER)
    assert authorizations(net) == [None, None]
    assert [call.request.headers.get("cookie") for call in net.calls] == [None, None]


def test_no_error_ever_shows_the_token(net: responses.RequestsMock) -> None:
    for operation_id in (*READS, *WRITES):
        answering(net, operation_id, body=requests.ConnectionError("words"))
    for act in (READS | WRITES).values():
        assert "secret" not in str(caught(act, a_scene().hub))


def test_no_representation_shows_the_token() -> None:
    hub = a_scene("very-secret", api=Api.V1).hub
    for each in (hub, hub.with_journal(Unwritten())):
        assert "secret" not in repr(vars(each))
        assert "secret" not in repr(each.connection)


def test_both_apis_share_one_connection_and_each_has_its_own_words(net: responses.RequestsMock) -> None:
    """What one connection holds, a budget say, is never made twice for one host."""
    hub = a_scene(api=Api.V1, limiter=RateLimiter(OwnBudget(60))).hub
    older = hub.with_journal(Unwritten())
    again = older.with_journal(Unwritten())
    differ = {
        field.name
        for field in fields(Connection)
        if getattr(hub.connection, field.name) is not getattr(older.connection, field.name)
    }
    assert differ == {"scheme", "refusal"}
    assert again.connection is older.connection
    assert (hub.comments_readable, older.comments_readable, again.comments_readable) == (True, False, False)


def test_the_account_found_in_v1alpha1_is_kept_with_another_journal(net: responses.RequestsMock) -> None:
    net.get(f"{ORIGIN}/api/v1alpha1/user", json={"username": "bot"})
    hub = a_scene(api=Api.V1).hub.with_journal(Unwritten())
    assert (hub.me(), hub.with_journal(Unwritten()).me()) == (User("bot"), User("bot"))
    assert authorizations(net) == ["token secret"]


# --- pages ------------------------------------------------------------------------------------------------------------


def pulls_page(*numbers: int, token: str | None) -> dict[str, object]:
    return {
        "data": [{**PULL, "pull_number": n} for n in numbers],
        "meta": {"next_page_token": token} if token is not None else {},
    }


@pytest.mark.parametrize("last", ["", None, "again"])
def test_pages_end_at_an_absent_empty_or_repeated_token(net: responses.RequestsMock, last: str | None) -> None:
    scene = a_scene()
    at = f"{BASE}/pulls"
    net.get(at, json=pulls_page(2, 9, token="again"), match=[matchers.query_param_matcher({})])
    net.get(at, json=pulls_page(9, 4, token=last), match=[matchers.query_param_matcher({"page_token": "again"})])
    assert [pull.number for pull in scene.hub.pulls(COMMONS)] == [9, 4, 2]
    assert len(net.calls) == 2


def test_pages_without_end_are_strange(net: responses.RequestsMock) -> None:
    def page(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"data": [], "meta": {"next_page_token": f"{len(net.calls)}"}})

    net.add_callback("GET", f"{BASE}/branches", callback=page)
    assert type(caught(READS["listBranches"], a_scene().hub)) is HubStrange
    assert len(net.calls) == PAGES_MAX


def test_comments_come_oldest_first_and_once(net: responses.RequestsMock) -> None:
    found = [
        {**COMMENT, "comment_id": "b", "created_at": "2026-03-04T11:00:00Z"},
        {**COMMENT, "comment_id": "z"},
        {**COMMENT, "comment_id": "a"},
        {**COMMENT, "comment_id": "z"},
    ]
    answering(net, "listPullComments", json={"data": found})
    assert [c.id for c in a_scene().hub.comments(COMMONS, NUMBER)] == ["a", "z", "b"]


def rows_answer(*ids: str, status: str = "success") -> dict[str, object]:
    return {"data": {"columns": [{"name": "id", "type": "TEXT"}], "rows": [[i] for i in ids], "status": status, "message": "m"}}


def test_rows_are_paged_in_order(net: responses.RequestsMock) -> None:
    query = Query("SELECT id FROM t ORDER BY id", paged=True, per_page=2)
    for page, ids in enumerate([("a", "b"), ("c", "d"), ()]):
        body = {"ref": HEAD, "q": query.page(page)}
        net.post(f"{BASE}/sql", json=rows_answer(*ids), match=[matchers.json_params_matcher(body)])
    assert a_scene().hub.rows(COMMONS, HEAD, query) == tuple(Row.of({"id": i}) for i in "abcd")
    assert len(net.calls) == 3


def test_cut_rows_are_never_handed_out(net: responses.RequestsMock) -> None:
    scene = a_scene()
    answering(net, "runSqlReadQueryPost", json=rows_answer("a", status="row_limit"))
    assert type(caught(READS["runSqlReadQueryPost"], scene.hub)) is HubStrange
    assert scene.asked == ["runSqlReadQueryPost"]


def test_a_slow_query_is_tried_again(net: responses.RequestsMock) -> None:
    answering(net, "runSqlReadQueryPost", json=rows_answer(status="timeout"))
    answering(net, "runSqlReadQueryPost", json=rows_answer("a"))
    assert a_scene().hub.rows(COMMONS, HEAD, Query("SELECT 1 AS n")) == (Row.of({"id": "a"}),)


def test_a_query_for_nothing_is_not_asked(net: responses.RequestsMock) -> None:
    assert a_scene().hub.rows(COMMONS, HEAD, NOTHING) == ()
    assert len(net.calls) == 0


def test_a_database_nobody_can_have_is_not_asked_for(net: responses.RequestsMock) -> None:
    scene = a_scene()
    assert scene.hub.database(Database("..", "user")) is False
    assert type(caught(lambda hub: hub.branches(Database("", "")), scene.hub)) is HubGone
    assert scene.asked == []


def test_what_hangs_on_commits_alone_is_read_once_for_all_databases(net: responses.RequestsMock) -> None:
    answer = {"data": {"columns": [{"name": "n", "type": "INT"}], "rows": [["1"]], "status": "success"}}
    for base in (BASE, FORK_BASE):
        net.post(f"{base}/sql", json=answer)
    scene = a_scene()
    for of_commits, asked in ((False, 2), (True, 1)):
        scene.asked.clear()
        for database in (COMMONS, FORK, COMMONS):
            scene.hub.rows(database, HEAD, Query(f"SELECT {of_commits:d} AS n", of_commits=of_commits))
        assert len(scene.asked) == asked


# --- operations -------------------------------------------------------------------------------------------------------


def test_a_merge_is_started_once_and_followed_to_its_end(net: responses.RequestsMock) -> None:
    scene = a_scene()
    started = net.post(URLS["mergePull"], json=ACCEPTED, status=202, match=[matchers.json_params_matcher({})])
    net.get(HREF, json=operation("queued"))
    net.get(HREF, body=requests.ReadTimeout())
    net.get(HREF, json=operation("running"))
    net.get(HREF, body="<html>")
    net.get(HREF, json=operation("succeeded", result={"pull_id": "57"}))
    scene.hub.merge(COMMONS, NUMBER)
    assert started.call_count == 1
    assert scene.asked == ["mergePull"] + ["getOperation"] * 5
    assert scene.clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert authorizations(net) == ["Bearer secret"] * 6
    assert net.calls[1].request.url == HREF


def test_the_first_question_about_a_merge_comes_when_the_last_one_had_ended(net: responses.RequestsMock) -> None:
    scene, sent_s = a_scene(), 0.0
    answering(net, "mergePull", json=ACCEPTED, status=202)

    def ended(_: object) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps(operation("succeeded" if scene.clock.now - sent_s >= 2 else "running"))

    net.add_callback(responses.GET, HREF, callback=ended)
    questions: list[int] = []
    for _ in range(6):
        sent_s = scene.clock.now
        scene.asked.clear()
        scene.hub.merge(COMMONS, NUMBER)
        questions.append(scene.asked.count("getOperation"))
    assert questions == [4, 1, 1, 1, 1, 1]
    assert scene.clock.now - sent_s < 2.5


def test_a_failed_merge_is_refused_in_the_servers_words(net: responses.RequestsMock) -> None:
    answering(net, "mergePull", json=ACCEPTED, status=202)
    error = {"status": 422, "code": "OPERATION_FAILED", "title": "t", "detail": "merge conflict in wanted"}
    net.get(HREF, json=operation("failed", error=error))
    found = caught(WRITES["mergePull"], a_scene().hub)
    assert isinstance(found, HubRefused)
    assert (found.status, found.code, str(found)) == (422, "OPERATION_FAILED", "mergePull failed: merge conflict in wanted")


@pytest.mark.parametrize("word", ["running", "queued", "a word of tomorrow"])
def test_a_merge_that_stays_running_has_an_unknown_end(net: responses.RequestsMock, word: str) -> None:
    scene = a_scene(operation_wait_s=30.0)
    answering(net, "mergePull", json=ACCEPTED, status=202)
    net.get(HREF, json=operation(word))
    assert meaning(caught(WRITES["mergePull"], scene.hub)) == UNKNOWN
    assert scene.asked.count("mergePull") == 1
    assert scene.clock.now <= 30.0
    assert max(scene.clock.slept) == 5.0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_operation_that_may_not_be_followed_has_an_unknown_end(net: responses.RequestsMock, status: int) -> None:
    scene = a_scene()
    answering(net, "mergePull", json=ACCEPTED, status=202)
    net.get(HREF, **problem(status))
    assert meaning(caught(WRITES["mergePull"], scene.hub)) == UNKNOWN
    assert scene.asked.count("mergePull") == 1


def test_an_operation_elsewhere_is_asked_for_at_home(net: responses.RequestsMock) -> None:
    elsewhere = net.get("https://evil.example/api/v2/operations/1", json=operation("succeeded"))
    answering(net, "mergePull", json={"data": {"id": "owners/hop/jobs/1", "href": elsewhere.url}}, status=202)
    net.get(HREF, json=operation("succeeded"))
    a_scene().hub.merge(COMMONS, NUMBER)
    assert elsewhere.call_count == 0


def a_write(net: responses.RequestsMock, ended: dict[str, Any]) -> None:
    body = {"from_branch": "stampbot/x", "to_branch": "stampbot/x", "q": "UPDATE t SET a = 1"}
    net.post(URLS["runSqlWriteQuery"], json=ACCEPTED, status=202, match=[matchers.json_params_matcher(body)])
    net.get(HREF, **ended)


NO_OP = {"status": 422, "code": "OPERATION_FAILED", "title": "t", "detail": "the statement did not modify the database"}


@pytest.mark.parametrize(
    ("ended", "written"),
    [
        ({"json": operation("succeeded", result={"commit_sha": HEAD})}, Written.CHANGED),
        ({"json": operation("succeeded", result={})}, Written.UNCHANGED),
        ({"json": operation("failed", error=NO_OP)}, Written.UNCHANGED),
        (problem(400, "X", "Cannot return null for non-nullable field SqlWrite.toCommitId."), Written.UNCHANGED),
    ],
    ids=["a commit", "no commit", "a failed no-op", "v1alpha1's no-op"],
)
def test_a_write_tells_whether_it_changed_anything(
    net: responses.RequestsMock, ended: dict[str, Any], written: Written
) -> None:
    a_write(net, ended)
    assert WRITES["runSqlWriteQuery"](a_scene().hub) is written


def test_a_write_refused_at_once_as_a_no_op_changed_nothing(net: responses.RequestsMock) -> None:
    answering(net, "runSqlWriteQuery", **problem(400, "VALIDATION_FAILED", "no changes"))
    assert WRITES["runSqlWriteQuery"](a_scene().hub) is Written.UNCHANGED


def test_a_failed_write_is_refused_and_a_lost_race_is_for_later(net: responses.RequestsMock) -> None:
    a_write(net, {"json": operation("failed", error={"status": 400, "code": "X", "title": "t", "detail": "syntax error"})})
    assert type(caught(WRITES["runSqlWriteQuery"], a_scene().hub)) is HubRefused
    net.replace("GET", HREF, json=operation("failed", error={"status": 409, "detail": "serialization failure"}))
    assert meaning(caught(WRITES["runSqlWriteQuery"], a_scene().hub)) == BUSY


def test_what_is_made_is_named(net: responses.RequestsMock) -> None:
    answering(net, "createPull", json={"data": PULL}, status=201)
    answering(net, "createPullComment", json={"data": COMMENT}, status=201)
    hub = a_scene().hub
    assert WRITES["createPull"](hub) == NUMBER
    assert WRITES["createPullComment"](hub) == CommentId("c-1")


OPERATION = {"id": "x", "type": "merge", "status": "running", "created_at": AT, "cancelable": False}


@pytest.mark.parametrize(
    ("found", "merging"),
    [
        ([], False),
        ([OPERATION], True),
        ([{**OPERATION, "status": "Queued", "type": "Merge"}], True),
        ([{**OPERATION, "status": "succeeded"}, {**OPERATION, "type": "sql_write"}], False),
        ([{**OPERATION, "status": "a word of tomorrow"}], False),
    ],
)
def test_a_running_merge_is_seen(net: responses.RequestsMock, found: list[object], merging: bool) -> None:
    answering(net, "listOperations", json={"data": found})
    assert a_scene().hub.merging(COMMONS) is merging


@pytest.mark.parametrize(("newest_first", "merging"), [(True, False), (False, True)])
def test_old_operations_are_read_only_if_they_might_come_later(
    net: responses.RequestsMock, newest_first: bool, merging: bool
) -> None:
    done = [{**OPERATION, "status": "succeeded", "created_at": f"2026-03-04T10:00:0{n}Z"} for n in range(3)]
    page = {"data": done[::-1] if newest_first else done, "meta": {"next_page_token": "2"}}
    net.get(URLS["listOperations"], json=page, match=[matchers.query_param_matcher({})])
    net.get(URLS["listOperations"], json={"data": [OPERATION]}, match=[matchers.query_param_matcher({"page_token": "2"})])
    assert a_scene().hub.merging(COMMONS) is merging


# --- the contract -----------------------------------------------------------------------------------------------------

GOOD: dict[str, dict[str, Any]] = {
    "getCurrentUser": {"json": {"data": {"username": "bot", "email_addresses": []}}},
    "getDatabase": {"json": {"data": {"owner": "hop", "name": "wl-commons"}}},
    "listBranches": {"json": {"data": []}},
    "listPulls": {"json": {"data": []}},
    "getPull": {"json": {"data": PULL}},
    "listPullComments": {"json": {"data": []}},
    "runSqlReadQueryPost": {"json": rows_answer("a")},
    "listOperations": {"json": {"data": []}},
    "createBranch": {"json": {"data": {"name": "x", "head_commit_sha": HEAD}}, "status": 201},
    "runSqlWriteQuery": {"json": ACCEPTED, "status": 202},
    "createPull": {"json": {"data": PULL}, "status": 201},
    "createPullComment": {"json": {"data": COMMENT}, "status": 201},
    "mergePull": {"json": ACCEPTED, "status": 202},
    "updatePull": {"json": {"data": PULL}},
}


@pytest.mark.parametrize("operation_id", [*READS, *WRITES])
def test_every_request_is_one_the_contract_knows(net: responses.RequestsMock, operation_id: str) -> None:
    scene = a_scene()
    answering(net, operation_id, **GOOD[operation_id])
    net.get(HREF, json=operation("succeeded", result={"commit_sha": HEAD}))
    (READS | WRITES)[operation_id](scene.hub)
    request = net.calls[0].request
    path = request.path_url.partition("?")[0]
    assert operation_at(str(request.method), path) == operation_id == scene.asked[0]
    needs_token = {} not in operations()[operation_id][2]["security"]
    assert not needs_token or request.headers["authorization"] == "Bearer secret"
    assert CaseInsensitiveDict(request.headers)["x-request-id"].startswith("stampbot-")
    if "requestBody" in operations()[operation_id][2]:
        assert request.headers["content-type"] == "application/json"
        assert request_is_valid(operation_id, json.loads(request.body or b""))
    else:
        assert request.body is None


def test_a_page_token_of_any_form_survives_the_journey(net: responses.RequestsMock) -> None:
    token = base64.b64encode(b"\xff\xfe/+=&").decode() + "&x=1#"
    net.get(f"{BASE}/branches", json={"data": [], "meta": {"next_page_token": token}}, match=[matchers.query_param_matcher({})])
    net.get(f"{BASE}/branches", json={"data": []}, match=[matchers.query_param_matcher({"page_token": token})])
    a_scene().hub.branches(COMMONS)
    assert len(net.calls) == 2


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (403, "anything", True),
        (422, "branch is protected", True),
        (422, "this pull requires approval", True),
        (422, "You do not have permission to merge", True),
        (400, "only non-PR pushes are not allowed", True),
        (422, "merge conflict in wanted", False),
        (409, "pull is not open", False),
        (401, "permission denied: the token is refused", False),
        (400, "syntax error near protec", False),
    ],
)
def test_a_protected_main_is_told_from_a_refusal_of_what_was_asked(status: int, text: str, expected: bool) -> None:
    assert HubRefused(f"mergePull: {status} {text}", status=status, code="X").withheld is expected
