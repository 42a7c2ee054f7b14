"""A queue while time passes: what has come, what is taken, what comes back."""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.simulation.traces import Arrivals

NOT_STARTED = -1.0


class Line:
    """
    One queue: first in, first out.

    A job that was cut off comes back when its claim expires, and takes its
    place among those that came at that moment.  Its fields are open, as the
    innermost loop of a simulation is a worker that takes from here
    (`queueworkers.simulation.teams`).
    """

    __slots__ = (
        "_arrived",
        "_came_back",
        "_delayed_before",
        "_due_times",
        "_push_times",
        "_pushed_at",
        "available",
        "head",
        "name",
        "returned",
        "seconds",
        "started",
    )

    def __init__(self, arrivals: Arrivals) -> None:
        self.name = arrivals.queue
        self.available: list[float] = [*arrivals.available_at.tolist(), inf]
        """When each job may be taken, and after the last one never."""
        self.seconds: list[float] = arrivals.seconds.tolist()
        self.started: list[float] = [NOT_STARTED] * len(self.seconds)
        """When a worker first took each job."""
        self.head = 0
        """The first job that nobody has taken."""
        self.returned: list[tuple[float, int]] = []
        """Jobs that were cut off: when each may be taken again; a heap."""
        late = arrivals.available_at > arrivals.pushed_at
        self._due_times: list[float] = arrivals.available_at[late].tolist()
        self._pushed_at: list[float] = arrivals.pushed_at[late].tolist()
        self._push_times = sorted(self._pushed_at)
        self._delayed_before: list[int] = [0, *accumulate(map(int, late))] if self._due_times else []
        self._arrived = 0
        self._came_back = 0

    @property
    def has_delayed(self) -> bool:
        """Whether any job of the whole trace is pushed with a delay."""
        return bool(self._due_times)

    def put_back(self, job: int, *, at: float) -> None:
        """Let *job* be taken again from then on."""
        heappush(self.returned, (at, job))

    def pop_returned(self) -> int:
        """Take the job that came back first."""
        self._came_back += 1
        return heappop(self.returned)[1]

    def arrived(self, now: float) -> int:
        """Count the jobs that could have been taken by *now*; moments are asked for in the order of time."""
        self._arrived = bisect_right(self.available, now, lo=self._arrived)
        return self._arrived

    def expired(self, now: float) -> int:
        """Count the jobs that were cut off and may be taken again."""
        return sum(at <= now for at, _ in self.returned) if self.returned else 0

    def came_back(self, now: float) -> int:
        """Count how often a job could be taken again by *now*, and was since or waits."""
        return self._came_back + self.expired(now)

    def waiting(self, now: float) -> int:
        """Count the jobs that the next idle worker would find."""
        return self.arrived(now) - self.head + self.expired(now)

    def due(self, now: float, *, asked_at: float) -> int:
        """
        Count the delayed jobs that have fallen due and nobody has moved into the list.

        Only a worker that asks for a job moves them, so after *asked_at*, when
        one last did, they gather.
        """
        if not self._delayed_before:
            return 0
        moved = max(bisect_right(self.available, asked_at), self.head)
        return self._delayed_before[max(self.arrived(now), moved)] - self._delayed_before[moved]

    def delayed(self, now: float) -> int:
        """Count the jobs that are pushed and not due yet."""
        return bisect_right(self._push_times, now) - bisect_right(self._due_times, now)

    def falling_due(self, now: float, *, until: float) -> Iterator[float]:
        """Name the moments at which jobs that are pushed already will fall due, the earliest first."""
        first, last = bisect_right(self._due_times, now), bisect_right(self._due_times, until)
        for due, pushed in zip(self._due_times[first:last], self._pushed_at[first:last], strict=True):
            if pushed <= now:
                yield due

    def oldest(self, now: float) -> float | None:
        """Tell since when the oldest waiting job may be taken; ``None`` where none waits."""
        at = self.available[self.head]
        if self.returned and self.returned[0][0] < at:
            at = self.returned[0][0]
        return at if at <= now else None
