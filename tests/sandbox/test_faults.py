"""Fault plans: each quirk of production is played when asked for, only where asked for, and only as often."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.checker import check_answer
from tests.patience import STATE_WAIT_S
from tests.sandbox_process import FreshDatabase, SandboxFailed, SandboxProcess

# Every quirk that production is known for and the look-alike must be able to show.
PLAYABLE = {*range(1, 14), *range(15, 26), 28, 29, *range(31, 39), *range(40, 43), *range(44, 49)}


def write(commons: FreshDatabase, q: str, *, user: str = "bot") -> dict[str, Any]:
    body = {"from_branch": "main", "to_branch": "main", "q": q}
    return commons.sandbox.wait_for(commons.api("POST", "/sql-writes", user=user, json=body))


def read(commons: FreshDatabase, q: str = "SELECT id FROM wanted ORDER BY id") -> dict[str, Any]:
    data: dict[str, Any] = commons.api("POST", "/sql", json={"ref": "main", "q": q}).json()["data"]
    return data


def merge(commons: FreshDatabase, number: int) -> requests.Response:
    return commons.api("POST", f"/pulls/{number}/merge", user="bot", json={})


def operation(commons: FreshDatabase, started: requests.Response) -> dict[str, Any]:
    found: dict[str, Any] = commons.sandbox.get(
        started.json()["data"]["href"].removeprefix(commons.sandbox.base_url), user="bot"
    ).json()["data"]
    return found


def state(commons: FreshDatabase, number: int) -> str:
    found: str = commons.api("GET", f"/pulls/{number}").json()["data"]["state"]
    return found


def test_every_quirk_of_production_can_be_played_or_is_always_on(sandbox_server: SandboxProcess) -> None:
    listed = sandbox_server.admin("GET", "/quirks")
    numbers = {entry["quirk"] for entry in listed if isinstance(entry["quirk"], int)}
    assert numbers >= PLAYABLE
    assert all(entry.get("says") or entry.get("always_on") for entry in listed)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ({"quirk": 99}, "unknown quirk 99"),
        ({"quirk": "nonsense"}, "unknown quirk 'nonsense'"),
        ({"quirk": None}, "unknown quirk None"),
        ({}, "unknown quirk None"),
        ({"quirk": 42}, "needs no plan"),
        ({"quirk": 34, "how": "sometimes"}, "one of runs, fails, slow"),
        ({"quirk": 34, "mss": 5}, "no parameter mss"),
        ({"quirk": 34, "ms": "5"}, "must be of type int"),
        ({"quirk": 34, "match": {"operation": "getPull"}}, "not at getPull"),
        ({"quirk": 34, "match": {"colour": "red"}}, "unknown key in match"),
        ({"quirk": 34, "match": {"database": 1}}, "object of strings"),
        ({"quirk": 34, "times": 0}, "times must be"),
        ({"quirk": 34, "times": True}, "times must be"),
        ({"quirk": 34, "after": -1}, "after must be"),
        ("everything", "a fault is an object"),
        (None, "must be JSON"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused_with_the_reason(
    sandbox_server: SandboxProcess, plan: object, says: str
) -> None:
    answer = requests.post(f"{sandbox_server.base_url}/_sandbox/faults", json=plan, timeout=STATE_WAIT_S)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_a_plan_with_one_bad_fault_adds_none(own_sandbox: SandboxProcess) -> None:
    with pytest.raises(SandboxFailed, match="unknown quirk"):
        own_sandbox.play({"quirk": 47}, {"quirk": 99})
    assert own_sandbox.admin("GET", "/faults") == []


def test_a_fault_is_played_as_often_as_asked_after_as_many_as_asked(commons: FreshDatabase) -> None:
    commons.play({"quirk": "status", "status": 503, "match": {"operation": "listPulls"}, "times": 2, "after": 1})
    assert [commons.api("GET", "/pulls").status_code for _ in range(5)] == [200, 503, 503, 200, 200]
    assert commons.api("GET", "/branches").status_code == 200


def test_a_fault_is_played_for_its_user_and_path_only(commons: FreshDatabase) -> None:
    commons.play(
        {"quirk": "status", "status": 500, "match": {"user": "bot"}},
        {"quirk": "status", "status": 502, "match": {"path": "*/pulls/7*"}},
    )
    asked = [("/pulls", "bot"), ("/pulls", "ana"), ("/pulls", None), ("/pulls/7/comments", None), ("/pulls/8", None)]
    assert [commons.api("GET", path, user=user).status_code for path, user in asked] == [500, 200, 200, 502, 404]


def test_faults_end_when_they_are_cleared(commons: FreshDatabase) -> None:
    commons.play({"quirk": "status", "status": 500})
    broken = commons.api("GET", "/pulls").status_code
    commons.sandbox.admin("DELETE", "/faults", database=commons.name)
    assert (broken, commons.api("GET", "/pulls").status_code) == (500, 200)


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_a_status_comes_as_a_problem_of_the_contract(commons: FreshDatabase, status: int) -> None:
    commons.play({"quirk": "status", "status": status, "retry_after": 7})
    answer = commons.api("GET", "/pulls")
    check_answer("listPulls", answer)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "text"),
    [
        ({"quirk": "status", "status": 504, "body": "text"}, 504, "text/plain", "upstream request timeout"),
        ({"quirk": "status", "status": 502, "body": "html"}, 502, "text/html", "<html>"),
        ({"quirk": "status", "status": 500, "body": "empty"}, 500, "text/plain", ""),
        ({"quirk": 4, "how": "html"}, 404, "text/html", "<!DOCTYPE html>"),
        ({"quirk": 4, "how": "text"}, 504, "text/plain", "upstream request timeout"),
        ({"quirk": 4, "how": "empty"}, 200, "text/plain", ""),
        ({"quirk": 5, "how": "502"}, 502, "text/html", "Bad Gateway"),
        ({"quirk": 5, "how": "503"}, 503, "application/problem+json", "SERVICE_UNAVAILABLE"),
        ({"quirk": 5, "how": "429", "retry_after": 3}, 429, "application/problem+json", "RATE_LIMITED"),
        ({"quirk": 6}, 404, "application/problem+json", "no such repository"),
    ],
)
def test_answers_that_are_no_answer(
    commons: FreshDatabase, fault: dict[str, object], status: int, content_type: str, text: str
) -> None:
    commons.play({**fault, "times": 1})
    answer = commons.api("GET", "/pulls")
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (status, content_type)
    assert text in answer.text
    assert (answer.headers.get("Retry-After") is not None) == (status == 429)
    assert commons.api("GET", "/pulls").status_code == 200


def test_a_cut_connection_does_nothing_and_a_lost_answer_has_done_it(commons: FreshDatabase) -> None:
    number = commons.claim()
    said = []
    for name in ("cut", "lost-answer"):
        commons.play({"quirk": name, "match": {"operation": "createPullComment"}, "times": 1})
        with pytest.raises(requests.ConnectionError):
            commons.api("POST", f"/pulls/{number}/comments", user="ana", json={"body": name})
        said.append([c["body"] for c in commons.api("GET", f"/pulls/{number}/comments").json()["data"]])
    assert said == [[], ["lost-answer"]]


@pytest.mark.parametrize(("how", "status"), [("done", "claimed"), ("not done", "open")])
def test_the_end_of_a_merge_stays_unknown(commons: FreshDatabase, how: str, status: str) -> None:
    number = commons.claim()
    commons.play({"quirk": 22, "how": how, "match": {"operation": "mergePull"}})
    with pytest.raises(requests.ConnectionError):
        merge(commons, number)
    for started in commons.api("GET", "/operations").json()["data"]:
        while operation_status(commons, started["id"]) not in {"succeeded", "failed"}:
            time.sleep(0.01)
    assert commons.sql("SELECT status FROM wanted WHERE id = 'w-1'") == [[status]]


def operation_status(commons: FreshDatabase, operation_id: str) -> str:
    found: str = commons.sandbox.get(f"/api/v2/operations/{operation_id}", user="bot").json()["data"]["status"]
    return found


@pytest.mark.parametrize("fault", [{"quirk": "latency", "ms": 200}, {"quirk": 5, "how": "hang", "hang_ms": 200}])
def test_an_answer_takes_long(commons: FreshDatabase, fault: dict[str, object]) -> None:
    commons.play({**fault, "times": 1})
    started = time.monotonic()
    try:
        assert commons.api("GET", "/pulls").status_code == 200
    except requests.ConnectionError:
        assert fault["quirk"] == 5
    assert time.monotonic() - started >= 0.2


def test_a_redirect_leads_to_another_host(commons: FreshDatabase) -> None:
    commons.play({"quirk": 1, "location": "https://elsewhere.example/x"})
    answer = commons.api("GET", "/pulls")
    assert (answer.status_code, answer.headers["Location"]) == (308, "https://elsewhere.example/x")


@pytest.mark.parametrize(
    ("how", "status"), [("error", "error"), ("timeout", "timeout"), ("not_workspace", "not_workspace"), ("branch", "error")]
)
def test_a_good_read_is_answered_with_trouble(commons: FreshDatabase, how: str, status: str) -> None:
    commons.play({"quirk": 3, "how": how})
    answer = commons.api("GET", "/sql", params={"ref": "main", "q": "SELECT 1"})
    check_answer("runSqlReadQuery", answer)
    assert answer.json()["data"]["status"] == status
    assert "query error" in answer.json()["data"]["message"]


def test_unknown_fields_appear(commons: FreshDatabase) -> None:
    commons.claim()
    commons.play({"quirk": 7})
    answer = commons.api("GET", "/pulls")
    check_answer("listPulls", answer)
    assert "added_later" in answer.json()["data"][0]


def test_text_is_hostile_and_huge(commons: FreshDatabase) -> None:
    number = commons.claim()
    commons.play({"quirk": 8, "pad_bytes": 100_000})
    answer = commons.api("GET", f"/pulls/{number}")
    check_answer("getPull", answer)
    title = answer.json()["data"]["title"]
    assert title.startswith("Claim w-1\x00")
    assert len(title) > 100_000


@pytest.mark.parametrize(("quirk", "status", "code"), [(11, 401, "UNAUTHENTICATED"), (12, 403, "PERMISSION_DENIED")])
def test_a_token_fails_where_none_would_do(commons: FreshDatabase, quirk: int, status: int, code: str) -> None:
    commons.play({"quirk": quirk})
    with_token, without = commons.api("GET", "/sql", user="bot", params={"ref": "main", "q": "SELECT 1"}), read(commons)
    assert (with_token.status_code, with_token.json()["code"], without["status"]) == (status, code, "success")


def test_a_violated_check_fails_and_as_a_quirk_reports_success_and_writes_nothing(commons: FreshDatabase) -> None:
    commons.push("main", "CREATE TABLE stamps (id INT PRIMARY KEY, author TEXT, subject TEXT, CHECK (author <> subject))")
    before, q = commons.head(), "INSERT INTO stamps (id, author, subject) VALUES (1, 'a', 'a')"
    honest = write(commons, q)
    commons.play({"quirk": 19})
    silent = write(commons, q)
    assert (honest["status"], honest["error"]["code"], silent["status"]) == ("failed", "OPERATION_FAILED", "succeeded")
    assert (commons.head(), commons.sql("SELECT count(*) FROM stamps")) == (before, [["0"]])


def test_several_statements_report_success_and_land_nothing(commons: FreshDatabase) -> None:
    before = commons.head()
    commons.play({"quirk": 16})
    done = write(commons, "DELETE FROM wanted WHERE id = 'w-1'; DELETE FROM wanted WHERE id = 'w-2'")
    assert (done["status"], commons.head()) == ("succeeded", before)


def test_a_write_that_changes_nothing_reports_success(commons: FreshDatabase) -> None:
    commons.play({"quirk": 18})
    assert write(commons, "DELETE FROM wanted WHERE id = 'nobody'")["status"] == "succeeded"


def test_the_commit_message_gets_words_in_front(commons: FreshDatabase) -> None:
    q = "DELETE FROM wanted WHERE id = 'w-1'"
    write(commons, q)
    commons.play({"quirk": 17})
    write(commons, q.replace("w-1", "w-2"))
    log = commons.sandbox.admin("GET", "/log", database=commons.name)
    assert [c["message"] for c in log[:2]] == ["Run SQL query: " + q.replace("w-1", "w-2"), q]
    assert log[0]["author"].startswith("bot")


def test_another_writer_wins_once(commons: FreshDatabase) -> None:
    commons.play({"quirk": 20, "times": 1})
    q = "DELETE FROM wanted WHERE id = 'w-1'"
    lost, won = write(commons, q), write(commons, q)
    assert (lost["status"], won["status"]) == ("failed", "succeeded")
    assert "1213 (40001)" in lost["error"]["detail"]


def test_a_write_from_main_onto_a_branch_loses_the_branch(commons: FreshDatabase) -> None:
    owner, _, name = commons.name.partition("/")
    commons.push("b", "DELETE FROM wanted WHERE id = 'w-1'")
    path = f"/api/v1alpha1/{owner}/{name}/write"
    q = {"q": "UPDATE wanted SET title = 'x' WHERE id = 'w-2'"}
    started = commons.sandbox.call("POST", f"{path}/main/b", user="bot", params=q).json()
    for _ in range(1000):
        poll = {"operationName": started["operation_name"]}
        if commons.sandbox.call("GET", path, user="bot", params=poll).json()["done"]:
            break
    assert commons.sql("SELECT id, title FROM wanted ORDER BY id", ref="b") == [["w-1", "First"], ["w-2", "x"]]


def test_reads_are_cut_after_few_rows(commons: FreshDatabase) -> None:
    commons.play({"quirk": 23, "rows": 1, "times": 1})
    cut, whole = read(commons), read(commons)
    assert (cut["status"], cut["rows"]) == ("row_limit", [["w-1"]])
    assert (whole["status"], whole["rows"]) == ("success", [["w-1"], ["w-2"]])


def test_cells_come_in_other_forms(commons: FreshDatabase) -> None:
    commons.push(
        "main",
        "CREATE TABLE forms (id INT PRIMARY KEY, yes TINYINT(1), at DATETIME)",
        "INSERT INTO forms (id, yes, at) VALUES (1, 1, '2026-03-04 10:00:00'), (2, 0, NULL)",
    )
    q = "SELECT id, yes, at FROM forms ORDER BY id"
    plain = read(commons, q)["rows"]
    commons.play({"quirk": 24, "booleans": "true/false", "clocks": "z"})
    assert plain == [["1", "1", "2026-03-04 10:00:00"], ["2", "0", None]]
    assert read(commons, q)["rows"] == [["1", "true", "2026-03-04T10:00:00Z"], ["2", "false", None]]


def test_the_branch_list_lags_behind(commons: FreshDatabase) -> None:
    def heads() -> dict[str, str]:
        return {b["name"]: b["head_commit_sha"] for b in commons.api("GET", "/branches").json()["data"]}

    before = heads()
    commons.push("new", "DELETE FROM wanted WHERE id = 'w-1'")
    commons.push("main", "DELETE FROM wanted WHERE id = 'w-2'")
    commons.play({"quirk": 25, "lag_ms": 60_000, "times": 1})
    assert [heads(), heads()] == [before, {"main": commons.head(), "new": commons.head("new")}]


@pytest.mark.parametrize("how", ["absent", "empty", "repeated"])
def test_the_end_of_a_list_is_said_in_three_ways(commons: FreshDatabase, how: str) -> None:
    commons.sandbox.admin("POST", "/branches", {"database": commons.name, "branch": "b"})
    commons.play({"quirk": 28, "how": how}, {"quirk": 29, "size": 1})
    first = commons.api("GET", "/branches").json()
    token = first["meta"]["next_page_token"]
    last = commons.api("GET", "/branches", params={"page_token": token}).json()
    assert {b["name"] for page in (first, last) for b in page["data"]} == {"main", "b"}
    assert last.get("meta", {}).get("next_page_token") == {"absent": None, "empty": "", "repeated": token}[how]


@pytest.mark.parametrize(("how", "word"), [("capital", "Open"), ("merging", "merging"), ("unknown", "under_review")])
def test_states_come_in_other_words(commons: FreshDatabase, how: str, word: str) -> None:
    number = commons.claim()
    commons.play({"quirk": 31, "how": how})
    assert (state(commons, number), commons.api("GET", "/pulls").json()["data"][0]["state"]) == (word, word)


def test_the_source_branch_moves_between_the_request_and_the_merge(commons: FreshDatabase) -> None:
    number = commons.claim()
    fork = commons.made[0]
    reviewed = commons.head("wl/pia/w-1", database=fork)
    sql = "UPDATE wanted SET title = 'smuggled' WHERE id = 'w-2'"
    commons.play({"quirk": 33, "push_database": fork, "push_branch": "wl/pia/w-1", "sql": sql, "push_user": "pia"})
    done = commons.sandbox.wait_for(merge(commons, number))
    newest = commons.sandbox.admin("GET", "/log", database=commons.name)[0]
    assert done["status"] == "succeeded"
    assert newest["parents"][1] == commons.head("wl/pia/w-1", database=fork) != reviewed
    assert commons.sql("SELECT title FROM wanted WHERE id = 'w-2'") == [["smuggled"]]


def test_a_merge_stays_running_and_holds_up_nothing_else(commons: FreshDatabase) -> None:
    number = commons.claim()
    commons.play({"quirk": 34, "how": "runs"})
    started = merge(commons, number)
    assert write(commons, "DELETE FROM wanted WHERE id = 'w-2'")["status"] == "succeeded"
    assert (operation(commons, started)["status"], state(commons, number)) == ("running", "open")


def test_a_merge_fails_later(commons: FreshDatabase) -> None:
    number = commons.claim()
    commons.play({"quirk": 34, "how": "fails", "detail": "nobody knows"})
    started = merge(commons, number)
    done = commons.sandbox.wait_for(started)
    assert (started.status_code, done["status"], done["error"]["detail"]) == (202, "failed", "nobody knows")
    assert state(commons, number) == "open"


def test_a_merge_succeeds_after_long(commons: FreshDatabase) -> None:
    number = commons.claim()
    commons.play({"quirk": 34, "how": "slow", "ms": 300})
    begun = time.monotonic()
    started = merge(commons, number)
    meanwhile = state(commons, number)
    done = commons.sandbox.wait_for(started)
    assert (meanwhile, done["status"], state(commons, number)) == ("open", "succeeded", "merged")
    assert time.monotonic() - begun >= 0.3


def test_a_second_merge_is_refused_while_one_runs(commons: FreshDatabase) -> None:
    first, second = commons.claim(), commons.claim(item="w-2", user="mallory")
    commons.play({"quirk": 34, "how": "slow", "ms": 300, "times": 1}, {"quirk": 35})
    started = merge(commons, first)
    assert merge(commons, second).status_code == 422
    commons.sandbox.wait_for(started)
    assert commons.sandbox.wait_for(merge(commons, second))["status"] == "succeeded"


def test_a_merge_reports_success_and_merged_nothing(commons: FreshDatabase) -> None:
    number, before = commons.claim(), commons.head()
    commons.play({"quirk": 36})
    done = commons.sandbox.wait_for(merge(commons, number))
    assert (done["status"], state(commons, number), commons.head()) == ("succeeded", "open", before)


@pytest.mark.parametrize("how", ["403", "422", "job"])
def test_a_protected_branch_refuses(commons: FreshDatabase, how: str) -> None:
    number = commons.claim()
    commons.play({"quirk": 40, "how": how, "match": {"operation": "mergePull"}})
    answer = merge(commons, number)
    if how == "job":
        done = commons.sandbox.wait_for(answer)
        assert (done["status"], done["error"]["detail"]) == ("failed", "branch is protected")
    else:
        check_answer("mergePull", answer)
        assert answer.status_code == int(how)
    assert state(commons, number) == "open"


def test_comments_come_in_any_order_edited_or_not_yet(commons: FreshDatabase) -> None:
    number = commons.claim()
    for n in range(8):
        commons.comment(number, "ana", f"comment {n}")

    def seen() -> list[dict[str, Any]]:
        answer = commons.api("GET", f"/pulls/{number}/comments")
        check_answer("listPullComments", answer)
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    plain = seen()
    shown = {}
    for how in ("shuffled", "reversed", "edited", "lagging"):
        commons.play({"quirk": 41, "how": how, "times": 1})
        shown[how] = seen()
    assert shown["shuffled"] != plain
    assert sorted(shown["shuffled"], key=lambda c: c["created_at"]) == plain
    assert shown["reversed"] == plain[::-1]
    assert shown["edited"][:-1] == plain[:-1]
    assert (shown["edited"][-1]["body"], shown["edited"][-1]["comment_id"]) == ("edited", plain[-1]["comment_id"])
    assert shown["edited"][-1]["updated_at"] > plain[-1]["created_at"]
    assert shown["lagging"] == plain[:-1]
    assert seen() == plain
    commons.play({"quirk": 41, "how": "lagging", "lag_ms": 60_000, "times": 1}, {"quirk": 41, "how": "lagging", "lag_ms": 1})
    time.sleep(0.01)
    assert (seen(), seen()) == ([], plain)


def test_an_operations_status_comes_in_other_words(commons: FreshDatabase) -> None:
    write(commons, "DELETE FROM wanted WHERE id = 'w-1'")
    words = []
    for how in ("pending", "v1", "unknown"):
        commons.play({"quirk": 44, "how": how, "times": 1})
        words.append(commons.api("GET", "/operations").json()["data"][0]["status"])
    assert words == ["completed", "Success", "paused"]


def test_v1_answers_in_its_odder_shapes(commons: FreshDatabase) -> None:
    owner, _, name = commons.name.partition("/")
    commons.play({"quirk": 32}, {"quirk": 45})
    path = f"/api/v1alpha1/{owner}/{name}/write"
    q = {"q": "DELETE FROM wanted WHERE id = 'w-1'"}
    started = commons.sandbox.call("POST", f"{path}/main/main", user="bot", params=q).json()
    while True:
        poll = {"operationName": started["operation_name:"]}
        done = commons.sandbox.call("GET", path, user="bot", params=poll).json()
        if done["done"]:
            break
    assert ("operation_name" in started, "res_details" in done) == (False, False)
    assert done["query_execution_status"] == "Success"


def test_an_operations_reference_has_raw_slashes_and_its_pull_is_a_number(commons: FreshDatabase) -> None:
    number = commons.claim()
    commons.play({"quirk": 46, "how": "slashes"}, {"quirk": 46, "how": "number"})
    started = merge(commons, number)
    reference = started.json()["data"]
    assert reference["href"] == f"{commons.sandbox.base_url}/api/v2/operations/{reference['id']}"
    assert commons.sandbox.wait_for(started)["result"] == {"pull_id": number}


def test_a_write_never_ends(commons: FreshDatabase) -> None:
    commons.play({"quirk": 47, "times": 1})
    body = {"from_branch": "main", "to_branch": "main", "q": "DELETE FROM wanted"}
    started = commons.api("POST", "/sql-writes", user="bot", json=body)
    assert write(commons, "DELETE FROM wanted WHERE id = 'w-1'")["status"] == "succeeded"
    assert operation(commons, started)["status"] == "running"
    assert commons.sql("SELECT id FROM wanted") == [["w-2"]]


def test_the_log_counts_calls_per_operation_and_names_the_faults(commons: FreshDatabase) -> None:
    commons.play({"quirk": 6, "times": 1})
    for _ in range(3):
        commons.api("GET", "/pulls", user="bot")
    commons.api("GET", "/branches")
    log = commons.sandbox.admin("GET", "/requests", database=commons.name)
    first = log["requests"][0]
    assert log["counts"] == {"listBranches": 1, "listPulls": 3}
    assert (first["operation"], first["user"], first["status"], first["faults"]) == (
        "listPulls",
        "bot",
        404,
        ["no-such-repository"],
    )
    assert first["template"] == "/api/v2/databases/{owner}/{database}/pulls"
    commons.sandbox.admin("DELETE", "/requests", database=commons.name)
    assert commons.counts() == {}


def test_a_plan_is_read_from_a_file(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps([{"quirk": "status", "status": 503, "times": 1}]))
    with SandboxProcess.start("--faults", str(plan)) as sandbox:
        assert [sandbox.get("/api/v2/user").status_code for _ in range(2)] == [503, 401]
    plan.write_text('[{"quirk": 99}]')
    with pytest.raises(SandboxFailed, match=r"exit status 2: .*unknown quirk 99"):
        SandboxProcess.start("--faults", str(plan))
