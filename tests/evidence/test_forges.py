"""What forges say about evidence: over real HTTP at look-alikes, and, for the others, with answers of their shape."""

from __future__ import annotations

import gzip
import json
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.__main__ import main
from bot.evidence import probe_key
from bot.evidence.forge.apis import bitbucket, dolthub, gitea, github, gitlab
from bot.evidence.forge.budget import Budget
from bot.evidence.forge.client import Forge
from bot.evidence.forge.inquiry import Ask, Found, Inquiry, Reply, Settled, Strange
from bot.evidence.forge.look import Forges, make_forges, root_of
from bot.evidence.kinds import KnownHosts, classify
from bot.messages import md
from bot.messages.reviews import evidence
from bot.model.evidence import Probe, Seen
from bot.model.links import Link
from bot.store.probes import read_probe, write_probe
from sandbox.lookalikes.forge_seed import GIST, sha
from sandbox.lookalikes.forges import TOKEN, ForgeLookAlike
from sandbox.lookalikes.server import Played
from tests.evidence.wire import Address
from tests.patience import ends_within
from tests.sandbox_process import FreshDatabase, commons, sandbox_server
from tests.world import World

__all__ = ["commons", "sandbox_server"]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Stage:
    """A look-alike and the bot's client of it, whose clocks stand still unless told otherwise."""

    def __init__(self, server: ForgeLookAlike, *, token: str = "", deadline_s: float = 10.0) -> None:
        self.server = server
        self.at_s = 0.0
        self.slept: list[float] = []
        self.client = Forge(
            server.what,
            server.authority,
            server.api,
            now=lambda: NOW + timedelta(seconds=self.at_s),
            token=token,
            clock=lambda: self.at_s,
            sleep=self.slept.append,
            deadline_s=deadline_s,
        )
        hosts = KnownHosts(forges=((server.authority, server.what),))
        self.forges = Forges(hosts, [self.client], lambda: NOW)

    def look(self, path: str, *, urgent: bool = False, previous: Probe | None = None) -> Probe:
        found = self.forges.look(f"http://{self.server.authority}/{path}", urgent=urgent, previous=previous)
        assert found is not None
        return found

    def asked(self) -> list[str]:
        return [heard.path for heard in self.server.heard]

    def play(self, status: int, times: int = 1, path: str = "/", body: bytes = b"{}", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.server.played.append(Played(status=status, headers=named, times=times, path=path, body=body))


@pytest.fixture
def hub() -> Iterator[Stage]:
    """GitHub's look-alike, asked without a token."""
    server = ForgeLookAlike("github").start()
    yield Stage(server)
    server.stop()


@pytest.fixture
def lab() -> Iterator[Stage]:
    """GitLab's look-alike."""
    server = ForgeLookAlike("gitlab").start()
    yield Stage(server)
    server.stop()


# --- verdicts ----------------------------------------------------------------------------------------------------------

GITHUB: tuple[tuple[str, Seen, str], ...] = (
    ("hop/gastown/pull/1", Seen.VERIFIED, "merged"),
    ("hop/gastown/pull/2", Seen.SUSPICIOUS, "not_merged"),
    ("hop/gastown/pull/3", Seen.SUSPICIOUS, "closed_unmerged"),
    ("hop/gastown/pull/4", Seen.SUSPICIOUS, "side_branch"),
    ("hop/gastown/pull/5", Seen.SUSPICIOUS, "empty_diff"),
    ("hop/gastown/pull/7", Seen.SUSPICIOUS, "issue_not_pull"),
    ("hop/gastown/pull/99", Seen.DEAD, "no_such_pull"),
    ("hop/nowhere/pull/1", Seen.UNKNOWN, "not_visible"),
    ("hpo/gastown/pull/1", Seen.UNKNOWN, "no_such_owner"),
    ("hop/vault/pull/1", Seen.UNKNOWN, "not_visible"),
    (f"hop/gastown/commit/{sha('handshake')}", Seen.VERIFIED, "contained"),
    (f"hop/gastown/commit/{sha('old')[:9]}", Seen.VERIFIED, "contained"),
    (f"hop/gastown/commit/{sha('squashed-head')}", Seen.VERIFIED, "merged_by_pull"),
    (f"hop/gastown/commit/{sha('squashed-middle')}", Seen.SUSPICIOUS, "not_on_default"),
    (f"hop/gastown/commit/{sha('pending')}", Seen.SUSPICIOUS, "not_on_default"),
    (f"hop/gastown/commit/{sha('impostor')}", Seen.SUSPICIOUS, "impostor_commit"),
    (f"hop/gastown/commit/{sha('never')}", Seen.DEAD, "no_such_commit"),
    (f"hop/vault/commit/{sha('old')}", Seen.UNKNOWN, "not_visible"),
    ("hop/gastown/issues/7", Seen.REACHABLE, "issue_closed"),
    ("hop/gastown/issues/8", Seen.SUSPICIOUS, "issue_open"),
    ("hop/gastown/issues/9", Seen.SUSPICIOUS, "issue_not_planned"),
    ("hop/gastown/issues/10", Seen.DEAD, "issue_deleted"),
    ("hop/gastown/issues/99", Seen.DEAD, "no_such_issue"),
    ("hop/gastown/issues/1", Seen.VERIFIED, "merged"),
    ("hop/gastown/releases/tag/v1.0", Seen.VERIFIED, "published"),
    ("hop/gastown/releases/tag/v1.1", Seen.SUSPICIOUS, "asset_missing"),
    ("hop/gastown/releases/tag/v0.9", Seen.SUSPICIOUS, "tag_only"),
    ("hop/gastown/releases/tag/v9", Seen.DEAD, "no_such_release"),
    ("hop/gastown/actions/runs/71", Seen.VERIFIED, "succeeded"),
    ("hop/gastown/actions/runs/72", Seen.SUSPICIOUS, "run_failed"),
    ("hop/gastown/actions/runs/73", Seen.SUSPICIOUS, "run_not_finished"),
    ("hop/gastown/actions/runs/74", Seen.SUSPICIOUS, "fork_run"),
    ("hop/gastown/actions/runs/75", Seen.UNKNOWN, "expired"),
    (f"gist/{GIST}", Seen.REACHABLE, "mutable_gist"),
    (f"gist/pia/{GIST}/{sha('gist')}", Seen.REACHABLE, "pinned"),
    (f"gist/{GIST[::-1]}", Seen.DEAD, "no_such_gist"),
    ("hop/gastown/blob/main/docs/plan.md", Seen.SUSPICIOUS, "mutable_ref"),
    (f"hop/gastown/blob/{sha('old')}/docs/plan.md", Seen.REACHABLE, "pinned"),
    (f"hop/gastown/blob/{sha('old')}/docs/none.md", Seen.DEAD, "no_such_file"),
    ("hop/gastown/blob/main/docs/none.md", Seen.DEAD, "no_such_file"),
    ("hop/gastown/blob/feature/x/docs/plan.md", Seen.UNKNOWN, "unclear_ref"),
    ("hop/gastown/tree/main", Seen.SUSPICIOUS, "mutable_ref"),
    ("hop/gastown", Seen.SUSPICIOUS, "too_broad"),
)

GITLAB: tuple[tuple[str, Seen, str], ...] = (
    ("hop/gastown/-/merge_requests/1", Seen.VERIFIED, "merged"),
    ("hop/gastown/-/merge_requests/2", Seen.SUSPICIOUS, "not_merged"),
    ("hop/gastown/-/merge_requests/3", Seen.SUSPICIOUS, "closed_unmerged"),
    ("hop/gastown/-/merge_requests/4", Seen.SUSPICIOUS, "side_branch"),
    ("hop/gastown/-/merge_requests/5", Seen.SUSPICIOUS, "empty_diff"),
    ("hop/gastown/-/merge_requests/99", Seen.DEAD, "no_such_pull"),
    ("hop/nowhere/-/merge_requests/1", Seen.UNKNOWN, "not_visible"),
    ("hop/vault/-/merge_requests/1", Seen.UNKNOWN, "not_visible"),
    (f"hop/gastown/-/commit/{sha('handshake')}", Seen.VERIFIED, "contained"),
    (f"hop/gastown/-/commit/{sha('squashed-head')[:12]}", Seen.VERIFIED, "merged_by_pull"),
    (f"hop/gastown/-/commit/{sha('squashed-middle')}", Seen.SUSPICIOUS, "not_on_default"),
    (f"hop/gastown/-/commit/{sha('pending')}", Seen.SUSPICIOUS, "not_on_default"),
    (f"hop/gastown/-/commit/{sha('impostor')}", Seen.SUSPICIOUS, "impostor_commit"),
    (f"hop/gastown/-/commit/{sha('never')}", Seen.DEAD, "no_such_commit"),
)


@pytest.mark.parametrize(("path", "seen", "reason"), GITHUB, ids=[row[0] for row in GITHUB])
def test_github_tells_what_a_link_proves(hub: Stage, path: str, seen: Seen, reason: str) -> None:
    found = hub.look(path)
    assert (found.seen, found.reason) == (seen, reason)
    assert read_probe(write_probe(found), found.url, NOW) is not None


@pytest.mark.parametrize(("path", "seen", "reason"), GITLAB, ids=[row[0] for row in GITLAB])
def test_gitlab_tells_what_a_link_proves(lab: Stage, path: str, seen: Seen, reason: str) -> None:
    found = lab.look(path)
    assert (found.seen, found.reason) == (seen, reason)
    assert read_probe(write_probe(found), found.url, NOW) is not None


def test_a_merged_pull_comes_with_its_facts(hub: Stage) -> None:
    found = hub.look("Hop/GasTown/pull/1/files#diff")
    at = hub.server.authority
    assert (found.kind, found.key, found.final_url, found.status, found.title) == (
        "github_pull",
        f"github:pr:{at}/hop/gastown#1",
        f"http://{at}/hop/gastown/pull/1",
        200,
        "Keep the handshake alive",
    )
    assert found.facts == (
        ("state", "merged"),
        ("title", "Keep the handshake alive"),
        ("author", "pia"),
        ("merged_by", "ana"),
        ("merged_at", "2026-02-03T04:05:06Z"),
        ("created_at", "2026-02-01T00:00:00Z"),
        ("files", "14"),
        ("added", "140"),
        ("removed", "14"),
        ("into", "main"),
        ("commit", sha("handshake")),
        ("repo", "hop/gastown"),
        ("repo_created_at", "2024-05-06T07:08:09Z"),
    )


def test_a_merge_request_comes_with_its_facts(lab: Stage) -> None:
    assert lab.look("hop/gastown/-/merge_requests/1").facts == (
        ("state", "merged"),
        ("title", "Keep the handshake alive"),
        ("author", "pia"),
        ("merged_by", "ana"),
        ("merged_at", "2026-02-03T04:05:06Z"),
        ("created_at", "2026-02-01T00:00:00Z"),
        ("files", "14"),
        ("into", "main"),
        ("commit", sha("handshake")),
        ("repo", "hop/gastown"),
    )


def test_a_short_hash_is_told_whole(hub: Stage, lab: Stage) -> None:
    short, whole = sha("old")[:7], sha("old")
    assert hub.look(f"hop/gastown/commit/{short}").key == f"github:commit:{hub.server.authority}/hop/gastown@{whole}"
    assert lab.look(f"hop/gastown/-/commit/{short}").key == f"gitlab:commit:{lab.server.authority}/hop/gastown@{whole}"


def test_a_pull_behind_an_issues_number_has_the_key_of_the_pull(hub: Stage) -> None:
    issue, pull = hub.look("hop/gastown/issues/1"), hub.look("hop/gastown/pull/1")
    assert (issue.key, issue.kind, issue.final_url, issue.facts) == (pull.key, pull.kind, pull.final_url, pull.facts)


def test_a_renamed_repository_is_followed_and_told_by_todays_name(hub: Stage) -> None:
    for path in ("pull/1", f"commit/{sha('old')}", "releases/tag/v1.0", "issues/7", "actions/runs/71"):
        was, now = hub.look(f"hop/oldtown/{path}"), hub.look(f"hop/gastown/{path}")
        assert (was.seen, was.reason, was.key) == (now.seen, now.reason, now.key)
        assert dict(was.facts)["renamed_to"] == "hop/gastown"
        assert "renamed_to" not in dict(now.facts)


def test_what_only_our_token_may_see_is_told_to_nobody(hub: Stage) -> None:
    stage = Stage(hub.server, token=TOKEN)
    for path in ("hop/vault/pull/1", "hop/vault/issues/1", "hop/vault"):
        found = stage.look(path)
        assert (found.seen, found.reason, found.facts, found.title) == (Seen.UNKNOWN, "not_visible", (), "")


def test_the_merge_requests_of_members_only_are_not_dead(lab: Stage) -> None:
    lab.play(403, 9, path="/api/v4/projects/hop%2Fgastown/merge_requests")
    assert (lab.look("hop/gastown/-/merge_requests/1").seen, lab.look("hop/gastown/-/merge_requests/99").seen) == (
        Seen.UNKNOWN,
        Seen.UNKNOWN,
    )


def test_dead_sightings_are_counted_on_and_forgotten_when_it_is_back(hub: Stage) -> None:
    before = Probe(url="x", seen=Seen.DEAD, reason="", probed_at=NOW, misses=(NOW - timedelta(hours=1),))
    assert hub.look("hop/gastown/pull/99", previous=before).misses == (NOW - timedelta(hours=1), NOW)
    assert hub.look("hop/nowhere/pull/1", previous=before).misses == (NOW - timedelta(hours=1),)
    assert hub.look("hop/gastown/pull/1", previous=before).misses == ()


# --- whose fault it is not ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (401, {}, "login"),
        (403, {}, "forbidden"),
        (403, {"Retry-After": "30"}, "limit"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772369000"}, "limit"),
        (429, {}, "limit"),
        (451, {}, "legal"),
        (408, {}, "transient"),
        (500, {}, "transient"),
        (502, {}, "transient"),
        (503, {"Retry-After": "soon"}, "transient"),
        (418, {}, "strange"),
        (400, {}, "strange"),
        (304, {}, "strange"),
        (300, {}, "strange"),
    ],
)
def test_trouble_of_the_forge_is_nobodys_fault(hub: Stage, status: int, headers: dict[str, str], reason: str) -> None:
    hub.server.played.append(Played(status=status, headers=headers, times=9))
    for path in ("hop/gastown/pull/1", f"hop/gastown/commit/{sha('old')}"):
        found = hub.look(path)
        assert found.seen is Seen.UNKNOWN
        hub.at_s += 7200
    assert found.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"merged": "yes"}',
        b'{"merged": true, "base": {"ref": "main", "repo": {"private": false, "full_name": "../x", "default_branch": "main"}}}',
        b'{"merged": true, "base": {"ref": "x", "repo": {"private": false, "full_name": "a/b", "default_branch": "a/../b"}}}',
        b'{"private": false, "full_name": "hop/gastown", "default_branch": 7}',
        b"9" * 5000,
        b" " * (4 * 1024 * 1024) + b"{}",
    ],
)
def test_an_answer_of_a_strange_shape_is_nobodys_fault(hub: Stage, body: bytes) -> None:
    hub.server.played.append(Played(status=200, times=99, body=body))
    for path, *_ in GITHUB:
        assert hub.look(path).seen in (Seen.UNKNOWN, *((Seen.REACHABLE,) if "gist" in path else ()))


