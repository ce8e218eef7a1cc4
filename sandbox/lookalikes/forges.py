"""Look-alikes of code forges: small HTTP servers that answer as a forge's API does, about made-up repositories.

The shapes of their answers are from memory of the public API documentation; they are no recordings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Literal, get_args
from urllib.parse import parse_qs, urlsplit

from sandbox.lookalikes.forge_bitbucket import bitbucket
from sandbox.lookalikes.forge_gitea import gitea
from sandbox.lookalikes.forge_github import Answer, github
from sandbox.lookalikes.forge_gitlab import gitlab
from sandbox.lookalikes.forge_seed import REPOS, Day, SeedRepo
from sandbox.lookalikes.server import ApiHandler, ApiLookAlike

TOKEN = "token-of-the-look-alike"  # noqa: S105 - of a look-alike
"""Requests with this token see private repositories too."""
Forge = Literal["github", "gitlab", "gitea", "bitbucket"]
FORGES: tuple[Forge, ...] = get_args(Forge)


@dataclass(frozen=True, slots=True)
class ForgeApi:
    """The API of one forge: the path it stands below, and what answers a path below that (a text: the path it moved to)."""

    root: str
    answer: Callable[..., Answer]


APIS: Mapping[Forge, ForgeApi] = {
    # As GitHub Enterprise has it.
    "github": ForgeApi("/api/v3", github),
    "gitlab": ForgeApi("/api/v4", gitlab),
    "gitea": ForgeApi("/api/v1", gitea),
    "bitbucket": ForgeApi("/2.0", bitbucket),
}


class ForgeLookAlike(ApiLookAlike):
    """A running look-alike of the forge `what`.

    Answers with an ETag and to If-None-Match, states a rate limit in headers, redirects a renamed repository as that forge
    does, and shows people a page for each thing it has.
    """

    def __init__(self, what: Forge, host: str = "127.0.0.1", port: int = 0, *, now: datetime | None = None) -> None:
        """Bind at once (port 0: any free one). Raises OSError if the port is taken."""
        super().__init__(_Handler, host, port, now)
        self.what = what
        self.remaining = 4999

    @property
    def api(self) -> str:
        """The root of the API."""
        return f"{self.base_url}{APIS[self.what].root}"


class _Handler(ApiHandler):
    server: ForgeLookAlike

    def respond(self) -> None:
        target = urlsplit(self.path)
        api = APIS[self.server.what]
        if not target.path.startswith(api.root + "/"):
            self._page(target.path)
            return
        signed_in = self.headers.get("Authorization", "") == f"Bearer {TOKEN}"
        query = {name: values[-1] for name, values in parse_qs(target.query).items()}
        try:
            answer = api.answer(target.path.removeprefix(api.root), query, Day(self.server.now), signed_in=signed_in)
        except ValueError:
            # A number that is none.
            answer = (404, {"message": "Not Found"})
        if isinstance(answer, str):
            self.send(301, {"Location": f"{self.server.api}{answer}"}, b"{}")
            return
        status, document = answer
        body = json.dumps(document).encode()
        limits = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": str(self.server.remaining)}
        self.send_tagged(status, limits, body, f'W/"{hashlib.sha256(body).hexdigest()[:16]}"')

    def _page(self, path: str) -> None:
        title = _title(path)
        body = f"<!doctype html><title>{escape(title or 'Not found')}</title><h1>{escape(title or 'Not found')}</h1>".encode()
        self.send(200 if title else 404, {"Content-Type": "text/html; charset=utf-8"}, body)


_THING = re.compile(
    r"/([\w-]+/[\w-]+)/(?:-/)?"
    r"(pull|pulls|pull-requests|merge_requests|commit|commits|issues|releases/tag|actions/runs)/([\w.]+)(?:/\w+)?"
)


def _title(path: str) -> str:
    """What the page of a thing is called; empty for what is not there or not for everybody."""
    match = _THING.fullmatch(path)
    repo = REPOS.get(match[1].lower()) if match else None
    if match is None or repo is None or repo.private:
        return ""
    named = _named(repo, match[2], match[3])
    return f"{named} · {match[2].rpartition('/')[2]} {match[3]} of {match[1].lower()}" if named else ""


def _named(repo: SeedRepo, what: str, name: str) -> str:
    number = int(name) if re.fullmatch("[0-9]{1,9}", name) else 0
    match what:
        case "commit" | "commits":
            found = repo.commit(name) if len(name) >= 7 else None
            return found[1].title.partition("\n")[0] if found else ""
        case "issues" if number in repo.issues:
            return str(repo.issues[number].get("title", ""))
        case "releases/tag":
            return str(repo.releases.get(name, {}).get("name", ""))
        case "actions/runs":
            return str(repo.runs.get(number, {}).get("name", "ci" if number in repo.runs else ""))
        case _:
            return repo.pulls[number].title if number in repo.pulls else ""
