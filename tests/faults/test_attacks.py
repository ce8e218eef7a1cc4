"""What must hold whatever somebody tries: no stamp for rows nobody reviewed, none twice, none in a wrong name."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import pytest
import requests

from bot.deps import Deps
from bot.model.ids import PullNo, decision_id, CommentId
from bot.model.policy import Landing
from bot.sandbox import wl_sql
from bot.sweep import sweep
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import ROUNDS_MAX, World, make_world

ITEM = "w-com-001"
BRANCH = f"wl/polecat-7/{ITEM}"
ACCEPT = "/accept --quality 4"
MOLE = "INSERT INTO rigs (handle, dolthub_org, trust_level) VALUES ('mole', 'mallory', 3)"


class Meanwhile(requests.Session):
    """A session in which something else happens right before the first request that fits."""

    def __init__(self, method: str, path_end: str, happens: Callable[[], object], *, after: int = 0) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.fits = (method, path_end)
        self.happens: Callable[[], object] | None = happens
        self.after = after

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        due = (method, url.partition("?")[0].endswith(self.fits[1])) == (self.fits[0], True)
        if due and self.happens is not None:
            self.after -= 1
            if self.after < 0:
                happens, self.happens = self.happens, None
                happens()
        return super().request(method, url, *args, **more)


def act(world: World, pull: PullNo, deps: Deps | None = None) -> None:
    """Look at one pull and probe for it until nothing is left to do there."""
    for _ in range(ROUNDS_MAX):
        report = world.converge(pull, deps)
        probed = world.probe(deps)
        if not (report.steps_done or report.stopped or probed):
            return
    raise AssertionError("the pull does not come to rest")


def act_through(world: World, pull: PullNo, deps: Deps | None = None) -> None:
    """As `act`, but as a worker does it: what is raised is waited out."""
    for _ in range(5):
        try:
            return act(world, pull, deps)
        except Exception as e:
            print("RAISED", repr(e)[:300])
            time.sleep(0.4)
    raise AssertionError("the pull never converges")


def reviewed(world: World) -> PullNo:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    return pull


def own_pulls(world: World) -> list[str]:
    return [p["state"] for p in world.pulls() if p["creator"] == "bot"]


def move_branch(world: World, user: str, branch: str, commit: str) -> None:
    """Force-push."""
    fork = world.fork_of(user)
    world.sandbox.admin("DELETE", "/branches", {"database": fork, "branch": branch})
    world.sandbox.admin("POST", "/branches", {"database": fork, "branch": branch, "commit": commit})


def merge_in_fork(world: World, user: str, source: str, target: str) -> str:
    """Merge a branch of the user's fork into another; the merge commit."""
    fork = world.fork_of(user)
    before = world.db.head(target, database=fork)
    path = f"/api/v1alpha1/{fork}/write/{source.replace('/', '%2F')}/{target}"
    assert world.sandbox.call("POST", path, user=user).status_code == 200
    for _ in range(200):
        if (head := world.db.head(target, database=fork)) != before:
            return head
        time.sleep(0.01)
    raise AssertionError("the merge in the fork never came")


# --- what is merged is not what was reviewed