def test_an_answer_in_a_coding_nobody_asked_for_is_not_read(hub: Stage) -> None:
    hub.play(200, body=gzip.compress(b"0" * 10**7), Content_Encoding="gzip")
    assert (hub.look("hop/gastown/pull/1").reason, hub.look("hop/gastown/pull/1").reason) == ("too_large", "merged")


def test_a_forge_that_is_away_is_nobodys_fault(hub: Stage) -> None:
    hub.server.stop()
    found = hub.look("hop/gastown/pull/1")
    assert (found.seen, found.reason, found.status, len(found.hops)) == (Seen.UNKNOWN, "net", None, 3)
    assert [0 <= slept <= most for slept, most in zip(hub.slept, (2, 10), strict=True)] == [True, True]


def test_a_short_trouble_is_sat_out(hub: Stage) -> None:
    hub.play(502, 2)
    found = hub.look("hop/gastown/pull/1")
    assert (found.seen, [hop.status for hop in found.hops], len(hub.slept)) == (Seen.VERIFIED, [502, 502, 200], 2)


def test_a_forge_that_keeps_failing_is_left_alone_for_a_while(hub: Stage) -> None:
    hub.play(500, 9)
    assert [hub.look(f"hop/gastown/pull/{number}").reason for number in (1, 2, 3)] == ["transient"] * 3
    asked = len(hub.server.heard)
    hub.at_s = 599
    assert (hub.look("hop/gastown/pull/1").reason, len(hub.server.heard)) == ("resting", asked)
    hub.at_s = 601
    assert hub.look("hop/gastown/pull/1").reason == "merged"


