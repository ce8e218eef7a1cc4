"""Names and ids of the field, and how they are compared and derived."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

PullNo = NewType("PullNo", int)
CommentId = NewType("CommentId", str)
User = NewType("User", str)
"""A DoltHub account: author of comments, creator of pulls."""
Handle = NewType("Handle", str)
"""A rig's handle, exactly as written. Rights compare it exactly; prohibitions compare `fold` and `skeleton`."""
CommitHash = NewType("CommitHash", str)
WantedId = NewType("WantedId", str)
CompletionId = NewType("CompletionId", str)
StampId = NewType("StampId", str)

_HASH = re.compile(r"[0-9a-v]{32}")


def is_commit_hash(text: str) -> bool:
    """Whether `text` has the form of a Dolt commit hash: 32 characters of 0-9a-v (DoltHub API v2 contract, SQL `ref`)."""
    return _HASH.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, order=True)
class Database:
    """A database on DoltHub, written `owner/name`."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Database:
        """Read `owner/name`. Raises ValueError that names what is wrong."""
        match = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)/([A-Za-z0-9][A-Za-z0-9._-]*)", text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not of the form owner/database, such as hop/wl-commons")
        return cls(match[1], match[2])


Commons = Database
"""The shared database the bot is installed on; a plain `Database` playing that part."""

# Letters of other scripts that look like an ASCII letter in the fonts people review in (Unicode TR39 confusables, the part that
# names meet), as they are when folded. Latin letters are told by their Unicode name, digits by their value.
_LOOKS_LIKE: Mapping[str, str] = {
    letter: plain
    for plain, letters in {
        "a": "аαɑᎪꓮ", "b": "вьβᏴꓐ", "c": "сᏟꓚ", "d": "ԁᎠꓓ", "e": "еєεᎬꓰ", "f": "ꓝ", "g": "ցԍᏀꓖ", "h": "нһհᎻꓧ",
        "i": "іιɩᎥꓲ", "j": "јյᎫꓙ", "k": "кκᏦꓗ", "l": "ӏǀᏞꓡ", "m": "мμᎷꓟ", "n": "пηոռꓠ", "o": "оοσօꓳ", "p": "рρþᏢꓑ",
        "q": "ԛզգ", "r": "гᎡꓣ", "s": "ѕᏚꓢ$", "t": "тτᎢꓔ", "u": "υսʊꓴ", "v": "ѵνᏙꓦ", "w": "ԝѡωᎳꓪ", "x": "хχꓫ", "y": "уүγꓬ",
        "z": "ζᏃꓜ", "ae": "æ", "oe": "œ",
    }.items()
    for letter in letters
}  # fmt: skip
_LATIN = re.compile(r"LATIN (?:SMALL LETTER|LETTER SMALL CAPITAL) (?:DOTLESS |SCRIPT |INSULAR )?([A-Z])(?: WITH .+)?")
_SAME_SHAPE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Mn", "Me", "Zs", "Zl", "Zp", "Sk", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"})
"""General categories of what a reader's eye skips: marks, spaces, dashes, dots, quotes, what has no shape at all."""
_UNSEEN_TOO = frozenset("\u115f\u1160\u3164\u2800\u2212\u2219\u02b9\u02bb\u02bc\u02bd\u02c8~")
"""Fillers and blanks that count as letters or symbols, and signs that are drawn like a dash, a dot or an apostrophe."""


def fold(handle: str) -> str:
    """The form under which two handles are the same name: compatibility-normalised and case-folded."""
    return unicodedata.normalize("NFKC", handle).casefold().strip()


def skeleton(handle: str) -> str:
    """The form under which two handles look alike to a hurried reader. Only ever used to forbid, never to allow.

    Empty where a name has no letter and no digit. Names that fold alike have the same one, and it is its own skeleton.
    """
    bare = "".join(_shape(c) for c in unicodedata.normalize("NFKD", fold(handle)))
    return bare.translate(_SAME_SHAPE).replace("rn", "m").replace("vv", "w")


def _shape(letter: str) -> str:
    """The ASCII letters or digit a letter looks like, itself where it looks like none, nothing where it is not seen."""
    if letter.isascii() and letter.isalnum():
        return letter
    if unicodedata.category(letter) in _UNSEEN or letter in _UNSEEN_TOO:
        return ""
    known = _LOOKS_LIKE.get(letter)
    if known is not None:
        return known
    latin = _LATIN.fullmatch(unicodedata.name(letter, ""))
    if latin is not None:
        return latin[1].lower()
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)


def digest(*parts: str) -> str:
    """sha256, as 64 hex digits, over the parts joined with `|`. Callers put a versioned purpose first ("stamp/1")."""
    return hashlib.sha256("|".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def stamp_id(commons: Commons, completion: CompletionId) -> StampId:
    """The id of the one stamp a completion can get from this bot, whoever accepts it and however often it is tried."""
    return StampId("s-" + digest("stamp/1", str(commons), completion)[:16])


def decision_id(commons: Commons, pull: PullNo, comment: CommentId) -> str:
    """Twelve hex digits that name one decision; part of its landing branch's name."""
    return digest("decision/1", str(commons), str(pull), comment)[:12]
