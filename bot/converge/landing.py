"""Brings the rows of one decision to main, whole or not at all, however often it is interrupted.

`pull`: the rows are written to a branch of the commons made for this decision and this base, read back, and merged by a pull of
our own. Main sees the decision at once, also where only pulls may change it. `direct`: the same guarded statements straight
to main, the stamp last.

DoltHub takes one statement per write, answers Success for a violated CHECK that wrote nothing, and says an error where nothing
changed: so the answer of a write is never believed, the rows are.
"""

from __future__ import annotations

import secrets
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bot.converge.bot import Site
from bot.converge.observe import merge_of
from bot.converge.outcome import Done, Ended, Moved, Refused
from bot.converge.reads import main_head, rows_together
from bot.dolthub import diff, sql, wire
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy, HubConflict, HubObstructed, HubRefused, HubUnsettled
from bot.model.ids import CommitHash, Commons, PullNo, StampId, is_commit_hash
from bot.model.ledger import (
    Changes,
    LedgerChange,
    Row,
    RowChange,
    RowWrite,
    Write,
    is_untouched,
    is_written,
    same_cell,
    same_row,
)
from bot.model.policy import Landing
from bot.model.pull import BranchRef, Pull, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Land
from bot.store import Lease

BRANCH_ROOT = "stampbot"
BASES_MAX = 5
"""How many times main may take the same rows from under us before somebody else has to be let through first."""
FRESH_NAME_BYTES = 8


class _Spoiled(Exception):
    """Another account changed a landing branch, or opened its pull elsewhere: it is left there, and another one is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What one landing needs at every turn."""

    step: Land
    commons: Commons
    pull: PullNo
    """The pull that was decided on."""
    hub: Hub
    columns: Mapping[str, tuple[str, ...]]
    site: Site
    lease: Lease
    judged: CommitHash
    """Where main stood when the decision was planned."""

    @property
    def change(self) -> LedgerChange:
        """The rows of the decision, without cells this commons has no column for."""
        return here(self.step.change, self.columns)


def here(change: LedgerChange, columns: Mapping[str, tuple[str, ...]]) -> LedgerChange:
    """The change as it can stand on this commons: only columns that exist are written, guarded and compared."""
    writes = (
        RowWrite(
            table=w.table,
            key=w.key,
            write=w.write,
            cells=Row(tuple(c for c in w.cells.cells if c[0] in columns.get(w.table, ()))),
            guard=Row(tuple(c for c in w.guard.cells if c[0] in columns.get(w.table, ()))),
            touch=tuple(c for c in w.touch if c in columns.get(w.table, ())),
        )
        for w in change.writes
    )
    return LedgerChange(decision=change.decision, writes=tuple(writes), note=change.note)


def land(step: Land, snapshot: Snapshot, site: Site, lease: Lease) -> Ended:
    """Bring the rows to main. Done only when main was read and holds them all.

    Moved: something else came to main since the decision was planned, which the next look knows better.
    Raises HubBusy when the end is not known, HubStrange when rows read back are not what was written.
    """
    hub = site.hub
    lacking = step.change.lacks(snapshot.columns)
    if lacking:
        return Refused(f"main has no column {', '.join(lacking)}")
    work = _Work(
        step=step,
        commons=snapshot.commons,
        pull=snapshot.pull.number,
        hub=hub,
        columns=snapshot.columns,
        site=site,
        lease=lease,
        judged=snapshot.main_head,
    )
    match snapshot.policy.landing:
        case Landing.DIRECT:
            return _land_direct(work)
        case Landing.PULL:
            return _land_by_pull(work)


def _rows_at(work: _Work, ref: str) -> dict[tuple[str, str], Row | None]:
    """The rows of the change at a commit or branch, None for those that are not there; and whatever stamps the same work."""
    found: dict[tuple[str, str], Row | None] = {(w.table, w.key): None for w in work.change.writes}
    columns = {w.table: w.key_column for w in work.change.writes}
    asked = [_rows_of(table, column, [w for w in work.change.writes if w.table == table]) for table, column in columns.items()]
    for (table, column), rows in zip(columns.items(), rows_together(work.site, ref, asked, work.columns), strict=True):
        found |= {(table, row.text(column)): row for row in rows}
    return found


def _rows_of(table: str, column: str, writes: Sequence[RowWrite]) -> sql.Query:
    about = [context for w in writes if (context := w.cells.get("context_id"))]
    keys = [w.key for w in writes]
    return sql.stamps_for(about, [StampId(key) for key in keys]) if table == "stamps" else sql.rows_by(table, column, keys)


