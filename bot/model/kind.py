"""What kind of pull it is, told from the row changes alone: never from title or description."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from bot.model.ids import Database, User
from bot.model.ledger import KNOWN_TABLES, ChangeKind, Changes, RowChange
from bot.model.pull import BranchRef

LANDING_PREFIX = "stampbot/"
"""Branches of this name on the commons are where decisions of ours are written. Nobody else has business there."""
BACKFILL_ROWS_MIN = 100
"""From here on nobody reads row by row: the reference backfill brings hundreds (gastownhall/wasteland, githubprbackfill)."""
ORDINARY_TABLES = frozenset(KNOWN_TABLES) - {"_meta"}
"""Tables whose rows a pull may be about at all. `_meta` describes the commons itself."""

_BULK_TABLES = frozenset({"rigs", "wanted", "completions", "stamps"})
_SETTLED = frozenset({"completed", "validated"})


class PullKind(enum.Enum):
    """The kinds a commons receives."""

    WORK = "work"
    """Work submitted: fresh completions, with or without their wanted row moving along (a competing submission has
    none), or a wanted row put in review without any completion (which a rule then misses)."""
    CLAIM = "claim"
    """Wanted rows become, or stay, claimed by somebody; nothing is submitted."""
    REGISTRATION = "registration"
    """Rigs appear or re-register, without touching a trust level."""
    POST = "post"
    """New wanted rows only."""
    EDIT = "edit"
    """Wanted rows change without being claimed, submitted or settled: update, withdrawal, unclaim."""
    ADMIN = "admin"
    """What validators and maintainers do: stamps, badges, trust, validation, settling an item, deleting a row. Also any
    `stampbot/` branch that is not a landing of ours."""
    LINK = "link"
    """`rig_links` only."""
    BACKFILL = "backfill"
    """Hundreds of rows across completions, stamps, wanted and rigs."""
    LANDING = "landing"
    """Our own account's pull from a `stampbot/` branch of the commons: a decision on its way to main."""
    EMPTY = "empty"
    """Nothing differs."""
    MIXED = "mixed"
    """More than one of these at once."""
    FOREIGN = "foreign"
    """Definitions of tables, `_meta`, system tables, or tables nobody knows."""


class Form(enum.Enum):
    """What exactly a pull is, as a review says it: "This pull is …". The kind says how it is treated."""

    SUBMISSION = "work"
    COMPETING = "competing work"
    """A completion for an item whose row the pull leaves alone: somebody else claims it, or it is in review already."""
    UNPROVEN = "work without a completion"
    CLAIM = "a claim"
    REGISTRATION = "a registration"
    RENEWAL = "a re-registration"
    POST = "a post"
    UPDATE = "an update of an item"
    WITHDRAWAL = "a withdrawal of an item"
    UNCLAIM = "a claim given back"
    LINK = "a link between rigs"
    REVOCATION = "a revoked link between rigs"
    ACCEPTANCE = "an acceptance by another tool"
    """Stamps, with or without the rows they are about."""
    SETTLEMENT = "an item settled"
    """An item is completed, or sent back, without a stamp."""
    BADGE = "a badge"
    BOOT_BLOCK = "a boot block"
    CHAIN = "a chain"
    TRUST = "a change of trust"
    REMOVAL = "a removal of rows"
    DECISION = "rows only maintainers write"
    BACKFILL = "a backfill"
    LANDING = "a decision of the bot"
    INTRUDER = "a branch that only the bot writes"
    EMPTY = "no change"
    MIXED = "several things at once"
    SCHEMA = "a change of the schema"
    SYSTEM = "a change of a system table"
    SETTINGS = "a change of the commons' own settings"
    FOREIGN = "rows of a table nobody here knows"


def form(kind: PullKind, changes: Changes, source: BranchRef) -> Form:
    """What a pull of this kind does, from its row changes; a branch name counts only for `stampbot/`."""
    match kind:
        case PullKind.WORK:
            if not changes.of("completions"):
                return Form.UNPROVEN
            return Form.SUBMISSION if changes.of("wanted") else Form.COMPETING
        case PullKind.EDIT:
            moves = {(c.old("status"), c.new("status")) for c in changes.of("wanted")}
            if moves == {("claimed", "open")}:
                return Form.UNCLAIM
            return Form.WITHDRAWAL if {after for _, after in moves} == {"withdrawn"} else Form.UPDATE
        case PullKind.REGISTRATION:
            return Form.REGISTRATION if changes.of("rigs", ChangeKind.ADDED) else Form.RENEWAL
        case PullKind.LINK:
            return Form.REVOCATION if {c.new("status") for c in changes.rows} == {"revoked"} else Form.LINK
        case PullKind.ADMIN:
            return Form.INTRUDER if source.branch.startswith(LANDING_PREFIX) else _form_of_decision(changes)
        case PullKind.FOREIGN:
            return _form_of_foreign(changes)
        case _:
            return _PLAIN_FORMS[kind]


_PLAIN_FORMS: Mapping[PullKind, Form] = {
    PullKind.CLAIM: Form.CLAIM,
    PullKind.POST: Form.POST,
    PullKind.BACKFILL: Form.BACKFILL,
    PullKind.LANDING: Form.LANDING,
    PullKind.EMPTY: Form.EMPTY,
    PullKind.MIXED: Form.MIXED,
}


