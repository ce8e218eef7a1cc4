"""What every accept that stamps has in common, whichever way the rows come to main: the rating, and what stands against it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from bot.commands import decision, decision_rows
from bot.commands.command import CommandContext, Refuse, Wait
from bot.commands.decision_rows import Rating
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.finding import Level
from bot.model.ids import stamp_id
from bot.model.ledger import Completion, LedgerChange, is_written
from bot.model.policy import RatingStyle
from bot.model.snapshot import Snapshot


def unwritable(snapshot: Snapshot, change: LedgerChange | None) -> Refuse | None:
    """Said before anything is merged: work on main that could not be stamped would be left half done."""
    lacking = change.lacks(snapshot.columns) if change is not None else ()
    if not lacking:
        return None
    return Refuse(
        md.fill("Main has no column {columns}, so no stamp can be written here.", columns=md.code(", ".join(lacking))),
        md.own("A maintainer can bring the schema of this commons up to date, or merge by hand."),
    )


def blocked(context: CommandContext) -> Refuse:
    faults = context.judgement.at(Level.FAULT)
    said = md.bullets([md.fill("{check}: {says}", check=words.label(f), says=md.prose(f.says)) for f in faults[:5]])
    remedies = [words.stopped(md.prose(remedy)) for remedy in _once(f.remedy for f in faults)[:3]]
    return Refuse(
        md.lines(md.own("**BLOCKED**: this does not hold as it stands."), said),
        md.lines(
            md.join(remedies, " ") if remedies else md.own("The contributor can fix it, or use `/reject`."),
            _overriding(context),
            work_alone_line(context),
        ),
    )


def work_alone_line(context: CommandContext) -> Md | None:
    """The command that takes over the work of a pull that cannot be merged, where nothing stands against the work alone."""
    head = context.snapshot.head
    if not context.judgement.adoptable or head is None or context.parsed.has("adopt"):
        return None
    line = (
        f"/accept --at {words.newest_pin(context.snapshot, head)} --adopt --quality {context.parsed.rating('quality') or 'Q'}"
    )
    return md.fill("The work alone can be taken over, without a merge: {line}", line=md.code(line))


def _once(remedies: Iterable[str]) -> list[str]:
    """Each remedy once: one that is only the beginning of another is said by that."""
    told = [remedy for remedy in dict.fromkeys(remedies) if remedy]
    return [one for one in told if not any(re.match(re.escape(one) + r"\b.", other) for other in told)]


def _overriding(context: CommandContext) -> Md:
    """Which of the faults a validator may override, and how."""
    rules = tuple(dict.fromkeys(f.rule for f in context.judgement.at(Level.FAULT)))
    open_to = tuple(dict.fromkeys(f.rule for f in context.judgement.overridable))
    final = tuple(rule for rule in rules if rule not in open_to)
    told = []
    if open_to and context.snapshot.head is not None:
        at = words.newest_pin(context.snapshot, context.snapshot.head)
        lines = [md.code(words.override_line(rule, at)) for rule in open_to[:3]]
        told.append(md.fill("A validator without a stake in the work may override: {lines}.", lines=md.join(lines, ", ")))
    if final:
        told.append(md.fill("Cannot be overridden: {names}.", names=md.join([md.code(rule) for rule in final], ", ")))
    return md.join(told, " ")


def already_stamped(snapshot: Snapshot, done: Completion, change: LedgerChange) -> Refuse | None:
    """Why main takes no stamp for merged work any more, other than that this very command has set it."""
    ours = stamp_id(snapshot.commons, done.id)
    now = decision_rows.completion_now(snapshot, done)
    link = next(w for w in change.writes if w.table == "completions")
    ours_began = now is not None and is_written(link, now.row)
    if (stamped := stamped_already(snapshot, done)) is not None:
        return replace(stamped, remedy=_unnamed(snapshot, done)) if ours_began else stamped
    if now is None:
        return Refuse(md.own("The completion is not on main any more: it was rejected or removed after the merge."))
    if now.stamp_id == ours and not ours_began:
        return Refuse(
            md.fill("The completion names stamp {stamp}, and main has no such stamp: it was not kept.", stamp=md.code(ours)),
            md.own("A maintainer takes the name out of the completion, and puts the item in review again."),
        )
    if now.stamp_id is not None and not ours_began:
        by = md.code(now.validated_by or "somebody")
        return Refuse(md.fill("Accepted already by {by}, stamp {stamp}.", by=by, stamp=md.code(now.stamp_id)))
    item = snapshot.item_on_head
    current = decision_rows.item_now(snapshot, item) if item is not None else None
    if current is not None and current.terminal and now.stamp_id is None:
        return Refuse(
            md.fill("The item is {status} on main already, without this stamp.", status=md.code(current.status)),
            decision.earlier_decision(snapshot, "close", "reject")
            or md.own("If the work is to be stamped all the same, a maintainer puts the item in review again first."),
        )
    return None


def _unnamed(snapshot: Snapshot, done: Completion) -> Md:
    """What a maintainer has to do where the link was written for one stamp and another came in between."""
    ours, (stamp, *_) = stamp_id(snapshot.commons, done.id), snapshot.stamps_on(done.id, stamp_id(snapshot.commons, done.id))
    told = "Completion {id} names {ours}, which was to be written next and was not: a maintainer has to make it name {stamp}."
    return md.fill(told, id=md.code(done.id), ours=md.code(ours), stamp=md.code(stamp.id)) if stamp.id != ours else Md("")


def stamped_already(snapshot: Snapshot, done: Completion) -> Refuse | None:
    """Who was first, by whatever tool."""
    stamps = snapshot.stamps_on(done.id, stamp_id(snapshot.commons, done.id))
    if not stamps:
        return None
    stamp = stamps[0]
    at = time.clock(stamp.created_at) if stamp.created_at else md.own("an unknown time")
    by = md.code(stamp.author)
    return Refuse(md.fill("Accepted already by {by} at {at}, stamp {stamp}.", by=by, at=at, stamp=md.code(stamp.id)))


def too_young(snapshot: Snapshot) -> Wait | None:
    """A head is as old as the first review that names it, by DoltHub's clock: a commit's time is its author's word."""
    since = snapshot.head_reviewed_at or snapshot.taken_at
    if snapshot.policy.min_age_s and not snapshot.older_than(since, snapshot.policy.min_age_s):
        return Wait(md.own("the head to be as old as this commons asks."))
    return None


