"""A pool as its author and the operator wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.api.status import QueueWorkerPoolStatus
    from queueworkers.domain.identity import PoolIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One QueueWorkerPool, its spec not parsed yet."""

    identity: PoolIdentity
    generation: int
    """Grows with every change of the spec."""
    spec: Mapping[str, Any]
    status: QueueWorkerPoolStatus
    """What the operator said last; empty for a new pool."""
    restart_annotation: str | None
    """``kubectl.kubernetes.io/restartedAt``, as somebody wrote it."""
    deleting: bool
