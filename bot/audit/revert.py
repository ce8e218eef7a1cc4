"""The way back from one decision: the rows that undo a stamp, as guarded statements. Nothing here is ever written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.converge import writers
from bot.converge.bot import Site
from bot.converge.landing import here
from bot.converge.reads import columns_at, main_head
from bot.dolthub import sql
from bot.model.ids import CommitHash, Commons, StampId, is_commit_hash, stamp_id
from bot.model.ledger import Completion, LedgerChange, Row, RowWrite, Stamp, Wanted, Write

VERB = "revert"
OPEN_AGAIN = ("in_review", "claimed")
"""What a completed item may have been before its work was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverse:
    """The rows that undo a stamp, the statements that write them, and what a human has to look at before."""

    commons: Commons
    at: CommitHash
    change: LedgerChange
    statements: tuple[sql.Statement, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands on main around a stamp. `others`: further completions of the item. `before`: the item's status before."""

    stamp: Stamp
    completion: Completion | None = None
    item: Wanted | None = None
    others: tuple[Completion, ...] = ()
    stamps: tuple[Stamp, ...] = ()
    before: str | None = None


def plan_back(site: Site, stamp: StampId, now: datetime) -> Inverse | None:
    """How to undo a stamp of main as it stands now; None if there is no such stamp. Reads only. Raises HubError."""
    at = main_head(site)
    columns = columns_at(site, at)
    standing = read_standing(writers.Main(hub=site.hub, commons=site.commons, head=at), stamp, columns)
    if standing is None:
        return None
    change = here(inverse(standing), {table: tuple(names) for table, names in columns.items()})
    statements = tuple(sql.write_row(write, columns=columns, now=now, note=change.note) for write in change.writes)
    return Inverse(commons=site.commons, at=at, change=change, statements=statements, checks=checks(standing, site.commons))


def inverse(standing: Standing) -> LedgerChange:
    """The rows that undo a stamp: it goes, its completion waits again, and so does the item if nothing else completed it.

    Each row is guarded by what it holds now, so that what changed meanwhile is never written over.
    """
    stamp, done, item = standing.stamp, standing.completion, standing.item
    guard = (("author", str(stamp.author)), ("subject", str(stamp.subject)), ("context_id", stamp.row.get("context_id")))
    writes = [RowWrite(table="stamps", key=stamp.id, write=Write.DELETE, guard=Row(guard))]
    if done is not None and done.stamp_id == stamp.id:
        writes.append(
            RowWrite(
                table="completions",
                key=done.id,
                write=Write.UPDATE,
                cells=Row((("validated_by", None), ("stamp_id", None), ("validated_at", None))),
                guard=Row(
                    (
                        ("wanted_id", done.row.get("wanted_id")),
                        ("completed_by", str(done.completed_by)),
                        ("stamp_id", str(stamp.id)),
                    )
                ),
            )
        )
    if item is not None and _reopens(standing):
        status = standing.before if standing.before in OPEN_AGAIN else OPEN_AGAIN[0]
        writes.append(
            RowWrite(
                table="wanted",
                key=item.id,
                write=Write.UPDATE,
                cells=Row((("status", status),)),
                guard=Row((("status", "completed"), ("claimed_by", item.row.get("claimed_by")))),
                touch=("updated_at",),
            )
        )
    return LedgerChange(decision=stamp.id, writes=tuple(writes), note=f"stampbot {VERB} {stamp.id}")


def checks(standing: Standing, commons: Commons) -> tuple[str, ...]:
    """What to look at before, as sentences. Plain text that may hold strangers' words."""
    stamp, done, item = standing.stamp, standing.completion, standing.item
    told = [f"Tell {stamp.author}, who gave the stamp, and {stamp.subject}, who loses it: scoreboards show it gone at once."]
    if done is None or stamp.id != stamp_id(commons, done.id):
        told.append(f"{stamp.id} is not the id that the bot gives to a stamp on this work: another tool may have written it.")
    if done is None:
        about = stamp.context_id or "no completion"
        told.append(f"The stamp names {about}, which is not on main: only the stamp itself can be taken back.")
    elif done.stamp_id != stamp.id:
        told.append(f"Completion {done.id} links {done.stamp_id or 'no stamp'}, not this one: it is left as it is.")
    else:
        told.append(f"Completion {done.id} waits for a validator again; /reject or /accept on its pull can follow.")
    if done is not None and item is None:
        told.append(f"Item {done.wanted_id} is not on main.")
    if item is not None and not _reopens(standing):
        why = (
            "another completion of it is stamped" if item.status == "completed" else f"it is {item.status or 'without status'}"
        )
        told.append(f"Item {item.id} is left as it is: {why}.")
    elif item is not None and standing.before is None:
        told.append(f"The log does not tell what item {item.id} was before; in_review is where work that waits belongs.")
    others = [other.id for other in standing.stamps if other.id != stamp.id]
    if others:
        told.append(f"Other stamps on the same work stay: {', '.join(others)}.")
    told.append("Run the statements one by one, in this order, on a branch; read the rows back; then merge it by a pull.")
    return tuple(told)


def _reopens(standing: Standing) -> bool:
    """Whether the item is completed by this stamp alone."""
    stamp, done, item = standing.stamp, standing.completion, standing.item
    if item is None or done is None or item.status != "completed" or done.stamp_id != stamp.id:
        return False
    return not any(other.stamp_id is not None for other in standing.others)


def read_standing(main: writers.Main, stamp: StampId, columns: Mapping[str, Collection[str]]) -> Standing | None:
    """What stands at a commit around a stamp; None if there is no such stamp. Raises HubError."""

    def rows(query: sql.Query) -> tuple[Row, ...]:
        return main.rows(query) if not query.is_nothing and query.fits(columns) else ()

    found = [Stamp(row) for row in rows(sql.rows_by("stamps", "id", [stamp]))]
    if not found:
        return None
    context = found[0].context_id
    done = next((Completion(row) for row in rows(sql.rows_by("completions", "id", [context] if context else []))), None)
    if done is None:
        return Standing(stamp=found[0])
    item = next((Wanted(row) for row in rows(sql.rows_by("wanted", "id", [done.wanted_id]))), None)
    handed = [Completion(row) for row in rows(sql.completions_of([done.wanted_id]))]
    standing = Standing(
        stamp=found[0],
        completion=done,
        item=item,
        others=tuple(other for other in handed if other.id != done.id),
        stamps=tuple(Stamp(row) for row in rows(sql.stamps_for([context], []))),
    )
    return replace(standing, before=_before(main, standing))


def _before(main: writers.Main, standing: Standing) -> str | None:
    """The status of the item just before the stamp's decision began, from the log; None where it does not tell.

    Landing writes the completion first, so that is the commit to look before; a merge is only made of such commits.
    """
    done, item = standing.completion, standing.item
    if done is None or item is None:
        return None
    if (before := _before_link(main, done, standing.stamp.id)) is None:
        return None
    then = main.hub.rows(main.commons, before, sql.rows_by("wanted", "id", [item.id]))
    return Wanted(then[0]).status if then else None


def _before_link(main: writers.Main, done: Completion, stamp: StampId) -> CommitHash | None:
    """What the commit that gave the completion its stamp was made on; None where no commit can be believed to have done so."""
    for row in main.rows(sql.links_of(done.id, stamp)):
        if is_commit_hash(commit := row.text("commit_hash")):
            parents = main.rows(sql.first_parent(CommitHash(commit)))
            if parents and writers.is_believed(row, parents[0].get("parent_hash")):
                return CommitHash(parents[0].text("parent_hash"))
    line, sets = writers.own_steps(main.log(None), main.head), (("stamp_id", str(stamp)),)
    found = writers.steps_that_wrote(main, "completions", [done.id], line, sets=sets)
    return found[done.id].before if done.id in found else None
