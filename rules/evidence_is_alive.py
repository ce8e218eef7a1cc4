"""The links of the evidence lead to something.

The link checker's fact sheets tell. Something that answers is enough. A link that is dead for the first time is worth a
look; it is a fault once later looks, far enough apart, agree. An address that must not be called is a fault at once. What
the checker could not tell is nobody's fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from bot.rulebook import (
    Level,
    Link,
    Place,
    Probe,
    PullKind,
    Said,
    Seen,
    Snapshot,
    clock,
    day,
    hand_in_again,
    look_again_at,
    quote,
    rule,
)

WHOM = "the link checker"


@rule(Level.FAULT, kinds=(PullKind.WORK,), fades=True)
def check(pull: Snapshot) -> Iterator[Said]:
    for link in pull.links:
        probe = pull.probe(link.url)
        yield from _unseen(pull, link) if probe is None else _seen(pull, link, probe)


def _place(pull: Snapshot) -> Place:
    return Place("completions", pull.handed_in.id if pull.handed_in else "", "evidence")


def _unseen(pull: Snapshot, link: Link) -> Iterator[Said]:
    """Waiting is counted from our first look at this evidence; what a commit says of its own time is a stranger's word."""
    since = pull.first_look_at
    if since is None or pull.taken_at - since <= timedelta(seconds=pull.policy.timing.no_sheet_s):
        yield check.waits(WHOM)
    else:
        yield check.finding(
            _place(pull), f"The link checker has not answered about {quote(link.url)} since {clock(since)}.", level=Level.UNSURE
        )


def _seen(pull: Snapshot, link: Link, probe: Probe) -> Iterator[Said]:
    place, again = _place(pull), hand_in_again(pull.handed_in.wanted_id if pull.handed_in else "")
    url, reason = quote(link.url), quote(probe.reason)
    match probe.seen:
        case Seen.VERIFIED | Seen.REACHABLE:
            pass
        case Seen.SUSPICIOUS:
            yield check.finding(place, f"The link {url} is suspicious: {reason}.", again, level=Level.DOUBT)
        case Seen.UNKNOWN:
            yield check.finding(place, f"What is behind {url} cannot be told: {reason}.", level=Level.UNSURE)
        case Seen.BLOCKED:
            yield check.finding(place, f"The link {url} must not be followed: {reason}.", again)
        case Seen.DEAD:
            misses = probe.misses or (probe.probed_at,)
            answer = str(probe.status) if probe.status is not None else reason
            next_look = look_again_at(misses, pull.policy.timing.confirm_dead_s)
            if next_look is None:
                yield check.finding(place, f"The link {url} answers {answer} at each look since {day(misses[0])}.", again)
            else:
                yield check.finding(
                    place,
                    f"The link {url} answered {answer} at {clock(misses[-1])}, will look again {clock(next_look)}.",
                    again,
                    level=Level.DOUBT,
                )
        case other:
            assert_never(other)
