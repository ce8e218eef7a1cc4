"""Queries for rows of a commons, at one commit."""
# ruff: noqa: S608 - SQL is put together here; every value goes through literal(), name() or hash_literal()

from __future__ import annotations

from collections.abc import Collection, Iterable

from bot.dolthub.sql.literal import escape_like, is_among, literal, lower, name
from bot.dolthub.sql.query import NOTHING, Query, key_column, needed
from bot.model.ids import Handle, StampId, WantedId
from bot.model.ledger import KNOWN_TABLES, TERMINAL_STATUSES

AROUND_ROWS_MAX = 100
_HIDING = ("%|%%", "%/./%", "%/../%", "%://%//%")
LIKE_ROWS_MAX = 200
"""A link this common is submitted by everybody: more of them would tell nothing new."""


def columns() -> Query:
    """`table_schema, table_name, column_name` of the known tables, in column order."""
    return Query(
        "SELECT table_schema AS table_schema, table_name AS table_name, column_name AS column_name"
        " FROM information_schema.columns"
        f" WHERE {is_among('table_name', KNOWN_TABLES)} ORDER BY table_name, ordinal_position"
    )


def defaults() -> Query:
    """`table_schema, table_name, column_name, column_default` of those columns of known tables that fill themselves."""
    return Query(
        "SELECT table_schema AS table_schema, table_name AS table_name, column_name AS column_name,"
        " column_default AS column_default FROM information_schema.columns"
        f" WHERE column_default IS NOT NULL AND {is_among('table_name', KNOWN_TABLES)} ORDER BY table_name, ordinal_position"
    )


def all_rows(table: str, wanted: Iterable[str], there: Collection[str]) -> Query:
    """Every row of a known table, but only those of the wanted columns that are there; ordered by key."""
    key = key_column(table)
    shown = ", ".join(name(column) for column in dict.fromkeys((key, *wanted)) if column in there)
    return Query(f"SELECT {shown} FROM {name(table)} ORDER BY {name(key)}", paged=True, needs=needed(table, key))


def rows_by(table: str, column: str, values: Iterable[str]) -> Query:
    """Whole rows of a known table whose `column` equals one of `values`, ordered by key."""
    key, among = key_column(table), tuple(values)
    if not among:
        return NOTHING
    return Query(
        f"SELECT * FROM {name(table)} WHERE {is_among(name(column), among)} ORDER BY {name(key)}",
        paged=True,
        needs=needed(table, column, key),
        table=table,
    )


def completions_of(wanted_ids: Iterable[WantedId], ids: Iterable[str] = ()) -> Query:
    """All completions submitted for these items, and those with one of these ids."""
    items, named = tuple(wanted_ids), tuple(ids)
    if not named:
        return rows_by("completions", "wanted_id", items)
    return Query(
        f"SELECT * FROM `completions` WHERE {is_among('`wanted_id`', items)} OR {is_among('`id`', named)} ORDER BY `id`",
        paged=True,
        needs=needed("completions", "wanted_id", "id"),
        table="completions",
    )


def completions_like(spellings: Iterable[tuple[str, ...]]) -> Query:
    """Completions whose evidence holds, in any case and in this order, the pieces of one of the spellings.

    Behind them those that hold an escape, a dot segment or a doubled slash, which can hide any piece. One page: it is only a
    search for doubles.
    """
    patterns = ["%" + "%".join(escape_like(piece.lower()) for piece in pieces) + "%" for pieces in spellings if pieces]
    if not patterns:
        return NOTHING
    plain, hiding = (
        " OR ".join(f"LOWER(`evidence`) LIKE {literal(pattern)} ESCAPE '|'" for pattern in among)
        for among in (dict.fromkeys(patterns), _HIDING)
    )
    return Query(
        "SELECT `id`, `wanted_id`, `completed_by`, `evidence` FROM `completions`"
        f" WHERE {plain} OR {hiding} ORDER BY CASE WHEN {plain} THEN 0 ELSE 1 END, `id` LIMIT {LIKE_ROWS_MAX}",
        needs=needed("completions", "id", "wanted_id", "completed_by", "evidence"),
        yields=("id", "wanted_id", "completed_by", "evidence"),
    )


