"""What a reader keeps between two readings, and never more than it was meant to."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 50_000
"""Entries of each kind; pools come and go for months, and one endpoint rarely has a thousandth of this."""


class BoundedMemory(Generic[K, V]):
    """
    A mapping that forgets the entry written longest ago, once it has *capacity*.

    What is kept here may be lost at any time: every caller must be right,
    only less informed, when it is gone.
    """

    def __init__(self, capacity: int = REMEMBERED) -> None:
        self._capacity = capacity
        self._entries: dict[K, V] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def recall(self, key: K) -> V | None:
        """Return what was last written for *key*; ``None`` when nothing was, or it is forgotten."""
        return self._entries.get(key)

    def write(self, key: K, value: V) -> None:
        """Remember *value*, as the newest entry."""
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._capacity:
            del self._entries[next(iter(self._entries))]

    def forget(self, key: K) -> None:
        """Remember *key* no longer."""
        self._entries.pop(key, None)
