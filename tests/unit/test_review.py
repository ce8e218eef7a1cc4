"""The review comment: whole ones as people see them, and the laws that every review keeps."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from bot.commands import grammar
from bot.commands.catalog import find as commands
from bot.commands.command import Refuse
from bot.messages import cells, md, reviews, words
from bot.model.cells import CELLS_SHOWN_MAX, is_conventional, to_show
from bot.model.finding import Level, Verdict
from bot.model.ids import CommentId, User
from bot.model.kind import PullKind
from bot.model.ledger import ChangeKind, Changes, Row, RowChange
from bot.model.mark import read_mark
from bot.model.policy import Pages, Validator
from bot.model.snapshot import Snapshot
from bot.rulebook.judge import judge
from bot.rulebook.kit import gallery
from tests.build import BOT, COLUMNS, HEAD, MAIN, a_comment, a_finding, a_judgement, a_policy, a_probe, a_snapshot, added, work
from tests.unit.reviews_page import PAGE, RULES, by_name, page

COMMANDS = commands()
LINES_MAX, CHARS_MAX = 24, 2_600
ALL = by_name()
MERGEABLE = (PullKind.WORK, PullKind.CLAIM, PullKind.POST, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK)


def body(snapshot: Snapshot) -> str:
    return reviews.body(snapshot, judge(snapshot, RULES))


def test_the_reviews_are_those_on_the_page() -> None:
    assert page() == PAGE.read_text("utf-8"), "look at the difference, then: python -m tests.unit.reviews_page --write"


@pytest.mark.parametrize("snapshot", ALL.values(), ids=ALL)
def test_a_review_is_short_says_its_reason_first_and_nothing_twice(snapshot: Snapshot) -> None:
    judgement = judge(snapshot, RULES)
    text = reviews.body(snapshot, judgement)
    lines = [line for line in text.split("\n") if line.strip() and line != "```"]
    own = [line for line in lines if not line.startswith("- `")]
    assert len(own) <= LINES_MAX, text
    if len(to_show(snapshot)) < 15:
        assert len(text) <= CHARS_MAX, text
    long = [line for line in own if len(line) > 30]
    assert len(long) == len(set(long)), text
    first = lines[0]
    assert first.startswith(f"**{judgement.verdict.value}**")
    if judgement.verdict is not Verdict.READY:
        assert first.startswith(f"**{judgement.verdict.value}** · ")


@pytest.mark.parametrize("snapshot", ALL.values(), ids=ALL)
def test_a_line_that_is_offered_is_accepted_by_the_grammar_and_would_be_carried_out(snapshot: Snapshot) -> None:
    pull = with_validator(snapshot)
    judgement = judge(pull, RULES)
    mark = a_comment("stampbot", reviews.review(pull, judgement), pull.taken_at.replace(hour=13, minute=55), id=CommentId("r"))
    assert read_mark(mark, pull.bot) is not None
    offered = reviews.lines_to_type(pull, judgement, number=len(pull.reviews) + 1)
    if judgement.verdict in (Verdict.WAITING, Verdict.CANNOT_TELL):
        assert [line for line in offered if line != "/unhold"] == []
    for line in offered:
        typed = line.replace("quality Q", "quality 4").replace("…", "it is so")
        (parsed,) = grammar.read(typed, COMMANDS).items
        said = a_comment("val", typed, pull.taken_at.replace(hour=13, minute=58), id=CommentId("c"))
        fresh = tuple(replace(probe, probed_at=pull.taken_at) for probe in pull.probes)
        asked = replace(pull, comments=(*pull.comments, mark, said), probes=fresh)
        command = COMMANDS.get(parsed.name or "")
        assert command is not None, line
        from bot.commands.command import CommandContext
        from bot.commands.grammar.reading import Parsed

        assert isinstance(parsed, Parsed), line
        decision = command.decide(
            CommandContext(parsed=parsed, comment=said, snapshot=asked, judgement=judge(asked, RULES), catalog=COMMANDS)
        )
        assert not isinstance(decision, Refuse), (line, decision)


def with_validator(pull: Snapshot) -> Snapshot:
    """The pull on a commons where account val decides, with the rig val-town."""
    rig = gallery.rig("val-town", "val", trust_level="3")
    policy = replace(pull.policy, validators=(Validator(User("val"), rig.handle),))
    return replace(pull, policy=policy, rigs=(*pull.rigs, rig), columns=pull.columns or COLUMNS)


# --- every cell ---------------------------------------------------------------------------------------------------------

CHARACTERS = st.characters(codec="utf-8") | st.sampled_from("ab`|\\@<\u200b\u202e\u0301\u3164\ufe0f\u180b\U0001d159\t\n\r é")
TEXTS = st.text(CHARACTERS, max_size=12) | st.text("abc \n", min_size=190, max_size=420)
TABLES = ("wanted", "completions", "rigs", "rig_links", "stamps", "badges", "_meta")


@st.composite
def changed_somewhere(draw: st.DrawFn) -> tuple[Snapshot, Snapshot]:
    """A pull, and the same with one character of one cell of it changed, added or left out; unknown columns too."""
    base = gallery.sane(draw(st.sampled_from(MERGEABLE)))
    extra = draw(st.dictionaries(st.sampled_from(("reward", "metadata", "zz")), TEXTS, max_size=2))
    rows = list(base.changes.rows)
    if draw(st.booleans()):
        rows.append(gallery.added(draw(st.sampled_from(TABLES)), **{"id": "x-1", **extra}))
    at = draw(st.integers(0, len(rows) - 1))
    change = rows[at]
    assert change.after is not None
    column = draw(st.sampled_from(change.after.columns + tuple(extra)))
    old = draw(TEXTS)
    where = draw(st.integers(0, len(old)))
    new = old[:where] + draw(st.text(CHARACTERS, max_size=1)) + old[where + draw(st.integers(0, 1)) :]
    assume(old != new)

    def having(value: str) -> Snapshot:
        assert change.after is not None
        after = Row.of({**change.after.as_dict(), **extra, column: value})
        made = [*rows]
        made[at] = RowChange(table=change.table, key=change.key, kind=change.kind, before=change.before, after=after)
        return replace(base, changes=Changes(rows=tuple(made)))

    return having(old), having(new)


SHOWS_NOTHING = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")


def visible(text: str) -> str:
    """What a reader certainly sees of a comment: no mark, no format character, no blank beyond the plain one."""
    return "".join(c for c in text if c == " " or (unicodedata.category(c)[0] in "LNPS" and c not in SHOWS_NOTHING))


@pytest.mark.parametrize(
    "hidden", ["\ufe0f", "\U000e0100", "\u180b", "\U0001d159", "\u200b", "\u3164", "\u17b4", "\u0301", "\u05d0"]
)
def test_a_character_that_may_not_show_is_told_by_the_fingerprint(hidden: str) -> None:
    assert "fingerprint" in cells.value(f"a{hidden}b")
    assert visible(cells.value(f"a{hidden}b")) != visible(cells.value("ab"))


@given(changed_somewhere())
def test_a_changed_character_in_any_cell_shows_or_is_conventional_or_forbids(pair: tuple[Snapshot, Snapshot]) -> None:
    one, other = pair
    event(
        "forbidden"
        if any(judge(each, RULES).verdict in (Verdict.BLOCKED, Verdict.CANNOT_TELL) for each in pair)
        else "compared"
    )
    if any(judge(each, RULES).verdict in (Verdict.BLOCKED, Verdict.CANNOT_TELL) for each in pair):
        return
    differing = [(a, b) for a, b in zip(one.changes.rows, other.changes.rows, strict=True) if a != b]
    (pair_of_rows,) = differing
    known = [{c.column for c in to_show(each)} for each in pair]
    if visible(body(one)) == visible(body(other)):
        # Only times that tools write, and empty cells, are passed over.
        left, right = pair_of_rows
        columns = {c for c in {*(left.changed), *(right.changed)} if left.new(c) != right.new(c)}
        assert columns <= {"created_at", "updated_at", "completed_at", "registered_at", "last_seen"} or all(
            (left.new(c) or "") == (right.new(c) or "") for c in columns
        ), (columns, known)


@given(old=TEXTS, new=TEXTS)
def test_two_values_never_look_alike(old: str, new: str) -> None:
    assume(old != new)
    assert visible(cells.value(old)) != visible(cells.value(new))
    before = cells.rows(to_show(_edit(old, new)))
    assert visible(before) != visible(cells.rows(to_show(_edit(old, old + "x"))) or "-") or new == old + "x"


def _edit(old: str, new: str) -> Snapshot:
    change = RowChange(
        table="wanted",
        key="w-1",
        kind=ChangeKind.MODIFIED,
        before=Row.of({"id": "w-1", "description": old}),
        after=Row.of({"id": "w-1", "description": new}),
    )
    return a_snapshot(changes=Changes(rows=(change,)))


def test_a_pull_with_more_cells_than_can_be_shown_is_blocked() -> None:
    posts = tuple(gallery.added("wanted", id=f"w-{n}", title=f"Post {n}", posted_by=gallery.WORKER) for n in range(9))
    pull = replace(gallery.sane(PullKind.POST), changes=Changes(rows=posts))
    assert len(to_show(pull)) > CELLS_SHOWN_MAX
    judgement = judge(pull, RULES)
    assert (judgement.verdict, "rows_can_be_shown" in {f.rule for f in judgement.at(Level.FAULT)}) == (Verdict.BLOCKED, True)


@pytest.mark.parametrize("kind", MERGEABLE)
def test_what_is_conventional_is_only_what_the_review_says_anyhow(kind: PullKind) -> None:
    pull = gallery.sane(kind)
    hidden = {(c.table, c.column) for c in _cells(pull) if is_conventional(c, pull)}
    assert hidden <= CONVENTIONAL[kind]


def _cells(pull: Snapshot):  # type: ignore[no-untyped-def]
    from bot.model.cells import cells_of

    return cells_of(pull.changes)


TIMES = {("wanted", "created_at"), ("wanted", "updated_at"), ("completions", "completed_at")}
CONVENTIONAL = {
    PullKind.WORK: {
        *TIMES,
        *(("wanted", column) for column in ("status", "claimed_by", "evidence_url")),
        *(("completions", column) for column in ("completed_by", "wanted_id")),
    },
    PullKind.CLAIM: {*TIMES, ("wanted", "status"), ("wanted", "claimed_by")},
    PullKind.POST: {*TIMES, ("wanted", "status")},
    PullKind.EDIT: TIMES,
    PullKind.REGISTRATION: {("rigs", "registered_at"), ("rigs", "last_seen")},
    PullKind.LINK: {("rig_links", "created_at")},
}


# --- pieces -------------------------------------------------------------------------------------------------------------


def test_the_mark_of_a_review_names_main_where_the_branch_left_it_there() -> None:
    fresh, stale = reviews.mark(a_snapshot(base=MAIN), a_judgement()), reviews.mark(a_snapshot(), a_judgement())
    assert (fresh.main, stale.main) == (MAIN, None)
    for mark in (fresh, stale):
        assert read_mark(a_comment(BOT, mark.line), BOT) == mark
        assert mark.head == HEAD


def test_a_link_nobody_looked_at_is_said_to_be_so() -> None:
    assert "/pull/7> not looked at yet" in body(replace(gallery.sane(), probes=()))


def test_many_tables_are_counted() -> None:
    snapshot = a_snapshot(changes=Changes(schema=tuple(f"t{n}" for n in range(30))), probes=())
    assert "; 22 more tables. Nothing else." in reviews.body(snapshot, a_judgement())


def test_many_findings_and_links_are_counted() -> None:
    urls = [f"https://example.org/{n}" for n in range(10)]
    snapshot = a_snapshot(
        changes=work(completion=added("completions", evidence=" ".join(urls))), probes=tuple(a_probe(url) for url in urls)
    )
    findings = [a_finding(f"rule_number_{n}", Level.FAULT, says=f"Fault {n}.") for n in range(20)]
    notes = [a_finding(f"note_number_{n}", Level.NOTE, says=f"Note {n}.") for n in range(20)]
    text = reviews.body(snapshot, a_judgement(*findings, *notes))
    assert "6 more links" in text
    assert "- 12 more findings, of less weight" in text
    assert "- 17 more notes" in text
    assert words.MEANINGS[Verdict.BLOCKED] in text


@given(st.text(st.sampled_from("a\u0301\u0302\u0303\u0488"), max_size=40))
def test_marks_are_stacked_on_a_letter_no_higher_than_two(text: str) -> None:
    import re

    assert re.search("[\u0301\u0302\u0303\u0488]{3}", md.clean(text)) is None


def test_a_review_links_its_page_where_the_operator_said_where_the_pages_are() -> None:
    snapshot = a_snapshot(policy=a_policy(pages=Pages(address="https://stampbot.example.com")))
    footer = reviews.body(snapshot, a_judgement()).split("\n")[-1]
    assert footer.endswith(f"· all checks: <https://stampbot.example.com/{snapshot.commons}/pulls/{snapshot.pull.number}>")
    assert "all checks" not in reviews.body(a_snapshot(), a_judgement())
