"""Redis tells of changes, in every shape and release; and what is lost on the way is noticed and healed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import cluster_endpoint, counts, endpoint_of, observe_one, pool, push, reading_at
from contract.following import Followed, following
from contract.topologies import started, topologies
from harness.redis import RedisServer
from harness.redis_topologies import MASTER_NAME, RedisCluster, RedisSentinels
from queueworkers.api.conditions import FollowedBy
from queueworkers.domain.backlog import Backlog
from queueworkers.engine import sweep
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator

    from contract.topologies import Topology
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.identity import PoolKey

SOON_SECONDS = 5.0
"""Nobody sweeps so soon, and it is enough on a machine with other things to do."""

READY, RESERVED = "queues:default", "queues:default:reserved"


class Ear:
    """Hears what a reader tells."""

    def __init__(self) -> None:
        self.told: list[frozenset[PoolKey] | None] = []
        self._something = asyncio.Event()

    def __call__(self, pools: Collection[PoolKey] | None) -> None:
        """Note it."""
        self.told.append(None if pools is None else frozenset(pools))
        self._something.set()

    async def hears(self) -> frozenset[PoolKey] | None:
        """Wait for the next word."""
        async with asyncio.timeout(SOON_SECONDS):
            await self._something.wait()
        return self.told[-1]

    def forget(self) -> None:
        """Wait for another one."""
        self.told.clear()
        self._something.clear()


@pytest.fixture(params=topologies())
def shape(request: pytest.FixtureRequest) -> Iterator[Topology]:
    """Every shape with every release."""
    release, kind = request.param
    with started(release, kind) as one:
        yield one


async def test_each_change_of_a_queue_is_told_once(shape: Topology) -> None:
    """A push, a take, a delay and a claim, of this pool's queue and of nobody else's; again after the next reading."""
    ear = Ear()
    key = "{default}" if shape.clustered else "default"
    name = f"queues:{key}"
    one, other = (pool(each, queues=(queue,)) for each, queue in (("one", key), ("other", "{other}")))
    async with reading_at(shape.endpoint, changed=ear) as reader:
        first = await reader.observe([one, other])
        for reading in first.values():
            assert isinstance(reading, Backlog)
            assert reading.followed_by is FollowedBy.PUSH
        for change in (
            ("RPUSH", name, "a", "b"),
            ("LPOP", name),
            ("ZADD", f"{name}:delayed", "1", "c"),
            ("ZADD", f"{name}:reserved", "2", "d"),
            ("DEL", name),
        ):
            ear.forget()
            shape.client.execute_command(*change)
            assert await ear.hears() == {one.key}
            shape.client.execute_command("ZADD", f"{name}:delayed", "1", f"{change}")
            await asyncio.sleep(0.05)
            assert len(ear.told) <= 2  # once for each key, however often it changes
            await observe_one(reader, one)
        assert counts(await observe_one(reader, one))[key][0] == 0


async def test_a_bulk_of_jobs_is_told_by_a_word(redis_server: RedisServer) -> None:
    """A key is named once until it is read again, so a busy queue sends no more than a quiet one."""
    ear = Ear()
    async with reading_at(endpoint_of(redis_server), changed=ear) as reader:
        await observe_one(reader, pool())
        for _ in range(20):
            push(redis_server, count=100)
        await ear.hears()
        await asyncio.sleep(0.1)
        assert len(ear.told) == 1


async def test_everything_may_have_changed(redis_server: RedisServer) -> None:
    """FLUSHALL names no key; and 5,000 words that come at once are not too many."""
    ear = Ear()
    many = pool(queues=tuple(f"q{number}" for number in range(5_000)))
    async with reading_at(endpoint_of(redis_server), changed=ear) as reader:
        await observe_one(reader, many)
        redis_server.cli(
            "EVAL", "for i = 0, 4999 do redis.call('RPUSH', 'queues:q' .. i, 'x') end return 1", "0"
        )
        for _ in range(500):
            await asyncio.sleep(0.01)
            if len(ear.told) == 5_000:
                break
        assert len(ear.told) == 5_000
        found = counts(await observe_one(reader, many))
        assert {each[0] for each in found.values()} == {1}
        ear.forget()
        redis_server.cli("FLUSHALL")
        assert await ear.hears() is None


async def test_a_pool_that_is_forgotten_is_named_no_more(redis_server: RedisServer) -> None:
    """Another one on the same queue still is."""
    ear = Ear()
    one, other = pool("one"), pool("other")
    async with reading_at(endpoint_of(redis_server), changed=ear) as reader:
        await reader.observe([one, other])
        reader.forget(one)
        push(redis_server)
        assert await ear.hears() == {other.key}


@pytest.mark.parametrize("refused", ["-client|tracking", "-client|caching", "-exists"])
async def test_without_the_right_to_listen_a_pool_is_polled(refused: str) -> None:
    """The counts are the same, and the reading says that nothing will be told."""
    with RedisServer(directives=[f"user default on nopass ~* &* +@all {refused}"]) as server:
        push(server)
        async with reading_at(endpoint_of(server)) as reader:
            for _ in range(2):
                found = await observe_one(reader, pool())
                assert counts(found)["default"][0] == 3
                assert isinstance(found, Backlog)
                assert found.followed_by is FollowedBy.POLL


async def test_a_pool_whose_keys_are_refused_costs_no_other_its_word(redis_server: RedisServer) -> None:
    """Each queue is named for itself."""
    redis_server.cli("ACL", "SETUSER", "reader", "on", ">x", "~queues:*", "&*", "+@all")
    ear = Ear()
    mine, foreign = pool("mine"), pool("foreign", framework=THINKPHP)
    async with reading_at(endpoint_of(redis_server, username="reader", password="x"), changed=ear) as reader:
        readings = await reader.observe([mine, foreign])
        assert not isinstance(readings[foreign.key], Backlog)
        push(redis_server)
        assert await ear.hears() == {mine.key}


async def test_what_hangs_up_over_the_question_is_asked_without(redis_server: RedisServer) -> None:
    """A proxy that knows no `HELLO` and ends the connection is read all the same, from the second attempt on."""
    greeted = 0
    passing: set[asyncio.Task[None] | None] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal greeted
        passing.add(asyncio.current_task())
        from_server, to_server = await asyncio.open_connection(redis_server.address, redis_server.port)

        async def back() -> None:
            while chunk := await from_server.read(65536):
                writer.write(chunk)

        returning = asyncio.create_task(back())
        while chunk := await reader.read(65536):
            if b"HELLO" in chunk:
                greeted += 1
                break
            to_server.write(chunk)
        returning.cancel()
        for each in (writer, to_server):
            each.close()
            await each.wait_closed()

    push(redis_server)
    async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as proxy:
        endpoint = replace(endpoint_of(redis_server), port=proxy.sockets[0].getsockname()[1])
        async with reading_at(endpoint) as reader:
            await observe_one(reader, pool())
            for _ in range(3):
                assert counts(await observe_one(reader, pool()))["default"][0] == 3
        await asyncio.gather(*filter(None, passing), return_exceptions=True)
    assert greeted == 1


@contextlib.asynccontextmanager
async def at_rest(redis: dict[str, Any]) -> AsyncIterator[Followed]:
    """Follow a pool that is told of changes, and wait until nobody looks of their own accord."""
    async with following(redis) as followed:
        found = await followed.known()
        assert found.followed_by is FollowedBy.PUSH
        yield followed


def source(server: RedisServer) -> dict[str, Any]:
    """Name one server as a pool does."""
    return {"host": server.address, "port": server.port}


def _is_told(reading: Reading) -> bool:
    return isinstance(reading, Backlog) and reading.followed_by is FollowedBy.PUSH


async def seen_within(followed: Followed, count: int) -> float:
    """Tell how long it takes until so many jobs are seen."""
    began = time.monotonic()
    await followed.waiting(count)
    return time.monotonic() - began


async def test_a_job_is_seen_at_once(redis_server: RedisServer) -> None:
    """Long before the sweep."""
    async with at_rest(source(redis_server)) as followed:
        await asyncio.sleep(2)
        push(redis_server)
        assert await seen_within(followed, 3) < SOON_SECONDS


async def test_a_claim_that_ends_is_seen_when_it_ends(redis_server: RedisServer) -> None:
    """Nobody writes anything then: time alone changes what is there."""
    async with at_rest(source(redis_server)) as followed:
        ends = int(redis_server.cli("TIME").split()[0]) + 3
        redis_server.cli("ZADD", RESERVED, str(ends), "x")
        await followed.waiting(1)
        assert ends <= int(redis_server.cli("TIME").split()[0]) <= ends + 1


@pytest.mark.parametrize("how", ["killed", "restarted", "paused"])
async def test_a_connection_that_is_lost_is_noticed_and_made_again(
    redis_server: RedisServer, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says so, or is gone, or is silent; what was pushed meanwhile is seen."""
    monkeypatch.setattr(sweep, "PROBE_SECONDS", 0.5)
    async with at_rest(source(redis_server)) as followed:
        match how:
            case "killed":
                redis_server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            case "restarted":
                redis_server.restart()
            case _:
                redis_server.pause()
                await followed.unknown()
                redis_server.resume()
                await followed.known()
                # It may have been about the question whether it would tell.
                await followed.reading(_is_told, "it is asked again", seconds=15)
        push(redis_server)
        await followed.waiting(3)
        redis_server.cli("DEL", READY)
        found = await followed.waiting(0)
        assert found.followed_by is FollowedBy.PUSH
        await asyncio.sleep(1.5)
        push(redis_server)
        assert await seen_within(followed, 3) < SOON_SECONDS


