"""One server that is asked about many queues at once: its connection and its clock."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from queueworkers.backlog.breaker import Breaker
from queueworkers.backlog.connections import ConnectionList
from queueworkers.backlog.eviction import QUESTION as EVICTION_QUESTION
from queueworkers.backlog.eviction import parse_policy
from queueworkers.backlog.hearing import Hearing
from queueworkers.backlog.patience import patience
from queueworkers.backlog.round_trip import Refused, RoundTrip, parse_time
from queueworkers.backlog.signals import SignalTrip
from queueworkers.backlog.troubles import FAILURES, concerns_all, explain_failure, explain_refusal
from queueworkers.backlog.way import Seen
from queueworkers.backlog.wire import (
    SHORT_ANSWER_BYTES,
    PlaintextError,
    Wire,
    observe_plaintext,
    observe_refused_certificate,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from queueworkers.backlog.endpoint import RedisEndpoint
    from queueworkers.backlog.flow import FlowQuestion
    from queueworkers.backlog.round_trip import Finding, QueueAddress
    from queueworkers.backlog.signals import SignalPlace
    from queueworkers.backlog.way import Outcome, Pace
    from queueworkers.backlog.wire import Command, Hear, Reply
    from queueworkers.domain.backlog import UnknownBacklog
    from queueworkers.domain.leaving import Connection

T = TypeVar("T")

QUEUES_AT_ONCE = 500
"""Beyond that a question is cut in two, so that neither side has to hold an answer of unbounded size."""

SIGNALS_REST_SECONDS = 300.0
"""How long a server is not asked again for signals, or for those in one database, once it did not like to be."""

EVICTION_KEPT_SECONDS = 300.0
"""How soon it is noticed that a server drops other keys than before when its memory is full."""

PROBE_SHARE = 0.25
"""Part of the time limit that may be spent on finding out what TLS suffers from."""


class Server:
    """
    One Redis; connects on first use and again after a failure.

    Args:
        endpoint: Where, and as whom.
        pace: How long it may take.
        hear: Called with keys that have changed since their queue was read, where the server tells of it, and
            with ``None`` when it will not tell any more; ``None``: nobody wants to know.
    """

    def __init__(self, endpoint: RedisEndpoint, pace: Pace, hear: Hear | None = None) -> None:
        self.endpoint = endpoint
        self._pace = pace
        self._hear = hear
        self._hearing = Hearing()
        self._breaker = Breaker(pace.rest_seconds)
        self._connections = ConnectionList(pace.monotonic)
        self._signals_from = 0.0
        self._databases_from: dict[int, float] = {}
        self._wire: Wire | None = None
        self._has_answered = False
        self._eviction_policy: str | None = None
        self._ask_eviction_from = float("-inf")
        self._clock_offset: float | None = None
        # A connection answers in the order of the questions, so they are asked one by one.
        self._turn = asyncio.Lock()

    @property
    def wire(self) -> Wire | None:
        """The connection, where there is one."""
        return self._wire

    async def observe_queues(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome]:
        """
        Read queues in one round trip.

        Raises:
            One of `FAILURES`: the server cannot be asked.
        """
        return await self._anew(lambda: self._observe_queues(addresses, flows))

    async def observe_queues_patiently(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome]:
        """Read queues in one round trip, or say why not; a server that fails again and again is left alone for a while."""
        trouble = self._breaker.resting(self._pace.monotonic())
        if trouble is None:
            try:
                outcomes = await self.observe_queues(addresses, flows)
            except FAILURES as error:
                trouble = self.explain(error)
                self._breaker.record_failure(trouble, self._pace.monotonic())
            else:
                self._breaker.record_success()
                return outcomes
        return dict.fromkeys(addresses, trouble)

    async def observe_signals(self, places: Sequence[SignalPlace]) -> Mapping[SignalPlace, datetime | None]:
        """Read signals, connecting where needed; what fails or is refused is left out, and left alone."""
        now = self._pace.monotonic()
        if now < self._signals_from:
            return {}
        welcome = [place for place in places if now >= self._databases_from.get(place.database, now)]
        try:
            return await self._anew(lambda: self._find_signals(welcome))
        except FAILURES:
            self._signals_from = now + SIGNALS_REST_SECONDS
            return {}

    async def observe_connections(self) -> Sequence[Connection] | None:
        """List who is connected; ``None`` where that cannot be known, for whatever reason."""
        if self._breaker.resting(self._pace.monotonic()):
            return None
        try:
            wire = await self.connected()
            async with self._turn, patience(self._pace.timeout_seconds):
                return await self._connections.observe(wire)
        except FAILURES:
            # The next reading tells what is wrong with the server; this was a question beside it.
            self.drop()
            return None
        except BaseException:
            self.drop()
            raise

    async def ask(self, commands: Sequence[Command], *, at_most_bytes: int) -> list[Reply]:
        """
        Send *commands* in one go and return as many replies; ends the connection when that fails.

        Raises:
            One of `FAILURES`.
        """
        return await self._ask_over(await self.connected(), commands, at_most_bytes=at_most_bytes)

    async def _ask_over(self, wire: Wire, commands: Sequence[Command], *, at_most_bytes: int) -> list[Reply]:
        """
        Ask as `ask` does, over this connection and no other.

        What follows from an earlier answer, as the selected database does, holds for that connection.
        """
        try:
            async with self._turn, patience(self._pace.timeout_seconds):
                replies = await wire.exchange(commands, at_most_bytes=at_most_bytes)
        except BaseException as error:
            await self._end_over(error)
            raise
        self._has_answered = True
        self._hearing.record_other_answer(self._pace.monotonic())
        return replies

    async def ask_anew(self, commands: Sequence[Command], *, at_most_bytes: int) -> list[Reply]:
        """Ask as `ask` does, in database 0; once more over a new connection where the one at hand had ended."""
        return await self._anew(lambda: self.ask(commands, at_most_bytes=at_most_bytes))

    async def connected(self) -> Wire:
        """
        Return the connection, opened where there is none.

        Raises:
            One of `FAILURES`.
        """
        async with self._turn:
            if self._wire is None:
                self._wire = await self._open()
                self._clock_offset = None
                self._has_answered = False
                self._ask_eviction_from = float("-inf")
            if self._hear and self._hearing.may_ask(self._pace.monotonic()):
                await self._listen(self._wire, self._hear)
            return self._wire

    def explain(self, error: Exception) -> UnknownBacklog:
        """Say why this server could not be asked."""
        return explain_failure(error, self.endpoint, timeout_seconds=self._pace.timeout_seconds)

    async def probe(self) -> None:
        """Find out whether the server still is there, if it is to tell of changes."""
        if self._hearing.listening:
            with contextlib.suppress(*FAILURES):
                await self.ask([("TIME",)], at_most_bytes=SHORT_ANSWER_BYTES)

    def drop(self) -> None:
        """End the connection; the next question opens another."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        if self._hearing.listening and self._hear:
            self._hearing.listening = False
            self._hear(None)

    async def _open(self) -> Wire:
        try:
            async with patience(self._pace.timeout_seconds):
                return await Wire.open(self.endpoint)
        except TimeoutError:
            await self._suspect_plaintext()
            raise
        except ConnectionError:
            await self._suspect_certificate()
            raise

    async def _listen(self, wire: Wire, hear: Hear) -> None:
        """
        Ask to be told of changes.

        What stands between may end the connection over a question that it does
        not know.  Then the next connection is one without.
        """
        try:
            async with patience(self._pace.timeout_seconds):
                listening = await wire.listen(hear, self.drop)
        except BaseException as error:
            self._hearing.record_failure(self._pace.monotonic())
            await self._end_over(error)
            raise
        self._hearing.record_answer(self._pace.monotonic(), listening=listening)

    async def _end_over(self, error: BaseException) -> None:
        """
        End the connection after a failure, cancellation included: what is under way would be taken for the next answer.

        Raises:
            ssl.SSLError: the failure was about what was shown to the server.
        """
        self.drop()
        if isinstance(error, ConnectionError) and not self._has_answered:
            await self._suspect_certificate()

    async def _anew(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """
        Make an *attempt*, and another over a new connection where the one at hand had ended.

        A server that was restarted, or that closes idle connections, is not
        down: only a new connection can tell.
        """
        fresh = self._wire is None
        try:
            return await attempt()
        except ConnectionError:
            if fresh:
                raise
            return await attempt()

    async def _observe_queues(
        self, addresses: Sequence[QueueAddress], flows: Mapping[QueueAddress, FlowQuestion]
    ) -> Mapping[QueueAddress, Outcome]:
        outcomes: dict[QueueAddress, Outcome] = {}
        self._connections.outdate()
        try:
            wire = await self.connected()
            now = await self._server_time(wire)
            at = datetime.fromtimestamp(now, tz=UTC)
            await self._learn_eviction_policy(wire)
            for some in _batched(addresses, QUEUES_AT_ONCE):
                asked_at = self._pace.monotonic()
                trip = RoundTrip(
                    some, now=int(now), database=wire.database, flows=flows, listening=self._hearing.listening
                )
                answer = trip.parse(
                    await self._ask_over(wire, trip.commands, at_most_bytes=trip.at_most_bytes)
                )
                wire.database = answer.database
                self._set_clock(answer.server_time, asked_at)
                for address, found in answer.findings.items():
                    outcomes[address] = self._outcome(address, found, at, wire, told=address in answer.told)
        except BaseException:
            self.drop()
            raise
        return outcomes

    def _outcome(
        self, address: QueueAddress, found: Finding, at: datetime, wire: Wire, *, told: bool
    ) -> Outcome:
        if not isinstance(found, Refused):
            return Seen(found, at, wire.number, told=told, eviction_policy=self._eviction_policy)
        if concerns_all(found.refusal):
            # What was refused to this connection may be granted to the next.
            self.drop()
        return explain_refusal(
            found.refusal,
            self.endpoint,
            database=address.database,
            key=found.key,
            holds=found.holds,
            needed_beside=found.needed_beside,
        )

    async def _find_signals(self, places: Sequence[SignalPlace]) -> Mapping[SignalPlace, datetime | None]:
        found: dict[SignalPlace, datetime | None] = {}
        try:
            wire = await self.connected()
            now = datetime.fromtimestamp(await self._server_time(wire), tz=UTC)
            for some in _batched(places, QUEUES_AT_ONCE):
                trip = SignalTrip(some, database=wire.database)
                replies = await self._ask_over(wire, trip.commands, at_most_bytes=trip.at_most_bytes)
                answer = trip.parse(replies, now=now)
                wire.database = answer.database
                for database in answer.refused:
                    self._databases_from[database] = self._pace.monotonic() + SIGNALS_REST_SECONDS
                found |= answer.found
        except BaseException:
            self.drop()
            raise
        return found

    async def _suspect_plaintext(self) -> None:
        if self.endpoint.tls is None:
            return
        with contextlib.suppress(OSError):
            async with patience(self._pace.timeout_seconds * PROBE_SHARE):
                if await observe_plaintext(self.endpoint):
                    raise PlaintextError

    async def _suspect_certificate(self) -> None:
        if self.endpoint.tls is None:
            return
        try:
            async with patience(self._pace.timeout_seconds * PROBE_SHARE):
                await observe_refused_certificate(self.endpoint)
        except ssl.SSLError:
            raise
        except OSError:
            # It was about something else: the first failure says what.
            return

    async def _server_time(self, wire: Wire) -> float:
        """Tell the server's time from its last word and the time since; ask on first contact."""
        if self._clock_offset is None:
            asked_at = self._pace.monotonic()
            (reply,) = await self._ask_over(wire, [("TIME",)], at_most_bytes=SHORT_ANSWER_BYTES)
            told = parse_time(reply)
            self._set_clock(told, asked_at)
        return self._pace.monotonic() + (self._clock_offset or 0.0)

    async def _learn_eviction_policy(self, wire: Wire) -> None:
        now = self._pace.monotonic()
        if now >= self._ask_eviction_from:
            (reply,) = await self._ask_over(wire, [EVICTION_QUESTION], at_most_bytes=SHORT_ANSWER_BYTES)
            self._eviction_policy = parse_policy(reply)
            self._ask_eviction_from = now + EVICTION_KEPT_SECONDS

    def _set_clock(self, server_time: float | None, asked_at: float) -> None:
        # The server looked at its clock somewhere between the two: halfway is
        # wrong by half a round trip at most.
        halfway = (asked_at + self._pace.monotonic()) / 2
        if server_time is None:
            self._clock_offset = self._pace.wall() - self._pace.monotonic()
        else:
            self._clock_offset = server_time - halfway


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
