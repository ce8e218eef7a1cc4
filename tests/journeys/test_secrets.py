"""Secrets that are easy to find, through everything a bot does and everything that goes wrong: then all it left is searched."""

from __future__ import annotations

import hmac
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis

from bot.config.settings import child_environment
from bot.prober.acl import prober_acl
from bot.prober.environment import prober_environment
from tests.journeys.test_webhook_to_review import HOST, POLICY, Town, until
from tests.patience import STATE_WAIT_S
from tests.redis_process import private_redis
from tests.sandbox_process import SandboxProcess
from tests.world import BOT, make_world

CANARIES = {
    "hub token": f"token-{BOT}",
    "GitHub token": "ghp_canary0GitHub0token0of0this0test",
    "webhook secret": "canary_webhook_secret_of_this_test",
    "webhook key": "canary+webhook/key=of-this-test",
    "Redis password": "canary-redis-password-of-this-test",
}
PROBERS_OWN = "canary-prober-password-of-this-test"
HEADER = "X-DoltHub-Signature"


def searched(where: str, text: str | bytes, *, besides: tuple[str, ...] = ()) -> None:
    """Fails if any canary is in `text`, plain or in a way that a library would write it."""
    held = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    for name, canary in {**CANARIES, "prober's password": PROBERS_OWN}.items():
        quoted = canary.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        if name not in besides:
            assert canary.encode() not in held, f"the {name} is in {where}"
            assert quoted.encode() not in held, f"the {name}, quoted, is in {where}"


def everything_in(client: redis.Redis) -> Iterator[tuple[str, bytes]]:
    """All keys with all their values, as text."""
    read: Mapping[Any, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
        b"none": lambda key: "it ended meanwhile",
    }
    for key in client.scan_iter(count=1000):
        yield repr(key), repr((key, read[client.type(key)](key))).encode()


def asked(url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=STATE_WAIT_S) as answer:
            return answer.status, answer.headers.as_bytes() + answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.as_bytes() + error.read()


@pytest.mark.parametrize("form", ["json", pytest.param("console", marks=pytest.mark.slow)])
def test_no_secret_is_left_in_logs_redis_comments_pages_or_processes(
    world_sandbox: SandboxProcess, tmp_path: Path, form: str
) -> None:
    with private_redis() as server:
        world = make_world(world_sandbox, server)
        client = redis.Redis.from_url(server.url)
        client.execute_command("ACL", "SETUSER", *prober_acl(PROBERS_OWN))  # type: ignore[no-untyped-call]
        client.config_set("requirepass", CANARIES["Redis password"])
        town = Town(world, server, tmp_path)
        (tmp_path / "stampbot.toml").write_text(POLICY + f'[webhook]\nheader = "{HEADER}"\n', "utf-8")
        path = server.url.removeprefix("unix://")
        town._environment = child_environment(
            **{
                **town._environment,
                "STAMPBOT_GITHUB_TOKEN": CANARIES["GitHub token"],
                "STAMPBOT_WEBHOOK_SECRET": CANARIES["webhook secret"],
                "STAMPBOT_WEBHOOK_KEY": CANARIES["webhook key"],
                "REDIS_URL": f"unix://:{CANARIES['Redis password']}@{path}",
                "STAMPBOT_PROBER_REDIS_URL": f"unix://prober:{PROBERS_OWN}@{path}",
                "STAMPBOT_LOG": form,
            }
        )
        try:
            town.start("web", "worker", "prober")
            pull = world.hand_in("pia", "polecat-7", "w-com-001")
            door = f"{town.web_url}/hooks/dolthub/{CANARIES['webhook secret']}"
            event = {"repository": {"owner": world.commons.owner, "name": world.commons.name}, "pullID": str(pull)}
            body = json.dumps(event).encode()
            seal = hmac.new(CANARIES["webhook key"].encode(), body, "sha256").hexdigest()
            answers = [
                asked(door, body, **{HEADER: seal}),
                asked(door, body, **{HEADER: CANARIES["webhook key"]}),
                asked(door, b"{" + CANARIES["hub token"].encode(), **{HEADER: "x"}),
                asked(door),
                asked(door + "/" + "x" * 3000, body),
                *(asked(f"{town.web_url}{page}") for page in ("/metrics", "/readyz", "/healthz", "/nowhere")),
            ]
            assert [code for code, _ in answers[:2]] == [202, 404]
            for code, answer in answers:
                assert code < 500
                searched("an answer of web", answer)
            until(lambda: world.said(pull, "review"), town)
            world.comment(pull, "ana", f"/accept --quality 4 --message '{'x' * 40}'")
            with town.clock():
                until(lambda: world.said(pull, "answer"), town)
            for process in [each for each in Path("/proc").iterdir() if each.name.isdecimal()]:
                command, environment = read_of(process, "cmdline"), read_of(process, "environ")
                if b"bot" in command and path.encode() in environment:
                    searched(f"the command line of {command!r}", command)
                    if b"\0prober" in command:
                        searched("the environment of the prober", environment, besides=("prober's password",))
            for key, value in everything_in(client):
                searched(f"Redis, at {key}", value)
            for comment in world.said(pull):
                searched("a comment", comment)
        finally:
            town.end()
            world.close()
        assert len(town.lines) > 3
        searched("the log", "\n".join(town.lines))


