"""Forges as descriptors: what all of them share, and that a new one is one file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.policy_file import load
from bot.evidence.forge.catalog import DESCRIPTORS, FORGES, REGISTRIES
from bot.evidence.forge.inquiry import Strange, judge_pull
from bot.evidence.kinds import KINDS
from bot.messages import md
from bot.model.evidence import Seen
from tests.house.tree import ROOT
from tests.patience import STATE_WAIT_S

NEW_FORGE = """
from dataclasses import replace

from bot.evidence.forge.descriptor import Descriptor
from bot.evidence.forge.inquiry import Ask, Inquiry, judge_pull, kept
from bot.evidence.kind import NUMBER, OWNER_AND_NAME, Evidence, Kind, patterns, repo_folded


def _change(evidence: Evidence) -> Inquiry:
    reply = yield Ask(f"/changes/{evidence.repo}/{evidence.name}")
    judged = judge_pull(reply.doc.need("state"), reply.doc.need("into"), "trunk")
    return replace(judged, facts=kept(("title", reply.doc.text("title")), ("repo", evidence.repo)))


CHANGE = Kind(
    code="anvil_change",
    label="Anvil change",
    key="anvil:change:{site}{repo}#{name}",
    url="{host}/{repo}/-/changes/{name}",
    paths=patterns(rf"/{OWNER_AND_NAME}/-/changes/{NUMBER}"),
    fold=repo_folded,
)
FORGE = Descriptor(name="anvil", inquiries={CHANGE: _change}, public_hosts=("anvil.example.org",), api_path="/api/9")
"""

ASKS_IT = """
import json, threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

from bot.config.policy_file import load
from bot.evidence import NO_KNOWN_HOSTS
from bot.evidence.forge.look import make_forges
from bot.messages.forges import said


class Anvil(BaseHTTPRequestHandler):
    def do_GET(self):
        change = {"state": "merged", "into": "trunk", "title": "Keep it hot"}
        body = json.dumps(change if self.path == "/api/9/changes/o/r/7" else {})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Anvil)
threading.Thread(target=server.serve_forever, daemon=True).start()
at = f"127.0.0.1:{server.server_address[1]}"
policy, problems = load(f'[forges]\\n"{at}" = "anvil"\\n', "stampbot.toml")
now = datetime(2026, 2, 6, tzinfo=UTC)
forges = make_forges(policy.forges, policy.registries, now=lambda: now)
seen = forges.look(f"http://{at}/O/r/-/changes/7")
print(json.dumps({
    "problems": [str(each) for each in problems],
    "kind": seen.kind,
    "key": seen.key.replace(at, "AT"),
    "seen": [seen.seen.value, seen.reason],
    "said": list(said(seen)),
    "url": seen.final_url.replace(at, "AT"),
    "hides": NO_KNOWN_HOSTS.hides("anvil.example.org"),
}))
server.shutdown()
"""


def test_a_new_forge_is_one_file(tmp_path: Path) -> None:
    """Read by `stampbot.toml`, recognised in links, asked, judged and called by its name: with nothing else changed."""
    shutil.copytree(ROOT / "bot", tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bot" / "evidence" / "forge" / "apis" / "anvil.py").write_text(NEW_FORGE, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ASKS_IT],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=STATE_WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "problems": [],
        "kind": "anvil_change",
        "key": "anvil:change:AT/o/r#7",
        "seen": ["verified", "merged"],
        "said": ["Anvil change", "merged", "`Keep it hot`"],
        "url": "http://AT/o/r/-/changes/7",
        "hides": True,
    }


# --- what all share ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pull", "seen", "reason"),
    [
        (("merged", "main", "main", "3"), Seen.VERIFIED, "merged"),
        (("merged", "main", "main", ""), Seen.VERIFIED, "merged"),
        (("merged", "main", "main", "0"), Seen.SUSPICIOUS, "empty_diff"),
        (("merged", "next", "main", "3"), Seen.SUSPICIOUS, "side_branch"),
        (("merged", "next", "main", "0"), Seen.SUSPICIOUS, "side_branch"),
        (("open", "main", "main", "3"), Seen.SUSPICIOUS, "not_merged"),
        (("open", "main", "", ""), Seen.SUSPICIOUS, "not_merged"),
        (("closed", "main", "main", "3"), Seen.SUSPICIOUS, "closed_unmerged"),
    ],
)
def test_a_pull_is_judged_by_its_state_its_branch_and_its_files(
    pull: tuple[str, str, str, str], seen: Seen, reason: str
) -> None:
    found = judge_pull(*pull)
    assert (found.seen, found.reason) == (seen, reason)


_branches = st.sampled_from(["", "main", "next"])


@given(st.sampled_from(["merged", "open", "closed", "", "MERGED"]), _branches, _branches, st.sampled_from(["", "0", "1"]))
def test_only_a_pull_that_changed_the_default_branch_is_verified(state: str, into: str, default: str, files: str) -> None:
    try:
        verified = judge_pull(state, into, default, files).seen is Seen.VERIFIED
    except Strange:
        verified = False
    assert verified == (state == "merged" and into == default != "" and files != "0")


def test_the_policy_file_takes_the_forges_and_registries_there_are() -> None:
    policy, problems = load(
        "[forges]\n"
        + "".join(f'"{name}.example.org" = "{name}"\n' for name in FORGES)
        + "[registries]\n"
        + "".join(f'"{name}.example.org" = "{name}"\n' for name in REGISTRIES),
        "stampbot.toml",
    )
    assert problems == ()
    assert [what for _, what in policy.forges] == list(FORGES)
    assert [registry.kind for registry in policy.registries] == list(REGISTRIES)


def test_no_two_forges_share_a_kind_or_a_host() -> None:
    codes = [kind.code for each in DESCRIPTORS for kind in each.kinds]
    hosts = [host for each in DESCRIPTORS for host in (*each.public_hosts, *(door.host for door in each.doors))]
    assert len(set(codes)) == len(codes) == len(KINDS) - 4
    assert len(set(hosts)) == len(hosts)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_a_label_is_shown_as_it_is(kind: object) -> None:
    label = getattr(kind, "label", "")
    assert not label or md.label(label) == label


@pytest.mark.parametrize("text", ["**bold**", "a  b", "@ana", "a\nb", "x" * 41, "[a](b)", "/accept"])
def test_no_other_text_passes_as_a_label(text: str) -> None:
    assert md.label(text) == md.code(text, 40)
