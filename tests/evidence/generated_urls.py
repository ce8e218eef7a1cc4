"""URLs out of a seeded dice: pieces that parsers have disagreed about, put together and then damaged a little."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final

_SCHEMES: Final = ("http", "https", "HTTP", "hTTps", "ftp", "file", "http+unix", "javascript", "")
_MARKS: Final = ("://", ":/", ":///", ":", "//", "", ":\\\\", "://\t")
_NOBODIES: Final = ("u@", "u:p@", "@", ":@", "a@b@", "127.0.0.1@", "good.example.com:80@", "x%40y@", "a;b@", "a&b@")
_LABELS: Final = (
    "good",
    "a",
    "x-y",
    "a_b",
    "_dmarc",
    "xn--wrocaw-6db",
    "XN--A",
    "0",
    "00",
    "1e",
    "0xg",
    "WWW",
    "a" * 63,
    "a--b",
)
_ENDS: Final = ("example.com", "Example.ORG", "co.uk", "com", "localhost", "internal", "test", "arpa", "dev", "x1", "museum.")
_NUMBERS: Final = (
    "0",
    "1",
    "10",
    "127",
    "255",
    "256",
    "0177",
    "0x7f",
    "0x",
    "00",
    "2130706433",
    "0x7f000001",
    "169",
    "254",
    "93",
)
_SIXES: Final = (
    *("::1", "::", "fe80::1", "fe80::1%25eth0", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1"),
    *("2606:2800:220:1:248:1893:25c8:1946", "2606:2800:0220:0001:0248:1893:25C8:1946", "2002:7f00:1::", "1::2::3", "12345::"),
    *("::1.2.3", "v1.x", "2606::1", "2606:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1", "::ffff:0:127.0.0.1", "2606:2800:1.2.3.4", ""),
)
_PORTS: Final = (
    ":80",
    ":443",
    ":8443",
    ":",
    ":0",
    ":080",
    ":65535",
    ":65536",
    ":99999",
    ":8a",
    ":-1",
    ":+80",
    ": 80",
    ":80:80",
)
_PATHS: Final = (
    *(
        "",
        "/",
        "/a/b",
        "/a/../b",
        "/%2e%2e/",
        "/a%20b",
        "//x.example.com/",
        "/@127.0.0.1",
        "/:80/",
        "/a;b=c",
        "/%",
        "/%zz",
        "/~a",
    ),
    *("?q", "?", "?@127.0.0.1/", "/?a=b&c=d#e", "#f", "#@127.0.0.1/", "/a#b?c", "/a[b]", "/{x}", "/|", "/a'b", "/<x>", "/a\\b"),
    *("/%0d%0aHost:x", ";x", "/..", "/.", "/./", "?#", "/a?b?c", "/\u202e", "/é"),
)
_DAMAGE: Final = "@:/\\?#[]%.;&=+-_~!$'()*,|{}<>^`\"0127ax \t\r\n\x00\x0b\x7f\u00ad\u3002\uff0e\u2025\u017f\u24db\ufeff\ud800"


def urls(seed: int, count: int) -> Iterator[str]:
    """So many URLs; the same ones for the same seed."""
    dice = random.Random(seed)
    for _ in range(count):
        yield _damaged(_url(dice), dice)


def _url(dice: random.Random) -> str:
    scheme = _mostly(dice, ("http", "https"), _SCHEMES)
    mark = _mostly(dice, ("://",), _MARKS)
    nobody = _mostly(dice, ("",), _NOBODIES, odd=0.05)
    port = _mostly(dice, ("",), _PORTS, odd=0.2)
    return f"{scheme}{mark}{nobody}{_host(dice)}{port}{dice.choice(_PATHS)}"


def _host(dice: random.Random) -> str:
    kind = dice.random()
    if kind < 0.55:
        return ".".join([*dice.choices(_LABELS, k=dice.randrange(3)), dice.choice(_ENDS)]) + dice.choice(
            ("", "", "", ".", "..")
        )
    if kind < 0.7:
        return ".".join(str(dice.randrange(256)) for _ in range(4)) + dice.choice(("", "", "."))
    if kind < 0.85:
        return ".".join(dice.choices(_NUMBERS, k=dice.choice((1, 2, 3, 4, 4, 4, 5))))
    return f"[{dice.choice(_SIXES)}]"


def _damaged(url: str, dice: random.Random) -> str:
    """Some URLs get up to three characters put in, replaced or taken out."""
    text = list(url)
    for _ in range(dice.choice((0, 0, 0, 0, 0, 1, 2, 3))):
        at = dice.randrange(len(text) + 1)
        match dice.randrange(3):
            case 0:
                text.insert(at, dice.choice(_DAMAGE))
            case 1:
                text[at : at + 1] = dice.choice(_DAMAGE)
            case _:
                del text[at : at + 1]
    return "".join(text)


def _mostly(dice: random.Random, plain: Sequence[str], odd_ones: Sequence[str], odd: float = 0.1) -> str:
    return dice.choice(odd_ones) if dice.random() < odd else dice.choice(plain)
