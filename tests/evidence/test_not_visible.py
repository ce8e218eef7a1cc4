"""A forge answers 404 for what is private as well: such an answer is *not visible*, on every page, whoever asked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.evidence import NO_KNOWN_HOSTS, KnownHosts, as_known, beside_commons
from bot.evidence.forge.look import Forges, make_forges
from bot.model.evidence import Probe, Seen
from sandbox.lookalikes.forges import ForgeLookAlike
from tests.evidence.looking import NOW
from tests.evidence.servers import Server, say, serving
from tests.evidence.stage import staged
from tests.sandbox_process import commons, sandbox_server
from tests.world import World

__all__ = ["commons", "sandbox_server"]

PUBLIC = "93.184.216.34"
NOTHING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot found"
NOT_VISIBLE = (Seen.UNKNOWN, "not_visible")
NOT_FOUND = (Seen.DEAD, "not_found")
OWN = KnownHosts(forges=(("Git.Example.org", "gitea"), ("localhost:3000", "gitlab")), registries=(("npm.example.net", "npm"),))


def absent(url: str, final_url: str = "", reason: str = "not_found", status: int = 404) -> Probe:
    """The sheet of a page that answered so."""
    return Probe(
        url=url,
        seen=Seen.DEAD,
        reason=reason,
        probed_at=NOW,
        status=status,
        final_url=final_url or url,
        misses=(NOW,),
        since=NOW,
    )


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (NO_KNOWN_HOSTS, "https://github.com/acme/vault"),
        (NO_KNOWN_HOSTS, "https://github.com/acme/vault/pull/7"),
        (NO_KNOWN_HOSTS, "HTTPS://GitHub.com/acme/vault/discussions/5"),
        (NO_KNOWN_HOSTS, "https://www.github.com/acme/vault/compare/main...fix"),
        (NO_KNOWN_HOSTS, "https://github.com/orgs/acme/projects/3"),
        (NO_KNOWN_HOSTS, "https://github.com/acme/vault/releases/download/v1/a.tar.gz"),
        (NO_KNOWN_HOSTS, "https://gist.github.com/ana/0123456789abcdef0123456789abcdef"),
        (NO_KNOWN_HOSTS, "https://raw.githubusercontent.com/acme/vault/main/README.md"),
        (NO_KNOWN_HOSTS, "https://codeload.github.com/acme/vault/zip/refs/heads/main"),
        (NO_KNOWN_HOSTS, "https://api.github.com/repos/acme/vault"),
        (NO_KNOWN_HOSTS, "https://gitlab.com/acme/vault/-/wikis/home"),
        (NO_KNOWN_HOSTS, "https://gitlab.com/acme/vault/-/jobs/12"),
        (NO_KNOWN_HOSTS, "https://bitbucket.org/acme/vault/src/main/"),
        (NO_KNOWN_HOSTS, "https://codeberg.org/acme/vault/issues/1"),
        (NO_KNOWN_HOSTS, "https://www.dolthub.com/repositories/acme/vault/data/main"),
        (NO_KNOWN_HOSTS, "https://dolthub.com/users/acme"),
        (NO_KNOWN_HOSTS, "http://github.com/acme/vault"),
        (OWN, "https://git.example.org/acme/vault/wiki"),
        (OWN, "https://www.git.example.org/acme/vault"),
        (OWN, "http://localhost:3000/acme/vault/-/boards"),
        (OWN, "https://npm.example.net/-/web/detail/vault"),
        (OWN, "https://github.com/acme/vault/wiki"),
    ],
)
def test_a_page_of_a_forge_that_answers_404_is_not_visible(hosts: KnownHosts, url: str) -> None:
    sheet = absent(url)
    assert as_known(sheet, hosts) == replace(sheet, seen=Seen.UNKNOWN, reason="not_visible")


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (NO_KNOWN_HOSTS, "https://example.org/github.com/acme"),
        (NO_KNOWN_HOSTS, "https://github.com.example.org/acme/vault"),
        (NO_KNOWN_HOSTS, "https://notgithub.com/acme/vault"),
        (NO_KNOWN_HOSTS, "https://acme.github.io/relay/"),
        (NO_KNOWN_HOSTS, "https://acme.gitlab.io/relay/"),
        (NO_KNOWN_HOSTS, "https://example.org/?u=https://github.com/acme"),
        (NO_KNOWN_HOSTS, "https://github.com:8443/acme/vault"),
        (NO_KNOWN_HOSTS, "https://git.example.org/acme/vault"),
        (NO_KNOWN_HOSTS, "http://localhost:3000/acme/vault"),
        (OWN, "https://example.org/acme/vault"),
        (OWN, "http://localhost:4000/acme/vault"),
    ],
)
def test_elsewhere_a_page_that_answers_404_is_dead(hosts: KnownHosts, url: str) -> None:
    assert as_known(absent(url), hosts) == absent(url)


def test_both_ends_of_a_redirect_count() -> None:
    short, forge, store = "https://s.example.org/a", "https://github.com/acme/vault", "https://files.example.org/a"
    found = [as_known(absent(*ends), NO_KNOWN_HOSTS) for ends in ((short, forge), (forge, store), (short, store))]
    assert [(sheet.seen, sheet.reason) for sheet in found] == [NOT_VISIBLE, NOT_VISIBLE, NOT_FOUND]


@pytest.mark.parametrize(("reason", "status"), [("gone", 410), ("nxdomain", None), ("no_such_pull", 404)])
def test_what_says_more_than_a_404_stays(reason: str, status: int) -> None:
    sheet = absent("https://github.com/acme/vault", reason=reason, status=status)
    assert as_known(sheet, NO_KNOWN_HOSTS) == sheet


# --- from door to door ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nothing_there() -> Iterator[Server]:
    with serving(say(NOTHING)) as server:
        yield server


@pytest.mark.parametrize(
    ("config", "url", "told"),
    [
        ("", "http://github.com/acme/vault/pull/7", ["unknown", "not_visible", "github_pull"]),
        ("", "http://github.com/acme/vault/discussions/5", ["unknown", "not_visible", "url"]),
        ("", "http://git.example.com/acme/vault/wiki", ["dead", "not_found", "url"]),
        (
            '[forges]\n"git.example.com" = "gitea"\n',
            "http://git.example.com/acme/vault/wiki",
            ["unknown", "not_visible", "url"],
        ),
    ],
    ids=["a pull, by default", "another page, by default", "a host that is not named", "a host that is named"],
)
def test_probe_says_that_a_page_is_not_visible(
    config: str,
    url: str,
    told: list[str],
    nothing_there: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("STAMPBOT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "stampbot.toml").write_text(config)
    monkeypatch.setenv("STAMPBOT_CONFIG", str(tmp_path / "stampbot.toml"))
    names = {"github.com": [PUBLIC], "git.example.com": [PUBLIC]}
    with staged({80: nothing_there.port}, names=names):
        document = json.loads(CliRunner().invoke(main, ["probe", url, "--json"]).output)
    assert [document[name] for name in ("seen", "reason", "kind")] == told


@pytest.fixture
def forge() -> Iterator[ForgeLookAlike]:
    server = ForgeLookAlike("github").start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("asked", "path"),
    [(True, "hop/vault/pull/1"), (False, "hop/vault/pull/1"), (True, "hop/gastown/wiki/Plans")],
    ids=["a pull of a forge that is asked", "of one that is not", "a page that no API tells of"],
)
def test_an_accept_is_not_refused_for_a_page_that_is_not_visible(
    world: World, forge: ForgeLookAlike, asked: bool, path: str
) -> None:
    known = ((forge.authority, "github"),)
    forges = make_forges(known, now=world.deps.clock) if asked else Forges(KnownHosts(known), (), world.deps.clock)
    bot = replace(world.deps, forges=forges)
    url = f"http://{forge.authority}/{path}"
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence=f"See **{url}**.")
    world.settle(bot)
    probe = world.observe(pull, bot).probe(url)
    assert probe is not None
    assert (probe.seen, probe.reason) == NOT_VISIBLE
    world.comment(pull, "ana", f"/accept --quality 4 --at {world.observe(pull, bot).head}")
    world.settle(bot)
    assert world.state(pull) == "merged"
    assert world.count("stamps") == 1


def merged(kind: str, repo: str) -> Probe:
    return Probe(
        url="https://example.org/x", seen=Seen.VERIFIED, reason="merged", probed_at=NOW, kind=kind, facts=(("repo", repo),)
    )


@pytest.mark.parametrize("repo", ["hop/wl-commons", "Hop/WL-Commons", "pia/wl-commons"])
@pytest.mark.parametrize("kind", ["dolthub_pull", "dolthub_commit"])
def test_what_is_merged_into_the_commons_itself_verifies_no_work_on_it(kind: str, repo: str) -> None:
    probe = merged(kind, repo)
    assert beside_commons(probe, "wl-commons") == replace(probe, seen=Seen.SUSPICIOUS, reason="of_the_commons")


@pytest.mark.parametrize(
    ("kind", "repo"), [("dolthub_pull", "hop/relay"), ("dolthub_commit", "wl-commons/data"), ("github_pull", "hop/wl-commons")]
)
def test_what_is_merged_elsewhere_stays_as_it_was_seen(kind: str, repo: str) -> None:
    assert beside_commons(merged(kind, repo), "wl-commons") == merged(kind, repo)
