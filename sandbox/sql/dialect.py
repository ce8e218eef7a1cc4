"""One MySQL/Dolt statement that reads -> the engine's SQL with the columns MySQL would announce.

What the sandbox cannot answer exactly it refuses in Dolt's form; it never guesses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from sandbox.sql import catalog as catalogs
from sandbox.sql.asking import Known
from sandbox.sql.columns import announced
from sandbox.sql.expressions import translate
from sandbox.sql.lexer import canonical
from sandbox.sql.syntax import parse, render, tokens, understood, unsupported
from sandbox.sql.tables import Surroundings, replace_tables
from sandbox.values.records import Column, SqlRefused

MAX_SQL_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """SQL for the engine; `columns` are the announced ones where the text alone has them (None: from the values)."""

    sql: str
    columns: tuple[Column | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A statement that is answered from the catalog, without the engine."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


def translate_read(sql: str, around: Surroundings) -> Query | Answer:
    """Raises SqlRefused for anything but one reading statement that can be translated."""
    with understood():
        return _KNOWN.translation(sql, around)


def _read(sql: str, around: Surroundings) -> Query | Answer:
    if len(sql) > MAX_SQL_CHARACTERS:
        raise unsupported(f"statements of more than {MAX_SQL_CHARACTERS} characters")
    text = canonical(sql)
    tree = parse(_as_of(text))
    match tree:
        case exp.Show():
            return _show(tree, around.catalog)
        case exp.Describe() if isinstance(tree.this, exp.Table):
            return _describe(tree.this.name, around.catalog)
        case exp.Query():
            columns = announced(tree, around.catalog)
            _name_columns(tree, text)
            replace_tables(tree, around)
            translate(tree)
            return Query(sql=render(tree), columns=columns)
        case exp.Command() if str(tree.this).upper() == "CALL":
            raise unsupported("CALL of a stored procedure")
        case exp.Insert() | exp.Update() | exp.Delete() | exp.Create() | exp.Drop() | exp.Alter():
            raise SqlRefused("this endpoint only reads: use the write endpoint", "syntax")
        case _:
            raise unsupported(text[:60])


_KNOWN = Known(_read)
_AS_OF = ("as", "of")


def _as_of(text: str) -> str:
    """`t AS OF 'ref'` -> `dolt_as_of('t','ref')`, with the table's name as alias unless there is another."""
    if not re.search(r"\bas\s+of\b", text, re.IGNORECASE):
        return text
    parts = tokens(text)
    solid = [at for at, part in enumerate(parts) if not part.isspace()]
    for first, second, third, fourth in zip(solid, solid[1:], solid[2:], solid[3:], strict=False):
        if (parts[second].lower(), parts[third].lower()) != _AS_OF:
            continue
        name, ref = parts[first], parts[fourth]
        if not ref.startswith("'"):
            raise unsupported(f"AS OF {ref}")
        plain = name[1:-1].replace("``", "`") if name.startswith("`") else name
        quoted = "'" + plain.replace("\\", "\\\\").replace("'", "''") + "'"
        parts[first : fourth + 1] = [f"dolt_as_of({quoted}, {ref})", *[""] * (fourth - first)]
    return "".join(parts)


def _name_columns(tree: exp.Query, text: str) -> None:
    """Names the unnamed columns as MySQL does: a column by its name, an expression by its text as typed."""
    select = _leftmost(tree)
    if select is None:
        return
    typed = _projections(text)
    shown = select.expressions
    for at, projection in enumerate(shown):
        if isinstance(projection, exp.Alias | exp.Star) or projection.is_star:
            continue
        if isinstance(projection, exp.Column):
            name = projection.name
        else:
            name = typed[at] if len(typed) == len(shown) else projection.sql("mysql")
            if isinstance(projection, exp.Literal) and projection.is_string:
                name = projection.this
        projection.replace(exp.alias_(projection.copy(), name.replace("\0", ""), quoted=True))


def _projections(text: str) -> list[str]:
    """The texts between the first SELECT and its FROM; nothing where that is not where a query begins."""
    parts = tokens(text)
    if not parts or parts[0].lower() != "select":
        return []
    found, depth = [""], 0
    for part in parts[1:]:
        word = part.lower()
        if depth == 0 and word in {"from", "where", "order", "limit", "union", "group", "having", "intersect", "except"}:
            break
        depth += (part == "(") - (part == ")")
        if part == "," and depth == 0:
            found.append("")
        else:
            found[-1] += part
    return [item.strip() for item in found]


def _leftmost(tree: exp.Query) -> exp.Select | None:
    node: exp.Expr = tree
    while not isinstance(node, exp.Select):
        if not isinstance(node, exp.SetOperation | exp.Subquery):
            return None
        node = node.this
    return node


def _show(tree: exp.Show, catalog: catalogs.Catalog) -> Answer:
    kind = str(tree.this).upper()
    target = tree.args.get("target")
    name = target.name if isinstance(target, exp.Expr) else str(target or "")
    if tree.args.get("where") or tree.args.get("full") or (tree.args.get("like") and kind != "TABLES"):
        raise unsupported(tree.sql("mysql")[:80])
    match kind:
        case "TABLES":
            like = tree.args.get("like")
            pattern = _like_pattern(like.name) if like is not None else re.compile(".*", re.DOTALL)
            rows = tuple((table,) for table in catalog.tables if pattern.fullmatch(table))
            return Answer(columns=(f"Tables_in_{catalog.database}",), rows=rows)
        case "COLUMNS":
            return _describe(name, catalog)
        case "CREATE TABLE":
            table = _table(name, catalog)
            return Answer(columns=("Table", "Create Table"), rows=((table.name, table.mysql_statement()),))
        case _:
            raise unsupported(f"SHOW {kind}")


def _describe(name: str, catalog: catalogs.Catalog) -> Answer:
    rows = tuple(
        (column.name, column.type, "YES" if column.is_nullable else "NO", column.key_word, column.default, "")
        for column in _table(name, catalog).columns
    )
    return Answer(columns=("Field", "Type", "Null", "Key", "Default", "Extra"), rows=rows)


def _table(name: str, catalog: catalogs.Catalog) -> catalogs.Table:
    found = catalog.table(name)
    if found is None:
        raise SqlRefused(f"table not found: {name}", "syntax")
    return found


def _like_pattern(like: str) -> re.Pattern[str]:
    parts = ({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in like)
    return re.compile("".join(parts), re.DOTALL)
