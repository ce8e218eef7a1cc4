"""Settings: environment and `stampbot.toml` -> one frozen value, or every problem at once. Alone here is `os.environ` read."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from bot.config.policy_file import PolicyFile, Problem, did_you_mean, load
from bot.config.variables import VARIABLES
from bot.model.ids import Commons, User
from bot.model.policy import Policy
from bot.model.registry import Registry

HUB_URL = "https://www.dolthub.com"
REDIS_URL = "redis://127.0.0.1:6379/0"
CONFIG_NAME = "stampbot.toml"
PORT = 8080
LANES = 4
EVIDENCE_PACE_S = 1.0
EVIDENCE_PACE_MAX_S = 60
SECRET_CHARS_MIN = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_T = TypeVar("_T")
_D = TypeVar("_D")

_SECRET_NAMES = tuple(each.name for each in VARIABLES if each.per_commons)
_NAMES = tuple(each.name for each in VARIABLES if each.name.startswith("STAMPBOT_"))


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that shows itself only when asked."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonsSettings:
    """One commons: how to speak to it and by what policy. An empty token means: read only."""

    commons: Commons
    policy: Policy = field(default_factory=Policy)
    hub_token: Secret = field(default_factory=lambda: Secret(""))
    webhook_secret: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator can turn. `log` "auto": console on a terminal, else json.

    `webhook_header`: a header that each webhook must carry, made with `webhook_key` by `webhook_scheme`; empty: none.
    DoltHub does not document one yet, so its name and scheme are the operator's to set.
    """

    commons: tuple[CommonsSettings, ...]
    hub_url: str = HUB_URL
    hub_api: Literal["auto", "v2", "v1alpha1"] = "auto"
    account: User | None = None
    webhook_header: str = ""
    webhook_scheme: Literal["hmac-sha256", "plain"] = "hmac-sha256"
    webhook_key: Secret = field(default_factory=lambda: Secret(""))
    github_token: Secret = field(default_factory=lambda: Secret(""))
    evidence_allow: tuple[Network, ...] = ()
    evidence_deny: tuple[Network, ...] = ()
    evidence_deny_hosts: tuple[str, ...] = ()
    evidence_ports: tuple[int, ...] = ()
    evidence_contact: str = ""
    evidence_control: tuple[str, ...] = ()
    evidence_pace_s: float = EVIDENCE_PACE_S
    redis_url: Secret = field(default_factory=lambda: Secret(REDIS_URL))
    port: int = PORT
    log: Literal["auto", "json", "console"] = "auto"
    lanes: int = LANES
    config_path: Path | None = None
    forges: tuple[tuple[str, str], ...] = ()
    registries: tuple[Registry, ...] = ()

    def of(self, commons: Commons) -> CommonsSettings | None:
        """The settings of one commons, None if it is not ours."""
        return next((each for each in self.commons if each.commons == commons), None)

    def sharing(self, token: Secret) -> tuple[CommonsSettings, ...]:
        """The commons that are spoken to with this token, so by one account: they share one budget of requests."""
        return tuple(each for each in self.commons if each.hub_token == token)

    def requests_per_minute(self, token: Secret) -> int:
        """The budget of the account of this token: the lowest that the policy of any of its commons names."""
        return min(each.policy.requests_per_minute for each in self.sharing(token))

    @property
    def controls(self) -> tuple[str, ...]:
        """URLs one of which answers whenever our own network is up."""
        return self.evidence_control or (f"{self.hub_url}/",)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for redaction; a password inside `redis_url` too."""
        password = urlsplit(self.redis_url.reveal()).password
        found = (
            self.github_token.reveal(),
            self.webhook_key.reveal(),
            password or "",
            unquote(password or ""),
            *(each.hub_token.reveal() for each in self.commons),
            *(each.webhook_secret.reveal() for each in self.commons),
        )
        return tuple(dict.fromkeys(text for text in found if text))


class SettingsError(Exception):
    """The settings cannot be used; `problems` names everything that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def read(
    environ: Mapping[str, str] | None = None,
    *,
    door: bool = False,
    named: Sequence[Commons] = (),
    commons_needed: bool = True,
) -> Settings:
    """The settings from `environ` (None: this process's) and the file it names.

    `door`: a webhook secret for each commons is required. `named`: commons of the command line, added to those of the
    environment. `commons_needed`: at least one commons is required. Raises SettingsError with all problems.
    """
    reading = _Reading(os.environ if environ is None else environ, named, commons_needed=commons_needed)
    return reading.settings(door=door)


