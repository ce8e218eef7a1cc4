"""The WSGI application of the web process: webhooks, health and metrics."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from bot.config.settings import Settings
from bot.store import Store
from bot.web.bounded_worker import BODY_BYTES_MAX
from bot.web.health import health
from bot.web.pages.routes import pages
from bot.web.webhook import PATH, webhooks

HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
"""Set on every response."""


def create_app(settings: Settings, store: Store) -> Flask:
    """The WSGI application. `store` must be over an impatient client, so that a Redis that is away costs a second."""
    app = Flask("stampbot", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    # A path with two slashes is no other spelling of one with one: a redirect would show which paths exist.
    app.url_map.merge_slashes = False
    registry = CollectorRegistry()
    app.register_blueprint(health(tuple(each.commons for each in settings.commons), store, registry))
    app.register_blueprint(webhooks(settings, store, registry))
    app.register_blueprint(pages(settings, store))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        """One line for each status: no 404 differs from another, and another method at the webhook is a 404."""
        if isinstance(error, MethodNotAllowed) and request.path.startswith(PATH):
            error = NotFound()
        refusal = Response(f"{error.name}\n", status=error.code, mimetype="text/plain")
        allow = dict(error.get_headers()).get("Allow")
        if allow:
            refusal.headers["Allow"] = allow
        return refusal

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in HEADERS:
            response.headers.setdefault(name, value)
        return response

    return app
