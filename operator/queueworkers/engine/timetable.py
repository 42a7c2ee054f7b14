"""When it is whose turn."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

Key = TypeVar("Key", bound="Hashable")

SPARE_ENTRIES = 64
"""So many outdated ones are carried along before they are swept out."""


class Timetable(Generic[Key]):
    """
    Keys, each with the time of its next turn; taking out the next few costs the same whatever their number.

    Times are of any clock, in seconds.
    """

    def __init__(self) -> None:
        self._times: dict[Key, float] = {}
        # Entries whose time is not the key's any more stay until they come up.
        self._order: list[tuple[float, int, Key]] = []
        self._numbers = itertools.count()

    def set(self, key: Key, at: float) -> None:
        """Give *key* its turn at that time, and at no other."""
        if self._times.get(key) == at:
            return
        self._times[key] = at
        heapq.heappush(self._order, (at, next(self._numbers), key))
        if len(self._order) > 2 * len(self._times) + SPARE_ENTRIES:
            self._order = [each for each in self._order if self._is_valid(each)]
            heapq.heapify(self._order)

    def advance(self, key: Key, at: float) -> None:
        """Give *key* its turn at that time, unless it is earlier already."""
        self.set(key, min(at, self._times.get(key, at)))

    def drop(self, key: Key) -> None:
        """Take away the turn of *key*."""
        self._times.pop(key, None)

    def take(self, now: float, *, most: int) -> list[Key]:
        """Take out those whose turn has come, the earliest first, and not more than *most*."""
        taken: list[Key] = []
        while len(taken) < most and (first := self.next()) is not None and first <= now:
            _, _, key = heapq.heappop(self._order)
            del self._times[key]
            taken.append(key)
        return taken

    def next(self) -> float | None:
        """Tell the time of the next turn; ``None`` where there is none."""
        while self._order and not self._is_valid(self._order[0]):
            heapq.heappop(self._order)
        return self._order[0][0] if self._order else None

    def _is_valid(self, entry: tuple[float, int, Key]) -> bool:
        at, _, key = entry
        return self._times.get(key) == at
