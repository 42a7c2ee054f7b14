"""The workers of a pool as the cluster shows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from queueworkers.domain.exits import ContainerEnd
    from queueworkers.frameworks.base import Deafness


class TroubleKind(StrEnum):
    """Why a worker's pod does not run."""

    IMAGE_PULL_FAILED = "ImagePullFailed"
    MISSING_REFERENCE = "MissingReference"
    START_REFUSED = "StartRefused"
    CRASHING = "Crashing"
    UNSCHEDULABLE = "Unschedulable"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTrouble:
    """What keeps one pod from working."""

    kind: TroubleKind
    message: str
    """The kubelet's or the scheduler's own sentence."""
    exit_code: int | None = None
    """Of the last run, where the worker did run."""
    out_of_memory: bool = False
    """True where the kernel ended that run at the memory limit of its container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPod:
    """One pod of the pool."""

    name: str
    created_at: datetime
    ready: bool
    terminating: bool
    trouble: PodTrouble | None
    creating: bool = False
    """True while a node prepares its containers: volumes, network, image."""
    crashed: bool = False
    """True once a container of it ended with an error, however well the next run of it looks."""
    ended: bool = False
    """True for what is left of an evicted pod: it will not run again, and has nothing in hand."""
    revision: str | None = None
    """Which template it was made from."""
    ready_since: datetime | None = None
    """Since when it has been ready, or not."""
    probed_since: datetime | None = None
    """When its worker was started; ``None`` where it does not run, or no probe looks whether it listens."""
    deafness: Deafness | None = None
    """Why its worker does not hear that it is asked to leave, where the probe has complained."""
    addresses: tuple[str, ...] = ()
    """Its own on the pods' network; of one kind or of both."""
    gated: bool = False
    """True while it waits for a place under `maxConcurrent`: it has no node and holds nothing."""
    leaving_since: datetime | None = None
    """When it was asked to leave."""
    deletion_cost: int = 0
    """The ReplicaSet controller deletes the pod of the lowest cost first."""
    ends: tuple[ContainerEnd, ...] = ()
    """Of its worker's containers, the last two at most."""
    priced_by_others: bool = False
    """True where somebody else than the operator has set that cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """
    The pool's Deployment and its pods.

    The counts are the Deployment controller's; *current* etc. may be those of
    an older generation while *generation* is ahead of *observed_generation*.
    """

    created_at: datetime
    """When the Deployment was created."""
    generation: int
    observed_generation: int
    desired: int
    """``spec.replicas``: what was last asked for."""
    current: int
    """Pods that exist and are not terminating."""
    ready: int
    updated: int
    """Pods made from the newest template."""
    available: int
    """Pods that have been ready for ``minReadySeconds``."""
    restart_marker: datetime | None
    """The last restart that was put into the pod template."""
    revision: str | None
    """The name of the pod template; ``None`` where another version of the operator made it."""
    image: str
    """The worker's image in the pod template."""
    references: Mapping[str, str]
    """Digests of the ConfigMaps and Secrets that the pod template was made for."""
    restarted_outside_at: datetime | None
    """When somebody last restarted the Deployment itself, as `kubectl rollout restart` does."""
    paused: bool
    """Whether the Deployment controller replaces nobody, whoever wants it so."""
    rollout_trigger: str | None
    """What the latest replacement of workers began with, as noted on the Deployment."""
    rollout_since: datetime | None
    """When that began."""
    rollout_stopped_at: datetime | None
    """When the operator paused the Deployment because new workers fail; ``None`` when it did not."""
    schedule: str | None
    """The schedule of restarts that the Deployment was made with, and its time zone."""
    schedule_since: datetime | None
    """Since when the schedule is that one."""
    foreign_autoscaler: str | None
    """The autoscaler that targets the Deployment, where one was found."""
    refusal: str | None
    """Why the API server refuses new pods: a quota, an admission policy."""
    pods: tuple[WorkerPod, ...]
    ends: tuple[ContainerEnd, ...] = ()
    """The latest ends of worker containers, those of pods that are gone included."""

    @property
    def staying(self) -> tuple[WorkerPod, ...]:
        """The pods that nobody has asked to leave."""
        return tuple(pod for pod in self.pods if not pod.terminating)

    @property
    def replacing(self) -> bool:
        """
        True while workers of an older template are still to be replaced.

        Mere growth of an up-to-date pool is not a rollout.
        """
        if self.observed_generation < self.generation:
            return False  # nothing is known about the newest generation yet
        return self.updated < self.current

    @property
    def unproven(self) -> bool:
        """True while there is a worker that has crashed, and not all have been ready for ``minReadySeconds``."""
        crashed = any(pod.crashed and not pod.terminating for pod in self.pods)
        return crashed and self.available < self.desired

    @property
    def troubles(self) -> tuple[tuple[WorkerPod, PodTrouble], ...]:
        """The pods that cannot work, with why; terminating ones do not count."""
        return tuple((pod, pod.trouble) for pod in self.pods if pod.trouble and not pod.terminating)
