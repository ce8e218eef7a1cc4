"""Digests of what waits: what they list, and that strangers' text stays text in them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.cli.digests import _markdown, _text
from bot.converge.backlog import Backlog, Waiting
from bot.model.finding import Verdict
from bot.model.ids import Commons, PullNo

NOW = datetime(2026, 6, 14, 14, 2, tzinfo=UTC)
SITE = "https://dolthub.test"


def waits(number: int, verdict: Verdict | None = Verdict.READY, **fields: Any) -> Waiting:
    sane = Waiting(
        pull=PullNo(number),
        title="[wl] w-1",
        item_title="Mend the relay",
        opened_at=NOW - timedelta(days=number),
        verdict=verdict,
        line="/accept --at hhhhhhh.1 --quality Q",
    )
    return replace(sane, **fields)


def backlog(*waiting: Waiting, lacks: tuple[str, ...] = ()) -> Backlog:
    return Backlog(commons=Commons("hop", "wl-commons"), waiting=waiting, lacks=lacks)


MIXED = backlog(
    waits(1),
    waits(2, Verdict.LOOK, reason="The link `x` opens an empty page."),
    waits(3, Verdict.BLOCKED),
    waits(4, None, line=""),
    waits(5, Verdict.WAITING),
    lacks=("Redis does not answer",),
)


def test_a_digest_lists_what_a_validator_can_do_and_counts_the_rest() -> None:
    assert _text(MIXED, NOW, SITE) == (
        "hop/wl-commons: 5 open pulls\n\n"
        "Decide now (1)\n"
        "  #1 Mend the relay (READY, 24 hours)\n"
        "    https://dolthub.test/repositories/hop/wl-commons/pulls/1\n"
        "    /accept --at hhhhhhh.1 --quality Q\n\n"
        "Look (1)\n"
        "  #2 Mend the relay (LOOK, 2 days)\n"
        "    https://dolthub.test/repositories/hop/wl-commons/pulls/2\n"
        "    The link `x` opens an empty page.\n"
        "    /accept --at hhhhhhh.1 --quality Q\n\n"
        "Waiting for the worker: 1, Blocked: 1, Not looked at yet: 1.\n\n"
        "Not known: Redis does not answer"
    )


def test_a_digest_in_markdown_says_the_same() -> None:
    assert _markdown(MIXED, NOW, SITE) == (
        "**hop/wl-commons: 5 open pulls**\n\n"
        "**Decide now (1)**\n\n"
        "- [#1](https://dolthub.test/repositories/hop/wl-commons/pulls/1) `Mend the relay` · READY · 24 hours"
        " · `/accept --at hhhhhhh.1 --quality Q`\n\n"
        "**Look (1)**\n\n"
        "- [#2](https://dolthub.test/repositories/hop/wl-commons/pulls/2) `Mend the relay` · LOOK · 2 days"
        " · The link `x` opens an empty page. · `/accept --at hhhhhhh.1 --quality Q`\n\n"
        "Waiting for the worker: 1, Blocked: 1, Not looked at yet: 1.\n\n"
        "Not known: Redis does not answer"
    )


def test_an_empty_backlog_is_one_line() -> None:
    assert _text(backlog(), NOW, SITE) == "hop/wl-commons: nothing waits"


def test_since_keeps_what_is_young_or_of_unknown_age() -> None:
    shown = backlog(waits(1), waits(9), waits(10, opened_at=None)).since(NOW - timedelta(days=7))
    assert [each.pull for each in shown.waiting] == [1, 10]


HOSTILE = st.text(st.sampled_from("<>@!#[]()`*_|&\\/:.\n\r\u202e\u200babhtps"), min_size=1, max_size=40).map(lambda t: f"x{t}x")


@given(HOSTILE)
def test_text_of_strangers_stays_text_in_a_digest(text: str) -> None:
    hostile = backlog(waits(1, title=text, item_title=text, line=text, reason=f"About `{text.replace('`', '')}`."))
    sane = backlog(waits(1, title="x", item_title="x", line="x", reason="About `x`."))
    assert shape(_markdown(hostile, NOW, SITE)) == shape(_markdown(sane, NOW, SITE))
    plain = _text(hostile, NOW, SITE)
    assert len(plain.splitlines()) == len(_text(sane, NOW, SITE).splitlines())
    assert re.findall(r"[<>]|@(?!\u200b)", plain) == []


def shape(markdown: str) -> list[str]:
    """The elements of a text as a renderer sees them, with the addresses of its links."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    inner = [child for token in tokens for child in (token.children or ())]
    return [f"{token.type} {token.attrGet('href') or ''}" for token in (*tokens, *inner) if token.type != "text"]
