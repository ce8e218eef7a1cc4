"""One race of each kind before the bot's own processes, and what makes the races fair."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from tests.faults.twins import ALIKE, Twins
from tests.house.tree import ROOT
from tests.races.races import RACES, SPREAD_S, Aim

ROUNDS = 5


@pytest.mark.slow
def test_whoever_is_first_everybody_is_answered_once_and_truly() -> None:
    command = [sys.executable, "-m", "tests.races", "--rounds", str(ROUNDS), "--seed", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["failures"] == []
    assert {name: sum(won.values()) for name, won in outcome["won"].items()} == {race.name: 1 for race in RACES}
    assert not {"nobody"} & {side for won in outcome["won"].values() for side in won}


def test_an_aim_finds_the_place_where_both_sides_are_equally_fast() -> None:
    aim = Aim(0.0, random.Random(1))
    won: list[bool] = []
    for _ in range(40):
        won.append(aim.draw() > 2.3)
        aim.learn(first_won=won[-1])
    assert 0.3 < sum(won[10:]) / 30 < 0.7
    assert abs(aim.later_s - 2.3) < 0.2 + SPREAD_S


def test_twins_are_told_apart_by_all_of_their_names_and_by_no_shorter_part() -> None:
    twins = Twins()
    first, head = "a" * 32, "b" * 32
    name = first[:ALIKE] + head[ALIKE:]
    assert twins.make(first, lambda: head) == (head, name)
    assert twins.shown(f"{first} {head}".encode()) == f"{first} {name}".encode()
    assert twins.meant(f"/commits/{name}/{first}".encode()) == f"/commits/{head}/{first}".encode()
