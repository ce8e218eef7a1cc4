"""What the evidence column may hold."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.evidence_is_a_url import check
from tests.build import COMPLETION, EVIDENCE, ITEM, a_snapshot, a_wanted, added, changes_of, hands_in, modified, work
from tests.rules.table import PASS, found, told

FAULT = (f"fault completions.{COMPLETION}.evidence",)

RESULT = '{"output": "42", "output_hash": "sha256:00", "model": "llama3.2:1b", "seed": 7}'
OLD_LINK: dict[str, str | None] = {"evidence_url": "https://elsewhere.example/older"}


def handed(evidence: str | None, kind: str = "feature") -> Snapshot:
    changes = work(wanted=hands_in(evidence_url=evidence), completion=added("completions", evidence=evidence))
    return a_snapshot(changes=changes, items=(a_wanted(type=kind),))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (handed(EVIDENCE), PASS),
        (handed(f"Done in {EVIDENCE}, see also the notes."), PASS),
        (handed(RESULT, "inference"), PASS),
        (handed("{" * 100_000, "inference"), PASS),
        (handed(EVIDENCE, "inference"), PASS),
        (a_snapshot(changes=changes_of(added("completions"))), PASS),
        (a_snapshot(changes=changes_of(hands_in())), PASS),
        (a_snapshot(changes=work(wanted=hands_in(OLD_LINK, **OLD_LINK))), PASS),
        (handed(None), FAULT),
        (handed(" \n"), FAULT),
        (handed("commit abc123def"), FAULT),
        (handed("docs/file.md — 886-line design spec"), FAULT),
        (handed("javascript:alert(1)"), FAULT),
        (handed("ftp://example.org/x"), FAULT),
        (handed("https://"), FAULT),
        (handed(RESULT), FAULT),
        (handed("it says 42", "inference"), FAULT),
        (handed(" ".join(f"https://example.org/{n}" for n in range(12))), (f"doubt completions.{COMPLETION}.evidence",)),
        (
            a_snapshot(changes=work(wanted=hands_in(evidence_url="https://elsewhere.example/1"))),
            (f"doubt wanted.{ITEM}.evidence_url",),
        ),
    ],
    ids=[
        "a link", "a link in a sentence", "an inference result", "its hash is no matter", "a link for inference", "competing",
        "no completion",
        "an older link on main", "nothing", "blank", "a hash", "a file", "javascript", "ftp", "no host",
        "a result nobody asked for", "text for inference", "too many", "two stories",
    ],
)  # fmt: skip
def test_evidence_is_a_url(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_text_is_shown_as_what_it_is() -> None:
    assert told(check, handed(" ")) == "The completion brings no evidence."
    assert told(check, handed("commit abc123def")) == "The evidence is not a link: `commit abc123def`."


OTHER_ITEM: dict[str, str | None] = {"evidence_url": "https://elsewhere.example/2"}


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (handed(RESULT, "zeta"), FAULT),
        (a_snapshot(changes=work(modified("wanted", {"id": "w-0"}, **OTHER_ITEM))), PASS),
        (a_snapshot(changes=work(modified("wanted", {"id": "w-zz"}, **OTHER_ITEM))), PASS),
        (
            a_snapshot(
                changes=changes_of(
                    modified("wanted", {"id": "w-0"}, **OTHER_ITEM), hands_in(None, **OTHER_ITEM), added("completions")
                )
            ),
            (f"doubt wanted.{ITEM}.evidence_url",),
        ),
    ],
    ids=["a type of a late letter", "an earlier item", "a later item", "behind another item"],
)
def test_only_the_item_of_the_work_is_held_against_its_evidence(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected
