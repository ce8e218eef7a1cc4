"""What GitLab's API answers about the made-up repositories, as values.

The shapes are from memory of the public API documentation, cut down to the fields a reader of evidence needs; they are not
recordings. The messages of the refusals are GitLab's own words, from memory too, and so is that a project that was moved
redirects to its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from sandbox.lookalikes.forge_github import Answer
from sandbox.lookalikes.forge_seed import REPOS, Day, SeedPull, SeedRepo, sha

_NO_PROJECT: Answer = (404, {"message": "404 Project Not Found"})
_NOT_FOUND: Answer = (404, {"error": "404 Not Found"})


def gitlab(path: str, query: Mapping[str, str], day: Day, *, signed_in: bool) -> Answer:
    """The answer to a GET below `/api/v4`. `signed_in`: private projects are seen too."""
    match = re.fullmatch(r"/projects/([^/]+)(/.*)?", path)
    if match is None:
        return _NO_PROJECT
    name, names = unquote(match[1]).lower(), list(REPOS)
    moved = next((number for number, each in enumerate(REPOS.values()) if each.was == name), None)
    if moved is not None:
        return f"/projects/{moved}{match[2] or ''}"
    if re.fullmatch("[0-9]{1,4}", name) and int(name) < len(names):
        name = names[int(name)]
    repo = REPOS.get(name)
    if repo is None or (repo.private and not signed_in):
        return _NO_PROJECT
    match (match[2] or "").strip("/").split("/"):
        case [""]:
            seen = "private" if repo.private else "public"
            return 200, {"path_with_namespace": name, "default_branch": "main", "visibility": seen}
        case ["merge_requests"]:
            return 200, [_request(number, pull, day) for number, pull in repo.pulls.items()][:1]
        case ["merge_requests", number]:
            pull = repo.pulls.get(int(number))
            return (200, _request(int(number), pull, day)) if pull else (404, {"message": "404 Not found"})
        case ["repository", "merge_base"]:
            commit = repo.commit(query.get("refs[]", ""))
            return 200, {"id": sha("old")} if commit is None or commit[1].on != "main" else {"id": sha(commit[0])}
        case ["repository", "commits", asked, *more]:
            return _commit(repo, asked, more, day)
    return _NOT_FOUND


def _millis(moment: str) -> str:
    return moment.replace("Z", ".000Z")


def _request(number: int, pull: SeedPull, day: Day) -> dict[str, Any]:
    merged = pull.state == "merged"
    return {
        "iid": number,
        "title": pull.title,
        "state": "opened" if pull.state == "open" else pull.state,
        "target_branch": pull.base,
        "author": {"username": pull.author},
        "merge_user": {"username": pull.merged_by} if merged else None,
        "merged_at": _millis(day.done(pull)) if merged else None,
        "created_at": _millis(day.opened(pull)),
        "changes_count": str(pull.files),
        "sha": sha(pull.head or f"head-{number}"),
        "merge_commit_sha": sha(pull.commit or f"merge-{number}") if merged else None,
        "squash_commit_sha": None,
        "draft": False,
    }


def _commit(repo: SeedRepo, asked: str, more: list[str], day: Day) -> Answer:
    found = repo.commit(asked)
    if found is None:
        return 404, {"message": "404 Commit Not Found"}
    word, commit = found
    match more:
        case []:
            return 200, {
                "id": sha(word),
                "title": commit.title.partition("\n")[0],
                "author_name": commit.author.title(),
                "committed_date": _millis(day.done(commit)),
            }
        case ["merge_requests"]:
            return 200, [_request(n, repo.pulls[n], day) for n in commit.pulls]
        case ["refs"]:
            return 200, [{"type": "branch", "name": commit.on}] if commit.on else []
    return _NOT_FOUND