def test_one_link_that_breaks_a_forge_is_no_reason_to_leave_it_alone(hub: Stage) -> None:
    """Else whoever finds such a link keeps everybody's evidence from being looked at."""
    hub.play(500, 12, path="/api/v3/repos/hop/gastown/pulls/1")
    assert [hub.look("hop/gastown/pull/1").reason for _ in range(4)] == ["transient"] * 4
    assert hub.look("hop/gastown/pull/2").reason == "not_merged"


def test_a_forge_that_trickles_is_left_at_the_deadline() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    at = f"127.0.0.1:{listener.getsockname()[1]}"
    forge = Forge("github", at, f"http://{at}/api/v3", now=lambda: NOW, deadline_s=0.6)
    forges = Forges(KnownHosts(forges=((at, "github"),)), [forge], lambda: NOW)

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

    _in_background(trickle)
    with ends_within(2):
        found = forges.look(f"http://{at}/hop/gastown/pull/1")
    listener.close()
    assert found is not None
    assert (found.seen, found.reason) == (Seen.UNKNOWN, "deadline")


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


# --- the token, and where it may go --------------------------------------------------------------------------------------


def test_the_token_goes_to_the_api_of_its_host(hub: Stage) -> None:
    Stage(hub.server, token=TOKEN).look("hop/gastown/pull/1")
    assert [heard.headers["authorization"] for heard in hub.server.heard] == [f"Bearer {TOKEN}"]


