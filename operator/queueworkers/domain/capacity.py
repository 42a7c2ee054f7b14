"""
How many pods there are at any moment, and how there are never more than allowed.

A Deployment knows no such limit: workers that drain do not count for it, and
hours may pass until a long job ends.  With `maxConcurrent`, pods are created
with a scheduling gate, which keeps them from every node: such a pod exists as a
wish, and holds no connection to anything.  A gate is opened only while there
is a place, so whatever the Deployment controller does, the limit holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.api.status import WorkersStatus
from queueworkers.domain.workers import TroubleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.domain.workers import WorkerPod, Workers


def gates_to_open(workers: Workers, ceiling: int | None) -> tuple[str, ...]:
    """
    Name the pods that may start now, in the order in which they may.

    The newest template first, since an older one is about to be replaced
    anyway; then the oldest pod.

    Args:
        workers: The pool's pods, those that leave included: until their end they count.
        ceiling: `spec.scaling.maxConcurrent`; ``None`` opens every gate.
    """
    waiting = sorted(
        (pod for pod in workers.pods if pod.gated and not pod.terminating),
        key=lambda pod: (pod.revision != workers.revision, pod.created_at, pod.name),
    )
    places = len(waiting) if ceiling is None else ceiling - sum(not pod.gated for pod in workers.pods)
    return tuple(pod.name for pod in waiting[: max(places, 0)])


def count_workers(pods: Sequence[WorkerPod], *, desired: int) -> WorkersStatus:
    """
    Count a pool's pods by what they do, each once.

    Args:
        pods: Those that have not ended.
        desired: How many there should be; what is beyond it and not leaving replaces others.
    """
    staying = [pod for pod in pods if not pod.terminating]
    waiting = sum(_waits(pod) for pod in staying)
    working = sum(pod.ready for pod in staying)
    return WorkersStatus(
        working=working,
        starting=len(staying) - working - waiting,
        waiting=waiting,
        draining=len(pods) - len(staying),
        surge=max(len(staying) - desired, 0),
    )


def _waits(pod: WorkerPod) -> bool:
    unschedulable = pod.trouble is not None and pod.trouble.kind is TroubleKind.UNSCHEDULABLE
    return not pod.ready and (pod.gated or unschedulable)
