"""One example of each thing a pull can be, and what the commands come to on it: the table of docs/kinds.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from bot.commands.command import Decision, Follow, Refuse, Wait
from bot.messages.reviews import changed_rows
from bot.model.finding import Judgement
from bot.model.ids import User
from bot.model.kind import BACKFILL_ROWS_MIN, Form, PullKind
from bot.model.ledger import Changes
from bot.model.policy import Validator
from bot.model.pull import BranchRef
from bot.model.snapshot import Snapshot
from bot.model.step import ClosePull, Land, MergePull, Step
from bot.rulebook import catalog
from bot.rulebook.judge import judge
from tests.build import (
    BOT,
    COMMONS,
    a_branch,
    a_policy,
    a_pull,
    a_review,
    a_rig,
    a_rig_link,
    a_snapshot,
    a_wanted,
    added,
    changes_of,
    claims,
    hands_in,
    modified,
    removed,
    work,
)
from tests.commands.asking import ask

CLAIMED = {"status": "claimed", "claimed_by": "polecat-7"}
IN_REVIEW = {"status": "in_review", "claimed_by": "polecat-7"}
VALIDATED = {"validated_by": "ana-town", "stamp_id": "s-1", "validated_at": "2026-06-14 13:50:00"}
NEW_RIG = {"handle": "pia-9", "display_name": "Pia 9", "dolthub_org": "pia", "last_seen": "2026-06-14 13:50:00"}
POST = {"id": "w-0123456789", "title": "Teach the mayor to sing", "posted_by": "polecat-7"}
LINKED = {"id": "l-9", "rig_a": "polecat-7", "rig_b": "cormorant", "assertion_a": "mine", "status": "pending"}
ANAS = (a_wanted(posted_by="polecat-7"),)


def _settled() -> Changes:
    return changes_of(
        added("stamps"), modified("completions", None, **VALIDATED), modified("wanted", IN_REVIEW, status="completed")
    )


def _backfill() -> Changes:
    return changes_of(*(added("completions", id=f"c-gh-beads-{n}") for n in range(BACKFILL_ROWS_MIN)))


EXAMPLES: Mapping[Form, Mapping[str, Any]] = {
    Form.SUBMISSION: {},
    Form.COMPETING: {"changes": changes_of(added("completions")), "items": (a_wanted(**IN_REVIEW),)},
    Form.UNPROVEN: {"changes": changes_of(hands_in())},
    Form.CLAIM: {"changes": changes_of(claims())},
    Form.REGISTRATION: {"changes": changes_of(added("rigs", **NEW_RIG))},
    Form.RENEWAL: {"changes": changes_of(modified("rigs", a_rig().row, gt_version="1.0.0", last_seen="2026-06-14 13:50:00"))},
    Form.POST: {"changes": changes_of(added("wanted", **POST)), "items": ()},
    Form.UPDATE: {
        "changes": changes_of(modified("wanted", {"posted_by": "polecat-7"}, description="It stops at nine.")),
        "items": ANAS,
    },
    Form.WITHDRAWAL: {
        "changes": changes_of(modified("wanted", {"posted_by": "polecat-7"}, status="withdrawn")),
        "items": ANAS,
    },
    Form.UNCLAIM: {
        "changes": changes_of(modified("wanted", CLAIMED, status="open", claimed_by=None)),
        "items": (a_wanted(**CLAIMED),),
    },
    Form.LINK: {"changes": changes_of(added("rig_links", **LINKED))},
    Form.REVOCATION: {
        "changes": changes_of(modified("rig_links", status="revoked", revoked_by="polecat-7")),
        "rig_links": (a_rig_link(),),
        "rigs": (a_rig(), a_rig("polecat-8", "cy"), a_rig("ana-town", "ana", trust_level="3")),
    },
    Form.ACCEPTANCE: {"changes": _settled(), "items": (a_wanted(**IN_REVIEW),)},
    Form.SETTLEMENT: {
        "changes": changes_of(modified("wanted", IN_REVIEW, status="completed")),
        "items": (a_wanted(**IN_REVIEW),),
    },
    Form.BADGE: {"changes": changes_of(added("badges"))},
    Form.BOOT_BLOCK: {"changes": changes_of(added("boot_blocks"))},
    Form.CHAIN: {"changes": changes_of(added("chain_meta", chain_type="community"))},
    Form.TRUST: {"changes": changes_of(modified("rigs", trust_level="3"))},
    Form.REMOVAL: {"changes": changes_of(removed("wanted"))},
    Form.DECISION: {"changes": changes_of(added("badges"), added("chain_meta"))},
    Form.BACKFILL: {"changes": _backfill()},
    Form.INTRUDER: {"pull": a_pull(source=a_branch(branch="stampbot/0123456789ab/01234567"))},
    Form.LANDING: {"pull": a_pull(creator=BOT, source=BranchRef(COMMONS, "stampbot/0123456789ab/01234567"))},
    Form.EMPTY: {"changes": changes_of()},
    Form.MIXED: {"changes": work(added("rigs", **NEW_RIG))},
    Form.SCHEMA: {"changes": changes_of(schema=("wanted",))},
    Form.SYSTEM: {"changes": changes_of(schema=("dolt_ignore",))},
    Form.SETTINGS: {"changes": changes_of(modified("_meta", {"key": "phase1_mode", "value": "wild_west"}, value="x"))},
    Form.FOREIGN: {"changes": changes_of(added("payouts", id="p-1"))},
}
"""What the bot takes for each form, as sane as it can be."""
ACCEPT = {PullKind.WORK: "/accept --quality 4", PullKind.CLAIM: "/accept --yes"}
CLOSE = {PullKind.WORK: "/close --pull-only why"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An example, judged, and what the three decisions by a validator come to."""

    snapshot: Snapshot
    judgement: Judgement
    accept: str
    reject: str
    close: str
    own: str
    """What accepting comes to for a validator whose own pull it is."""


