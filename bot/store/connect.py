"""Connections to Redis: an impatient one for the web, a patient one for workers."""

from __future__ import annotations

from typing import Final

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S: Final = 0.5
ANSWER_TIMEOUT_S: Final = 1.0
PATIENT_CONNECT_TIMEOUT_S: Final = 3.0
PATIENT_ANSWER_TIMEOUT_S: Final = 10.0
PATIENT_TRIES: Final = 3
HEALTH_CHECK_S: Final = 30
_UNNAMED: Final = None
"""The client sends no name of its library (`CLIENT SETINFO`). Servers before 7.2 do not know that subcommand: 7.0 refuses
access rules that name it, and 6.2 writes each refusal to its ACL log."""


def make_redis(url: str) -> redis.Redis:
    """A client that fails fast: a webhook must not wait because Redis is away.

    redis-py's own defaults retry, and hold a web request for seconds. Opens no socket before the first command.
    Raises ValueError for a URL that is not redis://, rediss:// or unix://.
    """
    return redis.Redis.from_url(
        url, retry=None, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=ANSWER_TIMEOUT_S, driver_info=_UNNAMED
    )


def make_patient_redis(url: str) -> redis.Redis:
    """A client for workers: a Redis that restarts costs seconds, not the process. RQ lengthens the answer time-out itself."""
    return redis.Redis.from_url(
        url,
        retry=Retry(ExponentialBackoff(cap=2.0, base=0.1), PATIENT_TRIES),
        socket_connect_timeout=PATIENT_CONNECT_TIMEOUT_S,
        socket_timeout=PATIENT_ANSWER_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_S,
        driver_info=_UNNAMED,
    )
