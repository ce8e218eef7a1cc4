"""The review comment: what a validator decides from in thirty seconds.

The first line is the verdict, its one reason, and whose work it is; the second what that means now. Then what was asked, what
came, what did not pass, every cell that reaches main, and the lines to copy, pinned to this review.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import LiteralString

from bot.messages import cells, forges, md, time, words
from bot.messages.md import Md
from bot.model.adoption import given_to
from bot.model.cells import CELLS_SHOWN_MAX, Cell, to_show
from bot.model.evidence import Probe, Seen
from bot.model.finding import Finding, Judgement, Level, Verdict
from bot.model.kind import ORDINARY_TABLES, PullKind
from bot.model.ledger import ChangeKind, RowChange
from bot.model.links import Link
from bot.model.mark import NO_HEAD, Mark, MarkKind
from bot.model.news import news_since, shown_by
from bot.model.policy import Decisions
from bot.model.snapshot import Elsewhere, Merge, Snapshot

TABLES_MAX = 8
ELSEWHERE_MAX = 3
OVERRIDES_MAX = 2
REASON_CHARS_MAX = 90
DESCRIPTION_CHARS_MAX = 240
LINKS_MAX = 4
FINDINGS_MAX = 8
NOTES_MAX = 3
MOVES_MAX = 8
"""Rows that changed since the review before this one."""
REVIEWS_A_DAY_MAX = 8
"""Of one pull, unasked. The last of them announces that."""
DAY_S = 86400
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


def body(snapshot: Snapshot, judgement: Judgement, *, decided_here: bool = True) -> Md:
    """The comment without its mark: what `stampbot review` prints.

    `decided_here`: with the lines to type and the number of the review; a branch without a pull has neither.
    """
    return md.lines(
        Md("\n".join((_headline(snapshot, judgement), _meaning(snapshot, judgement)))),
        _held(snapshot),
        md.own(words.WATCHING) if snapshot.policy.decisions is Decisions.WATCH else None,
        _matter(snapshot),
        _findings(snapshot, judgement),
        _rows(snapshot),
        _news(snapshot, judgement),
        _last_today(snapshot),
        *((_next(snapshot, judgement), _footer(snapshot)) if decided_here else ()),
    )


# --- the first two lines ----------------------------------------------------------------------------------------------


def _headline(snapshot: Snapshot, judgement: Judgement) -> Md:
    """Verdict with its one reason, what it is about, and whose it is."""
    verdict, reason = words.verdict(judgement.verdict), _reason(snapshot, judgement)
    return md.join([verdict, *((reason,) if reason else ()), words.subject(snapshot), _by(snapshot, judgement)], " · ")


def _reason(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    """The weightiest finding, cut to a line; whom a pull waits for; None if nothing stands against it."""
    if judgement.verdict is Verdict.BY_HAND:
        return md.escape(snapshot.form.value)
    if judgement.verdict is Verdict.WAITING:
        return md.fill("for {whom}", whom=md.prose(judgement.waiting_for))
    if judgement.findings and judgement.findings[0].level is not Level.NOTE:
        says = judgement.findings[0].says
        return md.prose(says.rstrip(".")) if len(says) <= REASON_CHARS_MAX else md.prose(f"{_cut(says)} …")
    return md.own("a check failed with an error of the bot") if judgement.crashes else None


def _cut(says: str) -> str:
    return says[:REASON_CHARS_MAX].rpartition(" ")[0] or says[:REASON_CHARS_MAX]


_OWNER_RULE = "rig_belongs_to_its_owner"


def _by(snapshot: Snapshot, judgement: Judgement) -> Md:
    """Who submitted it, and whether in another's name or from another's branch, unless the reason says so already."""
    opener, rig = snapshot.pull.creator, snapshot.rig(snapshot.worker)
    if judgement.verdict is Verdict.BLOCKED and judgement.findings[0].rule == _OWNER_RULE:
        return md.fill("by {opener}", opener=md.code(opener))
    if rig is not None and rig.owner and rig.owner != opener and snapshot.writer == rig.owner:
        return md.fill(
            "by {opener}, from the branch of {owner}, who owns rig {rig}",
            opener=md.code(opener),
            owner=md.code(rig.owner),
            rig=md.code(rig.handle),
        )
    if rig is not None and rig.owner and rig.owner != opener:
        return md.fill(
            "{opener} submitted this in the name of {rig}, which belongs to {owner}",
            opener=md.code(opener),
            rig=md.code(rig.handle),
            owner=md.code(rig.owner),
        )
    by = md.fill("by {opener}", opener=md.code(opener))
    if snapshot.worker is not None:
        by = md.fill("{by} (rig {rig})", by=by, rig=md.code(snapshot.worker))
    if snapshot.writer != opener:
        by = md.fill("{by}, from the branch of {writer}", by=by, writer=md.code(snapshot.writer))
    return by


def _meaning(snapshot: Snapshot, judgement: Judgement) -> Md:
    """What the verdict means now, and of how many checks."""
    passed = len(judgement.passed)
    failed = len({f.rule for f in judgement.findings if f.level is not Level.NOTE} | {c.rule for c in judgement.crashes})
    count = (
        md.fill("All {n} pass.", n=words.checks(passed))
        if not failed
        else md.fill("{n} of {all} pass.", n=md.number(passed), all=words.checks(passed + failed))
    )
    told = [_verified(snapshot), md.own(words.MEANINGS[judgement.verdict]), count]
    return md.join([each for each in told if each], " ")


def _verified(snapshot: Snapshot) -> Md | None:
    """What is known of the evidence: verified, always with by whom and where; or that a page answers, which proves nothing."""
    probes = [probe for link in snapshot.links if (probe := snapshot.probe(link.url)) is not None]
    if snapshot.kind is not PullKind.WORK or not probes:
        return None
    if all(probe.seen is Seen.VERIFIED for probe in probes):
        by, repo = probes[0].fact("merged_by"), probes[0].fact("repo")
        who = md.fill(" by {who}", who=md.code(by, 40)) if by else md.own("")
        where = md.fill(" in {repo}", repo=md.code(repo, 80)) if repo else md.own("")
        did = md.own("merged") if probes[0].fact("state") == "merged" else md.own("found")
        return md.fill("Evidence verified: {did}{who}{where}.", did=did, who=who, where=where)
    if all(probe.seen in _FINE for probe in probes):
        return md.own("Evidence not verified: the link opens, and nothing proves that it is this work.")
    return None


def _held(snapshot: Snapshot) -> Md | None:
    """Holds, said whatever the verdict: they forbid the decision that is offered below."""
    if not snapshot.holds:
        return None
    return md.fill("Nothing is decided here now: {held}. {lift}", held=words.held(snapshot.holds), lift=words.LIFT)


# --- what was asked, what came ----------------------------------------------------------------------------------------


def _matter(snapshot: Snapshot) -> Md | None:
    parts = (_asked(snapshot), *_delivered(snapshot), _worker(snapshot))
    return Md("\n".join(part for part in parts if part)) or None


def _asked(snapshot: Snapshot) -> Md | None:
    """What the item asks for, by main: what a rating is about."""
    item = snapshot.item
    if item is None or snapshot.kind not in (PullKind.WORK, PullKind.CLAIM):
        return None
    row = item.row
    facts = [
        md.code(snapshot.item_id or ""),
        *(md.code(cell, 40) for cell in (row.text("type"),) if cell),
        *(md.fill("effort {it}", it=md.code(cell, 40)) for cell in (row.text("effort_level"),) if cell),
        *(md.fill("priority {it}", it=md.code(cell, 20)) for cell in (row.text("priority"),) if cell),
        *(md.fill("posted by {who}", who=md.code(item.posted_by, 64)) for _ in (1,) if item.posted_by),
    ]
    asked = row.text("description")
    told = _text(asked, DESCRIPTION_CHARS_MAX) if asked else md.own("no description")
    line = md.fill("**Asked** ({facts}): {told}", facts=md.join(facts, ", "), told=told)
    criteria = row.text("acceptance_criteria")
    return md.fill("{line} Accepted if: {it}", line=line, it=_text(criteria, DESCRIPTION_CHARS_MAX)) if criteria else line


def _text(text: str, most: int) -> Md:
    """A stranger's text, cut; how long it is is said where it was cut."""
    shown = md.code(text, most)
    return shown if len(text) <= most else md.fill("{shown} ({n} characters)", shown=shown, n=md.number(len(text)))


