"""Checks of this installation, each with its fix."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.text import Text

from bot.cli.arguments import CommonsType, as_json
from bot.cli.shared import a_person_waits, console, settings_read
from bot.health import CheckResult, State, examine
from bot.model.ids import Commons
from bot.terminal import COULD_NOT_TELL, FINDING, FINE, cells, print_json, table

STYLE = {State.FINE: "green", State.NOTE: "blue", State.FAULT: "bold red", State.UNKNOWN: "magenta"}

_WORST_FIRST = (State.FAULT, State.UNKNOWN, State.NOTE, State.FINE)


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@as_json
def doctor(commons: Commons | None, as_json: bool) -> None:
    """What is wrong with this installation, and how to fix it: settings, Redis, queues, and each commons.

    Changes nothing. Whether the token may write is inferred from a request for a branch at a commit that is not there.
    Exit status: 0 nothing but notes, 1 a fault, 3 no fault, but not everything could be checked.

    \b
    Examples:
      stampbot doctor
      stampbot doctor hop/wl-commons --json
    """
    from bot import wiring
    from bot.config.settings import SettingsError
    from bot.health import reading

    out = console()
    try:
        settings = settings_read(named=(commons,) if commons else ())
    except SettingsError as error:
        results = examine(reading.facts_of_problems(error))
    else:
        bot = wiring.for_worker(settings, patient=False)
        with console(stderr=True).status("") as status, a_person_waits():
            facts = reading.read_facts(
                settings,
                bot,
                only=(commons,) if commons else (),
                progress=lambda what: status.update(Text(f"reading {what} …")),
            )
        results = examine(facts)
    status_is = status_of(results)
    if as_json:
        print_json({"status": status_is, "signs": results})
    else:
        rows = [
            (Text(result.state.value, STYLE[result.state]), *cells(result.commons or "", result.check, result.says, result.fix))
            for result in sorted(results, key=lambda each: _WORST_FIRST.index(each.state))
        ]
        out.print(table("Stampbot's health", ("", "commons", "check", "what was seen", "how to fix it"), rows))
        out.print(Text(summary(results)))
    sys.exit(status_is)


def status_of(results: Sequence[CheckResult]) -> int:
    """Exit status: 1 a fault, 3 no fault but something unknown, 0 nothing but notes."""
    states = {result.state for result in results}
    return FINDING if State.FAULT in states else COULD_NOT_TELL if State.UNKNOWN in states else FINE


def summary(results: tuple[CheckResult, ...]) -> str:
    """How many of what."""
    counts = ((state, sum(result.state is state for result in results)) for state in State)
    return ", ".join(f"{count} {state.value}" for state, count in counts if count)
