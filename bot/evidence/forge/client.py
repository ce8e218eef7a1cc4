"""The client of one forge or registry: drives inquiries over HTTP, one at a time, with each token bound to its one host."""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from bot.evidence.fetch.connection import ForgeConnection, ForgeResponse
from bot.evidence.fetch.deadline import Deadline
from bot.evidence.fetch.resolve import Failed
from bot.evidence.fetch.url import Refused, Target, read_location, read_url
from bot.evidence.forge.budget import Budget
from bot.evidence.forge.catalog import FORGES, REGISTRIES
from bot.evidence.forge.inquiry import TELLING, Ask, Found, Inquiry, Reply, Settled, Strange, unknown
from bot.evidence.forge.roots import Origin, is_below, is_straight, is_this_machine, origin, read_root
from bot.evidence.kind import Evidence
from bot.evidence.page.title import clean
from bot.model.evidence import Hop, Seen

LOOK_DEADLINE_S: Final = 20.0
"""For one piece of evidence, all questions, redirects and pauses included."""
RETRY_PAUSES_S: Final = (2.0, 10.0)
"""Longest pauses before the second and the third try; the real ones are drawn from zero to these (full jitter)."""
REDIRECTS_MAX: Final = 3
ASKS_MAX: Final = 12
HOPS_MAX: Final = 8
REMEMBERED_MAX: Final = 128
REMEMBERED_BYTES_MAX: Final = 256 * 1024
USER_AGENT: Final = "stampbot (evidence check for a Wasteland commons)"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")
_APIS: Final = {**FORGES, **REGISTRIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look came to, and every question on the way. `status` is that of the last answer."""

    found: Found
    hops: tuple[Hop, ...] = ()
    status: int | None = None


@dataclass(slots=True)
class _Look:
    """One look under way. `dial`: makes a connection to the origin of a root, closed when the look is over."""

    dial: Callable[[Target], ForgeConnection]
    deadline: Deadline
    urgent: bool
    lines: dict[Origin, ForgeConnection] = field(default_factory=dict)
    hops: list[Hop] = field(default_factory=list)
    status: int | None = None

    def line_to(self, root: Target) -> ForgeConnection:
        """The connection to the API or to its realm; more origins than these two there are not."""
        where = origin(root)
        if where not in self.lines:
            self.lines[where] = self.dial(root)
        return self.lines[where]


@dataclass(frozen=True, slots=True)
class _Question:
    """An ask, the URL it came to, and the root below which that lies: judged, so it may be sent."""

    ask: Ask
    url: str
    root: Target


class Forge:
    """One forge or registry. Safe to share between threads; one question is asked at a time.

    `what`: the name of its descriptor. `host`: as bot.evidence.kinds knows it. `api`: the root of its API,
    `https://api.github.com`; nothing is ever sent anywhere else, the token least of all, but for the question for a token
    at or below `realm`, where this API's tokens are handed out. `ca_file`: certificates to trust instead of the usual ones.

    Raises ValueError for a root that is no URL, or that would take a token in clear text beyond this machine.
    """

    def __init__(
        self,
        what: str,
        host: str,
        api: str,
        *,
        now: Callable[[], datetime],
        token: str = "",
        realm: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        deadline_s: float = LOOK_DEADLINE_S,
        ca_file: str | None = None,
    ) -> None:
        if what not in _APIS:
            raise ValueError(f"{what!r} is no kind of forge")
        self._root = read_root(api)
        self._realm = read_root(realm) if realm else None
        for root in filter(None, (self._root if token or realm else None, self._realm)):
            if root.scheme != "https" and not is_this_machine(root.host):
                raise ValueError("the token would go over the network in clear text")
        self.what = what
        self.host = host
        self._api = _APIS[what]
        self._token = token
        self._now = now
        self._sleep = sleep
        self._deadline_s = deadline_s
        self._ca_file = ca_file
        self._budget = Budget(clock, now)
        self._one_at_a_time = threading.Lock()
        self._remembered: OrderedDict[str, tuple[str, ForgeResponse]] = OrderedDict()

    def __repr__(self) -> str:
        return f"Forge({self.what!r}, {self.host!r})"

    def knows(self, evidence: Evidence) -> bool:
        """Whether this forge has a say about a piece of evidence."""
        return evidence.host == self.host and self._api.inquire(evidence) is not None

    def look(self, evidence: Evidence, *, urgent: bool = False) -> Looked:
        """Ask about a piece of evidence this forge knows. Never raises; takes `deadline_s` at most, twice that in a queue.

        What is not the contributor's fault is UNKNOWN: an outage, a limit, a refused token, an answer of a strange shape.
        `urgent`: a decision waits for the answer, so it may be paid for with the last of the rate limit.
        """
        inquiry = self._api.inquire(evidence)
        if inquiry is None or not self._one_at_a_time.acquire(timeout=self._deadline_s):
            return Looked(found=Found(seen=Seen.UNKNOWN, reason="busy" if inquiry is not None else "other_forge"))
        try:
            with Deadline(self._deadline_s) as deadline, ExitStack() as lines:

                def dial(root: Target) -> ForgeConnection:
                    return lines.enter_context(ForgeConnection(root, deadline, self._ca_file))

                look = _Look(dial=dial, deadline=deadline, urgent=urgent)
                found = self._drive(inquiry, look)
            return Looked(found=found, hops=tuple(look.hops[-HOPS_MAX:]), status=look.status)
        finally:
            self._one_at_a_time.release()

    def _drive(self, inquiry: Inquiry, look: _Look) -> Found:
        try:
            ask = next(inquiry)
            for _ in range(ASKS_MAX):
                ask = inquiry.send(self._reply(ask, look))
            raise Strange("an inquiry without end")
        except StopIteration as end:
            found: Found = end.value
            return found
        except Settled as settled:
            return settled.found
        except Strange as strange:
            look.hops.append(Hop(url="", address="", status=None, note=clean(f"strange: {strange}", 120)))
            return Found(seen=Seen.UNKNOWN, reason="strange")
        except Exception as error:
            # One odd answer must not end the worker's look at the pull. The class name only: the text may be a stranger's.
            look.hops.append(Hop(url="", address="", status=None, note=f"our fault: {type(error).__name__}"))
            return Found(seen=Seen.UNKNOWN, reason="ours")
        finally:
            inquiry.close()

    # --- one question -----------------------------------------------------------------------------------------------

    def _reply(self, ask: Ask, look: _Look) -> Reply:
        """The reply to one question, redirects followed. Raises Settled where it tells nothing about the evidence."""
        question = self._question(ask, look)
        moved = False
        for _ in range(REDIRECTS_MAX + 1):
            answer = self._patiently(question, look)
            if isinstance(answer, Reply):
                return replace(answer, moved=moved)
            question, moved = self._onward(question, answer), True
        raise unknown("redirect_loop")

    def _question(self, ask: Ask, look: _Look) -> _Question:
        """Where an ask goes. A realm must be at the API's own origin, or below the one the operator named."""
        query = f"?{urlencode(ask.query)}" if ask.query else ""
        if not ask.realm:
            return _Question(ask, self._root.url.rstrip("/") + ask.path + query, self._root)
        try:
            realm = read_url(ask.realm)
        except Refused:
            realm = None
        if realm is None or "?" in realm.rest or not self._hands_out(realm):
            look.hops.append(Hop(url=clean(ask.realm, 2048), address="", status=None, note="not the realm of this API"))
            raise unknown("redirect_elsewhere")
        return _Question(ask, realm.url + query, realm)

    def _hands_out(self, realm: Target) -> bool:
        """Whether tokens may be fetched there. An operator writes the realm as challenges name it, or a root above it."""
        own = origin(realm) == origin(self._root) and is_straight(realm)
        as_root = replace(realm, rest=realm.rest.rstrip("/") + "/")
        return own or (self._realm is not None and is_below(self._realm, as_root))

    def _patiently(self, question: _Question, look: _Look) -> Reply | ForgeResponse:
        """A reply, or an answer that leads elsewhere. Tries again where another try may help and there is time for it."""
        trouble = ""
        for pause_s in (*(random.uniform(0, most_s) for most_s in RETRY_PAUSES_S), None):
            if reason := self._budget.refusal(urgent=look.urgent):
                raise unknown(trouble or reason)
            try:
                return self._once(question, look)
            except _Passing as passing:
                trouble = passing.reason
                if pause_s is None or pause_s >= look.deadline.left():
                    raise unknown(passing.reason) from passing
            self._sleep(pause_s)
        raise AssertionError("unreachable")

    def _once(self, question: _Question, look: _Look) -> Reply | ForgeResponse:
        tag, kept = self._remembered.get(question.url, ("", None))
        shown = clean(question.url, 2048)
        try:
            answer = look.line_to(question.root).get(question.url, self._headers(question.ask, tag))
        except Failed as failure:
            look.hops.append(Hop(url=shown, address="", status=None, note=failure.reason))
            self._budget.failed(question.url)
            if failure.reason in ("deadline", "tls"):
                raise unknown(failure.reason) from failure
            raise _Passing(failure.reason) from failure
        look.status = answer.status
        look.hops.append(Hop(url=shown, address="", status=answer.status, note="not modified" if answer.status == 304 else ""))
        document = _document(answer)
        says = document.get("message") if isinstance(document, dict) else None
        limited = self._budget.answered(question.url, answer.status, answer.headers, says if isinstance(says, str) else "")
        if limited:
            raise unknown("limit")
        if answer.status == 304 and kept is not None:
            return self._told(question, kept, _document(kept))
        if answer.status in _REDIRECTS:
            return answer
        return self._told(question, answer, document)

    def _headers(self, ask: Ask, tag: str) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, **dict(self._api.headers)}
        if not _BEARER.fullmatch(ask.bearer or "-"):
            raise Strange("a token that cannot stand in a header")
        # No token is sent to a realm, be it at the API's own origin.
        if (token := ask.bearer or self._token) and not ask.realm:
            headers["Authorization"] = f"Bearer {token}"
        if tag:
            headers["If-None-Match"] = tag
        return headers

    def _told(self, question: _Question, answer: ForgeResponse, document: object) -> Reply:
        """What an answer says, if it speaks of the evidence at all."""
        ask = question.ask
        headers = tuple((name, answer.headers[name]) for name in ask.wants if name in answer.headers)
        match answer.status:
            case status if 200 <= status <= 299:
                if not answer.whole and ask.whole:
                    raise unknown("too_large")
                if document is None and answer.whole:
                    raise Strange("no JSON")
                digest = hashlib.sha256(answer.body).hexdigest() if answer.whole else ""
                reply = Reply(status=status, document=document, headers=headers, sha256=digest)
                if answer.whole and not ask.realm:
                    self._remember(question, answer)
                return reply
            case status if status in TELLING:
                return Reply(status=status, document=document, headers=headers)
            case 401 if "www-authenticate" in dict(headers):
                return Reply(status=401, headers=headers)
            case 401:
                raise unknown("token_refused" if self._token else "login")
            case 403:
                raise unknown("forbidden")
            case 451:
                raise unknown("legal")
            case status if status in (408, 425) or status >= 500:
                raise _Passing("transient")
            case _:
                raise Strange(f"an answer {answer.status}")

    def _remember(self, question: _Question, answer: ForgeResponse) -> None:
        """Keep an answer that can be asked for conditionally: one that has not changed costs a signed-in client nothing.

        As it came: a document in memory may take thirty times the room.
        """
        tag = answer.headers.get("etag", "")
        if tag and tag.isascii() and tag.isprintable() and len(answer.body) <= REMEMBERED_BYTES_MAX:
            wanted = {name: answer.headers[name] for name in ("etag", *question.ask.wants) if name in answer.headers}
            self._remembered[question.url] = (tag, replace(answer, headers=wanted))
            self._remembered.move_to_end(question.url)
            while len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)

    def _onward(self, question: _Question, answer: ForgeResponse) -> _Question:
        """Where a redirect leads: below the root of this API, or nowhere. A renamed repository is one, at its number."""
        location = answer.headers.get("location", "")
        if not location:
            raise unknown("redirect_elsewhere")
        try:
            onward = read_location(read_url(question.url), location)
        except Refused as refusal:
            raise unknown("redirect_elsewhere") from refusal
        if not is_below(question.root, onward):
            raise unknown("redirect_elsewhere")
        return replace(question, url=onward.url)


class _Passing(Exception):
    """Trouble that another try may not meet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _document(answer: ForgeResponse) -> object:
    try:
        return json.loads(answer.body) if answer.body else None
    except (ValueError, RecursionError):
        return None
