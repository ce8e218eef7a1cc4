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
from bot.model.evidence import Probe, Seen
from bot.model.finding import Finding, Judgement, Level, Place, RuleCrash, Verdict
from bot.model.ids import CommentId, Commons, Handle, PullNo, User
from bot.model.ledger import ChangeKind, Changes, Row, RowChange
from bot.model.links import Link
from bot.model.mark import Mark, MarkKind, read_mark
from bot.model.pull import BranchRef, Comment, PullState
from bot.model.snapshot import Elsewhere, Record, Rival, Snapshot
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
    MAIN,
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
    claims,
    hands_in,
    merged,
    modified,
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


# --- one whole review of each verdict -----------------------------------------------------------------------------------


def test_stamps_on_other_commons_stand_in_the_workers_line_and_change_nothing_else() -> None:
    elsewhere = tuple(
        Elsewhere(commons=Commons("hop", f"x-{n}"), record=Record(stamps=n, mean_quality=4.2 if n > 1 else None))
        for n in range(1, 6)
    )
    snapshot = a_snapshot(record=Record(stamps=3, mean_quality=4.33))
    known = replace(snapshot, elsewhere=elsewhere)
    line = (
        "Worker `polecat-7`: 3 stamps, mean quality 4.3; 1 stamp on `hop/x-1`, 2 stamps on `hop/x-2`, mean 4.2,"
        " 3 stamps on `hop/x-3`, mean 4.2 (same rig name and account, so taken for the same worker)."
    )
    judgement = a_judgement(passed=PASSED)
    plain = told(snapshot, judgement)
    assert told(known, judgement) == plain.replace("Worker `polecat-7`: 3 stamps, mean quality 4.3.", line)


def test_a_ready_review() -> None:
    snapshot = a_snapshot(record=Record(stamps=3, mean_quality=4.33))
    assert told(snapshot, a_judgement(passed=PASSED)) == (
        """\
**READY** · `w-870be07fbc` `Teach the mayor to count` · rig `polecat-7` · review #1 of head `vedj3hu`.
Accept would go through now.

| Check | Result | What was seen |
|---|---|---|
| evidence | PASS | <https://github.com/gastownhall/beads/pull/412> answered 200, at 14:00 UTC |

2 checks passed.

This pull is work: `wanted` 1 row (`open` to `in_review`); `completions` 1 row added. Nothing else.
Worker `polecat-7`: 3 stamps, mean quality 4.3.
Checked 2026-06-14 14:02 UTC against main `de0p373`.

"""
        + INVITATION
        + """

```
/accept --at vedj3hu.1 --quality Q --skills go,cli
/reject --at vedj3hu.1 …
/help
```

`stampbot/1 review -~746b6b5ff0f5c793~-~- READY vedj3hu86lq0b41dqem7qnjbeelk8kid 57e0f60bc50f 1`"""
    )


def test_a_review_to_look_at() -> None:
    """The link stands in the row that speaks of it, to click on, and nowhere else."""
    finding = a_finding(level=Level.DOUBT, says=says(EVIDENCE, "answered 404 at 14:00 UTC"), remedy=AGAIN)
    note = a_finding("size", Level.NOTE, says="The pull is small.")
    snapshot = a_snapshot(probes=(a_probe(seen=Seen.DEAD),))
    assert told(snapshot, a_judgement(finding, note, passed=PASSED)) == (
        """\
**LOOK** · `w-870be07fbc` `Teach the mayor to count` · rig `polecat-7` · review #1 of head `vedj3hu`.
Accept would go through. Something deserves a human eye.

| Check | Result | What was seen |
|---|---|---|
| evidence is alive | **LOOK** | The link <https://github.com/gastownhall/beads/pull/412> answered 404 at 14:00 UTC. \
Discard the branch (b in the wl board), then: `wl done w-870be07fbc --evidence "<URL>"`. |

2 more checks passed.

- Note: The pull is small.

This pull is work: `wanted` 1 row (`open` to `in_review`); `completions` 1 row added. Nothing else.
Worker `polecat-7`: no stamps yet.
Checked 2026-06-14 14:02 UTC against main `de0p373`.

"""
        + INVITATION
        + """

```
/accept --at vedj3hu.1 --quality Q --skills go,cli
/reject --at vedj3hu.1 …
/help
```

`stampbot/1 review -~746b6b5ff0f5c793~c4429e11e84daf3e.f020edfcc3ab8498~- LOOK vedj3hu86lq0b41dqem7qnjbeelk8kid 988461733e51 1`"""  # noqa: E501
    )


