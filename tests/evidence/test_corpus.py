"""The corpus of hostile URLs: whatever a URL says, sockets go to the addresses its case names and nowhere else.

Judged by the connections that were wanted, not by the exceptions that were raised. Cases of the class `situation`, about
servers rather than URLs, are played in test_situations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from bot.evidence import FetchPolicy
from bot.model.evidence import Seen
from tests.evidence.certificates import Certificates
from tests.evidence.looking import look
from tests.evidence.servers import HTML, Server, Talk, path_of, redirect
from tests.evidence.stage import staged
from tests.evidence.wire import overheard

CORPUS: Final[list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "corpora" / "hostile-urls.json").read_text("utf-8")
)
STATIC: Final = [case for case in CORPUS if case["class"] != "situation"]

OTHER_CODES: Final = {
    # A wrong scheme is told first: a text that is no http URL has no part that could be called user information.
    "scheme-14": "scheme",
    # A backslash has a code of its own in a Location too, as it has in the first URL (parser-02, parser-03, parser-20).
    "redirect-16": "backslash",
}
"""Refused as the corpus says, for a reason that is as true: case, our code."""


FOLLOWED: Final = frozenset({"redirect-20"})
"""Ten redirects of one public host: browsers follow them, and so does the bot; each is checked like the first."""


class Town:
    """One server for every public address: redirects by the table of the case at hand, a page for all else."""

    def __init__(self, certificates: Certificates) -> None:
        self.redirects: dict[str, bytes] = {}
        self.plain = Server(self._talk("http"))
        self.tls = Server(self._talk("https"), certificates.server())
        self.ports = {80: self.plain.port, 443: self.tls.port}
        self.policy = FetchPolicy(
            connect_timeout_s=2, read_timeout_s=2, lookup_timeout_s=2, deadline_s=5, ca_file=str(certificates.authority)
        )

    @property
    def requests(self) -> list[bytes]:
        return [*self.plain.requests, *self.tls.requests]

    def forget(self) -> None:
        self.redirects.clear()
        self.plain.requests.clear()
        self.tls.requests.clear()

    def close(self) -> None:
        self.plain.close()
        self.tls.close()

    def _talk(self, scheme: str) -> Talk:
        def talk(sock: Any, request: bytes) -> None:
            hosts = [line[6:] for line in request.decode("latin-1").splitlines() if line.lower().startswith("host: ")]
            sock.sendall(
                self.redirects.get(f"{scheme}://{hosts[0] if hosts else None}{path_of(request)}", HTML + b"<title>here</title>")
            )

        return talk


@pytest.fixture(scope="module")
def open_town(certificates: Certificates) -> Iterator[Town]:
    town = Town(certificates)
    yield town
    town.close()


@pytest.fixture
def town(open_town: Town) -> Town:
    open_town.forget()
    return open_town


def may_connect(case: dict[str, Any]) -> set[str]:
    """The only addresses of a case: those it names. One with redirects names none: then the hosts that redirect."""
    named = set(case.get("connects", ()))
    for hop in () if named else case.get("redirects", ()):
        named |= set(case["dns"][urlsplit(hop["at"]).hostname])
    return named


@pytest.mark.parametrize("case", STATIC, ids=[case["id"] for case in STATIC])
def test_no_socket_goes_where_its_case_does_not_say(case: dict[str, Any], town: Town) -> None:
    for hop in case.get("redirects", ()):
        town.redirects[hop["at"]] = redirect(hop["location"], hop["status"])
    with (
        overheard() as heard,
        staged(town.ports, names=case.get("dns", {}), names_then=case.get("dns_then")) as stage,
    ):
        sheet = look(case["url"], town.policy)
    assert stage.addresses <= may_connect(case)
    assert {port for _, port in stage.dialled} <= {80, 443}
    # The same from below: every connection really made went to the servers of this test.
    assert set(heard) <= {("127.0.0.1", port) for port in town.ports.values()}
    assert len(heard) == len(stage.dialled)
    if case["id"] in FOLLOWED or case["expect"] == "allowed":
        assert (sheet.seen, sheet.reason, sheet.title) == (Seen.REACHABLE, "ok", "here")
        assert stage.dialled != []
    else:
        assert (sheet.seen, sheet.reason) == (Seen.BLOCKED, OTHER_CODES.get(case["id"], case["code"]))
        assert sheet.hops[-1].status is None
        assert sheet.hops[-1].note.startswith(f"refused: {sheet.reason}")
        assert len(town.requests) == len(stage.dialled) == len(sheet.hops) - 1


def test_every_class_of_the_corpus_is_played_and_every_other_code_has_its_case() -> None:
    assert {case["class"] for case in STATIC} == {
        *("control", "dns", "ipv4-form", "ipv4-range", "ipv6", "name", "parser", "rebind", "redirect", "scheme"),
        "unicode-control",
    }
    assert len({case["id"] for case in CORPUS}) == len(CORPUS) >= 150
    codes = {case["id"]: case.get("code") for case in STATIC}
    assert all(codes[name] != ours for name, ours in OTHER_CODES.items())


@pytest.mark.parametrize(
    ("identity", "line"),
    [
        ("control-02", b"GET /new-feature?x=1 HTTP/1.1"),
        ("control-10", b"GET /a%20b/%2E%2E/%0D%0A HTTP/1.1"),
    ],
)
def test_what_goes_over_the_wire_is_the_url_that_was_judged(identity: str, line: bytes, town: Town) -> None:
    case = next(case for case in CORPUS if case["id"] == identity)
    with staged(town.ports, names=case["dns"]):
        look(case["url"], town.policy)
    assert [request.splitlines()[0] for request in town.requests] == [line]


def test_if_the_first_public_address_is_silent_the_other_family_is_tried(town: Town) -> None:
    case = next(case for case in CORPUS if case["id"] == "control-08")
    four, six = case["connects"]
    with staged(town.ports, names=case["dns"], silent=frozenset({four})) as stage:
        sheet = look(case["url"], town.policy)
    assert stage.dialled == [(four, 80), (six, 80)]
    assert (sheet.seen, sheet.hops[0].address) == (Seen.REACHABLE, six)


def test_a_resolver_that_flips_costs_exactly_one_question_a_hop(town: Town) -> None:
    case = next(case for case in CORPUS if case["id"] == "rebind-01")
    with staged(town.ports, names=case["dns"], names_then=case["dns_then"]) as stage:
        look(case["url"], town.policy)
    assert stage.looked_up == ["rebind.example.com"]


@pytest.mark.parametrize("identity", ["parser-04", "ipv4-form-11", "rebind-01", "redirect-01"])
def test_the_stage_catches_a_client_that_is_careless(identity: str, town: Town) -> None:
    """The same stage under plain `requests`: were it blind, all of the above would prove nothing."""
    import requests

    case = next(case for case in CORPUS if case["id"] == identity)
    for hop in case.get("redirects", ()):
        town.redirects[hop["at"]] = redirect(hop["location"], hop["status"])
    with staged(town.ports, names=case.get("dns", {}), names_then=case.get("dns_then")) as stage:
        session = requests.Session()
        session.trust_env = False
        session.get(case["url"], timeout=2)
        session.get(case["url"], timeout=2)
    assert "127.0.0.1" in stage.addresses - may_connect(case)
