"""Finding rules: by folder, by entry point, and what is refused; and what every rule file of ours keeps to."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import rules
from bot.rulebook import Catalog, CatalogError, Finding, Level, MisfitError, PullKind, Rule, Snapshot, find, load, rule
from bot.rulebook.catalog import GROUP
from bot.rulebook.rule import is_sentence
from tests.build import a_snapshot

RULES = Path(rules.__path__[0])
GOOD = '''"""Links are short.

Long ones wrap.
"""
from bot.rulebook import Level, Place, rule

@rule(Level.NOTE)
def check(pull):
    yield check.finding(Place(), "Long.")
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of rules to write files into; its name is that of the folder."""
    made = tmp_path / f"rules_{abs(hash(tmp_path))}"
    made.mkdir()
    (made / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield made
    for name in [m for m in sys.modules if m.partition(".")[0] == made.name]:
        del sys.modules[name]


def point(value: str, name: str = "theirs") -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def test_a_rule_is_named_like_its_file_and_explained_by_its_docstring(package: Path) -> None:
    (package / "links_are_short.py").write_text(GOOD)
    (package / "_shared.py").write_text("1 / 0")
    (made,) = load(package.name).rules
    assert (made.name, made.title, made.doc, made.level, made.fixed, made.softens_after_merge) == (
        "links_are_short",
        "Links are short.",
        "Long ones wrap.",
        Level.NOTE,
        False,
        False,
    )
    assert set(made.kinds) == set(PullKind) - {PullKind.LANDING}
    assert [f.says for f in made.check(a_snapshot()) if isinstance(f, Finding)] == ["Long."]


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("no_rule_here.py", "x = 1", "no_rule_here: holds no rule; a rule file has one function `check` under @rule(…)"),
        ("just_a_function.py", "def check(pull): ...", "just_a_function: holds no rule"),
        (
            "says_nothing.py",
            GOOD.split('"""', 2)[2],
            "says_nothing: the file has no docstring; its first line is the rule's title",
        ),
        ("short.py", GOOD, "short: a rule file is named with a sentence in snake case, such as evidence_is_alive"),
        ("cannot_be_read.py", "def check(:", "cannot_be_read.py cannot be loaded: SyntaxError"),
        ("cannot_be_run.py", "1 / 0", "cannot_be_run.py cannot be loaded: ZeroDivisionError: division by zero"),
        (
            "looks_at_nothing.py",
            GOOD.replace("Level.NOTE", "Level.NOTE, kinds=()"),
            "looks_at_nothing: looks at no kind of pull",
        ),
        (
            "wants_it_both_ways.py",
            GOOD.replace("Level.NOTE", "Level.NOTE, fixed=True, overridable=True"),
            "wants_it_both_ways: a fixed rule cannot be overridable",
        ),
        (
            "is_a_copy.py",
            "from rules.evidence_is_alive import check",
            "is_a_copy: its `check` is the rule evidence_is_alive of another",
        ),
    ],
)
def test_a_misfit_is_refused_by_name(package: Path, file: str, text: str, complaint: str) -> None:
    (package / file).write_text(text)
    with pytest.raises(CatalogError) as refused:
        load(package.name)
    assert complaint in str(refused.value)


def test_all_misfits_are_told_at_once(package: Path) -> None:
    (package / "first_misfit.py").write_text("")
    (package / "second_misfit.py").write_text("")
    with pytest.raises(CatalogError, match=r"first_misfit: .*; second_misfit: ") as refused:
        load(package.name, [point("nowhere.at_all")])
    assert "entry point theirs (nowhere.at_all) cannot be loaded: ModuleNotFoundError" in str(refused.value)


@pytest.mark.parametrize("suffix", ["", ":check"])
def test_an_entry_point_names_a_rule_file_or_its_rule(package: Path, suffix: str) -> None:
    (package / "links_are_short.py").write_text(GOOD)
    catalog = load("rules", [point(f"{package.name}.links_are_short{suffix}")])
    assert catalog.names == tuple(sorted((*find().names, "links_are_short")))


def test_an_entry_point_cannot_replace_a_rule_of_ours(package: Path) -> None:
    (package / "evidence_is_alive.py").write_text(GOOD)
    with pytest.raises(CatalogError, match="evidence_is_alive: two rules have this name"):
        load("rules", [point(f"{package.name}.evidence_is_alive")])


def test_a_rule_is_found_by_name_and_rules_come_in_order() -> None:
    catalog = find()
    assert list(catalog.names) == sorted(catalog.names)
    assert isinstance(catalog.get("evidence_is_alive"), Rule)
    assert catalog.get("evidence_is_dead") is None


def test_levels_of_a_policy_that_do_nothing_are_complained_of() -> None:
    levels = {"evidence_is_alive": None, "evidence_is_a_life": Level.NOTE, "no_stamps_or_trust": Level.DOUBT}
    assert find().complaints(levels) == (
        "there is no rule evidence_is_a_life",
        "no_stamps_or_trust cannot be softened or switched off",
    )


