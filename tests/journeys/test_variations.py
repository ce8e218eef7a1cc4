"""Commons as they vary: older and newer schemas, other tools' words and ids, stale and odd forks. The road is the same on all.

What is told here to differ was seen: gastown `wl_schema_evolution.go` and `wl_commons.go` (columns and tables by version),
gastownhall/marketplace SKILL.md (`metadata`), wl `test/integration/commons_test.go` (seven tables), wl githubprbackfill (rigs
of the type `system`, ids of backfills), Kilo's docs (handles with a slash, priorities the other way round).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from bot.converge.bot import Bot
from bot.converge.converge import look
from bot.dolthub.client import Hub
from bot.model.finding import Level, Verdict
from bot.model.ids import PullNo
from bot.model.policy import Landing
from bot.sweep.sweep import sweep
from sandbox.seed import schema, wl_sql
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import World, make_world

ITEM, RIG, USER = "w-com-001", "polecat-7", "pia"
DONE = wl_sql.completion_id(ITEM, RIG)
PAUSE_MAX_S = 0.01
TABLES = {table.name: table for table in schema.TABLES}

OLDER = (
    *(f"DROP TABLE {table}" for table in ("rig_links", "boot_blocks", "badges")),
    *(f"ALTER TABLE rigs DROP COLUMN {column}" for column in ("hop_uri", "owner_email", "parent_rig", "rig_type")),
    "ALTER TABLE stamps DROP COLUMN hop_uri",
)
UPGRADE = (
    *(TABLES[table].ddl() for table in ("rig_links", "boot_blocks", "badges")),
    *(f"ALTER TABLE rigs ADD COLUMN {column} VARCHAR(255)" for column in ("hop_uri", "owner_email", "parent_rig")),
    "ALTER TABLE rigs ADD COLUMN rig_type VARCHAR(16) DEFAULT 'human'",
    "ALTER TABLE stamps ADD COLUMN hop_uri VARCHAR(512)",
    "INSERT INTO rig_links (id, rig_a, rig_b) VALUES ('l-1', 'polecat-7', 'brass-otter')",
)
NEWER = (
    *(f"ALTER TABLE {table} ADD COLUMN metadata JSON" for table in ("wanted", "completions", "stamps", "badges", "chain_meta")),
    "ALTER TABLE stamps ADD COLUMN stamp_type VARCHAR(32)",
    "ALTER TABLE stamps ADD COLUMN pilot_cohort VARCHAR(64)",
    "ALTER TABLE stamps ADD COLUMN stamp_index INT",
    "CREATE TABLE leaderboard (handle VARCHAR(255) PRIMARY KEY, tier VARCHAR(32), avg_quality FLOAT, badges JSON)",
    "CREATE TABLE _spider_flags (id VARCHAR(64) PRIMARY KEY, rig_handle VARCHAR(255), flag TEXT)",
    "INSERT INTO leaderboard (handle, tier) VALUES ('polecat-7', 'bronze')",
    "INSERT INTO _spider_flags (id, rig_handle, flag) VALUES ('f-1', 'polecat-7', 'velocity')",
)
FILLED = tuple(f"ALTER TABLE {table} ADD COLUMN grade INT DEFAULT 1" for table in ("wanted", "completions", "stamps"))
"""Columns that no row is without: what was reviewed does not have them, what is merged does."""
FILLED_BY_ITSELF = {"grade"}
STAMPED = {
    "id", "author", "subject", "valence", "confidence", "severity", "context_id", "context_type", "skill_tags", "created_at",
}  # fmt: skip
"""Columns a stamp of ours has something in, given no message."""

ODD_RIGS = (
    "INSERT INTO rigs (handle, display_name, dolthub_org, rig_type, trust_level) VALUES"
    " ('gh-octo', 'octo', NULL, 'system', 1), ('gh-cat', NULL, '', 'system', NULL),"
    " ('kilo/main', NULL, 'pia', 'hybrid', 1), ('pia-two', NULL, 'pia', NULL, NULL), ('ana-two', NULL, 'ana', 'agent', 0)",
    "UPDATE rigs SET display_name = NULL, registered_at = NULL, rig_type = NULL",
)
ODD_ITEMS = (
    "INSERT INTO wanted (id, title, type, priority, effort_level, status, posted_by) VALUES"
    " ('w-gt-001', 'By hand', 'research', 9, NULL, 'open', 'ghost'),"
    " ('w-gh-beads-12', 'Backfilled', 'github_pr', -1, 'huge', 'open', 'gh-octo'),"
    " ('w-low', 'Some day', 'other', 0, 'small', 'open', 'kilo/main'),"
    " ('w-bare', 'Nothing else', NULL, NULL, NULL, 'open', NULL),"
    " ('w-validated', 'v', 'bug', 2, 'small', 'validated', 'ana-town'),"
    " ('w-done', 'd', 'bug', 2, 'small', 'done', 'ana-town'),"
    " ('w-void', 'n', NULL, NULL, NULL, NULL, NULL)",
)
ODD_WORK = (
    "INSERT INTO completions (id) VALUES ('c-void')",
    "INSERT INTO completions (id, wanted_id, completed_by, evidence, validated_by, stamp_id) VALUES"
    " ('c-gh-beads-12', 'w-done', 'gh-octo', 'see my commit abc123', 'ana-town', 's-gh-beads-12'),"
    " ('c-w-validated-polecat-7-0a1b2c', 'w-validated', 'polecat-7', 'it is on main; 100% done', NULL, NULL),"
    " ('c-begun', 'w-done', NULL, NULL, NULL, 's-lost')",
    "INSERT INTO stamps (id, author, subject, valence) VALUES"
    " ('s-gh-beads-12', 'ana-town', 'gh-octo', '{\"quality\": \"good\"}'), ('s-2', 'bo-hollow', 'polecat-7', '[]'),"
    " ('s-3', 'gh-octo', 'polecat-7', '3'), ('s-4', 'ana-town', 'polecat-7', '{\"quality\": null}')",
    "UPDATE stamps SET confidence = NULL, severity = NULL, created_at = NULL",
)
ODD = (*ODD_RIGS, *ODD_ITEMS, *ODD_WORK)
TWO_OF_ANAS = ("UPDATE rigs SET trust_level = 3 WHERE handle = 'ana-two'",)


# --- helpers --------------------------------------------------------------------------------------------------------


class Listening(requests.Session):
    """A session that keeps what it asked: operation's path, and the SQL text with its ref."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []
        self.queries: list[tuple[str, str]] = []
        self.databases: list[str] = []
        """Where each of these was asked."""

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        self.paths.append(url.rpartition("/")[2])
        if url.endswith("/sql"):
            asked = json.loads(more["data"])
            self.queries.append((asked["ref"], asked["q"]))
            self.databases.append(url)
        return super().request(method, url, *args, **more)

    @property
    def schema_reads(self) -> list[tuple[str, str]]:
        """Databases and commits at which the columns were asked for, in order."""
        return [
            (url, ref)
            for url, (ref, text) in zip(self.databases, self.queries, strict=True)
            if "information_schema" in text and "column_name" in text and "column_default" not in text
        ]


