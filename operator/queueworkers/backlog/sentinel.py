"""
The way to the Redis that Sentinels call the master.

Two things tell that it is somebody else by now.  Each question begins with
``ROLE``: a former master that came back as a replica says so itself.  And every
few seconds a Sentinel is asked again: a master that was cut off from the others
knows nothing of its successor.  Where an ACL refuses ``ROLE``, the second has to do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from queueworkers.api.conditions import UnknownReason
from queueworkers.api.redis import host_seen_from
from queueworkers.backlog.breaker import Breaker
from queueworkers.backlog.endpoint import Naming, RedisEndpoint
from queueworkers.backlog.guides import MOST_BYTES, Guides
from queueworkers.backlog.server import Server
from queueworkers.backlog.troubles import FAILURES, explain_sentinel, explain_unknown_master
from queueworkers.backlog.wire import SHORT_ANSWER_BYTES, DemotedError, NotRedisError, Refusal
from queueworkers.domain.backlog import UnknownBacklog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from queueworkers.backlog.endpoint import SentinelEndpoint
    from queueworkers.backlog.flow import FlowQuestion
    from queueworkers.backlog.round_trip import QueueAddress
    from queueworkers.backlog.signals import SignalPlace
    from queueworkers.backlog.way import Outcome, Pace
    from queueworkers.backlog.wire import Command, Hear, Reply, Wire
    from queueworkers.domain.leaving import Connection

CONFIRM_SECONDS = 5.0
"""How often a Sentinel is asked whether the master still is the master."""

_MASTER = b"master"


class Master(Server):
    """A server that is believed only while it calls itself a master."""

    async def _ask_over(self, wire: Wire, commands: Sequence[Command], *, at_most_bytes: int) -> list[Reply]:
        """
        Ask as `Server.ask` does, and for the role in the same go.

        Raises:
            DemotedError: it is a replica.
        """
        role, *replies = await super()._ask_over(
            wire, [("ROLE",), *commands], at_most_bytes=at_most_bytes + SHORT_ANSWER_BYTES
        )
        if isinstance(role, list) and role[:1] != [_MASTER]:
            self.drop()
            raise DemotedError
        return replies


class SentinelWay:
    """A `Way` to whichever server the Sentinels name."""

    def __init__(self, endpoint: SentinelEndpoint, pace: Pace, hear: Hear) -> None:
        self._endpoint = endpoint
        self._pace = pace
        self._hear = hear
        self._breaker = Breaker(pace.rest_seconds)
        # Half the time, so that one Sentinel that hangs leaves time for others.
        brisk = replace(pace, timeout_seconds=pace.timeout_seconds / 2)
        self._sentinels = Guides([Server(each, brisk) for each in endpoint.sentinels], pace)
        self._master: Master | None = None
        self._confirm_from = float("-inf")

    async def observe_queues(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome]:
        """Ask the master; where that fails, whoever is the master after asking the Sentinels again."""
        trouble = self._breaker.resting(self._pace.monotonic())
        if trouble is None:
            outcomes = await self._observe_queues(addresses, flows)
            if not isinstance(outcomes, UnknownBacklog):
                self._breaker.record_success()
                return outcomes
            trouble = outcomes
            self._breaker.record_failure(trouble, self._pace.monotonic())
            self._confirm_from = float("-inf")
        return dict.fromkeys(addresses, trouble)

    async def observe_signals(self, places: Sequence[SignalPlace]) -> Mapping[SignalPlace, datetime | None]:
        """Ask the master, if it was reached for something else."""
        return await self._master.observe_signals(places) if self._master and self._master.wire else {}

    async def observe_connections(self) -> Sequence[Connection] | None:
        """Ask the master, if it was reached for something else."""
        return await self._master.observe_connections() if self._master else None

    async def open_wires(self) -> Sequence[Wire]:
        """Return the connection to the master, if there is one."""
        return [self._master.wire] if self._master and self._master.wire else []

    async def probe(self) -> None:
        """Ask the master, and every few seconds a Sentinel whether it still is that."""
        if self._master and self._pace.monotonic() >= self._confirm_from:
            await self._find_master()
        if self._master:
            await self._master.probe()

    @property
    def connections(self) -> int:
        """The one to the master, or none."""
        return int(self._master is not None and self._master.wire is not None)

    def drop(self) -> None:
        """Hang up, on the Sentinels too."""
        self._sentinels.drop()
        self._go_to(None)

    async def _observe_queues(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome] | UnknownBacklog:
        asked = self._master
        if asked is None or self._pace.monotonic() >= self._confirm_from:
            found = await self._find_master()
            if isinstance(found, UnknownBacklog):
                return found
            asked = found
        try:
            return await asked.observe_queues(addresses, flows)
        except FAILURES as error:
            trouble = asked.explain(error)
        successor = await self._find_master()
        if isinstance(successor, UnknownBacklog) or successor is asked:
            return trouble
        try:
            return await successor.observe_queues(addresses, flows)
        except FAILURES as error:
            return successor.explain(error)

    async def _find_master(self) -> Master | UnknownBacklog:
        """Ask the Sentinels who the master is, and go there."""
        self._confirm_from = self._pace.monotonic() + CONFIRM_SECONDS
        told = await self._sentinels.consult(
            ("SENTINEL", "get-master-addr-by-name", self._endpoint.master_name), self._understand
        )
        if isinstance(told, UnknownBacklog):
            # Sentinels that are away are no reason to disbelieve a master that answers.
            if self._master and told.reason is not UnknownReason.MASTER_NOT_FOUND:
                return self._master
            self._go_to(None)
            return told
        if self._master is None or self._master.endpoint != told:
            master = Master(told, self._pace, self._hear)
            self._go_to(master)
            return master
        return self._master

    async def _understand(self, sentinel: Server, reply: Reply) -> RedisEndpoint | UnknownBacklog:
        name = self._endpoint.master_name
        match reply:
            case [bytes(host), bytes(port)] if port.isdigit():
                return RedisEndpoint(
                    host=host_seen_from(self._endpoint.namespace, host.decode(errors="replace")),
                    port=int(port),
                    username=self._endpoint.username,
                    password=self._endpoint.password,
                    tls=self._endpoint.tls,
                    naming=Naming(told=f"Sentinel {sentinel.endpoint} calls the master {name}"),
                )
            case Refusal():
                return explain_sentinel(reply, sentinel.endpoint)
            case None:
                return explain_unknown_master(sentinel.endpoint, name, known=await self._names(sentinel))
            case _:
                raise NotRedisError("it answers something else where an address was asked for")

    @staticmethod
    async def _names(sentinel: Server) -> Sequence[str]:
        """List what a Sentinel does know; empty where it does not say."""
        (reply,) = await sentinel.ask([("SENTINEL", "MASTERS")], at_most_bytes=MOST_BYTES)
        if not isinstance(reply, list):
            return ()
        # Names and values alternate, and this name is always the first.
        return [each[1].decode(errors="replace") for each in reply if each[:1] == [b"name"]]

    def _go_to(self, master: Master | None) -> None:
        if self._master:
            self._master.drop()
        self._master = master
