"""What Bitbucket Cloud's API answers about the made-up repositories, as values.

The shapes are from memory of the public API documentation, cut down to the fields a reader of evidence needs; they are not
recordings. That the commits of a side branch are left over by `exclude` is told from its documented meaning, and the words of
the refusals are from memory. What Bitbucket answers for a repository's old name is not known: here, as if there were none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.lookalikes.forge_github import Answer
from sandbox.lookalikes.forge_seed import REPOS, Day, SeedPull, SeedRepo, sha

_STATES = {"merged": "MERGED", "open": "OPEN", "closed": "DECLINED"}


def bitbucket(path: str, query: Mapping[str, str], day: Day, *, signed_in: bool) -> Answer:
    """The answer to a GET below `/2.0`. `signed_in`: private repositories are seen too."""
    match = re.fullmatch(r"/repositories/([\w.-]+/[\w.-]+)(/.*)?", path)
    name = match[1].lower() if match else ""
    repo = REPOS.get(name)
    if match is None or repo is None or (repo.private and not signed_in):
        return _missing(f"Repository {name} not found")
    match (match[2] or "").strip("/").split("/"):
        case [""]:
            return 200, {"full_name": name, "is_private": repo.private, "mainbranch": {"type": "branch", "name": "main"}}
        case ["pullrequests", number]:
            pull = repo.pulls.get(int(number))
            return (200, _pull(int(number), pull, day)) if pull else _missing(f"Pull request {number} not found")
        case ["commit", asked]:
            return _commit(repo, asked, day)
        case ["commits", asked]:
            found = repo.commit(asked)
            if found is None:
                return _missing(f"Commit not found: {asked}")
            contained = found[1].on == "main" and query.get("exclude") == "main"
            return 200, {"pagelen": 1, "values": [] if contained else [{"hash": sha(found[0])}]}
        case ["refs", "branches"]:
            asked = query.get("q", "").removeprefix('target.hash="').removesuffix('"')
            found = repo.commit(asked) if len(asked) == 40 else None
            return 200, {"values": [{"name": found[1].on}] if found and found[1].on and found[1].tip else []}
    return _missing("Resource not found")


def _missing(says: str) -> Answer:
    return 404, {"type": "error", "error": {"message": says}}


def _millis(moment: str) -> str:
    return moment.replace("Z", ".000000+00:00")


def _person(name: str) -> dict[str, str]:
    return {"nickname": name, "display_name": name.title(), "type": "user"}


def _pull(number: int, pull: SeedPull, day: Day) -> dict[str, Any]:
    merged = pull.state == "merged"
    return {
        "id": number,
        "title": pull.title,
        "state": _STATES[pull.state],
        "author": _person(pull.author),
        "closed_by": _person(pull.merged_by) if merged else None,
        "created_on": _millis(day.opened(pull)),
        "updated_on": _millis(day.done(pull)),
        "source": {"commit": {"hash": sha(pull.head or f"head-{number}")[:12]}},
        "destination": {"branch": {"name": pull.base}},
        "merge_commit": {"hash": sha(pull.commit or f"merge-{number}")[:12]} if merged else None,
    }


def _commit(repo: SeedRepo, asked: str, day: Day) -> Answer:
    found = repo.commit(asked)
    if found is None:
        return _missing(f"Commit not found: {asked}")
    word, commit = found
    return 200, {
        "hash": sha(word),
        "message": commit.title,
        "date": _millis(day.done(commit)),
        "author": {"raw": f"{commit.author.title()} <{commit.author}@example.org>", "user": _person(commit.author)},
    }
