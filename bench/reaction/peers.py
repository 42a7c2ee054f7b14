"""KEDA's reactions, with the HorizontalPodAutoscaler that it makes for each of its objects."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.pools import on_fake_node
from queueworkers.cluster.client import KubernetesApi
from queueworkers.cluster.configuration import load_configuration
from reaction.sightings import Target
from reaction.trials import JOBS_PER_WORKER, MANY_JOBS, Measured, Subject, react, say, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import redis

    from harness.cluster import Cluster
    from harness.redis import RedisServer
    from reaction.sightings import ApiServer, ReplicasWatch
    from reaction.trials import Reaction

MEASURED = 10
"""Objects that react side by side, each once: one after the other they would take a quarter of an hour."""

MANY_OBJECTS = 1_000
SYNC_SECONDS = 15.0
"""How often kube-controller-manager looks at a HorizontalPodAutoscaler by default."""

_READY_SECONDS = 900.0
_SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects"
_CREATED_AT_ONCE = 50


async def measure_keda(
    cluster: Cluster,
    server: RedisServer,
    client: redis.Redis,
    api: ApiServer,
    watch: ReplicasWatch,
    *,
    sizes: Sequence[int],
) -> AsyncIterator[Measured]:
    """Let KEDA, which runs, react: among few objects at two polling intervals, and among many at the shorter."""
    for objects, interval in (
        (MEASURED, 1),
        (MEASURED, 30),
        *((size, 1) for size in sizes if size > MEASURED),
    ):
        surrounding = f"{objects:,} objects, a poll each {interval} s"
        namespace = f"keda-{objects}-{interval}"
        say(f"KEDA: making {surrounding}")
        await _create(cluster, namespace, objects, interval=interval, redis=(server.address, server.port))
        subjects = [_subject(namespace, number) for number in range(objects)]
        await wait_until(
            watch,
            partial(_rest, watch, subjects),
            what="the Deployments have no workers",
            seconds=_READY_SECONDS,
        )
        await _wait_until_ready(api, namespace, objects)
        say(f"KEDA: {surrounding}: {MEASURED} of them react, which takes about two minutes")
        reactions = await _react_side_by_side(client, watch, subjects[-MEASURED:], interval=interval)
        yield Measured(
            surrounding=surrounding, size=objects, moving=False, load=MANY_JOBS, reactions=reactions
        )
        client.delete(*(each.key for each in subjects))
        await api.delete(f"/api/v1/namespaces/{namespace}")
        await wait_until(
            watch,
            partial(_is_gone, watch, namespace),
            what=f"namespace {namespace} is gone",
            seconds=_READY_SECONDS,
        )


async def _react_side_by_side(
    client: redis.Redis, watch: ReplicasWatch, subjects: Sequence[Subject], *, interval: int
) -> list[Reaction]:
    """Push to each at a random moment of both periods that matter: KEDA's, and the HPA controller's."""
    chance = random.Random(interval)

    async def one(subject: Subject) -> Reaction:
        await asyncio.sleep(chance.uniform(0.0, max(interval, SYNC_SECONDS)))
        return await react(client, watch, subject, MANY_JOBS)

    return list(await asyncio.gather(*map(one, subjects)))


async def _create(
    cluster: Cluster, namespace: str, objects: int, *, interval: int, redis: tuple[str, int]
) -> None:
    api = KubernetesApi(
        await load_configuration(str(cluster.kubeconfig)), user_agent="bench", max_in_flight=_CREATED_AT_ONCE
    )
    ahead = iter(range(objects))

    async def create_next() -> None:
        for number in ahead:
            name = _subject(namespace, number).target.name
            await api.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", render_workers(name))
            await api.create(
                _SCALED_OBJECTS.format(namespace),
                _render_scaled_object(_subject(namespace, number), interval=interval, redis=redis),
            )

    try:
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_CREATED_AT_ONCE):
                tasks.create_task(create_next())
    finally:
        await api.close()


async def _wait_until_ready(api: ApiServer, namespace: str, objects: int) -> None:
    """KEDA says so once it has an HPA and reads the queue."""
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            found = (await api.get(_SCALED_OBJECTS.format(namespace)))["items"]
            if sum(map(_is_ready, found)) == objects:
                return
            await asyncio.sleep(1.0)


def _is_ready(scaled_object: Any) -> bool:
    conditions = scaled_object.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _rest(watch: ReplicasWatch, subjects: Sequence[Subject]) -> bool:
    return all(watch.is_idle(each.target) for each in subjects)


def _is_gone(watch: ReplicasWatch, namespace: str) -> bool:
    return watch.count_in(namespace) == 0


def _subject(namespace: str, number: int) -> Subject:
    return Subject(key=f"{namespace}:queues:{number}", target=Target(namespace, f"workers-{number}"))


def render_workers(name: str, *, paused: bool = False) -> dict[str, Any]:
    """Make a Deployment of workers for the node that runs none; a paused one gets no pods."""
    labels = {"app": name}
    pod = on_fake_node({})["podTemplate"]["spec"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "paused": paused,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {**pod, "containers": [{"name": "worker", "image": "registry.example/shop:1"}]},
            },
        },
    }


def _render_scaled_object(subject: Subject, *, interval: int, redis: tuple[str, int]) -> dict[str, Any]:
    host, port = redis
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": subject.target.name},
        "spec": {
            "scaleTargetRef": {"name": subject.target.name},
            "pollingInterval": interval,
            "minReplicaCount": 0,
            "maxReplicaCount": MANY_JOBS.workers,
            "triggers": [
                {
                    "type": "redis",
                    "metadata": {
                        "address": f"{host}:{port}",
                        "listName": subject.key,
                        "listLength": str(JOBS_PER_WORKER),
                    },
                }
            ],
        },
    }
