"""The branch's commits name what the pull brings, and nothing else.

A merge takes the commits along with the rows, and what a commit says stays in the history of main. Commits are called after
what they do: `wl <verb>: <id>` or `Register rig: <handle>`, or they end in `-- wl <verb>: <id>` (wl internal/backend;
Kilo-Org/cloud, packages/wl-sdk); a write over DoltHub's API is called by its statement. Where such a name tells of rows that
the pull does not change, something was written and taken back, or the commit is not what it says. Only what commits say is
read here, and anybody can say anything: the verdict rests on the rows. Whether a commit is signed DoltHub does not tell in an
answer to SQL (Dolt docs, `dolt_log`), and a commit made over its API never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.rulebook import Commit, Finding, Level, Place, PullKind, Snapshot, quote, rule, short

_NAMED = re.compile(
    r"^wl (?P<verb>[a-z-]+): (?P<id>[^ ]+)(?: — .*)?$|^Register rig: (?P<rig>[^ ]+)$|-- wl (?P<end>[a-z-]+): (?P<on>[^ ]+)\s*$",
    re.DOTALL,
)
_STATEMENT = re.compile(
    r"^(?:Run SQL query: )?\s*(?:INSERT(?: IGNORE)? INTO|REPLACE INTO|UPDATE|DELETE FROM|(?:CREATE|ALTER|DROP|TRUNCATE) TABLE"
    r"(?: IF (?:NOT )?EXISTS)?)\s+`?(?P<table>[A-Za-z_][A-Za-z0-9_]*)`?",
    re.IGNORECASE,
)
_ITEM_VERBS = frozenset({"post", "update", "delete", "claim", "unclaim", "done"})
_COMMITS_MAX = 200
_NAMED_MAX = 3


@rule(
    Level.NOTE,
    label="Commits",
    asks="The messages of the commits agree with the rows",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.POST, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK),
    formerly="commits_tell_what_they_bring",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    tables, about = set(pull.changes.tables), {change.key for change in pull.changes.rows} | set(pull.item_ids)
    elsewhere: dict[str, list[Commit]] = {}
    for commit in (pull.commits or ())[:_COMMITS_MAX]:
        if not commit.is_merge and (what := _names_others(commit.message, tables, about)):
            elsewhere.setdefault(what, []).append(commit)
    for what, commits in elsewhere.items():
        named = ", ".join(short(commit) for commit in commits[:_NAMED_MAX])
        more = f" and {len(commits) - _NAMED_MAX} more" if len(commits) > _NAMED_MAX else ""
        one = len(commits) == 1
        yield check.finding(
            Place("commits", commits[0].id),
            f"{'Commit' if one else 'Commits'} {named}{more} {'names' if one else 'name'} {what},"
            " and the pull changes no such row.",
            "Push the rows that are meant to a new branch from main, if that should not be in its history",
        )


def _names_others(message: str, tables: set[str], about: set[str]) -> str:
    """What a commit's message names that the pull does not change, if anything."""
    named = _NAMED.search(message.strip())
    if named is not None:
        verb, on = named["verb"] or named["end"] or "", named["id"] or named["on"] or named["rig"]
        if on not in about:
            return quote(f"wl {verb}: {on}" if verb else f"Register rig: {on}")
        if verb and verb not in _ITEM_VERBS:
            return f"a decision, {quote(f'wl {verb}: {on}')}"
        return ""
    written = _STATEMENT.match(message)
    return f"table {quote(written['table'])}" if written is not None and written["table"] not in tables else ""