def hurried(world: World, session: requests.Session | None = None) -> Bot:
    """A bot that waits for nobody long: a fork that is gone is asked for again before that is believed."""
    bot = world.bot()
    token = f"token-{world.account}"
    hub = Hub(
        world.sandbox.base_url, token, commons=[world.commons], session=session, sleep=lambda s: time.sleep(min(s, PAUSE_MAX_S))
    )
    return replace(bot, hubs={world.commons: hub})


def go_on(world: World, pull: PullNo, bot: Bot) -> None:
    """Look, answer the knocks, look again: what a worker and a prober come to, without a sweep."""
    world.converge(pull, bot)
    world.answer_knocks_at_the_prober(bot)
    assert not world.converge(pull, bot).stopped


def decide(world: World, pull: PullNo, command: str, bot: Bot, *, user: str = "ana") -> None:
    world.comment(pull, user, command)
    go_on(world, pull, bot)


def headlines(world: World, pull: PullNo) -> list[str]:
    """How each of the bot's comments begins, oldest first."""
    return [body.split(" · ", 1)[0].strip("*") for body in world.said(pull)]


def assert_stamped(world: World, pull: PullNo, *, rig: str = RIG, item: str = ITEM) -> None:
    """Merged, linked, completed, and one stamp, with nothing in columns that only some commons have."""
    done = world.row("completions", id=wl_sql.completion_id(item, rig))
    assert done is not None
    stamp, work = world.row("stamps", context_id=str(done["id"])), world.row("wanted", id=item)
    assert stamp is not None
    assert work is not None
    assert (world.state(pull), work["status"], work["claimed_by"]) == ("merged", "completed", rig)
    assert (done["stamp_id"], done["validated_by"]) == (stamp["id"], "ana-town")
    assert {column for column, cell in stamp.items() if cell is not None} - FILLED_BY_ITSELF == STAMPED
    said = {column: stamp[column] for column in ("author", "subject", "severity", "context_type")}
    assert said == {"author": "ana-town", "subject": rig, "severity": "leaf", "context_type": "completion"}
    assert json.loads(str(stamp["valence"])) == {"quality": 4, "reliability": 4}


