"""Queues that a pool declares itself: counted by kind, guarded against whatever is in them, and never a silent zero."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import redis

from contract.asking import counts, endpoint_of, observe_one, pool, push, reading_at, trouble
from harness.redis import RedisServer
from harness.redis_releases import INSTALLED, REDIS_6, REDIS_8, VALKEY
from queueworkers.api.conditions import UnknownReason, WaitBound
from queueworkers.backlog import counting
from queueworkers.backlog.counting import ROOM_BYTES
from queueworkers.domain.backlog import Backlog
from queueworkers.frameworks.base import JobState, ListEnd, QueueStore, Spelling, StoreKind
from queueworkers.frameworks.custom import CUSTOM
from queueworkers.frameworks.payload import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.conftest import Checked
    from contract.topologies import Topology
    from queueworkers.backlog.endpoint import PoolRequest

HUGE = 100_000_000

HEAD = QueueStore(key="$(queue)", kind=StoreKind.LIST, jobs=JobState.READY)
TAIL = QueueStore(key="$(queue)", kind=StoreKind.LIST, jobs=JobState.READY, taken_from=ListEnd.TAIL)
MEMBERS = QueueStore(key="$(queue)", kind=StoreKind.SORTED_SET, jobs=JobState.READY)
DUE = QueueStore(key="$(queue)", kind=StoreKind.SORTED_SET, jobs=JobState.DELAYED, scores_per_second=1000)
UNREAD = QueueStore(key="$(queue)", kind=StoreKind.STREAM, jobs=JobState.READY, group="workers")
PENDING = QueueStore(key="$(queue)", kind=StoreKind.STREAM, jobs=JobState.RESERVED, group="workers")

KINDS = [
    pytest.param(HEAD, id="head"),
    pytest.param(TAIL, id="tail"),
    pytest.param(MEMBERS, id="members"),
    pytest.param(DUE, id="due"),
    pytest.param(UNREAD, id="stream"),
]


def declared(*stores: QueueStore, **changed: Any) -> PoolRequest:
    """A pool with these stores, and the queue `jobs`."""
    facts: dict[str, Any] = {"framework": CUSTOM, "spelling": Spelling(declared=stores), "queues": ("jobs",)}
    return pool(**(facts | changed))


def put(client: redis.Redis, store: QueueStore, *payloads: bytes) -> None:
    """Add jobs as an application does, the first of them the next to be taken."""
    for score, payload in enumerate(payloads, start=1):
        if store.kind is StoreKind.SORTED_SET:
            client.zadd("jobs", {payload: score})
        elif store.kind is StoreKind.STREAM:
            client.xadd("jobs", {"job": payload})
        elif store.taken_from is ListEnd.TAIL:
            client.lpush("jobs", payload)
        else:
            client.rpush("jobs", payload)


@pytest.fixture
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server all of its own, of the release that the test names."""
    with RedisServer(release=getattr(request, "param", INSTALLED)) as server:
        yield server


every_release = pytest.mark.parametrize(
    "redis_server",
    [
        pytest.param(REDIS_6, id="redis-6"),
        pytest.param(INSTALLED, id="installed"),
        pytest.param(REDIS_8, id="redis-8"),
        pytest.param(VALKEY, id="valkey"),
    ],
    indirect=True,
)


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A connection for what `redis-cli` cannot say."""
    with redis.Redis(host=redis_server.address, port=redis_server.port) as connection:
        yield connection


def oldest_age(reading: Backlog) -> tuple[int, WaitBound]:
    """How long the oldest job waits, in seconds, and how that is meant."""
    assert reading.oldest
    return round((reading.read_at - reading.oldest.since).total_seconds()), reading.oldest.bound


@every_release
@pytest.mark.parametrize("store", KINDS)
async def test_a_huge_job_costs_nothing(
    redis_server: RedisServer, client: redis.Redis, store: QueueStore
) -> None:
    """100 MB in front: counted, never copied nor sent, and another pool's reading is as it was."""
    put(client, store, b"x" * HUGE, *(str(number).encode() for number in range(50)))
    push(redis_server, "queues:default")
    request, other = declared(store), pool("other")
    async with reading_at(endpoint_of(redis_server)) as reader:
        await reader.observe([request, other])
        before = client.info("stats")["total_net_output_bytes"]
        spent_before = redis_server.processor_seconds
        readings = await reader.observe([request, other])
        server_milliseconds = (redis_server.processor_seconds - spent_before) * 1000
        sent = client.info("stats")["total_net_output_bytes"] - before
    expected = (0, 51, 51, 0, 0) if store is DUE else (51, 0, 0, 0, 0)
    assert counts(readings[request.key])["jobs"] == expected
    assert counts(readings[other.key])["default"] == (3, 0, 0, 0, 0)
    print(
        f"{store.kind} of 100 MB and 50 jobs: {server_milliseconds:.1f} ms of the server, {sent} bytes sent"
    )
    assert sent < 20_000
    # Copying 100 MB takes 300 ms and more; `ZCOUNT` compares that member with itself, which takes some.
    assert server_milliseconds < 100


