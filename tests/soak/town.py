"""The town of a soak: Redis, the look-alike and the bot's processes as a host would run them, each restarted when it ends."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.config.settings import child_environment
from bot.prober.environment import prober_environment
from bot.processes.child import Child
from sandbox.seed import schema
from tests.faults.hub_gate import hub_gate
from tests.faults.twins import Twins
from tests.redis_process import RedisProcess
from tests.sandbox_process import FreshDatabase, SandboxProcess, fresh_database

HOST = "127.0.0.1"
BOT = "bot"
BOTS = ("web", "worker-1", "worker-2", "prober", "clock")
"""The bot's processes; what stands before the dash is the command."""
RESTART_S = 0.5
WATCH_S = 0.1
READY_TIMEOUT_S = 60.0
ABOUT_TO_S = 6.0
POLICY = f"""\
# Waits of a soak: seconds where a real bot waits minutes.
landing = "%s"
requests_per_minute = 60000
[timing]
poll_s = 1
quiet_head_s = 0.3
unsure_hold_s = 3
confirm_dead_s = [2, 2]
no_sheet_s = 10
fresh_probe_s = 5
look_again_s = 1
same_head_s = 1
about_to_s = {ABOUT_TO_S}
"""

VALIDATORS = (("ana-town", "ana"), ("bo-hollow", "bo"))
WORKERS = (("polecat-7", "pia"), ("brass-otter", "otto"), ("slick-fox", "mallory"), ("tin-heron", "rhea"), ("dry-newt", "juno"))


class TownFailed(Exception):
    """The town could not be set up; the text is one sentence."""


