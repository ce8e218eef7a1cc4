"""What an operator asks: the backlog, the doctor, and the audit of main, against the look-alike and a real Redis."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
import structlog
import structlog.testing
from click.testing import CliRunner, Result

from bot.__main__ import main
from bot.audit.incremental import audit_gains, audit_if_due
from bot.audit.rows import SINCE_STEPS, TABLES, audit_commons
from bot.converge.backlog import read_backlog
from bot.converge.bot import Bot
from bot.model.finding import Finding
from bot.model.kind import PullKind
from bot.model.snapshot import Snapshot
from bot.queue.threads import WorkerPool
from bot.store import QUEUES, KeptAudit
from bot.worker.jobs import look, sweep_and_audit
from bot.worker.reporter import Reporter
from sandbox.seed import wl_sql
from tests.build import a_hash
from tests.patience import STATE_WAIT_S
from tests.redis_process import RedisProcess
from tests.stores import condition_of, heartbeat_of
from tests.world import BOT, World

Run = Callable[..., Result]


@pytest.fixture
def run(world: World, world_redis: RedisProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line of an operator of the world's commons."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("STAMPBOT_") or n in ("REDIS_URL", "PORT", "NO_COLOR", "FORCE_COLOR")]:
        monkeypatch.delenv(name)
    environment = {
        "STAMPBOT_COMMONS": world.db.name,
        "STAMPBOT_HUB_URL": world.sandbox.base_url,
        "STAMPBOT_HUB_TOKEN": "token-bot",
        "STAMPBOT_WEBHOOK_SECRET": "nX3q-8vT_5wKzR1mYbLd0aJfHc",
        "REDIS_URL": world_redis.url,
        "COLUMNS": "260",
    }
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda *arguments, **more: CliRunner().invoke(main, arguments, env={**environment, **more})
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


# --- the backlog ----------------------------------------------------------------------------------------------------


def test_the_backlog_tells_what_waits_and_what_to_type(world: World, run: Run) -> None:
    ready = world.hand_in("pia", "polecat-7", "w-com-001")
    blocked = world.hand_in("otto", "brass-otter", "w-com-002", path="/gone-410")
    for pull in (ready, blocked):
        world.review(pull)
    unseen = world.hand_in("mallory", "slick-fox", "w-com-003")
    told = run("queue", "--json")
    assert told.exit_code == 0, told.output
    (backlog,) = json.loads(told.output)["backlogs"]
    assert (backlog["commons"], backlog["lacks"]) == (world.db.name, [])
    head = world.observe(ready).head or ""
    rows = [(w["pull"], w["verdict"], w["kind"], w["item"], w["rig"], w["type"]) for w in backlog["waiting"]]
    assert rows[0] == (ready, "READY", "work", "w-com-001", "polecat-7", f"/accept --at {head[:7]}.1 --quality Q --skills go")
    assert rows[1][:2] != (blocked, "READY")
    assert rows[2] == (unseen, None, None, None, None, "")
    assert [w["creator"] for w in backlog["waiting"]] == ["pia", "otto", "mallory"]
    assert all(w["opened_at"] for w in backlog["waiting"])
    assert [
        w["pull"] for w in json.loads(run("queue", world.db.name, "--ready", "--json").output)["backlogs"][0]["waiting"]
    ] == [ready]
    shown = run("queue").output
    assert f"{world.db.name}: Decide now (1)" in shown
    assert f"{world.db.name}: Not looked at yet (1)" in shown
    assert f"\n    /accept --at {head[:7]}.1 --quality Q --skills go\n" in run("digest").output
    assert json.loads(run("digest", "--json").output) == {"backlogs": [backlog]}
    line = run("queue", "--copy", str(ready)).output
    assert line == f"/accept --at {head[:7]}.1 --quality Q --skills go\n"
    nothing = run("queue", "--copy", str(unseen))
    assert (nothing.exit_code, "there is nothing to decide about pull" in nothing.output) == (1, True)
    mine = json.loads(run("queue", "--as", "ana", "--json").output)["backlogs"][0]["waiting"]
    assert [w["pull"] for w in mine] == [ready, blocked]
    others = json.loads(run("queue", "--as", "pia", "--json").output)["backlogs"][0]["waiting"]
    assert [w["pull"] for w in others] == [blocked], "pia has a rig that may decide, and not about her own work"
    page = f"https://dolthub.test/repositories/{world.db.name}/pulls/{ready}"
    for named in (str(ready), f"#{ready}", f"{world.db.name}#{ready}", page):
        assert run("review", named).exit_code == 0
    assert re.search(r" [0-9]{1,2} (second|minute)s? ", shown), "how long each pull has waited"


def test_a_contributor_checks_a_branch_before_there_is_a_pull(world: World, run: Run) -> None:
    branch, fork = "wl/polecat-7/w-com-001", world.fork_of("pia")
    world.push("pia", branch, *wl_sql.claim("w-com-001", "polecat-7"), *wl_sql.done("w-com-001", "polecat-7", "see the wiki"))
    found = run("check", fork, branch, STAMPBOT_HUB_TOKEN="")
    assert found.exit_code == 1
    assert "The evidence is not a link" in found.output
    assert ("/accept" in found.output, world.pulls()) == (False, [])
    assert json.loads(run("check", fork, branch, "--json").stdout)["verdict"] == "BLOCKED"
    world.push("pia", branch, f"UPDATE completions SET evidence = '{world.evidence}/ok'")
    assert run("check", fork, branch, "--on", world.db.name).exit_code == 0
    assert run("check", fork, "no-such-branch").exit_code == 3


def test_many_decisions_are_taken_from_a_file(world: World, run: Run, tmp_path: Path) -> None:
    first = world.hand_in("pia", "polecat-7", "w-com-001")
    second = world.hand_in("otto", "brass-otter", "w-com-002", path="/acme/relay/pull/9")
    for pull in (first, second):
        world.review(pull)
    file = tmp_path / "decisions.txt"
    file.write_text(f"# of today\n\n{first} /accept --quality 4\n#{second} /reject no tests\n", "utf-8")
    ask = ("decide", "--from", str(file))
    alone = run(*ask, STAMPBOT_HUB_TOKEN="token-ana")
    assert (alone.exit_code, "Nothing was done" in alone.output) == (2, True)
    assert "decisions" in run(*ask, "--yes", "--json", STAMPBOT_HUB_TOKEN="token-ana").stdout
    world.settle()
    assert [world.said(pull, "answer")[0].split(" · ")[0] for pull in (first, second)] == ["**ACCEPTED**", "**REJECTED**"]
    file.write_text(f"{first}\n", "utf-8")
    assert "line 1: " in run(*ask, STAMPBOT_HUB_TOKEN="token-ana").output
    assert run("decide", STAMPBOT_HUB_TOKEN="token-ana").exit_code == 2


def test_without_redis_or_without_dolthub_the_backlog_is_what_the_other_knows(world: World, run: Run) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.review(pull)
    no_redis = run("queue", "--json", REDIS_URL="redis://127.0.0.1:1/0")
    (alone,) = json.loads(no_redis.output)["backlogs"]
    assert (no_redis.exit_code, alone["lacks"]) == (
        3,
        ["Redis does not answer, so no verdicts are known: start it, or fix REDIS_URL"],
    )
    assert [(w["pull"], w["verdict"]) for w in alone["waiting"]] == [(pull, None)]
    no_hub = run("queue", "--json", STAMPBOT_HUB_URL="http://127.0.0.1:1")
    (alone,) = json.loads(no_hub.output)["backlogs"]
    assert no_hub.exit_code == 3
    assert "so this is what was known of them last" in alone["lacks"][0]
    assert [(w["pull"], w["verdict"]) for w in alone["waiting"]] == [(pull, "READY")]
    neither = run("queue", REDIS_URL="redis://127.0.0.1:1/0", STAMPBOT_HUB_URL="http://127.0.0.1:1")
    assert neither.exit_code == 3
    assert "DoltHub is busy or away" in neither.output


def test_an_empty_backlog_and_one_of_landings_alone_say_so(world: World, run: Run) -> None:
    assert run("queue").output == f"{world.db.name}: nothing waits\n"
    world.db.push("stampbot/x/y", "UPDATE wanted SET title = 't' WHERE id = 'w-com-001'", user="bot")
    world.db.open_pull(
        "stampbot: accept w-com-001 (pull 1, comment 2)", creator="bot", from_database=world.db.name, from_branch="stampbot/x/y"
    )
    assert read_backlog(world.deps.at(world.commons)).waiting == ()


@contextmanager
def full(client: redis.Redis) -> Iterator[None]:
    """No room for another key, and nothing may be thrown out."""
    client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        client.config_set("maxmemory", "0")


# --- the doctor -----------------------------------------------------------------------------------------------------


def seen(result: Result) -> dict[str, list[tuple[str, str]]]:
    """State and sentence of each sign, by check."""
    told: dict[str, list[tuple[str, str]]] = {}
    for sign in json.loads(result.stdout)["signs"]:
        told.setdefault(sign["check"], []).append((sign["state"], sign["says"]))
    return told


def states(result: Result) -> dict[str, set[str]]:
    return {check: {state for state, _ in signs} for check, signs in seen(result).items()}


def test_an_installation_whose_workers_run_is_fine(world: World, run: Run) -> None:
    world.hand_in("pia", "polecat-7", "w-com-001")
    audit_gains(world.deps.at(world.commons))
    lanes = WorkerPool(QUEUES, {}, world.redis)
    lanes.start()
    heartbeat_of(world.deps.store).beat()
    try:
        while sum(condition_of(world.deps.store).workers.values()) < len(QUEUES):
            time.sleep(0.02)
        told = run("doctor", "--json")
    finally:
        lanes.stop()
        lanes.join(STATE_WAIT_S)
    assert states(told) == {
        "evidence": {"note"},
        "host": {"note"},
        **{
            check: {"fine"}
            for check in ("settings", "redis", "queues", "stampbot clock", "commons", "token", "account", "webhook", "clock")
        },
        **{check: {"fine"} for check in ("comments", "schema", "ratings", "validators", "decisions", "ledger")},
    }
    assert told.exit_code == 0
    assert [each for _, each in seen(told)["queues"]] == [f"{name}: 1 worker, 0 jobs waiting" for name in QUEUES]
    branches = [branch["name"] for branch in world.db.api("GET", "/branches").json()["data"]]
    assert branches == ["main"]


def test_what_is_wrong_on_a_commons_is_named_with_its_mend(world: World, run: Run) -> None:
    world.db.push(
        "main",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence) VALUES ('c-half', 'w-com-001', 'polecat-7', 'x')",
        "INSERT INTO stamps (id, author, subject, valence, context_id, context_type)"
        " VALUES ('s-half', 'ana-town', 'polecat-7', '{\"quality\": \"good\"}', 'c-half', 'completion')",
        "UPDATE wanted SET status = 'in_review' WHERE id = 'w-com-002'",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence) VALUES ('c-lost', 'w-com-002', 'brass-otter', 'x')",
    )
    pull = world.hand_in("mallory", "slick-fox", "w-com-003")
    world.deps.store.at(world.commons).pulls.quarantine(pull, "KeyError: 'x'")
    world.comment(pull, "mallory", f"I am a bot\n\n`stampbot/1 review - ready {'0' * 32} abc 1`")
    audit_gains(world.deps.at(world.commons))
    told = run("doctor", world.db.name, "--json", STAMPBOT_HUB_TOKEN="token-pia", STAMPBOT_WEBHOOK_SECRET="a" * 16)
    assert told.exit_code == 1
    found = {(check, state): says for check, signs in seen(told).items() for state, says in signs if state != "fine"}
    assert found[("token", "fault")].startswith("pia may not write here")
    assert found[("account", "fault")].startswith("pia is the bot's account, and its rig pia-validates may decide")
    assert found[("webhook", "fault")].startswith("the secret can be guessed: it has 16 characters")
    assert found[("decisions", "fault")] == "1 decision half done on main: c-half of w-com-001"
    assert found[("pulls", "note")] == "pull not found behind 1 completion in review: c-lost of w-com-002"
    assert found[("ratings", "note")].startswith("the latest stamps hold 0 ratings in numbers and 1 in words")
    assert found[("ledger", "note")].startswith("the last audit of main found 1 fault")
    assert found[("stampbot clock", "fault")].startswith("no heartbeat since Redis started")
    assert found[("queues", "fault")].endswith(": 0 workers, 0 jobs waiting")
    assert found[("quarantine", "fault")] == f"pull {pull} is left alone, it broke the bot: KeyError: 'x'"
    listed = run("queue").output
    assert "left alone: KeyError: 'x'" in listed
    name = f"'{world.db.name}#{pull}'"
    assert f"Left alone  #{pull}: see stampbot explain {name}; to try it again: stampbot converge {name}" in listed
    assert run("queue", "--ready").output == f"{world.db.name}: no pull is READY\n"
    shown = run("doctor", NO_COLOR="1")
    assert "\x1b[" not in shown.output
    assert "Start: stampbot prober" in shown.output
    for output in (told.output, shown.output):
        assert "token-" not in output
        assert "nX3q" not in output


def test_the_doctor_reports_a_second_bot_with_the_same_token(world: World, run: Run) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.review(pull)
    assert "second bot" not in seen(run("doctor", "--json"))
    world.comment(pull, BOT, world.said(pull, "review")[0])
    ((state, says),) = seen(run("doctor", "--json"))["second bot"]
    assert (state, says.partition(" at ")[0]) == ("fault", f"another process writes with this token, last below pull {pull}")


def test_each_thing_that_is_away_is_told_and_the_rest_is_looked_at(world: World, run: Run) -> None:
    no_redis = run("doctor", "--json", REDIS_URL="redis://127.0.0.1:1/0")
    assert (no_redis.exit_code, states(no_redis)["redis"], states(no_redis)["schema"]) == (1, {"fault"}, {"fine"})
    with full(world.redis):
        assert seen(run("doctor", "--json"))["redis"] == [
            ("fault", "Redis is full: it has come to its maxmemory: no process can work")
        ]
    no_hub = run("doctor", "--json", STAMPBOT_HUB_URL="http://127.0.0.1:1")
    assert (states(no_hub)["commons"], states(no_hub)["redis"]) == ({"unknown"}, {"fine"})
    bad_token = run("doctor", "--json", STAMPBOT_HUB_TOKEN="nobodys")
    assert seen(bad_token)["token"][0][1].startswith("belongs to no account: ")
    nowhere = run("doctor", "no/such", "--json")
    assert [says for _, says in seen(nowhere)["commons"]] == ["there is no such database, or this token may not see it"]
    wrong = run("doctor", "--json", PORT="x", STAMPBOT_HUB_TOKEN="a b")
    assert (wrong.exit_code, [state for state, _ in seen(wrong)["settings"]]) == (1, ["fault", "fault"])
    older = run("doctor", "--json", STAMPBOT_HUB_URL=f"{world.sandbox.base_url}/lab", STAMPBOT_ACCOUNT="bot")
    assert seen(older)["comments"] == [("fault", "this host shows no comments to programs, so no command is seen")]
    assert {check: states(older)[check] for check in ("commons", "token", "clock", "schema")} == {
        check: {"fine"} for check in ("commons", "token", "clock", "schema")
    }
    reader = run("doctor", "--json", STAMPBOT_HUB_TOKEN="")
    assert seen(reader)["token"] == [("note", "no token: this bot only reads, it posts and decides nothing")]


# --- what an operator is told at night ----------------------------------------------------------------------------------


def test_waiting_for_workers_that_are_not_there_ends_and_says_so(world: World, run: Run) -> None:
    world.hand_in("pia", "polecat-7", "w-com-001")
    told = run("sweep", world.db.name, "--wait")
    assert told.exit_code == 3
    assert told.output.endswith("stampbot: no worker serves review, where jobs wait. Start: stampbot worker\n")


def test_a_rule_that_breaks_is_in_the_log_once_as_the_review_says(world: World) -> None:

    def breaks(_: Snapshot) -> Iterator[Finding]:
        raise KeyError("the rule's own fault")

    rules = world.deps.rules
    broken = replace(next(rule for rule in rules.rules if PullKind.WORK in rule.kinds), check=breaks)
    others = tuple(rule for rule in rules.rules if rule.name != broken.name)
    deps = replace(world.deps, rules=replace(rules, rules=(*others, broken)))
    pulls = [world.hand_in("pia", "polecat-7", "w-com-001"), world.hand_in("otto", "brass-otter", "w-com-002")]
    reporter = Reporter()
    with structlog.testing.capture_logs() as logged:
        for pull in pulls:
            look(deps.at(world.commons), pull, reporter)
    told = [line for line in logged if line["event"] == "a check broke while it ran"]
    assert [(line["rule"], line["pull"], line["log_level"]) for line in told] == [(broken.name, pulls[0], "error")]
    assert f"stampbot explain '{world.commons}#{pulls[0]}' --json" in told[0]["fix"]


# --- a wipe of Redis --------------------------------------------------------------------------------------------------


def test_a_wipe_of_redis_is_told_once_by_each_process_and_not_once_a_pull(world: World) -> None:
    world.policy = replace(world.policy, timing=replace(world.policy.timing, about_to_s=60))
    pulls = [world.hand_in("pia", "polecat-7", "w-com-001"), world.hand_in("otto", "brass-otter", "w-com-002")]
    for pull in pulls:
        world.review(pull)
        world.comment(pull, "ana", "/help")

    def told(deps: Bot) -> list[str]:
        with structlog.testing.capture_logs() as logged:
            for pull in pulls:
                look(deps.at(world.commons), pull, Reporter())
            sweep_and_audit(deps.at(world.commons), Reporter())
            look(deps.at(world.commons), pulls[0], Reporter())
        return [line["event"] for line in logged if "wiped" in str(line) and line["log_level"] != "debug"]

    one, other = world.bot(), world.bot()
    for each in (one, other):
        sweep_and_audit(each.at(world.commons), Reporter())
    world.redis.flushall()
    once = ["Redis was wiped: for a while nothing is said or decided, for what was just said may not be listed yet"]
    assert (told(one), told(other), told(one), told(other)) == (once, once, [], [])
    assert told(world.bot()) == once, "who came later is quiet as well, and says why"
    world.redis.flushall()
    assert (told(one), told(one)) == (once, [])
    assert [world.said(pull, "answer") for pull in pulls] == [[], []]


# --- the audit that goes along with sweeps ----------------------------------------------------------------------------


def found(world: World) -> list[tuple[str, str, str]]:
    return [(f.level.value, f.check, str(f.place)) for f in audit_gains(world.deps.at(world.commons)).audit.findings]


def test_what_main_gains_without_the_bot_is_found_once_and_told_until_it_is_mended(world: World) -> None:
    assert found(world) == []
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.review(pull)
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert found(world) == [], "what the bot itself brought is in order"
    said = world.said(pull)
    world.db.push(
        "main",
        "INSERT INTO stamps (id, author, subject, valence, context_id, context_type)"
        " VALUES ('s-kin', 'pia-validates', 'polecat-7', '{\"quality\": 5}', 'c-gone', 'completion')",
        "UPDATE wanted SET status = 'completed' WHERE id = 'w-com-003'",
    )
    first = audit_gains(world.deps.at(world.commons))
    assert first.new == first.audit.findings
    all_found = [
        ("fault", "orphan_stamp", "stamps.s-kin.context_id"),
        ("fault", "yearbook", "stamps.s-kin.author"),
        ("doubt", "not_by_the_bot", "stamps.s-kin"),
        ("note", "unstamped_item", "wanted.w-com-003.status"),
    ]
    assert found(world) == all_found
    # Another push: what was known is not new, what is mended is gone, and how a row came stays known.
    world.db.push("main", "UPDATE wanted SET status = 'open' WHERE id = 'w-com-003'")
    second = audit_gains(world.deps.at(world.commons))
    assert (second.new, second.audit.findings) == ((), first.audit.findings[:3])
    assert world.deps.store.at(world.commons).audits.get() == second.audit
    # Wiped, it is found anew, from the bot's own first statement on.
    world.redis.flushall()
    assert found(world) == all_found[:3]
    world.db.push("main", "DELETE FROM stamps WHERE id = 's-kin'")
    assert found(world) == []
    assert world.said(pull) == said, "nobody is told below a pull"


def test_a_sweep_ends_in_an_audit_once_in_a_while_and_its_trouble_is_no_sweeps(world: World) -> None:
    world.db.push(
        "main",
        "INSERT INTO stamps (id, author, subject, valence) VALUES ('s-1', 'ana-town', 'a fox\x1b[2J', '[1]')",
    )

    def swept() -> list[tuple[str, str]]:
        with structlog.testing.capture_logs() as logged:
            assert sweep_and_audit(world.deps.at(world.commons), Reporter()) == 0
        return [(line["log_level"], line["event"]) for line in logged]

    once = [("warning", "found on main"), ("warning", "found on main"), ("info", "audited")]
    assert swept() == once
    assert swept() == []
    again = world.deps.store.keys.at(world.commons).audit_turn()
    world.redis.delete(again)
    asked = len(world.asked)
    assert audit_if_due(world.deps.at(world.commons)) is not None
    assert len(world.asked) == asked + 1, "main where it was costs one look at its head"
    world.db.push("main", "UPDATE wanted SET title = 'x' WHERE id = 'w-com-003'")
    asked = len(world.asked)
    assert swept() == []
    reads = world.asked[asked:].count("runSqlReadQueryPost")
    world.redis.delete(again)
    world.db.push("main", "UPDATE wanted SET title = 'y' WHERE id = 'w-com-003'")
    # What the sweep itself reads is answered.
    world.db.play({"quirk": 5, "how": "503", "match": {"operation": "runSqlReadQueryPost"}, "after": reads})
    with structlog.testing.capture_logs() as logged:
        sweep_and_audit(world.deps.at(world.commons), Reporter())
    assert [line["event"] for line in logged] == ["main could not be audited; it is tried again later"]
    never = replace(world.policy, timing=replace(world.policy.timing, audit_s=0))
    world.redis.flushall()
    assert audit_if_due(replace(world.deps, policies={world.commons: never}).at(world.commons)) is None


def test_whoever_waits_for_an_audit_hears_what_is_read(world: World) -> None:
    heard: list[tuple[str, int]] = []
    audit_commons(world.deps.at(world.commons), told=lambda what, rows: heard.append((what, rows)))
    assert [what for what, _ in heard[::2]] == list(TABLES)
    assert dict(heard) == {"rigs": 6, "rig_links": 0, "wanted": 3, "completions": 0, "stamps": 0}
    heard.clear()
    audit_commons(world.deps.at(world.commons), since=world.deps.clock(), told=lambda what, rows: heard.append((what, rows)))
    assert tuple(dict.fromkeys(what for what, _ in heard)) == (*TABLES, *SINCE_STEPS)


def test_main_set_back_is_told_and_ends_no_audit(world: World) -> None:
    gone = KeptAudit(at=a_hash("gone"), audited_at=world.deps.clock(), findings=())
    world.deps.store.at(world.commons).audits.put(gone)
    assert audit_gains(world.deps.at(world.commons)).audit.unread == (
        f"main was set back, or is not known any more where the last audit saw it ({a_hash('gone')[:8]})",
    )
