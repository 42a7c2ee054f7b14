"""With `--log-format json` a collector needs no rules of its own for the operator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from apiserver.pools_in_use import push, quick_pool
from harness.operator_process import OperatorProcess

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer


def test_every_line_is_an_object_and_a_decision_has_its_numbers(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """From the first line to the last, whoever wrote it."""
    push(redis, 30)
    with OperatorProcess(installed, "--log-level=debug", "--log-format=json") as operator:
        namespace.apply_pool("orders", quick_pool(redis))
        namespace.wait_for_replicas("orders", 3)
        namespace.wait("the log tells of it", lambda: b'"reason": "ScaledUp"' in operator.log.read_bytes())
        operator.stop()
        lines = [json.loads(line) for line in operator.log.read_text(encoding="utf-8").splitlines()]

    assert all(line.keys() >= {"time", "level", "message", "logger"} for line in lines)
    decision = next(line for line in lines if line.get("reason") == "ScaledUp")
    assert (decision["namespace"], decision["pool"]) == (namespace.name, "orders")
    assert (decision["workers"], decision["recommended"], decision["waiting"]) == (3, 3, 30)
