"""Addresses in cells are http or https, and lead to hosts of the public internet.

Readers of a commons show cells as links: `wanted.evidence_url` beside an item, links in descriptions and in JSON. An address
that runs a program in the reader's browser, or leads into the reader's own network, does harm there, whatever kind of pull
brings it. What is no more than a word in a sentence is worth a look; what is a cell's whole text is at fault. The links of a
submission's evidence are followed, and what is private among them is found by *evidence_is_alive*.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Danger, Finding, Level, Place, Snapshot, UnsafeLink, quote, rule, unsafe_links
from bot.rulebook.cells import written

_LINK_COLUMNS = ("evidence", "evidence_url", "hop_uri", "dolt_database")
"""Columns that readers show as a link."""


@rule(
    Level.FAULT,
    label="Addresses",
    asks="Addresses in cells are http or https, and lead to public hosts",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    followed = {link.url for link in pull.links}
    for change in pull.changes.rows:
        for column, text in written(change):
            for unsafe in unsafe_links(text):
                if unsafe.text in followed:
                    continue
                place = Place(change.table, change.key, column)
                level = Level.FAULT if _is_shown_as_link(column, unsafe) else Level.DOUBT
                yield check.finding(
                    place,
                    f"The {column} of {quote(change.key)} holds an address that {unsafe.danger.value}: {quote(unsafe.text)}.",
                    f"Write an http or https address of a public host into {column}, or none",
                    level=level,
                )


def _is_shown_as_link(column: str, unsafe: UnsafeLink) -> bool:
    return unsafe.danger is Danger.RUNS or unsafe.alone or column in _LINK_COLUMNS or column.endswith("_url")
