"""Fixtures for every test: the look-alike, Redis, and worlds built on both."""

from __future__ import annotations

import gc
import os

from hypothesis import HealthCheck, settings

from tests.world import either_world, world, world_redis, world_sandbox

__all__ = ["either_world", "world", "world_redis", "world_sandbox"]

# The number of cases for each law stands here and nowhere else. There is no deadline: a busy machine is no counterexample.
# The cases of one law share worlds and servers on purpose.
settings.register_profile(
    "suite",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.register_profile("slow", settings.get_profile("suite"), max_examples=2_000)
# On a real Dolt, where one graph of commits takes seconds.
settings.register_profile("fidelity", settings.get_profile("suite"), max_examples=10)
settings.load_profile("suite")
os.environ.setdefault("NO_COLOR", "1")


def pytest_collection_finish() -> None:
    """Thousands of collected tests live as long as the run: the collector of garbage need not look at them again and again."""
    gc.collect()
    gc.freeze()
