"""What a piece of evidence is, by its text alone: its kind, and one key for all spellings of the same thing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from bot.evidence.fetch.url import Refused, canonical_key, read_url
from bot.evidence.forge.catalog import DESCRIPTORS, FILE_HOSTS, FORGES, PUBLIC_HOSTS, REGISTRIES
from bot.evidence.kind import Evidence, Kind

INFERENCE_CHARS_MAX: Final = 64 * 1024


def _spelled_nowhere(_: Evidence) -> tuple[str, ...]:
    return ()


def _spelled_page(evidence: Evidence) -> tuple[str, ...]:
    site, path, _ = _page(evidence.url)
    return tuple(piece.lower() for piece in (site, path.rpartition("/")[2]) if piece)


def _spelled_output(evidence: Evidence) -> tuple[str, ...]:
    return (json.loads(evidence.url)["output_hash"].removeprefix("sha256:"),)


def _same_page(one: Evidence, other: Evidence) -> bool:
    return one.kind is other.kind and _page(one.url) == _page(other.url)


URL: Final = Kind(code="url", spelled=_spelled_page, same=_same_page)
"""A URL of no known kind: a deployed site, an artifact."""
INFERENCE: Final = Kind(code="inference", label="inference result", spelled=_spelled_output)
"""The JSON of `wl infer`: output_hash, model and seed (Wasteland, type=inference)."""
TEXT: Final = Kind(code="text", label="text without a link", spelled=_spelled_nowhere)
"""No URL at all."""
REFUSED: Final = Kind(code="refused", spelled=_spelled_nowhere)
"""Written as an http URL, but the bot does not read it; `name` is the reason code of bot.evidence.fetch.url."""

KINDS: Final[Mapping[str, Kind]] = {
    kind.code: kind for kind in (*(kind for each in DESCRIPTORS for kind in each.kinds), URL, INFERENCE, TEXT, REFUSED)
}
"""All kinds by their code."""


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """Hosts the operator knows, as (host or host:port, name of its descriptor): `forges` beside the public ones, `registries`.

    A name that no descriptor has makes links of that host plain URLs.
    """

    forges: tuple[tuple[str, str], ...] = ()
    registries: tuple[tuple[str, str], ...] = ()

    def forge(self, authority: str) -> tuple[str, str] | None:
        """The forge at an authority, with or without `www.`, as (host, name); the operator's word goes first."""
        return _at(authority, (*self.forges, *PUBLIC_HOSTS))

    def hides(self, authority: str) -> bool:
        """Whether a page that answers 404 here may only be hidden: forges and registries answer so for what is private.

        That holds for the host itself and for the hosts below it (`gist.`, `codeload.`, `docs.`), whatever the page.
        """
        known = (*(host for host, _ in (*self.forges, *PUBLIC_HOSTS, *self.registries)), *FILE_HOSTS)
        bare = authority.removeprefix("www.")
        return any(f".{bare}".endswith("." + host.lower().removeprefix("www.")) for host in known)

    def registry(self, authority: str) -> tuple[str, str] | None:
        """The registry at an authority, as (host, name)."""
        return _at(authority, self.registries)


