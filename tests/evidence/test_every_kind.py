"""`stampbot probe URL --json` on one thing of each kind, against the look-alikes that start with the sandbox."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.demo.processes import toml_tables
from bot.evidence.kind import Kind
from bot.evidence.kinds import KINDS
from bot.model.evidence import Probe
from sandbox.lookalikes.forge_seed import GIST, sha
from sandbox.lookalikes.registry_seed import DIGEST
from sandbox.values.places import Places, placed
from tests.house.tree import ROOT
from tests.patience import STATE_WAIT_S
from tests.sandbox_process import SandboxProcess

STATUS = {"verified": 0, "reachable": 0, "suspicious": 1, "dead": 1, "blocked": 1, "unknown": 3}
"""Exit status of the command by verdict."""
ROOTS = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1", "bitbucket": "/2.0", "dolthub": "/api/v2"}
OLD, HANDSHAKE, SQUASHED, IMPOSTOR = sha("old"), sha("handshake"), sha("squashed-head"), sha("impostor")
MERGED = {
    "state": "merged",
    "title": "Keep the handshake alive",
    "author": "pia",
    "merged_by": "ana",
    "merged_at": "2026-02-03T04:05:06Z",
    "created_at": "2026-02-01T00:00:00Z",
    "files": "14",
    "added": "140",
    "removed": "14",
    "into": "main",
    "commit": HANDSHAKE,
    "repo": "hop/gastown",
}
BEGIN = {"title": "Begin", "author": "pia", "created_at": "2026-02-03T04:05:06Z"}
COMMIT = f"/repos/hop/gastown/commits/{OLD}"
INFERENCE = json.dumps({"output_hash": f"sha256:{'0' * 64}", "model": "m", "seed": 7})
CLAIM = json.dumps(json.loads(INFERENCE), sort_keys=True, separators=(",", ":"))
NOTES = "done, see my notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What `probe` says of one link.

    Links are told in short, `github:/path`; `{github}` in a key stands for that place's authority, `{head}` for the newest
    commit of the commons. `asked`: paths below the root of that API, each with its status. `also`: other ways to write the
    same thing. `final`: its canonical link, where that is another. `more`: what else the sheet holds.
    """

    kind: Kind
    link: str
    says: str
    key: str
    facts: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[tuple[int, str], ...] = ()
    final: str | None = None
    also: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


