"""Plays each scenario; compares what the bot writes with docs/scenarios.md, and asserts what main holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sandbox.lookalikes.forges import ForgeLookAlike
from tests.redis_process import RedisProcess
from tests.sandbox_process import ENGINE_VARIABLE, SandboxProcess
from tests.scenarios import page
from tests.scenarios.catalog import SCENARIOS, play
from tests.scenarios.plain import plain
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import forge_beside

REWRITE = "read the difference, then: make docs (or python -m tests.scenarios --write)"


@pytest.fixture(scope="session")
def forge() -> Iterator[ForgeLookAlike]:
    """One forge for all scenarios of this test process."""
    with forge_beside() as server:
        yield server


def _cases() -> Iterator[object]:
    for scenario in SCENARIOS:
        for number, part in enumerate(scenario.parts):
            named = f"{scenario.slug}-{number + 1}" if len(scenario.parts) > 1 else scenario.slug
            xfail = [pytest.mark.xfail(strict=True, raises=AssertionError, reason=part.trouble)] if part.trouble else []
            yield pytest.param(scenario, number, id=named, marks=xfail)


@pytest.mark.parametrize(("scenario", "number"), list(_cases()))
def test_a_scenario_goes_as_the_page_has_it(
    scenario: Scenario, number: int, world_sandbox: SandboxProcess, world_redis: RedisProcess, forge: ForgeLookAlike
) -> None:
    found = play(scenario.parts[number], world_sandbox, world_redis, forge)
    kept = page.kept().get(page.name_of(scenario, number + 1))
    if os.environ.get(ENGINE_VARIABLE):
        # Dolt shows JSON cells without blanks, the embedded engine as they were written.
        found, kept = (text.replace('": ', '":').replace('", "', '","') for text in (found, kept or ""))
    assert found == kept, REWRITE


def test_the_page_holds_these_scenarios_and_nothing_else() -> None:
    assert [scenario.number for scenario in SCENARIOS] == list(range(1, len(SCENARIOS) + 1))
    assert all(scenario.parts for scenario in SCENARIOS)
    assert page.PAGE.read_text("utf-8") == page.page(SCENARIOS, page.kept()), REWRITE


HASH = "0123456789abcdefghijklmnopqrstuv"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"head `{HASH[:7]}`, then `{HASH}`", "head `commit-1`, then `commit-1`"),
        ("head `abcdefg`", "head `abcdefg`"),
        ("done at 2026-06-14 13:40 UTC and 13:41 UTC", "done at TODAY HH:MM UTC and HH:MM UTC"),
        ("posted 2026-01-02 00:00 UTC", "posted 2026-01-02 00:00 UTC"),
        ("`NULL` to `2026-06-14 13:40:05`", "`NULL` to `NOW`"),
        ("hop/wl-commons-17 and http://127.0.0.1:4711/ok", "hop/wl-commons and http://pages.example/ok"),
        (
            f"> `stampbot/1 answer accept:1c8f3b1e-0000-4000-8000-000000000007 done {HASH} 0a1b2c3d4e5f 2`",
            "> `stampbot/1 answer accept:comment-1 done commit-1 digest 2`",
        ),
        (
            f"> `stampbot/1 review {HASH}~0a1b2c3d4e5f6071~0a1b2c3d4e5f6071.0a1b2c3d4e5f6072~- LOOK {HASH} 0a1b2c3d4e5f 2`",
            "> `stampbot/1 review commit-1~shown LOOK commit-1 digest 2`",
        ),
        ("stamp `s-0a1b2c3d4e5f6071`, not `s-1`", "stamp `stamp-1`, not `s-1`"),
        ("> 31 more checks passed.", "> n more checks passed."),
        ("> Accepting works. All 33 checks pass.", "> Accepting works. n checks pass."),
        ("> 32 of 33 checks pass.", "> n checks pass."),
        ("> 33 checks passed.", "> n checks passed."),
        ("- 2 checks passed: `rows_are_whole`, `times_are_sane`.", "- n checks passed: …."),
        ("12 files, quality 4, 404", "12 files, quality 4, 404"),
    ],
)
def test_only_what_is_of_one_run_is_replaced(text: str, expected: str) -> None:
    names = {"http://127.0.0.1:4711": "http://pages.example"}
    assert plain(text, hashes=[HASH], names=names, now=datetime(2026, 6, 14, 14, 2, tzinfo=UTC)) == expected
