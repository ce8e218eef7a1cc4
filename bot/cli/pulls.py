"""One pull: its review, its plan, and carrying out the plan."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO, assert_never

import click
from rich.console import Console
from rich.text import Text

from bot.cli.arguments import CommonsType, PullType, as_json
from bot.cli.shared import STYLE, a_person_waits, bot_of, console, errors_reported, fail, settings_of, warn_read_only
from bot.log import visible
from bot.model.finding import Judgement, Verdict
from bot.model.ids import Commons, PullNo, User
from bot.model.step import Answer, ClosePull, Land, MergePull, Outcome, PostNotice, PostReview, Step, step_line
from bot.terminal import COULD_NOT_TELL, FINDING, FINE, WRONG_USE, cells, lines, print_json, table

if TYPE_CHECKING:
    from bot.converge.plan import Plan
    from bot.model.snapshot import Snapshot

_STATUS = {
    Verdict.READY: FINE,
    Verdict.WAITING: FINE,
    Verdict.BY_HAND: FINE,
    Verdict.LOOK: FINDING,
    Verdict.BLOCKED: FINDING,
    Verdict.CANNOT_TELL: COULD_NOT_TELL,
}


@click.command()
@click.argument("pull", type=PullType())
@as_json
def review(pull: tuple[Commons, PullNo], as_json: bool) -> None:
    """Observe and judge one pull, and print the review that would be posted. Posts nothing.

    \b
    Example:
      stampbot review 'hop/wl-commons#12'
    """
    from bot.converge.converge import look
    from bot.messages.reviews import body

    commons, number = pull
    with errors_reported(), a_person_waits():
        snapshot, judgement, due = look(number, bot_of(settings_of(named=(commons,)), patient=False).at(commons))
    said = body(snapshot, judgement)
    if as_json:
        print_json({**pull_json(snapshot, judgement, due), "body": said})
    else:
        click.echo(lines(said))
    sys.exit(status_of(judgement.verdict))


@click.command()
@click.argument("fork", type=CommonsType())
@click.argument("branch")
@click.option("--on", "commons", type=CommonsType(), help="The commons it is for; the one that is served, if it is one.")
@as_json
def check(fork: Commons, branch: str, commons: Commons | None, as_json: bool) -> None:
    """For contributors: the review of a branch before there is a pull. Posts nothing, and needs no token on a public commons.

    The links are not opened by this; `stampbot probe URL` opens one. Exit status: 0 READY, 1 a finding, 3 not known.

    \b
    Examples:
      stampbot check pia/wl-commons wl/polecat-7/w-1 --on hop/wl-commons
      stampbot check pia/wl-commons register/polecat-7 --json
    """
    from bot.converge.observe import observe_branch
    from bot.converge.plan import Plan
    from bot.messages.reviews import body
    from bot.model.pull import BranchRef
    from bot.rulebook.judge import judge

    settings = settings_of(named=(commons,) if commons is not None else ())
    served = [each.commons for each in settings.commons]
    if commons is None and len(served) != 1:
        fail(f"name the commons with --on: {', '.join(map(str, served))} are served here", WRONG_USE)
    with errors_reported(), a_person_waits():
        site = bot_of(settings, patient=False).at(commons or served[0])
        snapshot = observe_branch(BranchRef(fork, branch), site)
    judgement = judge(snapshot, site.rules)
    said = body(snapshot, judgement, decided_here=False)
    if as_json:
        print_json({**pull_json(snapshot, judgement, Plan()), "body": said})
    else:
        click.echo(lines(said))
    sys.exit(status_of(judgement.verdict))


@click.command()
@click.argument("pull", type=PullType())
@click.option("--as", "said", metavar="'USER: COMMENT'", help='As if this comment stood there: "ana: /accept -q 4".')
@as_json
def explain(pull: tuple[Commons, PullNo], said: str | None, as_json: bool) -> None:
    """Kind, verdict, findings and plan of one pull. Touches nothing.

    \b
    Examples:
      stampbot explain 'hop/wl-commons#12'
      stampbot explain 'hop/wl-commons#12' --as 'ana: /accept -q 4' --json
    """
    from bot.converge.converge import look
    from bot.converge.plan import plan

    commons, number = pull
    bot = bot_of(settings_of(named=(commons,)), patient=False)
    with errors_reported(), a_person_waits():
        snapshot, judgement, due = look(number, bot.at(commons))
    if said is not None:
        snapshot = _with_comment(snapshot, said)
        due = plan(snapshot, judgement, bot.commands)
    if as_json:
        print_json(pull_json(snapshot, judgement, due))
    else:
        print_explanation(console(), snapshot, judgement, due)
    sys.exit(status_of(judgement.verdict))


@click.command()
@click.argument("pull", type=PullType())
@as_json
def converge(pull: tuple[Commons, PullNo], as_json: bool) -> None:
    """Do what is due for one pull, now, in the foreground. Posts and merges.

    A pull in quarantine, because it crashed the bot, leaves the quarantine.

    \b
    Example:
      stampbot converge 'hop/wl-commons#12'
    """
    from bot.converge.converge import converge as bring

    commons, number = pull
    settings = settings_of(named=(commons,))
    bot = bot_of(settings)
    warn_read_only(settings)
    with errors_reported(), a_person_waits(), bot.store.at(commons).at_work(number) as lease:
        # A pull in quarantine is tried again when it is asked for by hand.
        bot.store.at(commons).pulls.release(number)
        report = bring(number, bot.at(commons), extend=lease.extend)
    if as_json:
        print_json(
            {
                "commons": str(commons),
                "pull": number,
                "verdict": report.judgement.verdict.value,
                "done": [step_json(step) for step in report.steps_done],
                "waiting": list(report.waiting),
                "next_look_at": report.next_look_at,
                "stopped": report.stopped,
            }
        )
    else:
        for step in report.steps_done:
            click.echo(f"done     {visible(step_line(step))}")
        for wait in report.waiting:
            click.echo(f"waits    {visible(wait)}")
        if report.next_look_at is not None:
            click.echo(f"again    {report.next_look_at.isoformat(timespec='seconds')}")
        if report.stopped:
            click.echo(f"stopped  {visible(report.stopped)}")
        elif not (report.steps_done or report.waiting):
            click.echo("nothing is due")
    sys.exit(COULD_NOT_TELL if report.stopped else FINE)


@click.command()
@click.argument("pull", type=PullType(), required=False)
@click.argument("text", metavar="COMMAND", required=False)
@click.option("--from", "file", type=click.File("r"), help="Take many decisions from a file (-: standard input).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def decide(*, pull: tuple[Commons, PullNo] | None, text: str | None, file: TextIO | None, yes: bool, as_json: bool) -> None:
    """Decide on a pull, by your own token in STAMPBOT_HUB_TOKEN.

    The command is posted as your comment, and the bot answers it. On a host where comments cannot be read (a DoltLab without
    API v2), it is carried out here and now, by your account, as the bot would; if that is cut short, give it again. With
    --from each line is shown with how its pull stands, asked about once, and carried out one after the other.

    \b
    Examples:
      stampbot decide 'hop/wl-commons#12' '/accept --quality 4'
      stampbot decide 'hop/wl-commons#12' '/reject --at 3f9d2c1 The link shows another item' --yes
      stampbot decide --from decisions.txt
    """
    if (file is None) == (pull is None) or (pull is None) != (text is None):
        fail("Give a pull and a command, or --from FILE with lines such as: 12 /accept --quality 4", WRONG_USE)
    if file is not None:
        _decide_all(_decisions(file), yes=yes, as_json=as_json)
    elif pull is not None and text is not None:
        facts, said = _decide_one(*pull, text, yes=yes)
        if as_json:
            print_json(facts)
        else:
            click.echo(lines(said))
        sys.exit(FINE if facts["outcome"] in _GOOD else FINDING)


_GOOD = ("posted", Outcome.DONE.value)


def _decide_one(commons: Commons, number: PullNo, text: str, *, yes: bool) -> tuple[dict[str, object], str]:
    """Post one decision, or carry it out; facts for --json, and what to print."""
    from bot.converge import decide as deciding
    from bot.messages.reviews import body

    bot = bot_of(settings_of(named=(commons,)), patient=False)
    with errors_reported(), a_person_waits():
        try:
            case = deciding.consider(number, text, bot.at(commons))
        except deciding.CannotDecide as no:
            fail(lines(no.says), FINDING)
        facts: dict[str, object] = {"commons": str(commons), "pull": number, "by": case.who, "command": text}
        if case.snapshot.comments_readable:
            facts |= {"comment": deciding.post(case, bot.at(commons)), "outcome": "posted", "says": ""}
            said = f"Posted below {commons}#{number} as {case.who}. The bot answers there."
        else:
            if not yes:
                click.echo(lines(body(case.snapshot, case.judgement)), err=True)
                _agree(case.who, text)
            with bot.store.at(commons).at_work(number) as lease:
                decided = deciding.carry_out(case, bot.at(commons), extend=lease.extend, wait=_wait)
            facts |= {"comment": case.comment.id, "outcome": decided.outcome.value, "says": decided.says}
            said = decided.says or "This was decided and answered before."
    return facts, said


def _decisions(file: TextIO) -> list[tuple[Commons, PullNo, str]]:
    """The decisions of a file: a pull and its command on each line; empty lines and lines that begin with # are left out."""
    found = []
    for number, line in enumerate(file, 1):
        name, _, command = line.strip().partition(" ")
        if not name or name.startswith("# ") or name == "#":
            continue
        try:
            pull = PullType().convert(name, None, None)
        except click.BadParameter as error:
            fail(f"line {number}: {visible(error.message)}", WRONG_USE)
        if not command.strip():
            fail(
                f"line {number}: {visible(name)} has no command; write it like: {visible(name)} /accept --quality 4", WRONG_USE
            )
        found.append((*pull, command.strip()))
    return found


