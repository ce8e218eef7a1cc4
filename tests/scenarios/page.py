"""Golden texts and the page for readers: how what was played is written down, and read again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.house.tree import ROOT
from tests.scenarios.scenario import Part, Scenario
from tests.scenarios.stage import Case

GOLDEN = Path(__file__).parent / "golden"
PAGE = ROOT / "docs" / "scenarios.md"
_BOUND = re.compile(r"^<!-- part (\d+) -->$\n", re.MULTILINE)
_SAID = re.compile(r"(?:^>.*\n)+", re.MULTILINE)
_LEFT_OUT = re.compile(r"\d+ (?:more )?passed: |This pull |Validators, |Checked |Worker |```|`stampbot/1 ")
"""How paragraphs begin that a shortened review does without."""

INTRO = """\
# Scenarios

What happens to pulls on a commons, told as stories: who does what, what the bot says below the pull, and what is on main
afterwards. Each is played on the [sandbox](sandbox.md) with the real bot whenever the tests run, and what the bot says is
compared to the letter. This page is written by `python -m tests.scenarios --write`.

The commons is the same each time. `alice` is a rig of the account `alice-dev`; she posted all items, and may validate (trust
level 3). `bob` is a rig of `bob` and `mallory` one of `mallory`, both of trust level 1; `carol` belongs to `carol-org` and has
trust level 2; `bob-bot` is an agent whose parent rig is `bob`. Bob's work lies on a forge that the operator trusts.

The first review of the first story stands here whole, all others without the lists that are alike everywhere; the whole text
is behind the link below each story. What differs from run to run is written as `commit-1`, `stamp-1`, `comment-1`, `digest`,
`HH:MM UTC`, `NOW`, and hosts as `forge.example` and `pages.example`.
"""


def text_of(scenario: Scenario, sections: Sequence[str]) -> str:
    """The golden text of a scenario: one section for each of its parts."""
    parts = "\n".join(f"<!-- part {number} -->\n{section}" for number, section in enumerate(sections, start=1))
    return f"# {scenario.number}. {scenario.title}\n\n{scenario.story}\n\n{parts}"


def section_of(part: Part, cases: Sequence[Case]) -> str:
    """What was played in one part."""
    lines = [f"\n## {part.name}\n"] if part.name else []
    if part.trouble:
        lines.append(f"\n*Not yet as it should be.* {part.trouble}\n")
    else:
        for case in cases:
            lines.extend([f"\n### {case.title}\n"] if case.title else [""])
            lines.extend(case.lines)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n") + "\n"


def golden(scenario: Scenario) -> Path:
    """Where the golden text of a scenario lies."""
    return GOLDEN / f"{scenario.slug}.md"


def kept(scenario: Scenario) -> tuple[str, ...]:
    """The sections of a golden text as kept, by part; empty if there is none."""
    path = golden(scenario)
    return tuple(_BOUND.split(path.read_text("utf-8"))[2::2]) if path.exists() else ()


def page(scenarios: Sequence[Scenario]) -> str:
    """The page for readers, made from the golden texts."""
    contents = "\n".join(f"{s.number}. [{s.title}](#{_anchor(s)})" for s in scenarios)
    return "\n".join((INTRO, contents, "", *(_story(s) for s in scenarios)))


def _story(scenario: Scenario) -> str:
    told = "\n".join(_readable(kept(scenario), whole=scenario.number == 1))
    links = [_link(golden(scenario), "every word of it"), *(_link(ROOT / path, f"`{path}`") for path in scenario.see)]
    more = f"More: {', '.join(links)}."
    return f"## {scenario.number}. {scenario.title}\n\n{scenario.story}\n{told}\n{more}\n"


def _readable(sections: Sequence[str], *, whole: bool) -> Iterator[str]:
    """The sections with headings one level lower and comments shortened; `whole`: all but the first comment."""
    for section in sections:
        lowered = re.sub(r"^(#+ )", r"#\1", section, flags=re.MULTILINE)
        parts: list[str] = []
        end = 0
        for said in _SAID.finditer(lowered):
            parts.extend((lowered[end : said.start()], said[0] if whole else _shortened(said[0])))
            end, whole = said.end(), False
        yield "".join((*parts, lowered[end:]))


def _shortened(said: str) -> str:
    """A comment of the bot without the paragraphs that are alike everywhere; of an answer all but its mark."""
    is_review = "`stampbot/1 review" in said
    paragraphs = re.split(r"^>\n", said, flags=re.MULTILINE)
    dropped = _LEFT_OUT if is_review else re.compile("`stampbot/1 ")
    return ">\n".join(p for p in paragraphs if not dropped.match(p.removeprefix("> ")))


def _anchor(scenario: Scenario) -> str:
    return re.sub(r"[^\w\- ]", "", f"{scenario.number}. {scenario.title}".lower()).replace(" ", "-")


def _link(path: Path, shown: str) -> str:
    return f"[{shown}](../{path.relative_to(ROOT).as_posix()})"
