"""Where a request ends is told before a thread sees it, byte by byte, and never otherwise than gunicorn tells it."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser
from hypothesis import given
from hypothesis import strategies as st

from bot.web.buffering_worker import BODY_BYTES_MAX, CHUNKING_BYTES_MAX, HEAD_BYTES_MAX, Incoming, RequestState

POST = b"POST /hooks/dolthub/x HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

SHAPES: list[tuple[str, bytes, RequestState]] = [
    ("nothing", b"", RequestState.PART),
    ("half a head", POST, RequestState.PART),
    ("a head without a body", POST + b"\r\n", RequestState.WHOLE),
    ("a body", POST + b"Content-Length: 3\r\n\r\nabc", RequestState.WHOLE),
    ("a body and more", POST + b"Content-Length: 3\r\n\r\nabcPOST ", RequestState.WHOLE),
    ("half a body", POST + b"content-length: 3\r\n\r\nab", RequestState.PART),
    ("two lengths", POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", RequestState.ODD),
    ("a length and chunks", POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", RequestState.ODD),
    ("another coding", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", RequestState.ODD),
    ("a length below nothing", POST + b"Content-Length: -1\r\n\r\n", RequestState.ODD),
    ("a length in words", POST + b"Content-Length: 3, 3\r\n\r\nabc", RequestState.ODD),
    ("a length of 19 digits", POST + b"Content-Length: " + b"1" * 19 + b"\r\n\r\n", RequestState.ODD),
    ("a bare line feed", b"POST / HTTP/1.1\nContent-Length: 3\r\n\r\nabc", RequestState.ODD),
    ("an empty line before all", b"\r\n\r\nPOST / HTTP/1.1\r\n\r\n", RequestState.ODD),
    ("a body that is too long", POST + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), RequestState.BODY_TOO_LONG),
    ("a body as long as may be", POST + b"Content-Length: %d\r\n\r\n" % BODY_BYTES_MAX, RequestState.PART),
    ("a head that is too long", POST + b"X: " + b"x" * HEAD_BYTES_MAX, RequestState.HEAD_TOO_LONG),
    ("a head that is too long, with an end", POST + b"X: " + b"x" * HEAD_BYTES_MAX + b"\r\n\r\n", RequestState.HEAD_TOO_LONG),
    ("chunks", CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", RequestState.WHOLE),
    ("chunks that have not ended", CHUNKED + b"3\r\nabc\r\n0\r\n", RequestState.PART),
    ("half a chunk", CHUNKED + b"5\r\nab", RequestState.PART),
    ("a last chunk inside of a chunk", CHUNKED + b"f\r\nxxxx0\r\n\r\n", RequestState.PART),
    ("chunks with trailers", CHUNKED + b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n", RequestState.WHOLE),
    ("a chunk of no size", CHUNKED + b"x\r\nabc\r\n", RequestState.ODD),
    ("a chunk longer than it says", CHUNKED + b"2\r\nabc\r\n", RequestState.ODD),
    ("a size that never ends", CHUNKED + b"1;" + b"x" * 100, RequestState.ODD),
    ("chunks that are too long", CHUNKED + b"%x\r\n" % (BODY_BYTES_MAX + 1), RequestState.BODY_TOO_LONG),
    ("crumbs", CHUNKED + b"1\r\na\r\n" * HEAD_BYTES_MAX, RequestState.BODY_TOO_LONG),
    ("trailers without end", CHUNKED + b"0\r\n" + b"X: y\r\n" * CHUNKING_BYTES_MAX, RequestState.BODY_TOO_LONG),
]


@pytest.mark.parametrize(("sent", "shape"), [case[1:] for case in SHAPES], ids=[case[0] for case in SHAPES])
def test_what_has_come_is_told_at_once_or_bit_by_bit_alike(sent: bytes, shape: RequestState) -> None:
    assert Incoming().add(sent) is shape
    if len(sent) < 2000:
        assert told_in_bits(sent, range(len(sent) + 1)) is shape


def told_in_bits(sent: bytes, cuts: range | list[int]) -> RequestState:
    """What is told after the last bit, or as soon as anything but PART is told."""
    incoming, shape = Incoming(), RequestState.PART
    for begin, end in pairwise((0, *cuts, len(sent))):
        shape = incoming.add(sent[begin:end])
        if shape is not RequestState.PART:
            break
    return shape


LINES = st.sampled_from(
    [
        *(
            "Content-Length: 0",
            "Content-Length: 5",
            "content-length:5",
            "CONTENT-LENGTH :5",
            "Content-Length: +5",
            "Content-Length:",
        ),
        *(
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: CHUNKED",
            "transfer-encoding: identity",
            "Transfer-Encoding:\tchunked",
        ),
        *(
            "X: y",
            "X: Content-Length: 7",
            " folded",
            "Content-Length: 5\n",
            "Content-Length: 5\x00",
            "Content_Length: 9",
            "Expect: 100-continue",
        ),
    ]
)
BODIES = st.lists(
    st.sampled_from(
        [
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"hello",
            b"\r\n",
            b"0\r\nX: y\r\n\r\n",
            b"0;a=b\r\n\r\n",
            b"00005\r\nhello\r\n",
            b"5 \r\nhello\r\n",
        ]
    ),
    max_size=4,
).map(b"".join)


@given(st.lists(LINES, max_size=3), BODIES, st.sampled_from(["1.1", "1.0"]))
def test_a_whole_request_is_never_waited_for_by_gunicorn(lines: list[str], body: bytes, version: str) -> None:
    """A thread that asks for more than was gathered could be kept waiting by whoever sends it."""
    head = "\r\n".join([f"POST / HTTP/{version}", "Host: h", *lines]).encode("latin-1") + b"\r\n\r\n"
    if Incoming().add(head + body) is not RequestState.WHOLE:
        return
    asked_for_more = False

    def all_of_it() -> object:
        nonlocal asked_for_more
        yield head + body
        asked_for_more = True

    try:
        request = next(get_parser(Config(), all_of_it(), ("127.0.0.1", 1)))  # type: ignore[no-untyped-call]
        request.body.read()
    except Exception:
        # Whatever gunicorn refuses, it refuses at once.
        assert not asked_for_more
    assert not asked_for_more


def test_a_request_in_single_bytes_costs_no_more_than_its_bytes() -> None:
    crumbs = CHUNKED + b"1\r\na\r\n" * 2500 + b"0\r\n\r\n"
    incoming = Incoming()
    began = time.process_time()
    shapes = {incoming.add(crumbs[n : n + 1]) for n in range(len(crumbs))}
    assert shapes == {RequestState.PART, RequestState.WHOLE}
    assert time.process_time() - began < 2.0
