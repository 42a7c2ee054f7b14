"""Whether everything that was there at a start was looked at."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from queueworkers.domain.identity import PoolKey

logger = logging.getLogger(__name__)


class FirstRound:
    """
    Says once, in the log, that every pool was looked at that was there at the start.

    A pool whose backlog cannot be read was looked at too: its status says so.

    Args:
        look: Looks at a pool; tells whether all was known that it takes.
        pools: Those that there were at the start.
        complete: Called when all were looked at, of those that came later too.
    """

    def __init__(
        self,
        look: Callable[[PoolKey], Awaitable[bool]],
        *,
        pools: Iterable[PoolKey],
        complete: Callable[[], object],
    ) -> None:
        self._look = look
        self._complete = complete
        self._ahead = set(pools)
        self._pools = len(self._ahead)

    @property
    def ahead(self) -> int:
        """Pools that no look was at yet."""
        return len(self._ahead)

    def expect(self, pools: Collection[PoolKey]) -> None:
        """Wait for further pools, which came to this process."""
        self._ahead.update(pools)
        self._pools = len(self._ahead)

    async def look(self, key: PoolKey) -> None:
        """Look at a pool, and take note of it."""
        if await self._look(key) and key in self._ahead:
            self._ahead.discard(key)
            if not self._ahead:
                logger.info("All %d pools were looked at", self._pools)
                self._complete()
