"""One story for each kind of pull and of moment: what is merged, what is stamped, what is told, and that it is told once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
import requests

from bot.converge.bot import Bot
from bot.converge.converge import converge
from bot.dolthub.errors import HubBusy
from bot.evidence import FetchPolicy, probe
from bot.model.ids import Commons, PullNo
from bot.store import REVIEW
from bot.store.keys import pull_target
from bot.worker.jobs import PullJobs
from sandbox.seed import wl_sql
from tests.patience import STATE_WAIT_S
from tests.stores import a_store, jobs_of
from tests.world import World

LOOPBACK = ip_network("127.0.0.0/8")
ITEM = "w-com-001"
DONE = wl_sql.completion_id(ITEM, "polecat-7")


def headline(comment: str) -> str:
    return comment.split(" · ", 1)[0]


def verdicts(world: World, pull: PullNo) -> list[str]:
    """What the reviews of a pull said, oldest first."""
    return [headline(body).strip("*") for body in world.said(pull, "review")]


def outcomes(world: World, pull: PullNo) -> list[str]:
    """How the answers of a pull begin, oldest first."""
    return [headline(body).strip("*") for body in world.said(pull, "answer")]


def item_now(world: World, item: str = ITEM) -> tuple[str | None, str | None]:
    """Status and claimer of an item on main."""
    row = world.row("wanted", id=item)
    assert row is not None
    return row["status"], row["claimed_by"]


# --- kinds ----------------------------------------------------------------------------------------------------------


def test_an_accepted_registration_is_merged_and_nothing_is_stamped(world: World) -> None:
    world.sandbox.add_user("nia")
    rows = wl_sql.register(handle="lamp-post", display_name="Lamp Post", dolthub_org="nia", owner_email="nia@example.org")
    world.push("nia", "wl/register/lamp-post", *rows)
    pull = world.open_pull("nia", "wl/register/lamp-post", "Register rig: lamp-post")
    world.settle()
    world.comment(pull, "ana", "/accept")
    world.settle()
    assert (verdicts(world, pull), outcomes(world, pull)) == (["READY"], ["ACCEPTED"])
    rig = world.row("rigs", handle="lamp-post")
    assert rig is not None
    assert (world.state(pull), rig["dolthub_org"], rig["trust_level"], world.count("stamps")) == ("merged", "nia", "1", 0)
    assert "No stamp: a registration is no work." in world.said(pull, "answer")[0]


def test_an_accepted_post_is_on_the_board(world: World) -> None:
    rows = wl_sql.post(
        item="w-digest",
        title="A weekly digest",
        description="Every Monday.",
        project="relay",
        kind="feature",
        priority=3,
        tags=("mail",),
        posted_by="brass-otter",
        effort="small",
    )
    world.push("otto", "wl/brass-otter/w-digest", *rows)
    pull = world.open_pull("otto", "wl/brass-otter/w-digest", "[wl] A weekly digest")
    world.settle()
    world.comment(pull, "ana", "/accept")
    world.settle()
    assert (verdicts(world, pull), outcomes(world, pull)) == (["READY"], ["ACCEPTED"])
    assert (world.state(pull), item_now(world, "w-digest"), world.count("stamps")) == ("merged", ("open", None), 0)


def test_a_claim_is_merged_only_with_a_yes_and_the_work_comes_after_it(world: World) -> None:
    branch = f"wl/polecat-7/{ITEM}"
    world.push("pia", branch, *wl_sql.claim(ITEM, "polecat-7"))
    claim = world.open_pull("pia", branch, f"[wl] {ITEM}")
    world.settle()
    assert verdicts(world, claim) == ["WAITING"]
    world.comment(claim, "ana", "/accept")
    world.settle()
    assert (world.state(claim), outcomes(world, claim), item_now(world)) == ("open", ["REFUSED"], ("open", None))
    assert "`--yes`" in world.said(claim, "answer")[0]
    world.comment(claim, "ana", "/accept --yes")
    world.settle()
    assert (world.state(claim), item_now(world)) == ("merged", ("claimed", "polecat-7"))
    assert outcomes(world, claim) == ["REFUSED", "ACCEPTED"]

    world.push("pia", branch, *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    work = world.open_pull("pia", branch, f"[wl] {ITEM}")
    world.settle()
    world.comment(work, "ana", "/accept --quality 5")
    world.settle()
    assert (verdicts(world, work), outcomes(world, work)) == (["READY"], ["ACCEPTED"])
    assert (item_now(world), world.count("stamps")) == (("completed", "polecat-7"), 1)
    assert len(world.said(claim)) == 3


def test_a_claim_that_gets_its_work_on_the_same_branch_is_reviewed_anew(world: World) -> None:
    branch = f"wl/polecat-7/{ITEM}"
    world.push("pia", branch, *wl_sql.claim(ITEM, "polecat-7"))
    pull = world.open_pull("pia", branch, f"[wl] {ITEM}")
    world.settle()
    world.push("pia", branch, *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    world.settle()
    assert verdicts(world, pull) == ["WAITING", "READY"]


def test_a_closed_claim_touches_no_row(world: World) -> None:
    branch = f"wl/polecat-7/{ITEM}"
    world.push("pia", branch, *wl_sql.claim(ITEM, "polecat-7"))
    pull = world.open_pull("pia", branch, f"[wl] {ITEM}")
    world.settle()
    before = world.db.head()
    world.comment(pull, "ana", "/close nobody works on it")
    world.settle()
    assert (world.state(pull), outcomes(world, pull)) == ("closed", ["PULL CLOSED, NO ROW TOUCHED"])
    assert (world.db.head(), item_now(world)) == (before, ("open", None))


def test_a_hijacked_handle_is_blocked_and_stays_its_owners(world: World) -> None:
    rows = wl_sql.register(handle="bo-hollow", display_name="Bo", dolthub_org="mallory", owner_email="m@example.org")
    world.push("mallory", "wl/register/bo-hollow", *rows)
    pull = world.open_pull("mallory", "wl/register/bo-hollow", "Register rig: bo-hollow")
    world.settle()
    world.comment(pull, "ana", "/accept")
    world.settle()
    assert (verdicts(world, pull), outcomes(world, pull)) == (["BLOCKED"], ["REFUSED"])
    rig = world.row("rigs", handle="bo-hollow")
    assert rig is not None
    assert (world.state(pull), rig["dolthub_org"]) == ("open", "bo")


def test_competing_work_that_brings_only_a_completion_can_be_picked(either_world: World) -> None:
    world = either_world
    world.db.push("main", *wl_sql.claim(ITEM, "brass-otter"))
    world.push(
        "pia",
        f"wl/polecat-7/{ITEM}",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES"
        f" ('{DONE}', '{ITEM}', 'polecat-7', '{world.evidence}/ok', NOW())",
    )
    pull = world.open_pull("pia", f"wl/polecat-7/{ITEM}", f"[wl] {ITEM}")
    world.settle()
    assert verdicts(world, pull)[-1] == "LOOK"
    assert "competing submission" in world.said(pull)[-1]
    world.comment(pull, "ana", "/accept --quality 3")
    world.settle()
    done = world.row("completions", id=DONE)
    assert done is not None
    assert (world.state(pull), done["validated_by"], world.count("stamps", "subject = 'polecat-7'")) == (
        "merged",
        "ana-town",
        1,
    )
    assert (item_now(world)[0], outcomes(world, pull)) == ("completed", ["ACCEPTED"])


# --- odd sources ----------------------------------------------------------------------------------------------------


def test_work_on_the_forks_own_main_is_work_like_any_other(world: World) -> None:
    world.push("pia", "main", *wl_sql.claim(ITEM, "polecat-7"), *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    pull = world.open_pull("pia", "main", "my first work")
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert (verdicts(world, pull), outcomes(world, pull)) == (["READY"], ["ACCEPTED"])
    assert (world.state(pull), world.count("stamps"), item_now(world)) == ("merged", 1, ("completed", "polecat-7"))


def test_a_stale_fork_is_accepted_cleanly(either_world: World) -> None:
    world = either_world
    world.fork_of("pia")
    world.db.push(
        "main",
        *(f"UPDATE wanted SET description = 'v{n}', updated_at = NOW() WHERE id = 'w-com-002'" for n in range(6)),
        "UPDATE rigs SET display_name = 'The Otter' WHERE handle = 'brass-otter'",
    )
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.db.push("main", "UPDATE wanted SET title = 'Another title' WHERE id = 'w-com-003'")
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert (verdicts(world, pull), outcomes(world, pull)) == (["READY"], ["ACCEPTED"])
    assert (world.state(pull), world.count("stamps"), item_now(world)) == ("merged", 1, ("completed", "polecat-7"))
    rows = [world.row("wanted", id="w-com-002"), world.row("wanted", id="w-com-003"), world.row("rigs", handle="brass-otter")]
    told = [row and (row.get("description") or row.get("title") or row.get("display_name")) for row in rows]
    assert told == ["v5", "Another title", "The Otter"]


# --- conflicts ------------------------------------------------------------------------------------------------------


def test_a_pull_that_conflicts_is_refused_once_and_nothing_is_changed(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.db.push("main", *wl_sql.claim(ITEM, "brass-otter"))
    before = world.db.head()
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    world.settle()
    assert (world.state(pull), world.db.head(), outcomes(world, pull)) == ("open", before, ["REFUSED"])
    assert "Nothing was changed." in world.said(pull, "answer")[0]
    assert verdicts(world, pull) == ["READY", "BLOCKED"]


def test_a_merge_that_conflicts_only_on_dolthub_is_refused_once(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.db.play(
        {
            "quirk": 33,
            "push_database": world.db.name,
            "push_branch": "main",
            "push_user": "ana",
            "sql": f"UPDATE wanted SET status = 'withdrawn', claimed_by = 'nobody' WHERE id = '{ITEM}'",
            "times": 1,
        }
    )
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    world.settle()
    assert (world.state(pull), outcomes(world, pull)) == ("open", ["REFUSED"])
    assert "conflict" in world.said(pull, "answer")[0]
    assert (item_now(world), world.count("stamps"), world.count("completions")) == (("withdrawn", "nobody"), 0, 0)
    assert world.db.counts()["mergePull"] == 1
    assert verdicts(world, pull) == ["READY", "BLOCKED"]


# --- rejected and submitted again -----------------------------------------------------------------------------------


def test_rejected_work_comes_back_with_the_same_evidence_as_look_and_with_new_evidence_as_ready(world: World) -> None:
    branch = f"wl/polecat-7/{ITEM}"
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/reject it does not build")
    world.settle()
    assert (verdicts(world, pull), outcomes(world, pull)) == (["READY"], ["REJECTED"])
    world.push("pia", branch, f"UPDATE completions SET completed_at = '2026-02-03 04:05:06' WHERE id = '{DONE}'")
    world.settle()
    assert verdicts(world, pull) == ["READY", "LOOK"]
    assert "was rejected by" in world.said(pull, "review")[-1]
    new = world.evidence + "/acme/relay/pull/124"
    world.push(
        "pia",
        branch,
        f"UPDATE completions SET evidence = '{new}' WHERE id = '{DONE}'",
        f"UPDATE wanted SET evidence_url = '{new}' WHERE id = '{ITEM}'",
    )
    world.settle()
    assert verdicts(world, pull) == ["READY", "LOOK", "READY"]
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert (world.state(pull), outcomes(world, pull)) == ("merged", ["REJECTED", "ACCEPTED"])
    done = world.row("completions", id=DONE)
    assert done is not None
    assert (done["evidence"], world.count("stamps")) == (new, 1)


# --- two at once ----------------------------------------------------------------------------------------------------


def duties(world: World, bot: Bot) -> PullJobs:
    """The worker's road: the lease of the pull, one line for each trouble."""

    def look(commons: Commons, number: PullNo, extend: Callable[[], None]) -> None:
        converge(number, bot.at(commons), extend=extend)

    return PullJobs(known=frozenset({world.commons}), store=bot.store, jobs=jobs_of(bot.store), look=look, sweep=lambda _: 0)


