"""A pool wakes for real Laravel jobs, has them done once each, and goes back to sleep."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL
from cluster.terminal import columns

if TYPE_CHECKING:
    from cluster.shop import Shop

pytestmark = pytest.mark.usefixtures("operator")

DELAY_SECONDS = 30


def test_from_zero_to_work_to_zero(shop: Shop) -> None:
    """Each job is done once, a delayed one after the pool has slept, and every step is on the screen."""
    namespace = shop.namespace
    namespace.apply_pool(POOL, shop.spec(scaling={"maxReplicas": 3}))
    namespace.wait_for_reason(POOL, "Idle")
    idle = columns(namespace, POOL)
    assert (idle["QUEUES"], idle["WORKERS"], idle["RANGE"]) == ("high,default", "0/0", "0-3")
    assert idle["BACKLOG"] in {"", "0"}

    pushed_at = time.time()
    delayed = shop.push(1, ids="delayed", delay=DELAY_SECONDS)
    jobs = shop.push(9, milliseconds=1500)
    namespace.wait_for_reason(POOL, "AtMaxReplicas")
    shop.wait_for_jobs("start", 1)
    busy = columns(namespace, POOL)
    assert busy["WORKERS"].endswith("/3")
    assert 0 < int(busy["BACKLOG"]) <= 9

    shop.wait_for_jobs("end", 9)
    namespace.wait_for_reason(POOL, "Idle")
    namespace.wait("the last worker has left", lambda: columns(namespace, POOL)["WORKERS"] == "0/0")
    slept_at = time.time()
    assert slept_at < pushed_at + DELAY_SECONDS, "the pool was too slow to show that it sleeps in between"
    shop.assert_each_done_once(jobs)

    shop.wait_for_jobs("end", 10)
    namespace.wait("no worker is left", lambda: not namespace.pods(POOL))
    namespace.wait_for_reason(POOL, "Idle")
    shop.assert_each_done_once([*jobs, *delayed])
    began = next(entry for entry in shop.ledger() if entry["job"] == "delayed-1")
    assert float(began["at"]) >= pushed_at + DELAY_SECONDS - 1
    assert columns(namespace, POOL)["BACKLOG"] == "0"


def test_an_urgent_job_overtakes(shop: Shop) -> None:
    """The first queue named is served first, as `--queue=high,default` says."""
    jobs = shop.push(3, ids="slow", milliseconds=500)
    urgent = shop.push(2, ids="urgent", queue="high")
    shop.namespace.apply_pool(POOL, shop.spec(scaling={"maxReplicas": 1}))
    shop.wait_for_jobs("end", 5)
    order = [entry["job"] for entry in shop.ledger() if entry["event"] == "start"]
    assert order[:2] == urgent
    shop.assert_each_done_once([*urgent, *jobs])
