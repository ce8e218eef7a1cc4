"""The command line `stampbot`, also `python -m bot`.

Exit status: 0 fine · 1 a finding or refusal · 2 wrong use · 3 could not tell.
"""

from __future__ import annotations

import difflib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bot.console import COULD_NOT_TELL, FINDING, FINE, WRONG_USE
from bot.model.ids import CommitHash, Commons, PullNo, StampId, User, is_commit_hash

if TYPE_CHECKING:
    from rich.console import Console

    from bot.deps import Deps
    from bot.settings import Settings


class PullType(click.ParamType[tuple[Commons, PullNo]]):
    """`OWNER/DB#N`."""

    name = "OWNER/DB#N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Commons, PullNo]:
        """Read it, or fail with an example."""
        database, _, number = str(value).rpartition("#")
        if not re.fullmatch(r"[1-9][0-9]{0,9}", number):
            self.fail(f"{value!r} names no pull; write it like hop/wl-commons#12 (in quotes: # begins a comment)", param, ctx)
        try:
            return Commons.parse(database), PullNo(int(number))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class CommonsType(click.ParamType[Commons]):
    """`OWNER/DB`."""

    name = "OWNER/DB"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Commons:
        """Read it, or fail with an example."""
        try:
            return Commons.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SinceType(click.ParamType["CommitHash | datetime"]):
    """A commit of main, or a date or time in UTC."""

    name = "DATE|COMMIT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> CommitHash | datetime:
        """Read it, or fail with examples."""
        text = str(value).strip()
        if is_commit_hash(text):
            return CommitHash(text)
        try:
            read = datetime.fromisoformat(text)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no date such as 2026-06-14 and no commit hash (32 characters)", param, ctx)


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
until_eof = click.option("--until-eof", is_flag=True, hidden=True, help="End when standard input ends.")
ORPHAN_PATIENCE_S = 5.0
"""How long a process ends in good order whose starter is gone."""
WRITABLE = click.Path(file_okay=False, path_type=Path)
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(version("stampbot"), prog_name="stampbot")
def main() -> None:
    """The validator's review bot for a Wasteland commons on DoltHub.

    \b
    Without any account, a whole small Wasteland on this machine:
      stampbot demo
    With STAMPBOT_COMMONS, STAMPBOT_HUB_TOKEN and REDIS_URL set:
      stampbot explain 'hop/wl-commons#12'
      stampbot web & stampbot worker & stampbot prober & stampbot clock
    """


# --- processes ------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--smoke", is_flag=True, help="Play one whole story, then end: exit 0, or say what failed.")
@click.option("--port", default=None, type=click.IntRange(0, 65535), help="Port of the sandbox and its page (0: any).")
@click.option("--web-port", default=None, type=click.IntRange(0, 65535), help="Port of the bot's door (0: any).")
@click.option("--verbose", is_flag=True, help="With --smoke: show what the processes say.")
def demo(smoke: bool, port: int | None, web_port: int | None, verbose: bool) -> None:
    """A whole small Wasteland in this terminal; Ctrl-C ends it.

    Starts a private Redis, a DoltHub look-alike with seeded pulls, and the bot's four processes. Needs no account.

    \b
    Examples:
      stampbot demo
      stampbot demo --port 0 --web-port 0
      stampbot demo --smoke
    """
    from bot.demo import run_demo, run_smoke

    if smoke:
        sys.exit(run_smoke(_console(), port=port or 0, web_port=web_port or 0, verbose=verbose))
    sys.exit(run_demo(_console(), port=port, web_port=web_port))


@main.command()
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104 - DoltHub must reach it
@until_eof
def web(host: str, until_eof: bool) -> None:
    """The door: webhook, health and metrics, on PORT (8080).

    \b
    Example:
      STAMPBOT_COMMONS=hop/wl-commons STAMPBOT_WEBHOOK_SECRET=… stampbot web
    """
    import structlog

    from bot import wiring
    from bot.web import create_app
    from bot.web_server import WebServer

    settings = _settings(door=True)
    _end_with_input(until_eof)

    def ready() -> None:
        structlog.get_logger("stampbot.web").info("ready", host=host, port=settings.port)

    WebServer(
        lambda: create_app(settings, wiring.scratch(settings, patient=False)), host=host, port=settings.port, ready=ready
    ).serve()


