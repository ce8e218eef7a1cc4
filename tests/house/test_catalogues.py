"""A rule is one file and one table of tests; a command is one file and one table of tests. Nothing else to touch."""

from __future__ import annotations

import ast
import importlib

import pytest

from bot.commands import catalog as commands
from bot.conformance.catalog import ASSUMPTIONS
from bot.rulebook import catalog as rules
from tests.house.tree import ROOT, files, imports, name_of, tree


@pytest.mark.parametrize("name", rules.find().names)
def test_each_rule_has_its_table(name: str) -> None:
    path = ROOT / "tests" / "rules" / f"test_{name}.py"
    assert path.is_file()
    assert {f"rules.{name}", "tests.rules.table"} <= {module for module, _ in imports(path)}


@pytest.mark.parametrize("name", [command.name for command in commands.find().commands])
def test_each_command_has_its_tests(name: str) -> None:
    path = ROOT / "tests" / "commands" / f"test_{name.replace('-', '_')}.py"
    assert path.is_file()
    assert f"/{name}" in path.read_text("utf-8")


def test_each_file_of_rules_is_a_rule() -> None:
    named = {path.stem for path in files("rules", suffix=".py") if path.stem != "__init__"}
    assert named == set(rules.find().names)


def test_rules_take_everything_from_the_public_face() -> None:
    astray = [
        f"{name_of(path)}:{node.lineno}"
        for path in files("rules", suffix=".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("bot")
        and node.module not in ("bot.rulebook", "bot.rulebook.cells")
    ]
    assert astray == []


def test_each_assumption_names_a_function_that_there_is_and_how_it_is_tried() -> None:
    for each in ASSUMPTIONS:
        path = each.depends.split(".")
        at = next(at for at, word in enumerate(path) if not (ROOT / "/".join(path[: at + 1])).is_dir())
        found: object = importlib.import_module(".".join(path[: at + 1]))
        for name in path[at + 1 :]:
            found = getattr(found, name)
        assert callable(found), each.id
        assert each.tried.endswith("."), each.id
    assert len({each.id for each in ASSUMPTIONS}) == len(ASSUMPTIONS)
