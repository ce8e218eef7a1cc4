"""`stampbot rules`: a rule explained by its own words, a rule begun that runs as written, and rules of other packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.__main__ import main
from bot.model.reasons import REASONS
from bot.rulebook import Catalog, Level, MisfitError, PullKind, Rule, find, judge
from bot.rulebook.kit import draft
from bot.rulebook.kit.examples import EXAMPLES, Example, tell
from bot.rulebook.kit.gallery import KINDS, sane
from tests.house.tree import ROOT
from tests.patience import STATE_WAIT_S

NEW = "posts_tell_what_to_do"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rules", *arguments], env={"COLUMNS": "200"})


def child(folder: Path, *command: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A command with the Python of these tests; `path`: where else modules are found."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path or ""), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=STATE_WAIT_S,
    )


# --- explained ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wrong_with_a_sane_pull(kind: PullKind) -> None:
    judgement = judge(sane(kind), find())
    assert (sane(kind).kind, judgement.findings, judgement.crashes) == (kind, (), ())


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.what for each in EXAMPLES])
def test_no_rule_breaks_over_an_example(example: Example) -> None:
    assert judge(example.pull, find()).crashes == ()


def test_examples_give_reasons_that_there_are() -> None:
    reasons = {probe.reason for example in EXAMPLES for probe in example.pull.probes}
    assert reasons <= set(REASONS)


@pytest.mark.parametrize("name", find().names)
def test_every_rule_is_explained_by_an_example(name: str) -> None:
    rule = find().get(name)
    assert rule is not None
    told = tell(rule)
    fix = f"write a function `example` into rules/{name}.py, or an Example into bot/rulebook/kit/examples.py"
    assert told.shown is not None or told.waits, fix
    if told.shown is not None:
        assert told.shown.finding in judge(told.shown.example.pull, Catalog.of([rule])).findings


def test_an_explanation_is_what_the_rule_itself_says() -> None:
    told = json.loads(run("--explain", "evidence_is_a_url", "--json").output)
    assert told.pop("doc").startswith("An http(s) URL")
    assert told == {
        "name": "evidence_is_a_url",
        "level": "fault",
        "label": "Evidence URL",
        "asks": "There is evidence, it is a link, and `evidence` and `evidence_url` lead to the same place",
        "title": "The evidence is a link that can be followed.",
        "kinds": ["work"],
        "fixed": False,
        "softens_after_merge": False,
        "overridable": True,
        "sources": [],
        "example": {
            "pull_in_which": "the evidence is a word",
            "level": "fault",
            "place": "completions.c-42.evidence",
            "says": "The evidence is not a link: `done`.",
            "remedy": 'Discard the branch (b in the wl board), then: `wl claim w-42`, `wl done w-42 --evidence "<URL>"`',
        },
        "waits_for": "",
        "how_to_fix": ['Discard the branch (b in the wl board), then: `wl claim w-42`, `wl done w-42 --evidence "<URL>"`'],
    }


def test_people_are_told_the_same() -> None:
    said = run("--explain", "no_stamps_or_trust").output
    for part in (
        "The pull brings no stamp, badge, validation or trust.",
        "every kind of pull",
        "cannot soften it or switch it off",
        "A pull in which the pull brings a stamp.",
        "The pull brings a stamp by `ana-town` for `kestrel-1`.",
        "Take the row out of the branch",
    ):
        assert part in said
    assert "a note at most" in run("--explain", "no_competing_pull").output
    assert "the pull waits for the rig's evidence" in run("--explain", "claim_waits_for_evidence").output
    assert "wl `schema/commons.sql`, schema 1.2" in run("--explain", "rows_are_whole").output


def test_a_name_may_be_said_as_the_sentence_it_is() -> None:
    assert run("--explain", "evidence is alive", "--json").output == run("--explain", "evidence_is_alive", "--json").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--explain", "evidence_is_a_life"), "There is no rule evidence_is_a_life; did you mean evidence_is_alive?"),
        (("--explain", "\x1b[2Jxyzzy"), "xyzzy. See: stampbot rules"),
        (("--dir", "rules"), "goes with --dir or with --package"),
        (("--explain", "evidence_is_alive", "--new", NEW), "and with nothing else"),
        (("--new", NEW, "--dir", "rules", "--package", "ours"), "and with nothing else"),
    ],
)
def test_wrong_use_of_rules_is_2_and_says_what_is_right(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert "\x1b" not in result.output


# --- begun ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the parts of this project that a rule and its table touch."""
    for part in ("bot", "rules", "tests"):
        (tmp_path / part).mkdir()
        shutil.copy(ROOT / part / "__init__.py", tmp_path / part)
    (tmp_path / "tests" / "rules").mkdir()
    for part in ("rules/__init__.py", "rules/table.py", "build.py"):
        shutil.copy(ROOT / "tests" / part, tmp_path / "tests" / part)
    shutil.rmtree(tmp_path / "bot")
    (tmp_path / "bot").symlink_to(ROOT / "bot")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_a_new_rule_and_its_table_are_fine_as_written(project: Path) -> None:
    result = run("--new", NEW, "--dir", str(project / "rules"), "--json")
    files = [project / "rules" / f"{NEW}.py", project / "tests" / "rules" / f"test_{NEW}.py"]
    assert json.loads(result.output) == {"written": [str(file) for file in files], "entry_point_to_add": ""}
    paths = [str(file.relative_to(project)) for file in files]
    for check in (
        ("-m", "ruff", "check", *paths),
        ("-m", "ruff", "format", "--check", *paths),
        ("-m", "pytest", "-q", paths[1]),
    ):
        done = child(project, *check, path=project)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_nothing_that_is_there_is_overwritten(project: Path) -> None:
    table = project / "tests" / "rules" / f"test_{NEW}.py"
    table.write_text("mine")
    result = run("--new", NEW, "--dir", str(project / "rules"))
    assert (result.exit_code, table.read_text(), list((project / "rules").glob("posts*"))) == (2, "mine", [])
    assert f"tests/rules/test_{NEW}.py: there already" in result.output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("short", "short: a rule is named with a sentence in snake case, such as evidence_is_alive"),
        ("Title_Is_There", "a sentence in snake case"),
        ("../../etc_passwd", "a sentence in snake case"),
        ("title-is-there", "a sentence in snake case"),
        ("evidence_is_alive", "There is a rule evidence_is_alive already."),
    ],
)
def test_a_name_that_is_no_sentence_is_refused(project: Path, name: str, said: str) -> None:
    before = sorted(project.rglob("*.py"))
    result = run("--new", name, "--dir", str(project / "rules"))
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert sorted(project.rglob("*.py")) == before


