"""Asking a forge without a socket: what is asked, how answers are read, and what they came to.

An inquiry is a generator: it yields what it wants to know, is sent the replies, and returns what it found. The client
speaks HTTP, and ends it where a response says nothing about the evidence (a limit, an outage); so an inquiry sees only a
document, a status of TELLING, or a challenge it has asked for.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from bot.evidence.kind import Evidence, Kind
from bot.evidence.page.title import clean
from bot.model.evidence import Seen

TELLING: Final = frozenset({404, 409, 410, 422})
"""Refusals that may speak of the evidence. All others are about the bot, the forge, or the moment."""
FACT_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET below the root of the API. `path` is percent-encoded and begins with a slash.

    `wants`: headers of the answer, lower-case, that its reply must carry; with `www-authenticate` among them a 401
    that has it is a reply. `bearer`: a token that this API handed out, sent to its own origin alone. `realm`: an absolute
    URL that is asked instead of a path, because a challenge named it: at the API's own origin or where the operator named
    it, with no token. `whole`: a document is needed; without it, one that is too large counts as no document.
    """

    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    wants: tuple[str, ...] = ()
    bearer: str = field(default="", repr=False)
    realm: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A 2xx with its document, or a status of TELLING with whatever came along. `moved`: a redirect led here.

    `headers`: of those that were wanted, the ones that came. `sha256`: of the body, in hexadecimal.
    """

    status: int
    document: object = None
    moved: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    sha256: str = ""

    def header(self, name: str) -> str:
        """A header that was wanted; empty if it did not come."""
        return dict(self.headers).get(name, "")

    @property
    def missing(self) -> bool:
        """Whether the forge says there is no such thing, or that the bot may not see it."""
        return self.status in (404, 410)

    @property
    def doc(self) -> Doc:
        """The document. Raises Strange for a refusal: callers look at the status first."""
        if not 200 <= self.status <= 299:
            raise Strange(f"an answer {self.status} where a document was expected")
        return Doc(self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an inquiry came to. `kind`, `repo` and `name` are the thing's own, where they differ from what was asked for."""

    seen: Seen
    reason: str
    facts: tuple[tuple[str, str], ...] = ()
    kind: Kind | None = None
    repo: str = ""
    name: str = ""


class Settled(Exception):
    """The inquiry is over before its end: `found` is what it came to."""

    def __init__(self, found: Found) -> None:
        super().__init__(found.reason)
        self.found = found


class Strange(Exception):
    """An answer does not have the documented shape. This does not count against the evidence."""


Inquiry = Generator[Ask, Reply, Found]


def unknown(reason: str, *facts: tuple[str, str]) -> Settled:
    """The end of an inquiry without a verdict."""
    return Settled(Found(seen=Seen.UNKNOWN, reason=reason, facts=kept(*facts)))


def kept(*facts: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Facts that say something, each cut to FACT_MAX; of two with one name the first."""
    found: dict[str, str] = {}
    for name, value in facts:
        if value:
            # Parts of a link are as long as it is.
            found.setdefault(name, clean(value, FACT_MAX))
    return tuple(found.items())


def judge_pull(state: str, into: str, default: str, files: str = "") -> Found:
    """What a pull proves: only one that was merged into the default branch, and changed a file, is VERIFIED.

    `state`: merged, open or closed, into which each forge's module turns its own words. `into`: the branch it is for.
    `files`: how many it changes; empty: the forge does not say. Raises Strange for another state, and for a merged pull of
    a repository without a default branch.
    """
    match state:
        case "merged" if not default:
            raise Strange("no default branch")
        case "merged" if into != default:
            return Found(seen=Seen.SUSPICIOUS, reason="side_branch")
        case "merged" if files == "0":
            return Found(seen=Seen.SUSPICIOUS, reason="empty_diff")
        case "merged":
            return Found(seen=Seen.VERIFIED, reason="merged")
        case "open":
            return Found(seen=Seen.SUSPICIOUS, reason="not_merged")
        case "closed":
            return Found(seen=Seen.SUSPICIOUS, reason="closed_unmerged")
        case _:
            raise Strange("an unknown `state`")


def about_repository(evidence: Evidence, name: str) -> tuple[tuple[str, str], ...]:
    """The facts about a repository that is called `name` now."""
    return ("repo", (name or evidence.repo).lower()), ("renamed_to", name if name.lower() != evidence.repo else "")


@dataclass(frozen=True, slots=True)
class Doc:
    """A JSON document of a forge. Paths are keys joined by dots. What is not there, or of another kind, is empty."""

    value: object

    def at(self, path: str) -> Doc:
        """What stands at a path."""
        value = self.value
        for key in path.split(".") if path else ():
            value = value.get(key) if isinstance(value, Mapping) else None
        return Doc(value)

    def text(self, path: str) -> str:
        """A text as one short clean line."""
        value = self.at(path).value
        return clean(value, FACT_MAX) if isinstance(value, str) else ""

    def first_line(self, path: str) -> str:
        """The first line of a longer text, cleaned."""
        value = self.at(path).value
        return clean(value.strip().partition("\n")[0], FACT_MAX) if isinstance(value, str) else ""

    def need(self, path: str) -> str:
        """A text that must be there. Raises Strange."""
        if found := self.text(path):
            return found
        raise Strange(f"no `{path}`")

    def truth(self, path: str) -> bool:
        """A yes or no that must be there. Raises Strange."""
        value = self.at(path).value
        if isinstance(value, bool):
            return value
        raise Strange(f"`{path}` is no yes or no")

    def is_true(self, path: str) -> bool:
        """Whether a yes stands there."""
        return self.at(path).value is True

    def count(self, path: str) -> str:
        """A whole number as text."""
        value = self.at(path).value
        return str(value) if type(value) is int and 0 <= value < 10**15 else ""

    def when(self, path: str) -> str:
        """A time as `2026-03-01T12:00:00Z`, whatever its zone was."""
        value = self.at(path).value
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
            return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment is not None and moment.tzinfo is not None else ""
        except (ValueError, OverflowError):
            return ""

    def items(self, path: str = "") -> tuple[Doc, ...]:
        """The items of a list that must be there. Raises Strange."""
        value = self.at(path).value
        if isinstance(value, list):
            return tuple(Doc(item) for item in value)
        raise Strange(f"`{path or 'the answer'}` is no list")

    def sha(self, path: str) -> str:
        """A full commit hash of Git that must be there. Raises Strange."""
        found = self.text(path).lower()
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", found):
            return found
        raise Strange(f"`{path}` is no commit")
