"""What is said, to the letter; and that nothing strangers write can become markup, a mention, a command or a mark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.commands import catalog as command_catalog
from bot.commands import grammar
from bot.converge.plan import plan
from bot.messages import md, reviews, words
from bot.model.evidence import Seen
from bot.model.finding import Finding, Judgement, Level, Place, RuleCrash, Verdict
from bot.model.ids import CommentId, Handle, PullNo, User
from bot.model.ledger import ChangeKind, Changes, Row, RowChange
from bot.model.mark import Mark, MarkKind, read_mark
from bot.model.pull import BranchRef, Comment, PullState
from bot.model.snapshot import Rival, Snapshot
from bot.model.step import Answer, PostNotice, PostReview
from bot.rulebook import catalog as rule_catalog
from bot.rulebook import quote
from bot.rulebook.judge import judge
from tests.build import (
    BOT,
    COLUMNS,
    COMPLETION,
    EVIDENCE,
    FORK,
    HEAD,
    ITEM,
    a_comment,
    a_finding,
    a_hash,
    a_judgement,
    a_probe,
    a_pull,
    a_review,
    a_row,
    a_snapshot,
    a_wanted,
    added,
    ago,
    changes_of,
    hands_in,
    merged,
    work,
)

RULES, COMMANDS = rule_catalog.find(), command_catalog.find()
PASSED = ("one_fresh_completion", "rows_are_whole")
PLACE = Place("completions", COMPLETION, "evidence")
AGAIN = f'Discard the branch (b in the wl board), then: `wl done {ITEM} --evidence "<URL>"`'
INVITATION = (
    "Validators, put one of these on a line of its own (Q is 1 to 5, or poor fair good excellent; … is your reason; "
    "a message to the worker goes behind `--message`):"
)


def told(snapshot: Snapshot, judgement: Judgement) -> str:
    return str(reviews.review(snapshot, judgement))


def answered(*comments: Comment, snapshot: Snapshot | None = None, judgement: Judgement | None = None) -> str:
    """The answer that is due to the oldest of these comments, on a pull with one review."""
    seen = replace(snapshot or a_snapshot(), comments=(a_review(), *comments))
    (*_, answer) = plan(seen, judgement or judge(seen, RULES), COMMANDS).steps
    assert isinstance(answer, Answer)
    return answer.body


def by_ana(body: str) -> Comment:
    return a_comment("ana", body, ago(minutes=3), id=CommentId("c-7"))


def says(url: str, what: str) -> str:
    return f"The link {quote(url)} {what}."


# --- answers ------------------------------------------------------------------------------------------------------------

NO_STAMP = changes_of(added("rigs", handle="polecat-9"))
ANSWERS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    (
        "accepted",
        '/accept -q 4 -r 5 --message "Clean; tests included."',
        {"snapshot": merged(a_snapshot())},
        """\
**ACCEPTED** · `w-870be07fbc` `Teach the mayor to count` · by `ana` (rig `ana-town`) at 2026-06-14 13:59 UTC

Stamp `s-b7c0fdba3ae69e6a` for `polecat-7`: quality 4 (good), reliability 5 (excellent), \
severity `leaf`, confidence 1, skills `go, cli`.
Message: `Clean; tests included.`
Merged `vedj3hu` as `8h8cfkk`; item completed; rows on main match what was reviewed, cell by cell (9 compared).
Way back, for an operator: `stampbot revert s-b7c0fdba3ae69e6a --plan`

For the worker: discard the branch `wl/polecat-7/w-870be07fbc`. The board of `wl` shows the item as in review while it \
exists.""",
    ),
    (
        "accepted without a stamp",
        "/accept",
        {"snapshot": merged(a_snapshot(changes=NO_STAMP, items=(), probes=()))},
        """\
**ACCEPTED** · rig `polecat-9` · by `ana` (rig `ana-town`) at 2026-06-14 13:59 UTC

Merged `vedj3hu` as `8h8cfkk`. No stamp: a registration is no work.""",
    ),
    (
        "rejected",
        "/reject It does not build.",
        {},
        """\