def test_a_blocked_review() -> None:
    finding = a_finding(says=says(EVIDENCE, "answers 404 at each look since 2026-06-14 06:02 UTC"), remedy=AGAIN)
    rival = Rival(pull=PullNo(58), rig=Handle("cormorant"), evidence="https://example.org")
    snapshot = a_snapshot(probes=(a_probe(seen=Seen.DEAD),), record=Record(stamps=1), rivals=(rival,))
    assert told(snapshot, a_judgement(finding, passed=PASSED)) == (
        """\
**BLOCKED** · `w-870be07fbc` `Teach the mayor to count` · rig `polecat-7` · review #1 of head `vedj3hu`.
Accept would be refused now.

| Check | Result | What was seen |
|---|---|---|
| evidence is alive | **FAIL** | The link <https://github.com/gastownhall/beads/pull/412> answers 404 at each look since \
2026-06-14 06:02 UTC. Discard the branch (b in the wl board), then: `wl done w-870be07fbc --evidence "<URL>"`. \
A validator may override it. |

2 more checks passed.

This pull is work: `wanted` 1 row (`open` to `in_review`); `completions` 1 row added. Nothing else.
Worker `polecat-7`: 1 stamp, quality not in numbers; also on this item: \
[pull 58](/repositories/hop/wl-commons/pulls/58) by `cormorant`.
Checked 2026-06-14 14:02 UTC against main `de0p373`.

"""
        + INVITATION
        + """

```
/override evidence_is_alive --at vedj3hu.1 --because "…"
/reject --at vedj3hu.1 …
/recheck
/help
```

`stampbot/1 review -~746b6b5ff0f5c793~4b4f41983615e5d9~- BLOCKED vedj3hu86lq0b41dqem7qnjbeelk8kid dfdbdfbc440b 1`"""
    )


def test_a_waiting_review() -> None:
    snapshot = a_snapshot(changes=changes_of(claims()), probes=())
    assert told(snapshot, a_judgement(waiting_for="the rig's evidence", passed=PASSED)) == (
        """\
**WAITING** · `w-870be07fbc` `Teach the mayor to count` · rig `polecat-7` · review #1 of head `vedj3hu`.
Nothing to decide yet: waiting for the rig's evidence.

2 checks passed.

This pull is a claim: `wanted` 1 row (`open` to `claimed`). Nothing else.
Worker `polecat-7`: no stamps yet.
Checked 2026-06-14 14:02 UTC against main `de0p373`.

Validators, put one of these on a line of its own (… is your reason):

```
/close --at vedj3hu.1 …
/recheck
/help
```

`stampbot/1 review -~5d4a96ce2dbaa358~-~- WAITING vedj3hu86lq0b41dqem7qnjbeelk8kid 4ccd6328cf84 1`"""
    )


