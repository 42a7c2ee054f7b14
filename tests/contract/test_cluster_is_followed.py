"""Queues are read on the nodes that have them, wherever these and their slots go."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from redis.cluster import RedisCluster as ClusterClient
from redis.crc import key_slot

from contract.asking import cluster_endpoint, counts, endpoint_of, observe_one, pool, reading_at, trouble
from harness.progress import wait_until
from harness.redis_topologies import RedisCluster, wait_for_replicas
from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.signals import SignalRequest, signal_places
from queueworkers.backlog.wire import Wire
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.identity import PoolKey
from queueworkers.engine.sources import CLUSTER_NODE
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.redis import RedisServer
    from queueworkers.backlog.endpoint import PoolRequest
    from queueworkers.backlog.redis import RedisReader
    from queueworkers.domain.backlog import Reading

KEYS = ("queues:{a}", "queues:{a}:delayed", "queues:{a}:reserved")


@pytest.fixture(scope="module")
def running() -> Iterator[RedisCluster]:
    """Three masters and a replica of each."""
    with RedisCluster() as nodes:
        yield nodes


@pytest.fixture
def cluster_of_redis(running: RedisCluster) -> Iterator[RedisCluster]:
    """The same, without keys; a test leaves the nodes as it found them."""
    running.flush()
    yield running
    running.flush()


@pytest.fixture
def shaken() -> Iterator[RedisCluster]:
    """One for a test after which it is not what it was."""
    with RedisCluster() as nodes:
        yield nodes


def a_pool(*queues: str, name: str = "pool") -> PoolRequest:
    """A pool of a Laravel that puts the names of its queues in braces."""
    return pool(name, queues=queues, clustered=True)


def push(nodes: RedisCluster, queue: str, count: int) -> None:
    """Push jobs where the queue is."""
    nodes.cli("RPUSH", f"queues:{{{queue}}}", *[f'{{"job":"x","id":"{n}"}}' for n in range(count)])


def queues_by_node(nodes: RedisCluster) -> dict[RedisServer, str]:
    """One queue for each master."""
    return {nodes.owner(f"queues:{{{name}}}"): name for name in "abcdefghijklmnop"}


async def test_each_node_is_asked_once_for_all_its_queues(
    cluster_of_redis: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of pools: one question to each of the three masters, side by side."""
    names = [f"q{number}" for number in range(60)]
    with ClusterClient(host="127.0.0.1", port=cluster_of_redis.nodes[0].port) as client:
        for number, name in enumerate(names):
            client.rpush(f"queues:{{{name}}}", *["x"] * (number + 1))
    asked: list[float] = []
    exchange = Wire.exchange

    async def counted(wire: Wire, *arguments: object, **options: object) -> object:
        asked.append(time.monotonic())
        await asyncio.sleep(0.1)
        return await exchange(wire, *arguments, **options)  # type: ignore[arg-type]

    pools = [a_pool(*names[at : at + 6], name=f"pool-{at}") for at in range(0, 60, 6)]
    async with reading_at(cluster_endpoint(cluster_of_redis)) as reader:
        await reader.observe(pools)
        monkeypatch.setattr(Wire, "exchange", counted)
        readings = await reader.observe(pools)
    read = {name: each[0] for reading in readings.values() for name, each in counts(reading).items()}
    assert read == {name: number + 1 for number, name in enumerate(names)}
    assert len(asked) == 3
    assert asked[-1] - asked[0] < 0.1


async def test_a_queue_is_counted_right_at_every_step_of_its_move(cluster_of_redis: RedisCluster) -> None:
    """While its slot moves, some of its keys are at the one node and some at the other; none is missed or counted twice."""
    push(cluster_of_redis, "a", 3)
    cluster_of_redis.cli("ZADD", KEYS[1], "1", "x", "99999999999", "y")
    cluster_of_redis.cli("ZADD", KEYS[2], "1", "z")
    source = cluster_of_redis.owner(KEYS[0])
    target = next(each for each in cluster_of_redis.masters if each is not source)
    async with reading_at(cluster_endpoint(cluster_of_redis)) as reader:

        async def assert_right() -> None:
            assert counts(await observe_one(reader, a_pool("a")))["a"] == (3, 2, 1, 1, 1)

        await assert_right()
        cluster_of_redis.begin_to_move(KEYS[0], target)
        await assert_right()
        for key in KEYS:
            cluster_of_redis.move_key(key, target)
            await assert_right()
        cluster_of_redis.end_move(KEYS[0], target)
        await assert_right()
        await assert_right()
    assert cluster_of_redis.owner(KEYS[0]) is target


