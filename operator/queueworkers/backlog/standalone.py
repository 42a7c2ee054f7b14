"""The way to one Redis, which is always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.backlog.server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from queueworkers.backlog.endpoint import RedisEndpoint
    from queueworkers.backlog.flow import FlowQuestion
    from queueworkers.backlog.round_trip import QueueAddress
    from queueworkers.backlog.signals import SignalPlace
    from queueworkers.backlog.way import Outcome, Pace
    from queueworkers.backlog.wire import Hear, Wire
    from queueworkers.domain.leaving import Connection


class StandaloneWay:
    """A `Way` to the only server there is."""

    def __init__(self, endpoint: RedisEndpoint, pace: Pace, hear: Hear) -> None:
        self._server = Server(endpoint, pace, hear)

    async def observe_queues(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome]:
        """Ask it."""
        return await self._server.observe_queues_patiently(addresses, flows)

    async def observe_signals(self, places: Sequence[SignalPlace]) -> Mapping[SignalPlace, datetime | None]:
        """Ask it, if it was reached for something else."""
        return await self._server.observe_signals(places) if self._server.wire else {}

    async def observe_connections(self) -> Sequence[Connection] | None:
        """Ask it."""
        return await self._server.observe_connections()

    async def open_wires(self) -> Sequence[Wire]:
        """Return the connection that there is; what ended just now is not tried again for a walk."""
        return [self._server.wire] if self._server.wire else []

    async def probe(self) -> None:
        """Ask it."""
        await self._server.probe()

    @property
    def connections(self) -> int:
        """One, or none."""
        return int(self._server.wire is not None)

    def drop(self) -> None:
        """Hang up."""
        self._server.drop()
