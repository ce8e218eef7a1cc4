"""Who may decide, as which rig, and who may not because the work is their own.

Rights compare exactly; prohibitions look at every spelling and every tie (`conflict_of_interest`). All rigs are those on main.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bot.commands.conflict_of_interest import conflict, stake
from bot.messages import md
from bot.messages.md import Md
from bot.model.ids import Handle, User, fold
from bot.model.ledger import Rig
from bot.model.policy import PosterMay
from bot.model.snapshot import Snapshot

__all__ = [
    "Allowed",
    "Denied",
    "conflict",
    "free_validators",
    "is_free",
    "is_theirs",
    "is_validator",
    "may_decide",
    "may_recheck",
    "stake",
    "who_can",
]

NAMES_MAX = 10


@dataclass(frozen=True, slots=True)
class Allowed:
    """The asker may decide, as this rig."""

    rig: Rig


@dataclass(frozen=True, slots=True)
class Denied:
    """The asker may not: which condition is missing, and who can, or what to add."""

    reason: Md
    remedy: Md


def may_decide(
    snapshot: Snapshot, user: User, verb: str, as_rig: str | None = None, *, now_too: bool = False
) -> Allowed | Denied:
    """Whether `user` may give the decision `verb` here, and as which of their rigs.

    A rig may decide if the operator's policy names it, or its account, or if its trust level on main is high enough, or if it
    posted the item and the policy lets posters decide. `now_too`: the right must hold on main now as well, not only where
    the pull was merged. Being tied to the work is another question: `conflict`.
    """
    entitled = _entitled(snapshot, user, verb)
    if now_too:
        still = {rig.handle for rig in _entitled(replace(snapshot, rigs=snapshot.on_main_now.rigs), user, verb)}
        entitled = tuple(rig for rig in entitled if rig.handle in still)
    if as_rig is not None:
        chosen = next((rig for rig in entitled if rig.handle == as_rig), None)
        return Allowed(chosen) if chosen is not None else _not_as(snapshot, user, as_rig, entitled)
    named = {v.rig for v in snapshot.policy.validators if v.user == user}
    by_name = [rig for rig in entitled if rig.handle in named]
    # The operator's word settles which rig it is; only where there is none must the asker say it.
    choice = by_name or entitled
    if len(choice) == 1:
        return Allowed(choice[0])
    if not choice:
        return _no_right(snapshot, user, verb)
    return Denied(
        md.fill("Several of your rigs may decide here: {rigs}.", rigs=_names(rig.handle for rig in choice)),
        md.fill("Say which one decides: {option}.", option=md.code(f"--as {choice[0].handle}")),
    )


def is_validator(snapshot: Snapshot, user: User) -> bool:
    """Whether some rig of `user` may accept here, whichever it is."""
    return bool(_entitled(snapshot, user, "accept"))


def may_recheck(snapshot: Snapshot, user: User) -> bool:
    """Whether `user` may have the checks run anew: who opened the pull, whose rig's work it is, and validators."""
    worker = snapshot.rig(snapshot.worker)
    return user == snapshot.pull.creator or (worker is not None and worker.owner == user) or is_validator(snapshot, user)


def free_validators(snapshot: Snapshot) -> tuple[User, ...]:
    """Accounts that may accept here and have no tie to the work: those of the policy first, then by trust on main."""
    policy = snapshot.policy
    users = dict.fromkeys((*(v.user for v in policy.validators), *_trusted(snapshot)))
    silent = {snapshot.bot, *policy.ignored_users}
    return tuple(user for user in users if user not in silent and is_free(snapshot, user))


def is_free(snapshot: Snapshot, user: User) -> bool:
    """Whether `user` may accept here and has no tie to the work, as whichever rig."""
    rigs = _entitled(snapshot, user, "accept")
    return bool(rigs) and all(conflict(snapshot, rig, user) is None for rig in rigs)


def barred(snapshot: Snapshot) -> Iterator[Md]:
    """Why validators may not decide here, one line each: their own work, or a tie to it."""
    users = dict.fromkeys((*(v.user for v in snapshot.policy.validators), *_trusted(snapshot)))
    for user in [user for user in users if user not in (snapshot.bot, *snapshot.policy.ignored_users)][:NAMES_MAX]:
        whys = (conflict(snapshot, rig, user) for rig in _entitled(snapshot, user, "accept"))
        why = next((each for each in whys if each is not None), None)
        if why is not None:
            yield md.fill("{user} may not decide here: {why}", user=md.code(user), why=why)


def _trusted(snapshot: Snapshot) -> tuple[User, ...]:
    """Accounts with a rig of enough trust on main, most trusted first."""
    policy = snapshot.policy
    trusted = sorted((r for r in snapshot.rigs if r.owner and r.trust >= policy.min_trust), key=lambda r: (-r.trust, r.handle))
    return tuple(dict.fromkeys(User(r.owner) for r in trusted))


