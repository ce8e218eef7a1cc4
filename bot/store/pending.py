"""What is owed: pulls that are to be looked at and have not come to rest since, and those that break whoever looks at them.

A look that is owed is written down before it is begun and struck out when it ended well, so that one which a kill cut short
is begun again by the next sweep.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis

from bot.model.ids import PullNo
from bot.store.keys import DECIDE, LOOKS, RECHECK, REVIEW, SiteKeys

STUCK_AFTER: Final = 3
"""A look that failed so often in a row for the same reason is told of."""
TRIES_MAX: Final = 5
"""A pull that broke so many looks in a row is left alone."""
PENDING_TTL_S: Final = 30 * 86400
BACKOFF_MAX_S: Final = {DECIDE: 60.0, REVIEW: 600.0, RECHECK: 600.0}
FAILED_MAX: Final = 16
WHY_MAX_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a look failed. `reason`: the same for the same trouble, [0-9a-z]. `says`: in words, which may be strangers'.

    `passing`: it may well be over by itself soon. `common`: it meets all pulls alike.
    """

    reason: str
    says: str
    passing: bool = False
    common: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A look that is owed. `failed`: how often in a row it failed, the last time at `failed_at`.

    `trouble`: why it failed last, and `alike`: how often in a row for that reason. `told`: that is said below the pull.
    `due`: the last look that could plan found something to do.
    """

    pull: PullNo
    queue: str
    since: datetime
    failed: int = 0
    failed_at: datetime | None = None
    trouble: Trouble | None = None
    alike: int = 0
    told: bool = False
    due: bool = False

    @property
    def is_stuck(self) -> bool:
        """It fails again and again for one reason."""
        return self.alike >= STUCK_AFTER

    def is_due(self, now: datetime, first_s: float) -> bool:
        """It may be tried now: `first_s` seconds after it failed once, and twice as long each time it did again."""
        if self.failed_at is None:
            return True
        wait_s = min(BACKOFF_MAX_S[self.queue], first_s * 2 ** max(0, self.failed - 1))
        return now - self.failed_at >= timedelta(seconds=wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A pull that is left alone, because it broke whoever looked at it.

    `sight`: what was cheap to see of it afterwards; when it looks otherwise, it is tried again.
    """

    pull: PullNo
    since: datetime
    why: str
    fingerprint: str = ""


