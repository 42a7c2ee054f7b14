"""A Deployment, its controller and its pods, step by step, and an operator that may end between any two writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from queueworkers.api.restart import RolloutControl
from queueworkers.domain.restarts import Restart
from queueworkers.domain.rollout import Phase, Revision, Rollout, Wish, decide_rollout
from queueworkers.domain.workers import PodTrouble, TroubleKind, WorkerPod, Workers
from unit.domain.given import NOON, some_workers

if TYPE_CHECKING:
    from datetime import datetime

WORKERS = 4
SURGE = 2
MIN_READY_SECONDS = 2
NO_RESTART = Restart(marker=None, trigger=None, due=False, revisit_at=None)
CRASH = PodTrouble(kind=TroubleKind.CRASHING, message="back-off", exit_code=255)


class Interruption(StrEnum):
    """Where in one look the operator ends; it remembers nothing of it afterwards."""

    NONE = "none"
    BEFORE_ANY_WRITE = "before any write"
    BETWEEN_THE_WRITES = "after the Deployment was written and before the status"


@dataclass(kw_only=True)
class Deployment:
    """What the API server stores of it; each operator reads the whole story from here."""

    revision: str
    image: str
    paused: bool = False
    trigger: str | None = None
    since: datetime | None = None
    stopped_at: datetime | None = None
    revisions: list[str] = field(default_factory=list)
    """Those of its ReplicaSets, the newest last."""


@dataclass(kw_only=True)
class SimulatedRollout:
    """A pool whose workers are replaced."""

    second: int = 0
    wish: str = "v1"
    control: RolloutControl = RolloutControl.RUN
    broken: set[str] = field(default_factory=set)
    """Revisions whose workers crash."""
    deployment: Deployment = field(
        default_factory=lambda: Deployment(revision="v1", image="shop:v1", revisions=["v1"])
    )
    pods: list[WorkerPod] = field(default_factory=list)
    told: str | None = None
    made: int = 0
    began: list[str] = field(default_factory=list)
    """Every revision that the Deployment was given, in order."""
    phases: list[Phase] = field(default_factory=list)
    """Every phase that was told, each once in a row."""

    def __post_init__(self) -> None:
        """Begin with a pool that has long been at rest."""
        ready = self._new_pod("v1", ready_since=self.now - timedelta(hours=1))
        self.pods = [replace(ready, name=f"w-{number}") for number in range(1, WORKERS + 1)]
        self.made = WORKERS

    @property
    def now(self) -> datetime:
        """The moment of this second."""
        return NOON + timedelta(seconds=self.second)

    # --- the operator ---

    def look(self, interruption: Interruption = Interruption.NONE) -> Rollout:
        """Look once, as an operator that was just started does."""
        decided = self._decide()
        if interruption is Interruption.BEFORE_ANY_WRITE:
            return decided
        self._write(decided)
        if interruption is Interruption.BETWEEN_THE_WRITES:
            return decided
        after = self._decide()
        self.told = after.phase
        if not self.phases or self.phases[-1] is not after.phase:
            self.phases.append(after.phase)
        return after

    def _decide(self) -> Rollout:
        wish = Wish(
            revision=_revision(self.wish),
            restart=NO_RESTART,
            control=self.control,
            undo_to=self._undo_to() if self.control is RolloutControl.UNDO else None,
        )
        return decide_rollout(wish, self.workers(), told=self.told, recycles=lambda _: False, now=self.now)

    def _undo_to(self) -> Revision | None:
        """As `ClusterWorld.observe_revision_before`."""
        if self.deployment.trigger == "Undo":
            return _revision(self.deployment.revision)
        others = [name for name in self.deployment.revisions if name != self.deployment.revision]
        return _revision(others[-1]) if others else None

    def _write(self, rollout: Rollout) -> None:
        deployment = self.deployment
        if deployment.revision != rollout.revision.name:
            self.began.append(rollout.revision.name)
            deployment.revisions = [
                *(name for name in deployment.revisions if name != rollout.revision.name),
                rollout.revision.name,
            ]
        deployment.revision, deployment.image = rollout.revision.name, rollout.revision.image
        deployment.paused = rollout.paused
        deployment.trigger, deployment.since = rollout.trigger, rollout.since
        deployment.stopped_at = rollout.stopped_at

    def workers(self) -> Workers:
        """Tell what the cluster shows; the counts are as fresh as the pods."""
        staying = [pod for pod in self.pods if not pod.terminating]
        updated = sum(pod.revision == self.deployment.revision for pod in staying)
        ready = sum(pod.ready for pod in staying)
        deployment = self.deployment
        return some_workers(
            WORKERS,
            current=len(staying),
            ready=ready,
            available=sum(map(self._is_available, staying)),
            updated=updated,
            revision=deployment.revision,
            image=deployment.image,
            paused=deployment.paused,
            rollout_trigger=deployment.trigger,
            rollout_since=deployment.since,
            rollout_stopped_at=deployment.stopped_at,
            pods=tuple(self.pods),
        )

    # --- the cluster ---

    def pass_second(self) -> None:
        """Let kubelet and Deployment controller do one thing each."""
        self.second += 1
        self._run_pods()
        self._control()

    def _run_pods(self) -> None:
        """New workers boot within a second; broken ones crash, and look well every third second in between."""
        self.pods = [self._run(pod) for pod in self.pods if not pod.terminating]

    def _run(self, pod: WorkerPod) -> WorkerPod:
        if pod.revision not in self.broken:
            ready_since = pod.ready_since if pod.ready else self.now
            return replace(pod, ready=True, trouble=None, ready_since=ready_since)
        if self.second % 3 == 0:
            return replace(pod, ready=True, trouble=None, crashed=True, ready_since=self.now)
        return replace(pod, ready=False, trouble=CRASH, crashed=True, ready_since=None)

    def _control(self) -> None:
        """
        Do what the Deployment controller does in one step, with ``maxUnavailable: 0``.

        Old workers that do not work go first; one that works goes when there
        are more that work than there have to be.
        """
        staying = [pod for pod in self.pods if not pod.terminating]
        old = [pod for pod in staying if pod.revision != self.deployment.revision]
        new = [pod for pod in staying if pod.revision == self.deployment.revision]
        if len(staying) < WORKERS and self.deployment.paused:
            # A ReplicaSet whose pod was lost makes another one, whoever is paused.
            self.pods.append(self._new_pod(old[0].revision if old else self.deployment.revision))
        if self.deployment.paused:
            return
        useless = [pod for pod in old if not pod.ready]
        working = sum(map(self._is_available, staying))
        if useless:
            self._ask_to_leave(useless[0])
        elif len(new) < WORKERS and len(staying) < WORKERS + SURGE:
            self.pods.append(self._new_pod(self.deployment.revision))
        elif old and working > WORKERS:
            self._ask_to_leave(old[0])
        elif len(new) > WORKERS:
            self._ask_to_leave(next((pod for pod in new if not pod.ready), new[0]))

    def _is_available(self, pod: WorkerPod) -> bool:
        since = pod.ready_since
        return pod.ready and since is not None and self.now - since >= timedelta(seconds=MIN_READY_SECONDS)

    def _ask_to_leave(self, leaver: WorkerPod) -> None:
        self.pods = [replace(pod, terminating=pod is leaver or pod.terminating) for pod in self.pods]

    def _new_pod(self, revision: str | None, *, ready_since: datetime | None = None) -> WorkerPod:
        self.made += 1
        return WorkerPod(
            name=f"w-{self.made}",
            created_at=self.now,
            ready=ready_since is not None,
            terminating=False,
            trouble=None,
            revision=revision,
            ready_since=ready_since,
        )

    # --- what can be said of it ---

    def at_work(self) -> int:
        """Count the workers that work and that nobody has asked to leave."""
        return sum(pod.ready and not pod.terminating and pod.revision not in self.broken for pod in self.pods)

    def revisions_there(self) -> set[str | None]:
        """Name the revisions of the workers that stay."""
        return {pod.revision for pod in self.pods if not pod.terminating}


def _revision(name: str) -> Revision:
    return Revision(template={}, name=name, image=f"shop:{name}", references={})
