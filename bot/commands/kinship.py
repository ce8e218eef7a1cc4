"""The yearbook rule in its wide form: nobody decides on work that is their own, under whatever name.

wl and its schema only compare two handles, case and all (`CHECK (NOT(author = subject))`). Here every rig of the asker, and
every rig tied to one of them by account, e-mail, parent or link, counts as the asker, and so on from tie to tie. Names are
compared by skeleton, which is equal wherever the names are equal or equal but for case; e-mail addresses but for case. All
this only ever forbids.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.model.ids import Handle, User, fold, skeleton
from bot.model.ledger import Rig
from bot.model.snapshot import Snapshot
from bot.speech import md
from bot.speech.md import Md

Node = tuple[str, str]
"""A rig, an account or an e-mail address: what it is, and the form under which it is compared."""

TIES: Mapping[str, Md] = {
    "account": md.own("the same DoltHub account"),
    "e-mail": md.own("the same owner e-mail"),
    "parent": md.own("`parent_rig`"),
    "link": md.own("an active row of `rig_links`"),
    "name": md.own("the same name"),
}


@dataclass(frozen=True, slots=True)
class _Tie:
    other: Node
    by: str


def conflict(snapshot: Snapshot, asker_rig: Rig | None, user: User) -> Md | None:
    """Why `user`, deciding as `asker_rig`, would decide on their own work; None if no tie is known.

    That the worker's owner is unknown is not a conflict; a rule of the rulebook tells of it.
    """
    asker = {_account(user): str(user)}
    if asker_rig is not None:
        asker[_rig(asker_rig.handle)] = str(asker_rig.handle)
    fork = snapshot.pull.source.database
    own = [
        *((_rig(worker), str(worker), md.fill("{who} did this work", who=md.code(worker))) for worker in workers(snapshot)),
        (
            _account(snapshot.pull.creator),
            str(snapshot.pull.creator),
            md.fill("{who} opened this pull", who=md.code(snapshot.pull.creator)),
        ),
    ]
    if fork != snapshot.commons:
        own.append((_account(fork.owner), fork.owner, md.fill("This pull comes from a fork of {who}", who=md.code(fork.owner))))
    ties = _ties(snapshot)
    for goal, name, what in own:
        path = _path(ties, tuple(asker), goal)
        if path is not None:
            start, by = path
            as_whom = asker_rig.handle if asker_rig is not None and start == _account(user) and by else asker[start]
            return _told(as_whom, name, what, by)
    return None


def workers(snapshot: Snapshot) -> tuple[Handle, ...]:
    """Rigs whose work the pull hands in: each completion's, else the claimant."""
    handed = [c.new("completed_by") for c in snapshot.changes.of("completions")]
    found = dict.fromkeys(Handle(h) for h in (snapshot.worker, *handed) if h)
    return tuple(found)


def _told(asker: str, other: str, what: Md, ties: tuple[str, ...]) -> Md:
    if not ties and asker == other:
        why = md.own("and that is you")
    elif not ties:
        why = md.fill("{asker} and {other} are too alike to be told apart", asker=md.code(asker), other=md.code(other))
    elif set(ties) == {"account"}:
        why = md.fill("{asker} and {other} belong to the same DoltHub account", asker=md.code(asker), other=md.code(other))
    else:
        why = md.fill(
            "{asker} and {other} are tied by {ties}",
            asker=md.code(asker),
            other=md.code(other),
            ties=md.join([TIES[tie] for tie in dict.fromkeys(ties)], ", "),
        )
    return md.fill("Yearbook rule: nobody decides on their own work. {what}; {why}.", what=what, why=why)


def _path(ties: Mapping[Node, list[_Tie]], starts: tuple[Node, ...], goal: Node) -> tuple[Node, tuple[str, ...]] | None:
    """The shortest chain of ties from one of `starts` to `goal`: where it starts, and what its ties are."""
    queue: deque[tuple[Node, Node, tuple[str, ...]]] = deque((start, start, ()) for start in starts)
    seen = set(starts)
    while queue:
        start, at, by = queue.popleft()
        if at == goal:
            return start, by
        for tie in ties.get(at, ()):
            if tie.other not in seen:
                seen.add(tie.other)
                queue.append((start, tie.other, (*by, tie.by)))
    return None


def _ties(snapshot: Snapshot) -> dict[Node, list[_Tie]]:
    found: dict[Node, list[_Tie]] = {}
    for left, right, by in _pairs(snapshot):
        found.setdefault(left, []).append(_Tie(right, by))
        found.setdefault(right, []).append(_Tie(left, by))
    return found


def _pairs(snapshot: Snapshot) -> Iterator[tuple[Node, Node, str]]:
    rigs = tuple(_all_rigs(snapshot))
    for rig in rigs:
        here = _rig(rig.handle)
        if rig.owner:
            yield here, _account(rig.owner), "account"
        if rig.email.strip():
            yield here, ("e-mail", fold(rig.email)), "e-mail"
        if rig.parent:
            yield here, _rig(rig.parent), "parent"
    for link in snapshot.rig_links:
        if link.active:
            left, right = link.pair
            yield _rig(left), _rig(right), "link"
    # `wl join` names a rig after its account unless told otherwise: where no owner is known, the name is all there is.
    owned = {rig.handle for rig in rigs if rig.owner}
    for handle in dict.fromkeys((*(rig.handle for rig in rigs), *workers(snapshot))):
        if handle not in owned:
            yield _rig(handle), _account(handle), "name"


def _all_rigs(snapshot: Snapshot) -> Iterable[Rig]:
    """Rigs on main, and rigs as the pull would have them: what a pull says of its own rigs can only forbid here."""
    brought = (row for c in snapshot.changes.of("rigs") for row in (c.before, c.after) if row is not None)
    return (*snapshot.rigs, *(Rig(row) for row in brought))


def _rig(handle: str) -> Node:
    return "rig", skeleton(handle) or fold(handle)


def _account(user: str) -> Node:
    return "account", skeleton(user) or fold(user)
