"""GitLab's API v4: what it says about a merge request or a commit.

Endpoints and fields: GitLab REST API documentation.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final
from urllib.parse import quote

from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, kept, unknown
from bot.evidence.kinds import Evidence, Kind
from bot.model.evidence import Seen

HEADERS: Final = (("Accept", "application/json"),)


def inquire(evidence: Evidence) -> Inquiry | None:
    """The questions about a piece of evidence; None if GitLab has no say about its kind."""
    match evidence.kind:
        case Kind.GITLAB_MERGE_REQUEST:
            return _merge_request(evidence)
        case Kind.GITLAB_COMMIT:
            return _commit(evidence)
        case _:
            return None


def _project(evidence: Evidence) -> Generator[Ask, Reply, tuple[str, Doc]]:
    """Path of a project everybody may see, and the project. One that is private, gone or misspelt answers 404, all alike."""
    path = f"/projects/{quote(evidence.repo, safe='')}"
    reply = yield Ask(path)
    if reply.missing:
        raise unknown("not_visible")
    if reply.doc.text("visibility") not in ("", "public"):
        # Left out for whoever is not signed in.
        raise unknown("not_visible")
    return path, reply.doc


def _common(evidence: Evidence, project: Doc) -> tuple[tuple[str, str], ...]:
    name = project.text("path_with_namespace")
    renamed = name if name and name.lower() != evidence.repo else ""
    return ("repo", (name or evidence.repo).lower()), ("renamed_to", renamed)


def _merge_request(evidence: Evidence) -> Inquiry:
    path, project = yield from _project(evidence)
    reply = yield Ask(f"{path}/merge_requests/{evidence.name}")
    if reply.missing:
        # A public project may keep its merge requests to its members; then the list is refused too.
        listed = yield Ask(f"{path}/merge_requests", (("per_page", "1"),))
        if listed.missing:
            raise unknown("not_visible")
        return Found(seen=Seen.DEAD, reason="no_such_pull", facts=kept(*_common(evidence, project)))
    doc = reply.doc
    state, target = doc.need("state"), doc.need("target_branch")
    match state:
        case "merged" if target != project.need("default_branch"):
            seen, reason = Seen.SUSPICIOUS, "side_branch"
        case "merged" if doc.text("changes_count") == "0":
            seen, reason = Seen.SUSPICIOUS, "empty_diff"
        case "merged":
            seen, reason = Seen.VERIFIED, "merged"
        case "opened" | "locked":
            seen, reason = Seen.SUSPICIOUS, "not_merged"
        case "closed":
            seen, reason = Seen.SUSPICIOUS, "closed_unmerged"
        case _:
            raise Strange("`state` is none we know")
    facts = kept(
        ("state", "open" if state == "opened" else state),
        ("title", doc.text("title")),
        ("author", doc.text("author.username")),
        ("merged_by", doc.text("merge_user.username") or doc.text("merged_by.username")),
        ("merged_at", doc.when("merged_at")),
        ("created_at", doc.when("created_at")),
        # A text, because GitLab stops counting: "1000+".
        ("files", doc.text("changes_count")),
        ("into", target),
        ("commit", doc.text("merge_commit_sha") or doc.text("squash_commit_sha") if state == "merged" else ""),
        ("draft", "yes" if doc.is_true("draft") else ""),
        *_common(evidence, project),
    )
    return Found(seen=seen, reason=reason, facts=facts)


def _commit(evidence: Evidence) -> Inquiry:
    """Forks share their objects with the parent here too: a commit must be contained in the default branch."""
    path, project = yield from _project(evidence)
    reply = yield Ask(f"{path}/repository/commits/{evidence.name}")
    if reply.missing:
        return Found(seen=Seen.DEAD, reason="no_such_commit", facts=kept(*_common(evidence, project)))
    sha, default = reply.doc.sha("id"), project.need("default_branch")
    if not sha.startswith(evidence.name):
        raise Strange("another commit than the one asked for")
    facts = (
        ("title", reply.doc.text("title")),
        ("author", reply.doc.text("author_name")),
        ("created_at", reply.doc.when("committed_date")),
        *_common(evidence, project),
    )

    def found(seen: Seen, reason: str, *more: tuple[str, str]) -> Found:
        return Found(seen=seen, reason=reason, facts=kept(*more, *facts), name=sha)

    # Contained if the commit is its own merge base with the branch: one question, however many branches there are.
    base = yield Ask(f"{path}/repository/merge_base", (("refs[]", default), ("refs[]", sha)))
    if not base.missing and base.doc.sha("id") == sha:
        return found(Seen.VERIFIED, "contained", ("on", default))
    requests = yield Ask(f"{path}/repository/commits/{sha}/merge_requests")
    merged = () if requests.missing else tuple(r for r in requests.doc.items() if _is_merged(r, default))
    for request in merged:
        if sha in (request.text("sha"), request.text("merge_commit_sha"), request.text("squash_commit_sha")):
            more = ("pull", request.count("iid")), ("merged_at", request.when("merged_at"))
            return found(Seen.VERIFIED, "merged_by_pull", *more)
    refs = yield Ask(f"{path}/repository/commits/{sha}/refs", (("type", "branch"), ("per_page", "1")))
    branch = "" if refs.missing or not refs.doc.items() else refs.doc.items()[0].text("name")
    if branch or merged:
        return found(Seen.SUSPICIOUS, "not_on_default", ("on", branch), ("pull", merged[0].count("iid") if merged else ""))
    return found(Seen.SUSPICIOUS, "impostor_commit")


def _is_merged(request: Doc, default: str) -> bool:
    return request.text("state") == "merged" and request.text("target_branch") == default
