"""The API of Gitea and Forgejo: what it says about a pull or a commit.

Endpoints and fields: Gitea API 1.21 and later, Forgejo API (`/api/swagger`), as they are publicly known; the answers of
`compare` and `commits/SHA/pull` are from memory.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from urllib.parse import quote

from bot.evidence.forge.descriptor import Descriptor
from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, about_repository, judge_pull, kept, unknown
from bot.evidence.kind import (
    HASH,
    NUMBER,
    OWNER_AND_NAME,
    RAW,
    Evidence,
    Kind,
    both_folded,
    patterns,
    repo_folded,
    same_hash,
    spelled_by_hash,
)
from bot.model.evidence import Seen


def _repository(evidence: Evidence) -> Generator[Ask, Reply, Doc]:
    reply = yield Ask(f"/repos/{evidence.repo}")
    if reply.missing or reply.doc.truth("private"):
        raise unknown("not_visible")
    return reply.doc


def _pull(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repos/{evidence.repo}/pulls/{evidence.name}")
    if reply.missing:
        if repo.at("has_pull_requests").value is False:
            raise unknown("not_visible")
        return Found(seen=Seen.DEAD, reason="no_such_pull", facts=kept(*about_repository(evidence, repo.text("full_name"))))
    doc = reply.doc
    merged, base = doc.truth("merged"), doc.need("base.ref")
    state = "merged" if merged else doc.need("state")
    judged = judge_pull(state, base, repo.text("default_branch"), doc.count("changed_files"))
    facts = kept(
        ("state", state),
        ("title", doc.text("title")),
        ("author", doc.text("user.login")),
        ("merged_by", doc.text("merged_by.login")),
        ("merged_at", doc.when("merged_at")),
        ("created_at", doc.when("created_at")),
        ("files", doc.count("changed_files")),
        ("added", doc.count("additions")),
        ("removed", doc.count("deletions")),
        ("into", base),
        ("commit", doc.text("merge_commit_sha") if merged else ""),
        *about_repository(evidence, repo.text("full_name")),
    )
    return replace(judged, facts=facts)


def _commit(evidence: Evidence) -> Inquiry:
    """A pull from a fork brings the fork's commits into the parent's store: they must be on the default branch."""
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repos/{evidence.repo}/git/commits/{evidence.name}")
    if reply.missing or reply.status == 422:
        return Found(seen=Seen.DEAD, reason="no_such_commit", facts=kept(*about_repository(evidence, repo.text("full_name"))))
    sha, default = reply.doc.sha("sha"), repo.need("default_branch")
    if not sha.startswith(evidence.name):
        raise Strange("another commit than the one asked for")
    facts = (
        ("title", reply.doc.first_line("commit.message")),
        ("author", reply.doc.text("author.login")),
        ("created_at", reply.doc.when("commit.committer.date") or reply.doc.when("created")),
        *about_repository(evidence, repo.text("full_name")),
    )

    def found(seen: Seen, reason: str, *more: tuple[str, str]) -> Found:
        return Found(seen=seen, reason=reason, facts=kept(*more, *facts), name=sha)

    compared = yield Ask(f"/repos/{evidence.repo}/compare/{quote(default, safe='')}...{sha}")
    if compared.missing:
        # Older servers do not compare: then containment is unknown.
        raise unknown("containment_unknown", *facts)
    ahead = compared.doc.count("total_commits")
    if not ahead:
        raise Strange("no `total_commits`")
    if ahead == "0":
        return found(Seen.VERIFIED, "contained", ("on", default))
    pull = yield Ask(f"/repos/{evidence.repo}/commits/{sha}/pull")
    if not pull.missing and pull.doc.is_true("merged") and pull.doc.text("base.ref") == default:
        number = ("pull", pull.doc.count("number"))
        if sha in (pull.doc.text("head.sha"), pull.doc.text("merge_commit_sha")):
            return found(Seen.VERIFIED, "merged_by_pull", number, ("merged_at", pull.doc.when("merged_at")))
        return found(Seen.SUSPICIOUS, "not_on_default", number)
    branches = yield Ask(f"/repos/{evidence.repo}/branches", (("limit", "50"),))
    tips = () if branches.missing else branches.doc.items()
    branch = next((tip.text("name") for tip in tips if tip.text("commit.id").lower() == sha), "")
    return found(Seen.SUSPICIOUS, "not_on_default", ("on", branch)) if branch else found(Seen.SUSPICIOUS, "impostor_commit")


PULL = Kind(
    code="gitea_pull",
    label="Gitea pull",
    key="gitea:pr:{site}{repo}#{name}",
    url="{host}/{repo}/pulls/{name}",
    paths=patterns(rf"/{OWNER_AND_NAME}/pulls/{NUMBER}(?:{RAW}|/(?:files|commits)(?:/.*)?)"),
    fold=repo_folded,
)
COMMIT = Kind(
    code="gitea_commit",
    label="Gitea commit",
    key="gitea:commit:{site}{repo}@{name}",
    url="{host}/{repo}/commit/{name}",
    paths=patterns(rf"/{OWNER_AND_NAME}/commit/{HASH}{RAW}"),
    fold=both_folded,
    spelled=spelled_by_hash,
    same=same_hash,
)
FORGE = Descriptor(
    name="gitea",
    inquiries={PULL: _pull, COMMIT: _commit},
    public_hosts=("codeberg.org",),
    api_path="/api/v1",
)
