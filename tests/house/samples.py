"""The review and the receipt that the documents show: the demo's first pull, by the bot's own code, at fixed times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.commands import catalog as commands
from bot.converge.plan import Plan, plan
from bot.model.evidence import Seen
from bot.model.ids import PullNo, User
from bot.model.ledger import Stamp, Wanted
from bot.model.policy import Policy
from bot.model.snapshot import Present, Record, Snapshot
from bot.model.step import Answer, Land, PostReview
from bot.rulebook import catalog as rules
from bot.rulebook.judge import judge
from tests.build import (
    BOT,
    COMPLETION,
    NOW,
    a_branch,
    a_comment,
    a_hash,
    a_probe,
    a_pull,
    a_row,
    a_snapshot,
    a_wanted,
    added,
    hands_in,
    merged,
    work,
)
from tests.scenarios.plain import without_passed

ITEM = {
    "id": "w-com-004",
    "title": "Retry the relay handshake after a dropped lease",
    "project": "relay",
    "tags": '["relay","retry","go"]',
}
EVIDENCE = "https://github.com/acme/relay/pull/123"
FACTS = (
    ("state", "merged"),
    ("title", "Retry the handshake after a dropped lease"),
    ("author", "pia"),
    ("merged_by", "bo"),
    ("merged_at", "2026-06-14T11:58:00Z"),
    ("files", "14"),
)
SAID = "/accept --quality 4"


def review() -> str:
    """The review comment of the demo's first pull, without the number of checks: a new check leaves README as it is."""
    return without_passed(_review())


def _review() -> str:
    (step,) = _plan(_open()).steps
    assert isinstance(step, PostReview)
    return step.body


def receipt() -> str:
    """The answer to `/accept --quality 4` by ana, a quarter of an hour later, once all is done."""
    before = _open()
    reviewed = a_comment(BOT, _review(), NOW)
    accept = a_comment("ana", SAID, NOW + timedelta(minutes=15))
    said = replace(before, taken_at=accept.created_at, comments=(reviewed, accept))
    on_main = merged(replace(said, head=a_hash("demo")), head=a_hash("demo"))
    land = next(step for step in _plan(on_main).steps if isinstance(step, Land))
    rows = {w.table: dict(w.cells.cells) for w in land.change.writes}
    stamp = Stamp(a_row("stamps", id=next(w.key for w in land.change.writes if w.table == "stamps"), **rows["stamps"]))
    present = Present(
        items=tuple(Wanted(i.row.__class__.of(i.row.as_dict() | rows["wanted"])) for i in on_main.on_main_now.items),
        completions=tuple(
            type(c)(c.row.__class__.of(c.row.as_dict() | rows["completions"])) for c in on_main.on_main_now.completions
        ),
        stamps=(stamp,),
    )
    (step,) = _plan(replace(on_main, on_main_now=present)).steps
    assert isinstance(step, Answer)
    return step.body


def _open() -> Snapshot:
    item = a_wanted(**ITEM)
    return a_snapshot(
        policy=Policy(),
        pull=a_pull(number=PullNo(1), creator=User("pia"), source=a_branch(branch="wl/polecat-7/w-com-004")),
        head=a_hash("demo"),
        items=(item,),
        changes=work(
            wanted=hands_in(item.row, evidence_url=EVIDENCE),
            completion=added("completions", id=COMPLETION, wanted_id=ITEM["id"], evidence=EVIDENCE),
        ),
        probes=(a_probe(EVIDENCE, Seen.VERIFIED, reason="merged", kind="github_pull", label="GitHub pull", facts=FACTS),),
        record=Record(stamps=2, mean_quality=4.5),
    )


def _plan(snapshot: Snapshot) -> Plan:
    return plan(snapshot, judge(snapshot, rules.find()), commands.find())
