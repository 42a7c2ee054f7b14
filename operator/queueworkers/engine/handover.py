"""
What happens here when namespaces come to this process, or go to another one.

A namespace is kept (what is heard of it is remembered) from the moment that its
shard is this process's, and worked on when everything in it was listed: from half a picture, a
pool whose Deployment was not seen yet would look like one without workers.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from queueworkers.domain.sharding import shard_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from queueworkers.domain.identity import BudgetKey, PoolKey
    from queueworkers.engine.queue import KeyedQueue

SETTLE_SECONDS = 6.0
"""For so long the last work on what is given up may take; it is well within a lease."""

logger = logging.getLogger(__name__)


class Territory:
    """
    The namespaces of this process, shard by shard.

    Args:
        shards: Into how many all namespaces are divided.
    """

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self.kept: frozenset[int] = frozenset()
        self.open: frozenset[int] = frozenset()

    @property
    def changing(self) -> list[int]:
        """The shards that are kept and not open: not listed yet, or about to be given up."""
        return sorted(self.kept - self.open)

    def keeps(self, namespace: str) -> bool:
        """Tell whether what is heard of a namespace is to be remembered."""
        return shard_of(namespace, self._shards) in self.kept

    def works_on(self, namespace: str) -> bool:
        """Tell whether all is known of a namespace, and its pools are to be looked after here."""
        return shard_of(namespace, self._shards) in self.open

    def lies_in(self, namespace: str, shards: Collection[int]) -> bool:
        """Tell whether a namespace is one of some shards'."""
        return shard_of(namespace, self._shards) in shards


class Shelves(Protocol):
    """Where it is remembered what was heard of."""

    def pool_keys(self) -> Iterable[PoolKey]:
        """List the pools that are known."""

    def budget_keys(self) -> Iterable[BudgetKey]:
        """List the budgets that are known."""

    def forget_others(self, keeps: Callable[[str], bool]) -> None:
        """Forget everything outside the namespaces that *keeps* names."""


class Handover:
    """
    Takes shards over, and gives them away.

    Args:
        territory: To be kept up to date.
        shelves: What is known of the cluster.
        observe_all: Lists everything in the namespaces that are kept, and takes it over.
        expect: Called with the pools that came.
        queue: Where pools wait for a look.
        budget_queue: Where budgets do.
    """

    def __init__(
        self,
        territory: Territory,
        shelves: Shelves,
        *,
        observe_all: Callable[[], Awaitable[object]],
        expect: Callable[[Collection[PoolKey]], None],
        queue: KeyedQueue[PoolKey],
        budget_queue: KeyedQueue[BudgetKey],
    ) -> None:
        self._territory = territory
        self._shelves = shelves
        self._observe_all = observe_all
        self._expect = expect
        self._queue = queue
        self._budget_queue = budget_queue

    async def gain(self, shards: Collection[int]) -> None:
        """
        Keep what is heard of some shards, list everything in them, and open them.

        Raises:
            ApiServerError: A list failed; nothing is done in them before it was made.
        """
        self._territory.kept |= set(shards)
        await self._observe_all()
        self._territory.open |= self._territory.kept & set(shards)  # some may be gone again
        self._expect(self._pools_in(shards))

    def look_at(self, shards: Collection[int]) -> None:
        """Have everything in some shards looked at."""
        for key in self._pools_in(shards):
            self._queue.add(key)
        for budget in self._shelves.budget_keys():
            if self._territory.lies_in(budget.namespace, shards):
                self._budget_queue.add(budget)

    async def close(self, shards: Collection[int]) -> None:
        """Begin nothing more for some shards, and return when nothing is under way; what takes too long may not write."""
        self._territory.open -= set(shards)

        def concerns(key: PoolKey | BudgetKey) -> bool:
            return self._territory.lies_in(key.namespace, shards)

        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._queue.settle(concerns)
                await self._budget_queue.settle(concerns)
        except TimeoutError:
            logger.warning("Something is still under way in shards that are given up")

    def lose(self, shards: Collection[int]) -> None:
        """Forget everything about some shards, and read no more for their pools."""
        self._territory.open -= set(shards)
        self._territory.kept -= set(shards)
        pools = [key for key in self._shelves.pool_keys() if not self._territory.keeps(key.namespace)]
        budgets = [key for key in self._shelves.budget_keys() if not self._territory.keeps(key.namespace)]
        self._shelves.forget_others(self._territory.keeps)
        # Looked at once more, each is found to be none of this process's, and dropped everywhere.
        for key in pools:
            self._queue.add(key)
        for budget in budgets:
            self._budget_queue.add(budget)

    def _pools_in(self, shards: Collection[int]) -> list[PoolKey]:
        return [key for key in self._shelves.pool_keys() if self._territory.lies_in(key.namespace, shards)]