@main.command()
@until_eof
def worker(until_eof: bool) -> None:
    """Looks at pulls, reviews them, carries out decisions. Any number, on any number of machines."""
    from bot import worker as work
    from bot.sweep import sweep as sweep_commons

    settings = _settings()
    deps = _deps(settings)
    _warn_read_only(settings)
    _end_with_input(until_eof)
    duties = work.PullDuties(
        known=frozenset(each.commons for each in settings.commons),
        scratch=deps.scratch,
        look=lambda commons, number, extend: _look(commons, number, deps, extend),
        sweep=lambda commons: sweep_commons(commons, deps),
    )
    sys.exit(work.serve(work.lanes_of(settings.lanes), duties.functions(), deps.scratch.redis))


@main.command()
@until_eof
def prober(until_eof: bool) -> None:
    """Fetches strangers' links, in an environment that holds no secret."""
    from bot.settings import is_scrubbed, prober_environment

    if not is_scrubbed():
        # A new program image, so that no secret is left in this process's memory or in /proc/self/environ.
        sys.stdout.flush()
        arguments = [sys.executable, "-m", "bot", "prober", *(["--until-eof"] if until_eof else [])]
        os.execve(sys.executable, arguments, prober_environment())  # noqa: S606
    from bot import wiring
    from bot import worker as work

    settings = _settings()
    _end_with_input(until_eof)
    scratch = wiring.scratch(settings, patient=True)
    duties = work.ProbeDuties(
        known=frozenset(each.commons for each in settings.commons),
        scratch=scratch,
        looking=wiring.looking(settings, scratch),
    )
    sys.exit(work.serve_prober(duties.functions(), scratch.redis))


@main.command()
@until_eof
def clock(until_eof: bool) -> None:
    """Knocks for a sweep of each commons, every [timing] poll_s seconds."""
    from bot import clock as ticking
    from bot import wiring

    settings = _settings()
    _end_with_input(until_eof)
    scratch = wiring.scratch(settings, patient=False)
    beats = [(each.commons, each.poll_s) for each in settings.commons]
    sys.exit(ticking.serve(beats, scratch.knocks.knock_sweep))


def _look(commons: Commons, number: PullNo, deps: Deps, extend: Callable[[], None]) -> None:
    """Converge one pull and say what was done."""
    import structlog

    from bot.console import step_line
    from bot.converge import converge
    from bot.log import stranger

    log = structlog.get_logger("stampbot.worker")
    report = converge(commons, number, deps, extend=extend)
    for step in report.steps_done:
        log.info("done", commons=str(commons), pull=number, step=stranger(step_line(step)))
    if report.stopped:
        log.info("stopped", commons=str(commons), pull=number, why=stranger(report.stopped))


# --- one pull -------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("pull", type=PullType())
@as_json
def review(pull: tuple[Commons, PullNo], as_json: bool) -> None:
    """Observe and judge one pull, and print the review that would be posted. Posts nothing.

    \b
    Example:
      stampbot review 'hop/wl-commons#12'
    """
    from bot.console import lines, print_json, pull_json, status_of
    from bot.converge import look
    from bot.speech.reviews import body

    commons, number = pull
    with _told():
        snapshot, judgement, due = look(commons, number, _deps(_settings(named=(commons,)), patient=False))
    said = body(snapshot, judgement)
    if as_json:
        print_json({**pull_json(snapshot, judgement, due), "body": said})
    else:
        click.echo(lines(said))
    sys.exit(status_of(judgement.verdict))


@main.command()
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
    from bot.console import print_explanation, print_json, pull_json, status_of
    from bot.converge import look
    from bot.plan import plan

    commons, number = pull
    deps = _deps(_settings(named=(commons,)), patient=False)
    with _told():
        snapshot, judgement, due = look(commons, number, deps)
    if said is not None:
        snapshot = _with_comment(snapshot, said)
        due = plan(snapshot, judgement, deps.commands)
    if as_json:
        print_json(pull_json(snapshot, judgement, due))
    else:
        print_explanation(_console(), snapshot, judgement, due)
    sys.exit(status_of(judgement.verdict))


