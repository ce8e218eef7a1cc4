"""The two files of a new installation, `stampbot.toml` and `stampbot.env`, from what `stampbot init` asked. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.config.readers import HUB_URL, Secret
from bot.config.settings import CONFIG_NAME, CommonsSettings, Settings
from bot.config.variable import Unusable, variables_of
from bot.model.ids import Commons, Handle, User
from bot.model.policy import Decisions, Validator

ENVIRONMENT_NAME: Final = "stampbot.env"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/@%+=,-]*")
"""A value that a shell, systemd and compose read as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSettings:
    """What `stampbot init` was told and made. Without `redis_url`, `stampbot run --redis` brings a Redis along."""

    commons: Commons
    hub_url: str
    hub_token: Secret
    webhook_secret: Secret
    account: User | None = None
    validators: tuple[Validator, ...] = ()
    redis_url: Secret | None = None

    def variables(self, folder: Path) -> dict[str, str]:
        """The environment variables, by name; the policy file lies in `folder`."""
        general, own = variables_of(Settings), variables_of(CommonsSettings)
        found = {
            "STAMPBOT_COMMONS": str(self.commons),
            general["hub_url"].name: self.hub_url if self.hub_url != HUB_URL else "",
            own["hub_token"].name: self.hub_token.reveal(),
            general["account"].name: self.account or "",
            own["webhook_secret"].name: self.webhook_secret.reveal(),
            general["redis_url"].name: self.redis_url.reveal() if self.redis_url is not None else "",
            general["config_path"].name: str(folder / CONFIG_NAME),
        }
        return {name: text for name, text in found.items() if text}

    def policy_text(self) -> str:
        """The text of stampbot.toml: the bot watches until an operator changes that line."""
        people = "".join(f"\n  {_person(each)}," for each in self.validators)
        return "\n".join(
            (
                "# Every key and its default: stampbot settings",
                "",
                '# "watch": reviews are posted, commands are answered with what they would do, nothing is merged or written.',
                '# "carry out": decisions of validators are carried out.',
                f"decisions = {_quoted(Decisions.WATCH.value)}",
                "",
                "# Who may decide, beside the owners of rigs with enough trust (min_trust) on main.",
                f"validators = [{people}\n]" if people else "validators = []",
                "",
            )
        )


def environment_text(variables: Mapping[str, str]) -> str:
    """The text of stampbot.env: a shell, systemd (EnvironmentFile) and compose (env_file) read the same from it.

    Raises Unusable where they would not.
    """
    lines = ["# Holds secrets: for the user alone that runs the bot. The policy stands in stampbot.toml."]
    for name, text in variables.items():
        if _PLAIN.fullmatch(text):
            lines.append(f"{name}={text}")
        elif set(text) & set("'\\\r\n\0"):
            raise Unusable(
                f"{name} holds a character that a shell and systemd read in different ways",
                f"Write it into a file of its own, and set {name}_FILE to the path of that file.",
            )
        else:
            lines.append(f"{name}='{text}'")
    return "\n".join((*lines, ""))


def validator(text: str) -> Validator:
    """`user`, or `user=rig`. Raises Unusable."""
    user, given, rig = (part.strip() for part in text.partition("="))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", user) or (given and not 1 <= len(rig) <= 255):
        raise Unusable(f"{text[:80]!r} names no validator", "Write a comma list of users, such as bo, ana=ana-town (user=rig).")
    return Validator(User(user), Handle(rig) if rig else None)


def _person(each: Validator) -> str:
    if each.rig is None:
        return _quoted(each.user)
    return f"{{ user = {_quoted(each.user)}, rig = {_quoted(each.rig)} }}"


def _quoted(text: str) -> str:
    """A basic string of TOML, which is one of JSON; but TOML wants DEL escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
