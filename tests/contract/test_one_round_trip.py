"""Many pools at one Redis: one connection, one question, and no payload that anyone has to fear."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest
import redis

from contract.asking import counts, endpoint_of, observe_one, pool, push, reading_at
from queueworkers.api.conditions import WaitBound
from queueworkers.backlog.wire import Wire
from queueworkers.domain.backlog import Backlog, Wait
from queueworkers.domain.identity import PoolKey

if TYPE_CHECKING:
    from harness.redis import RedisServer


async def test_two_hundred_pools_are_one_question(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After first contact each reading is one write and one answer on the one connection."""
    for database in range(4):
        push(redis_server, "queues:q7", count=7, database=database)
    pools = [
        pool(f"pool-{number}", database=number % 4, queues=(f"q{number}", "shared")) for number in range(200)
    ]
    exchanges = 0
    exchange = Wire.exchange

    async def counted(wire: Wire, *arguments: object, **options: object) -> object:
        nonlocal exchanges
        exchanges += 1
        return await exchange(wire, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Wire, "exchange", counted)
    async with reading_at(endpoint_of(redis_server)) as reader:
        await reader.observe(pools)
        redis_server.cli("CONFIG", "RESETSTAT")
        before, exchanges = time.perf_counter(), 0
        readings = await reader.observe(pools)
        took = time.perf_counter() - before
        clients = redis_server.cli("CLIENT", "LIST", "TYPE", "normal").splitlines()
        stats = redis_server.cli("INFO", "commandstats")
    counted_sets = int(stats.partition("cmdstat_zcount:calls=")[2].partition(",")[0])
    print(
        f"200 pools, 204 queues in 4 databases: {took * 1000:.1f} ms, {counted_sets} ZCOUNT, {exchanges} exchange"
    )
    assert len(readings) == 200
    assert counts(readings[pools[7].key])["q7"][0] == 0 or pools[7].database == 3
    assert exchanges == 1
    # `shared` is asked for once in each database, not once for each pool.
    assert counted_sets == 2 * 204
    # The reader's, and that of the command which asks.
    assert len(clients) == 2


async def test_concurrent_readings_do_not_mix(redis_server: RedisServer) -> None:
    """Two readings at the same time on one connection each get their own answers."""
    for number in range(1, 6):
        push(redis_server, f"queues:q{number}", count=number)
    pools = [pool(f"pool-{number}", queues=(f"q{number}",)) for number in range(1, 6)]
    async with reading_at(endpoint_of(redis_server)) as reader:
        readings = await asyncio.gather(*(observe_one(reader, each) for each in pools * 10))
    assert [counts(each)[f"q{1 + n % 5}"][0] for n, each in enumerate(readings)] == [1, 2, 3, 4, 5] * 10


async def test_more_queues_than_fit_into_one_question(redis_server: RedisServer) -> None:
    """Beyond the limit a question is cut, and nothing is mixed up at the edges."""
    push(redis_server, "queues:q499", count=2)
    push(redis_server, "queues:q500", count=3)
    many = pool(queues=tuple(f"q{number}" for number in range(1200)))
    async with reading_at(endpoint_of(redis_server)) as reader:
        found = counts(await observe_one(reader, many))
    assert {name: each[0] for name, each in found.items() if any(each)} == {"q499": 2, "q500": 3}


async def test_huge_payload_is_counted_and_not_sent(redis_server: RedisServer) -> None:
    """A job of 400 MB is one job, at either end of its life; the server does not even copy it to learn its size."""
    client = redis.Redis(host=redis_server.address, port=redis_server.port)
    client.rpush("queues:default", b"x" * 400_000_000)
    client.zadd("queues:default:delayed", {b"y" * 400_000_000: 1})
    client.close()
    async with reading_at(endpoint_of(redis_server)) as reader:
        spent_before = redis_server.processor_seconds
        first = await observe_one(reader, pool())
        spent = redis_server.processor_seconds - spent_before
        sent_before = network_output(redis_server)
        second = await observe_one(reader, pool())
        sent = network_output(redis_server) - sent_before
    print(f"400 MB at the head: {spent * 1000:.0f} ms of the server")
    assert counts(first)["default"] == counts(second)["default"] == (1, 1, 1, 0, 0)
    assert sent < 20_000
    assert spent < 1  # most of it is ZCOUNT comparing that member with itself


