"""The client of one forge: drives inquiries over HTTP, one at a time, with the token bound to the one host it is for."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from bot.evidence.deadline import Deadline
from bot.evidence.forge import bitbucket, dolthub, gitea, github, gitlab
from bot.evidence.forge.budget import Budget
from bot.evidence.forge.inquiry import TELLING, Ask, Found, Inquiry, Reply, Settled, Strange, unknown
from bot.evidence.kinds import Evidence
from bot.evidence.line import Answered, Line
from bot.evidence.resolve import Failed
from bot.evidence.title import clean
from bot.evidence.url import Refused, Target, canonical_key, read_location, read_url
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
_APIS: Final = {
    "github": github,
    "gitlab": gitlab,
    "gitea": gitea,
    "bitbucket": bitbucket,
    "dolthub": dolthub,
}
KINDS: Final = frozenset(_APIS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look came to, and every question on the way. `status` is that of the last answer."""

    found: Found
    hops: tuple[Hop, ...] = ()
    status: int | None = None


@dataclass(slots=True)
class _Look:
    """One look under way."""

    line: Line
    deadline: Deadline
    urgent: bool
    hops: list[Hop] = field(default_factory=list)
    status: int | None = None


class Forge:
    """One forge. Safe to share between threads; one question is asked at a time.

    `what`: one of KINDS. `host`: as bot.evidence.kinds knows it. `api`: the root of its API, `https://api.github.com`;
    nothing is ever sent anywhere else, the token least of all. `ca_file`: certificates to trust instead of the usual ones.

    Raises ValueError for an `api` that is no URL, or that would take a token in clear text beyond this machine.
    """

    def __init__(
        self,
        what: str,
        host: str,
        api: str,
        *,
        now: Callable[[], datetime],
        token: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        deadline_s: float = LOOK_DEADLINE_S,
        ca_file: str | None = None,
    ) -> None:
        if what not in KINDS:
            raise ValueError(f"{what!r} is no kind of forge")
        try:
            self._root: Target = read_url(api.rstrip("/") + "/")
        except Refused as refusal:
            raise ValueError(f"{api!r} is no root of an API: {refusal}") from None
        if token and self._root.scheme != "https" and not is_this_machine(self._root.host):
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
        self._remembered: OrderedDict[str, tuple[str, Reply]] = OrderedDict()

    def __repr__(self) -> str:
        return f"Forge({self.what!r}, {self.host!r})"

    def knows(self, evidence: Evidence) -> bool:
        """Whether this forge has a say about a piece of evidence."""
        return evidence.host == self.host and self._api.inquire(evidence) is not None

    def look(self, evidence: Evidence, *, urgent: bool = False) -> Looked:
        """Ask about a piece of evidence this forge knows. Never raises; takes at most `deadline_s`.

        What is not the contributor's fault is UNKNOWN: an outage, a limit, a refused token, an answer of a strange shape.
        `urgent`: somebody decides upon the answer, so it may be paid for with the last of the rate limit.
        """
        inquiry = self._api.inquire(evidence)
        if inquiry is None or not self._one_at_a_time.acquire(timeout=self._deadline_s):
            return Looked(found=Found(seen=Seen.UNKNOWN, reason="busy" if inquiry is not None else "other_forge"))
        try:
            with Deadline(self._deadline_s) as deadline, Line(self._root, deadline, self._ca_file) as line:
                look = _Look(line=line, deadline=deadline, urgent=urgent)
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
        url = self._root.url.rstrip("/") + ask.path + (f"?{urlencode(ask.query)}" if ask.query else "")
        moved = False
        for _ in range(REDIRECTS_MAX + 1):
            answer = self._patiently(url, look)
            if isinstance(answer, Reply):
                return replace(answer, moved=moved)
            url, moved = self._onward(url, answer), True
        raise unknown("redirect_loop")

    def _patiently(self, url: str, look: _Look) -> Reply | Answered:
        """A reply, or an answer that leads elsewhere. Tries again where another try may help and there is time for it."""
        trouble = ""
        for pause_s in (*(random.uniform(0, most_s) for most_s in RETRY_PAUSES_S), None):
            if reason := self._budget.refusal(urgent=look.urgent):
                raise unknown(trouble or reason)
            try:
                return self._once(url, look)
            except _Passing as passing:
                trouble = passing.reason
                if pause_s is None or pause_s >= look.deadline.left():
                    raise unknown(passing.reason) from passing
            self._sleep(pause_s)
        raise AssertionError("unreachable")

    def _once(self, url: str, look: _Look) -> Reply | Answered:
        headers = {"User-Agent": USER_AGENT, **dict(self._api.HEADERS)}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        tag, kept = self._remembered.get(url, ("", None))
        if tag:
            headers["If-None-Match"] = tag
        shown = clean(url, 2048)
        try:
            answer = look.line.get(url, headers)
        except Failed as failure:
            look.hops.append(Hop(url=shown, address="", status=None, note=failure.reason))
            self._budget.failed()
            if failure.reason in ("deadline", "tls"):
                raise unknown(failure.reason) from failure
            raise _Passing(failure.reason) from failure
        look.status = answer.status
        look.hops.append(Hop(url=shown, address="", status=answer.status, note="not modified" if answer.status == 304 else ""))
        document = _document(answer)
        says = document.get("message") if isinstance(document, dict) else None
        limited = self._budget.answered(answer.status, answer.headers, says if isinstance(says, str) else "")
        if limited:
            raise unknown("limit")
        if answer.status == 304 and kept is not None:
            self._remembered.move_to_end(url)
            return kept
        if answer.status in _REDIRECTS:
            return answer
        return self._told(url, answer, document)

    def _told(self, url: str, answer: Answered, document: object) -> Reply:
        """What an answer says, if it speaks of the evidence at all."""
        match answer.status:
            case status if 200 <= status <= 299:
                if not answer.whole:
                    raise unknown("too_large")
                if document is None:
                    raise Strange("no JSON")
                reply = Reply(status=status, document=document)
                self._remember(url, answer, reply)
                return reply
            case status if status in TELLING:
                return Reply(status=status, document=document)
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

    def _remember(self, url: str, answer: Answered, reply: Reply) -> None:
        """Keep an answer that can be asked for conditionally: one that has not changed costs a signed-in client nothing."""
        tag = answer.headers.get("etag", "")
        if tag and tag.isascii() and tag.isprintable() and len(answer.body) <= REMEMBERED_BYTES_MAX:
            self._remembered[url] = (tag, reply)
            self._remembered.move_to_end(url)
            while len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)

    def _onward(self, url: str, answer: Answered) -> str:
        """Where a redirect leads: below the root of this API, or nowhere. A renamed repository is one, at its number."""
        location = answer.headers.get("location", "")
        if not location:
            raise unknown("redirect_elsewhere")
        try:
            onward = read_location(read_url(url), location)
        except Refused as refusal:
            raise unknown("redirect_elsewhere") from refusal
        same = (onward.scheme, onward.host, onward.port) == (self._root.scheme, self._root.host, self._root.port)
        below = onward.rest.startswith(self._root.rest) and canonical_key(onward.url) == f"url:{onward.url}"
        if not same or not below or "%2e" in onward.rest.lower():
            raise unknown("redirect_elsewhere")
        return onward.url


class _Passing(Exception):
    """Trouble that another try may not meet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_this_machine(host: str) -> bool:
    """Whether a host's name is this machine's own."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _document(answer: Answered) -> object:
    try:
        return json.loads(answer.body) if answer.body else None
    except (ValueError, RecursionError):
        return None
