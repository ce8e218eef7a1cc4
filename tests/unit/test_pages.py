"""Pages: what they show, to whom, and that strangers' text stays text on them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.crowd import a_verdict
from bot.config.settings import CommonsSettings, Secret, Settings
from bot.messages.words import GROUPS
from bot.model.evidence import Seen
from bot.model.finding import Finding, Level, Place, RuleCrash, Verdict
from bot.model.ids import CommitHash, Commons, Handle, PullNo, User, WantedId
from bot.model.kind import PullKind
from bot.model.policy import Pages, Policy
from bot.store import CachedVerdict, Store, StoredJudgement, StoredLink, make_redis
from bot.web.app import create_app
from bot.web.pages.routes import CSP, pages
from bot.web.pages.values import ROWS_A_PAGE, Row, pull_page, queue_page, select
from tests.redis_process import RedisProcess, private_redis
from tests.stores import a_store

NOW = datetime(2026, 6, 14, 14, 2, tzinfo=UTC)
SHOWN, HIDDEN, OFF = Commons("hop", "wl-commons"), Commons("mesa", "secret"), Commons("mesa", "off")
SETTINGS = Settings(
    commons=(
        CommonsSettings(commons=SHOWN, policy=Policy(pages=Pages(public=True))),
        CommonsSettings(commons=HIDDEN),
        CommonsSettings(commons=OFF, policy=Policy(pages=Pages(enabled=False))),
    ),
    pages_password=Secret("open-sesame"),
)
BASIC = {"Authorization": "Basic " + base64.b64encode(b"ana:open-sesame").decode()}


def a_judgement(number: int = 1, verdict: Verdict = Verdict.READY, **fields: Any) -> StoredJudgement:
    sane = StoredJudgement(
        pull=PullNo(number),
        judged_at=NOW,
        head=CommitHash("h" * 32),
        main_head=CommitHash("m" * 32),
        verdict=verdict,
        kind=PullKind.WORK,
        title="[wl] w-1",
        creator=User("pia"),
        opened_at=NOW - timedelta(days=3),
        item=WantedId("w-1"),
        item_title="Mend the relay",
        asked="It drops every tenth message.",
        rig=Handle("polecat-7"),
        stamps=2,
        links=(StoredLink(url="https://github.com/hop/relay/pull/7", seen=Seen.VERIFIED, probed_at=NOW),),
        lines=("/accept --at hhhhhhh.1 --quality Q",),
        free=(User("ana"), User("bo")),
        passed=("evidence_is_alive",),
        reviews=1,
    )
    return replace(sane, **fields)


FAULT = Finding(
    rule="evidence_is_alive", level=Level.FAULT, place=Place("completions", "c-1"), says="The link is dead.", remedy="Fix it"
)


def rows(page: Any) -> dict[str, list[int]]:
    return {group.name: [row.pull for row in group.rows] for group in page.groups}


def standing(stored: StoredJudgement) -> CachedVerdict:
    fresh = a_verdict(stored.pull, NOW, stored.verdict)
    return replace(fresh, item=stored.item, rig=stored.rig, title=stored.title, item_title=stored.item_title, free=stored.free)


def queue(stored: list[StoredJudgement], **fields: Any) -> Any:
    selected = select(map(standing, stored), **fields)
    judgements = {each.pull: each for each in stored}
    return queue_page(SHOWN, selected, judgements, site_url="https://dolthub.test", read_at=NOW)


def test_the_queue_is_grouped_by_what_a_validator_can_do() -> None:
    stored = [a_judgement(number, verdict) for number, verdict in enumerate(Verdict, 1)]
    assert rows(queue(stored)) == {
        "Decide now": [1], "Look": [2], "By hand": [4], "Waiting for the worker": [3], "Blocked": [5, 6],
    }  # fmt: skip
    assert {verdict for _, verdicts, _ in GROUPS for verdict in verdicts} == set(Verdict)


def test_a_row_says_what_the_next_thirty_seconds_need() -> None:
    (group,) = queue([a_judgement(7, Verdict.BLOCKED, findings=(FAULT,), lines=("/close …",))]).groups
    (row,) = group.rows
    assert isinstance(row, Row)
    assert (row.title, row.address) == ("Mend the relay", "https://dolthub.test/repositories/hop/wl-commons/pulls/7")
    assert (row.reason, row.line, row.free, row.stamps) == ("The link is dead.", "/close …", ("ana", "bo"), 2)
    assert (row.evidence[0].state, row.evidence[0].href) == ("verified", "https://github.com/hop/relay/pull/7")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"account": "ana"}, [1, 3]),
        ({"rig": "brass-otter"}, [2]),
        ({"words": "RELAY mend"}, [1]),
        ({"words": "w-3"}, [3]),
        ({"account": "nils"}, []),
    ],
)
def test_the_filters_of_the_queue(fields: dict[str, str], expected: list[int]) -> None:
    stored = [
        a_judgement(1),
        a_judgement(2, free=(User("bo"),), rig=Handle("brass-otter"), item_title="Paint it"),
        a_judgement(3, item=WantedId("w-3"), item_title="Paint it too"),
    ]
    found = queue(stored, **fields)
    assert ([n for numbers in rows(found).values() for n in numbers], found.selected.total) == (expected, len(expected))


def test_a_long_queue_has_pages_and_no_row_is_on_two() -> None:
    stored = [a_judgement(number) for number in range(1, 2 * ROWS_A_PAGE + 2)]
    pages = [queue(stored, page=page) for page in (1, 2, 3)]
    assert [page.selected.pages for page in pages] == [3, 3, 3]
    assert [n for page in pages for n in rows(page)["Decide now"]] == list(range(1, 2 * ROWS_A_PAGE + 2))
    assert [[group.total for group in page.groups] for page in pages] == [[2 * ROWS_A_PAGE + 1]] * 3
    assert (queue(stored, page=99).selected.page, queue(stored, page=-1).selected.page) == (3, 1)


def test_a_link_that_must_not_be_opened_is_no_link_on_a_page() -> None:
    bad = [StoredLink(url="javascript:alert(1)"), StoredLink(url="http://127.0.0.1/", seen=Seen.BLOCKED)]
    (group,) = queue([a_judgement(links=tuple(bad))]).groups
    assert [each.href for each in group.rows[0].evidence] == ["", ""]


# --- served -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[RedisProcess]:
    with private_redis() as running:
        yield running


@pytest.fixture
def store(server: RedisProcess) -> Store:
    fresh = a_store(make_redis(server.url), now=lambda: NOW)
    fresh.redis.flushall()
    for commons in (SHOWN, HIDDEN, OFF):
        put(fresh, commons, a_judgement())
    return fresh


def put(store: Store, commons: Commons, *stored: StoredJudgement) -> None:
    for each in stored:
        store.at(commons).pulls.put_verdict(standing(each), each)


@pytest.fixture
def reader(store: Store) -> FlaskClient:
    return create_app(SETTINGS, store).test_client()


def status(reader: FlaskClient, path: str, **more: Any) -> int:
    return reader.get(path, **more).status_code


def test_a_commons_that_is_not_public_is_named_on_no_page_without_the_password(reader: FlaskClient) -> None:
    for path in ("/mesa/secret", "/mesa/secret.json", "/mesa/secret/pulls/1", "/mesa/secret/pulls/9"):
        assert status(reader, path) == 401
        assert status(reader, path, headers={"Authorization": "Basic YW5hOndyb25n"}) == 401
    assert (status(reader, "/mesa/secret", headers=BASIC), status(reader, "/mesa/off", headers=BASIC)) == (200, 404)
    assert "mesa" not in reader.get("/").text
    assert "mesa/secret" in reader.get("/", headers=BASIC).text
    assert "mesa/off" not in reader.get("/", headers=BASIC).text


def test_without_a_password_of_the_operator_such_a_commons_is_not_there(store: Store) -> None:
    alone = replace(SETTINGS, commons=SETTINGS.commons[1:], pages_password=Secret(""))
    reader = create_app(alone, store).test_client()
    assert [status(reader, path, headers=BASIC) for path in ("/", "/mesa/secret", "/mesa/secret.json")] == [404, 404, 404]


def test_a_page_has_the_strict_policy_and_a_fingerprint(reader: FlaskClient) -> None:
    page = reader.get("/hop/wl-commons")
    assert (page.status_code, page.headers["Content-Security-Policy"]) == (200, CSP)
    assert status(reader, "/hop/wl-commons", headers={"If-None-Match": page.headers["ETag"]}) == 304
    assert "style=" not in page.text
    assert "<script" not in page.text
    assert reader.get("/pages.css").mimetype == "text/css"


def test_a_page_whose_bytes_changed_has_another_fingerprint(store: Store) -> None:
    at = NOW
    store.now = lambda: at
    reader = create_app(SETTINGS, store).test_client()
    first = reader.get("/hop/wl-commons")
    at += timedelta(days=1)  # Nothing is stored meanwhile: ages alone differ.
    later = reader.get("/hop/wl-commons", headers={"If-None-Match": first.headers["ETag"]})
    assert (later.status_code, "3 d ago" in first.text, "4 d ago" in later.text) == (200, True, True)


def test_home_is_the_queue_where_one_commons_alone_may_be_seen(reader: FlaskClient) -> None:
    assert reader.get("/").text == reader.get("/hop/wl-commons").text
    assert "What waits for validators" in reader.get("/", headers=BASIC).text


def test_the_same_value_is_served_as_json(reader: FlaskClient) -> None:
    found = reader.get("/hop/wl-commons.json?as=ana").get_json()
    assert (found["commons"], found["selected"]["total"], found["selected"]["account"]) == ("hop/wl-commons", 1, "ana")
    assert found["groups"][0]["rows"][0]["line"] == "/accept --at hhhhhhh.1 --quality Q"


def test_a_pull_that_is_not_there_is_a_404_like_any_other(reader: FlaskClient) -> None:
    gone, nowhere = reader.get("/hop/wl-commons/pulls/99"), reader.get("/nowhere")
    assert (gone.status_code, gone.text) == (nowhere.status_code, nowhere.text) == (404, "Not Found\n")


def test_without_redis_a_page_says_so(store: Store) -> None:
    with private_redis() as gone:
        away = a_store(make_redis(gone.url), now=lambda: NOW)
    reader = create_app(SETTINGS, away).test_client()
    for path in ("/", "/hop/wl-commons", "/hop/wl-commons.json", "/hop/wl-commons/pulls/1"):
        page = reader.get(path)
        assert (page.status_code, "Redis does not answer" in page.text) == (503, True)


# --- strangers' text ------------------------------------------------------------------------------------------------------


class Structure(HTMLParser):
    """The tags of a page with the names of their attributes, and where links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.schemes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "code":  # A pair of backticks in a text makes code of what is between.
            self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.schemes |= {(value or "").partition(":")[0] for name, value in attrs if name in ("href", "src", "action")}


