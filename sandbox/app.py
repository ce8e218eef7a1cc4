"""Puts one look-alike together: the hub with its quirks, and one application of the API, `/_sandbox/` and the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Flask

from sandbox.hub.admin import admin
from sandbox.hub.app import Application, Sandbox
from sandbox.hub.faults import Faults
from sandbox.hub.state import Hub, Settings
from sandbox.pages.page import page
from sandbox.quirks import ALWAYS_ON, QUIRKS
from sandbox.sql.engines import DOLTLITE, Engine


def new_sandbox(root: Path, settings: Settings, engine: Engine = DOLTLITE) -> Sandbox:
    """An empty sandbox that can play all quirks. Raises DoltMissing."""
    return Sandbox(root, settings, Faults(QUIRKS, ALWAYS_ON), engine)


def application(sandbox: Sandbox, seed: Callable[[Hub], Mapping[str, object]]) -> Application:
    """The API, `/_sandbox/` and the pages. `seed` fills an empty hub with the demo and returns its names."""
    pages = Flask("sandbox.pages")
    pages.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    pages.register_blueprint(admin(sandbox, seed))
    pages.register_blueprint(page(sandbox))
    return Application(sandbox, pages)
