"""The door: who may ring, what a ring is, and what it does when Redis is away, frozen or back."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import signal
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog.testing
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.config.settings import CommonsSettings, Secret, Settings
from bot.model.finding import AuditFinding, Level, Place
from bot.model.ids import CommitHash, Commons, User
from bot.store import REVIEW, SWEEP, Contact, KeptAudit, Store, make_redis
from bot.web.app import HEADERS, create_app
from bot.web.bounded_worker import BODY_BYTES_MAX
from bot.web.webhook import LOOKS_LEAST, PURPOSE, limited_max, read_hook
from tests.patience import ends_within, until
from tests.redis_process import RedisProcess, private_redis
from tests.stores import a_store, heartbeat_of, jobs_of

HOP = Commons("hop", "wl-commons")
MESA = Commons("mesa", "wl-commons")
DOOR = "/hooks/dolthub/secret-of-the-hop-commons"
SETTINGS = Settings(
    commons=(
        CommonsSettings(commons=HOP, webhook_secret=Secret("secret-of-the-hop-commons")),
        CommonsSettings(commons=MESA, webhook_secret=Secret("secret-of-the-mesa-commons")),
        CommonsSettings(commons=Commons("no", "secret")),
    ),
    account=User("stampbot"),
)
COMMONS = tuple(each.commons for each in SETTINGS.commons)
REPOSITORY = {"owner": "hop", "name": "wl-commons"}
PULL = {"event_name": "pull_request", "repository": REPOSITORY, "pullID": "57", "sender": "alice", "action": "Opened"}


def scratch_at(server: RedisProcess) -> Store:
    return a_store(make_redis(server.url), now=lambda: datetime.now(UTC))


@pytest.fixture(scope="module")
def server() -> Iterator[RedisProcess]:
    with private_redis() as running:
        yield running


@pytest.fixture
def store(server: RedisProcess) -> Store:
    fresh = scratch_at(server)
    fresh.redis.flushall()
    return fresh


@pytest.fixture
def door(store: Store) -> FlaskClient:
    return create_app(SETTINGS, store).test_client()


def test_the_secret_before_opens_the_door_as_well_as_long_as_it_is_named(store: Store) -> None:
    old, other = "secret-of-the-year-before", "/hooks/dolthub/secret-of-the-mesa-commons"
    changing = replace(SETTINGS, commons=(replace(SETTINGS.commons[0], webhook_secret_old=Secret(old)), *SETTINGS.commons[1:]))
    both, one = (create_app(each, store).test_client() for each in (changing, SETTINGS))
    assert [post(both, PULL, path) for path in (DOOR, f"/hooks/dolthub/{old}", other)] == [202, 202, 404]
    assert [post(one, PULL, path) for path in (DOOR, f"/hooks/dolthub/{old}", other)] == [202, 404, 404]


def waiting(store: Store) -> dict[str, int]:
    return {queue: jobs for queue, jobs in jobs_of(store).waiting().items() if jobs}


def post(door: FlaskClient, body: object, path: str = DOOR, **more: Any) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return door.post(path, data=data, **more).status_code


def test_a_pull_event_is_one_knock_at_that_pull(door: FlaskClient, store: Store) -> None:
    assert [post(door, PULL) for _ in range(5)] == [202] * 5
    assert waiting(store) == {REVIEW: 1}
    (job,) = store.redis.lrange("rq:queue:review", 0, -1)
    data = store.redis.hgetall(f"rq:job:{job.decode()}")[b"data"]  # type: ignore[union-attr]
    assert isinstance(data, bytes)
    function, instance, args, kwargs = json.loads(zlib.decompress(data))
    assert (function, instance, args[:3], kwargs) == ("bot.worker.jobs.run", None, ["hop/wl-commons", 57, "review"], {})


def test_made_up_pulls_by_the_thousand_are_a_few_looks_and_a_sweep(door: FlaskClient, store: Store) -> None:
    with structlog.testing.capture_logs() as logged:
        assert {post(door, {**PULL, "pullID": str(number)}) for number in range(1, 1001)} == {202}
    assert waiting(store) == {REVIEW: LOOKS_LEAST, SWEEP: 1}
    assert len(store.redis.keys("*")) < 100
    assert [(line["event"], line["commons"]) for line in logged] == [
        ("more webhooks than looks: a sweep stands for them", "hop/wl-commons")
    ]
    text = door.get("/metrics").text
    assert 'stampbot_webhooks_total{outcome="queued"} 20.0' in text
    assert 'stampbot_webhooks_total{outcome="limited"} 980.0' in text


@pytest.mark.parametrize(("budget", "looks"), [(1, 20), (60, 20), (600, 200)])
def test_the_door_may_spend_a_fifth_of_the_budget(budget: int, looks: int) -> None:
    assert limited_max(budget) == looks


EVENTS: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({"repository": REPOSITORY, "pullID": 57}, {REVIEW: 1}),
    ({"repository": REPOSITORY, "pullID": " 57 "}, {REVIEW: 1}),
    ({**PULL, "action": "Merged.", "state": "?", "unknown": [1]}, {REVIEW: 1}),
    ({**PULL, "repository": {"owner": "Hop", "name": "WL-commons"}}, {REVIEW: 1}),
    ({"event_name": "push", "repository": REPOSITORY, "ref": "refs/heads/main", "head": None}, {SWEEP: 1}),
    ({"repository": REPOSITORY, "ref": "main"}, {SWEEP: 1}),
    ({"event_name": "push", "repository": REPOSITORY, "ref": "refs/heads/wl/alice/w-1"}, {}),
    ({"event_name": "branch\t", "repository": REPOSITORY, "branch": "x", "action": "Deleted branch"}, {SWEEP: 1}),
    ({"event_name": "branch", "repository": REPOSITORY, "branch": "x", "pullID": "not a number"}, {SWEEP: 1}),
    ({**PULL, "sender": "stampbot"}, {}),
    ({**PULL, "sender": None}, {REVIEW: 1}),
]


@pytest.mark.parametrize(("event", "queued"), EVENTS)
def test_each_kind_of_event_knocks_where_it_should(
    door: FlaskClient, store: Store, event: dict[str, Any], queued: dict[str, int]
) -> None:
    assert post(door, event) == 202
    assert waiting(store) == queued


@pytest.mark.parametrize(
    "example", json.loads((Path(__file__).parents[1] / "contract" / "webhooks.json").read_text())["examples"]
)
def test_every_documented_payload_is_taken(door: FlaskClient, example: dict[str, Any]) -> None:
    assert post(door, example) == 202


BAD: list[tuple[str, bytes, int]] = [
    ("empty", b"", 400),
    ("not JSON", b"<html>", 400),
    ("a list", b"[]", 400),
    ("a string", b'"x"', 400),
    ("null", b"null", 400),
    ("form data", b"a=b&c=d", 400),
    ("UTF-16", json.dumps(PULL).encode("utf-16"), 400),
    ("a byte order mark", b"\xef\xbb\xbf" + json.dumps(PULL).encode(), 400),
    ("bytes that are no UTF-8", b'{"repository": "\xff"}', 400),
    ("nested lists", b"[" * 20_000 + b"]" * 20_000, 400),
    ("nested objects in an unknown key", b'{"x":' * 10_000 + b"1" + b"}" * 10_000, 400),
    ("an integer of 5,000 digits", json.dumps(PULL).replace('"57"', "9" * 5000).encode(), 400),
    ("an integer of 20 digits", json.dumps({**PULL, "pullID": 10**20}).encode(), 400),
    ("a huge float", json.dumps(PULL).replace('"57"', "1e300").encode(), 400),
    ("a float", json.dumps(PULL).replace('"57"', "57.5").encode(), 400),
    ("NaN", json.dumps(PULL).replace('"57"', "NaN").encode(), 400),
    ("a lone surrogate", json.dumps({**PULL, "author": "\ud800"}).encode(), 400),
    ("a lone surrogate as a key", json.dumps({**PULL, "\udfff": 1}).encode(), 400),
    ("pull 0", json.dumps({**PULL, "pullID": "0"}).encode(), 400),
    ("pull -1", json.dumps({**PULL, "pullID": -1}).encode(), 400),
    ("pull true", json.dumps({**PULL, "pullID": True}).encode(), 400),
    ("Arabic digits", json.dumps({**PULL, "pullID": "٥٧"}).encode(), 400),
    ("a number with a path", json.dumps({**PULL, "pullID": "57/../1"}).encode(), 400),
    ("no pull", json.dumps({"event_name": "pull_request", "repository": REPOSITORY}).encode(), 400),
    ("an unknown event", json.dumps({**PULL, "event_name": "star"}).encode(), 400),
    ("an event name that is no text", json.dumps({**PULL, "event_name": ["push"]}).encode(), 400),
    ("no repository", json.dumps({"pullID": "57"}).encode(), 400),
    ("a repository that is text", json.dumps({"pullID": "57", "repository": "hop/wl-commons"}).encode(), 400),
    ("an endless owner", json.dumps({**PULL, "repository": {"owner": "h" * 999, "name": "n"}}).encode(), 400),
    ("another commons", json.dumps({**PULL, "repository": {"owner": "evil", "name": "wl-commons"}}).encode(), 422),
    (
        "a commons with another secret",
        json.dumps({**PULL, "repository": {"owner": "mesa", "name": "wl-commons"}}).encode(),
        404,
    ),
    ("64 KiB and a byte", b" " * (BODY_BYTES_MAX + 1), 413),
]


@pytest.mark.parametrize(("body", "status"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_body_that_cannot_be_meant_is_refused_and_queues_nothing(
    door: FlaskClient, store: Store, body: bytes, status: int
) -> None:
    assert post(door, body) == status
    assert waiting(store) == {}
    assert post(door, PULL) == 202


def test_a_body_that_fills_its_64_kib_is_taken(door: FlaskClient) -> None:
    text = json.dumps(PULL)
    assert post(door, (text + " " * (BODY_BYTES_MAX - len(text))).encode()) == 202


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
def test_a_packed_body_is_refused(door: FlaskClient, store: Store, encoding: str) -> None:
    assert post(door, PULL, headers={"Content-Encoding": encoding}) == 415
    assert waiting(store) == {}


@pytest.mark.parametrize(
    "secret", ["wrong", "secret-of-the-hop-common", "secret-of-the-hop-commonsx", "%00", "ünï", "x" * 5000]
)
def test_a_wrong_secret_is_told_from_nothing_else_that_is_not_there(door: FlaskClient, store: Store, secret: str) -> None:
    wrong, nowhere = door.post(f"/hooks/dolthub/{secret}", json=PULL), door.post("/nowhere", json=PULL)
    assert (wrong.status_code, wrong.data, sorted(wrong.headers)) == (404, nowhere.data, sorted(nowhere.headers))
    assert waiting(store) == {}


def test_a_slash_behind_the_secret_makes_no_other_address(door: FlaskClient, store: Store) -> None:
    assert post(door, PULL, DOOR + "/") == 202
    assert waiting(store) == {REVIEW: 1}
    assert (post(door, PULL, DOOR + "//"), post(door, PULL, DOOR + "/x")) == (404, 404)


@pytest.mark.parametrize("path", [DOOR, DOOR + "/"])
def test_a_person_who_opens_the_address_of_the_webhook_reads_what_it_is_for(door: FlaskClient, store: Store, path: str) -> None:
    shown = door.get(path)
    assert (shown.status_code, shown.text, shown.content_type) == (200, f"{PURPOSE}\n", "text/plain; charset=utf-8")
    assert [shown.headers[name] for name, _ in HEADERS] == [value for _, value in HEADERS]
    assert waiting(store) == {}


@pytest.mark.parametrize("path", ["/hooks/dolthub/", "/hooks/dolthub/wrong", "/hooks/dolthub", DOOR + "//"])
def test_a_person_with_a_wrong_secret_reads_nothing(door: FlaskClient, path: str) -> None:
    wrong, nowhere = door.get(path), door.get("/nowhere")
    assert (wrong.status_code, wrong.data, sorted(wrong.headers)) == (404, nowhere.data, sorted(nowhere.headers))


@pytest.mark.parametrize("path", [DOOR, "/hooks/dolthub/wrong"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
def test_another_method_at_the_webhook_is_a_path_that_is_not_there(door: FlaskClient, method: str, path: str) -> None:
    asked, nowhere = door.open(path, method=method), door.get("/nowhere")
    assert (asked.status_code, asked.data, sorted(asked.headers)) == (404, nowhere.data, sorted(nowhere.headers))


def test_a_commons_without_a_secret_has_no_door(door: FlaskClient) -> None:
    body = {**PULL, "repository": {"owner": "no", "name": "secret"}}
    assert post(door, body, "/hooks/dolthub/") == 404
    assert post(door, body) == 404


SCHEMA = json.loads((Path(__file__).parents[2] / "bot" / "config" / "webhooks.schema.json").read_text())
FORMS = {
    kind: Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{kind}"})
    for kind in ("pull_request", "push", "branch")
}
NAMES = st.sampled_from(["hop", "", "h" * 255, "h" * 256, 7, None])
BRANCHES = st.sampled_from(["main", "refs/heads/main", "", "x" * 1024, "x" * 1025, 7, None])
NUMBERS = st.sampled_from(
    ["57", " 57\t", "0", "057", "9" * 10, "9" * 11, " " * 30 + "1", 57, 57.0, 57.5, 0, 10**10, True, None, "٥"]
)
EVENTS_OF_ANY_SHAPE = st.fixed_dictionaries(
    {},
    optional={
        "event_name": st.sampled_from(["push", "pull_request", "branch", "branch\t", " push", "star", "", 7, None]),
        "repository": st.fixed_dictionaries({}, optional={"owner": NAMES, "name": NAMES}) | st.none() | st.just("hop/wl"),
        "sender": NAMES,
        "pullID": NUMBERS,
        "ref": BRANCHES,
        "branch": BRANCHES,
    },
)


@given(EVENTS_OF_ANY_SHAPE | st.lists(EVENTS_OF_ANY_SHAPE))
def test_what_is_read_fits_the_schema_and_what_fits_the_schema_is_read(event: object) -> None:
    """An event has to fit the form that it names, or else the form that its keys show."""
    kind = named_kind(event)
    form = FORMS[kind] if kind else None
    try:
        read_hook(json.dumps(event).encode())
        taken = True
    except ValueError:
        taken = False
    assert taken == (form is not None and form.is_valid(event))


def named_kind(event: object) -> str | None:
    if not isinstance(event, dict):
        return None
    if event.get("event_name") is not None:
        said = str(event["event_name"]).strip()
        return said if said in ("pull_request", "push", "branch") else None
    return next(
        (kind for key, kind in (("pullID", "pull_request"), ("ref", "push"), ("branch", "branch")) if key in event), None
    )


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_bytes_break_the_door(door: FlaskClient, body: bytes) -> None:
    assert 400 <= post(door, body) < 500


HEX = hmac.new(b"key", json.dumps(PULL).encode(), "sha256").hexdigest()


@pytest.mark.parametrize(
    ("scheme", "header", "status"),
    [
        ("hmac-sha256", HEX, 202),
        ("hmac-sha256", f"sha256={HEX.upper()}", 202),
        ("hmac-sha256", base64.b64encode(bytes.fromhex(HEX)).decode(), 202),
        ("hmac-sha256", HEX[:-1] + ("0" if HEX[-1] != "0" else "1"), 404),
        ("hmac-sha256", "key", 404),
        ("hmac-sha256", "", 404),
        ("plain", "key", 202),
        ("plain", "kez", 404),
        ("plain", None, 404),
    ],
)
def test_a_header_the_operator_named_is_checked_too(
    store: Store, scheme: Literal["hmac-sha256", "plain"], header: str | None, status: int
) -> None:
    sealed = replace(SETTINGS, webhook_header="X-Seal", webhook_scheme=scheme, webhook_key=Secret("key"))
    door = create_app(sealed, store).test_client()
    headers = {"X-Seal": header} if header is not None else {}
    assert post(door, PULL, headers=headers) == status
    assert waiting(store) == ({REVIEW: 1} if status == 202 else {})


def test_redis_away_is_503_within_a_second_and_heals_by_itself() -> None:
    with private_redis() as server:
        store = scratch_at(server)
        door = create_app(SETTINGS, store).test_client()
        assert post(door, PULL) == 202
        server.kill()
        with ends_within(1.0):
            answer = door.post(DOOR, json={**PULL, "pullID": "58"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert door.get("/readyz").status_code == 503
        assert door.get("/healthz").status_code == 200
        assert b"stampbot_redis_up 0.0" in door.get("/metrics").data
        server.start()
        until(lambda: post(door, PULL) == 202)
        assert door.get("/readyz").status_code == 200


@pytest.mark.parametrize("warm", [True, False])
def test_a_frozen_redis_is_503_within_two_seconds(warm: bool) -> None:
    with private_redis() as server:
        pid = frozen_pid(server)
        door = create_app(SETTINGS, scratch_at(server)).test_client()
        if warm:
            assert post(door, {**PULL, "pullID": "1"}) == 202
        os.kill(pid, signal.SIGSTOP)
        try:
            with ends_within(2.0):
                assert post(door, PULL) == 503
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: post(door, PULL) == 202)


def frozen_pid(server: RedisProcess) -> int:
    return int(scratch_at(server).redis.info("server")["process_id"])


def test_metrics_tell_what_the_last_audit_of_each_commons_found(door: FlaskClient, store: Store) -> None:
    assert "stampbot_audit_findings{" not in door.get("/metrics").data.decode()
    found = AuditFinding(check="yearbook", level=Level.FAULT, place=Place("stamps", "s-1"), says="x")
    audit = KeptAudit(at=CommitHash("0" * 32), audited_at=datetime.now(UTC), findings=(found, found), unread=("y",))
    store.at(HOP).audits.put(audit)
    assert store.at(HOP).audits.get() == audit
    text = door.get("/metrics").data.decode()
    assert 'stampbot_audit_findings{commons="hop/wl-commons",level="fault"} 2.0' in text
    assert 'stampbot_audit_findings{commons="hop/wl-commons",level="doubt"} 0.0' in text
    assert 'stampbot_audit_findings{commons="mesa' not in text


def test_readiness_names_what_is_wrong_behind_the_door_and_stays_open(door: FlaskClient, store: Store) -> None:
    answer = door.get("/readyz")
    assert (answer.status_code, answer.text) == (
        200,
        "ready\n"
        + "".join(f"{each}: was not read since Redis started or was wiped. Start: stampbot worker\n" for each in COMMONS)
        + "stampbot clock: no heartbeat since Redis started or was wiped: comments and new commits go unnoticed. "
        "Start: stampbot clock\n",
    )
    text = door.get("/metrics").text
    assert "stampbot_clock_silent_seconds +Inf" in text
    heartbeat_of(store).beat()
    for each, account in zip(COMMONS, (User("stampbot"), None, User("stampbot")), strict=True):
        store.at(each).contacts.note_read(account)
    store.at(MESA).outages.met("the token", "401 UNAUTHENTICATED")
    ready, hop, mesa, outage, other = door.get("/readyz").text.splitlines()
    assert (ready, re.sub(r"\d+ s", "N s", hop)) == ("ready", "hop/wl-commons: was last read N s ago, as stampbot.")
    assert re.sub(r"\d+ s", "N s", mesa) == "mesa/wl-commons: was last read N s ago, without a token: this bot only reads."
    assert outage.startswith("mesa/wl-commons: trouble with the token since ")
    assert "401 UNAUTHENTICATED" in outage
    assert re.sub(r"\d+ s", "N s", other) == "no/secret: was last read N s ago, as stampbot."


def test_it_is_noted_when_a_webhook_made_a_job(door: FlaskClient, store: Store) -> None:
    before = datetime.now(UTC)
    assert store.at(HOP).contacts.get() == Contact()
    assert post(door, PULL) == 202
    came = store.at(HOP).contacts.get().webhook_at
    assert came is not None
    assert before <= came <= datetime.now(UTC)
    assert store.at(MESA).contacts.get() == Contact()


def test_a_clock_is_missed_by_the_time_it_was_heard_last(store: Store) -> None:
    heartbeat_of(store).beat()
    left_s = int(store.redis.ttl(store.keys.heartbeat()))
    store.redis.expire(store.keys.heartbeat(), left_s - 600)
    assert heartbeat_of(store).silent_s() == pytest.approx(600, abs=2)
    nobody = a_store(make_redis("redis://127.0.0.1:1/0"), now=lambda: datetime.now(UTC))
    assert heartbeat_of(nobody).silent_s() is None


def test_metrics_count_what_came_and_what_waits(door: FlaskClient) -> None:
    post(door, PULL)
    post(door, b"x")
    text = door.get("/metrics").data.decode()
    assert 'stampbot_webhooks_total{outcome="queued"} 1.0' in text
    assert 'stampbot_webhooks_total{outcome="malformed"} 1.0' in text
    assert 'stampbot_jobs_waiting{queue="review"} 1.0' in text
    assert "stampbot_redis_up 1.0" in text


def test_every_answer_is_hardened(door: FlaskClient) -> None:
    for path in ("/healthz", "/nowhere", "/metrics"):
        headers = door.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_schema_of_the_door_is_a_schema() -> None:
    schema = json.loads((Path(__file__).parents[2] / "bot" / "config" / "webhooks.schema.json").read_text())
    Draft202012Validator.check_schema(schema)


def test_importing_the_door_opens_no_socket_and_reads_no_settings() -> None:
    code = (
        "import socket, os\n"
        "class Never:\n"
        "    def __init__(self, *a, **k): raise SystemExit('a socket')\n"
        "socket.socket.connect = Never\n"
        "import bot.web.app, bot.worker.jobs, bot.clock.clock, bot.config.settings, bot.log\n"
    )
    assert subprocess.run([os.sys.executable, "-c", code], env={"PATH": ""}, check=False).returncode == 0  # type: ignore[attr-defined]
