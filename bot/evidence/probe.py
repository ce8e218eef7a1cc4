"""Look at one link: follow it hop by hop, judge each hop afresh, return one probe result. Never raises."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.evidence.fetch.cookies import Cookies
from bot.evidence.fetch.deadline import Deadline
from bot.evidence.fetch.hop import FetchPolicy, Page, fetch
from bot.evidence.fetch.resolve import Failed
from bot.evidence.fetch.url import Refused, Target, canonical_key, read_location, read_url
from bot.evidence.kind import Evidence
from bot.evidence.kinds import INFERENCE, KINDS, TEXT, KnownHosts
from bot.evidence.page.content import (
    Baselines,
    Ending,
    Meaning,
    answers_everything,
    baseline_of,
    baseline_place,
    meaning,
    retry_after_s,
)
from bot.evidence.page.title import clean
from bot.model.evidence import Hop, Probe, Seen, Soft404Baseline, following

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S")
_SHOWN_URL_MAX: Final = 2048
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PICKY: Final = frozenset({406, 415})
_ANYTHING: Final = "*/*"
_BASELINE_LETTERS: Final = 24


@dataclass(frozen=True, slots=True)
class Looked:
    """One look: its result, and for how many seconds the host asked to be left alone, if it did."""

    probe: Probe
    retry_after_s: float | None = None


def without_looking(evidence: Evidence, at: datetime) -> Probe | None:
    """The result for evidence that is no link, so that there is nothing to look at; None for links."""
    if evidence.kind is TEXT and not _SCHEME.match(evidence.url):
        seen, reason = Seen.BLOCKED, "not_a_url"
    elif evidence.kind is INFERENCE:
        # Only running the model again tells whether it gives this output.
        seen, reason = Seen.UNKNOWN, "needs_rerun"
    else:
        return None
    return following(
        Probe(
            url=evidence.url,
            seen=seen,
            reason=reason,
            probed_at=at,
            key=evidence.key,
            kind=evidence.kind.code,
            label=evidence.kind.label,
        ),
        None,
    )


def as_known(probe: Probe, hosts: KnownHosts) -> Probe:
    """A stored result as it reads where `hosts` are known: a 404 of a forge or of a registry is *not visible*.

    They answer 404 for what is private as well, so that this answer proves nothing. The link checker cannot tell: it does not
    read the operator's file. The label is that of the kind, whatever was stored.
    """
    kind = KINDS.get(probe.kind)
    probe = replace(probe, label=kind.label if kind is not None else "")
    if (probe.seen, probe.reason) != (Seen.DEAD, "not_found"):
        return probe
    passed = (_authority(url) for url in (probe.url, probe.final_url))
    return replace(probe, seen=Seen.UNKNOWN, reason="not_visible") if any(map(hosts.hides, passed)) else probe


def beside_commons(probe: Probe, commons: str) -> Probe:
    """A result as it reads below the pulls of a commons: what the commons itself or a copy of it holds proves no work on it.

    A claim is merged there, and so is each other submission. `commons`: the name of the database, without its owner; a fork on
    DoltHub keeps it.
    """
    database = probe.fact("repo").rpartition("/")[2]
    if probe.seen is not Seen.VERIFIED or not probe.kind.startswith("dolthub_") or database.lower() != commons.lower():
        return probe
    return replace(probe, seen=Seen.SUSPICIOUS, reason="of_the_commons")


def _authority(url: str) -> str:
    try:
        return read_url(url).authority
    except Refused:
        return ""


def probe(
    url: str,
    *,
    policy: FetchPolicy,
    now: Callable[[], datetime],
    previous: Probe | None = None,
    baselines: Baselines | None = None,
    doubt_weak_hosts: bool = False,
) -> Probe:
    """The result of `look`."""
    return look(url, policy=policy, now=now, previous=previous, baselines=baselines, doubt_weak_hosts=doubt_weak_hosts).probe


def look(
    url: str,
    *,
    policy: FetchPolicy,
    now: Callable[[], datetime],
    previous: Probe | None = None,
    baselines: Baselines | None = None,
    doubt_weak_hosts: bool = False,
) -> Looked:
    """What is seen at `url`. Reads the clock once, before looking; takes at most `policy.deadline_s` and a lookup.

    REACHABLE: something answered 2xx. DEAD: 404, 410 or no such name; `misses` then holds this look too, behind
    those of `previous`. SUSPICIOUS: a person may see something, but it is not as it should be. BLOCKED: the policy
    refused, the last hop says where and why. UNKNOWN: everything else, never the contributor's fault.

    `baselines`: where answers for pages that cannot be there are kept; without it, none is asked for. `doubt_weak_hosts`:
    whether a page on an address, in clear text or on a port of its own is SUSPICIOUS for that alone.
    """
    began = now()
    hops: list[Hop] = []
    ending: Ending | None = None
    try:
        with Deadline(policy.deadline_s) as deadline:
            ending = _follow(url, policy, deadline, hops)
            found = meaning(ending, doubt_weak_hosts=doubt_weak_hosts)
            if baselines is not None and (place := baseline_place(ending, found)):
                baseline = baselines.get(place)
                if baseline is None:
                    baseline = _ask_for_baseline(place, ending.target, policy, deadline, began)
                    baselines.put(place, baseline)
                if answers_everything(ending.page, baseline, policy.body_max_bytes):
                    found = Meaning(Seen.SUSPICIOUS, "catch_all")
    except Refused as refusal:
        found = _refusal(refusal)
    except Failed as failure:
        found = _failure(failure)
    except Exception as error:
        # A prober that dies of one link would never look at the others. The class name only: the text is a stranger's.
        hops.append(Hop(url="", address="", status=None, note=f"our fault: {type(error).__name__}"))
        found = Meaning(Seen.UNKNOWN, "ours")
    page = ending.page if ending is not None else None
    wait_s = retry_after_s(page, began) if page is not None else None
    if wait_s is not None:
        hops[-1] = replace(hops[-1], note=f"retry after {wait_s:.0f} s")
    looked = Probe(
        url=url,
        seen=found.seen,
        reason=found.reason,
        probed_at=began,
        status=page.status if page is not None else None,
        content_type=clean(page.content_type, 100) if page is not None else "",
        title=ending.title if ending is not None else "",
        sha256=hashlib.sha256(page.wire).hexdigest() if page is not None and page.wire else "",
        key=canonical_key(url),
        final_url=ending.target.url if ending is not None else "",
        hops=tuple(hops),
    )
    return Looked(following(looked, previous), wait_s)


def _follow(url: str, policy: FetchPolicy, deadline: Deadline, hops: list[Hop]) -> Ending:
    """Follow the chain. Every hop, refused or not, is in `hops` when this returns or raises."""
    try:
        target = first = read_url(url)
    except Refused as refusal:
        hops.append(_refused_hop(url, refusal))
        raise
    been = {(target.url, "")}
    routed = False
    jar = Cookies()
    downgraded: Target | None = None
    while True:
        page = _hop(target, policy, deadline, hops, jar.of(target))
        if page.status in _PICKY and policy.accept != _ANYTHING:
            # The host has it in another form than was asked for. Any form is asked for from here on.
            policy = replace(policy, accept=_ANYTHING)
            page = _hop(target, policy, deadline, hops, jar.of(target))
        jar.keep(target, page.cookies)
        if page.status not in _REDIRECTS or not page.location:
            if downgraded is not None and (target.scheme, target.host) != ("https", downgraded.host):
                raise Refused("redirect_downgrade", "from https to http")
            return Ending(page=page, first=first, target=target, routed=routed)
        location = page.location[0]
        try:
            onward = read_location(target, location)
            if len(set(page.location)) > 1:
                raise Refused("redirect_ambiguous", "several Location headers")
            if target.scheme == "https" and onward.scheme == "http":
                # Some applications behind a proxy send by way of http to the same host: what counts is where it ends.
                downgraded = downgraded or target
            if (onward.url, jar.of(onward)) in been:
                raise Refused("redirect_loop", "been there already")
            if len(been) > policy.redirects_max:
                raise Refused("too_many_redirects", f"more than {policy.redirects_max}")
        except Refused as refusal:
            hops.append(_refused_hop(location, refusal))
            raise
        been.add((onward.url, jar.of(onward)))
        target = onward
        routed = location.partition("#")[2].startswith(("/", "!"))


def _hop(target: Target, policy: FetchPolicy, deadline: Deadline, hops: list[Hop], cookie: str) -> Page:
    try:
        page = fetch(target, policy, deadline, cookie)
    except Refused as refusal:
        hops.append(_refused_hop(target.url, refusal))
        raise
    except Failed as failure:
        hops.append(Hop(url=target.url, address=failure.address, status=None, note=failure.reason))
        raise
    hops.append(Hop(url=target.url, address=page.address, status=page.status))
    return page


def _ask_for_baseline(place: str, target: Target, policy: FetchPolicy, deadline: Deadline, now: datetime) -> Soft404Baseline:
    """What is answered for a page at `place` that cannot be there. One that fails, or leads on, tells nothing."""
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_BASELINE_LETTERS))
    # In the same form: sites send `/page` to `/page/`, or the other way, before they look whether it is there.
    slash = "/" if target.rest.partition("?")[0].endswith("/") else ""
    try:
        return baseline_of(fetch(read_url(place + name + slash), policy, deadline), now)
    except (Refused, Failed):
        return Soft404Baseline(asked_at=now)


def _refused_hop(url: str, refusal: Refused) -> Hop:
    note = f"refused: {refusal.reason}" + (f" ({refusal.note})" if refusal.note else "")
    return Hop(url=clean(url, _SHOWN_URL_MAX), address=refusal.address, status=None, note=clean(note, 200))


def _refusal(refusal: Refused) -> Meaning:
    """BLOCKED is for what must not be dialled. A host that the operator keeps the bot away from is a wall."""
    match refusal.reason:
        case "denied_host":
            return Meaning(Seen.UNKNOWN, "wall")
        case "redirect_loop" | "too_many_redirects" | "redirect_ambiguous":
            # It could not be followed; nothing that must not be dialled was named.
            return Meaning(Seen.UNKNOWN, refusal.reason)
        case "redirect_downgrade":
            return Meaning(Seen.SUSPICIOUS, refusal.reason)
        case reason:
            return Meaning(Seen.BLOCKED, reason)


def _failure(failure: Failed) -> Meaning:
    match failure.reason:
        case "nxdomain":
            return Meaning(Seen.DEAD, "nxdomain")
        case "tls_expired" | "tls_name" | "tls_untrusted":
            return Meaning(Seen.SUSPICIOUS, failure.reason)
        case reason:
            return Meaning(Seen.UNKNOWN, reason)
