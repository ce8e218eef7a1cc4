"""The table in docs/sandbox.md: what each seeded pull is for. `python -m sandbox.seed.docs` writes it there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sandbox.seed.pulls import PULLS
from sandbox.seed.shapes import SeedPull

BEGIN = "<!-- seeded pulls: begin (written by python -m sandbox.seed.docs) -->"
END = "<!-- seeded pulls: end -->"


def pull_table(pulls: tuple[SeedPull, ...] = PULLS) -> str:
    """The Markdown table, one row per pull in the order they are opened (so the row's number is the pull's)."""
    rows = [
        "| # | name | from | kind | evidence | verdict | what it is for |",
        "|---|---|---|---|---|---|---|",
    ]
    rows.extend(
        f"| {number} | {pull.slug} | `{pull.user}` `{pull.branch}` | {pull.kind} | {_evidence(pull)} | {pull.verdict} "
        f"| {pull.purpose} |"
        for number, pull in enumerate(pulls, start=1)
    )
    return "\n".join(rows)


def _evidence(pull: SeedPull) -> str:
    """The evidence in its short form; of a long hash the beginning."""
    short = re.sub("([0-9a-f]{10})[0-9a-f]{30}", r"\1…", pull.evidence)
    return f"`{short}`" if short else ""


def between_markers(text: str) -> str:
    """What stands between the two markers, without the surrounding blank lines.

    Raises:
        ValueError: a marker is missing or stands twice.
    """
    _, table, _ = _cut(text)
    return table.strip("\n")


def with_table(text: str) -> str:
    """The page with the present table between its markers.

    Raises:
        ValueError: a marker is missing or stands twice.
    """
    before, _, after = _cut(text)
    return f"{before}{BEGIN}\n\n{pull_table()}\n\n{END}{after}"


def _cut(text: str) -> tuple[str, str, str]:
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}, once each, in this order")
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    return before, table, after


def main(path: Path) -> None:
    """Write the table into the page at `path`."""
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/sandbox.md"))
