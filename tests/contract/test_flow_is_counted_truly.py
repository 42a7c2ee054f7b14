"""
What came and what was taken, counted from outside, against the truth.

Jobs are pushed, delayed, taken, released and abandoned at random on a real
Redis, by the commands and scripts of the frameworks.  The truth is kept here,
job by job, without a look at how the operator counts.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import redis

from contract.asking import endpoint_of, observe_one, pool, push, reading_at
from harness.redis import RedisServer
from harness.redis_releases import INSTALLED, REDIS_6, REDIS_8, VALKEY
from harness.skipping import skipped_where_not_to_be_had
from queueworkers.domain.backlog import Backlog, Tally
from queueworkers.frameworks.base import JobState, ListEnd, QueueStore, Spelling, StoreKind
from queueworkers.frameworks.custom import CUSTOM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from contract.topologies import Topology
    from queueworkers.backlog.endpoint import PoolRequest
    from queueworkers.backlog.redis import RedisReader

KEY = "queues:default"
HUGE = 100_000_000

# As Laravel moves what is due, and pops: LuaScripts.php.
MOVE = """
local due = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1])
if next(due) ~= nil then
    redis.call('zremrangebyrank', KEYS[1], 0, #due - 1)
    for i = 1, #due, 100 do redis.call('rpush', KEYS[2], unpack(due, i, math.min(i + 99, #due))) end
end
return due
"""
POP = """
local job = redis.call('lpop', KEYS[1])
if job ~= false then redis.call('zadd', KEYS[2], ARGV[1], job) end
return job
"""


@pytest.fixture(
    params=[
        pytest.param(release, id=f"{release.package}-{release.suite or 'here'}")
        for release in (INSTALLED, REDIS_6, REDIS_8, VALKEY)
    ]
)
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server all of its own, of each release."""
    with skipped_where_not_to_be_had():
        request.param.command()
    with RedisServer(release=request.param) as server:
        yield server


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """An application's connection."""
    with redis.Redis(host=redis_server.address, port=redis_server.port) as connection:
        yield connection


def counting(**changed: Any) -> PoolRequest:
    """A pool that wants to know how fast jobs come and go."""
    return pool(**({"counts_flow": True} | changed))


def declared(*stores: QueueStore, **changed: Any) -> PoolRequest:
    """The same with these stores."""
    facts: dict[str, Any] = {"framework": CUSTOM, "spelling": Spelling(declared=stores), "queues": ("jobs",)}
    return counting(**(facts | changed))


async def tally(reader: RedisReader, request: PoolRequest) -> Tally:
    """What was counted of a pool's only queue."""
    reading = await observe_one(reader, request)
    assert isinstance(reading, Backlog), reading
    (queue,) = reading.queues
    assert queue.tally
    return queue.tally


def gained(before: Tally, now: Tally) -> tuple[int, int, int]:
    """What arrived and what was taken between two readings, and the gaps."""
    assert before.since == now.since
    return now.arrived - before.arrived, now.taken - before.taken, now.gaps - before.gaps


@dataclass
class Shop:
    """An application and its workers, which know what they did."""

    client: Any
    chosen: random.Random
    key: str = KEY
    retry_after: int = 2
    pushed: int = 0
    taken: int = 0
    arrived: int = 0
    waiting: set[bytes] = field(default_factory=set)
    """What a worker could take."""
    in_hand: list[bytes] = field(default_factory=list)

    def job(self) -> bytes:
        """One more job; no two are alike."""
        self.pushed += 1
        filler = "x" * self.chosen.randrange(50, 900)
        return json.dumps({"job": "x", "id": str(self.pushed), "attempts": 0, "data": filler}).encode()

    def push(self, count: int) -> None:
        """Push jobs."""
        jobs = [self.job() for _ in range(count)]
        if jobs:
            self.client.rpush(self.key, *jobs)
        self._arrive(jobs)

    def delay(self, count: int) -> None:
        """Delay jobs for up to two seconds."""
        for _ in range(count):
            due = int(time.time()) + self.chosen.randrange(3)
            self.client.zadd(f"{self.key}:delayed", {self.job(): due})

    def pop(self, count: int) -> None:
        """Have workers ask for so many jobs, each of which moves first what is due and what is abandoned."""
        for _ in range(count):
            now = int(time.time())
            for name in ("delayed", "reserved"):
                moved = self.client.eval(MOVE, 2, f"{self.key}:{name}", self.key, now)
                self._arrive(moved)
            job = self.client.eval(POP, 2, self.key, f"{self.key}:reserved", now + self.retry_after)
            if job is None:
                return
            self.taken += 1
            self.waiting.remove(job)
            self.in_hand.append(job)

    def finish(self) -> None:
        """End what is in hand: most are done, some are tried again later, some abandoned by a worker that dies."""
        for job in self.in_hand:
            match self.chosen.randrange(20):
                case 0:
                    continue
                case 1 | 2:
                    told = json.loads(job)
                    again = json.dumps(told | {"attempts": told["attempts"] + 1}).encode()
                    if self._release(job):
                        due = int(time.time()) + self.chosen.randrange(2)
                        self.client.zadd(f"{self.key}:delayed", {again: due})
                case _:
                    self._release(job)
        self.in_hand = []

    def note_due(self, at: float) -> None:
        """Note what is due or abandoned by then, although nobody has moved it yet."""
        for name in ("delayed", "reserved"):
            due = self.client.zrangebyscore(f"{self.key}:{name}", "-inf", int(at))
            self._arrive(due)

    def _release(self, job: bytes) -> bool:
        """Give up a claim; where it had expired, and nobody had moved the job yet, it waits no longer."""
        held = bool(self.client.zrem(f"{self.key}:reserved", job))
        if held:
            self.waiting.discard(job)
        return held

    def _arrive(self, jobs: Sequence[bytes]) -> None:
        new = {*jobs} - self.waiting
        self.arrived += len(new)
        self.waiting |= new


async def follow(
    reader: RedisReader, request: PoolRequest, shop: Shop, steps: int, step: Callable[[int], None]
) -> tuple[int, int]:
    """Let *step* happen between readings and hold each against the truth; how many were exact, and how many not."""
    exact = doubtful = unseen = 0
    empty = False
    before, truth = await tally(reader, request), (shop.arrived, shop.taken)
    for number in range(steps):
        step(number)
        reading = await observe_one(reader, request)
        assert isinstance(reading, Backlog)
        now = reading.queues[0].tally
        assert now
        shop.note_due(reading.read_at.timestamp())
        happened = (shop.arrived - truth[0], shop.taken - truth[1])
        arrived, taken, gaps = gained(before, now)
        assert 0 <= arrived <= happened[0], (number, arrived, taken, gaps, happened)
        assert 0 <= taken <= happened[1], (number, arrived, taken, gaps, happened)
        quiet = empty and not reading.queues[0].ready
        empty = not reading.queues[0].ready
        if quiet and happened != (0, 0) and (arrived, taken, gaps) == (0, 0, 0):
            # What came and went unseen: an empty list is not called doubtful where nothing else has changed, not even
            # when one claim has expired in the place of another that was taken again.
            unseen += 1
        elif gaps == 0:
            assert (arrived, taken) == happened, number
            exact += 1
        else:
            doubtful += 1
        before, truth = now, (shop.arrived, shop.taken)
    assert unseen < steps / 10
    return exact, doubtful


@pytest.mark.parametrize(
    ("at_once", "least_exact", "least_doubtful"),
    [pytest.param(200, 100, 0, id="a-backlog"), pytest.param(6, 10, 40, id="hardly-a-backlog")],
)
async def test_thousands_of_jobs_are_counted_exactly_or_too_low(
    redis_server: RedisServer, client: redis.Redis, *, at_once: int, least_exact: int, least_doubtful: int
) -> None:
    """Where no gap is told both counts are the truth, with retries, delays and abandoned jobs; else they are below it."""
    shop = Shop(client, random.Random(at_once))

    def step(number: int) -> None:
        # By turns the backlog grows and is worked off, or there is hardly ever one.
        usual = shop.pop if number // 25 % 2 or at_once < 100 else shop.push
        for _ in range(shop.chosen.randrange(1, 6)):
            act = shop.chosen.choice([usual, usual, shop.push, shop.pop, shop.delay])
            act(shop.chosen.choice([0, 1, 2, at_once // 10, at_once // 3, at_once]))
            if shop.chosen.random() < 0.6:
                shop.finish()

    async with reading_at(endpoint_of(redis_server)) as reader:
        # On a quick machine so many, as what was delayed has not fallen due before half of them are over.
        exact, doubtful = await follow(reader, counting(), shop, 400, step)
    print(
        f"{shop.pushed} jobs pushed, {shop.taken} times taken: {exact} readings exact, {doubtful} with a gap"
    )
    assert shop.taken > 300
    assert exact >= least_exact
    assert doubtful >= least_doubtful


async def test_a_heavy_backlog_is_counted_exactly(redis_server: RedisServer, client: redis.Redis) -> None:
    """60,000 jobs, 30 MB, are too heavy for a look at the end; what is taken from them and comes behind them is known."""
    shop = Shop(client, random.Random(1))
    for _ in range(60):
        shop.push(1000)

    def step(_number: int) -> None:
        shop.push(shop.chosen.choice([0, 7, 700]))
        shop.pop(shop.chosen.choice([0, 3, 150]))
        shop.finish()

    async with reading_at(endpoint_of(redis_server)) as reader:
        exact, doubtful = await follow(reader, counting(), shop, 40, step)
    lpos = client.info("commandstats").get("cmdstat_lpos", {})
    print(f"{exact} readings exact, {doubtful} with a gap; LPOS {lpos.get('usec_per_call')} us")
    # An abandoned job makes a reading doubtful.
    assert exact > 20


async def test_an_emptied_queue_is_a_gap_and_claims_what_it_can(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    """Whatever waited has gone, and what is there now has come; how much came and went between nobody knows."""
    async with reading_at(endpoint_of(redis_server)) as reader:
        push(redis_server, count=10)
        before = await tally(reader, counting())
        for _ in range(10):
            client.lpop(KEY)
        for number in range(50):
            client.rpush(KEY, f"more-{number}")
        for _ in range(47):
            client.lpop(KEY)
        now = await tally(reader, counting())
    assert gained(before, now) == (3, 10, 1)


@pytest.mark.parametrize(
    "wipe",
    [
        pytest.param(("FLUSHDB",), id="flushdb"),
        pytest.param(("DEL", KEY, f"{KEY}:delayed", f"{KEY}:reserved"), id="queue-clear"),
    ],
)
async def test_what_is_deleted_was_not_taken(redis_server: RedisServer, wipe: tuple[str, ...]) -> None:
    """A queue that is gone as a whole is a gap, and nothing is claimed."""
    push(redis_server, count=100)
    redis_server.cli("ZADD", f"{KEY}:delayed", "1", "a")
    async with reading_at(endpoint_of(redis_server)) as reader:
        before = await tally(reader, counting())
        redis_server.cli(*wipe)
        now = await tally(reader, counting())
    assert gained(before, now) == (0, 0, 1)


async def test_at_rest_nothing_changes(redis_server: RedisServer, client: redis.Redis) -> None:
    """A hundred readings of queues in every state that lasts, and each is the one before."""
    push(redis_server, count=5)
    client.zadd("queues:orphaned:reserved", {"x": 1})
    client.zadd("queues:later:delayed", {"x": time.time() + 10_000})
    client.rpush("queues:twins", "x", "x", "x")
    client.rpush("queues:huge", "x" * 9_000)
    queues = ("default", "orphaned", "later", "twins", "huge", "never")
    told = set()
    async with reading_at(endpoint_of(redis_server)) as reader:
        for _ in range(100):
            reading = await observe_one(reader, counting(queues=queues))
            assert isinstance(reading, Backlog)
            told.add(reading.queues)
    assert len(told) == 1


async def test_entries_that_prove_nothing_are_a_gap(redis_server: RedisServer, client: redis.Redis) -> None:
    """Of equal entries, and of one too large to be sent, only the change in number is claimed."""
    for entry in ("1", "x" * 9_000):
        client.delete(KEY)
        client.rpush(KEY, *[entry] * 8)
        async with reading_at(endpoint_of(redis_server)) as reader:
            before = await tally(reader, counting())
            for _ in range(5):
                client.lpop(KEY)
            client.rpush(KEY, entry, entry)
            now = await tally(reader, counting())
        assert gained(before, now) == (0, 3, 1)


@pytest.mark.parametrize("redis_server", [pytest.param(INSTALLED, id="here")], indirect=True)
@pytest.mark.parametrize("end", list(ListEnd))
@pytest.mark.parametrize(
    ("count", "width"), [pytest.param(50, 5, id="light"), pytest.param(3000, 4_000, id="heavy")]
)
@pytest.mark.parametrize("place", ["first", "within", "last"])
async def test_a_huge_entry_is_never_copied(
    redis_server: RedisServer, client: redis.Redis, end: ListEnd, count: int, width: int, place: str
) -> None:
    """100 MB anywhere: not sent, and not copied by the server to learn its size."""
    store = QueueStore(key="$(queue)", kind=StoreKind.LIST, jobs=JobState.READY, taken_from=end)
    entries = [f"{number:0{width}}".encode() for number in range(count)]
    entries.insert({"first": 0, "within": min(count, 999), "last": count}[place], b"x" * HUGE)
    for entry in entries:
        client.rpush("jobs", entry)
    async with reading_at(endpoint_of(redis_server)) as reader:
        for _ in range(2):
            await observe_one(reader, declared(store))
            sent_before = client.info("stats")["total_net_output_bytes"]
            spent_before = redis_server.processor_seconds
            await observe_one(reader, declared(store))
            spent = (redis_server.processor_seconds - spent_before) * 1000
            sent = client.info("stats")["total_net_output_bytes"] - sent_before
    print(f"{store.taken_from}, {place} of {count}: {spent:.1f} ms of the server, {sent} bytes sent")
    assert sent < 30_000
    # Copying 100 MB takes 300 ms and more.
    assert spent < 100


@pytest.mark.parametrize("end", list(ListEnd))
async def test_either_end_of_a_list(redis_server: RedisServer, client: redis.Redis, end: ListEnd) -> None:
    """Whichever workers take from; short and long, light and heavy."""
    store = QueueStore(key="$(queue)", kind=StoreKind.LIST, jobs=JobState.READY, taken_from=end)
    put, take = (client.rpush, client.lpop) if end is ListEnd.HEAD else (client.lpush, client.rpop)
    number = 0
    async with reading_at(endpoint_of(redis_server)) as reader:
        for size, width in ((10, 20), (5_000, 20), (40_000, 20), (12_000, 1_000)):
            client.delete("jobs")
            for start in range(0, size, 1000):
                put("jobs", *[f"{size}-{each:0{width}}" for each in range(start, min(start + 1000, size))])
            before = await tally(reader, declared(store))
            for taken, came in ((3, 0), (0, 4), (5, 300), (1, 1)):
                for _ in range(taken):
                    take("jobs")
                for _ in range(came):
                    number += 1
                    put("jobs", f"new-{number}")
                now = await tally(reader, declared(store))
                assert gained(before, now) == (came, taken, 0), (size, width, taken, came)
                before = now


async def test_jobs_in_front_of_others_are_a_gap(redis_server: RedisServer) -> None:
    """Who pushes to the end that workers take from breaks the order by which the rest is counted."""
    push(redis_server, count=5)
    async with reading_at(endpoint_of(redis_server)) as reader:
        before = await tally(reader, counting())
        redis_server.cli("LPUSH", KEY, "a", "b")
        now = await tally(reader, counting())
    assert gained(before, now) == (2, 0, 1)


async def test_another_connection_is_a_gap(redis_server: RedisServer) -> None:
    """The server may have been another one meanwhile, and have lost what was written last; at rest it does not matter."""
    push(redis_server, count=5)
    async with reading_at(endpoint_of(redis_server)) as reader:
        before = await tally(reader, counting())
        redis_server.cli("CLIENT", "KILL", "TYPE", "normal")
        assert gained(before, await tally(reader, counting())) == (0, 0, 0)
        redis_server.cli("CLIENT", "KILL", "TYPE", "normal")
        push(redis_server, count=2)
        now = await tally(reader, counting())
        assert gained(before, now) == (0, 0, 1)
        push(redis_server, count=1)
        assert gained(now, await tally(reader, counting())) == (1, 0, 0)


async def test_a_missed_reading_loses_nothing(redis_server: RedisServer) -> None:
    """What is counted at the next one includes it, exactly, as does another pool of the same queue."""
    push(redis_server, count=100)
    first, second = counting(name="first"), counting(name="second")
    async with reading_at(endpoint_of(redis_server)) as reader:
        before = await tally(reader, first)
        for number in range(30):
            redis_server.cli("LPOP", KEY)
            redis_server.cli("RPUSH", KEY, f"n{number}")
            if number % 10 == 0:
                assert await tally(reader, second)
        assert gained(before, await tally(reader, first)) == (30, 30, 0)


async def test_a_stream_tells_its_flow_itself(redis_server: RedisServer, client: redis.Redis) -> None:
    """Since Redis 7, whatever came and went between two readings; before, nothing is claimed at all."""
    store = QueueStore(key="$(queue)", kind=StoreKind.STREAM, jobs=JobState.READY, group="workers")
    request = declared(store, replace(store, jobs=JobState.RESERVED))
    client.xgroup_create("jobs", "workers", "0", mkstream=True)
    client.xadd("jobs", {"a": "0"})
    client.xreadgroup("workers", "one", {"jobs": ">"})
    async with reading_at(endpoint_of(redis_server)) as reader:
        if int(client.info("server")["redis_version"].partition(".")[0]) < 7:
            reading = await observe_one(reader, request)
            assert isinstance(reading, Backlog)
            assert reading.queues[0].tally is None
            return
        before = await tally(reader, request)
        for number in range(40):
            client.xadd("jobs", {"a": number})
            if number < 30:
                for _, entries in client.xreadgroup("workers", "one", {"jobs": ">"}, count=1):
                    client.xack("jobs", "workers", entries[0][0])
        assert gained(before, await tally(reader, request)) == (40, 30, 0)


async def test_a_sorted_set_of_ready_jobs_tells_the_change(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    """It has no order that could be followed."""
    store = QueueStore(key="$(queue)", kind=StoreKind.SORTED_SET, jobs=JobState.READY)
    client.zadd("jobs", {str(each): each for each in range(10)})
    async with reading_at(endpoint_of(redis_server)) as reader:
        before = await tally(reader, declared(store))
        client.zpopmin("jobs", 6)
        client.zadd("jobs", {"a": 1, "b": 1})
        now = await tally(reader, declared(store))
    assert gained(before, now) == (0, 4, 1)


async def test_a_shared_key_is_nobodys_arrival(redis_server: RedisServer) -> None:
    """What falls due in a key for all queues has come when it is in a queue's own list."""
    redis_server.cli("ZADD", "later", "1", "x")
    own = QueueStore(key="$(queue)", kind=StoreKind.LIST, jobs=JobState.READY)
    later = QueueStore(key="later", kind=StoreKind.SORTED_SET, jobs=JobState.DELAYED, scores_per_second=1)
    request = declared(own, later, queues=("a", "b"))
    push(redis_server, "b", count=2)
    async with reading_at(endpoint_of(redis_server)) as reader:
        readings = []
        for command in (("ZADD", "later", "1", "y"), ("ZREM", "later", "x"), ("RPUSH", "b", "x")):
            redis_server.cli(*command)
            reading = await observe_one(reader, request)
            assert isinstance(reading, Backlog)
            readings.append([queue.tally for queue in reading.queues])
    first, last = readings[0], readings[-1]
    assert [gained(*pair) for pair in zip(first, last, strict=True)] == [(0, 0, 0), (1, 0, 0)]


@asynccontextmanager
async def read_as(server: RedisServer, *rights: str) -> AsyncIterator[RedisReader]:
    """A reader whose user may do everything but what is taken from it."""
    server.cli("ACL", "SETUSER", "reader", "on", ">p", "~*", "+@all", *rights)
    async with reading_at(endpoint_of(server, username="reader", password="p")) as reader:
        yield reader


async def test_what_is_refused_costs_the_count_and_nothing_else(redis_server: RedisServer) -> None:
    """Without LPOS only the change in number is claimed; without scripts nothing is."""
    push(redis_server, count=5)
    async with read_as(redis_server, "-lpos") as reader:
        before = await tally(reader, counting())
        for _ in range(2):
            redis_server.cli("LPOP", KEY)
        assert gained(before, await tally(reader, counting())) == (0, 2, 1)
    async with read_as(redis_server, "-eval", "-evalsha") as reader:
        reading = await observe_one(reader, counting())
        assert isinstance(reading, Backlog)
        assert [(queue.ready, queue.tally) for queue in reading.queues] == [(3, None)]


async def test_who_does_not_ask_is_told_nothing(redis_server: RedisServer, client: redis.Redis) -> None:
    """And no server is asked for it."""
    push(redis_server, count=5)
    async with reading_at(endpoint_of(redis_server)) as reader:
        reading = await observe_one(reader, pool())
    assert isinstance(reading, Backlog)
    assert [queue.tally for queue in reading.queues] == [None]
    assert "cmdstat_lpos" not in client.info("commandstats")


async def test_on_every_shape_of_redis(topology: Topology) -> None:
    """Standalone, behind Sentinels and on a cluster, random pushes and pops are counted truly."""
    topology.flush()
    shop = Shop(topology.client, random.Random(5), key="queues:{default}")
    request = counting(queues=("{default}",), version=(8,), clustered=topology.clustered)

    def step(number: int) -> None:
        shop.push(shop.chosen.randrange(30))
        shop.pop(shop.chosen.randrange(25 if number else 1))
        shop.finish()

    async with reading_at(topology.endpoint) as reader:
        exact, _ = await follow(reader, request, shop, 30, step)
    topology.flush()
    assert exact >= 10
