"""The page of scenarios, docs/scenarios.md: it is written from what was played, and what is played is compared with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.house.tree import ROOT
from tests.scenarios.scenario import Part, Scenario
from tests.scenarios.stage import Case

PAGE = ROOT / "docs" / "scenarios.md"
_PART = re.compile(r"^<!-- part (\S+) -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)

INTRO = """\
# Scenarios

For developers, and for validators who want to see a whole story.

What happens to pulls on a commons, as stories: who does what, what the bot writes below the pull, and what is on main
afterwards. The tests play each story on the [sandbox](sandbox.md) with the real bot, and compare each comment of the bot with
this page, character by character. `make docs` writes the page.

The commons is the same each time. `alice` is a rig of the account `alice-dev`; she posted all items, and may validate (trust
level 3). `bob` is a rig of `bob` and `mallory` one of `mallory`, both of trust level 1; `carol` belongs to `carol-org` and has
trust level 2; `bob-bot` is an agent whose parent rig is `bob`. Bob's work is on a forge that the operator trusts.

What differs from run to run is written as `commit-1`, `stamp-1`, `comment-1`, `digest`, `HH:MM UTC`, `NOW`, and hosts as
`forge.example` and `pages.example`. The number and the names of the checks that passed are left out, so that a new check
leaves this page as it is.
"""

Sections = Mapping[str, str]
"""What was played, by the name of the part: `12.3`."""


def name_of(scenario: Scenario, part: int) -> str:
    """The name of a part by its place, from 1: `12.3`."""
    return f"{scenario.number}.{part}"


def section_of(part: Part, cases: Sequence[Case]) -> str:
    """What was played in one part."""
    lines = [f"\n### {part.name}\n"] if part.name else []
    if part.trouble:
        lines.append(f"\n*Not yet as it should be.* {part.trouble}\n")
    else:
        for case in cases:
            lines.extend([f"\n#### {case.title}\n"] if case.title else [""])
            lines.extend(case.lines)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n") + "\n"


def kept() -> Sections:
    """The sections as they are on the page; none where there is no page."""
    return dict(_PART.findall(PAGE.read_text("utf-8"))) if PAGE.exists() else {}


def page(scenarios: Sequence[Scenario], sections: Sections) -> str:
    """The whole page."""
    contents = "\n".join(f"{s.number}. [{s.title}](#{_anchor(s)})" for s in scenarios)
    return "\n".join((INTRO, contents, "", *(_story(s, sections) for s in scenarios)))


def _story(scenario: Scenario, sections: Sections) -> str:
    names = [name_of(scenario, number) for number, _ in enumerate(scenario.parts, start=1)]
    told = "\n".join(f"<!-- part {name} -->\n{sections.get(name, '')}<!-- end -->" for name in names)
    links = ", ".join(_link(ROOT / path, f"`{path}`") for path in scenario.see)
    more = f"\nMore: {links}.\n" if links else ""
    return f"## {scenario.number}. {scenario.title}\n\n{scenario.story}\n\n{told}\n{more}"


def _anchor(scenario: Scenario) -> str:
    return re.sub(r"[^\w\- ]", "", f"{scenario.number}. {scenario.title}".lower()).replace(" ", "-")


def _link(path: Path, shown: str) -> str:
    return f"[{shown}](../{path.relative_to(ROOT).as_posix()})"
