"""Scenarios 6 to 11: rivals, forks that lag behind, and rows that come in somebody else's name."""

from __future__ import annotations

from sandbox.seed import wl_sql
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import Stage

TWO_CLAIMS = Scenario(
    6,
    "Two claims on one item",
    "Bob and Carol claim the same item. Alice merges Bob's claim, so Carol's can no longer be merged, and her pull is told so"
    " as soon as main has changed.",
)


@TWO_CLAIMS.part()
def two_claims(stage: Stage) -> None:
    first, second = stage.claim("bob", "w-001"), stage.claim("carol", "w-001")
    stage.settle()
    stage.comment(first, "alice-dev", "/accept --yes")
    stage.settle()
    assert (stage.answers(first), stage.item("w-001")) == (["ACCEPTED"], ("claimed", "bob"))
    assert (stage.world.state(second), stage.verdicts(second)[-1]) == ("open", "BLOCKED")
    assert "bob" in stage.review(second)


TWO_COMPLETIONS = Scenario(
    7,
    "Two completions for one item",
    "An item may draw several submissions. Each review names the others, a human picks, and whoever was not picked is told.",
    see=("tests/journeys/test_kinds.py",),
)


@TWO_COMPLETIONS.part()
def two_completions(stage: Stage) -> None:
    stage.case("Both pulls are open")
    first = stage.hand_in("bob", "w-001")
    second = stage.hand_in("carol", "w-001", stage.page("/hop/relay/pull/901"))
    stage.settle()
    assert (stage.verdicts(first)[-1], stage.verdicts(second)[-1]) == ("LOOK", "LOOK")
    assert f"/pulls/{second}) by `carol`" in stage.review(first)
    stage.next_second()  # The next review names whoever wrote the row last.
    stage.comment(first, "alice-dev", "/accept --quality 4")
    stage.settle()
    assert (stage.answers(first), stage.item("w-001"), stage.stamps()) == (["ACCEPTED"], ("completed", "bob"), 1)
    assert (stage.world.state(second), stage.verdicts(second)[-1]) == ("open", "BLOCKED")
    stage.case("One is on main, the other brings a completion only")
    earlier = stage.hand_in("bob", "w-002")
    stage.look(earlier)
    stage.merge_by_hand(earlier)
    evidence = stage.page("/hop/relay/pull/902")
    later = stage.pull(
        "carol-org",
        "wl/carol/w-002",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES"
        f" ('c-carol-002', 'w-002', 'carol', '{evidence}', NOW())",
        says=f"rig `carol` adds a completion of her own for `w-002`, with the evidence `{evidence}`, and nothing else",
    )
    stage.settle()
    assert stage.verdicts(later)[-1] == "LOOK"
    stage.comment(later, "alice-dev", "/accept --quality 5")
    stage.settle()
    assert (stage.answers(later), stage.stamps("carol"), stage.stamps("bob")) == (["ACCEPTED"], 1, 1)
    assert stage.item("w-002")[0] == "completed"
    assert stage.world.count("completions", "wanted_id = 'w-002' AND completed_by = 'bob'") == 1


STALE = Scenario(
    8,
    "A stale fork",
    "Bob's fork is twenty commits of main behind. What main has changed since is not his doing: the review shows his two rows"
    " and nothing else, and accepting them takes nothing back.",
)


@STALE.part()
def stale(stage: Stage) -> None:
    stage.world.fork_of("bob")
    stage.main(
        *(f"UPDATE wanted SET description = 'Version {n}', updated_at = NOW() WHERE id = 'w-002'" for n in range(19)),
        "UPDATE rigs SET display_name = 'Carol of the hill' WHERE handle = 'carol'",
        says="main moves on by twenty commits, none of them about `w-001`",
    )
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    assert (stage.verdicts(pull), stage.found(pull)) == (["READY"], {})
    assert "`wanted` 1 row (`open` to `in_review`); `completions` 1 row added. Nothing else." in stage.review(pull)
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    item, rig = stage.world.row("wanted", id="w-002"), stage.world.row("rigs", handle="carol")
    assert item is not None
    assert rig is not None
    assert (stage.answers(pull), item["description"], rig["display_name"]) == (["ACCEPTED"], "Version 18", "Carol of the hill")


ALL_AT_ONCE = Scenario(
    9,
    "Everything at once, from the fork's main",
    "A newcomer registers, claims and submits, all in one pull from the main of her fork, as one guide for newcomers tells."
    " One decision cannot be about two things, so it has to be split.",
)


@ALL_AT_ONCE.part()
def all_at_once(stage: Stage) -> None:
    evidence = stage.page("/hop/relay/pull/903")
    pull = stage.pull(
        "nia",
        "main",
        *wl_sql.register(handle="lamp-post", display_name="Lamp Post", dolthub_org="nia", owner_email="nia@example.org"),
        *wl_sql.claim("w-001", "lamp-post"),
        *wl_sql.done("w-001", "lamp-post", evidence),
        says=f"`nia` registers rig `lamp-post`, claims `w-001` and hands it in with the evidence `{evidence}`, all on `main`",
        title="Register lamp-post + complete w-001",
    )
    stage.look(pull)
    assert stage.verdicts(pull) == ["BLOCKED"]
    assert stage.found(pull)["Scope"] == "FAIL"
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.answers(pull), stage.world.row("rigs", handle="lamp-post"), stage.item("w-001")) == (
        ["REFUSED"],
        None,
        ("open", None),
    )


IMPOSTOR = Scenario(
    10,
    "In somebody else's name",
    "Mallory's fork has a branch called `wl/bob/w-001`, and its rows say that Bob did the work. Names of branches and handles"
    " in rows prove nothing: the fork is Mallory's.",
)


@IMPOSTOR.part()
def impostor(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001", user="mallory")
    stage.look(pull)
    assert stage.verdicts(pull) == ["BLOCKED"]
    assert stage.found(pull)["Owner"] == "FAIL"
    stage.comment(pull, "alice-dev", "/accept --quality 5")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps(), stage.world.state(pull)) == (["REFUSED"], 0, "open")


INHERITED = Scenario(
    11,
    "An inherited claim",
    "Carol's branch was made from one of Bob's and still carries his claim; all she wants is to post an item. Merging it would"
    " give Bob an item that nobody decided to give him.",
)


@INHERITED.part()
def inherited(stage: Stage) -> None:
    pull = stage.pull(
        "carol-org",
        "wl/carol/w-900",
        *wl_sql.claim("w-001", "bob"),
        *wl_sql.post(
            item="w-900",
            title="Paint the relay",
            description="Green.",
            project="relay",
            kind="feature",
            priority=3,
            tags=("paint",),
            posted_by="carol",
            effort="small",
        ),
        says="rig `carol` posts `w-900` on a branch that also holds rig `bob`'s claim of `w-001`",
    )
    stage.look(pull)
    assert stage.verdicts(pull) == ["BLOCKED"]
    stage.comment(pull, "alice-dev", "/accept")
    stage.look(pull)
    assert (stage.answers(pull), stage.item("w-001"), stage.world.row("wanted", id="w-900")) == (
        ["REFUSED"],
        ("open", None),
        None,
    )


ALL = (TWO_CLAIMS, TWO_COMPLETIONS, STALE, ALL_AT_ONCE, IMPOSTOR, INHERITED)
