"""Dolt's tables in a query: system tables, table functions, AS OF and information_schema, as the engine's subqueries.

The engine names its hashes in 40 hex digits and carries the table's name in the name of a diff function; every place
where Dolt's SQL names a table is replaced by a subquery that answers with Dolt's columns and hashes.
"""

from __future__ import annotations

from typing import Protocol

from sqlglot import exp

from sandbox.sql.catalog import Catalog, Table
from sandbox.sql.engine import engine_hash
from sandbox.sql.syntax import unsupported
from sandbox.values.names import PUBLIC_HASH
from sandbox.values.records import SqlRefused

_COMMITS = ("commit_hash", "committer", "email", "date", "message")
_LOG = (*_COMMITS, "commit_order")
_BRANCHES = (
    "name",
    "hash",
    "latest_committer",
    "latest_committer_email",
    "latest_commit_date",
    "latest_commit_message",
    "remote",
    "branch",
    "dirty",
)
_STAT = (
    "table_name",
    "rows_unmodified",
    "rows_added",
    "rows_deleted",
    "rows_modified",
    "cells_added",
    "cells_deleted",
    "cells_modified",
    "old_row_count",
    "new_row_count",
    "old_cell_count",
    "new_cell_count",
)
_SUMMARY = ("from_table_name", "to_table_name", "diff_type", "data_change", "schema_change")
_SCHEMA = ("from_table_name", "to_table_name", "from_create_statement", "to_create_statement")
_DIFF = ("commit_hash", "table_name", "committer", "email", "date", "message", "data_change", "schema_change")

# Dolt docs, "System Tables" and "Table Functions".
SYSTEM_TABLES: dict[str, tuple[str, ...]] = {
    "dolt_branches": _BRANCHES,
    "dolt_commit_ancestors": ("commit_hash", "parent_hash", "parent_index"),
    "dolt_commits": _COMMITS,
    "dolt_diff": _DIFF,
    "dolt_log": _LOG,
    "dolt_schemas": ("type", "name", "fragment", "extra", "sql_mode"),
    "dolt_status": ("table_name", "staged", "status"),
    "dolt_tags": ("tag_name", "tag_hash", "tagger", "email", "date", "message"),
}
RANGE_FUNCTIONS = {"dolt_diff_stat": _STAT, "dolt_diff_summary": _SUMMARY, "dolt_schema_diff": _SCHEMA}
_HASH_COLUMNS = frozenset({"hash", "commit_hash", "parent_hash", "tag_hash", "from_commit", "to_commit", "commit"})


class Surroundings(Protocol):
    """Where a query stands, and what it may ask about the history."""

    @property
    def catalog(self) -> Catalog:
        """The tables where it stands."""

    def branch_names(self) -> tuple[str, ...]:
        """All branches of the database."""

    def resolve(self, ref: str) -> str:
        """A user's ref as an engine hash. Raises SqlRefused."""

    def merge_base(self, left: str, right: str) -> str:
        """The merge base of two engine hashes. Raises SqlRefused."""

    def unshown_steps(self) -> tuple[tuple[str, str], ...]:
        """Steps from a parent to its child, as engine hashes, that `dolt_diff_<table>` leaves out."""

    def table_at(self, commit: str, name: str) -> Table | None:
        """The table as it is at an engine hash."""

    def attach(self, commit: str) -> str:
        """A schema name under which the tables of an engine hash can be read in this statement."""

    def columns_of(self, virtual_table: str) -> tuple[str, ...]:
        """The columns of one of the engine's own tables, none if there is no such table."""


def replace_tables(root: exp.Expr, around: Surroundings) -> None:
    """Rewrites every table of the tree in place. Raises SqlRefused for what is not known here."""
    names = {cte.alias.lower() for cte in root.find_all(exp.CTE)}
    if any(name.startswith(("sqlite_", "dolt_")) for name in names):
        # Where a name is in scope is not followed here, so none may stand for one of the engine's tables.
        raise unsupported("a common table expression with the name of a system table")
    for table in list(root.find_all(exp.Table)):
        if isinstance(table.this, exp.Func):
            _put(table, _function(table, around), _function_name(table))
        elif table.db or table.catalog:
            _qualified(table, around)
        elif table.name.lower() not in names:
            _named(table, around)


