"""What a query's result columns are called, their types and whose they are, read from the query itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from sandbox.sql.catalog import Catalog, Table
from sandbox.sql.tables import RANGE_FUNCTIONS, SYSTEM_TABLES
from sandbox.values.records import Column

_COUNTS = frozenset({"data_change", "schema_change", "dirty"})


@dataclass(frozen=True, slots=True)
class _Source:
    alias: str
    columns: tuple[Column, ...]


def announced(tree: exp.Query, catalog: Catalog) -> tuple[Column | None, ...]:
    """One entry per column, None for an expression; empty if a star over something unknown hides their number."""
    if not isinstance(tree, exp.Select):
        return ()
    sources = [_described(node, catalog) for node in _from(tree)]
    found: list[Column | None] = []
    for projection in tree.expressions:
        bare = projection.this if isinstance(projection, exp.Alias) else projection
        if bare.is_star and not isinstance(bare, exp.Func):
            wanted = bare.table if isinstance(bare, exp.Column) else ""
            chosen = [s for s in sources if not wanted or s is None or s.alias == wanted]
            for source in chosen:
                if source is None:
                    return ()
                found += source.columns
        elif isinstance(bare, exp.Column):
            found.append(_found(bare, projection.alias_or_name, sources))
        elif isinstance(bare, exp.Count):
            found.append(Column(name=projection.alias, type="BIGINT", is_primary_key=False, source_table=""))
        else:
            found.append(None)
    return tuple(found)


def _found(column: exp.Column, name: str, sources: list[_Source | None]) -> Column | None:
    for source in sources:
        if source is None or (column.table and source.alias != column.table):
            continue
        for known in source.columns:
            if known.name.lower() == column.name.lower():
                return Column(name=name, type=known.type, is_primary_key=known.is_primary_key, source_table=known.source_table)
    return None


def _from(select: exp.Select) -> Iterator[exp.Expr]:
    start = select.args.get("from_")
    if start is not None:
        yield start.this
        for join in select.args.get("joins") or ():
            yield join.this


def _described(node: exp.Expr, catalog: Catalog) -> _Source | None:
    if not isinstance(node, exp.Table) or (node.db and node.db.lower() != catalog.database.lower()):
        return None
    if not isinstance(node.this, exp.Func):
        if table := catalog.table(node.name):
            return _Source(node.alias or node.name, _columns_of(table))
        names = SYSTEM_TABLES.get(node.name.lower())
        return None if names is None else _Source(node.alias or node.name, _system(node.name.lower(), names))
    name = str(node.this.this if isinstance(node.this, exp.Anonymous) else node.this.sql_name()).lower()
    arguments = [argument.name for argument in node.this.expressions]
    if names := RANGE_FUNCTIONS.get(name) or ((SYSTEM_TABLES["dolt_log"]) if name == "dolt_log" else None):
        return _Source(node.alias or name, _system(name, names))
    if name == "dolt_as_of" and arguments and (table := catalog.table(arguments[0])):
        return _Source(node.alias or table.name, _columns_of(table))
    if name == "dolt_diff" and arguments and (table := catalog.table(arguments[-1])):
        return _Source(node.alias or name, tuple(_diff(table)))
    return None


def _columns_of(table: Table) -> tuple[Column, ...]:
    return tuple(
        Column(name=c.name, type=c.type.upper(), is_primary_key=bool(c.key_position), source_table=table.name)
        for c in table.columns
    )


def _diff(table: Table) -> Iterator[Column]:
    for side in ("to", "from"):
        for c in table.columns:
            yield Column(name=f"{side}_{c.name}", type=c.type.upper(), is_primary_key=False, source_table="dolt_diff")
        yield from _system("dolt_diff", (f"{side}_commit", f"{side}_commit_date"))
    yield from _system("dolt_diff", ("diff_type",))


def _system(table: str, names: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=_system_type(name), is_primary_key=False, source_table=table) for name in names)


def _system_type(name: str) -> str:
    if name.endswith("date"):
        return "DATETIME"
    if name in _COUNTS:
        return "TINYINT(1)"
    return "BIGINT" if name.startswith(("rows_", "cells_", "old_", "new_")) or name == "parent_index" else "TEXT"
