"""What each kind of job does. A job only says where to look, and what it does is safe to repeat.

A failed job is not tried again: the clock is the retry.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import redis
import structlog

from bot.audit.incremental import audit_if_due
from bot.converge import quarantine
from bot.converge.bot import Bot, Site
from bot.converge.converge import converge
from bot.dolthub.budget.rate_limiter import Urgency, working_at
from bot.dolthub.errors import HubBusy, HubError, HubGone, HubRefused, HubStrange, HubUnsettled
from bot.log import stranger
from bot.messages.notices import CRASH
from bot.model.ids import Commons, PullNo, digest
from bot.queue.enqueue import RUN, RUN_SWEEP, JobQueue
from bot.queue.job_filter import Unlisted, known_commons, pull_number
from bot.queue.threads import BROKEN_FIX, REDIS_FIX, RESTART_S, Function, TookTooLong
from bot.store import DECIDE, LOOKS, RECHECK, REVIEW, Held, Lease, Lost, Pending, Store, Trouble
from bot.store.pulls import STUCK_AFTER, TRIES_MAX
from bot.sweep.sweep import sweep
from bot.worker.reporter import Reporter

LEASE_KEPT_EVERY_S: Final = 10.0

URGENCIES: Final = {DECIDE: Urgency.DECIDE, REVIEW: Urgency.REVIEW, RECHECK: Urgency.RECHECK}
"""What each queue of looks draws from the budget as."""

log = structlog.get_logger("stampbot.worker")


def look(site: Site, number: PullNo, reporter: Reporter, extend: Callable[[], None] = lambda: None) -> None:
    """Converge one pull and log what was done. Raises HubError and redis.RedisError."""
    reporter.looked(site, converge(number, site, extend=extend))


def sweep_and_audit(site: Site, reporter: Reporter) -> int:
    """Sweep a commons, then audit main if that is due. Returns how many jobs the sweep made. Raises HubError and
    redis.RedisError.

    The sweep is what is needed: trouble with the audit is logged and not raised.
    """
    enqueued = sweep(site, report=lambda number, trouble: reporter.pull_failed(site, number, trouble))
    site.store.contacts.note_read(site.account)
    reporter.wiped(site)
    try:
        gains = audit_if_due(site)
    except HubError as error:
        reporter.audit_failed(site, error)
        return enqueued
    if gains is not None:
        reporter.audited(site, gains)
    return enqueued


@dataclass(frozen=True, slots=True, kw_only=True)
class PullJobs:
    """What the worker does. `look` converges one pull and extends its lease as it goes; `sweep` knocks where it is needed.

    `tell` says below a pull that it is left alone: it broke whoever looked at it. `tell_stuck` says there why its looks fail.
    """

    known: frozenset[Commons]
    store: Store
    jobs: JobQueue
    look: Callable[[Commons, PullNo, Callable[[], None]], object]
    sweep: Callable[[Commons], int]
    tell: Callable[[Commons, PullNo], object] = lambda _commons, _pull: None
    tell_stuck: Callable[[Commons, PullNo, Pending], bool] = lambda _commons, _pull, _debt: False

    @classmethod
    def of(cls, bot: Bot) -> PullJobs:
        """The jobs of a bot on all its commons."""
        reporter = Reporter()
        return cls(
            known=frozenset(bot.hubs),
            store=bot.store,
            jobs=bot.jobs,
            look=lambda commons, number, extend: look(bot.at(commons), number, reporter, extend),
            sweep=lambda commons: sweep_and_audit(bot.at(commons), reporter),
            tell=lambda commons, number: quarantine.tell(number, bot.at(commons)),
            tell_stuck=lambda commons, number, pending: quarantine.tell_stuck(number, pending, bot.at(commons)),
        )

    def functions(self) -> Mapping[str, Function]:
        """Job functions by name."""
        return {RUN: self.run, RUN_SWEEP: self.run_sweep}

    def run(self, commons: str, pull: int, queue: str, hint: str) -> None:
        """Look at one pull and do what is due."""
        self.jobs.begin(hint)
        where, number = known_commons(commons, self.known), pull_number(pull)
        if queue not in LOOKS:
            raise Unlisted("the job names a queue no pull is looked at from")
        with (
            _one_line("look", self.store, where, pull=number),
            self.store.at(where).at_work(number, queue=queue) as lease,
            _kept(lease),
            working_at(URGENCIES[queue]),
        ):
            if number in self.store.at(where).pulls.quarantined():
                log.debug("a pull in quarantine is left alone", commons=str(where), pull=number)
                return
            if self.store.at(where).pulls.begin(number) > TRIES_MAX:
                self._leave_alone(where, number)
                return
            with self._counted(where, number, queue):
                self.look(where, number, lease.extend)
            self.store.counters.add("looks")

    @contextmanager
    def _counted(self, commons: Commons, pull: PullNo, queue: str) -> Iterator[None]:
        """A look that was begun has ended in good order, unless it broke; one that failed is not tried again at once."""
        owed = self.store.at(commons).pulls
        try:
            yield
        except Held:
            # Another pull of the commons lands: nothing failed, and the turn of this one may come any moment.
            owed.ended(pull)
            owed.add_pending(pull, queue)
            raise
        except HubGone as gone:
            owed.ended(pull)
            if self.store.at(commons).pulls.is_listed(pull):
                self._postpone(commons, pull, queue, gone)
                raise
            # Anybody can ring for a pull that is not there. One that is, but is not shown yet, is found by the sweep.
            owed.drop_pending(pull)
            log.info("there is no such pull", commons=str(commons), pull=pull, error=stranger(gone))
        except (HubError, redis.RedisError, Lost) as error:
            owed.ended(pull)
            if not self.store.at(commons).notes.is_parked(pull):
                self._postpone(commons, pull, queue, error)
            raise
        except BaseException as error:
            self._postpone(commons, pull, queue, error)
            raise
        owed.ended(pull)
        owed.went_well(pull)

    def _postpone(self, commons: Commons, pull: PullNo, queue: str, error: BaseException) -> None:
        """A look failed: it is tried again later. Where it fails again and again for one reason, that is told once."""
        # What ends the process is no trouble of a look.
        trouble = trouble_of(error) if isinstance(error, Exception) else None
        debt = self.store.at(commons).pulls.retry_later(pull, queue, trouble)
        if debt is None or debt.trouble is None or not debt.is_stuck or debt.told:
            return
        if debt.alike == STUCK_AFTER and not debt.trouble.common:
            self.store.counters.add("stuck")
        if debt.trouble.passing and debt.queue != DECIDE:
            return
        try:
            if self.tell_stuck(commons, pull, debt):
                self.store.at(commons).pulls.note_told(debt)
        except Exception as also:
            # The look's own trouble is what is logged; with it, comments often cannot be written either.
            log.debug("a stuck look could not be told below its pull", pull=pull, error=stranger(also))

    def _leave_alone(self, commons: Commons, pull: PullNo) -> None:
        """Nobody looks at a pull any more that broke so many looks in a row, until it changes or somebody asks for it."""
        why = f"{TRIES_MAX} looks in a row broke off; the last log lines about this pull tell where"
        self.store.at(commons).pulls.quarantine(pull, why)
        self.store.counters.add("quarantines")
        log.error(
            "a pull is left alone, it breaks whoever looks at it",
            commons=str(commons),
            pull=pull,
            fix=f"See the errors before this one. To try it again: stampbot converge '{commons}#{pull}'",
        )
        self.tell(commons, pull)

    def run_sweep(self, commons: str, hint: str) -> None:
        """Find the pulls of a commons that need a look, and knock at them."""
        self.jobs.begin(hint)
        where = known_commons(commons, self.known)
        with (
            _one_line("sweep", self.store, where),
            self.store.at(where).sweeping() as lease,
            _kept(lease),
            working_at(Urgency.LISTEN),
        ):
            knocked = self.sweep(where)
            self.store.counters.add("sweeps")
            log.debug("swept", commons=str(where), knocked=knocked)


DOLTHUB: Final = "DoltHub"
CREDENTIALS: Final = "the token"
REDIS: Final = "Redis"
SWEEPS: Final = "sweeps"
"""What does not work in an outage."""

_VARIES = re.compile(r"[0-9a-v]{32}|[0-9]+")
"""What may differ in two messages of one trouble: hashes, numbers, times."""


def trouble_of(error: BaseException) -> Trouble:
    """Why a look failed, and whether that may pass by itself or meets all pulls alike."""
    name, says = type(error).__name__, str(error)
    if isinstance(error, HubError | redis.RedisError | Lost):
        refused_token = isinstance(error, HubRefused) and error.status == 401
        noise = isinstance(error, HubStrange) and error.unreadable
        away = (isinstance(error, HubBusy) and not isinstance(error, HubUnsettled)) or isinstance(error, redis.RedisError)
        gone = isinstance(error, HubGone) and error.passing
        common = refused_token or noise or away
        passing = common or gone or isinstance(error, HubUnsettled | Lost)
        # Two time-outs at two questions are one trouble.
        reason = digest("trouble/1", "passing" if passing else name, "" if passing else _VARIES.sub("#", says))[:16]
        return Trouble(reason=reason, says=says or name, passing=passing, common=common)
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    line = f"{where.tb_frame.f_code.co_filename}:{where.tb_frame.f_code.co_name}" if where is not None else ""
    says = "the look took too long" if isinstance(error, TookTooLong) else f"an error inside the bot ({name})"
    return Trouble(reason=f"{CRASH}{digest('crash/1', name, line)[:16]}", says=says)


_SLOW_FIX: Final = "Nothing: it is begun again, and no row is written twice. If it goes on, look at the load of this machine."
_AWAY_FIX: Final = "Nothing: it is looked at again. If it lasts, look at this machine's network and at the status of DoltHub."
_STRANGE_FIX: Final = "Read the error; the pull is looked at again. If it lasts: stampbot conformance --read-only OWNER/DB"


@contextmanager
def _one_line(doing: str, store: Store, commons: Commons, **more: object) -> Iterator[None]:
    """Log in one line what went wrong and go on: whatever it was, the next sweep looks again.

    Trouble that meets all pulls alike is one line for all of them, when it begins, and one when it is over.
    """
    about: dict[str, object] = {"commons": str(commons), **more}

    def loud(of: str, error: Exception) -> bool:
        return doing == "probe" or store.at(commons).outages.met(of, str(error) or type(error).__name__)

    try:
        yield
    except TookTooLong:
        log.error(f"{doing} took too long and was broken off", **about, fix=_SLOW_FIX)
        raise
    except Held:
        log.debug(f"{doing}: somebody is at it already", **about)
    except Lost:
        log.warning(f"{doing}: the lease ran out meanwhile", **about, fix=_SLOW_FIX)
    except HubUnsettled as error:
        log.warning(f"{doing}: DoltHub is busy or away, will look again", **about, error=stranger(error), fix=_AWAY_FIX)
    except HubBusy as error:
        say = log.warning if loud(DOLTHUB, error) else log.debug
        say(f"{doing}: DoltHub is busy or away, will look again", **about, error=stranger(error), fix=_AWAY_FIX)
    except HubRefused as error:
        of = CREDENTIALS if error.status == 401 else SWEEPS if doing == "sweep" else ""
        say = log.error if not of or loud(of, error) else log.debug
        say(f"{doing}: DoltHub refused", **about, status=error.status, error=stranger(error), fix=_fix(error))
    except HubStrange as error:
        of = DOLTHUB if error.unreadable else SWEEPS if doing == "sweep" else ""
        say = log.error if not of or loud(of, error) else log.debug
        say(f"{doing}: DoltHub answered something unexpected", **about, error=stranger(error), fix=_STRANGE_FIX)
    except redis.RedisError as error:
        say = log.warning if loud(REDIS, error) else log.debug
        say(f"{doing}: Redis does not answer, will look again", **about, error=stranger(error), fix=REDIS_FIX)
    except Exception as error:
        if doing == "sweep":
            loud(SWEEPS, error)
        # Raised on, RQ would try again at once and store the traceback in Redis.
        log.exception(f"{doing} broke", **about, fix=BROKEN_FIX)
    else:
        for each in store.at(commons).outages.over() if doing != "probe" else ():
            log.info("it works again", commons=str(commons), what=each.of, since=each.since.isoformat(), failed=each.failed)


def _fix(error: HubRefused) -> str:
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
                log.warning("a lease ran out while work went on", lease=lease.name, fix=_SLOW_FIX)
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
