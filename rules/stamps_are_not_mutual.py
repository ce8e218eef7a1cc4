"""Stamps go around, and not only back and forth.

Two rigs that stamp each other are common in small towns, and worth knowing for who judges the next work: three stamps and
more each way, with half of what one of the two ever stamped (gastown internal/wasteland/spider.go, collusion). A hint to a
reader, never a verdict. Rigs about whom there are too many stamps to be read are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bot.rulebook import Finding, Handle, Level, Place, PullKind, Snapshot, quote, rule

EACH_WAY_MIN = 3
"""Stamps in either direction."""
SHARE_MIN = 0.5
"""Part of all stamps by one of the two that go to the other."""
READ_MAX = 100
"""Tallies that are read, in order of their authors: where there are so many, those of the last author may be cut off."""


@rule(
    Level.NOTE,
    label="Mutual stamps",
    asks="Worker and validator do not only stamp each other",
    kinds=(PullKind.WORK,),
    formerly="praise_is_not_exchanged",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    worker, tallies = pull.worker, pull.surroundings.tallies
    if worker is None:
        return
    cut = tallies[-1].author if len(tallies) >= READ_MAX else None
    given: Counter[tuple[Handle, Handle]] = Counter()
    total: Counter[Handle] = Counter()
    for tally in tallies:
        if tally.author not in (cut, tally.subject):
            given[tally.author, tally.subject] += tally.stamps
            total[tally.author] += tally.stamps
    for (author, other), there in given.items():
        back = given[other, author]
        if author != worker or min(there, back) < EACH_WAY_MIN:
            continue
        share, most = max((there / total[worker], worker), (back / total[other], other))
        if share >= SHARE_MIN:
            yield check.finding(
                Place("rigs", other),
                f"Rigs {quote(worker)} and {quote(other)} have stamped each other, {there} and {back} times:"
                f" {share:.0%} of the stamps by {quote(most)}.",
            )
