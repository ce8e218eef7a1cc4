"""What the commands share: settings and parts of the bot, or one clear sentence and an exit status."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bot.model.finding import Level, Verdict
from bot.model.ids import Commons
from bot.terminal import COULD_NOT_TELL, FINDING, WRONG_USE

if TYPE_CHECKING:
    from rich.console import Console

    from bot.config.settings import Settings
    from bot.converge.bot import Bot

STYLE: Mapping[enum.Enum, str] = {
    Verdict.READY: "bold green",
    Verdict.LOOK: "bold yellow",
    Verdict.WAITING: "bold blue",
    Verdict.BY_HAND: "bold cyan",
    Verdict.CANNOT_TELL: "bold magenta",
    Verdict.BLOCKED: "bold red",
    Level.NOTE: "dim",
    Level.DOUBT: "yellow",
    Level.UNSURE: "magenta",
    Level.FORBID: "bold magenta",
    Level.FAULT: "red",
}
"""Colour of each verdict and level."""


def settings_read(*, webhook_needed: bool = False, named: tuple[Commons, ...] = (), commons_needed: bool = True) -> Settings:
    """Settings and logging. Raises SettingsError with every problem."""
    from bot import log
    from bot.config.settings import colour_wanted, read

    settings = read(webhook_needed=webhook_needed, named=named, commons_needed=commons_needed)
    log.configure(settings.log, settings.secrets, colours=colour_wanted())
    return settings


def settings_of(*, webhook_needed: bool = False, named: tuple[Commons, ...] = (), commons_needed: bool = True) -> Settings:
    """Settings and logging, or every problem on standard error and exit status 2."""
    from bot.config.settings import SettingsError

    try:
        return settings_read(webhook_needed=webhook_needed, named=named, commons_needed=commons_needed)
    except SettingsError as error:
        fail_with(error)


def bot_of(settings: Settings, *, patient: bool = True) -> Bot:
    """The parts of a bot. Levels of rules that there are not are problems of the settings."""
    from bot import wiring
    from bot.config.policy_file import Problem
    from bot.config.settings import SettingsError

    try:
        bot = wiring.for_worker(settings, patient=patient)
    except ValueError as error:
        fail(f"The catalogues do not fit together: {error}", FINDING)
    complaints = dict.fromkeys(said for each in settings.commons for said in bot.rules.complaints(each.policy.levels))
    if complaints:
        fix = "See: stampbot rules"
        fail_with(SettingsError([Problem(f"{settings.config_path} levels", said, fix) for said in complaints]))
    return bot


def fail_with(error: Any) -> NoReturn:
    count = len(error.problems)
    click.echo(f"stampbot: {count} problem{'' if count == 1 else 's'} with the settings:", err=True)
    for problem in error.problems:
        click.echo(f"  {problem}", err=True)
    sys.exit(WRONG_USE)


def fail(message: str, status: int) -> NoReturn:
    from bot.log import visible

    click.echo(f"stampbot: {visible(message)}", err=True)
    sys.exit(status)


def warn_read_only(settings: Settings) -> None:
    import structlog

    mute = [str(each.commons) for each in settings.commons if not each.hub_token]
    if mute:
        structlog.get_logger("stampbot").warning(
            "no token: this bot only reads, it posts nothing", commons=mute, fix="Set STAMPBOT_HUB_TOKEN."
        )


@contextmanager
def errors_reported() -> Iterator[None]:
    """Errors of DoltHub and Redis become one sentence and exit status 3."""
    from bot.dolthub.errors import HubBusy, HubError, HubGone, HubRefused
    from bot.log import stranger
    from bot.store import Held

    try:
        yield
    except HubGone as error:
        fail(f"There is no such pull, or this token may not see it: {stranger(error)}", COULD_NOT_TELL)
    except HubRefused as error:
        fail(f"DoltHub refused ({error.status}): {stranger(error)}. Check STAMPBOT_HUB_TOKEN and its rights.", COULD_NOT_TELL)
    except HubBusy as error:
        fail(f"DoltHub is busy or away: {stranger(error)}. Try again later.", COULD_NOT_TELL)
    except HubError as error:
        fail(f"DoltHub answered something unexpected: {stranger(error)}.", COULD_NOT_TELL)
    except Held:
        fail("A worker has the lock of this pull now. Try again in a moment.", COULD_NOT_TELL)
    except Exception as error:
        if not type(error).__module__.startswith("redis."):
            raise
        fail(f"Redis does not answer: {stranger(error)}. Check REDIS_URL.", COULD_NOT_TELL)


@contextmanager
def a_person_waits() -> Iterator[None]:
    """Requests of the block come before reviews where the budget is short: else a few questions take minutes."""
    from bot.dolthub.budget.rate_limiter import Urgency, working_at

    with working_at(Urgency.DECIDE):
        yield


def console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    from bot.config.settings import colour_wanted

    return Console(no_color=not colour_wanted() or None, stderr=stderr, highlight=False)
