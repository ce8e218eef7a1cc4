"""MySQL expressions -> the engine's: the functions and operators that are known here, each in MySQL's sense."""

from __future__ import annotations

import re

from sqlglot import exp

from sandbox.sql.syntax import RENAMED, unsupported
from sandbox.values.records import SqlRefused

_PLAIN_FUNCTIONS = frozenset(RENAMED.values()) - {"json_object_", "json_array_"}

# Functions that SQLite has in MySQL's sense, or that sqlglot writes so.
_ALLOWED: tuple[type[exp.Expr], ...] = (
    exp.Abs,
    exp.And,
    exp.Avg,
    exp.Case,
    exp.Ceil,
    exp.Coalesce,
    exp.ConcatWs,
    exp.Count,
    exp.DenseRank,
    exp.Exists,
    exp.FirstValue,
    exp.Floor,
    exp.Greatest,
    exp.GroupConcat,
    exp.Hex,
    exp.If,
    exp.Lag,
    exp.LastValue,
    exp.Lead,
    exp.Least,
    exp.Lower,
    exp.Max,
    exp.Min,
    exp.Not,
    exp.Nullif,
    exp.Or,
    exp.Pow,
    exp.Rank,
    exp.Replace,
    exp.Round,
    exp.RowNumber,
    exp.Sign,
    exp.Substring,
    exp.Sum,
    exp.TimeToStr,
    exp.Trim,
    exp.TsOrDsToDate,
    exp.TsOrDsToTimestamp,
    exp.Unhex,
    exp.Upper,
)
_REFUSED: tuple[type[exp.Expr], ...] = (
    exp.Command,
    exp.Into,
    exp.SessionParameter,
    exp.Parameter,
    exp.Placeholder,
    exp.RegexpLike,
    exp.Xor,
    exp.Interval,
    exp.MatchAgainst,
    exp.TableSample,
    exp.Pivot,
    exp.Lateral,
)
_UNIT_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}
_BINARY_COLLATIONS = {"utf8mb4_0900_bin", "utf8mb4_bin", "binary", "utf8_bin"}


def translate(root: exp.Expr) -> None:
    """Rewrites every expression below the root in place, innermost first. Raises SqlRefused."""
    for node in reversed(list(root.walk(bfs=False))):
        new = _translated(node)
        if new is not node:
            node.replace(new)


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A function call of that name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def _translated(node: exp.Expr) -> exp.Expr:
    if isinstance(node, _REFUSED):
        if isinstance(node, exp.Interval) and isinstance(node.parent, exp.Add | exp.Sub):
            return node
        raise unsupported(_shown(node))
    if isinstance(node, exp.Select | exp.Query) and node.args.get("locks"):
        node.set("locks", None)
    match node:
        case exp.Literal() if node.is_string and "\0" in node.this:
            # SQL text ends at a NUL for SQLite.
            return exp.Cast(this=exp.HexString(this=node.this.encode().hex()), to=exp.DataType(this=exp.DataType.Type.TEXT))
        case exp.Introducer():
            return _part(node, "expression")
        case exp.Collate():
            if node.expression.name.lower() in _BINARY_COLLATIONS:
                return _part(node, "this")
            raise unsupported(f"collation {node.expression.name}")
        case exp.Like():
            if isinstance(node.parent, exp.Escape):
                return node
            return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE() | exp.NullSafeEQ() | exp.In():
            _compare_json_as_text(node)
            return node
        case exp.Add() | exp.Sub() if isinstance(node.expression, exp.Interval):
            step = node.expression
            return _shifted(node.this, step.this, step.args.get("unit"), 1 if isinstance(node, exp.Add) else -1)
        case exp.Func():
            return _function(node)
        case _:
            return node


def _function(node: exp.Func) -> exp.Expr:
    if isinstance(node.parent, exp.Table):
        return node  # a table function: `dialect` knows those
    match node:
        case exp.Anonymous():
            return _named(node)
        case exp.CurrentTimestamp() | exp.CurrentDatetime():
            return call("mysql_now")
        case exp.CurrentDate():
            return call("mysql_date")
        case exp.Length():
            return call("octet_length" if node.args.get("binary") else "length", node.this)
        case exp.Substring():
            return call(
                "mysql_substring", node.this, *(part for part in (node.args.get("start"), node.args.get("length")) if part)
            )
        case exp.Left():
            return call("substr", node.this, exp.Literal.number(1), node.expression)
        case exp.Right():
            return call("substr", node.this, exp.Neg(this=exp.Paren(this=node.expression)))
        case exp.JSONExtractScalar():
            return call("mysql_json_unquote", _extracted(node))
        case exp.JSONExtract():
            return _extracted(node)
        case exp.DateAdd() | exp.DateSub():
            sign = 1 if isinstance(node, exp.DateAdd) else -1
            return _shifted(node.this, node.expression, node.args.get("unit"), sign)
        case exp.Cast():
            return _cast(node)
        case exp.Concat():
            # NULL makes NULL in MySQL; SQLite's concat() skips it.
            arguments = node.expressions
            result: exp.Expr = exp.Cast(this=arguments[0], to=exp.DataType(this=exp.DataType.Type.TEXT))
            for argument in arguments[1:]:
                result = exp.DPipe(this=result, expression=exp.Paren(this=argument), safe=False)
            return exp.Paren(this=result)
        case _ if isinstance(node, _ALLOWED):
            return node
        case _:
            raise SqlRefused(f"function: '{node.sql_name().lower()}' not found", "syntax")


