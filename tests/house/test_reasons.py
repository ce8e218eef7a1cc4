"""Reasons of fact sheets: none without a sentence, no sentence without a reason, and each sentence fit to be read aloud."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.evidence.kinds import KINDS
from bot.model.evidence import Seen
from bot.model.reasons import REASONS, Reason, reason_of
from tests.house.reason_codes import SOURCES, flow, verdicts
from tests.house.tree import ROOT

FROM_ELSEWHERE = {
    # Who rests, and why, comes back from Redis; whatever is not of these two words is not read (bot/prober/hosts.py).
    "self._resting(host)[0]": {"resting", "limit"},
}
"""Expressions that a code comes from and that cannot be followed in the sources, with the codes they can be."""
SAID = sorted(REASONS.values(), key=lambda reason: reason.code)


def test_every_code_that_can_reach_a_sheet_has_its_sentence() -> None:
    met = flow().codes
    assert {code: sorted(where) for code, where in met.items() if code not in REASONS} == {}


def test_every_sentence_has_a_code_that_can_reach_a_sheet() -> None:
    assert set(REASONS) - set(flow().codes) == set()


def test_every_code_can_be_followed_to_where_it_is_written() -> None:
    found = flow()
    assert found.untold == set(FROM_ELSEWHERE)
    assert set().union(*FROM_ELSEWHERE.values()) <= set(found.codes)


def test_every_code_comes_with_the_verdicts_it_is_written_beside() -> None:
    known = {(seen.name, reason.code) for reason in SAID for seen in reason.seen}
    beside = verdicts()
    assert beside - known == set()
    assert len(beside) > len(REASONS) / 2


def test_a_code_that_was_forgotten_is_found(tmp_path: Path) -> None:
    """The reader sees a code in every form in which the sources write one."""
    (tmp_path / "forge.py").write_text(
        "class Refused(Exception):\n"
        "    def __init__(self, reason, note=''):\n        self.reason = reason\n"
        "def late(well):\n    return 'e_late' if well else ''\n"
        "def handed(why):\n    raise Refused(why)\n"
        "def look(doc, n):\n"
        "    handed('a_handed')\n"
        "    match n:\n        case 1:\n            seen, reason = 1, 'b_paired'\n"
        "        case 2:\n            seen, reason = (1, 'c_one') if doc else (2, 'd_other')\n"
        "    if why := late(doc):\n        raise Refused(why)\n"
        "    Found(seen=seen, reason=reason)\n"
        "    raise Refused({1: 'f_told'}.get(n, 'g_untold'), 'a note')\n"
        "    Found(seen=1, reason=doc['reason'])\n",
        "utf-8",
    )
    found = flow((tmp_path / "forge.py",), tmp_path)
    assert sorted(found.codes) == ["a_handed", "b_paired", "c_one", "d_other", "e_late", "f_told", "g_untold"]
    assert found.untold == {"doc['reason']"}


def test_sheets_are_made_nowhere_else() -> None:
    makers = {path for path in (ROOT / "bot").rglob("*.py") if re.search(r"\bProbe\(\n|\bProbe\(url", path.read_text("utf-8"))}
    # Reading one back is no making, and neither is an example of one.
    others = {ROOT / "bot" / "store" / "probes.py", ROOT / "bot" / "rulebook" / "kit" / "gallery.py"}
    assert makers - others <= set(SOURCES)


@pytest.mark.parametrize("reason", SAID, ids=lambda reason: reason.code)
def test_each_reason_reads_well(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,39}", reason.code)
    assert reason.seen
    for text in (reason.says, reason.remedy, reason.brief):
        # Plain prose: it is shown as it is, in Markdown and in the terminal.
        assert re.fullmatch(r"[A-Za-z0-9 ,.:;'%-]*", text), text
        assert text == " ".join(text.split())
        assert not text.endswith((".", ",", ";"))
    assert re.match(r"([a-z]+s|cannot)\b", reason.says)
    assert not reason.remedy or reason.remedy[0].isupper()
    # The work, not its author, and no verdict on it.
    assert not re.search(
        r"\b(?:you|your|invalid|wrong|bad|illegal|fake|error|fail(?:ed)? to)\b", f"{reason.says} {reason.brief}"
    )


def test_nobody_is_told_to_mend_what_is_fine_or_not_theirs() -> None:
    for code in ("ok", "merged", "transient", "ours", "limit", "resting", "busy", "token_refused", "net", "timeout"):
        assert REASONS[code].remedy == ""


def test_whatever_is_doubted_or_refused_can_be_mended() -> None:
    weighty = (Seen.SUSPICIOUS, Seen.DEAD, Seen.BLOCKED)
    assert [r.code for r in SAID if set(r.seen) & set(weighty) and not r.remedy] == ["peer"]


def test_what_forges_say_has_words_for_a_row_of_the_review() -> None:
    by_forges = {code for code, where in flow().codes.items() if any("/forge/" in path for path in where)}
    # Of the page, not of the thing; these stand there as their code.
    assert {code for code in by_forges if not REASONS[code].brief} <= {"deadline", "tls", "login", "legal"}


def test_every_kind_but_that_of_a_plain_link_has_a_label() -> None:
    assert [code for code, kind in KINDS.items() if not kind.label] == ["url", "refused"]


@pytest.mark.parametrize("code", ["", "no such code", "`]<script>", "merged\n"])
def test_a_strangers_word_is_taken_calmly(code: str) -> None:
    assert reason_of(code) == Reason(code=code, seen=tuple(Seen), says="is not as expected")


def test_a_code_beside_a_verdict_it_never_comes_with_is_a_strangers_word() -> None:
    assert reason_of("merged", Seen.VERIFIED) is REASONS["merged"]
    assert reason_of("merged", Seen.DEAD) == Reason(code="merged", seen=(Seen.DEAD,), says="is not as expected")
