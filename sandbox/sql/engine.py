"""The only door to doltlite: loads it before `sqlite3`, opens connections, and translates commit hashes.

doltlite is DoltHub's version-controlled SQLite. Its commit hashes are 40 hex digits; Dolt shows the same 20 bytes as 32
characters of `0-9a-v` (base32hex), and so does everything outside the store.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

from sandbox.values.names import PUBLIC_HASH
from sandbox.values.records import DoltliteMissing

try:
    # Before sqlite3: once sqlite3 is loaded, importing doltlite starts the interpreter anew (doltlite's README).
    import doltlite as _doltlite
except ImportError as error:  # pragma: no cover - depends on the installation
    raise DoltliteMissing(f'The sandbox needs doltlite ({error}). Install it with: pip install "stampbot[sandbox]"') from error

import sqlite3

BUSY_TIMEOUT_S = 20.0
MAX_VALUE_BYTES = 16 * 1024 * 1024
_ENGINE_HASH = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"([0-9a-v]{32})((?:[~^].*)?)")

ENGINE_VERSION: str = _doltlite.__version__


def check_engine() -> None:
    """Raises DoltliteMissing unless `sqlite3` is doltlite, as it is not where `_sqlite3` is linked statically."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("SELECT doltlite_engine()").fetchone()
    except sqlite3.Error as error:
        raise DoltliteMissing(
            "sqlite3 of this Python is built into the interpreter, so doltlite cannot take its place. "
            "Use the system's Python, Homebrew, pyenv or conda, not the one that uv, mise or Rye download."
        ) from error
    finally:
        connection.close()


def public_hash(engine_hash: str | None) -> str | None:
    """40 hex digits -> 32 characters of `0-9a-v`; anything else (None, `WORKING`) stays as it is."""
    if engine_hash is None or not _ENGINE_HASH.fullmatch(engine_hash):
        return engine_hash
    return base64.b32hexencode(bytes.fromhex(engine_hash)).decode("ascii").lower()


def engine_hash(public: str) -> str:
    """32 characters of `0-9a-v` -> 40 hex digits. Raises ValueError for anything else."""
    if not PUBLIC_HASH.fullmatch(public):
        raise ValueError(f"not a commit hash: {public!r}")
    return base64.b32hexdecode(public.upper()).hex()


def engine_ref(ref: str) -> str:
    """A ref or range as users write it (`<hash>`, `<hash>~1`, `a..b`, `a...b`, a branch) with the engine's hashes.

    An engine hash is no hash to the outside, so it is made unknown instead of being let through.
    """
    for dots in ("...", ".."):
        if dots in ref:
            left, _, right = ref.partition(dots)
            return f"{engine_ref(left)}{dots}{engine_ref(right)}"
    if match := _REVISION.fullmatch(ref):
        return engine_hash(match[1]) + match[2]
    return f"unknown ref {ref}" if re.match(r"[0-9a-fA-F]{40}(?![0-9A-Za-z])", ref) else ref


def open_writable(path: Path) -> sqlite3.Connection:
    """A connection on the default branch of the file (made if missing). The caller serialises its use."""
    connection = _open(str(path))
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def open_commit(path: Path, commit: str) -> sqlite3.Connection:
    """A read-only connection that stands on one commit (40 hex digits) for good.

    Raises sqlite3.OperationalError when the commit is unknown. `<file>/<revision>` is doltlite's form for it.
    """
    connection = _open(f"{path}/{commit}")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    connection.execute("PRAGMA query_only=ON")
    return connection


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    # Dolt's default collation (utf8mb4_0900_bin) distinguishes `a` and `A`, in LIKE too.
    connection.execute("PRAGMA case_sensitive_like=ON")
    return connection
