"""Runs a Store in a process of its own and answers calls over pipes: doltlite must not be imported inside pytest."""

from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path
from typing import Any

from sandbox.sql.dolt_server import find_dolt
from sandbox.sql.dolt_store import DoltStore
from sandbox.sql.store import DatabaseName, MergeConflict, NothingChanged, SqlRefused, Store, StoreError


def main(root: str, engine: str) -> None:
    """Reads pickled (method, arguments, keywords) until the input ends, and writes pickled answers."""
    store = _opened(root, engine)
    while True:
        try:
            method, arguments, keywords = pickle.load(sys.stdin.buffer)
        except EOFError:
            store.close()
            return
        if method == "reopen":
            store.close()
            store = _opened(root, engine)
            answer: tuple[Any, ...] = ("value", None)
        elif method == "storm":
            answer = ("value", _storm(store, *arguments))
        else:
            answer = _answer(store, method, arguments, keywords)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _opened(root: str, engine: str) -> Store | DoltStore:
    return DoltStore(Path(root), find_dolt()) if engine == "dolt" else Store(Path(root))


def _answer(store: Store | DoltStore, method: str, arguments: Any, keywords: Any) -> tuple[Any, ...]:
    try:
        return ("value", getattr(store, method)(*arguments, **keywords))
    except SqlRefused as error:
        return ("error", "SqlRefused", (str(error), error.kind))
    except MergeConflict as error:
        return ("error", "MergeConflict", (str(error), error.tables, error.kind))
    except StoreError as error:
        return ("error", type(error).__name__, (str(error),))
    except Exception as error:
        return ("error", "AssertionError", (f"{type(error).__name__}: {error}",))


def _storm(store: Store | DoltStore, db: DatabaseName, fork: DatabaseName, rounds: int) -> list[str]:
    """Writers, readers and mergers at once; gives back what went wrong."""
    troubles: list[str] = []

    def write(number: int) -> None:
        for turn in range(rounds):
            store.write(db, "main", "main", f"UPDATE item SET note = '{number}.{turn}' WHERE id = 'i{number}'", author="w")

    def read() -> None:
        for _ in range(rounds * 3):
            for sql in ("SELECT COUNT(*) FROM item", "SELECT name, hash FROM dolt_branches", "SELECT * FROM dolt_log"):
                result = store.read(db, "main", sql)
                if result.status != "success":
                    troubles.append(f"{sql}: {result.message}")

    def merge(number: int) -> None:
        for turn in range(rounds // 3):
            sql = f"UPDATE item SET note = 'm{number}.{turn}' WHERE id = 'i{number}'"
            store.write(fork, f"b{number}", f"b{number}", sql, author="m")
            try:
                store.merge_pull(db, "main", fork, f"b{number}", author="m", message="merge")
                store.merge_pull(fork, f"b{number}", db, "main", author="m", message="sync")
            except NothingChanged as error:
                troubles.append(str(error))

    def guarded(function: Any, *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:
            troubles.append(f"{function.__name__}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=guarded, args=(write, number)) for number in (0, 1)]
    threads += [threading.Thread(target=guarded, args=(merge, number)) for number in (2, 3)]
    threads += [threading.Thread(target=guarded, args=(read,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return troubles


if __name__ == "__main__":
    main(*sys.argv[1:])
