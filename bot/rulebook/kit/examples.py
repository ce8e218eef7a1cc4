"""What a rule says, shown: the rule itself is run over pulls that are sane but for one thing each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.model.evidence import Seen
from bot.model.finding import Finding
from bot.model.history import Commit, Move
from bot.model.ids import CommentId, Handle, PullNo, User, WantedId
from bot.model.kind import BACKFILL_ROWS_MIN, PullKind
from bot.model.ledger import Changes, Completion, RowChange, Wanted
from bot.model.mark import Fact, Mark, MarkKind
from bot.model.policy import Validator
from bot.model.pull import Comment
from bot.model.snapshot import Rival, Snapshot, Surroundings, Tally, Use
from bot.rulebook.catalog import Catalog
from bot.rulebook.judge import judge
from bot.rulebook.kit import gallery
from bot.rulebook.kit.gallery import EVIDENCE, ITEM, NOW, POSTER, WORKER, added, bringing, having, modified, on_main, sane
from bot.rulebook.rule import Rule

REMEDIES_MAX = 6
_EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Example:
    """A pull that is sane but for one thing, and which thing, to be read after "A pull in which"."""

    what: str
    pull: Snapshot


@dataclass(frozen=True, slots=True)
class Shown:
    """What a rule found in an example."""

    example: Example
    finding: Finding


@dataclass(frozen=True, slots=True)
class Told:
    """What a rule says: its example, None if no pull here makes it speak, and its remedies, each once, as it worded them."""

    shown: Shown | None
    waits: str
    """Whom or what the pull waits for in the first example, where the rule says that; else empty."""
    remedies: tuple[str, ...]
    asked: int
    """How many examples it was asked about: those of the kinds it looks at."""


def tell(rule: Rule) -> Told:
    """Run the rule over its own example, if its file has one, and over all that are here.

    A rule file may hold a function `example`: it gets the sane pull of the first kind the rule looks at, and gives back one
    that the rule speaks of.
    """
    catalog = Catalog.of((rule,))
    asked = [each for each in (*_own(rule), *EXAMPLES) if each.pull.kind in rule.kinds]
    judged = [(each, judge(each.pull, catalog)) for each in asked]
    found = [Shown(each, finding) for each, judgement in judged for finding in judgement.findings]
    remedies = dict.fromkeys(one.finding.remedy for one in found if one.finding.remedy)
    return Told(
        # What the rule mostly says comes before what it also says, and what can be mended before what cannot.
        shown=min(found, key=lambda one: (one.finding.level is not rule.level, not one.finding.remedy), default=None),
        waits=next((judgement.waiting_for for _, judgement in judged if judgement.waiting_for), ""),
        remedies=tuple(remedies)[:REMEDIES_MAX],
        asked=len(asked),
    )


def _own(rule: Rule) -> Iterator[Example]:
    make: Callable[[Snapshot], Snapshot] | None = getattr(rule.check, "__globals__", {}).get(_EXAMPLE)
    if make is not None:
        yield Example("the rule's own example holds", make(sane(rule.kinds[0])))


# --- the examples ---------------------------------------------------------------------------------------------------

_WORK, _CLAIM, _POST = sane(PullKind.WORK), sane(PullKind.CLAIM), sane(PullKind.POST)
_EDIT, _REGISTRATION, _LINK = sane(PullKind.EDIT), sane(PullKind.REGISTRATION), sane(PullKind.LINK)


_THEIRS = Completion(gallery.row("completions", id="c-41", completed_by="kestrel-9"))


def _handing_in(evidence: str) -> Snapshot:
    return having(having(_WORK, "completions", evidence=evidence), "wanted", evidence_url=evidence)


def _seen(what: Seen, reason: str, **facts: str) -> Snapshot:
    return replace(_WORK, probes=(gallery.seen(what, reason, **facts),))


def _only(*rows: RowChange, schema: tuple[str, ...] = ()) -> Snapshot:
    return replace(_WORK, changes=Changes(rows=rows, schema=schema))


def _answered(body: str) -> Snapshot:
    """With a command of ana's that was carried out."""
    at, command = NOW - timedelta(minutes=40), body.removeprefix("/").partition(" ")[0]
    asked = Comment(id=CommentId("1"), author=User("ana"), body=body, created_at=at, updated_at=at)
    mark = Mark(
        kind=MarkKind.ANSWER,
        outcome="done",
        head=_WORK.head or gallery.a_hash("h"),
        digest="",
        commands=(command,),
        comment=asked.id,
        facts=(Fact(command=command, by=asked.author),),
    )
    said = Comment(id=CommentId("2"), author=User("stampbot"), body=mark.line, created_at=at, updated_at=at)
    return replace(_WORK, comments=(asked, said))