@pytest.mark.parametrize("store", [HEAD, TAIL, MEMBERS, UNREAD])
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00", id="binary"),
        pytest.param(b'{"a":' * 10_000, id="deep"),
        pytest.param(b'{"enqueued_at":' + b"9" * 5000 + b"}", id="a-huge-number"),
        pytest.param(b'{"enqueued_at":NaN}', id="nan"),
        pytest.param(b'{"enqueued_at":-1e999}', id="infinite"),
        pytest.param(b'{"enqueued_at":', id="broken"),
        pytest.param(b"1795324335800-0", id="looks-like-an-entry"),
    ],
)
async def test_a_hostile_job_is_one_job(
    redis_server: RedisServer, client: redis.Redis, store: QueueStore, payload: bytes
) -> None:
    """Whatever it is, it counts as one, and waits since it was seen; but an entry's id is not its payload's to make."""
    put(client, store, payload)
    async with reading_at(endpoint_of(redis_server)) as reader:
        reading = await observe_one(reader, declared(store))
    assert isinstance(reading, Backlog)
    assert counts(reading)["jobs"] == (1, 0, 0, 0, 0)
    age, bound = oldest_age(reading)
    assert age <= 1
    assert bound is (WaitBound.EXACTLY if store is UNREAD else WaitBound.AT_LEAST)


@pytest.mark.parametrize("score", ["nan", "inf", "-inf", "1e308"])
async def test_a_score_that_is_no_time(redis_server: RedisServer, score: str) -> None:
    """Redis itself refuses what is no number; the others are before or after everything, and tell no age."""
    if score == "nan":
        assert "not a valid float" in redis_server.cli("ZADD", "jobs", score, "x")
        return
    redis_server.cli("ZADD", "jobs", score, "x")
    async with reading_at(endpoint_of(redis_server)) as reader:
        reading = await observe_one(reader, declared(DUE))
    assert isinstance(reading, Backlog)
    assert counts(reading)["jobs"] == (0, 1, int(score == "-inf"), 0, 0)
    assert reading.oldest is None


async def test_the_oldest_is_at_the_end_that_workers_take_from(redis_server: RedisServer) -> None:
    """Its payload tells since when it waits, in front or at the end."""
    now = int(time.time())
    for age in (10, 20, 30):
        redis_server.cli("RPUSH", "jobs", f'{{"enqueued_at":{now - age}.5}}')
    ages = []
    async with reading_at(endpoint_of(redis_server)) as reader:
        for store in (HEAD, TAIL):
            reading = await observe_one(reader, declared(store))
            assert isinstance(reading, Backlog)
            ages.append(oldest_age(reading))
    assert [(round(age, -1), bound) for age, bound in ages] == [
        (10, WaitBound.EXACTLY),
        (30, WaitBound.EXACTLY),
    ]


