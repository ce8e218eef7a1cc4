"""Who lives in the seeded Wasteland: the rigs on main and the DoltHub users behind them."""

from __future__ import annotations

from dataclasses import dataclass

COMMONS_OWNER = "hop"
COMMONS_NAME = "wl-commons"
BOT_USER = "stampbot"
STRANGER = "iris"
"""A user whose registration is still a pull: she has a fork, but no rig on main."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRig:
    """One row of `rigs`; times in hours before the seed's `now`."""

    handle: str
    display_name: str
    user: str
    trust: int
    registered_h: float
    seen_h: float
    rig_type: str = "human"
    parent: str | None = None
    version: str = "hosted"

    @property
    def email(self) -> str:
        return email_of(self.user)


def email_of(user: str) -> str:
    """A user's address, under a domain that cannot be owned (RFC 2606)."""
    return f"{user}@wasteland.example"


def token_of(user: str) -> str:
    """A seeded user's API token."""
    return f"token-{user}"


RIGS = (
    SeedRig(handle="ana-town", display_name="Ana's Town", user="ana", trust=3, registered_h=2400, seen_h=3),
    SeedRig(handle="bo-hollow", display_name="Bo's Hollow", user="bo", trust=3, registered_h=2380, seen_h=9),
    SeedRig(handle="cleo-mill", display_name="The Mill", user="cleo", trust=3, registered_h=2200, seen_h=20),
    SeedRig(handle="cleo-kiln", display_name="The Kiln", user="cleo", trust=3, registered_h=1100, seen_h=21),
    SeedRig(handle="quill-and-rust", display_name="Quill & Rust", user="rhea", trust=2, registered_h=1900, seen_h=30),
    SeedRig(
        handle="polecat-7",
        display_name="Polecat Seven",
        user="pia",
        trust=1,
        registered_h=1500,
        seen_h=2,
        version="cloud-worker:0.9.2",
    ),
    SeedRig(handle="brass-otter", display_name="Brass Otter", user="otto", trust=1, registered_h=1300, seen_h=5),
    SeedRig(handle="tin-heron", display_name="Tin Heron", user="hal", trust=1, registered_h=1250, seen_h=62),
    SeedRig(handle="night-shift", display_name="Night Shift", user="nils", trust=1, registered_h=900, seen_h=7),
    SeedRig(
        handle="hollow-runner",
        display_name="Hollow Runner",
        user="runner",
        trust=1,
        registered_h=700,
        seen_h=4,
        rig_type="agent",
        parent="bo-hollow",
        version="cloud-worker:0.9.2",
    ),
    SeedRig(handle="velvet-crow", display_name="Velvet Crow", user="vic", trust=1, registered_h=300, seen_h=11),
    SeedRig(handle="first-light", display_name="First Light", user="fern", trust=1, registered_h=40, seen_h=6),
    SeedRig(handle="slick-fox", display_name="Slick Fox", user="mallory", trust=0, registered_h=90, seen_h=8),
)

VALIDATORS = ("ana", "bo", "cleo")


def users() -> tuple[str, ...]:
    """Every user of the seed, each once: owners of rigs, the stranger, the commons' owner, the bot's own account."""
    return tuple(dict.fromkeys((*(rig.user for rig in RIGS), STRANGER, COMMONS_OWNER, BOT_USER)))


def rig(handle: str) -> SeedRig:
    """The seeded rig of this handle.

    Raises:
        KeyError: there is none.
    """
    for one in RIGS:
        if one.handle == handle:
            return one
    raise KeyError(handle)