CASES = (
    Case(
        kind=KINDS["github_pull"],
        link="github:/hop/gastown/pull/1",
        says="verified merged",
        key="github:pr:{github}/hop/gastown#1",
        facts=MERGED | {"repo_created_at": "2024-05-06T07:08:09Z"},
        asked=((200, "/repos/hop/gastown/pulls/1"),),
        also=(
            "github:/hop/gastown/pull/1/",
            "github:/Hop/GasTown/pull/1",
            "github:/hop/gastown/pull/1/files",
            "github:/hop/gastown/pull/1/commits/0123456",
            "github:/hop/gastown/pull/1.diff",
            "github:/hop/gastown/pull/1?tab=checks#issuecomment-9",
            "github:/hop/./gastown/x/../pull/%31",
        ),
    ),
    Case(
        kind=KINDS["github_commit"],
        link=f"github:/hop/gastown/commit/{OLD}",
        says="verified contained",
        key=f"github:commit:{{github}}/hop/gastown@{OLD}",
        facts={"on": "main", **BEGIN, "files": "1", "repo": "hop/gastown"},
        asked=((200, "/repos/hop/gastown"), (200, COMMIT), (200, f"/repos/hop/gastown/compare/main...{OLD}?per_page=1")),
        also=(
            f"github:/hop/gastown/commit/{OLD[:7]}",
            f"github:/HOP/gastown/commit/{OLD.upper()}",
            f"github:/hop/gastown/commit/{OLD}.patch",
        ),
    ),
    Case(
        kind=KINDS["github_commit"],
        link=f"github:/hop/gastown/commit/{IMPOSTOR}",
        says="suspicious impostor_commit",
        key=f"github:commit:{{github}}/hop/gastown@{IMPOSTOR}",
        facts={**BEGIN, "title": "Looks like ours", "files": "1", "repo": "hop/gastown"},
        asked=(
            (200, "/repos/hop/gastown"),
            (200, f"/repos/hop/gastown/commits/{IMPOSTOR}"),
            (200, f"/repos/hop/gastown/compare/main...{IMPOSTOR}?per_page=1"),
            (200, f"/repos/hop/gastown/commits/{IMPOSTOR}/pulls"),
            (200, f"/repos/hop/gastown/commits/{IMPOSTOR}/branches-where-head"),
        ),
    ),
    Case(
        kind=KINDS["github_issue"],
        link="github:/hop/gastown/issues/7",
        says="reachable issue_closed",
        key="github:issue:{github}/hop/gastown#7",
        facts={"state": "closed", "title": "It falls over", "author": "pia", "repo": "hop/gastown"},
        asked=((200, "/repos/hop/gastown"), (200, "/repos/hop/gastown/issues/7")),
        also=("github:/hop/gastown/issues/7#issuecomment-1", "github:/hop/Gastown/issues/7/"),
    ),
    Case(
        kind=KINDS["github_release"],
        link="github:/hop/gastown/releases/tag/v1.0",
        says="verified published",
        key="github:release:{github}/hop/gastown@v1.0",
        facts={
            "title": "First",
            "author": "ana",
            "published_at": "2026-01-02T03:04:05Z",
            "assets": "1",
            "repo": "hop/gastown",
        },
        asked=((200, "/repos/hop/gastown"), (200, "/repos/hop/gastown/releases/tags/v1.0")),
        also=("github:/hop/gastown/releases/tag/v1%2e0", "github:/hop/GASTOWN/releases/tag/v1.0?x=1"),
    ),
    Case(
        kind=KINDS["github_run"],
        link="github:/hop/gastown/actions/runs/71",
        says="verified succeeded",
        key="github:run:{github}/hop/gastown#71",
        facts={
            "state": "success",
            "title": "ci",
            "author": "pia",
            "created_at": "2026-01-02T03:04:05Z",
            "event": "push",
            "on": "main",
            "commit": OLD,
            "repo": "hop/gastown",
        },
        asked=((200, "/repos/hop/gastown"), (200, "/repos/hop/gastown/actions/runs/71")),
        also=("github:/hop/gastown/actions/runs/71/job/5", "github:/hop/gastown/actions/runs/71/attempts/2"),
    ),
    Case(
        kind=KINDS["github_gist"],
        link=f"github:/gist/{GIST}",
        says="reachable mutable_gist",
        key=f"github:gist:{{github}}/{GIST}",
        facts={"author": "pia", "title": "Notes", "updated_at": "2026-01-02T03:04:05Z", "revision": sha("gist")},
        asked=((200, f"/gists/{GIST}"),),
        also=(f"github:/gist/pia/{GIST}", f"github:/gist/{GIST.upper()}#file-x"),
    ),
    Case(
        kind=KINDS["github_file"],
        link=f"github:/hop/gastown/blob/{OLD}/docs/plan.md",
        says="reachable pinned",
        key=f"github:file:{{github}}/hop/gastown@{OLD}/docs/plan.md",
        facts={"path": "docs/plan.md", "on": OLD, "bytes": "120", "repo": "hop/gastown"},
        asked=((200, "/repos/hop/gastown"), (200, f"/repos/hop/gastown/contents/docs/plan.md?ref={OLD}")),
        final=f"github:/hop/gastown/tree/{OLD}/docs/plan.md",
        also=(
            f"github:/hop/gastown/raw/{OLD}/docs/plan.md",
            f"github:/hop/gastown/tree/{OLD}/docs/plan.md",
            f"github:/hop/gastown/blob/{OLD}/docs/plan.md?plain=1#L7",
        ),
    ),
    Case(
        kind=KINDS["github_repo"],
        link="github:/hop/gastown",
        says="suspicious too_broad",
        key="github:repo:{github}/hop/gastown",
        facts={"repo": "hop/gastown", "title": "A town", "updated_at": "2026-01-02T03:04:05Z"},
        asked=((200, "/repos/hop/gastown"),),
        also=("github:/hop/gastown/", "github:/Hop/gastown.git", "github:/hop/gastown#readme"),
    ),
    Case(
        kind=KINDS["gitlab_merge_request"],
        link="gitlab:/hop/gastown/-/merge_requests/1",
        says="verified merged",
        key="gitlab:mr:{gitlab}/hop/gastown!1",
        facts={name: value for name, value in MERGED.items() if name not in ("added", "removed")},
        asked=((200, "/projects/hop%2Fgastown"), (200, "/projects/hop%2Fgastown/merge_requests/1")),
        also=(
            "gitlab:/hop/gastown/merge_requests/1",
            "gitlab:/HOP/gastown/-/merge_requests/1/diffs?view=inline",
            "gitlab:/hop/gastown/-/merge_requests/1#note_4",
        ),
    ),
    Case(
        kind=KINDS["gitlab_commit"],
        link=f"gitlab:/hop/gastown/-/commit/{HANDSHAKE}",
        says="verified contained",
        key=f"gitlab:commit:{{gitlab}}/hop/gastown@{HANDSHAKE}",
        facts={"on": "main", **BEGIN, "title": "Keep the handshake alive", "author": "Pia", "repo": "hop/gastown"},
        asked=(
            (200, "/projects/hop%2Fgastown"),
            (200, f"/projects/hop%2Fgastown/repository/commits/{HANDSHAKE}"),
            (200, f"/projects/hop%2Fgastown/repository/merge_base?refs%5B%5D=main&refs%5B%5D={HANDSHAKE}"),
        ),
        also=(f"gitlab:/hop/gastown/commit/{HANDSHAKE[:12]}", f"gitlab:/hop/gastown/-/commit/{HANDSHAKE.upper()}"),
    ),
    Case(
        kind=KINDS["bitbucket_pull"],
        link="bitbucket:/hop/gastown/pull-requests/1",
        says="verified merged",
        key="bitbucket:pr:{bitbucket}/hop/gastown#1",
        facts={
            "state": "merged",
            "title": "Keep the handshake alive",
            "author": "pia",
            "merged_by": "ana",
            "updated_at": "2026-02-03T04:05:06Z",
            "created_at": "2026-02-01T00:00:00Z",
            "into": "main",
            "commit": HANDSHAKE[:12],
            "repo": "hop/gastown",
        },
        asked=((200, "/repositories/hop/gastown"), (200, "/repositories/hop/gastown/pullrequests/1")),
        also=("bitbucket:/hop/gastown/pull-requests/1/diff", "bitbucket:/Hop/Gastown/pull-requests/1#comment-2"),
    ),
    Case(
        kind=KINDS["bitbucket_commit"],
        link=f"bitbucket:/hop/gastown/commits/{OLD}",
        says="verified contained",
        key=f"bitbucket:commit:{{bitbucket}}/hop/gastown@{OLD}",
        facts={"on": "main", **BEGIN, "repo": "hop/gastown"},
        asked=(
            (200, "/repositories/hop/gastown"),
            (200, f"/repositories/hop/gastown/commit/{OLD}"),
            (200, f"/repositories/hop/gastown/commits/{OLD}?exclude=main&pagelen=1"),
        ),
        also=(f"bitbucket:/hop/gastown/commits/{OLD[:10]}", f"bitbucket:/hop/gastown/commits/{OLD}?at=main"),
    ),
    Case(
        kind=KINDS["gitea_pull"],
        link="gitea:/hop/gastown/pulls/1",
        says="verified merged",
        key="gitea:pr:{gitea}/hop/gastown#1",
        facts=MERGED,
        asked=((200, "/repos/hop/gastown"), (200, "/repos/hop/gastown/pulls/1")),
        also=("gitea:/hop/gastown/pulls/1/files", "gitea:/Hop/gastown/pulls/1.patch", "gitea:/hop/gastown/pulls/1#x"),
    ),
    Case(
        kind=KINDS["gitea_commit"],
        link=f"gitea:/hop/gastown/commit/{SQUASHED}",
        says="verified merged_by_pull",
        key=f"gitea:commit:{{gitea}}/hop/gastown@{SQUASHED}",
        facts={"pull": "6", "merged_at": "2026-02-03T04:05:06Z", **BEGIN, "title": "Work", "repo": "hop/gastown"},
        asked=(
            (200, "/repos/hop/gastown"),
            (200, f"/repos/hop/gastown/git/commits/{SQUASHED}"),
            (200, f"/repos/hop/gastown/compare/main...{SQUASHED}"),
            (200, f"/repos/hop/gastown/commits/{SQUASHED}/pull"),
        ),
        also=(f"gitea:/hop/gastown/commit/{SQUASHED[:8]}", f"gitea:/hop/gastown/commit/{SQUASHED}.diff"),
    ),
    Case(
        kind=KINDS["dolthub_pull"],
        link="dolthub:/repositories/hop/wl-commons/pulls/1",
        says="suspicious not_merged",
        key="dolthub:pr:{dolthub}/hop/wl-commons#1",
        facts={
            "state": "open",
            "title": "[wl] Retry the relay handshake after a dropped lease",
            "author": "pia",
            "created_at": "16 hours ago",
            "into": "main",
            "repo": "hop/wl-commons",
        },
        asked=((200, "/databases/hop/wl-commons/pulls/1"),),
        also=(
            "dolthub:/repositories/hop/wl-commons/pulls/1/compare",
            "dolthub:/api/v2/databases/hop/wl-commons/pulls/1",
            "dolthub:/repositories/hop/wl-commons/pulls/1?refName=main#top",
        ),
    ),
    Case(
        kind=KINDS["dolthub_commit"],
        link="dolthub:/repositories/hop/wl-commons/commits/{head}",
        says="verified contained",
        key="dolthub:commit:{dolthub}/hop/wl-commons@{head}",
        facts={"title": "Wanted so far", "author": "hop", "on": "main", "repo": "hop/wl-commons"},
        asked=(
            (200, "/databases/hop/wl-commons"),
            (
                200,
                "/databases/hop/wl-commons/sql?ref=main&q=SELECT+commit_hash%2C+committer%2C+date%2C+message"
                "+FROM+dolt_log%28%27main%27%29+WHERE+commit_hash+%3D+%27{head}%27",
            ),
        ),
        also=("dolthub:/repositories/hop/wl-commons/commit/{head}",),
    ),
    Case(
        kind=KINDS["npm_package"],
        link="npm:/package/@acme/beacon-ui/v/0.3.0",
        says="verified published",
        key="npm:{npm}/@acme/beacon-ui@0.3.0",
        facts={
            "title": "@acme/beacon-ui 0.3.0",
            "package": "@acme/beacon-ui",
            "version": "0.3.0",
            "author": "otto",
            "published_at": "12 hours ago",
            "digest": "sha512-82ba1924340747919f13a93a3e1730cf2c3beffc310fe44a9bb54363e6ac21102d43961fcce06134ea48b9==",
            "source": "https://git.example.org/acme/beacon",
        },
        asked=((200, "/@acme%2Fbeacon-ui/0.3.0"), (200, "/@acme%2Fbeacon-ui")),
        also=(
            "npm:/@acme/beacon-ui/0.3.0",
            "npm:/package/%40acme%2Fbeacon-ui/v/0.3.0",
            "npm:/package/@acme/beacon-ui/v/0.3.0?x#y",
        ),
    ),
    Case(
        kind=KINDS["pypi_package"],
        link="pypi:/project/ledger-export/1.0",
        says="verified published",
        key="pypi:{pypi}/ledger-export@1.0",
        facts={
            "title": "ledger-export 1.0",
            "package": "ledger-export",
            "version": "1.0",
            "author": "Otto",
            "published_at": "16 hours ago",
            "files": "2",
            "file": "ledger_export-1.0.tar.gz",
            "digest": "sha256:d2f31d363569a641dc4198371b13c3cfa14a4dfc1088b0dad3dbe511fe88e658",
            "source": "https://git.example.org/acme/ledger",
        },
        asked=((200, "/pypi/ledger-export/1.0/json"),),
        also=(
            "pypi:/project/Ledger_Export/1.0/",
            "pypi:/pypi/ledger.export/1.0/json",
            "pypi:/project/ledger-export/1.0/#files",
        ),
    ),
    Case(
        kind=KINDS["oci_image"],
        link=f"oci:/acme/relay@{DIGEST}",
        says="verified published",
        key=f"oci:{{oci}}/acme/relay@{DIGEST}",
        facts={
            "title": "acme/relay v2.3.0",
            "package": "acme/relay",
            "version": "v2.3.0",
            "built_at": "2026-02-03T04:05:06Z",
            "digest": DIGEST,
            "source": "https://git.example.org/acme/relay",
        },
        asked=(
            (401, f"/v2/acme/relay/manifests/{DIGEST}"),
            (200, "/token?service=registry.example.com&scope=repository%3Aacme%2Frelay%3Apull"),
            (200, f"/v2/acme/relay/manifests/{DIGEST}"),
        ),
        final=f"oci:/v2/acme/relay/manifests/{DIGEST}",
        also=(f"oci:/v2/acme/relay/manifests/{DIGEST}", f"oci:/acme/relay:v2.3.0@{DIGEST}"),
    ),
    Case(
        kind=KINDS["url"],
        link="/acme/relay/pull/119",
        says="reachable ok",
        key="url:http://{pages}/acme/relay/pull/119",
        asked=((200, "/acme/relay/pull/119"),),
        also=("/acme/relay/pull/119#x", "/acme/relay/pull/119#"),
        more={"content_type": "text/html; charset=utf-8", "title": "Write it down #119 · acme/relay"},
    ),
    Case(
        kind=KINDS["inference"],
        link=INFERENCE,
        says="unknown needs_rerun",
        key=f"inference:{sha256(CLAIM.encode()).hexdigest()}",
        also=(CLAIM, f' {{"seed": 7, "model": "m", "note": "x", "output_hash": "{"0" * 64}"}} '),
    ),
    Case(
        kind=KINDS["text"],
        link=NOTES,
        says="blocked not_a_url",
        key=f"text:{sha256(NOTES.encode()).hexdigest()}",
        also=(f"  {NOTES}\n",),
    ),
    Case(
        kind=KINDS["refused"],
        link="http://ana@127.0.0.1/pull/1",
        says="blocked userinfo",
        key=f"refused:{sha256(b'http://ana@127.0.0.1/pull/1').hexdigest()}",
    ),
)