**REJECTED** · `w-870be07fbc` `Teach the mayor to count` · by `ana` (rig `ana-town`) at 2026-06-14 13:59 UTC

Why: `It does not build.`

No row on main was touched; the claim is kept and the pull stays open. To submit again: push a commit with new evidence to \
`wl/polecat-7/w-870be07fbc`, or discard that branch, claim again and finish again. Running `wl done` again on the same branch \
writes nothing.""",
    ),
    (
        "rejected on main",
        "/reject It does not build.",
        {"snapshot": merged(a_snapshot())},
        """\
**REJECTED** · `w-870be07fbc` `Teach the mayor to count` · by `ana` (rig `ana-town`) at 2026-06-14 13:59 UTC

Why: `It does not build.`

Completion `c-1f3870be274f6c49` was removed from main and the item can be worked on again. \
The branch `wl/polecat-7/w-870be07fbc` can no longer \
merge: start a new branch from the current main.""",
    ),
    (
        "pull closed",
        "/close --pull-only Solved elsewhere.",
        {},
        """\
**PULL CLOSED, NO ROW TOUCHED** · `w-870be07fbc` `Teach the mayor to count` · by `ana` (rig `ana-town`) at 2026-06-14 13:59 UTC

Why: `Solved elsewhere.`

Item `w-870be07fbc` stays `open` on main, for another pull to bring.""",
    ),
    (
        "item completed",
        "/close --yes Solved elsewhere.",
        {},
        """\
**CLOSED, ITEM COMPLETED WITHOUT A STAMP** · `w-870be07fbc` `Teach the mayor to count` · by `ana` (rig `ana-town`) \
at 2026-06-14 13:59 UTC

Why: `Solved elsewhere.`

Main holds completion `c-1f3870be274f6c49` by `polecat-7` without a stamp, and item `w-870be07fbc` is completed. \
That came to main in commits of the bot. \
Nothing of this pull was merged and it is closed: start the next work from the current main, not from \
`wl/polecat-7/w-870be07fbc`.""",
    ),
    (
        "blocked",
        "/accept -q 4",
        {"judgement": a_judgement(a_finding(says=says(EVIDENCE, "answers 404"), remedy=AGAIN))},
        """\
**REFUSED** · `ana`

```
/accept -q 4
```

**BLOCKED**: this does not hold as it stands.

- evidence is alive: The link `https://github.com/gastownhall/beads/pull/412` answers 404.

Discard the branch (b in the wl board), then: `wl done w-870be07fbc --evidence "<URL>"`.

A validator without a stake in the work may override: `/override evidence_is_alive --at vedj3hu.1 --because "…"`.

Nothing was changed.""",
    ),
    (
        "misread",
        "/accept -q 9",
        {},
        """\
**REFUSED** · `ana`

```
/accept -q 9
           ^
```

`--quality` takes 1 to 5, or poor, fair, good, excellent.

Ready to copy:

```
/accept --at vedj3hu.1 -q Q
```

Nothing was changed.""",
    ),
    (
        "hint",
        "please /accept -q 4",
        {},
        """\
**HINT** · `ana`

```
please /accept -q 4
```

Commands must start their own line.

Ready to copy:

```
/accept --at vedj3hu.1 -q 4
```

