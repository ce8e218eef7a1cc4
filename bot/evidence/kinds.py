"""What a piece of evidence is, told from its text alone: its kind, and one key for all spellings of the same thing."""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from bot.evidence.fetch.url import Refused, canonical_key, read_url

INFERENCE_CHARS_MAX: Final = 64 * 1024

PUBLIC_FORGES: Final = (
    ("github.com", "github"),
    ("gitlab.com", "gitlab"),
    ("bitbucket.org", "bitbucket"),
    ("codeberg.org", "gitea"),
    ("www.dolthub.com", "dolthub"),
)
"""Forges whose addresses everybody reads alike. That a link is read says nothing of whether anybody asks there."""

_FILE_HOSTS: Final = ("githubusercontent.com",)
"""Hosts of other names that keep the files of a public forge, and hide what it hides."""


class Kind(enum.Enum):
    """What evidence can be."""

    GITHUB_PULL = "github_pull"
    GITHUB_COMMIT = "github_commit"
    GITHUB_ISSUE = "github_issue"
    GITHUB_RELEASE = "github_release"
    GITHUB_RUN = "github_run"
    GITHUB_GIST = "github_gist"
    GITHUB_FILE = "github_file"
    GITHUB_REPO = "github_repo"
    GITLAB_MERGE_REQUEST = "gitlab_merge_request"
    GITLAB_COMMIT = "gitlab_commit"
    BITBUCKET_PULL = "bitbucket_pull"
    BITBUCKET_COMMIT = "bitbucket_commit"
    GITEA_PULL = "gitea_pull"
    GITEA_COMMIT = "gitea_commit"
    DOLTHUB_PULL = "dolthub_pull"
    DOLTHUB_COMMIT = "dolthub_commit"
    NPM_PACKAGE = "npm_package"
    PYPI_PACKAGE = "pypi_package"
    OCI_IMAGE = "oci_image"
    URL = "url"
    """A URL of no known kind: a deployed site, an artifact."""
    INFERENCE = "inference"
    """The JSON of `wl infer`: output_hash, model and seed (Wasteland, type=inference)."""
    TEXT = "text"
    """No URL at all."""
    REFUSED = "refused"
    """Written as an http URL, but not one we would read; `name` is the reason code of bot.evidence.fetch.url."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing. `url` is its canonical form: classified again it gives the same value. No two kinds share a `key`.

    `host` is the forge as it is known to us; `repo` is owner/name, group path, or package; `name` is the number, hash,
    tag, id, version or `ref/path`. All three are fit to stand in a path: no `%`, no dot segment, no query.
    """

    kind: Kind
    key: str
    url: str
    host: str = ""
    repo: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """Hosts the operator knows, as (host or host:port, what it is): `forges` beside the public ones, and `registries`.

    Forges: github, gitlab, gitea, bitbucket, dolthub. Registries: npm, pypi, oci; other words are no kind of ours.
    """

    forges: tuple[tuple[str, str], ...] = ()
    registries: tuple[tuple[str, str], ...] = ()

    def forge(self, authority: str) -> tuple[str, str] | None:
        """The forge at an authority, with or without `www.`, as (host, what it is); the operator's word goes first."""
        return _at(authority, (*self.forges, *PUBLIC_FORGES))

    def hides(self, authority: str) -> bool:
        """Whether a page that answers 404 here may only be hidden: forges and registries answer so for what is private.

        That holds for the host itself and for the hosts below it (`gist.`, `codeload.`, `docs.`), whatever the page.
        """
        known = (*(host for host, _ in (*self.forges, *PUBLIC_FORGES, *self.registries)), *_FILE_HOSTS)
        bare = authority.removeprefix("www.")
        return any(f".{bare}".endswith("." + host.lower().removeprefix("www.")) for host in known)

    def registry(self, authority: str) -> tuple[str, str] | None:
        """The registry at an authority, as (host, what it is)."""
        return _at(authority, self.registries)