BLANK = {each.name: None if each.default is MISSING else each.default for each in fields(Probe)}


class Stage:
    """The look-alikes as the sandbox started them, and the command line of somebody who trusts them."""

    def __init__(self, sandbox: SandboxProcess, settings: Path) -> None:
        self.places: Places = sandbox.ready["places"]
        self.head = str(sandbox.admin("GET", "/log", database="hop/wl-commons", ref="main")[0]["hash"])
        self._environment = {"STAMPBOT_CONFIG": str(settings), "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8"}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process of that somebody."""
        return {name: value for name, value in os.environ.items() if not name.startswith("STAMPBOT_")} | self._environment

    def url(self, link: str) -> str:
        """A link in full."""
        return placed(link.replace("{head}", self.head), self.places)

    def filled(self, text: str) -> str:
        """A text with its placeholders filled in."""
        for place, base in self.places.items():
            text = text.replace(f"{{{place}}}", base.removeprefix("http://"))
        return text.replace("{head}", self.head)

    def probe(self, link: str) -> tuple[dict[str, Any], int]:
        """What the command says of a link, and its exit status."""
        ours: dict[str, str | None] = {name: None for name in os.environ if name.startswith("STAMPBOT_")}
        told = CliRunner(env=ours | self._environment).invoke(main, ["probe", self.url(link), "--json"])
        assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
        return json.loads(told.output), told.exit_code


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The small seed with everything beside it."""
    with SandboxProcess.start("--seed", "small") as sandbox:
        settings = tmp_path_factory.mktemp("trust") / "stampbot.toml"
        settings.write_text(toml_tables(sandbox.ready["trust"]), "utf-8")
        yield Stage(sandbox, settings)


