"""
When a pool's queues are read next.

Pure.  Where Redis tells of changes, a pool at rest is read when it is told of,
when time alone makes its counts others, and, rarely, for the net beneath.
Where it does not, a pool is read at its own interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

from queueworkers.api.conditions import FollowedBy
from queueworkers.domain.backlog import Backlog

if TYPE_CHECKING:
    from queueworkers.domain.backlog import Reading

GATHER_SECONDS = 0.01
"""How long what is pushed together may take to be there before it is read: a bulk of jobs is one change."""

QUICK_SECONDS = 0.25
"""How soon a pool is read a second time that goes on changing."""

BUSY_SECONDS = 1.0
"""How often, after that, a pool is read that does not stop changing."""

RESTLESS_SECONDS = 10.0
"""A pool that was read twice within this time does not rest."""

LEARNING_SECONDS = 300.0
"""For so long after its last job a pool is watched whose rates matter: that nothing comes is to be learned too."""

LATE_SECONDS = 0.02
"""Two clocks are compared: read so much after a time has come, not just before it."""

TICK_SECONDS = 0.1
"""Readings that nothing hurries are put off to the next of these, so that those of many pools are one."""


@dataclass(slots=True, kw_only=True)
class Rhythm:
    """The readings of one pool; all times are by the event loop's clock."""

    every_seconds: float
    """Where changes have to be looked for."""
    counts_flow: bool = False
    """True where it matters how fast jobs come."""
    read_at: float = -inf
    job_seen_at: float = -inf
    has_changed: bool = False
    """True from a change until it is read."""
    change_read_at: float = -inf
    """When it was last read for a change, and not of our own accord."""
    before_that: float = -inf

    def begin(self, now: float) -> None:
        """Note that the pool is read now."""
        self.read_at = now
        if self.has_changed:
            self.has_changed = False
            self.before_that, self.change_read_at = self.change_read_at, now

    def wake(self, now: float) -> float:
        """
        Note a change, and tell when to read it: at once after a rest.

        Two readings for changes in any `BUSY_SECONDS` at most, so that a pool
        that never rests takes no more than its share.
        """
        self.has_changed = True
        return max(now + GATHER_SECONDS, self.change_read_at + QUICK_SECONDS, self.before_that + BUSY_SECONDS)

    def is_restless(self, now: float) -> bool:
        """Tell whether the pool goes on changing, so that it may wait for others that do."""
        return now - self.before_that < RESTLESS_SECONDS

    def note(self, reading: Reading) -> None:
        """Note what the reading that began last brought."""
        if isinstance(reading, Backlog) and reading.seen_any_job:
            self.job_seen_at = self.read_at

    def is_polled(self, reading: Reading) -> bool:
        """Tell whether the pool is to be read again at its own interval, as nobody would tell of what is to be known."""
        if not isinstance(reading, Backlog):
            return True
        learning = self.counts_flow and self.read_at - self.job_seen_at < LEARNING_SECONDS
        return learning or reading.followed_by is FollowedBy.POLL or reading.is_soon_due

    def next_at(self, reading: Reading, *, net_seconds: float) -> float:
        """Tell when to read again after *reading*, if nothing happens before."""
        every = _on_tick(self.read_at + self.every_seconds)
        if not isinstance(reading, Backlog) or self.is_polled(reading):
            return every
        net = max(every, _on_tick(self.read_at + net_seconds))
        if reading.turns_at is None:
            return net
        turn = self.read_at + (reading.turns_at - reading.read_at).total_seconds() + LATE_SECONDS
        return min(net, max(turn, every))


def _on_tick(at: float) -> float:
    return ceil(at / TICK_SECONDS - 1e-6) * TICK_SECONDS
