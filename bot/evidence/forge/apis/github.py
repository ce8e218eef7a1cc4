"""GitHub's REST API: what it says about a pull, a commit, an issue, a release, a run, a gist, a file or a repository.

Endpoints and fields: GitHub REST API documentation (2022-11-28). Containment of a commit: as zizmor's impostor-commit audit
tells it, because GitHub serves any fork's commit under the parent's address.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from bot.evidence.forge.descriptor import Descriptor, Door
from bot.evidence.forge.inquiry import Ask, Doc, Found, Inquiry, Reply, Strange, judge_pull, kept, unknown
from bot.evidence.kind import HASH, NUMBER, RAW, Evidence, Kind, both_folded, patterns, repo_folded, same_hash, spelled_by_hash
from bot.model.evidence import Seen

HEADERS: Final = (("Accept", "application/vnd.github+json"), ("X-GitHub-Api-Version", "2022-11-28"))
HOME: Final = "github.com"
_FULL_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_SHA: Final = re.compile(r"[0-9a-f]{40}")


# --- the neighbourhood ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repo:
    """A public repository. `name` is what it is called now."""

    name: str
    default: str
    renamed: str
    doc: Doc


def _repository(evidence: Evidence) -> Generator[Ask, Reply, _Repo]:
    """The repository of the evidence. Ends the inquiry where it is not visible, and where only the bot's token sees it.

    A private repository, a deleted one and a typo in its name all look alike (404); only an account that does not exist can
    be told apart. What the bot's token may see and others may not has no place in a public comment.
    """
    reply = yield Ask(f"/repos/{evidence.repo}")
    if reply.missing:
        owner = yield Ask(f"/users/{evidence.repo.partition('/')[0]}")
        raise unknown("no_such_owner" if owner.missing else "not_visible")
    return _public(evidence, reply.doc)


def _public(evidence: Evidence, doc: Doc) -> _Repo:
    if doc.truth("private"):
        raise unknown("not_visible")
    name = doc.need("full_name")
    if not _FULL_NAME.fullmatch(name):
        raise Strange("`full_name` is no name of a repository")
    renamed = name if name.lower() != evidence.repo else ""
    return _Repo(name=name.lower(), default=_branch(doc, "default_branch"), renamed=renamed, doc=doc)


def _branch(doc: Doc, path: str) -> str:
    """A branch's name as Git allows it (git-check-ref-format), so that it can stand in a path."""
    name = doc.need(path)
    if ".." in name or "//" in name or name.startswith("/") or any(part.startswith(".") for part in name.split("/")):
        raise Strange(f"`{path}` is no name of a branch")
    return name


def _dead(repo: _Repo, reason: str) -> Found:
    """Absent, and the repository around it can be seen: that is more than a 404."""
    return Found(seen=Seen.DEAD, reason=reason, facts=kept(("repo", repo.name), ("renamed_to", repo.renamed)), repo=repo.name)


# --- pulls ------------------------------------------------------------------------------------------------------------


def _pull(evidence: Evidence) -> Inquiry:
    reply = yield Ask(f"/repos/{evidence.repo}/pulls/{evidence.name}")
    if reply.missing:
        repo = yield from _repository(evidence)
        issue = yield Ask(f"/repos/{repo.name}/issues/{evidence.name}")
        if issue.missing:
            return _dead(repo, "no_such_pull")
        if issue.doc.at("pull_request").value is not None:
            # Hidden or made a moment ago: there is one, so it is not dead.
            raise unknown("not_visible")
        return Found(seen=Seen.SUSPICIOUS, reason="issue_not_pull", facts=kept(("title", issue.doc.text("title"))))
    return _read_pull(evidence, reply.doc)


