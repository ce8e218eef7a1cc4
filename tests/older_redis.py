"""A Redis as a bot of the version before one record a pull left it: each kind of key it wrote, taken from a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import redis

from bot.model.ids import Commons

_KEYS = Path(__file__).with_suffix(".json")
_TTL_S = 300


def become_older(client: redis.Redis, commons: Commons, *, keep: str = "", jobs: bool = True) -> None:
    """Put the keys of the older version in place of all that is there; `keep`: a pattern of keys that stay."""
    kept: dict[bytes, Any] = {key: client.dump(key) for key in client.scan_iter(keep)} if keep else {}
    client.flushall()
    for name, key in json.loads(_KEYS.read_text().replace("hop/wl-commons", str(commons))).items():
        if name.startswith("rq:") and not jobs:
            continue
        _write(client, _bytes(name), key["type"], key["value"])
        if key["expires"]:
            client.expire(_bytes(name), _TTL_S)
    for key, value in kept.items():
        client.restore(key, 0, value, replace=True)


def _write(client: redis.Redis, name: bytes, kind: str, value: Any) -> None:
    match kind:
        case "string":
            client.set(name, _bytes(value))
        case "list":
            client.rpush(name, *map(_bytes, value))
        case "hash":
            client.hset(name, mapping={_bytes(field): _bytes(text) for field, text in value.items()})
        case "zset":
            client.zadd(name, {_bytes(member): score for member, score in value.items()})
        case _:
            raise ValueError(kind)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