def _named(node: exp.Anonymous) -> exp.Expr:
    name, arguments = str(node.this).lower(), node.expressions
    if name in _PLAIN_FUNCTIONS:
        return node
    if name in {"json_object_", "json_array_"}:
        return call("mysql_json", call(name.rstrip("_"), *arguments))
    if name == "dolt_hashof_table" and len(arguments) == 1:
        return call("dolt_public", call("dolt_hashof_table", *arguments))
    wanted = {"hashof": 1, "dolt_hashof": 1, "dolt_merge_base": 2, "has_ancestor": 2, "dolt_version": 0}.get(name)
    if wanted is None:
        raise SqlRefused(f"function: '{name}' not found", "syntax")
    if len(arguments) != wanted:
        raise SqlRefused(f"function '{name}' expected {wanted} arguments, {len(arguments)} received", "syntax")
    refs = [call("dolt_ref", argument) for argument in arguments]
    match name:
        case "dolt_version":
            return node
        case "dolt_merge_base":
            return call("dolt_public", call("dolt_best_base", *refs))
        case "has_ancestor":
            base = call("dolt_merge_base", *refs)
            return exp.Paren(this=exp.EQ(this=base, expression=call("dolt_hashof", refs[1].copy())))
        case _:
            return call("dolt_public", call("dolt_hashof", *refs))


def _extracted(node: exp.JSONExtract | exp.JSONExtractScalar) -> exp.Expr:
    path = node.expression
    text = path.this if isinstance(path, exp.Literal) else path.sql("mysql").strip("'").replace("''", "'")
    return call("mysql_json_extract", node.this, exp.Literal.string(text))


def _compare_json_as_text(node: exp.Expr) -> None:
    """`JSON_EXTRACT(v, '$.a') = 'x'` compares the string inside the JSON in MySQL; numbers are left as they are."""
    if isinstance(node, exp.In):
        sides = [node.this]
    else:
        sides = [node.args["this"], node.args["expression"]]
        if all(_is_json(side) for side in sides):
            return
    for side in sides:
        if _is_json(side):
            side.replace(call("mysql_json_unquote", side.copy()))


def _is_json(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "mysql_json_extract"


def _cast(node: exp.Cast) -> exp.Expr:
    to = node.to
    kind = to.this
    types = exp.DataType.Type
    if kind in {types.CHAR, types.NCHAR, types.VARCHAR, types.TEXT, types.NVARCHAR} and not to.expressions:
        return exp.Cast(this=node.this, to=exp.DataType(this=exp.DataType.Type.TEXT))
    if kind in {types.BIGINT, types.INT, types.UBIGINT, types.UINT}:
        return exp.Cast(this=node.this, to=exp.DataType(this=exp.DataType.Type.INT))
    if kind in {types.DOUBLE, types.FLOAT}:
        return exp.Cast(this=node.this, to=exp.DataType(this=exp.DataType.Type.DOUBLE))
    if kind == types.JSON:
        return call("mysql_json", node.this)
    raise unsupported(_shown(node))


def _shifted(moment: exp.Expr, amount: exp.Expr, unit: exp.Expr | None, sign: int) -> exp.Expr:
    seconds = _UNIT_SECONDS.get(unit.name.upper() if unit is not None else "DAY")
    if seconds is None:
        raise unsupported(f"INTERVAL in {unit.name if unit is not None else ''}")
    if isinstance(amount, exp.Literal) and amount.is_string:
        amount = exp.Literal.number(amount.this) if re.fullmatch(r"\d+", amount.this) else amount
    number = exp.Mul(this=exp.Paren(this=amount), expression=exp.Literal.number(sign * seconds))
    shift = exp.DPipe(this=exp.Paren(this=number), expression=exp.Literal.string(" seconds"), safe=False)
    return call("datetime", moment, shift)


def _part(node: exp.Expr, name: str) -> exp.Expr:
    part: exp.Expr = node.args[name]
    return part


def _shown(node: exp.Expr) -> str:
    return node.sql("mysql")[:80]
