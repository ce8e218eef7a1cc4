"""The command line: exit statuses, one sentence for each trouble, JSON that holds the facts, nothing that moves a cursor."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import structlog
from click.testing import CliRunner, Result

from bot import terminal
from bot.__main__ import commands as all_commands
from bot.__main__ import main
from bot.commands import catalog as commands
from bot.config.settings import read
from bot.dolthub.budget.rate_limiter import RateLimiter, Urgency
from bot.model.ids import Handle, User
from bot.model.policy import Decisions, Policy, Validator
from bot.rulebook import catalog as rules
from tests.patience import STATE_WAIT_S
from tests.redis_process import private_redis
from tests.sandbox_process import SandboxProcess

COMMONS = "hop/wl-commons"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of whoever runs the tests, and logging as it was."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("STAMPBOT_") or n in ("REDIS_URL", "PORT", "NO_COLOR", "FORCE_COLOR")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env=dict(env or {}))


def test_help_names_every_command_and_shows_examples() -> None:
    said = run("--help").output
    for name in all_commands():
        assert name in said
        told = run(name, "--help")
        assert told.exit_code == 0
        assert len(told.output.splitlines()) > 4
    assert "stampbot demo" in said
    assert "stampbot explain 'hop/wl-commons#12'" in said


def test_version_is_told() -> None:
    assert run("--version").output.startswith("stampbot, version ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("review",),
        ("review", "hop/wl-commons"),
        ("review", "hop/wl-commons#0"),
        ("review", "hop/wl-commons#1x"),
        ("review", "hop#1"),
        ("explain", "#1"),
        ("sweep", "hop"),
        ("probe", "https://example.org/", "--allow", "nonsense"),
        ("demo", "--port", "70000"),
    ],
)
def test_wrong_use_is_2_and_says_what_is_right(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.output


@pytest.mark.parametrize("process", ["web", "worker", "prober", "clock"])
def test_a_process_without_settings_names_every_problem_and_ends_with_2(process: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", process],
        env={"PATH": os.environ["PATH"], "REDIS_URL": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
        timeout=STATE_WAIT_S,
    )
    assert done.returncode == 2
    assert "STAMPBOT_COMMONS: is not set" in done.stderr
    assert "REDIS_URL: is not a Redis address" in done.stderr


def test_levels_of_a_rule_that_is_not_there_are_a_problem_with_the_settings(tmp_path: Path) -> None:
    (tmp_path / "stampbot.toml").write_text('[levels]\nno_such_rule = "off"\n')
    result = run("review", f"{COMMONS}#1", env={"STAMPBOT_HUB_URL": "http://127.0.0.1:1"})
    assert result.exit_code == 2
    assert "there is no rule no_such_rule" in result.output


def test_the_catalogues_are_printed_for_people_and_machines() -> None:
    listed = json.loads(run("rules", "--json").output)
    assert [(r["name"], r["level"], r["title"]) for r in listed] == [
        (r.name, r.level.value, r.title) for r in rules.find().rules
    ]
    known = json.loads(run("commands", "--json").output)
    assert [(c["name"], c["title"]) for c in known] == [(c.name, c.title) for c in commands.find().commands]
    wide = {"COLUMNS": "200"}
    assert all(r.name in run("rules", env=wide).output for r in rules.find().rules)
    assert all(f"/{c.name}" in run("commands", env=wide).output for c in commands.find().commands)


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/gone": 404, "/busy": 503}.get(self.path, 200)
        body = b"<title>A \x1b[2J page</title>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "allow", "status", "seen"),
    [
        ("/", True, 0, "reachable"),
        ("/gone", True, 1, "dead"),
        ("/busy", True, 3, "unknown"),
        ("/", False, 1, "blocked"),
    ],
)
def test_probe_tells_what_it_saw_and_its_status_says_it_too(page: str, path: str, allow: bool, status: int, seen: str) -> None:
    options = ("--allow", "127.0.0.0/8") if allow else ()
    told = run("probe", page + path, *options, "--json")
    assert (told.exit_code, json.loads(told.output)["seen"]) == (status, seen)
    shown = run("probe", page + path, *options)
    assert shown.exit_code == status
    assert seen in shown.output
    assert "\x1b[2J" not in shown.output


def test_a_hub_that_is_away_is_one_sentence_and_3() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        env = {"STAMPBOT_HUB_URL": f"http://127.0.0.1:{taken.getsockname()[1]}", "REDIS_URL": "unix:///no/such.sock"}
        result = run("review", f"{COMMONS}#1", env=env)
    assert result.exit_code == 3
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("stampbot: DoltHub is busy or away")
    assert "Traceback" not in result.output


# --- against the look-alike -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wasteland(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], list[dict[str, Any]]]]:
    """Environment of a bot on the seeded commons, and what the seed says of its pulls."""
    # All that is run here shares one budget, as all processes of a bot do.
    policy = tmp_path_factory.mktemp("policy") / "stampbot.toml"
    policy.write_text("requests_per_minute = 100000\n", "utf-8")
    with SandboxProcess.start("--seed", "demo") as sandbox, private_redis() as redis:
        environment = {
            "STAMPBOT_COMMONS": COMMONS,
            "STAMPBOT_HUB_URL": sandbox.base_url,
            "STAMPBOT_HUB_TOKEN": "token-stampbot",
            "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8",
            "STAMPBOT_CONFIG": str(policy),
            "REDIS_URL": redis.url,
        }
        yield environment, sandbox.ready["seed"]["pulls"]


Wasteland = tuple[dict[str, str], list[dict[str, Any]]]


@pytest.mark.slow
def test_explain_knows_the_kind_of_each_seeded_pull(wasteland: Wasteland) -> None:
    environment, pulls = wasteland
    told = {p["slug"]: json.loads(run("explain", f"{COMMONS}#{p['number']}", "--json", env=environment).output) for p in pulls}
    assert {slug: fact["kind"] for slug, fact in told.items()} == {p["slug"]: p["kind"].lower() for p in pulls}
    assert set(told["impostor"]) >= {"verdict", "findings", "plan", "crashes", "passed", "waits"}
    assert told["impostor"]["verdict"] == "BLOCKED"
    assert not any(fact["crashes"] for fact in told.values())


def test_explaining_a_comment_says_what_it_would_do_and_does_nothing(wasteland: Wasteland) -> None:
    environment, _ = wasteland
    asked = ("explain", f"{COMMONS}#7", "--as", "mallory: /help", "--json")
    before, after = json.loads(run(*asked, env=environment).output), json.loads(run(*asked, env=environment).output)
    assert [step["step"] for step in before["plan"]] == [step["step"] for step in after["plan"]]
    assert run("explain", f"{COMMONS}#7", "--as", "no colon", env=environment).exit_code == 2


def test_review_prints_the_comment_and_posts_nothing(wasteland: Wasteland) -> None:
    environment, pulls = wasteland
    number = next(p["number"] for p in pulls if p["slug"] == "hijack")
    before, shown, after = (
        run("review", f"{COMMONS}#{number}", *more, env=environment) for more in (("--json",), (), ("--json",))
    )
    assert (before.exit_code, shown.exit_code, after.exit_code) == (1, 1, 1)
    assert "BLOCKED" in shown.output.splitlines()[0]
    # A review names times: between two runs a minute may end, but not twice.
    assert any(terminal.lines(json.loads(each.output)["body"]) in shown.output for each in (before, after))
    plan = json.loads(run("explain", f"{COMMONS}#{number}", "--json", env=environment).output)["plan"]
    assert [step["step"] for step in plan] == ["post review"]


def test_converge_does_what_is_due_and_then_nothing_is(wasteland: Wasteland) -> None:
    environment, pulls = wasteland
    number = next(p["number"] for p in pulls if p["slug"] == "registration")
    first = json.loads(run("converge", f"{COMMONS}#{number}", "--json", env=environment).output)
    second = run("converge", f"{COMMONS}#{number}", env=environment)
    assert [step["step"] for step in first["done"]] == ["post review"]
    assert (second.exit_code, second.output) == (0, "nothing is due\n")


def test_sweep_knocks_at_every_open_pull_of_a_fresh_commons_and_at_each_once(wasteland: Wasteland) -> None:
    environment, pulls = wasteland
    knocked = [json.loads(run("sweep", COMMONS, "--json", env=environment).output)["knocked"][COMMONS] for _ in range(2)]
    assert len(pulls) - 4 <= knocked[0] <= len(pulls)
    assert knocked[1] == 0


def test_a_pull_that_is_not_there_is_3(wasteland: Wasteland) -> None:
    environment, _ = wasteland
    result = run("explain", f"{COMMONS}#999", env=environment)
    assert result.exit_code == 3
    assert "There is no such pull" in result.output


def test_a_refused_token_is_3_and_never_shown(wasteland: Wasteland) -> None:
    environment, _ = wasteland
    result = run("explain", f"{COMMONS}#1", env={**environment, "STAMPBOT_HUB_TOKEN": "canary-token"})
    assert result.exit_code == 3
    assert "STAMPBOT_HUB_TOKEN" in result.output
    assert "canary-token" not in result.output


@pytest.mark.parametrize("arguments", [("doctor",), ("queue",), ("review", f"{COMMONS}#7"), ("explain", f"{COMMONS}#7")])
def test_what_a_person_waits_for_comes_before_reviews(
    wasteland: Wasteland, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    draw, drawn = RateLimiter._draw, set()

    def noted(self: RateLimiter, how: Urgency, waited_s: float) -> tuple[bool, float, bool]:
        drawn.add(how)
        return draw(self, how, waited_s)

    monkeypatch.setattr(RateLimiter, "_draw", noted)
    run(*arguments, env=wasteland[0])
    assert drawn == {Urgency.DECIDE}


def test_doctor_shows_what_is_worst_first(wasteland: Wasteland) -> None:
    shown = run("doctor", env={**wasteland[0], "COLUMNS": "300", "STAMPBOT_HUB_TOKEN": "token-nobody-has"})
    states = re.findall(r"^│ (fault|unknown|note|fine) ", shown.output, re.MULTILINE)
    assert len(states) > 5
    assert states == sorted(states, key=("fault", "unknown", "note", "fine").index)
    assert shown.exit_code == 1


FIRST_ANSWERS = ("--commons", COMMONS, "--validators", "bo,ana=ana-town", "--redis-url", "")


def test_the_files_that_init_writes_are_the_settings_of_a_bot_that_only_watches(wasteland: Wasteland, tmp_path: Path) -> None:
    environment, _ = wasteland
    hub, token = environment["STAMPBOT_HUB_URL"], tmp_path / "token"
    token.write_text("token-stampbot\n", "utf-8")
    given = (*FIRST_ANSWERS, "--hub-url", hub, "--token-file", str(token), "--directory", str(tmp_path / "bot"))
    made = run("init", *given, "--public-url", "https://bot.example.org")
    assert made.exit_code == 0, made.output
    written = tmp_path / "bot" / "stampbot.env"
    assert {path.name: path.stat().st_mode & 0o777 for path in written.parent.iterdir()} == {
        "stampbot.env": 0o600,
        "stampbot.toml": 0o644,
    }
    settings = read(dict(line.split("=", 1) for line in written.read_text("utf-8").splitlines() if not line.startswith("#")))
    (commons,) = settings.commons
    assert (str(commons.commons), settings.hub_url, settings.account) == (COMMONS, hub, "stampbot")
    assert commons.policy == Policy(
        validators=(Validator(User("bo")), Validator(User("ana"), Handle("ana-town"))), decisions=Decisions.WATCH
    )
    assert f"https://bot.example.org/hooks/dolthub/{commons.webhook_secret.reveal()}\n" in made.output
    again = run("init", *given, "--public-url", "")
    assert (again.exit_code, written.name in again.output or "stampbot.toml" in again.output) == (2, True)


def test_init_writes_no_file_where_dolthub_refuses_what_was_given(wasteland: Wasteland, tmp_path: Path) -> None:
    environment, _ = wasteland
    where = ("--hub-url", environment["STAMPBOT_HUB_URL"], "--public-url", "", "--directory", str(tmp_path / "bot"))
    told = {}
    for wrong, commons, token in (("token", COMMONS, "token-nobody-has"), ("commons", "hop/no-such", "token-stampbot")):
        (tmp_path / "token").write_text(token, "utf-8")
        answers = ("--commons", commons, *FIRST_ANSWERS[2:], "--token-file", str(tmp_path / "token"))
        made = run("init", *answers, *where)
        told[wrong] = (made.exit_code, f"{wrong}: fault" in made.output, (tmp_path / "bot").exists(), token in made.output)
    assert told == {"token": (1, True, False, False), "commons": (1, True, False, False)}


def test_init_asks_again_for_what_cannot_be_used_and_names_the_option_where_no_answer_comes(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token", "utf-8")
    made = CliRunner().invoke(main, ("init", "--token-file", "token"), input="hop\nhop/wl-commons\nftp://x\n")
    assert made.exit_code == 2
    assert made.output.count("The commons to serve") == 2
    assert made.stderr.endswith("Answer the question, or name it with --hub-url.\n")


def test_no_color_is_respected(wasteland: Wasteland) -> None:
    environment, _ = wasteland
    coloured = {**environment, "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    with_colour = run("explain", f"{COMMONS}#7", env=coloured).output
    without = run("explain", f"{COMMONS}#7", env={**coloured, "NO_COLOR": "1"}).output
    assert "\x1b[1;31m" in with_colour
    assert ";31m" not in without
    assert "\x1b[31m" not in without


# --- the keys of --json are API ---------------------------------------------------------------------------------------


def keys(value: object, above: str = "") -> set[str]:
    """The key of every object inside a JSON value, with its path: `plan[].step`. Keys of `cells` and `guard` are columns."""
    if isinstance(value, list):
        return set().union(*(keys(each, f"{above}[]") for each in value))
    if not isinstance(value, dict):
        return set()
    found = {f"{above}.{name}".lstrip(".") for name in value}
    return found.union(*(keys(inner, f"{above}.{name}") for name, inner in value.items() if name not in ("cells", "guard")))


@pytest.fixture(scope="module")
def other_redis() -> Iterator[str]:
    """Address of a Redis in which no other test has swept."""
    with private_redis() as redis:
        yield redis.url


PULL = frozenset(
    ("commons", "pull", "title", "state", "head", "kind", "form", "item", "verdict", "waiting_for", "crashes", "passed")
) | {"findings", *(f"findings[].{name}" for name in ("rule", "level", "place", "says", "remedy")), "plan", "waits", "look_at"}
REVIEW_STEP = ("step", "head", "digest", "body")
RULE = ("name", "level", "label", "asks", "title", "doc", "kinds", "fixed", "softens_after_merge", "overridable")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("review", f"{COMMONS}#13"), PULL | {"body", *(f"plan[].{name}" for name in REVIEW_STEP)}),
        (("explain", f"{COMMONS}#13"), PULL | {f"plan[].{name}" for name in REVIEW_STEP}),
        (
            ("converge", f"{COMMONS}#15"),
            {"commons", "pull", "verdict", "done", "waiting", "next_look_at", "stopped"}
            | {f"done[].{name}" for name in REVIEW_STEP},
        ),
        (("decide", f"{COMMONS}#16", "/reject no"), {"commons", "pull", "by", "command", "comment", "outcome", "says"}),
        (("sweep",), {"knocked", f"knocked.{COMMONS}"}),
        (
            ("queue",),
            {"backlogs", "backlogs[].commons", "backlogs[].waiting", "backlogs[].lacks"}
            | {f"backlogs[].waiting[].{name}" for name in ("pull", "verdict", "kind", "item", "rig", "creator", "title")}
            | {
                f"backlogs[].waiting[].{name}"
                for name in ("evidence", "opened_at", "judged_at", "reason", "free", "type", "quarantined")
            },
        ),
        (
            ("audit",),
            {"audits", *(f"audits[].{name}" for name in ("commons", "at", "since", "findings", "unread"))}
            | {f"audits[].findings[].{name}" for name in ("check", "level", "place", "says", "rows")}
            | {"audits[].findings[].rows[].table", "audits[].findings[].rows[].key"},
        ),
        (
            ("revert", "STAMP", "--plan"),
            {"commons", "at", "check", "writes", "statements"}
            | {f"writes[].{name}" for name in ("table", "key", "write", "cells", "guard", "touch")},
        ),
        (("doctor",), {"status", "signs", *(f"signs[].{name}" for name in ("check", "commons", "state", "says", "fix"))}),
        (
            ("probe", "HUB"),
            {
                "url",
                "seen",
                "reason",
                "probed_at",
                "status",
                "content_type",
                "title",
                "sha256",
                "key",
                "kind",
                "label",
                "final_url",
            }
            | {"hops", *(f"hops[].{name}" for name in ("url", "address", "status", "note"))}
            | {"misses", "since", "good_at", "facts"},
        ),
        (("rules",), {f"[].{name}" for name in RULE}),
        (
            ("rules", "--explain", "evidence_is_alive"),
            {*RULE, "sources", "waits_for", "how_to_fix", "example"}
            | {f"example.{name}" for name in ("pull_in_which", "level", "place", "says", "remedy")},
        ),
        (
            ("settings",),
            {
                f"{group}{name}"
                for group in ("environment", "file", "timing")
                for name in ("", "[].name", "[].meaning", "[].default")
            },
        ),
        (
            ("commands",),
            {f"[].{name}" for name in ("name", "title", "details", "aliases", "decides", "options")}
            | {f"[].options[].{name}" for name in ("name", "usage", "says", "required")},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_keys_of_json_stay(wasteland: Wasteland, other_redis: str, arguments: tuple[str, ...], expected: set[str]) -> None:
    environment, _ = wasteland
    environment = {**environment, "REDIS_URL": other_redis}
    if arguments[0] == "decide":
        environment = {**environment, "STAMPBOT_HUB_TOKEN": "token-ana"}
    named = {"HUB": environment["STAMPBOT_HUB_URL"], "STAMP": a_stamp_of(environment["STAMPBOT_HUB_URL"])}
    told = run(*(named.get(each, each) for each in arguments), "--json", env=environment)
    assert keys(json.loads(told.stdout)) == expected


def a_stamp_of(hub: str) -> str:
    """The id of a stamp on main of the seeded commons."""
    asked = urlencode({"ref": "main", "q": "SELECT id FROM stamps LIMIT 1"})
    with urlopen(f"{hub}/api/v2/databases/{COMMONS}/sql?{asked}", timeout=STATE_WAIT_S) as answer:
        return str(json.load(answer)["data"]["rows"][0][0])
