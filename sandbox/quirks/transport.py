"""Quirks of the connection, of answers that are none, and of tokens."""

# ruff: noqa: ARG001 - every quirk has the same signature, so that a table can hold them

from __future__ import annotations

from dataclasses import replace

from sandbox.hub.exchange import Call, error_answer, html_not_found, text_answer
from sandbox.hub.faults import Params, Play
from sandbox.hub.state import Hub
from sandbox.quirks.register import READS, each, number_of, on_call, sql_error, word_of

# --- transport ---


@on_call(
    None,
    "status",
    "answers with this status instead of working",
    status=500,
    retry_after=0,
    detail="",
    body=("problem", "text", "html", "empty"),
)
def status(params: Params, call: Call, hub: Hub) -> Play:
    code, kind = number_of(params, "status"), params["body"]
    headers = (("Retry-After", str(params["retry_after"])),) if params["retry_after"] else ()
    detail = word_of(params, "detail")
    if kind == "problem":
        return Play(instead=replace(error_answer(call, code, detail, headers), status=code))
    text = {"text": detail or "upstream request timeout", "empty": "", "html": "<html><body>Bad gateway</body></html>"}
    content_type = "text/html; charset=utf-8" if kind == "html" else "text/plain; charset=utf-8"
    return Play(instead=replace(text_answer(code, text[str(kind)], content_type), headers=headers))


@on_call(None, "cut", "closes the connection without an answer; nothing happened")
def cut(params: Params, call: Call, hub: Hub) -> Play:
    return Play(cut="before")


@on_call(None, "latency", "waits before working", ms=1000)
def latency(params: Params, call: Call, hub: Hub) -> Play:
    return Play(latency_ms=number_of(params, "ms"))


@on_call(1, "redirect", "sends the caller to another host", location="https://elsewhere.example/", status=308)
def redirect(params: Params, call: Call, hub: Hub) -> Play:
    answer = text_answer(number_of(params, "status"), "")
    return Play(instead=replace(answer, headers=(("Location", word_of(params, "location")),)))


@on_call(
    3,
    "sql-trouble",
    "a good read answers 200 with a status that is not success",
    *READS,
    how=("error", "timeout", "not_workspace", "branch"),
    message="",
)
def sql_trouble(params: Params, call: Call, hub: Hub) -> Play:
    how = word_of(params, "how")
    text = (
        word_of(params, "message")
        or {
            "error": "query error: Error parsing SQL: syntax error at position 9 near 'heatdome'.",
            "timeout": "query error: query timed out",
            "not_workspace": "query error: this statement needs a workspace",
            "branch": "query error: branch not found: main",
        }[how]
    )
    return Play(instead=sql_error(call, text, "error" if how == "branch" else how))


@on_call(4, "not-json", "an answer that is no JSON", how=("html", "text", "empty"))
def not_json(params: Params, call: Call, hub: Hub) -> Play:
    answers = {"html": html_not_found(), "text": text_answer(504, "upstream request timeout"), "empty": text_answer(200, "")}
    return Play(instead=answers[word_of(params, "how")])


@on_call(
    5,
    "overload",
    "429 with Retry-After, 502, 503, or a connection that hangs and breaks",
    how=("429", "502", "503", "hang"),
    retry_after=1,
    hang_ms=1000,
)
def overload(params: Params, call: Call, hub: Hub) -> Play:
    how = word_of(params, "how")
    if how == "hang":
        return Play(latency_ms=number_of(params, "hang_ms"), cut="before")
    if how == "502":
        return Play(instead=text_answer(502, "<html><body>502 Bad Gateway</body></html>", "text/html"))
    headers = (("Retry-After", str(params["retry_after"])),) if how == "429" else ()
    return Play(instead=replace(error_answer(call, int(how), "", headers), status=int(how)))


@on_call(6, "no-such-repository", "says that a database is missing though it exists")
def no_such_repository(params: Params, call: Call, hub: Hub) -> Play:
    return Play(instead=error_answer(call, 404, "no such repository"))


@on_call(7, "growth", "unknown fields appear in every resource")
def growth(params: Params, call: Call, hub: Hub) -> Play:
    return each(lambda item: {**item, "added_later": {"by": ["nobody", None, 1.5]}})


@on_call(
    8,
    "hostile-text",
    "this text is added to every title, description and body",
    text="\x00\x1b[31m\u202e<script>alert(1)</script>'; DROP TABLE wanted; --",
    pad_bytes=0,
)
def hostiletext(params: Params, call: Call, hub: Hub) -> Play:
    extra = word_of(params, "text") + "x" * number_of(params, "pad_bytes")
    return each(lambda item: {k: f"{v}{extra}" if k in {"title", "description", "body"} else v for k, v in item.items()})


@on_call(None, "lost-answer", "the work is done, the connection breaks before the answer")
@on_call(22, "unknown-end", "the work is done (or not), and the caller never hears", how=("done", "not done"))
def unknown_end(params: Params, call: Call, hub: Hub) -> Play:
    return Play(cut="before" if params.get("how") == "not done" else "after")


# --- tokens ---


@on_call(11, "bad-token", "a token that is bad or has expired")
def bad_token(params: Params, call: Call, hub: Hub) -> Play:
    if call.user is None:
        return Play()
    return Play(instead=error_answer(call, 401, "invalid authorization" if call.api == "v1" else "invalid credentials"))


@on_call(12, "scoped-token", "a limited token is refused where no token would do", status=403)
def scoped_token(params: Params, call: Call, hub: Hub) -> Play:
    if call.user is None:
        return Play()
    return Play(instead=error_answer(call, number_of(params, "status"), "API token is not allowed to operate on this resource"))
