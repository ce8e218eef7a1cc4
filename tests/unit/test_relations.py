"""Ties between rigs, accounts and addresses; and that commands and rules mean the same by them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.conflict_of_interest import conflict
from bot.model.ids import Database, Handle, User
from bot.model.ledger import Rig, RigLink, Row
from bot.model.pull import BranchRef
from bot.model.relations import Relations, account_node, rig_node
from tests.build import a_pull, a_rig, a_rig_link, a_snapshot, added, work

MILL = a_rig("mill", "cleo", owner_email="c@example.org")


@pytest.mark.parametrize(
    ("rigs", "links", "ties"),
    [
        ((MILL, a_rig("kiln", "cleo")), (), ("account", "account")),
        ((MILL, a_rig("kiln", "Cleo")), (), ("account", "account")),
        ((MILL, a_rig("kiln", "x", owner_email="C@EXAMPLE.org ")), (), ("e-mail", "e-mail")),
        ((MILL, a_rig("kiln", "x", parent_rig="mill")), (), ("parent",)),
        ((MILL, a_rig("kiln", "x")), (a_rig_link("kiln", "mill"),), ("link",)),
        ((MILL, a_rig("kiln", "x")), (a_rig_link("kiln", "mill", link_type="delegate"),), ("link",)),
        ((MILL, a_rig("kiln", "x")), (a_rig_link("kiln", "hub"), a_rig_link("hub", "mill")), ("link", "link")),
        ((MILL, a_rig("kiln", "x")), (a_rig_link("kiln", "mill", status="pending"),), None),
        ((MILL, a_rig("kiln", "x")), (), None),
        ((MILL, a_rig("kiln", "", owner_email=" ")), (), None),
    ],
    ids=["account", "account in another case", "e-mail", "parent", "link", "any link", "two links", "pending", "none", "empty"],
)  # fmt: skip
def test_rigs_are_tied_by_the_shortest_way(
    rigs: tuple[Rig, ...], links: tuple[RigLink, ...], ties: tuple[str, ...] | None
) -> None:
    path = Relations.of(rigs, links).path([rig_node("mill")], rig_node("kiln"))
    assert path == (None if ties is None else (rig_node("mill"), ties))


def test_a_rig_without_owner_is_tied_to_the_account_of_its_name() -> None:
    kin = Relations.of((a_rig("kiln", None),), (), (Handle("stray"),))
    assert kin.path([account_node("Kiln")], rig_node("kiln")) == (account_node("Kiln"), ("name",))
    assert kin.path([account_node("stray")], rig_node("stray")) == (account_node("stray"), ("name",))


def test_commons_without_the_columns_tie_nobody() -> None:
    bare = tuple(Rig(Row.of({"handle": handle, "dolthub_org": owner})) for handle, owner in (("mill", "cleo"), ("kiln", "x")))
    assert Relations.of(bare, ()).path([rig_node("mill")], rig_node("kiln")) is None


handles = st.sampled_from(("mill", "Mill", "kiln", "hub", "polecat-7", "spoke"))
owners = st.sampled_from((None, "cleo", "x", "y", "Hub", "pia"))
some_rigs = st.builds(
    lambda handle, owner, email, parent: a_rig(handle, owner, owner_email=email, parent_rig=parent),
    handles,
    owners,
    st.sampled_from((None, "", "a@example.org", "A@example.org")),
    st.none() | handles,
)
some_links = st.builds(a_rig_link, handles, handles, status=st.sampled_from(("active", "pending", "revoked")))


@given(st.lists(some_rigs, max_size=5), st.lists(some_links, max_size=3), some_rigs, handles)
def test_whoever_may_not_decide_by_command_is_tied_here_too(
    rigs: list[Rig], links: list[RigLink], asker: Rig, worker: str
) -> None:
    """Decisions by command and decisions by other tools are held to one yearbook rule."""
    nobody = User("zzzz-nobody")
    snapshot = a_snapshot(
        pull=a_pull(creator=nobody, source=BranchRef(Database(nobody, "wl-commons"), "main")),
        changes=work(completion=added("completions", completed_by=worker)),
        rigs=(*rigs, asker),
        rig_links=tuple(links),
    )
    workers = dict.fromkeys((Handle(worker),))
    starts = [account_node(asker.owner or "q"), rig_node(asker.handle)]
    tied = Relations.of(snapshot.rigs, snapshot.rig_links, workers).path(starts, rig_node(worker))
    assert (conflict(snapshot, asker, User(asker.owner or "q")) is not None) is (tied is not None)


# --- who may decide -----------------------------------------------------------------------------------------------------

ACCOUNTS = ("ana", "pia", "x", "y", "z")
EMAILS = (None, "a@example.org", "b@example.org", "c@example.org")


@st.composite
def ledgers(draw: st.DrawFn, owners: tuple[str, ...], prefix: str = "r") -> tuple[Rig, ...]:
    """Rigs of these accounts, each with an address and a parent that may be anybody's."""
    many = draw(st.integers(0, 6))
    handles = [f"{prefix}{n}" for n in range(many)]
    return tuple(
        a_rig(
            handle,
            draw(st.sampled_from(owners)),
            owner_email=draw(st.sampled_from(EMAILS)),
            parent_rig=draw(st.none() | st.sampled_from([*handles, "ana-rig", "pia-rig"])),
        )
        for handle in handles
    )


