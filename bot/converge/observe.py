"""Reads everything about one pull into one frozen Snapshot.

Every read but the first few is pinned to a commit hash: heads are read once, and everything else is read at them. Strangers'
URLs are never fetched here; their fact sheets are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands import decision_rows
from bot.converge import writers
from bot.converge.bot import Site
from bot.converge.reads import Reads, Rows, columns_at, main_head
from bot.converge.related import commons as elsewhere
from bot.converge.related import evidence
from bot.converge.related import ledger as surroundings
from bot.dolthub import diff, sql, wire
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubRefused, HubStrange, HubUnsettled
from bot.evidence import as_known, beside_commons, probe_key
from bot.model.adoption import taken_over
from bot.model.evidence import Probe
from bot.model.history import Commit
from bot.model.ids import CommitHash, Commons, Handle, PullNo, StampId, User, is_commit_hash, stamp_id
from bot.model.kind import PullKind
from bot.model.ledger import Changes, Completion, Rig, RigLink, Row, Stamp, Wanted, read_time
from bot.model.mark import NO_HEAD, Mark, MarkKind, read_mark
from bot.model.policy import Landing
from bot.model.pull import BranchRef, Comment, Pull, PullState
from bot.model.snapshot import Landed, Merge, Present, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """The first, unpinned reads: the pull, what was said below it, and where main stands."""

    pull: Pull
    comments: tuple[Comment, ...]
    main_head: CommitHash
    bot: User | None

    @property
    def reviewed_heads(self) -> tuple[CommitHash, ...]:
        """Heads our reviews speak of, newest first."""
        return tuple(dict.fromkeys(mark.head for mark in self._reviews))

    def main_before(self, head: CommitHash) -> tuple[CommitHash, ...]:
        """Where main stood in reviews of ours of this head, newest first, if the branch left main there."""
        return tuple(dict.fromkeys(mark.main for mark in self._reviews if mark.head == head and mark.main is not None))

    @property
    def _reviews(self) -> tuple[Mark, ...]:
        marks = (read_mark(c, self.bot) for c in reversed(self.comments))
        return tuple(m for m in marks if m is not None and m.kind is MarkKind.REVIEW and m.head != NO_HEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brought:
    """What a pull changes, and from where to where."""

    head: CommitHash | None = None
    base: CommitHash | None = None
    other_bases: tuple[CommitHash, ...] = ()
    changes: Changes
    reviewed: Changes
    since_last: Changes | None = None
    merge: Merge | None = None
    base_at: datetime | None = None
    commits: tuple[Commit, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ledger:
    """Rows of the commons at one commit."""

    items: tuple[Wanted, ...]
    completions: tuple[Completion, ...]
    stamps: tuple[Stamp, ...]


NOTHING = Changes()
LINE_PAGES_MAX = 50
NO_PULL = PullNo(0)
"""Stands for the pull that is not opened yet."""
MOVABLE = (PullKind.WORK, PullKind.CLAIM, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK)
"""Kinds that change rows which others change too, and whose merge may conflict."""
MOVED_ROWS_MAX = 20
NOT_FOR_US = (403, 404)
"""How DoltHub says of a stranger's fork that it is gone or private (which of the two a private one gets is not documented)."""


def observe(number: PullNo, site: Site) -> Snapshot:
    """All facts of one pull, now. Raises HubError: without all the facts there is no snapshot."""
    return _observed(_said(number, site), site)


def observe_branch(source: BranchRef, site: Site) -> Snapshot:
    """As `observe`, of a branch as if its owner had just opened a pull from it to main. Raises HubError."""
    pull = Pull(
        number=NO_PULL,
        title=source.branch,
        description="",
        state=PullState.OPEN,
        creator=User(source.database.owner),
        source=source,
        target=BranchRef(site.commons, "main"),
        created_at=site.clock(),
    )
    return _observed(_Said(pull=pull, comments=(), main_head=main_head(site), bot=None), site)


