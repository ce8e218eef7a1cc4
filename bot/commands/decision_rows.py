"""What each decision writes: the rows of accept, reject and close, as values.

Which columns, and why these values: what the readers of the reference tools join on and average (wl leaderboard, scoreboard
and profile; gt character sheet). Nothing here depends on the clock: a decision tried again is the same rows again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.authority import is_theirs
from bot.model.ids import CommentId, Handle, PullNo, WantedId, decision_id, stamp_id
from bot.model.ledger import (
    Completion,
    LedgerChange,
    Row,
    RowWrite,
    Wanted,
    Write,
    is_untouched,
    is_written,
    read_time,
    write_time,
)
from bot.model.policy import RatingStyle
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot

DECIDED_ELSEWHERE = "decide-"
"""How the ids begin of decisions that are given on the command line: they stand in no comment."""
NOTE = "stampbot"
"""How each note begins."""
WORDS = {5: "excellent", 4: "good", 3: "fair", 2: "poor", 1: "1"}
"""Ratings as words, where a commons stores words. There are four words and five numbers: the lowest stays a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A validator's rating of one completion. Quality and reliability 1 to 5, confidence 0 to 1."""

    quality: int
    reliability: int
    creativity: int | None = None
    severity: str = "leaf"
    confidence: float = 1.0
    skills: tuple[str, ...] = ()
    message: str = ""


def acceptance(snapshot: Snapshot, comment: Comment, author: Handle, rating: Rating) -> LedgerChange | None:
    """Completion linked, item completed, stamp inserted. None if the pull submits no work."""
    done, item = snapshot.completion, snapshot.item_on_head
    if done is None or item is None:
        return None
    stamp, at = stamp_id(snapshot.commons, done.id), write_time(decided_at(snapshot, comment))
    return _change(
        "accept",
        snapshot,
        comment,
        RowWrite(
            table="completions",
            key=done.id,
            write=Write.UPDATE,
            cells=Row((("validated_by", author), ("stamp_id", stamp), ("validated_at", at))),
            guard=Row(
                (
                    ("wanted_id", item.id),
                    ("completed_by", done.completed_by),
                    ("evidence", done.row.get("evidence")),
                    ("stamp_id", None),
                )
            ),
        ),
        _completed(item, Row((("status", item.status),))),
        _stamp(snapshot, comment, author, done, rating),
    )


def decided_at(snapshot: Snapshot, comment: Comment) -> datetime:
    """When a decision was made: when its comment was written.

    One from the command line is in nobody's comment, and given again it is the same decision. So once its rows have begun to
    land, its time is read from them.
    """
    done = snapshot.completion
    now = completion_now(snapshot, done) if done is not None else None
    if done is None or now is None or snapshot.comments_readable or not comment.id.startswith(DECIDED_ELSEWHERE):
        return comment.created_at
    ours = now.stamp_id == stamp_id(snapshot.commons, done.id) and is_theirs(snapshot, now.validated_by, comment.author)
    return (read_time(now.row.get("validated_at")) if ours else None) or comment.created_at


def _stamp(snapshot: Snapshot, comment: Comment, author: Handle, done: Completion, rating: Rating) -> RowWrite:
    return RowWrite(
        table="stamps",
        key=stamp_id(snapshot.commons, done.id),
        write=Write.INSERT,
        cells=Row(
            (
                ("author", author),
                ("subject", done.completed_by),
                ("valence", valence(rating, snapshot.policy.rating)),
                ("confidence", f"{rating.confidence:g}"),
                ("severity", rating.severity),
                ("context_id", done.id),
                ("context_type", "completion"),
                ("skill_tags", json.dumps(list(rating.skills or tags(snapshot)), ensure_ascii=True)),
                ("message", rating.message or None),
                ("created_at", write_time(decided_at(snapshot, comment))),
            )
        ),
    )


def tags(snapshot: Snapshot) -> tuple[str, ...]:
    """The item's tags, as main had them before the merge: the same before it and after it, whatever the branch still holds."""
    item = snapshot.item or snapshot.item_on_head
    return item.tags if item is not None else ()


