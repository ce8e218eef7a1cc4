"""`python -m tests.scenarios`: plays all scenarios, or those of these numbers; `--write` writes docs/scenarios.md anew."""

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
    """Plays, compares, writes if asked. Exit status: 1 if something is stale and was not written, or does not hold."""
    numbers = {int(argument) for argument in arguments if argument.isdecimal()}
    sections = dict(page.kept())
    with (
        SandboxProcess.start("--operation-ms", "5", "--evidence-port", "0") as sandbox,
        private_redis() as server,
        forge_beside() as forge,
    ):

        def played(scenario: Scenario, part: Part) -> str:
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
            for number, part in enumerate(scenario.parts, start=1):
                name, section = page.name_of(scenario, number), played(scenario, part)
                if sections.get(name) != section:
                    print(f"{name} {scenario.title} {part.name}".rstrip())
                sections[name] = section
    text = page.page(SCENARIOS, sections)
    if page.PAGE.exists() and page.PAGE.read_text("utf-8") == text:
        return 0
    if "--write" in arguments:
        page.PAGE.write_text(text, "utf-8")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
