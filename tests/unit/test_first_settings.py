"""The files of a new installation: what was asked is what the bot, a shell and systemd read from them."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.first_settings import FirstSettings, environment_text, validator
from bot.config.policy_file import load
from bot.config.readers import HUB_URL, Secret
from bot.config.variable import Unusable
from bot.model.ids import Commons, Handle, User
from bot.model.policy import Decisions, Policy, Validator

FIRST = FirstSettings(
    commons=Commons("hop", "wl-commons"),
    hub_url=HUB_URL,
    hub_token=Secret("dhat.v1.abc"),
    webhook_secret=Secret("nX3q-8vT_5wKzR1mYbLd0aJfHc"),
)
users = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True).map(User)
rigs = st.text(st.characters(codec="utf-8"), min_size=1, max_size=255).map(Handle)
tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


@given(st.lists(st.builds(Validator, users, st.none() | rigs), max_size=4))
def test_the_policy_file_names_the_validators_as_they_were_given_and_only_watches(people: list[Validator]) -> None:
    text = replace(FIRST, validators=tuple(people)).policy_text()
    file, problems = load(text, "stampbot.toml")
    assert problems == ()
    assert file.general == Policy(validators=tuple(people), decisions=Decisions.WATCH)
    assert set(tomllib.loads(text)) == {"validators", "decisions"}


@given(tokens)
def test_a_shell_reads_from_the_environment_file_what_was_written_or_it_is_refused(token: str) -> None:
    try:
        text = environment_text({"STAMPBOT_HUB_TOKEN": token})
    except Unusable:
        assert set(token) & set("'\\")
        return
    assert not set(token) & set("'\\")
    (line,) = (line for line in text.splitlines() if not line.startswith("#"))
    assert shlex.split(line) == [f"STAMPBOT_HUB_TOKEN={token}"]


def test_a_shell_reads_every_kind_of_character(tmp_path: Path) -> None:
    variables = {"STAMPBOT_HUB_TOKEN": "".join(map(chr, range(33, 127))).replace("'", "").replace("\\", ""), "PORT": "8080"}
    file = tmp_path / "stampbot.env"
    file.write_text(environment_text(variables), "utf-8")
    asked = f'set -a; . {file}; set +a; printf "%s\\n" "$STAMPBOT_HUB_TOKEN" "$PORT"'
    assert subprocess.check_output(["sh", "-c", asked], text=True).splitlines() == list(variables.values())


def test_the_environment_holds_what_differs_from_the_defaults() -> None:
    own = {
        "STAMPBOT_COMMONS": "hop/wl-commons",
        "STAMPBOT_HUB_TOKEN": "dhat.v1.abc",
        "STAMPBOT_WEBHOOK_SECRET": "nX3q-8vT_5wKzR1mYbLd0aJfHc",
        "STAMPBOT_CONFIG": "/srv/bot/stampbot.toml",
    }
    assert FIRST.variables(Path("/srv/bot")) == own
    assert replace(
        FIRST, hub_url="http://lab.internal", account=User("stampbot"), redis_url=Secret("redis://r:6379/1")
    ).variables(Path("/srv/bot")) == {
        **own,
        "STAMPBOT_HUB_URL": "http://lab.internal",
        "STAMPBOT_ACCOUNT": "stampbot",
        "REDIS_URL": "redis://r:6379/1",
    }


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bo", Validator(User("bo"))),
        ("ana=ana-town", Validator(User("ana"), Handle("ana-town"))),
        (" ana = the town ", Validator(User("ana"), Handle("the town"))),
    ],
)
def test_a_validator_is_a_user_who_may_have_a_rig(text: str, meant: Validator) -> None:
    assert validator(text) == meant


@pytest.mark.parametrize("text", ["", "=rig", "ana=", "a b", "ana/town"])
def test_what_names_no_validator_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        validator(text)
