"""Whether rules are pure: each is run under a guard that stops whatever reaches out of the snapshot, and watched for changes.

`python -m tests.house.purity MODULE …` runs the rules of these modules (none: all of the catalogue) and prints, for each, what
it did that it must not, and a digest of all it said. A process of its own, for an audit hook cannot be taken away again; and
two of them with different PYTHONHASHSEED, for what depends on the order of a set.
"""

from __future__ import annotations

import ast
import builtins
import copy
import datetime
import hashlib
import importlib
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from bot.rulebook import Rule, Snapshot

HARMLESS = frozenset({"object.__getattr__", "object.__setattr__", "object.__delattr__", "sys._getframe", "builtins.id"})
"""Audit events that stay inside the interpreter (Python documentation, audit events table). Every other one is stopped."""
IMPURE_MODULES = frozenset(
    {
        "asyncio", "atexit", "builtins", "concurrent", "contextvars", "ctypes", "fileinput", "ftplib", "getpass", "glob",
        "http", "importlib", "io", "locale", "logging", "mmap", "multiprocessing", "os", "pathlib", "pickle", "platform",
        "random", "requests", "sched", "secrets", "select", "shelve", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl",
        "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "urllib.error", "urllib3", "uuid", "weakref",
        "zoneinfo",
    }
)  # fmt: skip
IMPURE_NAMES = frozenset(
    {"open", "print", "input", "eval", "exec", "compile", "__import__", "globals", "setattr", "delattr", "id"}
)
CLOCKS = frozenset({"now", "utcnow", "today", "fromtimestamp", "astimezone"})
"""Of `datetime`; `astimezone` and `fromtimestamp` only without a time zone, for then they ask the machine where it stands."""
_CLOCKS_OF_TIME = (
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "gmtime",
    "localtime",
)
_HOSTILE = ("`/a`\x00\u202e\U000e0041", None)


class Impure(BaseException):
    """What a rule did. No Exception, so that a rule cannot swallow it and the bulkhead around rules does not."""


# --- read in the source ---------------------------------------------------------------------------------------------


def blemishes(source: str) -> tuple[str, ...]:
    """What a rule file must not hold, by line: imports and names that reach out, clocks, and statements that keep state."""
    return tuple(f"line {line}: {what}" for line, what in sorted(_blemishes(ast.parse(source))))


def _blemishes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    # What a private module of the rules does when it is imported (reading schemas) is not done by a rule.
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if _reaches_out(alias.name):
                        yield node.lineno, f"imports {alias.name}"
            case ast.ImportFrom(module=str(module), names=names):
                if _reaches_out(module) or any(_reaches_out(f"{module}.{alias.name}") for alias in names):
                    yield node.lineno, f"imports {module}"
            case ast.Global() | ast.Nonlocal():
                yield node.lineno, f"keeps state in {', '.join(node.names)}"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_NAMES:
                yield node.lineno, f"calls {name}"
            case ast.Call(func=ast.Attribute(attr=name), args=[], keywords=[]) if name in CLOCKS:
                yield node.lineno, f"asks the machine for the time or its zone, with {name}"
            case ast.Call(func=ast.Attribute(attr=("now" | "utcnow" | "today") as name)):
                yield node.lineno, f"asks the machine for the time or its zone, with {name}"


def _reaches_out(module: str) -> bool:
    return any(module == each or module.startswith(each + ".") for each in IMPURE_MODULES)


# --- seen while it runs ---------------------------------------------------------------------------------------------


class Guard:
    """Armed, it stops every audit event that is not harmless, every clock, chance and the environment."""

    def __init__(self) -> None:
        self.armed = False
        sys.addaudithook(self._audit)
        for name in _CLOCKS_OF_TIME:
            setattr(time, name, self._stopped(f"reads the clock, time.{name}", getattr(time, name)))
        for name in ("random", "randint", "choice", "shuffle", "sample", "getrandbits"):
            setattr(random, name, self._stopped(f"throws dice, random.{name}", getattr(random, name)))
        os.environ = _watched(self, os.environ)  # noqa: B003
        builtins.print = self._stopped("prints", builtins.print)
        datetime.datetime = _clockless(self)  # type: ignore[misc]

    def stop(self, what: str) -> NoReturn:
        """End the rule."""
        self.armed = False
        raise Impure(what)

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.armed and event not in HARMLESS:
            self.stop(f"reaches out: {event}")

    def _stopped(self, what: str, real: Any) -> Any:
        def call(*positional: Any, **named: Any) -> Any:
            if self.armed:
                self.stop(what)
            return real(*positional, **named)

        return call


def _watched(guard: Guard, real: Any) -> Any:
    class Environment(type(real)):  # type: ignore[misc]
        def __getitem__(self, name: str) -> str:
            if guard.armed:
                guard.stop("reads the environment")
            return str(real[name])

    watched = Environment.__new__(Environment)
    watched.__dict__.update(real.__dict__)
    return watched


