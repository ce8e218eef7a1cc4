"""What an answer means beyond its status: where redirects lead, pages that say "not found", parked domains, catch-all hosts."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence import FetchPolicy
from bot.evidence.fetch.hop import Page
from bot.evidence.fetch.url import read_url
from bot.evidence.page.content import Ending, Meaning, answers_everything, baseline_of, baseline_place, meaning, retry_after_s
from bot.evidence.page.domain import registrable_domain
from bot.evidence.page.markup import attribute, shown, tags
from bot.evidence.page.title import heading_of
from bot.evidence.page.wording import says_login, says_not_found
from bot.evidence.probe import Looked
from bot.evidence.probe import look as look_closely
from bot.model.evidence import Hop, Probe, Seen, Soft404Baseline
from bot.store.probes import read_probe, write_probe
from sandbox.lookalikes.evidence_pages import EvidencePages
from tests.evidence.certificates import Certificates
from tests.evidence.looking import DEADLINE_S, LATEST_S, NOW, POLICY, look
from tests.evidence.servers import HTML, Server, Talk, path_of, redirect, serving, silence
from tests.evidence.stage import staged
from tests.evidence.wire import Address
from tests.patience import STATE_WAIT_S

PUBLIC: Final = "93.184.216.34"
PATIENT: Final = replace(POLICY, deadline_s=8, connect_timeout_s=3, read_timeout_s=3)
OPEN: Final = replace(POLICY, allow=(), deadline_s=5, connect_timeout_s=3, read_timeout_s=3)
NOTHING: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

Sight = tuple[Seen, str]
FINE: Final = (Seen.REACHABLE, "ok")
SOFT_404: Final = (Seen.SUSPICIOUS, "soft_404")
PARKED: Final = (Seen.SUSPICIOUS, "parked")
CATCH_ALL: Final = (Seen.SUSPICIOUS, "catch_all")
OTHER_DOMAIN: Final = (Seen.SUSPICIOUS, "other_domain")
WEAK: Final = (Seen.SUSPICIOUS, "weak_host")
LOGIN: Final = (Seen.UNKNOWN, "login")


def sight(probe: Probe) -> Sight:
    return probe.seen, probe.reason


def pages(answers: dict[str, bytes], default: bytes = NOTHING) -> Talk:
    """A site: an answer for each path and query."""

    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(answers.get(path_of(request), default))

    return talk


def page(title: str = "", body: str = "<p>something to read</p>", head: str = "") -> bytes:
    return HTML + f"<!doctype html><title>{title}</title>{body}".encode().replace(b"<title></title>", head.encode())


# --- where redirects lead ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "led_to", "expected"),
    [
        ("/o/r/pull/7", "/", SOFT_404),
        ("/o/r/pull/7", "/index.html", SOFT_404),
        ("/o/r/pull/7", "/Home", SOFT_404),
        ("/o/r/pull/7", "/de-DE/", SOFT_404),
        ("/o/r/pull/7", "/?utm_source=404&ref=x", SOFT_404),
        ("/?item=7", "/", SOFT_404),
        ("/o/r/pull/7", "/o", SOFT_404),
        ("/en/docs/guide/install", "/en/docs", FINE),
        ("/en/docs/guide/install/linux", "/en/docs/", SOFT_404),
        ("/o/r/pull/7", "/404", SOFT_404),
        ("/o/r/pull/7", "/o/r/Page-Not-Found.html", SOFT_404),
        ("/", "/errors/404.php", SOFT_404),
        # The front door is what was asked for.
        ("/", "/en/", FINE),
        ("/en", "/", FINE),
        ("/index.html", "/", FINE),
        ("/?utm_source=mail", "/", FINE),
        # The page is named elsewhere: in a query, in what a script reads, under another path.
        ("/o/r/pull/7", "/?page=7", FINE),
        ("/o/r/pull/7", "/#/o/r/pull/7", FINE),
        ("/o/r/pull/7", "/#!pull-7", FINE),
        ("/o/r/pull/7", "/#top", SOFT_404),
        ("/o/r/tree/main", "/o/r", FINE),
        ("/o/r/pull/7", "/x", FINE),
        ("/o/r/pull/7", "/o/r/pulls/404-page", FINE),
        ("/docs/404", "/docs/404.html", FINE),
        # Logins.
        ("/o/r/pull/7", "/login?next=/o/r/pull/7", LOGIN),
        ("/o/r/pull/7", "/users/sign_in", LOGIN),
        ("/o/r/pull/7", "/wp-login.php?redirect_to=x", LOGIN),
        ("/o/r/pull/7", "/oauth2/v2.0/authorize?client_id=x", LOGIN),
        ("/o/r/pull/7", "/session/new", LOGIN),
        ("/o/r/pull/7", "/blog/how-we-built-login", FINE),
        ("/o/r/pull/7", "/author/ize", FINE),
        # A login page is what was asked for.
        ("/login", "/login/", FINE),
    ],
)
def test_where_a_redirect_leads_on_its_site_tells_what_was_found(asked: str, led_to: str, expected: Sight) -> None:
    there = led_to.partition("#")[0]
    with serving(pages({asked: redirect(led_to), there: page("Hello")})) as server:
        assert sight(look(server.url + asked)) == expected


def test_a_login_page_that_is_not_there_says_nothing_of_what_is_behind_it() -> None:
    with serving(pages({"/o/1": redirect("/login"), "/o/2": redirect("/o/3")})) as server:
        assert sight(look(f"{server.url}/o/1")) == LOGIN
        assert sight(look(f"{server.url}/o/2")) == (Seen.DEAD, "not_found")


@pytest.mark.parametrize(
    ("asked", "led_to", "expected"),
    [
        ("http://good.example.com/a", "http://good.example.com/b", FINE),
        ("http://good.example.com/a", "http://www.good.example.com/a", FINE),
        ("http://good.example.com/a", "http://docs.example.com/", FINE),
        ("http://www.example.com/a", "http://example.com/", SOFT_404),
        ("http://good.example.com/a", "http://www.example.com/404", SOFT_404),
        ("http://good.example.com/a", "http://example.org/a", OTHER_DOMAIN),
        ("http://good.example.com/a", "http://example.org/", OTHER_DOMAIN),
        ("http://good.example.com/", f"http://{PUBLIC}/", OTHER_DOMAIN),
        ("http://ana.github.io/a", "http://bob.github.io/a", OTHER_DOMAIN),
        ("http://ana.co.uk/a", "http://bob.co.uk/a", OTHER_DOMAIN),
        ("http://ana.uk.com/a", "http://bob.uk.com/a", OTHER_DOMAIN),
        ("http://good.example.com/a", "http://accounts.example.org/", LOGIN),
        ("http://good.example.com/a", "http://sso.example.com/start", LOGIN),
        ("http://good.example.com/a", "http://example.okta.com/app", LOGIN),
        ("http://login.example.com/a", "http://login.example.com/b", FINE),
        ("http://good.example.com/", "http://good.hugedomains.com/", PARKED),
        ("http://good.example.com/", "http://ww25.good.example.com/", PARKED),
        ("http://good.example.com/", "http://ww2.good.example.com/", FINE),
        ("http://ww25.example.com/a", "http://ww25.example.com/b", FINE),
        ("http://www.dan.com/about", "http://dan.com/about-us", FINE),
    ],
)
def test_where_a_redirect_leads_among_hosts_tells_whose_page_was_found(asked: str, led_to: str, expected: Sight) -> None:
    first, then = read_url(asked), read_url(led_to)

    def talk(sock: socket.socket, request: bytes) -> None:
        at = f"Host: {first.host}\r\n".encode() in request and path_of(request) == first.rest
        sock.sendall(redirect(led_to) if at else page("Hello"))

    with serving(talk) as server, staged({80: server.port}, names={host: [PUBLIC] for host in (first.host, then.host)}):
        seen = look(asked, OPEN)
    assert (sight(seen), seen.final_url) == (expected, then.url)


def test_another_domain_that_does_not_answer_2xx_is_judged_by_its_answer() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(redirect("http://example.org/x") if b"Host: good.example.com" in request else NOTHING)

    with (
        serving(talk) as server,
        staged({80: server.port}, names={"good.example.com": [PUBLIC], "example.org": [PUBLIC]}),
    ):
        assert sight(look("http://good.example.com/", OPEN)) == (Seen.DEAD, "not_found")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("www.example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("a.example.co.uk", "example.co.uk"),
        ("www.gov.uk", "gov.uk"),
        ("a.example.com.au", "example.com.au"),
        ("a.k12.ca.us", "a.k12.ca.us"),
        ("shop.bob.uk.com", "bob.uk.com"),
        ("x.co.com", "x.co.com"),
        # A city holds its own name below a suffix that has one for everybody else.
        ("tax.city.kawasaki.jp", "city.kawasaki.jp"),
        ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
        ("deep.bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com"),
        # A registry where anybody may hold `co.xx` itself.
        ("mail.co.li", "co.li"),
        ("shop.go.com", "go.com"),
        ("a.b.unlisted-tld", "b.unlisted-tld"),
        ("xn--80ak6aa92e.xn--p1ai", "xn--80ak6aa92e.xn--p1ai"),
        ("t.co", "t.co"),
        ("ana.github.io", "ana.github.io"),
        ("www.ana.github.io", "ana.github.io"),
        ("deep.ana.pages.dev", "ana.pages.dev"),
        ("github.io", "github.io"),
        ("localhost", "localhost"),
        ("93.184.216.34", "93.184.216.34"),
        ("2606:2800:220:1:248:1893:25c8:1946", "2606:2800:220:1:248:1893:25c8:1946"),
    ],
)
def test_a_registrable_domain_is_told_from_the_name(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


def test_a_host_that_the_operator_keeps_the_bot_away_from_is_a_wall() -> None:
    policy = replace(PATIENT, deny_hosts=("quiet.example.org",))
    with serving(pages({"/a": redirect("http://quiet.example.org/")})) as server:
        for url in ("http://quiet.example.org/", f"{server.url}/a"):
            assert sight(look(url, policy)) == (Seen.UNKNOWN, "wall")


# --- weak hosts -------------------------------------------------------------------------------------------------------


def closely(url: str, policy: FetchPolicy = PATIENT, **more: Any) -> Looked:
    return look_closely(url, policy=policy, now=lambda: NOW, **more)


def test_what_anybody_could_serve_tomorrow_is_weak_if_that_is_asked_for(certificates: Certificates) -> None:
    names = {"good.example.com": [PUBLIC]}
    policy = replace(OPEN, ports=(8443,), ca_file=str(certificates.authority))
    answers = pages({"/tls": redirect("https://good.example.com/tls")}, page("Hello"))
    with (
        serving(answers) as plain,
        serving(page("Hello"), certificates.server()) as tls,
        staged({80: plain.port, 443: tls.port, 8443: tls.port}, names=names),
    ):

        def reason(url: str, **more: Any) -> Sight:
            return sight(closely(url, policy, **more).probe)

        weak = ("http://good.example.com/", f"http://{PUBLIC}/", "https://good.example.com:8443/")
        assert [reason(url, doubt_weak_hosts=True) for url in weak] == [WEAK] * 3
        assert [reason(url) for url in weak] == [FINE] * 3
        # What counts is where the page is.
        strong = ("https://good.example.com/", "http://good.example.com/tls")
        assert [reason(url, doubt_weak_hosts=True) for url in strong] == [FINE] * 2


def test_hosts_in_networks_of_the_operators_are_not_weak() -> None:
    with serving(page("Hello")) as server:
        assert sight(closely(f"{server.url}/a", doubt_weak_hosts=True).probe) == FINE


# --- asking otherwise -------------------------------------------------------------------------------------------------


def accepted(server: Server) -> list[bytes]:
    return [line for request in server.requests for line in request.splitlines() if line.startswith(b"Accept:")]


@pytest.mark.parametrize("status", [406, 415])
def test_who_does_not_like_what_we_accept_is_asked_once_more_for_anything(status: int) -> None:
    picky = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()

    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall((redirect("/b") if path_of(request) == "/a" else page("b")) if b"Accept: */*\r\n" in request else picky)

    with serving(talk) as server:
        seen = look(f"{server.url}/a")
        assert [path_of(request) for request in server.requests] == ["/a", "/a", "/b"]
        assert accepted(server) == [b"Accept: text/html,application/xhtml+xml,*/*;q=0.8", b"Accept: */*", b"Accept: */*"]
    assert (sight(seen), [hop.status for hop in seen.hops]) == (FINE, [status, 302, 200])


def test_who_likes_nothing_is_not_asked_a_third_time() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        moved = path_of(request) == "/a" and b"Accept: */*" in request
        sock.sendall(redirect("/b") if moved else b"HTTP/1.1 406 No\r\nContent-Length: 0\r\n\r\n")

    with serving(talk) as server:
        seen = look(f"{server.url}/a")
        assert [path_of(request) for request in server.requests] == ["/a", "/a", "/b"]
    assert (sight(seen), seen.status) == ((Seen.UNKNOWN, "wall"), 406)


def test_the_longest_chain_still_makes_a_sheet_that_reads() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        n = int(path_of(request)[1:])
        picky = n == 0 and b"Accept: */*" not in request
        sock.sendall(b"HTTP/1.1 406 No\r\n\r\n" if picky else redirect(f"/{n + 1}"))

    with serving(talk) as server:
        url = f"{server.url}/0"
        seen = look(url, replace(POLICY, deadline_s=5))
    assert sight(seen) == (Seen.UNKNOWN, "too_many_redirects")
    assert read_probe(write_probe(seen), url, NOW) == seen


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "30", 30.0),
        (503, "0", 0.0),
        (503, " 7 ", 7.0),
        (429, "3601", 3600.0),
        (429, "9" * 5000, 3600.0),
        (503, "Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
        (503, "Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        (503, "Fri, 01 Mar 2999 11:00:00 GMT", 3600.0),
        (408, "5", 5.0),
        (520, "5", 5.0),
        (429, "", None),
        (429, "-1", None),
        (429, "1.5", None),
        (429, "٣", None),
        (429, "soon", None),
        (429, "Sun, 99 Mar 2026 12:01:30 GMT", None),
        (429, "5, 6", None),
        (200, "5", None),
        (404, "5", None),
    ],
)
def test_how_long_a_host_wants_to_be_left_alone_is_read_or_not(status: int, header: str, seconds: float | None) -> None:
    assert retry_after_s(Page(status=status, address="", retry_after=header), NOW) == seconds


def test_how_long_to_wait_is_told_with_the_sheet_and_on_its_last_hop() -> None:
    busy = b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"
    with serving(pages({"/a": redirect("/b"), "/b": busy})) as server:
        looked = closely(f"{server.url}/a")
        assert looked.probe.hops == (
            Hop(url=f"{server.url}/a", address="127.0.0.1", status=302),
            Hop(url=f"{server.url}/b", address="127.0.0.1", status=429, note="retry after 120 s"),
        )
        assert (sight(looked.probe), looked.retry_after_s) == ((Seen.UNKNOWN, "limit"), 120.0)
        assert closely(f"{server.url}/none").retry_after_s is None
        assert closely("http://").retry_after_s is None


# --- pages that say there is nothing ----------------------------------------------------------------------------------

NOT_FOUND: Final = (
    *("404", "404 Not Found", "Error 404", "404 - Page not found - Example", "Page not found | Example", "Example – Not Found"),
    *("Site not found · GitHub Pages", "404: This page could not be found.", "Oops! Page Not Found", "404 | Example"),
    *("The page you were looking for doesn't exist (404)", "The page you were looking for doesn’t exist (404)"),
    *("Object not found!", "404 - File or directory not found.", "PAGE NOT FOUND", "Page not found|Example", "404 — Example"),
    *(
        "Fehler 404: Seite nicht gefunden",
        "Page introuvable – Exemple",
        "Página no encontrada - Ejemplo",
        "Página não encontrada",
    ),
    *("Pagina non trovata", "Pagina niet gevonden", "Sidan hittades inte", "Siden ble ikke funnet", "Sivua ei löydy"),
    *("Strona nie została znaleziona", "Stránka nenalezena", "Az oldal nem található", "Sayfa bulunamadı"),
    *("Страница не найдена", "Ошибка 404", "Сторінку не знайдено", "Η σελίδα δεν βρέθηκε", "הדף לא נמצא", "الصفحة غير موجودة"),
    *("ページが見つかりません", "404 エラー", "页面不存在", "找不到頁面", "페이지를 찾을 수 없습니다", "Không tìm thấy trang"),
)
ISSUE: Final = "Issue"
SPEAKS_OF_SOMETHING: Final = (
    *("", "Home", "It is here", "Example", "Keep the handshake & alive", "Welcome to nginx!", "Dashboard", "Errors", "Error"),
    *("Fix 404 handling · Pull Request", "Fix 404 handling by ana · Pull Request #12 · o/r · GitHub", "HTTP 404 - Wikipedia"),
    *(
        f"Page not found · {ISSUE} #12 · o/r · GitHub",
        "Page not found by ana · Pull Request #7 · o/r",
        "fix: page not found · o/r@1a2b",
    ),
    *(
        "Page not found · o/r@1a2b3c4",
        "Page not found · o/r",
        "Bug 1234 - Page not found",
        "#12 - Page not found",
        "[X] - Not found",
    ),
    *(
        "Page not found (#123) · Issues · group / project · GitLab",
        "404.md at main · o/r",
        "php - Page not found - Stack Overflow",
    ),
    *("404 Not Found - HTTP | MDN", "How to design a 404 page", "Page not found: how we found it", "Lost and not found"),
    *(
        "Not Found Magazine",
        "The 404 Media podcast",
        "404 Media",
        "Room 404 is open",
        "Build 404",
        "v4.0.4",
        f"{ISSUE} 404 · o/r",
    ),
    *(
        "Seite nicht gefunden? So geht es",
        "Страница не найдена: что делать",
        "404 ways to fail",
        "Not found handling | Docs | Example",
    ),
    *("Commit 0404404404 · ana/not-found", "Handle not found #404 · ana/repo", "A page that could not be found, and was"),
)


@pytest.mark.parametrize("title", NOT_FOUND)
def test_a_title_that_says_there_is_nothing_is_heard_in_many_languages(title: str) -> None:
    assert says_not_found(title)


@pytest.mark.parametrize("title", SPEAKS_OF_SOMETHING)
def test_a_title_that_speaks_of_something_stays_fine(title: str) -> None:
    assert not says_not_found(title)
    assert not says_login(title)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (page("404 Not Found"), SOFT_404),
        (page("Page not found &middot; Example"), SOFT_404),
        (page("Example", "<h1 class=x>Page <b>not</b>\nfound</h1>"), SOFT_404),
        (page("", "<h1>404</h1>"), SOFT_404),
        (page("Fix 404 handling · Pull Request"), FINE),
        # The first heading, and one that is shown.
        (page("Example", "<h1>Hello</h1><h1>404</h1>"), FINE),
        (page("Example", "<h2>404</h2>"), FINE),
        (page("Example", "<!-- <h1>404</h1> --><script>'<h1>404</h1>'</script><template><h1>404</h1></template>x"), FINE),
        (page("Example", "<h1>404 pages are an art</h1>"), FINE),
        # A page about it has it in title and heading, with more around it.
        (page("404 Not Found - HTTP | MDN", "<h1>404 Not Found</h1>"), FINE),
        (HTML.replace(b"text/html", b"text/plain") + b"<title>404 Not Found</title>", FINE),
        (HTML.replace(b"text/html", b"application/json") + b'{"error":"not found"}', FINE),
        (HTML + b" \r\n\t\n", (Seen.SUSPICIOUS, "empty")),
    ],
)
def test_a_page_that_only_says_there_is_nothing_is_a_soft_404(answer: bytes, expected: Sight) -> None:
    with serving(answer) as server:
        assert sight(look(f"{server.url}/a/b")) == expected


def test_headings_are_judged_and_not_kept() -> None:
    with serving(page("Example", "<h1>do not keep me</h1>")) as server:
        assert "do not keep me" not in repr(closely(f"{server.url}/a"))


# --- pages that ask who one is ----------------------------------------------------------------------------------------

FORM: Final = '<form method=post><input name=u><INPUT name=p type="password"></form>'


@pytest.mark.parametrize(
    ("path", "title", "body", "expected"),
    [
        ("/o/r/1", "Sign in", FORM, LOGIN),
        ("/o/r/1", "Log in · Example", FORM, LOGIN),
        ("/o/r/1", "Sign in to Example · Example", FORM, LOGIN),
        ("/o/r/1", "Anmelden - Beispiel", FORM, LOGIN),
        ("/o/r/1", "ログイン", FORM, LOGIN),
        # Only the words, only the field.
        ("/o/r/1", "Sign in", "<p>how we built it</p>", FINE),
        ("/o/r/1", "Topic 12 - Forum", FORM, FINE),
        ("/o/r/1", "How to sign in to Example", FORM, FINE),
        ("/o/r/1", "Sign in", f"<!-- {FORM} --><script>{FORM}</script>x", FINE),
        ("/o/r/1", "Sign in", "<input type=text placeholder='type=password'>", FINE),
        # Work that is a login page, or an application's front door.
        ("/", "Sign in", FORM, FINE),
        ("/en/", "Sign in", FORM, FINE),
        ("/app/login", "Log in", FORM, FINE),
    ],
)
def test_a_page_is_a_login_if_title_and_form_say_so_and_none_was_asked_for(
    path: str, title: str, body: str, expected: Sight
) -> None:
    with serving(page(title, body)) as server:
        assert sight(look(server.url + path)) == expected


# --- domains that nobody uses -----------------------------------------------------------------------------------------

AWAY: Final = "https://elsewhere.example.org/x"


@pytest.mark.parametrize(
    "body",
    [
        f"<html><head><script src='{AWAY}'></script></head><body></body></html>",
        f"<html><frameset rows=100%><frame src={AWAY}></frameset><noframes>Use frames</noframes></html>",
        f"<title>good</title><body style='margin:0'><div id=x><iframe src=\"{AWAY}\">no frames</iframe></div>",
        "<script src='//elsewhere.example.org/x'></script><noscript>Enable it</noscript>&nbsp;",
        f"<META HTTP-EQUIV='Refresh' CONTENT='0; URL={AWAY}'>",
        f'<meta http-equiv=refresh content="0;{AWAY}">',
        "<html data-adblockkey='MFwwDQYJ'><p>Related searches</p>",
        "<html data-adblockkey=x>" + "<p>Related searches</p>" * 400,
        "<script>window.onload=function(){window.location.href='/lander'}</script>",
    ],
)
def test_a_stub_that_only_leads_away_is_parked(body: str) -> None:
    with serving(HTML + body.encode()) as server:
        assert sight(look(f"{server.url}/a")) == PARKED


@pytest.mark.parametrize(
    "body",
    [
        # Applications that a script draws.
        "<div id=root></div><script src=/main.js></script>",
        f"<div id=root></div><script src={AWAY}></script>",
        f"<script type=module src={AWAY}></script><my-app></my-app>",
        f"<link rel=stylesheet href=/s.css><script src={AWAY}></script>",
        f"<script src=app.js></script><script src={AWAY}></script>",
        "<script>document.body.append('hello')</script>",
        # Pages of few words, moves within a site, a move that says so.
        "ok",
        f"It works <script src={AWAY}></script>",
        "<meta http-equiv=refresh content='0; url=/en/latest/'>",
        "<meta http-equiv=refresh content=30>",
        f"<h1>Redirecting&hellip;</h1><a href={AWAY}>Click here</a><meta http-equiv=refresh content='0; url={AWAY}'>",
        "<iframe src=/demo.html></iframe>",
        "<iframe src='http://['></iframe>",
        "<iframe src=about:blank></iframe>",
        "<img src=/picture.png>",
        f"<script src={AWAY}></script>" + " " * 2048,
        "<p>location = '/lander' is what they do</p>" + " " * 2048,
    ],
)
def test_a_small_page_with_something_of_its_own_is_not_parked(body: str) -> None:
    with serving(HTML + body.encode()) as server:
        assert sight(look(f"{server.url}/a")) == FINE


@pytest.mark.parametrize(
    ("server_header", "expected"), [("Parking/1.0", PARKED), ("sedo", PARKED), ("nginx/1.25", FINE), ("parking-lot-map", FINE)]
)
def test_an_operator_of_parked_domains_names_itself(server_header: str, expected: Sight) -> None:
    with serving(page("Hello").replace(b"\r\n", f"\r\nServer: {server_header}\r\n".encode(), 1)) as server:
        assert sight(look(f"{server.url}/a")) == expected


# --- hosts that answer for everything ---------------------------------------------------------------------------------


class Kept:
    """What hosts answered, in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Soft404Baseline] = {}

    def get(self, place: str) -> Soft404Baseline | None:
        return self.known.get(place)

    def put(self, place: str, sibling: Soft404Baseline) -> None:
        self.known[place] = sibling


