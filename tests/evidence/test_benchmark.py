"""The measurement measures what it says, in small: every contender of ours sees every page alive. Never how fast."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.measure import Run
from benchmarks.ratios import REQUIREMENTS, Outcome, figures, judged, strays
from tests.patience import STATE_WAIT_S

ROOT: Final = Path(__file__).parents[2]
URLS: Final = 40
CONTENDERS: Final = ("ours", "requests", "asyncio")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """What a very short measurement prints."""
    only = [word for name in CONTENDERS for word in ("--only", name)]
    command = (sys.executable, "-m", "benchmarks.evidence", "--urls", str(URLS), "--hosts", "4", "--rounds", "1")
    done = subprocess.run(
        [*command, "--latency-ms", "0", "--threads", "8", "--no-queue", "--json", *only],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=STATE_WAIT_S,
    )
    # Times are of no concern here, and 1 means only that some were too long.
    assert done.returncode in (0, 1), done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_each_contender_sees_every_page_alive_and_asks_for_each(document: dict[str, Any]) -> None:
    assert [run["contender"] for run in document["runs"]] == list(CONTENDERS)
    assert [run["seen"] for run in document["runs"]] == [{"reachable": URLS}] * 3
    assert all(run["answered"] >= URLS for run in document["runs"])
    assert document["astray"] == []


def test_the_document_holds_what_was_ordered_and_what_came_of_it(document: dict[str, Any]) -> None:
    assert set(document) == {"machine", "order", "runs", "figures", "requirements", "astray", "queue", "absent", "trouble"}
    assert document["trouble"] == []
    assert (document["order"]["urls"], document["order"]["hosts"], document["queue"]) == (URLS, 4, None)
    assert [figure["contender"] for figure in document["figures"]] == list(CONTENDERS)
    assert all(figure["urls_per_s"] > 0 and figure["cpu_ms_per_url"] > 0 for figure in document["figures"])
    assert [(each["beside"], each["ratio"] is None) for each in document["requirements"]] == [
        ("requests", False),
        ("linkchecker", True),
        ("lychee", True),
        ("asyncio", True),
    ]


def a_run(contender: str, number: int, took_s: float, *, latency_ms: int = 0, **more: Any) -> Run:
    given: dict[str, Any] = {"cpu_s": took_s / 2, "server_cpu_s": 0.1, "answered": 10, "seen": {"reachable": 10}, **more}
    return Run(contender=contender, number=number, took_s=took_s, latency_ms=latency_ms, **given)


def test_ratios_are_medians_of_the_ratios_within_each_round() -> None:
    # The machine was busy in the second round: both took three times as long.
    runs = [a_run("ours", n, took) for n, took in enumerate((1.0, 3.0, 1.1))]
    runs += [a_run("requests", n, took) for n, took in enumerate((2.6, 7.8, 2.2))]
    ours, requests = figures(runs, 10)
    assert [ours.urls_per_s, requests.urls_per_s] == pytest.approx([10 / 1.1, 10 / 2.6])
    assert (ours.faster, requests.faster, requests.leaner) == (1.0, 2.6, 2.6)
    assert [each.outcome for each in judged(runs)] == [Outcome.PASS] + [Outcome.NOT_MEASURED] * 3


def test_a_requirement_is_missed_on_its_own_latency_alone() -> None:
    runs = [a_run("ours", 0, 1.0), a_run("requests", 0, 2.4), a_run("asyncio", 0, 0.1)]
    runs += [a_run("ours", 0, 1.3, latency_ms=200), a_run("asyncio", 0, 1.0, latency_ms=200)]
    assert {each.requirement.beside: each.outcome for each in judged(runs)} == {
        "requests": Outcome.MISSED,
        "linkchecker": Outcome.NOT_MEASURED,
        "lychee": Outcome.NOT_MEASURED,
        "asyncio": Outcome.MISSED,
    }
    assert {each.beside: each.least for each in REQUIREMENTS}["requests"] == 2.5


def test_a_run_that_left_pages_out_is_named() -> None:
    blind = a_run("ours", 0, 0.1, seen={"reachable": 9, "unknown": 1})
    lazy = a_run("requests", 0, 0.1, answered=9)
    assert strays([blind, lazy, a_run("asyncio", 0, 1.0)], 10) == (blind, lazy)