def environment() -> dict[str, str]:
    """This process's environment."""
    return dict(os.environ)


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment without any setting of ours, plus `changes`: what a demo's child processes get."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STAMPBOT_")}
    return {**kept, **changes}


def chosen_redis_server() -> str:
    """Path of the server that demo and tests start; empty where the environment names none."""
    return os.environ.get("STAMPBOT_REDIS_SERVER", "").strip()


def colour_wanted() -> bool:
    """False where the user has set NO_COLOR to anything (no-color.org)."""
    return not os.environ.get("NO_COLOR")


def override_name(name: str, commons: Commons) -> str:
    """The variable that overrides `name` for one commons: `STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS`."""
    return "__".join((name, *(re.sub(r"[^A-Z0-9]", "_", part.upper()) for part in (commons.owner, commons.name))))


class _Reading:
    """One reading of an environment; collects problems as it goes."""

    def __init__(self, environ: Mapping[str, str], named: Sequence[Commons], *, commons_needed: bool) -> None:
        self._environ = environ
        self._commons_needed = commons_needed
        self._named = named
        self._problems: list[Problem] = []

    def settings(self, *, door: bool) -> Settings:
        commons = self._commons()
        path, file = self._file()
        self._unknown_names(commons)
        for each, _ in file.overrides:
            if commons and each not in commons:
                self._problem(f'{path} commons."{each}"', "is not in STAMPBOT_COMMONS", "Add it there, or drop the table.")
        key = self._secret("STAMPBOT_WEBHOOK_KEY", _token)
        if file.webhook_header and not key and door:
            self._problem("STAMPBOT_WEBHOOK_KEY", f"is not set, but {path} checks a header with it", "Set it.")
        if key and not file.webhook_header and not self._problems:
            self._problem(
                "STAMPBOT_WEBHOOK_KEY", "is set, but no header is checked with it", "Name the header: [webhook] header."
            )
        found = Settings(
            commons=tuple(self._one(each, file, door=door) for each in commons),
            hub_url=self._value("STAMPBOT_HUB_URL", HUB_URL, _hub_address),
            hub_api=self._value("STAMPBOT_HUB_API", "auto", _hub_api),
            account=self._value("STAMPBOT_ACCOUNT", None, _account),
            webhook_header=file.webhook_header,
            webhook_scheme=file.webhook_scheme,
            webhook_key=key,
            github_token=self._secret("STAMPBOT_GITHUB_TOKEN", _token),
            evidence_allow=self._list("STAMPBOT_EVIDENCE_ALLOW", _network),
            evidence_deny=self._list("STAMPBOT_EVIDENCE_DENY", _network),
            evidence_deny_hosts=self._list("STAMPBOT_EVIDENCE_DENY_HOSTS", _host_name),
            evidence_ports=self._list("STAMPBOT_EVIDENCE_PORTS", _port),
            evidence_contact=self._value("STAMPBOT_EVIDENCE_CONTACT", "", _contact),
            evidence_control=self._list("STAMPBOT_EVIDENCE_CONTROL", _control),
            evidence_pace_s=self._value("STAMPBOT_EVIDENCE_PACE", EVIDENCE_PACE_S, _pace),
            redis_url=self._value("REDIS_URL", Secret(REDIS_URL), _redis_url),
            port=self._value("PORT", PORT, lambda text: _whole(text, 0, 65535)),
            log=self._value("STAMPBOT_LOG", "auto", _log_form),
            lanes=self._value("STAMPBOT_LANES", LANES, lambda text: _whole(text, 1, 64)),
            config_path=path,
            forges=file.forges,
            registries=file.registries,
        )
        self._value("STAMPBOT_PROBER_REDIS_URL", None, _redis_url)
        if self._problems:
            raise SettingsError(self._problems)
        return found

    def _problem(self, name: str, says: str, fix: str) -> None:
        self._problems.append(Problem(name, says, fix))

    def _text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def _value(self, name: str, default: _D, reader: Callable[[str], _T]) -> _T | _D:
        text = self._text(name)
        if not text:
            return default
        try:
            return reader(text)
        except _Unusable as error:
            self._problem(name, error.says, error.fix)
            return default

    def _secret(self, name: str, reader: Callable[[str], Secret]) -> Secret:
        return self._value(name, Secret(""), reader)

    def _commons(self) -> tuple[Commons, ...]:
        found: dict[Commons, None] = {}
        for part in filter(None, (p.strip() for p in self._text("STAMPBOT_COMMONS").split(","))):
            try:
                found.setdefault(Commons.parse(part))
            except ValueError as error:
                self._problem("STAMPBOT_COMMONS", str(error), "Write a comma list of owner/database.")
        if self._commons_needed and not found and not self._named and not self._problems:
            self._problem("STAMPBOT_COMMONS", "is not set", "Set it to the commons to serve, such as hop/wl-commons.")
        return tuple(dict.fromkeys((*found, *self._named)))

    def _file(self) -> tuple[Path | None, PolicyFile]:
        asked = self._text("STAMPBOT_CONFIG")
        path = Path(asked or CONFIG_NAME)
        if not asked and not path.is_file():
            return None, PolicyFile()
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            name = "STAMPBOT_CONFIG" if asked else CONFIG_NAME
            self._problem(name, f"{path} cannot be read ({reason})", "Name a readable UTF-8 TOML file.")
            return None, PolicyFile()
        file, problems = load(text, path.name)
        self._problems.extend(problems)
        return path, file

    def _one(self, commons: Commons, file: PolicyFile, *, door: bool) -> CommonsSettings:
        rulings = file.rulings(commons)
        secret = self._overridable("STAMPBOT_WEBHOOK_SECRET", commons, _webhook_secret)
        if door and not secret and not any("STAMPBOT_WEBHOOK_SECRET" in p.name for p in self._problems):
            self._problem(
                "STAMPBOT_WEBHOOK_SECRET",
                f"is not set, so no webhook of {commons} can be told from a stranger's",
                "Set it to the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
            )
        return CommonsSettings(
            commons=commons,
            policy=rulings.policy,
            hub_token=self._overridable("STAMPBOT_HUB_TOKEN", commons, _token),
            webhook_secret=secret,
        )

    def _overridable(self, name: str, commons: Commons, reader: Callable[[str], Secret]) -> Secret:
        own = override_name(name, commons)
        return self._secret(own if self._text(own) else name, reader)

    def _unknown_names(self, commons: tuple[Commons, ...]) -> None:
        overrides: dict[str, Commons] = {}
        for name in _SECRET_NAMES:
            for each in commons:
                taken = overrides.setdefault(override_name(name, each), each)
                if taken != each and self._text(override_name(name, each)):
                    self._problem(
                        override_name(name, each),
                        f"would mean both {taken} and {each}",
                        f"Use one {name} for both, or run two bots.",
                    )
        known = [*_NAMES, *overrides]
        for name in sorted(n for n in self._environ if n.startswith("STAMPBOT_") and n not in known):
            self._problem(name, "is not a setting", did_you_mean(name, known))

    def _list(self, name: str, reader: Callable[[str], _T]) -> tuple[_T, ...]:
        """The parts of a comma list, each read; every part that cannot be used is a problem."""
        found: list[_T] = []
        for part in filter(None, (p.strip() for p in self._text(name).split(","))):
            try:
                found.append(reader(part))
            except _Unusable as error:
                self._problem(name, error.says, error.fix)
        return tuple(found)


