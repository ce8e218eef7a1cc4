"""Who may decide, as which rig; and that nobody decides on their own work, under whatever name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.authority import Allowed, Denied, conflict, free_validators, is_validator, may_decide, may_recheck
from bot.commands.command import Refuse
from bot.model.ids import Database, Handle, PullNo, User
from bot.model.ledger import Rig
from bot.model.policy import Policy, PosterMay, Validator
from bot.model.pull import BranchRef
from bot.model.snapshot import Rival, Snapshot
from tests.build import COMMONS, RIGS, a_completion, a_pull, a_rig, a_rig_link, a_snapshot, a_wanted, added, work
from tests.commands.asking import ask, reviewed

ANA, BO, CY, PIA, EVE = User("ana"), User("bo"), User("cy"), User("pia"), User("eve")


def a_world(*rigs: Rig, validators: tuple[Validator, ...] = (), **policy: Any) -> Snapshot:
    return a_snapshot(rigs=rigs, policy=Policy(validators=validators, **policy))


def decided_by(snapshot: Snapshot, user: User, verb: str = "accept", as_rig: str | None = None) -> str | None:
    """The rig's handle, None if denied."""
    found = may_decide(snapshot, user, verb, as_rig)
    return found.rig.handle if isinstance(found, Allowed) else None


def denied(snapshot: Snapshot, user: User, verb: str = "accept", as_rig: str | None = None) -> tuple[str, str]:
    found = may_decide(snapshot, user, verb, as_rig)
    assert isinstance(found, Denied), found
    return found.reason, found.remedy


# --- rights ---------------------------------------------------------------------------------------------------------


def test_a_validator_named_with_a_rig_decides_as_it() -> None:
    assert decided_by(a_snapshot(), ANA) == "ana-town"


def test_a_validator_named_without_a_rig_decides_as_the_rig_of_the_account() -> None:
    world = a_world(a_rig("ana-town", "ana", trust_level="0"), validators=(Validator(ANA),))
    assert decided_by(world, ANA) == "ana-town"


def test_a_rig_of_enough_trust_may_decide_without_being_named() -> None:
    assert decided_by(a_world(a_rig("ana-town", "ana", trust_level="3")), ANA) == "ana-town"


@pytest.mark.parametrize("trust", ["2", "0", "-5", None, "three", "3.0"])
def test_trust_below_the_policy_or_unreadable_gives_no_right(trust: str | None) -> None:
    assert decided_by(a_world(a_rig("ana-town", "ana", trust_level=trust)), ANA) is None


@pytest.mark.parametrize("owner", ["Ana", "ana ", "\u0430na", "an\u200ba", "ana-", None, ""])
def test_rights_compare_accounts_to_the_letter(owner: str | None) -> None:
    assert decided_by(a_world(a_rig("ana-town", owner, trust_level="3")), ANA) is None
    assert decided_by(a_world(a_rig("ana-town", owner, trust_level="3"), validators=(Validator(ANA),)), ANA) is None


def test_the_empty_account_owns_nothing() -> None:
    assert decided_by(a_world(a_rig("ana-town", "", trust_level="3")), User("")) is None


def test_the_policy_settles_which_of_several_rigs_it_is() -> None:
    rigs = (a_rig("mill", "ana", trust_level="3"), a_rig("kiln", "ana", trust_level="3"))
    assert decided_by(a_world(*rigs, validators=(Validator(ANA, Handle("kiln")),)), ANA) == "kiln"


def test_of_several_rigs_without_a_word_in_the_policy_the_asker_must_name_one() -> None:
    world = a_world(a_rig("mill", "ana", trust_level="3"), a_rig("kiln", "ana", trust_level="3"))
    assert denied(world, ANA) == (
        "Several of your rigs may decide here: `mill`, `kiln`.",
        "Say which one decides: `--as mill`.",
    )
    assert decided_by(world, ANA, as_rig="kiln") == "kiln"


