"""What is wrong with the rows of a commons as they stand on main, whoever wrote them: pure, from rows to findings.

Reads no clock and asks nobody; `bot/audit/rows.py` reads the rows. Linear in rows: three thousand stamps are one walk.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.commands.decision_rows import WORDS
from bot.model.finding import AuditFinding, Level, Place, RowName
from bot.model.ids import CommitHash, CompletionId, Handle, fold
from bot.model.ledger import Completion, Rig, RigLink, Stamp, Wanted
from bot.model.relations import TIES, Node, Relations, rig_node

RATINGS = ("quality", "reliability", "creativity")
RATING_MAX = 5
WAYS_TOLD_MAX = 50
"""How many pairs of kin are told by which ties they hang together: each costs a walk over their whole clan."""
WAYS = "not_by_the_bot"
"""The check that tells how a row came to main, and not what is wrong with it."""
TRAILER = "stampbot "
TRAILER_MARK = f" -- {TRAILER}"
"""What a message of a statement of the bot's holds before it says which decision it was."""
ABOUT_COMPLETIONS = ("", "completion")
"""Kinds of context that must name a completion. Others name items, boot blocks, endorsements (gt, Kilo)."""
SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The rows that an audit looks at, all of one commit."""

    rigs: tuple[Rig, ...] = ()
    links: tuple[RigLink, ...] = ()
    items: tuple[Wanted, ...] = ()
    completions: tuple[Completion, ...] = ()
    stamps: tuple[Stamp, ...] = ()

    def keys(self) -> frozenset[RowName]:
        """The completions and stamps there are."""
        return frozenset(
            {*(("completions", str(c.id)) for c in self.completions), *(("stamps", str(s.id)) for s in self.stamps)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A commit that brought a row. `straight`: made on main itself, not by a merge.

    A merged row has several: the commit on the branch, and perhaps the merge.
    """

    table: str
    key: str
    commit: CommitHash
    message: str
    straight: bool

    @property
    def is_ours(self) -> bool:
        """Whether the commit's message ends as those of the bot's statements do.

        DoltHub makes the statement's text the message. A hint: who may write to main may write this, too.
        """
        return self.message.rpartition(" -- ")[2].startswith(TRAILER) and " -- " in self.message


def audit(
    books: Books,
    *,
    arrivals: Iterable[Arrival] = (),
    touched: Collection[RowName] | None = None,
    words: bool = False,
) -> tuple[AuditFinding, ...]:
    """Everything that is wrong, worst first, then by check and place.

    `arrivals`: which commits brought rows, of the rows whose coming is to be judged. `touched`: only findings about one of
    these rows are told (None: all). `words`: this commons stores ratings as words.
    """
    found = [
        *_yearbook(books),
        *_contexts(books),
        *_links(books),
        *_doubles(books),
        *_valences(books, words=words),
        *_items(books),
        *_strays(arrivals),
    ]
    told = found if touched is None else [each for each in found if any(row in touched for row in each.rows)]
    return worst_first(told)


def worst_first(findings: Iterable[AuditFinding]) -> tuple[AuditFinding, ...]:
    """By level, then by check and place."""
    return tuple(sorted(findings, key=lambda each: (-each.level.weight, each.check, each.place, each.says)))


# --- author and subject ---------------------------------------------------------------------------------------------


def _yearbook(books: Books) -> Iterator[AuditFinding]:
    """Nobody stamps their own work. The schema compares two handles, case and all; here owners and kin count, too."""
    owners = {fold(rig.handle): fold(rig.owner) for rig in books.rigs if rig.owner}
    acting = dict.fromkeys(Handle(name) for stamp in books.stamps for name in (stamp.author, stamp.subject))
    relations = Relations.of(books.rigs, books.links, acting)
    clans, ways = _clans(relations), dict[tuple[Node, Node], str]()
    for stamp in books.stamps:
        author, subject = stamp.author, stamp.subject
        if fold(author) == fold(subject):
            yield _of_stamp("yearbook", Level.FAULT, stamp, "author", f"{_shown(author)} stamped their own work")
            continue
        owner = owners.get(fold(author))
        if owner and owner == owners.get(fold(subject)):
            says = f"author {_shown(author)} and subject {_shown(subject)} belong to the same DoltHub account, {_shown(owner)}"
            yield _of_stamp("yearbook", Level.FAULT, stamp, "author", says)
            continue
        left, right = rig_node(author), rig_node(subject)
        if left == right:
            says = f"author {_shown(author)} and subject {_shown(subject)} are too alike to be told apart"
            yield _of_stamp("kinship", Level.DOUBT, stamp, "author", says)
        elif clans.get(left, -1) == clans.get(right, -2):
            way = ways.get((left, right)) or (_way(relations, left, right) if len(ways) < WAYS_TOLD_MAX else "other rigs")
            ways[left, right] = way
            says = f"author {_shown(author)} and subject {_shown(subject)} are tied by {way}"
            yield _of_stamp("kinship", Level.DOUBT, stamp, "author", says)


