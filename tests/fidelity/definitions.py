"""Changes of definition of every kind on a branch: what the diffs say of them, and what a merge brings."""

from __future__ import annotations

from tests.fidelity.story import Ask, Branch, Merge, Step, Story, Write, mark

CREATION = (
    "CREATE TABLE rigs (handle VARCHAR(64) PRIMARY KEY, org VARCHAR(64), trust INT DEFAULT 0, scope JSON)",
    "CREATE TABLE stamps (id VARCHAR(64) PRIMARY KEY, author VARCHAR(64) NOT NULL, subject VARCHAR(64), seal INT,"
    " UNIQUE KEY seals (seal), CONSTRAINT apart CHECK (NOT(author = subject)))",
    "INSERT INTO rigs (handle, org, trust) VALUES ('ana-town', 'ana', 3), ('polecat-7', 'pia', 1), ('slick-fox', 'mallory', 0)",
    "INSERT INTO stamps VALUES ('s-1', 'ana-town', 'polecat-7', 1)",
)
MORE_TRUST = "UPDATE rigs SET trust = 3 WHERE handle = 'slick-fox'"
CHANGES: dict[str, tuple[str, ...]] = {
    "rows only": (MORE_TRUST,),
    "a column more": ("ALTER TABLE rigs ADD COLUMN mail VARCHAR(32)",),
    "a column more, with a default": ("ALTER TABLE rigs ADD COLUMN mail VARCHAR(32) DEFAULT 'none'",),
    "a column more, and rows": ("ALTER TABLE rigs ADD COLUMN mail VARCHAR(32)", MORE_TRUST),
    "a column more in front": ("ALTER TABLE rigs ADD COLUMN mail VARCHAR(32) FIRST",),
    "a column less": ("ALTER TABLE rigs DROP COLUMN scope",),
    "a column less and again": ("ALTER TABLE rigs DROP COLUMN org", "ALTER TABLE rigs ADD COLUMN org VARCHAR(64)"),
    "a column of another name": ("ALTER TABLE rigs RENAME COLUMN org TO owner",),
    "a column of another type": ("ALTER TABLE rigs MODIFY COLUMN trust BIGINT",),
    "a column made text": ("ALTER TABLE rigs MODIFY COLUMN trust VARCHAR(9)",),
    "a column made longer": ("ALTER TABLE rigs MODIFY COLUMN org VARCHAR(255)",),
    "a column made shorter": ("ALTER TABLE rigs MODIFY COLUMN org VARCHAR(8)",),
    "a column that must be filled": ("ALTER TABLE rigs MODIFY COLUMN org VARCHAR(64) NOT NULL",),
    "a column with another default": ("ALTER TABLE rigs ALTER COLUMN trust SET DEFAULT 3",),
    "a column of another collation": ("ALTER TABLE rigs MODIFY COLUMN org VARCHAR(64) COLLATE utf8mb4_0900_ai_ci",),
    "a column made from others": ("ALTER TABLE rigs ADD COLUMN both_of VARCHAR(99) AS (CONCAT(handle, org)) STORED",),
    "a key of another collation": (
        "ALTER TABLE rigs MODIFY COLUMN handle VARCHAR(64) COLLATE utf8mb4_0900_ai_ci NOT NULL",
        MORE_TRUST,
    ),
    "a longer key": ("ALTER TABLE rigs MODIFY COLUMN handle VARCHAR(99) NOT NULL", MORE_TRUST),
    "a key less": ("ALTER TABLE rigs DROP PRIMARY KEY", MORE_TRUST),
    "another key": ("ALTER TABLE rigs DROP PRIMARY KEY, ADD PRIMARY KEY (handle, org)", MORE_TRUST),
    "the same table made anew": (
        "CREATE TABLE rigs2 LIKE rigs",
        "INSERT INTO rigs2 SELECT * FROM rigs",
        "DROP TABLE rigs",
        "RENAME TABLE rigs2 TO rigs",
        MORE_TRUST,
    ),
    "the same table dropped and created": (
        "CREATE TABLE keep (handle VARCHAR(64) PRIMARY KEY, org VARCHAR(64), trust INT, scope JSON)",
        "INSERT INTO keep SELECT * FROM rigs",
        "DROP TABLE rigs",
        CREATION[0],
        "INSERT INTO rigs SELECT * FROM keep",
        "DROP TABLE keep",
        MORE_TRUST,
    ),
    "a table of another name": ("RENAME TABLE rigs TO workers",),
    "a new table": ("CREATE TABLE more (id INT PRIMARY KEY)",),
    "a new table with rows": ("CREATE TABLE more (id INT PRIMARY KEY)", "INSERT INTO more VALUES (1)"),
    "a new table without a key": ("CREATE TABLE more (id INT)", "INSERT INTO more VALUES (1)"),
    "a table less": ("DROP TABLE stamps",),
    "a table that differs in the case of its name": (
        "CREATE TABLE more (id INT PRIMARY KEY)",
        "CREATE TABLE MORE (id INT PRIMARY KEY)",
    ),
    "a check more": ("ALTER TABLE rigs ADD CONSTRAINT low CHECK (trust < 9)",),
    "a check that rows break": ("ALTER TABLE rigs ADD CONSTRAINT low CHECK (trust < 2)",),
    "a check less": ("ALTER TABLE stamps DROP CONSTRAINT apart",),
    "an index more": ("CREATE INDEX orgs ON rigs (org)",),
    "an index less": ("DROP INDEX seals ON stamps",),
    "a unique key more": ("CREATE UNIQUE INDEX orgs ON rigs (org)",),
    "a foreign key": ("ALTER TABLE stamps ADD CONSTRAINT whose FOREIGN KEY (author) REFERENCES rigs (handle)",),
    "a view": ("CREATE VIEW trusted AS SELECT handle FROM rigs WHERE trust > 2",),
    "a trigger": ("CREATE TRIGGER lift BEFORE INSERT ON stamps FOR EACH ROW SET NEW.seal = 7",),
    "a procedure": ("CREATE PROCEDURE lift() UPDATE rigs SET trust = 3",),
    "an event": ("CREATE EVENT lift ON SCHEDULE EVERY 1 DAY DO UPDATE rigs SET trust = 3",),
    "dolt_docs": ("INSERT INTO dolt_docs VALUES ('README.md', 'hello')",),
    "dolt_ignore": ("INSERT INTO dolt_ignore VALUES ('temp_%', 1)",),
    "dolt_query_catalog": ("INSERT INTO dolt_query_catalog VALUES ('q', 1, 'q', 'SELECT 1', '')",),
    "the table's comment": ("ALTER TABLE rigs COMMENT = 'hello'",),
    "the table's collation": ("ALTER TABLE rigs COLLATE utf8mb4_0900_ai_ci", MORE_TRUST),
    "a counter": ("CREATE TABLE more (id INT PRIMARY KEY AUTO_INCREMENT, a INT)", "INSERT INTO more (a) VALUES (5)"),
}
MEANWHILE: dict[str, str] = {
    "nothing": "",
    "a row": "UPDATE rigs SET org = 'fox' WHERE handle = 'slick-fox'",
    "a column": "ALTER TABLE rigs ADD COLUMN since_when VARCHAR(9)",
}
"""What main does while the branch does its change."""


