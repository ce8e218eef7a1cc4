"""A registration names its own sender, takes no handle of others, and changes no history.

One rig per pull, its `dolthub_org` the owner of the fork. A handle that exists belongs to its owner on main: registering
it again from elsewhere would hand over its stamps and its rights. A new handle must not look like one that others own,
however it is written, nor like one that is spoken for: `register`, which names the branches of registrations, the rig that
writes backfills (wasteland, tools/githubprbackfill), the bot's account, the validators. A shown name, an e-mail address, a
parent or a `hop_uri` that is somebody else's is worth a look, and so is a rig that a backfill made for somebody who had not
come yet. Registering again may refresh name, addresses and version, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.rulebook import (
    ChangeKind,
    Finding,
    Level,
    Place,
    PullKind,
    Rig,
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
_ANOTHER = "Choose a handle of 1 to 64 letters, digits, _ and -, beginning with a letter or digit"
_HOP_URI = re.compile(r"(?i:hop)://[^/]*/(.+?)/?")
"""`hop://<e-mail>/<handle>/` (wl, `wl join`)."""
_REGISTER, _BACKFILLER = "register", "gastownhall-backfill"
_OWNED_TYPES = frozenset({"agent", "team"})
"""Types of rigs that work for another one (MVR protocol spec, 9.2)."""
_REFRESHED = frozenset({"display_name", "dolthub_org", "hop_uri", "owner_email", "gt_version", "last_seen"})
_NAMED_MAX = 4


@rule(
    Level.FAULT,
    label="Registration",
    asks="A registration is of one rig, by its owner, with a handle that works everywhere",
    kinds=(PullKind.REGISTRATION,),
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    rows = pull.changes.of("rigs")
    if len(rows) > 1:
        yield check.finding(
            Place("rigs"), f"The pull registers {len(rows)} rigs at once.", "Open one pull for each registration"
        )
    known = _Known.of(pull)
    for change in rows:
        yield from _new(pull, change, known) if change.kind is ChangeKind.ADDED else _again(change, known)


@dataclass(frozen=True, slots=True)
class _Known:
    """Rigs on main by what a registration could have in common with them."""

    account: User
    """Who stands behind the pull."""
    own: tuple[Rig, ...]
    exact: dict[str, Rig]
    handles: dict[str, list[Rig]]
    names: dict[str, list[Rig]]
    """By what is shown of them: handle and display name."""
    emails: dict[str, list[Rig]]
    owners: dict[str, list[Rig]]

    @classmethod
    def of(cls, pull: Snapshot) -> _Known:
        account = writer(pull)
        known = cls(account, pull.rigs_of(account), {rig.handle: rig for rig in pull.rigs if rig.handle}, {}, {}, {}, {})
        for rig in pull.rigs:
            known.handles.setdefault(_look(rig.handle), []).append(rig)
            for name in {_look(rig.handle), _look(rig.row.text("display_name"))} - {""}:
                known.names.setdefault(name, []).append(rig)
            if rig.email.strip():
                known.emails.setdefault(fold(rig.email), []).append(rig)
            if rig.owner:
                known.owners.setdefault(_look(rig.owner), []).append(rig)
        return known

    def others(self, rigs: Iterable[Rig]) -> list[Rig]:
        """Those that do not belong to whoever registers."""
        return [rig for rig in rigs if not rig.owner or rig.owner != self.account]


def _look(name: str) -> str:
    return skeleton(name) or fold(name)


def _new(pull: Snapshot, change: RowChange, known: _Known) -> Iterator[Finding]:
    account, owner = known.account, change.new("dolthub_org")
    main = known.exact.get(change.key)
    if main is not None:
        yield check.finding(
            Place("rigs", change.key, "handle"),
            f"Main has a rig {quote(change.key)} already, of {quote(main.owner)}.",
            "Choose another handle, or sync the fork with main and register again",
        )
    yield from _spelling(change)
    if owner != account:
        yield check.finding(
            Place("rigs", change.key, "dolthub_org"),
            f"The registration names {quote(owner)} as owner, but comes from {quote(account)}.",
            f"Register with dolthub_org {quote(account)}",
        )
    yield from _alike(pull, change, known)
    yield from _shared(change, known)
    yield from _parent(change, known)
    if known.own:
        yield check.finding(
            Place("rigs", change.key, "dolthub_org"),
            f"{quote(account)} has {_names(known.own)} on main already; rigs of one owner do not stamp each other's work.",
            level=Level.NOTE,
        )


def _spelling(change: RowChange) -> Iterator[Finding]:
    place, handle = Place("rigs", change.key, "handle"), change.key
    if "/" in handle:
        yield check.finding(
            place,
            f"The handle {quote(handle)} has a slash, so no branch `wl/<rig>/<item>` of this rig can be read.",
            _ANOTHER,
        )
    elif not _HANDLE.fullmatch(handle):
        yield check.finding(place, f"The handle {quote(handle)} cannot be part of a branch name.", _ANOTHER)
    elif fold(handle) == _REGISTER:
        yield check.finding(
            place, f"The handle {quote(handle)} is what branches of registrations are named with: `wl/register/…`.", _ANOTHER
        )


def _alike(pull: Snapshot, change: RowChange, known: _Known) -> Iterator[Finding]:
    """Whom the handle could be taken for."""
    place, handle, look = Place("rigs", change.key, "handle"), quote(change.key), _look(change.key)
    other = "Choose a handle that cannot be mistaken"
    alike = [rig for rig in known.handles.get(look, ()) if rig.handle != change.key]
    foreign = known.others(alike)
    for rig in alike:
        same = fold(rig.handle) == fold(change.key)
        yield check.finding(
            place,
            f"The handle {handle} {'is but for its spelling' if same else 'looks like'} {quote(rig.handle)}"
            + (f" of {quote(rig.owner)}." if rig.owner else ", which is on main."),
            other,
            level=None if rig in foreign else Level.NOTE,
        )
    if foreign or change.key in known.exact:
        return
    if look == _look(_BACKFILLER):
        yield check.finding(place, f"The handle {handle} looks like `{_BACKFILLER}`, which writes backfills.", other)
    if pull.bot and look == _look(pull.bot) and known.account != pull.bot:
        yield check.finding(place, f"The handle {handle} looks like {quote(pull.bot)}, the bot's account.", other)
        return
    for validator in pull.policy.validators:
        if validator.rig and look == _look(validator.rig) and known.account != validator.user:
            yield check.finding(
                place, f"The handle {handle} looks like {quote(validator.rig)} of validator {quote(validator.user)}.", other
            )
            return
    rigs = known.others(known.owners.get(look, ()))
    named = rigs[0].owner if rigs else next((v.user for v in pull.policy.validators if look == _look(v.user)), "")
    if named and named != known.account:
        yield check.finding(
            place,
            f"The handle {handle} is the name of the account {quote(named)}, and the registration comes from"
            f" {quote(known.account)}.",
            f"Choose another handle, or {quote(named)} confirms it in a comment",
            level=Level.DOUBT,
        )


def _shared(change: RowChange, known: _Known) -> Iterator[Finding]:
    """What the registration shows or writes that is somebody else's."""
    shown, email = change.new("display_name") or "", change.new("owner_email") or ""
    look = _look(change.key)
    if "display_name" in change.changed and _look(shown):
        same = [
            r for r in known.others(known.names.get(_look(shown), ())) if r.handle != change.key and _look(r.handle) != look
        ]
        if same:
            yield check.finding(
                Place("rigs", change.key, "display_name"),
                f"The rig is shown as {quote(shown)}, which is taken for {_whose(same)}.",
                "Register with a display_name of your own",
                level=Level.DOUBT,
            )
    if "owner_email" in change.changed and email.strip():
        same = [rig for rig in known.others(known.emails.get(fold(email), ())) if rig.owner and rig.handle != change.key]
        if same:
            yield check.finding(
                Place("rigs", change.key, "owner_email"),
                f"The registration has the owner_email of {_whose(same)}.",
                "Say in a comment whether both have one owner, or register with another address",
                level=Level.DOUBT,
            )
    named = _HOP_URI.fullmatch((change.new("hop_uri") or "").strip())
    if "hop_uri" in change.changed and named is not None and named[1] != change.key:
        yield check.finding(
            Place("rigs", change.key, "hop_uri"),
            f"The hop_uri of rig {quote(change.key)} is that of {quote(named[1])}.",
            f"End hop_uri in /{quote(change.key)}/, or leave it out",
            level=Level.DOUBT,
        )


