"""Look at one link: follow it hop by hop, judge each hop afresh, write down a small fact sheet. Never raises."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from bot.evidence.deadline import Deadline
from bot.evidence.fetch import FetchPolicy, Page, fetch
from bot.evidence.resolve import Failed
from bot.evidence.title import clean, title_of
from bot.evidence.url import Refused, Target, canonical_key, read_location, read_url
from bot.model.evidence import Hop, Probe, Seen, following

_SHOWN_URL_MAX: Final = 2048
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_LOGIN_PATHS: Final = ("/login", "/signin", "/sign_in", "/sign-in", "/users/sign_in")
_LOGIN_HOSTS: Final = ("accounts.", "login.", "signin.", "sso.")


def probe(url: str, *, policy: FetchPolicy, now: Callable[[], datetime], previous: Probe | None = None) -> Probe:
    """What is seen at `url`. Reads the clock once, before looking; takes at most `policy.deadline_s` and a lookup.

    REACHABLE: something answered 2xx. DEAD: 404, 410 or no such name; `misses` then holds this sighting too, behind
    those of `previous`. SUSPICIOUS: a person may see something, but it is not as it should be. BLOCKED: our policy
    refused, the last hop says where and why. UNKNOWN: everything else, never the contributor's fault.
    """
    began = now()
    hops: list[Hop] = []
    try:
        with Deadline(policy.deadline_s) as deadline:
            seen = _follow(url, policy, deadline, hops)
    except Refused as refusal:
        seen = _Sighting(Seen.BLOCKED, refusal.reason)
    except Failed as failure:
        seen = _failure(failure)
    except Exception as error:
        # A prober that dies of one link would never look at the others. The class name only: the text is a stranger's.
        hops.append(Hop(url="", address="", status=None, note=f"our fault: {type(error).__name__}"))
        seen = _Sighting(Seen.UNKNOWN, "ours")
    page, target = seen.page, seen.target
    looked = Probe(
        url=url,
        seen=seen.seen,
        reason=seen.reason,
        probed_at=began,
        status=page.status if page is not None else None,
        content_type=clean(page.content_type, 100) if page is not None else "",
        title=title_of(page.body, page.content_type) if page is not None else "",
        sha256=hashlib.sha256(page.wire).hexdigest() if page is not None and page.wire else "",
        key=canonical_key(url),
        final_url=target.url if target is not None else "",
        hops=tuple(hops),
    )
    return following(looked, previous)


class _Sighting:
    """What the chain ended in."""

    __slots__ = ("page", "reason", "seen", "target")

    def __init__(self, seen: Seen, reason: str, page: Page | None = None, target: Target | None = None) -> None:
        self.seen = seen
        self.reason = reason
        self.page = page
        self.target = target


def _follow(url: str, policy: FetchPolicy, deadline: Deadline, hops: list[Hop]) -> _Sighting:
    """Follow the chain. Every hop, refused or not, is in `hops` when this returns or raises."""
    try:
        target = first = read_url(url)
    except Refused as refusal:
        hops.append(_refused_hop(url, refusal))
        raise
    been = {target.url}
    while True:
        page = _hop(target, policy, deadline, hops)
        if page.status not in _REDIRECTS or not page.location:
            return _answered(page, first, target)
        location = page.location[0]
        try:
            onward = read_location(target, location)
            if len(set(page.location)) > 1:
                raise Refused("redirect_ambiguous", "several Location headers")
            if target.scheme == "https" and onward.scheme == "http":
                raise Refused("redirect_downgrade", "from https to http")
            if onward.url in been:
                raise Refused("redirect_loop", "been there already")
            if len(been) > policy.redirects_max:
                raise Refused("too_many_redirects", f"more than {policy.redirects_max}")
        except Refused as refusal:
            hops.append(_refused_hop(location, refusal))
            raise
        been.add(onward.url)
        target = onward


def _hop(target: Target, policy: FetchPolicy, deadline: Deadline, hops: list[Hop]) -> Page:
    try:
        page = fetch(target, policy, deadline)
    except Refused as refusal:
        hops.append(_refused_hop(target.url, refusal))
        raise
    except Failed as failure:
        hops.append(Hop(url=target.url, address=failure.address, status=None, note=failure.reason))
        raise
    hops.append(Hop(url=target.url, address=page.address, status=page.status))
    return page


def _refused_hop(url: str, refusal: Refused) -> Hop:
    note = f"refused: {refusal.reason}" + (f" ({refusal.note})" if refusal.note else "")
    return Hop(url=clean(url, _SHOWN_URL_MAX), address=refusal.address, status=None, note=clean(note, 200))


def _answered(page: Page, first: Target, target: Target) -> _Sighting:
    def saw(seen: Seen, reason: str) -> _Sighting:
        return _Sighting(seen, reason, page, target)

    redirected = target != first
    match page.status:
        case _ if page.challenged:
            return saw(Seen.UNKNOWN, "wall")
        case 204 | 205:
            return saw(Seen.SUSPICIOUS, "empty")
        case status if 200 <= status <= 299:
            if redirected and _asks_for_login(target):
                return saw(Seen.UNKNOWN, "login")
            if redirected and first.rest != "/" and target.rest == "/" and target.host == first.host:
                # A deep link that ends at the front door is how many sites say "not found".
                return saw(Seen.SUSPICIOUS, "soft_404")
            return saw(Seen.REACHABLE, "ok") if page.wire else saw(Seen.SUSPICIOUS, "empty")
        case 404:
            return saw(Seen.DEAD, "not_found")
        case 410:
            return saw(Seen.DEAD, "gone")
        case 401 | 407:
            return saw(Seen.UNKNOWN, "login")
        case 451:
            return saw(Seen.UNKNOWN, "legal")
        case 429:
            return saw(Seen.UNKNOWN, "limit")
        case 405 | 408 | 425:
            return saw(Seen.UNKNOWN, "transient")
        case status if 400 <= status <= 499 or status > 599:
            return saw(Seen.UNKNOWN, "wall")
        case _:
            # 1xx, 3xx that leads nowhere, 5xx.
            return saw(Seen.UNKNOWN, "transient")


def _asks_for_login(target: Target) -> bool:
    path = urlsplit(target.url).path.rstrip("/").lower()
    return target.host.startswith(_LOGIN_HOSTS) or path.endswith(_LOGIN_PATHS)


def _failure(failure: Failed) -> _Sighting:
    match failure.reason:
        case "nxdomain":
            return _Sighting(Seen.DEAD, "nxdomain")
        case "tls_expired" | "tls_name" | "tls_untrusted":
            return _Sighting(Seen.SUSPICIOUS, failure.reason)
        case reason:
            return _Sighting(Seen.UNKNOWN, reason)
