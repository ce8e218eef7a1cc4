"""Scenarios 12 to 14: rigs that register, items that are posted, items that are edited."""

from __future__ import annotations

from typing import Any

from bot.model.ids import PullNo
from sandbox.seed import schema, wl_sql
from sandbox.seed.wl_sql import literal
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import Stage

REGISTRATIONS = Scenario(
    12,
    "Registrations",
    "A registration is merged on a validator's word if it comes from the owner it names and takes nobody's handle. One that"
    " overwrites, raises its own trust or looks like somebody else is blocked, whoever asks for it.",
    see=("tests/rules/test_registration_is_ones_own.py",),
)
_PROVISIONAL = (
    "INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, rig_type, registered_at) VALUES"
    " ('zoe', 'Zoe', NULL, 1, 'system', '2026-01-01 00:00:00')"
)


def register(stage: Stage, user: str, handle: str, *more: str, says: str, org: str = "", trust: int = 1) -> PullNo:
    """A registration as `wl join` sends it, and what else stands on the branch."""
    rows = wl_sql.register(
        handle=handle,
        display_name=handle.title(),
        dolthub_org=org or user,
        owner_email=f"{user.lower()}@example.org",
        trust_level=trust,
    )
    branch = f"wl/register/{handle}"
    pull = stage.pull(user, branch, *rows, *more, says=f"`{user}` {says}", title=f"Register rig: {handle}")
    stage.look(pull)
    return pull


@REGISTRATIONS.part(rows=(_PROVISIONAL,))
def registrations(stage: Stage) -> None:
    stage.case("A new rig")
    fresh = register(stage, "nia", "lamp-post", says="registers rig `lamp-post`")
    stage.comment(fresh, "alice-dev", "/accept")
    stage.look(fresh)
    rig = stage.world.row("rigs", handle="lamp-post")
    assert rig is not None
    assert (stage.verdicts(fresh), stage.answers(fresh), rig["dolthub_org"]) == (["READY"], ["ACCEPTED"], "nia")
    stage.case("The owner registers again")
    again = register(stage, "carol-org", "carol", says="registers her rig `carol` again, with a new name and address")
    assert (stage.verdicts(again), stage.found(again)) == (["READY"], {})
    blocked: tuple[tuple[str, str, str, dict[str, Any], str], ...] = (
        ("A handle that is somebody's", "mallory", "carol", {}, "registers rig `carol`, which is Carol's"),
        ("Trust of one's own making", "dave", "davids", {"trust": 3}, "registers rig `davids` with trust level 3"),
        ("A handle with a slash", "erin", "kilo/main", {}, "registers rig `kilo/main`"),
        ("A look-alike", "mallory", "Alice", {}, "registers rig `Alice`"),
        ("A look-alike of another kind", "dave", "a1ice", {}, "registers rig `a1ice`, with a one for the l"),
        ("In another account's name", "erin", "erins", {"org": "bob"}, "registers rig `erins` for the account `bob`"),
    )
    for title, user, handle, more, says in blocked:
        stage.case(title)
        pull = register(stage, user, handle, says=says, **more)
        stage.comment(pull, "alice-dev", "/accept")
        stage.look(pull)
        assert (stage.verdicts(pull), stage.answers(pull)) == (["BLOCKED"], ["REFUSED"]), title
    owner = stage.world.row("rigs", handle="alice")
    assert owner is not None
    assert owner["dolthub_org"] == "alice-dev"
    assert stage.world.count("rigs", "trust_level >= 3") == 1
    stage.case("A provisional rig finds its owner")
    taken = register(stage, "zoe", "zoe", says="takes over rig `zoe`, which a backfill made and nobody owns yet")
    assert stage.verdicts(taken) == ["LOOK"]
    assert stage.found(taken)["Registration"] == "LOOK"
    stage.case("An agent whose parent nobody knows")
    agent = register(
        stage,
        "erin",
        "erin-bot",
        "UPDATE rigs SET rig_type = 'agent', parent_rig = 'nobody-here' WHERE handle = 'erin-bot'",
        says="registers agent `erin-bot`, whose parent rig `nobody-here` is not registered",
    )
    assert stage.verdicts(agent) == ["LOOK"]
    stage.case("An agent without a parent")
    orphan = register(
        stage,
        "erin",
        "erin-bot-2",
        "UPDATE rigs SET rig_type = 'agent' WHERE handle = 'erin-bot-2'",
        says="registers agent `erin-bot-2` without a parent rig",
    )
    assert stage.verdicts(orphan) == ["LOOK"]


