"""Builders: one sane small world, in rows as the hub answers them (every cell text or NULL); a test changes one thing.

The default is a happy WORK pull, number 57 on hop/wl-commons: rig polecat-7, owned by the account pia, submits item
w-870be07fbc, which rig ana-town posted, from branch wl/polecat-7/w-870be07fbc of the fork pia/wl-commons. Main still holds
the item open: claim and hand-in stand in the pull. Accounts ana and bo are validators; stampbot is the bot's account.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.model.evidence import Probe, Seen
from bot.model.finding import Finding, Judgement, Level, Place, Verdict
from bot.model.ids import CommentId, CommitHash, Commons, Database, Handle, PullNo, User
from bot.model.ledger import (
    PRIMARY_KEYS,
    ChangeKind,
    Changes,
    Completion,
    Rig,
    RigLink,
    Row,
    RowChange,
    Stamp,
    Wanted,
)
from bot.model.mark import Fact, Mark, MarkKind
from bot.model.policy import Policy, Validator
from bot.model.pull import BranchRef, Comment, Pull, PullState
from bot.model.snapshot import Merge, Present, Snapshot

COMMONS = Commons("hop", "wl-commons")
FORK = Database("pia", "wl-commons")
BOT = User("stampbot")
WORKER_USER = User("pia")
WORKER = Handle("polecat-7")
POSTER = Handle("ana-town")
ITEM = "w-870be07fbc"
COMPLETION = "c-1f3870be274f6c49"
EVIDENCE = "https://github.com/gastownhall/beads/pull/412"
NOW = datetime(2026, 6, 14, 14, 2, tzinfo=UTC)

COLUMNS: dict[str, tuple[str, ...]] = {
    "_meta": ("key", "value"),
    "rigs": (
        "handle", "display_name", "dolthub_org", "hop_uri", "owner_email", "gt_version", "trust_level", "registered_at",
        "last_seen", "rig_type", "parent_rig",
    ),
    "wanted": (
        "id", "title", "description", "project", "type", "priority", "tags", "posted_by", "claimed_by", "status",
        "effort_level", "evidence_url", "sandbox_required", "sandbox_scope", "sandbox_min_tier", "created_at",
        "updated_at",
    ),
    "completions": (
        "id", "wanted_id", "completed_by", "evidence", "validated_by", "stamp_id", "parent_completion_id", "block_hash",
        "hop_uri", "completed_at", "validated_at",
    ),
    "stamps": (
        "id", "author", "subject", "valence", "confidence", "severity", "context_id", "context_type", "skill_tags",
        "message", "prev_stamp_hash", "block_hash", "hop_uri", "created_at",
    ),
    "badges": ("id", "rig_handle", "badge_type", "awarded_at", "evidence"),
    "boot_blocks": ("handle", "source", "sheet_json", "confidence", "version", "created_at"),
    "chain_meta": ("chain_id", "chain_type", "parent_chain_id", "hop_uri", "dolt_database", "created_at"),
    "rig_links": (
        "id", "rig_a", "rig_b", "link_type", "assertion_a", "assertion_b", "status", "created_at", "completed_at",
        "revoked_at", "revoked_by",
    ),
}  # fmt: skip
"""Columns by table of a commons of schema 1.2 (wl `schema/commons.sql`)."""


def ago(**span: float) -> datetime:
    """A moment before NOW: `ago(minutes=5)`."""
    return NOW - timedelta(**span)


def a_hash(name: str) -> CommitHash:
    """The commit hash that goes by this name in the tests: 32 characters of 0-9a-v."""
    raw = hashlib.sha256(name.encode()).digest()
    return CommitHash("".join("0123456789abcdefghijklmnopqrstuv"[byte % 32] for byte in raw))


HEAD, MAIN, BASE = a_hash("head"), a_hash("main"), a_hash("base")


# --- rows -----------------------------------------------------------------------------------------------------------

_SANE: dict[str, dict[str, str | None]] = {
    "_meta": {"key": "wasteland_name", "value": "hop"},
    "rigs": {
        "handle": "polecat-7", "display_name": "Polecat 7", "dolthub_org": "pia", "gt_version": "0.9.2",
        "trust_level": "1", "registered_at": "2026-05-01 09:00:00", "last_seen": "2026-06-14 10:00:00",
        "rig_type": "human",
    },
    "wanted": {
        "id": ITEM, "title": "Teach the mayor to count", "description": "It stops at ten.", "project": "beads",
        "type": "feature", "priority": "2", "tags": '["go","cli"]', "posted_by": "ana-town", "status": "open",
        "effort_level": "medium", "sandbox_required": "0", "created_at": "2026-06-01 08:00:00",
        "updated_at": "2026-06-01 08:00:00",
    },
    "completions": {
        "id": COMPLETION, "wanted_id": ITEM, "completed_by": "polecat-7", "evidence": EVIDENCE,
        "completed_at": "2026-06-14 13:40:00",
    },
    "stamps": {
        "id": "s-0a1b2c3d4e5f6071", "author": "ana-town", "subject": "polecat-7",
        "valence": '{"quality": 4, "reliability": 4}', "confidence": "1", "severity": "leaf", "context_id": COMPLETION,
        "context_type": "completion", "created_at": "2026-06-14 13:50:00",
    },
    "badges": {"id": "b-1", "rig_handle": "polecat-7", "badge_type": "first_blood", "awarded_at": "2026-06-14 13:50:00"},
    "boot_blocks": {
        "handle": "polecat-7", "source": "github", "sheet_json": "{}", "confidence": "0.5", "version": "1",
        "created_at": "2026-06-14 13:50:00",
    },
    "chain_meta": {"chain_id": "wl-0123456789abcdef", "chain_type": "wasteland", "created_at": "2026-06-14 13:50:00"},
    "rig_links": {
        "id": "l-1", "rig_a": "polecat-7", "rig_b": "polecat-8", "link_type": "same_owner", "assertion_a": "mine",
        "status": "active", "created_at": "2026-06-14 13:50:00",
    },
}  # fmt: skip


def a_row(table: str, **cells: str | None) -> Row:
    """A sane row of a table with every column of schema 1.2; of an unknown table just the given cells."""
    named = dict.fromkeys(COLUMNS.get(table, ())) | _SANE.get(table, {}) | cells
    return Row.of(named)


def a_rig(handle: str = WORKER, owner: str | None = WORKER_USER, **cells: str | None) -> Rig:
    """A rig on main: by default polecat-7 of the account pia, trust level 1."""
    return Rig(a_row("rigs", **{"handle": handle, "dolthub_org": owner, "display_name": handle, **cells}))


def a_wanted(**cells: str | None) -> Wanted:
    """An item: by default the open one that ana-town posted."""
    return Wanted(a_row("wanted", **cells))


def a_completion(**cells: str | None) -> Completion:
    """A completion: by default the one polecat-7 submits."""
    return Completion(a_row("completions", **cells))


def a_stamp(**cells: str | None) -> Stamp:
    """A stamp: by default ana-town's on the submitted completion, quality 4."""
    return Stamp(a_row("stamps", **cells))


