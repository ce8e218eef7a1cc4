"""Which environment variables and how much memory the prober's process has. Callers pass the environment."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Final

MEMORY_MAX_BYTES: Final = 1024**3
_NEEDED: Final = frozenset(
    ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONUNBUFFERED"]
) | frozenset(
    ["PYTHONDONTWRITEBYTECODE", "REDIS_URL", "REDIS_URL_FILE", "STAMPBOT_COMMONS", "STAMPBOT_HUB_URL", "STAMPBOT_LOG"]
)
# By name, each of them: whatever else is called so may be a secret.
_EVIDENCE: Final = frozenset(
    f"STAMPBOT_EVIDENCE_{what}" for what in ("ALLOW", "CONTACT", "CONTROL", "DENY", "DENY_HOSTS", "PACE", "PORTS")
)
# getaddrinfo cannot be ended from outside; this makes the resolver itself give up (resolv.conf(5)).
_RESOLVER_OPTIONS: Final = "timeout:2 attempts:2"
# glibc reserves 64 MiB of address space for each arena, up to eight a processor (mallopt(3)): threads would use up the limit.
_ARENAS: Final = "2"


def needed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables a prober needs, of those given. Everything else stays behind: tokens, secrets, proxies, CA bundles."""
    kept = {name: value for name, value in environment.items() if name in _NEEDED | _EVIDENCE}
    return {"RES_OPTIONS": _RESOLVER_OPTIONS, "MALLOC_ARENA_MAX": _ARENAS, **kept}


def limit_memory(most_bytes: int = MEMORY_MAX_BYTES) -> None:
    """Cap this process' address space for good, the last limit for a response that grows. A lower cap stays."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def prober_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the prober: no token, no webhook secret, no proxy.

    Where `STAMPBOT_PROBER_REDIS_URL` (or its file) is set it takes the place of `REDIS_URL`: a Redis user of the prober's own.
    """
    changes = {name: environment[name] for name in ("NO_COLOR",) if name in environment}
    kept = {**needed_environment(environment), **changes}
    own = {f"REDIS_URL{end}": environment.get(f"STAMPBOT_PROBER_REDIS_URL{end}", "").strip() for end in ("", "_FILE")}
    if not any(own.values()):
        return kept
    general = ("REDIS_URL", "REDIS_URL_FILE")
    return {name: value for name, value in {**kept, **own}.items() if value and (name not in general or own[name])}
