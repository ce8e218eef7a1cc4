"""Who may import whom. The contracts stand in pyproject.toml; what packages of others may be used where, stands here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, imports, name_of
from tests.patience import STATE_WAIT_S

ROOMS_OF_OTHERS: dict[str, tuple[str, ...]] = {
    "click": ("bot/__main__.py", "bot/cli/", "bot/terminal.py"),
    "doltlite": ("sandbox/sql/engine.py",),
    "flask": ("bot/web/", "sandbox/"),
    "gevent": ("bot/web/bounded_worker.py",),
    "gunicorn": ("bot/web/server.py", "bot/web/bounded_worker.py"),
    "jsonschema": ("bot/config/policy_file.py", "bot/web/webhook.py", "bot/rulebook/cells.py"),
    "msgspec": ("bot/store/codec.py",),
    "markdown_it": ("bot/commands/grammar/text.py", "sandbox/pages/markdown.py"),
    "markupsafe": ("sandbox/",),
    "publicsuffixlist": ("bot/evidence/page/domain.py",),
    "prometheus_client": ("bot/web/",),
    "pymysql": ("sandbox/sql/dolt_",),
    "redis": (
        "bot/clock/",
        "bot/health/redis.py",
        "bot/prober/",
        "bot/queue/",
        "bot/store/",
        "bot/wiring.py",
        "bot/worker/jobs.py",
    ),
    "requests": ("bot/dolthub/connection.py", "bot/evidence/"),
    "rich": ("bot/cli/", "bot/terminal.py", "bot/demo/demo.py"),
    "rq": ("bot/queue/enqueue.py", "bot/queue/threads.py"),
    "sqlglot": ("sandbox/",),
    "structlog": (
        "bot/cli/",
        "bot/log.py",
        "bot/clock/clock.py",
        "bot/dolthub/connection.py",
        "bot/web/webhook.py",
        "bot/prober/jobs.py",
        "bot/processes/supervisor.py",
        "bot/queue/threads.py",
        "bot/worker/",
    ),
    "urllib3": ("bot/dolthub/connection.py", "bot/evidence/"),
    "werkzeug": ("bot/web/", "sandbox/"),
}
"""Packages of others, and the files that may import them: nowhere else, and no package that is not listed."""

LINT_TIMEOUT_S = STATE_WAIT_S


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the packages in `folder`."""
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache", "--no-logo"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LINT_TIMEOUT_S,
    )


def test_imports_run_downwards_only() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("bot/model/ids.py", "from bot.messages import md"),
        ("bot/messages/md.py", "from bot.commands import grammar"),
        ("bot/dolthub/sql/rows.py", "from bot.store import Store"),
        ("bot/evidence/fetch/url.py", "from bot.dolthub import sql"),
        ("bot/store/pulls.py", "from bot.messages import md"),
        ("bot/converge/observe.py", "import redis"),
        ("bot/dolthub/wire.py", "import requests"),
        ("bot/clock/clock.py", "import flask"),
        ("bot/demo/demo.py", "from sandbox import cells"),
        ("sandbox/sql/cells.py", "from bot.model import ids"),
        ("sandbox/hub/app.py", "import doltlite"),
        ("rules/rows_are_whole.py", "from bot.model import ids"),
        ("rules/rows_are_whole.py", "from bot.rulebook.judge import judge"),
        ("bot/converge/plan.py", "import rules.rows_are_whole"),
        ("bot/a_new_room.py", '"""A room that has no floor."""'),
    ],
)
def test_a_wall_that_is_broken_is_noticed(tmp_path: Path, where: str, line: str) -> None:
    for package in ("bot", "rules", "sandbox"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / where).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr


def test_packages_of_others_stay_in_their_rooms() -> None:
    ours = {"bot", "rules", "sandbox", "_typeshed", *sys.stdlib_module_names}
    astray = [
        f"{name_of(path)}:{line} imports {module}"
        for path in files("bot", "rules", "sandbox", suffix=".py")
        for module, line in imports(path)
        if (top := module.partition(".")[0]) not in ours and not name_of(path).startswith(ROOMS_OF_OTHERS.get(top, ()))
    ]
    assert astray == []


def test_every_room_of_others_is_in_use() -> None:
    used = {module.partition(".")[0] for path in files("bot", "rules", "sandbox", suffix=".py") for module, _ in imports(path)}
    assert set(ROOMS_OF_OTHERS) - used == set()
