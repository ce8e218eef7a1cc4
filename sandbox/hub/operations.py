"""Asynchronous jobs: queued, running, then succeeded or failed; in order of submission, one at a time per database."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sandbox.values.records import (
    USUAL_MERGE,
    DatabaseName,
    MergeConflict,
    MergeWays,
    NameTaken,
    NoSuchBranch,
    NoSuchCommit,
    NoSuchDatabase,
    NothingChanged,
    SqlRefused,
)
from sandbox.values.refusals import HubRefusal

log = logging.getLogger(__name__)

OperationKind = Literal["merge", "sql_write", "fork"]
OperationStatus = Literal["queued", "running", "succeeded", "failed"]

SERIALIZATION_FAILURE = (
    "Error 1213 (40001): serialization failure: this transaction conflicts with a committed transaction "
    "from another client, try restarting transaction"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an operation failed. `status` is what an HTTP answer would carry (API v2 contract, OperationError)."""

    status: int
    title: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job did. `result` is v2's; the two commits are what v1alpha1's poll shows."""

    result: Mapping[str, object]
    from_commit: str = ""
    to_commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What a fault plan does to one job. The empty plan does nothing.

    hold: it stays running for ever. delay_ms: it takes this much longer. fail: it fails instead of working.
    skip: it reports success and does nothing. swallow: refusals of these kinds report success and write nothing.
    before: runs on the job's thread just before the work, without its result being looked at.
    message_prefix: put before the SQL text in the commit message. ways: what a merge does beyond the usual.
    """

    hold: bool = False
    delay_ms: int = 0
    fail: Failure | None = None
    skip: bool = False
    swallow: frozenset[str] = frozenset()
    before: Callable[[], None] | None = None
    message_prefix: str | None = None
    ways: MergeWays = USUAL_MERGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One job. `id` is v2's name for it, `v1_name` v1alpha1's; both hold slashes."""

    id: str
    v1_name: str
    kind: OperationKind
    db: DatabaseName
    creator: str
    created_at: datetime
    status: OperationStatus = "queued"
    outcome: Outcome | None = None
    failure: Failure | None = None
    nothing_changed: bool = False
    branches: tuple[str, str] = ("", "")
    query: str = ""

    @property
    def is_done(self) -> bool:
        return self.status in {"succeeded", "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    operation: Operation
    work: Callable[[], Outcome]
    plan: JobPlan
    due: datetime


class Operations:
    """All operations of the process, and the threads that carry them out."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._all: dict[str, Operation] = {}
        self._v1: dict[str, str] = {}
        self._lines: dict[DatabaseName, deque[_Job]] = {}

    def close(self) -> None:
        self._closed.set()

    def get(self, operation_id: str) -> Operation | None:
        with self._lock:
            return self._all.get(operation_id)

    def get_v1(self, v1_name: str) -> Operation | None:
        with self._lock:
            return self._all.get(self._v1.get(v1_name, ""))

    def of(self, db: DatabaseName) -> tuple[Operation, ...]:
        """All operations of one database, newest first."""
        with self._lock:
            return tuple(op for op in reversed(self._all.values()) if op.db == db)

    def count(self) -> int:
        with self._lock:
            return len(self._all)

    def start(
        self,
        kind: OperationKind,
        db: DatabaseName,
        creator: str,
        work: Callable[[], Outcome],
        plan: JobPlan,
        duration_ms: int,
        *,
        branches: tuple[str, str] = ("", ""),
        query: str = "",
    ) -> Operation:
        """Queue a job. It begins no sooner than `duration_ms` from now, after every earlier job of its database."""
        now = self._clock()
        key = uuid.uuid4()
        operation = Operation(
            id=f"owners/{db.owner}/repos/{db.name}/jobs/{key}",
            v1_name=f"users/{creator}/userOperations/{key}",
            kind=kind,
            db=db,
            creator=creator,
            created_at=now,
            branches=branches,
            query=query,
        )
        due = now + timedelta(milliseconds=duration_ms + plan.delay_ms)
        job = _Job(operation=operation, work=work, plan=plan, due=due)
        with self._lock:
            if plan.hold:
                # Never carried out, and nothing waits behind it.
                operation = replace(operation, status="running")
            self._all[operation.id] = operation
            self._v1[operation.v1_name] = operation.id
            if plan.hold:
                return operation
            line: deque[_Job] | None = None if plan.delay_ms else self._lines.get(db)
            if line is not None:
                line.append(job)
                return operation
            line = deque([job])
            if not plan.delay_ms:
                self._lines[db] = line
        name = f"jobs of {db.owner}/{db.name}"
        threading.Thread(target=self._serve, args=(db, line), name=name, daemon=True).start()
        return operation

    def _serve(self, db: DatabaseName, line: deque[_Job]) -> None:
        """Carry out one line of jobs until it is empty; a job made slow on purpose stands in a line of its own."""
        while True:
            with self._lock:
                if not line or self._closed.is_set():
                    if self._lines.get(db) is line:
                        del self._lines[db]
                    return
                job = line.popleft()
                self._all[job.operation.id] = replace(job.operation, status="running")
            if self._closed.wait(max(0.0, (job.due - self._clock()).total_seconds())):
                return
            finished = self._run(job)
            with self._lock:
                self._all[finished.id] = finished

    def _run(self, job: _Job) -> Operation:
        running = replace(job.operation, status="running")
        plan = job.plan
        try:
            if plan.before is not None:
                plan.before()
            if plan.fail is not None:
                return replace(running, status="failed", failure=plan.fail)
            if plan.skip:
                return replace(running, status="succeeded", outcome=Outcome(result={}))
            return replace(running, status="succeeded", outcome=job.work())
        except SqlRefused as refused:
            if refused.kind in plan.swallow:
                return replace(running, status="succeeded", outcome=Outcome(result={}))
            return replace(running, status="failed", failure=Failure(status=400, title="Bad request", detail=str(refused)))
        except NothingChanged:
            if "nothing" in plan.swallow:
                return replace(running, status="succeeded", outcome=Outcome(result={}), nothing_changed=True)
            # v1alpha1's sign of a no-op is known, v2's is inferred from what its imports answer.
            detail = "the statement did not modify the database"
            failure = Failure(status=422, title="Unprocessable", detail=detail)
            return replace(running, status="failed", failure=failure, nothing_changed=True)
        except MergeConflict as conflict:
            failure = Failure(status=422, title="Unprocessable", detail=f"merge conflict: {conflict}")
            return replace(running, status="failed", failure=failure)
        except (NoSuchDatabase, NoSuchBranch, NoSuchCommit) as missing:
            return replace(running, status="failed", failure=Failure(status=404, title="Not found", detail=str(missing)))
        except NameTaken as taken:
            return replace(running, status="failed", failure=Failure(status=409, title="Conflict", detail=str(taken)))
        except HubRefusal as no:
            return replace(running, status="failed", failure=Failure(status=422, title="Unprocessable", detail=str(no)))
        except Exception as error:  # a job must end, or who polls it waits for ever
            log.exception("operation %s broke", running.id)
            failure = Failure(status=500, title="Internal server error", detail=type(error).__name__)
            return replace(running, status="failed", failure=failure)
