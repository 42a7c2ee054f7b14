"""Which pool, and the names of what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from queueworkers.api.base import GROUP

POOL_LABEL = f"{GROUP}/pool"
"""On the Deployment and its pods: the pool's name.  The Deployment selects its pods by it."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "queue-worker-operator"


class PoolKey(NamedTuple):
    """A pool's address in the cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def deployment(self) -> str:
        """The name of the pool's Deployment; the suffix keeps it apart from an application's own."""
        return f"{self.name}-workers"


class BudgetKey(NamedTuple):
    """The address of a budget in the cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolIdentity:
    """One pool's life: a pool that is deleted and created again has another *uid*."""

    key: PoolKey
    uid: str