def rigs_around(
    handles: Iterable[Handle],
    owners: Iterable[str],
    min_trust: int | None = None,
    *,
    there: Collection[str] = ("dolthub_org", "owner_email", "parent_rig", "trust_level"),
) -> Query:
    """Rigs with these handles (in any case), of these owners, or of at least this trust, and their kin.

    Kin: same owner, same e-mail, parent, children and siblings of a rig with one of the handles. Wide on purpose: what
    kinship means is decided elsewhere. `there`: the columns of this commons, for older ones lack some.
    """
    named, owned = tuple(h for h in dict.fromkeys(handles) if h), tuple(o for o in dict.fromkeys(owners) if o)
    wanted: list[str] = []
    if named:
        these = f"FROM `rigs` WHERE {is_among('LOWER(`handle`)', (lower(h) for h in named))}"
        wanted += [
            is_among("LOWER(`handle`)", (lower(h) for h in named)),
            *(
                f"(`{c}` <> '' AND `{c}` IN (SELECT `{c}` {these}))"
                for c in ("dolthub_org", "owner_email", "parent_rig")
                if c in there
            ),
        ]
        if "parent_rig" in there:
            wanted.append(is_among("LOWER(`parent_rig`)", (lower(h) for h in named)))
            wanted.append(f"`handle` IN (SELECT `parent_rig` {these})")
    if owned and "dolthub_org" in there:
        wanted.append(is_among("LOWER(`dolthub_org`)", (lower(o) for o in owned)))
    if min_trust is not None and "trust_level" in there:
        wanted.append(f"`trust_level` >= {literal(int(min_trust))}")
    if not wanted:
        return NOTHING
    text = f"SELECT * FROM `rigs` WHERE {' OR '.join(wanted)} ORDER BY `handle`"
    return Query(text, paged=True, needs=needed("rigs", "handle"), table="rigs")


def all_rigs() -> Query:
    """Every rig: a registration is compared with all of them, for names that only look alike."""
    return Query("SELECT * FROM `rigs` ORDER BY `handle`", paged=True, needs=needed("rigs", "handle"), table="rigs")


def all_rig_links() -> Query:
    """Every link between rigs, in any status."""
    return Query("SELECT * FROM `rig_links` ORDER BY `id`", paged=True, needs=needed("rig_links", "id"), table="rig_links")


def stamps_for(context_ids: Iterable[str], stamp_ids: Iterable[StampId]) -> Query:
    """Stamps about one of these contexts, or with one of these ids."""
    contexts, ids = tuple(dict.fromkeys(context_ids)), tuple(dict.fromkeys(stamp_ids))
    if not contexts and not ids:
        return NOTHING
    return Query(
        f"SELECT * FROM `stamps` WHERE {is_among('`context_id`', contexts)} OR {is_among('`id`', ids)} ORDER BY `id`",
        paged=True,
        needs=needed("stamps", "id", "context_id"),
        table="stamps",
    )


def record_of(handle: Handle) -> Query:
    """`quality, stamps`: how often a worker got which quality, as JSON text, for some are words (wire.read_record)."""
    return Query(
        "SELECT JSON_EXTRACT(`valence`, '$.quality') AS quality, COUNT(*) AS stamps FROM `stamps`"
        f" WHERE `subject` = {literal(handle)} GROUP BY JSON_EXTRACT(`valence`, '$.quality')",
        needs=needed("stamps", "subject", "valence"),
        yields=("quality", "stamps"),
    )


def latest_ratings() -> Query:
    """`valence` of the latest stamps."""
    return Query(
        f"SELECT `valence` FROM `stamps` ORDER BY `created_at` DESC, `id` LIMIT {AROUND_ROWS_MAX}",
        needs=needed("stamps", "id", "valence", "created_at"),
    )


def record_elsewhere(handle: Handle, owner: str) -> Query:
    """`handle, dolthub_org, quality, stamps`: record_of() of the rig of this handle and this owner, on another commons.

    Whoever reads it compares the first two once more: whether `=` tells cases apart depends on a table's collation.
    """
    return Query(
        "SELECT r.`handle` AS handle, r.`dolthub_org` AS dolthub_org,"
        " JSON_EXTRACT(s.`valence`, '$.quality') AS quality, COUNT(*) AS stamps"
        " FROM `stamps` AS s JOIN `rigs` AS r ON r.`handle` = s.`subject`"
        f" WHERE s.`subject` = {literal(handle)} AND r.`dolthub_org` = {literal(owner)}"
        " GROUP BY r.`handle`, r.`dolthub_org`, JSON_EXTRACT(s.`valence`, '$.quality')",
        needs=(*needed("stamps", "subject", "valence"), *needed("rigs", "handle", "dolthub_org")),
    )


