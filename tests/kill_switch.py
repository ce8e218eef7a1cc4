"""A session that dies at a chosen effect: the in-process form of a power cut, right before or right after a request."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests


class Killed(BaseException):
    """The process is gone. Not an Exception: nothing in the bot may catch it and go on."""


class KillSwitch(requests.Session):
    """Counts effects (requests that can change something) and dies `before` or `after` the one numbered `at`, from 1.

    Reads are let through: between two effects they change nothing that a restart could see. What was refused had no effect.
    """

    def __init__(self, at: int = 0, when: str = "before") -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.at = at
        self.when = when
        self.effects: list[str] = []

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        path = url.partition("/api/")[2].partition("?")[0]
        if method == "GET" or path.endswith("/sql"):
            return super().request(method, url, *args, **more)
        self.effects.append(f"{method} {path.rpartition('/')[2]}")
        due = len(self.effects) == self.at
        if due and self.when == "before":
            raise Killed
        answer = super().request(method, url, *args, **more)
        if answer.status_code >= 400:
            self.effects.pop()
        elif due:
            answer.close()
            raise Killed
        return answer