def _clans(relations: Relations) -> Mapping[Node, int]:
    """A number for each node, the same for all that hang together by whatever ties. One walk over all ties."""
    clans: dict[Node, int] = {}
    for number, start in enumerate(relations.ties):
        waiting = [] if start in clans else [start]
        while waiting:
            at = waiting.pop()
            if at not in clans:
                clans[at] = number
                waiting += [other for other, _ in relations.ties.get(at, ()) if other not in clans]
    return clans


def _way(relations: Relations, left: Node, right: Node) -> str:
    path = relations.path([left], right)
    return ", ".join(dict.fromkeys(TIES[tie] for tie in path[1])) if path is not None and path[1] else "other rigs"


# --- stamps and completions -----------------------------------------------------------------------------------------


def _contexts(books: Books) -> Iterator[AuditFinding]:
    """A stamp is about a completion that is there, and about the rig that did it."""
    completions = {done.id: done for done in books.completions}
    for stamp in books.stamps:
        context, kind = stamp.context_id, stamp.row.text("context_type")
        done = completions.get(CompletionId(context))
        if done is None and kind in ABOUT_COMPLETIONS:
            says = f"names completion {_shown(context)}, which is not there" if context else "names no completion"
            yield _of_stamp("orphan_stamp", Level.FAULT, stamp, "context_id", says)
        elif done is not None and done.completed_by != stamp.subject:
            says = f"is for {_shown(stamp.subject)}, but completion {_shown(done.id)} is {_shown(done.completed_by)}'s"
            yield _of_stamp("orphan_stamp", Level.FAULT, stamp, "subject", says, ("completions", done.id))
        elif done is not None and done.stamp_id is None:
            says = f"is about completion {_shown(done.id)}, which does not link it: the scoreboard counts it, others do not"
            yield _of_stamp("unlinked_stamp", Level.DOUBT, stamp, "context_id", says, ("completions", done.id))


def _links(books: Books) -> Iterator[AuditFinding]:
    """A completion links a stamp that is there and is about it, by the one who validated it."""
    stamps = {stamp.id: stamp for stamp in books.stamps}
    for done in books.completions:
        if done.stamp_id is None:
            continue
        stamp, rows = stamps.get(done.stamp_id), (("completions", str(done.id)), ("stamps", str(done.stamp_id)))
        if stamp is None:
            says = f"links stamp {_shown(done.stamp_id)}, which is not there"
        elif stamp.context_id != done.id:
            says = f"links stamp {_shown(stamp.id)}, which is about {_shown(stamp.context_id) or 'nothing'}"
        elif done.validated_by is not None and fold(done.validated_by) != fold(stamp.author):
            says = f"is validated by {_shown(done.validated_by)}, its stamp {_shown(stamp.id)} is by {_shown(stamp.author)}"
        else:
            continue
        place = Place("completions", done.id, "stamp_id")
        yield AuditFinding(check="stamp_link", level=Level.FAULT, place=place, says=says, rows=rows)


def _doubles(books: Books) -> Iterator[AuditFinding]:
    """Each author stamps a completion once: every stamp counts on the scoreboard."""
    groups: dict[tuple[str, str], list[Stamp]] = {}
    for stamp in books.stamps:
        if stamp.context_id and stamp.row.text("context_type") in ABOUT_COMPLETIONS:
            groups.setdefault((stamp.context_id, fold(stamp.author)), []).append(stamp)
    for (context, _), stamps in groups.items():
        if len(stamps) > 1:
            first, *others = sorted(stamps, key=lambda stamp: (stamp.row.text("created_at"), stamp.id))
            says = (
                f"is one of {len(stamps)} by {_shown(first.author)} on completion {_shown(context)};"
                f" the first is {_shown(first.id)}"
            )
            for other in others:
                yield _of_stamp("second_stamp", Level.DOUBT, other, "context_id", says, ("stamps", str(first.id)))


