"""Settings are read whole, frozen, and every problem is told at once with its fix."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot import wiring
from bot.config import readers
from bot.config.policy_file import Problem, load, schema
from bot.config.settings import (
    VARIABLES,
    CommonsSettings,
    Secret,
    Settings,
    SettingsError,
    child_environment,
    override_name,
    read,
)
from bot.config.variable import Variable
from bot.evidence import FetchPolicy
from bot.model.finding import Level
from bot.model.ids import Commons, Handle, User
from bot.model.policy import Comments, Landing, Pages, Policy, PosterMay, RatingStyle, Timing, Validator
from bot.model.policy_key import keys_of
from bot.prober.environment import prober_environment

HOP = Commons("hop", "wl-commons")
MESA = Commons("mesa", "wl-commons")
SECRET = "a-secret-of-many-letters"


def problems_of(environ: Mapping[str, str], *, door: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        read(environ, webhook_needed=door)
    return caught.value.problems


def test_one_commons_and_nothing_else_is_enough_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read({"STAMPBOT_COMMONS": "hop/wl-commons"}) == Settings(commons=(CommonsSettings(commons=HOP),))


def test_everything_set_is_everything_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        """
        validators = ["ana", {user = "bo", rig = "bo-town"}]
        min_trust = 2
        poster_may_decide = "close"
        landing = "direct"
        rating = "words"
        comment = "decisions"
        min_age = 5
        requests_per_minute = 90
        ignored_users = ["chatter"]
        [timing]
        poll_s = 5
        quiet_head_s = 2
        confirm_dead_s = [5, 6]
        [levels]
        evidence-alive = "doubt"
        one-item = "off"
        [forges]
        "git.example.org" = "gitea"
        [projects]
        gastown = ["github.com/gastownhall/Gastown"]
        [pages]
        public = true
        address = "https://stampbot.example.com/"
        [ties]
        ignore = [["ana", "pia"]]
        [logins]
        polecat-7 = ["github.com/Pia"]
        [commons."mesa/wl-commons"]
        min_trust = 1
        validators = []
        [commons."mesa/wl-commons".timing]
        quiet_head_s = 9
        """
    )
    general = Policy(
        validators=(Validator(User("ana")), Validator(User("bo"), Handle("bo-town"))),
        min_trust=2,
        poster_may_decide=PosterMay.CLOSE,
        landing=Landing.DIRECT,
        rating=RatingStyle.WORDS,
        comments=Comments.DECISIONS,
        min_age_s=300,
        requests_per_minute=90,
        ignored_users=(User("chatter"),),
        timing=Timing(poll_s=5, quiet_head_s=2, confirm_dead_s=(5, 6)),
        levels={"evidence-alive": Level.DOUBT, "one-item": None},
        projects={"gastown": ("github.com/gastownhall/gastown",)},
        logins={Handle("polecat-7"): ("github.com/pia",)},
        apart=((User("ana"), User("pia")),),
        pages=Pages(public=True, address="https://stampbot.example.com"),
    )
    of_mesa = dataclasses.replace(
        general, min_trust=1, validators=(), timing=Timing(poll_s=5, quiet_head_s=9, confirm_dead_s=(5, 6))
    )
    settings = read(
        {
            "STAMPBOT_COMMONS": "hop/wl-commons, mesa/wl-commons",
            "STAMPBOT_HUB_URL": "http://127.0.0.1:9000/",
            "STAMPBOT_HUB_TOKEN": "general-token",
            "STAMPBOT_HUB_TOKEN__MESA__WL_COMMONS": "mesa-token",
            "STAMPBOT_WEBHOOK_SECRET": SECRET,
            "STAMPBOT_ACCOUNT": "stampbot",
            "STAMPBOT_GITHUB_TOKEN": "github-token",
            "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8, ::1/128",
            "STAMPBOT_EVIDENCE_DENY": "198.18.4.0/24",
            "STAMPBOT_EVIDENCE_DENY_HOSTS": "Quiet.example.org., shop.example.com",
            "STAMPBOT_EVIDENCE_PORTS": "8443, 8080",
            "STAMPBOT_EVIDENCE_CONTACT": "https://example.org/bot?about=links",
            "STAMPBOT_EVIDENCE_CONTROL": "https://Example.org, http://localhost:8000/up",
            "STAMPBOT_EVIDENCE_PACE": "2.5",
            "REDIS_URL": "unix:///run/redis.sock",
            "STAMPBOT_CONFIG": str(file),
            "PORT": "9999",
            "STAMPBOT_LOG": "json",
            "STAMPBOT_LANES": "7",
        }
    )
    assert settings == Settings(
        commons=(
            CommonsSettings(
                commons=HOP,
                policy=general,
                hub_token=Secret("general-token"),
                webhook_secret=Secret(SECRET),
            ),
            CommonsSettings(
                commons=MESA,
                policy=of_mesa,
                hub_token=Secret("mesa-token"),
                webhook_secret=Secret(SECRET),
            ),
        ),
        hub_url="http://127.0.0.1:9000",
        account=User("stampbot"),
        github_token=Secret("github-token"),
        evidence_allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        evidence_deny=(ip_network("198.18.4.0/24"),),
        evidence_deny_hosts=("quiet.example.org", "shop.example.com"),
        evidence_ports=(8443, 8080),
        evidence_contact="https://example.org/bot?about=links",
        evidence_control=("https://example.org/", "http://localhost:8000/up"),
        evidence_pace_s=2.5,
        redis_url=Secret("unix:///run/redis.sock"),
        port=9999,
        log="json",
        lanes=7,
        config_path=file,
        forges=(("git.example.org", "gitea"),),
    )


def test_all_problems_are_told_at_once_each_with_its_fix(tmp_path: Path) -> None:
    file = tmp_path / "stampbot.toml"
    file.write_text('landng = "pull"\nmin_trust = 0\n[timing]\nquiet_head = 3\n')
    found = problems_of(
        {
            "STAMPBOT_COMMONS": "hop",
            "STAMPBOT_HUB_URL": "dolthub.com",
            "STAMPBOT_HUB_TOKN": "x",
            "STAMPBOT_CONFIG": str(file),
            "PORT": "99999",
            "STAMPBOT_LOG": "xml",
            "STAMPBOT_EVIDENCE_ALLOW": "10.0.0.1/8",
            "REDIS_URL": "http://localhost",
        }
    )
    assert [(p.name, p.fix) for p in found] == [
        ("STAMPBOT_COMMONS", "Write a comma list of owner/database."),
        ("stampbot.toml landng", "Did you mean landing?"),
        (
            "stampbot.toml min_trust",
            "Expected: A whole number from 1 to 100: rigs with at least this trust_level on main may decide.",
        ),
        ("stampbot.toml timing.quiet_head", "Did you mean quiet_head_s?"),
        ("STAMPBOT_HUB_TOKN", "Did you mean STAMPBOT_HUB_TOKEN?"),
        ("STAMPBOT_HUB_URL", "Write the address of a DoltHub or DoltLab, such as https://www.dolthub.com."),
        ("REDIS_URL", "Write redis://host:port/0, rediss://… or unix:///path/of/socket."),
        ("STAMPBOT_EVIDENCE_ALLOW", "Write a comma list such as 10.1.0.0/16, ::1/128."),
        ("PORT", "Write a whole number from 0 to 65535."),
        ("STAMPBOT_LOG", "Write json or console."),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("validators = [3]", "validators.0"),
        ('validators = [{rig = "x"}]', "validators.0"),
        ('validators = "ana"', "validators"),
        ("poster_may_decide = true", "poster_may_decide"),
        ('landing = "push"', "landing"),
        ("min_age = -1", "min_age"),
        ("min_age = nan", "min_age"),
        ("min_age = inf", "min_age"),
        ("requests_per_minute = 0", "requests_per_minute"),
        ("requests_per_minute = true", "requests_per_minute"),
        ("requests_per_minute = 2026-11-20", "requests_per_minute"),
        ("[timing]\nconfirm_dead_s = [1]", "timing.confirm_dead_s"),
        ("[timing]\npoll_s = 0", "timing.poll_s"),
        ('[levels]\nx = "loud"', "levels.x"),
        ('[levels]\n"not a rule" = "off"', "levels.not a rule"),
        ('[forges]\n"git.example.org" = "svn"', 'forges."git.example.org"'),
        ('[forges]\n"not a host" = "gitea"', "forges.not a host"),
        ('[commons."hop/wl-commons"]\nforges = {}', 'commons."hop/wl-commons".forges'),
        ('[commons."hop"]\nmin_trust = 2', "commons.hop"),
        ("commons = 3", "commons"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_named_by_its_key(text: str, name: str) -> None:
    policies, problems = load(text, "stampbot.toml")
    assert {p.name for p in problems} == {f"stampbot.toml {name}"}
    assert all(p.says and p.fix for p in problems)
    assert policies.general == Policy()


def test_a_file_that_is_not_toml_says_so_with_its_line() -> None:
    _, problems = load("min_trust = \n", "stampbot.toml")
    assert len(problems) == 1
    assert "line 1" in problems[0].says


@given(st.text(max_size=200))
def test_no_text_of_a_policy_file_crashes_the_reader(text: str) -> None:
    policies, problems = load(text, "stampbot.toml")
    assert problems or policies is not None


def test_the_schema_is_a_schema_and_knows_each_field_of_the_policy() -> None:
    Draft202012Validator.check_schema(schema())
    assert set(keys_of(Timing)) == {f.name for f in dataclasses.fields(Timing)}
    assert set(keys_of(Policy)) == {f.name for f in dataclasses.fields(Policy)}
    of_one = set(schema()["properties"]["commons"]["additionalProperties"]["properties"])
    assert set(schema()["properties"]) - of_one == {"forges", "registries", "webhook", "commons"}


def test_a_default_is_shown_as_the_file_would_write_it() -> None:
    shown = {each.name: each.default for each in (*keys_of(Policy).values(), *keys_of(Timing).values())}
    expected = {
        "validators": "none",
        "min_trust": "3",
        "poster_may_decide": "false",
        "landing": '"pull"',
        "min_age": "0",
        "requests_per_minute": "120",
        "levels": "none",
        "poll_s": "30",
        "confirm_dead_s": "1800, 21600",
    }
    assert {name: shown[name] for name in expected} == expected


def test_every_default_of_the_environment_is_read_as_itself() -> None:
    """What the documents show as a default and is no sentence is what holds without the variable."""
    plain = {
        each.name: each.default for each in VARIABLES if " " not in each.default and each.name != "STAMPBOT_EVIDENCE_CONTROL"
    }
    names = {name: text for name, text in plain.items() if text not in ("none", "required", "auto", "REDIS_URL")}
    assert set(names) >= {"STAMPBOT_HUB_URL", "REDIS_URL", "PORT", "STAMPBOT_LANES", "STAMPBOT_EVIDENCE_PACE"}
    assert read(names, commons_needed=False) == read({}, commons_needed=False)


@given(st.sampled_from(VARIABLES), st.text(max_size=60))
def test_no_text_of_a_variable_crashes_the_reader_and_no_secret_is_shown(variable: Variable, text: str) -> None:
    """Each text is read, or is a problem of that variable; the problem of a secret does not hold its text."""
    problems: tuple[Problem, ...] = ()
    try:
        read({"STAMPBOT_COMMONS": "hop/wl-commons", variable.name: text})
    except SettingsError as error:
        problems = error.problems
    assert {problem.name for problem in problems} <= {variable.name}
    if variable.secret and len(text.strip()) > 20:
        assert text.strip() not in "".join(map(str, problems))


def test_every_secret_variable_is_redacted() -> None:
    canaries = {
        each.name: f"redis://u:canary-{n}@r/0" if each.read is readers.redis_url else f"canary-{n}-canary-canary"
        for n, each in enumerate(VARIABLES)
        if each.secret and each.name != "STAMPBOT_WEBHOOK_KEY"
    }
    settings = read({"STAMPBOT_COMMONS": "hop/wl-commons", **canaries})
    assert len(settings.secrets) == len(canaries)
    assert all(text.startswith("canary-") for text in settings.secrets)
    assert "canary" not in f"{settings!r}"


def test_no_secret_shows_in_any_form_of_the_settings() -> None:
    canaries = {
        "STAMPBOT_HUB_TOKEN": "canary-hub-token",
        "STAMPBOT_WEBHOOK_SECRET": "canary-webhook-secret",
        "STAMPBOT_GITHUB_TOKEN": "canary-github-token",
        "REDIS_URL": "redis://user:canary-redis@127.0.0.1:6379/0",
    }
    settings = read({"STAMPBOT_COMMONS": "hop/wl-commons", **canaries})
    shown = f"{settings!r} {settings} {settings.commons[0].hub_token} {settings.redis_url!s}"
    assert "canary" not in shown
    assert set(settings.secrets) == {
        "canary-hub-token",
        "canary-webhook-secret",
        "canary-github-token",
        "canary-redis",
    }


def test_a_broken_secret_is_told_without_being_shown() -> None:
    found = problems_of(
        {"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_HUB_TOKEN": "canary with space", "STAMPBOT_WEBHOOK_SECRET": "canary"}
    )
    assert sorted(p.name for p in found) == ["STAMPBOT_HUB_TOKEN", "STAMPBOT_WEBHOOK_SECRET"]
    assert "canary" not in "".join(map(str, found))


def test_the_door_needs_a_secret_for_each_commons() -> None:
    both = {"STAMPBOT_COMMONS": "hop/wl-commons,mesa/wl-commons"}
    assert [p.name for p in problems_of(both, door=True)] == ["STAMPBOT_WEBHOOK_SECRET"]
    half = {**both, "STAMPBOT_WEBHOOK_SECRET__HOP__WL_COMMONS": SECRET}
    assert "mesa/wl-commons" in problems_of(half, door=True)[0].says
    whole = {**both, "STAMPBOT_WEBHOOK_SECRET": SECRET}
    assert [c.webhook_secret for c in read(whole, webhook_needed=True).commons] == [Secret(SECRET)] * 2


@pytest.mark.parametrize(
    "url", ["http://hub.example.com", "https://ana:pw@hub.example.com", "https://hub.example.com/?x", "https://dolthub.com/"]
)
def test_a_hub_the_token_must_not_travel_to_is_refused(url: str) -> None:
    found = problems_of({"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_HUB_URL": url})
    assert [p.name for p in found] == ["STAMPBOT_HUB_URL"]


def test_a_scheme_that_is_none_is_an_error_with_the_nearest_one_that_is(tmp_path: Path) -> None:
    file = tmp_path / "stampbot.toml"
    file.write_text('[webhook]\nheader = "X-Signature"\nscheme = "hmac-sha265"\n')
    with pytest.raises(SettingsError) as refused:
        read({"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_CONFIG": str(file), "STAMPBOT_WEBHOOK_KEY": "k" * 20})
    assert "webhook.scheme" in str(refused.value)
    assert "Did you mean hmac-sha256?" in str(refused.value)


def test_a_webhook_header_and_its_key_belong_together(tmp_path: Path) -> None:
    file = tmp_path / "stampbot.toml"
    file.write_text('[webhook]\nheader = "X-Signature"\nscheme = "plain"\n')
    half = {"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_WEBHOOK_SECRET": SECRET}
    header, key = {"STAMPBOT_CONFIG": str(file)}, {"STAMPBOT_WEBHOOK_KEY": "the-key"}
    assert [p.name for p in problems_of(half | header, door=True)] == ["STAMPBOT_WEBHOOK_KEY"]
    assert [p.name for p in problems_of(half | key)] == ["STAMPBOT_WEBHOOK_KEY"]
    settings = read(half | header | key, webhook_needed=True)
    assert (settings.webhook_header, settings.webhook_scheme) == ("X-Signature", "plain")
    assert "the-key" in settings.secrets


def test_an_override_that_would_mean_two_commons_is_refused() -> None:
    environ = {"STAMPBOT_COMMONS": "hop/wl-commons,hop/wl.commons", "STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS": "t"}
    assert override_name("STAMPBOT_HUB_TOKEN", HOP) == "STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS"
    assert [p.name for p in problems_of(environ)] == ["STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS"]


def test_an_override_for_a_commons_that_is_not_ours_is_an_error() -> None:
    environ = {"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_HUB_TOKEN__HPO__WL_COMMONS": "t"}
    assert [p.fix for p in problems_of(environ)] == ["Did you mean STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS?"]


def test_a_policy_for_a_commons_that_is_not_served_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "stampbot.toml"
    file.write_text('[commons."mesa/wl-commons"]\nmin_trust = 2\n')
    found = problems_of({"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_CONFIG": str(file)})
    assert ["mesa/wl-commons" in p.name for p in found] == [True]


def test_a_config_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    found = problems_of({"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_CONFIG": str(tmp_path / "no.toml")})
    assert [p.name for p in found] == ["STAMPBOT_CONFIG"]


def test_a_commons_named_on_the_command_line_needs_no_environment() -> None:
    assert [c.commons for c in read({}, named=(HOP,)).commons] == [HOP]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("DENY", ("10.0.0.1/8", "example.org", "1.2.3.4/99")),
        ("DENY_HOSTS", ("*.example.org", "https://example.org", "example.org/a", "ex ample.org", "é.org", "a..b", "x" * 64)),
        ("PORTS", ("0", "65536", "http", "-1", "80-90")),
        (
            "CONTACT",
            ("ana", "ana@", "ftp://example.org/", "https://e.org/)", "https://e.org/ x", "https://e.org/\\x", "a@b.c\nX: y"),
        ),
        ("CONTROL", ("example.org", "ftp://example.org/", "https://ana:pw@example.org/", "http://0x7f.1/", "https://é.org/")),
        ("PACE", ("fast", "-1", "61", "nan", "1e3", "1s")),
    ],
)
def test_a_setting_of_the_prober_that_cannot_be_meant_is_told(name: str, texts: tuple[str, ...]) -> None:
    for text in texts:
        (found,) = problems_of({"STAMPBOT_COMMONS": "hop/wl-commons", f"STAMPBOT_EVIDENCE_{name}": text})
        assert found.name == f"STAMPBOT_EVIDENCE_{name}"
        assert found.says
        assert found.fix.startswith("Write ")


def test_each_bad_part_of_a_list_is_told() -> None:
    found = problems_of({"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_EVIDENCE_PORTS": "x, 8443, ,0"})
    assert [p.name for p in found] == ["STAMPBOT_EVIDENCE_PORTS"] * 2


def test_the_hub_is_the_control_unless_others_are_named() -> None:
    served = {"STAMPBOT_COMMONS": "hop/wl-commons"}
    assert read(served).controls == ("https://www.dolthub.com/",)
    assert read({**served, "STAMPBOT_HUB_URL": "http://127.0.0.1:9000"}).controls == ("http://127.0.0.1:9000/",)
    assert read({**served, "STAMPBOT_EVIDENCE_CONTROL": "https://example.org/up"}).controls == ("https://example.org/up",)


def test_the_prober_goes_by_its_settings() -> None:
    environ = {
        "STAMPBOT_COMMONS": "hop/wl-commons",
        "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8",
        "STAMPBOT_EVIDENCE_DENY": "198.18.4.0/24",
        "STAMPBOT_EVIDENCE_DENY_HOSTS": "quiet.example.org",
        "STAMPBOT_EVIDENCE_PORTS": "8443",
    }
    policy = wiring.fetch_policy(read(environ), allow=(ip_network("::1/128"),))
    assert policy == FetchPolicy(
        allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        deny=(ip_network("198.18.4.0/24"),),
        deny_hosts=("quiet.example.org",),
        ports=(8443,),
        user_agent="Mozilla/5.0 (compatible; stampbot; evidence check for a Wasteland commons)",
    )
    for contact in ("https://example.org/bot", "ana@example.org"):
        settings = read({**environ, "STAMPBOT_EVIDENCE_CONTACT": contact})
        assert wiring.fetch_policy(settings).user_agent == (
            f"Mozilla/5.0 (compatible; stampbot; evidence check for a Wasteland commons; +{contact})"
        )


def test_the_prober_is_told_nothing_secret() -> None:
    names = ("ALLOW", "CONTACT", "CONTROL", "DENY", "DENY_HOSTS", "PACE", "PORTS")
    of_the_prober = {f"STAMPBOT_EVIDENCE_{name}": "x" for name in names} | {"STAMPBOT_HUB_URL": "https://hub.example.com"}
    environ = {
        "PATH": "/bin",
        "HOME": "/home/x",
        "LANG": "C.UTF-8",
        "REDIS_URL": "redis://worker:pw@r/0",
        "STAMPBOT_PROBER_REDIS_URL": "redis://prober:pw@r/0",
        "STAMPBOT_COMMONS": "hop/wl-commons",
        **of_the_prober,
        "STAMPBOT_EVIDENCE_SECRET": "s",
        "STAMPBOT_CONFIG": "x.toml",
        "STAMPBOT_HUB_TOKEN": "t",
        "STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS": "t",
        "STAMPBOT_WEBHOOK_SECRET": SECRET,
        "STAMPBOT_GITHUB_TOKEN": "g",
        "GITHUB_TOKEN": "g",
        "AWS_SECRET_ACCESS_KEY": "a",
        "HTTPS_PROXY": "http://proxy",
        "LD_PRELOAD": "x.so",
    }
    assert prober_environment(environ) == {
        "PATH": "/bin",
        "HOME": "/home/x",
        "LANG": "C.UTF-8",
        "REDIS_URL": "redis://prober:pw@r/0",
        "STAMPBOT_COMMONS": "hop/wl-commons",
        **of_the_prober,
        "RES_OPTIONS": "timeout:2 attempts:2",
        "MALLOC_ARENA_MAX": "2",
    }


def test_a_child_of_the_demo_inherits_no_setting_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAMPBOT_HUB_TOKEN", "real-token")
    got = child_environment(STAMPBOT_COMMONS="hop/wl-commons")
    assert {name: value for name, value in got.items() if name.startswith("STAMPBOT_")} == {
        "STAMPBOT_COMMONS": "hop/wl-commons"
    }


def test_the_schema_file_is_readable_json_for_editors() -> None:
    assert json.loads(json.dumps(schema()))["title"] == "stampbot.toml"


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    names = [variable.name for variable in VARIABLES if variable.secret]
    own = override_name("STAMPBOT_HUB_TOKEN", HOP)
    files = {name: tmp_path / name for name in (*names, own)}
    for name, file in files.items():
        file.write_text(f"{f'redis://h/{len(name) % 10}' if 'REDIS' in name else name.replace('_', '-') * 2}\n", "utf-8")
    config = tmp_path / "stampbot.toml"
    config.write_text('[webhook]\nheader = "X-Signature"\n', "utf-8")
    common = {"STAMPBOT_COMMONS": "hop/wl-commons", "STAMPBOT_CONFIG": str(config)}
    in_files = read({**common, **{f"{name}_FILE": str(file) for name, file in files.items()}})
    written = read({**common, **{name: file.read_text("utf-8").strip() for name, file in files.items()}})
    assert in_files == written
    assert in_files.secrets == written.secrets
    assert in_files.commons[0].hub_token.reveal() == own.replace("_", "-") * 2


def test_a_file_of_a_secret_that_cannot_be_meant_is_named_with_its_fix(tmp_path: Path) -> None:
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.write_text("\n", "utf-8")
    broken.write_bytes(b"\xff\xfe")
    common = {"STAMPBOT_COMMONS": "hop/wl-commons"}

    def problem(**more: str) -> str:
        with pytest.raises(SettingsError) as refused:
            read({**common, **more})
        return str(refused.value)

    there = "Name a file that this process's user may read."
    assert problem(STAMPBOT_HUB_TOKEN_FILE=str(tmp_path / "none")) == (
        f"STAMPBOT_HUB_TOKEN_FILE: {tmp_path}/none cannot be read (No such file or directory). {there}"
    )
    assert problem(STAMPBOT_HUB_TOKEN_FILE=str(broken)) == (
        f"STAMPBOT_HUB_TOKEN_FILE: {broken} cannot be read (it is no UTF-8 text). {there}"
    )
    assert problem(STAMPBOT_HUB_TOKEN_FILE=str(empty)) == (
        f"STAMPBOT_HUB_TOKEN_FILE: {empty} is empty. Write the secret into it, on one line."
    )
    both = problem(STAMPBOT_HUB_TOKEN_FILE=str(empty), STAMPBOT_HUB_TOKEN="t" * 20)
    assert both == "STAMPBOT_HUB_TOKEN_FILE: is set beside STAMPBOT_HUB_TOKEN. Unset one of them."
    assert "STAMPBOT_PORT_FILE: is not a setting" in problem(STAMPBOT_PORT_FILE="x")


def test_the_prober_gets_the_file_of_its_own_redis_and_no_other() -> None:
    general = {"REDIS_URL": "redis://a", "REDIS_URL_FILE": "", "STAMPBOT_HUB_TOKEN_FILE": "/t"}
    own = prober_environment({**general, "STAMPBOT_PROBER_REDIS_URL_FILE": "/run/prober"})
    assert {name: value for name, value in own.items() if "REDIS" in name or "TOKEN" in name} == {
        "REDIS_URL_FILE": "/run/prober"
    }
    shared = prober_environment({"REDIS_URL_FILE": "/run/redis"})
    assert {name: value for name, value in shared.items() if "REDIS" in name} == {"REDIS_URL_FILE": "/run/redis"}
