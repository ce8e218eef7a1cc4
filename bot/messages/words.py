"""Short pieces that several texts share: how a hash, a time, a rig, an item are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

from bot.messages import md, time
from bot.messages.md import Md
from bot.model.finding import Finding, RuleCrash, Verdict
from bot.model.ids import CommitHash, PullNo, User
from bot.model.journal import Hold
from bot.model.kind import PullKind
from bot.model.ledger import RowChange
from bot.model.snapshot import Snapshot

SHORT_HASH_CHARS = 7
NOTHING_CHANGED: LiteralString = "Nothing was changed."
WATCHING: LiteralString = (
    "This bot only watches: it answers commands with what they would do, and merges and writes nothing. "
    "Its operator can change that."
)
NOTHING_ELSE_CHANGED: LiteralString = "Nothing else was changed."

MEANINGS: dict[Verdict, LiteralString] = {
    Verdict.READY: "Accepting works.",
    Verdict.LOOK: "Accepting works. Look first.",
    Verdict.BLOCKED: "It cannot be accepted now.",
    Verdict.BY_HAND: "Stampbot does not merge these; a maintainer does, on DoltHub.",
    Verdict.WAITING: "There is nothing to decide yet.",
    Verdict.CANNOT_TELL: "Nothing is merged or stamped until it is known what a merge brings.",
}


GROUPS: tuple[tuple[LiteralString, tuple[Verdict, ...], bool], ...] = (
    ("Decide now", (Verdict.READY,), False),
    ("Look", (Verdict.LOOK,), False),
    ("By hand", (Verdict.BY_HAND,), False),
    ("Waiting for the worker", (Verdict.WAITING,), True),
    ("Blocked", (Verdict.BLOCKED, Verdict.CANNOT_TELL), True),
)
"""Groups of a queue, with the verdicts in them and whether they are folded."""


def short(commit: CommitHash) -> Md:
    """The first seven characters of a commit hash, as code."""
    return md.code(commit[:SHORT_HASH_CHARS])


def pull(snapshot: Snapshot, number: PullNo) -> Md:
    """A pull of this commons, as a link from the root of whatever host the comment is read on.

    DoltHub has pulls at this path (hostile-input-and-reliability.md, 3.3). INFERRED: DoltLab has, too, and comments show links.
    """
    return Md(f"[pull {int(number)}](/repositories/{snapshot.commons}/pulls/{int(number)})")


def verdict(found: Verdict) -> Md:
    """A verdict, bold."""
    return Md(f"**{found.value}**")


def subject(snapshot: Snapshot) -> Md:
    """What the pull is about, in one phrase: the item and its title, or the pull itself."""
    item = snapshot.item_on_head or snapshot.item
    if snapshot.item_id is not None and item is not None:
        return md.fill("{item} {title}", item=md.code(snapshot.item_id), title=md.code(item.title, 80))
    if snapshot.item_id is not None:
        return md.code(snapshot.item_id)
    rigs, links = snapshot.changes.of("rigs"), snapshot.changes.of("rig_links")
    if snapshot.kind is PullKind.REGISTRATION and len(rigs) == 1:
        return md.fill("rig {handle}", handle=md.code(rigs[0].key, 80))
    if snapshot.kind is PullKind.LINK and len(links) == 1:
        pair = [md.code(links[0].new(side) or links[0].old(side) or "", 80) for side in ("rig_a", "rig_b")]
        return md.fill("link of {pair}", pair=md.join(pair, " and "))
    unread = snapshot.kind is PullKind.EMPTY and snapshot.changes.untold
    kind = Md("unreadable" if unread else snapshot.kind.value)
    title = snapshot.pull.title
    return md.fill("{kind} pull {title}", kind=kind, title=md.code(title, 80)) if title else md.fill("{kind} pull", kind=kind)


def label(of: Finding | RuleCrash) -> Md:
    """The rule's label; the name in words where a finding came from no rule of the catalogue."""
    return md.escape(of.label or of.rule.replace("_", " ").replace(".", " "))


def checks(number: int, *, more: bool = False) -> Md:
    """`1 check`, `33 checks`; with `more`: `33 more checks`."""
    template: LiteralString = "{n} more check" if more else "{n} check"
    return md.fill(template if number == 1 else template + "s", n=md.number(number))


