"""
What the operator's reading of Redis would say of a simulated queue.

Not more than a real one can: jobs that came and were taken between two readings
leave no trace, as nothing of them is in the list at either
(`queueworkers.backlog.tallies` counts in the same way), and what falls due is told in
slots of the clock (`queueworkers.backlog.edges`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import TYPE_CHECKING

from queueworkers.domain.backlog import QueueBacklog, Tally, Upcoming, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from queueworkers.simulation.lines import Line

SLOT_SECONDS = 5
SLOTS = 24
"""How far a reading looks ahead: as many slots, the present one included."""


@dataclass(slots=True)
class _Last:
    """What was seen at the reading before."""

    arrived: int = 0
    taken: int = 0
    listed: int = 0
    waiting: int = 0
    expired: int = 0


class QueueReader:
    """
    Reads one line again and again.

    Args:
        line: The queue.
        began: What the simulation calls 0 seconds.
    """

    def __init__(self, line: Line, *, began: datetime) -> None:
        self._line = line
        self._began = began
        self._clock = began.timestamp()
        self._last = _Last()
        self._tally = Tally(since=began, arrived=0, taken=0, gaps=0)

    def read(self, now: float, *, in_hand: int, asked_at: float) -> QueueBacklog:
        """
        Read it at *now*.

        Args:
            now: Later than at the reading before.
            in_hand: Jobs of it that workers have, those that leave included.
            asked_at: When a worker last asked for a job, and so moved what was due into the list.
        """
        line = self._line
        waiting, expired = line.waiting(now), line.expired(now)
        due = line.due(now, asked_at=asked_at)
        listed = waiting - expired - due
        reserved = in_hand + len(line.returned)
        oldest = line.oldest(now)
        self._count(now, waiting=waiting, listed=listed, expired=expired, is_void=not waiting + reserved)
        return QueueBacklog(
            name=line.name,
            ready=listed,
            delayed=line.delayed(now) + due,
            due=due,
            reserved=reserved,
            expired=expired,
            oldest=None if oldest is None else Wait(self._moment(oldest)),
            tally=self._tally,
            upcoming=tuple(self._upcoming(now)) if line.has_delayed else (),
        )

    def _count(self, now: float, *, waiting: int, listed: int, expired: int, is_void: bool) -> None:
        """
        Add what can be told of the time since the reading before.

        The last job of the list is known again.  While it is there, all is seen;
        once it is taken, so were all before it, and what came and went behind it
        was not seen.
        """
        before, line = self._last, self._line
        arrived = line.arrived(now) + line.came_back(now)
        self._last = _Last(arrived, arrived - waiting, listed, waiting, expired)
        taken = self._last.taken - before.taken
        if not taken and arrived == before.arrived:
            return
        exact = taken < before.listed
        if not exact:
            taken = 0 if is_void else before.listed
        came = 0 if is_void and not exact else max(waiting - before.waiting + taken, 0)
        self._tally = Tally(
            since=self._tally.since,
            arrived=self._tally.arrived + came,
            taken=self._tally.taken + taken,
            gaps=self._tally.gaps + (not exact or bool(expired or before.expired)),
        )

    def _upcoming(self, now: float) -> Iterator[Upcoming]:
        """Count by slots what falls due: the first at its own moment, the others at the beginning of their slot."""
        until = (floor((self._clock + now) / SLOT_SECONDS) + SLOTS) * SLOT_SECONDS - self._clock
        moments = list(self._line.falling_due(now, until=until))
        slots = Counter(floor((self._clock + due) / SLOT_SECONDS) for due in moments)
        for number, (slot, jobs) in enumerate(sorted(slots.items())):
            at = slot * SLOT_SECONDS - self._clock if number else moments[0]
            yield Upcoming(at=self._moment(at), jobs=jobs)

    def _moment(self, seconds: float) -> datetime:
        return self._began + timedelta(seconds=seconds)
