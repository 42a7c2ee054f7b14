"""
The metrics of all pools: kept after each look, written down when somebody asks.

At rest nothing is looked at, so nothing is done here either.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from queueworkers.telemetry.figures import POOL_FAMILIES, PoolFigures, figures_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.api.status import QueueWorkerPoolStatus
    from queueworkers.domain.identity import PoolIdentity, PoolKey
    from queueworkers.domain.verdict import Situation

SLICE_SAMPLES = 500
"""So many are written down in one go, in about a millisecond, before other threads have their turn."""


class PoolBook:
    """
    What metrics tell of each pool.

    Written by the thread of the event loop, and read by another: every entry is frozen, and replaced as a whole.
    """

    def __init__(self) -> None:
        self._figures: dict[PoolKey, PoolFigures] = {}

    def __len__(self) -> int:
        """Count the pools."""
        return len(self._figures)

    def saw(
        self,
        pool: PoolIdentity,
        status: QueueWorkerPoolStatus,
        situation: Situation | None,
        *,
        workers_before: int,
        told: QueueWorkerPoolStatus,
    ) -> None:
        """Note how a pool stands after a look; *told* is the status before it."""
        since = told.rollout.since_time if told.rollout else None
        self._figures[pool.key] = figures_of(
            pool,
            status,
            situation,
            workers_before=workers_before,
            told_since=since.timestamp() if since else None,
            before=self._figures.get(pool.key),
        )

    def forget(self, key: PoolKey) -> None:
        """Tell no more of a pool: all its series end."""
        self._figures.pop(key, None)

    def pages(self, *, now: float) -> Iterator[str]:
        """
        Write everything down, a slice at a time.

        The format wants all samples of one name together, so the pools are gone through once for each.

        Args:
            now: Unix seconds, for ages.
        """
        pools: Sequence[PoolFigures] = tuple(self._figures.values())
        for family in POOL_FAMILIES:
            yield family.head
            lines = (
                f"{family.name}{{{pool.labels}{labels}}} {value}\n"
                for pool in pools
                for labels, value in family.samples(pool, now)
            )
            while written := "".join(islice(lines, SLICE_SAMPLES)):
                yield written
