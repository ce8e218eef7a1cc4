"""Domains without a site: parked with an operator who shows advertisements, or a stub that leads to another site."""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from bot.evidence.fetch.hop import Page
from bot.evidence.fetch.url import Target
from bot.evidence.page.domain import registrable_domain
from bot.evidence.page.markup import attribute, shown, tags, without_tags
from bot.evidence.page.title import is_html

STUB_MAX_BYTES: Final = 2048

# Operators, brokers and the marks of their pages. Publicly known, not documented by them, and not complete.
_DOMAINS: Final = frozenset(
    ["sedoparking.com", "sedo.com", "parkingcrew.net", "parklogic.com", "bodis.com", "dsparking.com", "above.com", "skenzo.com"]
) | frozenset(["dan.com", "undeveloped.com", "afternic.com", "hugedomains.com", "domainmarket.com", "buydomains.com"])
_SERVER: Final = re.compile(r"(?:parking|sedo|sedoparking|parkingcrew|parklogic|bodis)(?:[ /].*)?", re.IGNORECASE)
_HOST: Final = re.compile(r"ww[1-9][0-9]\..*")
_MARK: Final = re.compile(rb"<html[^<>]{0,400}\sdata-adblockkey\s*=", re.IGNORECASE)
_LANDER: Final = re.compile(rb"location(?:\.href)?\s*=\s*[\"']/lander[\"'?]", re.IGNORECASE)
_TITLE: Final = re.compile(rb"<title[^<>]*>[^<]*</title\s*>", re.IGNORECASE)
_REFRESH: Final = re.compile(r"[\s0-9.]*[;,]\s*(?:url\s*=\s*)?[\"']?([^\"']+)", re.IGNORECASE)
_LOADED: Final = frozenset(["frame", "iframe", "script", "img", "video", "audio", "source", "embed"])
_LEADING: Final = (b"<script", b"<iframe", b"<frame", b"<meta")
"""What a page that only leads away cannot do without."""
_DRAWN_IN: Final = frozenset(["div", "main", "section", "canvas", "svg"])


def is_parked(page: Page, first: Target, target: Target) -> bool:
    """Whether a page that answered, asked for as `first` and found at `target`, is no site of an owner's own."""
    if target.host != first.host and _is_operators(target.host) and not _is_operators(first.host):
        return True
    if _HOST.fullmatch(target.host) and not _HOST.fullmatch(first.host):
        return True
    if _SERVER.fullmatch(page.server.strip()):
        return True
    if not is_html(page.content_type):
        return False
    if _MARK.search(page.body[:STUB_MAX_BYTES]):
        return True
    return len(page.body) < STUB_MAX_BYTES and (_leads_to_lander(page.body) or _only_leads_away(page.body, target))


def _leads_to_lander(body: bytes) -> bool:
    # To look for the word first is ten times faster than the pattern is in vain.
    return b"/lander" in body.lower() and _LANDER.search(body) is not None


def _is_operators(host: str) -> bool:
    return registrable_domain(host) in _DOMAINS


def _only_leads_away(body: bytes, target: Target) -> bool:
    """Whether a stub shows no word, and all there is are frames, scripts or a refresh of other sites.

    A stub that loads something of its own, or has an element for a script to draw in, is how an application begins.
    """
    lower = body.lower()
    if not any(tag in lower for tag in _LEADING):
        return False
    page = shown(body)
    if html.unescape(without_tags(_TITLE.sub(b"", page)).decode("latin-1")).strip():
        return False
    led, scripts_alone, drawn_in = False, True, False
    for name, attributes in tags(page):
        drawn_in |= name in _DRAWN_IN or "-" in name
        where = _loads(name, attributes)
        if not where:
            continue
        if not _is_elsewhere(where, target):
            return False
        if name in ("frame", "iframe", "script", "meta"):
            led, scripts_alone = True, scripts_alone and name == "script"
    return led and not (scripts_alone and drawn_in)


def _loads(name: str, attributes: bytes) -> str:
    """The address a tag has a browser load by itself; empty if none."""
    match name:
        case "meta" if attribute(attributes, "http-equiv").lower() == "refresh":
            found = _REFRESH.fullmatch(html.unescape(attribute(attributes, "content")))
            return found[1].strip() if found is not None else ""
        case "link" if attribute(attributes, "rel").lower() in ("stylesheet", "modulepreload", "preload"):
            return attribute(attributes, "href")
        case _ if name in _LOADED:
            return attribute(attributes, "src")
        case _:
            return ""


def _is_elsewhere(where: str, target: Target) -> bool:
    """Whether an address is on a site of other people, as far as names tell. What is no address of the web is not."""
    try:
        parts = urlsplit(urljoin(target.url, html.unescape(where)))
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and registrable_domain(host.removesuffix(".")) != registrable_domain(target.host)