def verdict_of(world: World, pull: PullNo, bot: Bot) -> tuple[Verdict, set[str]]:
    """What a review would say, and which rules find a fault; no rule may crash."""
    world.probe(world.observe(pull, bot), bot)
    _, judgement, _ = look(pull, bot.at(world.commons))
    assert not judgement.crashes
    return judgement.verdict, {finding.rule for finding in judgement.at(Level.FAULT)}


# --- schemas --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A commons: what makes it differ from schema 1.2 before the pull, after its review, and once it is merged by hand."""

    name: str
    before: tuple[str, ...] = ()
    reviewed: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    landing: Landing = Landing.PULL
    rig: str = RIG


VARIANTS = (
    Variant(name="older", before=OLDER, landing=Landing.DIRECT),
    Variant(name="newer-with-odd-rows", before=(*NEWER, *ODD, *TWO_OF_ANAS), rig="kilo/main"),
    Variant(name="upgraded-after-the-review", before=OLDER, reviewed=(*UPGRADE, *FILLED)),
    Variant(name="upgraded-after-the-merge", before=OLDER, merged=UPGRADE),
)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_work_is_reviewed_merged_and_stamped_whatever_the_commons_looks_like(
    variant: Variant, world_sandbox: SandboxProcess, world_redis: RedisProcess
) -> None:
    with closing(make_world(world_sandbox, world_redis, landing=variant.landing)) as world:
        if variant.before:
            world.db.push("main", *variant.before)
        session = Listening()
        bot = hurried(world, session)
        pull = world.hand_in(USER, variant.rig, ITEM)
        go_on(world, pull, bot)
        assert headlines(world, pull) == ["READY"]
        # At main, and at the pull's head and base, whose tables are compared with themselves.
        commits, known = {ref for _, ref in session.schema_reads}, world.observe(pull, bot)
        assert {world.db.head()} <= commits <= {world.db.head(), known.head, known.base}
        _assert_a_second_look_asks_little(world, pull, bot, session)
        if variant.reviewed:
            world.db.push("main", *variant.reviewed)
        if variant.merged:
            world.merge_by_hand(pull)
            world.db.push("main", *variant.merged)
        decide(world, pull, "/accept --quality 4 --as ana-town", bot)
        sweep(bot.at(world.commons))
        assert headlines(world, pull) == ["READY", "ACCEPTED"]
        assert_stamped(world, pull, rig=variant.rig)
        assert len(session.schema_reads) == len(set(session.schema_reads))
        ours = [landing["state"] for landing in world.pulls() if landing["creator"] == "bot"]
        assert ours == ["merged"] * (variant.landing is Landing.PULL)


