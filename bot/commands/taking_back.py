"""What an account can take back, and the facts that end it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands import grammar
from bot.commands.command import Catalog
from bot.messages import md, time
from bot.messages.md import Md
from bot.model.ids import CommentId, User
from bot.model.mark import CANCEL, UNREJECT, Fact
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """Something an account can take back: the command that made it, in words, and the comment that waits, if it is one."""

    name: str
    told: Md
    comment: CommentId | None = None

    def end(self, user: User) -> Fact:
        """The fact that ends it."""
        if self.comment is not None:
            return Fact(command=CANCEL, by=user, of=self.comment)
        return Fact(command="unhold", by=user, of=user) if self.name == "hold" else Fact(command=UNREJECT, by=user)


def in_force(snapshot: Snapshot, comment: Comment, commands: Catalog) -> tuple[InForce, ...]:
    """What was in force of a comment's author when it was written: decisions that wait, a hold, a rejection.

    Of a pull that is not open any more nothing is: what was decided is carried out, and what waits is about to be.
    """
    if snapshot.pull.state is not PullState.OPEN:
        return ()
    user = comment.author
    before = snapshot.comments[: next((at for at, c in enumerate(snapshot.comments) if c.id == comment.id), None)]
    found: list[InForce] = []
    for each in before:
        if each.author != user or each.edited or snapshot.answer_to(each.id) is not None:
            continue
        for parsed in grammar.read(each.body, commands).parsed:
            if parsed.decides:
                told = md.fill("{line} of {when}", line=md.code(f"/{parsed.name}"), when=time.clock(each.created_at))
                found.append(InForce(name=parsed.name, told=told, comment=each.id))
    for hold in snapshot.holds:
        if hold.by == user and hold.at < comment.created_at:
            found.append(InForce(name="hold", told=md.fill("your hold since {when}", when=time.clock(hold.at))))
    for rejection in snapshot.rejections:
        own = snapshot.journal.asker(rejection, "reject") == user
        if own and rejection.comment.created_at < comment.created_at:
            when = time.clock(rejection.comment.created_at)
            found.append(InForce(name="reject", told=md.fill("your rejection of {when}", when=when)))
    return tuple(found)
