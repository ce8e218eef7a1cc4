"""Artifact registries the operator trusts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One registry. `host` is that of the links, `registry.example.com`; `kind` is npm, pypi or oci.

    `api`: root of its API where that is another than the host, `https://registry.example.com/npm`. `realm`: where
    tokens for reading are handed out, where that is another host (oci only): as challenges name it, or a root above it.
    """

    host: str
    kind: str
    api: str = ""
    realm: str = ""
