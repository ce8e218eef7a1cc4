"""What things cost, in requests to DoltHub: the price list of docs/performance.md, counted.

Every request counts, also the questions whether a write has ended. A write takes two seconds, in told time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from bot.dolthub.client import Hub
from bot.model.policy import Landing
from tests.patience import STATE_WAIT_S
from tests.world import World

WRITE_S = 2.0
FIRST_LOOK = 16
REVIEW_POSTED = 7
NEXT_LOOK = 4
FIRST_ACCEPT = {Landing.PULL: 80, Landing.DIRECT: 65}
NEXT_ACCEPT = {Landing.PULL: 75, Landing.DIRECT: 60}
"""From the second one of a process, which knows by then how long a write takes."""


class SlowWrites(requests.Session):
    """Writes end two seconds after they were sent. Time passes for whoever sleeps, and for nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.now_s = 0.0
        self._sent_s = 0.0
        self._began_s: dict[str, float] = {}

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **how: Any) -> requests.Response:
        """As Session's. An operation runs until its time is over, and then its end is waited for."""
        if method != "GET" or "/api/v2/operations/" not in str(url):
            self._sent_s = self.now_s
            return super().request(method, url, *args, **how)
        began_s, give_up = self._began_s.setdefault(str(url), self._sent_s), time.monotonic() + STATE_WAIT_S
        while True:
            answer = super().request(method, url, *args, **{**how, "stream": False})
            told = answer.json()
            if self.now_s - began_s < WRITE_S:
                answer._content = json.dumps({"data": {**told["data"], "status": "running"}}).encode()
                return answer
            if told["data"]["status"] != "running" or time.monotonic() > give_up:
                return answer
            time.sleep(0.01)


@pytest.mark.parametrize("landing", Landing)
def test_looks_and_decisions_cost_what_the_price_list_says(world: World, landing: Landing) -> None:
    slow = SlowWrites()
    world.policy = replace(world.policy, landing=landing)
    hub = Hub(
        world.sandbox.base_url,
        "token-bot",
        commons=[world.commons],
        session=slow,
        sleep=slow.sleep,
        clock=lambda: slow.now_s,
        on_request=world.asked.append,
    )
    deps = replace(world.bot(), hubs={world.commons: hub}, policies={world.commons: world.policy})
    assert deps.at(world.commons).account  # asked once in the life of a process

    def costs(act: Callable[[], object]) -> int:
        world.asked.clear()
        act()
        return len(world.asked)

    def prices(item: str) -> dict[str, int]:
        pull = world.hand_in("pia", "polecat-7", item, path=f"/ok?{item}")
        first = costs(lambda: world.converge(pull, deps))
        world.answer_knocks_at_the_prober()
        posted = costs(lambda: world.converge(pull, deps))
        again = costs(lambda: world.converge(pull, deps))
        world.comment(pull, "ana", "/accept -q 4")
        accepted = costs(lambda: world.converge(pull, deps))
        world.answer_knocks_at_the_prober()
        accepted += costs(lambda: world.converge(pull, deps))
        return {"first look": first, "review posted": posted, "next look": again, "accepted": accepted}

    first, second = prices("w-com-001"), prices("w-com-002")
    assert world.count("stamps") == 2
    asked = {"first look": FIRST_LOOK, "review posted": REVIEW_POSTED, "next look": NEXT_LOOK}
    assert first == asked | {"accepted": FIRST_ACCEPT[landing]}
    assert second == asked | {"accepted": NEXT_ACCEPT[landing]}