HOSTILE = st.text(st.sampled_from("<>\"'&/{}%`=; :#abjsvcript\u202e\u200b\n"), min_size=1, max_size=40).map(lambda t: f"x{t}x")


def with_text(text: str) -> StoredJudgement:
    """Each field that strangers write holds this text."""
    finding = replace(FAULT, says=text, remedy=text, label=text, place=Place(text, text, text))
    return a_judgement(
        verdict=Verdict.BLOCKED,
        title=text,
        creator=User(text),
        item=WantedId(text),
        item_title=text,
        asked=text,
        rig=Handle(text),
        delivered=text,
        findings=(finding,),
        crashes=(RuleCrash(rule=text, error=text, label=text),),
        passed=(text,),
        links=(StoredLink(url=f"https://example.org/{text}", seen=Seen.DEAD, facts=((text, text),)), StoredLink(url=text)),
        lines=(text,),
        free=(User(text),),
        waiting_for=text,
    )


@given(HOSTILE)
def test_text_of_strangers_stays_text_on_every_page(text: str) -> None:
    app = Flask("pages", static_folder=None)
    app.register_blueprint(pages(SETTINGS, _NoStore()))  # type: ignore[arg-type]
    with app.test_request_context("/"):
        templates = app.jinja_env
        for template, made in (("queue.html", _queue_of), ("pull.html", _pull)):
            page = templates.get_template(template)
            hostile, sane = (Structure(page.render(page=made(with_text(said)), now=NOW)) for said in (text, "x"))
            assert hostile.tags == sane.tags
            assert hostile.schemes <= sane.schemes


def _queue_of(stored: StoredJudgement) -> Any:
    return queue([stored])


def _pull(stored: StoredJudgement) -> Any:
    return pull_page(SHOWN, stored, site_url="https://dolthub.test")


class _NoStore:
    """Nothing is read while a page is made: its value is all it needs."""
