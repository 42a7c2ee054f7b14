"""
Reading backlogs, endpoint by endpoint.

All pools of one endpoint share one reader and are read in one round trip.
Each endpoint has a task of its own, so one that hangs delays nobody else.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from queueworkers.api.conditions import UnknownReason
from queueworkers.api.restart import OnChange
from queueworkers.api.scaling import OnPause
from queueworkers.backlog.endpoint import PoolRequest
from queueworkers.backlog.signals import SignalRequest, signal_places
from queueworkers.domain.backlog import Backlog, SeenHead, UnknownBacklog
from queueworkers.domain.notices import Notices
from queueworkers.domain.report import describe_source
from queueworkers.engine.queue import KeyedQueue
from queueworkers.engine.sources import observe_endpoint, refers_to_secrets
from queueworkers.errors import ApiServerError
from queueworkers.frameworks.base import Spelling, reaches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from queueworkers.api.redis import RedisSource
    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.backlog.endpoint import Endpoint
    from queueworkers.backlog.signals import Signals
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.domain.pool import Pool
from queueworkers.engine.sources import Secrets

SECRETS_KEPT_SECONDS = 30.0
"""How soon a changed password is noticed."""

RETRY_SECONDS = 5.0
"""How soon a missing Secret is looked for again."""

SIGNALS_SECONDS = 3.0
"""How soon a framework's own command, such as a restart or a pause, is noticed."""

SIGNAL_KEYS_PER_SECOND = 10_000
"""A pool has up to 33 keys for each notice that there may be; where that comes to very many, they are read less often."""

HOLDS_KEPT_SECONDS = 60.0
"""For so long a pause is believed of which nothing is heard any more; then its queues count again."""

LOOK_UPS_AT_ONCE = 4
"""Pools whose Secrets are read side by side; most pools have none, and take no time."""

CONNECTIONS_WITHIN_SECONDS = 1.0
"""How long a scale-down waits for the word who is idle; without it, it happens all the same."""

LOGIN_TROUBLES = frozenset(
    {
        UnknownReason.AUTHENTICATION_FAILED,
        UnknownReason.AUTHENTICATION_REQUIRED,
        UnknownReason.TLS_FAILED,
    }
)
"""What a changed Secret may put right."""

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

    async def close(self) -> None:
        """End the connection."""


@dataclass(slots=True, kw_only=True)
class Followed:
    """One pool whose queues are read."""

    source: RedisSource
    request: PoolRequest
    signal: SignalRequest | None
    """``None`` where they are ignored."""
    every_seconds: float
    endpoint: Endpoint | None = None
    reading: Reading | None = None
    read_at: float = 0.0
    """When to read it next, by the loop's clock."""
    notices: Notices | None = None
    """``None`` before it was tried to read them."""
    heard_at: float = 0.0
    """When they were last known, by the loop's clock."""

    @property
    def must_hear_first(self) -> bool:
        """Tell whether the next reading is no use before the notices are read: nobody is to grow for a paused queue."""
        return self.notices is None or isinstance(self.reading, UnknownBacklog)


