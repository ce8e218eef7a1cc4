"""`stampbot init`: six questions, a check at DoltHub, and the two files of a new installation."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

import click
from rich.text import Text

from bot.cli.doctor import STYLE, status_of
from bot.cli.shared import console, fail, fail_with
from bot.config import readers
from bot.config.first_settings import ENVIRONMENT_NAME, FirstSettings, environment_text, validator
from bot.config.settings import CONFIG_NAME, SettingsError, child_environment, read
from bot.config.variable import Unusable
from bot.log import visible
from bot.terminal import FINDING, FINE, WRONG_USE

if TYPE_CHECKING:
    from bot.config.settings import Settings
    from bot.health import CheckResult

T = TypeVar("T")
WEBHOOK_SECRET_BYTES = 32
_SHOWN = ("commons", "token", "account", "validators")
"""Checks whose good results are shown as well."""


@click.command()
@click.option("--commons", default=None, metavar="OWNER/DB", help="The commons to serve.")
@click.option("--hub-url", default=None, help="Address of DoltHub or of a DoltLab.")
@click.option(
    "--token-file", type=click.File(), default=None, help="File with the API token of the bot's account; - is standard input."
)
@click.option("--account", default=None, help="The bot's account, where the host does not report whose a token is.")
@click.option("--validators", default=None, help="Comma list of users who may decide; user=rig names the rig that stamps.")
@click.option("--public-url", default=None, help="The web address under which DoltHub reaches this machine; empty: none.")
@click.option("--redis-url", default=None, help="Address of a Redis; empty: `stampbot run --redis DIRECTORY` brings one along.")
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), default=Path("."), help="Where the files go.")
@click.option("--unchecked", is_flag=True, help="Write the files without asking DoltHub.")
def init(
    *,
    commons: str | None,
    hub_url: str | None,
    token_file: TextIO | None,
    account: str | None,
    validators: str | None,
    public_url: str | None,
    redis_url: str | None,
    directory: Path,
    unchecked: bool,
) -> None:
    """Make the settings of a new installation: stampbot.toml and stampbot.env.

    Asks for what no option names, checks commons, token, account and validators at DoltHub, and writes two new files; none is
    overwritten. The bot then watches: it posts reviews and decides nothing, until you change `decisions` in stampbot.toml.

    \b
    Examples:
      stampbot init
      stampbot init --commons hop/wl-commons --hub-url https://www.dolthub.com --token-file token \\
        --validators bo,ana=ana-town --public-url https://bot.example.org --redis-url ''
    """
    for name in (CONFIG_NAME, ENVIRONMENT_NAME):
        if (directory / name).exists():
            fail(f"There is a {directory / name} already. Move it away, or name another place with --directory.", WRONG_USE)
    first = FirstSettings(
        commons=_answer("--commons", "The commons to serve (owner/database)", commons, readers.commons),
        hub_url=_answer(
            "--hub-url", "Address of DoltHub or of a DoltLab", hub_url, readers.hub_address, default=readers.HUB_URL
        ),
        hub_token=_token(token_file),
        webhook_secret=readers.Secret(secrets.token_urlsafe(WEBHOOK_SECRET_BYTES)),
        account=_answer("--account", "", account, readers.account) if account else None,
        validators=_answer(
            "--validators",
            "Who may decide, beside rigs with trust 3 (comma list of user or user=rig; may be empty)",
            validators,
            readers.list_of(validator),
            default="",
        ),
        redis_url=_answer(
            "--redis-url",
            "Address of your Redis (empty: stampbot run brings one along)",
            redis_url,
            _or_none(readers.redis_url),
            default="",
        ),
    )
    public = _answer(
        "--public-url",
        "Web address of this machine, as DoltHub sees it (empty: no webhook, the bot polls)",
        public_url,
        _or_none(readers.web_address),
        default="",
    )
    if not unchecked:
        first, results = _checked(first)
        _print_results(results)
        status = status_of(results)
        if status != FINE:
            fail("No file was written. Fix this and run it again, or write the files all the same: --unchecked", status)
    _write(first, directory)
    _print_steps(first, directory, public)


def _answer(option: str, question: str, given: str | None, read: Callable[[str], T], *, default: str | None = None) -> T:
    """What an option holds, or the answer to its question; a question is asked again until its answer can be used."""

    def read_or_complain(text: str) -> T:
        try:
            return read(text.strip())
        except* Unusable as unusable:
            said = [f"{each.says}. {each.fix}" for each in unusable.exceptions if isinstance(each, Unusable)]
            raise click.BadParameter(" ".join(said), param_hint=option) from None

    if given is not None:
        return read_or_complain(given)
    try:
        found: T = click.prompt(question, default=default, value_proc=read_or_complain, show_default=bool(default))
    except click.Abort:
        fail(f"No file was written: there was no answer. Answer the question, or name it with {option}.", WRONG_USE)
    return found


def _token(file: TextIO | None) -> readers.Secret:
    if file is not None:
        return _answer("--token-file", "", file.read(readers.TOKEN_CHARS_MAX * 2), readers.token)
    try:
        found: readers.Secret = click.prompt(
            "API token of the bot's own account (not shown)", hide_input=True, value_proc=_read_token
        )
    except click.Abort:
        fail("No file was written: there was no answer. Answer the question, or name it with --token-file.", WRONG_USE)
    return found


def _read_token(text: str) -> readers.Secret:
    return _answer("--token-file", "", text, readers.token)


def _or_none(read: Callable[[str], T]) -> Callable[[str], T | None]:
    return lambda text: read(text) if text else None


def _checked(first: FirstSettings) -> tuple[FirstSettings, Sequence[CheckResult]]:
    """The settings with the account of the token, and the checks of the commons with them."""
    from bot import log, wiring
    from bot.config.settings import colour_wanted
    from bot.health import Facts, examine
    from bot.health.facts import CommonsFacts
    from bot.health.reading import read_commons

    with tempfile.TemporaryDirectory(prefix="stampbot-") as folder:
        settings = _settings(first, Path(folder))
    log.configure(settings.log, settings.secrets, colours=colour_wanted())
    bot = wiring.for_worker(settings, patient=False)
    (mine,) = settings.commons
    with console(stderr=True).status("asking DoltHub …"):
        facts: CommonsFacts = read_commons(mine, settings, bot.at(first.commons))
    named = replace(first, account=facts.account) if isinstance(facts.account, str) else first
    return named, [each for each in examine(Facts(commons=(facts,))) if each.commons is not None]


def _print_results(results: Sequence[CheckResult]) -> None:
    """What was asked for, and whatever does not work."""
    from bot.health import State

    out = console()
    for each in results:
        if each.state in (State.FAULT, State.UNKNOWN) or (each.state is State.FINE and each.check in _SHOWN):
            line = Text.assemble(f"  {each.check}: ", (each.state.value, STYLE[each.state]), f", {visible(each.says)}")
            out.print(line, soft_wrap=True)
            if each.fix:
                out.print(Text(f"    {each.fix}"), soft_wrap=True)


def _settings(first: FirstSettings, folder: Path) -> Settings:
    """The settings as the bot will read them from the files, or every problem and exit status 2."""
    (folder / CONFIG_NAME).write_text(first.policy_text(), "utf-8")
    try:
        return read(child_environment(**first.variables(folder)), webhook_needed=True)
    except SettingsError as error:
        fail_with(error)


def _write(first: FirstSettings, directory: Path) -> None:
    """Both files, or none."""
    try:
        environment = environment_text(first.variables(directory.resolve()))
    except Unusable as unusable:
        fail(f"{unusable.says}. {unusable.fix}", WRONG_USE)
    policy, secret = directory / CONFIG_NAME, directory / ENVIRONMENT_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_new(secret, environment, mode=0o600)
        try:
            _write_new(policy, first.policy_text(), mode=0o644)
        except OSError:
            secret.unlink()
            raise
    except OSError as error:
        fail(
            f"{error.filename or directory} cannot be written: {error.strerror}. Name another place with --directory.", FINDING
        )


def _write_new(path: Path, text: str, *, mode: int) -> None:
    """Raises OSError, also where the file is there."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def _print_steps(first: FirstSettings, directory: Path, public: str | None) -> None:
    from bot.web.webhook import PATH

    where = "" if directory == Path(".") else f"cd {directory} && "
    brought = "" if first.redis_url is not None else " --redis ./data"
    click.echo(f"\nWritten: {directory / CONFIG_NAME}, {directory / ENVIRONMENT_NAME} (secrets: only you can read it)\n")
    if public is not None:
        click.echo(f"Address of the webhook, which is a secret:\n  {public}{PATH}{first.webhook_secret.reveal()}\n")
    steps = (
        f"Start the bot:\n     {where}set -a && . ./{ENVIRONMENT_NAME} && set +a && stampbot run{brought}",
        f"Enter the address of the webhook at DoltHub, as an admin of {first.commons} (Settings, Webhooks):\n"
        "     tick Pushes, Pull requests and Branch change. Without a webhook the bot polls."
        if public is not None
        else "No webhook was asked for: the bot polls, every half minute.",
        "Read a few reviews, ask `stampbot doctor`, and then have decisions carried out:\n"
        f'     decisions = "carry out" in {directory / CONFIG_NAME}, and start the bot again.',
    )
    for number, step in enumerate(steps, 1):
        click.echo(f"  {number}. {step}")