def test_without_a_token_nothing_of_ours_is_sent(hub: Stage) -> None:
    hub.look("hop/gastown/pull/1")
    plain = {"host", "user-agent", "accept", "accept-encoding", "connection", "x-github-api-version"}
    assert set(hub.server.heard[0].headers) <= plain


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{other}/api/v3/repos/hop/gastown/pulls/1",
        "http://localhost:{port}/api/v3/repos/hop/gastown/pulls/1",
        "https://127.0.0.1:{port}/api/v3/repos/hop/gastown/pulls/1",
        "//127.0.0.1:{other}/api/v3/x",
        "/hop/gastown/pull/1",
        "/api/v3/../hop",
        "/api/v3/%2e%2e/user",
        "http://user@127.0.0.1:{port}/api/v3/repos/hop/gastown/pulls/1",
        "",
        "\\\\evil.example/",
    ],
)
def test_a_redirect_to_anywhere_else_is_not_followed(hub: Stage, lab: Stage, dialled: list[Address], location: str) -> None:
    stage = Stage(hub.server, token=TOKEN)
    ports = {"port": hub.server.server_address[1], "other": lab.server.server_address[1]}
    hub.play(301, Location=location.format(**ports))
    found = stage.look("hop/gastown/pull/1")
    assert (found.seen, found.reason) == (Seen.UNKNOWN, "redirect_elsewhere")
    assert (len(hub.server.heard), lab.server.heard) == (1, [])
    assert {address[1] for address in dialled} == {hub.server.server_address[1]}


def test_redirects_in_a_circle_end(hub: Stage) -> None:
    hub.play(302, 99, Location="/api/v3/repos/hop/gastown/pulls/1")
    assert (hub.look("hop/gastown/pull/1").reason, len(hub.server.heard)) == ("redirect_loop", 4)