class Slot:
    """One process of the bot and its place: whoever ends is started again there, as by a supervisor."""

    def __init__(self, name: str, town: Town) -> None:
        self.name = name
        self._town = town
        self._again_at = 0.0
        self.starts = 0
        self.child = self._start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and all it started."""
        self.child.signal(number)

    def watch(self) -> None:
        """Start it again if it has ended a moment ago."""
        if self.child.status is None:
            self._again_at = 0.0
        elif not self._again_at:
            self._again_at = time.monotonic() + RESTART_S
        elif time.monotonic() >= self._again_at:
            # What it started may have outlived it, and hold a port.
            self.child.signal(signal.SIGKILL)
            self.child = self._start()
            self._again_at = 0.0

    def _start(self) -> Child:
        self.starts += 1
        command, environment = self._town.recipe(self.name)
        return Child(self.name, command, environment, self._town.say)


class Town:
    """Everything that runs. `database` is the commons; `say` takes a line of a process for the town's log.

    With `twins`, the bot speaks to the hub through a gate that shows those commits under their second names.
    """

    def __init__(self, folder: Path, *, items: int, landing: str, stack: ExitStack, twins: Twins | None = None) -> None:
        self.folder = folder
        self._log = stack.enter_context((folder / "town.log").open("w", buffering=1))
        self.redis = RedisProcess(folder)
        stack.callback(self.redis.kill)
        self.redis.start()
        self.sandbox = stack.enter_context(SandboxProcess.start("--operation-ms", "5", "--evidence-port", "0"))
        self._hub = self.sandbox.base_url
        if twins is not None:
            self._hub = stack.enter_context(hub_gate(self._hub, twins)).url
        self.database = self._commons(items)
        self._secret = secrets.token_urlsafe(24)
        self._port = _free_port()
        (folder / "stampbot.toml").write_text(POLICY % landing, "utf-8")
        self._slots: dict[str, Slot] = {}
        self._over = threading.Event()
        stack.callback(self._end)
        self._slots.update({name: Slot(name, self) for name in BOTS})
        self._await_ready()
        hook = {"database": self.database.name, "url": f"http://{HOST}:{self._port}/hooks/dolthub/{self._secret}"}
        self.sandbox.admin("POST", "/webhooks", hook)
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._supervisor.start()

    @property
    def evidence(self) -> str:
        """Where the evidence pages are."""
        return str(self.sandbox.ready["evidence_url"])

    @property
    def starts(self) -> int:
        """How often a process of the bot was started."""
        return sum(slot.starts for slot in self._slots.values())

    def slot(self, name: str) -> Slot:
        return self._slots[name]

    def say(self, name: str, line: str) -> None:
        """Write a line into the log."""
        self._log.write(f"{datetime.now(UTC):%H:%M:%S.%f} {name}: {line}\n")

    def wake_all(self) -> None:
        """Let everybody go on who was frozen."""
        for slot in self._slots.values():
            slot.signal(signal.SIGCONT)
        os.kill(self.sandbox.process.pid, signal.SIGCONT)

    def recipe(self, name: str) -> tuple[list[str], dict[str, str]]:
        """How a process is started, and in what environment."""
        command = name.partition("-")[0]
        environment = child_environment(
            STAMPBOT_COMMONS=self.database.name,
            STAMPBOT_HUB_URL=self._hub,
            STAMPBOT_HUB_TOKEN=f"token-{BOT}",
            STAMPBOT_ACCOUNT=BOT,
            STAMPBOT_WEBHOOK_SECRET=self._secret,
            STAMPBOT_EVIDENCE_ALLOW=f"{HOST}/32",
            STAMPBOT_EVIDENCE_PACE="0",
            STAMPBOT_CONFIG=str(self.folder / "stampbot.toml"),
            STAMPBOT_LOG="json",
            STAMPBOT_LANES="4",
            REDIS_URL=self.redis.url,
            PORT=str(self._port),
            PYTHONUNBUFFERED="1",
        )
        options = ["--host", HOST] if command == "web" else []
        shown = prober_environment(environment) if command == "prober" else environment
        return [sys.executable, "-m", "bot", command, "--until-eof", *options], shown

    def _commons(self, items: int) -> FreshDatabase:
        """A commons with two validators, five workers with a fork each, and many open items."""
        for _, user in (*VALIDATORS, *WORKERS):
            self.sandbox.add_user(user)
        rigs = [(handle, user, 3) for handle, user in VALIDATORS] + [(handle, user, 1) for handle, user in WORKERS]
        rows = ", ".join(f"('{h}', '{h}', '{user}', {trust}, '2026-01-01 00:00:00')" for h, user, trust in rigs)
        wanted = ", ".join(
            f"('{item_name(n)}', 'Mend relay {n}', 'relay', 'bug', 2, '[\"go\"]', 'ana-town', 'open', 'small',"
            " '2026-01-02 00:00:00', '2026-01-02 00:00:00')"
            for n in range(items)
        )
        statements = (
            *schema.creation(),
            f"INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, registered_at) VALUES {rows}",
            "INSERT INTO wanted (id, title, project, type, priority, tags, posted_by, status, effort_level, created_at,"
            f" updated_at) VALUES {wanted}",
        )
        made = fresh_database(self.sandbox, statements=statements)
        self.sandbox.admin("POST", "/grants", {"username": "bo", "database": made.name})
        for _, user in WORKERS:
            made.fork(user)
        return made

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        for slot in self._slots.values():
            while not (slot.child.ready.is_set() if slot.name != "web" else _listens(self._port)):
                if slot.child.status is not None or time.monotonic() > deadline:
                    raise TownFailed(f"{slot.name} did not start: {' / '.join(slot.child.tail)}")
                time.sleep(0.05)

    def _supervise(self) -> None:
        while not self._over.wait(WATCH_S):
            for slot in self._slots.values():
                slot.watch()

    def _end(self) -> None:
        self._over.set()
        if hasattr(self, "_supervisor"):
            self._supervisor.join()
        for slot in self._slots.values():
            slot.signal(signal.SIGCONT)
            slot.signal(signal.SIGKILL)
            slot.child.wait(5.0)


def item_name(number: int) -> str:
    """The id of an item of the town."""
    return f"w-soak-{number:05d}"


@contextmanager
def town(folder: Path, *, items: int, landing: str, twins: Twins | None = None) -> Iterator[Town]:
    """A town that is up and ready; gone on leaving, but for its folder. Raises TownFailed."""
    with ExitStack() as stack:
        yield Town(folder, items=items, landing=landing, stack=stack, twins=twins)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
