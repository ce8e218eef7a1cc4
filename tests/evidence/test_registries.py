"""What registries of packages and images say about evidence: over real HTTP at look-alikes, and against noise."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from bot.config.policy_file import load
from bot.config.settings import read
from bot.evidence.fetch.connection import ANSWER_MAX_BYTES
from bot.evidence.forge import catalog
from bot.evidence.forge.apis import npm, oci, pypi
from bot.evidence.forge.budget import Budget
from bot.evidence.forge.client import Forge
from bot.evidence.forge.inquiry import Ask, Found, Inquiry, Reply, Settled, Strange
from bot.evidence.forge.look import Forges, make_forges, root_of
from bot.evidence.kinds import KnownHosts, classify
from bot.model.evidence import Probe, Seen
from bot.model.reasons import REASONS
from bot.model.registry import Registry
from bot.store.probes import read_probe, write_probe
from sandbox.lookalikes.registries import REGISTRIES, RegistryLookAlike
from sandbox.lookalikes.registry_seed import DIGEST
from sandbox.lookalikes.registry_shapes import token
from sandbox.lookalikes.server import Played
from tests.evidence.wire import Address
from tests.patience import STATE_WAIT_S, ends_within

NOW = datetime(2026, 2, 6, 12, 0, tzinfo=UTC)
NO_DIGEST = "sha256:" + "ab" * 32
SCOPE = "repository:acme/relay:pull"
Said = tuple[Seen, str]


class Stage:
    """A look-alike and the bot's client of it, whose clocks stand still unless told otherwise."""

    def __init__(self, server: RegistryLookAlike, *, realm: str = "", deadline_s: float = 10.0) -> None:
        self.server = server
        self.at_s = 0.0
        self.client = Forge(
            server.what,
            server.authority,
            server.api,
            now=lambda: NOW + timedelta(seconds=self.at_s),
            realm=realm,
            clock=lambda: self.at_s,
            sleep=lambda _: None,
            deadline_s=deadline_s,
        )
        self.forges = Forges(KnownHosts(registries=((server.authority, server.what),)), [self.client], lambda: NOW)

    def look(self, path: str, *, urgent: bool = False) -> Probe:
        found = self.forges.look(f"http://{self.server.authority}/{path}", urgent=urgent)
        assert found is not None
        return found

    def said(self, path: str) -> Said:
        found = self.look(path)
        return found.seen, found.reason

    def asked(self) -> list[str]:
        return [heard.path for heard in self.server.heard]

    def play(self, status: int, times: int = 1, path: str = "/", body: bytes = b"{}", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.server.played.append(Played(status=status, headers=named, times=times, path=path, body=body))

    def play_json(self, path: str, document: object) -> None:
        self.play(200, 99, path, json.dumps(document).encode())


def _running(what: Literal["npm", "pypi", "oci"]) -> Iterator[Stage]:
    server = RegistryLookAlike(what).start()
    yield Stage(server)
    server.stop()


@pytest.fixture
def packages() -> Iterator[Stage]:
    """npm's look-alike."""
    yield from _running("npm")


@pytest.fixture
def projects() -> Iterator[Stage]:
    """PyPI's look-alike."""
    yield from _running("pypi")


@pytest.fixture
def images() -> Iterator[Stage]:
    """A look-alike of a registry of images."""
    yield from _running("oci")


# --- verdicts ----------------------------------------------------------------------------------------------------------

NPM: tuple[tuple[str, Seen, str], ...] = (
    ("package/relay-client/v/1.2.3", Seen.VERIFIED, "published"),
    ("relay-client/1.2.3", Seen.VERIFIED, "published"),
    ("package/@acme/beacon-ui/v/0.3.0", Seen.VERIFIED, "published"),
    ("package/%40acme%2fbeacon-ui/v/0.3.0", Seen.VERIFIED, "published"),
    ("package/relay-client/v/1.2.2", Seen.SUSPICIOUS, "deprecated"),
    ("package/relay-client", Seen.SUSPICIOUS, "no_version"),
    ("package/relay-client/v/9.9.9", Seen.DEAD, "no_such_version"),
    ("package/nothing/v/1.0.0", Seen.UNKNOWN, "not_visible"),
    ("package/nothing", Seen.UNKNOWN, "not_visible"),
)
PYPI: tuple[tuple[str, Seen, str], ...] = (
    ("project/ledger-export/1.0/", Seen.VERIFIED, "published"),
    ("project/Ledger_Export/1.0", Seen.VERIFIED, "published"),
    ("pypi/ledger.export/1.0/json", Seen.VERIFIED, "published"),
    ("project/ledger-export/0.9", Seen.SUSPICIOUS, "yanked"),
    ("project/ledger-export/0.8", Seen.SUSPICIOUS, "no_files"),
    ("project/ledger-export/", Seen.SUSPICIOUS, "no_version"),
    ("project/ledger-export/2.0", Seen.DEAD, "no_such_version"),
    ("project/nothing/1.0", Seen.UNKNOWN, "not_visible"),
    ("project/nothing", Seen.UNKNOWN, "not_visible"),
)
OCI: tuple[tuple[str, Seen, str], ...] = (
    (f"acme/relay@{DIGEST}", Seen.VERIFIED, "published"),
    (f"v2/acme/relay/manifests/{DIGEST}", Seen.VERIFIED, "published"),
    ("acme/relay:v2.3.0", Seen.SUSPICIOUS, "mutable_ref"),
    ("r/acme/relay", Seen.SUSPICIOUS, "no_version"),
    ("acme/relay:v9", Seen.DEAD, "no_such_version"),
    (f"acme/relay@{NO_DIGEST}", Seen.DEAD, "no_such_version"),
    ("acme/vault:v1", Seen.UNKNOWN, "not_visible"),
    ("r/acme/vault", Seen.UNKNOWN, "not_visible"),
    ("acme/nothing:v1", Seen.UNKNOWN, "not_visible"),
    ("r/acme/nothing", Seen.UNKNOWN, "not_visible"),
)
ALL = [(what, *row) for what, rows in (("npm", NPM), ("pypi", PYPI), ("oci", OCI)) for row in rows]


@pytest.fixture(scope="module")
def stages() -> Iterator[dict[str, Stage]]:
    """One of each, for tests that only ask."""
    servers = {what: RegistryLookAlike(what).start() for what in REGISTRIES}
    yield {what: Stage(server) for what, server in servers.items()}
    for server in servers.values():
        server.stop()


@pytest.mark.parametrize(("what", "path", "seen", "reason"), ALL, ids=[f"{row[0]} {row[1]}" for row in ALL])
def test_a_registry_tells_what_a_link_proves(stages: dict[str, Stage], what: str, path: str, seen: Seen, reason: str) -> None:
    found = stages[what].look(path)
    assert (found.seen, found.reason) == (seen, reason)
    assert read_probe(write_probe(found), found.url, NOW) is not None


def test_every_verdict_of_a_registry_has_its_words() -> None:
    assert {reason for *_, reason in ALL} <= set(REASONS)
    assert all(seen in REASONS[reason].seen for _, _, seen, reason in ALL)


def test_an_npm_version_comes_with_its_facts(packages: Stage) -> None:
    found = packages.look("package/relay-client/v/1.2.3?activeTab=code#readme")
    at = packages.server.authority
    assert (found.kind, found.key, found.final_url, found.status, found.title) == (
        "npm_package",
        f"npm:{at}/relay-client@1.2.3",
        f"http://{at}/package/relay-client/v/1.2.3",
        200,
        "relay-client 1.2.3",
    )
    assert found.facts == (
        ("title", "relay-client 1.2.3"),
        ("package", "relay-client"),
        ("version", "1.2.3"),
        ("author", "pia"),
        ("published_at", "2026-02-03T04:05:06Z"),
        ("digest", f"sha512-{hashlib.sha512(b'relay-client@1.2.3').hexdigest()[:86]}=="),
        ("source", "https://git.example.org/acme/relay"),
    )
    assert packages.asked() == ["/relay-client/1.2.3", "/relay-client"]


def test_a_deprecated_version_says_why_and_a_bare_package_which_is_the_latest(packages: Stage) -> None:
    assert packages.look("package/relay-client/v/1.2.2").fact("deprecated") == "frames get lost, use 1.2.3"
    assert packages.look("package/relay-client").facts == (("package", "relay-client"), ("latest", "1.2.3"))


def test_a_release_of_a_python_project_comes_with_its_facts(projects: Stage) -> None:
    found = projects.look("project/Ledger_Export/1.0/#files")
    assert (found.kind, found.key) == ("pypi_package", f"pypi:{projects.server.authority}/ledger-export@1.0")
    assert found.facts == (
        ("title", "ledger-export 1.0"),
        ("package", "ledger-export"),
        ("version", "1.0"),
        ("author", "Otto"),
        ("published_at", "2026-02-03T04:05:06Z"),
        ("files", "2"),
        ("file", "ledger_export-1.0.tar.gz"),
        ("digest", f"sha256:{hashlib.sha256(b'ledger_export-1.0.tar.gz').hexdigest()}"),
        ("source", "https://git.example.org/acme/ledger"),
    )
    assert projects.look("project/ledger-export/0.9").fact("yanked") == "loses the last row"
    assert projects.look("project/ledger-export").fact("latest") == "1.0"


def test_an_image_comes_with_its_facts_by_digest_and_by_tag(images: Stage) -> None:
    by_digest, by_tag = images.look(f"acme/relay@{DIGEST}"), images.look("acme/relay:v2.3.0")
    assert by_digest.facts == (
        ("title", "acme/relay v2.3.0"),
        ("package", "acme/relay"),
        ("version", "v2.3.0"),
        ("built_at", "2026-02-03T04:05:06Z"),
        ("digest", DIGEST),
        ("source", "https://git.example.org/acme/relay"),
    )
    assert by_tag.facts == by_digest.facts
    at = images.server.authority
    assert (by_digest.key, by_tag.key) == (f"oci:{at}/acme/relay@{DIGEST}", f"oci:{at}/acme/relay@v2.3.0")


def test_one_release_written_in_two_ways_has_the_key_the_registry_gives_it(projects: Stage) -> None:
    document = {"info": {"name": "x", "version": "1.0"}, "urls": [_file("x-1.0.tar.gz")]}
    projects.play_json("/pypi/x/1.0.0/json", document)
    found = projects.look("project/x/1.0.0")
    assert (found.seen, found.key) == (Seen.VERIFIED, f"pypi:{projects.server.authority}/x@1.0")


def _file(name: str, *, yanked: bool = False) -> dict[str, object]:
    return {"filename": name, "yanked": yanked, "digests": {"sha256": hashlib.sha256(name.encode()).hexdigest()}}


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ([_file("x-1.0.whl", yanked=True), _file("x-1.0.tar.gz")], (Seen.VERIFIED, "published")),
        ([_file("x-1.0.whl", yanked=True), _file("x-1.0.tar.gz", yanked=True)], (Seen.SUSPICIOUS, "yanked")),
        ([{**_file("x-1.0.whl"), "digests": {}}], (Seen.UNKNOWN, "strange")),
        ([{**_file("x-1.0.whl"), "yanked": None}], (Seen.UNKNOWN, "strange")),
        ({}, (Seen.UNKNOWN, "strange")),
    ],
)
def test_one_file_that_is_not_yanked_is_enough(projects: Stage, urls: object, said: Said) -> None:
    projects.play_json("/pypi/x/1.0/json", {"info": {"name": "X", "version": "1.0"}, "urls": urls})
    assert projects.said("project/x/1.0") == said