@REGISTRATIONS.part("The handle of the validator who decides")
def registrations_the_handle_of_the(stage: Stage) -> None:
    pull = register(stage, "mallory", "alice", says="registers rig `alice`, which is Alice's")
    assert stage.verdicts(pull) == ["BLOCKED"]
    stage.comment(pull, "alice-dev", "/accept")
    stage.look(pull)
    assert stage.answers(pull) == ["REFUSED"]
    assert "same DoltHub account" not in stage.answer(pull)


POSTS = Scenario(
    13,
    "Posts",
    "A rig posts an item. What readers cannot read is blocked; what is only unusual, or on the board already, is shown to a"
    " human.",
    see=("tests/rules/test_post_starts_open.py",),
)


def post(stage: Stage, item: str, title: str, *more: str, says: str, user: str = "carol-org", **cells: object) -> PullNo:
    """A post by carol, as `wl post` sends it, and what else stands on the branch."""
    sane = {
        "description": "As it says.",
        "project": "relay",
        "kind": "feature",
        "priority": 3,
        "tags": ("mail",),
        "posted_by": "carol",
        "effort": "small",
    }
    rows = wl_sql.post(item=item, title=title, **{**sane, **cells})  # type: ignore[arg-type]
    pull = stage.pull(user, f"wl/carol/{item}", *rows, *more, says=f"`{user}` {says}", title=f"[wl] {title}")
    stage.look(pull)
    return pull


@POSTS.part()
def posts(stage: Stage) -> None:
    stage.case("A post")
    good = post(stage, "w-digest", "A weekly digest", says="posts `w-digest`, A weekly digest")
    stage.comment(good, "alice-dev", "/accept")
    stage.look(good)
    assert (stage.verdicts(good), stage.answers(good), stage.item("w-digest")) == (["READY"], ["ACCEPTED"], ("open", None))
    stage.case("The same once more")
    twin = post(stage, "w-digest2", "a weekly Digest", says="posts `w-digest2`, a weekly Digest")
    assert (stage.verdicts(twin), stage.found(twin)["Duplicate"]) == (["LOOK"], "LOOK")
    stage.case("In the name of a foreign rig")
    foreign = post(stage, "w-foreign", "Sweep the floor", user="mallory", says="posts `w-foreign` as rig `carol`")
    assert (stage.verdicts(foreign), stage.found(foreign)["Owner"]) == (["BLOCKED"], "FAIL")
    stage.case("Priority 0 that sounds low")
    low = post(
        stage,
        "w-lowly",
        "Nice to have: a darker theme",
        says="posts `w-lowly` with priority 0, as a Kilo town writes low",
        priority=0,
    )
    assert stage.verdicts(low) == ["READY"]
    assert "in a Kilo town 0 is low" in stage.review(low)
    stage.case("A type of another tool")
    other = post(stage, "w-other", "Something else", says="posts `w-other` of type `other`", kind="other")
    assert stage.verdicts(other) in (["READY"], ["LOOK"])
    assert "`other`" in stage.review(other)
    stage.case("A type nobody knows")
    odd = post(stage, "w-odd", "Something odd", says="posts `w-odd` of type `sorcery`", kind="sorcery")
    assert (stage.verdicts(odd), stage.found(odd)["Values"]) == (["LOOK"], "LOOK")
    stage.case("Tags that are no list")
    tags = post(
        stage,
        "w-tags",
        "Tagged",
        """UPDATE wanted SET tags = '{"go": true}' WHERE id = 'w-tags'""",
        says='posts `w-tags` with the tags `{"go": true}`',
    )
    assert (stage.verdicts(tags), stage.found(tags)["Schema"]) == (["BLOCKED"], "FAIL")


_WIDE = tuple(text.replace("`id` VARCHAR(64)", "`id` VARCHAR(255)") for text in schema.creation())


