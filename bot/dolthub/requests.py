"""One request to DoltHub and its response as values, and what both of its APIs have in common: names, bodies, timeouts."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.dolthub.errors import HubGone, HubStrange
from bot.model.ids import Database

ANSWER_MAX_BYTES = 16 * 1024 * 1024
"""A longer body is not read; DoltHub's own command line has the same cap."""
MESSAGE_MAX_CHARS = 200
FRONT_END_TIMED_OUT = "upstream request timeout"
"""The whole body of the front end when DoltHub takes too long (clients have seen it with status 200, too)."""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
TOKEN_FIX = "create a new API token in DoltHub's settings and set STAMPBOT_HUB_TOKEN to it"  # noqa: S105 - words


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `path` is absolute and percent-encoded; `operation` is the contract's operationId.

    `auth`: it is sent with the token. `public`: it may be sent without it. `reads`: to send it twice changes nothing.
    `until`: the moment, on the client's clock, after which it must not be sent; None: there is none.
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
    """One response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def write_request(operation: str, method: str, path: str, body: Mapping[str, object], *, until: float | None = None) -> Request:
    """A request that changes something: always with the token, never sent twice."""
    return Request(operation=operation, method=method, path=path, body=body, auth=True, reads=False, until=until)


def check_name(db: Database) -> None:
    """Raises HubGone for a name that no database can have: in a path it could address something else."""
    if not (_NAME.fullmatch(db.owner) and _NAME.fullmatch(db.name)):
        raise HubGone(f"no database can be called {clean(str(db))}")


def encode(body: Mapping[str, object]) -> bytes:
    """The body of a request. Lone surrogates, which a JSON reader may refuse, become replacement characters."""
    return json.dumps(_without_surrogates(body), separators=(",", ":")).encode("ascii")


def clean(text: str, limit: int = MESSAGE_MAX_CHARS) -> str:
    """Server text as one line for logs and errors: no control or format characters, at most `limit` characters."""
    shown = "".join(" " if unicodedata.category(c).startswith(("C", "Z")) else c for c in text[: limit * 4])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def timed_out(response: Response) -> bool:
    """Whether the front end answered in DoltHub's place, with any status: its text is the whole body, and no JSON begins so.

    Rows and comments can hold this text, too: in a response of the API it means nothing.
    """
    return response.body[:64].lstrip().lower().startswith(FRONT_END_TIMED_OUT.encode())


def retry_after(response: Response) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) else None


def changed_nothing(text: str) -> bool:
    """Whether a refused or failed write only reports that it had nothing to change.

    INFERRED for v2, whose form of a no-op is not documented: v1alpha1's poll names `SqlWrite.toCommitId` (wl
    internal/remote), v2's imports have `did not modify`, Dolt itself has `nothing to commit`.
    """
    lowered = text.lower()
    signs = ("sqlwrite.tocommitid", "nothing to commit", "no changes", "did not modify")
    return any(sign in lowered for sign in signs)


def names_missing_ref(text: str) -> bool:
    """Whether a SQL error is about the branch or commit of the request. INFERRED: only `branch not found` was seen."""
    return (
        re.search(r"\b(branch|ref|commit|database)\b[^.;]{0,80}\bnot found\b|no such (branch|ref|commit)", text, re.I)
        is not None
    )


def document(response: Response) -> object:
    """The body as JSON. Raises HubStrange if it is not JSON, or too large."""
    if len(response.body) > ANSWER_MAX_BYTES:
        raise HubStrange(f"an answer of more than {ANSWER_MAX_BYTES} bytes", too_large=True)
    try:
        found: object = json.loads(response.body)
    except (ValueError, RecursionError):
        seen = clean(response.body[:4096].decode("utf-8", "replace"))
        raise HubStrange(f"{response.status}, not JSON: {seen or '(empty)'}", unreadable=True) from None
    # A lone surrogate is no character: later code could not encode the text.
    return _without_surrogates(found) if _ESCAPED_SURROGATE.search(response.body) else found


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value
