"""Honest sites that only look odd: followed as browsers follow them; and walls, which prove nothing."""

from __future__ import annotations

import socket

import pytest

from bot.evidence.fetch.cookies import COOKIES_MAX, Cookies
from bot.evidence.fetch.url import Refused, read_location, read_url
from bot.evidence.page.walls import is_walled
from bot.model.evidence import Seen
from tests.evidence.looking import look
from tests.evidence.servers import HTML, path_of, redirect, serving

PAGE = HTML + b"<title>Release notes 2.3</title><p>What changed, at length.</p>"


def with_cookie(name: bytes) -> bytes:
    head, rest = redirect("/page").split(b"\r\n", 1)
    return head + b"\r\nSet-Cookie: " + name + b"=1; Path=/; HttpOnly; SameSite=Lax\r\n" + rest


@pytest.mark.parametrize("first", ["/page", "/by-way-of-another"])
def test_a_page_that_sets_a_cookie_and_sends_to_itself_opens(first: str) -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(PAGE if b"\r\nCookie: seen=1\r\n" in request else with_cookie(b"seen"))

    with serving(talk) as server:
        assert look(f"{server.url}{first}").seen is Seen.REACHABLE
        assert look(f"{server.url}{first}").seen is Seen.REACHABLE
        assert b"Cookie" not in server.requests[2], "nothing is kept between looks"


def test_a_cookie_goes_back_to_its_origin_alone_and_a_strange_one_nowhere() -> None:
    jar, origin = Cookies(), read_url("https://a.example.com/x")
    jar.keep(origin, ("a=1; Path=/", "b=2", "a=3", "bad name=4", "c=x y", "d=\r\nHost: evil", "e", "=5", 'f="q"', "é=1"))
    assert jar.of(origin) == "a=3; b=2"
    for other in ("http://a.example.com/x", "https://b.example.com/x", "https://a.example.com:8443/x"):
        assert jar.of(read_url(other)) == ""
    jar.keep(origin, tuple(f"n{n}=1" for n in range(100)))
    assert len(jar.of(origin).split("; ")) == COOKIES_MAX


@pytest.mark.parametrize("name", ["accept-language", "mozilla"])
def test_a_page_that_is_shown_to_browsers_alone_opens(name: str) -> None:
    sign = {"accept-language": b"Accept-Language: en", "mozilla": b"Mozilla/5.0"}[name]

    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(PAGE if sign in request else b"HTTP/1.1 404 No\r\n\r\n")

    with serving(talk) as server:
        sheet = look(f"{server.url}/page")
        assert (sheet.seen, b"stampbot" in server.requests[0]) == (Seen.REACHABLE, True)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("https://de.wikipedia.org/wiki/Größe", "https://de.wikipedia.org/wiki/Gr%C3%B6%C3%9Fe"),
        ("https://ja.wikipedia.org/wiki/日本", "https://ja.wikipedia.org/wiki/%E6%97%A5%E6%9C%AC"),
        ("https://ru.wikipedia.org/wiki/Дом?a=б", "https://ru.wikipedia.org/wiki/%D0%94%D0%BE%D0%BC?a=%D0%B1"),
        ("https://hi.wikipedia.org/wiki/हिन्दी", "https://hi.wikipedia.org/wiki/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80"),
        ("https://example.org/caf\u00e9/a%20b", "https://example.org/caf%C3%A9/a%20b"),
    ],
)  # fmt: skip
def test_letters_beyond_ascii_in_a_path_are_asked_for_as_browsers_do(written: str, asked: str) -> None:
    assert read_url(written).url == read_url(asked).url == asked


@pytest.mark.parametrize(
    "written",
    [
        "https://göod.example.com/",
        "https://example.org\u2024com/",
        "https://example.org/\u202egnp.exe",
        "https://example.org/a\u200bb",
        "https://example.org/\ufeff",
        "https://example.org/a\u2028b",
        "https://example.org/a“b",
    ],
)
def test_what_only_looks_alike_or_turns_text_around_is_refused_as_before(written: str) -> None:
    with pytest.raises(Refused, match="non_ascii"):
        read_url(written)


@pytest.mark.parametrize(
    ("location", "path"),
    [("/caf\xc3\xa9", "/caf%C3%A9"), ("/caf\xe9", "/caf%E9"), ("/a b", "/a%20b"), ("/x?q=\xfc", "/x?q=%FC")],
)
def test_octets_of_a_location_are_encoded_as_browsers_do(location: str, path: str) -> None:
    assert read_location(read_url("https://example.org/"), location).url == f"https://example.org{path}"


WALLS = {
    "Cloudflare, 2xx": ("Just a moment...", b""),
    "Cloudflare, challenge": ("", b'<script src="/cdn-cgi/challenge-platform/h/b/x.js"></script>'),
    "Cloudflare, older": ("Attention Required! | Cloudflare", b""),
    "Akamai": ("Access Denied", b""),
    "Anubis": ("Making sure you\u2019re not a bot!", b""),
    "Anubis, by its script": ("", b'<script id="anubis_challenge" type="application/json">{}</script>'),
    "Imperva": ("", b'<iframe src="/_Incapsula_Resource?x=1"></iframe>'),
    "HUMAN": ("Please verify you are a human", b'<div id="px-captcha"></div>'),
    "DataDome": ("", b'<script src="https://geo.captcha-delivery.com/c.js"></script>'),
    "DDoS-Guard": ("DDoS-Guard", b""),
    "Vercel": ("Vercel Security Checkpoint", b""),
    "Distil": ("Pardon Our Interruption...", b""),
    "cookies": ("Cookies required", b""),
    "F5": ("Request Rejected", b""),
}
NO_WALLS = {
    "an article about one": ("How we fixed 'Just a moment...' on our site", b"Just a moment... said Cloudflare"),
    "a long page that quotes one": ("Bot walls", b"<p>" + b"x" * 30_000 + b"px-captcha"),
    "an issue": ("Access denied when pushing · Bug 3 · acme/relay", b""),
    "a page": ("Release notes 2.3", b"<p>What changed</p>"),
}


@pytest.mark.parametrize(("title", "body"), WALLS.values(), ids=WALLS)
def test_a_wall_that_answers_well_cannot_be_judged(title: str, body: bytes) -> None:
    assert is_walled(200, title, body)
    with serving(HTML + b"<title>" + title.encode() + b"</title>" + body + b"x") as server:
        sheet = look(f"{server.url}/page")
    assert (sheet.seen, sheet.reason) == (Seen.UNKNOWN, "wall")


@pytest.mark.parametrize(("title", "body"), NO_WALLS.values(), ids=NO_WALLS)
def test_a_page_that_speaks_of_walls_is_none(title: str, body: bytes) -> None:
    assert not is_walled(200, title, body)


@pytest.mark.parametrize("header", [b"x-amzn-waf-action: challenge", b"x-amzn-waf-action: captcha", b"cf-mitigated: challenge"])
def test_a_header_that_says_so_makes_a_wall_whatever_the_status(header: bytes) -> None:
    with serving(b"HTTP/1.1 202 Accepted\r\nContent-Type: text/html\r\n" + header + b"\r\n\r\n<title>x</title>") as server:
        assert look(f"{server.url}/page").reason == "wall"


def test_the_path_of_the_request_is_what_was_asked() -> None:
    with serving(PAGE) as server:
        look(f"{server.url}/caf\u00e9")
        assert path_of(server.requests[0]) == "/caf%C3%A9"
