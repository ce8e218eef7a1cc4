"""What is answered to every decision on every form of pull, whole comments as they are kept in `golden/answers/`."""

from __future__ import annotations

import pytest

from bot.model.kind import Form
from tests.commands import answers
from tests.house.kinds import example, seen


@pytest.mark.parametrize("form", Form, ids=lambda form: form.name.lower())
def test_every_decision_is_answered_as_it_is_kept(form: Form) -> None:
    assert answers.page(form) == answers.golden(form).read_text("utf-8"), "write it anew: make docs"


@pytest.mark.parametrize("form", Form, ids=lambda form: form.name.lower())
def test_no_validator_accepts_a_pull_of_their_own(form: Form) -> None:
    found = seen(form)
    assert (example(form).form, found.judgement.crashes) == (form, ())
    assert found.own == "refused: Yearbook rule: a validator does not decide on their own work"


def test_only_work_is_stamped() -> None:
    assert {form for form in Form if "stamps" in seen(form).accept} == {Form.SUBMISSION, Form.COMPETING}


def test_nothing_is_kept_for_forms_that_are_none() -> None:
    assert sorted(path.name for path in answers.GOLDEN.iterdir()) == sorted(answers.golden(form).name for form in Form)
