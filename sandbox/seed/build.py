"""Builds a small Wasteland to play in: a commons with a history, users with tokens, forks, and pulls of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

from sandbox.seed import schema
from sandbox.seed.background import BACKGROUND
from sandbox.seed.history import COMPLETIONS, LINKED_RIGS, Move, SeedCompletion, forked_h, moves
from sandbox.seed.items import HANDSHAKE, PULLED, SeedItem
from sandbox.seed.people import BOT_USER, COMMONS_NAME, COMMONS_OWNER, RIGS, VALIDATORS, SeedRig, email_of, rig, token_of, users
from sandbox.seed.pulls import HAPPY, PULLS
from sandbox.seed.rows import Rows
from sandbox.seed.shapes import Kind, SeedPull, Verdict
from sandbox.values.places import Places
from sandbox.values.records import DatabaseName

if TYPE_CHECKING:
    # Only the type: what has a Hub has loaded the engine already, and reading the data needs none.
    from sandbox.hub.state import Hub

SeedName = Literal["demo", "small"]
SEED_NAMES: tuple[SeedName, ...] = get_args(SeedName)

COMMONS = DatabaseName(COMMONS_OWNER, COMMONS_NAME)

_FOUNDED_H = 2450.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededPull:
    """A pull that the seed opened, and what a review of it should come to."""

    number: int
    slug: str
    purpose: str
    kind: Kind
    verdict: Verdict
    from_db: DatabaseName
    from_branch: str
    item: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What the seed made: the commons, the users (token: `token-USER`), the forks, the pulls in order of number."""

    commons: DatabaseName
    users: tuple[str, ...]
    forks: tuple[DatabaseName, ...]
    pulls: tuple[SeededPull, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    users: tuple[str, ...]
    validators: tuple[str, ...]
    rigs: tuple[SeedRig, ...]
    linked: tuple[tuple[str, str], ...]
    items: tuple[SeedItem, ...]
    completions: tuple[SeedCompletion, ...]
    moves: tuple[Move, ...]
    pulls: tuple[SeedPull, ...]


def seed(hub: Hub, *, places: Places, now: datetime, name: SeedName = "demo") -> Seeded:
    """Fill an empty hub with the commons `hop/wl-commons`.

    `demo` is the whole Wasteland (13 rigs, 42 items, 47 pulls); `small` is one validator (ana), one worker (pia), one
    item and one happy pull, with room for more. All rows, and the times of all commits and pulls, follow from `name`,
    `places` and `now` (aware); only commit hashes differ from run to run, because the engine's very first commit takes the
    time from the clock.

    Raises:
        NameTaken: the hub has a commons of this name already.
    """
    return _Builder(hub, places, now.astimezone(UTC)).build(_demo(places) if name == "demo" else _small())


def _demo(places: Places) -> _World:
    return _World(
        users=users(),
        validators=VALIDATORS,
        rigs=RIGS,
        linked=(LINKED_RIGS,),
        items=PULLED + BACKGROUND,
        completions=COMPLETIONS,
        moves=moves(places),
        pulls=PULLS,
    )


def _small() -> _World:
    return _World(
        users=("ana", "pia", COMMONS_OWNER, BOT_USER),
        validators=("ana",),
        rigs=(rig("ana-town"), rig("polecat-7")),
        linked=(),
        items=(HANDSHAKE,),
        completions=(),
        moves=(),
        pulls=HAPPY,
    )


class _Builder:
    """Plays a world into a hub, in the order in which it would have happened."""

    def __init__(self, hub: Hub, places: Places, now: datetime) -> None:
        self._hub = hub
        self._places = places
        self._rows = Rows(now=now, places=places)

    def build(self, world: _World) -> Seeded:
        for user in world.users:
            self._hub.add_user(user, token_of(user), email=email_of(user))
        self._found(world)
        self._hub.grant(BOT_USER, COMMONS, "write")
        for validator in world.validators:
            self._hub.grant(validator, COMMONS, "write")
        forks = self._fork_and_move(world)
        pulls = tuple(self._open(pull, forks[pull.user]) for pull in world.pulls)
        return Seeded(commons=COMMONS, users=world.users, forks=tuple(forks.values()), pulls=pulls)

    def _found(self, world: _World) -> None:
        """The commons with its early history. Old times are given in the rows, so one commit per table will do."""
        self._hub.create_database(
            COMMONS,
            schema.creation(),
            author=COMMONS_OWNER,
            message="Create the commons",
            at=self._rows.at(_FOUNDED_H),
        )
        history = (
            (2400.0, "Register the founding rigs", self._rows.rigs(world.rigs)),
            (330.0, "Link rigs of one owner", self._rows.links(world.linked)),
            (140.0, "Wanted so far", self._rows.items(world.items, world.completions)),
            (139.0, "Completed so far", self._rows.completions(world.completions)),
            (138.0, "Stamped so far", self._rows.stamps(world.completions)),
        )
        for at_h, message, sql in history:
            if sql:
                self._hub.write(COMMONS, "main", "main", sql, user=COMMONS_OWNER, at=self._rows.at(at_h), message=message)

    def _fork_and_move(self, world: _World) -> dict[str, DatabaseName]:
        """Forks by owner. They are made while main moves on: some are stale, and none is at main's head in the end."""
        owners = dict.fromkeys(pull.user for pull in world.pulls)
        ahead = list(world.moves)
        forks: dict[str, DatabaseName] = {}
        for owner in sorted(owners, key=forked_h, reverse=True):
            while ahead and ahead[0].at_h > forked_h(owner):
                self._move(ahead.pop(0))
            forks[owner] = self._hub.fork(COMMONS, owner)
        for move in ahead:
            self._move(move)
        return forks

    def _move(self, move: Move) -> None:
        for sql in move.statements:
            self._hub.write(COMMONS, "main", "main", sql, user=move.user, at=self._rows.at(move.at_h))

    def _open(self, pull: SeedPull, fork: DatabaseName) -> SeededPull:
        """The branch, written as the reference client writes it (first from main, then on the branch), and the pull."""
        statements = pull.script(self._places)
        step_h = (pull.started_h - pull.opened_h) / len(statements)
        for n, sql in enumerate(statements):
            source = "main" if n == 0 else pull.branch
            self._hub.write(fork, source, pull.branch, sql, user=pull.user, at=self._rows.at(pull.started_h - n * step_h))
        number = self._hub.open_pull(
            COMMONS,
            title=pull.title,
            description=pull.description,
            creator=pull.user,
            from_db=fork,
            from_branch=pull.branch,
            at=self._rows.at(pull.opened_h),
        )
        return SeededPull(
            number=number,
            slug=pull.slug,
            purpose=pull.purpose,
            kind=pull.kind,
            verdict=pull.verdict,
            from_db=fork,
            from_branch=pull.branch,
            item=pull.item,
        )
