"""The page of the look-alike: what people see and do there, and what strangers' text cannot do to them."""

from __future__ import annotations

import re

import pytest
import requests

from tests.patience import STATE_WAIT_S
from tests.sandbox_process import FreshDatabase, SandboxProcess

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m</title><img src=x onerror=alert(1)>\"'&"


def page(commons: FreshDatabase, path: str = "", **params: str) -> requests.Response:
    return commons.sandbox.get(f"/repositories/{commons.name}{path}", **params)


def act(commons: FreshDatabase, number: int, user: str, do: str, body: str = "", **headers: str) -> requests.Response:
    url = f"{commons.sandbox.base_url}/repositories/{commons.name}/pulls/{number}"
    sent = {"Origin": commons.sandbox.base_url, **headers}
    form = {"as": user, "do": do, "body": body}
    return requests.post(url, data=form, headers=sent, allow_redirects=False, timeout=STATE_WAIT_S)


def test_pulls_are_listed_with_their_state_and_can_be_filtered(commons: FreshDatabase) -> None:
    commons.claim(title="First claim")
    second = commons.claim(item="w-2", user="mallory", title="Second claim")
    commons.sandbox.admin("PATCH", "/pulls", {"database": commons.name, "number": second, "state": "closed"})
    everything, only_open = page(commons).text, page(commons, state="open").text
    assert ("First claim" in everything, "Second claim" in everything) == (True, True)
    assert ("First claim" in only_open, "Second claim" in only_open) == (True, False)
    assert '<span class="badge closed">closed</span>' in everything
    assert f"/repositories/{commons.name}" in commons.sandbox.get("/").text


def test_a_pull_shows_rows_before_and_after_and_the_conversation(commons: FreshDatabase) -> None:
    number = commons.claim()
    commons.comment(number, "ana", "Looks **good**\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    text = page(commons, f"/pulls/{number}").text
    cells = re.findall(
        r'<th scope="row"><code>(\w+)</code></th><td class="before">(.*?)</td><td class="after">(.*?)</td>', text
    )
    assert cells == [
        ("status", "<bdi>open</bdi>", "<bdi>claimed</bdi>"),
        ("claimed_by", '<span class="null">null</span>', "<bdi>pia</bdi>"),
    ]
    assert "<strong>good</strong>" in text
    assert "<td>1</td>" in text


@pytest.mark.parametrize("state", ["merged", "main moved on", "fork deleted"])
def test_a_pull_shows_its_own_rows_whatever_became_of_it(commons: FreshDatabase, state: str) -> None:
    number = commons.claim()
    commons.push("main", "UPDATE wanted SET title = 'Moved on' WHERE id = 'w-2'")
    if state == "merged":
        commons.sandbox.admin("POST", "/merges", {"database": commons.name, "number": number, "user": "ana"})
    if state == "fork deleted":
        commons.sandbox.admin("DELETE", "/databases", {"database": commons.made[0]})
    answer = page(commons, f"/pulls/{number}")
    shown = (">claimed<" in answer.text, "Moved on" in answer.text, "cannot be shown" in answer.text)
    assert answer.status_code == 200
    assert shown == ((False, False, True) if state == "fork deleted" else (True, False, False))


def test_tables_of_main_are_shown(commons: FreshDatabase) -> None:
    text = page(commons, "/data/main/wanted").text
    assert ("<bdi>First</bdi>" in text, '<th scope="col"' in text) == (True, True)
    assert page(commons, "/data/main/nowhere").status_code == 404
    assert page(commons, "/data/main/wanted`; DROP TABLE wanted; --").status_code == 404


def test_one_comments_merges_and_closes_as_somebody_and_stays_that_somebody(commons: FreshDatabase) -> None:
    number = commons.claim()
    said = act(commons, number, "mallory", "comment", "  /help\r\nplease ")
    merged = act(commons, number, "ana", "merge")
    comments = commons.api("GET", f"/pulls/{number}/comments").json()["data"]
    assert [(c["author"], c["body"]) for c in comments] == [("mallory", "/help\nplease")]
    assert (said.status_code, said.headers["Location"]) == (
        303,
        f"/repositories/{commons.name}/pulls/{number}?as=mallory#end",
    )
    assert (merged.status_code, commons.api("GET", f"/pulls/{number}").json()["data"]["state"]) == (303, "merged")
    assert (
        "<option selected>mallory</option>"
        in commons.sandbox.session.get(commons.sandbox.base_url + said.headers["Location"], timeout=STATE_WAIT_S).text
    )


@pytest.mark.parametrize(
    ("user", "do", "body", "status"),
    [
        ("mallory", "merge", "", 403),
        ("mallory", "close", "", 403),
        ("nobody", "comment", "x", 403),
        ("", "comment", "x", 403),
        ("ana", "comment", "  ", 422),
        ("ana", "explode", "", 400),
        ("pia", "close", "", 303),
    ],
)
def test_what_may_not_be_done_is_said_and_not_done(commons: FreshDatabase, user: str, do: str, body: str, status: int) -> None:
    number = commons.claim()
    assert act(commons, number, user, do, body).status_code == status
    assert commons.api("GET", f"/pulls/{number}/comments").json()["data"] == []
    assert commons.api("GET", f"/pulls/{number}").json()["data"]["state"] == ("closed" if status == 303 else "open")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_a_form_of_another_page_is_refused(commons: FreshDatabase, headers: dict[str, str]) -> None:
    number = commons.claim()
    assert act(commons, number, "ana", "comment", "x", **headers).status_code == 403
    assert commons.api("GET", f"/pulls/{number}/comments").json()["data"] == []


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_page_cannot_reach_the_admin_side(sandbox_server: SandboxProcess, header: dict[str, str]) -> None:
    url = f"{sandbox_server.base_url}/_sandbox/users"
    answer = requests.post(url, json={"username": "eve", "token": "token-eve"}, headers=header, timeout=STATE_WAIT_S)
    known = sandbox_server.get("/api/v2/user", user="eve").status_code
    assert (answer.status_code, known) == (403, 401)


def test_strangers_text_is_shown_and_does_nothing(commons: FreshDatabase) -> None:
    number = commons.claim(title=HOSTILE)
    commons.comment(
        number, "ana", HOSTILE + "\n\n[x](javascript:alert(1)) ![i](https://evil.example/i.png) [l](https://a.example)"
    )
    for path in ("", f"/pulls/{number}"):
        answer = page(commons, path)
        assert not re.search(r"<script|<img|\x1b|\u202e", answer.text)
        assert not re.search(r'(href|src)="javascript', answer.text)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    text = page(commons, f"/pulls/{number}").text
    assert "&lt;script&gt;" in text
    assert '<a href="https://a.example" rel="nofollow noopener noreferrer">l</a>' in text


def test_a_page_that_is_not_there_says_so(commons: FreshDatabase) -> None:
    paths = ["/nothing", "/repositories/nobody/nothing", f"/repositories/{commons.name}/pulls/99"]
    answers = [commons.sandbox.get(path) for path in paths]
    assert [a.status_code for a in answers] == [404, 404, 404]
    assert all("That did not work" in a.text for a in answers)
