"""The seeded Wasteland, reviewed whole: each pull ends with the kind and the verdict its page promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from bot.config.policy_file import load
from bot.converge.bot import Bot
from bot.demo.processes import toml_tables
from bot.evidence.forge.look import make_forges
from bot.model.evidence import Seen
from bot.model.ids import PullNo
from bot.model.kind import Form
from bot.rulebook.judge import judge
from tests.faults.test_second_witness import QUESTIONS
from tests.journeys.test_trouble import trouble
from tests.redis_process import RedisProcess
from tests.sandbox_process import FreshDatabase, SandboxProcess
from tests.world import World


@pytest.fixture(scope="module")
def wasteland(world_redis: RedisProcess) -> Iterator[tuple[World, Bot]]:
    """The demo's commons, settled, with nobody but the bot at work on it; and that bot, who trusts the look-alikes."""
    with SandboxProcess.start("--seed", "demo", "--operation-ms", "5") as sandbox:
        client = redis.Redis.from_url(world_redis.url)
        client.flushall()
        db = FreshDatabase(sandbox, "hop/wl-commons")
        world = World(sandbox=sandbox, db=db, redis=client, evidence=str(sandbox.ready["evidence_url"]), account="stampbot")
        file, problems = load(toml_tables(sandbox.ready["trust"]), "stampbot.toml")
        assert problems == ()
        policy = file.general
        world.policy = replace(world.policy, projects=policy.projects, logins=policy.logins)
        bot = replace(world.deps, forges=make_forges(file.forges, file.registries, now=world.deps.clock))
        world.settle(bot)
        yield world, bot


def test_the_seeded_wasteland_settles_on_what_its_page_promises_and_stays_settled(wasteland: tuple[World, Bot]) -> None:
    world, bot = wasteland
    promised = {p["number"]: (p["kind"], p["verdict"]) for p in world.sandbox.ready["seed"]["pulls"]}
    found, forms = {}, set()
    for number in promised:
        snapshot = world.observe(PullNo(number), bot)
        digests = [review.mark.digest for review in snapshot.reviews]
        assert len(digests) == len(set(digests)), number
        forms.add(snapshot.form)
        found[number] = (snapshot.kind.name, snapshot.reviews[-1].mark.outcome.replace("-", " "))
    assert found == promised
    assert forms == set(Form) - NOT_SEEDED
    said = {number: world.said(PullNo(number)) for number in promised}
    world.settle(bot)
    assert {number: world.said(PullNo(number)) for number in promised} == said


def of(wasteland: tuple[World, Bot], slug: str) -> PullNo:
    """The number of a seeded pull."""
    world, _ = wasteland
    return PullNo(next(p["number"] for p in world.sandbox.ready["seed"]["pulls"] if p["slug"] == slug))


NOT_SEEDED = {Form.LANDING, Form.UNPROVEN, Form.DECISION, Form.SYSTEM}
"""What the bot writes itself, and forms of kinds that the others show."""
EVIDENCE = (
    ("happy-handshake", "github_pull", Seen.VERIFIED, "merged"),
    ("happy-ledger", "gitlab_merge_request", Seen.VERIFIED, "merged"),
    ("dead-evidence", "url", Seen.DEAD, "not_found"),
    ("self-accept-bait", "github_release", Seen.VERIFIED, "published"),
    ("race-first", "gitea_pull", Seen.VERIFIED, "merged"),
    ("stale-fork", "bitbucket_pull", Seen.VERIFIED, "merged"),
    ("from-fork-main", "github_commit", Seen.VERIFIED, "contained"),
    ("conflict", "github_run", Seen.VERIFIED, "succeeded"),
    ("slow-evidence", "url", Seen.REACHABLE, "ok"),
    ("redirected-evidence", "url", Seen.REACHABLE, "ok"),
    ("not-merged", "github_pull", Seen.SUSPICIOUS, "not_merged"),
    ("impostor-commit", "github_commit", Seen.SUSPICIOUS, "impostor_commit"),
    ("no-such-pull", "github_pull", Seen.DEAD, "no_such_pull"),
    ("private-repository", "github_pull", Seen.UNKNOWN, "not_visible"),
    ("done-before", "github_pull", Seen.VERIFIED, "merged"),
    ("reused-evidence", "github_pull", Seen.VERIFIED, "merged"),
    ("other-author", "github_pull", Seen.VERIFIED, "merged"),
    ("published-package", "npm_package", Seen.VERIFIED, "published"),
)


@pytest.mark.parametrize(("slug", "kind", "seen", "reason"), EVIDENCE, ids=[row[0] for row in EVIDENCE])
def test_the_evidence_of_a_seeded_pull_is_what_its_purpose_says(
    wasteland: tuple[World, Bot], slug: str, kind: str, seen: Seen, reason: str
) -> None:
    world, bot = wasteland
    (probe,) = world.observe(of(wasteland, slug), bot).probes
    assert (probe.kind, probe.seen, probe.reason) == (kind, seen, reason)


@pytest.mark.parametrize(
    ("slug", "rule"),
    [
        ("not-merged", "Evidence"),
        ("impostor-commit", "Evidence"),
        ("no-such-pull", "Evidence"),
        ("private-repository", "Evidence"),
        ("done-before", "Evidence match"),
        ("other-author", "Evidence match"),
        ("reused-evidence", "Evidence reuse"),
    ],
)
def test_a_pull_that_shows_one_thing_shows_nothing_else(wasteland: tuple[World, Bot], slug: str, rule: str) -> None:
    world, _ = wasteland
    review = world.said(of(wasteland, slug), "review")[-1]
    doubted = re.findall(r"^- \*\*([A-Za-z -]+)\*\* (?!failed)", review, re.MULTILINE)
    # The rig of the impostor's commit is an outsider as well.
    assert [name for name in doubted if name != "Trust" or slug != "impostor-commit"] == [rule]


def test_the_first_review_of_the_demo_says_what_the_evidence_is(wasteland: tuple[World, Bot]) -> None:
    world, _ = wasteland
    (review,) = world.said(of(wasteland, "happy-handshake"), "review")
    shown = r"GitHub pull, merged 20[0-9-]+ [0-9:]+ UTC by `bo`, 14 files, `Retry the handshake after a dropped lease`"
    assert re.search(shown, review)


@pytest.mark.slow
@pytest.mark.parametrize("what", QUESTIONS)
def test_a_host_that_does_not_know_a_function_gets_the_verdicts_that_the_page_promises(
    wasteland: tuple[World, Bot], what: str
) -> None:
    """Each pull as a process sees it that has read nothing before."""
    world, bot = wasteland
    promised = {p["number"]: p["verdict"] for p in world.sandbox.ready["seed"]["pulls"]}
    fresh = replace(world.bot(), forges=bot.forges)
    places = {str(world.commons), *(str(world.observe(PullNo(number), bot).pull.source.database) for number in promised)}
    with trouble(world, *({"quirk": "refused-question", "what": what, "match": {"database": each}} for each in sorted(places))):
        seen = {number: judge(world.observe(PullNo(number), fresh), fresh.rules).verdict for number in promised}
    assert {number: verdict.value for number, verdict in seen.items()} == promised
