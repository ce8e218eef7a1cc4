"""What a scenario is: a number, a title, a story in a paragraph, and parts, each played in a commons of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.scenarios.stage import Stage

Play = Callable[["Stage"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One commons, and what is played in it. `rows`: statements on main before it begins. `policy`: what differs from the
    stage's own policy. `trouble`: why the bot does not do yet what the part asks for; empty for a part that holds."""

    name: str
    play: Play
    rows: tuple[str, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)
    schema: tuple[str, ...] | None = None
    """The tables' statements, None for those of schema 1.2."""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. `see`: tests that tell more of it, as paths."""

    number: int
    title: str
    story: str
    see: tuple[str, ...] = ()
    parts: list[Part] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """The name of its tests: `01-happy-path`."""
        return f"{self.number:02}-{re.sub('[^a-z0-9]+', '-', self.title.lower()).strip('-')}"

    def part(
        self,
        name: str = "",
        *,
        rows: tuple[str, ...] = (),
        policy: Mapping[str, Any] | None = None,
        schema: tuple[str, ...] | None = None,
        trouble: str = "",
    ) -> Callable[[Play], Play]:
        """Decorator: the function plays a part of this scenario."""

        def keep(play: Play) -> Play:
            self.parts.append(Part(name=name, play=play, rows=rows, policy=policy or {}, schema=schema, trouble=trouble))
            return play

        return keep