def test_a_review_that_cannot_tell() -> None:
    forbids = a_finding("rows_are_whole", Level.FORBID, says="The diff holds a warning.", remedy="Push the branch again")
    unsure = a_finding(level=Level.UNSURE, says=f"The bot cannot judge {quote(EVIDENCE)}: open it yourself.")
    crash = RuleCrash(rule="no_competing_pull", error="KeyError")
    snapshot = a_snapshot(probes=(a_probe(seen=Seen.UNKNOWN, reason="time-out"),))
    assert told(snapshot, a_judgement(forbids, unsure, crashes=(crash,))) == (
        """\
**CANNOT TELL** · `w-870be07fbc` `Teach the mayor to count` · rig `polecat-7` · review #1 of head `vedj3hu`.
What a merge would bring to main is not known for certain. Accept would be refused.

| Check | Result | What was seen |
|---|---|---|
| rows are whole | **CANNOT TELL** | The diff holds a warning. Push the branch again. |
| evidence is alive | **LOOK** | The bot cannot judge \
<https://github.com/gastownhall/beads/pull/412>: open it yourself. |
| no competing pull | **CANNOT TELL** | Failed with an error of the bot, not of the work. \
The operator finds the error in the log. |

This pull is work: `wanted` 1 row (`open` to `in_review`); `completions` 1 row added. Nothing else.
Worker `polecat-7`: no stamps yet.
Checked 2026-06-14 14:02 UTC against main `de0p373`.

Validators, put one of these on a line of its own (… is your reason):

```
/reject --at vedj3hu.1 …
/recheck
/help
```

`stampbot/1 review -~746b6b5ff0f5c793~b7bc6b74a3a065b2~- CANNOT-TELL vedj3hu86lq0b41dqem7qnjbeelk8kid 8f45bdeec2eb 1`"""
    )


def test_a_second_review_tells_what_changed_first_of_all_the_rows() -> None:
    snapshot = a_snapshot(
        comments=(a_review(Verdict.CANNOT_TELL, head=a_hash("old head")),),
        since_last=changes_of(modified("completions", evidence="https://example.org/130")),
    )
    text = told(snapshot, a_judgement())
    assert "review #2 of head `vedj3hu` (replaces #1).\n" in text
    assert (
        "\n\nChanged since review #1:\n"
        "- head `3dj22nc` to `vedj3hu`\n"
        "- verdict CANNOT TELL to READY\n"
        f"- `completions` `{COMPLETION}` `evidence`: `{EVIDENCE}` to `https://example.org/130`\n\n"
    ) in text
    assert text.endswith(f"\n\n`stampbot/1 review -~746b6b5ff0f5c793~-~- READY {HEAD} 57e0f60bc50f 2`")


def test_the_mark_of_a_review_names_main_where_the_branch_left_it_there() -> None:
    fresh = reviews.mark(a_snapshot(base=MAIN), a_judgement())
    assert (fresh.main, fresh.line) == (
        MAIN,
        f"`stampbot/1 review {MAIN}~746b6b5ff0f5c793~-~- READY {HEAD} 57e0f60bc50f 1`",
    )
    assert read_mark(a_comment(BOT, fresh.line), BOT) == fresh
    stale = reviews.mark(a_snapshot(), a_judgement())
    assert (stale.main, stale.line) == (
        None,
        f"`stampbot/1 review -~746b6b5ff0f5c793~-~- READY {HEAD} 57e0f60bc50f 1`",
    )


# --- evidence -----------------------------------------------------------------------------------------------------------


def evidence_rows(snapshot: Snapshot, judgement: Judgement) -> list[tuple[str, str]]:
    """Check and result of the rows of the table, without the header."""
    lines = [line for line in told(snapshot, judgement).split("\n") if line.startswith("| ")][1:]
    return [(line.split(" | ")[0].removeprefix("| "), line.split(" | ")[1]) for line in lines]


@pytest.mark.parametrize(
    ("seen", "level", "expected"),
    [
        (Seen.REACHABLE, None, [("evidence", "PASS")]),
        (Seen.VERIFIED, None, [("evidence", "PASS")]),
        (Seen.DEAD, Level.FAULT, [("evidence is alive", "**FAIL**")]),
        (Seen.DEAD, Level.DOUBT, [("evidence is alive", "**LOOK**")]),
        (Seen.BLOCKED, Level.FAULT, [("evidence is alive", "**FAIL**")]),
        (Seen.BLOCKED, Level.DOUBT, [("evidence is alive", "**LOOK**")]),
        (Seen.UNKNOWN, Level.UNSURE, [("evidence is alive", "**LOOK**")]),
        (Seen.UNKNOWN, Level.FORBID, [("evidence is alive", "**CANNOT TELL**")]),
        (Seen.DEAD, Level.NOTE, [("evidence", "note")]),
        (Seen.DEAD, None, [("evidence", "not judged")]),
        (Seen.REACHABLE, Level.DOUBT, [("evidence", "PASS"), ("evidence is alive", "**LOOK**")]),
    ],
    ids=str,
)
def test_what_a_link_comes_to_is_what_the_rules_say(seen: Seen, level: Level | None, expected: list[tuple[str, str]]) -> None:
    findings = (a_finding(level=level, says=says(EVIDENCE, "is somehow")),) if level else ()
    assert evidence_rows(a_snapshot(probes=(a_probe(seen=seen),)), a_judgement(*findings)) == expected


