"""A validator's decision from the command line, by the validator's own token.

Where comments can be read, it is a comment like any other: it is posted, and the bot hears it. Where they cannot (v1alpha1),
this process carries the decision out itself. It is the same plan and the same steps: the command stands in the snapshot as a
comment by the account of the token, below a review that is made here and now. What makes a comment's decision safe makes this
one safe: the ids of decision and stamp are derived, from who decides, what and on which head; rows are read back; and to finish
one that was cut short, it is given again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from bot.commands import grammar
from bot.commands.authority import Denied, may_decide
from bot.commands.command import Catalog
from bot.commands.decision_rows import DECIDED_ELSEWHERE
from bot.commands.grammar import errors
from bot.commands.grammar.reading import Parsed
from bot.converge.bot import Site
from bot.converge.converge import Report, converge, look
from bot.dolthub.dialect_v1 import Journal
from bot.messages import md, reviews
from bot.messages.md import Md
from bot.model.finding import Judgement
from bot.model.ids import CommentId, PullNo, User, digest
from bot.model.mark import NO_HEAD, MarkKind, read_mark
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from bot.model.step import Outcome

BOT_HERE = User("stampbot:decide")
"""Who speaks in a decision that is carried out here. No account is called so: whoever decides must not pass for the bot."""
LOOK_AGAIN_S = 1.0


class CannotDecide(Exception):
    """Nothing was done, and this is why. Foreign words in it are quoted."""

    def __init__(self, says: Md) -> None:
        super().__init__(says)
        self.says = says


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """How a decision was answered, and what was said."""

    outcome: Outcome
    says: str


def read(text: str, commands: Catalog) -> Parsed:
    """The one decision of a text. Raises CannotDecide."""
    found = grammar.read(text, commands)
    if found.misread:
        raise CannotDecide(md.lines(*(errors.explain(each) for each in found.misread)))
    deciding = [parsed for parsed in found.parsed if parsed.decides]
    if len(found.items) != 1 or len(deciding) != 1:
        raise CannotDecide(md.own("Write one decision, such as `/accept --quality 4`. See: `stampbot commands`."))
    return deciding[0]


def whoami(site: Site) -> User:
    """Whose token this is. Raises HubError, and CannotDecide without a token."""
    who = site.hub.me()
    if who is None:
        raise CannotDecide(md.own("Set STAMPBOT_HUB_TOKEN to an API token of your own: it says who decides."))
    return who


def may(snapshot: Snapshot, who: User, parsed: Parsed) -> None:
    """Raises CannotDecide if this account may not decide so: with somebody else's token, say, or the bot's."""
    allowed = may_decide(snapshot, who, parsed.name, parsed.text("as"))
    if isinstance(allowed, Denied):
        told = md.fill("This token is that of {who}.", who=md.code(who))
        raise CannotDecide(md.lines(told, md.join([allowed.reason, allowed.remedy], " ")))


def as_spoken_here(site: Site, journal: Journal) -> Site:
    """The parts of a bot that carries a decision out here, on a host where comments cannot be read."""
    return site.with_journal(journal, BOT_HERE)


@dataclass(slots=True)
class Overlay:
    """The journal, with the review and the command that are in nobody's comment in it; keeps what is said."""

    journal: Journal
    extra: tuple[Comment, ...] = ()
    said: list[str] = field(default_factory=list)

    def list(self, number: PullNo, _by: User, /) -> tuple[Comment, ...]:
        """All of it, oldest first. What we say here is ours by another name than the token's."""
        ours = self.journal.list(number, BOT_HERE)
        return tuple(sorted((*ours, *self.extra), key=lambda c: (c.created_at, c.id)))

    def add(self, number: PullNo, body: str) -> CommentId:
        self.said.append(body)
        return self.journal.add(number, body)

    def sent(self, number: PullNo, mark: str) -> int:
        return self.journal.sent(number, mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What there is to decide, seen now, and who decides."""

    snapshot: Snapshot
    judgement: Judgement
    who: User
    text: str

    @property
    def comment(self) -> Comment:
        """The decision as if it had been written now.

        Its id is the same whenever it is given again, so that its answer and its landing branches are found again.
        """
        at, pull = self.snapshot.taken_at, self.snapshot.pull.number
        words = " ".join(self.text.split())
        name = digest("decide/1", str(self.snapshot.commons), str(pull), self.who, self.snapshot.head or NO_HEAD, words)
        return Comment(
            id=CommentId(f"{DECIDED_ELSEWHERE}{name[:16]}"), author=self.who, body=self.text, created_at=at, updated_at=at
        )

    @property
    def review(self) -> Comment:
        """The review it stands on: this one, whoever has posted it or not."""
        at = self.comment.created_at - timedelta(seconds=1)
        line = reviews.mark(self.snapshot, self.judgement).line
        return Comment(id=CommentId("decide-review"), author=BOT_HERE, body=line, created_at=at, updated_at=at)


def consider(number: PullNo, text: str, site: Site) -> Case:
    """See what there is to decide. Does nothing. Raises HubError, redis.RedisError and CannotDecide."""
    parsed, who = read(text, site.commands), whoami(site)
    here = site if site.hub.comments_readable else as_spoken_here(site, Overlay(site.store.posted))
    snapshot, judgement, _ = look(number, here)
    case = Case(snapshot=snapshot, judgement=judgement, who=who, text=text)
    # Rigs are read around whoever commented; the asker has not.
    asked = Overlay(site.store.posted, (case.review, case.comment))
    if not snapshot.comments_readable:
        snapshot, _, _ = look(number, as_spoken_here(site, asked))
    may(snapshot, who, parsed)
    return case


def post(case: Case, site: Site) -> CommentId:
    """Say it where the bot hears it. Raises HubError; HubBusy(unknown_end) where it may stand there already."""
    return site.hub.comment(case.snapshot.commons, case.snapshot.pull.number, case.text)


def carry_out(
    case: Case,
    site: Site,
    *,
    extend: Callable[[], None] = lambda: None,
    wait: Callable[[Report, float], None],
) -> Decided:
    """Do it, to its answer. `wait(report, seconds)` is called while something has to be waited for, and may raise.

    Raises HubError and redis.RedisError; what was begun is finished by deciding the same once more.
    """
    number, comment = case.snapshot.pull.number, case.comment
    overlay = Overlay(site.store.posted, (case.review, comment))
    here = as_spoken_here(site, overlay)
    while True:
        report = converge(number, here, extend=extend)
        found = _answer(overlay, number, comment)
        if found is not None:
            return Decided(outcome=found, says=overlay.said[-1] if overlay.said else "")
        at = report.next_look_at
        due_s = (at - here.clock()).total_seconds() if at is not None else LOOK_AGAIN_S
        wait(report, min(max(due_s, 0.05), LOOK_AGAIN_S))


def _answer(overlay: Overlay, number: PullNo, comment: Comment) -> Outcome | None:
    marks = (read_mark(c, BOT_HERE) for c in overlay.list(number, BOT_HERE))
    outcomes = [m.outcome for m in marks if m is not None and m.kind is MarkKind.ANSWER and m.comment == comment.id]
    return Outcome(outcomes[-1]) if outcomes and outcomes[-1] != Outcome.PARKED.value else None
