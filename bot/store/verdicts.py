"""The board: the last judged state of each open pull, for rivals, the backlog and the pages. A cache, never a proof."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import redis

from bot.model.finding import Verdict
from bot.model.ids import Handle, PullNo, WantedId
from bot.model.kind import PullKind
from bot.model.snapshot import Rival
from bot.store.keys import SiteKeys

VERDICTS_TTL_S: Final = 30 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedVerdict:
    """How one open pull stood when it was last judged."""

    pull: PullNo
    item: WantedId | None
    rig: Handle | None
    evidence: str
    verdict: Verdict
    kind: PullKind
    title: str
    judged_at: datetime
    opened_at: datetime | None = None
    line: str = ""
    """What a validator can type below it, pinned to the head that was judged; empty: nothing to decide."""
    names: frozenset[str] = frozenset()
    """Handles and accounts whose rigs were looked at when it was judged."""


class VerdictCache:
    """One hash per commons. Losing any of it costs a hint or a stale page, so nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: SiteKeys) -> None:
        self._redis = client
        self._keys = keys

    def put(self, standing: CachedVerdict) -> None:
        """Write down how a pull stands."""
        key = self._keys.verdicts()
        try:
            with self._redis.pipeline() as pipe:
                pipe.hset(key, str(standing.pull), _cached_verdict_text(standing))
                pipe.expire(key, VERDICTS_TTL_S)
                pipe.execute()
        except redis.RedisError:
            return

    def drop(self, pull: PullNo) -> None:
        """Take a pull off the board: it is not open any more."""
        try:
            self._redis.hdel(self._keys.verdicts(), str(pull))
        except redis.RedisError:
            return

    def keep_only(self, open_pulls: Iterable[PullNo]) -> None:
        """Take every pull off the board that is not among `open_pulls`; a sweep knows all of them."""
        still = {str(pull).encode() for pull in open_pulls}
        key = self._keys.verdicts()
        try:
            gone = [field for field in self._redis.hkeys(key) if field not in still]
            if gone:
                self._redis.hdel(key, *gone)
        except redis.RedisError:
            return

    def all(self) -> tuple[CachedVerdict, ...]:
        """All pulls on the board, by number. Empty if Redis is away."""
        try:
            values = self._redis.hvals(self._keys.verdicts())
        except redis.RedisError:
            return ()
        found = (_cached_verdict(value) for value in values)
        return tuple(sorted((s for s in found if s is not None), key=lambda s: s.pull))

    def get(self, pull: PullNo) -> CachedVerdict | None:
        """How a pull stood. None: not on the board, or Redis is away."""
        try:
            return _cached_verdict(self._redis.hget(self._keys.verdicts(), str(pull)))
        except redis.RedisError:
            return None

    def rivals(self, item: WantedId, *, besides: PullNo) -> tuple[Rival, ...]:
        """Open pulls other than `besides` that were about the same item when last judged, by number."""
        return tuple(
            Rival(pull=s.pull, rig=s.rig or Handle(""), evidence=s.evidence)
            for s in self.all()
            if s.item == item and s.pull != besides
        )


def _cached_verdict_text(standing: CachedVerdict) -> str:
    return json.dumps(
        {
            "pull": standing.pull,
            "item": standing.item,
            "rig": standing.rig,
            "evidence": standing.evidence,
            "verdict": standing.verdict.value,
            "kind": standing.kind.value,
            "title": standing.title,
            "judged_at": standing.judged_at.astimezone(UTC).isoformat(),
            "opened_at": standing.opened_at.astimezone(UTC).isoformat() if standing.opened_at is not None else None,
            "line": standing.line,
            "names": sorted(standing.names),
        }
    )


def _cached_verdict(value: Any) -> CachedVerdict | None:
    if value is None:
        return None
    try:
        note = json.loads(value)
        return CachedVerdict(
            pull=PullNo(int(note["pull"])),
            item=WantedId(str(note["item"])) if note["item"] is not None else None,
            rig=Handle(str(note["rig"])) if note["rig"] is not None else None,
            evidence=str(note["evidence"]),
            verdict=Verdict(note["verdict"]),
            kind=PullKind(note["kind"]),
            title=str(note["title"]),
            judged_at=datetime.fromisoformat(note["judged_at"]),
            # What older versions did not write down.
            opened_at=datetime.fromisoformat(opened) if (opened := note.get("opened_at")) is not None else None,
            line=str(note.get("line", "")),
            names=frozenset(map(str, note.get("names", ()))),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
