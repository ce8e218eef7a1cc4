"""Rows of a commons: as they stand, as a pull changes them, and as a decision writes them.

Column names and meanings: the reference implementation's `schema/commons.sql` (gastownhall/wasteland, schema 1.2).
DoltHub answers every cell as text or NULL, so a `Row` holds just that; the typed views below read it forgivingly.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.model.ids import CompletionId, Handle, StampId, WantedId

KNOWN_TABLES = (
    "_meta", "rigs", "wanted", "completions", "stamps", "badges", "boot_blocks", "chain_meta", "rig_links",
)  # fmt: skip
PRIMARY_KEYS: Mapping[str, str] = {
    "_meta": "key",
    "rigs": "handle",
    "wanted": "id",
    "completions": "id",
    "stamps": "id",
    "badges": "id",
    "boot_blocks": "handle",
    "chain_meta": "chain_id",
    "rig_links": "id",
}
NOT_JSON = frozenset(
    {
        "key", "value",
        "handle", "display_name", "dolthub_org", "hop_uri", "owner_email", "gt_version", "trust_level", "registered_at",
        "last_seen", "rig_type", "parent_rig",
        "id", "title", "description", "project", "type", "priority", "posted_by", "claimed_by", "status", "effort_level",
        "evidence_url", "sandbox_required", "sandbox_min_tier", "created_at", "updated_at",
        "wanted_id", "completed_by", "evidence", "validated_by", "stamp_id", "parent_completion_id", "block_hash",
        "completed_at", "validated_at",
        "author", "subject", "confidence", "severity", "context_id", "context_type", "message", "prev_stamp_hash",
        "rig_handle", "badge_type", "awarded_at",
        "source", "version",
        "chain_id", "chain_type", "parent_chain_id", "dolt_database",
        "rig_a", "rig_b", "link_type", "assertion_a", "assertion_b", "revoked_at", "revoked_by",
    }
)  # fmt: skip
"""Columns of the known tables that do not hold JSON. Any other column, an unknown one too, may hold JSON."""
INDISPENSABLE: Mapping[str, tuple[str, ...]] = {
    "wanted": ("id", "status"),
    "completions": ("id", "wanted_id", "completed_by", "stamp_id"),
    "stamps": ("id", "author", "subject", "valence", "context_id"),
}
"""Columns without which no decision is whole: what readers join on, and what keeps one work from being stamped twice."""
TERMINAL_STATUSES = frozenset({"completed", "withdrawn", "validated"})
"""Statuses no legal step leads out of; `validated` is the word of older tools (wl internal/commons/lifecycle.go)."""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column, in column order. A missing column reads as None, like NULL."""

    cells: tuple[tuple[str, str | None], ...]

    @classmethod
    def of(cls, cells: Mapping[str, str | None] | Iterable[tuple[str, str | None]]) -> Row:
        """Build from a mapping or pairs; order is kept."""
        pairs = cells.items() if isinstance(cells, Mapping) else cells
        return cls(tuple(pairs))

    def get(self, column: str) -> str | None:
        """The cell, or None for NULL or a column this commons does not have."""
        for name, value in self.cells:
            if name == column:
                return value
        return None

    def text(self, column: str) -> str:
        """The cell as text; NULL and a missing column read as the empty string."""
        return self.get(column) or ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(name for name, _ in self.cells)

    def as_dict(self) -> dict[str, str | None]:
        """A fresh mutable copy."""
        return dict(self.cells)


