"""Facts of a forge against what the ledger and the policy say of this claim."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.rulebook import Handle, Seen, Snapshot
from rules.evidence_is_of_this_claim import check
from tests.build import COMPLETION, EVIDENCE, ITEM, a_policy, a_probe, a_snapshot, a_wanted, added, merged, work
from tests.rules.table import PASS, found, judged, told

POSTED = {"created_at": "2026-06-10 12:00:00"}
CLAIMED = {**POSTED, "status": "claimed", "claimed_by": "polecat-7", "updated_at": "2026-06-12 12:00:00"}
DOUBT = (f"doubt completions.{COMPLETION}.evidence",)
NOTE = (f"note completions.{COMPLETION}.evidence",)
PROJECTS = {"relay": ("github.com/gastownhall/beads", "github.com/gastownhall/gastown")}
LOGINS = {Handle("polecat-7"): ("github.com/pia", "git.example.org/pia")}


def a_pull_seen(kind: str = "github_pull", url: str = EVIDENCE, **facts: str) -> Any:
    sane = {"state": "merged", "merged_at": "2026-06-13T10:00:00Z", "author": "Pia", "merged_by": "ana"}
    kept = tuple((name, value) for name, value in {**sane, "repo": "gastownhall/beads", **facts}.items() if value)
    return a_probe(seen=Seen.VERIFIED, kind=kind, final_url=url, facts=kept)


def claim(item: dict[str, str] | None = None, policy: dict[str, Any] | None = None, probe: Any = None) -> Snapshot:
    return a_snapshot(
        items=(a_wanted(**{"project": "relay", **CLAIMED, **(item or {})}),),
        policy=a_policy(**(policy or {})),
        probes=(probe if probe is not None else a_pull_seen(),),
    )


OWN = {"merged_by": "pia", "repo": "Pia/beads"}
OWN_REPO = {"elsewhere": ("github.com/pia/beads",)}


TWO_LINKS = replace(
    claim(probe=a_pull_seen(merged_at="2026-06-01T11:00:00Z")),
    changes=work(completion=added("completions", evidence=f"https://example.org/notes {EVIDENCE}")),
)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (claim(), PASS),
        (a_snapshot(), PASS),
        (a_snapshot(probes=()), PASS),
        (claim(probe=a_pull_seen(merged_at="2026-06-11T13:00:00Z")), PASS),
        (claim(probe=a_pull_seen(merged_at="2026-06-11T12:00:00Z")), PASS),
        (claim(probe=a_pull_seen(merged_at="2026-06-11T11:59:00Z")), DOUBT),
        (claim(POSTED | {"status": "open"}, probe=a_pull_seen(merged_at="2026-06-09T13:00:00Z")), PASS),
        (claim(POSTED | {"status": "open"}, probe=a_pull_seen(merged_at="2026-06-09T11:00:00Z")), DOUBT),
        (claim({"created_at": "soon", "updated_at": "soon"}, probe=a_pull_seen(merged_at="2020-01-01T00:00:00Z")), PASS),
        (claim(probe=a_pull_seen(merged_at="", created_at="2020-01-01T00:00:00Z")), PASS),
        (claim(probe=a_pull_seen("github_commit", merged_at="", created_at="2020-01-01T00:00:00Z")), DOUBT),
        (claim(probe=a_pull_seen("github_release", merged_at="", published_at="2020-01-01T00:00:00Z")), DOUBT),
        (claim(policy={"projects": PROJECTS}), PASS),
        (claim({"project": "other"}, {"projects": PROJECTS}, a_pull_seen(repo="mallory/x")), PASS),
        (claim(policy={"projects": PROJECTS}, probe=a_pull_seen(repo="mallory/beads")), DOUBT),
        (claim(policy={"projects": PROJECTS}, probe=a_pull_seen(url="https://git.example.org/o/r/pull/1")), DOUBT),
        (claim(policy={"logins": LOGINS}), PASS),
        (claim(policy={"logins": {Handle("cormorant"): ("github.com/cy",)}}, probe=a_pull_seen(author="otto")), PASS),
        (claim(policy={"logins": LOGINS}, probe=a_pull_seen(author="otto")), DOUBT),
        (claim(policy={"logins": LOGINS}, probe=a_pull_seen(author="")), PASS),
        (claim(policy={"logins": LOGINS}, probe=a_pull_seen("gitlab_commit", author="Otto O.", merged_at="")), PASS),
        (claim(policy={"logins": LOGINS}, probe=a_pull_seen(url="https://codeberg.org/o/r/pulls/1", author="otto")), PASS),
        (claim(probe=a_pull_seen(**OWN)), DOUBT),
        (claim(probe=a_pull_seen(**OWN | {"merged_by": "ana"})), DOUBT),
        (claim(probe=a_pull_seen(**OWN | {"repo": "gastownhall/beads"})), DOUBT),
        (claim(policy={"projects": OWN_REPO}, probe=a_pull_seen(**OWN)), PASS),
        (claim(policy={"projects": PROJECTS}, probe=a_pull_seen(merged_by="PIA")), PASS),
        (claim(policy={"logins": LOGINS}, probe=a_pull_seen("github_commit", author="", repo="pia/beads")), DOUBT),
        (claim(probe=a_pull_seen(author="", merged_by="", repo="/x")), PASS),
        (claim(probe=a_pull_seen(author_type="Bot")), NOTE),
        (claim(probe=a_pull_seen(author_type="User")), PASS),
        (TWO_LINKS, DOUBT),
        (merged(claim(policy={"logins": LOGINS}, probe=a_pull_seen(author="otto"))), NOTE),
        (claim(probe=a_pull_seen(title=f"Count past ten ({ITEM.upper()})")), PASS),
        (claim(probe=a_pull_seen(title=f"Both {ITEM} and w-com-001")), PASS),
        (claim(probe=a_pull_seen(title="Mend w-full and w-64, as w-one asks; raw-abcdef012345")), PASS),
        (claim(probe=a_pull_seen(title="Completion for w-bd-005")), NOTE),
        (claim(probe=a_pull_seen(title="w-0123456789")), NOTE),
    ],
    ids=[
        "as it should be", "no forge said anything", "nobody looked", "just before the claim", "a day before the claim",
        "before the claim",
        "just before the posting", "before the posting", "times that cannot be read", "not merged", "an old commit",
        "an old release", "a repository of the project", "a project without repositories", "another repository",
        "another host", "the rig's own account", "a rig without accounts", "another's work", "no author told",
        "an author who is only a name", "an account elsewhere", "all one's own",
        "one's own repository, merged by another", "merged by oneself", "one's own repository, of the project",
        "merged by oneself in a repository of the project", "a commit in one's own repository", "nothing known of who",
        "opened by a bot", "opened by a user", "the second of two links",
        "merged pull", "named after this item", "named after both", "no item's name", "named after another item",
        "named after an item of a tool",
    ],
)  # fmt: skip
def test_evidence_is_held_against_the_claim(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (
            claim(probe=a_pull_seen(merged_at="2026-06-01T11:00:00Z")),
            "was done 2026-06-01 11:00 UTC, before this item was claimed (2026-06-12 12:00 UTC)",
        ),
        (
            claim(policy={"projects": PROJECTS}, probe=a_pull_seen(repo="mallory/beads")),
            "is in repository `github.com/mallory/beads`, which is none of project `relay`"
            " (`github.com/gastownhall/beads`, `github.com/gastownhall/gastown`)",
        ),
        (
            claim(policy={"logins": LOGINS}, probe=a_pull_seen(author="otto")),
            "is by `otto`, and rig `polecat-7` is `pia` there",
        ),
        (
            claim(probe=a_pull_seen(**OWN)),
            "was merged by its own author, `pia`",
        ),
        (
            claim(probe=a_pull_seen(**OWN | {"merged_by": "ana"})),
            "is in the author's own repository, `pia`'s",
        ),
        (
            claim(probe=a_pull_seen(title="Done: w-gt-001, w-gt-002")),
            "is called `Done: w-gt-001, w-gt-002`, which names item `w-gt-001`",
        ),
        (claim(probe=a_pull_seen(author_type="Bot", author="fixer")), "was opened by a bot, `fixer`"),
    ],
)
def test_each_doubt_is_told_in_one_sentence(snapshot: Snapshot, says: str) -> None:
    assert told(check, snapshot) == f"`{EVIDENCE}` {says}."


@pytest.mark.parametrize(
    ("snapshot", "remedy"),
    [
        (claim(probe=a_pull_seen(merged_at="2026-06-01T11:00:00Z")), "Submit what was done for this item. Discard the branch"),
        (claim(policy={"projects": PROJECTS}, probe=a_pull_seen(repo="mallory/beads")), "Say in a comment why the work is"),
        (claim(policy={"logins": LOGINS}, probe=a_pull_seen(author="otto")), "Say in a comment whose account that is"),
        (claim(probe=a_pull_seen(**OWN)), "Another person reads the work itself"),
        (claim(probe=a_pull_seen(title="Done: w-gt-001")), "Say in a comment how it belongs to this item"),
    ],
)
def test_each_doubt_comes_with_a_way_out(snapshot: Snapshot, remedy: str) -> None:
    (finding,) = judged(check, snapshot).findings
    assert finding.remedy.startswith(remedy)
