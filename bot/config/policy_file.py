"""`stampbot.toml`, the operator's policy: text -> policies per commons, or every problem in it at once."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from bot.model.finding import Level
from bot.model.ids import Commons, Handle, User
from bot.model.policy import Comments, Landing, Policy, PosterMay, RatingStyle, Timing, Validator
from bot.model.registry import Registry

_VALUE_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its name, what is wrong with it, and how to fix it."""

    name: str
    says: str
    fix: str

    def __str__(self) -> str:
        return f"{self.name}: {self.says}. {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulings:
    """What the file says for one commons."""

    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """A whole file, read. `overrides` holds the commons that have a table of their own; `general` is for all others."""

    general: Rulings = field(default_factory=Rulings)
    overrides: tuple[tuple[Commons, Rulings], ...] = ()
    forges: tuple[tuple[str, str], ...] = ()
    registries: tuple[Registry, ...] = ()
    webhook_header: str = ""
    webhook_scheme: Literal["hmac-sha256", "plain"] = "hmac-sha256"

    def rulings(self, commons: Commons) -> Rulings:
        """What holds on this commons."""
        return dict(self.overrides).get(commons, self.general)


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema of `stampbot.toml`, shipped with the package."""
    loaded: Mapping[str, Any] = json.loads(files("bot.config").joinpath("settings.schema.json").read_text("utf-8"))
    return loaded


def did_you_mean(word: str, known: list[str]) -> str:
    """A sentence that names the nearest known word, or all of them if none is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(known))}."


def load(text: str, name: str) -> tuple[PolicyFile, tuple[Problem, ...]]:
    """Read the text of a file called `name`. Where there are problems, the policy given back is the default one."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return PolicyFile(), (Problem(name, f"is not TOML ({error})", "Fix the line it names."),)
    problems = tuple(_problems(document, name))
    return (PolicyFile(), problems) if problems else (_policy_file(document), ())


def _problems(document: Mapping[str, Any], name: str) -> Iterator[Problem]:
    for error in sorted(Draft202012Validator(schema()).iter_errors(document), key=lambda e: [str(p) for p in e.path]):
        yield from _of_error(error, name)
    for path, value in _leaves(document, ()):
        if isinstance(value, float) and not math.isfinite(value):
            yield Problem(_dotted(name, path), f"{value} is no number to count with", "Write a finite number.")
    for written in document.get("commons", {}) if isinstance(document.get("commons"), dict) else ():
        try:
            Commons.parse(written)
        except ValueError as error:
            yield Problem(_dotted(name, ("commons", written)), str(error), 'Write [commons."owner/database"].')


def _of_error(error: ValidationError, name: str) -> Iterator[Problem]:
    path = tuple(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema, dict) and "properties" in error.schema:
        known = list(error.schema["properties"])
        for key in error.instance if isinstance(error.instance, dict) else ():
            if key not in known:
                yield Problem(_dotted(name, (*path, str(key))), "is not a key of this file", did_you_mean(key, known))
        return
    if "propertyNames" in error.absolute_schema_path:
        yield Problem(_dotted(name, (*path, str(error.instance))), "is not a name that can stand here", _fix_of(error))
        return
    shown = json.dumps(error.instance, default=str)
    cut = shown if len(shown) <= _VALUE_SHOWN_CHARS else shown[:_VALUE_SHOWN_CHARS] + "…"
    yield Problem(_dotted(name, path), f"{cut} cannot be used", _fix_of(error))


def _fix_of(error: ValidationError | Any | None) -> str:
    if error is not None and error.validator == "enum" and isinstance(error.instance, str):
        words = error.schema["enum"] if isinstance(error.schema, dict) else ()
        near = difflib.get_close_matches(error.instance, [str(word) for word in words], n=1, cutoff=0.6)
        if near:
            return f"Did you mean {near[0]}?"
    said = error.schema.get("description") if error is not None and isinstance(error.schema, dict) else None
    return f"Expected: {said}" if said else "See bot/config/settings.schema.json for what can stand here."


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(n)))
    else:
        yield path, value


def _dotted(name: str, path: tuple[str, ...]) -> str:
    return " ".join((name, ".".join(json.dumps(p) if "/" in p or "." in p else p for p in path))).strip()


def _policy_file(document: Mapping[str, Any]) -> PolicyFile:
    return PolicyFile(
        general=_rulings(document),
        overrides=tuple(
            (Commons.parse(name), _rulings(_merged(document, table))) for name, table in document.get("commons", {}).items()
        ),
        forges=tuple(document.get("forges", {}).items()),
        registries=tuple(_registry(host, said) for host, said in document.get("registries", {}).items()),
        webhook_header=document.get("webhook", {}).get("header", ""),
        webhook_scheme=document.get("webhook", {}).get("scheme", "hmac-sha256"),
    )


def _merged(general: Mapping[str, Any], table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table over the general keys; `timing` and `levels` are merged key by key, everything else is replaced."""
    inner = {key: {**general.get(key, {}), **table.get(key, {})} for key in ("timing", "levels")}
    return {**general, **table, **inner}


def _rulings(table: Mapping[str, Any]) -> Rulings:
    default = Policy()
    timing = dict(table.get("timing", {}))
    if "confirm_dead_s" in timing:
        first, second = timing["confirm_dead_s"]
        timing["confirm_dead_s"] = (first, second)
    poster = table.get("poster_may_decide", False)
    return Rulings(
        policy=Policy(
            validators=tuple(_validator(entry) for entry in table.get("validators", ())),
            min_trust=table.get("min_trust", default.min_trust),
            poster_may_decide=PosterMay(poster) if poster else PosterMay.NOTHING,
            poster_min_trust=table.get("poster_min_trust", default.poster_min_trust),
            landing=Landing(table.get("landing", default.landing.value)),
            rating=RatingStyle(table.get("rating", default.rating.value)),
            comments=Comments(table.get("comment", default.comments.value)),
            min_age_s=table.get("min_age", 0) * 60,
            requests_per_minute=table.get("requests_per_minute", default.requests_per_minute),
            ignored_users=tuple(User(user) for user in table.get("ignored_users", ())),
            timing=Timing(**timing),
            projects={name: _lowered(repos) for name, repos in table.get("projects", {}).items()},
            logins={Handle(rig): _lowered(accounts) for rig, accounts in table.get("logins", {}).items()},
            levels={rule: None if level == "off" else Level(level) for rule, level in table.get("levels", {}).items()},
        ),
    )


def _registry(host: str, said: str | Mapping[str, str]) -> Registry:
    return Registry(host=host, kind=said) if isinstance(said, str) else Registry(host=host, **said)


def _lowered(texts: list[str]) -> tuple[str, ...]:
    """Forges do not tell names apart by case."""
    return tuple(text.lower() for text in texts)


def _validator(entry: str | Mapping[str, str]) -> Validator:
    if isinstance(entry, str):
        return Validator(User(entry))
    rig = entry.get("rig")
    return Validator(User(entry["user"]), Handle(rig) if rig is not None else None)
