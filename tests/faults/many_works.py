"""Many works at once, reviewed and decided on, and what must hold for all of them whatever happened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from bot.model.ids import PullNo
from sandbox.seed import wl_sql
from tests.world import World

WORKERS = (("pia", "polecat-7"), ("otto", "brass-otter"), ("mallory", "slick-fox"))


def many_works(world: World, many: int) -> tuple[PullNo, ...]:
    """So many pulls of three workers, each with a review of the bot's."""
    items = [f"w-many-{n:03d}" for n in range(many)]
    rows = ", ".join(
        f"('{item}', 'Mend {item}', 'relay', 'bug', 2, '[\"go\"]', 'ana-town', 'open', 'small', '2026-01-02 00:00:00',"
        " '2026-01-02 00:00:00')"
        for item in items
    )
    columns = "id, title, project, type, priority, tags, posted_by, status, effort_level, created_at, updated_at"
    world.db.push("main", f"INSERT INTO wanted ({columns}) VALUES {rows}")
    pulls = tuple(_hand_in(world, n, item) for n, item in enumerate(items))
    with ThreadPoolExecutor(4) as pool:
        tuple(pool.map(world.converge, pulls))
        world.answer_knocks_at_the_prober()
        tuple(pool.map(world.converge, pulls))
    return pulls


def _hand_in(world: World, n: int, item: str) -> PullNo:
    """The work was done hours ago: to a bot whose clock is late, work of this moment is of the future.

    Of one rig six hours lie between: more in a day would become a finding about the workload while the first are accepted.
    """
    user, rig = WORKERS[n % len(WORKERS)]
    ago = f"'{datetime.now(UTC) - timedelta(hours=3 + 6 * (n // len(WORKERS))):%Y-%m-%d %H:%M:%S}'"
    done = (*wl_sql.claim(item, rig), *wl_sql.done(item, rig, f"{world.evidence}/acme/relay/pull/{n + 1}"))
    branch = f"wl/{rig}/{item}"
    world.push(user, branch, *(statement.replace("NOW()", ago) for statement in done))
    return world.open_pull(user, branch, f"[wl] {item}")


def decide(world: World, pulls: Sequence[PullNo], *who: str) -> None:
    """Accept each pull, by each of `who` in the same moment. Ratings differ: equal ones would become a finding on the way."""
    for n, pull in enumerate(pulls):
        for user in who:
            world.comment(pull, user, f"/accept --quality {2 + n % 4}")


def answered_once(world: World, pulls: Sequence[PullNo], *, deciders: int = 1) -> None:
    """Every decision has one answer, every work is merged once and has one stamp, and nothing is left over."""
    wrong = []
    for pull in pulls:
        answers = world.said(pull, "answer")
        heads = sorted(answer.partition(" ")[0].strip("*") for answer in answers)
        found = (world.state(pull), heads, len(world.said(pull, "review")))
        if found != ("merged", ["ACCEPTED", *["REFUSED"] * (deciders - 1)], 1):
            wrong.append((pull, *found))
    assert wrong == [], wrong
    stamps = world.db.sql("SELECT context_id, COUNT(*) FROM stamps GROUP BY context_id")
    assert [int(count or 0) for _, count in stamps] == [1] * len(pulls)
    completed = world.count("completions", "stamp_id IS NOT NULL AND validated_by IN ('ana-town', 'bo-hollow')")
    assert (completed, world.count("wanted", "status = 'completed'")) == (len(pulls), len(pulls))
    log = world.sandbox.admin("GET", "/log", database=world.db.name, ref="main")
    merged = [commit["parents"][1] for commit in log if len(commit["parents"]) == 2]
    assert len(merged) == len(set(merged))
    assert put_away(world)


def put_away(world: World) -> bool:
    """Whether no landing pull of the bot's is left open. One that was overtaken is closed by a sweep, so later."""
    return not any(pull["creator"] == "bot" and pull["state"] == "open" for pull in world.pulls())
