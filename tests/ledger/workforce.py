"""What became of the workers themselves, as the API server told it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from harness.watching import ObjectWatch

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.watching import Json
    from ledger.subjects import Subject


class Workforce:
    """
    The workers of one subject, from `with` to its end.

    Args:
        subject: Whose workers; its Deployment need not be there yet.
    """

    def __init__(self, subject: Subject) -> None:
        namespace = subject.shop.namespace
        self._pods = ObjectWatch(
            namespace.cluster,
            f"/api/v1/namespaces/{namespace.name}/pods",
            labels=quote(subject.labels, safe=""),
        )
        self._deployments = _Scalings(
            namespace.cluster, f"/apis/apps/v1/namespaces/{namespace.name}/deployments"
        )
        self._name = subject.deployment
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Begin to look."""
        with ExitStack() as opening:
            opening.enter_context(self._pods)
            opening.enter_context(self._deployments)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._open.close()

    @property
    def started(self) -> int:
        """Pods that there ever were."""
        return len(self._pods.uids_ever)

    @property
    def running(self) -> int:
        """Pods that there are, the leaving ones included."""
        return len(self._pods.all())

    @property
    def wanted(self) -> int:
        """Workers that the Deployment is to have."""
        replicas: int = self._deployments.get(self._name).get("spec", {}).get("replicas", 0)
        return replicas

    @property
    def scalings(self) -> int:
        """How often another number of workers was asked for."""
        return self._deployments.scalings

    @property
    def rollouts(self) -> int:
        """How often all workers were replaced by others: pod templates that the Deployment had after its first."""
        annotations = self._deployments.get(self._name).get("metadata", {}).get("annotations", {})
        return max(0, int(annotations.get("deployment.kubernetes.io/revision", 1)) - 1)


class _Scalings(ObjectWatch):
    """Deployments, and how often they were scaled."""

    def __init__(self, cluster: Cluster, path: str) -> None:
        super().__init__(cluster, path)
        self._replicas: dict[str, int] = {}
        self.scalings = 0

    def take(self, line: str) -> None:
        """Follow one change."""
        super().take(line)
        for deployment in self.all():
            self._compare(deployment)

    def _compare(self, deployment: Json) -> None:
        uid, replicas = deployment["metadata"]["uid"], deployment["spec"]["replicas"]
        self.scalings += self._replicas.get(uid, replicas) != replicas
        self._replicas[uid] = replicas
