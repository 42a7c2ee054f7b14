"""
Reading the queues of all pools at one endpoint.

One endpoint, one question to each of its servers: whatever the number of
pools, their commands travel together, and a queue that several pools share is
asked for once.  Each pool's failure stays its own; a server's concerns all whose
queues it has.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from queueworkers.api.conditions import FollowedBy
from queueworkers.backlog.cluster import ClusterWay
from queueworkers.backlog.concerned import Concerned
from queueworkers.backlog.endpoint import ClusterEndpoint, RedisEndpoint, SentinelEndpoint
from queueworkers.backlog.eviction import worst_policy
from queueworkers.backlog.flow import flow_stores
from queueworkers.backlog.patience import patience
from queueworkers.backlog.round_trip import QueueAddress
from queueworkers.backlog.sentinel import SentinelWay
from queueworkers.backlog.signals import latest_signals
from queueworkers.backlog.standalone import StandaloneWay
from queueworkers.backlog.surroundings import Surroundings, Suspect
from queueworkers.backlog.tallies import Tallies
from queueworkers.backlog.troubles import FAILURES, explain_scattered
from queueworkers.backlog.waiting_time import HeadSights
from queueworkers.backlog.way import Pace, Scattered, Seen
from queueworkers.domain.backlog import Backlog, QueueBacklog, UnknownBacklog, Upcoming
from queueworkers.frameworks.payload import parse_unix_time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from queueworkers.backlog.endpoint import Endpoint, PoolRequest
    from queueworkers.backlog.round_trip import Counted
    from queueworkers.backlog.signals import SignalRequest, Signals
    from queueworkers.backlog.way import Outcome, Way
    from queueworkers.backlog.wire import Hear
    from queueworkers.domain.backlog import Reading, Tally
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.frameworks.base import QueueStore


def way_to(endpoint: Endpoint, pace: Pace, hear: Hear) -> Way:
    """Choose how the servers of an endpoint are found."""
    match endpoint:
        case RedisEndpoint():
            return StandaloneWay(endpoint, pace, hear)
        case SentinelEndpoint():
            return SentinelWay(endpoint, pace, hear)
        case ClusterEndpoint():
            return ClusterWay(endpoint, pace, hear)


def _wake_nobody(_pools: Collection[PoolKey] | None) -> None:
    """Leave it to the next reading."""


class RedisReader:
    """
    Reads backlogs at *endpoint*; connects on first use and again after a failure.

    Args:
        endpoint: Where, and as whom.
        changed: Called with pools whose queues have changed since they were read, where the servers tell of it;
            with ``None`` where it may be any of them.
        timeout_seconds: What connecting may take, and what each answer may take.
        rest_seconds: How long a server is left alone after each failure, once it has failed three times in a row.
        look_around_seconds: How often at most a queue without keys is looked for elsewhere.
        monotonic: A clock for deadlines, in seconds.
        wall: Unix seconds; used only where the server does not tell its own time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        changed: Callable[[Collection[PoolKey] | None], None] = _wake_nobody,
        timeout_seconds: float = 2.0,
        rest_seconds: float = 5.0,
        look_around_seconds: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._pace = Pace(
            timeout_seconds=timeout_seconds, rest_seconds=rest_seconds, monotonic=monotonic, wall=wall
        )
        self._changed = changed
        self._way = way_to(endpoint, self._pace, self._hear)
        self._concerned = Concerned()
        self._surroundings = Surroundings(every_seconds=look_around_seconds, monotonic=monotonic)
        self._sights = HeadSights()
        self._tallies = Tallies()
        # What one question finds out about the servers, the next one builds on.
        self._turn = asyncio.Lock()

    async def observe(self, requests: Sequence[PoolRequest]) -> Mapping[PoolKey, Reading]:
        """
        Read the queues of all *requests* in one round trip.

        Never raises for what the servers do: a pool that could not be read has
        an `UnknownBacklog`.  Times are the servers' own.
        """
        if not requests:
            return {}
        by_pool = {request.key: _addresses_of(request) for request in requests}
        for key, some in by_pool.items():
            self._concerned.add(key, some.values())
        addresses = list(dict.fromkeys(address for each in by_pool.values() for address in each.values()))
        async with self._turn:
            courses = _courses_of(requests, by_pool)
            flows = {address: self._tallies.question(address, some) for address, some in courses.items()}
            outcomes = await self._way.observe_queues(addresses, flows)
            tallies = self._count(courses, outcomes)
            self._surroundings.note_seen(address for address, found in outcomes.items() if _count(found))
            readings = {
                request.key: self._read_pool(by_pool[request.key], outcomes, tallies, request)
                for request in requests
            }
            return {**readings, **await self._look_around(requests, by_pool, outcomes)}

    async def observe_signals(self, requests: Sequence[SignalRequest]) -> Signals:
        """
        Read when somebody last asked the workers of pools to restart.

        Never raises for what the servers do, and asks nobody where no queue
        could be read: this is worth nothing to such a pool.
        """
        places = list(dict.fromkeys(place for request in requests for place in request.places))
        async with self._turn:
            found = await self._way.observe_signals(places)
        return latest_signals(requests, found)

    async def observe_connections(self) -> Sequence[Connection] | None:
        """
        List who is connected to the servers; ``None`` where that cannot be known, for whatever reason.

        Never raises for what the servers do.
        """
        async with self._turn:
            return await self._way.observe_connections()

    async def probe(self) -> None:
        """Find out whether the servers that are to tell of changes still would; never raises for what they do."""
        async with self._turn:
            await self._way.probe()

    def forget(self, request: PoolRequest) -> None:
        """Tell no more of a pool's queues, which nobody wants to read again."""
        self._concerned.drop(request.key, _addresses_of(request).values())
        self._surroundings.forget(request.key)

    @property
    def connections(self) -> int:
        """Connections over which queues are read."""
        return self._way.connections

    async def close(self) -> None:
        """End every connection; the next reading would open others."""
        async with self._turn:
            self._way.drop()

    def _hear(self, keys: Sequence[bytes] | None) -> None:
        pools = self._concerned.by(keys) if keys is not None else None
        if pools or pools is None:
            self._changed(pools)

    def _count(
        self,
        courses: Mapping[QueueAddress, tuple[QueueStore, ...]],
        outcomes: Mapping[QueueAddress, Outcome],
    ) -> Mapping[QueueAddress, Tally]:
        """Go on counting what comes and goes, once for each queue, however many pools ask."""
        return {
            address: self._tallies.count(address, stores, flow, at=outcome.at, wire=outcome.wire)
            for address, stores in courses.items()
            if isinstance(outcome := outcomes[address], Seen) and (flow := outcome.counted.flow)
        }

    def _read_pool(
        self,
        addresses: Mapping[str, QueueAddress],
        outcomes: Mapping[QueueAddress, Outcome],
        tallies: Mapping[QueueAddress, Tally],
        request: PoolRequest,
    ) -> Reading:
        seen: list[Seen] = []
        queues: list[QueueBacklog] = []
        for name, address in addresses.items():
            outcome = outcomes[address]
            if isinstance(outcome, UnknownBacklog):
                return outcome
            if isinstance(outcome, Scattered):
                return explain_scattered(request, name, self._endpoint)
            seen.append(outcome)
            queues.append(self._read_queue(name, address, outcome, tallies, request))
        turns = [
            parse_unix_time(each.counted.turns_at) or each.at
            for each in seen
            if each.counted.turns_at is not None
        ]
        # The nodes of a cluster have a clock each; the latest is later than no moment that was read.
        return Backlog(
            queues=tuple(queues),
            read_at=max(each.at for each in seen),
            turns_at=min(turns, default=None),
            followed_by=FollowedBy.PUSH if all(each.told for each in seen) else FollowedBy.POLL,
            eviction_policy=worst_policy(each.eviction_policy for each in seen),
        )

    def _read_queue(
        self,
        name: str,
        address: QueueAddress,
        seen: Seen,
        tallies: Mapping[QueueAddress, Tally],
        request: PoolRequest,
    ) -> QueueBacklog:
        found = seen.counted
        if not request.claims_end:
            found = replace(found, expired=0, expired_since=None)
        self._sights.take_over(address, request.known_heads.get(name))
        waiting = self._sights.look(address, found, now=seen.at)
        return QueueBacklog(
            name=name,
            ready=found.ready,
            delayed=found.delayed,
            due=found.due,
            reserved=found.reserved,
            expired=found.expired,
            oldest=waiting.oldest,
            head=waiting.head,
            tally=tallies.get(address) if request.counts_flow else None,
            upcoming=_upcoming(found),
        )

    async def _look_around(
        self,
        requests: Sequence[PoolRequest],
        by_pool: Mapping[PoolKey, Mapping[str, QueueAddress]],
        outcomes: Mapping[QueueAddress, Outcome],
    ) -> Mapping[PoolKey, Reading]:
        """Find out which of the pools without any key look in the wrong place."""
        suspects = []
        for request in requests:
            addresses = tuple(by_pool[request.key].values())
            if not request.ever_seen and all(_count(outcomes[each]) == 0 for each in addresses):
                suspects.append(Suspect(request, addresses))
                self._surroundings.note_looking(request.key, request.spelling.prefix)
            else:
                self._surroundings.forget(request.key)
        try:
            async with patience(self._pace.timeout_seconds):
                return await self._surroundings.observe(
                    self._way.open_wires, suspects, endpoint=self._endpoint
                )
        except FAILURES:
            # The counts are known and stand; this was about a better word for zero.
            self._way.drop()
        except BaseException:
            self._way.drop()
            raise
        return {}


