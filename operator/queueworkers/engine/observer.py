"""
Reading backlogs, endpoint by endpoint.

All pools of one endpoint share one reader and one sweep.  Where that endpoint
is may stand in Secrets, which are looked up here.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from queueworkers.api.conditions import UnknownReason
from queueworkers.api.restart import OnChange
from queueworkers.api.scaling import OnPause
from queueworkers.backlog.endpoint import PoolRequest
from queueworkers.backlog.signals import SignalSearch
from queueworkers.domain.backlog import Backlog, SeenHead, UnknownBacklog
from queueworkers.domain.notices import Notices
from queueworkers.domain.report import describe_source
from queueworkers.engine.allowance import Allowance
from queueworkers.engine.queue import KeyedQueue
from queueworkers.engine.rhythm import Rhythm
from queueworkers.engine.sources import observe_endpoint, refers_to_secrets
from queueworkers.engine.sweep import Census, Followed, Sweep
from queueworkers.errors import ApiServerError
from queueworkers.frameworks.base import Spelling, reaches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.backlog.endpoint import Endpoint
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.domain.pool import Pool
    from queueworkers.engine.sources import Secrets
    from queueworkers.engine.sweep import Reader

SECRETS_KEPT_SECONDS = 30.0
"""How soon a changed password is noticed."""

RETRY_SECONDS = 5.0
"""How soon a missing Secret is looked for again."""

RESTLESS_READINGS_PER_SECOND = 200
"""
How many pools are read, in a second, that never rest.  Each such reading mostly means a look at its pool, at some
milliseconds of processor time; beyond this number those pools take turns, and one that wakes from rest still comes first.
"""

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

logger = logging.getLogger(__name__)


class BacklogObserver:
    """
    Keeps the latest reading of every pool that is followed.

    Args:
        secrets: Where passwords are read.
        connect: Makes the reader of an endpoint, which connects on first use; and calls what it is given with
            pools that have changed, or with ``None`` where it may be any.
        changed: Called when a pool has a reading that differs from the one before, or other notices.
        jobs_came: Called instead where more jobs wait than before: somebody waits for workers.
    """

    def __init__(
        self,
        secrets: Secrets,
        *,
        connect: Callable[[Endpoint, Callable[[Collection[PoolKey] | None], None]], Reader],
        changed: Callable[[PoolKey], None],
        jobs_came: Callable[[PoolKey], None],
    ) -> None:
        self._secrets = secrets
        self._connect = connect
        self._changed = changed
        self._jobs_came = jobs_came
        self._followed: dict[PoolKey, Followed] = {}
        self._allowance = Allowance(rate=RESTLESS_READINGS_PER_SECOND, burst=RESTLESS_READINGS_PER_SECOND)
        self._census = Census()
        self._sweeps: dict[Endpoint, Sweep] = {}
        self._tasks: dict[Endpoint, asyncio.Task[None]] = {}
        self._look_ups: KeyedQueue[PoolKey] = KeyedQueue()

    @property
    def endpoints(self) -> int:
        """Endpoints that are read."""
        return len(self._sweeps)

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
            self._update(known, request, pool, spec)
            return _aged(known)
        self.forget(key)
        self._followed[key] = Followed(
            source=spec.redis,
            request=request,
            search=_search_of(pool, spec),
            rhythm=Rhythm(
                every_seconds=spec.scaling.polling_interval_seconds, counts_flow=request.counts_flow
            ),
            staffed=_is_staffed(pool),
        )
        self._look_ups.add(key)
        return None

    def _update(self, known: Followed, request: PoolRequest, pool: Pool, spec: QueueWorkerPoolSpec) -> None:
        """Take over what may change without the question being another one."""
        known.request, known.staffed = request, _is_staffed(pool)
        search, every = _search_of(pool, spec), spec.scaling.polling_interval_seconds
        if (known.search, known.rhythm.every_seconds) == (search, every):
            return
        known.rhythm.every_seconds = every
        sweep = self._sweeps.get(known.endpoint) if known.endpoint else None
        if sweep is None:
            known.search = search
            return
        sweep.leave(request.key)
        known.search = search
        sweep.join(known)

    def notices(self, key: PoolKey) -> Notices:
        """Return what was left for a followed pool's workers, as far as it is known."""
        followed = self._followed.get(key)
        return (followed.notices if followed and followed.search else None) or Notices()

    def forget(self, key: PoolKey) -> None:
        """Read no more for a pool; the last one of an endpoint ends its connection."""
        self._look_ups.forget(key)
        followed = self._followed.pop(key, None)
        if followed:
            self._leave(key, followed)

    async def observe_connections(self, key: PoolKey) -> Sequence[Connection] | None:
        """List who is connected to a pool's Redis; ``None`` where that is not known soon enough."""
        followed = self._followed.get(key)
        sweep = self._sweeps.get(followed.endpoint) if followed and followed.endpoint else None
        if sweep is None:
            return None
        try:
            async with asyncio.timeout(CONNECTIONS_WITHIN_SECONDS):
                return await sweep.reader.observe_connections()
        except TimeoutError:
            return None

    async def run(self) -> None:
        """Look up endpoints for ever, and again where a Secret may have changed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(LOOK_UPS_AT_ONCE):
                    tasks.create_task(self._look_ups.work(self._look_up))
        finally:
            await self._end(*self._tasks.values())

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
            self._join(followed, found)

    async def _observe_endpoint(self, key: PoolKey, followed: Followed) -> Endpoint | UnknownBacklog | None:
        """Find a pool's endpoint; ``None`` to go on with the one it has."""
        try:
            return await observe_endpoint(self._secrets, followed.source, namespace=key.namespace)
        except ApiServerError as error:
            logger.warning("%s: Secret not read: %s", key, error, extra={"subject": key})
            if followed.endpoint is not None:
                # What was read before is good until the API server says otherwise.
                self._look_ups.add_later(key, seconds=RETRY_SECONDS)
                return None
            return UnknownBacklog(
                reason=UnknownReason.SECRET_NOT_READABLE,
                message=f"The Secrets that spec.redis names could not be read: {error}",
            )

    def _join(self, followed: Followed, endpoint: Endpoint) -> None:
        followed.endpoint = endpoint
        if endpoint not in self._sweeps:
            sweep = Sweep(
                partial(self._connect, endpoint),
                publish=self._publish,
                changed=self._changed,
                allowance=self._allowance,
                census=self._census,
            )
            self._sweeps[endpoint] = sweep
            self._tasks[endpoint] = asyncio.create_task(sweep.run(), name=f"sweep {endpoint}")
        self._sweeps[endpoint].join(followed)

    def _leave(self, key: PoolKey, followed: Followed) -> None:
        endpoint, followed.endpoint = followed.endpoint, None
        if endpoint is not None and self._sweeps[endpoint].leave(key):
            del self._sweeps[endpoint]
            self._tasks.pop(endpoint).cancel()

    def _publish(self, followed: Followed, reading: Reading) -> None:
        key = followed.request.key
        refused = isinstance(reading, UnknownBacklog) and reading.reason in LOGIN_TROUBLES
        if refused and refers_to_secrets(followed.source):
            self._look_ups.add_later(key, seconds=RETRY_SECONDS)
        before, followed.reading = followed.reading, reading
        followed.reading_began_at = followed.rhythm.read_at
        if _waiting(reading) > _waiting(before):
            self._jobs_came(key)
        elif not _same(before, reading):
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


