"""The review comment: one screen a validator can decide from.

Verdict first, exceptions in full, passing checks folded into one line, evidence shown as what it is, what changed since the
last review, and the exact next commands, pinned to the head that was looked at.
"""

from __future__ import annotations

from datetime import UTC

from bot.model.evidence import Link, Probe, Seen
from bot.model.finding import Finding, Judgement, Level, Verdict
from bot.model.ids import CommitHash
from bot.model.kind import PullKind
from bot.model.ledger import ChangeKind, RowChange
from bot.model.mark import NO_HEAD, Mark, MarkKind
from bot.model.snapshot import Snapshot
from bot.speech import md, words
from bot.speech.md import Md

EXCEPTIONS_MAX = 8

_RESULT = {Level.FAULT: "**FAIL**", Level.DOUBT: "**LOOK**", Level.UNSURE: "**CANNOT TELL**", Level.NOTE: "note"}
_SEEN = {
    Seen.VERIFIED: "PASS",
    Seen.REACHABLE: "PASS",
    Seen.SUSPICIOUS: "**LOOK**",
    Seen.DEAD: "**LOOK**",
    Seen.UNKNOWN: "**CANNOT TELL**",
    Seen.BLOCKED: "**FAIL**",
}


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
    )


def body(snapshot: Snapshot, judgement: Judgement) -> Md:
    """The comment without its mark: what `stampbot review` prints."""
    return md.lines(
        _headline(snapshot, judgement),
        _checks(snapshot, judgement),
        _passed(judgement),
        _notes(judgement),
        _what_changed(snapshot, judgement),
        _rows(snapshot),
        _worker(snapshot),
        _next(snapshot, judgement),
        _foot(snapshot),
    )


def _headline(snapshot: Snapshot, judgement: Judgement) -> Md:
    parts = [words.verdict(judgement.verdict), words.subject(snapshot)]
    if snapshot.worker is not None:
        parts.append(md.fill("rig {rig}", rig=md.code(snapshot.worker)))
    number = len(snapshot.reviews) + 1
    named = md.fill("review #{n} of head {head}", n=Md(str(number)), head=words.short(snapshot.head or NO_HEAD))
    if snapshot.reviews:
        named = md.fill("{named} (replaces #{n})", named=named, n=Md(str(number - 1)))
    parts.append(named)
    return Md("\n".join((md.join(parts, " · "), _why(judgement))))


def _why(judgement: Judgement) -> Md:
    verdict = judgement.verdict
    if verdict is Verdict.WAITING:
        return md.fill("Waiting for {whom}.", whom=Md(md.clean(judgement.waiting_for)))
    return md.own(words.MEANINGS[verdict])


