"""
Reading the pools of one endpoint, each when it has its turn.

Those that have it together are one question.  Every endpoint has a sweep, and
a task, of its own, so one that hangs delays nobody else.  Pools that never rest
share an allowance, over all endpoints, so that a thousand of them delay nobody either.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from queueworkers.api.conditions import UnknownReason
from queueworkers.domain.backlog import Backlog, UnknownBacklog
from queueworkers.domain.notices import Notices
from queueworkers.engine.timetable import Timetable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from queueworkers.api.redis import RedisSource
    from queueworkers.backlog.endpoint import Endpoint, PoolRequest
    from queueworkers.backlog.signals import SignalRequest, Signals, SignalSearch
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.engine.allowance import Allowance
    from queueworkers.engine.rhythm import Rhythm

POOLS_AT_ONCE = 200
"""Beyond that the first would wait too long for the last."""

NET_POOLS_AT_ONCE = 25
"""Of those for which nothing is expected: what is told meanwhile waits for them, and they take a millisecond each."""

HEARINGS_AT_ONCE = 20
"""The same, of pools whose notices are read: each has a hundred places to look at."""

NET_SECONDS = 30.0
"""How often a pool is read, at the least, of whose changes Redis tells."""

NET_QUEUES_PER_SECOND = 100
"""Where there are very many, each is read less often: this is to cost next to nothing."""

PROBE_SECONDS = 5.0
"""How soon it is noticed that a server will tell of nothing any more, although nobody said so."""

PROBES_PER_SECOND = 100
"""Where there are very many servers, each is asked less often."""

SIGNALS_SECONDS = 3.0
"""How soon a framework's own command, such as a restart or a pause, is noticed."""

SIGNAL_KEYS_PER_SECOND = 10_000
"""A pool has a hundred keys and more at which a notice may be; where that comes to very many, they are read less often."""

SIGNAL_KEYS_PER_SECOND_AT_REST = 2_000
"""Of pools without jobs and without workers, which have nobody to be told; they are asked before they grow."""

HOLDS_KEPT_SECONDS = 60.0
"""For so long a pause is believed of which nothing is heard any more; then its queues count again."""

EARLY_SECONDS = 1e-9
"""So much early asyncio wakes whoever waits: without it, nothing would be due yet."""

UNEXPECTED = UnknownBacklog(
    reason=UnknownReason.SERVER_ERROR,
    message="The operator failed at reading the backlog: its log says how. Please report it.",
)

logger = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads the queues of many pools at one endpoint."""

    async def observe(self, requests: Sequence[PoolRequest]) -> Mapping[PoolKey, Reading]:
        """Read them in one round trip; what could not be read is an `UnknownBacklog`, never an error."""

    async def observe_signals(self, requests: Sequence[SignalRequest]) -> Signals:
        """Read what was left for the workers; a pool of which that is not known is left out."""

    async def observe_connections(self) -> Sequence[Connection] | None:
        """List who is connected to the server; ``None`` where it does not tell."""

    async def probe(self) -> None:
        """Find out whether the server still would tell of changes, if it is to."""

    def forget(self, request: PoolRequest) -> None:
        """Tell no more of a pool's queues."""

    async def close(self) -> None:
        """End the connection."""


@dataclass(slots=True, kw_only=True)
class Followed:
    """One pool whose queues are read."""

    source: RedisSource
    request: PoolRequest
    search: SignalSearch | None
    """Where notices may be; ``None`` where they are ignored."""
    rhythm: Rhythm
    staffed: bool
    """True while it has workers, or is to have some."""
    endpoint: Endpoint | None = None
    reading: Reading | None = None
    reading_began_at: float = float("-inf")
    """When, by the loop's clock; the next one may have begun since."""
    notices: Notices | None = None
    """``None`` before it was tried to read them."""
    heard_at: float = float("-inf")
    """When they were last known, by the loop's clock."""

    @property
    def rests(self) -> bool:
        """Tell whether there is nobody whom a notice could concern."""
        return not self.staffed and not _has_jobs(self.reading)

    def must_hear(self, reading: Reading, now: float) -> bool:
        """Tell whether *reading* is no use before the notices are read: nobody is to grow for a paused queue."""
        lately = now - self.heard_at < SIGNALS_SECONDS
        knew = self.notices is not None and isinstance(self.reading, Backlog) and not self.rests
        return self.search is not None and _has_jobs(reading) and not knew and not lately


