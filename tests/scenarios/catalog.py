"""All scenarios, in order, and how one part of one is played."""

from __future__ import annotations

from sandbox.lookalikes.forges import ForgeLookAlike
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.scenarios import s01, s06, s12, s15, s20, s25, s31
from tests.scenarios.page import section_of
from tests.scenarios.scenario import Part, Scenario
from tests.scenarios.stage import staged

SCENARIOS: tuple[Scenario, ...] = (*s01.ALL, *s06.ALL, *s12.ALL, *s15.ALL, *s20.ALL, *s25.ALL, *s31.ALL)


def play(part: Part, sandbox: SandboxProcess, server: RedisProcess, forge: ForgeLookAlike) -> str:
    """Play one part in a commons of its own; what is to be written down of it. Raises AssertionError."""
    with staged(part, sandbox, server, forge) as stage:
        part.play(stage)
        return section_of(part, stage.transcript())
