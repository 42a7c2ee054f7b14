"""A pool's number of workers follows what a real Redis holds."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import JOB, PREFIX, READY, push, quick_pool

if TYPE_CHECKING:
    from harness.pools import Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")


def test_grows_in_one_step_and_returns_to_zero(namespace: Namespace, redis: RedisServer) -> None:
    """500 jobs at 10 per worker ask for 50 workers with one write, and none are left when they are done."""
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")
    before = namespace.deployment("orders")["metadata"]["generation"]

    push(redis, 500)
    namespace.wait_for_replicas("orders", 50)
    assert namespace.deployment("orders")["metadata"]["generation"] == before + 1
    namespace.wait("backlog is told", lambda: namespace.status("orders")["backlog"]["waiting"] == 500)

    redis.cli("DEL", READY)
    namespace.wait_for_replicas("orders", 0)
    namespace.wait_for_reason("orders", "Idle")
    events = namespace.events("orders")
    assert [note.partition(",")[0] for reason, note in events if reason == "ScaledUp"] == ["0→50: 500 ready"]
    assert events[-1] == ("ScaledDown", "1→0: 0 ready, at 10 per worker, ask for 0, min 0")


def test_stops_at_the_maximum_and_says_so(namespace: Namespace, redis: RedisServer) -> None:
    """A backlog beyond the bound is visible as AtMaxReplicas."""
    namespace.apply_pool("orders", quick_pool(redis, scaling={"maxReplicas": 3}))
    push(redis, 100)
    ready = namespace.wait_for_reason("orders", "AtMaxReplicas")
    assert ready["status"] == "True"
    assert "maxReplicas allows 3" in ready["message"]
    assert namespace.condition("orders", "ScalingLimited")["reason"] == "TooManyReplicas"


@pytest.mark.parametrize(
    ("key", "seconds_from_now", "wakes_after"),
    [
        pytest.param("reserved", 4, 4, id="a reserved job expires, its worker is gone"),
        pytest.param("delayed", -60, 0, id="a delayed job is overdue"),
    ],
)
def test_wakes_from_zero_for_what_no_list_shows(
    namespace: Namespace, redis: RedisServer, key: str, seconds_from_now: int, wakes_after: int
) -> None:
    """Only a running worker moves due and expired jobs back to the list, so the pool wakes for them."""
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")
    falls_due = int(redis.cli("TIME").split()[0]) + seconds_from_now
    redis.cli("ZADD", f"{READY}:{key}", str(falls_due), JOB % 1)
    if wakes_after:
        # A job that is still in a worker's hands, or not due yet, is no reason to wake.
        time.sleep(wakes_after / 2)
        assert namespace.deployment("orders")["spec"]["replicas"] == 0
    namespace.wait_for_replicas("orders", 1)
    assert int(redis.cli("TIME").split()[0]) >= falls_due


def test_workers_are_there_when_delayed_jobs_fall_due(namespace: Namespace, redis: RedisServer) -> None:
    """
    As long before as a worker boots, five seconds where none was seen, and not earlier; and they stay.

    Those of this test are ready at once, so after the first nobody would have to be asked for that early.
    """
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")
    falls_due = int(redis.cli("TIME").split()[0]) + 15
    for number in range(30):
        redis.cli("ZADD", f"{READY}:delayed", str(falls_due), JOB % number)

    time.sleep(2)
    assert namespace.deployment("orders")["spec"]["replicas"] == 0
    namespace.wait_for_replicas("orders", 3)
    namespace.wait(
        "the reason is told",
        lambda: "stay for jobs that fall due soon" in namespace.status("orders")["explanation"],
    )
    namespace.wait("they are due", lambda: namespace.status("orders")["backlog"]["due"] == 30)
    assert [reason for reason, _ in namespace.events("orders") if reason.startswith("Scaled")] == ["ScaledUp"]
    grew = datetime.fromisoformat(namespace.status("orders")["lastScaleTime"]).timestamp()
    assert 3 <= falls_due - grew <= 5  # two of them for a machine that has much to do


def test_a_pool_of_no_known_framework_follows_the_keys_that_it_declares(
    namespace: Namespace, redis: RedisServer
) -> None:
    """A stream and a set, with a command of the pool's own; the status says how the oldest job's time is meant."""
    namespace.apply_pool(
        "mails",
        quick_pool(
            redis,
            framework="Custom",
            command=["node", "worker.js"],
            queues=["mails"],
            custom={
                "keys": [
                    {"key": "$(queue)", "type": "Stream", "jobs": "Ready", "group": "workers"},
                    {"key": "later", "type": "SortedSet", "jobs": "Delayed", "scoresPerSecond": 1000},
                ]
            },
        ),
    )
    namespace.wait_for_reason("mails", "Idle")
    for _ in range(20):
        redis.cli("XADD", f"{PREFIX}mails", "*", "job", "x")
    redis.cli("ZADD", f"{PREFIX}later", "1000", "x")
    namespace.wait_for_replicas("mails", 3)
    namespace.wait("the jobs are told", lambda: namespace.status("mails")["backlog"]["waiting"] == 21)
    status = namespace.status("mails")
    assert (status["backlog"]["ready"], status["backlog"]["due"]) == (20, 1)
    assert status["oldestJobWaits"] == "Exactly"
    pod = namespace.deployment("mails")["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"] == ["node", "worker.js"]
