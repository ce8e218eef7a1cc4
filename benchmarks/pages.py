"""What a page costs with thousands of open pulls, beside a page of a commons without any.

    python -m benchmarks.pages

Each page is asked of the web application in this process, with a real Redis; times are medians.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from statistics import median

import click
from flask.testing import FlaskClient
from rich.console import Console
from rich.table import Table

from benchmarks.crowd import a_verdict
from benchmarks.through_queue import own_redis
from bot.config.settings import CommonsSettings, Settings
from bot.converge.stored import stored_judgement
from bot.model.ids import Commons, PullNo
from bot.model.policy import Pages, Policy
from bot.rulebook import catalog
from bot.rulebook.judge import judge
from bot.rulebook.kit.examples import EXAMPLES
from bot.store import Store, make_redis
from bot.web.app import create_app
from tests.stores import a_store

FULL, EMPTY = Commons("bench", "full"), Commons("bench", "empty")
TIME_MAX_MS = 200.0
BYTES_MAX = 100_000
ROUNDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One page. `ratio`: its time beside that of the queue of a commons without a pull."""

    page: str
    median_ms: float
    ratio: float
    size: int

    @property
    def is_kept(self) -> bool:
        return self.median_ms <= TIME_MAX_MS and self.size <= BYTES_MAX


def fill(store: Store, pulls: int) -> None:
    """Store so many judgements: those of the rules' own examples, in turn."""
    rules = catalog.find()
    examples = [stored_judgement(each.pull, judge(each.pull, rules), None) for each in EXAMPLES]
    for number in map(PullNo, range(1, pulls + 1)):
        stored = replace(examples[number % len(examples)], pull=number)
        verdict = a_verdict(number, datetime.now(UTC), stored.verdict)
        store.at(FULL).pulls.put_verdict(replace(verdict, item_title=stored.item_title, free=stored.free), stored)


def measure(client: FlaskClient, paths: Sequence[str]) -> list[Figure]:
    """The time and size of each page; the first is the empty one."""
    found: list[Figure] = []
    for path in paths:
        times, size = [], 0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = client.get(path)
            times.append((time.perf_counter() - began) * 1000)
            size = len(answer.data)
            if answer.status_code != 200:
                raise SystemExit(f"{path} answered {answer.status_code}")
        least = found[0].median_ms if found else median(times)
        found.append(Figure(page=path, median_ms=round(median(times), 1), ratio=round(median(times) / least, 1), size=size))
    return found


@click.command()
@click.option("--pulls", default=2000, show_default=True, help="Open pulls of the commons.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(pulls: int, as_json: bool) -> None:
    """Time and size of the pages of a large commons. Exit status 1 above a limit.

    \b
    Example:
      python -m benchmarks.pages --pulls 500
    """
    settings = Settings(
        commons=tuple(CommonsSettings(commons=each, policy=Policy(pages=Pages(public=True))) for each in (FULL, EMPTY))
    )
    with own_redis() as url, make_redis(url) as client:
        store = a_store(client, now=lambda: datetime.now(UTC))
        fill(store, pulls)
        reader = create_app(settings, store).test_client()
        paths = (f"/{EMPTY}", "/", f"/{FULL}", f"/{FULL}?page=20", f"/{FULL}?q=relay", f"/{FULL}/pulls/7")
        found = measure(reader, paths)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        table = Table("page", "median, ms", "beside the empty queue", "bytes", title=f"Pages, {pulls} open pulls")
        for each in found:
            style = "" if each.is_kept else "bold red"
            table.add_row(each.page, f"{each.median_ms:.1f}", f"{each.ratio:.1f}", f"{each.size:,}", style=style)
        Console().print(table)
    sys.exit(0 if all(each.is_kept for each in found) else 1)


if __name__ == "__main__":
    main()
