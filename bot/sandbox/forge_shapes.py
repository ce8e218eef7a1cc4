"""What GitHub's and GitLab's APIs answer about the made-up repositories, as values.

The shapes are from memory of the public API documentation, cut down to the fields a reader of evidence needs; they are not
recordings. The messages of the refusals are GitHub's and GitLab's own words, from memory too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from bot.sandbox.forge_seed import GIST, REPOS, SeedCommit, SeedPull, SeedRepo, sha

Answer = tuple[int, object] | str
"""Status and document, or where a redirect leads."""
_NOT_FOUND: Answer = (404, {"message": "Not Found"})


# --- GitHub -----------------------------------------------------------------------------------------------------------


def github(path: str, query: Mapping[str, str], signed_in: bool) -> Answer:
    if match := re.fullmatch(r"/users/([\w-]+)", path):
        known = {name.partition("/")[0] for name in REPOS}
        return (200, {"login": match[1], "type": "User"}) if match[1] in known else _NOT_FOUND
    if match := re.fullmatch(r"/gists/([0-9a-f]+)(/[0-9a-f]+)?", path):
        history = [{"version": sha("gist")}]
        gist = {"owner": {"login": "pia"}, "public": True, "description": "Notes", "history": history}
        return (200, gist | {"updated_at": "2026-01-02T03:04:05Z"}) if match[1] == GIST else _NOT_FOUND
    if match := re.fullmatch(r"/repositories/([0-9]+)(/.*)?", path):
        names = list(REPOS)
        return github(f"/repos/{names[int(match[1])]}{match[2] or ''}", query, signed_in)
    match = re.fullmatch(r"/repos/([\w.-]+/[\w.-]+)(/.*)?", path)
    if match is None:
        return _NOT_FOUND
    name, rest = match[1].lower(), match[2] or ""
    for number, (known_as, each) in enumerate(REPOS.items()):
        if each.was == name:
            return f"/repositories/{number}{rest}"
        if known_as == name and (signed_in or not each.private):
            return _github_repo(name, each, rest, query)
    return _NOT_FOUND


def _github_repo(name: str, repo: SeedRepo, rest: str, query: Mapping[str, str]) -> Answer:
    parts = rest.strip("/").split("/")
    match parts:
        case [""]:
            return 200, _github_about(name, repo)
        case ["pulls", number]:
            pull = repo.pulls.get(int(number))
            return (200, _github_pull(name, repo, int(number), pull)) if pull else _NOT_FOUND
        case ["commits", commit, *more]:
            return _github_commit(name, repo, commit, more)
        case ["compare", span]:
            compared = _commit_of(repo, span.rpartition("...")[2])
            if compared is None:
                return _NOT_FOUND
            tip = "identical" if compared[1].tip else "behind"
            return 200, {"status": tip if compared[1].on == "main" else "diverged"}
        case ["issues", number]:
            if int(number) in repo.pulls:
                return 200, {"title": repo.pulls[int(number)].title, "state": "closed", "pull_request": {"url": "…"}}
            issue = repo.issues.get(int(number))
            if issue is None:
                return _NOT_FOUND
            return (200, {"user": {"login": "pia"}, **issue}) if issue else (410, {"message": "This issue was deleted"})
        case ["releases", "tags", tag]:
            release = repo.releases.get(tag)
            more_of = {"tag_name": tag, "prerelease": False, "author": {"login": "ana"}, "published_at": "2026-01-02T03:04:05Z"}
            return (200, more_of | dict(release)) if release else _NOT_FOUND
        case ["git", "ref", "tags", tag]:
            return (200, {"ref": f"refs/tags/{tag}"}) if tag in repo.tags else _NOT_FOUND
        case ["actions", "runs", number]:
            run = repo.runs.get(int(number))
            about = {"name": "ci", "head_sha": sha("old"), "head_branch": "main", "event": "push", "actor": {"login": "pia"}}
            full = {"repository": {"full_name": name}, "head_repository": {"full_name": name}}
            return (200, about | full | dict(run)) if run else _NOT_FOUND
        case ["contents", *path]:
            known = query.get("ref") in repo.branches or query.get("ref") == sha("old")
            file = "/".join(path)
            if known and not file:
                return 200, [{"name": each} for each in repo.files]
            return (200, {"type": "file", "path": file, "size": 120}) if known and file in repo.files else _NOT_FOUND
        case ["branches", branch]:
            return (200, {"name": branch}) if branch in repo.branches else _NOT_FOUND
    return _NOT_FOUND


def _github_about(name: str, repo: SeedRepo) -> dict[str, Any]:
    times = {"created_at": "2024-05-06T07:08:09Z", "pushed_at": "2026-01-02T03:04:05Z"}
    return {"full_name": name, "private": repo.private, "default_branch": "main", "description": "A town", **times}


def _github_pull(name: str, repo: SeedRepo, number: int, pull: SeedPull) -> dict[str, Any]:
    merged = pull.state == "merged"
    return {
        "number": number,
        "title": pull.title,
        "state": "open" if pull.state == "open" else "closed",
        "merged": merged,
        "merged_at": "2026-02-03T04:05:06Z" if merged else None,
        "merged_by": {"login": pull.merged_by} if merged else None,
        "merge_commit_sha": sha(pull.commit or f"merge-{number}"),
        "draft": False,
        "user": {"login": pull.author, "type": "User"},
        "created_at": "2026-02-01T00:00:00Z",
        "changed_files": pull.files,
        "additions": pull.files * 10,
        "deletions": pull.files,
        "head": {"sha": sha(pull.head or f"head-{number}")},
        "base": {"ref": pull.base, "repo": _github_about(name, repo)},
    }


def _github_commit(name: str, repo: SeedRepo, asked: str, more: list[str]) -> Answer:
    found = _commit_of(repo, asked)
    if found is None:
        return 422, {"message": f"No commit found for SHA: {asked}"}
    word, commit = found
    match more:
        case []:
            who = {"committer": {"date": "2026-02-03T04:05:06Z"}, "verification": {"verified": False}}
            return 200, {
                "sha": sha(word),
                "commit": {"message": commit.title, **who},
                "author": {"login": "pia"},
                "files": [{}],
            }
        case ["pulls"]:
            return 200, [_github_pull(name, repo, n, repo.pulls[n]) for n in commit.pulls]
        case ["branches-where-head"]:
            return 200, [{"name": commit.on}] if commit.on and commit.tip else []
    return _NOT_FOUND


def _commit_of(repo: SeedRepo, asked: str) -> tuple[str, SeedCommit] | None:
    return next(((word, c) for word, c in repo.commits.items() if sha(word).startswith(asked.lower())), None)


# --- GitLab -----------------------------------------------------------------------------------------------------------


def gitlab(path: str, query: Mapping[str, str], signed_in: bool) -> Answer:
    match = re.fullmatch(r"/projects/([^/]+)(/.*)?", path)
    name = unquote(match[1]).lower() if match else ""
    repo = REPOS.get(name)
    if match is None or repo is None or (repo.private and not signed_in):
        return 404, {"message": "404 Project Not Found"}
    match (match[2] or "").strip("/").split("/"):
        case [""]:
            seen = "private" if repo.private else "public"
            return 200, {"path_with_namespace": name, "default_branch": "main", "visibility": seen}
        case ["merge_requests"]:
            return 200, [_gitlab_request(number, pull) for number, pull in repo.pulls.items()][:1]
        case ["merge_requests", number]:
            pull = repo.pulls.get(int(number))
            return (200, _gitlab_request(int(number), pull)) if pull else (404, {"message": "404 Not found"})
        case ["repository", "merge_base"]:
            commit = _commit_of(repo, query.get("refs[]", ""))
            return 200, {"id": sha("old")} if commit is None or commit[1].on != "main" else {"id": sha(commit[0])}
        case ["repository", "commits", asked, *more]:
            return _gitlab_commit(repo, asked, more)
    return 404, {"error": "404 Not Found"}


def _gitlab_request(number: int, pull: SeedPull) -> dict[str, Any]:
    merged = pull.state == "merged"
    return {
        "iid": number,
        "title": pull.title,
        "state": "opened" if pull.state == "open" else pull.state,
        "target_branch": pull.base,
        "author": {"username": pull.author},
        "merge_user": {"username": pull.merged_by} if merged else None,
        "merged_at": "2026-02-03T04:05:06.000Z" if merged else None,
        "created_at": "2026-02-01T00:00:00.000Z",
        "changes_count": str(pull.files),
        "sha": sha(pull.head or f"head-{number}"),
        "merge_commit_sha": sha(pull.commit or f"merge-{number}") if merged else None,
        "squash_commit_sha": None,
        "draft": False,
    }


def _gitlab_commit(repo: SeedRepo, asked: str, more: list[str]) -> Answer:
    found = _commit_of(repo, asked)
    if found is None:
        return 404, {"message": "404 Commit Not Found"}
    word, commit = found
    match more:
        case []:
            date = "2026-02-03T05:05:06.000+01:00"
            return 200, {
                "id": sha(word),
                "title": commit.title.partition("\n")[0],
                "author_name": "Pia",
                "committed_date": date,
            }
        case ["merge_requests"]:
            return 200, [_gitlab_request(n, repo.pulls[n]) for n in commit.pulls]
        case ["refs"]:
            return 200, [{"type": "branch", "name": commit.on}] if commit.on else []
    return 404, {"error": "404 Not Found"}
