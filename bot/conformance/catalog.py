"""Every assumption about DoltHub that no contract promises and whose falsity changes a verdict or a row on main."""
# ruff: noqa: S608 - the only names in these statements are made by the trial itself

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.conformance.assumption import Assumption, Different, NotTried, differs_unless
from bot.conformance.trial import COMMENT, Trial
from bot.dolthub import sql
from bot.dolthub.errors import HubConflict, HubGone, HubRefused, HubStrange
from bot.dolthub.sql.query import ROWS_PER_PAGE
from bot.model.ids import CommitHash, Database, is_commit_hash
from bot.model.pull import PullState

LONG_KEYS: Final = 1_000
SITES_BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE: Final = timedelta(minutes=2)

_FOUND: list[Assumption] = []
Check = Callable[[Trial], None]


def _assumption(id_: str, assumes: str, *, depends: str, changes: str, writes: bool = False) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        _FOUND.append(Assumption(id=id_, assumes=assumes, depends=depends, changes=changes, check=check, writes=writes))
        return check

    return register


def _step(trial: Trial) -> tuple[CommitHash, CommitHash, str]:
    if trial.step is None:
        raise NotTried("none of main's newest ten commits changes a row of a table that the bot knows")
    return trial.step


# --- reads ------------------------------------------------------------------------------------------------------------


@_assumption(
    "read-at-commit",
    "A commit hash can be read at like a branch, and shows the rows of that commit.",
    depends="bot.converge.observe.observe",
    changes="No pull gets a review.",
)
def _(trial: Trial) -> None:
    """The columns are read at main and at main's hash."""
    here, there = (trial.hub.rows(trial.db, ref, sql.columns()) for ref in ("main", trial.main))
    pairs = [{(row.text("table_name"), row.text("column_name")) for row in rows} for rows in (here, there)]
    differs_unless(pairs[0] == pairs[1], "the columns read at main's hash are not those read at main")


@_assumption(
    "missing-database",
    "A database that does not exist, and one that may not be seen, is a 404.",
    depends="bot.dolthub.client.Hub.database",
    changes="A fork that was deleted is taken for trouble of DoltHub, and its pull waits.",
)
def _(trial: Trial) -> None:
    """A database of a made-up name is asked for."""
    differs_unless(
        trial.hub.database(Database(trial.db.owner, f"no-such-{trial.name}")) is False, "a database that cannot exist is shown"
    )


@_assumption(
    "sql-error",
    "A SQL error is an answer with a status, never rows.",
    depends="bot.dolthub.wire.read_sql",
    changes="A refused question could pass for an empty answer.",
)
def _(trial: Trial) -> None:
    """A table that does not exist is read."""
    try:
        rows = trial.read(trial.main, f"SELECT 1 AS one FROM `no_such_table_{trial.name}`")
    except (HubStrange, HubRefused):
        return
    raise Different(f"the answer is {len(rows)} rows")


@_assumption(
    "cells-are-text",
    "Every cell comes as text, NULL as null or not at all, and a column of two names once.",
    depends="bot.dolthub.wire.read_sql",
    changes="Rows are compared wrongly.",
)
def _(trial: Trial) -> None:
    """One row of a number, NULL, an empty text and a truth value is read."""
    (row,) = trial.read(trial.main, "SELECT 7 AS n, NULL AS nothing, '' AS blank, 1 = 1 AS truth")
    seen = (row.get("n"), row.get("nothing"), row.get("blank"), row.get("truth") in ("1", "true"))
    differs_unless(seen == ("7", None, "", True), f"the cells read {seen}")


@_assumption(
    "table-hashes",
    "DOLT_HASHOF_TABLE answers for every table of information_schema.tables in one question, at a commit too.",
    depends="bot.dolthub.diff.shown",
    changes="Every known table is asked for by name: reviews cost more, and stay the same.",
)
def _(trial: Trial) -> None:
    """The hashes of all tables at main's hash."""
    rows = trial.hub.rows(trial.db, trial.main, sql.table_hashes())
    differs_unless(rows and all(is_commit_hash(row.text("table_hash")) for row in rows), "no hashes of 32 characters")


@_assumption(
    "diff-functions",
    "dolt_diff_summary, dolt_schema_diff, dolt_diff_stat and dolt_diff take two hashes at a commit.",
    depends="bot.dolthub.diff.shown",
    changes="Each has a way round; without any of them the rows themselves are compared.",
)
def _(trial: Trial) -> None:
    """All four are asked about two commits of main in a row."""
    before, after, table = _step(trial)
    for query in (sql.schema_diff(before, after), sql.diff_stat(before, after), sql.diff_rows(before, after, table)):
        trial.hub.rows(trial.db, after, query)
    rows = trial.hub.rows(trial.db, after, sql.diff_rows(before, after, table))
    differs_unless(rows and all(row.text("diff_type") for row in rows), f"the diff of {table} shows no row")


