"""What forbids the merge, a finding of that level or a crashed rule: which commands it refuses and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands import catalog, grammar
from bot.commands.command import Follow, Refuse, brings
from bot.converge.plan import plan
from bot.messages import reviews
from bot.model.finding import Judgement, Level, RuleCrash, Verdict
from bot.model.kind import Form
from bot.model.step import PostNotice
from bot.rulebook import catalog as rule_catalog
from bot.rulebook.judge import judge
from tests.build import a_comment, a_finding, a_judgement, a_probe, a_review, ago
from tests.commands.asking import ask, followed, landed, on_main, refused, reviewed, steps
from tests.house.kinds import example
from tests.unit.test_plan_law import land

FORBIDS = a_finding("rows_are_whole", Level.FORBID, says="The diff holds a warning.", remedy="Push the branch again")
FORBID = a_judgement(FORBIDS)
CRASH = a_judgement(crashes=(RuleCrash(rule="rows_are_whole", error="KeyError"),))
BOTH = a_judgement(a_finding("size", says="The row is too long.", remedy="Cut it"), FORBIDS)
EACH = pytest.mark.parametrize("judgement", [FORBID, CRASH, BOTH], ids=["forbid", "crash", "forbid and fault"])
COMMANDS, RULES = catalog.find(), rule_catalog.find()
ACCEPTS = ("/accept -q 4", "/accept -q 4 --adopt", "/accept -q 4 --yes", "/accept -q 4 --dry-run", "/accept")


@pytest.mark.parametrize("body", ACCEPTS)
@EACH
def test_an_accept_is_refused_before_anything_is_waited_for(body: str, judgement: Judgement) -> None:
    seen = reviewed(probes=(a_probe(probed_at=ago(hours=9)),))
    assert refused(ask(body, seen, judgement=judgement))[0].startswith("**CANNOT TELL**: what a merge would bring")


def test_the_refusal_says_why_and_what_to_do_next() -> None:
    assert refused(ask("/accept -q 4", reviewed(), judgement=BOTH)) == (
        "**CANNOT TELL**: what a merge would bring to main is not known for certain.\n\n"
        "- rows are whole: The diff holds a warning.\n- size: The row is too long.",
        "Push the branch again. Cut it. Until then nothing is merged or stamped here. `/reject` and `/close` work.",
    )
    assert refused(ask("/accept -q 4", reviewed(), judgement=CRASH)) == (
        "**CANNOT TELL**: what a merge would bring to main is not known for certain.\n\n"
        "- rows are whole: the check failed with an error of the bot.",
        "The operator finds the error of the check in the log, and can fix it. "
        "Until then nothing is merged or stamped here. `/reject` and `/close` work.",
    )
    assert refused(ask("/accept -q 4", on_main(), judgement=FORBID)) == (
        "**NOT STAMPED**: what the merge of this pull brought to main is not known for certain.\n\n"
        "- rows are whole: The diff holds a warning.",
        "Push the branch again. A maintainer has to compare main before and after the merge.",
    )


@EACH
def test_reject_and_close_work(judgement: Judgement) -> None:
    assert followed(ask("/reject why", reviewed(), judgement=judgement)) == ("REJECTED",)
    assert followed(ask("/close why", reviewed(), judgement=judgement)) == ("ClosePull", "PULL CLOSED, NO ROW TOUCHED")
    assert followed(ask("/close --yes why", reviewed(), judgement=judgement)) == ("ClosePull", "PULL CLOSED, NO ROW TOUCHED")
    assert followed(ask("/reject why", on_main(), judgement=judgement)) == ("Land", "REJECTED")
    assert followed(ask("/close why", on_main(), judgement=judgement)) == ("Land", "CLOSED, ITEM COMPLETED WITHOUT A STAMP")


def test_a_command_that_could_not_decide_is_told_so_first() -> None:
    assert refused(ask("/accept -q 4", reviewed(), by="cy", judgement=FORBID))[0].startswith("Only validators decide here.")


def test_what_was_wholly_carried_out_is_answered_as_done() -> None:
    """The stamp stands on main already; only the answer is missing."""
    comment = a_comment("ana", "/accept -q 4", ago(minutes=5))
    change = landed(ask(comment.body, on_main(), comment=comment))
    assert followed(ask(comment.body, land(on_main(), change), comment=comment, judgement=FORBID)) == ("ACCEPTED",)


def test_an_adoption_that_came_half_to_main_ends_without_a_stamp_and_says_not_that_nothing_was_changed() -> None:
    comment = a_comment("ana", "/accept -q 4 --adopt", ago(minutes=5))
    change = landed(ask(comment.body, reviewed(), comment=comment))
    half = land(reviewed(), replace(change, writes=tuple(w for w in change.writes if w.table != "stamps")))
    assert followed(ask(comment.body, half, comment=comment)) == ("Land", "ClosePull", "ACCEPTED, ADOPTED")
    found = ask(comment.body, half, comment=comment, judgement=FORBID)
    assert isinstance(found, Refuse)
    assert found.changed


@EACH
@pytest.mark.parametrize("form", Form)
def test_no_line_to_copy_merges_or_overrides(form: Form, judgement: Judgement) -> None:
    pull = example(form)
    told = replace(judge(pull, RULES), crashes=judgement.crashes)
    told = replace(told, findings=(*told.findings, *judgement.findings))
    lines = reviews.lines_to_type(pull, told)
    named = {parsed.name for line in lines for parsed in grammar.read(line, COMMANDS).parsed}
    misread = {m.name for line in lines for m in grammar.read(line, COMMANDS).misread}
    assert not {"accept", "override"} & (named | misread), lines


def _says(body: str, judgement: Judgement) -> str:
    found = ask(body, reviewed(), judgement=judgement)
    assert isinstance(found, Follow)
    return str(found.says)


@pytest.mark.parametrize("judgement", [FORBID, CRASH], ids=["forbid", "crash"])
def test_help_says_that_accept_is_refused_now_and_why_it_is(judgement: Judgement) -> None:
    said = _says("/help", judgement)
    assert "/accept --quality Q`: Merge this pull; work gets a stamp. **Not now:** **CANNOT TELL**: what a merge" in said


@pytest.mark.parametrize("judgement", [FORBID, CRASH], ids=["forbid", "crash"])
def test_status_names_what_forbids(judgement: Judgement) -> None:
    said = _says("/status", judgement)
    assert "**CANNOT TELL** at" in said
    assert "`rows_are_whole`: " in said
    assert "Nothing is merged or stamped until it is known what a merge brings." in said


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("judgement", [a_judgement(), FORBID, CRASH], ids=["ready", "forbid", "crash"])
def test_the_notice_about_work_that_was_merged_offers_an_accept_only_where_it_would_be_followed(
    verdict: Verdict, judgement: Judgement
) -> None:
    seen = on_main(reviewed(comments=(a_review(verdict),)))
    (notice,) = plan(seen, judgement, COMMANDS).steps
    assert isinstance(notice, PostNotice)
    ready = not judgement.forbids and verdict not in (Verdict.BLOCKED, Verdict.CANNOT_TELL, Verdict.BY_HAND)
    assert ("/accept" in notice.body, "/reject" in notice.body, "/close" in notice.body) == (ready, True, True)


def test_only_what_merges_or_stamps_is_refused() -> None:
    """The wall itself: steps, not commands."""
    found = {
        body: [(type(step).__name__, brings(step)) for step in steps(ask(body, seen))]
        for body, seen in (
            ("/accept -q 4", reviewed()),
            ("/accept -q 3", on_main()),
            ("/accept -q 4 --adopt", reviewed()),
            ("/close --yes why", reviewed()),
            ("/reject why", on_main()),
            ("/close why", on_main()),
        )
    }
    assert found == {
        "/accept -q 4": [("MergePull", True), ("Land", True)],
        "/accept -q 3": [("Land", True)],
        "/accept -q 4 --adopt": [("Land", True), ("ClosePull", False)],
        "/close --yes why": [("Land", False), ("ClosePull", False)],
        "/reject why": [("Land", False)],
        "/close why": [("Land", False)],
    }