def _at(authority: str, known: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    bare = authority.removeprefix("www.")
    return next(((host.lower(), what) for host, what in known if host.lower().removeprefix("www.") == bare), None)


NOBODY: Final = KnownHosts()


def classify(text: str, hosts: KnownHosts = NOBODY) -> Evidence:
    """What one URL, or one whole cell of evidence without a URL, is. Opens no socket, never raises."""
    bare = text.strip()
    if not re.match(r"https?://", bare, re.IGNORECASE) or re.search(r"\s", bare):
        return _inference(bare) or Evidence(kind=Kind.TEXT, key=f"text:{_digest(bare)}", url=bare)
    try:
        target = read_url(bare)
    except Refused as refusal:
        return Evidence(kind=Kind.REFUSED, key=f"refused:{_digest(bare)}", url=bare, name=refusal.reason)
    scheme, authority = urlsplit(target.url)[:2]
    forge, registry = _forge_at(authority, hosts), hosts.registry(authority)
    key = canonical_key(target.url)
    if forge or registry:
        key = canonical_key(_unescaped(target.url)) or key
        # Forges read several slashes as one.
        path = re.sub("//+", "/", urlsplit(key.removeprefix("url:")).path).rstrip("/")
        rooms = ((forge[0], _PATHS.get(forge[1], ())) if forge else None, _registry_room(registry))
        for host, room in filter(None, rooms):
            for kind, pattern in room:
                if match := pattern.fullmatch(path):
                    return evidence_of(kind, host, *_parts(kind, match), plain=scheme == "http" and ":" in host)
    return Evidence(kind=Kind.URL, key=key, url=key.removeprefix("url:"))


def evidence_of(kind: Kind, host: str, repo: str, name: str, *, plain: bool = False) -> Evidence:
    """The evidence that a thing of a known forge or registry is; what a forge's answer names is made with it too.

    `plain`: its canonical URL is http, as a forge on this machine is written. Parts must be as `classify` makes them.
    """
    site = "" if host == "github.com" else host.removeprefix("www.") + "/"
    key, url = _FORMS[kind]
    if kind in (Kind.NPM_PACKAGE, Kind.PYPI_PACKAGE) and not name:
        key, url = key.removesuffix("@{name}"), url.removesuffix("/v/{name}").removesuffix("/{name}")
    if kind is Kind.OCI_IMAGE and not name:
        key, url = key.removesuffix("@{name}"), "{host}/r/{repo}"
    if kind is Kind.GITHUB_GIST and host == "github.com":
        url = "gist.{host}/{name}"
    return Evidence(
        kind=kind,
        key=key.format(site=site, repo=repo, name=name),
        url=("http://" if plain else "https://") + url.format(host=host, repo=repo, name=name),
        host=host,
        repo=repo,
        name=name,
    )


_FORMS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.GITHUB_PULL: ("github:pr:{site}{repo}#{name}", "{host}/{repo}/pull/{name}"),
    Kind.GITHUB_COMMIT: ("github:commit:{site}{repo}@{name}", "{host}/{repo}/commit/{name}"),
    Kind.GITHUB_ISSUE: ("github:issue:{site}{repo}#{name}", "{host}/{repo}/issues/{name}"),
    Kind.GITHUB_RELEASE: ("github:release:{site}{repo}@{name}", "{host}/{repo}/releases/tag/{name}"),
    Kind.GITHUB_RUN: ("github:run:{site}{repo}#{name}", "{host}/{repo}/actions/runs/{name}"),
    Kind.GITHUB_GIST: ("github:gist:{site}{name}", "{host}/gist/{name}"),
    Kind.GITHUB_FILE: ("github:file:{site}{repo}@{name}", "{host}/{repo}/tree/{name}"),
    Kind.GITHUB_REPO: ("github:repo:{site}{repo}", "{host}/{repo}"),
    Kind.GITLAB_MERGE_REQUEST: ("gitlab:mr:{site}{repo}!{name}", "{host}/{repo}/-/merge_requests/{name}"),
    Kind.GITLAB_COMMIT: ("gitlab:commit:{site}{repo}@{name}", "{host}/{repo}/-/commit/{name}"),
    Kind.BITBUCKET_PULL: ("bitbucket:pr:{site}{repo}#{name}", "{host}/{repo}/pull-requests/{name}"),
    Kind.BITBUCKET_COMMIT: ("bitbucket:commit:{site}{repo}@{name}", "{host}/{repo}/commits/{name}"),
    Kind.GITEA_PULL: ("gitea:pr:{site}{repo}#{name}", "{host}/{repo}/pulls/{name}"),
    Kind.GITEA_COMMIT: ("gitea:commit:{site}{repo}@{name}", "{host}/{repo}/commit/{name}"),
    Kind.DOLTHUB_PULL: ("dolthub:pr:{site}{repo}#{name}", "{host}/repositories/{repo}/pulls/{name}"),
    Kind.DOLTHUB_COMMIT: ("dolthub:commit:{site}{repo}@{name}", "{host}/repositories/{repo}/commits/{name}"),
    Kind.NPM_PACKAGE: ("npm:{site}{repo}@{name}", "{host}/package/{repo}/v/{name}"),
    Kind.PYPI_PACKAGE: ("pypi:{site}{repo}@{name}", "{host}/project/{repo}/{name}"),
    Kind.OCI_IMAGE: ("oci:{site}{repo}@{name}", "{host}/v2/{repo}/manifests/{name}"),
}
"""Key and canonical URL of each kind. The host is left out of a key where it is github.com."""


