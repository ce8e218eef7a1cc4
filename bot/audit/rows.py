"""Reads the rows an audit looks at, all at one commit of main, and what the log tells of how rows came there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.audit.checks import Arrival, Books, audit
from bot.converge import writers
from bot.converge.bot import Site
from bot.converge.reads import columns_at, main_head
from bot.dolthub import diff, sql
from bot.dolthub.connection import PAGES_MAX
from bot.dolthub.errors import HubStrange
from bot.model.finding import AuditFinding, RowName
from bot.model.ids import CommitHash, Commons, is_commit_hash
from bot.model.ledger import INDISPENSABLE, ChangeKind, Changes, Completion, Rig, RigLink, Row, Stamp, Wanted, read_time
from bot.model.policy import RatingStyle

READ = {
    "rigs": ("dolthub_org", "owner_email", "parent_rig"),
    "rig_links": ("rig_a", "rig_b", "status"),
    "wanted": ("status",),
    "completions": ("wanted_id", "completed_by", "validated_by", "stamp_id"),
    "stamps": ("author", "subject", "valence", "context_id", "context_type", "created_at"),
}
"""What an audit needs of each table beside the key: no prose of strangers."""
JUDGED_BY_ARRIVAL = ("completions", "stamps")
KEYS_PER_READ = 100


TABLES = tuple(READ)
SINCE_STEPS = ("history", "changes", "arrivals")
"""What is read beside the tables where an audit looks back."""
Told = Callable[[str, int], None]
"""Hears what is being read, and how many rows of it there are so far."""


class NoSuchPast(Exception):
    """What `--since` names is not on the way to main as it stands; the text says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One audit: of which commit, since which (None: not limited), what was found, and what could not be looked at."""

    commons: Commons
    at: CommitHash
    since: CommitHash | None
    findings: tuple[AuditFinding, ...]
    unread: tuple[str, ...] = ()


def _in_silence(_what: str, _rows: int) -> None:
    """Nobody wants to know."""


def audit_commons(site: Site, *, since: CommitHash | datetime | None = None, told: Told = _in_silence) -> Audited:
    """Audit main as it stands now. With `since`, only what concerns rows that changed since, and how new rows came there.

    Reads only. A time means the last commit main stood at by then. Raises HubError, and NoSuchPast where `since` is not on
    the way to main.
    """
    hub, words = site.hub, site.policy.rating is RatingStyle.WORDS
    at = main_head(site)
    books, unread = read_books(site, at, told)
    if since is None:
        return Audited(commons=site.commons, at=at, since=None, findings=audit(books, words=words), unread=unread)
    told("history", 0)
    start = _start(site, at, since)
    told("changes", 0)
    changes = diff.read_changes(hub, site.commons, start, at, pool=site.readers)
    told("arrivals", len(changes.rows))
    arrivals, untold = read_arrivals(writers.Main(hub=hub, commons=site.commons, head=at), start, changes)
    findings = audit(books, arrivals=arrivals, touched=_touched(changes, books), words=words)
    return Audited(commons=site.commons, at=at, since=start, findings=findings, unread=(*unread, *untold))


def read_books(site: Site, at: CommitHash, told: Told = _in_silence) -> tuple[Books, tuple[str, ...]]:
    """The rows at a commit, and sentences about what this commons has no table or column for. Raises HubError."""
    there = columns_at(site, at)
    lacking = [
        f"{table} has no column {column}" for table, columns in INDISPENSABLE.items() for column in columns
        if column not in there.get(table, ())
    ]  # fmt: skip

    def rows(table: str) -> tuple[Row, ...]:
        query = sql.all_rows(table, READ[table], there.get(table, ()))
        return tuple(_paged(site, at, query, lambda count: told(table, count))) if query.fits(there) else ()

    books = Books(
        rigs=tuple(map(Rig, rows("rigs"))),
        links=tuple(map(RigLink, rows("rig_links"))),
        items=tuple(map(Wanted, rows("wanted"))),
        completions=tuple(map(Completion, rows("completions"))),
        stamps=tuple(map(Stamp, rows("stamps"))),
    )
    return books, tuple(lacking)


def _paged(site: Site, at: CommitHash, query: sql.Query, told: Callable[[int], None]) -> list[Row]:
    """All rows of a query, told page by page: a commons of years takes a while."""
    found: list[Row] = []
    told(0)
    for page in range(PAGES_MAX):
        rows = site.hub.rows_page(site.commons, at, query, page)
        found += rows
        told(len(found))
        if len(rows) < query.per_page:
            return found
    raise HubStrange(f"more than {PAGES_MAX * query.per_page} rows in one table of {site.commons}")


def read_arrivals(main: writers.Main, since: CommitHash, changes: Changes) -> tuple[tuple[Arrival, ...], tuple[str, ...]]:
    """By which commits rows came that were added since, and sentences about those of which the log tells nothing."""
    added = {table: [change.key for change in changes.of(table, ChangeKind.ADDED)] for table in JUDGED_BY_ARRIVAL}
    untold = [f"{count} changed rows of {table} are too many to read" for table, count in changes.unread]
    untold += [f"what changed in {table or 'the tables'} cannot be told: {why}" for table, why in changes.untold]
    if not any(added.values()):
        return (), tuple(untold)
    log = {row.text("commit_hash"): row for row in main.rows(sql.commits_since(since, main.head))}
    line = tuple(writers.own_steps(log, main.head))
    straight = {step.commit for step in line if log[step.commit].get("merged_hash") is None}
    found: list[Arrival] = []
    for table, keys in added.items():
        came = [
            (row.text("row_key"), row.text("commit_hash"))
            for row in _arrival_rows(main, table, keys)
            if (commit := log.get(row.text("commit_hash"))) is not None and writers.is_believed(row, commit.get("parent_hash"))
        ]
        told = {key for key, _ in came}
        for first in range(0, len(keys), KEYS_PER_READ):
            untraced = [key for key in keys[first : first + KEYS_PER_READ] if key not in told]
            steps = writers.steps_that_wrote(main, table, untraced, line, added=True)
            came += [(key, step.commit) for key, step in steps.items()]
            told |= steps.keys()
        for key, named in came:
            message, is_straight = log[named].text("message"), named in straight
            found.append(Arrival(table=table, key=key, commit=CommitHash(named), message=message, straight=is_straight))
        if missing := len(set(keys) - told):
            untold.append(f"the log does not tell by which commit {missing} new rows of {table} came")
    return tuple(found), tuple(untold)


def _arrival_rows(main: writers.Main, table: str, keys: list[str]) -> Iterator[Row]:
    for first in range(0, len(keys), KEYS_PER_READ):
        yield from main.rows(sql.arrivals(table, keys[first : first + KEYS_PER_READ]))


def _touched(changes: Changes, books: Books) -> frozenset[RowName]:
    """The rows that changed; all rows of a table where the changes were too many to read."""
    rows: set[RowName] = {(change.table, change.key) for change in changes.rows}
    unread = {table for table, _ in (*changes.unread, *changes.untold)} | set(changes.schema)
    every: Iterable[tuple[str, tuple[Stamp, ...] | tuple[Completion, ...] | tuple[Wanted, ...]]] = (
        ("stamps", books.stamps),
        ("completions", books.completions),
        ("wanted", books.items),
    )
    rows |= {(table, row.id) for table, found in every if table in unread for row in found}
    return frozenset(rows)


def _start(site: Site, at: CommitHash, since: CommitHash | datetime) -> CommitHash:
    """The commit from which on is looked: the one named, if main holds it, or the last of main's own by that time."""
    if not isinstance(since, datetime):
        rows = site.hub.rows(site.commons, at, sql.on_log([since], at))
        if not rows:
            raise NoSuchPast(f"main of {site.commons} does not hold commit {since}")
        return since
    query = sql.first_parents(at)
    known: dict[str, Row] = {}
    commit: str = at
    for page in range(diff.ANCESTOR_PAGES_MAX):
        rows = site.hub.rows_page(site.commons, at, query, page)
        known |= {row.text("commit_hash"): row for row in rows}
        while commit in known:
            made_at, parent = read_time(known[commit].get("made_at")), known[commit].text("parent_hash")
            if (made_at is not None and made_at <= since) or not is_commit_hash(parent):
                # Main began later than that: its first commit holds no row of a commons yet.
                return CommitHash(commit)
            commit = parent
        if len(rows) < query.per_page:
            break
    raise HubStrange(f"the history of {site.commons} cannot be followed back to {since.isoformat()}")
