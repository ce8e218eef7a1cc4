"""Finds the commands: one file of this package per command, nothing to register elsewhere."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Iterable

import bot.commands
from bot.commands.command import Catalog, Command
from bot.commands.grammar.signature import Signatures

_NAME = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")


class CatalogError(ValueError):
    """The commands do not fit together; the message lists every misfit."""


def catalog_of(commands: Iterable[Command]) -> Catalog:
    """The catalogue of these commands. Raises CatalogError for names used twice and options that cannot be told apart."""
    found = tuple(sorted(commands, key=lambda c: (not c.decides, c.name)))
    problems = _misfits(found)
    if problems:
        raise CatalogError("; ".join(problems))
    return Signatures(found)


@functools.cache
def find() -> Catalog:
    """The catalogue of this installation: every module of `bot.commands` that holds a command of its own name.

    Raises CatalogError.
    """
    commands: list[Command] = []
    problems: list[str] = []
    for found in pkgutil.iter_modules(bot.commands.__path__):
        module = importlib.import_module(f"{bot.commands.__name__}.{found.name}")
        own = [c for c in vars(module).values() if isinstance(c, Command) and c.function.__module__ == module.__name__]
        if len(own) > 1 or any(c.name != found.name.replace("_", "-") for c in own):
            names = ", ".join(f"/{c.name}" for c in own)
            problems.append(f"{found.name}.py holds {names}: one file per command, named like it")
        commands.extend(own)
    if problems:
        raise CatalogError("; ".join(problems))
    return catalog_of(commands)


def _misfits(commands: tuple[Command, ...]) -> list[str]:
    problems: list[str] = []
    taken: dict[str, str] = {}
    for command in commands:
        for word in (command.name, *command.aliases):
            if not _NAME.fullmatch(word) and word != "?":
                problems.append(f"/{word} is not a name: small letters, digits and hyphens")
            if word in taken:
                problems.append(f"/{word} is claimed by /{taken[word]} and /{command.name}")
            taken[word] = command.name
        words = [w for o in command.options for w in (o.name, *o.aliases)]
        shorts = [o.short for o in command.options if o.short]
        problems.extend(f"/{command.name} has --{w} twice" for w in sorted({w for w in words if words.count(w) > 1}))
        problems.extend(f"/{command.name}: --{w} is not a name" for w in words if not _NAME.fullmatch(w))
        problems.extend(f"/{command.name} has -{s} twice" for s in sorted({s for s in shorts if shorts.count(s) > 1}))
    return problems
