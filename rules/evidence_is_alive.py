"""The links of the evidence lead to something.

The fact sheets of the link checker and of trusted forges tell. Something that answers is enough; what weakens it is a
doubt. A link that is dead for the first time is worth a look; it is a fault once later looks, far enough apart, agree. An
address that must not be called is a fault at once. A link that the bot could not judge is no fault: the validator opens it.
Each finding names its reason code, and docs/evidence.md has them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import assert_never

from bot.rulebook import (
    Level,
    Link,
    Place,
    Probe,
    PullKind,
    Reason,
    Said,
    Seen,
    Snapshot,
    clock,
    day,
    look_again_at,
    quote,
    reason_of,
    rule,
    submit_again,
)

WHOM = "the link checker"
LONG = timedelta(hours=24)
"""Trouble of a day passes without a word."""


@rule(
    Level.FAULT,
    label="Evidence",
    asks="The link leads to something: a merged pull, a commit on the default branch, a public page",
    kinds=(PullKind.WORK,),
    softens_after_merge=True,
)
def check(pull: Snapshot) -> Iterator[Said]:
    for link in pull.links:
        probe = pull.probe(link.url)
        yield from _unseen(pull, link) if probe is None else _seen(pull, link, probe)


def _place(pull: Snapshot) -> Place:
    return Place("completions", pull.completion.id if pull.completion else "", "evidence")


def _unseen(pull: Snapshot, link: Link) -> Iterator[Said]:
    """Waiting is counted from our first look at this evidence; what a commit says of its own time is a stranger's word."""
    since = pull.first_look_at
    if since is None or pull.taken_at - since <= timedelta(seconds=pull.policy.timing.no_sheet_s):
        yield check.waits(WHOM)
    else:
        yield check.finding(
            _place(pull),
            f"The link checker has not answered about {quote(link.url)} since {clock(since)}: open it yourself.",
            level=Level.UNSURE,
        )


def _seen(pull: Snapshot, link: Link, probe: Probe) -> Iterator[Said]:
    reason, now = reason_of(probe.reason, probe.seen), pull.taken_at
    place, what, remedy = _place(pull), _what(link, probe, reason), _remedy(pull, reason)
    match probe.seen:
        case Seen.VERIFIED | Seen.REACHABLE:
            pass
        case Seen.SUSPICIOUS:
            yield check.finding(place, f"{what}.", remedy, level=Level.DOUBT)
        case Seen.UNKNOWN:
            says = f"{what}, so the bot cannot judge it: open it yourself{_history(probe, now)}."
            yield check.finding(place, says, remedy, level=Level.UNSURE)
        case Seen.BLOCKED:
            yield check.finding(place, f"{what}, so it is not followed.", remedy)
        case Seen.DEAD:
            misses = probe.misses or (probe.probed_at,)
            next_look = look_again_at(misses, pull.policy.timing.confirm_dead_s)
            there = f"; it was there at {_at(probe.good_at, now)}" if probe.good_at is not None else ""
            if next_look is None:
                said = f"answers {probe.status}" if _absent(probe) else "is so"
                yield check.finding(place, f"{what}: it {said} at each look since {day(misses[0])}{there}.", remedy)
            else:
                said = f"answered {probe.status}" if _absent(probe) else "was so"
                looks = f"at {_at(misses[-1], now)}, will look again {_at(next_look, now)}"
                yield check.finding(place, f"{what}: it {said} {looks}{there}.", remedy, level=Level.DOUBT)
        case other:
            assert_never(other)


def _what(link: Link, probe: Probe, reason: Reason) -> str:
    """`The link … leads to a page that is not there (not_found)`: the sentence without its end."""
    turns = len(probe.hops) - 1 if probe.seen is Seen.BLOCKED else 0
    ways = "" if turns < 1 else ", after a redirect" if turns == 1 else f", after {turns} redirects"
    return f"The link {quote(link.url)} {reason.says} ({quote(reason.code)}{ways})"


def _remedy(pull: Snapshot, reason: Reason) -> str:
    again = submit_again(pull.completion.wanted_id if pull.completion else "")
    return f"{reason.remedy}. {again}" if reason.anew else reason.remedy


def _absent(probe: Probe) -> bool:
    """Whether the last answer itself says so; a forge's can be a good one about something around the link."""
    return probe.status in (404, 410)


def _history(probe: Probe, now: datetime) -> str:
    """What went before: since when nothing can be told, if that is long, and when it was there."""
    told = []
    if probe.since is not None and probe.probed_at - probe.since > LONG:
        told.append(f"has been so since {day(probe.since)}")
    if probe.good_at is not None:
        told.append(f"was there at {_at(probe.good_at, now)}")
    return f"; it {' and '.join(told)}" if told else ""


def _at(moment: datetime, now: datetime) -> str:
    """A time of day, with its date unless that is today's."""
    return clock(moment) if moment.astimezone(UTC).date() == now.astimezone(UTC).date() else day(moment)
