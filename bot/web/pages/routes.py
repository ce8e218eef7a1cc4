"""The routes of the pages. They read Redis and nothing else, and show a commons only to readers who may see it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

from flask import Blueprint, Response, abort, render_template, request

from bot.config.settings import CommonsSettings, Settings
from bot.messages import time
from bot.model.ids import PullNo, digest
from bot.store import Store
from bot.web.pages import values

CSP: Final = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
AWAY: Final = "Redis does not answer, so nothing can be shown. The operator finds more in `stampbot doctor`.\n"
QUERY_CHARS_MAX: Final = 100


def pages(settings: Settings, store: Store) -> Blueprint:
    """The pages of all commons that this bot serves. Each commons has routes of its own: no other path is a page."""
    routes = Blueprint("pages", __name__, template_folder="templates", static_folder=None)
    site_url = settings.hub_url.rstrip("/")
    password = settings.pages_password.reveal()

    def may_see(each: CommonsSettings) -> bool:
        """Whether this reader may see a commons."""
        if each.policy.pages.public or not each.policy.pages.enabled:
            return each.policy.pages.enabled
        given = request.authorization.password if request.authorization is not None else None
        return bool(password) and given is not None and hmac.compare_digest(given.encode(), password.encode())

    def refuse() -> Response:
        """What a reader gets who may see nothing: a question for the password, or the answer of a path that is not there."""
        if not password:
            abort(404)
        return Response("Password needed.\n", 401, {"WWW-Authenticate": 'Basic realm="stampbot", charset="UTF-8"'})

    def answered(page: Response) -> Response:
        """The page, unless Redis is away. Asked after the reads: they find nothing where Redis does not answer."""
        return Response(AWAY, 503, mimetype="text/plain") if store.trouble() else page

    @routes.get("/")
    def home() -> Response:
        """The commons that this reader may see, or the queue of the only one."""
        shown = [each for each in settings.commons if may_see(each)]
        if not shown:
            return refuse()
        if len(shown) == 1:
            return queue(shown[0], as_json=False)
        page = values.home_page((each.commons, store.at(each.commons).pulls.verdicts()) for each in shown)
        return answered(_page("home.html", page))

    @routes.get("/pages.css")
    def style() -> Response:
        """The one stylesheet."""
        return Response(render_template("pages.css"), mimetype="text/css", headers={"Cache-Control": "max-age=300"})

    def queue(each: CommonsSettings, *, as_json: bool) -> Response:
        if not may_see(each):
            return refuse()
        asked = {name: request.args.get(name, "")[:QUERY_CHARS_MAX] for name in ("as", "rig", "q", "page")}
        pulls = store.at(each.commons).pulls
        selected = values.select(
            pulls.verdicts(),
            account=asked["as"].strip(),
            rig=asked["rig"].strip(),
            words=asked["q"],
            page=int(asked["page"]) if asked["page"].isdecimal() and len(asked["page"]) < 6 else 1,
        )
        page = values.queue_page(
            each.commons,
            selected,
            pulls.judgements(selected.pulls),
            site_url=site_url,
            read_at=store.at(each.commons).contacts.get().read_at,
        )
        return answered(_json(page) if as_json else _page("queue.html", page, now=store.now()))

    def pull(each: CommonsSettings, number: int) -> Response:
        if not may_see(each):
            return refuse()
        found = store.at(each.commons).pulls.judgements((PullNo(number),)).get(PullNo(number))
        if found is None:
            return answered(Response("Not Found\n", 404, mimetype="text/plain"))
        return answered(_page("pull.html", values.pull_page(each.commons, found, site_url=site_url), now=store.now()))

    for each in settings.commons:
        if not each.policy.pages.enabled:
            continue
        _add(routes, f"/{each.commons}", queue, each, as_json=False)
        _add(routes, f"/{each.commons}.json", queue, each, as_json=True)
        _add(routes, f"/{each.commons}/pulls/<int:number>", pull, each)

    @routes.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CSP
        return response

    routes.add_app_template_filter(_clock, "clock")
    routes.add_app_template_filter(_age, "age")
    return routes


def _add(routes: Blueprint, path: str, view: Callable[..., Response], each: CommonsSettings, **more: bool) -> None:
    """A route of one commons. Its path is a literal: a name of a commons holds no placeholder (see `Commons.parse`)."""

    def answer(**placeholders: int) -> Response:
        return view(each, **placeholders, **more)

    routes.add_url_rule(path, endpoint=digest("page/1", path)[:16], view_func=answer, methods=["GET"])


def _page(template: str, page: object, **more: object) -> Response:
    """A page as HTML."""
    return _tagged(Response(render_template(template, page=page, **more), mimetype="text/html"))


def _json(page: object) -> Response:
    return _tagged(Response(json.dumps(_plain(page), indent=2) + "\n", mimetype="application/json"))


def _tagged(response: Response) -> Response:
    """With a fingerprint of its bytes: a reader who has the same bytes gets 304."""
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


def _plain(value: object) -> Any:
    """A value as JSON: objects, lists, texts, numbers; times in UTC."""
    return json.loads(json.dumps(asdict(value), default=_text))  # type: ignore[call-overload]


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value.value) if isinstance(value, Enum) else str(value)


def _clock(at: datetime | None) -> str:
    return str(time.clock(at)) if at is not None else "not known"


def _age(at: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits: 3 d, 5 h, 12 min."""
    if at is None:
        return "not known"
    for unit, length in _UNITS.items():
        if now - at >= length:
            return f"{(now - at) // length} {unit}"
    return "now"


_UNITS: Final[Mapping[str, timedelta]] = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
