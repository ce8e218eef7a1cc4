"""What is logged is one line, holds no secret, and gives strangers no way to write lines of their own."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot import log

TOKEN = "s3cret/token+value"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def written(form: Any = "json", *, secrets: tuple[str, ...] = (TOKEN,), **said: object) -> str:
    stream = io.StringIO()
    log.configure(form, secrets, stream=stream)
    structlog.get_logger("test").info("something happened", **said)
    return stream.getvalue()


def test_a_json_line_holds_what_was_said() -> None:
    line = json.loads(written(pull=12))
    assert {k: line[k] for k in ("event", "level", "pull")} == {"event": "something happened", "level": "info", "pull": 12}


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("hidden", [TOKEN, "s3cret%2Ftoken%2Bvalue", f"https://x/?t={TOKEN}&y"])
def test_a_secret_is_taken_out_wherever_it_stands(form: str, hidden: str) -> None:
    line = written(form, text=hidden, deep={"list": [hidden, (hidden,)]}, error=ValueError(hidden))
    assert "s3cret" not in line
    assert "***" in line


def test_a_secret_in_a_traceback_is_taken_out() -> None:
    stream = io.StringIO()
    log.configure("json", (TOKEN,), stream=stream)
    try:
        raise ValueError(f"refused {TOKEN}")
    except ValueError:
        structlog.get_logger().exception("broke")
    assert "s3cret" not in stream.getvalue()
    assert "ValueError: refused ***" in stream.getvalue()


def test_what_libraries_log_goes_the_same_way() -> None:
    stream = io.StringIO()
    log.configure("json", (TOKEN,), stream=stream)
    logging.getLogger("some.library").warning("calling %s", f"https://x/{TOKEN}")
    line = json.loads(stream.getvalue())
    assert line["event"] == "calling https://x/***"
    assert line["level"] == "warning"


@pytest.mark.parametrize("form", ["json", "console"])
def test_nobody_can_write_a_second_line_or_paint(form: str) -> None:
    line = written(form, title="x\n2026-01-01 [error] forged\r\n\x1b[2Jgone\u2028\u202eflipped")
    assert line.count("\n") == 1
    assert not {"\x1b", "\r", "\u2028", "\u202e"} & set(line)


@given(st.text())
def test_strangers_words_are_one_short_visible_line(text: str) -> None:
    shown = log.stranger(text)
    assert len(shown) <= log.STRANGER_CHARS_MAX + 1
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


def test_plain_words_stay_as_they_are() -> None:
    assert log.stranger("Ana's Town – läuft") == "Ana's Town – läuft"
    assert log.stranger("a" * 1000) == "a" * log.STRANGER_CHARS_MAX + "…"
