"""What registries of packages and images answer about the made-up ones, as values.

The shapes are from memory of the public API documentation (npm's registry, the JSON API of PyPI, the OCI distribution
specification), cut down to the fields a reader of evidence needs; they are not recordings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sandbox.lookalikes.forge_seed import Day
from sandbox.lookalikes.registry_seed import NPM, OCI, PYPI, SeedPackage, SeedVersion, digest, manifest


@dataclass(frozen=True, slots=True)
class Shape:
    """One answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def npm(path: str, day: Day) -> Shape:
    """The answer to a GET of npm's registry: a package, or one version of it. A scoped name may be written with `%2F`."""
    match = re.fullmatch(r"/((?:@[\w.-]+/)?[\w.-]+)(?:/([\w.+-]+))?", unquote(path))
    name, version = (match[1], match[2]) if match else ("", None)
    package = NPM.get(name)
    if package is None:
        return _json(404, {"error": "Not found"})
    if version is None:
        return _json(
            200,
            {
                "_id": name,
                "name": name,
                "dist-tags": {"latest": package.latest},
                "versions": {each: _npm_version(name, package, each) for each in package.versions},
                "time": {each: found.published(day) for each, found in package.versions.items()},
            },
        )
    named = package.latest if version == "latest" else version
    if named not in package.versions:
        return _json(404, f"version not found: {version}")
    return _json(200, _npm_version(name, package, named))


def _npm_version(name: str, package: SeedPackage, version: str) -> dict[str, Any]:
    found = package.versions[version]
    content = f"{name}@{version}".encode()
    deprecated = {"deprecated": found.deprecated} if found.deprecated else {}
    return {
        "_id": f"{name}@{version}",
        "name": name,
        "version": version,
        "description": package.about,
        "repository": {"type": "git", "url": package.source},
        "_npmUser": {"name": found.author, "email": f"{found.author}@example.org"},
        "dist": {
            "integrity": f"sha512-{hashlib.sha512(content).hexdigest()[:86]}==",
            "shasum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            "tarball": f"https://registry.example.com/{name}/-/{name.rpartition('/')[2]}-{version}.tgz",
            "fileCount": found.files,
        },
        **deprecated,
    }


def pypi(path: str, day: Day) -> Shape:
    """The answer to a GET of PyPI's JSON API: a project with its latest release, or one release."""
    match = re.fullmatch(r"/pypi/([\w.-]+)(?:/([\w.+!-]+))?/json", unquote(path))
    package = PYPI.get(match[1].lower()) if match else None
    version = (match[2] or (package.latest if package else "")) if match else ""
    if match is None or package is None or version not in package.versions:
        return _json(404, {"message": "Not Found"})
    found = package.versions[version]
    return _json(
        200,
        {
            "info": {
                "name": match[1].lower(),
                "version": version,
                "author": found.author,
                "summary": package.about,
                "project_urls": {"Homepage": "https://example.org/", "Source Code": package.source},
                "yanked": bool(found.yanked),
                "yanked_reason": found.yanked or None,
            },
            "urls": [_pypi_file(match[1].lower(), version, found, number, day) for number in range(found.files)],
        },
    )


def _pypi_file(name: str, version: str, found: SeedVersion, number: int, day: Day) -> dict[str, Any]:
    stem = f"{name.replace('-', '_')}-{version}"
    filename = f"{stem}.tar.gz" if number else f"{stem}-py3-none-any.whl"
    return {
        "filename": filename,
        "packagetype": "sdist" if number else "bdist_wheel",
        "digests": {"sha256": hashlib.sha256(filename.encode()).hexdigest()},
        "size": 4096,
        "upload_time_iso_8601": found.published(day).replace("Z", ".000000Z"),
        "yanked": bool(found.yanked),
        "yanked_reason": found.yanked or None,
    }


def token(scope: str) -> str:
    """The token that everybody gets for a scope."""
    return f"anonymous.{hashlib.sha256(scope.encode()).hexdigest()}"


def oci(path: str, authorization: str, realm: str) -> Shape:
    """The answer to a GET below `/v2/` of a registry of images. Everything in it needs a token, which `realm` hands out."""
    match = re.fullmatch(r"/v2/([\w./-]+?)/(?:manifests/([\w.:-]+)|tags/list)", path)
    if match is None:
        return _refusal(404, "UNSUPPORTED")
    name, ref = match[1], match[2]
    scope = f"repository:{name}:pull"
    repository = OCI.get(name)
    if authorization != f"Bearer {token(scope)}" or (repository is not None and repository.private):
        challenge = f'Bearer realm="{realm}",service="registry.example.com",scope="{scope}"'
        return _refusal(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
    if repository is None:
        return _refusal(404, "NAME_UNKNOWN")
    if ref is None:
        return _json(200, {"name": name, "tags": list(repository.images)})
    images = {tag: manifest(image) for tag, image in repository.images.items()}
    body = next((each for tag, each in images.items() if ref in (tag, digest(each))), None)
    if body is None:
        return _refusal(404, "MANIFEST_UNKNOWN")
    named = {"Content-Type": "application/vnd.oci.image.manifest.v1+json", "Docker-Content-Digest": digest(body)}
    return Shape(200, body, named)


def _refusal(status: int, code: str, headers: Mapping[str, str] | None = None) -> Shape:
    errors = {"errors": [{"code": code, "message": code.replace("_", " ").lower()}]}
    return Shape(status, json.dumps(errors).encode(), {"Docker-Distribution-API-Version": "registry/2.0", **(headers or {})})


def _json(status: int, document: object) -> Shape:
    return Shape(status, json.dumps(document).encode())
