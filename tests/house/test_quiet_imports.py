"""Importing a module of the project opens no socket, starts nothing and reads no environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import quiet
from tests.house.tree import ROOT, files, name_of
from tests.patience import STATE_WAIT_S

IMPORT_TIMEOUT_S = STATE_WAIT_S


def modules() -> tuple[str, ...]:
    """Every module of bot and rules, but for the sandbox: its engine starts the interpreter anew (doltlite)."""
    names = (name_of(path).removesuffix(".py").removesuffix("/__init__") for path in files("bot", "rules", suffix=".py"))
    return tuple(name.replace("/", ".") for name in names if not name.startswith("bot/sandbox"))


def heard(folder: Path, *names: str) -> str:
    """What importing these modules, with `folder` first on the path, was heard to do."""
    done = subprocess.run(
        [sys.executable, quiet.__file__, *names],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=IMPORT_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_any_module_is_quiet() -> None:
    assert heard(ROOT, *modules()) == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import os; os.environ['HOME']", "bot/loud.py reads the environment: HOME"),
        ("import os; os.environ.get('TZ')", "bot/loud.py reads the environment: TZ"),
        ("import os; os.getenv('TZ')", "bot/loud.py reads the environment: TZ"),
        ("import os; 'TZ' in os.environ", "bot/loud.py reads the environment: TZ"),
        ("import os; dict(os.environ)", "bot/loud.py reads the environment: everything"),
        ("import os.path; os.path.expanduser('~')", "bot/loud.py reads the environment: HOME"),
        ("import socket; socket.socket().close()", "bot/loud.py: socket.__new__"),
        ("import subprocess; subprocess.run(['true'])", "bot/loud.py: subprocess.Popen"),
        (
            "import urllib.request as r\ntry: r.urlopen('http://127.0.0.1:9/')\nexcept OSError: pass",
            "socket.connect while importing",
        ),
        ("import requests, flask, redis, rq, rich.console", ""),
    ],
)
def test_a_loud_import_is_heard(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "loud.py").write_text(line, encoding="utf-8")
    told = heard(tmp_path, "bot.loud").replace(f"{tmp_path}/", "")
    assert expected in told
    assert bool(expected) == bool(told)


PROCESSES = ("run", "web", "worker", "clock", "prober")
ROOMS = ("wiring", "processes.supervisor", "web.server", "worker.jobs", "clock.clock", "prober.jobs")


def test_no_process_of_the_bot_imports_what_only_terminals_need() -> None:
    """rich is 8 MB in each of them."""
    rooms = ", ".join(f"bot.{room}" for room in ROOMS)
    show = (
        f"from bot.__main__ import commands; commands(*{PROCESSES}); import sys, {rooms};"
        "print([name for name in sys.modules if name.startswith('rich')])"
    )
    assert subprocess.check_output([sys.executable, "-c", show], cwd=ROOT, text=True, timeout=IMPORT_TIMEOUT_S) == "[]\n"
