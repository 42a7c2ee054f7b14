"""How long a change of the number of workers has to be agreed with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from queueworkers.domain.leaving import SEEN_GONE_WITHIN

if TYPE_CHECKING:
    from queueworkers.api.scaling import ScalingSpec
    from queueworkers.domain.crew import Crew
    from queueworkers.domain.learning import Learned

BOOTS_KEPT = 1
DOWN_WINDOW = (timedelta(seconds=5), timedelta(seconds=60))
"""A lower need lasts so many boots before workers leave: at least, and at most, which holds while none was seen."""

BOOTS_RESTED = 10
COOLDOWN = (timedelta(seconds=60), timedelta(seconds=300))
"""The same for the last worker, after which the next job has to wait for a boot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """
    How long a change has to be agreed with.

    To keep a worker for nothing costs as much as it takes; to miss it, a boot.
    So where the user says nothing, a worker is kept about as long as a few boots.
    """

    down_window: timedelta
    up_window: timedelta
    cooldown: timedelta

    @property
    def longest_window(self) -> timedelta:
        """How far back recommendations matter."""
        return max(self.down_window, self.up_window)


def patience_of(scaling: ScalingSpec, learned: Learned, crew: Crew) -> Patience:
    """
    Tell how long a change has to be agreed with, by what the user says or else by how long a boot takes.

    A worker that leaves ends its job before its pod is seen to be gone: for a
    moment it seems to hold a job that is really somebody else's.
    """
    down = scaling.behavior.scale_down.stabilization_window_seconds
    window = _by_boots(learned, BOOTS_KEPT, DOWN_WINDOW) if down is None else timedelta(seconds=down)
    rest = _by_boots(learned, BOOTS_RESTED, COOLDOWN)
    if scaling.wait_seconds and learned.boot_seconds and 2 * learned.boot_seconds <= scaling.wait_seconds:
        rest = window  # a job that finds nobody begins in time all the same
    said = scaling.cooldown_seconds
    return Patience(
        down_window=max(window, SEEN_GONE_WITHIN) if crew.holding else window,
        up_window=timedelta(seconds=scaling.behavior.scale_up.stabilization_window_seconds),
        cooldown=rest if said is None else timedelta(seconds=said),
    )


def _by_boots(learned: Learned, boots: int, bounds: tuple[timedelta, timedelta]) -> timedelta:
    shortest, longest = bounds
    if learned.boot_seconds is None:
        return longest
    return min(max(timedelta(seconds=round(learned.boot_seconds * boots)), shortest), longest)
