"""Checks as people name them: by the whole name, by its first words, with hyphens or dots for underscores."""

from __future__ import annotations

from bot.commands.command import Refuse
from bot.commands.grammar.option import near
from bot.messages import md
from bot.messages.md import Md
from bot.model.finding import Judgement


def ran(judgement: Judgement) -> tuple[str, ...]:
    """Names of all checks that were run, sorted."""
    found = {*(f.rule for f in judgement.findings), *(c.rule for c in judgement.crashes), *judgement.passed}
    return tuple(sorted(found))


def matching(word: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Checks that `word` names: one of that name, or all whose names begin with it."""
    bare = _bare(word)
    return (bare,) if bare in known else tuple(name for name in known if name.startswith(f"{bare}_"))


def about(word: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Checks with `word` anywhere in their names, as whole words: `decision` is about `outside_decision_is_allowed`."""
    return tuple(name for name in known if f"_{_bare(word)}_" in f"_{name}_")


def unknown(words: tuple[str, ...], known: tuple[str, ...]) -> Refuse | None:
    """The refusal for words that name none of the known checks: what was probably meant, and all there are."""
    wrong = [word for word in words if not matching(word, known)]
    if not wrong:
        return None
    guesses = dict.fromkeys(guess for word in wrong if (guess := _guess(word, known)) is not None)
    meant = [md.fill("Did you mean {names}?", names=listed(tuple(guesses)))] if guesses else []
    return Refuse(
        md.join([md.fill("No such check: {names}.", names=listed(tuple(wrong))), *meant], " "),
        md.fill("Checks: {known}.", known=listed(known)),
    )


def listed(names: tuple[str, ...]) -> Md:
    """Names with commas between, as code."""
    return md.join([md.code(name) for name in names], ", ")


def _bare(word: str) -> str:
    return word.casefold().replace("-", "_").replace(".", "_")


def _guess(word: str, known: tuple[str, ...]) -> str | None:
    """The check, or the first word of check names, that is closest to `word`."""
    bare = word.replace("-", "_")
    return near(bare, known) or near(bare, tuple(dict.fromkeys(name.partition("_")[0] for name in known)))