def _parent(change: RowChange, known: _Known) -> Iterator[Finding]:
    columns = change.after.columns if change.after is not None else ()
    kind, named = fold(change.new("rig_type") or ""), change.new("parent_rig") or ""
    place = Place("rigs", change.key, "parent_rig")
    parent = known.exact.get(named)
    if kind == "system":
        yield check.finding(
            Place("rigs", change.key, "rig_type"),
            f"The registration makes {quote(change.key)} a system rig, which maintainers set up.",
            "Register with rig_type human or agent",
            level=Level.DOUBT,
        )
    if not named and kind in _OWNED_TYPES and "parent_rig" in columns:
        yield check.finding(
            place,
            f"The rig is of type {quote(kind)} and names no parent.",
            "Write the handle of the rig it works for into parent_rig in the branch",
            level=Level.DOUBT,
        )
    elif named and parent is None:
        yield check.finding(
            place,
            f"The rig calls {quote(named)} its parent, which is not on main.",
            "Register the parent first, or write the handle of a registered rig into parent_rig",
            level=Level.DOUBT,
        )
    elif parent is not None and parent.owner != known.account:
        yield check.finding(
            place,
            f"The rig calls {quote(parent.handle)} its parent, which belongs to {quote(parent.owner)}.",
            f"{quote(parent.owner) if parent.owner else 'The owner of the parent'} confirms it in a comment",
            level=Level.DOUBT,
        )


