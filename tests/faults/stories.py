"""Decisions as stories: where a pull stands, what somebody writes, each effect that follows, and what must hold in the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.model.ids import PullNo
from bot.model.policy import Landing
from sandbox.seed import wl_sql
from tests.world import World

ITEM = "w-com-001"
ANSWER, MERGE, CLOSE = "POST comments", "POST merge", "PATCH pull"
ROW = "POST sql-writes"


def by_pull(rows: int) -> tuple[str, ...]:
    """The effects of landing so many rows by a pull of the bot's own."""
    return ("POST branches", *(ROW,) * rows, "POST pulls", MERGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One decision: the comment, and its effects in order.

    `on_main`: the work is merged by hand before. `conflicts`: main has written the row of the item since, so the pull
    cannot be merged. `evidence`: what is submitted, if not a page. `reviewed_again`: a new review follows the answer.
    `ends`: state of the pull, then rows about the item on main: completions, stamps, completions that ana's rig has
    stamped, the item's status.
    """

    name: str
    landing: Landing
    comment: str
    effects: tuple[str, ...]
    ends: tuple[str, int, int, int, str]
    answer: str
    on_main: bool = False
    conflicts: bool = False
    evidence: str | None = None
    reviewed_again: bool = False

    def __str__(self) -> str:
        return f"{self.name}-{self.landing.value}"

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that are planned for it."""
        first = "MergePull" if self.name == "accept" else ""
        lands = "Land" if ROW in self.effects else ""
        return tuple(filter(None, (first, lands, "ClosePull" if CLOSE in self.effects else "", "Answer")))

    @property
    def reviews(self) -> int:
        """How many reviews of ours stand below the pull in the end."""
        return 1 + self.conflicts + self.reviewed_again


PULL, DIRECT = Landing.PULL, Landing.DIRECT
ACCEPT, ADOPT = "/accept --quality 4", "/accept --quality 4 --adopt"
REJECT = "/reject it does not build"
STAMPED, TAKEN_BACK = ("merged", 1, 1, 1, "completed"), ("merged", 0, 0, 0, "claimed")
ADOPTED, SETTLED = ("closed", 1, 1, 1, "completed"), ("closed", 1, 0, 0, "completed")


def _either(name: str, comment: str, rows: int, ends: tuple[str, int, int, int, str], **more: str | bool) -> list[Story]:
    """The story for both ways of landing."""
    before = (MERGE,) if name == "accept" else ()
    after = (CLOSE,) if ends[0] == "closed" else ()
    lands = {PULL: by_pull(rows), DIRECT: (ROW,) * rows}
    return [
        Story(
            name=name,
            landing=landing,
            comment=comment,
            effects=(*before, *lands[landing], *after, ANSWER),
            ends=ends,
            **more,  # type: ignore[arg-type]
        )
        for landing in (PULL, DIRECT)
    ]


STORIES: tuple[Story, ...] = (
    *_either("accept", ACCEPT, 3, STAMPED, answer="**ACCEPTED** "),
    *_either("stamp-on-main", ACCEPT, 3, STAMPED, answer="**ACCEPTED** ", on_main=True),
    *_either("adopt", ADOPT, 3, ADOPTED, answer="**ACCEPTED, ADOPTED**", conflicts=True),
    *_either("reject-on-main", REJECT, 2, TAKEN_BACK, answer="**REJECTED**", on_main=True),
    *_either("close", "/close --yes solved elsewhere", 2, SETTLED, answer="**CLOSED, ITEM COMPLETED"),
    *_either(
        "close-on-main",
        "/close solved elsewhere",
        1,
        ("merged", 1, 0, 0, "completed"),
        answer="**CLOSED, ITEM COMPLETED",
        on_main=True,
    ),
    Story(
        name="reject",
        landing=PULL,
        comment=REJECT,
        effects=(ANSWER,),
        ends=("open", 0, 0, 0, "open"),
        answer="**REJECTED**",
    ),
    Story(
        name="hold",
        landing=PULL,
        comment="/hold wait for bo",
        effects=(ANSWER,),
        ends=("open", 0, 0, 0, "open"),
        answer="**HELD**",
    ),
    Story(
        name="override",
        landing=PULL,
        comment='/override evidence_is_a_url --because "I have seen the commit"',
        evidence="see the third commit",
        effects=(ANSWER, ANSWER),
        ends=("open", 0, 0, 0, "open"),
        answer="**OVERRIDDEN**",
        reviewed_again=True,
    ),
    Story(
        name="close-pull-only",
        landing=PULL,
        comment="/close --pull-only not this way",
        effects=(CLOSE, ANSWER),
        ends=("closed", 0, 0, 0, "open"),
        answer="**PULL CLOSED, NO ROW TOUCHED**",
    ),
)


def story(name: str, landing: Landing) -> Story:
    """The one of that name."""
    (found,) = [each for each in STORIES if (each.name, each.landing) == (name, landing)]
    return found


def begin(world: World, told: Story, item: str = ITEM) -> PullNo:
    """The story up to its comment: a reviewed work on which somebody has just decided."""
    pull = world.hand_in("pia", "polecat-7", item, evidence=told.evidence)
    world.review(pull)
    if told.conflicts:
        world.db.push("main", *wl_sql.claim(item, "polecat-7"))
        world.review(pull)
    if told.on_main:
        world.merge_by_hand(pull)
    world.comment(pull, "ana", told.comment)
    return pull


def plain(effects: Iterable[str]) -> tuple[str, ...]:
    """Effects as stories tell them: whichever the pull's number is."""
    return tuple(CLOSE if effect.startswith("PATCH ") else effect for effect in effects)


def forget_the_fork(world: World, pull: PullNo) -> None:
    """Once the work is merged, nobody needs its fork any more."""
    fork = world.fork_of("pia")
    if world.state(pull) == "merged":
        world.sandbox.admin("DELETE", "/databases", {"database": fork})
        world.db.made.remove(fork)


def check(world: World, pull: PullNo, told: Story, item: str = ITEM) -> None:
    """What must hold however the story was interrupted."""
    answers = world.said(pull, "answer")
    assert len(answers) == 1, answers
    assert answers[0].startswith(told.answer), answers[0]
    assert len(world.said(pull, "review")) == told.reviews
    assert [p["pull_number"] for p in world.pulls() if p["creator"] == "bot" and p["state"] == "open"] == []
    done = wl_sql.completion_id(item, "polecat-7")
    found = (
        world.state(pull),
        world.count("completions", f"wanted_id = '{item}'"),
        world.count("stamps", f"context_id = '{done}'"),
        world.count("completions", f"id = '{done}' AND stamp_id IS NOT NULL AND validated_by = 'ana-town'"),
        (world.row("wanted", id=item) or {})["status"],
    )
    assert found == told.ends