def test_a_rig_without_the_right_does_not_make_the_choice_unclear() -> None:
    world = a_world(a_rig("mill", "ana", trust_level="3"), a_rig("kiln", "ana", trust_level="1"))
    assert decided_by(world, ANA) == "mill"
    assert denied(world, ANA, as_rig="kiln") == (
        "Your rig `kiln` has trust level 1; deciding takes 3.",
        "You may decide here as `mill`.",
    )


@pytest.mark.parametrize("handle", ["bo-works", "Mill", "mil1", "nobody"])
def test_nobody_decides_as_a_rig_of_somebody_else(handle: str) -> None:
    world = a_world(a_rig("mill", "ana", trust_level="3"), a_rig("bo-works", "bo", trust_level="3"))
    assert denied(world, ANA, as_rig=handle) == (
        f"No rig `{handle}` on main belongs to the account `ana`.",
        "You may decide here as `mill`.",
    )


def test_a_stranger_is_told_what_is_missing_and_who_can() -> None:
    assert denied(a_snapshot(), EVE) == (
        "Only validators decide here, and no rig on main belongs to the account `eve`, so `/accept` is not yours to give.",
        "Free validators: `ana`, `bo`.",
    )


def test_a_rig_of_low_trust_is_told_its_level_and_the_one_it_takes() -> None:
    assert denied(a_snapshot(), CY) == (
        "Only validators decide here. Your rig `cormorant` has trust level 1; deciding takes 3.",
        "Free validators: `ana`, `bo`.",
    )


def test_a_validator_whose_rig_is_not_on_main_is_told_so() -> None:
    world = a_world(validators=(Validator(ANA, Handle("ana-town")),))
    assert denied(world, ANA) == (
        "You are a validator here as rig `ana-town`, but main holds no such rig.",
        "The operator can correct the policy, or the rig can be registered.",
    )


def test_a_validator_whose_account_is_spelled_otherwise_on_main_is_shown_the_spelling() -> None:
    reason, remedy = denied(a_world(a_rig("ana-town", "Ana"), validators=(Validator(ANA),)), ANA)
    assert reason == "You are a validator here, but no rig on main belongs to your account."
    assert "Rig `ana-town` belongs to `Ana`, which is not spelled like `ana`" in remedy


@pytest.mark.parametrize(
    ("may", "verb", "trust", "right"),
    [
        (PosterMay.NOTHING, "close", "2", False),
        (PosterMay.CLOSE, "close", "1", True),
        (PosterMay.CLOSE, "accept", "2", False),
        (PosterMay.ALL, "accept", "2", True),
        (PosterMay.ALL, "reject", "2", True),
        (PosterMay.ALL, "accept", "1", False),
    ],
)
def test_the_poster_of_the_item_may_what_the_policy_says(may: PosterMay, verb: str, trust: str, right: bool) -> None:
    world = a_world(a_rig("ana-town", "ana", trust_level=trust), poster_may_decide=may)
    assert (decided_by(world, ANA, verb) == "ana-town") is right


def test_posting_some_other_item_gives_no_right() -> None:
    world = a_world(a_rig("cormorant", "cy", trust_level="2"), poster_may_decide=PosterMay.ALL)
    assert decided_by(world, CY) is None


def test_a_poster_who_may_only_close_is_told_so() -> None:
    world = a_world(a_rig("ana-town", "ana", trust_level="2"), poster_may_decide=PosterMay.CLOSE)
    assert denied(world, ANA)[0] == "The poster of an item may only `/close` it here."


def test_hostile_names_stay_inside_code() -> None:
    world = a_world(a_rig("x` **bold** @all\n\n/accept -q 5", "eve", trust_level="1"))
    reason, _ = denied(world, EVE)
    assert reason == (
        "Only validators decide here. Your rig `x' **bold** @\u200ball /accept -q 5` has trust level 1; deciding takes 3."
    )


# --- the yearbook rule ----------------------------------------------------------------------------------------------

