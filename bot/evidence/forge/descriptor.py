"""A forge or registry, described: everything the bot knows of it stands in one module of bot/evidence/forge/apis.

A new one is a new module there with a `FORGE`, and its test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.evidence.forge.inquiry import Inquiry
from bot.evidence.forge.roots import is_this_machine
from bot.evidence.kind import Evidence, Kind

JSON: Final = (("Accept", "application/json"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Another host whose links mean things of a forge: `host` stands for the forge's host `of`.

    `host` ending in a dot stands before any host of the forge: `gist.` for `gist.github.com`.
    """

    host: str
    of: str = ""
    paths: tuple[tuple[Kind, re.Pattern[str]], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Descriptor:
    """One forge or registry, by the `name` it has in `[forges]` and `[registries]`.

    `inquiries`: its kinds, in the order in which their paths are tried, and for each the questions that are asked.
    `public_hosts`: hosts that are known without the operator's word. `file_hosts`: hosts that keep the files of a public
    forge and answer 404 for what it hides. `headers` are sent with each question.

    The root of the API is `api_roots[host]`, else `api_path` at the host itself; with `only_listed` the latter holds for this
    machine alone, because servers elsewhere speak another API.
    """

    name: str
    inquiries: Mapping[Kind, Callable[[Evidence], Inquiry]]
    is_registry: bool = False
    public_hosts: tuple[str, ...] = ()
    file_hosts: tuple[str, ...] = ()
    doors: tuple[Door, ...] = ()
    headers: tuple[tuple[str, str], ...] = JSON
    api_path: str = ""
    api_roots: Mapping[str, str] = field(default_factory=dict)
    only_listed: bool = False

    def __repr__(self) -> str:
        return f"Descriptor({self.name!r})"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(self.inquiries)

    def inquire(self, evidence: Evidence) -> Inquiry | None:
        """The questions about a piece of evidence; None if its kind is not of this forge."""
        make = self.inquiries.get(evidence.kind)
        return make(evidence) if make is not None else None

    def root(self, host: str) -> str:
        """The root of the API at a host; empty if it has none that the bot speaks. On this machine it is asked over http."""
        if host in self.api_roots:
            return self.api_roots[host]
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        is_near = is_this_machine(name.strip("[]"))
        if self.only_listed and not is_near:
            return ""
        return f"{'http' if is_near else 'https'}://{host}{self.api_path}"