def _row_at(work: _Work, ref: str, write: RowWrite) -> Row | None:
    """The row of one write at a branch."""
    rows = work.hub.rows(work.commons, ref, sql.rows_by(write.table, write.key_column, [write.key]))
    return rows[0] if rows else None


def _taken(work: _Work, rows: Mapping[tuple[str, str], Row | None]) -> str | None:
    """What stands in the way: a row that is neither as the decision found it nor as it would leave it."""
    for write in work.change.writes:
        row = rows[write.table, write.key]
        if not is_written(write, row) and not is_untouched(write, row):
            what = (
                "is not there any more" if row is None else "is there already" if write.write is Write.INSERT else "was changed"
            )
            return f"main has moved: the row {write.table} {write.key} {what}"
    return None


def _overtaken(work: _Work, main: CommitHash, why: str, half: str = "") -> Ended:
    """How a landing ends whose way is barred. What main did not show when the decision was planned is told by the next look,
    which knows what it is: these very rows, perhaps, written by an earlier try.
    """
    return Moved(why) if main != work.judged else Refused(why + half, changed=bool(half))


def _stamped(work: _Work, rows: Mapping[tuple[str, str], Row | None]) -> str | None:
    """Another stamp about the same work, by whatever tool: it counts, although its row is not one of ours."""
    for write in work.change.writes:
        about = write.cells.get("context_id") if write.table == "stamps" else None
        for (table, key), row in rows.items() if about else ():
            if table == "stamps" and key != write.key and row is not None and row.text("context_id") == about:
                return f"this work is stamped already: {key} by {row.text('author')}"
    return None


@contextmanager
def _under_way(work: _Work) -> Iterator[None]:
    """While rows may come to main and the end of it was not seen, nothing says that the decision changed nothing."""
    notes, about_to_s = work.site.store.notes, work.site.policy.timing.about_to_s
    notes.intend_merge(work.pull, ttl_s=about_to_s)
    try:
        if notes.answer_intended(work.pull, work.step.comment):
            raise HubUnsettled("the command was answered a moment ago and the answer is not listed yet")
        yield
    except HubBusy as later:
        if not later.unknown_end:
            notes.drop_merge(work.pull)
        raise
    except HubRefused:
        notes.drop_merge(work.pull)
        raise
    notes.drop_merge(work.pull)


# --- straight to main -----------------------------------------------------------------------------------------------


def _land_direct(work: _Work) -> Ended:
    """Guarded statements in order, each read back before the next. Resumable at each point: what is written is skipped."""
    for write in work.change.writes:
        work.lease.extend()
        main = main_head(work.site)
        rows = _rows_at(work, main)
        if work.change.done_in(rows):
            return Done()
        taken = _taken(work, rows) or _stamped(work, rows)
        if taken is not None:
            return _overtaken(work, main, taken, _half(work, rows))
        if is_written(write, rows[write.table, write.key]):
            continue
        try:
            with _under_way(work):
                _write(work, "main", write)
        except HubRefused as no:
            half = _half(work, rows)
            if not half or no.status == 401 or no.withheld:
                raise
            return Refused(f"DoltHub refused: {no}{half}", changed=True)
    return _settled(work)


def _half(work: _Work, rows: Mapping[tuple[str, str], Row | None]) -> str:
    """What a landing that cannot be finished leaves on main: nothing, where its first row is not there."""
    if not is_written(first := work.change.writes[0], rows[first.table, first.key]):
        return ""
    there = [f"{w.table} {w.key}" for w in work.change.writes if is_written(w, rows[w.table, w.key])]
    return f"; written before that, and for a maintainer to put right: {', '.join(there)}" if there else ""


def _settled(work: _Work) -> Ended:
    main = main_head(work.site)
    rows = _rows_at(work, main)
    if work.change.done_in(rows):
        return Done()
    half = _half(work, rows)
    if (taken := _taken(work, rows) or _stamped(work, rows)) is not None:
        return _overtaken(work, main, taken, half)
    missing = next(w for w in work.change.writes if not is_written(w, rows[w.table, w.key]))
    return Refused(f"DoltHub took the row {missing.table} {missing.key} and did not keep it{half}", changed=bool(half))


