"""Tables, progress bars and plain values for terminals, and the exit statuses of all commands."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from bot.log import visible

if TYPE_CHECKING:
    # Imported where it is used: a process that prints no table has no need of its 8 MB.
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table
    from rich.text import Text

FINE, FINDING, WRONG_USE, COULD_NOT_TELL = 0, 1, 2, 3
"""Exit statuses: nothing found, a finding, wrong use of the command, not known."""


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Commons, places and the like have a text form, which is what people write and read.
        if type(value).__str__ is not object.__str__:
            return str(value)
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


def cells(*texts: object) -> tuple[Text, ...]:
    """Texts for one row of a table: no markup, nothing that moves a cursor."""
    from rich.text import Text

    return tuple(Text(visible(str(text))) for text in texts)


def lines(text: str) -> str:
    """Text of several lines, fit for a terminal."""
    return "\n".join(visible(line) for line in text.split("\n"))


NAME_WIDTH = 8
_COLOURS = {"redis": "red", "sandbox": "cyan", "web": "green", "worker": "yellow", "prober": "magenta", "clock": "blue"}


def process_line(name: str, line: str) -> Text:
    """One line of a child process behind its name."""
    from rich.text import Text

    text = Text(f"{name:<{NAME_WIDTH}}| ", _COLOURS.get(name, ""))
    # Lines of child processes may be coloured; Text.from_ansi keeps that and nothing else of what a terminal obeys.
    return text.append_text(Text.from_ansi(line) if "\x1b" in line else Text(visible(line)))


def table(title: str, header: Sequence[str], rows: Iterable[tuple[Text, ...]]) -> Table:
    """A table that wraps rather than cuts."""
    from rich.table import Table

    made = Table(title=title, title_justify="left", header_style="bold", show_lines=False)
    for name in header:
        made.add_column(name, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def progress_bar(console: Console) -> Progress:
    """A bar for work that takes a while; removed when the work is done, and not shown without a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
