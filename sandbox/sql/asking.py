"""Translations made before, each with what it asked about its surroundings: while the answers stay, so does the translation."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from sandbox.sql.catalog import Catalog, Table
from sandbox.sql.tables import Surroundings

_Answer = TypeVar("_Answer")
_Translation = TypeVar("_Translation")

KNOWN_MAX = 4096
KEPT_CHARACTERS = 10_000


class Asking:
    """Surroundings that write down what they are asked, and whether the same could be asked again without a trace."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.asked: list[tuple[str, tuple[str, ...], object]] = []
        self.is_repeatable = True

    @property
    def catalog(self) -> Catalog:
        """The tables where it stands; they belong to the key."""
        return self._around.catalog

    def branch_names(self) -> tuple[str, ...]:
        """All branches of the database."""
        return self._noted(self._around.branch_names)

    def resolve(self, ref: str) -> str:
        """A user's ref as an engine hash."""
        return self._noted(self._around.resolve, ref)

    def merge_base(self, left: str, right: str) -> str:
        """The merge base of two engine hashes."""
        return self._noted(self._around.merge_base, left, right)

    def unshown_steps(self) -> tuple[tuple[str, str], ...]:
        """The steps that `dolt_diff_<table>` leaves out."""
        return self._noted(self._around.unshown_steps)

    def table_at(self, commit: str, name: str) -> Table | None:
        """The table as it is at an engine hash."""
        return self._noted(self._around.table_at, commit, name)

    def attach(self, commit: str) -> str:
        """A schema name for the tables of an engine hash: of this connection, so of this translation alone."""
        self.is_repeatable = False
        return self._around.attach(commit)

    def columns_of(self, virtual_table: str) -> tuple[str, ...]:
        """The columns of one of the engine's own tables."""
        return self._noted(self._around.columns_of, virtual_table)

    def _noted(self, ask: Callable[..., _Answer], *about: str) -> _Answer:
        answer = ask(*about)
        self.asked.append((ask.__name__, about, answer))
        return answer


class Known(Generic[_Translation]):
    """Translations by statement and tables. Safe to use from any thread: at worst something is translated twice."""

    def __init__(self, translate: Callable[[str, Surroundings], _Translation]) -> None:
        self._translate = translate
        self._kept: dict[Hashable, tuple[list[tuple[str, tuple[str, ...], object]], _Translation]] = {}

    def translation(self, sql: str, around: Surroundings) -> _Translation:
        """The statement's translation here. Raises what `translate` raises."""
        if len(sql) > KEPT_CHARACTERS:
            return self._translate(sql, around)
        key = (sql, _told_name(sql, around.catalog), around.catalog.schema)
        asked, known = self._kept.get(key, (None, None))
        if asked is not None and known is not None and _same_answers(asked, around):
            return known
        asking = Asking(around)
        made = self._translate(sql, asking)
        if asking.is_repeatable:
            if len(self._kept) >= KNOWN_MAX:
                self._kept.clear()
            self._kept[key] = (asking.asked, made)
        return made


def _told_name(sql: str, catalog: Catalog) -> str:
    """The database's name where the statement can mean it."""
    lower = sql.lower()
    return catalog.database if catalog.database.lower() in lower or "schema" in lower or "show" in lower else ""


def _same_answers(asked: list[tuple[str, tuple[str, ...], object]], around: Surroundings) -> bool:
    return all(getattr(around, question)(*about) == answer for question, about, answer in asked)