def _observed(said: _Said, site: Site) -> Snapshot:
    hub, policy = site.hub, site.policy
    merged = said.pull.state is PullState.MERGED
    brought = _brought_by_merge(said, site) if merged else _brought(said, site)
    if merged and brought.merge is None and (now := main_head(site)) != said.main_head:
        # Merged after main was read: what is not there yet must not be taken for what never comes.
        said = replace(said, main_head=now)
        brought = _brought_by_merge(said, site)
    columns = columns_at(site, said.main_head)
    sketch = Snapshot(
        taken_at=site.clock(),
        commons=site.commons,
        bot=said.bot,
        policy=policy,
        pull=said.pull,
        main_head=said.main_head,
        head=brought.head,
        base=brought.base,
        other_bases=brought.other_bases,
        comments=said.comments,
        comments_readable=hub.comments_readable,
        merging=_may_be_merging(said, site),
        changes=brought.changes,
        reviewed=brought.reviewed,
        since_last=brought.since_last,
        merge=brought.merge,
        base_at=brought.base_at,
        commits=brought.commits,
        columns=columns,
    )
    if sketch.head is None and not merged and sketch.unanswered:
        sketch = replace(sketch, changes=_taken_over(sketch, site))
    return _with_moves(_with_rows(sketch, site), site)


# --- heads and changes ----------------------------------------------------------------------------------------------


def _said(number: PullNo, site: Site) -> _Said:
    """Main is read before the pull: read the other way round, a merge in between would look like a pull that brings nothing."""
    hub = site.hub
    bot = site.account
    comments = site.readers.submit(hub.comments, site.commons, number)
    main = main_head(site)
    pull = hub.pull(site.commons, number)
    return _Said(pull=pull, comments=comments.result(), main_head=main, bot=bot)


def source_head(hub: Hub, pull: Pull) -> CommitHash | None:
    """Head of the source branch; None if branch or fork is gone or private.

    The list of branches may lag behind a push through the API, so the branch is asked itself where the list has no such name
    (wl commit 9a4ad5a).
    """
    source = pull.source
    try:
        if (listed := _listed_head(hub, pull)) is not None:
            return listed
        rows = hub.rows(source.database, source.branch, sql.hash_of(source.branch))
    except HubRefused as no:
        if no.status not in NOT_FOR_US:
            raise
        return None
    head = rows[0].text("head") if rows else ""
    return CommitHash(head) if is_commit_hash(head) else None


def _listed_head(hub: Hub, pull: Pull) -> CommitHash | None:
    """The head of the source branch in the list of branches; None where it is not there, or the list has too many pages."""
    try:
        return next((b.head for b in hub.branches(pull.source.database) if b.name == pull.source.branch), None)
    except HubStrange as strange:
        if not strange.too_large:
            raise
        return None


def _brought(said: _Said, site: Site) -> _Brought:
    """What an unmerged pull would bring: its three-dot diff, from the merge base with main to its head."""
    source = said.pull.source.database
    head = source_head(site.hub, said.pull)
    if head is None:
        return _Brought(changes=NOTHING, reviewed=NOTHING)
    try:
        parting = diff.parting(site.hub, source, site.commons, head, said.main_head)
        base = parting.base
        if base is None:
            return _Brought(head=head, changes=NOTHING, reviewed=NOTHING)
        if base == head and said.pull.number != NO_PULL:
            _wait_for_merge(said.pull, site)
        changes = diff.read_changes(site.hub, source, base, head, pool=site.readers, main=site.commons)
        last = next(iter(said.reviewed_heads), head)
        since = _since(source, last, head, site) if last != head else None
    except HubRefused as no:
        if no.status not in NOT_FOR_US:
            raise
        return _Brought(changes=NOTHING, reviewed=NOTHING)
    except HubStrange as strange:
        if not strange.too_large:
            raise
        # The owner of the branch can make it so. The pull is still named, reviewed as CANNOT TELL, and can be closed.
        return _Brought(head=head, changes=Changes(untold=(("", str(strange)),)), reviewed=NOTHING)
    return _Brought(
        head=head,
        base=base,
        other_bases=parting.other_bases,
        changes=changes,
        reviewed=NOTHING,
        since_last=since,
        base_at=parting.base_at,
        commits=parting.commits,
    )


