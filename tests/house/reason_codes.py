"""Which reason codes the sources can write into a fact sheet: every text that can flow into something called `reason`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.house.tree import ROOT, files, tree

SOURCES = (
    *files("bot/evidence", suffix=".py"),
    *(ROOT / "bot" / path for path in ("prober/link_checker.py", "prober/hosts.py", "model/address.py")),
)
"""Where fact sheets are made."""
CALLED = frozenset({"reason", "reservation"})
"""Names of parameters and fields that hold a code. A parameter that is handed on as one of them is one too."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Flow:
    """What was found. `codes`: in which files each code is met. `untold`: expressions whose value cannot be told."""

    codes: dict[str, set[str]] = field(default_factory=dict)
    untold: set[str] = field(default_factory=set)


@cache
def flow(sources: tuple[Path, ...] = SOURCES, root: Path = ROOT) -> Flow:
    """Follow every code of these files to where it is written."""
    reader = _Reader([(path.relative_to(root).as_posix(), tree(path)) for path in sources])
    while reader.read():
        pass
    return reader.found


def verdicts(sources: Iterable[Path] = SOURCES) -> set[tuple[str, str]]:
    """Every code that is written beside its verdict, as (verdict, code): in one call, or in one tuple."""
    found: set[tuple[str, str]] = set()
    for path in sources:
        for node in ast.walk(tree(path)):
            match node:
                case ast.Tuple(elts=[ast.Attribute(value=ast.Name(id="Seen"), attr=seen), ast.Constant(value=str(code))]):
                    found.add((seen, code))
                case ast.Call():
                    given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg in ("seen", "reason"))]
                    seens = [e.attr for e in given if isinstance(e, ast.Attribute) and ast.unparse(e.value) == "Seen"]
                    codes = [e.value for e in given if isinstance(e, ast.Constant) and isinstance(e.value, str)]
                    said = {"Refused": "BLOCKED", "unknown": "UNKNOWN", "_dead": "DEAD"}.get(_name(node.func))
                    if codes and (verdict := next(iter(seens), said)):
                        found.add((verdict, codes[0]))
    return found


class _Reader:
    """Reads all files again and again until no parameter turns out to be one more that holds a code."""

    def __init__(self, modules: list[tuple[str, ast.Module]]) -> None:
        self.found = Flow()
        self._modules = modules
        self._parameters: dict[str, list[str]] = {}
        self._functions: dict[str, list[tuple[str, _Function]]] = {}
        self._holds: set[tuple[str, str]] = set()
        self._path = ""
        for path, module in modules:
            for node in ast.walk(module):
                if isinstance(node, _Function):
                    self._functions.setdefault(node.name, []).append((path, node))
                    self._parameters.setdefault(node.name, _parameters(node))
                elif isinstance(node, ast.ClassDef):
                    self._parameters[node.name] = _made_with(node)
        self._holds |= {(name, p) for name, parameters in self._parameters.items() for p in parameters if p in CALLED}

    def read(self) -> bool:
        """One reading. True if there is something new to look for."""
        self.found = Flow()
        before = set(self._holds)
        for path, module in self._modules:
            self._path = path
            for function, call in _calls(module):
                for value in self._codes_of(call):
                    self._value(value, function, set())
        return self._holds != before

    def _codes_of(self, call: ast.Call) -> Iterator[ast.expr]:
        """The arguments of a call that stand where a code is held."""
        name = _name(call.func)
        parameters = self._parameters.get(name, [])
        for position, value in enumerate(call.args):
            if position < len(parameters) and (name, parameters[position]) in self._holds:
                yield value
        for keyword in call.keywords:
            if keyword.arg in CALLED or (name, keyword.arg) in self._holds:
                yield keyword.value

    def _value(self, value: ast.expr, function: _Function | None, been: set[int]) -> None:
        if id(value) in been:
            return
        been.add(id(value))
        match value:
            case ast.Constant(value=str(code)):
                if code:
                    self.found.codes.setdefault(code, set()).add(self._path)
            case ast.IfExp():
                self._value(value.body, function, been)
                self._value(value.orelse, function, been)
            case ast.BoolOp():
                for each in value.values:
                    self._value(each, function, been)
            case ast.NamedExpr():
                self._value(value.value, function, been)
            case ast.Attribute(attr=attr) if attr in CALLED:
                pass  # Whatever was put there was held by a `reason` before.
            case ast.Name(id=name):
                self._named(name, value, function, been)
            case ast.Call(func=ast.Attribute(value=ast.Dict(values=values), attr="get"), args=[_, default]):
                for each in (*values, default):
                    self._value(each, function, been)
            case ast.Call() if _name(value.func) in self._functions:
                for path, called in self._meant(_name(value.func)):
                    self._returned(path, called, been)
            case _:
                self._untold(value)

    def _meant(self, name: str) -> list[tuple[str, _Function]]:
        """The functions of this name: those of the same file, if it has any."""
        there = self._functions[name]
        return [each for each in there if each[0] == self._path] or there

    def _returned(self, path: str, called: _Function, been: set[int]) -> None:
        here, self._path = self._path, path
        for node in _own(called):
            if isinstance(node, ast.Return) and node.value is not None:
                self._value(node.value, called, been)
        self._path = here

    def _named(self, name: str, value: ast.expr, function: _Function | None, been: set[int]) -> None:
        if function is None:
            return self._untold(value)
        if name in _parameters(function):
            self._holds.add((function.name, name))
            return None
        origins = list(_origins(name, function))
        for each in origins:
            self._value(each, function, been)
        return None if origins else self._untold(value)

    def _untold(self, value: ast.expr) -> None:
        self.found.untold.add(ast.unparse(value))


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _parameters(function: _Function) -> list[str]:
    given = function.args
    return [p.arg for p in (*given.posonlyargs, *given.args, *given.kwonlyargs) if p.arg not in ("self", "cls")]