def a_rig_link(rig_a: str = "polecat-7", rig_b: str = "polecat-8", **cells: str | None) -> RigLink:
    """An active same_owner link."""
    return RigLink(a_row("rig_links", **{"rig_a": rig_a, "rig_b": rig_b, **cells}))


# --- changes --------------------------------------------------------------------------------------------------------


def added(table: str, **cells: str | None) -> RowChange:
    """A row that the pull brings."""
    row = a_row(table, **cells)
    return RowChange(table=table, key=_key(table, row), kind=ChangeKind.ADDED, before=None, after=row)


def removed(table: str, **cells: str | None) -> RowChange:
    """A row that the pull takes away."""
    row = a_row(table, **cells)
    return RowChange(table=table, key=_key(table, row), kind=ChangeKind.REMOVED, before=row, after=None)


def modified(table: str, before: Row | Mapping[str, str | None] | None = None, **cells: str | None) -> RowChange:
    """A row that the pull changes: `before` (a row, or what differs from the sane one), then `cells` on top of it."""
    old = before if isinstance(before, Row) else a_row(table, **(before or {}))
    new = Row.of(old.as_dict() | cells)
    return RowChange(table=table, key=_key(table, old), kind=ChangeKind.MODIFIED, before=old, after=new)


def _key(table: str, row: Row) -> str:
    return row.text(PRIMARY_KEYS[table]) if table in PRIMARY_KEYS else (row.cells[0][1] or "" if row.cells else "")


