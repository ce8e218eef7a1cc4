"""Fixtures for every test: the look-alike, Redis, and worlds built on both."""

from __future__ import annotations

import gc
import os

from hypothesis import HealthCheck, settings

from tests.world import either_world, world, world_redis, world_sandbox

__all__ = ["either_world", "world", "world_redis", "world_sandbox"]

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
os.environ.setdefault("NO_COLOR", "1")


def pytest_collection_finish() -> None:
    """Thousands of collected tests live as long as the run: the collector of garbage need not look at them again and again."""
    gc.collect()
    gc.freeze()
