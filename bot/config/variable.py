"""An environment variable, declared where its value lives: as metadata of a field of the settings.

The reader of the environment, the check for unknown names, the list of secrets and the tables of the documents are all made
from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

T = TypeVar("T")
_METADATA: Final = "environment variable"


class Unusable(Exception):
    """The text of a variable cannot be used: what is wrong with it, and the fix."""

    def __init__(self, says: str, fix: str) -> None:
        super().__init__(says)
        self.says = says
        self.fix = fix


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable.

    `read` raises Unusable, or an ExceptionGroup of it for a list with several bad parts. `default` is what holds without the
    variable, in words. `per_commons`: a variable of the same name with `__OWNER__DATABASE` at its end overrides it for one
    commons. `secret`: never shown, never given to the prober; its value is a `Secret`.
    """

    name: str
    meaning: str
    read: Callable[[str], Any]
    default: str
    per_commons: bool
    secret: bool


def variable(
    name: str,
    read: Callable[[str], T],
    meaning: str,
    *,
    default: T,
    shown: str = "",
    per_commons: bool = False,
    secret: bool = False,
) -> T:
    """A dataclass field that the environment may set. `shown`: the default in words, where it is no plain value."""
    in_words = shown or (f"{default:g}" if isinstance(default, int | float) else str(default or "none"))
    declared = Variable(name=name, meaning=meaning, read=read, default=in_words, per_commons=per_commons, secret=secret)
    return field(default=default, metadata={_METADATA: declared})


def variables_of(record: type[Any]) -> dict[str, Variable]:
    """The variables of a dataclass, by the names of their fields."""
    return {each.name: each.metadata[_METADATA] for each in fields(record) if _METADATA in each.metadata}
