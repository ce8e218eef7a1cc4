"""A posted item is new, open and says what it wants.

Its id is free on main, nobody has claimed or delivered it, it has a title of at most 256 characters and a poster. Priority
runs from 0 (critical) to 4 (backlog) in wl; Kilo counts the other way round, from 0 (low) to 3 (critical) (Kilo-Org/cloud,
services/wasteland, PRIORITY_TO_NUMBER), so what comes from a Kilo town, or sounds like low, gets a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Handle, Level, Place, PullKind, RowChange, Snapshot, quote, rule

TITLE_CHARS_MAX = 256
_KILO_VERSION = "cloud-worker:"
"""What a Kilo town registers as its gt_version."""
_WORDS = ("critical", "high", "medium", "low", "backlog")
_KILO_WORDS = ("low", "medium", "high", "critical")
_SOUNDS_LOW = re.compile(
    r"\b(?:low[ -]priority|nice[ -]to[ -]have|no (?:rush|hurry)|not urgent|whenever|some ?day|cosmetic|minor|backlog)\b",
    re.IGNORECASE,
)


@rule(
    Level.FAULT,
    label="Post",
    asks="A post is open, unclaimed and complete",
    kinds=(PullKind.POST,),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.of("wanted", ChangeKind.ADDED):

        def at(column: str, key: str = change.key) -> Place:
            return Place("wanted", key, column)

        if any(item.id == change.key for item in pull.items):
            yield check.finding(at("id"), f"Main has an item {quote(change.key)} already.", "Post it under a new id: `wl post`")
        if change.new("status") != "open":
            yield check.finding(
                at("status"), f"The item is posted as {quote(change.new('status'))}.", "Set status to open in the branch"
            )
        for column in ("claimed_by", "evidence_url"):
            if change.new(column):
                yield check.finding(
                    at(column),
                    f"The item is posted with {column} {quote(change.new(column))}.",
                    f"Set {column} to NULL in the branch, and claim when the post is merged",
                )
        if not (change.new("posted_by") or "").strip():
            yield check.finding(at("posted_by"), "The item names no poster.", "Write the rig's handle into posted_by")
        title = (change.new("title") or "").strip()
        if not title or len(title) > TITLE_CHARS_MAX:
            yield check.finding(
                at("title"),
                f"The title has {len(title)} characters.",
                f"Write a title of 1 to {TITLE_CHARS_MAX} characters",
            )
        if says := _upside_down(pull, change):
            yield check.finding(at("priority"), says, "Say in a comment how urgent it is", level=Level.NOTE)


def _upside_down(pull: Snapshot, change: RowChange) -> str:
    """What a priority could mean instead, if it may be meant the other way round; empty if nothing says so."""
    priority, poster = change.new("priority") or "", pull.rig(Handle(change.new("posted_by") or ""))
    if priority not in ("0", "1", "2", "3"):
        return ""
    here, there = _WORDS[int(priority)], _KILO_WORDS[int(priority)]
    if poster is not None and poster.row.text("gt_version").startswith(_KILO_VERSION):
        return f"Priority {priority} is {here}, but comes from a Kilo town, where it is {there}."
    low = _SOUNDS_LOW.search(f"{change.new('title') or ''}\n{change.new('description') or ''}") if priority == "0" else None
    return f"Priority 0 is critical, and the item says {quote(low[0])}: in a Kilo town 0 is low." if low else ""
