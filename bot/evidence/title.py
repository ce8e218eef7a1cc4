"""The title of a page, as a short clean line. The page is a stranger's; nothing else of it is kept."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

TITLE_MAX: Final = 120
_SCANNED_BYTES: Final = 4096
_OPENING: Final = re.compile(rb"<title[\s/>]")
_CHARSETS: Final = frozenset(
    ["utf-8", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-15", "windows-1250", "windows-1251", "windows-1252"]
) | frozenset(["koi8-r", "shift_jis", "euc-jp", "euc-kr", "gbk", "gb18030", "big5"])


def clean(text: str, longest: int = TITLE_MAX) -> str:
    """One line without control, format (bidi, zero-width) or unassigned characters; cut with an ellipsis."""
    spaced = " ".join(text.split())
    line = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    line = line.strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def title_of(body: bytes, content_type: str) -> str:
    """The text of the first `<title>` of an HTML page, cleaned; empty if there is none. Takes time linear in the body."""
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() not in ("", "text/html", "application/xhtml+xml"):
        return ""
    lower = body.lower()
    opening = _OPENING.search(lower)
    start = lower.find(b">", opening.end() - 1) + 1 if opening is not None else 0
    end = lower.find(b"</title", start) if start > 0 else -1
    if end < 0:
        return ""
    return clean(html.unescape(body[start:end][:_SCANNED_BYTES].decode(_charset(parameters), "replace")))


def _charset(parameters: str) -> str:
    """A charset of the list, never any codec a stranger names."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(" \t\"'").lower() in _CHARSETS:
            return value.strip(" \t\"'").lower()
    return "utf-8"
