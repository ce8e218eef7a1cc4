"""What is stored of the judgement on an open pull, for pages: one document a pull, limited in bytes. A cache, never a proof."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from bot.model.evidence import Seen
from bot.model.finding import Finding, Level, RuleCrash, Verdict
from bot.model.ids import CommitHash, Handle, PullNo, User, WantedId
from bot.model.kind import PullKind
from bot.store.codec import encode

JUDGEMENT_BYTES_MAX: Final = 16_384
"""Of one document: 2,000 pulls fit into 40 MB whatever strangers write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLink:
    """A link of the evidence. `seen` None: the bot has not looked at it yet. `url` and `facts` are strangers' text."""

    url: str
    seen: Seen | None = None
    reason: str = ""
    label: str = ""
    probed_at: datetime | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJudgement:
    """The judgement of the last look at an open pull, with what a page shows beside it.

    Texts are one plain line each, and still strangers' text: a page escapes them. `asked` and `delivered`: the item's
    description and the cell of evidence. `lines`: what a validator can type. `left_out`: how many findings and links did
    not fit. `form` changes when an older bot would misread the document: what has an unknown form is not there.
    """

    pull: PullNo
    judged_at: datetime
    head: CommitHash | None
    main_head: CommitHash
    verdict: Verdict
    kind: PullKind
    title: str
    creator: User
    opened_at: datetime | None = None
    waiting_for: str = ""
    item: WantedId | None = None
    item_title: str = ""
    asked: str = ""
    rig: Handle | None = None
    delivered: str = ""
    stamps: int = 0
    """Of the rig on main."""
    findings: tuple[Finding, ...] = ()
    crashes: tuple[RuleCrash, ...] = ()
    passed: tuple[str, ...] = ()
    links: tuple[StoredLink, ...] = ()
    lines: tuple[str, ...] = ()
    free: tuple[User, ...] = ()
    reviews: int = 0
    next_look_at: datetime | None = None
    left_out: int = 0
    form: Literal[1] = 1

    @property
    def reason(self) -> str:
        """The one reason, as the first line of the review gives it; empty where nothing stands against the pull."""
        if self.verdict is Verdict.WAITING:
            return f"waiting for {self.waiting_for}"
        weighty = [finding for finding in self.findings if finding.level is not Level.NOTE]
        if weighty:
            return weighty[0].says
        return "a check failed with an error of the bot" if self.crashes else ""


def fitting(judgement: StoredJudgement) -> StoredJudgement:
    """The same with as many findings and links as fit into JUDGEMENT_BYTES_MAX, the last ones left out first."""
    while len(encode(judgement)) > JUDGEMENT_BYTES_MAX and (judgement.findings or judgement.links):
        left_out = judgement.left_out + 1
        if len(encode(judgement.findings)) >= len(encode(judgement.links)):
            judgement = replace(judgement, findings=judgement.findings[:-1], left_out=left_out)
        else:
            judgement = replace(judgement, links=judgement.links[:-1], left_out=left_out)
    return judgement