async def test_resharding_with_redis_cli_is_not_noticed(cluster_of_redis: RedisCluster) -> None:
    """Hundreds of slots go to another node while the queue in the last of them is read again and again."""
    slots = 300
    queue = next(f"q{n}" for n in range(100_000) if key_slot(f"q{n}".encode()) == slots - 1)
    push(cluster_of_redis, queue, 3)
    source = cluster_of_redis.owner(f"queues:{{{queue}}}")
    target = next(each for each in cluster_of_redis.masters if each is not source)
    seen = set()
    async with reading_at(cluster_endpoint(cluster_of_redis)) as reader:
        moving = asyncio.create_task(asyncio.to_thread(cluster_of_redis.reshard, source, target, slots=slots))
        while not moving.done():
            seen.add(counts(await observe_one(reader, a_pool(queue)))[queue][0])
        seen.add(counts(await observe_one(reader, a_pool(queue)))[queue][0])
    await moving
    assert seen == {3}
    assert cluster_of_redis.owner(f"queues:{{{queue}}}") is target


async def test_a_dead_node_concerns_its_own_queues(shaken: RedisCluster) -> None:
    """The others are read as before, and its own as soon as a replica has taken its place, which the others tell."""
    queues = queues_by_node(shaken)
    dead, queue = next(iter(queues.items()))
    for name in queues.values():
        push(shaken, name, 2)
    wait_for_replicas(dead)
    pools = [a_pool(name, name=name) for name in queues.values()]
    only_seed = replace(endpoint_of(dead), naming=CLUSTER_NODE)
    endpoint = replace(cluster_endpoint(shaken), seeds=(only_seed,))
    async with reading_at(endpoint, timeout_seconds=0.5) as reader:
        await reader.observe(pools)
        dead.kill()
        readings = await reader.observe(pools)
        own = trouble(readings.pop(PoolKey("shop", queue)))
        assert {counts(each).popitem()[1][0] for each in readings.values()} == {2}
        again = await known_again(reader, a_pool(queue))
    assert own.reason is UnknownReason.CONNECTION_FAILED
    assert f"Redis Cluster node at 127.0.0.1:{dead.port}, which the Redis Cluster at" in own.message
    assert counts(again)[queue][0] == 2


async def known_again(reader: RedisReader, request: PoolRequest) -> Reading:
    """The first reading that is known."""
    async with asyncio.timeout(20):
        while True:
            reading = await observe_one(reader, request)
            if isinstance(reading, Backlog):
                return reading
            await asyncio.sleep(0.1)


async def test_a_replica_that_was_promoted_is_read(shaken: RedisCluster) -> None:
    """The former master sends everybody on; it is not believed as the replica that it is."""
    push(shaken, "a", 2)
    former = shaken.owner(KEYS[0])
    identity = former.cli("CLUSTER", "MYID")
    wait_for_replicas(former)
    replica = next(
        node for node in shaken.nodes if f"slave {identity}" in own_line(node.cli("CLUSTER", "NODES"))
    )
    async with reading_at(cluster_endpoint(shaken)) as reader:
        assert counts(await observe_one(reader, a_pool("a")))["a"][0] == 2
        replica.cli("CLUSTER", "FAILOVER")
        wait_until(
            lambda: shaken.owner(KEYS[0]) is replica, what="the replica is promoted", timeout_seconds=20
        )
        push(shaken, "a", 1)
        assert counts(await observe_one(reader, a_pool("a")))["a"][0] == 3


def own_line(nodes: str) -> str:
    """What a node says about itself."""
    return next(line for line in nodes.splitlines() if "myself" in line)


async def test_any_seed_will_do(shaken: RedisCluster) -> None:
    """One that is down is no loss; when all are, the first one is named."""
    push(shaken, "a", 2)
    endpoint = cluster_endpoint(shaken)
    nobody = endpoint.seeds[0].at("127.0.0.1", 1, naming=CLUSTER_NODE)
    with_nobody = replace(endpoint, seeds=(nobody, *endpoint.seeds[1:]))
    async with reading_at(with_nobody) as reader:
        assert counts(await observe_one(reader, a_pool("a")))["a"][0] == 2
    for node in shaken.nodes:
        node.kill()
    async with reading_at(endpoint) as reader:
        found = trouble(await observe_one(reader, a_pool("a")))
    assert found.reason is UnknownReason.CONNECTION_FAILED
    assert f"Redis Cluster node at 127.0.0.1:{shaken.nodes[0].port} refuses the connection" in found.message
    assert "its port in spec.redis.cluster.nodes" in found.message


