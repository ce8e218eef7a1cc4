"""The stage: a commons with its rigs and items, verbs for what people do, and a transcript of it in words.

Every verb does what it says on the look-alike of DoltHub and writes it down. After each `look` and `settle` what the bot has
said since the last one is written down too, and shown to nobody but the reader: facts are asserted from rows.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import redis
import requests

from bot.converge.bot import Bot
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy
from bot.evidence import FetchPolicy, networks
from bot.evidence.forge.look import make_forges
from bot.model.ids import Handle, PullNo
from bot.model.policy import Landing, Policy
from bot.prober.hosts import Hosts, Soft404Baselines
from bot.prober.link_checker import LinkChecker, Politeness
from sandbox.lookalikes.forge_seed import REPOS, SeedPull, SeedRepo
from sandbox.lookalikes.forges import ForgeLookAlike
from sandbox.seed import schema, wl_sql
from tests.patience import STATE_WAIT_S
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess, fresh_database
from tests.scenarios.plain import plain
from tests.scenarios.scenario import Part
from tests.world import AT_ONCE, BOT, World

LOOPBACK = "127.0.0.0/8"
LONG_BEFORE = timedelta(hours=3)
PUSH_EVERY = timedelta(seconds=61)
PATIENT = replace(AT_ONCE, confirm_dead_s=(0.8, 0.8))
"""For parts in which a link dies: no machine is so slow that the second look comes with the first."""
_HASH = re.compile(r"\b[0-9a-v]{32}\b")
NAP_S = 0.02
PATIENCE_S = STATE_WAIT_S
OWNERS = {
    "alice": "alice-dev",
    "bob": "bob",
    "carol": "carol-org",
    "mallory": "mallory",
    "bob-bot": "bot-farm",
}
"""Accounts by rig."""
RIGS = (("alice", 3, "human", None), ("bob", 1, "human", None), ("carol", 2, "human", None), ("mallory", 1, "human", None),
        ("bob-bot", 1, "agent", "bob"))  # fmt: skip
ITEMS = ("w-com-004", *(f"w-{number:03}" for number in range(1, 31)))
STRANGERS = ("dave", "erin", "Bob", "a1ice")
"""Accounts without a rig."""
REPO = "hop/relay"
_FORGE_PULLS = SeedRepo(
    pulls={
        **{
            n: SeedPull(title=f"Mend relay {n}", author="bob", merged_by="alice-dev", files=3, done_h=17.5)
            for n in range(1, 61)
        },
        70: SeedPull(title="Given up", author="bob", state="closed", files=3, done_h=17.5),
        71: SeedPull(title="Not mine", author="zoe", merged_by="alice-dev", files=3, done_h=17.5),
    }
)


def people_and_items() -> tuple[str, ...]:
    """The rows every scenario begins with."""
    q = wl_sql.literal
    rigs = ", ".join(
        f"({q(rig)}, {q(rig.title())}, {q(OWNERS[rig])}, {trust}, {q(kind)}, {q(parent)}, '2026-01-01 00:00:00')"
        for rig, trust, kind, parent in RIGS
    )
    items = ", ".join(
        f"({q(item)}, {q(f'Mend relay {item[2:]}')}, 'It drops every third lease.', 'relay', 'bug', 2, '[\"go\"]', 'alice',"
        " 'open', 'small', '2026-01-02 00:00:00', '2026-01-02 00:00:00')"
        for item in ITEMS
    )
    return (
        f"INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, rig_type, parent_rig, registered_at) VALUES {rigs}",
        "INSERT INTO wanted (id, title, description, project, type, priority, tags, posted_by, status, effort_level,"
        f" created_at, updated_at) VALUES {items}",
    )


@dataclass(slots=True)
class _Town(World):
    """A world whose bot trusts a forge, and whose link checker is let to some networks."""

    forge: ForgeLookAlike | None = None
    allow: tuple[str, ...] = (LOOPBACK,)

    def bot(self, session: requests.Session | None = None, *, clock: Callable[[], datetime] | None = None, **hub: Any) -> Bot:
        # Not super(): a dataclass with slots is made anew, and super() would look for the one before.
        made = World.bot(self, session, clock=clock)
        assert self.forge is not None
        options: dict[str, Any] = {"poll_s": (0.005, 0.05), "operation_wait_s": 10, "sleep": _nap, **hub}
        client = Hub(self.sandbox.base_url, f"token-{BOT}", commons=[self.commons], session=session, **options)
        forges = make_forges(((self.forge.authority, "github"),), now=made.clock)
        return replace(made, hubs={self.commons: client}, forges=forges)

    def looking(self, bot: Bot) -> LinkChecker:
        return LinkChecker(
            store=bot.store,
            hosts=Hosts(bot.store.redis, bot.store.keys, bot.store.now),
            baselines=Soft404Baselines(bot.store.redis, bot.store.keys, bot.store.now),
            policy=FetchPolicy(allow=networks(self.allow)),
            now=bot.clock,
            controls=(self.sandbox.base_url,),
            politeness=Politeness(pace_s=0, retry_s=()),
        )


def _nap(seconds: float) -> None:
    """Sleep, but not for long: nothing here gets better by waiting."""
    time.sleep(min(seconds, NAP_S))


class Meanwhile(requests.Session):
    """A session during which something happens: `does` hears of each request before it is sent."""

    def __init__(self, does: Callable[[str, str, Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._does = does

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        self._does(method, url, more)
        return super().request(method, url, *args, **more)


@dataclass(frozen=True, slots=True)
class Case:
    """A titled stretch of a part: what was done and said in it, ready to be shown."""

    title: str
    lines: list[str] = field(default_factory=list)


class Stage:
    """See the module. `cases` is the transcript."""

    def __init__(self, world: _Town) -> None:
        self.world = world
        self.cases: list[Case] = [Case("")]
        self.began = datetime.now(UTC)
        self._pushed_at = self.began - LONG_BEFORE
        self._heard: dict[PullNo, list[str]] = {}
        self._hashes: set[str] = set()
        self._forge_pulls = itertools.count(1)
        assert world.forge is not None
        self.forge = f"http://{world.forge.authority}"
        self._names = {
            self.forge: "http://forge.example",
            world.forge.authority: "forge.example",
            world.evidence: "http://pages.example",
            world.evidence.removeprefix("http://"): "pages.example",
            world.sandbox.base_url: "http://dolthub.example",
        }

    # --- the transcript ---------------------------------------------------------------------------------------------

    def case(self, title: str) -> None:
        """What follows is a case of its own, among the pulls that are there already."""
        self.cases.append(Case(title))

    def tell(self, line: str) -> None:
        """Write down what happens, in words."""
        self.cases[-1].lines.append(f"- {line}")

    def transcript(self) -> tuple[Case, ...]:
        """All cases with what is of this run alone replaced; commits are numbered anew in each."""
        self._hashes |= {commit["hash"] for commit in self.world.sandbox.admin("GET", "/log", database=self.world.db.name)}
        return tuple(Case(case.title, [self._plain("\n".join(case.lines))]) for case in self.cases if case.lines)

    def _plain(self, text: str) -> str:
        return plain(text, hashes=self._hashes, names=self._names, now=self.began)

    # --- what people do ---------------------------------------------------------------------------------------------

    def proof(self) -> str:
        """The address of another merged pull of bob's on the forge."""
        return f"{self.forge}/{REPO}/pull/{next(self._forge_pulls)}"

    def page(self, path: str) -> str:
        """An address among the evidence pages, which are of no forge."""
        return self.world.evidence + path

    def main(self, *statements: str, says: str = "") -> None:
        """Somebody with the right to writes to main."""
        self._hashes.add(self.world.db.push("main", *self._dated(statements), user="alice-dev"))
        if says:
            self.tell(says)

    def push(self, user: str, branch: str, *statements: str, says: str) -> str:
        """A push to a branch of the user's fork; the new head."""
        self._know(user)
        head = self.world.push(user, branch, *self._dated(statements))
        self._hashes.add(head)
        self.tell(says)
        return head

    def pull(self, user: str, branch: str, *statements: str, says: str, title: str = "") -> PullNo:
        """A push to a branch of the user's fork, and a pull from there."""
        self._know(user)
        if statements:
            self._hashes.add(self.world.push(user, branch, *self._dated(statements)))
        number = self.world.open_pull(user, branch, title or f"[wl] {branch.rpartition('/')[2]}")
        self.tell(f"{says} → pull {number}")
        return number

    def claim(self, rig: str, item: str, *, user: str = "") -> PullNo:
        """A pull that only claims an item."""
        who = user or OWNERS[rig]
        return self.pull(who, f"wl/{rig}/{item}", *wl_sql.claim(item, rig), says=f"rig `{rig}` claims `{item}`")

    def hand_in(self, rig: str, item: str, evidence: str | None = None, *, user: str = "", branch: str = "") -> PullNo:
        """A pull that claims an item and hands its work in."""
        who, shown = user or OWNERS[rig], self.proof() if evidence is None else evidence
        told = f"rig `{rig}` claims `{item}` and hands it in with the evidence {_code(shown)}"
        steps = (*wl_sql.claim(item, rig), *wl_sql.done(item, rig, shown))
        return self.pull(who, branch or f"wl/{rig}/{item}", *steps, says=told)

    def comment(self, pull: PullNo, user: str, body: str) -> str:
        """A comment below a pull; its id."""
        comment = self.world.comment(pull, user, body)
        told = _code(body) if "\n" not in body else "\n\n" + "\n".join(f"  > {line}".rstrip() for line in _shown(body)) + "\n"
        self.tell(f"`{user}` writes below pull {pull}: {told}")
        return comment

    def close_pull(self, pull: PullNo, user: str) -> None:
        """Somebody closes a pull on its page."""
        body = {"database": self.world.db.name, "number": pull, "user": user, "state": "closed"}
        self.world.sandbox.admin("PATCH", "/pulls", body)
        self.tell(f"`{user}` closes pull {pull}")

    def merge_by_hand(self, pull: PullNo) -> None:
        """A maintainer presses the button."""
        self.world.merge_by_hand(pull, "alice-dev")
        self.tell(f"`alice-dev` merges pull {pull} by hand")

    def _dated(self, statements: Iterable[str]) -> tuple[str, ...]:
        """With each push a minute after the one before: which cells two of them write alike must not hang on the machine."""
        self._pushed_at += PUSH_EVERY
        return tuple(_at(self._pushed_at, text) for text in statements)

    def _know(self, user: str) -> None:
        if user not in (*OWNERS.values(), *STRANGERS):
            self.world.sandbox.add_user(user)

    # --- the bot ----------------------------------------------------------------------------------------------------

    def look(self, *pulls: PullNo, bot: Bot | None = None) -> None:
        """The bot (or another one) looks at these pulls until nothing is left to do about them. Raises HubError.

        Where DoltHub is still busy with what was asked of it before, the bot looks again, as its worker does.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.look_once(*pulls, bot=bot)
            except HubBusy:
                if time.monotonic() > end:
                    raise
                time.sleep(AT_ONCE.about_to_s / 4)

    def look_once(self, *pulls: PullNo, bot: Bot | None = None) -> None:
        """As `look`, but what DoltHub refuses for the moment is not asked for again. Raises HubError."""
        end = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < end:
                stopped = [self.world.converge(pull, bot).stopped for pull in pulls]
                if self.world.answer_knocks_at_the_prober():
                    continue
                if not any(stopped):
                    return
                # Nothing is said for a moment after Redis lost its notes, as each part begins.
                time.sleep(AT_ONCE.about_to_s / 4)
            raise AssertionError("there is no end of looking")
        finally:
            self._hear(pulls)

    def next_second(self) -> None:
        """Cells hold whole seconds: what is written now and then differs from here on, as it does where people write."""
        time.sleep(1.05 - time.time() % 1)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what DoltHub does in a job of its own."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.01)

    def time_passes(self, pull: PullNo) -> None:
        """As long as it takes until a link that was dead is believed to be."""
        self.tell("hours pass, and the bot looks at the link again")
        for _ in range(4):
            if self.verdicts(pull)[-1] == "BLOCKED":
                break
            time.sleep(max(self.world.policy.timing.confirm_dead_s) * 1.1)
            self.look(pull)

    def settle(self) -> None:
        """The bot sweeps the whole commons until nothing is left to do."""
        self.world.settle()
        self._hear(sorted(PullNo(pull["pull_number"]) for pull in self.world.pulls()))

    def _hear(self, pulls: Iterable[PullNo]) -> None:
        """Write down what the bot has said below these pulls since the last time."""
        for pull in pulls:
            heard = self._heard.setdefault(pull, [])
            said = self.world.said(pull)
            for body in said[len(heard) :]:
                self._hashes |= set(_HASH.findall(body.splitlines()[-1]))
                quoted = "\n".join(f"> {line}".rstrip() for line in body.split("\n"))
                self.cases[-1].lines.append(f"\nThe bot, below pull {pull}:\n\n{quoted}\n")
            self._heard[pull] = said

    # --- what can be seen -------------------------------------------------------------------------------------------

    def said(self, pull: PullNo, kind: str = "") -> list[str]:
        """What the bot had said below a pull when it was last looked at, oldest first; `kind`: only `review` or `answer`."""
        return [body for body in self._heard.get(pull, ()) if f"`stampbot/1 {kind}" in body.splitlines()[-1]]

    def verdicts(self, pull: PullNo) -> list[str]:
        """What the reviews of a pull said, oldest first."""
        return [_headline(body) for body in self.said(pull, "review")]

    def answers(self, pull: PullNo) -> list[str]:
        """How the answers below a pull begin, oldest first."""
        return [_headline(body) for body in self.said(pull, "answer")]

    def review(self, pull: PullNo) -> str:
        """The newest review."""
        return self.said(pull, "review")[-1]

    def answer(self, pull: PullNo) -> str:
        """The newest answer."""
        return self.said(pull, "answer")[-1]

    def found(self, pull: PullNo) -> dict[str, str]:
        """What did not pass in the newest review: result by the rule's label, the worst where a rule has several findings."""
        states = {"fails": "FAIL", "cannot be told": "CANNOT TELL", "is to be looked at": "LOOK", "could not be judged": "LOOK"}
        rows = re.findall(rf"^- \*\*([A-Za-z -]+)\*\* ({'|'.join(states)})", self.review(pull), re.MULTILINE)
        return {label: states[state] for label, state in reversed(rows)}

    def item(self, item: str) -> tuple[str | None, str | None]:
        """Status and claimer of an item on main."""
        row = self.world.row("wanted", id=item)
        assert row is not None
        return row["status"], row["claimed_by"]

    def stamps(self, subject: str | None = None) -> int:
        """Stamps on main, of one rig or of all."""
        return self.world.count("stamps", f"subject = '{subject}'" if subject else "1 = 1")


