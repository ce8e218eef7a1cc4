"""The way back from a stamp: which rows undo it, by how main stands, and what a human is told to look at before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.audit.revert import Standing, checks, inverse
from bot.dolthub import sql
from bot.model.ids import CompletionId, StampId, stamp_id
from bot.model.ledger import Completion, Stamp, Wanted, write_time
from tests.build import COLUMNS, COMMONS, COMPLETION, ITEM, NOW, a_row

STAMP = stamp_id(COMMONS, CompletionId(COMPLETION))
DONE = Completion(a_row("completions", stamp_id=STAMP, validated_by="ana-town", validated_at="2026-06-14 13:50:00"))
ACCEPTED = Standing(
    stamp=Stamp(a_row("stamps", id=STAMP)),
    completion=DONE,
    item=Wanted(a_row("wanted", status="completed", claimed_by="polecat-7")),
    before="in_review",
)
NO_STAMP = (
    f"DELETE FROM `stamps` WHERE `id` = '{STAMP}' AND `author` = 'ana-town' AND `subject` = 'polecat-7'"
    f" AND `context_id` = '{COMPLETION}'"
)
NO_LINK = (
    "UPDATE `completions` SET `validated_by` = NULL, `stamp_id` = NULL, `validated_at` = NULL"
    f" WHERE `id` = '{COMPLETION}' AND `wanted_id` = '{ITEM}' AND `completed_by` = 'polecat-7' AND `stamp_id` = '{STAMP}'"
)
OTHER = Completion(a_row("completions", id="c-other", stamp_id="s-other"))


def item_is(status: str) -> str:
    return (
        f"UPDATE `wanted` SET `status` = '{status}', `updated_at` = '{write_time(NOW)}'"
        f" WHERE `id` = '{ITEM}' AND `status` = 'completed' AND `claimed_by` = 'polecat-7'"
    )


@pytest.mark.parametrize(
    ("standing", "expected", "said"),
    [
        (ACCEPTED, (NO_STAMP, NO_LINK, item_is("in_review")), f"Completion {COMPLETION} waits for a validator again"),
        (replace(ACCEPTED, before="claimed"), (NO_STAMP, NO_LINK, item_is("claimed")), "waits for a validator again"),
        (replace(ACCEPTED, before=None), (NO_STAMP, NO_LINK, item_is("in_review")), "The log does not tell what item"),
        (replace(ACCEPTED, before="withdrawn"), (NO_STAMP, NO_LINK, item_is("in_review")), "waits for a validator again"),
        (
            replace(ACCEPTED, others=(OTHER,)),
            (NO_STAMP, NO_LINK),
            f"Item {ITEM} is left as it is: another completion of it is stamped.",
        ),
        (
            replace(ACCEPTED, item=Wanted(a_row("wanted", status="withdrawn"))),
            (NO_STAMP, NO_LINK),
            f"Item {ITEM} is left as it is: it is withdrawn.",
        ),
        (replace(ACCEPTED, item=None), (NO_STAMP, NO_LINK), f"Item {ITEM} is not on main."),
        (
            replace(ACCEPTED, completion=Completion(a_row("completions", stamp_id="s-other"))),
            (NO_STAMP,),
            f"Completion {COMPLETION} links s-other, not this one: it is left as it is.",
        ),
        (
            Standing(stamp=ACCEPTED.stamp),
            (NO_STAMP,),
            f"The stamp names {COMPLETION}, which is not on main: only the stamp itself can be taken back.",
        ),
        (
            replace(ACCEPTED, stamps=(ACCEPTED.stamp, Stamp(a_row("stamps", id="s-bo")))),
            (NO_STAMP, NO_LINK, item_is("in_review")),
            "Other stamps on the same work stay: s-bo.",
        ),
    ],
)
def test_a_stamp_is_undone_by_guarded_statements(standing: Standing, expected: tuple[str, ...], said: str) -> None:
    change = inverse(standing)
    texts = tuple(sql.write_row(w, columns=COLUMNS, now=NOW, note=change.note).text for w in change.writes)
    assert texts == tuple(f"{text} -- stampbot revert {STAMP}" for text in expected)
    assert said in " ".join(checks(standing, COMMONS))


def test_a_stamp_of_another_tool_is_said_to_be_one() -> None:
    other = replace(ACCEPTED, stamp=Stamp(a_row("stamps", id=StampId("s-hand"))))
    assert any("another tool may have written it" in said for said in checks(other, COMMONS))
    assert not any("another tool" in said for said in checks(ACCEPTED, COMMONS))


def test_an_id_of_a_stranger_stays_text() -> None:
    hostile = "s-' OR 1=1 -- \n\u202e"
    change = inverse(Standing(stamp=Stamp(a_row("stamps", id=hostile, context_id=None))))
    (statement,) = (sql.write_row(w, columns=COLUMNS, now=NOW, note=change.note).text for w in change.writes)
    assert statement == (
        "DELETE FROM `stamps` WHERE `id` = CAST(X'732D27204F5220313D31202D2D200AE280AE' AS CHAR) AND `author` = 'ana-town'"
        " AND `subject` = 'polecat-7' AND `context_id` IS NULL -- stampbot revert s- OR 1=1 --"
    )
