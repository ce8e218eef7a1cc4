"""The made-up repositories of the forge look-alikes: one of everything that evidence can turn out to be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

LONG_AGO = "2026-01-02T03:04:05Z"
OPENED_BEFORE_H = 50


def sha(word: str) -> str:
    """The hash of the commit called `word`."""
    return hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Day:
    """What o'clock it is at a forge. `now` None: a fixed day in February 2026, for tests that compare whole answers."""

    now: datetime | None = None

    def at(self, hours_ago: float | None, fixed: str) -> str:
        """A moment as forges write it: so many hours before `now`; `fixed` where either is not told."""
        if hours_ago is None or self.now is None:
            return fixed
        return f"{self.now.astimezone(UTC) - timedelta(hours=hours_ago):%Y-%m-%dT%H:%M:%SZ}"

    def done(self, thing: SeedPull | SeedCommit) -> str:
        """When a pull was merged, or a commit made."""
        return self.at(thing.done_h, "2026-02-03T04:05:06Z")

    def opened(self, pull: SeedPull) -> str:
        """When a pull was opened."""
        return self.at(None if pull.done_h is None else pull.done_h + OPENED_BEFORE_H, "2026-02-01T00:00:00Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPull:
    """A pull. `head` and `commit` are words for its head and for what it became on its base.

    `done_h`: hours before the forge's `now` at which it was merged (or last touched); None: on the fixed day.
    """

    title: str
    state: Literal["merged", "open", "closed"] = "merged"
    author: str = "pia"
    merged_by: str = "ana"
    base: str = "main"
    files: int = 14
    head: str = ""
    commit: str = ""
    done_h: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedCommit:
    """A commit. `on`: the branch it is on, empty for one that only a fork has. `tip`: it is that branch's head."""

    title: str
    author: str = "pia"
    on: str = "main"
    tip: bool = False
    pulls: tuple[int, ...] = ()
    done_h: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRepo:
    """A repository. `was`: a name it had before. `published_h` and `run_h`: hours, as in a pull."""

    private: bool = False
    was: str = ""
    pulls: Mapping[int, SeedPull] = field(default_factory=dict)
    commits: Mapping[str, SeedCommit] = field(default_factory=dict)
    issues: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    releases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runs: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    branches: tuple[str, ...] = ("main",)
    tags: tuple[str, ...] = ()
    published_h: float | None = None
    run_h: float | None = None

    def commit(self, asked: str) -> tuple[str, SeedCommit] | None:
        """The word of a commit and the commit, by the beginning of its hash."""
        return next(((word, c) for word, c in self.commits.items() if sha(word).startswith(asked.lower())), None)


GIST = "0123456789abcdef0123456789abcdef"
_ONE_OF_EVERYTHING = SeedRepo(
    was="hop/oldtown",
    pulls={
        1: SeedPull(title="Keep the handshake alive", head="handshake-2", commit="handshake"),
        2: SeedPull(title="Count before cutting", state="open"),
        3: SeedPull(title="Say who did it", state="closed"),
        4: SeedPull(title="Fewer surprises", base="next"),
        5: SeedPull(title="Nothing at all", files=0),
        6: SeedPull(title="Squashed", head="squashed-head", commit="squashed"),
    },
    commits={
        "handshake": SeedCommit(title="Keep the handshake alive\n\nLong story.", tip=True),
        "old": SeedCommit(title="Begin"),
        "squashed-head": SeedCommit(title="Work", on="", pulls=(6,)),
        "squashed-middle": SeedCommit(title="Half of it", on="", pulls=(6,)),
        "pending": SeedCommit(title="Not yet", on="next", tip=True, pulls=(2,)),
        "impostor": SeedCommit(title="Looks like ours", on=""),
    },
    issues={
        7: {"title": "It falls over", "state": "closed", "state_reason": "completed"},
        8: {"title": "It squeaks", "state": "open", "state_reason": None},
        9: {"title": "Make it a tree", "state": "closed", "state_reason": "not_planned"},
        10: {},
    },
    releases={
        "v1.0": {"name": "First", "draft": False, "assets": [{"name": "gastown.zip", "state": "uploaded"}]},
        "v1.1": {"name": "Half", "draft": False, "assets": [{"name": "gastown.zip", "state": "starter"}]},
    },
    runs={
        71: {"status": "completed", "conclusion": "success"},
        72: {"status": "completed", "conclusion": "failure"},
        73: {"status": "in_progress", "conclusion": None},
        74: {"status": "completed", "conclusion": "success", "head_repository": {"full_name": "mallory/gastown"}},
    },
    files=("README.md", "docs/plan.md"),
    branches=("main", "next"),
    tags=("v1.0", "v1.1", "v0.9"),
)
_RELAY = SeedRepo(
    pulls={
        88: SeedPull(title="Build and test on ARM", merged_by="bo", files=9, done_h=1212),
        101: SeedPull(title="Drop branches of last season", author="runner", merged_by="bo", files=1, done_h=611),
        109: SeedPull(title="Write the season's incidents down", author="nils", merged_by="cleo", files=3, done_h=156),
        123: SeedPull(title="Retry the handshake after a dropped lease", merged_by="bo", done_h=17.5),
        140: SeedPull(title="Count dropped frames", author="mallory", merged_by="bo", files=2, done_h=10.5),
    },
    releases={"v2.3.0": {"name": "Smaller frames", "assets": [{"name": "relay.tar.gz", "state": "uploaded"}]}},
    tags=("v2.3.0",),
    published_h=15,
)
_LEDGER = SeedRepo(
    pulls={
        40: SeedPull(title="An index by subject", author="otto", files=4, done_h=1008),
        51: SeedPull(title="Start in half a second", author="hal", merged_by="bo", files=6, done_h=166),
        58: SeedPull(title="Export stamps as CSV", author="otto", merged_by="bo", files=5, done_h=17),
        61: SeedPull(title="Refuse the second row of an id", files=3, done_h=14),
        66: SeedPull(title="Show who stamped", author="vic", files=7, done_h=10),
    },
    commits={
        "csv": SeedCommit(title="Export stamps as CSV", author="otto", tip=True, done_h=17),
        "quoted-titles": SeedCommit(title="Take any title as text", author="mallory", on="", done_h=7),
    },
)
_BEACON = SeedRepo(
    pulls={
        31: SeedPull(title="Render once", files=2, done_h=1106),
        52: SeedPull(title="A page for its health", files=8, done_h=171),
        77: SeedPull(title="A dark theme", files=11, done_h=14),
        78: SeedPull(title="Dark mode", author="nils", files=4, done_h=13.5),
    },
    runs={8041: {"name": "alerts", "status": "completed", "conclusion": "success", "actor": {"login": "rhea"}}},
    run_h=9,
)
_ALMANAC = SeedRepo(
    pulls={
        9: SeedPull(title="A map of all towns", author="rhea", merged_by="cleo", files=12, done_h=400),
        12: SeedPull(title="A glossary", author="hal", merged_by="cleo", files=1, done_h=13),
    },
    commits={
        "emblems": SeedCommit(title="All emblems in one place", author="fern", tip=True, done_h=12.5),
        "chapter": SeedCommit(title="A chapter on evidence", author="hal", done_h=956),
    },
)
_TOOLS = SeedRepo(
    pulls={
        9: SeedPull(title="Back the commons up at night", author="otto", merged_by="bo", files=5, done_h=53),
        21: SeedPull(title="Larger letters", author="nils", files=1, done_h=6),
        22: SeedPull(title="Tell how long it has waited", state="open", author="otto", files=2, done_h=7),
    }
)
REPOS: Mapping[str, SeedRepo] = {
    "hop/gastown": _ONE_OF_EVERYTHING,
    "hop/vault": SeedRepo(private=True, pulls={1: SeedPull(title="The secret plan")}),
    "hop/charter": SeedRepo(pulls={1: SeedPull(title="Sign the charter", author="rhea", files=1, done_h=2112)}),
    "acme/relay": _RELAY,
    "acme/ledger": _LEDGER,
    "acme/beacon": _BEACON,
    "acme/almanac": _ALMANAC,
    "acme/commons-tools": _TOOLS,
}
"""What each look-alike knows. `hop/gastown` holds one of each verdict; the others are what the seeded pulls point at."""
