"""
Reading the queues of all pools at one Redis.

One endpoint, one connection, one question: whatever the number of pools, their
commands travel together, and a queue that several pools share is asked for
once.  Each pool's failure stays its own; the server's concerns all.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from queueworkers.backlog.breaker import Breaker
from queueworkers.backlog.connections import ConnectionList
from queueworkers.backlog.round_trip import Counted, QueueAddress, Refused, RoundTrip, parse_time
from queueworkers.backlog.signals import SignalTrip, latest_signals
from queueworkers.backlog.surroundings import Surroundings, Suspect
from queueworkers.backlog.troubles import FAILURES, concerns_all, explain_failure, explain_refusal
from queueworkers.backlog.waiting_time import HeadSights
from queueworkers.backlog.wire import PlaintextError, Wire, observe_plaintext
from queueworkers.domain.backlog import Backlog, QueueBacklog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from queueworkers.backlog.endpoint import PoolRequest, RedisEndpoint
    from queueworkers.backlog.round_trip import Finding
    from queueworkers.backlog.signals import SignalPlace, SignalRequest, Signals
    from queueworkers.domain.backlog import Reading, UnknownBacklog
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.frameworks.base import QueueStore

T = TypeVar("T")

QUEUES_AT_ONCE = 500
"""Beyond that a question is cut in two, so that neither side has to hold an answer of unbounded size."""

SIGNALS_REST_SECONDS = 300.0
"""How long a server is not asked again for signals, or for those in one database, once it did not like to be."""

PROBE_SHARE = 0.25
"""Part of the time limit that may be spent on finding out why TLS was not answered."""


class RedisReader:
    """
    Reads backlogs at *endpoint*; connects on first use and again after a failure.

    Args:
        endpoint: Where, and as whom.
        timeout_seconds: What connecting may take, and what each answer may take.
        rest_seconds: How long an endpoint is left alone after each failure, once it has failed three times in a row.
        look_around_seconds: How often at most a queue without keys is looked for elsewhere.
        monotonic: A clock for deadlines, in seconds.
        wall: Unix seconds; used only where the server does not tell its own time.
    """

    def __init__(
        self,
        endpoint: RedisEndpoint,
        *,
        timeout_seconds: float = 2.0,
        rest_seconds: float = 5.0,
        look_around_seconds: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._monotonic = monotonic
        self._wall = wall
        self._breaker = Breaker(rest_seconds)
        self._surroundings = Surroundings(every_seconds=look_around_seconds)
        self._sights = HeadSights()
        self._connections = ConnectionList(monotonic)
        self._signals_from = 0.0
        self._databases_from: dict[int, float] = {}
        self._wire: Wire | None = None
        self._clock_offset: float | None = None
        # A connection answers in the order of the questions, so they are asked one by one.
        self._turn = asyncio.Lock()

    async def observe(self, requests: Sequence[PoolRequest]) -> Mapping[PoolKey, Reading]:
        """
        Read the queues of all *requests* in one round trip.

        Never raises for what the server does: a pool that could not be read has
        an `UnknownBacklog`.  Times are the server's own.
        """
        if not requests:
            return {}
        async with self._turn:
            trouble = self._breaker.resting(self._monotonic())
            if trouble is None:
                try:
                    return await self._observe(requests)
                except FAILURES as error:
                    trouble = explain_failure(error, self._endpoint, timeout_seconds=self._timeout_seconds)
                    self._breaker.record_failure(trouble, self._monotonic())
        return {request.key: trouble for request in requests}

    async def observe_signals(self, requests: Sequence[SignalRequest]) -> Signals:
        """
        Read when somebody last asked the workers of pools to restart.

        Never raises for what the server does, and never connects: this is
        worth nothing to a pool whose backlog cannot be read.
        """
        async with self._turn:
            now = self._monotonic()
            if self._wire is None or now < self._signals_from:
                return {}
            places = dict.fromkeys(place for request in requests for place in request.places)
            welcome = [place for place in places if now >= self._databases_from.get(place.database, now)]
            try:
                found = await self._find_signals(self._wire, welcome)
            except FAILURES:
                self._signals_from = now + SIGNALS_REST_SECONDS
                self._drop()
                return {}
            except BaseException:
                self._drop()
                raise
        return latest_signals(requests, found)

    async def observe_connections(self) -> Sequence[Connection] | None:
        """
        List who is connected to the server; ``None`` where that cannot be known, for whatever reason.

        Never raises for what the server does.
        """
        async with self._turn:
            if self._breaker.resting(self._monotonic()):
                return None
            try:
                wire = await self._connected()
                async with asyncio.timeout(self._timeout_seconds):
                    return await self._connections.observe(wire)
            except FAILURES:
                # The next reading tells what is wrong with the server; this was a question beside it.
                self._drop()
                return None
            except BaseException:
                self._drop()
                raise

    async def close(self) -> None:
        """End the connection; the next reading would open another."""
        async with self._turn:
            self._drop()

    async def _observe(self, requests: Sequence[PoolRequest]) -> Mapping[PoolKey, Reading]:
        by_pool = {request.key: _addresses_of(request) for request in requests}
        addresses = list(dict.fromkeys(address for each in by_pool.values() for address in each.values()))
        fresh = self._wire is None
        try:
            findings, now = await self._find(addresses)
        except ConnectionError:
            # A server that was restarted, or that closes idle connections, is
            # not down: only a new connection can tell.
            if fresh:
                raise
            findings, now = await self._find(addresses)
        self._breaker.record_success()
        self._surroundings.note_seen(address for address, found in findings.items() if _has_jobs(found))
        readings = {
            request.key: self._read_pool(by_pool[request.key], findings, now, request) for request in requests
        }
        return {**readings, **await self._look_around(requests, by_pool, findings)}

    async def _find(
        self, addresses: Sequence[QueueAddress]
    ) -> tuple[Mapping[QueueAddress, Finding], datetime]:
        findings: dict[QueueAddress, Finding] = {}
        try:
            wire = await self._connected()
            now = await self._server_time(wire)
            for some in _batched(addresses, QUEUES_AT_ONCE):
                findings |= await self._ask(wire, some, int(now))
        except BaseException:
            # Cancellation included: what is under way would be taken for the next answer.
            self._drop()
            raise
        return findings, datetime.fromtimestamp(now, tz=UTC)

    async def _ask(
        self, wire: Wire, addresses: Sequence[QueueAddress], now: int
    ) -> Mapping[QueueAddress, Finding]:
        asked_at = self._monotonic()
        trip = RoundTrip(addresses, now=now, database=wire.database)
        async with asyncio.timeout(self._timeout_seconds):
            replies = await wire.exchange(trip.commands, at_most_bytes=trip.at_most_bytes)
        answer = trip.parse(replies)
        wire.database = answer.database
        self._set_clock(answer.server_time, asked_at)
        return answer.findings

    async def _find_signals(
        self, wire: Wire, places: Sequence[SignalPlace]
    ) -> Mapping[SignalPlace, datetime | None]:
        found: dict[SignalPlace, datetime | None] = {}
        now = datetime.fromtimestamp(await self._server_time(wire), tz=UTC)
        for some in _batched(places, QUEUES_AT_ONCE):
            trip = SignalTrip(some, database=wire.database)
            async with asyncio.timeout(self._timeout_seconds):
                answer = trip.parse(
                    await wire.exchange(trip.commands, at_most_bytes=trip.at_most_bytes), now=now
                )
            wire.database = answer.database
            for database in answer.refused:
                self._databases_from[database] = self._monotonic() + SIGNALS_REST_SECONDS
            found |= answer.found
        return found

    async def _connected(self) -> Wire:
        if self._wire is None:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    self._wire = await Wire.open(self._endpoint)
            except TimeoutError:
                await self._suspect_plaintext()
                raise
            self._clock_offset = None
        return self._wire

    async def _suspect_plaintext(self) -> None:
        if self._endpoint.tls is None:
            return
        with contextlib.suppress(OSError):
            async with asyncio.timeout(self._timeout_seconds * PROBE_SHARE):
                if await observe_plaintext(self._endpoint):
                    raise PlaintextError

    async def _server_time(self, wire: Wire) -> float:
        """Tell the server's time from its last word and the time since; ask on first contact."""
        if self._clock_offset is None:
            asked_at = self._monotonic()
            async with asyncio.timeout(self._timeout_seconds):
                (reply,) = await wire.exchange([("TIME",)])
            told = parse_time(reply)
            self._set_clock(told, asked_at)
        return self._monotonic() + (self._clock_offset or 0.0)

    def _set_clock(self, server_time: float | None, asked_at: float) -> None:
        # The server looked at its clock somewhere between the two: halfway is
        # wrong by half a round trip at most.
        halfway = (asked_at + self._monotonic()) / 2
        if server_time is None:
            self._clock_offset = self._wall() - self._monotonic()
        else:
            self._clock_offset = server_time - halfway

    def _read_pool(
        self,
        addresses: Mapping[str, QueueAddress],
        findings: Mapping[QueueAddress, Finding],
        now: datetime,
        request: PoolRequest,
    ) -> Reading:
        queues = []
        for name, address in addresses.items():
            found = findings[address]
            if isinstance(found, Refused):
                return self._explain(found, request.database)
            if not request.claims_end:
                found = replace(found, expired=0, expired_since=None)
            self._sights.take_over(address, request.known_heads.get(name))
            waiting = self._sights.look(address, found, now=now)
            queues.append(
                QueueBacklog(
                    name=name,
                    ready=found.ready,
                    delayed=found.delayed,
                    due=found.due,
                    reserved=found.reserved,
                    expired=found.expired,
                    oldest=waiting.oldest,
                    head=waiting.head,
                )
            )
        return Backlog(queues=tuple(queues), read_at=now)

    def _explain(self, found: Refused, database: int) -> UnknownBacklog:
        if concerns_all(found.refusal):
            # What was refused to this connection may be granted to the next.
            self._drop()
        return explain_refusal(
            found.refusal, self._endpoint, database=database, key=found.key, holds=found.holds
        )

    async def _look_around(
        self,
        requests: Sequence[PoolRequest],
        by_pool: Mapping[PoolKey, Mapping[str, QueueAddress]],
        findings: Mapping[QueueAddress, Finding],
    ) -> Mapping[PoolKey, Reading]:
        """Find out which of the pools without any key look in the wrong place."""
        suspects = [
            Suspect(request, tuple(by_pool[request.key].values()))
            for request in requests
            if not request.ever_seen
            and all(_is_empty(findings[each]) for each in by_pool[request.key].values())
        ]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._surroundings.observe(
                    self._wire, suspects, endpoint=self._endpoint, now=self._monotonic()
                )
        except FAILURES:
            # The counts are known and stand; this was about a better word for zero.
            self._drop()
        except BaseException:
            self._drop()
            raise
        return {}

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None


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


def _has_jobs(found: Finding) -> bool:
    return isinstance(found, Counted) and found.total > 0


def _is_empty(found: Finding) -> bool:
    return isinstance(found, Counted) and found.total == 0


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
