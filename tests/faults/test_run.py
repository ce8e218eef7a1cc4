"""`stampbot run` with the Redis that comes along: each of its processes is killed, and nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.config.settings import child_environment
from tests.journeys.test_webhook_to_review import HOST, POLICY, SECRET, answers, free_port
from tests.patience import STATE_WAIT_S, until
from tests.redis_process import private_redis
from tests.sandbox_process import SandboxProcess
from tests.world import BOT, World, make_world

NAMES = ("redis", "web", "worker", "prober")


class Town:
    """A world, and one `stampbot run` that serves it with the settings of an installation."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.web_url = f"http://{HOST}:{free_port()}"
        self.log = folder / "log"
        (folder / "stampbot.toml").write_text(POLICY, "utf-8")
        environment = child_environment(
            STAMPBOT_COMMONS=str(world.commons),
            STAMPBOT_HUB_URL=world.sandbox.base_url,
            STAMPBOT_HUB_TOKEN=f"token-{BOT}",
            STAMPBOT_ACCOUNT=BOT,
            STAMPBOT_WEBHOOK_SECRET=SECRET,
            STAMPBOT_EVIDENCE_ALLOW=f"{HOST}/32",
            STAMPBOT_EVIDENCE_PACE="0",
            STAMPBOT_CONFIG=str(folder / "stampbot.toml"),
            PORT=self.web_url.rpartition(":")[2],
        )
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "bot", "run", "--host", HOST, "--redis", str(folder / "r")]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def children(self) -> dict[str, int]:
        """The ids of the processes it keeps, by name."""
        pids = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        found = {}
        for pid in (int(word) for path in pids for word in path.read_text().split()):
            words = command_line(pid)
            if words:
                found[words[3] if words[1:3] == ["-m", "bot"] else "redis"] = pid
        return found

    def metrics(self) -> dict[str, float]:
        """The metrics about its processes."""
        with urllib.request.urlopen(f"{self.web_url}/metrics", timeout=STATE_WAIT_S) as answer:
            lines = answer.read().decode().splitlines()
        return {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith("stampbot_process_")
        }


def command_line(pid: int) -> list[str]:
    """The words of a process' command; none once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0")[:-1]
    except OSError:
        return []


@contextmanager
def running(sandbox: SandboxProcess, folder: Path) -> Iterator[Town]:
    with private_redis() as server:
        world = make_world(sandbox, server)
        town = Town(world, folder)
        try:
            yield town
        finally:
            town.process.kill()
            town.process.wait()
            world.close()


pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.mark.slow
def test_each_process_is_killed_and_a_decision_is_carried_out_once(world_sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A minute of it is the lease of the worker that was killed."""
    with running(world_sandbox, tmp_path) as town:
        world = town.world
        until(lambda: answers(f"{town.web_url}/readyz"), told=town.log.read_text)
        until(lambda: set(town.children()) == set(NAMES), told=town.log.read_text)
        pull = world.hand_in("pia", "polecat-7", "w-com-001")
        until(lambda: world.said(pull, "review"), told=town.log.read_text)
        before = town.children()
        world.comment(pull, "ana", "/accept --quality 4")
        for name in NAMES:
            os.kill(before[name], signal.SIGKILL)
        until(lambda: world.said(pull, "answer"), told=town.log.read_text)
        until(lambda: set(town.children()) == set(NAMES), told=town.log.read_text)
        until(lambda: answers(f"{town.web_url}/readyz"), told=town.log.read_text)
        assert (world.state(pull), world.count("stamps", "subject = 'polecat-7'")) == ("merged", 1)
        assert (len(world.said(pull, "review")), len(world.said(pull, "answer"))) == (1, 1)
        after = town.children()
        assert {name for name in NAMES if after[name] != before[name]} == set(NAMES)
        shown = {
            **{f'stampbot_process_up{{process="{name}"}}': 1.0 for name in NAMES},
            **{f'stampbot_process_restarts_total{{process="{name}"}}': 1.0 for name in NAMES},
        }
        until(lambda: town.metrics() == shown, told=lambda: f"{town.metrics()}\n{town.log.read_text()}")
        secrets = (f"token-{BOT}", SECRET)
        for pid in after.values():
            block = Path(f"/proc/{pid}/environ").read_text("utf-8") + " ".join(command_line(pid))
            assert [secret for secret in secrets if secret in block] == []
        town.process.send_signal(signal.SIGTERM)
        assert town.process.wait(STATE_WAIT_S) == 0
        assert [pid for pid in after.values() if command_line(pid)] == []


def test_a_user_that_is_not_there_is_named_before_anything_starts() -> None:
    environment = child_environment(STAMPBOT_COMMONS="hop/wl-commons", STAMPBOT_WEBHOOK_SECRET=SECRET)
    command = [sys.executable, "-m", "bot", "run", "--prober-user", "no-such-user"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=STATE_WAIT_S, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "stampbot: There is no user no-such-user. Make it, such as: useradd --system --no-create-home no-such-user\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="for a user who is not root")
def test_only_root_gives_the_prober_another_user() -> None:
    environment = child_environment(STAMPBOT_COMMONS="hop/wl-commons", STAMPBOT_WEBHOOK_SECRET=SECRET)
    command = [sys.executable, "-m", "bot", "run", "--prober-user", "nobody"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=STATE_WAIT_S, check=False)
    assert (done.returncode, done.stdout) == (2, "")