async def test_many_keys_share_the_room_for_payloads(redis_server: RedisServer, client: redis.Redis) -> None:
    """What a queue can make the operator hold does not grow with the number of its keys."""
    stores = [replace(HEAD, key=f"jobs:{number}") for number in range(32)]
    for store in stores:
        client.rpush(store.key, b"x" * (MAX_PAYLOAD_BYTES - 1))
    async with reading_at(endpoint_of(redis_server)) as reader:
        await observe_one(reader, declared(*stores))
        before = client.info("stats")["total_net_output_bytes"]
        reading = await observe_one(reader, declared(*stores))
        sent = client.info("stats")["total_net_output_bytes"] - before
    assert counts(reading)["jobs"] == (32, 0, 0, 0, 0)
    assert sent < MAX_PAYLOAD_BYTES


@every_release
async def test_a_group_that_is_not_there_yet_will_get_everything(redis_server: RedisServer) -> None:
    """Otherwise nobody would start the workers that make the group."""
    for _ in range(3):
        redis_server.cli("XADD", "jobs", "*", "job", "x")
    redis_server.cli("XGROUP", "CREATE", "jobs", "others", "$")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, declared(UNREAD)))["jobs"] == (3, 0, 0, 0, 0)
        assert counts(await observe_one(reader, declared(UNREAD, PENDING)))["jobs"] == (3, 0, 0, 0, 0)


