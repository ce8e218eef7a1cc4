"""The review comment: one screen a validator can decide from.

Verdict first, exceptions in full, passed checks as a number, evidence shown as what it is, what changed since the
last review, and the exact next commands, pinned to the head that was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from bot.messages import forges, md, time, words
from bot.messages.md import Md
from bot.model.adoption import given_to
from bot.model.evidence import Probe, Seen
from bot.model.finding import Finding, Judgement, Level, Verdict
from bot.model.ids import CommitHash
from bot.model.kind import ORDINARY_TABLES, PullKind
from bot.model.ledger import ChangeKind, RowChange
from bot.model.links import Link
from bot.model.mark import NO_HEAD, Mark, MarkKind
from bot.model.news import shown_by
from bot.model.policy import Decisions
from bot.model.snapshot import Elsewhere, Merge, Snapshot

LINES_MAX = 30
TABLES_MAX = 8
ELSEWHERE_MAX = 3
OVERRIDES_MAX = 2
REVIEWS_A_DAY_MAX = 8
"""Of one pull, unasked. The last of them says that it is the last."""
DAY_S = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """How many lines the parts of a review that can grow may take."""

    links: int
    exceptions: int
    notes: int
    rows: int


_ROOMS = (
    _Room(links=4, exceptions=8, notes=3, rows=8),
    _Room(links=3, exceptions=6, notes=2, rows=4),
    _Room(links=2, exceptions=4, notes=1, rows=2),
    _Room(links=1, exceptions=1, notes=0, rows=0),
)
"""Tried in turn until the review fits on a screen; what is left out is counted."""

_RESULT = {
    Level.FAULT: "**FAIL**",
    Level.DOUBT: "**LOOK**",
    Level.UNSURE: "**LOOK**",
    Level.FORBID: "**CANNOT TELL**",
    Level.NOTE: "note",
}
_FINE = (Seen.VERIFIED, Seen.REACHABLE)
_CHARS_RULES_QUOTE = 60
"""Rules cut longer cells (bot.rulebook, `quote`), so a longer link is known by its beginning."""


def review(snapshot: Snapshot, judgement: Judgement) -> Md:
    """The whole comment, mark included."""
    return md.lines(body(snapshot, judgement), Md(mark(snapshot, judgement).line))


def mark(snapshot: Snapshot, judgement: Judgement) -> Mark:
    """The mark under the next review of this snapshot."""
    head = snapshot.head or NO_HEAD
    return Mark(
        kind=MarkKind.REVIEW,
        outcome=judgement.verdict.word,
        head=head,
        digest=judgement.digest(head),
        n=len(snapshot.reviews) + 1,
        main=snapshot.main_head if snapshot.base == snapshot.main_head else None,
        shown=shown_by(snapshot, judgement),
    )


def body(snapshot: Snapshot, judgement: Judgement) -> Md:
    """The comment without its mark: what `stampbot review` prints. LINES_MAX lines with the mark, if that can be."""
    told = Md("")
    for room in _ROOMS:
        told = _body(snapshot, judgement, room)
        if told.count("\n") + 3 <= LINES_MAX:
            break
    return told


def _body(snapshot: Snapshot, judgement: Judgement, room: _Room) -> Md:
    return md.lines(
        _headline(snapshot, judgement),
        _held(snapshot),
        md.own(words.WATCHING) if snapshot.policy.decisions is Decisions.WATCH else None,
        _checks(snapshot, judgement, room),
        _passed(judgement),
        _notes(judgement, room),
        _what_changed(snapshot, judgement, room),
        _about(snapshot),
        _last_today(snapshot),
        _next(snapshot, judgement),
    )


def _headline(snapshot: Snapshot, judgement: Judgement) -> Md:
    parts = [words.verdict(judgement.verdict), words.subject(snapshot)]
    if snapshot.worker is not None:
        parts.append(md.fill("rig {rig}", rig=md.code(snapshot.worker)))
    number = len(snapshot.reviews) + 1
    named = md.fill("review #{n}", n=Md(str(number)))
    if snapshot.head is not None:
        named = md.fill("{named} of head {head}", named=named, head=words.short(snapshot.head))
    if snapshot.reviews:
        named = md.fill("{named} (replaces #{n})", named=named, n=Md(str(number - 1)))
    parts.append(named)
    return md.fill("{about}.\n{why}", about=md.join(parts, " · "), why=_why(judgement))


def _held(snapshot: Snapshot) -> Md | None:
    """Holds, said whatever the verdict: they forbid the decision that is offered below."""
    if not snapshot.holds:
        return None
    return md.fill("Nothing is decided here now: {held}. {lift}", held=words.held(snapshot.holds), lift=words.LIFT)


def _why(judgement: Judgement) -> Md:
    verdict = judgement.verdict
    if verdict is Verdict.WAITING:
        return md.fill("Nothing to decide yet: waiting for {whom}.", whom=md.prose(judgement.waiting_for))
    return md.own(words.MEANINGS[verdict])


# --- the table: evidence, and what did not pass -----------------------------------------------------------------------

_Cells = tuple[Md, Md, Md]


def _checks(snapshot: Snapshot, judgement: Judgement, room: _Room) -> Md | None:
    weighty = [f for f in judgement.findings if f.level is not Level.NOTE]
    shown = weighty[: room.exceptions]
    links = _shown_links(snapshot)
    rows = _evidence_rows(snapshot, judgement, room.links)
    rows.extend((words.label(f), Md(_RESULT[f.level]), _seen(f, links, judgement)) for f in shown)
    if len(weighty) > len(shown):
        left = md.fill("{n} more findings, of less weight", n=Md(str(len(weighty) - len(shown))))
        rows.append((md.own("and"), md.own(""), left))
    if judgement.crashes:
        rows.append(_crashed(judgement))
    return md.table((md.own("Check"), md.own("Result"), md.own("What was seen")), rows) if rows else None


def _seen(finding: Finding, links: Mapping[str, Md], judgement: Judgement) -> Md:
    """A finding as one line, and whether a validator may override it, or who did."""
    if finding.overridden_by:
        by = md.fill("Overridden by {who} on this head.", who=md.code(finding.overridden_by))
        return md.join([md.prose(finding.says, links), by], " ")
    if finding in judgement.overridable:
        return md.join([words.stopped(sentence(finding, links)), words.OVERRIDABLE], " ")
    return sentence(finding, links)


def _crashed(judgement: Judgement) -> _Cells:
    names = md.join([words.label(c) for c in judgement.crashes[:5]], ", ")
    told = md.own("Failed with an error of the bot, not of the work. The operator finds the error in the log.")
    return names, Md(_RESULT[Level.FORBID]), told


def _evidence_rows(snapshot: Snapshot, judgement: Judgement, most: int) -> list[_Cells]:
    """One row for each link that no exception speaks of, or of which a forge told facts: what is behind it, one click away.

    What a link comes to is for the rules to say; where none of them does, only the fact is told.
    """
    rows: list[_Cells] = []
    for link in snapshot.links:
        probe = snapshot.probe(link.url)
        levels = {f.level for f in judgement.findings if _speaks_of(f, link)}
        told = evidence(link, probe, snapshot.taken_at) if probe is not None else md.link(link.url)
        if probe is not None and probe.seen in _FINE:
            result = Md("PASS")
        elif levels - {Level.NOTE} and (probe is None or not probe.facts):
            continue
        elif probe is None:
            result = md.own("not looked at yet")
        else:
            result = Md(_RESULT[max(levels, key=lambda level: level.weight)]) if levels else md.own("not judged")
        rows.append((md.own("evidence"), result, told))
    if len(rows) > most:
        left = md.fill("{n} more links", n=Md(str(len(rows) - most + 1)))
        rows = [*rows[: most - 1], (md.own("evidence"), md.own(""), left)]
    return rows


def _speaks_of(finding: Finding, link: Link) -> bool:
    return any(f"`{name}`" in finding.says for name in _names(link))


def _names(link: Link) -> tuple[str, str]:
    """How rules write a link: whole, or cut."""
    return link.url, f"{link.url[:_CHARS_RULES_QUOTE]}…"


def _shown_links(snapshot: Snapshot) -> dict[str, Md]:
    """What to show where a rule names a link of the evidence: the link itself. Nothing for links that begin alike."""
    named = [name for link in snapshot.links for name in _names(link)]
    return {name: md.link(link.url) for link in snapshot.links for name in _names(link) if named.count(name) == 1}


def evidence(link: Link, probe: Probe, now: datetime) -> Md:
    """Evidence as what it is: the link, what answered, and when."""
    what: list[Md] = []
    if probe.facts:
        seen_at = md.fill("at {when}", when=time.since(probe.probed_at, now))
        return md.fill("{url} {what}", url=md.link(link.url), what=md.join([*forges.said(probe), seen_at], ", "))
    if probe.kind and probe.kind != "url":
        what.append(forges.named(probe))
    if probe.status is not None:
        what.append(md.fill("answered {status}", status=Md(str(probe.status))))
    elif probe.reason:
        what.append(forges.state(probe))
    if probe.title:
        what.append(md.code(probe.title, 80))
    if probe.final_url and probe.final_url != link.url:
        what.append(md.fill("by way of {url}", url=md.link(probe.final_url)))
    what.append(md.fill("at {when}", when=time.since(probe.probed_at, now)))
    return md.fill("{url} {what}", url=md.link(link.url), what=md.join(what, ", "))


def sentence(finding: Finding, links: Mapping[str, Md]) -> Md:
    """A finding as one line: what is so, and what to do. `links`: what to show for words that name a link."""
    says = md.prose(finding.says, links)
    return md.fill("{says} {remedy}", says=says, remedy=words.stopped(md.prose(finding.remedy))) if finding.remedy else says


def _passed(judgement: Judgement) -> Md | None:
    if not judgement.passed:
        return None
    more = bool(judgement.findings or judgement.crashes)
    return md.fill("{n} passed.", n=words.checks(len(judgement.passed), more=more))


def _notes(judgement: Judgement, room: _Room) -> Md | None:
    notes = judgement.at(Level.NOTE)
    told = [md.fill("Note: {says}", says=sentence(f, {})) for f in notes[: room.notes]]
    if len(notes) > len(told):
        told.append(md.fill("{n} more notes", n=Md(str(len(notes) - len(told)))))
    return md.bullets(told) if told else None


# --- what it changes, whose it is, what to do now ---------------------------------------------------------------------


def _what_changed(snapshot: Snapshot, judgement: Judgement, room: _Room) -> Md | None:
    if not snapshot.reviews:
        return None
    last = snapshot.reviews[-1].mark
    told: list[Md] = []
    if last.head != snapshot.head:
        now = words.short(snapshot.head) if snapshot.head is not None else md.own("none")
        moved = md.fill("head {old} to {new}", old=words.short(last.head), new=now)
        told.append(moved)
    if last.outcome != judgement.verdict.word:
        old = md.escape(last.outcome.replace("-", " "))
        told.append(md.fill("verdict {old} to {new}", old=old, new=Md(judgement.verdict.value)))
    parts = [md.bullets(told)] if told else []
    if snapshot.since_last is not None and snapshot.since_last.rows and room.rows:
        parts.append(words.rows(snapshot.since_last.rows, room.rows))
    head = md.fill("Changed since review #{n}:", n=Md(str(last.n)))
    return Md("\n".join((head, *parts))) if parts else None


def _about(snapshot: Snapshot) -> Md:
    """Three facts in a row: what is touched, whose work it is, and as of when all this is said."""
    return Md("\n".join(line for line in (_rows(snapshot), _worker(snapshot), _checked(snapshot)) if line))


def _last_today(snapshot: Snapshot) -> Md | None:
    if len(snapshot.reviews_since(snapshot.taken_at - timedelta(seconds=DAY_S))) + 1 < REVIEWS_A_DAY_MAX:
        return None
    return md.own(
        "This pull was reviewed often within a day. The next review follows tomorrow, or when a validator decides it."
    )


def _rows(snapshot: Snapshot) -> Md:
    if snapshot.changes.empty:
        return md.own("This pull changes no row.")
    what = md.escape(snapshot.form.value)
    return md.fill("This pull is {what}: {parts}. Nothing else.", what=what, parts=changed_rows(snapshot))


def changed_rows(snapshot: Snapshot) -> Md:
    """All that differs, counted by table: `wanted` 1 row (`open` to `in_review`); `completions` 1 row added."""
    changes = snapshot.changes
    parts: list[Md] = []
    for table in changes.tables[:TABLES_MAX]:
        touched = changes.of(table)
        counts = [
            (_counted(added, "added") if (added := _kind(touched, ChangeKind.ADDED)) else None),
            (_modified(modified) if (modified := _kind(touched, ChangeKind.MODIFIED)) else None),
            (_counted(gone, "removed") if (gone := _kind(touched, ChangeKind.REMOVED)) else None),
        ]
        if table in changes.schema:
            counts.append(md.own("definition changed") if table in ORDINARY_TABLES else md.own("changed"))
        counts.extend(md.fill("{n} rows, too many to read", n=Md(str(n))) for t, n in changes.unread if t == table)
        parts.append(md.fill("{table} {counts}", table=md.code(table, 64), counts=md.join([c for c in counts if c], ", ")))
    if len(changes.tables) > TABLES_MAX:
        parts.append(md.fill("{n} more tables", n=md.number(len(changes.tables) - TABLES_MAX)))
    return md.join(parts, "; ")


def _kind(rows: tuple[RowChange, ...], kind: ChangeKind) -> tuple[RowChange, ...]:
    return tuple(r for r in rows if r.kind is kind)


def _modified(rows: tuple[RowChange, ...]) -> Md:
    if len(rows) == 1 and rows[0].old("status") != rows[0].new("status"):
        old, new = (md.code(rows[0].old("status") or "", 20), md.code(rows[0].new("status") or "", 20))
        return md.fill("1 row ({old} to {new})", old=old, new=new)
    return _counted(rows, "changed")


def _counted(rows: tuple[RowChange, ...], what: LiteralString) -> Md:
    number = md.number(len(rows))
    return md.fill("1 row {what}" if len(rows) == 1 else "{n} rows {what}", n=number, what=md.own(what))


def _worker(snapshot: Snapshot) -> Md | None:
    if snapshot.worker is None or snapshot.kind not in (PullKind.WORK, PullKind.CLAIM):
        return None
    record = snapshot.record
    if not record.stamps:
        told = md.own("no stamps yet")
    elif record.mean_quality is None:
        told = md.fill("{n}, quality not in numbers", n=_stamps(record.stamps))
    else:
        mean = Md(f"{record.mean_quality:.1f}")
        told = md.fill("{n}, mean quality {mean}", n=_stamps(record.stamps), mean=mean)
    line = md.fill("Worker {rig}: {told}", rig=md.code(snapshot.worker), told=told)
    if snapshot.elsewhere:
        # Inferred: nobody but the account behind a rig ties what it is called on one commons to what it is on another.
        places = md.join([_elsewhere(each) for each in snapshot.elsewhere[:ELSEWHERE_MAX]], ", ")
        line = md.fill("{line}; {places} (same rig name and account, so taken for the same worker)", line=line, places=places)
    if snapshot.rivals:
        rivals = [
            md.fill("{pull} by {rig}", pull=words.pull(snapshot, r.pull), rig=md.code(r.rig)) for r in snapshot.rivals[:5]
        ]
        others = md.join(rivals, ", ")
        line = md.fill("{line}; also on this item: {others}", line=line, others=others)
    return md.fill("{line}.", line=line)


def _elsewhere(other: Elsewhere) -> Md:
    told = md.fill("{n} on {commons}", n=_stamps(other.record.stamps), commons=md.code(str(other.commons)))
    if other.record.mean_quality is None:
        return told
    return md.fill("{told}, mean {mean}", told=told, mean=Md(f"{other.record.mean_quality:.1f}"))


def _stamps(number: int) -> Md:
    return md.own("1 stamp") if number == 1 else md.fill("{n} stamps", n=md.number(number))


def _next(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    commands = lines_to_type(snapshot, judgement, number=len(snapshot.reviews) + 1)
    rated = (snapshot.kind is PullKind.WORK and judgement.verdict is not Verdict.CANNOT_TELL) or judgement.adoptable
    if not commands:
        return None
    invitation = _invitation(snapshot, rated=rated)
    if judgement.adoptable:
        adopts = md.own("`--adopt` writes the work and its stamp to main without the merge, and closes the pull.")
        invitation = md.join([adopts, invitation], " ")
    return Md("\n\n".join((invitation, md.fence(commands))))


def lines_to_type(snapshot: Snapshot, judgement: Judgement, *, number: int | None = None) -> tuple[str, ...]:
    """What a validator can type now, most likely first, pinned to the review of this number; None: the newest of this head."""
    if snapshot.head is None:
        commands: tuple[str, ...] = ("/close …", "/recheck", "/help")
    else:
        at = words.newest_pin(snapshot, snapshot.head) if number is None else words.pin(snapshot.head, number)
        commands = next_commands(snapshot, judgement, at)
    if snapshot.comments_readable:
        return commands
    return tuple(_on_the_command_line(snapshot, line) for line in commands if line not in ("/recheck", "/help"))


def _on_the_command_line(snapshot: Snapshot, line: str) -> str:
    return f"stampbot decide '{snapshot.commons}#{snapshot.pull.number}' \"{line}\""


def _invitation(snapshot: Snapshot, *, rated: bool) -> Md:
    if not snapshot.comments_readable:
        return md.own(
            "Comments cannot be read on this host, so nothing written below is heard. Validators decide in a terminal, with an "
            "API token of their own in STAMPBOT_HUB_TOKEN (Q is 1 to 5, or poor fair good excellent; … is your reason):"
        )
    if rated:
        return md.own(
            "Validators, put one of these on a line of its own (Q is 1 to 5, or poor fair good excellent; … is your reason; "
            "a message to the worker goes behind `--message`):"
        )
    return md.own("Validators, put one of these on a line of its own (… is your reason):")


def next_commands(snapshot: Snapshot, judgement: Judgement, at: str) -> tuple[str, ...]:
    """What a validator can type now, most likely first. No rating is pre-filled: a blind paste fails politely."""
    if snapshot.kind is PullKind.LANDING:
        return ()
    if snapshot.holds:
        return ("/unhold", "/recheck", "/help")
    return (*_overrides(judgement, at), *_decisions(snapshot, judgement, at))


def _overrides(judgement: Judgement, at: str) -> tuple[str, ...]:
    """Offered where nothing else stands against the pull: one fault that stays forbids the decision all the same."""
    failing = tuple(dict.fromkeys(f.rule for f in judgement.at(Level.FAULT)))
    if judgement.forbids or len(failing) > OVERRIDES_MAX:
        return ()
    if judgement.overridable != judgement.at(Level.FAULT):
        return ()
    return tuple(words.override_line(rule, at) for rule in failing)


def _decisions(snapshot: Snapshot, judgement: Judgement, at: str) -> tuple[str, ...]:
    reject, close = f"/reject --at {at} …", f"/close --at {at} …"
    adopt = (f"/accept --at {at} --adopt --quality Q",) if judgement.adoptable else ()
    match (snapshot.kind, judgement.verdict):
        case (PullKind.WORK, Verdict.READY | Verdict.LOOK):
            skills = ",".join(t for t in (snapshot.item.tags if snapshot.item else ()) if t.isascii() and t.isalnum())
            tagged = f" --skills {skills}" if skills else ""
            return (f"/accept --at {at} --quality Q{tagged}", reject, "/help")
        case (PullKind.WORK, _):
            return (*adopt, reject if _may_come_again(snapshot) else close, "/recheck", "/help")
        case (PullKind.REGISTRATION | PullKind.POST | PullKind.EDIT | PullKind.LINK, Verdict.READY | Verdict.LOOK):
            return (f"/accept --at {at}", close, "/help")
        case (PullKind.CLAIM, Verdict.READY | Verdict.LOOK):
            return (f"/accept --at {at} --yes", close, "/help")
        case _:
            return (close, "/recheck", "/help")


def _may_come_again(snapshot: Snapshot) -> bool:
    """Whether a rejection helps: the item can still be decided for this rig, and the rows come from the owner of the rig.

    A rejection asks the rig to submit the work again. An impostor, or a rig whose item is another one's, cannot do so.
    """
    item, rig = snapshot.item, snapshot.rig(snapshot.worker)
    settled = item is not None and item.terminal
    impostor = rig is not None and bool(rig.owner) and rig.owner != snapshot.writer
    return not settled and not impostor and given_to(snapshot) is None


def unstamped(snapshot: Snapshot, merge: Merge, about: str, *, stampable: bool) -> Md:
    """The notice below reviewed work that was merged and that nobody has decided on.

    `stampable`: an accept would be followed. If not, the verdict before the merge, or now, forbids a stamp.
    """
    at = words.newest_pin(snapshot, merge.head)
    accept = (f"/accept --at {at} --quality Q",) if stampable else ()
    mark = Mark(kind=MarkKind.NOTICE, outcome=about, head=merge.head, digest="", n=len(snapshot.notices) + 1)
    return md.lines(
        md.fill("**MERGED, NOT STAMPED** · {subject}", subject=words.subject(snapshot)),
        md.fill(
            "Reviewed head {head} was merged as {commit}, and there is no decision about it here: it was merged by hand, or "
            "the command was edited or deleted before its end. The work waits in review on main until a validator decides.",
            head=words.short(merge.head),
            commit=words.short(merge.commit),
        ),
        _invitation(snapshot, rated=stampable),
        md.fence((*accept, f"/reject --at {at} …", f"/close --at {at} …")),
        Md(mark.line),
    )


def _checked(snapshot: Snapshot) -> Md:
    return md.fill(
        "Checked {when} against main {main}.",
        when=time.clock(snapshot.taken_at),
        main=words.short(CommitHash(snapshot.main_head)),
    )
