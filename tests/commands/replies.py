"""What people type, and the whole answer. `python -m tests.commands.replies --write` writes the page anew.

Each line is read, judged by the real rules and planned by the real plan, on the happy pull 57 of the builders. The page is
`golden/replies.md`; what an answer must say whatever its wording stands here, beside the line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.commands import catalog as commands
from bot.converge.plan import plan
from bot.model.evidence import Seen
from bot.model.finding import Verdict
from bot.model.ids import User
from bot.model.policy import Policy, Validator
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Present, Snapshot
from bot.model.step import Answer
from bot.rulebook import find, judge
from tests.build import (
    BOT,
    NOW,
    RIGS,
    a_comment,
    a_fact,
    a_hash,
    a_hold,
    a_probe,
    a_pull,
    a_review,
    a_rig,
    a_snapshot,
    a_stamp,
    a_wanted,
    ago,
    an_answer,
    changes_of,
    merged,
    modified,
)
from tests.scenarios.plain import without_passed

PAGE = Path(__file__).parent / "golden" / "replies.md"
WRITTEN = ago(minutes=5)
NOTHING = "Nothing was changed."
DEAD = (a_probe(seen=Seen.DEAD, probed_at=NOW, misses=tuple(ago(hours=h) for h in (20, 19, 1))),)
FRESH = (a_probe(probed_at=NOW),)

Scene = Callable[[], Snapshot]


def happy(*comments: Comment) -> Snapshot:
    """Work that holds, reviewed twenty minutes ago."""
    return a_snapshot(comments=(a_review(), *comments), probes=FRESH)


def blocked() -> Snapshot:
    """Its link has been dead since the morning."""
    return a_snapshot(comments=(a_review(Verdict.BLOCKED),), probes=DEAD)


def settled() -> Snapshot:
    """Its item is completed on main."""
    return a_snapshot(comments=(a_review(Verdict.BLOCKED),), items=(a_wanted(status="completed"),), probes=FRESH)


def moved() -> Snapshot:
    """Somebody has pushed since the review."""
    other = modified("completions", None, evidence="https://github.com/gastownhall/beads/pull/500")
    return replace(happy(), head=a_hash("pushed"), since_last=changes_of(other))


def other_rig() -> Snapshot:
    """The validator ana also owns a rig that did the work."""
    rigs = (a_rig("polecat-7", "pia", owner_email="ana@example.org"), *RIGS[1:])
    return replace(happy(), rigs=rigs)


def accepted() -> Snapshot:
    """Merged, and stamped by bo's rig."""
    asked = a_comment("bo", "/accept -q 4", ago(minutes=15))
    said = an_answer(asked, "accept", facts=(a_fact("accept", "bo"),))
    seen = merged(happy(asked, said))
    stamp = a_stamp(author="bo-works")
    return replace(
        seen, on_main_now=Present(items=seen.on_main_now.items, completions=seen.on_main_now.completions, stamps=(stamp,))
    )


def held() -> Snapshot:
    """Cy holds it."""
    return happy(a_hold())


def shut() -> Snapshot:
    """Closed unmerged."""
    return replace(happy(), pull=a_pull(state=PullState.CLOSED))


def told_before() -> Snapshot:
    """Cy was told that only validators decide."""
    asked = a_comment("cy", "/accept -q 5", ago(minutes=15))
    return happy(asked, an_answer(asked, "accept", outcome="refused", facts=(a_fact("accept", "cy", "denied"),)))