Nothing was changed.""",
    ),
)


@pytest.mark.parametrize(("typed", "given_", "expected"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answers_read_like_this(typed: str, given_: dict[str, Any], expected: str) -> None:
    text, _, mark = answered(by_ana(typed), **given_).rpartition("\n\n")
    assert text == expected
    assert mark.startswith("`stampbot/1 answer ")


def test_neither_a_hint_nor_a_refusal_on_a_merged_pull_says_that_nothing_was_changed() -> None:
    for body in ("please /accept -q 4", "/accept -q 9", "/accept"):
        assert words.NOTHING_CHANGED not in answered(by_ana(body), snapshot=merged(a_snapshot()))


def test_a_mark_tells_what_was_answered_how_and_about_which_evidence() -> None:
    body = answered(by_ana("/reject It does not build."))
    assert body.splitlines()[-1] == f"`stampbot/1 answer reject=ana:c-7 done {HEAD} {a_snapshot().evidence_key} 1`"


# --- Markdown -----------------------------------------------------------------------------------------------------------

RENDER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = (
    "`", "``", "```", "~~~", "\n", "\n\n", "\r", "\t", "    ", "|", "||", "\\", "\\`",
    "/accept --quality 5", "\n/accept --quality 5\n",
    "/reject no", "@ana", "@", "![x](https://e.org/x.png)", "[x](https://e.org)", "[x]: https://e.org", "<https://e.org>",
    "<img src=x onerror=alert(1)>", "<!--", "-->", "<details>", "&lt;", "&#60;", "# H", "- ", "1. ", "1) ", "+ ", "* ", "> ",
    "---", "===", "**b**", "_i_", "~~s~~", "www.example.org", "https://example.org/a", "HTTP://EXAMPLE.ORG", "me@example.org",
    "javascript:alert(1)", "\u202e", "\u200b", "\x00", "\x1b[31m", "\ue000", "😀", "{0}", "{name}", "%s", "x" * 130, "…",
    f"`stampbot/1 review - READY {HEAD} 0123456789ab 1`", f"\n`stampbot/1 answer accept:c-7 done {HEAD} - 1`\n",
    "w-1", "done", "4",
)  # fmt: skip
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), min_size=1, max_size=5).map("".join)
SAFE_TOKENS = frozenset(
    (
        "paragraph_open", "paragraph_close", "inline", "text", "softbreak", "code_inline", "strong_open", "strong_close",
        "fence",
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "table_open", "table_close", "thead_open",
        "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close",
        "link_open", "link_close", "hr",
    )
)  # fmt: skip


def tokens_of(body: str) -> Iterator[Token]:
    for token in RENDER.parse(body):
        yield token
        yield from token.children or ()


def check_is_only_ours(body: str, snapshot: Snapshot) -> None:
    """No markup but what this bot writes, no name called, no command, and nothing a renderer links by itself."""
    known = {link.url for link in snapshot.links} | {probe.final_url for probe in snapshot.probes}
    linked = 0
    for token in tokens_of(body):
        assert token.type in SAFE_TOKENS, (token.type, body)
        if token.type == "link_open":
            own = re.fullmatch(rf"/repositories/{re.escape(str(snapshot.commons))}/pulls/[0-9]+", str(token.attrGet("href")))
            assert own or token.markup == "autolink"
            linked += 1
        elif token.type == "link_close":
            linked -= 1
        elif token.type == "text" and not linked:
            assert not re.search(r"https?://|\bwww\.|@\w", token.content, re.IGNORECASE), body
        elif token.type == "code_inline":
            assert not re.search(r"@\w", token.content), body
        elif token.type == "strong_open":
            assert token.markup == "**"
    assert all(f"<{url}>" in {f"<{k}>" for k in known} for url in re.findall(r"(?<![`\\\w\"])<(https?://[^>]*)>", _plain(body)))
    assert grammar.read(body, COMMANDS).items == ()
    for line in body.split("\n"):
        if line.startswith("| "):
            assert len(re.split(r"(?<!\\)\|", line)) == 5, line


def _plain(body: str) -> str:
    """The body without code, where `<https://…>` is no link."""
    unescaped = re.sub(r"\\[\\`]", "", re.sub(r"(?ms)^```\n.*?^```$", "", body))
    return re.sub(r"`[^`\n]*`", "", unescaped)


def check_mark(body: str, expected: Mark) -> None:
    line = body.rsplit("\n", maxsplit=1)[-1]
    assert line == expected.line
    assert read_mark(a_comment(BOT, body), BOT) == expected
    without = body.removesuffix(line).rstrip()
    assert read_mark(a_comment(BOT, without), BOT) is None, "a stranger's words read as a mark"


@st.composite
def hostile_changes(draw: st.DrawFn) -> Changes:
    """Rows of known and unknown tables, every cell of them hostile, beside the sane work or without it."""
    rows = list(work().rows) if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        table = draw(st.sampled_from(tuple(COLUMNS)) | hostile)
        columns = draw(st.lists(st.sampled_from(COLUMNS.get(table, ("id",))) | hostile, max_size=3))
        before, after = a_row(table), Row.of(a_row(table).as_dict() | {c: draw(hostile) for c in columns})
        kind = draw(st.sampled_from(ChangeKind))
        rows.append(
            RowChange(
                table=table,
                key=draw(hostile),
                kind=kind,
                before=None if kind is ChangeKind.ADDED else before,
                after=None if kind is ChangeKind.REMOVED else after,
            )
        )
    schema = draw(st.sampled_from(((), ("rigs",)))) if not draw(st.integers(0, 5)) else ()
    return Changes(rows=tuple(rows), schema=schema)


@st.composite
def hostile_snapshots(draw: st.DrawFn) -> Snapshot:
    """A pull in which everything somebody else could have written is hostile."""
    some = st.sampled_from((EVIDENCE, "https://example.org/a_b*c*?x=[1]", "http://www.example.org"))
    evidence = draw(st.lists(some | hostile, min_size=1, max_size=3).map(" ".join))
    handle, title = draw(hostile), draw(hostile)
    handed = work(
        wanted=hands_in({"title": title}, claimed_by=handle, evidence_url=evidence),
        completion=added("completions", completed_by=handle, evidence=evidence, id=draw(st.just(COMPLETION) | hostile)),
    )
    changes = handed if draw(st.booleans()) else draw(hostile_changes())
    bare = a_snapshot(
        changes=changes,
        items=(a_wanted(title=title, tags=draw(st.sampled_from(('["go"]', '["`x`","/accept"]'))), posted_by=draw(hostile)),),
        pull=a_pull(
            title=draw(hostile),
            description=draw(hostile),
            creator=User(draw(hostile)),
            source=BranchRef(FORK, draw(hostile)),
            state=PullState.OPEN,
        ),
        rivals=(Rival(pull=PullNo(58), rig=Handle(draw(hostile)), evidence=draw(hostile)),) if draw(st.booleans()) else (),
        since_last=draw(st.none() | hostile_changes()),
        comments=(a_review(Verdict.LOOK, head=a_hash("old head")),) if draw(st.booleans()) else (),
    )
    probes = tuple(
        a_probe(
            link.url,
            draw(st.sampled_from(Seen)),
            reason=draw(hostile),
            title=draw(hostile),
            kind=draw(hostile),
            status=draw(st.sampled_from((None, 200))),
            final_url=draw(st.just("") | hostile | st.just("https://example.org/b")),
        )
        for link in bare.links[:2]
    )
    return replace(bare, probes=probes)


@given(snapshot=hostile_snapshots(), words_of_a_rule=hostile, crash=hostile)
def test_strangers_words_in_a_review_stay_words(snapshot: Snapshot, words_of_a_rule: str, crash: str) -> None:
    judgement = judge(snapshot, RULES)
    own = Finding(rule=crash, level=Level.DOUBT, place=PLACE, says=words_of_a_rule, remedy=words_of_a_rule)
    judgement = replace(judgement, findings=(*judgement.findings, own), crashes=(RuleCrash(rule=crash, error=crash),))
    for found in (judgement, replace(judgement, findings=(), crashes=(), waiting_for=words_of_a_rule)):
        body = reviews.review(snapshot, found)
        check_is_only_ours(body, snapshot)
        check_mark(body, reviews.mark(snapshot, found))


COMMENTS = (
    "/accept -q 4 {}", '/accept -q 4 --message "{}"', "/reject {}", "/close --pull-only {}", "/close --yes {}",
    "/accept -q 4 --skills {}", "/accept {}", "/recheck {}", "/help {}", "/acept {}", "please /accept {}",
    "> a\n/accept {}", "/reject\n{}", "/accept -q 4 --as {}", "/accept w-{} -q 4", "{}", "```\n/accept {}\n```",
)  # fmt: skip


@given(
    snapshot=hostile_snapshots(),
    template=st.sampled_from(COMMENTS),
    typed=hostile,
    author=st.sampled_from(("ana", "bo")) | hostile,
    named=hostile.filter(bool),
    on_main=st.booleans(),
    moved=st.booleans(),
)
def test_strangers_words_in_an_answer_stay_words(
    snapshot: Snapshot, template: str, typed: str, author: str, named: str, on_main: bool, moved: bool
) -> None:
    comment = a_comment(author, template.replace("{}", typed), ago(minutes=3), id=CommentId(named))
    seen = replace(
        snapshot,
        comments=(a_review(head=a_hash("old head") if moved else HEAD), comment),
        probes=(),
        first_look_at=ago(hours=1),
    )
    seen = replace(seen, taken_at=seen.taken_at.replace(hour=15), bot=BOT)
    seen = merged(seen) if on_main else seen
    judgement = Judgement(findings=()) if not moved else judge(seen, RULES)
    steps = plan(seen, judgement, COMMANDS).steps
    if not steps or isinstance(steps[-1], PostReview | PostNotice):
        return
    answer = steps[-1]
    assert isinstance(answer, Answer)
    check_is_only_ours(answer.body, seen)
    mark = read_mark(a_comment(BOT, answer.body), BOT)
    assert mark is not None
    assert (mark.kind, mark.comment, mark.outcome) == (MarkKind.ANSWER, named, answer.outcome.value)
    check_mark(answer.body, mark)


@given(text=hostile)
def test_foreign_text_by_each_door_is_one_harmless_line(text: str) -> None:
    for made in (md.code(text), md.prose(text), md.link(text), md.fill("{x}", x=md.code(text)), md.escape(text)):
        assert "\n" not in made
        assert not re.search(r"@[\w]", made)
    tokens = RENDER.parse(md.code(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert [child.type for child in tokens[1].children or ()] == ["code_inline"]


@given(rows=st.lists(st.tuples(hostile, hostile, hostile), min_size=1, max_size=4))
def test_a_table_has_the_cells_it_was_given(rows: list[tuple[str, str, str]]) -> None:
    made = md.table((md.own("a"), md.own("b"), md.own("c")), [(md.code(a), md.prose(b), md.code(c)) for a, b, c in rows])
    cells = [t for t in RENDER.parse(made) if t.type == "inline"][3:]
    assert len(cells) == 3 * len(rows)
    for (first, _, last), found in zip(rows, zip(*[iter(cells)] * 3, strict=True), strict=True):
        for text, cell in ((first, found[0]), (last, found[2])):
            assert [child.type for child in cell.children or ()] == ["code_inline"]
            # A backslash before a pipe is kept apart from it by what has no width.
            assert (cell.children or [])[0].content.replace("\\\u200b|", "\\|") == md.code(text)[1:-1]


@given(text=hostile | st.text(st.sampled_from("a \r\x1b\u200b\u3164\u0301"), max_size=30))
def test_text_that_is_clean_stays_as_it_is(text: str) -> None:
    clean = md.clean(text, 10_000)
    assert md.clean(clean, 10_000) == clean


def test_a_pipe_in_code_is_shown_as_it_is() -> None:
    assert md.code("a|b") == "`a|b`"
    assert md.table((md.own("x"),), [(md.code("a|b"),)]).splitlines()[-1] == "| `a\\|b` |"


def test_what_renderers_link_or_call_by_themselves_is_broken() -> None:
    assert md.escape("see www.e.org, https://e.org, me@e.org and @ana") == (
        "see www\u200b.e.org, https:\u200b//e.org, me@\u200be.org and @\u200bana"
    )


@pytest.mark.parametrize("text", ["1. x", "2) x", "- x", "+ x", "=====", "---", "    x"])
def test_a_sentence_never_begins_a_list_a_line_or_code(text: str) -> None:
    assert {t.type for t in RENDER.parse(md.prose(text))} == {"paragraph_open", "inline", "paragraph_close"}
