"""Intents (what the bot is about to do) and other small notes about a commons and its pulls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import redis

from bot.model.ids import CommentId, CommitHash, PullNo
from bot.store.codec import decode, encode
from bot.store.keys import SiteKeys
from bot.store.soft import soft

FIRST_LOOK_TTL_S: Final = 30 * 86400
SWEPT_TTL_S: Final = 30 * 86400
BEGUN_TTL_S: Final = 86400
"""No merge is waited for longer than this, and no command that was written before is carried out."""
_REST: Final = "try again"
_MERGE: Final = "merge"
_BEGUN: Final = "merge begun"


def _fast_forward(head: CommitHash) -> str:
    return f"fast-forward {head}"


def answer_deed(comment: CommentId) -> str:
    """The mark of the intent to answer a comment."""
    return f"answer {comment}"


@dataclass(frozen=True, slots=True)
class _Swept:
    main: CommitHash
    unfinished: frozenset[PullNo]


class Notes:
    """Notes that cost at most one more look, or one more comment, when they are lost.

    Intents keep the form of the first version: a process of a newer version must see what an older one was about to do.
    """

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    @soft(None)
    def first_look(self, pull: PullNo, about: str = "") -> datetime | None:
        """When a pull (or `about`, such as its evidence key) was first looked at: now, if never before. None: Redis is away."""
        key, now = self._keys.first_look(pull, about), self._now()
        self._redis.set(key, _moment_text(now), nx=True, ex=FIRST_LOOK_TTL_S)
        return _moment(self._redis.get(key)) or now

    def saw_fast_forward(self, pull: PullNo, head: CommitHash) -> datetime | None:
        """Note that main stood at the reviewed head of a merged pull; since when this is known. None: Redis is away."""
        return self.first_look(pull, _fast_forward(head))

    @soft(False)
    def fast_forwarded(self, pull: PullNo, head: CommitHash) -> bool:
        """Whether that was noted. False as well while Redis is away: then the pull counts as merged in an unknown way."""
        return self._redis.get(self._keys.first_look(pull, _fast_forward(head))) is not None

    def record_intent(self, pull: PullNo, mark: str, *, ttl_s: float) -> bool:
        """Note that the bot is about to do what `mark` names. False: such an intent stands already, wait.

        `mark` is any text that names the action; the intent expires after `ttl_s` seconds.
        Raises redis.RedisError: it is the one guard against posting a comment twice, so nothing is posted without it.
        """
        key = self._keys.intent(pull, mark)
        return bool(self._redis.set(key, _moment_text(self._now()), nx=True, px=max(1, round(ttl_s * 1000))))

    @soft(None)
    def intent_at(self, pull: PullNo, mark: str) -> datetime | None:
        """When a process was about to do it, while the intent stands. None: none was, or Redis is away."""
        return _moment(self._redis.get(self._keys.intent(pull, mark)))

    @soft(None)
    def drop_intent(self, pull: PullNo, mark: str) -> None:
        """Remove the intent: the action was seen done, or was refused for certain. Losing this costs a wait."""
        self._redis.delete(self._keys.intent(pull, mark))

    def answer_intended(self, pull: PullNo, comment: CommentId) -> bool:
        """Whether a comment was about to be answered a moment ago."""
        return self.intent_at(pull, answer_deed(comment)) is not None

    def intend_merge(self, pull: PullNo, *, ttl_s: float) -> bool:
        """As `record_intent`, of bringing what was decided on a pull to main. That it was begun is remembered for a day.

        Raises redis.RedisError.
        """
        alone = self.record_intent(pull, _MERGE, ttl_s=ttl_s)
        self._redis.set(self._keys.intent(pull, _BEGUN), _moment_text(self._now()), ex=BEGUN_TTL_S)
        return alone

    def merge_intended(self, pull: PullNo) -> bool:
        """Whether the intent of `intend_merge` stands: the merge was begun a moment ago."""
        return self.intent_at(pull, _MERGE) is not None

    def merge_begun(self, pull: PullNo) -> bool:
        """Whether it was begun at any time that is remembered, and not dropped."""
        return self.intent_at(pull, _BEGUN) is not None

    def drop_merge(self, pull: PullNo) -> None:
        """Remove what `intend_merge` wrote: nothing was sent, or its end was seen."""
        for mark in (_MERGE, _BEGUN):
            self.drop_intent(pull, mark)

    @soft(None)
    def park(self, pull: PullNo, *, ttl_s: float) -> None:
        """Note that a decision on the pull is stuck: no sweep need try it again for a while. Losing this costs a try."""
        self._redis.set(self._keys.intent(pull, _REST), _moment_text(self._now()), px=max(1, round(ttl_s * 1000)))

    def is_parked(self, pull: PullNo) -> bool:
        """Whether a decision on the pull is stuck and was tried a short while ago."""
        return self.intent_at(pull, _REST) is not None

    @soft((None, frozenset()))
    def swept(self) -> tuple[CommitHash | None, frozenset[PullNo]]:
        """Where main stood when a sweep last looked at what it touches, and the pulls behind what was unfinished there."""
        found = decode(self._redis.get(self._keys.swept()), _Swept)
        return (found.main, found.unfinished) if found is not None else (None, frozenset())

    @soft(None)
    def note_swept(self, main: CommitHash, unfinished: Iterable[PullNo]) -> None:
        """Write that down. Losing it costs a look at each open pull."""
        self._redis.set(self._keys.swept(), encode(_Swept(main, frozenset(unfinished))), ex=SWEPT_TTL_S)


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _moment(answer: Any) -> datetime | None:
    if answer is None:
        return None
    try:
        return datetime.fromisoformat(answer.decode() if isinstance(answer, bytes) else str(answer))
    except ValueError:
        return None
