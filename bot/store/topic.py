"""One kind of fact about each pull of a commons: a hash in Redis with the number of the pull as field.

Each kind has a hash of its own, so a process that writes one kind overwrites no other. Fields do not expire one by one on
older servers; the hash expires when nothing was written to it for a long time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import redis

from bot.model.ids import PullNo
from bot.store.codec import decode, encode

T = TypeVar("T")

TOPIC_TTL_S: Final = 30 * 86400
_TRIES: Final = 50

# KEYS: hash. ARGV: field, the text that was read or '', the text to write or '', how long the hash lives, in s.
_SWAP: Final = """
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
end
return 1
"""


class Topic(Generic[T]):
    """Values of one type by pull. All methods raise redis.RedisError. What does not decode is not there."""

    def __init__(self, client: redis.Redis, key: str, kind: type[T]) -> None:
        self.key = key
        self._redis = client
        self._kind = kind

    def get(self, pull: PullNo) -> T | None:
        """The value of a pull; None: there is none."""
        return decode(self._redis.hget(self.key, str(pull)), self._kind)

    def get_many(self, pulls: Iterable[PullNo]) -> dict[PullNo, T]:
        """The values there are of these pulls."""
        wanted = tuple(dict.fromkeys(pulls))
        if not wanted:
            return {}
        answers: Any = self._redis.hmget(self.key, [str(pull) for pull in wanted])
        read = {pull: decode(answer, self._kind) for pull, answer in zip(wanted, answers, strict=True)}
        return {pull: value for pull, value in read.items() if value is not None}

    def all(self) -> dict[PullNo, T]:
        """All values."""
        return self.read(self._redis.hgetall(self.key))

    def pulls(self) -> set[PullNo]:
        """The pulls that have a value, readable or not."""
        fields: Any = self._redis.hkeys(self.key)
        return {PullNo(int(field)) for field in fields if field.isdigit()}

    def read(self, answer: Any) -> dict[PullNo, T]:
        """The values in an answer to HGETALL."""
        read = ((field, decode(text, self._kind)) for field, text in answer.items() if field.isdigit())
        return {PullNo(int(field)): value for field, value in read if value is not None}

    def put(self, values: Mapping[PullNo, T], pipe: Any = None) -> None:
        """Write these; others stay. With a pipeline, when it is executed."""
        if not values:
            return
        with self._redis.pipeline() as own:
            writes = own if pipe is None else pipe
            writes.hset(self.key, mapping={str(pull): encode(value) for pull, value in values.items()})
            writes.expire(self.key, TOPIC_TTL_S)
            if pipe is None:
                own.execute()

    def change(self, pull: PullNo, act: Callable[[T | None], T | None]) -> T | None:
        """Hand the value to `act` and keep what it returns; None: no value. Returns what is kept.

        Another process may change the value meanwhile: `act` is called again then, and the last call counts.
        """
        for _ in range(_TRIES):
            found: Any = self._redis.hget(self.key, str(pull))
            value = act(decode(found, self._kind))
            text = encode(value) if value is not None else b""
            if self._redis.eval(_SWAP, 1, self.key, str(pull), found or b"", text, str(TOPIC_TTL_S)):
                return value
        raise redis.WatchError("other processes changed the value again and again")

    def drop(self, pulls: Iterable[PullNo]) -> int:
        """Forget the values of these pulls; how many there were."""
        fields = [str(pull) for pull in pulls]
        return int(self._redis.hdel(self.key, *fields)) if fields else 0