@every_release
async def test_lag_where_redis_does_not_know_it(
    redis_server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries were deleted among those that nobody has got: they are counted, or bounded where they are too many."""
    ids = [client.xadd("jobs", {"job": number}) for number in range(20)]
    client.xgroup_create("jobs", "workers", "0")
    client.xreadgroup("workers", "one", {"jobs": ">"}, count=4)
    client.xdel("jobs", ids[10])
    assert client.xinfo_groups("jobs")[0].get("lag") is None
    request = declared(UNREAD, PENDING)
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, request))["jobs"] == (15, 0, 0, 4, 0)
        client.xack("jobs", "workers", *ids[:4])
        monkeypatch.setattr(counting, "ENTRIES_COUNTED", 5)
        # Those acknowledged are still in the stream, and cannot be told from the others.
        assert counts(await observe_one(reader, request))["jobs"] == (19, 0, 0, 0, 0)


@every_release
async def test_a_stream_that_is_too_heavy_tells_the_other_bound(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    """The first entry that nobody has got came after the last one that somebody has."""
    now = int(time.time())
    client.xadd("jobs", {"job": "x"}, id=f"{(now - 90) * 1000}-0")
    client.xgroup_create("jobs", "workers", "0")
    client.xreadgroup("workers", "one", {"jobs": ">"})
    client.xadd("jobs", {"job": b"x" * (ROOM_BYTES + 1)}, id=f"{(now - 60) * 1000}-0")
    async with reading_at(endpoint_of(redis_server)) as reader:
        reading = await observe_one(reader, declared(UNREAD))
    assert isinstance(reading, Backlog)
    assert counts(reading)["jobs"] == (1, 0, 0, 0, 0)
    assert oldest_age(reading) in {(90, WaitBound.AT_MOST), (91, WaitBound.AT_MOST)}


@every_release
@pytest.mark.parametrize(
    ("command", "store", "words"),
    [
        (("SET", "jobs", "x"), HEAD, "jobs in database 0 of Redis at"),
        (("SET", "jobs", "x"), HEAD, "holds a string and not a list"),
        (("RPUSH", "jobs", "x"), MEMBERS, "holds a list and not a sorted set"),
        (("ZADD", "jobs", "1", "x"), UNREAD, "holds a sorted set and not a stream"),
        (("XADD", "jobs", "*", "a", "b"), DUE, "holds a stream and not a sorted set"),
        (("HSET", "jobs", "a", "b"), PENDING, "holds a hash and not a stream"),
    ],
)
async def test_a_key_of_another_type(
    redis_server: RedisServer, command: tuple[str, ...], store: QueueStore, words: str
) -> None:
    """The key, what it holds and what was declared are named; it never counts as nothing."""
    redis_server.cli(*command)
    async with reading_at(endpoint_of(redis_server)) as reader:
        found = trouble(await observe_one(reader, declared(store)))
    assert found.reason is UnknownReason.WRONG_KEY_TYPE
    assert words in found.message


@every_release
async def test_what_has_to_be_allowed_is_told_and_is_enough(redis_server: RedisServer) -> None:
    """A user who may not look into streams is told what is missing, and reads all with just that."""
    redis_server.cli("XADD", "jobs", "*", "job", "x")
    redis_server.cli(
        "ACL", "SETUSER", "reader", "on", ">p", "~jobs*", "-@all", "+select", "+time", "+eval", "+evalsha"
    )
    async with reading_at(endpoint_of(redis_server, username="reader", password="p")) as reader:
        found = trouble(await observe_one(reader, declared(UNREAD)))
        assert found.reason is UnknownReason.PERMISSION_DENIED
        assert "may not read jobs in database 0" in found.message
        needed = [word for word in found.message.replace(",", " ").split() if word.startswith("+")]
        redis_server.cli("ACL", "SETUSER", "reader", *needed)
        reading = await observe_one(reader, declared(UNREAD))
    assert isinstance(reading, Backlog)
    assert counts(reading)["jobs"] == (1, 0, 0, 0, 0)
    assert oldest_age(reading)[1] is WaitBound.EXACTLY


@pytest.mark.parametrize(
    ("key", "there", "database", "advice"),
    [
        pytest.param("$(queue)", "shop:jobs", 0, "set spec.redis.prefix: shop:", id="prefix"),
        pytest.param("bull:$(queue):wait", "bull:jobs:wait", 3, "set spec.redis.database: 3", id="database"),
        pytest.param(
            "[a]*$(queue)?", "x[a]*jobs?", 0, "set spec.redis.prefix: x", id="characters-of-patterns"
        ),
    ],
)
async def test_names_the_right_place(
    redis_server: RedisServer, key: str, there: str, database: int, advice: str
) -> None:
    """Keys that never existed here, and do under another prefix or in another database."""
    push(redis_server, there, database=database)
    request = declared(QueueStore(key=key, kind=StoreKind.LIST, jobs=JobState.READY), ever_seen=False)
    async with reading_at(endpoint_of(redis_server)) as reader:
        found = trouble(await observe_one(reader, request))
    assert found.reason is UnknownReason.QUEUE_NOT_FOUND
    assert f"{there} (3 jobs): {advice}" in found.message


async def test_every_kind_on_every_shape_of_redis(topology: Topology, checked: Checked) -> None:
    """Standalone, behind Sentinels and on a cluster, where braces keep the keys together."""
    kinds = (HEAD, MEMBERS, DUE, UNREAD, PENDING)
    stores = [replace(store, key=f"{{$(queue)}}:{store.kind}:{store.scores_per_second}") for store in kinds]
    topology.flush()
    for number in range(3):
        topology.client.rpush("{jobs}:List:None", number)
        topology.client.zadd("{jobs}:SortedSet:None", {number: 1})
        topology.client.zadd("{jobs}:SortedSet:1000", {number: number * 10**13})
        topology.client.xadd("{jobs}:Stream:None", {"job": number})
    topology.client.xgroup_create("{jobs}:Stream:None", "workers", "0")
    topology.client.xreadgroup("workers", "one", {"{jobs}:Stream:None": ">"}, count=1)
    async with reading_at(topology.endpoint) as reader:
        reading = await observe_one(reader, declared(*stores))
    topology.flush()
    assert isinstance(reading, Backlog)
    # 3 in the list, 3 in the set, 2 of the stream are ready; of the delayed ones that of 1970 is due.
    assert counts(reading)["jobs"] == (8, 3, 1, 1, 0)
    assert reading.oldest
    checked("Custom", "every kind", topology.name, 1, server=topology.server)


async def test_a_shared_key_is_counted_once(redis_server: RedisServer) -> None:
    """With the first of the pool's queues, so that the sum is right."""
    redis_server.cli("ZADD", "later", "1", "x")
    push(redis_server, "b")
    later = QueueStore(key="later", kind=StoreKind.SORTED_SET, jobs=JobState.DELAYED, scores_per_second=1)
    async with reading_at(endpoint_of(redis_server)) as reader:
        reading = await observe_one(reader, declared(HEAD, later, queues=("a", "b")))
    assert counts(reading) == {"a": (0, 1, 1, 0, 0), "b": (3, 0, 0, 0, 0)}