def _checks(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    rows = [(md.own("Evidence"), Md(_SEEN[p.seen]), evidence(link, p)) for link, p in _sheets(snapshot)]
    rows.extend(
        (md.own("Evidence"), md.own("not looked at yet"), md.link(link.url))
        for link in snapshot.links
        if snapshot.probe(link.url) is None
    )
    weighty = [f for f in judgement.findings if f.level is not Level.NOTE]
    rows.extend(
        (Md(_title(finding.rule)), Md(_RESULT[finding.level]), sentence(finding)) for finding in weighty[:EXCEPTIONS_MAX]
    )
    if len(weighty) > EXCEPTIONS_MAX:
        more = md.fill("{n} more findings of the same pull", n=Md(str(len(weighty) - EXCEPTIONS_MAX)))
        rows.append((md.own("And"), md.own(""), more))
    rows.extend((Md(_title(c.rule)), md.own("**CANNOT TELL**"), _crash()) for c in judgement.crashes)
    return md.table((md.own("Check"), md.own("Result"), md.own("What was seen")), rows) if rows else None


def _crash() -> Md:
    return md.own("This check broke; that is the bot's fault, not the worker's. The operator finds it in the log.")


def _sheets(snapshot: Snapshot) -> list[tuple[Link, Probe]]:
    pairs = ((link, snapshot.probe(link.url)) for link in snapshot.links)
    return [(link, probe) for link, probe in pairs if probe is not None]


def evidence(link: Link, probe: Probe) -> Md:
    """Evidence as what it is: what answered, when, and the link."""
    what: list[Md] = []
    if probe.status is not None:
        what.append(md.fill("answered {status}", status=Md(str(probe.status))))
    else:
        what.append(md.code(probe.reason, 60))
    if probe.title:
        what.append(md.code(probe.title, 80))
    if probe.final_url and probe.final_url != link.url:
        what.append(md.fill("by way of {url}", url=md.link(probe.final_url)))
    what.append(md.fill("at {when} UTC", when=Md(f"{probe.probed_at.astimezone(UTC):%H:%M}")))
    return md.fill("{url}: {what}", url=md.link(link.url), what=md.join(what, ", "))


def sentence(finding: Finding) -> Md:
    """A finding as one line: what is so, and what to do."""
    says = md.prose(finding.says)
    return md.fill("{says} {remedy}", says=says, remedy=md.prose(finding.remedy)) if finding.remedy else says


def _title(rule: str) -> str:
    return md.escape(rule.replace("_", " ").replace(".", " "))


def _passed(judgement: Judgement) -> Md | None:
    if not judgement.passed:
        return None
    names = md.join([Md(_title(name)) for name in judgement.passed], ", ")
    return md.fill("{n} more passed: {names}.", n=Md(str(len(judgement.passed))), names=names)


def _notes(judgement: Judgement) -> Md | None:
    notes = judgement.at(Level.NOTE)
    return md.bullets([sentence(f) for f in notes[:EXCEPTIONS_MAX]]) if notes else None


def _what_changed(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    if not snapshot.reviews:
        return None
    last = snapshot.reviews[-1].mark
    lines: list[Md] = []
    if last.head != snapshot.head:
        moved = md.fill("head {old} to {new}", old=words.short(last.head), new=words.short(snapshot.head or NO_HEAD))
        lines.append(moved)
    if last.outcome != judgement.verdict.word:
        lines.append(
            md.fill(
                "verdict {old} to {new}",
                old=Md(md.escape(last.outcome.replace("-", " "))),
                new=Md(judgement.verdict.value),
            )
        )
    told = Md("\n".join(f"- {line}" for line in lines))
    if snapshot.since_last is not None and snapshot.since_last.rows:
        told = Md("\n".join(p for p in (told, words.rows(snapshot.since_last.rows, 8)) if p))
    return Md("\n".join((md.fill("Changed since review #{n}:", n=Md(str(last.n))), told))) if told else None


def _rows(snapshot: Snapshot) -> Md | None:
    changes = snapshot.changes
    if changes.empty:
        return md.own("This pull changes no row.")
    parts: list[Md] = []
    for table in changes.tables:
        touched = changes.of(table)
        counts = [
            (md.fill("+{n}", n=Md(str(len(added)))) if (added := _kind(touched, ChangeKind.ADDED)) else None),
            (_modified(modified) if (modified := _kind(touched, ChangeKind.MODIFIED)) else None),
            (md.fill("-{n}", n=Md(str(len(gone)))) if (gone := _kind(touched, ChangeKind.REMOVED)) else None),
        ]
        if table in changes.schema:
            counts.append(md.own("definition changed"))
        counts.extend(md.fill("{n} rows, too many to read", n=Md(str(n))) for t, n in changes.unread if t == table)
        parts.append(md.fill("{table} {counts}", table=md.code(table, 64), counts=md.join([c for c in counts if c], " ")))
    return md.fill("This pull: {parts}. Nothing else.", parts=md.join(parts, "; "))


def _kind(rows: tuple[RowChange, ...], kind: ChangeKind) -> tuple[RowChange, ...]:
    return tuple(r for r in rows if r.kind is kind)


def _modified(rows: tuple[RowChange, ...]) -> Md:
    if len(rows) == 1 and rows[0].old("status") != rows[0].new("status"):
        old, new = (md.code(rows[0].old("status") or "", 20), md.code(rows[0].new("status") or "", 20))
        return md.fill("1 row ({old} to {new})", old=old, new=new)
    return md.fill("~{n}", n=Md(str(len(rows))))


def _worker(snapshot: Snapshot) -> Md | None:
    if snapshot.worker is None or snapshot.kind not in (PullKind.WORK, PullKind.CLAIM):
        return None
    record = snapshot.record
    if not record.stamps:
        told = md.own("no stamps yet")
    elif record.mean_quality is None:
        told = md.fill("{n} stamps, quality not in numbers", n=Md(str(record.stamps)))
    else:
        mean = Md(f"{record.mean_quality:.1f}")
        told = md.fill("{n} stamps, mean quality {mean}", n=Md(str(record.stamps)), mean=mean)
    line = md.fill("Worker {rig}: {told}", rig=md.code(snapshot.worker), told=told)
    if snapshot.rivals:
        others = md.join(
            [md.fill("pull {n} by {rig}", n=Md(str(r.pull)), rig=md.code(r.rig)) for r in snapshot.rivals[:5]], ", "
        )
        line = md.fill("{line}; also on this item: {others}", line=line, others=others)
    return md.fill("{line}.", line=line)


def _next(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    at = (snapshot.head or "")[: words.SHORT_HASH_CHARS]
    commands = next_commands(snapshot, judgement, at)
    return Md("\n\n".join((_invitation(snapshot), md.fence(commands)))) if commands else None


def _invitation(snapshot: Snapshot) -> Md:
    if snapshot.kind is PullKind.WORK:
        return md.own(
            "Validators, put one of these on a line of its own (Q is 1 to 5, or poor fair good excellent; … is your reason):"
        )
    return md.own("Validators, put one of these on a line of its own (… is your reason):")


def next_commands(snapshot: Snapshot, judgement: Judgement, at: str) -> tuple[str, ...]:
    """What a validator can type now, most likely first. No rating is pre-filled: a blind paste fails politely."""
    reject, close = f"/reject --at {at} …", f"/close --at {at} …"
    match (snapshot.kind, judgement.verdict):
        case (PullKind.LANDING, _):
            return ()
        case (PullKind.WORK, Verdict.READY | Verdict.LOOK | Verdict.CANNOT_TELL):
            skills = ",".join(t for t in (snapshot.item.tags if snapshot.item else ()) if t.isascii() and t.isalnum())
            tagged = f" --skills {skills}" if skills else ""
            return (f'/accept --at {at} --quality Q{tagged} --message "why"', reject, "/help")
        case (PullKind.WORK, _):
            return (reject, "/recheck", "/help")
        case (PullKind.REGISTRATION | PullKind.POST | PullKind.EDIT | PullKind.LINK, Verdict.READY | Verdict.LOOK):
            return (f"/accept --at {at}", close, "/help")
        case (PullKind.CLAIM, Verdict.READY | Verdict.LOOK | Verdict.WAITING):
            return (f"/accept --at {at} --yes", close, "/help")
        case _:
            return (close, "/recheck", "/help")


def _foot(snapshot: Snapshot) -> Md:
    return md.fill(
        "Checked {when} against main {main}.",
        when=words.clock(snapshot.taken_at),
        main=words.short(CommitHash(snapshot.main_head)),
    )
