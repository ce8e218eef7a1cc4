"""An audit of a commons that the bot worked on and others wrote to, and the way back from a stamp, on the look-alike."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from bot.__main__ import main
from bot.audit.revert import Inverse, plan_back
from bot.audit.rows import NoSuchPast, audit_commons
from bot.converge.reads import main_head
from bot.model.ids import CommitHash, CompletionId, StampId, stamp_id
from tests.build import a_hash
from tests.redis_process import RedisProcess
from tests.world import World

BY_HAND = (
    "INSERT INTO completions (id, wanted_id, completed_by, evidence, validated_by, stamp_id)"
    " VALUES ('c-hand', 'w-com-002', 'brass-otter', 'somewhere', 'bo-hollow', 's-hand')",
    "INSERT INTO stamps (id, author, subject, valence, context_id, context_type)"
    " VALUES ('s-hand', 'bo-hollow', 'brass-otter', '{\"quality\": \"good\"}', 'c-hand', 'completion')",
    "INSERT INTO stamps (id, author, subject, valence, context_id, context_type)"
    " VALUES ('s-kin', 'pia-validates', 'polecat-7', '{\"quality\": 5}', 'c-gone', 'completion')",
)
"""What somebody who may write to main writes there without the bot."""


def main_of(world: World) -> CommitHash:
    return main_head(world.deps.at(world.commons))


def found(world: World, since: CommitHash | datetime | None = None) -> set[tuple[str, str, str]]:
    audited = audit_commons(world.deps.at(world.commons), since=since)
    assert audited.unread == ()
    assert audited.at == main_of(world)
    return {(f.level.value, f.check, str(f.place)) for f in audited.findings}


def accepted(world: World) -> StampId:
    """One work, submitted and accepted; the stamp's id."""
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.review(pull)
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    row = world.row("completions", wanted_id="w-com-001")
    assert row is not None
    stamp = stamp_id(world.commons, CompletionId(row["id"] or ""))
    assert row["stamp_id"] == stamp
    return stamp


def test_what_the_bot_landed_is_in_order_and_what_others_push_is_named(either_world: World) -> None:
    world = either_world
    begun = main_of(world)
    accepted(world)
    assert found(world) == set()
    assert found(world, begun) == set()
    landed = main_of(world)
    world.db.push("main", *BY_HAND)
    of_rows = {
        ("fault", "valence", "stamps.s-hand.valence"),
        ("fault", "yearbook", "stamps.s-kin.author"),
        ("fault", "orphan_stamp", "stamps.s-kin.context_id"),
    }
    of_ways = {("doubt", "not_by_the_bot", place) for place in ("stamps.s-hand", "stamps.s-kin", "completions.c-hand")}
    assert found(world) == of_rows
    assert found(world, landed) == found(world, begun) == of_rows | of_ways
    assert found(world, main_of(world)) == set()
    assert found(world, datetime.now(UTC) + timedelta(hours=1)) == set()
    with pytest.raises(NoSuchPast, match="does not hold commit"):
        found(world, a_hash("elsewhere"))


def test_the_way_back_is_told_and_leads_back(world: World) -> None:
    stamp = accepted(world)
    before = main_of(world)
    back = way_back(world, stamp)
    assert back is not None
    assert main_of(world) == before
    assert [(w.table, w.write.value, w.cells.as_dict()) for w in back.change.writes] == [
        ("stamps", "delete", {}),
        ("completions", "update", {"validated_by": None, "stamp_id": None, "validated_at": None}),
        ("wanted", "update", {"status": "in_review"}),
    ]
    assert all(statement.text.endswith(f" -- stampbot revert {stamp}") for statement in back.statements)
    for statement in back.statements:
        world.db.push("main", statement.text)
    assert world.row("stamps", id=stamp) is None
    done, item = world.row("completions", wanted_id="w-com-001"), world.row("wanted", id="w-com-001")
    assert done is not None
    assert item is not None
    assert (done["stamp_id"], done["validated_by"], done["validated_at"], item["status"]) == (None, None, None, "in_review")
    assert way_back(world, stamp) is None
    assert found(world) == set()


def way_back(world: World, stamp: StampId) -> Inverse | None:
    return plan_back(world.deps.at(world.commons), stamp, datetime.now(UTC))


# --- the command line -----------------------------------------------------------------------------------------------

Run = Callable[..., Result]


@pytest.fixture
def run(world: World, world_redis: RedisProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line of an operator of the world's commons, who has no token."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("STAMPBOT_") or n in ("REDIS_URL", "PORT", "NO_COLOR", "FORCE_COLOR")]:
        monkeypatch.delenv(name)
    (tmp_path / "stampbot.toml").write_text("requests_per_minute = 100000\n", "utf-8")
    environment = {
        "STAMPBOT_COMMONS": world.db.name,
        "STAMPBOT_HUB_URL": world.sandbox.base_url,
        "REDIS_URL": world_redis.url,
        "COLUMNS": "200",
    }
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda *arguments: CliRunner().invoke(main, arguments, env=environment)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_the_command_line_tells_findings_and_the_way_back_and_changes_nothing(world: World, run: Run) -> None:
    stamp = accepted(world)
    sound = run("audit")
    assert (sound.exit_code, sound.output) == (0, f"{world.db.name} at {main_of(world)[:8]}: nothing found\n")
    world.db.push("main", *BY_HAND)
    before = main_of(world)

    shown, listed = run("audit", world.db.name), run("audit", "--since", "2026-01-01", "--json")
    assert (shown.exit_code, listed.exit_code) == (1, 1)
    assert "quality is good and no number" in shown.output
    (told,) = json.loads(listed.output)["audits"]
    assert told["at"] == before
    assert [f["place"] for f in told["findings"] if f["check"] == "not_by_the_bot"] == [
        "completions.c-hand", "stamps.s-hand", "stamps.s-kin",
    ]  # fmt: skip
    assert (run("audit", "--since", "yesterday").exit_code, run("audit", "--since", a_hash("x")).exit_code) == (2, 2)

    asked = run("revert", stamp)
    assert asked.exit_code == 2
    assert f"Nothing is reverted by itself. To see the way back: stampbot revert {stamp} --plan" in asked.output
    unknown = run("revert", "s-unknown\x1b[2J", "--plan")
    assert unknown.exit_code == 1
    assert f"There is no stamp s-unknown [2J on main of {world.db.name}." in unknown.output
    plan, values = run("revert", stamp, "--plan"), run("revert", stamp, "--plan", "--commons", world.db.name, "--json")
    assert (plan.exit_code, values.exit_code) == (0, 0)
    statements = [line for line in plan.output.splitlines() if not line.startswith("-- ")]
    written = re.compile(r"`updated_at` = '[0-9: -]+'")
    assert [written.sub("", line.replace("; -- stampbot", " -- stampbot")) for line in statements] == [
        written.sub("", line) for line in json.loads(values.output)["statements"]
    ]
    assert [line.split()[0] for line in statements] == ["DELETE", "UPDATE", "UPDATE"]
    assert main_of(world) == before


def test_a_commons_that_cannot_be_looked_at_whole_is_3(world: World, run: Run) -> None:
    world.db.push("main", "ALTER TABLE completions DROP COLUMN stamp_id")
    told = run("audit", "--json")
    assert told.exit_code == 3
    assert json.loads(told.output)["audits"][0]["unread"] == ["completions has no column stamp_id"]