def test_a_package_of_so_many_versions_that_it_is_not_read_is_still_there(packages: Stage) -> None:
    packages.play(200, 9, "/relay-client?", body=b"never asked")
    packages.play(200, 3, "/large", body=b" " * (ANSWER_MAX_BYTES + 1))
    assert packages.said("package/large") == (Seen.SUSPICIOUS, "no_version")
    packages.play(404, 1, "/large/1.0.0")
    packages.server.played.reverse()
    assert packages.said("package/large/v/1.0.0") == (Seen.DEAD, "no_such_version")
    version = {"name": "large", "version": "1.0.1", "dist": {"shasum": "aa"}}
    packages.server.played.insert(0, Played(status=200, path="/large/1.0.1", body=json.dumps(version).encode()))
    found = packages.look("package/large/v/1.0.1")
    assert (found.seen, found.fact("published_at"), found.fact("digest")) == (Seen.VERIFIED, "", "aa")


# --- whose fault it is not ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (401, {}, "login"),
        (401, {"WWW-Authenticate": 'Basic realm="http://127.0.0.1/token"'}, "login"),
        (403, {}, "forbidden"),
        (403, {"Retry-After": "30"}, "limit"),
        (429, {}, "limit"),
        (451, {}, "legal"),
        (503, {}, "transient"),
        (418, {}, "strange"),
        (422, {}, "strange"),
        (200, {"Content-Encoding": "gzip"}, "too_large"),
    ],
)
def test_trouble_of_a_registry_is_nobodys_fault(status: int, headers: dict[str, str], reason: str) -> None:
    for what, paths in (("npm", NPM), ("pypi", PYPI), ("oci", OCI)):
        for stage in _running(what):  # type: ignore[arg-type]
            stage.server.played.append(Played(status=status, headers=headers, times=99))
            assert stage.said(paths[0][0]) == (Seen.UNKNOWN, reason)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'"x"', b"{}", b"[" * 100_000, b"9" * 5000, b'{"name": 7, "version": "1.2.3"}']
)
def test_an_answer_of_a_strange_shape_is_nobodys_fault(body: bytes) -> None:
    for what, rows in (("npm", NPM), ("pypi", PYPI), ("oci", OCI)):
        for stage in _running(what):  # type: ignore[arg-type]
            stage.server.played.append(Played(status=200, times=99, body=body))
            assert {stage.said(path)[0] for path, *_ in (rows[0], rows[-1])} == {Seen.UNKNOWN}


