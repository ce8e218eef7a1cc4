"""The sandbox's databases: history, forks, branches, merges, and what Dolt's system tables say of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from sandbox.values.records import (
    DatabaseName,
    MergeConflict,
    NameTaken,
    NoSuchBranch,
    NoSuchCommit,
    NoSuchDatabase,
    NothingChanged,
    RowChange,
    SqlRefused,
    StoreError,
    TableDiff,
)
from tests.sandbox.store_client import ENGINES, Engine, StoreClient

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
UNKNOWN_COMMIT = "0" * 32
SCHEMA = (
    "CREATE TABLE item (id VARCHAR(8) PRIMARY KEY, note TEXT, n INT, tags JSON)",
    "CREATE TABLE stamp (id VARCHAR(8) PRIMARY KEY, author VARCHAR(9) NOT NULL, subject VARCHAR(9) NOT NULL, seal INT,"
    " UNIQUE KEY (seal), CHECK (NOT(author = subject)))",
    "INSERT INTO item (id, note, n, tags) VALUES ('i0','a',0,'{}'),('i1','b',1,'{}'),('i2','c',2,'{}'),('i3','d',3,'{}')",
    "INSERT INTO stamp VALUES ('s0', 'ann', 'bob', 1)",
)


@pytest.fixture(scope="module", params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreClient]:
    client = StoreClient(tmp_path_factory.mktemp("store"), request.param)
    yield client
    client.close()


NUMBERS = count()


@pytest.fixture
def db(store: StoreClient) -> DatabaseName:
    name = DatabaseName(f"owner{next(NUMBERS)}", "commons")
    store.call("create", name, SCHEMA, author="hop", message="begin", at=NEW_YEAR)
    return name


@pytest.fixture
def fork_of(store: StoreClient) -> Callable[[DatabaseName], DatabaseName]:
    def fork(source: DatabaseName, **keywords: str) -> DatabaseName:
        found: DatabaseName = store.call("fork", source, f"forker{next(NUMBERS)}", **keywords)
        return found

    return fork


def test_a_new_database_has_one_commit_with_the_given_time(store: StoreClient, db: DatabaseName) -> None:
    (newest, first) = store.call("log", db, "main")
    assert (newest.author, newest.message, newest.at) == ("hop", "begin", NEW_YEAR)
    assert newest.parents == (first.hash,)
    assert newest.hash == store.call("head", db, "main")
    assert re.fullmatch("[0-9a-v]{32}", newest.hash)
    (branch,) = store.call("branches", db)
    assert (branch.name, branch.head, branch.committed_at) == ("main", newest.hash, NEW_YEAR)


def test_a_database_that_cannot_be_made_is_not_there_afterwards(store: StoreClient) -> None:
    name = DatabaseName("nobody", "broken")
    with pytest.raises(SqlRefused):
        store.call("create", name, [*SCHEMA, "INSERT INTO nope VALUES (1)"], author="a", message="m")
    assert store.call("exists", name) is False
    assert store.call("create", name, SCHEMA, author="a", message="m") == store.call("head", name, "main")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a" * 101, "a b", "a\0b"])
def test_a_name_that_is_no_name_is_refused(store: StoreClient, name: str) -> None:
    with pytest.raises(NameTaken):
        store.call("create", DatabaseName("x", name), SCHEMA, author="a", message="m")
    with pytest.raises(NameTaken):
        store.call("create", DatabaseName(name, "x"), SCHEMA, author="a", message="m")


def test_what_does_not_exist_has_a_name_of_its_own(store: StoreClient, db: DatabaseName) -> None:
    nowhere = DatabaseName("no", "body")
    for method, arguments in (("branches", ()), ("head", ("main",)), ("parent", ()), ("forks", ()), ("delete", ())):
        with pytest.raises(NoSuchDatabase):
            store.call(method, nowhere, *arguments)
    with pytest.raises(NoSuchDatabase):
        store.read(nowhere, "main", "SELECT 1")
    with pytest.raises(NoSuchBranch):
        store.read(db, "nope", "SELECT 1")
    with pytest.raises(NoSuchCommit):
        store.read(db, UNKNOWN_COMMIT, "SELECT 1")
    with pytest.raises(NoSuchBranch):
        store.write(db, "DELETE FROM item", on="nope")
    with pytest.raises(NameTaken):
        store.call("create", db, SCHEMA, author="a", message="m")


def test_a_read_stands_on_its_commit_whatever_happens_later(store: StoreClient, db: DatabaseName) -> None:
    before = store.call("head", db, "main")
    after = store.write(db, "DELETE FROM item WHERE id <> 'i0'")
    store.write(db, "DROP TABLE item")
    assert store.rows(db, before, "SELECT COUNT(*) FROM item") == [("4",)]
    assert store.rows(db, after, "SELECT COUNT(*) FROM item") == [("1",)]
    assert store.read(db, "main", "SELECT COUNT(*) FROM item").message == "query error: table not found: item"
    assert store.rows(db, "main", f"SELECT id FROM item AS OF '{after}'") == [("i0",)]


def test_as_of_joins_two_times_of_one_table(store: StoreClient, db: DatabaseName) -> None:
    store.write(db, "UPDATE item SET note = 'new' WHERE id = 'i1'", on="main", onto="other")
    sql = "SELECT i.id, i.note, o.note FROM item AS i JOIN item AS OF 'other' AS o ON o.id = i.id WHERE i.note <> o.note"
    assert store.rows(db, "main", sql) == [("i1", "b", "new")]


def test_a_question_asked_again_is_answered_by_how_things_stand_now(store: StoreClient, db: DatabaseName) -> None:
    here = DatabaseName(f"owner{next(NUMBERS)}", "another")
    store.call("create", here, SCHEMA, author="hop", message="begin")
    store.write(db, "UPDATE item SET note = 'x' WHERE id = 'i0'", onto="pull")
    log = "SELECT COUNT(*) FROM dolt_log('main..pull')"
    notes = "SELECT * FROM item AS OF 'pull' WHERE id = 'i0'"
    changed = "SELECT to_table_name FROM dolt_diff_summary('main', 'pull')"
    said = [store.rows(db, "main", sql) for sql in (log, notes, changed)]
    assert said == [[("1",)], [("i0", "x", "0", "{}")], [("item",)]]
    store.write(db, "ALTER TABLE item DROP COLUMN tags", on="pull")
    store.write(db, "UPDATE stamp SET seal = 2", on="pull")
    said = [store.rows(db, "main", sql) for sql in (log, notes, changed)]
    assert said == [[("3",)], [("i0", "x", "0")], [("item",), ("stamp",)]]
    store.call("delete_branch", db, "pull")
    assert [store.read(db, "main", sql).message for sql in (notes, changed)] == ["query error: branch not found: pull"] * 2
    commits = "SELECT COUNT(DISTINCT commit_hash) FROM dolt_commits"
    assert store.rows(db, "main", commits) == [("2",)]
    store.write(db, "DELETE FROM item", onto="other")
    assert store.rows(db, "main", commits) == [("3",)]
    named = "SELECT COUNT(*) FROM commons.item"
    assert store.rows(db, "main", named) == [("4",)]
    assert store.read(here, "main", named).message == "query error: database not found: commons"
    own = "SELECT DISTINCT table_schema FROM information_schema.columns WHERE table_name = 'item' ORDER BY table_schema LIMIT 1"
    assert [store.rows(each, "main", own) for each in (db, here)] == [[("commons",)], [("another",)]]


def test_more_rows_than_the_limit_are_said_to_be_more(store: StoreClient, db: DatabaseName) -> None:
    full = store.read(db, "main", "SELECT id FROM item ORDER BY id", limit=4)
    cut = store.read(db, "main", "SELECT id FROM item ORDER BY id", limit=3)
    assert (full.status, len(full.rows), full.message) == ("success", 4, "")
    assert (cut.status, cut.rows) == ("row_limit", (("i0",), ("i1",), ("i2",)))
    assert "3 rows" in cut.message


def test_a_query_that_never_ends_is_stopped(store: StoreClient, db: DatabaseName) -> None:
    numbers = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)"
    forever = "SELECT COUNT(*) FROM " + ", ".join(f"{numbers} AS t{at}" for at in range(16))
    result = store.read(db, "main", forever, timeout_ms=100)
    assert (result.status, result.rows) == ("timeout", ())
    assert store.rows(db, "main", "SELECT 1") == [("1",)]


def test_a_write_is_one_commit_by_its_author(store: StoreClient, db: DatabaseName) -> None:
    before = store.call("head", db, "main")
    sql = "UPDATE item SET note = 'x' WHERE id = 'i0'; -- it's alice"
    commit = store.write(db, sql, author="alice", at=NEW_YEAR.replace(year=2027))
    (newest, *_) = store.call("log", db, "main", limit=1)
    assert (newest.hash, newest.parents, newest.message) == (commit, (before,), sql)
    assert (newest.author, newest.at) == ("alice", NEW_YEAR.replace(year=2027))
    assert store.rows(db, "main", "SELECT committer, email, date FROM dolt_log LIMIT 1") == [
        ("alice", "alice@users.example.org", "2027-01-01 00:00:00.000")
    ]


def test_now_is_the_time_of_the_commit(store: StoreClient, db: DatabaseName) -> None:
    store.write(db, "UPDATE item SET note = NOW() WHERE id = 'i0'", at=NEW_YEAR)
    assert store.rows(db, "main", "SELECT note FROM item WHERE id = 'i0'") == [("2026-01-01 00:00:00",)]


@pytest.mark.parametrize("author", ["a <b> c", "--date", "x\ny", "", "'; DROP TABLE item", "Zoë <z@example.org>"])
def test_any_author_makes_a_commit(store: StoreClient, db: DatabaseName, author: str) -> None:
    store.write(db, "DELETE FROM item", author=author)
    assert store.rows(db, "main", "SELECT COUNT(*) FROM item") == [("0",)]


def test_a_write_to_a_new_branch_makes_it_and_leaves_the_old_one(store: StoreClient, db: DatabaseName) -> None:
    main = store.call("head", db, "main")
    first = store.write(db, "DELETE FROM item WHERE id = 'i0'", on="main", onto="wl/alice/w-1")
    second = store.write(db, "DELETE FROM item WHERE id = 'i1'", on="wl/alice/w-1")
    assert store.call("head", db, "main") == main
    assert [commit.hash for commit in store.call("log", db, "wl/alice/w-1", limit=3)] == [second, first, main]


def test_a_write_from_main_onto_a_branch_that_exists_loses_the_rows_of_that_branch(
    store: StoreClient, db: DatabaseName
) -> None:
    store.write(db, "INSERT INTO item (id) VALUES ('lost')", on="main", onto="bot-1")
    store.write(db, "INSERT INTO item (id) VALUES ('kept')", on="main", onto="bot-1")
    assert store.rows(db, "bot-1", "SELECT id FROM item WHERE LENGTH(id) = 4") == [("kept",)]


def test_a_write_onto_another_branch_that_fails_leaves_all_branches_as_they_were(store: StoreClient, db: DatabaseName) -> None:
    store.write(db, "INSERT INTO item (id) VALUES ('x')", on="main", onto="bot-1")
    before = store.call("branches", db)
    for onto in ("bot-1", "fresh"):
        with pytest.raises(NothingChanged):
            store.write(db, "DELETE FROM item WHERE id = 'nope'", on="main", onto=onto)
        with pytest.raises(SqlRefused):
            store.write(db, "INSERT INTO item (id) VALUES ('i0')", on="main", onto=onto)
    assert store.call("branches", db) == before


def test_main_can_be_written_from_another_branch(store: StoreClient, db: DatabaseName) -> None:
    store.write(db, "DELETE FROM item WHERE id = 'i0'", on="main", onto="side")
    store.write(db, "DELETE FROM item WHERE id = 'i1'", on="side", onto="main")
    assert store.rows(db, "main", "SELECT id FROM item") == [("i2",), ("i3",)]


def test_a_guarded_update_that_lost_the_race_changes_nothing(store: StoreClient, db: DatabaseName) -> None:
    claim = "UPDATE item SET note = 'claimed by {0}' WHERE id = 'i0' AND note = 'a'"
    store.write(db, claim.format("ann"))
    with pytest.raises(NothingChanged):
        store.write(db, claim.format("bob"))
    assert store.rows(db, "main", "SELECT note FROM item WHERE id = 'i0'") == [("claimed by ann",)]


def test_a_merge_of_what_the_branch_holds_already_is_a_merge_commit(store: StoreClient, db: DatabaseName) -> None:
    # As Dolt 2.3.1 does.
    theirs = store.write(db, "UPDATE item SET note = 'same' WHERE id = 'i0'", on="main", onto="twin")
    ours = store.write(db, "UPDATE item SET note = 'same'  WHERE id = 'i0'")
    merged = store.call("merge_branch", db, "twin", "main", author="a")
    newest = store.call("log", db, "main")[0]
    assert (newest.hash, newest.parents) == (merged, (ours, theirs))


def test_branches_come_and_go(store: StoreClient, db: DatabaseName) -> None:
    old = store.call("head", db, "main")
    new = store.write(db, "DELETE FROM item")
    made = [
        store.call("create_branch", db, "a"),
        store.call("create_branch", db, "b", branch="a"),
        store.call("create_branch", db, "c", commit=old),
    ]
    assert [(branch.name, branch.head) for branch in made] == [("a", new), ("b", new), ("c", old)]
    with pytest.raises(NameTaken):
        store.call("create_branch", db, "a")
    with pytest.raises(NoSuchBranch):
        store.call("create_branch", db, "d", branch="nope")
    with pytest.raises(NoSuchCommit):
        store.call("create_branch", db, "d", commit=UNKNOWN_COMMIT)
    store.write(db, "INSERT INTO item (id) VALUES ('x')", on="a")
    store.call("delete_branch", db, "a")
    with pytest.raises(NoSuchBranch):
        store.call("delete_branch", db, "a")
    with pytest.raises(StoreError, match="default branch"):
        store.call("delete_branch", db, "main")
    assert [branch.name for branch in store.call("branches", db)] == ["b", "c", "main"]
    assert store.rows(db, "main", "SELECT name, hash FROM dolt_branches ORDER BY name") == [
        ("b", new),
        ("c", old),
        ("main", new),
    ]


@pytest.mark.parametrize("name", ["-D", "a b", "a..b", "HEAD", "a/", "/a", "a~1", "a:b", "", "0" * 32, "x.lock", "a\0"])
def test_a_branch_cannot_have_a_name_that_means_something_else(store: StoreClient, db: DatabaseName, name: str) -> None:
    with pytest.raises(NameTaken):
        store.call("create_branch", db, name)
    with pytest.raises(NameTaken):
        store.write(db, "DELETE FROM item", on="main", onto=name)
    assert [branch.name for branch in store.call("branches", db)] == ["main"]


def test_a_fork_shares_its_history_and_goes_its_own_way(
    store: StoreClient, db: DatabaseName, fork_of: Callable[..., DatabaseName]
) -> None:
    store.call("create_branch", db, "side")
    fork = fork_of(db)
    assert fork.name == "commons"
    assert store.call("log", fork, "main") == store.call("log", db, "main")
    assert [branch.name for branch in store.call("branches", fork)] == ["main"]
    theirs = store.write(fork, "UPDATE item SET note = 'fork' WHERE id = 'i0'")
    ours = store.write(db, "UPDATE item SET note = 'parent' WHERE id = 'i1'")
    assert store.rows(fork, "main", "SELECT note FROM item WHERE id IN ('i0', 'i1')") == [("fork",), ("b",)]
    assert store.rows(db, "main", "SELECT note FROM item WHERE id IN ('i0', 'i1')") == [("a",), ("parent",)]
    # Neither knows the other's commit, as on DoltHub before anything was fetched.
    for place, stranger in ((fork, ours), (db, theirs)):
        result = store.read(place, "main", f"SELECT DOLT_MERGE_BASE('{stranger}', 'main')")
        assert (result.status, result.message) == ("error", "query error: target commit not found")


def test_a_fork_can_take_all_branches_and_another_name(
    store: StoreClient, db: DatabaseName, fork_of: Callable[..., DatabaseName]
) -> None:
    store.write(db, "DELETE FROM item", on="main", onto="wl/a/b")
    fork = fork_of(db, branches="all", name="mine")
    assert fork.name == "mine"
    assert store.call("branches", fork) == store.call("branches", db)
    store.write(fork, "INSERT INTO item (id) VALUES ('x')", on="wl/a/b")
    assert store.rows(db, "wl/a/b", "SELECT COUNT(*) FROM item") == [("0",)]


def test_the_family_of_forks_is_known(store: StoreClient, db: DatabaseName, fork_of: Callable[..., DatabaseName]) -> None:
    child = fork_of(db)
    grandchild = fork_of(child)
    assert [store.call("parent", name) for name in (db, child, grandchild)] == [None, db, child]
    assert [store.call("root_of", name) for name in (db, child, grandchild)] == [db, db, db]
    assert [store.call("forks", name) for name in (db, child, grandchild)] == [(child,), (grandchild,), ()]
    store.call("delete", child)
    assert store.call("exists", child) is False
    assert (store.call("parent", grandchild), store.call("forks", db)) == (None, ())
    with pytest.raises(NoSuchDatabase):
        store.read(child, "main", "SELECT 1")
    assert store.rows(grandchild, "main", "SELECT COUNT(*) FROM item") == [("4",)]
    # The name is free again, and what comes under it is new.
    again = store.call("fork", db, child.owner)
    assert again == child
    assert store.call("head", child, "main") == store.call("head", db, "main")
    with pytest.raises(NameTaken):
        store.call("fork", db, child.owner)


def test_a_pull_is_merged_cell_by_cell_with_a_merge_commit(
    store: StoreClient, db: DatabaseName, fork_of: Callable[..., DatabaseName]
) -> None:
    fork = fork_of(db)
    theirs = store.write(fork, "UPDATE item SET note = 'theirs' WHERE id = 'i0'", on="main", onto="wl/x/w-1")
    ours = store.write(db, "UPDATE item SET n = 100 WHERE id = 'i0'")
    arguments = (db, "main", fork, "wl/x/w-1")
    merged = store.call("merge_pull", *arguments, author="stampbot", message="Merge #1", at=NEW_YEAR)
    (newest, *_) = store.call("log", db, "main", limit=1)
    assert (newest.hash, newest.parents, newest.author, newest.message, newest.at) == (
        merged,
        (ours, theirs),
        "stampbot",
        "Merge #1",
        NEW_YEAR,
    )
    assert store.rows(db, "main", "SELECT note, n FROM item WHERE id = 'i0'") == [("theirs", "100")]
    ancestors = f"SELECT parent_hash, parent_index FROM dolt_commit_ancestors WHERE commit_hash = '{merged}'"
    for index, parent in enumerate((ours, theirs)):
        assert store.rows(db, "main", f"{ancestors} AND parent_index = {index}") == [(parent, str(index))]
    assert store.read(db, "main", ancestors).message == "query error: result max1Row iterator returned more than one row"
    assert store.rows(db, "main", "SELECT name FROM dolt_branches") == [("main",)]
    with pytest.raises(NothingChanged):
        store.call("merge_pull", *arguments, author="stampbot", message="Merge #1")


def test_a_merge_that_could_fast_forward_makes_a_merge_commit_too(store: StoreClient, db: DatabaseName) -> None:
    main = store.call("head", db, "main")
    side = store.write(db, "DELETE FROM item WHERE id = 'i0'", on="main", onto="side")
    merged = store.call("merge_branch", db, "side", "main", author="a")
    (newest, *_) = store.call("log", db, "main", limit=1)
    assert (newest.hash, newest.parents, newest.message) == (merged, (main, side), "Merge branch 'side' into main")


def test_the_same_change_on_both_sides_is_no_conflict(store: StoreClient, db: DatabaseName) -> None:
    sql = "UPDATE item SET note = 'same' WHERE id = 'i0'"
    side = store.write(db, sql, on="main", onto="side")
    main = store.write(db, sql, author="bob")
    store.call("merge_branch", db, "side", "main", author="a")
    assert store.call("log", db, "main", limit=1)[0].parents == (main, side)


CLASHES = {
    "one cell": (
        "UPDATE item SET note = 'x' WHERE id = 'i0'",
        "UPDATE item SET note = 'y' WHERE id = 'i0'",
        ("item",),
        "data",
    ),
    "one new row": (
        "INSERT INTO item (id, n) VALUES ('new', 1)",
        "INSERT INTO item (id, n) VALUES ('new', 2)",
        ("item",),
        "data",
    ),
    "deleted and changed": (
        "DELETE FROM item WHERE id = 'i0'",
        "UPDATE item SET note = 'y' WHERE id = 'i0'",
        ("item",),
        "data",
    ),
    "one key of a JSON": (
        "UPDATE item SET tags = '{\"a\": 1}' WHERE id = 'i0'",
        "UPDATE item SET tags = '{\"a\": 2}' WHERE id = 'i0'",
        ("item",),
        "data",
    ),
    "together against a CHECK": (
        "UPDATE stamp SET author = 'eve' WHERE id = 's0'",
        "UPDATE stamp SET subject = 'eve' WHERE id = 's0'",
        ("stamp",),
        "constraint",
    ),
    "together against a unique key": (
        "INSERT INTO stamp VALUES ('s1', 'ann', 'bob', 7)",
        "INSERT INTO stamp VALUES ('s2', 'ann', 'bob', 7)",
        ("stamp",),
        "constraint",
    ),
    "one new column in two types": (
        "ALTER TABLE item ADD COLUMN c INT",
        "ALTER TABLE item ADD COLUMN c VARCHAR(4)",
        ("item",),
        "schema",
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "tables", "kind"), CLASHES.values(), ids=CLASHES.keys())
def test_a_merge_that_needs_people_changes_nothing(
    store: StoreClient,
    db: DatabaseName,
    fork_of: Callable[..., DatabaseName],
    ours: str,
    theirs: str,
    tables: tuple[str, ...],
    kind: str,
) -> None:
    fork = fork_of(db)
    store.write(fork, theirs, on="main", onto="pull")
    store.write(db, ours)
    before = (store.call("branches", db), store.rows(db, "main", "SELECT * FROM item"))
    with pytest.raises(MergeConflict) as conflict:
        store.call("merge_pull", db, "main", fork, "pull", author="a", message="m")
    assert (conflict.value.tables, conflict.value.kind) == (tables, kind)
    assert (store.call("branches", db), store.rows(db, "main", "SELECT * FROM item")) == before
    # The database can be worked with as if nothing had been tried.
    store.write(db, "INSERT INTO item (id) VALUES ('after')")


def test_json_is_merged_key_by_key(store: StoreClient, db: DatabaseName) -> None:
    store.write(db, 'UPDATE item SET tags = \'{"same": 1, "gone": 2, "deep": {"x": 1}}\' WHERE id = \'i0\'')
    store.write(
        db,
        'UPDATE item SET tags = \'{"same": 1, "gone": 2, "deep": {"x": 1, "y": 2}}\', n = 5 WHERE id = \'i0\'',
        onto="side",
    )
    store.write(db, 'UPDATE item SET tags = \'{"same": 1, "deep": {"x": 9}, "new": [1]}\' WHERE id = \'i0\'')
    store.call("merge_branch", db, "side", "main", author="a")
    # Dolt shows the cells of a JSON column in a form of its own, and text made of them in MySQL's.
    assert store.rows(db, "main", "SELECT CAST(tags AS CHAR), n, note FROM item WHERE id = 'i0'") == [
        ('{"new": [1], "deep": {"x": 9, "y": 2}, "same": 1}', "5", "a")
    ]


def test_a_row_diff_names_both_sides_and_both_commits(store: StoreClient, db: DatabaseName) -> None:
    base = store.call("head", db, "main")
    store.write(db, "UPDATE item SET note = 'new' WHERE id = 'i0'", onto="pull")
    store.write(db, "DELETE FROM item WHERE id = 'i1'", on="pull")
    head = store.write(db, "INSERT INTO item (id, n) VALUES ('i9', 9)", on="pull")
    main = store.write(db, "UPDATE item SET note = 'meanwhile' WHERE id = 'i3'")
    columns = "to_id, to_note, to_n, from_id, from_note, diff_type, from_commit, to_commit"
    rows = [
        ("i0", "new", "0", "i0", "a", "modified", base, head),
        (None, None, None, "i1", "b", "removed", base, head),
        ("i9", None, "9", None, None, "added", base, head),
    ]
    for arguments in (f"'{base}', '{head}', 'item'", f"'{base}..{head}', 'item'", f"'{main}...{head}', 'item'"):
        # Three dots ask for a merge base, which is refused at a commit.
        for ref in ("main", "pull") if "..." in arguments else ("main", "pull", base):
            sql = f"SELECT {columns} FROM dolt_diff({arguments}) ORDER BY COALESCE(to_id, from_id)"
            assert store.rows(db, ref, sql) == rows
    whole = store.read(db, head, f"SELECT * FROM dolt_diff('{base}', '{head}', 'item')")
    assert [column.name for column in whole.columns] == [
        *("to_id", "to_note", "to_n", "to_tags", "to_commit", "to_commit_date"),
        *("from_id", "from_note", "from_n", "from_tags", "from_commit", "from_commit_date", "diff_type"),
    ]
    assert store.rows(db, "main", "SELECT COUNT(*) FROM dolt_diff('main..pull', 'item')") == [("4",)]


def test_a_diff_across_a_change_of_columns_shows_each_side_with_its_own(store: StoreClient, db: DatabaseName) -> None:
    base = store.call("head", db, "main")
    store.write(db, "ALTER TABLE item ADD COLUMN extra VARCHAR(9)", onto="pull")
    store.write(db, "ALTER TABLE item DROP COLUMN tags", on="pull")
    head = store.write(db, "UPDATE item SET extra = 'x' WHERE id = 'i2'", on="pull")
    for ref in ("main", "main", "pull"):
        result = store.read(db, ref, f"SELECT * FROM dolt_diff('{base}', '{head}', 'item') WHERE to_extra IS NOT NULL")
        assert result.message == ""
        names = [column.name for column in result.columns]
        assert names == [
            *("to_id", "to_note", "to_n", "to_extra", "to_commit", "to_commit_date"),
            *("from_id", "from_note", "from_n", "from_tags", "from_commit", "from_commit_date", "diff_type"),
        ]
        (row,) = result.rows
        cells = dict(zip(names, row, strict=True))
        assert (cells["to_id"], cells["to_extra"], cells["from_tags"], cells["diff_type"]) == ("i2", "x", "{}", "modified")


def test_a_diff_of_a_table_that_one_side_lacks(store: StoreClient, db: DatabaseName) -> None:
    base = store.call("head", db, "main")
    store.write(db, "CREATE TABLE more (id INT PRIMARY KEY)", onto="pull")
    head = store.write(db, "INSERT INTO more VALUES (7)", on="pull")
    sql = "SELECT to_id, from_id, diff_type FROM dolt_diff('{0}', '{1}', 'more')"
    assert store.rows(db, "main", sql.format(base, head)) == [("7", None, "added")]
    assert store.rows(db, "main", sql.format(head, base)) == [(None, "7", "removed")]
    assert store.read(db, "main", sql.format(base, base)).message == "query error: table not found: more"


def test_summary_stat_and_schema_diff(store: StoreClient, db: DatabaseName) -> None:
    base = store.call("head", db, "main")
    store.write(db, "UPDATE item SET note = 'new', n = 7 WHERE id = 'i0'", onto="pull")
    store.write(db, "CREATE TABLE more (id INT PRIMARY KEY)", on="pull")
    head = store.write(db, "DROP TABLE stamp", on="pull")
    for arguments in (f"'{base}', '{head}'", "'main..pull'", "'main...pull'"):
        sql = f"SELECT * FROM dolt_diff_summary({arguments}) ORDER BY from_table_name, to_table_name"
        assert store.rows(db, "main", sql) == [
            ("", "more", "added", "0", "1"),
            ("item", "item", "modified", "1", "0"),
            ("stamp", "", "dropped", "1", "1"),
        ]
    assert store.rows(db, "main", f"SELECT * FROM dolt_diff_summary('{base}', '{head}', 'item')") == [
        ("item", "item", "modified", "1", "0")
    ]
    stat = f"SELECT table_name, rows_modified, cells_modified, old_row_count FROM dolt_diff_stat('{base}', '{head}', 'item')"
    assert store.rows(db, "main", stat) == [("item", "1", "2", "4")]
    schema = f"SELECT from_table_name, to_table_name, to_create_statement FROM dolt_schema_diff('{base}', '{head}')"
    assert store.rows(db, "main", schema + " ORDER BY from_table_name") == [
        ("", "more", f"{store.rows(db, 'pull', 'SHOW CREATE TABLE more')[0][1]};"),
        ("stamp", "", ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'nope', 'main', 'item'", "branch not found: nope"),
        (f"'{UNKNOWN_COMMIT}', 'main', 'item'", "target commit not found"),
        ("'main', 'main', 'nope'", "table not found: nope"),
        ("'main', 'item'", "function 'dolt_diff' expected 3 arguments, 2 received"),
        ("'main'", "function 'dolt_diff' expected 2 to 3 arguments, 1 received"),
        ("CONCAT('m'), 'main', 'item'", "Invalid argument to dolt_diff: concat('m') – only literal values supported"),
    ],
)
def test_a_diff_of_what_is_not_there_is_an_error(store: StoreClient, db: DatabaseName, arguments: str, message: str) -> None:
    assert store.read(db, "main", f"SELECT * FROM dolt_diff({arguments})").message == f"query error: {message}"


def test_the_log_follows_the_ref(store: StoreClient, db: DatabaseName) -> None:
    base = store.call("head", db, "main")
    one = store.write(db, "DELETE FROM item WHERE id = 'i0'", onto="side")
    two = store.write(db, "DELETE FROM item WHERE id = 'i1'", on="side")
    assert store.rows(db, "side", "SELECT commit_hash FROM dolt_log LIMIT 3") == [(two,), (one,), (base,)]
    assert store.rows(db, one, "SELECT commit_hash FROM dolt_log LIMIT 1") == [(one,)]
    assert store.rows(db, "main", "SELECT commit_hash FROM dolt_log('side') LIMIT 1") == [(two,)]
    assert store.rows(db, "main", f"SELECT commit_hash FROM dolt_log('main..{two}')") == [(two,), (one,)]
    assert store.rows(db, "main", f"SELECT message FROM dolt_log WHERE commit_hash = '{base}'") == [("begin",)]
    assert store.rows(db, "main", "SELECT COUNT(*) FROM dolt_commits") == [("4",)]
    sql = f"SELECT DOLT_MERGE_BASE('main', '{two}'), DOLT_HASHOF('side'), HASHOF('side~1'), active_branch()"
    assert store.rows(db, "main", sql) == [(base, two, one, "main")]
    assert store.rows(db, two, "SELECT active_branch()") == [(None,)]
    branch = store.rows(db, "main", "SELECT name, hash, latest_committer, latest_commit_message FROM dolt_branches")
    assert branch == [("main", base, "hop", "begin"), ("side", two, "alice", "DELETE FROM item WHERE id = 'i1'")]


@pytest.mark.parametrize(
    "asked",
    [
        "DOLT_MERGE_BASE('{one}', '{two}')",
        "COUNT(*) FROM dolt_diff_summary('{one}...{two}')",
        "COUNT(*) FROM dolt_diff_stat('{one}...{two}')",
        "COUNT(*) FROM dolt_schema_diff('{one}...{two}')",
        "COUNT(*) FROM dolt_diff('{one}...{two}', 'item')",
    ],
)
def test_a_merge_base_is_refused_at_a_commit_and_answered_at_a_branch(store: StoreClient, db: DatabaseName, asked: str) -> None:
    # As Dolt 2.3.1 does, which asks for a branch although both refs are commits.
    one = store.call("head", db, "main")
    two = store.write(db, "DELETE FROM item WHERE id = 'i0'")
    query = f"SELECT {asked.format(one=one, two=two)}"
    for _ in range(2):
        refused, answered = store.read(db, two, query), store.read(db, "main", query)
        assert (refused.status, refused.message) == (
            "error",
            "query error: this operation is not supported while in a detached head state",
        )
        assert (answered.status, len(answered.rows)) == ("success", 1)


@pytest.mark.parametrize("asked", ["COUNT(*) FROM dolt_log('{one}..{two}')", "HAS_ANCESTOR('{two}', '{one}')"])
def test_the_history_is_answered_at_a_commit(store: StoreClient, db: DatabaseName, asked: str) -> None:
    one = store.call("head", db, "main")
    two = store.write(db, "DELETE FROM item WHERE id = 'i0'")
    assert store.rows(db, two, f"SELECT {asked.format(one=one, two=two)}") == [("1",)]


def test_a_hash_of_git_in_a_cell_stays_what_it_is(store: StoreClient, db: DatabaseName) -> None:
    git = "https://example.org/commit/" + "a1" * 20
    store.write(db, f"UPDATE item SET note = '{git}', tags = '[\"{'b2' * 20}\"]' WHERE id = 'i0'")
    assert store.rows(db, "main", "SELECT note, tags FROM item WHERE id = 'i0'") == [(git, f'["{"b2" * 20}"]')]


def test_the_diff_for_people_holds_rows_and_tables(store: StoreClient, db: DatabaseName) -> None:
    base = store.call("head", db, "main")
    store.write(db, "UPDATE item SET n = 7 WHERE id = 'i0'", onto="pull")
    store.write(db, "DELETE FROM stamp", on="pull")
    store.write(db, "CREATE TABLE more (id INT PRIMARY KEY)", on="pull")
    before: dict[str, str | None] = {"id": "i0", "note": "a", "n": "0", "tags": "{}"}
    stamp: dict[str, str | None] = {"id": "s0", "author": "ann", "subject": "bob", "seal": "1"}
    assert store.call("diff", db, base, "pull") == (
        TableDiff(
            table="item",
            schema_changed=False,
            rows=(RowChange(kind="modified", key=("i0",), before=before, after={**before, "n": "7"}),),
        ),
        TableDiff(table="more", schema_changed=True, rows=()),
        TableDiff(
            table="stamp",
            schema_changed=False,
            rows=(RowChange(kind="removed", key=("s0",), before=stamp, after=None),),
        ),
    )


def test_writers_mergers_and_readers_do_not_disturb_each_other(
    store: StoreClient, db: DatabaseName, fork_of: Callable[..., DatabaseName]
) -> None:
    fork = fork_of(db)
    for branch in ("b2", "b3"):
        store.call("create_branch", fork, branch)
    assert store.call("storm", db, fork, 15) == []
    notes = store.rows(db, "main", "SELECT id, note FROM item ORDER BY id")
    assert notes == [("i0", "0.14"), ("i1", "1.14"), ("i2", "m2.4"), ("i3", "m3.4")]
    # begin, the commit before it, 2 x 15 writes; 2 x 5 writes and merges, and the merges back.
    merges = store.rows(db, "main", "SELECT COUNT(*) FROM dolt_log WHERE message = 'merge'")
    assert merges == [("10",)]


@pytest.mark.parametrize("engine", ENGINES)
def test_databases_and_families_outlive_the_process(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    client = StoreClient(tmp_path_factory.mktemp("kept"), engine)
    db = DatabaseName("hop", "commons")
    client.call("create", db, SCHEMA, author="hop", message="begin")
    fork = client.call("fork", db, "ann")
    head = client.write(fork, "DELETE FROM item", onto="side")
    client.call("reopen")
    assert client.call("databases") == (fork, db)
    assert (client.call("parent", fork), client.call("head", fork, "side")) == (db, head)
    assert client.rows(fork, "side", "SELECT COUNT(*) FROM item") == [("0",)]
    client.close()