def _clockless(guard: Guard) -> type[datetime.datetime]:
    """`datetime` that cannot be asked for the time while the guard is armed."""
    real = datetime.datetime

    class Same(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

    class Clockless(datetime.datetime, metaclass=Same):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            if guard.armed:
                guard.stop("reads the clock, datetime.now")
            return real.now(tz)

        @classmethod
        def utcnow(cls) -> Any:
            if guard.armed:
                guard.stop("reads the clock, datetime.utcnow")
            return real.now(datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            if guard.armed:
                guard.stop("reads the clock, datetime.today")
            return real.today()

    Clockless.__name__ = Clockless.__qualname__ = "datetime"
    return Clockless


@dataclass(frozen=True, slots=True)
class Watched:
    """What a rule did that it must not, the first of each sort; a digest over all it said, in its order; how often it ran."""

    complaints: tuple[str, ...]
    digest: str
    runs: int


def watch(rules: Iterable[Rule], snapshots: Sequence[Snapshot], guard: Guard) -> Mapping[str, Watched]:
    """Every rule over every pull of its kinds, twice."""
    rules, pristine = tuple(rules), copy.deepcopy(tuple(snapshots))
    kept = _texts(snapshots)
    found = {rule.name: _watch(rule, snapshots, guard) for rule in rules}
    if _texts(snapshots) == kept:
        return found
    for rule in rules:  # Who was it? Each over pulls of its own.
        fresh = copy.deepcopy(pristine)
        _watch(rule, fresh, guard)
        if _texts(fresh) != kept:
            told = found[rule.name]
            found[rule.name] = replace(told, complaints=(*told.complaints, "changes the snapshot"))
    return found


def _watch(rule: Rule, snapshots: Sequence[Snapshot], guard: Guard) -> Watched:
    complaints: dict[str, None] = {}
    said, state, runs = hashlib.sha256(), _state(rule), 0
    for snapshot in snapshots:
        if snapshot.kind not in rule.kinds:
            continue
        runs += 1
        try:
            once, twice = _said(rule, snapshot, guard), _said(rule, snapshot, guard)
        except Impure as stopped:
            complaints[str(stopped)] = None
            continue
        if once != twice:
            complaints["says something else the second time"] = None
        said.update(repr(once).encode("utf-8", "surrogatepass"))
    if _state(rule) != state:
        complaints["keeps state in its module"] = None
    return Watched(tuple(complaints), said.hexdigest()[:16], runs)


def _texts(snapshots: Sequence[Snapshot]) -> list[str]:
    return [repr(snapshot) for snapshot in snapshots]


def _said(rule: Rule, snapshot: Snapshot, guard: Guard) -> list[Any]:
    guard.armed = True
    try:
        return list(rule.check(snapshot))
    finally:
        guard.armed = False


def _state(rule: Rule) -> Mapping[str, str]:
    """All that the rule's module and its private neighbours hold at their top, as text; of functions, what can be changed."""
    package = rule.check.__module__.rpartition(".")[0]
    near = [m for name, m in sys.modules.items() if name == rule.check.__module__ or name.startswith(f"{package}._")]
    return {
        f"{module.__name__}.{name}": _text(value) for module in near for name, value in vars(module).items() if name[:2] != "__"
    }


def _text(value: object) -> str:
    if isinstance(value, FunctionType):
        return repr((value.__defaults__, value.__kwdefaults__, value.__dict__))
    return "" if isinstance(value, ModuleType) else repr(value)


def pulls(*, few: bool = False) -> tuple[Snapshot, ...]:
    """Pulls to watch rules over: sane ones and each example; unless `few`, these merged, and hostile text in each cell."""
    from bot.model.pull import PullState
    from bot.rulebook.kit.examples import EXAMPLES
    from bot.rulebook.kit.gallery import KINDS, having, sane

    plain = [*map(sane, KINDS), *(example.pull for example in EXAMPLES)]
    if few:
        return tuple(plain)
    found = [*plain, *(replace(each, pull=replace(each.pull, state=PullState.MERGED)) for each in plain)]
    for pull in map(sane, KINDS):
        for table in pull.changes.tables:
            columns = next(change.after.columns for change in pull.changes.of(table) if change.after is not None)
            found += (having(pull, table, **{column: text}) for column in columns for text in _HOSTILE)
    return tuple(found)


def main(modules: list[str]) -> None:
    """Print a JSON object: by rule, its complaints, its digest, and how often it was run."""
    guard = Guard()
    from bot.rulebook import find

    rules = [importlib.import_module(name).check for name in modules] or list(find().rules)
    found = watch(rules, pulls(few=bool(modules)), guard)
    sys.stdout.write(json.dumps({name: asdict(told) for name, told in found.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
