"""MySQL's functions that SQLite lacks or understands otherwise, as Python functions of a connection."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.sql.ancestry import bases_of, height_of
from sandbox.sql.catalog import mysql_layout
from sandbox.sql.engine import engine_ref, public_hash

Cell = str | int | float | bytes | None
_MISSING = object()
_PATH_STEP = re.compile(r"\.(?:\"((?:[^\"\\]|\\.)*)\"|([A-Za-z_$][A-Za-z0-9_$]*))|\[(\d+)\]")


class Session:
    """What functions know beside their arguments; a pooled connection gets it anew for every statement."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.branch: str | None = None
        self.now = datetime.now(UTC)
        self.failure = ""

    def begin(self, *, branch: str | None, now: datetime | None = None) -> None:
        """Sets the scene for one statement: the branch it runs on (None: a commit) and its clock."""
        self.branch = branch
        self.now = now or datetime.now(UTC)
        self.failure = ""


def register(connection: sqlite3.Connection, session: Session) -> None:
    """Adds the functions; the translation calls them by these names only, so none can shadow a user's."""
    for name, arity, function in (
        ("mysql_now", -1, lambda *_: mysql_time(session.now)),
        ("mysql_date", 0, lambda: session.now.strftime("%Y-%m-%d")),
        ("mysql_unix", 0, lambda: int(session.now.timestamp())),
        ("mysql_branch", 0, lambda: session.branch),
        ("mysql_database", 0, lambda: session.database),
    ):
        connection.create_function(name, arity, function)
    for name, arity, asked in (
        ("dolt_best_base", 2, lambda left, right: _best_base(connection, session, left, right)),
        ("dolt_height", 1, lambda commit: height_of(connection, str(commit))),
    ):
        connection.create_function(name, arity, _recorded(session, asked))
    for name, arity, pure in (
        ("dolt_public", 1, lambda h: public_hash(h) if isinstance(h, str) else h),
        ("dolt_ref", 1, lambda r: engine_ref(r) if isinstance(r, str) else r),
        ("dolt_one_row", 1, one_row),
        ("mysql_substring", -1, substring),
        ("mysql_json_extract", -1, json_extract),
        ("mysql_json_unquote", 1, json_unquote),
        ("mysql_json_length", -1, json_length),
        ("mysql_json_type", 1, json_type),
        ("mysql_json_keys", 1, json_keys),
        ("mysql_json_valid", 1, json_valid),
        ("mysql_json_contains", -1, json_contains),
        ("mysql_json", 1, lambda v: None if v is None else mysql_json(json.loads(text_of(v)))),
        ("mysql_create", 1, lambda text: mysql_layout(text) if isinstance(text, str) else text),
        ("mysql_md5", 1, lambda v: None if v is None else hashlib.md5(bytes_of(v), usedforsecurity=False).hexdigest()),
        ("mysql_sha2", 2, sha2),
    ):
        connection.create_function(name, arity, _recorded(session, pure), deterministic=True)


DETACHED = "this operation is not supported while in a detached head state"
"""What Dolt answers at a commit, where it needs a branch."""


def _best_base(connection: sqlite3.Connection, session: Session, left: Cell, right: Cell) -> str:
    """DOLT_MERGE_BASE of two refs in the engine's form. Refused at a commit, also where both refs are commits."""
    if session.branch is None:
        raise ValueError(DETACHED)
    try:
        commits = [connection.execute("SELECT dolt_hashof(?)", (ref,)).fetchone()[0] for ref in (left, right)]
    except sqlite3.Error:
        raise ValueError("target commit not found") from None
    bases = bases_of(connection, *commits)
    if not bases:
        raise ValueError("no common ancestor")
    return bases[0]