def _delivered(snapshot: Snapshot) -> list[Md]:
    """One line for each link of the evidence: what is behind it, one click away."""
    told: list[Md] = []
    for link in snapshot.links[:LINKS_MAX]:
        probe = snapshot.probe(link.url)
        what = evidence(link, probe) if probe is not None else md.fill("{url} not looked at yet", url=md.link(link.url))
        told.append(md.fill("**Delivered**: {what}", what=what))
    if len(snapshot.links) > LINKS_MAX:
        told.append(md.fill("{n} more links", n=md.number(len(snapshot.links) - LINKS_MAX)))
    return told


def evidence(link: Link, probe: Probe) -> Md:
    """Evidence as what it is: the link, what answered, and when it was looked at."""
    what: list[Md] = []
    seen_at = md.fill("seen {when}", when=time.clock(probe.probed_at))
    if probe.facts:
        return md.fill("{url} {what}", url=md.link(link.url), what=md.join([*forges.said(probe), seen_at], ", "))
    if probe.kind and probe.kind != "url":
        what.append(forges.named(probe))
    if probe.status is not None:
        what.append(md.fill("answered {status}", status=Md(str(probe.status))))
    elif probe.reason:
        what.append(forges.state(probe))
    if probe.title:
        what.append(md.fill("titled {title}", title=md.code(probe.title, 80)))
    if probe.final_url and probe.final_url != link.url:
        what.append(md.fill("by way of {url}", url=md.link(probe.final_url)))
    return md.fill("{url} {what}", url=md.link(link.url), what=md.join([*what, seen_at], ", "))


