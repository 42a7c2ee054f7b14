"""
The workers of a pool, as far as their number is concerned.

What a decision on the number needs to know of a cluster, and nothing else: so
the same decision serves a simulated pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.domain.leaving import count_holding
from queueworkers.domain.workers import TroubleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from queueworkers.domain.workers import PodTrouble, WorkerPod, Workers

MAX_FAILURE = 300
"""So much is told of what keeps a worker from starting; a scheduler's sentence names every node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """One worker's way from being asked for to being ready."""

    created_at: datetime
    ready_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who works, who is about to, and who does not get there."""

    desired: int = 0
    """Workers asked for at present; none before there is a Deployment."""
    ready: int = 0
    starting: tuple[datetime, ...] = ()
    """When each of those was created that are not ready yet and may become so."""
    booted: tuple[Boot, ...] = ()
    """Of those that are ready and never were anything else since."""
    holding: int = 0
    """Workers that leave, and not before they have ended a job each."""
    failing: str | None = None
    """What keeps the newest workers from working; ``None`` where nothing does."""


def see_crew(workers: Workers | None, *, recycles: Callable[[PodTrouble], bool], now: datetime) -> Crew:
    """
    Look at the workers of a pool.

    Args:
        workers: As the cluster shows them.
        recycles: Tells whether the end of a worker was by design.
        now: Timezone-aware.
    """
    if workers is None:
        return Crew()
    staying = [pod for pod in workers.staying if not pod.ended]
    return Crew(
        desired=workers.desired,
        ready=workers.ready,
        starting=tuple(
            pod.created_at for pod in staying if not pod.ready and not pod.gated and pod.trouble is None
        ),
        booted=tuple(_boots(staying)),
        holding=count_holding(workers.pods, now=now),
        failing=_failure(staying, recycles) or _refused(workers),
    )


def _boots(pods: Iterable[WorkerPod]) -> Iterable[Boot]:
    """One that crashed became ready a second time; that is no boot."""
    for pod in pods:
        if pod.ready and pod.ready_since and not pod.crashed and not pod.ends:
            yield Boot(created_at=pod.created_at, ready_at=pod.ready_since)


def _failure(pods: list[WorkerPod], recycles: Callable[[PodTrouble], bool]) -> str | None:
    """
    Tell what the newest workers suffer from.

    A worker that crashes while a younger one works has a trouble of its own,
    such as a job that ends it: others would help.  One for which there is no
    room is followed by more of them.
    """
    working_since = max((pod.created_at for pod in pods if pod.ready), default=None)
    for pod in sorted(pods, key=lambda each: each.name):
        trouble = pod.trouble
        if trouble is None or recycles(trouble):
            continue
        newest = working_since is None or pod.created_at > working_since
        if newest or trouble.kind is TroubleKind.UNSCHEDULABLE:
            return f"{pod.name} is {trouble.kind}: {trouble.message}"[:MAX_FAILURE]
    return None


def _refused(workers: Workers) -> str | None:
    return f"the API server refuses more: {workers.refusal}"[:MAX_FAILURE] if workers.refusal else None
