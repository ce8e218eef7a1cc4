"""The page about kinds shows every form, each by an example that is what it is called."""

from __future__ import annotations

import pytest

from bot.model.finding import Verdict
from bot.model.kind import Form
from tests.house.kinds import EXAMPLES, example, seen

MERGED = frozenset(
    {Form.SUBMISSION, Form.COMPETING, Form.CLAIM, Form.REGISTRATION, Form.RENEWAL, Form.POST, Form.UPDATE, Form.WITHDRAWAL}
    | {Form.UNCLAIM, Form.LINK, Form.REVOCATION}
)
"""What `/accept` merges."""


def test_every_form_has_an_example() -> None:
    assert set(EXAMPLES) == set(Form)


@pytest.mark.parametrize("form", Form, ids=lambda form: form.name.lower())
def test_each_form_is_decided_as_the_page_says(form: Form) -> None:
    assert example(form).form is form
    found = seen(form)
    assert found.judgement.crashes == ()
    assert found.accept.startswith("merges") is (form in MERGED), found.accept
    assert found.own == "refused: Yearbook rule: nobody decides on their own work"
    if form in MERGED:
        assert found.judgement.verdict in (Verdict.READY, Verdict.LOOK, Verdict.WAITING), found.judgement.findings
    elif form is not Form.LANDING:
        assert found.judgement.verdict is Verdict.BLOCKED


def test_only_work_is_stamped() -> None:
    assert {form for form in Form if "stamps" in seen(form).accept} == {Form.SUBMISSION, Form.COMPETING}