def spelling(evidence: Evidence) -> tuple[str, ...]:
    """Pieces, lower-case and in this order, that each way of writing this thing holds; none for what cannot be looked for.

    But for escapes and dot segments: `%70ull` is `pull`. Whoever looks for pieces looks at texts with those as well.
    """
    match evidence.kind:
        case Kind.TEXT | Kind.REFUSED:
            return ()
        case Kind.INFERENCE:
            return (json.loads(evidence.url)["output_hash"].removeprefix("sha256:"),)
        case Kind.URL:
            site, path, _ = _page(evidence.url)
            return tuple(piece.lower() for piece in (site, path.rpartition("/")[2]) if piece)
        case Kind.GITHUB_GIST:
            return (evidence.name.partition("/")[0].lower(),)
        case Kind.GITHUB_PULL | Kind.GITHUB_ISSUE:
            # One may be written as the other, since GitHub counts both together.
            return f"{evidence.repo.lower()}", f"/{evidence.name}"
        case kind if kind in _HASHES:
            return evidence.repo.lower(), f"/{evidence.name[:7].lower()}"
        case Kind.PYPI_PACKAGE:
            return tuple(piece.lower() for piece in (*evidence.repo.split("-"), evidence.name) if piece)
        case _:
            return tuple(piece.lower() for piece in (evidence.repo, evidence.name.rpartition("/")[2]) if piece)


def same_thing(one: Evidence, other: Evidence) -> bool:
    """Whether two pieces of evidence are one thing. A short hash is that of any commit it begins.

    Wider than keys are: what is only written as something else to be taken for it is the same.
    """
    if one.key == other.key:
        return True
    if one.kind is other.kind is Kind.URL:
        return _page(one.url) == _page(other.url)
    if one.kind is other.kind and one.host == "www.dolthub.com" and one.key.lower() == other.key.lower():
        return True
    if (one.host, one.repo) != (other.host, other.repo) or not one.host:
        return False
    numbered = {Kind.GITHUB_PULL, Kind.GITHUB_ISSUE}
    if {one.kind, other.kind} == numbered:
        return one.name == other.name
    # The name of a gist is whole; its version may be left out.
    end = "/" if one.kind is Kind.GITHUB_GIST else ""
    a, b = one.name + end, other.name + end
    return one.kind is other.kind and one.kind in _HASHES and (a.startswith(b) or b.startswith(a))


# --- paths ------------------------------------------------------------------------------------------------------------

_N: Final = r"(?P<name>[1-9][0-9]{0,17})"
_SHA: Final = r"(?P<name>[0-9a-fA-F]{7,40}|[0-9a-fA-F]{64})"
_RAW: Final = r"(?:\.diff|\.patch)?"
_TWO: Final = r"(?P<repo>[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}/(?!\.{1,2}/)[A-Za-z0-9_.-]{1,100})"
# Legacy and enterprise-managed GitHub accounts may end in a hyphen or hold an underscore. Repositories may begin with a dot.
_GITHUB_REPO: Final = r"(?P<repo>[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}(?:\.git)*(?:/|$))[A-Za-z0-9._-]{1,100}?)(?:\.git)*"
_GITHUB_OWN_PAGES: Final = (
    r"(?!/(?:about|account|apps|codespaces|collections|contact|customer-stories|dashboard|enterprise|events|explore|features"
    r"|gist|gists|issues|join|login|logout|marketplace|new|notifications|organizations|orgs|pricing|pulls|raw|readme|search"
    r"|security|sessions|settings|signup|site|sponsors|stars|team|topics|trending|users|watching)/)"
)
# Visible characters that stand in a ref or path as they are; `..` never, not even between other characters.
_TEXT: Final = r"(?P<name>(?!.*(?:\.\.|//))[A-Za-z0-9_~!$&'()*+,;=:@.-][A-Za-z0-9_~!$&'()*+,;=:@./-]*)"
_GITLAB_REPO: Final = r"(?P<repo>[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}){1,20})"
_DOLT_REPO: Final = r"(?P<repo>[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127})"
_DOLT_HASH: Final = r"(?P<name>[0-9a-v]{32})"
_GIST: Final = r"(?P<name>(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{20})(?:/[0-9a-fA-F]{40})?|[0-9]{1,12})"

