"""A short fuzz of the grammar; `make fuzz` is the long one."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from bot.commands import grammar
from bot.commands.catalog import find
from tests import fuzz

SEED = 20260614


@pytest.mark.parametrize("part", range(4))
def test_two_thousand_comments_are_read_and_nothing_in_code_quotations_or_html_is(part: int) -> None:
    assert fuzz.wrong(SEED + part, 500) == []


def test_the_fuzz_reaches_commands_that_are_understood() -> None:
    assert fuzz.read_any(SEED, 200) > 20


@pytest.mark.parametrize(
    "text",
    [
        "```\n/accept nonce1x\n```", "> /accept nonce1x", "> a\n/accept nonce1x", "<br>\n/accept nonce1x",
        "`a\n/accept nonce1x\nb`",
        "<!--\n/accept nonce1x\n-->", "    /accept nonce1x", 'a <a title="\n/accept nonce1x\n">',
    ],
)  # fmt: skip
def test_the_fuzz_knows_what_is_hidden(text: str) -> None:
    assert "nonce1x" not in fuzz.visible(text, fuzz.renderer())


def test_the_fuzz_notices_a_reader_that_reads_hidden_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = grammar.read
    monkeypatch.setattr(grammar, "read", lambda body, catalog: plain(body.replace("> ", ""), catalog))
    assert fuzz.check("> /hold nonce1x", fuzz.renderer()).startswith("read although it is not plain text")


def test_a_line_that_is_seen_is_read() -> None:
    shown: MarkdownIt = fuzz.renderer()
    text = "Hello\n/hold nonce1x\n\n> no\n\n/hold nonce2x"
    assert fuzz.nonces(grammar.read(text, find())) == {"nonce1x": 1, "nonce2x": 1}
    assert fuzz.check(text, shown) == ""