def two_rigs() -> Snapshot:
    """Two rigs of ana's may decide."""
    rigs = (*RIGS[:1], a_rig("mill", "ana", trust_level="3"), a_rig("kiln", "ana", trust_level="3"), *RIGS[2:])
    return replace(happy(), rigs=rigs, policy=Policy(validators=(Validator(User("bo")),)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table: what is typed, by whom, where, and what the answer must say. No words: no answer."""

    typed: str
    says: tuple[str, ...] = ()
    by: str = "ana"
    on: Scene = field(default=happy)
    changed: bool = False
    """Something is different afterwards, or nothing was asked for that could be: the answer does not end in NOTHING."""

    @property
    def answer(self) -> str | None:
        """The whole answer without its mark, None if there is none."""
        said = a_comment(self.by, self.typed, WRITTEN)
        world = self.on()
        seen = replace(world, comments=(*world.comments, said))
        steps = plan(seen, judge(seen, find()), commands.find()).steps
        last = steps[-1] if steps else None
        return last.body.rpartition("\n\n")[0] if isinstance(last, Answer) and last.to == said.id else None


def _line(typed: str, *says: str, by: str = "ana", on: Scene = happy, changed: bool = False) -> Line:
    return Line(typed=typed, says=says, by=by, on=on, changed=changed)


TABLE: Mapping[str, tuple[Line, ...]] = {
    "What is missing": (
        _line("/accept", "needs `--quality` (1 to 5, or poor, fair, good, excellent)", "/accept --at vedj3hu.1 --quality Q"),
        _line("/accept --quality --severity root", "`--quality` needs a value"),
        _line("/reject", "needs a reason", "will read it"),
        _line("/reject\n\nno tests", "**REJECTED**", "Why: `no tests`", changed=True),
        _line("/override evidence_is_alive", "needs `--because`", on=blocked),
        _line('/override --because "fine"', "needs the name of a check", on=blocked),
        _line("/hold", "No reason was given.", changed=True),
    ),
    "What is wrong": (
        _line("/accept 4", "**ACCEPTED**", "quality 4 (good)", changed=True),
        _line("/accept 4 5", "/accept 4 5\n          ^", "`/accept` does not take loose text"),
        _line("/accept --message took 5 days", 'write `--message "took 5 days"`'),
        _line('/reject -m "no tests"', "**REJECTED**", "Why: `no tests`", changed=True),
        _line('/reject --message "no tests"', "**REJECTED**", "Why: `no tests`", changed=True),
        _line("/accept --qualty 4", "/accept --qualty 4\n        ^", "Unknown option; did you mean `--quality`?"),
        _line("/accept --quality 9", "`--quality` takes 1 to 5, or poor, fair, good, excellent"),
        _line("/accept --quality 4 --severity brnch", "`--severity` takes leaf, branch or root; did you mean `branch`?"),
        _line(
            "/accept --quality 4 --confidence 80",
            "`--confidence` takes 0 to 1, a percentage, or low, medium, high; did you mean `80%`?",
        ),
        _line("/accept --quality 4 --quality 5", "`--quality` is given twice"),
        _line('/accept --quality 4 --message "looks good', "never closed", "after a lone `--message`"),
        _line('/accept --message "looks good', "never closed"),
        _line("/accept --quality 4 --message it's good", "does not take loose text", '--message "it\'s good"'),
        _line("/accept --quality 4 --verdict yes", "Unknown option; options: quality, reliability, severity, skills"),
        _line("/accept --qualty 4 --severity brnch --confidence 80", "`--quality`", "`branch`", "`80%`"),
        _line("/reject not done --at abc", "Options stand before the reason"),
        _line("/acept --quality 4", "Unknown command; did you mean `/accept`?", "/accept --at vedj3hu.1 --quality 4"),
        _line("/accept w-0000 --quality 4", "This pull is about `w-870be07fbc`, not `w-0000`"),
        _line("/recheck evidnce", "No such check: `evidnce`. Did you mean `evidence`?", "Checks: "),
        _line("/help acept", "No command `/acept`. Did you mean `/help accept`?"),
    ),
    "Words of other tools": (
        _line("/approve", "This commons decides with `/accept --quality Q`", "`/approve` does nothing here"),
        _line("/lgtm", "This commons decides with `/accept --quality Q`", "`/lgtm` does nothing here"),
        _line(
            "wl accept w-870be07fbc --quality 4",
            "the command line tool `wl`",
            "/accept --at vedj3hu.1 w-870be07fbc --quality 4",
        ),
        *(
            _line(line, "Commands are plain text", "/accept --at vedj3hu.1 --quality 4")
            for line in (
                "**/accept --quality 4**",
                "`/accept --quality 4`",
                "\\/accept --quality 4",
                "\uff0faccept --quality 4",
                "@stampbot accept --quality 4",
            )
        ),
        _line("please /accept --quality 4", "Commands must start their own line", "/accept --at vedj3hu.1 --quality 4"),
        _line("/withdraw", "/close", "`/withdraw` does nothing here"),
    ),
    "What almost was a command": (
        _line("> he said no\n/accept --quality 4", "belongs to the quotation above it", "Leave an empty line"),
        _line("<br>\n/accept --quality 4", "part of a block of HTML", "Leave an empty line"),
        _line("```\n/accept --quality 4\n```", "Commands in a code block are never carried out"),
    ),
    "Several in one comment": (
        _line("/accept --quality 4\n/reject no", "Two decisions in one comment: neither was carried out"),
        _line(
            "/hold wait\n/accept --qualty 4", "**HELD**", "did you mean `--quality`?", "Nothing else was changed.", changed=True
        ),
        _line("/hold wait\n/accept --quality 4", "**HELD**", "The same comment holds this pull", changed=True),
        _line("/recheck\n/accept --qualty 4", "**CHECKED AGAIN**", "did you mean `--quality`?"),
        _line('/override evidence_is_alive --because "ok"\n/accept --qualty 4', "`/override` was not carried out", on=blocked),
    ),
    "Who may": (
        _line(
            "/accept --quality 4",
            "Only validators decide here",
            "`ana`, `bo`",
            "You can use `/hold`, `/status`, `/help`",
            by="cy",
        ),
        _line("/accept --quality 4", by="cy", on=told_before),
        _line("/reject no", by="cy", on=told_before),
        _line("/status\n/accept --quality 4", "Only validators decide here", "**STATUS**", by="cy", on=told_before),
        _line("/override evidence_is_alive --because ok", "Only validators decide here", by="cy", on=told_before),
        _line("/accept --quality 4", "Only validators decide here", "`/recheck`", by="pia"),
        _line("/accept --quality 4", "Yearbook rule", "`ana-town` and `polecat-7`", "Free validators: `bo`", on=other_rig),
        _line("/accept --quality 4", "Several of your rigs may decide here", "--as mill", on=two_rigs),
        _line("/recheck", "for the user who opened the pull, for the contributor, and for validators", by="cy"),
        _line("/hold no", "no rig on main belongs to the account `eve`", by="eve"),
        _line("/unhold", "The hold is not yours to lift", by="pia", on=held),
        _line('/override evidence_is_alive --because "mine"', "Only validators decide here", by="pia", on=blocked),
    ),
    "When": (
        _line("/accept --at vedj3hu --quality 4", "moved from `vedj3hu` to", "`completions`", "`evidence`: ", on=moved),
        _line("/accept --at 0000000 --quality 4", "names no review", "`vedj3hu.1`"),
        _line("/accept --quality 4", "Accepted already by `bo-works`", "stamp `s-", changed=True, on=accepted),
        _line("/accept --quality 4", "This pull is closed", on=shut),
        _line("/accept --quality 4", "`cy` holds this pull since", "`/unhold` lifts it", on=held),
        _line(
            "/accept --quality 4",
            "**BLOCKED**",
            "Evidence: ",
            '/override evidence_is_alive --at vedj3hu.1 --because "…"',
            "`/reject`",
            on=blocked,
        ),
        _line("/accept --quality 4", "**BLOCKED**", "Cannot be overridden: `item_moves_legally`", on=settled),
        _line("/override decision --because no", "cannot be overridden", on=blocked),
        _line("/override item_moves_legally --because no", "cannot be overridden", on=settled),
        _line("/override evidnce --because no", "Did you mean `evidence`?", on=blocked),
        _line("/unhold", "This pull is not held"),
    ),
    "What phones and pages make of it": (
        _line("/RECHECK.", "**CHECKED AGAIN**", changed=True),
        _line("/hold x=y is wrong", "Why: `x=y is wrong`", changed=True),
        _line("/reject it's \u201cdone\u201d \u2014 not", "**REJECTED**", changed=True),
        _line("/accept \u2014quality 9 \u2014message \u201cfine\u201d", "`--quality` takes 1 to 5"),
    ),
    "Taking back": (
        _line("/cancel", "Nothing of yours is in force here"),
        _line("/cancel", "**TAKEN BACK**", "your hold since", changed=True, by="cy", on=held),
        _line("/hold cancel", "**HOLD LIFTED**", changed=True, by="cy", on=held),
        _line("/unhold cancel", "This takes nothing back", "/cancel unhold", by="cy", on=held),
        _line("/accept cancel", "This takes nothing back: `/cancel` does", "/cancel accept"),
        _line("/lgtm cancel", "This takes nothing back: `/cancel` does", "/cancel accept"),
        _line("/close cancel", "This takes nothing back: `/cancel` does", "/cancel close"),
        _line("/override evidence_is_alive cancel", "`/override` does not take loose text"),
        _line("/override cancel", "This takes nothing back"),
        _line("/reject cancel", "No rejection of yours stands here"),
        _line("/revert", "`/revert` does nothing here", "/cancel"),
    ),
    "Written as people write": (
        _line("/accept-quality 4", "A space must follow `/accept`", "/accept --at vedj3hu.1 --quality 4"),
        _line("/accept quality: 4", "Options are written `--quality Q`", "/accept --at vedj3hu.1 --quality 4"),
        _line("/accept --help", "/help accept"),
        _line("/accept --quality 4 ✅", 'write `--message "✅"`'),
        _line("/accept -quality 4", "did you mean `--quality`?", "/accept --at vedj3hu.1 --quality 4"),
        _line("/accept --quality 4.5", "`--quality` takes 1 to 5"),
        _line("/accept --quality 4 --skills go, sql, relay", 'write `--skills "go, sql, relay"`'),
        _line('/accept --quality 4 --skills "go, sql"', "**ACCEPTED**", "skills `go, sql`", changed=True),
        _line("/accept --quality 4 --skills go --skills sql", "`--skills` is given twice"),
        _line("Thanks!\n/accept --quality 4\n-- \nAna", "**ACCEPTED**", changed=True),
        _line("/accept --quality 4\n\nOn Mon, Pia wrote:\n> /reject no tests", "**ACCEPTED**", changed=True),
        _line("/accept --quality 4 --yes please", 'write `--message "please"`'),
        _line("/accept --quality 4 /hold", "**HELD**", "`/accept` does not take loose text", changed=True),
        _line("/close duplicate of #8", "`/close --pull-only why`"),
        _line("/close --pull-only duplicate of #8", "**PULL CLOSED, NO ROW TOUCHED**", changed=True),
        _line("/close duplicate of #8 --pull-only", "Options stand before the reason"),
        _line("/accept --quality 5/5 --confidence 95", "did you mean `95%`?"),
        _line("/retest", "**CHECKED AGAIN**", changed=True),
        _line("/test", "did you mean `/recheck`?"),
        _line("/reject nit: /accept once fixed", "**REJECTED**", "Why: `nit: /accept once fixed`", changed=True),
        _line("1. /accept --quality 4", "Commands must start their own line", "/accept --at vedj3hu.1 --quality 4"),
        _line("/accept \u2013quality 4", "**ACCEPTED**", changed=True),
        _line('/accept --quality 4 --message "line one\nline two"', "never closed"),
    ),
    "No answer": (
        _line("/reopen"),
        _line("/assign @ana"),
        _line("/ok"),
        _line("help"),
        _line("/usr/bin/env fails"),
        _line("/shrug"),
        _line("I would not /reject this"),
        _line("use `/accept --quality 4` for that"),
        _line("> /accept --quality 4"),
        _line("    /accept --quality 4"),
        _line("<!--\n/accept --quality 4\n-->"),
        _line("```\n/accept --quality 4\n```\n\nlike this"),
        _line("/accept --quality 4", by=BOT),
        _line("please /accept --quality 4", by="cy"),
    ),
}
"""By what is wrong. Every line of `commands in comments` that people get wrong stands here."""


def _folded(answer: str | None) -> str | None:
    """The answer without what a new rule would change: which checks passed, and the list of all."""
    return None if answer is None else re.sub(r"Checks: [^\n]*", "Checks: ….", without_passed(answer))


def page() -> str:
    """The golden page: each line and its whole answer."""
    parts = ["# What people type, and what they are answered", "Written by `make docs`."]
    for heading, lines in TABLE.items():
        parts.append(f"## {heading}")
        for line in lines:
            where = (line.on.__doc__ or "").split("\n")[0].rstrip(".")
            told = _folded(line.answer)
            parts.append(f"`{line.by}` writes{f' ({where})' if where else ''}:")
            parts.append(f"````text\n{line.typed}\n````")
            parts.append("No answer." if told is None else "\n".join(f"> {row}".rstrip() for row in told.split("\n")))
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Compares the page, or writes it. Exit status: 1 if it is stale and was not written."""
    made = page()
    if "--write" in arguments:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(made, "utf-8")
        return 0
    return 0 if PAGE.read_text("utf-8") == made else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
