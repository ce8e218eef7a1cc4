"""`python -m tests.fuzz [COUNT] [SEED]`: reads comments as broken as people, phones, renderers and attackers make them.

Held of every one of them: reading ends, in bounded time, without an exception; everything about it can be said, and what is
said is no command; and nothing is read that another renderer of CommonMark shows in code, in a quotation or in HTML.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from rich.progress import track

from bot.commands import catalog as commands
from bot.commands import grammar
from bot.commands.grammar import errors
from bot.commands.grammar.reading import Parsed, Reading

COUNT = 200_000
BATCH = 1_000
SECONDS_MAX = 2.0
"""Of processor time, for one comment of whatever size."""
PROCESSES = 2

_NAMES = (
    "accept", "reject", "close", "hold", "unhold", "override", "recheck", "status", "help", "remove-hold", "info", "retest",
    "?", "acept", "holdd", "overide", "approve", "lgtm", "withdraw", "wl accept", "shrug", "usr/bin/env", "ACCEPT", "accept:",
    "accept.", "accept--quality", "hold!", "un-hold",
)  # fmt: skip
_ARGUMENTS = (
    "--quality", "-q", "4", "5/5", "good", "Q", "--qualty", "\u2014quality", "\u2013q", "quality=4", "--at", "9f3c2a1", "--as",
    "ana-town", "--message", "--because", '"fine"', '"', "\u201c", "\u201d", "\\", "it's", "x=y", "--yes", "--pull-only",
    "--dry-run", "w-870be07fbc", "evidence_is_alive", "evidnce", "yearbook", "--zz", "\u2026", "80%", "go,rust", "--", "-", "=",
)  # fmt: skip
_FRAGMENTS = (
    "thanks all", "please", "> ", ">", "```", "````", "~~~", "`", "``", "<!--", "-->", "<br>", "<details>", "</details>",
    "<pre>", "</pre>", "<script>", "<![CDATA[", "]]>", "<?", "?>", "<a title=\"", "\">", "- ", "1. ", "# ", "---", "===",
    "[a]: /u", "[x](", "![", "](", "**", "&#47;", "&lt;", "\\", "\\/", "| a | b |", "|---|---|", "    ", "\t", "  ", "@ana", "https://e.org",
    "\u200b", "\u00a0", "\u202e", "\ufeff", "\u2028", "\x00", "\x0b", "\x85", "\ue000", "\ue0001\ue001", "\ud800", "\u0661",
)  # fmt: skip
_ENDS = ("\n", "\n", "\n", "\n\n", "\r\n", "\r", "\n\n\n", " ")
_NONCE = re.compile(r"nonce[0-9]+x")


def comment(source: random.Random) -> str:
    """One comment: lines that are commands or nearly so, between lines of Markdown that may swallow them."""
    parts: list[str] = []
    for number in range(source.randint(1, 8)):
        kind = source.random()
        if kind < 0.45:
            parts.append(_line(source, number))
        elif kind < 0.9:
            parts.append("".join(source.choices(_FRAGMENTS, k=source.randint(1, 3))))
        else:
            parts.append("".join(chr(source.randrange(0x110000)) for _ in range(source.randint(1, 6))))
        parts.append(source.choice(_ENDS))
    text = "".join(parts)
    return text * (source.randint(2, 40) if source.random() < 0.04 else 1)


def _line(source: random.Random, number: int) -> str:
    """A line that names a command and bears a word that is found again in whatever is read of it."""
    before = source.choice(("", "", "", " ", "   ", "    ", "> ", "- ", "please ", "`", "\u200b", "<b>"))
    behind = source.choices(_ARGUMENTS, k=source.randint(0, 5))
    nonce = f"nonce{number}x"
    return f"{before}/{source.choice(_NAMES)} {' '.join([*behind, nonce])}"


def check(text: str, renderer: MarkdownIt) -> str:
    """What is wrong with how this comment is read; empty if nothing is."""
    catalog = commands.find()
    started = time.process_time()
    reading = grammar.read(text, catalog)
    if (took := time.process_time() - started) > SECONDS_MAX:
        return f"took {took:.1f} s"
    grammar.one_decision(reading)
    said = [*(errors.explain(m, "9f3c2a1") for m in reading.misread), *(errors.say_hint(h, "9f3c2a1") for h in reading.hints)]
    for words in said:
        if grammar.read(words, catalog).items:
            return f"what is said of it is a command: {words!r}"
    read = nonces(reading)
    if read and (hidden := read - Counter(_NONCE.findall(visible(text, renderer)))):
        return f"read although it is not plain text: {sorted(hidden)}"
    return ""


def nonces(reading: Reading) -> Counter[str]:
    """The words that tell lines apart, of all lines that were taken for commands."""
    return Counter(nonce for item in reading.items for nonce in _NONCE.findall(item.line)[:1])


def renderer() -> MarkdownIt:
    """CommonMark with tables, as a host renders it, but HTML shown as code: of whatever is in it nothing is plain text."""
    made = MarkdownIt("commonmark").enable("table")
    made.add_render_rule("html_block", lambda _self, tokens, n, _options, _env: f"<pre>{_escaped(tokens[n].content)}</pre>")
    made.add_render_rule("html_inline", lambda _self, tokens, n, _options, _env: f"<code>{_escaped(tokens[n].content)}</code>")
    return made


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


class _Visible(HTMLParser):
    """Collects text that stands outside of code and quotations."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.depth += tag in ("code", "pre", "blockquote")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in ("code", "pre", "blockquote")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.found.append(data)


def visible(text: str, renderer: MarkdownIt) -> str:
    """The plain text of a comment, as its reader sees it."""
    parser = _Visible()
    parser.feed(renderer.render(text))
    parser.close()
    return "\n".join(parser.found)


def wrong(seed: int, count: int) -> list[str]:
    """What is wrong with so many comments of this seed, each with the comment that shows it."""
    source, shown = random.Random(seed), renderer()
    found: list[str] = []
    for _ in range(count):
        text = comment(source)
        try:
            told = check(text, shown)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
        if told:
            found.append(f"{told}\n  {text!r}")
    return found


def read_any(seed: int, count: int) -> int:
    """How many of so many comments of this seed hold a command that was understood: the fuzz must reach that far."""
    source = random.Random(seed)
    texts = (comment(source) for _ in range(count))
    return sum(any(isinstance(item, Parsed) for item in grammar.read(text, commands.find()).items) for text in texts)


def _batch(job: tuple[int, int]) -> list[str]:
    return wrong(*job)


def _jobs(count: int, seed: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, BATCH):
        yield seed + start, min(BATCH, count - start)


def main(arguments: Sequence[str]) -> int:
    """Read so many comments and print what is wrong with any. Exit status."""
    count = int(arguments[0]) if arguments else COUNT
    seed = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(10**9)
    jobs = list(_jobs(count, seed))
    found: list[str] = []
    with multiprocessing.Pool(PROCESSES) as pool:
        for told in track(pool.imap_unordered(_batch, jobs), description="comments", total=len(jobs)):
            found += told
    for one in found[:20]:
        print(one)
    print(f"{count} comments of seed {seed}: {len(found) or 'nothing'} wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
