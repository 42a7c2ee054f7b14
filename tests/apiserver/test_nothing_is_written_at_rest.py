"""The API server's audit log shows how little the operator writes."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import JOB, READY, push, quick_pool
from harness.audit import Audit
from harness.operator_process import USER, OperatorProcess

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer

WATCHED_SECONDS = 15
STATUS_PACE_SECONDS = 5


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
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """An operator that starts over pools that are as they should be writes nothing at all."""
    push(redis, 30)
    with OperatorProcess(installed) as running:
        namespace.apply_pool("working", quick_pool(redis))
        namespace.apply_pool("empty", {**quick_pool(redis), "queues": ["nothing"]})
        settle(namespace, "working", "Active")
        settle(namespace, "empty", "Idle")
        running.kill()
        audit = Audit(installed, USER)
        running.start()
        time.sleep(WATCHED_SECONDS)
        assert audit.writes(namespace.name) == []
