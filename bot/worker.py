"""What each kind of job does. A job only says where to look, and what it does is safe to repeat.

A failed job is not tried again: the clock is the retry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import redis
import structlog

from bot.hub.errors import HubBusy, HubError, HubGone, HubRefused, HubStrange
from bot.hub.pace import Urgency, working_at
from bot.lanes import RESTART_S, Function, TookTooLong, Unlisted
from bot.log import stranger
from bot.looking import Looking, Sight
from bot.model.ids import Commons, PullNo
from bot.model.links import EVIDENCE_LINKS_MAX
from bot.scratch import DECIDE, LOOKS, RECHECK, REVIEW, Held, Lease, Lost, Scratch
from bot.scratch.knocks import RUN, RUN_PROBE, RUN_SWEEP
from bot.scratch.owed import TRIES_MAX

LEASE_KEPT_EVERY_S: Final = 10.0

URGENCIES: Final = {DECIDE: Urgency.DECIDE, REVIEW: Urgency.REVIEW, RECHECK: Urgency.RECHECK}
"""What each queue of looks draws from the budget as."""

log = structlog.get_logger("stampbot.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDuties:
    """What the worker does. `look` converges one pull and extends its lease as it goes; `sweep` knocks where it is needed.

    `tell` says below a pull that it is left alone: it broke whoever looked at it.
    """

    known: frozenset[Commons]
    scratch: Scratch
    look: Callable[[Commons, PullNo, Callable[[], None]], object]
    sweep: Callable[[Commons], int]
    tell: Callable[[Commons, PullNo], object] = lambda _commons, _pull: None

    def functions(self) -> Mapping[str, Function]:
        """Job functions by name."""
        return {RUN: self.run, RUN_SWEEP: self.run_sweep}

    def run(self, commons: str, pull: int, queue: str, hint: str) -> None:
        """Look at one pull and do what is due."""
        self.scratch.knocks.heard(hint)
        where, number = _known(commons, self.known), _pull_number(pull)
        if queue not in LOOKS:
            raise Unlisted("the job names a queue no pull is looked at from")
        with (
            _one_line("look", commons=str(where), pull=number),
            self.scratch.at_work(where, number, queue=queue) as lease,
            _kept(lease),
            working_at(URGENCIES[queue]),
        ):
            if number in self.scratch.owed.quarantined(where):
                log.debug("a pull in quarantine is left alone", commons=str(where), pull=number)
                return
            if self.scratch.owed.begin(where, number) > TRIES_MAX:
                self._leave_alone(where, number)
                return
            with self._counted(where, number, queue):
                self.look(where, number, lease.extend)
            self.scratch.counters.add("looks")

    @contextmanager
    def _counted(self, commons: Commons, pull: PullNo, queue: str) -> Iterator[None]:
        """A look that was begun has ended in good order, unless it broke; one that failed is not tried again at once."""
        owed = self.scratch.owed
        try:
            yield
        except Held:
            # Another pull of the commons lands: nothing failed, and the turn of this one may come any moment.
            owed.ended(commons, pull)
            owed.owe(commons, pull, queue)
            raise
        except HubGone as gone:
            owed.ended(commons, pull)
            if self.scratch.pulses.is_listed(commons, pull):
                owed.postpone(commons, pull, queue)
                raise
            # Anybody can ring for a pull that is not there. One that is, but is not shown yet, is found by the sweep.
            owed.drop(commons, pull)
            log.info("there is no such pull", commons=str(commons), pull=pull, error=stranger(gone))
        except (HubError, redis.RedisError, Lost):
            owed.ended(commons, pull)
            if not self.scratch.notes.rests(commons, pull):
                owed.postpone(commons, pull, queue)
            raise
        except BaseException:
            owed.postpone(commons, pull, queue)
            raise
        owed.ended(commons, pull)

    def _leave_alone(self, commons: Commons, pull: PullNo) -> None:
        """Nobody looks at a pull any more that broke so many looks in a row, until it changes or somebody asks for it."""
        why = f"{TRIES_MAX} looks in a row broke off; the last log lines about this pull tell where"
        self.scratch.owed.quarantine(commons, pull, why)
        self.scratch.counters.add("quarantines")
        log.error(
            "a pull is left alone, it breaks whoever looks at it",
            commons=str(commons),
            pull=pull,
            mend=f"See the errors before this one. To try it again: stampbot converge '{commons}#{pull}'",
        )
        self.tell(commons, pull)

    def run_sweep(self, commons: str, hint: str) -> None:
        """Find the pulls of a commons that need a look, and knock at them."""
        self.scratch.knocks.heard(hint)
        where = _known(commons, self.known)
        with (
            _one_line("sweep", commons=str(where)),
            self.scratch.sweeping(where) as lease,
            _kept(lease),
            working_at(Urgency.SWEEP),
        ):
            knocked = self.sweep(where)
            self.scratch.counters.add("sweeps")
            log.debug("swept", commons=str(where), knocked=knocked)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeDuties:
    """What the prober does: looks at links, writes their sheets, and knocks the pull they are about."""

    known: frozenset[Commons]
    scratch: Scratch
    looking: Looking

    def functions(self) -> Mapping[str, Function]:
        """Job functions by name."""
        return {RUN_PROBE: self.run_probe}

    def run_probe(self, commons: str, pull: int, urls: object, not_before: str, hint: str) -> None:
        """Look at each URL whose sheet is older than `not_before` (ISO 8601; empty: all), then knock the pull.

        Without a knock if a sheet could not be written: the pull would ask for it again at once. The sweep comes to it.
        """
        self.scratch.knocks.heard(hint)
        where, number = _known(commons, self.known), _pull_number(pull)
        if not isinstance(urls, list) or not all(isinstance(u, str) for u in urls):
            raise Unlisted("the job brings no list of URLs")
        since = datetime.fromisoformat(not_before) if not_before else None
        with _one_line("probe", commons=str(where), pull=number):
            sights = self.looking.look_at(urls[:EVIDENCE_LINKS_MAX], since)
            for sight in sights:
                self._tell(number, sight)
            for error in (sight.error for sight in sights if sight.error is not None):
                raise error
            self.scratch.knocks.knock(where, number)

    def _tell(self, number: PullNo, sight: Sight) -> None:
        """Count and log what became of one link."""
        url = stranger(sight.url)
        if sight.new and sight.probe is not None:
            self.scratch.counters.add("probes")
            log.info("probed", pull=number, url=url, seen=sight.probe.seen.value, reason=stranger(sight.probe.reason))
        elif sight.probe is None and sight.error is None:
            log.info("no turn at its host came in time, so it was not looked at", pull=number, url=url)
        if sight.doubt:
            log.warning("a link is not called dead: the trouble may be ours", pull=number, url=url, why=sight.doubt, mend=_OURS)


_OURS: Final = "Look at this machine's network. A control is a page that answers whenever it is up: STAMPBOT_EVIDENCE_CONTROL."


@contextmanager
def _one_line(doing: str, **about: object) -> Iterator[None]:
    """Say in one line what went wrong and go on: whatever it was, the next sweep looks again."""
    try:
        yield
    except TookTooLong:
        log.error(f"{doing} took too long and was broken off", **about)
        raise
    except Held:
        log.debug(f"{doing}: somebody is at it already", **about)
    except Lost:
        log.warning(f"{doing}: the lease ran out meanwhile", **about)
    except HubBusy as error:
        log.warning(f"{doing}: DoltHub is busy or away, will look again", **about, error=stranger(error))
    except HubRefused as error:
        log.error(f"{doing}: DoltHub refused", **about, status=error.status, error=stranger(error), mend=_mend(error))
    except HubStrange as error:
        log.error(f"{doing}: DoltHub answered something unexpected", **about, error=stranger(error))
    except redis.RedisError as error:
        log.warning(f"{doing}: Redis does not answer, will look again", **about, error=stranger(error))
    except Exception:
        # Raised on, RQ would try again at once and store the traceback in Redis.
        log.exception(f"{doing} broke", **about)


def _mend(error: HubRefused) -> str:
    if error.status in (401, 403):
        return "Check STAMPBOT_HUB_TOKEN: it must be valid and its account may write to the commons."
    if error.status == 404:
        return "Check STAMPBOT_COMMONS and STAMPBOT_HUB_URL, and that the token may read the commons."
    return "See the answer of DoltHub."


@contextmanager
def _kept(lease: Lease) -> Iterator[None]:
    """Extend the lease from the side while the block runs. Losing it is only logged: rows still cannot double."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(LEASE_KEPT_EVERY_S):
            try:
                lease.extend()
            except Lost:
                log.warning("a lease ran out while work went on", lease=lease.name)
                return
            except redis.RedisError:
                continue

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join(RESTART_S)


def _known(text: object, known: frozenset[Commons]) -> Commons:
    found = next((commons for commons in known if str(commons) == text), None)
    if found is None:
        raise Unlisted("the job names a commons that is not ours")
    return found


def _pull_number(number: object) -> PullNo:
    if type(number) is not int or not 0 < number < 10**10:
        raise Unlisted("the job names no pull")
    return PullNo(number)