WORKER = Handle("polecat-7")


def tie(*rigs: Rig, user: User = ANA, rig: str = "ana-town", **fields: Any) -> str | None:
    """What stands against `user` deciding as `rig` on work of polecat-7 submitted by pia."""
    world = a_snapshot(rigs=rigs, **fields)
    found = conflict(world, world.rig(Handle(rig)), user)
    return str(found) if found is not None else None


RULE = "Yearbook rule: a validator does not decide on their own work. "
ANA_TOWN = a_rig("ana-town", "ana")


def test_two_rigs_without_any_tie_are_no_conflict() -> None:
    assert tie(a_rig(), ANA_TOWN) is None
    assert tie(*RIGS) is None


def test_nobody_decides_on_the_work_of_the_rig_they_decide_as() -> None:
    assert tie(a_rig(), user=PIA, rig="polecat-7") == RULE + "`polecat-7` did this work; and that is you."


def test_nobody_decides_on_the_work_of_another_rig_of_their_account() -> None:
    found = tie(a_rig(), a_rig("pia-2", "pia"), user=PIA, rig="pia-2")
    assert found == RULE + "`polecat-7` did this work; `pia-2` and `polecat-7` belong to the same DoltHub account."


def test_nobody_decides_on_the_work_of_a_rig_they_do_not_decide_as() -> None:
    rigs = (a_rig(owner="ana"), ANA_TOWN, a_rig("ana-3", "ana"))
    assert tie(*rigs) is not None
    assert tie(*rigs, rig="nobody") is not None


@pytest.mark.parametrize("owner", ["Ana", "ANA", "\u0430na", "an\u0430", "\uff41na", "ana-", "a.na", " ana "])
def test_an_account_that_only_looks_like_the_own_is_the_own(owner: str) -> None:
    assert tie(a_rig(owner=owner), ANA_TOWN) is not None


@pytest.mark.parametrize("handle", ["Polecat-7", "polecat_7", "p\u043elecat-7", "P0LECAT-7", "polecat7"])
def test_a_handle_that_looks_like_the_workers_is_the_workers(handle: str) -> None:
    found = tie(a_rig(), a_rig(handle, "ana"), rig=handle)
    assert found is not None
    assert found.endswith(f"`{handle}` and `polecat-7` are too alike to be told apart.")


def test_an_agent_is_its_parent_and_the_parent_its_agent() -> None:
    agent = a_rig(parent_rig="ana-town")
    assert tie(agent, ANA_TOWN) == RULE + "`polecat-7` did this work; `ana-town` and `polecat-7` are tied by `parent_rig`."
    assert tie(a_rig(), a_rig("ana-town", "ana", parent_rig="polecat-7")) is not None


def test_two_agents_of_one_parent_are_tied_though_the_parent_is_nowhere_to_be_seen() -> None:
    assert tie(a_rig(parent_rig="mayor"), a_rig("ana-town", "ana", parent_rig="mayor")) is not None


@pytest.mark.parametrize(("left", "right"), [("polecat-7", "ana-town"), ("Ana-Town", "polecat-7")])
def test_an_active_link_ties_two_rigs(left: str, right: str) -> None:
    assert tie(a_rig(), ANA_TOWN, rig_links=(a_rig_link(left, right),)) is not None


@pytest.mark.parametrize("status", ["pending", "revoked", None, "Active"])
def test_a_link_that_is_not_active_ties_nobody(status: str | None) -> None:
    assert tie(a_rig(), ANA_TOWN, rig_links=(a_rig_link("polecat-7", "ana-town", status=status),)) is None


def test_the_same_owner_email_ties_two_rigs_and_is_not_told() -> None:
    found = tie(a_rig(owner_email="Me@Example.org"), a_rig("ana-town", "ana", owner_email="me@example.org "))
    assert found == RULE + "`polecat-7` did this work; `ana-town` and `polecat-7` are tied by the same owner e-mail."


