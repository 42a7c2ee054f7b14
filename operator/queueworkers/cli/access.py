"""Which cluster and which pools a command is about, and how they are read."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.cluster import paths
from queueworkers.cluster.client import KubernetesApi
from queueworkers.cluster.configuration import load_users_configuration
from queueworkers.domain.identity import PoolKey
from queueworkers.errors import NotFoundError, QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

USER_AGENT = "qwp"

AT_ONCE = 4
"""Requests that one command has under way."""


class UnreadableError(QueueWorkersError):
    """What was given is not a pool; its message says what to give instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the flags say about the cluster; ``None`` where they say nothing."""

    namespace: str | None
    context: str | None
    kubeconfig: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which pools of the cluster."""

    names: tuple[str, ...] = ()
    """Empty means all of them."""
    everywhere: bool = False
    """In every namespace."""
    labels: str = ""
    """A label selector; empty means any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPool:
    """A pool as it was read."""

    key: PoolKey
    raw: dict[str, Any]
    """The whole object, as the API server tells it."""
    status: QueueWorkerPoolStatus


@asynccontextmanager
async def connected(access: Access, *, at_once: int = AT_ONCE) -> AsyncIterator[tuple[KubernetesApi, str]]:
    """
    Connect to the cluster as the user that the kubeconfig names, and tell the namespace that is meant.

    Args:
        access: The cluster.
        at_once: Requests that may be under way, those included whose answer never ends.

    Raises:
        SettingsError: there is no such kubeconfig, or no such context in it.
    """
    configuration, own_namespace = await load_users_configuration(access.kubeconfig, context=access.context)
    api = KubernetesApi(configuration, user_agent=USER_AGENT, max_in_flight=at_once)
    try:
        yield api, access.namespace or own_namespace
    finally:
        await api.close()


async def observe_pool(api: KubernetesApi, key: PoolKey) -> SeenPool:
    """
    Read one pool.

    Raises:
        QueueWorkersError: there is no such pool, or it cannot be read.
    """
    try:
        return see(await api.get(paths.pool(key)))
    except NotFoundError as error:
        raise UnreadableError(f'there is no pool "{key.name}" in namespace "{key.namespace}"') from error


async def observe_selected(access: Access, selection: Selection) -> Sequence[SeenPool]:
    """
    Connect, read the selected pools as `observe_pools` does, and hang up.

    Raises:
        QueueWorkersError: there is no such cluster, or one that was named is not there, or they cannot be read.
    """
    async with connected(access) as (api, namespace):
        return await observe_pools(api, namespace, selection)


async def observe_pools(api: KubernetesApi, namespace: str, selection: Selection) -> Sequence[SeenPool]:
    """
    Read the selected pools: in the order of their names as given, or of the alphabet.

    Raises:
        QueueWorkersError: one that was named is not there, or they cannot be read.
    """
    if selection.names:
        return [await observe_pool(api, PoolKey(namespace, name)) for name in selection.names]
    where = paths.pools(None if selection.everywhere else namespace)
    try:
        found, _ = await api.list(where, labels=selection.labels)
    except NotFoundError as error:
        raise QueueWorkersError(
            "the cluster knows no pools: its CustomResourceDefinitions are not installed (kubectl apply -f crds/)"
        ) from error
    return sorted(map(see, found), key=lambda pool: pool.key)


def see(raw: dict[str, Any]) -> SeenPool:
    """Read a pool as the API server tells it."""
    metadata = raw["metadata"]
    return SeenPool(
        key=PoolKey(metadata.get("namespace", "default"), metadata["name"]),
        raw=raw,
        status=QueueWorkerPoolStatus.model_validate(raw.get("status") or {}),
    )
