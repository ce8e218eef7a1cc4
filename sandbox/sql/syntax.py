"""MySQL text <-> trees: tokens, parsing, and the engine's SQL text; what cannot be parsed or written is refused."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import sqlglot
from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError
from sqlglot.generators.sqlite import SQLiteGenerator

from sandbox.values.records import SqlRefused

# sqlglot logs what it cannot parse; here that becomes an answer.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# `'...'` and quoted names as `lexer.canonical` writes them, words, white space, anything else.
_TOKEN = re.compile(r"'(?:[^'\\]|''|\\.)*'|`(?:[^`]|``)*`|[A-Za-z_$][\w$]*|\s+|.", re.DOTALL)

# What a parser may trip over when strangers write the text.
_PARSER_TROUBLES = (RecursionError, ValueError, AttributeError, TypeError, LookupError)

# Functions that sqlglot would read in another dialect's sense, or SQLite has in another sense: renamed before parsing.
RENAMED = {
    "now": "mysql_now",
    "current_timestamp": "mysql_now",
    "localtime": "mysql_now",
    "localtimestamp": "mysql_now",
    "utc_timestamp": "mysql_now",
    "sysdate": "mysql_now",
    "curdate": "mysql_date",
    "current_date": "mysql_date",
    "utc_date": "mysql_date",
    "unix_timestamp": "mysql_unix",
    "database": "mysql_database",
    "schema": "mysql_database",
    "active_branch": "mysql_branch",
    "json_extract": "mysql_json_extract",
    "json_unquote": "mysql_json_unquote",
    "json_length": "mysql_json_length",
    "json_type": "mysql_json_type",
    "json_keys": "mysql_json_keys",
    "json_valid": "mysql_json_valid",
    "json_contains": "mysql_json_contains",
    "json_object": "json_object_",
    "json_array": "json_array_",
    "md5": "mysql_md5",
    "sha2": "mysql_sha2",
}

CAST_TYPES = frozenset({exp.DataType.Type.TEXT, exp.DataType.Type.INT, exp.DataType.Type.DOUBLE})
"""What a translation casts to."""


class Doltlite(SQLite):
    """SQLite with names in backquotes: a name in double quotes that is unknown would silently be a string."""

    class Tokenizer(SQLite.Tokenizer):
        """Only the quote for names differs."""

        IDENTIFIERS = ["`"]  # noqa: RUF012 - sqlglot's own way to configure a dialect

    class Generator(SQLiteGenerator):
        """Only casts differ: SQLite's parses the names of four types of dates at every cast, to see whether it is one."""

        def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
            if expression.to.this in CAST_TYPES:
                return f"CAST({self.sql(expression, 'this')} AS {self.sql(expression, 'to')})"
            return str(super().cast_sql(expression, safe_prefix))


def tokens(text: str) -> list[str]:
    """The tokens of canonical text, white space included."""
    return _TOKEN.findall(text)


def rename_functions(text: str) -> str:
    """Gives functions with a meaning of their own in MySQL the names they have here."""
    parts = tokens(text)
    for at, part in enumerate(parts):
        if (new := RENAMED.get(part.lower())) and _next_token(parts, at) == "(" and _previous(parts, at) != ".":
            parts[at] = new
    return "".join(parts)


def parse(text: str) -> exp.Expr:
    """One canonical statement as a tree. Raises SqlRefused (`syntax`)."""
    try:
        found = sqlglot.parse(rename_functions(text), read="mysql")
    except (SqlglotError, *_PARSER_TROUBLES) as error:
        first = str(error).splitlines()[0] if isinstance(error, SqlglotError) and str(error) else "not understood"
        raise SqlRefused(f"syntax error: {_without_colours(first)}", "syntax") from None
    if len(found) != 1 or found[0] is None:
        raise SqlRefused("syntax error: one statement at a time", "several")
    return found[0]


@contextmanager
def understood() -> Iterator[None]:
    """Around a translation: what trips over a tree of an unforeseen shape refuses the statement."""
    try:
        yield
    except _PARSER_TROUBLES as error:
        raise SqlRefused(f"unsupported: {type(error).__name__} in the translation", "unsupported") from error


def render(node: exp.Expr) -> str:
    """The engine's SQL; the tree is used up. Raises SqlRefused (`unsupported`) for what it has no words for."""
    try:
        return node.sql(Doltlite, identify=True, unsupported_level=ErrorLevel.RAISE, copy=False)
    except (UnsupportedError, *_PARSER_TROUBLES) as error:
        raise SqlRefused(f"unsupported: {error}", "unsupported") from None


def unsupported(what: str) -> SqlRefused:
    """The refusal of something that Dolt may understand and the sandbox does not."""
    return SqlRefused(f"unsupported: {what}", "unsupported")


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[\d*m", "", text)


def _next_token(parts: list[str], at: int) -> str:
    return next((part for part in parts[at + 1 :] if not part.isspace()), "")


def _previous(parts: list[str], at: int) -> str:
    return next(_backwards(parts, at), "")


def _backwards(parts: list[str], at: int) -> Iterator[str]:
    return (part for part in reversed(parts[:at]) if not part.isspace())
