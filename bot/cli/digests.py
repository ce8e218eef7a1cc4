"""What waits for validators, as a message for a mail or a chat."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from bot.cli.arguments import CommonsType
from bot.cli.commons import backlog_json
from bot.cli.shared import a_person_waits, bot_of, errors_reported, settings_of
from bot.messages import md, time
from bot.messages.words import GROUPS
from bot.model.ids import Commons
from bot.terminal import COULD_NOT_TELL, FINE, print_json

if TYPE_CHECKING:
    from bot.converge.backlog import Backlog, Waiting

_FORMS = ("text", "markdown", "json")


@click.command()
@click.argument("commons", type=CommonsType(), required=False)
@click.option("--since", "days", type=click.IntRange(1), metavar="DAYS", help="Only pulls opened in the last DAYS days.")
@click.option("--text", "form", flag_value="text", default="text", help="Plain text, for a mail.  [default]")
@click.option("--markdown", "form", flag_value="markdown", help="Markdown, for a chat or an issue.")
@click.option("--json", "form", flag_value="json", help="Facts for a program.")
def digest(commons: Commons | None, days: int | None, form: str) -> None:
    """What waits for validators as one message, oldest first. The bot sends nothing itself: pipe it to a program that does.

    Names and titles cannot call anybody or become markup. Exit status: 0, or 3 where Redis or DoltHub did not answer.

    \b
    Examples:
      stampbot digest | mail -s 'What waits' validators@example.org
      stampbot digest hop/wl-commons --since 7 --markdown
    """
    from bot import wiring
    from bot.converge.backlog import read_backlog

    settings = settings_of(named=(commons,) if commons else ())
    bot, now = bot_of(settings, patient=False), wiring.now()
    with errors_reported(), a_person_waits():
        found = [read_backlog(bot.at(each)) for each in ((commons,) if commons else [s.commons for s in settings.commons])]
    if days is not None:
        found = [each.since(now - timedelta(days=days)) for each in found]
    if form == "json":
        print_json({"backlogs": [backlog_json(each) for each in found]})
    else:
        write = _markdown if form == "markdown" else _text
        click.echo("\n\n".join(write(each, now, settings.hub_url.rstrip("/")) for each in found))
    sys.exit(COULD_NOT_TELL if any(each.lacks for each in found) else FINE)


def _text(backlog: Backlog, now: datetime, site_url: str) -> str:
    """A digest as plain text."""

    def one(w: Waiting, address: str) -> str:
        said = [f"  #{w.pull} {_plain(w.item_title or w.title)} ({', '.join(_state(w, now))})", f"    {address}"]
        said += [f"    {_plain(w.reason)}"] if w.reason else []
        return "\n".join([*said, *([f"    {_plain(w.line)}"] if w.line else [])])

    return _written(backlog, site_url, one, head=str, lack=_plain)


def _markdown(backlog: Backlog, now: datetime, site_url: str) -> str:
    """A digest as Markdown."""

    def one(w: Waiting, address: str) -> str:
        parts = [
            md.code(w.item_title or w.title, 80),
            *map(md.escape, _state(w, now)),
            *([md.prose(w.reason)] if w.reason else []),
        ]
        line = [md.code(w.line, 200)] if w.line else []
        return f"- [#{w.pull}]({address}) {md.join([*parts, *line], ' · ')}"

    return _written(backlog, site_url, one, head=lambda title: f"**{title}**\n", lack=md.escape)


def _written(
    backlog: Backlog,
    site_url: str,
    one: Callable[[Waiting, str], str],
    *,
    head: Callable[[str], str],
    lack: Callable[[str], str],
) -> str:
    """The digest of one commons: each group that a validator can do something about, then how many there are of the others."""
    at = backlog.commons
    groups = [(name, [w for w in backlog.waiting if w.verdict in verdicts], folded) for name, verdicts, folded in GROUPS]
    groups.append(("Not looked at yet", [w for w in backlog.waiting if w.verdict is None], True))
    many = len(backlog.waiting)
    parts = [head(f"{at}: {many} open {'pull' if many == 1 else 'pulls'}" if many else f"{at}: nothing waits")]
    for name, rows, folded in groups:
        if rows and not folded:
            listed = (one(w, f"{site_url}/repositories/{at.owner}/{at.name}/pulls/{w.pull}") for w in rows)
            parts.append("\n".join([head(f"{name} ({len(rows)})"), *listed]))
    rest = [f"{name}: {len(rows)}" for name, rows, folded in groups if rows and folded]
    if rest:
        parts.append(f"{', '.join(rest)}.")
    parts += [f"Not known: {lack(each)}" for each in backlog.lacks]
    return "\n\n".join(part.rstrip("\n") for part in parts)


def _state(w: Waiting, now: datetime) -> Iterator[str]:
    if w.verdict is not None:
        yield w.verdict.value
    if w.opened_at is not None:
        yield time.span(max(0.0, (now - w.opened_at).total_seconds()))


def _plain(text: str) -> str:
    """Foreign text in a mail or a chat: one line, without what calls people or becomes a link to a name."""
    return md.clean(text).replace("@", "@\u200b").replace("<", "\u2039").replace(">", "\u203a")
