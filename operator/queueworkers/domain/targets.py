"""
What the backlog asks for, by the pool's target: jobs per worker, or seconds that a job may wait.

In both, jobs that fall due before a new worker could be ready count as if they
waited: workers are there when they do, and not earlier.  And a worker that is
there already is not sent away shortly before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from queueworkers.domain.demand import demand_of
from queueworkers.domain.notices import count_held
from queueworkers.domain.scaling import count_busy, recommend

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from queueworkers.api.scaling import ScalingSpec
    from queueworkers.domain.backlog import Backlog
    from queueworkers.domain.crew import Crew
    from queueworkers.domain.demand import Demand
    from queueworkers.domain.learning import Learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Workers that the backlog asks for, and what that follows from."""

    replicas: int
    """As many as are needed, and as many as have a job in hand."""
    needed: int
    """Those that are needed: what a window remembers."""
    awaited: int
    """Those that are soon needed, so that letting present ones go would not pay."""
    busy: int
    """Those that have a job in hand."""
    waiting: int
    """Jobs that wait and count."""
    upcoming: int
    """Delayed jobs among those counted, which fall due before a new worker could be ready."""
    demand: Demand | None = None
    """How a target in seconds comes to it; ``None`` where the target is jobs per worker."""
    revisit_at: datetime | None = None
    """When the passing of time alone may change it."""


def ask(
    scaling: ScalingSpec,
    backlog: Backlog,
    crew: Crew,
    learned: Learned,
    *,
    holds: Collection[str],
    now: datetime,
) -> Asked:
    """
    Tell how many workers the backlog asks for, before any limit.

    Args:
        scaling: What the user says.
        backlog: A reading.
        crew: The workers as they are.
        learned: What the pool's past tells, this reading included.
        holds: Queues whose waiting jobs ask for nobody.
        now: Timezone-aware.
    """
    falling = _fall_due(backlog, learned, holds=holds, now=now)
    if scaling.wait_seconds is None:
        return _ask_by_jobs(scaling, backlog, crew, falling, holds=holds)
    return _ask_by_seconds(scaling, backlog, crew, learned, falling, holds=holds, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FallingDue:
    """Delayed jobs, by whether a worker that is asked for now, or kept, would be there when they fall due."""

    boot: timedelta
    """Until a worker that is asked for now is ready."""
    linger: timedelta
    """For how long a worker that is there is kept for them; at least as long as *boot*."""
    soon: int
    """Jobs that fall due within *boot*."""
    by_then: int
    """Jobs that fall due within *linger*, those within *boot* included."""
    ask_at: Sequence[datetime]
    """When to ask for workers for the later ones."""


def _fall_due(backlog: Backlog, learned: Learned, *, holds: Collection[str], now: datetime) -> _FallingDue:
    boot = timedelta(seconds=learned.expected_boot_seconds)
    linger = timedelta(seconds=learned.linger_seconds)
    until_due = [
        (each.at - backlog.redis_time, each.jobs)
        for queue in backlog.queues
        if queue.name not in holds
        for each in queue.upcoming
    ]
    return _FallingDue(
        boot=boot,
        linger=linger,
        soon=sum(jobs for until, jobs in until_due if until <= boot),
        by_then=sum(jobs for until, jobs in until_due if until <= linger),
        # By Redis's clock they fall due, by ours it is looked again.
        ask_at=[now + until - boot for until, _ in until_due if until > boot],
    )


def _ask_by_jobs(
    scaling: ScalingSpec, backlog: Backlog, crew: Crew, falling: _FallingDue, *, holds: Collection[str]
) -> Asked:
    """Ask for a worker for so many jobs."""
    busy = count_busy(backlog, crew)
    waiting = _waiting(backlog, holds)
    count = partial(recommend, busy=busy, backlog_per_worker=scaling.effective_backlog_per_worker)
    asked = count(waiting + falling.soon)
    return Asked(
        replicas=asked,
        needed=asked,
        awaited=count(waiting + falling.by_then),
        busy=busy,
        waiting=waiting,
        upcoming=falling.soon,
        revisit_at=min(falling.ask_at, default=None),
    )


def _ask_by_seconds(
    scaling: ScalingSpec,
    backlog: Backlog,
    crew: Crew,
    learned: Learned,
    falling: _FallingDue,
    *,
    holds: Collection[str],
    now: datetime,
) -> Asked:
    """Ask for as many workers as let no job wait for longer than it may."""
    busy = count_busy(backlog, crew)
    look = partial(
        demand_of,
        backlog,
        crew,
        learned,
        waits=[float(scaling.wait_seconds_of(queue.name) or 0) for queue in backlog.queues],
        holds=holds,
        now=now,
    )
    demand = look(ahead=falling.boot)
    moments = list(falling.ask_at)
    if demand.for_backlog.replicas or demand.settles_at != demand.for_load.replicas:
        # Jobs come closer to the time they may wait until, and what was busy fades from memory.
        moments.append(now + timedelta(seconds=scaling.polling_interval_seconds))
    return Asked(
        replicas=max(demand.replicas, busy),
        needed=demand.replicas,
        awaited=look(ahead=falling.linger).replicas if falling.by_then > falling.soon else demand.replicas,
        busy=busy,
        waiting=_waiting(backlog, holds),
        upcoming=falling.soon,
        demand=demand,
        revisit_at=min(moments, default=None),
    )


def _waiting(backlog: Backlog, holds: Collection[str]) -> int:
    return backlog.waiting - count_held(backlog, holds)
