"""Marks of our own comments, for a hub that does not show comments. Blank again at any moment, and then words come twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import redis

from bot.model.ids import CommentId, PullNo, User
from bot.model.pull import Comment
from bot.store.keys import SiteKeys

KEPT_S: Final = 180 * 86400
SENT_KEPT_S: Final = 86400
MARKS_MAX: Final = 500
"""Marks kept of one pull, the newest ones."""


class PostedComments:
    """What we said below each pull. Raises redis.RedisError when Redis is away: a blank page must not read as silence."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    def list(self, number: PullNo, by: User) -> tuple[Comment, ...]:
        """What we said below a pull, oldest first: comments by `by` that hold just the mark."""
        key = self._keys.posted(number)
        notes: Any = self._redis.lrange(key, 0, -1)
        if notes:
            self._redis.expire(key, KEPT_S)
        read = (_comment(index, note, by) for index, note in enumerate(notes))
        return tuple(comment for comment in read if comment is not None)

    def add(self, number: PullNo, body: str) -> CommentId:
        """We said this; its mark is its last line, and no more is kept."""
        mark = body.rstrip().rpartition("\n")[2]
        key = self._keys.posted(number)
        with self._redis.pipeline() as pipe:
            pipe.rpush(key, json.dumps({"at": self._now().isoformat(), "mark": mark}))
            pipe.ltrim(key, -MARKS_MAX, -1)
            pipe.expire(key, KEPT_S)
            count = int(pipe.execute()[0])
        return _id(count - 1)

    def sent(self, number: PullNo, mark: str) -> int:
        """We are about to say this; how often that has been so within a day, this time included."""
        key = self._keys.sent(number, mark)
        with self._redis.pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, SENT_KEPT_S)
            return int(pipe.execute()[0])


def _id(index: int) -> CommentId:
    return CommentId(f"said-{index}")


def _comment(index: int, note: Any, by: User) -> Comment | None:
    try:
        read = json.loads(note)
        at = datetime.fromisoformat(str(read["at"]))
        return Comment(id=_id(index), author=by, body=str(read["mark"]), created_at=at, updated_at=at)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
