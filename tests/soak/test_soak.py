"""A short soak, whole: real processes, killed and frozen while people work, and the hub in order afterwards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.house.tree import ROOT

MINUTES = 0.2
PATIENCE_S = 150.0


# Five processes take some seconds to start, and after the storm those that were ended start anew and, Redis wiped, say and do
# nothing for `about_to_s`: half a minute on two cores however short the storm. On a busy machine the calm may take its time.
@pytest.mark.timeout(300)
def test_what_people_decide_in_a_storm_is_done_once_and_answered_once() -> None:
    options = ["--minutes", str(MINUTES), "--seed", "1", "--patience", str(PATIENCE_S)]
    command = [sys.executable, "-m", "tests.soak", *options, "--wipe-at-the-end", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["audit"]["answered"] == outcome["audit"]["decisions"] > 0
    assert sum(outcome["troubles"].values()) > 3