ANA_RIG, PIA_RIG = a_rig("ana-rig", "ana", owner_email=EMAILS[1]), a_rig("pia-rig", "pia", owner_email=EMAILS[2])


@given(others=ledgers(("x", "y", "z")))
def test_rows_of_third_accounts_alone_change_nothing_between_two_others(others: tuple[Rig, ...]) -> None:
    start, goal = [account_node("ana"), rig_node("ana-rig")], rig_node("pia-rig")
    assert Relations.of((ANA_RIG, PIA_RIG), ()).path(start, goal) is None
    assert Relations.of((ANA_RIG, PIA_RIG, *others), ()).path(start, goal) is None


@given(rigs=ledgers(ACCOUNTS), at=st.integers(0, 5))
def test_no_rig_is_ever_apart_from_its_own_account(rigs: tuple[Rig, ...], at: int) -> None:
    if rigs:
        rig = rigs[at % len(rigs)]
        assert Relations.of(rigs, ()).path([account_node(str(rig.owner))], rig_node(rig.handle)) is not None


@given(
    rigs=ledgers(ACCOUNTS), links=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4), ends=st.integers(0, 99)
)
def test_who_is_tied_to_whom_is_the_same_from_either_side(
    rigs: tuple[Rig, ...], links: list[tuple[int, int]], ends: int
) -> None:
    if not rigs:
        return
    handles = [rig.handle for rig in rigs]
    pairs = tuple(
        a_rig_link(handles[a % len(rigs)], handles[b % len(rigs)]) for a, b in links if a % len(rigs) != b % len(rigs)
    )
    relations = Relations.of(rigs, pairs)
    one, other = rig_node(handles[ends % len(rigs)]), rig_node(handles[ends // 10 % len(rigs)])
    assert (relations.path([one], other) is None) == (relations.path([other], one) is None)


def test_a_way_through_links_counts_at_any_length() -> None:
    rigs = tuple(a_rig(f"r{n}", f"u{n}") for n in range(9))
    links = tuple(a_rig_link(f"r{n}", f"r{n + 1}") for n in range(8))
    assert Relations.of(rigs, links).path([rig_node("r0")], rig_node("r8")) == (rig_node("r0"), ("link",) * 8)


def test_a_tie_that_was_cut_while_the_work_was_under_way_still_forbids() -> None:
    now = a_snapshot()
    tied = (a_rig(owner_email="ana@example.org"), *now.rigs[1:])
    assert conflict(now, now.rig(Handle("ana-town")), User("ana")) is None
    assert conflict(replace(now, past_rigs=tied), now.rig(Handle("ana-town")), User("ana")) is not None
    # Whose handle it was before is no tie of whoever has it now.
    taken = (a_rig(owner="mallory", owner_email="ana@example.org"),)
    assert conflict(replace(now, past_rigs=taken), now.rig(Handle("ana-town")), User("ana")) is None


PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4)


@given(rigs=ledgers(ACCOUNTS), links=PAIRS, ends=st.integers(0, 999))
def test_from_several_starts_a_way_is_found_that_one_of_them_has(
    rigs: tuple[Rig, ...], links: list[tuple[int, int]], ends: int
) -> None:
    if not rigs:
        return
    many, nodes = len(rigs), [rig_node(rig.handle) for rig in rigs]
    pairs = tuple(a_rig_link(rigs[a % many].handle, rigs[b % many].handle) for a, b in links if a % many != b % many)
    relations = Relations.of(rigs, pairs)
    starts, goal = [nodes[ends % many], nodes[ends // 10 % many]], nodes[ends // 100 % many]
    one_by_one = [relations.path([start], goal) for start in starts]
    assert (relations.path(starts, goal) is None) == (one_by_one == [None, None])


def test_the_operator_can_say_that_two_accounts_are_two_people_and_no_more_than_that() -> None:
    kiln = a_rig("kiln", "ova", owner_email="c@example.org")
    hub = a_rig("hub", "hal", owner_email="c@example.org")
    told = (User("Cleo"), User("ova"))
    relations = Relations.of((MILL, kiln, hub), (), apart=[told])
    assert relations.path([account_node("cleo")], rig_node("kiln")) is None
    assert relations.path([rig_node("kiln")], rig_node("mill")) is None
    assert relations.hint([account_node("cleo")], rig_node("kiln")) == ()
    assert relations.path([account_node("cleo")], rig_node("hub")) is not None
    own = Relations.of((MILL, a_rig("kiln", "CLEO")), (), apart=[(User("cleo"), User("CLEO"))])
    assert own.path([account_node("cleo")], rig_node("kiln")) is not None, "an account is never apart from itself"
