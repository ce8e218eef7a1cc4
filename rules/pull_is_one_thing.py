"""The pull is one thing that the bot can take to main.

Work, a claim, a registration, a post, an edit or a link: one of them. What mixes several, brings nothing, settles or
removes rows by itself, comes by the hundreds or touches anything else is for a maintainer, by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule

_BY_HAND = "A maintainer merges it by hand on DoltHub, or closes it"


@rule(
    Level.FAULT,
    kinds=(PullKind.MIXED, PullKind.FOREIGN, PullKind.EMPTY, PullKind.BACKFILL, PullKind.ADMIN),
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    tables = ", ".join(quote(name) for name in pull.changes.tables[:9])
    match pull.kind:
        case PullKind.MIXED:
            yield check.finding(
                Place(), f"The pull mixes several things ({tables}).", "Split it: one branch and one pull for each"
            )
        case PullKind.FOREIGN:
            yield check.finding(Place(), f"The pull changes more than ordinary rows ({tables}).", _BY_HAND)
        case PullKind.EMPTY if pull.head is not None:
            yield check.finding(Place(), "The pull changes nothing.", "Push the work to the branch, or close this pull")
        case PullKind.BACKFILL:
            count = len(pull.changes.rows) + sum(rows for _, rows in pull.changes.unread)
            yield check.finding(Place(), f"The pull brings {count} rows at once ({tables}).", _BY_HAND)
        case PullKind.ADMIN:
            yield check.finding(Place(), f"The pull carries decisions of its own ({tables}).", _BY_HAND)
        case _:
            pass
