"""What the last audit of each commons found, for pages, metrics and the doctor. Lost, it is found again with the next sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import redis

from bot.model.finding import AuditFinding, Level
from bot.model.ids import CommitHash
from bot.store.codec import decode, encode
from bot.store.keys import SiteKeys
from bot.store.soft import soft

AUDIT_TTL_S: Final = 30 * 86400
FINDINGS_KEPT_MAX: Final = 500
"""The worst ones. A commons with more findings has a larger trouble than which they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAudit:
    """An audit as it is remembered: of which commit of main, when, and what it found, worst first."""

    at: CommitHash
    audited_at: datetime
    findings: tuple[AuditFinding, ...]
    unread: tuple[str, ...] = ()

    def count(self, level: Level) -> int:
        """How many findings of a level."""
        return sum(found.level is level for found in self.findings)


class Audits:
    """The last audit of a commons. Losing any of it costs another audit, so nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    @soft(False)
    def take_turn(self, *, every_s: float) -> bool:
        """Whether an audit is due and no process has begun it. False: not yet, or Redis is away."""
        return bool(self._redis.set(self._keys.audit_turn(), "1", nx=True, px=max(1, round(every_s * 1000))))

    @soft(None)
    def put(self, audit: KeptAudit) -> None:
        """Remember an audit."""
        kept = replace(audit, findings=audit.findings[:FINDINGS_KEPT_MAX])
        self._redis.set(self._keys.audit(), encode(kept), ex=AUDIT_TTL_S)

    @soft(None)
    def get(self) -> KeptAudit | None:
        """The last audit. None: none is remembered, or Redis is away."""
        return decode(self._redis.get(self._keys.audit()), KeptAudit)
