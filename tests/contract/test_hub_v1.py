"""The client for hosts without API v2 against the look-alike: same questions, older words, and the oddities of v1alpha1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.dolthub import sql
from bot.dolthub.client import Api, Hub, Written
from bot.dolthub.errors import HubBusy, HubConflict, HubGone, HubRefused, HubStrange
from bot.dolthub.sql import Query, Statement
from bot.model.ids import PullNo, User
from bot.model.pull import PullState
from tests.contract.test_hub_contract import CLAIM, Place, a_place, refused
from tests.sandbox_process import SandboxProcess, sandbox_server
from tests.unit.test_hub_client import Unwritten

__all__ = ["sandbox_server"]


def older(place: Place, token: str = "token-bot") -> Hub:
    hub = Hub(
        f"{place.made.sandbox.base_url}/lab",
        token,
        api=None,
        commons=(place.commons,),
        poll_s=(0.01, 0.05),
        operation_wait_s=1,
        sleep=lambda _: None,
    )
    return hub.with_journal(Unwritten())


@pytest.fixture
def place(sandbox_server: SandboxProcess) -> Iterator[Place]:
    found = a_place(sandbox_server)
    yield found
    found.made.clean()


def test_which_api_a_host_has_is_found_out(place: Place) -> None:
    newer = Hub(place.made.sandbox.base_url, "token-bot", api=None, commons=(place.commons,))
    nothing = Hub(f"{place.made.sandbox.base_url}/nowhere", "", api=None, commons=(place.commons,), sleep=lambda _: None)
    assert (newer.find_api(), older(place).find_api()) == (Api.V2, Api.V1)
    assert newer.with_journal(Unwritten()) is newer
    assert isinstance(refused(nothing.find_api), HubStrange)


def test_the_same_is_read_in_both_apis(place: Place) -> None:
    fork = place.fork()
    head = place.push("wl/pia/w-1", CLAIM, db=fork)
    number = place.pull_of("wl/pia/w-1", fork)
    hub = older(place)
    assert (hub.me(), hub.comments_readable, hub.merging(place.commons)) == (User("bot"), False, False)
    assert hub.pull(place.commons, number) == place.hub.pull(place.commons, number)
    assert hub.pulls(place.commons) == place.hub.pulls(place.commons)
    assert {b.name: b.head for b in hub.branches(fork)} == {b.name: b.head for b in place.hub.branches(fork)}
    query = sql.rows_by("wanted", "id", ("w-1", "w-2"))
    assert hub.rows(fork, head, query) == place.hub.rows(fork, head, query)
    assert (hub.database(fork), hub.database(place.commons.parse("nobody/nothing"))) == (True, False)


def test_a_landing_is_made_step_by_step(place: Place) -> None:
    hub, commons = older(place), place.commons
    hub.create_branch(commons, "stampbot/d/x", at=place.main)
    assert isinstance(refused(lambda: hub.create_branch(commons, "stampbot/d/x", at=place.main)), HubConflict)
    assert hub.write(commons, "stampbot/d/x", Statement(CLAIM)) is Written.CHANGED
    number = hub.open_pull(commons, title="t", description="d", branch="stampbot/d/x")
    hub.comment(commons, number, "words\n\n`mark`")
    assert [c.body for c in place.hub.comments(commons, number)] == ["words\n\n`mark`"]
    hub.merge(commons, number)
    assert hub.pull(commons, number).state is PullState.MERGED
    assert place.made.sql("SELECT status FROM wanted WHERE id = 'w-1'") == [["claimed"]]
    hub.create_branch(commons, "other", at=place.main)
    hub.write(commons, "other", Statement("UPDATE wanted SET title = 'x' WHERE id = 'w-2'"))
    closed = hub.open_pull(commons, title="t", description="", branch="other")
    hub.close(commons, closed)
    assert hub.pull(commons, closed).state is PullState.CLOSED


def test_a_write_that_changes_nothing_is_told(place: Place) -> None:
    nothing = Statement("UPDATE wanted SET status = 'claimed' WHERE id = 'w-1' AND status = 'done'")
    assert older(place).write(place.commons, "main", nothing) is Written.UNCHANGED
    assert isinstance(refused(lambda: older(place).write(place.commons, "main", Statement("heatdome"))), HubRefused)


@pytest.mark.parametrize(
    "quirk",
    [
        {"quirk": "colon-keys"},
        {"quirk": "flat-poll"},
        {"quirk": "page-size", "size": 1},
        {"quirk": "cell-forms", "drop_nulls": True, "clocks": "z", "booleans": "true/false"},
        {"quirk": "not-json", "how": "html", "times": 1, "match": {"operation": "v1Pull"}},
        {"quirk": "no-such-repository", "times": 1, "match": {"operation": "v1Read"}},
    ],
    ids=lambda quirk: str(quirk["quirk"]),
)
def test_an_odd_form_is_read(place: Place, quirk: dict[str, Any]) -> None:
    fork = place.fork()
    place.push("wl/a", CLAIM, db=fork)
    place.push("wl/b", "UPDATE wanted SET title = 'b' WHERE id = 'w-2'", db=fork)
    first, second = place.pull_of("wl/a", fork), place.pull_of("wl/b", fork)
    hub, expected = older(place), place.hub.pull(place.commons, first)
    item = place.hub.rows(place.commons, "main", sql.rows_by("wanted", "id", ("w-1",)))[0]
    place.made.play(quirk)
    assert hub.pull(place.commons, first) == expected
    assert [pull.number for pull in hub.pulls(place.commons)] == [second, first]
    (row,) = hub.rows(place.commons, "main", sql.rows_by("wanted", "id", ("w-1",)))
    assert (row.text("id"), row.get("claimed_by"), row.columns) == ("w-1", None, item.columns)
    assert hub.write(place.commons, "main", Statement("UPDATE wanted SET title = 'c' WHERE id = 'w-1'")) is Written.CHANGED
    hub.merge(place.commons, second)
    assert hub.pull(place.commons, second).state is PullState.MERGED


def test_a_merge_that_fails_later_is_told_by_the_list_of_jobs(place: Place) -> None:
    fork = place.fork()
    place.push("wl/a", CLAIM, db=fork)
    number = place.pull_of("wl/a", fork)
    place.made.play({"quirk": "merge-takes-its-time", "how": "fails", "times": 1})
    failed = refused(lambda: older(place).merge(place.commons, number))
    assert (type(failed), "failed to push to branch" in str(failed)) == (HubRefused, True)
    place.made.play({"quirk": "merge-takes-its-time", "how": "runs"})
    running = refused(lambda: older(place).merge(place.commons, number))
    assert isinstance(running, HubBusy)
    assert running.unknown_end
    assert older(place).merging(place.commons)


def test_what_a_400_means_is_told_by_its_words(place: Place) -> None:
    hub = older(place)
    place.push("wl/a", CLAIM)
    hub.open_pull(place.commons, title="t", description="", branch="wl/a")
    again = refused(lambda: hub.open_pull(place.commons, title="t", description="", branch="wl/a"))
    missing = refused(lambda: hub.pull(place.commons, PullNo(999)))
    gone = refused(lambda: hub.rows(place.commons, "nope", Query("SELECT 1 AS one")))
    nobody = refused(lambda: hub.pulls(place.commons.parse("nobody/nothing")))
    stranger = refused(lambda: older(place, "token-mallory").write(place.commons, "main", Statement(CLAIM)))
    bad = refused(older(place, "token-wrong").me)
    long = refused(lambda: hub.rows(place.commons, "main", Query("SELECT '" + "x" * 8000 + "' AS x")))
    assert [type(e) for e in (again, missing, gone, nobody)] == [HubConflict, HubGone, HubGone, HubGone]
    assert isinstance(stranger, HubRefused)
    assert isinstance(bad, HubRefused)
    assert isinstance(long, HubStrange)
    assert (stranger.status, bad.status, long.too_large) == (403, 401, True)
    place.made.play({"quirk": "row-limit", "rows": 1})
    assert isinstance(refused(lambda: hub.rows(place.commons, "main", sql.all_rigs())), HubStrange)