async def test_after_a_fail_over_the_new_master_tells() -> None:
    """And a former master's silence is not taken for rest."""
    with RedisSentinels() as servers:
        nodes = [{"host": each.address, "port": each.port} for each in servers.sentinels]
        async with at_rest({"sentinel": {"masterName": MASTER_NAME, "nodes": nodes}}) as followed:
            servers.fail_over()
            push(servers.master)
            await followed.waiting(3)
            await asyncio.sleep(2)
            servers.master.cli("DEL", READY)
            found = await followed.waiting(0)
            assert found.followed_by is FollowedBy.PUSH
            await asyncio.sleep(1.5)
            push(servers.master, count=5)
            assert await seen_within(followed, 5) < SOON_SECONDS


async def test_a_queue_that_moves_to_another_node_is_followed_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With jobs it is told, and without it is found out with the next map of slots."""
    monkeypatch.setattr("queueworkers.backlog.cluster.SLOTS_SECONDS", 0.5)
    monkeypatch.setattr(sweep, "PROBE_SECONDS", 0.5)
    key = "queues:{default}"
    with RedisCluster() as nodes:
        ear = Ear()
        request = pool(queues=("{default}",), clustered=True)
        async with reading_at(cluster_endpoint(nodes), changed=ear) as reader:
            await observe_one(reader, request)
            owner = nodes.owner(key)
            target = next(each for each in nodes.masters if each is not owner)
            nodes.begin_to_move(key, target)
            nodes.end_move(key, target)
            await asyncio.sleep(0.6)
            await reader.probe()
            assert await ear.hears() is None
            found = await observe_one(reader, request)
            assert isinstance(found, Backlog)
            assert found.followed_by is FollowedBy.PUSH
            ear.forget()
            nodes.cli("RPUSH", key, "x")
            assert await ear.hears() == {request.key}


async def test_while_a_slot_moves_nothing_is_promised() -> None:
    """What is already at the new node was asked for there, and nobody there was told to tell."""
    key = "queues:{default}"
    with RedisCluster() as nodes:
        request = pool(queues=("{default}",), clustered=True)
        nodes.cli("RPUSH", key, "x")
        async with reading_at(cluster_endpoint(nodes)) as reader:
            await observe_one(reader, request)
            owner = nodes.owner(key)
            target = next(each for each in nodes.masters if each is not owner)
            nodes.begin_to_move(key, target)
            nodes.move_key(key, target)
            found = await observe_one(reader, request)
            assert counts(found)["{default}"][0] == 1
            assert isinstance(found, Backlog)
            assert found.followed_by is FollowedBy.POLL
            nodes.end_move(key, target)
            await observe_one(reader, request)
            settled = await observe_one(reader, request)
            assert isinstance(settled, Backlog)
            assert settled.followed_by is FollowedBy.PUSH
