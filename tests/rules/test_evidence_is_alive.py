"""What the link checker's fact sheets come to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bot.model.evidence import Hop
from bot.rulebook import Judgement, Level, Probe, Seen, Snapshot, Verdict
from rules.evidence_is_alive import check
from tests.build import COMPLETION, EVIDENCE, ITEM, NOW, a_probe, a_snapshot, added, ago, merged, work
from tests.rules.table import PASS, found, judged, told

PLACE = f"completions.{COMPLETION}.evidence"


def probed(*probes: Probe) -> Snapshot:
    return a_snapshot(probes=probes)


def dead(*misses: datetime, **fields: Any) -> Probe:
    return a_probe(seen=Seen.DEAD, **{"reason": "not_found", "misses": misses, "probed_at": misses[-1], **fields})


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (probed(a_probe()), PASS),
        (probed(a_probe(seen=Seen.VERIFIED)), PASS),
        (probed(a_probe(), a_probe("https://not.in/evidence", Seen.DEAD)), PASS),
        (probed(a_probe(seen=Seen.BLOCKED, reason="private_ip")), (f"fault {PLACE}",)),
        (probed(a_probe(seen=Seen.SUSPICIOUS, reason="soft_404")), (f"doubt {PLACE}",)),
        (probed(a_probe(seen=Seen.UNKNOWN, reason="timeout")), (f"unsure {PLACE}",)),
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


SHOWN = f"The link `{EVIDENCE}`"
AGAIN = f'Discard the branch (b in the wl board), then: `wl claim {ITEM}`, `wl done {ITEM} --evidence "<URL>"`'
HOP = Hop(url=EVIDENCE, address="192.0.2.7", status=302)


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (
            dead(NOW),
            "leads to a page that is not there (`not_found`): it answered 404 at 14:02 UTC, will look again 14:32 UTC",
        ),
        (
            dead(ago(minutes=32), NOW),
            "leads to a page that is not there (`not_found`): it answered 404 at 14:02 UTC, will look again 20:02 UTC",
        ),
        (
            dead(NOW, good_at=ago(minutes=82)),
            "leads to a page that is not there (`not_found`): it answered 404 at 14:02 UTC, will look again 14:32 UTC; "
            "it was there at 12:40 UTC",
        ),
        (
            dead(ago(hours=8), ago(hours=7), NOW, good_at=ago(days=3)),
            "leads to a page that is not there (`not_found`): it answers 404 at each look since 2026-06-14 06:02 UTC; "
            "it was there at 2026-06-11 14:02 UTC",
        ),
        (
            dead(ago(hours=4), NOW, reason="gone", status=410),
            "leads to a page that was taken away for good (`gone`): it answered 410 at 14:02 UTC, "
            "will look again 20:02 UTC",
        ),
        (
            dead(ago(minutes=32), ago(minutes=1), reason="nxdomain", status=None),
            "leads to a host name that does not exist (`nxdomain`): it was so at 14:01 UTC, will look again 20:01 UTC",
        ),
        (
            dead(ago(hours=8), ago(hours=7), NOW, reason="no_such_pull", status=200),
            "leads to a pull that its repository does not have (`no_such_pull`): it is so at each look since "
            "2026-06-14 06:02 UTC",
        ),
        (
            dead(ago(hours=4), ago(hours=3)),
            "leads to a page that is not there (`not_found`): it answered 404 at 11:02 UTC, will look again 17:02 UTC",
        ),
    ],
    ids=["once", "twice", "was there", "confirmed", "gone", "no such name", "no such pull", "looked at for long"],
)  # fmt: skip
def test_what_is_dead_says_when_it_was_seen_so(probe: Probe, said: str) -> None:
    assert told(check, probed(probe)) == f"{SHOWN} {said}."


@pytest.mark.parametrize(
    ("seen", "reason", "more", "said"),
    [
        (Seen.SUSPICIOUS, "catch_all", {}, "answers for every address, so that it shows nothing (`catch_all`)"),
        (Seen.SUSPICIOUS, "not_merged", {}, "leads to a pull that is open, not merged (`not_merged`)"),
        (
            Seen.UNKNOWN, "login", {},
            "asks for a login (`login`), so the bot cannot judge it: open it yourself",
        ),
        (
            Seen.UNKNOWN, "timeout", {"good_at": ago(minutes=82), "since": ago(minutes=5)},
            "does not answer in time (`timeout`), so the bot cannot judge it: open it yourself; it was there at 12:40 UTC",
        ),
        (
            Seen.UNKNOWN, "timeout", {"since": ago(hours=24, minutes=3)},
            "does not answer in time (`timeout`), so the bot cannot judge it: open it yourself; "
            "it has been so since 2026-06-13 13:59 UTC",
        ),
        (
            Seen.UNKNOWN, "timeout", {"since": ago(days=3), "good_at": ago(days=3, hours=1)},
            "does not answer in time (`timeout`), so the bot cannot judge it: open it yourself; "
            "it has been so since 2026-06-11 14:02 UTC and was there at 2026-06-11 13:02 UTC",
        ),
        (
            Seen.UNKNOWN, "timeout", {"since": ago(hours=24)},
            "does not answer in time (`timeout`), so the bot cannot judge it: open it yourself",
        ),
        (Seen.BLOCKED, "private_ip", {}, "leads to an address that is not public (`private_ip`), so it is not followed"),
        (
            Seen.BLOCKED, "private_ip", {"hops": (HOP, HOP)},
            "leads to an address that is not public (`private_ip`, after a redirect), so it is not followed",
        ),
        (
            Seen.BLOCKED, "private_ip", {"hops": (HOP, HOP, HOP)},
            "leads to an address that is not public (`private_ip`, after 2 redirects), so it is not followed",
        ),
        (Seen.SUSPICIOUS, "x`*[y", {}, "is not as expected (`x'*[y`)"),
        (Seen.SUSPICIOUS, "merged", {}, "is not as expected (`merged`)"),
    ],
    ids=[
        "catch-all", "a forge's doubt", "login", "it was there", "a day long", "long, and it was there", "not yet a day",
        "blocked", "blocked on the way", "blocked further on", "a stranger's word", "another verdict's word",
    ],
)  # fmt: skip
def test_what_is_doubted_is_said_in_a_sentence_with_its_code(seen: Seen, reason: str, more: dict[str, Any], said: str) -> None:
    assert told(check, probed(a_probe(seen=seen, reason=reason, **more))) == f"{SHOWN} {said}."


@pytest.mark.parametrize(
    ("seen", "reason", "remedy"),
    [
        (Seen.SUSPICIOUS, "not_merged", "Have it merged; the bot looks again by itself"),
        (Seen.SUSPICIOUS, "closed_unmerged", f"Submit the pull that was merged. {AGAIN}"),
        (Seen.BLOCKED, "scheme", f"Submit an https link. {AGAIN}"),
        (Seen.DEAD, "not_found", f"Submit a link that opens. {AGAIN}"),
        (Seen.UNKNOWN, "transient", ""),
        (Seen.UNKNOWN, "whatever a stranger says", ""),
    ],
)
def test_the_remedy_is_what_can_be_done_and_nothing_where_nothing_can(seen: Seen, reason: str, remedy: str) -> None:
    (finding,) = judged(check, probed(a_probe(seen=seen, reason=reason))).findings
    assert finding.remedy == remedy


def test_silence_of_the_checker_is_dated() -> None:
    said = told(check, a_snapshot(probes=(), first_look_at=ago(minutes=3)))
    assert said == f"The link checker has not answered about `{EVIDENCE}` since 13:59 UTC: open it yourself."


def test_after_the_merge_a_dead_link_is_a_note() -> None:
    snapshot = merged(probed(dead(ago(hours=8), ago(hours=7), ago(hours=1))))
    assert found(check, snapshot) == (f"note {PLACE}",)


def test_after_the_merge_nobody_waits_for_the_checker() -> None:
    judgement = judged(check, merged(a_snapshot(probes=(), first_look_at=None)))
    assert (judgement.verdict, judgement.waiting_for) == (Verdict.READY, "")
