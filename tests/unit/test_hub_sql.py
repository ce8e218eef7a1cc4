"""SQL text: nothing anybody writes can leave its literal, and what lands in public commit messages can be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlglot import exp, parse, parse_one
from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.sqlite import SQLite
from sqlglot.tokenizer_core import TokenType

from bot.dolthub import sql
from bot.dolthub.sql import NOTHING, Query, literal, write_row
from bot.model.ids import CommitHash, Handle, StampId, WantedId
from bot.model.ledger import KNOWN_TABLES, Row, RowWrite, Write

A = CommitHash("a" * 32)
B = CommitHash("b" * 32)
NOW = datetime(2026, 3, 4, 10, 0, 5, tzinfo=UTC)
COLUMNS = {
    "completions": ("id", "wanted_id", "completed_by", "evidence", "validated_by", "stamp_id", "validated_at"),
    "wanted": ("id", "status", "claimed_by", "evidence_url", "tags", "updated_at"),
    "stamps": ("id", "author", "subject", "valence", "confidence", "context_id", "created_at"),
    "_meta": ("key", "value"),
}
HOSTILE = (
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "x\\",
    "'; DROP TABLE stamps; -- ",
    "/* */ # --",
    "a;b",
    "\0",
    "line\nbreak\r",
    "\u202etxt",
    "naïve 😀",
    "%_",
    '"`',
    "\x1a\t",
    "{} {0} {x}",
)
texts = st.text(alphabet=st.characters(codec="utf-8"))


# --- the encoder ------------------------------------------------------------------------------------------------------


def decoded(text: str, dialect: type[MySQL] | type[SQLite]) -> str:
    """What a server would read, by the dialect's own rules about quotes and backslashes."""
    tokens = dialect().tokenize(text)
    if len(tokens) == 1:
        assert tokens[0].token_type is TokenType.STRING
        return str(tokens[0].text)
    assert [t.text.upper() for n, t in enumerate(tokens) if n != 2] == ["CAST", "(", "AS", "CHAR", ")"]
    assert tokens[2].token_type is TokenType.HEX_STRING
    return bytes.fromhex(tokens[2].text).decode("utf-8")


@pytest.mark.parametrize("dialect", [MySQL, SQLite], ids=["backslash escapes", "no backslash escapes"])
@given(text=texts)
@example(text="'; DROP TABLE stamps; -- ")
@example(text="\\'")
@example(text="\\")
@example(text="\0\x1a")
@example(text="😀")
def test_any_text_is_read_back_as_it_was_under_either_rule_for_backslashes(
    dialect: type[MySQL] | type[SQLite], text: str
) -> None:
    assert decoded(literal(text), dialect) == text


