"""The lock files: everything pinned, everything hashed, nothing about where it came from."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.house.tree import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[a-z,]+\])?==([^\s;\\]+)((?:\s*;[^\\\n]*)?(?:\s*\\\n\s*--hash=sha256:[0-9a-f]{64})*)"
)


def pins(lock: str) -> dict[str, tuple[str, str]]:
    """Version and the rest of the entry, by normalised name."""
    text = "\n".join(line for line in (ROOT / lock).read_text("utf-8").split("\n") if not line.lstrip().startswith("#"))
    return {_normal(match[1]): (match[2], match[3]) for match in PIN.finditer(text)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_locked_is_hashed(lock: str) -> None:
    found = pins(lock)
    assert found
    assert [name for name, (_, rest) in found.items() if "--hash=sha256:" not in rest] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_no_place(lock: str) -> None:
    """No index, no trusted host, no URL, no path: a mirror is the user's own affair."""
    lines = (ROOT / lock).read_text("utf-8").split("\n")
    odd = [line for line in lines if "://" in line or " @ " in line or re.match(r"\s*(-[a-z]\b|--(?!hash=sha256:))", line)]
    assert odd == []


def test_every_dependency_is_locked() -> None:
    """Also what builds the project: `bin/setup` builds it without an index, and Python 3.12 and later bring no setuptools."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project, extras = declared["project"], declared["project"]["optional-dependencies"]
    run = [*declared["build-system"]["requires"], *project["dependencies"], *extras["sandbox"]]
    for lock, wanted in (("requirements.lock", run), ("requirements-dev.lock", [*run, *extras["dev"]])):
        names = {_normal(re.match(r"[A-Za-z0-9._-]+", one)[0]) for one in wanted}  # type: ignore[index]
        assert names - set(pins(lock)) == set(), lock


def test_both_lock_files_agree_on_versions() -> None:
    plain, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: (version, dev[name][0]) for name, (version, _) in plain.items() if dev[name][0] != version} == {}
