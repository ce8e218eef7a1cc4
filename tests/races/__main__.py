"""`make races`, or `python -m tests.races`: runs the races, with a bar, and says how often each side was first."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tests.races.races import BETWEEN, FIRST, RACES, SECOND
from tests.races.run import Outcome, Plan, races
from tests.soak.run import any_seed
from tests.soak.town import TownFailed

CANNOT_START = 3


@click.command()
@click.option(
    "--rounds", type=click.IntRange(1), default=50, show_default=True, help="How many races; the five kinds take turns."
)
@click.option("--seed", type=int, help="Draws people and starts; any number if not given, and told.")
@click.option(
    "--landing", type=click.Choice(["pull", "direct"]), default="pull", show_default=True, help="As in stampbot.toml."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("--keep", is_flag=True, help="Keep the world's folder although all is well.")
def main(rounds: int, seed: int | None, landing: str, as_json: bool, keep: bool) -> None:
    """Let two sides want something of one pull in the same moment, round after round, before the bot's own processes.

    Exit status 0: one merge, one stamp at most, every human answered once and truly, each time. 1: not so, and here is what
    and how to run it again. 3: it could not be set up.

    \b
    make races ROUNDS=50
    make races ROUNDS=20 SEED=7 LANDING=direct
    """
    console = Console(stderr=as_json)
    plan = Plan(rounds=rounds, seed=any_seed() if seed is None else seed, landing=landing)
    console.print(f"Seed {plan.seed}. Again: {plan.replay}", highlight=False)
    columns = (TextColumn("races"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("races", total=rounds)
            outcome = races(plan, lambda over: progress.update(task, completed=over), keep=keep)
    except TownFailed as error:
        console.print(Text(f"races: {error}", "bold red"))
        sys.exit(CANNOT_START)
    if as_json:
        print(json.dumps(outcome.as_json(), indent=2))
    else:
        console.print(_table(outcome))
    _tell(console, outcome, keep=keep)
    sys.exit(0 if outcome.good else 1)


def _table(outcome: Outcome) -> Table:
    table = Table(title=f"Who was first in {outcome.rounds} rounds, in {outcome.took_s:.0f} s")
    table.add_column("one side")
    table.add_column("the other")
    for column in ("the one", "the other", "in between"):
        table.add_column(column, justify="right")
    for race in RACES:
        won = outcome.won[race.name]
        table.add_row(race.first, race.second, *(str(won[side]) for side in (FIRST, SECOND, BETWEEN)))
    return table


def _tell(console: Console, outcome: Outcome, *, keep: bool) -> None:
    for sentence in outcome.failures:
        console.print(Text(sentence, "red"), soft_wrap=True)
    if not outcome.good:
        console.print(Text(f"Run it again: {outcome.plan.replay}", "bold"), soft_wrap=True)
    if keep or not outcome.good:
        console.print(f"The world and its log: {outcome.folder}", highlight=False, soft_wrap=True)
    if outcome.good:
        console.print(Text("One merge, one stamp at most, every human answered once and truly, in each round.", "bold green"))


if __name__ == "__main__":
    main()
