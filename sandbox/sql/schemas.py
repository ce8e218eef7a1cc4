"""CREATE, ALTER and DROP TABLE: MySQL's statement -> the engine's, laid out as SHOW CREATE TABLE prints it.

MySQL's type names are kept (information_schema shows them); `cells` watches what they mean.
"""

from __future__ import annotations

import base64
import hashlib
import re

from sqlglot import exp

from sandbox.sql.catalog import WITHOUT_ROWID, Catalog, Table
from sandbox.sql.cells import KNOWN_TYPES
from sandbox.sql.expressions import translate
from sandbox.sql.syntax import render, unsupported
from sandbox.values.records import SqlRefused

_IGNORED_PROPERTIES = (
    exp.EngineProperty,
    exp.CharacterSetProperty,
    exp.CollateProperty,
    exp.SchemaCommentProperty,
    exp.AutoIncrementProperty,
)


def translate_schema(tree: exp.Create | exp.Alter | exp.Drop, catalog: Catalog) -> tuple[str, ...]:
    """The engine's statements; none if IF [NOT] EXISTS asks for none. Raises SqlRefused."""
    if str(tree.args.get("kind") or "").upper() != "TABLE":
        raise unsupported(tree.sql("mysql")[:60])
    match tree:
        case exp.Create():
            return _create(tree, catalog)
        case exp.Alter():
            return _alter(tree, catalog)
        case exp.Drop():
            return _drop(tree, catalog)


def _create(tree: exp.Create, catalog: Catalog) -> tuple[str, ...]:
    schema = tree.this
    if not isinstance(schema, exp.Schema) or tree.expression is not None or tree.args.get("replace"):
        raise unsupported("CREATE TABLE without a list of columns")
    properties = tree.args.get("properties")
    for known in properties.expressions if properties is not None else ():
        if not isinstance(known, _IGNORED_PROPERTIES):
            raise unsupported(known.sql("mysql"))
    name = _table_name(schema.this, catalog)
    if catalog.table(name) is not None:
        if tree.args.get("exists"):
            return ()
        raise SqlRefused(f"table with name {name} already exists", "syntax")
    return (_TableText(name).statement(schema.expressions),)


