"""
Bringing a pool's Deployment to what is wanted, and writing only when it is not so already.

Two field managers: one owns the template, one owns ``replicas``.  Whoever
else writes to the Deployment keeps the fields that are theirs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from queueworkers.cluster import paths
from queueworkers.cluster.gate import Lane
from queueworkers.cluster.inventory import read_live
from queueworkers.domain.conformity import conforms, digest
from queueworkers.domain.manifests import APPLIED_ANNOTATION, render_replicas
from queueworkers.errors import ApiServerError, ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.cluster.inventory import Inventory
    from queueworkers.domain.identity import PoolIdentity, PoolKey

TEMPLATE_MANAGER = "queue-worker-operator"
"""Owns everything that is rendered but ``replicas``."""

REPLICAS_MANAGER = "queue-worker-operator-scale"
"""Owns ``replicas``."""

logger = logging.getLogger(__name__)


class DeploymentWriter:
    """Applies Deployments, and remembers what the API server made of them."""

    def __init__(self, api: KubernetesApi, inventory: Inventory) -> None:
        self._api = api
        self._inventory = inventory
        self._respelled: dict[PoolKey, tuple[str, str]] = {}
        """What was applied and what the server made of it, as digests, where it stores it in other words."""

    async def apply(
        self, pool: PoolIdentity, manifest: Mapping[str, Any], *, replicas: int, hands_off: bool
    ) -> None:
        """
        Make the Deployment of *pool* be *manifest*, with so many *replicas*.

        Args:
            pool: Whose Deployment it is.
            manifest: As rendered, without ``replicas``.
            replicas: Workers to ask for.
            hands_off: Leave the number alone once the Deployment exists.

        Raises:
            ConflictError: A Deployment of that name exists and is not the pool's.
            ApiServerError: As the API server says.
        """
        live = self._inventory.deployment(pool.key)
        if live is None:
            await self._require_absent(pool)
            live = read_live(await self._create(pool, manifest, replicas))
        if live.deleting:
            return  # an earlier life of the pool is still leaving; its end will be seen
        if not live.belongs_to(pool.uid):
            raise _taken(pool)
        content = live.content
        there = content["spec"].get("replicas", 1)
        unheld = live.replica_owners <= {TEMPLATE_MANAGER}
        # Replicas first: the template manager may only let go of them when the other one holds them.
        if unheld or (not hands_off and there != replicas):
            wanted = there if hands_off else replicas
            content = await self._write(pool, render_replicas(pool, wanted), REPLICAS_MANAGER, Lane.SCALE)
        if self._template_due(pool.key, content, manifest):
            written = await self._write(pool, manifest, TEMPLATE_MANAGER, Lane.SHAPE)
            self._note_spelling(pool.key, written, manifest)

    def forget(self, key: PoolKey) -> None:
        """Drop what is remembered of a Deployment that is gone."""
        self._respelled.pop(key, None)

    async def _require_absent(self, pool: PoolIdentity) -> None:
        """Look before creating: applying would take over a Deployment that is somebody else's."""
        path = paths.deployment(pool.key)
        try:
            raw = await self._api.get(path)
        except NotFoundError:
            return
        self._inventory.deployments.put(raw)
        if not read_live(raw).belongs_to(pool.uid):
            raise _taken(pool)
        # What was decided rests on there being none: decide again.
        raise ApiServerError(
            verb="create", path=path, status=0, message="it exists, but had not been seen yet"
        )

    async def _create(
        self, pool: PoolIdentity, manifest: Mapping[str, Any], replicas: int
    ) -> Mapping[str, Any]:
        """Create with the right number at once: without one, the API server would start one worker."""
        spec = {**manifest["spec"], "replicas": replicas}
        return await self._write(pool, {**manifest, "spec": spec}, TEMPLATE_MANAGER, Lane.SHAPE)

    async def _write(
        self, pool: PoolIdentity, body: Mapping[str, Any], manager: str, lane: Lane
    ) -> Mapping[str, Any]:
        raw = await self._api.apply(paths.deployment(pool.key), body, field_manager=manager, lane=lane)
        self._inventory.deployments.put(raw)
        return raw

    def _template_due(self, key: PoolKey, live: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
        wanted = manifest["metadata"]["annotations"][APPLIED_ANNOTATION]
        return not _same(live, manifest) and self._respelled.get(key) != (wanted, _spelling(live))

    def _note_spelling(self, key: PoolKey, live: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        """Remember an answer that is what was applied although it reads otherwise, lest it be applied for ever."""
        if _same(live, manifest):
            self._respelled.pop(key, None)
        else:
            applied = manifest["metadata"]["annotations"][APPLIED_ANNOTATION]
            self._respelled[key] = (applied, _spelling(live))


def _same(live: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    # Objects out of a list come without apiVersion and kind.
    return all(conforms(live[part], manifest[part]) for part in ("metadata", "spec"))


def _spelling(live: Mapping[str, Any]) -> str:
    """Name a Deployment's spec without ``replicas``: scaling does not change how the rest is spelled."""
    return digest({key: value for key, value in live["spec"].items() if key != "replicas"})


def _taken(pool: PoolIdentity) -> ConflictError:
    return ConflictError(
        verb="apply",
        path=paths.deployment(pool.key),
        status=409,
        message=f"Deployment {pool.key.deployment} exists and does not belong to this pool:"
        " delete it, or give the pool another name.",
    )