def _valences(books: Books, *, words: bool) -> Iterator[AuditFinding]:
    for stamp in books.stamps:
        trouble = _misread(stamp.row.text("valence"), words=words)
        if trouble is not None:
            level, says = trouble
            yield _of_stamp("valence", level, stamp, "valence", says)


def _misread(valence: str, *, words: bool) -> tuple[Level, str] | None:
    """What readers make of a valence that is not what they expect: integers 1 to 5 (gt: 0 to 5), `quality` at least.

    wl reads item detail and feed into integers, where a half or a word is 0; its scoreboard detail answers with an error for
    everybody if one rating is no number (wl internal/commons/commons.go, scoreboard_detail.go).
    """
    try:
        found = json.loads(valence)
    except (ValueError, RecursionError):
        return Level.FAULT, "is no JSON, so nobody can read it"
    if not isinstance(found, dict):
        return Level.FAULT, "is no JSON object, so it holds no rating"
    if found.get("quality") is None:
        return Level.DOUBT, "has no quality, which readers take for 0"
    for name in RATINGS:
        value = found.get(name)
        if value is None or (words and isinstance(value, str) and value in WORDS.values()):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Level.FAULT, f"{name} is {_shown(value)} and no number: wl's scoreboard detail fails for everybody"
        if not math.isfinite(value) or not 0 <= value <= RATING_MAX:
            return Level.DOUBT, f"{name} is {_shown(value)}, outside 0 to {RATING_MAX}"
        if value != int(value):
            return Level.DOUBT, f"{name} is {_shown(value)}, no whole number: wl's item view reads 0"
    return None


def _items(books: Books) -> Iterator[AuditFinding]:
    """A completed item without a stamp may be closed on purpose, so it is a note."""
    handed: dict[str, list[Completion]] = {}
    for done in books.completions:
        handed.setdefault(done.wanted_id, []).append(done)
    stamped = {stamp.context_id for stamp in books.stamps if stamp.context_id}
    for item in books.items:
        done_for = handed.get(item.id, [])
        if item.status != "completed" or any(done.stamp_id is not None or done.id in stamped for done in done_for):
            continue
        says = "is completed without a stamp" if done_for else "is completed, and nobody submitted a completion"
        yield AuditFinding(
            check="unstamped_item",
            level=Level.NOTE,
            place=Place("wanted", item.id, "status"),
            says=says,
            rows=(("wanted", str(item.id)), *(("completions", str(done.id)) for done in done_for)),
        )


# --- the way rows came ----------------------------------------------------------------------------------------------


def _strays(arrivals: Iterable[Arrival]) -> Iterator[AuditFinding]:
    """Stamps that no commit of the bot brought, and completions that were pushed straight to main."""
    ways: dict[RowName, list[Arrival]] = {}
    for arrival in arrivals:
        ways.setdefault((arrival.table, arrival.key), []).append(arrival)
    for (table, key), came in ways.items():
        if any(each.is_ours for each in came):
            continue
        straight = next((each for each in came if each.straight), None)
        if straight is None and table != "stamps":
            continue  # a pull brought it, which is how work comes
        way = "straight to main, without the bot" if straight else "without the bot"
        says = f"came {way}, by commit {(straight or came[0]).commit}"
        place = Place(table, key)
        yield AuditFinding(check=WAYS, level=Level.DOUBT, place=place, says=says, rows=((table, key),))


def _of_stamp(check: str, level: Level, stamp: Stamp, column: str, says: str, *others: RowName) -> AuditFinding:
    rows = (("stamps", str(stamp.id)), *others)
    if stamp.context_id:
        rows = (*rows, ("completions", stamp.context_id))
    return AuditFinding(
        check=check, level=level, place=Place("stamps", stamp.id, column), says=says, rows=tuple(dict.fromkeys(rows))
    )


def _shown(value: object) -> str:
    """A cell in a sentence: no longer than a line."""
    try:
        text = str(value)
    except ValueError:  # an integer with more digits than Python writes out
        return "a very long number"
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
