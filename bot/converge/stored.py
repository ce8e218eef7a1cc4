"""What is stored of a judgement for pages. Pure: snapshot and judgement in, the document out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.commands import authority
from bot.messages import md
from bot.messages.reviews import lines_to_type
from bot.model.evidence import Probe
from bot.model.finding import Finding, Judgement, Place, RuleCrash
from bot.model.ids import Handle, User, WantedId
from bot.model.links import Link
from bot.model.snapshot import Snapshot
from bot.store import StoredJudgement, StoredLink
from bot.store.judgements import fitting

NAME_CHARS_MAX: Final = 100
SAYS_CHARS_MAX: Final = 400
DESCRIPTION_CHARS_MAX: Final = 240
FINDINGS_MAX: Final = 24
CRASHES_MAX: Final = 4
LINKS_MAX: Final = 4
FACTS_MAX: Final = 8
FACT_CHARS_MAX: Final = 60
FREE_MAX: Final = 20


def stored_judgement(snapshot: Snapshot, judgement: Judgement, next_look_at: datetime | None) -> StoredJudgement:
    """The document about the last look at a pull: each text one plain line, the whole limited in bytes."""
    item, done = snapshot.item_on_head, snapshot.completion
    left_out = max(0, len(judgement.findings) - FINDINGS_MAX) + max(0, len(snapshot.links) - LINKS_MAX)
    return fitting(
        StoredJudgement(
            pull=snapshot.pull.number,
            judged_at=snapshot.taken_at,
            head=snapshot.head,
            main_head=snapshot.main_head,
            verdict=judgement.verdict,
            kind=snapshot.kind,
            title=md.clean(snapshot.pull.title),
            creator=User(_name(snapshot.pull.creator)),
            opened_at=snapshot.pull.created_at,
            waiting_for=md.clean(judgement.waiting_for, SAYS_CHARS_MAX),
            item=WantedId(_name(snapshot.item_id)) if snapshot.item_id else None,
            item_title=md.clean(item.row.text("title")) if item else "",
            asked=md.clean(item.row.text("description"), DESCRIPTION_CHARS_MAX) if item else "",
            rig=Handle(_name(snapshot.worker)) if snapshot.worker else None,
            delivered=md.clean(done.evidence, DESCRIPTION_CHARS_MAX) if done else "",
            stamps=snapshot.record.stamps,
            findings=tuple(map(_finding, judgement.findings[:FINDINGS_MAX])),
            crashes=tuple(map(_crash, judgement.crashes[:CRASHES_MAX])),
            passed=judgement.passed,
            links=tuple(_link(link, snapshot.probe(link.url)) for link in snapshot.links[:LINKS_MAX]),
            lines=tuple(md.clean(line, SAYS_CHARS_MAX) for line in lines_to_type(snapshot, judgement)),
            free=tuple(User(_name(user)) for user in authority.free_validators(snapshot)[:FREE_MAX]),
            reviews=len(snapshot.reviews),
            next_look_at=next_look_at,
            left_out=left_out,
        )
    )


def _name(text: str) -> str:
    return md.clean(text, NAME_CHARS_MAX)


def _finding(finding: Finding) -> Finding:
    place = finding.place
    return replace(
        finding,
        place=Place(_name(place.table), _name(place.key), _name(place.column)),
        says=md.clean(finding.says, SAYS_CHARS_MAX),
        remedy=md.clean(finding.remedy, SAYS_CHARS_MAX),
        overridden_by=_name(finding.overridden_by),
    )


def _crash(crash: RuleCrash) -> RuleCrash:
    return replace(crash, error=md.clean(crash.error, SAYS_CHARS_MAX))


def _link(link: Link, probe: Probe | None) -> StoredLink:
    url = md.clean(link.url, md.URL_CHARS_MAX)
    if probe is None:
        return StoredLink(url=url)
    facts = tuple((_name(name), md.clean(value, FACT_CHARS_MAX)) for name, value in probe.facts[:FACTS_MAX])
    return StoredLink(url=url, seen=probe.seen, reason=probe.reason, label=probe.label, probed_at=probe.probed_at, facts=facts)
