"""Bitbucket Cloud's API 2.0: what it says about a pull or a commit.

Endpoints and fields: Bitbucket Cloud REST API documentation, from memory. Bitbucket Data Center speaks another API.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from bot.evidence.forge.descriptor import Descriptor
from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, about_repository, judge_pull, kept, unknown
from bot.evidence.kind import (
    HASH,
    NUMBER,
    OWNER_AND_NAME,
    Evidence,
    Kind,
    both_folded,
    patterns,
    repo_folded,
    same_hash,
    spelled_by_hash,
)
from bot.model.evidence import Seen

_STATES = {"merged": "merged", "open": "open", "queued": "open", "declined": "closed", "superseded": "closed"}


def _repository(evidence: Evidence) -> Generator[Ask, Reply, Doc]:
    reply = yield Ask(f"/repositories/{evidence.repo}")
    if reply.missing or reply.doc.truth("is_private"):
        raise unknown("not_visible")
    return reply.doc


def _pull(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repositories/{evidence.repo}/pullrequests/{evidence.name}")
    if reply.missing:
        return Found(seen=Seen.DEAD, reason="no_such_pull", facts=kept(*about_repository(evidence, repo.text("full_name"))))
    doc = reply.doc
    state, into = doc.need("state").lower(), doc.need("destination.branch.name")
    judged = judge_pull(_STATES.get(state, ""), into, repo.text("mainbranch.name"))
    merged = state == "merged"
    facts = kept(
        ("state", state),
        ("title", doc.text("title")),
        ("author", doc.text("author.nickname") or doc.text("author.display_name")),
        ("merged_by", (doc.text("closed_by.nickname") or doc.text("closed_by.display_name")) if merged else ""),
        # There is no time of the merge; the pull is not touched afterwards but by comments.
        ("updated_at", doc.when("updated_on")),
        ("created_at", doc.when("created_on")),
        ("into", into),
        ("commit", doc.text("merge_commit.hash") if merged else ""),
        *about_repository(evidence, repo.text("full_name")),
    )
    return replace(judged, facts=facts)


def _commit(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repositories/{evidence.repo}/commit/{evidence.name}")
    if reply.missing:
        return Found(seen=Seen.DEAD, reason="no_such_commit", facts=kept(*about_repository(evidence, repo.text("full_name"))))
    sha, main = reply.doc.sha("hash"), repo.need("mainbranch.name")
    if not sha.startswith(evidence.name):
        raise Strange("another commit than the one asked for")
    facts = (
        ("title", reply.doc.first_line("message")),
        ("author", reply.doc.text("author.user.nickname") or reply.doc.text("author.user.display_name")),
        ("created_at", reply.doc.when("date")),
        *about_repository(evidence, repo.text("full_name")),
    )

    def found(seen: Seen, reason: str, *more: tuple[str, str]) -> Found:
        return Found(seen=seen, reason=reason, facts=kept(*more, *facts), name=sha)

    # INFERRED from the documented meaning of `exclude`: what is left of the commit's history without main's.
    beyond = yield Ask(f"/repositories/{evidence.repo}/commits/{sha}", (("exclude", main), ("pagelen", "1")))
    if not beyond.doc.items("values"):
        return found(Seen.VERIFIED, "contained", ("on", main))
    tips = yield Ask(f"/repositories/{evidence.repo}/refs/branches", (("q", f'target.hash="{sha}"'), ("pagelen", "1")))
    names = () if tips.missing else tips.doc.items("values")
    # Only installed apps may ask for the pulls of a commit, so a squashed one cannot be seen to have come in.
    return found(
        Seen.SUSPICIOUS, "not_on_default" if names else "impostor_commit", ("on", names[0].text("name") if names else "")
    )


PULL = Kind(
    code="bitbucket_pull",
    label="Bitbucket pull",
    key="bitbucket:pr:{site}{repo}#{name}",
    url="{host}/{repo}/pull-requests/{name}",
    paths=patterns(rf"/{OWNER_AND_NAME}/pull-requests/{NUMBER}(?:/.*)?"),
    fold=repo_folded,
)
COMMIT = Kind(
    code="bitbucket_commit",
    label="Bitbucket commit",
    key="bitbucket:commit:{site}{repo}@{name}",
    url="{host}/{repo}/commits/{name}",
    paths=patterns(rf"/{OWNER_AND_NAME}/commits/{HASH}"),
    fold=both_folded,
    spelled=spelled_by_hash,
    same=same_hash,
)
FORGE = Descriptor(
    name="bitbucket",
    inquiries={PULL: _pull, COMMIT: _commit},
    public_hosts=("bitbucket.org",),
    api_path="/2.0",
    api_roots={"bitbucket.org": "https://api.bitbucket.org/2.0"},
    only_listed=True,
)
