"""Words: every module says what it is for, every test is a sentence, and the project speaks of itself alone."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import files, name_of, tree

TEST_WORDS_MIN = 3
PURPOSE_WORDS_MIN = 2

NOT_OURS: dict[str, str] = {
    "a place on somebody's machine": r"(?<![\w.])(?:/work/|/root/|/home/[a-z]+/)|\.\./shared\b",
    "a number of a task list": r"(?i)\b(?:issue|ticket|task)s?\s*(?:no\.?\s*)?#?\d+\b|\b(?:fixes|closes|see) #\d+\b",
    "a host of a package registry": (
        r"(?i)\b(?:pypi\.org|pypi\.python\.org|pythonhosted\.org|registry\.npmjs\.org|crates\.io|proxy\.golang\.org"
        r"|rubygems\.org|conda\.anaconda\.org|artifactory)\b"
    ),
    "who wrote it, and when": (
        r"(?i)\b(?:(?:my|our|earlier|previous|last|next|working|coding|agent) sessions?\b"
        r"|claude|anthropic|chatgpt|openai|copilot|the lead\b|helper [A-Z]\d)"
    ),
    "a page that no user has": r"(?i)\breference report\b|\bQUIRKS\.md\b|\bcodebases-we-learn-from\b|\bthe brief\b",
}
"""What no file of the project may say, and why. Products of the field (DoltHub, wl) are cited by their own sources."""


def words_of(path: Path) -> str:
    """The text of a file, empty if it is not text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("what", NOT_OURS)
def test_the_project_speaks_of_itself_alone(what: str) -> None:
    found = [
        f"{name_of(path)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path in files()
        if path != Path(__file__)
        for text in (words_of(path),)
        for match in re.finditer(NOT_OURS[what], text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("see /work/main/bot", True),
        ("read ../shared/design first", True),
        ("done in issue 12", True),
        ("fixes #12", True),
        ("https://pypi.org/simple", True),
        ("as found in an earlier session", True),
        ("stampbot review hop/wl-commons#12", False),
        ("review #1 of head", False),
        ("session: requests.Session | None = None", False),
        ("one shared session, thread-safe", False),
        ("the issuer of a stamp", False),
        ("https://example.org/homework/12", False),
    ],
)
def test_foreign_words_are_told_from_our_own(text: str, heard: bool) -> None:
    assert any(re.search(pattern, text) for pattern in NOT_OURS.values()) is heard


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name_of(path)
        for path in files("bot", "rules", "tests", suffix=".py")
        if path.stat().st_size and not _purpose(ast.get_docstring(tree(path)) or "")
    ]
    assert silent == []


def _purpose(docstring: str) -> bool:
    """A first paragraph that is a sentence."""
    first = docstring.partition("\n\n")[0].strip()
    return len(first.split()) >= PURPOSE_WORDS_MIN and first[-1] in ".:?"


def test_every_test_is_a_sentence() -> None:
    short = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in files("tests", suffix=".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if len(node.name.removeprefix("test_").split("_")) < TEST_WORDS_MIN
    ]
    assert short == []


def test_no_two_tests_of_a_file_have_one_name() -> None:
    doubled = [
        f"{name_of(path)} {name}"
        for path in files("tests", suffix=".py")
        for names in ([n.name for n in tree(path).body if isinstance(n, ast.FunctionDef)],)
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    assert doubled == []


PRIVATE_WORDS = re.compile(
    r"\b(?:we|us|ours?|ourselves|somebody|whoever|nobody|tells?|says?|mends?|mended|hand(?:s|ed)? in|bells?|knock(?:s|ed|ing)?"
    r"|rings?|rung|hears?|heard)\b",
    re.IGNORECASE,
)
"""Words that CONTRIBUTING.md replaces by those of the field."""
PLAIN = (
    *(
        "bot/cli",
        "bot/clock",
        "bot/conformance",
        "bot/demo",
        "bot/health",
        "bot/processes",
        "bot/prober",
        "bot/queue",
        "bot/store",
    ),
    *("bot/web", "bot/__init__.py", "bot/__main__.py", "bot/log.py", "bot/terminal.py", "bot/wiring.py", "sandbox"),
)
"""Rooms whose prose has none of them."""
LEFT_MAX = 440
"""So many are left in all others: the number falls."""
LEFT_SLACK = 100


def prose(path: Path) -> Iterator[str]:
    """Comments and docstrings of a Python file, without what stands in backticks."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield re.sub(r"`[^`]*`", "", node.value.value)


def private_words(path: Path) -> list[str]:
    return [f"{name_of(path)}: {match[0]}" for text in prose(path) for match in PRIVATE_WORDS.finditer(text)]


def test_rooms_that_were_put_into_plain_words_stay_so() -> None:
    assert [found for path in files(*PLAIN, suffix=".py") for found in private_words(path)] == []


def test_private_words_grow_fewer() -> None:
    plain = set(files(*PLAIN, suffix=".py"))
    left = [found for path in files("bot", "rules", suffix=".py") if path not in plain for found in private_words(path)]
    assert len(left) <= LEFT_MAX, "use the words of CONTRIBUTING.md: Writing"
    assert len(left) > LEFT_MAX - LEFT_SLACK, "there are fewer now: lower LEFT_MAX"
