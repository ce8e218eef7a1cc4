"""Strangers' Markdown to HTML that cannot act: no HTML, no images, links without reputation, odd characters shown."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

# Control characters, and the ones that turn the direction of the text around them.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
MAX_RENDERED_CHARS = 65_536


def seen(text: str) -> str:
    """The text with every character that would hide or turn something replaced by a visible sign."""
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def rendered(text: str) -> Markup:
    """Markdown with tables as HTML; longer texts are cut."""
    shown = text if len(text) <= MAX_RENDERED_CHARS else text[:MAX_RENDERED_CHARS] + "\n\n(cut)"
    return Markup(_MARKDOWN.render(seen(shown)))  # noqa: S704 - markdown-it escapes, and html is off


def _link_open(self: RendererHTML, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
    tokens[idx].attrSet("rel", "nofollow noopener noreferrer")
    return self.renderToken(tokens, idx, options, env)


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
    made.add_render_rule("link_open", _link_open)
    return made


_MARKDOWN = _markdown()
