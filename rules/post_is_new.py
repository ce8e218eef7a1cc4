"""A posted item is not wanted already.

Titles are compared in any case. An item of the same title that is still to be done makes two rigs do one work; one that is
done may simply be wanted again; one that was withdrawn counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Level, Place, PullKind, Snapshot, Wanted, fold, quote, rule

COMPARED_MAX = 50
"""Posts of one pull that are compared with main; more are not read."""
_DONE = frozenset({"completed", "validated"})
_NAMED_MAX = 3


@rule(
    Level.DOUBT,
    label="Duplicate",
    asks="A post is not on the board already",
    kinds=(PullKind.POST,),
    softens_after_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    posts = pull.changes.of("wanted", ChangeKind.ADDED)
    first: dict[str, str] = {}
    for change in posts:
        title, place = fold(change.new("title") or ""), Place("wanted", change.key, "title")
        if not title:
            continue
        if title in first:
            yield check.finding(
                place,
                f"The pull posts {quote(change.key)} under the title of {quote(first[title])}.",
                "Take one of the two out of the branch",
            )
        first.setdefault(title, change.key)
        alike = [item for item in pull.namesakes if fold(item.title) == title and item.id != change.key]
        if standing := [item for item in alike if not item.terminal]:
            yield check.finding(
                place,
                f"Main has the title of {quote(change.key)} already: {_named(standing)}.",
                "Close this pull, or say in the title what is different",
            )
        if done := [item for item in alike if item.status in _DONE]:
            yield check.finding(
                place, f"An item of the title of {quote(change.key)} is done on main: {_named(done)}.", level=Level.NOTE
            )
    if len(posts) > COMPARED_MAX:
        yield check.finding(
            Place("wanted"),
            f"The pull posts {len(posts)} items; only the titles of the first {COMPARED_MAX} are compared with main.",
            f"Post at most {COMPARED_MAX} items in one pull",
        )


def _named(items: list[Wanted]) -> str:
    """`w-1` (`open`), and so on."""
    told = ", ".join(f"{quote(item.id)} ({quote(item.status)})" for item in items[:_NAMED_MAX])
    return told + (f" and {len(items) - _NAMED_MAX} more" if len(items) > _NAMED_MAX else "")
