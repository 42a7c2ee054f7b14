"""When a pool shrinks, those leave that have nothing in hand, although the newest would leave by themselves."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL
from harness.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.shop import Shop
    from harness.cluster import Cluster

pytestmark = pytest.mark.usefixtures("operator")

SHORT_SECONDS = 14
"""Long enough that the other workers have come and taken the long jobs."""
LONG_SECONDS = 24
TIMEOUT_SECONDS = 60

SILENT = "user default on nopass ~* &* +@all -client|list"
"""A Redis that does not tell who is connected, as managed ones may not."""


@pytest.fixture
def silent_redis(cluster: Cluster) -> Iterator[RedisServer]:
    """A Redis that refuses `CLIENT LIST`."""
    with RedisServer(address=cluster.host_address, directives=[SILENT]) as server:
        yield server


@pytest.mark.parametrize("round_number", [1, 2, 3])
def test_the_newest_stay_when_they_are_the_busy_ones(shop: Shop, round_number: int) -> None:
    """Two old workers have done their jobs, two new ones have not: the old ones leave, and every job ends once."""
    del round_number
    jobs, busy, left = shrink_around_the_newest(shop)

    assert left == busy
    shop.assert_each_done_once(jobs)


def test_nothing_is_lost_where_redis_does_not_tell(shop: Shop, silent_redis: RedisServer) -> None:
    """It is unknown who is idle, so busy ones may be asked to leave; they finish their jobs all the same."""
    shop = replace(shop, redis=silent_redis)

    jobs, _, left = shrink_around_the_newest(shop)

    assert len(left) == 2
    shop.assert_each_done_once(jobs)


def shrink_around_the_newest(shop: Shop) -> tuple[list[str], set[str], set[str]]:
    """
    Let a pool of four shrink to two by itself while its two newest workers are in the middle of long jobs.

    Returns:
        The jobs, the pods that had the long ones, and the pods that nobody asked to leave.
    """
    namespace = shop.namespace
    spec = shop.spec(timeout=TIMEOUT_SECONDS, scaling={"maxReplicas": 4}, sleep=1)
    short = shop.push(2, ids="short", milliseconds=SHORT_SECONDS * 1000)
    namespace.apply_pool(POOL, spec)
    shop.wait_for_jobs("start", 2)
    # Pods tell the second in which they were created, and the next two may come within the same one.
    time.sleep(2)
    long = shop.push(2, ids="long", milliseconds=LONG_SECONDS * 1000)
    shop.wait_for_jobs("start", 4)
    busy = {entry["worker"] for entry in shop.ledger() if entry["job"] in long and entry["event"] == "start"}
    created = {pod["metadata"]["name"]: pod["metadata"]["creationTimestamp"] for pod in namespace.pods(POOL)}
    assert set(sorted(created, key=created.__getitem__)[2:]) == busy, "the long jobs are not with the newest"

    shop.wait_for_jobs("end", 2)
    namespace.wait_for_replicas(POOL, 2)
    namespace.wait("two pods stay", lambda: len(_staying(shop)) == 2)
    left = _staying(shop)
    assert shop.count("end") == 2, "the long jobs were over before the pool shrank"
    shop.wait_for_jobs("end", 4)
    return [*short, *long], busy, left


def _staying(shop: Shop) -> set[str]:
    return {
        pod["metadata"]["name"]
        for pod in shop.namespace.pods(POOL)
        if "deletionTimestamp" not in pod["metadata"]
    }
