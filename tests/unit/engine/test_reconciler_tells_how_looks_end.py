"""Whoever tells metrics hears of every look, and that a pool is gone."""

from __future__ import annotations

from unit.domain.given import POOL, a_backlog
from unit.engine.worlds import LittleWorld, an_operator

SPEC = {
    "framework": "Laravel",
    "image": "registry.example/shop:2.4.1",
    "queues": ["default"],
    "redis": {"host": "redis"},
}


async def test_each_look_is_told_until_the_pool_is_gone() -> None:
    """One that works, the same with a spec that is no use any more, and none."""
    world = LittleWorld(spec=dict(SPEC), reading=a_backlog(ready=25))
    operator = an_operator(world)

    async def told() -> str:
        await operator.reconcile(POOL.key)
        return "".join(world.book.pages(now=world.now.timestamp()))

    working = await told()
    assert 'qwp_queue_jobs{namespace="shop",pool="default",queue="default",state="ready"} 25' in working
    assert 'qwp_pool_desired_replicas{namespace="shop",pool="default"} 3' in working
    assert 'qwp_pool_source_up{namespace="shop",pool="default"} 1' in working

    world.spec = {**SPEC, "queues": []}
    refused = await told()
    assert 'qwp_pool_status{namespace="shop",pool="default",reason="InvalidSpec"} 1' in refused
    assert "qwp_queue_jobs{" not in refused
    assert "qwp_pool_source_up{" not in refused
    assert 'qwp_pool_desired_replicas{namespace="shop",pool="default"} 3' in refused

    world.pool_exists = False
    assert "{" not in await told()