def _write(work: _Work, branch: str, write: RowWrite) -> None:
    """One statement. Its answer is not believed; whoever calls reads the row back."""
    stamp = write.table == "stamps" and write.write is Write.INSERT
    statement = sql.write_row(
        write, columns=work.columns, now=work.site.clock(), note=work.step.change.note, unless_stamped=stamp
    )
    try:
        work.hub.write(work.commons, branch, statement)
    except HubRefused:
        # A key that is taken: by another try of this same decision, perhaps.
        if is_untouched(write, _row_at(work, branch, write)):
            raise


# --- by a pull of our own -------------------------------------------------------------------------------------------


def _land_by_pull(work: _Work) -> Ended:
    """Branch, rows, pull, merge: each looked for before it is made. If main took the rows meanwhile, once more from there."""
    spoiled: dict[str, str] = {}
    for _ in range(BASES_MAX):
        main = main_head(work.site)
        rows = _rows_at(work, main)
        if work.change.done_in(rows):
            return Done()
        taken = _taken(work, rows) or _stamped(work, rows)
        if taken is not None:
            return _overtaken(work, main, taken)
        name, base, is_new = _branch(work, main, spoiled)
        try:
            ended = _merge_branch(work, name, base, is_new=is_new)
        except _Spoiled as why:
            spoiled[name] = str(why)
            _drop_pull_of(work, name)
            continue
        if ended is not None:
            return ended
    if spoiled:
        raise HubObstructed(f"other accounts changed the branches of this decision: {'; '.join(spoiled.values())}")
    raise HubUnsettled("main keeps moving under the landing branch")


def _branch(work: _Work, main: CommitHash, spoiled: Container[str]) -> tuple[str, CommitHash, bool]:
    """The landing branch of this decision that main's rows still allow, else a new one at main; its base, whether it is new.

    Its first name can be known before it is made, and every account that may write to the commons could have made it: what
    lies on it counts. Where that name is of no use, the next one cannot be foreseen.
    """
    root = f"{BRANCH_ROOT}/{work.change.decision}/"
    names = {branch.name for branch in work.hub.branches(work.commons) if branch.name.startswith(root)}
    for name in sorted(names):
        if name in spoiled:
            continue
        if (base := _usable(work, name, main)) is not None:
            return name, base, False
        _drop_pull_of(work, name)
    fresh = (f"{root}{main[:8]}-{secrets.token_hex(FRESH_NAME_BYTES)}" for _ in range(BASES_MAX))
    for name in (f"{root}{main[:8]}", *fresh):
        if name in names or name in spoiled:
            continue
        try:
            work.hub.create_branch(work.commons, name, at=main)
        except HubConflict:
            # Made by a try whose answer was lost, and not listed yet; or by a stranger.
            if (base := _usable(work, name, main)) is None:
                continue
            return name, base, False
        return name, main, True
    raise HubObstructed(f"the names of landing branches below {root} are taken")


def _usable(work: _Work, name: str, main: CommitHash) -> CommitHash | None:
    """The base of a landing branch that is there, if main's rows still allow it and nothing but the decision lies on it."""
    head = branch_head(work.hub, work.commons, name)
    bases = _bases(work, head, main) if head is not None else ()
    if head is None or len(bases) != 1 or not _untouched_since(work, base := bases[0], main):
        return None
    return base if _odd(work, base, head, whole=False) is None else None


def _bases(work: _Work, head: CommitHash, main: CommitHash) -> tuple[CommitHash, ...]:
    """The best common ancestors of a landing branch and main, the one that Dolt takes first."""
    parting = diff.parting(work.hub, work.commons, work.commons, head, main)
    return (parting.base, *parting.other_bases) if parting.base is not None else ()


def branch_head(hub: Hub, commons: Commons, branch: str) -> CommitHash | None:
    """Head of a branch of the commons, asked of the branch itself: lists lag."""
    try:
        rows = hub.rows(commons, branch, sql.hash_of(branch))
    except HubRefused:
        return None
    head = rows[0].text("head") if rows else ""
    return CommitHash(head) if is_commit_hash(head) else None


def _untouched_since(work: _Work, base: CommitHash, main: CommitHash) -> bool:
    """Whether main still has the decision's rows as they were at the base, so that the branch merges to what was written."""
    if base == main:
        return True
    then, now = _rows_at(work, base), _rows_at(work, main)
    return then.keys() == now.keys() and all(same_row(row, now[name]) for name, row in then.items())


