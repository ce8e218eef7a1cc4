"""When a commons was last read on DoltHub, as whom, and when a webhook last came from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import redis

from bot.model.ids import User
from bot.store.codec import decode, encode
from bot.store.keys import SiteKeys
from bot.store.soft import soft

CONTACT_TTL_S: Final = 30 * 86400
_SINCE, _READ, _WEBHOOK = "since", "read", "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """`since`: when this began to be noted. `account`: whose token read it; None: there was none. All None: not known."""

    since: datetime | None = None
    read_at: datetime | None = None
    account: User | None = None
    webhook_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    at: datetime
    account: User | None


class Contacts:
    """One hash a commons. Nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._key = keys.contacts()
        self._now = now

    @soft(None)
    def note_read(self, account: User | None) -> None:
        """A sweep has read the commons with the token of this account."""
        self._note(_READ, encode(_Read(self._now(), account)))

    @soft(None)
    def note_webhook(self) -> None:
        """A webhook has come that made a job."""
        self._note(_WEBHOOK, encode(self._now()))

    @soft(Contact())
    def get(self) -> Contact:
        """What is known; nothing while Redis is away."""
        since, read, webhook = self._redis.hmget(self._key, _SINCE, _READ, _WEBHOOK)
        last = decode(read, _Read)
        return Contact(
            since=decode(since, datetime),
            read_at=last.at if last is not None else None,
            account=last.account if last is not None else None,
            webhook_at=decode(webhook, datetime),
        )

    def _note(self, field: str, text: str | bytes) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hsetnx(self._key, _SINCE, encode(self._now()))
            pipe.hset(self._key, field, text)
            pipe.expire(self._key, CONTACT_TTL_S)
            pipe.execute()
