"""The evidence belongs to this item, this project and this rig.

A forge tells when something was done, where and by whom. What was done before the item was claimed (or posted) was not done
for it; the repositories of a project stand in `[projects]` of the policy, the accounts of a rig in `[logins]`. What neither a
forge nor the policy tells is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bot.rulebook import (
    Finding,
    Level,
    Place,
    Probe,
    PullKind,
    Snapshot,
    Wanted,
    day,
    hand_in_again,
    quote,
    read_time,
    rule,
)

SLACK = timedelta(hours=24)
"""Clocks differ, and people claim what they have just done."""
YOUNG = timedelta(days=7)
_AUTHORED = frozenset({"github_pull", "github_commit", "gitlab_merge_request", "gitea_pull"})
"""Kinds whose author is an account of the forge. That of other commits is a text anybody can choose."""


@rule(Level.DOUBT, kinds=(PullKind.WORK,), fades=True)
def check(pull: Snapshot) -> Iterator[Finding]:
    done = pull.handed_in
    if done is None:
        return
    place, again = Place("completions", done.id, "evidence"), hand_in_again(done.wanted_id)
    for link in pull.links:
        probe = pull.probe(link.url)
        if probe is None or not probe.facts:
            continue
        for says in (_too_early(pull.item, probe), _elsewhere(pull, probe), _anothers(pull, probe), _all_ones_own(probe)):
            if says:
                yield check.finding(place, f"{quote(link.url)} {says}.", again)
        if probe.fact("author_type") == "Bot":
            yield check.finding(
                place, f"{quote(link.url)} was opened by a bot, {quote(probe.fact('author'))}.", level=Level.NOTE
            )


def _too_early(item: Wanted | None, probe: Probe) -> str:
    done_at = _done_at(probe)
    if item is None or done_at is None:
        return ""
    row = item.row
    # Claiming writes `updated_at`, and nothing else changes an item while it is claimed (wl internal/commons).
    claimed_at = read_time(row.get("updated_at")) if row.get("status") == "claimed" else None
    began = claimed_at or read_time(row.get("created_at"))
    if began is None or began - done_at <= SLACK:
        return ""
    return f"was done {day(done_at)}, before this item was {'claimed' if claimed_at else 'posted'} ({day(began)})"


def _done_at(probe: Probe) -> datetime | None:
    """When the thing came to be what it is: a pull by its merge, all else by its own date."""
    names = ("merged_at",) if "pull" in probe.kind or "merge_request" in probe.kind else ("published_at", "created_at")
    return next((found for found in (read_time(probe.fact(name)) for name in names) if found is not None), None)


def _elsewhere(pull: Snapshot, probe: Probe) -> str:
    project = pull.item.row.text("project") if pull.item is not None else ""
    allowed, repo = pull.policy.projects.get(project, ()), _repo(probe)
    if not allowed or not repo or repo in allowed:
        return ""
    return f"is in repository {quote(repo)}, which is none of project {quote(project)} ({', '.join(map(quote, allowed[:5]))})"


def _anothers(pull: Snapshot, probe: Probe) -> str:
    host, author, rig = _host(probe), probe.fact("author").lower(), pull.worker
    logins = [login for login in (pull.policy.logins.get(rig, ()) if rig else ()) if login.startswith(host + "/")]
    if not logins or not author or probe.kind not in _AUTHORED or f"{host}/{author}" in logins:
        return ""
    known = ", ".join(quote(login.partition("/")[2]) for login in logins[:5])
    return f"is by {quote(author)}, and rig {quote(rig)} is {known} there"


def _all_ones_own(probe: Probe) -> str:
    """Opened, merged and owned by one account in a repository made just before: nobody else has looked at it."""
    author, owner = probe.fact("author").lower(), probe.fact("repo").partition("/")[0].lower()
    merged_at, made_at = read_time(probe.fact("merged_at")), read_time(probe.fact("repo_created_at"))
    if merged_at is None or made_at is None or merged_at - made_at >= YOUNG:
        return ""
    if not author or {author, probe.fact("merged_by").lower()} != {owner}:
        return ""
    return f"was opened and merged by the owner of its repository, {quote(owner)}, within a week of making it"


def _repo(probe: Probe) -> str:
    repo = probe.fact("repo").lower()
    return f"{_host(probe)}/{repo}" if repo else ""


def _host(probe: Probe) -> str:
    return urlsplit(probe.final_url or probe.url).netloc.lower().removeprefix("www.")