class _Unusable(Exception):
    def __init__(self, says: str, fix: str) -> None:
        super().__init__(says)
        self.says = says
        self.fix = fix


def _whole(text: str, low: int, high: int) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
        return int(text)
    raise _Unusable(f"{text[:40]!r} cannot be used", f"Write a whole number from {low} to {high}.")


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise _Unusable(str(error), "Write a comma list such as 10.1.0.0/16, ::1/128.") from None


def _host_name(text: str) -> str:
    name = text.lower().removesuffix(".")
    label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    if len(name) > 253 or not re.fullmatch(rf"{label}(?:\.{label})*", name):
        raise _Unusable(f"{text[:80]!r} is not the name of a host", "Write a comma list such as example.org, shop.example.com.")
    return name


def _port(text: str) -> int:
    try:
        return _whole(text, 1, 65535)
    except _Unusable as error:
        raise _Unusable(error.says, "Write a comma list of whole numbers from 1 to 65535.") from None


def _contact(text: str) -> str:
    """It stands in a comment of a header: nothing that could end either."""
    web, mail = r"https?://[A-Za-z0-9][A-Za-z0-9._~:/?#@!$&*+,=%-]{2,190}", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{3,128}"
    if not re.fullmatch(f"{web}|{mail}", text):
        fix = "Write one web address such as https://example.org/bot, or one mail address."
        raise _Unusable("is neither a web address nor a mail address", fix)
    return text


