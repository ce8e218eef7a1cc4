"""`python -m tests.fidelity`: plays every story on a real Dolt and on doltlite, and prints every difference that is not listed.

Then it runs the bot on Dolt: the seeded pulls, each scenario with its whole comments, and each decision with its rows, by
the tests that the everyday suite runs on doltlite. So what comes out is the same on both.

Exit status 1: there is one. 3: there is no dolt; the text says where it is to be had. `--record` keeps what Dolt answers as the
corpus that the everyday suite compares doltlite with.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.config.settings import child_environment
from sandbox.sql.dolt_server import dolt_version, find_dolt
from sandbox.values.records import DoltMissing
from tests.fidelity.comparing import PLAYED_BY_DOLT_ALONE, compared
from tests.fidelity.differences import LISTED_STORIES
from tests.fidelity.playing import Answers, Corpus, played, record
from tests.sandbox.store_client import Engine
from tests.sandbox_process import ENGINE_VARIABLE

DIFFERS, NO_DOLT = 1, 3
JOURNEYS = (
    *("tests/journeys/test_seeded_pulls.py", "tests/journeys/test_decisions.py", "tests/journeys/test_merges.py"),
    "tests/journeys/test_conformance.py::test_the_look_alike_does_what_is_assumed_and_is_left_as_it_was_told",
    *("tests/faults/test_second_witness.py", "tests/scenarios"),
    "tests/fidelity/test_merges_bring_what_is_shown.py",
)
"""Tests that run the whole bot over whatever engine the sandbox has."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 or 3."""
    parser = argparse.ArgumentParser(prog="python -m tests.fidelity", description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep what Dolt answers as the corpus")
    parser.add_argument("--stories", action="store_true", help="only the stories, without the bot")
    options = parser.parse_args(argv)
    try:
        dolt = find_dolt()
    except DoltMissing as missing:
        print(f"fidelity: {missing}; STAMPBOT_DOLT=PATH names it here", file=sys.stderr)
        return NO_DOLT
    begun, version = time.monotonic(), dolt_version(dolt)
    answers = _played("dolt")
    if options.record:
        record(Corpus(version=version, answers=answers))
    found = compared(answers, _played("doltlite"))
    for difference in found.differences:
        print(difference)
    unlisted = found.played_by_dolt_alone ^ PLAYED_BY_DOLT_ALONE
    for name in sorted(unlisted):
        print(f"{name}: listed as played by Dolt alone, or so played, and not both")
    ended = found.unlike ^ {each.story for each in LISTED_STORIES}
    for name in sorted(ended):
        print(f"{name}: listed as ending in another way, or so ended, and not both")
    count = len(found.differences) + len(unlisted) + len(ended)
    print(
        f"Dolt {version}: {len(answers)} stories, {sum(map(len, answers.values()))} answers, {found.cases} compared"
        " with doltlite,"
        f" {count} differences that are not listed, {time.monotonic() - begun:.0f} s"
    )
    failed = 0 if options.stories else _journeys(dolt)
    return DIFFERS if count or failed else 0


def _journeys(dolt: str) -> int:
    """The bot on a real Dolt; exit status of pytest."""
    environment = child_environment(**{ENGINE_VARIABLE: "dolt", "STAMPBOT_DOLT": dolt})
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--timeout", "600"]
    command += ["--hypothesis-profile", "fidelity", *JOURNEYS]
    return subprocess.run(command, env=environment, check=False).returncode


def _played(engine: Engine) -> Answers:
    with tempfile.TemporaryDirectory(prefix="stampbot-fidelity-") as folder:
        return {story.name: answers for story, answers in played(engine, Path(folder))}


if __name__ == "__main__":
    sys.exit(main())
