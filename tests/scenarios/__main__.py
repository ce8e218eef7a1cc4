"""`python -m tests.scenarios`: tells which golden texts are stale; `--write` (and numbers, if only some) writes them anew."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.redis_process import private_redis
from tests.sandbox_process import SandboxProcess
from tests.scenarios import page
from tests.scenarios.catalog import SCENARIOS, play
from tests.scenarios.scenario import Part, Scenario
from tests.scenarios.stage import forge_beside


def main(arguments: Sequence[str]) -> int:
    """Play, compare, write if asked. Exit status: 1 if something is stale and was not written, or does not hold."""
    write = "--write" in arguments
    numbers = {int(argument) for argument in arguments if argument.isdecimal()}
    stale = False
    with (
        SandboxProcess.start("--operation-ms", "5", "--evidence-port", "0") as sandbox,
        private_redis() as server,
        forge_beside() as forge,
    ):

        def told(scenario: Scenario, part: Part) -> str:
            try:
                section = play(part, sandbox, server, forge)
            except AssertionError as broken:
                if not part.trouble:
                    raise SystemExit(f"{scenario.number}. {scenario.title}: {part.name}: {broken}") from broken
                return page.section_of(part, ())
            if part.trouble:
                print(f"{scenario.number}. {scenario.title}: {part.name} holds now: its trouble can go")
            return section

        for scenario in SCENARIOS:
            if numbers and scenario.number not in numbers:
                continue
            sections = tuple(told(scenario, part) for part in scenario.parts)
            text, path = page.text_of(scenario, sections), page.golden(scenario)
            if not path.exists() or path.read_text("utf-8") != text:
                stale = True
                print(path.name)
                if write:
                    path.write_text(text, "utf-8")
    text = page.page(SCENARIOS)
    if not page.PAGE.exists() or page.PAGE.read_text("utf-8") != text:
        stale = True
        print(page.PAGE.name)
        if write:
            page.PAGE.write_text(text, "utf-8")
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
