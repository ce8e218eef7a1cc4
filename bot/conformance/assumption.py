"""One assumption, and what trying it on a host came to."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from bot.conformance.trial import Trial


class Outcome(enum.Enum):
    """What trying an assumption came to."""

    AS_ASSUMED = "as assumed"
    DIFFERENT = "different"
    NOT_TRIED = "could not be tried"


class Different(Exception):
    """The host does something else than is assumed; the text names it."""


class NotTried(Exception):
    """The assumption could not be tried; the text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One assumption. `check` raises Different, NotTried or HubError; its docstring describes how it is tried."""

    id: str
    assumes: str
    depends: str
    """The function of the bot that depends on it, as `module.function`."""
    changes: str
    """What a host that is different changes."""
    check: Callable[[Trial], None]
    writes: bool

    @property
    def tried(self) -> str:
        """How it is tried, in one sentence."""
        return " ".join((self.check.__doc__ or "").split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of a report. `says`: what was different, or why it could not be tried; empty where all is as assumed."""

    id: str
    outcome: Outcome
    says: str
    assumes: str
    changes: str


def differs_unless(holds: object, says: str) -> None:
    """Raises Different with `says` unless `holds`."""
    if not holds:
        raise Different(says)
