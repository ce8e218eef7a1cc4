"""What the prober's Redis user may do: its own queue, the probe results, the state of hosts, and enqueueing of a pull."""

from __future__ import annotations

from typing import Final

from bot.store.keys import PROBE, REVIEW, Keys

# The keys RQ 2.12 uses for a worker on one queue, and for handing a job to another queue.
_RQ_OWN: Final = (
    *(f"rq:{what}:{PROBE}" for what in ("queue", "wip", "finished", "failed", "deferred", "scheduled", "canceled", "stopped")),
    f"rq:queue:{PROBE}:intermediate",
    f"rq:clean_registries:{PROBE}",
    f"rq:workers:{PROBE}",
    *(f"rq:{what}:{PROBE}-*" for what in ("job", "job:", "results", "executions", "execution")),
)
_RQ_SHARED: Final = (
    "rq:queues",
    "rq:groups",
    "rq:workers",
    "rq:worker:*",
    "rq:suspended",
    f"rq:queue:{REVIEW}",
    f"rq:job:{REVIEW}-*",
    f"rq:job::{REVIEW}-*",
)


def prober_acl(password: str, *, user: str = "prober", prefix: str = "stampbot:") -> tuple[str, ...]:
    """The words of `ACL SETUSER` for the prober (Redis 6.2 or later, Valkey). Raises ValueError for a short password.

    A server refuses the whole line for one subcommand that it does not know, so the line names only what Redis 6.2 knows.

    It may wake a review, so it could also lose one or begin one needlessly; the sweep repairs the first, and the worker's
    allow-list of functions bounds the second. It cannot touch leases, notes, glances, the board or what
    forges said.
    """
    if len(password) < 16 or any(c.isspace() for c in password):
        raise ValueError("the prober's password needs at least 16 characters and no spaces")
    keys = Keys(prefix)
    own_keys = (
        f"{prefix}sheet:*",
        # Pacing of hosts, and the state of its own network.
        *(f"{prefix}{what}:*" for what in ("looking", "turn", "trouble", "resting", "sibling")),
        keys.network_health(),
        keys.control(),
        keys.dedup(PROBE, "*"),
        keys.dedup(REVIEW, "*"),
    )
    patterns = tuple(f"~{name}" for name in (*own_keys, *_RQ_OWN, *_RQ_SHARED))
    commands = ("-@all", "+@connection", "+@transaction", "+@read", "+@write", "+@pubsub", "-@dangerous", "-scan", "-randomkey")
    # What RQ reports of itself and asks of the server; refused, they would cost a worker its name, not its work.
    about_itself = ("+info", "+client|setname", "+client|list")
    return (user, "reset", "on", f">{password}", *patterns, "resetchannels", "&rq:pubsub:*", *commands, *about_itself)