def test_a_link_nobody_looked_at_is_said_to_be_so() -> None:
    assert evidence_rows(a_snapshot(probes=()), a_judgement()) == [("evidence", "not looked at yet")]


def test_a_long_link_is_known_by_its_beginning() -> None:
    url = f"https://example.org/{'x' * 100}"
    snapshot = a_snapshot(changes=work(completion=added("completions", evidence=url)), probes=(a_probe(url, Seen.DEAD),))
    text = told(snapshot, a_judgement(a_finding(says=says(url, "answers 404"))))
    assert f"| evidence is alive | **FAIL** | The link <{url}> answers 404. A validator may override it. |" in text
    assert text.count(url) == 1


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (a_probe(title="Count to ten"), "answered 200, `Count to ten`, at 14:00 UTC"),
        (a_probe(final_url="https://e.org/b"), "answered 200, by way of <https://e.org/b>, at 14:00 UTC"),
        (a_probe(kind="github-pr", status=None, reason="merged"), "`github-pr`, `merged`, at 14:00 UTC"),
        (a_probe(probed_at=ago(days=3)), "answered 200, at 2026-06-11 14:02 UTC"),
    ],
    ids=["title", "redirect", "forge", "old"],
)
def test_evidence_is_told_as_what_it_is(probe: Probe, expected: str) -> None:
    told_of = reviews.evidence(Link(EVIDENCE, "completions"), probe, a_snapshot().taken_at)
    assert told_of == f"<{EVIDENCE}> {expected}"


# --- size ---------------------------------------------------------------------------------------------------------------


def test_a_review_of_the_worst_pull_fits_on_a_screen_and_counts_what_it_leaves_out() -> None:
    urls = [f"https://example.org/{n}" for n in range(10)]
    snapshot = a_snapshot(
        changes=work(completion=added("completions", evidence=" ".join(urls))),
        probes=tuple(a_probe(url) for url in urls),
        comments=(a_review(head=a_hash("old head")),),
        since_last=changes_of(*(added("completions", id=f"c-{n}") for n in range(40))),
    )
    findings = [a_finding(f"rule_number_{n}", Level.FAULT) for n in range(20)]
    notes = [a_finding(f"note_number_{n}", Level.NOTE) for n in range(20)]
    text = told(snapshot, a_judgement(*findings, *notes, passed=PASSED))
    assert text.count("\n") + 1 <= reviews.LINES_MAX
    assert "| evidence |  | 10 more links |" in text
    assert "| and |  | 19 more findings, of less weight |" in text
    assert "- 20 more notes" in text


def test_many_tables_are_counted() -> None:
    snapshot = a_snapshot(changes=Changes(schema=tuple(f"t{n}" for n in range(30))), probes=())
    assert "; 22 more tables. Nothing else." in told(snapshot, a_judgement())


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
Way back, for an operator: `stampbot revert s-b7c0fdba3ae69e6a --plan`""",
    ),
    (
        "accepted without a stamp",
        "/accept",
        {"snapshot": merged(a_snapshot(changes=NO_STAMP, items=(), probes=()))},
        """\
**ACCEPTED** · registration pull `[wl] Teach the mayor to count` · by `ana` (rig `ana-town`) at 2026-06-14 13:59 UTC

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
        assert body.count("\n") < reviews.LINES_MAX + 5


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
            assert (cell.children or [])[0].content == md.code(text)[1:-1]


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
