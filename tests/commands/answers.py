"""`python -m tests.commands.answers`: each decision on an example of each form of pull, and the whole comment that answers it.

The comments stand in `tests/commands/golden/answers/`, one file for each form; `--write` writes them anew. They come from the
bot's own plan, carried out step by step on a pure picture of DoltHub (see `tests.unit.test_plan_law`), by pull and straight to
main.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bot.commands import catalog as commands
from bot.converge.plan import plan
from bot.model.kind import Form, PullKind
from bot.model.policy import Landing
from bot.model.snapshot import Snapshot
from bot.model.step import Answer
from bot.rulebook import catalog as rules
from bot.rulebook.judge import judge
from tests.build import a_comment, ago
from tests.house.kinds import ACCEPT, example
from tests.scenarios.plain import without_passed
from tests.unit.test_plan_law import after, merge

GOLDEN = Path(__file__).parent / "golden" / "answers"
RULES, COMMANDS = rules.find(), commands.find()
STEPS_MAX = 6


def typed(kind: PullKind) -> tuple[str, ...]:
    """What is written below a pull of this kind, each for itself."""
    accept = ACCEPT.get(kind, "/accept")
    close = ("/close --yes Solved elsewhere.", "/close --pull-only Not this way.") if kind is PullKind.WORK else ()
    return (
        accept,
        f"{accept} --dry-run",
        "/accept --quality good --adopt --message Thanks",
        "/reject It does not build.",
        *close,
        "/close No longer wanted.",
    )


ON_MAIN = ("/accept --quality 4", "/accept --quality 4 --dry-run", "/reject It does not build.", "/close Solved elsewhere.")
"""What is written below work that somebody merged by hand."""


def answer(bare: Snapshot, body: str, landing: Landing) -> str:
    """The whole comment that answers `body` in the end, after its steps in words."""
    comment = a_comment("ana", body, ago(minutes=5))
    snapshot = replace(bare, policy=replace(bare.policy, landing=landing), comments=(*bare.comments, comment))
    taken: list[str] = []
    for _ in range(STEPS_MAX):
        step = plan(snapshot, judge(snapshot, RULES), COMMANDS).steps[0]
        taken.append(type(step).__name__)
        if isinstance(step, Answer):
            assert step.to == comment.id
            return f"{', '.join(taken)}\n\n{step.body}"
        snapshot = after(snapshot, step)
    raise AssertionError(f"{body} is never answered")


def page(form: Form) -> str:
    """All answers on the example of one form."""
    return "\n".join(_sections(form, example(form)))


def _sections(form: Form, snapshot: Snapshot) -> Iterator[str]:
    yield f"# {form.value}\n"
    for body in typed(snapshot.kind):
        yield from _section(snapshot, body)
    if snapshot.kind is PullKind.WORK:
        for body in ON_MAIN:
            yield from _section(merge(snapshot), body, " (merged by hand)")


def _section(snapshot: Snapshot, body: str, where: str = "") -> Iterator[str]:
    by_pull, direct = (without_passed(answer(snapshot, body, landing)) for landing in (Landing.PULL, Landing.DIRECT))
    alike = by_pull == direct
    for landing, said in (("", by_pull),) if alike else ((", landing by pull", by_pull), (", landing direct", direct)):
        yield f"## {body}{where}{landing}\n"
        yield "\n".join(f"> {line}".rstrip() for line in said.split("\n")) + "\n"


def golden(form: Form) -> Path:
    """Where the answers on one form are kept."""
    return GOLDEN / f"{form.name.lower()}.md"


def main(arguments: Sequence[str]) -> int:
    """Compare, or write. Exit status: 1 if something is stale and was not written."""
    stale = [form for form in Form if not golden(form).exists() or golden(form).read_text("utf-8") != page(form)]
    if "--write" in arguments:
        GOLDEN.mkdir(parents=True, exist_ok=True)
        for form in stale:
            golden(form).write_text(page(form), "utf-8")
    print("\n".join(golden(form).name for form in stale))
    return 1 if stale and "--write" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
