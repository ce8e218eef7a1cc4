"""Two rigs are linked by their own word, each for itself.

A link forbids its rigs to judge each other, so nobody may make one for others: the sender owns one of the two rigs, asserts
for that one only, and a link is active once both have spoken (wl schema/commons.sql, `rig_links`: pending, active, revoked).
There is one link for two rigs, whichever is named first. Either rig may revoke it; ending one that was active, and making one
active again that was revoked, is worth a look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from bot.rulebook import Finding, Handle, Level, Place, PullKind, RigLink, RowChange, Snapshot, quote, rule, writer

_STATUSES = ("pending", "active", "revoked")


@rule(
    Level.FAULT,
    label="Rig link",
    asks="Each rig asserts a link between rigs for itself",
    kinds=(PullKind.LINK,),
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    rows = pull.changes.of("rig_links")
    known: dict[frozenset[str], list[RigLink]] = {}
    for link in pull.rig_links:
        known.setdefault(frozenset(link.pair), []).append(link)
    own = {rig.handle for rig in pull.rigs_of(writer(pull)) if rig.handle}
    registered = {rig.handle for rig in pull.rigs}
    brought = Counter(frozenset(_pair(change)) for change in rows if change.before is None)
    for change in rows:
        yield from _sides(pull, change, own, registered)
        yield from _status(change, own)
        yield from _revoker(change, own)
        if change.before is None:
            yield from _twice(change, known, brought)


def _pair(change: RowChange) -> tuple[str, str]:
    return change.new("rig_a") or "", change.new("rig_b") or ""


def _sides(pull: Snapshot, change: RowChange, own: set[Handle], registered: set[Handle]) -> Iterator[Finding]:
    """Who is linked, and who speaks for whom."""
    account, link, (a, b) = writer(pull), Place("rig_links", change.key), _pair(change)
    if own.isdisjoint({a, b}):
        yield check.finding(
            link,
            f"The link is between {quote(a)} and {quote(b)}; neither belongs to {quote(account)}.",
            "The owner of one of the two rigs opens the pull from their own fork",
        )
    if a == b:
        yield check.finding(link, f"The link joins {quote(a)} to itself.", "Name two rigs")
    for side, handle in (("a", a), ("b", b)):
        column, assertion = f"rig_{side}", f"assertion_{side}"
        if change.before is not None and column in change.changed:
            yield check.finding(
                Place("rig_links", change.key, column),
                f"The pull puts {quote(change.new(column))} into the place of {quote(change.old(column))}.",
                f"Put {column} back as it is on main, and add a new link",
            )
        if handle not in own and assertion in change.changed:
            yield check.finding(
                Place("rig_links", change.key, assertion),
                f"The pull speaks for {quote(handle)}, which does not belong to {quote(account)}.",
                f"Put {assertion} back; the owner of {quote(handle)} asserts in a pull of their own",
            )
        if handle not in registered and not own.isdisjoint({a, b}):
            yield check.finding(
                Place("rig_links", change.key, column),
                f"The link names rig {quote(handle)}, which is not registered on main.",
                "Register the rig first, or name another one in the branch",
                level=Level.DOUBT,
            )


def _status(change: RowChange, own: set[Handle]) -> Iterator[Finding]:
    place, status, before, (a, b) = (
        Place("rig_links", change.key, "status"),
        change.new("status"),
        change.old("status"),
        _pair(change),
    )
    if status not in _STATUSES:
        yield check.finding(
            place, f"{quote(status)} is no status of a link.", f"Set status to one of {', '.join(_STATUSES)} in the branch"
        )
    if before == "active" and status != "active":
        yield check.finding(
            place,
            f"The pull ends the link between {quote(a)} and {quote(b)}; they could judge each other then.",
            "Say in a comment why the rigs are no longer linked",
            level=Level.DOUBT,
        )
    if before == "active" and status == "active" and "link_type" in change.changed:
        yield check.finding(
            Place("rig_links", change.key, "link_type"),
            f"The active link between {quote(a)} and {quote(b)} becomes {quote(change.new('link_type'))},"
            f" which was {quote(change.old('link_type'))}.",
            "Say in a comment what has changed between the two rigs",
            level=Level.DOUBT,
        )
    if status == "active" and not (_spoken(change, "assertion_a") and _spoken(change, "assertion_b")):
        yield check.finding(
            place,
            "The link is active before both rigs have spoken.",
            "Set status to pending in the branch",
        )
    elif status == "active" and before == "revoked" and not own.issuperset({a, b}):
        yield check.finding(
            place,
            f"The link between {quote(a)} and {quote(b)} was revoked and becomes active again, by the word of one of them.",
            "The owner of the other rig confirms it in a comment",
            level=Level.DOUBT,
        )


def _spoken(change: RowChange, column: str) -> bool:
    return bool((change.new(column) or "").strip())


def _revoker(change: RowChange, own: set[Handle]) -> Iterator[Finding]:
    """Who revokes says so in their own name."""
    named = change.new("revoked_by")
    if "revoked_by" in change.changed and named and (named not in own or named not in _pair(change)):
        yield check.finding(
            Place("rig_links", change.key, "revoked_by"),
            f"The link is revoked in the name of {quote(named)}, which is not the sender's rig in it.",
            "Write the handle of your own rig into revoked_by in the branch",
        )


def _twice(
    change: RowChange, known: Mapping[frozenset[str], list[RigLink]], brought: Counter[frozenset[str]]
) -> Iterator[Finding]:
    """One link for two rigs. The schema forbids a second one only where its rigs are named in the same order."""
    place, (a, b) = Place("rig_links", change.key, "rig_b"), _pair(change)
    if a == b:
        return
    for link in known.get(frozenset((a, b)), ()):
        name, status = link.row.text("id"), link.row.text("status")
        if name != change.key and (link.pair == (a, b) or status != "revoked"):
            yield check.finding(
                place,
                f"Main links {quote(a)} and {quote(b)} already, by {quote(name)}, which is {quote(status)}.",
                f"Change {quote(name)} and add no second link",
            )
            return
    if brought[frozenset((a, b))] > 1:
        yield check.finding(
            place, f"The pull links {quote(a)} and {quote(b)} twice.", "Leave one of the two links in the branch"
        )
