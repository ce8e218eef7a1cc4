"""The rules, the slash-commands and the settings there are, and the files of a new rule."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from bot.cli.arguments import as_json
from bot.cli.shared import STYLE, console, fail
from bot.terminal import FINDING, WRONG_USE, cells, lines, print_json, table

if TYPE_CHECKING:
    from bot.commands.command import Command
    from bot.config.variable import Variable
    from bot.model.policy_key import Key
    from bot.rulebook.kit.examples import Told
    from bot.rulebook.rule import Rule

WRITABLE = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--explain", metavar="NAME", help="One rule in full: what it asks and why, its source, an example, how to fix.")
@click.option("--new", metavar="NAME", help="Write a rule to begin with, and its table of tests.")
@click.option("--dir", "folder", metavar="DIR", type=WRITABLE, help="With --new: the package of rules.  [default: rules]")
@click.option("--package", metavar="DIR", type=WRITABLE, help="With --new: a package of your own, made if it is not there.")
@as_json
def rules(explain: str | None, new: str | None, folder: Path | None, package: Path | None, as_json: bool) -> None:
    """The rules: name, level, meaning.

    \b
    Examples:
      stampbot rules --explain evidence_is_alive
      stampbot rules --new item_has_a_title
      stampbot rules --new item_has_a_title --package ../town-rules
    """
    from bot.rulebook import catalog
    from bot.rulebook.kit.examples import tell

    if new is not None and explain is None and not (folder and package):
        _begin_rule(new, folder or Path("rules"), package, as_json=as_json)
        return
    if new is not None or folder or package:
        raise click.UsageError("--new NAME goes with --dir or with --package, and with nothing else")
    try:
        found = catalog.find()
    except catalog.CatalogError as error:
        fail(f"The rules do not fit together: {error}", FINDING)
    if explain is not None:
        one = found.get(explain.strip().replace(" ", "_"))
        if one is None:
            near = difflib.get_close_matches(explain, found.names, n=1, cutoff=0.5)
            fail(f"There is no rule {explain}" + (f"; did you mean {near[0]}?" if near else ". See: stampbot rules"), WRONG_USE)
        told = tell(one)
        if as_json:
            print_json(rule_json(one, told))
        else:
            print_rule(console(), one, told)
    elif as_json:
        print_json(rules_json(found.rules))
    else:
        print_rules(console(), found.rules)


def _begin_rule(name: str, folder: Path, package: Path | None, *, as_json: bool) -> None:
    """Write the files of a new rule, all or none; nothing that is there is overwritten. Exit status 2 and a sentence if not."""
    from bot.rulebook import MisfitError, find
    from bot.rulebook.kit import draft

    try:
        if package is None:
            root, drafted = folder.absolute().parent, draft.for_this_project(name, folder.absolute().name)
            if not (folder / "__init__.py").is_file():
                fail(f"{folder} is no package of rules. Use --dir, or --package for one of your own.", WRONG_USE)
        else:
            inner = package.absolute().name.replace("-", "_")
            root, drafted = package.absolute(), draft.for_own_package(name, inner)
    except MisfitError as error:
        fail(str(error), WRONG_USE)
    if find().get(name) is not None:
        fail(f"There is a rule {name} already. See: stampbot rules --explain {name}", WRONG_USE)
    kept = {path for path in drafted if Path(path).name in ("__init__.py", "pyproject.toml") and (root / path).exists()}
    there = [path for path in drafted if path not in kept and (root / path).exists()]
    if there:
        fail(f"{', '.join(there)}: there already, and nothing is overwritten", WRONG_USE)
    written = [path for path in drafted if path not in kept]
    for path in written:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("x", encoding="utf-8") as file:
            file.write(drafted[path])
    to_add = draft.entry_point(name, inner) if "pyproject.toml" in kept else ""
    if as_json:
        print_json({"written": [str(root / path) for path in written], "entry_point_to_add": to_add})
        return
    for path in written:
        click.echo(f"wrote {lines(str(root / path))}")
    if to_add:
        click.echo(f'Add to {root / "pyproject.toml"}, below [project.entry-points."stampbot.rules"]: {to_add}')
    if package is None:
        click.echo(f"Next: pytest tests/rules/test_{name}.py; then make it yours, and: make docs")
    else:
        click.echo(f"Next: pip install -e {root}; pytest {root}; stampbot rules --explain {name}")


@click.command()
@as_json
def commands(as_json: bool) -> None:
    """The slash-commands validators may write below a pull."""
    from bot.commands import catalog

    try:
        found = catalog.find().commands
    except catalog.CatalogError as error:
        fail(f"The commands do not fit together: {error}", FINDING)
    if as_json:
        print_json(commands_json(found))
    else:
        print_commands(console(), found)


@click.command()
@as_json
def settings(as_json: bool) -> None:
    """The settings: environment variables and keys of stampbot.toml, with what each means and its default."""
    from bot.config.policy_file import PolicyFile
    from bot.config.settings import VARIABLES
    from bot.model.policy import Policy, Timing
    from bot.model.policy_key import keys_of

    groups: dict[str, tuple[Variable | Key, ...]] = {
        "environment": VARIABLES,
        "file": (*keys_of(Policy).values(), *keys_of(PolicyFile).values()),
        "timing": tuple(keys_of(Timing).values()),
    }
    if as_json:
        print_json(
            {
                group: [{"name": each.name, "meaning": each.meaning, "default": each.default} for each in found]
                for group, found in groups.items()
            }
        )
        return
    titles = {
        "environment": "Environment variables",
        "file": "Keys of stampbot.toml",
        "timing": "Keys of its table [timing], s",
    }
    for group, found in groups.items():
        rows = [cells(each.name, each.meaning, each.default) for each in found]
        console().print(table(titles[group], ("name", "meaning", "default"), rows))


def rules_json(rules: Iterable[Rule]) -> list[dict[str, object]]:
    """The rules for --json."""
    return [
        {
            "name": r.name,
            "level": r.level.value,
            "label": r.label,
            "asks": r.asks,
            "title": r.title,
            "doc": r.doc,
            "kinds": [kind.value for kind in r.kinds],
            "fixed": r.fixed,
            "softens_after_merge": r.softens_after_merge,
            "overridable": r.overridable,
        }
        for r in rules
    ]


def rule_json(rule: Rule, told: Told) -> dict[str, object]:
    """One rule in full for --json. `example` is null where the rule finds nothing in any example."""
    (listed,) = rules_json([rule])
    shown = told.shown
    example = None
    if shown is not None:
        found = shown.finding
        example = {
            "pull_in_which": shown.example.what,
            "level": found.level.value,
            "place": str(found.place),
            "says": found.says,
            "remedy": found.remedy,
        }
    return {
        **listed,
        "sources": list(rule.sources),
        "example": example,
        "waits_for": told.waits,
        "how_to_fix": list(told.remedies),
    }


def print_rule(console: Console, rule: Rule, told: Told) -> None:
    """One rule in full, for people."""
    from bot.rulebook.rule import REVIEWED

    every = set(REVIEWED) <= set(rule.kinds)
    kinds = "every kind of pull" if every else ", ".join(sorted(kind.value for kind in rule.kinds))
    sources = "; ".join(rule.sources) or "none is named"
    facts = [
        ("checks", rule.title),
        ("why", " ".join(rule.doc.split())),
        ("looks at", kinds),
        ("level", rule.level.value),
        ("policy", _POLICY[rule.fixed]),
        ("validators", _VALIDATORS[rule.overridable]),
        ("after the merge", "a note at most" if rule.softens_after_merge else "as before"),
        ("source", sources),
        *_example_lines(told),
    ]
    told_table = table(rule.name, ("", ""), [cells(name, what) for name, what in facts])
    told_table.show_header = False
    console.print(told_table)


_POLICY = {
    True: "cannot soften it or switch it off: it guards the ledger itself",
    False: "may change its level, or switch it off",
}


_VALIDATORS = {
    True: "may override a fault of it for one head, and say why",
    False: "cannot override a fault of it",
}


def _example_lines(told: Told) -> Iterator[tuple[str, str]]:
    shown = told.shown
    if shown is not None:
        yield "example", f"A pull in which {shown.example.what}."
        yield "says", f"{shown.finding.level.value} {shown.finding.place}: {shown.finding.says}"
    elif told.waits:
        yield "example", f"It finds nothing; the pull waits for {told.waits}."
    else:
        yield "example", f"None: it finds nothing in the {told.asked} example pulls of these kinds."
    if shown is not None:
        yield "how to fix", " · ".join(told.remedies) or "Nothing needs to be done: it informs those who decide."


def print_rules(console: Console, rules: Iterable[Rule]) -> None:
    """The rules, for people."""
    rows = [(*cells(r.name), Text(r.level.value, STYLE[r.level]), *cells(r.title)) for r in rules]
    console.print(table("Rules", ("rule", "level", "meaning"), rows))


def commands_json(commands: Iterable[Command]) -> list[dict[str, object]]:
    """The commands for --json."""
    return [
        {
            "name": c.name,
            "title": c.title,
            "details": c.details,
            "aliases": list(c.aliases),
            "decides": c.decides,
            "options": [{"name": o.name, "usage": o.usage, "says": o.says, "required": o.required} for o in c.options],
        }
        for c in commands
    ]


def print_commands(console: Console, commands: Iterable[Command]) -> None:
    """The commands, for people."""
    rows = [cells(f"/{c.name}", c.title, " ".join(o.usage for o in c.options)) for c in commands]
    console.print(table("Commands, in a comment below a pull", ("command", "does", "options"), rows))