class _TableText:
    """Collects the lines of one CREATE TABLE."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key: list[str] = []
        self.unique: list[tuple[str, list[str]]] = []
        self.checks: list[str] = []

    def statement(self, parts: list[exp.Expr]) -> str:
        definitions = [part for part in parts if isinstance(part, exp.ColumnDef)]
        if not definitions:
            raise SqlRefused("syntax error: a table needs a column", "syntax")
        for part in parts:
            if not isinstance(part, exp.ColumnDef):
                self._table_constraint(part)
        for definition in definitions:
            self._column_constraints(definition)
        known = {definition.name.lower() for definition in definitions}
        for name in [*self.key, *(column for _, columns in self.unique for column in columns)]:
            if name.lower() not in known:
                raise SqlRefused(f"Key column '{name}' doesn't exist in table", "syntax")
        if len(known) != len(definitions):
            raise SqlRefused("Duplicate column name", "syntax")
        in_key = {name.lower() for name in self.key}
        lines = [column_text(definition, is_key=definition.name.lower() in in_key) for definition in definitions]
        if self.key:
            lines.append(f"PRIMARY KEY ({_list(self.key)})")
        # SQLite has no named UNIQUE KEY; a named constraint is the same thing.
        lines += [f"CONSTRAINT {quoted(name)} UNIQUE ({_list(columns)})" for name, columns in self.unique]
        lines += self.checks
        body = ",\n".join(f"  {line}" for line in lines)
        return f"CREATE TABLE {quoted(self.name)} (\n{body}\n){WITHOUT_ROWID if self.key else ''}"

    def _table_constraint(self, part: exp.Expr) -> None:
        match part:
            case exp.PrimaryKey():
                self._set_key([_plain_column(column) for column in part.expressions])
            case exp.UniqueColumnConstraint() if isinstance(part.this, exp.Schema):
                columns = [_plain_column(column) for column in part.this.expressions]
                self.unique.append((part.this.name or columns[0], columns))
            case exp.CheckColumnConstraint():
                self._check(part.this, "")
            case exp.Constraint() if len(part.expressions) == 1:
                inner = part.expressions[0]
                if isinstance(inner, exp.CheckColumnConstraint):
                    self._check(inner.this, part.name)
                elif isinstance(inner, exp.PrimaryKey):
                    self._table_constraint(inner)
                elif isinstance(inner, exp.UniqueColumnConstraint) and isinstance(inner.this, exp.Schema):
                    self.unique.append((part.name, [_plain_column(column) for column in inner.this.expressions]))
                else:
                    raise unsupported(part.sql("mysql")[:80])
            case _:
                raise unsupported(part.sql("mysql")[:80])

    def _column_constraints(self, definition: exp.ColumnDef) -> None:
        for constraint in definition.args.get("constraints") or ():
            match constraint.kind:
                case exp.PrimaryKeyColumnConstraint():
                    self._set_key([definition.name])
                case exp.UniqueColumnConstraint():
                    self.unique.append((definition.name, [definition.name]))
                case exp.CheckColumnConstraint():
                    self._check(constraint.kind.this, constraint.name)
                case _:
                    pass  # `column_text` reads the others

    def _set_key(self, columns: list[str]) -> None:
        if self.key:
            raise SqlRefused("Multiple primary keys defined", "syntax")
        self.key = columns

    def _check(self, condition: exp.Expr, name: str) -> None:
        # One pair of brackets, however many the statement had, so that SHOW CREATE TABLE can be run again.
        holder = exp.Paren(this=condition.unnest().copy())
        if any(isinstance(node, exp.Select | exp.Subquery) for node in holder.walk()):
            raise unsupported("a CHECK with a query")
        translate(holder)
        text = render(holder)
        if re.search(r"\b(mysql|dolt)_", text, re.IGNORECASE):
            raise unsupported("a CHECK with a function of MySQL")
        self.checks.append(f"CONSTRAINT {quoted(name or _check_name(self.name, text))} CHECK ({text})")


def column_text(definition: exp.ColumnDef, *, is_key: bool) -> str:
    """One column as SHOW CREATE TABLE prints it. Raises SqlRefused for what a column cannot have here."""
    kind = definition.kind
    if kind is None:
        raise SqlRefused(f"syntax error: column {definition.name} has no type", "syntax")
    parts = [quoted(definition.name), _type_text(kind)]
    not_null, default = is_key, ""
    for constraint in definition.args.get("constraints") or ():
        match constraint.kind:
            case exp.NotNullColumnConstraint():
                not_null = is_key or not constraint.kind.args.get("allow_null")
            case exp.DefaultColumnConstraint():
                default = _default_text(constraint.kind.this)
            case (
                exp.PrimaryKeyColumnConstraint()
                | exp.UniqueColumnConstraint()
                | exp.CheckColumnConstraint()
                | exp.CommentColumnConstraint()
            ):
                pass
            case exp.CollateColumnConstraint() | exp.CharacterSetColumnConstraint() if "_ci" not in constraint.sql():
                pass
            case _:
                raise unsupported(definition.sql("mysql")[:80])
    if not_null:
        parts.append("NOT NULL")
    if default:
        parts.append(f"DEFAULT {default}")
    return " ".join(parts)


def quoted(name: str) -> str:
    """A name in backquotes."""
    return "`" + name.replace("`", "``") + "`"


def _alter(tree: exp.Alter, catalog: Catalog) -> tuple[str, ...]:
    table = _existing(tree.this, catalog)
    statements = []
    for action in tree.args.get("actions") or ():
        prefix = f"ALTER TABLE {quoted(table.name)}"
        match action:
            case exp.ColumnDef():
                _add_refusals(action, table)
                statements.append(f"{prefix} ADD COLUMN {column_text(action, is_key=False)}")
            case exp.Drop() if str(action.args.get("kind")).upper() == "COLUMN":
                name = _column_name(action.args["tables"][0], table)
                statements.append(f"{prefix} DROP COLUMN {quoted(name)}")
            case exp.RenameColumn():
                old = _column_name(action.this, table)
                statements.append(f"{prefix} RENAME COLUMN {quoted(old)} TO {quoted(action.args['to'].name)}")
            case exp.AlterRename() if len(tree.args["actions"]) == 1:
                statements.append(f"{prefix} RENAME TO {quoted(_table_name(action.this, catalog))}")
            case _:
                raise unsupported(tree.sql("mysql")[:80])
    if not statements:
        raise unsupported(tree.sql("mysql")[:80])
    return tuple(statements)


def _add_refusals(action: exp.ColumnDef, table: Table) -> None:
    position = action.args.get("position")
    last = table.columns[-1].name.lower()
    if position is not None and not (position.args.get("position") == "AFTER" and position.this.name.lower() == last):
        raise unsupported("a new column anywhere but at the end")
    if table.column(action.name) is not None:
        raise SqlRefused(f"Column '{action.name}' already exists", "syntax")
    kinds = [constraint.kind for constraint in action.args.get("constraints") or ()]
    if any(isinstance(k, exp.PrimaryKeyColumnConstraint | exp.UniqueColumnConstraint) for k in kinds) or any(
        isinstance(k, exp.CheckColumnConstraint) for k in kinds
    ):
        raise unsupported("a new column with a key or a CHECK")


def _drop(tree: exp.Drop, catalog: Catalog) -> tuple[str, ...]:
    targets = tree.args.get("tables") or [tree.this]
    found = []
    for target in targets:
        name = _table_name(target, catalog)
        table = catalog.table(name)
        if table is not None:
            found.append(f"DROP TABLE {quoted(table.name)}")
        elif not tree.args.get("exists"):
            raise SqlRefused(f"table not found: {name}", "syntax")
    return tuple(found)


def _type_text(kind: exp.DataType) -> str:
    text = kind.sql("mysql").lower()
    text = {"boolean": "tinyint(1)", "bool": "tinyint(1)"}.get(text, re.sub(r"^integer\b", "int", text))
    if re.split(r"[( ]", text)[0] not in KNOWN_TYPES or "'" in text:
        raise unsupported(f"the column type {text}")
    return text


def _default_text(value: exp.Expr) -> str:
    match value:
        case exp.CurrentTimestamp() | exp.Anonymous(this="mysql_now"):
            return "CURRENT_TIMESTAMP"
        case exp.Literal() | exp.Neg(this=exp.Literal()) | exp.Null() | exp.Boolean():
            return render(value)
        case _:
            raise unsupported(f"the default {value.sql('mysql')[:60]}")


def _check_name(table: str, condition: str) -> str:
    """Dolt adds eight characters of chance; here they come from the text, so that the same table is the same."""
    digest = base64.b32hexencode(hashlib.sha256(condition.encode()).digest()).decode().lower()
    return f"{table}_chk_{digest[:8]}"


def _table_name(table: exp.Expr, catalog: Catalog) -> str:
    if not isinstance(table, exp.Table) or (table.db and table.db.lower() != catalog.database.lower()):
        raise SqlRefused(f"database not found: {table.args.get('db')}", "syntax")
    name = table.name
    if name.lower().startswith(("dolt_", "sqlite_")) or not name or "\0" in name or len(name) > 64:
        raise unsupported(f"a table named {name[:64]}")
    return name


def _existing(table: exp.Expr, catalog: Catalog) -> Table:
    found = catalog.table(_table_name(table, catalog))
    if found is None:
        raise SqlRefused(f"table not found: {table.name}", "syntax")
    return found


def _column_name(column: exp.Expr, table: Table) -> str:
    found = table.column(column.name)
    if found is None:
        raise SqlRefused(f'table "{table.name}" does not have column "{column.name}"', "syntax")
    return found.name


def _plain_column(column: exp.Expr) -> str:
    if isinstance(column, exp.Ordered):
        column = column.this
    if isinstance(column, exp.Column | exp.Identifier):
        return column.name
    raise unsupported(f"the key part {column.sql('mysql')}")


def _list(names: list[str]) -> str:
    return ",".join(quoted(name) for name in names)