_Paths = tuple[tuple[Kind, "re.Pattern[str]"], ...]


def _paths(*pairs: tuple[Kind, str]) -> _Paths:
    return tuple((kind, re.compile(pattern)) for kind, pattern in pairs)


_PATHS: Final[Mapping[str, _Paths]] = {
    "github": _paths(
        (Kind.GITHUB_PULL, rf"/{_GITHUB_REPO}/pull/{_N}(?:{_RAW}|/(?:files|commits|checks|changes|conflicts)(?:/.*)?)"),
        (Kind.GITHUB_COMMIT, rf"/{_GITHUB_REPO}/commit/{_SHA}(?:{_RAW}|/checks)"),
        (Kind.GITHUB_ISSUE, rf"/{_GITHUB_REPO}/issues/{_N}"),
        (Kind.GITHUB_RELEASE, rf"/{_GITHUB_REPO}/releases/tag/{_TEXT}"),
        (Kind.GITHUB_RUN, rf"/{_GITHUB_REPO}/actions/runs/{_N}(?:/(?:job|attempts|artifacts|workflow|usage)(?:/.*)?)?"),
        (Kind.GITHUB_GIST, rf"/gist/(?:[A-Za-z0-9][A-Za-z0-9_-]{{0,38}}/)?{_GIST}"),
        (Kind.GITHUB_FILE, rf"/{_GITHUB_REPO}/(?:blob|tree|raw|blame)/(?:refs/(?:heads|tags)/)?{_TEXT}"),
        (Kind.GITHUB_REPO, _GITHUB_OWN_PAGES + rf"/{_GITHUB_REPO}"),
    ),
    "github api": _paths(
        (Kind.GITHUB_PULL, rf"/repos/{_GITHUB_REPO}/pulls/{_N}"),
        (Kind.GITHUB_COMMIT, rf"/repos/{_GITHUB_REPO}/(?:git/)?commits/{_SHA}"),
        (Kind.GITHUB_ISSUE, rf"/repos/{_GITHUB_REPO}/issues/{_N}"),
    ),
    "github gist": _paths(
        (Kind.GITHUB_GIST, rf"/(?:[A-Za-z0-9][A-Za-z0-9_-]{{0,38}}/)?{_GIST}(?:\.git)?"),
    ),
    "github raw": _paths((Kind.GITHUB_FILE, rf"/{_GITHUB_REPO}/(?:refs/(?:heads|tags)/)?{_TEXT}")),
    # Where GitHub sends those who ask for a pull's `.diff` or `.patch`.
    "github patches": _paths((Kind.GITHUB_PULL, rf"/raw/{_GITHUB_REPO}/pull/{_N}{_RAW}")),
    "gitlab": _paths(
        (
            Kind.GITLAB_MERGE_REQUEST,
            rf"/{_GITLAB_REPO}(?:/-)?/merge_requests/{_N}(?:{_RAW}|/(?:diffs|commits|pipelines|conflicts|reports)(?:/.*)?)",
        ),
        (Kind.GITLAB_COMMIT, rf"/{_GITLAB_REPO}(?:/-)?/commit/{_SHA}(?:{_RAW}|/pipelines)"),
    ),
    "bitbucket": _paths(
        (Kind.BITBUCKET_PULL, rf"/{_TWO}/pull-requests/{_N}(?:/.*)?"),
        (Kind.BITBUCKET_COMMIT, rf"/{_TWO}/commits/{_SHA}"),
    ),
    "gitea": _paths(
        (Kind.GITEA_PULL, rf"/{_TWO}/pulls/{_N}(?:{_RAW}|/(?:files|commits)(?:/.*)?)"),
        (Kind.GITEA_COMMIT, rf"/{_TWO}/commit/{_SHA}{_RAW}"),
    ),
    # The address of a commit's page on DoltHub is not documented: `commits/HASH` and `commit/HASH` are INFERRED.
    "dolthub": _paths(
        (Kind.DOLTHUB_PULL, rf"/(?:repositories|api/v2/databases)/{_DOLT_REPO}/pulls/{_N}(?:/.*)?"),
        (Kind.DOLTHUB_COMMIT, rf"/repositories/{_DOLT_REPO}/commits?/{_DOLT_HASH}"),
    ),
}