def test_a_version_that_is_listed_is_not_dead(packages: Stage, projects: Stage) -> None:
    packages.play(404, path="/relay-client/1.2.3")
    assert packages.said("package/relay-client/v/1.2.3") == (Seen.UNKNOWN, "strange")
    projects.play(404, path="/pypi/ledger-export/1.0/json")
    projects.play_json("/pypi/ledger-export/json", {"info": {"name": "ledger-export"}, "releases": {"1.0": []}})
    assert projects.said("project/ledger-export/1.0") == (Seen.UNKNOWN, "strange")


@pytest.mark.parametrize(
    "document",
    [
        {"name": "other", "version": "1.2.3", "dist": {"integrity": "sha512-x"}},
        {"name": "relay-client", "version": "1.2.4", "dist": {"integrity": "sha512-x"}},
        {"name": "relay-client", "version": "1.2.3", "dist": {}},
        {"name": "relay-client", "dist": {"integrity": "sha512-x"}},
    ],
)
def test_a_version_is_verified_only_as_itself_and_with_a_digest(packages: Stage, document: object) -> None:
    packages.play_json("/relay-client/1.2.3", document)
    assert packages.said("package/relay-client/v/1.2.3") == (Seen.UNKNOWN, "strange")


def test_a_manifest_is_verified_only_if_it_is_what_its_digest_says(images: Stage) -> None:
    body, manifests = b'{"schemaVersion": 2}', "/v2/acme/relay/manifests"
    true = f"sha256:{hashlib.sha256(body).hexdigest()}"
    for asked, named in (
        (f"@{DIGEST}", DIGEST),
        (f"@{DIGEST}", true),
        (f"@{true}", ""),
        (f"@{true}", DIGEST),
        (f"@{true}", true.upper()),
        (":v1", ""),
        (":v1", DIGEST),
    ):
        images.play(200, path=manifests, body=body, Docker_Content_Digest=named)
        assert images.said(f"acme/relay{asked}") == (Seen.UNKNOWN, "strange")
    images.play(200, path=manifests, body=body, Docker_Content_Digest=true)
    assert images.said(f"acme/relay@{true}") == (Seen.VERIFIED, "published")
    older = b'{"schemaVersion": 1}'
    known_as = f"sha256:{hashlib.sha256(older).hexdigest()}"
    images.play(200, path=manifests, body=older, Docker_Content_Digest=known_as)
    assert images.said(f"acme/relay@{known_as}") == (Seen.UNKNOWN, "strange")