def read_of(process: Path, name: str) -> bytes:
    try:
        return (process / name).read_bytes()
    except OSError:
        return b""


class Echo(BaseHTTPRequestHandler):
    """A hub that throws everything back at whoever asks: the token, in text, in a header, in an address."""

    def do_GET(self) -> None:
        ways = [(500, {}), (401, {}), (302, {"Location": f"/again?token={self.headers.get('Authorization', '')}"}), (200, {})]
        code, more = ways[sum(self.path.encode()) % len(ways)]
        body = json.dumps({"code": "X", "message": str(self.headers), "data": str(self.headers)}).encode()
        self.send_response(code)
        for name, value in {**more, "Content-Length": str(len(body)), "X-Token": self.headers.get("Authorization", "")}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def echoing() -> Iterator[str]:
    hub = ThreadingHTTPServer((HOST, 0), Echo)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{hub.server_port}"
    finally:
        hub.shutdown()
        hub.server_close()


def run(*arguments: str, **settings: str) -> str:
    environment = child_environment(STAMPBOT_LOG="json", **settings)
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=STATE_WAIT_S,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [("explain", "hop/wl-commons#1", "--json"), ("review", "hop/wl-commons#1"), ("audit", "hop/wl-commons")]
)
def test_a_hub_that_throws_the_token_back_does_not_make_us_say_it(arguments: tuple[str, ...]) -> None:
    with echoing() as url:
        said = run(
            *arguments,
            STAMPBOT_COMMONS="hop/wl-commons",
            STAMPBOT_HUB_URL=url,
            STAMPBOT_HUB_TOKEN=CANARIES["hub token"],
            REDIS_URL=f"redis://:{CANARIES['Redis password']}@{HOST}:1/0",
        )
    searched("what the command said", said)


@pytest.mark.parametrize(
    "settings",
    [
        {"STAMPBOT_HUB_TOKEN": f"{CANARIES['hub token']} twice"},
        {"STAMPBOT_WEBHOOK_SECRET": f"{CANARIES['webhook secret']} twice"},
        {"STAMPBOT_WEBHOOK_KEY": CANARIES["webhook key"]},
        {"REDIS_URL": f"http://:{CANARIES['Redis password']}@{HOST}/0"},
        {"REDIS_URL": f"redis://:{CANARIES['Redis password']}@{HOST}:x/0"},
        {"REDIS_URL": f"redis://:{CANARIES['Redis password']}@[::1/0"},
        {"STAMPBOT_HUB_URL": f"https://ana:{CANARIES['hub token']}@{HOST}/"},
        {"STAMPBOT_GITHUB_TOKEN": f"{CANARIES['GitHub token']}\n"},
        {"PORT": "x", "STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS": f"\t{CANARIES['hub token']} ?"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_that_cannot_be_used_are_named_and_not_shown(settings: dict[str, str]) -> None:
    searched("what is said of settings", run("web", **{"STAMPBOT_COMMONS": "hop/wl-commons", **settings}))


def test_the_environment_of_the_prober_holds_no_secret_whatever_ours_holds() -> None:
    ours = {
        **os.environ,
        "STAMPBOT_COMMONS": "hop/wl-commons",
        "STAMPBOT_HUB_TOKEN": CANARIES["hub token"],
        "STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS": CANARIES["hub token"],
        "STAMPBOT_GITHUB_TOKEN": CANARIES["GitHub token"],
        "STAMPBOT_WEBHOOK_SECRET": CANARIES["webhook secret"],
        "STAMPBOT_WEBHOOK_KEY": CANARIES["webhook key"],
        "REDIS_URL": f"redis://:{CANARIES['Redis password']}@{HOST}/0",
        "STAMPBOT_PROBER_REDIS_URL": f"redis://prober:{PROBERS_OWN}@{HOST}/0",
        "HTTPS_PROXY": f"http://x:{CANARIES['hub token']}@{HOST}",
    }
    searched("the prober's environment", repr(prober_environment(ours)), besides=("prober's password",))