def is_theirs(snapshot: Snapshot, handle: Handle | None, user: User) -> bool:
    """Whether `user` decides as this rig, as far as main and the policy tell: with or without the right to, by now."""
    rig = snapshot.rig(handle)
    named = any(v.user == user and v.rig == handle for v in snapshot.policy.validators)
    return handle is not None and (named or (rig is not None and rig.owner == user))


def _entitled(snapshot: Snapshot, user: User, verb: str) -> tuple[Rig, ...]:
    """Rigs as which `user` may decide, each once, those the policy names first."""
    policy, bound = snapshot.policy, snapshot.rigs_of(user)
    found: list[Rig] = []
    for validator in policy.validators:
        if validator.user == user:
            rig = snapshot.rig(validator.rig)
            found.extend(bound if validator.rig is None else (rig,) if rig is not None else ())
    found.extend(rig for rig in bound if rig.trust >= policy.min_trust)
    found.extend(rig for rig in bound if _poster_may(snapshot, rig, verb))
    return tuple(dict.fromkeys(found))


def _poster_may(snapshot: Snapshot, rig: Rig, verb: str) -> bool:
    item = snapshot.item
    if item is None or item.posted_by != rig.handle:
        return False
    match snapshot.policy.poster_may_decide:
        case PosterMay.NOTHING:
            return False
        case PosterMay.CLOSE:
            return verb == "close"
        case PosterMay.ALL:
            return rig.trust >= snapshot.policy.poster_min_trust


def _not_as(snapshot: Snapshot, user: User, as_rig: str, entitled: tuple[Rig, ...]) -> Denied:
    bound = next((rig for rig in snapshot.rigs_of(user) if rig.handle == as_rig), None)
    reason = (
        _low_trust(snapshot, bound)
        if bound is not None
        else md.fill("No rig {rig} on main belongs to the account {user}.", rig=md.code(as_rig), user=md.code(user))
    )
    if not entitled:
        return Denied(reason, who_can(snapshot))
    return Denied(reason, md.fill("You may decide here as {rigs}.", rigs=_names(rig.handle for rig in entitled)))


def _no_right(snapshot: Snapshot, user: User, verb: str) -> Denied:
    policy, bound = snapshot.policy, snapshot.rigs_of(user)
    named = [v for v in policy.validators if v.user == user]
    absent = next((v.rig for v in named if v.rig is not None), None)
    if absent is not None:
        told = md.fill("You are a validator here as rig {rig}, but main holds no such rig.", rig=md.code(absent))
        return Denied(told, md.own("The operator can correct the policy, or the rig can be registered."))
    if named:
        return Denied(md.own("You are a validator here, but no rig on main belongs to your account."), _bind(snapshot, user))
    item = snapshot.item
    if policy.poster_may_decide is PosterMay.CLOSE and item is not None and any(r.handle == item.posted_by for r in bound):
        told = md.fill("The poster of an item may only {close} it here.", close=md.code("/close"))
        return Denied(told, who_can(snapshot))
    if bound:
        best = max(bound, key=lambda rig: rig.trust)
        return Denied(md.fill("Only validators decide here. {why}", why=_low_trust(snapshot, best)), who_can(snapshot))
    told = md.fill(
        "Only validators decide here, and no rig on main belongs to the account {user}, so {verb} is not yours to give.",
        user=md.code(user),
        verb=md.code(f"/{verb}"),
    )
    return Denied(told, who_can(snapshot))


def _low_trust(snapshot: Snapshot, rig: Rig) -> Md:
    return md.fill(
        "Your rig {rig} has trust level {has}; deciding takes {needs}.",
        rig=md.code(rig.handle),
        has=md.number(rig.trust),
        needs=md.number(snapshot.policy.min_trust),
    )


def _bind(snapshot: Snapshot, user: User) -> Md:
    nearly = next((rig for rig in snapshot.rigs if rig.owner != user and fold(rig.owner) == fold(user)), None)
    if nearly is not None:
        return md.fill(
            "Rig {rig} belongs to {owner}, which is not spelled like {user}: `dolthub_org` must be the same to the letter.",
            rig=md.code(nearly.handle),
            owner=md.code(nearly.owner),
            user=md.code(user),
        )
    return md.fill("Register a rig whose `dolthub_org` is {user}.", user=md.code(user))


def who_can(snapshot: Snapshot) -> Md:
    """The validators who are free to decide here, as a sentence."""
    free = free_validators(snapshot)
    if not free:
        return md.own("No validator of this commons is free to decide it.")
    return md.fill("Free validators: {names}.", names=_names(free))


def _names(names: Iterable[Handle | User]) -> Md:
    listed = [md.code(name) for name in names]
    if len(listed) > NAMES_MAX:
        listed = [*listed[:NAMES_MAX], md.fill("and {n} more", n=md.number(len(listed) - NAMES_MAX))]
    return md.join(listed, ", ")