def _at(authority: str, known: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    bare = authority.removeprefix("www.")
    return next(((host.lower(), what) for host, what in known if host.lower().removeprefix("www.") == bare), None)


NO_KNOWN_HOSTS: Final = KnownHosts()


def classify(text: str, hosts: KnownHosts = NO_KNOWN_HOSTS) -> Evidence:
    """What one URL, or one whole cell of evidence without a URL, is. Opens no socket, never raises."""
    bare = text.strip()
    if not re.match(r"https?://", bare, re.IGNORECASE) or re.search(r"\s", bare):
        return _inference(bare) or Evidence(kind=TEXT, key=f"text:{_digest(bare)}", url=bare)
    try:
        target = read_url(bare)
    except Refused as refusal:
        return Evidence(kind=REFUSED, key=f"refused:{_digest(bare)}", url=bare, name=refusal.reason)
    scheme, authority = urlsplit(target.url)[:2]
    rooms = tuple(filter(None, (_forge_paths(authority, hosts), _registry_paths(authority, hosts))))
    key = canonical_key(target.url)
    if rooms:
        key = canonical_key(_unescaped(target.url)) or key
        # Forges read several slashes as one.
        path = re.sub("//+", "/", urlsplit(key.removeprefix("url:")).path).rstrip("/")
        for host, paths in rooms:
            for kind, pattern in paths:
                if match := pattern.fullmatch(path):
                    return kind.at(host, *kind.parts(match), plain=scheme == "http" and ":" in host)
    return Evidence(kind=URL, key=key, url=key.removeprefix("url:"))


def spelling(evidence: Evidence) -> tuple[str, ...]:
    """Pieces, lower-case and in this order, that each way of writing this thing holds; none for what cannot be looked for.

    But for escapes and dot segments: `%70ull` is `pull`. A search for pieces looks at texts with those as well.
    """
    return evidence.kind.spelled(evidence)


def same_thing(one: Evidence, other: Evidence) -> bool:
    """Whether two pieces of evidence are one thing. A short hash is that of any commit it begins.

    Wider than keys are: what is only written as something else to be taken for it is the same.
    """
    return one.key == other.key or one.kind.same(one, other)


# --- paths ------------------------------------------------------------------------------------------------------------

_Paths = tuple[tuple[Kind, "re.Pattern[str]"], ...]
_PATHS: Final[Mapping[str, _Paths]] = {
    each.name: tuple((kind, pattern) for kind in each.kinds for pattern in kind.paths) for each in DESCRIPTORS
}


def _forge_paths(authority: str, hosts: KnownHosts) -> tuple[str, _Paths] | None:
    """Host, and the paths of its links, for an authority that is a forge or another host of one."""
    if found := hosts.forge(authority):
        return found[0], _PATHS[found[1]] if found[1] in FORGES else ()
    for forge in FORGES.values():
        for door in forge.doors:
            if door.host == authority:
                return door.of, door.paths
            found = hosts.forge(authority.removeprefix(door.host)) if door.host.endswith(".") else None
            if found is not None and authority.startswith(door.host) and found[1] == forge.name:
                return found[0], door.paths
    return None


def _registry_paths(authority: str, hosts: KnownHosts) -> tuple[str, _Paths] | None:
    found = hosts.registry(authority)
    return (found[0], _PATHS[found[1]] if found[1] in REGISTRIES else ()) if found is not None else None


# --- small things -----------------------------------------------------------------------------------------------------

_UNRESERVED: Final = re.compile("%(2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])")


def _unescaped(url: str) -> str:
    """A URL with needless escapes undone (RFC 3986, 6.2.2.2): servers and browsers do so, and `%2e%2e` is a dot segment."""
    while (plain := _UNRESERVED.sub(lambda escape: chr(int(escape[1], 16)), url)) != url:
        url = plain
    return url


@lru_cache(maxsize=1024)
def _page(url: str) -> tuple[str, str, str]:
    """Site, path and query of a page as far as sites tell them apart: nearly all show one page with and without TLS, `www.`,
    a slash more or an escape that need not be."""
    plain = _unescaped(url)
    parts = urlsplit((canonical_key(plain) or f"url:{plain}").removeprefix("url:") if "/." in plain else plain)
    return parts.netloc.removeprefix("www."), re.sub("//+", "/", parts.path).rstrip("/"), parts.query


def _inference(text: str) -> Evidence | None:
    if not text.startswith("{") or len(text) > INFERENCE_CHARS_MAX:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    made, model, seed = found.get("output_hash"), found.get("model"), found.get("seed")
    if not isinstance(made, str) or not re.fullmatch(r"(?:sha256:)?[0-9a-fA-F]{64}", made):
        return None
    if not isinstance(model, str) or not model or type(seed) is not int:
        return None
    claim = {"output_hash": "sha256:" + made[-64:].lower(), "model": model, "seed": seed}
    canonical = json.dumps(claim, sort_keys=True, separators=(",", ":"))
    return Evidence(kind=INFERENCE, key=f"inference:{_digest(canonical)}", url=canonical)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
