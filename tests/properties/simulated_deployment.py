"""
A Deployment controller second by second, as far as it moves pods, and workers that take their time to leave.

After ``rolling.go`` in ``pkg/controller/deployment`` and ``replica_set.go`` in
``pkg/controller/replicaset`` of kubernetes v1.36, with ``maxUnavailable: 0``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from queueworkers.domain.capacity import gates_to_open
from unit.domain.given import NOON, a_pod, some_workers

if TYPE_CHECKING:
    from queueworkers.domain.workers import WorkerPod, Workers


@dataclass(kw_only=True)
class SimulatedDeployment:
    """A pool's Deployment, its ReplicaSets by revision, and their pods by name."""

    desired: int
    ceiling: int | None
    max_surge: int
    boot_seconds: int
    drain_seconds: int
    """How long a worker that is asked to leave takes for the job in hand."""
    revision: int = 1
    second: int = 0
    created: int = 0
    """Pods that there ever were."""
    wanted: dict[int, int] = field(default_factory=dict)
    """``spec.replicas`` of each ReplicaSet."""
    pods: dict[str, WorkerPod] = field(default_factory=dict)
    opened_at: dict[str, int] = field(default_factory=dict)
    leaves_at: dict[str, int] = field(default_factory=dict)

    def step(self, *, operator_looks: bool = True) -> None:
        """Let a second pass."""
        self.second += 1
        self._workers_go_on()
        self._deployment_controller()
        for revision in list(self.wanted):
            self._replica_set_controller(revision)
        if operator_looks:
            for name in gates_to_open(self.workers(), self.ceiling):
                self.pods[name] = replace(self.pods[name], gated=False)
                self.opened_at[name] = self.second

    def workers(self) -> Workers:
        """What the operator sees."""
        pods = tuple(self.pods.values())
        return some_workers(self.desired, revision=str(self.revision), pods=pods)

    def holding(self) -> int:
        """Count the pods that may hold a connection."""
        return sum(not pod.gated for pod in self.pods.values())

    def is_done(self) -> bool:
        """Tell whether there are as many workers as wanted, of the newest template, and nobody else."""
        pods = self.pods.values()
        fine = all(pod.ready and not pod.terminating and pod.revision == str(self.revision) for pod in pods)
        return fine and len(pods) == self.desired

    def _workers_go_on(self) -> None:
        for name, opened_at in self.opened_at.items():
            if name in self.pods and self.second >= opened_at + self.boot_seconds:
                self.pods[name] = replace(self.pods[name], ready=True)
        self.pods = {
            name: pod
            for name, pod in self.pods.items()
            if not pod.terminating or self.leaves_at[name] > self.second
        }

    def _deployment_controller(self) -> None:
        new = self.wanted.setdefault(self.revision, 0)
        total = sum(self.wanted.values())
        if new > self.desired:
            self.wanted[self.revision] = self.desired
        elif new < self.desired and total < self.desired + self.max_surge:
            self.wanted[self.revision] += min(self.desired - new, self.desired + self.max_surge - total)
        else:
            self._shrink_old_ones(total - self.desired - (new - self._available(self.revision)))

    def _shrink_old_ones(self, allowed: int) -> None:
        if allowed <= 0:
            return
        old = [revision for revision in self.wanted if revision != self.revision]
        for revision in old:  # those that do not work go first, whatever works elsewhere
            gone = min(allowed, self.wanted[revision] - self._available(revision))
            self.wanted[revision] -= max(gone, 0)
            allowed -= max(gone, 0)
        spare = sum(map(self._available, self.wanted)) - self.desired
        for revision in old:
            gone = min(spare, self.wanted[revision])
            self.wanted[revision] -= max(gone, 0)
            spare -= max(gone, 0)

    def _replica_set_controller(self, revision: int) -> None:
        mine = self._staying(revision)
        for _ in range(self.wanted[revision] - len(mine)):
            self.created += 1
            name = f"p{self.created}"
            self.pods[name] = a_pod(
                name,
                ready=False,
                gated=self.ceiling is not None,
                revision=str(revision),
                created_at=NOON + timedelta(seconds=self.second),
            )
            if self.ceiling is None:
                self.opened_at[name] = self.second
        mine.sort(key=lambda pod: (not pod.gated, pod.ready))
        for pod in mine[: max(len(mine) - self.wanted[revision], 0)]:
            self.pods[pod.name] = replace(pod, terminating=True)
            # A pod without a node has nobody to wait for.
            self.leaves_at[pod.name] = self.second + (0 if pod.gated else self.drain_seconds)

    def _staying(self, revision: int) -> list[WorkerPod]:
        return [pod for pod in self.pods.values() if pod.revision == str(revision) and not pod.terminating]

    def _available(self, revision: int) -> int:
        return sum(pod.ready for pod in self._staying(revision))
