"""Between which bounds the number of workers moves at a moment: the pool's own, or those of a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from queueworkers.domain.triggers import moments_around

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.api.scaling import ScalingSchedule, ScalingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds in force."""

    minimum: int
    maximum: int
    schedule: str | None = None
    """The names of the schedules in force, in their order; ``None`` where the bounds are the pool's own."""
    revisit_at: datetime | None = None
    """When a schedule begins or ends next; ``None`` where there is none that will."""


def bounds_in_force(scaling: ScalingSpec, *, now: datetime) -> Bounds:
    """
    Find the bounds that hold at *now*.

    A schedule is in force from a start until the next end, both read in its
    own time zone.  Of several, a later one of the list wins, each bound on its
    own; where that brings the minimum above the maximum, the maximum holds, as
    it is there to protect something.

    Args:
        scaling: The pool's own bounds and its schedules.
        now: Timezone-aware.
    """
    if not scaling.schedules:
        return Bounds(minimum=scaling.min_replicas, maximum=scaling.max_replicas)
    minimum, maximum = scaling.min_replicas, scaling.max_replicas
    names, turns = [], []
    for schedule in scaling.schedules:
        in_force, turns_at = _stand(schedule, now=now)
        turns.append(turns_at)
        if in_force:
            names.append(schedule.name)
            minimum = minimum if schedule.min_replicas is None else schedule.min_replicas
            maximum = maximum if schedule.max_replicas is None else schedule.max_replicas
    return Bounds(
        minimum=min(minimum, maximum),
        maximum=maximum,
        schedule=", ".join(names) or None,
        revisit_at=min(filter(None, turns), default=None),
    )


def _stand(schedule: ScalingSchedule, *, now: datetime) -> tuple[bool, datetime | None]:
    """Tell whether a schedule is in force, and when that changes."""
    starts = moments_around(now, schedule=schedule.start, time_zone=schedule.time_zone)
    ends = moments_around(now, schedule=schedule.end, time_zone=schedule.time_zone)
    if starts.last is None:
        return False, starts.next
    in_force = ends.last is None or starts.last > ends.last or _began_last(schedule, starts.last, ends.last)
    return in_force, ends.next if in_force else starts.next


def _began_last(schedule: ScalingSchedule, start: datetime, end: datetime) -> bool:
    """
    Tell whether a start that falls on the moment of an end comes after it.

    That happens where the clocks skip both, as 2:30 and 3:00 are one moment
    then: what the clocks would have shown decides.  Where they do not differ
    either, one span follows the other.
    """
    if start != end:
        return False
    shown = start.astimezone(ZoneInfo(schedule.time_zone)).replace(tzinfo=UTC)
    would_start = moments_around(shown, schedule=schedule.start, time_zone="UTC").last
    would_end = moments_around(shown, schedule=schedule.end, time_zone="UTC").last
    return would_start is not None and (would_end is None or would_start >= would_end)
