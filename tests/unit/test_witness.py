"""The second witness: tables compared with themselves, against whatever the diff functions show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dolthub import sql, witness
from bot.dolthub.errors import HubBusy, HubError, HubRefused, HubStrange
from bot.dolthub.witness import Place
from bot.model.ids import CommitHash, Database
from bot.model.ledger import ChangeKind, Row, RowChange

FORK, COMMONS = Database("pia", "wl-commons"), Database("hop", "wl-commons")
BASE, HEAD = Place(COMMONS, CommitHash("a" * 32)), Place(FORK, CommitHash("b" * 32))
COLUMNS = ("id", "title", "tags")
Cells = tuple[str | None, str | None]
Table = Mapping[str, Cells]
"""Title and tags by key."""


@dataclass
class Tables:
    """Two states of the table `wanted`, read by the questions of the witness alone."""

    before: Table
    after: Table
    refuses: tuple[str, ...] = ()
    """Of: together, join, whole."""
    trouble: HubError | None = None
    columns: tuple[str, ...] = COLUMNS

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]:
        assert query == sql.columns()
        assert Place(db, CommitHash(ref)) in (BASE, HEAD)
        return tuple(Row.of({"table_name": "wanted", "column_name": name}) for name in self.columns)

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]:
        if self.trouble is not None:
            raise self.trouble
        return self._all(Place(db, CommitHash(ref)), query)[page * query.per_page : (page + 1) * query.per_page]

    def _all(self, at: Place, query: sql.Query) -> tuple[Row, ...]:
        compared = sql.rows_compared(BASE.commit, HEAD.commit, "wanted", COLUMNS, COLUMNS)
        gone = sql.keys_gone(BASE.commit, HEAD.commit, ("wanted",))
        if query == sql.all_rows("wanted", COLUMNS, COLUMNS):
            self._refuse("whole")
            table = self.before if at == BASE else self.after
            return tuple(Row.of(zip(COLUMNS, (key, *cells), strict=True)) for key, cells in sorted(table.items()))
        assert at == HEAD
        if query == sql.together((compared, gone), {}):
            self._refuse("together")
            found = []
            for part, each in enumerate((compared, gone)):
                for row in self._joined(each, compared):
                    # As text JSON is worded otherwise.
                    texts = [cell and re.sub(r",(?! )", ", ", cell) for _, cell in row.cells]
                    found.append(Row.of({"part": str(part), **{f"c{at}": text for at, text in enumerate(texts)}}))
            return tuple(found)
        self._refuse("join")
        return self._joined(query, compared)

    def _joined(self, query: sql.Query, compared: sql.Query) -> tuple[Row, ...]:
        if query != compared:
            return tuple(
                Row.of({"table_name": "wanted", "row_key": key}) for key in sorted(self.before.keys() - self.after.keys())
            )
        rows = []
        for key, cells in sorted(self.after.items()):
            old = self.before.get(key)
            if old != cells:
                was = (key, *old) if old is not None else (None, None, None)
                rows.append(Row.of(zip(query.yields, (key, *cells, *was), strict=True)))
        return tuple(rows)

    def _refuse(self, what: str) -> None:
        if what in self.refuses:
            raise HubStrange("not known here")

    def comparison(self) -> witness.Comparison:
        (found,) = witness.compare(self, BASE, HEAD, ["wanted"])
        return found

    def truth(self) -> tuple[RowChange, ...]:
        """What differs, by definition."""
        found = []
        for key in sorted({*self.before, *self.after}):
            old, new = (
                Row.of(zip(COLUMNS, (key, *side[key]), strict=True)) if key in side else None
                for side in (self.before, self.after)
            )
            if old != new:
                kind = ChangeKind.ADDED if old is None else ChangeKind.REMOVED if new is None else ChangeKind.MODIFIED
                found.append(RowChange(table="wanted", key=key, kind=kind, before=old, after=new))
        return tuple(found)


cells = st.tuples(st.sampled_from([None, "", "a", "b"]), st.sampled_from([None, '["x","y"]', '["x"]']))
tables = st.dictionaries(st.sampled_from(["w-1", "w-2", "w-3", "w-4"]), cells)
refusals = st.sets(st.sampled_from(["together", "join"])).map(tuple)


@given(before=tables, after=tables, refuses=refusals)
def test_a_diff_that_shows_what_the_rows_hold_is_agreed_to_whatever_the_host_refuses(
    before: Table, after: Table, refuses: tuple[str, ...]
) -> None:
    both = Tables(before, after, refuses)
    assert both.comparison().unlike(both.truth()) == ""
    assert both.comparison().changes() == both.truth()


@given(before=tables, after=tables, refuses=refusals, data=st.data())
def test_a_row_left_out_altered_doubled_or_made_up_is_never_agreed_to(
    before: Table, after: Table, refuses: tuple[str, ...], data: st.DataObject
) -> None:
    both = Tables(before, after, refuses)
    shown = list(both.truth())
    how = data.draw(st.sampled_from(["left out", "altered", "doubled", "made up"]))
    if how == "made up" or not shown:
        row = Row.of(zip(COLUMNS, ("w-9", "a", None), strict=True))
        shown.append(RowChange(table="wanted", key="w-9", kind=ChangeKind.ADDED, before=None, after=row))
    else:
        at = data.draw(st.integers(0, len(shown) - 1))
        change = shown[at]
        if how == "left out":
            del shown[at]
        elif how == "doubled":
            shown.insert(at, change)
        elif change.after is None:
            shown[at] = replace(change, kind=ChangeKind.ADDED, after=change.before, before=None)
        else:
            name = data.draw(st.sampled_from(["title", "tags"]))
            other = Row.of((column, "otherwise" if column == name else cell) for column, cell in change.after.cells)
            shown[at] = replace(change, after=other)
    assert both.comparison().unlike(shown) != ""


def test_a_host_that_answers_no_comparison_at_all_says_so() -> None:
    both = Tables({}, {"w-1": ("a", None)}, ("together", "join", "whole"))
    assert both.comparison().unlike(both.truth()) == witness.NOT_ANSWERED
    assert both.comparison().changes() is None


def test_a_table_without_its_key_is_not_compared() -> None:
    both = Tables({}, {"w-1": ("a", None)}, columns=("title", "tags"))
    assert both.comparison().unlike(()) == witness.NOT_COMPARABLE
    assert both.comparison().changes() is None


def test_more_rows_than_are_read_are_not_compared() -> None:
    many = {f"w-{number}": ("a", None) for number in range(witness.ROWS_MAX + 1000)}
    both = Tables({}, many)
    assert both.comparison().unlike(()) == witness.NOT_ANSWERED


@pytest.mark.parametrize(
    "trouble", [HubBusy("later"), HubStrange("a page of HTML", unreadable=True), HubRefused("no", status=403, code="FORBIDDEN")]
)
def test_trouble_is_no_refusal(trouble: HubError) -> None:
    with pytest.raises(type(trouble)):
        Tables({}, {}, trouble=trouble).comparison()