@given(texts)
def test_a_literal_is_printable_ascii_whatever_it_holds(text: str) -> None:
    assert literal(text).isascii()
    assert literal(text).isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_literal_stays_one_literal_of_one_statement(text: str) -> None:
    statements = parse(f"SELECT {literal(text)} AS v FROM t WHERE a = {literal(text)}", read="mysql")
    assert len(statements) == 1
    assert isinstance(statements[0], exp.Select)
    assert len(statements[0].expressions) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it's 100% (fine); ok", "'it''s 100% (fine); ok'"),
        ('{"quality": 4}', "'{\"quality\": 4}'"),
        ("", "''"),
        ("a\\b", "CAST(X'615C62' AS CHAR)"),
        ("é", "CAST(X'C3A9' AS CHAR)"),
        (None, "NULL"),
        (-5, "-5"),
        (0.5, "0.5"),
    ],
)
def test_plain_values_stay_readable(value: str | int | float | None, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize("value", ["\ud800", "x\udfff", float("nan"), float("inf"), True])
def test_what_is_no_sql_value_is_refused(value: str | float) -> None:
    with pytest.raises(ValueError):
        literal(value)


@pytest.mark.parametrize("identifier", ["", "a b", "a`b", "1a", "a;", "ä", "a" * 65, "a\n"])
def test_only_plain_identifiers_become_names(identifier: str) -> None:
    with pytest.raises(ValueError):
        sql.name(identifier)


@given(st.text())
@example("accept w-1; DROP TABLE x\n-- by 'ana' */ \\ `\0 é")
def test_a_note_is_one_comment_to_the_end_of_the_line(note: str) -> None:
    written = sql.comment(note)
    assert written == "" or written.startswith(" -- ")
    assert set(written[4:]).isdisjoint(";'\"`\\\n\r\0*")
    assert written.isascii()
    assert len(written) <= sql.NOTE_MAX_CHARS + 4
    assert MySQL().tokenize("SELECT 1" + written)[-1].text == "1"


# --- queries ----------------------------------------------------------------------------------------------------------


def every_query(text: str) -> tuple[Query, ...]:
    handle = Handle(text)
    return (
        sql.hash_of(text),
        sql.ancestors(A),
        sql.first_parent(A),
        sql.merges_of(A),
        sql.on_log((A, B), B),
        sql.heights((A, B), B),
        sql.diff_summary(A, B),
        sql.diff_stat(A, B),
        sql.diff_rows(A, B, "_meta"),
        sql.columns(),
        sql.rows_by("wanted", "id", (text, "w-2")),
        sql.completions_of((WantedId(text),)),
        sql.completions_of((WantedId(text),), (text, "c-1")),
        sql.completions_like(((text, "7"), ("x",))),
        sql.rigs_around((handle,), (text,), 3),
        sql.all_rig_links(),
        sql.stamps_for((text,), (StampId(text),)),
        sql.record_of(handle),
        sql.tallies_around(handle),
        sql.claims_of(handle),
        sql.latest_completions_of(handle),
        sql.items_titled((text, "Mend it")),
        sql.open_completions(),
    )


@pytest.mark.parametrize("text", [t for t in HOSTILE if t])
def test_every_query_is_one_reading_statement_for_any_text(text: str) -> None:
    around = sql.rigs_around((Handle(text),), (text,), 3)
    joined = sql.together((around, sql.stamps_for((text,), ())), {"rigs": ("handle",), "stamps": ("id", "author")})
    for query in (*every_query(text), joined):
        for said in (query.page(0), query.page(7)) if query.paged else (query.text,):
            statements = parse(said, read="mysql")
            assert len(statements) == 1, said
            assert isinstance(statements[0], exp.Select | exp.Union), said
            assert said.isascii()


def test_a_paged_query_has_an_order() -> None:
    for query in every_query("x"):
        if query.paged:
            assert " ORDER BY " in query.text, query.text


@pytest.mark.parametrize("commit", ["main", "A" * 32, "a" * 31, "a" * 33, "'" + "a" * 31, "a" * 32 + "\n"])
def test_only_commit_hashes_reach_the_functions_of_the_graph(commit: str) -> None:
    bad = CommitHash(commit)
    made: Callable[[], Query]
    for made in (
        lambda: sql.heights((bad,), A),
        lambda: sql.ancestors(bad),
        lambda: sql.first_parent(bad),
        lambda: sql.merges_of(bad),
        lambda: sql.on_log((bad,), A),
        lambda: sql.diff_summary(bad, A),
        lambda: sql.diff_rows(A, bad, "wanted"),
    ):
        with pytest.raises(ValueError):
            made()


def test_only_tables_of_a_commons_are_read() -> None:
    made: Callable[[], Query]
    for made in (lambda: sql.diff_rows(A, B, "dolt_schemas"), lambda: sql.rows_by("secrets", "id", ("1",))):
        with pytest.raises(ValueError):
            made()


def test_what_does_not_say_what_it_yields_is_not_asked_together() -> None:
    with pytest.raises(ValueError, match="what it yields"):
        sql.together((sql.all_rigs(), sql.columns()), {"rigs": ("handle",)})


def test_rows_asked_together_come_apart_by_their_part() -> None:
    queries = (sql.record_of(Handle("pia")), sql.rows_by("wanted", "id", ("w-1",)))
    columns = {"wanted": ("title", "id")}
    rows = [
        Row.of({"part": "1", "c0": "w-1", "c1": "Mend it"}),
        Row.of({"part": "0", "c0": "4", "c1": "7"}),
        Row.of({"part": "1", "c0": "w-2", "c1": None}),
    ]
    assert sql.apart(rows, queries, columns) == (
        (Row.of({"quality": "4", "stamps": "7"}),),
        (Row.of({"id": "w-1", "title": "Mend it"}), Row.of({"id": "w-2", "title": None})),
    )


def test_asking_for_nothing_asks_nothing() -> None:
    asked = (
        sql.rows_by("wanted", "id", ()),
        sql.completions_of(()),
        sql.completions_like(((),)),
        sql.rigs_around((), ("",)),
        sql.stamps_for((), ()),
        sql.items_titled((" ",)),
        sql.on_log((), A),
    )
    assert set(asked) == {NOTHING}
    assert NOTHING.is_nothing


def columns_named(query: Query) -> set[tuple[str, str]]:
    """Columns of tables of a commons that the text names, with their tables; none for Dolt's own tables and functions."""
    tree = parse_one(query.text, read="mysql")
    tables = {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    if not set(tables.values()).issubset(KNOWN_TABLES):
        return set()
    named = (column for column in tree.find_all(exp.Column) if not column.is_star)
    return {(tables[column.table] if column.table else next(iter(tables.values())), column.name) for column in named}


def test_a_query_needs_the_columns_that_its_text_names() -> None:
    asked = (*every_query("x"), sql.all_rigs())
    for query in asked:
        if "parent_rig" not in query.text:
            assert set(query.needs) == columns_named(query), query.text
    bare = sql.rigs_around((Handle("x"),), ("y",), 3, there=("handle",))
    assert columns_named(bare) == {("rigs", "handle")}
    assert {table for query in asked for table, _ in query.needs} == {"wanted", "completions", "stamps", "rigs", "rig_links"}


def test_a_query_fits_where_all_it_needs_is_there() -> None:
    query = sql.stamps_for(("c-1",), ())
    assert query.fits({"stamps": ("id", "context_id", "author")})
    assert not query.fits({"stamps": ("id", "author")})
    assert not query.fits({"rigs": ("handle",)})
    assert sql.hash_of("main").fits({})


def test_pages_follow_each_other_without_gap() -> None:
    query = Query("SELECT id FROM t ORDER BY id", paged=True, per_page=10)
    assert query.page(0) == "SELECT id FROM t ORDER BY id LIMIT 10 OFFSET 0"
    assert query.page(3) == "SELECT id FROM t ORDER BY id LIMIT 10 OFFSET 30"


# --- statements -------------------------------------------------------------------------------------------------------


def said(write: RowWrite, *, note: str = "stampbot accept w-1 by ana", unless_stamped: bool = False) -> str:
    return write_row(write, columns=COLUMNS, now=NOW, note=note, unless_stamped=unless_stamped).text


def test_an_insert_names_its_key_and_cells() -> None:
    stamp = RowWrite(
        table="stamps",
        key="s-1",
        write=Write.INSERT,
        cells=Row.of({"id": "s-1", "author": "ana", "valence": '{"quality": 4}', "message": "not on this commons"}),
    )
    assert said(stamp) == (
        "INSERT INTO `stamps` (`id`, `author`, `valence`) VALUES ('s-1', 'ana', '{\"quality\": 4}')"
        " -- stampbot accept w-1 by ana"
    )


def test_a_stamp_can_be_made_to_yield_to_any_other_about_the_same_work() -> None:
    stamp = RowWrite(table="stamps", key="s-1", write=Write.INSERT, cells=Row.of({"author": "ana", "context_id": "c-1"}))
    assert said(stamp, note="", unless_stamped=True) == (
        "INSERT INTO `stamps` (`id`, `author`, `context_id`) SELECT 's-1', 'ana', 'c-1'"
        " WHERE NOT EXISTS (SELECT 1 FROM `stamps` WHERE `context_id` = 'c-1')"
    )


def test_an_update_is_guarded_and_touches_the_time() -> None:
    item = RowWrite(
        table="wanted",
        key="w-1",
        write=Write.UPDATE,
        cells=Row.of({"status": "completed", "evidence_url": None}),
        guard=Row.of({"status": "in_review", "claimed_by": "bob", "evidence_url": None, "unheard_of": None}),
        touch=("updated_at", "not_there"),
    )
    assert said(item) == (
        "UPDATE `wanted` SET `status` = 'completed', `evidence_url` = NULL, `updated_at` = '2026-03-04 10:00:05'"
        " WHERE `id` = 'w-1' AND `status` = 'in_review' AND `claimed_by` = 'bob' AND `evidence_url` IS NULL"
        " -- stampbot accept w-1 by ana"
    )


def test_a_guard_on_an_empty_json_column_holds_for_json_null() -> None:
    item = RowWrite(table="wanted", key="w-1", write=Write.UPDATE, cells=UPDATE.cells, guard=Row.of({"tags": None}))
    assert said(item, note="").endswith(" WHERE `id` = 'w-1' AND (`tags` IS NULL OR CAST(`tags` AS CHAR) = 'null')")


def test_a_delete_is_guarded() -> None:
    gone = RowWrite(table="completions", key="c-1", write=Write.DELETE, guard=Row.of({"stamp_id": None}))
    assert said(gone, note="", unless_stamped=True) == (
        "DELETE FROM `completions` WHERE `id` = 'c-1' AND `stamp_id` IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM `stamps` WHERE `context_id` = 'c-1')"
    )


def test_a_key_that_is_a_word_of_sql_is_quoted() -> None:
    meta = RowWrite(table="_meta", key="k", write=Write.UPDATE, cells=Row.of({"value": "1"}))
    assert said(meta, note="") == "UPDATE `_meta` SET `value` = '1' WHERE `key` = 'k'"


UPDATE = RowWrite(table="wanted", key="w-1", write=Write.UPDATE, cells=Row.of({"status": "open"}))


@pytest.mark.parametrize(
    "write",
    [
        RowWrite(table="wanted", key="w-1", write=Write.UPDATE, cells=Row.of({"unheard_of": "1"})),
        RowWrite(table="wanted", key="w-1", write=Write.UPDATE, cells=UPDATE.cells, guard=Row.of({"tags": '["go"]'})),
        RowWrite(table="wanted", key="w-1", write=Write.UPDATE, cells=UPDATE.cells, guard=Row.of({"unheard_of": "1"})),
        RowWrite(table="wanted", key="w-1", write=Write.INSERT, guard=Row.of({"status": "open"})),
    ],
    ids=["nothing to set", "guard on JSON", "guard that cannot hold", "guarded insert"],
)
def test_a_write_that_cannot_be_said_safely_is_refused(write: RowWrite) -> None:
    with pytest.raises(ValueError):
        said(write)


def test_only_what_a_stamp_can_be_about_yields_to_stamps() -> None:
    with pytest.raises(ValueError):
        said(UPDATE, unless_stamped=True)


@given(key=texts, cell=texts, guard=texts, note=st.text())
def test_any_statement_is_one_statement_that_says_what_was_decided(key: str, cell: str, guard: str, note: str) -> None:
    write = RowWrite(
        table="completions",
        key=key,
        write=Write.UPDATE,
        cells=Row.of({"validated_by": cell}),
        guard=Row.of({"completed_by": guard}),
    )
    tree = parse_one(said(write, note=note), read="mysql")
    assert isinstance(tree, exp.Update)
    compared = [value_of(eq.expression) for eq in tree.args["where"].find_all(exp.EQ)]
    assert sorted(compared) == sorted([key, guard])
    assert value_of(tree.expressions[0].expression) == cell


def value_of(node: exp.Expression) -> str:
    """The text a parsed literal stands for."""
    if isinstance(node, exp.Literal):
        return str(node.this)
    found = node.find(exp.HexString)
    assert found is not None, node
    return bytes.fromhex(found.this).decode("utf-8")
