"""Probe results: what the prober saw at a link. The least trusted process writes them, so they are read as strangers' text.

A result with anything wrong in it is not there. Whatever it holds, it counts as "something answers" at most: VERIFIED is
only for results of the process that asks forges.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import redis

from bot.model.evidence import Probe, Seen
from bot.store.codec import decode, encode
from bot.store.soft import NOTHING, soft

PROBE_MAX_BYTES: Final = 64 * 1024
PROBE_TTL_S: Final = 90 * 86400
"""The age of a result is judged where it is read; this only removes the links that no pull has named for a season."""
CLOCK_SKEW_S: Final = 120
TEXT_MAX: Final = 200
URL_MAX: Final = 4096
HOPS_MAX: Final = 16
MISSES_MAX: Final = 16
FACTS_MAX: Final = 32
_FORM: Final = 4
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class ProbeCache:
    """The probe results, one for each canonical key, which stands in `url`; the reader puts back the URL as it was written.

    `name`: the key in Redis of each. `verified`: whether a result may be VERIFIED; never where the prober may write.
    """

    def __init__(
        self, client: redis.Redis, name: Callable[[str], str], now: Callable[[], datetime], *, verified: bool = False
    ) -> None:
        self._redis = client
        self._name = name
        self._now = now
        self._verified = verified

    def put(self, probe: Probe) -> None:
        """Keep the result of `probe.url`. Raises redis.RedisError, and ValueError for a result that could not be read back."""
        text = write_probe(probe)
        if read_probe(text, probe.url, max(self._now(), probe.probed_at), verified=self._verified) is None:
            raise ValueError("this probe result could not be read back")
        self._redis.set(self._name(probe.url), text, ex=PROBE_TTL_S)

    def get(self, key: str) -> Probe | None:
        """The result of a key; None: there is none, something is wrong in it, or Redis is away."""
        return self.get_many((key,)).get(key)

    @soft(NOTHING)
    def get_many(self, keys: Iterable[str]) -> Mapping[str, Probe]:
        """The results there are, by key, without those that have something wrong in them. Empty if Redis is away."""
        wanted = tuple(dict.fromkeys(keys))
        if not wanted:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for key in wanted:
                # A range, so that a result of hundreds of megabytes is never transferred.
                pipe.getrange(self._name(key), 0, PROBE_MAX_BYTES)
            answers = pipe.execute()
        now = self._now()
        found = {
            key: read_probe(answer, key, now, verified=self._verified)
            for key, answer in zip(wanted, answers, strict=True)
            if answer
        }
        return {key: probe for key, probe in found.items() if probe is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A result as it is written. Its URL is not in it: the key names it."""

    form: int
    probe: Probe


def write_probe(probe: Probe) -> bytes:
    """The probe result as JSON text."""
    return encode(_Kept(form=_FORM, probe=replace(probe, url="")))


def read_probe(text: str | bytes, url: str, now: datetime, *, verified: bool = False) -> Probe | None:
    """The result of `url`, or None if anything in it is not as `write_probe` makes it. Raises nothing.

    Unless `verified`, VERIFIED is read as REACHABLE, and the facts are dropped: both are for the process that asks forges.
    A result from the future (beyond CLOCK_SKEW_S) is refused: it would look fresh for ever.
    """
    if len(text) > PROBE_MAX_BYTES:
        return None
    kept = decode(text, _Kept)
    if kept is None or kept.form != _FORM or not _is_plain(kept.probe, now + timedelta(seconds=CLOCK_SKEW_S)):
        return None
    seen = Seen.REACHABLE if kept.probe.seen is Seen.VERIFIED and not verified else kept.probe.seen
    return replace(kept.probe, url=url, seen=seen, facts=kept.probe.facts if verified else ())


_FACT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SHA256: Final = re.compile(r"(?:[0-9a-f]{64})?")


def _is_plain(probe: Probe, latest: datetime) -> bool:
    """Whether everything in a result whose types are right is also as short, clean and old as the prober makes it."""
    urls = (probe.key, probe.final_url, *(hop.url for hop in probe.hops))
    texts = (probe.reason, probe.content_type, probe.title, *(text for hop in probe.hops for text in (hop.address, hop.note)))
    names = [name for name, _ in probe.facts]
    statuses = [status for status in (probe.status, *(hop.status for hop in probe.hops)) if status is not None]
    times = [moment for moment in (probe.since, probe.good_at, *probe.misses) if moment is not None]
    return (
        all(_is_clean(text, URL_MAX) for text in urls)
        and all(_is_clean(text) for text in (*texts, *(said for _, said in probe.facts)))
        and _is_clean(probe.kind, 32)
        and _is_clean(probe.label, 40)
        and _SHA256.fullmatch(probe.sha256) is not None
        and all(100 <= status <= 999 for status in statuses)
        and len(probe.hops) <= HOPS_MAX
        and len(probe.misses) <= MISSES_MAX
        and len(names) <= FACTS_MAX
        and len(set(names)) == len(names)
        and all(_FACT_NAME.fullmatch(name) for name in names)
        and all(moment.tzinfo is not None for moment in (probe.probed_at, *times))
        and probe.probed_at <= latest
        and all(moment <= probe.probed_at for moment in times)
    )


def _is_clean(text: str, longest: int = TEXT_MAX) -> bool:
    return len(text) <= longest and not any(unicodedata.category(c) in _UNSEEN for c in text)
