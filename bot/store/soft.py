"""What the store does while Redis does not answer: it goes on as if Redis were empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, ParamSpec, TypeVar

import redis

P = ParamSpec("P")
R = TypeVar("R")

NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})
"""An empty mapping that cannot be changed."""


def soft(default: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The function returns `default`, which cannot be changed, where it would raise redis.RedisError."""

    def decorate(act: Callable[P, R]) -> Callable[P, R]:
        @wraps(act)
        def acts(*args: P.args, **more: P.kwargs) -> R:
            try:
                return act(*args, **more)
            except redis.RedisError:
                fallback: R = default
                return fallback

        return acts

    return decorate
