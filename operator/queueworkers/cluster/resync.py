"""
Complete lists: the first picture before anything is decided, and the net beneath the watches.

Deciding from half a picture would be deciding wrongly: a pool whose
Deployment has not been seen yet looks like one that has no workers.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from queueworkers.cluster import paths
from queueworkers.domain.identity import MANAGED_BY, MANAGED_BY_LABEL
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.cluster.inventory import Inventory, Key, Shelf
    from queueworkers.domain.identity import BudgetKey, PoolKey

OURS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
"""The label selector of everything that the operator makes."""

logger = logging.getLogger(__name__)


async def resync(
    api: KubernetesApi, inventory: Inventory, *, namespaces: Sequence[str]
) -> frozenset[PoolKey]:
    """
    List pools and what belongs to them, and take it over.

    Args:
        api: The cluster.
        inventory: To be brought up to date.
        namespaces: To list; none means all.

    Returns:
        The pools of which something had vanished unseen.

    Raises:
        ApiServerError: A list was refused or broke off; what was listed before it is taken over.
    """
    vanished: set[PoolKey] = set()
    for shelf, path_of, labels in (
        (inventory.pools, paths.pools, ""),
        (inventory.deployments, paths.deployments, OURS),
        (inventory.pods, paths.pods, OURS),
    ):
        vanished |= await _take_over(api, shelf, path_of, namespaces=namespaces, labels=labels)
    return frozenset(vanished)


async def resync_budgets(
    api: KubernetesApi, inventory: Inventory, *, namespaces: Sequence[str]
) -> frozenset[BudgetKey]:
    """List budgets likewise; return those that had vanished unseen."""
    return await _take_over(api, inventory.budgets, paths.budgets, namespaces=namespaces)


async def _take_over(
    api: KubernetesApi,
    shelf: Shelf[Key, Any],
    path_of: Callable[[str | None], str],
    *,
    namespaces: Sequence[str],
    labels: str = "",
) -> frozenset[Key]:
    items, versions = [], []
    for namespace in namespaces or (None,):
        found, version = await api.list(path_of(namespace), labels=labels)
        items += found
        versions.append(version)
    return shelf.replace(items, as_of=min(versions))


async def resync_for_ever(
    api: KubernetesApi,
    inventory: Inventory,
    *,
    namespaces: Sequence[str],
    every_seconds: float,
    touched: Callable[[PoolKey], None],
    budget_touched: Callable[[BudgetKey], None],
) -> None:
    """List everything from time to time; a list that fails is tried again at the next time."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            vanished = await resync(api, inventory, namespaces=namespaces)
            vanished_budgets = await resync_budgets(api, inventory, namespaces=namespaces)
        except ApiServerError as error:
            logger.warning("Complete list not made: %s", error)
            continue
        for key in vanished:
            logger.info("%s: something vanished while nobody watched; looking again", key)
            touched(key)
        for budget in vanished_budgets:
            logger.info("Budget %s vanished while nobody watched; looking at its pools", budget)
            budget_touched(budget)
