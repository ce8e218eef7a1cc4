"""The door beside a bare Flask handler on the same server: the same gunicorn, worker, threads and limits, the same webhook.

The bare handler reads nothing, checks nothing and knocks nowhere: all that is less than its throughput is what a webhook costs.
Requests per second are of this machine alone; the ratios, taken between neighbours of one round, say something everywhere.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import click
import redis
from flask import Flask
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.hammer import Blow, Echo
from benchmarks.measure import ROOT, MeasureError
from benchmarks.through_queue import own_redis
from bot.config.settings import child_environment
from bot.model.ids import Commons
from bot.store import REVIEW, Keys
from bot.web.server import WebServer

BARE, COALESCED, ENQUEUED = "bare Flask", "coalesced knock", "knock with a new job"
CONNECTIONS = 32
READY_S = 30.0
WARM_UP_S = 0.3
TAKEN_EVERY_S = 0.002
P99_SLACK = 1.5
LEAST = {COALESCED: 0.3, ENQUEUED: 0.2}
"""Share of the bare handler's throughput that each has to reach. A commons gets a webhook a minute, so a simple view is worth
more than a fast one: these floors only show a loss of another order."""
_COMMONS = "bench/wl-commons"
_SECRET = "a-secret-of-this-benchmark"  # noqa: S105 - opens nothing but a door of our own
_PATH = f"/hooks/dolthub/{_SECRET}"
_SERVE_BARE = "--serve-bare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One way to answer: medians over the rounds."""

    answer: str
    per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One way to answer beside the bare handler: medians of the ratios of each round."""

    answer: str
    throughput: float
    at_least: float
    p99: float
    at_most: float

    @property
    def met(self) -> bool:
        return self.throughput >= self.at_least and self.p99 <= self.at_most


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1), help="Turns of each, one after the other.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.2), help="Length of each turn.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(_SERVE_BARE, "bare_port", type=int, default=None, hidden=True)
def main(rounds: int, seconds: float, as_json: bool, bare_port: int | None) -> None:
    """Measure the acknowledgement of webhooks beside a bare Flask handler on the same server, in one run.

    Exit status: 0 all targets are met, 1 one is missed, 2 wrong use, 3 it could not be measured.

    \b
    Examples:
      python -m benchmarks.door
      python -m benchmarks.door --rounds 15 --json > door.json
    """
    if bare_port is not None:
        WebServer(_bare_app, host="127.0.0.1", port=bare_port, ready=lambda: None).serve()
    machine = {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "python": platform.python_version()}
    try:
        turns = _measure(rounds, seconds, quiet=as_json)
    except MeasureError as error:
        Console(stderr=True).print(str(error), style="bold red", highlight=False)
        sys.exit(3)
    figures = tuple(_figure(answer, echoes) for answer, echoes in turns.items())
    beside = tuple(_beside(answer, turns) for answer in LEAST)
    if as_json:
        document = {
            "machine": machine,
            "connections": CONNECTIONS,
            "rounds": rounds,
            "figures": [dataclasses.asdict(each) for each in figures],
            "requirements": [{**dataclasses.asdict(each), "outcome": _outcome(each)} for each in beside],
        }
        print(json.dumps(document, indent=2))
    else:
        _show(Console(), machine, figures, beside)
    sys.exit(0 if all(each.met for each in beside) else 1)


def _bare_app() -> Flask:
    app = Flask("bare", static_folder=None)

    @app.post("/hooks/dolthub/<secret>")
    def hook(secret: str) -> tuple[str, int]:  # noqa: ARG001
        return "", 204

    return app


def _measure(rounds: int, seconds: float, *, quiet: bool) -> Mapping[str, Sequence[Echo]]:
    """All turns of each. All take their turn in each round, so that what else this machine does hits all alike."""
    turns: dict[str, list[Echo]] = {BARE: [], COALESCED: [], ENQUEUED: []}
    with own_redis() as redis_url, _serving(redis_url) as (bare, ours), _taking_jobs(redis_url):
        fresh = 2
        for _ in track(range(rounds), "rounds", console=Console(stderr=True), transient=True, disable=quiet):
            turns[BARE].append(_blow(bare, seconds))
            turns[COALESCED].append(_blow(ours, seconds))
            turns[ENQUEUED].append(_blow(ours, seconds, fresh))
            fresh = turns[ENQUEUED][-1].next_pull
    return turns


@contextmanager
def _taking_jobs(redis_url: str) -> Iterator[None]:
    """Jobs are taken as soon as they are made, and never too many: a door that asks for no more looks would be quicker."""
    done, (owner, name), keys = threading.Event(), _COMMONS.split("/"), Keys()

    def take() -> None:
        with redis.Redis.from_url(redis_url) as client:
            while not done.wait(TAKEN_EVERY_S):
                client.delete(f"rq:queue:{REVIEW}", keys.webhook_rate(Commons(owner, name)))

    taker = threading.Thread(target=take, name="jobs", daemon=True)
    taker.start()
    try:
        yield
    finally:
        done.set()
        taker.join()


def _blow(port: int, seconds: float, fresh: int | None = None) -> Echo:
    """One turn, by a process of its own. Raises MeasureError if any answer was not of 2xx."""
    blow = Blow(
        port=port,
        path=_PATH,
        commons=_COMMONS,
        connections=CONNECTIONS,
        warm_up_s=WARM_UP_S,
        seconds=seconds,
        fresh=fresh is not None,
        first_pull=fresh or 1,
    )
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.hammer"),
        input=json.dumps(dataclasses.asdict(blow)),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise MeasureError(f"knocking ended with {done.returncode}: {done.stderr[-2000:]}")
    echo = Echo(**json.loads(done.stdout))
    if echo.other or not echo.answered:
        raise MeasureError(f"{echo.other} of {echo.answered} webhooks were not taken: times of refusals say nothing")
    return echo


@contextmanager
def _serving(redis_url: str) -> Iterator[tuple[int, int]]:
    """Ports of the bare handler and of `stampbot web`, each a process as operators run it."""
    bare, ours = _free_port(), _free_port()
    environment = child_environment(
        STAMPBOT_COMMONS=_COMMONS,
        STAMPBOT_WEBHOOK_SECRET=_SECRET,
        STAMPBOT_LOG="json",
        REDIS_URL=redis_url,
        PORT=str(ours),
    )
    commands = (
        (sys.executable, "-m", "benchmarks.door", _SERVE_BARE, str(bare)),
        (sys.executable, "-m", "bot", "web", "--host", "127.0.0.1"),
    )
    processes = [subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) for command in commands]
    try:
        for port, process in zip((bare, ours), processes, strict=True):
            _await(port, process)
        yield bare, ours
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise MeasureError(f"{process.args!r} does not listen: {error}") from None
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _figure(answer: str, echoes: Sequence[Echo]) -> Figure:
    return Figure(
        answer=answer,
        per_s=median(_per_s(echo) for echo in echoes),
        p50_ms=median(echo.p50_ms for echo in echoes),
        p99_ms=median(echo.p99_ms for echo in echoes),
    )


def _beside(answer: str, turns: Mapping[str, Sequence[Echo]]) -> Beside:
    pairs = list(zip(turns[answer], turns[BARE], strict=True))
    return Beside(
        answer=answer,
        throughput=median(_per_s(own) / _per_s(bare) for own, bare in pairs),
        at_least=LEAST[answer],
        p99=median(own.p99_ms / bare.p99_ms for own, bare in pairs),
        # With a fixed number of connections the time of a request grows as throughput falls.
        at_most=P99_SLACK / LEAST[answer],
    )


def _per_s(echo: Echo) -> float:
    return echo.answered / echo.took_s


def _show(console: Console, machine: Mapping[str, Any], figures: Sequence[Figure], beside: Sequence[Beside]) -> None:
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    table = Table(title=f"gunicorn, one worker, {CONNECTIONS} connections; {about}")
    table.add_column("answer")
    for heading in ("requests/s", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for figure in figures:
        table.add_row(figure.answer, f"{figure.per_s:.0f}", f"{figure.p50_ms:.1f}", f"{figure.p99_ms:.1f}")
    console.print(table)
    for each in beside:
        style = "green" if each.met else "bold red"
        console.print(
            f"[{style}]{_outcome(each)}[/{style}]: {each.answer}, {each.throughput:.2f} of the bare handler's throughput"
            f" (asked for {each.at_least:.2f}), {each.p99:.2f} times its p99 (at most {each.at_most:.1f})",
            highlight=False,
        )


def _outcome(beside: Beside) -> str:
    return "pass" if beside.met else "missed"


if __name__ == "__main__":
    main()
