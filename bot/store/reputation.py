"""What other commons tell of a rig's stamps: remembered for a while, so that nobody is asked for each look at a pull."""

from __future__ import annotations

import json
import math
from typing import Any, Final

import redis

from bot.model.ids import Commons, Handle
from bot.model.snapshot import Record
from bot.store.keys import Keys

KNOWN_TTL_S: Final = 3600
ASKED_TTL_S: Final = 300
"""So long nobody asks again after somebody began to, whatever came of it."""
_ASKED: Final = "asked"


class Reputation:
    """Records by commons, handle and owner. Losing any of them costs a question, so nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys

    def get(self, commons: Commons, handle: Handle, owner: str) -> Record | None:
        """What is remembered. None: nothing, or Redis is away."""
        try:
            return _record(self._redis.get(self._keys.elsewhere(commons, handle, owner)))
        except redis.RedisError:
            return None

    def may_ask(self, commons: Commons, handle: Handle, owner: str) -> bool:
        """Whether it is ours to ask now. False: it is remembered, somebody asked a moment ago, or Redis is away."""
        try:
            return bool(self._redis.set(self._keys.elsewhere(commons, handle, owner), _ASKED, nx=True, ex=ASKED_TTL_S))
        except redis.RedisError:
            return False

    def put(self, commons: Commons, handle: Handle, owner: str, record: Record) -> None:
        """Remember an answer."""
        text = json.dumps({"stamps": record.stamps, "mean_quality": record.mean_quality})
        try:
            self._redis.set(self._keys.elsewhere(commons, handle, owner), text, ex=KNOWN_TTL_S)
        except redis.RedisError:
            return


def _record(answer: Any) -> Record | None:
    if answer is None:
        return None
    try:
        note = json.loads(answer)
        stamps, mean = int(note["stamps"]), note["mean_quality"]
        mean = float(mean) if mean is not None else None
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    if stamps < 0 or (mean is not None and not math.isfinite(mean)):
        return None
    return Record(stamps=stamps, mean_quality=mean)
