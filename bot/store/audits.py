"""What the last audit of each commons found: for pages, metrics and the doctor. Wiped, it is found anew with the next sweep."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import redis

from bot.model.finding import AuditFinding, Level, Place
from bot.model.ids import CommitHash
from bot.store.keys import SiteKeys

AUDIT_TTL_S: Final = 30 * 86400
FINDINGS_KEPT_MAX: Final = 500
"""The worst ones. A commons with more has another trouble than which."""


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
    """The last audit by commons. Losing any of it costs another one, so nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    def take_turn(self, *, every_s: float) -> bool:
        """Whether an audit is due and nobody has begun it. False: not yet, or Redis is away."""
        try:
            return bool(self._redis.set(self._keys.audit_turn(), "1", nx=True, px=max(1, round(every_s * 1000))))
        except redis.RedisError:
            return False

    def put(self, audit: KeptAudit) -> None:
        """Remember an audit."""
        try:
            self._redis.set(self._keys.audit(), _text(audit), ex=AUDIT_TTL_S)
        except redis.RedisError:
            return

    def get(self) -> KeptAudit | None:
        """The last audit. None: none is remembered, or Redis is away."""
        try:
            return _audit(self._redis.get(self._keys.audit()))
        except redis.RedisError:
            return None


def _text(audit: KeptAudit) -> str:
    return json.dumps(
        {
            "at": audit.at,
            "audited_at": audit.audited_at.astimezone(UTC).isoformat(),
            "findings": [
                {
                    "check": f.check,
                    "level": f.level.value,
                    "place": [f.place.table, f.place.key, f.place.column],
                    "says": f.says,
                    "rows": [list(row) for row in f.rows],
                }
                for f in audit.findings[:FINDINGS_KEPT_MAX]
            ],
            "unread": list(audit.unread),
        }
    )


def _audit(answer: Any) -> KeptAudit | None:
    if answer is None:
        return None
    try:
        note = json.loads(answer)
        return KeptAudit(
            at=CommitHash(str(note["at"])),
            audited_at=datetime.fromisoformat(note["audited_at"]),
            findings=tuple(_finding(each) for each in note["findings"]),
            unread=tuple(str(said) for said in note["unread"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _finding(note: Any) -> AuditFinding:
    table, key, column = map(str, note["place"])
    return AuditFinding(
        check=str(note["check"]),
        level=Level(note["level"]),
        place=Place(table, key, column),
        says=str(note["says"]),
        rows=tuple((str(name), str(row)) for name, row in note["rows"]),
    )
