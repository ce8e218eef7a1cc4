"""`/_sandbox/`: what a test or a demo needs to set the stage and to look behind it. JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from flask import Blueprint, Response, jsonify, request

from sandbox.hub.app import Sandbox
from sandbox.hub.exchange import timestamp
from sandbox.hub.faults import BadPlan
from sandbox.hub.state import Hub, Settings
from sandbox.hub.webhooks import wait_until_idle
from sandbox.values.pulls import Pull
from sandbox.values.records import DatabaseName, StoreError
from sandbox.values.refusals import HubRefusal

Body = Mapping[str, object]
IDLE_PATIENCE_S = 10.0


class BadRequest(Exception):
    """An admin request that makes no sense; the text names what is missing."""


def admin(sandbox: Sandbox, seed: Callable[[Hub], Mapping[str, object]]) -> Blueprint:
    """The blueprint. `seed` fills a fresh hub with the demo and returns its names."""
    blueprint = Blueprint("admin", __name__, url_prefix="/_sandbox")

    @blueprint.errorhandler(BadRequest)
    @blueprint.errorhandler(BadPlan)
    @blueprint.errorhandler(HubRefusal)
    @blueprint.errorhandler(StoreError)
    def refused(error: Exception) -> tuple[Response, int]:
        return jsonify({"error": str(error), "kind": type(error).__name__}), 400

    @blueprint.get("/health")
    def health() -> Response:
        return jsonify({"status": "ok"})

    @blueprint.get("/stats")
    def stats() -> Response:
        hub = sandbox.hub
        databases = hub.databases()
        return jsonify(
            {
                "users": len(hub.users()),
                "databases": [str(db) for db in databases],
                "pulls": sum(len(hub.pulls(db)) for db in databases),
                "operations": hub.operations.count(),
                "requests": sandbox.counts(),
                "settings": asdict(hub.settings),
            }
        )

    # --- the stage ---

    @blueprint.post("/users")
    def users() -> Response:
        body = _body()
        user = sandbox.hub.add_user(_text(body, "username"), _text(body, "token"), email=_text(body, "email", ""))
        return jsonify({"username": user.username})

    @blueprint.post("/grants")
    def grants() -> Response:
        body = _body()
        right = _text(body, "right", "write")
        if right not in {"write", "admin"}:
            raise BadRequest("right is write or admin")
        sandbox.hub.grant(_text(body, "username"), _db(body), "admin" if right == "admin" else "write")
        return jsonify({})

    @blueprint.post("/databases")
    def databases() -> Response:
        body = _body()
        db = _db(body)
        head = sandbox.hub.create_database(
            db,
            _texts(body, "statements"),
            author=_text(body, "author", db.owner),
            message=_text(body, "message", "Initialize"),
            at=_time(body),
        )
        sandbox.hub.make_private(db, private=body.get("visibility") == "private")
        return jsonify({"database": str(db), "head": head})

    @blueprint.post("/visibility")
    def visibility() -> Response:
        body = _body()
        sandbox.hub.make_private(_db(body), private=_text(body, "visibility") == "private")
        return jsonify({})

    @blueprint.delete("/databases")
    def delete_database() -> Response:
        sandbox.hub.delete_database(_db(_body()))
        return jsonify({})

    @blueprint.post("/forks")
    def forks() -> Response:
        body = _body()
        branches: Literal["main", "all"] = "main" if body.get("branches") == "main" else "all"
        made = sandbox.hub.fork(_db(body, "source"), _text(body, "owner"), branches=branches)
        return jsonify({"database": str(made)})

    @blueprint.post("/branches")
    def create_branch() -> Response:
        body = _body()
        commit = _text(body, "commit") if "commit" in body else None
        start = None if commit else _text(body, "from", "main")
        return jsonify({"head": sandbox.hub.create_branch(_db(body), _text(body, "branch"), branch=start, commit=commit)})

    @blueprint.delete("/branches")
    def delete_branch() -> Response:
        body = _body()
        sandbox.hub.delete_branch(_db(body), _text(body, "branch"))
        return jsonify({})

    @blueprint.post("/pushes")
    def pushes() -> Response:
        body = _body()
        db = _db(body)
        head = sandbox.hub.push(
            db,
            _text(body, "branch"),
            _texts(body, "sql"),
            user=_text(body, "user", db.owner),
            from_branch=_text(body, "from_branch", "main"),
            at=_time(body),
        )
        return jsonify({"head": head})

    @blueprint.post("/pulls")
    def pulls() -> Response:
        body = _body()
        db = _db(body)
        number = sandbox.hub.open_pull(
            db,
            title=_text(body, "title"),
            description=_text(body, "description", ""),
            creator=_text(body, "creator"),
            from_db=_db(body, "from_database") if "from_database" in body else db,
            from_branch=_text(body, "from_branch"),
            to_branch=_text(body, "to_branch", "main"),
            at=_time(body),
        )
        return jsonify({"number": number})

    @blueprint.patch("/pulls")
    def update_pull() -> Response:
        body = _body()
        state = body.get("state")
        if state not in {None, "open", "closed"}:
            raise BadRequest("state is open or closed")
        pull = sandbox.hub.update_pull(
            _db(body),
            _number(body),
            user=_text(body, "user", ""),
            title=_text(body, "title") if "title" in body else None,
            description=_text(body, "description") if "description" in body else None,
            state=state,
        )
        return jsonify(_pull(pull))

    @blueprint.get("/pulls")
    def get_pulls() -> Response:
        return jsonify([_pull(pull) for pull in sandbox.hub.pulls(_asked_db())])

    @blueprint.post("/merges")
    def merges() -> Response:
        body = _body()
        head = sandbox.hub.merge_pull(_db(body), _number(body), user=_text(body, "user"), at=_time(body))
        return jsonify({"head": head})

    @blueprint.post("/comments")
    def comments() -> Response:
        body = _body()
        comment_id = sandbox.hub.comment(_db(body), _number(body), _text(body, "author"), _text(body, "body"), at=_time(body))
        return jsonify({"comment_id": comment_id})

    @blueprint.patch("/comments")
    def edit_comment() -> Response:
        body = _body()
        comment = sandbox.hub.edit_comment(_db(body), _number(body), _text(body, "comment_id"), _text(body, "body"))
        return jsonify({"comment_id": comment.comment_id, "updated_at": timestamp(comment.updated_at)})

    @blueprint.delete("/comments")
    def delete_comment() -> Response:
        body = _body()
        sandbox.hub.delete_comment(_db(body), _number(body), _text(body, "comment_id"))
        return jsonify({})

    @blueprint.get("/log")
    def commits() -> Response:
        found = sandbox.hub.store.log(_asked_db(), request.args.get("ref", "main"), limit=200)
        shown = [
            {"hash": c.hash, "parents": list(c.parents), "author": c.author, "message": c.message, "at": timestamp(c.at)}
            for c in found
        ]
        return jsonify(shown)

    # --- webhooks, faults, log, settings ---

    @blueprint.post("/webhooks")
    def webhooks() -> Response:
        body = _body()
        sandbox.hub.set_webhook(_db(body), _text(body, "url"))
        return jsonify({})

    @blueprint.delete("/webhooks")
    def drop_webhooks() -> Response:
        sandbox.hub.drop_webhooks(_db(_body()))
        return jsonify({})

    @blueprint.get("/deliveries")
    def deliveries() -> Response:
        idle = wait_until_idle(sandbox.deliveries, IDLE_PATIENCE_S if "wait" in request.args else 0)
        attempts = [{**asdict(a), "at": timestamp(a.at)} for a in sandbox.deliveries.attempts()]
        return jsonify({"idle": idle, "attempts": attempts})

    @blueprint.delete("/deliveries")
    def forget_deliveries() -> Response:
        sandbox.deliveries.forget()
        return jsonify({})

    @blueprint.get("/quirks")
    def quirks() -> Response:
        return jsonify(sandbox.faults.catalogue())

    @blueprint.get("/faults")
    def get_faults() -> Response:
        return jsonify(sandbox.faults.listed())

    @blueprint.post("/faults")
    def add_faults() -> Response:
        plan = request.get_json(force=True, silent=True)
        if plan is None:
            raise BadRequest("the body must be JSON: a list of faults, or one fault")
        return jsonify({"added": sandbox.faults.add(plan)})

    @blueprint.delete("/faults")
    def clear_faults() -> Response:
        return jsonify({"removed": sandbox.faults.clear(request.args.get("database"))})

    @blueprint.get("/requests")
    def get_requests() -> Response:
        return jsonify(sandbox.requests(database=request.args.get("database"), user=request.args.get("user")))

    @blueprint.delete("/requests")
    def clear_requests() -> Response:
        sandbox.forget_requests(database=request.args.get("database"))
        return jsonify({})

    @blueprint.patch("/settings")
    def settings() -> Response:
        body = _body()
        now = sandbox.hub.settings
        for name, value in body.items():
            if name not in asdict(now) or type(value) is not type(getattr(now, name)):
                raise BadRequest(f"unknown setting or wrong type: {name}; settings: {asdict(now)}")
        changed: dict[str, Any] = {**asdict(now), **body}
        sandbox.hub.settings = Settings(**changed)
        return jsonify(asdict(sandbox.hub.settings))

    @blueprint.post("/reset")
    def reset() -> Response:
        body = request.get_json(force=True, silent=True)
        sandbox.reset()
        wants_seed = isinstance(body, dict) and body.get("seed") == "demo"
        return jsonify(dict(seed(sandbox.hub)) if wants_seed else {})

    return blueprint


def _body() -> Body:
    value = request.get_json(force=True, silent=True)
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object")
    return value


def _text(body: Body, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string")
    return value


def _texts(body: Body, name: str) -> tuple[str, ...]:
    value = body.get(name)
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise BadRequest(f"{name} must be a string or a list of strings")
    return tuple(values)


def _db(body: Body, name: str = "database") -> DatabaseName:
    return _slug(_text(body, name), name)


def _asked_db() -> DatabaseName:
    return _slug(request.args.get("database", ""), "database")


def _slug(text: str, name: str) -> DatabaseName:
    owner, _, database = text.partition("/")
    if not owner or not database or "/" in database:
        raise BadRequest(f"{name} must be owner/name")
    return DatabaseName(owner, database)


def _number(body: Body) -> int:
    value = body.get("number")
    if type(value) is not int:
        raise BadRequest("number must be an integer")
    return value


def _time(body: Body) -> datetime | None:
    if "at" not in body:
        return None
    try:
        at = datetime.fromisoformat(_text(body, "at"))
    except ValueError:
        raise BadRequest("at must be an ISO 8601 time") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _pull(pull: Pull) -> dict[str, object]:
    return {
        "number": pull.number,
        "title": pull.title,
        "state": pull.state,
        "creator": pull.creator,
        "from_database": str(pull.from_db),
        "from_branch": pull.from_branch,
        "to_branch": pull.to_branch,
        "merged_as": pull.merged_as,
    }
