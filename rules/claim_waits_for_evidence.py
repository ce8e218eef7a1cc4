"""A claim alone waits for the work.

Claim and work come on the same branch, so the pull that claims an item today is the one that hands it in later. Until
then there is nothing to decide; a validator may still merge the claim.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Level, PullKind, Said, Snapshot, rule


@rule(
    Level.NOTE,
    label="Claim",
    asks="A claim is decided when its evidence is there",
    kinds=(PullKind.CLAIM,),
)
def check(_pull: Snapshot) -> Iterator[Said]:
    yield check.waits("the rig's evidence")
