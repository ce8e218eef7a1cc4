"""Seeded pulls that are whole and well, but for their evidence: the answer of a forge or a registry makes the difference.

A change of what a rule finds in one of these changes its verdict here.
"""

from __future__ import annotations

from sandbox.lookalikes.forge_seed import sha
from sandbox.seed import background as old
from sandbox.seed.history import QUEUE_AGE, SIGNALS
from sandbox.seed.shapes import work

EVIDENCE_PULLS = (
    work(
        "not-merged",
        QUEUE_AGE,
        "brass-otter",
        "github:/acme/commons-tools/pull/22",
        purpose="The evidence is a pull that nobody has merged yet: it exists, and it is not done.",
        verdict="LOOK",
        opened_h=6.5,
    ),
    work(
        "impostor-commit",
        old.QUOTED_TITLE,
        "slick-fox",
        f"github:/acme/ledger/commit/{sha('quoted-titles')}",
        purpose="A commit that only a fork has: the forge shows it under the parent's address, on no branch of it.",
        verdict="LOOK",
        opened_h=6,
    ),
    work(
        "no-such-pull",
        old.RATINGS,
        "hollow-runner",
        "github:/acme/almanac/pull/4040",
        purpose="A pull the forge has never had, in a repository everybody sees: dead once a later look agrees.",
        verdict="BLOCKED",
        opened_h=5.5,
    ),
    work(
        "private-repository",
        old.WELCOME,
        "velvet-crow",
        "github:/hop/vault/pull/1",
        purpose="The repository is private, deleted or misspelt, and nobody can tell which: never held against the rig.",
        verdict="LOOK",
        opened_h=5,
    ),
    work(
        "done-before",
        old.TOWN_MAP,
        "quill-and-rust",
        "github:/acme/almanac/pull/9",
        purpose="The pull was merged nine days before the item was even posted: good work, and for something else.",
        verdict="LOOK",
        opened_h=4.5,
    ),
    work(
        "reused-evidence",
        old.LOG_FILES,
        "night-shift",
        "github:/Acme/Relay/pull/109/files?diff=split#diff-0",
        purpose="The same pull as a completion on main shows for another item, only its address is written differently.",
        verdict="LOOK",
        opened_h=4,
    ),
    work(
        "other-author",
        old.GATE_SIGN,
        "velvet-crow",
        "github:/acme/commons-tools/pull/21",
        purpose="A merged pull, but by nils, who is not the person behind this rig as far as the operator knows.",
        verdict="LOOK",
        opened_h=3.5,
    ),
    work(
        "published-package",
        SIGNALS,
        "brass-otter",
        "npm:/package/@acme/beacon-ui/v/0.3.0",
        purpose="The evidence is one version of a package, in a registry that the operator trusts.",
        verdict="READY",
        opened_h=3,
    ),
)
