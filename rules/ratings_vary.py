"""Stamps for this worker differ from one another.

Five stamps and more of one author for one rig, all with the same ratings, or all but certain (gastown
internal/wasteland/spider.go, rubber stamp and confidence): good work looks like that, and so does a habit. A hint to a
reader, never a verdict. wl writes a confidence of 1 into every stamp, so confidence tells something only where others chose
theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule

STAMPS_MIN = 5
"""Fewer stamps of one author for one rig tell nothing."""
CONFIDENCE_MIN = 0.95
"""Mean from which an author is all but certain."""


@rule(
    Level.NOTE,
    label="Ratings",
    asks="Stamps of one author for this worker differ from one another",
    kinds=(PullKind.WORK,),
    formerly="ratings_tell_work_apart",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    tallies = pull.surroundings.tallies
    chosen = any(tally.confidence not in (None, 1.0) for tally in tallies)
    for tally in tallies:
        if tally.subject != pull.worker or tally.stamps < STAMPS_MIN:
            continue
        alike, mean = tally.valences == 1, tally.confidence
        certain = f"a mean confidence of {mean:.2f}" if chosen and mean is not None and mean >= CONFIDENCE_MIN else ""
        told = " and ".join(part for part in ("the same ratings" if alike else "", certain) if part)
        if told:
            yield check.finding(
                Place("rigs", tally.author),
                f"The {tally.stamps} stamps by {quote(tally.author)} for {quote(tally.subject)} have {told}.",
            )
