"""The head of an answer: read in bounded memory and time, and how its body is framed.

What reads bodies is http.client. Its reading of heads goes through the parser of e-mail, which costs more than all the judging
of a link, ends the head at the first line that it does not know, and breaks lines where HTTP has none.
"""

from __future__ import annotations

import re
import socket
from http.client import HTTPException, HTTPResponse
from typing import Final

HEAD_MAX_BYTES: Final = 256 * 1024
LINE_MAX_BYTES: Final = 64 * 1024
LINES_MAX: Final = 100

_STATUS: Final = re.compile(rb"HTTP/(?P<version>0\.9|1\.[0-9])[ \t]+(?P<status>[1-9][0-9]{2})(?:[ \t].*)?", re.DOTALL)
_FIELD: Final = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):(?P<value>.*)", re.DOTALL)
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
INTERIM_ANSWERS_MAX: Final = 16
_SWITCHING_PROTOCOLS: Final = 101
_BODILESS: Final = frozenset({204, 304})


class HttpResponse(HTTPResponse):
    """The answer to one GET that asked for the connection to be closed. After `begin`, its body is read with `read1`."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, method="GET")
        self._fields: dict[str, list[str]] = {}

    def begin(self) -> None:
        """Read the head. Raises HTTPException for what is none, and OSError; then the answer can only be closed.

        Interim answers are read past (RFC 9110, 15.2). Behind a switch of protocols comes no other answer.
        """
        for _ in range(INTERIM_ANSWERS_MAX + 1):
            status = self._status()
            self._fields = self._head()
            if status >= 200 or status == _SWITCHING_PROTOCOLS:
                break
        else:
            raise HTTPException("too many interim answers")
        self.status = status
        bodiless = status < 200 or status in _BODILESS
        self.chunked = not bodiless and self.listed("transfer-encoding").lower() == "chunked"
        self.chunk_left = None
        self.length = 0 if bodiless else None if self.chunked else self._given_length()

    def every(self, name: str) -> list[str]:
        """The values of all fields of this lower-case name, in order, without blanks around them (RFC 9110, 5.5)."""
        return self._fields.get(name, [])

    def listed(self, name: str) -> str:
        """The values of all fields of this lower-case name as one list (RFC 9110, 5.2); empty if there is none."""
        return ", ".join(self.every(name))

    def _status(self) -> int:
        found = _STATUS.fullmatch(self._line().rstrip())
        if found is None:
            raise HTTPException("no status line")
        return int(found["status"])

    def _head(self) -> dict[str, list[str]]:
        """Field lines up to the empty one. A line that is none is passed over; one that begins with a blank goes on."""
        fields: dict[str, list[str]] = {}
        last: list[str] = []
        left = HEAD_MAX_BYTES
        for _ in range(LINES_MAX):
            line = self._line()
            left -= len(line)
            if left < 0:
                raise HTTPException("the head is too long")
            # A CR alone ends no line and is a blank (RFC 9112, 2.2).
            text = line.removesuffix(b"\n").removesuffix(b"\r").replace(b"\r", b" ").decode("latin-1")
            if not text:
                return fields
            if text[0] in " \t":
                last[-1:] = [f"{value} {text.strip()}".strip() for value in last[-1:]]
            elif (found := _FIELD.fullmatch(text)) is not None:
                last = fields.setdefault(found["name"].lower(), [])
                last.append(found["value"].strip(" \t"))
        raise HTTPException("too many lines in the head")

    def _line(self) -> bytes:
        line = self.fp.readline(LINE_MAX_BYTES + 1)
        if len(line) > LINE_MAX_BYTES:
            raise HTTPException("a line of the head is too long")
        return line

    def _given_length(self) -> int | None:
        """The length told, None where none is given that could be one. Raises HTTPException for more than one."""
        given = {text.strip() for text in self.listed("content-length").split(",")}
        if len(given) > 1:
            # A proxy on the way may have believed the other one (RFC 9112, 6.3).
            raise HTTPException("more than one length")
        digits = given.pop()
        return int(digits) if _DIGITS.fullmatch(digits) else None