def _read_pull(evidence: Evidence, doc: Doc) -> Found:
    repo = _public(evidence, doc.at("base.repo"))
    merged, base = doc.truth("merged"), doc.need("base.ref")
    files = doc.count("changed_files")
    state = "merged" if merged else doc.need("state")
    judged = judge_pull(state, base, repo.default, files)
    facts = kept(
        ("state", state),
        ("title", doc.text("title")),
        ("author", doc.text("user.login")),
        ("author_type", doc.text("user.type") if doc.text("user.type") != "User" else ""),
        ("merged_by", doc.text("merged_by.login")),
        ("merged_at", doc.when("merged_at")),
        ("created_at", doc.when("created_at")),
        ("files", files),
        ("added", doc.count("additions")),
        ("removed", doc.count("deletions")),
        ("into", base),
        ("commit", doc.text("merge_commit_sha") if merged else ""),
        ("draft", "yes" if doc.is_true("draft") else ""),
        ("repo", repo.name),
        ("repo_created_at", repo.doc.when("created_at")),
        ("renamed_to", repo.renamed),
    )
    return replace(judged, facts=facts, kind=PULL, repo=repo.name)


# --- commits ----------------------------------------------------------------------------------------------------------


def _commit(evidence: Evidence) -> Inquiry:
    """That a commit can be seen proves nothing, not even that it is this repository's: it must be on the default branch."""
    repo = yield from _repository(evidence)
    path = f"/repos/{repo.name}/commits/{evidence.name}"
    reply = yield Ask(path)
    if reply.missing or reply.status in (409, 422):
        # 409: the repository is empty. 422: "No commit found for SHA".
        return _dead(repo, "no_such_commit")
    sha = reply.doc.sha("sha")
    if not sha.startswith(evidence.name):
        raise Strange("another commit than the one asked for")
    facts = (
        ("title", reply.doc.first_line("commit.message")),
        ("author", reply.doc.text("author.login")),
        ("created_at", reply.doc.when("commit.committer.date")),
        ("signed", "yes" if reply.doc.is_true("commit.verification.verified") else ""),
        ("files", str(len(reply.doc.items("files"))) if reply.doc.at("files").value is not None else ""),
        ("repo", repo.name),
        ("renamed_to", repo.renamed),
    )

    # A merge may well bring no file of its own.
    empty = reply.doc.at("files").value == [] and len(reply.doc.items("parents")) < 2

    def found(seen: Seen, reason: str, *more: tuple[str, str]) -> Found:
        if seen is Seen.VERIFIED and empty:
            seen, reason = Seen.SUSPICIOUS, "empty_diff"
        return Found(seen=seen, reason=reason, facts=kept(*more, *facts), repo=repo.name, name=sha)

    range_path = f"/repos/{repo.name}/compare/{quote(repo.default, safe='/')}...{sha}"
    compared = yield Ask(range_path, (("per_page", "1"),))
    if not compared.missing:
        match compared.doc.need("status"):
            case "behind" | "identical":
                return found(Seen.VERIFIED, "contained", ("on", repo.default))
            case "ahead" | "diverged":
                pass
            case _:
                raise Strange("`status` of a comparison is unknown")
    pulls = yield Ask(f"/repos/{repo.name}/commits/{sha}/pulls")
    merged = () if pulls.missing else tuple(p for p in pulls.doc.items() if _is_merged_here(p, repo))
    for pull in merged:
        if sha in (pull.text("head.sha"), pull.text("merge_commit_sha")):
            # Squashed or rebased: what was reviewed came in, under another hash.
            return found(Seen.VERIFIED, "merged_by_pull", ("pull", pull.count("number")), ("merged_at", pull.when("merged_at")))
    heads = yield Ask(f"/repos/{repo.name}/commits/{sha}/branches-where-head")
    branch = "" if heads.missing or not heads.doc.items() else heads.doc.items()[0].text("name")
    if branch or merged:
        return found(Seen.SUSPICIOUS, "not_on_default", ("on", branch), ("pull", merged[0].count("number") if merged else ""))
    return found(Seen.SUSPICIOUS, "impostor_commit")


def _is_merged_here(pull: Doc, repo: _Repo) -> bool:
    there = pull.text("base.repo.full_name").lower() == repo.name and pull.text("base.ref") == repo.default
    return there and bool(pull.when("merged_at"))


# --- everything else --------------------------------------------------------------------------------------------------


