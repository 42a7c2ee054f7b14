"""
When a status is worth writing.

A moving backlog changes some number every second; the API server and
everybody who watches should not pay for that.  What changes a pool's standing
is told at once, mere numbers at a pace.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionReason, ConditionType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from queueworkers.api.status import QueueWorkerPoolStatus

_CALM: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((ConditionReason.AT_MAX_REPLICAS, ConditionReason.BUDGET_SPENT), ConditionReason.ACTIVE)
)
"""Reasons of `Ready` that come and go with the numbers, and what each is without them."""


def same(previous: QueueWorkerPoolStatus, current: QueueWorkerPoolStatus) -> bool:
    """Tell whether nothing but the time of the reading differs."""
    return _without_reading_time(previous) == _without_reading_time(current)


def standing(status: QueueWorkerPoolStatus) -> tuple[object, ...]:
    """
    What is told at once when it changes: generation, conditions' words, wanted workers, restarts, pauses.

    Whether the backlog asks for more than the bounds allow is as restless as
    the backlog itself, so it is told with the numbers.
    """
    return (
        status.observed_generation,
        tuple(
            (condition.type, condition.status, _CALM.get(condition.reason, condition.reason))
            for condition in status.conditions
            if condition.type != ConditionType.SCALING_LIMITED
        ),
        status.desired_replicas,
        status.last_restart,
        status.rollout and (status.rollout.phase, status.rollout.trigger, status.rollout.since_time),
        status.source,
        tuple((queue.name, queue.hold) for queue in status.queues if queue.hold),
        status.backlog is None,
    )


def due_in(
    previous: QueueWorkerPoolStatus,
    current: QueueWorkerPoolStatus,
    *,
    written_at: datetime | None,
    now: datetime,
    pace: timedelta,
) -> timedelta | None:
    """
    Tell when *current* is to be written: zero for now, ``None`` for never.

    Args:
        previous: What the API server has.
        current: What is true now.
        written_at: When this process wrote the pool's status last.
        now: Timezone-aware.
        pace: At least so long between two writes of mere numbers.
    """
    zero = pace * 0
    if standing(previous) != standing(current):
        return zero
    if same(previous, current):
        return None
    return max(written_at + pace - now, zero) if written_at else zero


def _without_reading_time(status: QueueWorkerPoolStatus) -> QueueWorkerPoolStatus:
    if status.backlog is None:
        return status
    return status.model_copy(update={"backlog": status.backlog.model_copy(update={"observed_time": None})})
