"""Pulls to show rules on: a sane one of each kind, and how to break one thing of it.

Rows as DoltHub answers them, every cell text or NULL. For `stampbot rules --explain`, and for tables of tests of rules that
live in packages of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.model.evidence import Probe, Seen
from bot.model.ids import CommitHash, Commons, Database, PullNo, User
from bot.model.kind import PullKind
from bot.model.ledger import PRIMARY_KEYS, ChangeKind, Changes, Rig, Row, RowChange, Wanted
from bot.model.policy import Policy
from bot.model.pull import BranchRef, Pull, PullState
from bot.model.snapshot import Present, Snapshot

Cells = Mapping[str, str | None]

COMMONS = Commons("hop", "wl-commons")
NOW = datetime(2026, 6, 14, 14, 2, tzinfo=UTC)
ITEM, COMPLETION = "w-42", "c-42"
WORKER, POSTER = "kestrel-1", "ana-town"
EVIDENCE = "https://github.com/hop/relay/pull/7"

_ROWS: Mapping[str, Cells] = {
    "rigs": {
        "handle": "heron-1", "display_name": "Heron 1", "dolthub_org": "noa", "owner_email": None, "hop_uri": None,
        "gt_version": "0.9.2", "trust_level": "1", "rig_type": "human", "parent_rig": None,
        "registered_at": "2026-06-14 13:30:00", "last_seen": "2026-06-14 13:30:00",
    },
    "wanted": {
        "id": ITEM, "title": "Mend the relay", "description": "It drops every tenth message.", "project": "relay",
        "type": "bug", "priority": "2", "tags": '["go"]', "posted_by": POSTER, "claimed_by": None, "status": "open",
        "effort_level": "medium", "evidence_url": None, "sandbox_required": "0", "sandbox_scope": None,
        "sandbox_min_tier": None, "created_at": "2026-06-01 08:00:00", "updated_at": "2026-06-01 08:00:00",
    },
    "completions": {
        "id": COMPLETION, "wanted_id": ITEM, "completed_by": WORKER, "evidence": EVIDENCE, "validated_by": None,
        "stamp_id": None, "completed_at": "2026-06-14 13:40:00", "validated_at": None,
    },
    "stamps": {
        "id": "s-42", "author": POSTER, "subject": WORKER, "valence": '{"quality": 4, "reliability": 4}', "confidence": "1",
        "severity": "leaf", "context_id": COMPLETION, "context_type": "completion", "created_at": "2026-06-14 13:50:00",
    },
    "rig_links": {
        "id": "l-42", "rig_a": WORKER, "rig_b": "kestrel-9", "link_type": "same_owner", "assertion_a": "mine",
        "assertion_b": None, "status": "pending", "created_at": "2026-06-14 13:50:00", "completed_at": None,
        "revoked_at": None, "revoked_by": None,
    },
}  # fmt: skip
"""Columns and forms of wl `schema/commons.sql`, schema 1.2."""
_CLAIMED: Cells = {"status": "claimed", "claimed_by": WORKER, "updated_at": "2026-06-14 12:30:00"}
_DONE: Cells = {**_CLAIMED, "status": "in_review", "evidence_url": EVIDENCE, "updated_at": "2026-06-14 13:40:00"}


def row(table: str, **cells: str | None) -> Row:
    """A sane row of rigs, wanted, completions, stamps or rig_links, with these cells; of another table just these."""
    return Row.of({**_ROWS.get(table, {}), **cells})


def rig(handle: str, owner: str | None, **cells: str | None) -> Rig:
    """A rig on main, registered some weeks ago."""
    long_ago = {"registered_at": "2026-05-01 09:00:00", "last_seen": "2026-06-10 09:00:00"}
    return Rig(row("rigs", **{**long_ago, "handle": handle, "display_name": handle, "dolthub_org": owner, **cells}))


def added(table: str, **cells: str | None) -> RowChange:
    """A row that the pull brings."""
    after = row(table, **cells)
    return RowChange(table=table, key=_key(table, after), kind=ChangeKind.ADDED, before=None, after=after)


def modified(table: str, before: Cells | None = None, **cells: str | None) -> RowChange:
    """A row that the pull changes: `before` is what differs from the sane one, `cells` what the pull writes."""
    old = row(table, **(before or {}))
    new = Row.of(old.as_dict() | cells)
    return RowChange(table=table, key=_key(table, old), kind=ChangeKind.MODIFIED, before=old, after=new)


def removed(table: str, **cells: str | None) -> RowChange:
    """A row that the pull takes away."""
    before = row(table, **cells)
    return RowChange(table=table, key=_key(table, before), kind=ChangeKind.REMOVED, before=before, after=None)


def _key(table: str, of: Row) -> str:
    return of.text(PRIMARY_KEYS[table]) if table in PRIMARY_KEYS else (of.cells[0][1] or "" if of.cells else "")


_CHANGES: Mapping[PullKind, tuple[RowChange, ...]] = {
    PullKind.WORK: (modified("wanted", None, **_DONE), added("completions")),
    PullKind.CLAIM: (modified("wanted", None, **_CLAIMED),),
    PullKind.REGISTRATION: (added("rigs"),),
    PullKind.POST: (added("wanted", id="w-43", title="Count past ten", posted_by=WORKER, created_at="2026-06-14 13:40:00"),),
    PullKind.EDIT: (modified("wanted", {"posted_by": WORKER}, description="Every ninth, in fact."),),
    PullKind.LINK: (added("rig_links"),),
}
_BRANCHES: Mapping[PullKind, str] = {
    PullKind.REGISTRATION: "wl/register/heron-1",
    PullKind.POST: f"wl/{WORKER}/w-43",
    PullKind.LINK: f"wl/{WORKER}/l-42",
}
KINDS = tuple(_CHANGES)
"""Kinds of which there is a sane pull."""


def sane(kind: PullKind = PullKind.WORK) -> Snapshot:
    """A pull of this kind that nothing is wrong with, as of 14 June 2026; of a kind that is never sane, a WORK pull.

    Account kim owns rig kestrel-1, works on `w-42` of rig ana-town, and sends it from the fork kim/wl-commons. Edits are of
    an item that kestrel-1 posted; who registers is new here, account noa.
    """
    kind = kind if kind in _CHANGES else PullKind.WORK
    item = Wanted(row("wanted", **({"posted_by": WORKER} if kind is PullKind.EDIT else {})))
    account = "noa" if kind is PullKind.REGISTRATION else "kim"
    return Snapshot(
        taken_at=NOW,
        commons=COMMONS,
        bot=User("stampbot"),
        policy=Policy(),
        pull=Pull(
            number=PullNo(7),
            title="",
            description="",
            state=PullState.OPEN,
            creator=User(account),
            source=BranchRef(Database(account, "wl-commons"), _BRANCHES.get(kind, f"wl/{WORKER}/{ITEM}")),
            target=BranchRef(COMMONS, "main"),
            created_at=NOW - timedelta(hours=1),
        ),
        main_head=a_hash("m"),
        head=a_hash("h"),
        base=a_hash("b"),
        changes=Changes(rows=_CHANGES[kind]),
        items=(item,),
        rigs=(rig(WORKER, "kim"), rig("kestrel-9", "kai"), rig(POSTER, "ana", trust_level="3")),
        on_main_now=Present(items=(item,)),
        probes=(seen(Seen.REACHABLE, "ok"),),
        first_look_at=NOW - timedelta(minutes=21),
    )


def seen(what: Seen, reason: str, **facts: str) -> Probe:
    """The fact sheet of EVIDENCE, ten minutes old."""
    at = NOW - timedelta(minutes=10)
    misses = (at - timedelta(hours=9), at - timedelta(hours=8), at) if what is Seen.DEAD else ()
    return Probe(
        url=EVIDENCE,
        seen=what,
        reason=reason,
        probed_at=at,
        key=EVIDENCE,
        kind="github_pull" if facts else "url",
        label="GitHub pull" if facts else "",
        final_url=EVIDENCE,
        misses=misses,
        since=misses[0] if misses else at,
        facts=tuple(facts.items()),
    )


def having(pull: Snapshot, table: str, **cells: str | None) -> Snapshot:
    """The pull with these cells in each row of the table that it brings or changes."""
    rows = tuple(
        replace(change, after=Row.of(change.after.as_dict() | cells)) if change.table == table and change.after else change
        for change in pull.changes.rows
    )
    return replace(pull, changes=replace(pull.changes, rows=rows))


def bringing(pull: Snapshot, *more: RowChange) -> Snapshot:
    """The pull with these row changes on top."""
    return replace(pull, changes=replace(pull.changes, rows=(*pull.changes.rows, *more)))


def on_main(pull: Snapshot, **cells: str | None) -> Snapshot:
    """The pull while its item stands so on main, where the branch also started from it."""
    items = tuple(Wanted(Row.of(item.row.as_dict() | cells)) for item in pull.items)
    rows = tuple(
        replace(
            change,
            before=Row.of(change.before.as_dict() | cells),
            after=Row.of({**change.after.as_dict(), **_left(change, cells)}),
        )
        if change.table == "wanted" and change.before and change.after
        else change
        for change in pull.changes.rows
    )
    return replace(pull, items=items, on_main_now=Present(items=items), changes=replace(pull.changes, rows=rows))


def _left(change: RowChange, cells: Cells) -> Cells:
    """Those of the cells that the change leaves alone."""
    return {column: cell for column, cell in cells.items() if column not in change.changed}


def from_branch(pull: Snapshot, branch: str, owner: str = "kim") -> Snapshot:
    """The pull from another branch, or from another's fork."""
    source = BranchRef(Database(owner, "wl-commons"), branch)
    return replace(pull, pull=replace(pull.pull, source=source, creator=User(owner)))


def a_hash(letter: str) -> CommitHash:
    """A commit hash made of this letter (0-9, a-v)."""
    return CommitHash(letter * 32)
