"""`/help`: what this person can do here, now, and the options of a command."""

from __future__ import annotations

from typing import Any

from bot.commands import grammar
from bot.commands.catalog import catalog_of, find
from bot.commands.command import Catalog, CommandContext, Decision, Follow, Refuse, command
from bot.commands.grammar.option import AS, AT, Flag, Option, Rating
from bot.commands.grammar.signature import Takes
from bot.messages import md
from bot.model.policy import Policy
from tests.build import a_comment, a_judgement, a_review, a_rig, a_snapshot


def _accept(context: CommandContext) -> Decision:
    """Merge this pull

    Rates the work,
    and lands it.
    """
    if context.comment.author == "pia":
        return Refuse(md.lines(md.own("It is your own `work`."), md.own("Really.")), md.own("Ask `bo`."))
    if context.parsed.rating("quality") is None:
        return Refuse(md.own("No rating."))
    return Follow(says=md.own("Done."))


def _close(context: CommandContext) -> Decision:
    """Close this pull"""
    return Follow(says=md.own("Done.")) if context.parsed.reason else Refuse(md.own("No reason."))


QUALITY = Option(name="quality", short="q", aliases=("grade",), reads=Rating(), usual=True, says="how good the work is")
HELP = find().get("help")
assert HELP is not None
CATALOG = catalog_of(
    (
        command(name="accept", options=(QUALITY, AS, Option(name="yes", reads=Flag(), says="sure")), decides=True)(_accept),
        command(name="close", takes=Takes.REASON, options=(AT,), decides=True)(_close),
        HELP,
    )
)


def ask(body: str = "/help", by: str = "ana", catalog: Catalog = CATALOG, **fields: Any) -> Decision:
    comment = a_comment(by, body)
    (parsed,) = grammar.read(body, catalog).parsed
    snapshot = a_snapshot(**{"comments": (a_review(), comment), **fields})
    assert HELP is not None
    return HELP.decide(
        CommandContext(parsed=parsed, comment=comment, snapshot=snapshot, judgement=a_judgement(), catalog=catalog)
    )


def told(found: Decision) -> str:
    assert isinstance(found, Follow), found
    assert found.steps == ()
    return found.says


def test_a_validator_sees_what_would_go_through_now() -> None:
    assert told(ask()) == (
        "**HELP** · `ana` · `w-870be07fbc` `Teach the mayor to count` · validator here, as rig `ana-town`\n\n"
        "- `/accept --quality Q`: Merge this pull. You can.\n"
        "- `/close …`: Close this pull. You can.\n"
        "- `/help`: List what you can do here, now. You can.\n\n"
        "Each on a line of its own. `/help accept` shows the options of a command."
    )


def test_a_worker_sees_the_first_line_of_why_not() -> None:
    said = told(ask(by="pia"))
    assert "- `/accept --quality Q`: Merge this pull. **Not now:** It is your own `work`.\n" in said
    assert "rig `polecat-7`" in said.split("\n")[0]


def test_a_stranger_is_told_that_no_rig_is_theirs() -> None:
    assert told(ask(by="eve")).split("\n")[0].endswith("no rig on main belongs to you")


def test_a_validator_with_several_rigs_is_told_so() -> None:
    rigs = (a_rig("mill", "ana", trust_level="3"), a_rig("kiln", "ana", trust_level="3"))
    assert told(ask(rigs=rigs, policy=Policy())).split("\n")[0].endswith("validator here, with several rigs")


def test_the_options_of_a_command_are_shown() -> None:
    assert told(ask("/help /accept")) == (
        "**`/accept`** · Merge this pull. You can.\n\n"
        "```\n/accept --quality Q [--as <rig>] [--yes]\n```\n\n"
        "Rates the work, and lands it.\n\n"
        "- `--quality Q`: how good the work is; takes 1 to 5, or poor, fair, good, excellent (also `-q --grade`)\n"
        "- `--as <rig>`: the rig you act as, if several of your rigs may decide; takes the handle of one of your rigs\n"
        "- `--yes`: sure"
    )


def test_an_unknown_command_is_refused_with_the_nearest_one() -> None:
    found = ask("/help acept")
    assert found == Refuse(
        md.own("No command `/acept`. Did you mean `/help accept`?"), md.own("Commands: `/accept`, `/close`, `/help`.")
    )


def test_every_real_command_can_be_asked_about_by_anybody_in_any_state() -> None:
    for by in ("ana", "pia", "cy", "eve"):
        said = told(ask(by=by, catalog=find()))
        assert all(f"`{one.skeleton}`" in said for one in find().commands)
        for one in find().commands:
            assert f"**`/{one.name}`**" in told(ask(f"/help {one.name}", by=by, catalog=find()))


def test_what_the_real_commands_say_of_a_worker_and_of_a_stranger_is_that_they_may_not_accept() -> None:
    for by in ("pia", "eve"):
        line = next(line for line in told(ask(by=by, catalog=find())).split("\n") if line.startswith("- `/accept"))
        assert "**Not now:**" in line
