"""The made-up packages and images of the registry look-alikes: one of everything that evidence can turn out to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.lookalikes.forge_seed import Day

PUBLISHED = "2026-02-03T04:05:06Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedVersion:
    """A version of a package. `files`: how many it has. `published_h`: hours before the look-alike's `now`; None: on the
    fixed day."""

    author: str = "pia"
    files: int = 2
    deprecated: str = ""
    yanked: str = ""
    published_h: float | None = None

    def published(self, day: Day) -> str:
        """When it was published."""
        return day.at(self.published_h, PUBLISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPackage:
    """A package. The last of its versions is the latest."""

    about: str
    source: str
    versions: Mapping[str, SeedVersion]

    @property
    def latest(self) -> str:
        """The version that is installed where none is named."""
        return list(self.versions)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedImage:
    """A repository of images, each by its tag. `private`: it cannot be read without an account."""

    private: bool = False
    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def digest(data: bytes) -> str:
    """The name of some content: `sha256:` and 64 digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest(image: Mapping[str, Any]) -> bytes:
    """The manifest of an image, as it is sent."""
    return json.dumps(image, indent=2).encode()


def _image(word: str) -> Mapping[str, Any]:
    content = word.encode()
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(content), "size": 1469},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(content + b"!"), "size": 32654}
        ],
        "annotations": {
            "org.opencontainers.image.created": PUBLISHED,
            "org.opencontainers.image.source": "https://git.example.org/acme/relay",
            "org.opencontainers.image.version": word,
        },
    }


NPM: Mapping[str, SeedPackage] = {
    "relay-client": SeedPackage(
        about="Speaks to a relay",
        source="git+https://git.example.org/acme/relay.git",
        versions={
            "1.2.2": SeedVersion(deprecated="frames get lost, use 1.2.3", published_h=40),
            "1.2.3": SeedVersion(published_h=16),
        },
    ),
    "@acme/beacon-ui": SeedPackage(
        about="Tables of signals",
        source="git+https://git.example.org/acme/beacon.git",
        versions={"0.3.0": SeedVersion(author="otto", published_h=12)},
    ),
}
PYPI: Mapping[str, SeedPackage] = {
    "ledger-export": SeedPackage(
        about="Stamps as CSV",
        source="https://git.example.org/acme/ledger",
        versions={
            "0.8": SeedVersion(files=0, published_h=60),
            "0.9": SeedVersion(yanked="loses the last row", published_h=40),
            "1.0": SeedVersion(author="Otto", published_h=16),
        },
    )
}
OCI: Mapping[str, SeedImage] = {
    "acme/relay": SeedImage(images={"v2.2.0": _image("v2.2.0"), "v2.3.0": _image("v2.3.0")}),
    "acme/vault": SeedImage(private=True, images={"v1": _image("v1")}),
}
DIGEST = digest(manifest(OCI["acme/relay"].images["v2.3.0"]))
"""The digest of `acme/relay:v2.3.0`."""