def _headline(comment: str) -> str:
    return comment.split(" · ", 1)[0].split("\n", 1)[0].strip("*.")


def _shown(body: str, most: int = 12) -> list[str]:
    lines = [line if len(line) <= 200 else f"{line[:200]}… ({len(line)} characters)" for line in body.split("\n")]
    return lines if len(lines) <= most else [*lines[:most], f"… ({len(lines)} lines)"]


def _code(text: str) -> str:
    """A text of the scenario as code; a long one by its beginning."""
    short = text if len(text) <= 200 else f"{text[:120]}… ({len(text)} characters)"
    fence = "``" if "`" in short else "`"
    return f"{fence}{short}{fence}"


def _at(moment: datetime, statement: str) -> str:
    """The statement with another time for NOW()."""
    return statement.replace("NOW()", f"'{moment:%Y-%m-%d %H:%M:%S}'")


@contextmanager
def forge_beside() -> Iterator[ForgeLookAlike]:
    """A look-alike of a GitHub that has bob's pulls, for as long as the block."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(REPOS, {REPO: _FORGE_PULLS}))
        server = ForgeLookAlike("github", now=datetime.now(UTC)).start()
        stack.callback(server.stop)
        yield server


@contextmanager
def staged(part: Part, sandbox: SandboxProcess, server: RedisProcess, forge: ForgeLookAlike) -> Iterator[Stage]:
    """A fresh commons and an emptied Redis for one part."""
    client = redis.Redis.from_url(server.url)
    client.flushall()
    forge.now = datetime.now(UTC)
    for user in (*OWNERS.values(), *STRANGERS):
        sandbox.add_user(user)
    tables = schema.creation() if part.schema is None else part.schema
    rows = (_at(datetime.now(UTC) - 2 * LONG_BEFORE, text) for text in part.rows)
    db = fresh_database(sandbox, statements=(*tables, *people_and_items(), *rows))
    sandbox.admin("POST", "/grants", {"username": "alice-dev", "database": db.name})
    world = _Town(
        sandbox=sandbox,
        db=db,
        redis=client,
        evidence=str(sandbox.ready["evidence_url"]),
        policy=_policy(forge, part.policy),
        forge=forge,
    )
    try:
        yield Stage(world)
    finally:
        world.close()


def _policy(forge: ForgeLookAlike, more: Mapping[str, Any]) -> Policy:
    sane = Policy(
        timing=AT_ONCE,
        landing=Landing.DIRECT,
        logins={Handle("bob"): (f"{forge.authority}/bob",)},
    )
    return replace(sane, **more)
