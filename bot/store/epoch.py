"""Whether this is still the paper we wrote on. Who remembers that Redis was wiped tells all the others."""

from __future__ import annotations

import secrets
import threading
from typing import Final

import redis

from bot.store.keys import Keys

# KEYS: paper, blank. ARGV: the name we remember or '', a new name, how long a wipe is told, in ms.
_LOOK: Final = """
local name = redis.call('GET', KEYS[1])
if not name then
  name = ARGV[2]
  redis.call('SET', KEYS[1], name)
end
if ARGV[1] ~= '' and ARGV[1] ~= name then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
end
return {name, redis.call('EXISTS', KEYS[2])}
"""


class Epoch:
    """The paper as one process knows it. Notes about what was said a moment ago are gone after a wipe, and nobody can tell.

    But a process that has been here before sees another name on the paper. So only where Redis was wiped *and* every
    process that knew it ended, a wipe goes unnoticed.
    """

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._name = ""
        self._lost = False
        self._told = ""
        self._lock = threading.Lock()

    def was_wiped(self, *, within_s: float) -> bool:
        """Whether somebody noticed less than `within_s` ago that Redis had been wiped. Raises redis.RedisError.

        Called now and then, it is also how a wipe is noticed; the sooner the better.
        """
        with self._lock:
            keys = self._keys.epoch(), self._keys.blank()
            answer = self._redis.eval(_LOOK, 2, *keys, self._name, secrets.token_hex(8), str(max(1, round(within_s * 1000))))
            if not isinstance(answer, list) or len(answer) != 2:
                raise redis.ResponseError("the look at the paper gave no pair")
            self._name = answer[0].decode("ascii", "replace") if isinstance(answer[0], bytes) else str(answer[0])
            self._lost = bool(int(answer[1]))
            return self._lost

    def is_new_wipe(self) -> bool:
        """Whether this process has not been asked yet since somebody noticed the wipe; asked again, it is no news any more."""
        with self._lock:
            fresh = self._lost and self._told != self._name
            self._told = self._name
            return fresh
