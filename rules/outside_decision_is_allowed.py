"""A decision made with another tool is one that a validator may make.

`wl accept` and its kin write stamps themselves, and nothing but the schema's CHECK guards them: it compares two handles,
case and all (wl schema/commons.sql). So each stamp is held against main: its author is a rig of whoever sends it, may decide
here, and is not the worker under another name (account, e-mail, parent rig, rig link, looks); it is about a completion by its
subject, which names it, and whose item is completed (wl internal/commons). The bot merges no decision but its own; this
tells the maintainer who does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from bot.rulebook import (
    TERMINAL_STATUSES,
    TIES,
    ChangeKind,
    Changes,
    Finding,
    Form,
    Handle,
    Level,
    Place,
    PullKind,
    Relations,
    Rig,
    Row,
    RowChange,
    Snapshot,
    User,
    account_node,
    quote,
    rig_node,
    rule,
    writer,
)

_OTHERWISE = "Close this pull; a validator decides by a comment on the pull that submits the work"
_SETTLED = TERMINAL_STATUSES - {"withdrawn"}
_DECIDED = frozenset({"status", "claimed_by", "evidence_url", "updated_at"})
"""Cells of an item that deciding writes (wl internal/commons, accept-upstream)."""
_NAMED_MAX = 3


@rule(
    Level.FAULT,
    label="Outside decision",
    asks="A decision made with another tool is one that a validator may make",
    kinds=(PullKind.ADMIN,),
    fixed=True,
    formerly="decision_keeps_the_yearbook",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    stamps = pull.changes.of("stamps", ChangeKind.ADDED)
    ledger = _Ledger.of(pull)
    clean = True
    for finding in _found(pull, ledger, stamps):
        clean = False
        yield finding
    if clean and stamps and pull.form is Form.ACCEPTANCE and len(stamps) == len(pull.changes.of("stamps")):
        authors = list(dict.fromkeys(change.new("author") for change in stamps))
        by = ", ".join(quote(author) for author in authors[:_NAMED_MAX]) + (" …" if len(authors) > _NAMED_MAX else "")
        one = f"The acceptance of {quote(stamps[0].new('context_id'))} by {by} keeps"
        says = one if len(stamps) == 1 else f"{len(stamps)} acceptances by {by} keep"
        merging = "" if pull.merged else "; a maintainer merges by hand"
        yield check.finding(Place("stamps"), f"{says} the yearbook rule{merging}.", level=Level.NOTE)


def _found(pull: Snapshot, ledger: _Ledger, stamps: tuple[RowChange, ...]) -> Iterator[Finding]:
    for change in stamps:
        yield from _author(pull, ledger, change)
        yield from _subject(ledger, change)
        yield from _work(ledger, change)
    for change in pull.changes.of("completions"):
        yield from _validation(ledger, change)
    for change in pull.changes.of("wanted", ChangeKind.MODIFIED):
        for column in change.changed:
            if column not in _DECIDED:
                yield check.finding(
                    Place("wanted", change.key, column),
                    f"The decision also changes {quote(column)} of item {quote(change.key)}.",
                    f"Put {quote(column)} back as it is on main",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ledger:
    """Rows as the pull leaves them, and who is tied to whom."""

    sender: User
    rigs: Mapping[Handle, Rig]
    completions: Mapping[str, Row]
    items: Mapping[str, Row]
    stamps: Mapping[str, str]
    """Id of the first stamp about a completion, on main or in this pull."""
    kin: Relations
    ties: dict[tuple[str, str, bool], str] = field(default_factory=dict)

    @classmethod
    def of(cls, pull: Snapshot) -> _Ledger:
        new = {table: [c.after for c in pull.changes.of(table) if c.after is not None] for table in ("completions", "wanted")}
        gone = {change.key for change in pull.changes.of("completions", ChangeKind.REMOVED)}
        kept = [done.row for done in pull.completions if done.id not in gone]
        added = pull.changes.of("stamps", ChangeKind.ADDED)
        brought = {change.key for change in added}
        on_main = [s for s in pull.on_main_now.stamps if s.id not in brought] if not pull.merged else []
        about = [(s.context_id, str(s.id)) for s in on_main] + [(c.new("context_id") or "", c.key) for c in added]
        rigs = (*pull.rigs, *(Rig(c.after) for c in pull.changes.of("rigs") if c.after is not None))
        return cls(
            sender=writer(pull),
            rigs={rig.handle: rig for rig in pull.rigs if rig.handle},
            completions={row.text("id"): row for row in (*kept, *new["completions"])},
            items={row.text("id"): row for row in (*(item.row for item in pull.items), *new["wanted"])},
            stamps={context: stamp for context, stamp in reversed(about) if context},
            kin=Relations.of(rigs, pull.rig_links),
        )

    def tie(self, decider: str, worker: str, *, sent: bool) -> str:
        """Why a decision of one rig would be about its own work, as a clause; empty if no tie is known."""
        key = (decider, worker, sent)
        if key not in self.ties:
            goal = rig_node(worker)
            path = self.kin.path([rig_node(decider)], goal)
            if path is None and sent:
                path = self.kin.path([account_node(self.sender)], goal)
            self.ties[key] = "" if path is None else self._clause(decider, worker, path[0], path[1])
        return self.ties[key]

    def _clause(self, decider: str, worker: str, start: tuple[str, str], ties: tuple[str, ...]) -> str:
        if not ties:
            return "the same rig" if decider == worker else "and the two look too much alike"
        who = quote(decider) if start == rig_node(decider) else f"the account {quote(self.sender)}"
        return f"and {who} is tied to {quote(worker)} by {', '.join(dict.fromkeys(TIES[tie] for tie in ties))}"


def _author(pull: Snapshot, ledger: _Ledger, change: RowChange) -> Iterator[Finding]:
    """Whether whoever sends the stamp may write in this name, and decide."""
    author = Handle(change.new("author") or "")
    place, rig, sender = Place("stamps", change.key, "author"), ledger.rigs.get(author), ledger.sender
    if rig is None:
        says = f"is by rig {quote(author)}, which is not registered on main" if author else "has no author"
        yield check.finding(place, f"Stamp {quote(change.key)} {says}.", _OTHERWISE)
        return
    validators = [v for v in pull.policy.validators if v.user == sender]
    named = any(v.rig == author for v in validators)
    if rig.owner != sender and not named:
        yield check.finding(
            place,
            f"Stamp {quote(change.key)} is by {quote(author)} of {quote(rig.owner)}, but the rows come from {quote(sender)}.",
            f"The owner of {quote(author)} opens the pull from their own fork",
        )
    elif not (named or any(v.rig is None for v in validators) or _entitled(pull, ledger, rig, change)):
        yield check.finding(
            place,
            f"Stamp {quote(change.key)} is by {quote(author)}, no validator here: its trust level is {rig.trust},"
            f" and deciding takes {pull.policy.min_trust}.",
            _OTHERWISE,
        )


def _entitled(pull: Snapshot, ledger: _Ledger, rig: Rig, change: RowChange) -> bool:
    """By trust on main, or because it posted the item and the policy lets posters decide all."""
    policy = pull.policy
    if rig.trust >= policy.min_trust:
        return True
    done = ledger.completions.get(change.new("context_id") or "")
    item = next((item for item in pull.items if done is not None and item.id == done.text("wanted_id")), None)
    return (
        policy.poster_may_decide.value == "all"
        and rig.trust >= policy.poster_min_trust
        and item is not None
        and item.posted_by == rig.handle
    )


def _subject(ledger: _Ledger, change: RowChange) -> Iterator[Finding]:
    """The yearbook rule in its wide form."""
    author, subject = change.new("author") or "", change.new("subject") or ""
    place = Place("stamps", change.key, "subject")
    if not (author and subject):
        if not subject:
            yield check.finding(place, f"Stamp {quote(change.key)} names no subject.", _OTHERWISE)
        return
    if clause := ledger.tie(author, subject, sent=True):
        yield check.finding(
            place, f"Stamp {quote(change.key)} of {quote(author)} is for {quote(subject)}, {clause}.", _OTHERWISE
        )
        return
    rig = ledger.rigs.get(Handle(subject))
    if rig is None or not rig.owner:
        yield check.finding(
            place,
            f"Whether {quote(author)} stamps work of its own is unknown: main does not say who owns {quote(subject)}.",
            f"The owner registers {quote(subject)} with `wl join`",
            level=Level.DOUBT,
        )


def _work(ledger: _Ledger, change: RowChange) -> Iterator[Finding]:
    """Whether the stamp is about work by its subject, which says so too."""
    stamp, context, subject, author = (change.key, *(change.new(c) or "" for c in ("context_id", "subject", "author")))
    done = ledger.completions.get(context)
    if done is None:
        yield check.finding(
            Place("stamps", stamp, "context_id"),
            f"Stamp {quote(stamp)} is about {quote(context)}, no completion of this pull or of its items on main.",
            "Write the completion's id into context_id, and link the completion to the stamp",
        )
        return
    worker = done.text("completed_by")
    if worker != subject:
        yield check.finding(
            Place("stamps", stamp, "context_id"),
            f"Stamp {quote(stamp)} is for {quote(subject)}, but {quote(context)} is the work of {quote(worker)}.",
            f"Write {quote(worker)} into subject in the branch",
        )
    first = ledger.stamps.get(context, stamp)
    if first != stamp:
        yield check.finding(
            Place("stamps", stamp, "context_id"),
            f"Completion {quote(context)} has stamp {quote(first)} already.",
            f"Take stamp {quote(stamp)} out of the branch",
        )
    elif done.get("stamp_id") != stamp:
        yield check.finding(
            Place("completions", context, "stamp_id"),
            f"Completion {quote(context)} names {quote(done.get('stamp_id'))} as its stamp, and not {quote(stamp)}.",
            f"Write {quote(stamp)} into stamp_id in the branch",
        )
    elif done.text("validated_by") != author:
        yield check.finding(
            Place("completions", context, "validated_by"),
            f"Completion {quote(context)} is validated by {quote(done.get('validated_by'))}, and stamped by {quote(author)}.",
            f"Write {quote(author)} into validated_by in the branch",
        )
    item, status = done.text("wanted_id"), (ledger.items.get(done.text("wanted_id")) or Row(())).get("status")
    if status not in _SETTLED:
        yield check.finding(
            Place("wanted", item, "status"),
            f"Completion {quote(context)} is stamped, and the pull leaves its item {quote(item)} with status {quote(status)}.",
            "Write completed into status in the branch",
        )


def _validation(ledger: _Ledger, change: RowChange) -> Iterator[Finding]:
    """A completion that becomes validated without a stamp of this pull: at least not by its worker."""
    validator, worker = change.new("validated_by"), change.new("completed_by")
    if "validated_by" not in change.changed or not validator or not worker or change.key in ledger.stamps:
        return
    if clause := ledger.tie(validator, worker, sent=False):
        yield check.finding(
            Place("completions", change.key, "validated_by"),
            f"Completion {quote(change.key)} of {quote(worker)} is validated by {quote(validator)}, {clause}.",
            _OTHERWISE,
        )


def example(sane: Snapshot) -> Snapshot:
    """A stamp in the name of a rig of somebody else."""
    stamp = Row.of({"id": "s-42", "author": "ana-town", "subject": "kestrel-1", "context_id": "c-42"})
    change = RowChange(table="stamps", key="s-42", kind=ChangeKind.ADDED, before=None, after=stamp)
    return replace(sane, changes=Changes(rows=(change,)))
