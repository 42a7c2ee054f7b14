"""
Pausing queues and maintenance mode stop a pool's growth, and are shown, on a real API server.

The values are those that Laravel 13.26.1 was recorded to write; the version that Debian packages, 8.83, has
no `queue:pause`, and keeps maintenance mode in a file.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import push, quick_pool

if TYPE_CHECKING:
    from harness.pools import Json, Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")

CACHE = "shop_database_shop_cache_"
PAUSED = f"{CACHE}illuminate:queue:paused:redis:default"
DOWN = f"{CACHE}illuminate:foundation:down"

SETTLED_SECONDS = 5
"""Longer than it takes to see jobs and to notice a pause."""


def queue(namespace: Namespace, name: str) -> Json:
    """Read what is said of one queue."""
    found: Json = next(each for each in namespace.status("orders")["queues"] if each["name"] == name)
    return found


def test_a_paused_queue_wakes_nobody_until_it_is_continued(namespace: Namespace, redis: RedisServer) -> None:
    """Its jobs are seen, and counted again as soon as somebody continues it."""
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")

    redis.cli("SET", PAUSED, "b:1;", database=1)
    namespace.wait_for_reason("orders", "Paused")
    push(redis, 40)
    namespace.wait("the jobs are told", lambda: namespace.status("orders")["backlog"]["waiting"] == 40)
    time.sleep(SETTLED_SECONDS)

    status = namespace.status("orders")
    assert namespace.deployment("orders")["spec"]["replicas"] == 0
    assert status["summary"]["status"] == "Paused 1/2"
    assert "queue default is paused, so 40 waiting jobs do not count" in status["explanation"]
    assert (queue(namespace, "default")["hold"], queue(namespace, "high").get("hold")) == ("Paused", None)

    redis.cli("DEL", PAUSED, database=1)
    namespace.wait_for_replicas("orders", 4)
    namespace.wait(
        "both are told",
        lambda: (
            [reason for reason, _ in namespace.events("orders") if reason.startswith("Queues")]
            == ["QueuesPaused", "QueuesContinued"]
        ),
    )


def test_maintenance_stops_growth_and_an_operator_that_starts_meanwhile_knows(
    namespace: Namespace, redis: RedisServer
) -> None:
    """A pool that is new to the operator does not grow first and ask later."""
    redis.cli("SET", DOWN, "a:0:{}", database=1)
    push(redis, 40)

    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Maintenance")
    time.sleep(SETTLED_SECONDS)
    assert [reason for reason, _ in namespace.events("orders") if reason == "ScaledUp"] == []

    redis.cli("DEL", DOWN, database=1)
    namespace.wait_for_replicas("orders", 4)


def test_a_pool_may_ignore_pauses(namespace: Namespace, redis: RedisServer) -> None:
    """It grows as ever, and says nothing about them."""
    redis.cli("SET", PAUSED, "b:1;", database=1)
    push(redis, 40)

    namespace.apply_pool("orders", quick_pool(redis, scaling={"onPause": "Ignore"}))

    namespace.wait_for_replicas("orders", 4)
    namespace.wait("the queues are told", lambda: bool(namespace.status("orders")["queues"]))
    assert "hold" not in queue(namespace, "default")
