"""`stampbot.toml`, the operator's policy: text -> policies per commons, or every problem in it at once."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from bot.evidence.forge.catalog import FORGES, REGISTRIES
from bot.model.ids import Commons
from bot.model.policy import Policy
from bot.model.policy_key import Shape, key, keys_of, properties_of, table_of, values_of
from bot.model.registry import Registry

_VALUE_SHOWN_CHARS = 60
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL: Final = "[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME: Final = rf"(?:{_LABEL}\.)*{_TOP_LABEL}"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_PORT: Final = "(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))"
_PATH: Final = r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?"


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its name, what is wrong with it, and how to fix it."""

    name: str
    says: str
    fix: str

    def __str__(self) -> str:
        return f"{self.name}: {self.says}. {self.fix}"


_HOST: Final[Shape] = {
    "description": "A host, with its port where it has one of its own: git.example.org, git.example.org:8443.",
    "type": "string",
    "maxLength": 200,
    "pattern": rf"^(?:{_NAME}|{_IPV4}){_PORT}?(?!\n)$",
}
_ROOT: Final[Shape] = {
    "description": 'The root of an API, such as "https://registry.example.com/npm": https, or http on this machine.',
    "type": "string",
    "maxLength": 400,
    "pattern": rf"^(?:https://(?:{_NAME}|{_IPV4})|http://(?:localhost|127(?:\.{_OCTET}){{3}})){_PORT}?{_PATH}(?!\n)$",
}
_FORGES: Final[Shape] = {
    "type": "object",
    "propertyNames": _HOST,
    "additionalProperties": {"description": f"One of {_quoted(tuple(FORGES))}.", "enum": [*FORGES]},
}
_REGISTRY_KIND: Final[Shape] = {
    "description": f'One of {_quoted(tuple(REGISTRIES))}; or a table {{kind = "npm", api = "https://registry.example.com/npm"}}.',
    "enum": [*REGISTRIES],
}
_REGISTRY: Final[Shape] = {
    "description": 'A table such as {kind = "npm", api = "https://registry.example.com/npm"}; a registry of kind oci may '
    'have a realm too: the address that gives out its tokens, such as "https://auth.example.com/token".',
    "type": "object",
    "additionalProperties": False,
    "required": ["kind"],
    "properties": {
        "kind": {"description": f"One of {_quoted(tuple(REGISTRIES))}.", "enum": [*REGISTRIES]},
        "api": _ROOT,
        "realm": _ROOT,
    },
    "if": {"required": ["realm"]},
    "then": {"properties": {"kind": {"description": '"oci": no other kind of registry has a realm.', "const": "oci"}}},
}
_REGISTRIES: Final[Shape] = {
    "type": "object",
    "propertyNames": _HOST,
    "additionalProperties": {"if": {"type": "object"}, "then": _REGISTRY, "else": _REGISTRY_KIND},
}
_WEBHOOK: Final[Shape] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["header"],
    "properties": {
        "header": {
            "description": "Name of an HTTP header, as the webhook's delivery page shows it.",
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$",
        },
        "scheme": {
            "description": '"hmac-sha256" (of the body) or "plain" (the key itself).',
            "enum": ["hmac-sha256", "plain"],
        },
    },
}


def _registries(table: Mapping[str, str | Mapping[str, str]]) -> tuple[Registry, ...]:
    written = {host: {"kind": entry} if isinstance(entry, str) else entry for host, entry in table.items()}
    return tuple(Registry(host=host, **entry) for host, entry in written.items())


def _forges(table: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(table.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookHeader:
    """A header that each webhook must carry, made with STAMPBOT_WEBHOOK_KEY by `scheme`. An empty name: none."""

    header: str = ""
    scheme: Literal["hmac-sha256", "plain"] = "hmac-sha256"


def _webhook(table: Mapping[str, Any]) -> WebhookHeader:
    return WebhookHeader(**table)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """A whole file, read. `overrides` holds the commons that have a table of their own; `general` is for all others."""

    general: Policy = field(default_factory=Policy)
    overrides: tuple[tuple[Commons, Policy], ...] = ()
    forges: tuple[tuple[str, str], ...] = key(
        (),
        f'A table of Git forges you trust, host = kind, such as "gitlab.com" = "gitlab"; kinds: {", ".join(FORGES)}',
        _FORGES,
        read=_forges,
    )
    registries: tuple[Registry, ...] = key(
        (),
        'A table of artifact registries you trust, host = kind, such as "registry.example.com" = "npm"; '
        f"kinds: {', '.join(REGISTRIES)}. Where its API has another root: "
        '{kind = "npm", api = "https://registry.example.com/npm"}',
        _REGISTRIES,
        read=_registries,
    )
    webhook: WebhookHeader = key(
        WebhookHeader(),
        "A table with header and scheme: a header of each webhook that is checked with STAMPBOT_WEBHOOK_KEY",
        _WEBHOOK,
        read=_webhook,
    )

    def policy(self, commons: Commons) -> Policy:
        """What holds on this commons."""
        return dict(self.overrides).get(commons, self.general)


@cache
def schema() -> Shape:
    """The JSON Schema of `stampbot.toml`, made from the keys that the fields of Policy and PolicyFile declare."""
    of_one = {"description": "A table of overrides for one commons.", **table_of(Policy)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:stampbot:settings:1",
        "title": "stampbot.toml",
        "description": "The operator's policy. Keys at the top hold for every commons; "
        'a table [commons."owner/database"] overrides them for one.',
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **properties_of(Policy),
            **properties_of(PolicyFile),
            "commons": {
                "description": 'Tables of overrides, [commons."owner/database"].',
                "type": "object",
                "additionalProperties": of_one,
            },
        },
    }


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
    return f"Expected: {said}" if said else "See stampbot.toml in docs/settings.md for what may stand here."


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
    tables = document.get("commons", {}).items()
    return PolicyFile(
        general=_policy(document),
        overrides=tuple((Commons.parse(name), _policy(_merged(document, table))) for name, table in tables),
        **values_of(PolicyFile, document),
    )


def _policy(table: Mapping[str, Any]) -> Policy:
    return Policy(**values_of(Policy, table))


def _merged(general: Mapping[str, Any], table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of one commons over the general keys: some tables are merged key by key, everything else is replaced."""
    merged = [each.name for each in keys_of(Policy).values() if each.merged]
    return {**general, **table, **{name: {**general.get(name, {}), **table.get(name, {})} for name in merged}}
