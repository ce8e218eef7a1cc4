"""The seed's data by itself, and the page that shows it: no database is needed to check these."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bot.demo.processes import toml_tables
from sandbox.seed import docs, schema, wl_sql
from sandbox.seed.background import BACKGROUND
from sandbox.seed.history import COMPLETIONS, LINKED_RIGS, POSTED_LATER, forked_h
from sandbox.seed.items import PULLED
from sandbox.seed.people import RIGS, VALIDATORS, users
from sandbox.seed.pulls import PULLS
from sandbox.seed.shapes import SeedPull
from sandbox.values.places import placed

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"
ITEMS = PULLED + BACKGROUND + POSTED_LATER
HANDLES = {rig.handle for rig in RIGS}


def test_the_page_shows_exactly_the_table_made_from_the_seed() -> None:
    assert docs.between_markers(PAGE.read_text(encoding="utf-8")) == docs.pull_table()


def test_writing_the_table_twice_changes_nothing() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert docs.with_table(page) == page


def test_writing_the_table_replaces_what_stood_between_the_markers() -> None:
    page = f"before\n{docs.BEGIN}\nold\n{docs.END}\nafter\n"
    assert docs.with_table(page) == (f"before\n{docs.BEGIN}\n\n{docs.pull_table()}\n\n{docs.END}\nafter\n")


@pytest.mark.parametrize("page", ["", docs.BEGIN, f"{docs.END}{docs.BEGIN}", f"{docs.BEGIN}{docs.END}" * 2])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        docs.with_table(page)


@pytest.mark.parametrize("pull", PULLS, ids=lambda pull: pull.slug)
def test_each_pull_says_in_one_sentence_what_it_is_for(pull: SeedPull) -> None:
    assert re.fullmatch(r"[A-Z][^|\n.]{20,110}\.", pull.purpose)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", pull.slug)
    assert pull.started_h > pull.opened_h > 0
    assert pull.started_h < forked_h(pull.user), "the branch is written after the fork is made"


def test_names_are_given_once() -> None:
    everything: tuple[tuple[str, ...], ...] = (
        tuple(pull.slug for pull in PULLS),
        tuple(pull.purpose for pull in PULLS),
        tuple(f"{pull.user} {pull.branch}" for pull in PULLS),
        tuple(item.id for item in ITEMS),
        tuple(item.title for item in ITEMS),
        tuple(rig.handle for rig in RIGS),
        tuple(completion.id for completion in COMPLETIONS),
    )
    for names in everything:
        assert sorted(set(names)) == sorted(names)


def test_ids_have_the_shapes_of_a_real_commons() -> None:
    shapes = {re.sub(r"[0-9a-f]{10}$|[0-9]{3}$", lambda m: f"<{len(m[0])}>", item.id) for item in ITEMS}
    assert shapes == {"w-<10>", "w-com-<3>"}
    assert all(re.fullmatch(r"c-[0-9a-f]{16}", completion.id) for completion in COMPLETIONS)


def test_every_name_in_a_row_is_a_rig() -> None:
    named = {item.by for item in ITEMS} | {item.claimed_by for item in ITEMS if item.claimed_by}
    named |= {completion.by for completion in COMPLETIONS} | set(LINKED_RIGS)
    named |= {completion.stamp.author for completion in COMPLETIONS if completion.stamp}
    named |= {rig.parent for rig in RIGS if rig.parent}
    assert named <= HANDLES


def test_the_history_keeps_the_rules_it_would_be_judged_by() -> None:
    by_item = {completion.item.id: completion for completion in COMPLETIONS}
    trust = {rig.handle: rig.trust for rig in RIGS}
    for item in PULLED + BACKGROUND:
        completion = by_item.get(item.id)
        assert (completion is not None) == (item.status in {"in_review", "completed"})
        assert (item.claimed_by is not None) == (item.status in {"claimed", "in_review", "completed"})
        if completion is None:
            continue
        assert completion.by == item.claimed_by
        assert completion.completed_h < item.created_h
        if completion.stamp is not None:
            assert item.status == "completed"
            assert trust[completion.stamp.author] == 3
            assert completion.stamp.author != completion.by
            assert completion.stamp.created_h < completion.completed_h


def test_validators_are_trusted_and_the_bot_has_no_rig() -> None:
    trusted = {rig.user for rig in RIGS if rig.trust >= 3}
    assert trusted == set(VALIDATORS)
    assert "stampbot" not in {rig.user for rig in RIGS} | HANDLES
    assert {"stampbot", "iris", "hop"} <= set(users())


def test_one_owner_has_two_rigs_and_one_agent_has_a_parent() -> None:
    owners = [rig.user for rig in RIGS]
    assert {user for user in owners if owners.count(user) > 1} == {"cleo"}
    assert {rig.handle: rig.parent for rig in RIGS if rig.rig_type == "agent"} == {"hollow-runner": "bo-hollow"}


def test_strings_are_escaped_as_the_reference_client_escapes_them() -> None:
    assert wl_sql.literal("it's a \\ and a ''") == "'it''s a \\\\ and a '''''"
    assert wl_sql.literal(None) == "NULL"
    assert wl_sql.tags_literal(("it's",)) == """'["it''s"]'"""
    assert wl_sql.tags_literal(()) == "NULL"


def test_submitting_is_two_guarded_statements() -> None:
    update, insert = wl_sql.done("w-com-004", "o'hara", "https://example.org/1")
    assert update == (
        "UPDATE wanted SET status='in_review', evidence_url='https://example.org/1', updated_at=NOW() "
        "WHERE id='w-com-004' AND status='claimed' AND claimed_by='o''hara'"
    )
    assert insert.startswith("INSERT IGNORE INTO completions (id, wanted_id, completed_by, evidence, hop_uri, ")
    assert insert.endswith("AND NOT EXISTS (SELECT 1 FROM completions WHERE wanted_id='w-com-004')")


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ("/ok", "http://pages:1/ok"),
        ("github:/acme/relay/pull/1", "http://hub:2/acme/relay/pull/1"),
        ("https://example.org/github:/x", "https://example.org/github:/x"),
        ("github: see pull 1", "github: see pull 1"),
        ("docs/a.md", "docs/a.md"),
        ("", ""),
    ],
)
def test_evidence_in_short_form_is_written_out(evidence: str, expected: str) -> None:
    assert placed(evidence, {"pages": "http://pages:1", "github": "http://hub:2"}) == expected


def test_a_place_that_is_not_there_is_no_evidence() -> None:
    with pytest.raises(KeyError):
        placed("gitlab:/a/b", {"pages": "http://pages:1"})


def test_whom_an_operator_trusts_is_written_as_toml() -> None:
    trust: dict[str, dict[str, str | list[str]]] = {
        "forges": {"127.0.0.1:1": "github"},
        "projects": {'a "quoted" one': ["127.0.0.1:1/hop/wl"], "none": []},
        "logins": {},
    }
    assert tomllib.loads(toml_tables(trust)) == trust


def test_the_schema_is_version_1_2() -> None:
    columns = {table.name: tuple(name for name, _ in table.columns) for table in schema.TABLES}
    assert {name: len(cells) for name, cells in columns.items()} == {
        "_meta": 2,
        "rigs": 11,
        "wanted": 17,
        "completions": 11,
        "stamps": 14,
        "badges": 5,
        "boot_blocks": 6,
        "chain_meta": 6,
        "rig_links": 11,
    }
    assert schema.creation()[-1] == "INSERT INTO `_meta` (`key`, value) VALUES ('schema_version', '1.2')"
