"""An operator that is killed in the middle of anything goes on where it was."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL
from harness.operator_process import OperatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.shop import Json, Shop
    from harness.cluster import Cluster

ANNOTATION = "kubectl.kubernetes.io/restartedAt"
RESTARTED_AT = "queueworkers.io/restarted-at"
LATEST_KILL_SECONDS = 2.5


@pytest.fixture
def mortal(installed: Cluster) -> Iterator[OperatorProcess]:
    """An operator of the test's own, to be killed."""
    with OperatorProcess(installed) as operator:
        yield operator


@pytest.mark.parametrize("seed", [1, 2])
def test_growth_restart_and_shrinking_survive_a_kill(shop: Shop, mortal: OperatorProcess, seed: int) -> None:
    """Killed once in each phase, at any moment, it ends where an undisturbed one does, and each job is done once."""
    moments = random.Random(seed)
    namespace = shop.namespace
    spec = shop.spec(scaling={"maxReplicas": 4})
    release = {**spec, "env": [*spec["env"], {"name": "RELEASE", "value": "2"}]}
    asked: list[str] = []
    jobs: list[str] = []

    def grow() -> None:
        jobs.extend(shop.push(8, milliseconds=2500))

    def restart() -> None:
        asked.append(datetime.now(tz=UTC).isoformat())
        namespace.kubectl("annotate", f"qwp/{POOL}", f"{ANNOTATION}={asked[-1]}")

    def deploy() -> None:
        namespace.apply_pool(POOL, release)

    def shrink() -> None:
        jobs.extend(shop.push(3, ids="last", milliseconds=500))

    namespace.apply_pool(POOL, spec)
    for phase in (grow, restart, deploy, shrink):
        phase()
        time.sleep(moments.uniform(0, LATEST_KILL_SECONDS))
        mortal.kill()
        mortal.start()

    shop.wait_for_jobs("end", len(jobs))
    namespace.wait_for_reason(POOL, "Idle")
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    shop.assert_each_done_once(jobs)
    _assert_as_asked(shop, release, *asked)


def _assert_as_asked(shop: Shop, spec: Json, asked_at: str) -> None:
    """The Deployment is that of the last spec, was restarted once, and has no owner but the pool."""
    pool = shop.namespace.get("qwp", POOL)
    deployment = shop.namespace.deployment(POOL)
    template = deployment["spec"]["template"]
    assert deployment["spec"]["replicas"] == 0
    assert template["spec"]["containers"][0]["env"] == spec["env"]
    assert template["metadata"]["annotations"][RESTARTED_AT] == asked_at
    assert [owner["uid"] for owner in deployment["metadata"]["ownerReferences"]] == [pool["metadata"]["uid"]]
    assert pool["status"]["observedGeneration"] == pool["metadata"]["generation"]
    # The first template, the restarted one and the released one: never a fourth.
    assert int(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) <= 3