# --- the token for reading images, and where it may go --------------------------------------------------------------------


def test_the_challenge_is_met_with_a_token_for_reading_this_repository(images: Stage) -> None:
    assert images.said(f"acme/relay@{DIGEST}") == (Seen.VERIFIED, "published")
    manifest, ask, again = images.server.heard
    assert (manifest.path, urlsplit(ask.path).path, again.path) == (again.path, "/token", manifest.path)
    assert parse_qs(urlsplit(ask.path).query) == {"service": ["registry.example.com"], "scope": [SCOPE]}
    sent = [heard.headers.get("authorization", "") for heard in images.server.heard]
    assert sent == ["", "", f"Bearer {token(SCOPE)}"]


def test_one_token_serves_all_questions_of_a_look(images: Stage) -> None:
    images.look("acme/relay:v9")
    assert [path.partition("?")[0] for path in images.asked()] == [
        "/v2/acme/relay/manifests/v9",
        "/token",
        "/v2/acme/relay/manifests/v9",
        "/v2/acme/relay/tags/list",
    ]
    assert [heard.headers.get("authorization", "")[:7] for heard in images.server.heard] == ["", "", "Bearer ", "Bearer "]


def test_a_registry_that_wants_no_token_is_asked_once(images: Stage) -> None:
    body = b'{"schemaVersion": 2}'
    known_as = f"sha256:{hashlib.sha256(body).hexdigest()}"
    images.play(200, path="/v2/", body=body, Docker_Content_Digest=known_as)
    assert (images.said("acme/relay:v1"), len(images.server.heard)) == ((Seen.SUSPICIOUS, "mutable_ref"), 1)


FOREIGN = (
    "http://127.0.0.1:{other}/token",
    "https://127.0.0.1:{port}/token",
    "http://localhost:{port}/token",
    "http://user@127.0.0.1:{port}/token",
    "http://127.0.0.1:{port}@127.0.0.1:{other}/token",
    "http://127.0.0.1:{port}/token?to=http://127.0.0.1:{other}/",
    "http://127.0.0.1:{port}/%2e%2e/token",
    "//127.0.0.1:{other}/token",
    "/token",
    "ftp://127.0.0.1:{port}/token",
    "\\\\127.0.0.1/token",
    "token",
)


@pytest.mark.parametrize("realm", FOREIGN)
def test_a_realm_that_is_not_the_registrys_own_is_not_asked(
    images: Stage, packages: Stage, dialled: list[Address], realm: str
) -> None:
    ports = {"port": images.server.server_address[1], "other": packages.server.server_address[1]}
    images.play(401, 9, "/v2/", WWW_Authenticate=f'Bearer realm="{realm.format(**ports)}",service="x"')
    found = images.look(f"acme/relay@{DIGEST}")
    assert found.seen is Seen.UNKNOWN
    assert found.reason == ("login" if "\\" in realm else "redirect_elsewhere")
    assert (len(images.server.heard), packages.server.heard) == (1, [])
    assert {address[1] for address in dialled} == {images.server.server_address[1]}