def tallies_around(handle: Handle) -> Query:
    """`author, subject, stamps, valences, confidence, last_at` by pair: of a worker, of its stampers, and of theirs."""
    worker = literal(handle)
    return Query(
        "SELECT `author`, `subject`, COUNT(*) AS stamps, COUNT(DISTINCT CAST(`valence` AS CHAR)) AS valences,"
        " AVG(`confidence`) AS confidence, MAX(`created_at`) AS last_at FROM `stamps`"
        f" WHERE `author` = {worker} OR `subject` = {worker}"
        f" OR `author` IN (SELECT s.`author` FROM `stamps` AS s WHERE s.`subject` = {worker})"
        f" GROUP BY `author`, `subject` ORDER BY `author`, `subject` LIMIT {AROUND_ROWS_MAX}",
        needs=needed("stamps", "author", "subject", "valence", "confidence", "created_at"),
        yields=("author", "subject", "stamps", "valences", "confidence", "last_at"),
    )


def claims_of(handle: Handle) -> Query:
    """`id, title, status, claimed_by, updated_at` of items a rig holds claimed."""
    return Query(
        "SELECT `id`, `title`, `status`, `claimed_by`, `updated_at` FROM `wanted`"
        f" WHERE `claimed_by` = {literal(handle)} AND `status` = 'claimed' ORDER BY `id` LIMIT {AROUND_ROWS_MAX}",
        needs=needed("wanted", "id", "title", "status", "claimed_by", "updated_at"),
        yields=("id", "title", "status", "claimed_by", "updated_at"),
    )


def latest_completions_of(handle: Handle) -> Query:
    """`id, wanted_id, completed_by, completed_at` of a rig's latest completions, newest first."""
    return Query(
        "SELECT `id`, `wanted_id`, `completed_by`, `completed_at` FROM `completions`"
        f" WHERE `completed_by` = {literal(handle)} ORDER BY `completed_at` DESC, `id` LIMIT {AROUND_ROWS_MAX}",
        needs=needed("completions", "id", "wanted_id", "completed_by", "completed_at"),
        yields=("id", "wanted_id", "completed_by", "completed_at"),
    )


def items_titled(titles: Iterable[str]) -> Query:
    """`id, title, status, posted_by` of items with one of these titles, in any case."""
    folded = tuple(dict.fromkeys(lower(title.strip()) for title in titles if title.strip()))
    if not folded:
        return NOTHING
    return Query(
        "SELECT `id`, `title`, `status`, `posted_by` FROM `wanted`"
        f" WHERE {is_among('LOWER(TRIM(`title`))', folded)} ORDER BY `id` LIMIT {AROUND_ROWS_MAX}",
        needs=needed("wanted", "id", "title", "status", "posted_by"),
        yields=("id", "title", "status", "posted_by"),
    )


def open_completions() -> Query:
    """Completions on main that are not finished, with `item_status`.

    In review and unstamped; a stamp about them that they do not link; a link whose item is not in a terminal status.
    """
    ended = ", ".join(literal(status) for status in sorted(TERMINAL_STATUSES))
    return Query(
        "SELECT c.*, w.`status` AS item_status FROM `completions` AS c LEFT JOIN `wanted` AS w ON w.`id` = c.`wanted_id`"
        " WHERE (c.`stamp_id` IS NULL AND (w.`status` = 'in_review'"
        " OR c.`id` IN (SELECT s.`context_id` FROM `stamps` AS s WHERE s.`context_id` IS NOT NULL)))"
        f" OR (c.`stamp_id` IS NOT NULL AND w.`status` NOT IN ({ended}))"
        " ORDER BY c.`id`",
        paged=True,
        needs=(
            *needed("completions", "id", "wanted_id", "stamp_id"),
            *needed("wanted", "id", "status"),
            *needed("stamps", "context_id"),
        ),
    )
