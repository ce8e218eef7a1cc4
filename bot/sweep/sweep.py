"""Which pulls need a look: the poll for comments and heads, and the only road that is needed.

Webhooks only shorten the wait. DoltHub sends none for a comment or a new commit, and may lose those it sends (DoltHub docs,
webhooks), so everything a pull can need is found from here: open pulls, the newest ones whatever their state, pulls that a
landing of ours serves, and pulls behind unfinished completions on main.

Each thing is read as often as a command is likely there (`interval`). What a sweep may spend is what the budget has to spare
for reading comments, which reviews never draw from. Where that is not enough, the places take turns, and of each the one that
was read longest ago comes first. Looks that are owed are written down, and handed to the queues as these have room.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.converge import quarantine
from bot.converge.bot import Site
from bot.model.ids import Database, PullNo
from bot.model.pull import PullState
from bot.store import Listed
from bot.store.poll_state import LIST, fork_thing, pull_thing
from bot.sweep.comments import has_new_comments, note_turned, read_comments
from bot.sweep.heads import has_new_head, read_heads
from bot.sweep.list import is_landing, read_list
from bot.sweep.main import read_main
from bot.sweep.run import Report, SweepRun, unreported
from bot.sweep.schedule import choose, ended_sessions, enqueue_pending

NEWEST = 100
"""Pulls looked at whatever their state: a command may be written on a pull that is merged or closed already."""


def sweep(site: Site, *, everything: bool = False, report: Report = unreported) -> int:
    """Look at what is due, and knock at every pull that may need a look; returns at how many.

    `everything`: all of it is due, whatever it costs. Trouble with one pull is reported, and the sweep goes on. Raises HubError
    and redis.RedisError where the trouble is that of all pulls.
    """
    # Whether it was or not: the first one to notice holds everybody's tongue, and this is done every few seconds.
    site.store.shared.epoch.was_wiped(within_s=site.policy.timing.about_to_s)
    run = SweepRun(site=site, at=site.clock().timestamp(), everything=everything, report=report)
    run.pulses = site.store.poll_states.all()
    site.store.poll_states.drop(ended_sessions(run))
    run.owing = frozenset(debt.pull for debt in site.store.pulls.pending())
    run.left = run.allowance()
    pulls = read_list(run)
    unfinished = read_main(run, pulls)
    _look_round(run, pulls, unfinished)
    site.store.poll_states.put(run.changed)
    return enqueue_pending(site)


def _look_round(run: SweepRun, pulls: Mapping[PullNo, Listed], unfinished: frozenset[PullNo]) -> None:
    """Read what was said below pulls and the heads of forks, as far as they are due, and owe looks where something moved."""
    site = run.site
    newest = set(list(pulls)[:NEWEST])
    watched = [
        p for n, p in pulls.items() if (p.state is PullState.OPEN or n in newest or n in unfinished) and not is_landing(p, site)
    ]
    strays = site.store.pulls.quarantined()
    if LIST in run.changed:
        note_turned(run, watched)
    forks: dict[Database, list[Listed]] = {}
    for pull in watched:
        if pull.state is PullState.OPEN and pull.source is not None:
            forks.setdefault(pull.source.database, []).append(pull)
    chosen = choose(run, watched, forks, unfinished)
    said = [each for each in chosen if not isinstance(each, Database)]
    at_forks = [each for each in chosen if isinstance(each, Database)]
    glances = site.store.pulls.fingerprints((*said, *(p.number for fork in at_forks for p in forks[fork])))
    comments = site.readers.map(lambda number: read_comments(number, site), said)
    heads = site.readers.map(lambda fork: read_heads(fork, site), at_forks)
    for number, found in zip(said, comments, strict=True):
        stray = strays.get(number)
        try:
            moved = (
                quarantine.stirs(stray, found, site)
                if stray is not None
                else has_new_comments(run, pulls[number], glances.get(number), found)
            )
        except Exception as trouble:
            # Words below one pull that break their reader. Where Redis is the trouble, the next line raises it again.
            run.look_closer(number, trouble)
            moved = False
        run.note_check(pull_thing(number), moved=moved)
    for fork, branches in zip(at_forks, heads, strict=True):
        moved = branches is not None and bool(sum(has_new_head(run, p, branches, glances, strays) for p in forks[fork]))
        run.note_check(fork_thing(fork), moved=moved)
