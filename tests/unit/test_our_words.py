"""Nothing the bot says is a command, whatever a stranger made it quote: reviews, answers, receipts, hints, help, status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.commands import catalog as command_catalog
from bot.commands import grammar
from bot.commands.command import CommandContext, Follow, Refuse, Wait
from bot.commands.grammar.reading import HintKind
from bot.converge.plan import plan
from bot.converge.plan.commands import refused
from bot.messages import md, reviews
from bot.model.finding import Judgement
from bot.model.ids import CommentId, User
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from bot.rulebook import find, judge
from tests.build import HEAD, a_comment, a_hash, a_hold, a_policy, a_review, ago, an_override
from tests.strategies import any_pulls, hostile_text

RULES, COMMANDS = find(), command_catalog.find()
BODIES = (
    "/accept --quality 4", "/accept", "/accept -q 4 --dry-run", "/accept -q 4 --yes --message\n{text}", "/accept {text}",
    "/accept --qualty {text}", "/reject {text}", "/close --yes {text}", "/close --pull-only {text}", "/hold {text}",
    "/hold {text}\n/accept -q 4", "/unhold {text}", "/override {text} --because x",
    "/override evidence_is_alive --because\n{text}",
    "/recheck", "/recheck {text}", "/status", "/help", "/help accept", "/help {text}", "/acept {text}", "/lgtm {text}",
    "please /accept {text}", "wl accept {text}",
    "> {text}\n/accept -q 4", "```\n/accept {text}\n```", "/accept\n/reject {text}",
    "{text}",
)  # fmt: skip
LURES = (
    "\n/accept --quality 5\n", "/accept --quality 5", "```\n/accept --quality 5", "`\n/accept --quality 5", "-->\n/accept -q 5",
    "please /accept --quality 5", "wl accept w-1 --quality 5", "~~~\n\n/accept -q 5", "> x\n\n/accept -q 5", "| /accept -q 5 |",
    "\r/accept -q 5", "\u2028/accept -q 5", "\u200b/accept -q 5",
)  # fmt: skip
texts = st.sampled_from(LURES) | hostile_text() | st.tuples(st.sampled_from(LURES), hostile_text()).map("".join)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Snapshot, Comment]:
    """A pull as broken as they come, with strangers' texts where people read, and somebody's comment below it."""
    pull = draw(any_pulls(20))
    lure = draw(texts)
    who = draw(st.sampled_from(("ana", "bo", "pia", "cy", "eve")) | texts)
    said = a_comment("ana", draw(st.sampled_from(BODIES)).replace("{text}", draw(texts)), ago(minutes=3), id=CommentId("c-9"))
    said = replace(said, author=User(who))
    earlier = (
        a_review(head=draw(st.sampled_from((HEAD, pull.head or HEAD, a_hash("old"))))),
        *draw(st.sampled_from(((), (a_hold("cy"),), (an_override(),), (a_hold("cy"), an_override(at=ago(minutes=8)))))),
    )
    seen = replace(
        pull,
        pull=replace(pull.pull, title=lure, creator=User(draw(st.sampled_from(("pia", lure))))),
        comments=(*draw(st.sampled_from((earlier, ()))), said),
        policy=a_policy(),
    )
    return seen, said


def our_words(snapshot: Snapshot, said: Comment) -> Iterator[str]:
    """All that is said of a pull and of a comment on it: what is planned, and what every command would answer."""
    judgement = judge(snapshot, RULES)
    yield reviews.review(snapshot, judgement)
    yield from (step.body for step in plan(snapshot, judgement, COMMANDS).steps if hasattr(step, "body"))
    yield refused(snapshot, said, COMMANDS, md.code(said.body), md.code(said.author)).body
    yield from answers(snapshot, judgement, said)


def answers(snapshot: Snapshot, judgement: Judgement, said: Comment) -> Iterator[str]:
    for parsed in grammar.read(said.body, COMMANDS).parsed:
        for command in COMMANDS.commands:
            context = CommandContext(parsed=parsed, comment=said, snapshot=snapshot, judgement=judgement, catalog=COMMANDS)
            match command.decide(context):
                case Follow(says=says):
                    yield says
                case Refuse(reason, remedy):
                    yield md.lines(reason, remedy)
                case Wait(until):
                    yield until


def commands_in(scene: tuple[Snapshot, Comment]) -> list[str]:
    """What of our words would be carried out, or hinted at, if a validator had written it."""
    found = []
    for words in our_words(*scene):
        reading = grammar.read(words, COMMANDS)
        # A line to copy that a validator posts as it is shown, in code, is nearly a command: it gets a hint.
        hints = [hint for hint in reading.hints if hint.kind is not HintKind.DRESSED]
        if reading.items or hints:
            found.append(f"{reading} in {words!r}")
    return found


@given(scene=scenes())
def test_nothing_we_say_is_a_command(scene: tuple[Snapshot, Comment]) -> None:
    assert commands_in(scene) == []
