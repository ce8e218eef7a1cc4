"""Link checkers by other people: where they are looked for, how they are called, how they are installed.

They are no dependency of ours. `python -m benchmarks.evidence --install-rivals` puts them into a folder of their own.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".bench-venv"
HOW = "python -m benchmarks.evidence --install-rivals"
LINKCHECKER = "linkchecker>=10.6,<11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """One program. `command` makes its call from program, list of URLs and threads; `good` reads from what it said how many
    URLs it found alive, None if it said nothing of the kind."""

    name: str
    what: str
    command: Callable[[Path, Path, int], Sequence[str]]
    good: Callable[[str], int | None]

    def find(self) -> Path | None:
        """The one in our folder, else the one on PATH."""
        own = FOLDER / "bin" / self.name
        if own.exists():
            return own
        found = shutil.which(self.name)
        return Path(found) if found is not None else None


def _linkchecker(program: Path, listed: Path, threads: int) -> Sequence[str]:
    # As root it becomes nobody before it reads anything.
    listed.parent.chmod(0o755)
    config = listed.with_name("linkcheckerrc")
    config.write_text(f"[checking]\nthreads={threads}\nmaxrequestspersecond=1000000\n", "utf-8")
    return (str(program), "-f", str(config), "--no-robots", "--no-status", "-r0", "--stdin")


def _linkchecker_said(text: str) -> int | None:
    # "That's it. 500 links in 500 URLs checked. 0 warnings found. 0 errors found."
    found = re.search(r"(\d+) links? in (\d+) URLs? checked\..*?(\d+) errors? found", text, re.DOTALL)
    return int(found[2]) - int(found[3]) if found is not None else None


def _lychee(program: Path, listed: Path, _threads: int) -> Sequence[str]:
    return (str(program), "--no-progress", "--format", "json", str(listed))


def _lychee_said(text: str) -> int | None:
    try:
        return int(json.loads(text[text.index("{") :])["successful"])
    except (ValueError, KeyError, TypeError):
        return None


RIVALS = {
    rival.name: rival
    for rival in (
        Rival(
            name="linkchecker",
            what="same threads; it pauses between two requests to one host, and nothing on its side lifts that",
            command=_linkchecker,
            good=_linkchecker_said,
        ),
        Rival(
            name="lychee",
            what="its defaults: 128 at once, 50 ms between two requests to one host",
            command=_lychee,
            good=_lychee_said,
        ),
    )
}


def install() -> Iterator[str]:
    """Install what is missing, and say what is done. linkchecker comes by pip, lychee by cargo: it compiles some minutes."""
    if not (FOLDER / "bin" / "python").exists():
        yield f"making {FOLDER}"
        subprocess.run((sys.executable, "-m", "venv", str(FOLDER)), check=True)
        (FOLDER / ".gitignore").write_text("*\n", "utf-8")
    if not (FOLDER / "bin" / "linkchecker").exists():
        yield "linkchecker: pip install"
        subprocess.run((str(FOLDER / "bin" / "pip"), "install", "--quiet", LINKCHECKER), check=True)
    cargo = shutil.which("cargo")
    if RIVALS["lychee"].find() is None and cargo is not None:
        yield "lychee: cargo install, some minutes"
        done = subprocess.run((cargo, "install", "--locked", "--quiet", "--root", str(FOLDER), "lychee"), check=False)
        if done.returncode:
            yield "lychee: cargo could not"
    for rival in RIVALS.values():
        yield f"{rival.name}: {rival.find() or 'not there'}"