@_assumption(
    "join-of-commits",
    "A table can be joined with itself at two commits (AS OF), with <=>.",
    depends="bot.dolthub.witness.compare",
    changes="Both sides are read whole, up to 5,000 rows; beyond that the verdict is CANNOT TELL.",
)
def _(trial: Trial) -> None:
    """A table that differs between two commits of main is joined with itself, and compared with the diff."""
    before, after, table = _step(trial)
    columns = trial.columns[table]
    joined = trial.hub.rows(trial.db, after, sql.rows_compared(before, after, table, columns, columns))
    gone = trial.hub.rows(trial.db, after, sql.keys_gone(before, after, (table,)))
    shown = trial.hub.rows(trial.db, after, sql.diff_rows(before, after, table))
    says = f"{len(joined) + len(gone)} rows of {table} differ by a join, and the diff shows {len(shown)}"
    differs_unless(len(joined) + len(gone) == len(shown), says)


@_assumption(
    "history",
    "dolt_log at a hash, joined with dolt_commit_ancestors, names each commit's parents in their order.",
    depends="bot.dolthub.diff.parting",
    changes="Where a branch left main cannot be told: no pull gets a review.",
)
def _(trial: Trial) -> None:
    """The ancestors of main are read, and their first parents; both must begin at main's head."""
    rows = trial.hub.rows_page(trial.db, trial.main, sql.ancestors(trial.main), 0)
    named = {row.text("commit_hash") for row in rows}
    differs_unless(trial.main in named, "the history of main does not hold its head")
    first = [row.text("parent_hash") for row in trial.line if row.text("commit_hash") == trial.main]
    differs_unless(len(first) == 1, f"main's head has {len(first)} first parents")


@_assumption(
    "heights",
    "commit_order in dolt_log is the longest way from the root.",
    depends="bot.dolthub.diff.parting",
    changes="Of several best common ancestors the one that a merge takes is not known; such pulls are refused anyway.",
)
def _(trial: Trial) -> None:
    """The height of main's head is greater than that of its first parent."""
    parent = next((r.text("parent_hash") for r in trial.line if r.text("commit_hash") == trial.main), "")
    if not is_commit_hash(parent):
        raise NotTried("main has one commit only")
    rows = trial.hub.rows(trial.db, trial.main, sql.heights((trial.main, CommitHash(parent)), trial.main))
    height = {row.text("commit_hash"): int(row.text("commit_order") or 0) for row in rows}
    differs_unless(height.get(trial.main, 0) > height.get(parent, 0), f"the heights are {sorted(height.values())}")


@_assumption(
    "page-order",
    "A query with ORDER BY, LIMIT and OFFSET at a commit is cut into pages without a gap.",
    depends="bot.dolthub.client.Hub.rows",
    changes="Rows could be left out of a review.",
)
def _(trial: Trial) -> None:
    """The columns of information_schema are read in pages of three, and at once."""
    text = (
        "SELECT table_name AS t, column_name AS c FROM information_schema.columns"
        " WHERE table_schema = DATABASE() ORDER BY table_name, column_name"
    )
    whole = trial.read(trial.main, f"{text} LIMIT 30 OFFSET 0")
    parts = [row for at in range(0, 30, 3) for row in trial.read(trial.main, f"{text} LIMIT 3 OFFSET {at}")]
    differs_unless(list(whole) == parts, f"{len(whole)} rows at once, {len(parts)} in pages, or another order")


@_assumption(
    "full-page",
    "A read of as many rows as a page holds is answered whole.",
    depends="bot.dolthub.client.Hub.rows",
    changes="A page that comes shorter than it was asked for ends the reading: rows are left out of a review.",
)
def _(trial: Trial) -> None:
    """As many rows as a page holds are read of the columns joined with themselves."""
    text = (
        "SELECT a.column_name AS one, b.column_name AS two"
        " FROM information_schema.columns AS a, information_schema.columns AS b, information_schema.columns AS c"
    )
    found = trial.read(trial.main, f"{text} LIMIT {ROWS_PER_PAGE} OFFSET 0")
    differs_unless(len(found) == ROWS_PER_PAGE, f"{len(found)} rows came where {ROWS_PER_PAGE} were asked for")


