"""Reviews a minute of one worker process with 1, 4 and 16 lanes, against a hub that takes its time over each answer.

A review here is what a first review costs a running bot: everything is read, judged and planned, and the review is posted.
Nothing read for one pull serves another. The limit is what waiting alone allows: bare streams, one for each lane, that ask as
often one after the other as a review has to, and do nothing with the answers.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import requests
from rich.console import Console
from rich.table import Table

from benchmarks.measure import ROOT, MeasureError
from benchmarks.replay import key_of
from benchmarks.through_queue import own_redis
from bot.commands import catalog as commands
from bot.converge.bot import Bot
from bot.converge.converge import look
from bot.converge.outcome import Done
from bot.converge.perform import perform
from bot.converge.reads import Readers
from bot.dolthub.client import Hub
from bot.dolthub.connection import kept_session
from bot.evidence import probe_key
from bot.model.evidence import Probe, Seen
from bot.model.ids import Commons, PullNo
from bot.model.policy import Policy, Timing
from bot.model.step import PostReview
from bot.queue.threads import WorkerPool
from bot.rulebook import catalog as rules
from bot.store import REVIEW, Store, make_patient_redis
from bot.wiring import READERS_PER_LANE
from bot.worker.jobs import PullJobs
from tests.stores import jobs_of

LANES = (1, 4, 16)
LATENCY_MS = 150.0
ROUNDS = 3
SECONDS_A_RUN = 12.0
CHAIN_LATENCY_MS = 500.0
"""So long that all else in a review is small beside it: how many answers one after the other a review waits for."""
POLICY = Policy(timing=Timing(quiet_head_s=0, no_sheet_s=0, unsure_hold_s=0))
CHAIN_TRIES = 4
PULLS_A_TURN = 10_000
BARE_CHAINS = 4
"""How many chains each bare stream asks for."""
SHARE_MIN = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the sandbox answered about one pull."""

    commons: Commons
    pull: PullNo
    answers: Path
    requests: int


