"""The seeded Wasteland, reviewed whole: each pull ends with the kind and the verdict its page promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from bot.model.ids import PullNo
from tests.redis_process import RedisProcess
from tests.sandbox_process import FreshDatabase, SandboxProcess
from tests.world import World


@pytest.fixture(scope="module")
def wasteland(world_redis: RedisProcess) -> Iterator[World]:
    """The demo's commons, with nobody but the bot at work on it."""
    with SandboxProcess.start("--seed", "demo", "--operation-ms", "5") as sandbox:
        client = redis.Redis.from_url(world_redis.url)
        client.flushall()
        db = FreshDatabase(sandbox, "hop/wl-commons")
        world = World(sandbox=sandbox, db=db, redis=client, evidence=str(sandbox.ready["evidence_url"]), account="stampbot")
        world.settle()
        yield world


def test_the_seeded_wasteland_settles_on_what_its_page_promises_and_stays_settled(wasteland: World) -> None:
    promised = {p["number"]: (p["kind"], p["verdict"]) for p in wasteland.sandbox.ready["seed"]["pulls"]}
    found = {}
    for number in promised:
        snapshot = wasteland.observe(PullNo(number))
        digests = [review.mark.digest for review in snapshot.reviews]
        assert len(digests) == len(set(digests)), number
        found[number] = (snapshot.kind.name, snapshot.reviews[-1].mark.outcome.replace("-", " "))
    assert found == promised
    said = {number: wasteland.said(PullNo(number)) for number in promised}
    wasteland.settle()
    assert {number: wasteland.said(PullNo(number)) for number in promised} == said