def _decide_all(decisions: list[tuple[Commons, PullNo, str]], *, yes: bool, as_json: bool) -> None:
    """Show all decisions with how their pulls stand, ask once, and carry them out; ends the command."""
    from bot.converge import decide as deciding

    for commons, number, text in decisions:
        bot = bot_of(settings_of(named=(commons,)), patient=False)
        with errors_reported(), a_person_waits():
            try:
                case = deciding.consider(number, text, bot.at(commons))
            except deciding.CannotDecide as no:
                fail(f"{commons}#{number}: {lines(no.says)}\nNothing was done.", FINDING)
        click.echo(f"{commons}#{number}  {case.judgement.verdict.value}  {visible(text)}", err=True)
    if not decisions:
        fail("There is no decision in it. Lines look like: 12 /accept --quality 4", WRONG_USE)
    if not yes:
        if not sys.stdin.isatty():
            fail("Add --yes to carry these out without being asked. Nothing was done.", WRONG_USE)
        if not click.confirm(f"Carry out {len(decisions)} decisions?", err=True):
            fail("Nothing was done.", FINDING)
    outcomes = []
    for commons, number, text in decisions:
        facts, said = _decide_one(commons, number, text, yes=True)
        outcomes.append(facts)
        if not as_json:
            click.echo(lines(said))
    if as_json:
        print_json({"decisions": outcomes})
    sys.exit(FINE if all(facts["outcome"] in _GOOD for facts in outcomes) else FINDING)