def test_the_environments_proxies_and_passwords_are_not_used(
    hub: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password x\n")
    netrc.chmod(0o600)
    for name, value in {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1", "NETRC": str(netrc)}.items():
        monkeypatch.setenv(name, value)
    assert hub.look("hop/gastown/pull/1").seen is Seen.VERIFIED
    assert "authorization" not in hub.server.heard[0].headers


@pytest.mark.parametrize(
    "api", ["http://git.example.org/api/v3", "ftp://git.example.org", "git.example.org", "http://10.0.0.1/"]
)
def test_a_token_is_never_taken_for_an_api_in_clear_text(api: str) -> None:
    with pytest.raises(ValueError, match=r"clear text|no root"):
        Forge("github", "git.example.org", api, now=lambda: NOW, token=TOKEN)


def test_the_github_token_is_bound_to_github_alone() -> None:
    forges = (("ghe.example.org", "github"), ("gitlab.com", "gitlab"), ("bit.example.org", "bitbucket"))
    made = make_forges(forges, github_token=TOKEN, now=lambda: NOW)
    assert [(f.host, f._token, f._root.url) for f in made._forges] == [
        ("ghe.example.org", "", "https://ghe.example.org/api/v3/"),
        ("gitlab.com", "", "https://gitlab.com/api/v4/"),
        ("github.com", TOKEN, "https://api.github.com/"),
    ]


@pytest.mark.parametrize(
    ("what", "host", "root"),
    [
        ("github", "github.com", "https://api.github.com"),
        ("github", "ghe.example.org", "https://ghe.example.org/api/v3"),
        ("gitlab", "git.example.org:8443", "https://git.example.org:8443/api/v4"),
        ("gitea", "127.0.0.1:3000", "http://127.0.0.1:3000/api/v1"),
        ("gitea", "localhost:3000", "http://localhost:3000/api/v1"),
        ("dolthub", "www.dolthub.com", "https://www.dolthub.com/api/v2"),
        ("bitbucket", "bitbucket.org", "https://api.bitbucket.org/2.0"),
        ("bitbucket", "bit.example.org", ""),
    ],
)
def test_the_root_of_an_api_follows_from_its_host(what: str, host: str, root: str) -> None:
    assert root_of(what, host) == root


def test_only_forges_that_are_named_are_asked() -> None:
    alone, named = make_forges((), now=lambda: NOW), make_forges((("www.GitHub.com", "github"),), now=lambda: NOW)
    links = ("https://github.com/hop/gastown/pull/1", "https://gitlab.com/a/b/-/merge_requests/1", "https://demo.example.org/")
    keys = [[forges.key(link) for link in links] for forges in (alone, named)]
    assert keys == [[""] * 3, ["github:pr:hop/gastown#1", "", ""]]
    assert [alone.look(link) for link in links] == [None] * 3


def test_a_link_of_any_length_makes_a_sheet_that_can_be_kept(hub: Stage) -> None:
    hub.play(200, path="/api/v3/repos/hop/gastown/contents/", body=b'{"size": 3}')
    found = hub.look(f"hop/gastown/blob/{sha('old')}/{'d/' * 400}x")
    assert (found.reason, len(found.fact("path"))) == ("pinned", 120)
    assert read_probe(write_probe(found), found.url, NOW, verified=True) == found


# --- politeness --------------------------------------------------------------------------------------------------------


def test_what_has_not_changed_is_asked_for_conditionally(hub: Stage) -> None:
    first, second = hub.look("hop/gastown/pull/1"), hub.look("hop/gastown/pull/1")
    assert [heard.headers.get("if-none-match", "")[:2] for heard in hub.server.heard] == ["", "W/"]
    assert (first.facts, first.reason) == (second.facts, second.reason)
    assert [(hop.status, hop.note) for hop in second.hops] == [(304, "not modified")]


def test_what_is_remembered_of_an_answer_takes_no_more_room_than_the_answer(hub: Stage) -> None:
    """A document in memory takes thirty times that, if whoever wrote it wants it to."""
    body = b'{"size": 1, "x": [' + b"[]," * 20_000 + b"[]]}"
    tracemalloc.start()
    try:
        for number in range(3):
            hub.play(200, path="/api/v3/repos/hop/gastown/contents/", body=body, ETag=f'"{number}"')
            assert hub.look(f"hop/gastown/blob/{sha('old')}/{number}").reason == "pinned"
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 3 * 2 * len(body)
    hub.play(304, path="/api/v3/repos/hop/gastown/contents/")
    again = hub.look(f"hop/gastown/blob/{sha('old')}/1")
    assert (again.reason, again.fact("bytes"), again.hops[-1].note) == ("pinned", "1", "not modified")


def test_the_end_of_a_limit_is_waited_for(hub: Stage) -> None:
    hub.play(429, Retry_After="30")
    assert hub.look("hop/gastown/pull/1").reason == "limit"
    hub.at_s = 29
    assert (hub.look("hop/gastown/pull/1", urgent=True).reason, len(hub.server.heard)) == ("limit", 1)
    hub.at_s = 31
    assert hub.look("hop/gastown/pull/1").reason == "merged"


def test_the_last_tenth_of_a_limit_is_kept_for_decisions(hub: Stage) -> None:
    hub.server.remaining = 500
    assert hub.look("hop/gastown/pull/1").reason == "merged"
    assert (hub.look("hop/gastown/pull/2").reason, hub.look("hop/gastown/pull/2", urgent=True).reason) == (
        "limit",
        "not_merged",
    )


DATE = "Sun, 01 Mar 2026 12:01:40 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "limited", "quiet_s"),
    [
        (200, {}, False, 0),
        (403, {}, False, 0),
        (404, {"x-ratelimit-remaining": "4000", "x-ratelimit-limit": "5000"}, False, 0),
        (429, {}, True, 60),
        (429, {"retry-after": "5"}, True, 5),
        (429, {"retry-after": DATE}, True, 100),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, True, 0),
        (429, {"retry-after": "soon"}, True, 60),
        (429, {"retry-after": "999999999"}, True, 3600),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 90)}, True, 90),
        (200, {"ratelimit-remaining": "0", "ratelimit-reset": str(int(NOW.timestamp()) + 90)}, False, 90),
        (200, {"ratelimit-remaining": "0", "ratelimit-reset": "7"}, False, 7),
        (200, {"ratelimit-remaining": "0"}, False, 60),
        (503, {"retry-after": "20"}, False, 20),
        (200, {"x-ratelimit-remaining": "nought", "x-ratelimit-reset": "-5"}, False, 0),
    ],
)
def test_rate_limits_are_obeyed_as_their_headers_tell_them(
    status: int, headers: dict[str, str], limited: bool, quiet_s: int
) -> None:
    at = [1000.0]
    budget = Budget(lambda: at[0], lambda: NOW)
    assert budget.answered("/", status, headers) is limited
    quiet = []
    for at[0] in (1000.0 + quiet_s * 0.99, 1000.0 + quiet_s * 1.01):
        quiet.append(budget.refusal(urgent=True))
    assert quiet == ["limit" if quiet_s else "", ""]


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-limit"]), st.text()
    )
)
def test_no_header_makes_a_budget_raise(headers: dict[str, str]) -> None:
    Budget(lambda: 0.0, lambda: NOW).answered("/", 429, headers, "rate limit")


# --- forges without a look-alike, and all of them against noise ------------------------------------------------------------


def _found(end: StopIteration) -> Found:
    assert isinstance(end.value, Found)
    return end.value


def play(inquiry: Inquiry | None, answers: Mapping[str, object]) -> Found:
    """Drive an inquiry with documents by path; what is not there is a 404."""
    assert inquiry is not None
    try:
        ask = next(inquiry)
        while True:
            text = ask.path + "".join(f"|{name}={value}" for name, value in ask.query)
            status, document = (200, answers[text]) if text in answers else (404, {"message": "not found"})
            ask = inquiry.send(Reply(status=status, document=document))
    except StopIteration as end:
        return _found(end)
    except Settled as settled:
        return settled.found


TEA_REPO = {"full_name": "O/r", "private": False, "default_branch": "main", "has_pull_requests": True}
TEA_PULL = {
    "number": 4,
    "title": "Tea",
    "state": "closed",
    "merged": True,
    "merged_at": "2026-02-03T05:05:06+01:00",
    "merge_commit_sha": sha("m"),
    "merged_by": {"login": "ana"},
    "user": {"login": "pia"},
    "changed_files": 2,
    "base": {"ref": "main"},
    "head": {"sha": sha("h")},
}
TEA_COMMIT = {"sha": sha("h"), "commit": {"message": "Brew\n\nlong"}, "author": {"login": "pia"}}
HEAD = f"/repos/o/r/git/commits/{sha('h')}"
SPAN = f"/repos/o/r/compare/main...{sha('h')}"


