"""Who is compared with whom: each policy by its name, set to the same target as the pool."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from queueworkers.simulation.optimum import find_optimum
from queueworkers.simulation.policies.fixed import Fixed
from queueworkers.simulation.policies.horizon import Horizon, Strategy
from queueworkers.simulation.policies.keda import Keda, ScaledObject
from queueworkers.simulation.policies.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.simulation.optimum import Optimum
    from queueworkers.simulation.policy import Policy
    from queueworkers.simulation.teams import Circumstances
    from queueworkers.simulation.traces import Trace

BUSIEST_SECONDS = 60
"""The peak that a fixed number of workers is sized for is that of the busiest minute."""


def line_up(spec: QueueWorkerPoolSpec, trace: Trace) -> Mapping[str, Callable[[], Policy]]:
    """
    Make all policies for a pool and what comes to it, in the order of the tables.

    The others get the pool's bounds and a setting that means the pool's target,
    where they have such a setting, and their own defaults for all the rest.
    """
    scaling = spec.scaling

    def keda(name: str, *, poll_seconds: float, list_length: float) -> Callable[[], Policy]:
        return lambda: Keda(
            ScaledObject(
                list_length=list_length,
                polling_interval_seconds=poll_seconds,
                min_replica_count=scaling.min_replicas,
                max_replica_count=scaling.max_replicas,
            ),
            name=name,
        )

    def horizon(strategy: Strategy) -> Callable[[], Policy]:
        return lambda: Horizon(strategy, max_processes=scaling.max_replicas, name=f"horizon-{strategy}")

    def fixed(name: str, workers: float) -> Callable[[], Policy]:
        return lambda: Fixed(min(max(ceil(workers), 1), scaling.max_replicas), name=name)

    same = _list_length(spec, trace)
    return {
        "operator": lambda: Operator(spec, began=trace.began),
        "keda-30s": keda("keda-30s", poll_seconds=30, list_length=same),
        "keda-1s": keda("keda-1s", poll_seconds=1, list_length=same),
        "keda-default": keda("keda-default", poll_seconds=30, list_length=ScaledObject().list_length),
        "horizon-time": horizon(Strategy.TIME),
        "horizon-size": horizon(Strategy.SIZE),
        "fixed-peak": fixed("fixed-peak", _busiest(trace)),
        "fixed-mean": fixed("fixed-mean", trace.mean_seconds * trace.jobs / trace.lasts_seconds),
    }


OPTIMUM = "optimum"
"""The name of the bound among the policies."""


def find_pools_optimum(
    spec: QueueWorkerPoolSpec, trace: Trace, circumstances: Circumstances
) -> Optimum | None:
    """Find what nobody could do better within a pool's bounds; ``None`` where it has no target in time, or none can keep it."""
    waits = [spec.scaling.wait_seconds_of(queue) for queue in spec.queues]
    in_time = [wait for wait in waits if wait is not None]
    if len(in_time) < len(waits):
        return None
    return find_optimum(
        trace,
        circumstances,
        waits=in_time,
        minimum=spec.scaling.min_replicas,
        maximum=spec.scaling.max_replicas,
    )


def _list_length(spec: QueueWorkerPoolSpec, trace: Trace) -> float:
    """Spell the pool's target as jobs per worker: as many as one ends within the time that a job may wait."""
    scaling = spec.scaling
    if scaling.wait_seconds is None or not trace.jobs:
        return scaling.effective_backlog_per_worker
    return max(scaling.wait_seconds / trace.mean_seconds, 1.0)


def _busiest(trace: Trace) -> float:
    """Count the workers that what came within the busiest minute keeps busy for one."""
    minutes = ceil(trace.lasts_seconds / BUSIEST_SECONDS)
    work = np.zeros(minutes + 1)
    for arrivals in trace.queues:
        minute = np.minimum((arrivals.available_at / BUSIEST_SECONDS).astype(int), minutes)
        np.add.at(work, minute, arrivals.seconds)
    return float(work.max()) / BUSIEST_SECONDS
