"""Documents that cannot lie: generated parts are fresh, and what they name is there."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

from bot import __main__ as command_line
from bot.config import policy_file, settings
from bot.config.settings import VARIABLES
from bot.prober.environment import prober_environment
from bot.rulebook import Rule
from sandbox.seed import items, pulls
from tests.house import samples, tables
from tests.house.tree import ROOT, files, name_of

PAGES = [*files("docs", suffix=".md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operate.md").read_text("utf-8")


def rows_of(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its header."""
    lines = text.partition(f"\n{heading}\n")[2].split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("| ---"))
    found = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def named(cell: str) -> str:
    """What stands in a cell's backticks."""
    return cell.split("`")[1]


def test_generated_parts_are_fresh() -> None:
    assert tables.stale() == (), "write them anew: make docs"


def test_a_stale_part_is_noticed() -> None:
    page = (ROOT / "docs" / "checks.md").read_text("utf-8")
    text = page.replace("| Schema | fault |", "| Schema | note |")
    assert text != page
    assert tables.renewed(text, tables.PARTS["docs/checks.md"]) == page


def test_every_variable_that_is_named_in_the_code_of_the_settings_is_told() -> None:
    read = set(re.findall(r"\"((?:STAMPBOT_[A-Z_]+[A-Z]|REDIS_URL|PORT))\"", Path(settings.__file__).read_text("utf-8")))
    assert read == {variable.name for variable in VARIABLES}


def test_no_secret_variable_is_handed_to_the_prober() -> None:
    handed = prober_environment({variable.name: "x" * 20 for variable in VARIABLES})
    secret = {variable.name for variable in VARIABLES if variable.secret}
    assert secret & set(handed) == {"REDIS_URL"}


def told_in_the_log() -> set[str]:
    """What the bot warns of or calls an error in its log, without the names that are filled in."""
    found = set()
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            if call.func.attr not in ("warning", "error", "exception", "critical"):
                continue
            parts = call.args[0].values if isinstance(call.args[0], ast.JoinedStr) else [call.args[0]]
            found.add("".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)))
    return found


def test_whatever_the_log_warns_of_stands_on_the_page_for_the_night_and_nothing_else_does() -> None:
    rows = rows_of(OPERATIONS, "## When something is wrong")
    quoted = {
        words
        for seen, _, _ in rows
        for words in re.findall(r"`([^`]+)`", seen)
        if words not in ("[webhook]", "STAMPBOT_COMMONS")
    }
    logged = told_in_the_log()
    assert len(logged) > 15, "they are found"
    # What is filled in stands in front: what was being done.
    untold = {said for said in logged if not any(words in f"look{said}" or words in f"look {said}" for words in quoted)}
    assert untold == set()
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "bot").rglob("*.py"))
    doing = {f"{what} broke" for what in ("look", "sweep", "probe")}
    assert {words for words in quoted - doing if words not in source} == set()
    assert all(cell for row in rows for cell in row), "each says the thing, the reason and the mend"


def test_each_warning_and_error_of_the_log_names_what_to_do() -> None:
    # `say` in bot/worker/jobs.py is one of them or a line for debugging, as the case may be.
    log_line = re.compile(r"(?:\w*log(?:ger)?|get_logger\(.*\))\.(?:warning|error|exception|critical)|say")
    untold = [
        f"{name_of(path)}:{call.lineno}"
        for path in files("bot", suffix=".py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and log_line.fullmatch(ast.unparse(call.func)) and len(call.args) == 1
        if "fix" not in {each.arg for each in call.keywords}
    ]
    assert untold == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_policy_examples_can_be_read(page: Path) -> None:
    for example in re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        file, problems = policy_file.load(example, "stampbot.toml")
        assert problems == ()
        assert file != policy_file.PolicyFile()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_that_pages_name_are_there(page: Path) -> None:
    text = page.read_text("utf-8")
    goals = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"^ {4}make ([a-z]+)|`make ([a-z]+)", text)) <= {(g, "") for g in goals} | {("", g) for g in goals}
    assert set(re.findall(r"(?:bin/|`)stampbot ([a-z]+)", text)) <= {*command_line.commands()}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    astray = []
    # A quoted comment of the bot's links pulls from the root of its hub.
    for target in re.findall(r"\]\((?!https?://|/repositories/)([^)\s]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        if not other.exists() or (anchor and anchor not in _anchors(other)):
            astray.append(target)
    assert astray == []


def _anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as Markdown pages are usually served."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["sandbox"]]
    names = {re.split(r"[<>=!~\[; ]", one, maxsplit=1)[0] for one in wanted}
    assert {
        named(cells[0]) for cells in rows_of((ROOT / "CONTRIBUTING.md").read_text("utf-8"), "## Why each dependency is there")
    } == names


def test_the_pythons_told_are_the_pythons_taken() -> None:
    taken = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert taken == ">=3.11,<3.15"
    assert "Python 3.11 to 3.14" in README
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in (ROOT / "bin" / "setup").read_text("utf-8")


def test_every_room_stands_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    told = page.partition("## Four processes and their rooms")[2].partition("```\n\n")[0]
    rooms = {path.name for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert {room for room in rooms - {"__init__.py"} if not re.search(rf"[ ─]{re.escape(room)}[ /\n]", told)} == set()


def test_the_sample_is_the_demos_first_pull() -> None:
    first = pulls.PULLS[0]
    item = items.HANDSHAKE
    assert (first.item, item.id, item.title) == (samples.ITEM["id"], samples.ITEM["id"], samples.ITEM["title"])
    assert "/acme/relay/pull/123" in samples.EVIDENCE
    assert any(f"{samples.EVIDENCE}'" in statement for statement in first.script({"github": "https://github.com"}))
    assert samples.review().startswith("**READY**")
    assert samples.receipt().startswith("**ACCEPTED**")


def test_the_walk_through_for_rule_authors_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "rules.md").read_text("utf-8")
    rule_file, table = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    package = tmp_path / "rules_of_a_reader"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "item_has_a_title.py").write_text(rule_file, "utf-8")
    (package / "table.py").write_text(table.replace("from rules.", "from rules_of_a_reader."), "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    rule = importlib.import_module("rules_of_a_reader.item_has_a_title").check
    assert isinstance(rule, Rule)
    tested = importlib.import_module("rules_of_a_reader.table").test_titles_say_what_is_wanted
    (cases,) = (mark for mark in tested.pytestmark if mark.name == "parametrize")
    assert len(cases.args[1]) == 2
    for case in cases.args[1]:
        tested(*case)
    for name in [name for name in sys.modules if name.startswith("rules_of_a_reader")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=name_of)
def test_a_page_opens_with_whom_it_is_for(page: Path) -> None:
    opening = page.read_text("utf-8").partition("\n## ")[0]
    readers = "operator|validator|contributor|developer|people|everybody|author"
    assert re.search(rf"\b[Ff]or (?:the |rule )?(?:{readers})", opening)


def test_the_readme_is_short() -> None:
    """What a newcomer has to read before the first command. All else stands on the page of its reader."""
    assert len(README.splitlines()) <= 160


def test_each_promise_of_the_security_page_names_a_test_that_is_there() -> None:
    named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_\w+))?`", (ROOT / "docs" / "security.md").read_text("utf-8"))
    assert len(named) >= 12
    for path, name in named:
        text = (ROOT / path).read_text("utf-8")
        assert not name or f"def {name}(" in text, f"{path}::{name}"
