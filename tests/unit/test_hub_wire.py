"""What DoltHub's answers mean, without a socket: values, refusals, and everything that is neither."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dolthub import dialect_v1, dialect_v2, wire
from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import (
    ANSWER_MAX_BYTES,
    MESSAGE_MAX_CHARS,
    Request,
    Response,
    changed_nothing,
    clean,
    encode,
    write_request,
)
from bot.dolthub.wire import Branch, Operation, OperationState
from bot.model.ids import CommentId, CommitHash, Database, PullNo, User
from bot.model.ledger import Row
from bot.model.pull import BranchRef, Comment, Pull, PullState, PullSummary
from bot.model.snapshot import Record

ORIGIN = "https://www.dolthub.com"
COMMONS = Database("hop", "wl-commons")
AT = datetime(2026, 3, 4, 10, tzinfo=UTC)
HEAD = "vt1u8gdsovtj0qq2qmd6he7n5o4mq2qm"
READ = dialect_v2.read("getPull", dialect_v2.pull_path(COMMONS, PullNo(57)), auth=True)
WRITE = write_request("mergePull", "POST", dialect_v2.pull_path(COMMONS, PullNo(57)) + "/merge", {})
PULL = {
    "pull_number": 57,
    "title": "Claim w-1",
    "description": "words",
    "state": "open",
    "from_branch": {"database": {"owner": "alice", "name": "wl-commons"}, "branch_name": "wl/alice/w-1"},
    "to_branch": {"database": {"owner": "hop", "name": "wl-commons"}, "branch_name": "main"},
    "created_at": "2026-03-04T10:00:00Z",
    "creator": "alice",
}
COMMENT = {
    "comment_id": "c-1",
    "author": "maria",
    "body": "/accept",
    "created_at": "2026-03-04T10:00:00Z",
    "updated_at": "2026-03-04T10:00:00Z",
}


def answer(body: object, status: int = 200, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=raw)


def problem(status: int, code: str, detail: str) -> Response:
    return answer({"type": "about:blank", "title": "t", "status": status, "code": code, "detail": detail}, status)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "detail", "kind"),
    [
        (400, "VALIDATION_FAILED", "ref is required", HubRefused),
        (401, "UNAUTHENTICATED", "no credentials", HubRefused),
        (403, "PERMISSION_DENIED", "no", HubRefused),
        (404, "NOT_FOUND", "no such pull", HubGone),
        (405, "METHOD_NOT_ALLOWED", "", HubRefused),
        (408, "", "", HubBusy),
        (409, "CONFLICT", "branch already exists", HubConflict),
        (418, "A_CODE_OF_TOMORROW", "tea", HubRefused),
        (422, "UNPROCESSABLE", "pull has conflicts", HubRefused),
        (429, "RATE_LIMITED", "", HubBusy),
        (500, "INTERNAL", "", HubBusy),
        (502, "", "", HubBusy),
        (503, "SERVICE_UNAVAILABLE", "", HubBusy),
        (504, "", "", HubBusy),
        (301, "", "", HubStrange),
        (308, "", "", HubStrange),
    ],
)
def test_each_status_means_wait_or_no_or_call_a_person(status: int, code: str, detail: str, kind: type[HubError]) -> None:
    found = dialect_v2.refusal(READ, problem(status, code, detail))
    assert type(found) is kind
    if isinstance(found, HubRefused):
        assert (found.status, found.code) == (status, code)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_yes_is_no_refusal(status: int) -> None:
    assert dialect_v2.refusal(READ, answer({"data": {}}, status)) is None


@pytest.mark.parametrize("status", [400, 404, 405, 422])
@pytest.mark.parametrize("body", [b"<!DOCTYPE html><h1>404</h1>", b"", b"[]", b"null", b"{}"])
def test_a_refusal_that_is_no_problem_document_is_strange(status: int, body: bytes) -> None:
    assert type(dialect_v2.refusal(READ, answer(body, status))) is HubStrange


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502])
@pytest.mark.parametrize("body", [b"<html>", b""])
def test_these_statuses_speak_for_themselves(status: int, body: bytes) -> None:
    assert not isinstance(dialect_v2.refusal(READ, answer(body, status)), HubStrange)


@pytest.mark.parametrize("status", [200, 404, 504])
def test_the_front_ends_own_time_out_is_a_time_out_under_any_status(status: int) -> None:
    assert type(dialect_v2.refusal(READ, answer(b"upstream request timeout", status))) is HubBusy


@pytest.mark.parametrize("says", ["upstream request timeout", "Upstream Request Timeout "])
def test_what_strangers_write_is_no_time_out(says: str) -> None:
    listed = answer({"data": [{"comment_id": "1", "author": "mallory", "body": says}]}, 200)
    assert (dialect_v2.refusal(READ, listed), dialect_v1.refusal(READ, listed)) == (None, None)
    assert dialect_v2.refusal(READ, answer({"data": {"rows": [[says]], "status": "success"}}, 200)) is None
    told = dialect_v2.refusal(READ, problem(404, "NOT_FOUND", says))
    assert isinstance(told, HubRefused), told


def test_a_refused_token_names_the_setting_and_the_mend() -> None:
    found = dialect_v2.refusal(READ, problem(401, "UNAUTHENTICATED", "invalid credentials"))
    assert isinstance(found, HubRefused)
    assert found.code == "UNAUTHENTICATED"
    assert "STAMPBOT_HUB_TOKEN" in str(found)
    assert "create a new API token" in str(found)


def test_a_missing_right_is_named() -> None:
    found = dialect_v2.refusal(WRITE, problem(403, "PERMISSION_DENIED", "no"))
    assert str(found) == (
        "mergePull: 403 PERMISSION_DENIED no: the account of STAMPBOT_HUB_TOKEN lacks write permission on the commons,"
        " or the token's scopes leave it out"
    )


@pytest.mark.parametrize(("detail", "passing"), [("no such repository", True), ("no such pull", False)])
def test_only_a_missing_database_may_be_a_passing_fault(detail: str, passing: bool) -> None:
    found = dialect_v2.refusal(READ, problem(404, "NOT_FOUND", detail))
    assert isinstance(found, HubGone)
    assert found.passing is passing


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-5", None),
        ("9" * 30, None),
    ],
)
def test_the_wait_that_is_asked_for_is_read_in_seconds(header: str, seconds: float | None) -> None:
    found = dialect_v2.refusal(READ, answer({}, 429, retry_after=header))
    assert isinstance(found, HubBusy)
    assert found.retry_after_s == seconds


@given(st.text())
def test_a_cleaned_message_is_one_short_printable_line(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert "\n" not in shown
    assert len(shown) <= MESSAGE_MAX_CHARS


def test_hostile_server_text_reaches_errors_cleaned() -> None:
    found = dialect_v2.refusal(READ, problem(422, "UNPROCESSABLE", "no\x1b[31m\r\nlevel=critical \u202e\x00" + "x" * 900))
    assert str(found).isprintable()
    assert len(str(found)) < 300


@pytest.mark.parametrize(
    ("text", "no_op"),
    [
        ("Cannot return null for non-nullable field SqlWrite.toCommitId.", True),
        ("the statement did not modify the database", True),
        ("nothing to commit", True),
        ("merge conflict", False),
        ("", False),
    ],
)
def test_a_write_that_changed_nothing_is_known_by_its_words(text: str, no_op: bool) -> None:
    assert changed_nothing(text) is no_op


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", ["", ".", "..", "a/b", "a b", "a%2fb", "ä", "x" * 200, "a\n", ".git"])
def test_a_database_nobody_can_have_is_never_asked_for(owner: str) -> None:
    with pytest.raises(HubGone):
        dialect_v2.database_path(Database(owner, "wl-commons"))
    with pytest.raises(HubGone):
        dialect_v2.database_path(Database("hop", owner))


def test_a_path_names_owner_database_and_pull() -> None:
    assert dialect_v2.pull_path(COMMONS, PullNo(57)) == "/api/v2/databases/hop/wl-commons/pulls/57"


@pytest.mark.parametrize(
    ("href", "path"),
    [
        (f"{ORIGIN}/api/v2/operations/owners%2Fhop%2Fjobs%2F1", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        (f"{ORIGIN}/api/v2/operations/owners/hop/jobs/1", "/api/v2/operations/owners/hop/jobs/1"),
        ("https://evil.example/api/v2/operations/x", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        ("http://www.dolthub.com/api/v2/operations/x", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        ("https://www.dolthub.com:444/api/v2/operations/x", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        ("https://u@www.dolthub.com/api/v2/operations/x", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        ("https://www.dolthub.com/api/v2/user", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        (f"{ORIGIN}/api/v2/operations/../user", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        (f"{ORIGIN}/api/v2/operations/%2e%2e/user", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        (f"{ORIGIN}/api/v2/operations/x?next=1", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        ("https://[", "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
        (None, "/api/v2/operations/owners%2Fhop%2Fjobs%2F1"),
    ],
)
def test_an_operation_is_followed_at_our_own_origin_only(href: str | None, path: str) -> None:
    assert wire.read_operation_path({"id": "owners/hop/jobs/1", "href": href}, ORIGIN) == path


@pytest.mark.parametrize("found", [None, "", "..", "a/../b", "a//b", "a?b", 7, "x" * 600])
def test_an_operation_without_usable_name_is_strange(found: object) -> None:
    with pytest.raises(HubStrange):
        wire.read_operation_path({"id": found}, ORIGIN)


def test_a_request_body_holds_no_lone_surrogate() -> None:
    assert encode({"body": "a\ud800b"}) == b'{"body":"a\\ufffdb"}'


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_pull_is_read() -> None:
    fork, main = Database("alice", "wl-commons"), Database("hop", "wl-commons")
    assert wire.read_pull(PULL) == Pull(
        number=PullNo(57),
        title="Claim w-1",
        description="words",
        state=PullState.OPEN,
        creator=User("alice"),
        source=BranchRef(fork, "wl/alice/w-1"),
        target=BranchRef(main, "main"),
        created_at=AT,
    )


def test_a_pull_grows_without_breaking_the_reader() -> None:
    grown = {**PULL, "pull_number": "57", "added_later": {"x": [1]}, "description": None}
    assert wire.read_pull(grown) == wire.read_pull({**PULL, "description": ""})


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Open", PullState.OPEN),
        ("MERGED", PullState.MERGED),
        ("closed", PullState.CLOSED),
        ("merging", PullState.UNKNOWN),
        ("", PullState.UNKNOWN),
    ],
)
def test_a_state_is_read_in_any_case_and_an_unknown_one_is_unknown(word: str, state: PullState) -> None:
    assert wire.read_pull_summary({**PULL, "state": word}) == PullSummary(
        number=PullNo(57), title="Claim w-1", state=state, creator=User("alice"), created_at=AT
    )


@pytest.mark.parametrize("source", [None, {}, {"database": None, "branch_name": "x"}, {"database": {"owner": 1}}, "text"])
def test_a_source_that_is_left_out_is_a_database_nobody_can_have(source: object) -> None:
    found = wire.read_pull({**PULL, "from_branch": source}).source
    with pytest.raises(HubGone):
        dialect_v2.database_path(found.database)


@pytest.mark.parametrize(
    "change",
    [
        {"pull_number": 0},
        {"pull_number": True},
        {"pull_number": "x"},
        {"creator": ""},
        {"created_at": "soon"},
        {"created_at": None},
    ],
)
def test_a_pull_that_could_be_misread_is_strange(change: dict[str, Any]) -> None:
    with pytest.raises(HubStrange):
        wire.read_pull({**PULL, **change})


def test_a_comment_is_read_with_both_times() -> None:
    assert wire.read_comment(COMMENT | {"updated_at": "2026-03-04T10:00:00.5Z", "comment_id": 7}) == Comment(
        id=CommentId("7"),
        author=User("maria"),
        body="/accept",
        created_at=AT,
        updated_at=AT.replace(microsecond=500_000),
    )


@pytest.mark.parametrize("field", ["comment_id", "author", "created_at", "updated_at"])
def test_a_comment_without_author_id_or_times_is_strange(field: str) -> None:
    with pytest.raises(HubStrange):
        wire.read_comment({k: v for k, v in COMMENT.items() if k != field})


def test_a_branch_is_read_and_its_time_may_be_missing() -> None:
    assert wire.read_branch({"name": "wl/a", "head_commit_sha": HEAD}) == Branch(name="wl/a", head=CommitHash(HEAD))


@pytest.mark.parametrize("head", ["", "main", HEAD.upper(), HEAD + "0", None])
def test_a_head_that_is_no_commit_hash_is_strange(head: object) -> None:
    with pytest.raises(HubStrange):
        wire.read_branch({"name": "main", "head_commit_sha": head})


# --- rows -------------------------------------------------------------------------------------------------------------


def sql_result(status: str = "success", message: str = "", **more: object) -> Response:
    data = {"columns": [{"name": "id", "type": "TEXT"}, {"name": "n", "type": "INT"}], "rows": [["w-1", None]]}
    return answer({"data": {**data, "status": status, "message": message, **more}})


def test_cells_are_text_or_null_in_whatever_form_they_come() -> None:
    rows = [["w-1", None], ["", "2"], [True, 3], [False, 1.5], ["<binary>", "\ud800"]]
    assert wire.read_sql(sql_result("Success", rows=rows)).rows == (
        Row.of({"id": "w-1", "n": None}),
        Row.of({"id": "", "n": "2"}),
        Row.of({"id": "1", "n": "3"}),
        Row.of({"id": "0", "n": "1.5"}),
        Row.of({"id": "<binary>", "n": "\ufffd"}),
    )


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        ("error", "query error: syntax error near 'x'", HubStrange),
        ("error", "query error: table not found: rig_links", HubStrange),
        ("error", "query error: branch not found: wl/x", HubGone),
        ("error", "query error: target commit not found", HubGone),
        ("error", "no such repository", HubGone),
        ("error", "Error 1213 (40001): serialization failure: try restarting transaction", HubBusy),
        ("timeout", "query timed out", HubBusy),
        ("row_limit", "", HubStrange),
        ("not_workspace", "", HubStrange),
        ("tomorrow", "", HubStrange),
        ("", "", HubStrange),
    ],
)
def test_sql_trouble_comes_as_a_200_and_is_never_read_as_rows(status: str, message: str, kind: type[HubError]) -> None:
    with pytest.raises(HubError) as caught:
        wire.read_sql(sql_result(status, message))
    assert type(caught.value) is kind


@pytest.mark.parametrize("rows", [[["w-1"]], [["w-1", None, "x"]], [{"id": "w-1"}], "rows", None])
def test_rows_that_do_not_fit_their_columns_are_strange(rows: object) -> None:
    with pytest.raises(HubStrange):
        wire.read_sql(sql_result(rows=rows))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[]", b'{"meta": {}}', b"[" * 100_000, b'{"data": [1]}', b"\xff\xfe"])
def test_an_answer_that_cannot_be_read_is_strange_and_quoted_shortly(body: bytes) -> None:
    with pytest.raises(HubStrange) as caught:
        wire.read_one(answer(body))
    assert len(str(caught.value)) < 300


def test_an_answer_beyond_the_cap_is_not_parsed() -> None:
    with pytest.raises(HubStrange) as caught:
        wire.read_one(answer(b" " * (ANSWER_MAX_BYTES + 1)))
    assert caught.value.too_large


@pytest.mark.parametrize(
    ("meta", "token"),
    [
        ({"next_page_token": "abc"}, "abc"),
        ({"next_page_token": ""}, ""),
        ({"next_page_token": None}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_next_page_is_named_or_there_is_none(meta: object, token: str) -> None:
    assert wire.read_page(answer({"data": [{"a": 1}], "meta": meta})) == (({"a": 1},), token)


def test_columns_are_grouped_by_table_in_order() -> None:
    rows = [Row.of({"table_name": t, "column_name": c}) for t, c in [("a", "x"), ("b", "y"), ("a", "z"), ("a", "x")]]
    assert wire.read_columns(rows) == {"a": ("x", "z"), "b": ("y",)}


def test_columns_of_the_revision_that_is_read_count_and_those_of_its_database_do_not() -> None:
    at = f"wl-commons/{'a' * 32}"
    rows = [
        Row.of({"table_schema": schema, "table_name": t, "column_name": c})
        for schema, t, c in [("wl-commons", "a", "x"), (at, "a", "x"), ("wl-commons", "a", "new"), ("wl-commons", "b", "y")]
    ]
    assert wire.read_columns(rows) == {"a": ("x",)}
    assert wire.read_columns(row for row in rows if row.text("table_schema") != at) == {"a": ("x", "new"), "b": ("y",)}


def test_a_record_counts_all_stamps_and_averages_the_numbers() -> None:
    rows = [
        Row.of({"quality": q, "stamps": n}) for q, n in [("4", "2"), ("1", "1"), ('"good"', "3"), (None, "1"), ("NaN", "1")]
    ]
    assert wire.read_record(rows) == Record(stamps=8, mean_quality=3.0)
    assert wire.read_record([]) == Record(stamps=0, mean_quality=None)


# --- operations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("queued", OperationState.RUNNING),
        ("Running", OperationState.RUNNING),
        ("In Progress", OperationState.RUNNING),
        ("succeeded", OperationState.SUCCEEDED),
        ("Failed", OperationState.FAILED),
        ("cancelled", OperationState.UNKNOWN),
    ],
)
def test_an_operations_state_is_read_in_every_known_vocabulary(word: str, state: OperationState) -> None:
    assert wire.read_operation({"status": word, "type": "Merge"}).state is state


def test_a_failed_operation_says_why() -> None:
    data = {
        "id": "x",
        "type": "merge",
        "status": "failed",
        "created_at": "2026-03-04T10:00:00Z",
        "error": {"status": 422, "code": "OPERATION_FAILED", "title": "Unprocessable", "detail": "con\nflict"},
    }
    operation = wire.read_operation(data)
    assert operation == Operation(
        kind="merge",
        state=OperationState.FAILED,
        created_at=AT,
        status=422,
        code="OPERATION_FAILED",
        detail="con flict",
    )
    assert str(wire.failure(WRITE, operation)) == "mergePull failed: con flict"


@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        (409, "Error 1213 (40001): serialization failure: try restarting transaction", HubBusy),
        (409, "name taken", HubConflict),
        (422, "conflict", HubRefused),
        (500, "", HubRefused),
    ],
)
def test_a_failed_operation_is_a_no_unless_it_asks_to_start_again(status: int, detail: str, kind: type[HubError]) -> None:
    failed = Operation(kind="merge", state=OperationState.FAILED, status=status, detail=detail)
    assert type(wire.failure(WRITE, failed)) is kind


def test_an_ask_for_a_page_carries_its_token() -> None:
    assert dialect_v2.read("listPulls", "/p", auth=False, page="a+b=") == Request(
        operation="listPulls", method="GET", path="/p", query=(("page_token", "a+b="),), auth=False, public=True, reads=True
    )


@pytest.mark.parametrize(
    ("cell", "mean"),
    [
        ("0.9000000059604645", 0.9),
        ("0.949999988079071", 0.95),
        ("0.999999", 0.999999),
        ("1", 1.0),
        ("NaN", None),
        (None, None),
    ],
)
def test_an_average_of_floats_is_read_as_exactly_as_a_float_is(cell: str | None, mean: float | None) -> None:
    assert wire.read_tally(Row.of({"author": "a", "subject": "b", "confidence": cell})).confidence == mean
