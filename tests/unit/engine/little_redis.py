"""A Redis in memory, and the Secrets beside it, which fail and hang on request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from queueworkers.api.conditions import FollowedBy
from queueworkers.domain.notices import Notices
from unit.domain.given import a_backlog
from unit.engine.virtual_time import now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from queueworkers.backlog.endpoint import PoolRequest, RedisEndpoint
    from queueworkers.backlog.signals import SignalRequest, Signals
    from queueworkers.domain.backlog import Reading, Tally
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.frameworks.base import Hold


@dataclass
class LittleRedis:
    """All Redis servers there are, by host."""

    ready: dict[str, int] = field(default_factory=dict)
    """Jobs that every pool of a host has."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    """What came to the queue of every pool of a host, and was taken."""
    hanging: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    """Hosts at which the reader itself fails, which it never should."""
    signals: dict[str, datetime | None] = field(default_factory=dict)
    """When somebody ran the framework's restart command, of the hosts of which it is known."""
    holds: dict[str, dict[str, Hold]] = field(default_factory=dict)
    """The queues that somebody holds, of the hosts of which it is known."""
    asked_for_signals: list[tuple[float, int]] = field(default_factory=list)
    """When, and for how many pools."""
    signal_requests: list[SignalRequest] = field(default_factory=list)
    """What each of them asked."""
    connections: dict[str, list[Connection]] = field(default_factory=dict)
    """Who is connected to which host; a host that is not here does not say."""
    mute: set[str] = field(default_factory=set)
    """Hosts that never come to an end with saying it."""
    open: list[str] = field(default_factory=list)
    """Connections, as host or host with password."""
    opened: int = 0
    trips: list[tuple[float, str, int]] = field(default_factory=list)
    """When, where and for how many pools there was a round trip."""

    pool_seconds: float = 0.0
    """What the reading of each pool takes."""
    telling: bool = False
    """Whether changes are told."""
    wakes: dict[str, Callable[[Collection[PoolKey] | None], None]] = field(default_factory=dict)
    """How the reader of each host tells of them."""
    turns_at: datetime | None = None
    """When time alone changes what is there."""
    forgotten: list[str] = field(default_factory=list)
    """Pools of whose queues nothing is to be told any more."""
    probes: list[float] = field(default_factory=list)
    during: Callable[[], None] | None = None
    """What happens, once, in the middle of a reading."""

    def connect(
        self, endpoint: RedisEndpoint, changed: Callable[[Collection[PoolKey] | None], None]
    ) -> LittleReader:
        """Make the reader of an endpoint."""
        reader = LittleReader(self, endpoint)
        self.wakes[endpoint.host] = changed
        self.open.append(reader.name)
        self.opened += 1
        return reader


class LittleReader:
    """Reads one host."""

    def __init__(self, redis: LittleRedis, endpoint: RedisEndpoint) -> None:
        self._redis = redis
        self._host = endpoint.host
        self.name = f"{endpoint.host} {endpoint.password}" if endpoint.password else endpoint.host

    async def observe(self, requests: Sequence[PoolRequest]) -> Mapping[PoolKey, Reading]:
        """Tell how many jobs there are."""
        self._redis.trips.append((now(), self.name, len(requests)))
        if self._host in self._redis.hanging:
            await asyncio.Event().wait()
        if self._host in self._redis.broken:
            raise ZeroDivisionError
        await asyncio.sleep(self._redis.pool_seconds * len(requests))
        backlog = a_backlog(
            ready=self._redis.ready.get(self._host, 0), tally=self._redis.tallies.get(self._host)
        )
        if self._redis.during:
            happen, self._redis.during = self._redis.during, None
            happen()
        if self._redis.telling:
            backlog = replace(backlog, followed_by=FollowedBy.PUSH, turns_at=self._redis.turns_at)
        return {request.key: backlog for request in requests}

    async def probe(self) -> None:
        """Note that somebody wants to know whether it is still there."""
        self._redis.probes.append(now())

    def forget(self, request: PoolRequest) -> None:
        """Note which pool is meant."""
        self._redis.forgotten.append(request.key.name)

    async def observe_signals(self, requests: Sequence[SignalRequest]) -> Signals:
        """Tell what was left for the workers."""
        self._redis.asked_for_signals.append((now(), len(requests)))
        self._redis.signal_requests += requests
        if self._host in self._redis.broken:
            raise ZeroDivisionError
        known = self._redis.signals.keys() | self._redis.holds.keys()
        if self._host not in known:
            return {}
        notices = Notices(
            restart_at=self._redis.signals.get(self._host), holds=self._redis.holds.get(self._host, {})
        )
        return {request.key: notices for request in requests}

    async def observe_connections(self) -> Sequence[Connection] | None:
        """Tell who is connected."""
        if self._host in self._redis.mute:
            await asyncio.Event().wait()
        return self._redis.connections.get(self._host)

    async def close(self) -> None:
        """End the connection."""
        self._redis.open.remove(self.name)


@dataclass
class LittleSecrets:
    """Secrets by name, of every namespace."""

    values: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[tuple[float, str, str]] = field(default_factory=list)

    async def observe_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read one."""
        self.asked.append((now(), namespace, name))
        if self.error:
            raise self.error
        return self.values.get(name)
