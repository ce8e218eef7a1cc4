"""The sender works, claims or posts as a rig of their own.

Three identities meet: the account whose fork holds the rows, the rig that the rows name, and the rig's owner on main
(`rigs.dolthub_org`). Fork owner and rig owner must be equal, letter for letter; titles and branch names prove nothing. A
rig without an owner on main could be anybody's: a human must look. So must they where the branch is named after somebody
else's rig, as in `wl/<rig>/<item>`. A claim by another owner's rig beside rows of one's own was mostly never
made by anybody here: the branch began where that claim was, and carries it along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.rulebook import (
    ChangeKind,
    Finding,
    Handle,
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


@dataclass(frozen=True, slots=True)
class _Deed:
    """A cell in which a rig acts, in whose name, and what it does there; `claim` is the item it claims, if it does."""

    place: Place
    handle: Handle
    what: str
    claim: str = ""


@rule(
    Level.FAULT,
    label="Owner",
    asks="The owner of the rig sends the rows",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.POST, PullKind.MIXED),
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    account, deeds = writer(pull), dict[Handle, _Deed]()
    for deed in _acting(pull):
        deeds.setdefault(deed.handle, deed)
    rigs = {rig.handle: rig for rig in pull.rigs if rig.handle}
    own = any(rigs[handle].owner == account for handle in deeds if handle in rigs)
    for handle, deed in deeds.items():
        yield from _deed(pull, deed, rigs.get(handle), account, own=own)
    yield from _branch(pull, _rig_of_branch(pull, rigs), account, set(deeds))


def _deed(pull: Snapshot, deed: _Deed, rig: Rig | None, account: User, *, own: bool) -> Iterator[Finding]:
    handle = quote(deed.handle)
    if rig is None:
        yield check.finding(
            deed.place,
            f"Rig {handle} {deed.what}, but is not registered on main" + _twin(pull, deed.handle),
            "Register the rig with `wl join`, and wait until that pull is merged",
        )
    elif not rig.owner:
        yield check.finding(
            deed.place,
            f"Rig {handle} {deed.what}, and main does not say who owns it.",
            "The owner registers the rig again with `wl join`, from their own fork",
            level=Level.DOUBT,
        )
    elif rig.owner != account and deed.claim and own:
        yield check.finding(
            deed.place,
            f"The branch carries along a claim of item {quote(deed.claim)} by {handle} of {quote(rig.owner)},"
            f" and the pull is from {quote(account)}.",
            f"Put item {quote(deed.claim)} back as it is on main, or begin a branch from main anew",
        )
    elif rig.owner != account:
        yield check.finding(
            deed.place,
            f"Rig {handle} {deed.what}; it belongs to {quote(rig.owner)}, but the rows come from {quote(account)}.",
            f"The owner of {handle} opens the pull from their own fork",
        )


def _twin(pull: Snapshot, handle: Handle) -> str:
    """The rig that was probably meant."""
    same = next((rig.handle for rig in pull.rigs if fold(rig.handle) == fold(handle)), None)
    looks = skeleton(handle)
    alike = same or next((rig.handle for rig in pull.rigs if looks and skeleton(rig.handle) == looks), None)
    return f"; main knows {quote(alike)}." if alike else "."


def _branch(pull: Snapshot, named: Rig | None, account: User, acting: set[Handle]) -> Iterator[Finding]:
    """The branch names a rig of somebody else, and another one acts. That a rig of that name acts is told of the rig."""
    if named is None or named.handle in acting or not acting or not named.owner or named.owner == account:
        return
    yield check.finding(
        Place("pulls", str(pull.pull.number), "branch"),
        f"The branch is named after rig {quote(named.handle)} of {quote(named.owner)}, and the pull is from {quote(account)}.",
        "Push the rows to a branch named after the rig that acts, and open a new pull",
        level=Level.DOUBT,
    )


def _rig_of_branch(pull: Snapshot, rigs: Mapping[Handle, Rig]) -> Rig | None:
    """The rig on main in `wl/<rig>/<item>`; a handle with slashes is found as well, the longest one first."""
    parts = pull.pull.source.branch.split("/")
    if parts[0] != "wl" or parts[1:2] == ["register"]:
        return None
    names = (Handle("/".join(parts[1:end])) for end in range(len(parts) - 1, 1, -1))
    return next((rigs[name] for name in names if name in rigs), None)


def _acting(pull: Snapshot) -> Iterator[_Deed]:
    for change in pull.changes.of("completions", ChangeKind.ADDED):
        if worker := change.new("completed_by"):
            yield _Deed(Place("completions", change.key, "completed_by"), Handle(worker), "submits work")
    for change in pull.changes.of("wanted", ChangeKind.MODIFIED):
        if deed := _claim(change):
            yield deed
    for change in pull.changes.of("wanted", ChangeKind.ADDED):
        if poster := change.new("posted_by"):
            yield _Deed(Place("wanted", change.key, "posted_by"), Handle(poster), "posts the item")


def _claim(change: RowChange) -> _Deed | None:
    claims, claimer = "claimed_by" in change.changed, change.new("claimed_by")
    if not claimer or not (claims or change.new("status") != change.old("status")):
        return None
    place = Place("wanted", change.key, "claimed_by")
    return _Deed(place, Handle(claimer), "claims the item" if claims else "moves the item on", change.key)
