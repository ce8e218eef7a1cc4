"""What is stored of a judgement for pages: what it holds, and that strangers cannot make it large."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.converge.stored import FINDINGS_MAX, stored_judgement
from bot.messages import md
from bot.model.evidence import Seen
from bot.model.finding import Level, Place, Verdict
from bot.model.ids import User
from bot.model.kind import PullKind
from bot.model.snapshot import Snapshot
from bot.rulebook.judge import judge
from bot.store.codec import decode, encode
from bot.store.judgements import JUDGEMENT_BYTES_MAX, StoredJudgement, StoredLink
from tests.build import EVIDENCE, HEAD, MAIN, NOW, WORKER, a_finding, a_judgement, a_probe, a_pull, a_snapshot, hands_in, work
from tests.strategies import any_pulls, hostile_text
from tests.unit.reviews_page import RULES


def test_what_is_stored_is_the_judgement_with_what_a_page_shows_beside_it() -> None:
    finding = a_finding(level=Level.DOUBT)
    probe = a_probe(seen=Seen.VERIFIED, label="pull", facts=(("merged_by", "ana"),))
    snapshot = a_snapshot(probes=(probe,))
    stored = stored_judgement(snapshot, a_judgement(finding, passed=("rows_are_whole",)), NOW)
    assert (stored.pull, stored.head, stored.main_head, stored.verdict) == (snapshot.pull.number, HEAD, MAIN, Verdict.LOOK)
    assert (stored.kind, stored.rig, stored.creator) == (PullKind.WORK, WORKER, snapshot.pull.creator)
    assert (stored.judged_at, stored.next_look_at, stored.left_out) == (snapshot.taken_at, NOW, 0)
    assert (stored.findings, stored.passed) == ((finding,), ("rows_are_whole",))
    assert stored.links == (
        StoredLink(
            url=EVIDENCE,
            seen=Seen.VERIFIED,
            reason=probe.reason,
            label="pull",
            probed_at=probe.probed_at,
            facts=(("merged_by", "ana"),),
        ),
    )
    assert stored.lines
    assert stored.lines[0].startswith("/accept")


def test_a_link_that_was_not_looked_at_yet_is_stored_without_a_state() -> None:
    assert stored_judgement(a_snapshot(probes=()), a_judgement(), None).links == (StoredLink(url=EVIDENCE),)


@given(any_pulls(rows_max=5))
def test_whatever_a_pull_holds_its_document_is_short_and_is_read_back(snapshot: Snapshot) -> None:
    stored = stored_judgement(snapshot, judge(snapshot, RULES), None)
    assert len(encode(stored)) <= JUDGEMENT_BYTES_MAX
    assert decode(encode(stored), StoredJudgement) == stored


@given(hostile_text(), st.sampled_from(["\U0001f600", '"', "\\", "é", "\x01", "\ud800"]), st.integers(0, 200))
def test_long_hostile_text_in_every_field_leaves_the_document_short(text: str, filler: str, count: int) -> None:
    hostile = text + filler * 3_000
    finding = a_finding(says=hostile, remedy=hostile, place=Place(hostile, hostile, hostile), overridden_by=hostile)
    snapshot = a_snapshot(
        pull=a_pull(title=hostile, creator=User(hostile)),
        changes=work(completion=hands_in(evidence=f"https://e.example/{'a' * 2_000} {hostile}", completed_by=hostile)),
        probes=(a_probe(facts=((hostile, hostile),) * 20),),
    )
    stored = stored_judgement(snapshot, a_judgement(*(finding,) * count, waiting_for=hostile), None)
    assert len(encode(stored)) <= JUDGEMENT_BYTES_MAX
    assert decode(encode(stored), StoredJudgement) == stored
    assert len(stored.findings) + len(stored.links) + stored.left_out == count + len(snapshot.links)
    assert all(md.clean(each, 10_000) == each for each in _texts(stored))


def test_of_too_many_findings_the_first_are_kept_and_the_others_counted() -> None:
    findings = tuple(a_finding(says=f"Finding {n}.") for n in range(FINDINGS_MAX + 3))
    stored = stored_judgement(a_snapshot(), a_judgement(*findings), None)
    assert (stored.findings, stored.left_out) == (findings[:FINDINGS_MAX], 3)


@pytest.mark.parametrize("form", ["2", "0", '"1"', "null"])
def test_a_document_of_an_unknown_form_is_not_there(form: str) -> None:
    text = encode(stored_judgement(a_snapshot(), a_judgement(), None))
    assert b'"form":1' in text
    assert decode(text.replace(b'"form":1', f'"form":{form}'.encode()), StoredJudgement) is None


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for each in value for text in _texts(each)]
    if hasattr(value, "__dataclass_fields__"):
        return [text for field in fields(value) for text in _texts(getattr(value, field.name))]
    return []
