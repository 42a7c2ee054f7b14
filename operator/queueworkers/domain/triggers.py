"""
What asks for a restart, and for when.

Every trigger comes down to a moment: what somebody wrote, the time that a
schedule says, the age that workers reach, the application's own signal.  Which
of them is the one that the workers must have had is decided in `rollout`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
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

_REACHES = (
    timedelta(hours=3),
    timedelta(days=2),
    timedelta(days=63),
    timedelta(days=8 * 366),
    timedelta(days=50 * 366),
)
"""
How far back to look for the last moment of a schedule, one after the other.

Moments are hours, days, months or years apart, and few of them are to be gone
through; the last is as far as `CronSim` itself looks ahead.
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
    moments = moments_around(now, schedule=restart.schedule, time_zone=restart.time_zone)
    if moments.last is not None and moments.last > since:
        yield RestartRequest(trigger=RestartTrigger.SCHEDULE, at=moments.last)
    yield from _at(RestartTrigger.SCHEDULE, moments.next)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The moments of a schedule around a certain one, in UTC; ``None`` where there is none within decades."""

    last: datetime | None
    """Up to and including that one."""
    next: datetime | None


def moments_around(now: datetime, *, schedule: str, time_zone: str) -> Moments:
    """
    Find the moments of a schedule around *now*.

    A time that the clocks skip is made up for when they have, and one that they
    show twice is the first of the two; what runs every hour runs every hour.

    Args:
        now: Timezone-aware.
        schedule: Five fields of cron, as `RestartSpec` takes them.
        time_zone: By its name.
    """
    # A schedule has no seconds, and a busy pool is looked at every one of them.
    return _moments_around(now.astimezone(UTC).replace(second=0, microsecond=0), schedule, time_zone)


@lru_cache(maxsize=4096)
def _moments_around(minute: datetime, schedule: str, time_zone: str) -> Moments:
    """
    Go forward from earlier and earlier starts until one moment has passed.

    `CronSim` has another opinion of some moments when it goes backward over a
    change of the clocks, and one moment with two spellings would be two restarts.
    """
    moments = Moments(last=None, next=None)
    for reach in _REACHES:
        for moment in _moments_after(minute - reach, schedule, time_zone):
            if moment > minute:
                moments = replace(moments, next=moment)
                break
            moments = replace(moments, last=moment)
        if moments.last:
            break
    return moments


def _moments_after(start: datetime, schedule: str, time_zone: str) -> Iterator[datetime]:
    # Two moments in one zone compare by what their clocks show, which is wrong twice a year.
    for moment in CronSim(schedule, start.astimezone(ZoneInfo(time_zone))):
        yield moment.astimezone(UTC)
