"""What runs come to: medians, ratios between neighbours of one round, and whether these are what is asked for."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measure import Run

OURS = "ours"
SLOW_MS = 200


class Outcome(enum.Enum):
    """Whether a requirement is met."""

    PASS = "pass"  # noqa: S105 - no password
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One contender at one latency: medians over its rounds.

    `server_share`: part of one CPU that the server needed; near 1 it is the server that was measured. `faster` and `leaner`:
    how many times its own time and CPU time ours needs less, round by round; None if ours did not run.
    """

    contender: str
    latency_ms: int
    urls_per_s: float
    cpu_ms_per_url: float
    server_share: float
    faster: float | None
    leaner: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """The time of `beside` is at least `least` times ours."""

    beside: str
    latency_ms: int
    least: float
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A requirement, what was measured of it, and what that means."""

    requirement: Requirement
    ratio: float | None
    outcome: Outcome


REQUIREMENTS = (
    Requirement(
        beside="requests", latency_ms=0, least=2.5, why="all that safety costs less than requests.get in as many threads"
    ),
    Requirement(beside="linkchecker", latency_ms=0, least=12.0, why="a link checker in Python, by other people"),
    Requirement(beside="lychee", latency_ms=0, least=1.0, why="a link checker in Rust, by other people, as it comes"),
    Requirement(
        beside="asyncio", latency_ms=SLOW_MS, least=1 / 1.2, why="a slow host costs its latency: within 1.2 of the limit"
    ),
)


def figures(runs: Sequence[Run], urls: int) -> tuple[Figure, ...]:
    """One figure per latency and contender, in the order they ran."""
    found = []
    for latency_ms, name in dict.fromkeys((run.latency_ms, run.contender) for run in runs):
        own = _of(runs, name, latency_ms)
        found.append(
            Figure(
                contender=name,
                latency_ms=latency_ms,
                urls_per_s=urls / median(run.took_s for run in own),
                cpu_ms_per_url=median(run.cpu_s for run in own) / urls * 1000,
                server_share=median(run.server_cpu_s / run.took_s for run in own),
                faster=_ratio(runs, name, latency_ms, lambda run: run.took_s),
                leaner=_ratio(runs, name, latency_ms, lambda run: run.cpu_s),
            )
        )
    return tuple(found)


def judged(runs: Sequence[Run]) -> tuple[Judged, ...]:
    """Every requirement, in order."""
    return tuple(_judge(each, _ratio(runs, each.beside, each.latency_ms, lambda run: run.took_s)) for each in REQUIREMENTS)


def strays(runs: Sequence[Run], urls: int) -> tuple[Run, ...]:
    """Runs whose times say nothing: some URL was not seen alive, or not even asked for."""
    return tuple(run for run in runs if run.seen.get("reachable") != urls or run.answered < urls)


def _judge(requirement: Requirement, ratio: float | None) -> Judged:
    if ratio is None:
        return Judged(requirement, None, Outcome.NOT_MEASURED)
    return Judged(requirement, ratio, Outcome.PASS if ratio >= requirement.least else Outcome.MISSED)


def _ratio(runs: Sequence[Run], beside: str, latency_ms: int, what: Callable[[Run], float]) -> float | None:
    """The median, over the rounds, of what a contender used to what ours used in the same round."""
    ours = {run.number: what(run) for run in _of(runs, OURS, latency_ms)}
    ratios = [what(run) / ours[run.number] for run in _of(runs, beside, latency_ms) if run.number in ours]
    return median(ratios) if ratios else None


def _of(runs: Sequence[Run], name: str, latency_ms: int) -> list[Run]:
    return [run for run in runs if (run.contender, run.latency_ms) == (name, latency_ms)]
