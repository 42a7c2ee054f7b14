"""The same Redis in three shapes, each with a client of its own kind, as applications have it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.cluster import RedisCluster as ClusterClient
from redis.sentinel import Sentinel as SentinelClient

from contract.asking import cluster_endpoint, endpoint_of, sentinel_endpoint
from harness.redis import RedisServer
from harness.redis_releases import INSTALLED, REDIS_6, REDIS_8, VALKEY
from harness.redis_topologies import MASTER_NAME, RedisCluster, RedisSentinels
from harness.skipping import skipped_where_not_to_be_had

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.redis_releases import RedisRelease
    from queueworkers.backlog.endpoint import Endpoint

RELEASES = (INSTALLED, REDIS_6, REDIS_8, VALKEY)


Started = tuple["Endpoint", Any, "Mapping[str, str]"]
"""Where the operator looks, a client of an application's, and the environment of a Laravel one."""


@dataclass(frozen=True)
class Topology:
    """Some servers that are one Redis to an application."""

    name: str
    server: str
    """What the servers call themselves."""
    endpoint: Endpoint
    client: Any
    """What an application talks to it with."""
    environment: Mapping[str, str]
    """What a Laravel application is told of it."""

    def flush(self) -> None:
        """Empty it."""
        self.client.flushall()

    @property
    def clustered(self) -> bool:
        """Whether the keys of a queue have to be in one slot."""
        return self.name == "cluster"


def topologies(releases: tuple[RedisRelease, ...] = RELEASES) -> list[Any]:
    """Every shape with every server, as parameters of a fixture."""
    return [
        pytest.param((release, kind), id=f"{kind}-{release.package}-{release.suite or 'here'}")
        for release in releases
        for kind in KINDS
    ]


@contextlib.contextmanager
def started(release: RedisRelease, kind: str) -> Iterator[Topology]:
    """Start one; skips the test where the server is not to be had."""
    with skipped_where_not_to_be_had():
        version = release.version()
    with KINDS[kind](release) as (endpoint, client, environment):
        try:
            yield Topology(kind, version, endpoint, client, environment)
        finally:
            client.close()


@contextlib.contextmanager
def _standalone(release: RedisRelease) -> Iterator[Started]:
    with RedisServer(release=release) as server:
        client = redis.Redis(host=server.address, port=server.port)
        yield endpoint_of(server), client, _at(server)


@contextlib.contextmanager
def _sentinel(release: RedisRelease) -> Iterator[Started]:
    with RedisSentinels(release=release) as servers:
        guide = SentinelClient([(each.address, each.port) for each in servers.sentinels])
        client = guide.master_for(MASTER_NAME)
        yield sentinel_endpoint(servers), client, _at(servers.master)
        for each in guide.sentinels:
            each.close()


@contextlib.contextmanager
def _cluster(release: RedisRelease) -> Iterator[Started]:
    with RedisCluster(release=release) as servers:
        client = ClusterClient(host=servers.nodes[0].address, port=servers.nodes[0].port)
        nodes = ",".join(f"{each.address}:{each.port}" for each in servers.nodes)
        yield cluster_endpoint(servers), client, {"REDIS_CLUSTER": nodes}


def _at(server: RedisServer) -> dict[str, str]:
    return {"REDIS_HOST": server.address, "REDIS_PORT": str(server.port)}


KINDS = {"standalone": _standalone, "sentinel": _sentinel, "cluster": _cluster}
