"""Very many pools in a cluster, each with queues of its own in one Redis."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from queueworkers.api.base import API_VERSION, KIND
from queueworkers.cluster import paths
from queueworkers.cluster.client import KubernetesApi
from queueworkers.cluster.configuration import load_configuration
from queueworkers.cluster.resync import OURS
from queueworkers.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMESPACES = 10
QUEUES = ("high", "default", "low")
CREATED_AT_ONCE = 50
JOB = '{"uuid":"x","displayName":"App\\\\Jobs\\\\X","job":"X@handle","attempts":0,"data":[],"id":"%d"}'


def namespace_of(number: int) -> str:
    """Return the namespace of a pool."""
    return f"bench-{number % NAMESPACES}"


def prefix_of(number: int) -> str:
    """Return what the keys of a pool's queues begin with."""
    return f"app{number:05}_database_"


def key_of(number: int, queue: str) -> str:
    """Return the Redis key of the jobs that wait in a queue of a pool."""
    return f"{prefix_of(number)}queues:{queue}"


def name_of(number: int) -> str:
    """Return the name of a pool."""
    return f"pool-{number:05}"


def render_pool(
    number: int, *, redis: tuple[str, int], spec: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make a pool like those of an application, but for *spec*: three queues, some environment, no workers at rest."""
    host, port = redis
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name_of(number), "namespace": namespace_of(number)},
        "spec": {
            "framework": "Laravel",
            "image": "registry.example/shop:1",
            "queues": list(QUEUES),
            "redis": {"host": host, "port": port, "prefix": prefix_of(number)},
            "env": [
                {"name": "APP_ENV", "value": "production"},
                {"name": "REDIS_HOST", "value": host},
                {"name": "REDIS_PREFIX", "value": prefix_of(number)},
                {"name": "LOG_CHANNEL", "value": "stderr"},
            ],
            "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "512Mi"}},
            "scaling": {"minReplicas": 0, "maxReplicas": 50},
            **(spec or {}),
        },
    }


async def create_pools(
    kubeconfig: Path, numbers: range, *, redis: tuple[str, int], spec: Mapping[str, Any] | None = None
) -> None:
    """Create those pools that are not there yet, and the namespaces that they are in."""
    api = KubernetesApi(
        await load_configuration(str(kubeconfig)),
        user_agent="bench",
        max_in_flight=CREATED_AT_ONCE,
        writes_per_second=10_000,
    )
    try:
        for number in range(NAMESPACES):
            await _create(api, "/api/v1/namespaces", {"metadata": {"name": namespace_of(number)}})
        ahead = iter(numbers)

        async def create_next() -> None:
            for number in ahead:
                await _create(
                    api, paths.pools(namespace_of(number)), render_pool(number, redis=redis, spec=spec)
                )

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CREATED_AT_ONCE):
                tasks.create_task(create_next())
    finally:
        await api.close()


async def count_pools(kubeconfig: Path) -> int:
    """Count the pools of a cluster."""
    return await _count(kubeconfig, paths.pools())


async def count_deployments(kubeconfig: Path) -> int:
    """Count the Deployments of a cluster that belong to pools."""
    return await _count(kubeconfig, paths.deployments(), labels=OURS)


async def _count(kubeconfig: Path, path: str, *, labels: str = "") -> int:
    api = KubernetesApi(await load_configuration(str(kubeconfig)), user_agent="bench", max_in_flight=1)
    try:
        return len((await api.list(path, labels=labels))[0])
    finally:
        await api.close()


async def _create(api: KubernetesApi, path: str, body: dict[str, Any]) -> None:
    try:
        await api.create(path, body)
    except ConflictError:
        return
