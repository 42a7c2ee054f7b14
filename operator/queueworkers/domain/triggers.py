"""
What asks for a restart, and for when.

Every trigger comes down to a moment: what somebody wrote, the time that a
schedule says, the age that workers reach, the application's own signal.  Which
of them is the one that the workers must have had is decided in `rollout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim

from queueworkers.api.restart import OnChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.api.restart import RestartSpec


class RestartTrigger(StrEnum):
    """Who asked for a restart."""

    ANNOTATION = "Annotation"
    """`kubectl.kubernetes.io/restartedAt` on the pool."""
    SPEC = "Spec"
    """`spec.restart.at`."""
    SCHEDULE = "Schedule"
    """`spec.restart.schedule`."""
    AGE = "Age"
    """`spec.restart.everySeconds`."""
    SIGNAL = "Signal"
    """The framework's own `queue:restart`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequest:
    """One wish that workers which are older than *at* are replaced."""

    trigger: RestartTrigger
    at: datetime
    """Timezone-aware; in the future it waits for its time."""


RestartRequests = tuple[RestartRequest, ...]

SIGNAL_KEPT = timedelta(minutes=10)
"""
How long a signal counts.

It stays in the application's cache for ever, and workers obey it by
themselves.  An old one that is seen for the first time, by a new operator or
because the pool has begun to heed signals, is history.
"""

_MARGIN = timedelta(hours=3)
"""More than clocks are ever set forward or back for summer time."""

_REACHES = (_MARGIN, timedelta(days=2), timedelta(days=63), timedelta(days=8 * 366), timedelta(days=50 * 366))
"""
How far back to look for the last moment of a schedule, a step after the other.

The moments of most schedules are as far from each other as one of these; the
last is as far as `CronSim` itself looks ahead.
"""


def restart_requests(
    restart: RestartSpec,
    *,
    annotated_at: datetime | None,
    signalled_at: datetime | None,
    last_at: datetime | None,
    started_at: datetime | None,
    scheduled_at: datetime | None,
    now: datetime,
) -> RestartRequests:
    """
    List what asks for a restart, due or ahead, in no order.

    What was done already is listed too, as far as it can still be told, so that
    it can be named.  Requests from before the workers' own time are not: whoever
    is started later needs no restart.

    Args:
        restart: What the pool says about restarts.
        annotated_at: From the annotation on the pool.
        signalled_at: When somebody last ran the framework's `queue:restart`.
        last_at: The latest restart that the pod template carries.
        started_at: When the Deployment was created; ``None`` while there is none.
        scheduled_at: Since when the schedule is what it is, so that an edited one
            does not restart for a moment that it had not named; ``None`` where
            that is not known.
        now: Timezone-aware.
    """
    born = started_at or now
    requests = [
        *_at(RestartTrigger.ANNOTATION, annotated_at),
        *_at(RestartTrigger.SPEC, restart.at),
        *_scheduled(restart, since=max(born, scheduled_at or born), now=now),
        *_aged(restart, since=max(born, last_at or born), now=now),
        *_signalled(restart, signalled_at, now=now),
    ]
    return tuple(request for request in requests if request.at > born)


def _at(trigger: RestartTrigger, at: datetime | None) -> Iterator[RestartRequest]:
    if at is not None:
        yield RestartRequest(trigger=trigger, at=at)


def _scheduled(restart: RestartSpec, *, since: datetime, now: datetime) -> Iterator[RestartRequest]:
    """The last moment of the schedule, unless it is from before *since*, and the next one."""
    if restart.schedule is None:
        return
    last = last_moment(restart.schedule, restart.time_zone, now=now)
    if last is not None and last > since:
        yield RestartRequest(trigger=RestartTrigger.SCHEDULE, at=last)
    yield from _at(RestartTrigger.SCHEDULE, next_moment(restart.schedule, restart.time_zone, now=now))


def _aged(restart: RestartSpec, *, since: datetime, now: datetime) -> Iterator[RestartRequest]:
    """
    The moment at which the workers reach their age.

    While nobody looked they may have reached it several times: that is one
    restart, and at the times that it would have had anyway.
    """
    if restart.every_seconds is None:
        return
    every = timedelta(seconds=restart.every_seconds)
    missed = max((now - since) // every, 1)
    yield RestartRequest(trigger=RestartTrigger.AGE, at=since + missed * every)
    yield RestartRequest(trigger=RestartTrigger.AGE, at=since + (missed + 1) * every)


def _signalled(
    restart: RestartSpec, signalled_at: datetime | None, *, now: datetime
) -> Iterator[RestartRequest]:
    if restart.on_signal is OnChange.RESTART and signalled_at and signalled_at > now - SIGNAL_KEPT:
        yield RestartRequest(trigger=RestartTrigger.SIGNAL, at=signalled_at)


def next_moment(schedule: str, time_zone: str, *, now: datetime) -> datetime | None:
    """
    Find the first moment of a schedule after *now*, in UTC; ``None`` when it never comes.

    Args:
        schedule: Five fields of cron, as `RestartSpec` takes them.
        time_zone: By its name.
        now: Timezone-aware.
    """
    # In the hour that clocks go through twice, a moment of the first time may come out again.
    moments = _moments_after(now - _MARGIN, schedule, time_zone)
    return next((moment for moment in moments if moment > now), None)


def last_moment(schedule: str, time_zone: str, *, now: datetime) -> datetime | None:
    """
    Find the last moment of a schedule up to and including *now*, in UTC; as `next_moment`.

    Found by going forward: `CronSim` has another opinion of some moments when
    it goes backward over a change of the clocks, and one moment with two
    spellings would be two restarts.
    """
    for reach in _REACHES:
        moments = _moments_after(now - reach, schedule, time_zone)
        past = list(takewhile(lambda moment: moment <= now, moments))
        if past:
            return past[-1]
    return None


def _moments_after(start: datetime, schedule: str, time_zone: str) -> Iterator[datetime]:
    # Two moments in one zone compare by what their clocks show, which is wrong twice a year.
    for moment in CronSim(schedule, start.astimezone(ZoneInfo(time_zone))):
        yield moment.astimezone(UTC)