class PendingLooks:
    """Debts, tries and quarantines of a commons. Raises redis.RedisError where not said otherwise."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    # --- debts ------------------------------------------------------------------------------------------------------

    def add(self, pull: PullNo, queue: str, *, due: bool = False) -> None:
        """A look is owed from now on; of two queues the one that is served first. `due`: there is something to do."""
        before = _debt(pull, self._redis.hget(self._keys.pending(), str(pull)))
        fresh = Pending(pull=pull, queue=queue, since=self._now(), due=due)
        if before is not None:
            queue, due = min(queue, before.queue, key=LOOKS.index), due or before.due
            fresh = replace(before, queue=queue, since=fresh.since, due=due)
        self._put(fresh)

    def done(self, pull: PullNo, *, since: datetime) -> None:
        """A look that began at `since` ended well: what was owed before it is owed no more. Never raises redis.RedisError."""
        key = self._keys.pending()
        try:
            debt = _debt(pull, self._redis.hget(key, str(pull)))
            if debt is not None and debt.since <= since:
                self._redis.hdel(key, str(pull))
        except redis.RedisError:
            return

    def retry_later(self, pull: PullNo, queue: str, trouble: Trouble | None = None) -> Pending | None:
        """A look failed: it is still owed, but not at once. Returns the debt, None if Redis is away."""
        try:
            before = _debt(pull, self._redis.hget(self._keys.pending(), str(pull)))
            debt = before or Pending(pull=pull, queue=queue, since=self._now())
            again = trouble is not None and debt.trouble is not None and debt.trouble.reason == trouble.reason
            debt = replace(
                debt,
                failed=min(debt.failed + 1, FAILED_MAX),
                failed_at=self._now(),
                trouble=trouble,
                alike=min(debt.alike + 1, FAILED_MAX) if again else int(trouble is not None),
                told=debt.told and again,
            )
            self._put(debt)
        except redis.RedisError:
            return None
        return debt

    def note_told(self, debt: Pending) -> None:
        """Why the look fails is said below the pull. Never raises redis.RedisError: losing this costs a reading of comments."""
        try:
            self._put(replace(debt, told=True))
        except redis.RedisError:
            return

    def went_well(self, pull: PullNo) -> None:
        """A look did not fail: what is still owed may be tried at once. Never raises redis.RedisError."""
        try:
            debt = _debt(pull, self._redis.hget(self._keys.pending(), str(pull)))
            if debt is not None and debt.failed:
                self._put(Pending(pull=pull, queue=debt.queue, since=debt.since, due=debt.due))
        except redis.RedisError:
            return

    def stuck(self) -> tuple[Pending, ...]:
        """Looks that fail again and again for a reason that is not that of all pulls, by pull. Empty if Redis is away."""
        try:
            found = self.all()
        except redis.RedisError:
            return ()
        stuck = (each for each in found if each.is_stuck and each.trouble is not None and not each.trouble.common)
        return tuple(sorted(stuck, key=lambda debt: debt.pull))

    def drop(self, pull: PullNo) -> None:
        """There is no such pull. Never raises redis.RedisError."""
        try:
            self._redis.hdel(self._keys.pending(), str(pull))
        except redis.RedisError:
            return

    def all(self) -> tuple[Pending, ...]:
        """All debts, those that are served first in front, then by age."""
        found = self._redis.hgetall(self._keys.pending()).items()
        debts = [debt for pull, value in found if (debt := _debt(PullNo(int(pull)), value)) is not None]
        return tuple(sorted(debts, key=lambda d: (LOOKS.index(d.queue), d.since, d.pull)))

    def _put(self, debt: Pending) -> None:
        key = self._keys.pending()
        with self._redis.pipeline() as pipe:
            pipe.hset(key, str(debt.pull), _debt_text(debt))
            pipe.expire(key, PENDING_TTL_S)
            pipe.execute()

    # --- tries and quarantine ---------------------------------------------------------------------------------------

    def begin(self, pull: PullNo) -> int:
        """Count a look before it begins, so that one which kills its process counts as well; how many there were in a row."""
        key = self._keys.tries()
        with self._redis.pipeline() as pipe:
            pipe.hincrby(key, str(pull), 1)
            pipe.expire(key, PENDING_TTL_S)
            return int(pipe.execute()[0])

    def ended(self, pull: PullNo) -> None:
        """The look ended in good order, whatever it came to. Never raises redis.RedisError."""
        try:
            self._redis.hdel(self._keys.tries(), str(pull))
        except redis.RedisError:
            return

    def quarantine(self, pull: PullNo, why: str) -> None:
        """Leave a pull alone from now on; it owes and is owed nothing."""
        key, stray = self._keys.quarantine(), Quarantine(pull=pull, since=self._now(), why=why[:WHY_MAX_CHARS])
        with self._redis.pipeline() as pipe:
            pipe.hset(key, str(pull), _quarantine_text(stray))
            pipe.expire(key, PENDING_TTL_S)
            pipe.hdel(self._keys.pending(), str(pull))
            pipe.hdel(self._keys.tries(), str(pull))
            pipe.execute()

    def quarantined(self) -> dict[PullNo, Quarantine]:
        """The pulls that are left alone, by number. Empty if Redis is away."""
        try:
            found = self._redis.hgetall(self._keys.quarantine()).items()
        except redis.RedisError:
            return {}
        strays = (_quarantine(PullNo(int(pull)), value) for pull, value in found)
        return {stray.pull: stray for stray in strays if stray is not None}

    def note_fingerprint(self, stray: Quarantine, sight: str) -> None:
        """Write down what a pull that is left alone looks like."""
        text = _quarantine_text(Quarantine(pull=stray.pull, since=stray.since, why=stray.why, fingerprint=sight))
        self._redis.hset(self._keys.quarantine(), str(stray.pull), text)

    def release(self, pull: PullNo) -> bool:
        """Try a pull again, from the first try on; whether it was left alone."""
        self._redis.hdel(self._keys.tries(), str(pull))
        return bool(self._redis.hdel(self._keys.quarantine(), str(pull)))


def _debt_text(debt: Pending) -> str:
    failed_at = debt.failed_at.timestamp() if debt.failed_at is not None else 0
    trouble = debt.trouble
    why = [trouble.reason, trouble.says[:WHY_MAX_CHARS], trouble.passing, trouble.common] if trouble is not None else None
    more = [why, debt.alike, debt.told, debt.due]
    return json.dumps([debt.queue, debt.since.timestamp(), debt.failed, failed_at, more])


def _debt(pull: PullNo, value: Any) -> Pending | None:
    if value is None:
        return None
    try:
        queue, since, failed, failed_at, *rest = json.loads(value)
        if queue not in LOOKS:
            return None
        # What older versions did not write down.
        why, alike, told, due = rest[0] if rest else (None, 0, False, False)
        trouble = Trouble(reason=str(why[0]), says=str(why[1]), passing=bool(why[2]), common=bool(why[3])) if why else None
        return Pending(
            pull=pull,
            queue=queue,
            since=datetime.fromtimestamp(float(since), UTC),
            failed=min(int(failed), FAILED_MAX),
            failed_at=datetime.fromtimestamp(float(failed_at), UTC) if failed_at else None,
            trouble=trouble,
            alike=int(alike),
            told=bool(told),
            due=bool(due),
        )
    except (ValueError, TypeError, IndexError, OverflowError, RecursionError):
        return None


def _quarantine_text(stray: Quarantine) -> str:
    return json.dumps([stray.since.timestamp(), stray.why, stray.fingerprint])


def _quarantine(pull: PullNo, value: Any) -> Quarantine | None:
    try:
        since, why, sight = json.loads(value)
        return Quarantine(pull=pull, since=datetime.fromtimestamp(float(since), UTC), why=str(why), fingerprint=str(sight))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
