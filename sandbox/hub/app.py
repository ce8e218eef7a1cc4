"""The whole HTTP side as one WSGI application: routes by the path as sent, log, faults, then the API or the pages."""

from __future__ import annotations

import logging
import re
import tempfile
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from sandbox.hub import api_v1, api_v2
from sandbox.hub.exchange import Answer, Api, Call, Refused, error_answer, html_not_found, problem, text_answer, timestamp
from sandbox.hub.faults import Faults, database_of
from sandbox.hub.server import CutConnection
from sandbox.hub.state import Hub, Settings, utc_now
from sandbox.hub.webhooks import Deliveries
from sandbox.sql.engines import Engine, open_store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

# "A GET query over 4 to 8 KB fails" (DoltHub API v2 contract, runSqlReadQuery): the generous end.
MAX_TARGET_BYTES = 8192
KEPT_REQUESTS = 100_000
LAB = "/lab"
"""Below this path stands the same hub as an older host would show it: a DoltLab with v1alpha1 and nothing else."""
HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One API request in the log. `operation` is empty where no route fits; `faults` names what was played."""

    at: str
    method: str
    operation: str
    template: str
    path: str
    database: str
    user: str
    status: int
    ms: float
    faults: tuple[str, ...]


class Sandbox:
    """One running look-alike: hub, faults, webhooks and request log; `reset` puts a new hub in place."""

    def __init__(self, root: Path, settings: Settings, faults: Faults, engine: Engine) -> None:
        self._root = root
        self._engine = engine
        self._first_settings = settings
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self.faults = faults
        self.hub, self.deliveries = self._start()

    def _start(self) -> tuple[Hub, Deliveries]:
        # A folder of its own for every run: what is beside the data lives in memory and does not survive one.
        root = Path(tempfile.mkdtemp(prefix="run-", dir=self._root))
        hub = Hub(open_store(root, self._engine), root=root, settings=self._first_settings)
        deliveries = Deliveries(hub, self.faults.for_event)
        hub.listen(deliveries.hear)
        return hub, deliveries

    def reset(self) -> None:
        """Everything anew: no databases, users, faults, log. Jobs still waiting never run."""
        with self._lock:
            self.close()
            self.faults.clear()
            self._seen.clear()
            self.hub, self.deliveries = self._start()

    def close(self) -> None:
        self.hub.close()
        self.deliveries.close()

    def log(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)

    def requests(self, *, database: str | None = None, user: str | None = None) -> dict[str, object]:
        """The request log and a counter per operation, newest last."""
        kept = self._kept(database=database, user=user)
        return {"total": len(kept), "counts": _counted(kept), "requests": [asdict(s) for s in kept]}

    def counts(self, *, database: str | None = None, user: str | None = None) -> dict[str, int]:
        """How many requests there were, by operation."""
        return _counted(self._kept(database=database, user=user))

    def _kept(self, *, database: str | None, user: str | None) -> list[Seen]:
        with self._lock:
            return [s for s in self._seen if (database is None or s.database == database) and (user is None or s.user == user)]

    def forget_requests(self, *, database: str | None = None) -> None:
        with self._lock:
            kept = [s for s in self._seen if database is not None and s.database != database]
            self._seen.clear()
            self._seen.extend(kept)


def _counted(seen: list[Seen]) -> dict[str, int]:
    return dict(sorted(Counter(s.operation or s.path for s in seen).items()))


@dataclass(frozen=True, slots=True)
class Route:
    template: str
    methods: Mapping[str, str]
    parts: Mapping[str, str]


def route(path: str, routes: Iterable[tuple[str, Mapping[str, str]]]) -> Route | None:
    """Find the route of a path as sent: `%2F` stays inside its segment, a raw slash divides.

    `{name...}` takes all remaining segments. Raises UnicodeDecodeError for percent escapes that are no UTF-8.
    """
    segments = path.split("/")
    for template, methods in routes:
        wanted = template.split("/")
        rest = wanted[-1].endswith("...}")
        if len(segments) != len(wanted) and not (rest and len(segments) > len(wanted)):
            continue
        if rest:
            head = len(wanted) - 1
            given = [*segments[:head], "/".join(segments[head:])]
        else:
            given = segments
        parts: dict[str, str] = {}
        for have, want in zip(given, wanted, strict=True):
            if want.startswith("{"):
                if not have:
                    break
                parts[want.strip("{}.")] = unquote(have, errors="strict")
            elif have != want:
                break
        else:
            return Route(template, methods, parts)
    return None


class Application:
    """The WSGI callable. API calls are answered here; everything else goes to the Flask application `pages`."""

    def __init__(self, sandbox: Sandbox, pages: WSGIApplication) -> None:
        self._sandbox = sandbox
        self._pages = pages

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        target = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"])
        path, _, query = target.partition("?")
        older = path.startswith(f"{LAB}/api/")
        if not older and not path.startswith("/api/"):
            return self._pages(environ, start_response)
        started = time.monotonic()
        path = path.removeprefix(LAB) if older else path
        call = _call(environ, path, query, v1_only=older or self._sandbox.hub.settings.v1_only)
        answer, call, played = self._answer(call, target)
        spent_ms = round((time.monotonic() - started) * 1000, 3)
        self._sandbox.log(_seen(call, answer, played, spent_ms, database_of(call, self._sandbox.hub)))
        if answer is None:
            raise CutConnection
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        headers += [("x-request-id", call.request_id), *answer.headers]
        start_response(f"{answer.status} {_phrase(answer.status)}", headers)
        return [answer.body]

    def _answer(self, call: Call, target: str) -> tuple[Answer | None, Call, tuple[str, ...]]:
        """The answer (None: cut the connection), the call with its user, and the quirks that were played."""
        hub = self._sandbox.hub
        if len(target) > MAX_TARGET_BYTES:
            return text_answer(414, "<html><body>414 Request-URI Too Large</body></html>", "text/html"), call, ()
        if not call.operation:
            return _unrouted(call), call, ()
        authenticate, respond = (
            (api_v2.authenticate, api_v2.answer) if call.api == "v2" else (api_v1.authenticate, api_v1.answer)
        )
        refusal: Refused | None = None
        try:
            call = replace(call, user=authenticate(call, hub))
        except Refused as no:
            refusal = no
        play, played = self._sandbox.faults.for_call(call, hub)
        delay_ms = hub.settings.latency_ms + play.latency_ms
        if delay_ms > 0:
            time.sleep(delay_ms / 1000)
        if play.cut == "before":
            return None, call, played
        if play.instead is not None:
            answer = play.instead
        elif refusal is not None:
            answer = error_answer(call, refusal.status, refusal.detail, refusal.headers)
        else:
            answer = _guarded(respond, call, hub, play)
        for change in play.reshape:
            answer = change(call, answer)
        return (None if play.cut == "after" else answer), call, played


def _guarded(respond: Callable[..., Answer], call: Call, hub: Hub, play: object) -> Answer:
    try:
        return respond(call, hub, play)
    except Exception:
        log.exception("%s broke", call.operation)
        return error_answer(call, 500, "internal error")


def _call(environ: WSGIEnvironment, path: str, query: str, *, v1_only: bool) -> Call:
    api: Api = "v2" if path.startswith("/api/v2/") else "v1"
    routes = api_v2.ROUTES if api == "v2" else api_v1.ROUTES
    method = str(environ["REQUEST_METHOD"])
    try:
        # What an older DoltLab answers below a path it does not know is inferred: its front end's page, as for any such path.
        found = None if v1_only and api == "v2" else route(path, routes)
    except UnicodeDecodeError:
        found = None
    asked = str(environ.get("HTTP_X_REQUEST_ID", ""))
    return Call(
        api=api,
        method=method,
        path=path,
        template=found.template if found else "",
        operation=found.methods.get(method, "") if found else "",
        parts=found.parts if found else {},
        query=_query(query),
        authorization=environ.get("HTTP_AUTHORIZATION"),
        content_type=str(environ.get("CONTENT_TYPE", "")),
        body=environ["wsgi.input"].read(),
        origin=_origin(environ),
        request_id=asked if REQUEST_ID.fullmatch(asked) else f"req_{uuid.uuid4()}",
        v1_only=v1_only,
    )


def _origin(environ: WSGIEnvironment) -> str:
    """Where the caller found this server: operations are polled there."""
    host = str(environ.get("HTTP_HOST", ""))
    return f"http://{host if HOST.fullmatch(host) else environ['SERVER_NAME'] + ':' + environ['SERVER_PORT']}"


def _query(query: str) -> Mapping[str, str]:
    """The first value of each query parameter."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=1000):
        values.setdefault(name, value)
    return values


def _unrouted(call: Call) -> Answer:
    """No such path, or no such method on it."""
    if call.template:
        routes = api_v2.ROUTES if call.api == "v2" else api_v1.ROUTES
        allowed = ", ".join(sorted(next(methods for template, methods in routes if template == call.template)))
        return error_answer(call, 405, "method not allowed", (("Allow", allowed),))
    return problem(call, 404, "no such endpoint") if call.api == "v2" and not call.v1_only else html_not_found()


def _seen(call: Call, answer: Answer | None, played: tuple[str, ...], ms: float, database: str) -> Seen:
    return Seen(
        at=timestamp(utc_now()),
        method=call.method,
        operation=call.operation,
        template=call.template,
        path=call.path,
        database=database,
        user=call.user.username if call.user else "",
        status=answer.status if answer else 0,
        ms=ms,
        faults=played,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