def _agree(who: User, text: str) -> None:
    """Ask whether to go on; without a terminal there is no answer."""

    if not sys.stdin.isatty():
        fail("Comments cannot be read on this host, so this would be carried out here. Add --yes to have it so.", WRONG_USE)
    if not click.confirm(f"As {visible(who)}, carry out {visible(text)}?", err=True):
        fail("Nothing was done.", FINDING)


def _wait(report: Any, seconds: float) -> None:
    """Print what is waited for, and wait."""

    for why in report.waiting or ((report.stopped,) if report.stopped else ()):
        click.echo(f"waits    {visible(why)}", err=True)
    time.sleep(seconds)


def _with_comment(snapshot: Any, said: str) -> Any:
    """The snapshot as if this comment had just been written and the evidence were as it is now."""
    from dataclasses import replace

    from bot.model.ids import CommentId
    from bot.model.pull import Comment

    author, colon, body = said.partition(":")
    if not (colon and author.strip() and body.strip()):
        raise click.BadParameter("write it like 'ana: /accept -q 4'", param_hint="--as")
    at = snapshot.taken_at
    comment = Comment(id=CommentId("as-if"), author=User(author.strip()), body=body.strip(), created_at=at, updated_at=at)
    probes = tuple(replace(probe, probed_at=at) for probe in snapshot.probes)
    return replace(snapshot, comments=(*snapshot.comments, comment), probes=probes)


