"""Writes the generated parts of the documents: `python -m tests.house.tables` lists the stale ones, `--write` renews them.

A part stands between two markers, `<!-- name: begin … -->` and `<!-- name: end -->`, and is made from what the code knows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import click

from bot import __main__ as command_line
from bot.commands import catalog as commands
from bot.commands.command import Command
from bot.config.policy_file import PolicyFile
from bot.config.settings import VARIABLES
from bot.conformance.catalog import ASSUMPTIONS
from bot.evidence.forge.catalog import DESCRIPTORS
from bot.messages.time import span
from bot.model import evidence
from bot.model.evidence import Seen
from bot.model.policy import Policy, Timing
from bot.model.policy_key import keys_of
from bot.model.reasons import REASONS, Reason
from bot.rulebook import catalog as rules
from bot.rulebook.rule import REVIEWED, Rule
from tests.faults import matrix
from tests.house import kinds, quirks, samples, wall
from tests.house.tree import ROOT

HOW = "written by make docs"


def command_table() -> str:
    """Every slash-command: what to write, and what it does."""
    return _table(("write", "what happens"), ((_code(c.usage), _what(c)) for c in commands.find().commands))


def rule_table() -> str:
    """Every rule: what it asks, its label in comments, its level, its name."""
    rows = ((r.asks, r.label, r.level.value, f"[`{r.name}`](#{r.name})") for r in rules.find().rules)
    return _table(("what must hold", "label", "level", "rule"), rows)


def rule_pages() -> str:
    """Every rule in full."""
    return "\n\n".join(f"### {r.name}\n\n**{r.title}**\n{_traits(r)}\n\n{r.doc}" for r in rules.find().rules)


def variable_table() -> str:
    """Every environment variable."""
    return _table(
        ("variable", "meaning", "default"),
        ((_code(v.name) + " ¹" * v.per_commons + " ²" * v.secret, v.meaning, _default(v.default)) for v in VARIABLES),
    )


def policy_table() -> str:
    """Every key of stampbot.toml, but for the waits."""
    known = [*keys_of(Policy).values(), *keys_of(PolicyFile).values()]
    rows = ((_code(each.name), each.meaning, _default(each.default)) for each in known if each.name != "timing")
    return _table(("key", "what can stand there", "default"), rows)


def wait_table() -> str:
    """Every wait of [timing]."""
    rows = ((_code(each.name), each.default, each.meaning) for each in keys_of(Timing).values())
    return _table(("key", "default", "what waits"), rows)


def shell_table() -> str:
    """Every command of the command line."""
    shown = command_line.commands()
    usages = {name: " ".join(("stampbot", name, *_arguments(one))) for name, one in shown.items()}
    return _table(("command", "does"), ((_code(usages[name]), one.get_short_help_str(200)) for name, one in shown.items()))


def kind_table() -> str:
    """What a pull can be, and what the commands come to on it, by the bot's own code on an example of each."""
    return _table(("a pull is", "kind", "for example", "review", "`/accept`", "`/reject`", "`/close`"), kinds.rows())


def reason_table() -> str:
    """Every reason code of a fact sheet: its verdicts, what it says of the link, what can be done."""
    rows = ((_code(r.code), ", ".join(s.value for s in r.seen), r.says, _to_do(r)) for r in REASONS.values())
    return _table(("code", "verdict", "the link …", "what to do"), rows)


def look_table() -> str:
    """How often links are looked at, by what was seen there last."""

    def row(seen: Seen) -> tuple[str, str, str]:
        least_s = evidence.KEPT_S.get(seen) if seen is not Seen.UNKNOWN else Timing().look_again_s
        most_s = evidence.UNKNOWN_KEPT_MAX_S if seen is Seen.UNKNOWN else evidence.KEPT_MAX_S
        said = ("never: the link itself would have to change", "") if least_s is None else (span(least_s), span(most_s))
        return (seen.value, *said)

    return _table(("a link that is", "not sooner than after", "not later than after"), map(row, Seen))


def forge_table() -> str:
    """The forges and registries that the bot can ask, and what it knows there."""
    rows = (
        (f"[{'registries' if each.is_registry else 'forges'}]", f"`{each.name}`", ", ".join(kind.label for kind in each.kinds))
        for each in sorted(DESCRIPTORS, key=lambda each: each.is_registry)
    )
    return _table(("table", "kind", "what the bot asks about there"), rows)


def quirk_table() -> str:
    """What production does beyond the contract, and by what name the look-alike plays it."""
    return _table(("#", "what production does", "ask for"), quirks.rows())


