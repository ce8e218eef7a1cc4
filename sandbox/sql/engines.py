"""The engines that the databases of the sandbox can lie on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.sql.dolt_store import DoltStore
from sandbox.sql.store import Store

AnyStore = Store | DoltStore


@dataclass(frozen=True, slots=True)
class Engine:
    """The embedded doltlite, or the program of a real Dolt."""

    dolt: str | None = None


DOLTLITE = Engine()


def open_store(root: Path, engine: Engine) -> AnyStore:
    """The databases below a folder. Raises DoltliteMissing, DoltMissing."""
    return Store(root) if engine.dolt is None else DoltStore(root, engine.dolt)
