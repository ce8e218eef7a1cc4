"""The races: in each, two sides want something of one pull in the same moment.

A race tells which side was first, and notes what the answers and the rows then say wrongly. Whether every human was answered
once, and what was answered stands on main, says the auditor of the soak, which shares no code with the bot.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.seed import wl_sql
from tests.faults.twins import ALIKE, Twins
from tests.sandbox_process import SandboxFailed
from tests.soak.audit import BY_HAND, MARK, UNCHANGED
from tests.soak.people import Day, Teller
from tests.soak.town import BOT, VALIDATORS

ACCEPT = "/accept --quality 4"
STEP_S = (0.8, 0.1)
"""By how much an aim is moved: at first, and when it is narrowed down."""
SPREAD_S = 0.1
RIGS = {user: rig for rig, user in VALIDATORS}

A = TypeVar("A")
B = TypeVar("B")


@dataclass(slots=True)
class Aim:
    """How many seconds after the first side the second starts: so many that now the one wins, now the other.

    Nobody knows beforehand how fast a machine is. So whoever won has a little less of a start the next time, and the seed
    scatters the starts about the place where both are equally fast.
    """

    later_s: float
    rng: random.Random
    _step_s: float = STEP_S[0]
    _first_won: bool | None = None

    def draw(self) -> float:
        """Seconds for the next race; below 0 the second side starts first."""
        return self.later_s + self.rng.uniform(-SPREAD_S, SPREAD_S)

    def learn(self, *, first_won: bool) -> None:
        if self._first_won not in (None, first_won):
            self._step_s = max(STEP_S[1], self._step_s / 2)
        self._first_won = first_won
        self.later_s += -self._step_s if first_won else self._step_s


class Runner(Teller):
    """The verbs of one race on one pull. `wrong` collects what was not true."""

    def __init__(self, day: Day, rng: random.Random, twins: Twins) -> None:
        super().__init__(day, rng)
        self.twins = twins
        self.wrong: list[str] = []
        self.evidence = day.link()
        self.pull = 0
        self.head = ""

    def get_ready(self) -> None:
        """Open the pull and have it reviewed."""
        self.head = self.push_work(*wl_sql.claim(self.item, self.rig), *wl_sql.done(self.item, self.rig, self.evidence))
        self.pull = self.open_pull()
        self.await_review(self.pull)

    def push_work(self, *statements: str) -> str:
        """Commit to the branch of the pull; its new head."""
        return self._db.push(self.branch, *statements, user=self.worker, database=self.fork)

    def better_evidence(self) -> tuple[str, tuple[str, ...]]:
        """A link nobody has shown yet, and the statements that show it."""
        link = self._day.link()
        shown = wl_sql.literal(link)
        return link, (
            f"UPDATE completions SET evidence = {shown} WHERE wanted_id = '{self.item}'",
            f"UPDATE wanted SET evidence_url = {shown} WHERE id = '{self.item}'",
        )

    def press_merge(self) -> bool:
        """The other validator merges by hand; whether it was this that merged."""
        answer = self._db.api("POST", f"/pulls/{self.pull}/merge", user=self.other, json={})
        return answer.status_code == 202 and self._db.sandbox.wait_for(answer, user=self.other)["status"] == "succeeded"

    def write_stamp(self) -> None:
        """The other validator's tool writes work and stamp to main, if it finds the item without a stamp as it begins."""
        rig, work = RIGS[self.other], wl_sql.completion_id(self.item, self.rig)
        stamp, *ends = wl_sql.accept(self.item, completion=work, author=rig, subject=self.rig, quality=2, skills=(), message="")
        waits = f" FROM wanted WHERE id = '{self.item}' AND status = 'in_review'"
        stamp = stamp.replace("VALUES (", "SELECT ").removesuffix(")") + waits
        its = f" AND EXISTS (SELECT 1 FROM stamps WHERE id = '{wl_sql.stamp_id(self.item, rig)}')"
        done = (*wl_sql.claim(self.item, self.rig), *wl_sql.done(self.item, self.rig, self.evidence))
        try:
            self._db.push("main", *done, stamp, *(sql + its for sql in ends), user=self.other)
        except SandboxFailed as error:
            if "NothingChanged" not in str(error):
                raise

    def stamped_by(self) -> list[str | None]:
        """The rigs that stamped the work, each as often as it did."""
        work = wl_sql.completion_id(self.item, self.rig)
        return [author for (author,) in self._db.sql(f"SELECT author FROM stamps WHERE context_id = '{work}'")]

    def at_once(self, first: Callable[[], A], second: Callable[[], B], later_s: float) -> tuple[A, B]:
        """What both do at the same time, the second so much later."""

        def after(pause_s: float, deed: Callable[[], A | B]) -> Any:
            time.sleep(max(0.0, pause_s))
            return deed()

        with ThreadPoolExecutor(2) as hands:
            one, other = hands.submit(after, -later_s, first), hands.submit(after, later_s, second)
            return one.result(), other.result()

    def answer_to(self, comment: str) -> tuple[str, str]:
        """Outcome and text of the answer to a comment."""
        outcome = self.await_answer(self.pull, comment)
        told = ((mark, body) for mark, body in self._marked() if mark["outcome"] == outcome)
        return outcome, next(body for mark, body in told if mark["about"].endswith(f":{comment}"))

    def await_review_of(self, head: str) -> None:
        """Wait until this head, as the hub calls it, is reviewed."""
        its = {"kind": "review", "head": head}
        self._until(
            lambda: any(its.items() <= mark.groupdict().items() for mark, _ in self._marked()),
            f"a review of {head} in #{self.pull}",
        )

    def _marked(self) -> list[tuple[re.Match[str], str]]:
        """The bot's comments below the pull, with their marks."""
        comments = self._db.api("GET", f"/pulls/{self.pull}/comments").json()["data"]
        bodies = [c["body"] for c in comments if c["author"] == BOT]
        marks = [(MARK.fullmatch(body.rstrip().rpartition("\n")[2]), body) for body in bodies]
        return [(mark, body) for mark, body in marks if mark is not None]

    def expect(self, body: str, *words: str) -> None:
        """The answer must say each of these."""
        self.wrong += [f"#{self.pull}: an answer does not say {w!r}: {body!r}" for w in words if w not in body]

    def expect_named(self, body: str, validator: str) -> None:
        """The answer, to somebody else, must say that this one was first, by account or by rig."""
        if f"`{validator}`" not in body and f"`{RIGS[validator]}`" not in body:
            self.wrong.append(f"#{self.pull}: an answer does not name {validator}: {body!r}")

    def expect_on_main(self, evidence: str) -> None:
        """The work on main must show this link."""
        found = self._db.sql(f"SELECT evidence FROM completions WHERE wanted_id = '{self.item}'")
        if found != [[evidence]]:
            self.wrong.append(f"#{self.pull}: main shows {found}, and {evidence} was accepted")

    def accept_again(self, body: str = ACCEPT) -> None:
        """Accept what was pushed meanwhile and is reviewed now."""
        outcome, told = self.answer_to(self.say(self.pull, self.validator, body))
        if outcome != "done":
            self.wrong.append(f"#{self.pull}: what was pushed meanwhile cannot be accepted: {told!r}")


