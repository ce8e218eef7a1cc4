"""The API of Gitea and Forgejo: what it says about a pull or a commit.

Endpoints and fields: Gitea API 1.21 and later, Forgejo API (`/api/swagger`), as they are publicly known; the answers of
`compare` and `commits/SHA/pull` are from memory.
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
    """The questions about a piece of evidence; None if Gitea has no say about its kind."""
    match evidence.kind:
        case Kind.GITEA_PULL:
            return _pull(evidence)
        case Kind.GITEA_COMMIT:
            return _commit(evidence)
        case _:
            return None


def _repository(evidence: Evidence) -> Generator[Ask, Reply, Doc]:
    reply = yield Ask(f"/repos/{evidence.repo}")
    if reply.missing or reply.doc.truth("private"):
        raise unknown("not_visible")
    return reply.doc


def _common(evidence: Evidence, repo: Doc) -> tuple[tuple[str, str], ...]:
    name = repo.text("full_name")
    renamed = name if name and name.lower() != evidence.repo else ""
    return ("repo", (name or evidence.repo).lower()), ("renamed_to", renamed)


def _pull(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repos/{evidence.repo}/pulls/{evidence.name}")
    if reply.missing:
        if repo.at("has_pull_requests").value is False:
            raise unknown("not_visible")
        return Found(seen=Seen.DEAD, reason="no_such_pull", facts=kept(*_common(evidence, repo)))
    doc = reply.doc
    merged, base = doc.truth("merged"), doc.need("base.ref")
    state = "merged" if merged else doc.need("state")
    match state:
        case "merged" if base != repo.need("default_branch"):
            seen, reason = Seen.SUSPICIOUS, "side_branch"
        case "merged" if doc.count("changed_files") == "0":
            seen, reason = Seen.SUSPICIOUS, "empty_diff"
        case "merged":
            seen, reason = Seen.VERIFIED, "merged"
        case "open":
            seen, reason = Seen.SUSPICIOUS, "not_merged"
        case "closed":
            seen, reason = Seen.SUSPICIOUS, "closed_unmerged"
        case _:
            raise Strange("`state` is none we know")
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
        *_common(evidence, repo),
    )
    return Found(seen=seen, reason=reason, facts=facts)


def _commit(evidence: Evidence) -> Inquiry:
    """A pull from a fork brings the fork's commits into the parent's store: they must be on the default branch."""
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repos/{evidence.repo}/git/commits/{evidence.name}")
    if reply.missing or reply.status == 422:
        return Found(seen=Seen.DEAD, reason="no_such_commit", facts=kept(*_common(evidence, repo)))
    sha, default = reply.doc.sha("sha"), repo.need("default_branch")
    if not sha.startswith(evidence.name):
        raise Strange("another commit than the one asked for")
    facts = (
        ("title", reply.doc.first_line("commit.message")),
        ("author", reply.doc.text("author.login")),
        ("created_at", reply.doc.when("commit.committer.date") or reply.doc.when("created")),
        *_common(evidence, repo),
    )

    def found(seen: Seen, reason: str, *more: tuple[str, str]) -> Found:
        return Found(seen=seen, reason=reason, facts=kept(*more, *facts), name=sha)

    compared = yield Ask(f"/repos/{evidence.repo}/compare/{quote(default, safe='')}...{sha}")
    if compared.missing:
        # Older servers do not compare: then containment cannot be told.
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
