"""What the engine needs of the place where workers run; a cluster is the first such place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.api.status import QueueWorkerPoolStatus
    from queueworkers.domain.announcements import Announcement
    from queueworkers.domain.identity import PoolIdentity, PoolKey
    from queueworkers.domain.pool import Pool
    from queueworkers.domain.rollout import Revision
    from queueworkers.domain.workers import Workers


class World(Protocol):
    """
    Pools and their workers.

    Whatever is asked may raise `ApiServerError`; the same question again is
    always safe.
    """

    def pool(self, key: PoolKey) -> Pool | None:
        """Return a pool as it is known; ``None`` when there is none."""

    async def observe_workers(self, pool: PoolIdentity) -> Workers | None:
        """Look at a pool's workers; ``None`` when nothing was ever started for it."""

    async def apply(
        self, pool: PoolIdentity, deployment: Mapping[str, Any], *, replicas: int, hands_off: bool
    ) -> None:
        """Bring the workers to what is wanted."""

    async def observe_revision_before(self, pool: PoolIdentity) -> Revision | None:
        """Find the revision of workers to go back to, or that was gone back to; ``None`` where there is none."""

    async def mark_leavers(self, pool: PoolIdentity, costs: Mapping[str, int | None]) -> None:
        """Say which pods may leave before the others, the cheapest first; never fails, and never waits for long."""

    async def open_gates(self, pool: PoolIdentity, names: Sequence[str]) -> None:
        """Let pods start that waited for a place."""

    async def write_status(self, pool: PoolIdentity, status: QueueWorkerPoolStatus) -> None:
        """Say where a pool stands."""

    async def announce(self, pool: PoolIdentity, announcements: Sequence[Announcement]) -> None:
        """Tell people what happened."""

    async def observe_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read a Secret that a pool of that namespace names; ``None`` when there is none."""

    def count_pods(self, key: PoolKey) -> int:
        """Count the worker pods of a pool that have not ended, whether or not there still is the pool."""

    def forget(self, key: PoolKey) -> None:
        """Drop what is remembered of a pool that is gone."""
