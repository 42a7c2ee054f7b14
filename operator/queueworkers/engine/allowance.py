"""So many things in a second, and a few more at once after a rest."""

from __future__ import annotations

_ROUNDING = 1e-6
"""Who waits until there is one again must not find a little less than one."""


class Allowance:
    """
    Grants at most *rate* things in a second, over any longer while, and *burst* at once.

    Times are of any clock, in seconds, and do not go back.
    """

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at: float | None = None

    def available(self, now: float) -> int:
        """Tell how many are granted now."""
        if self._at is not None:
            self._left = min(self._left + (now - self._at) * self._rate, self._burst)
        self._at = now
        return int(self._left + _ROUNDING)

    def use(self, count: int) -> None:
        """Take so many of those that are available."""
        self._left -= count

    def next_at(self, now: float) -> float:
        """Tell when there is one again."""
        return now if self.available(now) else now + (1.0 - self._left) / self._rate
