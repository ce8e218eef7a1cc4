"""Many callers, one round trip: whoever comes first does for all who wait what each of them would have done alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(slots=True)
class _Wish(Generic[_T, _R]):
    wanted: _T
    done: bool = False
    result: _R | None = None
    error: Exception | None = None


class Batcher(Generic[_T, _R]):
    """Calls `do` with the wishes of all threads that wait. It answers a result for each, in their order, or raises for all."""

    def __init__(self, do: Callable[[Sequence[_T]], Sequence[_R]]) -> None:
        self._do = do
        self._turn = threading.Lock()
        self._waiting: list[_Wish[_T, _R]] = []
        self._list = threading.Lock()

    def __call__(self, wanted: _T) -> _R:
        """The result for one wish. Raises what `do` raised, also where that was while this one began to wait."""
        mine: _Wish[_T, _R] = _Wish(wanted)
        with self._list:
            self._waiting.append(mine)
        with self._turn:
            if not mine.done:
                self._fulfil()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

    def _fulfil(self) -> None:
        wishes = self._take()
        try:
            results = self._do([wish.wanted for wish in wishes])
        except Exception as error:
            # Whoever came meanwhile would only wait for the same: a Redis that hangs costs each caller one time-out, not two.
            for wish in (*wishes, *self._take()):
                wish.error, wish.done = error, True
            return
        for wish, result in zip(wishes, results, strict=True):
            wish.result, wish.done = result, True

    def _take(self) -> list[_Wish[_T, _R]]:
        with self._list:
            taken, self._waiting = self._waiting, []
        return taken