def test_a_realm_the_operator_named_is_asked_and_told_nothing(images: Stage) -> None:
    elsewhere = RegistryLookAlike("oci").start()
    stage = Stage(images.server, realm=f"{elsewhere.api}/")
    for where, seen in ((elsewhere.api, Seen.VERIFIED), (elsewhere.api + "1", Seen.UNKNOWN)):
        stage.play(401, path="/v2/", WWW_Authenticate=f'Bearer realm="{where}/token"')
        assert stage.look(f"acme/relay@{DIGEST}").seen is seen
    elsewhere.stop()
    assert [heard.path.partition("?")[0] for heard in elsewhere.heard] == ["/token"]
    assert [heard.headers.get("authorization") for heard in elsewhere.heard] == [None]
    assert [heard.headers.get("authorization", "")[:7] for heard in images.server.heard] == ["", "Bearer ", ""]


def test_a_realm_is_not_told_a_token_of_ours_either(images: Stage) -> None:
    at = images.server.authority
    client = Forge("oci", at, images.server.api, now=lambda: NOW, token="the-operators-own")
    client.look(classify(f"http://{at}/acme/relay@{DIGEST}", KnownHosts(registries=((at, "oci"),))))
    sent = [heard.headers.get("authorization", "") for heard in images.server.heard]
    assert sent == ["Bearer the-operators-own", "", f"Bearer {token(SCOPE)}"]


@pytest.mark.parametrize(
    ("written", "named", "asked"),
    [
        ("", "/token", True),
        ("/", "/token", True),
        ("/token", "/token", True),
        ("/token/", "/token", True),
        ("/auth", "/token", False),
        ("/auth", "/authority/token", False),
        ("/auth", "/auth/../token", False),
        ("/tok", "/token", False),
    ],
)
def test_a_realm_is_asked_where_the_operator_named_it_only(images: Stage, written: str, named: str, asked: bool) -> None:
    elsewhere = RegistryLookAlike("oci").start()
    stage = Stage(images.server, realm=elsewhere.api + written)
    stage.play(401, path="/v2/", WWW_Authenticate=f'Bearer realm="{elsewhere.api}{named}"')
    expected = (Seen.VERIFIED, "published") if asked else (Seen.UNKNOWN, "redirect_elsewhere")
    assert stage.said(f"acme/relay@{DIGEST}") == expected
    elsewhere.stop()
    assert len(elsewhere.heard) == (1 if asked else 0)


@pytest.mark.parametrize("where", ["/v2/", "/token"])
def test_the_token_follows_no_redirect_away(images: Stage, packages: Stage, where: str) -> None:
    images.play(401, path="/v2/", WWW_Authenticate=f'Bearer realm="{images.server.api}/token"')
    images.play(307, 9, where, Location=f"{packages.server.api}/v2/acme/relay/manifests/{DIGEST}")
    assert images.said(f"acme/relay@{DIGEST}") == (Seen.UNKNOWN, "redirect_elsewhere")
    assert packages.server.heard == []


def test_a_redirect_within_the_registry_keeps_the_token(images: Stage) -> None:
    images.look(f"acme/relay@{DIGEST}")
    old = "/v2/acme/oldrelay/manifests/"
    images.play(401, path=old, WWW_Authenticate=f'Bearer realm="{images.server.api}/token"')
    images.play(301, path=old, Location=f"/v2/acme/relay/manifests/{DIGEST}")
    images.play(200, path="/token", body=json.dumps({"access_token": token(SCOPE)}).encode())
    assert images.said(f"acme/oldrelay@{DIGEST}") == (Seen.VERIFIED, "published")


@pytest.mark.parametrize(
    "given",
    [{}, {"token": 7}, {"token": "a b"}, {"token": "a\r\nX-Evil: 1"}, {"token": "é"}, {"token": "a" * 20_000}, {"token": []}],
)
def test_a_token_that_cannot_stand_in_a_header_is_not_sent(images: Stage, given: object) -> None:
    images.play_json("/token", given)
    assert images.said(f"acme/relay@{DIGEST}") == (Seen.UNKNOWN, "strange")
    assert len(images.server.heard) == 2


@pytest.mark.parametrize(
    ("challenge", "asked"),
    [
        ('Bearer realm="{realm}",service="a",scope="repository:other:push"', True),
        ('bearer Realm="{realm}"', True),
        ('Basic realm="x", Bearer realm="{realm}", Basic realm="http://127.0.0.1:1/"', True),
        ("Bearer", False),
        ("Bearer realm={realm}", False),
        ('Forbearer realm="{realm}"', False),
        ("a" * 60_000, False),
    ],
)
def test_a_challenge_is_read_as_it_is_written(images: Stage, challenge: str, asked: bool) -> None:
    images.play(401, path="/v2/", WWW_Authenticate=challenge.format(realm=f"{images.server.api}/token"))
    began = time.process_time()
    assert images.said(f"acme/relay@{DIGEST}") == ((Seen.VERIFIED, "published") if asked else (Seen.UNKNOWN, "login"))
    assert time.process_time() - began < 2


