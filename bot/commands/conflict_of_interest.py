"""The yearbook rule in its wide form: nobody decides on work that is their own, under whatever name.

wl and its schema only compare two handles, case and all (`CHECK (NOT(author = subject))`). Here every rig of the asker, and
every rig tied to one of them by account, e-mail, parent or link, counts as the asker, and so on from tie to tie. A tie that
stood where the branch left main counts, whatever was cut since. What accounts write that play no part here ties nobody else
(`Relations.path`). Names are compared by skeleton, which is equal wherever the names are equal or equal but for case; e-mail
addresses but for case. All this only ever forbids.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages import md
from bot.messages.md import Md
from bot.model.ids import User
from bot.model.ledger import Rig
from bot.model.relations import Relations, account_node, rig_node
from bot.model.snapshot import Snapshot

TIES: Mapping[str, Md] = {
    "account": md.own("the same DoltHub account"),
    "e-mail": md.own("the same owner e-mail"),
    "parent": md.own("`parent_rig`"),
    "link": md.own("an active row of `rig_links`"),
    "name": md.own("the same name"),
}


def conflict(snapshot: Snapshot, asker_rig: Rig | None, user: User) -> Md | None:
    """Why `user`, deciding as `asker_rig`, would decide on their own work; None if no tie is known.

    That the worker's owner is unknown is not a conflict; a rule of the rulebook tells of it.
    """
    asker = {account_node(user): str(user)}
    if asker_rig is not None:
        asker[rig_node(asker_rig.handle)] = str(asker_rig.handle)
    fork = snapshot.pull.source.database
    own = [
        *((rig_node(worker), str(worker), md.fill("{who} did this work", who=md.code(worker))) for worker in snapshot.workers),
        (
            account_node(snapshot.pull.creator),
            str(snapshot.pull.creator),
            md.fill("{who} opened this pull", who=md.code(snapshot.pull.creator)),
        ),
    ]
    if fork != snapshot.commons:
        own.append(
            (account_node(fork.owner), fork.owner, md.fill("This pull comes from a fork of {who}", who=md.code(fork.owner)))
        )
    relations = snapshot.relations
    for goal, name, what in own:
        path = relations.path(asker, goal)
        if path is not None:
            start, by = path
            as_whom = asker_rig.handle if asker_rig is not None and start == account_node(user) and by else asker[start]
            return _told(as_whom, name, what, by)
    return None


def stake(snapshot: Snapshot, asker_rig: Rig | None, user: User) -> Md | None:
    """Why `user` has a stake in the item of this pull beside it: they are tied to another rig that works on it.

    None if there is no such rig, or if the pull is their own: that is for `conflict`.
    """
    done = snapshot.completion
    item = snapshot.item
    if item is None or done is None:
        return None
    own = snapshot.workers
    # A pull that is BLOCKED may bear any rig's name: it gives nobody a stake.
    claims = [item.claimed_by, *(rival.rig for rival in snapshot.rivals if not rival.blocked)]
    claims += [each.completed_by for each in snapshot.completions if each.wanted_id == item.id and each.validated_by is None]
    others = [rig for rig in dict.fromkeys(claims) if rig and rig not in own]
    starts = [account_node(user), *((rig_node(asker_rig.handle),) if asker_rig is not None else ())]
    links = (*snapshot.rig_links, *snapshot.past_rig_links)
    relations = Relations.of(snapshot.known_rigs, links, (*own, *others), apart=snapshot.policy.apart)
    if any(relations.path(starts, rig_node(rig)) is not None for rig in own):
        return None
    mine = next((rig for rig in others if relations.path(starts, rig_node(rig)) is not None), None)
    if mine is None:
        return None
    return md.fill(
        "Rig {rig} works on item {item} as well, and it is yours or tied to you: an account that has a stake in an item does"
        " not decide about pulls for it.",
        rig=md.code(mine),
        item=md.code(item.id),
    )


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
    return md.fill("Yearbook rule: a validator does not decide on their own work. {what}; {why}.", what=what, why=why)
