"""The metrics of the operator itself: how long it takes, whom it asks, and what it looks after."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from queueworkers import __version__
from queueworkers.telemetry.families import Family, Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from queueworkers.domain.identity import PoolKey

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; from what a look at a pool takes at rest to what is stuck."""

BUILD = Family(
    name="qwp_build_info",
    kind=Kind.GAUGE,
    labels=("version", "python"),
    says="1, with what the operator is.",
)
POOLS = Family(name="qwp_pools", kind=Kind.GAUGE, says="Pools that this operator looks after.")
SHARDS = Family(
    name="qwp_shards",
    kind=Kind.GAUGE,
    says="Shards that the namespaces are divided into; 1 without --shards.",
)
SHARDS_HELD = Family(
    name="qwp_shards_held",
    kind=Kind.GAUGE,
    says="Shards that this operator works on: 0 while it stands by. Over all operators the sum is qwp_shards.",
)
LOOKS_WAITING = Family(
    name="qwp_looks_waiting", kind=Kind.GAUGE, says="Pools that wait for the operator to look at them."
)
LOOK_SECONDS = Family(
    name="qwp_reconcile_duration_seconds",
    kind=Kind.HISTOGRAM,
    labels=("outcome",),
    says="Looks at a pool, with all that was written in them, by outcome: done, waiting (for a first reading), failed.",
)
POLL_SECONDS = Family(
    name="qwp_poll_duration_seconds",
    kind=Kind.HISTOGRAM,
    says="Readings of the queues of one Redis, of all pools whose turn it is.",
)
ENDPOINTS = Family(
    name="qwp_redis_endpoints",
    kind=Kind.GAUGE,
    says="Redis servers, groups of Sentinels and clusters that are read, each user of one counted by itself.",
)
CONNECTIONS = Family(
    name="qwp_redis_connections",
    kind=Kind.GAUGE,
    says="Connections to Redis over which queues are read, as of the latest reading of each endpoint.",
)
REQUESTS = Family(
    name="qwp_api_requests_total",
    kind=Kind.COUNTER,
    labels=("verb", "code"),
    says="Requests to the API server, without watches.",
)
REQUEST_SECONDS = Family(
    name="qwp_api_request_duration_seconds",
    kind=Kind.HISTOGRAM,
    labels=("verb",),
    says="From sending a request to the API server until its answer.",
)
WATCH_EVENTS = Family(
    name="qwp_watch_events_total",
    kind=Kind.COUNTER,
    labels=("resource",),
    says="What watches told, by resource.",
)
LAG = Family(
    name="qwp_event_loop_lag_seconds",
    kind=Kind.HISTOGRAM,
    says="How much later than it should something happens in the operator, asked twice a second.",
)

PROCESS_FAMILIES = (
    BUILD,
    POOLS,
    SHARDS,
    SHARDS_HELD,
    LOOKS_WAITING,
    LOOK_SECONDS,
    POLL_SECONDS,
    ENDPOINTS,
    CONNECTIONS,
    REQUESTS,
    REQUEST_SECONDS,
    WATCH_EVENTS,
    LAG,
)
"""In the order in which they are shown."""

# A counter's start is of no use where the process's own is told.
disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types


class Instruments:
    """The operator's own metrics, each noted where it happens or read when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._gauge(BUILD).labels(__version__, platform.python_version()).set(1)
        self._read = {
            family: self._gauge(family) for family in (POOLS, SHARDS, SHARDS_HELD, LOOKS_WAITING, ENDPOINTS)
        }
        self._look_seconds = self._histogram(LOOK_SECONDS)
        self.poll_seconds = self._histogram(POLL_SECONDS)
        self.connections = self._gauge(CONNECTIONS)
        self._requests = self._counter(REQUESTS)
        self._request_seconds = self._histogram(REQUEST_SECONDS)
        self._watch_events = self._counter(WATCH_EVENTS)
        self.lag = self._histogram(LAG)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def read(self, sources: Mapping[Family, Callable[[], float]]) -> None:
        """Say where some gauges are read, by another thread than the event loop's, whenever somebody asks."""
        for family, source in sources.items():
            self._read[family].set_function(source)

    def timed(self, look: Callable[[PoolKey], Awaitable[bool]]) -> Callable[[PoolKey], Awaitable[bool]]:
        """Time every look at a pool; it tells whether all was known that it takes."""

        async def timed(key: PoolKey) -> bool:
            began, outcome = time.monotonic(), "failed"
            try:
                known = await look(key)
                outcome = "done" if known else "waiting"
                return known
            finally:
                self._look_seconds.labels(outcome).observe(time.monotonic() - began)

        return timed

    def answered(self, verb: str, status: int, seconds: float) -> None:
        """Count an answer of the API server; *status* is 0 where there was none."""
        self._requests.labels(verb, str(status)).inc()
        self._request_seconds.labels(verb).observe(seconds)

    def told(self, resource: str) -> None:
        """Count what a watch told."""
        self._watch_events.labels(resource).inc()

    def page(self) -> str:
        """Write everything down."""
        return generate_latest(self.registry).decode()

    def _gauge(self, family: Family) -> Gauge:
        return Gauge(family.name, family.says, family.labels, registry=self.registry)

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.says, family.labels, registry=self.registry)

    def _histogram(self, family: Family) -> Histogram:
        return Histogram(family.name, family.says, family.labels, buckets=BUCKETS, registry=self.registry)
