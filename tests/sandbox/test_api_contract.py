"""The look-alike answers what the API contract says: every operation, every documented error that can be provoked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.checker import check_answer, operation_at, operations, request_is_valid
from tests.sandbox_process import FreshDatabase, SandboxFailed, SandboxProcess, fresh_database

NOBODY = "nobody/nothing"


class Checked:
    """Sends v2 requests and holds every answer against the contract; remembers what was asked."""

    def __init__(self, commons: FreshDatabase) -> None:
        self.commons = commons
        self.sandbox = commons.sandbox
        self.asked: set[tuple[str, int]] = set()

    def __call__(self, method: str, path: str, *, user: str | None = None, **more: Any) -> requests.Response:
        """`path` is below the database, unless it starts with /api/."""
        whole = path if path.startswith("/api/") else self.commons.path + path
        answer = self.sandbox.call(method, whole, user=user, **more)
        operation_id = operation_at(method, whole.partition("?")[0])
        assert operation_id is not None, whole
        check_answer(operation_id, answer)
        self.asked.add((operation_id, answer.status_code))
        return answer


@pytest.fixture
def ask(commons: FreshDatabase) -> Checked:
    return Checked(commons)


def test_every_operation_succeeds_in_the_contracts_shape(ask: Checked) -> None:
    commons, sandbox = ask.commons, ask.commons.sandbox
    owner, _, name = commons.name.partition("/")
    ask("GET", "/api/v2/user", user="ana")
    ask("GET", "")
    ask("GET", "/branches")
    ask("POST", "/branches", user="ana", json={"name": "bot-1", "from": {"branch": "main"}})
    ask("POST", "/branches", user="ana", json={"name": "bot-2", "from": {"commit": commons.head()}})
    forked = ask("POST", "/forks", user="pia", json={"owner": "pia"})
    commons.made.append(f"pia/{name}")
    assert sandbox.wait_for(forked, user="pia")["result"] == {"database": {"owner": "pia", "name": name}}
    assert ask("GET", "/forks").json()["data"] == [{"owner": "pia", "name": name}]
    fork = ask("GET", f"/api/v2/databases/pia/{name}").json()["data"]
    assert (fork["parent"], fork["network_root"]) == ({"owner": owner, "name": name},) * 2
    assert fork["fork_network_count"] == 1
    ask("GET", "/sql", params={"ref": "main", "q": "SELECT id FROM wanted", "limit": "1", "timeout_ms": "1000"})
    rows = ask("POST", "/sql", json={"ref": "main", "q": "SELECT id, claimed_by FROM wanted ORDER BY id", "limit": 5})
    assert rows.json()["data"]["rows"] == [["w-1", None], ["w-2", None]]
    update = {"from_branch": "main", "to_branch": "main", "q": "UPDATE wanted SET title = 'New' WHERE id = 'w-2'"}
    written = sandbox.wait_for(ask("POST", "/sql-writes", user="bot", json=update))
    assert written["result"] == {"commit_sha": commons.head()}
    commons.push("wl/pia/w-1", "UPDATE wanted SET status = 'claimed' WHERE id = 'w-1'", database=f"pia/{name}")
    branch = {"database": {"owner": "pia", "name": name}, "branch_name": "wl/pia/w-1"}
    to = {"database": {"owner": owner, "name": name}, "branch_name": "main"}
    opened = ask(
        "POST", "/pulls", user="pia", json={"title": "Claim", "from_branch": branch, "to_branch": to, "new": 1}
    ).json()["data"]
    assert (opened["pull_number"], opened["from_branch"], "description" in opened) == (1, branch, False)
    assert ask("GET", "/pulls").json()["data"][0]["pull_number"] == 1
    assert ask("GET", "/pulls/1").json()["data"] == opened
    patched = ask("PATCH", "/pulls/1", user="pia", json={"description": "Why"}).json()["data"]
    assert patched == {**opened, "description": "Why"}
    said = ask("POST", "/pulls/1/comments", user="mallory", json={"body": "/help"}).json()["data"]
    assert ask("GET", "/pulls/1/comments").json()["data"] == [said]
    merged = sandbox.wait_for(ask("POST", "/pulls/1/merge", user="bot", json={}))
    assert (merged["type"], merged["result"]) == ("merge", {"pull_id": "1"})
    assert [o["type"] for o in ask("GET", "/operations").json()["data"]] == ["merge", "sql_write", "fork"]
    ask("GET", f"/api/v2/operations/{quote(merged['id'], safe='')}", user="mallory")
    assert {operation for operation, status in ask.asked if status < 300} == set(operations())


def test_an_operation_id_is_taken_encoded_and_with_raw_slashes(ask: Checked) -> None:
    write = {"from_branch": "main", "to_branch": "main", "q": "DELETE FROM wanted WHERE id = 'w-1'"}
    started = ask("POST", "/sql-writes", user="bot", json=write)
    done = ask.sandbox.wait_for(started)
    reference = started.json()["data"]
    assert reference["href"] == f"{ask.sandbox.base_url}/api/v2/operations/{quote(reference['id'], safe='')}"
    assert "/" in reference["id"]
    assert ask("GET", f"/api/v2/operations/{reference['id']}", user="bot").json()["data"] == done


def test_a_merge_puts_the_source_head_second_under_the_new_head_of_main(ask: Checked) -> None:
    commons = ask.commons
    number = commons.claim()
    before = commons.head()
    reviewed = commons.head("wl/pia/w-1", database=commons.made[0])
    done = ask.sandbox.wait_for(ask("POST", f"/pulls/{number}/merge", user="bot", json={}))
    newest = ask.sandbox.admin("GET", "/log", database=commons.name, ref="main")[0]
    assert done["status"] == "succeeded"
    assert newest["parents"] == [before, reviewed]
    assert ask("GET", f"/pulls/{number}").json()["data"]["state"] == "merged"
    assert commons.sql("SELECT status, claimed_by FROM wanted WHERE id = 'w-1'") == [["claimed", "pia"]]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer nobody"},
        {"Authorization": "token token-ana"},
        {"Authorization": "token-ana"},
        {"Authorization": "Basic dG9rZW4tYW5h"},
    ],
)
def test_anything_but_a_known_bearer_token_is_a_401(ask: Checked, headers: dict[str, str]) -> None:
    body = {"from_branch": "main", "to_branch": "main", "q": "DELETE FROM wanted"}
    answers = [
        ask("GET", "/api/v2/user", headers=headers),
        ask("POST", "/sql-writes", headers=headers, json=body),
        ask("POST", "/pulls/1/merge", headers=headers, json={}),
        ask("GET", "/api/v2/operations/owners%2Fx", headers=headers),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(401, "UNAUTHENTICATED")] * 4


def test_a_bad_token_is_refused_where_none_would_do(ask: Checked) -> None:
    assert ask("GET", "/branches").status_code == 200
    assert ask("GET", "/branches", headers={"Authorization": "Bearer nobody"}).status_code == 401
    assert ask("GET", "/branches", headers={"Authorization": "token token-ana"}).status_code == 401


@pytest.mark.parametrize("operation_id", sorted(set(operations()) - {"getCurrentUser", "getOperation"}))
def test_a_database_that_is_not_there_is_a_404_at_every_operation(ask: Checked, operation_id: str) -> None:
    method, template, _ = operations()[operation_id]
    path = template.replace("{owner}/{database}", NOBODY).replace("{pull_number}", "1")
    answer = ask(method, path, user="ana", params={"ref": "main", "q": "SELECT 1"}, json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert answer.json()["detail"] == "no such repository"


def test_a_private_database_is_a_404_to_whoever_may_not_see_it(ask: Checked) -> None:
    ask.sandbox.admin("POST", "/visibility", {"database": ask.commons.name, "visibility": "private"})
    seen = {user: ask("GET", "", user=user).status_code for user in (None, "mallory", "bot")}
    assert seen == {None: 404, "mallory": 404, "bot": 200}
    assert ask("GET", "", user="bot").json()["data"]["visibility"] == "private"


@pytest.mark.parametrize("number", ["1", "99999", "9" * 30, "9" * 5000])
def test_a_pull_that_is_not_there_is_a_404(ask: Checked, number: str) -> None:
    answer = ask("GET", f"/pulls/{number}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "no such pull")


@pytest.mark.parametrize("number", ["0", "01", "-1", "x", "1.0", "%31x", "١"])
def test_a_pull_number_that_is_none_is_a_400(ask: Checked, number: str) -> None:
    assert ask("GET", f"/pulls/{quote(number, safe='%')}").json()["code"] == "VALIDATION_FAILED"


@pytest.mark.parametrize("path", sorted({path for _, path, _ in operations().values()}))
def test_a_wrong_method_is_a_405_that_says_which_are_right(commons: FreshDatabase, path: str) -> None:
    right = {method: operation for operation, (method, at, _) in operations().items() if at == path}
    owner, _, name = commons.name.partition("/")
    filled = path.format(owner=owner, database=name, pull_number="1", operation_id="owners%2Fx")
    answer = commons.sandbox.call("DELETE", filled, user="ana")
    check_answer(next(iter(right.values())), answer)
    assert answer.status_code == 405
    assert answer.headers["Allow"].split(", ") == sorted(right)


def test_without_write_permission_it_is_a_403(ask: Checked) -> None:
    number = ask.commons.claim()
    write = {"from_branch": "main", "to_branch": "main", "q": "DELETE FROM wanted"}
    answers = [
        ask("POST", "/branches", user="mallory", json={"name": "x", "from": {"branch": "main"}}),
        ask("POST", "/forks", user="mallory", json={"owner": "ana"}),
        ask("POST", "/sql-writes", user="mallory", json=write),
        ask("PATCH", f"/pulls/{number}", user="mallory", json={"state": "closed"}),
        ask("POST", f"/pulls/{number}/merge", user="pia", json={}),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(403, "PERMISSION_DENIED")] * 5
    assert ask.commons.sql("SELECT count(*) FROM wanted") == [["2"]]


def test_a_taken_name_is_a_409_and_an_existing_fork_a_422(ask: Checked) -> None:
    commons = ask.commons
    number = commons.claim()
    branch = ask("POST", "/branches", user="ana", json={"name": "main", "from": {"branch": "main"}})
    pull = ask("GET", f"/pulls/{number}").json()["data"]
    again = {"title": "Again", "from_branch": pull["from_branch"], "to_branch": pull["to_branch"]}
    second = ask("POST", "/pulls", user="pia", json=again)
    fork = ask("POST", "/forks", user="pia", json={"owner": "pia"})
    assert [branch.status_code, second.status_code, fork.status_code] == [409, 409, 422]
    assert "already exists" in second.json()["detail"]


def test_what_is_named_but_not_there_is_a_404(ask: Checked) -> None:
    owner, _, name = ask.commons.name.partition("/")
    here = {"owner": owner, "name": name}
    to = {"database": here, "branch_name": "main"}
    gone = {"database": {"owner": "nobody", "name": name}, "branch_name": "main"}
    no_branch = {"database": here, "branch_name": "nope"}
    hash_of_nothing = "0" * 32
    answers = [
        ask("POST", "/branches", user="ana", json={"name": "x", "from": {"branch": "nope"}}),
        ask("POST", "/branches", user="ana", json={"name": "x", "from": {"commit": hash_of_nothing}}),
        ask("POST", "/sql-writes", user="ana", json={"from_branch": "nope", "to_branch": "x", "q": "SELECT 1"}),
        ask("POST", "/pulls", user="pia", json={"title": "x", "from_branch": gone, "to_branch": to}),
        ask("POST", "/pulls", user="pia", json={"title": "x", "from_branch": no_branch, "to_branch": to}),
        ask("GET", "/api/v2/operations/owners%2Fx%2Frepos%2Fy%2Fjobs%2Fz", user="ana"),
    ]
    assert [a.status_code for a in answers] == [404] * 6


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_a_pull_that_is_not_open_cannot_be_merged(ask: Checked, state: str) -> None:
    number = ask.commons.claim()
    if state == "merged":
        ask.sandbox.admin("POST", "/merges", {"database": ask.commons.name, "number": number, "user": "ana"})
    else:
        ask("PATCH", f"/pulls/{number}", user="pia", json={"state": "closed"})
    answer = ask("POST", f"/pulls/{number}/merge", user="bot", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "UNPROCESSABLE")


def _conflict(commons: FreshDatabase) -> int:
    number = commons.claim()
    commons.push("main", "UPDATE wanted SET claimed_by = 'somebody' WHERE id = 'w-1'")
    return number


def test_a_conflict_comes_as_a_failed_operation(ask: Checked) -> None:
    number = _conflict(ask.commons)
    before = ask.commons.head()
    done = ask.sandbox.wait_for(ask("POST", f"/pulls/{number}/merge", user="bot", json={}))
    assert (done["status"], done["error"]["code"], done["error"]["status"]) == ("failed", "OPERATION_FAILED", 422)
    assert "conflict" in done["error"]["detail"]
    assert ask("GET", f"/pulls/{number}").json()["data"]["state"] == "open"
    assert ask.commons.head() == before


def test_a_conflict_known_at_the_start_is_a_422_where_so_configured(own_sandbox: SandboxProcess) -> None:
    own_sandbox.admin("PATCH", "/settings", {"conflicts_at_start": True})
    commons = fresh_database(own_sandbox)
    ask = Checked(commons)
    number = _conflict(commons)
    answer = ask("POST", f"/pulls/{number}/merge", user="bot", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "UNPROCESSABLE")
    assert "conflict" in answer.json()["detail"]
    assert own_sandbox.admin("GET", "/stats")["databases"] == sorted([commons.name, *commons.made])


@pytest.mark.parametrize(
    ("q", "word"),
    [
        ("UPDATE wanted SET title = 'a'; DELETE FROM wanted", "syntax error"),
        ("heatdome", "query error"),
        ("INSERT INTO wanted (id) VALUES ('w-1')", ""),
        ("UPDATE wanted SET title = 'x' WHERE id = 'nobody'", "did not modify"),
        ("CALL DOLT_BRANCH('-D', 'main')", ""),
    ],
)
def test_a_failed_write_is_a_failed_operation_and_writes_nothing(ask: Checked, q: str, word: str) -> None:
    before = ask.commons.head()
    body = {"from_branch": "main", "to_branch": "main", "q": q}
    done = ask.sandbox.wait_for(ask("POST", "/sql-writes", user="bot", json=body))
    assert (done["status"], done["error"]["code"]) == ("failed", "OPERATION_FAILED")
    assert word in done["error"]["detail"]
    assert ask.commons.head() == before


@pytest.mark.parametrize("q", ["heatdome", "SELECT nothing FROM nowhere", "DELETE FROM wanted"])
def test_sql_trouble_is_a_200_that_says_error(ask: Checked, q: str) -> None:
    by_get = ask("GET", "/sql", params={"ref": "main", "q": q}).json()["data"]
    by_post = ask("POST", "/sql", json={"ref": "main", "q": q}).json()["data"]
    assert by_get == by_post
    assert (by_get["status"], by_get["columns"], by_get["rows"]) == ("error", [], [])
    assert "query error" in by_get["message"]
    assert ask.commons.sql("SELECT count(*) FROM wanted") == [["2"]]


def test_an_unknown_ref_is_a_200_that_says_error(ask: Checked) -> None:
    data = ask("POST", "/sql", json={"ref": "nope", "q": "SELECT 1"}).json()["data"]
    assert (data["status"], "branch not found" in data["message"]) == ("error", True)


def test_rows_beyond_the_limit_are_cut_and_said_to_be(ask: Checked) -> None:
    data = ask("POST", "/sql", json={"ref": "main", "q": "SELECT id FROM wanted ORDER BY id", "limit": 1}).json()["data"]
    assert (data["status"], data["rows"]) == ("row_limit", [["w-1"]])
    assert data["message"]


def test_a_long_query_goes_by_post_and_not_by_get(ask: Checked) -> None:
    q = "SELECT id FROM wanted WHERE id IN (" + ", ".join(f"'w-{n}'" for n in range(1, 2000)) + ") ORDER BY id"
    assert ask("POST", "/sql", json={"ref": "main", "q": q}).json()["data"]["rows"] == [["w-1"], ["w-2"]]
    assert ask.commons.api("GET", "/sql", params={"ref": "main", "q": q}).status_code == 414


SQL = {"ref": "main", "q": "SELECT 1"}
WRITE = {"from_branch": "main", "to_branch": "main", "q": "DELETE FROM wanted"}
REF = {"database": {"owner": "hop", "name": "x"}, "branch_name": "main"}
PULL = {"title": "t", "from_branch": REF, "to_branch": REF}
REFUSED: dict[str, tuple[object, ...]] = {
    "createBranch": (
        {},
        [],
        None,
        "x",
        {"name": "x"},
        {"from": {"branch": "main"}},
        {"name": "", "from": {"branch": "main"}},
        {"name": "x", "from": {}},
        {"name": "x", "from": {"branch": "main", "commit": "a"}},
        {"name": "x", "from": {"branch": ""}},
        {"name": "x", "from": "main"},
        {"name": "x", "from": {"branch": "main"}, "force": True},
    ),
    "createFork": ({}, {"owner": ""}, {"owner": 1}, {"owner": "pia", "name": "x"}),
    "runSqlReadQueryPost": (
        {"ref": "main"},
        {"q": "SELECT 1"},
        {**SQL, "q": ""},
        {**SQL, "x": 1},
        *({**SQL, "limit": limit} for limit in (0, -1, "5", 1.5, True, None)),
        *({**SQL, "timeout_ms": ms} for ms in (0, "1000", False)),
    ),
    "runSqlWriteQuery": (
        {**WRITE, "message": "x"},
        *({**WRITE, empty: ""} for empty in WRITE),
        *({k: v for k, v in WRITE.items() if k != missing} for missing in WRITE),
    ),
    "createPull": (
        *({k: v for k, v in PULL.items() if k != missing} for missing in PULL),
        {**PULL, "title": ""},
        {**PULL, "description": None},
        {**PULL, "from_branch": "main"},
        {**PULL, "from_branch": {"database": {"owner": "hop"}, "branch_name": "main"}},
    ),
    "updatePull": (
        {},
        {"title": ""},
        {"state": "merged"},
        {"state": None},
        {"description": 1},
        {"state": "closed", "by": "me"},
    ),
    "createPullComment": ({}, [], {"body": ""}, {"body": 1}, {"body": "x", "author": "ana"}),
    "mergePull": ({"head": "x"}, [], None, ""),
}
REFUSED_BODIES = [(operation_id, body) for operation_id, bodies in REFUSED.items() for body in bodies]


@pytest.mark.parametrize(("operation_id", "body"), REFUSED_BODIES)
def test_a_body_that_the_contract_refuses_is_a_400(checked_with_pull: Checked, operation_id: str, body: object) -> None:
    assert not request_is_valid(operation_id, body)
    method, template, _ = operations()[operation_id]
    path = template.partition("{database}")[2].replace("{pull_number}", "1")
    answer = checked_with_pull(method, path, user="ana", json=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")


@pytest.fixture(scope="module")
def checked_with_pull(sandbox_server: SandboxProcess) -> Iterator[Checked]:
    commons = fresh_database(sandbox_server)
    assert commons.claim() == 1
    yield Checked(commons)
    commons.clean()


TEXTS = st.sampled_from(["", "main", "x", "\x00", "'; --", "a" * 300, "ä\u202e"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
KEYS = ["name", "from", "branch", "commit", "ref", "q", "limit", "timeout_ms", "title", "description", "state", "body"]
BODIES = st.recursive(
    SCALARS,
    lambda deeper: st.one_of(st.lists(deeper, max_size=2), st.dictionaries(st.sampled_from(KEYS), deeper)),
    max_leaves=6,
)


@given(
    operation_id=st.sampled_from(["createBranch", "runSqlReadQueryPost", "updatePull", "createPullComment", "mergePull"]),
    body=BODIES,
)
def test_no_body_breaks_it_and_none_that_the_contract_refuses_is_taken(
    checked_with_pull: Checked, operation_id: str, body: object
) -> None:
    method, template, _ = operations()[operation_id]
    path = template.partition("{database}")[2].replace("{pull_number}", "1")
    user = "mallory" if operation_id == "mergePull" else "ana"
    answer = checked_with_pull(method, path, user=user, json=body, headers={"Content-Type": "application/json"})
    if not request_is_valid(operation_id, body):
        assert answer.status_code == 400
    assert answer.status_code != 500


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b'{"body": "x"}', "text/plain"),
        (b'{"body": "x"}', ""),
        (b'{"body": NaN}', "application/json"),
        (b'{"body": "\\ud800"}', "application/json"),
        (b'{"body": "\xff"}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"body": "' + b"x" * 9_000_000 + b'"}', "application/json"),
    ],
)
def test_what_is_not_json_is_a_400(checked_with_pull: Checked, data: bytes, content_type: str) -> None:
    answer = checked_with_pull("POST", "/pulls/1/comments", user="ana", data=data, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    "params",
    [
        {"ref": "main"},
        {"q": "SELECT 1"},
        {"ref": "", "q": "SELECT 1"},
        {"ref": "main", "q": ""},
        *({"ref": "main", "q": "SELECT 1", "limit": limit} for limit in ("0", "-1", "x", "", "1.0", "01", "1\n")),
        {"ref": "main", "q": "SELECT 1", "timeout_ms": "0"},
    ],
)
def test_a_query_string_that_the_contract_refuses_is_a_400(checked_with_pull: Checked, params: dict[str, str]) -> None:
    assert checked_with_pull("GET", "/sql", params=params).status_code == 400


def test_a_pull_from_another_network_or_into_another_database_is_a_400(ask: Checked) -> None:
    other = fresh_database(ask.sandbox)
    refs = [
        {"database": dict(zip(("owner", "name"), name.split("/"), strict=True)), "branch_name": "main"}
        for name in (ask.commons.name, other.name)
    ]
    foreign = ask("POST", "/pulls", user="pia", json={"title": "x", "from_branch": refs[1], "to_branch": refs[0]})
    elsewhere = ask("POST", "/pulls", user="pia", json={"title": "x", "from_branch": refs[1], "to_branch": refs[1]})
    other.clean()
    assert (foreign.status_code, elsewhere.status_code) == (400, 400)


def test_pages_hold_every_item_once_and_end(ask: Checked) -> None:
    commons = ask.commons
    for n in range(45):
        ask.sandbox.admin("POST", "/branches", {"database": commons.name, "branch": f"b-{n}"})
    names, sizes, token = [], [], ""
    while True:
        page = ask("GET", "/branches", params={"page_token": token} if token else {}).json()
        names += [branch["name"] for branch in page["data"]]
        sizes.append(len(page["data"]))
        token = page["meta"]["next_page_token"]
        if not token:
            break
    assert sizes == [20, 20, 6]
    assert sorted(names) == sorted(["main", *(f"b-{n}" for n in range(45))])


def test_a_page_token_is_opaque_and_good_for_its_own_list_only(ask: Checked) -> None:
    for n in range(21):
        ask.sandbox.admin("POST", "/branches", {"database": ask.commons.name, "branch": f"b-{n}"})
    token = ask("GET", "/branches").json()["meta"]["next_page_token"]
    answers = [
        ask("GET", "/pulls", params={"page_token": token}),
        ask("GET", "/branches", params={"page_token": token + "x"}),
        ask("GET", "/branches", params={"page_token": "20"}),
        ask("GET", "/branches", params={"page_token": "ä"}),
    ]
    assert [a.status_code for a in answers] == [400] * 4


def test_the_request_id_comes_back_and_is_made_where_there_is_none(ask: Checked) -> None:
    mine = ask("GET", "/pulls/1", headers={"x-request-id": "mine-1"})
    none = ask("GET", "/pulls/1")
    assert (mine.headers["x-request-id"], mine.json()["request_id"]) == ("mine-1", "mine-1")
    assert none.headers["x-request-id"].startswith("req_")


def test_a_closed_pull_can_be_opened_again_and_a_merged_one_keeps_its_state(ask: Checked) -> None:
    number = ask.commons.claim()
    states = [
        ask("PATCH", f"/pulls/{number}", user="pia", json={"state": state}).json()["data"]["state"]
        for state in ("closed", "open")
    ]
    ask.sandbox.wait_for(ask("POST", f"/pulls/{number}/merge", user="bot", json={}))
    refused = ask("PATCH", f"/pulls/{number}", user="ana", json={"state": "closed"})
    assert (states, refused.status_code) == (["closed", "open"], 400)


def test_comment_ids_return_under_every_pull(ask: Checked) -> None:
    first, second = ask.commons.claim(item="w-1"), ask.commons.claim(item="w-2", user="mallory")
    ids = [ask.commons.comment(number, "ana", "hello") for number in (first, second)]
    assert ids[0] == ids[1]


def test_an_edited_comment_shows_it_in_updated_at_only(ask: Checked) -> None:
    number = ask.commons.claim()
    comment_id = ask.commons.comment(number, "ana", "/accept")
    before = ask("GET", f"/pulls/{number}/comments").json()["data"][0]
    edit = {"database": ask.commons.name, "number": number, "comment_id": comment_id, "body": "/reject"}
    ask.sandbox.admin("PATCH", "/comments", edit)
    after = ask("GET", f"/pulls/{number}/comments").json()["data"][0]
    assert after == {**before, "body": "/reject", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]


# --- v1alpha1 ---


def v1(commons: FreshDatabase, method: str, path: str, *, user: str | None = "bot", **more: Any) -> requests.Response:
    owner, _, name = commons.name.partition("/")
    return commons.sandbox.call(method, f"/api/v1alpha1/{owner}/{name}{path}", user=user, **more)


def finished(commons: FreshDatabase, started: requests.Response) -> requests.Response:
    name = started.json()["operation_name"]
    for _ in range(1000):
        answer = v1(commons, "GET", "/write", params={"operationName": name})
        if answer.json() != {"done": False}:
            return answer
    raise SandboxFailed("the write never ended")


def test_v1_writes_to_a_branch_and_merges_it_without_a_query(commons: FreshDatabase) -> None:
    before = commons.head()
    branch = quote("stampbot/d1/x", safe="")
    started = v1(commons, "POST", f"/write/main/{branch}", params={"q": "UPDATE wanted SET title = 'A' WHERE id = 'w-1'"})
    first = finished(commons, started).json()
    more = {"query": "UPDATE wanted SET title = 'B' WHERE id = 'w-2'"}
    second = finished(commons, v1(commons, "POST", f"/write/{branch}/{branch}", json=more)).json()
    branch_head = commons.head("stampbot/d1/x")
    merge = v1(commons, "POST", f"/write/{branch}/main")
    merged = finished(commons, merge).json()
    newest = commons.sandbox.admin("GET", "/log", database=commons.name, ref="main")[0]
    assert started.json()["to_branch_name"] == "stampbot/d1/x"
    assert (first["done"], first["res_details"]["from_commit_id"]) == (True, before)
    assert second["res_details"]["to_commit_id"] == branch_head
    assert merge.json()["query"] == ""
    assert merged["res_details"]["query_execution_status"] == "Success"
    assert (merged["res_details"]["from_commit_id"], merged["res_details"]["to_commit_id"]) == (newest["hash"], "")
    assert newest["parents"] == [before, branch_head]
    assert commons.sql("SELECT title FROM wanted ORDER BY id") == [["A"], ["B"]]


def test_v1_says_a_write_that_changed_nothing_by_a_400_at_the_poll(commons: FreshDatabase) -> None:
    q = "UPDATE wanted SET status = 'claimed' WHERE id = 'w-1' AND status = 'done'"
    answer = finished(commons, v1(commons, "POST", "/write/main/main", params={"q": q}))
    assert answer.status_code == 400
    assert "sqlwrite.tocommitid" in answer.text.lower()


def test_v1_shows_a_failed_write_in_its_details(commons: FreshDatabase) -> None:
    answer = finished(commons, v1(commons, "POST", "/write/main/main", params={"q": "heatdome"}))
    assert answer.status_code == 200
    assert (answer.json()["done"], answer.json()["res_details"]["query_execution_status"]) == (True, "Error")


def test_v1_answers_an_unencoded_slash_with_html(commons: FreshDatabase) -> None:
    answer = v1(commons, "POST", "/write/wl/pia/w-1/main")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("authorization", ["Bearer token-bot", "token ", "token", "token nobody", "token-bot"])
def test_v1_takes_nothing_but_a_known_token(commons: FreshDatabase, authorization: str) -> None:
    headers = {"authorization": authorization}
    write = v1(commons, "POST", "/write/main/main", user=None, headers=headers, params={"q": "DELETE FROM wanted"})
    read = v1(commons, "GET", "/main", user=None, headers=headers, params={"q": "SELECT 1"})
    assert [(a.status_code, "invalid authorization" in a.text) for a in (write, read)] == [(400, True)] * 2


def test_v1_answers_400_where_v2_has_other_words(commons: FreshDatabase) -> None:
    nobody = commons.sandbox.call("GET", "/api/v1alpha1/nobody/nothing", params={"q": "SELECT 1"})
    no_branch = v1(commons, "POST", "/write/nope/main")
    no_right = v1(commons, "POST", "/write/main/main", user="mallory", params={"q": "DELETE FROM wanted"})
    assert [(a.status_code, a.json()["status"]) for a in (nobody, no_branch, no_right)] == [(400, "Error")] * 3
    assert nobody.json()["message"] == "no such repository"


def test_v1_reads_rows_as_objects_and_wants_a_ref_with_a_token(commons: FreshDatabase) -> None:
    q = {"q": "SELECT id, claimed_by FROM wanted ORDER BY id LIMIT 1"}
    anonymous = v1(commons, "GET", "", user=None, params=q).json()
    with_token = v1(commons, "GET", "", params=q)
    broken = v1(commons, "GET", "/main", params={"q": "heatdome"})
    assert anonymous["rows"] == [{"id": "w-1", "claimed_by": None}]
    assert anonymous["query_execution_status"] == "Success"
    assert (with_token.status_code, "must include a refName" in with_token.text) == (400, True)
    assert (broken.status_code, broken.json()["query_execution_status"]) == (200, "Error")