def _again(change: RowChange, known: _Known) -> Iterator[Finding]:
    account, place = known.account, Place("rigs", change.key, "dolthub_org")
    main = known.exact.get(change.key)
    owner, named = (main.owner if main else change.old("dolthub_org") or ""), change.new("dolthub_org") or ""
    handle = quote(change.key)
    if owner and owner != account:
        yield check.finding(
            place,
            f"The pull registers {handle} again, which belongs to {quote(owner)}; it comes from {quote(account)}.",
            "Register a handle of your own",
        )
    elif not owner and named != account:
        yield check.finding(
            place,
            f"The registration names {quote(named)} as owner, but comes from {quote(account)}.",
            f"Register with dolthub_org {quote(account)}",
        )
    elif not owner and _look(change.key) == _look(_BACKFILLER):
        yield check.finding(
            place, f"The pull takes over {handle}, which writes backfills and has no owner.", "Register another handle"
        )
    elif not owner:
        yield check.finding(
            place,
            f"The pull takes over {handle}, {_origin(change)}.",
            "Say in a comment why this rig is yours",
            level=Level.DOUBT,
        )
    elif named != owner:
        yield check.finding(
            place,
            f"The pull gives {handle} away, from {quote(owner)} to {quote(named)}.",
            "Say in a comment why the rig changes hands",
            level=Level.DOUBT,
        )
    yield from _shared(change, known)
    for column in change.changed:
        if column not in _REFRESHED:
            yield check.finding(
                Place("rigs", change.key, column),
                f"Registering again changes {quote(column)} from {quote(change.old(column))} to {quote(change.new(column))}.",
                f"Put {quote(column)} back as it is on main",
            )


def _origin(change: RowChange) -> str:
    """Where a rig without owner comes from: backfills make one for each author whose work they find."""
    if "backfill" in fold(change.old("gt_version") or ""):
        return "made by a backfill and without an owner on main"
    system = fold(change.old("rig_type") or "") == "system"
    return "a system rig without an owner on main" if system else "which has no owner on main"


def _whose(rigs: list[Rig]) -> str:
    rig = rigs[0]
    more = f" and {len(rigs) - 1} more" if len(rigs) > 1 else ""
    return f"{quote(rig.handle)} of {quote(rig.owner)}{more}" if rig.owner else f"{quote(rig.handle)}{more}"


def _names(rigs: tuple[Rig, ...]) -> str:
    more = f" and {len(rigs) - _NAMED_MAX} more" if len(rigs) > _NAMED_MAX else ""
    return ", ".join(quote(rig.handle) for rig in rigs[:_NAMED_MAX]) + more
