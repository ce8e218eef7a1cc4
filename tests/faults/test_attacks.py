"""What must hold whatever somebody tries: no stamp for rows nobody reviewed, none twice, none in a wrong name; no pull stuck.

The attackers: a worker who pushes at the wrong moment, a stranger who writes comments, a collaborator who may write branches of
the commons, other tools, and DoltHub itself, slow and forgetful.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import pytest
import requests

from bot.converge.bot import Bot
from bot.converge.converge import converge, look
from bot.converge.landing import BASES_MAX
from bot.converge.outcome import Ended, Moved
from bot.converge.perform import perform
from bot.dolthub.errors import HubBusy, HubError, HubObstructed, HubStrange
from bot.health.commons import kept as kept_rows
from bot.health.facts import CommonsFacts, State
from bot.model.finding import Level, Verdict
from bot.model.ids import CommentId, PullNo, User, decision_id
from bot.model.policy import Landing
from bot.model.snapshot import Snapshot
from bot.model.step import MergePull
from bot.rulebook import judge
from bot.store import Held, Lost
from bot.sweep.sweep import sweep
from sandbox.seed import wl_sql
from tests.kill_switch import Killed, KillSwitch
from tests.patience import STATE_WAIT_S, until
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.stores import jobs_of
from tests.world import ROUNDS_MAX, World, make_world

ITEM = "w-com-001"
BRANCH = f"wl/polecat-7/{ITEM}"
DONE = wl_sql.completion_id(ITEM, "polecat-7")
ACCEPT = "/accept --quality 4"
MOLE = "INSERT INTO rigs (handle, dolthub_org, trust_level) VALUES ('mole', 'mallory', 3)"
"""What an attacker wants on main: a rig of their own that may decide."""


class Meanwhile(requests.Session):
    """A session in which something else happens right before one request: the one after the first `after` that fit."""

    def __init__(self, method: str, path_end: str, happens: Callable[[], object], *, after: int = 0) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.method = method
        self.path_end = path_end
        self.left = after
        self.happens = happens

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        if method == self.method and url.partition("?")[0].endswith(self.path_end):
            self.left -= 1
            if self.left == -1:
                self.happens()
        return super().request(method, url, *args, **more)


def reviewed(world: World) -> PullNo:
    """Pia's work, reviewed."""
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    return pull


def act(world: World, pull: PullNo, deps: Bot | None = None) -> None:
    """Look at one pull, and at its links, until nothing is left to do there."""
    for _ in range(ROUNDS_MAX):
        report = world.converge(pull, deps)
        probed = world.answer_knocks_at_the_prober(deps)
        if not (report.steps_done or report.stopped or probed):
            return
        if report.stopped:
            # Say, words are held back for a while after a wipe.
            time.sleep(world.policy.timing.about_to_s / 4)
    raise AssertionError("the pull does not come to rest")


def act_on(world: World, pull: PullNo, deps: Bot | None = None) -> None:
    """As `act`, but with a worker's patience: what was raised is tried again."""
    end = time.monotonic() + STATE_WAIT_S
    while True:
        try:
            return act(world, pull, deps)
        except (HubError, Held, Lost):
            if time.monotonic() > end:
                raise
            time.sleep(world.policy.timing.about_to_s / 4)


def about_to_merge(world: World, pull: PullNo) -> tuple[Snapshot, MergePull]:
    """What a worker knows and means to do that has judged the pull and not merged it yet."""
    world.converge(pull)
    world.answer_knocks_at_the_prober()
    snapshot, _, due = look(pull, world.deps.at(world.commons))
    step = due.steps[0]
    assert isinstance(step, MergePull)
    return snapshot, step


def merge_now(world: World, known: tuple[Snapshot, MergePull]) -> Ended:
    snapshot, step = known
    return perform(step, snapshot, world.deps.at(snapshot.commons))


def merge_in_fork(world: World, user: str, source: str, target: str) -> str:
    """Merge a branch of the user's fork into another; the merge commit."""
    fork = world.fork_of(user)
    before = world.db.head(target, database=fork)
    path = f"/api/v1alpha1/{fork}/write/{source.replace('/', '%2F')}/{target}"
    assert world.sandbox.call("POST", path, user=user).status_code == 200
    until(lambda: world.db.head(target, database=fork) != before)
    return world.db.head(target, database=fork)


def force_push(world: World, user: str, branch: str, commit: str) -> None:
    fork = world.fork_of(user)
    world.sandbox.admin("DELETE", "/branches", {"database": fork, "branch": branch})
    world.sandbox.admin("POST", "/branches", {"database": fork, "branch": branch, "commit": commit})


def refusal(world: World, pull: PullNo) -> str:
    """The bot's only answer below a pull, which must be a refusal on a commons without stamps."""
    (answer,) = world.said(pull, "answer")
    assert answer.startswith("**REFUSED**"), answer
    assert world.count("stamps") == 0
    return answer


def hear_all(world: World) -> None:
    """Take every knock for heard, as the jobs would that they made."""
    for hint in world.redis.scan_iter("stampbot:hint:*"):
        jobs_of(world.deps.store).begin(hint.decode())


