"""What this process remembers and works on while namespaces come and go."""

from __future__ import annotations

import asyncio
from typing import Any

from queueworkers.cluster.inventory import Inventory
from queueworkers.domain.identity import BudgetKey, PoolKey
from queueworkers.domain.sharding import shard_of
from queueworkers.engine.handover import SETTLE_SECONDS, Handover, Territory
from queueworkers.engine.queue import KeyedQueue
from unit.engine.virtual_time import now, virtually

SHARDS = 4
HERE, THERE = "shop", "mail"
POOL, OTHER = PoolKey(HERE, "orders"), PoolKey(THERE, "letters")


def raw(key: PoolKey | BudgetKey, version: int = 1) -> dict[str, Any]:
    """A pool or a budget as the API server tells it."""
    return {
        "metadata": {
            "namespace": key.namespace,
            "name": key.name,
            "uid": f"uid-{key}",
            "resourceVersion": str(version),
        },
        "spec": {},
    }


class Place:
    """A process with an inventory and a queue, and the cluster that it lists."""

    def __init__(self) -> None:
        self.territory = Territory(SHARDS)
        self.inventory = Inventory(self.territory.keeps)
        self.queue: KeyedQueue[PoolKey] = KeyedQueue()
        self.budget_queue: KeyedQueue[BudgetKey] = KeyedQueue()
        self.expected: list[PoolKey] = []
        self.open_while_listed: list[bool] = []
        self.changing_while_listed: list[int] = []
        self.looked_at: list[PoolKey] = []
        self.look_seconds = 0.0
        self.handover = Handover(
            self.territory,
            self.inventory,
            observe_all=self.observe_all,
            expect=self.expected.extend,
            queue=self.queue,
            budget_queue=self.budget_queue,
        )

    async def observe_all(self) -> None:
        """List everything there is."""
        self.open_while_listed.append(self.territory.works_on(HERE))
        self.changing_while_listed = self.territory.changing
        for key in (POOL, OTHER):
            self.inventory.pools.put(raw(key))
        self.inventory.budgets.put(raw(BudgetKey(HERE, "database")))

    async def look(self, key: PoolKey) -> None:
        """Look at a pool, which takes a while."""
        await asyncio.sleep(self.look_seconds)
        self.looked_at.append(key)


def test_the_namespaces_here_are_in_different_shards() -> None:
    """Or the other tests would show nothing."""
    assert shard_of(HERE, SHARDS) != shard_of(THERE, SHARDS)


def test_what_is_gained_is_listed_first_and_then_worked_on() -> None:
    """Only the namespaces of the shard are kept, and they are open when all is listed."""

    async def scenario() -> None:
        place = Place()
        await place.handover.gain([shard_of(HERE, SHARDS)])
        assert place.open_while_listed == [False]
        assert place.changing_while_listed == [shard_of(HERE, SHARDS)]
        assert place.territory.changing == []
        assert place.territory.works_on(HERE)
        assert not place.territory.works_on(THERE)
        assert list(place.inventory.pool_keys()) == [POOL]
        assert place.expected == [POOL]

    virtually(scenario())


def test_a_list_that_ends_after_the_shard_was_lost_opens_nothing() -> None:
    """What was listed meanwhile is somebody else's already."""

    async def scenario() -> None:
        place = Place()
        shards = [shard_of(HERE, SHARDS)]
        listed = place.observe_all

        async def observe_slowly() -> None:
            await listed()
            place.handover.lose(shards)

        place.handover = Handover(
            place.territory,
            place.inventory,
            observe_all=observe_slowly,
            expect=place.expected.extend,
            queue=place.queue,
            budget_queue=place.budget_queue,
        )
        await place.handover.gain(shards)
        assert not place.territory.works_on(HERE)

    virtually(scenario())


def test_what_is_closed_waits_for_the_work_that_is_under_way() -> None:
    """Nothing new begins, and what had begun is done when it is given up."""

    async def scenario() -> None:
        place = Place()
        shards = [shard_of(HERE, SHARDS)]
        await place.handover.gain(shards)
        place.look_seconds = 2.0
        worker = asyncio.create_task(place.queue.work(place.look))
        place.handover.look_at(shards)
        await asyncio.sleep(0.5)
        await place.handover.close(shards)
        assert place.looked_at == [POOL]
        assert now() == 2.0
        assert not place.territory.works_on(HERE)
        assert list(place.inventory.pool_keys()) == [POOL]
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    virtually(scenario())


def test_what_takes_too_long_does_not_hold_a_shard_up() -> None:
    """Whatever is still under way may write no more, and its shard goes on."""

    async def scenario() -> None:
        place = Place()
        shards = [shard_of(HERE, SHARDS)]
        await place.handover.gain(shards)
        place.look_seconds = 600.0
        worker = asyncio.create_task(place.queue.work(place.look))
        place.handover.look_at(shards)
        await asyncio.sleep(0.5)
        await place.handover.close(shards)
        assert now() == 0.5 + SETTLE_SECONDS
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    virtually(scenario())


def test_what_is_lost_is_forgotten_and_looked_at_once_more() -> None:
    """So that everybody who follows its pools lets go of them."""

    async def scenario() -> None:
        place = Place()
        mine = [shard_of(HERE, SHARDS), shard_of(THERE, SHARDS)]
        await place.handover.gain(mine)
        place.handover.lose([shard_of(HERE, SHARDS)])
        assert list(place.inventory.pool_keys()) == [OTHER]
        assert list(place.inventory.budget_keys()) == []
        assert place.inventory.pools.put(raw(POOL, version=2)) is None
        worker = asyncio.create_task(place.queue.work(place.look))
        await asyncio.sleep(1)
        assert place.looked_at == [POOL]
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    virtually(scenario())
