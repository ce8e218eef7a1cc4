"""What pages show, as values: pure functions from stored judgements. The same value gives HTML, JSON and Atom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.messages import words as vocabulary
from bot.model.evidence import Seen
from bot.model.finding import Finding, Level
from bot.model.ids import Commons, PullNo
from bot.store import CachedVerdict, StoredJudgement, StoredLink

ROWS_A_PAGE: Final = 50

SEEN: Final = {
    Seen.VERIFIED: "verified",
    Seen.REACHABLE: "answers, not verified",
    Seen.DEAD: "dead",
    Seen.BLOCKED: "must not be opened",
    Seen.UNKNOWN: "could not be judged",
    Seen.SUSPICIOUS: "is to be looked at",
}
LEVELS: Final = {
    Level.FAULT: "fails",
    Level.FORBID: "cannot be told",
    Level.DOUBT: "is to be looked at",
    Level.UNSURE: "could not be judged",
    Level.NOTE: "is worth knowing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A link of the evidence, and what the bot saw there. `href` is empty where it is no web address to click."""

    text: str
    href: str
    state: str
    seen_at: datetime | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One open pull in the queue."""

    pull: PullNo
    title: str
    address: str
    """On DoltHub."""
    verdict: str
    reason: str
    opener: str
    rig: str
    stamps: int
    item: str
    evidence: tuple[Evidence, ...]
    opened_at: datetime | None
    line: str
    free: tuple[str, ...]
    """Accounts that may decide it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one kind. `folded`: a page shows them on demand. `total` counts those of all pages."""

    name: str
    folded: bool
    total: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which pulls a page of the queue shows: `page` of `pages`, from 1; `total` counts all that fit the filters."""

    pulls: tuple[PullNo, ...]
    total: int
    totals: tuple[int, ...]
    """By group of the vocabulary."""
    page: int
    pages: int
    account: str = ""
    rig: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A page of the backlog of one commons."""

    commons: str
    groups: tuple[Group, ...]
    selected: Selection
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A finding: the check, what it came to, what was seen, and what to do."""

    label: str
    state: str
    says: str
    remedy: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullPage:
    """One open pull."""

    commons: str
    row: Row
    meaning: str
    asked: str
    item_title: str
    delivered: str
    checks: tuple[Check, ...]
    crashed: tuple[str, ...]
    passed: tuple[str, ...]
    lines: tuple[str, ...]
    reviews: int
    head: str
    judged_at: datetime
    next_look_at: datetime | None
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """The commons that may be shown, each with how many pulls wait by group."""

    commons: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


def select(standing: Iterable[CachedVerdict], *, account: str = "", rig: str = "", words: str = "", page: int = 1) -> Selection:
    """The pulls of one page of the queue, by group, the oldest pull first.

    `account` hides what that account may not decide; `words` look into titles and the item's id.
    """
    wanted = words.casefold().split()
    order = {verdict: at for at, (_, verdicts, _) in enumerate(vocabulary.GROUPS) for verdict in verdicts}
    fitting = sorted(
        (
            each
            for each in standing
            if (not account or account in each.free)
            and (not rig or each.rig == rig)
            and all(word in f"{each.title} {each.item_title} {each.item or ''}".casefold() for word in wanted)
        ),
        key=lambda one: (order[one.verdict], one.pull),
    )
    pages = max(1, -(-len(fitting) // ROWS_A_PAGE))
    at = min(max(1, page), pages)
    shown = fitting[(at - 1) * ROWS_A_PAGE : at * ROWS_A_PAGE]
    return Selection(
        pulls=tuple(each.pull for each in shown),
        total=len(fitting),
        totals=tuple(sum(each.verdict in verdicts for each in fitting) for _, verdicts, _ in vocabulary.GROUPS),
        page=at,
        pages=pages,
        account=account,
        rig=rig,
        words=words,
    )


def queue_page(
    commons: Commons, selected: Selection, stored: Mapping[PullNo, StoredJudgement], *, site_url: str, read_at: datetime | None
) -> QueuePage:
    """The selected pulls as rows. One whose judgement is not there any more is left out."""
    shown = [stored[pull] for pull in selected.pulls if pull in stored]
    groups = tuple(
        Group(
            name=name,
            folded=folded,
            total=total,
            rows=tuple(row(each, commons, site_url) for each in shown if each.verdict in verdicts),
        )
        for (name, verdicts, folded), total in zip(vocabulary.GROUPS, selected.totals, strict=True)
    )
    return QueuePage(
        commons=str(commons), groups=tuple(group for group in groups if group.rows), selected=selected, read_at=read_at
    )


def home_page(standing: Iterable[tuple[Commons, Iterable[CachedVerdict]]]) -> HomePage:
    """How many pulls wait on each commons, by group."""
    counted = []
    for commons, each in standing:
        verdicts = [one.verdict for one in each]
        counted.append((str(commons), tuple((name, sum(v in group for v in verdicts)) for name, group, _ in vocabulary.GROUPS)))
    return HomePage(commons=tuple(counted))


def pull_page(commons: Commons, stored: StoredJudgement, *, site_url: str) -> PullPage:
    """One pull with all that the last look found."""
    return PullPage(
        commons=str(commons),
        row=row(stored, commons, site_url),
        meaning=vocabulary.MEANINGS[stored.verdict],
        asked=stored.asked,
        item_title=stored.item_title,
        delivered=stored.delivered,
        checks=tuple(map(_check, stored.findings)),
        crashed=tuple(crash.label or _spaced(crash.rule) for crash in stored.crashes),
        passed=tuple(map(_spaced, stored.passed)),
        lines=stored.lines,
        reviews=stored.reviews,
        head=stored.head or "",
        judged_at=stored.judged_at,
        next_look_at=stored.next_look_at,
        left_out=stored.left_out,
    )


def row(stored: StoredJudgement, commons: Commons, site_url: str) -> Row:
    """One pull as a row of the queue."""
    return Row(
        pull=stored.pull,
        title=stored.item_title or stored.title,
        address=f"{site_url}/repositories/{commons.owner}/{commons.name}/pulls/{stored.pull}",
        verdict=stored.verdict.value,
        reason=stored.reason,
        opener=stored.creator,
        rig=stored.rig or "",
        stamps=stored.stamps,
        item=stored.item or "",
        evidence=tuple(map(_evidence, stored.links)),
        opened_at=stored.opened_at,
        line=stored.lines[0] if stored.lines else "",
        free=tuple(stored.free),
    )


def _check(finding: Finding) -> Check:
    return Check(
        label=finding.label or _spaced(finding.rule),
        state=f"overridden by {finding.overridden_by}" if finding.overridden_by else LEVELS[finding.level],
        says=finding.says,
        remedy=finding.remedy,
        place=str(finding.place),
    )


def _evidence(link: StoredLink) -> Evidence:
    clickable = link.url.startswith(("https://", "http://")) and link.seen is not Seen.BLOCKED
    return Evidence(
        text=link.url,
        href=link.url if clickable else "",
        state=SEEN[link.seen] if link.seen is not None else "not looked at yet",
        seen_at=link.probed_at,
        facts=link.facts,
    )


def _spaced(rule: str) -> str:
    return rule.replace("_", " ")
