"""A Kubernetes cluster as the place where pools are and workers run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from queueworkers.api.base import API_VERSION, KIND
from queueworkers.api.budget import BUDGET_KIND, QueueWorkerBudgetStatus, parse_budget
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.cluster import paths
from queueworkers.cluster.announcer import Announcer
from queueworkers.cluster.deployments import DeploymentWriter
from queueworkers.cluster.gate import Lane
from queueworkers.cluster.inventory import everywhere
from queueworkers.cluster.pod_events import PodEvents
from queueworkers.cluster.pods import PodWriter
from queueworkers.cluster.reading import (
    AUTOSCALER_MANAGER,
    newest_revision,
    parse_revision,
    parse_workers,
)
from queueworkers.cluster.secrets import observe_secret
from queueworkers.domain.budgets import StoredBudget
from queueworkers.domain.identity import POOL_LABEL, PoolIdentity
from queueworkers.domain.manifests import ROLLOUT_TRIGGER_ANNOTATION
from queueworkers.domain.pool import Pool
from queueworkers.domain.restarts import RESTART_ANNOTATION
from queueworkers.domain.rollout import ChangeTrigger
from queueworkers.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.cluster.inventory import Inventory
    from queueworkers.domain.announcements import Announcement
    from queueworkers.domain.identity import BudgetKey, PoolKey
    from queueworkers.domain.rollout import Revision
    from queueworkers.domain.workers import Workers

STATUS_MANAGER = "queue-worker-operator-status"

AUTOSCALERS_KEPT_SECONDS = 15.0
"""How long the answer to "is there an autoscaler?" is good; asked only where there are traces of one."""


class ClusterWorld:
    """
    What can be seen of pools and workers in a cluster, and done to them.

    Args:
        api: The cluster.
        inventory: What is known of it.
        works_on: Tells whether the pools and budgets of a namespace are this process's to look after, at this
            moment; the others are to it as if they were not there.
    """

    def __init__(
        self, api: KubernetesApi, inventory: Inventory, *, works_on: Callable[[str], bool] = everywhere
    ) -> None:
        self._works_on = works_on
        self._api = api
        self._inventory = inventory
        self._deployments = DeploymentWriter(api, inventory)
        self._pods = PodWriter(api, inventory)
        self._pod_events = PodEvents(api)
        self._announcer = Announcer(api)
        self._autoscalers: dict[PoolKey, tuple[float, str | None]] = {}

    def pool(self, key: PoolKey) -> Pool | None:
        """Return a pool as it is known; ``None`` when there is none."""
        live = self._inventory.pool(key)
        if live is None or not self._works_on(key.namespace):
            return None
        content = live.content
        metadata = content["metadata"]
        return Pool(
            identity=PoolIdentity(key=key, uid=live.uid),
            generation=metadata["generation"],
            spec=content["spec"],
            status=QueueWorkerPoolStatus.model_validate(content.get("status", {})),
            restart_annotation=metadata.get("annotations", {}).get(RESTART_ANNOTATION),
            deleting=live.deleting,
        )

    async def observe_workers(self, pool: PoolIdentity) -> Workers | None:
        """Look at a pool's workers; ``None`` when it has no Deployment yet."""
        live = self._inventory.deployment(pool.key)
        if live is None or not live.belongs_to(pool.uid):
            return None
        autoscaler = None
        if AUTOSCALER_MANAGER in live.replica_owners:
            autoscaler = await self._observe_autoscaler(pool.key)
        pods = await self._pod_events.observe(pool.key, self._inventory.pods.of(pool.key))
        ends = self._inventory.pods.ends_of(pool.key)
        return parse_workers(live.content, pods, ends=ends, foreign_autoscaler=autoscaler)

    async def apply(
        self, pool: PoolIdentity, deployment: Mapping[str, Any], *, replicas: int, hands_off: bool
    ) -> None:
        """Bring the workers to what is wanted."""
        await self._deployments.apply(pool, deployment, replicas=replicas, hands_off=hands_off)

    async def observe_revision_before(self, pool: PoolIdentity) -> Revision | None:
        """
        Find the revision of workers to go back to.

        Once the Deployment has gone back, that is where it stays: whatever is
        newest then is what was gone back from.
        """
        live = self._inventory.deployment(pool.key)
        if live is None or not live.belongs_to(pool.uid):
            return None
        content = live.content
        template = content["spec"]["template"]
        notes = content["metadata"].get("annotations", {})
        if notes.get(ROLLOUT_TRIGGER_ANNOTATION) == ChangeTrigger.UNDO:
            return parse_revision(template)
        replica_sets, _ = await self._api.list(
            paths.replica_sets(pool.key.namespace), labels=f"{POOL_LABEL}={pool.key.name}"
        )
        return newest_revision(
            [each for each in replica_sets if _owned_by(each, live.uid)], but=parse_revision(template)
        )

    async def mark_leavers(self, pool: PoolIdentity, costs: Mapping[str, int | None]) -> None:
        """Say which pods may leave before the others, the cheapest first; never fails, and never waits for long."""
        await self._pods.mark(pool.key, costs)

    async def open_gates(self, pool: PoolIdentity, names: Sequence[str]) -> None:
        """Let pods start that waited for a place."""
        await self._pods.open_gates(pool.key, names)

    async def write_status(self, pool: PoolIdentity, status: QueueWorkerPoolStatus) -> None:
        """Say where a pool stands; nothing happens when that very pool is gone."""
        raw = await self._apply_status(
            paths.pool_status(pool.key), KIND, pool.key, uid=pool.uid, status=status.to_wire()
        )
        if raw:
            self._inventory.pools.put(raw)

    async def announce(self, pool: PoolIdentity, announcements: Sequence[Announcement]) -> None:
        """Tell people what happened."""
        for announcement in announcements:
            await self._announcer.announce(pool, announcement)

    async def observe_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read a Secret that a pool of that namespace names; ``None`` when there is none."""
        return await observe_secret(self._api, namespace, name)

    def budget(self, key: BudgetKey) -> StoredBudget | None:
        """Return a budget as it is known; ``None`` when there is none."""
        live = self._inventory.budget(key)
        if live is None or live.deleting or not self._works_on(key.namespace):
            return None
        content = live.content
        spec = parse_budget(content["spec"])
        return StoredBudget(
            key=key,
            uid=live.uid,
            generation=content["metadata"]["generation"],
            ceiling=spec.max_replicas if spec else None,
            status=QueueWorkerBudgetStatus.model_validate(content.get("status", {})),
        )

    def members(self, key: BudgetKey) -> tuple[PoolKey, ...]:
        """List the pools that name a budget, whatever else is wrong with them."""
        return tuple(
            pool
            for pool, live in self._inventory.pools.all()
            if pool.namespace == key.namespace and not live.deleting and live.budget == key.name
        )

    async def write_budget_status(self, budget: StoredBudget, status: QueueWorkerBudgetStatus) -> None:
        """Say who has how much; nothing happens when that very budget is gone."""
        raw = await self._apply_status(
            paths.budget_status(budget.key), BUDGET_KIND, budget.key, uid=budget.uid, status=status.to_wire()
        )
        if raw:
            self._inventory.budgets.put(raw)

    async def _apply_status(
        self, path: str, kind: str, key: PoolKey | BudgetKey, *, uid: str, status: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Write the status of that very object, and return the object; ``None`` when it is gone."""
        body = {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": uid},
            "status": status,
        }
        try:
            return await self._api.apply(path, body, field_manager=STATUS_MANAGER, lane=Lane.TELL)
        except (NotFoundError, ConflictError):
            return None

    def count_pods(self, key: PoolKey) -> int:
        """Count the worker pods of a pool that have not ended, whether or not there still is the pool."""
        return sum(not pod.ended for pod in self._inventory.pods.of(key))

    def forget(self, key: PoolKey) -> None:
        """Drop what is remembered of a pool that is gone."""
        self._autoscalers.pop(key, None)
        self._inventory.pods.forget_ends(key)
        self._pod_events.forget(key)
        self._deployments.forget(key)

    async def _observe_autoscaler(self, key: PoolKey) -> str | None:
        """
        Name the autoscaler that targets the pool's Deployment.

        Its traces stay in the managed fields when it is deleted, so they are a
        reason to look, not an answer.
        """
        asked_at, name = self._autoscalers.get(key, (float("-inf"), None))
        if time.monotonic() - asked_at < AUTOSCALERS_KEPT_SECONDS:
            return name
        name = None
        autoscalers, _ = await self._api.list(paths.autoscalers(key.namespace))
        for autoscaler in autoscalers:
            target = autoscaler["spec"]["scaleTargetRef"]
            if target["kind"] == "Deployment" and target["name"] == key.deployment:
                name = f"HorizontalPodAutoscaler {autoscaler['metadata']['name']}"
        self._autoscalers[key] = (time.monotonic(), name)
        return name


def _owned_by(raw: Mapping[str, Any], uid: str) -> bool:
    return any(owner["uid"] == uid for owner in raw["metadata"].get("ownerReferences", ()))
