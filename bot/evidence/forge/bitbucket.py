"""Bitbucket Cloud's API 2.0: what it says about a pull or a commit.

Endpoints and fields: Bitbucket Cloud REST API documentation, from memory. Bitbucket Data Center speaks another API.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, kept, unknown
from bot.evidence.kinds import Evidence, Kind
from bot.model.evidence import Seen

HEADERS: Final = (("Accept", "application/json"),)


def inquire(evidence: Evidence) -> Inquiry | None:
    """The questions about a piece of evidence; None if Bitbucket has no say about its kind."""
    match evidence.kind:
        case Kind.BITBUCKET_PULL:
            return _pull(evidence)
        case Kind.BITBUCKET_COMMIT:
            return _commit(evidence)
        case _:
            return None


def _repository(evidence: Evidence) -> Generator[Ask, Reply, Doc]:
    reply = yield Ask(f"/repositories/{evidence.repo}")
    if reply.missing or reply.doc.truth("is_private"):
        raise unknown("not_visible")
    return reply.doc


def _common(evidence: Evidence, repo: Doc) -> tuple[tuple[str, str], ...]:
    name = repo.text("full_name")
    renamed = name if name and name.lower() != evidence.repo else ""
    return ("repo", (name or evidence.repo).lower()), ("renamed_to", renamed)


def _pull(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repositories/{evidence.repo}/pullrequests/{evidence.name}")
    if reply.missing:
        return Found(seen=Seen.DEAD, reason="no_such_pull", facts=kept(*_common(evidence, repo)))
    doc = reply.doc
    state, into = doc.need("state"), doc.need("destination.branch.name")
    match state:
        case "MERGED" if into != repo.need("mainbranch.name"):
            seen, reason = Seen.SUSPICIOUS, "side_branch"
        case "MERGED":
            seen, reason = Seen.VERIFIED, "merged"
        case "OPEN" | "QUEUED":
            seen, reason = Seen.SUSPICIOUS, "not_merged"
        case "DECLINED" | "SUPERSEDED":
            seen, reason = Seen.SUSPICIOUS, "closed_unmerged"
        case _:
            raise Strange("`state` is none we know")
    merged = state == "MERGED"
    facts = kept(
        ("state", state.lower()),
        ("title", doc.text("title")),
        ("author", doc.text("author.nickname") or doc.text("author.display_name")),
        ("merged_by", (doc.text("closed_by.nickname") or doc.text("closed_by.display_name")) if merged else ""),
        # There is no time of the merge; the pull is not touched afterwards but by comments.
        ("updated_at", doc.when("updated_on")),
        ("created_at", doc.when("created_on")),
        ("into", into),
        ("commit", doc.text("merge_commit.hash") if merged else ""),
        *_common(evidence, repo),
    )
    return Found(seen=seen, reason=reason, facts=facts)


def _commit(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repositories/{evidence.repo}/commit/{evidence.name}")
    if reply.missing:
        return Found(seen=Seen.DEAD, reason="no_such_commit", facts=kept(*_common(evidence, repo)))
    sha, main = reply.doc.sha("hash"), repo.need("mainbranch.name")
    if not sha.startswith(evidence.name):
        raise Strange("another commit than the one asked for")
    facts = (
        ("title", reply.doc.first_line("message")),
        ("author", reply.doc.text("author.user.nickname") or reply.doc.text("author.user.display_name")),
        ("created_at", reply.doc.when("date")),
        *_common(evidence, repo),
    )

    def found(seen: Seen, reason: str, *more: tuple[str, str]) -> Found:
        return Found(seen=seen, reason=reason, facts=kept(*more, *facts), name=sha)

    # INFERRED from the documented meaning of `exclude`: what is left of the commit's history without main's.
    beyond = yield Ask(f"/repositories/{evidence.repo}/commits/{sha}", (("exclude", main), ("pagelen", "1")))
    if not beyond.doc.items("values"):
        return found(Seen.VERIFIED, "contained", ("on", main))
    tips = yield Ask(f"/repositories/{evidence.repo}/refs/branches", (("q", f'target.hash="{sha}"'), ("pagelen", "1")))
    names = () if tips.missing else tips.doc.items("values")
    # Pulls of a commit are only told to installed apps, so a squashed one cannot be seen to have come in.
    return found(
        Seen.SUSPICIOUS, "not_on_default" if names else "impostor_commit", ("on", names[0].text("name") if names else "")
    )
