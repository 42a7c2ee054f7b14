"""A worker that is asked to leave finishes what it has in hand, and leaves at once when it has nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL

if TYPE_CHECKING:
    from cluster.shop import Shop

pytestmark = pytest.mark.usefixtures("operator")

TIMEOUT_SECONDS = 20
GRACE_SECONDS = TIMEOUT_SECONDS + 30
JOB_SECONDS = 12


def test_shrinking_cuts_no_job_off(shop: Shop) -> None:
    """Four of five busy workers are asked to leave; all five jobs end where they began, and once."""
    namespace = shop.namespace
    namespace.apply_pool(POOL, shop.spec(timeout=TIMEOUT_SECONDS, scaling={"maxReplicas": 5}))
    jobs = shop.push(5, milliseconds=JOB_SECONDS * 1000)
    shop.wait_for_jobs("start", 5)
    asked_at = time.time()
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=1")
    namespace.wait("four pods are leaving", lambda: len(_leaving(shop)) == 4)
    leaving = _leaving(shop)
    assert set(leaving.values()) == {GRACE_SECONDS}

    shop.wait_for_jobs("end", 5)
    namespace.wait("one pod is left", lambda: len(namespace.pods(POOL)) == 1)
    assert time.time() - asked_at < GRACE_SECONDS / 2, "SIGTERM did not reach the workers"
    shop.assert_each_done_once(jobs)
    ended_after = [entry for entry in shop.ledger() if entry["event"] == "end"]
    assert {entry["worker"] for entry in ended_after if float(entry["at"]) > asked_at} >= set(leaving)
    began = {(entry["worker"], entry["pid"]) for entry in shop.ledger() if entry["event"] == "start"}
    assert {(entry["worker"], entry["pid"]) for entry in ended_after} == began, "a worker was started again"


def test_the_backlog_shrinks_a_pool_that_is_busy(shop: Shop) -> None:
    """As short jobs end the pool shrinks around the long ones, whichever pods are chosen to leave."""
    namespace = shop.namespace
    long = shop.push(2, ids="long", milliseconds=JOB_SECONDS * 1000)
    short = shop.push(4, ids="short", milliseconds=1500)
    namespace.apply_pool(POOL, shop.spec(timeout=TIMEOUT_SECONDS, scaling={"maxReplicas": 6}))
    shop.wait_for_jobs("start", 6)
    namespace.wait_for_replicas(POOL, 2)
    assert shop.count("end") == len(short), "the long jobs were over before the pool shrank"
    namespace.wait_for_replicas(POOL, 0)
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    shop.assert_each_done_once([*long, *short])


def test_idle_workers_leave_at_once(shop: Shop) -> None:
    """Workers that wait for jobs do not use up their grace period."""
    namespace = shop.namespace
    spec = shop.spec(timeout=TIMEOUT_SECONDS, scaling={"maxReplicas": 4, "replicas": 4})
    namespace.apply_pool(POOL, spec)
    namespace.wait("four workers ask for jobs", lambda: _asking(shop) == 4)
    asked_at = time.monotonic()
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    assert time.monotonic() - asked_at < GRACE_SECONDS / 2


def test_a_worker_that_still_boots_leaves_too(shop: Shop) -> None:
    """A worker that is asked to leave before PHP listens begins no job that its end then cuts off."""
    namespace = shop.namespace
    slow_boot = ["sh", "-c", 'sleep 3; exec php artisan "$@"', "entrypoint"]
    shop.push(30, milliseconds=900)
    spec = shop.spec(command=slow_boot, timeout=3, gracePeriodSeconds=20, scaling={"replicas": 1})
    namespace.apply_pool(POOL, spec)
    namespace.wait("the container has been started", lambda: _running(shop) == 1)
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    assert shop.count("start") == shop.count("end")


def _asking(shop: Shop) -> int:
    """Workers that are past their boot: they have asked Redis for a job."""
    pods = [pod["status"].get("podIP") for pod in shop.namespace.pods(POOL)]
    clients = shop.redis.cli("CLIENT", "LIST")
    return sum(f" addr={address}:" in clients for address in pods if address)


def _leaving(shop: Shop) -> dict[str, int]:
    """Pods that were asked to leave, with the seconds they were given."""
    return {
        pod["metadata"]["name"]: pod["metadata"]["deletionGracePeriodSeconds"]
        for pod in shop.namespace.pods(POOL)
        if "deletionTimestamp" in pod["metadata"]
    }


def _running(shop: Shop) -> int:
    return sum(pod["status"]["phase"] == "Running" for pod in shop.namespace.pods(POOL))
