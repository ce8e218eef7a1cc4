"""Small notes about pulls: the first look, "about to …", and the glance that tells whether anything moved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import redis

from bot.model.duplicate_bot import Sign
from bot.model.ids import CommentId, CommitHash, PullNo, User
from bot.model.pull import PullState
from bot.store.keys import LOOKS, RECHECK, SiteKeys

FINGERPRINT_TTL_S: Final = 7 * 86400
"""A pull that shows nothing new is looked at whole so often all the same."""
FIRST_LOOK_TTL_S: Final = 30 * 86400
SWEPT_TTL_S: Final = 30 * 86400
BEGUN_TTL_S: Final = 86400
"""Longer than that no merge is waited for, nor is a command that was written before carried out."""
_REST: Final = "try again"
_MERGE: Final = "merge"
_BEGUN: Final = "merge begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What is cheap to see of a pull. Equal to the one remembered: nothing has moved since everything due was done."""

    state: PullState
    head: CommitHash | None
    comments: int
    last_comment: CommentId | None = None
    last_updated: datetime | None = None
    """When the newest comment was last changed."""


def _fast_forward(head: CommitHash) -> str:
    return f"fast-forward {head}"


def answer_deed(comment: CommentId) -> str:
    """What the note says that is left just before a comment is answered."""
    return f"answer {comment}"


