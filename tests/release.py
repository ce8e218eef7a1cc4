"""Builds wheel and source archive into `dist/` and tries both in empty environments: `python -m tests.release` (make release).

Each Python from 3.11 to 3.14 that is on PATH gets one environment per file, with the packages of requirements.lock and nothing
else. The wheel plays the demo's story there. It needs the network, for packages.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot import __version__
from tests.house.tree import ROOT

DIST: Final = ROOT / "dist"
PYTHONS: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
COMMAND_TIMEOUT_S: Final = 900
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")


class ReleaseError(Exception):
    """A step failed; the text holds its command and its output."""


def main() -> int:
    """Build, try, and print a line for each try. Exit status."""
    try:
        if __version__ not in (ROOT / "CHANGELOG.md").read_text("utf-8"):
            raise ReleaseError(f"CHANGELOG.md does not name version {__version__}")
        shutil.rmtree(DIST, ignore_errors=True)
        for line in tried(*build(DIST)):
            print(line, flush=True)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def build(out: Path) -> tuple[Path, Path]:
    """Wheel and source archive, the wheel built from the archive; made in a copy, so that no build folder stays here."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, copy)
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, archive


def tried(wheel: Path, archive: Path) -> Iterator[str]:
    """One line for each environment in which a file was installed and does its work. Raises ReleaseError."""
    found = [path for name in PYTHONS if (path := shutil.which(name)) and answers(path)]
    if not found:
        raise ReleaseError(f"none of {', '.join(PYTHONS)} is on PATH")
    for python in found:
        for file in (wheel, archive):
            with tempfile.TemporaryDirectory() as folder:
                stampbot = installed(python, file, Path(folder))
                said = run(stampbot, "--version", cwd=Path(folder))
                if said.strip() != f"stampbot, version {__version__}":
                    raise ReleaseError(f"{file.name} calls itself {said.strip()!r}, not {__version__}")
                if file is wheel:
                    run(stampbot, "demo", "--smoke", cwd=Path(folder))
            yield f"{Path(python).name}: {file.name} works"


def answers(python: str) -> bool:
    """Whether it runs: a version manager leaves commands of that name for versions that are not chosen."""
    return subprocess.run([python, "--version"], capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False).returncode == 0


def installed(python: str, file: Path, folder: Path) -> Path:
    """The command `stampbot` of a new environment with this file and the locked packages."""
    home = folder / "environment"
    run(python, "-m", "venv", home)
    pip = (home / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements.lock")
    run(*pip, "--no-deps", "--no-index", "--no-build-isolation", file)
    run(home / "bin" / "python", "-m", "pip", "check")
    return home / "bin" / "stampbot"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command printed. Raises ReleaseError where it failed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
