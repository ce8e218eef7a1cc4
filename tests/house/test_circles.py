"""No file and no folder imports itself by way of others, at run time or for types."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.house.tree import files, name_of, tree


def dotted(path: Path) -> str:
    """The module a file holds: `bot.dolthub.client`; a folder for its `__init__`."""
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(module: ast.Module, known: frozenset[str]) -> Iterator[str]:
    """Modules of the project that are named by an import, wherever it stands."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in known)
            case ast.ImportFrom(module=str(source), names=names):
                for alias in names:
                    whole = f"{source}.{alias.name}"
                    if whole in known or source in known:
                        yield whole if whole in known else source


def graph() -> dict[str, set[str]]:
    """Who imports whom, by file."""
    paths = {dotted(path): path for path in files("bot", "sandbox", "rules", suffix=".py")}
    known = frozenset(paths)
    return {name: set(imported(tree(path), known)) - {name} for name, path in paths.items()}


def folders(by_file: dict[str, set[str]]) -> dict[str, set[str]]:
    """Who imports whom, by folder. The folders of one room count as that room: `bot.evidence.fetch` is of `bot.evidence`."""

    def room(name: str) -> str:
        top, _, rest = name.partition(".")
        return f"{top}.{rest.partition('.')[0]}" if top == "bot" and rest else top

    found: dict[str, set[str]] = {}
    for name, others in by_file.items():
        found.setdefault(room(name), set()).update(map(room, others))
    return {name: others - {name} for name, others in found.items()}


@pytest.mark.parametrize("of", ["files", "folders"])
def test_nothing_imports_itself_by_way_of_others(of: str) -> None:
    found = graph() if of == "files" else folders(graph())
    tuple(TopologicalSorter(found).static_order())


def test_a_circle_is_found() -> None:
    with pytest.raises(CycleError):
        tuple(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())
    module = ast.parse("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.b import c\n    import d\n")
    assert set(imported(module, frozenset({"a.b.c", "d"}))) == {"a.b.c", "d"}
