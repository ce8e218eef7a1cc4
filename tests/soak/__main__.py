"""`make soak`, or `python -m tests.soak`: plays a soak, with a bar, and says in the end what the audit found."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tests.soak.run import Outcome, Plan, Watching, any_seed, soak
from tests.soak.town import TownFailed

SHOWN_MAX = 30
CANNOT_START = 3


@click.command()
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, help="How long the storm lasts."
)
@click.option("--seed", type=int, help="Draws people and troubles; any number if not given, and told.")
@click.option(
    "--landing", type=click.Choice(["pull", "direct"]), default="pull", show_default=True, help="As in stampbot.toml."
)
@click.option("--patience", type=float, default=360.0, show_default=True, help="Seconds in which all must be in order again.")
@click.option("--wipe-at-the-end", is_flag=True, help="Begin the calm with a blank Redis, which makes it short.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("--keep", is_flag=True, help="Keep the world's folder although all is well.")
def main(
    minutes: float, seed: int | None, landing: str, patience: float, wipe_at_the_end: bool, as_json: bool, keep: bool
) -> None:
    """Run the bot's processes under random kills, freezes, Redis wipes and hub trouble while people work; then audit the hub.

    Exit status 0: every decision was answered and done once. 1: it was not, and here is what and how to play it again.
    3: it could not be set up.

    \b
    make soak MINUTES=10
    make soak MINUTES=2 SEED=7 LANDING=direct
    """
    console = Console(stderr=as_json)
    plan = Plan(
        seconds=minutes * 60,
        seed=any_seed() if seed is None else seed,
        landing=landing,
        patience_s=patience,
        wipe_at_the_end=wipe_at_the_end,
    )
    console.print(f"Seed {plan.seed}. Again: {plan.replay}", highlight=False)
    try:
        outcome = _watch(console, plan, keep=keep)
    except TownFailed as error:
        console.print(Text(f"soak: {error}", "bold red"))
        sys.exit(CANNOT_START)
    if as_json:
        print(json.dumps(outcome.as_json(), indent=2))
    else:
        console.print(_table(outcome))
    _tell(console, outcome, keep=keep)
    sys.exit(0 if outcome.good else 1)


def _watch(console: Console, plan: Plan, *, keep: bool) -> Outcome:
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks: dict[str, object] = {}

        def tell(phase: str, part: float, told: str) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(phase, total=1.0, told="")
            progress.update(tasks[phase], completed=min(1.0, part), told=told)  # type: ignore[arg-type]

        return soak(plan, Watching(tell), keep=keep)


def _table(outcome: Outcome) -> Table:
    found = outcome.audit
    table = Table(title=f"What the hub shows after {outcome.plan.seconds / 60:g} min of storm, {outcome.calm_s:.0f} s of calm")
    table.add_column("what")
    table.add_column("how many", justify="right")
    must_be_none = (len(found.duplicates), len(found.lost), len(found.wrong), len(found.said_twice))
    rows: list[tuple[str, int, bool]] = [
        ("pulls", found.pulls, False),
        ("reviews", found.reviews, False),
        ("decisions given", found.decisions, False),
        ("… answered", found.answered, False),
        ("… carried out", found.done, False),
        ("… refused", found.refused, False),
        ("pulls merged", found.merged, False),
        ("pulls closed", found.closed, False),
        ("stamps", found.stamps, False),
        ("deeds done twice (must be 0)", must_be_none[0], True),
        ("lost (must be 0)", must_be_none[1], True),
        ("unasked or otherwise than told (must be 0)", must_be_none[2], True),
        ("words said twice (must be 0)", must_be_none[3], True),
        ("words said twice, Redis wiped, a process killed and the list lagging", len(found.said_twice_excused), False),
        ("processes started", outcome.starts, False),
    ]
    for what, count, strict in rows:
        table.add_row(what, str(count), style=("red" if count else "green") if strict else "")
    for what, count in outcome.troubles.items():
        table.add_row(f"trouble: {what}", str(count), style="dim")
    return table


def _tell(console: Console, outcome: Outcome, *, keep: bool) -> None:
    for sentence in outcome.failures[:SHOWN_MAX]:
        console.print(Text(sentence, "red"), soft_wrap=True)
    if len(outcome.failures) > SHOWN_MAX:
        console.print(Text(f"… and {len(outcome.failures) - SHOWN_MAX} more", "red"))
    if not outcome.good:
        console.print(Text(f"Play it again: {outcome.plan.replay}", "bold"), soft_wrap=True)
    if keep or not outcome.good:
        console.print(f"The world, its log and the journal of troubles: {outcome.folder}", highlight=False, soft_wrap=True)
    if outcome.good:
        console.print(Text("Everything was done once, answered once, and nothing is lost.", "bold green"))


if __name__ == "__main__":
    main()
