"""What people type and what they are answered, line by line: the whole text, and what it must say whatever its wording."""

from __future__ import annotations

import pytest

from tests.commands.replies import NOTHING, PAGE, TABLE, Line, page

LINES = [(heading, line) for heading, lines in TABLE.items() for line in lines]


@pytest.mark.parametrize("line", [line for _, line in LINES], ids=[f"{line.by}: {line.typed}" for _, line in LINES])
def test_a_line_is_answered_so(line: Line) -> None:
    told = line.answer
    if not line.says:
        assert told is None
        return
    assert told is not None
    assert [words for words in line.says if words not in told] == []
    assert (NOTHING not in told) if line.changed else told.endswith(NOTHING)


def test_every_answer_is_the_one_on_the_page() -> None:
    assert PAGE.read_text("utf-8") == page(), "look at the difference, then: python -m tests.commands.replies --write"
