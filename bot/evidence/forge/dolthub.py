"""DoltHub's API v2: what it says about a pull or a commit of a database.

Paths and fields: DoltHub API v2 contract. That a commit of a database is in `dolt_log` of main, or at least in `dolt_commits`:
Dolt's SQL reference.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final

from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, kept, unknown
from bot.evidence.kinds import Evidence, Kind
from bot.model.evidence import Seen

HEADERS: Final = (("Accept", "application/json"),)
MAIN: Final = "main"
_HASH: Final = re.compile(r"[0-9a-v]{32}")


def inquire(evidence: Evidence) -> Inquiry | None:
    """The questions about a piece of evidence; None if DoltHub has no say about its kind."""
    match evidence.kind:
        case Kind.DOLTHUB_PULL:
            return _pull(evidence)
        case Kind.DOLTHUB_COMMIT:
            return _commit(evidence)
        case _:
            return None


def _database(evidence: Evidence) -> Generator[Ask, Reply, None]:
    """A private database answers 404 to whoever may not see it (contract, getDatabase)."""
    reply = yield Ask(f"/databases/{evidence.repo}")
    if reply.missing:
        raise unknown("not_visible")


def _pull(evidence: Evidence) -> Inquiry:
    reply = yield Ask(f"/databases/{evidence.repo}/pulls/{evidence.name}")
    if reply.missing:
        yield from _database(evidence)
        return Found(seen=Seen.DEAD, reason="no_such_pull", facts=kept(("repo", evidence.repo)))
    doc = reply.doc.at("data")
    state, into = doc.need("state").lower(), doc.need("to_branch.branch_name")
    match state:
        case "merged" if into != MAIN:
            seen, reason = Seen.SUSPICIOUS, "side_branch"
        case "merged":
            seen, reason = Seen.VERIFIED, "merged"
        case "open":
            seen, reason = Seen.SUSPICIOUS, "not_merged"
        case "closed":
            seen, reason = Seen.SUSPICIOUS, "closed_unmerged"
        case _:
            raise Strange("`state` is none we know")
    facts = kept(
        ("state", state),
        ("title", doc.text("title")),
        ("author", doc.text("creator")),
        ("created_at", doc.when("created_at")),
        ("into", into),
        ("repo", evidence.repo),
    )
    return Found(seen=seen, reason=reason, facts=facts)


def _commit(evidence: Evidence) -> Inquiry:
    if not _HASH.fullmatch(evidence.name):
        raise ValueError("a commit's name must be a hash: it stands in a query")
    yield from _database(evidence)
    columns = "commit_hash, committer, date, message"
    on_main = yield from _row(evidence, f"SELECT {columns} FROM dolt_log('{MAIN}') WHERE commit_hash = '{evidence.name}'")  # noqa: S608
    row = on_main or (
        yield from _row(evidence, f"SELECT {columns} FROM dolt_commits WHERE commit_hash = '{evidence.name}'")  # noqa: S608
    )
    if row is None:
        return Found(seen=Seen.DEAD, reason="no_such_commit", facts=kept(("repo", evidence.repo)))
    facts = kept(
        ("title", row.first_line("message")),
        ("author", row.text("committer")),
        ("on", MAIN if on_main is not None else ""),
        ("repo", evidence.repo),
    )
    if on_main is None:
        return Found(seen=Seen.SUSPICIOUS, reason="not_on_default", facts=facts)
    return Found(seen=Seen.VERIFIED, reason="contained", facts=facts)


def _row(evidence: Evidence, query: str) -> Generator[Ask, Reply, Doc | None]:
    """The one row of a read at main. Trouble with the SQL is a 200 with another `status` (contract, QueryResult)."""
    reply = yield Ask(f"/databases/{evidence.repo}/sql", (("ref", MAIN), ("q", query)))
    if reply.missing:
        raise unknown("not_visible")
    result = reply.doc.at("data")
    if result.need("status").lower() != "success":
        raise unknown("transient")
    names = [column.need("name") for column in result.items("columns")]
    rows = result.items("rows")
    if not rows:
        return None
    return Doc(dict(zip(names, (cell.value for cell in rows[0].items()), strict=False)))
