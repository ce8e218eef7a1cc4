"""The pull is about one item, the one its branch names.

One decision settles one item. Edits of several items of one poster are only worth a look; so is a branch that is named
after another item (`wl/<rig>/<item>`, as the reference client names them).
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule


@rule(
    Level.FAULT,
    label="One item",
    asks="All changed items are one, the one that the branch names",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.EDIT),
    overridable=False,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    items = pull.item_ids
    if len(items) > 1:
        named = ", ".join(quote(item) for item in items[:4]) + (" …" if len(items) > 4 else "")
        yield check.finding(
            Place(),
            f"The pull is about {len(items)} items: {named}.",
            "Split it: one branch and one pull for each item",
            level=Level.DOUBT if pull.kind is PullKind.EDIT else None,
        )
    # Handles may hold slashes (Kilo tells people to take `org/repo`), ids do not.
    room, _, rest = pull.pull.source.branch.partition("/")
    rig, _, named_item = rest.rpartition("/")
    if room == "wl" and rig and rig != "register" and items and named_item not in items:
        yield check.finding(
            Place(),
            f"The branch is named after item {quote(named_item)}, but the rows are about {quote(items[0])}.",
            "Say in a comment why, or push the rows to a branch named after the item",
            level=Level.DOUBT,
        )
