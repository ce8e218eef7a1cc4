"""The people of a soak: rigs that claim, work, push again and give up; validators who accept, reject, close and quarrel.

Each story is one function, told from the pull's opening to its end by somebody who sees what anybody sees. What people write
is simple on purpose: the audit reads it without the bot's grammar.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.seed import wl_sql
from tests.sandbox_process import SandboxFailed
from tests.soak.audit import BY_HAND, MARK
from tests.soak.town import BOT, VALIDATORS, WORKERS, Town, item_name

LOOK_EVERY_S = 0.5
PATIENCE_S = 90.0
TRIES = 3
"""How often somebody who was refused for no good reason says the same again."""


class Over(Exception):
    """The day is over; whoever is in the middle of a story goes home."""


class Tired(Exception):
    """Nothing came for so long that this story is not told to its end."""


@dataclass(slots=True)
class Day:
    """What all people share: the town, the items nobody has taken yet, and when it is over."""

    town: Town
    seed: int
    over: threading.Event = field(default_factory=threading.Event)
    told: Counter[str] = field(default_factory=Counter)
    given_up: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    _items: Iterator[int] = field(default_factory=itertools.count)
    _evidence: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def item(self) -> str:
        with self._lock:
            return item_name(next(self._items))

    def link(self) -> str:
        """A page nobody has shown yet."""
        with self._lock:
            return f"{self.town.evidence}/acme/relay/pull/{next(self._evidence) + 1}"

    def count(self, story: str) -> None:
        with self._lock:
            self.told[story] += 1


class People:
    """So many people at once, each telling one story after another until the day is over."""

    def __init__(self, day: Day, many: int) -> None:
        self._day = day
        self._threads = [threading.Thread(target=self._live, args=(n,), name=f"person {n}", daemon=True) for n in range(many)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._day.over.set()
        for thread in self._threads:
            thread.join()

    def _live(self, number: int) -> None:
        rng = random.Random(f"{self._day.seed}/person {number}")
        while not self._day.over.is_set():
            story = rng.choices(STORIES, [weight for weight, _ in _WEIGHTED])[0]
            try:
                story(Teller(self._day, rng))
                self._day.count(story.__name__)
            except Over:
                return
            except Tired as error:
                self._day.given_up.append(f"{story.__name__}: {error}")
            except (SandboxFailed, requests.RequestException, AssertionError) as error:
                self._day.broken.append(f"{story.__name__}: {type(error).__name__}: {error}")


class Teller:
    """The verbs of one story."""

    def __init__(self, day: Day, rng: random.Random) -> None:
        self._day = day
        self._db = day.town.database
        self.rng = rng
        self.rig, self.worker = rng.choice(WORKERS)
        self.validator, self.other = rng.sample([user for _, user in VALIDATORS], 2)
        self.item = day.item()

    @property
    def branch(self) -> str:
        return f"wl/{self.rig}/{self.item}"

    @property
    def fork(self) -> str:
        return f"{self.worker}/{self._db.name.partition('/')[2]}"

    def push(self, *statements: str) -> None:
        """Commit to the story's branch, made if missing."""
        self._rest()
        self._db.push(self.branch, *statements, user=self.worker, database=self.fork)

    def open_pull(self) -> int:
        self._rest()
        title = f"[wl] {self.item} by {self.rig}"
        return self._db.open_pull(title, creator=self.worker, from_database=self.fork, from_branch=self.branch)

    def hand_in(self) -> int:
        """Claim and finish the item, open the pull, and wait for its review."""
        self.push(*wl_sql.claim(self.item, self.rig), *wl_sql.done(self.item, self.rig, self._day.link()))
        pull = self.open_pull()
        self.await_review(pull)
        return pull

    def show_other_evidence(self) -> None:
        """Push another link."""
        link = wl_sql.literal(self._day.link())
        self.push(
            f"UPDATE completions SET evidence = {link} WHERE wanted_id = '{self.item}'",
            f"UPDATE wanted SET evidence_url = {link} WHERE id = '{self.item}'",
        )

    def say(self, pull: int, author: str, body: str) -> str:
        """Write a comment; its id."""
        self._rest()
        answer = self._db.api("POST", f"/pulls/{pull}/comments", user=author, json={"body": body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["comment_id"])

    def by_hand(self, pull: int, author: str, deed: str) -> None:
        """Say so, and press the button."""
        self.say(pull, author, BY_HAND + deed)
        if deed == "close":
            close = {"database": self._db.name, "number": pull, "user": author, "state": "closed"}
            self._db.sandbox.admin("PATCH", "/pulls", close)
        else:
            self._db.api("POST", f"/pulls/{pull}/merge", user=author, json={})

    def decide(self, pull: int, author: str, body: str, *, hopeless: bool = False) -> str:
        """Write a decision and wait for the answer; again if it was refused, unless it had to be. The last outcome."""
        outcome = ""
        for _ in range(1 if hopeless else TRIES):
            comment = self.say(pull, author, body)
            outcome = self.await_answer(pull, comment)
            if outcome == "done" or self.state(pull) != "open":
                break
        return outcome

    def await_review(self, pull: int, more_than: int = 0) -> None:
        self._until(lambda: len(self._said(pull, "review")) > more_than, f"a review of #{pull}")

    def await_answer(self, pull: int, comment: str) -> str:
        """The outcome in the answer to a comment."""
        found: list[str] = []

        def is_there() -> bool:
            found[:] = [o for about, o in self._said(pull, "answer") if about.endswith(f":{comment}") and o != "parked"]
            return bool(found)

        self._until(is_there, f"an answer to {comment} below #{pull}")
        return found[0]

    def reviews(self, pull: int) -> int:
        return len(self._said(pull, "review"))

    def state(self, pull: int) -> str:
        return str(self._db.api("GET", f"/pulls/{pull}").json()["data"]["state"])

    def _said(self, pull: int, kind: str) -> list[tuple[str, str]]:
        """About what, and outcome, of the bot's comments of a kind."""
        comments: list[dict[str, Any]] = self._db.api("GET", f"/pulls/{pull}/comments").json()["data"]
        marks = [MARK.fullmatch(c["body"].rstrip().rpartition("\n")[2]) for c in comments if c["author"] == BOT]
        return [(m["about"], m["outcome"]) for m in marks if m is not None and m["kind"] == kind]

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if self._day.over.wait(LOOK_EVERY_S):
                raise Over
            if time.monotonic() > deadline:
                raise Tired(what)

    def _rest(self) -> None:
        if self._day.over.is_set():
            raise Over


def accept(t: Teller) -> None:
    """The usual day: work, review, accept."""
    pull = t.hand_in()
    t.decide(pull, t.validator, f"/accept --quality {t.rng.randint(1, 5)}")


def two_at_once(t: Teller) -> None:
    """Two validators decide in the same moment; both are answered, one of them is followed."""
    pull = t.hand_in()
    first = t.say(pull, t.validator, "/accept --quality 4")
    second = t.say(pull, t.other, t.rng.choice(["/accept --quality 2", "/reject it does not build", "/close --yes had it"]))
    t.await_answer(pull, first)
    t.await_answer(pull, second)


def own_work(t: Teller) -> None:
    """The worker and a stranger try first."""
    pull = t.hand_in()
    stranger = t.rng.choice([user for _, user in WORKERS if user != t.worker])
    t.decide(pull, t.worker, "/accept --quality 5", hopeless=True)
    t.decide(pull, stranger, "/accept --quality 5", hopeless=True)
    t.decide(pull, t.validator, "/accept --quality 3")


def rejected_and_mended(t: Teller) -> None:
    """Rejected, then other evidence, then accepted."""
    pull = t.hand_in()
    t.decide(pull, t.validator, "/reject the page shows something else")
    seen = t.reviews(pull)
    t.show_other_evidence()
    t.await_review(pull, more_than=seen)
    t.decide(pull, t.other, "/accept --quality 4")


def rejected_and_given_up(t: Teller) -> None:
    """Rejected, and the worker closes the pull by hand."""
    pull = t.hand_in()
    t.decide(pull, t.validator, "/reject not what was asked for")
    t.by_hand(pull, t.worker, "close")


def closed_with_thanks(t: Teller) -> None:
    """The item is done, without a stamp."""
    pull = t.hand_in()
    t.decide(pull, t.validator, "/close --yes solved elsewhere")


def claim_closed(t: Teller) -> None:
    """A claim that nobody works on."""
    t.push(*wl_sql.claim(t.item, t.rig))
    pull = t.open_pull()
    t.await_review(pull)
    t.decide(pull, t.validator, "/close nobody is at it")


def pushed_meanwhile(t: Teller) -> None:
    """A push in the same moment as the accept: merged is what was reviewed, or nothing."""
    pull = t.hand_in()
    comment = t.say(pull, t.validator, "/accept --quality 4")
    t.show_other_evidence()
    if t.await_answer(pull, comment) == "refused" and t.state(pull) == "open":
        t.decide(pull, t.validator, "/accept --quality 4")


def merged_by_hand(t: Teller) -> None:
    """Somebody presses the button; the stamp comes with an accept afterwards."""
    pull = t.hand_in()
    t.by_hand(pull, t.validator, "merge")
    t.decide(pull, t.other, "/accept --quality 3", hopeless=True)


_WEIGHTED: tuple[tuple[int, Callable[[Teller], None]], ...] = (
    (5, accept),
    (3, two_at_once),
    (1, own_work),
    (2, rejected_and_mended),
    (1, rejected_and_given_up),
    (2, closed_with_thanks),
    (1, claim_closed),
    (2, pushed_meanwhile),
    (1, merged_by_hand),
)
STORIES = [story for _, story in _WEIGHTED]
