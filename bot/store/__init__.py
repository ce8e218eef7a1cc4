"""Everything the bot keeps in Redis. All of it may be lost at any moment, and nothing is decided by it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Protocol

import redis

from bot.model.ids import Commons, PullNo
from bot.store.atomic_text import AtomicText
from bot.store.audits import Audits, KeptAudit
from bot.store.connect import make_patient_redis, make_redis
from bot.store.contacts import Contact, Contacts
from bot.store.counters import Counters
from bot.store.epoch import Epoch
from bot.store.host_checks import HostChecks
from bot.store.judgements import StoredJudgement, StoredLink
from bot.store.keys import DECIDE, LOOKS, PROBE, QUEUES, RECHECK, REVIEW, SWEEP, Keys, SiteKeys
from bot.store.locks import LEASE_TTL_S, Held, Lease, Leases, Lost
from bot.store.notes import Notes
from bot.store.outages import Outage, Outages
from bot.store.poll_state import PollState, PollStates
from bot.store.posted_comments import PostedComments
from bot.store.probes import ProbeCache
from bot.store.processes import ProcessState, ProcessStates
from bot.store.pulls import CachedVerdict, Fingerprint, Listed, Pending, PullRecord, Pulls, Quarantine, Trouble, Wait
from bot.store.reputation import Reputation
from bot.store.single_flight import Flight, SingleFlight
from bot.store.soft import soft

__all__ = [
    "DECIDE",
    "LOOKS",
    "PROBE",
    "QUEUES",
    "RECHECK",
    "REVIEW",
    "SWEEP",
    "AtomicText",
    "Audits",
    "CachedVerdict",
    "Contact",
    "Contacts",
    "Counters",
    "Fingerprint",
    "Flight",
    "Held",
    "KeptAudit",
    "Keys",
    "Lease",
    "Leases",
    "Listed",
    "Lost",
    "Notes",
    "Outage",
    "Outages",
    "Pending",
    "PollState",
    "PollStates",
    "PostedComments",
    "ProbeCache",
    "ProcessState",
    "ProcessStates",
    "PullRecord",
    "Pulls",
    "Quarantine",
    "Reputation",
    "SingleFlight",
    "SiteKeys",
    "SiteStore",
    "Store",
    "StoredJudgement",
    "StoredLink",
    "Trouble",
    "make_patient_redis",
    "make_redis",
]


class Enqueue(Protocol):
    """Makes a job that looks at a pull. The store knows no job queue."""

    def __call__(self, commons: Commons, pull: PullNo, /, *, queue: str) -> object: ...


class Store:
    """What the bot remembers, over one Redis client.

    `enqueue` makes a job for a pull that found a lease taken, once the lease is free.

    While Redis is away leases, the epoch, posted comments, intents, pending looks, quarantines and the `put` of probe results
    raise redis.RedisError. Everything else goes on as if Redis were empty.
    """

    def __init__(
        self, client: redis.Redis, *, now: Callable[[], datetime], prefix: str = "stampbot:", enqueue: Enqueue | None = None
    ) -> None:
        keys = Keys(prefix)
        self.redis = client
        self.now = now
        self.keys = keys
        self._enqueue = enqueue
        self.leases = Leases(client, keys)
        self.probes = ProbeCache(client, keys.probe, now)
        self.forge_probes = ProbeCache(client, keys.forge_probe, now, verified=True)
        self.probing = SingleFlight(client, keys.probing)
        """One look a link at a time, among the probers."""
        self.asking = SingleFlight(client, keys.asking)
        """One question a thing at a time, among those who ask forges."""
        self.epoch = Epoch(client, keys)
        self.reputation = Reputation(client, keys)
        self.counters = Counters(client, keys)
        self.processes = ProcessStates(client, keys)
        self.host_checks = HostChecks(client, keys, now)
        self._sites: dict[Commons, SiteStore] = {}

    def at(self, commons: Commons) -> SiteStore:
        """The store of one commons; the same object for each call."""
        if commons not in self._sites:
            self._sites[commons] = SiteStore(self, commons, self._enqueue)
        return self._sites[commons]

    @soft(False)
    def answers(self) -> bool:
        """Whether Redis answers."""
        return bool(self.redis.ping())

    def trouble(self) -> str:
        """Why nothing could be written to Redis now, in a sentence; empty if it could."""
        try:
            self.redis.set(self.keys.well(), "1", ex=60)
        except redis.OutOfMemoryError:
            return "Redis is full: it has come to its maxmemory"
        except redis.ResponseError as error:
            return f"Redis takes nothing: {str(error)[:80]}"
        except redis.RedisError:
            return "Redis does not answer"
        return ""


class SiteStore:
    """What the bot remembers about one commons. Its parts know the commons; those of `Store` serve all commons."""

    def __init__(self, store: Store, commons: Commons, enqueue: Enqueue | None) -> None:
        client, now = store.redis, store.now
        keys = store.keys.at(commons)
        self.commons = commons
        self.keys = keys
        self.notes = Notes(client, keys, now)
        self.posted = PostedComments(client, keys, now)
        self.poll_states = PollStates(client, keys, now)
        self.pulls = Pulls(client, keys, now)
        self.outages = Outages(client, keys, now)
        self.audits = Audits(client, keys, now)
        self.contacts = Contacts(client, keys, now)
        self.shared = store
        """What serves all commons: probe results, the epoch, counters."""
        self._leases = store.leases
        self._enqueue = enqueue

    @contextmanager
    def at_work(self, pull: PullNo, *, queue: str = REVIEW, ttl_s: float = LEASE_TTL_S) -> Iterator[Lease]:
        """Hold the lease of a pull; the caller extends it as it goes.

        Raises Held and redis.RedisError. Where it raises Held a look is pending, and its holder makes a job for it at the end.
        """
        name = f"pull:{self.commons}:{pull}"
        with self._take(name, pull, queue, "pull", ttl_s) as lease:
            yield lease

    @contextmanager
    def landing(self, pull: PullNo, *, queue: str = DECIDE, ttl_s: float = LEASE_TTL_S) -> Iterator[Lease]:
        """Hold the one lease under which `pull` may merge or land on this commons. Otherwise as `at_work`."""
        with self._take(f"landing:{self.commons}", pull, queue, "landing", ttl_s) as lease:
            yield lease

    @contextmanager
    def sweeping(self, *, ttl_s: float = LEASE_TTL_S) -> Iterator[Lease]:
        """Hold the lease of a commons' sweep. Raises Held (another process sweeps) and redis.RedisError."""
        with self._leases.take(f"sweep:{self.commons}", ttl_s=ttl_s) as lease:
            yield lease

    @contextmanager
    def _take(self, name: str, pull: PullNo, queue: str, waits: Wait, ttl_s: float) -> Iterator[Lease]:
        try:
            lease = self._leases.take(name, ttl_s=ttl_s)
        except Held:
            self.pulls.add_pending(pull, queue, waits=waits)
            # The holder may have released it before it could see that.
            lease = self._leases.take(name, ttl_s=ttl_s)
        try:
            with lease:
                yield lease
        finally:
            # What the block raised must not be hidden: the sweep finds what is not enqueued here.
            with suppress(redis.RedisError):
                for look in self.pulls.take_waiting(waits, pull if waits == "pull" else None):
                    if self._enqueue is not None:
                        self._enqueue(self.commons, look.pull, queue=look.queue)