@pytest.mark.parametrize(
    ("path", "answers", "seen", "reason"),
    [
        ("pulls/4", {}, Seen.UNKNOWN, "not_visible"),
        ("pulls/4", {"/repos/o/r": {**TEA_REPO, "private": True}}, Seen.UNKNOWN, "not_visible"),
        ("pulls/4", {"/repos/o/r": TEA_REPO}, Seen.DEAD, "no_such_pull"),
        ("pulls/4", {"/repos/o/r": {**TEA_REPO, "has_pull_requests": False}}, Seen.UNKNOWN, "not_visible"),
        ("pulls/4", {"/repos/o/r": TEA_REPO, "/repos/o/r/pulls/4": TEA_PULL}, Seen.VERIFIED, "merged"),
        (
            "pulls/4",
            {"/repos/o/r": TEA_REPO, "/repos/o/r/pulls/4": {**TEA_PULL, "base": {"ref": "x"}}},
            Seen.SUSPICIOUS,
            "side_branch",
        ),
        (
            "pulls/4",
            {"/repos/o/r": TEA_REPO, "/repos/o/r/pulls/4": {**TEA_PULL, "changed_files": 0}},
            Seen.SUSPICIOUS,
            "empty_diff",
        ),
        (
            "pulls/4",
            {"/repos/o/r": TEA_REPO, "/repos/o/r/pulls/4": {**TEA_PULL, "merged": False}},
            Seen.SUSPICIOUS,
            "closed_unmerged",
        ),
        (f"commit/{sha('h')}", {"/repos/o/r": TEA_REPO}, Seen.DEAD, "no_such_commit"),
        (f"commit/{sha('h')}", {"/repos/o/r": TEA_REPO, HEAD: TEA_COMMIT}, Seen.UNKNOWN, "containment_unknown"),
        (
            f"commit/{sha('h')}",
            {"/repos/o/r": TEA_REPO, HEAD: TEA_COMMIT, SPAN: {"total_commits": 0}},
            Seen.VERIFIED,
            "contained",
        ),
        (
            f"commit/{sha('h')}",
            {"/repos/o/r": TEA_REPO, HEAD: TEA_COMMIT, SPAN: {"total_commits": 1}},
            Seen.SUSPICIOUS,
            "impostor_commit",
        ),
        (
            f"commit/{sha('h')}",
            {
                "/repos/o/r": TEA_REPO,
                HEAD: TEA_COMMIT,
                SPAN: {"total_commits": 1},
                f"/repos/o/r/commits/{sha('h')}/pull": TEA_PULL,
            },
            Seen.VERIFIED,
            "merged_by_pull",
        ),
        (
            f"commit/{sha('h')}",
            {
                "/repos/o/r": TEA_REPO,
                HEAD: TEA_COMMIT,
                SPAN: {"total_commits": 1},
                "/repos/o/r/branches|limit=50": [{"name": "next", "commit": {"id": sha("h")}}],
            },
            Seen.SUSPICIOUS,
            "not_on_default",
        ),
    ],
)
def test_gitea_tells_what_a_link_proves(path: str, answers: dict[str, object], seen: Seen, reason: str) -> None:
    found = play(gitea.FORGE.inquire(classify(f"https://codeberg.org/o/r/{path}")), answers)
    assert (found.seen, found.reason) == (seen, reason)


BIT_REPO = {"full_name": "w/r", "is_private": False, "mainbranch": {"name": "main"}}
BIT_PULL = {"title": "Bits", "state": "MERGED", "destination": {"branch": {"name": "main"}}, "author": {"nickname": "pia"}}
BIT_HEAD, BIT_SPAN = f"/repositories/w/r/commit/{sha('h')}", f"/repositories/w/r/commits/{sha('h')}|exclude=main|pagelen=1"
BIT_TIPS = f'/repositories/w/r/refs/branches|q=target.hash="{sha("h")}"|pagelen=1'


@pytest.mark.parametrize(
    ("path", "answers", "seen", "reason"),
    [
        ("pull-requests/9", {}, Seen.UNKNOWN, "not_visible"),
        ("pull-requests/9", {"/repositories/w/r": BIT_REPO}, Seen.DEAD, "no_such_pull"),
        (
            "pull-requests/9",
            {"/repositories/w/r": BIT_REPO, "/repositories/w/r/pullrequests/9": BIT_PULL},
            Seen.VERIFIED,
            "merged",
        ),
        (
            "pull-requests/9",
            {"/repositories/w/r": BIT_REPO, "/repositories/w/r/pullrequests/9": {**BIT_PULL, "state": "OPEN"}},
            Seen.SUSPICIOUS,
            "not_merged",
        ),
        (f"commits/{sha('h')}", {"/repositories/w/r": BIT_REPO}, Seen.DEAD, "no_such_commit"),
        (
            f"commits/{sha('h')}",
            {"/repositories/w/r": BIT_REPO, BIT_HEAD: {"hash": sha("h")}, BIT_SPAN: {"values": []}},
            Seen.VERIFIED,
            "contained",
        ),
        (
            f"commits/{sha('h')}",
            {
                "/repositories/w/r": BIT_REPO,
                BIT_HEAD: {"hash": sha("h")},
                BIT_SPAN: {"values": [{}]},
                BIT_TIPS: {"values": [{"name": "next"}]},
            },
            Seen.SUSPICIOUS,
            "not_on_default",
        ),
        (
            f"commits/{sha('h')}",
            {"/repositories/w/r": BIT_REPO, BIT_HEAD: {"hash": sha("h")}, BIT_SPAN: {"values": [{}]}},
            Seen.SUSPICIOUS,
            "impostor_commit",
        ),
    ],
)
def test_bitbucket_tells_what_a_link_proves(path: str, answers: dict[str, object], seen: Seen, reason: str) -> None:
    found = play(bitbucket.FORGE.inquire(classify(f"https://bitbucket.org/w/r/{path}")), answers)
    assert (found.seen, found.reason) == (seen, reason)


