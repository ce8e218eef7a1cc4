"""Mutation check of rules and classifier: `python -m tests.mutants` breaks them one spot at a time and runs their tests.

Mutants are made by cosmic-ray's operators, in memory: no file is touched. Each is tried in a child process that has everything
else imported already, against the table of that rule alone. A mutant that its tests do not notice survives.
"""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from tests.house.tree import ROOT, imports

RUN_MAX_S = 10
"""Of processor time, which a busy machine does not shorten; an idle mutant is ended after ten times that."""
_CLOCKS = (signal.SIGPROF, signal.SIGALRM)
MEMORY_MAX_BYTES = 4 * 2**30
MINUTES = 15.0
LEAST = 0.85
WORKERS = 2

LEFT_OUT: Mapping[str, str] = {
    "ReplaceComparisonOperator_Eq_Is": "equal small texts and numbers are mostly the same object, so it changes nothing",
    "ReplaceComparisonOperator_NotEq_IsNot": "the same",
    "ReplaceComparisonOperator_Is_Eq": "of None and of members of an enum there is only one each",
    "ReplaceComparisonOperator_IsNot_NotEq": "the same",
}
"""Operators whose mutants are hardly ever wrong, and why."""


class Outcome(enum.Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    ENDLESS = "killed by the clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A module that is mutated, and the tests that are to notice."""

    module: str
    path: Path
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change at one spot: the `occurrence`-th of its operator in the module."""

    module: str
    operator: str
    occurrence: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A mutant and what became of it; `before` and `after` are the line that differs, without its margin."""

    mutant: Mutant
    outcome: Outcome
    before: str
    after: str


# --- what there is --------------------------------------------------------------------------------------------------


def targets() -> tuple[Target, ...]:
    """The classifier and every file of rules; what rules share is tested by the tables of all that import it."""
    found = [Target(module="bot.model.kind", path=ROOT / "bot" / "model" / "kind.py", tests=("tests/unit/test_kind.py",))]
    files = sorted(path for path in (ROOT / "rules").glob("*.py") if path.stem != "__init__")
    for path in files:
        tables = f"tests/rules/test_{path.stem}.py"
        found.append(Target(module=f"rules.{path.stem}", path=path, tests=(tables,) if (ROOT / tables).is_file() else ()))
    readers = [path.stem for path in files if "bot.rulebook.cells" in {name for name, _ in imports(path)}]
    cells = ROOT / "bot" / "rulebook" / "cells.py"
    tests = ("tests/rules/test_schemas.py", *(f"tests/rules/test_{name}.py" for name in readers))
    found.append(Target(module="bot.rulebook.cells", path=cells, tests=tests))
    return tuple(found)


def mutants(target: Target) -> Iterator[Mutant]:
    """Every mutant of a module, but for those in annotations, signatures and decorators of classes."""
    tool = _cosmic_ray()
    source = target.path.read_text("utf-8")
    spans = tuple(_annotations(source))
    nodes = list(tool.ast.ast_nodes(tool.ast.get_ast(source)))
    for name in sorted(tool.plugins.operator_names()):
        operator = tool.plugins.get_operator(name)
        if operator.arguments() or name.rpartition("/")[2] in LEFT_OUT:
            continue
        spots = (spot for node in nodes for spot in operator().mutation_positions(node))
        for occurrence, (start, _) in enumerate(spots):
            if not any(begin <= tuple(start) < end for begin, end in spans):
                yield Mutant(module=target.module, operator=name, occurrence=occurrence, line=start[0])


def mutated(source: str, mutant: Mutant) -> str | None:
    """The source with this one change; None if it is the same program after all, or none."""
    tool = _cosmic_ray()
    text: str | None = tool.mutating.mutate_code(source, tool.plugins.get_operator(mutant.operator)(), mutant.occurrence)
    try:
        same = text is None or ast.dump(ast.parse(text)) == ast.dump(ast.parse(source))
    except SyntaxError:
        return None
    return None if same else text


def _annotations(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    lines = source.split("\n")

    def spot(line: int, byte: int) -> tuple[int, int]:
        return line, len(lines[line - 1].encode()[:byte].decode())

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef():  # from `def` to its body; the `*` of keyword-only arguments is no multiplication either
                yield spot(node.lineno, node.col_offset), spot(node.body[0].lineno, node.body[0].col_offset)
            case ast.ClassDef(decorator_list=[ast.expr() as found, *_]):  # frozen, slotted: nothing that a table could tell
                yield spot(found.lineno, found.col_offset), spot(found.end_lineno or 0, found.end_col_offset or 0)
            case ast.AnnAssign(annotation=found) | ast.Assign(value=ast.BinOp(op=ast.BitOr()) as found):
                yield spot(found.lineno, found.col_offset), spot(found.end_lineno or 0, found.end_col_offset or 0)


def _cosmic_ray() -> Any:
    try:
        for part in ("ast", "mutating", "plugins"):
            importlib.import_module(f"cosmic_ray.{part}")
        return importlib.import_module("cosmic_ray")
    except ImportError:
        raise click.ClickException("cosmic-ray is not installed: pip install cosmic-ray") from None


# --- trying ---------------------------------------------------------------------------------------------------------


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module, with another source than its file has."""

    def __init__(self, target: Target, source: str) -> None:
        self._target, self._source = target, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._target.module:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=str(self._target.path))

    def get_source(self, fullname: str) -> str:
        return self._source

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self._target.path)
        exec(compile(self._source, str(self._target.path), "exec"), module.__dict__)


def warm() -> None:
    """Import what children need and no mutant is in; also the least tests, so that pytest itself is all there."""
    for name in (
        "pytest",
        "hypothesis",
        "jsonschema",
        "_pytest.assertion.rewrite",
        "_pytest.skipping",
        "tests.rules.table",
        "tests.build",
    ):
        importlib.import_module(name)


def start(target: Target, source: str) -> int:
    """Try a source in a child process, whose id it gives."""
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        for clock in _CLOCKS:
            signal.signal(clock, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, RUN_MAX_S)
        signal.setitimer(signal.ITIMER_REAL, RUN_MAX_S * 10)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as this process lives
        status = _run(target, source)
    finally:
        os._exit(status)


def _run(target: Target, source: str) -> int:
    import pytest

    stale = ("rules", "tests.rules") if target.module.startswith("rules.") else ("bot", "rules", "tests")
    for name in [name for name in sys.modules if any(name == top or name.startswith(f"{top}.") for top in stale)]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Instead(target, source))
    plain = (
        "-c",
        os.devnull,
        "--rootdir",
        str(ROOT),
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:timeout",
        "-p",
        "no:xdist",
    )
    return int(pytest.main([*plain, "-x", "-q", "-m", "not slow", "-W", "ignore", *target.tests]))


def ended(child: int, *, wait: bool) -> Outcome | None:
    """What became of a child; None while it runs."""
    pid, status = os.waitpid(child, 0 if wait else os.WNOHANG)
    if not pid:
        return None
    code = os.waitstatus_to_exitcode(status)
    if -code in _CLOCKS:
        return Outcome.ENDLESS
    return Outcome.SURVIVED if code == 0 else Outcome.KILLED


def try_all(
    work: Sequence[tuple[Target, Mutant]], until: float | None, workers: int, told: Callable[[Tried], None]
) -> tuple[Tried, ...]:
    """Try these in turn, so many at once, as far as time allows (`until`: seconds of time.monotonic; None: all)."""
    running: dict[int, tuple[Mutant, str, str]] = {}
    found: list[Tried] = []

    def reap(*, wait: bool) -> None:
        for child in list(running):
            outcome = ended(child, wait=wait)
            if outcome is not None:
                mutant, before, after = running.pop(child)
                found.append(Tried(mutant=mutant, outcome=outcome, before=before, after=after))
                told(found[-1])

    for target, mutant in work:
        if until is not None and time.monotonic() > until:
            break
        source = target.path.read_text("utf-8")
        text = mutated(source, mutant)
        if text is None:
            continue
        while len(running) >= workers:
            reap(wait=False)
            time.sleep(0.005)
        running[start(target, text)] = (mutant, *_difference(source, text))
    reap(wait=True)
    return tuple(found)


def _difference(before: str, after: str) -> tuple[str, str]:
    pairs = zip(before.split("\n"), after.split("\n"), strict=False)
    return next(((one.strip(), other.strip()) for one, other in pairs if one != other), ("", ""))


# --- telling --------------------------------------------------------------------------------------------------------


def score(tried: Sequence[Tried]) -> float:
    """Part of the mutants that were noticed."""
    return sum(each.outcome is not Outcome.SURVIVED for each in tried) / len(tried) if tried else 1.0


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option("--all", "everything", is_flag=True, help="Every mutant, however long it takes.")
@click.option(
    "--minutes", default=MINUTES, show_default=True, type=click.FloatRange(0.1), help="Stop after these; a sample, then."
)
@click.option("--seed", default=1, show_default=True, help="Which sample.")
@click.option("--workers", default=WORKERS, show_default=True, type=click.IntRange(1, 64), help="Mutants tried at once.")
@click.option("--least", default=LEAST, show_default=True, type=click.FloatRange(0, 1), help="The score below which it fails.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(
    names: tuple[str, ...], everything: bool, minutes: float, seed: int, workers: int, least: float, as_json: bool
) -> None:
    """Mutate rules (none named: all of them, and the classifier) and run their tests.

    Exit status: 0 the score is reached, 1 it is not, 2 wrong use, 3 some tests fail without any mutant.

    \b
    Examples:
      python -m tests.mutants
      python -m tests.mutants no_competing_pull kind --all
    """
    known = {target.module.rpartition(".")[2]: target for target in targets()}
    if strange := [name for name in names if name not in known]:
        raise click.UsageError(f"there is no {', '.join(strange)}")
    chosen = [target for name, target in known.items() if not names or name in names]
    os.chdir(ROOT)
    warm()
    broken = [
        target.module
        for target in chosen
        if ended(start(target, target.path.read_text("utf-8")), wait=True) is not Outcome.SURVIVED
    ]
    work = [(target, mutant) for target in chosen if target.module not in broken for mutant in mutants(target)]
    random.Random(seed).shuffle(work)
    until = None if everything else time.monotonic() + minutes * 60

    # Without its thread: children are forked from here, and a lock that a thread holds then would stay locked in them.
    bar = Progress(console=Console(stderr=True), transient=True, auto_refresh=False, disable=not sys.stderr.isatty())
    task = bar.add_task("mutants", total=len(work))

    def told(tried: Tried) -> None:
        bar.advance(task)
        bar.refresh()
        if tried.outcome is Outcome.SURVIVED and not as_json:
            where = f"{tried.mutant.module}:{tried.mutant.line} {tried.mutant.operator.rpartition('/')[2]}"
            click.echo(f"survived {where}\n  - {tried.before}\n  + {tried.after}")

    with bar:
        tried = try_all(work, until, workers, told)
    if as_json:
        rows = [{**asdict(each), "outcome": each.outcome.value} for each in tried]
        click.echo(json.dumps({"score": score(tried), "of": len(work), "broken": broken, "tried": rows}, indent=1))
    else:
        _print(tried, len(work), broken)
    sys.exit(3 if broken else 0 if score(tried) >= least else 1)


def _print(tried: Sequence[Tried], of: int, broken: Sequence[str]) -> None:
    for module in sorted({each.mutant.module for each in tried}):
        own = [each for each in tried if each.mutant.module == module]
        click.echo(f"{score(own):7.1%} of {len(own):4}  {module}")
    counts = Counter(each.outcome for each in tried)
    told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)
    click.echo(f"score {score(tried):.1%}: {told}; {len(tried)} tried of {of}")
    for module in broken:
        click.echo(f"not tried: {module}, whose tests fail without any mutant")


if __name__ == "__main__":
    main()
