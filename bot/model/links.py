"""The links in a text, as its reader sees them: without the marks of the sentence, of Markdown and of quotation around them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

EVIDENCE_LINKS_MAX = 10

_START: Final = re.compile(r"https?://", re.IGNORECASE)
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_NEVER: Final = frozenset("<>\"'`")
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_BETWEEN_LINKS: Final = frozenset(",;|")
"""Ends a link where the next one follows at once; else a link can hold it."""
_SENTENCE: Final = frozenset(
    "\N{IDEOGRAPHIC COMMA}\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH COMMA}\N{FULLWIDTH FULL STOP}\N{FULLWIDTH COLON}"
    "\N{FULLWIDTH SEMICOLON}\N{FULLWIDTH EXCLAMATION MARK}\N{FULLWIDTH QUESTION MARK}\N{FULLWIDTH VERTICAL LINE}"
    "\N{HALFWIDTH IDEOGRAPHIC FULL STOP}\N{HALFWIDTH IDEOGRAPHIC COMMA}\N{WAVE DASH}\N{FULLWIDTH TILDE}"
    "\N{ARABIC COMMA}\N{ARABIC SEMICOLON}\N{ARABIC QUESTION MARK}\N{ARABIC FULL STOP}"
    "\N{DEVANAGARI DANDA}\N{DEVANAGARI DOUBLE DANDA}\N{ARMENIAN FULL STOP}\N{ETHIOPIC FULL STOP}\N{ETHIOPIC COMMA}"
    "\N{KHMER SIGN KHAN}\N{MYANMAR SIGN SECTION}\N{MYANMAR SIGN LITTLE SECTION}"
    "\N{INVERTED EXCLAMATION MARK}\N{INVERTED QUESTION MARK}\N{DOUBLE EXCLAMATION MARK}\N{INTERROBANG}\N{BULLET}"
    "\N{EM DASH}\N{HORIZONTAL BAR}\N{TWO-EM DASH}\N{THREE-EM DASH}"
    # Quotation marks that Unicode counts among other things.
    "\N{FULLWIDTH QUOTATION MARK}\N{FULLWIDTH APOSTROPHE}\N{PRIME}\N{DOUBLE PRIME}\N{ACUTE ACCENT}"
    "\N{HEAVY DOUBLE TURNED COMMA QUOTATION MARK ORNAMENT}\N{HEAVY DOUBLE COMMA QUOTATION MARK ORNAMENT}"
    "\N{HEAVY SINGLE TURNED COMMA QUOTATION MARK ORNAMENT}\N{HEAVY SINGLE COMMA QUOTATION MARK ORNAMENT}"
)
"""Marks beyond ASCII that end a link wherever they stand. Not an ellipsis: a link with one was cut short and is no link."""
_QUOTES_AND_BRACKETS: Final = frozenset({"Ps", "Pe", "Pi", "Pf"})
_WITHIN_WORDS: Final = frozenset(
    "\N{RIGHT SINGLE QUOTATION MARK}\N{MIDDLE DOT}\N{HYPHENATION POINT}\N{KATAKANA MIDDLE DOT}"
    "\N{HALFWIDTH KATAKANA MIDDLE DOT}\N{HEBREW PUNCTUATION GERESH}\N{HEBREW PUNCTUATION GERSHAYIM}"
)
"""Between two letters of one kind these belong to a word, and so to a link; elsewhere they end it."""
_DOTS_OF_HOSTS: Final = frozenset("\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH FULL STOP}\N{HALFWIDTH IDEOGRAPHIC FULL STOP}")
"""Browsers read these as dots in the name of a host (UTS 46)."""
_TRAILING: Final = frozenset(".,;:!?|\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{MINUS SIGN}")
"""What a link can hold and does not end with."""
_EMPHASIS: Final = frozenset("*_~")
_RUN: Final = re.compile(r"\*+|_+|~+")


@dataclass(frozen=True, slots=True)
class Link:
    """A URL submitted as evidence, as written, and where it stands."""

    url: str
    place: str


def links_in(text: str, place: str, most: int = EVIDENCE_LINKS_MAX) -> tuple[Link, ...]:
    """The http(s) URLs in a cell of evidence, in order, doubles dropped, at most so many of them.

    What a reader does not take as part of a link is left off: brackets, quotation marks and punctuation of the sentence
    around it, and Markdown emphasis that was opened before it. Takes time linear in the length of the text.
    """
    found: dict[str, None] = {}
    opened = dict.fromkeys(_EMPHASIS, 0)
    behind = 0
    start = _START.search(text)
    while start is not None and len(found) < most:
        _count_emphasis(opened, text, behind, start.start())
        end = _end(text, start.end(), opened)
        behind = _without_end(text, start.end(), end, opened)
        if behind > start.end():
            found.setdefault(text[start.start() : behind])
        start = _START.search(text, max(end, start.end()))
    return tuple(Link(url, place) for url in found)


def _end(text: str, start: int, opened: dict[str, int]) -> int:
    """Where the link ends whose scheme ends at `start`, before marks that may be the sentence's are taken off its end."""
    unclosed = dict.fromkeys(_BRACKETS.values(), 0)
    authority_end = _AUTHORITY_END.search(text, start)
    path = authority_end.start() if authority_end is not None else len(text)
    for at in range(start, len(text)):
        mark = text[at]
        if mark in unclosed:
            unclosed[mark] += 1
        elif mark in _BRACKETS:
            # A bracket that nothing in the link opened was opened before the link.
            unclosed[_BRACKETS[mark]] -= 1
            if unclosed[_BRACKETS[mark]] < 0:
                return at
        elif mark.isspace() or mark in _NEVER:
            return at
        elif mark in _BETWEEN_LINKS:
            if _START.match(text, at + 1):
                return at
        elif mark in "*~":
            # No URL holds two of them; one it can.
            if opened[mark] >= 2 and text.startswith(mark * 2, at):
                return at
        elif not mark.isascii() and _is_mark(text, at, in_authority=at < path):
            return at
    return len(text)


