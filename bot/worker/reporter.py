"""What the worker's jobs write to the log about what they did and found."""

from __future__ import annotations

from typing import Final

import structlog

from bot.audit.incremental import Gains
from bot.converge.bot import Site
from bot.converge.converge import Report
from bot.converge.perform import WIPED
from bot.dolthub.errors import HubError
from bot.log import stranger
from bot.model.finding import Level
from bot.model.ids import PullNo
from bot.model.step import step_line

REPORTED_MAX: Final = 1000
"""Things that are logged once in the life of a process, at most: strangers may choose what they are."""
FINDINGS_LOGGED_MAX: Final = 20
"""New findings of an audit that are logged one by one."""

log = structlog.get_logger("stampbot.worker")
audit_log = structlog.get_logger("stampbot.audit")


class Reporter:
    """Logs the results of jobs. One object a process: it remembers what it has logged, and logs what lasts only once."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, ...]] = set()

    def looked(self, site: Site, report: Report) -> None:
        """Log what one look at a pull did, and what hinders all looks."""
        commons, number = site.commons, report.snapshot.pull.number
        if not report.snapshot.comments_readable and self._is_new("unreadable", str(commons)):
            fix = f"Decide with: stampbot decide '{commons}#{number}' '/accept --quality 4'"
            log.warning("comments cannot be read on this host: it has no API v2", commons=str(commons), fix=fix)
        for crash in report.judgement.crashes:
            # A rule may break on each pull: one line for each way in which it breaks.
            if self._is_new("crash", crash.rule, crash.error):
                fix = f"Fix it; until then the pull cannot be accepted. See: stampbot explain '{commons}#{number}' --json"
                error = stranger(crash.error)
                log.error(
                    "a check broke while it ran", commons=str(commons), pull=number, rule=crash.rule, error=error, fix=fix
                )
        untold = report.snapshot.changes.untold if report.snapshot.merge is not None else ()
        if untold and self._is_new("incident", str(commons), str(number), str(report.snapshot.main_head)):
            site.store.shared.counters.add("incidents")
            what = "; ".join(f"{table or 'all tables'}: {why}" for table, why in untold)
            fix = f"Compare main before and after that merge by hand. See: stampbot explain '{commons}#{number}' --json"
            log.error(
                "what a merge brought to main cannot be told", commons=str(commons), pull=number, what=stranger(what), fix=fix
            )
        for step in report.steps_done:
            log.info("done", commons=str(commons), pull=number, step=stranger(step_line(step)))
        self.wiped(site)
        if report.stopped == WIPED:
            log.debug("stopped", commons=str(commons), pull=number, why=WIPED)
        elif report.stopped:
            log.info("stopped", commons=str(commons), pull=number, why=stranger(report.stopped))

    def wiped(self, site: Site) -> None:
        """Log that Redis was wiped, once for each wipe: it concerns every pull."""
        if site.store.shared.epoch.is_new_wipe():
            log.warning(
                "Redis was wiped: for a while nothing is said or decided, for what was just said may not be listed yet",
                quiet_s=site.policy.timing.about_to_s,
                fix="Nothing: all is found again by itself. If nobody wiped it, look at why Redis began anew.",
            )

    def pull_failed(self, site: Site, number: PullNo, trouble: Exception) -> None:
        """Log trouble that a sweep has with one pull, once for each reason: a sweep comes to it again and again."""
        error = stranger(f"{type(trouble).__name__}: {trouble}")
        if self._is_new("pull", str(site.commons), str(number), error):
            about = {"commons": str(site.commons), "pull": number, "error": error}
            fix = f"See: stampbot explain '{site.commons}#{number}'"
            log.warning("sweep: trouble with one pull; the sweep goes on", **about, fix=fix)

    def audited(self, site: Site, gains: Gains) -> None:
        """Log the findings that the audit before did not have; of notes only how many there are."""
        grave = [each for each in gains.new if each.level is not Level.NOTE]
        for each in grave[:FINDINGS_LOGGED_MAX]:
            audit_log.warning(
                "found on main",
                commons=str(site.commons),
                check=each.check,
                level=each.level.value,
                place=stranger(each.place),
                says=stranger(each.says),
                fix=f"See all of them: stampbot audit {site.commons}",
            )
        counts = {level.value: gains.audit.count(level) for level in (Level.FAULT, Level.DOUBT, Level.NOTE)}
        audit_log.info("audited", commons=str(site.commons), at=gains.audit.at, new=len(grave), **counts)

    def audit_failed(self, site: Site, trouble: HubError) -> None:
        """Log that main could not be audited."""
        error = stranger(trouble)
        fix = "Nothing: it is tried again after the next sweep."
        audit_log.warning("main could not be audited; it is tried again later", commons=str(site.commons), error=error, fix=fix)

    def _is_new(self, *what: str) -> bool:
        """Whether this was not logged yet; False as well where too much was."""
        if what in self._reported or len(self._reported) >= REPORTED_MAX:
            return False
        self._reported.add(what)
        return True
