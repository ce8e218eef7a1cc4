"""The pulls of a commons: which need a look, and which wait for validators."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from bot.cli.arguments import CommonsType, as_json
from bot.cli.shared import STYLE, a_person_waits, bot_of, console, errors_reported, fail, settings_of
from bot.log import visible
from bot.messages import time
from bot.messages.words import GROUPS
from bot.model.ids import Commons, PullNo, User
from bot.terminal import COULD_NOT_TELL, FINDING, FINE, WRONG_USE, cells, print_json, table

if TYPE_CHECKING:
    from bot.converge.backlog import Backlog, Waiting


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
@click.option("--as", "account", metavar="USER", help="Only pulls that this account may decide.")
@click.option("--all", "unfolded", is_flag=True, help="List the pulls that wait for the worker, and the blocked ones, too.")
@click.option("--copy", "copied", type=click.IntRange(1), metavar="N", help="Print the line to type below pull N, alone.")
@as_json
def queue(
    *, commons: Commons | None, ready: bool, account: str | None, unfolded: bool, copied: int | None, as_json: bool
) -> None:
    """What waits for validators, by what they can do, oldest first, with the line to type below each pull.

    Verdicts are those of the last look; pulls without a look yet are listed as DoltHub lists them.
    Exit status: 0, or 3 where Redis or DoltHub did not answer, with what the other one knows.

    \b
    Examples:
      stampbot queue
      stampbot queue --as ana
      stampbot queue --copy 12 | wl-copy
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
    shown = [each.of(User(account)) for each in shown] if account else shown
    if copied is not None:
        click.echo(_line_of(PullNo(copied), shown))
        return
    if as_json:
        print_json({"backlogs": [backlog_json(each) for each in shown]})
    else:
        for each in shown:
            print_backlog(console(), each, now=wiring.now(), site_url=settings.hub_url, ready=ready, unfolded=unfolded)
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
                "reason": w.reason,
                "free": list(w.free),
                "type": w.line,
                "quarantined": w.quarantined,
            }
            for w in backlog.waiting
        ],
        "lacks": list(backlog.lacks),
    }


def _line_of(number: PullNo, backlogs: Sequence[Backlog]) -> str:
    """The line to type below a pull; ends the command where there is none, or two."""
    found = [(each.commons, w) for each in backlogs for w in each.waiting if w.pull == number]
    if len(found) > 1:
        fail(f"pull {number} waits on {' and '.join(str(of) for of, _ in found)}: name the commons", WRONG_USE)
    if not found:
        fail(f"no pull {number} waits here; see: stampbot queue", FINDING)
    ((_, waiting),) = found
    if not waiting.line:
        fail(f"there is nothing to decide about pull {number} now: {waiting.reason or 'it was not looked at yet'}", FINDING)
    return visible(waiting.line)


def print_backlog(
    console: Console, backlog: Backlog, *, now: datetime, site_url: str, ready: bool = False, unfolded: bool = False
) -> None:
    """One commons' backlog, for people, by group. `ready`: it holds those alone that can be accepted as they stand."""
    if not backlog.waiting:
        console.print(Text(f"{backlog.commons}: {'no pull is READY' if ready else 'nothing waits'}"))
    unknown = tuple(w for w in backlog.waiting if w.verdict is None)
    groups = (*((name, w, folded) for name, w, folded in _grouped(backlog)), ("Not looked at yet", unknown, False))
    folded_away = []
    for name, rows, folded in groups:
        if rows and folded and not unfolded:
            folded_away.append(f"{name}: {len(rows)}")
        elif rows:
            title = f"{backlog.commons}: {name} ({len(rows)})"
            console.print(table(title, _BACKLOG, _backlog_rows(backlog.commons, rows, now, site_url)))
    if folded_away:
        console.print(Text(f"{backlog.commons}: {', '.join(folded_away)}. They are listed with --all."))
    for each in (w for w in backlog.waiting if w.quarantined):
        pull = f"'{backlog.commons}#{each.pull}'"
        console.print(Text(f"Left alone  #{each.pull}: see stampbot explain {pull}; to try it again: stampbot converge {pull}"))
    for said in backlog.lacks:
        console.print(Text(f"Not known  {visible(said)}"))


_BACKLOG = ("what", "rig", "why", "age", "type below it")


def _grouped(backlog: Backlog) -> Iterator[tuple[str, tuple[Waiting, ...], bool]]:
    for name, verdicts, folded in GROUPS:
        yield name, tuple(w for w in backlog.waiting if w.verdict in verdicts), folded


def _backlog_rows(commons: Commons, waiting: tuple[Waiting, ...], now: datetime, site_url: str) -> Iterator[tuple[Text, ...]]:
    for w in waiting:
        address = f"{site_url.rstrip('/')}/repositories/{commons.owner}/{commons.name}/pulls/{w.pull}"
        what = Text(f"#{w.pull} {visible(w.item_title or w.title)}", f"link {address}").append(f"\n{address}", "dim")
        why = Text(visible(w.reason))
        if w.verdict is not None:
            why = Text(w.verdict.value, STYLE[w.verdict]).append(f" {visible(w.reason)}".rstrip(), "default")
        if w.quarantined:
            why = Text(visible(f"left alone: {w.quarantined}"), "bold red")
        age = time.span(max(0, (now - w.opened_at).total_seconds())) if w.opened_at is not None else ""
        yield (what, *cells(w.rig or w.creator or ""), why, *cells(age, w.line))
