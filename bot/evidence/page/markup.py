"""Just enough HTML to see what a page shows: time linear in the page, whatever the page is. Never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_HIDING: Final = re.compile(rb"<(?:!--|(script|style|template|noscript|noframes|iframe)(?=[\s/>]))")
# Possessive, and no "<" within a tag: else a page of "<<<<" or "<aaaa" would be read again and again.
_TAG: Final = re.compile(rb"<([a-z][a-z0-9-]*+)([^<>]*+)>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(rb"([^\s=/\"'<>]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'<>]++)))?+")
_ANY_TAG: Final = re.compile(rb"<[^<>]*+>")


def shown(page: bytes) -> bytes:
    """The page without comments and without what no visitor reads: the inside of scripts, styles, templates and frames.

    Their tags stay. What is never closed hides the rest of the page, as it does in a browser.
    """
    lower = page.lower()
    kept: list[bytes] = []
    at = 0
    while (opening := _HIDING.search(lower, at)) is not None:
        kept.append(page[at : opening.start()])
        name: bytes | None = opening[1]
        if name is None:
            end = lower.find(b"-->", opening.end())
            end += 3 if end >= 0 else 0
        else:
            start = lower.find(b">", opening.end()) + 1
            kept.append(page[opening.start() : start] if start else b"")
            end = lower.find(b"</" + name, start) if start else -1
        if end < 0:
            return b"".join(kept)
        at = end
    kept.append(page[at:])
    return b"".join(kept)


def without_tags(page: bytes) -> bytes:
    """The text between tags, a blank where a tag was."""
    return _ANY_TAG.sub(b" ", page)


def tags(page: bytes) -> Iterator[tuple[str, bytes]]:
    """Name, lower-case, and attributes, as written, of each opening tag."""
    for match in _TAG.finditer(page):
        yield match[1].lower().decode("ascii"), match[2]


def attribute(attributes: bytes, name: str) -> str:
    """The value of an attribute, blanks around it dropped; empty if it is not there. Of several the first counts."""
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == name.encode():
            return (found[2] or found[3] or found[4] or b"").decode("latin-1").strip()
    return ""
