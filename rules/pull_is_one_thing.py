"""The pull is one thing that the bot can take to main.

Work, a claim, a registration, a post, an edit or a link: one of them. What mixes several, brings nothing, settles or
removes rows by itself, comes by the hundreds or touches anything else is for a maintainer, by hand. Such a pull is told with
what it is, who sends it, and in whose name. A chain is known by an id of `wl-` and 16 hex digits and by a branch
`register-wasteland/<owner>/<database>` (gastownhall/marketplace, SKILL.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from bot.rulebook import ChangeKind, Finding, Form, Level, Place, PullKind, Snapshot, quote, rule, writer

_BY_HAND = "A maintainer merges it by hand on DoltHub, or closes it"
_DECIDE_HERE = "A maintainer merges it by hand on DoltHub; or close it, and decide by a comment on the pull with the work"
_CHAIN = re.compile(r"wl-[0-9a-f]{16}")
_CHAIN_BRANCH = re.compile(r"register-wasteland/(?P<database>[^/]+/[^/]+)")
_NAMED_MAX = 3


@rule(
    Level.FAULT,
    label="Scope",
    asks="The pull is one of the things that the bot can merge",
    kinds=(PullKind.MIXED, PullKind.FOREIGN, PullKind.EMPTY, PullKind.BACKFILL, PullKind.ADMIN),
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    what, tables, sender = pull.form.value, ", ".join(quote(name) for name in pull.changes.tables[:9]), quote(writer(pull))
    match pull.kind:
        case PullKind.MIXED:
            yield check.finding(Place(), f"This pull is {what} ({tables}).", "Split it: one branch and one pull for each")
        case PullKind.FOREIGN:
            yield check.finding(Place(), f"This pull is {what} ({tables}), from {sender}: for maintainers only.", _BY_HAND)
        # Where it cannot be told what changes, another check says so.
        case PullKind.EMPTY if pull.head is not None and not pull.changes.untold:
            yield check.finding(Place(), "The pull changes nothing.", "Push the work to the branch, or close this pull")
        case PullKind.BACKFILL:
            yield check.finding(Place(), f"This pull is {what}, from {sender}: {_counts(pull)}.", _BY_HAND)
        case PullKind.ADMIN if pull.by_hand:
            yield from _chain(pull) if pull.form is Form.CHAIN else ()
        case PullKind.ADMIN:
            yield check.finding(
                Place(),
                f"This pull is {what}{_signed(pull)} ({tables}), from {sender}: for maintainers only.",
                _DECIDE_HERE if pull.form in (Form.ACCEPTANCE, Form.SETTLEMENT) else _BY_HAND,
            )
            if pull.form is Form.CHAIN:
                yield from _chain(pull)
        case _:
            pass


def _signed(pull: Snapshot) -> str:
    """In whose name the decisions are: authors of stamps, else who validates."""
    stamps = pull.changes.of("stamps")
    named = [c.new("author") for c in stamps] or [
        c.new("validated_by") for c in pull.changes.of("completions") if "validated_by" in c.changed
    ]
    return f" in the name of {_some(named)}" if any(named) else ""


def _counts(pull: Snapshot) -> str:
    """Rows by table, who stamps, and how much of the work names who validated it."""
    counts = Counter(change.table for change in pull.changes.rows)
    unread = dict(pull.changes.unread)
    parts = []
    for table in pull.changes.tables:
        if counts[table]:
            parts.append(f"{_rows(counts[table])} of {quote(table)}")
        if table in unread:
            parts.append(f"{_rows(unread[table])} of {quote(table)} that were too many to read")
    told = ", ".join(parts)
    work = [change for change in pull.changes.of("completions") if change.kind is not ChangeKind.REMOVED]
    if work:
        validated = sum(1 for change in work if change.new("validated_by"))
        told += f"; {validated} of {len(work)} completions name a validator"
    authors = [change.new("author") for change in pull.changes.of("stamps")]
    return told + (f"; stamps are by {_some(authors)}" if any(authors) else "")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _some(names: Iterable[str | None]) -> str:
    told = list(dict.fromkeys(name for name in names if name))
    more = f" and {len(told) - _NAMED_MAX} more" if len(told) > _NAMED_MAX else ""
    return ", ".join(quote(name) for name in told[:_NAMED_MAX]) + more


def _chain(pull: Snapshot) -> Iterator[Finding]:
    """A wasteland that is registered as such: its id, its branch, and that both speak of one database."""
    branch = _CHAIN_BRANCH.fullmatch(pull.pull.source.branch)
    if branch is None:
        yield check.finding(
            Place("pulls", str(pull.pull.number), "branch"),
            f"Chains come from branches `register-wasteland/<owner>/<database>`, this one from"
            f" {quote(pull.pull.source.branch)}.",
            level=Level.NOTE,
        )
    for change in pull.changes.of("chain_meta"):
        if change.kind is ChangeKind.ADDED and not _CHAIN.fullmatch(change.key):
            yield check.finding(
                Place("chain_meta", change.key, "chain_id"),
                f"The chain_id {quote(change.key)} is not `wl-` and 16 hex digits.",
                "Register with the chain_id that the tool has made",
                level=Level.DOUBT,
            )
        named = change.new("dolt_database")
        if branch is not None and named and named != branch["database"]:
            yield check.finding(
                Place("chain_meta", change.key, "dolt_database"),
                f"The chain is of database {quote(named)}, and its branch names {quote(branch['database'])}.",
                "Name the same database in both",
                level=Level.DOUBT,
            )
