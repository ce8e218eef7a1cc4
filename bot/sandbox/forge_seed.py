"""The made-up repositories of the forge look-alikes: one of everything that evidence can turn out to be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


def sha(word: str) -> str:
    """The hash of the commit called `word`."""
    return hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPull:
    """A pull. `head` and `commit` are words for its head and for what it became on its base."""

    title: str
    state: Literal["merged", "open", "closed"] = "merged"
    author: str = "pia"
    merged_by: str = "ana"
    base: str = "main"
    files: int = 14
    head: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedCommit:
    """A commit. `on`: the branch it is on, empty for one that only a fork has. `tip`: it is that branch's head."""

    title: str
    on: str = "main"
    tip: bool = False
    pulls: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRepo:
    """A repository. `was`: a name it had before."""

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


GIST = "0123456789abcdef0123456789abcdef"
REPOS: Mapping[str, SeedRepo] = {
    "hop/gastown": SeedRepo(
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
    ),
    "hop/vault": SeedRepo(private=True, pulls={1: SeedPull(title="The secret plan")}),
}
"""What the look-alike knows: one of each verdict."""