def _merge_branch(work: _Work, name: str, base: CommitHash, *, is_new: bool) -> Ended | None:
    """Write what is missing on the branch, check it whole, open its pull, merge. None: main moved, begin again.

    A branch made this moment has the rows of its base. What another account wrote there since, the check of the whole shows.
    """
    rows = _rows_at(work, base if is_new else name)
    for write in work.change.writes:
        work.lease.extend()
        if not _holds(name, write, rows):
            _write(work, name, write)
    try:
        head = _whole(work, name, base)
    except _Spoiled:
        rows = _rows_at(work, name)
        for write in work.change.writes:
            if not _holds(name, write, rows):
                return Refused(f"DoltHub took the row {write.table} {write.key} and did not keep it")
        raise
    number = _open_pull(work, name)
    work.lease.extend()
    if _whole(work, name, base) != head:
        raise _Spoiled(f"{name} moved while its pull was opened")
    return _merge_own(work, number, base, head)


def _holds(name: str, write: RowWrite, rows: Mapping[tuple[str, str], Row | None]) -> bool:
    """Whether a landing branch holds a row of the decision, or not yet. Raises _Spoiled where it holds another one."""
    row = rows[write.table, write.key]
    if not is_written(write, row) and not is_untouched(write, row):
        raise _Spoiled(f"{name} holds a {write.table} row that nobody of ours wrote")
    return is_written(write, row)


def _whole(work: _Work, name: str, base: CommitHash) -> CommitHash:
    """The head of the landing branch, once its whole difference from the base is the decision, cell for cell."""
    head = branch_head(work.hub, work.commons, name)
    if head is None:
        raise HubUnsettled(f"the landing branch {name} cannot be read yet")
    odd = _odd(work, base, head)
    if odd is not None:
        raise _Spoiled(f"{name} differs from the decision: {odd}")
    return head


def _odd(work: _Work, base: CommitHash, head: CommitHash, *, whole: bool = True) -> str | None:
    """As `difference`, of what lies between two commits; asked about defaults only where a cell needs one to explain it."""
    changes = diff.read_changes(work.hub, work.commons, base, head, pool=work.site.readers)
    odd = difference(work.change, changes, whole=whole)
    if odd is None:
        return None
    defaults = wire.read_defaults(work.hub.rows(work.commons, base, sql.defaults()))
    return difference(work.change, changes, whole=whole, defaults=defaults)


_NO_DEFAULTS: Mapping[tuple[str, str], str] = {}


def difference(
    change: LedgerChange,
    changes: Changes,
    *,
    whole: bool = True,
    defaults: Mapping[tuple[str, str], str] = _NO_DEFAULTS,
) -> str | None:
    """Where what lies on a branch is not the decision; None if it is, cell for cell. Touched columns may hold any time.

    `whole`: a row that is missing is a difference, too. `defaults`: by table and column, what a fresh row fills itself with.
    """
    if changes.schema or changes.unread or changes.untold:
        return "tables changed that the decision does not touch"
    writes = {(w.table, w.key): w for w in change.writes}
    seen: set[tuple[str, str]] = set()
    for row in changes.rows:
        write = writes.get((row.table, row.key))
        if write is None:
            return f"{row.table} {row.key} is not part of it"
        if not is_written(write, row.after) or _strays(write, row, defaults):
            return f"{row.table} {row.key} reads otherwise"
        seen.add((row.table, row.key))
    missing = [key for key in writes if key not in seen] if whole else []
    return f"{missing[0][0]} {missing[0][1]} is missing" if missing else None


def _strays(write: RowWrite, row: RowChange, defaults: Mapping[tuple[str, str], str]) -> bool:
    """Whether a cell holds what the decision does not set: another value than before, or in a fresh row, than its default."""
    said = {write.key_column, *(column for column, _ in write.cells.cells), *write.touch}
    others = [column for column in row.changed if column not in said]
    match write.write:
        case Write.UPDATE:
            return any(not same_cell(c, row.old(c), row.new(c)) for c in others)
        case Write.INSERT:
            return any(not _fills_itself(defaults.get((row.table, c)), c, row.new(c)) for c in others)
        case Write.DELETE:
            return False


def _fills_itself(default: str | None, column: str, cell: str | None) -> bool:
    """Whether a cell may come from its column's default. What an expression comes to, such as a time, is not known here."""
    if default is None:
        return False
    return default.startswith("CURRENT_") or "(" in default or same_cell(column, default, cell)


