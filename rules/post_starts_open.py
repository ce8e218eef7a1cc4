"""A posted item is new, open and says what it wants.

Its id is free on main, nobody has claimed or delivered it, it has a title of at most 256 characters and a poster. Priority
runs from 0 (critical) to 4 (backlog); some tools write it the other way round, so an odd one is worth a look.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Level, Place, PullKind, Snapshot, quote, rule

TITLE_CHARS_MAX = 256
_EFFORTS = (None, "trivial", "small", "medium", "large", "epic")
_PRIORITIES = (None, "0", "1", "2", "3", "4")


@rule(Level.FAULT, kinds=(PullKind.POST,))
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.of("wanted", ChangeKind.ADDED):

        def at(column: str, key: str = change.key) -> Place:
            return Place("wanted", key, column)

        if any(item.id == change.key for item in pull.items):
            yield check.finding(at("id"), f"Main has an item {quote(change.key)} already.", "Post it under a new id: wl post")
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
        for column, known in (("priority", _PRIORITIES), ("effort_level", _EFFORTS)):
            if change.new(column) not in known:
                yield check.finding(
                    at(column),
                    f"The {column} {quote(change.new(column))} is unusual.",
                    f"Use one of {', '.join(word for word in known if word)}",
                    level=Level.DOUBT,
                )