LINKS = (
    "https://github.com/hop/gastown/pull/1",
    f"https://github.com/hop/gastown/commit/{sha('h')}",
    "https://github.com/hop/gastown/issues/1",
    "https://github.com/hop/gastown/releases/tag/v1",
    "https://github.com/hop/gastown/actions/runs/1",
    f"https://gist.github.com/{GIST}",
    f"https://github.com/hop/gastown/blob/{sha('h')}/x",
    "https://github.com/hop/gastown/blob/main/x",
    "https://github.com/hop/gastown",
    "https://gitlab.com/a/b/-/merge_requests/1",
    f"https://gitlab.com/a/b/-/commit/{sha('h')}",
    "https://codeberg.org/o/r/pulls/1",
    f"https://codeberg.org/o/r/commit/{sha('h')}",
    "https://bitbucket.org/w/r/pull-requests/1",
    f"https://bitbucket.org/w/r/commits/{sha('h')}",
    "https://www.dolthub.com/repositories/hop/wl/pulls/1",
    "https://www.dolthub.com/repositories/hop/wl/commits/0123456789abcdefghijklmnopqrstuv",
)
_APIS: tuple[Any, ...] = (github, gitlab, gitea, bitbucket, dolthub)
_NAMES = """merged state private base ref repo full_name default_branch title user login data to_branch branch_name status
    columns rows sha id values is_private destination branch name mainbranch assets draft history owner"""
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["main", "merged", "open", "success", sha("h"), "a/b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES.split()), inner, max_size=8),
    max_leaves=10,
)


def _inquiry(link: str) -> Inquiry:
    evidence = classify(link)
    inquiries: list[Inquiry] = [i for i in (api.FORGE.inquire(evidence) for api in _APIS) if i is not None]
    assert len(inquiries) == 1
    return inquiries[0]


@given(
    st.sampled_from(LINKS), st.lists(st.tuples(st.sampled_from([200, 200, 404, 409, 410, 422]), _json), min_size=8, max_size=8)
)
def test_no_answer_makes_an_inquiry_break_or_lets_it_out_of_its_place(link: str, replies: list[tuple[int, object]]) -> None:
    inquiry, asks = _inquiry(link), list[Ask]()
    try:
        asks.append(next(inquiry))
        for status, document in replies:
            asks.append(inquiry.send(Reply(status=status, document=document)))
    except StopIteration as end:
        found = _found(end)
        assert len(found.facts) <= 16
        assert all(len(value) <= 120 and value.isprintable() for _, value in found.facts)
        if found.seen is Seen.VERIFIED:
            assert all(status == 200 or number for number, (status, _) in enumerate(replies[: len(asks)]))
    except (Settled, Strange):
        pass
    for ask in asks:
        assert ask.path.startswith("/")
        assert ask.path.isascii()
        assert not {"", ".", ".."} & set(ask.path.split("/")[1:])


def test_a_query_for_dolthub_is_made_of_hashes_only() -> None:
    evidence = replace(classify(LINKS[-1]), name="' OR 1=1 -- ")
    inquiry = dolthub.FORGE.inquire(evidence)
    assert inquiry is not None
    with pytest.raises(ValueError, match="hash"):
        next(inquiry)


