"""What production does beyond the contract: one small function per quirk, played on demand from a fault plan.

Each has a number (its place in this catalogue, for short) or only a name; `GET /_sandbox/quirks` lists them all. To add
one: write a function that returns a `Play` (or a `DeliveryPlan`), and decorate it with what it may be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.quirks import data, pulls, transport
from sandbox.quirks.register import QUIRKS

__all__ = ["ALWAYS_ON", "QUIRKS", "data", "pulls", "transport"]

ALWAYS_ON: Mapping[int, str] = {
    2: "v1alpha1 answers 400 for nearly everything, v2 answers 404, 403 and so on",
    9: "v1alpha1 takes only `token X`, v2 only `Bearer X`; an empty token is refused on public data too",
    10: "a v1alpha1 read without a ref is refused when it carries a token",
    13: "getOperation needs a token even on a public database",
    14: "no endpoint tells a role",
    15: "a write from another branch starts an existing branch anew, which loses its rows",
    21: "stored procedures and branch deletion by SQL are refused",
    26: "32 characters of 0-9a-v are a commit hash, all else is a name",
    27: "limit and timeout_ms are strings in the GET, integers in the POST; a GET over 8 KB fails",
    30: "pulls carry no head hash, no updated_at and no merged_at",
    37: "a second open pull for the same branch is a 409",
    38: "a pull may come from any database of the network, and outlives its source",
    39: "merges are per cell and check no rule",
    42: "a comment id is unique within its pull only: the same ids return under every pull",
    43: "nothing in the API edits or deletes a comment",
    54: "a merge base, and a diff with three dots, is refused at a commit, also where both refs are commits (Dolt)",
}
