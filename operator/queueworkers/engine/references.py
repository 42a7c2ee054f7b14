"""
Following what workers are configured with.

Each ConfigMap and Secret is read by its name, now and then, once for all pools
that refer to it.  An error changes nothing: what was known stays known.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from queueworkers.api.restart import OnChange
from queueworkers.domain.references import digests_to_carry, missing_findings
from queueworkers.engine.queue import KeyedQueue
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.references import Dependence, Findings, Reference

LEAST_SECONDS = 10.0
"""Between two readings of one object."""

READS_PER_SECOND = 20.0
"""Over all objects; where there are very many, each is read less often."""

SPARE = 0.8
"""The part of that which is planned; the rest is for what is read for the first time, and again after errors."""

READS_AT_ONCE = 4

PATIENCE_SECONDS = 3.0
"""How long a pod template waits for a first reading."""


class Digests(Protocol):
    """Where the names of contents are read."""

    async def observe_digest(self, namespace: str, reference: Reference) -> str | None:
        """Name the content of one object; ``None`` when there is none; `ApiServerError` when nobody knows."""


class Subject(NamedTuple):
    """One object, whoever refers to it."""

    namespace: str
    reference: Reference

    def __str__(self) -> str:
        kind, name = self.reference.kind, self.reference.name
        return f"{kind} {self.namespace}/{name}"


@dataclass(slots=True, kw_only=True)
class Followed:
    """What is known of one object."""

    pools: set[PoolKey] = field(default_factory=set)
    known: bool = False
    digest: str | None = None
    awaited: bool = True
    """False once it was read, could not be read, or took too long: nobody waits for it any more."""


class ReferenceObserver:
    """
    Keeps the digests of all ConfigMaps and Secrets that pools depend on.

    Args:
        digests: Where they are read.
        changed: Called when something that a pool depends on is not what it was.
    """

    def __init__(self, digests: Digests, *, changed: Callable[[PoolKey], None]) -> None:
        self._digests = digests
        self._changed = changed
        self._followed: dict[Subject, Followed] = {}
        self._of_pool: dict[PoolKey, frozenset[Subject]] = {}
        self._queue: KeyedQueue[Subject] = KeyedQueue()
        self._turn = asyncio.Lock()

    def follow(
        self, key: PoolKey, dependences: tuple[Dependence, ...], carried: Mapping[str, str]
    ) -> Mapping[str, str] | None:
        """
        Go on reading what a pool depends on, and return the digests that its template is to carry.

        Args:
            key: Which pool.
            dependences: What its workers are configured with.
            carried: What its template carries; empty while it has none.

        Returns:
            ``None`` while something is read for the first time; that it was, or
            could not be, is told through *changed* within `PATIENCE_SECONDS`.
        """
        heeded = frozenset(
            Subject(key.namespace, each.reference)
            for each in dependences
            if each.on_change is OnChange.RESTART
        )
        self._leave(key, self._of_pool.get(key, frozenset()) - heeded)
        for subject in heeded:
            self._join(key, subject)
        self._of_pool[key] = heeded
        findings = self._findings(heeded)
        missing = missing_findings(dependences, findings, carried)
        if any(self._followed[Subject(key.namespace, reference)].awaited for reference in missing):
            return None
        return digests_to_carry(dependences, findings, carried)

    def forget(self, key: PoolKey) -> None:
        """Read no more for a pool."""
        self._leave(key, self._of_pool.pop(key, frozenset()))

    async def run(self) -> None:
        """Read for ever, at a bounded rate."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(READS_AT_ONCE):
                tasks.create_task(self._queue.work(self._read))

    def _join(self, key: PoolKey, subject: Subject) -> None:
        followed = self._followed.get(subject)
        if followed is None:
            followed = self._followed[subject] = Followed()
            self._queue.add(subject)
            asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._await_no_longer, followed)
        followed.pools.add(key)

    def _leave(self, key: PoolKey, subjects: frozenset[Subject]) -> None:
        for subject in subjects:
            followed = self._followed[subject]
            followed.pools.discard(key)
            if not followed.pools:
                del self._followed[subject]
                self._queue.forget(subject)

    def _findings(self, subjects: frozenset[Subject]) -> Findings:
        return {
            subject.reference: self._followed[subject].digest
            for subject in subjects
            if self._followed[subject].known
        }

    def _await_no_longer(self, followed: Followed) -> None:
        if followed.awaited:
            followed.awaited = False
            self._tell(followed)

    async def _read(self, subject: Subject) -> None:
        followed = self._followed.get(subject)
        if followed is None:
            return
        await self._wait_for_turn()
        try:
            digest = await self._digests.observe_digest(*subject)
        except ApiServerError:
            self._await_no_longer(followed)
            raise
        self._queue.add_later(subject, seconds=self._interval_seconds())
        if (followed.known, followed.digest) != (True, digest):
            followed.known, followed.digest, followed.awaited = True, digest, False
            self._tell(followed)

    async def _wait_for_turn(self) -> None:
        """Let so many begin in a second, and no more."""
        async with self._turn:
            await asyncio.sleep(1 / READS_PER_SECOND)

    def _interval_seconds(self) -> float:
        return max(LEAST_SECONDS, len(self._followed) / (READS_PER_SECOND * SPARE))

    def _tell(self, followed: Followed) -> None:
        for key in tuple(followed.pools):
            self._changed(key)