class BacklogObserver:
    """
    Keeps the latest reading of every pool that is followed.

    Args:
        secrets: Where passwords are read.
        connect: Makes the reader of an endpoint; connects on first use.
        changed: Called when a pool has a reading that differs from the one before.
    """

    def __init__(
        self,
        secrets: Secrets,
        *,
        connect: Callable[[Endpoint], Reader],
        changed: Callable[[PoolKey], None],
    ) -> None:
        self._secrets = secrets
        self._connect = connect
        self._changed = changed
        self._followed: dict[PoolKey, Followed] = {}
        self._members: dict[Endpoint, set[PoolKey]] = {}
        self._readers: dict[Endpoint, Reader] = {}
        self._sweeps: dict[Endpoint, asyncio.Task[None]] = {}
        self._look_ups: KeyedQueue[PoolKey] = KeyedQueue()

    def follow(self, pool: Pool, spec: QueueWorkerPoolSpec) -> Reading | None:
        """
        Go on reading a pool's queues, and return the latest reading.

        ``None`` before the first one; it, or the word why there is none, comes
        within the reader's time limit and is told through *changed*.
        """
        key = pool.identity.key
        request = _request_of(pool, spec)
        known = self._followed.get(key)
        if (
            known
            and known.source == spec.redis
            and replace(known.request, ever_seen=request.ever_seen, known_heads=request.known_heads)
            == request
        ):
            known.request, known.signal = request, _signal_request_of(pool, spec)
            if known.every_seconds != spec.scaling.polling_interval_seconds:
                known.every_seconds = spec.scaling.polling_interval_seconds
                known.read_at = 0.0
            return known.reading
        self.forget(key)
        self._followed[key] = Followed(
            source=spec.redis,
            request=request,
            signal=_signal_request_of(pool, spec),
            every_seconds=spec.scaling.polling_interval_seconds,
        )
        self._look_ups.add(key)
        return None

    def notices(self, key: PoolKey) -> Notices:
        """Return what was left for a followed pool's workers, as far as it is known."""
        followed = self._followed.get(key)
        return (followed.notices if followed and followed.signal else None) or Notices()

    def forget(self, key: PoolKey) -> None:
        """Read no more for a pool; the last one of an endpoint ends its connection."""
        self._look_ups.forget(key)
        followed = self._followed.pop(key, None)
        if followed:
            self._leave(key, followed)

    async def observe_connections(self, key: PoolKey) -> Sequence[Connection] | None:
        """List who is connected to a pool's Redis; ``None`` where that is not known soon enough."""
        followed = self._followed.get(key)
        reader = self._readers.get(followed.endpoint) if followed and followed.endpoint else None
        if reader is None:
            return None
        try:
            async with asyncio.timeout(CONNECTIONS_WITHIN_SECONDS):
                return await reader.observe_connections()
        except TimeoutError:
            return None

    async def run(self) -> None:
        """Look up endpoints for ever, and again where a Secret may have changed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(LOOK_UPS_AT_ONCE):
                    tasks.create_task(self._look_ups.work(self._look_up))
        finally:
            await self._end(*self._sweeps.values())

    async def _look_up(self, key: PoolKey) -> None:
        followed = self._followed.get(key)
        if followed is None:
            return
        found = await self._observe_endpoint(key, followed)
        if found is None or self._followed.get(key) is not followed:
            return  # or it was forgotten, or its source edited, while the Secret was read
        if isinstance(found, UnknownBacklog):
            self._look_ups.add_later(key, seconds=RETRY_SECONDS)
            self._leave(key, followed)
            self._publish(followed, found)
            return
        if refers_to_secrets(followed.source):
            self._look_ups.add_later(key, seconds=SECRETS_KEPT_SECONDS)
        if found != followed.endpoint:
            self._leave(key, followed)
            self._join(key, followed, found)

    async def _observe_endpoint(self, key: PoolKey, followed: Followed) -> Endpoint | UnknownBacklog | None:
        """Find a pool's endpoint; ``None`` to go on with the one it has."""
        try:
            return await observe_endpoint(self._secrets, followed.source, namespace=key.namespace)
        except ApiServerError as error:
            logger.warning("%s: Secret not read: %s", key, error)
            if followed.endpoint is not None:
                # What was read before is good until the API server says otherwise.
                self._look_ups.add_later(key, seconds=RETRY_SECONDS)
                return None
            return UnknownBacklog(
                reason=UnknownReason.SECRET_NOT_READABLE,
                message=f"The Secrets that spec.redis names could not be read: {error}",
            )

    def _join(self, key: PoolKey, followed: Followed, endpoint: Endpoint) -> None:
        followed.endpoint = endpoint
        followed.read_at = 0.0
        self._members.setdefault(endpoint, set()).add(key)
        if endpoint not in self._sweeps:
            self._sweeps[endpoint] = asyncio.create_task(self._sweep(endpoint), name=f"sweep {endpoint}")

    def _leave(self, key: PoolKey, followed: Followed) -> None:
        endpoint, followed.endpoint = followed.endpoint, None
        if endpoint is None:
            return
        self._members[endpoint].discard(key)
        if not self._members[endpoint]:
            del self._members[endpoint]
            self._sweeps.pop(endpoint).cancel()

    async def _sweep(self, endpoint: Endpoint) -> None:
        """Read the pools of one endpoint, each at its own interval, in one round trip those that are due together."""
        loop = asyncio.get_running_loop()
        reader = self._readers[endpoint] = self._connect(endpoint)
        signals_at = 0.0
        try:
            while True:
                now = loop.time()
                due = [
                    self._followed[key]
                    for key in self._members[endpoint]
                    if self._followed[key].read_at <= now
                ]
                for followed in due:
                    followed.read_at = now + followed.every_seconds
                readings = await self._read(reader, due)
                if signals_at <= now:
                    members = [self._followed[key] for key in self._members[endpoint]]
                    keys = await self._read_signals(reader, members)
                    signals_at = now + max(SIGNALS_SECONDS, keys / SIGNAL_KEYS_PER_SECOND)
                else:
                    await self._read_signals(reader, [each for each in due if each.must_hear_first])
                for followed, reading in zip(due, readings, strict=True):
                    if followed.endpoint == endpoint:  # else it left while it was read
                        self._publish(followed, reading)
                next_read = min(self._followed[key].read_at for key in self._members[endpoint])
                # A pool that joins meanwhile is due at once, but waits for at most this tick.
                await asyncio.sleep(min(max(next_read - loop.time(), 0.0), 1.0))
        finally:
            if self._readers.get(endpoint) is reader:  # else the endpoint is followed anew already
                del self._readers[endpoint]
            await reader.close()

    async def _read(self, reader: Reader, due: Sequence[Followed]) -> list[Reading]:
        requests = [followed.request for followed in due]
        if not requests:
            return []
        try:
            readings = await reader.observe(requests)
        except Exception:
            # The last line of defence: a bug must not end the reading of this endpoint for ever.
            logger.exception("Reading failed unexpectedly")
            readings = {}
        return [readings.get(request.key, UNEXPECTED) for request in requests]

    async def _read_signals(self, reader: Reader, members: Sequence[Followed]) -> int:
        """Read what was left for the workers of pools that heed it, and count the keys at which it may be."""
        asking = [(followed, followed.signal) for followed in members if followed.signal]
        if not asking:
            return 0
        try:
            signals = await reader.observe_signals([request for _, request in asking])
        except Exception:
            # As above: worse than a signal that is missed would be a backlog that is read no more.
            logger.exception("Reading signals failed unexpectedly")
            signals = {}
        now = asyncio.get_running_loop().time()
        for followed, request in asking:
            self._hear(followed, signals.get(request.key), now=now)
        return sum(len(place.keys) for place in {place for _, request in asking for place in request.places})

    def _hear(self, followed: Followed, notices: Notices | None, *, now: float) -> None:
        """Note what was left, or that it is not known: what was known stays so, a hold only for a while."""
        before = followed.notices or Notices()
        if notices is not None:
            followed.heard_at = now
        elif now - followed.heard_at > HOLDS_KEPT_SECONDS:
            notices = replace(before, holds={})
        followed.notices = notices or before
        if followed.notices != before:
            self._changed(followed.request.key)

    def _publish(self, followed: Followed, reading: Reading) -> None:
        key = followed.request.key
        refused = isinstance(reading, UnknownBacklog) and reading.reason in LOGIN_TROUBLES
        if refused and refers_to_secrets(followed.source):
            self._look_ups.add_later(key, seconds=RETRY_SECONDS)
        before, followed.reading = followed.reading, reading
        if not _same(before, reading):
            self._changed(key)

    @staticmethod
    async def _end(*tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _request_of(pool: Pool, spec: QueueWorkerPoolSpec) -> PoolRequest:
    """Ask for the pool's queues; what was seen before counts only if it was seen in the same place."""
    seen_at = pool.status.source
    seen_here = bool(seen_at and seen_at.address == describe_source(pool.identity, spec))
    return PoolRequest(
        key=pool.identity.key,
        framework=spec.framework_declared,
        spelling=Spelling(
            prefix=spec.redis.prefix,
            version=spec.version_tuple,
            declared=spec.custom.stores if spec.custom else (),
            clustered=spec.redis.cluster is not None,
        ),
        queues=spec.queues,
        database=spec.redis.database,
        ever_seen=bool(seen_here and seen_at and seen_at.first_job_time),
        claims_end=spec.effective_retry_after != 0,
        counts_flow=any(spec.scaling.wait_seconds_of(queue) for queue in spec.queues),
        known_heads={
            queue.name: SeenHead(digest=queue.head.digest, since=queue.head.first_seen_time)
            for queue in pool.status.queues
            if seen_here and queue.head
        },
    )


def _signal_request_of(pool: Pool, spec: QueueWorkerPoolSpec) -> SignalRequest | None:
    framework = spec.framework_declared
    heeded = {
        True: spec.scaling.on_pause is OnPause.HOLD,
        False: spec.restart.on_signal is OnChange.RESTART,
    }
    notices = [
        notice
        for notice in framework.notices
        if reaches(spec.version_tuple, notice.since) and heeded[notice.hold is not None]
    ]
    if not notices:
        return None
    places = signal_places(
        framework,
        notices,
        prefix=spec.redis.prefix,
        cache_prefix=spec.restart.cache_prefix,
        database=spec.redis.database,
        connection=spec.connection,
        queues=spec.queues,
    )
    return SignalRequest(pool.identity.key, places, spec.queues)


def _same(before: Reading | None, now: Reading) -> bool:
    """Tell whether two readings differ in nothing but their time."""
    if isinstance(before, Backlog) and isinstance(now, Backlog):
        return before.queues == now.queues
    return before == now
