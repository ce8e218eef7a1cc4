"""All forges and registries: the modules of bot/evidence/forge/apis, found by looking into that package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Final

from bot.evidence.forge import apis
from bot.evidence.forge.descriptor import Descriptor


def _found() -> tuple[Descriptor, ...]:
    modules = (importlib.import_module(f"{apis.__name__}.{found.name}") for found in pkgutil.iter_modules(apis.__path__))
    return tuple(module.FORGE for module in modules)


DESCRIPTORS: Final = _found()
FORGES: Final[Mapping[str, Descriptor]] = {each.name: each for each in DESCRIPTORS if not each.is_registry}
REGISTRIES: Final[Mapping[str, Descriptor]] = {each.name: each for each in DESCRIPTORS if each.is_registry}
PUBLIC_HOSTS: Final = tuple((host, each.name) for each in DESCRIPTORS for host in each.public_hosts)
FILE_HOSTS: Final = tuple(host for each in DESCRIPTORS for host in each.file_hosts)
