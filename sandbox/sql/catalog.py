"""The tables of one commit as MySQL describes them: columns, SHOW CREATE TABLE, information_schema."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

WITHOUT_ROWID = " WITHOUT ROWID"
TABLE_OPTIONS = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin"
_CREATE = re.compile(r"CREATE TABLE\s+(`(?:[^`]|``)*`|[^\s(]+)\s*\(", re.IGNORECASE)
Schema = tuple[tuple[str, str, str, str], ...]
"""The engine's tables and indexes: kind, name, the table's name, statement."""
_ITEM_PIECE = re.compile(r"'(?:[^']|'')*'|`(?:[^`]|``)*`|.", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column; `type` in lower case as MySQL prints it; `key_position` counts from 1, 0 outside the primary key."""

    name: str
    type: str
    is_nullable: bool
    default: str | None
    key_position: int
    is_unique: bool

    @property
    def base_type(self) -> str:
        """`varchar(64)` -> `varchar`."""
        return self.type.split("(")[0].split(" ")[0]

    @property
    def length(self) -> int | None:
        """`varchar(64)` -> 64; None where the type has no length."""
        found = re.search(r"\((\d+)", self.type)
        return int(found[1]) if found else None

    @property
    def key_word(self) -> str:
        """`PRI`, `UNI` or nothing, as `column_key` of information_schema has it."""
        return "PRI" if self.key_position else "UNI" if self.is_unique else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; `create_sql` is the engine's own statement."""

    name: str
    columns: tuple[TableColumn, ...]
    create_sql: str

    @property
    def primary_key(self) -> tuple[TableColumn, ...]:
        """The columns of the primary key in its order, none for a table without."""
        return tuple(sorted((c for c in self.columns if c.key_position), key=lambda c: c.key_position))

    def column(self, name: str) -> TableColumn | None:
        """The column of that name in any case."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)

    def mysql_statement(self) -> str:
        """What SHOW CREATE TABLE prints; the CHECKs are in it (DESCRIBE hides them)."""
        return mysql_layout(self.create_sql)


def mysql_layout(create_sql: str) -> str:
    """The engine's CREATE TABLE in the layout of Dolt's SHOW CREATE TABLE; other statements stay as they are."""
    head = _CREATE.match(create_sql)
    if head is None:
        return create_sql
    body = create_sql.removesuffix(WITHOUT_ROWID).rstrip()[head.end() : -1]
    items = ["  " + _tidy_item(item.strip()) for item in _split_items(body)]
    name = "`" + head[1].strip("`").replace("``", "`").replace("`", "``") + "`"
    return f"CREATE TABLE {name} (\n" + ",\n".join(items) + f"\n){TABLE_OPTIONS}"


def _split_items(body: str) -> list[str]:
    """The text between commas that stand outside of brackets and quotes."""
    items, depth = [""], 0
    for piece in _ITEM_PIECE.findall(body):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            items.append("")
        else:
            items[-1] += piece
    return items


def _tidy_item(item: str) -> str:
    # The engine prints keywords and brackets without a space, and knows UNIQUE KEY as a named constraint.
    item = re.sub(r"^(PRIMARY KEY)\(", r"\1 (", item)
    item = re.sub(r"^CONSTRAINT (`(?:[^`]|``)*`) UNIQUE ?\(", r"UNIQUE KEY \1 (", item)
    # The engine writes the new name of a column in double quotes.
    item = re.sub(r'^"((?:[^"`]|"")*)"', r"`\1`", item)
    item = re.sub(r"\bDEFAULT (-?[0-9.]+)$", r"DEFAULT '\1'", item)
    return re.sub(r"^(CONSTRAINT `(?:[^`]|``)*` CHECK)\(", r"\1 (", item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All tables of one commit, by name; `database` is the name SQL knows the database by, `schema` the engine's own text."""

    database: str
    tables: Mapping[str, Table]
    schema: Schema

    def table(self, name: str) -> Table | None:
        """The table of that name. Dolt ignores the case of table names."""
        return self.tables.get(name) or next((t for n, t in self.tables.items() if n.lower() == name.lower()), None)

    def information_schema(self, view: str) -> tuple[tuple[str, ...], list[tuple[str | int | None, ...]]] | None:
        """Column names and rows of `columns`, `tables` or `schemata`; None for a view that is not played here."""
        match view.lower():
            case "tables":
                tables = [("def", self.database, t.name, "BASE TABLE", "InnoDB") for t in self.tables.values()]
                return ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "TABLE_TYPE", "ENGINE"), list(tables)
            case "columns":
                return _COLUMN_NAMES, [
                    (
                        "def",
                        self.database,
                        table.name,
                        column.name,
                        position,
                        column.default,
                        "YES" if column.is_nullable else "NO",
                        column.base_type,
                        column.length if column.base_type in {"varchar", "char"} else None,
                        column.type,
                        column.key_word,
                        "",
                    )
                    for table in self.tables.values()
                    for position, column in enumerate(table.columns, start=1)
                ]
            case "schemata":
                return ("CATALOG_NAME", "SCHEMA_NAME"), [("def", self.database), ("def", "information_schema")]
            case _:
                return None


_COLUMN_NAMES = (
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "COLUMN_NAME",
    "ORDINAL_POSITION",
    "COLUMN_DEFAULT",
    "IS_NULLABLE",
    "DATA_TYPE",
    "CHARACTER_MAXIMUM_LENGTH",
    "COLUMN_TYPE",
    "COLUMN_KEY",
    "EXTRA",
)


def read_catalog(connection: sqlite3.Connection, database: str) -> Catalog:
    """The tables the connection sees where it stands."""
    schema: Schema = tuple(
        connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'sqlite_%' "
            "AND tbl_name NOT LIKE 'dolt_%' ORDER BY type, name"
        )
    )
    tables = _KNOWN.get(schema)
    if tables is None:
        tables = {name: _read_table(connection, name, sql) for kind, name, _, sql in schema if kind == "table"}
        if len(_KNOWN) >= KNOWN_MAX:
            _KNOWN.clear()
        _KNOWN[schema] = tables
    return Catalog(database=database, tables=tables, schema=schema)


_KNOWN: dict[Schema, Mapping[str, Table]] = {}
KNOWN_MAX = 256


def _read_table(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    unique = _unique_columns(connection, name)
    columns = tuple(
        TableColumn(
            name=column,
            type=kind.lower(),
            is_nullable=not (not_null or key),
            default=_plain_default(default),
            key_position=key,
            is_unique=column in unique,
        )
        for _, column, kind, not_null, default, key in connection.execute("SELECT * FROM pragma_table_info(?)", (name,))
    )
    return Table(name=name, columns=columns, create_sql=sql)


def _unique_columns(connection: sqlite3.Connection, table: str) -> set[str]:
    found: set[str] = set()
    for index, origin in connection.execute(
        'SELECT name, origin FROM pragma_index_list(?) WHERE "unique" = 1', (table,)
    ).fetchall():
        columns = [row[0] for row in connection.execute("SELECT name FROM pragma_index_info(?)", (index,))]
        if origin != "pk" and len(columns) == 1:
            found.add(columns[0])
    return found


def _plain_default(text: str | None) -> str | None:
    """SQLite keeps a default as SQL (`'open'`), information_schema shows its value (`open`)."""
    if text is None or text.upper() == "NULL":
        return None
    return text[1:-1].replace("''", "'") if text.startswith("'") and text.endswith("'") else text