def _stamped(*tallies: tuple[str, str, int, int]) -> Snapshot:
    """With stamps around the worker: author, subject, how many, how many different."""
    made = tuple(Tally(author=Handle(a), subject=Handle(s), stamps=n, valences=v, confidence=1.0) for a, s, n, v in tallies)
    return replace(_WORK, surroundings=Surroundings(tallies=made))


def _holding(count: int) -> Snapshot:
    held = (Wanted(gallery.row("wanted", id=f"w-{n}", status="claimed", claimed_by=WORKER)) for n in range(100, 100 + count))
    return replace(_WORK, surroundings=Surroundings(claims=tuple(held)))


EXAMPLES: tuple[Example, ...] = (
    # evidence
    Example("the evidence is a word", _handing_in("done")),
    Example("the link has answered 404 since the morning", _seen(Seen.DEAD, "not_found")),
    Example("the link leads to a private address", _seen(Seen.BLOCKED, "private_ip")),
    Example(
        "the evidence was merged before the item was posted",
        _seen(Seen.VERIFIED, "merged", merged_at="2026-05-01T10:00:00Z"),
    ),
    Example(
        "the same link is in a completion on main",
        replace(
            _WORK, uses=(Use(url=EVIDENCE, completion="c-7", item=WantedId("w-7"), rig=Handle("kestrel-9")),)
        ),
    ),
    Example("the item's evidence_url runs a program", having(_WORK, "wanted", evidence_url="javascript:alert(1)")),
    Example(
        "nine items are posted at once",
        replace(_POST, changes=Changes(rows=tuple(added("wanted", id=f"w-{n}", posted_by=WORKER) for n in range(50, 59)))),
    ),
    Example(
        "a stranger's two rigs state the addresses of worker and validator",
        replace(
            _WORK,
            policy=replace(_WORK.policy, validators=(Validator(User("ana"), Handle(POSTER)),)),
            rigs=(
                gallery.rig(WORKER, "kim", owner_email="kim@example.org"),
                gallery.rig(POSTER, "ana", owner_email="ana@example.org"),
                gallery.rig("one", "x", owner_email="kim@example.org"),
                gallery.rig("two", "x", owner_email="ana@example.org"),
            ),
        ),
    ),
    Example("the registration names another's rig as its parent", having(_REGISTRATION, "rigs", parent_rig=POSTER)),
    Example("the head was rejected", _answered("/reject it does not build")),
    Example("a rig holds the pull", _answered("/hold until Monday")),
    Example(
        "an item of type inference gets a link",
        on_main(_WORK, type="inference", description='{"prompt":"2+2","model":"m"}'),
    ),
    # the completion and its item
    Example("two completions are submitted", bringing(_WORK, added("completions", id="c-43"))),
    Example("the completion comes with a stamp", having(_WORK, "completions", stamp_id="s-1", validated_by=POSTER)),
    Example("the item is completed on main", on_main(_WORK, status="completed")),
    Example("another rig claims the item on main", on_main(_CLAIM, status="claimed", claimed_by="kestrel-9")),
    Example("the claim rewrites the title", having(_CLAIM, "wanted", title="Mend something")),
    Example(
        "main has changed the item since the branch left it",
        replace(
            _WORK,
            items=(Wanted(gallery.row("wanted", updated_at="2026-06-13 08:00:00", description="Every message.")),),
            moves=(Move(table="wanted", key=ITEM, commit=Commit(id=gallery.a_hash("c"), committer="ana")),),
        ),
    ),
    Example(
        "another pull is about the same item",
        replace(_WORK, rivals=(Rival(pull=PullNo(8), rig=Handle("kestrel-9"), evidence=EVIDENCE),)),
    ),
    Example("nothing but a claim comes", _CLAIM),
    Example("work is submitted for two items", bringing(_WORK, modified("wanted", {"id": "w-44"}, status="in_review"))),
    Example("the worker posted the item", on_main(_WORK, posted_by=WORKER)),
    Example("the item asks for a sandbox", on_main(_WORK, sandbox_required="1", sandbox_min_tier="3")),
    # whose it is
    Example("the rows come from another account's fork", gallery.from_branch(_WORK, f"wl/{WORKER}/{ITEM}", "mallory")),
    Example("an item is edited from another account's fork", gallery.from_branch(_EDIT, f"wl/{WORKER}/{ITEM}", "mallory")),
    Example("the worker is not trusted", replace(_WORK, rigs=(gallery.rig(WORKER, "kim", trust_level="0"), *_WORK.rigs[1:]))),
    Example("the registration names another owner", having(_REGISTRATION, "rigs", dolthub_org="ana")),
    Example("the registration holds an address", having(_REGISTRATION, "rigs", owner_email="kim@example.org")),
    Example("two rigs of others are linked", gallery.from_branch(_LINK, f"wl/{WORKER}/l-42", "mallory")),
    Example("the pull brings a stamp", bringing(_WORK, added("stamps"))),
    Example("the worker holds many items", _holding(7)),
    Example("two rigs stamp each other", _stamped((WORKER, "kestrel-9", 6, 4), ("kestrel-9", WORKER, 5, 4))),
    Example("all stamps of one author are alike", _stamped((POSTER, WORKER, 8, 1))),
    # rows and pulls
    Example("a post is claimed already", having(_POST, "wanted", status="claimed", claimed_by=WORKER)),
    Example("a post has no description", having(_POST, "wanted", description=None)),
    Example(
        "a post has the title of an item on main",
        replace(_POST, namesakes=(Wanted(gallery.row("wanted", id="w-9", title="Count past ten")),)),
    ),
    Example("the priority is a word", having(_POST, "wanted", priority="high")),
    Example("the effort is a word of its own", having(_POST, "wanted", effort_level="gigantic")),
    Example("a column comes that the bot does not know", having(_POST, "wanted", bounty="100")),
    Example("the work is completed tomorrow", having(_WORK, "completions", completed_at="2026-06-15 13:40:00")),
    Example("a row of an unknown table comes", _only(added("payouts", id="p-1", amount="100"))),
    Example("the definition of a table changes", _only(schema=("wanted",))),
    Example("a row goes away", _only(gallery.removed("completions"))),
    Example("nothing differs", _only()),
    Example(
        "hundreds of completions come at once",
        _only(*(added("completions", id=f"c-{n}", wanted_id=f"w-{n}") for n in range(BACKFILL_ROWS_MIN))),
    ),
    Example("work and a post come together", bringing(_WORK, *_POST.changes.rows)),
    Example("another account's branch is called stampbot/", gallery.from_branch(_WORK, "stampbot/accept/1")),
    Example(
        "another tool has accepted work",
        _only(
            added("stamps"),
            modified("completions", None, validated_by=POSTER, stamp_id="s-42", validated_at="2026-06-14 13:50:00"),
            modified("wanted", {"status": "in_review", "claimed_by": WORKER}, status="completed"),
        ),
    ),
    Example("a badge is given", _only(added("badges", id="b-1", rig_handle=WORKER, badge_type="first_blood"))),
    Example("the commons cannot hold a stamp", replace(_WORK, columns={"stamps": ("id", "author", "subject")})),
    Example("the branch left main months ago", replace(_WORK, base_at=NOW - timedelta(days=70))),
    Example(
        "a commit of the branch names a stamp",
        replace(_WORK, commits=(Commit(id=gallery.a_hash("c"), committer="kim", message="INSERT INTO stamps VALUES ('s-1')"),)),
    ),
    Example("the pull comes from main of the fork", gallery.from_branch(_WORK, "main")),
    Example("the branch shares no history with main", replace(_WORK, base=None)),
    Example("the branch and main have a second best common ancestor", replace(_WORK, other_bases=(gallery.a_hash("c"),))),
    Example("main has a completion of another rig", replace(_WORK, completions=(_THEIRS,))),
)  # fmt: skip
"""Each breaks one thing, so that what a rule says of it is about that thing. The first that makes a rule speak is shown."""
