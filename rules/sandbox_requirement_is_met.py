"""The item's sandbox is not forgotten.

An item may ask that its work be done in a sandbox, of some scope and by a rig of some tier (wl schema/commons.sql,
`sandbox_required`, `sandbox_scope`, `sandbox_min_tier`). Rows cannot show whether it was, so the one who decides is reminded.
A tier that is a number is taken for a trust level; tiers in words are shown as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, Wanted, quote, rule

_YES, _NO = frozenset({"1", "true"}), frozenset({"", "0", "false"})
_SCOPES_MAX = 4


@rule(
    Level.NOTE,
    label="Sandbox",
    asks="The validator knows which sandbox the item asks for",
    kinds=(PullKind.WORK, PullKind.CLAIM),
    softens_after_merge=True,
    formerly="sandbox_is_minded",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    item = pull.item
    wants = item.row.text("sandbox_required").strip().lower() if item is not None else ""
    if item is None or wants in _NO:
        return
    if wants not in _YES:
        yield check.finding(
            Place("wanted", item.id, "sandbox_required"),
            f"Whether this item asks for a sandbox is unknown: `sandbox_required` is {quote(wants)}.",
        )
        return
    tier = item.row.text("sandbox_min_tier").strip()
    least = f", tier {quote(tier)} or more" if tier else ""
    yield check.finding(
        Place("wanted", item.id, "sandbox_required"), f"This item asks for work in a sandbox{_scope(item)}{least}."
    )
    rig = pull.rig(pull.worker)
    if rig is None or "trust_level" not in rig.row.columns or not (tier.isascii() and tier.isdecimal()):
        return
    if rig.trust < int(tier[:9]):
        yield check.finding(
            Place("wanted", item.id, "sandbox_min_tier"),
            f"This item asks for tier {quote(tier)}, and rig {quote(rig.handle)} has trust level {rig.trust} on main.",
            "Say in a comment in which sandbox the work is done",
            level=Level.DOUBT,
        )


def _scope(item: Wanted) -> str:
    """What the scope is about, in a few words; nobody has defined its form, so it may hold anything."""
    text = item.row.text("sandbox_scope").strip()
    try:
        scope = json.loads(text) if text else None
    except (ValueError, RecursionError):
        scope = text
    if scope in (None, "", {}, []):
        return ""
    match scope:
        case dict():
            parts = [f"{name} {_word(value)}".strip() for name, value in list(scope.items())[:_SCOPES_MAX]]
        case list():
            parts = [_word(value) for value in scope[:_SCOPES_MAX]]
        case _:
            parts = [str(scope)]
    return f" ({quote(', '.join(part for part in parts if part) or 'scope given')})"


def _word(value: object) -> str:
    """A value in one word or a few; what is nested deeper is left out."""
    if isinstance(value, list):
        return " ".join(str(part) for part in value[:_SCOPES_MAX] if isinstance(part, str | int | float))
    return str(value) if isinstance(value, str | int | float) else ""
