"""
What lies between a reader of pools and the servers that hold their queues.

A `Way` knows which server to ask and what to do when that changes; there is
one for each kind of endpoint.  Whatever a server does, a way answers: what
could not be read is an `UnknownBacklog` for the queues that it concerns.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from queueworkers.domain.backlog import UnknownBacklog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from queueworkers.backlog.flow import FlowQuestion
    from queueworkers.backlog.round_trip import Counted, QueueAddress
    from queueworkers.backlog.signals import SignalPlace
    from queueworkers.backlog.wire import Wire
    from queueworkers.domain.leaving import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things may take, and by which clocks."""

    timeout_seconds: float = 2.0
    """What connecting may take, and what each answer may take."""
    rest_seconds: float = 5.0
    """How long a server is left alone after each failure, once it has failed three times in a row."""
    monotonic: Callable[[], float] = time.monotonic
    """For deadlines, in seconds."""
    wall: Callable[[], float] = time.time
    """Unix seconds; used only where a server does not tell its own time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server said about one queue."""

    counted: Counted
    at: datetime
    """By that server's clock."""
    wire: int
    """The connection over which it was said; over another one may be another server."""
    told: bool = False
    """True where the server will tell of the queue's next change."""
    eviction_policy: str | None = None
    """What the server drops when its memory is full, in its own word; ``None`` where that is not known."""


@dataclass(frozen=True, slots=True)
class Scattered:
    """The keys of one queue are in different slots of a cluster, so that no node can be asked for it, nor work it off."""


Outcome = Seen | Scattered | UnknownBacklog


class Way(Protocol):
    """The way to the servers of one endpoint; used by one caller at a time."""

    async def observe_queues(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome]:
        """Read queues, and the flow of some of them, with one question to each server; connects where needed."""

    async def observe_signals(self, places: Sequence[SignalPlace]) -> Mapping[SignalPlace, datetime | None]:
        """Read signals, without those that are refused; nothing where no queue could be read."""

    async def observe_connections(self) -> Sequence[Connection] | None:
        """List who is connected to the servers; ``None`` where one of them does not tell."""

    async def open_wires(self) -> Sequence[Wire]:
        """
        Return a connection to each server that holds keys, to walk over them.

        Raises:
            One of `FAILURES`.
        """

    async def probe(self) -> None:
        """Find out whether the servers that are to tell of changes still would; what is lost is told as any change."""

    @property
    def connections(self) -> int:
        """Connections that are open to servers whose queues are read."""

    def drop(self) -> None:
        """End every connection; the next question opens others."""
