"""Signs of a wall: a page that turns robots away, or asks a person to prove something, whatever its status.

One table, each sign with where it was seen. A wall proves nothing about the page behind it, for or against it.
"""

from __future__ import annotations

import re
from typing import Final

WALL_HEADERS: Final = (
    ("cf-mitigated", re.compile("challenge")),  # developers.cloudflare.com, "Detect a Challenge Page response"
    ("x-amzn-waf-action", re.compile("challenge|captcha")),  # docs.aws.amazon.com, WAF, "CAPTCHA and Challenge actions"
)
"""Response headers, lower case, and what of their value is a sign."""

_TITLES: Final = frozenset(
    (
        "just a moment...", "just a moment", "attention required! | cloudflare", "access denied",  # Cloudflare, Akamai
        "making sure you're not a bot!", "oh noes!",  # Anubis
        "checking your browser", "checking your browser before accessing",  # Cloudflare, older
        "ddos-guard", "pardon our interruption", "pardon our interruption...",  # DDoS-Guard, Distil
        "verify you are human", "are you a human?", "are you a robot?", "robot check", "human verification",
        "security check", "security verification", "please verify you are a human", "bot verification",
        "captcha", "one more step", "cookies required", "enable cookies", "please enable cookies",
        "please wait...", "please wait... | cloudflare", "client challenge", "vercel security checkpoint",  # Fastly, Vercel
        "request rejected", "blocked", "you have been blocked", "403 forbidden", "forbidden",  # F5, nginx, Apache
    )
)  # fmt: skip
"""Whole titles in lower case, seen on pages of these walls."""

_MARKS: Final = (
    b"id=anubis_challenge", b'id="anubis_challenge"',  # Anubis, web/index.templ
    b"/cdn-cgi/challenge-platform/h/", b"cf-browser-verification", b"cf_chl_opt",  # Cloudflare challenge pages
    b"px-captcha", b"_incapsula_resource", b"/_sec/cp_challenge", b"captcha-delivery.com",  # HUMAN, Imperva, Akamai, DataDome
)  # fmt: skip
"""Pieces of a body in lower case that pages of these walls hold and others hardly do."""
_SHORT_BODY_BYTES: Final = 20_000
"""A page that is longer than that is no challenge: it may quote one."""


def is_walled(status: int, title: str, body: bytes) -> bool:
    """Whether a page is a wall, by its title or by what it holds; of an error page the title says it as well."""
    said = " ".join(title.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    if said in _TITLES:
        return True
    return status != 404 and len(body) <= _SHORT_BODY_BYTES and any(mark in body.lower() for mark in _MARKS)