def _form_of_decision(changes: Changes) -> Form:
    """What is one of these decisions and nothing else; more of them at once are rows only maintainers write."""
    tables = set(changes.tables)
    one_table = {"badges": Form.BADGE, "boot_blocks": Form.BOOT_BLOCK, "chain_meta": Form.CHAIN, "rigs": Form.TRUST}
    removed = [c for c in changes.rows if c.kind is ChangeKind.REMOVED]
    # The reference client adopts a submission by deleting and inserting its completion (wl accept-upstream).
    only_completions = all(change.table == "completions" for change in removed)
    if changes.of("stamps") and only_completions and tables <= {"stamps", "completions", "wanted"}:
        return Form.ACCEPTANCE
    if len(removed) == len(changes.rows):
        return Form.REMOVAL
    if len(tables) == 1 and not removed:
        found = one_table.get(next(iter(tables)))
        if found is not None:
            return found
    return Form.SETTLEMENT if tables <= {"wanted", "completions"} else Form.DECISION


def _form_of_foreign(changes: Changes) -> Form:
    tables = changes.tables
    if any(table.startswith("dolt_") for table in tables):
        return Form.SYSTEM
    if any(table in ORDINARY_TABLES for table in changes.schema):
        return Form.SCHEMA
    return Form.SETTINGS if "_meta" in tables else Form.FOREIGN


def classify(changes: Changes, *, source: BranchRef, commons: Database, creator: User, bot: User | None) -> PullKind:
    """The kind of a pull, from its row changes; a branch name counts only for `stampbot/`, the creator only for LANDING.

    Work that also brings a stamp, a badge or a trust level is MIXED: the kind whose remedy is "take it out". It is ADMIN
    only in the form in which the reference client adopts a submission (wl `accept-upstream`, `close-upstream`): the item
    is settled, and each completion comes validated or replaces another. Rows cannot tell an adopting validator from a
    worker who stamps their own work, so either kind is a fault, and the rules about stamps and trust look at every kind.

    A fresh completion that only carries validation cells stays WORK: its own rule names the cells.
    """
    if source.branch.startswith(LANDING_PREFIX):
        ours = bot is not None and creator == bot and source.database == commons
        return PullKind.LANDING if ours else PullKind.ADMIN
    if changes.empty:
        return PullKind.EMPTY
    if changes.schema or not ORDINARY_TABLES.issuperset(changes.tables):
        return PullKind.FOREIGN
    if _is_bulk(changes):
        return PullKind.BACKFILL
    if changes.unread:
        return PullKind.MIXED
    fresh = changes.of("completions", ChangeKind.ADDED)
    acts = {_act(change, handed_in=bool(fresh)) for change in changes.rows}
    if PullKind.ADMIN in acts and len(acts) > 1:
        return PullKind.ADMIN if _is_adoption(changes, acts) else PullKind.MIXED
    if PullKind.WORK in acts and acts <= {PullKind.WORK, PullKind.CLAIM, PullKind.EDIT}:
        return PullKind.WORK
    return acts.pop() if len(acts) == 1 else PullKind.MIXED


def _is_bulk(changes: Changes) -> bool:
    if not _BULK_TABLES.issuperset(changes.tables):
        return False
    if changes.unread:
        return True
    return len(changes.rows) >= BACKFILL_ROWS_MIN and not {"completions", "stamps"}.isdisjoint(changes.tables)


def _act(change: RowChange, *, handed_in: bool) -> PullKind:
    """What one row change, in one of the ordinary tables, is by itself."""
    if change.kind is ChangeKind.REMOVED:
        return PullKind.ADMIN
    added = change.kind is ChangeKind.ADDED
    match change.table:
        case "rigs":
            return PullKind.REGISTRATION if added or "trust_level" not in change.changed else PullKind.ADMIN
        case "rig_links":
            return PullKind.LINK
        case "completions":
            return PullKind.WORK if added else PullKind.ADMIN
        case "wanted":
            return PullKind.POST if added else _act_on_item(change, handed_in=handed_in)
        case _:
            return PullKind.ADMIN


def _act_on_item(change: RowChange, *, handed_in: bool) -> PullKind:
    before, after = change.old("status"), change.new("status")
    if before != after:
        if after == "in_review":
            return PullKind.WORK
        if after in _SETTLED or before == "in_review":
            return PullKind.EDIT if handed_in else PullKind.ADMIN
    if after == "claimed" and {"status", "claimed_by"}.intersection(change.changed):
        return PullKind.CLAIM
    return PullKind.EDIT


def _is_adoption(changes: Changes, acts: set[PullKind]) -> bool:
    settled = any(c.new("status") in _SETTLED for c in changes.of("wanted", ChangeKind.MODIFIED))
    replaced = bool(changes.of("completions", ChangeKind.REMOVED))
    validated = all(c.new("validated_by") and c.new("stamp_id") for c in changes.of("completions", ChangeKind.ADDED))
    return acts <= {PullKind.ADMIN, PullKind.WORK, PullKind.EDIT} and settled and (replaced or validated)
