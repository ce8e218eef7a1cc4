"""GitLab's API v4: what it says about a merge request or a commit.

Endpoints and fields: GitLab REST API documentation.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from bot.evidence.forge.descriptor import Descriptor
from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, about_repository, judge_pull, kept, unknown
from bot.evidence.kind import HASH, NUMBER, RAW, Evidence, Kind, both_folded, patterns, repo_folded, same_hash, spelled_by_hash
from bot.model.evidence import Seen

_REPO: Final = r"(?P<repo>[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}){1,20})"


def _project(evidence: Evidence) -> Generator[Ask, Reply, tuple[str, Doc]]:
    """Path of a public project, and the project. One that is private, gone or misspelt answers 404, all alike."""
    path = f"/projects/{quote(evidence.repo, safe='')}"
    reply = yield Ask(path)
    if reply.missing:
        raise unknown("not_visible")
    if reply.doc.text("visibility") not in ("", "public"):
        # Left out for clients that are not signed in.
        raise unknown("not_visible")
    return path, reply.doc


def _merge_request(evidence: Evidence) -> Inquiry:
    path, project = yield from _project(evidence)
    reply = yield Ask(f"{path}/merge_requests/{evidence.name}")
    if reply.missing:
        # A public project may keep its merge requests to its members; then the list is refused too.
        listed = yield Ask(f"{path}/merge_requests", (("per_page", "1"),))
        if listed.missing:
            raise unknown("not_visible")
        return Found(
            seen=Seen.DEAD, reason="no_such_pull", facts=kept(*about_repository(evidence, project.text("path_with_namespace")))
        )
    doc = reply.doc
    state, target = doc.need("state"), doc.need("target_branch")
    plain = "open" if state in ("opened", "locked") else state
    judged = judge_pull(plain, target, project.text("default_branch"), doc.text("changes_count"))
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
        *about_repository(evidence, project.text("path_with_namespace")),
    )
    return replace(judged, facts=facts)


def _commit(evidence: Evidence) -> Inquiry:
    """Forks share their objects with the parent here too: a commit must be contained in the default branch."""
    path, project = yield from _project(evidence)
    reply = yield Ask(f"{path}/repository/commits/{evidence.name}")
    if reply.missing:
        return Found(
            seen=Seen.DEAD,
            reason="no_such_commit",
            facts=kept(*about_repository(evidence, project.text("path_with_namespace"))),
        )
    sha, default = reply.doc.sha("id"), project.need("default_branch")
    if not sha.startswith(evidence.name):
        raise Strange("another commit than the one asked for")
    facts = (
        ("title", reply.doc.text("title")),
        ("author", reply.doc.text("author_name")),
        ("created_at", reply.doc.when("committed_date")),
        *about_repository(evidence, project.text("path_with_namespace")),
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


MERGE_REQUEST = Kind(
    code="gitlab_merge_request",
    label="GitLab merge request",
    key="gitlab:mr:{site}{repo}!{name}",
    url="{host}/{repo}/-/merge_requests/{name}",
    paths=patterns(rf"/{_REPO}(?:/-)?/merge_requests/{NUMBER}(?:{RAW}|/(?:diffs|commits|pipelines|conflicts|reports)(?:/.*)?)"),
    fold=repo_folded,
)
COMMIT = Kind(
    code="gitlab_commit",
    label="GitLab commit",
    key="gitlab:commit:{site}{repo}@{name}",
    url="{host}/{repo}/-/commit/{name}",
    paths=patterns(rf"/{_REPO}(?:/-)?/commit/{HASH}(?:{RAW}|/pipelines)"),
    fold=both_folded,
    spelled=spelled_by_hash,
    same=same_hash,
)
FORGE = Descriptor(
    name="gitlab",
    inquiries={MERGE_REQUEST: _merge_request, COMMIT: _commit},
    public_hosts=("gitlab.com",),
    api_path="/api/v4",
)
