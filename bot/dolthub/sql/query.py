"""What a read and a write are, and how several reads become one request."""
# ruff: noqa: S608 - SQL is put together here; every value goes through literal(), name() or hash_literal()

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.dolthub.sql.literal import name
from bot.model.ledger import KNOWN_TABLES, PRIMARY_KEYS, Row

ROWS_PER_PAGE = 900
"""Below the limit of 1,000 rows, so that a full page is never mistaken for a cut one."""


@dataclass(frozen=True, slots=True)
class Query:
    """A read. A paged one has a total order, and the client adds LIMIT and OFFSET. The empty text asks nothing.

    `needs`: the columns its text names, by table and name, of those that a commons may lack. What it yields is whole rows of
    `table`, or the columns `yields`; a query that says so can be asked together with others. `of_commits`: what it yields hangs
    on the commits that its text names and on nothing else, so it is the same in each database that has them.
    """

    text: str
    paged: bool = False
    per_page: int = ROWS_PER_PAGE
    needs: tuple[tuple[str, str], ...] = ()
    table: str = ""
    yields: tuple[str, ...] = ()
    of_commits: bool = False

    @property
    def is_nothing(self) -> bool:
        """No row can match, so nobody needs to be asked."""
        return not self.text

    def fits(self, columns: Mapping[str, Collection[str]]) -> bool:
        """Whether a commons with these columns by table has all that the text names: where it has not, asking is an error."""
        return all(column in columns.get(table, ()) for table, column in self.needs)

    def page(self, number: int) -> str:
        """The text of one page, counted from 0."""
        return f"{self.text} LIMIT {self.per_page} OFFSET {number * self.per_page}"


NOTHING = Query("")


def needed(table: str, *columns: str) -> tuple[tuple[str, str], ...]:
    """Columns of one table, as a query's `needs` names them."""
    return tuple((table, column) for column in columns)


def key_column(table: str) -> str:
    """The key of a known table. Raises ValueError for any other."""
    if table not in KNOWN_TABLES:
        raise ValueError(f"{table!r} is not a table of a commons")
    return PRIMARY_KEYS[table]


def together(queries: Sequence[Query], columns: Mapping[str, Collection[str]]) -> Query:
    """One query that yields what all of these do, as text: `part` (which of them, from 0) and `c0`, `c1` and so on.

    `columns`: columns by table of this commons. A row stands once in what a query yields, and is told from others by its key,
    or by its first two columns. Raises ValueError for a query that does not say what it yields.
    """
    shapes = [shape(query, columns) for query in queries]
    width = max(2, *map(len, shapes))
    selects = []
    for part, (query, names) in enumerate(zip(queries, shapes, strict=True)):
        cells = [f"CAST(q.{name(column)} AS CHAR)" for column in names] + ["NULL"] * (width - len(names))
        shown = ", ".join(f"{cell} AS c{at}" for at, cell in enumerate(cells))
        selects.append(f"SELECT {part} AS part, {shown} FROM ({query.text}) AS q")
    of_commits = all(query.of_commits for query in queries)
    return Query(" UNION ALL ".join(selects) + " ORDER BY part, c0, c1", paged=True, of_commits=of_commits)


def shape(query: Query, columns: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """The columns a query yields, the key of whole rows first. Raises ValueError if it does not say."""
    if query.table:
        key = key_column(query.table)
        return tuple(dict.fromkeys((key, *columns.get(query.table, ()))))
    if not query.yields:
        raise ValueError("this query does not say what it yields")
    return query.yields


def apart(rows: Iterable[Row], queries: Sequence[Query], columns: Mapping[str, Collection[str]]) -> tuple[tuple[Row, ...], ...]:
    """What `together` yielded, query by query. Raises ValueError for rows of none of them."""
    shapes = [shape(query, columns) for query in queries]
    found: tuple[list[Row], ...] = tuple([] for _ in queries)
    for row in rows:
        part = int(row.text("part"))
        cells = ((column, row.get(f"c{at}")) for at, column in enumerate(shapes[part]))
        found[part].append(Row.of(cells))
    return tuple(map(tuple, found))
