"""Addresses in cells are http or https, and lead to hosts of the public internet.

Readers of a commons show cells as links: `wanted.evidence_url` beside an item, links in descriptions and in JSON. An address
that runs a program in the reader's browser, or leads into the reader's own network, does harm there, whatever kind of pull
brings it. What is no more than a word in a sentence is worth a look; what is a cell's whole text is at fault. The links of a
submission's evidence are followed, and a private host among them is found by *evidence_is_alive*, which knows what the operator
allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.rulebook import Danger, Finding, Level, Place, Snapshot, UnsafeLink, quote, rule, unsafe_links
from bot.rulebook.cells import written

_LINK_COLUMNS = ("evidence", "evidence_url", "hop_uri", "dolt_database")
"""Columns that readers show as a link."""
NAMED_MAX = 5
"""Addresses that are named; more are counted."""


@rule(
    Level.FAULT,
    label="Addresses",
    asks="Addresses in cells are http or https, and lead to public hosts",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    followed = {_host(link.url) for link in pull.links} - {""}
    cells: dict[tuple[str, Danger], list[tuple[Place, bool]]] = {}
    for change in pull.changes.rows:
        for column, text in written(change):
            for unsafe in unsafe_links(text):
                if unsafe.danger is not Danger.PRIVATE or _host(unsafe.text) not in followed:
                    place = Place(change.table, change.key, column)
                    cells.setdefault((unsafe.text, unsafe.danger), []).append((place, _is_shown_as_link(column, unsafe)))
    at_fault = {each: any(shown for _, shown in places) for each, places in cells.items()}
    # What is at fault is named first: it decides.
    for number, (text, danger) in enumerate(sorted(cells, key=lambda each: not at_fault[each])):
        places = [place for place, _ in cells[text, danger]]
        level = Level.FAULT if at_fault[text, danger] else Level.DOUBT
        if number == NAMED_MAX:
            yield check.finding(places[0], f"{len(cells) - NAMED_MAX} more such addresses are written.", level=level)
            return
        yield check.finding(
            places[0],
            f"{_named(places)} an address that {danger.value}: {quote(text)}.",
            f"Write an http or https address of a public host into {_columns(places)}, or none",
            level=level,
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _named(places: list[Place]) -> str:
    one = len(places) == 1
    keys = " and ".join(dict.fromkeys(quote(place.key) for place in places[:3]))
    return f"The {_columns(places)} of {keys} {'holds' if one else 'hold'}"


def _columns(places: list[Place]) -> str:
    return " and ".join(dict.fromkeys(place.column for place in places[:3]))


def _is_shown_as_link(column: str, unsafe: UnsafeLink) -> bool:
    return unsafe.danger is Danger.RUNS or unsafe.alone or column in _LINK_COLUMNS or column.endswith("_url")
