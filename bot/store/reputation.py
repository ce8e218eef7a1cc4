"""Trust records of rigs in other commons: kept for a while, so that not every look at a pull asks those commons."""

from __future__ import annotations

import math
from typing import Final

import redis

from bot.model.ids import Commons, Handle
from bot.model.snapshot import Record
from bot.store.codec import decode, encode
from bot.store.keys import Keys
from bot.store.soft import soft

KNOWN_TTL_S: Final = 3600
ASKED_TTL_S: Final = 300
"""After a process began to ask, no other asks for so long, whatever the answer was."""
_ASKED: Final = "asked"


class Reputation:
    """Records by commons, handle and owner. Losing any of them costs a question, so nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys

    @soft(None)
    def get(self, commons: Commons, handle: Handle, owner: str) -> Record | None:
        """The record that is kept. None: there is none, or Redis is away."""
        record = decode(self._redis.get(self._keys.elsewhere(commons, handle, owner)), Record)
        if record is None or record.stamps < 0 or not math.isfinite(record.mean_quality or 0.0):
            return None
        return record

    @soft(False)
    def may_ask(self, commons: Commons, handle: Handle, owner: str) -> bool:
        """Whether this caller may ask now. False: it is known, another process asked a moment ago, or Redis is away."""
        return bool(self._redis.set(self._keys.elsewhere(commons, handle, owner), _ASKED, nx=True, ex=ASKED_TTL_S))

    @soft(None)
    def put(self, commons: Commons, handle: Handle, owner: str, record: Record) -> None:
        """Keep an answer."""
        self._redis.set(self._keys.elsewhere(commons, handle, owner), encode(record), ex=KNOWN_TTL_S)
