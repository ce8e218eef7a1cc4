"""One piece of evidence, and what a kind of evidence is: its code, its label for people, its key and its canonical URL."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing. `url` is its canonical form: classified again it gives the same value. No two kinds share a `key`.

    `host` is the host of the forge or registry; `repo` is owner/name, group path, or package; `name` is the number, hash,
    tag, id, version or `ref/path`. All three may stand in a path: no `%`, no dot segment, no query.
    """

    kind: Kind
    key: str
    url: str
    host: str = ""
    repo: str = ""
    name: str = ""


def as_written(repo: str, name: str) -> tuple[str, str]:
    """Repository and name of a forge whose names differ in case."""
    return repo, name


def repo_folded(repo: str, name: str) -> tuple[str, str]:
    """Repository and name of a forge whose repositories do not differ in case alone."""
    return repo.lower(), name


def both_folded(repo: str, name: str) -> tuple[str, str]:
    """The same, where the name is a hexadecimal hash or does not differ in case either."""
    return repo.lower(), name.lower()


def spelled_by_parts(evidence: Evidence) -> tuple[str, ...]:
    """Repository, and the last part of the name."""
    return tuple(piece.lower() for piece in (evidence.repo, evidence.name.rpartition("/")[2]) if piece)


def spelled_by_hash(evidence: Evidence) -> tuple[str, ...]:
    """Repository, and the shortest form of a hash."""
    return evidence.repo.lower(), f"/{evidence.name[:7].lower()}"


def never_same(_one: Evidence, _other: Evidence) -> bool:
    """Two things with different keys are two things."""
    return False


def same_hash(one: Evidence, other: Evidence) -> bool:
    """Whether one of two hashes in one repository is short for the other."""
    if one.kind is not other.kind or (one.host, one.repo) != (other.host, other.repo):
        return False
    return one.name.startswith(other.name) or other.name.startswith(one.name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """What evidence can be.

    `code` stands in probe results and in JSON, `label` in comments. `key` and `url` are forms with `{host}`, `{site}`,
    `{repo}` and `{name}`; `bare_key` and `bare_url` are those of a thing without a name. At host `home` the key leaves the
    host out (`{site}` is empty), and the URL has the form `home_url` if there is one.

    `paths`: patterns of the whole path of a link, with groups `repo` and `name`. `fold`: repository and name as the forge
    compares them. `spelled`: pieces, lower-case and in order, that each spelling of the thing holds. `same`: whether two
    things with different keys, the first one of this kind, are one thing.
    """

    code: str
    label: str = ""
    key: str = ""
    url: str = ""
    bare_key: str = ""
    bare_url: str = ""
    home: str = ""
    home_url: str = ""
    paths: tuple[re.Pattern[str], ...] = ()
    fold: Callable[[str, str], tuple[str, str]] = as_written
    spelled: Callable[[Evidence], tuple[str, ...]] = spelled_by_parts
    same: Callable[[Evidence, Evidence], bool] = never_same

    def __repr__(self) -> str:
        return f"Kind({self.code!r})"

    def at(self, host: str, repo: str, name: str, *, plain: bool = False) -> Evidence:
        """A thing of this kind. `plain`: its canonical URL is http, as links of a forge on this machine are written.

        The parts must be folded, as `read` and the answers of a forge give them.
        """
        at_home = host == self.home
        site = "" if at_home else host.removeprefix("www.") + "/"
        key, url = self.key, (self.home_url if at_home else "") or self.url
        if not name:
            key, url = self.bare_key or key, self.bare_url or url
        return Evidence(
            kind=self,
            key=key.format(site=site, repo=repo, name=name),
            url=("http://" if plain else "https://") + url.format(host=host, repo=repo, name=name),
            host=host,
            repo=repo,
            name=name,
        )

    def parts(self, match: re.Match[str]) -> tuple[str, str]:
        """Repository and name of a link whose path matched."""
        found = match.groupdict()
        return self.fold(found.get("repo") or "", found.get("name") or "")


def patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    """Compiled patterns of paths."""
    return tuple(map(re.compile, texts))


# Groups of path patterns that several forges share.
NUMBER = r"(?P<name>[1-9][0-9]{0,17})"
HASH = r"(?P<name>[0-9a-fA-F]{7,40}|[0-9a-fA-F]{64})"
RAW = r"(?:\.diff|\.patch)?"
OWNER_AND_NAME = r"(?P<repo>[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}/(?!\.{1,2}/)[A-Za-z0-9_.-]{1,100})"
VERSION = r"(?P<name>[0-9][0-9A-Za-z.+!_-]{0,127})"