class Notes:
    """Notes that cost at most a second look, or a second word, when they vanish."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    def first_look(self, pull: PullNo, about: str = "") -> datetime | None:
        """When a pull (or `about`, such as its evidence key) was first looked at: now, if never before. None: Redis is away."""
        key, now = self._keys.first_look(pull, about), self._now()
        try:
            self._redis.set(key, _moment_text(now), nx=True, ex=FIRST_LOOK_TTL_S)
            return _moment(self._redis.get(key)) or now
        except redis.RedisError:
            return None

    def saw_fast_forward(self, pull: PullNo, head: CommitHash) -> datetime | None:
        """Note that main stood at the reviewed head of a merged pull; since when this is known. None: Redis is away."""
        return self.first_look(pull, _fast_forward(head))

    def fast_forwarded(self, pull: PullNo, head: CommitHash) -> bool:
        """Whether that was noted. False as well while Redis is away: then the pull counts as merged in an unknown way."""
        try:
            return self._redis.get(self._keys.first_look(pull, _fast_forward(head))) is not None
        except redis.RedisError:
            return False

    def record_intent(self, pull: PullNo, mark: str, *, ttl_s: float) -> bool:
        """Note that the thing `mark` names is about to be done. False: such a note stands already, wait.

        `mark` is any text that names the deed; the note goes away by itself after `ttl_s` seconds.
        Raises redis.RedisError: it is the one guard against saying a thing twice, so nothing is said without it.
        """
        key = self._keys.intent(pull, mark)
        return bool(self._redis.set(key, _moment_text(self._now()), nx=True, px=max(1, round(ttl_s * 1000))))

    def intent_at(self, pull: PullNo, mark: str) -> datetime | None:
        """When somebody was about to do it, while the note stands. None: nobody, or Redis is away."""
        try:
            return _moment(self._redis.get(self._keys.intent(pull, mark)))
        except redis.RedisError:
            return None

    def drop_intent(self, pull: PullNo, mark: str) -> None:
        """Take the note back: the deed was seen done, or was refused for certain. Losing this costs a wait."""
        try:
            self._redis.delete(self._keys.intent(pull, mark))
        except redis.RedisError:
            return

    def answer_intended(self, pull: PullNo, comment: CommentId) -> bool:
        """Whether a comment was about to be answered a moment ago."""
        return self.intent_at(pull, answer_deed(comment)) is not None

    def intend_merge(self, pull: PullNo, *, ttl_s: float) -> bool:
        """As `note_about_to`, of bringing what was decided on a pull to main. That it was begun is remembered for a day.

        Raises redis.RedisError.
        """
        alone = self.record_intent(pull, _MERGE, ttl_s=ttl_s)
        self._redis.set(self._keys.intent(pull, _BEGUN), _moment_text(self._now()), ex=BEGUN_TTL_S)
        return alone

    def merge_intended(self, pull: PullNo) -> bool:
        """Whether the note of `begin_merge` stands: it was begun a moment ago."""
        return self.intent_at(pull, _MERGE) is not None

    def merge_begun(self, pull: PullNo) -> bool:
        """Whether it was begun at any time that is remembered, and not taken back."""
        return self.intent_at(pull, _BEGUN) is not None

    def drop_merge(self, pull: PullNo) -> None:
        """Take back what `begin_merge` wrote: nothing was sent, or its end was seen."""
        for mark in (_MERGE, _BEGUN):
            self.drop_intent(pull, mark)

    def park(self, pull: PullNo, *, ttl_s: float) -> None:
        """Note that a decision on the pull is stuck: no sweep need try it again for a while. Losing this costs a try."""
        try:
            self._redis.set(self._keys.intent(pull, _REST), _moment_text(self._now()), px=max(1, round(ttl_s * 1000)))
        except redis.RedisError:
            return

    def is_parked(self, pull: PullNo) -> bool:
        """Whether a decision on the pull is stuck and was tried a short while ago."""
        return self.intent_at(pull, _REST) is not None

    def put_fingerprint(
        self, pull: PullNo, glance: Fingerprint, *, due_at: datetime | None = None, queue: str = RECHECK
    ) -> None:
        """Remember what the pull looked like, and when time alone makes something due (a look from `queue`).

        Losing this costs a look.
        """
        try:
            with self._redis.pipeline() as pipe:
                pipe.set(self._keys.fingerprint(pull), _glance_text(glance), ex=FINGERPRINT_TTL_S)
                for each in LOOKS:
                    pipe.zrem(self._keys.due(each), str(pull))
                if due_at is not None:
                    pipe.zadd(self._keys.due(queue), {str(pull): due_at.timestamp()})
                pipe.execute()
        except redis.RedisError:
            return

    def due(self, queue: str) -> tuple[PullNo, ...]:
        """Pulls whose time has come; none if Redis is away."""
        try:
            found: list[Any] = self._redis.zrangebyscore(self._keys.due(queue), "-inf", self._now().timestamp())
        except redis.RedisError:
            return ()
        return tuple(PullNo(int(pull)) for pull in found)

    def drop_due(self, queue: str, pulls: Iterable[PullNo]) -> None:
        """Somebody is going to look at these."""
        numbers = [str(pull) for pull in pulls]
        try:
            if numbers:
                self._redis.zrem(self._keys.due(queue), *numbers)
        except redis.RedisError:
            return

    def swept(self) -> tuple[CommitHash | None, frozenset[PullNo]]:
        """Where main stood when a sweep last told what it touches, and the pulls behind what was unfinished there."""
        try:
            main, unfinished = json.loads(self._redis.get(self._keys.swept()) or b"")
            return CommitHash(str(main)), frozenset(PullNo(int(pull)) for pull in unfinished)
        except (redis.RedisError, ValueError, TypeError, RecursionError):
            return None, frozenset()

    def note_swept(self, main: CommitHash, unfinished: Iterable[PullNo]) -> None:
        """Write that down. Losing it costs a look at each open pull."""
        try:
            self._redis.set(self._keys.swept(), json.dumps([main, sorted(unfinished)]), ex=SWEPT_TTL_S)
        except redis.RedisError:
            return

    def fingerprints(self, pulls: Iterable[PullNo]) -> Mapping[PullNo, Fingerprint]:
        """The glances remembered, by pull. Empty if Redis is away."""
        wanted = tuple(dict.fromkeys(pulls))
        if not wanted:
            return {}
        try:
            answers = self._redis.mget([self._keys.fingerprint(pull) for pull in wanted])
        except redis.RedisError:
            return {}
        found = {pull: _glance(answer) for pull, answer in zip(wanted, answers, strict=True)}
        return {pull: glance for pull, glance in found.items() if glance is not None}

    def saw_other_bot(self, sign: Sign, *, ttl_s: float) -> None:
        """Remember a certain sign of another bot, for all pulls of the commons. Losing this costs a stop, not a deed."""
        note = json.dumps({"account": sign.account, "at": _moment_text(sign.at)})
        try:
            self._redis.set(self._keys.other_bot(), note, px=max(1, round(ttl_s * 1000)))
        except redis.RedisError:
            return

    def other_bot(self) -> Sign | None:
        """The certain sign remembered. None: there is none, or Redis is away."""
        try:
            note = json.loads(self._redis.get(self._keys.other_bot()) or "null")
            return (
                Sign(account=User(str(note["account"])), at=datetime.fromisoformat(note["at"]), certain=True) if note else None
            )
        except (redis.RedisError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def fingerprint(self, pull: PullNo) -> Fingerprint | None:
        """The glance remembered of one pull. None: none, or Redis is away."""
        return self.fingerprints((pull,)).get(pull)


def _glance_text(glance: Fingerprint) -> str:
    return json.dumps(
        {
            "state": glance.state.value,
            "head": glance.head,
            "comments": glance.comments,
            "last_comment": glance.last_comment,
            "last_updated": _moment_text(glance.last_updated) if glance.last_updated is not None else None,
        }
    )


def _glance(answer: Any) -> Fingerprint | None:
    if answer is None:
        return None
    try:
        note = json.loads(answer)
        updated = note["last_updated"]
        return Fingerprint(
            state=PullState(note["state"]),
            head=CommitHash(str(note["head"])) if note["head"] is not None else None,
            comments=int(note["comments"]),
            last_comment=CommentId(str(note["last_comment"])) if note["last_comment"] is not None else None,
            last_updated=datetime.fromisoformat(updated) if updated is not None else None,
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _moment(answer: Any) -> datetime | None:
    if answer is None:
        return None
    try:
        return datetime.fromisoformat(answer.decode() if isinstance(answer, bytes) else str(answer))
    except ValueError:
        return None
