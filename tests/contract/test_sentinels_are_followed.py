"""Whoever the Sentinels call the master is read, and nobody else is believed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contract.asking import (
    counts,
    observe_one,
    pool,
    push,
    reading_at,
    sentinel_endpoint,
    trouble,
)
from harness.progress import wait_until
from harness.redis import RedisServer
from harness.redis_topologies import MASTER_NAME, RedisSentinels, SentinelServer, wait_for_replicas
from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog import sentinel
from queueworkers.domain.backlog import Backlog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.backlog.redis import RedisReader
    from queueworkers.domain.backlog import Reading

CANARY = "canary-91d0-password"
SENTINEL_CANARY = "canary-55e2-sentinel"


@pytest.fixture
def sentinels() -> Iterator[RedisSentinels]:
    """A master, two replicas and three Sentinels, for a test after which they are not what they were."""
    with RedisSentinels() as servers:
        yield servers


@pytest.fixture(scope="module")
def steady() -> Iterator[RedisSentinels]:
    """The same, for tests that leave them as they found them: with three jobs."""
    with RedisSentinels() as servers:
        push(servers.master, count=3)
        yield servers


async def read_until(reader: RedisReader, *, ready: int, seconds: float) -> list[Reading]:
    """Every reading until one counts *ready* jobs; fails when none does in time."""
    readings: list[Reading] = []
    async with asyncio.timeout(seconds):
        while True:
            readings.append(await observe_one(reader, pool()))
            if isinstance(readings[-1], Backlog) and counts(readings[-1])["default"][0] == ready:
                return readings
            await asyncio.sleep(0.05)


async def test_a_fail_over_is_followed(sentinels: RedisSentinels) -> None:
    """From the old count to the new one there are readings that are not known, and none of 0."""
    push(sentinels.master, count=3)
    wait_for_replicas(sentinels.master)
    async with reading_at(sentinel_endpoint(sentinels), timeout_seconds=0.5) as reader:
        await read_until(reader, ready=3, seconds=5)
        reading = asyncio.create_task(read_until(reader, ready=4, seconds=30))
        await asyncio.to_thread(sentinels.fail_over)
        push(sentinels.master, count=1)
        chosen_at = time.monotonic()
        readings = await reading
        took = time.monotonic() - chosen_at
    unknown = [each for each in readings if not isinstance(each, Backlog)]
    print(f"{len(unknown)} of {len(readings)} readings unknown; known {took:.1f} s after the choice")
    assert {counts(each)["default"][0] for each in readings if isinstance(each, Backlog)} <= {3, 4}
    assert any("calls the master mymaster" in each.message for each in unknown)
    assert took < 3


async def test_a_master_that_became_a_replica_is_not_believed(
    sentinels: RedisSentinels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers as before, with old counts; its role, which is asked in the same breath, gives it away."""
    monkeypatch.setattr(sentinel, "CONFIRM_SECONDS", 1e9)
    former = sentinels.master
    push(former, count=3)
    async with reading_at(sentinel_endpoint(sentinels)) as reader:
        assert counts(await observe_one(reader, pool()))["default"][0] == 3
        hand_over(sentinels)
        push(sentinels.master, count=2)
        # No copy reaches the replica any more: whoever reads it counts 3 or 0.
        former.cli("REPLICAOF", "127.0.0.1", "1")
        assert counts(await observe_one(reader, pool()))["default"][0] == 5


