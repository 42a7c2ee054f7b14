"""
What Tab offers: names that the cluster or the kubeconfig knows.

Somebody waits for the answer in the middle of a line, so there is one soon or
none, and never a word about what went wrong.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from queueworkers.cli.access import Access, Selection, connected, observe_pools
from queueworkers.cluster import paths
from queueworkers.cluster.configuration import context_names
from queueworkers.errors import QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import click

    from queueworkers.cluster.client import KubernetesApi

OFFERED_WITHIN_SECONDS = 3.0
"""After that the cluster is taken for one that does not answer."""


def offer_pools(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Offer the pools of the namespace that the line names, but for those that it names already."""
    if context.params.get("everywhere"):
        return []  # -A and names exclude each other
    said = context.params.get("names") or ()
    return [name for name in _ask(context, _observe_pools) if name.startswith(begun) and name not in said]


def offer_namespaces(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Offer the namespaces of the cluster."""
    return [name for name in _ask(context, _observe_namespaces) if name.startswith(begun)]


def offer_contexts(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Offer the contexts of the kubeconfig."""
    try:
        names = context_names(context.params.get("kubeconfig"))
    except QueueWorkersError:
        return []
    return [name for name in names if name.startswith(begun)]


async def _observe_pools(api: KubernetesApi, namespace: str) -> Sequence[str]:
    return [pool.key.name for pool in await observe_pools(api, namespace, Selection())]


async def _observe_namespaces(api: KubernetesApi, _namespace: str) -> Sequence[str]:
    found, _ = await api.list(paths.namespaces())
    return [each["metadata"]["name"] for each in found]


def _ask(
    context: click.Context, observe: Callable[[KubernetesApi, str], Awaitable[Sequence[str]]]
) -> Sequence[str]:
    """Ask the cluster that the line names; where it cannot be asked, there is nothing to offer."""
    names = ("namespace", "context", "kubeconfig")
    access = Access(**{name: context.params.get(name) for name in names})

    async def ask() -> Sequence[str]:
        async with asyncio.timeout(OFFERED_WITHIN_SECONDS), connected(access) as (api, namespace):
            return await observe(api, namespace)

    try:
        return asyncio.run(ask())
    except (QueueWorkersError, TimeoutError):
        return []
