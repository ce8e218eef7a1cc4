"""The shape of a seeded pull, and the short ways to write one down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sandbox.seed import wl_sql
from sandbox.seed.items import SeedItem
from sandbox.seed.people import email_of, rig
from sandbox.values.places import Places, placed

Kind = Literal["WORK", "CLAIM", "REGISTRATION", "POST", "EDIT", "ADMIN", "LINK", "BACKFILL", "EMPTY", "MIXED", "FOREIGN"]
Verdict = Literal["READY", "LOOK", "BLOCKED", "WAITING", "CANNOT TELL", "BY HAND"]

Script = Callable[[Places], tuple[str, ...]]
"""From where evidence lies to the statements of a pull's branch, one commit each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPull:
    """One pull to be opened; times in hours before the seed's `now`.

    `user` owns the fork and opens the pull. `branch` is the fork's; "main" means that the fork's own main is written.
    `evidence` is what the work is submitted with, in the short form of `places`; empty where nothing is.
    """

    slug: str
    purpose: str
    kind: Kind
    verdict: Verdict
    user: str
    branch: str
    title: str
    script: Script
    started_h: float
    opened_h: float
    item: str | None = None
    description: str = ""
    evidence: str = ""


def fixed(statements: tuple[str, ...]) -> Script:
    return lambda _places: statements


def in_turn(*scripts: Script) -> Script:
    return lambda places: tuple(statement for script in scripts for statement in script(places))


def claiming(item: SeedItem, by: str) -> Script:
    return fixed(wl_sql.claim(item.id, by))


def submitting(item: SeedItem, by: str, evidence: str) -> Script:
    """`evidence` in the short form of `places`."""
    return lambda places: wl_sql.done(item.id, by, placed(evidence, places))


def _summary(item: SeedItem, by: str) -> str:
    """A description in the shape that `wl` writes for a remote pull (wl internal/sdk)."""
    return (
        f"## wanted\n\n~ modified: id={item.id}\n  status: {item.status} → in_review\n\n"
        f"## completions\n\n+ added: id={wl_sql.completion_id(item.id, by)}\n  completed_by: {by}\n"
    )


def work(
    slug: str,
    item: SeedItem,
    by: str,
    evidence: str,
    *,
    purpose: str,
    verdict: Verdict,
    opened_h: float,
    user: str | None = None,
    branch: str | None = None,
    kind: Kind = "WORK",
    also: Script | None = None,
    description: str | None = None,
) -> SeedPull:
    """A claim (unless main has it already) and a submission, as `wl claim` and `wl done` make them."""
    steps = [submitting(item, by, evidence)]
    if item.status == "open":
        steps.insert(0, claiming(item, by))
    if also is not None:
        steps.append(also)
    return SeedPull(
        slug=slug,
        purpose=purpose,
        kind=kind,
        verdict=verdict,
        user=user or rig(by).user,
        branch=branch or f"wl/{by}/{item.id}",
        title=f"[wl] {item.title}",
        description=_summary(item, by) if description is None else description,
        script=in_turn(*steps),
        started_h=opened_h + 3,
        opened_h=opened_h,
        item=item.id,
        evidence=evidence,
    )


def registering(handle: str, display_name: str, user: str) -> tuple[str, ...]:
    return wl_sql.register(handle=handle, display_name=display_name, dolthub_org=user, owner_email=email_of(user))
