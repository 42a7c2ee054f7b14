"""Bounds that follow the clock, and steps that are no larger than a pool allows."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import push, quick_pool

if TYPE_CHECKING:
    from harness.pools import Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")


def cron(moment: datetime) -> str:
    """Write a moment of every day as cron does."""
    return f"{moment.minute} {moment.hour} * * *"


def test_a_schedule_ends_at_its_minute(namespace: Namespace, redis: RedisServer) -> None:
    """While it is in force there are as many workers as it wants, and RANGE shows its bounds; then the pool's own."""
    now = datetime.now(tz=UTC)
    end = now + timedelta(seconds=90)
    schedule = {
        "name": "sale",
        "start": cron(now - timedelta(minutes=2)),
        "end": cron(end),
        "minReplicas": 3,
        "maxReplicas": 60,
    }
    namespace.apply_pool("orders", quick_pool(redis, scaling={"schedules": [schedule]}))
    namespace.wait_for_replicas("orders", 3)
    namespace.wait("the range is told", lambda: namespace.status("orders")["summary"]["range"] == "3-60")
    assert namespace.status("orders")["explanation"] == (
        "3 workers: 0 waiting and 0 in hand, at 10 per worker, ask for 0; minReplicas keeps 3 (schedule sale)."
    )

    namespace.wait_for_replicas("orders", 0, seconds=120)
    ended = end.replace(second=0, microsecond=0)
    assert ended <= datetime.now(tz=UTC) < ended + timedelta(seconds=20)
    namespace.wait("the range is told", lambda: namespace.status("orders")["summary"]["range"] == "0-50")


def test_a_pool_grows_in_steps(namespace: Namespace, redis: RedisServer) -> None:
    """Five in five seconds, where thirty are asked for: each step is an Event, five seconds after the one before."""
    policies = [{"type": "Pods", "value": 5, "periodSeconds": 5}]
    behavior = {
        "scaleUp": {"policies": policies},
        "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"},
    }
    push(redis, 300)
    namespace.apply_pool("orders", quick_pool(redis, scaling={"maxReplicas": 15, "behavior": behavior}))
    namespace.wait_for_replicas("orders", 15)

    redis.cli("FLUSHALL")
    namespace.wait("the backlog is told", lambda: namespace.status("orders")["backlog"]["waiting"] == 0)
    assert namespace.deployment("orders")["spec"]["replicas"] == 15
    assert namespace.status("orders")["explanation"] == (
        "15 workers: 0 waiting and 0 in hand, at 10 per worker, ask for 0; behavior.scaleDown keeps 15 for now."
    )
    scaled = [
        event
        for event in namespace.list_all("events.events.k8s.io")
        if event["regarding"]["name"] == "orders" and event["reason"] == "ScaledUp"
    ]
    scaled.sort(key=lambda event: event["eventTime"])
    assert [event["note"].partition(":")[0] for event in scaled] == ["0→5", "5→10", "10→15"]
    times = [datetime.fromisoformat(event["eventTime"]) for event in scaled]
    for earlier, later in itertools.pairwise(times):
        assert timedelta(seconds=4.5) < later - earlier < timedelta(seconds=20)
