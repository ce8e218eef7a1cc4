"""The graph of commits as Dolt reads it: the height of a commit, and which common ancestor a merge compares with.

doltlite takes the base of greatest height too. Of several equally high ones it takes the smallest hash, and Dolt the greatest
(dolt, store/datas/commit.go).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping


class Ancestry:
    """Commits by their hashes (the engine's, or any other names that sort alike), each with its parents."""

    def __init__(self, parents: Mapping[str, tuple[str, ...]]) -> None:
        self._parents = parents
        self._heights: dict[str, int] = {}

    @property
    def commits(self) -> tuple[str, ...]:
        """All of them, in no order."""
        return tuple(self._parents)

    @classmethod
    def read(cls, connection: sqlite3.Connection, commits: Iterable[str]) -> Ancestry:
        """What the histories of these commits hold."""
        parents: dict[str, tuple[str, ...]] = {}
        for commit in dict.fromkeys(commits):
            if commit in parents:
                continue
            rows = connection.execute(
                "SELECT l.commit_hash, a.parent_hash FROM dolt_log(?) AS l"
                " LEFT JOIN dolt_commit_ancestors AS a ON a.commit_hash = l.commit_hash ORDER BY l.commit_hash, a.parent_index",
                (commit,),
            )
            found: dict[str, list[str]] = {}
            for each, parent in rows:
                found.setdefault(each, []).extend([parent] if parent else [])
            parents |= {each: tuple(above) for each, above in found.items()}
        return cls(parents)

    def height(self, commit: str) -> int:
        """The longest way from a root, which is 1 (`commit_order` of `dolt_log`)."""
        waiting = [commit]
        while waiting:
            here = waiting[-1]
            above = self._parents.get(here, ())
            unknown = [parent for parent in above if parent not in self._heights]
            if unknown:
                waiting += unknown
                continue
            self._heights[here] = 1 + max((self._heights[parent] for parent in above), default=0)
            waiting.pop()
        return self._heights[commit]

    def bases(self, left: str, right: str) -> tuple[str, ...]:
        """The best common ancestors, the one that Dolt takes first; none without a common history."""
        common = self._held(left) & self._held(right)
        best: list[str] = []
        held: set[str] = set()
        # A commit is higher than all that it holds.
        for commit in sorted(common, key=lambda each: (self.height(each), each), reverse=True):
            if commit not in held:
                best.append(commit)
                held |= self._held(commit)
        return tuple(best)

    def unshown(self, head: str) -> tuple[tuple[str, str], ...]:
        """Steps from a parent to its child that Dolt's `dolt_diff_<table>` leaves out, seen from `head`.

        Dolt walks from `head` depth first, last parent first, and pairs each commit with one child only: the one that it met
        last (dolt, sqle/dtables/diff_table.go; compared with Dolt 2.3.1 on random histories).
        """
        child: dict[str, str] = {}
        shown: set[tuple[str, str]] = set()
        every: list[tuple[str, str]] = []
        waiting, met = [head], {head}
        while waiting:
            here = waiting.pop()
            if here in child:
                shown.add((here, child[here]))
            for parent in self._parents.get(here, ()):
                child[parent] = here
                every.append((parent, here))
                if parent not in met:
                    met.add(parent)
                    waiting.append(parent)
        return tuple(step for step in every if step not in shown)

    def _held(self, commit: str) -> set[str]:
        held: set[str] = set()
        waiting = [commit]
        while waiting:
            here = waiting.pop()
            if here not in held:
                held.add(here)
                waiting += self._parents.get(here, ())
        return held


def height_of(connection: sqlite3.Connection, commit: str) -> int:
    """The height of a commit (engine hash) that the connection's file holds. It never changes, so it is kept."""
    if commit not in _KNOWN_HEIGHTS:
        ancestry = Ancestry.read(connection, (commit,))
        if len(_KNOWN_HEIGHTS) >= KNOWN_MAX:
            _KNOWN_HEIGHTS.clear()
        _KNOWN_HEIGHTS.update({each: ancestry.height(each) for each in ancestry.commits})
    return _KNOWN_HEIGHTS[commit]


def bases_of(connection: sqlite3.Connection, left: str, right: str) -> tuple[str, ...]:
    """The best common ancestors of two commits (engine hashes), the one that Dolt takes first."""
    return Ancestry.read(connection, (left, right)).bases(left, right)


_KNOWN_HEIGHTS: dict[str, int] = {}
KNOWN_MAX = 100_000