def test_a_policy_with_the_old_name_of_a_rule_gets_the_new_one() -> None:
    old = {rule.formerly: None for rule in find().rules if rule.formerly}
    assert len(old) == 8
    assert find().complaints(old) == tuple(
        f"there is no rule {rule.formerly}; its name is {rule.name} now" for rule in find().rules if rule.formerly
    )


def test_a_rule_has_a_label_of_one_or_two_words_that_no_other_has() -> None:
    labels = [rule.label for rule in find().rules]
    assert [label for label in labels if len(label.split()) > 2 or len(label) > 20] == []
    assert len(set(labels)) == len(labels)


def test_a_rule_made_outside_a_rule_file_is_a_misfit() -> None:
    def check(pull: Snapshot) -> Iterator[None]:
        raise NotImplementedError

    check.__module__ = "x"
    with pytest.raises(MisfitError):
        rule(Level.NOTE)(check)  # type: ignore[arg-type]
    assert Catalog.of(()).rules == ()


@pytest.mark.parametrize("path", sorted(p for p in RULES.glob("*.py") if p.name != "__init__.py"), ids=lambda p: p.stem)
def test_a_rule_imports_the_rulebook_and_the_standard_library_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    others = {m for m in imported if m.partition(".")[0] not in sys.stdlib_module_names}
    assert others <= {"bot.rulebook", "bot.rulebook.cells"}


@pytest.mark.parametrize("name", find().names)
def test_every_rule_has_a_table_and_a_title_that_is_a_sentence(name: str) -> None:
    made = find().get(name)
    assert made is not None
    assert made.title.endswith(".")
    assert made.title[0].isupper()
    assert made.doc
    assert (Path(__file__).parents[1] / "rules" / f"test_{name}.py").is_file()


def test_rules_that_guard_the_ledger_itself_are_fixed() -> None:
    """Identity, the yearbook, foreign tables, and what everything else relies on: no policy may soften these."""
    assert {rule.name for rule in find().rules if rule.fixed} == {
        "commons_can_hold_stamps",
        "outside_decision_is_allowed",
        "landing_branches_are_the_bots",
        "links_are_asserted_by_their_rigs",
        "merge_can_be_told",
        "no_stamps_or_trust",
        "nobody_holds_it",
        "only_known_rows_change",
        "pull_goes_to_main",
        "pull_is_one_thing",
        "registration_is_ones_own",
        "rig_belongs_to_its_owner",
        "rows_are_whole",
        "rows_can_be_shown",
    }


def test_rules_whose_ground_can_change_after_the_merge_fade() -> None:
    assert {rule.name for rule in find().rules if rule.softens_after_merge} == {
        "branch_left_main_lately",
        "evidence_is_alive",
        "evidence_is_of_this_claim",
        "evidence_is_used_once",
        "no_competing_pull",
        "not_rejected_before",
        "post_is_new",
        "rig_has_trust",
        "sandbox_requirement_is_met",
        "times_are_sane",
    }


def test_what_a_decision_stands_on_and_who_somebody_is_are_never_overridden() -> None:
    fixed = {rule.name for rule in find().rules if rule.fixed}
    assert {rule.name for rule in find().rules if not rule.overridable} == fixed | {
        "edits_come_from_the_poster",
        "item_moves_legally",
        "main_has_not_moved_under_it",
        "one_fresh_completion",
        "pull_is_about_one_item",
    }


def test_a_rule_is_overridable_unless_it_is_fixed_or_says_so(package: Path) -> None:
    for name, more in (("plain_as_it_is", ""), ("fixed_for_all", ", fixed=True"), ("firm_and_soft", ", overridable=False")):
        (package / f"{name}.py").write_text(GOOD.replace("Level.NOTE", f"Level.NOTE{more}"))
    assert [(r.name, r.fixed, r.overridable) for r in load(package.name).rules] == [
        ("firm_and_soft", False, False),
        ("fixed_for_all", True, False),
        ("plain_as_it_is", False, True),
    ]


COMMONS_SQL = "wl `schema/commons.sql`, schema 1.2"


@pytest.mark.parametrize(
    ("doc", "sources"),
    [
        ("The result as JSON (wl internal/inference). More.", ("wl internal/inference",)),
        ("Sizes are of wl `schema/commons.sql`, schema 1.2, says (RFC 3986).", (COMMONS_SQL, "RFC 3986")),
        ("A name (Kilo-Org/cloud, services/wasteland)\ncounts (or posted), (`wl/<rig>`, as others name them).",
         ("Kilo-Org/cloud, services/wasteland",)),
        ("Twice (wl, README) and (wl, README); (wlx) is none, (Handles have a rule of their own.)", ("wl, README",)),
        ("Nothing.", ()),
    ],
)  # fmt: skip
def test_sources_are_read_from_the_brackets_of_a_docstring(doc: str, sources: tuple[str, ...]) -> None:
    made = find().get("evidence_is_alive")
    assert made is not None
    assert replace(made, doc=doc).sources == sources


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        ("evidence_is_alive", True), ("is_2_many", True), ("alive", False), ("Is_alive", False), ("a__b", False),
        ("a_b\n", False), ("../a_b", False),
    ],
)  # fmt: skip
def test_a_rule_is_named_with_a_sentence(name: str, fine: bool) -> None:
    assert is_sentence(name) is fine
