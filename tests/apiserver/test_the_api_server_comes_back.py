"""The API server is away for a while, and what happened meanwhile was told to nobody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from apiserver.outages import without_api_server
from apiserver.pools_in_use import push, quick_pool
from harness.audit import Audit
from harness.operator_process import USER, OperatorProcess

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer

AWAY_SECONDS = 5.0
RESYNC_SECONDS = 10
BACK_SECONDS = 60.0
"""For watches to begin anew, at the pace of whoever has failed for a while, and for what they show."""


def test_the_operator_outlives_it(installed: Cluster, namespace: Namespace, redis: RedisServer) -> None:
    """What came to the queue meanwhile finds its workers, by the same process."""
    with OperatorProcess(installed) as operator:
        namespace.apply_pool("shop", quick_pool(redis))
        namespace.wait_for_reason("shop", "Idle")
        with without_api_server(installed):
            push(redis, 7)
            time.sleep(AWAY_SECONDS)
        namespace.wait_for_replicas("shop", 1, seconds=BACK_SECONDS)
        namespace.apply_pool("shop", quick_pool(redis, image="registry.example/shop:2"))
        namespace.wait("the watch tells of changes again", lambda: image(namespace, "shop").endswith(":2"))
        operator.require_running()
        assert b"Traceback" not in operator.log.read_bytes()
        wait_for_a_worker(namespace, "shop")


def test_what_happened_unseen_is_found(installed: Cluster, namespace: Namespace, redis: RedisServer) -> None:
    """
    The operator stands still over it, and every watch is too old when it goes on.

    One pool was edited, of one the Deployment is gone, one is gone itself, one is new.
    """
    spec = quick_pool(redis)
    with OperatorProcess(installed, f"--resync-seconds={RESYNC_SECONDS}") as operator:
        for name in ("edited", "robbed", "gone", "untouched"):
            namespace.apply_pool(name, spec)
        for name in ("edited", "robbed", "gone", "untouched"):
            namespace.wait_for_reason(name, "Idle")
            namespace.wait_for_reason(name, "Complete", kind="Progressing")
        uid = namespace.deployment("robbed")["metadata"]["uid"]
        operator.pause()
        with without_api_server(installed):
            pass
        namespace.apply_pool("edited", {**spec, "image": "registry.example/shop:2"})
        namespace.apply_pool("new", spec)
        namespace.kubectl("delete", "deployment", "robbed-workers", "--wait=true")
        namespace.kubectl("delete", "qwp", "gone", "--wait=true")
        audit = Audit(installed, USER)
        operator.resume()
        namespace.wait(
            "the edit is carried out",
            lambda: image(namespace, "edited").endswith(":2"),
            timeout_seconds=BACK_SECONDS,
        )
        namespace.wait("the new pool is looked after", lambda: bool(namespace.deployment("new")))
        namespace.wait(
            "the Deployment is there again",
            lambda: namespace.deployment("robbed")["metadata"]["uid"] != uid,
            timeout_seconds=BACK_SECONDS,
        )
        push(redis, 3)
        for name in ("edited", "robbed", "untouched", "new"):
            namespace.wait_for_replicas(name, 1)
        written = {each.name.removesuffix("-workers") for each in audit.writes(namespace.name)}
        assert "gone" not in written
        assert b"Traceback" not in operator.log.read_bytes()
        wait_for_a_worker(namespace, "new")


def wait_for_a_worker(namespace: Namespace, pool_name: str) -> None:
    """Wait until Kubernetes' own controllers, which have waited longer and longer, are back at work too."""
    namespace.wait(
        "a worker is ready",
        lambda: namespace.deployment(pool_name)["status"]["readyReplicas"] == 1,
        timeout_seconds=2 * BACK_SECONDS,
    )


def image(namespace: Namespace, pool_name: str) -> str:
    """Read the image of a pool's workers."""
    name: str = namespace.deployment(pool_name)["spec"]["template"]["spec"]["containers"][0]["image"]
    return name
