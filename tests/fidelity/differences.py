"""Where the engines differ and the bot does not care: the function that does not, and the test that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.fidelity.story import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One difference. `alike`: an answer in a form in which this difference does not show, the same for both engines."""

    what: str
    function: str
    test: str
    alike: Callable[[Answer], Answer]


def alike(answer: Answer, without: Listed | None = None) -> Answer:
    """An answer in a form in which no listed difference shows, but those of `without`."""
    for listed in LISTED:
        if listed is not without:
            answer = listed.alike(answer)
    return answer


def _cells(answer: Answer, change: Callable[[str, str], str]) -> Answer:
    """The answer with each cell that is text changed; `change` gets the column's name and the cell."""
    columns, rows = answer.get("columns"), answer.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return answer
    return {
        "columns": columns,
        "rows": [
            [cell if cell is None else change(name, cell) for name, cell in zip(columns, row, strict=True)] for row in rows
        ],
    }


def _documents(answer: Answer) -> Answer:
    def change(_name: str, cell: str) -> str:
        if cell[:1] not in {"{", "["}:
            return cell
        try:
            found = json.loads(cell, parse_float=lambda text: int(float(text)) if float(text).is_integer() else float(text))
        except ValueError:
            return cell
        return json.dumps(found, sort_keys=True)

    return _cells(answer, change)


def _averages(answer: Answer) -> Answer:
    return _cells(answer, lambda name, cell: f"{float(cell):.6f}" if name == "confidence" else cell)


def _columns_once(answer: Answer) -> Answer:
    columns, rows = answer.get("columns"), answer.get("rows")
    if not isinstance(columns, list) or columns[:1] != ["table_schema"] or not isinstance(rows, list):
        return answer
    # The sort keeps the columns of a table in their order.
    return {"columns": columns, "rows": sorted((row for row in rows if "/" not in row[0]), key=lambda row: str(row[1]))}


def _refusals(answer: Answer) -> Answer:
    return {"refused": ""} if "refused" in answer else answer


_NAMED = re.compile(r"^(\s*)(?:CONSTRAINT `[^`]*` |((?:UNIQUE )?KEY) `[^`]*`)")


def _definitions(answer: Answer) -> Answer:
    def plain(line: str) -> str:
        line = _NAMED.sub(r"\1\2", line.rstrip(","))
        return re.sub(r"NOT(`\w+`) = ", r"\1 <> ", re.sub(r"[()]", "", line)) if "CHECK" in line else line

    def change(name: str, cell: str) -> str:
        return "\n".join(sorted(map(plain, cell.split("\n")))) if name == "Create Table" else cell

    return _cells(answer, change)


def _null_documents(answer: Answer) -> Answer:
    columns, rows = answer.get("columns"), answer.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return answer
    return {"columns": columns, "rows": [[None if cell == "null" else cell for cell in row] for row in rows]}


def _hashes_by_name(answer: Answer) -> Answer:
    columns, rows = answer.get("columns"), answer.get("rows")
    if columns != ["table_name", "table_hash"] or not isinstance(rows, list):
        return answer
    numbers: dict[str, int] = {}
    return {
        "columns": columns,
        "rows": [[name, f"hash {numbers.setdefault(hash_, len(numbers))}"] for name, hash_ in sorted(rows)],
    }


LISTED = (
    Listed(
        what="Dolt sorts the names of tables by MySQL's rules, where _ comes after the letters",
        function="bot.dolthub.diff.read_changes",
        test="tests/unit/test_hub_diff.py::test_a_table_that_only_its_hash_gives_away_is_read_by_name",
        alike=_hashes_by_name,
    ),
    Listed(
        what="Dolt writes JSON null for NULL in the rows that a merge puts together from both sides",
        function="bot.model.ledger.same_cell",
        test="tests/unit/test_ledger.py::test_json_null_is_null_in_every_comparison",
        alike=_null_documents,
    ),
    Listed(
        what="Dolt shows a JSON document without blanks, its keys by the alphabet and 1.0 as 1; doltlite as MySQL does",
        function="bot.model.ledger.same_cell",
        test="tests/unit/test_ledger.py::test_json_is_the_same_in_each_form_that_a_server_shows",
        alike=_documents,
    ),
    Listed(
        what="Dolt averages floats as it keeps them, in 32 bits: 0.9000000059604645",
        function="bot.dolthub.wire.read_tally",
        test="tests/unit/test_hub_wire.py::test_an_average_of_floats_is_read_as_exactly_as_a_float_is",
        alike=_averages,
    ),
    Listed(
        what="Dolt lists the columns of a table twice, once for the database and once for the revision that is read",
        function="bot.dolthub.wire.read_columns",
        test="tests/unit/test_hub_wire.py::test_columns_of_the_revision_that_is_read_count_and_those_of_its_database_do_not",
        alike=_columns_once,
    ),
    Listed(
        what="the engines refuse a write in other words, and give other names to a CHECK without one",
        function="bot.converge.landing._land_direct",
        test="tests/journeys/test_trouble.py::test_a_violated_check_is_a_refusal_even_where_it_says_success",
        alike=_refusals,
    ),
    Listed(
        what="SHOW CREATE TABLE gives other names to a key or CHECK without one, and lists and words them otherwise",
        function="bot.dolthub.diff._same_definition",
        test="tests/unit/test_hub_diff.py::test_definitions_that_are_not_answered_are_compared_as_statements",
        alike=_definitions,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStory:
    """A story that ends in another way on doltlite, from the first difference on."""

    story: str
    what: str
    function: str
    test: str


_NEVER_MERGED = (
    "rules.only_known_rows_change.check",
    "tests/rules/test_only_known_rows_change.py::test_a_definition_is_told_from_a_table_that_nobody_knows",
)
"""The bot merges no pull that changes a definition, whatever a merge would do."""
LISTED_STORIES = (
    ListedStory(
        story="a column less; main: a row",
        what="Dolt finds a conflict where a branch drops a JSON column and main changes a row; doltlite merges",
        function=_NEVER_MERGED[0],
        test=_NEVER_MERGED[1],
    ),
    ListedStory(
        story="a new table without a key; main: nothing",
        what="Dolt counts nothing but rows that come and go in a table without a key, and answers NULL for the rest",
        function=_NEVER_MERGED[0],
        test=_NEVER_MERGED[1],
    ),
)
