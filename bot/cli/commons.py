"""The pulls of a commons: which need a look, and which wait for validators."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from bot.cli.arguments import CommonsType, as_json
from bot.cli.shared import STYLE, a_person_waits, bot_of, console, errors_reported, fail, settings_of
from bot.log import visible
from bot.messages import time
from bot.model.ids import Commons
from bot.terminal import COULD_NOT_TELL, FINE, cells, print_json, table

if TYPE_CHECKING:
    from bot.converge.backlog import Backlog


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--wait", is_flag=True, help="Stay until the queue is empty. Needs a running worker.")
@as_json
def sweep(commons: Commons | None, wait: bool, as_json: bool) -> None:
    """Find the pulls that need a look, once, and enqueue them.

    Exit status: 0, or 3 where DoltHub or Redis did not answer, or with --wait no worker took what waits.

    \b
    Example:
      stampbot sweep hop/wl-commons --wait
    """
    from bot.demo.demo import NobodyWorks, await_empty_queue
    from bot.sweep.sweep import sweep as sweep_commons

    settings = settings_of(named=(commons,) if commons else ())
    bot = bot_of(settings)
    enqueued: dict[str, int] = {}
    with errors_reported():
        for each in (commons,) if commons else tuple(one.commons for one in settings.commons):
            enqueued[str(each)] = sweep_commons(bot.at(each), everything=True)
        if wait:
            try:
                await_empty_queue(console(stderr=True), bot.jobs, bot.clock)
            except NobodyWorks as error:
                fail(str(error), COULD_NOT_TELL)
    if as_json:
        print_json({"knocked": enqueued})
    else:
        for name, count in enqueued.items():
            click.echo(f"{name}: {count} pull{'' if count == 1 else 's'} enqueued")


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--ready", is_flag=True, help="Only pulls that can be accepted as they stand.")
@as_json
def queue(commons: Commons | None, ready: bool, as_json: bool) -> None:
    """What waits for validators, oldest first, with the line to type below each pull.

    Verdicts are those of the last look; pulls without a look yet are listed as DoltHub lists them.
    Exit status: 0, or 3 where Redis or DoltHub did not answer, with what the other one knows.

    \b
    Examples:
      stampbot queue
      stampbot queue hop/wl-commons --ready --json
    """
    from bot import wiring
    from bot.converge.backlog import read_backlog

    settings = settings_of(named=(commons,) if commons else ())
    bot = bot_of(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    with errors_reported(), a_person_waits():
        found = [read_backlog(bot.at(each)) for each in named]
    shown = [each.ready() if ready else each for each in found]
    if as_json:
        print_json({"backlogs": [backlog_json(each) for each in shown]})
    else:
        for each in shown:
            print_backlog(console(), each, now=wiring.now(), ready=ready)
    sys.exit(COULD_NOT_TELL if any(each.lacks for each in found) else FINE)


def backlog_json(backlog: Backlog) -> dict[str, object]:
    """One commons' backlog for --json. What is null is not known: the pull was not looked at yet."""
    return {
        "commons": str(backlog.commons),
        "waiting": [
            {
                "pull": w.pull,
                "verdict": w.verdict.value if w.verdict is not None else None,
                "kind": w.kind.value if w.kind is not None else None,
                "item": w.item,
                "rig": w.rig,
                "creator": w.creator,
                "title": w.title,
                "evidence": w.evidence,
                "opened_at": w.opened_at,
                "judged_at": w.judged_at,
                "type": w.line,
                "quarantined": w.quarantined,
            }
            for w in backlog.waiting
        ],
        "lacks": list(backlog.lacks),
    }


def print_backlog(console: Console, backlog: Backlog, *, now: datetime, ready: bool = False) -> None:
    """One commons' backlog, for people. `ready`: it holds those alone that can be accepted as they stand."""
    if backlog.waiting:
        console.print(table(f"{backlog.commons}: {len(backlog.waiting)} waiting", _BACKLOG, _backlog_rows(backlog, now)))
    else:
        console.print(Text(f"{backlog.commons}: {'no pull is READY' if ready else 'nothing waits'}"))
    for each in (w for w in backlog.waiting if w.quarantined):
        pull = f"'{backlog.commons}#{each.pull}'"
        console.print(Text(f"Left alone  #{each.pull}: see stampbot explain {pull}; to try it again: stampbot converge {pull}"))
    for said in backlog.lacks:
        console.print(Text(f"Not known  {visible(said)}"))


_BACKLOG = ("pull", "verdict", "kind", "item", "rig", "evidence", "age", "type below it")


def _backlog_rows(backlog: Backlog, now: datetime) -> Iterator[tuple[Text, ...]]:
    for w in backlog.waiting:
        verdict = Text(w.verdict.value, STYLE[w.verdict]) if w.verdict is not None else Text("not looked at yet", "dim")
        if w.quarantined:
            verdict = Text(visible(f"left alone: {w.quarantined}"), "bold red")
        item = w.item or (w.title if w.verdict is None else "")
        kind = w.kind.value if w.kind is not None else ""
        age = time.span(max(0, (now - w.opened_at).total_seconds())) if w.opened_at is not None else ""
        yield (*cells(f"#{w.pull}"), verdict, *cells(kind, item, w.rig or w.creator or "", w.evidence, age, w.line))