_NPM_NAME: Final = r"(?P<repo>(?:(?:@|%40)[a-z0-9~-][a-z0-9._~-]*(?:/|%2[fF]))?[A-Za-z0-9~_-][A-Za-z0-9._~-]*)"
_VERSION: Final = r"(?P<name>[0-9][0-9A-Za-z.+!_-]{0,127})"
_OCI_NAME: Final = r"(?P<repo>[a-z0-9]+(?:(?:\.|_{1,2}|-{1,8})[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-{1,8})[a-z0-9]+)*){0,8})"
_OCI_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_OCI_DIGEST: Final = r"sha256:[0-9a-f]{64}"

_REGISTRIES: Final[Mapping[str, _Paths]] = {
    "npm": _paths(
        (Kind.NPM_PACKAGE, rf"/package/{_NPM_NAME}(?:/v/{_VERSION})?"),
        (Kind.NPM_PACKAGE, rf"/{_NPM_NAME}/{_VERSION}"),
    ),
    "pypi": _paths(
        (Kind.PYPI_PACKAGE, rf"/(?:project|simple)/(?P<repo>[A-Za-z0-9][A-Za-z0-9._-]*)(?:/{_VERSION})?"),
        (Kind.PYPI_PACKAGE, rf"/pypi/(?P<repo>[A-Za-z0-9][A-Za-z0-9._-]*)(?:/{_VERSION})?/json"),
    ),
    "oci": _paths(
        (Kind.OCI_IMAGE, rf"/v2/{_OCI_NAME}/manifests/(?P<name>{_OCI_DIGEST}|{_OCI_TAG})"),
        (Kind.OCI_IMAGE, rf"/{_OCI_NAME}(?::{_OCI_TAG})?@(?P<name>{_OCI_DIGEST})"),
        (Kind.OCI_IMAGE, rf"/{_OCI_NAME}:(?P<name>{_OCI_TAG})"),
        (Kind.OCI_IMAGE, rf"/r/{_OCI_NAME}/tags"),
        (Kind.OCI_IMAGE, rf"/r/{_OCI_NAME}"),
    ),
}


def _forge_at(authority: str, hosts: KnownHosts) -> tuple[str, str] | None:
    """Host, and which of _PATHS are its, for an authority that is a forge or a side door of one."""
    if found := hosts.forge(authority):
        return found
    match authority:
        case "api.github.com":
            return "github.com", "github api"
        case "raw.githubusercontent.com":
            return "github.com", "github raw"
        case "patch-diff.githubusercontent.com":
            return "github.com", "github patches"
    first, _, parent = authority.partition(".")
    found = hosts.forge(parent) if first == "gist" else None
    return (found[0], "github gist") if found is not None and found[1] == "github" else None


def _registry_room(registry: tuple[str, str] | None) -> tuple[str, _Paths] | None:
    return (registry[0], _REGISTRIES.get(registry[1], ())) if registry is not None else None


_FOLDS: Final = frozenset(kind for kind in Kind if kind.value.startswith(("github_", "gitlab_", "bitbucket_", "gitea_")))
"""Kinds of forges whose names differ in more than case. DoltHub does not say; npm and OCI names do not fold."""
_HASHES: Final = frozenset({Kind.GITHUB_COMMIT, Kind.GITLAB_COMMIT, Kind.BITBUCKET_COMMIT, Kind.GITEA_COMMIT, Kind.GITHUB_GIST})


def _parts(kind: Kind, match: re.Match[str]) -> tuple[str, str]:
    """Repository and name, as the forge folds them."""
    found = match.groupdict()
    repo, name = found.get("repo") or "", found.get("name") or ""
    if kind is Kind.NPM_PACKAGE:
        repo = re.sub("%2f", "/", repo.replace("%40", "@"), flags=re.IGNORECASE)
    if kind is Kind.PYPI_PACKAGE:
        # Names that differ in case, dots, dashes or underscores are one (Python packaging: normalized names).
        repo, name = re.sub("[-_.]+", "-", repo).lower(), name.lower()
    return repo.lower() if kind in _FOLDS else repo, name.lower() if kind in _HASHES else name


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
    return Evidence(kind=Kind.INFERENCE, key=f"inference:{_digest(canonical)}", url=canonical)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