def rejection(snapshot: Snapshot, comment: Comment) -> LedgerChange | None:
    """For work that is in review on main: its completion deleted, the claim kept. None if there is nothing to clear.

    The item goes back to claimed only if no other completion of it waits and the claim is this rig's.
    """
    done, item = snapshot.completion, snapshot.item_on_head
    if done is None or item is None:
        return None
    others = (c for c in snapshot.on_main_now.completions if c.wanted_id == item.id and c.id != done.id)
    alone = not any(c.validated_by is None and c.stamp_id is None for c in others)
    writes = [
        RowWrite(
            table="completions",
            key=done.id,
            write=Write.DELETE,
            guard=Row((("wanted_id", item.id), ("completed_by", done.completed_by), ("stamp_id", None))),
        )
    ]
    if alone and item.status == "in_review" and item.claimed_by == done.completed_by:
        writes.append(
            RowWrite(
                table="wanted",
                key=item.id,
                write=Write.UPDATE,
                cells=Row((("status", "claimed"), ("evidence_url", None))),
                guard=Row((("status", "in_review"), ("claimed_by", done.completed_by))),
                touch=("updated_at",),
            )
        )
    return _change("reject", snapshot, comment, *writes)


def adoption(snapshot: Snapshot, comment: Comment) -> LedgerChange | None:
    """For work that is not on main and gets no stamp: the completion as reviewed, the item completed by that rig."""
    done, item = snapshot.completion, snapshot.item
    if done is None or item is None:
        return None
    return _change("close", snapshot, comment, _taken_over(done), _completed_by(done, item))


def stamped_adoption(snapshot: Snapshot, comment: Comment, author: Handle, rating: Rating) -> LedgerChange | None:
    """For work that is not on main and does not come there by a merge: the rows of `adoption`, linked to a stamp."""
    done, item = snapshot.completion, snapshot.item
    if done is None or item is None:
        return None
    stamp = stamp_id(snapshot.commons, done.id)
    at = write_time(decided_at(snapshot, comment))
    link = (("validated_by", author), ("stamp_id", stamp), ("validated_at", at))
    # Tags of an item on main can be edited any time: once the stamp stands, what it inherited is read from itself.
    there = next((s for s in snapshot.on_main_now.stamps if s.id == stamp), None)
    rated = rating if rating.skills or there is None else replace(rating, skills=there.skills)
    rows = (_taken_over(done, link), _completed_by(done, item), _stamp(snapshot, comment, author, done, rated))
    return _change("accept", snapshot, comment, *rows)


def _taken_over(done: Completion, link: tuple[tuple[str, str | None], ...] = ()) -> RowWrite:
    """The completion as it was reviewed, in the columns that are the worker's to fill."""
    cells = (
        ("wanted_id", str(done.wanted_id)),
        ("completed_by", str(done.completed_by)),
        ("evidence", done.evidence),
        ("completed_at", done.row.get("completed_at")),
    )
    return RowWrite(table="completions", key=done.id, write=Write.INSERT, cells=Row((*cells, *link)))


def _completed_by(done: Completion, item: Wanted) -> RowWrite:
    """The item completed by whoever did the work, whoever claims it."""
    return RowWrite(
        table="wanted",
        key=item.id,
        write=Write.UPDATE,
        cells=Row((("status", "completed"), ("claimed_by", done.completed_by), ("evidence_url", done.evidence or None))),
        guard=Row((("status", item.status), ("claimed_by", item.claimed_by))),
        touch=("updated_at",),
    )


def completion_without_stamp(snapshot: Snapshot, comment: Comment) -> LedgerChange | None:
    """For work that is on main already and gets no stamp: the item completed, nothing else."""
    item = snapshot.item_on_head
    if snapshot.completion is None or item is None:
        return None
    return _change("close", snapshot, comment, _completed(item, Row((("status", item.status),))))


def _change(verb: str, snapshot: Snapshot, comment: Comment, *writes: RowWrite) -> LedgerChange:
    """These writes as one decision, in the columns this commons has: what cannot be written is never missed afterwards."""
    return LedgerChange(
        decision=decision_id(snapshot.commons, snapshot.pull.number, comment.id),
        note=note(verb, snapshot, comment),
        writes=tuple(_here(write, snapshot) for write in writes),
    )


def _here(write: RowWrite, snapshot: Snapshot) -> RowWrite:
    known = snapshot.columns.get(write.table)
    if known is None:
        return write
    return replace(
        write,
        cells=Row(tuple(cell for cell in write.cells.cells if cell[0] in known)),
        guard=Row(tuple(cell for cell in write.guard.cells if cell[0] in known)),
        touch=tuple(column for column in write.touch if column in known),
    )


