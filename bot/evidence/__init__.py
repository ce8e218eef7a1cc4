"""Links of strangers: what may be fetched, how, and what was seen. Never raises at the caller, never lets a secret out."""

from __future__ import annotations

from bot.evidence.fetch.hop import FetchPolicy
from bot.evidence.fetch.url import canonical_key, probe_key
from bot.evidence.kind import Evidence
from bot.evidence.kinds import NO_KNOWN_HOSTS, KnownHosts, classify, same_thing, spelling
from bot.evidence.probe import as_known, beside_commons, probe, without_looking
from bot.model.address import Network, networks

__all__ = [
    "NO_KNOWN_HOSTS",
    "Evidence",
    "FetchPolicy",
    "KnownHosts",
    "Network",
    "as_known",
    "beside_commons",
    "canonical_key",
    "classify",
    "networks",
    "probe",
    "probe_key",
    "same_thing",
    "spelling",
    "without_looking",
]