@_assumption(
    "long-question",
    "A statement of 20,000 characters is read like a short one.",
    depends="bot.dolthub.client.Hub.rows",
    changes="A pull that changes many rows gets CANNOT TELL.",
)
def _(trial: Trial) -> None:
    """A row is read by a list of 1,000 made-up keys and its own."""
    keys = ", ".join(f"'{number:020d}'" for number in range(LONG_KEYS))
    rows = trial.read(trial.main, f"SELECT 1 AS one WHERE 'x' IN ({keys}, 'x')")
    differs_unless([row.get("one") for row in rows] == ["1"], f"{len(rows)} rows came where one was asked for")


@_assumption(
    "times",
    "Pulls and comments carry the time when they were made, with its offset from UTC.",
    depends="bot.dolthub.client.Hub.pull",
    changes="Which of two pulls for one item came first is told wrongly.",
)
def _(trial: Trial) -> None:
    """The newest pull is read; it was made after the year 2000 and not in the future of the host's own clock."""
    pulls = trial.hub.pulls(trial.db)
    if not pulls:
        raise NotTried("there is no pull")
    made = trial.hub.pull(trial.db, max(each.number for each in pulls)).created_at
    now = trial.hub.time(trial.db)
    if now is None:
        raise NotTried("the host's time is not known")
    differs_unless(
        SITES_BEGIN < made <= now + CLOCK_TOLERANCE, f"the newest pull was made at {made:%Y-%m-%dT%H:%M:%SZ}, and it is {now}"
    )


@_assumption(
    "pull-states",
    "Every pull in the list has a state that is known, and can be read by its number.",
    depends="bot.dolthub.client.Hub.pulls",
    changes="A pull of an unknown state is looked at and never decided.",
)
def _(trial: Trial) -> None:
    """The list of pulls is read, and its newest pull."""
    pulls = trial.hub.pulls(trial.db)
    if not pulls:
        raise NotTried("there is no pull")
    unknown = [pull.number for pull in pulls if pull.state is PullState.UNKNOWN]
    differs_unless(not unknown, f"the state of pull {unknown[:1]} is not known")
    differs_unless(
        trial.hub.pull(trial.db, pulls[0].number).number == pulls[0].number, "a listed pull is another one by number"
    )


@_assumption(
    "clock",
    "Answers carry DoltHub's time.",
    depends="bot.dolthub.client.Hub.time",
    changes="`stampbot doctor` cannot compare clocks.",
)
def _(trial: Trial) -> None:
    """The time of an answer is read."""
    differs_unless(trial.hub.time(trial.db) is not None, "no answer has a Date")


# --- writes -----------------------------------------------------------------------------------------------------------


@_assumption(
    "branch-at-commit",
    "A branch made at a commit can be read at once, and stands there.",
    depends="bot.converge.landing.land",
    changes='Decisions that land by a pull wait, or fail. Set landing = "direct".',
    writes=True,
)
def _(trial: Trial) -> None:
    """A branch is made at main's head and read."""
    name = f"{trial.branch}-at"
    trial.hub.create_branch(trial.db, name, at=trial.main)
    differs_unless(trial.head(name) == trial.main, "the new branch does not stand at the commit it was made at")


