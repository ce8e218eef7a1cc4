"""The files of the project, and their syntax trees, for tests that look at the house itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BUILT = frozenset({"__pycache__", "build", "dist", "htmlcov", "node_modules"})
_HIDDEN_KEPT = frozenset({".ci", ".github", ".gitignore", ".gitattributes", ".editorconfig", ".python-version"})


def files(*tops: str, suffix: str = "") -> tuple[Path, ...]:
    """All files of the project below `tops` (none: everywhere), sorted; what is built, installed or cached is not of it."""
    found = [path for top in (tops or (".",)) for path in _below(ROOT / top)]
    return tuple(sorted(path for path in found if path.name.endswith(suffix)))


def name_of(path: Path) -> str:
    """The path as people say it: `bot/dolthub/wire.py`."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Dotted names of all modules a file imports, wherever in it, with their lines. Names taken from a module come too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports relative to itself"
            yield node.module or "", node.lineno


def _below(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    for path in top.iterdir():
        hidden = path.name.startswith(".") and path.name not in _HIDDEN_KEPT
        if hidden or path.name in _BUILT or path.name.endswith(".egg-info") or path.is_symlink():
            continue
        if path.is_dir():
            yield from _below(path)
        else:
            yield path
