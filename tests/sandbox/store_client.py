"""The pytest side of `store_driver`: a Store in another process, with the same methods."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from sandbox.values import records
from sandbox.values.records import DatabaseName, QueryResult
from tests.patience import STATE_WAIT_S

Engine = Literal["doltlite", "dolt"]
HAS_DOLT = shutil.which(os.environ.get("STAMPBOT_DOLT") or "dolt") is not None
ENGINES = (
    "doltlite",
    pytest.param("dolt", marks=pytest.mark.skipif(not HAS_DOLT, reason="no dolt on PATH and none named by STAMPBOT_DOLT")),
)
"""The engines of the sandbox as parameters of tests; the real one only where there is one."""
ROOT = Path(__file__).resolve().parents[2]


class StoreClient:
    """Calls a Store's methods by name; its refusals are raised here as what they were there."""

    def __init__(self, root: Path, engine: Engine = "doltlite") -> None:
        self.engine: Engine = engine
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.store_driver", str(root), engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )

    def call(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        """The value that the method gives back."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((method, arguments, keywords), self._process.stdin)
        self._process.stdin.flush()
        kind, *rest = pickle.load(self._process.stdout)
        if kind == "value":
            return rest[0]
        name, details = rest
        raise getattr(records, name, AssertionError)(*details)

    def read(self, db: DatabaseName, ref: str, sql: str, **keywords: Any) -> QueryResult:
        """Store.read."""
        result: QueryResult = self.call("read", db, ref, sql, **keywords)
        return result

    def rows(self, db: DatabaseName, ref: str, sql: str) -> list[tuple[str | None, ...]]:
        """The rows of a read that must succeed."""
        result = self.read(db, ref, sql)
        assert (result.status, result.message) == ("success", "")
        return list(result.rows)

    def write(self, db: DatabaseName, sql: str, *, on: str = "main", onto: str | None = None, **keywords: Any) -> str:
        """Store.write on one branch, by `alice` unless told otherwise."""
        commit: str = self.call("write", db, on, on if onto is None else onto, sql, **{"author": "alice", **keywords})
        return commit

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=STATE_WAIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
