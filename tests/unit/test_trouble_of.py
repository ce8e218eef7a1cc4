"""What the trouble of a look comes to: one reason for one trouble, and whether it is that of one pull or of all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from bot.dolthub.errors import HubBusy, HubGone, HubRefused, HubStrange, HubUnsettled
from bot.messages import notices
from bot.model.ids import CommentId, PullNo, User
from bot.model.mark import NO_HEAD, Mark, MarkKind, read_mark
from bot.model.pull import Comment
from bot.queue.threads import TookTooLong
from bot.store import Lost, Pending, Trouble
from bot.store.codec import decode, encode
from bot.worker.jobs import trouble_of
from tests.build import NOW

ERRORS: tuple[tuple[Exception, bool, bool], ...] = (
    (HubBusy("429"), True, True),
    (HubBusy("no answer in time", unknown_end=True), True, True),
    (HubStrange("not JSON", unreadable=True), True, True),
    (HubRefused("no such token", status=401, code="UNAUTHORIZED"), True, True),
    (redis.ConnectionError("refused"), True, True),
    (HubUnsettled("another merge is running"), True, False),
    (HubGone("no such repository", passing=True), True, False),
    (Lost("the lease"), True, False),
    (HubGone("no such branch"), False, False),
    (HubRefused("no", status=403, code="PERMISSION_DENIED"), False, False),
    (HubStrange("cut rows"), False, False),
    (TookTooLong("600 s"), False, False),
    (ValueError("a bug"), False, False),
)


@pytest.mark.parametrize(("error", "passing", "common"), ERRORS, ids=[f"{type(e).__name__}-{e}" for e, _, _ in ERRORS])
def test_each_error_is_known_as_trouble_of_one_pull_or_of_all(error: Exception, passing: bool, common: bool) -> None:
    found = trouble_of(error)
    assert (found.passing, found.common) == (passing, common)


VARYING = st.one_of(st.integers(0, 10**12).map(str), st.text("0123456789abcdefghijklmnopqrstuv", min_size=32, max_size=32))


@given(st.text(st.characters(categories=("Lu", "P")), max_size=20), VARYING, VARYING)
def test_numbers_and_hashes_make_no_other_reason_but_words_do(words: str, one: str, other: str) -> None:
    told, again = trouble_of(HubStrange(f"{words} {one} end")), trouble_of(HubStrange(f"{words} {other} end"))
    assert told.reason == again.reason
    assert told.reason != trouble_of(HubStrange(f"{words} X {one} end")).reason
    assert told.reason != trouble_of(HubRefused(f"{words} {one} end", status=400, code="X")).reason


@given(st.text(), st.integers(1, 16), st.booleans(), st.sampled_from([error for error, _, _ in ERRORS]))
def test_the_reason_is_read_back_from_the_mark_of_the_notice_whatever_the_words(
    words: str, times: int, commands: bool, error: Exception
) -> None:
    reason, bot = trouble_of(error).reason, User("bot")
    body = notices.cannot_go_on(words, reason, times=times, commands=commands)
    comment = Comment(id=CommentId("1"), author=bot, body=body, created_at=NOW, updated_at=NOW)
    expected = Mark(kind=MarkKind.NOTICE, outcome=notices.STUCK, head=NO_HEAD, digest=reason)
    assert read_mark(comment, bot) == expected


TIMES = st.integers(0, 4 * 10**9).map(lambda at: datetime.fromtimestamp(at, UTC))
TROUBLES = st.builds(
    Trouble,
    reason=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    says=st.text(max_size=300),
    passing=st.booleans(),
    common=st.booleans(),
)
DEBTS = st.builds(
    Pending,
    pull=st.just(PullNo(7)),
    queue=st.sampled_from(["decide", "review", "recheck"]),
    since=TIMES,
    failed=st.integers(0, 16),
    failed_at=st.one_of(st.none(), st.integers(1, 4 * 10**9).map(lambda at: datetime.fromtimestamp(at, UTC))),
    trouble=st.one_of(st.none(), TROUBLES),
    alike=st.integers(0, 16),
    told=st.booleans(),
    due=st.booleans(),
)


@given(DEBTS)
def test_a_debt_is_read_as_it_was_written(debt: Pending) -> None:
    assert decode(encode(debt), Pending) == debt
