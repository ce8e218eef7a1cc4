"""The processes of the Procfile, and the demo. Each reads its settings before it loads the rest: what is wrong is told soon."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from bot.cli.shared import bot_of, console, settings_of, warn_read_only
from bot.model.ids import Commons, PullNo, User

if TYPE_CHECKING:
    from bot.audit.incremental import Gains
    from bot.converge.bot import Bot

until_eof = click.option("--until-eof", is_flag=True, hidden=True, help="End when standard input ends.")
_TOLD_DEAF: set[Commons] = set()
"""Commons of which this process has said that nobody is heard there."""
_TOLD_OTHERS: set[tuple[Commons, User]] = set()
"""Accounts whose signs of another bot this process has told of."""
_TOLD_CRASHES: set[tuple[str, str]] = set()
"""Rules that broke, and how, of which this process has told: a rule may break on each pull."""
_TOLD_OF_PULLS: set[tuple[Commons, PullNo, str]] = set()
"""Trouble of single pulls that this process has logged for a sweep: a sweep comes to it again and again."""
CRASHES_TOLD_MAX = 1000
ORPHAN_PATIENCE_S = 5.0
"""How long a process ends in good order whose starter is gone."""
FINDINGS_LOGGED_MAX = 20
"""New findings of an audit that are told one by one."""


@click.command()
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
    from bot.demo.demo import run_demo, run_smoke

    if smoke:
        sys.exit(run_smoke(console(), port=port or 0, web_port=web_port or 0, verbose=verbose))
    sys.exit(run_demo(console(), port=port, web_port=web_port))


@click.command()
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104 - DoltHub must reach it
@until_eof
def web(host: str, until_eof: bool) -> None:
    """The door: webhook, health and metrics, on PORT (8080).

    \b
    Example:
      STAMPBOT_COMMONS=hop/wl-commons STAMPBOT_WEBHOOK_SECRET=… stampbot web
    """
    settings = settings_of(webhook_needed=True)
    import structlog

    from bot import wiring
    from bot.web.app import create_app
    from bot.web.server import WebServer

    _end_with_input(until_eof)

    def ready() -> None:
        structlog.get_logger("stampbot.web").info("ready", host=host, port=settings.port)

    WebServer(
        lambda: create_app(settings, wiring.store(settings, patient=False)), host=host, port=settings.port, ready=ready
    ).serve()


@click.command()
@until_eof
def worker(until_eof: bool) -> None:
    """Looks at pulls, reviews them, carries out decisions. Any number, on any number of machines."""
    settings = settings_of()
    from bot.converge import quarantine
    from bot.queue import threads
    from bot.queue.enqueue import JobQueue
    from bot.worker import jobs as work

    bot = bot_of(settings)
    warn_read_only(settings)
    _end_with_input(until_eof)
    duties = work.PullJobs(
        known=frozenset(each.commons for each in settings.commons),
        store=bot.store,
        jobs=JobQueue(bot.store.redis, bot.store.keys),
        look=lambda commons, number, extend: look_and_tell(commons, number, bot, extend),
        sweep=lambda commons: sweep_and_audit(commons, bot),
        tell=lambda commons, number: quarantine.tell(number, bot.at(commons)),
        tell_stuck=lambda commons, number, debt: quarantine.tell_stuck(number, debt, bot.at(commons)),
    )
    for each in settings.commons:
        # Whatever happened while nobody ran is looked for first.
        with suppress(Exception):
            bot.jobs.enqueue_sweep(each.commons)
    sys.exit(
        threads.serve(threads.queues_of(settings.lanes), duties.functions(), bot.store.redis, bot.store.leases.release_all)
    )


@click.command()
@until_eof
def prober(until_eof: bool) -> None:
    """Fetches strangers' links, in an environment that holds no secret."""
    from bot.config.settings import environment
    from bot.prober.environment import prober_environment

    allowed = prober_environment(environment())
    if environment() != allowed:
        # A new program image, so that no secret is left in this process's memory or in /proc/self/environ.
        sys.stdout.flush()
        arguments = [sys.executable, "-m", "bot", "prober", *(["--until-eof"] if until_eof else [])]
        os.execve(sys.executable, arguments, allowed)  # noqa: S606
    settings = settings_of()
    from bot import wiring
    from bot.prober.jobs import ProbeJobs, serve_prober
    from bot.queue.enqueue import JobQueue

    _end_with_input(until_eof)
    store = wiring.store(settings, patient=True)
    duties = ProbeJobs(
        known=frozenset(each.commons for each in settings.commons),
        store=store,
        jobs=JobQueue(store.redis, store.keys),
        looking=wiring.looking(settings, store),
    )
    sys.exit(serve_prober(duties.functions(), store.redis))


@click.command()
@until_eof
def clock(until_eof: bool) -> None:
    """Knocks for a sweep of each commons, every quarter of [timing] poll_s."""
    settings = settings_of()
    from bot import wiring
    from bot.clock import clock as ticking
    from bot.clock.heartbeat import Heartbeat
    from bot.queue.enqueue import JobQueue
    from bot.sweep.sweep import SOONEST

    _end_with_input(until_eof)
    store = wiring.store(settings, patient=False)
    beats = [(each.commons, SOONEST * each.policy.timing.poll_s) for each in settings.commons]
    sys.exit(ticking.serve(beats, JobQueue(store.redis, store.keys).enqueue_sweep, Heartbeat(store.redis, store.keys).beat))


