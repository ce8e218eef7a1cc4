"""Logs, to standard error: JSON lines or console, secrets removed by value, strangers' text through one function."""

from __future__ import annotations

import logging
import sys
import unicodedata
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, TextIO
from urllib.parse import quote

# structlog imports rich wherever it is installed, for tracebacks in colour that no process prints: 8 MB in each of them.
_RICH_WANTED = "rich" in sys.modules
if not _RICH_WANTED:
    sys.modules["rich"] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if not _RICH_WANTED:
    del sys.modules["rich"]

STRANGER_CHARS_MAX = 200
REDACTED = "***"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SECRET_CHARS_MIN = 4

Event = MutableMapping[str, Any]


def stranger(text: object) -> str:
    """A stranger's text for a log line: one line, no control or invisible characters, cut. Every such text passes here."""
    shown = visible(str(text)[: 4 * STRANGER_CHARS_MAX])
    return shown if len(shown) <= STRANGER_CHARS_MAX else shown[:STRANGER_CHARS_MAX] + "…"


def configure(
    form: Literal["auto", "json", "console"],
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
    colours: bool = True,
    level: int = logging.INFO,
) -> None:
    """Send everything that is logged, libraries included, to `stream` (None: standard error) in one form.

    "auto" is console on a terminal, else json. `colours` can only forbid them; they need a terminal as well.
    """
    target = stream or sys.stderr
    terminal = target.isatty()
    console = form == "console" or (form == "auto" and terminal)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
        structlog.processors.format_exc_info,
        _Redactor(secrets),
    ]
    last: Any = (
        structlog.dev.ConsoleRenderer(colors=colours and terminal, sort_keys=False)
        if console
        else structlog.processors.JSONRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These log every job and connection; the bot logs what matters of it.
    for chatty in ("rq", "urllib3", "werkzeug", "markdown_it"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class _Redactor:
    """Removes every secret, plain or URL-encoded, and every control character from a log event."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {s for s in secrets if len(s) >= _SECRET_CHARS_MIN}
        # Longest first, so that a secret that holds another one leaves no rest.
        self._secrets = sorted(known | {quote(s, safe="") for s in known}, key=len, reverse=True)

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        for key in list(event):
            if not key.startswith("_"):
                event[key] = self._clean(event[key], keep_lines=key == "exception")
        return event

    def _clean(self, value: object, *, keep_lines: bool = False) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self._text(str(k)): self._clean(v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(v) for v in value]
        return self._text(str(value), keep_lines=keep_lines)

    def _text(self, text: str, *, keep_lines: bool = False) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return "\n".join(map(visible, text.splitlines())) if keep_lines else visible(text)


def visible(text: str) -> str:
    """The text with a space for every control, formatting, surrogate or unassigned character: nothing that moves a cursor."""
    return "".join(" " if unicodedata.category(c) in _UNSEEN else c for c in text)