def claims(before: Row | Mapping[str, str | None] | None = None, **cells: str | None) -> RowChange:
    """The wanted row as `wl claim` leaves it, by polecat-7."""
    moved = {"status": "claimed", "claimed_by": WORKER, "updated_at": "2026-06-14 12:30:00"}
    return modified("wanted", before, **{**moved, **cells})


def hands_in(before: Row | Mapping[str, str | None] | None = None, **cells: str | None) -> RowChange:
    """The wanted row as `wl claim` and `wl done` together leave it, by polecat-7."""
    moved = {"status": "in_review", "claimed_by": WORKER, "evidence_url": EVIDENCE, "updated_at": "2026-06-14 13:40:00"}
    return modified("wanted", before, **{**moved, **cells})


def changes_of(*rows: RowChange, schema: tuple[str, ...] = (), unread: tuple[tuple[str, int], ...] = ()) -> Changes:
    """All these row changes, between base and head."""
    return Changes(rows=rows, schema=schema, unread=unread)


def work(*more: RowChange, wanted: RowChange | None = None, completion: RowChange | None = None) -> Changes:
    """The changes of the happy WORK pull; `wanted`, `completion` replace its two rows, `more` come on top."""
    return Changes(rows=(wanted or hands_in(), completion or added("completions"), *more))


# --- the pull and what is said below it -----------------------------------------------------------------------------


def a_branch(owner: str = "pia", branch: str = f"wl/polecat-7/{ITEM}", name: str = "wl-commons") -> BranchRef:
    """A branch of a fork."""
    return BranchRef(Database(owner, name), branch)


def a_pull(**fields: Any) -> Pull:
    """Pull 57 by pia, open, from her fork to main of the commons."""
    sane = Pull(
        number=PullNo(57),
        title="[wl] Teach the mayor to count",
        description="",
        state=PullState.OPEN,
        creator=WORKER_USER,
        source=a_branch(),
        target=BranchRef(COMMONS, "main"),
        created_at=ago(hours=1),
    )
    return replace(sane, **fields)


def a_comment(author: str = "ana", body: str = "/accept --quality 4", at: datetime | None = None, **fields: Any) -> Comment:
    """A comment a minute old; its id is told from author, body and time unless given."""
    written = at or ago(minutes=1)
    named = CommentId(hashlib.sha256(f"{author}|{body}|{written}".encode("utf-8", "surrogatepass")).hexdigest()[:12])
    sane = Comment(id=named, author=User(author), body=body, created_at=written, updated_at=written)
    return replace(sane, **fields)


def a_review(
    verdict: Verdict = Verdict.READY,
    head: CommitHash = HEAD,
    digest: str = "0123456789ab",
    n: int = 1,
    at: datetime | None = None,
) -> Comment:
    """A review of ours, twenty minutes old."""
    mark = Mark(kind=MarkKind.REVIEW, outcome=verdict.word, head=head, digest=digest, n=n)
    return a_comment(BOT, f"**{verdict.value}**\n\n{mark.line}", at or ago(minutes=20))


def an_answer(
    to: Comment,
    *commands: str,
    outcome: str = "done",
    head: CommitHash = HEAD,
    digest: str = "",
    at: datetime | None = None,
    facts: tuple[Fact, ...] = (),
) -> Comment:
    """An answer of ours to a comment, seconds after it unless said otherwise."""
    mark = Mark(
        kind=MarkKind.ANSWER, outcome=outcome, head=head, digest=digest, n=0, commands=commands, comment=to.id, facts=facts
    )  # fmt: skip
    return a_comment(BOT, f"Said.\n\n{mark.line}", at or to.created_at + timedelta(seconds=5))


def a_fact(command: str, by: str = "ana", of: str = "") -> Fact:
    """What an answer of ours makes so."""
    return Fact(command=command, by=User(by), of=of)


def a_hold(by: str = "cy", at: datetime | None = None, **fields: Any) -> Comment:
    """Our answer to a `/hold`, ten minutes old."""
    asked = a_comment(by, "/hold wait for me", at or ago(minutes=10))
    return an_answer(asked, "hold", **{"at": asked.created_at, "facts": (a_fact("hold", by),), **fields})


