"""A forge's or a registry's word about a link, in words: what the thing is, what became of it, when and by whom."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.messages import md, time
from bot.messages.md import Md
from bot.model.evidence import Probe, Seen
from bot.model.reasons import reason_of

_TIMES = ("merged_at", "published_at", "closed_at", "updated_at", "created_at")


def said(probe: Probe) -> tuple[Md, ...]:
    """What a forge said, piece by piece: GitHub pull · merged 2026-06-14 12:02 UTC by `ana` · 14 files · `Title`.

    Every value is a stranger's text but the words of the state, which are read here.
    """
    pieces = [named(probe), *_became(probe)]
    if count := _number(probe.fact("files")):
        pieces.append(md.own("1 file") if count == "1" else md.fill("{n} files", n=Md(count)))
    if title := probe.fact("title"):
        pieces.append(md.code(title, 80))
    if name := probe.fact("renamed_to"):
        pieces.append(md.fill("renamed to {name}", name=md.code(name, 80)))
    return tuple(pieces)


def named(probe: Probe) -> Md:
    """What the thing is called; for a kind without a label, its code."""
    return md.label(probe.label) if probe.label else md.code(probe.kind, 32)


def state(probe: Probe) -> Md:
    """The reason of a result in a few words; what is doubtful goes with its code, to be looked up."""
    reason = reason_of(probe.reason, probe.seen)
    if not reason.brief:
        return md.code(probe.reason, 60)
    if probe.seen in (Seen.VERIFIED, Seen.REACHABLE):
        return md.own(reason.brief)
    return md.fill("{brief} ({code})", brief=md.own(reason.brief), code=md.code(probe.reason, 60))


def _became(probe: Probe) -> tuple[Md, ...]:
    """`merged 2 hours ago by ana`; all else that can come of a thing stands before when and by whom."""
    merged = probe.seen is Seen.VERIFIED and probe.fact("state") == "merged"
    # Of several times the one that says when it became what it is.
    when = next((found for found in (_moment(probe.fact(name)) for name in _TIMES) if found is not None), None)
    who = probe.fact("merged_by") if merged else probe.fact("author")
    told = [
        *((time.clock(when),) if when is not None else ()),
        *((md.fill("by {who}", who=md.code(who, 40)),) if who else ()),
    ]
    if merged:
        return (md.join([md.own("merged"), *told], " "),)
    return (state(probe), *((md.join(told, " "),) if told else ()))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: str) -> str:
    return text if text.isascii() and text.isdecimal() and len(text) < 10 else ""