def _wait_for_merge(pull: Pull, site: Site) -> None:
    """Main holds all of a pull: it brings nothing, or it is merged and only its state does not say so yet.

    A merge is a job (DoltHub API v2 contract, mergePull), and nothing promises that main and the pull change at once.
    Raises HubBusy while it may be the latter: judged as it looks, an accepted work would be refused as empty.
    """
    begun = site.store.notes.merge_intended(pull.number)
    if begun or site.hub.merging(site.commons) or site.hub.pull(site.commons, pull.number).state is not pull.state:
        raise HubUnsettled(f"main holds what pull {pull.number} brings, and the pull does not show as merged yet")


def _may_be_merging(said: _Said, site: Site) -> bool:
    """Whether what was decided on an open pull may be about to come to main: begun a moment ago, or once, and some merge runs.

    Which pull a running merge is about, DoltHub does not say. Raises HubBusy if it came about while we looked.
    """
    pull, notes = said.pull, site.store.notes
    if pull.state is not PullState.OPEN or not notes.merge_begun(pull.number):
        return False
    if notes.merge_intended(pull.number) or site.hub.merging(site.commons):
        return True
    if main_head(site) != said.main_head or site.hub.pull(site.commons, pull.number).state is not pull.state:
        raise HubUnsettled(f"main moved this moment, perhaps by what was decided on pull {pull.number}")
    return False


def _since(source: Commons, last: CommitHash, head: CommitHash, site: Site) -> Changes | None:
    """What came since the last review. A rewritten branch may have forgotten that head: then nothing can be told."""
    try:
        return diff.read_changes(site.hub, source, last, head, pool=site.readers)
    except (HubRefused, HubStrange):
        return None


def _brought_by_merge(said: _Said, site: Site) -> _Brought:
    """What a merged pull brought, read from main alone: once merged, the merge base is the head, and the fork may be gone."""
    for head in said.reviewed_heads:
        merge = merge_of(site, head, said.main_head)
        if merge is None and (merge := _fast_forward(said, head, site)) is not None:
            # The head descends from main as it was, so the rows that came are the rows that were reviewed.
            changes = diff.read_changes(site.hub, site.commons, merge.before, head, pool=site.readers)
            return _Brought(head=head, base=merge.before, changes=changes, reviewed=changes, merge=merge)
        if merge is None:
            continue
        changes = diff.read_changes(site.hub, site.commons, merge.before, merge.commit, pool=site.readers)
        parting = diff.parting(site.hub, site.commons, site.commons, head, merge.before)
        base = parting.base
        reviewed = diff.read_changes(site.hub, site.commons, base, head, pool=site.readers) if base is not None else NOTHING
        return _Brought(
            head=head,
            base=merge.before,
            other_bases=parting.other_bases,
            changes=changes,
            reviewed=reviewed,
            merge=merge,
        )
    return _merged_elsewhere(said, site)


def merge_of(site: Site, head: CommitHash, main: CommitHash) -> Merge | None:
    """The commit on main's first-parent line whose parent 1 is `head`.

    Only that line is main's own. A commit that a merge brought along has the parents its author gave it: a worker can bring
    a merge of their own, of the reviewed head into rows of their choice, and rows and trust "before" it would be theirs. For
    the same reason a head that main merely holds is not taken for merged: what lies on top of it may have been.
    """
    found = {row.text("commit_hash") for row in site.hub.rows(site.commons, main, sql.merges_of(head))}
    if not found:
        return None
    line = _main_line(site, main)
    return next((replace(merge, head=head) for merge in line if merge.commit in found), None)


def _fast_forward(said: _Said, head: CommitHash, site: Site) -> Merge | None:
    """The merge that moved main itself to the reviewed head and made no commit; None if none can be told.

    Where main stood before is taken from the review and not from history: a worker chooses the parents of the branch's commits.
    That commit must lie on main's first-parent line below the head. And main must stand at the head, or must have stood there
    at an earlier look: below a head that was pushed later, the reviewed head lies on that line too. Dolt merges so by default
    where main has not moved; whether DoltHub does is not known.
    """
    notes, number = site.store.notes, said.pull.number
    before = said.main_before(head)
    if not before or not (head == said.main_head or notes.fast_forwarded(number, head)):
        return None
    there = False
    for own in _main_line(site, said.main_head):
        there = there or own.commit == head
        if there and own.before in before:
            return Merge(commit=head, before=own.before, head=head, at=notes.saw_fast_forward(number, head))
    return None


