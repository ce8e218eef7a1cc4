"""One request to DoltHub and its response as values, and what both of its APIs have in common.

Without a socket: what is sent, and how any body is read.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.dolthub.errors import HubGone, HubStrange
from bot.model.ids import Database

ANSWER_MAX_BYTES = 16 * 1024 * 1024
"""More than this is not read; DoltHub's own command line has the same cap."""
MESSAGE_MAX_CHARS = 200
FRONT_END_TIMED_OUT = "upstream request timeout"
"""All that the front end says when DoltHub takes too long (clients have seen it under 200, too)."""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
TOKEN_FIX = "create a new API token in DoltHub's settings and set STAMPBOT_HUB_TOKEN to it"  # noqa: S105 - words


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `path` is absolute and percent-encoded; `operation` is the contract's operationId.

    `auth`: the token goes along. `public`: may be asked without it. `reads`: asking twice changes nothing.
    `until`: the moment, on the client's clock, after which it must not be sent any more; None: there is none.
    """

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, object] | None = None
    auth: bool
    public: bool = False
    reads: bool
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def check_name(db: Database) -> None:
    """Raises HubGone for a name no database can have: what it would make of a path is not to be found out."""
    if not (_NAME.fullmatch(db.owner) and _NAME.fullmatch(db.name)):
        raise HubGone(f"no database can be called {clean(str(db))}")


def encode(body: Mapping[str, object]) -> bytes:
    """A request's body. Lone surrogates, which no JSON reader has to take, become replacement characters."""
    return json.dumps(_without_surrogates(body), separators=(",", ":")).encode("ascii")


def clean(text: str, limit: int = MESSAGE_MAX_CHARS) -> str:
    """Server text as one line for logs and errors: no control or format characters, at most `limit` characters."""
    shown = "".join(" " if unicodedata.category(c).startswith(("C", "Z")) else c for c in text[: limit * 4])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def timed_out(response: Response) -> bool:
    """Whether the front end answered in DoltHub's place, under any status: its text stands alone, and no JSON begins so.

    Rows and comments hold whatever strangers write, this text too: in an answer of the API it means nothing.
    """
    return response.body[:64].lstrip().lower().startswith(FRONT_END_TIMED_OUT.encode())


def retry_after(response: Response) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) else None


def changed_nothing(text: str) -> bool:
    """Whether a refused or failed write only says that it had nothing to change.

    INFERRED for v2, whose form of a no-op is not documented: v1alpha1's poll names `SqlWrite.toCommitId` (wl
    internal/remote), v2's imports say `did not modify`, Dolt itself says `nothing to commit`.
    """
    lowered = text.lower()
    signs = ("sqlwrite.tocommitid", "nothing to commit", "no changes", "did not modify")
    return any(sign in lowered for sign in signs)


def names_missing_ref(text: str) -> bool:
    """Whether a SQL error is about the branch or commit that was asked for. INFERRED: only `branch not found` was seen."""
    return (
        re.search(r"\b(branch|ref|commit|database)\b[^.;]{0,80}\bnot found\b|no such (branch|ref|commit)", text, re.I)
        is not None
    )


def document(response: Response) -> object:
    """The body as JSON. Raises HubStrange if it is none, or too large."""
    if len(response.body) > ANSWER_MAX_BYTES:
        raise HubStrange(f"an answer of more than {ANSWER_MAX_BYTES} bytes", too_large=True)
    try:
        found: object = json.loads(response.body)
    except (ValueError, RecursionError):
        seen = clean(response.body[:4096].decode("utf-8", "replace"))
        raise HubStrange(f"{response.status}, not JSON: {seen or '(empty)'}", unreadable=True) from None
    # A lone surrogate is no character: it would break whatever encodes the text later.
    return _without_surrogates(found) if _ESCAPED_SURROGATE.search(response.body) else found


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value