def _control(text: str) -> str:
    # Here and not above: nobody but the prober should load what it fetches with, unless this is set.
    from bot.evidence.fetch.url import Refused, read_url

    try:
        return read_url(text).url
    except Refused as error:
        says = f"{text[:80]!r} is no page the prober could ask ({error.reason})"
        raise _Unusable(says, f"Write a comma list of pages such as {HUB_URL}/.") from None


def _pace(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3})?", text) and float(text) <= EVIDENCE_PACE_MAX_S:
        return float(text)
    raise _Unusable(f"{text[:40]!r} cannot be used", f"Write seconds from 0 to {EVIDENCE_PACE_MAX_S}, such as 1 or 0.5.")


def _log_form(text: str) -> Literal["json", "console"]:
    if text == "json":
        return "json"
    if text == "console":
        return "console"
    raise _Unusable(f"{text[:40]!r} is not a form of log", "Write json or console.")


def _account(text: str) -> User:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise _Unusable(f"{text[:40]!r} is not a DoltHub user name", "Write the name of the bot's account.")
    return User(text)


def _token(text: str) -> Secret:
    if not re.fullmatch(r"[!-~]{1,4096}", text):
        raise _Unusable("holds characters no token has", "Copy the token again, without spaces or line breaks.")
    return Secret(text)


def _webhook_secret(text: str) -> Secret:
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{{SECRET_CHARS_MIN},256}}", text):
        raise _Unusable(
            f"is not {SECRET_CHARS_MIN} or more of the characters A-Z a-z 0-9 _ -",
            "Set it to the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return Secret(text)


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _hub_api(text: str) -> Literal["auto", "v2", "v1alpha1"]:
    match text:
        case "auto" | "v2" | "v1alpha1":
            return text
        case _:
            raise _Unusable(f"{text[:40]!r} is no API of DoltHub's", "Write v2, v1alpha1 or auto.")


def _hub_address(text: str) -> str:
    parts = _split(text)
    fix = f"Write the address of a DoltHub or DoltLab, such as {HUB_URL}."
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise _Unusable("is not a web address", fix)
    if parts.query or parts.fragment or parts.username or parts.password or not re.fullmatch(r"(/[\w.~-]+)*/?", parts.path):
        raise _Unusable("is more than an address", fix)
    if parts.scheme == "http" and not _near(parts.hostname):
        raise _Unusable("would send the token in clear text over the internet", "Write https:// instead.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _near(host: str) -> bool:
    """Whether a host is this machine or one of a private network, as far as its name tells."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".internal", ".local", ".lan"))


def _redis_url(text: str) -> Secret:
    parts = _split(text)
    if parts is None or parts.scheme not in ("redis", "rediss", "unix"):
        raise _Unusable("is not a Redis address", "Write redis://host:port/0, rediss://… or unix:///path/of/socket.")
    return Secret(text)