def look_and_tell(commons: Commons, number: PullNo, bot: Bot, extend: Callable[[], None]) -> None:
    """Converge one pull and say what was done."""
    import structlog

    from bot.converge.converge import converge
    from bot.converge.perform import WIPED
    from bot.health import another_bot
    from bot.log import stranger
    from bot.model.step import step_line

    log = structlog.get_logger("stampbot.worker")
    report = converge(number, bot.at(commons), extend=extend)
    if not report.snapshot.comments_readable and commons not in _TOLD_DEAF:
        _TOLD_DEAF.add(commons)
        fix = f"Decide with: stampbot decide '{commons}#{number}' '/accept --quality 4'"
        log.warning("comments cannot be read on this host: it has no API v2", commons=str(commons), fix=fix)
    for crash in report.judgement.crashes:
        if (crash.rule, crash.error) not in _TOLD_CRASHES and len(_TOLD_CRASHES) < CRASHES_TOLD_MAX:
            _TOLD_CRASHES.add((crash.rule, crash.error))
            fix = f"Fix it; until then the pull cannot be accepted. See: stampbot explain '{commons}#{number}' --json"
            error = stranger(crash.error)
            log.error("a check broke while it ran", commons=str(commons), pull=number, rule=crash.rule, error=error, fix=fix)
    sign = report.snapshot.another_bot
    if sign is not None and (commons, sign.account) not in _TOLD_OTHERS:
        _TOLD_OTHERS.add((commons, sign.account))
        bot.store.counters.add("another_bot_seen")
        log.warning(
            "another bot seems to work on this commons: decisions that have not begun wait",
            commons=str(commons),
            pull=number,
            account=stranger(sign.account),
            fix=stranger(another_bot(commons, sign, number).fix),
        )
    for step in report.steps_done:
        log.info("done", commons=str(commons), pull=number, step=stranger(step_line(step)))
    _tell_of_wipe(commons, bot)
    if report.stopped == WIPED:
        log.debug("stopped", commons=str(commons), pull=number, why=WIPED)
    elif report.stopped:
        log.info("stopped", commons=str(commons), pull=number, why=stranger(report.stopped))


def _tell_of_wipe(commons: Commons, bot: Bot) -> None:
    """Log that Redis was wiped, once for each wipe: it concerns every pull."""
    import structlog

    if bot.store.epoch.is_new_wipe():
        structlog.get_logger("stampbot.worker").warning(
            "Redis was wiped: for a while nothing is said or decided, for what was just said may not be listed yet",
            quiet_s=bot.at(commons).policy.timing.about_to_s,
            fix="Nothing: all is found again by itself. If nobody wiped it, look at why Redis began anew.",
        )


def sweep_and_audit(commons: Commons, bot: Bot) -> int:
    """Knock at the pulls that need a look, then see what main has gained without the bot. Returns how many were knocked at.

    The sweep is what is needed, so trouble with the audit is not its trouble.
    """
    import structlog

    from bot.audit.incremental import audit_if_due
    from bot.dolthub.errors import HubError
    from bot.log import stranger
    from bot.sweep.sweep import sweep

    knocked = sweep(bot.at(commons), report=lambda number, trouble: _tell_of_pull(commons, number, trouble))
    _tell_of_wipe(commons, bot)
    try:
        gains = audit_if_due(bot.at(commons))
    except HubError as error:
        told = structlog.get_logger("stampbot.audit")
        told.warning("main could not be audited; it is tried again later", commons=str(commons), error=stranger(error))
        return knocked
    if gains is not None:
        _tell(commons, gains)
    return knocked


def _tell_of_pull(commons: Commons, number: PullNo, trouble: Exception) -> None:
    """Log trouble that a sweep has with one pull, once for each reason."""
    import structlog

    from bot.log import stranger

    error = stranger(f"{type(trouble).__name__}: {trouble}")
    if (commons, number, error) in _TOLD_OF_PULLS or len(_TOLD_OF_PULLS) >= CRASHES_TOLD_MAX:
        return
    _TOLD_OF_PULLS.add((commons, number, error))
    fix = f"See: stampbot explain '{commons}#{number}'"
    log = structlog.get_logger("stampbot.worker")
    log.warning("sweep: trouble with one pull; the sweep goes on", commons=str(commons), pull=number, error=error, fix=fix)


def _tell(commons: Commons, gains: Gains) -> None:
    """Log what the last audit did not know; of notes only how many there are."""
    import structlog

    from bot.log import stranger
    from bot.model.finding import Level

    log = structlog.get_logger("stampbot.audit")
    grave = [each for each in gains.new if each.level is not Level.NOTE]
    for each in grave[:FINDINGS_LOGGED_MAX]:
        log.warning(
            "found on main",
            commons=str(commons),
            check=each.check,
            level=each.level.value,
            place=stranger(each.place),
            says=stranger(each.says),
        )
    counts = {level.value: gains.audit.count(level) for level in (Level.FAULT, Level.DOUBT, Level.NOTE)}
    log.info("audited", commons=str(commons), at=gains.audit.at, new=len(grave), **counts)


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