def stopped(said: Md) -> Md:
    """A sentence with a full stop, if it has no end yet."""
    return said if said.endswith((".", "?", "!")) else md.fill("{said}.", said=said)


FOR_A_DAY = md.own("It ends by itself after a day, or with a validator's decision that has `--yes`.")
LIFT = md.own("`/unhold` lifts it, by the holder or by a validator without a stake in the work.")


def held(holds: tuple[Hold, ...], reader: User | None = None) -> Md:
    """Who holds a pull and since when, as half a sentence: `ana` holds this pull since … UTC. `reader` is called you."""
    return md.join([_held(hold, reader) for hold in holds], ", ")


def _held(hold: Hold, reader: User | None) -> Md:
    since = time.clock(hold.at)
    told = (
        md.fill("you hold this pull yourself since {when}", when=since)
        if hold.by == reader
        else md.fill("{who} holds this pull since {when}", who=md.code(hold.by), when=since)
    )
    return told if hold.until is None else md.fill("{told}, until {end}", told=told, end=time.clock(hold.until))


def pin(head: str, number: int) -> str:
    """The review of this number as it is typed behind `--at`: `e98r5t9.2`."""
    return f"{head[:SHORT_HASH_CHARS]}.{number}"


def newest_pin(snapshot: Snapshot, head: str) -> str:
    """The newest review of a head, as it is typed behind `--at`; the head alone where there is none."""
    number = next((review.mark.n for review in reversed(snapshot.reviews) if review.mark.head == head), None)
    return pin(head, number) if number is not None else head[:SHORT_HASH_CHARS]


OVERRIDABLE = md.own("A validator may override it.")
FINAL = md.own("It cannot be overridden.")
FORBIDS = md.own("Nothing is merged or stamped until it is known what a merge brings.")


def override_line(rule: str, at: str) -> str:
    """The line that overrides a check, ready to copy once a reason is put in. `at`: the review, see `pin`."""
    return f'/override {rule} --at {at} --because "…"'


def standing(snapshot: Snapshot) -> Iterator[Md]:
    """What our own answers have established and is in force: who holds the pull, who overrode what, who rejected it."""
    for hold in snapshot.holds:
        yield md.fill(
            "Held by {who} since {when}, when the pull was at {head}. `/unhold` lifts it.",
            who=md.code(hold.by),
            when=time.clock(hold.at),
            head=short(hold.head),
        )
    for override in snapshot.overrides:
        yield md.fill(
            "Overridden on this head: {rule}, by {who} at {when}.",
            rule=md.code(override.rule),
            who=md.code(override.by),
            when=time.clock(override.at),
        )
    if (rejected := snapshot.rejection) is not None:
        who = snapshot.journal.asker(rejected, "reject")
        yield md.fill(
            "Rejected by {who} at {when}, for this {what}.",
            who=md.code(who) if who else md.own("a validator"),
            when=time.clock(rejected.comment.created_at),
            what=md.own("head") if rejected.mark.head == snapshot.head else md.own("evidence"),
        )


def rows(changes: tuple[RowChange, ...], most: int = 12) -> Md:
    """Row changes as a list: table, key, and for a modified row each column from and to. Cut at `most` lines."""
    out: list[Md] = []
    for change in changes:
        where = md.fill("{table} {key}", table=md.code(change.table, 40), key=md.code(change.key, 64))
        match change.kind.value:
            case "modified":
                out.extend(
                    md.fill(
                        "{where} {column}: {old} to {new}",
                        where=where,
                        column=md.code(column, 40),
                        old=_cell(change.old(column)),
                        new=_cell(change.new(column)),
                    )
                    for column in change.changed
                )
            case kind:
                out.append(md.fill("{where} {kind}", where=where, kind=Md(kind)))
    if len(out) > most:
        left = Md(str(len(out) - most + 1))
        out = [*out[: most - 1], md.fill("and {n} more lines", n=left)]
    return md.bullets(out)


def _cell(value: str | None) -> Md:
    return md.code(value, 60) if value is not None else md.own("nothing")
