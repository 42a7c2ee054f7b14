"""
Complete lists: the first picture before anything is decided, and the net beneath the watches.

Deciding from half a picture would be deciding wrongly: a pool whose
Deployment has not been seen yet looks like one that has no workers.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from queueworkers.cluster import paths
from queueworkers.domain.identity import MANAGED_BY, MANAGED_BY_LABEL, BudgetKey, PoolKey
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.cluster.inventory import Inventory, Key, Shelf
    from queueworkers.cluster.watches import Watches

OURS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
"""The label selector of everything that the operator makes."""

News = tuple[frozenset[PoolKey], frozenset[BudgetKey]]
"""The pools and the budgets of which there is something that nobody has told before, or had vanished unseen."""

logger = logging.getLogger(__name__)


PAGE = 50
"""Objects that are listed at once: to read and pack so many takes 20 ms, in which nothing else happens."""

TRIES = 5
"""Answers of a list that may fail: a start over very many pools meets an API server that is busy with more than this one list."""

AGAIN_AFTER_SECONDS = 1.0
"""Between a page that was not to be had and the next try; the API server may ask for more."""

GONE = 410
"""The version that later pages are of is no longer kept."""


async def resync(
    api: KubernetesApi, inventory: Inventory, *, namespaces: Sequence[str], watches: Watches | None = None
) -> frozenset[PoolKey]:
    """
    List pools and what belongs to them, and take it over.

    Args:
        api: The cluster.
        inventory: To be brought up to date.
        namespaces: To list; none means all.
        watches: Told what they have not told; ``None`` where they could not have, as at a start.

    Returns:
        The pools of which there is something that nobody has told before, or had vanished unseen.

    Raises:
        ApiServerError: A list was refused or broke off; what was listed before it is taken over.
    """
    news: set[PoolKey] = set()
    for shelf, path_of, labels in (
        (inventory.pools, paths.pools, ""),
        (inventory.deployments, paths.deployments, OURS),
        (inventory.pods, paths.pods, OURS),
    ):
        news |= await _take_over(api, shelf, path_of, namespaces=namespaces, labels=labels, watches=watches)
    return frozenset(news)


async def resync_budgets(
    api: KubernetesApi, inventory: Inventory, *, namespaces: Sequence[str], watches: Watches | None = None
) -> frozenset[BudgetKey]:
    """List budgets likewise; return those that are news, or had vanished unseen."""
    return await _take_over(api, inventory.budgets, paths.budgets, namespaces=namespaces, watches=watches)


async def _take_over(
    api: KubernetesApi,
    shelf: Shelf[Key, Any],
    path_of: Callable[[str | None], str],
    *,
    namespaces: Sequence[str],
    watches: Watches | None,
    labels: str = "",
) -> frozenset[Key]:
    news: set[Key] = set()
    listed: set[tuple[Key, str]] = set()
    versions = []
    for namespace in namespaces or (None,):
        path = path_of(namespace)
        async for page, version in _list(api, path, labels):
            untold = [key for key in map(shelf.hear, page) if key]
            if untold and watches:
                watches.missed(path.rpartition("/")[-1], namespace)
            news.update(untold)
            listed.update(address for address in map(shelf.address, page) if address)
            versions.append(version)
    return shelf.keep(listed, as_of=min(versions)) | news


async def _list(
    api: KubernetesApi, path: str, labels: str
) -> AsyncIterator[tuple[Sequence[Mapping[str, Any]], int]]:
    """
    List a collection, page by page, each with the version that it shows.

    A page that is not to be had at the moment is asked for again; where it is
    too late for the later pages, the list begins anew.
    """
    token, tries = "", TRIES
    while True:
        query = {"limit": str(PAGE), "labelSelector": labels, "continue": token}
        try:
            page = await api.get(
                f"{path}?{urlencode({name: value for name, value in query.items() if value})}"
            )
        except ApiServerError as error:
            tries -= 1
            if not (error.goes_by or error.status == GONE) or not tries:
                raise
            if error.status == GONE:
                token = ""
            await asyncio.sleep(error.retry_after or AGAIN_AFTER_SECONDS)
            continue
        yield page.get("items", ()), int(page["metadata"]["resourceVersion"])
        token = page["metadata"].get("continue", "")
        if not token:
            return


async def resync_for_ever(
    observe: Callable[[], Awaitable[News]],
    *,
    every_seconds: float,
    touched: Callable[[PoolKey], None],
    budget_touched: Callable[[BudgetKey], None],
) -> None:
    """
    List everything from time to time; a list that fails is tried again at the next time.

    Args:
        observe: Lists everything, and takes it over.
        every_seconds: Between two lists.
        touched: Called for every pool of which there is something that no watch told, or had vanished unseen.
        budget_touched: The same for every budget.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            news, budget_news = await observe()
        except ApiServerError as error:
            logger.warning("Complete list not made: %s", error)
            continue
        for key in news:
            logger.debug(
                "%s: something changed or vanished that no watch told of; looking again",
                key,
                extra={"subject": key},
            )
            touched(key)
        for budget in budget_news:
            logger.debug(
                "Budget %s changed or vanished unseen; looking at its pools",
                budget,
                extra={"subject": budget},
            )
            budget_touched(budget)
