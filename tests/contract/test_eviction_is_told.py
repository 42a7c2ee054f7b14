"""What a Redis drops when its memory is full is known: that may be jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.asking import cluster_endpoint, endpoint_of, observe_one, pool, reading_at
from harness.redis import RedisServer
from harness.redis_topologies import RedisCluster
from queueworkers.backlog import server
from queueworkers.backlog.eviction import worst_policy
from queueworkers.domain.backlog import Backlog

if TYPE_CHECKING:
    from queueworkers.domain.backlog import Reading

LIMITED = "maxmemory 100mb"


def policy_of(reading: Reading) -> str | None:
    """What a reading tells of it."""
    assert isinstance(reading, Backlog), reading
    return reading.eviction_policy


@pytest.mark.parametrize(
    ("directives", "told"),
    [
        pytest.param([LIMITED, "maxmemory-policy allkeys-lru"], "allkeys-lru", id="any-key"),
        pytest.param([LIMITED, "maxmemory-policy volatile-ttl"], "volatile-ttl", id="with-a-time-to-live"),
        pytest.param([LIMITED], "noeviction", id="none"),
        pytest.param(["maxmemory-policy allkeys-lru"], "noeviction", id="memory-without-a-limit"),
        pytest.param(["user default on nopass ~* &* +@all -info"], None, id="may-not-be-asked"),
    ],
)
async def test_the_policy_that_is_in_force_is_told(directives: list[str], told: str | None) -> None:
    """In Redis's own word; without a limit to its memory nothing is dropped, whatever the policy."""
    with RedisServer(directives=directives) as redis:
        async with reading_at(endpoint_of(redis)) as reader:
            assert policy_of(await observe_one(reader, pool())) == told


async def test_it_is_asked_rarely_and_a_change_is_noticed(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for a connection, and again after a while."""
    async with reading_at(endpoint_of(redis_server)) as reader:
        for _ in range(5):
            assert policy_of(await observe_one(reader, pool())) == "noeviction"
        assert "cmdstat_info:calls=1," in redis_server.cli("INFO", "commandstats")
    monkeypatch.setattr(server, "EVICTION_KEPT_SECONDS", 0.0)
    async with reading_at(endpoint_of(redis_server)) as reader:
        await observe_one(reader, pool())
        redis_server.cli("CONFIG", "SET", "maxmemory", "100mb")
        redis_server.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        assert policy_of(await observe_one(reader, pool())) == "allkeys-lfu"


async def test_one_node_that_drops_jobs_is_enough() -> None:
    """Of those that hold the pool's queues; the others of a cluster are not this pool's trouble."""
    with RedisCluster() as nodes:
        names = [f"{{{letter}}}" for letter in "abcdefgh"]
        first = nodes.owner(f"queues:{names[0]}")
        other = next(each for each in names if nodes.owner(f"queues:{each}") is not first)
        elsewhere = nodes.owner(f"queues:{other}")
        elsewhere.cli("CONFIG", "SET", "maxmemory", "100mb")
        elsewhere.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        one = pool("one", queues=(names[0],), clustered=True)
        both = pool("both", queues=(names[0], other), clustered=True)
        async with reading_at(cluster_endpoint(nodes)) as reader:
            found = await reader.observe([one, both])
    assert policy_of(found[one.key]) == "noeviction"
    assert policy_of(found[both.key]) == "allkeys-random"


@pytest.mark.parametrize(
    ("policies", "worst"),
    [
        (["noeviction", "allkeys-lru"], "allkeys-lru"),
        ([None, "allkeys-lru"], "allkeys-lru"),
        (["volatile-lru", None], None),
        (["volatile-lru", "noeviction"], "volatile-lru"),
        ([], None),
    ],
)
def test_the_worst_of_several_counts(policies: list[str | None], worst: str | None) -> None:
    """And where one is not known, it is not known that no job is dropped."""
    assert worst_policy(policies) == worst
