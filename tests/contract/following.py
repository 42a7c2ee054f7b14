"""A pool that an observer follows at a real Redis, as it does in the operator."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.backlog.redis import RedisReader
from queueworkers.domain.backlog import Backlog, UnknownBacklog
from queueworkers.domain.identity import PoolIdentity, PoolKey
from queueworkers.domain.pool import Pool
from queueworkers.engine.observer import BacklogObserver
from unit.domain.given import a_spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    from queueworkers.backlog.endpoint import Endpoint
    from queueworkers.domain.backlog import Reading

PATIENCE_SECONDS = 10


@dataclass
class Secrets:
    """The Secrets of the only namespace."""

    values: dict[str, dict[str, bytes]] = field(default_factory=dict)

    async def observe_secret(self, _namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read one."""
        return self.values.get(name)


@dataclass
class Followed:
    """A pool that an observer follows, for as long as the test lasts."""

    observer: BacklogObserver
    pool: Pool
    redis: dict[str, Any]
    connected: list[Endpoint]
    """Every endpoint for which a reader was made."""

    async def reading(
        self, fits: Callable[[Reading], bool], what: str, *, seconds: float = PATIENCE_SECONDS
    ) -> Any:
        """Wait for a reading of a kind."""
        spec = a_spec(redis=self.redis, scaling={"pollingIntervalSeconds": 1})
        async with asyncio.timeout(seconds):
            while True:
                reading = self.observer.follow(self.pool, spec)
                if reading is not None and fits(reading):
                    return reading
                await asyncio.sleep(0.01)
        raise AssertionError(what)

    async def waiting(self, count: int) -> Backlog:
        """Wait until so many jobs are seen to wait."""
        found: Backlog = await self.reading(
            lambda each: isinstance(each, Backlog) and each.waiting == count, f"{count} jobs wait"
        )
        return found

    async def known(self) -> Backlog:
        """Wait until the backlog is known."""
        return await self.reading(lambda each: isinstance(each, Backlog), "the backlog is known")

    async def unknown(self) -> UnknownBacklog:
        """Wait until the backlog is not known."""
        return await self.reading(lambda each: isinstance(each, UnknownBacklog), "the backlog is not known")


@asynccontextmanager
async def following(redis: dict[str, Any], secrets: Secrets | None = None) -> AsyncIterator[Followed]:
    """Follow a pool with that source."""
    connected: list[Endpoint] = []

    def connect(endpoint: Endpoint, changed: Callable[[Collection[PoolKey] | None], None]) -> RedisReader:
        connected.append(endpoint)
        return RedisReader(endpoint, changed=changed, timeout_seconds=1, rest_seconds=0)

    key = PoolKey("shop", "orders")
    running = BacklogObserver(
        secrets or Secrets(), connect=connect, changed=lambda _: None, jobs_came=lambda _: None
    )
    pool = Pool(
        identity=PoolIdentity(key=key, uid="orders"),
        generation=1,
        spec={},
        status=QueueWorkerPoolStatus(),
        restart_annotation=None,
        deleting=False,
    )
    task = asyncio.create_task(running.run())
    try:
        yield Followed(running, pool, redis, connected)
    finally:
        running.forget(key)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