def _worker(snapshot: Snapshot) -> Md | None:
    if snapshot.worker is None or snapshot.kind not in (PullKind.WORK, PullKind.CLAIM):
        return None
    record, rig = snapshot.record, snapshot.rig(snapshot.worker)
    told = [md.fill("trust {n}", n=md.number(rig.trust))] if rig is not None else []
    told.append(_stamps(record.stamps) if record.stamps else md.own("no stamps yet"))
    if record.mean_quality is not None:
        told.append(md.fill("mean quality {mean}", mean=Md(f"{record.mean_quality:.1f}")))
    line = md.fill("**Worker** {rig}: {told}", rig=md.code(snapshot.worker), told=md.join(told, ", "))
    if snapshot.elsewhere:
        # Inferred: only the account behind a rig ties its name on one commons to its name on another.
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


# --- what did not pass ------------------------------------------------------------------------------------------------


_STATES: Mapping[Level, LiteralString] = {
    Level.FAULT: "fails",
    Level.FORBID: "cannot be told",
    Level.DOUBT: "is to be looked at",
    Level.UNSURE: "could not be judged",
    Level.NOTE: "is worth knowing",
}


def _findings(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    """One line for each finding, worst first: what is so, what to do, and whether a validator may override it."""
    links = _shown_links(snapshot)
    weighty = [f for f in judgement.findings if f.level is not Level.NOTE]
    notes = judgement.at(Level.NOTE)
    told = []
    for number, finding in enumerate(weighty[:FINDINGS_MAX]):
        # The first line says the first one, if it fits there: then only what to do is left to say.
        said = (
            number == 0
            and judgement.verdict not in (Verdict.WAITING, Verdict.BY_HAND)
            and len(finding.says) <= REASON_CHARS_MAX
        )
        seen = _to_do(finding, judgement) if said else _seen(finding, links, judgement)
        line = md.fill("**{label}** {state}", label=words.label(finding), state=md.own(_STATES[finding.level]))
        told.append(md.fill("{line}: {seen}", line=line, seen=seen) if seen else md.fill("{line}.", line=line))
    if len(weighty) > FINDINGS_MAX:
        told.append(md.fill("{n} more findings, of less weight", n=md.number(len(weighty) - FINDINGS_MAX)))
    told += [
        md.fill(
            "**{label}** failed with an error of the bot, not of the work. The operator finds the error in the log.",
            label=words.label(crash),
        )
        for crash in judgement.crashes[:5]
    ]
    told += [md.fill("Note, {label}: {seen}", label=words.label(f), seen=sentence(f, links)) for f in notes[:NOTES_MAX]]
    if len(notes) > NOTES_MAX:
        told.append(md.fill("{n} more notes", n=md.number(len(notes) - NOTES_MAX)))
    return md.bullets(told) if told else None


def _seen(finding: Finding, links: Mapping[str, Md], judgement: Judgement) -> Md:
    """A finding as one line, and whether a validator may override it, or who did."""
    if finding.overridden_by:
        by = md.fill("Overridden by {who} on this head.", who=md.code(finding.overridden_by))
        return md.join([md.prose(finding.says, links), by], " ")
    if finding in judgement.overridable:
        return md.join([words.stopped(sentence(finding, links)), words.OVERRIDABLE], " ")
    return sentence(finding, links)


def _to_do(finding: Finding, judgement: Judgement) -> Md:
    """What is to be done about a finding, and whether a validator may override it, or who did; empty if nothing is to say."""
    if finding.overridden_by:
        return md.fill("Overridden by {who} on this head.", who=md.code(finding.overridden_by))
    parts = [md.fill("To do: {it}", it=words.stopped(md.prose(finding.remedy)))] if finding.remedy else []
    return md.join([*parts, *((words.OVERRIDABLE,) if finding in judgement.overridable else ())], " ")


def _names(link: Link) -> tuple[str, str]:
    """How rules write a link: whole, or cut."""
    return link.url, f"{link.url[:_CHARS_RULES_QUOTE]}…"


def _shown_links(snapshot: Snapshot) -> dict[str, Md]:
    """What to show where a rule names a link of the evidence: the link itself. Nothing for links that begin alike."""
    named = [name for link in snapshot.links for name in _names(link)]
    return {name: md.link(link.url) for link in snapshot.links for name in _names(link) if named.count(name) == 1}


def sentence(finding: Finding, links: Mapping[str, Md]) -> Md:
    """A finding as one line: what is so, and what to do. `links`: what to show for words that name a link."""
    says = md.prose(finding.says, links)
    if not finding.remedy:
        return says
    return md.fill("{says} To do: {remedy}", says=says, remedy=words.stopped(md.prose(finding.remedy)))


# --- the rows ---------------------------------------------------------------------------------------------------------


def _rows(snapshot: Snapshot) -> Md:
    """What the pull is, and every cell that has to be read. A pull that the bot never merges is only counted beyond that."""
    if snapshot.changes.empty:
        return md.own("This pull changes no row.")
    what = md.escape(snapshot.form.value)
    count = md.fill("**Rows**: this is {what}: {parts}. Nothing else.", what=what, parts=changed_rows(snapshot))
    found = [cell for cell in to_show(snapshot) if not _is_delivered(cell, snapshot)]
    shown = cells.rows(found[:CELLS_SHOWN_MAX]) if found else None
    left = len(found) - CELLS_SHOWN_MAX
    more = md.fill("{n} more cells are not shown here.", n=md.number(left)) if left > 0 else None
    return md.lines(count, shown, more)


def _is_delivered(cell: Cell, snapshot: Snapshot) -> bool:
    """Whether it is the evidence, and nothing but the one link that is shown as delivered."""
    links = snapshot.links
    of_work = (cell.table, cell.column) == ("completions", "evidence") and snapshot.kind is PullKind.WORK
    return of_work and len(links) == 1 and cell.after == links[0].url and md.link(links[0].url).startswith("<")


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


# --- what is new, what to do now --------------------------------------------------------------------------------------


def _news(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    """What is otherwise than in the review before this one."""
    if not snapshot.reviews:
        return None
    last = snapshot.reviews[-1].mark
    told: list[Md] = []
    if last.head != snapshot.head:
        now = words.short(snapshot.head) if snapshot.head is not None else md.own("none")
        told.append(md.fill("head {old}, now {new}", old=words.short(last.head), new=now))
    if last.outcome != judgement.verdict.word:
        told.append(md.fill("verdict was {old}", old=md.escape(last.outcome.replace("-", " "))))
    news = news_since(last.shown, snapshot, judgement) if last.shown is not None and last.head == snapshot.head else None
    if news is not None and news.rows:
        told.append(md.own("the rows, the item, the rig or its owner are others"))
    labels = dict.fromkeys(words.label(finding) for finding in (news.findings if news is not None else ()))
    if labels:
        told.append(md.fill("found since: {labels}", labels=md.join(list(labels)[:5], ", ")))
    moved = snapshot.since_last.rows if snapshot.since_last is not None else ()
    if not told and not moved:
        return None
    line = md.fill("**New since review {n}**: {told}.", n=md.number(last.n), told=md.join(told, "; ") or md.own("rows"))
    return Md("\n".join((line, words.rows(moved, MOVES_MAX)))) if moved else line


def _last_today(snapshot: Snapshot) -> Md | None:
    if len(snapshot.reviews_since(snapshot.taken_at - timedelta(seconds=DAY_S))) + 1 < REVIEWS_A_DAY_MAX:
        return None
    return md.own(
        "This pull was reviewed often within a day. The next review follows tomorrow, or when a validator decides it."
    )


def _next(snapshot: Snapshot, judgement: Judgement) -> Md | None:
    commands = lines_to_type(snapshot, judgement, number=len(snapshot.reviews) + 1)
    rated = (snapshot.kind is PullKind.WORK and judgement.verdict in _MERGES) or judgement.adoptable
    if not commands:
        return None
    invitation = _invitation(snapshot, rated=rated)
    if judgement.adoptable:
        adopts = md.own("`--adopt` writes the work and its stamp to main without the merge, and closes the pull.")
        invitation = md.join([adopts, invitation], " ")
    return Md("\n\n".join((invitation, md.fence(commands))))


_MERGES = (Verdict.READY, Verdict.LOOK)


def _footer(snapshot: Snapshot) -> Md:
    commons, address = snapshot.commons, snapshot.policy.pages.address
    page = md.link(f"{address}/{commons}/pulls/{snapshot.pull.number}") if address and snapshot.policy.pages.enabled else None
    told = _reviewed(snapshot)
    return md.fill("{told} · all checks: {page}", told=told, page=page) if page is not None else told


def _reviewed(snapshot: Snapshot) -> Md:
    return md.fill(
        "Review {n} of head {head} · {when} · main {main}",
        n=md.number(len(snapshot.reviews) + 1),
        head=words.short(snapshot.head) if snapshot.head is not None else md.own("none"),
        when=time.clock(snapshot.taken_at),
        main=words.short(snapshot.main_head),
    )


def lines_to_type(snapshot: Snapshot, judgement: Judgement, *, number: int | None = None) -> tuple[str, ...]:
    """What a validator can type now, most likely first, pinned to the review of this number; None: the newest of this head."""
    if snapshot.head is None:
        commands: tuple[str, ...] = ("/close …",)
    else:
        at = words.newest_pin(snapshot, snapshot.head) if number is None else words.pin(snapshot.head, number)
        commands = next_commands(snapshot, judgement, at)
    if snapshot.comments_readable:
        return commands
    return tuple(_on_the_command_line(snapshot, line) for line in commands)


def _on_the_command_line(snapshot: Snapshot, line: str) -> str:
    return f"stampbot decide '{snapshot.commons}#{snapshot.pull.number}' \"{line}\""


def _invitation(snapshot: Snapshot, *, rated: bool) -> Md:
    if not snapshot.comments_readable:
        return md.own(
            "Comments cannot be read on this host, so nothing written below is heard. Validators decide in a terminal, with an "
            "API token of their own in STAMPBOT_HUB_TOKEN (Q is 1 to 5, or poor fair good excellent; … is your reason):"
        )
    if rated and snapshot.rejection is not None:
        return md.own(
            "Validators, put one of these on a line of its own. Q is 1 to 5, … is your reason. "
            "`--yes` accepts it although it was rejected."
        )
    if rated:
        return md.own(
            "Validators, put one of these on a line of its own. Q is 1 to 5, … is your reason. "
            "`--message` is for words to the worker."
        )
    return md.own("Validators, put one of these on a line of its own. … is your reason.")


def next_commands(snapshot: Snapshot, judgement: Judgement, at: str) -> tuple[str, ...]:
    """What a validator can type now, most likely first. No rating is pre-filled: a blind paste fails politely."""
    if snapshot.kind is PullKind.LANDING:
        return ()
    if snapshot.holds:
        return ("/unhold",)
    if judgement.verdict in (Verdict.WAITING, Verdict.CANNOT_TELL, Verdict.BY_HAND):
        return ()
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
            against = " --yes" if snapshot.rejection is not None else ""
            return (f"/accept --at {at} --quality Q{tagged}{against}", reject)
        case (PullKind.WORK, _):
            return (*adopt, reject if _may_come_again(snapshot) else close)
        case (PullKind.REGISTRATION | PullKind.POST | PullKind.EDIT | PullKind.LINK, Verdict.READY | Verdict.LOOK):
            return (f"/accept --at {at}", close)
        case (PullKind.CLAIM, Verdict.READY | Verdict.LOOK):
            return (f"/accept --at {at} --yes", close)
        case _:
            return (close,)


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
