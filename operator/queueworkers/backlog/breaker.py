"""Leaving a failing endpoint alone for a while, so that it is not hammered and nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queueworkers.domain.backlog import UnknownBacklog


@dataclass(slots=True)
class Breaker:
    """
    Lets one attempt per *rest_seconds* through after more than *tolerated* failures in a row.

    The first ones are tried again at the caller's own pace: most are over soon.
    """

    rest_seconds: float
    tolerated: int = 2
    _failures: int = 0
    _closed_at: float = 0.0
    _last: UnknownBacklog | None = None

    def resting(self, now: float) -> UnknownBacklog | None:
        """Return what was wrong the last time while the endpoint is to be left alone; else ``None``."""
        return self._last if self._failures > self.tolerated and now < self._closed_at else None

    def record_failure(self, trouble: UnknownBacklog, now: float) -> None:
        """Note an attempt that failed at *now*, on a monotonic clock."""
        self._failures += 1
        self._closed_at = now + self.rest_seconds
        self._last = trouble

    def record_success(self) -> None:
        """Note an attempt that did not fail: everything is forgiven."""
        self._failures = 0
        self._last = None
