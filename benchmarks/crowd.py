"""A commons with thousands of open pulls, answered from memory: what a sweep asks for and nothing else.

It stands where the HTTP session does, so all of the client above it is the real one. Shapes: DoltHub API v2 contract.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from bot.model.finding import Verdict
from bot.model.ids import Commons, PullNo
from bot.model.kind import PullKind
from bot.store import CachedVerdict
from bot.sweep.list import PULLS_PER_PAGE

COMMONS = Commons("bench", "wl-commons")
BOT = "bot"
MAIN = "m" * 31 + "0"
PULLS_PER_FORK = 10
_PULL = re.compile(r"/pulls/([0-9]+)(/comments)?$")
_FORK = re.compile(r"/databases/(rig-[0-9]+)/wl-commons/branches$")


class Crowd(requests.Session):
    """`pulls` open pulls of `PULLS_PER_FORK` a fork, each reviewed once by the bot. `asked`: requests by what they were for."""

    def __init__(self, pulls: int, *, began: datetime) -> None:
        super().__init__()
        self.pulls = pulls
        self.asked: Counter[str] = Counter()
        self._began = _moment(began)
        self._said: dict[int, list[dict[str, Any]]] = {n: [_review(n, self._began)] for n in range(1, pulls + 1)}
        self._pushed: dict[int, int] = {}

    def comment(self, pull: int, author: str, body: str, at: datetime) -> None:
        """Say something below a pull."""
        said = self._said[pull]
        said.append(_comment(f"{pull}-{len(said) + 1}", author, body, _moment(at)))

    def said(self, pull: int) -> list[dict[str, Any]]:
        """What is said below a pull."""
        return self._said[pull]

    def push(self, pull: int) -> None:
        """Give a pull another head."""
        self._pushed[pull] = self._pushed.get(pull, 0) + 1

    def head_of(self, pull: int) -> str:
        """Where the branch of a pull stands."""
        return commit(f"{pull}", self._pushed.get(pull, 0))

    def request(self, method: str, url: str, *_: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        """Answer as DoltHub would."""
        parts = urlsplit(url)
        page = dict(more.get("params") or parse_qs(parts.query)).get("page_token", "")
        return _answer(*self._data(method, parts.path, page))

    def _data(self, method: str, path: str, page: str) -> tuple[int, Any, str]:
        if path.endswith("/user"):
            self.asked["account"] += 1
            return 200, {"username": BOT}, ""
        if (found := _FORK.search(path)) is not None:
            self.asked["heads"] += 1
            fork = int(found[1].removeprefix("rig-"))
            theirs = range(fork * PULLS_PER_FORK + 1, min(self.pulls, (fork + 1) * PULLS_PER_FORK) + 1)
            return (
                200,
                [{"name": f"wl/{n}", "head_commit_sha": self.head_of(n), "last_updated_at": self._began} for n in theirs],
                "",
            )
        if (found := _PULL.search(path)) is not None:
            number = int(found[1])
            if number not in self._said:
                self.asked["next"] += 1
                return 404, {"code": "NOT_FOUND", "detail": "no such pull"}, ""
            self.asked["comments" if found[2] else "pull"] += 1
            return 200, self._said[number] if found[2] else self._pull(number), ""
        if path.endswith("/pulls"):
            self.asked["list"] += 1
            first = int(page or 0)
            numbers = range(self.pulls - first, max(0, self.pulls - first - PULLS_PER_PAGE), -1)
            more = first + PULLS_PER_PAGE
            return 200, [self._pull(n) for n in numbers], str(more) if more < self.pulls else ""
        if path.endswith("/sql") and method == "POST":
            self.asked["main"] += 1
            return 200, {"status": "success", "columns": [{"name": "head"}], "rows": [[MAIN]]}, ""
        raise AssertionError(f"a sweep asks for {method} {path}")

    def _pull(self, number: int) -> dict[str, Any]:
        return {
            "pull_number": number,
            "title": f"[wl] w-{number}",
            "description": "",
            "state": "open",
            "creator": fork_of(number),
            "created_at": self._began,
        }


def a_verdict(pull: PullNo, judged_at: datetime, verdict: Verdict = Verdict.READY) -> CachedVerdict:
    """What a look leaves behind that has reviewed a pull."""
    return CachedVerdict(
        pull=pull, item=None, rig=None, evidence="", verdict=verdict, kind=PullKind.WORK, title="", judged_at=judged_at
    )


def fork_of(pull: int) -> str:
    """Who a pull is from."""
    return f"rig-{(pull - 1) // PULLS_PER_FORK}"


def commit(*parts: object) -> str:
    """A commit hash."""
    digits = "0123456789abcdefghijklmnopqrstuv"
    return "".join(digits[byte % 32] for byte in sha256(repr(parts).encode()).digest())


def _review(pull: int, at: str) -> dict[str, Any]:
    return _comment(f"{pull}-1", BOT, f"**READY**\n\n`stampbot/1 review - READY {commit(f'{pull}', 0)} 00 0`", at)


def _comment(key: str, author: str, body: str, at: str) -> dict[str, Any]:
    return {"comment_id": key, "author": author, "body": body, "created_at": at, "updated_at": at}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _answer(status: int, data: Any, token: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    document = {"data": data, "meta": {"next_page_token": token}} if status == 200 else data
    answer.raw = io.BytesIO(json.dumps(document).encode())
    answer.headers["content-type"] = "application/json"
    return answer