def _assert_a_second_look_asks_little(world: World, pull: PullNo, bot: Bot, session: Listening) -> None:
    """Nothing has changed: what main holds, which columns it has and where the pull comes from is known."""
    for _ in range(2):
        sweep(bot.at(world.commons))
        world.converge(pull, bot)
    paths, queries = len(session.paths), len(session.queries)
    world.converge(pull, bot)
    assert sorted(session.paths[paths:]) == ["1", "branches", "comments", "sql"]
    assert session.queries[queries:] == [("main", "SELECT DOLT_HASHOF('main') AS head")]
    paths, queries = len(session.paths), len(session.queries)
    sweep(bot.at(world.commons))
    assert sorted(session.paths[paths:]) == ["branches", "comments", "pulls", "sql"]
    assert session.queries[queries:] == [("main", "SELECT DOLT_HASHOF('main') AS head")]


def test_an_older_commons_takes_registrations_and_takes_work_back(world: World) -> None:
    world.db.push("main", *OLDER)
    world.sandbox.add_user("nia")
    row = "INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, registered_at) VALUES"
    world.push("nia", "wl/register/lamp", f"{row} ('lamp', 'Lamp', 'nia', 1, NOW())")
    joins = world.open_pull("nia", "wl/register/lamp", "Register rig: lamp")
    assert verdict_of(world, joins, world.deps) == (Verdict.READY, set())
    work = world.hand_in(USER, RIG, ITEM)
    go_on(world, work, world.deps)
    world.merge_by_hand(work)
    decide(world, work, "/reject the tests do not run", world.deps)
    item = world.row("wanted", id=ITEM)
    assert item is not None
    assert (headlines(world, work), item["status"], world.count("completions")) == (["READY", "REJECTED"], "claimed", 0)


def test_where_no_stamp_can_be_written_nothing_is_merged(world: World) -> None:
    world.db.push("main", "ALTER TABLE stamps DROP COLUMN context_id")
    pull = world.hand_in(USER, RIG, ITEM)
    go_on(world, pull, world.deps)
    decide(world, pull, "/accept --quality 4", world.deps)
    sweep(world.deps.at(world.commons))
    assert "Table `stamps` of this commons has no `context_id`" in world.said(pull, "answer")[0]
    assert (world.state(pull), headlines(world, pull)[-1]) == ("open", "REFUSED")


# --- cells ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd_world(world_sandbox: SandboxProcess, world_redis: RedisProcess) -> Iterator[World]:
    """One commons for all odd cells: every case is a pull of its own, looked at and left open."""
    world = make_world(world_sandbox, world_redis)
    world.db.push("main", *ODD)
    yield world
    world.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A pull among odd rows: what it brings, which verdicts are fair, and which faults are found."""

    name: str
    item: str = ITEM
    rig: str = RIG
    user: str = USER
    branch: str = ""
    evidence: str = "{evidence}/ok"
    rows: tuple[str, ...] = ()
    """In place of a claim and its work, from a branch of the pull's own."""
    fair: tuple[Verdict, ...] = (Verdict.READY,)
    faults: tuple[str, ...] = ()


BLOCKED: dict[str, Any] = {"fair": (Verdict.BLOCKED,), "faults": ("item_moves_legally",)}
WORKS = (
    "INSERT INTO completions (id, wanted_id, completed_by, evidence) VALUES ('{id}', '{item}', 'polecat-7', '{evidence}/ok')"
)


def moves(status: str) -> tuple[str, ...]:
    """Work whose item goes straight to a status, written by hand."""
    item = f"UPDATE wanted SET status = '{status}', claimed_by = 'polecat-7' WHERE id = '{{item}}'"
    return item, WORKS.replace("{id}", f"c-by-hand-{status}")