def two_validators(r: Runner, later_s: float) -> str:
    """Both accept: one is followed, the other learns of whom."""
    comments = r.at_once(
        lambda: r.say(r.pull, r.validator, ACCEPT), lambda: r.say(r.pull, r.other, "/accept --quality 2"), later_s
    )
    (first, told_first), (second, told_second) = map(r.answer_to, comments)
    if {first, second} != {"done", "refused"}:
        r.wrong.append(f"#{r.pull}: two accepts were answered {first} and {second}")
    r.expect_named(*((told_second, r.validator) if first == "done" else (told_first, r.other)))
    return FIRST if first == "done" else SECOND


def push(r: Runner, later_s: float) -> str:
    """The author pushes: merged and stamped is what was reviewed, or nothing is."""
    link, statements = r.better_evidence()
    comment, head = r.at_once(lambda: r.say(r.pull, r.validator, ACCEPT), lambda: r.push_work(*statements), later_s)
    first = _who_was_first(r, comment)
    if first == SECOND:
        r.await_review_of(head)
        r.accept_again()
        r.expect_on_main(link)
    return first


def twin(r: Runner, later_s: float) -> str:
    """The author pushes a head that begins as the reviewed one does, which the accept names by just these characters."""
    link, statements = r.better_evidence()
    alike = f"{ACCEPT} --at {r.head[:ALIKE]}"
    comment, (head, name) = r.at_once(
        lambda: r.say(r.pull, r.validator, alike),
        lambda: r.twins.make(r.head, lambda: r.push_work(*statements)),
        later_s,
    )
    first = _who_was_first(r, comment)
    if first == SECOND:
        r.await_review_of(head)
        outcome, told = r.answer_to(r.say(r.pull, r.validator, alike))
        if outcome != "refused":
            r.wrong.append(f"#{r.pull}: {alike} names two reviewed heads and was answered {outcome}")
        r.expect(told, "names more than one reviewed head", UNCHANGED)
        r.accept_again(f"{ACCEPT} --at {name}")
        r.expect_on_main(link)
    return first


