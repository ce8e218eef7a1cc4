"""`/override CHECK --because "…"`: a fault does not stand against this head."""

from __future__ import annotations

from bot.commands import check_names, decision
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait, command
from bot.commands.grammar.option import AS, AT, Option, Text
from bot.commands.grammar.signature import Takes
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.finding import Judgement
from bot.model.mark import Fact
from bot.model.pull import PullState

BECAUSE = Option(
    name="because", aliases=("reason", "why"), reads=Text(), required=True, below=True, says="why it does not stand against it"
)


@command(name="override", takes=Takes.CHECK, options=(BECAUSE, AT, AS), loosens=True)
def override(context: CommandContext) -> Decision:
    """Let one failing check count as a doubt, on this head

    For validators without a stake in the work. The check still reports what it finds, and who overrode it; a new commit takes
    the override away. Who somebody is, the yearbook rule and foreign tables are never overridden.
    """
    snapshot = context.snapshot
    if snapshot.pull.state is not PullState.OPEN:
        return decision.not_open(snapshot) or Refuse(
            md.own("This pull is merged, and what its last review said before the merge is what counts now.")
        )
    ground = decision.ground(context, "override")
    if isinstance(ground, Refuse | Wait):
        return ground
    gone = decision.moved(context, ground.review)
    if gone is not None:
        return gone
    check = _named(context.judgement, context.parsed.words)
    if isinstance(check, Refuse):
        return check
    return Follow(
        says=md.lines(
            md.fill(
                "**OVERRIDDEN** · {check} · {subject} · by {user} (rig {rig}) at {when}",
                check=md.code(check),
                subject=words.subject(snapshot),
                user=md.code(context.comment.author),
                rig=md.code(ground.rig.handle),
                when=time.clock(context.comment.created_at),
            ),
            md.fill("Why: {why}", why=md.code(context.parsed.text("because") or "", 1_000)),
            md.fill(
                "On head {head} this check is a doubt now, not a fault; a new commit takes the override away. "
                "A new review follows: decide below it.",
                head=words.short(ground.review.mark.head),
            ),
        ),
        facts=(Fact(command="override", by=context.comment.author, of=check),),
    )


def _named(judgement: Judgement, typed: tuple[str, ...]) -> str | Refuse:
    """The one failing check that was named, or why it is none. Where none was named (help asks so), the first there is."""
    known, final = check_names.ran(judgement), judgement.final
    open_to = tuple(dict.fromkeys(f.rule for f in judgement.overridable))
    word = typed[0] if typed else next(iter(open_to), "")
    if not word:
        return Refuse(md.own("No check fails now that could be overridden."))
    meant, name = check_names.matching(word, known), md.code(word)
    if (meant and set(meant) <= set(final)) or (not meant and check_names.about(word, final)):
        return Refuse(md.fill("The check {name} cannot be overridden.", name=name), _left(open_to))
    if not meant and (unknown := check_names.unknown(typed, known)) is not None:
        return Refuse(unknown.reason, _left(open_to))
    fails = [rule for rule in meant if rule in open_to]
    if len(fails) > 1:
        return Refuse(md.fill("{name} names more than one check.", name=name), _left(open_to))
    if not fails:
        return Refuse(md.fill("{name} does not fail now, so there is nothing to override.", name=name), _left(open_to))
    return fails[0]


def _left(open_to: tuple[str, ...]) -> Md:
    if not open_to:
        return md.own("No check that fails now can be overridden.")
    return md.fill("Failing now, and open to it: {names}.", names=check_names.listed(open_to))
