"""Names and ids of the field, and how they are compared and derived."""

from __future__ import annotations

import hashlib
import re
import unicodedata
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

# Letters that look like an ASCII letter in the fonts people review in (Unicode TR39 confusables, the part that handles meet).
_LOOKS_LIKE = str.maketrans(
    {
        "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "у": "y", "х": "x", "і": "i", "ј": "j", "ѕ": "s", "ԁ": "d",
        "һ": "h", "ԛ": "q", "ԝ": "w", "в": "b", "к": "k", "м": "m", "н": "h", "т": "t", "г": "r", "п": "n", "ӏ": "l",
        "α": "a", "ο": "o", "ρ": "p", "ν": "v", "ι": "i", "κ": "k", "τ": "t", "υ": "u", "χ": "x", "η": "n", "ε": "e",
        "ı": "i", "ɑ": "a", "ɡ": "g", "ⅼ": "l", "ß": "b", "ø": "o", "đ": "d", "ł": "l",
        "0": "o", "1": "l", "i": "l", "|": "l", "5": "s",
        "-": "", "_": "", ".": "", " ": "", "/": "",
    }
)  # fmt: skip


def fold(handle: str) -> str:
    """The form under which two handles are the same name: compatibility-normalised and case-folded."""
    return unicodedata.normalize("NFKC", handle).casefold().strip()


def skeleton(handle: str) -> str:
    """The form under which two handles look alike to a hurried reader. Only ever used to forbid, never to allow."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", fold(handle)) if not unicodedata.combining(c))
    return bare.translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w")


def digest(*parts: str) -> str:
    """sha256, as 64 hex digits, over the parts joined with `|`. Callers put a versioned purpose first ("stamp/1")."""
    return hashlib.sha256("|".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def stamp_id(commons: Commons, completion: CompletionId) -> StampId:
    """The id of the one stamp a completion can get from this bot, whoever accepts it and however often it is tried."""
    return StampId("s-" + digest("stamp/1", str(commons), completion)[:16])


def decision_id(commons: Commons, pull: PullNo, comment: CommentId) -> str:
    """Twelve hex digits that name one decision; part of its landing branch's name."""
    return digest("decision/1", str(commons), str(pull), comment)[:12]
