"""Linux' Landlock around the prober: it reads its libraries and the files of name resolution, and writes nothing.

A process behind it cannot attach to a process before it either, nor read its memory or environment, root or not (Linux 5.13;
documented in landlock(7)). Signals to processes outside are refused from Linux 6.12 on. TCP stays free, for probing.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import bot

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
"""The same numbers on every architecture."""
_VERSION_FLAG: Final = 1
_RULE_PATH_BENEATH: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_O_PATH: Final = getattr(os, "O_PATH", 0)

_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FILE_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files that a version of Landlock knows, by the version that brought them."""
_SCOPES_SINCE: Final = 6
_SCOPES: Final = 0b11
"""Abstract Unix sockets and signals: only within."""

_LIBRARIES: Final = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
_CERTIFICATES: Final = (
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
)
_NAMES: Final = (
    *(
        "/etc/resolv.conf",
        "/etc/hosts",
        "/etc/nsswitch.conf",
        "/etc/host.conf",
        "/etc/gai.conf",
        "/etc/services",
        "/etc/protocols",
    ),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/passwd", "/run/systemd/resolve", "/dev/null", "/dev/urandom"),
)


def version() -> int:
    """The version of Landlock that this kernel has; 0: none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)))


def readable() -> tuple[str, ...]:
    """The files and folders that the prober may read: of the bot its own code alone, not the folder it stands in."""
    python = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    return tuple(dict.fromkeys((*filter(None, python), *bot.__path__, *_LIBRARIES, *_CERTIFICATES, *_NAMES)))


def files_in(redis_url: str) -> tuple[str, ...]:
    """The files that the address of a Redis names, such as its certificate authority: `rediss://host?ssl_ca_certs=/path`."""
    return tuple(value for _, value in parse_qsl(urlsplit(redis_url).query) if value.startswith("/"))


def confine(paths: tuple[str, ...]) -> int:
    """Confine this thread and all it starts, for good, to reading `paths`. Returns the version of Landlock; 0: there is none.

    Raises OSError where the kernel has it and refuses.
    """
    known = version()
    if not known:
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    rights = max(mask for since, mask in _FILE_RIGHTS.items() if since <= known)
    attributes = struct.pack("=QQQ", rights, 0, _SCOPES) if known >= _SCOPES_SINCE else struct.pack("=Q", rights)
    rules = _checked(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        for path in paths:
            _allow(libc, rules, path)
        _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(libc.syscall(_RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)
    return known


def _allow(libc: ctypes.CDLL, rules: int, path: str) -> None:
    try:
        place = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        # Not every system has each of them.
        return
    try:
        rights = _READ_FILE | (_READ_DIR if Path(path).is_dir() else 0)
        _checked(libc.syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, place), 0))
    finally:
        os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