def landing_root(world: World, pull: PullNo, comment: str) -> str:
    """Where the branches of a decision stand: everybody can tell, before there is one."""
    return f"stampbot/{decision_id(world.commons, pull, CommentId(comment))}/"


# --- what is merged is not what was reviewed ------------------------------------------------------------------------


def test_work_merged_by_hand_beyond_its_review_is_not_stamped(world: World) -> None:
    pull = reviewed(world)
    world.push("pia", BRANCH, MOLE)
    world.merge_by_hand(pull)
    world.comment(pull, "ana", ACCEPT)
    act(world, pull)
    refusal(world, pull)


@pytest.mark.parametrize("who", ["ana", "mallory"])
def test_a_merge_of_the_workers_own_does_not_pass_for_the_merge_to_main(world: World, who: str) -> None:
    """The reviewed head as parent 1 of a commit in the fork: its parent 0 holds trust for mallory that main never gave."""
    pull = reviewed(world)
    world.push("pia", "evil", MOLE)
    force_push(world, "pia", BRANCH, merge_in_fork(world, "pia", BRANCH, "evil"))
    world.merge_by_hand(pull)
    world.comment(pull, who, ACCEPT)
    act(world, pull)
    refusal(world, pull)


def test_a_head_that_the_list_of_branches_hides_is_not_merged(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    known = about_to_merge(world, pull)
    world.db.play({"quirk": 25, "match": {"database": world.fork_of("pia")}, "lag_ms": 500})
    world.push("pia", BRANCH, MOLE)
    assert isinstance(merge_now(world, known), Moved)
    assert world.state(pull) == "open"


def test_a_pull_is_not_merged_into_a_main_it_was_not_judged_against(world: World) -> None:
    first = reviewed(world)
    into = "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES"
    world.push("otto", "rival", f"{into} ('c-rival', '{ITEM}', 'brass-otter', '{world.evidence}/ok', NOW())")
    second = world.open_pull("otto", "rival", "the same, better")
    world.review(second)
    world.review(first)
    world.comment(first, "ana", ACCEPT)
    world.comment(second, "bo", ACCEPT)
    known = about_to_merge(world, second)
    act(world, first)
    assert isinstance(merge_now(world, known), Moved)
    assert world.state(second) == "open"
    assert world.count("stamps") == 1


def test_a_pull_to_another_branch_is_not_accepted(world: World) -> None:
    world.sandbox.admin("POST", "/branches", {"database": world.db.name, "branch": "dev", "from": "main"})
    world.push("pia", BRANCH, *wl_sql.claim(ITEM, "polecat-7"), *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    to_dev = {"database": world.db.name, "title": ITEM, "creator": "pia", "to_branch": "dev"}
    number = world.sandbox.admin("POST", "/pulls", {**to_dev, "from_database": world.fork_of("pia"), "from_branch": BRANCH})
    pull = PullNo(number["number"])
    world.review(pull)
    world.comment(pull, "ana", ACCEPT)
    act(world, pull)
    refusal(world, pull)
    assert world.state(pull) == "open"


# --- more than one best common ancestor -----------------------------------------------------------------------------


POST = (
    "INSERT INTO wanted (id, title, project, status, posted_by) VALUES ('w-p', 'Sound the horn', 'relay', 'open', 'polecat-7')"
)
DEMOTED = "UPDATE rigs SET trust_level = 0 WHERE handle = 'slick-fox'"


def take_main_in(world: World, database: str, branch: str) -> None:
    """Merge main of the commons as it stands into a branch."""
    whole = {"database": database, "title": "sync", "creator": "pia", "from_database": world.db.name, "from_branch": "main"}
    number = world.sandbox.admin("POST", "/pulls", {**whole, "to_branch": branch})["number"]
    world.sandbox.admin("POST", "/merges", {"database": database, "number": number, "user": "pia"})


def criss_cross(world: World, branch: str, *, in_commons: bool, ends: Callable[[], object] = lambda: None) -> PullNo:
    """Work on a branch that holds two commits of main, neither of which holds the other; its pull.

    `ends`: what happens before main holds the second one.
    """
    database = world.db.name if in_commons else world.fork_of("pia")
    world.db.push(branch, POST, user="pia", database=database)
    main = world.db.head()
    world.sandbox.admin("POST", "/branches", {"database": database, "branch": "side", "from": branch})
    # Two commits: the sandbox plays a merge where one of the ancestors is higher.
    world.db.push("main", DEMOTED)
    world.db.push("main", "UPDATE rigs SET display_name = 'Slick' WHERE handle = 'slick-fox'")
    take_main_in(world, database, branch)
    taken_back = "DELETE FROM wanted WHERE id = 'w-p'"
    done = wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok")
    world.db.push(branch, taken_back, *wl_sql.claim(ITEM, "polecat-7"), *done, user="pia", database=database)
    pull = PullNo(world.db.open_pull(ITEM, creator="pia", from_database=database, from_branch=branch))
    ends()
    side = world.db.open_pull("a post", creator="pia", from_database=database, from_branch="side")
    world.merge_by_hand(PullNo(side))
    assert world.db.head() != main
    return pull


def base_by_dolt(world: World, left: str, right: str) -> str:
    """What DOLT_MERGE_BASE answers at main."""
    answer = world.db.api("POST", "/sql", json={"ref": "main", "q": f"SELECT DOLT_MERGE_BASE('{left}', '{right}')"})
    return str(answer.json()["data"]["rows"][0][0])


@pytest.mark.parametrize("in_commons", [False, True], ids=["a fork", "a branch of the commons"])
def test_a_branch_with_two_best_common_ancestors_gets_no_verdict(world: World, in_commons: bool) -> None:
    pull = criss_cross(world, "cross", in_commons=in_commons)
    world.review(pull)
    (said,) = world.said(pull, "review")
    assert "CANNOT TELL" in said
    assert "The branch and main have 2 best common ancestors" in said
    snapshot = world.observe(pull)
    assert len(snapshot.other_bases) == 1
    if in_commons:
        assert snapshot.head is not None
        assert snapshot.base == base_by_dolt(world, snapshot.main_head, snapshot.head)


def test_a_second_best_common_ancestor_that_main_gets_before_the_merge_stops_it(world: World) -> None:
    known: list[tuple[Snapshot, MergePull]] = []

    def decide() -> None:
        (pull,) = (PullNo(p["pull_number"]) for p in world.pulls() if p["title"] == ITEM)
        world.review(pull)
        world.comment(pull, "ana", ACCEPT)
        known.append(about_to_merge(world, pull))

    pull = criss_cross(world, "cross", in_commons=False, ends=decide)
    assert known[0][0].other_bases == ()
    assert isinstance(merge_now(world, known[0]), Moved)
    assert world.state(pull) == "open"
    assert len(world.observe(pull).other_bases) == 1


def test_a_merge_by_hand_from_two_best_common_ancestors_is_forbidden_afterwards_too(world: World) -> None:
    before: list[PullNo] = []

    def review() -> None:
        (pull,) = (PullNo(p["pull_number"]) for p in world.pulls() if p["title"] == ITEM)
        world.review(pull)
        before.append(pull)

    pull = criss_cross(world, "cross", in_commons=False, ends=review)
    world.merge_by_hand(pull)
    snapshot = world.observe(pull)
    assert (snapshot.merged, len(snapshot.other_bases)) == (True, 1)
    assert judge(snapshot, world.deps.rules).verdict is Verdict.CANNOT_TELL


def test_a_landing_branch_that_would_be_merged_from_another_base_takes_no_row_from_main(world: World) -> None:
    """Its rows are those of the decision, and its history is not: merged from the commit it took in, it would remove a post."""
    pull = reviewed(world)
    root = landing_root(world, pull, world.comment(pull, "ana", ACCEPT))

    def prepare() -> None:
        landing = {"database": world.db.name, "branch": root + world.db.head()[:8], "from": "main"}
        world.sandbox.admin("POST", "/branches", landing)
        world.db.push("side", POST)
        taken = {"database": world.db.name, "title": "sync", "creator": "bo", "from_database": world.db.name}
        number = world.sandbox.admin("POST", "/pulls", {**taken, "from_branch": "side", "to_branch": landing["branch"]})[
            "number"
        ]
        world.sandbox.admin("POST", "/merges", {"database": world.db.name, "number": number, "user": "bo"})
        world.db.push(landing["branch"], "DELETE FROM wanted WHERE id = 'w-p'")
        session.path_end, session.left, session.happens = "/pulls", 0, merge_side

    def merge_side() -> None:
        side = world.db.open_pull("a post", creator="bo", from_database=world.db.name, from_branch="side")
        world.merge_by_hand(PullNo(side))

    session = Meanwhile("POST", f"{world.db.name}/branches", prepare)
    act_on(world, pull, world.bot(session))
    assert world.said(pull, "answer")[0].startswith("**ACCEPTED**")
    assert (world.count("stamps"), world.count("wanted", "id = 'w-p'")) == (1, 1)


# --- tables that a diff leaves out ----------------------------------------------------------------------------------


RAISED = "UPDATE rigs SET trust_level = 3 WHERE handle = 'polecat-7'"


def leave_out(world: World, table: str, hashes: str = "answered") -> None:
    """Diffs of the commons and of pia's fork are summarised without this table."""
    for database in (world.db.name, world.fork_of("pia")):
        world.db.play({"quirk": "left-out-table", "table": table, "hashes": hashes, "match": {"database": database}})


@pytest.mark.parametrize("hashes", ["answered", "refused"])
def test_a_table_that_the_summary_leaves_out_is_shown_and_blocked(world: World, hashes: str) -> None:
    leave_out(world, "rigs", hashes)
    world.push("pia", BRANCH, RAISED)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    snapshot = world.observe(pull)
    assert [(c.key, c.changed) for c in snapshot.changes.of("rigs")] == [("polecat-7", ("trust_level",))]
    assert snapshot.changes.schema == ("rigs",)
    judgement = judge(snapshot, world.deps.rules)
    assert judgement.verdict is Verdict.BLOCKED
    assert {f.rule for f in judgement.at(Level.FAULT)} >= {"only_known_rows_change", "no_stamps_or_trust"}
    assert [f.rule for f in judgement.at(Level.FORBID)] == ["merge_can_be_told"]


def test_a_table_that_the_summary_leaves_out_is_not_merged(world: World) -> None:
    leave_out(world, "rigs")
    world.push("pia", BRANCH, RAISED)
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    act(world, pull)
    refusal(world, pull)
    assert world.state(pull) == "open"
    assert world.count("rigs", "handle = 'polecat-7' AND trust_level = 3") == 0


def test_a_host_without_hashes_blocks_nothing_for_it(world: World) -> None:
    leave_out(world, "badges", "refused")
    pull = reviewed(world)
    assert "READY" in world.said(pull, "review")[0]


def test_what_a_merge_brings_in_a_table_that_is_left_out_is_no_ground_for_a_stamp(world: World) -> None:
    pull = reviewed(world)
    world.merge_by_hand(pull)
    leave_out(world, "wanted")
    snapshot = world.observe(pull)
    assert snapshot.changes.schema == ("wanted",)
    assert judge(snapshot, world.deps.rules).at(Level.FORBID)


@pytest.mark.parametrize("takes_main_in", [False, True], ids=["main was migrated", "the branch merged the migrated main"])
def test_a_migration_of_main_holds_no_honest_work_up(world: World, takes_main_in: bool) -> None:
    world.push("pia", BRANCH, *wl_sql.claim(ITEM, "polecat-7"))
    world.db.push("main", "ALTER TABLE wanted ADD COLUMN weight INT", "ALTER TABLE rigs ADD COLUMN motto TEXT")
    if takes_main_in:
        take_main_in(world, world.fork_of("pia"), BRANCH)
    world.push("pia", BRANCH, *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    pull = world.open_pull("pia", BRANCH, f"[wl] {ITEM}")
    world.review(pull)
    assert "READY" in world.said(pull, "review")[0]
    world.comment(pull, "ana", ACCEPT)
    act(world, pull)
    assert world.said(pull, "answer")[0].startswith("**ACCEPTED**")
    assert world.count("stamps") == 1


# --- decisions on their way to main ---------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before the branches are listed", "before the branch is made"])
def test_a_landing_branch_that_somebody_prepared_is_not_used(world: World, moment: str) -> None:
    pull = reviewed(world)
    root = landing_root(world, pull, world.comment(pull, "ana", ACCEPT))

    def prepare() -> None:
        world.db.push(root + world.db.head()[:8], MOLE)

    listed = moment == "before the branches are listed"
    session = Meanwhile("GET" if listed else "POST", f"{world.db.name}/branches", prepare)
    act_on(world, pull, world.bot(session))
    assert world.said(pull, "answer")[0].startswith("**ACCEPTED**")
    assert (world.count("stamps"), world.count("rigs", "handle = 'mole'")) == (1, 0)


def squat(world: World, root: str) -> PullNo:
    """Mallory opens a pull from the landing branch before the bot does."""
    branch = root + world.db.head()[:8]
    return PullNo(world.db.open_pull("mine", creator="mallory", from_database=world.db.name, from_branch=branch))


def test_a_landing_pull_that_a_stranger_opens_first_is_merged_for_the_rows_of_its_branch(world: World) -> None:
    pull = reviewed(world)
    root = landing_root(world, pull, world.comment(pull, "ana", ACCEPT))
    taken: list[PullNo] = []
    act_on(world, pull, world.bot(Meanwhile("POST", "/pulls", lambda: taken.append(squat(world, root)))))
    assert world.said(pull, "answer")[0].startswith("**ACCEPTED**")
    assert (world.count("stamps"), [world.state(number) for number in taken]) == (1, ["merged"])


def test_a_stranger_who_closes_that_pull_at_the_last_moment_does_not_stop_the_decision(world: World) -> None:
    pull = reviewed(world)
    root = landing_root(world, pull, world.comment(pull, "ana", ACCEPT))

    def take() -> None:
        number = squat(world, root)
        session.path_end, session.left = f"/pulls/{number}/merge", 0
        session.happens = lambda: world.deps.hubs[world.commons].close(world.commons, number)

    session = Meanwhile("POST", "/pulls", take)
    act_on(world, pull, world.bot(session))
    assert world.said(pull, "answer")[0].startswith("**ACCEPTED**")
    assert world.count("stamps") == 1


def test_a_decision_whose_every_branch_is_changed_is_kept_named_at_once_and_finished_when_the_way_is_free(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    hub = world.deps.hubs[world.commons]

    def meddle() -> None:
        session.left = 0  # and at the next branch, too
        fresh = [b.name for b in hub.branches(world.commons) if b.name.startswith("stampbot/") and b.name not in changed]
        for name in fresh:
            changed.append(name)
            world.db.push(name, MOLE, user="bo")

    changed: list[str] = []
    session = Meanwhile("POST", "/pulls", meddle)
    deps = world.bot(session)
    with pytest.raises(HubObstructed):
        act(world, pull, deps)
    (kept,) = world.said(pull, "answer")
    assert kept.startswith("**KEPT** · `ana`")
    assert "Another account is in the way of these rows: " in kept
    (held,) = deps.store.at(world.commons).pulls.kept()
    facts = (held.pull, held.since, held.why)
    (row,) = kept_rows(CommonsFacts(commons=world.commons, policy=world.policy, has_token=True, webhook=None, kept=(facts,)))
    assert (row.state, row.says.partition(" since ")[0]) == (State.FAULT, f"a decision on pull {pull} cannot go on")
    assert (len(set(changed)), len({name.rpartition("/")[2][:8] for name in changed})) == (BASES_MAX, 1)
    world.settle()
    assert world.said(pull, "answer")[-1].startswith("**ACCEPTED**")
    assert deps.store.at(world.commons).pulls.kept() == ()
    assert (world.count("stamps"), world.count("rigs", "handle = 'mole'")) == (1, 0)


def test_rows_pushed_to_the_landing_branch_at_the_last_moment_are_told(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": 33, "match": {"operation": "mergePull", "path": "*/pulls/2/merge"}, "times": 1, "sql": MOLE})
    act(world, pull)
    (answer,) = world.said(pull, "answer")
    assert "pull 2 brought them at another head than was checked" in answer
    assert "Nothing was changed" not in answer


@pytest.mark.parametrize("table", ["stamps", "completions"])
def test_a_cell_that_no_decision_sets_spoils_the_landing_branch(world: World, table: str) -> None:
    """A collaborator sets the `hop_uri` of the fresh stamp, or of the fresh completion of a /close, on the branch."""
    pull = reviewed(world)
    stamped = table == "stamps"
    root = landing_root(world, pull, world.comment(pull, "ana", ACCEPT if stamped else "/close --yes solved elsewhere"))

    def meddle() -> None:
        world.db.push(root + world.db.head()[:8], f"UPDATE {table} SET hop_uri = 'hop://evil/'", user="bo")

    act_on(world, pull, world.bot(Meanwhile("POST", "/pulls", meddle)))
    assert world.said(pull, "answer")[0].startswith("**ACCEPTED**" if stamped else "**CLOSED, ITEM")
    assert world.count(table, "hop_uri IS NOT NULL") == 0


MOMENTS = {
    Landing.PULL: {"first": ("/branches", 0), "middle": ("/pulls", 0), "last": ("/merge", 1)},
    Landing.DIRECT: {"first": ("/sql-writes", 0), "middle": ("/sql-writes", 1), "last": ("/sql-writes", 2)},
}
"""Requests between our merge of the work and its stamp: how their path ends, and how many like it go before."""


def in_between(world: World, pull: PullNo, moment: str, *statements: str) -> str:
    """Ana accepts, and in that moment bo's tool writes this to main; the bot's one answer."""
    world.comment(pull, "ana", ACCEPT)
    path_end, after = MOMENTS[world.policy.landing][moment]
    act_on(
        world, pull, world.bot(Meanwhile("POST", path_end, lambda: world.db.push("main", *statements, user="bo"), after=after))
    )
    sweep(world.deps.at(world.commons))
    (answer,) = world.said(pull, "answer")
    assert "open" not in {p["state"] for p in world.pulls()}
    return answer


STAMP, LINK, COMPLETE = wl_sql.accept(
    ITEM, completion=DONE, author="bo-hollow", subject="polecat-7", quality=2, skills=(), message=""
)
WITHDRAW = f"UPDATE wanted SET status = 'withdrawn' WHERE id = '{ITEM}'"


@pytest.mark.parametrize("moment", ["first", "last"])
def test_another_tool_that_accepts_between_our_merge_and_our_stamp_is_named_as_the_first(
    either_world: World, moment: str
) -> None:
    world = either_world
    left = () if world.policy.landing is Landing.DIRECT and moment == "last" else (COMPLETE,)  # else it is done by us
    answer = in_between(world, reviewed(world), moment, STAMP, LINK, *left)
    assert answer.startswith("**REFUSED**")
    assert "Accepted already by `bo-hollow` at" in answer
    assert world.count("stamps") == 1


@pytest.mark.parametrize("moment", ["middle", "last"])
def test_a_stamp_without_its_link_that_comes_between_our_merge_and_our_stamp_is_told(either_world: World, moment: str) -> None:
    """A bare stamp is no conflict for DoltHub: only a guard, or a look afterwards, sees it."""
    world = either_world
    answer = in_between(world, reviewed(world), moment, STAMP)
    if world.policy.landing is Landing.PULL and moment == "last":
        # A merge knows no guard. Both stamps are there, and the receipt says so.
        assert answer.startswith("**ACCEPTED**")
        assert f"**STAMPED TWICE**: main also holds `{wl_sql.stamp_id(ITEM, 'bo-hollow')}` by `bo-hollow`." in answer
        assert world.count("stamps") == 2
        return
    assert answer.startswith("**REFUSED**")
    assert "Accepted already by `bo-hollow` at" in answer
    half = world.policy.landing is Landing.DIRECT
    assert ("which was to be written next and was not: a maintainer has to make it name" in answer) == half
    assert world.count("stamps") == 1


@pytest.mark.parametrize("moment", ["first", "middle", "last"])
def test_an_item_that_is_withdrawn_between_our_merge_and_our_stamp_is_told_as_it_is(either_world: World, moment: str) -> None:
    world = either_world
    answer = in_between(world, reviewed(world), moment, WITHDRAW)
    direct = world.policy.landing is Landing.DIRECT
    item = world.row("wanted", id=ITEM)
    assert item is not None
    assert item["status"] == "withdrawn"
    if direct and moment == "last":
        # The item was completed, then withdrawn, then the stamp came.
        assert answer.startswith("**ACCEPTED**")
        assert "The item was changed since: it is `withdrawn` now." in answer
        assert world.count("stamps") == 1
        return
    assert answer.startswith("**REFUSED**")
    assert world.count("stamps") == 0
    # The bot's statement is on its way already as this happens.
    half = direct
    assert (f"for a maintainer to put right: completions {DONE}" in answer) == half
    assert ("a maintainer puts the item in review again first" in answer) != half


def test_an_item_that_is_opened_again_before_the_receipt_was_posted_denies_no_stamp(either_world: World) -> None:
    world = either_world
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    reopen = f"UPDATE wanted SET status = 'open' WHERE id = '{ITEM}'"
    with pytest.raises(Killed):
        act(world, pull, world.bot(KillSwitch(8 if world.policy.landing is Landing.PULL else 5, "before")))
    assert world.count("stamps") == 1
    world.db.push("main", reopen, user="bo")
    world.wipe()
    act_on(world, pull)
    (answer,) = world.said(pull, "answer")
    assert answer.startswith("**ACCEPTED**")
    assert "The item was changed since: it is `open` now." in answer


def test_a_head_that_the_merge_took_and_nobody_reviewed_is_named_with_the_item_and_the_mend(either_world: World) -> None:
    world = either_world
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": 33, "match": {"operation": "mergePull"}, "times": 1, "sql": MOLE})
    act(world, pull)
    answer = refusal(world, pull)
    assert f"**NOT STAMPED.** `{ITEM}`" in answer
    assert "- `rigs` `mole` added" in answer
    assert "A maintainer has to compare these rows with the review, and revert the merge or stamp by hand." in answer
    assert "Nothing was changed" not in answer


def test_work_that_another_tool_brings_as_the_pull_is_merged_is_told_as_what_it_is(world: World) -> None:
    """DoltHub's merge ends in a conflict; what came in between, and by whom, is known only to who looks again."""
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    rows = (
        *wl_sql.claim(ITEM, "polecat-7"),
        *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"),
        *wl_sql.accept(ITEM, completion=DONE, author="bo-hollow", subject="polecat-7", quality=2, skills=(), message=""),
    )
    act(world, pull, world.bot(Meanwhile("POST", "/merge", lambda: world.db.push("main", *rows, user="bo"))))
    (answer,) = world.said(pull, "answer")
    assert answer.startswith("**REFUSED**")
    assert f"Main has changed `{ITEM}` since the branch left it, last by `bo`" in answer
    assert (world.count("stamps"), world.state(pull)) == (1, "open")


def test_a_pull_closed_as_it_is_merged_is_told_as_what_it_is(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    closed = {"database": world.db.name, "number": pull, "user": "pia", "state": "closed"}
    act(world, pull, world.bot(Meanwhile("POST", "/merge", lambda: world.sandbox.admin("PATCH", "/pulls", closed))))
    assert "This pull is closed." in refusal(world, pull)


@pytest.mark.parametrize("statement", [0, 2])
def test_two_workers_at_one_decision_land_it_once_and_say_so(world: World, statement: int) -> None:
    """Redis is wiped while one writes, and with it goes the lease: another one does all of it meanwhile."""
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)

    def other() -> None:
        world.redis.flushall()
        act_on(world, pull)

    act_on(world, pull, world.bot(Meanwhile("POST", "/sql-writes", other, after=statement)))
    assert world.count("stamps") == 1
    assert [answer.partition(" ")[0] for answer in world.said(pull, "answer")] == ["**ACCEPTED**"]


def test_two_pulls_with_one_head_give_one_stamp(world: World) -> None:
    pull = reviewed(world)
    world.db.made.append(world.sandbox.admin("POST", "/forks", {"source": world.fork_of("pia"), "owner": "otto"})["database"])
    twin = world.open_pull("otto", BRANCH, "the same branch from another fork")
    world.review(twin)
    world.comment(pull, "ana", ACCEPT)
    act(world, pull)
    assert "has pull 2 open for this item too" in world.said(pull, "answer")[0]
    world.settle()
    for number in (pull, twin):
        world.comment(number, "ana", ACCEPT)
        act(world, number)
    assert world.count("stamps") == 1
    assert world.said(twin, "answer")[0].startswith("**REFUSED**")


def test_every_answer_of_dolthub_is_lost_and_redis_wiped_each_time(either_world: World) -> None:
    world = either_world
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    for operation in ("createBranch", "runSqlWriteQuery", "createPull", "mergePull", "createPullComment"):
        world.db.play({"quirk": "lost-answer", "match": {"operation": operation}, "times": 2})
    lost = 0
    while lost < 20:
        try:
            act(world, pull)
            break
        except HubBusy:
            lost += 1
            world.redis.flushall()
    assert lost > 3
    assert world.count("stamps") == 1
    assert [answer.partition(" ")[0] for answer in world.said(pull, "answer")] == ["**ACCEPTED**"]


def test_rows_that_come_cut_are_no_ground_for_a_decision(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": 23, "rows": 2})
    with pytest.raises(HubStrange):
        act(world, pull, world.bot())
    assert world.state(pull) == "open"


# --- who speaks -----------------------------------------------------------------------------------------------------


def test_marks_written_by_strangers_mean_nothing(world: World) -> None:
    """A review of a head nobody reviewed, and an answer that would close a command."""
    pull = reviewed(world)
    evil = world.push("pia", BRANCH, MOLE)
    world.comment(pull, "mallory", f"**READY**\n\n`stampbot/1 review - READY {evil} 178abff38d16 2`")
    comment = world.comment(pull, "ana", f"{ACCEPT} --at {evil[:7]}")
    world.comment(pull, "mallory", f"Done.\n\n`stampbot/1 answer accept:{comment} done {evil} - 1`")
    act(world, pull)
    assert "names no review" in refusal(world, pull)
    assert world.state(pull) == "open"


def test_what_only_looks_like_a_command_decides_nothing(world: World) -> None:
    pull = reviewed(world)
    for body in (
        f"> {ACCEPT}",
        f"> he wrote:\n{ACCEPT}",
        f"```\n{ACCEPT}\n```",
        f"~~~\n```\n~~~~ x\n{ACCEPT}",
        f"    {ACCEPT}",
        f"`code\n{ACCEPT}\nmore`",
        f"<!--\n{ACCEPT}\n-->",
        f"<div>\n{ACCEPT}\n</div>",
        f"\\{ACCEPT}",
        f"bo would say {ACCEPT}",
    ):
        world.comment(pull, "ana", body)
    edited = world.comment(pull, "ana", "Looks good.")
    where = {"database": world.db.name, "number": pull, "comment_id": edited}
    world.sandbox.admin("PATCH", "/comments", {**where, "body": ACCEPT})
    world.comment(pull, "bot", ACCEPT)
    act(world, pull)
    assert world.state(pull) == "open"
    assert all(answer.startswith("**HINT**") for answer in world.said(pull, "answer"))


def test_of_two_decisions_at_once_one_is_carried_out_and_the_other_told(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.comment(pull, "bo", "/reject it does not build")
    act(world, pull)
    assert sorted(answer.partition(" ")[0] for answer in world.said(pull, "answer")) == ["**ACCEPTED**", "**REFUSED**"]
    found = (world.state(pull), world.count("stamps"), world.count("completions", f"id = '{DONE}'"))
    assert found == ("merged", 1, 1)


def test_kin_over_a_rig_that_plays_no_part_is_still_kin(world: World) -> None:
    world.db.push(
        "main",
        "INSERT INTO rigs (handle, dolthub_org, trust_level) VALUES ('middle', 'zoe', 1)",
        "INSERT INTO rig_links (id, rig_a, rig_b, status)"
        " VALUES ('l-1', 'polecat-7', 'middle', 'active'), ('l-2', 'middle', 'bo-hollow', 'active')",
    )
    pull = reviewed(world)
    world.comment(pull, "bo", ACCEPT)
    act(world, pull)
    assert "Yearbook rule" in refusal(world, pull)


def test_a_rig_that_the_pull_itself_brings_decides_nothing(world: World) -> None:
    world.push("mallory", "wl/register/mole", MOLE)
    pull = world.open_pull("mallory", "wl/register/mole", "Register rig: mole")
    world.review(pull)
    world.comment(pull, "mallory", "/accept --as mole")
    act(world, pull)
    refusal(world, pull)
    assert world.count("rigs", "handle = 'mole'") == 0


# --- what must not stop everything else -----------------------------------------------------------------------------


def test_a_fork_that_may_not_be_read_stops_neither_the_sweep_nor_its_own_pull(world: World) -> None:
    pull = reviewed(world)
    sweep(world.deps.at(world.commons))
    world.converge(pull)
    world.hand_in("otto", "brass-otter", "w-com-002")
    for operation in ("listBranches", "runSqlReadQueryPost"):
        closed = {"operation": operation, "database": world.fork_of("pia")}
        world.db.play({"quirk": "status", "match": closed, "status": 403})
    assert sweep(world.deps.at(world.commons)) >= 1
    world.converge(pull)


def test_a_fork_that_answers_nothing_sensible_hides_its_heads_only(world: World) -> None:
    pull = reviewed(world)
    sweep(world.deps.at(world.commons))
    world.converge(pull)
    world.db.play({"quirk": "status", "match": {"operation": "listBranches", "database": world.fork_of("pia")}, "status": 418})
    hear_all(world)
    assert sweep(world.deps.at(world.commons)) == 0
    world.comment(pull, "ana", "/reject no")
    assert sweep(world.deps.at(world.commons)) == 1


def test_a_table_without_a_key_is_reviewed_like_any_other_nonsense(world: World) -> None:
    table = "CREATE TABLE completions (id VARCHAR(64), wanted_id VARCHAR(64))"
    world.push("pia", BRANCH, "DROP TABLE completions", table, "INSERT INTO completions (id) VALUES (NULL)")
    pull = world.open_pull("pia", BRANCH, "no keys")
    world.review(pull)
    assert world.said(pull, "review")[0].startswith("**BLOCKED**")


def test_comments_that_are_not_known_as_ours_are_not_written_for_ever(world: World) -> None:
    """The account of the token, and the same account spelled otherwise in comments."""
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.converge(pull)
    world.answer_knocks_at_the_prober()
    site = replace(world.bot().at(world.commons), speaks_as=User("Bot"))

    def keep_looking() -> None:
        for _ in range(5):
            converge(pull, site)
            time.sleep(world.policy.timing.about_to_s)

    with pytest.raises(HubStrange, match="do not count as ours"):
        keep_looking()
    assert len(world.said(pull)) == 2


def test_anybodys_word_does_not_hold_up_a_decision_that_waits(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.comment(pull, "mallory", "/help")
    act(world, pull)
    assert world.count("stamps") == 1


def test_evidence_that_is_changed_on_main_before_the_stamp_gets_none(either_world: World) -> None:
    world = either_world
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    path_end = "/branches" if world.policy.landing is Landing.PULL else "/sql-writes"
    swap = "UPDATE completions SET evidence = 'https://elsewhere.example/'"
    act_on(world, pull, world.bot(Meanwhile("POST", path_end, lambda: world.db.push("main", swap))))
    refusal(world, pull)


def test_an_old_command_is_not_woken_by_a_merge_by_hand(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    where = {"database": world.db.name, "number": pull, "user": "bo"}
    world.sandbox.admin("POST", "/merges", {**where, "at": (datetime.now(UTC) + timedelta(hours=25)).isoformat()})
    act(world, pull, world.bot(clock=lambda: datetime.now(UTC) + timedelta(hours=30)))
    refusal(world, pull)


def test_who_lost_the_right_since_the_merge_stamps_nothing(world: World) -> None:
    pull = reviewed(world)
    world.merge_by_hand(pull)
    world.db.push("main", "UPDATE rigs SET trust_level = 0 WHERE handle = 'bo-hollow'")
    world.comment(pull, "bo", ACCEPT)
    act(world, pull)
    refusal(world, pull)


def test_a_rig_that_was_stolen_when_the_work_was_merged_signs_nothing_once_it_is_given_back(world: World) -> None:
    world.db.push("main", "UPDATE rigs SET dolthub_org = 'mallory' WHERE handle = 'ana-town'")
    pull = reviewed(world)
    world.merge_by_hand(pull, "bo")
    world.db.push("main", "UPDATE rigs SET dolthub_org = 'ana' WHERE handle = 'ana-town'")
    world.comment(pull, "mallory", ACCEPT)
    act(world, pull)
    refusal(world, pull)


def test_a_token_that_dolthub_quotes_stays_secret(world: World) -> None:
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": "status", "match": {"operation": "mergePull"}, "status": 422, "detail": "bad token-bot"})
    act(world, pull)
    assert "bad ***" in refusal(world, pull)
    assert "token-bot" not in "".join(world.said(pull))


def test_a_landing_cut_short_is_finished_whatever_form_times_come_in(
    world_sandbox: SandboxProcess, world_redis: RedisProcess
) -> None:
    world = make_world(world_sandbox, world_redis, landing=Landing.DIRECT)
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    world.db.play({"quirk": 24, "clocks": "z"})
    with pytest.raises(Killed):
        act(world, pull, world.bot(KillSwitch(2, "after")))
    world.redis.flushall()
    act_on(world, pull)
    assert world.said(pull, "answer")[0].startswith("**ACCEPTED**")
    assert world.count("stamps") == 1
    world.close()


def test_a_merge_by_hand_in_the_middle_of_a_look_is_no_reason_to_refuse_a_decision_that_waited(world: World) -> None:
    """Main is read before the pull: what is merged in between is merged, and not on main as it was read."""
    pull = reviewed(world)
    world.comment(pull, "ana", ACCEPT)
    later = lambda: datetime.now(UTC) + timedelta(minutes=20)  # noqa: E731
    world.probe(world.observe(pull))
    bot = world.bot(Meanwhile("GET", f"/pulls/{pull}", lambda: world.merge_by_hand(pull, "bo")), clock=later)
    act_on(world, pull, bot)
    (answer,) = world.said(pull, "answer")
    assert answer.startswith("**ACCEPTED**"), answer
    assert world.count("stamps") == 1
