"""The rows of a commons as they stand on main, and the way back from one decision."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import TaskID
from rich.text import Text

from bot.cli.arguments import CommonsType, SinceType, as_json
from bot.cli.shared import STYLE, bot_of, console, errors_reported, fail, settings_of
from bot.log import visible
from bot.model.finding import Level
from bot.model.ids import CommitHash, Commons, StampId
from bot.terminal import COULD_NOT_TELL, FINDING, FINE, WRONG_USE, cells, print_json, progress_bar, table

if TYPE_CHECKING:
    from bot.audit.revert import Inverse
    from bot.audit.rows import Audited


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--since", type=SinceType(), help="Only rows that changed since, and whether the bot brought the new ones.")
@as_json
def audit(commons: Commons | None, since: CommitHash | datetime | None, as_json: bool) -> None:
    """What is wrong with the rows on main, by any author. Writes nothing.

    Self-stamps, also across rigs of one owner; stamps and completions that do not fit together; second stamps; ratings that
    readers cannot read; completed items without a stamp (a note: that may be on purpose).

    \b
    Examples:
      stampbot audit hop/wl-commons
      stampbot audit hop/wl-commons --since 2026-06-01 --json
    """
    from bot.audit.rows import SINCE_STEPS, TABLES, NoSuchPast, audit_commons

    settings = settings_of(named=(commons,) if commons else ())
    bot = bot_of(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    if since is not None and not isinstance(since, datetime) and len(named) != 1:
        raise click.UsageError("--since COMMIT is of one commons: name it, like hop/wl-commons")
    steps = (*TABLES, *(SINCE_STEPS if since is not None else ()))
    audited: list[Audited] = []
    with errors_reported(), progress_bar(console(stderr=True)) as progress:
        for each in named:
            task = progress.add_task(str(each), total=len(steps))

            def reading(what: str, rows: int, commons: Commons = each, task: TaskID = task) -> None:
                progress.update(task, completed=steps.index(what), description=f"{commons}: {what}, {rows:,} rows")

            try:
                audited.append(audit_commons(bot.at(each), since=since, told=reading))
            except NoSuchPast as error:
                fail(str(error), WRONG_USE)
            progress.update(task, completed=len(steps))
    if as_json:
        print_json({"audits": [audit_json(one) for one in audited]})
    else:
        for one in audited:
            print_audit(console(), one)
    found = [status_of(one) for one in audited]
    sys.exit(FINDING if FINDING in found else max(found, default=FINE))


@click.command()
@click.argument("stamp")
@click.option("--commons", type=CommonsType(), help="Where the stamp is; all commons of the settings are asked if not given.")
@click.option("--plan", is_flag=True, help="Print the way back. Without it nothing is done: this command never writes.")
@as_json
def revert(stamp: str, commons: Commons | None, plan: bool, as_json: bool) -> None:
    """The way back from one decision: the statements that undo a stamp, to be run by hand. Writes nothing.

    \b
    Example:
      stampbot revert s-0123456789abcdef --commons hop/wl-commons --plan
    """
    from bot import wiring
    from bot.audit.revert import plan_back

    if not plan:
        fail(f"Nothing is reverted by itself. To see the way back: stampbot revert {stamp} --plan", WRONG_USE)
    settings = settings_of(named=(commons,) if commons else ())
    bot = bot_of(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    with errors_reported():
        back = (plan_back(bot.at(each), StampId(stamp), wiring.now()) for each in named)
        found = next((one for one in back if one is not None), None)
    if found is None:
        fail(f"There is no stamp {stamp} on main of {', '.join(map(str, named))}.", FINDING)
    if as_json:
        print_json(inverse_json(found))
    else:
        print_inverse(found)


def status_of(audited: Audited) -> int:
    """Exit status: 0 nothing but notes, 1 a finding, 3 nothing found, but not everything could be read."""
    if any(found.level is not Level.NOTE for found in audited.findings):
        return FINDING
    return COULD_NOT_TELL if audited.unread else FINE


def audit_json(audited: Audited) -> dict[str, object]:
    """One audit for --json."""
    return {
        "commons": str(audited.commons),
        "at": audited.at,
        "since": audited.since,
        "findings": [
            {
                "check": f.check,
                "level": f.level.value,
                "place": str(f.place),
                "says": f.says,
                "rows": [{"table": table, "key": key} for table, key in f.rows],
            }
            for f in audited.findings
        ],
        "unread": list(audited.unread),
    }


def print_audit(console: Console, audited: Audited) -> None:
    """One audit, for people."""
    since = f", since {audited.since[:8]}" if audited.since else ""
    head = f"{audited.commons} at {audited.at[:8]}{since}"
    if audited.findings:
        rows = [(Text(f.level.value, STYLE[f.level]), *cells(f.check, f.place, f.says)) for f in audited.findings]
        console.print(table(head, ("level", "check", "place", "says"), rows))
    else:
        console.print(Text(f"{head}: nothing found"))
    for said in audited.unread:
        console.print(Text(f"Not read  {visible(said)}"))


def inverse_json(inverse: Inverse) -> dict[str, object]:
    """The way back for --json."""
    return {
        "commons": str(inverse.commons),
        "at": inverse.at,
        "check": list(inverse.checks),
        "writes": [
            {
                "table": w.table,
                "key": w.key,
                "write": w.write.value,
                "cells": w.cells.as_dict(),
                "guard": w.guard.as_dict(),
                "touch": list(w.touch),
            }
            for w in inverse.change.writes
        ],
        "statements": [statement.text for statement in inverse.statements],
    }


def print_inverse(inverse: Inverse) -> None:
    """The way back, for people and for a pipe: checks as SQL comments, then the statements, each on a line of its own."""
    from bot.dolthub.sql import comment

    click.echo(f"-- {inverse.commons} at {inverse.at}: nothing was written")
    for said in inverse.checks:
        click.echo(f"-- {visible(said)}")
    note = comment(inverse.change.note)
    for statement in inverse.statements:
        click.echo(f"{statement.text.removesuffix(note)};{note}")