def expected(case: Case, stage: Stage) -> dict[str, Any]:
    """The whole sheet, but for when."""
    verdict, _, reason = case.says.partition(" ")
    place = case.link.partition(":")[0]
    asks_an_api = place in stage.places
    base = stage.places[place] + ROOTS.get(place, "") if asks_an_api else stage.places["pages"]
    hops = [
        {"url": stage.filled(base + path), "address": "" if asks_an_api else "127.0.0.1", "status": status, "note": ""}
        for status, path in case.asked
    ]
    refused = {"url": stage.url(case.link), "address": "", "status": None, "note": f"refused: {reason}"}
    return {
        **BLANK,
        "url": CLAIM if case.kind is KINDS["inference"] else stage.url(case.link),
        "seen": verdict,
        "reason": reason,
        "status": case.asked[-1][0] if case.asked else None,
        "title": case.facts.get("title", ""),
        "key": stage.filled(case.key),
        "kind": case.kind.code,
        "label": case.kind.label,
        "final_url": stage.url(case.final or case.link) if case.asked else "",
        "hops": hops or ([refused] if case.kind is KINDS["refused"] else []),
        "misses": [],
        "facts": [[name, stage.filled(value)] for name, value in case.facts.items()],
        **case.more,
    }


def without_times(told: Mapping[str, Any]) -> dict[str, Any]:
    """A sheet as told, without when it was made; what happened lately is told in hours."""
    made = datetime.fromisoformat(told["probed_at"])
    good = told["seen"] in ("verified", "reachable")
    assert (told["since"], told["good_at"]) == (told["probed_at"], told["probed_at"] if good else None)
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)

    def aged(value: str) -> str:
        if not re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", value) or made - datetime.fromisoformat(value) > timedelta(days=3):
            return value
        return f"{round((made - datetime.fromisoformat(value)).total_seconds() / 3600)} hours ago"

    times = {name: BLANK[name] for name in ("probed_at", "since", "good_at")}
    return {**told, **times, "facts": [[name, aged(value)] for name, value in told["facts"]]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind.code}-{case.says.replace(' ', '-')}")