def _main_line(site: Site, main: CommitHash) -> Iterator[Merge]:
    """Main's own commits, newest first, each with the one before it (its first parent) and its time."""
    query = sql.first_parents(main)
    known: dict[str, Row] = {}
    at = main
    for page in range(LINE_PAGES_MAX):
        rows = site.hub.rows_page(site.commons, main, query, page)
        known |= {row.text("commit_hash"): row for row in rows}
        while at in known and is_commit_hash(known[at].text("parent_hash")):
            row, before = known[at], CommitHash(known[at].text("parent_hash"))
            yield Merge(commit=at, before=before, head=at, at=read_time(row.get("made_at")))
            at = before
        if at in known or len(rows) < query.per_page:
            return
    raise HubStrange(f"no end of the history of {site.commons} after {LINE_PAGES_MAX * query.per_page} commits")


def _merged_elsewhere(said: _Said, site: Site) -> _Brought:
    """A merge whose head no review of ours names: the head it brought is the source's head now, if that is on main."""
    live = source_head(site.hub, said.pull)
    merge = merge_of(site, live, said.main_head) if live is not None else None
    if merge is None:
        return _Brought(head=live, changes=NOTHING, reviewed=NOTHING)
    changes = diff.read_changes(site.hub, site.commons, merge.before, merge.commit, pool=site.readers)
    return _Brought(head=live, base=merge.before, changes=changes, reviewed=NOTHING, merge=merge)


# --- rows -----------------------------------------------------------------------------------------------------------


def _with_rows(sketch: Snapshot, site: Site) -> Snapshot:
    """The sketch with rows of the commons, fact sheets and rivals: what the changes name decides what is read."""
    store = site.store
    at = sketch.merge.before if sketch.merge is not None else sketch.main_head
    columns = {commit: columns_at(site, commit) for commit in (at, sketch.main_head)}
    reads = Reads(site=site, columns=columns)
    then = _read_ledger(reads, sketch, at)
    now = _read_ledger(reads, sketch, sketch.main_head) if at != sketch.main_head else then
    known = _settle(then)
    worker = sketch.worker or _claimant(sketch, known)
    urls = tuple(link.url for link in sketch.links)
    sheets = _sheets(urls, site)
    handed = evidence.things(sketch, sheets.values(), site)

    # All rigs and links, for a tie may lead through any number of them. At a commit this is read once for all pulls.
    past = _past_ties(sketch, at, site)
    rigs, links, record, alike, *surrounding = reads.read_together(
        at,
        sql.all_rigs(),
        sql.all_rig_links(),
        sql.record_of(worker) if worker else sql.NOTHING,
        evidence.search(handed),
        *surroundings.queries(sketch, worker),
    )
    rigs_now = rigs if at == sketch.main_head else reads.read(sketch.main_head, sql.all_rigs())
    asked = surroundings.Asked(*surrounding)
    found = tuple(Rig(r) for r in rigs.result())
    renown = elsewhere.ask(_to_be_told(sketch, worker, found), site)
    current = known if now is then else _settle(now)
    landed = _landed(sketch, current, site)
    return replace(
        sketch,
        items=known.items,
        completions=known.completions,
        rigs=found,
        rig_links=tuple(RigLink(r) for r in links.result()),
        past_rigs=tuple(Rig(r) for r in past[0].result()) if past else (),
        past_rig_links=tuple(RigLink(r) for r in past[1].result()) if past else (),
        on_main_now=Present(
            items=current.items,
            completions=current.completions,
            stamps=current.stamps,
            rigs=tuple(Rig(r) for r in rigs_now.result()),
        ),
        landed=landed,
        landing=_landing(sketch, site) if landed and sketch.policy.landing is Landing.PULL else None,
        record=wire.read_record(record.result()),
        elsewhere=renown.known(),
        probes=tuple(sheets[url] for url in urls if url in sheets),
        uses=evidence.uses(sketch, handed, alike.result(), site),
        surroundings=asked.surroundings(),
        namesakes=asked.others(sketch),
        rivals=store.pulls.rivals(sketch.item_id, besides=sketch.pull.number) if sketch.item_id else (),
        first_look_at=store.notes.first_look(sketch.pull.number, sketch.evidence_key),
        head_seen_at=_head_seen_at(sketch, site),
    )


