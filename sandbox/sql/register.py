"""Which databases there are and what was forked from what, kept in a file beside them."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from sandbox.sql.database import Database
from sandbox.sql.readers import ReaderPool
from sandbox.values.records import DatabaseName, NameTaken, NoSuchDatabase

_FILE = "databases.json"


class Register:
    """Thread-safe; every change is on disk when the method returns."""

    def __init__(self, root: Path, pool: ReaderPool) -> None:
        """Reads the file of an earlier run, if there is one."""
        self._root = root
        self._lock = threading.Lock()
        self._databases: dict[DatabaseName, Database] = {}
        self._parents: dict[DatabaseName, DatabaseName] = {}
        file = root / _FILE
        for entry in json.loads(file.read_text(encoding="utf-8")) if file.exists() else ():
            db = DatabaseName(entry["owner"], entry["name"])
            self._databases[db] = Database(db, root / entry["file"], pool)
            if entry["parent"] is not None:
                self._parents[db] = DatabaseName(*entry["parent"])

    def names(self) -> tuple[DatabaseName, ...]:
        """All of them, sorted."""
        with self._lock:
            return tuple(sorted(self._databases))

    def has(self, db: DatabaseName) -> bool:
        """Whether it is there now."""
        with self._lock:
            return db in self._databases

    def get(self, db: DatabaseName) -> Database:
        """Raises NoSuchDatabase."""
        with self._lock:
            found = self._databases.get(db)
        if found is None:
            raise NoSuchDatabase(f"no such repository: {db}")
        return found

    def parent(self, db: DatabaseName) -> DatabaseName | None:
        """What it was forked from, if that still exists."""
        with self._lock:
            found = self._parents.get(db)
            return found if found in self._databases else None

    def forks(self, db: DatabaseName) -> tuple[DatabaseName, ...]:
        """The direct forks, sorted."""
        with self._lock:
            return tuple(sorted(fork for fork, parent in self._parents.items() if parent == db))

    def add(self, database: Database, parent: DatabaseName | None) -> None:
        """Raises NameTaken."""
        with self._lock:
            if database.name in self._databases:
                raise NameTaken(f"repository already exists: {database.name}")
            self._databases[database.name] = database
            if parent is not None:
                self._parents[database.name] = parent
            self._save()

    def remove(self, db: DatabaseName) -> None:
        """Its forks lose their parent. Raises NoSuchDatabase."""
        with self._lock:
            if self._databases.pop(db, None) is None:
                raise NoSuchDatabase(f"no such repository: {db}")
            self._parents = {fork: parent for fork, parent in self._parents.items() if db not in (fork, parent)}
            self._save()

    def _save(self) -> None:
        entries = []
        for db, database in sorted(self._databases.items()):
            parent = self._parents.get(db)
            entries.append(
                {
                    "owner": db.owner,
                    "name": db.name,
                    "file": str(database.path.relative_to(self._root)),
                    "parent": None if parent is None else [parent.owner, parent.name],
                }
            )
        written = self._root / f"{_FILE}.new"
        written.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        written.replace(self._root / _FILE)