def rating(context: CommandContext) -> Rating:
    """What the validator typed, with what follows from it."""
    parsed, quality = context.parsed, context.parsed.rating("quality") or 0
    confidence = parsed.fraction("confidence")
    return Rating(
        quality=quality,
        reliability=parsed.rating("reliability") or quality,
        severity=parsed.text("severity") or "leaf",
        confidence=1.0 if confidence is None else confidence,
        skills=parsed.names("skills") or (),
        message=parsed.text("message") or "",
    )


def _as_stored(value: int, style: RatingStyle) -> Md:
    """A rating as main holds it, and behind it the other way to say it."""
    number, word = Md(str(value)), Md(decision_rows.WORDS[value])
    if number == word:
        return number
    told, also = (number, word) if style is RatingStyle.NUMBERS else (word, number)
    return md.fill("{told} ({also})", told=told, also=also)


def unrated(context: CommandContext) -> Refuse | None:
    """Work is stamped, and a stamp says how good it is."""
    if context.parsed.rating("quality") is not None:
        return None
    at = words.newest_pin(context.snapshot, context.snapshot.head or "")
    adopt = " --adopt" if context.parsed.has("adopt") else ""
    return Refuse(
        md.own("`/accept` needs `--quality` (1 to 5, or poor, fair, good, excellent): this pull submits work."),
        md.fill("Ready to copy: {line}", line=md.code(f"/accept --at {at}{adopt} --quality Q")),
    )


def told(context: CommandContext, done: Completion, landed: Md) -> Md:
    """The stamp as it stands on main, how it came there, and the way back."""
    snapshot, given = context.snapshot, rating(context)
    stamp = stamp_id(snapshot.commons, done.id)
    said = md.fill(
        "Stamp {id} for {rig}: quality {q}, reliability {r}, severity {severity}, confidence {confidence}, skills {skills}.",
        id=md.code(stamp),
        rig=md.code(done.completed_by),
        q=_as_stored(given.quality, snapshot.policy.rating),
        r=_as_stored(given.reliability, snapshot.policy.rating),
        severity=md.code(given.severity),
        confidence=md.number(given.confidence),
        skills=md.code(", ".join(given.skills or decision_rows.tags(snapshot)) or "none"),
    )
    message = md.fill("Message: {message}", message=md.code(given.message, 500)) if given.message else None
    odd = _beside(snapshot, done)
    back = md.fill("Way back, for an operator: {line}", line=md.code(f"stampbot revert {stamp} --plan"))
    return Md("\n".join(part for part in (said, message, landed, odd, back) if part))


def _beside(snapshot: Snapshot, done: Completion) -> Md | None:
    """What came to main in the same moment, or since, and does not go with this stamp. Nobody else would tell of it."""
    ours = stamp_id(snapshot.commons, done.id)
    there = snapshot.stamps_on(done.id, ours)
    others = [stamp for stamp in there if stamp.id != ours]
    item = next((i for i in snapshot.on_main_now.items if i.id == done.wanted_id), None)
    told: list[Md] = []
    if others and len(others) < len(there):
        names = md.join([md.fill("{id} by {by}", id=md.code(s.id), by=md.code(s.author)) for s in others], ", ")
        told.append(md.fill("**STAMPED TWICE**: main also holds {names}. A maintainer has to take one back.", names=names))
    if there and not others and item is not None and item.status != "completed":
        told.append(md.fill("The item was changed since: it is {status} now.", status=md.code(item.status)))
    return md.lines(*told) if told else None
