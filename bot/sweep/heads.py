"""Heads of the forks that pulls come from."""

from __future__ import annotations

from collections.abc import Mapping

from bot.converge import quarantine
from bot.converge.bot import Site
from bot.converge.observe import NOT_FOR_US
from bot.dolthub.errors import HubError, HubRefused
from bot.model.ids import CommitHash, Database, PullNo
from bot.store import REVIEW, Fingerprint, Listed
from bot.store.poll_state import pull_thing
from bot.sweep.run import SweepRun


def read_heads(fork: Database, site: Site) -> dict[str, CommitHash] | None:
    """Heads of a fork by branch; none of them if the fork is gone or private, None if it cannot be read now.

    A fork that cannot be read hides its heads and nothing else: whoever owns it must not be able to stop the sweep.
    """
    try:
        return {b.name: b.head for b in site.hub.branches(fork)}
    except HubRefused as no:
        return {} if no.status in NOT_FOR_US else None
    except HubError:
        return None


def has_new_head(
    run: SweepRun,
    pull: Listed,
    branches: Mapping[str, CommitHash],
    glances: Mapping[PullNo, Fingerprint],
    strays: Mapping[PullNo, quarantine.Quarantine],
) -> bool:
    """Owe a look if the branch of a pull stands elsewhere than was seen last; whether it does."""
    if pull.source is None:
        return False
    head = branches.get(pull.source.branch)
    if (stray := strays.get(pull.number)) is not None:
        return quarantine.stirs_at(stray, head, run.site)
    glance = glances.get(pull.number)
    if glance is None or glance.head == head:
        return False
    run.add_pending(pull.number, REVIEW)
    if pull.number in run.owing:
        return False
    run.note_check(pull_thing(pull.number), moved=True)
    return True
