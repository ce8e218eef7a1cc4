"""The evidence pages, over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sandbox.lookalikes.evidence_pages import HUGE_BODY_BYTES, PRIVATE_TARGET, EvidencePages
from tests.patience import STATE_WAIT_S

TIMEOUT_S = STATE_WAIT_S


@pytest.fixture(scope="module")
def pages() -> Iterator[EvidencePages]:
    server = EvidencePages().start()
    yield server
    server.stop()


def get(pages: EvidencePages, path: str) -> requests.Response:
    return requests.get(pages.base_url + path, allow_redirects=False, timeout=TIMEOUT_S)


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/ok", 200, "It is here"),
        ("/acme/relay/pull/123", 200, "#123 · acme/relay"),
        ("/acme/relay/pull/123?tab=files", 200, "#123 · acme/relay"),
        ("/acme/almanac/commit/8d1f0c2b7e", 200, "Commit 8d1f0c2b7e · acme/almanac"),
        ("/gone", 404, "Not found"),
        ("/dead", 410, "Gone"),
        ("/flaky", 503, "Service unavailable"),
        ("/slow?s=0", 200, "It is here, only slow"),
        ("/", 404, "Not found"),
        ("/ok/", 404, "Not found"),
        ("/acme/relay/pull/0", 404, "Not found"),
        ("/acme/relay/pull/12x", 404, "Not found"),
        ("/acme/relay/commit/xyz", 404, "Not found"),
        ("/acme/relay/pull/123/files", 404, "Not found"),
        ("/<script>alert(1)</script>", 404, "Not found"),
        ("/slow", 400, "Bad request"),
        ("/slow?s=31", 400, "Bad request"),
        ("/slow?s=-1", 400, "Bad request"),
        ("/slow?s=nan", 400, "Bad request"),
        ("/slow?s=1&s=2", 400, "Bad request"),
        ("/redirect", 400, "Bad request"),
        ("/redirect?to=https://example.org/", 400, "Bad request"),
        ("/redirect?to=//example.org/", 400, "Bad request"),
        ("/redirect?to=/%5Cexample.org/", 400, "Bad request"),
        ("/redirect?to=/ok%0d%0aSet-Cookie:%20a=b", 400, "Bad request"),
    ],
)
def test_each_path_has_one_answer(pages: EvidencePages, path: str, status: int, title: str) -> None:
    answer = get(pages, path)
    assert answer.status_code == status
    shown = answer.text.partition("<title>")[2].partition("</title>")[0]
    assert shown.endswith(title)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/redirect?to=/acme/relay/pull/119", "/acme/relay/pull/119"),
        ("/redirect?to=/redirect-private", "/redirect-private"),
        ("/redirect-private", PRIVATE_TARGET),
    ],
)
def test_a_redirect_names_its_target(pages: EvidencePages, path: str, location: str) -> None:
    answer = get(pages, path)
    assert (answer.status_code, answer.headers["Location"]) == (302, location)


def test_head_has_the_headers_of_get_and_no_body(pages: EvidencePages) -> None:
    head = requests.head(pages.base_url + "/ok", timeout=TIMEOUT_S)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(get(pages, "/ok").content)))
    assert head.content == b""


def test_other_methods_are_refused(pages: EvidencePages) -> None:
    assert requests.post(pages.base_url + "/ok", data=b"x", timeout=TIMEOUT_S).status_code == 501


def test_a_slow_page_holds_nobody_else_up(pages: EvidencePages) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(get, pages, "/slow?s=1")
        assert get(pages, "/ok").status_code == 200
        while_waiting = not slow.done()
        assert slow.result().status_code == 200
    assert while_waiting
    assert time.monotonic() - begun >= 1


def test_the_huge_page_can_be_left_early(pages: EvidencePages) -> None:
    with requests.get(pages.base_url + "/huge", stream=True, timeout=TIMEOUT_S) as answer:
        assert answer.headers["Content-Length"] == str(HUGE_BODY_BYTES)
        assert len(next(answer.iter_content(1 << 16))) == 1 << 16
    assert get(pages, "/ok").status_code == 200


def test_the_huge_page_keeps_its_word(pages: EvidencePages) -> None:
    got = 0
    with requests.get(pages.base_url + "/huge", stream=True, timeout=TIMEOUT_S) as answer:
        for chunk in answer.iter_content(1 << 20):
            got += len(chunk)
    assert got == HUGE_BODY_BYTES


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /ok HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /ok HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET http://[::1/ok HTTP/1.1\r\n\r\n",
        b"GET http://example.org/ok HTTP/1.1\r\n\r\n",
        b"GET //example.org/ok HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET /ok",
    ],
)
def test_bad_requests_leave_no_traceback_and_the_server_up(
    pages: EvidencePages, request_bytes: bytes, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: crashed.append(str(args.exc_value)))
    with socket.create_connection(("127.0.0.1", pages.server_port), TIMEOUT_S) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass  # the server hung up on bytes it had not read
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    assert get(pages, "/ok").status_code == 200
    assert crashed == []
    assert capfd.readouterr() == ("", "")


def test_a_closed_server_frees_its_port() -> None:
    first = EvidencePages().start()
    port = first.server_port
    first.stop()
    second = EvidencePages(port=port).start()
    assert (second.server_port, get(second, "/ok").status_code) == (port, 200)
    second.stop()


def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            EvidencePages(port=taken.getsockname()[1])
