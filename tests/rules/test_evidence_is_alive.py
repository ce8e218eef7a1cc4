"""What the link checker's fact sheets come to."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.rulebook import Judgement, Level, Probe, Seen, Snapshot, Verdict
from rules.evidence_is_alive import check
from tests.build import COMPLETION, EVIDENCE, NOW, a_probe, a_snapshot, added, ago, merged, work
from tests.rules.table import PASS, found, judged, told

PLACE = f"completions.{COMPLETION}.evidence"


def probed(*probes: Probe) -> Snapshot:
    return a_snapshot(probes=probes)


def dead(*misses: datetime) -> Probe:
    return a_probe(seen=Seen.DEAD, misses=misses, probed_at=misses[-1])


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (probed(a_probe()), PASS),
        (probed(a_probe(seen=Seen.VERIFIED)), PASS),
        (probed(a_probe(), a_probe("https://not.in/evidence", Seen.DEAD)), PASS),
        (probed(a_probe(seen=Seen.BLOCKED, reason="private address")), (f"fault {PLACE}",)),
        (probed(a_probe(seen=Seen.SUSPICIOUS, reason="soft 404")), (f"doubt {PLACE}",)),
        (probed(a_probe(seen=Seen.UNKNOWN, reason="time-out")), (f"unsure {PLACE}",)),
        (probed(dead(ago(minutes=2))), (f"doubt {PLACE}",)),
        (probed(dead(ago(minutes=20), ago(minutes=2))), (f"doubt {PLACE}",)),
        (probed(dead(ago(hours=2), ago(hours=1))), (f"doubt {PLACE}",)),
        (probed(dead(ago(hours=8), ago(hours=7), ago(hours=2))), (f"doubt {PLACE}",)),
        (probed(dead(ago(hours=8), ago(hours=7), ago(hours=1))), (f"fault {PLACE}",)),
        (probed(a_probe(seen=Seen.DEAD, misses=())), (f"doubt {PLACE}",)),
        (a_snapshot(probes=(), first_look_at=ago(minutes=10)), (f"unsure {PLACE}",)),
    ],
    ids=[
        "answers", "verified", "another link", "blocked", "suspicious", "unknown", "dead once", "twice at once",
        "dead twice", "third too early", "confirmed", "dead without history", "no sheet",
    ],
)  # fmt: skip
def test_links_are_alive(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    "snapshot",
    [
        a_snapshot(probes=(), first_look_at=None),
        a_snapshot(probes=(), first_look_at=ago(seconds=30)),
    ],
    ids=["first look", "half a minute ago"],
)
def test_a_link_without_a_fact_sheet_is_waited_for(snapshot: Snapshot) -> None:
    judgement = judged(check, snapshot)
    assert judgement == Judgement(findings=(), waiting_for="the link checker")
    assert judgement.verdict is Verdict.WAITING


def test_one_of_two_links_without_a_sheet_waits_while_the_other_is_told() -> None:
    changes = work(completion=added("completions", evidence=f"{EVIDENCE} https://example.org/notes"))
    judgement = judged(check, a_snapshot(changes=changes, probes=(a_probe(seen=Seen.SUSPICIOUS),), first_look_at=None))
    assert [f.level for f in judgement.findings] == [Level.DOUBT]
    assert judgement.waiting_for == "the link checker"


def test_a_first_404_says_when_it_looks_again() -> None:
    said = told(check, probed(dead(NOW)))
    assert said == f"The link `{EVIDENCE}` answered 404 at 14:02 UTC, will look again 14:32 UTC."


def test_a_second_404_says_when_it_looks_for_the_last_time() -> None:
    said = told(check, probed(dead(ago(minutes=32), NOW)))
    assert said == f"The link `{EVIDENCE}` answered 404 at 14:02 UTC, will look again 20:02 UTC."


def test_silence_of_the_checker_is_dated() -> None:
    said = told(check, a_snapshot(probes=(), first_look_at=ago(minutes=3)))
    assert said == f"The link checker has not answered about `{EVIDENCE}` since 13:59 UTC."


def test_after_the_merge_a_dead_link_is_a_note() -> None:
    snapshot = merged(probed(dead(ago(hours=8), ago(hours=7), ago(hours=1))))
    assert found(check, snapshot) == (f"note {PLACE}",)


def test_after_the_merge_nobody_waits_for_the_checker() -> None:
    judgement = judged(check, merged(a_snapshot(probes=(), first_look_at=None)))
    assert (judgement.verdict, judgement.waiting_for) == (Verdict.READY, "")
