"""What a response means: the status first, then rules about redirects and content, which only lower the verdict.

Nothing here opens a connection. A rule without a clear sign has no effect, and a page that only looks odd keeps its verdict: a
doubt costs its contributor a question by a person.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Protocol
from urllib.parse import parse_qsl

from bot.evidence.fetch.hop import Page
from bot.evidence.fetch.url import DEFAULT_PORTS, Target
from bot.evidence.page.domain import registrable_domain, without_www
from bot.evidence.page.markup import attribute, shown, tags
from bot.evidence.page.parking import is_parked
from bot.evidence.page.title import heading_of, is_html, title_of
from bot.evidence.page.walls import is_walled
from bot.evidence.page.wording import heading_says_not_found, says_login, says_not_found
from bot.model.evidence import Seen, Soft404Baseline

RETRY_AFTER_MAX_S: Final = 3600.0
SAME_LENGTH: Final = 0.05
"""Two bodies whose lengths differ by no more than this part are as long as each other: one may quote its own address."""


class Baselines(Protocol):
    """What hosts answered for pages that cannot be there, by place: `https://host/dir/`. Neither raises."""

    def get(self, place: str) -> Soft404Baseline | None:
        """What was answered there within the last day."""

    def put(self, place: str, baseline: Soft404Baseline) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a chain of redirects from `first` ended in: `page`, answered for `target`.

    `routed`: the last redirect named a place within the page, as sites do that a script draws (`/#/items/3`).
    """

    page: Page
    first: Target
    target: Target
    routed: bool = False

    @property
    def redirected(self) -> bool:
        return self.target is not self.first and self.target != self.first

    @cached_property
    def title(self) -> str:
        """Of the page, cleaned; empty without one."""
        return title_of(self.page.body, self.page.content_type)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The verdict of one look, and the code of its reason."""

    seen: Seen
    reason: str


_MILD: Final = (Meaning(Seen.REACHABLE, "ok"), Meaning(Seen.SUSPICIOUS, "other_domain"), Meaning(Seen.SUSPICIOUS, "weak_host"))
"""What leaves it open whether the page itself is one. Anything else is said already, and worse."""


def meaning(ending: Ending, *, doubt_weak_hosts: bool = False) -> Meaning:
    """What the last answer says. DEAD is the word of a 404 or 410 alone, whatever stands in the page."""
    match ending.page.status:
        case _ if ending.page.challenged:
            return Meaning(Seen.UNKNOWN, "wall")
        case 204 | 205:
            return Meaning(Seen.SUSPICIOUS, "empty")
        case status if 200 <= status <= 299:
            if is_walled(status, ending.title, ending.page.body):
                return Meaning(Seen.UNKNOWN, "wall")
            if _led_to_login(ending) or _is_login_form(ending):
                return Meaning(Seen.UNKNOWN, "login")
            doubt = _doubt(ending, doubt_weak_hosts)
            return Meaning(Seen.SUSPICIOUS, doubt) if doubt else Meaning(Seen.REACHABLE, "ok")
        case 404 | 410 if _led_to_login(ending):
            # It is the login page that is not there; what was asked for is behind it, or not.
            return Meaning(Seen.UNKNOWN, "login")
        case 404:
            return Meaning(Seen.DEAD, "not_found")
        case 410:
            return Meaning(Seen.DEAD, "gone")
        case 401 | 407:
            return Meaning(Seen.UNKNOWN, "login")
        case 451:
            return Meaning(Seen.UNKNOWN, "legal")
        case 429:
            return Meaning(Seen.UNKNOWN, "limit")
        case 405 | 408 | 425:
            return Meaning(Seen.UNKNOWN, "transient")
        case status if 400 <= status <= 499 or status > 599:
            return Meaning(Seen.UNKNOWN, "wall")
        case _:
            # 101, 3xx that leads nowhere, 5xx.
            return Meaning(Seen.UNKNOWN, "transient")


def retry_after_s(page: Page, now: datetime) -> float | None:
    """For how long a page asks to be left alone, at most RETRY_AFTER_MAX_S; None if it does not, or its status is no reason.

    RFC 9110, 10.2.3: seconds, or a date.
    """
    if page.status not in (408, 425, 429) and not 500 <= page.status <= 599:
        return None
    text = page.retry_after.strip()
    if re.fullmatch(r"[0-9]+", text):
        return min(float(text[:400]), RETRY_AFTER_MAX_S)
    try:
        until = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
    return min(max(0.0, math.ceil((until - now).total_seconds())), RETRY_AFTER_MAX_S)


# --- a page that answers for everything -------------------------------------------------------------------------------


def baseline_place(ending: Ending, found: Meaning) -> str:
    """Where a page should be asked for that cannot be there, to learn whether this host answers for everything.

    Empty where that would tell nothing: a site's front door is there whatever else is, only a plain page can be the one
    shown for everything, and one that is doubted more already needs no further doubt.
    """
    page, target = ending.page, ending.target
    if found not in _MILD or page.status != 200 or not is_html(page.content_type) or _is_front_door(target):
        return ""
    # The baseline of `/app/` is asked for in `/`, like that of `/app`.
    directory = _path(target).rstrip("/").rpartition("/")[0]
    return f"{target.url.removesuffix(target.rest)}{directory}/"


def baseline_of(page: Page, asked_at: datetime) -> Soft404Baseline:
    """What is kept of an answer for a page that cannot be there."""
    if page.challenged:
        return Soft404Baseline(asked_at=asked_at)
    return Soft404Baseline(
        asked_at=asked_at,
        status=page.status,
        sha256=hashlib.sha256(page.wire).hexdigest() if page.wire else "",
        title=title_of(page.body, page.content_type),
        length=len(page.wire),
    )


def answers_everything(page: Page, baseline: Soft404Baseline, body_max_bytes: int) -> bool:
    """Whether the page is what its host shows for a page that cannot be there: the same, or one titled alike and as long."""
    if baseline.status != 200:
        return False
    own = baseline_of(page, baseline.asked_at)
    if own.sha256 == baseline.sha256:
        return True
    longest = max(own.length, baseline.length)
    # Of two bodies that were cut, both lengths are the limit.
    alike = longest < body_max_bytes and abs(own.length - baseline.length) <= longest * SAME_LENGTH
    return alike and own.title != "" and own.title == baseline.title


# --- a page that leads to doubt ---------------------------------------------------------------------------------------


def _doubt(ending: Ending, doubt_weak_hosts: bool) -> str:
    """Why what answered 2xx may not be what it should be, the worst first; empty if nothing speaks against it."""
    page = ending.page
    if not page.wire.strip():
        return "empty"
    if is_parked(page, ending.first, ending.target):
        return "parked"
    if _led_to_less(ending):
        return "soft_404"
    if is_html(page.content_type) and (
        says_not_found(ending.title) or heading_says_not_found(heading_of(page.body, page.content_type), ending.title)
    ):
        return "soft_404"
    if ending.redirected and registrable_domain(ending.first.host) != registrable_domain(ending.target.host):
        return "other_domain"
    return "weak_host" if doubt_weak_hosts and _is_weak(ending) else ""


def _is_weak(ending: Ending) -> bool:
    """Whether another owner can have the host tomorrow, or answer for it on the way: never within the operator's networks."""
    target = ending.target
    odd = target.literal is not None or target.scheme == "http" or target.port != DEFAULT_PORTS[target.scheme]
    return odd and not ending.page.trusted


# --- where redirects lead ---------------------------------------------------------------------------------------------

_LANGUAGE: Final = (
    "ar|bg|ca|cs|da|de|el|en|es|et|fa|fi|fr|he|hi|hr|hu|id|it|ja|ko|lt|lv|nb|nl|no|pl|pt|ro|ru|sk|sl|sr|sv|th|tr|uk|vi|zh"
)
_FRONT_DOOR: Final = re.compile(
    rf"/*|/(?:index|default|home)(?:\.[a-z]{{3,5}})?/?|/(?:{_LANGUAGE})(?:[-_][a-z]{{2,4}})?/?", re.IGNORECASE
)
_ERROR_PAGE: Final = re.compile(
    r"(?:error[-_/]?)?404|404[-_]error|(?:page[-_]?)?not[-_]?found|error[-_]404|errors?/(?:404|not[-_]?found)", re.IGNORECASE
)
_ABOUT_VISITS: Final = re.compile(r"utm_.*|ref|source|fbclid|gclid|msclkid|mc_[ce]id|lang|locale|hl", re.IGNORECASE)


def _led_to_less(ending: Ending) -> bool:
    """Whether a redirect ended at the front door, far above or at an error page: how many sites say "not found" with a 200."""
    first, target = ending.first, ending.target
    if not ending.redirected or registrable_domain(first.host) != registrable_domain(target.host):
        return False
    if _is_error_page(target) and not _is_error_page(first):
        return True
    # A host of its own for what was a part (example.com/docs, docs.example.com) is a move, no loss.
    if without_www(first.host) != without_www(target.host) or ending.routed or _is_front_door(first):
        return False
    asked, given = _segments(first), _segments(target)
    return _is_front_door(target) or (len(given) * 2 < len(asked) and asked[: len(given)] == given and not _names_more(target))


