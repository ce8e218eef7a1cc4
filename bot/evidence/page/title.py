"""The title of a page and its first heading, as short clean lines. The page is a stranger's; of it the title alone is kept."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from bot.evidence.page.markup import shown, without_tags

TITLE_MAX: Final = 120
_SCANNED_BYTES: Final = 4096
_OPENING: Final = re.compile(rb"<title[\s/>]")
_HEADING: Final = re.compile(rb"<h1[\s/>]")
_CHARSETS: Final = frozenset(
    ["utf-8", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-15", "windows-1250", "windows-1251", "windows-1252"]
) | frozenset(["koi8-r", "shift_jis", "euc-jp", "euc-kr", "gbk", "gb18030", "big5"])


def clean(text: str, longest: int = TITLE_MAX) -> str:
    """One line without control, format (bidi, zero-width) or unassigned characters; cut with an ellipsis."""
    spaced = " ".join(text.split())
    if spaced.isascii() and spaced.isprintable():
        # Nothing of all that is in it.
        return spaced if len(spaced) <= longest else spaced[: longest - 1] + "…"
    line = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    line = line.strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def title_of(body: bytes, content_type: str) -> str:
    """The text of the first `<title>` of an HTML page, cleaned; empty if there is none. Takes time linear in the body."""
    return _first(body, content_type, _OPENING, b"</title") if is_html(content_type) else ""


def heading_of(body: bytes, content_type: str) -> str:
    """The text of the first `<h1>` that an HTML page shows, cleaned; empty if there is none. Takes time linear in the body."""
    if not is_html(content_type) or b"<h1" not in body.lower():
        return ""
    return _first(shown(body), content_type, _HEADING, b"</h1")


def is_html(content_type: str) -> bool:
    """Whether a page of this Content-Type is HTML; without one, browsers guess so."""
    return content_type.partition(";")[0].strip().lower() in ("", "text/html", "application/xhtml+xml")


def _first(page: bytes, content_type: str, opening: re.Pattern[bytes], closing: bytes) -> str:
    lower = page.lower()
    found = opening.search(lower)
    start = lower.find(b">", found.end() - 1) + 1 if found is not None else 0
    end = lower.find(closing, start) if start > 0 else -1
    if end < 0:
        return ""
    inside = page[start:end][:_SCANNED_BYTES]
    if opening is _HEADING:
        # A title has no tags: what looks like one there is text.
        inside = without_tags(inside)
    return clean(html.unescape(inside.decode(_charset(content_type.partition(";")[2]), "replace")))


def _charset(parameters: str) -> str:
    """A charset of the list, never any codec a stranger names."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(" \t\"'").lower() in _CHARSETS:
            return value.strip(" \t\"'").lower()
    return "utf-8"