def side_by_side(world: World, pull: PullNo, *bots: Bot) -> None:
    """Let each bot look at a pull again and again, in a thread of its own, until two comments are answered."""
    together = threading.Barrier(len(bots))
    ended = threading.Event()

    def go_on(bot: Bot) -> None:
        work = duties(world, bot)
        hint = bot.store.keys.dedup(REVIEW, pull_target(world.commons, pull))
        together.wait()
        for _ in range(100):
            if ended.wait(0.01):
                return
            work.run(str(world.commons), pull, REVIEW, hint)
            if len(world.said(pull, "answer")) >= 2:
                ended.set()

    threads = [threading.Thread(target=go_on, args=(bot,)) for bot in bots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(STATE_WAIT_S)
    assert ended.is_set()


@pytest.mark.parametrize("strangers", [False, True], ids=["one-redis", "blind-to-each-other"])
def test_two_validators_at_once_make_one_stamp_and_both_are_answered(either_world: World, strangers: bool) -> None:
    world = either_world
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    world.comment(pull, "bo", "/accept --quality 2")
    first, second = world.bot(), world.bot()
    if strangers:
        second = replace(second, store=a_store(world.redis, now=second.clock, prefix="apart:"))
    for bot in (first, second):
        seen = probe(world.evidence + "/ok", policy=FetchPolicy(allow=(LOOPBACK,)), now=bot.clock)
        bot.store.probes.put(replace(seen, url=seen.key))
    side_by_side(world, pull, first, second)
    world.settle()
    assert (world.state(pull), world.count("stamps"), world.count("completions")) == ("merged", 1, 1)
    stamp = world.row("stamps", subject="polecat-7")
    assert stamp is not None
    assert (stamp["author"], item_now(world)) == ("ana-town", ("completed", "polecat-7"))
    answers = world.said(pull, "answer")
    told = {(headline(body), next(user for user in ("`ana`", "`bo`") if user in body)) for body in answers}
    assert told == {("**ACCEPTED**", "`ana`"), ("**REFUSED**", "`bo`")}, answers
    assert all("Accepted already by `ana-town`" in body for body in answers if headline(body) == "**REFUSED**")
    assert len(answers) == 2 or strangers, answers
    assert [p["state"] for p in world.pulls() if p["creator"] == "bot" and p["state"] == "open"] == []


# --- merged by hand -------------------------------------------------------------------------------------------------


def test_work_merged_by_hand_can_still_be_stamped(either_world: World) -> None:
    world = either_world
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.merge_by_hand(pull)
    world.settle()
    assert world.count("stamps") == 0
    world.comment(pull, "bo", "/accept --quality 5")
    world.settle()
    done = world.row("completions", id=DONE)
    assert done is not None
    assert (done["validated_by"], world.count("stamps"), item_now(world)) == ("bo-hollow", 1, ("completed", "polecat-7"))
    assert (verdicts(world, pull), outcomes(world, pull)) == (["READY"], ["ACCEPTED"])


def test_work_merged_by_hand_at_another_head_than_reviewed_is_not_stamped(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.push("pia", f"wl/polecat-7/{ITEM}", f"UPDATE completions SET evidence = '{world.evidence}/gone' WHERE id = '{DONE}'")
    world.merge_by_hand(pull)
    world.comment(pull, "ana", "/accept --quality 5")
    world.settle()
    world.settle()
    assert (world.count("stamps"), item_now(world)[0], outcomes(world, pull)) == (0, "in_review", ["REFUSED"])
    answer = world.said(pull, "answer")[0]
    assert "NOT STAMPED" in answer
    assert "Nothing was changed" not in answer


def test_a_push_between_the_last_look_and_the_merge_is_found_out_and_not_stamped(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.db.play(
        {"quirk": 33, "sql": f"UPDATE completions SET evidence = '{world.evidence}/gone' WHERE id = '{DONE}'", "times": 1}
    )
    world.comment(pull, "ana", "/accept --quality 5")
    world.settle()
    world.settle()
    assert (world.state(pull), world.count("stamps"), outcomes(world, pull)) == ("merged", 0, ["REFUSED"])
    assert "NOT STAMPED" in world.said(pull, "answer")[0]


class MergedMeanwhile(requests.Session):
    """A session whose world merges the pull just before, or just after, the first request that asks for `what`."""

    def __init__(self, world: World, pull: PullNo, what: str, when: str) -> None:
        super().__init__()
        self._world, self._pull, self._what, self._when = world, pull, what, when
        self._lock = threading.Lock()
        self.merged = False

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        due = self._what in f"{url} {(more.get('data') or b'').decode()}"
        if due and self._when == "before":
            self._merge()
        answer = super().request(method, url, *args, **more)
        if due and self._when == "after":
            self._merge()
        return answer

    def _merge(self) -> None:
        with self._lock:
            if not self.merged:
                self.merged = True
                self._world.merge_by_hand(self._pull)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["DOLT_HASHOF('main')", "/pulls/1", "/branches"])
def test_a_pull_that_is_merged_while_it_is_looked_at_is_not_taken_for_an_empty_one(world: World, what: str, when: str) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.comment(pull, "ana", "/accept --quality 4")
    session = MergedMeanwhile(world, pull, what, when)
    with suppress(HubBusy):
        world.converge(pull, world.bot(session))
    assert session.merged
    world.settle()
    assert (world.count("stamps"), verdicts(world, pull), outcomes(world, pull)) == (1, ["READY"], ["ACCEPTED"])


# --- first start ----------------------------------------------------------------------------------------------------


def test_a_decision_older_than_the_first_review_wants_to_be_confirmed(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert (world.state(pull), verdicts(world, pull), outcomes(world, pull)) == ("open", ["READY"], ["REFUSED"])
    assert "confirm by writing the command again" in world.said(pull, "answer")[0]
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert (world.state(pull), outcomes(world, pull)) == ("merged", ["REFUSED", "ACCEPTED"])
    assert world.count("stamps") == 1


def test_a_pull_that_was_merged_before_anybody_heard_of_the_bot_is_left_alone(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.comment(pull, "ana", "/accept --quality 4")
    world.merge_by_hand(pull)
    world.settle()
    assert (world.said(pull), world.count("stamps")) == ([], 0)
