"""What observing and performing need from outside, handed down from the one place where parts meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime

from bot.commands.command import Catalog as Commands
from bot.dolthub.client import Hub
from bot.dolthub.client_v1 import in_its_words
from bot.evidence import NOBODY, Evidence, KnownHosts, classify
from bot.evidence.forge import Forges
from bot.model.ids import Commons, User
from bot.model.policy import Policy
from bot.queue.enqueue import JobQueue
from bot.rulebook.catalog import Catalog as Rules
from bot.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """One bot: its hubs and policies by commons, its scratch paper, its clock, its rules and commands.

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
    _speaking: dict[Commons, Hub] = field(default_factory=dict)
    _accounts: dict[Commons, User | None] = field(default_factory=dict)

    def hub(self, commons: Commons) -> Hub:
        """DoltHub, with the token of this commons, in the API its host has.

        Raises KeyError for a commons that is not ours, and HubError while it cannot be told which API that is.
        """
        if commons not in self._speaking:
            self._speaking[commons] = in_its_words(self.hubs[commons], self.store.at(commons).posted)
        return self._speaking[commons]

    @property
    def hosts(self) -> KnownHosts:
        """The forges and registries that are known beside the public forges."""
        return self.forges.hosts if self.forges is not None else NOBODY

    def classify(self, text: str) -> Evidence:
        """What a link, or a cell of evidence without one, is."""
        return classify(text, self.hosts)

    def policy(self, commons: Commons) -> Policy:
        """The operator's policy for this commons. Raises KeyError for a commons that is not ours."""
        return self.policies[commons]

    def account(self, commons: Commons) -> User | None:
        """The account of our token, asked once; None without a token. Raises HubError."""
        if commons not in self._accounts:
            self._accounts[commons] = self.hub(commons).me()
        return self._accounts[commons]

    def writer(self, commons: Commons) -> User | None:
        """The account in whose name we write rows and open pulls: that of the token, whoever else may speak here."""
        hub = self.hub(commons)
        return self.account(commons) if hub.comments_readable else hub.me()
