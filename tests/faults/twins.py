"""Commits whose hashes begin alike: nobody can forge seven characters of a hash in a test, so a gate shows other names.

The hub keeps its own hashes; who speaks to it through the gate sees, and sends, the names given here, and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

ALIKE = 7
"""So many characters twins share: the fewest that `--at` takes."""


class Twins:
    """Second names of commits. Both names have the same length, so no body changes its own."""

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def make(self, like: str, push: Callable[[], str]) -> tuple[str, str]:
        """Push, and name the new head so that it begins as `like` does: head and name. Nobody sees it before it has one."""
        with self._lock:
            head = push()
            name = like[:ALIKE] + head[ALIKE:]
            self._names[head.encode()] = name.encode()
        return head, name

    def shown(self, answer: bytes) -> bytes:
        """What the hub answered, as it is seen beyond the gate."""
        with self._lock:
            for head, name in self._names.items():
                answer = answer.replace(head, name)
        return answer

    def meant(self, request: bytes) -> bytes:
        """What somebody asks beyond the gate, in the hub's own words."""
        with self._lock:
            for head, name in self._names.items():
                request = request.replace(name, head)
        return request
