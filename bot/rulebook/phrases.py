"""Words and questions that several rules share: who wrote the rows, how a cell is quoted, how a worker starts over."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from bot.model.history import Commit
from bot.model.ids import User
from bot.model.snapshot import Snapshot

QUOTED_CHARS_MAX = 60
SHORT_HASH_CHARS = 7


def writer(pull: Snapshot) -> User:
    """The account that stands behind the rows."""
    return pull.writer


def quote(text: str | None) -> str:
    """A cell inside a sentence, between backticks: one line, no control characters, cut; NULL and the empty cell are "nothing".

    What stands between backticks is shown as it is, whatever it holds. A backtick in it becomes an apostrophe.
    """
    plain = " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in (text or "")[:1_000]).split())
    if not plain:
        return "nothing"
    bare = plain.replace("`", "'")
    return f"`{bare}`" if len(bare) <= QUOTED_CHARS_MAX else f"`{bare[:QUOTED_CHARS_MAX]}…`"


def clock(moment: datetime) -> str:
    """A time of day, for what is at most hours away: `14:02 UTC`."""
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def day(moment: datetime) -> str:
    """A time that may be long past: `2026-06-14 14:02 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def short(commit: Commit) -> str:
    """A commit as people name one: how its hash begins, as code."""
    return quote(commit.id[:SHORT_HASH_CHARS])


def submit_again(item: str) -> str:
    """How other evidence gets into the pull.

    `wl done` writes nothing on a branch that is already in review (wl internal/sdk, Done), so the branch must go first.
    """
    named = typed(item)
    return f'Discard the branch (b in the wl board), then: `wl claim {named}`, `wl done {named} --evidence "<URL>"`'


def start_over(item: str) -> str:
    """How a worker gets a branch that can merge, after main has moved on."""
    return f"Discard the branch (b in the wl board), sync the fork with main, then: `wl claim {typed(item)}`"


def typed(text: str) -> str:
    """A stranger's id inside a line to type, which itself stands between backticks: no backtick of its own ends it."""
    return text.replace("`", "'")
