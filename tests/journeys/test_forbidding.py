"""A check that fails with an error of the bot, from the review to the refused stamp, on a real commons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.converge import decide
from bot.converge.bot import Bot
from bot.converge.converge import Report
from bot.dolthub import diff
from bot.model.ids import PullNo
from bot.model.step import Outcome
from bot.rulebook import REVIEWED, Catalog, Finding, Level, Rule, Snapshot
from tests.journeys.test_older_host import on_the_lab
from tests.world import World

ITEM = "w-com-001"
ACCEPT = "/accept --quality 4"


def _breaks(pull: Snapshot) -> Iterator[Finding]:
    yield from ()
    raise KeyError("cells of a row")


@pytest.fixture
def broken(world: World) -> Bot:
    """A bot with a rule that breaks at every pull, although the policy switches it off."""
    rule = Rule(
        name="rows_are_sound",
        level=Level.DOUBT,
        label="Sample",
        asks="It holds",
        title="",
        doc="",
        kinds=REVIEWED,
        fixed=False,
        softens_after_merge=True,
        check=_breaks,
    )
    world.policy = replace(world.policy, levels={rule.name: None})
    bot = world.bot()
    return replace(bot, rules=Catalog.of((*bot.rules.rules, rule)))


def headlines(world: World, pull: PullNo) -> list[str]:
    return [body.split(" · ", 1)[0].strip("*") for body in world.said(pull)]


def go_on(world: World, pull: PullNo, bot: Bot) -> None:
    world.converge(pull, bot)
    world.answer_knocks_at_the_prober(bot)
    assert not world.converge(pull, bot).stopped


def test_a_crashed_rule_forbids_until_it_is_repaired(world: World, broken: Bot) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.converge(pull, broken)
    assert headlines(world, pull) == ["CANNOT TELL"]
    assert "/accept" not in world.said(pull)[0]
    world.comment(pull, "ana", ACCEPT)
    go_on(world, pull, broken)
    assert headlines(world, pull) == ["CANNOT TELL", "REFUSED"]
    assert "Sample: the check failed with an error of the bot." in world.said(pull)[1]
    world.merge_by_hand(pull)
    world.comment(pull, "ana", ACCEPT)
    go_on(world, pull, broken)
    assert headlines(world, pull) == ["CANNOT TELL", "REFUSED", "REFUSED"]
    assert "The review of the head that was merged said CANNOT TELL, so no stamp is written." in world.said(pull)[2]
    world.comment(pull, "ana", "/reject It cannot be told what it brought.")
    go_on(world, pull, broken)
    assert (headlines(world, pull)[3:], world.count("stamps"), world.count("completions")) == (["REJECTED"], 0, 0)


def test_once_the_rule_is_repaired_a_new_review_is_posted_at_once_and_the_pull_is_accepted_on_it(
    world: World, broken: Bot
) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.converge(pull, broken)
    whole = replace(broken, rules=world.bot().rules)
    go_on(world, pull, whole)
    world.comment(pull, "ana", ACCEPT)
    go_on(world, pull, whole)
    assert (headlines(world, pull), world.count("stamps")) == (["CANNOT TELL", "READY", "ACCEPTED"], 1)


@pytest.mark.parametrize("by_hand", [False, True], ids=["open", "merged by hand"])
def test_a_decision_from_the_shell_is_refused_too(world: World, broken: Bot, by_hand: bool) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.converge(pull, broken)
    if by_hand:
        world.merge_by_hand(pull)
    shell = replace(on_the_lab(world, "token-ana"), rules=broken.rules)
    case = decide.consider(pull, ACCEPT, shell.at(world.commons))

    def wait(_report: Report, _seconds: float) -> None:
        world.answer_knocks_at_the_prober(broken)

    found = decide.carry_out(case, shell.at(case.snapshot.commons), wait=wait)
    assert found.outcome is Outcome.REFUSED
    assert (world.state(pull), world.count("stamps")) == ("merged" if by_hand else "open", 0)


def test_a_branch_with_too_long_a_history_is_named_with_its_bound_and_can_be_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    monkeypatch.setattr(diff, "ANCESTOR_PAGES_MAX", 0)
    bot = world.bot()
    world.converge(pull, bot)
    (review,) = world.said(pull)
    assert review.startswith("**CANNOT TELL** · What changes cannot be read: `no end of the history of ")
    world.comment(pull, "ana", ACCEPT)
    world.comment(pull, "ana", "/reject The history is too long.")
    world.comment(pull, "ana", "/close The history is too long.")
    go_on(world, pull, bot)
    assert headlines(world, pull)[1:] == ["REFUSED", "REJECTED", "PULL CLOSED, NO ROW TOUCHED"]
    assert (world.state(pull), world.count("completions")) == ("closed", 0)
