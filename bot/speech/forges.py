"""A forge's word about a link, in words: what the thing is, what became of it, when and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import LiteralString

from bot.model.evidence import Probe, Seen
from bot.speech import md
from bot.speech.md import Md

KINDS: Mapping[str, LiteralString] = {
    "github_pull": "GitHub pull",
    "github_commit": "GitHub commit",
    "github_issue": "GitHub issue",
    "github_release": "GitHub release",
    "github_run": "GitHub Actions run",
    "github_gist": "gist",
    "github_file": "GitHub file",
    "github_repo": "GitHub repository",
    "gitlab_merge_request": "GitLab merge request",
    "gitlab_commit": "GitLab commit",
    "bitbucket_pull": "Bitbucket pull",
    "bitbucket_commit": "Bitbucket commit",
    "gitea_pull": "Gitea pull",
    "gitea_commit": "Gitea commit",
    "dolthub_pull": "DoltHub pull",
    "dolthub_commit": "DoltHub commit",
}
_TIMES = ("merged_at", "published_at", "closed_at", "updated_at", "created_at")


def said(probe: Probe) -> tuple[Md, ...]:
    """What a forge said, piece by piece: GitHub pull · merged 2 h ago by `ana` · 14 files · `Title`.

    Every value is a stranger's text but the words of the state, which are read here.
    """
    known = probe.kind in KINDS
    pieces = [md.own(KINDS[probe.kind]) if known else md.code(probe.kind, 32), _became(probe)]
    if count := _number(probe.fact("files")):
        pieces.append(md.own("1 file") if count == "1" else md.fill("{n} files", n=Md(count)))
    if title := probe.fact("title"):
        pieces.append(md.code(title, 80))
    if name := probe.fact("renamed_to"):
        pieces.append(md.fill("renamed to {name}", name=md.code(name, 80)))
    return tuple(pieces)


def _became(probe: Probe) -> Md:
    """`merged 2 h ago by ana`; what is doubtful is named by its reason."""
    merged = probe.seen is Seen.VERIFIED and probe.fact("state") == "merged"
    what = md.own("merged") if merged else md.code(probe.reason.replace("_", " "), 60)
    # Of several times the one that says when it became what it is.
    when = next((found for found in (_moment(probe.fact(name)) for name in _TIMES) if found is not None), None)
    if when is not None:
        what = md.fill("{what} {ago}", what=what, ago=ago(when, probe.probed_at))
    who = probe.fact("merged_by") if merged else probe.fact("author")
    return md.fill("{what} by {who}", what=what, who=md.code(who, 40)) if who else what


def ago(moment: datetime, now: datetime) -> Md:
    """How long ago, in the largest unit that fits: `2 h ago`."""
    minutes = int((now - moment).total_seconds()) // 60
    if minutes < 1:
        return md.own("just now")
    if minutes < 60:
        return md.fill("{n} min ago", n=Md(str(minutes)))
    if minutes < 48 * 60:
        return md.fill("{n} h ago", n=Md(str(minutes // 60)))
    return md.fill("{n} days ago", n=Md(str(minutes // (24 * 60))))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: str) -> str:
    return text if text.isascii() and text.isdecimal() and len(text) < 10 else ""