@dataclass(slots=True)
class Census:
    """What all sweeps of the process have to read: the more there is, the less often each part of it is read at rest."""

    endpoints: int = 0
    queues: int = 0
    signal_keys: int = 0

    @property
    def net_seconds(self) -> float:
        """How often each pool is read of whose changes its Redis tells."""
        return max(NET_SECONDS, self.queues / NET_QUEUES_PER_SECOND)

    @property
    def probe_seconds(self) -> float:
        """How often each endpoint is asked whether it still would tell."""
        return max(PROBE_SECONDS, self.endpoints / PROBES_PER_SECOND)

    def hearing_seconds(self, *, at_rest: bool) -> float:
        """How often the notices of each pool are read."""
        rate = SIGNAL_KEYS_PER_SECOND_AT_REST if at_rest else SIGNAL_KEYS_PER_SECOND
        return max(SIGNALS_SECONDS, self.signal_keys / rate)

    def count(self, followed: Followed, sign: int) -> None:
        """Add a pool, or take it away."""
        self.queues += sign * len(followed.request.queues)
        self.signal_keys += sign * (followed.search.key_count if followed.search else 0)


class Sweep:
    """
    The readings of all pools of one endpoint.

    Args:
        connect: Makes the endpoint's reader, which calls what it is given with pools that have changed, and
            with ``None`` where it may be any.
        publish: Called with each reading.
        changed: Called with pools of whose notices there is something new.
        allowance: How many readings of pools that never rest there may be.
        census: To be kept up to date.
    """

    def __init__(
        self,
        connect: Callable[[Callable[[Collection[PoolKey] | None], None]], Reader],
        *,
        publish: Callable[[Followed, Reading], None],
        changed: Callable[[PoolKey], None],
        allowance: Allowance,
        census: Census,
    ) -> None:
        self.reader = connect(self._wake)
        self._census = census
        self._allowance = allowance
        self._publish = publish
        self._changed = changed
        self._members: dict[PoolKey, Followed] = {}
        self._urgent: Timetable[PoolKey] = Timetable()
        self._restless: Timetable[PoolKey] = Timetable()
        self._net: Timetable[PoolKey] = Timetable()
        self._hearings: Timetable[PoolKey] = Timetable()
        self._probe_at = 0.0
        self._something_new = asyncio.Event()

    def join(self, followed: Followed) -> None:
        """Read a pool from now on, and for the first time at once."""
        key = followed.request.key
        self._members[key] = followed
        self._census.count(followed, +1)
        self.read_soon(key)

    def leave(self, key: PoolKey) -> bool:
        """Read a pool no more; return whether it was the last one."""
        followed = self._members.pop(key)
        self._census.count(followed, -1)
        self._drop_readings(key)
        self._hearings.drop(key)
        self.reader.forget(followed.request)
        return not self._members

    def read_soon(self, key: PoolKey) -> None:
        """Read a pool at the next opportunity."""
        self._urgent.set(key, 0.0)
        self._something_new.set()

    async def run(self) -> None:
        """Read for ever."""
        self._census.endpoints += 1
        try:
            while True:
                self._something_new.clear()
                await self._read(self._take_due())
                heard = self._hearings.take(self._now(), most=HEARINGS_AT_ONCE)
                await self._hear([self._members[key] for key in heard])
                await self._probe()
                await self._rest()
        finally:
            self._census.endpoints -= 1
            await self.reader.close()

    def _wake(self, pools: Collection[PoolKey] | None) -> None:
        now = self._now()
        for key in self._members if pools is None else pools:
            if followed := self._members.get(key):
                table = self._restless if followed.rhythm.is_restless(now) else self._urgent
                table.advance(key, followed.rhythm.wake(now))
                self._something_new.set()

    async def _rest(self) -> None:
        """Wait for the next turn, or for something new."""
        restless = self._restless.next()
        if restless is not None:
            restless = max(restless, self._allowance.next_at(self._now()))
        turns = (self._urgent.next(), restless, self._net.next(), self._hearings.next(), self._probe_at)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(turn for turn in turns if turn is not None)):
                await self._something_new.wait()

    async def _probe(self) -> None:
        if self._now() < self._probe_at:
            return
        self._probe_at = self._now() + self._census.probe_seconds
        try:
            await self.reader.probe()
        except Exception:
            # The last line of defence, as below.
            logger.exception("Probing failed unexpectedly")

    async def _read(self, keys: Sequence[PoolKey]) -> None:
        due = [self._members[key] for key in keys]
        if not due:
            return
        now = self._now()
        for followed in due:
            followed.rhythm.begin(now)
        readings = await self._observe(due)
        both = list(zip(due, readings, strict=True))
        now = self._now()
        await self._hear([followed for followed, reading in both if followed.must_hear(reading, now)])
        for followed, reading in both:
            key = followed.request.key
            if self._members.get(key) is followed:  # else it left while it was read
                self._plan(followed, reading)
                self._publish(followed, reading)
                if followed.search:
                    self._hearings.advance(key, self._hear_at(followed))

    def _plan(self, followed: Followed, reading: Reading) -> None:
        rhythm = followed.rhythm
        rhythm.note(reading)
        table = self._urgent if rhythm.is_polled(reading) else self._net
        table.advance(followed.request.key, rhythm.next_at(reading, net_seconds=self._census.net_seconds))

    async def _observe(self, due: Sequence[Followed]) -> list[Reading]:
        try:
            readings = await self.reader.observe([followed.request for followed in due])
        except Exception:
            # The last line of defence: a bug must not end the reading of this endpoint for ever.
            logger.exception("Reading failed unexpectedly")
            readings = {}
        return [readings.get(followed.request.key, UNEXPECTED) for followed in due]

    async def _hear(self, some: Iterable[Followed]) -> None:
        """Read what was left for the workers of pools that heed it."""
        asking = [(followed, followed.search.request) for followed in some if followed.search]
        if not asking:
            return
        try:
            signals = await self.reader.observe_signals([request for _, request in asking])
        except Exception:
            # As above: worse than a signal that is missed would be a backlog that is read no more.
            logger.exception("Reading signals failed unexpectedly")
            signals = {}
        for followed, request in asking:
            self._note(followed, signals.get(request.key))
            if self._members.get(request.key) is followed:
                self._hearings.set(request.key, self._hear_at(followed))

    def _note(self, followed: Followed, notices: Notices | None) -> None:
        """Note what was left, or that it is not known: what was known stays so, a hold only for a while."""
        before, now = followed.notices or Notices(), self._now()
        if notices is not None:
            followed.heard_at = now
        elif now - followed.heard_at > HOLDS_KEPT_SECONDS:
            notices = replace(before, holds={})
        followed.notices = notices or before
        if followed.notices != before:
            self._changed(followed.request.key)

    def _hear_at(self, followed: Followed) -> float:
        """Tell when to read a pool's notices: the more there are to read, the later."""
        return self._now() + self._census.hearing_seconds(at_rest=followed.rests)

    def _take_due(self) -> list[PoolKey]:
        """Take out whose turn it is: those that never rest as far as they may, and a few for the net."""
        now = self._now()
        urgent = self._take(self._urgent, now, most=POOLS_AT_ONCE)
        room = min(POOLS_AT_ONCE - len(urgent), self._allowance.available(now))
        restless = self._take(self._restless, now, most=room)
        self._allowance.use(len(restless))
        return urgent + restless + self._take(self._net, now, most=NET_POOLS_AT_ONCE)

    def _take(self, table: Timetable[PoolKey], now: float, *, most: int) -> list[PoolKey]:
        keys = table.take(now, most=most)
        for key in keys:
            self._drop_readings(key)
        return keys

    def _drop_readings(self, key: PoolKey) -> None:
        for table in (self._urgent, self._restless, self._net):
            table.drop(key)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time() + EARLY_SECONDS


def _has_jobs(reading: Reading | None) -> bool:
    return isinstance(reading, Backlog) and reading.seen_any_job
