"""A stop works whatever its form: decorated, without a reason, beside what is wrong; and `/hold cancel` lifts it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import grammar
from bot.commands.catalog import find
from bot.commands.grammar.reading import Parsed
from bot.model.ids import User
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, MergePull, Outcome
from tests.build import BOT, a_comment, a_hold, ago
from tests.unit.test_plan_law import due
from tests.unit.test_plan_law import reviewed as world

STOPS = {
    "/hold": "",
    "/hold .": "",
    "/hold...": "",
    "/hold…": "",
    "/hold!": "",
    "/hold: x": "x",
    "/hold: waiting for the tests": "waiting for the tests",
    "/hold, x": "x",
    "/hold-please": "please",
    "/hold—why": "why",
    "/hold -- why": "why",
    '/hold --reason "why so"': "why so",
    "/hold -m why": "why",
    "/hold --at 9f3c2a1": "at 9f3c2a1",
    "/hold w-com-003 must land first": "w-com-003 must land first",
    "/hold\nbecause of this": "because of this",
    "/hold ...\nbecause of this": "because of this",
    "/HOLD": "",
    "/holdd": "",
    "/stop": "",
    "/wl hold": "",
    "**/hold**": "",
    "**/hold** why": "why",
    "`/hold`": "",
    "- /hold": "",
    "1. /hold why": "why",
    "\\/hold": "",
    "／hold": "",
    "/ hold": "",
    "Please /hold": "",
    "@stampbot hold": "",
    "@stampbot: /hold why": "why",
    "/hold off until Monday": "off until Monday",
    "/hold off": "off",
    "/hold cancel the old pull first": "cancel the old pull first",
    "/accept --quality 4 /hold": "",
    f"/hold {'x' * 5_000}": "x" * 2_000,
    "/help\n" * 12 + "/hold": "",
}
TALK = (
    "> /hold",
    "```\n/hold\n```",
    "    /hold",
    "<!-- /hold -->",
    "I would not /hold this",
    "`/hold` stops every decision",
    "| /hold | stops every decision |",
    "/hold/1 is a path",
    "/wait-for-it.sh is a script",
)
LIFTS = (
    "/hold cancel",
    "/hold remove",
    "/hold off",
    "/hold: cancel",
    "/hold cancel.",
    "/hold --cancel",
    "/hold=off",
    "/hold-cancel",
    "/hold Cancel please",
    "/hold remove it now",
    "**/hold cancel**",
    "/hold\ncancel",
)


def stops_in(body: str) -> list[str]:
    return [item.reason for item in grammar.read(body, find()).items if isinstance(item, Parsed) and item.name == "hold"]


def answered(seen: Snapshot) -> tuple[Answer, Snapshot]:
    """What is said now, and the world in which it was said two minutes ago."""
    (answer,) = due(seen)
    assert isinstance(answer, Answer), answer
    return answer, replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body, ago(minutes=2))))


def holders(seen: Snapshot) -> list[str]:
    return [hold.by for hold in seen.holds]


def stopped_by(body: str) -> str:
    """What is answered to a stop; and the accept that follows it is refused."""
    answer, held = answered(world(a_comment("cy", body, ago(minutes=3))))
    assert holders(held) == ["cy"], answer.body
    refusal, _ = answered(replace(held, comments=(*held.comments, a_comment("ana", "/accept --quality 4", ago(minutes=1)))))
    assert "Nothing is decided here now: `cy` holds this pull" in refusal.body
    return answer.body


@pytest.mark.parametrize(("body", "reason"), STOPS.items(), ids=[repr(body[:30]) for body in STOPS])
def test_a_stop_holds_whatever_its_form(body: str, reason: str) -> None:
    assert stops_in(body) == [reason]
    said = stopped_by(body)
    assert ("No reason was given." in said) == (reason == "")


def decorated() -> st.SearchStrategy[str]:
    around = st.sampled_from(("", "*", "**", "_", "__", "~~", "***"))
    before = st.sampled_from(
        ("", " ", "   ", "- ", "* ", "12. ", "# ", "Please ", "ok, ", "@bo ", "[ ] ", "\u200b", "✋ ", "\\", "(", '"')
    )
    behind = st.text(st.sampled_from(" .:,;!?…-–—=*~_)\"'/#✋\u200b\u00a0"), max_size=6).filter(lambda end: "/" not in end[:1])
    name = st.sampled_from(("hold", "Hold", "HOLD", "wl hold"))
    return st.builds(
        lambda dressed, ahead, slash, word, end, why: f"{ahead}{dressed}{slash}{word}{end} {why}{dressed}",
        around,
        before,
        st.sampled_from(("/", "／")),
        name,
        behind,
        st.sampled_from(("", "x", "--yes", "--reason x", "w-1", '"open', "-q 4", "1/2", "…", "until `now`")),
    )


@given(decorated())
def test_a_stop_holds_under_any_decoration(line: str) -> None:
    assert len(stops_in(f"Something is odd here.\n\n{line}\n\nSee above.")) == 1, line


@pytest.mark.parametrize("body", TALK)
def test_a_stop_that_is_quoted_or_talked_about_holds_nothing(body: str) -> None:
    assert stops_in(body) == []


# --- taking it back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", LIFTS)
def test_a_hold_that_is_cancelled_is_lifted_and_never_renewed(body: str) -> None:
    answer, after = answered(world(a_hold("cy"), a_comment("cy", body, ago(minutes=3))))
    assert answer.body.startswith("**HOLD LIFTED**")
    assert "unhold=cy=cy" in answer.body
    assert holders(after) == []


def answer_to(comment: Comment) -> tuple[str, list[str]]:
    answer, after = answered(world(a_hold("cy"), comment))
    return answer.body, holders(after)


def test_who_may_cancel_a_hold_is_who_may_lift_it() -> None:
    body, left = answer_to(a_comment("pia", "/hold cancel", ago(minutes=3)))
    assert ("The hold is not yours to lift" in body, left) == (True, ["cy"])
    body, left = answer_to(a_comment("ana", "/hold cancel", ago(minutes=3)))
    assert (body.startswith("**HOLD LIFTED**"), left) == (True, [])


def test_to_hold_off_is_to_hold_for_an_account_that_holds_nothing() -> None:
    _, left = answer_to(a_comment("ana", "/hold off", ago(minutes=3)))
    assert left == ["cy", "ana"]


def test_a_cancelled_hold_stays_beside_a_line_that_was_not_understood_or_a_new_hold() -> None:
    for body in ("/hold cancel\n/accept --qualty 4", "/accept --qualty 4\n/hold cancel"):
        said, left = answer_to(a_comment("cy", body, ago(minutes=3)))
        assert ("`/hold` was not carried out, because not all of this comment could be." in said, left) == (True, ["cy"])
    body, left = answer_to(a_comment("cy", "/hold cancel\n/hold", ago(minutes=3)))
    assert ("The same comment holds this pull, so nothing is lifted by it." in body, left) == (True, ["cy"])


def test_an_accept_and_a_stop_on_one_line_stop() -> None:
    steps = due(world(a_comment("ana", "/accept --quality 4 /hold", ago(minutes=3))))
    assert not any(isinstance(step, MergePull) for step in steps)


def test_a_stop_in_an_edited_comment_holds_and_nothing_else_of_it_is_carried_out() -> None:
    asked = a_comment("cy", "/hold it is broken", ago(minutes=3))
    edited = replace(asked, updated_at=ago(minutes=2))
    _, held = answered(world(edited))
    assert holders(held) == ["cy"]
    both = replace(edited, body="/accept --quality 4\n/hold", author=User("ana"))
    answer, held = answered(world(both))
    assert (holders(held), "ACCEPTED" in answer.body) == (["ana"], False)
    lifting = replace(edited, body="/hold cancel")
    answer, held = answered(world(a_hold("cy"), lifting))
    assert (holders(held), answer.outcome) == (["cy"], Outcome.HINT)
