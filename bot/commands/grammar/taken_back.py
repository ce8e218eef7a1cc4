"""Words behind a command that take an earlier one back: `/hold cancel`, `/reject undo`."""

from __future__ import annotations

import re

_LIFTING = frozenset(
    ("cancel", "cancelled", "canceled", "remove", "removed", "lift", "lifted", "release", "undo", "withdraw", "revoke")
)
_BESIDE = frozenset(
    ("please", "pls", "plz", "now", "thanks", "it", "this", "my", "the", "hold", "rejection", "reject", "again")
)
"""Words that add nothing to a word that takes back."""


def is_meant(reason: str) -> bool:
    """Whether a reason takes an earlier command back. What says more than that is a reason."""
    first, *rest = re.findall(r"[^\W_]+", reason.casefold()) or [""]
    return first in _LIFTING and _BESIDE.issuperset(rest)
