"""How soon a comment is answered while the reviews of a fresh installation are still being written.

    python -m benchmarks.attention

The demo's processes run with the settings that are shipped: its 47 pulls are open and none has a review. As soon as some
reviews stand, `/help` and `/accept` are written below reviewed pulls, one after the other. Nothing is told about time: this
takes some minutes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.table import Table

from benchmarks.measure import MeasureError
from bot.demo.processes import Running, demo
from bot.demo.story import Stage

VALIDATOR = "ana"
HELP_MAX_S = 90.0
ACCEPT_MAX_S = 180.0
REVIEWS_FIRST = 4
"""Reviews that stand before the first command is written."""
ROUNDS = 3
PATIENCE_S = 900.0
LOOK_EVERY_S = 0.5
LATENCY_MS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One command. `reviews`: how many pulls had a review when it was written."""

    command: str
    pull: int
    reviews: int
    outcome: str
    after_s: float


def measure(running: Running, console: Console, rounds: int) -> tuple[Answered, ...]:
    """Write the commands and wait for the answers. Raises MeasureError."""
    stage = Stage(running.sandbox_url, str(running.seed["commons"]))
    began = time.monotonic()
    found: list[Answered] = []
    decided: set[int] = set()
    for number in range(rounds):
        reviewed = _await_reviews(running, stage, REVIEWS_FIRST * (number + 1))
        fresh = [pull for pull in reviewed if pull not in decided]
        accepted = next(pull for pull in fresh if reviewed[pull] == "READY")
        asked = {accepted: "/accept --quality 4 --at {head}", next(p for p in fresh if p != accepted): "/help"}
        decided |= asked.keys()
        written = {}
        for pull, text in asked.items():
            head = next(said.head for said in stage.said(pull) if said.kind == "review")
            command = text.format(head=head)
            written[pull] = (stage.comment(pull, VALIDATOR, command), command.split()[0], time.monotonic())
        for one in _answered(running, stage, written, len(reviewed)):
            console.print(f"{time.monotonic() - began:6.0f} s", one, soft_wrap=True)
            found.append(one)
    return tuple(found)


def _await_reviews(running: Running, stage: Stage, least: int) -> dict[int, str]:
    """Outcome of the first review of each open pull that has one, in the order of the pulls."""
    until = time.monotonic() + PATIENCE_S
    while True:
        running.processes.check()
        states = stage.pulls()
        said = {pull: stage.said(pull) for pull in running.slugs.values()}
        found = {
            pull: first
            for pull, each in said.items()
            if states[pull] == "open" and (first := next((s.outcome for s in each if s.kind == "review"), ""))
        }
        if len(found) >= least:
            return found
        if time.monotonic() > until:
            raise MeasureError(f"{len(found)} of {least} reviews stood after {PATIENCE_S:.0f} s")
        time.sleep(LOOK_EVERY_S * 4)


def _answered(
    running: Running, stage: Stage, written: Mapping[int, tuple[str, str, float]], reviews: int
) -> Iterator[Answered]:
    """Each command as soon as its answer stands. `written`: by pull the comment's id, its first word, and when."""
    waiting, until = dict(written), time.monotonic() + PATIENCE_S
    while waiting:
        running.processes.check()
        for pull, (comment, command, at) in tuple(waiting.items()):
            for said in stage.said(pull):
                if said.kind == "answer" and said.about.endswith(f":{comment}") and said.outcome != "parked":
                    del waiting[pull]
                    after_s = round(time.monotonic() - at, 1)
                    yield Answered(command=command, pull=pull, reviews=reviews, outcome=said.outcome, after_s=after_s)
        if waiting and time.monotonic() > until:
            raise MeasureError(f"no answer below {sorted(waiting)} in {PATIENCE_S:.0f} s")
        time.sleep(LOOK_EVERY_S)


def _shown(found: tuple[Answered, ...]) -> Table:
    table = Table("command", "pull", "reviews there", "outcome", "answered after, s", title="Commands on a fresh installation")
    for one in found:
        table.add_row(one.command, f"#{one.pull}", str(one.reviews), one.outcome, f"{one.after_s:.1f}")
    return table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--latency-ms", default=LATENCY_MS, show_default=True, help="How long the sandbox waits before each answer.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="How often one /help and one /accept are written.")
@click.option("--verbose", is_flag=True, help="Print what the processes log.")
def main(as_json: bool, latency_ms: int, rounds: int, verbose: bool) -> None:
    """Seconds from a command to its answer, on the settings that are shipped.

    \b
    Example:
      python -m benchmarks.attention_real --rounds 1
    """
    console = Console(stderr=True)

    def say(name: str, line: str) -> None:
        if verbose:
            console.print(f"{name:<8}| {line}", markup=False, highlight=False, soft_wrap=True)

    with demo(say, sandbox_port=0, web_port=0, shipped=True, latency_ms=latency_ms) as running:
        found = measure(running, console, rounds)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        Console().print(_shown(found))
    most = {"/help": HELP_MAX_S, "/accept": ACCEPT_MAX_S}
    sys.exit(0 if all(one.after_s <= most[one.command] for one in found) else 1)


if __name__ == "__main__":
    main()
