"""Pulses: when each thing of a commons was looked at last, and when it last moved. From these two follows when it is due."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import redis

from bot.model.ids import Database, PullNo, User
from bot.model.pull import BranchRef, PullState
from bot.store.keys import SiteKeys

POLL_STATES_TTL_S: Final = 30 * 86400
LISTED_KEPT: Final = 16_384
"""Pulls kept as they read: each sweep reads all of them, and few have changed."""
MAIN: Final = "main"
"""The head of main."""
LIST: Final = "list"
"""The list of all pulls."""
NEXT: Final = "next"
"""Whether there is a pull after the newest that is known."""


@dataclass(frozen=True, slots=True)
class PollState:
    """Seconds since 1970, 0 for never."""

    checked_at: float = 0.0
    changed_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A pull as it was listed or seen last. `source`: where it comes from, None until a look has seen it."""

    number: PullNo
    state: PullState
    creator: User
    title: str
    source: BranchRef | None = None


class PollStates:
    """Pulses by thing, and the pulls there are. Blank paper costs requests, so nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    def all(self) -> dict[str, PollState]:
        """All pulses, by thing."""
        return {_text(name): pulse for name, value in self._hash(self._keys.poll_states()) if (pulse := _pulse(value))}

    def put(self, pulses: Mapping[str, PollState]) -> None:
        """Write these down; others stay."""
        self._write(self._keys.poll_states(), {name: f"{p.checked_at:.3f} {p.changed_at:.3f}" for name, p in pulses.items()})

    def drop(self, things: Iterable[str]) -> None:
        """Forget these: each is due at once if it is still watched."""
        names = tuple(things)
        try:
            if names:
                self._redis.hdel(self._keys.poll_states(), *names)
        except redis.RedisError:
            return

    def note_change(self, pull: PullNo) -> None:
        """A pull has moved just now: whoever it concerns may answer soon."""
        at = self._now().timestamp()
        self.put({pull_thing(pull): PollState(at, at)})

    # --- the pulls there are ----------------------------------------------------------------------------------------

    def listed(self) -> dict[PullNo, Listed]:
        """All pulls that are known, by number."""
        found = (_listed(value) for _, value in self._hash(self._keys.pulls()))
        return {each.number: each for each in found if each is not None}

    def is_listed(self, pull: PullNo) -> bool:
        """Whether a pull of this number is known. So it is if Redis is away: nobody is to be forgotten for that."""
        try:
            return bool(self._redis.hexists(self._keys.pulls(), str(pull)))
        except redis.RedisError:
            return True

    def note_pulls(self, pulls: Iterable[Listed]) -> None:
        """Write down how these look now; others stay."""
        self._write(self._keys.pulls(), {str(each.number): _listed_text(each) for each in pulls})

    def _hash(self, key: str) -> list[tuple[Any, Any]]:
        try:
            return list(self._redis.hgetall(key).items())
        except redis.RedisError:
            return []

    def _write(self, key: str, cells: Mapping[str, str]) -> None:
        if not cells:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(key, items=[part for cell in cells.items() for part in cell])
                pipe.expire(key, POLL_STATES_TTL_S)
                pipe.execute()
        except redis.RedisError:
            return


def pull_thing(pull: PullNo) -> str:
    """The name of what is said below a pull."""
    return f"pull:{pull}"


def fork_thing(fork: Database) -> str:
    """The name of the heads of a fork."""
    return f"fork:{fork}"


def _pulse(value: Any) -> PollState | None:
    try:
        looked_at, moved_at = _text(value).split()
        return PollState(float(looked_at), float(moved_at))
    except ValueError:
        return None


def _listed_text(each: Listed) -> str:
    source = [each.source.database.owner, each.source.database.name, each.source.branch] if each.source is not None else None
    return json.dumps([each.number, each.state.value, each.creator, each.title, source])


@lru_cache(maxsize=LISTED_KEPT)
def _listed(value: bytes | str) -> Listed | None:
    try:
        number, state, creator, title, source = json.loads(value)
        return Listed(
            number=PullNo(int(number)),
            state=PullState(state),
            creator=User(str(creator)),
            title=str(title),
            source=BranchRef(Database(str(source[0]), str(source[1])), str(source[2])) if source is not None else None,
        )
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
