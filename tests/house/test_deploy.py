"""The files of `deploy/` name settings, commands, routes and metrics that there are, and keep the prober apart."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bot import __main__ as command_line
from bot.config.settings import VARIABLES, Settings
from bot.prober.environment import prober_environment
from bot.store import make_redis
from bot.web.app import create_app
from tests.house.tree import ROOT
from tests.house.wall import secrets_kept_from_the_prober
from tests.patience import STATE_WAIT_S
from tests.stores import a_store

DEPLOY = ROOT / "deploy"
UNITS = tuple(sorted(DEPLOY.glob("*.service")))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KNOWN = {name for each in VARIABLES for name in (each.name, *([f"{each.name}_FILE"] if each.secret else []))}


def test_every_variable_that_a_file_names_is_one_of_the_settings() -> None:
    named = {
        name
        for path in sorted(DEPLOY.iterdir())
        for name in re.findall(r"\b(?:STAMPBOT_[A-Z_]+|REDIS_URL|PORT)\b", path.read_text("utf-8"))
    }
    assert len(named) > 5, "they are found"
    assert named - KNOWN == set()


def commands() -> list[tuple[str, list[str]]]:
    """Every command line of the bot in the files, with the file it stands in."""
    found = [
        (path.name, line)
        for path in UNITS
        for line in re.findall(r"^ExecStart=\S+/stampbot (.*)$", path.read_text("utf-8"), re.M)
    ]
    image = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    return [
        *((name, shlex.split(line)) for name, line in found),
        *(("Dockerfile", yaml.safe_load(line)) for line in image),
        *(("compose.yaml", one["command"]) for one in SERVICES.values() if one["image"] == "stampbot"),
    ]


def test_every_command_line_can_be_read() -> None:
    assert [name for name, _ in commands()].count("compose.yaml") == 2
    assert len(commands()) == 5
    for _, (name, *arguments) in commands():
        command = command_line.commands()[name]
        assert isinstance(command, click.Command)
        command.make_context(name, list(arguments))


def test_the_prober_is_started_apart_and_gets_no_secret_that_it_has_no_use_for() -> None:
    kept = set(secrets_kept_from_the_prober())
    assert kept == {each.name for each in VARIABLES if each.secret} - set(
        prober_environment({each.name: "x" for each in VARIABLES})
    ) - {"STAMPBOT_PROBER_REDIS_URL"}
    unit = (DEPLOY / "stampbot-prober.service").read_text("utf-8")
    assert set(re.findall(r"^UnsetEnvironment=(.*)$", unit, re.MULTILINE)[0].split()) == kept
    prober = SERVICES["prober"]
    assert {name for name, text in prober["environment"].items() if text == ""} == kept
    assert set(prober["networks"]) & set(SERVICES["bot"]["networks"]) == set()
    assert prober["user"] not in (re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)[-1], SERVICES["redis"]["user"])
    assert [one for name, one in commands() if "prober" not in one and "--no-prober" not in one] == []


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_can_write_to_its_system_or_gain_rights(name: str) -> None:
    one = SERVICES[name]
    assert (one["read_only"], one["cap_drop"], one["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one.get("user") or re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)[-1])
    assert one["mem_limit"]


def test_redis_keeps_every_key_and_listens_on_no_port() -> None:
    redis = SERVICES["redis"]
    words = redis["command"]
    given = dict(zip(words[1::2], words[2::2], strict=True))
    assert (given["--port"], given["--maxmemory-policy"], redis["network_mode"]) == ("0", "noeviction", "none")
    for name in ("bot", "prober"):
        assert SERVICES[name]["environment"]["REDIS_URL"] == f"unix://{given['--unixsocket']}"


def test_the_image_is_built_from_the_lock_and_asks_whether_web_lives() -> None:
    assert re.findall(r"^RUN (.*)$", DOCKERFILE, re.MULTILINE) == ["sh deploy/build.sh /opt/stampbot"]
    script = (DEPLOY / "build.sh").read_text("utf-8")
    assert "--require-hashes --only-binary :all: -r requirements.lock" in script
    (asked,) = re.findall(r"http://127\.0\.0\.1:8080(/\w+)", DOCKERFILE)
    paths = {rule.rule for rule in door().url_map.iter_rules()}
    assert asked in paths
    assert asked == "/healthz", "a Redis that is away is no reason to start web again"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_reads_every_unit_without_a_word(tmp_path: Path) -> None:
    made = []
    for unit in UNITS:
        # systemd also looks whether the program is there.
        text = unit.read_text("utf-8").replace("/opt/stampbot/bin/stampbot", sys.executable)
        made.append(tmp_path / unit.name)
        made[-1].write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *made], capture_output=True, text=True, timeout=STATE_WAIT_S, check=False
    )
    said = [line for line in done.stderr.splitlines() if "stampbot" in line]
    assert (done.returncode, said) == (0, [])


def door() -> Any:
    """The web process' application, with a Redis that is away."""
    return create_app(Settings(commons=()), a_store(make_redis("redis://127.0.0.1:1/0"), now=lambda: datetime.now(UTC)))
