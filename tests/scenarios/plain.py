"""Replaces in the bot's comments what differs from run to run, and what a new check would change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

_FULL_CHARS, _SHORT_CHARS = 32, 7
_COMMONS = re.compile(r"\bwl-commons-\d+\b")
_MARK = re.compile(r"^((?:> )?`stampbot/1 \w+ \S+ \S+ \S+) [0-9a-z]{8,} (\d+`)$", re.MULTILINE)
_SHOWN = re.compile(r"^((?:> )?`stampbot/1 review [^~ \n]+)~\S+", re.MULTILINE)
_STAMP = re.compile(r"\bs-[0-9a-f]{16}\b")
_COMMENT = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_LANDING = re.compile(r"\bstampbot/[0-9a-z]+/[0-9a-z]+\b")
_DATED = re.compile(r"\b(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d(?:\.\d+)?)?Z?( UTC)?")
_CLOCK = re.compile(r"(?<![\d-] )\b\d\d:\d\d UTC")
_PASSED = re.compile(r"\b\d+ ((?:more )?)checks? passed(: [^.\n]*)?\.")
_PASS = re.compile(r"\b(?:All \d+|\d+ of \d+) checks? pass\.")
_DAYS = timedelta(days=20)


def plain(text: str, *, hashes: Iterable[str], names: Mapping[str, str], now: datetime) -> str:
    """`text` with what is of this run alone replaced, and everything else to the letter.

    - a commit hash, whole or its first seven characters: `commit-1`, `commit-2`, in the order in which the text names them;
    - a time within twenty days of `now`: `HH:MM UTC`, `TODAY HH:MM UTC`, or `NOW` for one with seconds, as rows hold them;
    - `names`: what stands for the addresses of this run's servers;
    - the number in the name of the commons; the digests in a mark; ids of comments and of stamps of the bot, and names of its
      branches: the latter are digests that the name of the commons goes into.
    """
    for name, instead in names.items():
        text = text.replace(name, instead)
    text = without_passed(text)
    text = _COMMONS.sub("wl-commons", text)
    text = _LANDING.sub("stampbot/decision/main", text)
    text = _numbered(text, [match[0] for match in _STAMP.finditer(text)], "stamp")
    text = _numbered(text, [match[0] for match in _COMMENT.finditer(text)], "comment")
    text = _without_hashes(text, hashes)
    text = _SHOWN.sub(r"\1~shown", text)
    text = _MARK.sub(r"\1 digest \2", text)
    text = _DATED.sub(lambda match: _time(match, now), text)
    return _CLOCK.sub("HH:MM UTC", text)


def without_passed(text: str) -> str:
    """`text` without the number and the names of the checks that passed: every new check would change them."""
    text = _PASS.sub("n checks pass.", text)
    return _PASSED.sub(lambda match: f"n {match[1]}checks passed{': …' if match[2] else ''}.", text)


def _without_hashes(text: str, hashes: Iterable[str]) -> str:
    known = {name[:_SHORT_CHARS] for name in hashes if name.strip("0")}
    whole = rf"\b(?:{'|'.join(sorted(known)) or '(?!)'})(?:[0-9a-v]{{{_FULL_CHARS - _SHORT_CHARS}}})?\b"
    order: dict[str, int] = {}

    def named(match: re.Match[str]) -> str:
        number = order.setdefault(match[0][:_SHORT_CHARS], len(order) + 1)
        return f"commit-{number}"

    return re.sub(whole, named, text)


def _numbered(text: str, found: Iterable[str], what: str) -> str:
    for number, name in enumerate(dict.fromkeys(found), start=1):
        text = text.replace(name, f"{what}-{number}")
    return text


def _time(match: re.Match[str], now: datetime) -> str:
    day = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    if abs(now - day) > _DAYS:
        return match[0]
    return "NOW" if match[3] else f"TODAY HH:MM{match[4] or ''}"
