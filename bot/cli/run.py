"""`stampbot run`: all processes of the bot from one command."""

from __future__ import annotations

import os
import pwd
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.serving import chosen_host, host_option
from bot.cli.shared import console, fail, settings_of
from bot.terminal import FINDING, WRONG_USE

if TYPE_CHECKING:
    from bot.processes.child import Say
    from bot.processes.redis_server import KeptRedis
    from bot.processes.supervisor import Service, Supervisor

PROBER = "prober"


@click.command()
@host_option
@click.option(
    "--redis",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Start a Redis as well, with its data in this directory: for a commons that one machine serves.",
)
@click.option("--prober-user", default=None, help="User that the process which fetches strangers' links becomes (needs root).")
@click.option("--no-prober", is_flag=True, help="Start no prober: it runs elsewhere, as another user or in another container.")
def run(host: str | None, redis: Path | None, prober_user: str | None, no_prober: bool) -> None:
    """Everything: web, worker and prober, each started again when it ends; the clock ticks in this process.

    One signal (Ctrl-C, SIGTERM) ends all of it after the jobs at hand; a second one at once.

    \b
    Examples:
      stampbot run --redis ./data
      REDIS_URL=redis://127.0.0.1:6379/0 stampbot run --prober-user stampbot-prober
    """
    from bot.processes.child import ProcessFailed, hide_memory

    hide_memory()
    if no_prober and prober_user:
        fail("--prober-user and --no-prober contradict each other. Leave one of them out.", WRONG_USE)
    settings_of(webhook_needed=True)
    _refuse_user(prober_user)
    from bot.clock.clock import make_clock
    from bot.config.settings import environment, forget_secrets, read
    from bot.prober.acl import prober_acl
    from bot.processes.redis_server import kept_server
    from bot.processes.supervisor import Supervisor
    from bot.store import Keys, ProcessStates, make_redis

    try:
        kept = kept_server(redis, prober_acl) if redis is not None else None
        full = _with_redis(environment(), kept)
        forget_secrets()
        if not no_prober:
            _log_wall(prober_user)
        settings = read(full)
        client = make_redis(settings.redis_url.reveal())
        states = ProcessStates(client, Keys())
        clock = make_clock({each.commons: each.policy.timing for each in settings.commons}, client)
        services = services_of(full, kept, chosen_host(host), prober=not no_prober, prober_user=prober_user)
        supervisor = Supervisor(services, _say(), states.note)
        ended = _ended_by_signal(supervisor)
        # A thread, not a process of 40 MB: it speaks to Redis alone, and what it raises is logged.
        ticking = threading.Thread(target=clock.run, args=(ended,), name="clock", daemon=True)
        supervisor.run(ended, ticking.start)
    except ProcessFailed as error:
        for line in error.tail:
            click.echo(f"  {line}", err=True)
        fail(str(error), FINDING)


def _with_redis(environ: Mapping[str, str], kept: KeptRedis | None) -> dict[str, str]:
    """The environment with the addresses of the Redis that comes along, if it does."""
    if kept is None:
        return dict(environ)
    own = {"REDIS_URL": kept.url, "STAMPBOT_PROBER_REDIS_URL": kept.prober_url}
    return {name: text for name, text in environ.items() if name.removesuffix("_FILE") not in own} | own


def services_of(
    full: Mapping[str, str], kept: KeptRedis | None, host: str, *, prober: bool, prober_user: str | None = None
) -> list[Service]:
    """The processes in the order of starting. The prober comes last: by then no secret stands in any environment."""
    from bot.config.settings import secret_names
    from bot.prober.environment import prober_environment
    from bot.processes.supervisor import Service

    secrets = {name: full[name] for name in secret_names(full)}
    plain = {name: text for name, text in full.items() if name not in secrets} | {"PYTHONUNBUFFERED": "1"}
    ours = (sys.executable, "-m", "bot")

    def service(name: str, *more: str) -> Service:
        command = (*ours, name, *more, "--until-eof", "--secrets-on-input")
        return Service(name=name, command=command, environment=plain, handed_over=secrets)

    allowed = prober_environment({**full, "PYTHONUNBUFFERED": "1"})
    if prober_user:
        allowed.pop("HOME", None)
    fetching = Service(name=PROBER, command=(*ours, PROBER, "--until-eof"), environment=allowed, user=prober_user)
    ground = (
        [] if kept is None else [Service(name="redis", command=kept.command, environment={}, ground=True, answers=kept.answers)]
    )
    return [*ground, service("web", "--host", host), service("worker"), *([fetching] if prober else [])]


def _refuse_user(name: str | None) -> None:
    if name is None:
        return
    try:
        pwd.getpwnam(name)
    except KeyError:
        fail(f"There is no user {name}. Make it, such as: useradd --system --no-create-home {name}", WRONG_USE)
    if os.geteuid() != 0:
        fail("Only root can give the prober another user. Start this as root, or leave --prober-user out.", WRONG_USE)


def _log_wall(prober_user: str | None) -> None:
    """Log which wall stands between the prober, which fetches what strangers name, and the secrets."""
    import structlog

    from bot.prober.landlock import version

    logger = structlog.get_logger("stampbot.run")
    landlock = version()
    parts = (
        f"its own user {prober_user}" if prober_user else "",
        f"Landlock {landlock}" if landlock else "",
        "the memory of the other processes is hidden" if sys.platform.startswith("linux") and os.geteuid() != 0 else "",
    )
    wall = ", ".join(filter(None, parts))
    if wall:
        logger.info("the prober has no secret and stands behind a wall", wall=wall)
    else:
        logger.warning(
            "the prober has no secret, and nothing keeps it from reading those of the other processes",
            fix="Use --prober-user, or a Linux with Landlock (5.13 or later).",
        )


def _ended_by_signal(supervisor: Supervisor) -> threading.Event:
    """An event that the first signal sets; the second one ends everything at once."""
    ended = threading.Event()

    def end(_signum: int, _frame: object) -> None:
        if ended.is_set():
            supervisor.kill()
            os._exit(1)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    return ended


def _say() -> Say:
    """Prints lines as they come; on a terminal with the name of their process."""
    from bot.terminal import process_line

    shown = console()

    def say(name: str, line: str) -> None:
        if shown.is_terminal:
            shown.print(process_line(name, line), soft_wrap=True)
        else:
            click.echo(line)

    return say