@pytest.mark.parametrize("email", ["", " ", None])
def test_no_email_ties_nobody(email: str | None) -> None:
    assert tie(a_rig(owner_email=email), a_rig("ana-town", "ana", owner_email=email)) is None


def test_ties_reach_on_from_owner_to_owner() -> None:
    rigs = (
        a_rig(parent_rig="middle"),
        a_rig("middle", "mo"),
        a_rig("other", "mo", owner_email="x@example.org"),
        a_rig("ana-2", "ana", owner_email="x@example.org"),
        ANA_TOWN,
    )
    assert tie(*rigs) == (
        RULE + "`polecat-7` did this work; `ana-town` and `polecat-7` are tied by "
        "the same DoltHub account, the same owner e-mail, `parent_rig`."
    )


def test_a_worker_of_unknown_owner_is_no_conflict_unless_named_like_the_asker() -> None:
    assert tie(a_rig(owner=None), ANA_TOWN) is None
    assert tie(a_rig(owner=None), ANA_TOWN, user=User("Polecat-7")) is not None
    assert tie(ANA_TOWN, user=User("Polecat-7")) is not None


def test_a_worker_of_known_owner_may_be_named_like_somebody_elses_account() -> None:
    assert tie(a_rig(), ANA_TOWN, user=User("polecat-7")) is None


def test_who_opened_the_pull_does_not_decide_it_whoever_did_the_work() -> None:
    fork = BranchRef(Database("mo", "wl-commons"), "x")
    found = tie(a_rig(), ANA_TOWN, pull=a_pull(creator=ANA, source=fork))
    assert found == RULE + "`ana` opened this pull; and that is you."


def test_the_owner_of_the_fork_does_not_decide() -> None:
    fork = BranchRef(Database("Ana", "wl-commons"), "x")
    found = tie(a_rig(), ANA_TOWN, pull=a_pull(source=fork))
    assert found == RULE + "This pull comes from a fork of `Ana`; `ana` and `Ana` are too alike to be told apart."


def test_a_branch_of_the_commons_itself_ties_its_owner_to_nothing() -> None:
    rigs = (a_rig(), a_rig("hop-town", COMMONS.owner))
    assert tie(*rigs, user=User("hop"), rig="hop-town", pull=a_pull(source=BranchRef(COMMONS, "wl/x"))) is None


def test_a_tie_that_only_the_pull_itself_brings_forbids_too() -> None:
    brought = added("rigs", handle="polecat-7", dolthub_org="ana")
    assert tie(ANA_TOWN, changes=work(brought)) is not None


def test_every_completion_of_a_pull_counts_not_only_the_first() -> None:
    more = added("completions", id="c-2", completed_by="ana-2")
    assert tie(a_rig(), a_rig("ana-2", "ana"), ANA_TOWN, changes=work(more)) is not None


HANDLES = st.sampled_from(["polecat-7", "ana-town", "bo-works", "a", "b", "c", "Ana-Town", "", "---"])
ACCOUNTS = st.sampled_from(["pia", "ana", "bo", "mo", "", "Ana"])
SOME_RIGS = st.lists(
    st.builds(
        lambda h, o, p, e: a_rig(h, o, parent_rig=p, owner_email=e, trust_level="3"),
        HANDLES,
        ACCOUNTS,
        HANDLES,
        st.sampled_from(["", "x@example.org", "X@example.org"]),
    ),
    max_size=6,
).map(tuple)


@given(SOME_RIGS, ACCOUNTS.filter(bool))
def test_whoever_owns_the_workers_rig_is_never_let_through(rigs: tuple[Rig, ...], user: str) -> None:
    world = a_snapshot(rigs=(*rigs, a_rig(owner=user)))
    for rig in (None, *world.rigs):
        assert conflict(world, rig, User(user)) is not None


