"""`/help`: what this person can do here, now."""

from __future__ import annotations

from bot.commands import authority
from bot.commands.command import Command, CommandContext, Decision, Follow, Refuse, Wait, command
from bot.commands.grammar.option import Option, Rating, near
from bot.commands.grammar.reading import Parsed
from bot.commands.grammar.signature import Takes
from bot.messages import md, words
from bot.messages.md import Md

COMMANDS_MAX = 3


@command(name="help", takes=Takes.WORDS, aliases=("commands", "?"), takes_item=False)
def help_(context: CommandContext) -> Decision:
    """List what you can do here, now

    Without a name: all commands, and for each whether it would go through if you wrote it now. With the name of a command:
    its options.
    """
    if not context.parsed.words:
        return Follow(says=_overview(context))
    found: list[Command] = []
    for word in context.parsed.words[:COMMANDS_MAX]:
        one = context.catalog.get(word.lstrip("/"))
        if one is None:
            return _unknown(context, word)
        found.append(one)
    return Follow(says=md.lines(*(_in_full(context, one) for one in dict.fromkeys(found))))


def _unknown(context: CommandContext, word: str) -> Refuse:
    guess = near(word.lstrip("/"), context.catalog.words)
    told = md.fill("No command {word}.", word=md.code(f"/{word.lstrip('/')}"))
    if guess is not None:
        told = md.fill("{told} Did you mean {guess}?", told=told, guess=md.code(f"/help {guess}"))
    names = md.join([md.code(f"/{c.name}") for c in context.catalog.commands], ", ")
    return Refuse(told, md.fill("Commands: {names}.", names=names))


def _overview(context: CommandContext) -> Md:
    lines = [
        md.fill("{usage}: {title}. {now}", usage=md.code(one.skeleton), title=one.title, now=_now(context, one))
        for one in context.catalog.commands
    ]
    return md.lines(
        md.fill(
            "**HELP** · {user} · {subject} · {role}",
            user=md.code(context.comment.author),
            subject=words.subject(context.snapshot),
            role=_role(context),
        ),
        md.bullets(lines),
        md.own("Each on a line of its own. `/help accept` shows the options of a command."),
    )


def _role(context: CommandContext) -> Md:
    snapshot, user = context.snapshot, context.comment.author
    if authority.is_validator(snapshot, user):
        allowed = authority.may_decide(snapshot, user, "accept")
        if isinstance(allowed, authority.Denied):
            return md.own("validator here, with several rigs")
        return md.fill("validator here, as rig {rig}", rig=md.code(allowed.rig.handle))
    rigs = snapshot.rigs_of(user)
    if not rigs:
        return md.own("no rig on main belongs to you")
    return md.fill("rig {rigs}", rigs=md.join([md.code(r.handle) for r in rigs[:COMMANDS_MAX]], ", "))


def _now(context: CommandContext, one: Command) -> Md:
    """Whether `one` would go through now: it is asked, as it would be if it stood in this comment. Nothing follows from it."""
    if one.name == context.parsed.name:
        return md.own("You can.")
    tried = Parsed(
        name=one.name,
        line=one.skeleton,
        decides=one.decides,
        values={option.name: 3 for option in one.options if isinstance(option.reads, Rating)},
        reason=one.title if one.takes.free else "",
    )
    would = one.decide(
        CommandContext(
            parsed=tried,
            comment=context.comment,
            snapshot=context.snapshot,
            judgement=context.judgement,
            catalog=context.catalog,
        )
    )
    match would:
        case Follow() | Wait():
            return md.own("You can.")
        case Refuse(reason):
            # Our Markdown keeps a sentence, and code in it, on one line.
            return md.fill("**Not now:** {reason}", reason=Md(reason.partition("\n")[0]))


def _in_full(context: CommandContext, one: Command) -> Md:
    names = [md.code(f"/{alias}") for alias in one.aliases]
    return md.lines(
        md.fill("**{name}** · {title}. {now}", name=md.code(f"/{one.name}"), title=one.title, now=_now(context, one)),
        md.fence((one.usage,)),
        Md(" ".join(one.details.split("\n"))) if one.details else None,
        md.bullets(_option(option) for option in one.options) if one.options else None,
        md.fill("Also: {names}.", names=md.join(names, ", ")) if names else None,
    )


def _option(option: Option) -> Md:
    also = [f"-{option.short}"] if option.short else []
    also += [f"--{alias}" for alias in option.aliases]
    told = md.fill("{name}: {says}", name=md.code(f"--{option.name} {option.reads.shape}"), says=md.own(option.says))
    if not option.flag:
        told = md.fill("{told}; takes {takes}", told=told, takes=option.reads.takes)
    return md.fill("{told} (also {also})", told=told, also=md.code(" ".join(also))) if also else told
