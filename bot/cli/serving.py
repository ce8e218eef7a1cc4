"""The processes of the Procfile, and the demo. Each reads its settings first, so problems are reported early."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress

import click

from bot.cli.shared import bot_of, console, settings_of, warn_read_only

until_eof = click.option("--until-eof", is_flag=True, hidden=True, help="End when standard input ends.")
secrets_on_input = click.option(
    "--secrets-on-input", is_flag=True, hidden=True, help="The first line of standard input: a JSON object of secret variables."
)
INPUT_LINE_BYTES_MAX = 1_048_576
ORPHAN_PATIENCE_S = 5.0
"""How long a process without its starter has to end in good order."""


@click.command()
@click.option("--smoke", is_flag=True, help="Play one whole story, then end: exit 0, or say what failed.")
@click.option("--port", default=None, type=click.IntRange(0, 65535), help="Port of the sandbox and its page (0: any).")
@click.option("--web-port", default=None, type=click.IntRange(0, 65535), help="Port of the bot's web process (0: any).")
@click.option(
    "--shipped-settings",
    is_flag=True,
    help="With the waits and the budget of a real installation: the first reviews take minutes.",
)
@click.option("--verbose", is_flag=True, help="With --smoke: show the output of the processes.")
def demo(smoke: bool, port: int | None, web_port: int | None, shipped_settings: bool, verbose: bool) -> None:
    """A whole small Wasteland in this terminal; Ctrl-C ends it.

    Starts a private Redis, a DoltHub look-alike with seeded pulls, and the bot's four processes. Needs no account.

    \b
    Examples:
      stampbot demo
      stampbot demo --port 0 --web-port 0
      stampbot demo --smoke
      stampbot demo --shipped-settings
    """
    from bot.demo.demo import run_demo, run_smoke

    if smoke and shipped_settings:
        raise click.UsageError("--smoke plays with the demo's short waits: leave out one of --smoke and --shipped-settings.")
    if smoke:
        sys.exit(run_smoke(console(), port=port or 0, web_port=web_port or 0, verbose=verbose))
    sys.exit(run_demo(console(), port=port, web_port=web_port, shipped=shipped_settings))


host_option = click.option(
    "--host",
    default=None,
    help="Address to listen on (0.0.0.0 where PORT is set, as on a platform that routes to it; else 127.0.0.1).",
)


def chosen_host(host: str | None) -> str:
    """The address to listen on: without a request for more it is not open to the network."""
    from bot.config.settings import port_is_set

    return host or ("0.0.0.0" if port_is_set() else "127.0.0.1")  # noqa: S104 - the platform's router must reach it


@click.command()
@host_option
@until_eof
@secrets_on_input
def web(host: str | None, until_eof: bool, secrets_on_input: bool) -> None:
    """Webhook, health and metrics, on PORT (8080).

    \b
    Example:
      STAMPBOT_COMMONS=hop/wl-commons STAMPBOT_WEBHOOK_SECRET=… stampbot web
    """
    _keep_secrets(secrets_on_input)
    settings = settings_of(webhook_needed=True)
    import structlog

    from bot import wiring
    from bot.web.app import create_app
    from bot.web.server import WebServer

    _end_with_input(until_eof)
    where = chosen_host(host)

    def ready() -> None:
        structlog.get_logger("stampbot.web").info("ready", host=where, port=settings.port)

    WebServer(
        lambda: create_app(settings, wiring.store(settings, patient=False)), host=where, port=settings.port, ready=ready
    ).serve()


@click.command()
@until_eof
@secrets_on_input
def worker(until_eof: bool, secrets_on_input: bool) -> None:
    """Looks at pulls, reviews them, carries out decisions. Any number, on any number of machines."""
    _keep_secrets(secrets_on_input)
    settings = settings_of()
    from bot.queue import threads
    from bot.worker.jobs import PullJobs

    bot = bot_of(settings)
    warn_read_only(settings)
    _end_with_input(until_eof)
    for each in settings.commons:
        # What happened while no worker ran is found first.
        with suppress(Exception):
            bot.jobs.enqueue_sweep(each.commons)
    jobs = PullJobs.of(bot).functions()
    sys.exit(threads.serve(threads.queues_of(settings.lanes), jobs, bot.store.redis, bot.store.leases.release_all))


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
    from bot.prober.landlock import confine, files_in, readable
    from bot.queue.enqueue import JobQueue

    # Before the first thread: the kernel confines one thread and what it starts.
    confine((*readable(), *files_in(settings.redis_url.reveal())))
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
@secrets_on_input
def clock(until_eof: bool, secrets_on_input: bool) -> None:
    """Enqueues a sweep of each commons, every quarter of [timing] poll_s."""
    _keep_secrets(secrets_on_input)
    settings = settings_of()
    from bot.clock.clock import make_clock, serve
    from bot.store import make_redis

    _end_with_input(until_eof)
    timings = {each.commons: each.policy.timing for each in settings.commons}
    sys.exit(serve(make_clock(timings, make_redis(settings.redis_url.reveal()))))


def _keep_secrets(on_input: bool) -> None:
    """No process of this user reads the secrets out of this one; those that come on standard input are taken over."""
    from bot.config.settings import take_over
    from bot.processes.child import hide_memory

    hide_memory()
    if not on_input:
        return
    line = b""
    # Unbuffered: what follows the line belongs to `_end_with_input`.
    while not line.endswith(b"\n") and len(line) < INPUT_LINE_BYTES_MAX and (more := os.read(0, 1)):
        line += more
    take_over(line.decode())


def _end_with_input(wanted: bool) -> None:
    """End when standard input ends: the process that started this one is gone."""
    if not wanted:
        return

    def wait() -> None:
        # Unbuffered: a thread inside a buffered read holds a lock that the interpreter wants when it ends.
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        # The process that waits for the result is gone.
        time.sleep(ORPHAN_PATIENCE_S)
        os._exit(0)

    threading.Thread(target=wait, name="standard input", daemon=True).start()