SAID: Final = page("Example", "<p>" + "words " * 100)


def asked(server: Server) -> list[str]:
    """Paths asked for, a name of 24 letters as `*`."""
    paths = [path_of(request).split("/") for request in server.requests]
    return ["/".join("*" if len(p) == 24 and p.isalpha() and p.islower() else p for p in path) for path in paths]


@pytest.mark.parametrize(
    ("path", "answers", "expected", "requests"),
    [
        ("/a/b", SAID, CATCH_ALL, ["/a/b", "/a/*"]),
        ("/a/b?c=/d/e", SAID, CATCH_ALL, ["/a/b?c=/d/e", "/a/*"]),
        ("/app/", SAID, CATCH_ALL, ["/app/", "/*/"]),
        # Titled alike and as long, but for a few characters; and not.
        ("/a", {"/a": SAID + b"."}, CATCH_ALL, ["/a", "/*"]),
        ("/a", {"/a": SAID + b"." * 60}, FINE, ["/a", "/*"]),
        ("/a", {"/a": SAID.replace(b"Example", b"Another")}, FINE, ["/a", "/*"]),
        # Without a title length alone would tell.
        ("/a", {"/a": page("", "<p>one"), "*": page("", "<p>two")}, FINE, ["/a", "/*"]),
        ("/a", {"/a": SAID, "*": NOTHING}, FINE, ["/a", "/*"]),
        ("/a", {"/a": SAID, "*": SAID.replace(b"200 OK", b"404 No")}, FINE, ["/a", "/*"]),
        ("/a", {"/a": SAID, "*": redirect("/a")}, FINE, ["/a", "/*"]),
        ("/a", {"/a": SAID, "*": SAID.replace(b"\r\n", b"\r\ncf-mitigated: challenge\r\n", 1)}, FINE, ["/a", "/*"]),
        ("/a", {"/a": SAID, "*": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"}, FINE, ["/a", "/*"]),
        # Nothing is to be learnt from another page.
        ("/", SAID, FINE, ["/"]),
        ("/?utm_source=x", SAID, FINE, ["/?utm_source=x"]),
        ("/en/", SAID, FINE, ["/en/"]),
        ("/a", SAID.replace(b"text/html", b"application/json"), FINE, ["/a"]),
        ("/a", SAID.replace(b"200 OK", b"203 OK"), FINE, ["/a"]),
        ("/a", page("Not found"), SOFT_404, ["/a"]),
        ("/a", NOTHING, (Seen.DEAD, "not_found"), ["/a"]),
        # The page that was found counts, not the one that led there.
        ("/r", {"/r": redirect("/x/y"), "/x/y": SAID, "*": SAID}, CATCH_ALL, ["/r", "/x/y", "/x/*"]),
    ],
)
def test_a_host_that_answers_for_a_page_that_cannot_be_there_answers_for_everything(
    path: str, answers: bytes | dict[str, bytes], expected: Sight, requests: list[str]
) -> None:
    table = answers if isinstance(answers, dict) else {"*": answers}
    with serving(pages(table, table.get("*", SAID))) as server:
        looked = closely(server.url + path, baselines=Kept())
        assert (sight(looked.probe), asked(server)) == (expected, requests)
        assert [hop.status for hop in looked.probe.hops][-1] == looked.probe.status


def test_a_place_is_asked_about_once_and_what_was_answered_counts_for_all_that_stands_there() -> None:
    kept = Kept()
    table = {"/a/real": page("Real", "<p>other"), "/b/x": page("x")}
    with serving(pages(table, SAID)) as server:
        seen = [closely(server.url + path, baselines=kept).probe for path in ("/a/1", "/a/real", "/a/2", "/b/x")]
        assert [sight(one) for one in seen] == [CATCH_ALL, FINE, CATCH_ALL, FINE]
        assert asked(server) == ["/a/1", "/a/*", "/a/real", "/a/2", "/b/x", "/b/*"]
        assert set(kept.known) == {f"{server.url}/a/", f"{server.url}/b/"}
        body = SAID.removeprefix(HTML)
        assert kept.known[f"{server.url}/a/"] == Soft404Baseline(
            asked_at=NOW, status=200, sha256=seen[0].sha256, title="Example", length=len(body)
        )


def test_without_a_place_to_keep_them_no_sibling_is_asked_for(dialled: list[Address]) -> None:
    with serving(SAID) as server:
        assert sight(closely(f"{server.url}/a/b").probe) == FINE
        assert dialled == [("127.0.0.1", server.port)]


def test_a_sibling_is_judged_like_any_link_and_one_that_is_refused_tells_nothing() -> None:
    kept = Kept()
    addresses = {"good.example.com": [PUBLIC]}
    inside = {"good.example.com": ["10.0.0.1"]}
    with serving(SAID) as server, staged({80: server.port}, names=addresses, names_then=inside) as stage:
        looked = closely("http://good.example.com/a/b", OPEN, baselines=kept)
    assert (sight(looked.probe), stage.addresses) == (FINE, {PUBLIC})
    assert kept.known == {"http://good.example.com/a/": Soft404Baseline(asked_at=NOW)}


def test_a_sibling_that_says_nothing_costs_no_more_than_the_deadline() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        if path_of(request) == "/a":
            sock.sendall(SAID)
        else:
            silence(sock, request)

    with serving(talk) as server:
        began = time.monotonic()
        looked = closely(f"{server.url}/a", replace(POLICY, read_timeout_s=STATE_WAIT_S), baselines=Kept())
        assert DEADLINE_S <= time.monotonic() - began < LATEST_S
    assert sight(looked.probe) == FINE


def test_two_bodies_that_were_cut_are_not_as_long_as_each_other() -> None:
    one, other = (baseline_of(html(b"<title>x</title>" + c * 99), NOW) for c in (b"a", b"b"))
    page_of_one = html(b"<title>x</title>" + b"a" * 99)
    assert answers_everything(page_of_one, one, 115)
    assert not answers_everything(page_of_one, other, 115)
    assert answers_everything(page_of_one, other, 116)


@pytest.mark.parametrize("path", ["/ok", "/ana/wl/pull/7", "/ana/wl/commit/0123456789", "/redirect?to=/ok"])
def test_pages_of_the_sandbox_are_pages(path: str) -> None:
    with EvidencePages() as running:
        running.start()
        assert sight(closely(running.base_url + path, replace(POLICY, deadline_s=5), baselines=Kept()).probe) == FINE
        running.shutdown()


# --- laws -------------------------------------------------------------------------------------------------------------


def html(body: bytes, status: int = 200) -> Page:
    return Page(status=status, address=PUBLIC, content_type="text/html", wire=body, body=body)


_PIECES: Final = st.sampled_from(
    [
        b"<title>",
        b"</title>",
        b"404",
        b"not found",
        b"<h1>",
        b"</h1>",
        b"<script",
        b"</script>",
        b"<!--",
        b"-->",
        b"<iframe src=//x.org>",
        b"<html data-adblockkey=",
        b"<div>",
        b"<noscript>",
        b"src=",
        b"&nbsp;",
        b"\x00",
        b"<meta http-equiv=refresh content='0;url=",
        b"<input type=password>",
        b"<",
        b">",
        b"'",
        b"&#x2028;",
        b"\xff",
        b" ",
        b"Sign in",
    ]
)
_BODIES: Final = st.binary(max_size=200) | st.lists(_PIECES, max_size=12).map(b"".join)
_URLS: Final = st.sampled_from(
    [
        "https://a.example.com/",
        "https://a.example.com/x/y/z?q=1",
        "http://1.1.1.1/login",
        "https://ww25.x.org/404",
        "https://sso.x.org/a/",
    ]
)
_PAGES: Final = st.builds(
    Page,
    status=st.integers(100, 999) | st.just(200),
    address=st.just(PUBLIC),
    trusted=st.booleans(),
    content_type=st.sampled_from(["text/html", "text/html; charset=shift_jis", "", "image/png"]) | st.text(max_size=20),
    challenged=st.booleans(),
    server=st.text(max_size=12) | st.just("parking"),
    retry_after=st.text(max_size=30) | st.just("3"),
    wire=_BODIES,
    body=_BODIES,
)
_ENDINGS: Final = st.builds(Ending, page=_PAGES, first=_URLS.map(read_url), target=_URLS.map(read_url), routed=st.booleans())


@given(_ENDINGS, st.booleans())
def test_whatever_stands_in_a_page_only_lowers_what_its_status_says(ending: Ending, doubt: bool) -> None:
    found = meaning(ending, doubt_weak_hosts=doubt)
    one = read_url("https://a.example.com/")
    bare = Page(status=ending.page.status, address=PUBLIC, challenged=ending.page.challenged, wire=b"x", body=b"x")
    by_status = meaning(Ending(page=bare, first=one, target=one))
    if by_status.seen is Seen.REACHABLE:
        doubts = ("empty", "parked", "soft_404", "other_domain", *(("weak_host",) if doubt else ()))
        assert found in (by_status, Meaning(*LOGIN), *(Meaning(Seen.SUSPICIOUS, reason) for reason in doubts))
    else:
        # No page makes itself dead, blocked or good.
        assert found in (by_status, Meaning(*LOGIN)) if by_status.seen is Seen.DEAD else found == by_status
    place = baseline_place(ending, found)
    assert place == "" or (place.endswith("/") and found.reason in ("ok", "other_domain", "weak_host"))
    waits = retry_after_s(ending.page, NOW)
    assert waits is None or 0 <= waits <= 3600


@given(_PAGES, _PAGES)
def test_a_sibling_never_raises_and_only_one_that_answers_200_tells(one: Page, other: Page) -> None:
    sibling = baseline_of(other, NOW)
    assert not answers_everything(one, sibling, 4096) or (other.status == 200 and not other.challenged)


@given(head=st.binary(max_size=60), body=_BODIES)
def test_no_bytes_on_the_wire_make_a_look_raise(head: bytes, body: bytes) -> None:
    table = HTML.replace(b"\r\n\r\n", b"\r\nx: " + head + b"\r\n\r\n") + body
    with serving(table) as server:
        url = f"{server.url}/a"
        seen = closely(url, baselines=Kept(), doubt_weak_hosts=True).probe
    assert seen.reason != "ours"
    assert seen.seen in (Seen.REACHABLE, Seen.SUSPICIOUS, Seen.UNKNOWN, Seen.DEAD)
    assert read_probe(write_probe(seen), url, NOW) == seen


@pytest.mark.parametrize(
    "piece",
    [
        b"<",
        b"<a",
        b"<!--",
        b"<!---->",
        b"<script ",
        b"<script></script>",
        b"</script",
        b"<h1",
        b"<h1>",
        b"<input ",
        b"a='",
        b"<html ",
        b"&",
    ],
)
def test_no_page_takes_long_to_judge(piece: bytes) -> None:
    body = b"<title>Sign in</title>" + piece * (256 * 1024 // len(piece))
    one = read_url("https://a.example.com/x/y")
    began = time.process_time()
    meaning(Ending(page=html(body), first=one, target=one))
    meaning(Ending(page=html(body[:2000]), first=one, target=one))
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        (b"a<!-- b -->c", b"ac"),
        (b"a<SCRIPT x>b</Script>c", b"a<SCRIPT x></Script>c"),
        (b"a<style>b", b"a<style>"),
        (b"a<!-- b", b"a"),
        (b"a<script b", b"a"),
        (b"<scripted>b</scripted>", b"<scripted>b</scripted>"),
        (b"<template><p>b</template>c", b"<template></template>c"),
    ],
)
def test_what_no_visitor_reads_is_taken_out(page: bytes, seen: bytes) -> None:
    assert shown(page) == seen


def test_tags_are_read_with_their_attributes_as_browsers_do() -> None:
    found = list(tags(b"<IFRAME Src = '//x.org' data-src=y><a href=z ><br/><p title=\"src=no\">"))
    assert [name for name, _ in found] == ["iframe", "a", "br", "p"]
    assert [attribute(text, "src") for _, text in found] == ["//x.org", "", "", ""]
    assert attribute(found[1][1], "href") == "z"


def test_a_heading_is_one_short_clean_line() -> None:
    assert heading_of(b"<h1>a<br>b &amp; \xe2\x80\xaec</h1>" + b"<h1>d</h1>", "text/html") == "a b & c"
    assert heading_of(b"<h1>" + b"a" * 300 + b"</h1>", "") == "a" * 119 + "…"
    assert heading_of(b"<h1>a</h1>", "text/plain") == heading_of(b"<h1>a", "text/html") == ""