def _search_of(pool: Pool, spec: QueueWorkerPoolSpec) -> SignalSearch | None:
    framework = spec.framework_declared
    heeded = {
        True: spec.scaling.on_pause is OnPause.HOLD,
        False: spec.restart.on_signal is OnChange.RESTART,
    }
    notices = tuple(
        notice
        for notice in framework.notices
        if reaches(spec.version_tuple, notice.since) and heeded[notice.hold is not None]
    )
    if not notices:
        return None
    return SignalSearch(
        key=pool.identity.key,
        framework=framework,
        notices=notices,
        prefix=spec.redis.prefix,
        cache_prefix=spec.restart.cache_prefix,
        database=spec.redis.database,
        connection=spec.connection,
        queues=tuple(spec.queues),
    )


def _is_staffed(pool: Pool) -> bool:
    return bool(pool.status.replicas or pool.status.desired_replicas)


def _aged(followed: Followed) -> Reading | None:
    """Say of the latest reading how old it is: jobs fall due meanwhile."""
    reading = followed.reading
    if not isinstance(reading, Backlog):
        return reading
    return replace(
        reading, age=timedelta(seconds=asyncio.get_running_loop().time() - followed.reading_began_at)
    )


def _waiting(reading: Reading | None) -> int:
    return reading.waiting if isinstance(reading, Backlog) else 0


def _same(before: Reading | None, now: Reading) -> bool:
    """Tell whether two readings differ in nothing but their time."""
    if isinstance(before, Backlog) and isinstance(now, Backlog):
        return (before.queues, before.followed_by, before.eviction_policy) == (
            now.queues,
            now.followed_by,
            now.eviction_policy,
        )
    return before == now