@pytest.mark.parametrize(
    ("request_", "advice"),
    [
        pytest.param(
            pool(version=(12, 4), clustered=True, ever_seen=False),
            "name it {default}, in braces, in the application and in spec.queues, or correct spec.version where it is "
            "no longer 12.4: newer ones do it by themselves.",
            id="laravel-12",
        ),
        pytest.param(
            pool(framework=THINKPHP, version=(2, 0, 4), clustered=True),
            "queues:default and queues:default:delayed are in different slots",
            id="think-2",
        ),
    ],
)
async def test_keys_in_different_slots_are_told(
    cluster_of_redis: RedisCluster, request_: PoolRequest, advice: str
) -> None:
    """No worker could take jobs of such a queue, so a count of 0 would be a lie."""
    async with reading_at(cluster_endpoint(cluster_of_redis)) as reader:
        found = trouble(await observe_one(reader, request_))
    assert found.reason is UnknownReason.KEYS_IN_DIFFERENT_SLOTS
    assert advice in found.message


@pytest.mark.parametrize(
    ("there", "declared", "advice"),
    [
        pytest.param(
            "queues:{default}",
            pool(version=(13, 4), clustered=True, ever_seen=False),
            "it has queues:{default} (3 jobs): name the queue {default} in spec.queues",
            id="braces-in-the-name",
        ),
        pytest.param(
            "shop_queues:{default}",
            pool(clustered=True, ever_seen=False),
            "it has shop_queues:{default} (3 jobs): set spec.redis.prefix: shop_",
            id="prefix",
        ),
        pytest.param(
            "{queues:default}",
            pool(clustered=True, ever_seen=False),
            "it has {queues:default} (3 jobs): set spec.framework: ThinkPHP",
            id="framework",
        ),
        pytest.param(
            "{queues:default}",
            pool(framework=THINKPHP, version=(3, 0, 4), clustered=True, ever_seen=False),
            "it has {queues:default} (3 jobs): set spec.version",
            id="version",
        ),
    ],
)
async def test_the_right_place_is_found_on_whichever_node(
    cluster_of_redis: RedisCluster, there: str, declared: PoolRequest, advice: str
) -> None:
    """A queue that was looked for in the wrong place is found by a walk over all masters."""
    cluster_of_redis.cli("RPUSH", there, "x", "y", "z")
    async with reading_at(cluster_endpoint(cluster_of_redis)) as reader:
        found = trouble(await observe_one(reader, declared))
    assert found.reason is UnknownReason.QUEUE_NOT_FOUND
    assert advice in found.message


async def test_a_wrong_kind_of_place_is_told(
    cluster_of_redis: RedisCluster, redis_server: RedisServer
) -> None:
    """A cluster's node as a standalone Redis, and the other way round: each names the field to use."""
    node = next(
        each for each in cluster_of_redis.masters if each is not cluster_of_redis.owner("queues:default")
    )
    async with reading_at(endpoint_of(node)) as reader:
        taken_for_standalone = trouble(await observe_one(reader, pool()))
    alone = endpoint_of(redis_server)
    async with reading_at(replace(cluster_endpoint(cluster_of_redis), seeds=(alone,))) as reader:
        taken_for_cluster = trouble(await observe_one(reader, a_pool("a")))
    assert "name it in spec.redis.cluster.nodes instead of spec.redis.host" in taken_for_standalone.message
    assert "name it in spec.redis.host instead of spec.redis.cluster" in taken_for_cluster.message


async def test_a_restart_is_heard_whichever_node_has_its_key(cluster_of_redis: RedisCluster) -> None:
    """The keys at which it may be are on all nodes, in the only database there is."""
    places = signal_places(LARAVEL, LARAVEL.notices, prefix="", cache_prefix=None, database=0)
    keys = [key for place in places if place.database == 0 and place.hold is None for key in place.keys]
    assert len({cluster_of_redis.owner(key).port for key in keys}) > 1
    asked = SignalRequest(PoolKey("shop", "pool"), places)
    now = int(time.time())
    async with reading_at(cluster_endpoint(cluster_of_redis)) as reader:
        await observe_one(reader, a_pool("a"))
        heard = []
        for number, key in enumerate(keys):
            cluster_of_redis.cli("SET", key, str(now - 100 + number))
            heard.append((await reader.observe_signals([asked]))[asked.key].restart_at)
    assert heard == [datetime.fromtimestamp(now - 100 + number, tz=UTC) for number in range(len(keys))]


async def test_connections_of_all_nodes_are_listed(cluster_of_redis: RedisCluster) -> None:
    """A worker asks for jobs on one node only, and it may be any."""
    async with reading_at(cluster_endpoint(cluster_of_redis)) as reader:
        await observe_one(reader, a_pool("a"))
        with ClusterClient(host="127.0.0.1", port=cluster_of_redis.nodes[0].port) as worker:
            for name in queues_by_node(cluster_of_redis).values():
                worker.lpop(f"queues:{{{name}}}")
            listed = await reader.observe_connections()
    assert listed is not None
    assert [each.command for each in listed].count("lpop") == 3