def _issue(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repos/{repo.name}/issues/{evidence.name}")
    if reply.missing:
        return _dead(repo, "issue_deleted" if reply.status == 410 else "no_such_issue")
    doc = reply.doc
    if doc.at("pull_request").value is not None:
        pull = yield Ask(f"/repos/{repo.name}/pulls/{evidence.name}")
        return _read_pull(evidence, pull.doc)
    state, why = doc.need("state"), doc.text("state_reason")
    # An issue is not work: at best it is there.
    done = state == "closed" and why in ("", "completed")
    reason = "issue_closed" if done else "issue_open" if state == "open" else "issue_not_planned"
    facts = kept(
        ("state", state),
        ("title", doc.text("title")),
        ("author", doc.text("user.login")),
        ("created_at", doc.when("created_at")),
        ("closed_at", doc.when("closed_at")),
        ("repo", repo.name),
        ("renamed_to", repo.renamed),
    )
    return Found(seen=Seen.REACHABLE if done else Seen.SUSPICIOUS, reason=reason, facts=facts, repo=repo.name)


def _release(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    tag = quote(evidence.name, safe="/")
    reply = yield Ask(f"/repos/{repo.name}/releases/tags/{tag}")
    if reply.missing:
        ref = yield Ask(f"/repos/{repo.name}/git/ref/tags/{tag}")
        if ref.missing:
            return _dead(repo, "no_such_release")
        return Found(seen=Seen.SUSPICIOUS, reason="tag_only", facts=kept(("repo", repo.name)), repo=repo.name)
    doc = reply.doc
    assets = doc.items("assets")
    if doc.truth("draft"):
        seen, reason = Seen.SUSPICIOUS, "draft_release"
    elif any(asset.text("state") != "uploaded" for asset in assets):
        seen, reason = Seen.SUSPICIOUS, "asset_missing"
    else:
        seen, reason = Seen.VERIFIED, "published"
    facts = kept(
        ("title", doc.text("name") or doc.text("tag_name")),
        ("author", doc.text("author.login")),
        ("published_at", doc.when("published_at")),
        ("prerelease", "yes" if doc.is_true("prerelease") else ""),
        ("assets", str(len(assets))),
        ("repo", repo.name),
        ("renamed_to", repo.renamed),
    )
    return Found(seen=seen, reason=reason, facts=facts, repo=repo.name)


def _run(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    reply = yield Ask(f"/repos/{repo.name}/actions/runs/{evidence.name}")
    if reply.missing:
        # Runs are deleted by and by (GitHub keeps them for a time that owners set): absent is not "never was".
        raise unknown("expired", ("repo", repo.name))
    doc = reply.doc
    status, conclusion = doc.need("status"), doc.text("conclusion")
    if status != "completed":
        seen, reason = Seen.SUSPICIOUS, "run_not_finished"
    elif conclusion != "success":
        seen, reason = Seen.SUSPICIOUS, "run_failed"
    elif doc.text("head_repository.full_name").lower() != repo.name:
        seen, reason = Seen.SUSPICIOUS, "fork_run"
    else:
        seen, reason = Seen.VERIFIED, "succeeded"
    facts = kept(
        ("state", conclusion or status),
        ("title", doc.text("name")),
        ("author", doc.text("actor.login")),
        ("created_at", doc.when("created_at")),
        ("event", doc.text("event")),
        ("on", doc.text("head_branch")),
        ("commit", doc.text("head_sha")),
        ("repo", repo.name),
        ("renamed_to", repo.renamed),
    )
    return Found(seen=seen, reason=reason, facts=facts, repo=repo.name)


def _gist(evidence: Evidence) -> Inquiry:
    """A gist has no neighbourhood, and its address is enough to see it: absent is absent."""
    reply = yield Ask(f"/gists/{evidence.name}")
    if reply.missing or reply.status == 422:
        return Found(seen=Seen.DEAD, reason="no_such_gist")
    doc = reply.doc
    pinned = "/" in evidence.name
    history = doc.items("history")
    facts = kept(
        ("author", doc.text("owner.login")),
        ("title", doc.text("description") if doc.is_true("public") else ""),
        ("updated_at", doc.when("updated_at")),
        ("revision", history[0].text("version") if history else ""),
        ("secret", "" if doc.is_true("public") else "yes"),
    )
    return Found(seen=Seen.REACHABLE, reason="pinned" if pinned else "mutable_gist", facts=facts)


def _file(evidence: Evidence) -> Inquiry:
    """A branch's name may hold a slash, so that it cannot be told from the path: then a 404 means nothing either."""
    repo = yield from _repository(evidence)
    ref, _, path = evidence.name.partition("/")
    where = f"/repos/{repo.name}/contents/{quote(path, safe='/')}".removesuffix("/")
    reply = yield Ask(where, (("ref", ref),))
    pinned = _SHA.fullmatch(ref) is not None
    if reply.missing:
        if not pinned:
            branch = yield Ask(f"/repos/{repo.name}/branches/{quote(ref, safe='')}")
            if branch.missing:
                raise unknown("unclear_ref", ("repo", repo.name))
        return _dead(repo, "no_such_file")
    doc = reply.doc
    entries = doc.value if isinstance(doc.value, list) else None
    facts = kept(
        ("path", path),
        ("on", ref),
        ("bytes", doc.count("size")),
        ("entries", str(len(entries)) if entries is not None else ""),
        ("repo", repo.name),
        ("renamed_to", repo.renamed),
    )
    seen, reason = (Seen.REACHABLE, "pinned") if pinned else (Seen.SUSPICIOUS, "mutable_ref")
    return Found(seen=seen, reason=reason, facts=facts, repo=repo.name)


def _bare_repository(evidence: Evidence) -> Inquiry:
    repo = yield from _repository(evidence)
    facts = kept(
        ("repo", repo.name),
        ("title", repo.doc.text("description")),
        ("updated_at", repo.doc.when("pushed_at")),
        ("renamed_to", repo.renamed),
    )
    return Found(seen=Seen.SUSPICIOUS, reason="too_broad", facts=facts, repo=repo.name)


# --- links --------------------------------------------------------------------------------------------------------------

# Legacy and enterprise-managed accounts may end in a hyphen or hold an underscore. Repositories may begin with a dot.
_OWNER: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,38}"
_REPO: Final = rf"(?P<repo>{_OWNER}/(?!\.{{1,2}}(?:\.git)*(?:/|$))[A-Za-z0-9._-]{{1,100}}?)(?:\.git)*"
_OWN_PAGES: Final = (
    r"(?!/(?:about|account|apps|codespaces|collections|contact|customer-stories|dashboard|enterprise|events|explore|features"
    r"|gist|gists|issues|join|login|logout|marketplace|new|notifications|organizations|orgs|pricing|pulls|raw|readme|search"
    r"|security|sessions|settings|signup|site|sponsors|stars|team|topics|trending|users|watching)/)"
)
# Visible characters that stand in a ref or path as they are; `..` never, not even between other characters.
_TEXT: Final = r"(?P<name>(?!.*(?:\.\.|//))[A-Za-z0-9_~!$&'()*+,;=:@.-][A-Za-z0-9_~!$&'()*+,;=:@./-]*)"
_GIST: Final = r"(?P<name>(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{20})(?:/[0-9a-fA-F]{40})?|[0-9]{1,12})"
_REF: Final = "(?:refs/(?:heads|tags)/)?"


def _spelled_by_number(evidence: Evidence) -> tuple[str, ...]:
    return evidence.repo.lower(), f"/{evidence.name}"


def _spelled_gist(evidence: Evidence) -> tuple[str, ...]:
    return (evidence.name.partition("/")[0].lower(),)


def _same_number(one: Evidence, other: Evidence) -> bool:
    """GitHub counts pulls and issues together, so that one may be written as the other."""
    there = (one.host, one.repo, one.name) == (other.host, other.repo, other.name)
    return there and {one.kind, other.kind} == {PULL, ISSUE}


def _same_gist(one: Evidence, other: Evidence) -> bool:
    """The name of a gist is whole; its version may be left out."""
    if one.kind is not other.kind or one.host != other.host:
        return False
    a, b = f"{one.name}/", f"{other.name}/"
    return a.startswith(b) or b.startswith(a)


PULL = Kind(
    code="github_pull",
    label="GitHub pull",
    key="github:pr:{site}{repo}#{name}",
    url="{host}/{repo}/pull/{name}",
    home=HOME,
    paths=patterns(rf"/{_REPO}/pull/{NUMBER}(?:{RAW}|/(?:files|commits|checks|changes|conflicts)(?:/.*)?)"),
    fold=repo_folded,
    spelled=_spelled_by_number,
    same=_same_number,
)
COMMIT = Kind(
    code="github_commit",
    label="GitHub commit",
    key="github:commit:{site}{repo}@{name}",
    url="{host}/{repo}/commit/{name}",
    home=HOME,
    paths=patterns(rf"/{_REPO}/commit/{HASH}(?:{RAW}|/checks)"),
    fold=both_folded,
    spelled=spelled_by_hash,
    same=same_hash,
)
ISSUE = Kind(
    code="github_issue",
    label="GitHub issue",
    key="github:issue:{site}{repo}#{name}",
    url="{host}/{repo}/issues/{name}",
    home=HOME,
    paths=patterns(rf"/{_REPO}/issues/{NUMBER}"),
    fold=repo_folded,
    spelled=_spelled_by_number,
    same=_same_number,
)
RELEASE = Kind(
    code="github_release",
    label="GitHub release",
    key="github:release:{site}{repo}@{name}",
    url="{host}/{repo}/releases/tag/{name}",
    home=HOME,
    paths=patterns(rf"/{_REPO}/releases/tag/{_TEXT}"),
    fold=repo_folded,
)
RUN = Kind(
    code="github_run",
    label="GitHub Actions run",
    key="github:run:{site}{repo}#{name}",
    url="{host}/{repo}/actions/runs/{name}",
    home=HOME,
    paths=patterns(rf"/{_REPO}/actions/runs/{NUMBER}(?:/(?:job|attempts|artifacts|workflow|usage)(?:/.*)?)?"),
    fold=repo_folded,
)
GIST = Kind(
    code="github_gist",
    label="gist",
    key="github:gist:{site}{name}",
    url="{host}/gist/{name}",
    home=HOME,
    home_url="gist.{host}/{name}",
    paths=patterns(rf"/gist/(?:{_OWNER}/)?{_GIST}"),
    fold=both_folded,
    spelled=_spelled_gist,
    same=_same_gist,
)
FILE = Kind(
    code="github_file",
    label="GitHub file",
    key="github:file:{site}{repo}@{name}",
    url="{host}/{repo}/tree/{name}",
    home=HOME,
    paths=patterns(rf"/{_REPO}/(?:blob|tree|raw|blame)/{_REF}{_TEXT}"),
    fold=repo_folded,
)
REPOSITORY = Kind(
    code="github_repo",
    label="GitHub repository",
    key="github:repo:{site}{repo}",
    url="{host}/{repo}",
    home=HOME,
    paths=patterns(rf"{_OWN_PAGES}/{_REPO}"),
    fold=repo_folded,
)
_API: Final = Door(
    host="api.github.com",
    of=HOME,
    paths=(
        (PULL, re.compile(rf"/repos/{_REPO}/pulls/{NUMBER}")),
        (COMMIT, re.compile(rf"/repos/{_REPO}/(?:git/)?commits/{HASH}")),
        (ISSUE, re.compile(rf"/repos/{_REPO}/issues/{NUMBER}")),
    ),
)
_FILES: Final = Door(host="raw.githubusercontent.com", of=HOME, paths=((FILE, re.compile(rf"/{_REPO}/{_REF}{_TEXT}")),))
# Where GitHub sends those who ask for a pull's `.diff` or `.patch`.
_PATCHES: Final = Door(
    host="patch-diff.githubusercontent.com", of=HOME, paths=((PULL, re.compile(rf"/raw/{_REPO}/pull/{NUMBER}{RAW}")),)
)
_GISTS: Final = Door(host="gist.", paths=((GIST, re.compile(rf"/(?:{_OWNER}/)?{_GIST}(?:\.git)?")),))
FORGE = Descriptor(
    name="github",
    inquiries={
        PULL: _pull,
        COMMIT: _commit,
        ISSUE: _issue,
        RELEASE: _release,
        RUN: _run,
        GIST: _gist,
        FILE: _file,
        REPOSITORY: _bare_repository,
    },
    public_hosts=(HOME,),
    file_hosts=("githubusercontent.com",),
    doors=(_API, _FILES, _PATCHES, _GISTS),
    headers=HEADERS,
    api_path="/api/v3",
    api_roots={HOME: "https://api.github.com"},
)