def mysql_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS` in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def one_row(rows: Cell) -> int:
    """1. Raises ValueError, in Dolt's words, for more rows than one."""
    if isinstance(rows, int) and rows > 1:
        raise ValueError("result max1Row iterator returned more than one row")
    return 1


def substring(text: Cell, start: Cell, length: Cell = None) -> str | None:
    """SUBSTRING, which is empty where `start` is before the text (seen on Dolt 2.3.1)."""
    if text is None or start is None:
        return None
    whole, at = text_of(text), int(start)
    if at == 0 or at < -len(whole):
        return ""
    rest = whole[at - 1 if at > 0 else at :]
    return rest if length is None else rest[: max(0, int(length))]


def text_of(value: Cell) -> str:
    """A cell as Dolt prints it in an answer; not for None. Bytes are read as UTF-8."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def bytes_of(value: Cell) -> bytes:
    """A cell as bytes, text as UTF-8."""
    return value if isinstance(value, bytes) else text_of(value).encode()


def mysql_json(document: object) -> str:
    """JSON as MySQL prints a stored document: keys by length, then by name; a space after `,` and `:`."""
    if isinstance(document, dict):
        keys = sorted(document, key=lambda key: (len(key.encode()), key.encode()))
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {mysql_json(document[k])}" for k in keys) + "}"
    if isinstance(document, list):
        return "[" + ", ".join(mysql_json(item) for item in document) + "]"
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def json_extract(document: Cell, *paths: Cell) -> Cell:
    """MySQL's JSON_EXTRACT: strings stay quoted JSON; numbers come as numbers, so that they compare as such."""
    if document is None or any(path is None for path in paths) or not paths:
        return None
    value = _loads(document)
    found = [item for path in paths if (item := _walk(value, text_of(path))) is not _MISSING]
    if not found:
        return None
    result = found[0] if len(paths) == 1 else found
    if isinstance(result, int | float) and not isinstance(result, bool):
        return result
    return mysql_json(result)


def json_unquote(value: Cell) -> Cell:
    """`"a"` -> `a`; what is no JSON string stays as it is."""
    if not isinstance(value, str) or len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, str) else value


def json_length(document: Cell, path: Cell = "$") -> int | None:
    """The number of elements; 1 for a scalar."""
    if document is None or path is None:
        return None
    value = _walk(_loads(document), text_of(path))
    if value is _MISSING:
        return None
    return len(value) if isinstance(value, dict | list) else 1


def json_type(document: Cell) -> str | None:
    """MySQL's name of the type: OBJECT, ARRAY, STRING, INTEGER, DOUBLE, BOOLEAN, NULL."""
    if document is None:
        return None
    names = {dict: "OBJECT", list: "ARRAY", str: "STRING", bool: "BOOLEAN", int: "INTEGER", float: "DOUBLE"}
    return names.get(type(_loads(document)), "NULL")


def json_keys(document: Cell) -> str | None:
    """The keys of an object as a JSON array, NULL for anything else."""
    value = None if document is None else _loads(document)
    if not isinstance(value, dict):
        return None
    return mysql_json(sorted(value, key=lambda key: (len(key.encode()), key.encode())))


def json_valid(document: Cell) -> int | None:
    """1 for JSON text, 0 for anything else."""
    if document is None:
        return None
    try:
        _loads(document)
    except ValueError:
        return 0
    return 1


def json_contains(target: Cell, candidate: Cell, path: Cell = "$") -> int | None:
    """MySQL's JSON_CONTAINS."""
    if target is None or candidate is None or path is None:
        return None
    value = _walk(_loads(target), text_of(path))
    return None if value is _MISSING else int(_contains(value, _loads(candidate)))


def sha2(value: Cell, bits: Cell) -> str | None:
    """MySQL's SHA2; NULL for a length it does not know."""
    names = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}
    if value is None or not isinstance(bits, int) or bits not in names:
        return None
    return hashlib.new(names[bits], bytes_of(value)).hexdigest()


def _contains(value: object, candidate: object) -> bool:
    if isinstance(value, list):
        wanted = candidate if isinstance(candidate, list) else [candidate]
        return all(any(_contains(item, want) for item in value) for want in wanted)
    if isinstance(value, dict):
        return isinstance(candidate, dict) and all(
            key in value and _contains(value[key], want) for key, want in candidate.items()
        )
    return type(value) is type(candidate) and value == candidate


def _loads(document: Cell) -> object:
    try:
        return json.loads(text_of(document))
    except (ValueError, RecursionError) as error:
        raise ValueError("Invalid JSON text in argument") from error


def _walk(value: object, path: str) -> object:
    if not path.startswith("$"):
        raise ValueError("Invalid JSON path expression: it must begin with $")
    at = 1
    while at < len(path):
        step = _PATH_STEP.match(path, at)
        if step is None:
            raise ValueError("Invalid JSON path expression")
        key = json.loads(f'"{step[1]}"') if step[1] is not None else step[2]
        if key is not None:
            value = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
        elif isinstance(value, list):
            value = value[int(step[3])] if int(step[3]) < len(value) else _MISSING
        elif int(step[3]) > 0:
            # MySQL reads `[0]` of a scalar or an object as the value itself.
            value = _MISSING
        if value is _MISSING:
            return _MISSING
        at = step.end()
    return value


def _recorded(session: Session, function: Callable[..., Cell]) -> Callable[..., Cell]:
    """SQLite hides what a function raises; the session keeps the text for the answer."""

    def call(*arguments: Cell) -> Cell:
        try:
            return function(*arguments)
        except (ValueError, TypeError, RecursionError) as error:
            session.failure = str(error) or type(error).__name__
            raise

    return call