def _is_front_door(target: Target) -> bool:
    """Whether this is a site's first page, in any language. A query makes it another unless it only says who sent them."""
    return _FRONT_DOOR.fullmatch(_path(target)) is not None and not _names_more(target)


def _names_more(target: Target) -> bool:
    """Whether a query says which page is meant."""
    named = parse_qsl(target.rest.partition("?")[2], keep_blank_values=True)
    return not all(_ABOUT_VISITS.fullmatch(name) for name, _ in named)


def _is_error_page(target: Target) -> bool:
    path = re.sub(r"\.[a-z]{3,5}$", "", _path(target).strip("/"), flags=re.IGNORECASE)
    return any(_ERROR_PAGE.fullmatch(end) for end in (path.rpartition("/")[2], "/".join(path.split("/")[-2:])))


def _segments(target: Target) -> list[str]:
    return [segment for segment in _path(target).split("/") if segment]


def _path(target: Target) -> str:
    return target.rest.partition("?")[0]


# --- login pages ----------------------------------------------------------------------------------------

_LOGIN_PATH: Final = re.compile(
    r".*/(?:(?:wp-)?log[-_]?in|log-?on|sign[-_]?in|sessions?/new|oauth2?(?:/v[0-9.]+)?/authorize|cas/login|adfs/ls|saml2?(?:/[a-z]+)?)"
    r"(?:\.[a-z]{2,5})?/?",
    re.IGNORECASE,
)
_LOGIN_HOST: Final = re.compile(
    r"(?:accounts?|login|logon|signin|sso|auth|idp)\..*"
    # Single sign-on as a service, by the names these give their customers.
    r"|.*\.(?:okta\.com|oktapreview\.com|auth0\.com|onelogin\.com|cloudflareaccess\.com|amazoncognito\.com|b2clogin\.com)"
)


def _led_to_login(ending: Ending) -> bool:
    """Whether a redirect ended at a login. Work that *is* a login page was asked for at such an address, and is seen."""
    if not ending.redirected:
        return False
    first, target = ending.first, ending.target
    path = bool(_LOGIN_PATH.fullmatch(_path(target)) and not _LOGIN_PATH.fullmatch(_path(first)))
    host = bool(_LOGIN_HOST.fullmatch(target.host) and not _LOGIN_HOST.fullmatch(first.host))
    return path or host


def _is_login_form(ending: Ending) -> bool:
    """Whether a page below the front door is a login: its title says so and nothing else, and it asks for a password.

    One sign alone would not do: pages about logging in have such titles, and forums have such a field on each page. A front
    door or a login address that shows a login shows what it is.
    """
    page, first = ending.page, ending.first
    if b"password" not in page.body.lower():
        # By far the most pages: to look for the word alone costs next to nothing.
        return False
    if not is_html(page.content_type) or _is_front_door(first) or _LOGIN_PATH.fullmatch(_path(first)):
        return False
    if not says_login(ending.title):
        return False
    fields = (attributes for name, attributes in tags(shown(page.body)) if name == "input")
    return any(attribute(attributes, "type").lower() == "password" for attributes in fields)