CELLS = (
    Cells(name="an-item-numbered-by-hand-of-another-type", item="w-gt-001"),
    Cells(name="an-item-of-a-backfill", item="w-gh-beads-12"),
    Cells(name="a-priority-the-other-way-round", item="w-low", rig="brass-otter", user="otto"),
    Cells(name="an-item-with-nothing-but-a-title", item="w-bare"),
    Cells(name="one-rig-of-several-of-its-owner", rig="pia-validates"),
    Cells(name="a-rig-whose-trust-is-not-told", item="w-com-002", rig="pia-two"),
    Cells(name="prose-around-the-link", evidence="done, see {evidence}/ok (tests are green)"),
    Cells(name="a-handle-with-a-slash", rig="kilo/main"),
    Cells(name="a-branch-with-slashes", branch="wl/polecat-7/w-com-001/second/try", fair=(Verdict.READY, Verdict.LOOK)),
    Cells(name="a-rig-of-no-known-owner", rig="gh-octo", fair=(Verdict.LOOK,)),
    Cells(
        name="evidence-in-words-alone",
        item="w-com-003",
        evidence="see my commit abc123; C:\\x is 100% done",
        fair=(Verdict.BLOCKED,),
        faults=("evidence_is_a_url",),
    ),
    *(
        Cells(name=f"an-item-that-is-{s}", item=f"w-{s}", rows=moves("in_review"), **BLOCKED)
        for s in ("validated", "done", "void")
    ),
    *(Cells(name=f"work-that-is-called-{s}", rows=moves(s), **BLOCKED) for s in ("validated", "submitted")),
    Cells(
        name="a-rig-without-owner-that-is-taken-over",
        rows=("UPDATE rigs SET dolthub_org = 'pia', last_seen = NOW() WHERE handle = 'gh-octo'",),
        fair=(Verdict.LOOK,),
    ),
    Cells(
        name="a-registration-by-an-old-tool",
        rows=("INSERT INTO rigs (handle, dolthub_org, trust_level) VALUES ('lamp', 'pia', 0)",),
    ),
)


@pytest.mark.parametrize("cells", CELLS, ids=lambda cells: cells.name)
def test_odd_cells_are_judged_for_what_they_are(odd_world: World, cells: Cells) -> None:
    world = odd_world
    branch = cells.branch or (f"by-hand/{cells.name}" if cells.rows else f"wl/{cells.rig}/{cells.item}")
    shown = cells.evidence.format(evidence=world.evidence)
    rows = tuple(row.format(item=cells.item, evidence=world.evidence) for row in cells.rows)
    world.push(
        cells.user, branch, *(rows or (*wl_sql.claim(cells.item, cells.rig), *wl_sql.done(cells.item, cells.rig, shown)))
    )
    verdict, faults = verdict_of(world, world.open_pull(cells.user, branch, cells.name), world.deps)
    assert verdict in cells.fair
    assert faults == set(cells.faults)


# --- shapes ---------------------------------------------------------------------------------------------------------


def test_of_a_fork_left_behind_only_its_own_rows_are_reported(world: World) -> None:
    world.fork_of(USER)
    for n in range(25):
        world.db.push(
            "main",
            f"UPDATE wanted SET description = 'v{n}', updated_at = NOW() WHERE id = 'w-com-00{2 + n % 2}'",
            f"UPDATE rigs SET display_name = 'Otter {n}', last_seen = NOW() WHERE handle = 'brass-otter'",
        )
    world.db.push(
        "main",
        "DELETE FROM rigs WHERE handle = 'slick-fox'",
        "INSERT INTO wanted (id, title, status) VALUES ('w-new', 'Younger than the fork', 'open')",
        "INSERT INTO stamps (id, author, subject, valence) VALUES ('s-9', 'bo-hollow', 'polecat-7', '{\"quality\": 4}')",
    )
    pull = world.hand_in(USER, RIG, ITEM)
    snapshot = world.observe(pull)
    assert [(c.table, c.key) for c in snapshot.changes.rows] == [("wanted", ITEM), ("completions", DONE)]
    assert (snapshot.changes.schema, snapshot.record.stamps) == ((), 1)
    assert verdict_of(world, pull, world.deps) == (Verdict.READY, set())