def network_output(server: RedisServer) -> int:
    """Bytes that the server has sent."""
    return int(server.cli("INFO", "stats").partition("total_net_output_bytes:")[2].split()[0])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"job":1e999}',
        b"null",
        b'"text"',
        b"9" * 5000,
        b'{"a":' * 50_000,
    ],
)
async def test_hostile_payload_is_one_job(redis_server: RedisServer, payload: bytes) -> None:
    """Whatever lies in a list counts as one job, and its age starts at first sight."""
    client = redis.Redis(host=redis_server.address, port=redis_server.port)
    client.rpush("queues:default", payload)
    client.close()
    async with reading_at(endpoint_of(redis_server)) as reader:
        reading = await observe_one(reader, pool())
    assert isinstance(reading, Backlog)
    assert counts(reading)["default"] == (1, 0, 0, 0, 0)
    assert reading.oldest == Wait(reading.read_at.replace(microsecond=0), WaitBound.AT_LEAST)


async def test_a_second_reader_tells_the_same_age(redis_server: RedisServer) -> None:
    """What one operator saw, its successor goes on from, while the head is the same job."""
    push(redis_server)
    async with reading_at(endpoint_of(redis_server)) as reader:
        first = await observe_one(reader, pool())
    assert isinstance(first, Backlog)
    known = {queue.name: queue.head for queue in first.queues}
    await asyncio.sleep(1.1)  # ages are told in whole seconds, by the server's clock
    async with reading_at(endpoint_of(redis_server)) as reader:
        second = await observe_one(reader, pool(known_heads=known))
    async with reading_at(endpoint_of(redis_server)) as reader:
        redis_server.cli("LPOP", "queues:default")
        third = await observe_one(reader, pool(known_heads=known))
    assert isinstance(second, Backlog)
    assert isinstance(third, Backlog)
    assert second.queues == first.queues
    assert third.oldest
    assert first.oldest
    assert third.oldest.since > first.oldest.since


async def test_age_comes_from_the_payload_or_the_score(redis_server: RedisServer) -> None:
    """The oldest is the earliest of head, due and expired; what is not due yet does not count."""
    now = int(time.time())
    head = json.dumps({"job": "x", "id": "1", "createdAt": now - 50, "delay": 10, "attempts": 0})
    redis_server.cli("RPUSH", "queues:default", head)
    ages = []
    async with reading_at(endpoint_of(redis_server)) as reader:
        for command in (
            ("PING",),
            ("ZADD", "queues:default:delayed", str(now - 100), "a", str(now + 100), "b"),
            ("ZADD", "queues:default:reserved", str(now - 200), "c"),
            ("ZADD", "queues:default:reserved", "-inf", "d"),
        ):
            redis_server.cli(*command)
            reading = await observe_one(reader, pool())
            assert isinstance(reading, Backlog)
            assert reading.oldest
            ages.append(now - int(reading.oldest.since.timestamp()))
    assert ages == [40, 100, 200, 100]


async def test_where_claims_never_end_no_job_in_hand_waits(redis_server: RedisServer) -> None:
    """With a `retry_after` of null a job is reserved with the time of its pop, and nobody takes it from its worker."""
    now = int(time.time())
    redis_server.cli("ZADD", "queues:default:reserved", str(now - 500), "a")
    async with reading_at(endpoint_of(redis_server)) as reader:
        readings = await reader.observe([pool("ends"), pool("lasts", claims_end=False)])
    ends, lasts = (readings[PoolKey("shop", name)] for name in ("ends", "lasts"))
    assert (counts(ends)["default"], counts(lasts)["default"]) == ((0, 0, 0, 1, 1), (0, 0, 0, 1, 0))
    assert isinstance(lasts, Backlog)
    assert (lasts.waiting, lasts.in_hand, lasts.oldest) == (0, 1, None)


@pytest.mark.parametrize("offset", [-1, 0, 1])
async def test_due_includes_now(redis_server: RedisServer, offset: int) -> None:
    """A score of exactly now is due, as it is for the frameworks; one second later is not."""
    # From the beginning of a second, so that the reading falls into the same one.
    await asyncio.sleep(1 - time.time() % 1)
    now = int(redis_server.cli("TIME").split()[0])
    redis_server.cli("ZADD", "queues:default:delayed", str(now + offset), "x")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, pool()))["default"][2] == int(offset <= 0)