@given(SOME_RIGS, ACCOUNTS.filter(bool), st.none() | HANDLES)
def test_a_right_is_always_that_of_a_rig_bound_to_the_letter(rigs: tuple[Rig, ...], user: str, as_rig: str | None) -> None:
    found = may_decide(a_world(*rigs), User(user), "accept", as_rig)
    if isinstance(found, Allowed):
        assert (found.rig.owner, found.rig.trust >= 3) == (user, True)
        assert as_rig in (None, found.rig.handle)


@given(SOME_RIGS)
def test_more_rigs_never_make_a_conflict_go_away(rigs: tuple[Rig, ...]) -> None:
    few, many = a_snapshot(rigs=rigs[:3]), a_snapshot(rigs=rigs)
    if conflict(few, None, ANA) is not None and a_completion().completed_by not in {r.handle for r in rigs[3:]}:
        assert conflict(many, None, ANA) is not None


# --- who else -------------------------------------------------------------------------------------------------------


def test_free_validators_are_those_without_a_tie_policy_first_then_by_trust() -> None:
    world = a_world(
        a_rig(parent_rig="bo-works"),
        a_rig("ana-town", "ana"),
        a_rig("bo-works", "bo", trust_level="3"),
        a_rig("dee-dock", "dee", trust_level="3"),
        a_rig("fay-farm", "fay", trust_level="4"),
        a_rig("stray", None, trust_level="9"),
        a_rig("robot", "stampbot", trust_level="9"),
        validators=(Validator(BO), Validator(ANA), Validator(EVE)),
    )
    assert free_validators(world) == ("ana", "fay", "dee")


def test_where_nobody_is_free_it_is_said() -> None:
    world = a_world(a_rig("pia-2", "pia", trust_level="3"), a_rig())
    assert denied(world, EVE)[1] == "No validator of this commons is free to decide it."


def test_a_validator_with_several_rigs_is_a_validator() -> None:
    world = a_world(a_rig("mill", "ana", trust_level="3"), a_rig("kiln", "ana", trust_level="3"))
    assert (is_validator(world, ANA), is_validator(world, EVE)) == (True, False)


@pytest.mark.parametrize(("user", "may"), [("pia", True), ("ana", True), ("cy", False), ("eve", False), ("Pia", False)])
def test_checks_are_rerun_for_author_worker_and_validators(user: str, may: bool) -> None:
    assert may_recheck(a_snapshot(), User(user)) is may


def test_checks_are_rerun_for_whose_work_it_is_though_another_account_opened_the_pull() -> None:
    assert may_recheck(a_snapshot(pull=a_pull(creator=EVE)), PIA)


# --- a stake in the item ------------------------------------------------------------------------------------------------


def a_rival(rig: str, *, blocked: bool = False) -> dict[str, Any]:
    return {"rivals": (Rival(pull=PullNo(9), rig=Handle(rig), evidence="", blocked=blocked),)}


OF_ANA = {"items": (a_wanted(status="claimed", claimed_by="ana-town"),)}
STAKES: dict[str, tuple[dict[str, Any], bool]] = {
    "nobody else works on it": ({}, False),
    "main gives the item to the asker's rig": (OF_ANA, True),
    "the asker's rig has an open pull for it": (a_rival("ana-town"), True),
    "a blocked pull bears the asker's name": (a_rival("ana-town", blocked=True), False),
    "another rig has an open pull for it": (a_rival("bo-works"), False),
    "the asker's completion waits on main": (
        {"completions": (a_completion(id="c-9", completed_by="ana-town"),)},
        True,
    ),
}


@pytest.mark.parametrize("line", ["/accept --quality 4", "/reject no", "/close --yes no", "/close --pull-only no"])
@pytest.mark.parametrize(("fields", "refuses"), STAKES.values(), ids=STAKES)
def test_a_stake_in_an_item_is_a_stake_in_every_pull_for_it(line: str, fields: dict[str, Any], refuses: bool) -> None:
    decision = ask(line, reviewed(**fields), by="ana")
    told = isinstance(decision, Refuse) and "has a stake in an item" in decision.reason
    assert told is refuses
