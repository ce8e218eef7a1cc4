"""How carrying out a step can end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """The fact by which the step is recognised holds. `look_again`: what follows is planned from the world as it is now."""

    look_again: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be done, and repeating will not help. `why` may quote the server: strangers' text.

    `changed`: some of it was done before, and stays.
    """

    why: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """The world is not what the plan was made from; the next look plans anew. `why` is for the log."""

    why: str


Ended = Done | Refused | Moved
