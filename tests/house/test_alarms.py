"""The alarms: each fires on the series of its trouble, the vital ones also where no series is there, and none on a quiet day.

They are played by promtool where it is installed; else their expressions are compared as text.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config.settings import Settings
from bot.store import make_redis
from bot.web.app import create_app
from tests.house.tree import ROOT
from tests.patience import STATE_WAIT_S
from tests.stores import a_store

FILE = ROOT / "deploy" / "prometheus-alerts.yml"
OPERATIONS = (ROOT / "docs" / "operate.md").read_text("utf-8")
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(FILE.read_text("utf-8"))["groups"] for rule in group["rules"]
}
QUIET = {
    'up{job="stampbot"}': "1+0x120",
    "stampbot_redis_up": "1+0x120",
    "stampbot_redis_writable": "1+0x120",
    "stampbot_clock_silent_seconds": "5+0x120",
    'stampbot_pulls_stuck{commons="hop/wl"}': "0+0x120",
    'stampbot_decisions_kept{commons="hop/wl"}': "0+0x120",
    'stampbot_events_total{name="sweeps"}': "0+8x120",
    'stampbot_unread_seconds{commons="hop/wl"}': "20+0x120",
    'stampbot_jobs_waiting{queue="decide"}': "1+0x120",
    'stampbot_jobs_waiting{queue="review"}': "40+0x120",
    'stampbot_jobs_waiting{queue="probe"}': "10+0x120",
    'stampbot_webhooks_total{outcome="limited"}': "0+0x120",
    'stampbot_webhooks_total{outcome="unknown secret"}': "0+0x120",
}
"""The series of a quiet day, a value a minute."""


@dataclass(frozen=True, slots=True)
class Case:
    """A trouble: the series that show it (None: the series is not there at all), and the expression that finds it."""

    alarm: str
    series: dict[str, str | None]
    expr: str


CASES = (
    Case("StampbotWebAway", {'up{job="stampbot"}': "0+0x120"}, 'up{job="stampbot"} == 0'),
    Case("StampbotWebAway", {'up{job="stampbot"}': None}, 'absent(up{job="stampbot"})'),
    Case("StampbotRedisAway", {"stampbot_redis_up": "0+0x120"}, "stampbot_redis_up == 0"),
    Case(
        "StampbotRedisTakesNothing",
        {"stampbot_redis_writable": "0+0x120"},
        "stampbot_redis_up == 1 and stampbot_redis_writable == 0",
    ),
    Case("StampbotClockAway", {"stampbot_clock_silent_seconds": "91+60x120"}, "stampbot_clock_silent_seconds > 90"),
    Case("StampbotClockAway", {"stampbot_clock_silent_seconds": None}, "absent(stampbot_clock_silent_seconds)"),
    Case(
        "StampbotPullStuck",
        {'stampbot_pulls_stuck{commons="hop/wl"}': "1+0x120"},
        "max by (commons) (stampbot_pulls_stuck) > 0",
    ),
    Case(
        "StampbotDecisionKept",
        {'stampbot_decisions_kept{commons="hop/wl"}': "1+0x120"},
        "max by (commons) (stampbot_decisions_kept) > 0",
    ),
    Case(
        "StampbotOutage",
        {'stampbot_outage{commons="hop/wl", of="DoltHub"}': "1+0x120"},
        "max by (commons, of) (stampbot_outage) > 0",
    ),
    Case(
        "StampbotNoSweeps",
        {'stampbot_events_total{name="sweeps"}': "8+0x120"},
        'increase(stampbot_events_total{name="sweeps"}[10m]) == 0',
    ),
    Case(
        "StampbotNoSweeps",
        {'stampbot_events_total{name="sweeps"}': None},
        'absent(stampbot_events_total{name="sweeps"})',
    ),
    Case(
        "StampbotNotHeard",
        {'stampbot_unread_seconds{commons="hop/wl"}': "901+60x120"},
        "max by (commons) (stampbot_unread_seconds) > 900",
    ),
    Case("StampbotDecisionsWait", {'stampbot_jobs_waiting{queue="decide"}': "21+0x120"}, '{queue="decide"} > 20'),
    Case("StampbotReviewsWait", {'stampbot_jobs_waiting{queue="review"}': "501+0x120"}, '{queue="review"} > 500'),
    Case("StampbotLinksWait", {'stampbot_jobs_waiting{queue="probe"}': "201+0x120"}, '{queue="probe"} > 200'),
    Case(
        "StampbotWebhooksLimited",
        {'stampbot_webhooks_total{outcome="limited"}': "0+3x120"},
        'increase(stampbot_webhooks_total{outcome="limited"}[1h]) > 100',
    ),
    Case(
        "StampbotSecretsGuessed",
        {'stampbot_webhooks_total{outcome="unknown secret"}': "0+3x120"},
        'increase(stampbot_webhooks_total{outcome="unknown secret"}[1h]) > 100',
    ),
)


def firing(folder: Path, series: dict[str, str]) -> set[str]:
    """The alarms that fire after two hours of these series, by promtool: those that it reports beside what was expected."""
    (folder / "alerts.yml").write_text(FILE.read_text("utf-8"), "utf-8")
    tests = [{"eval_time": "119m", "alertname": name, "exp_alerts": []} for name in RULES]
    played = {
        "rule_files": ["alerts.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": tests,
            }
        ],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(played), "utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=STATE_WAIT_S,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 or "got:[" in re.sub(r"\s", "", said), said
    return set(re.findall(r"alertname: (\w+)", said))


@pytest.mark.parametrize("case", CASES, ids=[f"{case.alarm} {next(iter(case.series.values()))}" for case in CASES])
def test_each_alarm_fires_on_its_trouble_and_no_other_does(case: Case, tmp_path: Path) -> None:
    assert case.expr in RULES[case.alarm]["expr"]
    if shutil.which("promtool"):
        series = {name: values for name, values in {**QUIET, **case.series}.items() if values is not None}
        assert firing(tmp_path, series) == {case.alarm}


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool here: it plays the rules")
def test_on_a_quiet_day_no_alarm_fires(tmp_path: Path) -> None:
    assert firing(tmp_path, QUIET) == set()


def test_each_alarm_has_its_case_and_its_line_and_asks_for_what_is_measured() -> None:
    assert {case.alarm for case in CASES} == set(RULES)
    table = OPERATIONS.partition("| alarm | it is | do |")[2].partition("\n\n")[0]
    told = {name.replace("…", "Stampbot") for name in re.findall(r"`((?:Stampbot|…)\w+)`", table)}
    assert told == set(RULES)
    door = create_app(Settings(commons=()), a_store(make_redis("redis://127.0.0.1:1/0"), now=lambda: datetime.now(UTC)))
    measured = {line.split()[2] for line in door.test_client().get("/metrics").text.split("\n") if line.startswith("# TYPE ")}
    asked = {name for rule in RULES.values() for name in re.findall(r"stampbot_\w+", rule["expr"])}
    assert asked - measured == set()