def test_neither_what_is_said_nor_how_a_question_looks_shows_the_token(images: Stage) -> None:
    found = images.look(f"acme/relay@{DIGEST}")
    assert "anonymous." not in f"{found!r} {Ask('/v2/', bearer=token(SCOPE))!r}"


def test_a_manifest_that_has_not_changed_is_asked_for_conditionally_and_the_token_is_not(images: Stage) -> None:
    first, second = images.look(f"acme/relay@{DIGEST}"), images.look(f"acme/relay@{DIGEST}")
    assert (first.seen, first.facts) == (second.seen, second.facts)
    assert [hop.status for hop in second.hops] == [401, 200, 304]
    assert "if-none-match" not in images.server.heard[4].headers


def test_a_realm_that_trickles_is_left_at_the_deadline(images: Stage) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    realm = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def trickle() -> None:
        sock, _ = listener.accept()
        with sock:
            try:
                sock.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    sock.sendall(b"X: y\r\n")
                    time.sleep(0.05)
            except OSError:
                return

    threading.Thread(target=trickle, daemon=True).start()
    images.play(401, path="/v2/", WWW_Authenticate=f'Bearer realm="{realm}/token"')
    with ends_within(2):
        found = Stage(images.server, realm=realm, deadline_s=0.6).said(f"acme/relay@{DIGEST}")
    listener.close()
    assert found == (Seen.UNKNOWN, "deadline")


def test_a_limit_with_its_window_is_obeyed(images: Stage) -> None:
    budget = Budget(lambda: 0.0, lambda: NOW)
    budget.answered("/", 200, {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "9;w=21600"})
    assert (budget.refusal(urgent=False), budget.refusal(urgent=True)) == ("limit", "")


# --- noise -------------------------------------------------------------------------------------------------------------

