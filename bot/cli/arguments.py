"""Kinds of arguments and options that several commands take."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click

from bot.model.ids import CommitHash, Commons, PullNo, is_commit_hash


class PullType(click.ParamType[tuple[Commons, PullNo]]):
    """`OWNER/DB#N`, the address of its page, or its number alone where the bot serves one commons."""

    name = "OWNER/DB#N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Commons, PullNo]:
        """Read it, or fail with an example."""
        page = _PAGE.search(str(value))
        database, _, number = (page["commons"], "", page["number"]) if page is not None else str(value).rpartition("#")
        if not database and number.isdecimal():
            database = _the_one_commons() or self.fail(
                f"{value!r} names a pull, and not of which commons; write it like hop/wl-commons#{number}", param, ctx
            )
        if not re.fullmatch(r"[1-9][0-9]{0,9}", number):
            self.fail(f"{value!r} names no pull; write it like hop/wl-commons#12 (in quotes: # begins a comment)", param, ctx)
        try:
            return Commons.parse(database), PullNo(int(number))
        except ValueError as error:
            self.fail(str(error), param, ctx)


_PAGE = re.compile(r"^https?://[^/\s]+/repositories/(?P<commons>[^/\s]+/[^/\s]+)/pulls/(?P<number>[0-9]+)/?$")


def _the_one_commons() -> str:
    """The commons of this bot, if it serves exactly one and the settings can be read; else empty."""
    from bot.config import settings

    try:
        served = settings.read(commons_needed=False).commons
    except settings.SettingsError:
        return ""
    return str(served[0].commons) if len(served) == 1 else ""


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
