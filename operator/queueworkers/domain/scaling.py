"""
How many workers: a pipeline of recommend, stabilise, cool down, limit.

Each stage is a pure function of numbers and times.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from queueworkers.domain.learning import Learned

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from queueworkers.domain.backlog import Backlog
    from queueworkers.domain.crew import Crew


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A number of workers, and the last moment at which it was in force."""

    replicas: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A moment at which another number of workers was asked for."""

    at: datetime
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """
    What earlier readings asked for; kept in memory only.

    Losing it (a restart of the operator) is safe: what was not watched cannot
    agree to a scale-down, so *watching_since* makes every window start anew.
    """

    watching_since: datetime
    recommendations: tuple[Recommendation, ...] = ()
    active_at: datetime | None = None
    """When work was last seen, waiting or in hand."""
    active: bool = False
    """Whether there was some at the last reading."""
    learned: Learned = field(default_factory=Learned)
    """What the pool's own past tells of its jobs and workers."""
    changes: tuple[Change, ...] = ()
    """What was changed in the number of workers, the oldest first, as long as a step limit looks back."""

    def remember(self, recommended: int, *, active: bool, now: datetime, window: timedelta) -> History:
        """
        Add what is recommended at *now*, and whether there is any work, waiting or in hand.

        The latest recommendation was in force until *now*, because a reading
        that does not change is not decided upon again.  Recommendations that
        ended before the *window* are forgotten.  Work lasts from the first
        reading that shows some to the first that does not, although nothing is
        decided in between.
        """
        earlier = self.recommendations
        if earlier:
            earlier = (*earlier[:-1], replace(earlier[-1], until=now))
        if not earlier or earlier[-1].replicas != recommended:
            earlier = (*earlier, Recommendation(replicas=recommended, until=now))
        return replace(
            self,
            recommendations=tuple(
                entry for entry in earlier if entry.until > now - window or entry is earlier[-1]
            ),
            active_at=now if active or self.active else self.active_at,
            active=active,
        )

    def note_change(self, *, before: int, after: int, now: datetime, kept: timedelta) -> History:
        """
        Add that another number of workers is asked for from *now* on, if it is another one.

        Whether the cluster takes it is not known yet.  One that begins with the
        same number as the latest takes its place, as that did not come about.

        Args:
            before: Workers asked for until now.
            after: Workers asked for from now on.
            now: Timezone-aware.
            kept: How far back a step limit looks; older changes are forgotten.
        """
        changes = tuple(change for change in self.changes if change.at > now - kept)
        if after != before and kept:
            carried_out = changes[:-1] if changes and changes[-1].before == before else changes
            changes = (*carried_out, Change(at=now, before=before, after=after))
        return replace(self, changes=changes)


class Limiter(StrEnum):
    """What kept the number from being what the backlog asks for."""

    NONE = "None"
    MAXIMUM = "Maximum"
    MINIMUM = "Minimum"
    STABILISATION = "StabilizationWindow"
    COOLDOWN = "Cooldown"
    ROLLOUT = "RolloutStopped"
    FAILING = "WorkersFailing"
    TOLERANCE = "Tolerance"
    BUSY = "WorkersBusy"
    SOON_DUE = "JobsSoonDue"
    STEP_UP = "ScaleUpPolicy"
    STEP_DOWN = "ScaleDownPolicy"
    BUDGET = "Budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A number of workers, what limits it, and when time alone may change it."""

    replicas: int
    limiter: Limiter = Limiter.NONE
    revisit_at: datetime | None = None


def count_busy(backlog: Backlog, crew: Crew) -> int:
    """
    Tell how many workers that stay have a job in hand.

    A worker has one job in hand.  What is in hand beyond those there are is in
    somebody else's, or its worker is dead: nothing can be done for it until it
    expires, so it neither wakes a pool nor makes it grow.  What is in the hands
    of workers that leave is theirs to end: nobody is kept beside them for it.
    """
    return min(max(backlog.in_hand - crew.holding, 0), crew.desired)


