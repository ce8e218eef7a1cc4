"""Marks of the bot's own comments, for a host that does not show comments. Where Redis loses them, comments come twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import redis

from bot.model.ids import CommentId, PullNo, User
from bot.model.pull import Comment
from bot.store.codec import decode, encode
from bot.store.keys import SiteKeys

KEPT_S: Final = 180 * 86400
SENT_KEPT_S: Final = 86400
MARKS_MAX: Final = 500
"""Marks kept of one pull, the newest ones."""


@dataclass(frozen=True, slots=True)
class _Posted:
    """Its form is that of the first version: without the marks that an installation has, its comments would come twice."""

    at: datetime
    mark: str


class PostedComments:
    """The comments the bot posted. Raises redis.RedisError when Redis is away: then it is not known that there are none."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    def list(self, number: PullNo, by: User) -> tuple[Comment, ...]:
        """The comments the bot posted below a pull, oldest first: comments by `by` that hold just the mark."""
        key = self._keys.posted(number)
        texts: Any = self._redis.lrange(key, 0, -1)
        if texts:
            self._redis.expire(key, KEPT_S)
        read = ((index, decode(text, _Posted)) for index, text in enumerate(texts))
        return tuple(
            Comment(id=_id(index), author=by, body=posted.mark, created_at=posted.at, updated_at=posted.at)
            for index, posted in read
            if posted is not None
        )

    def add(self, number: PullNo, body: str) -> CommentId:
        """The bot posted this comment; its mark is its last line, and only that is kept."""
        mark = body.rstrip().rpartition("\n")[2]
        key = self._keys.posted(number)
        with self._redis.pipeline() as pipe:
            pipe.rpush(key, encode(_Posted(self._now(), mark)))
            pipe.ltrim(key, -MARKS_MAX, -1)
            pipe.expire(key, KEPT_S)
            count = int(pipe.execute()[0])
        return _id(count - 1)

    def sent(self, number: PullNo, mark: str) -> int:
        """The bot is about to send this comment; how often that has been so within a day, this time included."""
        key = self._keys.sent(number, mark)
        with self._redis.pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, SENT_KEPT_S)
            return int(pipe.execute()[0])


def _id(index: int) -> CommentId:
    return CommentId(f"said-{index}")
