"""What MySQL/Dolt SQL means in the sandbox: tables of statements and what comes of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sql.lexer import canonical, quote
from sandbox.values.records import DatabaseName, NothingChanged, SqlRefused
from tests.sandbox.store_client import StoreClient

DB = DatabaseName("hop", "wl-commons")
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS _meta (`key` VARCHAR(64) PRIMARY KEY, value TEXT);",
    "CREATE TABLE item (id VARCHAR(8) PRIMARY KEY, title TEXT NOT NULL, priority INT DEFAULT 2, done TINYINT(1) DEFAULT 0,"
    " weight FLOAT, tags JSON, made TIMESTAMP, born DATE, raw BLOB, owner VARCHAR(10) DEFAULT 'none')",
    "CREATE TABLE stamp (id VARCHAR(8) PRIMARY KEY, author VARCHAR(20) NOT NULL, subject VARCHAR(20) NOT NULL,"
    " valence JSON NOT NULL, CHECK (NOT(author = subject)))",
    "CREATE TABLE link (a VARCHAR(4) NOT NULL, b VARCHAR(4) NOT NULL, n INT, PRIMARY KEY (a, b), UNIQUE KEY uq_n (n),"
    " CHECK (n BETWEEN 0 AND 9)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
    "CREATE TABLE heap (a INT, b TEXT)",
    "INSERT IGNORE INTO _meta (`key`, value) VALUES ('schema_version', '1.2')",
    "INSERT INTO item (id, title, tags, made) VALUES ('i1', 'One', '[\"a\",\"b\"]', '2026-01-02 03:04:05'),"
    " ('i2', 'two', '{\"quality\": 4, \"why\": \"it\\'s\"}', NULL)",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreClient]:
    client = StoreClient(tmp_path_factory.mktemp("store"))
    client.call("create", DB, SCHEMA, author="hop", message="begin")
    yield client
    client.close()


@pytest.fixture
def branch(store: StoreClient, request: pytest.FixtureRequest) -> str:
    name = f"t{abs(hash(request.node.nodeid))}"
    store.call("create_branch", DB, name)
    return name


VALUES = {
    "a string in double quotes": ('SELECT "it"', "it"),
    "doubled quotes": ("SELECT 'it''s'", "it's"),
    "backslash escapes": (r"SELECT 'a\'b\\c\"d\n'", "a'b\\c\"d\n"),
    "an escape that is none": (r"SELECT '\q\%'", r"q\%"),
    "two quotes of two kinds": ("""SELECT "a'b" """, "a'b"),
    "a comment mark in a string": ("SELECT '-- no # no /* no */; no'", "-- no # no /* no */; no"),
    "a comment at the end": ("SELECT 1 -- one", "1"),
    "a comment after the end": ("SELECT 1; -- it's one; SELECT 2", "1"),
    "a hash comment": ("SELECT 1 # one", "1"),
    "a comment inside": ("SELECT /* no; */ 1", "1"),
    "two minus signs": ("SELECT 5--1", "6"),
    "hex as text": ("SELECT CAST(X'6974' AS CHAR)", "it"),
    "hex is binary": ("SELECT X'6974'", "<binary>"),
    "not ASCII": ("SELECT 'Zoë 🌍'", "Zoë 🌍"),
    "case matters in =": ("SELECT 'a' = 'A'", "0"),
    "case matters in LIKE": ("SELECT 'abc' LIKE 'A%'", "0"),
    "LIKE": ("SELECT 'abc' LIKE '_b%'", "1"),
    "NOT LIKE": ("SELECT 'abc' NOT LIKE 'x%'", "1"),
    "LIKE knows the backslash": (r"SELECT 'a_c' LIKE 'a\_c', 'abc' LIKE 'a\_c'", "1"),
    "bars are OR": ("SELECT 1 || 0", "1"),
    "division is exact": ("SELECT 5 / 2", "2.5"),
    "DIV is not": ("SELECT 5 DIV 2", "2"),
    "NULL-safe equality": ("SELECT NULL <=> NULL", "1"),
    "CONCAT": ("SELECT CONCAT('a', 1, 'b')", "a1b"),
    "CONCAT with NULL": ("SELECT CONCAT('a', NULL)", None),
    "IF and IFNULL": ("SELECT IF(1 > 0, IFNULL(NULL, 'x'), 'y')", "x"),
    "LENGTH counts bytes": ("SELECT LENGTH('é')", "2"),
    "CHAR_LENGTH counts characters": ("SELECT CHAR_LENGTH('é')", "1"),
    "LEFT and RIGHT": ("SELECT CONCAT(LEFT('abc', 1), RIGHT('abc', 1))", "ac"),
    "SUBSTRING": ("SELECT SUBSTRING('abcdef', 2, 3)", "bcd"),
    "COUNT": ("SELECT COUNT(*) FROM item", "2"),
    "AVG": ("SELECT AVG(priority) FROM item", "2"),
    "GROUP_CONCAT": ("SELECT GROUP_CONCAT(id ORDER BY id DESC SEPARATOR '+') FROM item", "i2+i1"),
    "CASE": ("SELECT CASE WHEN 1 THEN 'a' ELSE 'b' END", "a"),
    "no table": ("SELECT 1 FROM dual", "1"),
    "a timestamp": ("SELECT made FROM item WHERE id = 'i1'", "2026-01-02 03:04:05"),
    "time arithmetic": ("SELECT made + INTERVAL 1 DAY FROM item WHERE id = 'i1'", "2026-01-03 03:04:05"),
    "DATE_SUB": ("SELECT DATE_SUB('2026-01-01 00:00:00', INTERVAL 2 HOUR)", "2025-12-31 22:00:00"),
    "JSON as stored": ("SELECT tags FROM item WHERE id = 'i1'", '["a", "b"]'),
    "JSON_EXTRACT of a number": ("SELECT JSON_EXTRACT(tags, '$.quality') FROM item WHERE id = 'i2'", "4"),
    "JSON_EXTRACT of a string": ("SELECT JSON_EXTRACT(tags, '$.why') FROM item WHERE id = 'i2'", '"it\'s"'),
    "JSON_EXTRACT of an element": ("SELECT JSON_EXTRACT(tags, '$[1]') FROM item WHERE id = 'i1'", '"b"'),
    "JSON_EXTRACT of nothing": ("SELECT JSON_EXTRACT(tags, '$.no') FROM item WHERE id = 'i1'", None),
    "JSON_UNQUOTE": ("SELECT JSON_UNQUOTE(JSON_EXTRACT(tags, '$.why')) FROM item WHERE id = 'i2'", "it's"),
    "the arrow": ("SELECT tags->'$.quality' FROM item WHERE id = 'i2'", "4"),
    "the long arrow": ("SELECT tags->>'$.why' FROM item WHERE id = 'i2'", "it's"),
    "JSON compares as its string": ("SELECT id FROM item WHERE JSON_EXTRACT(tags, '$.why') = 'it\\'s'", "i2"),
    "JSON compares as its number": ("SELECT id FROM item WHERE JSON_EXTRACT(tags, '$.quality') >= 4", "i2"),
    "JSON_LENGTH": ("SELECT JSON_LENGTH(tags) FROM item WHERE id = 'i1'", "2"),
    "JSON_CONTAINS": ("SELECT JSON_CONTAINS(tags, '\"b\"') FROM item WHERE id = 'i1'", "1"),
    "JSON_VALID": ("SELECT JSON_VALID('{')", "0"),
    "JSON_OBJECT": ("SELECT JSON_OBJECT('bb', 1, 'a', 'x')", '{"a": "x", "bb": 1}'),
    "the branch": ("SELECT active_branch()", "main"),
    "the database": ("SELECT DATABASE()", "wl-commons"),
    "a database before the table": ("SELECT COUNT(*) FROM `wl-commons`.item", "2"),
    "table names in any case": ("SELECT COUNT(*) FROM ITEM", "2"),
    "a common table expression": ("WITH c AS (SELECT id FROM item) SELECT COUNT(*) FROM c", "2"),
    "recursion": ("WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT SUM(n) FROM c", "15"),
    "a subquery": ("SELECT title FROM item WHERE id = (SELECT MAX(id) FROM item)", "two"),
    "a union": ("SELECT 'b' UNION SELECT 'a' ORDER BY 1", "a"),
    "a quoted word": ("SELECT value FROM _meta WHERE `key` = 'schema_version'", "1.2"),
}


@pytest.mark.parametrize(("sql", "value"), VALUES.values(), ids=VALUES.keys())
def test_an_expression_means_what_it_means_in_mysql(store: StoreClient, sql: str, value: str | None) -> None:
    assert store.rows(DB, "main", sql)[0][0] == value


def test_limit_and_offset_in_both_spellings(store: StoreClient) -> None:
    for sql in ("SELECT id FROM item ORDER BY id LIMIT 1 OFFSET 1", "SELECT id FROM item ORDER BY id LIMIT 1, 1"):
        assert store.rows(DB, "main", sql) == [("i2",)]


def test_now_is_a_timestamp_in_all_its_spellings(store: StoreClient) -> None:
    row = store.rows(DB, "main", "SELECT NOW(), CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP, UTC_TIMESTAMP()")[0]
    assert len(set(row)) == 1
    assert row[0] is not None
    assert row[0][:2] + row[0][4] + row[0][10] + row[0][13] == "20- :"


UNREADABLE = {
    "a syntax error": ("SELEC 1", "syntax error"),
    "nothing": (" ;; -- x", "there is no statement"),
    "two statements": ("SELECT 1; SELECT 2", "one statement at a time"),
    "an open quote": ("SELECT 'a", "never closed"),
    "an open comment": ("SELECT 1 /* a", "comment never ends"),
    "a comment that is run": ("SELECT /*! 1 */ 2", "unsupported"),
    "an unknown table": ("SELECT 1 FROM nope", "table not found: nope"),
    "an unknown column": ("SELECT nope FROM item", 'column "nope" could not be found'),
    "an unknown column in backquotes": ("SELECT `nope` FROM item", 'column "nope" could not be found'),
    "an unknown function": ("SELECT SLEEP(1)", "function: 'sleep' not found"),
    "the engine's catalog": ("SELECT * FROM sqlite_master", "table not found"),
    "the engine's pragmas": ("SELECT * FROM pragma_table_info('item')", "not found"),
    "the engine's JSON table": ("SELECT * FROM json_each('[1]')", "not found"),
    "loading an extension": ("SELECT load_extension('x')", "not found"),
    "committing": ("SELECT dolt_commit('-A', '-m', 'x')", "not found"),
    "a remote": ("SELECT * FROM dolt_remotes", "table not found"),
    "another database": ("SELECT * FROM other.item", "database not found: other"),
    "a procedure": ("CALL DOLT_MERGE('x')", "unsupported"),
    "a variable": ("SELECT @@version", "unsupported"),
    "a file": ("SELECT 1 INTO OUTFILE '/tmp/x'", "error"),
    "a collation that ignores case": ("SELECT 'a' COLLATE utf8mb4_0900_ai_ci", "unsupported"),
    "a regular expression": ("SELECT 'a' REGEXP 'a'", "unsupported"),
    "a write": ("DELETE FROM item", "only reads"),
    "ATTACH": ("ATTACH DATABASE '/tmp/x' AS y", "error"),
    "PRAGMA": ("PRAGMA query_only=OFF", "error"),
    "invalid JSON": ("SELECT JSON_EXTRACT('{', '$.a')", "Invalid JSON"),
    "an engine hash as a ref": ("SELECT HASHOF('" + "a" * 40 + "')", "target commit not found"),
    "an unknown commit": ("SELECT HASHOF('" + "0" * 32 + "')", "target commit not found"),
    "the engine's catalog behind a name": (
        "SELECT * FROM sqlite_master WHERE 1 IN (WITH sqlite_master AS (SELECT 1) SELECT 1 FROM sqlite_master)",
        "unsupported",
    ),
    "a function without arguments": ("SELECT CONCAT()", "error"),
    "a deep nest": ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "error"),
}


@pytest.mark.parametrize(("sql", "words"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_an_error_in_the_answer(store: StoreClient, sql: str, words: str) -> None:
    result = store.read(DB, "main", sql)
    assert (result.status, result.columns, result.rows) == ("error", (), ())
    assert result.message.startswith("query error: ")
    assert words in result.message


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_survives_both_ways_to_write_it(store: StoreClient, text: str) -> None:
    in_hex = f"CAST(X'{text.encode().hex()}' AS CHAR)" if text else "''"
    assert store.rows(DB, "main", f"SELECT {quote(text)}, {in_hex}, '{_escaped(text)}'") == [(text, text, text)]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")


@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_quoted_text_never_ends_a_statement_or_begins_a_comment(texts: list[str]) -> None:
    sql = "SELECT " + ", ".join(quote(text) for text in texts)
    assert canonical(sql + "; -- done") == sql


FRAGMENTS = (
    *("SELECT", "*", "FROM", "item", "WHERE", "id", "=", "'i1'", "(", ")", ",", ";", "--", "/*", "*/", "#", "`", "'", "\\"),
    *("INSERT", "INTO", "IGNORE", "VALUES", "ON DUPLICATE KEY UPDATE", "UPDATE", "SET", "DELETE", "REPLACE", "AS OF"),
    *("dolt_diff", "dolt_log", "dolt_branches", "('main', 'main', 'item')", "('main')", "information_schema.columns"),
    *("CREATE TABLE", "ALTER TABLE", "DROP", "ADD COLUMN", "VARCHAR(4)", "CHECK", "UNIQUE", "PRIMARY KEY", "SHOW TABLES"),
    *("JSON_EXTRACT(tags, '$.a')", "->>", "'$.x'", "CASE WHEN", "END", "INTERVAL 1 DAY", "NOW()", "X'ff'", "0x1", "NULL"),
    *(
        "WITH c AS",
        "UNION",
        "LIMIT 1",
        "ORDER BY",
        "GROUP BY",
        "JOIN",
        "ON",
        "AS",
        "title",
        "1",
        "-1",
        "1e999",
        "@@x",
        ":a",
        "?",
    ),
)
BROKEN_SQL = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14).map(" ".join),
    st.text(max_size=40),
)


@given(sql=BROKEN_SQL)
def test_whatever_is_read_is_answered(store: StoreClient, sql: str) -> None:
    result = store.read(DB, "main", sql, timeout_ms=2000)
    assert (result.status == "success") is (result.message == "")


@given(sql=BROKEN_SQL)
def test_whatever_is_written_is_a_commit_or_a_refusal(store: StoreClient, sql: str) -> None:
    try:
        store.write(DB, sql, onto="fuzz")
    except (SqlRefused, NothingChanged):
        return
    assert store.rows(DB, "fuzz", "SELECT COUNT(*) FROM dolt_log('main..fuzz')") == [("1",)]


CHANGES = {
    "several rows": (
        "INSERT INTO link (a, b, n) VALUES ('x', 'y', 1), ('x', 'z', 2)",
        "SELECT * FROM link ORDER BY b",
        [("x", "y", "1"), ("x", "z", "2")],
    ),
    "a comment behind": (
        "UPDATE item SET title = 'new' WHERE id = 'i1'; -- by the bot; it's fine",
        "SELECT title FROM item WHERE id = 'i1'",
        [("new",)],
    ),
    "an upsert of a new row": (
        "INSERT INTO item (id, title) VALUES ('i3', 'a') ON DUPLICATE KEY UPDATE title = VALUES(title)",
        "SELECT title FROM item WHERE id = 'i3'",
        [("a",)],
    ),
    "an upsert of a row that is there": (
        "INSERT INTO item (id, title) VALUES ('i1', 'a') ON DUPLICATE KEY UPDATE title = CONCAT(title, VALUES(title)),"
        " priority = priority + 1",
        "SELECT title, priority FROM item WHERE id = 'i1'",
        [("Onea", "3")],
    ),
    "an upsert with a row alias": (
        "INSERT INTO item (id, title) VALUES ('i1', 'a') AS new ON DUPLICATE KEY UPDATE title = new.title",
        "SELECT title FROM item WHERE id = 'i1'",
        [("a",)],
    ),
    "an upsert from a query": (
        "INSERT INTO item (id, title) SELECT 'i1', 'q' FROM _meta ON DUPLICATE KEY UPDATE title = VALUES(title)",
        "SELECT title FROM item WHERE id = 'i1'",
        [("q",)],
    ),
    "INSERT IGNORE skips what is there": (
        "INSERT IGNORE INTO item (id, title) VALUES ('i1', 'a'), ('i4', 'd')",
        "SELECT id, title FROM item ORDER BY id",
        [("i1", "One"), ("i2", "two"), ("i4", "d")],
    ),
    "INSERT IGNORE skips a violated CHECK": (
        "INSERT IGNORE INTO stamp (id, author, subject, valence) VALUES ('s1', 'a', 'a', '{}'), ('s2', 'a', 'b', '{}')",
        "SELECT id FROM stamp",
        [("s2",)],
    ),
    "INSERT ... SELECT ... WHERE NOT EXISTS": (
        "INSERT IGNORE INTO stamp (id, author, subject, valence) SELECT 's', id, 'b', '{\"q\":1}' FROM item"
        " WHERE id = 'i1' AND NOT EXISTS (SELECT 1 FROM stamp WHERE author = 'i1')",
        "SELECT * FROM stamp",
        [("s", "i1", "b", '{"q": 1}')],
    ),
    "REPLACE": (
        "REPLACE INTO _meta (`key`, value) VALUES ('schema_version', '1.3')",
        "SELECT * FROM _meta",
        [("schema_version", "1.3")],
    ),
    "INSERT ... SET": ("INSERT INTO heap SET a = 1, b = 'x'", "SELECT * FROM heap", [("1", "x")]),
    "twice the same row without a key": (
        "INSERT INTO heap VALUES (1, 'x'), (1, 'x')",
        "SELECT COUNT(*) FROM heap",
        [("2",)],
    ),
    "an UPDATE that reads what it has just set": (
        "UPDATE item SET priority = 5, owner = priority WHERE id = 'i1'",
        "SELECT priority, owner FROM item WHERE id = 'i1'",
        [("5", "5")],
    ),
    "an UPDATE with an alias": (
        "UPDATE item AS i SET i.title = 'n' WHERE i.id = 'i2'",
        "SELECT title FROM item WHERE id = 'i2'",
        [("n",)],
    ),
    "DELETE": ("DELETE FROM item WHERE id = 'i1'", "SELECT id FROM item", [("i2",)]),
    "TRUNCATE": ("TRUNCATE TABLE item", "SELECT COUNT(*) FROM item", [("0",)]),
    "two minus signs are no comment": (
        "UPDATE item SET priority = 5--1 WHERE id = 'i2'",
        "SELECT id, priority FROM item ORDER BY id",
        [("i1", "2"), ("i2", "6")],
    ),
    "JSON is kept as MySQL prints it": (
        """UPDATE item SET tags = '{"bb":[1,2.5,null,true],"a":"\\\\u00e9"}' WHERE id = 'i1'""",
        "SELECT tags FROM item WHERE id = 'i1'",
        [('{"a": "é", "bb": [1, 2.5, null, true]}',)],
    ),
    "times are kept in one form": (
        "UPDATE item SET made = '2026-01-01T10:00:00Z', born = '2026-1-2' WHERE id = 'i1'",
        "SELECT made, born FROM item WHERE id = 'i1'",
        [("2026-01-01 10:00:00", "2026-01-02")],
    ),
    "a fraction of a second is rounded": (
        "UPDATE item SET made = '2026-01-01 23:59:59.5' WHERE id = 'i1'",
        "SELECT made FROM item WHERE id = 'i1'",
        [("2026-01-02 00:00:00",)],
    ),
    "an UPDATE keeps the nearest number that fits": (
        "UPDATE item SET priority = 3000000000, done = -200 WHERE id = 'i1'",
        "SELECT priority, done FROM item WHERE id = 'i1'",
        [("2147483647", "-128")],
    ),
    "a SUBSTRING that begins before the text is empty": (
        "UPDATE item SET title = CONCAT(SUBSTRING('abc', -80), SUBSTRING('abc', -2), SUBSTRING('abc', 1, 1)) WHERE id = 'i1'",
        "SELECT title FROM item WHERE id = 'i1'",
        [("bca",)],
    ),
    "numbers are rounded for an INT": (
        "UPDATE item SET priority = 2.5, weight = 1, done = TRUE WHERE id = 'i1'",
        "SELECT priority, weight, done FROM item WHERE id = 'i1'",
        [("3", "1", "1")],
    ),
    "hex for a text is text": (
        "UPDATE item SET title = X'c3a9', raw = X'00ff' WHERE id = 'i1'",
        "SELECT title, raw FROM item WHERE id = 'i1'",
        [("é", "<binary>")],
    ),
    "a number for a text is text": (
        "UPDATE item SET title = 12 WHERE id = 'i1'",
        "SELECT title FROM item WHERE id = 'i1'",
        [("12",)],
    ),
    "as many characters as fit": (
        "UPDATE item SET owner = 'ééééééééé🌍' WHERE id = 'i1'",
        "SELECT CHAR_LENGTH(owner) FROM item WHERE id = 'i1'",
        [("10",)],
    ),
    "defaults": (
        "INSERT INTO item (id, title) VALUES ('n', 'n')",
        "SELECT priority, done, weight, owner FROM item WHERE id = 'n'",
        [("2", "0", None, "none")],
    ),
    "a new table": (
        "CREATE TABLE t2 (id INTEGER PRIMARY KEY, s VARCHAR(3) NOT NULL DEFAULT 'a', at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
        "DESCRIBE t2",
        [
            ("id", "int", "NO", "PRI", None, ""),
            ("s", "varchar(3)", "NO", "", "a", ""),
            ("at", "timestamp", "YES", "", "CURRENT_TIMESTAMP", ""),
        ],
    ),
    "a new column": (
        "ALTER TABLE heap ADD COLUMN c VARCHAR(5) DEFAULT 'x'",
        "SHOW COLUMNS FROM heap",
        [("a", "int", "YES", "", None, ""), ("b", "text", "YES", "", None, ""), ("c", "varchar(5)", "YES", "", "x", "")],
    ),
    "a column less": (
        "ALTER TABLE heap DROP COLUMN b",
        "SHOW COLUMNS FROM heap",
        [("a", "int", "YES", "", None, "")],
    ),
    "another name for a column": (
        "ALTER TABLE stamp RENAME COLUMN subject TO who",
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'stamp' ORDER BY ordinal_position",
        [("id",), ("author",), ("who",), ("valence",)],
    ),
    "another name for a table": (
        "ALTER TABLE heap RENAME TO pile",
        "SHOW TABLES",
        [("_meta",), ("item",), ("link",), ("pile",), ("stamp",)],
    ),
    "a table less": ("DROP TABLE IF EXISTS heap", "SHOW TABLES", [("_meta",), ("item",), ("link",), ("stamp",)]),
}


@pytest.mark.parametrize(("sql", "look", "rows"), CHANGES.values(), ids=CHANGES.keys())
def test_a_statement_changes_what_it_changes_in_mysql(
    store: StoreClient, branch: str, sql: str, look: str, rows: list[tuple[str | None, ...]]
) -> None:
    commit = store.write(DB, sql, on=branch)
    assert store.rows(DB, branch, look) == rows
    assert store.rows(DB, branch, "SELECT commit_hash, message FROM dolt_log LIMIT 1") == [(commit, sql)]


REFUSED = {
    "several statements": ("DELETE FROM item; DELETE FROM _meta", "several"),
    "a SELECT": ("SELECT 1", "syntax"),
    "SHOW": ("SHOW TABLES", "syntax"),
    "a syntax error": ("UPDATE item SET", "syntax"),
    "an unknown table": ("DELETE FROM nope", "syntax"),
    "an unknown column": ("INSERT INTO item (nope) VALUES (1)", "syntax"),
    "an unknown column in SET": ("UPDATE item SET nope = 1", "syntax"),
    "an unknown column in WHERE": ("UPDATE item SET title = 'x' WHERE nope = 1", "syntax"),
    "too few values": ("INSERT INTO item (id, title) VALUES ('a')", "syntax"),
    "a procedure": ("CALL DOLT_BRANCH('-D', 'main')", "unsupported"),
    "a system table": ("DELETE FROM dolt_branches WHERE name = 'main'", "unsupported"),
    "a trigger": ("CREATE TRIGGER x BEFORE INSERT ON item FOR EACH ROW SET NEW.title = 'x'", "unsupported"),
    "a view": ("CREATE VIEW v AS SELECT 1", "unsupported"),
    "an index": ("CREATE INDEX x ON item (title)", "unsupported"),
    "a change of type": ("ALTER TABLE item MODIFY COLUMN title INT", "unsupported"),
    "an ENUM": ("CREATE TABLE e (a ENUM('x', 'y'))", "unsupported"),
    "a foreign key": ("CREATE TABLE e (a INT, FOREIGN KEY (a) REFERENCES item (id))", "unsupported"),
    "an UPDATE of two tables": ("UPDATE item, _meta SET title = 'x'", "unsupported"),
    "an UPDATE with LIMIT": ("UPDATE item SET title = 'x' LIMIT 1", "unsupported"),
    "DEFAULT as a value": ("INSERT INTO item (id, title) VALUES ('x', DEFAULT)", "unsupported"),
    "a table that is there": ("CREATE TABLE item (a INT)", "syntax"),
    "another database": ("DELETE FROM other.item", "syntax"),
    "the key twice": ("INSERT INTO item (id, title) VALUES ('i1', 'x')", "constraint"),
    "a unique key twice": ("INSERT INTO link VALUES ('a', 'b', 1), ('a', 'c', 1)", "constraint"),
    "no value for NOT NULL": ("INSERT INTO item (id) VALUES ('x')", "constraint"),
    "NULL for NOT NULL": ("UPDATE item SET title = NULL", "constraint"),
    "NULL in the key": ("INSERT INTO item (id, title) VALUES (NULL, 'x')", "constraint"),
    "text for INT": ("UPDATE item SET priority = 'abc'", "constraint"),
    "too big for INT": ("INSERT INTO item (id, title, priority) VALUES ('x', 'x', 3000000000)", "constraint"),
    "too big for TINYINT": ("INSERT INTO item (id, title, done) VALUES ('x', 'x', 200)", "constraint"),
    "a time with an offset": ("UPDATE item SET made = '2026-01-01T10:00:00+02:00'", "constraint"),
    "a time before 1970": ("UPDATE item SET made = '1970-01-01 00:00:00'", "constraint"),
    "a time after 2038": ("UPDATE item SET made = '2038-01-19 03:14:08'", "constraint"),
    "too long for VARCHAR": ("UPDATE item SET owner = 'eleven char'", "constraint"),
    "no JSON": ("UPDATE item SET tags = 'nope'", "constraint"),
    "no time": ("UPDATE item SET made = 'yesterday'", "constraint"),
    "no such day": ("UPDATE item SET born = '2026-02-30'", "constraint"),
    "a violated CHECK": ("INSERT INTO stamp VALUES ('s', 'a', 'a', '{}')", "check"),
    "a violated CHECK of numbers": ("INSERT INTO link VALUES ('a', 'b', 10)", "check"),
}


@pytest.mark.parametrize(("sql", "kind"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_statement_leaves_no_trace(store: StoreClient, branch: str, sql: str, kind: str) -> None:
    before = store.call("head", DB, branch)
    with pytest.raises(SqlRefused) as refusal:
        store.write(DB, sql, on=branch)
    assert (refusal.value.kind, str(refusal.value)[:13]) == (kind, "query error: ")
    assert store.call("head", DB, branch) == before
    # The branch can be written to as if nothing had been tried.
    store.write(DB, "UPDATE item SET title = 'after' WHERE id = 'i1'", on=branch)
    assert store.rows(DB, branch, "SELECT id, title, priority FROM item ORDER BY id") == [
        ("i1", "after", "2"),
        ("i2", "two", "2"),
    ]


def test_messages_name_the_check_and_the_column(store: StoreClient, branch: str) -> None:
    with pytest.raises(SqlRefused, match=r'^query error: Check constraint "stamp_chk_[0-9a-v]{8}" violated$'):
        store.write(DB, "INSERT INTO stamp VALUES ('s', 'a', 'a', '{}')", on=branch)
    with pytest.raises(SqlRefused, match=r"^query error: string 'eleven char' is too large for column 'owner'$"):
        store.write(DB, "UPDATE item SET owner = 'eleven char'", on=branch)


NOTHING = {
    "no such row": "UPDATE item SET title = 'x' WHERE id = 'nope'",
    "the same value": "UPDATE item SET title = 'One' WHERE id = 'i1'",
    "the same JSON in other words": "UPDATE item SET tags = '[ \"a\",\"b\" ]' WHERE id = 'i1'",
    "ignored": "INSERT IGNORE INTO item (id, title) VALUES ('i1', 'x')",
    "replaced by the same": "REPLACE INTO _meta VALUES ('schema_version', '1.2')",
    "a table that is there": "CREATE TABLE IF NOT EXISTS item (a INT)",
    "a table that is not there": "DROP TABLE IF EXISTS nope",
}


@pytest.mark.parametrize("sql", NOTHING.values(), ids=NOTHING.keys())
def test_a_statement_without_effect_makes_no_commit(store: StoreClient, branch: str, sql: str) -> None:
    before = store.call("head", DB, branch)
    with pytest.raises(NothingChanged):
        store.write(DB, sql, on=branch)
    assert store.call("head", DB, branch) == before


def test_show_create_table_shows_the_check_and_describe_hides_it(store: StoreClient) -> None:
    name, statement = store.rows(DB, "main", "SHOW CREATE TABLE link")[0]
    assert name == "link"
    assert statement is not None
    lines = statement.split("\n")
    assert lines[:-2] == [
        "CREATE TABLE `link` (",
        "  `a` varchar(4) NOT NULL,",
        "  `b` varchar(4) NOT NULL,",
        "  `n` int,",
        "  PRIMARY KEY (`a`,`b`),",
        "  UNIQUE KEY `uq_n` (`n`),",
    ]
    assert lines[-2].startswith("  CONSTRAINT `link_chk_")
    assert lines[-2].endswith("CHECK ((`n` BETWEEN 0 AND 9))")
    assert lines[-1] == ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin"
    assert "CHECK" not in repr(store.rows(DB, "main", "DESCRIBE link"))


def test_show_create_table_can_be_run_again(store: StoreClient, branch: str) -> None:
    statement = store.rows(DB, branch, "SHOW CREATE TABLE link")[0][1]
    store.write(DB, "DROP TABLE link", on=branch)
    store.write(DB, statement or "", on=branch)
    assert store.rows(DB, branch, "SHOW CREATE TABLE link")[0][1] == statement


def test_information_schema_keeps_mysql_types(store: StoreClient) -> None:
    sql = (
        "SELECT column_name, data_type, column_type, is_nullable, column_key, ordinal_position FROM "
        "information_schema.columns WHERE table_schema = 'wl-commons' AND table_name = 'link' ORDER BY ordinal_position"
    )
    assert store.rows(DB, "main", sql) == [
        ("a", "varchar", "varchar(4)", "NO", "PRI", "1"),
        ("b", "varchar", "varchar(4)", "NO", "PRI", "2"),
        ("n", "int", "int", "YES", "UNI", "3"),
    ]
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name"
    assert store.rows(DB, "main", tables) == [("_meta",), ("heap",), ("item",), ("link",), ("stamp",)]


def test_columns_tell_their_type_key_and_table(store: StoreClient) -> None:
    result = store.read(DB, "main", "SELECT i.id, title AS t, COUNT(*), 1.5, 'x' FROM item i GROUP BY i.id")
    assert [(c.name, c.type, c.is_primary_key, c.source_table) for c in result.columns] == [
        ("id", "VARCHAR(8)", True, "item"),
        ("t", "TEXT", False, "item"),
        ("COUNT(*)", "BIGINT", False, ""),
        ("1.5", "DOUBLE", False, ""),
        ("x", "LONGTEXT", False, ""),
    ]
    starred = store.read(DB, "main", "SELECT * FROM link")
    assert [(c.name, c.type, c.is_primary_key) for c in starred.columns] == [
        ("a", "VARCHAR(4)", True),
        ("b", "VARCHAR(4)", True),
        ("n", "INT", False),
    ]