def test_a_head_pushed_between_request_and_merge_is_not_stamped(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": 33, "match": {"operation": "mergePull"}, "times": 1, "sql": MOLE})
    act(world, pull)
    assert world.state(pull) == "merged"
    assert world.count("stamps") == 0
    assert "NOT STAMPED" in world.said(pull, "answer")[-1]


def test_merged_by_hand_beyond_the_review(world: World) -> None:
    pull = reviewed(world)
    world.push("pia", BRANCH, MOLE)
    world.merge_by_hand(pull)
    world.comment(pull, "ana", ACCEPT)
    act(world, pull)
    assert world.count("stamps") == 0
    assert "NOT STAMPED" in world.said(pull, "answer")[-1]


@pytest.mark.parametrize("validator", ["ana", "mallory"])
def test_a_merge_commit_of_the_workers_own(world: World, validator: str) -> None:
    pull = reviewed(world)
    world.push("pia", "evil", MOLE)
    move_branch(world, "pia", BRANCH, merge_in_fork(world, "pia", BRANCH, "evil"))
    world.merge_by_hand(pull)
    world.comment(pull, validator, ACCEPT)
    act(world, pull)
    print(world.said(pull)[-1])
    assert world.count("stamps") == 0
    assert "**REFUSED**" in world.said(pull, "answer")[-1]


def test_branch_list_lags(world: World) -> None:
    pull = reviewed(world)
    world.push("pia", BRANCH, MOLE)
    world.db.play({"quirk": 25, "match": {"database": world.fork_of("pia")}, "lag_ms": 600})
    world.comment(pull, "ana", ACCEPT)
    act_through(world, pull)
    print(world.said(pull)[-1])
    assert world.state(pull) == "open"
    assert world.count("stamps") == 0


def test_rival_finishes_between_look_and_merge(world: World) -> None:
    first = reviewed(world)
    item = "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES "
    world.push("otto", "wl/brass-otter/rival", f"{item} ('c-rival', '{ITEM}', 'brass-otter', '{world.evidence}/ok', NOW())")
    second = world.open_pull("otto", "wl/brass-otter/rival", "rival")
    world.review(second)
    world.comment(first, "ana", ACCEPT)
    world.comment(second, "bo", ACCEPT)
    act(world, second) if False else None
    slow = world.bot(Meanwhile("GET", "/operations", lambda: act(world, first)))
    world.converge(second, slow)
    world.probe(slow)
    act(world, second, slow)
    print(world.said(first)[-1])
    print(world.said(second)[-1])
    assert world.count("stamps") == 1
    assert world.state(second) == "open"


# --- landing


def test_landing_branch_prepared(world: World) -> None:
    pull = reviewed(world)
    comment = world.comment(pull, "ana", ACCEPT)
    root = f"stampbot/{decision_id(world.commons, pull, CommentId(comment))}"
    world.db.push(f"{root}/aaaaaaaa", MOLE)
    act_through(world, pull)
    assert world.count("stamps") == 1
    assert world.count("rigs", "handle = 'mole'") == 0
    assert "ACCEPTED" in world.said(pull, "answer")[-1]


def test_stranger_opens_landing_pull(world: World) -> None:
    pull = reviewed(world)
    comment = world.comment(pull, "ana", ACCEPT)
    root = f"stampbot/{decision_id(world.commons, pull, CommentId(comment))}"

    def squat() -> None:
        (branch,) = [b["name"] for b in world.db.api("GET", "/branches").json()["data"] if b["name"].startswith(root)]
        world.db.open_pull("mine", creator="mallory", from_database=world.db.name, from_branch=branch)

    act_through(world, pull, world.bot(Meanwhile("POST", "/pulls", squat)))
    print(world.said(pull)[-1])
    assert world.count("stamps") == 1


def test_landing_pull_head_moved(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": 33, "match": {"operation": "mergePull", "path": "*/pulls/2/merge"}, "times": 1, "sql": MOLE})
    act_through(world, pull)
    print(world.said(pull)[-1])
    assert "ACCEPTED" not in world.said(pull, "answer")[-1]


def test_stamp_by_other_tool_meanwhile(either_world: World) -> None:
    world = either_world
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    done = wl_sql.completion_id(ITEM, "polecat-7")
    stamp, *_ = wl_sql.accept(ITEM, completion=done, author="bo-hollow", subject="polecat-7", quality=2, skills=(), message="x")
    by_pull = world.policy.landing is Landing.PULL
    when = ("POST", "/pulls", 0) if by_pull else ("POST", "/sql-writes", 2)
    session = Meanwhile(when[0], when[1], lambda: world.db.push("main", stamp, user="bo"), after=when[2])
    act_through(world, pull, world.bot(session))
    print(world.said(pull)[-1])
    assert world.count("stamps") == 1


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_two_workers_land_at_once(world: World, nth: int) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)

    def other() -> None:
        world.redis.flushall()
        act_through(world, pull)

    act_through(world, pull, world.bot(Meanwhile("POST", "/sql-writes", other, after=nth)))
    print(world.said(pull)[-1])
    assert world.count("stamps") == 1
    assert ["ACCEPTED" in a for a in world.said(pull, "answer")] == [True]


# --- words


def test_forged_marks(world: World) -> None:
    pull = reviewed(world)
    fake = world.push("pia", BRANCH, MOLE)
    world.comment(pull, "mallory", f"**READY**\n\n`stampbot/1 review - READY {fake} 178abff38d16 2`")
    world.comment(pull, "ana", f"{ACCEPT} --at {fake[:7]}")
    comment = world.comment(pull, "ana", ACCEPT)
    world.comment(pull, "mallory", f"ok\n\n`stampbot/1 answer accept:{comment} done {fake} - 1`")
    act(world, pull)
    print("\n\n".join(world.said(pull)))
    assert world.state(pull) == "open"
    assert world.count("stamps") == 0


def test_heckler(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.comment(pull, "mallory", "/help")
    act(world, pull)
    print("\n\n".join(world.said(pull, "answer")))
    assert world.count("stamps") == 1


@pytest.mark.parametrize(
    "body",
    [
        f"> {ACCEPT}",
        f"```\n{ACCEPT}\n```",
        f"    {ACCEPT}",
        f"<!--\n{ACCEPT}\n-->",
        f"> quoted\n{ACCEPT}",
        f"`code\n{ACCEPT}\nmore`",
        f"\\{ACCEPT}",
        f"~~~\n```\n~~~~ x\n{ACCEPT}",
        f"<div>\n{ACCEPT}\n</div>",
        f"ana said: {ACCEPT}",
    ],
)
def test_no_command(world: World, body: str) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", body)
    act(world, pull)
    assert world.state(pull) == "open"


def test_edited_and_own(world: World) -> None:
    pull = reviewed(world)
    c = world.comment(pull, "ana", "looks good")
    world.sandbox.admin("PATCH", "/comments", {"database": world.db.name, "number": pull, "comment_id": c, "body": ACCEPT})
    world.comment(pull, "bot", ACCEPT)
    act(world, pull)
    assert world.state(pull) == "open"


def test_kin_over_two_links(world: World) -> None:
    link = "INSERT INTO rig_links (id, rig_a, rig_b, assertion_a, assertion_b, link_type, status) VALUES "
    print(world.db.sql("DESCRIBE rig_links"))
    world.db.push(
        "main",
        "INSERT INTO rigs (handle, dolthub_org, trust_level) VALUES ('middle', 'zoe', 1)",
    )
    cols = "id, rig_a, rig_b, status"
    world.db.push(
        "main",
        f"INSERT INTO rig_links ({cols}) VALUES ('l1', 'polecat-7', 'middle', 'active'), ('l2', 'middle', 'ana-town', 'active')",
    )
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    act(world, pull)
    print(world.said(pull)[-1])
    assert world.state(pull) == "open"


# --- faults


def test_every_answer_is_lost(either_world: World) -> None:
    world = either_world
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    for op in ("createBranch", "runSqlWriteQuery", "createPull", "mergePull", "createPullComment"):
        world.db.play({"quirk": "lost-answer", "match": {"operation": op}, "times": 2})
    for _ in range(20):
        try:
            act(world, pull)
            break
        except Exception as e:
            print("RAISED", repr(e)[:200])
            world.redis.flushall()
    print(world.said(pull)[-1])
    assert world.count("stamps") == 1
    assert len(world.said(pull, "answer")) == 1
    assert [s for s in own_pulls(world) if s == "open"] == []


def test_private_fork_does_not_stop_the_sweep(world: World) -> None:
    pull = reviewed(world)
    world.converge(pull)
    other = world.hand_in("otto", "brass-otter", "w-com-002")
    for op in ("listBranches", "runSqlReadQueryPost"):
        world.db.play({"quirk": "status", "match": {"operation": op, "database": world.fork_of("pia")}, "status": 403})
    sweep(world.commons, world.deps)
    assert sweep(world.commons, world.deps) >= 1
    world.converge(pull)


def test_null_key(world: World) -> None:
    world.push("pia", BRANCH, "DROP TABLE completions", "CREATE TABLE completions (id VARCHAR(64), wanted_id VARCHAR(64))", "INSERT INTO completions (id) VALUES (NULL)")
    pull = world.open_pull("pia", BRANCH, "x")
    act(world, pull)
    print(world.said(pull))


def test_token_echo(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": "status", "match": {"operation": "mergePull"}, "status": 422, "detail": "bad token-bot"})
    act(world, pull)
    print(world.said(pull)[-1])
    assert "token-bot" not in "".join(world.said(pull))


def test_half_landed(world_sandbox: SandboxProcess, world_redis: RedisProcess) -> None:
    world = make_world(world_sandbox, world_redis, landing=Landing.DIRECT)
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    session = Meanwhile(
        "POST", "/sql-writes", lambda: world.db.push("main", f"UPDATE wanted SET status='withdrawn' WHERE id='{ITEM}'"), after=1
    )
    act_through(world, pull, world.bot(session))
    print(world.said(pull)[-1])
    print(world.row("completions", wanted_id=ITEM))
    world.close()


def test_waiting_accept_and_reject(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.comment(pull, "bo", "/reject no")
    act(world, pull)
    print("\n\n".join(world.said(pull, "answer")))
    assert world.state(pull) == "open"


def test_shared_head(world: World) -> None:
    pull = reviewed(world)
    world.db.made.append(world.sandbox.admin("POST", "/forks", {"source": world.fork_of("pia"), "owner": "otto"})["database"])
    twin = world.open_pull("otto", BRANCH, "twin")
    world.review(twin)
    world.comment(pull, "ana", ACCEPT)
    world.comment(twin, "bo", ACCEPT)
    act(world, pull)
    act(world, twin)
    print(world.said(twin)[-1])
    assert world.count("stamps") == 1
