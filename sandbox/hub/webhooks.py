"""Outgoing webhooks: the three documented payloads, delivered in the background, one thread per receiver."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sandbox.hub.faults import DeliveryPlan
from sandbox.hub.state import Hub
from sandbox.values.events import BranchEvent, Event, PullEvent, PushEvent
from sandbox.values.records import DatabaseName

DELIVERY_TIMEOUT_S = 5.0
KEPT_ATTEMPTS = 10_000
# How long an event that is to be swapped with the next one waits for a next one.
SWAP_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One delivery attempt, as DoltHub's page of a webhook lists them. `status` is None if there was no answer."""

    at: datetime
    url: str
    payload: dict[str, object]
    status: int | None
    error: str


def event_database(event: Event) -> DatabaseName:
    """Where the event happened: hooks are per database, a push to a fork makes no event upstream."""
    return event.pull.db if isinstance(event, PullEvent) else event.db


def payload(event: Event) -> dict[str, object]:
    """The body as DoltHub's documentation (products/dolthub/api/hooks) shows it."""
    if isinstance(event, PushEvent):
        return {
            "event_name": "push",
            "ref": f"refs/heads/{event.branch}",
            "head": event.head,
            "prev": event.prev,
            "repository": _repository(event.db),
        }
    if isinstance(event, BranchEvent):
        # The documented example has no refs/heads/ here; the creating word is inferred from "Deleted branch".
        return {
            "event_name": "branch",
            "repository": _repository(event.db),
            "branch": event.branch,
            "action": event.action,
        }
    pull = event.pull
    return {
        "event_name": "pull_request",
        "repository": _repository(pull.db),
        "pullID": str(pull.number),
        "action": event.action,
        "state": pull.state.capitalize(),
        "fromBranch": pull.from_branch,
        "toBranch": pull.to_branch,
        "author": pull.creator,
        "fromRepository": _repository(pull.from_db),
        "sender": event.sender,
    }


def _repository(db: DatabaseName) -> dict[str, object]:
    return {"name": db.name, "owner": db.owner}


class Deliveries:
    """Receives a hub's events and posts them; never blocks the request that caused them."""

    def __init__(self, hub: Hub, plan_for: Callable[[Event], DeliveryPlan]) -> None:
        self._hub = hub
        self._plan_for = plan_for
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._lines: dict[str, queue.Queue[dict[str, object]]] = {}
        self._attempts: deque[Attempt] = deque(maxlen=KEPT_ATTEMPTS)
        self._swapped: dict[str, dict[str, object]] = {}
        self._waiting = 0

    def close(self) -> None:
        self._closed.set()

    def hear(self, event: Event) -> None:
        urls = self._hub.webhooks(event_database(event))
        if not urls:
            return
        plan = self._plan_for(event)
        if plan.drop:
            return
        body = payload(event)
        for change in plan.reshape:
            body = change(body)
        for url in urls:
            target = url.rstrip("/") + plan.path_suffix if plan.path_suffix else url
            if plan.swap_with_next:
                self._hold_back(target, body)
                continue
            for _ in range(plan.copies):
                self._later(target, body, plan.delay_ms / 1000)
            self._release(target)

    def attempts(self) -> tuple[Attempt, ...]:
        with self._lock:
            return tuple(self._attempts)

    def forget(self) -> None:
        with self._lock:
            self._attempts.clear()

    def is_idle(self) -> bool:
        """True if nothing waits to be delivered."""
        with self._lock:
            return self._waiting == 0

    def _hold_back(self, url: str, body: dict[str, object]) -> None:
        with self._lock:
            older = self._swapped.pop(url, None)
            self._swapped[url] = body
        if older is not None:
            self._later(url, older, 0)
        timer = threading.Timer(SWAP_PATIENCE_S, self._release, (url, body))
        timer.daemon = True
        timer.start()

    def _release(self, url: str, only: dict[str, object] | None = None) -> None:
        with self._lock:
            held = self._swapped.get(url)
            if held is None or (only is not None and held is not only):
                return
            del self._swapped[url]
        self._later(url, held, 0)

    def _later(self, url: str, body: dict[str, object], delay_s: float) -> None:
        with self._lock:
            self._waiting += 1
        if delay_s <= 0:
            self._enqueue(url, body)
            return
        timer = threading.Timer(delay_s, self._enqueue, (url, body))
        timer.daemon = True
        timer.start()

    def _enqueue(self, url: str, body: dict[str, object]) -> None:
        with self._lock:
            line = self._lines.get(url)
            if line is None:
                line = self._lines[url] = queue.Queue()
                threading.Thread(target=self._serve, args=(url, line), name="webhook", daemon=True).start()
        line.put(body)

    def _serve(self, url: str, line: queue.Queue[dict[str, object]]) -> None:
        while not self._closed.is_set():
            try:
                body = line.get(timeout=1.0)
            except queue.Empty:
                continue
            status, error = post(url, body)
            attempt = Attempt(at=self._hub.clock(), url=url, payload=body, status=status, error=error)
            with self._lock:
                self._attempts.append(attempt)
                self._waiting -= 1


def post(url: str, body: dict[str, object]) -> tuple[int | None, str]:
    """POST once, follow nothing, retry nothing (neither is documented); the status, or None and what went wrong."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None, "not an http or https URL"
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = make(parts.hostname, parts.port, timeout=DELIVERY_TIMEOUT_S)
    except ValueError as error:
        return None, str(error)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        text = json.dumps(body).encode("ascii")
        headers = {"Content-Type": "application/json", "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"}
        connection.request("POST", target, text, headers)
        response = connection.getresponse()
        response.read(65_536)
        return response.status, ""
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def wait_until_idle(deliveries: Deliveries, timeout_s: float) -> bool:
    """True once nothing waits to be delivered; False after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not deliveries.is_idle():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
