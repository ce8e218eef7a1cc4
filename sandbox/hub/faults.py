"""The fault plan: which quirk of production is played for which calls or webhook events, and how often. One seam.

A plan is a JSON list of objects: `quirk` (a number or a name), `match` (any of operation, database, path, user, event,
branch; path is a shell pattern over the path as sent), `times` (an integer, or null for ever), `after` (matches let
through first), and the quirk's own parameters. `sandbox.quirks` has one small function per quirk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from sandbox.hub.exchange import Answer, Call
from sandbox.hub.operations import JobPlan
from sandbox.hub.state import Hub
from sandbox.values.events import Event, PullEvent, PushEvent
from sandbox.values.records import DatabaseName, MergeWays

Params = Mapping[str, object]
Reshape = Callable[[Call, Answer], Answer]
MATCH_KEYS = frozenset({"operation", "database", "path", "user", "event", "branch"})


class BadPlan(Exception):
    """A fault plan that cannot be played; the text names the reason and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What happens to one call. The empty play does nothing."""

    latency_ms: int = 0
    instead: Answer | None = None
    cut: Literal["before", "after"] | None = None
    reshape: tuple[Reshape, ...] = ()
    job: JobPlan = field(default_factory=JobPlan)
    row_limit: int | None = None
    page_size: int | None = None
    branch_lag_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPlan:
    """What happens to one webhook event. The empty plan delivers it once, now, as documented."""

    drop: bool = False
    copies: int = 1
    delay_ms: int = 0
    swap_with_next: bool = False
    path_suffix: str = ""
    reshape: tuple[Callable[[dict[str, object]], dict[str, object]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """One thing production does. `params` maps each parameter to its default, or to a tuple of words (first: default)."""

    number: int | None
    name: str
    says: str
    operations: tuple[str, ...]
    params: Mapping[str, object]
    on_call: Callable[[Params, Call, Hub], Play] | None = None
    on_event: Callable[[Params], DeliveryPlan] | None = None


@dataclass(slots=True, kw_only=True)
class _Fault:
    quirk: Quirk
    match: Mapping[str, str]
    times: int | None
    after: int
    params: Params
    source: Mapping[str, object]
    played: int = 0

    def takes(self, facts: Mapping[str, str]) -> bool:
        """True if the facts fit and the fault is to be played now; counts."""
        for key, wanted in self.match.items():
            have = facts.get(key, "")
            if not (fnmatchcase(have, wanted) if key == "path" else have == wanted):
                return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None and self.played >= self.times:
            return False
        self.played += 1
        return True


class Faults:
    """The plan of the whole process; thread-safe."""

    def __init__(self, quirks: Sequence[Quirk], always_on: Mapping[int, str]) -> None:
        self._by_name: dict[str, Quirk] = {}
        for quirk in quirks:
            self._by_name[quirk.name] = quirk
            if quirk.number is not None:
                self._by_name[str(quirk.number)] = quirk
        self._always_on = always_on
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def add(self, plan: object) -> int:
        """Add the faults of a plan (a list, or one object); how many. Raises BadPlan and adds nothing then."""
        entries = plan if isinstance(plan, list) else [plan]
        faults = [self._fault(entry) for entry in entries]
        with self._lock:
            self._faults.extend(faults)
        return len(faults)

    def clear(self, database: str | None = None) -> int:
        """Forget all faults, or those matched to one database; how many."""
        with self._lock:
            keep = [f for f in self._faults if database is not None and f.match.get("database") != database]
            gone = len(self._faults) - len(keep)
            self._faults = keep
        return gone

    def listed(self) -> list[dict[str, object]]:
        with self._lock:
            return [{**fault.source, "played": fault.played} for fault in self._faults]

    def catalogue(self) -> list[dict[str, object]]:
        """Every quirk that can be asked for, with its parameters."""
        unique = {id(quirk): quirk for quirk in self._by_name.values()}.values()
        played: list[dict[str, object]] = [
            {
                "quirk": quirk.number if quirk.number is not None else quirk.name,
                "name": quirk.name,
                "says": quirk.says,
                "operations": list(quirk.operations),
                "params": {k: list(v) if isinstance(v, tuple) else v for k, v in quirk.params.items()},
            }
            for quirk in unique
        ]
        return played + [{"quirk": number, "always_on": says} for number, says in self._always_on.items()]

    def for_call(self, call: Call, hub: Hub) -> tuple[Play, tuple[str, ...]]:
        """What to play for this call, and the names of the quirks played."""
        if not call.operation:
            return Play(), ()
        facts = {
            "operation": call.operation,
            "database": database_of(call, hub),
            "path": call.path,
            "user": call.user.username if call.user else "",
            "branch": call.parts.get("to_branch", ""),
        }
        with self._lock:
            taken = [
                fault
                for fault in self._faults
                if fault.quirk.on_call is not None and self._on(fault, call.operation) and fault.takes(facts)
            ]
        play = Play()
        for fault in taken:
            if fault.quirk.on_call is not None:
                play = _both(play, fault.quirk.on_call(fault.params, call, hub))
        return play, tuple(fault.quirk.name for fault in taken)

    def for_event(self, event: Event) -> DeliveryPlan:
        """What to do with this webhook event: the first fault that fits."""
        facts = _event_facts(event)
        with self._lock:
            for fault in self._faults:
                if fault.quirk.on_event is not None and fault.takes(facts):
                    return fault.quirk.on_event(fault.params)
        return DeliveryPlan()

    @staticmethod
    def _on(fault: _Fault, operation: str) -> bool:
        return not fault.quirk.operations or operation in fault.quirk.operations

    def _fault(self, entry: object) -> _Fault:
        if not isinstance(entry, dict):
            raise BadPlan("a fault is an object with at least a quirk; GET /_sandbox/quirks lists them")
        quirk = self._quirk(entry.get("quirk"))
        match = entry.get("match", {})
        if not isinstance(match, dict) or not all(isinstance(v, str) for v in match.values()):
            raise BadPlan("match must be an object of strings")
        if unknown := sorted(set(match) - MATCH_KEYS):
            raise BadPlan(f"unknown key in match: {unknown[0]}; known: {', '.join(sorted(MATCH_KEYS))}")
        operation = match.get("operation")
        if operation is not None and quirk.operations and operation not in quirk.operations:
            raise BadPlan(f"quirk {quirk.name} is played at {', '.join(quirk.operations)}, not at {operation}")
        times, after = entry.get("times"), entry.get("after", 0)
        if times is not None and (type(times) is not int or times < 1):
            raise BadPlan("times must be a positive integer, or null for ever")
        if type(after) is not int or after < 0:
            raise BadPlan("after must be an integer, 0 or more")
        given = {k: v for k, v in entry.items() if k not in {"quirk", "match", "times", "after"}}
        params = _params(quirk, given)
        return _Fault(quirk=quirk, match=match, times=times, after=after, params=params, source=entry)

    def _quirk(self, asked: object) -> Quirk:
        if type(asked) is int and asked in self._always_on and str(asked) not in self._by_name:
            raise BadPlan(f"quirk {asked} needs no plan, it is always played: {self._always_on[asked]}")
        found = self._by_name.get(str(asked)) if type(asked) in {int, str} else None
        if found is None:
            names = ", ".join(sorted(n for n in self._by_name if not n.isdigit()))
            raise BadPlan(f"unknown quirk {asked!r}; known: {names}, or their numbers")
        return found


def _params(quirk: Quirk, given: Mapping[str, object]) -> Params:
    if unknown := sorted(set(given) - set(quirk.params)):
        known = ", ".join(sorted(quirk.params)) or "none"
        raise BadPlan(f"quirk {quirk.name} has no parameter {unknown[0]}; it has: {known}")
    values: dict[str, object] = {}
    for name, default in quirk.params.items():
        if isinstance(default, tuple):
            value = given.get(name, default[0])
            if value not in default:
                raise BadPlan(f"{name} of quirk {quirk.name} is one of {', '.join(map(str, default))}")
        else:
            value = given.get(name, default)
            if type(value) is not type(default):
                raise BadPlan(f"{name} of quirk {quirk.name} must be of type {type(default).__name__}")
        values[name] = value
    return values


def _event_facts(event: Event) -> Mapping[str, str]:
    if isinstance(event, PullEvent):
        return {"event": "pull_request", "database": _slug(event.pull.db), "branch": event.pull.from_branch}
    name = "push" if isinstance(event, PushEvent) else "branch"
    return {"event": name, "database": _slug(event.db), "branch": event.branch}


def database_of(call: Call, hub: Hub) -> str:
    """The database a call is about, an operation's included; empty if none."""
    operation = hub.operations.get(call.parts.get("operation_id", ""))
    db = operation.db if operation is not None else call.db
    return _slug(db) if db is not None else ""