def recommend(waiting: int, busy: int, *, backlog_per_worker: int) -> int:
    """
    Ask for one worker for every so many jobs, before any limit.

    Waiting jobs and jobs in hand are both work.  Never fewer than the workers
    that have a job in hand now, because which of them a scale-down would hit is
    not known.

    Args:
        waiting: Jobs that wait for a worker; at zero, and nobody busy, the answer is 0.
        busy: Workers that have a job in hand, as `count_busy` tells.
        backlog_per_worker: Jobs that one worker is expected to cope with, at least 1.
    """
    return max(-(-(waiting + busy) // backlog_per_worker), busy)


def stabilise(
    recommended: int,
    *,
    current: int,
    history: History,
    now: datetime,
    down_window: timedelta,
    up_window: timedelta,
) -> Step:
    """
    Hold a change until the whole window agrees with it.

    Queues empty in bursts and a PHP worker is slow to boot, so one quiet
    sample must not remove workers that the next burst needs.  A scale-down
    takes the largest number that was in force during *down_window*, a
    scale-up the smallest of *up_window*; holding never goes beyond *current*.

    Args:
        recommended: Workers the backlog asks for at *now*, before any limit.
        current: Workers asked for at present.
        history: Earlier recommendations, the one of *now* included or not.
        now: When the backlog was read; timezone-aware.
        down_window: How far back a scale-down looks, oldest instant excluded; zero disables.
        up_window: The same for a scale-up.
    """
    down = recommended < current
    window = down_window if down else up_window
    if recommended == current or not window:
        return Step(replicas=recommended)
    if history.watching_since > now - window:
        # Nobody watched for a whole window: what is there stays.
        return Step(
            replicas=current, limiter=Limiter.STABILISATION, revisit_at=history.watching_since + window
        )
    dissenting = [
        entry
        for entry in history.recommendations
        if entry.until > now - window
        and (entry.replicas > recommended if down else entry.replicas < recommended)
    ]
    if not dissenting:
        return Step(replicas=recommended)
    wanted = [entry.replicas for entry in dissenting]
    return Step(
        replicas=min(current, max(wanted)) if down else max(current, min(wanted)),
        limiter=Limiter.STABILISATION,
        revisit_at=min(entry.until for entry in dissenting) + window,
    )


TOLERATED_MISSING = 0.05
TOLERATED_SPARE = 0.05
"""Parts of the present workers; what is measured is never exact, and a change is a write that many watch."""


def tolerate(step: Step, *, current: int) -> Step:
    """Leave the number alone where it is right but for a few workers of many."""
    fewest, most = current * (1 - TOLERATED_SPARE), current * (1 + TOLERATED_MISSING)
    if step.replicas != current and fewest <= step.replicas <= most:
        return Step(replicas=current, limiter=Limiter.TOLERANCE)
    return step


def keep_busy(step: Step, *, busy: int) -> Step:
    """
    Keep as many workers as have a job in hand.

    Which of them a scale-down would hit is not known for certain; each would
    end its job, and others might have to boot meanwhile.
    """
    return replace(step, replicas=busy, limiter=Limiter.BUSY) if step.replicas < busy else step


def keep_awaited(step: Step, *, awaited: int, current: int) -> Step:
    """Keep those of the present workers for whom jobs fall due so soon that letting them go would not pay."""
    kept = min(awaited, current)
    return replace(step, replicas=kept, limiter=Limiter.SOON_DUE) if step.replicas < kept else step


def cool_down(step: Step, *, current: int, history: History, now: datetime, cooldown: timedelta) -> Step:
    """
    Keep the last worker until nothing has happened for a whole *cooldown*.

    Only the step to zero waits; from zero there is nothing to keep.
    """
    if step.replicas > 0 or current == 0:
        return step
    quiet_since = max(filter(None, (history.active_at, history.watching_since)))
    if now - quiet_since >= cooldown:
        return step
    return Step(replicas=1, limiter=Limiter.COOLDOWN, revisit_at=quiet_since + cooldown)


def limit(step: Step, *, minimum: int, maximum: int) -> Step:
    """Clamp to the bounds of the pool; a bound outranks every other limiter."""
    if step.replicas > maximum:
        return replace(step, replicas=maximum, limiter=Limiter.MAXIMUM)
    if step.replicas < minimum:
        return replace(step, replicas=minimum, limiter=Limiter.MINIMUM)
    return step


def hold(step: Step, *, current: int, limiter: Limiter) -> Step:
    """Do not grow beyond *current*: a part of every growth would be workers that are known to fail."""
    return replace(step, replicas=current, limiter=limiter) if step.replicas > current else step
