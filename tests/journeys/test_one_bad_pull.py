"""A sweep goes on whatever one pull does to it: the trouble is reported for that pull, and every other pull is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from bot.commands import grammar
from bot.converge.bot import Bot
from bot.dolthub.errors import HubBusy, HubError, HubRefused
from bot.model.ids import PullNo
from bot.store import DECIDE, REVIEW
from bot.store.poll_state import LIST, PollState
from bot.sweep.sweep import sweep
from tests.journeys.test_trouble import knocked, trouble
from tests.world import World


@dataclass(slots=True)
class Reported:
    """What a sweep reported of single pulls."""

    troubles: dict[int, str] = field(default_factory=dict)

    def __call__(self, pull: PullNo, error: Exception) -> None:
        self.troubles[pull] = type(error).__name__


def landing_pull(world: World, served: PullNo) -> PullNo:
    """An open landing pull of the bot's account for a command that is there no more: a sweep closes it."""
    world.push("bot", "stampbot/left", "UPDATE wanted SET description = 'left' WHERE id = 'w-com-003'")
    return world.open_pull("bot", "stampbot/left", f"stampbot: accept w-com-003 (pull {served}, comment 999)")


def swept(world: World, deps: Bot | None = None) -> tuple[list[int], dict[int, str]]:
    """One sweep that reads the list of pulls: the pulls it knocked at, and the trouble it reported."""
    reported = Reported()
    bot = deps or world.deps
    bot.store.at(world.commons).poll_states.drop([LIST])
    sweep(bot.at(world.commons), report=reported)
    return knocked(world), reported.troubles


REFUSALS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"quirk": "status", "status": 400}, "HubRefused"),
    ({"quirk": "status", "status": 403}, "HubRefused"),
    ({"quirk": "status", "status": 404}, "HubGone"),
    ({"quirk": "status", "status": 409}, "HubConflict"),
    ({"quirk": "status", "status": 500}, "HubBusy"),
    ({"quirk": 4, "how": "html"}, "HubStrange"),
)


def test_a_landing_pull_that_cannot_be_closed_ends_no_sweep(world: World) -> None:
    bad = world.hand_in("pia", "polecat-7", "w-com-001")
    good = world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    knocked(world)
    landing = landing_pull(world, bad)
    world.comment(good, "ana", "/help")
    for fault, error in REFUSALS:
        with trouble(world, {**fault, "match": {"operation": "updatePull"}}):
            found, troubles = swept(world)
        assert good in found, fault
        assert (troubles, world.state(landing)) == ({landing: error}, "open")
    swept(world)
    assert world.state(landing) == "closed"


class MergedFirst(requests.Session):
    """A session on which the landing pull is merged by submit the moment in which the bot is about to close it."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        if method == "PATCH":
            self._world.merge_by_hand(PullNo(int(url.rpartition("/")[2])))
        return super().request(method, url, *args, **more)


def test_a_landing_pull_that_was_merged_since_it_was_listed_ends_no_sweep_and_is_no_trouble(world: World) -> None:
    bad = world.hand_in("pia", "polecat-7", "w-com-001")
    good = world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    knocked(world)
    landing = landing_pull(world, bad)
    world.comment(good, "ana", "/help")
    found, troubles = swept(world, world.bot(MergedFirst(world)))
    assert good in found
    assert (troubles, world.state(landing)) == ({}, "merged")


def test_comments_that_cannot_be_read_behind_a_landing_pull_end_no_sweep(world: World) -> None:
    bad = world.hand_in("pia", "polecat-7", "w-com-001")
    good = world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    knocked(world)
    landing = landing_pull(world, bad)
    world.comment(good, "ana", "/help")
    match = {"operation": "listPullComments", "path": f"*/pulls/{bad}/*"}
    for status in (403, 422, 500):
        with trouble(world, {"quirk": "status", "status": status, "match": match}):
            found, troubles = swept(world)
        assert {good, bad} <= set(found), status
        assert (set(troubles), world.state(landing)) == ({bad}, "open")


class Odd(requests.Session):
    """A session on which the answers about one pull hold a time that is none."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        answer = super().request(method, url, *args, **more)
        if method == "GET" and "/pulls" in url and "comments" not in url and answer.ok:
            whole = answer.json()
            data = whole["data"] if isinstance(whole["data"], list) else [whole["data"]]
            for each in data:
                if each.get("pull_number") == self._number:
                    each["created_at"] = "soon"
            answer._content = requests.compat.json.dumps(whole).encode()  # type: ignore[attr-defined]
        return answer


@pytest.mark.parametrize("listed", [True, False], ids=["in-the-list", "by-number"])
def test_a_pull_that_cannot_be_read_keeps_no_other_from_being_found(world: World, listed: bool) -> None:
    world.hand_in("ana", "ana-town", "w-com-003")
    world.settle()
    knocked(world)
    bad = world.hand_in("pia", "polecat-7", "w-com-001")
    good = world.hand_in("otto", "brass-otter", "w-com-002")
    odd, reported = world.bot(Odd(bad)), Reported()
    if listed:
        odd.store.at(world.commons).poll_states.drop([LIST])
    else:
        odd.store.at(world.commons).poll_states.put({LIST: PollState(odd.clock().timestamp() + 60, 0)})
    sweep(odd.at(world.commons), report=reported)
    assert {good, bad} <= set(knocked(world))
    assert reported.troubles == {bad: "HubStrange"}


def test_words_that_break_their_reader_end_no_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = world.hand_in("pia", "polecat-7", "w-com-001")
    good = world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    knocked(world)
    read = grammar.read

    def breaks(text: str, *more: Any) -> Any:
        if text == "boo":
            raise RecursionError("too deep")
        return read(text, *more)

    monkeypatch.setattr(grammar, "read", breaks)
    world.comment(bad, "mallory", "boo")
    world.comment(good, "ana", "/help")
    found, troubles = swept(world)
    assert set(found) == {bad, good}
    assert troubles == {bad: "RecursionError"}
    owed = {debt.pull: debt.queue for debt in world.deps.store.at(world.commons).pulls.pending()}
    assert owed == {bad: REVIEW, good: DECIDE}


def test_trouble_that_meets_all_pulls_ends_the_sweep(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    landing_pull(world, pull)
    faults: tuple[tuple[dict[str, Any], type[HubError]], ...] = (
        ({"quirk": 11}, HubRefused),
        ({"quirk": 5, "how": "503"}, HubBusy),
        ({"quirk": "cut"}, HubBusy),
    )
    for fault, error in faults:
        with trouble(world, {**fault, "match": {"user": "bot"}}), pytest.raises(error):
            swept(world)
