"""A commons as a whole: which pulls need a look, which wait for validators, and the rows as they stand on main."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from rich.progress import TaskID

from bot.cli.arguments import CommonsType, SinceType, as_json
from bot.cli.shared import console, deps_of, fail, settings_of, told
from bot.model.ids import CommitHash, Commons, StampId
from bot.terminal import COULD_NOT_TELL, FINDING, FINE, WRONG_USE


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--wait", is_flag=True, help="Stay until the queue is empty. Needs a running worker.")
@as_json
def sweep(commons: Commons | None, wait: bool, as_json: bool) -> None:
    """Look once which pulls need a look, and knock at them.

    Exit status: 0, or 3 where DoltHub or Redis did not answer, or with --wait no worker took what waits.

    \b
    Example:
      stampbot sweep hop/wl-commons --wait
    """
    from bot.demo.demo import NobodyWorks, await_empty_queue
    from bot.sweep.sweep import sweep as sweep_commons
    from bot.terminal import print_json

    settings = settings_of(named=(commons,) if commons else ())
    deps = deps_of(settings)
    knocked: dict[str, int] = {}
    with told():
        for each in (commons,) if commons else tuple(one.commons for one in settings.commons):
            knocked[str(each)] = sweep_commons(each, deps, everything=True)
        if wait:
            try:
                await_empty_queue(console(stderr=True), deps.jobs, deps.clock)
            except NobodyWorks as nobody:
                fail(str(nobody), COULD_NOT_TELL)
    if as_json:
        print_json({"knocked": knocked})
    else:
        for name, count in knocked.items():
            click.echo(f"{name}: knocked at {count} pull{'' if count == 1 else 's'}")


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--ready", is_flag=True, help="Only pulls that can be accepted as they stand.")
@as_json
def queue(commons: Commons | None, ready: bool, as_json: bool) -> None:
    """What waits for validators, oldest first, with the line to type below each pull.

    Verdicts are those of the last look; pulls that nobody looked at yet are listed as DoltHub lists them.
    Exit status: 0, or 3 where Redis or DoltHub did not answer and the other told what it knows.

    \b
    Examples:
      stampbot queue
      stampbot queue hop/wl-commons --ready --json
    """
    from bot import wiring
    from bot.cli.printing import backlog_json, print_backlog
    from bot.converge.backlog import read_backlog
    from bot.terminal import print_json

    settings = settings_of(named=(commons,) if commons else ())
    deps = deps_of(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    with told():
        found = [read_backlog(each, deps) for each in named]
    shown = [each.ready() if ready else each for each in found]
    if as_json:
        print_json({"backlogs": [backlog_json(each) for each in shown]})
    else:
        for each in shown:
            print_backlog(console(), each, now=wiring.now(), ready=ready)
    sys.exit(COULD_NOT_TELL if any(each.lacks for each in found) else FINE)


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--since", type=SinceType(), help="Only rows that changed since, and whether the bot brought the new ones.")
@as_json
def audit(commons: Commons | None, since: CommitHash | datetime | None, as_json: bool) -> None:
    """What is wrong with the rows on main, whoever wrote them. Writes nothing.

    Self-stamps, also across rigs of one owner; stamps and completions that do not fit together; second stamps; ratings that
    readers cannot read; completed items without a stamp (a note: that may be on purpose).

    \b
    Examples:
      stampbot audit hop/wl-commons
      stampbot audit hop/wl-commons --since 2026-06-01 --json
    """
    from bot.audit.rows import SINCE_STEPS, TABLES, Audited, NoSuchPast, audit_commons
    from bot.cli.printing import audit_json, print_audit, status_of_audit
    from bot.terminal import print_json, progress_bar

    settings = settings_of(named=(commons,) if commons else ())
    deps = deps_of(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    if since is not None and not isinstance(since, datetime) and len(named) != 1:
        raise click.UsageError("--since COMMIT is of one commons: name it, like hop/wl-commons")
    steps = (*TABLES, *(SINCE_STEPS if since is not None else ()))
    audited: list[Audited] = []
    with told(), progress_bar(console(stderr=True)) as progress:
        for each in named:
            task = progress.add_task(str(each), total=len(steps))

            def reading(what: str, rows: int, commons: Commons = each, task: TaskID = task) -> None:
                progress.update(task, completed=steps.index(what), description=f"{commons}: {what}, {rows:,} rows")

            try:
                audited.append(audit_commons(each, deps, since=since, told=reading))
            except NoSuchPast as error:
                fail(str(error), WRONG_USE)
            progress.update(task, completed=len(steps))
    if as_json:
        print_json({"audits": [audit_json(one) for one in audited]})
    else:
        for one in audited:
            print_audit(console(), one)
    found = [status_of_audit(one) for one in audited]
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
    from bot.cli.printing import inverse_json, print_inverse
    from bot.terminal import print_json

    if not plan:
        fail(f"Nothing is reverted by itself. To see the way back: stampbot revert {stamp} --plan", WRONG_USE)
    settings = settings_of(named=(commons,) if commons else ())
    deps = deps_of(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    with told():
        back = (plan_back(deps.hub(each), each, StampId(stamp), wiring.now()) for each in named)
        found = next((one for one in back if one is not None), None)
    if found is None:
        fail(f"There is no stamp {stamp} on main of {', '.join(map(str, named))}.", FINDING)
    if as_json:
        print_json(inverse_json(found))
    else:
        print_inverse(found)
