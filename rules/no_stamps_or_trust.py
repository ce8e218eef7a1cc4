"""The pull brings no stamp, badge, validation or trust.

A reputation is what others write about you, and the bot writes it down when a validator says so. Looked at in every kind
of pull, so that no other row can hide one of these. Of decisions made with another tool, the stamps and validations
themselves are looked at by a rule of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Form, Level, Place, PullKind, RowChange, Snapshot, quote, rule

_FIRST_TRUST = (None, "0", "1")
"""Trust levels a registration may start with; the reference client writes 1 (wl, `wl join`)."""
_TAKE_OUT = "Take the row out of the branch; it is written when a validator accepts"
_FOR_MAINTAINERS = "Take the row out of the branch; maintainers write such rows"
_VALIDATION = frozenset({"validated_by", "stamp_id", "validated_at"})


@rule(
    Level.FAULT,
    label="Privileged rows",
    asks="The pull brings no stamp, badge, boot block, validation or trust",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    if pull.by_hand:
        return  # A maintainer's own change, which a maintainer merges.
    backfill, acceptance = pull.kind is PullKind.BACKFILL, pull.form is Form.ACCEPTANCE
    for change in pull.changes.rows:
        if backfill and change.table != "rigs":
            continue  # Stamps are what a backfill is made of; it is stopped as a whole by its kind.
        if acceptance and _decides(change):
            continue  # Held against main, row by row, by outside_decision_is_allowed; stopped as a whole by its kind.
        yield from _of_row(change)


def _decides(change: RowChange) -> bool:
    """A stamp, or its link on the completion: what accepting consists of, and nothing else."""
    match change.table, change.kind:
        case "stamps", ChangeKind.ADDED:
            return True
        case "completions", ChangeKind.MODIFIED:
            return _VALIDATION.issuperset(change.changed)
        case _:
            return False


def _of_row(change: RowChange) -> Iterator[Finding]:
    place = Place(change.table, change.key)
    match change.table, change.kind:
        case "stamps", ChangeKind.ADDED:
            author, subject = quote(change.new("author")), quote(change.new("subject"))
            yield check.finding(place, f"The pull brings a stamp by {author} for {subject}.", _TAKE_OUT)
        case "stamps", ChangeKind.MODIFIED:
            yield check.finding(place, f"The pull rewrites stamp {quote(change.key)}.", "Put the row back as on main")
        case "badges" | "boot_blocks", ChangeKind.ADDED | ChangeKind.MODIFIED:
            whom = quote(change.new("rig_handle") or change.new("handle"))
            yield check.finding(place, f"The pull brings a row of {change.table} for {whom}.", _FOR_MAINTAINERS)
        case "completions", ChangeKind.MODIFIED:
            yield check.finding(
                place,
                f"The pull changes completion {quote(change.key)}, which is on main ({', '.join(change.changed)}).",
                "Put the row back as it is on main",
            )
        case "rigs", ChangeKind.MODIFIED if "trust_level" in change.changed:
            old, new = quote(change.old("trust_level")), quote(change.new("trust_level"))
            yield check.finding(
                Place("rigs", change.key, "trust_level"),
                f"The pull changes the trust level of {quote(change.key)} from {old} to {new}.",
                "Put trust_level back as it is on main; a maintainer changes trust",
            )
        case "rigs", ChangeKind.ADDED if change.new("trust_level") not in _FIRST_TRUST:
            yield check.finding(
                Place("rigs", change.key, "trust_level"),
                f"The registration asks for trust level {quote(change.new('trust_level'))}.",
                "Set trust_level to 1 in the branch",
            )
        case _:
            pass
