"""The API server's audit log shows how little the operator writes."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import JOB, READY, push, quick_pool
from harness.audit import Audit
from harness.operator_process import USER
from harness.pools import pool as a_pool
from harness.progress import wait_until

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.operator_process import OperatorProcess
    from harness.pools import Namespace
    from harness.redis import RedisServer

WATCHED_SECONDS = 15
STATUS_PACE_SECONDS = 5
MANY = 300
MANY_SECONDS = 240.0
"""To make so many, each with its Deployment and its status, where two cores have all else to do too."""


def settle(namespace: Namespace, name: str, reason: str) -> None:
    """Wait until a pool stands where it will stay, and all its workers are ready."""
    namespace.wait_for_reason(name, reason)
    namespace.wait_for_reason(name, "Complete", kind="Progressing")
    time.sleep(STATUS_PACE_SECONDS + 1)  # the last numbers are told at the pace of numbers


@pytest.mark.usefixtures("operator")
def test_rest_costs_no_write(installed: Cluster, namespace: Namespace, redis: RedisServer) -> None:
    """Pools at zero, pools with a standing backlog and pools whose Redis is down are left alone."""
    push(redis, 30)
    pool = quick_pool(redis)
    namespace.apply_pool("working", pool)
    namespace.apply_pool("empty", {**pool, "queues": ["nothing"]})
    namespace.apply_pool("broken", {**pool, "redis": {"host": redis.address, "port": 1}})
    namespace.apply_pool("spelled", {**pool, "resources": {"limits": {"memory": "1024Mi", "cpu": 1}}})
    for name, reason in (
        ("working", "Active"),
        ("empty", "Idle"),
        ("broken", "BacklogUnknown"),
        ("spelled", "Active"),
    ):
        settle(namespace, name, reason)
    audit = Audit(installed, USER)
    time.sleep(WATCHED_SECONDS)
    assert audit.writes(namespace.name) == []


@pytest.mark.usefixtures("operator")
def test_a_moving_backlog_costs_a_bounded_number_of_writes(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """A backlog that changes every half second, within what the workers are for, is told at a pace."""
    push(redis, 30)
    namespace.apply_pool("working", quick_pool(redis, scaling={"minReplicas": 20, "maxReplicas": 20}))
    settle(namespace, "working", "Active")
    audit = Audit(installed, USER)
    for number in range(WATCHED_SECONDS * 2):
        redis.cli("RPUSH", READY, JOB % number)
        time.sleep(0.5)
    written = Counter(request.resource for request in audit.writes(namespace.name))
    assert set(written) == {"queueworkerpools/status"}
    assert 1 <= written["queueworkerpools/status"] <= WATCHED_SECONDS / STATUS_PACE_SECONDS + 1


def test_a_cold_start_changes_nothing_that_is_right(
    operator: OperatorProcess, installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """An operator that starts over pools that are as they should be writes nothing at all."""
    push(redis, 30)
    namespace.apply_pool("working", quick_pool(redis))
    namespace.apply_pool("empty", {**quick_pool(redis), "queues": ["nothing"]})
    settle(namespace, "working", "Active")
    settle(namespace, "empty", "Idle")
    operator.kill()
    audit = Audit(installed, USER)
    operator.start()
    time.sleep(WATCHED_SECONDS)
    assert audit.writes(namespace.name) == []


def test_a_cold_start_over_many_pools_heals_what_is_not_right_and_nothing_else(
    operator: OperatorProcess, installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """Of 300 pools one has lost its Deployment, one has another image and one is gone: the others cost no write."""
    spec = quick_pool(redis)
    namespace.apply(*(a_pool(f"pool-{number:03}", spec) for number in range(MANY)))
    namespace.wait(f"{MANY} pools are idle", lambda: idle(namespace) == MANY, timeout_seconds=MANY_SECONDS)
    time.sleep(STATUS_PACE_SECONDS + 1)
    operator.stop()
    namespace.kubectl("delete", "deployment", "pool-007-workers")
    namespace.kubectl("set", "image", "deployment/pool-008-workers", "worker=registry.example/other:1")
    namespace.kubectl("delete", "qwp", "pool-009")
    audit = Audit(installed, USER)
    said = operator.log.stat().st_size
    operator.start()
    wait_until(
        lambda: b" pools were looked at" in operator.log.read_bytes()[said:],
        what="every pool was looked at",
        timeout_seconds=MANY_SECONDS,
    )
    namespace.wait("the Deployment is there again", lambda: bool(namespace.deployment("pool-007")))
    namespace.wait(
        "the image is the pool's again",
        lambda: image(namespace, "pool-008") == "registry.example/shop:1",
    )
    time.sleep(WATCHED_SECONDS)
    written = {request.name.removesuffix("-workers") for request in audit.writes(namespace.name)}
    assert {name for name in written if not name.startswith(("pool-007", "pool-008"))} == set()


def idle(namespace: Namespace) -> int:
    """Count the pools that stand where they will stay."""
    return sum(
        {"Idle", "Complete"} <= {each["reason"] for each in pool.get("status", {}).get("conditions", ())}
        for pool in namespace.list_all("qwp")
    )


def image(namespace: Namespace, pool_name: str) -> str:
    """Read the image of a pool's workers."""
    containers = namespace.deployment(pool_name)["spec"]["template"]["spec"]["containers"]
    name: str = containers[0]["image"]
    return name