def example(form: Form) -> Snapshot:
    """The example, with one review that stands there already."""
    return a_snapshot(**{"comments": (a_review(),), **EXAMPLES[form]})


def seen(form: Form) -> Seen:
    """The example of a form and what comes of it, by the bot's own code."""
    snapshot = example(form)
    judgement = judge(snapshot, catalog.find())
    accept, close = ACCEPT.get(snapshot.kind, "/accept"), CLOSE.get(snapshot.kind, "/close why")
    mine = replace(snapshot, policy=a_policy(validators=(*a_policy().validators, Validator(User("pia")))))
    return Seen(
        snapshot=snapshot,
        judgement=judgement,
        accept=_came_to(ask(accept, snapshot, judgement=judgement)),
        reject=_came_to(ask("/reject why", snapshot, judgement=judgement)),
        close=_came_to(ask(close, snapshot, judgement=judgement)),
        own=_came_to(ask(accept, mine, judgement=judgement, by="pia")),
    )


def _came_to(decision: Decision) -> str:
    match decision:
        case Follow(steps=()):
            return "an answer; no row is touched"
        case Follow():
            return ", ".join(dict.fromkeys(map(_does, decision.steps)))
        case Refuse():
            return "refused: " + _plain(decision.reason)
        case Wait():
            return "waits for " + _plain(decision.until)
        case other:
            assert_never(other)


def _does(step: Step) -> str:
    match step:
        case MergePull():
            return "merges"
        case Land():
            return "writes " + " and ".join(dict.fromkeys(w.table for w in step.change.writes))
        case ClosePull():
            return "closes the pull"
        case _:
            return type(step).__name__


def _plain(text: str) -> str:
    """The first sentence, without marks of Markdown."""
    first = " ".join(re.sub(r"[*`\\\u200b]", "", text).split())
    return first.partition(". ")[0].rstrip(".").removesuffix(":")


def rows() -> Iterator[tuple[str, ...]]:
    """A row of the table for each form: what it is, its rows, the review's verdict, what decisions come to."""
    for form in Form:
        found = seen(form)
        yield (
            form.value,
            f"`{found.snapshot.kind.value}`",
            changed_rows(found.snapshot),
            found.judgement.verdict.value if form is not Form.LANDING else "no review",
            found.accept,
            found.reject,
            found.close,
        )