def joined_claimed_and_done(world: World) -> PullNo:
    world.sandbox.add_user("nia")
    join = wl_sql.register(handle="lamp", display_name="Lamp", dolthub_org="nia", owner_email="nia@example.org")
    world.push("nia", "main", *join, *wl_sql.claim(ITEM, "lamp"), *wl_sql.done(ITEM, "lamp", world.evidence + "/ok"))
    return world.open_pull("nia", "main", "All at once")


def there_and_back(world: World) -> PullNo:
    rows = (f"UPDATE wanted SET description = {to} WHERE id = '{ITEM}'" for to in ("'x'", "NULL"))
    for row in rows:
        world.push(USER, "wl/polecat-7/w-com-001", row)
    return world.open_pull(USER, "wl/polecat-7/w-com-001", "There and back")


def at_main(world: World) -> PullNo:
    world.sandbox.admin("POST", "/branches", {"database": world.fork_of(USER), "branch": "wl/polecat-7/idle"})
    return world.open_pull(USER, "wl/polecat-7/idle", "Nothing yet")


SHAPES: tuple[tuple[Callable[[World], PullNo], Verdict, set[str]], ...] = (
    (joined_claimed_and_done, Verdict.BLOCKED, {"pull_is_one_thing", "rig_belongs_to_its_owner"}),
    (there_and_back, Verdict.BLOCKED, {"pull_is_one_thing"}),
    (at_main, Verdict.BLOCKED, {"pull_is_one_thing"}),
)


@pytest.mark.parametrize(("shape", "verdict", "faults"), SHAPES, ids=[shape.__name__ for shape, _, _ in SHAPES])
def test_odd_shapes_are_told_and_not_merged(
    world: World, shape: Callable[[World], PullNo], verdict: Verdict, faults: set[str]
) -> None:
    pull, before = shape(world), world.db.head()
    go_on(world, pull, world.deps)
    assert verdict_of(world, pull, world.deps) == (verdict, faults)
    decide(world, pull, "/accept --quality 4", world.deps)
    sweep(world.deps.at(world.commons))
    assert headlines(world, pull)[-1] == "REFUSED"
    assert (world.state(pull), world.db.head()) == ("open", before)


def test_a_branch_of_the_commons_itself_is_a_place_to_work_at(world: World) -> None:
    branch = f"wl/bo-hollow/{ITEM}"
    work = (*wl_sql.claim(ITEM, "bo-hollow"), *wl_sql.done(ITEM, "bo-hollow", world.evidence + "/ok"))
    world.db.push(branch, *work, user="bo")
    world.db.push("main", "UPDATE wanted SET description = 'meanwhile' WHERE id = 'w-com-002'")
    pull = PullNo(world.db.open_pull("Mine", creator="bo", from_database=world.db.name, from_branch=branch))
    go_on(world, pull, world.deps)
    decide(world, pull, "/accept --quality 4", world.deps, user="bo")
    decide(world, pull, "/accept --quality 4", world.deps)
    assert headlines(world, pull) == ["READY", "REFUSED", "ACCEPTED"]
    assert_stamped(world, pull, rig="bo-hollow")


def test_a_pull_whose_fork_is_gone_is_never_called_ready_again_nor_merged(world: World) -> None:
    bot, pull = hurried(world), world.hand_in(USER, RIG, ITEM)
    go_on(world, pull, bot)
    world.sandbox.admin("DELETE", "/databases", {"database": world.fork_of(USER)})
    assert verdict_of(world, pull, bot) == (Verdict.CANNOT_TELL, set())
    decide(world, pull, "/accept --quality 4", bot)
    sweep(bot.at(world.commons))
    assert (headlines(world, pull), world.state(pull), world.count("completions")) == (
        ["READY", "REFUSED", "CANNOT TELL"],
        "open",
        0,
    )
    decide(world, pull, "/close The fork is gone.", bot)
    assert (headlines(world, pull)[-1], world.state(pull)) == ("PULL CLOSED, NO ROW TOUCHED", "closed")