def _head_seen_at(sketch: Snapshot, site: Site) -> datetime | None:
    """When the bot first saw a head that was pushed after a review; None for others, whose age needs no note."""
    if sketch.head is None or not sketch.reviews or sketch.head_reviewed_at is not None:
        return None
    return site.store.notes.first_look(sketch.pull.number, sketch.head)


def _past_ties(sketch: Snapshot, at: CommitHash, site: Site) -> tuple[Rows, ...]:
    """Rigs and links as they stood where the branch left main: a tie that is cut while the work is under way still counts."""
    if sketch.base is None or sketch.base == at or sketch.kind is not PullKind.WORK:
        return ()
    reads = Reads(site=site, columns={sketch.base: columns_at(site, sketch.base)})
    return reads.read_together(sketch.base, sql.all_rigs(), sql.all_rig_links())


def _with_moves(snapshot: Snapshot, site: Site) -> Snapshot:
    """The snapshot with who wrote the rows of this pull that main has moved on: two requests, and only where there are such.

    That DoltHub answers such a join is inferred from Dolt's documentation; where it does not, nobody is named.
    """
    if snapshot.pull.state is not PullState.OPEN or snapshot.base is None or snapshot.kind not in MOVABLE:
        return snapshot
    there = snapshot.rows_on_main()
    moved = [c for c in snapshot.changes.rows if (row := there.get((c.table, c.key))) is not None and c.moved_on(row)]
    if not moved:
        return snapshot
    table = moved[0].table
    keys = [change.key for change in moved if change.table == table][:MOVED_ROWS_MAX]
    main = writers.Main(hub=site.hub, commons=site.commons, head=snapshot.main_head)
    try:
        moves = writers.moves(main, table, keys, snapshot.base)
    except (HubRefused, HubStrange):
        return snapshot
    return replace(snapshot, moves=moves)


def _sheets(urls: tuple[str, ...], site: Site) -> dict[str, Probe]:
    """Fact sheets by URL: the forge's own word where the bot asks one about a link, else the link checker's."""
    keys = {url: key for url in urls if site.forges is not None and (key := site.forges.key(url))}
    said = site.store.shared.forge_probes.get_many(keys.values())
    plain = {url: probe_key(url) for url in urls if url not in keys}
    checked = site.store.shared.probes.get_many(plain.values())
    found = {url: said[key] for url, key in keys.items() if key in said}
    found |= {url: checked[key] for url, key in plain.items() if key in checked}
    known = {url: as_known(replace(probe, url=url), site.hosts) for url, probe in found.items()}
    return {url: beside_commons(probe, site.commons.name) for url, probe in known.items()}


def _read_ledger(reads: Reads, sketch: Snapshot, at: CommitHash) -> tuple[Rows, ...]:
    ids = sketch.item_ids[:50]
    handed = [c.key for c in sketch.changes.of("completions")][:50]
    derived = [stamp_id(sketch.commons, done.id) for done in (sketch.completion,) if done is not None]
    return reads.read_together(
        at,
        sql.rows_by("wanted", "id", ids),
        sql.completions_of(ids, [c.new("context_id") or "" for c in sketch.changes.of("stamps")][:50]),
        sql.stamps_for(handed, [StampId(d) for d in derived]),
    )


def _settle(reads: tuple[Rows, ...]) -> _Ledger:
    items, completions, stamps = reads
    return _Ledger(
        items=tuple(Wanted(r) for r in items.result()),
        completions=tuple(Completion(r) for r in completions.result()),
        stamps=tuple(Stamp(r) for r in stamps.result()),
    )


def _landed(sketch: Snapshot, now: _Ledger, site: Site) -> tuple[Landed, ...]:
    """Whose decision brought the completion of a pull to main that was not merged: only then is there anything to ask."""
    done = sketch.completion
    if sketch.merged or done is None or all(c.id != done.id for c in now.completions):
        return ()
    return tuple(landed for landed, _ in _serving(sketch, site))


