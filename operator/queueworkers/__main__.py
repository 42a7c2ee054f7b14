"""Wire settings, clients and the engine together, and run until told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import signal
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from queueworkers import __version__
from queueworkers.api.base import KIND
from queueworkers.api.budget import BUDGET_KIND
from queueworkers.cluster import doorway, paths
from queueworkers.cluster.client import KubernetesApi
from queueworkers.cluster.configuration import load_configuration
from queueworkers.cluster.gate import SUBJECT
from queueworkers.cluster.inventory import Inventory
from queueworkers.cluster.leases import Alone, LeaseKeeper, LeaseStore
from queueworkers.cluster.references import ReferenceReader
from queueworkers.cluster.resync import News, resync, resync_budgets, resync_for_ever
from queueworkers.cluster.watches import Watches
from queueworkers.cluster.world import ClusterWorld
from queueworkers.domain.identity import BudgetKey, PoolKey
from queueworkers.domain.sharding import Share
from queueworkers.engine.budgets import WAKE_SECONDS, BudgetReporter, Budgets
from queueworkers.engine.first_round import FirstRound
from queueworkers.engine.handover import Handover, Territory
from queueworkers.engine.observer import BacklogObserver
from queueworkers.engine.queue import KeyedQueue
from queueworkers.engine.reconciler import Reconciler
from queueworkers.engine.references import ReferenceObserver
from queueworkers.errors import NotFoundError, NotPreparedError, QueueWorkersError
from queueworkers.settings import Settings, parse_settings
from queueworkers.telemetry import process
from queueworkers.telemetry.health import Preparation, Pulse, stale_watches
from queueworkers.telemetry.logs import start_logging
from queueworkers.telemetry.pools import PoolBook
from queueworkers.telemetry.process import Instruments
from queueworkers.telemetry.readings import TimedReader
from queueworkers.telemetry.server import TelemetryServer

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

    from kubernetes.aio import client

PROGRAM = "queue-worker-operator"

RUSHING = 256
"""Pools that are looked at side by side because their backlog changed: each may wait long to say what it did."""

LEASES_IN_FLIGHT = 8
LEASE_TIMEOUT_SECONDS = 4.0
"""A look and a renewal that both take so long are still well within a lease."""

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
    start_logging(level=settings.log_level, style=settings.log_format)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    configuration = await load_configuration(settings.kubeconfig)
    instruments = Instruments()
    # Two processes of one name would take each other's Leases for their own.
    identity = f"{settings.identity}_{secrets.token_hex(4)}"
    user_agent = f"{PROGRAM}/{__version__} ({identity})"
    async with AsyncExitStack() as connections:
        keeper: Alone | LeaseKeeper = Alone()
        if settings.lease_namespace is not None:
            lease_api = KubernetesApi(
                await load_configuration(settings.kubeconfig),
                user_agent=user_agent,
                max_in_flight=LEASES_IN_FLIGHT,
                timeout_seconds=LEASE_TIMEOUT_SECONDS,
                answered=instruments.answered,
            )
            connections.push_async_callback(lease_api.close)
            keeper = _lease_keeper(settings, lease_api, settings.lease_namespace, identity)
        api = KubernetesApi(
            configuration,
            user_agent=user_agent,
            max_in_flight=settings.requests_in_flight,
            writes_per_second=settings.writes_per_second,
            permit=keeper.seconds_left,
            answered=instruments.answered,
        )
        connections.push_async_callback(api.close)
        await _require_crds(api, settings.namespaces)
        await _run(settings, api, configuration, keeper, instruments, connections, stop)


def _lease_keeper(settings: Settings, api: KubernetesApi, namespace: str, identity: str) -> LeaseKeeper:
    # Operators that do not divide alike must not work side by side.
    layout = f"{settings.shards} of {','.join(sorted(settings.namespaces)) or '*'}"
    store = LeaseStore(api, namespace, identity=identity, layout=layout)
    logger.info(
        "Sharing the pools as %s, in %d shards, by Leases in %s", identity, settings.shards, namespace
    )
    return LeaseKeeper(store, Share(identity, shards=settings.shards, layout=layout), shards=settings.shards)


async def _require_crds(api: KubernetesApi, namespaces: Sequence[str]) -> None:
    namespace = next(iter(namespaces), None)
    for kind, path in ((KIND, paths.pools(namespace)), (BUDGET_KIND, paths.budgets(namespace))):
        try:
            await api.get(f"{path}?limit=1")
        except NotFoundError as error:
            raise NotPreparedError(
                f"this cluster does not know {kind}s yet: install the CRDs with `kubectl apply -f crds/`"
            ) from error


def clock() -> datetime:
    """Tell the time."""
    return datetime.now(tz=UTC)


async def _run(
    settings: Settings,
    api: KubernetesApi,
    configuration: client.Configuration,
    keeper: Alone | LeaseKeeper,
    instruments: Instruments,
    connections: AsyncExitStack,
    stop: asyncio.Event,
) -> None:
    works = Works(settings, api, instruments)
    preparation = Preparation(
        changing=lambda: works.territory.changing,
        not_looked_at=lambda: works.first_round.ahead,
        is_member=keeper.is_member,
    )
    instruments.read(
        {
            process.POOLS: lambda: len(works.book),
            process.SHARDS: lambda: settings.shards,
            process.SHARDS_HELD: lambda: len(works.territory.open),
            process.LOOKS_WAITING: lambda: works.queue.waiting,
            process.ENDPOINTS: lambda: works.observer.endpoints,
        }
    )
    if settings.metrics_port:
        _answer(connections, settings.metrics_port, works.book, instruments, works.watches, preparation)
    await keeper.start(works.handover)
    preparation.started = True
    logger.info("Looking after %s", ", ".join(settings.namespaces) or "all namespaces")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            doorway.watch(
                configuration,
                works.inventory,
                watches=works.watches,
                namespaces=settings.namespaces,
                touched=works.queue.add,
                budget_touched=works.budgets.touch,
                stop=stop,
            )
        )
        running = [tasks.create_task(each) for each in (keeper.run(works.handover), *works.duties())]
        await stop.wait()
        await keeper.leave()
        for task in running:
            task.cancel()


class Works:
    """
    What looks after pools, wired together.

    Args:
        settings: How it is to work.
        api: The cluster.
        instruments: What measures it.
    """

    def __init__(self, settings: Settings, api: KubernetesApi, instruments: Instruments) -> None:
        self._settings = settings
        self._api = api
        self.territory = Territory(settings.shards)
        self.inventory = Inventory(self.territory.keeps)
        self.queue = KeyedQueue[PoolKey]()
        self._budget_queue = KeyedQueue[BudgetKey]()
        self.book = PoolBook()
        self.watches = Watches(settings.namespaces, counted=instruments.told, monotonic=time.monotonic)
        self._listing = asyncio.Lock()
        world = ClusterWorld(api, self.inventory, works_on=self.territory.works_on)
        self.observer = BacklogObserver(
            world,
            connect=lambda endpoint, changed: TimedReader(
                endpoint, instruments, changed=changed, timeout_seconds=settings.redis_timeout_seconds
            ),
            changed=self.queue.add,
            jobs_came=self._jobs_came,
        )
        self._references = ReferenceObserver(ReferenceReader(api), changed=self.queue.add)
        self.budgets = Budgets(
            world,
            look_at=lambda key: self.queue.add_later(key, seconds=WAKE_SECONDS),
            changed=self._budget_queue.add,
        )
        pace = timedelta(seconds=settings.status_pace_seconds)
        self._reporter = BudgetReporter(
            world,
            self.budgets,
            clock=clock,
            look_again=lambda key, wait: self._budget_queue.add_later(key, seconds=wait.total_seconds()),
            pace=pace,
        )
        reconciler = Reconciler(
            world,
            self.observer,
            self._references,
            self.budgets,
            self.book,
            clock=clock,
            look_again=lambda key, wait: self.queue.add_later(key, seconds=wait.total_seconds()),
            status_pace=pace,
        )
        # What is kept of ten thousand pools is there for good: going through it again and again, in search of what
        # nobody needs any more, takes 60 ms each time, in which nothing else happens.
        self.first_round = FirstRound(instruments.timed(reconciler.reconcile), pools=(), complete=gc.freeze)
        self.handover = Handover(
            self.territory,
            self.inventory,
            observe_all=self._observe_all,
            expect=self.first_round.expect,
            queue=self.queue,
            budget_queue=self._budget_queue,
        )

    def duties(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Make everything that has to run side by side, each for ever."""
        yield self.observer.run()
        yield self._references.run()
        yield resync_for_ever(
            partial(self._observe_all, self.watches),
            every_seconds=self._settings.resync_seconds,
            touched=self.queue.add,
            budget_touched=self.budgets.touch,
        )
        yield self._budget_queue.work(self._reporter.reconcile)
        yield self.queue.rush(self._look, most=RUSHING)
        for _ in range(self._settings.reconcilers):
            yield self.queue.work(self._look)

    def _jobs_came(self, key: PoolKey) -> None:
        # What else changes can wait for it, be it a thousand pools whose Redis is away; and so can a pool that is new.
        urgent = self.inventory.deployment(key) is not None
        self.queue.add(key, urgent=urgent)
        if urgent and self.queue.is_in_work(key):
            self._api.hurry(key)

    async def _look(self, key: PoolKey) -> None:
        SUBJECT.set(key)
        try:
            await self.first_round.look(key)
        finally:
            self._api.calm(key)

    async def _observe_all(self, against: Watches | None = None) -> News:
        # A list that began before namespaces came to this process, and ends after the list that was made for them,
        # would take what is in them for gone.
        async with self._listing:
            namespaces = self._settings.namespaces
            pools = await resync(self._api, self.inventory, namespaces=namespaces, watches=against)
            return pools, await resync_budgets(
                self._api, self.inventory, namespaces=namespaces, watches=against
            )


def _answer(
    connections: AsyncExitStack,
    port: int,
    book: PoolBook,
    instruments: Instruments,
    watches: Watches,
    preparation: Preparation,
) -> None:
    """Tell whoever asks how the pools and the operator are, until *connections* end."""

    def pages(now: float) -> Iterator[str]:
        yield from book.pages(now=now)
        yield instruments.page()

    pulse = connections.enter_context(Pulse(instruments.lag.observe))
    connections.enter_context(
        TelemetryServer(
            port,
            pages=pages,
            live=(pulse.trouble, stale_watches(watches.stale)),
            ready=(preparation.trouble,),
        )
    )


if __name__ == "__main__":
    main()
