"""What runs beside the sandbox, each on a port of its own: the evidence pages, a look-alike of each forge and registry."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from sandbox.lookalikes.evidence_pages import EvidencePages
from sandbox.lookalikes.forges import FORGES, ForgeLookAlike
from sandbox.lookalikes.registries import REGISTRIES, RegistryLookAlike
from sandbox.seed.people import RIGS
from sandbox.values.places import Places

STOP_POLL_S = 0.25
PROJECTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "relay": (("github", "acme/relay"),),
    "ledger": (("github", "acme/ledger"), ("gitlab", "acme/ledger")),
    "beacon": (("github", "acme/beacon"), ("gitea", "acme/beacon")),
    "almanac": (("github", "acme/almanac"), ("bitbucket", "acme/almanac")),
}
"""Repositories by project of the seeded items. `commons` is not told: its work may lie anywhere."""


class Beside:
    """All of them, running. Their addresses stay the same for as long as the sandbox lives."""

    def __init__(self, host: str, pages_port: int, stack: ExitStack) -> None:
        """Start; `stack` ends them. Raises OSError if the port of the pages is taken."""
        self.pages = EvidencePages(host, pages_port).start()
        stack.callback(self.pages.server_close)
        self.forges = tuple(ForgeLookAlike(what, host).start(STOP_POLL_S) for what in FORGES)
        self.registries = tuple(RegistryLookAlike(what, host).start(STOP_POLL_S) for what in REGISTRIES)
        stack.callback(self._stop)

    @property
    def _all(self) -> tuple[ForgeLookAlike | RegistryLookAlike, ...]:
        return *self.forges, *self.registries

    def _stop(self) -> None:
        # Side by side: each waits for its own turn of the loop.
        ending = [threading.Thread(target=server.stop) for server in self._all]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()

    def places(self, hub_url: str) -> Places:
        """Base addresses by name; `dolthub` is the sandbox itself."""
        alike: dict[str, str] = {server.what: f"http://{server.authority}" for server in self._all}
        return {"pages": self.pages.base_url, "dolthub": hub_url, **alike}

    def set_now(self, now: datetime) -> None:
        """From when on the look-alikes count their hours back: the time of the seed."""
        for server in self._all:
            server.now = now

    def trust(self, hub_url: str) -> Mapping[str, Mapping[str, Any]]:
        """What an operator of the seeded commons would write into `stampbot.toml`: its tables, by their names."""
        at: dict[str, str] = {server.what: server.authority for server in self.forges}
        return {
            "forges": {hub_url.removeprefix("http://"): "dolthub"} | {server.authority: server.what for server in self.forges},
            "registries": {server.authority: server.what for server in self.registries},
            "projects": {name: [f"{at[what]}/{repo}" for what, repo in repos] for name, repos in PROJECTS.items()},
            "logins": {rig.handle: [f"{server.authority}/{rig.user}" for server in self.forges] for rig in RIGS},
        }
