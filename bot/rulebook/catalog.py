"""Finds the rules: every file of package `rules`, then the entry points of group `stampbot.rules`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from bot.model.finding import Level
from bot.rulebook.rule import MisfitError, Rule

PACKAGE = "rules"
GROUP = "stampbot.rules"
_ERROR_CHARS_MAX = 200


class CatalogError(ValueError):
    """The rules do not fit together; the message lists every misfit."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All rules, by name."""

    rules: tuple[Rule, ...]

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Catalog:
        """Raises CatalogError if two rules have one name."""
        found = tuple(sorted(rules, key=lambda r: r.name))
        names = [r.name for r in found]
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise CatalogError("; ".join(f"{name}: two rules have this name" for name in doubles))
        return cls(found)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all rules, in order."""
        return tuple(r.name for r in self.rules)

    def get(self, name: str) -> Rule | None:
        """The rule of this name, None if there is none."""
        return next((r for r in self.rules if r.name == name), None)

    def renamed(self, name: str) -> Rule | None:
        """The rule that had this name before it was renamed, None if there is none."""
        return next((r for r in self.rules if name and r.formerly == name), None)

    def complaints(self, levels: Mapping[str, Level | None]) -> tuple[str, ...]:
        """What is wrong with a policy's `levels`: unknown rules, old names, and fixed rules. One sentence each."""
        said = []
        for name in levels:
            found = self.get(name)
            if found is None:
                renamed = self.renamed(name)
                said.append(f"there is no rule {name}" + (f"; its name is {renamed.name} now" if renamed else ""))
            elif found.fixed:
                said.append(f"{name} cannot be softened or switched off")
        return tuple(said)


@functools.cache
def find() -> Catalog:
    """The catalogue of this installation. Raises CatalogError, which lists all that is wrong at once."""
    return load(PACKAGE, entry_points(group=GROUP))


def load(package: str, points: Iterable[EntryPoint] = ()) -> Catalog:
    """All rules of a package (one per file; a leading underscore is no rule) and of entry points.

    An entry point names a rule file, `their_package.their_rule`, or its rule, `their_package.their_rule:check`.
    Raises CatalogError for files that cannot be imported or hold no rule, and for names used twice.
    """
    rules: list[Rule] = []
    problems: list[str] = []
    for name in _files(package):
        try:
            rules.append(_rule_in(importlib.import_module(f"{package}.{name}"), name))
        except Exception as error:
            problems.append(_problem(f"{package}/{name}.py", error))
    for point in points:
        try:
            loaded = point.load()
            rules.append(loaded if isinstance(loaded, Rule) else _rule_in(loaded, point.value))
        except Exception as error:
            problems.append(_problem(f"entry point {point.name} ({point.value})", error))
    try:
        catalog = Catalog.of(rules)
    except CatalogError as error:
        problems.append(str(error))
    if problems:
        raise CatalogError("; ".join(problems))
    return catalog


def _files(package: str) -> tuple[str, ...]:
    found = importlib.import_module(package)
    return tuple(sorted(m.name for m in pkgutil.iter_modules(found.__path__) if not m.name.startswith("_")))


def _rule_in(module: object, name: str) -> Rule:
    made = getattr(module, "check", None) if isinstance(module, ModuleType) else None
    if not isinstance(made, Rule):
        raise MisfitError(f"{name}: holds no rule; a rule file has one function `check` under @rule(…)")
    if isinstance(module, ModuleType) and made.name != module.__name__.rpartition(".")[2]:
        raise MisfitError(f"{name}: its `check` is the rule {made.name} of another file")
    return made


def _problem(where: str, error: Exception) -> str:
    if isinstance(error, MisfitError):
        return str(error)
    return f"{where} cannot be loaded: {type(error).__name__}: {error}"[:_ERROR_CHARS_MAX]
