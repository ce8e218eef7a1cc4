"""One MySQL statement that writes -> the engine's SQL: INSERT, REPLACE, UPDATE, DELETE, and tables via `schemas`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from sandbox.sql import schemas
from sandbox.sql.asking import Known
from sandbox.sql.catalog import Table
from sandbox.sql.expressions import translate
from sandbox.sql.lexer import canonical
from sandbox.sql.syntax import parse, render, understood, unsupported
from sandbox.sql.tables import Surroundings, replace_tables
from sandbox.values.records import SqlRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """The engine's statements for one of MySQL's; none if there is nothing to do (IF NOT EXISTS)."""

    statements: tuple[str, ...]
    changes_schema: bool


def translate_write(sql: str, around: Surroundings) -> Mutation:
    """Raises SqlRefused for anything but one writing statement that can be translated."""
    with understood():
        return _KNOWN.translation(sql, around)


def _write(sql: str, around: Surroundings) -> Mutation:
    text = canonical(sql)
    # sqlglot knows no REPLACE, which is an INSERT in every other respect.
    replaced = re.sub(r"^REPLACE(\s+INTO)?\b", "INSERT INTO", text, flags=re.IGNORECASE)
    tree = parse(replaced)
    match tree:
        case exp.Insert():
            return _rows(_insert(tree, around, replaces=replaced != text))
        case exp.Update():
            return _rows(_update(tree, around))
        case exp.Delete():
            return _rows(_delete(tree, around))
        case exp.TruncateTable() if len(tree.expressions) == 1:
            return _rows(f"DELETE FROM {_quoted(_target(tree.expressions[0], around).name)}")
        case exp.Create() | exp.Alter() | exp.Drop():
            return Mutation(statements=schemas.translate_schema(tree, around.catalog), changes_schema=True)
        case exp.Query() | exp.Show() | exp.Describe():
            raise SqlRefused("this endpoint only writes: use the read endpoint", "syntax")
        case _:
            raise unsupported(text[:60])


_KNOWN = Known(_write)


def _rows(statement: str) -> Mutation:
    return Mutation(statements=(statement,), changes_schema=False)


def _insert(tree: exp.Insert, around: Surroundings, *, replaces: bool) -> str:
    if tree.args.get("with_") or tree.args.get("partition") or tree.args.get("returning") or tree.args.get("overwrite"):
        raise unsupported("this form of INSERT")
    into = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    table = _target(into, around)
    names = [name.name for name in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
    _known(names, table)
    values, conflict = tree.expression, tree.args.get("conflict")
    row_alias = values.alias if isinstance(values, exp.Values) else ""
    if conflict is not None and (replaces or tree.args.get("ignore")):
        raise unsupported("ON DUPLICATE KEY UPDATE together with IGNORE or REPLACE")
    how = " OR REPLACE" if replaces else " OR IGNORE" if tree.args.get("ignore") else ""
    columns = f" ({', '.join(_quoted(name) for name in names)})" if names else ""
    upsert = _upsert(conflict, row_alias, table, around) if conflict is not None else ""
    return f"INSERT{how} INTO {_quoted(table.name)}{columns} {_inserted(values, around)}{upsert}"


def _inserted(values: exp.Expr | None, around: Surroundings) -> str:
    if isinstance(values, exp.Values):
        values.set("alias", None)
        _ready(values, around)
        rows = [f"({', '.join(render(cell) for cell in row.expressions)})" for row in values.expressions]
        return f"VALUES {', '.join(rows)}"
    if isinstance(values, exp.Query):
        _ready(values, around)
        # `WHERE 1` keeps SQLite from reading ON CONFLICT as a join's condition.
        return f"SELECT * FROM ({render(values)}) WHERE 1"
    raise unsupported("an INSERT without VALUES or SELECT")


def _upsert(conflict: exp.OnConflict, row_alias: str, table: Table, around: Surroundings) -> str:
    if not conflict.args.get("duplicate"):
        raise unsupported("ON CONFLICT")
    for node in list(conflict.walk(bfs=False)):
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "values" and len(node.expressions) == 1:
            node.replace(exp.column(node.expressions[0].name, table="excluded", quoted=True))
        elif isinstance(node, exp.Column) and row_alias and node.table == row_alias:
            node.set("table", exp.to_identifier("excluded", quoted=True))
    return f" ON CONFLICT DO UPDATE SET {_assignments(conflict.expressions, table, around)}"


def _update(tree: exp.Update, around: Surroundings) -> str:
    if tree.args.get("order") or tree.args.get("limit") or tree.args.get("with_") or tree.args.get("from_"):
        raise unsupported("UPDATE with ORDER BY, LIMIT or WITH")
    target = tree.this
    table = _target(target, around)
    alias = f" AS {_quoted(target.alias)}" if target.alias else ""
    where = tree.args.get("where")
    return f"UPDATE {_quoted(table.name)}{alias} SET {_assignments(tree.expressions, table, around)}{_condition(where, around)}"


def _delete(tree: exp.Delete, around: Surroundings) -> str:
    if any(tree.args.get(part) for part in ("tables", "using", "order", "limit", "returning", "with_")):
        raise unsupported("DELETE with several tables, ORDER BY, LIMIT or WITH")
    target = tree.this
    table = _target(target, around)
    alias = f" AS {_quoted(target.alias)}" if target.alias else ""
    return f"DELETE FROM {_quoted(table.name)}{alias}{_condition(tree.args.get('where'), around)}"


def _assignments(assignments: list[exp.Expr], table: Table, around: Surroundings) -> str:
    """`a = 1, b = a`: MySQL reads the new `a`, SQLite the old one; the new one is written out."""
    done: dict[str, exp.Expr] = {}
    parts = []
    for assignment in assignments:
        if not isinstance(assignment, exp.EQ) or not isinstance(assignment.this, exp.Column):
            raise unsupported("this form of SET")
        name, value = assignment.this.name, assignment.expression
        column = table.column(name)
        if column is None:
            raise SqlRefused(f"Unknown column: '{name}'", "syntax")
        if any(isinstance(node, exp.Var) and node.name.upper() == "DEFAULT" for node in value.walk()):
            raise unsupported("DEFAULT as a value")
        holder = exp.Paren(this=value.copy())
        for node in list(holder.find_all(exp.Column)):
            if node.name.lower() in done and node.table != "excluded" and not node.find_ancestor(exp.Select):
                node.replace(exp.Paren(this=done[node.name.lower()].copy()))
        done[column.name.lower()] = holder.this.copy()
        _ready(holder, around)
        parts.append(f"{_quoted(column.name)} = {render(holder)}")
    return ", ".join(parts)


def _condition(where: exp.Expr | None, around: Surroundings) -> str:
    if where is None:
        return ""
    _ready(where, around)
    return f" {render(where)}"


def _ready(node: exp.Expr, around: Surroundings) -> None:
    if any(isinstance(inner, exp.Var) and inner.name.upper() == "DEFAULT" for inner in node.walk()):
        raise unsupported("DEFAULT as a value")
    replace_tables(node, around)
    translate(node)


def _target(table: exp.Expr, around: Surroundings) -> Table:
    if not isinstance(table, exp.Table) or isinstance(table.this, exp.Func):
        raise unsupported("writing to anything but a table")
    if table.args.get("joins"):
        raise unsupported("writing to several tables")
    if table.db and table.db.lower() != around.catalog.database.lower():
        raise SqlRefused(f"database not found: {table.db}", "syntax")
    if table.name.lower().startswith("dolt_"):
        raise unsupported(f"writing to the system table {table.name}")
    found = around.catalog.table(table.name)
    if found is None:
        raise SqlRefused(f"table not found: {table.name}", "syntax")
    return found


def _known(names: list[str], table: Table) -> None:
    for name in names:
        if table.column(name) is None:
            raise SqlRefused(f"Unknown column: '{name}'", "syntax")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