def status_of(verdict: Verdict) -> int:
    """Exit status: 0 nothing to find, 1 a finding, 3 not known."""
    return _STATUS[verdict]


def pull_json(snapshot: Snapshot, judgement: Judgement, plan: Plan) -> dict[str, object]:
    """Facts about one pull for --json."""
    return {
        "commons": str(snapshot.commons),
        "pull": snapshot.pull.number,
        "title": snapshot.pull.title,
        "state": snapshot.pull.state.value,
        "head": snapshot.head,
        "kind": snapshot.kind.value,
        "form": snapshot.form.name.lower(),
        "item": snapshot.item_id,
        "verdict": judgement.verdict.value,
        "waiting_for": judgement.waiting_for,
        "findings": [
            {
                "rule": f.rule,
                "level": f.level.value,
                "place": str(f.place),
                "says": f.says,
                "remedy": f.remedy,
            }
            for f in judgement.findings
        ],
        "crashes": judgement.crashes,
        "passed": list(judgement.passed),
        "plan": [step_json(step) for step in plan.steps],
        "waits": list(plan.waits),
        "look_at": plan.look_at,
    }


def step_json(step: Step) -> dict[str, object]:
    """One step for --json."""
    match step:
        case PostReview():
            return {"step": "post review", "head": step.head, "digest": step.digest, "body": step.body}
        case PostNotice():
            return {"step": "post notice", "head": step.head, "about": step.about, "body": step.body}
        case MergePull():
            return {"step": "merge pull", "head": step.head, "comment": step.comment}
        case Land():
            writes = [
                {"table": w.table, "key": w.key, "write": w.write, "cells": dict(w.cells.cells), "guard": dict(w.guard.cells)}
                for w in step.change.writes
            ]
            return {"step": "land", "title": step.title, "comment": step.comment, "rows": writes}
        case ClosePull():
            return {"step": "close pull", "comment": step.comment}
        case Answer():
            return {"step": "answer", "to": step.to, "outcome": step.outcome, "body": step.body}
        case never:
            assert_never(never)


def print_explanation(console: Console, snapshot: Snapshot, judgement: Judgement, plan: Plan) -> None:
    """Kind, verdict, findings and plan of one pull, for people."""
    head = Text(f"{snapshot.commons}#{snapshot.pull.number}  ")
    head.append(visible(snapshot.pull.title), "bold")
    console.print(head)
    verdict = judgement.verdict
    line = Text("Verdict  ")
    line.append(verdict.value, STYLE[verdict])
    line.append(f"  ({snapshot.kind.value}, {snapshot.pull.state.value})")
    if judgement.waiting_for:
        line.append(visible(f"  waiting for {judgement.waiting_for}"))
    console.print(line)
    rows = [(Text(f.level.value, STYLE[f.level]), *cells(f.rule, f.place, f.says, f.remedy)) for f in judgement.findings]
    rows += [(Text("crash", "red"), *cells(c.rule, "", c.error, "")) for c in judgement.crashes]
    if rows:
        console.print(table("Findings", ("level", "rule", "place", "says", "remedy"), rows))
    if judgement.passed:
        console.print(Text(f"Passed  {', '.join(judgement.passed)}"))
    if not plan.steps:
        console.print(Text("Plan  nothing is due now"))
    for number, step in enumerate(plan.steps, 1):
        console.print(Text(f"Plan {number}  {visible(step_line(step))}"))
        if isinstance(step, Answer):
            console.print(Text(lines(step.body)), style="dim")
    for wait in plan.waits:
        console.print(Text(f"Waits for  {visible(wait)}"))
