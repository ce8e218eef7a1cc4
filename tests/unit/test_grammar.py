"""Reading commands in comments: what is understood, what is not and how it is said, and what is never even looked at."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.catalog import CatalogError, catalog_of, find
from bot.commands.command import Command, CommandContext, Decision, Follow, command
from bot.commands.grammar import errors
from bot.commands.grammar.comment import GUESSES_MAX, Undecided, one_decision, read
from bot.commands.grammar.option import (
    AS,
    AT,
    DRY_RUN,
    Flag,
    Fraction,
    Got,
    HeadPrefix,
    OneOf,
    Option,
    Rating,
    RigHandle,
    SkillList,
    Text,
    Wrong,
)
from bot.commands.grammar.reading import HintKind, Misread, Parsed, Reading
from bot.commands.grammar.signature import Takes
from bot.messages import md
from bot.messages.md import Md

MESSAGE = Option(name="message", short="m", aliases=("msg", "note"), reads=Text(), below=True, says="a message to the worker")
OPTIONS = (
    Option(name="quality", short="q", reads=Rating(), required=True, says="how good the work is"),
    Option(name="reliability", short="r", reads=Rating(), says="how far it can be relied on"),
    Option(name="severity", short="s", reads=OneOf(("leaf", "branch", "root")), says="how much hangs on it"),
    Option(name="skills", aliases=("skill", "tags"), reads=SkillList(), says="skills shown"),
    Option(name="confidence", short="c", reads=Fraction(), says="how sure you are"),
    MESSAGE,
    AT,
    AS,
    DRY_RUN,
)
BECAUSE = Option(name="because", reads=Text(), required=True, below=True, says="why it does not stand against it")


def _said(_context: CommandContext) -> Decision:
    """Do it"""
    return Follow(says=md.own("Done."))


def a_command(name: str, takes: Takes = Takes.NOTHING, *options: Option, decides: bool = False, alias: str = "") -> Command:
    made = command(name=name, takes=takes, options=options, decides=decides, aliases=(alias,) if alias else ())
    return made(_said)


CATALOG = catalog_of(
    (
        a_command("accept", Takes.NOTHING, *OPTIONS, decides=True),
        a_command("reject", Takes.REASON, AT, AS, decides=True),
        a_command("close", Takes.REASON, AT, Option(name="yes", reads=Flag(), says="sure"), decides=True),
        a_command("override", Takes.CHECK, BECAUSE, AT),
        a_command("recheck", Takes.WORDS, alias="retest"),
        a_command("help", Takes.WORDS, alias="?"),
    )
)


def the_one(body: str) -> Parsed | Misread:
    reading = read(body, CATALOG)
    assert len(reading.items) == 1, reading
    return reading.items[0]


def parsed(body: str) -> Parsed:
    item = the_one(body)
    assert isinstance(item, Parsed), item
    return item


def misread(body: str) -> Misread:
    item = the_one(body)
    assert isinstance(item, Misread), item
    return item


# --- understood -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "values"),
    [
        ("/accept --quality 4", "accept", {"quality": 4}),
        ("/accept -q 4 -r good -s ROOT", "accept", {"quality": 4, "reliability": 4, "severity": "root"}),
        ("/accept quality=excellent tags=go,federation", "accept", {"quality": 5, "skills": ("go", "federation")}),
        ("/accept --quality=4/5 --confidence 80%", "accept", {"quality": 4, "confidence": 0.8}),
        ("/accept --quality 2 --confidence=medium", "accept", {"quality": 2, "confidence": 0.6}),
        ("/ACCEPT --Quality Poor", "accept", {"quality": 2}),
        ("/accept. -q 4", "accept", {"quality": 4}),
        ("/accept -q4 -sroot -c80%", "accept", {"quality": 4, "severity": "root", "confidence": 0.8}),
        ("/accept -q=4", "accept", {"quality": 4}),
        ("/recheck!", "recheck", {}),
        ("/retest", "recheck", {}),
        ("/?", "help", {}),
        ("/wl accept -q 3", "accept", {"quality": 3}),
        ("   /accept -q 3", "accept", {"quality": 3}),
        ("/accept --quality 4 --dry-run", "accept", {"quality": 4, "dry-run": True}),
        ("/accept --at 9F3C2A1 --quality 4", "accept", {"quality": 4, "at": "9f3c2a1"}),
        ("/accept --at `9f3c2a1` --quality 4", "accept", {"quality": 4, "at": "9f3c2a1"}),
        ("/accept --as Ana-Town --quality 4", "accept", {"quality": 4, "as": "Ana-Town"}),
        ('/accept -q 4 -m "it is \\"fine\\" \\\\o/"', "accept", {"quality": 4, "message": 'it is "fine" \\o/'}),
        ("/accept -q 4 --message it's", "accept", {"quality": 4, "message": "it's"}),
        ('/accept -q 4 --skills "go,  error  handling, go"', "accept", {"quality": 4, "skills": ("go", "error handling")}),
        ("/close --yes it is a duplicate", "close", {"yes": True}),
        ('/override evidence.is-alive --because "I looked"', "override", {"because": "I looked"}),
        ('/override --because "fine" evidence_is_alive', "override", {"because": "fine"}),
    ],
)
def test_a_command_is_understood(line: str, name: str, values: dict[str, object]) -> None:
    found = parsed(line)
    assert (found.name, dict(found.values)) == (name, values)


@pytest.mark.parametrize(
    "line",
    [
        "/accept\u00a0--quality\u00a04 --message \u201clooks good\u201d",
        "\u200b/accept \u2014quality 4 \u2014message \u201clooks good\u201d",
        "\ufeff/acc\u00adept \u2013\u2013quality 4 --message \u201elooks good\u201c",
        '/accept --quality 4 --message "looks\u200b good\u201d',
        "/accept \u2011\u2011quality 4 --message \uff02looks good\uff02",
        "\u202a/accept --quality 4\u202c --message \u201clooks\u2009good\u201d",
    ],
)
def test_what_phones_and_web_pages_make_of_a_line_is_read_all_the_same(line: str) -> None:
    assert dict(parsed(line).values) == {"quality": 4, "message": "looks good"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("/reject it's not done", "it's not done"),
        ("/reject --at 9f3c2a1 not done: x=y is wrong", "not done: x=y is wrong"),
        ("/reject\nThe link is dead.\n\nPlease fix.\n", "The link is dead.\n\nPlease fix."),
        ("/reject tests are missing\nThanks anyway!", "tests are missing"),
        ("/reject \u2014 because it fails", "\u2014 because it fails"),
        ('/reject --at 9f3c2a1 --reason "no tests"', "no tests"),
        ("/reject --why=no tests", "no tests"),
        ('/reject \u2014reason "a" and "b"', '"a" and "b"'),
        ("/reject -1 from me", "-1 from me"),
        ("/reject\nsee /usr/bin/env\n/shrug", "see /usr/bin/env\n/shrug"),
    ],
)
def test_free_text_needs_no_quoting(body: str, reason: str) -> None:
    found = parsed(body)
    assert (found.name, found.reason) == ("reject", reason)


def test_an_item_may_be_named() -> None:
    assert parsed("/accept w-com-001 -q 4").wanted == "w-com-001"
    found = parsed("/reject w-870be07fbc not done, see w-1")
    assert (found.wanted, found.reason) == ("w-870be07fbc", "not done, see w-1")


def test_long_text_can_stand_below_a_lone_message_option() -> None:
    found = parsed("/accept -q 4 --message\r\nClean fix,\r\ntests included.\r\n")
    assert found.text("message") == "Clean fix,\ntests included."


def test_text_below_a_command_that_takes_none_is_talk() -> None:
    assert parsed("/accept -q 4\nThanks, great work!").values == {"quality": 4}


def test_several_commands_are_read_in_order_each_with_its_own_text_below() -> None:
    reading = read("Hello\n/reject\nno tests\n/recheck links\nbye", CATALOG)
    assert [(p.name, p.reason, p.words) for p in reading.parsed] == [("reject", "no tests", ()), ("recheck", "", ("links",))]
    assert len(reading.items) == 2


def test_an_eleventh_command_is_refused_and_holds_up_the_decision() -> None:
    reading = read("/accept -q 4\n" + "/recheck\n" * 11, CATALOG)
    assert (len(reading.items), len(reading.misread)) == (11, 1)
    assert isinstance(one_decision(reading), Undecided)


# --- not understood -------------------------------------------------------------------------------------------------

PLAIN_ERRORS = [
    ("/accept", None, "`/accept` needs `--quality` (1 to 5, or poor, fair, good, excellent)", "/accept --quality Q"),
    ("/accept 4", 8, "`/accept` does not take loose text. Did you mean `--quality 4`?", "/accept --quality 4"),
    ("/accept --qualty 4", 8, "Unknown option; did you mean `--quality`?", "/accept --quality 4"),
    ("/accept -quality 4", 8, "Unknown option; did you mean `--quality`?", "/accept --quality 4"),
    (
        "/accept --quality 9",
        18,
        "`--quality` takes 1 to 5, or poor, fair, good, excellent",
        "/accept --quality Q",
    ),
    (
        "/accept --quality Q",
        18,
        "`--quality` takes 1 to 5, or poor, fair, good, excellent: put your rating where `Q` stands",
        "/accept --quality Q",
    ),
    (
        "/accept --quality 4 --severity brnch",
        31,
        "`--severity` takes leaf, branch or root; did you mean `branch`?",
        "/accept --quality 4 --severity branch",
    ),
    (
        "/accept --quality 4 --confidence 80",
        33,
        "`--confidence` takes 0 to 1, a percentage, or low, medium, high; did you mean `80%`?",
        "/accept --quality 4 --confidence 80%",
    ),
    ("/accept --quality 4 --quality 5", 20, "`--quality` is given twice", None),
    ("/accept --quality 4 -q 5", 20, "`--quality` is given twice", None),
    ("/accept --quality --severity root", 8, "`--quality` needs a value", "/accept --quality Q --severity root"),
    (
        '/accept --quality 4 --message "looks good',
        30,
        "The quote opened at the caret is never closed. Long text can go below the command, after a lone `--message`",
        None,
    ),
    (
        '/accept --message "looks good',
        18,
        "The quote opened at the caret is never closed. Long text can go below the command, after a lone `--message`",
        None,
    ),
    (
        "/accept --quality 4 --message it's good",
        35,
        '`/accept` does not take loose text; write `--message "it\'s good"`',
        '/accept --quality 4 --message "it\'s good"',
    ),
    (
        "/accept --skills go, federation -q 4",
        21,
        '`/accept` does not take loose text; write `--skills "go, federation"`',
        '/accept --skills "go, federation" -q 4',
    ),
    (
        "/accept --quality 4 --verdict yes",
        20,
        "Unknown option; options: quality, reliability, severity, skills, confidence, message, at, as, dry-run",
        None,
    ),
    ("/accept -q 4 --dry-run=yes", 22, "`--dry-run` takes no value", "/accept -q 4 --dry-run"),
    ("/accept --quality 4 --message", 20, "`--message` needs a value", '/accept --quality 4 --message "…"'),
    ("/accept w-1 w-2 -q 4", 12, "Two items are named: one pull, one item", "/accept w-1 -q 4"),
    ('/accept -q "4"x', 14, "A space must follow the closing quote", None),
    ("/accept --at 9f3c -q 4", 13, None, "/accept --at HEAD.N -q 4"),
    ("/acept --quality 4", 0, "Unknown command; did you mean `/accept`?", "/accept --quality 4"),
    ("/acept --quality 9", 0, "Unknown command; did you mean `/accept`?", "/accept --quality Q"),
    ("/accept: --quality 4", 8, "A space must follow `/accept`", "/accept --quality 4"),
    ("/accept--quality 4", 7, "A space must follow `/accept`", "/accept --quality 4"),
    (
        "/approve",
        0,
        "This commons decides with `/accept --quality Q`; `/approve` does nothing here",
        "/accept --quality Q",
    ),
    (
        "/LGTM -q 5",
        0,
        "This commons decides with `/accept --quality Q`; `/LGTM` does nothing here",
        "/accept -q 5",
    ),
    (
        "/decline no tests",
        0,
        "This commons decides with `/reject …`; `/decline` does nothing here",
        "/reject no tests",
    ),
    (
        "/reject",
        None,
        "`/reject` needs a reason, behind it or on the lines below: the contributor will read it",
        "/reject …",
    ),
    (
        "/reject …",
        None,
        "`/reject` needs a reason, behind it or on the lines below: the contributor will read it",
        "/reject …",
    ),
    (
        "/reject not done --at abc",
        17,
        "Options stand before the reason: here `--at` would be read as a part of it",
        None,
    ),
    ("/reject --force no", 8, "Unknown option; options: at, as", None),
    ("/help --all", 6, "`/help` takes no options", None),
    (
        "/override evidence_is_alive",
        None,
        "`/override` needs `--because` (a text of up to 2,000 characters)",
        '/override evidence_is_alive --because "…"',
    ),
    (
        '/override --because "fine"',
        None,
        "`/override` needs the name of a check, as the review writes it",
        '/override CHECK --because "fine"',
    ),
    ("/override a_b c_d --because fine", 14, None, None),
    (
        "/override a_b --because it is fine",
        27,
        '`/override` does not take loose text; write `--because "it is fine"`',
        '/override a_b --because "it is fine"',
    ),
]


@pytest.mark.parametrize(("line", "caret", "says", "meant"), PLAIN_ERRORS, ids=[row[0] for row in PLAIN_ERRORS])
def test_a_wrong_line_is_told_what_is_wrong_where_and_what_was_meant(
    line: str, caret: int | None, says: str | None, meant: str | None
) -> None:
    found = misread(line)
    if says is not None:
        assert [str(p.says) for p in found.problems] == [says]
    assert (found.line, found.caret, found.suggestion) == (line, caret, meant)


def test_all_problems_of_a_line_are_told_at_once() -> None:
    found = misread("/accept --qualty 4 --severity brnch --confidence 80")
    assert [p.caret for p in found.problems] == [8, 30, 49]
    assert found.suggestion == "/accept --quality 4 --severity branch --confidence 80%"


def test_text_that_cannot_be_corrected_leaves_a_placeholder_in_the_suggestion() -> None:
    found = misread(f"/accept -q 4 --skills {'x' * 33}, go")
    assert (len(found.problems), found.suggestion) == (2, "/accept -q 4 --skills a,b,…")


def test_the_value_of_a_misspelt_option_is_corrected_with_its_name() -> None:
    found = misread("/accept --qualty 9 --mesage it is good")
    assert [str(p.says) for p in found.problems] == [
        "Unknown option; did you mean `--quality`?",
        "`--quality` takes 1 to 5, or poor, fair, good, excellent",
        "Unknown option; did you mean `--message`?",
        '`/accept` does not take loose text; write `--message "it is good"`',
    ]
    assert found.suggestion == '/accept --quality Q --message "it is good"'


def test_a_flood_of_problems_is_cut() -> None:
    assert len(misread("/accept " + "--x " * 3000).problems) == 10


def test_a_reason_or_message_beyond_two_thousand_characters_is_refused() -> None:
    assert len(parsed("/reject " + "x" * 2000).reason) == 2000
    assert misread("/reject " + "x" * 2001).problems[0].says == "A reason takes up to 2,000 characters"
    assert (
        misread("/accept -q 4 --message\n" + "x" * 2001).problems[0].says
        == "`--message` takes a text of up to 2,000 characters"
    )


@pytest.mark.parametrize(
    "line", ["/usr/bin/env fails", "/shrug", "/tmp", "/etc/passwd", "/", "//accept", "/4", "/accept/x", "nothing"]
)
def test_what_is_near_no_command_gets_silence(line: str) -> None:
    assert read(line, CATALOG) == Reading()


# --- one decision ---------------------------------------------------------------------------------------------------


def test_two_decisions_in_one_comment_are_none() -> None:
    reading = read("/accept -q 4\n\n/reject no", CATALOG)
    assert one_decision(reading) == Undecided(Md("Two decisions in one comment: neither was carried out"))
    assert errors.two_decisions(reading) == (
        "```\n/accept -q 4\n/reject no\n```\n\nTwo decisions in one comment: neither was carried out."
    )


def test_a_wrong_second_decision_counts_as_one() -> None:
    assert isinstance(one_decision(read("/accept -q 4\n/rejct no", CATALOG)), Undecided)


def test_a_line_that_was_not_understood_holds_up_the_decision_beside_it() -> None:
    found = one_decision(read("/recheck --all\n/accept -q 4", CATALOG))
    says = "`/accept` was not carried out, because another command in the same comment was not understood"
    assert found == Undecided(Md(says))


def test_one_decision_among_harmless_commands_is_the_one() -> None:
    found = one_decision(read("/recheck\n/accept -q 4\n/help", CATALOG))
    assert isinstance(found, Parsed)
    assert found.name == "accept"


@pytest.mark.parametrize("body", ["", "talk", "/recheck", "/accept --quality 9"])
def test_no_decision_is_none(body: str) -> None:
    assert one_decision(read(body, CATALOG)) is None


# --- never looked at ------------------------------------------------------------------------------------------------

IMMUNE = [
    "```\n/accept -q 4\n```",
    "~~~~\n```\n/accept -q 4\n~~~\n/accept -q 4",
    "    /accept -q 4",
    "\t/accept -q 4",
    "> /accept -q 4",
    "- > /accept -q 4",
    "<!-- \n/accept -q 4\n-->",
    "<pre>\n/accept -q 4\n</pre>",
    "<details>\n<!--\n/accept -q 4\n-->\n</details>",
    "<script>\n/accept -q 4\n</script>",
    "`/accept -q 4`",
    "text `code\n/accept -q 4\nmore` text",
    "text <!-- comment\n/accept -q 4\n--> text",
    'text <a title="\n/accept -q 4\n"> text',
    "- item\n\n      /accept -q 4",
    "``\u200b`\n/accept -q 4",
    "```\n``\u200b`\n/accept -q 4\n```",
    "\u200b```\n/accept -q 4",
    "```\r/accept -q 4\r```",
    "<details>\n\ue000\n/accept -q 4",
    "``\n\ue001\n/accept -q 4\n``",
    "- /accept -q 4",
    "# /accept -q 4",
    "&#47;accept -q 4",
    "\\/accept -q 4",
]


@pytest.mark.parametrize("body", IMMUNE)
def test_code_quotations_and_html_are_immune(body: str) -> None:
    assert read(body, CATALOG).items == ()


@pytest.mark.parametrize(
    "body",
    [
        "Nice!\n/accept -q 4",
        "> he said no\n\n/accept -q 4",
        "```\ncode\n```\n/accept -q 4",
        "/accept -q 4\n---",
        "<br>\n\n/accept -q 4",
        "a ` lone backtick\n\n/accept -q 4",
        "x &amp; y <- z\n/accept -q 4",
    ],
)
def test_a_command_beside_code_quotations_or_html_is_read(body: str) -> None:
    assert [p.name for p in read(body, CATALOG).parsed] == ["accept"]


LINES = st.text(st.characters(exclude_characters="`"), max_size=200) | st.sampled_from(
    ["/accept -q 4", "/reject no\n/close no", " /help", "\r/recheck", "\n\n/accept -q 5\n"]
)


@given(LINES, LINES)
def test_nothing_in_a_fence_is_ever_read(before: str, inside: str) -> None:
    assert read(f"```\n{inside}\n/accept -q 4\n{before}\n```", CATALOG).items == ()


@given(LINES)
def test_nothing_in_a_quotation_is_ever_read(text: str) -> None:
    quoted = "\n".join(f"> {line}" for line in re.split(r"\r\n?|\n", f"{text}\n/accept -q 4"))
    assert read(quoted, CATALOG).items == ()


@given(LINES.filter(lambda text: "-->" not in text))
def test_nothing_in_an_html_comment_is_ever_read(text: str) -> None:
    assert read(f"<!--\n{text}\n/accept -q 4\n-->", CATALOG).items == ()


# --- hints ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "ready"),
    [
        ("> he said no\n/accept -q 4", HintKind.LAZY_QUOTATION, None),
        ("<br>\n/accept -q 4", HintKind.HTML, None),
        ("<details>\n/accept -q 4\n</details>", HintKind.HTML, None),
        ("```\n/accept -q 4\n```", HintKind.FENCED, "/accept -q 4"),
        ("please /accept --quality 4", HintKind.MID_LINE, "/accept --quality 4"),
        ("OK, /accept", HintKind.MID_LINE, "/accept --quality Q"),
        ("@stampbot: /reject it is not done", HintKind.MID_LINE, "/reject it is not done"),
        ("I think you can /accept --qualty 4", HintKind.MID_LINE, "/accept --quality 4"),
        ("wl accept w-ab12 --quality 4", HintKind.WL, "/accept w-ab12 --quality 4"),
        ("$ wl approve", HintKind.WL, "/accept --quality Q"),
        ("x" * 17000 + "\n/accept -q 4", HintKind.CUT, None),
    ],
)
def test_what_only_looks_like_a_command_gets_one_hint(body: str, kind: HintKind, ready: str | None) -> None:
    reading = read(body, CATALOG)
    assert (reading.items, [(h.kind, h.ready) for h in reading.hints]) == ((), [(kind, ready)])


@pytest.mark.parametrize(
    "body",
    [
        "I would not /reject this",
        "use `/accept --quality 4` for that",
        "see /help or /recheck",
        "```\n/accept -q 4\n/reject no\n```",
        "```\n/accept -q 4\n```\n\nlike this",
        "> he said no\n/shrug",
        "<!--\n/accept -q 4\n-->",
        "<details>\n<!--\n/accept -q 4\n-->\n</details>",
        "wl done w-1",
        "wl accept-upstream w-1",
        "the wl accept command",
        "> please /accept -q 4",
    ],
)
def test_talk_about_commands_gets_no_hint(body: str) -> None:
    assert read(body, CATALOG) == Reading()


def test_each_kind_of_hint_has_its_own_sentence() -> None:
    bodies = (
        *("> a\n/help", "<br>\n/help", "```\n/help\n```", "please /accept", "wl accept x", "x" * 17000 + "\n/help"),
        "**/accept**",
    )
    hints = [h for body in bodies for h in read(body, CATALOG).hints]
    assert {h.kind for h in hints} == set(HintKind)
    sentences = {errors.say_hint(h).split("```")[2].strip().split("\n")[0] for h in hints}
    assert len(sentences) == len(HintKind)


def test_a_command_that_runs_leaves_no_room_for_hints_about_talk() -> None:
    reading = read("please /accept -q 4\n\n/recheck", CATALOG)
    assert ([p.name for p in reading.parsed], reading.hints) == (["recheck"], ())


def test_half_a_line_at_the_cut_is_not_read() -> None:
    padding = "x" * (16 * 1024 - 20)
    reading = read(f"{padding}\n/accept -q 4 --as bob-the-builder", CATALOG)
    assert (reading.items, [h.kind for h in reading.hints]) == ((), [HintKind.CUT])


# --- what is said ---------------------------------------------------------------------------------------------------


def test_an_explanation_shows_the_line_the_carets_the_problems_and_the_line_meant() -> None:
    assert errors.explain(misread("/accept --qualty 4 --severity brnch"), pin="9f3c2a1") == (
        "```\n/accept --qualty 4 --severity brnch\n        ^                     ^\n```\n\n"
        "- Unknown option; did you mean `--quality`?\n"
        "- `--severity` takes leaf, branch or root; did you mean `branch`?\n\n"
        "Ready to copy:\n\n```\n/accept --at 9f3c2a1 --quality 4 --severity branch\n```"
    )


def test_a_pin_typed_by_the_asker_is_kept() -> None:
    assert "/accept --quality Q --at 1234567" in errors.explain(misread("/accept --at 1234567"), pin="9f3c2a1")


def test_a_caret_stands_under_its_column_behind_wide_letters() -> None:
    told = errors.explain(misread("/accept -m \u65e5\u672c -q 4 --sevrity root"))
    assert told.split("\n")[1:3] == ["/accept -m 日本 -q 4 --sevrity root", " " * 21 + "^"]


def test_a_long_line_is_shown_around_its_first_caret() -> None:
    told = errors.explain(misread("/accept -q 4 -m " + "x" * 1000 + " --sevrity root"))
    line, caret = told.split("\n")[1:3]
    assert line.startswith("…x")
    assert line[caret.index("^") :] == "--sevrity root"


@given(st.text(max_size=60))
def test_an_explanation_never_lets_a_line_out_of_its_fence(text: str) -> None:
    for item in read(f"/accept ``` ~~~ {text} --zz", CATALOG).items:
        assert isinstance(item, Misread)
        told = errors.explain(item)
        outside = "".join(told.split("```")[0::2])
        assert told.count("```") % 2 == 0
        assert read(told, CATALOG).items == ()
        assert "@" not in re.sub(r"`[^`]*`", "", outside)


# --- laws -----------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *["/accept", "/reject", "/close", "/help", "/acept", "/lgtm", "/wl accept", "wl accept", "--quality", "-q", "4", "5/5"],
        *[
            "--message",
            '"',
            "\u201c",
            "\u201d",
            "\\",
            "'",
            "--at",
            "9f3c2a1",
            "\u2014at",
            "=",
            "--yes",
            "\u200b",
            "\u00a0",
            "-",
        ],
        *["```", "> ", "<br>", "<!--", "-->", "`", "\n", "\n\n", "\r\n", "    ", "\t", "w-1", "it's", "x=y", "--zz", "…", "<a"],
        *["\x00", "\ue000", "\ue0001\ue001", "\ud800", "\u2028", "\x85", "[a]:", "---", ".", "!", ":", "\u0661"],
    ]
)
MESS = st.lists(PIECES | st.sampled_from([" "]), max_size=40).map("".join) | st.text(max_size=300)


@given(MESS)
def test_any_text_is_read_and_everything_about_it_can_be_said(text: str) -> None:
    for catalog in (CATALOG, find()):
        reading = read(text, catalog)
        one_decision(reading)
        said = [*(errors.explain(m, "9f3c2a1") for m in reading.misread), *(errors.say_hint(h) for h in reading.hints)]
        assert all(isinstance(words, Md) for words in said)
        assert len(reading.items) <= 11


WORDS = st.sampled_from(
    [
        *["--because", "--severity", "--qualty", "--at=", "--as", "--message=", "--yes=1", "-m", "-q9"],
        *["brnch", "why", "go,", "80", "=", '"', "…", "w-2", "a_b", ".", "<rig>"],
    ]
)


@given(
    name=st.sampled_from(["accept", "acept", "override", "reject", "close", "help", "recheck", "unhold", "lgtm"]),
    text=st.lists(PIECES | WORDS | st.sampled_from([" ", " "]), max_size=14).map("".join),
)
def test_a_suggested_line_can_be_read_or_waits_for_its_placeholders_only(name: str, text: str) -> None:
    line = f"/{name} {text}".split("\n")[0]
    for catalog in (CATALOG, find()):
        for item in read(line, catalog).misread:
            if item.suggestion is not None:
                (again,) = read(item.suggestion, catalog).items
                assert isinstance(again, Parsed) or again.suggestion == again.line


@given(st.lists(PIECES, min_size=1, max_size=4).map("".join), st.integers(1_000, 40_000))
def test_reading_takes_bounded_time_however_long_and_repetitive_the_text(piece: str, times: int) -> None:
    started = time.process_time()
    read(piece * times, CATALOG)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("reader", [Rating(), Fraction(), OneOf(("a", "b")), SkillList(), Text(), HeadPrefix(), RigHandle()])
@given(text=MESS)
def test_a_reader_never_raises_and_never_takes_its_own_place_holder(reader: Rating, text: str) -> None:
    assert isinstance(reader.read(text), Got | Wrong)
    assert isinstance(reader.read(reader.shape.strip('"')), Wrong)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_fraction_is_never_beyond_one(value: float) -> None:
    for text in (str(value), f"{value:.3f}", f"{value}%"):
        got = Fraction().read(text)
        assert isinstance(got, Wrong) or (isinstance(got.value, float) and 0 <= got.value <= 1)


# --- the catalogue --------------------------------------------------------------------------------------------------


def test_this_installation_has_the_commands_of_the_handbook() -> None:
    assert {"accept", "reject", "close", "recheck", "help"} <= {c.name for c in find().commands}


def test_every_option_line_of_the_catalogue_is_understood_by_its_own_command() -> None:
    for one in find().commands:
        assert one.title
        assert all(one.option(word) is o for o in one.options for word in (o.name, *o.aliases))
        assert the_name(one.skeleton) == one.name


def the_name(line: str) -> str | None:
    (item,) = read(line, find()).items
    return item.name


def test_a_name_claimed_twice_is_refused_with_both_claimants() -> None:
    with pytest.raises(CatalogError, match="/retest is claimed by /hold and /recheck"):
        catalog_of((*CATALOG.commands, a_command("hold", alias="retest")))


def test_an_option_named_twice_is_refused() -> None:
    with pytest.raises(CatalogError, match=r"/x has --message twice.*/x has -m twice"):
        catalog_of((a_command("x", Takes.NOTHING, MESSAGE, MESSAGE),))


def test_a_command_without_a_docstring_is_refused() -> None:
    def silent(_context: CommandContext) -> Decision:
        return Follow(says=md.own("Done."))

    with pytest.raises(ValueError, match="no docstring"):
        command(name="silent")(silent)


def test_a_comment_is_read_once_and_a_list_of_paths_is_no_list_of_near_misses() -> None:
    commands = find()
    body = "".join(f"/a{number:x}z\n" for number in range(2300))
    assert read(body, commands) is read(body, commands)
    paths = "".join(f"/usr{number}\n" for number in range(GUESSES_MAX))
    assert [item.name for item in read(f"/acept -q 4\n{paths}", commands).items] == ["accept"]
    assert read(f"{paths}/acept -q 4", commands).items == ()
    assert [item.name for item in read(f"{paths}/accept -q 4", commands).items] == ["accept"]