def a_lift(by: str = "ana", of: str = "cy", at: datetime | None = None) -> Comment:
    """Our answer to an `/unhold`, eight minutes old."""
    asked = a_comment(by, "/unhold", at or ago(minutes=8))
    return an_answer(asked, "unhold", at=asked.created_at, facts=(a_fact("unhold", by, of),))


def an_override(rule: str = "evidence_is_alive", by: str = "bo", at: datetime | None = None, **fields: Any) -> Comment:
    """Our answer to an `/override`, ten minutes old."""
    asked = a_comment(by, f'/override {rule} --because "I looked"', at or ago(minutes=10))
    facts = (a_fact("override", by, rule),)
    return an_answer(asked, "override", **{"at": asked.created_at, "facts": facts, **fields})


# --- evidence, policy, judgement ------------------------------------------------------------------------------------


def a_probe(url: str = EVIDENCE, seen: Seen = Seen.REACHABLE, **fields: Any) -> Probe:
    """The fact sheet of a link, made two minutes ago."""
    reason = {"reachable": "answered 200", "dead": "answered 404"}.get(seen.value, seen.value)
    sane = Probe(
        url=url,
        seen=seen,
        reason=reason,
        probed_at=ago(minutes=2),
        status={Seen.REACHABLE: 200, Seen.VERIFIED: 200, Seen.DEAD: 404}.get(seen),
        key=url,
        misses=(ago(minutes=2),) if seen is Seen.DEAD else (),
    )
    return replace(sane, **fields)


def a_policy(**fields: Any) -> Policy:
    """Validators ana (rig ana-town) and bo (rig bo-works); the rest by default."""
    sane = Policy(validators=(Validator(User("ana"), Handle("ana-town")), Validator(User("bo"), Handle("bo-works"))))
    return replace(sane, **fields)


def a_finding(rule: str = "evidence_is_alive", level: Level = Level.FAULT, **fields: Any) -> Finding:
    """A finding about the evidence of the submitted completion."""
    sane = Finding(
        rule=rule, level=level, place=Place("completions", COMPLETION, "evidence"), says="The link answers 404."
    )  # fmt: skip
    return replace(sane, **fields)


def a_judgement(*findings: Finding, **fields: Any) -> Judgement:
    """A judgement with just these findings: READY without any."""
    return replace(Judgement(findings=findings), **fields)


# --- the whole ------------------------------------------------------------------------------------------------------

RIGS = (
    a_rig(),
    a_rig("ana-town", "ana", trust_level="3", owner_email="ana@example.org"),
    a_rig("bo-works", "bo", trust_level="3"),
    a_rig("cormorant", "cy"),
)


def a_snapshot(**fields: Any) -> Snapshot:
    """The happy WORK pull, seen at NOW; fields of Snapshot replace the sane ones.

    `present` follows `items` and `completions` unless given, as it does for every open pull.
    """
    sane = Snapshot(
        taken_at=NOW,
        commons=COMMONS,
        bot=BOT,
        policy=a_policy(),
        pull=a_pull(),
        main_head=MAIN,
        head=HEAD,
        base=BASE,
        changes=work(),
        items=(a_wanted(),),
        rigs=RIGS,
        probes=(a_probe(),),
        first_look_at=ago(minutes=21),
        head_seen_at=ago(minutes=21),
        columns=COLUMNS,
    )
    made = replace(sane, **fields)
    if "on_main_now" not in fields:
        made = replace(made, on_main_now=Present(items=made.items, completions=made.completions))
    return made


def merged(snapshot: Snapshot, *, head: CommitHash = HEAD, **fields: Any) -> Snapshot:
    """The same pull after its merge, and main as the merge left it: same changes, now on main, not yet decided."""
    landed = {(c.table, c.key): c.after for c in snapshot.changes.rows}
    items = tuple(Wanted(landed.get(("wanted", i.id)) or i.row) for i in snapshot.on_main_now.items)
    done = tuple(Completion(row) for (table, _), row in landed.items() if table == "completions" and row is not None)
    sane = replace(
        snapshot,
        pull=replace(snapshot.pull, state=PullState.MERGED),
        main_head=a_hash("merge"),
        head=head,
        base=MAIN,
        merge=Merge(commit=a_hash("merge"), before=MAIN, head=head),
        reviewed=snapshot.changes,
        on_main_now=Present(items=items, completions=(*snapshot.on_main_now.completions, *done)),
    )
    return replace(sane, **fields)
