"""How links are looked at: paced, each once at a time, and only dead while the bot's own network is up."""

from __future__ import annotations

import ipaddress
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bot.evidence import FetchPolicy, canonical_key, probe_key
from bot.evidence.fetch.control import CONTROL_DEADLINE_S, answers
from bot.evidence.fetch.url import Refused, read_url
from bot.evidence.page.content import Baselines
from bot.evidence.page.domain import registrable_domain
from bot.evidence.probe import Looked, look
from bot.model.address import is_allowed
from bot.model.evidence import Hop, Probe, Seen, Soft404Baseline, following
from bot.prober.hosts import HostOutcome, Hosts, Soft404Baselines
from bot.store import Flight, Store

SLOT_SPARE_S: Final = 5.0
"""A slot is kept for so much longer than a look may take."""
NETWORK_HEALTH_HOSTS_MIN: Final = 5
"""Fewer hosts prove too little about the bot's network; then the controls alone count."""
BASELINE_PAUSE_MAX_S: Final = 2.0
"""The pause before a baseline is asked for is taken from the time of the look itself."""
_CONTROLS: Final = "the controls"
_TRANSPORT: Final = frozenset(
    {"connection_refused", "deadline", "dns", "dns_no_address", "dns_timeout", "net", "timeout", "tls"},
)
"""Reasons of a hop that came to nothing on the way there. Not nxdomain or a bad certificate: those are answers."""
_NOT_NOW: Final = frozenset({429, *range(500, 600)})
_TRY_AGAIN: Final = frozenset({408, 425, *range(500, 600)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Politeness:
    """How polite and how patient.

    `pace_s`: pause between two requests to one host, over all probers; 0: no pause, and any number at once. `retry_s`:
    longest wait before each further try, of which a random part is waited. `budget_s`: no request begins later than so long
    after the job did. `abreast`: links of one job looked at side by side.
    """

    pace_s: float = 1.0
    retry_s: tuple[float, ...] = (2.0, 10.0)
    budget_s: float = 60.0
    abreast: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkResult:
    """What became of one link.

    `probe` is its result now, with the URL as written; None: no slot of its host was free in time. `new`: this look made it.
    `doubt`: why what looked dead was not stored as dead. `error`: what broke; then there may be no result at all.
    """

    url: str
    probe: Probe | None = None
    new: bool = False
    doubt: str = ""
    error: Exception | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChecker:
    """Looks at links and stores the results. `controls`: URLs one of which answers whenever the bot's own network is up.

    Pacing and cooldowns go by the host of a URL as it is submitted; hosts that redirects lead to are not waited for: those of
    one look are followed at once, as a browser would. All that is known about hosts is in Redis; without it
    looks are only less polite and take longer.
    """

    store: Store
    hosts: Hosts
    baselines: Soft404Baselines
    policy: FetchPolicy
    now: Callable[[], datetime]
    controls: tuple[str, ...]
    politeness: Politeness = Politeness()

    def look_at(self, urls: Sequence[str], since: datetime | None = None) -> tuple[LinkResult, ...]:
        """Look at each link whose result is older than `since` (None: at each), side by side; what became of each, in order.

        Never raises for what a link does: not even redis.RedisError, which is then the `error` of its result. Ends at most
        one look, and one question to each control, later than the budget.
        """
        until = time.monotonic() + self.politeness.budget_s
        keys = {probe_key(url): url for url in reversed(urls)}
        known = self.store.probes.get_many(keys)

        def one(url: str) -> LinkResult:
            try:
                return self._one(url, known.get(probe_key(url)), since, until)
            except Exception as error:
                return LinkResult(url=url, error=error)

        wanted = tuple(dict.fromkeys(keys[probe_key(url)] for url in urls))
        if len(wanted) <= 1 or self.politeness.abreast <= 1:
            return tuple(one(url) for url in wanted)
        with ThreadPoolExecutor(min(self.politeness.abreast, len(wanted)), thread_name_prefix="look") as pool:
            return tuple(pool.map(one, wanted))

    def _one(self, url: str, before: Probe | None, since: datetime | None, until: float) -> LinkResult:
        if before is not None and since is not None and before.probed_at >= since:
            return LinkResult(url=url, probe=replace(before, url=url))
        key = probe_key(url)
        with self.store.probing.run(key, ttl_s=self._flight_s, patience_s=until - time.monotonic()) as flight:
            last = self.store.probes.get(key) if flight.waited else before
            if last is not None and (last.probed_at >= since if since is not None else last != before):
                return LinkResult(url=url, probe=replace(last, url=url))
            looked = self._politely(url, last, flight, until) if flight.acquired else None
            if looked is None:
                return LinkResult(url=url)
            probe, doubt = self._doubted(looked, last)
            try:
                self.store.probes.put(replace(probe, url=key))
            except ValueError:
                # Without a result the pull would ask for one again at once, for ever.
                probe, doubt = self._unseen(url, "ours", last), "what was seen cannot be stored"
                self.store.probes.put(replace(probe, url=key))
            return LinkResult(url=url, probe=probe, new=True, doubt=doubt)

    def _politely(self, url: str, last: Probe | None, flight: Flight, until: float) -> Probe | None:
        """What is seen at last, after the tries it takes; None: there was no time to look at all."""
        host, looked = host_of(url), None
        if not host:
            return self._look(url, last).probe
        pauses = iter(self.politeness.retry_s)
        while True:
            if why := self.hosts.cooldown(host):
                return looked or self._unseen(url, why, last)
            slot = self.hosts.slot(
                host,
                pace_s=self.politeness.pace_s,
                ttl_s=self._slot_s,
                patience_s=until - time.monotonic(),
                meanwhile=flight.extend,
            )
            with slot as held:
                if not held.acquired or time.monotonic() > until:
                    return looked
                if held.waited and (why := self.hosts.cooldown(host)):
                    return looked or self._unseen(url, why, last)
                seen = self._look(url, last)
                looked = seen.probe
                wait_s = _wait_before_another(seen, next(pauses, None), until)
                if wait_s is None:
                    # Before the next in line has the slot: it may be one too many.
                    self._note(seen)
                    return looked
            flight.extend()
            time.sleep(wait_s)

    def _look(self, url: str, last: Probe | None) -> Looked:
        baselines = _PausedBaselines(self.baselines, min(self.politeness.pace_s, BASELINE_PAUSE_MAX_S))
        return look(url, policy=self.policy, now=self.now, previous=last, baselines=baselines, doubt_weak_hosts=True)

    def _unseen(self, url: str, why: str, last: Probe | None) -> Probe:
        """The result of a link that was not looked at, and why."""
        return following(Probe(url=url, seen=Seen.UNKNOWN, reason=why, probed_at=self.now(), key=canonical_key(url)), last)

    def _note(self, seen: Looked) -> None:
        """Record the outcomes of the hosts on the way."""
        outcomes = _outcomes(seen.probe.hops)
        self.hosts.note(outcomes, self._site_of)
        if seen.retry_after_s is not None and outcomes:
            self.hosts.cool_down(tuple(outcomes)[-1], "limit", seen.retry_after_s)

    def _site_of(self, host: str) -> str:
        """Whose a host (`name:port`) is. All addresses are one site: they can be had without having anything there."""
        name = host.rpartition(":")[0]
        try:
            known = is_allowed(ipaddress.ip_address(name), self.policy.allow)
        except ValueError:
            return registrable_domain(name)
        return host if known else "an address"

    def _doubted(self, probe: Probe, last: Probe | None) -> tuple[Probe, str]:
        """What may be stored, and why it is less than what was seen: nothing is dead while the bot may be offline."""
        doubt = self._doubt() if probe.seen is Seen.DEAD else ""
        return (following(replace(probe, seen=Seen.UNKNOWN, reason="ours"), last), doubt) if doubt else (probe, "")

    def _doubt(self) -> str:
        """Why the bot's own network may be down; empty: it is up."""
        silent, known = self.hosts.network_health()
        if known >= NETWORK_HEALTH_HOSTS_MIN and silent * 2 >= known:
            return f"{silent} of the last {known} hosts did not answer at all"
        return "" if self._a_control_answers() else "no control answers"

    def _a_control_answers(self) -> bool:
        said = self.hosts.control()
        if said is not None:
            return said
        patience_s = CONTROL_DEADLINE_S * len(self.controls) + 1
        with self.store.probing.run(_CONTROLS, ttl_s=patience_s, patience_s=patience_s) as flight:
            said = self.hosts.control() if flight.waited else None
            if said is None:
                said = any(answers(url, self.policy) for url in self.controls)
                self.hosts.note_control(said)
            return said

    @property
    def _slot_s(self) -> float:
        """The longest a look should take."""
        return self.policy.deadline_s + self.policy.lookup_timeout_s + SLOT_SPARE_S

    @property
    def _flight_s(self) -> float:
        """The longest time between two signs that a look goes on."""
        return self._slot_s + max(self.politeness.retry_s, default=0.0) + SLOT_SPARE_S


@dataclass(frozen=True, slots=True)
class _PausedBaselines:
    """Baselines that are known, and a pause before one that is not: it is asked for next, at the same host."""

    known: Baselines
    pause_s: float

    def get(self, place: str) -> Soft404Baseline | None:
        found = self.known.get(place)
        if found is None:
            time.sleep(self.pause_s)
        return found

    def put(self, place: str, baseline: Soft404Baseline) -> None:
        self.known.put(place, baseline)


def host_of(url: str) -> str:
    """The host a URL is asked for from, as `name:port`; empty for a URL that is not asked for at all."""
    try:
        target = read_url(url)
    except Refused:
        return ""
    return f"{target.host}:{target.port}"


def _wait_before_another(seen: Looked, longest_s: float | None, until: float) -> float | None:
    """Seconds to wait before another try; None: none is worth it, or in time."""
    probe = seen.probe
    came_to_nothing = probe.status is None and probe.reason in _TRANSPORT - {"deadline"}
    if longest_s is None or seen.retry_after_s is not None or probe.seen is not Seen.UNKNOWN:
        return None
    if not came_to_nothing and not (probe.reason == "transient" and probe.status in _TRY_AGAIN):
        return None
    wait_s = random.uniform(0, longest_s)
    return wait_s if time.monotonic() + wait_s < until else None


def _outcomes(hops: Sequence[Hop]) -> Mapping[str, HostOutcome]:
    """The outcome of each host on the way but those that were refused. The last one stands last."""
    found: dict[str, HostOutcome] = {}
    for hop in hops:
        host, outcome = host_of(hop.url), _outcome(hop)
        if host and outcome is not None:
            found.pop(host, None)
            found[host] = outcome
    return found


def _outcome(hop: Hop) -> HostOutcome | None:
    if hop.status is None:
        if hop.note.startswith("tls_"):
            # It showed a certificate, if a bad one.
            return HostOutcome.WELL
        return HostOutcome.SILENT if hop.note in _TRANSPORT else None
    return HostOutcome.BUSY if hop.status in _NOT_NOW else HostOutcome.WELL