@_assumption(
    "one-commit-a-write",
    "One statement is one commit on its branch, and its message holds the statement.",
    depends="bot.converge.landing.land",
    changes="Audits cannot tell which decision a row came with.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A row is changed; the branch has one commit more, whose message holds the text."""
    before = trial.head(trial.prepared)
    after = trial.write(f"UPDATE {trial.table} SET note = 'changed' WHERE id = 'a'")
    rows = trial.read(
        after,
        f"SELECT l.message AS message, a.parent_hash AS parent FROM dolt_log('{after}') AS l"
        f" LEFT JOIN dolt_commit_ancestors AS a ON a.commit_hash = l.commit_hash WHERE l.commit_hash = '{after}'",
    )
    differs_unless([row.text("parent") for row in rows] == [before], "the write made another number of commits than one")
    differs_unless("note = 'changed'" in rows[0].text("message"), "the commit's message is not the statement")


@_assumption(
    "no-op",
    "A statement that changes nothing makes no commit, and is not an unknown end.",
    depends="bot.dolthub.client.Hub.write",
    changes="A decision that was carried out already is reported as one whose end is not known.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A row that is not there is changed."""
    before = trial.head(trial.prepared)
    after = trial.write(f"UPDATE {trial.table} SET note = 'x' WHERE id = 'none'")
    differs_unless(after == before, "a write that changes nothing makes a commit")


@_assumption(
    "broken-check",
    "A row that breaks a CHECK is not written, whatever the answer says.",
    depends="bot.converge.landing.land",
    changes="A rig could be stamped by itself through the API.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A row with the note that the table's CHECK forbids is inserted."""
    try:
        trial.write(f"INSERT INTO {trial.table} (id, note) VALUES ('c', 'refused')")
    except HubRefused:
        pass
    differs_unless(trial.note("c") is None, "the row was written")


@_assumption(
    "second-pull",
    "A second pull for one branch is refused as a conflict.",
    depends="bot.converge.landing.land",
    changes="A landing that was interrupted may open two pulls; only one is merged.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A second pull is opened for the branch of the first."""
    first = trial.pull
    try:
        second = trial.hub.open_pull(trial.db, title="second", description="", branch=trial.prepared)
    except HubConflict:
        return
    trial.hub.close(trial.db, second)
    raise Different(f"pull {second} was opened beside pull {first}")


@_assumption(
    "comment-unchanged",
    "A comment is listed at once, with its text unchanged to the character, as the token's account's, and unedited.",
    depends="bot.model.mark.read_mark",
    changes="The bot does not know its own comments again, and repeats them twice.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A comment with Markdown, HTML and a mark is posted and read back."""
    _, listed = trial.comment
    if listed is None:
        raise Different("the comment is not listed")
    differs_unless(listed.body == COMMENT, "the text of the comment was changed")
    differs_unless(listed.author == trial.hub.me(), f"the comment is {listed.author}'s")
    differs_unless(not listed.edited, "the comment shows as edited")


@_assumption(
    "right-to-write",
    "An account that may write gets another refusal than 401 and 403 for a branch at a commit that is not there.",
    depends="bot.dolthub.client.Hub.may_write",
    changes="`stampbot doctor` says that the token may not write.",
    writes=True,
)
def _(trial: Trial) -> None:
    """The branch that doctor asks for is asked for."""
    differs_unless(trial.hub.may_write(trial.db), "the token's account could write, and that check says no")


@_assumption(
    "merge-commit",
    "A merge makes a commit on main whose second parent is the pull's head; or main moves to that head.",
    depends="bot.converge.observe.merge_of",
    changes="Merged work is not recognised, and nothing is stamped.",
    writes=True,
)
def _(trial: Trial) -> None:
    """The pull is merged, and main's head is read with its parents."""
    head, main, pull = trial.merged
    differs_unless(pull.state is PullState.MERGED, f"the merged pull shows as {pull.state.value}")
    if main == head:
        return
    found = {row.text("commit_hash") for row in trial.hub.rows(trial.db, main, sql.merges_of(head))}
    differs_unless(main in found, "main's head is neither a merge of the pull's head nor that head")


@_assumption(
    "merged-rows",
    "After a merge main holds the rows of the branch.",
    depends="bot.commands.accept.effects",
    changes="A receipt says NOT STAMPED.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A row of the branch is read on main."""
    _, main, _ = trial.merged
    differs_unless(trial.note("b", main) == "two", "main does not hold a row that the merged branch holds")


@_assumption(
    "pull-follows-branch",
    "A commit that is made on a pull's branch after the pull was opened belongs to the pull.",
    depends="bot.converge.observe.observe",
    changes="A review shows rows that the merge does not bring.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A row is written to the branch after the pull was opened; main holds it after the merge."""
    _, main, _ = trial.merged
    differs_unless(trial.note("late", main) == "late", "the merge left out a row that was written after the pull was opened")


@_assumption(
    "merged-again",
    "A merged pull is not merged again, and cannot be closed as if it were open.",
    depends="bot.converge.perform.perform",
    changes="A decision that is repeated could do something twice.",
    writes=True,
)
def _(trial: Trial) -> None:
    """The merged pull is merged once more."""
    _, main, _ = trial.merged
    try:
        trial.hub.merge(trial.db, trial.pull)
    except (HubRefused, HubGone):
        pass
    differs_unless(trial.head("main") == main, "a second merge of the same pull moved main")


@_assumption(
    "guarded-update",
    "An UPDATE whose condition does not hold any more changes nothing.",
    depends="bot.dolthub.sql.write.write_row",
    changes="Two decisions at once could both be written.",
    writes=True,
)
def _(trial: Trial) -> None:
    """A row is changed under a condition that another write has made false."""
    for note in ("first", "second"):
        trial.write(f"UPDATE {trial.table} SET note = '{note}' WHERE id = 'b' AND note = 'two'")
    differs_unless(trial.note("b") == "first", "the condition of an UPDATE was not kept")


ASSUMPTIONS: Final = tuple(_FOUND)
