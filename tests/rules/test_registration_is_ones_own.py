"""New rigs, rigs again, hijacks, look-alikes, and what they share with the rigs of others."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bot.model.policy import Validator
from bot.rulebook import Handle, Pull, Rig, Row, RowChange, Snapshot, User
from rules.registration_is_ones_own import check
from tests.build import RIGS, a_branch, a_policy, a_pull, a_rig, a_row, a_snapshot, added, changes_of, modified
from tests.rules.table import PASS, found, judged, told

NEW = a_pull(source=a_branch("nia", "wl/register/lamp-post"), creator=User("nia"))
AGAIN = a_pull(source=a_branch(branch="wl/register/polecat-7"))
SEEN = {"last_seen": "2026-06-14 13:00:00", "gt_version": "0.9.3"}
OURS = a_rig().row
BOS = a_row("rigs", handle="bo-works", dolthub_org="bo", display_name="bo-works", trust_level="3")
NOBODYS = a_row("rigs", handle="old-crow", dolthub_org=None, trust_level="0", gt_version="github-backfill")
SYSTEM = a_row("rigs", handle="sweeper", dolthub_org=None, trust_level="0", rig_type="system")
MADE = a_row("rigs", handle="zoe", dolthub_org=None, gt_version="github-backfill", rig_type="system")
FORGOTTEN = a_row("rigs", handle="old-town", dolthub_org="", trust_level="0")
BACKFILLER = a_row("rigs", handle="gastownhall-backfill", dolthub_org=None, trust_level="0", rig_type="system")


def new(handle: str = "lamp-post", **cells: str | None) -> RowChange:
    """A registration by the account nia, who has no rig yet."""
    return added("rigs", **{"handle": handle, "dolthub_org": "nia", "display_name": handle, **cells})


def registering(*rows: RowChange, rigs: tuple[Rig, ...] = RIGS) -> Snapshot:
    return a_snapshot(pull=NEW, rigs=rigs, changes=changes_of(*rows))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (new(), PASS),
        (new(owner_email="nia@example.org", hop_uri="hop://nia@example.org/lamp-post/"), PASS),
        (new(display_name=None, gt_version=None, rig_type=None), PASS),
        (new(dolthub_org="ana"), ("fault rigs.lamp-post.dolthub_org",)),
        (new(dolthub_org=None), ("fault rigs.lamp-post.dolthub_org",)),
        (new(dolthub_org="Nia"), ("fault rigs.lamp-post.dolthub_org",)),
        (new("kilo/main"), ("fault rigs.kilo/main.handle",)),
        (new("Register"), ("fault rigs.Register.handle",)),
        (new(""), ("fault rigs.handle",)),
        (new("x" * 65), (f"fault rigs.{'x' * 65}.handle",)),
        (new("cormorant"), ("fault rigs.cormorant.handle",)),
        (new("Ana-Town"), ("fault rigs.Ana-Town.handle",)),
        (new("c0rm0rant"), ("fault rigs.c0rm0rant.handle",)),
        (new("corrnorant"), ("fault rigs.corrnorant.handle",)),
        (new("ana_town"), ("fault rigs.ana_town.handle",)),
        (new("аnа-town"), ("fault rigs.аnа-town.handle", "fault rigs.аnа-town.handle")),
        (new("ana\u200b-town"), ("fault rigs.ana\u200b-town.handle", "fault rigs.ana\u200b-town.handle")),
        (new("gastownhall_backfill"), ("fault rigs.gastownhall_backfill.handle",)),
        (new("Stamp-Bot"), ("fault rigs.Stamp-Bot.handle",)),
        (new("cy"), ("doubt rigs.cy.handle",)),
        (new("Ana"), ("doubt rigs.Ana.handle",)),
        (new("nia"), PASS),
    ],
    ids=[
        "new", "with addresses", "bare", "for another", "for nobody", "owner in another case", "slash", "reserved", "no handle",
        "too long", "taken", "other case", "zeros for o", "rn for m", "another dash", "cyrillic", "unseen letter", "backfiller",
        "the bot's account", "another's account", "a validator's account", "the own account",
    ],
)  # fmt: skip
def test_a_new_handle_is_nobody_elses(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, registering(row)) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (new(display_name="Cormorant"), ("doubt rigs.lamp-post.display_name",)),
        (new(display_name="Bo Works"), ("doubt rigs.lamp-post.display_name",)),
        (new(display_name="The Old Mill"), ("doubt rigs.lamp-post.display_name",)),
        (new(display_name="???"), PASS),
        (new("c0rmorant", display_name="Cormorant"), ("fault rigs.c0rmorant.handle",)),
        (new(owner_email=" ANA@example.org"), ("doubt rigs.lamp-post.owner_email",)),
        (new(owner_email=""), PASS),
        (new(hop_uri="hop://nia@example.org/cormorant/"), ("doubt rigs.lamp-post.hop_uri",)),
        (new(hop_uri="hop://nia@example.org/"), PASS),
        (new(hop_uri="not an address"), PASS),
        (new(rig_type="agent"), ("doubt rigs.lamp-post.parent_rig",)),
        (new(rig_type="Team"), ("doubt rigs.lamp-post.parent_rig",)),
        (new(rig_type="agent", parent_rig="nowhere"), ("doubt rigs.lamp-post.parent_rig",)),
        (new(rig_type="agent", parent_rig="lamp-post"), ("doubt rigs.lamp-post.parent_rig",)),
        (new(rig_type="agent", parent_rig="ana-town"), ("doubt rigs.lamp-post.parent_rig",)),
        (new(rig_type="system"), ("doubt rigs.lamp-post.rig_type",)),
    ],
    ids=[
        "named like a handle", "named like a handle with a space", "named like a name", "name without letters",
        "handle and name", "e-mail", "empty e-mail", "hop_uri of another", "hop_uri without handle", "no hop_uri at all",
        "agent of nobody", "team of nobody", "parent not on main", "own parent", "another's agent", "system rig",
    ],
)  # fmt: skip
def test_what_a_registration_shares_with_others_is_looked_at(row: RowChange, expected: tuple[str, ...]) -> None:
    rigs = (*RIGS, a_rig("mill-7", "cleo", display_name="The old mill"), a_rig("loose", None, owner_email="nia@example.org"))
    assert found(check, registering(row, rigs=rigs)) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (modified("rigs", OURS, **SEEN), PASS),
        (modified("rigs", OURS, display_name="The Polecat"), PASS),
        (modified("rigs", OURS, display_name="Cormorant"), ("doubt rigs.polecat-7.display_name",)),
        (modified("rigs", OURS, owner_email="ana@example.org"), ("doubt rigs.polecat-7.owner_email",)),
        (modified("rigs", OURS, hop_uri="hop://x@example.org/ana-town"), ("doubt rigs.polecat-7.hop_uri",)),
        (modified("rigs", BOS, dolthub_org="pia", **SEEN), ("fault rigs.bo-works.dolthub_org",)),
        (modified("rigs", BOS, **SEEN), ("fault rigs.bo-works.dolthub_org",)),
        (modified("rigs", OURS, dolthub_org="bo"), ("doubt rigs.polecat-7.dolthub_org",)),
        (modified("rigs", NOBODYS, dolthub_org="pia"), ("doubt rigs.old-crow.dolthub_org",)),
        (modified("rigs", SYSTEM, dolthub_org="pia"), ("doubt rigs.sweeper.dolthub_org",)),
        (modified("rigs", FORGOTTEN, dolthub_org="pia"), ("doubt rigs.old-town.dolthub_org",)),
        (modified("rigs", NOBODYS, dolthub_org="bo"), ("fault rigs.old-crow.dolthub_org",)),
        (modified("rigs", BACKFILLER, dolthub_org="pia"), ("fault rigs.gastownhall-backfill.dolthub_org",)),
        (modified("rigs", OURS, registered_at="2020-01-01 00:00:00"), ("fault rigs.polecat-7.registered_at",)),
        (modified("rigs", OURS, parent_rig=None, rig_type="org"), ("fault rigs.polecat-7.rig_type",)),
    ],
    ids=[
        "seen again", "renamed", "named like another", "e-mail of another", "hop_uri of another", "hijack", "another's row",
        "given away", "taken over", "system rig taken over", "forgotten rig taken over", "taken over for another",
        "backfiller taken over", "history", "another type",
    ],
)  # fmt: skip
def test_a_registration_again_is_read_as_the_table_says(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(pull=AGAIN, changes=changes_of(row))) == expected


def test_a_second_rig_of_one_owner_is_told_with_the_first() -> None:
    row = added("rigs", handle="polecat-8", display_name="Polecat 8", parent_rig="polecat-7", rig_type="agent")
    snapshot = a_snapshot(pull=AGAIN, changes=changes_of(row))
    assert found(check, snapshot) == ("note rigs.polecat-8.dolthub_org",)
    assert told(check, snapshot) == "`pia` has `polecat-7` on main already; rigs of one owner do not stamp each other's work."


def test_a_handle_like_ones_own_is_a_note() -> None:
    snapshot = a_snapshot(pull=AGAIN, changes=changes_of(added("rigs", handle="polecat7")))
    assert found(check, snapshot) == ("note rigs.polecat7.dolthub_org", "note rigs.polecat7.handle")


def test_two_registrations_at_once_are_a_fault() -> None:
    assert found(check, registering(new(), new("lamp-oil"))) == ("fault rigs",)


def test_the_rig_of_a_validator_of_the_policy_is_taken_though_main_lacks_it() -> None:
    policy = a_policy(validators=(Validator(User("vera"), Handle("vera-peak")),))
    snapshot = replace(registering(new("vera_peak")), policy=policy)
    assert told(check, snapshot) == "The handle `vera_peak` looks like `vera-peak` of validator `vera`."
    assert found(check, replace(snapshot, policy=a_policy(validators=(Validator(User("nia"), Handle("vera-peak")),)))) == PASS


def test_the_owner_on_main_now_counts_not_the_one_the_branch_started_from() -> None:
    taken_meanwhile: tuple[Rig, ...] = (*RIGS, a_rig("old-crow", "cy"))
    snapshot = a_snapshot(pull=AGAIN, rigs=taken_meanwhile, changes=changes_of(modified("rigs", NOBODYS, dolthub_org="pia")))
    assert told(check, snapshot) == "The pull registers `old-crow` again, which belongs to `cy`; it comes from `pia`."


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (new("kilo/main"), "The handle `kilo/main` has a slash, so no branch `wl/<rig>/<item>` of this rig can be read."),
        (new("register"), "The handle `register` is what branches of registrations are named with: `wl/register/…`."),
        (new("Cormorant"), "The handle `Cormorant` is but for its spelling `cormorant` of `cy`."),
        (new("c0rm0rant"), "The handle `c0rm0rant` looks like `cormorant` of `cy`."),
        (new("cy"), "The handle `cy` is the name of the account `cy`, and the registration comes from `nia`."),
        (new(owner_email="ana@example.org"), "The registration has the owner_email of `ana-town` of `ana`."),
        (new(display_name="Cormorant"), "The rig is shown as `Cormorant`, which is taken for `cormorant` of `cy`."),
        (new(hop_uri="hop://n/cormorant"), "The hop_uri of rig `lamp-post` is that of `cormorant`."),
        (new(rig_type="agent"), "The rig is of type `agent` and names no parent."),
    ],
)
def test_findings_name_whom_it_is_about(row: RowChange, says: str) -> None:
    assert told(check, registering(row)) == says


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (NOBODYS, "The pull takes over `old-crow`, made by a backfill and without an owner on main."),
        (MADE, "The pull takes over `zoe`, made by a backfill and without an owner on main."),
        (SYSTEM, "The pull takes over `sweeper`, a system rig without an owner on main."),
        (FORGOTTEN, "The pull takes over `old-town`, which has no owner on main."),
    ],
)
def test_a_rig_that_is_taken_over_is_told_with_where_it_comes_from(row: Row, says: str) -> None:
    assert told(check, a_snapshot(pull=AGAIN, changes=changes_of(modified("rigs", row, dolthub_org="pia")))) == says


def test_a_rig_that_is_given_away_is_told_with_both_owners() -> None:
    given = a_snapshot(pull=AGAIN, changes=changes_of(modified("rigs", OURS, dolthub_org="bo")))
    assert told(check, given) == "The pull gives `polecat-7` away, from `pia` to `bo`."


def test_an_address_is_not_repeated() -> None:
    (finding,) = judged(check, registering(new(owner_email="ana@example.org"))).findings
    assert "@" not in finding.says + finding.remedy


def test_commons_without_some_columns_ask_nothing_about_them() -> None:
    old = ("handle", "display_name", "dolthub_org", "trust_level", "registered_at", "last_seen")
    rigs = tuple(Rig(Row.of([(c, rig.row.get(c)) for c in old])) for rig in RIGS)
    row = new()
    assert row.after is not None
    bare = replace(row, after=Row.of([(c, row.after.get(c)) for c in old]))
    assert found(check, registering(bare, rigs=rigs)) == PASS


def test_many_registrations_beside_many_rigs_take_no_time_that_grows_with_both() -> None:
    rigs = tuple(a_rig(f"town-{n}x", f"owner-{n}x", owner_email=f"{n}@example.org") for n in range(1500))
    rows = tuple(new(f"rig-{n}y") for n in range(1500))
    began = time.process_time()
    assert found(check, registering(*rows, rigs=rigs)) == ("fault rigs",)
    assert time.process_time() - began < 5


# --- owners and handles on either side of one another in the alphabet, for no comparison may hang on that --------------------

ZED = (a_rig("zulu-9", "zed", display_name="Zulu Nine", owner_email="zed@example.org"),)
LATE = a_pull(source=a_branch("zed", "wl/register/lamp-post"), creator=User("zed"))
BOTS = a_pull(source=a_branch("stampbot", "wl/register/lamp-post"), creator=User("stampbot"))
GONE = a_row("rigs", handle="gone", dolthub_org="bo")
ZULU = ZED[0].row


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (new("zu1u-9"), ("fault rigs.zu1u-9.handle",)),
        (new("zed"), ("doubt rigs.zed.handle",)),
        (new(display_name="Zulu Nine"), ("doubt rigs.lamp-post.display_name",)),
        (new(owner_email="zed@example.org"), ("doubt rigs.lamp-post.owner_email",)),
        (new(owner_email="loose@example.org"), PASS),
        (new(hop_uri="hop://n/zulu-9/"), ("doubt rigs.lamp-post.hop_uri",)),
        (new(rig_type="agent", parent_rig="zulu-9"), ("doubt rigs.lamp-post.parent_rig",)),
    ],
    ids=["look-alike", "account", "name", "address", "address of nobody's rig", "hop_uri", "parent"],
)
def test_who_comes_late_in_the_alphabet_is_somebody_too(row: RowChange, expected: tuple[str, ...]) -> None:
    rigs = (*RIGS, *ZED, a_rig("loose", None, owner_email="loose@example.org"))
    assert found(check, registering(row, rigs=rigs)) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (modified("rigs", ZULU, **SEEN), ("fault rigs.zulu-9.dolthub_org",)),
        (modified("rigs", GONE, **SEEN), ("fault rigs.gone.dolthub_org",)),
        (modified("rigs", NOBODYS, dolthub_org="zed"), ("fault rigs.old-crow.dolthub_org",)),
        (modified("rigs", a_row("rigs", handle="ants", dolthub_org=None), dolthub_org="pia"), ("doubt rigs.ants.dolthub_org",)),
        (modified("rigs", OURS, dolthub_org="zed"), ("doubt rigs.polecat-7.dolthub_org",)),
        (modified("rigs", a_rig(display_name="Cormorant").row, **SEEN), PASS),
        (modified("rigs", a_rig(owner_email="ana@example.org").row, **SEEN), PASS),
    ],
    ids=[
        "another's row", "a row that main has lost", "taken over for another", "nobody's, of an early letter", "given away",
        "a name it had already", "an address it had already",
    ],
)  # fmt: skip
def test_a_registration_again_of_late_and_early_letters(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(pull=AGAIN, rigs=(*RIGS, *ZED), changes=changes_of(row))) == expected


@pytest.mark.parametrize(
    ("pull", "row", "expected"),
    [
        (LATE, new("Stamp-Bot", dolthub_org="zed"), ("fault rigs.Stamp-Bot.handle",)),
        (BOTS, new("Stamp-Bot", dolthub_org="stampbot"), PASS),
        (LATE, new("vera_peak", dolthub_org="zed"), ("fault rigs.vera_peak.handle",)),
    ],
    ids=["the bot's name by an account of a late letter", "by the bot", "a validator's rig by an account of a late letter"],
)
def test_names_of_the_bot_and_of_validators_are_theirs(pull: Pull, row: RowChange, expected: tuple[str, ...]) -> None:
    policy = a_policy(validators=(Validator(User("vera"), Handle("vera-peak")),))
    assert found(check, a_snapshot(pull=pull, policy=policy, changes=changes_of(row))) == expected


@pytest.mark.parametrize(
    ("rigs", "row", "says"),
    [
        ((a_rig("zu1u", "zed"),), new("zulu"), "The handle `zulu` looks like `zu1u` of `zed`."),
        ((a_rig("ZULU", "zed"),), new("zulu"), "The handle `zulu` is but for its spelling `ZULU` of `zed`."),
        ((a_rig("zulu", None),), new("Zulu"), "The handle `Zulu` is but for its spelling `zulu`, which is on main."),
        (
            (a_rig("a-1", "cy"), a_rig("b-1", "Cy")),
            new("cy"),
            "The handle `cy` is the name of the account `cy`, and the registration comes from `nia`.",
        ),
        (
            (a_rig("a-1", "cy", display_name="Gate"), a_rig("b-1", "bo", display_name="Gate")),
            new(display_name="Gate"),
            "The rig is shown as `Gate`, which is taken for `a-1` of `cy` and 1 more.",
        ),
        (
            tuple(a_rig(f"{n}-1", "cy", display_name="Gate") for n in "abcde"),
            new(display_name="Gate"),
            "The rig is shown as `Gate`, which is taken for `a-1` of `cy` and 4 more.",
        ),
        (
            (a_rig("a-1", None, display_name="Gate"), a_rig("b-1", None, display_name="Gate")),
            new(display_name="Gate"),
            "The rig is shown as `Gate`, which is taken for `a-1` and 1 more.",
        ),
    ],
    ids=["looks like", "spelling", "nobody's", "the first of two accounts", "two", "five", "two of nobody"],
)  # fmt: skip
def test_whom_it_could_be_taken_for_is_counted(rigs: tuple[Rig, ...], row: RowChange, says: str) -> None:
    assert told(check, registering(row, rigs=rigs)) == says


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "`a-0`"),
        (4, "`a-0`, `a-1`, `a-2`, `a-3`"),
        (5, "`a-0`, `a-1`, `a-2`, `a-3` and 1 more"),
        (8, "`a-0`, `a-1`, `a-2`, `a-3` and 4 more"),
    ],
)
def test_rigs_of_one_owner_are_counted(count: int, named: str) -> None:
    rigs = tuple(a_rig(f"a-{n}", "nia") for n in range(count))
    said = told(check, registering(new(), rigs=rigs))
    assert said == f"`nia` has {named} on main already; rigs of one owner do not stamp each other's work."


@pytest.mark.parametrize(
    ("owner", "whom"), [("cy", "`cy`"), (None, "The owner of the parent")], ids=["an owner", "nobody on main"]
)
def test_who_has_to_confirm_a_parent_is_named(owner: str | None, whom: str) -> None:
    rigs = (a_rig("old-mill", owner),)
    (finding,) = judged(check, registering(new(rig_type="agent", parent_rig="old-mill"), rigs=rigs)).findings
    assert finding.remedy == f"{whom} confirms it in a comment"


def test_a_rig_of_a_team_that_is_taken_over_is_no_system_rig() -> None:
    row = a_row("rigs", handle="crew", dolthub_org=None, rig_type="team")
    taken = a_snapshot(pull=AGAIN, changes=changes_of(modified("rigs", row, dolthub_org="pia")))
    assert told(check, taken) == "The pull takes over `crew`, which has no owner on main."