def _serving(sketch: Snapshot, site: Site) -> tuple[tuple[Landed, str], ...]:
    """Our commits on main that serve this pull, newest first, each with its whole message."""
    writer, served = site.writer, decision_rows.serving(sketch)
    if writer is None:
        return ()
    rows = site.hub.rows(sketch.commons, sketch.main_head, sql.notes(sketch.main_head, writer, decision_rows.NOTE, served))
    told = ((row.text("commit_hash"), row.text("message")) for row in rows)
    found = ((Landed(commit=CommitHash(commit), note=sql.note_in(message)), message) for commit, message in told)
    return tuple(
        (each, message) for each, message in found if (of := decision_rows.noted(each.note)) and of[1] == sketch.pull.number
    )


def _landing(sketch: Snapshot, site: Site) -> PullNo | None:
    """The pull of our own that brought the rows of a decision to main which has no answer yet."""
    writer, waiting = site.writer, sketch.unanswered
    return next(
        (
            pull.number
            for pull in (site.hub.pulls(sketch.commons) if waiting else ())
            if pull.state is PullState.MERGED
            and pull.creator == writer
            and decision_rows.served_pull(pull.title) == sketch.pull.number
            and any(decision_rows.serves_comment(pull.title, comment.id) for comment in waiting)
        ),
        None,
    )


def _taken_over(sketch: Snapshot, site: Site) -> Changes:
    """Of a pull whose branch is gone: the completion that a decision of ours took over of it, if one did."""
    serving = _serving(sketch, site)
    items = [of[0] for landed, _ in serving if (of := decision_rows.noted(landed.note)) is not None]
    if not items:
        return NOTHING
    rows = site.hub.rows(sketch.commons, sketch.main_head, sql.completions_of(items[:1], []))
    written = [row for row in rows if any(sql.inserts(message, "completions", row.text("id")) for _, message in serving)]
    return taken_over(Completion(written[0])) if len(written) == 1 else NOTHING


def _claimant(sketch: Snapshot, known: _Ledger) -> Handle | None:
    return next((i.claimed_by for i in known.items if i.id == sketch.item_id), None)


def people(sketch: Snapshot, known: _Ledger) -> tuple[tuple[Handle, ...], tuple[str, ...]]:
    """Handles and accounts that play a part: whoever works, claims, posts, stamps, registers, comments or may decide."""
    # Branches are named `wl/<rig>/<item>`, and a handle may hold slashes; it is never more than a claim to be that rig.
    handles: list[str | None] = [sketch.worker, sketch.pull.source.branch.removeprefix("wl/").rpartition("/")[0] or None]
    for item in (*known.items, *(i for i in (sketch.item_on_head,) if i is not None)):
        handles += [item.claimed_by, item.posted_by]
    handles += [c.completed_by for c in known.completions]
    for change in sketch.changes.rows[:200]:
        for column in (
            "handle",
            "completed_by",
            "claimed_by",
            "posted_by",
            "author",
            "subject",
            "parent_rig",
            "rig_a",
            "rig_b",
        ):
            handles += [change.new(column), change.old(column)]
    handles += [v.rig for v in sketch.policy.validators]
    owners = [sketch.pull.creator, sketch.pull.source.database.owner, *(c.author for c in sketch.comments)]
    owners += [v.user for v in sketch.policy.validators]
    owners += [change.new("dolthub_org") or "" for change in sketch.changes.of("rigs")[:200]]
    return tuple(Handle(h) for h in dict.fromkeys(handles) if h), tuple(o for o in dict.fromkeys(owners) if o)


NAMES_MAX = 200


def names_looked_at(snapshot: Snapshot) -> frozenset[str]:
    """Handles and accounts whose rigs a judgement of this pull looks at: where main gains or changes one, it may be another."""
    handles, owners = people(snapshot, _Ledger(items=snapshot.items, completions=snapshot.completions, stamps=()))
    return frozenset([*handles, *owners][:NAMES_MAX])


def _to_be_told(sketch: Snapshot, worker: Handle | None, rigs: tuple[Rig, ...]) -> Rig | None:
    """The rig whose record a review tells: of whoever works, as long as there is something to decide."""
    told = sketch.pull.state is PullState.OPEN and sketch.kind in (PullKind.WORK, PullKind.CLAIM)
    return next((rig for rig in rigs if rig.handle == worker), None) if told else None
