"""docs/install.md, followed word by word with the sandbox as DoltHub: at its end the bot reviews, and doctor is content.

The commands are read from the page; what a person does on DoltHub's own pages, and the answers to the questions, stand here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.settings import child_environment
from tests.house.tree import ROOT
from tests.journeys.test_webhook_to_review import free_port
from tests.patience import STATE_WAIT_S, until
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.slow
COMMONS, TOKEN = "hop/wl-commons", "token-stampbot"
POSTED = "createPullComment"
REVIEW_WAIT_S = 240.0
"""With the budget of requests that an installation has."""


def commands(section: str) -> list[str]:
    """The command lines of the first block below a heading of the page."""
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    below = re.split(rf"^## \d\. {re.escape(section)}$", page, flags=re.MULTILINE)[1]
    block = re.search(r"(?:^ {4}.+\n)+", below, re.MULTILINE)
    assert block is not None, section
    return [line.strip() for line in block[0].splitlines()]


@pytest.fixture
def dolthub() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--seed", "demo") as sandbox:
        yield sandbox


def test_the_page_leads_to_a_bot_that_reviews(dolthub: SandboxProcess, tmp_path: Path) -> None:
    port = free_port()
    environment = child_environment(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        PORT=str(port),
        # The pages of the sandbox's evidence are on this machine.
        STAMPBOT_EVIDENCE_ALLOW="127.0.0.0/8",
        COLUMNS="300",
    )

    def typed(*lines: str, answers: str = "") -> str:
        # In a session of its own there is no terminal: the token is read from standard input as well.
        done = subprocess.run(
            ["bash", "-euc", "\n".join(lines)],
            cwd=tmp_path,
            env=environment,
            input=answers,
            capture_output=True,
            text=True,
            timeout=STATE_WAIT_S,
            check=False,
            start_new_session=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (init,) = commands("The settings")
    answers = (COMMONS, dolthub.base_url, TOKEN, "ana=ana-town,bo", "", "https://bot.example.org")
    said = typed(init, answers="\n".join((*answers, "")))
    assert "https://bot.example.org/hooks/dolthub/" in said
    (load,) = commands("Look before it writes")
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    look = re.findall(r"^ {4}(stampbot explain .*)$", page, re.MULTILINE)
    assert len(look) == 2
    assert f"{COMMONS}#12" in typed(load, *look)

    (run,) = commands("Run it")
    with (tmp_path / "log").open("wb") as log:
        command = ["bash", "-euc", f"{load}\nexec {run}"]
        bot = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        until((tmp_path / "data" / "settings.sh").exists, told=(tmp_path / "log").read_text)
        until(lambda: dolthub.counts(database=COMMONS).get(POSTED), patience_s=REVIEW_WAIT_S, told=(tmp_path / "log").read_text)
        well = typed(load, ". ./data/settings.sh", *commands("Is it well?"))
        assert re.search(r"\d+ fine, \d+ note", well)
    finally:
        bot.send_signal(signal.SIGTERM)
        assert bot.wait(STATE_WAIT_S) == 0
