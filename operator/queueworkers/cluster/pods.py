"""
What the operator writes on the pods of its workers: who may leave first, and who may start.

The pods are the ReplicaSet controller's; nothing else of them is touched.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from queueworkers.cluster import paths
from queueworkers.cluster.gate import Lane
from queueworkers.cluster.reading import DELETION_COST_ANNOTATION, PODS_MANAGER
from queueworkers.domain.manifests import CEILING_GATE
from queueworkers.errors import ApiServerError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.cluster.inventory import Inventory
    from queueworkers.domain.identity import PoolKey

MARKED_WITHIN_SECONDS = 1.0
"""How long a scale-down waits for the marks; without them, it happens all the same."""

logger = logging.getLogger(__name__)


class PodWriter:
    """Writes on pods, and keeps what the API server answers, so that the next look sees it."""

    def __init__(self, api: KubernetesApi, inventory: Inventory) -> None:
        self._api = api
        self._inventory = inventory

    async def mark(self, key: PoolKey, costs: Mapping[str, int | None]) -> None:
        """
        Write what it costs to delete some pods, side by side; ``None`` takes the mark away.

        A help to the ReplicaSet controller and no more: what cannot be written
        is logged and let go, and so is what takes too long.
        """
        bodies = {
            name: {
                "metadata": {"annotations": {DELETION_COST_ANNOTATION: None if cost is None else str(cost)}}
            }
            for name, cost in costs.items()
        }
        try:
            async with asyncio.timeout(MARKED_WITHIN_SECONDS):
                await self._write_all(key, bodies)
        except TimeoutError:
            logger.warning(
                "%s: not all of %d pods could be marked in time", key, len(costs), extra={"subject": key}
            )
        except ApiServerError as error:
            logger.warning(
                "%s: not all of %d pods were marked: %s", key, len(costs), error, extra={"subject": key}
            )

    async def open_gates(self, key: PoolKey, names: Iterable[str]) -> None:
        """
        Let pods start that waited for a place; one that is gone meanwhile is no error.

        Raises:
            ApiServerError: As the API server says to one of them, after all were tried.
        """
        gates = [{"$patch": "delete", "name": CEILING_GATE}]
        await self._write_all(key, {name: {"spec": {"schedulingGates": gates}} for name in names})

    async def _write_all(self, key: PoolKey, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        writes = (self._write(key, name, body) for name, body in bodies.items())
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _write(self, key: PoolKey, name: str, body: Mapping[str, Any]) -> None:
        try:
            raw = await self._api.merge(
                paths.pod(key.namespace, name), body, field_manager=PODS_MANAGER, lane=Lane.SCALE
            )
        except NotFoundError:
            return
        self._inventory.pods.put(raw)