def _slug(db: DatabaseName) -> str:
    return f"{db.owner}/{db.name}"


def _both(a: Play, b: Play) -> Play:
    """Two plays at once: waits add up, the first substitute answer and the first cut win."""
    return Play(
        latency_ms=a.latency_ms + b.latency_ms,
        instead=a.instead or b.instead,
        cut=a.cut or b.cut,
        reshape=a.reshape + b.reshape,
        job=_both_jobs(a.job, b.job),
        row_limit=a.row_limit if b.row_limit is None else b.row_limit,
        page_size=a.page_size if b.page_size is None else b.page_size,
        branch_lag_ms=a.branch_lag_ms if b.branch_lag_ms is None else b.branch_lag_ms,
    )


def _both_jobs(a: JobPlan, b: JobPlan) -> JobPlan:
    return JobPlan(
        hold=a.hold or b.hold,
        delay_ms=a.delay_ms + b.delay_ms,
        fail=a.fail or b.fail,
        skip=a.skip or b.skip,
        swallow=a.swallow | b.swallow,
        before=_in_turn(a.before, b.before),
        message_prefix=a.message_prefix if b.message_prefix is None else b.message_prefix,
        ways=MergeWays(
            fast_forward=a.ways.fast_forward or b.ways.fast_forward,
            null_documents=a.ways.null_documents or b.ways.null_documents,
        ),
    )


def _in_turn(a: Callable[[], None] | None, b: Callable[[], None] | None) -> Callable[[], None] | None:
    if a is None or b is None:
        return a or b

    def both() -> None:
        a()
        b()

    return both
