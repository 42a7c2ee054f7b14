"""A worker of which only its pool knows anything: scaled from nothing and back, started again, and asked to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL, PREFIX

if TYPE_CHECKING:
    from cluster.shop import Shop

pytestmark = pytest.mark.usefixtures("operator")

KEYS = [
    {"key": "queues:$(queue)", "type": "List", "jobs": "Ready"},
    {"key": "queues:$(queue):delayed", "type": "SortedSet", "jobs": "Delayed", "scoresPerSecond": 1},
    {"key": "queues:$(queue):reserved", "type": "SortedSet", "jobs": "Reserved", "scoresPerSecond": 1},
]
COMMAND = ["php", "artisan", "queue:work", "redis", "--queue=default", "--sleep=1", "--max-jobs=2"]


def test_a_pool_that_declares_its_queues(shop: Shop) -> None:
    """Jobs that wait and jobs that fall due bring workers; each is done once, by workers that end after every second."""
    namespace = shop.namespace
    known = shop.spec(scaling={"maxReplicas": 2})
    spec = {key: value for key, value in known.items() if key not in {"sleep", "framework"}}
    custom = {"framework": "Custom", "command": COMMAND, "custom": {"keys": KEYS}, "queues": ["default"]}
    namespace.apply_pool(POOL, {**spec, **custom})
    namespace.wait_for_reason(POOL, "Idle")
    jobs = shop.push(8, milliseconds=200)
    shop.wait_for_jobs("end", len(jobs))
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    jobs += shop.push(2, ids="later", delay=5)
    shop.wait_for_jobs("end", len(jobs))
    shop.assert_each_done_once(jobs)
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    recycled = sum(each["count"] for each in namespace.status(POOL)["exits"] if each["recycled"])
    assert recycled >= 2
    assert not [each for each in namespace.status(POOL)["exits"] if not each["recycled"]]


def test_a_worker_that_is_no_php(shop: Shop) -> None:
    """Nothing is put before it or beside it: it is the container's first process, and its own SIGTERM ends it."""
    namespace = shop.namespace
    script = 'trap "echo asked; exit 0" TERM; echo up; while :; do sleep 0.2; done'
    spec = {key: value for key, value in shop.spec().items() if key not in {"sleep", "framework"}}
    namespace.apply_pool(
        POOL,
        {
            **spec,
            "framework": "Custom",
            "command": ["sh", "-c", script],
            "custom": {"keys": [{"key": f"{PREFIX}none:$(queue)", "type": "List", "jobs": "Ready"}]},
            "scaling": {"maxReplicas": 1, "replicas": 1},
        },
    )
    namespace.wait(
        "it is up", lambda: [pod["status"]["phase"] for pod in namespace.pods(POOL)] == ["Running"]
    )
    (pod,) = namespace.pods(POOL)
    (container,) = pod["spec"]["containers"]
    assert container["command"] == ["sh", "-c", script]
    assert not {"args", "lifecycle", "startupProbe"} & container.keys()
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("it has left", lambda: not namespace.pods(POOL), timeout_seconds=15)
