"""A second opinion on the corpus: requests-hardened, a filter by other people. What one of the two alone refuses is listed."""

from __future__ import annotations

import importlib
from typing import Any, Final

import pytest
import requests

from bot.model.evidence import Seen
from tests.evidence.looking import look
from tests.evidence.servers import redirect
from tests.evidence.stage import staged
from tests.evidence.test_corpus import CORPUS, STATIC, Town, may_connect, open_town, town

__all__ = ["open_town", "town"]

pytestmark = pytest.mark.slow

REFUSED_BY_US_ALONE: Final = frozenset(
    {
        # Addresses: they look at the first answer only, and ask Python what is private.
        *("dns-06", "dns-08", "dns-10", "ipv4-range-10", "ipv6-17"),
        # Spellings that parsers read differently, and one that is too long.
        *("parser-02", "parser-03", "parser-12", "parser-13", "parser-35", "redirect-16"),
        # Ports that are no web server's.
        *("parser-27", "parser-28", "parser-29", "parser-30", "redirect-14"),
    }
)
REFUSED_BY_THEM_ALONE: Final = frozenset[str]()


def play(case: dict[str, Any], town: Town, ask: Any) -> bool:
    """Whether a client refuses a case: it fetches nothing, and knocks at no address or port that the case does not name."""
    town.forget()
    for hop in case.get("redirects", ()):
        town.redirects[hop["at"]] = redirect(hop["location"], hop["status"])
    with staged(town.ports, names=case.get("dns", {}), names_then=case.get("dns_then")) as stage:
        fetched = ask(case["url"])
    strayed = [(address, port) for address, port in stage.dialled if address not in may_connect(case) or port not in (80, 443)]
    return not fetched and not strayed


def test_what_one_of_two_filters_alone_refuses_is_known(town: Town) -> None:
    hardened = importlib.import_module("requests_hardened")
    config = hardened.Config(
        ip_filter_enable=True, ip_filter_allow_loopback_ips=False, never_redirect=False, default_timeout=(2, 2)
    )

    def ours(url: str) -> bool:
        return look(url, town.policy).seen is Seen.REACHABLE

    def theirs(url: str) -> bool:
        with hardened.Manager(config).get_session() as session:
            session.trust_env = False
            session.verify = town.policy.ca_file
            session.max_redirects = town.policy.redirects_max
            try:
                return bool(session.get(url).ok)
            except (requests.RequestException, UnicodeError, ValueError, OSError):
                return False

    refused = {
        name: {case["id"] for case in STATIC if play(case, town, ask)} for name, ask in (("ours", ours), ("theirs", theirs))
    }
    assert refused["ours"] - refused["theirs"] == REFUSED_BY_US_ALONE
    assert refused["theirs"] - refused["ours"] == REFUSED_BY_THEM_ALONE
    controls = {case["id"] for case in CORPUS if case["class"] == "control"}
    assert not controls & (refused["ours"] | refused["theirs"])