def _named(table: exp.Table, around: Surroundings) -> None:
    name = table.name
    if known := around.catalog.table(name):
        if known.name != name:
            table.set("this", exp.to_identifier(known.name, quoted=True))
            table.set("alias", table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        return
    lower = name.lower()
    if lower == "dual":
        _put(table, "SELECT 1 AS `dummy`", "dual")
    elif lower == "dolt_commits":
        parts = [_wrapped("dolt_log", _COMMITS, f"dolt_log({_text(branch)})") for branch in around.branch_names()]
        _put(table, " UNION ".join(parts), name)
    elif lower in SYSTEM_TABLES:
        _put(table, _wrapped(lower, SYSTEM_TABLES[lower], f"`{lower}`") + _hash_filter(table) + _made_once(lower), name)
    elif (prefix := next((p for p in ("dolt_diff_", "dolt_history_", "dolt_blame_") if lower.startswith(p)), None)) and (
        known := around.catalog.table(name[len(prefix) :])
    ):
        virtual = prefix + known.name
        source = _wrapped(virtual, around.columns_of(virtual), _name(virtual))
        if prefix == "dolt_diff_" and (unshown := around.unshown_steps()):
            steps = ", ".join(f"({_text(parent)}, {_text(child)})" for parent, child in unshown)
            source += f" WHERE (from_commit, to_commit) NOT IN (VALUES {steps})"
        _put(table, source, name)
    else:
        raise SqlRefused(f"table not found: {name}", "syntax")


def _qualified(table: exp.Table, around: Surroundings) -> None:
    if table.catalog or table.db.lower() not in {around.catalog.database.lower(), "information_schema"}:
        raise SqlRefused(f"database not found: {table.db}", "syntax")
    if table.db.lower() == "information_schema":
        view = around.catalog.information_schema(table.name)
        if view is None:
            raise unsupported(f"information_schema.{table.name}")
        names, rows = view
        columns = ", ".join(f"column{at} AS {_name(name)}" for at, name in enumerate(names, start=1))
        values = ", ".join("(" + ", ".join(_value(cell) for cell in row) + ")" for row in rows)
        empty = "(" + ", ".join("NULL" for _ in names) + ")"
        source = f"SELECT {columns} FROM (VALUES {values or empty})"
        _put(table, source if rows else f"{source} WHERE 0", table.name)
    else:
        table.set("db", None)
        _named(table, around)


def _function(table: exp.Table, around: Surroundings) -> str:
    name = _function_name(table)
    arguments = [_literal(argument, name) for argument in table.this.expressions]
    match name, len(arguments):
        case "dolt_as_of", 2:
            return _as_of(arguments[0], arguments[1], around)
        case "dolt_diff", 2 if ".." not in arguments[0]:
            raise SqlRefused("function 'dolt_diff' expected 3 arguments, 2 received", "syntax")
        case "dolt_diff", 1:
            raise SqlRefused("function 'dolt_diff' expected 2 to 3 arguments, 1 received", "syntax")
        case "dolt_diff", 2:
            return _diff(*_range(arguments[0], name, around), arguments[1], around)
        case "dolt_diff", 3:
            return _diff(around.resolve(arguments[0]), around.resolve(arguments[1]), arguments[2], around)
        case "dolt_log", 0 | 1:
            log = f"dolt_log({', '.join(_log_ref(a, around) for a in arguments)})"
            return _wrapped(name, _LOG, log) + _made_once(name)
        case (("dolt_diff_stat" | "dolt_diff_summary" | "dolt_schema_diff"), 1 | 2 | 3):
            if ".." in arguments[0]:
                refs, rest = _range(arguments[0], name, around), arguments[1:]
            elif len(arguments) > 1:
                refs, rest = (around.resolve(arguments[0]), around.resolve(arguments[1])), arguments[2:]
            else:
                raise SqlRefused(f"Invalid argument to {name}: {arguments[0]}", "syntax")
            if rest and not any(around.table_at(commit, rest[0]) for commit in refs):
                raise SqlRefused(f"table not found: {rest[0]}", "syntax")
            call = ", ".join(_text(argument) for argument in (*refs, *rest))
            return _wrapped(name, RANGE_FUNCTIONS[name], f"{name}({call})")
        case (("dolt_as_of" | "dolt_diff" | "dolt_log" | "dolt_diff_stat" | "dolt_diff_summary" | "dolt_schema_diff"), _):
            raise SqlRefused(f"function '{name}' does not take {len(arguments)} arguments", "syntax")
        case _:
            raise SqlRefused(f'table function: "{name}" not found', "syntax")


def _as_of(name: str, ref: str, around: Surroundings) -> str:
    commit = around.resolve(ref)
    table = around.table_at(commit, name)
    if table is None:
        raise SqlRefused(f"table not found: {name}", "syntax")
    # Named one by one: the engine adds columns of later times.
    columns = ", ".join(_name(column.name) for column in table.columns)
    return f"SELECT {columns} FROM {_name('dolt_at_' + table.name)}({_text(commit)})"


def _diff(old: str, new: str, name: str, around: Surroundings) -> str:
    before, after = around.table_at(old, name), around.table_at(new, name)
    if before is None and after is None:
        raise SqlRefused(f"table not found: {name}", "syntax")
    to_side, from_side = after or before, before or after
    assert to_side is not None and from_side is not None  # noqa: PT018 - one fact, said to the type checker
    virtual = f"dolt_diff_{to_side.name}"
    source = f"{_name(virtual)}({_text(old)}, {_text(new)})"
    wanted = [f"to_{c.name}" for c in to_side.columns] + [f"from_{c.name}" for c in from_side.columns]
    if set(wanted) <= set(around.columns_of(virtual)):
        columns = [*wanted[: len(to_side.columns)], "to_commit", "to_commit_date"]
        columns += [*wanted[len(to_side.columns) :], "from_commit", "from_commit_date", "diff_type"]
        return _wrapped(virtual, tuple(columns), source)
    return _diff_across_schemas(source, (old, from_side, before), (new, to_side, after), around)


def _diff_across_schemas(
    source: str,
    old: tuple[str, Table, Table | None],
    new: tuple[str, Table, Table | None],
    around: Surroundings,
) -> str:
    """The engine shows only columns of the table where it stands; the rows of both ends are joined in by key."""
    parts, joins = [], ""
    for side, (commit, shape, table) in (("to", new), ("from", old)):
        if not shape.primary_key:
            raise unsupported(f"a diff of {shape.name}, whose columns changed and which has no primary key")
        if table is not None:
            keys = " AND ".join(f"`{side}`.{_name(k.name)} = d.{_name(f'{side}_{k.name}')}" for k in shape.primary_key)
            joins += f" LEFT JOIN {around.attach(commit)}.{_name(table.name)} AS `{side}` ON {keys}"
        parts += [
            f"{f'`{side}`.{_name(c.name)}' if table is not None else 'NULL'} AS {_name(f'{side}_{c.name}')}"
            for c in shape.columns
        ]
        parts += [f"dolt_public(d.{side}_commit) AS {side}_commit", f"d.{side}_commit_date || '.000000' AS {side}_commit_date"]
    return f"SELECT {', '.join(parts)}, d.diff_type AS diff_type FROM {source} AS d{joins}"


def _range(text: str, name: str, around: Surroundings) -> tuple[str, str]:
    for dots in ("...", ".."):
        if dots in text:
            left, _, right = text.partition(dots)
            old, new = around.resolve(left), around.resolve(right)
            return (around.merge_base(old, new) if dots == "..." else old), new
    raise SqlRefused(f"Invalid argument to {name}: {text}", "syntax")


def _log_ref(text: str, around: Surroundings) -> str:
    for dots in ("...", ".."):
        if dots in text:
            left, _, right = text.partition(dots)
            return _text(f"{around.resolve(left)}{dots}{around.resolve(right)}")
    return _text(around.resolve(text))


def _made_once(name: str) -> str:
    """Has SQLite read the rows once and index them, where it would go through the whole history for each row of the other side.

    Only a shortcut: SQLite merges no subquery that has a LIMIT into a join. With 300 commits a join of both takes a hundredth.
    """
    return " LIMIT -1" if name in {"dolt_log", "dolt_commit_ancestors"} else ""


def _hash_filter(table: exp.Table) -> str:
    """`commit_hash = '<hash>'` of the query's WHERE once more inside, where the engine finds the row by its key.

    Only a shortcut: the condition outside stays.
    """
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select is not None else None
    if select is None or where is None or not isinstance(table.parent, exp.From | exp.Join):
        return ""
    alone = not select.args.get("joins")
    for condition in where.this.flatten() if isinstance(where.this, exp.And) else (where.this,):
        if not (isinstance(condition, exp.EQ) and isinstance(condition.this, exp.Column)):
            continue
        column, value = condition.this, condition.expression
        ours = column.table == table.alias_or_name if column.table else alone
        if ours and column.name == "commit_hash" and isinstance(value, exp.Literal) and PUBLIC_HASH.fullmatch(value.this):
            hashed = _text(engine_hash(value.this))
            names_parent = any(column.name == "parent_index" for column in where.find_all(exp.Column))
            if table.name.lower() == "dolt_commit_ancestors" and alone and not names_parent:
                # Dolt looks the commit up as a key, and then finds more than one row for a merge (seen on Dolt 2.3.1).
                rows = f"SELECT COUNT(*) FROM dolt_commit_ancestors WHERE commit_hash = {hashed}"
                return f" WHERE `commit_hash` = {hashed} AND dolt_one_row(({rows}))"
            return f" WHERE `commit_hash` = {hashed}"
    return ""


def _wrapped(name: str, columns: tuple[str, ...], source: str) -> str:
    if not columns:
        raise SqlRefused(f"table not found: {name}", "syntax")
    return f"SELECT {', '.join(_shown(column) for column in columns)} FROM {source}"


def _shown(column: str) -> str:
    if column in _HASH_COLUMNS:
        return f"dolt_public({_name(column)}) AS {_name(column)}"
    if column == "commit_order":
        return "dolt_height(`commit_hash`) AS `commit_order`"
    if column.endswith("_create_statement"):
        return f"CASE {_name(column)} WHEN '' THEN '' ELSE mysql_create({_name(column)}) || ';' END AS {_name(column)}"
    if column == "date":
        # As Dolt shows them; the engine keeps whole seconds.
        return f"{_name(column)} || '.000' AS {_name(column)}"
    if column in {"to_commit_date", "from_commit_date"}:
        return f"{_name(column)} || '.000000' AS {_name(column)}"
    return _name(column)


def _put(table: exp.Table, query: str, alias: str) -> None:
    table.set("this", exp.Var(this=f"({query})"))
    table.set("db", None)
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def _function_name(table: exp.Table) -> str:
    function = table.this
    return str(function.this if isinstance(function, exp.Anonymous) else function.sql_name()).lower()


def _literal(argument: exp.Expr, name: str) -> str:
    # Dolt's table functions take literals only.
    if isinstance(argument, exp.Literal) and argument.is_string:
        return str(argument.this)
    shown = argument.sql("mysql", normalize_functions="lower")[:80]
    raise SqlRefused(f"Invalid argument to {name}: {shown} – only literal values supported", "syntax")


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(text: str) -> str:
    if "\0" in text:
        raise SqlRefused("syntax error: a name cannot hold a NUL", "syntax")
    return "'" + text.replace("'", "''") + "'"


def _value(cell: str | int | None) -> str:
    return "NULL" if cell is None else str(cell) if isinstance(cell, int) else _text(cell)