def test_a_look_that_breaks_is_ours_and_nobodys_fault(hub: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github, "_read_pull", lambda *_: 1 // 0)
    found = hub.look("hop/gastown/pull/1")
    assert (found.seen, found.reason, found.hops[-1].note) == (Seen.UNKNOWN, "ours", "our fault: ZeroDivisionError")
    monkeypatch.undo()
    assert hub.look("hop/gastown/pull/1").seen is Seen.VERIFIED


def test_strangers_words_come_out_clean(hub: Stage) -> None:
    document = {
        "merged": True,
        "changed_files": 1,
        "title": "\u202eevil\x1b[31m\n\ud800" + "x" * 500,
        "user": {"login": ["a"]},
        "base": {"ref": "main", "repo": {"private": False, "full_name": "hop/gastown", "default_branch": "main"}},
    }
    hub.play(200, body=json.dumps(document).encode())
    found = hub.look("hop/gastown/pull/1")
    assert found.facts == (
        ("state", "merged"),
        ("title", "evil[31m " + "x" * 110 + "…"),
        ("files", "1"),
        ("into", "main"),
        ("repo", "hop/gastown"),
    )


# --- the command line ---------------------------------------------------------------------------------------------------


@pytest.fixture
def settings_file(hub: Stage, lab: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of an operator who trusts both look-alikes."""
    for name in [name for name in os.environ if name.startswith("STAMPBOT_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "stampbot.toml"
    file.write_text(f'[forges]\n"{hub.server.authority}" = "github"\n"{lab.server.authority}" = "gitlab"\n')
    monkeypatch.setenv("STAMPBOT_CONFIG", str(file))
    return file


def probe_by_hand(url: str) -> tuple[dict[str, Any], int]:
    """What `stampbot probe URL --json` says, and its exit status."""
    told = CliRunner().invoke(main, ["probe", url, "--json"])
    document: dict[str, Any] = json.loads(told.output)
    return document, told.exit_code


@pytest.mark.usefixtures("settings_file")
def test_probe_says_what_a_link_of_a_trusted_forge_proves(hub: Stage, lab: Stage) -> None:
    pull = f"http://{hub.server.authority}/hop/gastown/pull/1"
    told, status = probe_by_hand(pull + "/files")
    assert (told["seen"], told["kind"], told["key"], dict(told["facts"])["merged_by"], status) == (
        "verified",
        "github_pull",
        f"github:pr:{hub.server.authority}/hop/gastown#1",
        "ana",
        0,
    )
    told, status = probe_by_hand(f"http://{lab.server.authority}/hop/gastown/-/merge_requests/2")
    assert (told["seen"], told["reason"], told["kind"], status) == ("suspicious", "not_merged", "gitlab_merge_request", 1)
    shown = CliRunner().invoke(main, ["probe", pull]).output
    assert [
        word for word in ("verified (merged)", "merged by", "2026-02-03T04:05:06Z", "github_pull") if word not in shown
    ] == []


@pytest.mark.usefixtures("settings_file")
def test_probe_names_the_kind_of_a_link_that_no_forge_is_asked_about(hub: Stage) -> None:
    told, status = probe_by_hand("http://gitlab.invalid/x")
    assert (told["kind"], told["facts"], hub.server.heard) == ("url", [], [])
    told, status = probe_by_hand("done, see my notes")
    assert (told["kind"], told["seen"], told["key"][:5], status) == ("text", "blocked", "text:", 1)


# --- one pull, door to door ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "seen", "words"),
    [
        ("hop/gastown/pull/1", Seen.VERIFIED, ()),
        (f"hop/gastown/commit/{sha('impostor')}", Seen.SUSPICIOUS, ("impostor",)),
        ("hop/gastown/pull/99", Seen.DEAD, ("404",)),
    ],
)
def test_a_review_stands_on_what_the_forge_says(
    world: World, hub: Stage, path: str, seen: Seen, words: tuple[str, ...]
) -> None:
    bot = replace(world.deps, forges=Forges(KnownHosts(((hub.server.authority, "github"),)), [hub.client], world.deps.clock))
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence=f"http://{hub.server.authority}/{path}")
    world.settle(bot)
    snapshot = world.observe(pull, bot)
    (link,) = snapshot.links
    probe = snapshot.probe(link.url)
    assert probe is not None
    assert (probe.seen, probe.url) == (seen, link.url)
    assert bot.store.probes.get(probe_key(link.url)) is None
    (review,) = world.said(pull, "review")[-1:]
    assert [word for word in words if word not in review] == []


def test_a_review_shows_the_evidence_as_what_it_is(hub: Stage) -> None:
    """When it was merged and how large it is, in the words of a person; what a stranger wrote stays code."""
    at = datetime(2026, 2, 3, 6, 10, tzinfo=UTC)
    merged = replace(hub.look("hop/gastown/pull/1"), url="https://x.example.org/1", probed_at=at)
    link = Link(merged.url, "evidence")
    assert evidence(link, merged) == (
        "<https://x.example.org/1> GitHub pull, merged 2026-02-03 04:05 UTC by `ana`, 14 files, `Keep the handshake alive`, "
        "seen 2026-02-03 06:10 UTC"
    )
    impostor = replace(hub.look(f"hop/gastown/commit/{sha('impostor')}"), url=link.url, probed_at=at)
    assert evidence(link, impostor) == (
        "<https://x.example.org/1> GitHub commit, on no branch of the repository (`impostor_commit`), 2026-02-03 04:05 UTC "
        "by `pia`, 1 file, `Looks like ours`, seen 2026-02-03 06:10 UTC"
    )
    hostile = replace(
        merged, facts=(("title", "`]<script> @ana"), ("files", "**1**"), ("merged_at", "now"), ("state", "merged"))
    )
    assert evidence(link, hostile) == (
        f"<https://x.example.org/1> GitHub pull, merged, {md.code('`]<script> @ana', 80)}, seen 2026-02-03 06:10 UTC"
    )


def test_the_forge_is_asked_again_before_an_accept(world: World, hub: Stage) -> None:
    bot = replace(world.deps, forges=Forges(KnownHosts(((hub.server.authority, "github"),)), [hub.client], world.deps.clock))
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence=f"http://{hub.server.authority}/hop/gastown/pull/1")
    world.settle(bot)
    before = len(hub.server.heard)
    head = world.observe(pull, bot).head
    world.comment(pull, "ana", f"/accept --quality 4 --at {head}")
    world.settle(bot)
    assert len(hub.server.heard) > before
    assert world.state(pull) == "merged"
    assert world.count("stamps") == 1


def test_what_the_prober_says_of_a_forges_link_counts_for_nothing(world: World, hub: Stage) -> None:
    bot = replace(world.deps, forges=Forges(KnownHosts(((hub.server.authority, "github"),)), [hub.client], world.deps.clock))
    url = f"http://{hub.server.authority}/hop/gastown/pull/99"
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence=url)
    bot.store.probes.put(
        Probe(url=probe_key(url), seen=Seen.VERIFIED, reason="merged", probed_at=bot.clock(), facts=(("state", "merged"),))
    )
    assert world.observe(pull, bot).probe(url) is None
    world.settle(bot)
    found = world.observe(pull, bot).probe(url)
    assert found is not None
    assert found.seen is Seen.DEAD


# --- DoltHub -----------------------------------------------------------------------------------------------------------


def test_dolthub_tells_what_a_link_proves(commons: FreshDatabase) -> None:
    origin = commons.sandbox.base_url
    at = origin.removeprefix("http://")
    forge = Forge("dolthub", at, root_of("dolthub", at), now=lambda: NOW)
    forges = Forges(KnownHosts(forges=((at, "dolthub"),)), [forge], lambda: NOW)

    def seen(path: str, database: str = commons.name) -> tuple[Seen, str]:
        found = forges.look(f"{origin}/repositories/{database}/{path}")
        assert found is not None
        return found.seen, found.reason

    begun = commons.head()
    number = commons.claim()
    fork = next(name for name in commons.made if name.startswith("pia/"))
    aside = commons.push("aside", "UPDATE wanted SET title = 'Other' WHERE id = 'w-2'")
    assert seen(f"pulls/{number}") == (Seen.SUSPICIOUS, "not_merged")
    assert seen(f"pulls/{number + 1}") == (Seen.DEAD, "no_such_pull")
    assert seen(f"pulls/{number}", "nobody/nothing") == (Seen.UNKNOWN, "not_visible")
    assert seen(f"commits/{begun}") == (Seen.VERIFIED, "contained")
    assert seen(f"commits/{aside}") == (Seen.SUSPICIOUS, "not_on_default")
    assert seen(f"commits/{commons.head('wl/pia/w-1', database=fork)}") == (Seen.DEAD, "no_such_commit")
    assert seen(f"commits/{begun}", "nobody/nothing") == (Seen.UNKNOWN, "not_visible")
    commons.api("POST", f"/pulls/{number}/merge", user="bot", json={})
    merged = _once(lambda: forges.look(f"{origin}/repositories/{commons.name}/pulls/{number}"), Seen.VERIFIED)
    assert (merged.reason, dict(merged.facts)["author"], merged.key) == (
        "merged",
        "pia",
        f"dolthub:pr:{at}/{commons.name}#{number}",
    )


def _once(look: Callable[[], Probe | None], seen: Seen) -> Probe:
    """The first sheet that says so; a merge takes a moment."""
    for _ in range(100):
        found = look()
        assert found is not None
        if found.seen is seen:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came to that")
