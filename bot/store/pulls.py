"""What is remembered about each pull of a commons: one record a pull, in parts that different processes write.

A look that is due is written down before it begins and removed when it ended well, so that a look which a kill cut short is
begun again by the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import redis

from bot.model.finding import Verdict
from bot.model.ids import CommentId, CommitHash, Handle, PullNo, User, WantedId
from bot.model.kind import PullKind
from bot.model.pull import BranchRef, PullState
from bot.model.snapshot import Rival
from bot.store.judgements import StoredJudgement
from bot.store.keys import DECIDE, LOOKS, RECHECK, REVIEW, SiteKeys
from bot.store.soft import NOTHING, soft
from bot.store.topic import TOPIC_TTL_S, Topic

FINGERPRINT_TTL_S: Final = 7 * 86400
"""After this time a pull is looked at as a whole although it shows nothing new."""
STUCK_AFTER: Final = 3
"""A look that failed so often in a row for the same reason is reported."""
TRIES_MAX: Final = 5
"""A pull that broke so many looks in a row goes into quarantine."""
BACKOFF_MAX_S: Final = {DECIDE: 60.0, REVIEW: 600.0, RECHECK: 600.0}
FAILED_MAX: Final = 16
WHY_MAX_CHARS: Final = 300

Wait = Literal["", "pull", "landing"]
"""The lease that a pending look found taken: that of its pull, or that of the landing on the commons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What is cheap to see of a pull. Equal to the one remembered: nothing has changed since everything due was done."""

    state: PullState
    head: CommitHash | None
    comments: int
    last_comment: CommentId | None = None
    last_updated: datetime | None = None
    """When the newest comment was last changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedVerdict:
    """The result of the last look at an open pull that judged it. A cache, never a proof."""

    pull: PullNo
    item: WantedId | None
    rig: Handle | None
    evidence: str
    verdict: Verdict
    kind: PullKind
    title: str
    judged_at: datetime
    opened_at: datetime | None = None
    line: str = ""
    """What a validator can type below it, pinned to the head that was judged; empty: nothing to decide."""
    names: frozenset[str] = frozenset()
    """Handles and accounts whose rigs were looked at when it was judged."""
    item_title: str = ""
    reason: str = ""
    """The one reason of the verdict; empty where nothing stands against the pull."""
    free: tuple[User, ...] = ()
    """Accounts that may decide it, without a tie to the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A pull as it was listed or seen last. `source`: where it comes from, None until a look has seen it."""

    number: PullNo
    state: PullState
    creator: User
    title: str
    source: BranchRef | None = None


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
    """A look that is due. `failed`: how often in a row it failed, the last time at `failed_at`.

    `trouble`: why it failed last, and `alike`: how often in a row for that reason. `told`: that is said below the pull.
    `due`: the last look that could plan found something to do. `waits`: the lease that it found taken.
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
    waits: Wait = ""

    def __post_init__(self) -> None:
        if self.queue not in LOOKS:
            raise ValueError(f"no pull is looked at from queue {self.queue!r}")

    @property
    def is_stuck(self) -> bool:
        """It fails again and again for one reason."""
        return self.alike >= STUCK_AFTER

    def is_due(self, now: datetime, first_s: float) -> bool:
        """It may be tried now: `first_s` seconds after it failed once, and twice as long after each further failure."""
        if self.failed_at is None:
            return True
        wait_s = min(BACKOFF_MAX_S[self.queue], first_s * 2 ** min(FAILED_MAX, max(0, self.failed - 1)))
        return now - self.failed_at >= timedelta(seconds=wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A pull that is not looked at any more, because it broke one look after another.

    `fingerprint`: what was cheap to see of it afterwards; when that changes, the pull is tried again.
    """

    pull: PullNo
    since: datetime
    why: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A decision that cannot go on now, since when, and why. It is tried again by itself."""

    pull: PullNo
    since: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRecord:
    """All that is remembered about a pull. Each part may be missing, and costs at most one more look."""

    number: PullNo
    fingerprint: Fingerprint | None = None
    verdict: CachedVerdict | None = None
    listed: Listed | None = None
    pending: Pending | None = None
    tries: int = 0
    quarantine: Quarantine | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    at: datetime
    fingerprint: Fingerprint


class Pulls:
    """The records of the pulls of a commons. What raises redis.RedisError documents it; all else goes on as if empty."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now
        self._fingerprints = Topic(client, keys.pulls("fingerprint"), _Seen)
        self._verdicts = Topic(client, keys.pulls("verdict"), CachedVerdict)
        self._judgements = Topic(client, keys.pulls("judgement"), StoredJudgement)
        self._listed = Topic(client, keys.pulls("listed"), Listed)
        self._pending = Topic(client, keys.pulls("pending"), Pending)
        self._tries = Topic(client, keys.pulls("tries"), int)
        self._quarantine = Topic(client, keys.pulls("quarantine"), Quarantine)
        self._kept = Topic(client, keys.pulls("kept"), Kept)

    @soft(NOTHING)
    def records(self) -> Mapping[PullNo, PullRecord]:
        """The records of all pulls about which anything is remembered, by number."""
        topics: tuple[Topic[Any], ...] = (
            self._fingerprints, self._verdicts, self._listed, self._pending, self._tries, self._quarantine,
        )  # fmt: skip
        with self._redis.pipeline(transaction=False) as pipe:
            for topic in topics:
                pipe.hgetall(topic.key)
            seen, *others = (topic.read(answer) for topic, answer in zip(topics, pipe.execute(), strict=True))
        verdicts, listed, pending, tries, quarantine = others
        fresh = {pull: each.fingerprint for pull, each in seen.items() if self._is_fresh(each)}
        return {
            pull: PullRecord(
                number=pull,
                fingerprint=fresh.get(pull),
                verdict=verdicts.get(pull),
                listed=listed.get(pull),
                pending=pending.get(pull),
                tries=tries.get(pull, 0),
                quarantine=quarantine.get(pull),
            )
            for pull in sorted({*fresh, *verdicts, *listed, *pending, *tries, *quarantine})
        }

    # --- fingerprints ---------------------------------------------------------------------------------------------------

    @soft(None)
    def put_fingerprint(
        self, pull: PullNo, fingerprint: Fingerprint, *, due_at: datetime | None = None, queue: str = RECHECK
    ) -> None:
        """Remember what the pull looks like, and when time alone makes something due (a look from `queue`)."""
        with self._redis.pipeline() as pipe:
            self._fingerprints.put({pull: _Seen(self._now(), fingerprint)}, pipe)
            for each in LOOKS:
                pipe.zrem(self._keys.due(each), str(pull))
            if due_at is not None:
                pipe.zadd(self._keys.due(queue), {str(pull): due_at.timestamp()})
            pipe.execute()

    @soft(NOTHING)
    def fingerprints(self, pulls: Iterable[PullNo]) -> Mapping[PullNo, Fingerprint]:
        """The fingerprints of these pulls that are remembered, by pull."""
        found = self._fingerprints.get_many(pulls)
        return {pull: seen.fingerprint for pull, seen in found.items() if self._is_fresh(seen)}

    def fingerprint(self, pull: PullNo) -> Fingerprint | None:
        """The fingerprint of one pull. None: none is remembered."""
        return self.fingerprints((pull,)).get(pull)

    @soft(())
    def due(self, queue: str) -> tuple[PullNo, ...]:
        """Pulls in which time alone has made a look from `queue` due."""
        found: list[Any] = self._redis.zrangebyscore(self._keys.due(queue), "-inf", self._now().timestamp())
        return tuple(PullNo(int(pull)) for pull in found)

    @soft(None)
    def drop_due(self, queue: str, pulls: Iterable[PullNo]) -> None:
        """A look at these pulls is pending now."""
        numbers = [str(pull) for pull in pulls]
        if numbers:
            self._redis.zrem(self._keys.due(queue), *numbers)

    def _is_fresh(self, seen: _Seen) -> bool:
        return self._now() - seen.at < timedelta(seconds=FINGERPRINT_TTL_S)

    # --- verdicts -------------------------------------------------------------------------------------------------------

    @soft(None)
    def put_verdict(self, verdict: CachedVerdict, judgement: StoredJudgement | None = None) -> None:
        """Keep the verdict on an open pull, and the judgement behind it: both are of the same look."""
        with self._redis.pipeline() as pipe:
            self._verdicts.put({verdict.pull: verdict}, pipe)
            if judgement is not None:
                self._judgements.put({verdict.pull: judgement}, pipe)
            pipe.execute()

    @soft(None)
    def drop_verdict(self, pull: PullNo) -> None:
        """The pull is not open any more."""
        self._verdicts.drop((pull,))
        self._judgements.drop((pull,))

    @soft(None)
    def keep_open(self, open_pulls: Iterable[PullNo]) -> None:
        """All pulls were listed, and these are open: forget what was judged of all others.

        Fingerprints that are too old are forgotten too.
        """
        still = set(open_pulls)
        self._verdicts.drop(self._verdicts.all().keys() - still)
        self._judgements.drop(self._judgements.pulls() - still)
        self._fingerprints.drop(pull for pull, seen in self._fingerprints.all().items() if not self._is_fresh(seen))

    @soft(())
    def verdicts(self) -> tuple[CachedVerdict, ...]:
        """The verdicts on all open pulls, by number."""
        return tuple(verdict for _, verdict in sorted(self._verdicts.all().items()))

    @soft(None)
    def verdict(self, pull: PullNo) -> CachedVerdict | None:
        """The verdict on a pull. None: none is remembered."""
        return self._verdicts.get(pull)

    @soft(NOTHING)
    def judgements(self, pulls: Iterable[PullNo]) -> Mapping[PullNo, StoredJudgement]:
        """What is stored of the judgements on these pulls, by pull."""
        return self._judgements.get_many(pulls)

    def rivals(self, item: WantedId, *, besides: PullNo) -> tuple[Rival, ...]:
        """Open pulls other than `besides` that were about the same item when last judged, by number.

        The bot's own landings are none: they bring a decision about a pull to main.
        """
        return tuple(
            Rival(
                pull=each.pull,
                rig=each.rig or Handle(""),
                evidence=each.evidence,
                blocked=each.verdict is Verdict.BLOCKED,
            )
            for each in self.verdicts()
            if each.item == item and each.pull != besides and each.kind is not PullKind.LANDING
        )

    # --- the pulls there are --------------------------------------------------------------------------------------------

    @soft(NOTHING)
    def listed(self) -> Mapping[PullNo, Listed]:
        """All pulls that are known, by number."""
        return self._listed.all()

    @soft(True)
    def is_listed(self, pull: PullNo) -> bool:
        """Whether a pull of this number is known. True if Redis is away: no pull is forgotten for that."""
        return bool(self._redis.hexists(self._listed.key, str(pull)))

    @soft(None)
    def note_listed(self, pulls: Iterable[Listed]) -> None:
        """Write down how these pulls look now; others stay."""
        self._listed.put({each.number: each for each in pulls})

    # --- pending looks --------------------------------------------------------------------------------------------------

    def add_pending(self, pull: PullNo, queue: str, *, due: bool = False, waits: Wait = "") -> None:
        """A look is due from now on; of two queues the one that is served first. Raises redis.RedisError.

        `due`: there is something to do. `waits`: the lease that a worker found taken.
        """
        now = self._now()

        def add(before: Pending | None) -> Pending:
            if before is None:
                return Pending(pull=pull, queue=queue, since=now, due=due, waits=waits)
            first = min(queue, before.queue, key=LOOKS.index)
            return replace(before, queue=first, since=now, due=due or before.due, waits=waits or before.waits)

        self._pending.change(pull, add)

    @soft(None)
    def end_pending(self, pull: PullNo, *, since: datetime) -> None:
        """A look that began at `since` ended well: no look that was due before it is due any more.

        One that found the lease of the pull taken came meanwhile.
        """

        def end(before: Pending | None) -> Pending | None:
            return None if before is None or (before.since <= since and before.waits != "pull") else before

        self._pending.change(pull, end)

    @soft(None)
    def retry_later(self, pull: PullNo, queue: str, trouble: Trouble | None = None) -> Pending | None:
        """A look failed: it is still due, but not at once. Returns it, None if Redis is away."""
        now = self._now()
        trouble = replace(trouble, says=trouble.says[:WHY_MAX_CHARS]) if trouble is not None else None

        def fail(before: Pending | None) -> Pending:
            look = before or Pending(pull=pull, queue=queue, since=now)
            again = trouble is not None and look.trouble is not None and look.trouble.reason == trouble.reason
            return replace(
                look,
                failed=min(look.failed + 1, FAILED_MAX),
                failed_at=now,
                trouble=trouble,
                alike=min(look.alike + 1, FAILED_MAX) if again else int(trouble is not None),
                told=look.told and again,
            )

        return self._pending.change(pull, fail)

    @soft(None)
    def note_told(self, look: Pending) -> None:
        """Why a pending look fails is said below the pull. Losing this costs a reading of comments."""
        self._pending.change(look.pull, lambda now: replace(now, told=True) if now is not None else None)

    @soft(None)
    def went_well(self, pull: PullNo) -> None:
        """A look did not fail: what is still due may be tried at once."""

        def reset(before: Pending | None) -> Pending | None:
            if before is None or not before.failed:
                return before
            return replace(before, failed=0, failed_at=None, trouble=None, alike=0, told=False)

        self._pending.change(pull, reset)

    @soft(None)
    def keep(self, pull: PullNo, why: str) -> None:
        """Note that a decision on the pull cannot go on now."""
        fresh = Kept(pull=pull, since=self._now(), why=why[:WHY_MAX_CHARS])
        self._kept.change(pull, lambda before: replace(fresh, since=before.since) if before is not None else fresh)

    @soft(None)
    def drop_kept(self, pull: PullNo) -> None:
        """No decision on the pull waits for its way to be cleared."""
        self._kept.drop((pull,))

    @soft(())
    def kept(self) -> tuple[Kept, ...]:
        """Decisions that cannot go on now, by pull."""
        return tuple(each for _, each in sorted(self._kept.all().items()))

    @soft(None)
    def drop_pending(self, pull: PullNo) -> None:
        """There is no such pull."""
        self._pending.drop((pull,))

    def pending(self) -> tuple[Pending, ...]:
        """All looks that are due, those that are served first in front, then by age. Raises redis.RedisError."""
        return tuple(sorted(self._pending.all().values(), key=lambda look: (LOOKS.index(look.queue), look.since, look.pull)))

    @soft(())
    def stuck(self) -> tuple[Pending, ...]:
        """Looks that fail again and again for a reason that does not meet all pulls, by pull."""
        stuck = (look for look in self.pending() if look.is_stuck and look.trouble is not None and not look.trouble.common)
        return tuple(sorted(stuck, key=lambda look: look.pull))

    @soft(())
    def take_waiting(self, lease: Wait, pull: PullNo | None = None) -> tuple[Pending, ...]:
        """The pending looks (of one pull, or of all) that found this lease taken. They do not wait for it any more."""
        found = self._pending.get_many((pull,)) if pull is not None else self._pending.all()
        waiting = tuple(look for _, look in sorted(found.items()) if look.waits == lease)
        for look in waiting:
            self._pending.change(look.pull, lambda now: replace(now, waits="") if now is not None else None)
        return waiting

    # --- tries and quarantine -------------------------------------------------------------------------------------------

    def begin(self, pull: PullNo) -> int:
        """Count a look before it begins, so that one which kills its process counts as well; how many there were in a row.

        Raises redis.RedisError.
        """
        with self._redis.pipeline() as pipe:
            pipe.hincrby(self._tries.key, str(pull), 1)
            pipe.expire(self._tries.key, TOPIC_TTL_S)
            return int(pipe.execute()[0])

    @soft(None)
    def ended(self, pull: PullNo) -> None:
        """The look ended in good order, whatever its result was."""
        self._tries.drop((pull,))

    def quarantine(self, pull: PullNo, why: str) -> None:
        """Look at the pull no more; no look at it is pending any more. Raises redis.RedisError."""
        with self._redis.pipeline() as pipe:
            self._quarantine.put({pull: Quarantine(pull=pull, since=self._now(), why=why[:WHY_MAX_CHARS])}, pipe)
            pipe.hdel(self._pending.key, str(pull))
            pipe.hdel(self._tries.key, str(pull))
            pipe.execute()

    @soft(NOTHING)
    def quarantined(self) -> Mapping[PullNo, Quarantine]:
        """The pulls in quarantine, by number."""
        return self._quarantine.all()

    def note_quarantined(self, quarantine: Quarantine, fingerprint: str) -> None:
        """Write down what a pull in quarantine looks like. Raises redis.RedisError."""
        self._quarantine.put({quarantine.pull: replace(quarantine, fingerprint=fingerprint)})

    def release(self, pull: PullNo) -> bool:
        """Look at a pull again, from the first try on; whether it was in quarantine. Raises redis.RedisError."""
        self._tries.drop((pull,))
        return bool(self._quarantine.drop((pull,)))
