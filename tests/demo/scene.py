"""What there is to see: the pool, its Deployment, its pods, and what its jobs have written."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from demo.screen import Picture, Worker
from demo.shop import NAMESPACE
from demo.stage import POOL
from harness.watching import ObjectWatch, TableWatch
from ledger.checker import busy_workers, count_ended
from ledger.stream import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.stage import Stage
    from harness.watching import Json
    from ledger.checker import Entry

_LEDGER_SECONDS = 0.5


class Scene:
    """The view of a stage, from `with` to its end."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._open = ExitStack()
        cluster, labels = stage.cluster, f"queueworkers.io%2Fpool%3D{POOL}"
        self._table = TableWatch(cluster, "qwp", f"--namespace={NAMESPACE}")
        self._pools = ObjectWatch(
            cluster, f"/apis/queueworkers.io/v1alpha1/namespaces/{NAMESPACE}/queueworkerpools"
        )
        self._deployments = ObjectWatch(
            cluster, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", labels=labels
        )
        self._pods = ObjectWatch(cluster, f"/api/v1/namespaces/{NAMESPACE}/pods", labels=labels)
        self._ledger = Ledger(stage.redis)
        self._ledger_read_at = 0.0
        self.jobs = 0
        """How many were pushed."""
        self.peak = 0
        """The most workers that were ready at once."""
        self.shortage = 0
        """The most workers by which fewer were ready than wanted, since it was last set to zero."""

    def __enter__(self) -> Self:
        """Begin to look."""
        with ExitStack() as opening:
            for watch in (self._table, self._pools, self._deployments, self._pods):
                opening.enter_context(watch)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._open.close()

    def look(self) -> Sequence[str]:
        """Bring the view up to date, and return what `kubectl get qwp --watch` has printed meanwhile."""
        now = time.monotonic()
        if self.jobs and now - self._ledger_read_at > _LEDGER_SECONDS:
            self._ledger_read_at = now
            self._ledger.look()
        self.peak = max(self.peak, self.ready)
        self.shortage = max(self.shortage, self.wanted - self.ready)
        return self._table.new_lines()

    @property
    def known(self) -> bool:
        """True once the operator has said something of the pool."""
        return bool(self._pools.get(POOL).get("status", {}).get("conditions"))

    @property
    def wanted(self) -> int:
        """Workers that the Deployment is to have."""
        replicas: int = self._deployment.get("spec", {}).get("replicas", 0)
        return replicas

    @property
    def ready(self) -> int:
        """Workers that are ready."""
        replicas: int = self._deployment.get("status", {}).get("readyReplicas", 0)
        return replicas

    @property
    def progress(self) -> str:
        """The reason of the pool's condition Progressing."""
        conditions = self._pools.get(POOL).get("status", {}).get("conditions", ())
        return next((each["reason"] for each in conditions if each["type"] == "Progressing"), "")

    @property
    def done(self) -> int:
        """Jobs that came to an end, as of the last look."""
        return count_ended(self._ledger.entries)

    @property
    def ledger(self) -> Sequence[Entry]:
        """All that the jobs had written at the last look."""
        return self._ledger.entries

    def pod_uids(self) -> frozenset[str]:
        """Name the pods that there are, leaving ones included."""
        return frozenset(pod["metadata"]["uid"] for pod in self._pods.all())

    def busy(self) -> frozenset[str]:
        """Name the pods that have a job in hand."""
        return busy_workers(self._ledger.entries) & {pod["metadata"]["name"] for pod in self._pods.all()}

    def picture(self, doing: str) -> Picture:
        """Draw it all."""
        busy = self.busy()
        return Picture(
            workers=tuple(sorted((_worker(pod, busy) for pod in self._pods.all()), key=_ORDER.index)),
            jobs=self.jobs,
            done=self.done,
            in_hand=len(busy),
            doing=doing,
        )

    @property
    def _deployment(self) -> Json:
        return self._deployments.get(f"{POOL}-workers")


_ORDER = list(Worker)


def _worker(pod: Json, busy: frozenset[str]) -> Worker:
    conditions = pod["status"].get("conditions", ())
    if pod["metadata"].get("deletionTimestamp"):
        return Worker.LEAVING
    if not any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
        return Worker.STARTING
    return Worker.BUSY if pod["metadata"]["name"] in busy else Worker.IDLE
