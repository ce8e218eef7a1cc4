"""`stampbot demo`, `demo --smoke` and waiting for a queue, with their output."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from bot.demo.processes import SANDBOX_PORT, WEB_PORT, Running, demo
from bot.demo.story import Stage, StoryFailed, Teller, play
from bot.log import visible
from bot.processes.child import ProcessFailed
from bot.queue.enqueue import JobQueue
from bot.terminal import process_line, progress_bar

LOOK_EVERY_S = 0.3


class _Ended(BaseException):
    """A signal asked this process to end."""


def run_demo(console: Console, *, port: int | None, web_port: int | None, shipped: bool = False) -> int:
    """The demo, until a signal ends it. Exit status."""

    def say(name: str, line: str) -> None:
        console.print(process_line(name, line), soft_wrap=True)

    ports = _ports(port, web_port)
    with _signals():
        try:
            console.print("Starting Redis, the sandbox and the bot …")
            with demo(say, sandbox_port=ports[0], web_port=ports[1], shipped=shipped) as running:
                console.print(_welcome(running, shipped=shipped))
                while True:
                    running.processes.check()
                    time.sleep(LOOK_EVERY_S)
        except ProcessFailed as error:
            _tell(console, error, error.tail)
            return 1
        except _Ended:
            console.print("Ended.")
            return 0


def run_smoke(console: Console, *, port: int, web_port: int, verbose: bool) -> int:
    """The story, once. Exit status 0, or 1 after saying what failed."""
    output: list[tuple[str, str]] = []

    def say(name: str, line: str) -> None:
        output.append((name, line))
        if verbose:
            console.print(process_line(name, line), soft_wrap=True)

    began = time.monotonic()
    with _signals():
        try:
            console.print("Starting Redis, the sandbox and the bot …")
            with demo(say, sandbox_port=port, web_port=web_port) as running:
                _play(console, running)
                running.processes.check()
        except ProcessFailed as error:
            _tell(console, error, error.tail)
            return 1
        except StoryFailed as error:
            troubled = [f"{n}: {text}" for n, text in output if "error" in text or "warning" in text or "Traceback" in text]
            _tell(console, error, troubled[-30:])
            return 1
        except _Ended:
            console.print("Ended.")
            return 1
    console.print(Text(f"The whole story succeeded, in {time.monotonic() - began:.0f} s.", "bold green"))
    return 0


class NobodyWorks(Exception):
    """Jobs wait, and no living worker serves their queue; the text names it and how to fix it."""


def await_empty_queue(console: Console, jobs: JobQueue, now: Callable[[], datetime], patience_s: float = 5.0) -> None:
    """Wait until no pull and no sweep waits, with a bar. Raises redis.RedisError, and NobodyWorks after `patience_s`."""
    with progress_bar(console) as progress:
        task = progress.add_task("waiting for the workers", total=None)
        most, worked_at = 0, time.monotonic()
        while waiting := {queue: jobs for queue, jobs in jobs.waiting().items() if jobs and queue != "probe"}:
            left, workers = sum(waiting.values()), jobs.workers(now())
            idle = [queue for queue in waiting if not workers[queue]]
            if not idle:
                worked_at = time.monotonic()
            elif time.monotonic() - worked_at > patience_s:
                raise NobodyWorks(f"no worker serves {', '.join(idle)}, where jobs wait. Start: stampbot worker")
            most = max(most, left)
            progress.update(task, total=most, completed=most - left)
            time.sleep(LOOK_EVERY_S)
        progress.update(task, total=most or 1, completed=most or 1)


def _play(console: Console, running: Running) -> None:
    stage = Stage(running.sandbox_url, str(running.seed["commons"]))
    with progress_bar(console) as progress:
        task = progress.add_task("reviews", total=len(running.slugs))

        def step(text: str) -> None:
            running.processes.check()
            progress.console.print(Text(f"· {text}"))

        def reviews(there: int, of: int) -> None:
            running.processes.check()
            progress.update(task, completed=there, total=of)

        play(stage, running.slugs, Teller(step=step, reviews=reviews))


def _welcome(running: Running, *, shipped: bool) -> Panel:
    commons = running.seed["commons"]
    page = f"{running.sandbox_url}/repositories/{commons}/pulls/1"
    text = Text()
    for name, url in (
        ("The Wasteland", running.sandbox_url),
        ("First pull", page),
        ("What waits", f"{running.web_url}/{commons}"),
        ("The bot's web", f"{running.web_url}/metrics"),
        ("Evidence pages", running.evidence_url),
    ):
        text.append(f"{name:<16}", "bold").append(url, f"link {url}").append("\n")
    text.append("\nLook-alikes of forges and registries, for evidence to point at:\n")
    for place in ("github", "gitlab", "gitea", "bitbucket", "npm", "pypi", "oci"):
        text.append(f"  {place:<14}").append(running.places[place], f"link {running.places[place]}").append("\n")
    soon = "each gets its review within a minute"
    if shipped:
        soon = "their reviews come one after the other, the first after two minutes, all within half an hour"
    text.append(f"\n{len(running.slugs)} pulls are open on {commons}; {soon}.\n")
    text.append("Then open the first pull, act as ")
    text.append("ana", "bold").append(" and write  ").append("/accept --quality 4", "bold green").append("\n")
    text.append("\nThe bot's commands, from another terminal:\n")
    text.append(f"  . {running.exports}\n", "green").append(f"  .venv/bin/stampbot explain '{commons}#6'\n", "green")
    text.append(f"  .venv/bin/stampbot probe {running.places['github']}/hop/gastown/pull/2\n", "green")
    text.append("\nCtrl-C ends everything; nothing is kept.", "dim")
    return Panel(text, title="Stampbot demo", border_style="green", expand=False)


def _tell(console: Console, error: Exception, tail: Sequence[str]) -> None:
    for line in tail:
        console.print(Text(f"  {visible(line)}", "dim"), soft_wrap=True)
    console.print(Text(f"stampbot demo: {visible(str(error))}", "bold red"), soft_wrap=True)


def _ports(port: int | None, web_port: int | None) -> tuple[int, int]:
    return (SANDBOX_PORT if port is None else port), (WEB_PORT if web_port is None else web_port)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end what runs inside, once; while it ends, more of them change nothing."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(_signum: int, _frame: FrameType | None) -> NoReturn:
        for each in names:
            signal.signal(each, signal.SIG_IGN)
        raise _Ended

    before = {each: signal.signal(each, end) for each in names}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
