"""What the bot needs from outside to do its work: `Bot` for all commons, `Site` for one. `bot.wiring` makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from bot.commands.command import Catalog as Commands
from bot.dolthub.client import Hub
from bot.dolthub.dialect_v1 import Journal
from bot.evidence import NO_KNOWN_HOSTS, Evidence, KnownHosts, classify
from bot.evidence.forge.look import Forges
from bot.model.ids import Commons, User
from bot.model.policy import Policy
from bot.queue.enqueue import JobQueue
from bot.rulebook.catalog import Catalog as Rules
from bot.store import SiteStore, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """One bot: its clients and policies by commons, its store, clock, rules and commands.

    `readers` runs reads side by side; it is never used from inside one of its own tasks.
    """

    hubs: Mapping[Commons, Hub]
    policies: Mapping[Commons, Policy]
    store: Store
    jobs: JobQueue
    clock: Callable[[], datetime]
    rules: Rules
    commands: Commands
    readers: Executor
    forges: Forges | None = None
    """Forges that are asked about links of theirs; None: the link checker looks at all links."""
    _sites: dict[Commons, Site] = field(init=False, repr=False, compare=False, default_factory=dict)

    def at(self, commons: Commons) -> Site:
        """The bot on one commons; the same object for each call. Raises KeyError for a commons that the bot does not serve."""
        if commons not in self._sites:
            self._sites[commons] = Site(
                commons=commons,
                bot=self,
                client=self.hubs[commons],
                policy=self.policies[commons],
                store=self.store.at(commons),
                jobs=self.jobs,
                clock=self.clock,
                rules=self.rules,
                commands=self.commands,
                readers=self.readers,
                forges=self.forges,
            )
        return self._sites[commons]


@dataclass(frozen=True, kw_only=True)
class Site:
    """The bot on one commons: everything that observing, planning and performing need.

    It has no slots, so that `hub` and `account` are asked once.
    """

    commons: Commons
    bot: Bot = field(repr=False)
    """The bot on all its commons: for facts about another one."""
    client: Hub
    """The client, before it is known which API the host has."""
    policy: Policy
    store: SiteStore
    jobs: JobQueue
    clock: Callable[[], datetime]
    rules: Rules
    commands: Commands
    readers: Executor
    forges: Forges | None = None
    journal: Journal | None = None
    """Where the bot's own comments are read on a host that shows none; None: in the store."""
    speaks_as: User | None = None
    """Whose comments count as the bot's; None: those of the token's account."""

    @cached_property
    def hub(self) -> Hub:
        """DoltHub, with the token of this commons, in the API its host has. Raises HubError while that cannot be told."""
        return self.client.with_journal(self.store.posted if self.journal is None else self.journal)

    @cached_property
    def account(self) -> User | None:
        """The account whose comments are the bot's: the token's, asked once; None without a token. Raises HubError."""
        return self.speaks_as if self.speaks_as is not None else self.hub.me()

    @property
    def writer(self) -> User | None:
        """The account that writes rows and opens pulls: the token's, also where `account` is another. Raises HubError."""
        return self.account if self.hub.comments_readable else self.hub.me()

    @property
    def hosts(self) -> KnownHosts:
        """The forges and registries that are known beside the public forges."""
        return self.forges.hosts if self.forges is not None else NO_KNOWN_HOSTS

    def classify(self, text: str) -> Evidence:
        """What a link, or a cell of evidence without one, is."""
        return classify(text, self.hosts)

    def with_journal(self, journal: Journal, speaks_as: User) -> Site:
        """This commons in v1alpha1, with the comments of the bot in `journal`, by `speaks_as`. Raises HubError."""
        return replace(self, client=self.hub, journal=journal, speaks_as=speaks_as)
