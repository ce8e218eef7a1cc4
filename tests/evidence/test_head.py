"""How the head of an answer is read: as http.client reads it where it is well made, and in bounds where it is not."""

from __future__ import annotations

import socket
from http.client import HTTPException, HTTPResponse
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.fetch.head import HEAD_MAX_BYTES, INTERIM_ANSWERS_MAX, LINES_MAX, HttpResponse

OK = b"HTTP/1.1 200 OK\r\n"


def answer_to(wire: bytes) -> HttpResponse:
    """The answer that these bytes are, its head read."""
    with Wire(wire) as sock:
        answer = HttpResponse(sock)
    answer.begin()
    return answer


def as_the_library_reads(wire: bytes) -> HTTPResponse:
    """The same, by http.client."""
    with Wire(wire) as sock:
        response = HTTPResponse(sock, method="GET")
    response.begin()
    return response


class Wire(socket.socket):
    """A socket that has these bytes to read, and then ends."""

    def __init__(self, wire: bytes) -> None:
        super().__init__()
        self._wire = wire

    def makefile(self, *_: object, **__: object) -> BytesIO:  # type: ignore[override]
        return BytesIO(self._wire)


@pytest.mark.parametrize(
    ("lines", "name", "values"),
    [
        (b"Location: /a\r\n", "location", ["/a"]),
        (b"LOCATION:/a\r\nlocation: \t/b \t\r\n", "location", ["/a", "/b"]),
        (b"Location:\r\n", "location", [""]),
        (b"Location: a:b\n", "location", ["a:b"]),
        (b"Location: caf\xe9\r\n", "location", ["café"]),
        # A value goes on in a line that begins with a blank (RFC 9112, 5.2); before the first field there is none to go on.
        (b"Location: /a\r\n\t/b\r\n  /c \r\n", "location", ["/a /b /c"]),
        (b" Location: /a\r\n", "location", []),
        # No field lines: the others stand all the same.
        (b"no colon\r\nLocation: /a\r\n", "location", ["/a"]),
        (b"Location : /a\r\n", "location", []),
        (b": /a\r\nX: y\r\n", "x", ["y"]),
        # A CR alone ends no line.
        (b"X: y\rLocation: /a\r\n", "location", []),
        (b"X: y\r\r\nLocation: /a\r\n", "location", ["/a"]),
        (b"X: y\r\n\r\r\nLocation: /a\r\n", "location", ["/a"]),
        (b"X: y\x85Location: /a\r\n", "location", []),
    ],
)
def test_a_field_is_a_line_of_its_own(lines: bytes, name: str, values: list[str]) -> None:
    assert answer_to(OK + lines + b"\r\nLocation: /body\r\n").every(name) == values


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 2_0 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * (INTERIM_ANSWERS_MAX + 1) + OK + b"\r\n",
        OK + b"x: y\r\n" * (LINES_MAX + 1) + b"\r\n",
        OK + (b"x: " + b"y" * 60_000 + b"\r\n") * 5 + b"\r\n",
        OK + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
)
def test_what_is_no_head_is_refused(wire: bytes) -> None:
    assert HEAD_MAX_BYTES < 5 * 60_000
    with pytest.raises(HTTPException):
        answer_to(wire)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\nContent-Length: 1\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 1\r\n\r\nab", b"a"),
        (b"HTTP/1.1 200\r\nContent-Length: +1\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 200\r\nContent-Length: 1_0\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 204\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b""),
        (b"HTTP/1.1 100 Go on\r\nContent-Length: 9\r\n\r\nHTTP/1.0 404 No\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + b"HTTP/1.1 103 E\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nab", b"a"),
        (b"HTTP/1.1 199 X\r\n\r\n" * INTERIM_ANSWERS_MAX + OK + b"\r\nab", b"ab"),
    ],
)
def test_a_body_is_read_as_its_head_frames_it(head: bytes, body: bytes) -> None:
    assert answer_to(head).read1(100) == body


TOKEN = st.text("ABCxyz019!#-_.", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@given(
    # The standard library reads past 100 alone of the interim answers.
    status=st.just(101) | st.integers(200, 999),
    fields=st.lists(st.tuples(st.one_of(TOKEN, st.just("Location"), st.just("Content-Type")), VALUE), max_size=20),
)
def test_a_well_made_head_is_read_as_the_standard_library_reads_it(status: int, fields: list[tuple[str, str]]) -> None:
    fields = [(name, value) for name, value in fields if name.lower() not in ("content-length", "transfer-encoding")]
    wire = (
        f"HTTP/1.1 {status} Fine\r\n{''.join(f'{name}: {value}' + chr(13) + chr(10) for name, value in fields)}\r\nab".encode()
    )
    ours, theirs = answer_to(wire), as_the_library_reads(wire)
    names = {name.lower() for name, _ in fields}
    assert ours.status == theirs.status
    assert {name: ours.every(name) for name in names} == {name: theirs.headers.get_all(name) for name in names}
    assert ours.read1(100) == theirs.read1(100)