def stories() -> tuple[Story, ...]:
    """Each change while main does nothing, and some while main does something."""
    found = [_story(name, statements, "nothing") for name, statements in CHANGES.items()]
    found += [_story(name, CHANGES[name], then) for name in _BOTH for then in ("a row", "a column")]
    return tuple(found)


_BOTH = ("rows only", "a column more", "a column less", "a new table with rows", "a table less", "a check more")


def _story(name: str, statements: tuple[str, ...], then: str) -> Story:
    base, head = mark("base"), mark("head")
    made: list[Step] = [Branch(new="work")]
    made += [Write(sql=sql, on="work") for sql in statements]
    made.append(Write(sql="INSERT INTO stamps (id, author, seal) VALUES ('s-9', 'bo-hollow', 9)", on="work", name="head"))
    if MEANWHILE[then]:
        made.append(Write(sql=MEANWHILE[then]))
    made += [
        Ask(about="summary", at="head", sql=f"SELECT * FROM dolt_diff_summary('{base}', '{head}')", sorted=True),
        Ask(about="stat", at="head", sql=f"SELECT * FROM dolt_diff_stat('{base}', '{head}')", sorted=True),
        Ask(about="definitions", at="head", sql=f"SELECT * FROM dolt_schema_diff('{base}', '{head}')", sorted=True),
        Ask(
            about="columns",
            at="head",
            sql="SELECT table_name AS t, column_name AS c, column_type AS k, is_nullable AS n, column_key AS p,"
            " column_default AS d"
            " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name NOT LIKE 'dolt%'"
            " ORDER BY table_name, ordinal_position",
        ),
        Ask(
            about="hashes",
            at="base",
            sql="SELECT table_name AS t, DOLT_HASHOF_TABLE(table_name) AS h FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
            sorted=True,
        ),
        Ask(
            about="hashes",
            at="head",
            sql="SELECT table_name AS t, DOLT_HASHOF_TABLE(table_name) AS h FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
            sorted=True,
        ),
    ]
    for table in ("rigs", "stamps"):
        made.append(
            Ask(about=f"rows of {table}", at="head", sql=f"SELECT * FROM dolt_diff('{base}', '{head}', '{table}')", sorted=True)
        )
    made.append(Merge(source="work", name="merge"))
    made += [Ask(about=table, sql=f"SELECT * FROM {table}", sorted=True) for table in ("rigs", "stamps")]
    return Story(name=f"{name}; main: {then}", creation=CREATION, steps=tuple(made))
