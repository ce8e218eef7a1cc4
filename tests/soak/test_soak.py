"""A short soak, whole: real processes, killed and frozen while people work, and the hub in order afterwards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.house.tree import ROOT

MINUTES = 0.2
PATIENCE_S = 60.0


# One of the long runs, although it holds: five processes take about seven seconds to start, and after the storm those that were
# ended start anew and, Redis wiped, say and do nothing for `about_to_s`. So it is half a minute on two cores however short the
# storm, and in a storm much shorter than this one it may come to no decision at all.
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("landing", ["pull"])
def test_what_people_decide_in_a_storm_is_done_once_and_answered_once(landing: str) -> None:
    options = ["--minutes", str(MINUTES), "--seed", "1", "--landing", landing, "--patience", str(PATIENCE_S)]
    command = [sys.executable, "-m", "tests.soak", *options, "--wipe-at-the-end", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["audit"]["answered"] == outcome["audit"]["decisions"] > 0
    assert sum(outcome["troubles"].values()) > 3