def review_sample() -> str:
    """A whole review."""
    return f"````markdown\n{samples.review()}\n````"


def receipt_sample() -> str:
    """A whole receipt."""
    return f"````markdown\n{samples.receipt()}\n````"


def matrix_table() -> str:
    """The fault matrix, and where each row is shown."""
    rows = ((str(row.number), row.fault, row.holds, " ".join(map(_code, _files(row)))) for row in matrix.ROWS)
    return _table(("#", "fault", "what holds", "shown in"), rows)


def _files(row: matrix.Row) -> tuple[str, ...]:
    return tuple(dict.fromkeys(test.partition("::")[0] for test in row.tests))


def assumption_table() -> str:
    """Every assumption about DoltHub that can be tried on a host."""
    rows = (
        (_code(a.id), a.assumes, _code(a.depends), a.tried, a.changes, "writes" if a.writes else "reads") for a in ASSUMPTIONS
    )
    return _table(
        ("assumption", "what is assumed", "what depends on it", "how it is tried", "a host that is different", ""), rows
    )


def tried_table() -> str:
    """What production does beyond the contract, and which row of the check of a host tries it."""
    return _table(("#", "what production does", "tried by, or why no verdict depends on it"), quirks.tried_rows())


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/kinds.md": {"kinds": kind_table},
    "README.md": {"review": review_sample},
    "docs/commands.md": {"commands": command_table, "receipt": receipt_sample},
    "docs/settings.md": {"variables": variable_table, "policy": policy_table, "waits": wait_table, "shell": shell_table},
    "docs/assumptions.md": {"assumptions": assumption_table, "tried": tried_table},
    "docs/checks.md": {"rules": rule_table, "rules in full": rule_pages},
    "docs/reliability.md": {"matrix": matrix_table},
    "docs/evidence.md": {"forges": forge_table, "looks": look_table, "reasons": reason_table},
    "docs/sandbox.md": {"oddities": quirk_table},
}
"""The generated parts of each document, by the name in their markers."""

FILES: Mapping[str, Callable[[], str]] = {
    "deploy/stampbot-prober.service": wall.unit,
    "deploy/stampbot-prober.nft": wall.ruleset,
}
"""Files that are generated as a whole."""


def renewed(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The document with its generated parts as they should be. Raises ValueError where a marker is missing or doubled."""
    for name, make in parts.items():
        begin, end = f"<!-- {name}: begin ({HOW}) -->", f"<!-- {name}: end -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"the page needs the lines {begin!r} and {end!r}, once each, in this order")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{make()}\n\n{end}{rest.split(end)[1]}"
    return text


def stale() -> tuple[Path, ...]:
    """Documents and files that are not as they should be."""
    return tuple(path for path in map(ROOT.joinpath, [*PARTS, *FILES]) if _text(path) != _renewed(path))


def main(arguments: Sequence[str]) -> int:
    """Lists what is stale, or writes it. Exit status."""
    for path in (found := stale()):
        if "--write" in arguments:
            path.write_text(_renewed(path), "utf-8")
        print(path.relative_to(ROOT))
    return 1 if found and "--write" not in arguments else 0


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def _renewed(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return FILES[name]() if name in FILES else renewed(_text(path), PARTS[name])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in line) + " |" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`"


def _default(text: str) -> str:
    plain = text in ("none", "required") or " " in text
    return text if plain else _code(text)


def _what(command: Command) -> str:
    also = f" Also `/{'`, `/'.join(command.aliases)}`." if command.aliases else ""
    return f"**{command.title}.** {command.details}{also}"


def _traits(rule: Rule) -> str:
    kinds = "every kind of pull" if rule.kinds == REVIEWED else ", ".join(kind.name for kind in rule.kinds)
    traits = [f"Level {rule.level.value}", f"looks at {kinds}"]
    if rule.fixed:
        traits.append("cannot be softened or switched off")
    if not rule.overridable:
        traits.append("cannot be overridden")
    if rule.softens_after_merge:
        traits.append("a note once the pull is merged")
    return "; ".join(traits) + "."


def _to_do(reason: Reason) -> str:
    if reason.remedy:
        return reason.remedy
    return "" if set(reason.seen) <= {Seen.VERIFIED, Seen.REACHABLE} else "nothing: it passes, or a validator looks"


def _arguments(command: click.Command) -> tuple[str, ...]:
    shown = (p for p in command.params if not getattr(p, "hidden", False))
    return tuple(p.make_metavar(click.Context(command)) if isinstance(p, click.Argument) else f"[{p.opts[0]}]" for p in shown)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
