"""Readings of Redis, timed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from queueworkers.backlog.redis import RedisReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.backlog.endpoint import Endpoint, PoolRequest
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.identity import PoolKey
    from queueworkers.telemetry.process import Instruments


class TimedReader(RedisReader):
    """A reader whose readings and connections are told."""

    def __init__(self, endpoint: Endpoint, instruments: Instruments, **options: Any) -> None:
        super().__init__(endpoint, **options)
        self._instruments = instruments
        self._told_connections = 0

    async def observe(self, requests: Sequence[PoolRequest]) -> Mapping[PoolKey, Reading]:
        """Read, and tell how long it took."""
        began = time.monotonic()
        try:
            return await super().observe(requests)
        finally:
            self._instruments.poll_seconds.observe(time.monotonic() - began)
            self._tell_connections()

    async def close(self) -> None:
        """End every connection."""
        await super().close()
        self._tell_connections()

    def _tell_connections(self) -> None:
        before, self._told_connections = self._told_connections, self.connections
        self._instruments.connections.inc(self._told_connections - before)
