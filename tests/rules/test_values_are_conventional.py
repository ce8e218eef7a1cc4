"""Words and numbers that other tools know."""

from __future__ import annotations

import pytest

from bot.model.policy import RatingStyle
from bot.rulebook import Changes, Level
from rules.values_are_conventional import check
from tests.build import ITEM, a_policy, a_row, a_snapshot, added, changes_of, claims, hands_in, modified, removed, work
from tests.rules.table import PASS, found, judged, told

STAMP = "stamps.s-0a1b2c3d4e5f6071"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), PASS),
        (changes_of(added("stamps"), added("rigs"), added("rig_links"), added("badges"), added("boot_blocks")), PASS),
        (changes_of(added("chain_meta", chain_type="community")), PASS),
        (changes_of(added("payouts", id="1", type="odd")), PASS),
        (changes_of(removed("wanted", type="odd")), PASS),
        (changes_of(claims({"type": "odd", "effort_level": "huge", "priority": "9"})), PASS),
        (changes_of(added("wanted", type=None, effort_level=None, priority=None)), PASS),
        (changes_of(added("wanted", type="", effort_level="")), PASS),
        (work(wanted=hands_in(status="done")), PASS),
        # What does not fit its column is told by another rule.
        (changes_of(added("wanted", priority="high", tags="no", type="x" * 33)), PASS),
        (changes_of(added("wanted", type="inference")), PASS),
        (changes_of(added("wanted", type="research")), (f"note wanted.{ITEM}.type",)),
        (changes_of(added("wanted", type="github_pr")), (f"note wanted.{ITEM}.type",)),
        (changes_of(added("wanted", type="chore")), (f"doubt wanted.{ITEM}.type",)),
        (changes_of(added("wanted", type="Feature")), (f"doubt wanted.{ITEM}.type",)),
        (changes_of(added("wanted", effort_level="huge")), (f"doubt wanted.{ITEM}.effort_level",)),
        (changes_of(added("wanted", priority="-1")), (f"doubt wanted.{ITEM}.priority",)),
        (changes_of(added("wanted", priority="5")), (f"doubt wanted.{ITEM}.priority",)),
        (changes_of(modified("wanted", priority="7")), (f"doubt wanted.{ITEM}.priority",)),
        (changes_of(added("wanted", sandbox_required="1", sandbox_scope='{"fs": ["read"], "env": "py"}')), PASS),
        (changes_of(added("wanted", sandbox_required="2")), (f"doubt wanted.{ITEM}.sandbox_required",)),
        (changes_of(added("wanted", sandbox_scope="[]")), (f"doubt wanted.{ITEM}.sandbox_scope",)),
        (changes_of(added("wanted", sandbox_scope='{"net": true}')), (f"doubt wanted.{ITEM}.sandbox_scope",)),
        (changes_of(added("rigs", rig_type="system")), ("note rigs.polecat-7.rig_type",)),
        (changes_of(added("rigs", rig_type="hybrid")), ("doubt rigs.polecat-7.rig_type",)),
        (changes_of(added("rigs", trust_level="9")), ("doubt rigs.polecat-7.trust_level",)),
        (changes_of(added("stamps", severity="root")), (f"note {STAMP}.severity",)),
        (changes_of(added("stamps", severity="twig")), (f"doubt {STAMP}.severity",)),
        (changes_of(added("stamps", context_type="wanted")), (f"note {STAMP}.context_type",)),
        (changes_of(added("stamps", valence='{"quality": 4}')), (f"doubt {STAMP}.valence",)),
        (changes_of(added("stamps", valence='{"quality": 4.0, "reliability": 4}')), (f"doubt {STAMP}.valence",)),
        (changes_of(added("stamps", valence='{"quality": 0.9, "reliability": 0.8}')), (f"doubt {STAMP}.valence",)),
        (changes_of(added("stamps", valence='{"quality": 4, "reliability": 4, "wit": 2}')), (f"doubt {STAMP}.valence",)),
        (changes_of(added("chain_meta", chain_type="blocks")), ("note chain_meta.wl-0123456789abcdef.chain_type",)),
        (
            changes_of(added("rig_links", link_type="rival", status="on")),
            ("doubt rig_links.l-1.link_type", "doubt rig_links.l-1.status"),
        ),
        (
            changes_of(*(added("wanted", id=f"w-{n}", type=word) for n, word in enumerate(("chore", "x", "chore"), 1))),
            ("doubt wanted.type", "doubt wanted.w-2.type"),
        ),
    ],
)  # fmt: skip
def test_values_are_conventional(changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes)) == expected


def test_the_usual_words_are_named() -> None:
    (finding,) = judged(check, a_snapshot(changes=changes_of(added("wanted", type="chore")))).findings
    usual = "one of feature, bug, design, rfc, docs, inference"
    assert (finding.level, finding.says, finding.remedy) == (
        Level.DOUBT,
        f"Row `{ITEM}` of wanted has `chore` as its type; usual is {usual}.",
        f"Write {usual} into type in the branch",
    )


def test_a_known_word_says_where_it_is_known_from() -> None:
    assert told(check, a_snapshot(changes=changes_of(added("wanted", type="research")))) == (
        f"Row `{ITEM}` of wanted has `research` as its type, a word seen on live commons, which wl post does not offer."
    )


def test_many_rows_of_one_word_are_one_finding() -> None:
    rows = [modified("wanted", a_row("wanted", id=f"w-{n}"), priority="9") for n in range(40)]
    assert told(check, a_snapshot(changes=changes_of(*rows))) == (
        "40 rows of wanted have `9` as their priority; usual is a number from 0 (critical) to 4 (backlog)."
    )


def test_a_commons_that_rates_in_words_may() -> None:
    words = changes_of(added("stamps", valence='{"quality": "good", "reliability": "good"}'))
    policy = a_policy(rating=RatingStyle.WORDS)
    assert found(check, a_snapshot(changes=words, policy=policy)) == PASS
    odd = changes_of(added("stamps", valence='{"quality": 0.9, "reliability": 4}'))
    assert found(check, a_snapshot(changes=odd, policy=policy)) == (f"doubt {STAMP}.valence",)