def _completed(item: Wanted, guard: Row) -> RowWrite:
    return RowWrite(
        table="wanted",
        key=item.id,
        write=Write.UPDATE,
        cells=Row((("status", "completed"),)),
        guard=guard,
        touch=("updated_at",),
    )


def valence(rating: Rating, style: RatingStyle) -> str:
    """The rating as JSON text. Numbers by default: one word breaks the reference scoreboard's detail for everybody."""
    marks = {"quality": rating.quality, "reliability": rating.reliability, "creativity": rating.creativity}
    told = {name: value for name, value in marks.items() if value is not None}
    if style is RatingStyle.WORDS:
        return json.dumps({name: WORDS[value] for name, value in told.items()})
    return json.dumps(told)


def note(verb: str, snapshot: Snapshot, comment: Comment) -> str:
    """The human trailer of each statement: it becomes the public commit message."""
    return f"{NOTE} {verb} {snapshot.item_id or 'pull'} {serving(snapshot)} by {comment.author}"


def serving(snapshot: Snapshot) -> str:
    """What stands in the note of each decision on this pull."""
    return f"(pull {snapshot.pull.number})"


def noted(note: str) -> tuple[WantedId, PullNo] | None:
    """The item and the pull that a note tells of."""
    # An item may be called anything; of what looks like the end of a note only the last is.
    found = re.fullmatch(rf"{NOTE} [a-z]+ (.+) \(pull ([0-9]+)\) by \S+", note)
    return (WantedId(found[1]), PullNo(int(found[2]))) if found else None


def landing_title(verb: str, snapshot: Snapshot, comment: Comment) -> str:
    """The title of a landing pull: it names the pull it serves, which is how a sweep finds its way back."""
    return f"stampbot: {verb} {snapshot.item_id or 'rows'} (pull {snapshot.pull.number}, comment {comment.id})"


def served_pull(title: str) -> PullNo | None:
    """The pull a landing pull serves, read from its title."""
    # An item may be called anything; of what looks like the end of a title only the last is.
    head, found, rest = title.rpartition(" (pull ")
    number = rest.partition(",")[0]
    return PullNo(int(number)) if found and head.startswith("stampbot: ") and number.isdecimal() and number.isascii() else None


def rows_now(snapshot: Snapshot, change: LedgerChange) -> dict[tuple[str, str], Row | None]:
    """The rows a change is about, as they stand on main now."""
    now: dict[tuple[str, str], Row | None] = {("wanted", i.id): i.row for i in snapshot.on_main_now.items}
    now |= {("completions", c.id): c.row for c in snapshot.on_main_now.completions}
    now |= {("stamps", s.id): s.row for s in snapshot.on_main_now.stamps}
    return {(w.table, w.key): now.get((w.table, w.key)) for w in change.writes}


def is_landed(snapshot: Snapshot, change: LedgerChange) -> bool:
    """Whether main already holds all of a change."""
    return change.done_in(rows_now(snapshot, change))


def stands(snapshot: Snapshot, change: LedgerChange) -> bool:
    """Whether main holds the stamp of a change, and the completion that names it: then it was landed whole.

    The item is written before the stamp, or with it. It may have been changed since.
    """
    rows = rows_now(snapshot, change)
    kept = [w for w in change.writes if w.table in ("stamps", "completions")]
    return any(w.table == "stamps" for w in kept) and all(is_written(w, rows[w.table, w.key]) for w in kept)


def is_begun(snapshot: Snapshot, change: LedgerChange) -> bool:
    """Whether main holds some of a change, and the rest can still follow: what a landing that was cut short leaves behind."""
    rows = rows_now(snapshot, change)
    written = [is_written(w, rows[w.table, w.key]) for w in change.writes]
    open_still = all(done or is_untouched(w, rows[w.table, w.key]) for w, done in zip(change.writes, written, strict=True))
    return any(written) and open_still


def completion_now(snapshot: Snapshot, done: Completion) -> Completion | None:
    """The handed-in completion as it stands on main now, None if it is not there."""
    return next((c for c in snapshot.on_main_now.completions if c.id == done.id), None)


def item_now(snapshot: Snapshot, item: Wanted) -> Wanted | None:
    """An item as it stands on main now."""
    return next((i for i in snapshot.on_main_now.items if i.id == item.id), None)


def serves_comment(title: str, comment: CommentId) -> bool:
    """Whether a landing pull's title names this comment."""
    return title.endswith(f", comment {comment})")
