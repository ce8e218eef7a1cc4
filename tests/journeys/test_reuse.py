"""The same evidence, submitted twice: found on main and in other pulls, however its link is written."""

from __future__ import annotations

import pytest

from bot.model.ids import Handle, PullNo, WantedId
from bot.model.snapshot import Use
from sandbox.seed import wl_sql
from tests.world import World

PULL = "https://github.com/gastownhall/beads/pull/412"
COMMIT = "https://github.com/gastownhall/beads/commit/0123456789abcdef0123456789abcdef01234567"


def settle_on_main(world: World, item: str, evidence: str) -> None:
    """Another rig's work for another item, landed by hand."""
    world.db.push("main", *wl_sql.claim(item, "brass-otter"), *wl_sql.done(item, "brass-otter", evidence), user="ana")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (PULL, PULL),
        (PULL.replace("github.com/gastownhall", "www.GitHub.com/GasTownHall") + "/files?diff=split#x", PULL),
        ("Done, see https://github.com/gastownhall/beads/pull/412, as agreed.", PULL),
        ("https://github.com/gastownhall/beads/%70ull/41%32", PULL),
        ("https://github.com/x/../gastownhall/./beads/pull/412", PULL),
        ("https://github.com/gastownhall/beads/issues/412", PULL),
        (COMMIT[:-30], COMMIT),
        ("https://a_b.example.org/50%25_off/", "https://A_B.example.org:443/50%25_off/"),
        ("http://www.demo.example.org/%72elay/?", "https://demo.example.org/rela%79"),
        ("https://www.dolthub.com/repositories/Hop/Wl/pulls/3", "https://www.dolthub.com/repositories/hop/wl/pulls/3"),
        (" ".join((*(f"https://example.org/{n}" for n in range(40)), PULL)), PULL),
    ],
    ids=[
        "the same",
        "another spelling",
        "in a sentence",
        "escapes",
        "dot segments",
        "as an issue",
        "short hash",
        "signs of LIKE",
        "without www, in clear text",
        "another case",
        "behind many others",
    ],
)
def test_evidence_on_main_is_recognised_in_any_spelling(world: World, before: str, now: str) -> None:
    settle_on_main(world, "w-com-002", before)
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence=now)
    (use,) = world.observe(pull).uses
    other = world.row("completions", wanted_id="w-com-002")
    assert other is not None
    assert use == Use(url=now, completion=str(other["id"]), item=WantedId("w-com-002"), rig=Handle("brass-otter"))


def test_other_evidence_that_only_looks_alike_is_no_double(world: World) -> None:
    for other in ("https://github.com/gastownhall/beads/pull/4120", "https://github.com/x/beads/pull/412", "pull/412"):
        settle_on_main(world, "w-com-002", other)
        world.db.push("main", "DELETE FROM completions", "UPDATE wanted SET status='open', claimed_by=NULL", user="ana")
    settle_on_main(world, "w-com-002", "https://github.com/gastownhall/beads/pull/4121 and https://github.com/x/beads/pull/412")
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence=PULL)
    assert world.observe(pull).uses == ()


def test_two_open_pulls_with_one_evidence_name_each_other(world: World) -> None:
    first = world.hand_in("pia", "polecat-7", "w-com-001")
    second = world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    (use,) = world.observe(second).uses
    assert (use.pull, use.rig, use.item) == (first, Handle("polecat-7"), WantedId("w-com-001"))
    assert [u.pull for u in world.observe(first).uses] == [second]
    (review,) = world.said(PullNo(second), "review")[-1:]
    assert f"is in pull {first} too: rig `polecat-7`, item `w-com-001`" in review
    assert "**LOOK**" in review
