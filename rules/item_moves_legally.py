"""The item may move from its status on main to its status in the pull.

open → claimed → in_review, back from claimed to open, and from open to withdrawn; open → in_review when claim and work
come together. Completed and withdrawn items stay so. What is claimed on main is its claimer's. Only validators settle an
item. Compared with main now, not with the day the fork was made.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import (
    ChangeKind,
    Finding,
    Level,
    Place,
    PullKind,
    RowChange,
    Snapshot,
    Wanted,
    quote,
    rule,
    start_over,
    typed,
)

_WORDS = ("open", "claimed", "in_review", "completed", "withdrawn")
_MOVES = frozenset(
    {
        ("open", "claimed"),
        ("open", "in_review"),
        ("open", "withdrawn"),
        ("claimed", "claimed"),
        ("claimed", "in_review"),
        ("claimed", "open"),
    }
)


@rule(
    Level.FAULT,
    label="Status",
    asks="The item may move from its status on main to the status in the pull",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.EDIT),
    overridable=False,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    main = {item.id: item for item in pull.items}
    moved = {change.key: change for change in pull.changes.of("wanted", ChangeKind.MODIFIED)}
    handed_in = pull.kind is PullKind.WORK
    for key in pull.item_ids:
        item, change = main.get(key), moved.get(key)
        place = Place("wanted", key, "status")
        if item is None:
            yield check.finding(place, f"Item {quote(key)} is not on main.", "Post the item first: `wl post`")
        elif item.terminal:
            yield check.finding(
                place, f"Item {quote(key)} is {item.status} on main.", "Close this pull; `wl browse` shows open items"
            )
        elif change is not None:
            yield from _move(item, change, handed_in=handed_in)


def _move(item: Wanted, change: RowChange, *, handed_in: bool) -> Iterator[Finding]:
    place = Place("wanted", change.key, "status")
    moves = "status" in change.changed
    to = (change.new("status") or "") if moves else item.status
    claimer = change.new("claimed_by")
    if moves and to not in _WORDS:
        yield check.finding(
            place, f"{quote(to)} is no status of an item.", f"Write one of {', '.join(_WORDS[:3])} into status in the branch"
        )
    elif to in ("claimed", "in_review") and not claimer:
        yield check.finding(
            Place("wanted", change.key, "claimed_by"), f"The item becomes {to} and no rig claims it.", start_over(change.key)
        )
    elif item.claimed_by and claimer and claimer != item.claimed_by:
        yield check.finding(
            Place("wanted", change.key, "claimed_by"),
            f"On main the item is claimed by {quote(item.claimed_by)}, here by {quote(claimer)}.",
            f"Close this pull, or ask the owner of {quote(item.claimed_by)} to give it back: `wl unclaim {typed(change.key)}`",
        )
    elif moves and (item.status, to) not in _MOVES:
        yield check.finding(
            place, f"The item is {quote(item.status)} on main and cannot become {quote(to)}.", start_over(change.key)
        )
    elif handed_in and to != "in_review":
        yield check.finding(
            place,
            f"The pull submits work and leaves the item {quote(to)}.",
            f'`wl done {typed(change.key)} --evidence "<URL>"`',
            level=Level.DOUBT,
        )
