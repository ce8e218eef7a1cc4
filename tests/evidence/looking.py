"""How a test looks at a link: short limits, a fixed clock, this machine allowed unless the test is about just that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.evidence import FetchPolicy, networks, probe
from bot.model.evidence import Probe
from tests.patience import BUSY_FACTOR

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEADLINE_S = 0.7
LATEST_S = (DEADLINE_S + 1.0) * BUSY_FACTOR
POLICY = FetchPolicy(
    allow=networks(("127.0.0.0/8",)), connect_timeout_s=0.5, read_timeout_s=0.5, lookup_timeout_s=0.5, deadline_s=DEADLINE_S
)


def look(url: str, policy: FetchPolicy = POLICY, previous: Probe | None = None, hours: int = 0) -> Probe:
    """The fact sheet of one look, so many hours after NOW."""
    return probe(url, policy=policy, now=lambda: NOW + timedelta(hours=hours), previous=previous)
