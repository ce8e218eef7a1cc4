"""All forges and registries of this bot: which of them is asked about a link, and the probe result that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bot.evidence.forge.catalog import FORGES, REGISTRIES
from bot.evidence.forge.client import Forge
from bot.evidence.forge.inquiry import Found
from bot.evidence.kind import Evidence
from bot.evidence.kinds import KnownHosts, classify
from bot.model.evidence import Probe, following
from bot.model.registry import Registry


class Forges:
    """The forges that are asked, and how links are read."""

    def __init__(self, hosts: KnownHosts, forges: Iterable[Forge], now: Callable[[], datetime]) -> None:
        self.hosts = hosts
        self._forges = tuple(forges)
        self._now = now

    def classify(self, url: str) -> Evidence:
        """What a link is, as this bot's operator knows hosts."""
        return classify(url, self.hosts)

    def key(self, url: str) -> str:
        """The key of a link as written, if one of these forges is asked about it; empty for those the link checker looks at."""
        evidence = self.classify(url)
        return evidence.key if self._of(evidence) is not None else ""

    def look(self, url: str, *, previous: Probe | None = None, urgent: bool = False) -> Probe | None:
        """The probe result of a link, by its forge; None if none of these is asked about it. Never raises.

        `key` is that of the thing as the forge names it: of the pull behind an issue's number, of the whole hash, of the
        repository's name of today. `previous`: the result before this one, for its `misses`.
        """
        began = self._now()
        evidence = self.classify(url)
        forge = self._of(evidence)
        if forge is None:
            return None
        looked = forge.look(evidence, urgent=urgent)
        found = looked.found
        truly = _truly(evidence, found)
        probe = Probe(
            url=url,
            seen=found.seen,
            reason=found.reason,
            probed_at=began,
            status=looked.status,
            title=dict(found.facts).get("title", ""),
            key=truly.key,
            kind=truly.kind.code,
            label=truly.kind.label,
            final_url=truly.url,
            hops=looked.hops,
            facts=found.facts,
        )
        return following(probe, previous)

    def _of(self, evidence: Evidence) -> Forge | None:
        return next((forge for forge in self._forges if forge.knows(evidence)), None)


def _truly(evidence: Evidence, found: Found) -> Evidence:
    """The evidence as its forge names it."""
    return (found.kind or evidence.kind).at(
        evidence.host,
        found.repo or evidence.repo,
        found.name or evidence.name,
        plain=evidence.url.startswith("http://"),
    )


def make_forges(
    forges: tuple[tuple[str, str], ...],
    registries: tuple[Registry, ...] = (),
    *,
    github_token: str = "",
    now: Callable[[], datetime],
) -> Forges:
    """The forges and registries of an operator's settings, and GitHub where there is a token for it.

    The token is github.com's alone: a GitHub of one's own is asked without. Bitbucket is only asked at bitbucket.org (and at
    a look-alike on this machine), since Bitbucket Data Center speaks another API. Raises ValueError for a host whose
    API the bot does not speak.
    """
    named = {_known_name(host.lower(), what): what for host, what in forges}
    if github_token:
        named.setdefault("github.com", "github")
    clients = [
        Forge(what, host, root, now=now, token=github_token if root == "https://api.github.com" else "")
        for host, what in named.items()
        if (root := root_of(what, host))
    ]
    clients += [
        Forge(each.kind, each.host.lower(), each.api or root_of(each.kind, each.host.lower()), now=now, realm=each.realm)
        for each in registries
    ]
    hosts = KnownHosts(forges=tuple(named.items()), registries=tuple((each.host.lower(), each.kind) for each in registries))
    return Forges(hosts, clients, now)


def root_of(what: str, host: str) -> str:
    """The root of the API of a forge or registry; empty if it has none that the bot speaks."""
    descriptor = FORGES.get(what) or REGISTRIES.get(what)
    return descriptor.root(host) if descriptor is not None else ""


def _known_name(host: str, what: str) -> str:
    """The host of a forge as links of it are read: a public one loses its `www.`, be it written or not."""
    bare, descriptor = host.removeprefix("www."), FORGES.get(what)
    return bare if descriptor is not None and bare in descriptor.public_hosts else host
