"""Whether Redis lost its data. A process that remembers another epoch than the one in Redis warns all others."""

from __future__ import annotations

import secrets
import threading
from typing import Final

import redis

from bot.store.keys import Keys

FORM: Final = "2:"
"""How what stands in Redis is written: it begins the name of the epoch. What another form has written counts as lost."""

# KEYS: epoch, wiped. ARGV: the name this process remembers or '', a new name, for how long a wipe is reported, in ms, the form.
_LOOK: Final = """
local name = redis.call('GET', KEYS[1])
local older = name and string.sub(name, 1, #ARGV[4]) ~= ARGV[4]
if older or not name then
  name = ARGV[2]
  redis.call('SET', KEYS[1], name)
end
if older or (ARGV[1] ~= '' and ARGV[1] ~= name) then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
end
return {name, redis.call('EXISTS', KEYS[2])}
"""


class Epoch:
    """The epoch as one process knows it. After a wipe no note is left of what was posted a moment ago.

    A process that was there before sees another name. So a wipe goes unnoticed only where every process that knew the old
    name ended as well. A Redis that an older version has written is a wiped one, although no process remembers it.
    """

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._name = ""
        self._lost = False
        self._told = ""
        self._lock = threading.Lock()

    def was_wiped(self, *, within_s: float) -> bool:
        """Whether a process noticed less than `within_s` ago that Redis had lost its data. Raises redis.RedisError.

        Called now and then, it is also how a wipe is noticed; the sooner the better.
        """
        with self._lock:
            keys = self._keys.epoch(), self._keys.blank()
            report_ms = str(max(1, round(within_s * 1000)))
            answer = self._redis.eval(_LOOK, 2, *keys, self._name, FORM + secrets.token_hex(8), report_ms, FORM)
            if not isinstance(answer, list) or len(answer) != 2:
                raise redis.ResponseError("the script of the epoch returned no pair")
            self._name = answer[0].decode("ascii", "replace") if isinstance(answer[0], bytes) else str(answer[0])
            self._lost = bool(int(answer[1]))
            return self._lost

    def is_new_wipe(self) -> bool:
        """Whether a wipe was noticed that this method has not reported in this process."""
        with self._lock:
            fresh = self._lost and self._told != self._name
            self._told = self._name
            return fresh