def _who_was_first(r: Runner, comment: str) -> str:
    """Whether the accept or the push was first, by the answer, which must be true to main."""
    outcome, told = r.answer_to(comment)
    if outcome == "done":
        r.expect_on_main(r.evidence)
        return FIRST
    if r.state(r.pull) == "merged":
        r.expect(told, "NOT STAMPED")
        return BETWEEN
    r.expect(told, UNCHANGED)
    return SECOND


def merge_by_hand(r: Runner, later_s: float) -> str:
    """Another account presses the button: merged once, and stamped as the accept says."""
    r.say(r.pull, r.other, BY_HAND + "merge")
    comment, merged = r.at_once(lambda: r.say(r.pull, r.validator, ACCEPT), r.press_merge, later_s)
    outcome, told = r.answer_to(comment)
    if outcome != "done":
        r.wrong.append(f"#{r.pull}: merged by hand meanwhile, and the accept was answered {outcome}: {told!r}")
    r.expect_on_main(r.evidence)
    return SECOND if merged else FIRST


def other_tool(r: Runner, later_s: float) -> str:
    """Another tool writes work and stamp straight to main, unless the item is stamped already: there is one stamp."""
    r.say(r.pull, r.other, BY_HAND + "stamp")
    comment, _ = r.at_once(lambda: r.say(r.pull, r.validator, ACCEPT), r.write_stamp, later_s)
    outcome, told = r.answer_to(comment)
    authors = r.stamped_by()
    expected = RIGS[r.validator if outcome == "done" else r.other]
    if authors != [expected]:
        r.wrong.append(f"#{r.pull}: the accept was answered {outcome}, and the stamps are of {authors}")
    if outcome == "done":
        return FIRST
    r.expect_named(told, r.other)
    merged = r.state(r.pull) == "merged"
    if merged == (UNCHANGED in told):
        r.wrong.append(f"#{r.pull}: it is {r.state(r.pull)}, and the answer says otherwise: {told!r}")
    return BETWEEN if merged else SECOND


FIRST, SECOND, BETWEEN = "first", "second", "between"


@dataclass(frozen=True, slots=True)
class Race:
    """One kind of race: how it is run, who runs, and how many seconds the second side starts later at first."""

    run: Callable[[Runner, float], str]
    first: str
    second: str
    later_s: float

    @property
    def name(self) -> str:
        return f"{self.first}, {self.second}"


RACES = (
    Race(two_validators, "a validator's accept", "another's accept", 0.0),
    Race(push, "accept", "a push of the author", 0.8),
    Race(merge_by_hand, "accept", "a merge by hand", 0.8),
    Race(other_tool, "accept", "another tool's stamp", 0.8),
    Race(twin, "accept --at 7 characters", "a push of a head that shares them", 0.8),
)