def _made_with(made: ast.ClassDef) -> list[str]:
    """The parameters of a class: of its `__init__`, or its fields in order."""
    for node in made.body:
        if isinstance(node, _Function) and node.name == "__init__":
            return _parameters(node)
    return [n.target.id for n in made.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]


def _calls(module: ast.Module) -> Iterator[tuple[_Function | None, ast.Call]]:
    """Every call, with the function it stands in."""
    functions = [node for node in ast.walk(module) if isinstance(node, _Function)]
    inside: set[int] = set()
    for function in functions:
        for node in _own(function):
            inside.add(id(node))
            if isinstance(node, ast.Call):
                yield function, node
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and id(node) not in inside:
            yield None, node


def _own(function: _Function) -> Iterator[ast.AST]:
    """What stands in a function and not in one within it."""
    waiting: list[ast.AST] = [each for each in function.body if not isinstance(each, _Function)]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [each for each in ast.iter_child_nodes(node) if not isinstance(each, _Function)]


def _origins(name: str, function: _Function) -> Iterator[ast.expr]:
    """What is assigned to a local name."""
    for node in _own(function):
        match node:
            case ast.Assign(targets=targets, value=given):
                for target in targets:
                    yield from _part(name, target, given)
            case ast.AnnAssign(target=target, value=ast.expr() as given):
                yield from _part(name, target, given)
            case ast.NamedExpr(target=ast.Name(id=target_name), value=given) if target_name == name:
                yield given
            case ast.Match(subject=subject, cases=cases):
                if any(isinstance(p, ast.MatchAs) and p.name == name for case in cases for p in ast.walk(case.pattern)):
                    yield subject


def _part(name: str, target: ast.expr, given: ast.expr) -> Iterator[ast.expr]:
    match target, given:
        case ast.Name(id=target_name), _ if target_name == name:
            yield given
        case ast.Tuple(elts=targets), ast.Tuple(elts=parts) if len(targets) == len(parts):
            for each, part in zip(targets, parts, strict=True):
                yield from _part(name, each, part)
        case ast.Tuple(elts=targets), ast.IfExp(body=body, orelse=orelse):
            yield from _part(name, target, body)
            yield from _part(name, target, orelse)