@main.command()
@click.argument("pull", type=PullType())
@as_json
def converge(pull: tuple[Commons, PullNo], as_json: bool) -> None:
    """Do what is due for one pull, now, in the foreground. Posts and merges.

    \b
    Example:
      stampbot converge 'hop/wl-commons#12'
    """
    from bot.console import print_json, step_json, step_line
    from bot.converge import converge as bring
    from bot.log import visible

    commons, number = pull
    settings = _settings(named=(commons,))
    deps = _deps(settings)
    _warn_read_only(settings)
    with _told(), deps.scratch.at_work(commons, number) as lease:
        report = bring(commons, number, deps, extend=lease.extend)
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


@main.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--wait", is_flag=True, help="Stay until the queue is empty. Needs a running worker.")
@as_json
def sweep(commons: Commons | None, wait: bool, as_json: bool) -> None:
    """Look once which pulls need a look, and knock at them.

    \b
    Example:
      stampbot sweep hop/wl-commons --wait
    """
    from bot.console import print_json
    from bot.demo import await_empty_queue
    from bot.sweep import sweep as sweep_commons

    settings = _settings(named=(commons,) if commons else ())
    deps = _deps(settings)
    knocked: dict[str, int] = {}
    with _told():
        for each in (commons,) if commons else tuple(one.commons for one in settings.commons):
            knocked[str(each)] = sweep_commons(each, deps)
        if wait:
            await_empty_queue(_console(stderr=True), deps.scratch)
    if as_json:
        print_json({"knocked": knocked})
    else:
        for name, count in knocked.items():
            click.echo(f"{name}: knocked at {count} pull{'' if count == 1 else 's'}")


# --- a commons as it stands -----------------------------------------------------------------------------------------


