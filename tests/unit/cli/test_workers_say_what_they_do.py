"""`qwp workers`: what it makes of pods as the API server tells them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from queueworkers.cli.workers import describe_workers, see_workers, spell_workers
from queueworkers.domain.identity import PoolKey
from queueworkers.domain.manifests import REVISION_ANNOTATION
from unit.cli.seen_pools import NOW, ago

PAGE = Path("docs/qwp.md").read_text(encoding="utf-8")

ORDERS = PoolKey("shop", "orders")

DEPLOYMENT: dict[str, Any] = {
    "metadata": {"creationTimestamp": ago(86400), "generation": 2},
    "spec": {
        "template": {"metadata": {"annotations": {REVISION_ANNOTATION: "b"}}, "spec": {"containers": []}}
    },
}


def a_pod(name: str, age: int, *, revision: str = "b", **state: Any) -> dict[str, Any]:
    """Make a pod whose worker is in a state; one that is ready without a word about it."""
    ready = "False" if state else "True"
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": ago(age),
            "annotations": {REVISION_ANNOTATION: revision},
            "labels": {"pod-template-hash": f"hash-{revision}"},
        },
        "spec": {"nodeName": "node-1"},
        "status": {
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": ago(age)}],
            "containerStatuses": [{"name": "worker", "restartCount": 0, **state}],
        },
    }


CRASHED = {
    "restartCount": 3,
    "state": {
        "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}
    },
    "lastState": {"terminated": {"exitCode": 255, "reason": "Error"}},
}
LEAVING = a_pod("w-4", 900, revision="a")
LEAVING["metadata"] |= {"deletionTimestamp": ago(-30), "deletionGracePeriodSeconds": 90}
PODS = [
    a_pod("w-1", 30, state={"waiting": {"reason": "ContainerCreating"}}),
    a_pod("w-2", 300, **CRASHED),
    a_pod("w-3", 7200, revision="a"),
    LEAVING,
    a_pod("w-5", 600),
]


def test_each_worker_is_a_line() -> None:
    """The oldest first; what is to be replaced is of an old template, and so is what leaves for it."""
    assert list(
        spell_workers(see_workers(ORDERS, DEPLOYMENT, PODS), everywhere=False, wide=False, now=NOW)
    ) == [
        "POOL     WORKER   STATE      AGE   RESTARTS   LAST-EXIT   TEMPLATE",
        "orders   w-3      Working    2h    0          -           old",
        "orders   w-4      Leaving    15m   0          -           old",
        "orders   w-5      Working    10m   0          -           new",
        "orders   w-2      Crashing   5m    3          255         new",
        "orders   w-1      Starting   30s   0          -           new",
    ]


def test_wide_tells_where_and_why() -> None:
    """The node, the ReplicaSet's hash, and the kubelet's own words."""
    written = list(spell_workers(see_workers(ORDERS, DEPLOYMENT, PODS), everywhere=True, wide=True, now=NOW))

    assert re.split(r" {3,}", written[4]) == [
        *("shop/orders", "w-2", "Crashing", "5m", "3", "255", "new", "node-1", "hash-b"),
        "back-off 40s restarting failed container",
    ]


def test_programs_get_the_same() -> None:
    """Without what is not known."""
    crashed, starting = describe_workers(see_workers(ORDERS, DEPLOYMENT, PODS))["workers"][-2:]

    assert (crashed["state"], crashed["lastExitCode"], crashed["template"]) == ("Crashing", 255, "new")
    assert "lastExitCode" not in starting
    assert starting["createdTime"] == ago(30)


def test_a_pool_without_workers_says_so() -> None:
    """And writes no header above nothing."""
    assert list(spell_workers([], everywhere=False, wide=False, now=NOW)) == ["There are no workers."]
