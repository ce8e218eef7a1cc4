"""The evidence belongs to this item, this project and this rig.

A forge tells when something was done, where and by whom. What was done before the item was claimed (or posted) was not done
for it; the repositories of a project stand in `[projects]` of the policy, the accounts of a rig in `[logins]`. What was merged
by its own author, or stands in the author's own repository, proves nothing about who looked at it, unless `[projects]` names
that repository. What neither a forge nor the policy tells is not guessed. Many name the item in the title of their work; one
that names another item is worth a glance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bot.rulebook import (
    Completion,
    Finding,
    Level,
    Place,
    Probe,
    PullKind,
    Seen,
    Snapshot,
    Wanted,
    day,
    quote,
    read_time,
    rule,
    submit_again,
)

SLACK = timedelta(hours=24)
"""Clocks differ, and people claim what they have just done."""
_AUTHORED = frozenset({"github_pull", "github_commit", "gitlab_merge_request", "gitea_pull"})
"""Kinds whose author is an account of the forge. That of other commits is a text anybody can choose."""

_ITEM = re.compile(r"\bw-(?:[0-9a-f]{10,16}|[a-z][a-z0-9-]*-[0-9]+)\b", re.IGNORECASE)
"""Ids as the tools make them, and as people number them: `w-870be07fbc`, `w-com-001` (wl internal/commons; hop/wl-commons)."""


@rule(
    Level.DOUBT,
    label="Evidence match",
    asks="The evidence is about this item, by a plausible author, and not older than the claim",
    kinds=(PullKind.WORK,),
    softens_after_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    done = pull.completion
    if done is None:
        return
    place = Place("completions", done.id, "evidence")
    anew = f"Submit what was done for this item. {submit_again(done.wanted_id)}"
    for link in pull.links:
        probe = pull.probe(link.url)
        if probe is None or not probe.facts:
            continue
        for says, remedy in (
            (_too_early(pull.item, probe), anew),
            (_elsewhere(pull, probe), "Say in a comment why the work is there, or submit work in the project"),
            (_anothers(pull, probe), "Say in a comment whose account that is, or submit work of the rig's own"),
            (_all_ones_own(pull, probe), "Another person reads the work itself before it is accepted"),
        ):
            if says:
                yield check.finding(place, f"{quote(link.url)} {says}.", remedy)
        if other := _names_another(done, probe):
            yield check.finding(
                place,
                f"{quote(link.url)} is called {quote(probe.fact('title'))}, which names item {quote(other)}.",
                "Say in a comment how it belongs to this item",
                level=Level.NOTE,
            )
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


def _all_ones_own(pull: Snapshot, probe: Probe) -> str:
    """Merged by its own author, or in the author's own repository: another person may never have looked at it."""
    if probe.seen is not Seen.VERIFIED or _repo(probe) in {repo for repos in pull.policy.projects.values() for repo in repos}:
        return ""
    host, author, owner = _host(probe), probe.fact("author").lower(), probe.fact("repo").partition("/")[0].lower()
    logins = pull.policy.logins.get(pull.worker, ()) if pull.worker else ()
    own = {author, *(login.removeprefix(f"{host}/") for login in logins if login.startswith(f"{host}/"))} - {""}
    if probe.fact("merged_by").lower() in own:
        return f"was merged by its own author, {quote(author or owner)}"
    return f"is in the author's own repository, {quote(owner)}'s" if owner in own else ""


def _names_another(done: Completion, probe: Probe) -> str:
    """The first item in the title, if this one is not among those it names."""
    named = [found[0] for found in _ITEM.finditer(probe.fact("title"))]
    return named[0] if named and done.wanted_id.lower() not in (name.lower() for name in named) else ""


def _repo(probe: Probe) -> str:
    repo = probe.fact("repo").lower()
    return f"{_host(probe)}/{repo}" if repo else ""


def _host(probe: Probe) -> str:
    return urlsplit(probe.final_url or probe.url).netloc.lower().removeprefix("www.")
