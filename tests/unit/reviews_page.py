"""A page of whole reviews, kept as golden/reviews.md: `python -m tests.unit.reviews_page --write` writes it anew."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from bot.messages import reviews
from bot.model.evidence import Seen
from bot.model.ids import User
from bot.model.kind import PullKind
from bot.model.snapshot import Snapshot
from bot.rulebook import catalog as rules
from bot.rulebook.judge import judge
from bot.rulebook.kit import gallery
from bot.rulebook.kit.examples import EXAMPLES
from bot.rulebook.kit.gallery import sane

PAGE = Path(__file__).parent / "golden" / "reviews.md"
RULES = rules.find()
VERIFIED = gallery.seen(
    Seen.VERIFIED, "merged", state="merged", repo="hop/relay", author="kim", merged_by="bo",
    merged_at="2026-06-14T13:20:00Z", title="Retry after a dropped lease", files="3",
)  # fmt: skip


def by_name() -> dict[str, Snapshot]:
    """The pulls whose reviews stand on the page."""
    examples = {f"A pull in which {each.what}": each.pull for each in EXAMPLES}
    work = sane(PullKind.WORK)
    impostor = replace(work, pull=replace(work.pull, creator=User("mallory")))
    return {
        "Work whose evidence a forge verified": replace(work, probes=(VERIFIED,)),
        "Work whose evidence answers": work,
        "Work submitted in the name of another's rig": impostor,
        **{f"A pull that is a {kind.value}": sane(kind) for kind in gallery.KINDS if kind is not PullKind.WORK},
        "An edit of a long text": gallery.having(sane(PullKind.EDIT), "wanted", description="It drops. " * 60),
        **examples,
    }


def page() -> str:
    """The whole page."""
    parts = ["# Reviews\n\nWritten by `python -m tests.unit.reviews_page --write`."]
    for name, snapshot in by_name().items():
        parts.append(f"## {name}\n\n{reviews.body(snapshot, judge(snapshot, RULES))}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(page(), "utf-8")