def test_a_folder_that_holds_no_rules_is_refused(tmp_path: Path) -> None:
    result = run("--new", NEW, "--dir", str(tmp_path / "elsewhere"))
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "is no package of rules" in result.output
    with pytest.raises(MisfitError, match="2nd-try: cannot be the name of a Python package"):
        draft.for_this_project(NEW, "2nd-try")
    with pytest.raises(MisfitError, match="class: cannot be the name of a Python package"):
        draft.for_own_package(NEW, "class")


# --- rules of other packages ----------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of one's own as `--new --package` makes it."""
    made = tmp_path / "our-rules"
    assert run("--new", NEW, "--package", str(made)).exit_code == 0
    return made


def seen_by_the_command_line(folder: Path, site: Path) -> None:
    """The rule of our package is listed and explained by a `stampbot` that finds it in `site`."""
    listed = json.loads(child(folder, "-m", "bot", "rules", "--json", path=site).stdout)
    assert [rule["name"] for rule in listed] == sorted([*find().names, NEW])
    told = json.loads(child(folder, "-m", "bot", "rules", "--explain", NEW, "--json", path=site).stdout)
    assert told["example"] == {
        "pull_in_which": "the rule's own example holds",
        "level": "doubt",
        "place": "wanted.w-43.description",
        "says": "Item `w-43` is posted without a description.",
        "remedy": "Write into description what has to be done",
    }


def test_a_package_of_ones_own_is_found_once_it_is_on_the_path(package: Path, tmp_path: Path) -> None:
    """Where an installer would have put it: the package, and beside it what its pyproject.toml declares."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    site = tmp_path / "site"
    shutil.copytree(package / "our_rules", site / "our_rules")
    about = site / f"our_rules-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["stampbot.rules"].items())
    (about / "entry_points.txt").write_text(f"[stampbot.rules]\n{points}")
    seen_by_the_command_line(tmp_path, site)


def test_a_second_rule_leaves_what_the_first_one_made(package: Path) -> None:
    before = {path: path.read_text() for path in package.rglob("*.*") if path.is_file()}
    second = json.loads(run("--new", "posts_are_polite", "--package", str(package), "--json").output)
    assert second["entry_point_to_add"] == 'posts_are_polite = "our_rules.posts_are_polite"'
    assert [Path(each).name for each in second["written"]] == ["posts_are_polite.py", "test_posts_are_polite.py"]
    assert {path: path.read_text() for path in before} == before


def test_the_tests_of_a_package_of_ones_own_pass_as_written(package: Path) -> None:
    for check in (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("pytest", "-q", "-p", "no:cacheprovider")):
        done = child(package, "-m", *check)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@pytest.mark.slow
def test_a_package_of_ones_own_can_be_installed_and_typechecked(package: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    installed = child(tmp_path, "-m", "pip", "install", "-q", *offline, "--target", str(site), str(package))
    assert installed.returncode == 0, installed.stderr
    seen_by_the_command_line(tmp_path, site)
    typed = child(package, "-m", "mypy", "our_rules", "tests", path=ROOT)
    assert typed.returncode == 0, typed.stdout


@pytest.mark.slow
def test_a_new_rule_typechecks_as_written(project: Path) -> None:
    assert run("--new", NEW, "--dir", str(project / "rules")).exit_code == 0
    typed = child(project, "-m", "mypy", f"rules/{NEW}.py", f"tests/rules/test_{NEW}.py", path=project)
    assert typed.returncode == 0, typed.stdout


def test_a_package_that_does_not_fit_stops_the_bot_with_a_sentence(tmp_path: Path) -> None:
    about = tmp_path / "theirs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[stampbot.rules]\nlinks_are_short = theirs.links_are_short\n")
    done = child(tmp_path, "-m", "bot", "rules", path=tmp_path)
    assert done.returncode == 1
    assert "entry point links_are_short (theirs.links_are_short) cannot be loaded: ModuleNotFoundError" in done.stderr


def test_a_rule_that_no_example_makes_speak_is_explained_all_the_same() -> None:
    def check(pull: object) -> list[None]:
        return []

    silent = Rule(
        name="all_is_well", level=Level.NOTE, label="Sample", asks="It holds", title="All is well.", doc="",
        kinds=(PullKind.LINK,), fixed=False,
        softens_after_merge=False,
        check=check,  # type: ignore[arg-type]
    )  # fmt: skip
    told = tell(silent)
    assert (told.shown, told.waits, told.remedies) == (None, "", ())
    assert told.asked == len([each for each in EXAMPLES if each.pull.kind is PullKind.LINK])
