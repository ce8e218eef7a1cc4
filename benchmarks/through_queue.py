"""Links through the queue: a real Redis, the real prober, one job for the links of each pull, all of it drained."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import ROOT, MeasureError, Server
from bot.config.settings import VARIABLES, child_environment
from bot.evidence import probe_key
from bot.model.evidence import Seen
from bot.model.ids import Commons, PullNo
from bot.processes.redis_server import redis_server
from bot.store import REVIEW, Store, make_patient_redis
from tests.stores import jobs_of

LINKS_PER_JOB = 4
READY_S = 30.0
STUCK_S = 20.0
"""So long without a pull being knocked means that a job is lost."""
_LOOK_EVERY_S = 0.02
_COMMONS = Commons("bench", "wl-commons")
_PACE = "STAMPBOT_EVIDENCE_PACE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What came through, from the first knock to the last pull knocked in answer. `reachable`: sheets that say so."""

    jobs: int
    links: int
    reachable: int
    took_s: float

    @property
    def links_per_s(self) -> float:
        return self.links / self.took_s

    @property
    def jobs_per_s(self) -> float:
        return self.jobs / self.took_s


def drain(server: Server, links: int) -> Drained:
    """Knock for all links, and wait until every pull has been knocked in answer. Raises MeasureError."""
    urls = server.urls(links)
    jobs = [urls[at : at + LINKS_PER_JOB] for at in range(0, len(urls), LINKS_PER_JOB)]
    with own_redis() as url, make_patient_redis(url) as client, _prober(url) as prober:
        store = Store(client, now=lambda: datetime.now(UTC))
        # The prober is up once the first job is done.
        jobs_of(store).enqueue_probe(_COMMONS, PullNo(len(jobs) + 1), (f"{server.hosts[0]}/warm-up/0",))
        _await(lambda: jobs_of(store).waiting()[REVIEW], 1, prober, READY_S)
        began = time.perf_counter()
        for number, job in enumerate(jobs, 1):
            jobs_of(store).enqueue_probe(_COMMONS, PullNo(number), job)
        _await(lambda: jobs_of(store).waiting()[REVIEW], len(jobs) + 1, prober, STUCK_S)
        took_s = time.perf_counter() - began
        sheets = [store.probes.get(probe_key(one)) for one in urls]
    reachable = sum(sheet is not None and sheet.seen is Seen.REACHABLE for sheet in sheets)
    return Drained(jobs=len(jobs), links=len(urls), reachable=reachable, took_s=took_s)


@contextmanager
def own_redis() -> Iterator[str]:
    """The URL of a Redis of our own, on a Unix socket, without persistence."""
    # A socket's path may have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="sb-bench-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    where = folder / "redis.sock"
    bare = ("--port", "0", "--unixsocket", str(where), "--save", "", "--appendonly", "no", "--dir", str(folder))
    process = subprocess.Popen((redis_server(), *bare), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(where.exists, True, process, READY_S)
        yield f"unix://{where}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _prober(redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A prober as operators run it, allowed to look at this machine, without its pauses where it makes any."""
    settings = {"REDIS_URL": redis_url, "STAMPBOT_COMMONS": str(_COMMONS), "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8"}
    if any(variable.name == _PACE for variable in VARIABLES):
        settings[_PACE] = "0"
    process = subprocess.Popen(
        (sys.executable, "-m", "bot", "prober"),
        env=child_environment(**settings, STAMPBOT_LOG="json"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _await(count: Callable[[], int], wanted: int, process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Wait until so many are counted. Raises MeasureError if the process ends, or if nothing is counted for so long."""
    last, until = -1, 0.0
    while (now := count()) != wanted:
        if now != last:
            last, until = now, time.monotonic() + patience_s
        if process.poll() is not None:
            raise MeasureError(f"{process.args!r} ended with {process.returncode}")
        if time.monotonic() > until:
            raise MeasureError(f"{process.args!r} came to {now} of {wanted} and no further for {patience_s:.0f} s")
        time.sleep(_LOOK_EVERY_S)
