"""Delayed jobs that will fall due within two minutes are told with their times, and nothing changes by waiting."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from math import floor
from typing import TYPE_CHECKING

import pytest
import redis

from contract.asking import endpoint_of, observe_one, pool, reading_at
from queueworkers.domain.backlog import Backlog
from queueworkers.frameworks.base import JobState, QueueStore, Spelling, StoreKind
from queueworkers.frameworks.custom import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.topologies import Topology
    from harness.redis import RedisServer
    from queueworkers.backlog.endpoint import PoolRequest
    from queueworkers.backlog.redis import RedisReader

SLOT_SECONDS = 5
HORIZON_SECONDS = 120


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A connection for many jobs at once."""
    with redis.Redis(host=redis_server.address, port=redis_server.port) as connection:
        yield connection


def delayed(scores_per_second: int) -> PoolRequest:
    """A pool whose delayed jobs have scores of this unit."""
    store = QueueStore(
        key="later", kind=StoreKind.SORTED_SET, jobs=JobState.DELAYED, scores_per_second=scores_per_second
    )
    ready = QueueStore(key="jobs", kind=StoreKind.LIST, jobs=JobState.READY)
    return pool(framework=CUSTOM, spelling=Spelling(declared=(ready, store)), queues=("jobs",))


async def upcoming(reader: RedisReader, request: PoolRequest) -> tuple[float, list[tuple[float, int]]]:
    """When it was read, and what falls due when, in unix seconds."""
    reading = await observe_one(reader, request)
    assert isinstance(reading, Backlog), reading
    (queue,) = reading.queues
    return reading.read_at.timestamp(), [(each.at.timestamp(), each.jobs) for each in queue.upcoming]


@pytest.mark.parametrize("scores_per_second", [1, 1000, 1_000_000])
async def test_every_job_falls_due_in_its_slot_and_never_before_it_is_told(
    redis_server: RedisServer, client: redis.Redis, scores_per_second: int
) -> None:
    """A thousand jobs at random: those of each slot are told with a time at or before the first of them, by 5 s at most."""
    chosen = random.Random(7)
    now = time.time()
    times = [now + chosen.uniform(-30, 300) for _ in range(1000)]
    scores = {str(number): floor(at * scores_per_second) for number, at in enumerate(times)}
    client.zadd("later", scores)
    async with reading_at(endpoint_of(redis_server)) as reader:
        read_at, told = await upcoming(reader, delayed(scores_per_second))
    waiting = [
        score / scores_per_second for score in scores.values() if score > int(read_at) * scores_per_second
    ]
    ends = (read_at // SLOT_SECONDS) * SLOT_SECONDS + HORIZON_SECONDS
    expected: dict[int, list[float]] = {}
    for at in waiting:
        if at < ends:
            expected.setdefault(floor(at / SLOT_SECONDS), []).append(at)
    assert [jobs for _, jobs in told] == [len(expected[slot]) for slot in sorted(expected)]
    for (at, _), slot in zip(told, sorted(expected), strict=True):
        assert 0 <= min(expected[slot]) - at < SLOT_SECONDS + 1e-5
        assert at >= int(read_at)


async def test_at_rest_nothing_changes_until_jobs_fall_due(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    """Read again and again, the answer is the same until the moment that was told, and then those jobs are due."""
    await_slot = SLOT_SECONDS - time.time() % SLOT_SECONDS
    if await_slot < 4:  # not across the end of a slot, where another one comes into sight
        time.sleep(await_slot)  # noqa: ASYNC251 -- nothing else runs here
    base = int(time.time())
    client.zadd("later", {"a": base + 2, "b": base + 2, "c": base + 60, "d": base + 10_000})
    told, due = [], []
    async with reading_at(endpoint_of(redis_server)) as reader:
        while time.time() < base + 3.5:
            reading = await observe_one(reader, delayed(1))
            assert isinstance(reading, Backlog)
            (queue,) = reading.queues
            told.append(tuple((each.at.timestamp() - base, each.jobs) for each in queue.upcoming))
            due.append(queue.due)
    later = (60 - (base + 60) % SLOT_SECONDS, 1)
    first_of_its_slot = (60, 1)
    assert list(dict.fromkeys(zip(told, due, strict=True))) == [
        (((2, 2), later), 0),
        ((first_of_its_slot,), 2),
    ]


async def test_where_scripts_are_refused_nothing_is_told(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    """The counts stand; what falls due is seen when it is due."""
    client.zadd("later", {"a": time.time() + 60})
    client.acl_setuser(
        "reader", enabled=True, passwords=["+p"], keys=["*"], commands=["+@all", "-eval", "-evalsha"]
    )
    endpoint = replace(endpoint_of(redis_server), username="reader", password="p")
    async with reading_at(endpoint) as reader:
        reading = await observe_one(reader, delayed(1))
    assert isinstance(reading, Backlog)
    assert [(queue.delayed, queue.upcoming) for queue in reading.queues] == [(1, ())]


async def test_on_every_shape_of_redis(topology: Topology) -> None:
    """What an application delays is told wherever its queue is."""
    topology.flush()
    due = int(time.time()) + 60
    topology.client.zadd("queues:{default}:delayed", {"a": due, "b": due})
    async with reading_at(topology.endpoint) as reader:
        _, told = await upcoming(
            reader, pool(queues=("{default}",), version=(8,), clustered=topology.clustered)
        )
    topology.flush()
    assert told == [(due, 2)]
