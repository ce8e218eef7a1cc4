"""The lock files: everything pinned, everything hashed, nothing about where it came from."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.house.test_quiet_imports import modules
from tests.house.tree import ROOT
from tests.patience import STATE_WAIT_S

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


ONLY_WITH = """
import importlib, importlib.abc, sys
hidden, names = sys.argv[1].split(), sys.argv[2:]
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
for name in names:
    importlib.import_module(name)
"""
"""Imports modules where packages are hidden as if they were not installed."""


def test_the_bot_can_be_imported_where_only_what_it_needs_to_run_is_installed() -> None:
    """What a tool of development happens to bring along is not there for those who only run it."""
    locked = {"stampbot", *pins("requirements.lock")}
    hidden = [name for name, by in packages_distributions().items() if not locked & set(map(_normal, by))]
    assert {"pytest", "yaml"} <= set(hidden), "they are found"
    done = subprocess.run(
        [sys.executable, "-c", ONLY_WITH, " ".join(hidden), *modules()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=STATE_WAIT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
