"""
What a pool's own past tells: how fast jobs arrive, how long they take, how long a worker boots.

Learned from one reading to the next, and kept in memory only: whoever starts
anew begins with a guess that the first jobs correct.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from math import exp
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from queueworkers.domain.backlog import Backlog, QueueBacklog
    from queueworkers.domain.crew import Boot, Crew

GUESSED_JOB_SECONDS = 1.0
"""How long a job takes, before one was seen to end; weighs as much as one job."""

GUESSED_BOOT_SECONDS = 5.0
"""How long a worker boots, before one was seen to: an image that the node has, and PHP."""

JOBS_REMEMBERED = 500.0
"""So many of the latest jobs tell how long one takes."""

BOOTS_REMEMBERED = 9
"""Of so many the one in the middle is taken: the first on a node also waits for the image."""

LONGEST_BOOT_SECONDS = 600.0
"""Whoever became ready later was ready before: its node was away, say."""

ARRIVALS_REMEMBERED = 64
"""So many moments at which jobs arrived are told apart; the older ones are forgotten."""

QUICK_SECONDS = 5.0
"""The last seconds: a load must still be there in them to be believed."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Jobs that arrived together, as far as can be told."""

    at: datetime
    """Not after they did."""
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFlow:
    """What is known of the jobs of one queue."""

    last: QueueBacklog
    """As it was read last."""
    arrivals: tuple[Arrivals, ...] = ()
    """The latest, the oldest first."""
    worked_seconds: float = 0.0
    """What the latest jobs took together, those included that are still in hand."""
    ended: float = 0.0
    """How many of those have ended."""
    quick_load: float = 0.0
    """Workers that its jobs kept busy in the last seconds, or would have, on average."""
    slow_load: float = 0.0
    """The same over as long as a job may wait."""

    @property
    def job_seconds(self) -> float:
        """
        Tell how long a worker is busy with a job.

        All the time that was worked, by the jobs that ended; and at first, while
        none has, by half of those in hand, as a job is seen half-way on
        average: so one that takes long is noticed before its end.
        """
        under_way = min(self.last.in_hand / 2, self.worked_seconds / GUESSED_JOB_SECONDS)
        ended = max(self.ended, under_way)
        return (self.worked_seconds + GUESSED_JOB_SECONDS) / (ended + 1.0)

    @property
    def load(self) -> float:
        """
        Tell how many workers what arrives keeps busy.

        Believed only as far as the last seconds agree with the longer past: a
        batch is no rate, and what waits of it asks for workers by itself.
        """
        return min(self.quick_load, self.slow_load)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is known of a pool's jobs and workers."""

    read_at: datetime | None = None
    """Of the last reading that was learned from."""
    flows: tuple[QueueFlow, ...] = ()
    boots: tuple[float, ...] = ()
    """Seconds that the latest workers took to become ready."""
    booted_until: datetime | None = None
    """Workers that became ready by then have been learned from."""

    @property
    def boot_seconds(self) -> float | None:
        """Tell how long a worker takes to become ready; ``None`` before one was seen to."""
        return median(self.boots) if self.boots else None

    @property
    def expected_boot_seconds(self) -> float:
        """Tell how long the next worker will take to become ready: as those before, or as is guessed."""
        boot = self.boot_seconds
        return GUESSED_BOOT_SECONDS if boot is None else boot

    @property
    def linger_seconds(self) -> float:
        """
        Tell how soon a worker must be needed again to stay: within a boot, which is what another would cost.

        Or within the one that is guessed, for which it may have been started.
        """
        return max(self.expected_boot_seconds, GUESSED_BOOT_SECONDS)

    def flow(self, queue: str) -> QueueFlow | None:
        """Return what is known of one queue."""
        return next((flow for flow in self.flows if flow.last.name == queue), None)

    def see_boots(self, booted: Iterable[Boot]) -> Learned:
        """Learn from workers that became ready since the last look."""
        new = sorted(
            (boot for boot in booted if self.booted_until is None or boot.ready_at > self.booted_until),
            key=lambda boot: boot.ready_at,
        )
        if not new:
            return self
        took = ((boot.ready_at - boot.created_at).total_seconds() for boot in new)
        believed = (seconds for seconds in took if seconds <= LONGEST_BOOT_SECONDS)
        return replace(
            self,
            boots=(*self.boots, *believed)[-BOOTS_REMEMBERED:],
            booted_until=new[-1].ready_at,
        )

    def see_backlog(
        self, backlog: Backlog, crew: Crew, *, slow_seconds: float, every_seconds: float
    ) -> Learned:
        """
        Learn from a reading; one that was learned from already teaches nothing.

        Args:
            backlog: By Redis's own clock.
            crew: Who worked meanwhile.
            slow_seconds: The longer past, over which a load is averaged.
            every_seconds: How often the backlog is read: what arrived did so within that time.
        """
        if self.read_at is not None and backlog.read_at <= self.read_at:
            return self
        passed = (backlog.read_at - self.read_at).total_seconds() if self.read_at else 0.0
        known = {flow.last.name: flow for flow in self.flows}
        return replace(
            self,
            read_at=backlog.read_at,
            flows=tuple(
                _follow(
                    known.get(queue.name),
                    queue,
                    at=backlog.read_at,
                    passed=passed,
                    ready=crew.ready,
                    slow_seconds=slow_seconds,
                    every_seconds=every_seconds,
                )
                for queue in backlog.queues
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """What came and went between two readings."""

    arrived: int
    taken: int
    exact: bool
    """False where it may have been more."""


def _moved(before: QueueBacklog, now: QueueBacklog) -> _Moved:
    was, tally = before.tally, now.tally
    if was is None or tally is None or was.since != tally.since:
        more = now.waiting + now.in_hand - before.waiting - before.in_hand
        return _Moved(arrived=max(more, 0), taken=0, exact=False)
    return _Moved(
        arrived=tally.arrived - was.arrived, taken=tally.taken - was.taken, exact=tally.gaps == was.gaps
    )


def _follow(
    flow: QueueFlow | None,
    queue: QueueBacklog,
    *,
    at: datetime,
    passed: float,
    ready: int,
    slow_seconds: float,
    every_seconds: float,
) -> QueueFlow:
    """Learn from what became of one queue since it was read last, *passed* seconds ago."""
    if flow is None or passed <= 0:
        in_hand = float(queue.in_hand)
        return QueueFlow(last=queue, quick_load=in_hand, slow_load=in_hand)
    moved = _moved(flow.last, queue)
    # Nothing had changed until shortly before this reading, or it would have been told earlier.
    moving = min(passed, every_seconds)
    worked = flow.last.in_hand * (passed - moving) + (flow.last.in_hand + queue.in_hand) / 2 * moving
    ended = max(moved.taken - (queue.in_hand - flow.last.in_hand), 0)
    learned = replace(flow, last=queue, arrivals=_note(flow, queue, moved, at=at, moving=moving))
    if moved.exact and flow.last.waiting and queue.waiting:
        # Where nothing tells what is in hand: while jobs wait, everybody is at work.
        learned = _measure(learned, worked or ready * passed, ended)
    load = _offered(learned, flow.last, queue, moved, worked=worked, passed=passed)
    return replace(
        learned,
        quick_load=_average(flow.quick_load, load, passed / QUICK_SECONDS),
        slow_load=_average(flow.slow_load, load, passed / max(slow_seconds, QUICK_SECONDS)),
    )


def _note(
    flow: QueueFlow, queue: QueueBacklog, moved: _Moved, *, at: datetime, moving: float
) -> tuple[Arrivals, ...]:
    """Remember when those that wait have arrived, as far as that is needed to tell them apart."""
    arrivals = flow.arrivals
    if moved.arrived:
        arrivals = (*arrivals, Arrivals(at - timedelta(seconds=moving), moved.arrived))
    covered = 0
    needed: list[Arrivals] = []
    for each in reversed(arrivals):
        if covered >= queue.waiting or len(needed) == ARRIVALS_REMEMBERED:
            break
        needed.append(each)
        covered += each.jobs
    return tuple(reversed(needed))


def _measure(flow: QueueFlow, worked: float, ended: int) -> QueueFlow:
    total, count = flow.worked_seconds + worked, flow.ended + ended
    kept = min(JOBS_REMEMBERED / count, 1.0) if count else 1.0
    return replace(flow, worked_seconds=total * kept, ended=count * kept)


def _offered(
    flow: QueueFlow,
    before: QueueBacklog,
    now: QueueBacklog,
    moved: _Moved,
    *,
    worked: float,
    passed: float,
) -> float:
    """
    Tell how many workers what arrived would have kept busy.

    Where nobody waits, that is how many were busy; and nearly so where so few
    wait that all were taken from one reading to the next.  Otherwise it is what
    arrived, by the time each takes: those at work also work off what is left.
    """
    busy = worked / passed
    brief = not moved.exact and busy > 0
    if brief or (not before.waiting and not now.waiting):
        return busy
    return moved.arrived * flow.job_seconds / passed


def _average(before: float, sample: float, times: float) -> float:
    """Move an exponential average on by so many *times* its time constant."""
    return sample + (before - sample) * exp(-times)