def _open_pull(work: _Work, name: str) -> PullNo:
    """The open pull of the landing branch: made, or found where an earlier try made it, or another account.

    DoltHub takes one open pull for a branch. Whose it is does not matter: what it brings is the branch, and that is compared
    with the decision before the merge and after it.
    """
    description = f"Rows of one decision, written by stampbot. {work.step.change.note}."
    try:
        return work.hub.open_pull(work.commons, title=work.step.title, description=description, branch=name)
    except HubConflict:
        found = _pull_of(work, name)
        if found is not None:
            return found
        if (taken := _strangers_pull_of(work, name)) is not None:
            if taken.target == BranchRef(work.commons, "main"):
                return taken.number
            raise _Spoiled(f"{taken.creator} opened a pull from {name} to {taken.target}") from None
        raise HubUnsettled(f"the landing pull of {name} is not listed yet") from None


def _pull_of(work: _Work, name: str) -> PullNo | None:
    bot = work.site.writer
    for summary in work.hub.pulls(work.commons):
        if summary.state is not PullState.OPEN or summary.creator != bot or summary.title != work.step.title:
            continue
        if work.hub.pull(work.commons, summary.number).source.branch == name:
            return summary.number
    return None


def _strangers_pull_of(work: _Work, name: str) -> Pull | None:
    """The open pull of another account from the landing branch. All are read, newest first: its author may open more."""
    bot = work.site.writer
    others = (p.number for p in work.hub.pulls(work.commons) if p.state is PullState.OPEN and p.creator != bot)
    found = (work.hub.pull(work.commons, number) for number in others)
    return next((p for p in found if p.state is PullState.OPEN and p.source == BranchRef(work.commons, name)), None)


def _drop_pull_of(work: _Work, name: str) -> None:
    """Close the pull of a landing branch that is overtaken or spoiled. The branch stays: no token may delete one."""
    number = _pull_of(work, name)
    if number is not None:
        put_away(work.site, number)


def put_away(site: Site, number: PullNo) -> None:
    """Close a landing pull that serves nothing any more. Raises HubError, a refusal only where the pull is still open."""
    try:
        site.hub.close(site.commons, number)
    except HubRefused:
        # A merge that was begun before has ended this moment: then main is what counts.
        if site.hub.pull(site.commons, number).state is PullState.OPEN:
            raise


def _merge_own(work: _Work, number: PullNo, base: CommitHash, head: CommitHash) -> Ended | None:
    """Merge the landing pull; whatever is answered, main is read. None: main took the rows meanwhile."""
    if work.hub.merging(work.commons):
        raise HubUnsettled("another merge is running on this commons")
    main = main_head(work.site)
    if not _untouched_since(work, base, main):
        return None
    if _bases(work, head, main) != (base,):
        raise _Spoiled(f"pull {number} would be merged from another commit than {base}, from which it was compared")
    if (stamped := _stamped(work, _rows_at(work, main))) is not None:
        return _overtaken(work, main, stamped)
    try:
        with _under_way(work):
            work.hub.merge(work.commons, number)
    except HubRefused as no:
        if no.status == 401:
            raise
        after = main_head(work.site)
        rows = _rows_at(work, after)
        if work.change.done_in(rows):
            # Not by this pull: another try of the same decision, asleep until now, has brought them by its own.
            merged = work.hub.pull(work.commons, number).state is PullState.MERGED
            return _as_checked(work, number, head, after) if merged else Done()
        if after != main and not _untouched_since(work, base, after):
            return None
        now = work.hub.pull(work.commons, number)
        if now.creator != work.site.writer and now.state is not PullState.OPEN:
            return None  # its author closed it this moment, and the way is free
        if no.withheld:
            raise HubRefused(f"landing pull {number}: {no}", status=no.status, code=no.code) from no
        return Refused(f"DoltHub does not merge the landing pull {number}: {no}")
    after = main_head(work.site)
    rows = _rows_at(work, after)
    if not work.change.done_in(rows):
        raise HubUnsettled("the landing pull is merged but main does not show it yet", unknown_end=True)
    ended = _as_checked(work, number, head, after)
    # A merge knows no guard: another stamp that came in this very moment is for the receipt to tell.
    return Done(look_again=True) if ended == Done() and _stamped(work, rows) is not None else ended


def _as_checked(work: _Work, number: PullNo, head: CommitHash, main: CommitHash) -> Ended:
    """Whether the landing pull came to main at the head that was checked: a merge names none, and the branch is no secret."""
    if head == main or merge_of(work.site, head, main) is not None:
        return Done()
    return Refused(
        f"the rows of this decision are on main, but pull {number} brought them at another head than was checked,"
        " and a maintainer has to see what else it brought",
        changed=True,
    )
