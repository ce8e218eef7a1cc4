"""When each thing of a commons was looked at last, and when it last changed. From these two follows when it is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import redis

from bot.model.ids import Database, PullNo
from bot.store.codec import decode, encode
from bot.store.keys import SiteKeys
from bot.store.soft import NOTHING, soft

POLL_STATES_TTL_S: Final = 30 * 86400
MAIN: Final = "main"
"""The head of main."""
LIST: Final = "list"
"""The list of all pulls."""
_SESSION: Final = "session:"
NEXT: Final = "next"
"""Whether there is a pull after the newest that is known."""


@dataclass(frozen=True, slots=True)
class PollState:
    """Seconds since 1970, 0 for never."""

    checked_at: float = 0.0
    changed_at: float = 0.0


class PollStates:
    """Poll states by thing. Losing them costs requests, so nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    @soft(NOTHING)
    def all(self) -> Mapping[str, PollState]:
        """All poll states, by thing."""
        found: Mapping[Any, Any] = self._redis.hgetall(self._keys.poll_states())
        read = ((name.decode("utf-8", "replace"), decode(text, PollState)) for name, text in found.items())
        return {name: state for name, state in read if state is not None}

    @soft(None)
    def put(self, states: Mapping[str, PollState]) -> None:
        """Write these down; others stay."""
        if not states:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(self._keys.poll_states(), mapping={name: encode(state) for name, state in states.items()})
            pipe.expire(self._keys.poll_states(), POLL_STATES_TTL_S)
            pipe.execute()

    @soft(None)
    def drop(self, things: Iterable[str]) -> None:
        """Forget these: each is due at once if it is still watched."""
        names = tuple(things)
        if names:
            self._redis.hdel(self._keys.poll_states(), *names)

    def note_session(self, pull: PullNo) -> None:
        """A validator has decided about a pull just now: the next decision is likely near it."""
        at = self._now().timestamp()
        self.put({session_thing(pull): PollState(at, at)})


def pull_thing(pull: PullNo) -> str:
    """The name of the comments below a pull."""
    return f"pull:{pull}"


def fork_thing(fork: Database) -> str:
    """The name of the heads of a fork."""
    return f"fork:{fork}"


def session_thing(pull: PullNo) -> str:
    """The name of the decisions about a pull."""
    return f"{_SESSION}{pull}"


def pull_of_session(thing: str) -> PullNo | None:
    """The pull whose decisions a thing is; None for any other thing."""
    number = thing.removeprefix(_SESSION)
    return PullNo(int(number)) if number != thing and number.isdecimal() else None
