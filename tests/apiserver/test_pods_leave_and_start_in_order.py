"""What the operator writes on pods: which leave first, and which may start under a ceiling."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import quick_pool
from harness.audit import Audit
from harness.operator_process import USER
from harness.watching import ObjectWatch

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")

COST = "controller.kubernetes.io/pod-deletion-cost"
LINGERS = "example.com/a-job-in-hand"
"""A finalizer: such a pod is asked to leave and stays, as one whose worker has a long job."""


class PodWatch(ObjectWatch):
    """The pods of a namespace, and how many of them ever had no gate at a time."""

    most = 0

    def take(self, line: str) -> None:
        """Follow one change, and count."""
        super().take(line)
        self.most = max(self.most, sum(not pod["spec"].get("schedulingGates") for pod in self.all()))


def watch(cluster: Cluster, namespace: Namespace) -> PodWatch:
    """Watch the pods of a namespace."""
    return PodWatch(cluster, f"/api/v1/namespaces/{namespace.name}/pods")


def names(namespace: Namespace) -> set[str]:
    """The pods that nobody has asked to leave."""
    pods = namespace.pods("orders")
    return {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def settle(namespace: Namespace, workers: int) -> list[str]:
    """Wait for so many ready workers; return their names, the oldest first."""
    namespace.wait(
        f"{workers} workers work", lambda: namespace.status("orders").get("readyReplicas") == workers == len(names(namespace))
    )  # fmt: skip
    pods = sorted(namespace.pods("orders"), key=lambda pod: pod["metadata"]["creationTimestamp"])
    return [pod["metadata"]["name"] for pod in pods]


def test_where_nothing_is_known_the_newest_leave(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """With one write for each, and none where all leave, or nobody does."""
    namespace.apply_pool("orders", quick_pool(redis, scaling={"replicas": 4}))
    old = settle(namespace, 4)
    time.sleep(1.1)  # the API server tells the age of pods in whole seconds
    namespace.kubectl("scale", "qwp/orders", "--replicas=6")
    settle(namespace, 6)
    audit = Audit(installed, USER)

    namespace.kubectl("scale", "qwp/orders", "--replicas=4")
    settle(namespace, 4)

    assert names(namespace) == set(old)
    assert _pod_writes(audit, namespace) == 2
    namespace.kubectl("scale", "qwp/orders", "--replicas=0")
    namespace.wait("nobody is left", lambda: not names(namespace))
    assert _pod_writes(audit, namespace) == 2


def test_a_cost_that_somebody_has_set_stays_and_counts(namespace: Namespace, redis: RedisServer) -> None:
    """The cheapest leaves and the dearest stays, whatever their age, and neither annotation is touched."""
    namespace.apply_pool("orders", quick_pool(redis, scaling={"replicas": 4}))
    cheap, *_, dear = settle(namespace, 4)
    namespace.kubectl("annotate", "pod", cheap, f"{COST}=-100")
    namespace.kubectl("annotate", "pod", dear, f"{COST}=100")
    time.sleep(1)

    namespace.kubectl("scale", "qwp/orders", "--replicas=2")
    settle(namespace, 2)

    assert cheap not in names(namespace)
    assert dear in names(namespace)
    assert namespace.get("pod", dear)["metadata"]["annotations"][COST] == "100"


def test_thirty_workers_are_replaced_below_a_ceiling(
    cluster: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """Three places more than workers, ten successors at a time, and old ones that linger: never above it, and done."""
    workers, ceiling = 30, 33
    pool = quick_pool(redis, scaling={"replicas": workers, "maxReplicas": workers, "maxConcurrent": ceiling})
    pool["restart"]["maxSurge"] = 10
    with watch(cluster, namespace) as pods:
        namespace.apply_pool("orders", pool)
        before = set(settle(namespace, workers))
        for name in before:
            _set_finalizers(namespace, name, [LINGERS])

        now = datetime.now(tz=UTC).isoformat(timespec="seconds")
        namespace.kubectl("annotate", "qwp/orders", f"kubectl.kubernetes.io/restartedAt={now}")
        namespace.wait("three old ones linger", lambda: len(_lingering(pods)) == 3)
        time.sleep(3)
        assert len(_lingering(pods)) == 3, "an old one was asked to leave before its successor worked"
        assert sum(bool(pod["spec"].get("schedulingGates")) for pod in pods.all()) == 10

        def all_replaced() -> bool:
            for name in _lingering(pods):
                _set_finalizers(namespace, name, [])
            return len(pods.all()) == workers and not before & {pod["metadata"]["name"] for pod in pods.all()}

        namespace.wait("all are replaced", all_replaced, timeout_seconds=120)
    assert pods.most == ceiling
    assert len(pods.uids_ever) == 2 * workers


def _set_finalizers(namespace: Namespace, pod: str, finalizers: list[str]) -> None:
    patch = json.dumps({"metadata": {"finalizers": finalizers}})
    namespace.kubectl("patch", "pod", pod, "--type=merge", f"--patch={patch}")


def _lingering(pods: PodWatch) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods.all() if "deletionTimestamp" in pod["metadata"]]


def _pod_writes(audit: Audit, namespace: Namespace) -> int:
    return sum(request.resource == "pods" for request in audit.writes(namespace.name))
