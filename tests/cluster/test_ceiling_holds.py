"""With `maxConcurrent`, never more pods hold connections than allowed, however long the old ones drain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cluster.shop import POOL
from harness.watching import ObjectWatch

if TYPE_CHECKING:
    from cluster.shop import Shop
    from harness.cluster import Cluster

pytestmark = pytest.mark.usefixtures("operator")

WORKERS = 3
CEILING = 4
JOB_SECONDS = 8


class PodWatch(ObjectWatch):
    """The pods of a namespace, and how many of them had no gate, after every change that there was."""

    most = 0

    def take(self, line: str) -> None:
        """Follow one change, and count."""
        super().take(line)
        holding = sum(not pod["spec"].get("schedulingGates") and not _ended(pod) for pod in self.all())
        self.most = max(self.most, holding)


@pytest.mark.parametrize(
    ("max_surge", "jobs"),
    [
        pytest.param(1, WORKERS, id="one ahead"),
        pytest.param(2, 3 * WORKERS, id="two ahead, and the successors get long jobs too"),
    ],
)
def test_a_rolling_restart_of_busy_workers(cluster: Cluster, shop: Shop, max_surge: int, jobs: int) -> None:
    """The successors wait until an old worker has ended its job; all are replaced, and no job is lost."""
    namespace = shop.namespace
    spec = shop.spec(
        timeout=30,
        scaling={"minReplicas": WORKERS, "maxReplicas": WORKERS, "maxConcurrent": CEILING},
        restart={"minReadySeconds": 1, "maxSurge": max_surge},
    )
    with PodWatch(cluster, f"/api/v1/namespaces/{namespace.name}/pods") as pods:
        namespace.apply_pool(POOL, spec)
        namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
        before = {pod["metadata"]["uid"] for pod in pods.all()}
        pushed = shop.push(jobs, milliseconds=JOB_SECONDS * 1000)
        shop.wait_for_jobs("start", WORKERS)

        now = datetime.now(tz=UTC).isoformat(timespec="seconds")
        namespace.kubectl("annotate", f"qwp/{POOL}", f"kubectl.kubernetes.io/restartedAt={now}")
        namespace.wait(
            "every pod is another",
            lambda: (
                len(pods.all()) == WORKERS
                and not before & {pod["metadata"]["uid"] for pod in pods.all()}
                and namespace.condition(POOL, "Progressing").get("reason") == "Complete"
            ),
            timeout_seconds=120,
        )
        shop.wait_for_jobs("end", jobs)

    assert pods.most == CEILING
    assert len(pods.uids_ever) == 2 * WORKERS
    shop.assert_each_done_once(pushed)


def test_a_ceiling_that_goes_lets_everybody_start(cluster: Cluster, shop: Shop) -> None:
    """Taking `maxConcurrent` away leaves nobody waiting, though the template they were made from had the gate."""
    namespace = shop.namespace
    ceiling = {"minReplicas": 1, "maxReplicas": 5, "maxConcurrent": 6}
    namespace.apply_pool(POOL, shop.spec(scaling=ceiling))
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    namespace.apply_pool(POOL, shop.spec(scaling={**ceiling, "minReplicas": 5}))
    namespace.apply_pool(POOL, shop.spec(scaling={"minReplicas": 5, "maxReplicas": 5}))

    with PodWatch(cluster, f"/api/v1/namespaces/{namespace.name}/pods") as pods:
        namespace.wait(
            "five workers of the new template work",
            lambda: (
                len(pods.all()) == 5
                and not any(pod["spec"].get("schedulingGates") for pod in pods.all())
                and namespace.status(POOL).get("readyReplicas") == 5
            ),
        )


def _ended(pod: dict[str, Any]) -> bool:
    return pod["status"].get("phase") in {"Succeeded", "Failed"}
