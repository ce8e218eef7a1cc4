"""What happened on the seeded main: completions, stamps, a link, and how main moved after forks were made."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sandbox.lookalikes.forge_seed import sha
from sandbox.seed import background as old
from sandbox.seed import wl_sql
from sandbox.seed.items import HEARTBEAT_ALERT, SeedItem
from sandbox.values.places import Places, placed


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedStamp:
    """A validator's stamp on a completion; `valence` is the JSON text of the column, hours count back from `now`."""

    author: str
    valence: str
    created_h: float
    skills: tuple[str, ...] = ()
    message: str | None = None
    severity: str = "leaf"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedCompletion:
    """Merged work; `evidence` in the short form of `places`."""

    item: SeedItem
    by: str
    evidence: str
    completed_h: float
    stamp: SeedStamp | None = None

    @property
    def id(self) -> str:
        return wl_sql.completion_id(self.item.id, self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One verb on main: its statements are one commit each."""

    at_h: float
    user: str
    statements: tuple[str, ...]


def _rated(quality: int, reliability: int) -> str:
    return json.dumps({"quality": quality, "reliability": reliability})


# The two oldest stamps carry words instead of integers, as the demo stamps of real commons do: readers must cope.
_WORDS = json.dumps({"quality": "good", "reliability": "good"})

COMPLETIONS = (
    SeedCompletion(
        item=old.CHARTER,
        by="quill-and-rust",
        evidence="github:/hop/charter/pull/1",
        completed_h=2110,
        stamp=SeedStamp(author="ana-town", valence=_WORDS, created_h=2100, message="Welcome."),
    ),
    SeedCompletion(
        item=old.DIAGRAM,
        by="quill-and-rust",
        evidence="docs/relay.txt — the diagram as text",
        completed_h=2010,
        stamp=SeedStamp(author="bo-hollow", valence=_WORDS, created_h=2000, skills=("docs",)),
    ),
    SeedCompletion(
        item=old.ARM,
        by="polecat-7",
        evidence="github:/acme/relay/pull/88",
        completed_h=1210,
        stamp=SeedStamp(
            author="bo-hollow",
            valence=_rated(5, 4),
            created_h=1200,
            skills=("relay", "build"),
            message="Builds and passes on three boards.",
            severity="branch",
        ),
    ),
    SeedCompletion(
        item=old.BLINKING,
        by="polecat-7",
        evidence="github:/acme/beacon/pull/31",
        completed_h=1105,
        stamp=SeedStamp(author="ana-town", valence=_rated(4, 4), created_h=1100, skills=("beacon", "ui")),
    ),
    SeedCompletion(
        item=old.INDEX,
        by="brass-otter",
        evidence="github:/acme/ledger/pull/40",
        completed_h=1006,
        stamp=SeedStamp(
            author="ana-town",
            valence=_rated(3, 5),
            created_h=1000,
            skills=("sql",),
            message="Works; it's the migration that took two tries.",
            confidence=0.8,
        ),
    ),
    SeedCompletion(
        item=old.CHAPTER,
        by="tin-heron",
        evidence=f"github:/acme/almanac/commit/{sha('chapter')[:10]}",
        completed_h=955,
        stamp=SeedStamp(author="cleo-mill", valence=_rated(4, 5), created_h=950, skills=("docs",)),
    ),
    # Closed by a maintainer: done, and without a stamp.
    SeedCompletion(item=old.CLEAN_UP, by="hollow-runner", evidence="github:/acme/relay/pull/101", completed_h=610),
    # In review on main, waiting for a validator.
    SeedCompletion(item=old.HEALTH_PAGE, by="polecat-7", evidence="github:/acme/beacon/pull/52", completed_h=170),
    SeedCompletion(item=old.START_UP, by="tin-heron", evidence="github:/acme/ledger/pull/51", completed_h=165),
    SeedCompletion(item=old.INCIDENTS, by="night-shift", evidence="github:/acme/relay/pull/109", completed_h=155),
)

LINKED_RIGS = ("bo-hollow", "hollow-runner")
"""One active `same_owner` link, asserted by both sides."""

_STALE_USER = "hal"
_STALE_FORKED_H = 60.0
_FORKED_H = 26.0


def forked_h(user: str) -> float:
    """When this user's fork was made, in hours before `now`.

    hal forked before all the moves; everybody else after most of them. The last two come after every fork, so every
    merge is a three-way merge.
    """
    return _STALE_FORKED_H if user == _STALE_USER else _FORKED_H


SIGNALS = SeedItem(
    title="List the beacon's signals in one table",
    about="Name, meaning, who sends it.",
    project="beacon",
    kind="docs",
    tags=("beacon", "docs"),
    by="ana-town",
    created_h=58,
)
QUEUE_AGE = SeedItem(
    title="Show how long a submission has been waiting",
    about="Days since `completed_at`, oldest first.",
    project="commons",
    kind="feature",
    tags=("review", "ui"),
    by="bo-hollow",
    created_h=55,
)


def _post(item: SeedItem) -> tuple[str, ...]:
    return wl_sql.post(
        item=item.id,
        title=item.title,
        description=item.about,
        project=item.project,
        kind=item.kind,
        priority=item.priority,
        tags=item.tags,
        posted_by=item.by,
        effort=item.effort,
    )


POSTED_LATER = (SIGNALS, QUEUE_AGE)


def moves(places: Places) -> tuple[Move, ...]:
    """How main moves on, oldest first."""
    backup = old.BACKUP.id
    return (
        Move(at_h=58, user="ana", statements=_post(SIGNALS)),
        Move(at_h=56, user="ana", statements=wl_sql.claim(backup, "brass-otter")),
        Move(at_h=55, user="bo", statements=_post(QUEUE_AGE)),
        Move(
            at_h=52,
            user="ana",
            statements=wl_sql.done(backup, "brass-otter", placed("github:/acme/commons-tools/pull/9", places)),
        ),
        Move(
            at_h=50,
            user="bo",
            statements=wl_sql.accept(
                backup,
                completion=wl_sql.completion_id(backup, "brass-otter"),
                author="bo-hollow",
                subject="brass-otter",
                quality=4,
                skills=("backup",),
                message="Restored one on a clean machine, all there.",
            ),
        ),
        Move(at_h=48, user="cleo", statements=wl_sql.withdraw(old.SPELLING.id)),
        Move(
            at_h=44,
            user="bo",
            statements=wl_sql.update_description(
                old.BACKPRESSURE.id, "When the ledger lags, the relay must slow down instead of growing. Numbers first."
            ),
        ),
        # All forks are made by now. Who works on this item there holds an older row: their pull cannot merge.
        Move(at_h=20, user="ana", statements=wl_sql.claim(HEARTBEAT_ALERT.id, "night-shift")),
        Move(
            at_h=18,
            user="ana",
            statements=wl_sql.update_description(
                old.TIMEZONE.id, "Seen three times in the log now, each time just after midnight."
            ),
        ),
    )
