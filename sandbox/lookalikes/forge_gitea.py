"""What the API of Gitea and Forgejo answers about the made-up repositories, as values.

The shapes are from memory of the public API documentation, cut down to the fields a reader of evidence needs; they are not
recordings. The words of the refusals, and that a renamed repository redirects to its new name, are from memory too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.lookalikes.forge_github import Answer
from sandbox.lookalikes.forge_seed import LONG_AGO, REPOS, Day, SeedPull, SeedRepo, sha

_NOT_FOUND: Answer = (404, {"message": "The target couldn't be found.", "errors": [], "url": "/api/swagger"})


def gitea(path: str, _query: Mapping[str, str], day: Day, *, signed_in: bool) -> Answer:
    """The answer to a GET below `/api/v1`. `signed_in`: private repositories are seen too."""
    match = re.fullmatch(r"/repos/([\w.-]+/[\w.-]+)(/.*)?", path)
    if match is None:
        return _NOT_FOUND
    name, rest = match[1].lower(), match[2] or ""
    for known_as, each in REPOS.items():
        if each.was == name:
            return f"/repos/{known_as}{rest}"
        if known_as == name and (signed_in or not each.private):
            return _repository(name, each, rest, day)
    return _NOT_FOUND


def _repository(name: str, repo: SeedRepo, rest: str, day: Day) -> Answer:
    match rest.strip("/").split("/"):
        case [""]:
            return 200, _about(name, repo)
        case ["pulls", number]:
            pull = repo.pulls.get(int(number))
            return (200, _pull(name, repo, int(number), pull, day)) if pull else _NOT_FOUND
        case ["git", "commits", asked]:
            found = repo.commit(asked)
            if found is None:
                return _NOT_FOUND
            word, commit = found
            made = {"message": commit.title, "committer": {"name": commit.author.title(), "date": day.done(commit)}}
            return 200, {"sha": sha(word), "created": day.done(commit), "commit": made, "author": {"login": commit.author}}
        case ["compare", span]:
            found = repo.commit(span.rpartition("...")[2])
            return _NOT_FOUND if found is None else (200, {"total_commits": 0 if found[1].on == "main" else 1, "commits": []})
        case ["commits", asked, "pull"]:
            found = repo.commit(asked)
            pulls = found[1].pulls if found else ()
            return (200, _pull(name, repo, pulls[0], repo.pulls[pulls[0]], day)) if pulls else _NOT_FOUND
        case ["branches"]:
            tips = {commit.on: word for word, commit in repo.commits.items() if commit.tip}
            return 200, [{"name": each, "commit": {"id": sha(tips.get(each, "old"))}} for each in repo.branches]
    return _NOT_FOUND


def _about(name: str, repo: SeedRepo) -> dict[str, Any]:
    times = {"created_at": "2024-05-06T07:08:09Z", "updated_at": LONG_AGO}
    return {"full_name": name, "private": repo.private, "default_branch": "main", "has_pull_requests": True, **times}


def _pull(name: str, repo: SeedRepo, number: int, pull: SeedPull, day: Day) -> dict[str, Any]:
    merged = pull.state == "merged"
    return {
        "number": number,
        "title": pull.title,
        "state": "open" if pull.state == "open" else "closed",
        "merged": merged,
        "merged_at": day.done(pull) if merged else None,
        "merged_by": {"login": pull.merged_by} if merged else None,
        "merge_commit_sha": sha(pull.commit or f"merge-{number}") if merged else None,
        "user": {"login": pull.author},
        "created_at": day.opened(pull),
        "changed_files": pull.files,
        "additions": pull.files * 10,
        "deletions": pull.files,
        "head": {"sha": sha(pull.head or f"head-{number}")},
        "base": {"ref": pull.base, "repo": _about(name, repo)},
    }