def _is_mark(text: str, at: int, *, in_authority: bool) -> bool:
    """Whether a character beyond ASCII belongs to the sentence."""
    mark, before, after = text[at], text[at - 1], text[at + 1 : at + 2]
    if mark in _DOTS_OF_HOSTS and in_authority and after.isalnum():
        # To cut a name of a host short would make a link to another host of it.
        return False
    if mark in _WITHIN_WORDS:
        return not (before.isalpha() and after.isalpha() and _has_case(before) == _has_case(after))
    return mark in _SENTENCE or unicodedata.category(mark) in _QUOTES_AND_BRACKETS


def _has_case(letter: str) -> bool:
    return letter.lower() != letter.upper()


def _without_end(text: str, start: int, end: int, opened: dict[str, int]) -> int:
    """Where the link ends without punctuation, and without as much emphasis as was opened before it."""
    left = dict(opened)
    while end > start:
        mark = text[end - 1]
        if left.get(mark, 0) > 0:
            left[mark] -= 1
        elif mark not in _TRAILING:
            break
        end -= 1
    return end


def _count_emphasis(opened: dict[str, int], text: str, start: int, end: int) -> None:
    """Add what opens emphasis between two links, and take off what closes it (CommonMark 6.2, without its rarer cases)."""
    for run in _RUN.finditer(text, start, end):
        mark, length = run[0][0], len(run[0])
        before, after = text[run.start() - 1 : run.start()] or " ", text[run.end() : run.end() + 1] or " "
        closes = not before.isspace() and (before.isalnum() or not after.isalnum())
        opens = not after.isspace() and (after.isalnum() or not before.isalnum())
        if mark == "_":
            # Within a word it is a letter.
            closes, opens = closes and not after.isalnum(), opens and not before.isalnum()
        if closes and opened[mark] > 0:
            opened[mark] = max(0, opened[mark] - length)
        elif opens:
            opened[mark] += length
