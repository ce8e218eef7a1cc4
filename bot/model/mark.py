"""Marks: the last, visible line of each comment of ours. The bot's journal is made of nothing else.

    `stampbot/1 <kind> <about> <outcome> <head:32> <digest> <n>`

`about` of a review is `<main>~<cells>~<findings>~<rest>`: the commit at which main stood, if the branch left main there; then
what the review showed, as digests of 16 characters each (`Shown`). `-` stands for none. A mark of the version before has the
commit alone.

`about` of an answer is what it answers: the names of the commands, joined by `+`, then `:` and the comment's id. A command that
made something so that outlasts the comment names it in its place: `hold=ana`, `unhold=bo=ana`, `override=bo=evidence_is_alive`.

A mark counts only if the comment's author is the account of our token, the comment is unedited, and the mark is its last
line: text of strangers that we quote cannot speak as us, and an edited comment of ours says nothing any more.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from bot.model.ids import CommentId, CommitHash, User, digest, is_commit_hash
from bot.model.pull import Comment

NO_HEAD = CommitHash("0" * 32)
"""Stands in a mark where no head was known."""
DENIED = "denied"
"""What a fact is about that says: this account was told that the command is not theirs to give."""


FINDINGS_NAMED_MAX = 8
"""Findings of which a review's mark keeps a digest each; of more it keeps one for all."""


EDITED = "edited"
"""The command of a fact: this account was told that an edited comment gives no command."""
SAME = "same"
"""The command of a fact: this account wrote the same words twice within a second, `of` the id of the other comment."""
CANCEL = "cancel"
"""The command of a fact: this account took back its command that waited, `of` the id of its comment."""
FOR_A_DAY = "day"
"""What a hold is about that ends by itself: its account had no right to decide."""
SHOWN = "shown"
"""The command of a fact: this account was shown a rejection of another one, `of` the id of the comment that says it."""
UNREJECT = "unreject"
"""The command of a fact: this account took its rejection back."""
NEWS = "news"
"""The command of a fact: this account was told what is new since the review it named, `of` its sign."""


class MarkKind(enum.Enum):
    """What a comment of ours is."""

    REVIEW = "review"
    ANSWER = "answer"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that is so because an answer of ours says it, whatever becomes of the comment that asked for it.

    `command` made it so, for the account `by`. `of` is what it is about, if that needs saying: the check that is overridden,
    the account whose hold is lifted.
    """

    command: str
    by: User
    of: str = ""

    @property
    def word(self) -> str:
        """The fact as it stands in a mark; no account and no check can make it look like another."""
        return "=".join((self.command, _quoted(self.by), *((_quoted(self.of),) if self.of else ())))

    @classmethod
    def read(cls, word: str) -> Fact | None:
        """The fact a word of a mark tells; None for the plain name of a command."""
        command, *rest = word.split("=")
        if not rest:
            return None
        return cls(command=command, by=User(_unquoted(rest[0])), of=_unquoted(rest[1]) if len(rest) > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a review showed, as digests of 16 hex digits.

    `cells`: of the rows, the item, the rig and its owner. `findings`: of (rule, level, place) of each finding, worst first, at
    most FINDINGS_NAMED_MAX; `rest`: one for all others, empty if there are none.
    """

    cells: str
    findings: tuple[str, ...] = ()
    rest: str = ""

    @property
    def word(self) -> str:
        """The digests as they stand in a mark."""
        return f"{self.cells}~{'.'.join(self.findings) or '-'}~{self.rest or '-'}"

    @property
    def sign(self) -> str:
        """One digest of all of it."""
        return digest("shown-sign/1", self.cells, *sorted(self.findings), self.rest)[:16]

    @classmethod
    def read(cls, word: str) -> Shown | None:
        """What was shown, by a word of a mark; None for a mark that does not keep it."""
        found = _SHOWN.fullmatch(word)
        if found is None:
            return None
        named, rest = found["findings"], found["rest"]
        return cls(cells=found["cells"], findings=() if named == "-" else tuple(named.split(".")), rest=rest.strip("-"))


_SHOWN = re.compile(r"(?P<cells>[0-9a-f]{16})~(?P<findings>-|[0-9a-f]{16}(?:\.[0-9a-f]{16}){0,7})~(?P<rest>-|[0-9a-f]{16})")


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def _unquoted(text: str) -> str:
    return unquote(text, errors="surrogatepass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark, read.

    `outcome`: the verdict's word for a review; done, refused, parked or hint for an answer.
    `commands` and `comment`: for an answer, what it answers ("reject" and the comment's id); empty for a review.
    `facts`: what those of the commands that were followed made so, whatever the outcome of the others.
    `digest`: of a review, its digest; of an answer, the evidence key it speaks of. `n` counts reviews of this pull.
    `main`: of a review, where main stood when the head was judged, if the branch left main there. Only then can a merge by
    fast-forward follow, and its history does not name that commit. None elsewhere.
    `shown`: of a review, what it showed; None elsewhere, and for a review of a version that did not keep it.
    """

    kind: MarkKind
    outcome: str
    head: CommitHash
    digest: str
    n: int = 0
    commands: tuple[str, ...] = ()
    comment: CommentId | None = None
    facts: tuple[Fact, ...] = ()
    main: CommitHash | None = None
    shown: Shown | None = None

    def by(self, command: str) -> User | None:
        """The account for which a command of this comment was followed, None if it was not, or the mark does not tell."""
        return next((fact.by for fact in self.facts if fact.command == command and fact.of != DENIED), None)

    @property
    def line(self) -> str:
        """The line as it stands in a comment."""
        words = [word for name in self.commands for word in (self._facts(name) or (name,))]
        about = f"{'+'.join(words) or '-'}:{_quoted(self.comment)}" if self.comment else self._looked_at
        return f"`stampbot/1 {self.kind.value} {about} {self.outcome} {self.head} {self.digest or '-'} {self.n}`"

    @property
    def _looked_at(self) -> str:
        return f"{self.main or '-'}~{self.shown.word}" if self.shown is not None else (self.main or "-")

    def _facts(self, command: str) -> tuple[str, ...]:
        return tuple(fact.word for fact in self.facts if fact.command == command)


_LINE = re.compile(
    r"`stampbot/1 (?P<kind>review|answer|notice) (?P<about>[A-Za-z0-9+%:._~=-]+) (?P<outcome>[A-Za-z-]+)"
    r" (?P<head>[0-9a-v]{32}) (?P<digest>[0-9a-z-]+) (?P<n>[0-9]{1,6})`"
)


def read_mark(comment: Comment, bot: User | None) -> Mark | None:
    """The mark of a comment of ours, None for everybody else's words and for anything that only looks like a mark."""
    if bot is None or comment.author != bot or comment.edited:
        return None
    match = _LINE.fullmatch(comment.body.rstrip().rpartition("\n")[2])
    if match is None:
        return None
    names, _, about = match["about"].rpartition(":")
    words = [word for word in names.split("+") if word and word != "-"]
    main, _, shown = match["about"].partition("~") if match["kind"] == MarkKind.REVIEW.value else ("", "", "")
    return Mark(
        kind=MarkKind(match["kind"]),
        outcome=match["outcome"],
        head=CommitHash(match["head"]),
        digest="" if match["digest"] == "-" else match["digest"],
        n=int(match["n"]),
        commands=tuple(dict.fromkeys(word.partition("=")[0] for word in words)),
        comment=CommentId(_unquoted(about)) if names else None,
        facts=tuple(fact for word in words if (fact := Fact.read(word)) is not None),
        main=CommitHash(main) if is_commit_hash(main) else None,
        shown=Shown.read(shown),
    )
