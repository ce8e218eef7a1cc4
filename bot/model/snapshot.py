"""All the bot knows of one pull at one moment: the only input of rules, commands and plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations

from bot.model.evidence import Probe
from bot.model.history import Commit, Move
from bot.model.ids import CommentId, CommitHash, Commons, Handle, PullNo, StampId, User, WantedId, digest
from bot.model.journal import Answered, Hold, Journal, Override, Review
from bot.model.kind import Form, PullKind, classify, form
from bot.model.ledger import (
    ChangeKind,
    Changes,
    Completion,
    Rig,
    RigLink,
    Row,
    Stamp,
    Wanted,
)
from bot.model.links import Link, links_in
from bot.model.mark import Mark
from bot.model.policy import Policy
from bot.model.pull import Comment, Pull, PullState
from bot.model.relations import Relations


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """How a merged pull came to main.

    `commit` is W on main's first-parent line, `before` is its first parent W^0, `head` is what was merged.
    """

    commit: CommitHash
    before: CommitHash
    head: CommitHash
    at: datetime | None = None
    """When the merge was made, by DoltHub's clock; None where it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another open pull that touches the same item, as last judged. A hint from scratch paper, never a proof."""

    pull: PullNo
    rig: Handle
    evidence: str
    blocked: bool = False
    """Whether it was BLOCKED then: such a pull may only claim to be this rig's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The thing behind a link of this pull, submitted as evidence somewhere else: in a completion on main, or in an open pull.

    `completion` is empty for a pull, `pull` is None for a completion. A pull is a hint from scratch paper, never a proof.
    """

    url: str
    """The link of this pull it is about, as written here."""
    completion: str = ""
    pull: PullNo | None = None
    item: WantedId | None = None
    rig: Handle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Stamps of one author about one subject on this commons: how many, how alike, how sure."""

    author: Handle
    subject: Handle
    stamps: int
    valences: int
    """Different valences among them."""
    confidence: float | None = None
    """Their mean."""
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else the ledger tells of whoever works: for hints to a human, never for a verdict."""

    tallies: tuple[Tally, ...] = ()
    """Of the worker, of those who stamped the worker, and of whom these stamped."""
    claims: tuple[Wanted, ...] = ()
    """Items the worker holds claimed."""
    completions: tuple[Completion, ...] = ()
    """The worker's latest, newest first: id, wanted_id, completed_by, completed_at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A worker's stamps so far on one commons."""

    stamps: int = 0
    mean_quality: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A worker's stamps on another commons that this bot serves.

    INFERRED to be the same worker's: the handle and the account of its owner are the same, letter by letter. No commons knows
    the rigs of another. So it is told to whoever decides, and nothing is decided by it.
    """

    commons: Commons
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A commit of ours on main, and the note it bears: which decision, on which pull, by whom."""

    commit: CommitHash
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The ledger as it stands on main now, for the rows this pull is about. Differs from the judged rows once merged."""

    items: tuple[Wanted, ...] = ()
    completions: tuple[Completion, ...] = ()
    stamps: tuple[Stamp, ...] = ()
    rigs: tuple[Rig, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One pull, frozen, clock included. No slots: what follows from its fields is worked out once.

    For an open pull: `base` is the merge base of source head and main; `changes` lies between base and `head`;
    `items`, `completions`, `rigs`, `links` are read on main at `main_head`.
    For a merged pull: `changes` is what the merge brought to main (`merge.before` to `merge.commit`), `reviewed` what
    lies between the merge base and the merged head, and the rows are those at `merge.before`.
    `present` is main now in both cases.
    """

    taken_at: datetime
    commons: Commons
    bot: User | None
    policy: Policy
    pull: Pull
    main_head: CommitHash
    head: CommitHash | None
    """Head of the source branch; of a merged pull, the head that was merged. None: branch or fork is gone or unreadable."""
    base: CommitHash | None = None
    other_bases: tuple[CommitHash, ...] = ()
    """Best common ancestors of head and main beside `base`, which is the one that Dolt takes. Nearly always none."""
    base_at: datetime | None = None
    """When main stood at `base`, by that commit's own time. None: nobody read it."""
    comments: tuple[Comment, ...] = ()
    comments_readable: bool = True
    """Whether comments can be read on this host. If not, `comments` are our own marks as far as remembered."""
    merging: bool = False
    """Whether what was decided on this open pull may be on its way to main, by its own merge or a landing: no end was seen."""
    changes: Changes = field(default_factory=Changes)
    reviewed: Changes = field(default_factory=Changes)
    since_last: Changes | None = None
    """What lies between the head of our newest review and the head now. None: no review yet, same head, or not readable."""
    merge: Merge | None = None
    commits: tuple[Commit, ...] | None = None
    """The branch's own commits, from `base` (left out) to `head`, newest first. None: nobody read them."""
    moves: tuple[Move, ...] = ()
    """Of rows of this pull that stand otherwise on main since `base`: the last commit that wrote each, where it is known."""
    items: tuple[Wanted, ...] = ()
    completions: tuple[Completion, ...] = ()
    rigs: tuple[Rig, ...] = ()
    rig_links: tuple[RigLink, ...] = ()
    past_rigs: tuple[Rig, ...] = ()
    past_rig_links: tuple[RigLink, ...] = ()
    """Of work: rigs and links as they stood at `base`, where that is another commit."""
    on_main_now: Present = field(default_factory=Present)
    record: Record = field(default_factory=Record)
    elsewhere: tuple[Elsewhere, ...] = ()
    """What is known of the worker's stamps on the other commons of this bot. Only for the eyes of whoever decides."""
    surroundings: Surroundings = field(default_factory=Surroundings)
    namesakes: tuple[Wanted, ...] = ()
    """Other items on main with the title of one that this pull posts, in any case: id, title, status, posted_by."""
    rivals: tuple[Rival, ...] = ()
    probes: tuple[Probe, ...] = ()
    uses: tuple[Use, ...] = ()
    """Where else the same evidence is submitted."""
    first_look_at: datetime | None = None
    """When the bot first looked at this evidence."""
    head_seen_at: datetime | None = None
    """When the bot first saw a head that was pushed after a review. A commit's own time is not read: its author chooses it."""
    landed: tuple[Landed, ...] = ()
    """Of a pull that is not merged although main holds its completion: our commits on main that serve it, newest first."""
    landing: PullNo | None = None
    """The pull of our own that brought them, if one did."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns by table on main. Empty means: not read."""

    # --- what the pull is about -------------------------------------------------------------------------------------

    @cached_property
    def kind(self) -> PullKind:
        """What kind of pull this is, from its rows."""
        return classify(self.changes, source=self.pull.source, commons=self.commons, creator=self.pull.creator, bot=self.bot)

    @cached_property
    def form(self) -> Form:
        """What exactly the pull does."""
        return form(self.kind, self.changes, self.pull.source)

    @cached_property
    def by_hand(self) -> bool:
        """Whether it changes what only maintainers change, and opener and owner of the branch are accounts that may decide.

        By the policy or by trust on main. A branch that only the bot writes is never such.
        """
        if self.kind is not PullKind.ADMIN or self.form is Form.INTRUDER:
            return False
        trusted = {rig.owner for rig in self.rigs if rig.owner and rig.trust >= self.policy.min_trust}
        deciding = trusted | {validator.user for validator in self.policy.validators}
        return self.pull.creator in deciding and self.writer in deciding

    @cached_property
    def item_ids(self) -> tuple[WantedId, ...]:
        """Ids of all items the changes touch, by `wanted` rows and by completions that name one."""
        found: dict[WantedId, None] = {}
        for change in self.changes.of("wanted"):
            found.setdefault(WantedId(change.key))
        for change in self.changes.of("completions"):
            wanted = change.new("wanted_id") or change.old("wanted_id")
            if wanted:
                found.setdefault(WantedId(wanted))
        return tuple(found)

    @cached_property
    def item_id(self) -> WantedId | None:
        """The item, if the pull is about exactly one."""
        ids = self.item_ids
        return ids[0] if len(ids) == 1 else None

    @cached_property
    def item(self) -> Wanted | None:
        """The item as it stood on main (at the merge's first parent, once merged)."""
        named = self.item_id
        return next((i for i in self.items if i.id == named), None)

    @cached_property
    def item_on_head(self) -> Wanted | None:
        """The item as the pull leaves it."""
        named = self.item_id
        change = next((c for c in self.changes.of("wanted") if c.key == named), None)
        return (Wanted(change.after) if change.after else None) if change else self.item

    @cached_property
    def completion(self) -> Completion | None:
        """The completion the pull adds, if exactly one."""
        added = self.changes.of("completions", ChangeKind.ADDED)
        return Completion(added[0].after) if len(added) == 1 and added[0].after is not None else None

    @cached_property
    def worker(self) -> Handle | None:
        """The rig whose work or claim this is."""
        if self.completion is not None and self.completion.completed_by:
            return self.completion.completed_by
        return self.item_on_head.claimed_by if self.item_on_head is not None else None

    @property
    def workers(self) -> tuple[Handle, ...]:
        """Rigs whose work the pull submits: each completion's, else the claimant."""
        submitted = [change.new("completed_by") for change in self.changes.of("completions")]
        return tuple(dict.fromkeys(Handle(handle) for handle in (self.worker, *submitted) if handle))

    @cached_property
    def known_rigs(self) -> tuple[Rig, ...]:
        """Rigs on main, as the pull would have them, and as they stood where the branch left main: for ties, which only forbid.

        What a pull says of a rig that has another owner is no tie: an account that takes another's rig must not bar its owner.
        A handle that has another owner since is another's now.
        """
        brought: list[Rig] = []
        for change in self.changes.of("rigs"):
            before, after = (Rig(row) if row is not None else None for row in (change.before, change.after))
            taken = before is not None and after is not None and before.owner not in ("", after.owner)
            brought += [rig for rig in (before, None if taken else after) if rig is not None]
        owners = {rig.handle: rig.owner for rig in self.rigs}
        past = [rig for rig in self.past_rigs if owners.get(rig.handle, rig.owner) == rig.owner]
        return (*self.rigs, *brought, *past)

    @cached_property
    def relations(self) -> Relations:
        """The ties between these rigs, with the operator's word about false ones."""
        links = (*self.rig_links, *self.past_rig_links)
        return Relations.of(self.known_rigs, links, self.workers, apart=self.policy.apart)

    @property
    def writer(self) -> User:
        """The account behind the rows: the owner of the fork; for a branch of the commons itself, the creator of the pull."""
        source = self.pull.source.database
        return self.pull.creator if source == self.commons else User(source.owner)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The URLs submitted as evidence."""
        done = self.completion
        return links_in(done.evidence, f"completions.{done.id}.evidence") if done is not None else ()

    @cached_property
    def evidence_key(self) -> str:
        """Names the evidence, whatever the head: 12 hex digits over its links' canonical keys, or over its text."""
        return _evidence_key(self._evidence_names) if self._evidence_names else ""

    @cached_property
    def evidence_keys(self) -> frozenset[str]:
        """The keys of the evidence and of each part of it: what was rejected stays so beside other links. At most 1,023."""
        names = self._evidence_names
        return frozenset(_evidence_key(part) for size in range(1, len(names) + 1) for part in combinations(names, size))

    @cached_property
    def _evidence_names(self) -> tuple[str, ...]:
        """The canonical keys of the links, sorted; of evidence without a link its text. Nothing where nothing is submitted."""
        done = self.completion
        if done is None:
            return ()
        keys = {probe.url: probe.key for probe in self.probes if probe.key}
        named = {keys.get(link.url) or link.url for link in self.links}
        return tuple(sorted(named)) or (" ".join(done.evidence.split()),)

    def rows_on_main(self) -> Mapping[tuple[str, str], Row]:
        """The rows on main of the tables whose rows people change in a pull, by table and key. Made anew at each call."""
        return {
            **{("wanted", item.id): item.row for item in reversed(self.items)},
            **{("rigs", rig.handle): rig.row for rig in reversed(self.rigs)},
            **{("rig_links", link.row.text("id")): link.row for link in reversed(self.rig_links)},
        }

    def rig(self, handle: Handle | None) -> Rig | None:
        """The rig with exactly this handle on main."""
        return next((r for r in self.rigs if r.handle == handle), None) if handle else None

    def rigs_of(self, user: User) -> tuple[Rig, ...]:
        """Rigs bound to a DoltHub account: `dolthub_org` equals it exactly."""
        return tuple(r for r in self.rigs if r.owner and r.owner == user)

    def probe(self, url: str) -> Probe | None:
        """The fact sheet of a link, if there is one."""
        return next((p for p in self.probes if p.url == url), None)

    # --- what was said ----------------------------------------------------------------------------------------------

    @cached_property
    def journal(self) -> Journal:
        """What the bot's own comments say."""
        return Journal(self.comments, self.bot)

    @property
    def reviews(self) -> tuple[Review, ...]:
        """Reviews of the bot, oldest first."""
        return self.journal.reviews

    @property
    def answers(self) -> tuple[Answered, ...]:
        """Answers of the bot, oldest first."""
        return self.journal.answers

    @property
    def notices(self) -> tuple[Mark, ...]:
        """Marks of the bot's notices, oldest first."""
        return self.journal.notices

    def answer_to(self, comment: CommentId) -> Answered | None:
        """The answer that closed a comment. A parked one does not close it."""
        return self.journal.answer_to(comment)

    @cached_property
    def unanswered(self) -> tuple[Comment, ...]:
        """Comments of others without a closing answer, oldest first."""
        silent = {self.bot, *self.policy.ignored_users}
        return tuple(c for c in self.comments if c.author not in silent and self.answer_to(c.id) is None)

    @property
    def has_commented(self) -> bool:
        """Whether any comment of this pull is ours."""
        return self.bot is not None and any(c.author == self.bot for c in self.comments)

    def written_after_merge(self, comment: Comment) -> bool:
        """Whether a comment was written when the pull was merged already, so that its command cannot be what merged it."""
        # Commits tell whole seconds: within one second this says yes too often, which asks for one more right, never for less.
        return self.merge is not None and self.merge.at is not None and comment.created_at > self.merge.at

    def reviews_before(self, comment: Comment) -> tuple[Review, ...]:
        """Reviews of ours that stood there when `comment` was written."""
        return tuple(r for r in self.reviews if r.comment.created_at < comment.created_at)

    @property
    def head_reviewed_at(self) -> datetime | None:
        """When the first review of this head was posted, by DoltHub's clock; None: no review of the bot names it."""
        return next((r.comment.created_at for r in self.reviews if self.head is not None and r.mark.head == self.head), None)

    @property
    def head_quiet_since(self) -> datetime:
        """Since when the head is known to stand still. A pull without a review is as quiet as it is old."""
        return (self.head_seen_at or self.taken_at) if self.reviews else self.pull.created_at

    def reviews_since(self, moment: datetime) -> tuple[Review, ...]:
        """Reviews of ours at or after a moment."""
        return tuple(r for r in self.reviews if r.comment.created_at >= moment)

    # --- what holds now ---------------------------------------------------------------------------------------------

    @property
    def merged(self) -> bool:
        return self.pull.state is PullState.MERGED

    @property
    def rejection(self) -> Answered | None:
        """The newest rejection in force."""
        return next(iter(self.rejections), None)

    @cached_property
    def rejections(self) -> tuple[Answered, ...]:
        """The rejections in force, newest first: answers to `/reject` about this head, this evidence or a part of it."""
        return tuple(self.journal.rejections(self.head, self.evidence_keys))

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Holds in force now, oldest first, one of each account."""
        return self.journal.holds_at(self.taken_at)

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Overrides in force: those of this very head, of each check the last."""
        return self.journal.overrides(self.head)

    def stamps_on(self, completion_id: str, derived: StampId) -> tuple[Stamp, ...]:
        """Stamps on main now that count as this completion's: by context, or by the id we would write."""
        return tuple(s for s in self.on_main_now.stamps if completion_id in (s.context_id,) or s.id == derived)

    def older_than(self, moment: datetime, seconds: float) -> bool:
        """Whether `moment` lies more than `seconds` before this snapshot."""
        return self.taken_at - moment > timedelta(seconds=seconds)


def _evidence_key(names: tuple[str, ...]) -> str:
    """12 hex digits over the sorted names of pieces of evidence."""
    return digest("evidence/1", *names)[:12]