async def test_a_master_that_does_not_know_yet_is_not_believed(
    sentinels: RedisSentinels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was cut off calls itself a master still; so the Sentinels are asked again every few seconds."""
    monkeypatch.setattr(sentinel, "CONFIRM_SECONDS", 0.2)
    former = sentinels.master
    push(former, count=3)
    async with reading_at(sentinel_endpoint(sentinels)) as reader:
        await observe_one(reader, pool())
        hand_over(sentinels)
        push(sentinels.master, count=2)
        former.cli("REPLICAOF", "NO", "ONE")
        await asyncio.sleep(0.2)
        assert counts(await observe_one(reader, pool()))["default"][0] == 5


def hand_over(sentinels: RedisSentinels) -> None:
    """Let the Sentinels make another server the master, while the former one lives on; it is told seconds later."""
    former = sentinels.master
    sentinels.sentinels[0].cli("SENTINEL", "failover", MASTER_NAME)
    wait_until(
        lambda: (
            sentinels.master is not former and "role:master" in sentinels.master.cli("INFO", "replication")
        ),
        what="the master is another one",
        timeout_seconds=20,
    )


async def test_without_the_role_the_sentinels_word_has_to_do(
    sentinels: RedisSentinels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who may not ask for the role still reads, and follows within a few seconds."""
    monkeypatch.setattr(sentinel, "CONFIRM_SECONDS", 0.2)
    for server in sentinels.servers:
        server.cli("ACL", "SETUSER", "plain", "on", f">{CANARY}", "~*", "+@all", "-role")
    push(sentinels.master, count=3)
    endpoint = sentinel_endpoint(sentinels, username="plain", password=CANARY)
    async with reading_at(endpoint) as reader:
        assert counts(await observe_one(reader, pool()))["default"][0] == 3
        hand_over(sentinels)
        push(sentinels.master, count=1)
        await read_until(reader, ready=4, seconds=3)


async def test_sentinels_may_be_away(steady: RedisSentinels) -> None:
    """The first that answers is enough; when none does, a master that is known is read on, and a new reader says why not."""
    steady.sentinels[0].kill()
    async with reading_at(sentinel_endpoint(steady)) as reader:
        assert counts(await observe_one(reader, pool()))["default"][0] == 3
        for each in steady.sentinels[1:]:
            each.kill()
        async with reading_at(sentinel_endpoint(steady), monotonic=lambda: time.monotonic() + 60) as late:
            refused = trouble(await observe_one(late, pool()))
        assert counts(await observe_one(reader, pool()))["default"][0] == 3
    for each in steady.sentinels:
        each.start()
    first = steady.sentinels[0].port
    assert refused.reason is UnknownReason.CONNECTION_FAILED
    assert f"Sentinel at 127.0.0.1:{first} refuses the connection" in refused.message
    assert "its port in spec.redis.sentinel.nodes" in refused.message


async def test_a_sentinel_that_hangs_costs_half_the_time(
    steady: RedisSentinels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are asked in the other half, and first the next time."""
    monkeypatch.setattr(sentinel, "CONFIRM_SECONDS", 0.0)
    steady.sentinels[0].pause()
    took = []
    async with reading_at(sentinel_endpoint(steady), timeout_seconds=0.6) as reader:
        for _ in range(2):
            started = time.monotonic()
            assert counts(await observe_one(reader, pool()))["default"][0] == 3
            took.append(time.monotonic() - started)
    steady.sentinels[0].resume()
    assert 0.3 <= took[0] < 0.6
    assert took[1] < 0.2


async def test_another_masters_name_is_told(steady: RedisSentinels) -> None:
    """The Sentinels are asked which names they do know."""
    async with reading_at(sentinel_endpoint(steady, master_name="orders")) as reader:
        found = trouble(await observe_one(reader, pool()))
    assert found.reason is UnknownReason.MASTER_NOT_FOUND
    assert (
        "knows no master orders; it knows mymaster: correct spec.redis.sentinel.masterName" in found.message
    )


async def test_an_address_that_cannot_be_reached_is_told() -> None:
    """Sentinels in another network announce addresses of that network."""
    with RedisServer() as gone:
        pass
    with SentinelServer(gone) as lonely:
        endpoint = sentinel_endpoint(Servers(gone, lonely))
        async with reading_at(endpoint) as reader:
            found = trouble(await observe_one(reader, pool()))
    assert found.reason is UnknownReason.CONNECTION_FAILED
    assert (
        f"Redis at 127.0.0.1:{gone.port}, which Sentinel 127.0.0.1:{lonely.port} calls the master mymaster, refuses"
        in found.message
    )
    assert "announce-ip" in found.message


async def test_what_is_no_sentinel_is_told(redis_server: RedisServer) -> None:
    """A Redis in the place of a Sentinel does not know what it is asked."""
    async with reading_at(sentinel_endpoint(Servers(redis_server, redis_server))) as reader:
        found = trouble(await observe_one(reader, pool()))
    assert found.reason is UnknownReason.SERVER_ERROR
    assert "is no Sentinel" in found.message
    assert "spec.redis.sentinel.nodes" in found.message


class Servers:
    """One server and one Sentinel, in the shape of those that belong together."""

    def __init__(self, server: RedisServer, watcher: RedisServer) -> None:
        self.servers, self.sentinels = [server], [watcher]


async def test_each_side_has_a_password_of_its_own() -> None:
    """A missing or a wrong one is told with the field that it belongs to, and neither is ever repeated or sent astray."""
    with RedisSentinels(password=CANARY, sentinel_password=SENTINEL_CANARY) as servers:
        push(servers.master, count=2)
        right = sentinel_endpoint(servers)
        async with reading_at(right) as reader:
            assert counts(await observe_one(reader, pool()))["default"][0] == 2
        told = {}
        for given in (None, CANARY):
            without = tuple(replace(each, password=given) for each in right.sentinels)
            async with reading_at(replace(right, sentinels=without)) as reader:
                told[given] = trouble(await observe_one(reader, pool()))
        async with reading_at(replace(right, password=SENTINEL_CANARY)) as reader:
            wrong = trouble(await observe_one(reader, pool()))
    assert told[None].reason is UnknownReason.AUTHENTICATION_REQUIRED
    assert told[CANARY].reason is UnknownReason.AUTHENTICATION_FAILED
    assert all("spec.redis.sentinel.passwordSecretRef" in each.message for each in told.values())
    assert wrong.reason is UnknownReason.AUTHENTICATION_FAILED
    assert "the Secret that spec.redis.passwordSecretRef names" in wrong.message
    everything = " ".join(each.message for each in (*told.values(), wrong)) + repr(right)
    assert CANARY not in everything
    assert SENTINEL_CANARY not in everything
