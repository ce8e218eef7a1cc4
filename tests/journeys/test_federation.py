"""One bot, several commons: each has its own account, policy, ledger and budget; what is known of a worker is told to all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import wiring
from bot.config.settings import override_name, read
from bot.converge.bot import Bot
from bot.converge.converge import look
from bot.dolthub.budget.rate_limiter import OwnBudget, RateLimiter
from bot.dolthub.client import Hub
from bot.model.finding import Verdict
from bot.model.ids import Commons, Handle, PullNo
from bot.store import Held
from bot.sweep.sweep import sweep
from bot.web.app import create_app
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.stores import jobs_of
from tests.world import World, make_world

POLICY = """
requests_per_minute = 1000

[timing]
quiet_head_s = 0
unsure_hold_s = 0
no_sheet_s = 30
about_to_s = 0.4
same_head_s = 0
look_again_s = 0.05

[commons."{second}"]
min_trust = 9
validators = ["bo"]
landing = "direct"
rating = "words"
"""
SECRETS = ("the-secret-of-the-first", "the-secret-of-the-second")


@pytest.fixture
def both(
    world_sandbox: SandboxProcess, world_redis: RedisProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[World, World]]:
    """Two commons of one look-alike and the one bot that serves them, made of real settings."""
    first, second = make_world(world_sandbox, world_redis), make_world(world_sandbox, world_redis)
    second.account = "bot-two"
    world_sandbox.add_user("bot-two")
    world_sandbox.admin("POST", "/grants", {"username": "bot-two", "database": second.db.name})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stampbot.toml").write_text(POLICY.format(second=second.db.name))
    environment = {
        "STAMPBOT_COMMONS": f"{first.db.name}, {second.db.name}",
        "STAMPBOT_HUB_URL": world_sandbox.base_url,
        "STAMPBOT_HUB_TOKEN": "token-bot",
        override_name("STAMPBOT_HUB_TOKEN", second.commons): "token-bot-two",
        override_name("STAMPBOT_WEBHOOK_SECRET", first.commons): SECRETS[0],
        override_name("STAMPBOT_WEBHOOK_SECRET", second.commons): SECRETS[1],
        "REDIS_URL": world_redis.url,
    }
    settings = read(environment, webhook_needed=True)
    deps = wiring.for_worker(settings, patient=False)
    for world in (first, second):
        world._default = deps
    yield first, second
    first.close()
    second.close()
    deps.readers.shutdown(wait=False)


def handed_in(world: World, item: str = "w-com-001") -> PullNo:
    pull = world.hand_in("pia", "polecat-7", item)
    world.review(pull)
    return pull


def stamped(world: World, item: str = "w-com-001") -> dict[str, str | None] | None:
    done = world.row("completions", wanted_id=item)
    return world.row("stamps", id=done["stamp_id"] or "") if done is not None else None


def test_each_commons_has_its_own_account_policy_and_way_of_landing(both: tuple[World, World]) -> None:
    first, second = both
    pulls = [handed_in(world) for world in both]
    for world, pull in zip(both, pulls, strict=True):
        world.comment(pull, "ana", "/accept --quality 4")
        world.settle()
    # Trust is enough on the one; on the other ana is nobody, whatever her rig's trust is.
    assert [world.state(pull) for world, pull in zip(both, pulls, strict=True)] == ["merged", "open"]
    assert "Nothing was changed." in second.said(pulls[1], "answer")[-1]
    second.comment(pulls[1], "bo", "/accept --quality good")
    second.settle()
    stamps = [stamped(world) for world in both]
    assert [stamp and (stamp["author"], stamp["valence"]) for stamp in stamps] == [
        ("ana-town", '{"quality": 4, "reliability": 4}'),
        ("bo-hollow", '{"quality": "good", "reliability": "good"}'),
    ]
    landings = [sum(str(p["title"]).startswith("stampbot:") for p in world.pulls()) for world in both]
    assert landings == [1, 0]
    # Every request that carried a token carried the one of its commons.
    sandbox = first.sandbox
    crossed = [sandbox.counts(database=first.db.name, user="bot-two"), sandbox.counts(database=second.db.name, user="bot")]
    assert crossed == [{}, {}]
    assert all(sandbox.counts(database=world.db.name, user=world.account) for world in both)


def test_a_review_tells_the_stamps_the_same_rig_has_elsewhere(both: tuple[World, World]) -> None:
    first, second = both
    pull = handed_in(first)
    first.comment(pull, "ana", "/accept --quality 4")
    first.settle()
    said = second.said(handed_in(second), "review")[-1]
    assert (
        f"**Worker** `polecat-7`: trust 1, no stamps yet; 1 stamp on `{first.db.name}`, mean 4.0"
        " (same rig name and account, so taken for the same worker)." in said.splitlines()
    )
    # Somebody else's rig of that name is somebody else.
    second.db.push("main", "UPDATE rigs SET dolthub_org = 'mallory' WHERE handle = 'polecat-7'")
    other = second.hand_in("mallory", "polecat-7", "w-com-002")
    second.review(other)
    assert "**Worker** `polecat-7`: trust 1, no stamps yet." in second.said(other, "review")[-1].splitlines()


def test_what_is_known_of_a_worker_is_asked_once_an_hour(both: tuple[World, World]) -> None:
    first, second = both
    pull = handed_in(second)
    asked = first.db.counts()
    for _ in range(3):
        second.converge(pull)
        second.observe(pull)
    assert first.db.counts() == asked
    assert asked == {"runSqlReadQueryPost": 3}  # main's head, its columns, and the record


def test_a_commons_that_does_not_answer_changes_nothing_for_the_others(both: tuple[World, World]) -> None:
    first, second = both
    first.db.play({"quirk": 5, "how": "503"})
    pull = handed_in(second)
    assert "**Worker** `polecat-7`: trust 1, no stamps yet." in second.said(pull, "review")[-1].splitlines()
    _, judgement, _ = look(pull, second.deps.at(second.commons))
    assert judgement.verdict is Verdict.READY


@pytest.mark.slow
def test_a_budget_that_is_spent_is_one_commons_own_and_is_not_asked_for_others(both: tuple[World, World]) -> None:
    first, second = both
    poor = Hub(first.sandbox.base_url, "token-bot", commons=[first.commons], limiter=RateLimiter(OwnBudget(3)))
    second._default = replace(second.deps, hubs={**second.deps.hubs, first.commons: poor})
    assert poor.has_slack
    assert poor.database(first.commons)
    assert poor.me() == "bot"
    asked = first.db.counts()
    assert (poor.has_slack, second.deps.at(second.commons).hub.has_slack) == (False, True)
    handed_in(second)
    assert first.db.counts() == asked
    assert second.deps.store.reputation.get(first.commons, Handle("polecat-7"), "pia") is None


def test_leases_and_sweeps_of_one_commons_keep_nobody_from_another(both: tuple[World, World]) -> None:
    first, second = both
    deps: Bot = first.deps
    pulls = [first.hand_in("pia", "polecat-7", "w-com-001"), second.hand_in("pia", "polecat-7", "w-com-001")]
    assert pulls[0] == pulls[1] == 1
    assert [sweep(deps.at(world.commons)) for world in both] == [1, 1]
    with deps.store.at(first.commons).at_work(pulls[0]), deps.store.at(first.commons).landing(pulls[0]):
        with deps.store.at(second.commons).at_work(pulls[1]), deps.store.at(second.commons).landing(pulls[1]):
            pass
        with pytest.raises(Held), deps.store.at(first.commons).at_work(pulls[0]):
            pass
    second.review(pulls[1])
    assert [s.pull for s in deps.store.at(second.commons).pulls.verdicts()] == [1]
    assert deps.store.at(first.commons).pulls.verdicts() == ()


def test_the_secret_of_one_commons_opens_no_door_of_another(both: tuple[World, World], world_sandbox: SandboxProcess) -> None:
    first, second = both
    settings = read(
        {
            "STAMPBOT_COMMONS": f"{first.db.name},{second.db.name}",
            override_name("STAMPBOT_WEBHOOK_SECRET", first.commons): SECRETS[0],
            override_name("STAMPBOT_WEBHOOK_SECRET", second.commons): SECRETS[1],
        },
        webhook_needed=True,
    )
    door = create_app(settings, first.deps.store).test_client()

    def ring(secret: str, commons: Commons) -> int:
        event = {
            "event_name": "pull_request",
            "repository": {"owner": commons.owner, "name": commons.name},
            "pullID": "1",
            "sender": "pia",
            "action": "Opened",
        }
        return door.post(f"/hooks/dolthub/{secret}", json=event).status_code

    own = [ring(SECRETS[0], first.commons), ring(SECRETS[1], second.commons)]
    others = [ring(SECRETS[1], first.commons), ring(SECRETS[0], second.commons)]
    assert (own, others, ring(SECRETS[0], Commons("no", "commons"))) == ([202, 202], [404, 404], 422)
    assert jobs_of(first.deps.store).waiting()["review"] == 2
