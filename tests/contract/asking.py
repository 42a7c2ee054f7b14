"""Short ways to ask a real Redis about pools, as the operator does."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.redis_topologies import MASTER_NAME
from queueworkers.backlog.endpoint import (
    ClusterEndpoint,
    PoolRequest,
    RedisEndpoint,
    SentinelEndpoint,
    TlsTrust,
)
from queueworkers.backlog.redis import RedisReader
from queueworkers.domain.backlog import Backlog, UnknownBacklog
from queueworkers.domain.identity import PoolKey
from queueworkers.engine.sources import CLUSTER_NODE, SENTINEL
from queueworkers.frameworks.base import Spelling
from queueworkers.frameworks.laravel import LARAVEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from harness.redis import RedisServer
    from harness.redis_topologies import RedisCluster, RedisSentinels
    from queueworkers.backlog.endpoint import Endpoint
    from queueworkers.domain.backlog import Reading


def endpoint_of(server: RedisServer, **changed: Any) -> RedisEndpoint:
    """Where *server* is, with its password and its authority, unless *changed*."""
    tls = None
    if server.certificates:
        authority = server.certificates.authority.read_text()
        tls = TlsTrust(ca_pem=authority, verify_certificate=True, verify_name=True, server_name=None)
    facts = {"host": server.address, "port": server.port, "password": server.password, "tls": tls}
    return RedisEndpoint(**(facts | changed))


def sentinel_endpoint(servers: RedisSentinels, **changed: Any) -> SentinelEndpoint:
    """The master that the Sentinels of *servers* name, with both passwords, unless *changed*."""
    master = endpoint_of(servers.servers[0])
    facts = {
        "sentinels": tuple(replace(endpoint_of(each), naming=SENTINEL) for each in servers.sentinels),
        "master_name": MASTER_NAME,
        "namespace": "shop",
        "password": master.password,
        "tls": master.tls,
    }
    return SentinelEndpoint(**(facts | changed))


def cluster_endpoint(servers: RedisCluster, **changed: Any) -> ClusterEndpoint:
    """The cluster that two nodes of *servers* lead to, as an author who names them with a user, if one is given."""
    seeds = tuple(replace(endpoint_of(each, **changed), naming=CLUSTER_NODE) for each in servers.nodes[:2])
    return ClusterEndpoint(seeds=seeds, namespace="shop")


def pool(
    name: str = "pool",
    *,
    prefix: str = "",
    version: tuple[int, ...] | None = None,
    clustered: bool = False,
    **changed: Any,
) -> PoolRequest:
    """A Laravel pool on the queue `default` in database 0, seen before, unless *changed*."""
    facts: dict[str, Any] = {
        "key": PoolKey("shop", name),
        "framework": LARAVEL,
        "spelling": Spelling(prefix=prefix, version=version, clustered=clustered),
        "queues": ("default",),
        "database": 0,
        "ever_seen": True,
    }
    return PoolRequest(**(facts | changed))


@asynccontextmanager
async def reading_at(endpoint: Endpoint, **changed: Any) -> AsyncIterator[RedisReader]:
    """A reader that never rests, so that a test sees every attempt, and closes at the end."""
    reader = RedisReader(endpoint, **({"rest_seconds": 0.0} | changed))
    try:
        yield reader
    finally:
        await reader.close()


def push(server: RedisServer, key: str = "queues:default", count: int = 3, database: int = 0) -> None:
    """Put *count* jobs without a time into the list *key*."""
    jobs = [f'{{"job":"x","id":"{number}"}}' for number in range(count)]
    server.cli("RPUSH", key, *jobs, database=database)


async def observe_one(reader: RedisReader, request: PoolRequest) -> Reading:
    """The reading of a single pool."""
    return (await reader.observe([request]))[request.key]


def counts(reading: Reading) -> Mapping[str, tuple[int, int, int, int, int]]:
    """(ready, delayed, due, reserved, expired) by queue; fails where the backlog is unknown."""
    assert isinstance(reading, Backlog), reading
    return {
        queue.name: (queue.ready, queue.delayed, queue.due, queue.reserved, queue.expired)
        for queue in reading.queues
    }


def trouble(reading: Reading) -> UnknownBacklog:
    """Why the backlog is unknown; fails where it is known."""
    assert isinstance(reading, UnknownBacklog), reading
    return reading
