"""
What `helm test` runs: make a pool that rests, wait until the operator has looked at it, and delete it.

It is suspended, so no worker is started, and neither its image nor its Redis has to exist.

``python try_a_pool.py NAMESPACE NAME``; 0 means that the operator looked at it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Any

from kubernetes.aio import client

from queueworkers.cluster.configuration import load_configuration

POOLS = {"group": "queueworkers.io", "version": "v1alpha1", "plural": "queueworkerpools"}
WAIT_SECONDS = 60
CONFLICT = 409
IMAGE = "worker.invalid/none"


def pool(name: str) -> dict[str, Any]:
    """Make a pool that asks for nothing."""
    return {
        "apiVersion": "{group}/{version}".format(**POOLS),
        "kind": "QueueWorkerPool",
        "metadata": {"name": name},
        "spec": {
            "framework": "Custom",
            "image": IMAGE,
            "command": ["none"],
            "queues": ["none"],
            "custom": {"keys": [{"key": "none", "type": "List", "jobs": "Ready"}]},
            "redis": {"host": "redis.invalid"},
            "suspend": True,
        },
    }


async def make(api: client.CustomObjectsApi, namespace: str, name: str) -> None:
    """Make the pool; one of a test that was killed goes first, as the operator has looked at that already."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            await api.create_namespaced_custom_object(**POOLS, namespace=namespace, body=pool(name))
        except client.ApiException as error:
            if error.status != CONFLICT or time.monotonic() > until:
                raise
            there = await api.get_namespaced_custom_object(**POOLS, namespace=namespace, name=name)
            if there["spec"]["image"] != IMAGE:
                raise
            await delete(api, namespace, name)
            await asyncio.sleep(0.5)
        else:
            return


async def delete(api: client.CustomObjectsApi, namespace: str, name: str) -> None:
    """Delete the pool, unless it is gone."""
    with contextlib.suppress(client.exceptions.NotFoundException):
        await api.delete_namespaced_custom_object(**POOLS, namespace=namespace, name=name)


async def wait_for_the_operator(api: client.CustomObjectsApi, namespace: str, name: str) -> str | None:
    """Tell what the operator says of the pool; ``None`` where it says nothing in time."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        read = await api.get_namespaced_custom_object(**POOLS, namespace=namespace, name=name)
        for condition in read.get("status", {}).get("conditions", ()):
            if condition["type"] == "Ready":
                return f"{condition['reason']}: {condition['message']}"
        await asyncio.sleep(0.5)
    return None


async def main(namespace: str, name: str) -> int:
    """Make the pool, wait, and leave nothing behind."""
    async with client.ApiClient(await load_configuration(None)) as connection:
        api = client.CustomObjectsApi(connection)
        await make(api, namespace, name)
        try:
            said = await wait_for_the_operator(api, namespace, name)
        finally:
            await delete(api, namespace, name)
    if said is None:
        print(f"The operator did not look at {namespace}/{name} within {WAIT_SECONDS} seconds: see its log")
        return 1
    print(f"The operator says of {namespace}/{name}: {said}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
