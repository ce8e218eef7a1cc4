"""DoltHub's API v2: what it says about a pull or a commit of a database.

Paths and fields: DoltHub API v2 contract. That a commit of a database is in `dolt_log` of main, or at least in `dolt_commits`:
Dolt's SQL reference.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace
from typing import Final

from bot.evidence.forge.descriptor import Descriptor
from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, judge_pull, kept, unknown
from bot.evidence.kind import NUMBER, Evidence, Kind, patterns
from bot.model.evidence import Seen

MAIN: Final = "main"
PUBLIC_HOST: Final = "www.dolthub.com"
_HASH: Final = re.compile(r"[0-9a-v]{32}")
_DATABASE: Final = r"(?P<repo>[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127})"


def _database(evidence: Evidence) -> Generator[Ask, Reply, None]:
    """A private database answers 404 to accounts that may not see it (contract, getDatabase)."""
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
    judged = judge_pull(state, into, MAIN)
    facts = kept(
        ("state", state),
        ("title", doc.text("title")),
        ("author", doc.text("creator")),
        ("created_at", doc.when("created_at")),
        ("into", into),
        ("repo", evidence.repo),
    )
    return replace(judged, facts=facts)


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


def _same_but_for_case(one: Evidence, other: Evidence) -> bool:
    """DoltHub does not say whether names of databases differ in case, so that two of one spelling count as one."""
    return one.kind is other.kind and one.host == PUBLIC_HOST and one.key.lower() == other.key.lower()


PULL = Kind(
    code="dolthub_pull",
    label="DoltHub pull",
    key="dolthub:pr:{site}{repo}#{name}",
    url="{host}/repositories/{repo}/pulls/{name}",
    paths=patterns(rf"/(?:repositories|api/v2/databases)/{_DATABASE}/pulls/{NUMBER}(?:/.*)?"),
    same=_same_but_for_case,
)
COMMIT = Kind(
    code="dolthub_commit",
    label="DoltHub commit",
    key="dolthub:commit:{site}{repo}@{name}",
    url="{host}/repositories/{repo}/commits/{name}",
    # The address of a commit's page on DoltHub is not documented: `commits/HASH` and `commit/HASH` are INFERRED.
    paths=patterns(rf"/repositories/{_DATABASE}/commits?/(?P<name>{_HASH.pattern})"),
    same=_same_but_for_case,
)
FORGE = Descriptor(
    name="dolthub",
    inquiries={PULL: _pull, COMMIT: _commit},
    public_hosts=(PUBLIC_HOST,),
    api_path="/api/v2",
)
