"""`stampbot conformance`: whether a host does what the bot assumes."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.arguments import as_json
from bot.cli.shared import console, errors_reported, fail, settings_of
from bot.log import stranger
from bot.model.ids import Database
from bot.terminal import FINDING, FINE, WRONG_USE, cells, print_json, progress_bar, table

if TYPE_CHECKING:
    from bot.conformance.assumption import Result

STYLES = {"as assumed": "green", "different": "bold red", "could not be tried": "yellow"}


@click.command()
@click.argument("database", metavar="OWNER/DATABASE")
@click.option("--read-only", is_flag=True, help="Try only what writes nothing: any public database, no account needed.")
@click.option("--yes", is_flag=True, help="Write to the scratch database without asking.")
@as_json
def conformance(database: str, read_only: bool, yes: bool, as_json: bool) -> None:
    """Whether a host does what the bot assumes and no contract promises (docs/assumptions.md).

    Without --read-only DATABASE is a scratch database of yours: the check makes two branches, a table, a pull and a comment
    there, merges the pull, and closes and drops what it can. A database that holds stamps is refused.

    Exit status: 0 all as assumed · 1 something is different · 3 DoltHub does not answer.

    \b
    Examples:
      stampbot conformance --read-only hop/wl-commons
      STAMPBOT_HUB_TOKEN=… stampbot conformance ana/scratch --json > report.json
    """
    from bot import wiring
    from bot.conformance.run import NotScratch, chosen, refuse_real, tried
    from bot.conformance.trial import Trial

    owner, slash, name = database.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise click.BadParameter(f"{database!r} is no OWNER/DATABASE, such as ana/scratch", param_hint="OWNER/DATABASE")
    db = Database(owner, name)
    settings = settings_of(named=(db,))
    hub = wiring.plain_hub(settings, db)
    if not read_only and not hub.has_token:
        fail("Writing needs an account: set STAMPBOT_HUB_TOKEN, or use --read-only.", WRONG_USE)
    run = f"{wiring.now():%Y%m%d%H%M%S}_{secrets.token_hex(3)}"
    trial = Trial(hub=hub, db=db, name=run)
    with errors_reported():
        if not read_only:
            try:
                refuse_real(hub, db)
            except NotScratch as no:
                fail(str(no), WRONG_USE)
            click.echo(
                f"This writes to {db}: branches {trial.branch}, a table, a pull, a comment; the pull is merged.", err=True
            )
            if not yes and not click.confirm("Go on?", err=True):
                sys.exit(WRONG_USE)
        rows = chosen(writes=not read_only)
        with progress_bar(console(stderr=True)) as progress:
            task = progress.add_task("trying", total=len(rows))
            results = tried(trial, rows, lambda _: progress.advance(task))
    left = () if read_only else trial.clean_up()
    if not read_only and all(each.outcome.value == "as assumed" for each in results):
        wiring.store(settings, patient=False).host_checks.note_passed(settings.hub_url)
    if as_json:
        print_json({"host": settings.hub_url, "database": str(db), "run": run, "results": results, "left": left})
    else:
        _print(results, left)
    sys.exit(FINDING if any(each.outcome.value == "different" for each in results) else FINE)


def _print(results: tuple[Result, ...], left: tuple[str, ...]) -> None:
    shown = console()
    rows = []
    for each in results:
        says = each.assumes if not each.says else stranger(each.says)
        if each.outcome.value == "different":
            says = f"{says}. This changes: {each.changes}"
        id_, outcome, text = cells(each.id, each.outcome.value, says)
        outcome.stylize(STYLES[each.outcome.value])
        rows.append((id_, outcome, text))
    shown.print(table("What this host does", ("assumption", "", ""), rows))
    for what in left:
        shown.print(*cells(f"Left behind: {what}"))
