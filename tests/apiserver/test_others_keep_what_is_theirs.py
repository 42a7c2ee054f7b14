"""The operator shares its Deployments with people and other controllers, and fights nobody."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import READY, push, quick_pool
from harness.pools import pool

if TYPE_CHECKING:
    from harness.pools import Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")

SETTLED_SECONDS = 4
"""Longer than several looks at a pool."""


def test_foreign_fields_stay(namespace: Namespace, redis: RedisServer) -> None:
    """A label, an annotation and an environment variable that somebody adds survive an edit of the pool."""
    namespace.apply_pool("orders", quick_pool(redis, env=[{"name": "APP_ENV", "value": "one"}]))
    namespace.wait_for_reason("orders", "Idle")
    namespace.kubectl("label", "deployment/orders-workers", "team=checkout")
    namespace.kubectl("annotate", "deployment/orders-workers", "note=ours")
    namespace.kubectl("set", "env", "deployment/orders-workers", "EXTRA=1")

    namespace.apply_pool("orders", quick_pool(redis, env=[{"name": "APP_ENV", "value": "two"}]))

    def environment() -> dict[str, str]:
        container = namespace.deployment("orders")["spec"]["template"]["spec"]["containers"][0]
        return {each["name"]: each["value"] for each in container["env"]}

    namespace.wait("the edit arrives", lambda: environment()["APP_ENV"] == "two")
    assert environment()["EXTRA"] == "1"
    metadata = namespace.deployment("orders")["metadata"]
    assert metadata["labels"]["team"] == "checkout"
    assert metadata["annotations"]["note"] == "ours"


def test_what_is_removed_from_the_pool_is_removed(namespace: Namespace, redis: RedisServer) -> None:
    """An environment variable that the pool no longer has leaves the Deployment."""
    namespace.apply_pool("orders", quick_pool(redis, env=[{"name": "DEBUG", "value": "1"}]))
    namespace.wait_for_reason("orders", "Idle")
    namespace.apply_pool("orders", quick_pool(redis))

    def container() -> dict[str, object]:
        return namespace.deployment("orders")["spec"]["template"]["spec"]["containers"][0]

    namespace.wait("the variable is gone", lambda: "env" not in container())


def test_an_edit_of_ours_is_undone(namespace: Namespace, redis: RedisServer) -> None:
    """A field that the pool decides is put right again, whoever changed it."""
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")
    namespace.kubectl("set", "image", "deployment/orders-workers", "worker=registry.example/other:2")

    def image() -> str:
        return namespace.deployment("orders")["spec"]["template"]["spec"]["containers"][0]["image"]

    namespace.wait("the image is put right", lambda: image() == "registry.example/shop:1")


def test_a_rollout_restart_is_not_undone(namespace: Namespace, redis: RedisServer) -> None:
    """`kubectl rollout restart` on the Deployment replaces the workers once, and stays done."""
    namespace.apply_pool("orders", quick_pool(redis, scaling={"minReplicas": 2}))
    namespace.wait_for_reason("orders", "Active")
    before = {pod["metadata"]["uid"] for pod in namespace.pods("orders")}
    namespace.kubectl("rollout", "restart", "deployment/orders-workers")
    namespace.kubectl("rollout", "status", "deployment/orders-workers", "--timeout=60s")
    time.sleep(SETTLED_SECONDS)
    template = namespace.deployment("orders")["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
    alive = [pod for pod in namespace.pods("orders") if "deletionTimestamp" not in pod["metadata"]]
    assert len(alive) == 2
    assert not before & {pod["metadata"]["uid"] for pod in alive}


def test_kubectl_scale_pins_the_pool(namespace: Namespace, redis: RedisServer) -> None:
    """`kubectl scale qwp` asks for that many workers, whatever the backlog, until the pin is removed."""
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")
    namespace.kubectl("scale", "qwp/orders", "--replicas=3")
    namespace.wait_for_reason("orders", "Pinned")
    namespace.wait_for_replicas("orders", 3)
    push(redis, 400)
    namespace.wait("the backlog is told", lambda: namespace.status("orders")["recommendedReplicas"] == 40)
    assert namespace.deployment("orders")["spec"]["replicas"] == 3
    scale = json.loads(
        namespace.kubectl(
            "get",
            "--raw",
            f"/apis/queueworkers.io/v1alpha1/namespaces/{namespace.name}/queueworkerpools/orders/scale",
        )
    )
    assert scale["status"] == {"replicas": 3, "selector": "queueworkers.io/pool=orders"}

    namespace.kubectl(
        "patch", "qwp/orders", "--type=json", '--patch=[{"op":"remove","path":"/spec/scaling/replicas"}]'
    )
    namespace.wait_for_replicas("orders", 40)


def test_a_number_written_by_hand_is_put_right(namespace: Namespace, redis: RedisServer) -> None:
    """`kubectl scale deployment` lasts until the next look; the pool decides."""
    push(redis, 20)
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_replicas("orders", 2)
    namespace.kubectl("scale", "deployment/orders-workers", "--replicas=7")
    namespace.wait_for_replicas("orders", 2)


def test_a_foreign_autoscaler_is_reported_and_not_fought(namespace: Namespace, redis: RedisServer) -> None:
    """While a HorizontalPodAutoscaler holds the Deployment, the pool stands back and says so; then it goes on."""
    push(redis, 20)
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_replicas("orders", 2)
    namespace.kubectl(
        "autoscale", "deployment/orders-workers", "--name=other", "--min=5", "--max=6", "--cpu=50"
    )
    conflict = namespace.wait_for_reason("orders", "ScalingConflict")
    assert "HorizontalPodAutoscaler other" in conflict["message"]
    namespace.wait_for_replicas("orders", 5)
    redis.cli("DEL", READY)
    time.sleep(SETTLED_SECONDS)
    assert namespace.deployment("orders")["spec"]["replicas"] == 5

    namespace.kubectl("delete", "hpa/other")
    namespace.wait_for_replicas("orders", 0)
    namespace.wait_for_reason("orders", "Idle")


def test_recommend_touches_nothing(namespace: Namespace, redis: RedisServer) -> None:
    """Mode Recommend says what the backlog asks for, and leaves the number to somebody else."""
    push(redis, 40)
    namespace.apply_pool("orders", quick_pool(redis, scaling={"mode": "Recommend", "minReplicas": 1}))
    namespace.wait_for_reason("orders", "Recommending")
    assert namespace.status("orders")["recommendedReplicas"] == 4
    namespace.kubectl("scale", "deployment/orders-workers", "--replicas=2")
    namespace.wait_for_reason("orders", "Recommending")
    time.sleep(SETTLED_SECONDS)
    assert namespace.deployment("orders")["spec"]["replicas"] == 2


def test_a_deployment_that_is_somebody_elses_is_not_touched(namespace: Namespace, redis: RedisServer) -> None:
    """A Deployment of the name that the pool needs is left as it is, and the pool says so."""
    namespace.kubectl("create", "deployment", "orders-workers", "--image=registry.example/foreign:1")
    namespace.apply(pool("orders", quick_pool(redis)))
    taken = namespace.wait_for_reason("orders", "NameTaken")
    assert "Deployment orders-workers exists and does not belong to this pool" in taken["message"]
    container = namespace.deployment("orders")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example/foreign:1"
