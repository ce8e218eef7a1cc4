"""How fast links are looked at, beside others who look at the same links in the same run.

Only ratios say anything: between neighbours of one round, on a machine that does nothing else.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import rivals
from benchmarks.contender import RUNNERS
from benchmarks.measure import MeasureError, Run, Work, run, serving
from benchmarks.ratios import OURS, SLOW_MS, Judged, Outcome, figures, judged, strays
from benchmarks.through_queue import Drained, drain

NAMES = (*RUNNERS, *rivals.RIVALS)
QUICK = {"urls": 400, "rounds": 2}
LATENCIES_MS = (0, SLOW_MS)
WHAT: Mapping[str, str] = {
    OURS: "bot.evidence.probe, in threads",
    "requests": "requests.get, in as many threads",
    "asyncio": "bare streams, as many at once: the limit",
    **{rival.name: rival.what for rival in rivals.RIVALS.values()},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to measure. `only` and `latencies` empty: all there is."""

    urls: int
    hosts: int
    rounds: int
    threads: int
    only: tuple[str, ...] = ()
    latencies: tuple[int, ...] = ()
    no_queue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured. `absent`: contenders that are not on this machine; `trouble`: what did not work, and why."""

    machine: Mapping[str, Any]
    order: Order
    runs: tuple[Run, ...]
    drained: Drained | None
    absent: tuple[str, ...]
    trouble: tuple[str, ...]

    @property
    def astray(self) -> tuple[Run, ...]:
        return strays(self.runs, self.order.urls)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--urls", default=2000, show_default=True, type=click.IntRange(1), help="Pages to look at in each run.")
@click.option("--hosts", default=50, show_default=True, type=click.IntRange(1, 2000), help="Local hosts they are spread over.")
@click.option(
    "--rounds", default=5, show_default=True, type=click.IntRange(1), help="Runs of each, one after the other in turn."
)
@click.option("--threads", default=32, show_default=True, type=click.IntRange(1, 256), help="Looks at once, the same for all.")
@click.option("--quick", is_flag=True, help=f"Only {QUICK['urls']} URLs and {QUICK['rounds']} rounds, unless told otherwise.")
@click.option(
    "--only", multiple=True, type=click.Choice(NAMES), help="Measure this one (repeatable); without it, all that are there."
)
@click.option("--latency-ms", "latencies", multiple=True, type=click.IntRange(0), help="Latency of hosts. [default: 0 and 200]")
@click.option("--no-queue", is_flag=True, help="Leave out the measurement through Redis and the prober.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--install-rivals", is_flag=True, help="Install linkchecker and lychee beside this project, and end.")
@click.pass_context
def main(context: click.Context, /, *, quick: bool, as_json: bool, install_rivals: bool, **given: Any) -> None:
    """Measure how fast links are looked at, beside others, on this machine alone.

    Every run is a process of its own; the hosts are one more. Nothing but this machine is asked. Exit status: 0 all that was
    measured is as required, 1 something is not, 2 wrong use, 3 a measurement went wrong.

    \b
    Examples:
      python -m benchmarks.evidence --install-rivals
      python -m benchmarks.evidence
      python -m benchmarks.evidence --quick --no-queue --only ours --only requests
      python -m benchmarks.evidence --json > evidence.json
    """
    console = Console(stderr=True)
    if install_rivals:
        for line in rivals.install():
            console.print(line, highlight=False)
        return
    if quick:
        by_default = click.core.ParameterSource.DEFAULT
        given |= {name: few for name, few in QUICK.items() if context.get_parameter_source(name) is by_default}
    order = Order(**given)
    report = _measure(console, order)
    if as_json:
        click.echo(json.dumps(_document(report), indent=2))
    else:
        _show(Console(), report)
    if report.trouble:
        sys.exit(3)
    sys.exit(1 if report.astray or any(each.outcome is Outcome.MISSED for each in judged(report.runs)) else 0)


def _measure(console: Console, order: Order) -> Report:
    """All runs, contenders in turn within each round, and what came through the queue."""
    absent = tuple(rival.name for rival in rivals.RIVALS.values() if rival.find() is None)
    names = [name for name in NAMES if (not order.only or name in order.only) and name not in absent]
    latencies = order.latencies or LATENCIES_MS
    machine = _machine()
    runs: list[Run] = []
    drained: Drained | None = None
    trouble: list[str] = []
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=console, transient=True) as progress,
        tempfile.TemporaryDirectory(prefix="stampbot-bench-") as folder,
    ):
        task = progress.add_task("", total=len(latencies) * order.rounds * len(names) + (not order.no_queue))
        for latency_ms in latencies:
            with serving(order.hosts, latency_ms) as server:
                for number in range(order.rounds):
                    for name in names:
                        progress.update(task, description=f"{name}, {latency_ms} ms, {number + 1}/{order.rounds}")
                        work = Work(urls=server.urls(order.urls), threads=order.threads, folder=Path(folder))
                        try:
                            runs.append(run(name, server, work, number))
                        except MeasureError as error:
                            trouble.append(str(error))
                        progress.advance(task)
        if not order.no_queue:
            progress.update(task, description="through the queue")
            with serving(order.hosts, 0) as server:
                try:
                    drained = drain(server, order.urls)
                except MeasureError as error:
                    trouble.append(f"through the queue: {error}")
            progress.advance(task)
    return Report(
        machine=machine, order=order, runs=tuple(runs), drained=drained, absent=absent, trouble=tuple(dict.fromkeys(trouble))
    )


def _machine() -> Mapping[str, Any]:
    """What the figures were taken on. `load` is that of before: what others do meanwhile spoils them."""
    return {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "python": platform.python_version()}


def _document(report: Report) -> Mapping[str, Any]:
    urls, drained = report.order.urls, report.drained
    queue = None
    if drained is not None:
        queue = {**dataclasses.asdict(drained), "links_per_s": drained.links_per_s, "jobs_per_s": drained.jobs_per_s}
    return {
        "machine": report.machine,
        "order": dataclasses.asdict(report.order),
        "runs": [dataclasses.asdict(one) for one in report.runs],
        "figures": [dataclasses.asdict(figure) for figure in figures(report.runs, urls)],
        "requirements": [
            {**dataclasses.asdict(each.requirement), "ratio": each.ratio, "outcome": each.outcome.value}
            for each in judged(report.runs)
        ],
        "astray": [dataclasses.asdict(one) for one in report.astray],
        "queue": queue,
        "absent": report.absent,
        "trouble": report.trouble,
    }


def _show(console: Console, report: Report) -> None:
    told = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    table = Table(title=f"{report.order.urls} URLs, {report.order.threads} threads; {told}")
    table.add_column("contender")
    for heading in ("latency", "URLs/s", "CPU ms/URL", "server CPU", "ours faster", "less CPU"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in figures(report.runs, report.order.urls):
        table.add_row(
            figure.contender,
            f"{figure.latency_ms} ms",
            f"{figure.urls_per_s:.0f}",
            f"{figure.cpu_ms_per_url:.2f}",
            f"{figure.server_share:.0%}",
            *(f"{ratio:.2f} x" if ratio is not None else "" for ratio in (figure.faster, figure.leaner)),
        )
    console.print(table)
    for name in dict.fromkeys(one.contender for one in report.runs):
        console.print(f"  {name}: {WHAT[name]}", style="dim", highlight=False)
    if (drained := report.drained) is not None:
        console.print(
            f"through the queue: {drained.links_per_s:.0f} links/s, {drained.jobs_per_s:.0f} jobs/s"
            f" ({drained.links} links in {drained.jobs} jobs, {drained.reachable} reachable)",
            highlight=False,
        )
    for line in _verdicts(judged(report.runs), report):
        console.print(line, highlight=False, soft_wrap=True)


def _verdicts(found: Sequence[Judged], report: Report) -> Iterator[str]:
    styles = {Outcome.PASS: "green", Outcome.MISSED: "bold red", Outcome.NOT_MEASURED: "yellow"}
    for each in found:
        asked, style = each.requirement, styles[each.outcome]
        ratio = f"{each.ratio:.2f}" if each.ratio is not None else "no"
        yield (
            f"[{style}]{each.outcome.value}[/{style}]: {ratio} x {asked.beside} at {asked.latency_ms} ms,"
            f" asked for {asked.least:.2f} ({asked.why})"
        )
    for name in report.absent:
        yield f"[yellow]{name} is not available here[/yellow]: {rivals.HOW}"
    for one in report.astray:
        seen = ", ".join(f"{count} {what}" for what, count in one.seen.items())
        yield f"[bold red]astray[/bold red]: {one.contender} at {one.latency_ms} ms: {one.answered} answered, seen {seen}"
    for what in report.trouble:
        yield f"[bold red]went wrong[/bold red]: {escape(what)}"


if __name__ == "__main__":
    main()
