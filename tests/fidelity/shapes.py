"""Each SQL text that the bot sends, on a commons with a history: work that was merged, a stamp, a row changed on main since."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from bot.dolthub import sql
from bot.model.ids import CommitHash, CompletionId, Handle, StampId, WantedId
from bot.model.ledger import KNOWN_TABLES, Row, RowWrite, Write
from sandbox.seed import schema
from tests.fidelity import story
from tests.fidelity.story import Ask, Branch, Merge, Step, Story, mark
from tests.world import people_and_items

COLUMNS = {table.name: tuple(name for name, _ in table.columns) for table in schema.TABLES}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BASE, HEAD, MERGE, LAST = (CommitHash(mark(name)) for name in ("base", "head", "merge", "last"))
ITEM, STAMPED = WantedId("w-com-001"), WantedId("w-com-002")
DONE, STAMP = CompletionId("c-2"), StampId("s-2")
WORKER = Handle("polecat-7")
VALENCE = '{"quality": 4, "reliability": 5, "a": 1.0, "creativity": 3.5}'

HISTORY: tuple[Step, ...] = (
    story.Write(
        sql="INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at)"
        " VALUES ('c-2', 'w-com-002', 'polecat-7', 'https://example.org/Done/2', '2026-01-03 00:00:00')",
        name="done",
    ),
    story.Write(
        sql="INSERT INTO stamps (id, author, subject, valence, confidence, severity, context_id, context_type, created_at)"
        f" VALUES ('s-2', 'ana-town', 'polecat-7', '{VALENCE}', 0.85, 'leaf', 'c-2', 'completion', '2026-01-03 10:00:00'),"
        f" ('s-3', 'ana-town', 'polecat-7', '{VALENCE}', 0.95, 'leaf', NULL, NULL, '2026-01-03 11:00:00')",
        name="stamped",
    ),
    story.Write(sql="UPDATE completions SET stamp_id = 's-2', validated_by = 'ana-town' WHERE id = 'c-2'", name="linked"),
    Branch(new="work"),
    story.Write(
        sql="UPDATE wanted SET status = 'claimed', claimed_by = 'polecat-7' WHERE id = 'w-com-001'", on="work", name="claim"
    ),
    story.Write(
        sql="INSERT INTO completions (id, wanted_id, completed_by, evidence) VALUES ('c-1', 'w-com-001', 'polecat-7', 'https://e.org/')",
        on="work",
        name="head",
    ),
    story.Write(sql="UPDATE rigs SET display_name = 'Zoë 😀' WHERE handle = 'ana-town'", name="renamed"),
    Merge(source="work", name="merge"),
    story.Write(sql="UPDATE wanted SET status = 'in_review' WHERE id = 'w-com-001'", name="last"),
)
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "a": (BASE,),
    "b": (HEAD,),
    "added": (False, True),
    "author": ("ana-town",),
    "beginning": ("accept",),
    "branch": ("work",),
    "columns": (COLUMNS,),
    "commit": (LAST, MERGE),
    "committer": ("alice",),
    "commits": ((HEAD, BASE, LAST),),
    "completion": (DONE,),
    "context_ids": (("c-2",),),
    "handle": (WORKER,),
    "handles": ((WORKER, Handle("ana-town")),),
    "head": (LAST,),
    "holding": ("w-com-001",),
    "ids": (("c-2",),),
    "key": ("w-com-001",),
    "keys": (("w-com-001", "c-2", "ana-town"),),
    "owner": ("pia",),
    "owners": (("pia",),),
    "since": (BASE,),
    "spellings": ((("example.org", "done"),),),
    "stamp": (STAMP,),
    "stamp_ids": ((STAMP,),),
    "steps": (((CommitHash(mark("renamed")), MERGE), (MERGE, LAST)),),
    "table": tuple(sorted(KNOWN_TABLES)),
    "tables": (tuple(sorted(KNOWN_TABLES)),),
    "text": ("polecat",),
    "there": (COLUMNS["rigs"],),
    "titles": (("Mend the w-com-001 relay",),),
    "values": (("w-com-001", "c-2", "s-2", "ana-town"),),
    "wanted_ids": ((ITEM, STAMPED),),
}
"""What each parameter of the functions of `bot.dolthub.sql` is given; one question for each combination."""
COLUMN_OF = {name: table.key for name, table in {table.name: table for table in schema.TABLES}.items()}


def query_functions() -> dict[str, Callable[..., sql.Query]]:
    """The functions of `bot.dolthub.sql` that make a query, by name."""
    return {
        name: function
        for name, function in inspect.getmembers(sql, inspect.isfunction)
        if not name.startswith("_")
        and function.__module__.startswith(sql.__name__)
        and inspect.signature(function).return_annotation == "Query"
    }


def questions() -> Iterator[tuple[str, sql.Query]]:
    """Each function of `bot.dolthub.sql` that makes a query, by name. Raises KeyError for a parameter without an example."""
    for name, function in query_functions().items():
        signature = inspect.signature(function)
        if name == "together":
            continue
        asked = {n: p for n, p in signature.parameters.items() if n not in _LEFT_OUT}
        for values in itertools.product(*(_examples(name, parameter) for parameter in asked)):
            given = dict(zip(asked, values, strict=True))
            if "column" in signature.parameters:
                given["column"] = COLUMN_OF[str(given["table"])]
            if "wanted" in signature.parameters:
                given |= {"wanted": COLUMNS[str(given["table"])], "there": COLUMNS[str(given["table"])]}
            if "before" in signature.parameters:
                given |= {"before": COLUMNS[str(given["table"])], "after": COLUMNS[str(given["table"])]}
            try:
                query = function(**given)
            except ValueError:
                continue
            if not query.is_nothing:
                yield (
                    f"{name} {' '.join(str(given[key]) for key in ('table', 'commit', 'added') if key in given)}".strip(),
                    query,
                )
    yield "together", sql.together((sql.all_rigs(), sql.record_of(WORKER), sql.stamps_for((DONE,), (STAMP,))), COLUMNS)


_LEFT_OUT = frozenset({"column", "wanted", "before", "after", "rigs", "min_trust", "sets"})


def _examples(function: str, parameter: str) -> tuple[object, ...]:
    if (function, parameter) == ("all_rows", "there"):
        return ((),)
    return ARGUMENTS[parameter]


def _write(kind: Write, table: str, key: str, cells: dict[str, str | None], guard: dict[str, str | None]) -> RowWrite:
    made = Row.of(cells.items())
    return RowWrite(write=kind, table=table, key=key, cells=made, guard=Row.of(guard.items()))


STAMP_CELLS: dict[str, str | None] = {
    "author": "ana-town",
    "subject": "polecat-7",
    "valence": VALENCE,
    "confidence": "0.85",
    "severity": "leaf",
    "context_id": "c-1",
    "context_type": "completion",
    "message": "It's done; -- \\ 'so' é 😀\n100%",
    "created_at": "2026-01-04 00:00:00",
}
WRITES: dict[str, tuple[RowWrite, bool]] = {
    "a stamp": (_write(Write.INSERT, "stamps", "s-9", STAMP_CELLS, {}), False),
    "a stamp unless stamped": (_write(Write.INSERT, "stamps", "s-9", STAMP_CELLS, {}), True),
    "a stamp of what is stamped": (_write(Write.INSERT, "stamps", "s-9", {**STAMP_CELLS, "context_id": "c-2"}, {}), True),
    "a stamp whose key is taken": (_write(Write.INSERT, "stamps", "s-2", STAMP_CELLS, {}), False),
    "a stamp of one's own": (_write(Write.INSERT, "stamps", "s-9", {**STAMP_CELLS, "subject": "ana-town"}, {}), False),
    "a stamp whose JSON is broken": (_write(Write.INSERT, "stamps", "s-9", {**STAMP_CELLS, "valence": "{"}, {}), False),
    "an item is completed": (
        _write(
            Write.UPDATE, "wanted", "w-com-001", {"status": "completed"}, {"status": "in_review", "claimed_by": "polecat-7"}
        ),
        False,
    ),
    "an item that is another's": (
        _write(Write.UPDATE, "wanted", "w-com-001", {"status": "completed"}, {"status": "open", "claimed_by": None}),
        False,
    ),
    "a completion is linked": (
        _write(
            Write.UPDATE, "completions", "c-1", {"stamp_id": "s-9", "validated_at": "2026-01-04 00:00:00"}, {"stamp_id": None}
        ),
        True,
    ),
    "a row goes": (_write(Write.DELETE, "completions", "c-1", {}, {"completed_by": "polecat-7"}), False),
    "a key of another case": (_write(Write.UPDATE, "wanted", "W-com-001", {"status": "open"}, {}), False),
    "a word that is too long": (_write(Write.UPDATE, "wanted", "w-com-001", {"status": "x" * 40}, {}), False),
    "a time before 1970": (_write(Write.UPDATE, "wanted", "w-com-001", {"updated_at": "1969-01-01 00:00:00"}, {}), False),
    "a time after 2038": (_write(Write.UPDATE, "wanted", "w-com-001", {"updated_at": "2039-01-01 00:00:00"}, {}), False),
    "a time with an offset": (
        _write(Write.UPDATE, "wanted", "w-com-001", {"updated_at": "2026-01-01 00:00:00+01:00"}, {}),
        False,
    ),
    "a time with a T and a Z": (_write(Write.UPDATE, "wanted", "w-com-001", {"updated_at": "2026-01-01T00:00:00Z"}, {}), False),
    "a time with a fraction": (_write(Write.UPDATE, "wanted", "w-com-001", {"updated_at": "2026-01-01 00:00:00.6"}, {}), False),
    "no time at all": (_write(Write.UPDATE, "wanted", "w-com-001", {"updated_at": "yesterday"}, {}), False),
    "a number that is none": (_write(Write.UPDATE, "wanted", "w-com-001", {"priority": "high"}, {}), False),
    "a number that is too great": (_write(Write.UPDATE, "wanted", "w-com-001", {"priority": "99999999999"}, {}), False),
}


def stories() -> tuple[Story, ...]:
    """The reads and the writes."""
    creation = (*schema.creation(), *people_and_items())
    asks = [Ask(about=name, at="last", sql=_page(query)) for name, query in questions()]
    at_main = [replace(ask, at="main") for ask in asks if "MERGE_BASE" in ask.sql or ask.about == "columns"]
    # No order is promised, or one by hashes.
    unpromised = {"ancestors", "arrivals", "diff_stat", "heights", "merges_of", "on_log", "record_of", "wrote"}
    reads = tuple(replace(ask, sorted=ask.about.split(" ")[0] in unpromised) for ask in (*asks, *at_main))
    writes: list[Step] = []
    for number, (name, (row, unless)) in enumerate(WRITES.items()):
        statement = sql.write_row(row, columns=COLUMNS, now=NOW, note=name, unless_stamped=unless)
        branch = f"b{number}"
        key = COLUMN_OF[row.table]
        writes += [
            story.Write(sql=statement.text, onto=branch),
            Ask(about=name, at=branch, sql=f"SELECT * FROM {row.table} ORDER BY {key}"),
        ]
    return (
        Story(name="what the bot reads", creation=creation, steps=(*HISTORY, *reads)),
        Story(name="what the bot writes", creation=creation, steps=(*HISTORY, *writes)),
    )


def _page(query: sql.Query) -> str:
    return query.page(0) if query.paged else query.text