class ChangeKind(enum.Enum):
    """What happened to a row between two commits (Dolt `diff_type`)."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row that differs between base and head."""

    table: str
    key: str
    kind: ChangeKind
    before: Row | None
    after: Row | None

    @property
    def changed(self) -> tuple[str, ...]:
        """Columns whose cell differs (all non-NULL cells of an added or removed row)."""
        # By name, for rules ask this of every one of thousands of rows. As in `Row.get`, the first cell of a name counts.
        before, after = (dict(reversed(row.cells)) if row else {} for row in (self.before, self.after))
        names = dict.fromkeys(name for row in (self.before, self.after) if row for name, _ in row.cells)
        return tuple(name for name in names if cell_value(name, before.get(name)) != cell_value(name, after.get(name)))

    def moved_on(self, main: Row) -> tuple[str, ...]:
        """Columns that main, whose row now this is, has written since the branch left it; none of a row that is not modified.

        Columns that either side lacks are left out: a commons may have been given more, or fewer.
        """
        before = self.before
        if self.kind is not ChangeKind.MODIFIED or before is None:
            return ()
        there = set(main.columns)
        return tuple(c for c in before.columns if c in there and not same_cell(c, before.get(c), main.get(c)))

    def old(self, column: str) -> str | None:
        """The cell's value before, None if the row was not there."""
        return cell_value(column, self.before.get(column)) if self.before else None

    def new(self, column: str) -> str | None:
        """The cell's value after, None if the row is gone."""
        return cell_value(column, self.after.get(column)) if self.after else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that lies between two commits.

    `schema` names tables whose definition changed, came or went (and every `dolt_*` system table that was touched);
    `unread` names tables whose rows were too many to read, with their count: never a pass.
    `untold` names tables (or none in particular: the empty name) of which the answers do not show what changes, and why.
    """

    rows: tuple[RowChange, ...] = ()
    schema: tuple[str, ...] = ()
    unread: tuple[tuple[str, int], ...] = ()
    untold: tuple[tuple[str, str], ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing differs, as far as it is shown."""
        return not (self.rows or self.schema or self.unread)

    def of(self, table: str, kind: ChangeKind | None = None) -> tuple[RowChange, ...]:
        """Row changes of one table, optionally of one kind."""
        return tuple(c for c in self.rows if c.table == table and (kind is None or c.kind is kind))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables touched, in order of first appearance."""
        return tuple(dict.fromkeys((*(c.table for c in self.rows), *self.schema, *(t for t, _ in self.unread))))


def read_time(text: str | None) -> datetime | None:
    """A TIMESTAMP cell as UTC, or None if empty or unreadable. DoltHub's text form is not documented: several are read."""
    if not text:
        return None
    cleaned = text.strip().replace(" UTC", "").replace(" +0000", "+00:00")
    try:
        found = datetime.fromisoformat(cleaned.replace("Z", "+00:00"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def write_time(moment: datetime) -> str:
    """A TIMESTAMP cell in the form the reference client posts: UTC `YYYY-MM-DD HH:MM:SS` (wl, `wl post`)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _int(text: str | None) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def _texts(text: str | None) -> tuple[str, ...]:
    try:
        found = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return ()
    return tuple(t for t in found if isinstance(t, str)) if isinstance(found, list) else ()


@dataclass(frozen=True, slots=True)
class Rig:
    """A row of `rigs`."""

    row: Row

    @property
    def handle(self) -> Handle:
        return Handle(self.row.text("handle"))

    @property
    def owner(self) -> str:
        """The DoltHub account or organisation the rig belongs to; empty if unknown."""
        return self.row.text("dolthub_org")

    @property
    def email(self) -> str:
        return self.row.text("owner_email")

    @property
    def parent(self) -> Handle | None:
        """The rig this agent works for."""
        parent = self.row.get("parent_rig")
        return Handle(parent) if parent else None

    @property
    def trust(self) -> int:
        """Trust level; an unreadable one counts as 0, the least."""
        return _int(self.row.get("trust_level")) or 0


@dataclass(frozen=True, slots=True)
class RigLink:
    """A row of `rig_links`: two rigs that say they belong together."""

    row: Row

    @property
    def pair(self) -> tuple[Handle, Handle]:
        return Handle(self.row.text("rig_a")), Handle(self.row.text("rig_b"))

    @property
    def active(self) -> bool:
        return self.row.text("status") == "active"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row of `wanted`: an item of work."""

    row: Row

    @property
    def id(self) -> WantedId:
        return WantedId(self.row.text("id"))

    @property
    def title(self) -> str:
        return self.row.text("title")

    @property
    def status(self) -> str:
        return self.row.text("status")

    @property
    def claimed_by(self) -> Handle | None:
        claimed = self.row.get("claimed_by")
        return Handle(claimed) if claimed else None

    @property
    def posted_by(self) -> Handle | None:
        posted = self.row.get("posted_by")
        return Handle(posted) if posted else None

    @property
    def tags(self) -> tuple[str, ...]:
        return _texts(self.row.get("tags"))

    @property
    def evidence_url(self) -> str:
        return self.row.text("evidence_url")

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL_STATUSES


@dataclass(frozen=True, slots=True)
class Completion:
    """A row of `completions`: work submitted."""

    row: Row

    @property
    def id(self) -> CompletionId:
        return CompletionId(self.row.text("id"))

    @property
    def wanted_id(self) -> WantedId:
        return WantedId(self.row.text("wanted_id"))

    @property
    def completed_by(self) -> Handle:
        return Handle(self.row.text("completed_by"))

    @property
    def evidence(self) -> str:
        """What the worker points at; the authoritative copy (readers prefer it over `wanted.evidence_url`)."""
        return self.row.text("evidence")

    @property
    def stamp_id(self) -> StampId | None:
        stamp = self.row.get("stamp_id")
        return StampId(stamp) if stamp else None

    @property
    def validated_by(self) -> Handle | None:
        validated = self.row.get("validated_by")
        return Handle(validated) if validated else None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A row of `stamps`: an attested rating."""

    row: Row

    @property
    def id(self) -> StampId:
        return StampId(self.row.text("id"))

    @property
    def author(self) -> Handle:
        return Handle(self.row.text("author"))

    @property
    def subject(self) -> Handle:
        return Handle(self.row.text("subject"))

    @property
    def context_id(self) -> str:
        return self.row.text("context_id")

    @property
    def skills(self) -> tuple[str, ...]:
        return _texts(self.row.get("skill_tags"))

    @property
    def created_at(self) -> datetime | None:
        return read_time(self.row.get("created_at"))

    @property
    def quality(self) -> float | None:
        """Quality as a number, None if it is a word or missing."""
        try:
            found = json.loads(self.row.text("valence") or "null")
        except (ValueError, RecursionError):
            return None
        value = found.get("quality") if isinstance(found, dict) else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


class Write(enum.Enum):
    """What a `RowWrite` does."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """One row of one decision.

    `cells` is what the row shall hold afterwards; `guard` what it must hold before, else nothing is written.
    For an INSERT the guard is empty: the key must be free. For a DELETE `cells` is empty. `touch` names columns that
    get the time of writing: it differs from try to try, so they are never compared.
    """

    table: str
    key: str
    write: Write
    cells: Row = Row(())
    guard: Row = Row(())
    touch: tuple[str, ...] = ()

    @property
    def key_column(self) -> str:
        return PRIMARY_KEYS[self.table]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChange:
    """All rows of one decision, as a value: written together, recognised together.

    Order matters for landing `direct`: guarded statements first (completion, item), the stamp last.
    """

    decision: str
    writes: tuple[RowWrite, ...]
    note: str

    def lacks(self, columns: Mapping[str, Collection[str]]) -> tuple[str, ...]:
        """Columns, as `table.column`, that the decision cannot do without and a commons with these columns does not have."""
        tables = dict.fromkeys(write.table for write in self.writes)
        needed = ((table, column) for table in tables for column in INDISPENSABLE.get(table, ()))
        return tuple(f"{table}.{column}" for table, column in needed if column not in columns.get(table, ()))

    def done_in(self, rows: Mapping[tuple[str, str], Row | None]) -> bool:
        """Whether `rows` (present rows by table and key, None for absent) already hold all of this change."""
        return all(is_written(write, rows.get((write.table, write.key))) for write in self.writes)


def cell_value(column: str, cell: str | None) -> str | None:
    """The cell as comparisons read it: JSON `null` is NULL, in each column that may hold JSON.

    Where a migration added a column to main, Dolt's merge changes each NULL of a JSON column to `null`, in the rows that the
    branch changed (seen on Dolt 2.3.1).
    """
    return None if cell == "null" and column not in NOT_JSON else cell


def same_cell(column: str, left: str | None, right: str | None) -> bool:
    """Equality of two cells across the forms a server may answer: exact text, same number, same moment or same JSON."""
    left, right = cell_value(column, left), cell_value(column, right)
    if left == right:
        return True
    if left is None or right is None:
        return False
    if column.endswith(("_at", "_seen")):
        moment = read_time(left)
        return moment is not None and moment == read_time(right)
    try:
        return bool(json.loads(left) == json.loads(right))
    except (ValueError, RecursionError):
        return False


def canonical_cell(column: str, cell: str | None) -> str:
    """One text for all forms of a cell that `same_cell` holds equal."""
    value = cell_value(column, cell)
    if value is None:
        return "NULL"
    if column.endswith(("_at", "_seen")):
        moment = read_time(value)
        return f"={value}" if moment is None else f"time {moment.isoformat()}"
    try:
        return f"json {json.dumps(_plain_json(json.loads(value)), sort_keys=True)}"
    except (ValueError, RecursionError):
        return f"={value}"


def _plain_json(value: object) -> object:
    """JSON in which numbers that are equal are written alike: true is 1, as a server may answer it, and 1.0 is 1."""
    match value:
        case bool():
            return int(value)
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_plain_json(each) for each in value]
        case dict():
            return {key: _plain_json(each) for key, each in value.items()}
        case _:
            return value


def same_row(left: Row | None, right: Row | None) -> bool:
    """Whether two states of a row, None for absent, hold the same cells."""
    if left is None or right is None:
        return left is right
    return all(
        same_cell(column, left.get(column), right.get(column)) for column in dict.fromkeys((*left.columns, *right.columns))
    )


def is_written(write: RowWrite, row: Row | None) -> bool:
    """Whether `row` (as it stands, None for absent) is what `write` would leave behind."""
    if write.write is Write.DELETE:
        return row is None
    return row is not None and all(same_cell(column, row.get(column), value) for column, value in write.cells.cells)


def is_untouched(write: RowWrite, row: Row | None) -> bool:
    """Whether `row` still meets the guard of `write`."""
    if write.write is Write.INSERT:
        return row is None
    return row is not None and all(same_cell(column, row.get(column), value) for column, value in write.guard.cells)