def _addresses_of(request: PoolRequest) -> dict[str, QueueAddress]:
    """
    Name the pool's queues; one that is named twice is counted once.

    A key that several of its queues share holds jobs of all of them.  It is
    counted with the first, so that the pool's sum is right.
    """
    addresses: dict[str, QueueAddress] = {}
    counted: set[QueueStore] = set()
    for name in dict.fromkeys(request.queues):
        stores = request.framework.keys(name, request.spelling)
        own = tuple(store for store in stores if store not in counted)
        counted.update(own)
        addresses[name] = QueueAddress(request.database, own, request.framework.read_header)
    return addresses


def _courses_of(
    requests: Sequence[PoolRequest], by_pool: Mapping[PoolKey, Mapping[str, QueueAddress]]
) -> dict[QueueAddress, tuple[QueueStore, ...]]:
    """
    Choose the stores of each queue whose flow is asked for.

    A key that several queues of a pool share is left out: nobody can tell for
    which of them its jobs are until they are in that one's list.
    """
    courses: dict[QueueAddress, tuple[QueueStore, ...]] = {}
    for request in requests:
        if not request.counts_flow:
            continue
        keys = Counter(
            key
            for name in by_pool[request.key]
            for key in {store.key for store in request.framework.keys(name, request.spelling)}
        )
        for address in by_pool[request.key].values():
            stores = courses.get(address, flow_stores(address.stores))
            courses[address] = tuple(store for store in stores if keys[store.key] == 1)
    return {address: stores for address, stores in courses.items() if stores}


def _upcoming(found: Counted) -> tuple[Upcoming, ...]:
    times = ((parse_unix_time(at), jobs) for at, jobs in found.upcoming)
    return tuple(Upcoming(at=at, jobs=jobs) for at, jobs in times if at)


def _count(found: Outcome) -> int | None:
    """
    Count the jobs of a queue, in any state; ``None`` where that is not known.

    Keys in different slots hold none: whoever stores jobs on a cluster has
    them somewhere else, and where is worth looking for.
    """
    match found:
        case Seen(counted, _):
            return counted.total
        case Scattered():
            return 0
        case UnknownBacklog():
            return None