@POSTS.part("A commons that takes longer ids", schema=_WIDE)
def posts_a_commons_that_takes(stage: Stage) -> None:
    stage.case("An id of 65 characters")
    oversized = post(stage, "w-" + "7" * 63, "Far too long", says="posts an item whose id has 65 characters")
    assert (stage.verdicts(oversized), stage.found(oversized)["Schema"]) == (["BLOCKED"], "FAIL")


EDITS = Scenario(
    14,
    "Edits of an item",
    "An open item is its poster's to change and to withdraw; a claim is its claimer's or the poster's to give back. Once an"
    " item is claimed, what it asks for stays.",
    see=("tests/rules/test_edits_come_from_the_poster.py",),
)
_CLAIMED = wl_sql.claim("w-010", "bob") + wl_sql.claim("w-011", "bob") + wl_sql.claim("w-012", "bob")


def edit(stage: Stage, user: str, item: str, *statements: str, says: str) -> PullNo:
    """An edit, looked at."""
    pull = stage.pull(user, f"wl/{user}/{item}", *statements, says=f"`{user}` {says}")
    stage.look(pull)
    return pull


_ERIN = (
    "INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, registered_at) VALUES"
    " ('erin-mill', 'Mill', 'erin', 3, '2026-01-01 00:00:00')"
)


@EDITS.part(rows=(*_CLAIMED, _ERIN))
def edits(stage: Stage) -> None:
    stage.case("The poster updates an open item")
    mine = edit(
        stage,
        "alice-dev",
        "w-001",
        *wl_sql.update_description("w-001", "It drops every fourth lease."),
        says="changes the description of her `w-001`",
    )
    stage.comment(mine, "erin", "/accept")
    stage.look(mine)
    row = stage.world.row("wanted", id="w-001")
    assert row is not None
    assert (stage.verdicts(mine), stage.answers(mine), row["description"]) == (
        ["READY"],
        ["ACCEPTED"],
        "It drops every fourth lease.",
    )
    stage.case("Somebody else updates it")
    foreign = edit(
        stage, "mallory", "w-002", *wl_sql.update_description("w-002", "Free beer."), says="changes the description of `w-002`"
    )
    assert (stage.verdicts(foreign), stage.found(foreign)["Poster"]) == (["BLOCKED"], "FAIL")
    stage.case("The item is claimed on main meanwhile")
    stage.world.fork_of("alice-dev")
    stage.main(*wl_sql.claim("w-003", "bob"), says="`w-003` is claimed on main by rig `bob`")
    late = edit(
        stage,
        "alice-dev",
        "w-003",
        *wl_sql.update_description("w-003", "Something else entirely."),
        says="changes the description of `w-003` on a branch made before the claim",
    )
    assert stage.verdicts(late) == ["BLOCKED"]
    stage.case("The poster withdraws a claimed item")
    withdrawn = edit(
        stage,
        "alice-dev",
        "w-010",
        f"UPDATE wanted SET status = {literal('withdrawn')}, updated_at = NOW() WHERE id = 'w-010'",
        says="withdraws `w-010`, which rig `bob` holds claimed",
    )
    assert stage.verdicts(withdrawn) == ["BLOCKED"]
    stage.case("The poster gives a claim back")
    back = edit(
        stage,
        "alice-dev",
        "w-011",
        "UPDATE wanted SET claimed_by = NULL, status = 'open', updated_at = NOW() WHERE id = 'w-011'",
        says="takes `w-011` back from rig `bob`",
    )
    stage.comment(back, "erin", "/accept")
    stage.look(back)
    assert (stage.verdicts(back), stage.answers(back), stage.item("w-011")) == (["READY"], ["ACCEPTED"], ("open", None))
    stage.case("Somebody else gives it back")
    taken = edit(
        stage,
        "mallory",
        "w-012",
        "UPDATE wanted SET claimed_by = NULL, status = 'open', updated_at = NOW() WHERE id = 'w-012'",
        says="takes `w-012` from rig `bob`",
    )
    assert stage.verdicts(taken) == ["BLOCKED"]


ALL = (REGISTRATIONS, POSTS, EDITS)
