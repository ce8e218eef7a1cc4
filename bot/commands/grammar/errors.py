"""What is said about a command line that was not understood, and about what was not read as a command at all."""

from __future__ import annotations

from bot.commands.grammar.comment import Undecided, one_decision
from bot.commands.grammar.reading import Hint, HintKind, Misread, Parsed, Reading
from bot.messages import md
from bot.messages.md import Md


def explain(misread: Misread, pin: str | None = None) -> Md:
    """The line with carets, everything that is wrong with it, and the line that was probably meant.

    `pin`: the reviewed head, as it is to be typed; where it is known, the line to copy names it.
    """
    says = [md.fill("{says}.", says=p.says) if p.says[-1:] not in ".?" else p.says for p in misread.problems]
    carets = [p.caret for p in misread.problems if p.caret is not None]
    return md.lines(
        md.pointed(misread.line, carets),
        says[0] if len(says) == 1 else md.bullets(says),
        _ready(misread.suggestion, pin if misread.pinnable else None),
    )


def say_hint(hint: Hint, pin: str | None = None) -> Md:
    """Why a line was not read as a command, and what to write instead; `pin` as in `explain`."""
    return md.lines(md.fence((hint.line,)), _why(hint.kind), _ready(hint.ready, pin if hint.pinnable else None))


def two_decisions(reading: Reading) -> Md | None:
    """Why none of the decisions a comment asks for is carried out, below their lines; None if nothing stands against it."""
    found = one_decision(reading)
    if not isinstance(found, Undecided):
        return None
    lines = tuple(parsed.line for parsed in reading.parsed if parsed.decides)
    return md.lines(md.fence(lines) if lines else None, md.fill("{says}.", says=found.says))


def not_alone(parsed: Parsed) -> Md:
    """Why a line that takes a safeguard away is not carried out beside one that was not understood."""
    told = md.fill("{name} was not carried out, because not all of this comment could be.", name=md.code(f"/{parsed.name}"))
    return md.lines(md.fence((parsed.line,)), told)


def _why(kind: HintKind) -> Md:
    match kind:
        case HintKind.LAZY_QUOTATION:
            return md.own(
                "This line still belongs to the quotation above it, so it was not read as a command. "
                "Leave an empty line after the quotation."
            )
        case HintKind.HTML:
            return md.own(
                "This line is part of a block of HTML, so it was not read as a command. Leave an empty line after the HTML."
            )
        case HintKind.FENCED:
            return md.own("Commands in a code block are never carried out. Write the line without the fence around it.")
        case HintKind.MID_LINE:
            return md.own("Commands must start their own line.")
        case HintKind.DRESSED:
            return md.own("Commands are plain text: a slash and a name, without marks or a name in front.")
        case HintKind.WL:
            return md.own("That is a line for the command line tool `wl`. In a comment, commands begin with a slash.")
        case HintKind.CUT:
            return md.own("Only the first 16 kB of a comment are read, and this line stands below. Write it on its own.")


def _ready(line: str | None, pin: str | None) -> Md | None:
    """The line to copy, with the reviewed head behind the command's name where that is missing."""
    if line is None:
        return None
    name, _, rest = line.partition(" ")
    return md.lines(md.own("Ready to copy:"), md.fence((f"{name} --at {pin} {rest}".rstrip() if pin else line,)))
