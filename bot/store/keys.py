"""The names of all keys in Redis, in one place, so that access rules can be written over them.

The names that the prober's access rules list stay as they are: an operator has installed those rules. So do the names of
intents, of marks of posted comments, of leases and of the epoch: they keep an update from doing a thing twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.model.ids import Commons, PullNo, digest

REVIEW: Final = "review"
"""Queue of pulls that have not been reviewed as they are, and of those that a webhook named."""
DECIDE: Final = "decide"
"""Queue of pulls with a command in them."""
RECHECK: Final = "recheck"
"""Queue of pulls that have not changed, while time or main may have changed what a review holds."""
SWEEP: Final = "sweep"
"""Queue of sweeps: a sweep waits for its share of the budget, and no decision waits behind it."""
PROBE: Final = "probe"
"""Queue of the link checker, the process that holds no secret."""
LOOKS: Final = (DECIDE, REVIEW, RECHECK)
"""Queues of pulls to look at, those that are served first in front."""
QUEUES: Final = (*LOOKS, SWEEP, PROBE)


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under one prefix. Every name is `<prefix><what>:<of what>`, so `<prefix><what>:*` is a pattern."""

    prefix: str = "stampbot:"

    def dedup(self, queue: str, target: str) -> str:
        """There while a job for `target` waits in `queue` and has not begun. `target` as made by `pull_target` and the like."""
        return f"{self.prefix}hint:{queue}:{target}"

    def is_dedup(self, text: str) -> bool:
        """Whether `text` is the name of a dedup key: job arguments come out of Redis and are not to be trusted."""
        return re.fullmatch(rf"{re.escape(self.prefix)}hint:(?:{'|'.join(QUEUES)}):[0-9a-f]{{16}}", text) is not None

    def at(self, commons: Commons) -> SiteKeys:
        """Key names of one commons."""
        return SiteKeys(self.prefix, commons)

    def webhook_rate(self, commons: Commons) -> str:
        """How many looks webhooks have asked for of late."""
        return f"{self.prefix}rung:{commons}"

    def overflow_sweep(self, commons: Commons) -> str:
        """There while a sweep that was asked for a moment ago stands for further webhooks."""
        return f"{self.prefix}crowd:{commons}"

    def lease(self, name: str) -> str:
        """Token of the process that holds the lease."""
        return f"{self.prefix}lease:{name}"

    def probe(self, key: str) -> str:
        """What the prober saw at the URL of a canonical key. Strangers choose URLs, so the name is a digest."""
        return f"{self.prefix}sheet:{digest('sheet/1', key)}"

    def forge_probe(self, key: str) -> str:
        """What a forge answered about the subject of a canonical key. Not the prober's: it may hold more."""
        return f"{self.prefix}forge-sheet:{digest('forge-sheet/1', key)}"

    def probing(self, key: str) -> str:
        """Token of the prober that looks at the link of a canonical key."""
        return f"{self.prefix}looking:{digest('looking/1', key)}"

    def asking(self, key: str) -> str:
        """Token of the process that asks a forge about the subject of a canonical key. Not for the prober."""
        return f"{self.prefix}asking:{digest('asking/1', key)}"

    def slot(self, host: str) -> str:
        """Token of the prober whose request a host (`name:port`) is answering, or the pause after it."""
        return f"{self.prefix}turn:{digest('host/1', host)}"

    def trouble(self, host: str) -> str:
        """How many looks in a row a host has failed."""
        return f"{self.prefix}trouble:{digest('host/1', host)}"

    def cooldown(self, host: str) -> str:
        """Why and until when a host is in cooldown."""
        return f"{self.prefix}resting:{digest('host/1', host)}"

    def network_health(self) -> str:
        """Sorted set by time: the hosts looked at last, and whether they answered at all."""
        return f"{self.prefix}weather"

    def control(self) -> str:
        """Whether a control, a page that is up whenever the bot's network is, answered last."""
        return f"{self.prefix}control"

    def baseline(self, place: str) -> str:
        """What a host answered for a page that cannot be there, by the folder it was asked in (`https://host/dir/`)."""
        return f"{self.prefix}sibling:{digest('sibling/1', place)}"

    def epoch(self) -> str:
        """The name of the epoch: another one means that Redis lost its data in between."""
        return f"{self.prefix}paper"

    def blank(self) -> str:
        """There for a while after a process noticed that Redis had lost its data."""
        return f"{self.prefix}blank"

    def elsewhere(self, commons: Commons, handle: str, owner: str) -> str:
        """The stamps of a rig in another commons. Strangers choose handles, so the name is a digest."""
        return f"{self.prefix}elsewhere:{commons}:{digest('elsewhere/1', handle, owner)[:32]}"

    def well(self) -> str:
        """Written to see whether anything can be written."""
        return f"{self.prefix}well"

    def heartbeat(self) -> str:
        """There, with the time it has left, since a clock was running."""
        return f"{self.prefix}heartbeat"

    def processes(self) -> str:
        """What `stampbot run` wrote of its processes a moment ago."""
        return f"{self.prefix}processes"

    def host_check(self, hub_url: str) -> str:
        """When the last check of this host passed."""
        return f"{self.prefix}host-check:{digest('host-check/1', hub_url)[:32]}"

    def budget(self, token: str) -> str:
        """What is left of the budget of requests of a token's account, for all its commons. The name reveals no token."""
        return f"{self.prefix}budget:account:{digest('budget/1', token)[:32]}"

    def counters(self) -> str:
        """Hash, counter name to count."""
        return f"{self.prefix}counters"


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """Key names of one commons, as `Keys`. Names end in the commons, or in the commons and a pull."""

    prefix: str
    commons: Commons

    def first_look(self, pull: PullNo, about: str) -> str:
        """Time of the first look at a pull, or at something about it."""
        return f"{self.prefix}first-look:{self.commons}:{pull}:{digest('first-look/1', about)[:16]}"

    def intent(self, pull: PullNo, mark: str) -> str:
        """Time at which a process was about to do what `mark` names."""
        return f"{self.prefix}about-to:{self.commons}:{pull}:{digest('about-to/1', mark)[:16]}"

    def posted(self, pull: PullNo) -> str:
        """List of the marks of the bot's comments below a pull, on a host that does not show comments."""
        return f"{self.prefix}said:{self.commons}:{pull}"

    def sent(self, pull: PullNo, mark: str) -> str:
        """How often the comment with this mark was sent to such a host."""
        return f"{self.prefix}sent:{self.commons}:{pull}:{digest('sent/1', mark)[:16]}"

    def audit(self) -> str:
        """What the last audit of main found."""
        return f"{self.prefix}audit:{self.commons}"

    def audit_turn(self) -> str:
        """There while no audit is due."""
        return f"{self.prefix}audit-turn:{self.commons}"

    def due(self, queue: str) -> str:
        """Sorted set by time: pulls in which time alone makes something due, by the queue they are looked at from."""
        return f"{self.prefix}due:{queue}:{self.commons}"

    def swept(self) -> str:
        """Where main stood when a sweep last looked at what it touches."""
        return f"{self.prefix}main-swept:{self.commons}"

    def poll_states(self) -> str:
        """Hash, thing to when it was looked at and when it changed last."""
        return f"{self.prefix}poll-states:{self.commons}"

    def pulls(self, topic: str) -> str:
        """Hash, pull number to one part of what is remembered about a pull."""
        return f"{self.prefix}pull-{topic}:{self.commons}"

    def outages(self) -> str:
        """Hash, what does not work to since when: trouble that meets all pulls of a commons."""
        return f"{self.prefix}outages:{self.commons}"

    def contacts(self) -> str:
        """Hash: when the commons was read last, as whom, and when a webhook came from it."""
        return f"{self.prefix}contacts:{self.commons}"


@lru_cache(maxsize=4096)
def pull_target(commons: Commons, pull: PullNo) -> str:
    """Sixteen hex digits that name a pull in dedup keys and job ids."""
    return digest("pull/1", str(commons), str(pull))[:16]


def sweep_target(commons: Commons) -> str:
    """Sixteen hex digits that name the sweep of a commons."""
    return digest("sweep/1", str(commons))[:16]


def probe_target(commons: Commons, pull: PullNo, urls: tuple[str, ...], not_before: str) -> str:
    """Sixteen hex digits that name one request to look at these links: it must not suppress another request."""
    return digest("probe/1", str(commons), str(pull), not_before, *sorted(digest("url/1", url) for url in urls))[:16]
