"""Fact sheets: what the prober saw at a link. Written by the least trusted process, so read as a stranger's words.

A sheet that does not read well is no sheet. Whatever it says, it never yields more than "something answers": VERIFIED is
for those who asked a forge themselves.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis

from bot.model.evidence import Hop, Probe, Seen

PROBE_MAX_BYTES: Final = 64 * 1024
PROBE_TTL_S: Final = 90 * 86400
"""A sheet's age is a fact, not its end; this only keeps links that nobody asked about for a season from piling up."""
CLOCK_SKEW_S: Final = 120
TEXT_MAX: Final = 200
URL_MAX: Final = 4096
HOPS_MAX: Final = 8
MISSES_MAX: Final = 16
FACTS_MAX: Final = 32
_VERSION: Final = 3
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class ProbeCache:
    """The fact sheets, one per canonical key, which stands in `url`: whoever reads one puts back the URL as it was written.

    `name`: the key in Redis of each. `verified`: whether a sheet may say so; never where the prober may write.
    """

    def __init__(
        self, client: redis.Redis, name: Callable[[str], str], now: Callable[[], datetime], *, verified: bool = False
    ) -> None:
        self._redis = client
        self._name = name
        self._now = now
        self._verified = verified

    def put(self, probe: Probe) -> None:
        """Keep the sheet of `probe.url`. Raises redis.RedisError, and ValueError for a sheet that could not be read back."""
        text = write_probe(probe)
        if read_probe(text, probe.url, max(self._now(), probe.probed_at), verified=self._verified) is None:
            raise ValueError("this probe does not make a readable sheet")
        self._redis.set(self._name(probe.url), text, ex=PROBE_TTL_S)

    def get(self, key: str) -> Probe | None:
        """The sheet of a key; None: there is none, it does not read well, or Redis is away."""
        return self.get_many((key,)).get(key)

    def get_many(self, keys: Iterable[str]) -> Mapping[str, Probe]:
        """The sheets there are, by key. Those that do not read well are missing; all of them if Redis is away."""
        wanted = tuple(dict.fromkeys(keys))
        if not wanted:
            return {}
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for key in wanted:
                    # A range, so that a sheet of hundreds of megabytes cannot be sent to us.
                    pipe.getrange(self._name(key), 0, PROBE_MAX_BYTES)
                answers = pipe.execute()
        except redis.RedisError:
            return {}
        now = self._now()
        found = {
            key: read_probe(answer, key, now, verified=self._verified)
            for key, answer in zip(wanted, answers, strict=True)
            if answer
        }
        return {key: probe for key, probe in found.items() if probe is not None}


def write_probe(probe: Probe) -> str:
    """The sheet as JSON text, ASCII only. The URL is not in it: the key names it."""
    sheet = {
        "v": _VERSION,
        "seen": probe.seen.value,
        "reason": probe.reason,
        "probed_at": _moment_text(probe.probed_at),
        "status": probe.status,
        "content_type": probe.content_type,
        "title": probe.title,
        "sha256": probe.sha256,
        "key": probe.key,
        "kind": probe.kind,
        "final_url": probe.final_url,
        "hops": [{"url": h.url, "address": h.address, "status": h.status, "note": h.note} for h in probe.hops],
        "misses": [_moment_text(moment) for moment in probe.misses],
        "since": _moment_text(probe.since) if probe.since is not None else None,
        "good_at": _moment_text(probe.good_at) if probe.good_at is not None else None,
        "facts": [[name, value] for name, value in probe.facts],
    }
    return json.dumps(sheet, ensure_ascii=True, separators=(",", ":"))


def read_probe(text: str | bytes, url: str, now: datetime, *, verified: bool = False) -> Probe | None:
    """The sheet of `url`, or None if anything about it is not as `write_probe` makes it. Never raises.

    Unless `verified`, VERIFIED is read as REACHABLE, and facts as none: both are the word of those who ask a forge.

    A sheet from the future (beyond CLOCK_SKEW_S) is refused: it would look fresh for ever.
    """
    if len(text) > PROBE_MAX_BYTES:
        return None
    try:
        sheet = json.loads(text)
        return _probe(sheet, url, now + timedelta(seconds=CLOCK_SKEW_S), verified=verified)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None


_FIELDS: Final = frozenset(
    [
        "v",
        "seen",
        "reason",
        "probed_at",
        "status",
        "content_type",
        "title",
        "sha256",
        "key",
        "kind",
        "final_url",
        "hops",
        "misses",
        "since",
        "good_at",
        "facts",
    ]
)
_FACT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_HOP_FIELDS: Final = frozenset({"url", "address", "status", "note"})


def _probe(sheet: Any, url: str, latest: datetime, *, verified: bool) -> Probe:
    if not isinstance(sheet, dict) or sheet.keys() != _FIELDS or sheet["v"] != _VERSION:
        raise ValueError("not a sheet")
    seen = Seen(sheet["seen"])
    probed_at = _moment(sheet["probed_at"], latest)
    facts = _facts(sheet["facts"])
    return Probe(
        url=url,
        seen=Seen.REACHABLE if seen is Seen.VERIFIED and not verified else seen,
        reason=_text(sheet["reason"]),
        probed_at=probed_at,
        status=_status(sheet["status"]),
        content_type=_text(sheet["content_type"]),
        title=_text(sheet["title"]),
        sha256=_hex(sheet["sha256"]),
        key=_text(sheet["key"], URL_MAX),
        kind=_text(sheet["kind"], 32),
        final_url=_text(sheet["final_url"], URL_MAX),
        hops=tuple(_hop(hop) for hop in _list(sheet["hops"], HOPS_MAX)),
        misses=tuple(_moment(moment, probed_at) for moment in _list(sheet["misses"], MISSES_MAX)),
        since=_moment(sheet["since"], probed_at) if sheet["since"] is not None else None,
        good_at=_moment(sheet["good_at"], probed_at) if sheet["good_at"] is not None else None,
        facts=facts if verified else (),
    )


def _hop(hop: Any) -> Hop:
    if not isinstance(hop, dict) or hop.keys() != _HOP_FIELDS:
        raise ValueError("not a hop")
    return Hop(
        url=_text(hop["url"], URL_MAX),
        address=_text(hop["address"]),
        status=_status(hop["status"]),
        note=_text(hop["note"]),
    )


def _facts(value: Any) -> tuple[tuple[str, str], ...]:
    facts: dict[str, str] = {}
    for name, said in (_list(pair, 2) for pair in _list(value, FACTS_MAX)):
        if not isinstance(name, str) or not _FACT_NAME.fullmatch(name) or name in facts:
            raise ValueError("not a fact")
        facts[name] = _text(said)
    return tuple(facts.items())


def _text(value: Any, longest: int = TEXT_MAX) -> str:
    if not isinstance(value, str) or len(value) > longest or any(unicodedata.category(c) in _UNSEEN for c in value):
        raise ValueError("not a clean text")
    return value


def _hex(value: Any) -> str:
    text = _text(value, 64)
    if text and (len(text) != 64 or not set(text) <= set("0123456789abcdef")):
        raise ValueError("not a sha256")
    return text


def _status(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 100 <= value <= 999:
        raise ValueError("not an HTTP status")
    return value


def _list(value: Any, longest: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > longest:
        raise ValueError("not a short list")
    return value


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _moment(value: Any, latest: datetime) -> datetime:
    moment = datetime.fromisoformat(_text(value, 40))
    if moment.tzinfo is None or moment > latest:
        raise ValueError("not a time that was")
    return moment.astimezone(UTC)
