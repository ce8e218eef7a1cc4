"""A registration names its own sender, takes nobody's handle, and changes no history.

One rig per pull, its `dolthub_org` the owner of the fork. A handle that exists belongs to its owner on main: registering
it again from elsewhere would hand over its stamps and its rights. A new handle must not look like one that others own,
however it is written. Registering again may refresh name, addresses and version, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.rulebook import (
    ChangeKind,
    Finding,
    Handle,
    Level,
    Place,
    PullKind,
    RowChange,
    Snapshot,
    User,
    fold,
    quote,
    rule,
    skeleton,
    writer,
)

_HANDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_RESERVED = frozenset({"register"})
_REFRESHED = frozenset({"display_name", "dolthub_org", "hop_uri", "owner_email", "gt_version", "last_seen"})


@rule(Level.FAULT, kinds=(PullKind.REGISTRATION,), fixed=True)
def check(pull: Snapshot) -> Iterator[Finding]:
    rows = pull.changes.of("rigs")
    if len(rows) > 1:
        yield check.finding(
            Place("rigs"), f"The pull registers {len(rows)} rigs at once.", "Open one pull for each registration"
        )
    account = writer(pull)
    for change in rows:
        yield from (_new if change.kind is ChangeKind.ADDED else _again)(pull, change, account)


def _new(pull: Snapshot, change: RowChange, account: User) -> Iterator[Finding]:
    place, owner = Place("rigs", change.key, "handle"), change.new("dolthub_org")
    known = pull.rig(Handle(change.key))
    if known is not None:
        yield check.finding(
            place,
            f"Main has a rig {quote(change.key)} already, of {quote(known.owner)}.",
            "Choose another handle, or sync the fork with main and register again",
        )
    if not _HANDLE.fullmatch(change.key) or fold(change.key) in _RESERVED:
        yield check.finding(
            place,
            f"The handle {quote(change.key)} cannot stand in branch names.",
            "Choose a handle of 1 to 64 letters, digits, _ and -, beginning with a letter or digit",
        )
    if owner != account:
        yield check.finding(
            Place("rigs", change.key, "dolthub_org"),
            f"The registration names {quote(owner)} as owner, but comes from {quote(account)}.",
            f"Register with dolthub_org {account}",
        )
    for rig in pull.rigs:
        if rig.handle != change.key and skeleton(rig.handle) == skeleton(change.key):
            yield check.finding(
                place,
                f"The handle {quote(change.key)} looks like {quote(rig.handle)} of {quote(rig.owner)}.",
                "Choose a handle that cannot be mistaken",
                level=Level.NOTE if rig.owner and rig.owner == account else None,
            )
    parent = pull.rig(Handle(change.new("parent_rig") or ""))
    if parent is not None and parent.owner != account:
        yield check.finding(
            Place("rigs", change.key, "parent_rig"),
            f"The rig calls {quote(parent.handle)} its parent, which belongs to {quote(parent.owner)}.",
            f"{parent.owner or 'The owner of the parent'} confirms it in a comment",
            level=Level.DOUBT,
        )


def _again(pull: Snapshot, change: RowChange, account: User) -> Iterator[Finding]:
    place = Place("rigs", change.key, "dolthub_org")
    known = pull.rig(Handle(change.key))
    owner, named = (known.owner if known else change.old("dolthub_org") or ""), change.new("dolthub_org") or ""
    if owner and owner != account:
        yield check.finding(
            place,
            f"The pull registers {quote(change.key)} again, which belongs to {quote(owner)}; it comes from {quote(account)}.",
            "Register a handle of your own",
        )
    elif not owner and named != account:
        yield check.finding(
            place,
            f"The registration names {quote(named)} as owner, but comes from {quote(account)}.",
            f"Register with dolthub_org {account}",
        )
    elif not owner:
        yield check.finding(
            place,
            f"The pull takes over {quote(change.key)}, which has no owner on main.",
            "Say in a comment why this rig is yours",
            level=Level.DOUBT,
        )
    elif named != owner:
        yield check.finding(
            place,
            f"The pull gives {quote(change.key)} away, from {quote(owner)} to {quote(named)}.",
            "Say in a comment why the rig changes hands",
            level=Level.DOUBT,
        )
    for column in change.changed:
        if column not in _REFRESHED:
            yield check.finding(
                Place("rigs", change.key, column),
                f"Registering again changes {column} from {quote(change.old(column))} to {quote(change.new(column))}.",
                f"Put {column} back as it is on main",
            )
