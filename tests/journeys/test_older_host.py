"""A DoltLab without API v2: reviews stand there, nobody is heard, and validators decide on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import redis
import requests

from bot.converge import decide
from bot.converge.bot import Bot
from bot.converge.converge import Report
from bot.converge.observe import observe
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy, HubError
from bot.model.ids import PullNo, User
from bot.model.policy import Landing
from bot.model.step import Outcome
from bot.store import Held
from bot.sweep.sweep import sweep
from tests.faults.hub_gate import hub_gate
from tests.patience import STATE_WAIT_S
from tests.redis_process import RedisProcess
from tests.world import BOT, World

ITEM = "w-com-001"
PROBER = threading.Lock()
LAB = "/lab"
"""Below this path the look-alike is a host with v1alpha1 and nothing else."""
Q4 = "/accept --quality 4"


def on_the_lab(
    world: World, token: str = f"token-{BOT}", session: requests.Session | None = None, account: User | None = None
) -> Bot:
    """A bot, or a validator's process, that sees the world's commons through an older host."""
    hub = Hub(
        world.sandbox.base_url + LAB,
        token,
        api=None,
        account=account,
        commons=[world.commons],
        session=session,
        poll_s=(0.005, 0.05),
        operation_wait_s=10,
        on_request=world.asked.append,
        sleep=lambda _: None,
    )
    made = world.bot()
    return replace(made, hubs={world.commons: hub}, readers=ThreadPoolExecutor(8))


@pytest.fixture
def lab(world: World) -> Iterator[Bot]:
    """The bot of that host."""
    made = on_the_lab(world)
    yield made
    made.readers.shutdown(wait=False)


def reviewed(world: World, lab: Bot) -> PullNo:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.converge(pull, lab)
    world.answer_knocks_at_the_prober(lab)
    world.converge(pull, lab)
    return pull


def decided(world: World, pull: PullNo, text: str, user: str = "ana", deps: Bot | None = None) -> decide.Decided:
    """What `stampbot decide` does, with the prober at hand."""
    mine = deps or on_the_lab(world, f"token-{user}")
    case = decide.consider(pull, text, mine.at(world.commons))
    assert not case.snapshot.comments_readable

    def wait(_report: Report, _seconds: float) -> None:
        with PROBER:
            world.answer_knocks_at_the_prober(mine)

    return decide.carry_out(case, mine.at(case.snapshot.commons), wait=wait)


def test_a_pull_is_reviewed_once_and_the_review_says_how_to_decide_here(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    world.settle(lab)
    world.comment(pull, "ana", Q4)
    world.settle(lab)
    (review,) = world.said(pull, "review")
    head = world.observe(pull, lab).head
    assert head is not None
    assert "Comments cannot be read on this host" in review
    assert f"stampbot decide '{world.commons}#{pull}' \"/accept --at {head[:7]}.1 --quality Q" in review
    assert (world.state(pull), world.said(pull, "answer")) == ("open", [])
    assert not lab.at(world.commons).hub.comments_readable
    assert not any(operation in world.asked for operation in ("listPullComments", "getPull", "runSqlReadQueryPost"))


def test_a_sweep_passes_by_what_has_not_moved_and_finds_a_new_head(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    sweep(lab.at(world.commons))  # the first one has all looked at
    world.converge(pull, lab)
    world.redis.delete(*world.redis.keys("stampbot:hint:*"))
    assert sweep(lab.at(world.commons)) == 0
    world.push("pia", f"wl/polecat-7/{ITEM}", f"UPDATE wanted SET title = 'Other' WHERE id = '{ITEM}'")
    assert sweep(lab.at(world.commons)) == 1
    world.converge(pull, lab)
    assert len(world.said(pull, "review")) == 2


def test_what_was_said_comes_at_most_once_more_where_redis_was_wiped(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    for _ in range(2):
        world.redis.flushall()
    world.converge(pull, lab)
    world.answer_knocks_at_the_prober(lab)
    world.settle(lab)
    first, second = (body.splitlines()[-1] for body in world.said(pull, "review"))
    assert first == second


def test_words_whose_end_is_never_heard_are_sent_twice_and_no_more(world: World, lab: Bot) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.sandbox.play({"quirk": 22, "match": {"operation": "v1Comment", "database": world.db.name}})
    for _ in range(6):
        with suppress(HubBusy):
            world.converge(pull, lab)
        world.answer_knocks_at_the_prober(lab)
        world.redis.delete(*world.redis.keys("stampbot:about-to:*") or ["none"])
    assert len(world.said(pull, "review")) == 2


def test_an_accept_on_the_command_line_merges_stamps_and_answers_once(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    done = decided(world, pull, Q4)
    again = decided(world, pull, Q4)
    stamp = world.row("stamps", subject="polecat-7")
    item = world.row("wanted", id=ITEM)
    assert stamp is not None
    assert item is not None
    assert (done.outcome, again.outcome, again.says) == (Outcome.DONE, Outcome.DONE, "")
    assert (stamp["author"], item["status"], world.state(pull)) == ("ana-town", "completed", "merged")
    comments = world.db.api("GET", f"/pulls/{pull}/comments").json()["data"]
    assert [(c["author"], c["body"].startswith("**ACCEPTED**")) for c in comments] == [(BOT, False), ("ana", True)]
    assert "open" not in {p["state"] for p in world.pulls()}
    world.settle(lab)
    assert world.count("stamps") == 1


@pytest.mark.parametrize(
    ("user", "text", "says"),
    [
        ("pia", Q4, "does not decide on their own work"),
        ("mallory", Q4, "Only validators decide"),
        ("ana", "/accept", "quality"),
        ("ana", "/acept -q 4", "accept"),
        ("ana", "looks good", "Write one decision"),
        ("ana", "/help", "Write one decision"),
        ("ana", "/accept -q 4\n/reject no", "Write one decision"),
        ("ana", "/accept --at 0000000 -q 4", "names no review"),
    ],
)
def test_who_may_not_or_what_cannot_be_is_refused_and_nothing_is_done(
    world: World, lab: Bot, user: str, text: str, says: str
) -> None:
    pull = reviewed(world, lab)
    try:
        found = decided(world, pull, text, user)
        told = found.says
        assert found.outcome is Outcome.REFUSED
    except decide.CannotDecide as no:
        told = str(no)
    assert says in told
    assert (world.state(pull), world.count("stamps")) == ("open", 0)


def test_a_rejection_stands_for_the_bot_too_while_its_paper_lasts(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    done = decided(world, pull, "/reject The link shows another item")
    world.settle(lab)
    assert (done.outcome, world.state(pull), len(world.said(pull, "review"))) == (Outcome.DONE, "open", 1)
    snapshot = world.observe(pull, lab)
    assert snapshot.rejection is not None
    assert not snapshot.comments_readable


def test_a_close_on_the_command_line_closes(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    done = decided(world, pull, "/close --pull-only Asked for by the rig")
    assert (done.outcome, world.state(pull), world.count("stamps")) == (Outcome.DONE, "closed", 0)


class Dies(requests.Session):
    """A session whose process is killed at its nth request that changes something, before or after it.

    `arrive`: that request was on a slow line, and comes to the hub now.
    """

    def __init__(self, at: int, *, after: bool) -> None:
        super().__init__()
        self.left, self.after = at, after
        self.arrive: Callable[[], object] = lambda: None

    def request(self, method: str, url: str, *args: object, **more: object) -> requests.Response:  # type: ignore[override]
        if method == "GET":
            return super().request(method, url, *args, **more)  # type: ignore[arg-type]
        self.left -= 1
        if self.left < 0:
            self.arrive = partial(super().request, method, url, *args, **more)  # type: ignore[arg-type]
            if self.after:
                self.arrive()
            raise KeyboardInterrupt
        return super().request(method, url, *args, **more)  # type: ignore[arg-type]


PULL, DIRECT = Landing.PULL, Landing.DIRECT


@pytest.mark.parametrize(
    ("landing", "at", "after"),
    [
        pytest.param(PULL, 1, True, marks=pytest.mark.slow),  # branch made
        (PULL, 4, False),  # some rows on it
        (PULL, 6, True),  # landed, and not answered
        pytest.param(DIRECT, 0, True, marks=pytest.mark.slow),  # merged
        (DIRECT, 1, True),  # the completion names a stamp that is not there yet
        pytest.param(DIRECT, 3, False, marks=pytest.mark.slow),
        (DIRECT, 4, True),  # answered
    ],
)
def test_a_decision_cut_short_anywhere_is_finished_by_giving_it_again(
    world: World, landing: Landing, at: int, after: bool
) -> None:
    world.policy = replace(world.policy, landing=landing)
    lab = on_the_lab(world)
    pull = reviewed(world, lab)
    killed = on_the_lab(world, "token-ana", Dies(at, after=after))
    with suppress(KeyboardInterrupt):
        decided(world, pull, Q4, deps=killed)
    # Whoever comes back may come from another machine, with a Redis that knows nothing.
    world.redis.flushall()
    done = decided(world, pull, Q4)
    stamps = world.count("stamps")
    assert (done.outcome, stamps, world.count("completions"), world.state(pull)) == (Outcome.DONE, 1, 1, "merged"), done.says
    item = world.row("wanted", id=ITEM)
    assert item is not None
    assert item["status"] == "completed"


class FirstWrite(requests.Session):
    """A session in which something else happens right before its first request that changes something."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self.happens: Callable[[], object] | None = happens

    def request(self, method: str, url: str, *args: object, **more: object) -> requests.Response:  # type: ignore[override]
        happens = self.happens
        if method != "GET" and happens is not None:
            self.happens = None
            happens()
        return super().request(method, url, *args, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("late", ["before it is looked at", "before anything is written"])
@pytest.mark.parametrize(("landing", "at"), [(PULL, 6), (DIRECT, 1)], ids=["the landing merge", "the first row"])
def test_what_was_still_on_its_way_when_a_decision_was_cut_short_is_no_other_decision(
    world: World, landing: Landing, at: int, late: str
) -> None:
    """A process is killed and what it asked for last comes to an end only while the decision is given again."""
    world.policy = replace(world.policy, landing=landing)
    pull = reviewed(world, on_the_lab(world))
    dies = Dies(at, after=False)
    with suppress(KeyboardInterrupt):
        decided(world, pull, Q4, deps=on_the_lab(world, "token-ana", dies))
    world.redis.flushall()

    def arrives() -> None:
        dies.arrive()
        while not world.count("completions", "stamp_id IS NOT NULL"):
            time.sleep(0.01)

    made = on_the_lab(world, "token-ana", FirstWrite(arrives) if late == "before anything is written" else None)
    mine = replace(made, clock=lambda: datetime.now(UTC) + timedelta(seconds=5))
    case = decide.consider(pull, Q4, mine.at(world.commons))
    if late == "before it is looked at":
        arrives()
    done = decide.carry_out(case, mine.at(case.snapshot.commons), wait=lambda _report, _seconds: None)
    assert (done.outcome, world.count("stamps"), world.state(pull)) == (Outcome.DONE, 1, "merged"), done.says


def test_two_validators_at_once_leave_one_stamp(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    with ThreadPoolExecutor(2) as both:
        results = list(both.map(lambda user: _or_trouble(world, pull, user), ("ana", "bo")))
    assert world.count("stamps") == 1
    assert any(isinstance(r, decide.Decided) and r.outcome is Outcome.DONE for r in results), results


def _or_trouble(world: World, pull: PullNo, user: str) -> decide.Decided | Exception:
    for _ in range(200):
        try:
            return decided(world, pull, Q4, user)
        except (HubError, Held) as later:
            trouble = later
            time.sleep(0.05)
    return trouble


def test_decide_posts_the_comment_where_the_bot_hears(world: World, world_redis: RedisProcess, tmp_path: Path) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    run = shell(world, world_redis, tmp_path, "decide", f"{world.commons}#{pull}", Q4, "--json")
    assert (run.returncode, run.stderr) == (0, "")
    assert {k: json.loads(run.stdout)[k] for k in ("by", "outcome")} == {"by": "ana", "outcome": "posted"}
    world.settle()
    assert (world.state(pull), world.count("stamps")) == ("merged", 1)


def test_decide_asks_before_it_acts_itself_and_says_why(world: World, world_redis: RedisProcess, tmp_path: Path) -> None:
    lab = on_the_lab(world)
    pull = reviewed(world, lab)
    there = world.sandbox.base_url + LAB
    run = shell(world, world_redis, tmp_path, "decide", f"{world.commons}#{pull}", "/close --pull-only no", hub=there)
    assert run.returncode == 2
    assert "Comments cannot be read on this host" in run.stderr
    assert "Add --yes" in run.stderr
    run = shell(world, world_redis, tmp_path, "decide", f"{world.commons}#{pull}", "/close --pull-only no", "--yes", hub=there)
    assert (run.returncode, run.stdout.startswith("**PULL CLOSED")) == (0, True), run.stderr
    assert world.state(pull) == "closed"


@pytest.mark.slow
@pytest.mark.parametrize("effect", [6, 7], ids=["the landing pull", "the landing merge"])
def test_a_decide_that_is_killed_and_given_again_ends_as_done_whenever_its_last_request_arrives(
    world: World, world_redis: RedisProcess, tmp_path: Path, effect: int
) -> None:
    pull = reviewed(world, on_the_lab(world))
    with hub_gate(world.sandbox.base_url) as gate:
        gate.shut_at(effect, "before")
        line = ("decide", f"{world.commons}#{pull}", Q4, "--yes")
        where = {**surroundings(world, world_redis, tmp_path), "STAMPBOT_HUB_URL": gate.url + LAB}
        command = [sys.executable, "-m", "bot", *line]
        first = subprocess.Popen(command, env=where, cwd=tmp_path)
        while not gate.shut.wait(0.05):
            world.answer_knocks_at_the_prober()
            assert first.poll() is None
        first.kill()
        first.wait()
        world.wipe()
        time.sleep(1.1)
        again = subprocess.Popen(command, env=where, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        while len(gate.effects) == effect and again.poll() is None:
            world.answer_knocks_at_the_prober()
        gate.hand_over()
        said, _ = again.communicate(timeout=STATE_WAIT_S)
    assert (again.returncode, world.count("stamps"), world.state(pull)) == (0, 1, "merged"), said


def surroundings(world: World, server: RedisProcess, folder: Path) -> dict[str, str]:
    """The environment of a validator's shell, and the file in its folder."""
    (folder / "stampbot.toml").write_text("requests_per_minute = 100000\n", "utf-8")
    return {
        "PATH": os.environ["PATH"],
        "STAMPBOT_HUB_URL": world.sandbox.base_url,
        "STAMPBOT_HUB_TOKEN": "token-ana",
        "REDIS_URL": server.url,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def shell(world: World, server: RedisProcess, folder: Path, *arguments: str, hub: str = "") -> subprocess.CompletedProcess[str]:
    environ = surroundings(world, server, folder) | ({"STAMPBOT_HUB_URL": hub} if hub else {})
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=STATE_WAIT_S, check=False)


def test_whose_token_it_is_is_proved_where_the_host_does_not_say(world: World) -> None:
    world.sandbox.play({"quirk": 4, "how": "html", "match": {"operation": "v1User", "user": "bot"}})
    try:
        hub = on_the_lab(world, account=User(BOT)).at(world.commons).hub
        assert hub.me() == BOT
        other = on_the_lab(world, account=User("ana")).at(world.commons).hub
        with pytest.raises(HubError, match="does not prove to be that of ana"):
            other.me()
        nobody = on_the_lab(world).at(world.commons).hub
        with pytest.raises(HubError, match="STAMPBOT_ACCOUNT"):
            nobody.me()
    finally:
        world.sandbox.admin("DELETE", "/faults")


def test_redis_away_is_no_silence(world: World, lab: Bot) -> None:
    pull = reviewed(world, lab)
    nowhere = redis.Redis(unix_socket_path="/no/such.sock")
    deaf = replace(lab, store=type(lab.store)(nowhere, now=lambda: datetime.now(UTC)))
    with pytest.raises(redis.RedisError):
        world.converge(pull, deaf)
    assert len(world.said(pull, "review")) == 1


@pytest.mark.parametrize("hashes", ["answered", "refused"])
def test_a_table_that_the_summary_leaves_out_is_shown_there_too(world: World, lab: Bot, hashes: str) -> None:
    match = {"database": world.fork_of("pia")}
    world.db.play({"quirk": "left-out-table", "table": "rigs", "hashes": hashes, "match": match})
    world.push("pia", "wl/polecat-7/w-com-001", "UPDATE rigs SET trust_level = 3 WHERE handle = 'polecat-7'")
    changes = observe(world.hand_in("pia", "polecat-7", "w-com-001"), lab.at(world.commons)).changes
    assert [(c.key, c.changed) for c in changes.of("rigs")] == [("polecat-7", ("trust_level",))]
    assert (changes.schema, len(changes.untold)) == (("rigs",), 1)