class _Recording(requests.Session):
    """Keeps what is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Any] = {}
        self.count = 0

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        more["stream"] = False
        answer = super().request(method, url, *args, **more)
        path = url.partition("://")[2].partition("/")[2]
        self.answers[key_of(method, f"/{path}", more.get("data") or b"")] = answer.json()
        self.count += 1
        return answer


def bot_of(store: Store, hub: Hub, commons: Commons, lanes: int) -> Bot:
    """A bot as a worker process has it, without forges."""
    return Bot(
        hubs={commons: hub},
        policies={commons: POLICY},
        store=store,
        jobs=jobs_of(store),
        clock=lambda: datetime.now(UTC),
        rules=rules.find(),
        commands=commands.find(),
        readers=Readers(READERS_PER_LANE * lanes),
    )


def record(folder: Path, store: Store) -> Recorded:
    """Have one seeded pull looked at on a real sandbox, and keep the answers."""
    with _child("sandbox", "--port", "0", "--seed", "demo", "--data", str(folder / "sandbox")) as said:
        told = json.loads(said)
        commons = Commons.parse(told["seed"]["commons"])
        pull = next(PullNo(int(p["number"])) for p in told["seed"]["pulls"] if p["slug"] == "happy-handshake")
        session = _Recording()
        hub = Hub(told["url"], "token-stampbot", commons=[commons], session=session)
        deps = bot_of(store, hub, commons, 1)
        snapshot, _, _ = look(pull, deps.at(commons))
        for link in snapshot.links:
            # The link checker is another process; here it has looked already.
            seen_at = snapshot.taken_at + timedelta(seconds=1)
            store.probes.put(Probe(url=probe_key(link.url), seen=Seen.REACHABLE, reason="ok", probed_at=seen_at))
        answers = folder / "answers.json"
        answers.write_text(json.dumps({k: v for k, v in session.answers.items() if "/comments" not in k}), "utf-8")
        return Recorded(commons=commons, pull=pull, answers=answers, requests=session.count)


def review(commons: Commons, number: PullNo, deps: Bot, origin: str, session: requests.Session) -> None:
    """One review, with a client whose memory is blank. Raises MeasureError if none was due."""
    fresh = replace(deps, hubs={commons: Hub(origin, "token-stampbot", commons=[commons], session=session)})
    snapshot, _, due = look(number, fresh.at(commons))
    step = next((s for s in due.steps if isinstance(s, PostReview)), None)
    if step is None:
        raise MeasureError(f"no review was due: {'; '.join(map(str, due.waits))}")
    ended = perform(step, snapshot, fresh.at(snapshot.commons))
    if not isinstance(ended, Done):
        raise MeasureError(f"the review was not posted: {ended}")


def chain_of(recorded: Recorded, store: Store) -> int:
    """How many answers, one after the other, a review waits for."""
    with _child("benchmarks.replay", str(recorded.answers), str(CHAIN_LATENCY_MS)) as port:
        deps, session = bot_of(store, _hub(port, recorded), recorded.commons, 1), kept_session()
        assert deps.at(recorded.commons).account
        took: list[float] = []
        for number in range(1, CHAIN_TRIES + 1):
            began = time.perf_counter()
            review(recorded.commons, PullNo(number), deps, f"http://127.0.0.1:{port}", session)
            took.append(time.perf_counter() - began)
        return int(min(took) * 1000 / CHAIN_LATENCY_MS)


def per_minute(recorded: Recorded, lanes: int, latency_ms: float, redis_url: str, first: int) -> float:
    """Reviews a minute through the queue, with lanes that are warm; of pulls from `first` on, which nobody has reviewed yet."""
    finished: list[float] = []
    lock = threading.Lock()
    with _child("benchmarks.replay", str(recorded.answers), str(latency_ms)) as port, make_patient_redis(redis_url) as client:
        store = Store(client, now=lambda: datetime.now(UTC))
        deps, session = bot_of(store, _hub(port, recorded), recorded.commons, lanes), kept_session()
        assert deps.at(recorded.commons).account

        def one(commons: Commons, number: PullNo, _extend: object) -> None:
            review(commons, number, deps, f"http://127.0.0.1:{port}", session)
            with lock:
                finished.append(time.perf_counter())

        duties = PullJobs(known=frozenset({recorded.commons}), store=store, jobs=jobs_of(store), look=one, sweep=lambda _: 0)
        crew = WorkerPool((REVIEW,) * lanes, duties.functions(), client)
        expected = int(lanes * (SECONDS_A_RUN + 6) / (8 * latency_ms / 1000))
        for number in range(first, first + expected):
            jobs_of(store).enqueue(recorded.commons, PullNo(number))
        crew.start()
        _await(lambda: len(finished) >= lanes)
        time.sleep(SECONDS_A_RUN)
        # From the end of one review to the end of another, whole rounds of all lanes: they march in step.
        rounds = len(finished) // lanes - 1
        rate = rounds * lanes * 60 / (finished[(rounds + 1) * lanes - 1] - finished[lanes - 1])
        crew.stop()
        client.delete(f"rq:queue:{REVIEW}")
        crew.join(10)
    return rate


def bare_per_minute(recorded: Recorded, chain: int, lanes: int, latency_ms: float) -> float:
    """The limit: chains of as many answers a minute, by as many bare streams as there are lanes."""
    question = f"GET /api/v2/databases/{recorded.commons}/pulls/1/comments HTTP/1.1\r\nHost: hub\r\n\r\n".encode()

    async def lane(port: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        for _ in range(BARE_CHAINS * chain):
            writer.write(question)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        writer.close()

    async def all_lanes(port: str) -> float:
        began = time.perf_counter()
        await asyncio.gather(*(lane(port) for _ in range(lanes)))
        return time.perf_counter() - began

    with _child("benchmarks.replay", str(recorded.answers), str(latency_ms)) as port:
        return BARE_CHAINS * lanes * 60 / asyncio.run(all_lanes(port))


def _hub(port: str, recorded: Recorded) -> Hub:
    return Hub(f"http://127.0.0.1:{port}", "token-stampbot", commons=[recorded.commons])


def _await(holds: Any, patience_s: float = 60.0) -> None:
    until = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > until:
            raise MeasureError("no review came through")
        time.sleep(0.02)


@contextmanager
def _child(module: str, *arguments: str) -> Iterator[str]:
    """A process of its own; what it says first. Ended with the block."""
    command = (sys.executable, "-m", module, *arguments)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        first = process.stdout.readline().strip()
        if not first:
            raise MeasureError(f"{module} did not start")
        yield first.removeprefix("sandbox: ")
    finally:
        process.kill()
        process.wait()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--latency-ms", default=LATENCY_MS, show_default=True, help="How long the hub takes over each answer.")
def main(as_json: bool, latency_ms: float) -> None:
    """Reviews a minute with 1, 4 and 16 lanes, beside the limit that waiting sets."""
    with TemporaryDirectory() as folder, own_redis() as url, make_patient_redis(url) as client:
        store = Store(client, now=lambda: datetime.now(UTC))
        recorded = record(Path(folder), store)
        chain = chain_of(recorded, store)
        turns: dict[int, list[tuple[float, float]]] = {lanes: [] for lanes in LANES}
        for turn in range(1, ROUNDS + 1):
            for lanes in LANES:
                limit = bare_per_minute(recorded, chain, lanes, latency_ms)
                first = (turn * len(LANES) + LANES.index(lanes)) * PULLS_A_TURN
                turns[lanes].append((per_minute(recorded, lanes, latency_ms, url, first), limit))
    rates = {lanes: median(rate for rate, _ in pairs) for lanes, pairs in turns.items()}
    limits = {lanes: median(limit for _, limit in pairs) for lanes, pairs in turns.items()}
    shares = {lanes: median(rate / limit for rate, limit in pairs) for lanes, pairs in turns.items()}
    if as_json:
        told: Mapping[str, object] = {
            "chain": chain,
            "requests": recorded.requests,
            "per_minute": rates,
            "limit": limits,
            "share": shares,
            "asked": SHARE_MIN,
        }
        click.echo(json.dumps(told, indent=2))
    else:
        table = Table("lanes", "reviews/min", "bare streams", "share", title=f"{chain} answers of {latency_ms:g} ms in a row")
        for lanes in LANES:
            table.add_row(str(lanes), f"{rates[lanes]:.0f}", f"{limits[lanes]:.0f}", f"{shares[lanes]:.2f}")
        Console().print(table)
    sys.exit(0 if min(shares.values()) >= SHARE_MIN else 1)


if __name__ == "__main__":
    main()
