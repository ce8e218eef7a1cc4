"""What a story is, and how one is played on an engine: steps in, answers out, with names in the place of hashes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import assert_never

from sandbox.sql.ancestry import Ancestry
from sandbox.values.records import (
    Commit,
    DatabaseName,
    MergeConflict,
    NothingChanged,
    SqlRefused,
    StoreError,
)
from tests.sandbox.store_client import StoreClient

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=1)
"""Between two commits, so that their order by date is the same on each engine."""
HASH_CHARS = 32
_HASH = re.compile(r"(?<![0-9a-z])[0-9a-v]{32}(?![0-9a-z])")
_ENGINE_USERS = frozenset({"doltlite", "sandbox"})
"""Who made the first, empty commit of a database: whoever runs the engine."""
_TIME = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")
Answer = dict[str, object]
"""`columns` and `rows`; or one of `error`, `refused`, `conflict`, `unchanged`, `skipped`, `done`."""


def mark(name: str) -> str:
    """What stands for the hash of the commit of this name in the SQL of a story: it looks like a hash itself."""
    if not re.fullmatch(r"[a-v][0-9a-v]{0,30}", name) or name.endswith("0"):
        raise ValueError(f"{name!r} cannot stand in a hash")
    return name.ljust(HASH_CHARS, "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A statement as one commit on a branch; `onto` becomes `on` with it where they differ."""

    sql: str
    on: str = "main"
    onto: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A new branch on the head of another."""

    new: str
    at: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A branch is merged into another of the same database. Skipped where only hashes would decide what is compared."""

    source: str
    into: str = "main"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question at a branch, or at the commit of a name. `sorted`: its answer promises no order."""

    about: str
    sql: str
    at: str = "main"
    sorted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBase:
    """Which best common ancestors two branches have, and whether the engine takes the one that Dolt's rule names."""

    left: str
    right: str


Step = Write | Branch | Merge | Ask | AskBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A database from its first commit, which is called `base`, and what happens there."""

    name: str
    creation: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Stage:
    store: StoreClient
    db: DatabaseName
    now: datetime = BEGIN
    hashes: dict[str, str] = field(default_factory=dict)
    """By name."""
    unnamed: dict[str, str] = field(default_factory=dict)
    """By hash: those of tables, and of commits without a name."""

    def tick(self) -> datetime:
        self.now += STEP
        return self.now

    def call(self, name: str, hash_: str) -> None:
        if name:
            self.hashes[name] = hash_

    def with_hashes(self, sql: str) -> str:
        for name, hash_ in self.hashes.items():
            sql = sql.replace(mark(name), hash_)
        return sql

    def with_names(self, text: str) -> str:
        if _TIME.fullmatch(text) and not text.startswith("2026-01-"):
            return "the time of playing"
        if text in _ENGINE_USERS:
            return "the engine's own user"
        names = {hash_: name for name, hash_ in self.hashes.items()}
        return _HASH.sub(lambda m: names.get(m[0]) or self.unnamed.setdefault(m[0], f"hash {len(self.unnamed) + 1}"), text)

    def ref(self, at: str) -> str:
        return self.hashes.get(at, at)


def play(store: StoreClient, story: Story, number: int) -> dict[str, Answer]:
    """Plays a story in a database of its own; the answers by what each step is about."""
    stage = _Stage(store, DatabaseName(f"story{number}", "commons"))
    base = store.call("create", stage.db, story.creation, author="hop", message="begin", at=BEGIN)
    stage.call("base", base)
    newest, *_, first = store.call("log", stage.db, "main")
    assert newest.hash == base
    stage.call("init", first.hash)
    answers: dict[str, Answer] = {}
    for at, step in enumerate(story.steps):
        answers[f"{at:02} {_about(step)}"] = _taken(stage, step)
    store.call("delete", stage.db)
    return answers


def _about(step: Step) -> str:
    match step:
        case Write():
            return f"write {step.onto or step.on}: {step.sql[:60]}"
        case Branch():
            return f"branch {step.new} at {step.at}"
        case Merge():
            return f"merge {step.source} into {step.into}"
        case Ask():
            return f"ask {step.about} at {step.at}"
        case AskBase():
            return f"base of {step.left} and {step.right}"
        case _:
            assert_never(step)


def _taken(stage: _Stage, step: Step) -> Answer:
    try:
        match step:
            case Write():
                made = stage.store.write(
                    stage.db, stage.with_hashes(step.sql), on=step.on, onto=step.onto or step.on, at=stage.tick()
                )
                stage.call(step.name, made)
                return {"done": step.name}
            case Branch():
                stage.store.call("create_branch", stage.db, step.new, branch=step.at)
                return {"done": step.new}
            case Merge():
                return _merged(stage, step)
            case Ask():
                return _asked(stage, step)
            case AskBase():
                return _base(stage, step)
            case _:
                assert_never(step)
    except NothingChanged:
        return {"unchanged": ""}
    except SqlRefused as refusal:
        return {"refused": stage.with_names(str(refusal)), "kind": refusal.kind}
    except MergeConflict as conflict:
        return {"conflict": list(conflict.tables), "kind": conflict.kind}
    except StoreError as error:
        return {"error": stage.with_names(str(error))}


def _asked(stage: _Stage, step: Ask) -> Answer:
    result = stage.store.read(stage.db, stage.ref(step.at), stage.with_hashes(step.sql), limit=5000)
    if result.status != "success":
        return {"error": stage.with_names(result.message)}
    rows = [[None if cell is None else stage.with_names(cell) for cell in row] for row in result.rows]
    if step.sorted:
        rows.sort(key=lambda row: [(cell is not None, cell or "") for cell in row])
    return {"columns": [stage.with_names(column.name) for column in result.columns], "rows": rows}


def _merged(stage: _Stage, step: Merge) -> Answer:
    moment = stage.tick()
    ancestry, left, right = _ancestry(stage, step.into, step.source)
    bases = ancestry.bases(left, right)
    if len({ancestry.height(base) for base in bases[:2]}) < len(bases[:2]):
        return {"skipped": "the best common ancestors are equally high"}
    made = stage.store.call("merge_branch", stage.db, step.source, step.into, author="ana", at=moment)
    stage.call(step.name, made)
    return {"done": step.name}


def _base(stage: _Stage, step: AskBase) -> Answer:
    ancestry, left, right = _ancestry(stage, step.left, step.right)
    bases = ancestry.bases(left, right)
    result = stage.store.read(stage.db, "main", f"SELECT DOLT_MERGE_BASE('{left}', '{right}')")
    if not bases:
        return {"error": stage.with_names(result.message)}
    return {
        "candidates": sorted(stage.with_names(base) for base in bases),
        "taken by Dolt's rule": result.rows == ((bases[0],),),
    }


def _ancestry(stage: _Stage, *branches: str) -> tuple[Ancestry, str, str]:
    logs: Iterator[Commit] = (
        commit for branch in branches for commit in stage.store.call("log", stage.db, branch, limit=10_000)
    )
    parents: Mapping[str, tuple[str, ...]] = {commit.hash: commit.parents for commit in logs}
    left, right = (stage.store.call("head", stage.db, branch) for branch in branches)
    return Ancestry(parents), left, right