@main.command()
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
    from bot.books import NoSuchPast, audit_commons
    from bot.console import audit_json, print_audit, print_json, status_of_audit

    settings = _settings(named=(commons,) if commons else ())
    deps = _deps(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    if since is not None and not isinstance(since, datetime) and len(named) != 1:
        raise click.UsageError("--since COMMIT is of one commons: name it, like hop/wl-commons")
    with _told():
        try:
            audited = [audit_commons(each, deps, since=since) for each in named]
        except NoSuchPast as error:
            _fail(str(error), WRONG_USE)
    if as_json:
        print_json({"audits": [audit_json(each) for each in audited]})
    else:
        for each in audited:
            print_audit(_console(), each)
    found = [status_of_audit(each) for each in audited]
    sys.exit(FINDING if FINDING in found else max(found, default=FINE))


@main.command()
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
    from bot.console import inverse_json, print_inverse, print_json
    from bot.revert import plan_back

    if not plan:
        _fail(f"Nothing is reverted by itself. To see the way back: stampbot revert {stamp} --plan", WRONG_USE)
    settings = _settings(named=(commons,) if commons else ())
    deps = _deps(settings, patient=False)
    named = (commons,) if commons else tuple(each.commons for each in settings.commons)
    with _told():
        back = (plan_back(deps.hub(each), each, StampId(stamp), wiring.now()) for each in named)
        found = next((one for one in back if one is not None), None)
    if found is None:
        _fail(f"There is no stamp {stamp} on main of {', '.join(map(str, named))}.", FINDING)
    if as_json:
        print_json(inverse_json(found))
    else:
        print_inverse(found)


# --- small things ---------------------------------------------------------------------------------------------------


@main.command()
@click.argument("url")
@click.option("--allow", multiple=True, metavar="NETWORK", help="A network that may be reached although it is not public.")
@as_json
def probe(url: str, allow: tuple[str, ...], as_json: bool) -> None:
    """What the evidence check sees at a URL: what it is, verdict, facts, every hop and the address dialled.

    A link of a forge in [forges], of GitHub where STAMPBOT_GITHUB_TOKEN is set, or of a registry in [registries] is looked up
    over its own API.
    Others are asked for once, at once: without the prober's pauses, second tries and doubts about our own network.

    \b
    Examples:
      stampbot probe https://example.org/
      stampbot probe http://127.0.0.1:8000/ --allow 127.0.0.0/8
    """
    from bot import wiring
    from bot.console import print_json, print_probe, status_of_probe
    from bot.evidence import networks, without_looking
    from bot.evidence import probe as look_at
    from bot.looking import as_told

    settings = _settings(commons_needed=False)
    try:
        policy = wiring.fetch_policy(settings, allow=networks(allow))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--allow") from error
    forges = wiring.forges(settings)
    what = forges.classify(url)
    seen = forges.look(url, urgent=True) or without_looking(what, wiring.now())
    if seen is None:
        told = as_told(look_at(url, policy=policy, now=wiring.now, doubt_weak_hosts=True))
        seen = replace(told, kind=what.kind.value, key=what.key)
    if as_json:
        print_json(seen)
    else:
        print_probe(_console(), seen)
    sys.exit(status_of_probe(seen))


@main.command()
@click.option("--explain", metavar="NAME", help="One rule in full: what it asks and why, its source, an example, how to fix.")
@click.option("--new", metavar="NAME", help="Write a rule to begin with, and its table of tests.")
@click.option("--dir", "folder", metavar="DIR", type=WRITABLE, help="With --new: the package of rules.  [default: rules]")
@click.option("--package", metavar="DIR", type=WRITABLE, help="With --new: a package of your own, made if it is not there.")
@as_json
def rules(explain: str | None, new: str | None, folder: Path | None, package: Path | None, as_json: bool) -> None:
    """The rules: name, level, meaning.

    \b
    Examples:
      stampbot rules --explain evidence_is_alive
      stampbot rules --new item_has_a_title
      stampbot rules --new item_has_a_title --package ../our-rules
    """
    from bot.console import print_json, print_rule, print_rules, rule_json, rules_json
    from bot.rulebook import catalog
    from bot.rulebook.examples import tell

    if new is not None and explain is None and not (folder and package):
        _begin_rule(new, folder or Path("rules"), package, as_json=as_json)
        return
    if new is not None or folder or package:
        raise click.UsageError("--new NAME goes with --dir or with --package, and with nothing else")
    try:
        found = catalog.find()
    except catalog.CatalogError as error:
        _fail(f"The rules do not fit together: {error}", FINDING)
    if explain is not None:
        one = found.get(explain.strip().replace(" ", "_"))
        if one is None:
            near = difflib.get_close_matches(explain, found.names, n=1, cutoff=0.5)
            _fail(
                f"There is no rule {explain}" + (f"; did you mean {near[0]}?" if near else ". See: stampbot rules"), WRONG_USE
            )
        told = tell(one)
        if as_json:
            print_json(rule_json(one, told))
        else:
            print_rule(_console(), one, told)
    elif as_json:
        print_json(rules_json(found.rules))
    else:
        print_rules(_console(), found.rules)


def _begin_rule(name: str, folder: Path, package: Path | None, *, as_json: bool) -> None:
    """Write the files of a new rule, all or none; nothing that is there is overwritten. Exit status 2 and a sentence if not."""
    from bot.console import lines, print_json
    from bot.rulebook import MisfitError, draft, find

    try:
        if package is None:
            root, drafted = folder.absolute().parent, draft.for_this_project(name, folder.absolute().name)
            if not (folder / "__init__.py").is_file():
                _fail(f"{folder} is no package of rules. Use --dir, or --package for one of your own.", WRONG_USE)
        else:
            inner = package.absolute().name.replace("-", "_")
            root, drafted = package.absolute(), draft.for_own_package(name, inner)
    except MisfitError as error:
        _fail(str(error), WRONG_USE)
    if find().get(name) is not None:
        _fail(f"There is a rule {name} already. See: stampbot rules --explain {name}", WRONG_USE)
    kept = {path for path in drafted if Path(path).name in ("__init__.py", "pyproject.toml") and (root / path).exists()}
    there = [path for path in drafted if path not in kept and (root / path).exists()]
    if there:
        _fail(f"{', '.join(there)}: there already, and nothing is overwritten", WRONG_USE)
    written = [path for path in drafted if path not in kept]
    for path in written:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("x", encoding="utf-8") as file:
            file.write(drafted[path])
    to_add = draft.entry_point(name, inner) if "pyproject.toml" in kept else ""
    if as_json:
        print_json({"written": [str(root / path) for path in written], "entry_point_to_add": to_add})
        return
    for path in written:
        click.echo(f"wrote {lines(str(root / path))}")
    if to_add:
        click.echo(f'Add to {root / "pyproject.toml"}, below [project.entry-points."stampbot.rules"]: {to_add}')
    if package is None:
        click.echo(f"Next: pytest tests/rules/test_{name}.py; then make it yours, and: python -m tests.house.tables --write")
    else:
        click.echo(f"Next: pip install -e {root}; pytest {root}; stampbot rules --explain {name}")


@main.command()
@as_json
def commands(as_json: bool) -> None:
    """The slash-commands validators may write below a pull."""
    from bot.commands import catalog
    from bot.console import commands_json, print_commands, print_json

    try:
        found = catalog.find().commands
    except catalog.CatalogError as error:
        _fail(f"The commands do not fit together: {error}", FINDING)
    if as_json:
        print_json(commands_json(found))
    else:
        print_commands(_console(), found)


# --- what they share ------------------------------------------------------------------------------------------------


def _settings(*, door: bool = False, named: tuple[Commons, ...] = (), commons_needed: bool = True) -> Settings:
    """Settings and logging, or every problem on standard error and exit status 2."""
    from bot import log
    from bot.settings import SettingsError, colour_wanted, read

    try:
        settings = read(door=door, named=named, commons_needed=commons_needed)
    except SettingsError as error:
        _fail_with(error)
    log.configure(settings.log, settings.secrets, colours=colour_wanted())
    return settings


def _deps(settings: Settings, *, patient: bool = True) -> Deps:
    """The parts of a bot. Levels of rules that there are not are problems of the settings."""
    from bot import wiring
    from bot.policy_file import Problem
    from bot.settings import SettingsError

    try:
        deps = wiring.for_worker(settings, patient=patient)
    except ValueError as error:
        _fail(f"The catalogues do not fit together: {error}", FINDING)
    complaints = dict.fromkeys(said for each in settings.commons for said in deps.rules.complaints(each.policy.levels))
    if complaints:
        mend = "See: stampbot rules"
        _fail_with(SettingsError([Problem(f"{settings.config_path} levels", said, mend) for said in complaints]))
    return deps


def _fail_with(error: Any) -> NoReturn:
    count = len(error.problems)
    click.echo(f"stampbot: {count} problem{'' if count == 1 else 's'} with the settings:", err=True)
    for problem in error.problems:
        click.echo(f"  {problem}", err=True)
    sys.exit(WRONG_USE)


def _fail(message: str, status: int) -> NoReturn:
    from bot.log import visible

    click.echo(f"stampbot: {visible(message)}", err=True)
    sys.exit(status)


def _warn_read_only(settings: Settings) -> None:
    import structlog

    mute = [str(each.commons) for each in settings.commons if not each.hub_token]
    if mute:
        structlog.get_logger("stampbot").warning(
            "no token: this bot only reads, it posts nothing", commons=mute, mend="Set STAMPBOT_HUB_TOKEN."
        )


@contextmanager
def _told() -> Iterator[None]:
    """Trouble of DoltHub and Redis as one sentence and exit status 3."""
    from bot.hub.errors import HubBusy, HubError, HubGone, HubRefused
    from bot.log import stranger
    from bot.scratch import Held

    try:
        yield
    except HubGone as error:
        _fail(f"There is no such pull, or this token may not see it: {stranger(error)}", COULD_NOT_TELL)
    except HubRefused as error:
        _fail(f"DoltHub refused ({error.status}): {stranger(error)}. Check STAMPBOT_HUB_TOKEN and its rights.", COULD_NOT_TELL)
    except HubBusy as error:
        _fail(f"DoltHub is busy or away: {stranger(error)}. Try again later.", COULD_NOT_TELL)
    except HubError as error:
        _fail(f"DoltHub answered something unexpected: {stranger(error)}.", COULD_NOT_TELL)
    except Held:
        _fail("A worker is at this pull right now. Try again in a moment.", COULD_NOT_TELL)
    except Exception as error:
        if not type(error).__module__.startswith("redis."):
            raise
        _fail(f"Redis does not answer: {stranger(error)}. Check REDIS_URL.", COULD_NOT_TELL)


def _with_comment(snapshot: Any, said: str) -> Any:
    """The snapshot as if somebody had just written this, and the evidence still showed what it shows now."""
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


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    from bot.settings import colour_wanted

    return Console(no_color=not colour_wanted() or None, stderr=stderr, highlight=False)


def _end_with_input(wanted: bool) -> None:
    """End when standard input ends: whoever started us is gone."""
    if not wanted:
        return

    def wait() -> None:
        # Unbuffered: a thread inside a buffered read holds a lock that the interpreter wants when it ends.
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        # There is nobody left to finish for.
        time.sleep(ORPHAN_PATIENCE_S)
        os._exit(0)

    threading.Thread(target=wait, name="standard input", daemon=True).start()


if __name__ == "__main__":
    main()