def test_probe_tells_everything_about_a_thing_of_each_kind(stage: Stage, case: Case) -> None:
    told, status = stage.probe(case.link)
    if case.kind is KINDS["url"]:
        assert re.fullmatch("[0-9a-f]{64}", told["sha256"])
        told["sha256"] = ""
    assert without_times(told) == expected(case, stage)
    assert status == STATUS[told["seen"]]


@pytest.mark.parametrize("case", [case for case in CASES if case.also], ids=lambda case: case.kind.code)
def test_however_a_thing_is_written_it_has_one_key(stage: Stage, case: Case) -> None:
    shown = (
        ("kind", "key", "seen", "reason", "final_url", "facts", "title", "sha256") if case.asked else ("kind", "key", "seen")
    )
    first, _ = stage.probe(case.link)
    for link in case.also:
        told, _ = stage.probe(link)
        assert {name: told[name] for name in shown} == {name: first[name] for name in shown}, link


def test_the_command_says_the_same_as_a_process_of_its_own(stage: Stage) -> None:
    case = CASES[0]
    done = subprocess.run(
        [sys.executable, "-m", "bot", "probe", stage.url(case.link), "--json"],
        env=stage.environment,
        capture_output=True,
        text=True,
        timeout=STATE_WAIT_S,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert without_times(json.loads(done.stdout)) == expected(case, stage)


def test_the_page_of_the_sandbox_tells_what_each_thing_proves(stage: Stage) -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text("utf-8").partition("<!-- kinds: begin")[2].partition("<!-- kinds: end")[0]
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \| (\w+) \| (\w+) \|$", page, re.MULTILINE)
    assert len(rows) == page.count("\n|") - 2
    told = {(place, path): stage.probe(f"{place}:{path}")[0] for place, path, _, _ in rows}
    assert [(place, path, told[place, path]["seen"], told[place, path]["reason"]) for place, path, _, _ in rows] == rows
