"""Wire settings, clients and the engine together, and run until told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from queueworkers import __version__
from queueworkers.backlog.redis import RedisReader
from queueworkers.cluster import doorway, paths
from queueworkers.cluster.client import KubernetesApi, load_configuration
from queueworkers.cluster.inventory import Inventory
from queueworkers.cluster.references import ReferenceReader
from queueworkers.cluster.resync import resync, resync_for_ever
from queueworkers.cluster.world import ClusterWorld
from queueworkers.domain.identity import PoolKey
from queueworkers.engine.observer import BacklogObserver
from queueworkers.engine.queue import KeyedQueue
from queueworkers.engine.reconciler import Reconciler
from queueworkers.engine.references import ReferenceObserver
from queueworkers.errors import NotFoundError, NotPreparedError, QueueWorkersError
from queueworkers.settings import Settings, parse_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubernetes.aio import client

PROGRAM = "queue-worker-operator"

logger = logging.getLogger("queueworkers")


def main() -> None:
    """Run the operator; wrong settings, or a cluster that is not prepared, end it with a sentence and status 1."""
    try:
        asyncio.run(operate(parse_settings(sys.argv[1:])))
    except QueueWorkersError as error:
        sys.exit(f"{PROGRAM}: {error}")


async def operate(settings: Settings) -> None:
    """
    Look after the pools of a cluster until SIGTERM or SIGINT.

    Workers are not touched by the operator's end.

    Raises:
        QueueWorkersError: The cluster cannot be used; the message says why.
    """
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    configuration = await load_configuration(settings.kubeconfig)
    api = KubernetesApi(
        configuration,
        user_agent=f"{PROGRAM}/{__version__}",
        max_in_flight=settings.requests_in_flight,
    )
    try:
        await _require_pools(api, settings.namespaces)
        await _run(settings, api, configuration, stop)
    finally:
        await api.close()


async def _require_pools(api: KubernetesApi, namespaces: Sequence[str]) -> None:
    try:
        await api.get(f"{paths.pools(next(iter(namespaces), None))}?limit=1")
    except NotFoundError as error:
        raise NotPreparedError(
            "this cluster does not know QueueWorkerPools yet: install the CRD with `kubectl apply -f crds/`"
        ) from error


async def _run(
    settings: Settings, api: KubernetesApi, configuration: client.Configuration, stop: asyncio.Event
) -> None:
    inventory, queue = Inventory(), KeyedQueue[PoolKey]()
    world = ClusterWorld(api, inventory)
    observer = BacklogObserver(
        world,
        connect=lambda endpoint: RedisReader(endpoint, timeout_seconds=settings.redis_timeout_seconds),
        changed=queue.add,
    )
    references = ReferenceObserver(ReferenceReader(api), changed=queue.add)
    reconciler = Reconciler(
        world,
        observer,
        references,
        clock=lambda: datetime.now(tz=UTC),
        look_again=lambda key, wait: queue.add_later(key, seconds=wait.total_seconds()),
        status_pace=timedelta(seconds=settings.status_pace_seconds),
    )
    await resync(api, inventory, namespaces=settings.namespaces)
    logger.info("Looking after %s", ", ".join(settings.namespaces) or "all namespaces")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            doorway.watch(
                configuration, inventory, namespaces=settings.namespaces, touched=queue.add, stop=stop
            )
        )
        running = [
            tasks.create_task(observer.run()),
            tasks.create_task(references.run()),
            tasks.create_task(
                resync_for_ever(
                    api,
                    inventory,
                    namespaces=settings.namespaces,
                    every_seconds=settings.resync_seconds,
                    touched=queue.add,
                )
            ),
            *(tasks.create_task(queue.work(reconciler.reconcile)) for _ in range(settings.reconcilers)),
        ]
        await stop.wait()
        for task in running:
            task.cancel()


if __name__ == "__main__":
    main()
