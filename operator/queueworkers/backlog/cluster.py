"""
The way to the nodes of a Redis Cluster, each of which has some of the queues.

Each master is asked about its own queues, all masters side by side.  A node that
no longer has a key says who has; that one is asked at once, and the map of slots is
read anew before the next question.  Replicas are never asked: without ``READONLY``
they send everybody to their master.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from queueworkers.api.redis import host_seen_from
from queueworkers.backlog.breaker import Breaker
from queueworkers.backlog.guides import Guides
from queueworkers.backlog.server import Server
from queueworkers.backlog.slots import parse_redirection, parse_slots, slot_of
from queueworkers.backlog.troubles import FAILURES, explain_no_cluster, explain_unserved_slot
from queueworkers.backlog.way import Scattered, Seen
from queueworkers.backlog.wire import Refusal
from queueworkers.domain.backlog import UnknownBacklog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from queueworkers.backlog.endpoint import ClusterEndpoint, RedisEndpoint
    from queueworkers.backlog.flow import FlowQuestion
    from queueworkers.backlog.round_trip import QueueAddress
    from queueworkers.backlog.signals import SignalPlace
    from queueworkers.backlog.slots import Node, Redirection, SlotMap
    from queueworkers.backlog.way import Outcome, Pace
    from queueworkers.backlog.wire import Command, Hear, Reply, Wire
    from queueworkers.domain.leaving import Connection

SLOTS_COMMAND = ("CLUSTER", "SLOTS")
"""Every version and every service has it, while `CLUSTER SHARDS` came with 7.0."""

SLOTS_SECONDS = 60.0
"""How old a map of slots may be that nobody has contradicted."""


class Follow(Protocol):
    """How another node is asked."""

    async def __call__(
        self, redirection: Redirection, commands: Sequence[Command], *, at_most_bytes: int
    ) -> Sequence[Reply] | None:
        """Ask it; ``None`` where it cannot be asked."""


class NodeServer(Server):
    """
    A node of a cluster; what it sends elsewhere is asked there.

    Args:
        endpoint: Where, and as whom.
        pace: How long it may take.
        follow: Asks another node.
        hear: As with any server.
    """

    def __init__(self, endpoint: RedisEndpoint, pace: Pace, follow: Follow, hear: Hear) -> None:
        super().__init__(endpoint, pace, hear)
        self._follow = follow

    async def observe_signals(self, places: Sequence[SignalPlace]) -> Mapping[SignalPlace, datetime | None]:
        """Read signals; opens a connection for it, as a node may have a key of the cache and no queue."""
        if self.wire is None and self._breaker.resting(self._pace.monotonic()) is None:
            try:
                await self.connected()
            except FAILURES as error:
                self._breaker.record_failure(self.explain(error), self._pace.monotonic())
        return await super().observe_signals(places)

    async def ask_here(self, commands: Sequence[Command], *, at_most_bytes: int) -> list[Reply]:
        """
        Ask this node alone.

        Raises:
            One of `FAILURES`.
        """
        return await super()._ask_over(await self.connected(), commands, at_most_bytes=at_most_bytes)

    async def _ask_over(self, wire: Wire, commands: Sequence[Command], *, at_most_bytes: int) -> list[Reply]:
        """
        Ask as `Server.ask` does, and put in the place of each redirection what it leads to.

        While a slot moves, a key is at the old node or at the new one, and the
        old one knows: so asking it first misses nothing.

        Raises:
            One of `FAILURES`.
        """
        replies = await super()._ask_over(wire, commands, at_most_bytes=at_most_bytes)
        elsewhere: dict[Redirection, list[int]] = defaultdict(list)
        for place, reply in enumerate(replies):
            if redirection := parse_redirection(reply, host=self.endpoint.host):
                elsewhere[redirection].append(place)
        for redirection, places in elsewhere.items():
            asked = [commands[place] for place in places]
            answers = await self._follow(redirection, asked, at_most_bytes=at_most_bytes)
            for place, answer in zip(places, answers or (), strict=False):
                replies[place] = answer
        return replies


class ClusterWay:
    """A `Way` to all masters of a cluster."""

    def __init__(self, endpoint: ClusterEndpoint, pace: Pace, hear: Hear) -> None:
        self._endpoint = endpoint
        self._pace = pace
        self._hear = hear
        self._strayed = False
        self._breaker = Breaker(pace.rest_seconds)
        # Half the time, so that one node that hangs leaves time for others.
        brisk = replace(pace, timeout_seconds=pace.timeout_seconds / 2)
        self._seeds = Guides([Server(each, brisk) for each in endpoint.seeds], pace)
        self._nodes: dict[Node, NodeServer] = {}
        self._slots: SlotMap | None = None
        self._read_slots_from = float("-inf")

    async def observe_queues(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome]:
        """
        Ask each master about the queues that it has, all at once.

        Where a node sent us elsewhere, nobody promised to tell of changes there.
        """
        self._strayed = False
        slots = await self._find_slots()
        if isinstance(slots, UnknownBacklog):
            return dict.fromkeys(addresses, slots)
        outcomes: dict[QueueAddress, Outcome] = {}
        by_node: dict[Node, list[QueueAddress]] = defaultdict(list)
        for address in addresses:
            slot = slot_of(address.keys)
            owner = None if slot is None else slots.owner(slot)
            if slot is None:
                outcomes[address] = Scattered()
            elif owner is None:
                outcomes[address] = explain_unserved_slot(self._endpoint, slot, key=address.place[1])
                self._doubt_slots()
            else:
                by_node[owner].append(address)
        async with asyncio.TaskGroup() as asking:
            asked = [
                asking.create_task(self._observe_node(each, some, flows)) for each, some in by_node.items()
            ]
        for answered in asked:
            outcomes |= answered.result()
        return {address: _untold(each) for address, each in outcomes.items()} if self._strayed else outcomes

    async def observe_signals(self, places: Sequence[SignalPlace]) -> Mapping[SignalPlace, datetime | None]:
        """Ask for each key where it is; known where all keys of a place are, in the only database there is."""
        if self._slots is None:
            return {}
        wanted = {place: _single_keys(place) for place in places if place.database == 0}
        by_node: dict[Node, list[SignalPlace]] = defaultdict(list)
        for single in dict.fromkeys(each for singles in wanted.values() for each in singles):
            slot = slot_of(single.keys)
            if slot is not None and (owner := self._slots.owner(slot)):
                by_node[owner].append(single)
        found: dict[SignalPlace, datetime | None] = {}
        for node, some in by_node.items():
            found |= await self._node(node).observe_signals(some)
        return {
            place: max(filter(None, (found[each] for each in singles)), default=None)
            for place, singles in wanted.items()
            if all(each in found for each in singles)
        }

    async def observe_connections(self) -> Sequence[Connection] | None:
        """Ask every master: a worker has connections to several, and asks for jobs on one of them."""
        if self._slots is None:
            return None
        lists = [await self._node(each).observe_connections() for each in self._slots.masters]
        known = [each for each in lists if each is not None]
        return [each for some in known for each in some] if len(known) == len(lists) else None

    async def open_wires(self) -> Sequence[Wire]:
        """Return a connection to each master that can be reached: what the others hold is not found for now."""
        wires = []
        for each in self._slots.masters if self._slots else ():
            with contextlib.suppress(*FAILURES):
                wires.append(await self._node(each).connected())
        return wires

    async def probe(self) -> None:
        """Ask each node, and for the map of slots where that is old."""
        await self._find_slots()
        await asyncio.gather(*(node.probe() for node in self._nodes.values()))

    @property
    def connections(self) -> int:
        """One to each node that has some of the queues."""
        return sum(node.wire is not None for node in self._nodes.values())

    def drop(self) -> None:
        """Hang up, everywhere."""
        self._seeds.drop()
        for node in self._nodes.values():
            node.drop()

    async def _observe_node(
        self,
        node: Node,
        addresses: Sequence[QueueAddress],
        flows: Mapping[QueueAddress, FlowQuestion],
    ) -> Mapping[QueueAddress, Outcome]:
        server = self._node(node)
        outcomes = await server.observe_queues_patiently(addresses, flows)
        if server.wire is None:
            # Somebody else may have its slots by now, or will have them soon.
            self._doubt_slots()
        return outcomes

    async def _find_slots(self) -> SlotMap | UnknownBacklog:
        """Read the map of slots anew, if it is old or in doubt; without an answer the old one has to do."""
        now = self._pace.monotonic()
        if self._slots and now < self._read_slots_from:
            return self._slots
        trouble = self._breaker.resting(now)
        if trouble is None:
            found = await self._seeds.consult(SLOTS_COMMAND, self._understand)
            if isinstance(found, UnknownBacklog) and self._nodes:
                # The author's nodes may be gone for good, and the cluster another one than it was.
                others = Guides(list(self._nodes.values()), self._pace)
                told = await others.consult(SLOTS_COMMAND, self._understand)
                found = found if isinstance(told, UnknownBacklog) else told
            if not isinstance(found, UnknownBacklog):
                self._breaker.record_success()
                self._adopt(found)
                return found
            trouble = found
            self._breaker.record_failure(trouble, self._pace.monotonic())
        return self._slots or trouble

    def _adopt(self, slots: SlotMap) -> None:
        if self._slots and self._slots != slots:
            # A queue without keys moves without a word.
            self._hear(None)
        self._slots = slots
        self._read_slots_from = self._pace.monotonic() + SLOTS_SECONDS
        for gone in self._nodes.keys() - slots.masters:
            self._nodes.pop(gone).drop()

    async def _understand(self, server: Server, reply: Reply) -> SlotMap | UnknownBacklog:
        if isinstance(reply, Refusal):
            return explain_no_cluster(reply, server.endpoint)
        slots = parse_slots(reply, host=server.endpoint.host)
        return slots if slots.ranges else explain_unserved_slot(self._endpoint, 0, key=None)

    def _doubt_slots(self) -> None:
        self._read_slots_from = float("-inf")

    def _node(self, node: Node) -> NodeServer:
        if node not in self._nodes:
            host, port = node
            seed = self._endpoint.seeds[0]
            endpoint = seed.at(
                host_seen_from(self._endpoint.namespace, host),
                port,
                naming=replace(seed.naming, told=f"{self._endpoint} names as a node"),
            )
            self._nodes[node] = NodeServer(endpoint, self._pace, self._ask_elsewhere, self._hear)
        return self._nodes[node]

    async def _ask_elsewhere(
        self, redirection: Redirection, commands: Sequence[Command], *, at_most_bytes: int
    ) -> Sequence[Reply] | None:
        server = self._node(redirection.node)
        self._strayed = True
        try:
            if not redirection.only_now:
                self._doubt_slots()
                return await server.ask_here(commands, at_most_bytes=at_most_bytes)
            announced = [each for command in commands for each in (("ASKING",), command)]
            return (await server.ask_here(announced, at_most_bytes=at_most_bytes))[1::2]
        except FAILURES:
            # The redirection itself stays as the answer: those queues are not known, the others are.
            return None


def _untold(outcome: Outcome) -> Outcome:
    return replace(outcome, told=False) if isinstance(outcome, Seen) else outcome


def _single_keys(place: SignalPlace) -> tuple[SignalPlace, ...]:
    return tuple(replace(place, keys=(key,)) for key in place.keys)