HOSTS = KnownHosts(registries=(("p.example.com", "npm"), ("q.example.com", "pypi"), ("r.example.com", "oci")))
LINKS = (
    "https://p.example.com/package/wl/v/1.0.0",
    "https://p.example.com/package/@hop/wl/v/1.0.0-rc.1+x",
    "https://p.example.com/package/wl",
    "https://q.example.com/project/wl/1.0",
    "https://q.example.com/project/wl/1!2.0",
    "https://q.example.com/project/wl",
    f"https://r.example.com/hop/wl@{DIGEST}",
    "https://r.example.com/hop/wl:v1",
    "https://r.example.com/r/hop/wl",
)
_NAMES = """name version dist integrity shasum deprecated repository url time dist-tags latest versions 1.0.0 1.0 info urls
    yanked digests sha256 project_urls Source releases schemaVersion annotations org.opencontainers.image.created token tags"""
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 10**16)
    | st.text(max_size=20)
    | st.sampled_from(["wl", "@hop/wl", "hop/wl", "1.0.0", "1.0", "0" * 64, "2026-02-03T04:05:06Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES.split()), inner, max_size=6),
    max_leaves=8,
)
QUESTIONS_MAX = 5
"""An image that is not there, behind a challenge: manifest, token, manifest, list of tags, and none to follow."""
A_FILE = _file("wl-1.0.tar.gz")
_CHALLENGES = ('Bearer realm="https://r.example.com/token"', "Bearer", "", 'Basic realm="x"')


def _inquiry(link: str) -> Inquiry:
    evidence = classify(link, HOSTS)
    found: list[Inquiry] = [
        i for i in (npm.FORGE.inquire(evidence), pypi.FORGE.inquire(evidence), oci.FORGE.inquire(evidence)) if i is not None
    ]
    assert len(found) == 1
    return found[0]


_replies = st.lists(
    st.builds(
        lambda status, document, challenge, digest: Reply(
            status=status,
            document=document,
            headers=(("www-authenticate", challenge), ("docker-content-digest", digest)),
            sha256=digest.removeprefix("sha256:"),
        ),
        st.sampled_from([200, 200, 200, 401, 404, 409, 410, 422]),
        _json,
        st.sampled_from(_CHALLENGES),
        st.sampled_from([DIGEST, NO_DIGEST, ""]),
    ),
    min_size=QUESTIONS_MAX,
    max_size=QUESTIONS_MAX,
)


@given(st.sampled_from(LINKS), _replies)
@example(LINKS[0], [Reply(status=200, document={"name": "wl", "version": "1.0.0", "dist": {"shasum": "a"}})] * QUESTIONS_MAX)
@example(LINKS[3], [Reply(status=200, document={"info": {"name": "wl", "version": "1.0"}, "urls": [A_FILE]})])
@example(
    LINKS[6],
    [
        Reply(
            status=200,
            document={"schemaVersion": 2, "annotations": {"\u202e": 1}},
            headers=(("docker-content-digest", DIGEST),),
            sha256=DIGEST.removeprefix("sha256:"),
        )
    ],
)
def test_no_answer_makes_an_inquiry_break_or_verifies_what_it_does_not_name(link: str, replies: list[Reply]) -> None:
    inquiry, asks = _inquiry(link), list[Ask]()
    try:
        asks.append(next(inquiry))
        for reply in replies:
            asks.append(inquiry.send(reply))
    except StopIteration as end:
        found = end.value
        assert isinstance(found, Found)
        assert all(len(value) <= 120 and value.isprintable() for _, value in found.facts)
        if found.seen is Seen.VERIFIED:
            _must_name(classify(link, HOSTS).name, replies[: len(asks)])
    except (Settled, Strange):
        pass
    for ask in asks:
        assert ask.realm or ask.path.startswith("/")
        assert ask.path.isascii()
        assert not {"", ".", ".."} & set(ask.path.split("/")[1:])


def _must_name(name: str, replies: list[Reply]) -> None:
    """The version, a digest: in some document, or the digest asked for in a manifest's own hash."""
    if name.startswith("sha256:"):
        assert any(reply.status == 200 and reply.sha256 == name[7:] for reply in replies)
        return
    said = json.dumps([reply.document for reply in replies if reply.status == 200])
    assert f'"version": "{name}' in said
    assert "shasum" in said or "integrity" in said or "sha256" in said


# --- settings ------------------------------------------------------------------------------------------------------------


def test_registries_are_read_by_host_with_or_without_a_root_of_their_own(tmp_path: object) -> None:
    policy, problems = load(
        """
        [forges]
        "127.0.0.1:9000" = "dolthub"
        "127.0.0.1:9001" = "bitbucket"
        [registries]
        "registry.example.com" = "pypi"
        "pages.example.com" = {kind = "npm", api = "https://registry.example.com/npm"}
        "images.example.com" = {kind = "oci", api = "https://registry.example.com", realm = "https://auth.example.com"}
        """,
        "stampbot.toml",
    )
    assert problems == ()
    assert policy.registries == (
        Registry(host="registry.example.com", kind="pypi"),
        Registry(host="pages.example.com", kind="npm", api="https://registry.example.com/npm"),
        Registry(host="images.example.com", kind="oci", api="https://registry.example.com", realm="https://auth.example.com"),
    )
    made = make_forges(policy.forges, policy.registries, now=lambda: NOW)
    assert [(f.what, f.host, f._root.url, f._realm.url if f._realm else "") for f in made._forges] == [
        ("dolthub", "127.0.0.1:9000", "http://127.0.0.1:9000/api/v2/", ""),
        ("bitbucket", "127.0.0.1:9001", "http://127.0.0.1:9001/2.0/", ""),
        ("pypi", "registry.example.com", "https://registry.example.com/", ""),
        ("npm", "pages.example.com", "https://registry.example.com/npm/", ""),
        ("oci", "images.example.com", "https://registry.example.com/", "https://auth.example.com/"),
    ]
    keys = {
        "https://registry.example.com/project/A.B/1": "pypi:registry.example.com/a-b@1",
        "https://pages.example.com/package/wl/v/1.0.0": "npm:pages.example.com/wl@1.0.0",
        "https://IMAGES.example.com/hop/wl:v1": "oci:images.example.com/hop/wl@v1",
        "https://images.example.com/about": "",
    }
    assert {link: made.key(link) for link in keys} == keys


def test_settings_carry_the_registries_of_the_policy_file(tmp_path: object) -> None:
    file = f"{tmp_path}/stampbot.toml"
    with open(file, "w") as out:
        out.write('[registries]\n"registry.example.com" = "npm"\n')
    settings = read({"STAMPBOT_CONFIG": file}, commons_needed=False)
    assert settings.registries == (Registry(host="registry.example.com", kind="npm"),)


@pytest.mark.parametrize(
    ("line", "name", "fix"),
    [
        ('"r.example.com" = "cargo"', '"r.example.com"', 'One of "npm", "oci", "pypi"; or a table'),
        ('"r.example.com" = 3', '"r.example.com"', 'One of "npm", "oci", "pypi"; or a table'),
        ('"r.example.com" = {kind = "cargo"}', '"r.example.com".kind', 'One of "npm", "oci", "pypi"'),
        ('"r.example.com" = {api = "https://r.example.com/npm"}', '"r.example.com"', "A table such as {kind"),
        ('"r.example.com" = {kind = "npm", apis = "x"}', '"r.example.com".apis', "Did you mean api?"),
        ('"r.example.com" = {kind = "npm", api = "http://r.example.com"}', '"r.example.com".api', "https, or http on this"),
        ('"r.example.com" = {kind = "npm", api = "https://u@r.example.com"}', '"r.example.com".api', "The root of an API"),
        ('"r.example.com" = {kind = "npm", api = "https://r.example.com/a/../b"}', '"r.example.com".api', "The root of an"),
        ('"r.example.com" = {kind = "npm", api = "https://r.example.com/?a"}', '"r.example.com".api', "The root of an API"),
        ('"r.example.com" = {kind = "pypi", realm = "https://a.example.com"}', '"r.example.com".kind', "no other kind"),
        ('"r.example.com/npm" = "npm"', '"r.example.com/npm"', "A host, with its port"),
        ('"1.2.3" = "npm"', '"1.2.3"', "A host, with its port"),
        ('"r.example.com:99999" = "npm"', '"r.example.com:99999"', "A host, with its port"),
        ('"r.example.com\\n" = "npm"', '"r.example.com\\n"', "A host, with its port"),
    ],
)
def test_a_registry_that_cannot_be_meant_is_named_with_its_mend(line: str, name: str, fix: str) -> None:
    policy, problems = load(f"[registries]\n{line}\n", "stampbot.toml")
    assert policy.registries == ()
    assert [problem.name for problem in problems] == [f"stampbot.toml registries.{name}"]
    assert fix in problems[0].fix


@given(
    st.from_regex(r"[a-z0-9.\[\]:_/-]{1,30}", fullmatch=True) | st.text(max_size=12),
    st.sampled_from(sorted(catalog.REGISTRIES)),
    st.none() | st.from_regex(r"https?://[a-z0-9.:-]{1,20}[a-z0-9./%?-]{0,12}", fullmatch=True),
)
def test_what_the_policy_file_takes_can_be_asked(host: str, kind: str, api: str | None) -> None:
    """Whatever is no problem makes a client: no odd host or root is found out only when the worker starts."""
    value = json.dumps(kind) if api is None else f"{{kind = {json.dumps(kind)}, api = {json.dumps(api)}}}"
    policy, problems = load(f"[registries]\n{json.dumps(host)} = {value}\n", "stampbot.toml")
    made = make_forges((), policy.registries, now=lambda: NOW)
    assert len(made._forges) == (0 if problems else 1)


@pytest.mark.parametrize(
    ("what", "host", "root"),
    [
        ("npm", "registry.example.com", "https://registry.example.com"),
        ("pypi", "127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("oci", "registry.example.com:5000", "https://registry.example.com:5000"),
        ("bitbucket", "127.0.0.1:3000", "http://127.0.0.1:3000/2.0"),
        ("bitbucket", "bit.example.org", ""),
    ],
)
def test_the_root_of_a_registry_is_its_host(what: str, host: str, root: str) -> None:
    assert root_of(what, host) == root


@pytest.mark.parametrize(("api", "realm"), [("https://r.example.com", "http://a.example.com"), ("http://r.example.com", "x")])
def test_tokens_for_reading_do_not_travel_in_clear_text(api: str, realm: str) -> None:
    with pytest.raises(ValueError, match=r"clear text|no root"):
        Forge("oci", "r.example.com", api, realm=realm, now=lambda: NOW)


def test_a_registry_is_asked_where_its_api_is_and_known_by_its_pages(packages: Stage) -> None:
    registry = Registry(host="Pages.example.com", kind="npm", api=packages.server.api)
    forges = make_forges((), (registry,), now=lambda: NOW)
    found = forges.look("https://pages.example.com/package/relay-client/v/1.2.3")
    assert found is not None
    assert (found.seen, found.key, found.final_url) == (
        Seen.VERIFIED,
        "npm:pages.example.com/relay-client@1.2.3",
        "https://pages.example.com/package/relay-client/v/1.2.3",
    )
    assert forges.look(f"{packages.server.api}/package/relay-client/v/1.2.3") is None


# --- the look-alikes themselves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "path", "status", "title"),
    [
        ("npm", "/package/relay-client", 200, "relay-client"),
        ("npm", "/package/@acme/beacon-ui/v/0.3.0", 200, "@acme/beacon-ui 0.3.0"),
        ("npm", "/package/relay-client/v/9.9.9", 404, "Not found"),
        ("pypi", "/project/ledger-export/1.0/", 200, "ledger-export 1.0"),
        ("pypi", "/project/%3Cb%3E/1.0/", 404, None),
        ("oci", "/r/acme/relay", 200, "acme/relay"),
        ("oci", f"/acme/relay@{DIGEST}", 200, f"acme/relay {DIGEST}"),
        ("oci", "/r/acme/vault", 404, "Not found"),
    ],
)
def test_people_see_a_page_for_what_there_is(
    stages: dict[str, Stage], what: str, path: str, status: int, title: str | None
) -> None:
    answer = requests.get(stages[what].server.api + path, timeout=STATE_WAIT_S)
    assert answer.status_code == status
    if title is not None:
        assert f"<title>{title}</title>" in answer.text


def test_a_look_alike_counts_its_hours_back_from_the_seeds_now(packages: Stage) -> None:
    packages.server.now = NOW
    assert packages.look("package/relay-client/v/1.2.3").fact("published_at") == "2026-02-05T20:00:00Z"
    assert replace(packages.look("package/relay-client"), url="").kind == "npm_package"
