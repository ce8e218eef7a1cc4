"""An installation of an older version: its Redis counts as wiped, what keeps things from being doubled is read as before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import structlog

from bot.model.ids import CommentId, Database, PullNo, User
from bot.store import DECIDE, LOOKS, REVIEW, Held, make_patient_redis
from bot.sweep.sweep import sweep
from tests.journeys.test_older_host import on_the_lab
from tests.older_redis import become_older
from tests.patience import until
from tests.redis_process import private_redis
from tests.stores import a_store, jobs_of
from tests.unit.test_worker import Crew, pull_jobs
from tests.world import World

HOP = Database("hop", "wl-commons")
WRITTEN_AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_redis_of_an_older_version_counts_as_wiped_once() -> None:
    with private_redis() as server:
        client = make_patient_redis(server.url)
        become_older(client, HOP)
        first, second = (a_store(client, now=lambda: WRITTEN_AT) for _ in range(2))
        assert first.epoch.was_wiped(within_s=60)
        assert (first.epoch.is_new_wipe(), first.epoch.is_new_wipe()) == (True, False)
        assert second.epoch.was_wiped(within_s=60)
        client.delete(first.keys.blank())
        assert not first.epoch.was_wiped(within_s=60)
        assert not a_store(client, now=lambda: WRITTEN_AT).epoch.was_wiped(within_s=60)


def test_what_an_older_version_remembered_is_gone_and_what_it_was_about_to_do_is_read() -> None:
    with private_redis() as server:
        client = make_patient_redis(server.url)
        become_older(client, HOP)
        store = a_store(client, now=lambda: WRITTEN_AT)
        site = store.at(HOP)
        assert (site.pulls.records(), site.pulls.pending(), site.poll_states.all()) == ({}, (), {})
        assert (site.notes.swept(), site.outages.all(), store.probes.get("https://good.example.com/1")) == (
            ((None, frozenset()), (), None)
        )
        assert site.notes.answer_intended(PullNo(1), CommentId("c-1"))
        assert not site.notes.record_intent(PullNo(1), "answer c-1", ttl_s=60)
        assert (site.notes.merge_intended(PullNo(2)), site.notes.merge_begun(PullNo(2))) == (True, True)
        assert site.notes.is_parked(PullNo(3))
        (posted,) = site.posted.list(PullNo(1), User("bot"))
        assert (posted.body, posted.created_at) == ("<!-- stampbot:v1:review -->", WRITTEN_AT)
        with pytest.raises(Held):
            store.leases.take("x")


def test_jobs_of_an_older_version_are_dropped_without_a_word() -> None:
    looked: list[PullNo] = []
    with private_redis() as server:
        client = make_patient_redis(server.url)
        become_older(client, HOP)
        store = a_store(client, now=lambda: datetime.now(UTC))
        assert jobs_of(store).waiting()[DECIDE] == 1
        functions = pull_jobs(store, lambda _c, number, _e: looked.append(number)).functions()
        with structlog.testing.capture_logs() as logged, Crew(store, LOOKS, functions):
            jobs_of(store).enqueue(HOP, PullNo(9))
            jobs_of(store).enqueue(HOP, PullNo(9), queue=DECIDE)
            # A second job may find the lease taken, and both it and the holder see to the look: two at least, not two exactly.
            until(lambda: len(looked) >= 2)
            until(lambda: not any(jobs_of(store).waiting()[queue] for queue in (DECIDE, REVIEW)))
        assert set(looked) == {9}
        assert [line for line in logged if line["log_level"] in ("warning", "error")] == []


def test_an_update_in_the_middle_of_life_doubles_no_comment_no_merge_and_no_stamp(world: World) -> None:
    merged, open_pull = world.hand_in("pia", "polecat-7", "w-com-001"), world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    world.comment(merged, "ana", "/accept --quality 4")
    world.comment(open_pull, "ana", "/help")
    world.settle()

    def seen() -> tuple[object, ...]:
        main = world.db.sql("SELECT COUNT(*) FROM dolt_log")[0][0]
        return [world.said(pull) for pull in (merged, open_pull)], world.count("stamps"), main, world.state(merged)

    before = seen()
    assert before[1] == 1
    become_older(world.redis, world.commons, jobs=False)
    updated = world.bot()
    sweep(updated.at(world.commons))
    until(lambda: not updated.store.epoch.was_wiped(within_s=0.001))
    world.settle(updated)
    assert seen() == before
    # As if what the older process was about to do were long ago: until then the bot waits for its merge of pull 2.
    world.redis.delete(*world.redis.keys("stampbot:about-to:*"))
    world.comment(open_pull, "ana", "/accept --quality 4")
    world.settle(updated)
    assert (world.count("stamps"), world.state(open_pull)) == (2, "merged")


def test_on_a_host_that_hides_comments_the_marks_an_older_version_kept_are_known(world: World) -> None:
    bot = on_the_lab(world)
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle(bot)
    before = world.said(pull)
    assert len(before) == 1
    become_older(world.redis, world.commons, keep="stampbot:said:*", jobs=False)
    updated = on_the_lab(world)
    sweep(updated.at(world.commons))
    until(lambda: not updated.store.epoch.was_wiped(within_s=0.001))
    world.settle(updated)
    assert world.said(pull) == before
