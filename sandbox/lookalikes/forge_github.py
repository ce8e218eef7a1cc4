"""What GitHub's API answers about the made-up repositories, as values.

The shapes are from memory of the public API documentation, cut down to the fields a reader of evidence needs; they are not
recordings. The messages of the refusals are GitHub's own words, from memory too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.lookalikes.forge_seed import GIST, LONG_AGO, REPOS, Day, SeedPull, SeedRepo, sha

Answer = tuple[int, object] | str
"""Status and document, or where a redirect leads."""
_NOT_FOUND: Answer = (404, {"message": "Not Found"})


def github(path: str, query: Mapping[str, str], day: Day, *, signed_in: bool) -> Answer:
    """The answer to a GET below `/api/v3`. `signed_in`: private repositories are seen too."""
    if match := re.fullmatch(r"/users/([\w-]+)", path):
        known = {name.partition("/")[0] for name in REPOS}
        return (200, {"login": match[1], "type": "User"}) if match[1] in known else _NOT_FOUND
    if match := re.fullmatch(r"/gists/([0-9a-f]+)(/[0-9a-f]+)?", path):
        history = [{"version": sha("gist")}]
        gist = {"owner": {"login": "pia"}, "public": True, "description": "Notes", "history": history}
        return (200, gist | {"updated_at": LONG_AGO}) if match[1] == GIST else _NOT_FOUND
    if match := re.fullmatch(r"/repositories/([0-9]{1,4})(/.*)?", path):
        names = list(REPOS)
        return (
            github(f"/repos/{names[int(match[1])]}{match[2] or ''}", query, day, signed_in=signed_in)
            if int(match[1]) < len(names)
            else _NOT_FOUND
        )
    match = re.fullmatch(r"/repos/([\w.-]+/[\w.-]+)(/.*)?", path)
    if match is None:
        return _NOT_FOUND
    name, rest = match[1].lower(), match[2] or ""
    for number, (known_as, each) in enumerate(REPOS.items()):
        if each.was == name:
            return f"/repositories/{number}{rest}"
        if known_as == name and (signed_in or not each.private):
            return _repository(name, each, rest, query, day)
    return _NOT_FOUND


def _repository(name: str, repo: SeedRepo, rest: str, query: Mapping[str, str], day: Day) -> Answer:
    match rest.strip("/").split("/"):
        case [""]:
            return 200, _about(name, repo)
        case ["pulls", number]:
            pull = repo.pulls.get(int(number))
            return (200, _pull(name, repo, int(number), pull, day)) if pull else _NOT_FOUND
        case ["commits", commit, *more]:
            return _commit(name, repo, commit, more, day)
        case ["compare", span]:
            compared = repo.commit(span.rpartition("...")[2])
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
            published = day.at(repo.published_h, LONG_AGO)
            about = {
                "tag_name": tag,
                "draft": False,
                "prerelease": False,
                "author": {"login": "ana"},
                "published_at": published,
            }
            return (200, about | dict(release)) if release else _NOT_FOUND
        case ["git", "ref", "tags", tag]:
            return (200, {"ref": f"refs/tags/{tag}"}) if tag in repo.tags else _NOT_FOUND
        case ["actions", "runs", number]:
            run = repo.runs.get(int(number))
            about = {"name": "ci", "head_sha": sha("old"), "head_branch": "main", "event": "push", "actor": {"login": "pia"}}
            full = {"repository": {"full_name": name}, "head_repository": {"full_name": name}}
            return (200, about | full | {"created_at": day.at(repo.run_h, LONG_AGO)} | dict(run)) if run else _NOT_FOUND
        case ["contents", *path]:
            known = query.get("ref") in repo.branches or query.get("ref") == sha("old")
            file = "/".join(path)
            if known and not file:
                return 200, [{"name": each} for each in repo.files]
            return (200, {"type": "file", "path": file, "size": 120}) if known and file in repo.files else _NOT_FOUND
        case ["branches", branch]:
            return (200, {"name": branch}) if branch in repo.branches else _NOT_FOUND
    return _NOT_FOUND


def _about(name: str, repo: SeedRepo) -> dict[str, Any]:
    times = {"created_at": "2024-05-06T07:08:09Z", "pushed_at": LONG_AGO}
    return {"full_name": name, "private": repo.private, "default_branch": "main", "description": "A town", **times}


def _pull(name: str, repo: SeedRepo, number: int, pull: SeedPull, day: Day) -> dict[str, Any]:
    merged = pull.state == "merged"
    return {
        "number": number,
        "title": pull.title,
        "state": "open" if pull.state == "open" else "closed",
        "merged": merged,
        "merged_at": day.done(pull) if merged else None,
        "merged_by": {"login": pull.merged_by} if merged else None,
        "merge_commit_sha": sha(pull.commit or f"merge-{number}"),
        "draft": False,
        "user": {"login": pull.author, "type": "User"},
        "created_at": day.opened(pull),
        "changed_files": pull.files,
        "additions": pull.files * 10,
        "deletions": pull.files,
        "head": {"sha": sha(pull.head or f"head-{number}")},
        "base": {"ref": pull.base, "repo": _about(name, repo)},
    }


def _commit(name: str, repo: SeedRepo, asked: str, more: list[str], day: Day) -> Answer:
    found = repo.commit(asked)
    if found is None:
        return 422, {"message": f"No commit found for SHA: {asked}"}
    word, commit = found
    match more:
        case []:
            who = {"committer": {"date": day.done(commit)}, "verification": {"verified": False}}
            return 200, {
                "sha": sha(word),
                "commit": {"message": commit.title, **who},
                "author": {"login": commit.author},
                "files": [{}],
            }
        case ["pulls"]:
            return 200, [_pull(name, repo, n, repo.pulls[n], day) for n in commit.pulls]
        case ["branches-where-head"]:
            return 200, [{"name": commit.on}] if commit.on and commit.tip else []
    return _NOT_FOUND
